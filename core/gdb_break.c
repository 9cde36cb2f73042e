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
	u8 *where; /* the byte, in the direct map */
	u8 saved;
} breaks[BREAKS_MAX];

static u32 nr_breaks;

/* --- inserting and removing ------------------------------------------------ */

struct find {
	u64 la;
	bool l1;
	u32 pid;
	u8 *where;
};

static void find_on_cpu(struct vcpu *v, void *arg)
{
	struct find *f = arg;

	if (f->l1)
		virt->view_l1(v, true);
	f->where = gdb_mem_ptr(v, f->pid != 1, f->la);
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

u8 *gdb_find(struct gdb_thread t, u64 la)
{
	struct vcpu *v = gdb_vcpu(t);
	struct find f = { la, v && t.pid == 1 && v->in_l2, t.pid, NULL };

	if (v)
		gdb_on_cpu(v, find_on_cpu, &f);
	return f.where;
}

static u64 page_of(const u8 *where)
{
	return ptr_hpa(where).v & PAGE_MASK;
}

static int insert_soft(struct gdb_thread t, u64 la)
{
	struct soft_break *b = breaks;
	u8 *where;

	if (known(t.pid, la))
		return 0;
	if (!gdb_vcpu(t))
		return -ENOENT;
	where = gdb_find(t, la);
	if (!where)
		return -EFAULT;
	while (b->used)
		if (++b == breaks + BREAKS_MAX)
			return -ENOSPC;
	*b = (struct soft_break){ true, t.pid, la, where, *where };
	gdb_break_hide(where, &b->saved, 1); /* another process' is there */
	*where = INT3;
	nr_breaks++;
	/* Where there are too many pages it is to be seen. */
	if (gdb_page_refresh(page_of(where)))
		gdb_say("the breakpoint at %#lx can be seen by reads", la);
	return 0;
}

/* Is it the only one at its byte? */
static bool alone(const struct soft_break *b)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (breaks[i].used && &breaks[i] != b &&
		    breaks[i].where == b->where)
			return false;
	return true;
}

static void remove_soft(struct soft_break *b)
{
	/* Else the guest has written there, or it is another process', too. */
	if (*b->where == INT3 && alone(b))
		*b->where = b->saved;
	b->used = false;
	nr_breaks--;
	if (gdb_page_refresh(page_of(b->where)))
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
	if (type == GDB_BP_SOFT)
		return break_soft(t, addr, insert);
	return insert ? gdb_point_insert(t, type, addr, kind)
		      : gdb_point_remove(t.pid, type, addr, kind);
}

void gdb_break_clear(u32 pid)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (breaks[i].used && (pid == GDB_ALL || breaks[i].pid == pid))
			remove_soft(&breaks[i]);
	gdb_point_clear(pid);
	want_exceptions();
}

/* --- keeping them out of sight ---------------------------------------------- */

bool gdb_break_in_page(u64 page)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (breaks[i].used && page_of(breaks[i].where) == page)
			return true;
	return false;
}

void gdb_break_lift(u64 page, bool lift)
{
	for (u32 i = 0; i < BREAKS_MAX; i++) {
		struct soft_break *b = &breaks[i];

		if (!b->used || page_of(b->where) != page)
			continue;
		if (lift) {
			*b->where = b->saved;
		} else if (*b->where != INT3 || alone(b)) {
			b->saved = *b->where;
			*b->where = INT3;
		}
	}
}

void gdb_break_hide(const u8 *p, u8 *buf, u32 len)
{
	for (u32 i = 0; nr_breaks && i < BREAKS_MAX; i++)
		if (breaks[i].used && (u64)(breaks[i].where - p) < len &&
		    *breaks[i].where == INT3)
			buf[breaks[i].where - p] = breaks[i].saved;
}

void gdb_break_written(const u8 *p, u32 len)
{
	for (u32 i = 0; nr_breaks && i < BREAKS_MAX; i++) {
		struct soft_break *b = &breaks[i];

		if (!b->used || (u64)(b->where - p) >= len)
			continue;
		b->saved = *b->where;
		*b->where = INT3;
	}
}

/* --- when they are hit ----------------------------------------------------- */

/* An INT3 is the stub's when it put one into that very byte of memory. */
bool gdb_break_here(struct vcpu *v)
{
	u8 *where = gdb_mem_ptr_linear(v, v->in_l2, gdb_linear_rip(v));

	for (u32 i = 0; where && i < BREAKS_MAX; i++)
		if (breaks[i].used && breaks[i].where == where)
			return true;
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
	gdb_catch_exception(v, vector, error, addr);
	return false;
}

void gdb_break_init(void)
{
	debug_soft_int = gdb_emulate_int;
	debug_exception = exception;
}
