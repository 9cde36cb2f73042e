/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/cpuid_policy.h"

#include "core/string.h"
#include "core/x86.h"

enum { EAX, EBX, ECX, EDX };

/* Bits that are forced to 0 or follow a bit of L1's CR4. */
struct cpuid_rule {
	u32 leaf;
	u8 reg, bit;
	enum { CLEAR, CR4_BIT, SYSCALL_BIT } what;
	u64 cr4;
};

static const struct cpuid_rule rules[] = {
	{ 1, ECX, 5, CLEAR, 0 }, /* VMX: the nested layer's */
	{ 1, ECX, 6, CLEAR, 0 }, /* SMX: GETSEC is L0's */
	{ 1, ECX, 27, CR4_BIT, CR4_OSXSAVE },
	{ 7, ECX, 4, CR4_BIT, CR4_PKE },
	{ 0x80000001, ECX, 2, CLEAR, 0 },  /* SVM: the nested layer's */
	{ 0x80000001, ECX, 12, CLEAR, 0 }, /* SKINIT: the same */
	{ 0x80000001, EDX, 11, SYSCALL_BIT, 0 },
};

static void put_bit(u32 *r, u8 bit, bool on)
{
	*r = on ? *r | 1u << bit : *r & ~(1u << bit);
}

static void apply_rule(const struct cpuid_state *s, const struct cpuid_rule *p,
		       u32 r[4])
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

void cpuid_apply(const struct cpuid_state *s, u32 leaf, u32 sub, u32 r[4])
{
	if (leaf - CPUID_HV_BASE < 0x100) {
		if (!s->hide)
			hypervisor_leaf(s, leaf, r);
		return;
	}
	if (leaf == 7 && sub != 0)
		return;
	if (leaf == 0x8000000a)
		memset(r, 0, 16);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].leaf == leaf)
			apply_rule(s, &rules[i], r);
	if (leaf == 1 && !s->hide)
		put_bit(&r[ECX], 31, true);
}
