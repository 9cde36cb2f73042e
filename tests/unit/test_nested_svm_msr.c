/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm_msr_rules.c svm/features.c */
#include "core/err.h"
#include "core/msr.h"
#include "nested/svm_msr_rules.h"
#include "svm/internal.h"
#include "tests/unit/unit.h"

/*
 * Every bit of CPUID Fn8000_000A EDX (APM 3, Appendix E), and what becomes of
 * it: offered if hardware has it, offered always, or never. @name: in
 * svm.features=, NULL: there is none.
 */
enum offer { NEVER, PASSED, ALWAYS };
static const struct {
	const char *name;
	enum offer offer;
} edx[32] = {
	[0] = { "npt", PASSED },
	[1] = { "lbrv", PASSED },
	[3] = { "nrip", ALWAYS },
	[4] = { "tscrate", PASSED },
	[5] = { "clean", ALWAYS },
	[6] = { "flushbyasid", ALWAYS },
	[7] = { "decode", PASSED },
	[10] = { "pausefilter", PASSED },
	[12] = { "pausethreshold", PASSED },
	[13] = { "avic", NEVER },
	[15] = { "vls", PASSED },
	[16] = { "vgif", PASSED },
	[17] = { "gmet", NEVER },
	[18] = { "x2avic", NEVER },
	[20] = { "specctrl", NEVER },
	[25] = { "vnmi", PASSED },
	[28] = { "addrchk", PASSED },
};

TEST(nsvm_offers)
{
	for (u32 bit = 0; bit < 32; bit++) {
		char opt[32];
		u64 off = 0;

		CHECK_EQ(svm_offer((u32)BIT(bit), 0) >> bit & 1,
			 edx[bit].offer != NEVER);
		CHECK_EQ(svm_offer(0, 0) >> bit & 1, edx[bit].offer == ALWAYS);
		CHECK_EQ(svm_offer(~0u, 0) >> bit & 1, edx[bit].offer != NEVER);
		if (!edx[bit].name) {
			CHECK_EQ(edx[bit].offer, NEVER);
			continue;
		}
		/* taken away by its name, and nothing else is */
		snprintf(opt, sizeof(opt), "-%s", edx[bit].name);
		CHECK(!svm_set_features(opt, &off));
		CHECK_EQ(off, BIT(bit));
		CHECK_EQ(svm_offer(~0u, off),
			 svm_offer(~0u, 0) & ~(u32)BIT(bit));
		CHECK_EQ(svm_offer(0, off), svm_offer(0, 0) & ~(u32)BIT(bit));
	}
}

TEST(nsvm_feature_option)
{
	u64 off = 0;

	CHECK(!svm_set_features("-npt,-vgif", &off));
	CHECK_EQ(off, BIT(0) | BIT(16));
	CHECK(!svm_set_features("+npt", &off));
	CHECK_EQ(off, BIT(16));
	CHECK(!svm_set_features("", &off));
	CHECK_EQ(off, BIT(16));
	CHECK(svm_set_features("vgif", &off));
	CHECK(svm_set_features("=vgif", &off));
	CHECK(svm_set_features("-vgi", &off));
	CHECK(svm_set_features("-vgiff", &off));
	CHECK(svm_set_features("-", &off));
	CHECK(svm_set_features(",", &off));
	CHECK(svm_set_features("-npt,,-lbrv", &off));
	CHECK(svm_set_features("-npt,lbrv", &off));
}

TEST(nsvm_feature_names)
{
	struct svm_hw hw = { .rev = 1, .nasids = 16 };
	char buf[200], small[12];

	hw.features = SVM_F_NPT | SVM_F_LBRV | (u32)BIT(31);
	svm_feature_names(&hw, buf, sizeof(buf));
	CHECK(!strcmp(buf, "rev 1, 16 ASIDs: npt lbrv"));
	hw.features = ~0u;
	svm_feature_names(&hw, small, sizeof(small)); /* cut, not overrun */
	CHECK_EQ(strlen(small), sizeof(small) - 1);
	/* in the middle of a name, not a byte further */
	memset(buf, 'y', sizeof(buf));
	svm_feature_names(&hw, buf, 19);
	CHECK(!strcmp(buf, "rev 1, 16 ASIDs: n"));
	CHECK_EQ(buf[19], 'y');
	small[0] = 'x';
	svm_feature_names(&hw, small, 0);
	CHECK_EQ(small[0], 'x');
}

TEST(nsvm_cpuid)
{
	struct svm_hw hw = { .rev = 1, .nasids = 16 };
	u32 r[4] = { 11, 12, BIT(12) | BIT(3), 14 };

	/* no SKINIT, SVM */
	svm_cpuid12(0x80000001, &hw, 0x55, r);
	CHECK(r[0] == 11 && r[1] == 12 && r[3] == 14);
	CHECK_EQ(r[2], BIT(2) | BIT(3));
	svm_cpuid12(0x8000000a, &hw, 0x55, r);
	CHECK(r[0] == 1 && r[1] == 32768 && r[2] == 0 && r[3] == 0x55);
	hw.nasids = 65536;
	svm_cpuid12(0x8000000a, &hw, 0x55, r);
	CHECK_EQ(r[1], 65536);
	r[0] = 7;
	svm_cpuid12(0x80000008, &hw, 0x55, r);
	CHECK(r[0] == 7 && r[1] == 65536 && r[3] == 0x55);
}

TEST(nsvm_vm_cr)
{
	u64 r = 0;

	CHECK(svm_vm_cr_write(&r, BIT(5), false));
	CHECK(svm_vm_cr_write(&r, BIT(63), false));
	CHECK(!svm_vm_cr_write(&r, VM_CR_R_INIT | BIT(0), true));
	CHECK_EQ(r, VM_CR_R_INIT | BIT(0)); /* DPD */
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
	CHECK(!svm_hsave_legal(0x1001, 40));
	CHECK(!svm_hsave_legal(0x1800, 40));
	CHECK(svm_tsc_ratio_legal(BIT(40) - 1));
	CHECK(!svm_tsc_ratio_legal(BIT(40)));
	CHECK(!svm_tsc_ratio_legal(BIT(63)));
}
