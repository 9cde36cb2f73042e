/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the debug stub wants of a vcpu, and what it offers to the backends.
 * Everything here is idle unless gdb= was given.
 */
#ifndef CORE_DEBUG_H
#define CORE_DEBUG_H

#include "core/msr.h"
#include "core/types.h"

struct vcpu;
struct cpu;
struct vmexit;

/* Part of struct vcpu; virt_ops.set_debug() carries it into the hardware. */
struct vcpu_debug {
	u32 exceptions;	 /* bit n: exception n exits to the stub first */
	bool watch;	 /* debug_event() wants every exit and entry */
	bool step;	 /* stop after one instruction */
	bool stopped;	 /* waits in L0 (set by its own CPU) */
	bool hold;	 /* stays stopped while others run (vCont) */
	bool in_line;	 /* wants to stop the others next */
	u64 rest_exits;	 /* vcpu.stats.total when it was stopped last */
	bool step_into;	 /* a step over a VM entry or exit goes with it */
	bool step_begun; /* the rest is set */
	bool alone;	 /* nothing else goes on: core/gdb_step.c */
	u64 range_from, range_to; /* gdb is not told of steps that end here */
	bool delivered;		  /* an event was delivered in the step */
	u8 step_kind;		  /* enum step_kind of the instruction */
	u8 step_cpl;		  /* before it */
	u8 entry;		  /* enum step_entry: what the last entry was */
	u32 step_level;		  /* process in which the step began */
	u64 step_rip;		  /* where it began */
	u64 flags_before, flags_after; /* RFLAGS: the guest's, the step's */
	u64 bs;		/* DR6.BS after the instruction, but for the step */
	bool over;	/* the step is for a watched page, which is open */
	bool over_only; /* and nobody else has asked for it */
	u64 host_rip, host_rsp; /* VMX: where L1 goes on after L2 */
	/* The L2 of its last entry: core/gdb_pid.c. */
	u64 l2_page, l2_root;
	u32 l2_gen;
	/*
	 * L0 has the debug registers: dr is DR0-DR3 as the guest left them, MOV
	 * DR exits, #DB exits. DR7, and DR6 on SVM, are the guest's own in the
	 * VMCB or VMCS except while the guest runs.
	 */
	bool dr_on;
	u8 dr_owned; /* bit n: register n is L0's in this entry */
	u16 dr_point[4];
	u64 dr[4], dr_loaded[4], dr7;
};

/*
 * A guest's exception @vector exited, and debug_wants() has it: called by the
 * backend before anybody else sees it, DR6 of a #DB being what it would have
 * become. @addr: CR2 of a #PF. True: it was the stub's (the stop is over):
 * enter again. False: it is the guest's, DR6 says what of it.
 */
extern bool (*debug_exception)(struct vcpu *v, u8 vector, u32 error, u64 addr);

/* Exceptions that must exit, by vector. */
u32 debug_wants(const struct vcpu *v);

/*
 * INT n or INT3 exited only because the stub watches for INT3 (see
 * svm/debug.c): carry it out. False: what stands there is neither.
 */
extern bool (*debug_soft_int)(struct vcpu *v);

/* What the backend does about the entry that follows. */
enum step_entry {
	STEP_FREE,    /* nothing: another level runs */
	STEP_AGAIN,   /* no entry: something was done or injected, or the step
		       * is over, and the stop that follows, too */
	STEP_RUN,     /* no interrupt, every exception exits */
	STEP_DELIVER, /* exits before the first instruction */
};

/*
 * While v->debug.step: before each entry, and right after each exit. @event:
 * the entry injects one; @halt_exits: HLT and MWAIT of this level are L1's;
 * @cut_short: the event's delivery was not finished.
 */
enum step_entry debug_step_entry(struct vcpu *v, bool event, bool halt_exits);
void debug_step_exit(struct vcpu *v, bool cut_short);
/* After an entry with STEP_RUN: has the instruction, which came to its end where
 * @trapped (a #DB), written DEBUGCTL? */
bool debug_step_wrote_debugctl(const struct vcpu *v, bool trapped);
/*
 * DEBUGCTL after a step that ran with BTF clear, so that its trap was not one
 * of branches only: @now as it was left, @before as the guest had it. SDM 3B,
 * "Single-Stepping on Branches"; APM 2, "Debug-Control MSR (DebugCtl)".
 */
static inline u64 debug_step_debugctl(u64 before, u64 now, bool wrote)
{
	return wrote ? now : now | (before & DEBUGCTL_BTF);
}
/* While v->debug.step: an exit of L2 goes to L1, and nothing of it is done
 * yet. */
void debug_leave_l2(struct vcpu *v);
/* A step is on in the level that runs: nothing may be injected before it. */
bool debug_holds(struct vcpu *v);

/*
 * While v->debug.dr_on: the same two moments. The guest's own values are
 * replaced by those that hold L0's points, too, and put back.
 */
bool debug_dr_plan(struct vcpu *v); /* before; true: begin again */
void debug_dr_entry(struct vcpu *v);
void debug_dr_exit(struct vcpu *v);
/* Can data be watched by a debug register? False where an emulator does not
 * tell which one was hit (svm/debug.c). */
extern bool debug_dr_data;
/* Are they L0's from L1's first entry on, points or not? True where an emulator
 * does not let go of what a guest has armed (svm/debug.c). */
extern bool debug_dr_always;
/* The guest's DR0-DR3, wherever they are. */
u64 debug_dr_read(struct vcpu *v, u32 n);
void debug_dr_write(struct vcpu *v, u32 n, u64 val);
/* A MOV to or from a debug register exited and is not L1's. */
void debug_mov_dr(struct vcpu *v, const struct vmexit *x);

/* How the access of a second-stage fault came about. */
enum mem_how {
	MEM_DATA,  /* by an instruction: data, or its fetch */
	MEM_WALK,  /* by a walk of the level's page tables */
	MEM_EVENT, /* by the delivery of an event */
};

/*
 * A second-stage fault at L1-physical @pa for @access (ACCESS_*) that npt01 or
 * ept01 is the cause of. True: the page is a watched one, enter again.
 */
bool debug_page_fault(struct vcpu *v, u64 pa, u32 access, enum mem_how how);

/* What debug_event() is told of, where v->debug.watch is set. */
enum debug_what {
	DEBUG_EXIT,	  /* a hardware exit; raw: its slot in the counters */
	DEBUG_ENTRY,	  /* L1 enters L2 */
	DEBUG_ENTRY_FAIL, /* L1's VM entry was refused */
	DEBUG_SHUTDOWN,	  /* triple fault, or the VM cannot go on */
};
void debug_event(struct vcpu *v, enum debug_what what, u32 raw);

/* L1 has left VMX operation, or cleared EFER.SVME, on this CPU; the same. */
void debug_virt_off(struct vcpu *v);

/* An NMI came to this CPU: is it the stub's (its UART has a byte)? */
extern bool (*debug_nmi)(struct cpu *cpu);

#endif
