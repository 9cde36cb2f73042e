/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_caps.h"

#include "core/err.h"
#include "core/msr.h"
#include "core/x86.h"
#include "nested/vmx_vmcs12.h"

/* What may be offered where hardware has it (reasons for the rest in docs). */
static const u64 offer[NR_VMX_GROUPS] = {
	[GROUP_PIN] =
		PIN_EXTINT | PIN_NMI | PIN_VNMI | PIN_PREEMPTION | PIN_POSTED,
	[GROUP_PROC] = PROC_INTR_WINDOW | PROC_TSC_OFFSET | PROC_HLT |
		       PROC_INVLPG | PROC_MWAIT | PROC_RDPMC | PROC_RDTSC |
		       PROC_CR3_LOAD | PROC_CR3_STORE | PROC_CR8_LOAD |
		       PROC_CR8_STORE | PROC_TPR_SHADOW | PROC_NMI_WINDOW |
		       PROC_MOV_DR | PROC_IO | PROC_IO_BITMAP | PROC_MTF |
		       PROC_MSR_BITMAP | PROC_MONITOR | PROC_PAUSE | PROC_PROC2,
	[GROUP_PROC2] = PROC2_APIC_ACCESS | PROC2_EPT | PROC2_DT |
			PROC2_RDTSCP | PROC2_X2APIC | PROC2_VPID |
			PROC2_WBINVD | PROC2_UNRESTRICTED | PROC2_APIC_REG |
			PROC2_VID | PROC2_PLE | PROC2_RDRAND | PROC2_INVPCID |
			PROC2_VMFUNC | PROC2_SHADOW_VMCS | PROC2_PML |
			PROC2_VE | PROC2_ENCLS | PROC2_RDSEED | PROC2_XSAVES |
			PROC2_MBEC | PROC2_TSC_SCALING | PROC2_USER_WAIT |
			PROC2_ENCLV | PROC2_BUS_LOCK | PROC2_INSTR_TIMEOUT,
	[GROUP_EXIT] = EXITC_SAVE_DEBUG | EXITC_HOST64 | EXITC_LOAD_PERF |
		       EXITC_ACK_INTR | EXITC_SAVE_PAT | EXITC_LOAD_PAT |
		       EXITC_SAVE_EFER | EXITC_LOAD_EFER |
		       EXITC_SAVE_PREEMPTION | EXITC_CLEAR_BNDCFGS |
		       EXITC_LOAD_CET,
	[GROUP_ENTRY] = ENTRYC_LOAD_DEBUG | ENTRYC_IA32E | ENTRYC_LOAD_PERF |
			ENTRYC_LOAD_PAT | ENTRYC_LOAD_EFER |
			ENTRYC_LOAD_BNDCFGS | ENTRYC_LOAD_CET,
	[GROUP_VMFUNC] = VMFUNC_EPTP_SWITCH,
};

#define OFFER_MISC                                                           \
	(BITS(4, 0) | VMX_MISC_SAVE_LMA | VMX_MISC_HLT | VMX_MISC_SHUTDOWN | \
	 VMX_MISC_WAIT_SIPI | BITS(24, 16) | BITS(27, 25) |                  \
	 VMX_MISC_VMWRITE_ALL | VMX_MISC_ZERO_LEN)

#define OFFER_EPT                                                             \
	(EPT_CAP_EXEC_ONLY | EPT_CAP_WALK4 | EPT_CAP_WALK5 | EPT_CAP_UC |     \
	 EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_1G | EPT_CAP_INVEPT | EPT_CAP_AD | \
	 EPT_CAP_ADV_INFO | EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)
#define OFFER_VPID                                                           \
	(VPID_CAP_INVVPID | VPID_CAP_ADDR | VPID_CAP_SINGLE | VPID_CAP_ALL | \
	 VPID_CAP_SINGLE_GLOBALS)

/* Controls that need others, SDM 3C, "Checks on VM-Execution Control Fields":
 * without the second the first cannot be used, so it is not offered. */
static const struct {
	u8 group, on;
	u64 bits, need;
} needs[] = {
	{ GROUP_PROC2, GROUP_PROC, ~0ull, PROC_PROC2 },
	{ GROUP_PIN, GROUP_PIN, PIN_VNMI, PIN_NMI },
	{ GROUP_PROC, GROUP_PIN, PROC_NMI_WINDOW, PIN_VNMI },
	{ GROUP_PROC2, GROUP_PROC, PROC2_X2APIC | PROC2_APIC_REG | PROC2_VID,
	  PROC_TPR_SHADOW },
	{ GROUP_PROC2, GROUP_PIN, PROC2_VID, PIN_EXTINT },
	{ GROUP_PIN, GROUP_PROC2, PIN_POSTED, PROC2_VID },
	{ GROUP_PROC2, GROUP_PROC2,
	  PROC2_UNRESTRICTED | PROC2_VMFUNC | PROC2_MBEC | PROC2_PML | PROC2_VE,
	  PROC2_EPT },
	{ GROUP_VMFUNC, GROUP_PROC2, VMFUNC_EPTP_SWITCH, PROC2_VMFUNC },
	{ GROUP_EXIT, GROUP_PIN, EXITC_SAVE_PREEMPTION, PIN_PREEMPTION },
};

static void drop_unusable(struct vmx_caps *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if ((c->ctl[needs[i].on].may1 & needs[i].need) != needs[i].need)
			c->ctl[needs[i].group].may1 &= ~needs[i].bits;
}

void vmx12_caps(struct vmx_caps *c, const struct vmx_caps *hw)
{
	struct vmcs_set fields;

	*c = *hw;
	for (u32 g = 0; g < NR_VMX_GROUPS; g++)
		c->ctl[g].may1 &= offer[g] | hw->ctl[g].must1;
	/* L0 writes read-only fields of shadow VMCSs for it. */
	if (!(hw->misc & VMX_MISC_VMWRITE_ALL))
		c->ctl[GROUP_PROC2].may1 &= ~(u64)PROC2_SHADOW_VMCS;
	drop_unusable(c);
	c->basic = VMCS12_REVISION | (u64)PAGE_SIZE << 32 | 6ull << 50 |
		   VMX_BASIC_TRUE |
		   (hw->basic & (VMX_BASIC_INS_OUTS | VMX_BASIC_ANY_ERROR));
	c->misc = hw->misc & OFFER_MISC;
	c->cr4_fixed1 &= ~CR4_HIDDEN; /* CPUID does not show them */
	c->ept_vpid = 0;
	if (c->ctl[GROUP_PROC2].may1 & PROC2_EPT)
		c->ept_vpid |= hw->ept_vpid & OFFER_EPT;
	if (c->ctl[GROUP_PROC2].may1 & PROC2_VPID)
		c->ept_vpid |= hw->ept_vpid & OFFER_VPID;
	vmcs12_present(&fields, c);
	c->vmcs_enum = vmcs12_enum_msr(&fields);
}

/* Bits that are 1 unless the TRUE MSRs are used (default1 class). */
#define PIN_DEFAULT1 0x16u
#define PROC_DEFAULT1 0x0401e172u
#define EXIT_DEFAULT1 0x36dffu
#define ENTRY_DEFAULT1 0x11ffu

static u64 allowed(const struct vmx_allowed *a, u32 default1)
{
	return (a->must1 | default1) | a->may1 << 32;
}

static u64 basic_msr(const struct vmx_caps *c, u32 msr)
{
	const struct vmx_allowed *ctl = c->ctl;

	switch (msr) {
	case MSR_VMX_BASIC:
		return c->basic;
	case MSR_VMX_PINBASED_CTLS:
		return allowed(&ctl[GROUP_PIN], PIN_DEFAULT1);
	case MSR_VMX_PROCBASED_CTLS:
		return allowed(&ctl[GROUP_PROC], PROC_DEFAULT1);
	case MSR_VMX_EXIT_CTLS:
		return allowed(&ctl[GROUP_EXIT], EXIT_DEFAULT1);
	case MSR_VMX_ENTRY_CTLS:
		return allowed(&ctl[GROUP_ENTRY], ENTRY_DEFAULT1);
	case MSR_VMX_MISC:
		return c->misc;
	case MSR_VMX_CR0_FIXED0:
		return c->cr0_fixed0;
	case MSR_VMX_CR0_FIXED1:
		return c->cr0_fixed1;
	case MSR_VMX_CR4_FIXED0:
		return c->cr4_fixed0;
	case MSR_VMX_CR4_FIXED1:
		return c->cr4_fixed1;
	case MSR_VMX_TRUE_PINBASED_CTLS:
		return allowed(&ctl[GROUP_PIN], 0);
	case MSR_VMX_TRUE_PROCBASED_CTLS:
		return allowed(&ctl[GROUP_PROC], 0);
	case MSR_VMX_TRUE_EXIT_CTLS:
		return allowed(&ctl[GROUP_EXIT], 0);
	case MSR_VMX_TRUE_ENTRY_CTLS:
		return allowed(&ctl[GROUP_ENTRY], 0);
	default:
		return c->vmcs_enum;
	}
}

int vmx12_cap_msr(const struct vmx_caps *c, u32 msr, u64 *val)
{
	u64 proc = c->ctl[GROUP_PROC].may1, proc2 = c->ctl[GROUP_PROC2].may1;

	switch (msr) {
	case MSR_VMX_PROCBASED_CTLS2:
		*val = allowed(&c->ctl[GROUP_PROC2], 0);
		return proc & PROC_PROC2 ? 0 : -ENOENT;
	case MSR_VMX_EPT_VPID_CAP:
		*val = c->ept_vpid;
		return proc2 & (PROC2_EPT | PROC2_VPID) ? 0 : -ENOENT;
	case MSR_VMX_VMFUNC:
		*val = c->ctl[GROUP_VMFUNC].may1;
		return proc2 & PROC2_VMFUNC ? 0 : -ENOENT;
	case MSR_VMX_PROCBASED_CTLS3:
		*val = c->ctl[GROUP_PROC3].may1;
		return proc & PROC_PROC3 ? 0 : -ENOENT;
	case MSR_VMX_EXIT_CTLS2:
		*val = c->ctl[GROUP_EXIT2].may1;
		return c->ctl[GROUP_EXIT].may1 & EXITC_EXIT2 ? 0 : -ENOENT;
	default:
		if (msr < MSR_VMX_BASIC || msr > MSR_VMX_TRUE_ENTRY_CTLS)
			return -ENOENT;
		*val = basic_msr(c, msr);
		return 0;
	}
}

#define CPUID_7_EDX_IBPB BIT(26)
#define ARCH_CAP_IBRS_ALL BIT(1)

bool vmx12_needs_ibpb(u32 leaf7_edx, u64 arch)
{
	return (leaf7_edx & CPUID_7_EDX_IBPB) && (arch & ARCH_CAP_IBRS_ALL);
}
