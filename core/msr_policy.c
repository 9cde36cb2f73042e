/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/msr_policy.h"

#include "core/msr.h"

/*
 * VMX and SVM MSRs answer as on a processor whose firmware has locked
 * virtualization off; with nesting on, the nested layer is asked first.
 */
/*
 * What writes to memory past EPT: Processor Trace (XRSTORS can load its
 * registers, too) and hardware feedback take physical addresses; CPUID does
 * not show them (core/cpuid_policy.c). PEBS takes linear ones, and would store
 * at L1's while L0 runs: it stays off.
 */
#define MEMORY_WRITERS                                                         \
	{ MSR_PEBS_ENABLE, MSR_PEBS_ENABLE, MSR_NATIVE, MSR_IGNORE },          \
		{ MSR_RTIT_OUTPUT_BASE, MSR_RTIT_OUTPUT_MASK, MSR_GP,          \
		  MSR_GP },                                                    \
		{ MSR_RTIT_CTL, MSR_RTIT_CR3_MATCH, MSR_GP, MSR_GP },          \
		{ MSR_RTIT_ADDR0_A, MSR_RTIT_ADDR3_B, MSR_GP, MSR_GP },        \
		{ MSR_HW_FEEDBACK_PTR, MSR_HW_FEEDBACK_LAST, MSR_GP, MSR_GP }, \
	{                                                                      \
		MSR_XSS, MSR_XSS, MSR_NATIVE, MSR_XSSREG                       \
	}

static const struct msr_rule rules[] = {
	{ MSR_APIC_BASE, MSR_APIC_BASE, MSR_NATIVE, MSR_APICBASE },
	{ MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL, MSR_FEATCTL, MSR_GP },
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, MSR_NATIVE, MSR_MISCREG },
	{ MSR_MTRR_PHYSBASE0, MSR_MTRR_PHYSMASK_LAST, MSR_NATIVE, MSR_MTRR },
	{ MSR_MTRR_FIX64K, MSR_MTRR_FIX64K, MSR_NATIVE, MSR_MTRR },
	{ MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000, MSR_NATIVE, MSR_MTRR },
	{ MSR_MTRR_FIX4K_C0000, MSR_MTRR_FIX4K_F8000, MSR_NATIVE, MSR_MTRR },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, MSR_NATIVE, MSR_MTRR },
	{ MSR_VMX_BASIC, MSR_VMX_EXIT_CTLS2, MSR_GP, MSR_GP },
	MEMORY_WRITERS,
	{ MSR_EFER, MSR_EFER, MSR_EFERREG, MSR_EFERREG },
	{ MSR_TSC_RATIO, MSR_TSC_RATIO, MSR_GP, MSR_GP },
	{ MSR_SYSCFG, MSR_SYSCFG, MSR_NATIVE, MSR_SYSCFGREG },
	{ MSR_VM_CR, MSR_VM_CR, MSR_VMCR, MSR_IGNORE },
	{ MSR_VM_HSAVE_PA, MSR_VM_HSAVE_PA, MSR_GP, MSR_GP },
	{ MSR_SVM_KEY, MSR_SVM_KEY, MSR_GP, MSR_GP },
};

/*
 * IA32_MISC_ENABLE bit 34 takes NX from all software of the processor, L0
 * included, whose page tables have that bit set. To L1 it is one that the
 * processor does not have.
 */
bool msr_value_ok(u8 action, u64 val)
{
	switch (action) {
	case MSR_MISCREG:
		return !(val & MISC_ENABLE_XD_DISABLE);
	case MSR_XSSREG:
		return !(val & XSS_PT);
	default:
		return true;
	}
}

const struct msr_rule *msr_rules(u32 *n)
{
	*n = ARRAY_SIZE(rules);
	return rules;
}

enum msr_action msr_action(u32 msr, bool write)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (msr >= rules[i].first && msr <= rules[i].last)
			return write ? rules[i].write : rules[i].read;
	return MSR_NATIVE;
}

bool msr_syscfg_legal(u64 old, u64 val)
{
	return !((old ^ val) & SYSCFG_ENCRYPTION);
}
