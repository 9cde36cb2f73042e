/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/vmx_operand.c */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "nested/vmx_operand.h"

#define A16 (0u << 7)
#define A32 (1u << 7)
#define A64 (2u << 7)
#define SEG(s) ((u32)(s) << 15)
#define INDEX(r, scale) ((u32)(r) << 18 | (scale))
#define NO_INDEX (1u << 22)
#define BASE(r) ((u32)(r) << 23)
#define NO_BASE (1u << 27)
#define REG1(r) (1u << 10 | (u32)(r) << 3)
#define REG2(r) ((u32)(r) << 28)

static u64 gpr[NR_GPRS];

static struct vmx_operand op(u32 info, u64 disp)
{
	struct vmx_operand o = { 0 };

	for (u32 i = 0; i < NR_GPRS; i++)
		gpr[i] = 0x1000100010000000ull + i * 0x1111;
	vmx_operand(&o, info, disp, gpr);
	return o;
}

TEST(vmx_operand_registers)
{
	struct vmx_operand o = op(REG1(R9) | REG2(R15), 0);

	CHECK(o.is_reg);
	CHECK_EQ(o.reg1, R9);
	CHECK_EQ(o.reg2, R15);
}

TEST(vmx_operand_memory_forms)
{
	struct vmx_operand o;

	o = op(A64 | SEG(SEG_SS) | BASE(RBP) | NO_INDEX | REG2(RCX), -8ull);
	CHECK(!o.is_reg);
	CHECK_EQ(o.seg, SEG_SS);
	CHECK_EQ(o.reg2, RCX);
	CHECK_EQ(o.offset, gpr[RBP] - 8);
	o = op(A64 | SEG(SEG_DS) | BASE(RAX) | INDEX(R12, 3), 16);
	CHECK_EQ(o.offset, gpr[RAX] + gpr[R12] * 8 + 16);
	o = op(A32 | SEG(SEG_DS) | BASE(RBX) | INDEX(RSI, 2), 1);
	CHECK_EQ(o.offset, (u32)(gpr[RBX] + gpr[RSI] * 4 + 1));
	CHECK_EQ(o.addr_bytes, 4);
	o = op(A16 | SEG(SEG_DS) | BASE(RBX) | INDEX(RSI, 0), 0xffff);
	CHECK_EQ(o.offset, (u16)(gpr[RBX] + gpr[RSI] + 0xffff));
	o = op(A64 | SEG(SEG_GS) | NO_BASE | NO_INDEX, 0x1234);
	CHECK_EQ(o.offset, 0x1234);
	CHECK_EQ(o.seg, SEG_GS);
}

static int linear(u8 seg, u64 offset, struct segment s, bool mode64, u32 size,
		  bool write, u64 *la)
{
	struct vmx_operand o = { .seg = seg, .offset = offset };

	return vmx_operand_linear(&o, &s, mode64, size, write, 48, la);
}

TEST(vmx_operand_long_mode)
{
	struct segment s = { .base = 0x1000, .attr = SEG_ATTR_UNUSABLE };
	u64 la;

	CHECK(!linear(SEG_DS, 0x10, s, true, 8, false, &la));
	CHECK_EQ(la, 0x10);
	CHECK(!linear(SEG_FS, 0x10, s, true, 8, true, &la));
	CHECK_EQ(la, 0x1010);
	CHECK(linear(SEG_DS, 0x800000000000, s, true, 8, false, &la));
	CHECK(linear(SEG_DS, 0x7ffffffffffc, s, true, 8, false, &la));
	CHECK(!linear(SEG_DS, 0x7ffffffffff8, s, true, 8, false, &la));
	CHECK(!linear(SEG_DS, 0xffff800000000000, s, true, 8, false, &la));
}

TEST(vmx_operand_protected_mode)
{
	struct segment data = { .attr = 0x93, .limit = 0xfff, .base = 0x5000 };
	struct segment code = { .attr = 0x9b, .limit = 0xfff };
	struct segment down = { .attr = 0x4097, .limit = 0xfff };
	u64 la;

	CHECK(!linear(SEG_DS, 0xff8, data, false, 8, true, &la));
	CHECK_EQ(la, 0x5ff8);
	CHECK(linear(SEG_DS, 0xff9, data, false, 8, true, &la));
	data.attr = 0x91;
	CHECK(!linear(SEG_DS, 0, data, false, 8, false, &la));
	CHECK(linear(SEG_DS, 0, data, false, 8, true, &la));
	CHECK(!linear(SEG_CS, 0, code, false, 8, false, &la));
	CHECK(linear(SEG_CS, 0, code, false, 8, true, &la));
	code.attr = 0x99;
	CHECK(linear(SEG_CS, 0, code, false, 8, false, &la));
	CHECK(linear(SEG_DS, 0xfff, down, false, 8, true, &la));
	CHECK(!linear(SEG_DS, 0x1000, down, false, 8, true, &la));
	CHECK(linear(SEG_DS, 0xfffffffc, down, false, 8, true, &la));
	data.attr |= SEG_ATTR_UNUSABLE;
	CHECK(linear(SEG_DS, 0, data, false, 8, false, &la));
}
