/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/cpuid_policy.h"

#include "core/string.h"
#include "core/x86.h"

enum { EAX, EBX, ECX, EDX };

/* Bits of a leaf that are forced to 0 or follow a bit of L1's CR4. */
struct cpuid_rule {
	u8 reg, bit;
	enum { CLEAR, CR4_BIT, SYSCALL_BIT } what;
	u64 cr4;
};

static const struct cpuid_rule leaf_1[] = {
	{ ECX, 5, CLEAR, 0 }, /* VMX: the nested layer's */
	{ ECX, 6, CLEAR, 0 }, /* SMX: GETSEC would be L0's to answer */
	{ ECX, 27, CR4_BIT, CR4_OSXSAVE },
};

/* Processor Trace, hardware feedback: see MEMORY_WRITERS in
 * core/msr_policy.c. */
static const struct cpuid_rule leaf_6[] = {
	{ EAX, 19, CLEAR, 0 }, /* HW_FEEDBACK */
	{ EAX, 23, CLEAR, 0 }, /* Thread Director */
};

static const struct cpuid_rule leaf_d_1[] = {
	{ ECX, 8, CLEAR, 0 }, /* XSS: Processor Trace */
};

static const struct cpuid_rule leaf_7[] = {
	{ EBX, 25, CLEAR, 0 }, /* Processor Trace */
	{ ECX, 13, CLEAR, 0 }, /* TME: its keys' bits are none of an address */
	{ EDX, 18, CLEAR, 0 }, /* PCONFIG, which sets them */
	{ ECX, 4, CR4_BIT, CR4_PKE },
};

/*
 * FRED: an event carries data that an exit in the middle of its delivery keeps
 * apart, and L0 does not handle. The others are ways to an MSR that no exit of
 * RDMSR or WRMSR watches.
 */
static const struct cpuid_rule leaf_7_1[] = {
	{ EAX, 17, CLEAR, 0 }, /* FRED */
	{ EAX, 27, CLEAR, 0 }, /* RDMSRLIST, WRMSRLIST */
	{ ECX, 5, CLEAR, 0 },  /* RDMSR, WRMSRNS with an immediate */
	{ EDX, 15, CLEAR, 0 }, /* URDMSR, UWRMSR */
};

static const struct cpuid_rule leaf_80000001[] = {
	{ ECX, 2, CLEAR, 0 },  /* SVM: the nested layer's */
	{ ECX, 12, CLEAR, 0 }, /* SKINIT: the same */
	{ EDX, 11, SYSCALL_BIT, 0 },
};

/* AMD: instructions and registers that L0 does not give to L1. */
static const struct cpuid_rule leaf_80000008[] = {
	{ EBX, 3, CLEAR, 0 }, /* INVLPGB, TLBSYNC */
	{ EBX, 8, CLEAR, 0 }, /* MCOMMIT: EFER.MCOMMIT cannot be set */
};

#define PHYS_BITS 0xffu		 /* Fn8000_0008 EAX */
#define INVLPGB_COUNT_MAX 0xffff /* EDX */

static inline void put_bit(u32 *r, u8 bit, bool on)
{
	*r = on ? *r | 1u << bit : *r & ~(1u << bit);
}

static inline void apply_rule(const struct cpuid_state *s,
			      const struct cpuid_rule *p, u32 r[4])
{
	switch (p->what) {
	case CLEAR:
		put_bit(&r[p->reg], p->bit, false);
		break;
	case CR4_BIT:
		put_bit(&r[p->reg], p->bit, s->cr4 & p->cr4);
		break;
	case SYSCALL_BIT:
		if (s->intel)
			put_bit(&r[p->reg], p->bit, s->mode64);
		break;
	}
}

static inline void apply_rules(const struct cpuid_state *s,
			       const struct cpuid_rule *p, size_t n, u32 r[4])
{
	while (n--)
		apply_rule(s, p++, r);
}

static void hypervisor_leaf(const struct cpuid_state *s, u32 leaf, u32 r[4])
{
	memset(r, 0, 16);
	if (leaf == CPUID_HV_BASE) {
		r[EAX] = CPUID_HV_STATS;
		memcpy(&r[EBX], "AbymeAbymeHV", 12);
	} else if (leaf == CPUID_HV_STATS) {
		r[EAX] = (u32)s->exits;
		r[EBX] = (u32)(s->exits >> 32);
	}
}

u8 cpuid_encrypted_bits(u8 bits, u32 ebx)
{
	u8 c_bit = ebx & 63, taken = ebx >> 6 & 63;

	return MIN((u8)(bits - taken), c_bit);
}

#define TME_LOCKED_AND_ON BITS(1, 0)

u8 cpuid_keyless_bits(u8 bits, u64 tme_activate)
{
	u8 keys = tme_activate >> 32 & 15;

	if ((tme_activate & TME_LOCKED_AND_ON) != TME_LOCKED_AND_ON)
		return bits;
	return (u8)(bits - MIN(keys, bits));
}

void cpuid_apply(const struct cpuid_state *s, u32 leaf, u32 sub, u32 r[4])
{
	if (leaf - CPUID_HV_BASE < 0x100) {
		if (!s->hide)
			hypervisor_leaf(s, leaf, r);
		return;
	}
	switch (leaf) {
	case 1:
		apply_rules(s, leaf_1, ARRAY_SIZE(leaf_1), r);
		if (!s->hide)
			put_bit(&r[ECX], 31, true);
		break;
	case 6:
		apply_rules(s, leaf_6, ARRAY_SIZE(leaf_6), r);
		break;
	case 0xd:
		if (sub == 1)
			apply_rules(s, leaf_d_1, ARRAY_SIZE(leaf_d_1), r);
		break;
	case 7:
		if (sub == 0)
			apply_rules(s, leaf_7, ARRAY_SIZE(leaf_7), r);
		else if (sub == 1)
			apply_rules(s, leaf_7_1, ARRAY_SIZE(leaf_7_1), r);
		break;
	case 0x80000001:
		apply_rules(s, leaf_80000001, ARRAY_SIZE(leaf_80000001), r);
		break;
	case 0x80000008:
		apply_rules(s, leaf_80000008, ARRAY_SIZE(leaf_80000008), r);
		r[EDX] &= ~INVLPGB_COUNT_MAX;
		if (s->phys_bits)
			r[EAX] = (r[EAX] & ~PHYS_BITS) | s->phys_bits;
		break;
	case 0x14:
	case 0x8000000a:
	case 0x8000001f: /* memory encryption: see MSR_SYSCFGREG */
		memset(r, 0, 16);
		break;
	}
}

/* With @in in all registers: what comes out. */
static void try_leaf(const struct cpuid_state *s, u32 leaf, u32 sub, u32 in,
		     u32 r[4],
		     void (*more)(void *ctx, u32 leaf, u32 sub, u32 r[4]),
		     void *ctx)
{
	for (u32 i = 0; i < 4; i++)
		r[i] = in;
	cpuid_apply(s, leaf, sub, r);
	if (more)
		more(ctx, leaf, sub, r);
}

void cpuid_table_init(struct cpuid_table *t, const struct cpuid_state *s,
		      void (*more)(void *ctx, u32 leaf, u32 sub, u32 r[4]),
		      void *ctx)
{
	static const struct {
		u32 leaf, sub;
	} leaves[NR_CPUID_EDITS] = {
		[CPUID_1] = { 1, 0 },
		[CPUID_80000001] = { 0x80000001, 0 },
		[CPUID_6] = { 6, 0 },
		[CPUID_7] = { 7, 0 },
		[CPUID_7_1] = { 7, 1 },
		[CPUID_D_1] = { 0xd, 1 },
		[CPUID_14] = { 0x14, 0 },
		[CPUID_80000008] = { 0x80000008, 0 },
		[CPUID_8000000A] = { 0x8000000a, 0 },
		[CPUID_8000001F] = { 0x8000001f, 0 },
	};
	struct cpuid_state st = *s;

	/* As if the bits that follow the CPU's state were 0, or kept. */
	st.cr4 = 0;
	st.mode64 = true;
	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct cpuid_edit *e = &t->edit[i];

		*e = (struct cpuid_edit){ .reg = ECX };
		try_leaf(&st, leaves[i].leaf, leaves[i].sub, ~0u, e->keep, more,
			 ctx);
		try_leaf(&st, leaves[i].leaf, leaves[i].sub, 0, e->set, more,
			 ctx);
	}
	t->edit[CPUID_1].bit = 1u << 27;
	t->edit[CPUID_1].cr4 = CR4_OSXSAVE;
	t->edit[CPUID_80000001].reg = EDX;
	t->edit[CPUID_80000001].bit = 1u << 11;
	t->edit[CPUID_80000001].mode64 = s->intel;
	t->edit[CPUID_7].bit = 1u << 4;
	t->edit[CPUID_7].cr4 = CR4_PKE;
}
