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
	/* of physical addresses, where memory encryption has taken some of
	 * those that the processor tells; 0: as it tells */
	u8 phys_bits;
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

/* The first two by bit 31 of the leaf. */
enum {
	CPUID_1,
	CPUID_80000001,
	CPUID_6,
	CPUID_7,
	CPUID_7_1,
	CPUID_D_1,
	CPUID_14,
	CPUID_80000008,
	CPUID_8000000A,
	CPUID_8000001F,
	NR_CPUID_EDITS
};

struct cpuid_table {
	struct cpuid_edit edit[NR_CPUID_EDITS];
};

/* What edits @leaf; NULL: nothing, or not by the table (CPUID_HV_BASE and what
 * follows). */
static inline const struct cpuid_edit *cpuid_find(const struct cpuid_table *t,
						  u32 leaf, u32 sub)
{
	const u32 some = 1u << 1 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 0xa |
			 1u << 0xd | 1u << 0x14 | 1u << 0x1f;
	u32 low = leaf & 0x7fffffff;

	if (low > 0x1f || !(some >> low & 1))
		return NULL;
	if (low == 1)
		return &t->edit[leaf >> 31];
	switch (leaf) {
	case 6:
		return &t->edit[CPUID_6];
	case 7:
		return sub > 1 ? NULL : &t->edit[CPUID_7 + sub];
	case 0xd:
		return sub == 1 ? &t->edit[CPUID_D_1] : NULL;
	case 0x14:
		return &t->edit[CPUID_14];
	case 0x80000008:
		return &t->edit[CPUID_80000008];
	case 0x8000000a:
		return &t->edit[CPUID_8000000A];
	case 0x8000001f:
		return &t->edit[CPUID_8000001F];
	default:
		return NULL;
	}
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

/*
 * Bits of a physical address where memory encryption is on: @bits by
 * Fn8000_0008, less those that it takes, and below the C-bit, which selects
 * the key. @ebx of Fn8000_001F (APM 3, Encrypted Memory Capabilities).
 */
u8 cpuid_encrypted_bits(u8 bits, u32 ebx);

/*
 * The same for Intel's multi-key memory encryption: @bits less those of a key,
 * by IA32_TME_ACTIVATE (SDM 3A, Total Memory Encryption).
 */
u8 cpuid_keyless_bits(u8 bits, u64 tme_activate);

/* Edit the hardware's answer @r (EAX..EDX) to @leaf. */
void cpuid_apply(const struct cpuid_state *s, u32 leaf, u32 sub, u32 r[4]);

#endif
