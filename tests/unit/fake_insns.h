/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In the place of core/insns.h: privileged instructions as functions of a
 * test. Included before each source (a test's "flags:" comment). */
#ifndef CORE_INSNS_H
#define CORE_INSNS_H

#include "core/types.h"

void cpuid(u32 leaf, u32 sub, u32 r[4]);
u64 rdmsr(u32 msr);
void wrmsr(u32 msr, u64 val);
u32 rdmsr_safe(u32 msr, u64 *val);
u32 wrmsr_safe(u32 msr, u64 val);
u64 read_cr4(void);
u64 read_cr8(void);
void write_cr8(u64 val);
void write_cr2(u64 val);
void invlpga(u64 va, u32 asid);

static inline void cpu_pause(void)
{
}

#endif
