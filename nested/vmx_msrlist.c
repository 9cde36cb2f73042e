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
#include "core/x86.h"
#include "mm/guest.h"
#include "nested/vmx_msrlist_rules.h"

/* The field of the current VMCS that an MSR is switched by, or -1. */
static int field_of(const struct nested_vmx *n, u32 msr)
{
	if (n->cet && msr == MSR_S_CET)
		return VMCS_GUEST_S_CET;
	if (n->cet && msr == MSR_INTR_SSP_TABLE)
		return VMCS_GUEST_INTR_SSP_TABLE;
	return msr_entry_field(msr);
}

static bool load_one(struct vcpu *v, const struct msr_entry *m)
{
	int field = field_of(v->nvmx, m->index);
	u64 val = m->value;

	if (!msr_entry_loadable(m, &v->nvmx->env))
		return false;
	if (m->index == MSR_EFER &&
	    msr_entry_efer(m->value, vmread(VMCS_GUEST_EFER),
			   vmread(VMCS_GUEST_CR0) & CR0_PG, &val))
		return false;
	if (field >= 0) {
		vmwrite((u64)field, val);
		return true;
	}
	if (msr_action(m->index, true) == MSR_IGNORE)
		return true;
	return msr_entry_native(m) && !wrmsr_safe(m->index, m->value);
}

/*
 * The length that IA32_VMX_MISC recommends as the most is one here: what a
 * longer list does is not defined, and no exit may take for ever.
 */
static u32 longest(struct vcpu *v)
{
	return VMX_MISC_MSR_MAX(v->nvmx->caps.misc);
}

u32 vmx_msrs_load(struct vcpu *v, u64 addr, u64 count)
{
	struct msr_entry m;

	for (u32 i = 0; i < count; i++, addr += sizeof(m))
		if (i == longest(v) ||
		    guest_read(v->vm, L1PA(addr), &m, sizeof(m)) ||
		    !load_one(v, &m))
			return i + 1;
	if (count)
		vmx_forget(v);
	return 0;
}

static bool store_one(struct vcpu *v, struct msr_entry *m)
{
	int field = field_of(v->nvmx, m->index), err;

	if (!msr_entry_storable(m))
		return false;
	if (field >= 0) {
		m->value = vmread((u64)field);
		return true;
	}
	/* The MSRs of VMX, as RDMSR gives them. */
	err = vmx_msr_read(v, m->index, &m->value);
	if (err != -ENOENT)
		return !err;
	return msr_action(m->index, false) != MSR_GP &&
	       !rdmsr_safe(m->index, &m->value);
}

u32 vmx_msrs_store(struct vcpu *v, u64 addr, u64 count)
{
	struct msr_entry m;

	for (u32 i = 0; i < count; i++, addr += sizeof(m))
		if (i == longest(v) ||
		    guest_read(v->vm, L1PA(addr), &m, sizeof(m)) ||
		    !store_one(v, &m) ||
		    guest_write(v->vm, L1PA(addr + 8), &m.value, 8))
			return i + 1;
	return 0;
}
