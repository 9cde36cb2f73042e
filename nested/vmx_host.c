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

/* And those that are the same after every exit, by their value. */
#define ZERO(X)           \
	X(GUEST_ES_BASE)  \
	X(GUEST_CS_BASE)  \
	X(GUEST_SS_BASE)  \
	X(GUEST_DS_BASE)  \
	X(GUEST_LDTR_SEL) \
	X(GUEST_DEBUGCTL) \
	X(GUEST_ACTIVITY) \
	X(GUEST_PENDING_DBG)
#define ALL_ONES(X)       \
	X(GUEST_ES_LIMIT) \
	X(GUEST_CS_LIMIT) \
	X(GUEST_SS_LIMIT) \
	X(GUEST_DS_LIMIT) \
	X(GUEST_FS_LIMIT) \
	X(GUEST_GS_LIMIT)
#define FIXED(X)                            \
	X(GUEST_TR_LIMIT, 0x67)             \
	X(GUEST_TR_AR, 0x8b)                \
	X(GUEST_LDTR_AR, SEG_ATTR_UNUSABLE) \
	X(GUEST_GDTR_LIMIT, 0xffff)         \
	X(GUEST_IDTR_LIMIT, 0xffff)         \
	X(GUEST_RFLAGS, RFLAGS_FIXED)       \
	X(GUEST_DR7, 0x400)

_Static_assert(ACTIVITY_ACTIVE == 0, "among the zeros");

#define AR_CODE64 0xa09b
#define AR_CODE32 0xc09b
#define AR_DATA 0xc093

/* Access rights follow from selectors, and are worked out when these change. */
void vmx_host_rights(struct nested_vmcs *s)
{
	const u64 *f = s->v12->f;

	for (u32 i = SEG_ES; i <= SEG_GS; i++)
		s->host_ar[i] =
			f[SLOT_HOST_ES_SEL + i] ? AR_DATA : SEG_ATTR_UNUSABLE;
	s->host_ar[SEG_CS] =
		f[SLOT_EXIT_CTLS] & EXITC_HOST64 ? AR_CODE64 : AR_CODE32;
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
	struct vmx_msr_write w[VMX_MSR_WRITES];

	vmx_put(v, CACHED_EFER, vmx_efer01(f, l2_efer));
	vmx_set_ctl(v, GROUP_ENTRY,
		    exitc & EXITC_HOST64 ? entry | ENTRYC_IA32E
					 : entry & ~(u64)ENTRYC_IA32E);
	vmwrite(VMCS_GUEST_PAT,
		exitc & EXITC_LOAD_PAT ? f[SLOT_HOST_PAT] : l2_pat);
	if (unlikely(exitc & (EXITC_LOAD_PERF | EXITC_CLEAR_BNDCFGS)))
		vmx_msr_writes(w, vmx_exit_msrs(f, w));
}

static void load_cet(const u64 *f, const struct vmx_cet *l2)
{
	bool load = f[SLOT_EXIT_CTLS] & EXITC_LOAD_CET;

	vmwrite(VMCS_GUEST_S_CET, load ? f[SLOT_HOST_S_CET] : l2->s_cet);
	vmwrite(VMCS_GUEST_SSP, load ? f[SLOT_HOST_SSP] : l2->ssp);
	vmwrite(VMCS_GUEST_INTR_SSP_TABLE,
		load ? f[SLOT_HOST_INTR_SSP_TABLE] : l2->table);
}

/* To an L1 in 32-bit code: L2 must not have gone to IA-32e mode by itself; with
 * PAE paging L1 gets its PDPTEs anew. SDM 3C, "Loading Host State", "Checking
 * and Loading Host Page-Directory-Pointer-Table Entries". */
static enum vmx_abort load_host32(struct vcpu *v, const u64 *f, u64 l2_efer)
{
	struct vmx_refusal r;
	u64 pdpte[4];

	if (l2_efer & EFER_LMA)
		return ABORT_HOST_32;
	if (!(f[SLOT_HOST_CR4] & CR4_PAE))
		return 0;
	if (guest_read(v->vm, L1PA(f[SLOT_HOST_CR3] & BITS(31, 5)), pdpte,
		       sizeof(pdpte)) ||
	    vmx_check_pdptes(pdpte, &v->nvmx->env, &r))
		return ABORT_HOST_PDPTE;
	for (u32 i = 0; i < 4; i++)
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
	return 0;
}

/* All of these fields exist on every processor. */
static void load_fields(const struct nested_vmcs *s)
{
	const u64 *f = s->v12->f, *ar = s->host_ar;
	u64 zero = 0, ones = 0xffffffff;

	/* In registers: the compiler would load them for each field anew. */
	__asm__ volatile("" : "+r"(zero), "+r"(ones));
#define COPY(to, from) vmwrite_from(VMCS_##to, &f[SLOT_##from]);
#define WITH_ZERO(to) vmwrite_sure(VMCS_##to, zero);
#define WITH_ONES(to) vmwrite_sure(VMCS_##to, ones);
#define FIX(to, value) vmwrite_sure(VMCS_##to, value);
#define RIGHTS(seg) vmwrite_from(VMCS_GUEST_##seg##_AR, &ar[SEG_##seg]);
	COPIES(COPY)
	ZERO(WITH_ZERO)
	ALL_ONES(WITH_ONES)
	FIXED(FIX)
	RIGHTS(ES)
	RIGHTS(CS)
	RIGHTS(SS)
	RIGHTS(DS)
	RIGHTS(FS)
	RIGHTS(GS)
}

enum vmx_abort vmx_load_host(struct vcpu *v, const struct vmx_l1_state *l2)
{
	const struct nested_vmcs *s = v->nvmx->cur;
	const u64 *f = s->v12->f;

	load_fields(s);
	vmx_forget(v);
	load_msrs(v, f, l2->efer, l2->pat);
	load_crs(v, f);
	if (unlikely(v->nvmx->cet))
		load_cet(f, &l2->cet);
	v->gpr[RSP] = v->vmx->rsp = f[SLOT_HOST_RSP];
	/* Without VPIDs an exit flushes, and L1 may rely on it. */
	if (!(vmcs12_proc2(s->v12) & PROC2_VPID))
		vmx_invvpid(INVVPID_SINGLE, VMX_VPID_L1, 0);
	if (likely(f[SLOT_EXIT_CTLS] & EXITC_HOST64))
		return 0;
	return load_host32(v, f, l2->efer);
}
