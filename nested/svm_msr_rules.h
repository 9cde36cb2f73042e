/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be written to the MSRs of virtual SVM. Pure. */
#ifndef NESTED_SVM_MSR_RULES_H
#define NESTED_SVM_MSR_RULES_H

#include "core/types.h"

/* WRMSR of @val to VM_CR; @svme: EFER.SVME is set. 0, or -EINVAL: #GP(0). */
int __must_check svm_vm_cr_write(u64 *vm_cr, u64 val, bool svme);
/* VM_CR after INIT. */
u64 svm_vm_cr_init(u64 vm_cr);

bool svm_hsave_legal(u64 val, u8 phys_bits);
bool svm_tsc_ratio_legal(u64 val);

#endif
