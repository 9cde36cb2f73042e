/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID as L1 sees it: one table of what differs from the hardware. Pure. */
#ifndef CORE_CPUID_POLICY_H
#define CORE_CPUID_POLICY_H

#include "core/types.h"

#define CPUID_HV_BASE 0x40000000u
#define CPUID_HV_STATS 0x40000010u /* EBX:EAX: all exits of this vcpu */

struct cpuid_state {
	u64 cr4;     /* as L1 sees it */
	bool hide;   /* no hypervisor bit and leaves of ours */
	bool intel;  /* SYSCALL is shown in 64-bit mode only */
	bool mode64; /* LMA and CS.L */
	u64 exits;   /* for CPUID_HV_STATS */
};

/* Does anything here or in the nested layer change this leaf? */
static inline bool cpuid_edited(u32 leaf)
{
	return leaf == 1 || leaf == 7 || leaf - CPUID_HV_BASE < 0x100 ||
	       leaf == 0x80000001 || leaf == 0x8000000a;
}

/* Edit the hardware's answer @r (EAX..EDX) to @leaf. */
void cpuid_apply(const struct cpuid_state *s, u32 leaf, u32 sub, u32 r[4]);

#endif
