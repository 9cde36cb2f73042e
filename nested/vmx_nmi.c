/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NMIs that L0 took and that are L1's, while its L2 is about to run. */
#include "nested/vmx.h"

#include "core/x86.h"

#define WINDOW_PIN (PIN_NMI | PIN_VNMI)
#define BLOCKING (INTRBL_STI | INTRBL_MOV_SS | INTRBL_NMI)

/*
 * Where L1 has no NMI exiting, L2's blocking by NMI is the processor's own. As
 * long as an NMI waits for its end it is virtual instead, which is the same to
 * L2, and NMI-window exiting tells when it is over; NMIs that come meanwhile
 * exit and merge with the one that waits.
 */
void vmx_nmi_window(struct vcpu *v, struct nested_vmcs *s, bool on)
{
	u64 pin = vmx_ctl(v, GROUP_PIN) & ~(u64)WINDOW_PIN;
	u64 proc = vmx_ctl(v, GROUP_PROC) & ~(u64)PROC_NMI_WINDOW;

	if (s->nmi_window == on || !vmx_can(GROUP_PIN, WINDOW_PIN) ||
	    !vmx_can(GROUP_PROC, PROC_NMI_WINDOW))
		return;
	s->nmi_window = on;
	if (on) {
		vmx_set_ctl(v, GROUP_PIN, pin | WINDOW_PIN);
		vmx_set_ctl(v, GROUP_PROC, proc | PROC_NMI_WINDOW);
		return;
	}
	pin |= s->v12->f[SLOT_PIN_CTLS] & WINDOW_PIN;
	proc |= s->v12->f[SLOT_PROC_CTLS] & PROC_NMI_WINDOW;
	vmx_set_ctl(v, GROUP_PIN, pin);
	vmx_set_ctl(v, GROUP_PROC, proc);
}

void vmx_nmi_l2(struct vcpu *v)
{
	struct nested_vmcs *s = v->nvmx->cur;
	struct vmx_vcpu *x = v->vmx;

	if (!x->nmi_pending) {
		vmx_nmi_window(v, s, false);
		return;
	}
	/* There even NMIs wait. */
	if (vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_SIPI)
		return;
	/* An MTF exit that is due comes first, and then the NMI is L1's. */
	if ((x->entry_info & INTR_VALID) &&
	    INTR_TYPE(x->entry_info) == INTR_TYPE_OTHER)
		return;
	if (s->v12->f[SLOT_PIN_CTLS] & PIN_NMI) {
		x->nmi_pending = false;
		vmx_reflect_event(v, REASON_EXCEPTION_NMI, 0,
				  INTR_INFO(INTR_TYPE_NMI, VEC_NMI));
	} else if (x->entry_info || x->vectoring ||
		   (vmread(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING)) {
		vmx_nmi_window(v, s, true);
	} else {
		vmx_nmi_window(v, s, false);
		x->nmi_pending = false;
		vmx_inject_raw(v, INTR_INFO(INTR_TYPE_NMI, VEC_NMI), 0, 0);
	}
}
