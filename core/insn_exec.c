/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a decoded instruction's operands are, and what its arithmetic gives. */
#include "core/insn.h"

#include "core/x86.h"

static u64 truncate(u64 v, u32 bytes)
{
	return bytes == 8 ? v : v & BITS(8 * bytes - 1, 0);
}

u64 insn_offset(const struct insn *i, const u64 gpr[NR_GPRS], u64 rip)
{
	u64 a = (u64)i->disp;

	if (i->rip_rel)
		a += rip + i->len;
	if (i->base != INSN_NO_REG)
		a += gpr[i->base];
	if (i->index != INSN_NO_REG)
		a += gpr[i->index] * i->scale;
	return truncate(a, i->addrsize);
}

u64 insn_linear(const struct insn *i, const u64 gpr[NR_GPRS], u64 rip,
		u64 seg_base)
{
	u64 off = insn_offset(i, gpr, rip);

	if (i->mode == 64)
		return i->seg >= SEG_FS ? off + seg_base : off;
	return truncate(off + seg_base, 4);
}

/* Without a REX, byte registers 4..7 are AH, CH, DH, BH. */
static bool high_byte(const struct insn *i, u8 reg, u8 width)
{
	return width == 1 && !i->rex && reg >= 4 && reg < 8;
}

u64 insn_reg_read(const struct insn *i, const u64 gpr[NR_GPRS], u8 reg,
		  u8 width)
{
	if (high_byte(i, reg, width))
		return gpr[reg - 4] >> 8 & 0xff;
	return truncate(gpr[reg], width);
}

void insn_reg_write(const struct insn *i, u64 gpr[NR_GPRS], u8 reg, u8 width,
		    u64 val)
{
	u64 mask = width == 8 ? ~0ull : BITS(8 * width - 1, 0);

	if (high_byte(i, reg, width))
		gpr[reg - 4] = (gpr[reg - 4] & ~0xff00ull) | (val & 0xff) << 8;
	else if (width >= 4)
		gpr[reg] = val & mask;
	else
		gpr[reg] = (gpr[reg] & ~mask) | (val & mask);
}

static u64 parity(u64 v)
{
	v &= 0xff;
	v ^= v >> 4;
	v ^= v >> 2;
	v ^= v >> 1;
	return v & 1 ? 0 : RFLAGS_PF;
}

u64 insn_alu(enum insn_alu op, u64 a, u64 b, u8 width, u64 *rflags)
{
	u64 sign = BIT(8 * width - 1), in = *rflags & RFLAGS_CF, r, fl, carry;

	a = truncate(a, width);
	b = truncate(b, width);
	if (op != ALU_ADC && op != ALU_SBB)
		in = 0;
	switch (op) {
	case ALU_ADD:
	case ALU_ADC:
		r = truncate(a + b + in, width);
		carry = (a & b) | ((a | b) & ~r);
		fl = (a ^ r) & (b ^ r) & sign ? RFLAGS_OF : 0;
		break;
	case ALU_SUB:
	case ALU_SBB:
	case ALU_CMP:
		r = truncate(a - b - in, width);
		carry = (~a & b) | (~(a ^ b) & r);
		fl = (a ^ b) & (a ^ r) & sign ? RFLAGS_OF : 0;
		break;
	default:
		r = op == ALU_OR ? a | b : op == ALU_AND ? a & b : a ^ b;
		carry = 0;
		fl = 0;
	}
	fl |= carry & sign ? RFLAGS_CF : 0;
	fl |= carry & 8 ? RFLAGS_AF : 0;
	fl |= r == 0 ? RFLAGS_ZF : 0;
	fl |= r & sign ? RFLAGS_SF : 0;
	fl |= parity(r);
	*rflags &= ~(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF |
		     RFLAGS_OF);
	*rflags |= fl;
	return op == ALU_CMP ? a : r;
}
