/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L2s that come and go: of several CPUs, with new roots, in used VMCSs. */
/* boot: emus=bochs bare timeout=30 */
#include "tests/guests/lib/l2s.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

static struct vl2 l2s[L2S];
static u64 *ept[ROOTS];

PAYLOAD(call, "1: vmcall; jmp 1b")

/* The page as an allocator would give it out. */
static void forget(struct vl2 *l)
{
	if (!l->vmcs)
		return;
	vmclear((u64)l->vmcs);
	memset((u32 *)l->vmcs + 1, 0, PAGE_SIZE - 4);
}

static bool enter(u32 n, u32 root, bool anew)
{
	struct vl2 *l = &l2s[n];

	if (anew) {
		forget(l);
		vl2_init(l, call);
		vmw(VMCS_PROC_CTLS,
		    vmx_proc((u32)(PROC_HLT | PROC_PROC2)) &
			    ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE));
		vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	} else if (vmptrld((u64)l->vmcs) != VMX_OK) {
		return false;
	}
	vmw(VMCS_GUEST_RIP, (u64)call);
	vmw(VMCS_EPTP, (u64)ept[root] | EPTP_WB | EPTP_WALK4);
	return vl2_run(l) == REASON_VMCALL;
}

static void on(void)
{
	vmx_on();
}

/* VMXOFF leaves no VMCS as it was unless it is cleared before. */
static void off(void)
{
	for (u32 i = 0; i < L2S; i++) {
		if (l2s[i].vmcs)
			vmclear((u64)l2s[i].vmcs);
		l2s[i].launched = false;
	}
	vmx_off();
}

static const struct l2s_ops ops = { enter, on, off };

void main(void)
{
	for (u32 i = 0; i < ROOTS; i++)
		ept[i] = table_identity(EPT_TABLE, EPT_PAGE);
	l2s_run(&ops);
}
