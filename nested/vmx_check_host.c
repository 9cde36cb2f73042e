/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_check.h"

#include "core/err.h"
#include "core/x86.h"

#define SECTION "Checks on Host Control Registers, MSRs, and SSP"

static int check_registers(const struct vmcs12 *v,
			   const struct vmx_check_env *e, struct vmx_refusal *r)
{
	const struct vmx_caps *c = e->caps;

	CHECK_FIELD(fixed_ok(F(HOST_CR0), c->cr0_fixed0, c->cr0_fixed1),
		    HOST_CR0);
	CHECK_FIELD(fixed_ok(F(HOST_CR4), c->cr4_fixed0, c->cr4_fixed1),
		    HOST_CR4);
	CHECK_FIELD(!(F(HOST_CR4) & CR4_CET) || (F(HOST_CR0) & CR0_WP),
		    HOST_CR4);
	CHECK_FIELD(cr3_ok(F(HOST_CR3), e), HOST_CR3);
	CHECK_FIELD(canonical(F(HOST_SYSENTER_ESP), e->la_bits),
		    HOST_SYSENTER_ESP);
	CHECK_FIELD(canonical(F(HOST_SYSENTER_EIP), e->la_bits),
		    HOST_SYSENTER_EIP);
	return 0;
}

static int check_msrs(const struct vmcs12 *v, const struct vmx_check_env *e,
		      struct vmx_refusal *r)
{
	u64 ctl = F(EXIT_CTLS);
	u64 lm = ctl & EXITC_HOST64 ? EFER_LMA | EFER_LME : 0;

	if (ctl & EXITC_LOAD_CET) {
		CHECK_FIELD(s_cet_ok(F(HOST_S_CET), e), HOST_S_CET);
		CHECK_FIELD(!(F(HOST_SSP) & 3), HOST_SSP);
		CHECK_FIELD(canonical(F(HOST_SSP), e->la_bits), HOST_SSP);
		CHECK_FIELD(canonical(F(HOST_INTR_SSP_TABLE), e->la_bits),
			    HOST_INTR_SSP_TABLE);
	}
	if (ctl & EXITC_LOAD_PERF)
		CHECK_FIELD(!(F(HOST_PERF_GLOBAL) & ~e->perf_valid),
			    HOST_PERF_GLOBAL);
	if (ctl & EXITC_LOAD_PAT)
		CHECK_FIELD(pat_ok(F(HOST_PAT)), HOST_PAT);
	if (ctl & EXITC_LOAD_EFER) {
		CHECK_FIELD(!(F(HOST_EFER) & ~e->efer_valid), HOST_EFER);
		CHECK_FIELD((F(HOST_EFER) & (EFER_LMA | EFER_LME)) == lm,
			    HOST_EFER);
	}
	return 0;
}

#undef SECTION
#define SECTION "Checks on Host Segment and Descriptor-Table Registers"

#define SEL_RPL_TI 7ull

static int check_segments(const struct vmcs12 *v, const struct vmx_check_env *e,
			  struct vmx_refusal *r)
{
	u32 la = e->la_bits;

	for (u32 s = SLOT_HOST_ES_SEL; s <= SLOT_HOST_TR_SEL; s++)
		CHECK_SLOT(!(v->f[s] & SEL_RPL_TI), s);
	CHECK_FIELD(F(HOST_CS_SEL) != 0, HOST_CS_SEL);
	CHECK_FIELD(F(HOST_TR_SEL) != 0, HOST_TR_SEL);
	if (!(F(EXIT_CTLS) & EXITC_HOST64))
		CHECK_FIELD(F(HOST_SS_SEL) != 0, HOST_SS_SEL);
	CHECK_FIELD(canonical(F(HOST_FS_BASE), la), HOST_FS_BASE);
	CHECK_FIELD(canonical(F(HOST_GS_BASE), la), HOST_GS_BASE);
	CHECK_FIELD(canonical(F(HOST_TR_BASE), la), HOST_TR_BASE);
	CHECK_FIELD(canonical(F(HOST_GDTR_BASE), la), HOST_GDTR_BASE);
	CHECK_FIELD(canonical(F(HOST_IDTR_BASE), la), HOST_IDTR_BASE);
	return 0;
}

#undef SECTION
#define SECTION "Checks Related to Address-Space Size"

static int check_size(const struct vmcs12 *v, const struct vmx_check_env *e,
		      struct vmx_refusal *r)
{
	bool host64 = F(EXIT_CTLS) & EXITC_HOST64;
	bool ia32e = F(ENTRY_CTLS) & ENTRYC_IA32E;

	CHECK_FIELD(e->lma || !ia32e, ENTRY_CTLS);
	CHECK_FIELD(e->lma == host64, EXIT_CTLS);
	if (host64) {
		CHECK_FIELD(F(HOST_CR4) & CR4_PAE, HOST_CR4);
		/* As the host will have it, not as wide as can be. */
		CHECK_FIELD(canonical(F(HOST_RIP),
				      F(HOST_CR4) & CR4_LA57 ? 57 : 48),
			    HOST_RIP);
	} else {
		CHECK_FIELD(!ia32e, ENTRY_CTLS);
		CHECK_FIELD(!(F(HOST_CR4) & CR4_PCIDE), HOST_CR4);
		CHECK_FIELD(!(F(HOST_RIP) >> 32), HOST_RIP);
		if (F(EXIT_CTLS) & EXITC_LOAD_CET) {
			CHECK_FIELD(!(F(HOST_S_CET) >> 32), HOST_S_CET);
			CHECK_FIELD(!(F(HOST_SSP) >> 32), HOST_SSP);
		}
	}
	return 0;
}

int vmx_check_host(const struct vmcs12 *v, const struct vmx_check_env *e,
		   struct vmx_refusal *r)
{
	int err = check_registers(v, e, r);

	if (!err)
		err = check_msrs(v, e, r);
	if (!err)
		err = check_segments(v, e, r);
	return err ? err : check_size(v, e, r);
}
