/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L1's host state on an exit of its L2. SDM 3C, "Loading Host State". */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "nested/vmx_controls.h"

/* Fields of vmcs01 that are fields of vmcs12. */
#define COPIES(X)                                \
	X(GUEST_ES_SEL, HOST_ES_SEL)             \
	X(GUEST_CS_SEL, HOST_CS_SEL)             \
	X(GUEST_SS_SEL, HOST_SS_SEL)             \
	X(GUEST_DS_SEL, HOST_DS_SEL)             \
	X(GUEST_FS_SEL, HOST_FS_SEL)             \
	X(GUEST_GS_SEL, HOST_GS_SEL)             \
	X(GUEST_TR_SEL, HOST_TR_SEL)             \
	X(GUEST_FS_BASE, HOST_FS_BASE)           \
	X(GUEST_GS_BASE, HOST_GS_BASE)           \
	X(GUEST_TR_BASE, HOST_TR_BASE)           \
	X(GUEST_GDTR_BASE, HOST_GDTR_BASE)       \
	X(GUEST_IDTR_BASE, HOST_IDTR_BASE)       \
	X(GUEST_SYSENTER_CS, HOST_SYSENTER_CS)   \
	X(GUEST_SYSENTER_ESP, HOST_SYSENTER_ESP) \
	X(GUEST_SYSENTER_EIP, HOST_SYSENTER_EIP) \
	X(GUEST_CR3, HOST_CR3)                   \
	X(GUEST_RSP, HOST_RSP)                   \
	X(GUEST_RIP, HOST_RIP)

/* And those that are the same after every exit. */
#define FIXED(X)                            \
	X(GUEST_ES_BASE, 0)                 \
	X(GUEST_CS_BASE, 0)                 \
	X(GUEST_SS_BASE, 0)                 \
	X(GUEST_DS_BASE, 0)                 \
	X(GUEST_ES_LIMIT, 0xffffffff)       \
	X(GUEST_CS_LIMIT, 0xffffffff)       \
	X(GUEST_SS_LIMIT, 0xffffffff)       \
	X(GUEST_DS_LIMIT, 0xffffffff)       \
	X(GUEST_FS_LIMIT, 0xffffffff)       \
	X(GUEST_GS_LIMIT, 0xffffffff)       \
	X(GUEST_TR_LIMIT, 0x67)             \
	X(GUEST_TR_AR, 0x8b)                \
	X(GUEST_LDTR_SEL, 0)                \
	X(GUEST_LDTR_AR, SEG_ATTR_UNUSABLE) \
	X(GUEST_GDTR_LIMIT, 0xffff)         \
	X(GUEST_IDTR_LIMIT, 0xffff)         \
	X(GUEST_RFLAGS, RFLAGS_FIXED)       \
	X(GUEST_DR7, 0x400)                 \
	X(GUEST_DEBUGCTL, 0)                \
	X(GUEST_ACTIVITY, ACTIVITY_ACTIVE)  \
	X(GUEST_PENDING_DBG, 0)

#define AR_CODE64 0xa09b
#define AR_CODE32 0xc09b
#define AR_DATA 0xc093

static void load_segments(const u64 *f, bool host64)
{
#define AR(s)                        \
	vmwrite(VMCS_GUEST_##s##_AR, \
		f[SLOT_HOST_##s##_SEL] ? AR_DATA : SEG_ATTR_UNUSABLE)
	vmwrite(VMCS_GUEST_CS_AR, host64 ? AR_CODE64 : AR_CODE32);
	AR(SS);
	AR(DS);
	AR(ES);
	AR(FS);
	AR(GS);
#undef AR
}

/* CD, NW and ET stay as they are. */
#define CR0_UNTOUCHED (CR0_CD | CR0_NW | CR0_ET)

static void load_crs(struct vcpu *v, const u64 *f)
{
	u64 cr0 = (f[SLOT_HOST_CR0] & ~CR0_UNTOUCHED) |
		  (read_cr0() & CR0_UNTOUCHED);

	/* Both the register and its shadow as they were left: the usual case,
	 * since L1 keeps VMX's fixed bits while it is in VMX operation. */
	if (vmread(VMCS_GUEST_CR0) != cr0 || vmread(VMCS_CR0_SHADOW) != cr0)
		vmx_l1_set_cr0(v, cr0);
	if (vmread(VMCS_GUEST_CR4) != f[SLOT_HOST_CR4] ||
	    vmread(VMCS_CR4_SHADOW) != f[SLOT_HOST_CR4])
		vmx_l1_set_cr4(v, f[SLOT_HOST_CR4]);
}

static void load_msrs(struct vcpu *v, const u64 *f, u64 l2_efer, u64 l2_pat)
{
	u64 exitc = f[SLOT_EXIT_CTLS], entry = v->vmx->vmcs01.ctl[GROUP_ENTRY];

	vmx_put(v, CACHED_EFER, vmx_efer01(f, l2_efer));
	vmx_set_ctl(v, GROUP_ENTRY,
		    exitc & EXITC_HOST64 ? entry | ENTRYC_IA32E
					 : entry & ~(u64)ENTRYC_IA32E);
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

/* An L1 with PAE paging gets its PDPTEs anew. */
static int load_pdptes(struct vcpu *v, const u64 *f)
{
	struct vmx_refusal r;
	u64 pdpte[4];

	if (likely((f[SLOT_EXIT_CTLS] & EXITC_HOST64) ||
		   !(f[SLOT_HOST_CR4] & CR4_PAE)))
		return 0;
	if (guest_read(v->vm, L1PA(f[SLOT_HOST_CR3] & BITS(31, 5)), pdpte,
		       sizeof(pdpte)) ||
	    vmx_check_pdptes(pdpte, &v->nvmx->env, &r))
		return -EINVAL;
	for (u32 i = 0; i < 4; i++)
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
	return 0;
}

int vmx_load_host(struct vcpu *v, const struct vmx_l1_state *l2)
{
	const struct nested_vmcs *s = v->nvmx->cur;
	const u64 *f = s->v12->f;
	bool host64 = f[SLOT_EXIT_CTLS] & EXITC_HOST64;

#define COPY(to, from) vmwrite(VMCS_##to, f[SLOT_##from]);
#define FIX(to, value) vmwrite(VMCS_##to, value);
	COPIES(COPY)
	FIXED(FIX)
	load_segments(f, host64);
	vmx_forget(v);
	load_msrs(v, f, l2->efer, l2->pat);
	load_crs(v, f);
	v->gpr[RSP] = v->vmx->rsp = f[SLOT_HOST_RSP];
	/* Without VPIDs an exit flushes, and L1 may rely on it. */
	if (!(vmcs12_proc2(s->v12) & PROC2_VPID))
		vmx_invvpid(INVVPID_SINGLE, VMX_VPID_L1, 0);
	return load_pdptes(v, f);
}
