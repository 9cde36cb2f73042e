/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID and the MSRs of virtual SVM. */
#include "core/err.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "nested/svm.h"
#include "nested/svm_msr_rules.h"

u32 svm_offered(const struct vm *vm)
{
	return svm_offer(svm_hw.features, vm->policy.features_off);
}

void svm_nested_cpuid(struct vcpu *v, u32 leaf, u32 sub, u32 r[4])
{
	svm_cpuid12(leaf, &svm_hw, v->nsvm->l0.features, r);
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
