/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places where a debugger breaks in: each waits until it sets `go`. On the
 * command line `gdb`; without it nothing waits. Another CPU, if there is one,
 * loops with interrupts off meanwhile.
 */
#ifndef TESTS_GUESTS_LIB_STOPS_H
#define TESTS_GUESTS_LIB_STOPS_H

#include "core/types.h"

extern volatile u32 stage, go;

void stops_init(void);
/* Those of any L1, with interrupts off: in a loop, halted, in NMI's handler. */
void stops_common(void);
/* The next stage has begun; what follows waits for `go`. */
void stops_stage(void);
/* For L2: the same waits, then VMMCALL or VMCALL. */
void stops_loop(void);
void stops_halt(void);

#endif
