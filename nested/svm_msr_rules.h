/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What virtual SVM offers, and what may be written to its MSRs. Pure. */
#ifndef NESTED_SVM_MSR_RULES_H
#define NESTED_SVM_MSR_RULES_H

#include "core/types.h"

struct svm_hw;

/* Of hardware's features @hw: SVM_F_* for L1. @off: svm.features=. */
u32 svm_offer(u32 hw, u64 off);
/* Edit hardware's answer @r to CPUID @leaf where SVM is shown in it. */
void svm_cpuid12(u32 leaf, const struct svm_hw *hw, u32 features, u32 r[4]);

/* WRMSR of @val to VM_CR; @svme: EFER.SVME is set. 0, or -EINVAL: #GP(0). */
int __must_check svm_vm_cr_write(u64 *vm_cr, u64 val, bool svme);
/* VM_CR after INIT. */
u64 svm_vm_cr_init(u64 vm_cr);

bool svm_hsave_legal(u64 val, u8 phys_bits);
bool svm_tsc_ratio_legal(u64 val);

#endif
