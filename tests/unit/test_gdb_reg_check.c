/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_reg_check.c core/cr.c */
/* What gdb may write to a register. */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/gdb_reg_check.h"
#include "core/vcpu.h"
#include "core/x86.h"

#define LM (EFER_LMA | EFER_LME)

static const struct gdb_reg_env long_mode = {
	.cr = { CR0_PE | CR0_PG | CR0_NE | CR0_ET | CR0_WP, 0x1000,
		CR4_PAE | CR4_VMXE, LM | EFER_SCE, true },
	.cr4_known = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_LA57,
	.efer_known = LM | EFER_SCE | EFER_NXE,
	.rflags = RFLAGS_FIXED,
	.phys_bits = 40,
	.vmx = true,
};

static bool takes(const struct gdb_reg_env *e, u32 reg, u64 val)
{
	int err = gdb_reg_check(e, reg, &val);

	CHECK(!err || err == -EINVAL);
	return !err;
}

TEST(gdb_reg_check_control)
{
	const struct gdb_reg_env *e = &long_mode;

	CHECK(takes(e, VREG_CR0, e->cr.cr0 ^ CR0_WP));
	CHECK(!takes(e, VREG_CR0, e->cr.cr0 ^ CR0_PG));
	CHECK(!takes(e, VREG_CR0, e->cr.cr0 ^ CR0_PE));
	CHECK(!takes(e, VREG_CR0, e->cr.cr0 ^ CR0_NE));
	CHECK(!takes(e, VREG_CR0, e->cr.cr0 | CR0_NW));
	CHECK(!takes(e, VREG_CR0, ~0ull));
	CHECK(takes(e, VREG_CR3, BIT(40) - PAGE_SIZE));
	CHECK(!takes(e, VREG_CR3, BIT(40)));
	CHECK(takes(e, VREG_CR4, e->cr.cr4 | CR4_PGE));
	CHECK(!takes(e, VREG_CR4, e->cr.cr4 | CR4_SMEP));
	CHECK(!takes(e, VREG_CR4, e->cr.cr4 ^ CR4_VMXE));
	CHECK(!takes(e, VREG_CR4, e->cr.cr4 ^ CR4_PAE));
	CHECK(!takes(e, VREG_CR4, e->cr.cr4 ^ CR4_LA57));
	CHECK(!takes(e, VREG_CR4, ~0ull));
	CHECK(takes(e, VREG_CR8, 15));
	CHECK(!takes(e, VREG_CR8, 16));
	CHECK(takes(e, VREG_EFER, LM | EFER_NXE));
	CHECK(!takes(e, VREG_EFER, EFER_LME));
	CHECK(!takes(e, VREG_EFER, 0));
	CHECK(!takes(e, VREG_EFER, LM | BIT(1)));
}

/* There NE is the guest's, and VMXE is a bit that the processor lacks. */
TEST(gdb_reg_check_control_svm)
{
	struct gdb_reg_env e = long_mode;

	e.vmx = false;
	e.cr.cr4 &= ~CR4_VMXE;
	CHECK(takes(&e, VREG_CR0, e.cr.cr0 ^ CR0_NE));
	CHECK(!takes(&e, VREG_CR0, e.cr.cr0 ^ CR0_PG));
	CHECK(takes(&e, VREG_CR4, e.cr.cr4 | CR4_PGE));
	CHECK(!takes(&e, VREG_CR4, e.cr.cr4 | CR4_VMXE));
}

TEST(gdb_reg_check_flags_and_rip)
{
	struct gdb_reg_env e = long_mode;

	CHECK(takes(&e, VREG_RFLAGS, RFLAGS_FIXED | RFLAGS_TF));
	CHECK(!takes(&e, VREG_RFLAGS, 0));
	CHECK(!takes(&e, VREG_RFLAGS, RFLAGS_FIXED | BIT(15)));
	CHECK(!takes(&e, VREG_RFLAGS, RFLAGS_FIXED | RFLAGS_VM));
	CHECK(takes(&e, VREG_RIP, 0xffff800000000000));
	CHECK(!takes(&e, VREG_RIP, 0x0000800000000000));
	e.cr.cr4 |= CR4_LA57;
	CHECK(takes(&e, VREG_RIP, 0x0000800000000000));
	CHECK(!takes(&e, VREG_RIP, BIT(56)));
	e.cr.cs_l = false;
	CHECK(takes(&e, VREG_RIP, 0xffffffff));
	CHECK(!takes(&e, VREG_RIP, 0xffff800000000000));
}

TEST(gdb_reg_check_others)
{
	const struct gdb_reg_env *e = &long_mode;
	u64 dr7 = BITS(31, 0);

	CHECK(takes(e, VREG_DR6, 0xffffffff));
	CHECK(!takes(e, VREG_DR6, BIT(32)));
	CHECK(!takes(e, VREG_DR7, BIT(32)));
	CHECK(!gdb_reg_check(e, VREG_DR7, &dr7));
	CHECK_EQ(dr7, 0xffff27ff);
	CHECK(takes(e, VREG_PAT, 0x0007040600070406));
	CHECK(!takes(e, VREG_PAT, 0x0007040600070402));
	CHECK(!takes(e, VREG_PAT, 8ull << 56));
	CHECK(takes(e, VREG_SYSENTER_EIP, 0xffffffff81000000));
	CHECK(!takes(e, VREG_SYSENTER_EIP, BIT(47)));
	CHECK(!takes(e, VREG_SYSENTER_ESP, BIT(63)));
	CHECK(gdb_canonical(e, ~0ull));
	CHECK(!gdb_canonical(e, BIT(47)));
}
