/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets about threads, and the stop replies. Pure. */
#include "core/err.h"
#include "core/gdb_parse.h"
#include "core/gdb_rsp.h"
#include "core/string.h"

/* --- threads --------------------------------------------------------------- */

bool rsp_matches(struct gdb_thread want, struct gdb_thread t)
{
	return (!want.pid || want.pid == GDB_ALL || want.pid == t.pid) &&
	       (!want.tid || want.tid == GDB_ALL || want.tid == t.tid);
}

/* First thread that @want can mean. False: none. */
bool rsp_find_thread(struct gdb_rsp *r, struct gdb_thread want,
		     struct gdb_thread *out)
{
	struct gdb_thread t = { 0, 0 };

	while (r->ops->thread_next(r->ctx, &t)) {
		if (rsp_matches(want, t)) {
			*out = t;
			return true;
		}
	}
	return false;
}

/* The thread that register and memory packets mean. */
bool rsp_general_thread(struct gdb_rsp *r, struct gdb_thread *t)
{
	return rsp_find_thread(r, r->g, t);
}

/* One of the process that breakpoint packets mean, which need not be there:
 * an L2's are taken out and put back while its L1 runs, too. */
bool rsp_general_process(struct gdb_rsp *r, struct gdb_thread *t)
{
	struct gdb_thread any = { r->g.pid, 0 };

	*t = r->g;
	return rsp_find_thread(r, any, t) || (t->pid && t->pid != GDB_ALL);
}

void cmd_set_thread(struct gdb_rsp *r, struct cursor *c)
{
	char op = cur_next(c);
	struct gdb_thread t = cur_thread(c), found;

	if (c->bad || !cur_at_end(c) || (op != 'g' && op != 'c')) {
		out_error(r, EINVAL);
		return;
	}
	if (!rsp_find_thread(r, t, &found)) {
		/* gdb does not look at this answer: what it asks for next is
		 * meant for that thread, not for the one before */
		if (op == 'g')
			r->g = t;
		out_error(r, ENOENT);
		return;
	}
	*(op == 'g' ? &r->g : &r->c) = op == 'g' ? found : t;
	out_reply(r, "OK");
}

void cmd_thread_alive(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t = cur_thread(c), found;

	if (c->bad || !cur_at_end(c) || !rsp_find_thread(r, t, &found))
		out_error(r, ENOENT);
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

void query_first_threads(struct gdb_rsp *r, struct cursor *c)
{
	r->iter = (struct gdb_thread){ 0, 0 };
	thread_list(r);
}

void query_more_threads(struct gdb_rsp *r, struct cursor *c)
{
	thread_list(r);
}

void query_thread_extra(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t = cur_thread(c), found;
	char buf[128] = "not there now"; /* gdb takes any answer for text */

	if (!c->bad && rsp_find_thread(r, t, &found))
		r->ops->thread_info(r->ctx, found, buf, sizeof(buf));
	out_start(r);
	for (const char *s = buf; *s; s++)
		out_byte(r, (u8)*s);
	out_send(r);
}

void query_current(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t;

	if (!rsp_general_thread(r, &t)) {
		out_error(r, ENOENT);
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

static bool is_end(const struct gdb_stop *s)
{
	return s->kind == GDB_EXITED || s->kind == GDB_KILLED;
}

/* L1's end is that of the machine: of a triple fault, as by SIGSEGV. */
static void out_end(struct gdb_rsp *r, const struct gdb_stop *s)
{
	out_str(r, s->kind == GDB_EXITED ? "W00" : "X0b");
	if (r->multiprocess) {
		out_str(r, ";process:");
		out_hex(r, s->thread.pid);
	}
	rsp_forget(r, s->thread.pid);
}

static void send_stop(struct gdb_rsp *r, const struct gdb_stop *s)
{
	out_start(r);
	if (is_end(s)) {
		out_end(r, s);
	} else {
		out_char(r, 'T');
		out_byte(r, stop_signal(s->kind));
		out_str(r, "thread:");
		out_thread(r, s->thread);
		out_char(r, ';');
		out_stop_reason(r, s);
		out_stop_registers(r, s->thread);
	}
	out_send(r);
}

void gdb_rsp_stopped(struct gdb_rsp *r, const struct gdb_stop *stop)
{
	bool waits = r->running && r->attached;

	r->running = false;
	r->g = r->c = stop->thread;
	if (is_end(stop)) /* its threads are gone */
		r->g.pid = r->c.pid = 1;
	if (waits)
		send_stop(r, stop);
}

void cmd_why(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_stop s = { GDB_STOPPED_TRAP, { 0, 0 }, 0 };

	r->ops->why(r->ctx, &s);
	r->running = false;
	r->g = r->c = s.thread;
	send_stop(r, &s);
}
