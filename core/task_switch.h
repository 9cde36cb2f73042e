/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardware task switches of 16- and 32-bit TSSs, emulated: VMX does not let a
 * guest do them. Pure; memory is reached through callbacks.
 * (SDM 3A, "Task Management")
 */
#ifndef CORE_TASK_SWITCH_H
#define CORE_TASK_SWITCH_H

#include "core/types.h"
#include "core/vcpu.h"

enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE };

/* The registers that a task switch reads and writes. */
struct task_cpu {
	u32 gpr[8]; /* enum gpr order */
	u32 eip;    /* as it is to be saved: of the next instruction, or of the
		     * faulting one */
	u32 eflags;
	u64 cr0, cr3, dr6, dr7;
	struct segment seg[NR_SEGS];
};

struct task_fault {
	u8 vector;
	bool has_error;
	u32 error;
};

/*
 * Linear addresses, supervisor accesses. 0, or -EFAULT with *f filled (the
 * callback has stored a #PF's address itself).
 */
struct task_mem {
	void *ctx;
	int (*read)(void *ctx, u64 la, void *to, size_t n,
		    struct task_fault *f);
	int (*write)(void *ctx, u64 la, const void *from, size_t n,
		     struct task_fault *f);
	/* The new CR3 holds from now on. -EFAULT: PDPTEs that are not valid. */
	int (*set_cr3)(void *ctx, u64 cr3);
};

struct task_request {
	u16 sel; /* of the new TSS */
	enum task_source source;
	bool has_error; /* to be pushed on the new task's stack */
	u32 error;
	bool external; /* the event came from outside the program (EXT) */
};

/*
 * Switch from the task in *c to that of r->sel; the privilege checks of the
 * instruction and of a task gate have been made (the processor makes them
 * before it exits). 0, or -EFAULT: the exception in *f is to be raised in *c,
 * which is the old task for faults found before the manual's commit point and
 * the new one for all later ones and for the debug trap of the T flag.
 */
int __must_check task_switch(struct task_cpu *c, const struct task_mem *m,
			     const struct task_request *r,
			     struct task_fault *f);

#endif
