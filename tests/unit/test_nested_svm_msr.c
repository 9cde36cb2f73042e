/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm_msr_rules.c */
#include "core/msr.h"
#include "nested/svm_msr_rules.h"
#include "tests/unit/unit.h"

TEST(nsvm_vm_cr)
{
	u64 r = 0;

	CHECK(svm_vm_cr_write(&r, BIT(5), false));
	CHECK(svm_vm_cr_write(&r, BIT(63), false));
	CHECK(!svm_vm_cr_write(&r, VM_CR_R_INIT, true));
	CHECK_EQ(r, VM_CR_R_INIT);
	/* SVMDIS: not while SVM is on */
	CHECK(svm_vm_cr_write(&r, VM_CR_SVMDIS, true));
	CHECK_EQ(r, VM_CR_R_INIT);
	CHECK(!svm_vm_cr_write(&r, VM_CR_SVMDIS, false));
	CHECK_EQ(r, VM_CR_SVMDIS);
	CHECK(!svm_vm_cr_write(&r, 0, false));
	CHECK_EQ(r, 0);
}

TEST(nsvm_vm_cr_locked)
{
	u64 r = 0;

	CHECK(!svm_vm_cr_write(&r, VM_CR_LOCK, true));
	/* ignored, but for what is #GP whether or not it is locked */
	CHECK(!svm_vm_cr_write(&r, VM_CR_SVMDIS, false));
	CHECK_EQ(r, VM_CR_LOCK);
	CHECK(svm_vm_cr_write(&r, VM_CR_SVMDIS, true));
	CHECK_EQ(r, VM_CR_LOCK);
	CHECK(!svm_vm_cr_write(&r, VM_CR_R_INIT, true));
	CHECK_EQ(r, VM_CR_LOCK | VM_CR_R_INIT);
	r = VM_CR_LOCK | VM_CR_SVMDIS;
	CHECK(!svm_vm_cr_write(&r, 0, false));
	CHECK_EQ(r, VM_CR_LOCK | VM_CR_SVMDIS);
}

TEST(nsvm_vm_cr_init)
{
	CHECK_EQ(svm_vm_cr_init(VM_CR_SVMDIS), 0);
	CHECK_EQ(svm_vm_cr_init(VM_CR_SVMDIS | VM_CR_LOCK),
		 VM_CR_SVMDIS | VM_CR_LOCK);
	CHECK_EQ(svm_vm_cr_init(VM_CR_LOCK), VM_CR_LOCK);
}

TEST(nsvm_hsave_and_tsc_ratio)
{
	CHECK(svm_hsave_legal(0, 40));
	CHECK(svm_hsave_legal(BIT(40) - 0x1000, 40));
	CHECK(!svm_hsave_legal(BIT(40), 40));
	CHECK(!svm_hsave_legal(0x1008, 40));
	CHECK(svm_tsc_ratio_legal(BIT(40) - 1));
	CHECK(!svm_tsc_ratio_legal(BIT(40)));
	CHECK(!svm_tsc_ratio_legal(BIT(63)));
}
