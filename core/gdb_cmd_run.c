/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets about breakpoints, going on, and the end. Pure. */
#include "core/err.h"
#include "core/gdb_parse.h"
#include "core/gdb_rsp.h"
#include "core/string.h"

/* --- breakpoints ----------------------------------------------------------- */

static void breakpoint(struct gdb_rsp *r, struct cursor *c, bool insert)
{
	u64 type = cur_number(c), addr, kind;
	struct gdb_thread t;

	cur_expect(c, ',');
	addr = cur_number(c);
	cur_expect(c, ',');
	kind = cur_number(c);
	if (c->bad || !cur_at_end(c) || kind >> 32 ||
	    !rsp_general_process(r, &t)) {
		out_error(r, EINVAL);
		return;
	}
	if (type > GDB_WP_ACCESS) {
		out_reply(r, "");
		return;
	}
	out_result(r, r->ops->breakpoint(r->ctx, t, (enum gdb_bp_type)type,
					 addr, (u32)kind, insert));
}

void cmd_insert(struct gdb_rsp *r, struct cursor *c)
{
	breakpoint(r, c, true);
}

void cmd_remove(struct gdb_rsp *r, struct cursor *c)
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

	if (!cur_at_end(c)) { /* an address: obsolete, gdb writes rip */
		out_error(r, EOPNOTSUPP);
		return;
	}
	if (step && rsp_find_thread(r, r->c, &t)) {
		what.a[what.n].action = GDB_STEP;
		what.a[what.n++].thread = t;
	}
	what.a[what.n].action = GDB_CONTINUE;
	what.a[what.n++].thread = (struct gdb_thread){ GDB_ALL, GDB_ALL };
	resume(r, &what);
}

void cmd_continue(struct gdb_rsp *r, struct cursor *c)
{
	resume_one(r, c, false);
}

void cmd_step(struct gdb_rsp *r, struct cursor *c)
{
	resume_one(r, c, true);
}

static bool vcont_action(struct cursor *c, struct gdb_resume *what)
{
	char op = cur_next(c);
	u32 n = what->n;

	if (op == 'C' || op == 'S') /* a signal: there are none to pass on */
		cur_number(c);
	if (op == 'r') {
		what->a[n].from = cur_number(c);
		cur_expect(c, ',');
		what->a[n].to = cur_number(c);
		op = 's';
	}
	if (op != 'c' && op != 'C' && op != 's' && op != 'S' && op != 't')
		return false;
	what->a[n].action = op == 't'		     ? GDB_STOP
			    : op == 's' || op == 'S' ? GDB_STEP
						     : GDB_CONTINUE;
	what->a[n].thread = (struct gdb_thread){ GDB_ALL, GDB_ALL };
	if (cur_take(c, ':'))
		what->a[n].thread = cur_thread(c);
	what->n++;
	return !c->bad;
}

/* Does any thread go on? Else no stop would ever answer. */
static bool anyone_runs(struct gdb_rsp *r, const struct gdb_resume *what)
{
	struct gdb_thread t = { 0, 0 };

	while (r->ops->thread_next(r->ctx, &t)) {
		u32 k = 0;

		while (k < what->n && !rsp_matches(what->a[k].thread, t))
			k++;
		if (k < what->n && what->a[k].action != GDB_STOP)
			return true;
	}
	return false;
}

void cmd_vcont(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_resume what = { .n = 0 };

	while (cur_take(c, ';')) {
		if (what.n == GDB_ACTIONS_MAX || !vcont_action(c, &what)) {
			out_error(r, EINVAL);
			return;
		}
	}
	if (!cur_at_end(c) || !what.n)
		out_error(r, EINVAL);
	else if (!anyone_runs(r, &what))
		out_error(r, ENOENT);
	else
		resume(r, &what);
}

static void end_session(struct gdb_rsp *r)
{
	r->attached = false;
	r->no_ack = false;
	r->running = true;
}

void cmd_detach(struct gdb_rsp *r, struct cursor *c)
{
	u32 pid = cur_take(c, ';') ? cur_id(c) : GDB_ALL;
	struct gdb_thread t = { 0, 0 };
	bool others = false;

	if (c->bad || !cur_at_end(c)) {
		out_error(r, EINVAL);
		return;
	}
	r->ops->detach(r->ctx, pid);
	rsp_forget(r, pid);
	while (r->ops->thread_next(r->ctx, &t))
		others |= pid != GDB_ALL && t.pid != pid;
	out_reply(r, "OK");
	/* The last process' detach ends the session. */
	r->l1_left |= !others || pid == 1;
	r->let_go = r->l1_left;
}

void cmd_kill(struct gdb_rsp *r, struct cursor *c)
{
	r->ops->kill(r->ctx, GDB_ALL);
	end_session(r);
}

void cmd_vkill(struct gdb_rsp *r, struct cursor *c)
{
	u32 pid = cur_take(c, ';') ? cur_id(c) : GDB_ALL;

	/* L1 is the machine; an L2 is L1's to end. */
	if (c->bad || !cur_at_end(c) || (pid != 1 && pid != GDB_ALL)) {
		out_error(r, EINVAL);
		return;
	}
	out_reply(r, "OK");
	r->ops->kill(r->ctx, pid);
	end_session(r);
}
