/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/vmx_ept_rules.c mm/pt_format.c vmx/vmcs.c */
#include "tests/unit/unit.h"

#include "core/x86.h"
#include "nested/vmx_ept_rules.h"

TEST(vmx_ept_pointers)
{
	const u64 all = EPT_CAP_EXEC_ONLY | EPT_CAP_1G;
	struct nested_root r;

	r = vmx_root12(0x123456789000 | EPTP_WB | EPTP_WALK4, 0, 0);
	CHECK(r.fmt == &pt_ept_4);
	CHECK_EQ(r.root.v, 0x123456789000);
	CHECK_EQ(r.flags, 0);
	CHECK_EQ(r.pat, 0);
	r = vmx_root12(0x5000 | EPTP_WB | EPTP_WALK5 | EPTP_AD, all,
		       PROC2_MBEC);
	CHECK(r.fmt == &pt_ept_5);
	CHECK_EQ(r.root.v, 0x5000);
	CHECK_EQ(r.flags, SHADOW_AD | SHADOW_XO | SHADOW_1G | SHADOW_MBE);
	/* each flag by itself */
	CHECK_EQ(vmx_root12(EPTP_AD, 0, 0).flags, SHADOW_AD);
	CHECK_EQ(vmx_root12(0, EPT_CAP_EXEC_ONLY, 0).flags, SHADOW_XO);
	CHECK_EQ(vmx_root12(0, EPT_CAP_1G, 0).flags, SHADOW_1G);
	CHECK_EQ(vmx_root12(0, ~all, ~(u64)PROC2_MBEC).flags, 0);
}

/* ept02 is write-back and as deep as EPT12, with its A/D flags. */
TEST(vmx_ept_pointer_of_the_fold)
{
	const u64 at = 0xabcd000;

	CHECK_EQ(vmx_eptp02(HPA(at), 0x5000 | EPTP_WB | EPTP_WALK4),
		 at | EPTP_WB | EPTP_WALK4);
	CHECK_EQ(vmx_eptp02(HPA(at), 0x5000 | EPTP_UC | EPTP_WALK5),
		 at | EPTP_WB | EPTP_WALK5);
	CHECK_EQ(vmx_eptp02(HPA(at), 0x5000 | EPTP_WB | EPTP_WALK5 | EPTP_AD),
		 at | EPTP_WB | EPTP_WALK5 | EPTP_AD);
}

TEST(vmx_ept_violation_qualification)
{
	/* tried: W; where: linear address valid, the page itself; advanced
	 * information; what ept02 allowed. */
	const u64 tried = BIT(1) | BIT(7) | BIT(8) | BITS(11, 9) | BIT(12);
	const u64 allowed02 = BITS(6, 3);
	static const struct {
		u32 rights;
		u64 bits, mbe;
	} t[] = {
		{ 0, 0, 0 },
		{ ACCESS_R, BIT(3), BIT(3) },
		{ ACCESS_W, BIT(4), BIT(4) },
		{ ACCESS_X, BIT(5), BIT(5) },
		{ ACCESS_U, 0, BIT(6) },
		{ ACCESS_R | ACCESS_W | ACCESS_X | ACCESS_U, BITS(5, 3),
		  BITS(6, 3) },
	};

	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		struct shadow_fault s = { .rights = t[i].rights };

		CHECK_EQ(vmx_violation(tried | allowed02, 0, &s),
			 tried | t[i].bits);
		CHECK_EQ(vmx_violation(tried, PROC2_MBEC, &s),
			 tried | t[i].mbe);
	}
}

TEST(vmx_ept_virtualization_exceptions)
{
	struct shadow_fault s = { .kind = SF_NOT_PRESENT };

	CHECK(vmx_ve_convertible(PROC2_VE, &s));
	CHECK(!vmx_ve_convertible(~(u64)PROC2_VE, &s));
	s.entry = ~BIT(63);
	CHECK(vmx_ve_convertible(PROC2_VE, &s));
	s.kind = SF_RIGHTS;
	CHECK(vmx_ve_convertible(PROC2_VE, &s));
	s.entry = BIT(63); /* "suppress #VE" */
	CHECK(!vmx_ve_convertible(PROC2_VE, &s));
	s = (struct shadow_fault){ .kind = SF_RESERVED };
	CHECK(!vmx_ve_convertible(PROC2_VE, &s)); /* a misconfiguration */

	CHECK(vmx_ve_deliverable(CR0_PE, 0, 0));
	CHECK(vmx_ve_deliverable(~0ull, (u32)~INTR_VALID, 0));
	CHECK(!vmx_ve_deliverable(~(u64)CR0_PE, 0, 0));
	CHECK(!vmx_ve_deliverable(CR0_PE, INTR_VALID, 0));
	CHECK(!vmx_ve_deliverable(CR0_PE, 0, 1));
	CHECK(!vmx_ve_deliverable(CR0_PE, 0, BIT(31)));
}

TEST(vmx_ept_modification_log)
{
	CHECK(!vmx_pml_full(PROC2_PML, 0));
	CHECK(!vmx_pml_full(PROC2_PML, 511));
	CHECK(vmx_pml_full(PROC2_PML, 512));
	CHECK(vmx_pml_full(PROC2_PML, 0xffff)); /* counted below 0 */
	CHECK(!vmx_pml_full(~(u64)PROC2_PML, 0xffff));
}
