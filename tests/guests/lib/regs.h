/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers as the level's own instructions read them, for a debugger that has
 * written them: CPUID with leaf REGS_WRITE is where it does so, with REGS_READ
 * it looks at `regs_seen`, in the order of REGS.
 */
#ifndef TESTS_GUESTS_LIB_REGS_H
#define TESTS_GUESTS_LIB_REGS_H

#define REGS_WRITE 0xabe20001
#define REGS_READ 0xabe20002
#define REGS_END 0xabe2ffff

#ifndef __ASSEMBLY__
#include "tests/guests/lib/guest.h"

/* XSAVE, SSE and AVX on, interrupts off. */
void regs_init(void);
/* Between its two CPUIDs; also for an L2, CALLed, with L1's page tables. */
extern const char regs_code[];
/* L1 itself. */
void regs_of_l1(void);
void regs_end(void);
#endif
#endif
