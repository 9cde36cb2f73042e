/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions for a debugger to step over, each with a label (lib/steps.S):
 * those that look at TF and IF, change them or hold traps off, those that fault
 * or exit, with a timer interrupt always pending.
 */
#ifndef TESTS_GUESTS_LIB_STEPS_H
#define TESTS_GUESTS_LIB_STEPS_H

#define STEPS_TIMER 0x60
#define STEPS_INT 0x61	     /* for CPL 0 only */
#define STEPS_INT_USER 0x62  /* by a trap gate, for CPL 3 */
#define STEPS_INT_LEAVE 0x63 /* lib/steps_modes.S: out of CPL 3 */
#define STEPS_INT_LEAVE2 0x64
#define STEPS_INT_V86 0x65
#define STEPS_VECTORS 0x66

/* lib/steps_modes.S has a GDT of its own: as boot.S's, and these. */
#define STEPS_SEL_FAST32 0x48 /* SYSENTER's and SYSEXIT's four */
#define STEPS_SEL_FAST64 0x68 /* and six */
#define STEPS_SEL_GATE32 0x98
#define STEPS_SEL_TSS32 0xa0
#define STEPS_SEL_TSS64 0xa8
#define STEPS_SEL_GATE64 0xb8
#define STEPS_GDT 25 /* entries */

/* SYSENTER in long mode is Intel's, SYSCALL in compatibility mode AMD's. */
#define STEPS_INTEL 1
#define STEPS_AMD 2

#ifndef __ASSEMBLY__
#include "core/types.h"

/* Gates, system call MSRs, the timer. */
void steps_init(void);
/* The timer interrupts, or does not. */
void steps_timer(bool on);
/* The sequence; it ends in @steps_end: VMCALL or VMMCALL in L2, RET in L1. */
void steps_run(void);
void steps_run_vmmcall(void);
void steps_run_vmcall(void);
/*
 * All other modes, rings and the ways between them (lib/steps_modes.S), once:
 * on a CPU that may leave long mode. The _vm* ones end so.
 */
void steps_modes_run(void);
void steps_modes_vmcall(void);
void steps_modes_vmmcall(void);
/* A run has seen the same flags and frames as the last one. */
void steps_modes_compare(const char *level);
/* A place to stop at, before what is to be stepped. */
void steps_here(void);
/* The timer has interrupted, and no flags that were saved had TF set. */
void steps_check(const char *level);
#endif

#endif
