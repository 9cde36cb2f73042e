/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consistency checks that VMRUN makes on what L1 gave. Pure. */
#ifndef NESTED_SVM_CHECK_H
#define NESTED_SVM_CHECK_H

#include "core/types.h"
#include "nested/svm_merge.h"

/* What the processor that L1 sees can do. */
struct svm_check_env {
	u64 cr4_allowed;  /* bits of CR4 that may be 1 */
	u64 efer_allowed; /* the same for EFER */
	u64 pdpe_ignored; /* reserved bits of PDPEs that may be 1 */
	u32 features;	  /* SVM_F_* offered to L1 */
	u8 phys_bits;
	bool long_mode;
};

/* Why the last VMRUN was refused; rule NULL: it was not. */
struct svm_refusal {
	const char *rule;    /* what had to hold */
	const char *section; /* of the APM, volume 2 */
	const char *field;   /* VMCB field, name as in vmcb.def */
	u64 value;	     /* that it had */
	u64 rip;	     /* L1's, of the VMRUN */
};

/*
 * @c and @save are copies of L1's vmcb12; @cr0 is L1's own. 0, or -EINVAL
 * with *r (but for rip) filled: VMRUN exits with VMEXIT_INVALID (APM 2,
 * Canonicalization and Consistency Checks).
 */
int __must_check svm_check12(const struct svm_ctl12 *c, const struct vmcb *save,
			     u64 cr0, const struct svm_check_env *e,
			     struct svm_refusal *r);

/* The same for the PDPEs at CR3 of an L2 in PAE mode without nested paging
 * (APM 2, VMRUN, Loading Guest State). */
int __must_check svm_check_pdpes(const u64 pdpe[4],
				 const struct svm_check_env *e,
				 struct svm_refusal *r);

#endif
