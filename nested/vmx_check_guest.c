/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_check.h"

#include "core/err.h"
#include "core/x86.h"

#define SECTION "Checks on Guest Control Registers, Debug Registers, and MSRs"

static int check_crs(const struct vmcs12 *v, const struct vmx_check_env *e,
		     struct vmx_refusal *r)
{
	const struct vmx_caps *c = e->caps;
	bool ug = vmcs12_proc2(v) & PROC2_UNRESTRICTED;
	bool ia32e = F(ENTRY_CTLS) & ENTRYC_IA32E;
	u64 cr0 = F(GUEST_CR0), cr4 = F(GUEST_CR4);
	u64 fixed0 = c->cr0_fixed0 & (ug ? ~(CR0_PE | CR0_PG) : ~0ull);

	CHECK_FIELD(fixed_ok(cr0, fixed0, c->cr0_fixed1), GUEST_CR0);
	CHECK_FIELD(!(cr0 & CR0_PG) || (cr0 & CR0_PE), GUEST_CR0);
	CHECK_FIELD(fixed_ok(cr4, c->cr4_fixed0, c->cr4_fixed1), GUEST_CR4);
	CHECK_FIELD(!(cr4 & CR4_CET) || (cr0 & CR0_WP), GUEST_CR4);
	if (F(ENTRY_CTLS) & ENTRYC_LOAD_DEBUG)
		CHECK_FIELD(!(F(GUEST_DEBUGCTL) & ~e->debugctl_valid),
			    GUEST_DEBUGCTL);
	if (ia32e) {
		CHECK_FIELD(cr0 & CR0_PG, GUEST_CR0);
		CHECK_FIELD(cr4 & CR4_PAE, GUEST_CR4);
	} else {
		CHECK_FIELD(!(cr4 & CR4_PCIDE), GUEST_CR4);
	}
	CHECK_FIELD(cr3_ok(F(GUEST_CR3), e), GUEST_CR3);
	if (F(ENTRY_CTLS) & ENTRYC_LOAD_DEBUG)
		CHECK_FIELD(!(F(GUEST_DR7) >> 32), GUEST_DR7);
	return 0;
}

/* Bits beyond the linear-address width are identical. */
static bool sign_extended(u64 val, const struct vmx_check_env *e)
{
	u64 high = (u64)((s64)val >> e->la_bits);

	return high == 0 || high == ~0ull;
}

static int check_msrs(const struct vmcs12 *v, const struct vmx_check_env *e,
		      struct vmx_refusal *r)
{
	u64 ctl = F(ENTRY_CTLS), efer = F(GUEST_EFER);

	CHECK_FIELD(canonical(F(GUEST_SYSENTER_ESP), e->la_bits),
		    GUEST_SYSENTER_ESP);
	CHECK_FIELD(canonical(F(GUEST_SYSENTER_EIP), e->la_bits),
		    GUEST_SYSENTER_EIP);
	if (ctl & ENTRYC_LOAD_PERF)
		CHECK_FIELD(!(F(GUEST_PERF_GLOBAL) & ~e->perf_valid),
			    GUEST_PERF_GLOBAL);
	if (ctl & ENTRYC_LOAD_PAT)
		CHECK_FIELD(pat_ok(F(GUEST_PAT)), GUEST_PAT);
	if (ctl & ENTRYC_LOAD_EFER) {
		CHECK_FIELD(!(efer & ~e->efer_valid), GUEST_EFER);
		CHECK_FIELD(!(efer & EFER_LMA) == !(ctl & ENTRYC_IA32E),
			    GUEST_EFER);
		if (F(GUEST_CR0) & CR0_PG)
			CHECK_FIELD(!(efer & EFER_LMA) == !(efer & EFER_LME),
				    GUEST_EFER);
	}
	if (ctl & ENTRYC_LOAD_CET) {
		CHECK_FIELD(s_cet_ok(F(GUEST_S_CET), e), GUEST_S_CET);
		CHECK_FIELD(canonical(F(GUEST_INTR_SSP_TABLE), e->la_bits),
			    GUEST_INTR_SSP_TABLE);
		CHECK_FIELD(!(F(GUEST_SSP) & 3), GUEST_SSP);
		CHECK_FIELD(sign_extended(F(GUEST_SSP), e), GUEST_SSP);
	}
	if (ctl & ENTRYC_LOAD_BNDCFGS) {
		CHECK_FIELD(!(F(GUEST_BNDCFGS) & BITS(11, 2)), GUEST_BNDCFGS);
		CHECK_FIELD(canonical(F(GUEST_BNDCFGS) & PAGE_MASK, e->la_bits),
			    GUEST_BNDCFGS);
	}
	return 0;
}

int vmx_check_guest_regs(const struct vmcs12 *v, const struct vmx_check_env *e,
			 struct vmx_refusal *r)
{
	int err = check_crs(v, e, r);

	return err ? err : check_msrs(v, e, r);
}

#undef SECTION
#define SECTION "Checks on Guest RIP, RFLAGS, and SSP"

static int check_rip(const struct vmcs12 *v, const struct vmx_check_env *e,
		     struct vmx_refusal *r)
{
	u64 fl = F(GUEST_RFLAGS), info = F(ENTRY_INTR_INFO);
	bool ia32e = F(ENTRY_CTLS) & ENTRYC_IA32E;
	bool extint = (info & INTR_VALID) && INTR_TYPE(info) == INTR_TYPE_EXT;

	if (ia32e && (F(GUEST_CS_AR) & BIT(13)))
		CHECK_FIELD(sign_extended(F(GUEST_RIP), e), GUEST_RIP);
	else
		CHECK_FIELD(!(F(GUEST_RIP) >> 32), GUEST_RIP);
	CHECK_FIELD(!(fl & (BITS(63, 22) | BIT(15) | BIT(5) | BIT(3))),
		    GUEST_RFLAGS);
	CHECK_FIELD(fl & RFLAGS_FIXED, GUEST_RFLAGS);
	CHECK_FIELD(!(fl & RFLAGS_VM) || (!ia32e && (F(GUEST_CR0) & CR0_PE)),
		    GUEST_RFLAGS);
	CHECK_FIELD(!extint || (fl & RFLAGS_IF), GUEST_RFLAGS);
	return 0;
}

#undef SECTION
#define SECTION "Checks on Guest Non-Register State"

/* Which events an inactive L2 may be given. */
static bool event_wakes(u64 activity, u64 info)
{
	u32 type = INTR_TYPE(info), vector = INTR_VECTOR(info);

	switch (activity) {
	case ACTIVITY_ACTIVE:
		return true;
	case ACTIVITY_HLT:
		return type == INTR_TYPE_EXT || type == INTR_TYPE_NMI ||
		       (type == INTR_TYPE_HARD_EXC &&
			(vector == VEC_DB || vector == VEC_MC)) ||
		       type == INTR_TYPE_OTHER;
	case ACTIVITY_SHUTDOWN:
		return type == INTR_TYPE_NMI ||
		       (type == INTR_TYPE_HARD_EXC && vector == VEC_MC);
	default:
		return false;
	}
}

static int check_activity(const struct vmcs12 *v, const struct vmx_check_env *e,
			  struct vmx_refusal *r)
{
	u64 act = F(GUEST_ACTIVITY), block = F(GUEST_INTERRUPTIBILITY);
	u64 dpl = F(GUEST_SS_AR) >> 5 & 3;

	if (likely(act == ACTIVITY_ACTIVE))
		return 0;
	CHECK_FIELD(act <= ACTIVITY_WAIT_SIPI, GUEST_ACTIVITY);
	CHECK_FIELD(e->caps->misc & (VMX_MISC_HLT << (act - ACTIVITY_HLT)),
		    GUEST_ACTIVITY);
	CHECK_FIELD(act != ACTIVITY_HLT || dpl == 0, GUEST_ACTIVITY);
	CHECK_FIELD(!(block & (INTRBL_STI | INTRBL_MOV_SS)), GUEST_ACTIVITY);
	if (F(ENTRY_INTR_INFO) & INTR_VALID)
		CHECK_FIELD(event_wakes(act, F(ENTRY_INTR_INFO)),
			    GUEST_ACTIVITY);
	return 0;
}

static int check_blocking(const struct vmcs12 *v, const struct vmx_check_env *e,
			  struct vmx_refusal *r)
{
	u64 block = F(GUEST_INTERRUPTIBILITY), info = F(ENTRY_INTR_INFO);
	u32 type = info & INTR_VALID ? INTR_TYPE(info) : 8;

	CHECK_FIELD(!(block & BITS(31, 5)), GUEST_INTERRUPTIBILITY);
	CHECK_FIELD(!(block & INTRBL_STI) || !(block & INTRBL_MOV_SS),
		    GUEST_INTERRUPTIBILITY);
	CHECK_FIELD(!(block & INTRBL_STI) || (F(GUEST_RFLAGS) & RFLAGS_IF),
		    GUEST_INTERRUPTIBILITY);
	if (type == INTR_TYPE_EXT)
		CHECK_FIELD(!(block & (INTRBL_STI | INTRBL_MOV_SS)),
			    GUEST_INTERRUPTIBILITY);
	if (type == INTR_TYPE_NMI) {
		CHECK_FIELD(!(block & INTRBL_MOV_SS), GUEST_INTERRUPTIBILITY);
		CHECK_FIELD(!(F(PIN_CTLS) & PIN_VNMI) || !(block & INTRBL_NMI),
			    GUEST_INTERRUPTIBILITY);
	}
	CHECK_FIELD(!(block & INTRBL_SMI), GUEST_INTERRUPTIBILITY);
	if (block & INTRBL_ENCLAVE) {
		CHECK_FIELD(!(block & INTRBL_MOV_SS), GUEST_INTERRUPTIBILITY);
		CHECK_FIELD(e->sgx, GUEST_INTERRUPTIBILITY);
	}
	return 0;
}

#define DEBUGCTL_BTF BIT(1)

#define PENDING_RESERVED (BITS(10, 4) | BIT(13) | BIT(15) | BITS(63, 17))

static int check_pending_debug(const struct vmcs12 *v,
			       const struct vmx_check_env *e,
			       struct vmx_refusal *r)
{
	u64 pend = F(GUEST_PENDING_DBG);
	bool single = (F(GUEST_RFLAGS) & RFLAGS_TF) &&
		      !(F(GUEST_DEBUGCTL) & DEBUGCTL_BTF);

	CHECK_FIELD(!(pend & PENDING_RESERVED), GUEST_PENDING_DBG);
	CHECK_FIELD(!(pend & PENDING_DBG_BLD) || e->bus_lock_db,
		    GUEST_PENDING_DBG);
	if ((F(GUEST_INTERRUPTIBILITY) & (INTRBL_STI | INTRBL_MOV_SS)) ||
	    F(GUEST_ACTIVITY) == ACTIVITY_HLT)
		CHECK_FIELD(!!(pend & PENDING_DBG_BS) == single,
			    GUEST_PENDING_DBG);
	if (pend & PENDING_DBG_RTM) {
		CHECK_FIELD(e->rtm, GUEST_PENDING_DBG);
		CHECK_FIELD(pend & PENDING_DBG_ENABLED, GUEST_PENDING_DBG);
		CHECK_FIELD(!(pend & (BITS(11, 0) | BITS(15, 13))),
			    GUEST_PENDING_DBG);
		CHECK_FIELD(!(F(GUEST_INTERRUPTIBILITY) & INTRBL_MOV_SS),
			    GUEST_PENDING_DBG);
	}
	return 0;
}

int vmx_check_guest_run(const struct vmcs12 *v, const struct vmx_check_env *e,
			struct vmx_refusal *r)
{
	int err = check_rip(v, e, r);

	if (!err)
		err = check_activity(v, e, r);
	if (!err)
		err = check_blocking(v, e, r);
	return err ? err : check_pending_debug(v, e, r);
}

int vmx_check_link(const struct vmcs12 *v, const struct vmx_check_env *e,
		   struct vmx_refusal *r)
{
	if (F(LINK_POINTER) != ~0ull)
		CHECK_FIELD(phys_ok(F(LINK_POINTER), PAGE_SIZE, e),
			    LINK_POINTER);
	return 0;
}

#undef SECTION
#define SECTION "Checks on Guest Page-Directory-Pointer-Table Entries"

#define PDPTE_P BIT(0)
#define PDPTE_RESERVED (BITS(2, 1) | BITS(8, 5))

int vmx_check_pdptes(const u64 pdpte[4], const struct vmx_check_env *e,
		     struct vmx_refusal *r)
{
	u64 bad = PDPTE_RESERVED | ~(BIT(e->caps->phys_bits) - 1);

	for (u32 i = 0; i < 4; i++)
		if ((pdpte[i] & PDPTE_P) && (pdpte[i] & bad))
			return vmx_refuse(r, "no reserved bit of a PDPTE is 1",
					  SLOT_GUEST_PDPTE0 + i, pdpte[i],
					  SECTION);
	return 0;
}
