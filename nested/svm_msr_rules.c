/* SPDX-License-Identifier: GPL-2.0-or-later */
/* APM 2, SVM Related MSRs. */
#include "nested/svm_msr_rules.h"

#include "core/bits.h"
#include "core/err.h"
#include "core/msr.h"

#define VM_CR_RESERVED BITS(63, 5)
#define TSC_RATIO_RESERVED BITS(63, 40)

/* LOCK makes itself and SVMDIS read-only; SVMDIS and EFER.SVME exclude each
 * other whatever LOCK says. */
int svm_vm_cr_write(u64 *vm_cr, u64 val, bool svme)
{
	u64 fixed = *vm_cr & VM_CR_LOCK ? VM_CR_LOCK | VM_CR_SVMDIS : 0;

	if (val & VM_CR_RESERVED || (val & VM_CR_SVMDIS && svme))
		return -EINVAL;
	*vm_cr = (val & ~fixed) | (*vm_cr & fixed);
	return 0;
}

u64 svm_vm_cr_init(u64 vm_cr)
{
	return vm_cr & VM_CR_LOCK ? vm_cr : vm_cr & ~(u64)VM_CR_SVMDIS;
}

bool svm_hsave_legal(u64 val, u8 phys_bits)
{
	return !(val & BITS(11, 0)) && !(val >> phys_bits);
}

bool svm_tsc_ratio_legal(u64 val)
{
	return !(val & TSC_RATIO_RESERVED);
}
