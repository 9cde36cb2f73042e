/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L1's VM-entry MSR-load, VM-exit MSR-store and MSR-load areas. What VMCSs
 * switch is in the current one (vmcs02 on entry, vmcs01 on exit); the rest is
 * in the processor. SDM 3C, "Loading MSRs", "Saving MSRs".
 */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/msr_policy.h"
#include "mm/guest.h"

struct msr_entry {
	u32 index;
	u32 reserved;
	u64 value;
};

/* MSRs that live in the VMCS. */
static int vmcs_field_of(u32 msr)
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
		return canonical(val, e->la_bits);
	default:
		return true;
	}
}

/* SDM 3C, "Loading MSRs": those that the areas may never name. */
static bool forbidden(u32 msr)
{
	return msr == MSR_FS_BASE || msr == MSR_GS_BASE ||
	       msr == MSR_SMM_MONITOR_CTL ||
	       (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST);
}

static bool load_one(struct vcpu *v, const struct msr_entry *m)
{
	int field = vmcs_field_of(m->index);

	if (forbidden(m->index) || m->reserved ||
	    !value_ok(&v->nvmx->env, m->index, m->value))
		return false;
	if (field >= 0) {
		vmwrite((u64)field, m->value);
		return true;
	}
	if (msr_action(m->index, true) == MSR_IGNORE)
		return true;
	return msr_action(m->index, true) == MSR_NATIVE &&
	       !wrmsr_safe(m->index, m->value);
}

u32 vmx_msrs_load(struct vcpu *v, u64 addr, u64 count)
{
	struct msr_entry m;

	for (u32 i = 0; i < count; i++, addr += sizeof(m))
		if (guest_read(v->vm, L1PA(addr), &m, sizeof(m)) ||
		    !load_one(v, &m))
			return i + 1;
	if (count)
		vmx_forget(v);
	return 0;
}

static bool store_one(struct vcpu *v, struct msr_entry *m)
{
	int field = vmcs_field_of(m->index);

	if (m->reserved || m->index == MSR_SMM_MONITOR_CTL ||
	    (m->index >= MSR_X2APIC_FIRST && m->index <= MSR_X2APIC_LAST))
		return false;
	if (field >= 0) {
		m->value = vmread((u64)field);
		return true;
	}
	return msr_action(m->index, false) != MSR_GP &&
	       !rdmsr_safe(m->index, &m->value);
}

int vmx_msrs_store(struct vcpu *v, u64 addr, u64 count)
{
	struct msr_entry m;

	for (u32 i = 0; i < count; i++, addr += sizeof(m)) {
		if (guest_read(v->vm, L1PA(addr), &m, sizeof(m)) ||
		    !store_one(v, &m) ||
		    guest_write(v->vm, L1PA(addr + 8), &m.value, 8))
			return -EINVAL;
	}
	return 0;
}
