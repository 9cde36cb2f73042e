/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L1's host state on an exit of its L2. SDM 3C, "Loading Host State". */
#include "nested/vmx.h"

#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"

/* Fields of vmcs01 that are fields of vmcs12. */
static const struct {
	u16 to;
	u8 from;
} copies[] = {
	{ VMCS_GUEST_ES_SEL, SLOT_HOST_ES_SEL },
	{ VMCS_GUEST_CS_SEL, SLOT_HOST_CS_SEL },
	{ VMCS_GUEST_SS_SEL, SLOT_HOST_SS_SEL },
	{ VMCS_GUEST_DS_SEL, SLOT_HOST_DS_SEL },
	{ VMCS_GUEST_FS_SEL, SLOT_HOST_FS_SEL },
	{ VMCS_GUEST_GS_SEL, SLOT_HOST_GS_SEL },
	{ VMCS_GUEST_TR_SEL, SLOT_HOST_TR_SEL },
	{ VMCS_GUEST_FS_BASE, SLOT_HOST_FS_BASE },
	{ VMCS_GUEST_GS_BASE, SLOT_HOST_GS_BASE },
	{ VMCS_GUEST_TR_BASE, SLOT_HOST_TR_BASE },
	{ VMCS_GUEST_GDTR_BASE, SLOT_HOST_GDTR_BASE },
	{ VMCS_GUEST_IDTR_BASE, SLOT_HOST_IDTR_BASE },
	{ VMCS_GUEST_SYSENTER_CS, SLOT_HOST_SYSENTER_CS },
	{ VMCS_GUEST_SYSENTER_ESP, SLOT_HOST_SYSENTER_ESP },
	{ VMCS_GUEST_SYSENTER_EIP, SLOT_HOST_SYSENTER_EIP },
	{ VMCS_GUEST_CR3, SLOT_HOST_CR3 },
	{ VMCS_GUEST_RSP, SLOT_HOST_RSP },
	{ VMCS_GUEST_RIP, SLOT_HOST_RIP },
};

/* And those that are the same after every exit. */
static const struct {
	u16 to;
	u32 value;
} fixed[] = {
	{ VMCS_GUEST_ES_BASE, 0 },
	{ VMCS_GUEST_CS_BASE, 0 },
	{ VMCS_GUEST_SS_BASE, 0 },
	{ VMCS_GUEST_DS_BASE, 0 },
	{ VMCS_GUEST_ES_LIMIT, 0xffffffff },
	{ VMCS_GUEST_CS_LIMIT, 0xffffffff },
	{ VMCS_GUEST_SS_LIMIT, 0xffffffff },
	{ VMCS_GUEST_DS_LIMIT, 0xffffffff },
	{ VMCS_GUEST_FS_LIMIT, 0xffffffff },
	{ VMCS_GUEST_GS_LIMIT, 0xffffffff },
	{ VMCS_GUEST_TR_LIMIT, 0x67 },
	{ VMCS_GUEST_TR_AR, 0x8b },
	{ VMCS_GUEST_LDTR_SEL, 0 },
	{ VMCS_GUEST_LDTR_AR, SEG_ATTR_UNUSABLE },
	{ VMCS_GUEST_GDTR_LIMIT, 0xffff },
	{ VMCS_GUEST_IDTR_LIMIT, 0xffff },
	{ VMCS_GUEST_RFLAGS, RFLAGS_FIXED },
	{ VMCS_GUEST_DR7, 0x400 },
	{ VMCS_GUEST_DEBUGCTL, 0 },
	{ VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE },
	{ VMCS_GUEST_PENDING_DBG, 0 },
};

#define AR_CODE64 0xa09b
#define AR_CODE32 0xc09b
#define AR_DATA 0xc093

static void load_segments(const u64 *f, bool host64)
{
	vmwrite(VMCS_GUEST_CS_AR, host64 ? AR_CODE64 : AR_CODE32);
	for (u32 i = 0; i <= SEG_GS; i++)
		if (i != SEG_CS)
			vmwrite(VMCS_GUEST_ES_AR + 2 * i,
				f[SLOT_HOST_ES_SEL + i] ? AR_DATA
							: SEG_ATTR_UNUSABLE);
}

/* CD, NW and ET stay as they are. */
#define CR0_UNTOUCHED (CR0_CD | CR0_NW | CR0_ET)

static void load_crs(struct vcpu *v, const u64 *f)
{
	u64 cr0 = (f[SLOT_HOST_CR0] & ~CR0_UNTOUCHED) |
		  (read_cr0() & CR0_UNTOUCHED);

	if (vmx_guest_cr0(v) != cr0)
		vmx_l1_set_cr0(v, cr0);
	if (vmx_guest_cr4(v) != f[SLOT_HOST_CR4])
		vmx_l1_set_cr4(v, f[SLOT_HOST_CR4]);
}

static void load_msrs(struct vcpu *v, const u64 *f, u64 l2_efer, u64 l2_pat)
{
	u64 exitc = f[SLOT_EXIT_CTLS], entry = v->vmx->vmcs01.ctl[GROUP_ENTRY];
	u64 lm = exitc & EXITC_HOST64 ? EFER_LMA | EFER_LME : 0;

	if (exitc & EXITC_LOAD_EFER)
		l2_efer = f[SLOT_HOST_EFER];
	vmx_put(v, CACHED_EFER, (l2_efer & ~(EFER_LMA | EFER_LME)) | lm);
	vmx_set_ctl(v, GROUP_ENTRY,
		    lm ? entry | ENTRYC_IA32E : entry & ~(u64)ENTRYC_IA32E);
	vmwrite(VMCS_GUEST_PAT,
		exitc & EXITC_LOAD_PAT ? f[SLOT_HOST_PAT] : l2_pat);
	if ((exitc & EXITC_LOAD_PERF) &&
	    wrmsr_safe(MSR_PERF_GLOBAL_CTRL, f[SLOT_HOST_PERF_GLOBAL])) {
		/* emulator fault: Bochs offers the control, not the MSR */
	}
	if ((exitc & EXITC_CLEAR_BNDCFGS) && wrmsr_safe(MSR_BNDCFGS, 0)) {
		/* not there: nothing to clear */
	}
}

void vmx_load_host(struct vcpu *v, const struct vmx_l1_state *l2)
{
	const struct nested_vmcs *s = v->nvmx->cur;
	const u64 *f = s->v12->f;
	bool host64 = f[SLOT_EXIT_CTLS] & EXITC_HOST64;

	for (u32 i = 0; i < ARRAY_SIZE(copies); i++)
		vmwrite(copies[i].to, f[copies[i].from]);
	for (u32 i = 0; i < ARRAY_SIZE(fixed); i++)
		vmwrite(fixed[i].to, fixed[i].value);
	load_segments(f, host64);
	vmx_forget(v);
	load_msrs(v, f, l2->efer, l2->pat);
	load_crs(v, f);
	v->gpr[RSP] = v->vmx->rsp = f[SLOT_HOST_RSP];
	/* Without VPIDs an exit flushes, and L1 may rely on it. */
	if (!(vmcs12_proc2(s->v12) & PROC2_VPID))
		vmx_invvpid(INVVPID_SINGLE, VMX_VPID_L1, 0);
}
