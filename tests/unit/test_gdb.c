/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_rsp.c core/gdb_cmd.c core/gdb_cmd_run.c core/gdb_cmd_state.c core/gdb_cmd_thread.c core/gdb_parse.c core/gdb_word.c core/gdb_xml.c */
/* gdb's protocol against a target of two processes with two CPUs. */
#include "tests/unit/gdb_mock.h"

TEST(bad_sum_is_nacked_and_resent_on_nack)
{
	start();
	feed("$?#00", 5);
	CHECK(!strcmp(sent, "-"));
	packet("qAttached");
	CHECK(answered("1"));
	nsent = 0;
	feed("-", 1);
	CHECK(!strcmp(sent, "$1#31"));
}

TEST(noise_between_packets_is_dropped)
{
	start();
	feed("\x80\xff+++abc#zz", 11);
	CHECK_EQ(nsent, 0);
	packet("qAttached");
	CHECK(answered("1"));
}

TEST(a_new_packet_replaces_a_broken_one)
{
	start();
	feed("$m10", 4);
	packet("qAttached");
	CHECK(answered("1"));
}

TEST(too_long_a_packet_is_an_error)
{
	static char big[GDB_PACKET_MAX + 100];

	start();
	memset(big, 'a', sizeof(big) - 1);
	packet(big);
	CHECK(answered("E07"));
	packet("qAttached");
	CHECK(answered("1"));
}

/* What comes with every stop: RBP, RSP, RIP, EFLAGS. */
#define STOP_REGS                                             \
	"6:0000000000000000;7:0000000000000000;10:0000000000" \
	"000000;11:00000000;"

TEST(runs_are_shortened)
{
	static const struct {
		const char memory[5], *line;
	} runs[] = {
		{ "\x12\x34", "+$1234#ca" },
		{ "\0\0", "+$0* #7a" },		 /* four: three again */
		{ "\0\0\0", "+$0*\"#7c" },	 /* six */
		{ "\0\0\0\x01", "+$0*\"01#dd" }, /* seven are said as six */
	};

	raw_line = true;
	for (u32 i = 0; i < ARRAY_SIZE(runs); i++) {
		char cmd[16];

		start();
		memcpy(memory, runs[i].memory, 4);
		snprintf(cmd, sizeof(cmd), "m1000,%u", i < 2 ? 2 : i + 1);
		packet(cmd);
		CHECK(!strcmp(sent, runs[i].line));
	}
	raw_line = false;
	/* any bytes: gdb_mock.h undoes them and checks the sum */
	for (u32 i = 0; i < 2000; i++) {
		char want[2 * sizeof(memory) + 1];
		u32 n = 1 + (u32)(unit_random() % sizeof(memory));
		char cmd[16];

		start();
		for (u32 k = 0; k < n; k++) {
			memory[k] = k && unit_random() % 40 ? memory[k - 1]
							    : (u8)unit_random();
			snprintf(want + 2 * k, 3, "%02x", memory[k]);
		}
		snprintf(cmd, sizeof(cmd), "m1000,%x", n);
		packet(cmd);
		CHECK(answered(want));
	}
	memset(memory, 0, sizeof(memory));
}

TEST(ctrl_c_asks_for_a_stop)
{
	start();
	CHECK(feed("\x03", 1));
	CHECK(!packet("?"));
	CHECK(answered("T02thread:2;" STOP_REGS));
	CHECK(!gdb_rsp_running(&rsp));
}

TEST(multiprocess_and_features)
{
	start();
	packet("qSupported:multiprocess+;swbreak+;xmlRegisters=i386");
	CHECK(strstr(sent, "PacketSize=1000"));
	CHECK(strstr(sent, "multiprocess+"));
	packet("?");
	CHECK(answered("T02thread:p1.2;" STOP_REGS));
	packet("qfThreadInfo");
	CHECK(answered("mp1.1,p1.2,p2.1,p2.2"));
	packet("qsThreadInfo");
	CHECK(answered("l"));
	packet("Hgp2.1");
	CHECK(answered("OK"));
	packet("qC");
	CHECK(answered("QCp2.1"));
	packet("Hgp3.1");
	CHECK(answered("E02"));
	packet("Tp2.2");
	CHECK(answered("OK"));
	packet("Tp2.9");
	CHECK(answered("E02"));
	packet("qThreadExtraInfo,p1.2");
	CHECK(answered("4350552031"));
}

TEST(whole_description_is_well_formed)
{
	static char xml[65536];
	u32 off = 0;

	start();
	packet("?");
	for (;;) {
		char req[64];
		u32 i, n = 0;

		snprintf(req, sizeof(req),
			 "qXfer:features:read:target.xml:%x,ffb", off);
		packet(req);
		CHECK(sent[2] == 'm' || sent[2] == 'l');
		for (i = 3; sent[i] != '#'; i++) {
			char c = sent[i];

			if (c == '}')
				c = (char)(sent[++i] ^ 0x20);
			xml[off + n++] = c;
		}
		off += n;
		if (sent[2] == 'l')
			break;
	}
	CHECK_EQ(off, gdb_xml_size());
	CHECK(strstr(xml, "</target>"));
	CHECK(strstr(xml, "<reg name=\"rip\" bitsize=\"64\""));
}

TEST(registers)
{
	start();
	packet("?");
	rip = 0x1122334455667788;
	packet("p10");
	CHECK(answered("8877665544332211"));
	packet("P10=0100000000000000");
	CHECK(answered("OK"));
	CHECK_EQ(rip, 1);
	packet("p18");
	CHECK(answered("xxxxxxxxxxxxxxxxxxxx"));
	packet("pffff");
	CHECK(answered("E16"));
	packet("P10=01");
	CHECK(answered("E16"));
	packet("P10=010000000000000000");
	CHECK(answered("E16"));
	packet("p10,");
	CHECK(answered("E16"));
	packet("g");
	CHECK_EQ(nsent, 1 + 1 + 2 * (17 * 8 + 7 * 4) + 3);
}

TEST(memory_access)
{
	start();
	packet("?");
	memory[0] = 0xab;
	memory[255] = 0xcd;
	packet("m1000,1");
	CHECK(answered("ab"));
	packet("m10ff,10");
	CHECK(answered("cd"));
	packet("m0,10");
	CHECK(answered("E0e"));
	packet("m1000,0");
	CHECK(answered(""));
	packet("m0,0");
	CHECK(answered(""));
	packet("M1000,2:0102");
	CHECK(answered("OK"));
	CHECK_EQ(memory[1], 2);
	packet("M1000,2:01");
	CHECK(answered("E16"));
	packet("M10ff,2:0102");
	CHECK(answered("E0e"));
	packet("X1000,2:}\x03"
	       "a");
	CHECK(answered("OK"));
	CHECK_EQ(memory[0], '#');
	packet("m1000,ffffffffffffffff");
	CHECK(strlen(sent) > 500);
	packet("m1000");
	CHECK(answered("E16"));
}

/* As gdb's "restore" and "load" do: packets as long as PacketSize. */
TEST(binary_writes_fill_a_packet)
{
	static char body[GDB_PACKET_MAX];
	int head = snprintf(body, sizeof(body), "X2000,fe0:");

	start();
	packet("?");
	memset(body + head, 'a', 0xfe0);
	packet(body);
	CHECK(answered("E0e")); /* no memory there */
	CHECK_EQ(write_len, 0xfe0);
	packet("M1000,fe0:61");
	CHECK(answered("E16"));
}

TEST(breakpoints_and_going_on)
{
	start();
	packet("qSupported:multiprocess+;swbreak+");
	packet("?");
	packet("Z0,1234,1");
	CHECK(answered("OK"));
	packet("Z0,bad,1");
	CHECK(answered("E1c"));
	packet("Z9,1,1");
	CHECK(answered(""));
	packet("Z0,1234,1;X1,00");
	CHECK(answered("E16"));
	packet("Z2,1234,100000001");
	CHECK(answered("E16"));
	packet("vCont?");
	CHECK(answered("vCont;c;C;s;S;t;r"));
	packet("vCont;r1000,1010:p1.1;c");
	CHECK(!strcmp(sent, "+"));
	CHECK_EQ(resumed.n, 2);
	CHECK_EQ(resumed.a[0].action, GDB_STEP);
	CHECK_EQ(resumed.a[0].from, 0x1000);
	CHECK_EQ(resumed.a[0].to, 0x1010);
	CHECK_EQ(resumed.a[0].thread.tid, 1);
	CHECK_EQ(resumed.a[1].action, GDB_CONTINUE);
	CHECK_EQ(resumed.a[1].to, 0);
	packet("vCont;r1000:p1.1");
	CHECK(answered("E16"));
	packet("vCont;s:p1.1;c");
	CHECK(!strcmp(sent, "+"));
	CHECK(gdb_rsp_running(&rsp));
	CHECK_EQ(resumed.n, 2);
	CHECK_EQ(resumed.a[0].action, GDB_STEP);
	CHECK_EQ(resumed.a[0].thread.tid, 1);
	CHECK_EQ(resumed.a[1].thread.tid, GDB_ALL);
	nsent = 0;
	gdb_rsp_stopped(&rsp,
			&(struct gdb_stop){ GDB_STOPPED_SWBREAK, { 2, 1 }, 0 });
	CHECK(!strncmp(sent, "$T05thread:p2.1;swbreak:;6:", 27));
	packet("vCont;x");
	CHECK(answered("E16"));
	packet("vCont");
	CHECK(answered("E16"));
	CHECK(!gdb_rsp_running(&rsp));
}

/* Nobody would ever stop, and gdb wait for ever. */
TEST(going_on_without_a_thread_is_an_error)
{
	static const char *const nobody[] = {
		"vCont;c:p9.-1", "vCont;s:p1.7", "vCont;t",
		"vCont;t;c",	 "vCont;c:p2.1",
	};

	start();
	packet("qSupported:multiprocess+");
	packet("?");
	gone[2] = gone[3] = true;
	for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
		packet(nobody[i]);
		CHECK(answered("E02"));
		CHECK(!gdb_rsp_running(&rsp));
	}
	CHECK_EQ(resumes, 0);
	packet("vCont;t:p1.1;c");
	CHECK(gdb_rsp_running(&rsp));
	packet("?");
	packet("vCont;c:p9.-1;s:p1.2");
	CHECK(gdb_rsp_running(&rsp));
}

/* An L2 that is on no CPU: what is meant for it never goes to L1. */
TEST(a_process_that_is_away_keeps_its_breakpoints)
{
	start();
	packet("qSupported:multiprocess+");
	packet("?");
	gone[2] = gone[3] = true;
	packet("Hgp2.1");
	CHECK(answered("E02"));
	packet("Z0,1000,1");
	CHECK(answered("OK"));
	CHECK_EQ(break_pid, 2);
	packet("z0,1000,1");
	CHECK(answered("OK"));
	CHECK_EQ(break_pid, 2);
	packet("m1000,1");
	CHECK(answered("E16"));
	packet("M1000,1:00");
	CHECK(answered("E16"));
	packet("p10");
	CHECK(answered("xxxxxxxxxxxxxxxx"));
	packet("P10=0100000000000000");
	CHECK(answered("E16"));
	packet("qRcmd,68656c70"); /* not said of a thread */
	CHECK(strstr(sent, "$OK#9a"));
	gone[3] = false; /* on its other CPU */
	packet("Z0,1000,1");
	CHECK(answered("OK"));
	CHECK_EQ(break_pid, 2);
	gone[2] = false;
	packet("Hgp1.1");
	packet("Z0,1000,1");
	CHECK_EQ(break_pid, 1);
}

TEST(watchpoint_stop_names_the_address)
{
	start();
	packet("?");
	packet("c");
	nsent = 0;
	gdb_rsp_stopped(&rsp, &(struct gdb_stop){
				      GDB_STOPPED_AWATCH, { 1, 1 }, 0xdead });
	CHECK(strstr(sent, "awatch:dead;"));
}

/* gdb hears of the end of what it knows, and asks L1 next. */
TEST(processes_end)
{
	struct gdb_stop end = { GDB_EXITED, { 2, 1 }, 0 };

	start();
	packet("qSupported:multiprocess+");
	packet("?");
	CHECK(gdb_rsp_knows(&rsp, 1));
	CHECK(!gdb_rsp_knows(&rsp, 2));
	packet("qfThreadInfo");
	CHECK(gdb_rsp_knows(&rsp, 2));
	packet("vCont;c");
	nsent = 0;
	gone[2] = gone[3] = true;
	gdb_rsp_stopped(&rsp, &end);
	CHECK(!strcmp(sent, "$W00;process:2#5d"));
	CHECK(!gdb_rsp_running(&rsp));
	CHECK(!gdb_rsp_knows(&rsp, 2));
	CHECK(gdb_rsp_knows(&rsp, 1));
	packet("qC");
	CHECK(answered("QCp1.1"));
	packet("vCont;c");
	nsent = 0;
	end = (struct gdb_stop){ GDB_KILLED, { 1, 1 }, 0 };
	gdb_rsp_stopped(&rsp, &end);
	CHECK(!strcmp(sent, "$X0b;process:1#8f"));
	/* what gdb has let go of, it does not know; nor does a new gdb */
	packet("qfThreadInfo");
	CHECK(gdb_rsp_knows(&rsp, 1));
	packet("D;1");
	CHECK(!gdb_rsp_knows(&rsp, 1));
	packet("?");
	packet("qSupported:swbreak+");
	CHECK(!gdb_rsp_knows(&rsp, 1));
	/* without the extension there is one process, L1 */
	gone[2] = false;
	packet("qfThreadInfo");
	CHECK(gdb_rsp_knows(&rsp, 1));
	CHECK(!gdb_rsp_knows(&rsp, 2));
	packet("vCont;c");
	nsent = 0;
	gdb_rsp_stopped(&rsp, &end);
	CHECK(!strcmp(sent, "$X0b#ea"));
}

TEST(a_shared_port_is_a_terminals_between_sessions)
{
	start();
	rsp.shared = true;
	CHECK(!feed("\x03", 1));
	CHECK(gdb_rsp_running(&rsp));
	CHECK(!feed("ls\r", 3));
	CHECK_EQ(nsent, 0);
	packet("?");
	packet("c");
	CHECK(feed("\x03", 1));
	CHECK(rsp.attached);
	feed("\r", 1); /* gdb is gone, somebody is at the keyboard */
	CHECK(!rsp.attached);
	CHECK(!feed("\x03", 1));
	packet("qAttached");
	CHECK(rsp.attached);
}

TEST(detach_and_kill_end_the_session)
{
	start();
	packet("qSupported:multiprocess+");
	packet("?");
	packet("QStartNoAckMode");
	packet("qAttached");
	CHECK(!strcmp(sent, "$1#31"));
	packet("D;1");
	CHECK(!strcmp(sent, "$OK#9a"));
	CHECK(gdb_rsp_running(&rsp));
	CHECK(!rsp.attached && !rsp.no_ack);
	CHECK_EQ(detaches, 1);
	packet("?");
	packet("vKill;2"); /* L1's to end */
	CHECK(answered("E16"));
	CHECK_EQ(kills, 0);
	packet("vKill;1");
	CHECK(answered("OK"));
	CHECK_EQ(kills, 1);
}

/* A gdb that came without an end of the last one: with and without
 * acknowledgements. */
TEST(a_new_gdb_finds_nothing_of_the_last_one)
{
	for (u32 no_ack = 0; no_ack < 2; no_ack++) {
		start();
		packet("qSupported:multiprocess+");
		packet("?");
		if (no_ack)
			packet("QStartNoAckMode");
		detaches = 0;
		packet("qSupported:multiprocess+");
		CHECK_EQ(detaches, 1);
		CHECK(!rsp.no_ack);
	}
}

TEST(processes_may_be_let_go_in_any_order)
{
	start();
	packet("qSupported:multiprocess+");
	packet("?");
	packet("D;2");
	CHECK(!gdb_rsp_running(&rsp) && rsp.attached);
	packet("D;1");
	CHECK(gdb_rsp_running(&rsp) && !rsp.attached);
	packet("?");
	packet("D;1");
	CHECK(gdb_rsp_running(&rsp));
	packet("D;2");
	CHECK(answered("OK"));
	CHECK(gdb_rsp_running(&rsp) && !rsp.attached);
	packet("?"); /* a new session */
	packet("D;2");
	CHECK(!gdb_rsp_running(&rsp));
}

TEST(what_follows_the_detach_of_l1_does_not_stop_it)
{
	/* is an L2 alive, its breakpoints, its memory, its own detach */
	static const char *const parting[] = {
		"Tp2.1",	"Hgp2.1", "Tp9.1", "z0,1000,1", "m1000,4",
		"qfThreadInfo", "qC",	  "D;2",   "D;9",	"Tp1.1",
	};
	/* a new gdb, and one that goes on with an L2 */
	static const char *const begin[] = { "qSupported:multiprocess+", "?" };

	start();
	packet("qSupported:multiprocess+");
	packet("?");
	packet("QStartNoAckMode");
	packet("D;1");
	for (size_t i = 0; i < ARRAY_SIZE(parting); i++) {
		packet(parting[i]);
		CHECK(sent[0]);
		CHECK(gdb_rsp_running(&rsp) && !rsp.attached);
	}
	for (size_t i = 0; i < ARRAY_SIZE(begin); i++) {
		packet(begin[i]);
		CHECK(!gdb_rsp_running(&rsp) && rsp.attached);
		packet("Tp1.1");
		CHECK(!gdb_rsp_running(&rsp) && rsp.attached);
		packet("D;1");
		CHECK(gdb_rsp_running(&rsp) && !rsp.attached);
	}
	packet("vCont;c");
	CHECK(gdb_rsp_running(&rsp) && rsp.attached);
	packet("D;2"); /* of the L2 that it went on with */
	CHECK(gdb_rsp_running(&rsp) && !rsp.attached);
}

TEST(monitor_text)
{
	start();
	packet("?");
	packet("qRcmd,68656c70");
	CHECK(!strcmp(last_monitor, "help"));
	CHECK(strstr(sent, "$O68690a#"));
	CHECK(strstr(sent, "$OK#9a"));
	packet("qRcmd,6");
	CHECK(answered("E16"));
}

TEST(nothing_is_sent_of_a_stop_without_gdb)
{
	start();
	gdb_rsp_stopped(&rsp,
			&(struct gdb_stop){ GDB_STOPPED_TRAP, { 1, 1 }, 0 });
	CHECK_EQ(nsent, 0);
}
