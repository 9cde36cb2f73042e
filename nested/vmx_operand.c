/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_operand.h"

#include "core/err.h"

#define INFO_SCALE(i) ((i)&3)
#define INFO_REG1(i) ((i) >> 3 & 15)
#define INFO_ADDR_SIZE(i) ((i) >> 7 & 7)
#define INFO_SEG(i) ((i) >> 15 & 7)
#define INFO_INDEX(i) ((i) >> 18 & 15)
#define INFO_NO_INDEX BIT(22)
#define INFO_BASE(i) ((i) >> 23 & 15)
#define INFO_NO_BASE BIT(27)
#define INFO_REG2(i) ((i) >> 28)

void vmx_operand(struct vmx_operand *o, u32 info, u64 disp,
		 const u64 gpr[NR_GPRS])
{
	u64 a = disp;

	o->is_reg = vmx_operand_is_reg(info);
	o->reg1 = INFO_REG1(info);
	o->reg2 = INFO_REG2(info);
	if (o->is_reg)
		return;
	o->seg = MIN(INFO_SEG(info), (u32)SEG_GS);
	o->addr_bytes = 2 << MIN(INFO_ADDR_SIZE(info), 2u);
	if (!(info & INFO_NO_BASE))
		a += gpr[INFO_BASE(info)];
	if (!(info & INFO_NO_INDEX))
		a += gpr[INFO_INDEX(info)] << INFO_SCALE(info);
	o->offset = o->addr_bytes == 8 ? a : a & (BIT(o->addr_bytes * 8) - 1);
}

#define TYPE_CODE BIT(3)
#define TYPE_RW BIT(1) /* data: writable; code: readable */
#define TYPE_EXPAND_DOWN BIT(2)
#define ATTR_DB BIT(14)

static bool canonical(u64 a, u32 bits)
{
	return (u64)((s64)(a << (64 - bits)) >> (64 - bits)) == a;
}

static bool within_limit(const struct vmx_operand *o, const struct segment *s,
			 u32 size)
{
	u64 last = o->offset + size - 1;

	if ((s->attr & (TYPE_CODE | TYPE_EXPAND_DOWN)) != TYPE_EXPAND_DOWN)
		return last <= s->limit;
	return o->offset > s->limit &&
	       last <= (s->attr & ATTR_DB ? 0xffffffffu : 0xffffu);
}

int vmx_operand_linear(const struct vmx_operand *o, const struct segment *s,
		       bool mode64, u32 size, bool write, u32 la_bits, u64 *la)
{
	u64 base = s->base;

	if (mode64) {
		if (o->seg != SEG_FS && o->seg != SEG_GS)
			base = 0;
		*la = base + o->offset;
		return canonical(*la, la_bits) &&
				       canonical(*la + size - 1, la_bits)
			       ? 0
			       : -EFAULT;
	}
	*la = (u32)(base + o->offset);
	if (s->attr & SEG_ATTR_UNUSABLE)
		return -EFAULT;
	if (write ? (s->attr & TYPE_CODE) || !(s->attr & TYPE_RW)
		  : (s->attr & TYPE_CODE) && !(s->attr & TYPE_RW))
		return -EFAULT;
	return within_limit(o, s, size) ? 0 : -EFAULT;
}
