/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets, one function each. Pure; see core/gdb_rsp.h. */
#include "core/gdb_cmd.h"

#include "core/err.h"
#include "core/gdb_rsp.h"
#include "core/string.h"

/* --- parsing: a cursor that never passes the packet's end ----------------- */

struct cursor {
	const char *p, *end;
	bool bad;
};

static bool at_end(const struct cursor *c)
{
	return c->p >= c->end;
}

static char peek(const struct cursor *c)
{
	return at_end(c) ? 0 : *c->p;
}

static bool take(struct cursor *c, char want)
{
	if (peek(c) != want || at_end(c))
		return false;
	c->p++;
	return true;
}

static void expect(struct cursor *c, char want)
{
	if (!take(c, want))
		c->bad = true;
}

static bool take_str(struct cursor *c, const char *s)
{
	size_t n = strlen(s);

	if ((size_t)(c->end - c->p) < n || strncmp(c->p, s, n))
		return false;
	c->p += n;
	return true;
}

static u64 number(struct cursor *c)
{
	u64 v = 0;
	u32 digits = 0;

	for (; !at_end(c) && hex_value(*c->p) >= 0; c->p++, digits++)
		v = v << 4 | (u64)hex_value(*c->p);
	if (!digits || digits > 16)
		c->bad = true;
	return v;
}

static u32 id_part(struct cursor *c)
{
	u64 v;

	if (take_str(c, "-1"))
		return GDB_ALL;
	v = number(c);
	if (v >= GDB_ALL)
		c->bad = true;
	return (u32)v;
}

/* pPID.TID, pPID or TID. */
static struct gdb_thread thread_id(struct cursor *c)
{
	struct gdb_thread t = { 0, 0 };

	if (take(c, 'p')) {
		t.pid = id_part(c);
		t.tid = take(c, '.') ? id_part(c) : GDB_ALL;
	} else {
		t.tid = id_part(c);
	}
	return t;
}

/* @n bytes of hexadecimal digits. */
static void hex_bytes(struct cursor *c, u8 *buf, u32 n)
{
	for (u32 i = 0; i < n; i++, c->p += 2) {
		if (c->end - c->p < 2 || hex_value(c->p[0]) < 0 ||
		    hex_value(c->p[1]) < 0) {
			c->bad = true;
			return;
		}
		buf[i] = (u8)(hex_value(c->p[0]) << 4 | hex_value(c->p[1]));
	}
}

/* --- replies --------------------------------------------------------------- */

static void error(struct gdb_rsp *r, int err)
{
	out_start(r);
	out_char(r, 'E');
	out_byte(r, (u8)(err < 0 ? -err : err));
	out_send(r);
}

static void ok_or_error(struct gdb_rsp *r, int err)
{
	if (err < 0)
		error(r, err);
	else
		out_reply(r, "OK");
}

static void out_thread(struct gdb_rsp *r, struct gdb_thread t)
{
	if (r->multiprocess) {
		out_char(r, 'p');
		out_hex(r, t.pid);
		out_char(r, '.');
	}
	out_hex(r, t.tid);
}

/* --- threads --------------------------------------------------------------- */

static bool matches(struct gdb_thread want, struct gdb_thread t)
{
	return (!want.pid || want.pid == GDB_ALL || want.pid == t.pid) &&
	       (!want.tid || want.tid == GDB_ALL || want.tid == t.tid);
}

/* First thread that @want can mean. False: none. */
static bool find_thread(struct gdb_rsp *r, struct gdb_thread want,
			struct gdb_thread *out)
{
	struct gdb_thread t = { 0, 0 };

	while (r->ops->thread_next(r->ctx, &t)) {
		if (matches(want, t)) {
			*out = t;
			return true;
		}
	}
	return false;
}

/* The thread that register and memory packets mean. */
static bool general_thread(struct gdb_rsp *r, struct gdb_thread *t)
{
	return find_thread(r, r->g, t);
}

static void cmd_set_thread(struct gdb_rsp *r, struct cursor *c)
{
	char op = peek(c);
	struct gdb_thread t, found;

	c->p++;
	t = thread_id(c);
	if (c->bad || !at_end(c) || (op != 'g' && op != 'c')) {
		error(r, EINVAL);
		return;
	}
	if (!find_thread(r, t, &found)) {
		error(r, ENOENT);
		return;
	}
	*(op == 'g' ? &r->g : &r->c) = op == 'g' ? found : t;
	out_reply(r, "OK");
}

static void cmd_thread_alive(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t = thread_id(c), found;

	if (c->bad || !find_thread(r, t, &found))
		error(r, ENOENT);
	else
		out_reply(r, "OK");
}

/* As many threads as one packet holds; the rest with the next call. */
static void thread_list(struct gdb_rsp *r)
{
	struct gdb_thread t = r->iter;
	bool any = false;

	out_start(r);
	while (out_room(r) > 32 && r->ops->thread_next(r->ctx, &t)) {
		out_char(r, any ? ',' : 'm');
		out_thread(r, t);
		r->iter = t;
		any = true;
	}
	if (!any)
		out_char(r, 'l');
	out_send(r);
}

static void query_first_threads(struct gdb_rsp *r, struct cursor *c)
{
	r->iter = (struct gdb_thread){ 0, 0 };
	thread_list(r);
}

static void query_more_threads(struct gdb_rsp *r, struct cursor *c)
{
	thread_list(r);
}

static void query_thread_extra(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t = thread_id(c), found;
	char buf[128] = "";

	if (c->bad || !find_thread(r, t, &found)) {
		error(r, ENOENT);
		return;
	}
	r->ops->thread_info(r->ctx, found, buf, sizeof(buf));
	out_start(r);
	for (const char *s = buf; *s; s++)
		out_byte(r, (u8)*s);
	out_send(r);
}

static void query_current(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t;

	if (!general_thread(r, &t)) {
		error(r, ENOENT);
		return;
	}
	out_start(r);
	out_str(r, "QC");
	out_thread(r, t);
	out_send(r);
}

/* --- why it stopped -------------------------------------------------------- */

static const char *const stop_words[] = {
	[GDB_STOPPED_SWBREAK] = "swbreak:;",
	[GDB_STOPPED_HWBREAK] = "hwbreak:;",
	[GDB_STOPPED_WATCH] = "watch",
	[GDB_STOPPED_RWATCH] = "rwatch",
	[GDB_STOPPED_AWATCH] = "awatch",
};

static void out_stop_reason(struct gdb_rsp *r, const struct gdb_stop *s)
{
	switch (s->kind) {
	case GDB_STOPPED_SWBREAK:
		if (r->swbreak)
			out_str(r, stop_words[s->kind]);
		break;
	case GDB_STOPPED_HWBREAK:
		if (r->hwbreak)
			out_str(r, stop_words[s->kind]);
		break;
	case GDB_STOPPED_WATCH:
	case GDB_STOPPED_RWATCH:
	case GDB_STOPPED_AWATCH:
		out_str(r, stop_words[s->kind]);
		out_char(r, ':');
		out_hex(r, s->addr);
		out_char(r, ';');
		break;
	default:
		break;
	}
}

static u8 stop_signal(enum gdb_stop_kind kind)
{
	switch (kind) {
	case GDB_STOPPED_INT:
		return 2; /* SIGINT */
	case GDB_STOPPED_FAULT:
		return 11; /* SIGSEGV */
	default:
		return 5; /* SIGTRAP */
	}
}

static void send_stop(struct gdb_rsp *r, const struct gdb_stop *s)
{
	out_start(r);
	if (s->kind == GDB_EXITED) {
		out_str(r, "W00");
		if (r->multiprocess) {
			out_str(r, ";process:");
			out_hex(r, s->thread.pid);
		}
	} else {
		out_char(r, 'T');
		out_byte(r, stop_signal(s->kind));
		out_str(r, "thread:");
		out_thread(r, s->thread);
		out_char(r, ';');
		out_stop_reason(r, s);
	}
	out_send(r);
}

void gdb_rsp_stopped(struct gdb_rsp *r, const struct gdb_stop *stop)
{
	bool waits = r->running && r->attached;

	r->running = false;
	r->g = r->c = stop->thread;
	if (waits)
		send_stop(r, stop);
}

static void cmd_why(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_stop s = { GDB_STOPPED_TRAP, { 0, 0 }, 0 };

	r->ops->why(r->ctx, &s);
	r->running = false;
	r->g = r->c = s.thread;
	send_stop(r, &s);
}

/* --- registers ------------------------------------------------------------- */

static void out_register(struct gdb_rsp *r, struct gdb_thread t, u32 n)
{
	u8 buf[GDB_REG_MAX];
	u32 size = gdb_regs[n].bits / 8;
	bool have = r->ops->reg_read(r->ctx, t, n, buf) == (int)size;

	for (u32 i = 0; i < size; i++) {
		if (have)
			out_byte(r, buf[i]);
		else
			out_str(r, "xx");
	}
}

/* "g": the general and segment registers; gdb asks for others by "p". */
#define GDB_G_REGS 24

static void cmd_read_regs(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t;

	if (!general_thread(r, &t)) {
		error(r, ENOENT);
		return;
	}
	out_start(r);
	for (u32 i = 0; i < GDB_G_REGS; i++)
		out_register(r, t, i);
	out_send(r);
}

static int write_register(struct gdb_rsp *r, struct gdb_thread t, u32 n,
			  struct cursor *c)
{
	u8 buf[GDB_REG_MAX];
	u32 size = gdb_regs[n].bits / 8;

	hex_bytes(c, buf, size);
	if (c->bad)
		return -EINVAL;
	return r->ops->reg_write(r->ctx, t, n, buf, size);
}

static void cmd_write_regs(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t;
	int err = 0;

	if (!general_thread(r, &t)) {
		error(r, ENOENT);
		return;
	}
	for (u32 i = 0; i < GDB_G_REGS && !at_end(c) && !err; i++)
		err = write_register(r, t, i, c);
	ok_or_error(r, err);
}

static void cmd_read_reg(struct gdb_rsp *r, struct cursor *c)
{
	u64 n = number(c);
	struct gdb_thread t;

	if (c->bad || n >= gdb_nregs || !general_thread(r, &t)) {
		error(r, EINVAL);
		return;
	}
	out_start(r);
	out_register(r, t, (u32)n);
	out_send(r);
}

static void cmd_write_reg(struct gdb_rsp *r, struct cursor *c)
{
	u64 n = number(c);
	struct gdb_thread t;

	expect(c, '=');
	if (c->bad || n >= gdb_nregs || !general_thread(r, &t))
		error(r, EINVAL);
	else
		ok_or_error(r, write_register(r, t, (u32)n, c));
}

/* --- memory ---------------------------------------------------------------- */

#define MEM_CHUNK ((GDB_PACKET_MAX - 16) / 2)

static void cmd_read_mem(struct gdb_rsp *r, struct cursor *c)
{
	u64 addr = number(c), len;
	struct gdb_thread t;
	u8 buf[MEM_CHUNK];
	int got;

	expect(c, ',');
	len = number(c);
	if (c->bad || !at_end(c) || !general_thread(r, &t)) {
		error(r, EINVAL);
		return;
	}
	got = r->ops->mem_read(r->ctx, t, addr, buf,
			       (u32)MIN(len, (u64)MEM_CHUNK));
	if (got < 0 || (!got && len)) {
		error(r, EFAULT);
		return;
	}
	out_start(r);
	for (int i = 0; i < got; i++)
		out_byte(r, buf[i]);
	out_send(r);
}

/* M (hexadecimal digits) and X (binary) have the same head. */
static bool write_head(struct gdb_rsp *r, struct cursor *c, u64 *addr, u64 *len,
		       struct gdb_thread *t)
{
	*addr = number(c);
	expect(c, ',');
	*len = number(c);
	expect(c, ':');
	if (c->bad || *len > MEM_CHUNK || !general_thread(r, t)) {
		error(r, EINVAL);
		return false;
	}
	return true;
}

static void cmd_write_mem(struct gdb_rsp *r, struct cursor *c)
{
	u64 addr, len;
	struct gdb_thread t;
	u8 buf[MEM_CHUNK];

	if (!write_head(r, c, &addr, &len, &t))
		return;
	hex_bytes(c, buf, (u32)len);
	if (c->bad || !at_end(c))
		error(r, EINVAL);
	else
		ok_or_error(r, len ? r->ops->mem_write(r->ctx, t, addr, buf,
						       (u32)len)
				   : 0);
}

static void cmd_write_binary(struct gdb_rsp *r, struct cursor *c)
{
	u64 addr, len;
	struct gdb_thread t;

	if (!write_head(r, c, &addr, &len, &t))
		return;
	if ((u64)(c->end - c->p) != len)
		error(r, EINVAL);
	else
		ok_or_error(r,
			    len ? r->ops->mem_write(r->ctx, t, addr,
						    (const u8 *)c->p, (u32)len)
				: 0);
}

/* --- breakpoints ----------------------------------------------------------- */

static void breakpoint(struct gdb_rsp *r, struct cursor *c, bool insert)
{
	u64 type = number(c), addr, kind;
	struct gdb_thread t;

	expect(c, ',');
	addr = number(c);
	expect(c, ',');
	kind = number(c);
	if (c->bad || !general_thread(r, &t)) {
		error(r, EINVAL);
		return;
	}
	if (type > GDB_WP_ACCESS) {
		out_reply(r, "");
		return;
	}
	ok_or_error(r, r->ops->breakpoint(r->ctx, t, (enum gdb_bp_type)type,
					  addr, (u32)kind, insert));
}

static void cmd_insert(struct gdb_rsp *r, struct cursor *c)
{
	breakpoint(r, c, true);
}

static void cmd_remove(struct gdb_rsp *r, struct cursor *c)
{
	breakpoint(r, c, false);
}

/* --- going on -------------------------------------------------------------- */

static void resume(struct gdb_rsp *r, const struct gdb_resume *what)
{
	r->running = true;
	r->ops->resume(r->ctx, what);
}

static void resume_one(struct gdb_rsp *r, struct cursor *c, bool step)
{
	struct gdb_resume what = { .n = 0 };
	struct gdb_thread t;

	if (!at_end(c)) { /* an address: obsolete, gdb writes rip */
		error(r, EOPNOTSUPP);
		return;
	}
	if (step && find_thread(r, r->c, &t)) {
		what.a[what.n].action = GDB_STEP;
		what.a[what.n++].thread = t;
	}
	what.a[what.n].action = GDB_CONTINUE;
	what.a[what.n++].thread = (struct gdb_thread){ GDB_ALL, GDB_ALL };
	resume(r, &what);
}

static void cmd_continue(struct gdb_rsp *r, struct cursor *c)
{
	resume_one(r, c, false);
}

static void cmd_step(struct gdb_rsp *r, struct cursor *c)
{
	resume_one(r, c, true);
}

static bool vcont_action(struct cursor *c, struct gdb_resume *what)
{
	char op = peek(c);
	u32 n = what->n;

	c->p++;
	if (op == 'C' || op == 'S') /* a signal: there are none to pass on */
		number(c);
	if (op != 'c' && op != 'C' && op != 's' && op != 'S' && op != 't')
		return false;
	what->a[n].action = op == 't'		     ? GDB_STOP
			    : op == 's' || op == 'S' ? GDB_STEP
						     : GDB_CONTINUE;
	what->a[n].thread = (struct gdb_thread){ GDB_ALL, GDB_ALL };
	if (take(c, ':'))
		what->a[n].thread = thread_id(c);
	what->n++;
	return !c->bad;
}

static void cmd_vcont(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_resume what = { .n = 0 };

	while (take(c, ';')) {
		if (what.n == GDB_ACTIONS_MAX || !vcont_action(c, &what)) {
			error(r, EINVAL);
			return;
		}
	}
	if (!at_end(c) || !what.n)
		error(r, EINVAL);
	else
		resume(r, &what);
}

static void end_session(struct gdb_rsp *r)
{
	r->attached = false;
	r->no_ack = false;
	r->running = true;
}

static void cmd_detach(struct gdb_rsp *r, struct cursor *c)
{
	u32 pid = take(c, ';') ? id_part(c) : GDB_ALL;
	struct gdb_thread t = { 0, 0 };
	bool others = false;

	if (c->bad || !at_end(c)) {
		error(r, EINVAL);
		return;
	}
	r->ops->detach(r->ctx, pid);
	while (r->ops->thread_next(r->ctx, &t))
		others |= pid != GDB_ALL && t.pid != pid;
	out_reply(r, "OK");
	/* The last process' detach ends the session. */
	if (!others || pid == 1)
		end_session(r);
}

static void cmd_kill(struct gdb_rsp *r, struct cursor *c)
{
	r->ops->kill(r->ctx, GDB_ALL);
	end_session(r);
}

static void cmd_vkill(struct gdb_rsp *r, struct cursor *c)
{
	u32 pid = take(c, ';') ? id_part(c) : GDB_ALL;

	if (c->bad) {
		error(r, EINVAL);
		return;
	}
	out_reply(r, "OK");
	r->ops->kill(r->ctx, pid);
	end_session(r);
}

/* --- queries --------------------------------------------------------------- */

static void query_supported(struct gdb_rsp *r, struct cursor *c)
{
	/* A new gdb begins: what the last one had agreed on is void. */
	r->multiprocess = r->swbreak = r->hwbreak = false;
	while (!at_end(c)) {
		if (take_str(c, "multiprocess+"))
			r->multiprocess = true;
		else if (take_str(c, "swbreak+"))
			r->swbreak = true;
		else if (take_str(c, "hwbreak+"))
			r->hwbreak = true;
		else
			c->p++;
	}
	out_start(r);
	out_str(r, "PacketSize=");
	out_hex(r, GDB_PACKET_MAX);
	out_str(r, ";QStartNoAckMode+;multiprocess+;swbreak+;hwbreak+;"
		   "vContSupported+;qXfer:features:read+");
	out_send(r);
}

static void query_features(struct gdb_rsp *r, struct cursor *c)
{
	u64 off, len;
	u8 buf[512];
	u32 got;

	if (!take_str(c, "target.xml:")) {
		error(r, ENOENT);
		return;
	}
	off = number(c);
	expect(c, ',');
	len = number(c);
	if (c->bad) {
		error(r, EINVAL);
		return;
	}
	got = off < gdb_xml_size()
		      ? gdb_xml_read((u32)off, buf,
				     (u32)MIN(len, (u64)sizeof(buf)))
		      : 0;
	out_start(r);
	out_char(r, off + got < gdb_xml_size() ? 'm' : 'l');
	for (u32 i = 0; i < got; i++)
		out_binary(r, buf[i]);
	out_send(r);
}

static void query_monitor(struct gdb_rsp *r, struct cursor *c)
{
	char line[256];
	u32 n = (u32)(c->end - c->p) / 2;
	struct gdb_thread t;

	if (n >= sizeof(line) || !general_thread(r, &t)) {
		error(r, EINVAL);
		return;
	}
	hex_bytes(c, (u8 *)line, n);
	line[n] = 0;
	if (c->bad || !at_end(c))
		error(r, EINVAL);
	else
		ok_or_error(r, r->ops->monitor(r->ctx, t, line));
}

static void query_attached(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "1");
}

static void query_symbol(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "OK");
}

static void set_no_ack(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "OK");
	r->no_ack = true;
}

static void cmd_vcont_supported(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "vCont;c;C;s;S;t");
}

static void cmd_must_reply_empty(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "");
}

/* The longer names first where one begins another. */
static const struct {
	const char *name;
	void (*fn)(struct gdb_rsp *r, struct cursor *c);
} commands[] = {
	{ "?", cmd_why },
	{ "D", cmd_detach },
	{ "G", cmd_write_regs },
	{ "H", cmd_set_thread },
	{ "M", cmd_write_mem },
	{ "P", cmd_write_reg },
	{ "QStartNoAckMode", set_no_ack },
	{ "T", cmd_thread_alive },
	{ "X", cmd_write_binary },
	{ "Z", cmd_insert },
	{ "c", cmd_continue },
	{ "g", cmd_read_regs },
	{ "k", cmd_kill },
	{ "m", cmd_read_mem },
	{ "p", cmd_read_reg },
	{ "qAttached", query_attached },
	{ "qC", query_current },
	{ "qRcmd,", query_monitor },
	{ "qSupported", query_supported },
	{ "qSymbol:", query_symbol },
	{ "qThreadExtraInfo,", query_thread_extra },
	{ "qXfer:features:read:", query_features },
	{ "qfThreadInfo", query_first_threads },
	{ "qsThreadInfo", query_more_threads },
	{ "s", cmd_step },
	{ "vCont?", cmd_vcont_supported },
	{ "vCont", cmd_vcont },
	{ "vKill", cmd_vkill },
	{ "vMustReplyEmpty", cmd_must_reply_empty },
	{ "z", cmd_remove },
};

void gdb_command(struct gdb_rsp *r, char *p, u32 len)
{
	struct cursor c = { p, p + len, false };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (take_str(&c, commands[i].name)) {
			commands[i].fn(r, &c);
			return;
		}
	}
	out_reply(r, "");
}
