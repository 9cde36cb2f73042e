/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the debug stub wants of a vcpu, and what it offers to the backends.
 * Everything here is idle unless gdb= was given.
 */
#ifndef CORE_DEBUG_H
#define CORE_DEBUG_H

#include "core/types.h"

struct vcpu;
struct cpu;

/* Part of struct vcpu; virt_ops.set_debug() carries it into the hardware. */
struct vcpu_debug {
	u32 exceptions;	 /* bit n: exception n exits to the stub first */
	bool watch;	 /* debug_event() wants every exit and entry */
	bool step;	 /* stop after one instruction */
	bool stopped;	 /* waits in L0 (set by its own CPU) */
	bool hold;	 /* stays stopped while others run (vCont) */
	bool step_into;	 /* a step over a VM entry or exit goes with it */
	bool step_begun; /* the next four are set */
	bool step_l2;	 /* the level in which the step began */
	bool step_left;	 /* that level was left since */
	bool tf_after;	 /* RFLAGS.TF as the instruction leaves it */
	u64 step_rip;	 /* where it began */
	bool tf_set;	 /* TF was set for this entry */
	bool at_start;	 /* the last exit was at step_rip */
	u8 *pushed;	 /* where the instruction pushes flags, or NULL */
};

/*
 * A guest's exception @vector exited, and the vcpu's debug.exceptions has it:
 * called by the backend before anybody else sees it. True: it was the
 * stub's (the stop is over): enter again.
 */
extern bool (*debug_exception)(struct vcpu *v, u8 vector);

/*
 * INT n or INT3 exited only because the stub watches for INT3 (see
 * svm/debug.c): carry it out. False: what stands there is neither.
 */
extern bool (*debug_soft_int)(struct vcpu *v);

/*
 * While v->debug.step: before each entry, and right after each exit. TF is the
 * guest's own whenever L0 or L1 looks at it. True: the step is over, and the
 * stop that follows, too (the vcpu may have been moved: begin again).
 */
bool debug_step_entry(struct vcpu *v);
void debug_step_exit(struct vcpu *v);

/* What debug_event() is told of, where v->debug.watch is set. */
enum debug_what {
	DEBUG_EXIT,	  /* a hardware exit; raw: its slot in the counters */
	DEBUG_ENTRY,	  /* L1 enters L2 */
	DEBUG_ENTRY_FAIL, /* L1's VM entry was refused */
	DEBUG_SHUTDOWN,	  /* triple fault, or the VM cannot go on */
};
void debug_event(struct vcpu *v, enum debug_what what, u32 raw);

/* An NMI came to this CPU: is it the stub's (its UART has a byte)? */
extern bool (*debug_nmi)(struct cpu *cpu);

#endif
