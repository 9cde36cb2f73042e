/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Software breakpoints, and exceptions as they come to the stub. */
#include "core/debug.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/gdb_emulate.h"
#include "core/gdb_point.h"
#include "core/insn.h"
#include "core/virt.h"
#include "core/x86.h"

#define BREAKS_MAX 128
#define INT3 0xcc

static struct soft_break {
	bool used;
	u32 pid;
	u64 la;
	u8 *where; /* the byte, in the direct map; NULL: its L2 is away */
	u8 saved;
} breaks[BREAKS_MAX];

static u32 nr_breaks;
static bool any_waits; /* for an L2 to be entered: breakpoints, or points */

/* --- inserting and removing ------------------------------------------------ */

struct find {
	u64 la;
	bool l1, data;
	u32 pid;
	u8 *where;
	bool mapped; /* by the level's own tables */
};

static void find_on_cpu(struct vcpu *v, void *arg)
{
	struct find *f = arg;
	u64 pa;

	if (f->l1)
		virt->view_l1(v, true);
	f->where = f->data ? gdb_mem_ptr(v, f->pid != 1, f->la)
			   : gdb_mem_ptr_linear(v, f->pid != 1, f->la);
	f->mapped = f->where || !gdb_translate(v, f->pid != 1, f->la, &pa);
	if (f->l1)
		virt->view_l1(v, false);
}

static struct soft_break *known(u32 pid, u64 la)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (breaks[i].used && breaks[i].pid == pid &&
		    breaks[i].la == la)
			return &breaks[i];
	return NULL;
}

static struct find find(struct gdb_thread t, u64 la, bool data)
{
	struct vcpu *v = gdb_vcpu(t);
	bool l1 = v && t.pid == 1 && v->in_l2;
	struct find f = { la, l1, data, t.pid, NULL, !v };

	if (v)
		gdb_on_cpu(v, find_on_cpu, &f);
	return f;
}

u8 *gdb_find(struct gdb_thread t, u64 la, bool data)
{
	return find(t, la, data).where;
}

static u64 page_of(const u8 *where)
{
	return ptr_hpa(where).v & PAGE_MASK;
}

static bool is_in(const struct soft_break *b)
{
	return b->used && b->where;
}

static void put_in(struct soft_break *b, u8 *where)
{
	b->saved = *where;
	gdb_break_hide(where, &b->saved, 1); /* another process' is there */
	b->where = where;
	*where = INT3;
	/* Where there are too many pages it is to be seen. */
	if (gdb_page_refresh(page_of(where)))
		gdb_say("the breakpoint at %#lx can be seen by reads", b->la);
}

static struct soft_break *new_soft(u32 pid, u64 la)
{
	for (u32 i = 0; i < BREAKS_MAX; i++) {
		if (breaks[i].used)
			continue;
		breaks[i] = (struct soft_break){ true, pid, la, NULL, 0 };
		nr_breaks++;
		return &breaks[i];
	}
	return NULL;
}

/* Of an L2 that is on no CPU now it waits for its next entry: gdb takes all
 * out at a stop and puts them back when it goes on. So it does where L1 has
 * given the L2 no memory yet, as hypervisors do at the first access. */
static int insert_soft(struct gdb_thread t, u64 la)
{
	struct soft_break *b = known(t.pid, la);
	struct find f = find(t, la, false);

	if (b && (b->where || !f.where))
		return 0;
	if (!f.where && t.pid == 1)
		return -EFAULT;
	if (!f.mapped || !gdb_pid_is_known(t.pid))
		return f.mapped ? -ENOENT : -EFAULT;
	if (!b)
		b = new_soft(t.pid, la);
	if (!b)
		return -ENOSPC;
	if (f.where)
		put_in(b, f.where);
	return 0;
}

/* Is it the only one at its byte? */
static bool alone(const struct soft_break *b)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (is_in(&breaks[i]) && &breaks[i] != b &&
		    breaks[i].where == b->where)
			return false;
	return true;
}

static void remove_soft(struct soft_break *b)
{
	u8 *where = b->where;

	/* Else the guest has written there, or it is another process', too. */
	if (where && *where == INT3 && alone(b))
		*where = b->saved;
	b->used = false;
	nr_breaks--;
	if (where && gdb_page_refresh(page_of(where)))
		gdb_say("a page stays watched: no memory");
}

/* What exits, and who has the debug registers, follows when the vcpus go on
 * (virt_ops.set_debug). */
static void want_exceptions(void)
{
	u32 want = gdb_catch_exceptions() | (nr_breaks ? (u32)BIT(VEC_BP) : 0);

	for (u32 i = 0; i < gdb_vm()->nvcpus; i++)
		gdb_vm()->vcpus[i]->debug.exceptions = want;
}

void gdb_break_changed(void)
{
	want_exceptions();
}

static void look_who_waits(void)
{
	any_waits = gdb_points_wait();
	for (u32 i = 0; i < BREAKS_MAX; i++)
		any_waits |= breaks[i].used && !breaks[i].where;
}

static int break_soft(struct gdb_thread t, u64 addr, bool insert)
{
	struct soft_break *b;
	int err = 0;

	if (insert) {
		err = insert_soft(t, addr);
	} else {
		b = known(t.pid, addr);
		if (!b)
			return -ENOENT;
		remove_soft(b);
	}
	want_exceptions();
	return err;
}

int gdb_break(struct gdb_thread t, enum gdb_bp_type type, u64 addr, u32 kind,
	      bool insert)
{
	int err;

	if (type == GDB_BP_SOFT)
		err = break_soft(t, addr, insert);
	else if (insert)
		err = gdb_point_insert(t, type, addr, kind);
	else
		err = gdb_point_remove(t.pid, type, addr, kind);
	look_who_waits();
	return err;
}

void gdb_break_clear(u32 pid)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (breaks[i].used && (pid == GDB_ALL || breaks[i].pid == pid))
			remove_soft(&breaks[i]);
	gdb_point_clear(pid);
	look_who_waits();
	want_exceptions();
}

/* --- those of an L2 that comes back ----------------------------------------- */

static struct soft_break *waiting_soft(struct vcpu *v, u8 **where)
{
	u32 pid = gdb_pid_of_l2(v);

	for (u32 i = 0; i < BREAKS_MAX; i++) {
		struct soft_break *b = &breaks[i];

		if (!b->used || b->where || b->pid != pid)
			continue;
		*where = gdb_mem_ptr_linear(v, true, b->la);
		if (*where)
			return b;
	}
	return NULL;
}

/* The other CPUs are stopped. */
static void put_in_waiting(struct vcpu *v)
{
	struct soft_break *b;
	struct gdb_point *p;
	u8 *where;

	while ((b = waiting_soft(v, &where)))
		put_in(b, where);
	while ((p = gdb_point_waiting(v)))
		if (gdb_point_protect(v, p))
			gdb_say("%#lx is not watched: too many pages", p->la);
	look_who_waits();
}

void gdb_break_entry(struct vcpu *v)
{
	u8 *where;

	while (any_waits && (waiting_soft(v, &where) || gdb_point_waiting(v))) {
		if (!gdb_hold(v))
			continue; /* gdb may have changed them */
		put_in_waiting(v);
		gdb_unhold(v);
	}
}

/* --- keeping them out of sight ---------------------------------------------- */

bool gdb_break_in_page(u64 page)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (is_in(&breaks[i]) && page_of(breaks[i].where) == page)
			return true;
	return false;
}

void gdb_break_lift(u64 page, bool lift)
{
	for (u32 i = 0; i < BREAKS_MAX; i++) {
		struct soft_break *b = &breaks[i];

		if (!is_in(b) || page_of(b->where) != page)
			continue;
		if (lift) {
			*b->where = b->saved;
		} else if (*b->where != INT3 || alone(b)) {
			b->saved = *b->where;
			*b->where = INT3;
		}
	}
}

/* Is it in one of the bytes [@p, +@len)? */
static bool is_at(const struct soft_break *b, const u8 *p, u32 len)
{
	return is_in(b) && (u64)(b->where - p) < len;
}

void gdb_break_hide(const u8 *p, u8 *buf, u32 len)
{
	for (u32 i = 0; nr_breaks && i < BREAKS_MAX; i++)
		if (is_at(&breaks[i], p, len) && *breaks[i].where == INT3)
			buf[breaks[i].where - p] = breaks[i].saved;
}

void gdb_break_written(const u8 *p, u32 len)
{
	/* First all are read: two may be at one byte. */
	for (u32 i = 0; nr_breaks && i < BREAKS_MAX; i++)
		if (is_at(&breaks[i], p, len))
			breaks[i].saved = *breaks[i].where;
	for (u32 i = 0; nr_breaks && i < BREAKS_MAX; i++)
		if (is_at(&breaks[i], p, len))
			*breaks[i].where = INT3;
}

/* --- when they are hit ----------------------------------------------------- */

/*
 * An INT3 is the stub's when it put one into that very byte of memory. It
 * counts for its process and address only.
 */
bool gdb_break_here(struct vcpu *v)
{
	u32 pid = v->in_l2 ? gdb_pid_of_l2(v) : 1;
	u64 la = gdb_linear_rip(v);
	u8 *where = gdb_mem_ptr_linear(v, v->in_l2, la);
	const struct soft_break *b = known(pid, la);

	return where && b && b->where == where;
}

/* Another process', where the guest has none of its own: this one passes. */
static bool pass_foreign(struct vcpu *v)
{
	u8 *where = gdb_mem_ptr_linear(v, v->in_l2, gdb_linear_rip(v));

	for (u32 i = 0; where && i < BREAKS_MAX; i++) {
		if (!breaks[i].used || breaks[i].where != where)
			continue;
		if (breaks[i].saved == INT3)
			return false;
		gdb_over_page(v, page_of(where));
		return true;
	}
	return false;
}

u32 debug_wants(const struct vcpu *v)
{
	const struct vcpu_debug *d = &v->debug;

	return d->exceptions | (d->step || d->dr_on ? (u32)BIT(VEC_DB) : 0);
}

/* One #DB may be the end of a step, a hit of the stub's and one of the
 * guest's own. */
static bool debug_trap(struct vcpu *v)
{
	struct gdb_point *p = gdb_dr_hit(v);
	bool own = v->debug.dr_on && gdb_dr_guest_hit(v);

	if (gdb_step_db(v, p, own))
		return !own;
	if (!p)
		return false;
	gdb_stop(v, gdb_point_stop(p->type), p->la);
	return !own && !(virt->get_reg(v, VREG_DR6) & DR6_BS);
}

static bool exception(struct vcpu *v, u8 vector, u32 error, u64 addr)
{
	if (vector == VEC_DB && debug_trap(v))
		return true;
	if (vector == VEC_BP && gdb_break_here(v)) {
		if (!gdb_over_break(v))
			gdb_stop(v, GDB_STOPPED_SWBREAK, 0);
		return true;
	}
	if (vector == VEC_BP && pass_foreign(v))
		return true;
	gdb_catch_exception(v, vector, error, addr);
	return false;
}

void gdb_break_init(void)
{
	debug_soft_int = gdb_emulate_int;
	debug_exception = exception;
}
