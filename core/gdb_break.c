/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Software breakpoints. */
#include "core/debug.h"
#include "core/err.h"
#include "core/gdb.h"
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

static int insert_soft(struct gdb_thread t, u64 la)
{
	struct vcpu *v = gdb_vcpu(t);
	struct soft_break *b = breaks;
	struct find f = { la, v && t.pid == 1 && v->in_l2, t.pid, NULL };

	if (known(t.pid, la))
		return 0;
	if (!v)
		return -ENOENT;
	gdb_on_cpu(v, find_on_cpu, &f);
	if (!f.where)
		return -EFAULT;
	while (b->used)
		if (++b == breaks + BREAKS_MAX)
			return -ENOSPC;
	*b = (struct soft_break){ true, t.pid, la, f.where, *f.where };
	*f.where = INT3;
	nr_breaks++;
	return 0;
}

static void remove_soft(struct soft_break *b)
{
	if (*b->where == INT3) /* else the guest has written there */
		*b->where = b->saved;
	b->used = false;
	nr_breaks--;
}

static void want_exceptions(void)
{
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++) {
		struct vcpu_debug *d = &gdb_vm()->vcpus[i]->debug;

		d->exceptions = nr_breaks ? (u32)BIT(VEC_BP) : 0;
	}
}

int gdb_break(struct gdb_thread t, enum gdb_bp_type type, u64 addr, u32 kind,
	      bool insert)
{
	struct soft_break *b;
	int err = 0;

	if (type != GDB_BP_SOFT)
		return -EOPNOTSUPP;
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

void gdb_break_clear(void)
{
	for (u32 i = 0; i < BREAKS_MAX; i++)
		if (breaks[i].used)
			remove_soft(&breaks[i]);
	want_exceptions();
}

/* --- when they are hit ----------------------------------------------------- */

u64 gdb_linear_rip(struct vcpu *v)
{
	struct segment cs;
	u64 rip = virt->get_reg(v, VREG_RIP);

	virt->get_seg(v, SEG_CS, &cs);
	if ((virt->get_reg(v, VREG_EFER) & EFER_LMA) && (cs.attr & BIT(13)))
		return rip;
	return (u32)(cs.base + rip);
}

/* An INT3 is the stub's when it put one into that very byte of memory. */
static bool is_ours(struct vcpu *v)
{
	u8 *where = gdb_mem_ptr_linear(v, v->in_l2, gdb_linear_rip(v));

	for (u32 i = 0; where && i < BREAKS_MAX; i++)
		if (breaks[i].used && breaks[i].where == where)
			return true;
	return false;
}

static bool exception(struct vcpu *v, u8 vector)
{
	if (vector == VEC_DB && v->debug.step) {
		virt->step_done(v);
		gdb_step_flags(v);
		gdb_step_end(v);
		return true;
	}
	if (vector == VEC_BP && is_ours(v)) {
		gdb_stop(v, GDB_STOPPED_SWBREAK, 0);
		return true;
	}
	return false;
}

static bool soft_int(struct vcpu *v)
{
	u64 rip = gdb_linear_rip(v);
	const u8 *op = gdb_mem_ptr_linear(v, v->in_l2, rip);
	const u8 *n = gdb_mem_ptr_linear(v, v->in_l2, rip + 1);
	struct event e = { EVENT_EXCEPTION, VEC_BP, false, 0 };
	u32 len = 1;

	if (!op || (*op != INT3 && (*op != 0xcd || !n)))
		return false;
	if (*op == 0xcd) {
		e = (struct event){ EVENT_SOFT_INT, *n, false, 0 };
		len = 2;
	}
	virt->set_reg(v, VREG_RIP, virt->get_reg(v, VREG_RIP) + len);
	virt->inject(v, &e);
	return true;
}

void gdb_break_init(void)
{
	debug_soft_int = soft_int;
	debug_exception = exception;
}
