/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/step_insn.h"

#include "core/x86.h"

#define REG_SS 2 /* of MOV to a segment register */
#define SYSRET_FLAGS 0x3c7fd7ull
#define ATTR_CODE64 0xa09bu
#define ATTR_CODE32 0xc09bu
#define ATTR_DATA 0xc093u
#define ATTR_DPL3 0x60u

/* Those that the decoder names. */
static const u8 by_op[NR_INSN_OPS] = {
	[INSN_PUSHF] = STEP_PUSHF, [INSN_POPF] = STEP_POPF,
	[INSN_IRET] = STEP_IRET,   [INSN_INT] = STEP_INT,
	[INSN_INT3] = STEP_INT,	   [INSN_INTO] = STEP_INT,
	[INSN_ICEBP] = STEP_INT,   [INSN_HLT] = STEP_HALT,
	[INSN_MWAIT] = STEP_HALT,  [INSN_WRMSR] = STEP_WRMSR,
};

static const struct {
	u8 map, opcode, kind;
} by_opcode[] = {
	{ 1, 0xfa, STEP_CLI },	  { 1, 0xfb, STEP_STI },
	{ 1, 0x17, STEP_MOV_SS }, { 2, 0x05, STEP_SYSCALL },
	{ 2, 0x07, STEP_SYSRET }, { 2, 0x34, STEP_SYSENTER },
};

static enum step_kind kind_of(const struct insn *i)
{
	/* POP SS and INTO are not there in 64-bit mode */
	if (i->mode == 64 && i->map == 1 &&
	    (i->opcode == 0x17 || i->opcode == 0xce))
		return STEP_PLAIN;
	if (i->map == 1 && i->opcode == 0x8e)
		return (i->modrm >> 3 & 7) == REG_SS ? STEP_MOV_SS : STEP_PLAIN;
	for (size_t k = 0; k < ARRAY_SIZE(by_opcode); k++)
		if (by_opcode[k].map == i->map &&
		    by_opcode[k].opcode == i->opcode)
			return by_opcode[k].kind;
	return by_op[i->op];
}

void step_insn_decode(struct step_insn *s, const u8 *bytes, size_t n, u32 mode,
		      u64 rflags)
{
	s->kind = STEP_PLAIN;
	if (insn_decode(&s->i, bytes, n, mode))
		return;
	s->kind = kind_of(&s->i);
	if (s->kind != STEP_INT)
		return;
	s->vector = s->i.op == INSN_INT	   ? (u8)s->i.imm
		    : s->i.op == INSN_INT3 ? VEC_BP
		    : s->i.op == INSN_INTO ? VEC_OF
					   : VEC_DB;
	if (s->i.op == INSN_INTO && !(rflags & RFLAGS_OF))
		s->kind = STEP_PLAIN;
}

u64 step_insn_flags(enum step_kind kind, u64 before, u64 after, u32 cpl)
{
	bool may_if = cpl <= (before >> 12 & 3);
	u64 take = 0; /* of these bits @after is right */

	switch (kind) {
	case STEP_POPF:
	case STEP_IRET:
		take = RFLAGS_TF | (may_if ? RFLAGS_IF : 0);
		break;
	case STEP_CLI:
		take = may_if ? RFLAGS_IF : 0;
		break;
	case STEP_SYSENTER:
		take = RFLAGS_IF;
		break;
	default:
		break;
	}
	return (after & ~(STEP_MASK & ~take)) | (before & STEP_MASK & ~take);
}

static void legacy_syscall(struct step_syscall *c)
{
	c->rcx = (u32)c->rip;
	c->rip = (u32)c->star;
	c->rflags &= ~(RFLAGS_IF | RFLAGS_RF | RFLAGS_VM);
}

static void long_syscall(struct step_syscall *c)
{
	c->rcx = c->rip;
	c->r11 = c->rflags & ~RFLAGS_RF;
	c->rip = c->target;
	c->rflags = (c->rflags & ~c->sfmask & ~RFLAGS_RF) | RFLAGS_FIXED;
}

void step_syscall(struct step_syscall *c)
{
	if (c->not_long)
		legacy_syscall(c);
	else
		long_syscall(c);
	c->cs = (u16)(c->star >> 32 & 0xfffc);
	c->ss = (u16)(c->cs + 8);
	c->cs_attr = c->not_long ? ATTR_CODE32 : ATTR_CODE64;
	c->ss_attr = ATTR_DATA;
}

bool step_sysret(struct step_syscall *c)
{
	s64 high = (s64)c->rcx >> 47;
	u16 base = (u16)(c->star >> 48);

	if (c->wide && high != 0 && high != -1)
		return false;
	c->rip = c->wide ? c->rcx : (u32)c->rcx;
	c->rflags = c->not_64 ? c->rflags | RFLAGS_IF
			      : (c->r11 & SYSRET_FLAGS) | RFLAGS_FIXED;
	c->cs = (u16)((base + (c->wide ? 16 : 0)) | 3);
	c->ss = (u16)((base + 8) | 3);
	c->cs_attr = (c->wide ? ATTR_CODE64 : ATTR_CODE32) | ATTR_DPL3;
	c->ss_attr = ATTR_DATA | ATTR_DPL3;
	return true;
}
