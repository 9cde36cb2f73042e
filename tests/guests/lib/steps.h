/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions for a debugger to step over, each with a label (lib/steps.S):
 * those that look at TF and IF, change them or hold traps off, those that fault
 * or exit, with a timer interrupt always pending.
 */
#ifndef TESTS_GUESTS_LIB_STEPS_H
#define TESTS_GUESTS_LIB_STEPS_H

#define STEPS_TIMER 0x60
#define STEPS_INT 0x61	    /* for CPL 0 only */
#define STEPS_INT_USER 0x62 /* by a trap gate, for CPL 3 */

#ifndef __ASSEMBLY__
#include "core/types.h"

/* Gates, system call MSRs, the timer. */
void steps_init(void);
/* The sequence; it ends in @steps_end: VMCALL or VMMCALL in L2, RET in L1. */
void steps_run(void);
void steps_run_vmmcall(void);
void steps_run_vmcall(void);
/* The timer has interrupted, and no flags that were saved had TF set. */
void steps_check(const char *level);
#endif

#endif
