/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcs02 to vmcs12. Each exit that L1 gets copies what hypervisors look at on
 * every exit (policies GUEST and INFO); what is LAZY, with a few more, is
 * copied when L1 reads or writes such a field, or when the VMCS is put back.
 */
#include "nested/vmx.h"

/* Taken over one by one, since this runs on every exit that L1 gets. */
#define GUEST_FIELDS(X)           \
	X(GUEST_RIP)              \
	X(GUEST_RSP)              \
	X(GUEST_RFLAGS)           \
	X(GUEST_CR0)              \
	X(GUEST_CR3)              \
	X(GUEST_CR4)              \
	X(GUEST_CS_SEL)           \
	X(GUEST_SS_SEL)           \
	X(GUEST_CS_AR)            \
	X(GUEST_SS_AR)            \
	X(GUEST_INTERRUPTIBILITY) \
	X(GUEST_ACTIVITY)         \
	X(GUEST_PENDING_DBG)

#define INFO_FIELDS(X)         \
	X(EXIT_INTR_INFO)      \
	X(EXIT_INTR_ERROR)     \
	X(IDT_VECTORING)       \
	X(IDT_VECTORING_ERROR) \
	X(EXIT_INSTR_LEN)      \
	X(EXIT_INSTR_INFO)     \
	X(GUEST_LINEAR)

#define TAKE(name) vmx_field_set(s, SLOT_##name, vmread(VMCS_##name));

struct sync_field {
	u16 enc;
	u8 slot;
};

#define SYNC(name)                       \
	{                                \
		VMCS_##name, SLOT_##name \
	}

/* Exit information for INS and OUTS, which nobody reads; they hold on in
 * vmcs02 until L2 exits again. */
static const struct sync_field lazy_extra[] = {
	SYNC(IO_RCX),
	SYNC(IO_RSI),
	SYNC(IO_RDI),
	SYNC(IO_RIP),
};

/* PDPTEs matter with PAE paging only. */
static bool is_pdpte(u32 slot)
{
	return slot >= SLOT_GUEST_PDPTE0 && slot <= SLOT_GUEST_PDPTE3;
}

bool vmx_is_lazy(u32 slot)
{
	return vmcs_fields[slot].policy == POLICY_LAZY || is_pdpte(slot) ||
	       (slot >= SLOT_IO_RCX && slot <= SLOT_IO_RIP);
}

static void copy(struct nested_vmcs *s, const struct sync_field *f, u32 n)
{
	for (u32 i = 0; i < n; i++)
		vmx_field_set(s, f[i].slot, vmread(f[i].enc));
}

void vmx_sync_guest(struct vcpu *v, struct nested_vmcs *s)
{
	const struct nested_vmx *n = v->nvmx;
	u64 *f = s->v12->f, proc2 = vmcs12_proc2(s->v12);

	GUEST_FIELDS(TAKE)
	if (f[SLOT_EXIT_CTLS] & EXITC_SAVE_EFER)
		vmx_field_set(s, SLOT_GUEST_EFER, vmread(VMCS_GUEST_EFER));
	if (f[SLOT_EXIT_CTLS] & EXITC_SAVE_PREEMPTION)
		vmx_field_set(s, SLOT_PREEMPTION_TIMER,
			      vmread(VMCS_PREEMPTION_TIMER));
	if (proc2 & PROC2_VID)
		vmx_field_set(s, SLOT_GUEST_INTR_STATUS,
			      vmread(VMCS_GUEST_INTR_STATUS));
	if (n->caps.misc & VMX_MISC_SAVE_LMA)
		vmx_field_set(s, SLOT_ENTRY_CTLS,
			      (f[SLOT_ENTRY_CTLS] & ~(u64)ENTRYC_IA32E) |
				      (vmread(VMCS_ENTRY_CTLS) & ENTRYC_IA32E));
	s->lazy = true;
	s->lazy_exit = f[SLOT_EXIT_CTLS];
	s->lazy_proc2 = proc2;
}

void vmx_sync(struct vcpu *v, struct nested_vmcs *s)
{
	vmx_sync_guest(v, s);
	INFO_FIELDS(TAKE)
	if (set_has(&v->nvmx->present, SLOT_GUEST_PHYSICAL))
		vmx_field_set(s, SLOT_GUEST_PHYSICAL, vmx_get(v, CACHED_GPA));
}

/* Did the last exit save this lazily kept field at all? */
static bool saved(const struct nested_vmx *n, const struct nested_vmcs *s,
		  u32 slot)
{
	if (!set_has(&n->present, slot))
		return false;
	switch (slot) {
	case SLOT_GUEST_PAT:
		return s->lazy_exit & EXITC_SAVE_PAT;
	case SLOT_GUEST_DEBUGCTL:
	case SLOT_GUEST_DR7:
		return s->lazy_exit & EXITC_SAVE_DEBUG;
	case SLOT_GUEST_PERF_GLOBAL: /* loaded by L0 itself */
		return false;
	default:
		return true;
	}
}

void vmx_unlazy(struct vcpu *v, struct nested_vmcs *s)
{
	struct nested_vmx *n = v->nvmx;
	struct vmx_vmcs *back = v->vmx->vmcs;

	if (!s->lazy)
		return;
	s->lazy = false;
	vmx_select(v, &s->vmcs02);
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++)
		if (vmcs_fields[i].policy == POLICY_LAZY && saved(n, s, i))
			vmx_field_set(s, i, vmread(vmcs_fields[i].enc));
	copy(s, lazy_extra, ARRAY_SIZE(lazy_extra));
	if (s->lazy_proc2 & PROC2_EPT)
		for (u32 i = SLOT_GUEST_PDPTE0; i <= SLOT_GUEST_PDPTE3; i++)
			vmx_field_set(s, i, vmread(vmcs_fields[i].enc));
	vmx_select(v, back);
}
