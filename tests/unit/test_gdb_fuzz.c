/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_rsp.c core/gdb_cmd.c core/gdb_cmd_run.c core/gdb_cmd_state.c core/gdb_cmd_thread.c core/gdb_parse.c core/gdb_word.c core/gdb_xml.c */
/*
 * gdb's protocol under packets that a grammar makes, whole ones and broken
 * ones, on a line that loses, adds and changes bytes. Each is to be answered
 * as the protocol says; ASan and UBSan watch.
 */
#include <stdarg.h>

#include "tests/unit/gdb_mock.h"

static u32 pick(u32 n)
{
	return (u32)(unit_random() % n);
}

/* --- packets --------------------------------------------------------------- */

struct body {
	u32 n;
	u8 c[2 * GDB_PACKET_MAX];
};

static void add_byte(struct body *b, u8 c)
{
	if (b->n < sizeof(b->c))
		b->c[b->n++] = c;
}

static void add(struct body *b, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *p = text; *p; p++)
		add_byte(b, (u8)*p);
}

static u64 some_number(void)
{
	static const u64 edges[] = { 0,		 1,	     2,
				     3,		 0x10,	     0x7f,
				     0xff,	 0xfff,	     0x1000,
				     0x7fffffff, 0xffffffff, 0x100000000,
				     1ull << 63, ~0ull - 1,  ~0ull };

	return pick(3) ? edges[pick(ARRAY_SIZE(edges))]
		       : unit_random() >> pick(64);
}

static void add_number(struct body *b)
{
	if (pick(16))
		add(b, pick(8) ? "%llx" : "%018llx",
		    (unsigned long long)some_number());
	else if (pick(2)) /* more than 64 bits */
		add(b, "1%016llx", (unsigned long long)some_number());
}

static void add_thread(struct body *b)
{
	static const char *const ids[] = { "-1",   "0",	   "1",	   "2",
					   "9",	   "p1.1", "p1.2", "p2.1",
					   "p2.2", "p3.1", "p1",   "p2.-1",
					   "p0.0", "p-1",  "p1.0", "p-1.-1",
					   "p",	   "p1.",  ".1",   "" };

	if (pick(12)) {
		add(b, "%s", ids[pick(ARRAY_SIZE(ids))]);
		return;
	}
	add(b, "p");
	add_number(b);
	add(b, ".");
	add_number(b);
}

static void add_hex(struct body *b, u32 bytes)
{
	while (bytes--)
		add(b, "%02x", pick(256));
}

/* Bytes of a write: most fit the memory. */
static u32 some_length(void)
{
	if (!pick(16)) /* about as many as a packet can have */
		return GDB_PACKET_MAX / 2 - 20 + pick(24);
	return pick(8) ? pick(32) : pick(3000);
}

static void add_words(struct body *b)
{
	static const char *const words[] = { "multiprocess+;",
					     "swbreak+;",
					     "hwbreak+;",
					     "xmlRegisters=i386;",
					     "vContSupported+;",
					     "multiprocess+",
					     ";;",
					     "qRelocInsn-" };

	for (u32 n = pick(6); n--;)
		add(b, "%s", words[pick(ARRAY_SIZE(words))]);
}

static void add_actions(struct body *b)
{
	for (u32 n = pick(8) ? pick(5) : pick(40); n--;) {
		char op = "cCsStrx"[pick(pick(8) ? 6 : 7)];

		add(b, ";%c", op);
		if (op == 'r' && pick(8)) {
			add_number(b);
			add(b, ",");
			add_number(b);
		} else if (pick(4) == 0) {
			add_number(b);
		}
		if (pick(2)) {
			add(b, ":");
			add_thread(b);
		}
	}
}

static void add_all_registers(struct body *b)
{
	u32 n = pick(8) ? 24 : pick(30);

	for (u32 i = 0; i < n; i++)
		add_hex(b, gdb_regs[i].bits / 8);
}

static void add_part(struct body *b, char what)
{
	u32 n;

	switch (what) {
	case 'a': /* address */
		if (pick(4))
			add(b, "%x", MEM_BASE + pick(sizeof(memory)));
		else
			add_number(b);
		break;
	case 'n':
		add_number(b);
		break;
	case 'i':
		add_thread(b);
		break;
	case 'q': /* number of a register */
		add(b, "%x", pick(gdb_nregs + 2));
		break;
	case 'h':
		add_hex(b, pick(16) ? pick(60) : pick(1500));
		break;
	case 'M': /* length, data as digits */
		n = some_length();
		add(b, "%x:", n);
		add_hex(b, n);
		break;
	case 'X': /* and as bytes */
		n = some_length();
		add(b, "%x:", n);
		while (n--)
			add_byte(b, (u8)pick(256));
		break;
	case 'r': /* register, its value */
		n = pick(gdb_nregs);
		add(b, "%x=", n);
		add_hex(b, gdb_regs[n].bits / 8);
		break;
	case 'G':
		add_all_registers(b);
		break;
	case 's':
		add_words(b);
		break;
	case 'v':
		add_actions(b);
		break;
	}
}

/* What a packet is answered by, besides an error or nothing at all. */
enum reply {
	R_OK,
	R_HEX,	  /* pairs of digits, or of x */
	R_STOP,	  /* T or W */
	R_LIST,	  /* m or l */
	R_TEXT,	  /* whatever */
	R_NOTHING /* it goes on: no reply yet, or an error */
};

static const struct rule {
	const char *pattern; /* %x: add_part() */
	enum reply reply;
	bool no_error;
} rules[] = {
	{ "?", R_STOP, true },
	{ "D", R_OK, true },
	{ "D;%n", R_OK, false },
	{ "G%G", R_OK, false },
	{ "Hg%i", R_OK, false },
	{ "Hc%i", R_OK, false },
	{ "H%n%i", R_OK, false },
	{ "H", R_OK, false },
	{ "M%a,%M", R_OK, false },
	{ "M%a,%n:%h", R_OK, false },
	{ "P%r", R_OK, false },
	{ "P%q=%h", R_OK, false },
	{ "P%n=%h", R_OK, false },
	{ "QStartNoAckMode", R_OK, true },
	{ "T%i", R_OK, false },
	{ "X%a,%X", R_OK, false },
	{ "X%a,%n:%h", R_OK, false },
	{ "Z0,%a,1", R_OK, false },
	{ "Z1,%a,1", R_OK, false },
	{ "Z2,%a,%n", R_OK, false },
	{ "Z3,%a,%n", R_OK, false },
	{ "Z4,%a,%n", R_OK, false },
	{ "Z%n,%a,%n", R_OK, false },
	{ "z%n,%a,%n", R_OK, false },
	{ "c", R_NOTHING, false },
	{ "c%a", R_NOTHING, false },
	{ "s", R_NOTHING, false },
	{ "g", R_HEX, false },
	{ "k", R_NOTHING, false },
	{ "m%a,%n", R_HEX, false },
	{ "p%q", R_HEX, false },
	{ "p%n", R_HEX, false },
	{ "qAttached", R_TEXT, true },
	{ "qC", R_TEXT, false },
	{ "qRcmd,%h", R_OK, false },
	{ "qSupported:%s", R_TEXT, true },
	{ "qSymbol::", R_OK, true },
	{ "qThreadExtraInfo,%i", R_HEX, false },
	{ "qXfer:features:read:target.xml:%n,%n", R_LIST, false },
	{ "qXfer:features:read:%h:%n,%n", R_LIST, false },
	{ "qXfer:memory-map:read::0,fff", R_TEXT, true },
	{ "qfThreadInfo", R_LIST, true },
	{ "qsThreadInfo", R_LIST, true },
	{ "vCont?", R_TEXT, true },
	{ "vCont%v", R_NOTHING, false },
	{ "vKill", R_OK, false },
	{ "vKill;%n", R_OK, false },
	{ "vMustReplyEmpty", R_TEXT, true },
	{ "vRun;%h", R_TEXT, true },
	{ "!", R_TEXT, true },
};

static const struct rule *make(struct body *b)
{
	const struct rule *r = &rules[pick(ARRAY_SIZE(rules))];

	b->n = 0;
	for (const char *p = r->pattern; *p; p++) {
		if (*p == '%')
			add_part(b, *++p);
		else
			add_byte(b, (u8)*p);
	}
	return r;
}

/* One to three bytes lost, doubled, changed or put in; or the end lost. */
static void mutate(struct body *b)
{
	static const u8 likely[] = "0:;,.=-p#$}*+\x03\x7f";

	for (u32 times = 1 + pick(3); times-- && b->n;) {
		u32 at = pick(b->n);

		switch (pick(5)) {
		case 0:
			memmove(b->c + at, b->c + at + 1, --b->n - at);
			break;
		case 1:
			if (b->n == sizeof(b->c))
				break;
			memmove(b->c + at + 1, b->c + at, b->n++ - at);
			break;
		case 2:
			b->c[at] = (u8)pick(256);
			break;
		case 3:
			b->c[at] = likely[pick(sizeof(likely) - 1)];
			break;
		default:
			b->n = at;
			break;
		}
	}
}

/* --- the line -------------------------------------------------------------- */

struct frame {
	u32 n;
	char c[4 * GDB_PACKET_MAX + 8];
};

static void frame(const struct body *b, struct frame *f)
{
	u8 sum = 0;

	f->n = 0;
	f->c[f->n++] = '$';
	for (u32 i = 0; i < b->n; i++) {
		u8 c = b->c[i];

		if (c == '#' || c == '$' || c == '}') {
			f->c[f->n++] = '}';
			sum += '}';
			c ^= 0x20;
		}
		f->c[f->n++] = (char)c;
		sum += c;
	}
	f->n += (u32)snprintf(f->c + f->n, 4, "#%02x", sum);
}

/* What came back. */
struct heard {
	u32 acks, naks, replies, consoles;
	u32 n;
	char last[GDB_PACKET_MAX + 1]; /* reply */
};

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *p = strchr(digits, c);

	return c && p ? (int)(p - digits) : -1;
}

/* The packet at @at of sent[]: behind it, or 0: it is none. */
static u32 hear_packet(struct heard *h, u32 at)
{
	u32 begin = ++at;
	u8 sum = 0;

	while (at < nsent && sent[at] != '#' && sent[at] != '$')
		sum += (u8)sent[at++];
	if (at + 3 > nsent || sent[at] != '#' ||
	    digit(sent[at + 1]) << 4 != (sum & 0xf0) ||
	    digit(sent[at + 2]) != (sum & 15) || at - begin > GDB_PACKET_MAX)
		return 0;
	if (sent[begin] == 'O' && sent[begin + 1] != 'K') {
		h->consoles++;
		return at + 3;
	}
	h->replies++;
	h->n = at - begin;
	memcpy(h->last, sent + begin, h->n);
	h->last[h->n] = 0;
	return at + 3;
}

static bool hear(struct heard *h)
{
	u32 at = 0;

	memset(h, 0, sizeof(*h));
	while (at < nsent) {
		h->acks += sent[at] == '+';
		h->naks += sent[at] == '-';
		if (sent[at] == '$')
			at = hear_packet(h, at);
		else if (sent[at] == '+' || sent[at] == '-')
			at++;
		else
			return false;
		if (!at)
			return false;
	}
	return true;
}

static bool send(const struct frame *f, struct heard *h)
{
	nsent = 0;
	sent[0] = 0;
	(void)feed(f->c, f->n);
	return hear(h);
}

/* --- are the answers those of the protocol? -------------------------------- */

static bool is_error(const struct heard *h)
{
	return h->n == 3 && h->last[0] == 'E' && digit(h->last[1]) >= 0 &&
	       digit(h->last[2]) >= 0;
}

static bool all_hex(const struct heard *h)
{
	for (u32 i = 0; i < h->n; i++)
		if (digit(h->last[i]) < 0 && h->last[i] != 'x')
			return false;
	return !(h->n & 1);
}

static bool fits(const struct rule *r, const struct heard *h)
{
	if (!r->no_error && (is_error(h) || !h->n))
		return true; /* the latter: an unknown kind of Z */
	switch (r->reply) {
	case R_OK:
		return !strcmp(h->last, "OK");
	case R_HEX:
		return all_hex(h);
	case R_STOP:
		return h->last[0] == 'T' || h->last[0] == 'W';
	case R_LIST:
		return h->last[0] == 'm' || h->last[0] == 'l';
	case R_TEXT:
		return true;
	default:
		return false;
	}
}

static bool starts(const struct body *b, const char *s)
{
	size_t n = strlen(s);

	return b->n >= n && !memcmp(b->c, s, n);
}

static void show(const struct body *b, const struct heard *h)
{
	printf("  sent %u bytes: %.*s\n  heard %u acks, %u naks, %u replies: "
	       "%s\n",
	       b->n, (int)b->n, (const char *)b->c, h->acks, h->naks,
	       h->replies, h->last);
}

/* One packet with a good sum: an ack unless they are off, one answer unless
 * the target goes on. */
static void exchange(const struct body *b, const struct rule *r)
{
	bool acks = !rsp.no_ack || starts(b, "qSupported");
	bool kill = b->n <= GDB_PACKET_MAX && starts(b, "k");
	u32 before = resumes;
	static struct frame f;
	struct heard h;
	bool went, ok;

	frame(b, &f);
	ok = send(&f, &h);
	went = kill || resumes != before;
	ok = ok && h.acks == acks && !h.naks && h.replies == !went &&
	     (went || !r || fits(r, &h));
	if (!ok)
		show(b, &h);
	CHECK(ok);
}

/* The target comes to a stop that gdb waits for, or not. */
static void maybe_stop(void)
{
	struct gdb_stop s = { (enum gdb_stop_kind)pick(GDB_EXITED + 1),
			      threads[pick(ARRAY_SIZE(threads))],
			      some_number() };
	bool waits = rsp.running && rsp.attached;
	struct heard h;

	if (!there(s.thread) && s.kind != GDB_EXITED)
		return;
	nsent = 0;
	gdb_rsp_stopped(&rsp, &s);
	CHECK(hear(&h) && !h.acks && !h.naks && h.replies == waits);
	CHECK(!waits || h.last[0] == 'T' || h.last[0] == 'W');
	CHECK(!gdb_rsp_running(&rsp));
}

/* A good packet is answered whatever was before. */
static void still_there(void)
{
	struct body b = { .n = 0 };
	static const struct rule r = { "", R_TEXT, true };

	rsp.no_ack = false;
	add(&b, "qAttached");
	exchange(&b, &r);
	CHECK(!strcmp(sent, "+$1#31"));
}

static void l2_comes_or_goes(void)
{
	u32 i = pick(ARRAY_SIZE(threads));

	if (threads[i].pid != 1)
		gone[i] = !gone[i];
}

TEST(whole_packets)
{
	static struct body b;

	start();
	for (u32 i = 0; i < 40000; i++) {
		const struct rule *r = make(&b);

		exchange(&b, b.n <= GDB_PACKET_MAX ? r : NULL);
		if (gdb_rsp_running(&rsp) || !pick(50))
			maybe_stop();
		if (!pick(20))
			l2_comes_or_goes();
		if (!pick(100))
			gdb_rsp_console(&rsp, "L0 says a word\n");
	}
	memset(gone, 0, sizeof(gone));
	still_there();
}

TEST(broken_packets)
{
	static struct body b;

	start();
	for (u32 i = 0; i < 60000; i++) {
		(void)make(&b);
		mutate(&b);
		exchange(&b, NULL);
		if (gdb_rsp_running(&rsp) && pick(2))
			maybe_stop();
		if (!pick(20))
			l2_comes_or_goes();
	}
	memset(gone, 0, sizeof(gone));
	still_there();
}

/* --- a line that harms ------------------------------------------------------ */

/* What a packet that did not come whole must not have done. */
static u64 deeds(void)
{
	u64 sum = resumes;

	sum = sum * 31 + detaches;
	sum = sum * 31 + kills;
	sum = sum * 31 + breakpoints;
	sum = sum * 31 + mem_sum;
	for (u32 i = 0; i < sizeof(regs); i++)
		sum = sum * 31 + ((const u8 *)regs)[i];
	return sum;
}

static void drop_at(struct frame *f, u32 at, u32 n)
{
	memmove(f->c + at, f->c + at + n, f->n - at - n);
	f->n -= n;
}

TEST(a_wrong_sum_does_nothing)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 3000; i++) {
		u64 before = deeds();

		(void)make(&b);
		if (b.n > GDB_PACKET_MAX)
			continue;
		frame(&b, &f);
		rsp.no_ack = pick(2);
		f.c[f.n - 1 - pick(2)] ^= (char)(1 << pick(3));
		CHECK(send(&f, &h) && !h.acks && !h.replies &&
		      h.naks == !rsp.no_ack);
		CHECK_EQ(deeds(), before);
	}
	still_there();
}

TEST(a_lost_end_does_nothing)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 2000; i++) {
		u64 before = deeds();
		u32 keep;

		(void)make(&b);
		frame(&b, &f);
		keep = pick(f.n); /* not the whole of it */
		drop_at(&f, keep, f.n - keep);
		CHECK(send(&f, &h) && !h.acks && !h.replies && !h.naks);
		CHECK_EQ(deeds(), before);
		still_there(); /* the next packet begins anew */
	}
}

TEST(too_long_a_packet_does_nothing)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 300; i++) {
		u64 before = deeds();

		(void)make(&b);
		while (b.n <= GDB_PACKET_MAX + pick(20))
			add_byte(&b, (u8)pick(256));
		frame(&b, &f);
		CHECK(send(&f, &h) && h.replies == 1 && is_error(&h));
		CHECK_EQ(deeds(), before);
		rsp.no_ack = false;
	}
	still_there();
}

/* Noise before and behind; what looks like a packet's begin swallows one. */
TEST(noise_around_packets)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 5000; i++) {
		u64 before;

		nsent = 0;
		for (u32 n = pick(20); n--;) {
			u8 c = (u8)pick(256);

			if (c != '$' && c != '-' && c != 3)
				CHECK(!gdb_rsp_byte(&rsp, c));
		}
		CHECK_EQ(nsent, 0);
		b.n = 0;
		add(&b, "m%x,%x", MEM_BASE + pick(100), 1 + pick(100));
		frame(&b, &f);
		rsp.no_ack = pick(2);
		CHECK(send(&f, &h) && h.replies == 1 && all_hex(&h));
		CHECK_EQ(h.acks, !rsp.no_ack);
		/* a byte of it changed on the way */
		before = deeds();
		f.c[1 + pick(f.n - 3)] ^= (char)(1 << pick(7));
		(void)send(&f, &h);
		CHECK_EQ(deeds(), before);
		CHECK(feed("#00", 3) == false);
	}
	still_there();
}

TEST(ctrl_c_between_packets_only)
{
	static struct body b;
	static struct frame f;

	start();
	still_there();
	for (u32 i = 0; i < 2000; i++) {
		u32 at;

		CHECK(feed("\x03", 1));
		(void)make(&b);
		frame(&b, &f);
		/* within it, it is a byte of it */
		at = 1 + pick(f.n - 3);
		memmove(f.c + at + 1, f.c + at, f.n++ - at);
		f.c[at] = 3;
		CHECK(!feed(f.c, f.n));
		rsp.no_ack = false;
		rsp.shared = pick(2);
		rsp.attached = true;
	}
	still_there();
}

TEST(a_nak_brings_the_answer_again)
{
	static char first[sizeof(sent)];
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 3000; i++) {
		const struct rule *r = make(&b);

		rsp.no_ack = false;
		if (r->reply == R_NOTHING || b.n > GDB_PACKET_MAX)
			continue;
		frame(&b, &f);
		CHECK(send(&f, &h));
		if (h.consoles || rsp.no_ack)
			continue;
		memcpy(first, sent + 1, nsent); /* but for the ack */
		nsent = 0;
		CHECK(!feed("-", 1));
		CHECK(!strcmp(first, sent));
	}
}

/* Any bytes at all, of packets' letters and others. */
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
	still_there();
}

/* --- is what was said what is done? ----------------------------------------- */

TEST(what_is_written_is_read)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 5000; i++) {
		u32 at = pick(sizeof(memory)),
		    n = 1 + pick((u32)sizeof(memory) - at);
		char want[2 * sizeof(memory) + 1];
		u8 data[sizeof(memory)];
		bool binary = pick(2);

		b.n = 0;
		add(&b, "%c%x,%x:", binary ? 'X' : 'M', MEM_BASE + at, n);
		for (u32 k = 0; k < n; k++) {
			data[k] = (u8)pick(256);
			if (binary)
				add_byte(&b, data[k]);
			else
				add(&b, pick(2) ? "%02x" : "%02X", data[k]);
			snprintf(want + 2 * k, 3, "%02x", data[k]);
		}
		frame(&b, &f);
		CHECK(send(&f, &h) && !strcmp(h.last, "OK"));
		CHECK(!memcmp(memory + at, data, n));
		b.n = 0;
		add(&b, "m%x,%x", MEM_BASE + at, n);
		frame(&b, &f);
		CHECK(send(&f, &h) && !strcmp(h.last, want));
	}
}

/* A write whose length and data differ. */
TEST(what_does_not_fit_is_not_written)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 5000; i++) {
		u32 n = pick(GDB_PACKET_MAX / 2 - 8), said = n;
		bool binary = pick(2);
		u64 before = deeds();

		while (said == n)
			said = pick(2) ? n + 4 - pick(8) : pick(5000);
		b.n = 0;
		add(&b, "%c%x,%x:", binary ? 'X' : 'M', MEM_BASE, said);
		if (!binary)
			add_hex(&b, n);
		while (binary && n--)
			add_byte(&b, (u8)pick(256));
		frame(&b, &f);
		CHECK(send(&f, &h) && h.replies == 1 && is_error(&h));
		CHECK_EQ(deeds(), before);
	}
}

/* Does @id, 0 and GDB_ALL being any, mean a thread that is there? */
static bool means_one(u32 pid, u32 tid)
{
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		if (!gone[i] &&
		    (!pid || pid == GDB_ALL || pid == threads[i].pid) &&
		    (!tid || tid == GDB_ALL || tid == threads[i].tid))
			return true;
	return false;
}

TEST(threads_that_are_gone_are_errors)
{
	static const char *const kinds[] = { "Hg", "Hc", "T" };
	static struct frame f;
	static struct body b;
	struct heard h;

	start();
	for (u32 i = 0; i < 5000; i++) {
		u32 pid = pick(4) ? pick(4) : GDB_ALL;
		u32 tid = pick(4) ? pick(4) : GDB_ALL;
		const char *kind = kinds[pick(ARRAY_SIZE(kinds))];

		l2_comes_or_goes();
		b.n = 0;
		add(&b, pid == GDB_ALL ? "%sp-1" : "%sp%x", kind, pid);
		add(&b, tid == GDB_ALL ? ".-1" : ".%x", tid);
		frame(&b, &f);
		CHECK(send(&f, &h));
		if (means_one(pid, tid))
			CHECK(!strcmp(h.last, "OK"));
		else
			CHECK(is_error(&h));
	}
	memset(gone, 0, sizeof(gone));
}

TEST(registers_come_back)
{
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 5000; i++) {
		u32 n = pick(gdb_nregs);
		const char *val;

		b.n = 0;
		add(&b, "P%x=", n);
		add_hex(&b, gdb_regs[n].bits / 8);
		add_byte(&b, 0);
		val = strchr((const char *)b.c, '=') + 1;
		b.n--;
		frame(&b, &f);
		CHECK(send(&f, &h) && !strcmp(h.last, "OK"));
		if (n == GDB_R_st0)
			continue; /* the target has none to read */
		f.n = (u32)snprintf(f.c, sizeof(f.c), "$p%x#", n);
		f.n += (u32)snprintf(
			f.c + f.n, 3, "%02x",
			(u8)('p' + (n > 15 ? f.c[2] + f.c[3] : f.c[2])));
		CHECK(send(&f, &h) && !strcmp(h.last, val));
	}
	b.n = 0;
	add(&b, "G");
	for (u32 i = 0; i < 24; i++)
		add_hex(&b, gdb_regs[i].bits / 8);
	add_byte(&b, 0);
	b.n--;
	frame(&b, &f);
	CHECK(send(&f, &h) && !strcmp(h.last, "OK"));
	packet("g");
	CHECK(strstr(sent, (const char *)b.c + 1));
}

/* Some thread's first action that matches lets it go on. */
static bool anyone_goes_on(const struct gdb_resume *r)
{
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++) {
		for (u32 k = 0; k < r->n && k < GDB_ACTIONS_MAX; k++) {
			struct gdb_thread t = r->a[k].thread;

			if ((t.pid && t.pid != GDB_ALL &&
			     t.pid != threads[i].pid) ||
			    (t.tid != GDB_ALL && t.tid != threads[i].tid))
				continue;
			if (r->a[k].action != GDB_STOP)
				return true;
			break;
		}
	}
	return false;
}

TEST(vcont_says_what_is_done)
{
	static const char ops_[] = "cCsStr";
	static const enum gdb_action want[] = { GDB_CONTINUE, GDB_CONTINUE,
						GDB_STEP,     GDB_STEP,
						GDB_STOP,     GDB_STEP };
	static struct body b;
	static struct frame f;
	struct heard h;

	start();
	for (u32 i = 0; i < 5000; i++) {
		u32 n = 1 + pick(GDB_ACTIONS_MAX + 2), before = resumes;
		struct gdb_resume r = { .n = n };

		b.n = 0;
		add(&b, "vCont");
		for (u32 k = 0; k < n; k++) {
			u32 op = pick(6), tid = 1 + pick(9);
			u64 from = 0, to = 0;
			struct gdb_thread t = { GDB_ALL, GDB_ALL };

			add(&b, ";%c", ops_[op]);
			if (op == 1 || op == 3)
				add(&b, "%02x", pick(256));
			if (op == 5) {
				from = some_number();
				to = some_number();
				add(&b, "%llx,%llx", (unsigned long long)from,
				    (unsigned long long)to);
			}
			if (pick(2)) {
				t = (struct gdb_thread){ 1 + pick(3), tid };
				add(&b, ":p%x.%x", t.pid, t.tid);
			} else if (pick(2)) {
				t = (struct gdb_thread){ 0, tid };
				add(&b, ":%x", t.tid);
			}
			if (k >= GDB_ACTIONS_MAX)
				continue;
			r.a[k].action = want[op];
			r.a[k].from = from;
			r.a[k].to = to;
			r.a[k].thread = t;
		}
		frame(&b, &f);
		CHECK(send(&f, &h));
		if (n > GDB_ACTIONS_MAX || !anyone_goes_on(&r)) {
			CHECK(is_error(&h) && resumes == before);
			continue;
		}
		CHECK(!h.replies && resumes == before + 1 &&
		      gdb_rsp_running(&rsp));
		CHECK_EQ(resumed.n, n);
		CHECK(!memcmp(resumed.a, r.a, n * sizeof(r.a[0])));
	}
}
