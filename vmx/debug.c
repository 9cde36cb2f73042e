/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debug stub wants of the VMCSs. */
#include "core/insns.h"
#include "core/x86.h"
#include "vmx/internal.h"

/* DR6: what an exit qualification of #DB tells, and what stays set. */
#define DR6_REPORTED (BITS(3, 0) | BIT(13) | BIT(14))

static u64 wanted(const struct vcpu *v)
{
	u64 want = v->debug.exceptions;

	return v->debug.step ? want | BIT(VEC_DB) : want;
}

/* NMIs exit to L0 first when one of them may be its own. */
bool vmx_nmi_exiting(void)
{
	return vmx_watches_icr || debug_nmi;
}

static void add_pin(struct vcpu *v)
{
	if (vmx_nmi_exiting())
		vmx_set_ctl(v, GROUP_PIN,
			    vmx_ctl(v, GROUP_PIN) | PIN_NMI | PIN_VNMI);
}

void vmx_debug_l1(struct vcpu *v)
{
	add_pin(v);
	vmwrite(VMCS_EXCEPTION_BITMAP, wanted(v));
}

/* The intercepts of vmcs02 are L1's, too: they are only added to; the next VM
 * entry of L1's merges anew. */
void vmx_debug_l2(struct vcpu *v)
{
	u64 want = wanted(v);

	add_pin(v);
	if (want)
		vmwrite(VMCS_EXCEPTION_BITMAP,
			vmread(VMCS_EXCEPTION_BITMAP) | want);
}

/*
 * TF within an interrupt shadow, or while halted, would have to be pending
 * already (SDM 3C, "Checks on Guest Non-Register State"): a step ends both.
 */
bool vmx_step_entry(struct vcpu *v)
{
	if (debug_step_entry(v))
		return true;
	if (!v->debug.tf_set)
		return false;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY,
		vmread(VMCS_GUEST_INTERRUPTIBILITY) &
			~(INTRBL_STI | INTRBL_MOV_SS));
	if (vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_HLT)
		vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	return false;
}

void vmx_set_debug(struct vcpu *v)
{
	struct vmx_vmcs *now = v->vmx->vmcs;

	if (v->in_l2) {
		vmx_select(v, &v->vmx->vmcs01);
		vmx_debug_l1(v);
		vmx_select(v, now);
		vmx_debug_l2(v);
	} else {
		vmx_debug_l1(v);
	}
}

/* The step's #DB came. */
void vmx_step_done(struct vcpu *v)
{
	write_dr6(read_dr6() & ~BIT(14));
}

/* An exception exited: the stub's? A #DB that exits has not touched DR6; the
 * qualification says what it would have become. */
bool vmx_debugger_took(struct vcpu *v, u32 raw)
{
	u32 info;
	u64 dr6;
	bool db;

	if (raw != REASON_EXCEPTION_NMI)
		return false;
	info = (u32)vmx_get(v, CACHED_INTR_INFO);
	if (INTR_TYPE(info) < INTR_TYPE_HARD_EXC ||
	    !(wanted(v) & BIT(INTR_VECTOR(info))))
		return false;
	dr6 = read_dr6();
	db = INTR_VECTOR(info) == VEC_DB;
	if (db)
		write_dr6((dr6 & ~BITS(3, 0)) |
			  (vmx_get(v, CACHED_QUAL) & DR6_REPORTED));
	if (debug_exception(v, INTR_VECTOR(info)))
		return true;
	if (db && v->in_l2)
		write_dr6(dr6); /* L1 may want the exit as it was */
	return false;
}

void vmx_view_l1(struct vcpu *v, bool on)
{
	struct vmx_vcpu *x = v->vmx;

	if (on) {
		x->view_vmcs = x->vmcs;
		x->view_rsp = v->gpr[RSP];
		vmx_select(v, &x->vmcs01);
		v->gpr[RSP] = vmread(VMCS_GUEST_RSP);
		v->in_l2 = false;
	} else {
		vmwrite(VMCS_GUEST_RSP, v->gpr[RSP]);
		vmx_select(v, x->view_vmcs);
		v->gpr[RSP] = x->view_rsp;
		v->in_l2 = true;
	}
}
