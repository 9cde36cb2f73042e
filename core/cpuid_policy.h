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

/*
 * All that is done to one leaf, worked out once: r = (r & keep) | set, and
 * one bit that follows the state of L1's CPU.
 */
struct cpuid_edit {
	u32 keep[4], set[4]; /* EAX, EBX, ECX, EDX */
	u8 reg;
	u32 bit;     /* in r[reg] */
	u64 cr4;     /* ... is 1 with this bit of CR4 (0: no such bit) */
	bool mode64; /* ... is kept in 64-bit mode only */
};

struct cpuid_table {
	struct cpuid_edit edit[4];
};

/* What edits @leaf; NULL: nothing, or not by the table (CPUID_HV_BASE and what
 * follows). */
static inline const struct cpuid_edit *cpuid_find(const struct cpuid_table *t,
						  u32 leaf, u32 sub)
{
	u32 low = leaf & 0x7fffffff;

	if (low == 1)
		return &t->edit[leaf >> 31];
	if (leaf == 7 && !sub)
		return &t->edit[2];
	return leaf == 0x8000000a ? &t->edit[3] : NULL;
}

static inline bool cpuid_is_hv(u32 leaf)
{
	return leaf - CPUID_HV_BASE < 0x100;
}

/* Fill @t with what cpuid_apply() does under @s and then @more (the nested
 * layer; may be NULL) with @ctx. */
void cpuid_table_init(struct cpuid_table *t, const struct cpuid_state *s,
		      void (*more)(void *ctx, u32 leaf, u32 sub, u32 r[4]),
		      void *ctx);

/* Edit the hardware's answer @r (EAX..EDX) to @leaf. */
void cpuid_apply(const struct cpuid_state *s, u32 leaf, u32 sub, u32 r[4]);

#endif
