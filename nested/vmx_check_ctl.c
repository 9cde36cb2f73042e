/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_check.h"

#include "core/err.h"
#include "core/x86.h"

int vmx_refuse(struct vmx_refusal *r, const char *rule, u32 slot, u64 value,
	       const char *section)
{
	r->rule = rule;
	r->section = section;
	r->field = vmcs_fields[slot].name;
	r->value = value;
	return -EINVAL;
}

static bool ctl_ok(u64 val, const struct vmx_check_env *e, enum vmx_group g)
{
	return fixed_ok(val, e->caps->ctl[g].must1, e->caps->ctl[g].may1);
}

#define SECTION "VM-Execution Control Fields"

static int check_reserved(const struct vmcs12 *v, const struct vmx_check_env *e,
			  struct vmx_refusal *r)
{
	CHECK_FIELD(ctl_ok(F(PIN_CTLS), e, GROUP_PIN), PIN_CTLS);
	CHECK_FIELD(ctl_ok(F(PROC_CTLS), e, GROUP_PROC), PROC_CTLS);
	if (F(PROC_CTLS) & PROC_PROC2)
		CHECK_FIELD(ctl_ok(F(PROC2_CTLS), e, GROUP_PROC2), PROC2_CTLS);
	CHECK_FIELD(F(CR3_TARGET_COUNT) <=
			    MIN(VMX_MISC_CR3_TARGETS(e->caps->misc), 4u),
		    CR3_TARGET_COUNT);
	if (F(PROC_CTLS) & PROC_IO_BITMAP) {
		CHECK_FIELD(phys_ok(F(IO_BITMAP_A), PAGE_SIZE, e), IO_BITMAP_A);
		CHECK_FIELD(phys_ok(F(IO_BITMAP_B), PAGE_SIZE, e), IO_BITMAP_B);
	}
	if (F(PROC_CTLS) & PROC_MSR_BITMAP)
		CHECK_FIELD(phys_ok(F(MSR_BITMAP), PAGE_SIZE, e), MSR_BITMAP);
	return 0;
}

int vmx_check_threshold(const struct vmcs12 *v, const struct vmx_check_env *e,
			struct vmx_refusal *r)
{
	if ((F(PROC_CTLS) & PROC_TPR_SHADOW) &&
	    !(vmcs12_proc2(v) & (PROC2_VID | PROC2_APIC_ACCESS)))
		CHECK_FIELD((F(TPR_THRESHOLD) & 0xf) <= e->vtpr, TPR_THRESHOLD);
	return 0;
}

static int check_apic(const struct vmcs12 *v, const struct vmx_check_env *e,
		      struct vmx_refusal *r)
{
	u64 pin = F(PIN_CTLS), proc = F(PROC_CTLS), proc2 = vmcs12_proc2(v);

	if (proc & PROC_TPR_SHADOW) {
		CHECK_FIELD(phys_ok(F(VIRTUAL_APIC_ADDR), PAGE_SIZE, e),
			    VIRTUAL_APIC_ADDR);
		if (!(proc2 & PROC2_VID))
			CHECK_FIELD(!(F(TPR_THRESHOLD) & ~0xfull),
				    TPR_THRESHOLD);
		if (vmx_check_threshold(v, e, r))
			return -EINVAL;
	} else {
		CHECK_FIELD(
			!(proc2 & (PROC2_X2APIC | PROC2_APIC_REG | PROC2_VID)),
			PROC2_CTLS);
	}
	CHECK_FIELD((pin & PIN_NMI) || !(pin & PIN_VNMI), PIN_CTLS);
	CHECK_FIELD((pin & PIN_VNMI) || !(proc & PROC_NMI_WINDOW), PROC_CTLS);
	if (proc2 & PROC2_APIC_ACCESS) {
		CHECK_FIELD(phys_ok(F(APIC_ACCESS_ADDR), PAGE_SIZE, e),
			    APIC_ACCESS_ADDR);
		CHECK_FIELD(!(proc2 & PROC2_X2APIC), PROC2_CTLS);
	}
	if (proc2 & PROC2_VID)
		CHECK_FIELD(pin & PIN_EXTINT, PIN_CTLS);
	if (pin & PIN_POSTED) {
		CHECK_FIELD(proc2 & PROC2_VID, PROC2_CTLS);
		CHECK_FIELD(F(EXIT_CTLS) & EXITC_ACK_INTR, EXIT_CTLS);
		CHECK_FIELD(F(POSTED_VECTOR) <= 0xff, POSTED_VECTOR);
		CHECK_FIELD(phys_ok(F(POSTED_DESC_ADDR), 64, e),
			    POSTED_DESC_ADDR);
	}
	return 0;
}

bool vmx_eptp_ok(u64 eptp, const struct vmx_check_env *e)
{
	u64 cap = e->caps->ept_vpid, type = EPTP_TYPE(eptp);
	u64 walk = eptp & EPTP_WALK_MASK;

	return ((type == EPTP_WB && (cap & EPT_CAP_WB)) ||
		(type == EPTP_UC && (cap & EPT_CAP_UC))) &&
	       ((walk == EPTP_WALK4 && (cap & EPT_CAP_WALK4)) ||
		(walk == EPTP_WALK5 && (cap & EPT_CAP_WALK5))) &&
	       (!(eptp & EPTP_AD) || (cap & EPT_CAP_AD)) &&
	       (!(eptp & EPTP_SSS) || (cap & EPT_CAP_SSS)) &&
	       !(eptp & BITS(11, 8)) && !(eptp >> e->caps->phys_bits);
}

static int check_memory(const struct vmcs12 *v, const struct vmx_check_env *e,
			struct vmx_refusal *r)
{
	u64 proc2 = vmcs12_proc2(v);

	if (proc2 & PROC2_VPID)
		CHECK_FIELD(F(VPID) != 0, VPID);
	if (proc2 & PROC2_EPT)
		CHECK_FIELD(vmx_eptp_ok(F(EPTP), e), EPTP);
	else
		CHECK_FIELD(!(proc2 & (PROC2_PML | PROC2_UNRESTRICTED |
				       PROC2_MBEC | PROC2_SPP)),
			    PROC2_CTLS);
	if (proc2 & PROC2_PML)
		CHECK_FIELD(phys_ok(F(PML_ADDR), PAGE_SIZE, e), PML_ADDR);
	if (proc2 & PROC2_VMFUNC) {
		u64 may = e->caps->ctl[GROUP_VMFUNC].may1;

		CHECK_FIELD(!(F(VMFUNC_CTLS) & ~may), VMFUNC_CTLS);
		if (F(VMFUNC_CTLS) & VMFUNC_EPTP_SWITCH) {
			CHECK_FIELD(proc2 & PROC2_EPT, PROC2_CTLS);
			CHECK_FIELD(phys_ok(F(EPTP_LIST_ADDR), PAGE_SIZE, e),
				    EPTP_LIST_ADDR);
		}
	}
	if (proc2 & PROC2_SHADOW_VMCS) {
		CHECK_FIELD(phys_ok(F(VMREAD_BITMAP), PAGE_SIZE, e),
			    VMREAD_BITMAP);
		CHECK_FIELD(phys_ok(F(VMWRITE_BITMAP), PAGE_SIZE, e),
			    VMWRITE_BITMAP);
	}
	if (proc2 & PROC2_VE)
		CHECK_FIELD(phys_ok(F(VE_INFO_ADDR), PAGE_SIZE, e),
			    VE_INFO_ADDR);
	if (proc2 & PROC2_TSC_SCALING)
		CHECK_FIELD(F(TSC_MULTIPLIER) != 0, TSC_MULTIPLIER);
	return 0;
}

#undef SECTION
#define SECTION "VM-Exit Control Fields"

static bool msr_area_ok(u64 addr, u64 count, const struct vmx_check_env *e)
{
	u64 last = addr + count * 16 - 1;

	return !count || (phys_ok(addr, 16, e) && phys_ok(last, 1, e));
}

static int check_exit_controls(const struct vmcs12 *v,
			       const struct vmx_check_env *e,
			       struct vmx_refusal *r)
{
	CHECK_FIELD(ctl_ok(F(EXIT_CTLS), e, GROUP_EXIT), EXIT_CTLS);
	CHECK_FIELD((F(PIN_CTLS) & PIN_PREEMPTION) ||
			    !(F(EXIT_CTLS) & EXITC_SAVE_PREEMPTION),
		    EXIT_CTLS);
	CHECK_FIELD(
		msr_area_ok(F(EXIT_MSR_STORE_ADDR), F(EXIT_MSR_STORE_COUNT), e),
		EXIT_MSR_STORE_ADDR);
	CHECK_FIELD(
		msr_area_ok(F(EXIT_MSR_LOAD_ADDR), F(EXIT_MSR_LOAD_COUNT), e),
		EXIT_MSR_LOAD_ADDR);
	return 0;
}

#undef SECTION
#define SECTION "VM-Entry Control Fields"

/* Exceptions that push an error code; #CP where its kind is fixed. */
#define ERROR_VECTORS                                                          \
	(BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | \
	 BIT(VEC_PF) | BIT(VEC_AC))

static bool event_error_ok(const struct vmcs12 *v, u64 info,
			   const struct vmx_check_env *e)
{
	bool has = info & INTR_ERROR;
	bool exc = INTR_TYPE(info) == INTR_TYPE_HARD_EXC;
	bool pe = !(vmcs12_proc2(v) & PROC2_UNRESTRICTED) ||
		  (F(GUEST_CR0) & CR0_PE);

	if (!pe || !exc)
		return !has;
	if (e->caps->basic & VMX_BASIC_ANY_ERROR)
		return true;
	return has == (ERROR_VECTORS >> INTR_VECTOR(info) & 1);
}

static bool event_vector_ok(u64 info)
{
	switch (INTR_TYPE(info)) {
	case INTR_TYPE_NMI:
		return INTR_VECTOR(info) == VEC_NMI;
	case INTR_TYPE_HARD_EXC:
		return INTR_VECTOR(info) <= 31;
	case INTR_TYPE_OTHER:
		return INTR_VECTOR(info) == 0;
	default:
		return true;
	}
}

int vmx_check_event(const struct vmcs12 *v, const struct vmx_check_env *e,
		    struct vmx_refusal *r)
{
	u64 info = F(ENTRY_INTR_INFO);
	u32 type = INTR_TYPE(info);

	if (!(info & INTR_VALID))
		return 0;
	CHECK_FIELD(type != 1, ENTRY_INTR_INFO);
	CHECK_FIELD(type != INTR_TYPE_OTHER ||
			    (e->caps->ctl[GROUP_PROC].may1 & PROC_MTF),
		    ENTRY_INTR_INFO);
	CHECK_FIELD(event_vector_ok(info), ENTRY_INTR_INFO);
	CHECK_FIELD(event_error_ok(v, info, e), ENTRY_INTR_INFO);
	CHECK_FIELD(!(info & BITS(30, 12)), ENTRY_INTR_INFO);
	if (info & INTR_ERROR)
		CHECK_FIELD(!(F(ENTRY_ERROR_CODE) & BITS(31, 16)),
			    ENTRY_ERROR_CODE);
	if (type >= INTR_TYPE_SOFT_INT && type <= INTR_TYPE_SOFT_EXC) {
		u64 least = e->caps->misc & VMX_MISC_ZERO_LEN ? 0 : 1;

		CHECK_FIELD(F(ENTRY_INSTR_LEN) >= least, ENTRY_INSTR_LEN);
		CHECK_FIELD(F(ENTRY_INSTR_LEN) <= 15, ENTRY_INSTR_LEN);
	}
	return 0;
}

static int check_entry_controls(const struct vmcs12 *v,
				const struct vmx_check_env *e,
				struct vmx_refusal *r)
{
	int err;

	CHECK_FIELD(ctl_ok(F(ENTRY_CTLS), e, GROUP_ENTRY), ENTRY_CTLS);
	err = vmx_check_event(v, e, r);
	if (err)
		return err;
	CHECK_FIELD(
		msr_area_ok(F(ENTRY_MSR_LOAD_ADDR), F(ENTRY_MSR_LOAD_COUNT), e),
		ENTRY_MSR_LOAD_ADDR);
	return 0;
}

int vmx_check_controls(const struct vmcs12 *v, const struct vmx_check_env *e,
		       struct vmx_refusal *r)
{
	int err = check_reserved(v, e, r);

	if (!err)
		err = check_apic(v, e, r);
	if (!err)
		err = check_memory(v, e, r);
	if (!err)
		err = check_exit_controls(v, e, r);
	return err ? err : check_entry_controls(v, e, r);
}
