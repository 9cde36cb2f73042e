/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single steps. TF is set for the entry that runs the instruction and taken
 * back at the exit, so that neither L1 nor what emulates instructions sees it.
 * An instruction that exits is over when L0 has moved RIP behind it. One that
 * leaves its level (VM entries of L1, exits of L2) is over when the level runs
 * again or, with `monitor step-into on`, at the other level's first one.
 */
#include "core/debug.h"
#include "core/gdb.h"
#include "core/virt.h"
#include "core/x86.h"

#define OP_PUSHF 0x9c
#define OP_POPF 0x9d
#define OP_IRET 0xcf
#define OP_SIZE 0x66
#define TF_BYTE 1 /* TF is bit 0 of the second byte of RFLAGS */

static bool mode64(struct vcpu *v)
{
	struct segment cs;

	virt->get_seg(v, SEG_CS, &cs);
	return (virt->get_reg(v, VREG_EFER) & EFER_LMA) && (cs.attr & BIT(13));
}

static u8 *stack_ptr(struct vcpu *v, s64 offset)
{
	u64 sp = v->gpr[RSP] + (u64)offset;
	struct segment ss;

	if (mode64(v))
		return gdb_mem_ptr_linear(v, v->in_l2, sp);
	virt->get_seg(v, SEG_SS, &ss);
	sp = ss.attr & BIT(14) ? (u32)sp : (u16)sp;
	return gdb_mem_ptr_linear(v, v->in_l2, (u32)(ss.base + sp));
}

/* Bytes of a stack slot, by operand size. */
static u32 operand_size(struct vcpu *v, bool prefix, bool iret)
{
	struct segment cs;

	virt->get_seg(v, SEG_CS, &cs);
	if (mode64(v))
		return prefix ? 2 : iret ? 4 : 8;
	return !!(cs.attr & BIT(14)) != prefix ? 4 : 2;
}

/* The instruction at RIP, if it moves flags to or from the stack. */
static void look_at_flags(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	u64 la = gdb_linear_rip(v);
	bool prefix = false;
	u32 size, rex = 0;
	const u8 *op;
	u8 *flags;

	while ((op = gdb_mem_ptr_linear(v, v->in_l2, la)) &&
	       (*op == OP_SIZE || (mode64(v) && (*op & 0xf0) == 0x40))) {
		prefix |= *op == OP_SIZE;
		rex = *op == OP_SIZE ? 0 : *op;
		la++;
	}
	if (!op)
		return;
	size = rex & 8 ? 8 : operand_size(v, prefix, *op == OP_IRET);
	if (*op == OP_PUSHF) {
		d->pushed = stack_ptr(v, TF_BYTE - (s64)size);
	} else if (*op == OP_POPF || *op == OP_IRET) {
		flags = stack_ptr(v, (*op == OP_IRET ? 2 * size : 0) + TF_BYTE);
		d->tf_after = flags && (*flags & 1);
	}
}

static void begin(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;

	d->step_begun = true;
	d->step_left = d->at_start = false;
	d->step_l2 = v->in_l2;
	d->step_rip = virt->get_reg(v, VREG_RIP);
	d->at_start = true;
	d->tf_after = virt->get_reg(v, VREG_RFLAGS) & RFLAGS_TF;
	d->pushed = NULL;
	look_at_flags(v);
}

static bool over(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;

	if (v->in_l2 != d->step_l2) {
		d->step_left = true;
		return d->step_into;
	}
	return d->step_left ||
	       (d->at_start && virt->get_reg(v, VREG_RIP) != d->step_rip);
}

bool debug_step_entry(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	u64 flags;

	if (!d->step_begun)
		begin(v);
	else if (over(v)) {
		gdb_step_end(v, NULL);
		return true;
	}
	flags = virt->get_reg(v, VREG_RFLAGS);
	/* Elsewhere: in a handler that came first; its IRET brings TF back. */
	d->tf_set =
		v->in_l2 == d->step_l2 && d->at_start && !(flags & RFLAGS_TF);
	if (d->tf_set)
		virt->set_reg(v, VREG_RFLAGS, flags | RFLAGS_TF);
	return false;
}

void debug_step_exit(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;

	if (d->tf_set)
		virt->set_reg(v, VREG_RFLAGS,
			      virt->get_reg(v, VREG_RFLAGS) & ~RFLAGS_TF);
	d->tf_set = false;
	d->at_start = v->in_l2 == d->step_l2 &&
		      virt->get_reg(v, VREG_RIP) == d->step_rip;
}

/* The step's #DB: flags as the guest would have them. */
void gdb_step_flags(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	u64 flags = virt->get_reg(v, VREG_RFLAGS) & ~RFLAGS_TF;

	virt->set_reg(v, VREG_RFLAGS, d->tf_after ? flags | RFLAGS_TF : flags);
	if (d->pushed && !d->tf_after)
		*d->pushed &= (u8)~1;
}

void gdb_step_end(struct vcpu *v, const struct gdb_point *hit)
{
	v->debug.step = v->debug.step_begun = false;
	if (hit)
		gdb_stop(v, gdb_point_stop(hit->type), hit->la);
	else
		gdb_stop(v, GDB_STOPPED_TRAP, 0);
}
