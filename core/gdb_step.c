/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single steps. The instruction runs with TF set, so that a #DB ends it, and
 * with IF clear, so that nothing comes before it; both are put right at the
 * exit, so that neither L0 nor L1 ever sees them. All its exceptions exit and
 * are injected again with the flags as they should be. An entry that delivers
 * an event exits before the handler's first instruction. What would show the
 * two flags, or hold the trap off, is carried out here (core/gdb_emulate.c).
 * So a step never leaves anything of itself behind, and ends
 * - after the instruction, an exiting one included (L0 has moved RIP), or one
 *   round of it with REP, or
 * - at the first instruction of the handler of its exception, or of an event
 *   that was to be delivered first.
 * An instruction that leaves its level (VM entries of L1, exits of L2) is over
 * when the level runs again or, with `monitor step-into on`, at the other
 * level's first one.
 */
#include "core/debug.h"
#include "core/gdb.h"
#include "core/gdb_emulate.h"
#include "core/gdb_point.h"
#include "core/msr.h"
#include "core/step_insn.h"
#include "core/virt.h"
#include "core/x86.h"

static u32 level_of(struct vcpu *v)
{
	return v->in_l2 ? gdb_pid_of_l2(v) : 1;
}

static void begin(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;

	d->step_begun = true;
	d->delivered = false;
	d->step_level = level_of(v);
	d->step_rip = virt->get_reg(v, VREG_RIP);
}

void gdb_step_begin(struct vcpu *v)
{
	gdb_over_resume(v);
	if (v->debug.step && !v->debug.step_begun)
		begin(v);
}

/*
 * gdb steps over a breakpoint with everything else locked, and gives up where
 * another thread stops then. So such a step ends where its level is left: gdb
 * lets all go on, and what stops next is news to it.
 */
static bool ends_here(struct vcpu *v, u32 level)
{
	const struct vcpu_debug *d = &v->debug;

	return d->step && d->alone && d->step_begun && d->step_level == level &&
	       !d->step_into;
}

static void end_alone(struct vcpu *v, u32 pid)
{
	struct gdb_stop s = { GDB_STOPPED_TRAP, { pid, v->index + 1 }, 0 };

	gdb_over_end(v);
	v->debug.step = v->debug.step_begun = false;
	gdb_stop_as(v, &s);
}

void gdb_step_entry(struct vcpu *v)
{
	if (ends_here(v, 1))
		end_alone(v, 1);
}

/* gdb has to see RIP behind the instruction, or it took the breakpoint for hit
 * again. It is where it was for L1, which decides what becomes of it. */
void debug_leave_l2(struct vcpu *v)
{
	u32 level = gdb_pid_of_l2(v);
	struct insn i = { .len = 1 };
	u64 rip, shown;

	if (!ends_here(v, level))
		return;
	rip = virt->get_reg(v, VREG_RIP);
	if (gdb_code_insn(v, &i))
		i.len = 1;
	shown = rip + i.len;
	virt->set_reg(v, VREG_RIP, shown);
	end_alone(v, level);
	if (virt->get_reg(v, VREG_RIP) == shown)
		virt->set_reg(v, VREG_RIP, rip);
}

void gdb_step_to_l1(struct vcpu *v)
{
	begin(v);
	v->debug.step_level = 1;
	v->debug.step_rip = ~0ull;
}

static bool over(struct vcpu *v)
{
	const struct vcpu_debug *d = &v->debug;

	if (level_of(v) != d->step_level)
		return d->step_into;
	return d->delivered || virt->get_reg(v, VREG_RIP) != d->step_rip;
}

bool debug_holds(struct vcpu *v)
{
	return v->debug.step &&
	       (!v->debug.step_begun || level_of(v) == v->debug.step_level);
}

static enum step_entry run(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;

	d->flags_before = virt->get_reg(v, VREG_RFLAGS);
	virt->set_reg(v, VREG_RFLAGS,
		      (d->flags_before & ~RFLAGS_IF) | RFLAGS_TF);
	virt->set_shadow(v, SHADOW_NONE);
	return d->entry = STEP_RUN;
}

enum step_entry debug_step_entry(struct vcpu *v, bool event, bool halt_exits)
{
	struct vcpu_debug *d = &v->debug;

	d->entry = STEP_FREE;
	if (!d->step_begun) {
		begin(v);
	} else if (over(v)) {
		gdb_step_end(v, NULL);
		return STEP_AGAIN;
	}
	if (level_of(v) != d->step_level) {
		if (!d->over)
			return STEP_FREE;
		gdb_over_end(v); /* the page is for that instruction alone */
		return STEP_AGAIN;
	}
	if (event)
		return d->entry = STEP_DELIVER;
	switch (gdb_emulate(v, halt_exits)) {
	case EMULATE_NOT:
		return run(v);
	case EMULATE_DONE:
		gdb_step_end(v, NULL);
		break;
	case EMULATE_EVENT: /* INT n: RIP is behind it already */
		d->step_rip = virt->get_reg(v, VREG_RIP);
		break;
	}
	return STEP_AGAIN;
}

void debug_step_exit(struct vcpu *v, bool cut_short)
{
	struct vcpu_debug *d = &v->debug;

	if (d->entry == STEP_DELIVER)
		d->delivered = !cut_short;
	if (d->entry != STEP_RUN)
		return;
	d->flags_after = virt->get_reg(v, VREG_RFLAGS);
	virt->set_reg(v, VREG_RFLAGS,
		      (d->flags_after & ~STEP_MASK) |
			      (d->flags_before & STEP_MASK));
}

bool debug_step_wrote_debugctl(const struct vcpu *v, bool trapped)
{
	return trapped && v->debug.step_kind == STEP_WRMSR &&
	       (u32)v->gpr[RCX] == MSR_DEBUGCTL;
}

bool gdb_step_db(struct vcpu *v, const struct gdb_point *hit, bool own)
{
	struct vcpu_debug *d = &v->debug;
	struct event db = { .type = EVENT_EXCEPTION, .vector = VEC_DB };
	/* a code breakpoint comes before the instruction */
	bool done = !hit || hit->type != GDB_BP_HARD;

	if (!d->step || d->entry != STEP_RUN)
		return false;
	d->entry = STEP_FREE;
	if (done)
		gdb_emulate_finish(v, d->flags_before, d->flags_after);
	if (!done || !(d->flags_before & RFLAGS_TF))
		virt->set_reg(v, VREG_DR6,
			      (virt->get_reg(v, VREG_DR6) & ~DR6_BS) | d->bs);
	else if (!own) /* the guest steps itself: that #DB comes next */
		virt->inject(v, &db);
	gdb_step_end(v, hit);
	return true;
}

static bool in_range(struct vcpu *v)
{
	u64 rip = virt->get_reg(v, VREG_RIP);

	return rip >= v->debug.range_from && rip < v->debug.range_to &&
	       level_of(v) == v->debug.step_level;
}

void gdb_step_end(struct vcpu *v, const struct gdb_point *hit)
{
	const struct gdb_point *page = gdb_over_hit(v);
	bool asked = !v->debug.over_only;

	/*
	 * emulator fault: QEMU TCG 7.2 takes an unaligned store into a page
	 * with a data breakpoint for one from the page's start on, and tells
	 * of the first data breakpoint there. What the page rights found is
	 * exact; where both are right either may be told.
	 */
	if (page && (!hit || hit->type != GDB_BP_HARD))
		hit = page;
	gdb_over_end(v);
	if (!hit && !asked)
		return; /* the page's alone; another step may go on */
	v->debug.step_begun = false;
	if (!hit && in_range(v))
		return; /* the next one begins when the vcpu goes on */
	v->debug.step = false;
	gdb_stop(v, hit ? gdb_point_stop(hit->type) : GDB_STOPPED_TRAP,
		 hit ? hit->la : 0);
}
