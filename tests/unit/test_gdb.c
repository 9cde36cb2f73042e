/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_rsp.c core/gdb_cmd.c core/gdb_cmd_run.c core/gdb_cmd_state.c core/gdb_cmd_thread.c core/gdb_parse.c core/gdb_xml.c */
/* gdb's protocol against a target of two processes with two CPUs. */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/gdb_cmd.h"
#include "core/gdb_regs.h"
#include "core/gdb_rsp.h"

#define MEM_BASE 0x1000u

static struct gdb_rsp rsp;
static char sent[65536];
static u32 nsent;
static u8 memory[256];
static u64 rip;
static struct gdb_resume resumed;
static u32 resumes, detaches, kills, breakpoints;
static char last_monitor[256];
static const struct gdb_thread threads[] = {
	{ 1, 1 }, { 1, 2 }, { 2, 1 }, { 2, 2 }
};

static void t_put(void *ctx, u8 c)
{
	if (nsent < sizeof(sent) - 1)
		sent[nsent++] = (char)c;
	sent[nsent] = 0;
}

static bool t_next(void *ctx, struct gdb_thread *t)
{
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++) {
		if (t->pid == 0) {
			*t = threads[0];
			return true;
		}
		if (t->pid == threads[i].pid && t->tid == threads[i].tid) {
			if (i + 1 == ARRAY_SIZE(threads))
				return false;
			*t = threads[i + 1];
			return true;
		}
	}
	return false;
}

static void t_info(void *ctx, struct gdb_thread t, char *buf, size_t size)
{
	snprintf(buf, size, "CPU %u", t.tid - 1);
}

static int t_reg_read(void *ctx, struct gdb_thread t, u32 n, u8 *buf)
{
	u32 size = gdb_regs[n].bits / 8;

	if (n == GDB_R_st0)
		return -ENOENT;
	memset(buf, (int)n, size);
	if (n == GDB_R_rip)
		memcpy(buf, &rip, 8);
	return (int)size;
}

static int t_reg_write(void *ctx, struct gdb_thread t, u32 n, const u8 *buf,
		       u32 size)
{
	if (n == GDB_R_rip)
		memcpy(&rip, buf, 8);
	return size == gdb_regs[n].bits / 8 ? 0 : -EINVAL;
}

static int t_mem_read(void *ctx, struct gdb_thread t, u64 addr, u8 *buf,
		      u32 len)
{
	if (addr < MEM_BASE || addr >= MEM_BASE + sizeof(memory))
		return -EFAULT;
	len = (u32)MIN(len, MEM_BASE + sizeof(memory) - addr);
	memcpy(buf, memory + addr - MEM_BASE, len);
	return (int)len;
}

static int t_mem_write(void *ctx, struct gdb_thread t, u64 addr, const u8 *buf,
		       u32 len)
{
	if (addr < MEM_BASE || len > sizeof(memory) ||
	    addr - MEM_BASE > sizeof(memory) - len)
		return -EFAULT;
	memcpy(memory + addr - MEM_BASE, buf, len);
	return 0;
}

static int t_break(void *ctx, struct gdb_thread t, enum gdb_bp_type type,
		   u64 addr, u32 kind, bool insert)
{
	breakpoints += insert ? 1 : -1u;
	return addr == 0xbad ? -ENOSPC : 0;
}

static void t_resume(void *ctx, const struct gdb_resume *r)
{
	resumed = *r;
	resumes++;
}

static void t_detach(void *ctx, u32 pid)
{
	detaches++;
}

static void t_kill(void *ctx, u32 pid)
{
	kills++;
}

static int t_monitor(void *ctx, struct gdb_thread t, const char *line)
{
	snprintf(last_monitor, sizeof(last_monitor), "%s", line);
	gdb_rsp_console(&rsp, "hi\n");
	return 0;
}

static void t_why(void *ctx, struct gdb_stop *s)
{
	*s = (struct gdb_stop){ GDB_STOPPED_INT, { 1, 2 }, 0 };
}

static const struct gdb_ops ops = {
	.put = t_put,
	.thread_next = t_next,
	.thread_info = t_info,
	.reg_read = t_reg_read,
	.reg_write = t_reg_write,
	.mem_read = t_mem_read,
	.mem_write = t_mem_write,
	.breakpoint = t_break,
	.resume = t_resume,
	.detach = t_detach,
	.kill = t_kill,
	.monitor = t_monitor,
	.why = t_why,
};

static void start(void)
{
	gdb_rsp_init(&rsp, &ops, NULL);
	nsent = 0;
	sent[0] = 0;
}

static bool feed(const char *s, size_t n)
{
	bool stop = false;

	for (size_t i = 0; i < n; i++)
		stop |= gdb_rsp_byte(&rsp, (u8)s[i]);
	return stop;
}

/* Send @body as a packet; the bytes that come back are in sent[]. */
static bool packet(const char *body)
{
	char buf[8192];
	u8 sum = 0;
	int n;

	for (const char *p = body; *p; p++)
		sum += (u8)*p;
	n = snprintf(buf, sizeof(buf), "$%s#%02x", body, sum);
	nsent = 0;
	sent[0] = 0;
	return feed(buf, (size_t)n);
}

/* Is "+$body#sum" what came back? */
static bool answered(const char *body)
{
	char want[8192];
	u8 sum = 0;

	for (const char *p = body; *p; p++)
		sum += (u8)*p;
	snprintf(want, sizeof(want), "+$%s#%02x", body, sum);
	if (!strcmp(want, sent))
		return true;
	printf("  sent %s, expected %s\n", sent, want);
	return false;
}

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
	CHECK(answered("E7"));
	packet("qAttached");
	CHECK(answered("1"));
}

TEST(ctrl_c_asks_for_a_stop)
{
	start();
	CHECK(feed("\x03", 1));
	CHECK(!packet("?"));
	CHECK(answered("T02thread:2;"));
	CHECK(!gdb_rsp_running(&rsp));
}

TEST(multiprocess_and_features)
{
	start();
	packet("qSupported:multiprocess+;swbreak+;xmlRegisters=i386");
	CHECK(strstr(sent, "PacketSize=1000"));
	CHECK(strstr(sent, "multiprocess+"));
	packet("?");
	CHECK(answered("T02thread:p1.2;"));
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
	packet("vCont?");
	CHECK(answered("vCont;c;C;s;S;t"));
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
	CHECK(!strncmp(sent, "$T05thread:p2.1;swbreak:;#", 26));
	packet("vCont;x");
	CHECK(answered("E16"));
	packet("vCont");
	CHECK(answered("E16"));
	CHECK(!gdb_rsp_running(&rsp));
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
	packet("vKill;1");
	CHECK(answered("OK"));
	CHECK_EQ(kills, 1);
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

/* Any bytes at all: no fault, and a good packet is answered afterwards. */
TEST(random_bytes)
{
	static const char letters[] =
		"$#}*?gGmMpPqQvzZXHTcsDk;:,.p-0123abf\x03";

	start();
	for (u32 i = 0; i < 300000; i++) {
		u64 x = unit_random();

		gdb_rsp_byte(&rsp,
			     x & 0x100 ? (u8)x
				       : (u8)letters[(x >> 16) %
						     (sizeof(letters) - 1)]);
		if (nsent > sizeof(sent) / 2)
			nsent = 0;
	}
	feed("#00", 3);
	rsp.no_ack = false;
	packet("qAttached");
	CHECK(answered("1"));
}

/* Good frames with random bodies reach every command's parser. */
TEST(random_bodies)
{
	static const char *const heads[] = {
		"m",
		"M",
		"X",
		"p",
		"P",
		"g",
		"G",
		"Hg",
		"Hc",
		"T",
		"Z0,",
		"z1,",
		"vCont;",
		"vCont",
		"qRcmd,",
		"qThreadExtraInfo,",
		"qXfer:features:read:target.xml:",
		"qSupported:",
		"D;",
		"vKill;",
		"s",
		"c",
		"?",
		"qfThreadInfo",
		"qsThreadInfo",
	};
	static const char letters[] = "0123456789abcdefp.-,:;=sct";

	start();
	for (u32 i = 0; i < 20000; i++) {
		char body[64];
		u32 n = (u32)snprintf(body, sizeof(body), "%s",
				      heads[unit_random() % ARRAY_SIZE(heads)]);
		u32 more = (u32)(unit_random() % 24);

		while (more-- && n < sizeof(body) - 1)
			body[n++] =
				letters[unit_random() % (sizeof(letters) - 1)];
		body[n] = 0;
		packet(body);
		CHECK(nsent > 0);
	}
}
