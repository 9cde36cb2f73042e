/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/cr.c core/msr_policy.c core/cpuid_policy.c */
#include "tests/unit/unit.h"

#include "core/cpuid_policy.h"
#include "core/cr.h"
#include "core/msr.h"
#include "core/msr_policy.h"
#include "core/x86.h"

#define LONG_MODE                                                \
	{                                                        \
		.cr0 = CR0_PG | CR0_PE | CR0_WP, .cr4 = CR4_PAE, \
		.efer = EFER_LME | EFER_LMA, .cs_l = true        \
	}

TEST(cr0_reserved_and_dependent_bits)
{
	struct cr_state s = { .cr0 = CR0_ET };

	CHECK(cr0_write_ok(&s, CR0_PE));
	CHECK(cr0_write_ok(&s, CR0_PE | CR0_PG));
	CHECK(!cr0_write_ok(&s, CR0_PG));
	CHECK(!cr0_write_ok(&s, CR0_NW));
	CHECK(cr0_write_ok(&s, CR0_NW | CR0_CD));
	CHECK(!cr0_write_ok(&s, BIT(32)));
}

TEST(cr0_paging_and_long_mode)
{
	struct cr_state s = { .cr0 = CR0_PE, .efer = EFER_LME };
	struct cr_state l = LONG_MODE;

	CHECK(!cr0_write_ok(&s, CR0_PE | CR0_PG));
	s.cr4 = CR4_PAE;
	CHECK(cr0_write_ok(&s, CR0_PE | CR0_PG));
	s.cs_l = true;
	CHECK(!cr0_write_ok(&s, CR0_PE | CR0_PG));
	CHECK(!cr0_write_ok(&l, CR0_PE | CR0_WP));
	l.cs_l = false;
	CHECK(cr0_write_ok(&l, CR0_PE | CR0_WP));
	l.cr4 |= CR4_PCIDE;
	CHECK(!cr0_write_ok(&l, CR0_PE | CR0_WP));
}

TEST(cr4_rules)
{
	struct cr_state l = LONG_MODE;
	u64 all = ~0ull;

	CHECK(cr4_write_ok(&l, CR4_PAE | CR4_PGE, all));
	CHECK(!cr4_write_ok(&l, CR4_PGE, all));
	CHECK(!cr4_write_ok(&l, CR4_PAE | CR4_LA57, all));
	CHECK(!cr4_write_ok(&l, CR4_PAE | CR4_SMEP, ~CR4_SMEP));
	CHECK(cr4_write_ok(&l, CR4_PAE | CR4_PCIDE, all));
	l.cr3 = 1;
	CHECK(!cr4_write_ok(&l, CR4_PAE | CR4_PCIDE, all));
	l.cr4 |= CR4_PCIDE;
	CHECK(cr4_write_ok(&l, CR4_PAE | CR4_PCIDE, all));
	l.cr0 &= ~CR0_WP;
	CHECK(!cr4_write_ok(&l, CR4_PAE | CR4_CET, all));
}

TEST(cr4_bits_follow_cpuid)
{
	u32 l1[4] = { 0 }, l7[4] = { 0 }, l71[4] = { 0 };

	CHECK_EQ(cr4_supported(l1, l7, l71), CR4_PCE);
	l1[3] = BIT(6);
	CHECK_EQ(cr4_supported(l1, l7, l71), CR4_PCE | CR4_PAE);
	l7[2] = BIT(16);
	CHECK_EQ(cr4_supported(l1, l7, l71), CR4_PCE | CR4_PAE | CR4_LA57);
	l7[2] = 0;
	l71[0] = BIT(26);
	CHECK_EQ(cr4_supported(l1, l7, l71), CR4_PCE | CR4_PAE | CR4_LAM_SUP);
	l71[0] = BIT(6);
	CHECK_EQ(cr4_supported(l1, l7, l71), CR4_PCE | CR4_PAE | CR4_LASS);
	l71[0] = BIT(17); /* FRED, which is not offered */
	CHECK_EQ(cr4_supported(l1, l7, l71), CR4_PCE | CR4_PAE);
}

TEST(efer_rules)
{
	struct cr_state s = { .cr0 = CR0_PE };
	u32 r1[4] = { 0, 0, 0, BIT(11) | BIT(29) }, none[4] = { 0 };
	u64 known = efer_supported(r1, none, none, false, true);

	CHECK_EQ(known, EFER_SCE | EFER_LME | EFER_LMA);
	CHECK(efer_write_ok(&s, EFER_LME, known));
	CHECK(!efer_write_ok(&s, EFER_NXE, known));
	CHECK(!efer_write_ok(&s, EFER_SVME, known));
	s.cr0 |= CR0_PG;
	CHECK(!efer_write_ok(&s, EFER_LME, known));
	s.efer = EFER_LME | EFER_LMA;
	CHECK(efer_write_ok(&s, EFER_LME | EFER_SCE, known));
	CHECK(!efer_write_ok(&s, EFER_SCE, known));
	known = efer_supported(none, none, none, true, true);
	CHECK_EQ(known, EFER_SVME | EFER_LMSLE);
	/* what CPUID shows to L1 can be set; MCOMMIT (17) is not shown */
	u32 ext8[4] = { 0, BIT(8) | BIT(13) | BIT(20) };
	u32 ext21[4] = { BIT(7) | BIT(8) };

	known = efer_supported(none, ext8, ext21, true, false);
	CHECK_EQ(known, EFER_INTWB | EFER_UAIE | EFER_AIBRSE);
}

TEST(xcr0_rules)
{
	CHECK(!xcr0_write_ok(0, ~0ull));
	CHECK(xcr0_write_ok(1, 7));
	CHECK(xcr0_write_ok(7, 7));
	CHECK(!xcr0_write_ok(5, 7));
	CHECK(!xcr0_write_ok(7, 3));
	CHECK(!xcr0_write_ok(0xb, ~0ull));
	CHECK(xcr0_write_ok(0x1b, ~0ull));
	CHECK(!xcr0_write_ok(0xe3, ~0ull));
	CHECK(xcr0_write_ok(0xe7, ~0ull));
	CHECK(!xcr0_write_ok(0x67, ~0ull));
	CHECK(!xcr0_write_ok(0x20007, ~0ull));
	CHECK(xcr0_write_ok(0x60007, ~0ull));
}

TEST(msr_actions)
{
	CHECK_EQ(msr_action(MSR_EFER, true), MSR_EFERREG);
	CHECK_EQ(msr_action(MSR_APIC_BASE, true), MSR_APICBASE);
	CHECK_EQ(msr_action(MSR_APIC_BASE, false), MSR_NATIVE);
	CHECK_EQ(msr_action(MSR_VMX_BASIC, false), MSR_GP);
	CHECK_EQ(msr_action(MSR_VMX_EXIT_CTLS2, false), MSR_GP);
	CHECK_EQ(msr_action(MSR_VMX_EXIT_CTLS2 + 1, false), MSR_NATIVE);
	CHECK_EQ(msr_action(MSR_FEATURE_CONTROL, false), MSR_FEATCTL);
	CHECK_EQ(msr_action(MSR_VM_CR, false), MSR_VMCR);
	CHECK_EQ(msr_action(MSR_VM_CR, true), MSR_IGNORE);
	CHECK_EQ(msr_action(MSR_MTRR_DEF_TYPE, true), MSR_MTRR);
	CHECK_EQ(msr_action(MSR_RTIT_CTL, true), MSR_GP);
	CHECK_EQ(msr_action(MSR_RTIT_OUTPUT_BASE, false), MSR_GP);
	CHECK_EQ(msr_action(MSR_PEBS_ENABLE, true), MSR_IGNORE);
	CHECK_EQ(msr_action(MSR_HW_FEEDBACK_PTR, true), MSR_GP);
	CHECK_EQ(msr_action(MSR_MISC_ENABLE, false), MSR_NATIVE);
	CHECK_EQ(msr_action(MSR_MISC_ENABLE, true), MSR_MISCREG);
	CHECK(msr_value_ok(MSR_MISCREG, BIT(0) | BIT(16)));
	CHECK(!msr_value_ok(MSR_MISCREG, BIT(34)));
	CHECK(msr_value_ok(MSR_XSSREG, BIT(11)));
	CHECK(!msr_value_ok(MSR_XSSREG, BIT(8)));
	CHECK_EQ(msr_action(MSR_XSS, false), MSR_NATIVE);
	CHECK_EQ(msr_action(MSR_XSS, true), MSR_XSSREG);
	CHECK_EQ(msr_action(MSR_PAT, true), MSR_NATIVE);
	/* the nested layer's, where it offers it */
	CHECK_EQ(msr_action(MSR_TSC_RATIO, false), MSR_GP);
	CHECK_EQ(msr_action(MSR_TSC_RATIO, true), MSR_GP);
	CHECK_EQ(msr_action(MSR_SYSCFG, false), MSR_NATIVE);
	CHECK_EQ(msr_action(MSR_SYSCFG, true), MSR_SYSCFGREG);
}

/* SMEE, SNPEn, VMPLEn, HMKEE stay as firmware left them. */
TEST(msr_syscfg)
{
	for (u32 bit = 0; bit < 64; bit++) {
		bool encryption = bit >= 23 && bit <= 26;

		CHECK_EQ(msr_syscfg_legal(0, BIT(bit)), !encryption);
		CHECK_EQ(msr_syscfg_legal(~0ull, ~BIT(bit)), !encryption);
		CHECK(msr_syscfg_legal(BIT(bit), BIT(bit)));
	}
}

TEST(msr_rules_do_not_overlap)
{
	u32 n;
	const struct msr_rule *r = msr_rules(&n);

	for (u32 i = 0; i < n; i++) {
		CHECK(r[i].first <= r[i].last);
		for (u32 k = 0; k < i; k++)
			CHECK(r[i].last < r[k].first || r[k].last < r[i].first);
	}
}

TEST(cpuid_hides_virtualization_and_follows_cr4)
{
	struct cpuid_state s = { .hide = true };
	u32 r[4] = { ~0u, ~0u, ~0u, ~0u };

	cpuid_apply(&s, 1, 0, r);
	CHECK_EQ(r[2], ~0u & ~(BIT(5) | BIT(6) | BIT(27)));
	s.cr4 = CR4_OSXSAVE;
	r[2] = 0;
	cpuid_apply(&s, 1, 0, r);
	CHECK_EQ(r[2], BIT(27));
	s.hide = false;
	cpuid_apply(&s, 1, 0, r);
	CHECK_EQ(r[2], BIT(27) | BIT(31));
	r[2] = ~0u;
	cpuid_apply(&s, 0x80000001, 0, r);
	CHECK_EQ(r[2], ~0u & ~(BIT(2) | BIT(12)));
	cpuid_apply(&s, 0x8000000a, 0, r);
	CHECK_EQ(r[0] | r[1] | r[2] | r[3], 0);
}

TEST(cpuid_hides_what_amd_guests_must_not_use)
{
	struct cpuid_state s = { 0 };
	u32 r[4] = { 0x3030, ~0u, ~0u, ~0u };

	cpuid_apply(&s, 0x80000008, 0, r);
	CHECK_EQ(r[0], 0x3030);
	CHECK_EQ(r[1], ~0u & ~(BIT(3) | BIT(8))); /* INVLPGB, MCOMMIT */
	CHECK_EQ(r[3], 0xffff0000);		  /* INVLPGB's count */
	s.phys_bits = 43;
	cpuid_apply(&s, 0x80000008, 0, r);
	CHECK_EQ(r[0], 0x302b);
	r[0] = r[1] = ~0u;
	cpuid_apply(&s, 0x8000001f, 0, r);
	CHECK_EQ(r[0] | r[1] | r[2] | r[3], 0);
	/* basic leaves of the same number are others */
	r[1] = ~0u;
	cpuid_apply(&s, 0x1f, 0, r);
	CHECK_EQ(r[1], ~0u);
}

/* Zen 1: 48 bits, of which 5 are taken, C-bit 47; Zen 3: the C-bit is none of
 * the address. */
TEST(cpuid_memory_encryption_takes_address_bits)
{
	CHECK_EQ(cpuid_encrypted_bits(48, 47 | 5 << 6), 43);
	CHECK_EQ(cpuid_encrypted_bits(48, 47), 47);
	CHECK_EQ(cpuid_encrypted_bits(48, 51 | 0 << 6), 48);
	CHECK_EQ(cpuid_encrypted_bits(48, 51 | 4 << 6), 44);
}

/* IA32_TME_ACTIVATE: locked, on, 6 bits of the address select a key. */
TEST(cpuid_keys_take_address_bits)
{
	CHECK_EQ(cpuid_keyless_bits(52, 3 | 6ull << 32), 46);
	CHECK_EQ(cpuid_keyless_bits(46, 3), 46);
	CHECK_EQ(cpuid_keyless_bits(46, 1 | 6ull << 32), 46);
	CHECK_EQ(cpuid_keyless_bits(46, 2 | 6ull << 32), 46);
}

TEST(cpuid_hides_other_ways_to_msrs)
{
	struct cpuid_state s = { .hide = true };
	u32 r[4] = { ~0u, ~0u, ~0u, ~0u };

	cpuid_apply(&s, 7, 1, r);
	CHECK_EQ(r[0], ~0u & ~BIT(27) & ~BIT(17)); /* FRED */
	CHECK_EQ(r[1], ~0u);
	CHECK_EQ(r[2], ~0u & ~BIT(5));
	CHECK_EQ(r[3], ~0u & ~BIT(15));
}

TEST(cpuid_hypervisor_leaves)
{
	struct cpuid_state s = { .exits = 0x123456789aull };
	u32 r[4] = { 1, 2, 3, 4 };

	cpuid_apply(&s, CPUID_HV_BASE, 0, r);
	CHECK_EQ(r[0], CPUID_HV_STATS);
	CHECK(!memcmp(&r[1], "AbymeAbymeHV", 12));
	cpuid_apply(&s, CPUID_HV_STATS, 0, r);
	CHECK_EQ(r[0], 0x3456789a);
	CHECK_EQ(r[1], 0x12);
	s.hide = true;
	r[0] = 77;
	cpuid_apply(&s, CPUID_HV_BASE, 0, r);
	CHECK_EQ(r[0], 77);
}

TEST(cpuid_syscall_on_intel_only_in_64_bit_mode)
{
	struct cpuid_state s = { .intel = true };
	u32 r[4] = { 0, 0, 0, BIT(11) };

	cpuid_apply(&s, 0x80000001, 0, r);
	CHECK_EQ(r[3], 0);
	s.mode64 = true;
	cpuid_apply(&s, 0x80000001, 0, r);
	CHECK_EQ(r[3], BIT(11));
	s.intel = s.mode64 = false;
	cpuid_apply(&s, 0x80000001, 0, r);
	CHECK_EQ(r[3], BIT(11));
}

/* What a nested layer might do. */
static void more(void *ctx, u32 leaf, u32 sub, u32 r[4])
{
	if (leaf == 1)
		r[2] |= 1u << 5;
	if (leaf == 0x8000000a)
		r[3] = 0x1234;
}

static u32 random_word(void)
{
	static u64 x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (u32)(x >> 16);
}

static void same_as_applied(const struct cpuid_state *s, u32 leaf, u32 sub,
			    bool nested)
{
	const struct cpuid_edit *e;
	struct cpuid_table t;
	u32 in[4], want[4];

	cpuid_table_init(&t, s, nested ? more : NULL, NULL);
	e = cpuid_find(&t, leaf, sub);
	for (u32 i = 0; i < 4; i++)
		want[i] = in[i] = random_word();
	cpuid_apply(s, leaf, sub, want);
	if (nested)
		more(NULL, leaf, sub, want);
	for (u32 i = 0; e && i < 4; i++)
		in[i] = (in[i] & e->keep[i]) | e->set[i];
	if (e && e->cr4 && (s->cr4 & e->cr4))
		in[e->reg] |= e->bit;
	if (e && e->mode64 && !s->mode64)
		in[e->reg] &= ~e->bit;
	CHECK(!memcmp(in, want, sizeof(in)));
}

TEST(cpuid_table_does_what_the_rules_say)
{
	static const u32 leaves[] = {
		0,	    1,		2,	    6,		7,
		0xa,	    0xd,	0x14,	    0x15,	0x1f,
		0x80000000, 0x80000001, 0x80000006, 0x80000007, 0x80000008,
		0x8000000a, 0x8000000d, 0x80000014, 0x8000001f, 8,
	};

	for (u32 bits = 0; bits < 64; bits++) {
		struct cpuid_state s = {
			.hide = bits & 1,
			.intel = bits & 2,
			.mode64 = bits & 4,
			.phys_bits = bits & 8 ? 43 : 0,
			.cr4 = (bits & 8 ? CR4_OSXSAVE : 0) |
			       (bits & 16 ? CR4_PKE : 0),
		};

		for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
			same_as_applied(&s, leaves[i], 0, bits & 32);
			same_as_applied(&s, leaves[i], 1, bits & 32);
		}
	}
}
