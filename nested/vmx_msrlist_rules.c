/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_msrlist_rules.h"

#include "core/err.h"
#include "core/msr.h"
#include "core/msr_policy.h"
#include "core/x86.h"

int msr_entry_field(u32 msr)
{
	switch (msr) {
	case MSR_EFER:
		return VMCS_GUEST_EFER;
	case MSR_PAT:
		return VMCS_GUEST_PAT;
	case MSR_DEBUGCTL:
		return VMCS_GUEST_DEBUGCTL;
	case MSR_SYSENTER_CS:
		return VMCS_GUEST_SYSENTER_CS;
	case MSR_SYSENTER_ESP:
		return VMCS_GUEST_SYSENTER_ESP;
	case MSR_SYSENTER_EIP:
		return VMCS_GUEST_SYSENTER_EIP;
	/* Only stored: see msr_entry_loadable(). */
	case MSR_FS_BASE:
		return VMCS_GUEST_FS_BASE;
	case MSR_GS_BASE:
		return VMCS_GUEST_GS_BASE;
	default:
		return -1;
	}
}

static bool value_ok(const struct vmx_check_env *e, u32 msr, u64 val)
{
	switch (msr) {
	case MSR_EFER:
		return !(val & ~e->efer_valid);
	case MSR_PAT:
		return pat_ok(val);
	case MSR_DEBUGCTL:
		return !(val & ~e->debugctl_valid);
	case MSR_SYSENTER_ESP:
	case MSR_SYSENTER_EIP:
	case MSR_INTR_SSP_TABLE:
		return canonical(val, e->la_bits);
	case MSR_S_CET:
		return s_cet_ok(val, e);
	default:
		return true;
	}
}

/* Reserved bits, x2APIC registers, what only system management may name. */
bool msr_entry_storable(const struct msr_entry *m)
{
	return !m->reserved && m->index != MSR_SMM_MONITOR_CTL &&
	       (m->index < MSR_X2APIC_FIRST || m->index > MSR_X2APIC_LAST);
}

bool msr_entry_loadable(const struct msr_entry *m,
			const struct vmx_check_env *e)
{
	switch (m->index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	/* The microcode's address would be one of L0's. */
	case MSR_BIOS_UPDT_TRIG:
	case MSR_BIOS_SIGN_ID:
		return false;
	default:
		return msr_entry_storable(m) && value_ok(e, m->index, m->value);
	}
}

bool msr_entry_native(const struct msr_entry *m)
{
	enum msr_action action = msr_action(m->index, true);

	switch (action) {
	case MSR_NATIVE:
	case MSR_MISCREG:
	case MSR_XSSREG:
		return msr_value_ok(action, m->value);
	default:
		return false;
	}
}

/* SDM 3A, "Extended Feature Enable Register": LMA is the processor's. */
int msr_entry_efer(u64 val, u64 now, bool paging, u64 *res)
{
	if (((val ^ now) & EFER_LME) && paging)
		return -EINVAL;
	*res = (val & ~(u64)EFER_LMA) | (now & EFER_LMA);
	return 0;
}
