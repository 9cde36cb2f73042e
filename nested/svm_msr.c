/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID and the MSRs of virtual SVM. */
#include "core/err.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "nested/svm.h"
#include "nested/svm_msr_rules.h"

#define CPUID_EXT 0x80000001u
#define CPUID_EXT_ECX_SVM BIT(2)
#define CPUID_EXT_ECX_SKINIT BIT(12)
#define CPUID_SVM 0x8000000au

/* Hardware's own that L1 may have. */
#define PASSED                                                                 \
	(SVM_F_NPT | SVM_F_LBRV | SVM_F_NRIPS | SVM_F_TSCRATE | SVM_F_DECODE | \
	 SVM_F_PAUSEFILTER | SVM_F_PAUSETHRESH | SVM_F_VLS | SVM_F_VGIF |      \
	 SVM_F_VNMI | SVM_F_ADDR_CHK)
/* Exact in software on any hardware: all state is read on each VMRUN, ASIDs
 * of L1's are flushed by giving them new ones, the instruction is decoded. */
#define SOFTWARE (SVM_F_FLUSHBYASID | SVM_F_CLEAN | SVM_F_NRIPS)
/*
 * L1's ASIDs are names only, and processors that flush by ASID have as many.
 * It matters: Xen flushes by going on to the next ASID, and where it begins
 * with the first again it flushes that one alone, not those that follow.
 */
#define NASIDS 32768u

u32 svm_offered(const struct vm *vm)
{
	return ((svm_hw.features & PASSED) | SOFTWARE) &
	       ~(u32)vm->policy.features_off;
}

void svm_nested_cpuid(struct vcpu *v, u32 leaf, u32 sub, u32 r[4])
{
	if (leaf == CPUID_EXT) {
		r[2] |= CPUID_EXT_ECX_SVM;
		r[2] &= ~(u32)CPUID_EXT_ECX_SKINIT;
	} else if (leaf == CPUID_SVM) {
		r[0] = svm_hw.rev;
		r[1] = MAX(svm_hw.nasids, NASIDS);
		r[2] = 0;
		r[3] = v->nsvm->l0.features;
	}
}

int svm_nested_rdmsr(struct vcpu *v, u32 msr, u64 *val)
{
	struct nested_svm *n = v->nsvm;

	switch (msr) {
	case MSR_VM_CR:
		*val = n->vm_cr;
		return 0;
	case MSR_VM_HSAVE_PA:
		*val = n->hsave_pa;
		return 0;
	case MSR_TSC_RATIO:
		if (!(n->l0.features & SVM_F_TSCRATE))
			return -EINVAL;
		*val = n->tsc_ratio;
		return 0;
	}
	return -ENOENT;
}

static int write_vm_cr(struct vcpu *v, u64 val)
{
	int err = svm_vm_cr_write(&v->nsvm->vm_cr, val, v->svm->l1_svme);

	if (!err)
		v->svm->r_init = val & VM_CR_R_INIT;
	return err;
}

/* Scales the TSC of guests: of the L2 that writes it, if L1 lets it, at once. */
static int write_tsc_ratio(struct vcpu *v, u64 val)
{
	if (!svm_tsc_ratio_legal(val))
		return -EINVAL;
	v->nsvm->tsc_ratio = val;
	if (v->in_l2)
		wrmsr(MSR_TSC_RATIO, val);
	return 0;
}

/* What concerns SVM in a write of EFER; the rest is core's. */
static int check_efer(struct vcpu *v, u64 val)
{
	struct nested_svm *n = v->nsvm;

	if (val & EFER_SVME && n->vm_cr & VM_CR_SVMDIS)
		return -EINVAL;
	/* from now on the SVM instructions must exit to raise #UD; they stop
	 * exiting when the first one is executed with SVME set */
	if (!(val & EFER_SVME) && n->svme && !v->in_l2)
		svm_gif_update(v, false);
	return -ENOENT;
}

int svm_nested_wrmsr(struct vcpu *v, u32 msr, u64 val)
{
	struct nested_svm *n = v->nsvm;

	switch (msr) {
	case MSR_EFER:
		return check_efer(v, val);
	case MSR_VM_CR:
		return write_vm_cr(v, val);
	case MSR_VM_HSAVE_PA:
		if (!svm_hsave_legal(val, svm_hw.phys_bits))
			return -EINVAL;
		n->hsave_pa = val;
		return 0;
	case MSR_TSC_RATIO:
		return n->l0.features & SVM_F_TSCRATE ? write_tsc_ratio(v, val)
						      : -EINVAL;
	}
	return -ENOENT;
}
