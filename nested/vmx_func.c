/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMFUNC in L2: EPTP switching. SDM 3C, "VM Functions". */
#include "nested/vmx.h"

#include "core/err.h"
#include "mm/guest.h"

#define EPTP_LIST_LEN 512u

/* Leaf 0: entry ECX of the list becomes the EPT pointer. */
static bool eptp_switch(struct vcpu *v)
{
	struct nested_vmcs *s = v->nvmx->cur;
	u64 *f = s->v12->f;
	u32 n = (u32)v->gpr[RCX];
	u64 eptp;

	if (n >= EPTP_LIST_LEN ||
	    guest_read(v->vm, L1PA(f[SLOT_EPTP_LIST_ADDR] + 8ull * n), &eptp,
		       sizeof(eptp)) ||
	    !vmx_eptp_ok(eptp, &v->nvmx->env))
		return false;
	vmx_field_set(s, SLOT_EPTP, eptp);
	/* Where the control could be 1, whether it is or not. */
	if (set_has(&v->nvmx->present, SLOT_EPTP_INDEX))
		vmx_field_set(s, SLOT_EPTP_INDEX, n);
	vmx_ept_enter(v);
	return true;
}

bool vmx_vmfunc(struct vcpu *v)
{
	const u64 *f = v->nvmx->cur->v12->f;
	u32 leaf = (u32)v->gpr[RAX];

	if (leaf > 63 || !(f[SLOT_VMFUNC_CTLS] >> leaf & 1) ||
	    !eptp_switch(v)) {
		vmx_reflect(v, REASON_VMFUNC, 0);
		return true;
	}
	vmx_skip(v);
	return true;
}
