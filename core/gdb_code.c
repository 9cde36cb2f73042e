/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instruction at CS:RIP of the level that runs. */
#include "core/gdb.h"
#include "core/insn.h"
#include "core/virt.h"
#include "core/x86.h"

#define CS_L BIT(13)
#define CS_D BIT(14)

static u32 mode(struct vcpu *v, const struct segment *cs)
{
	if ((virt->get_reg(v, VREG_EFER) & EFER_LMA) && (cs->attr & CS_L))
		return 64;
	return cs->attr & CS_D ? 32 : 16;
}

u32 gdb_code_mode(struct vcpu *v)
{
	struct segment cs;

	virt->get_seg(v, SEG_CS, &cs);
	return mode(v, &cs);
}

u64 gdb_linear_rip(struct vcpu *v)
{
	u64 rip = virt->get_reg(v, VREG_RIP);
	struct segment cs;

	virt->get_seg(v, SEG_CS, &cs);
	return mode(v, &cs) == 64 ? rip : (u32)(cs.base + rip);
}

u32 gdb_code_bytes(struct vcpu *v, u8 *buf)
{
	u64 la = gdb_linear_rip(v);
	u32 n = 0;

	for (; n < INSN_MAX; n++) {
		const u8 *p = gdb_mem_ptr_linear(v, v->in_l2, la + n);

		if (!p)
			break;
		buf[n] = *p;
		gdb_break_hide(p, &buf[n], 1);
	}
	return n;
}

int gdb_code_insn(struct vcpu *v, struct insn *i)
{
	u8 buf[INSN_MAX];
	u32 n = gdb_code_bytes(v, buf);

	return insn_decode(i, buf, n, gdb_code_mode(v));
}
