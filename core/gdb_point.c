/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gdb_point.h"

#include "core/x86.h"

bool dr_fits(enum gdb_bp_type type, u64 la, u32 len)
{
	if (type == GDB_BP_HARD)
		return true;
	return (len == 1 || len == 2 || len == 4 || len == 8) &&
	       !(la & (len - 1));
}

/* R/W and LEN of DR7. There is no type for reads alone: both do. */
static u64 control(const struct dr_point *p)
{
	u64 rw = p->type == GDB_BP_HARD ? 0 : p->type == GDB_WP_WRITE ? 1 : 3;
	u64 len = p->type == GDB_BP_HARD || p->len == 1 ? 0
		  : p->len == 2				? 1
		  : p->len == 8				? 2
							: 3;

	return len << 2 | rw;
}

int dr_place(const struct dr_set *guest, const struct dr_point *p,
	     struct dr_set *out, u32 *used)
{
	for (u32 i = 0; i < 4; i++) {
		if (dr_enabled(guest->dr7, i) || (*used >> i & 1))
			continue;
		*used |= (u32)BIT(i);
		out->dr[i] = p->la;
		out->dr7 &= ~(BITS(3, 0) << (16 + 4 * i));
		/* The global bit: a task switch leaves it alone. */
		out->dr7 |= control(p) << (16 + 4 * i) | BIT(2 * i + 1);
		return (int)i;
	}
	return -1;
}

/* --- what an instruction accesses ------------------------------------------ */

#define WIDTH_SSE 16
#define WIDTH_MOST 64 /* of a vector register */
#define WIDTH_FXSAVE 512
#define WIDTH_XSAVE 4096 /* no page has more of it */

/* PUSH, POP, CALL, RET and their likes: what lies on the stack. */
static bool on_stack(const struct insn *i)
{
	u8 o = i->opcode, ext = i->modrm >> 3 & 7;

	if (i->map == 2)
		return o == 0xa0 || o == 0xa1 || o == 0xa8 || o == 0xa9;
	return (o >= 0x50 && o <= 0x5f) || o == 0x68 || o == 0x6a ||
	       o == 0x8f || o == 0xc2 || o == 0xc3 || o == 0xc9 || o == 0xe8 ||
	       i->op == INSN_PUSHF || i->op == INSN_POPF ||
	       (o == 0xff && (ext == 2 || ext == 6));
}

static u32 stack_slot(const struct insn *i)
{
	if (i->mode == 64)
		return i->opsize_prefix ? 2 : 8;
	return i->opsize;
}

/* Frames of several slots: IRET, ENTER, far calls, PUSHA, POPA, INT. */
static bool frame(const struct insn *i)
{
	u8 o = i->opcode, ext = i->modrm >> 3 & 7;

	return i->op == INSN_IRET || i->op == INSN_INT || i->op == INSN_INT3 ||
	       i->op == INSN_INTO || o == 0x60 || o == 0x61 || o == 0x9a ||
	       o == 0xc8 || o == 0xca || o == 0xcb ||
	       (o == 0xff && (ext == 3 || ext == 5));
}

/* Of the one-byte map, those whose bit 0 clear says: bytes. */
static bool byte_form(const struct insn *i)
{
	u8 o = i->opcode;

	return !(o & 1) &&
	       (o < 0x40 || o == 0x6c || o == 0x6e ||
		(o >= 0x80 && o <= 0x8a) || (o >= 0xa0 && o <= 0xae) ||
		o == 0xc0 || o == 0xc6 || o == 0xd0 || o == 0xd2 || o == 0xf6 ||
		o == 0xfe);
}

static u32 width_one(const struct insn *i)
{
	if (frame(i))
		return WIDTH_MOST;
	if (on_stack(i))
		return stack_slot(i);
	if (byte_form(i))
		return 1;
	if (i->opcode == 0x63 && i->mode == 64) /* MOVSXD */
		return 4;
	if (i->opcode == 0x8c || i->opcode == 0x8e)
		return 2;
	if (i->opcode >= 0xd8 && i->opcode <= 0xdf) /* x87 */
		return i->opcode == 0xdd || i->opcode == 0xd9 ? 108 : 10;
	return i->opsize;
}

static u32 width_two(const struct insn *i)
{
	u8 o = i->opcode, ext = i->modrm >> 3 & 7;

	if (o == 0xae)
		return ext == 2 || ext == 3 || ext == 7 ? 4
		       : ext < 2			? WIDTH_FXSAVE
							: WIDTH_XSAVE;
	if (o == 0xc7 && ext == 1) /* CMPXCHG8B, 16B */
		return i->opsize == 8 ? 16 : 8;
	if (o == 0xc7 && ext > 2 && ext < 6)
		return WIDTH_XSAVE;
	if (o == 0xb0 || o == 0xc0 || (o >= 0x90 && o <= 0x9f))
		return 1;
	if (on_stack(i))
		return stack_slot(i);
	if ((o >= 0x40 && o <= 0x4f) || (o >= 0xa3 && o <= 0xc1))
		return i->opsize;
	if (o <= 0x0f)
		return 10; /* descriptor tables */
	return WIDTH_SSE;
}

u32 insn_access_width(const struct insn *i)
{
	if (i->op >= INSN_STORE)
		return i->width;
	if (i->map == 1)
		return width_one(i);
	return i->map == 2 ? width_two(i) : WIDTH_MOST;
}

/* --- exceptions on top of each other ---------------------------------------- */

static bool contributory(u8 v)
{
	return v == VEC_DE || (v >= VEC_TS && v <= VEC_GP) || v == VEC_CP;
}

u8 exc_combine(u8 first, u8 second)
{
	if (first == VEC_DF && (contributory(second) || second == VEC_PF))
		return EXC_SHUTDOWN;
	if ((contributory(first) && contributory(second)) ||
	    (first == VEC_PF && (contributory(second) || second == VEC_PF)))
		return VEC_DF;
	return second;
}
