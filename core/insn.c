/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/insn.h"

#include "core/err.h"

/*
 * What follows an opcode, one letter an opcode, a row of 16 a line:
 *
 *   .  nothing		M  ModRM
 *   b  imm8		B  ModRM, imm8
 *   z  imm16/32	Z  ModRM, imm16/32
 *   w  imm16		e  imm16, imm8 (ENTER)
 *   v  imm16/32/64	o  moffs (address size)
 *   f  far pointer	g  ModRM, imm8 when /0 or /1; G  the same, imm16/32
 *   p  prefix		x  undefined
 *   2 3 4  escape to another map
 */
static const char map1[] = "MMMMbz..MMMMbz.2"  /* 00 */
			   "MMMMbz..MMMMbz.."  /* 10 */
			   "MMMMbzp.MMMMbzp."  /* 20 */
			   "MMMMbzp.MMMMbzp."  /* 30 */
			   "................"  /* 40 */
			   "................"  /* 50 */
			   "..MMppppzZbB...."  /* 60 */
			   "bbbbbbbbbbbbbbbb"  /* 70 */
			   "BZBBMMMMMMMMMMMM"  /* 80 */
			   "..........f....."  /* 90 */
			   "oooo....bz......"  /* a0 */
			   "bbbbbbbbvvvvvvvv"  /* b0 */
			   "BBw.MMBZe.w..b.."  /* c0 */
			   "MMMMbb..MMMMMMMM"  /* d0 */
			   "bbbbbbbbzzfb...."  /* e0 */
			   "p.pp..gG......MM"; /* f0 */

static const char map2[] = "MMMMx.....x.xM.B"  /* 00 */
			   "MMMMMMMMMMMMMMMM"  /* 10 */
			   "MMMMxxxxMMMMMMMM"  /* 20 */
			   "......x.3x4xxxxx"  /* 30 */
			   "MMMMMMMMMMMMMMMM"  /* 40 */
			   "MMMMMMMMMMMMMMMM"  /* 50 */
			   "MMMMMMMMMMMMMMMM"  /* 60 */
			   "BBBBMMM.MMxxMMMM"  /* 70 */
			   "zzzzzzzzzzzzzzzz"  /* 80 */
			   "MMMMMMMMMMMMMMMM"  /* 90 */
			   "...MBMxx...MBMMM"  /* a0 */
			   "MMMMMMMMMMBMMMMM"  /* b0 */
			   "MMBMBBBM........"  /* c0 */
			   "MMMMMMMMMMMMMMMM"  /* d0 */
			   "MMMMMMMMMMMMMMMM"  /* e0 */
			   "MMMMMMMMMMMMMMMM"; /* f0 */

_Static_assert(sizeof(map1) == 257 && sizeof(map2) == 257, "opcode maps");

/* Which instruction it is. ext: ANY, /0../7, or a whole ModRM byte. */
#define ANY 0xffff
#define MRM(x) (0x100 | (x))
#define MEM(x) (0x200 | (x)) /* /x with a memory operand only */

static const struct insn_id {
	u8 map, opcode;
	u16 ext;
	u8 op;
} ids[] = {
	{ 2, 0xa2, ANY, INSN_CPUID },
	{ 2, 0x32, ANY, INSN_RDMSR },
	{ 2, 0x30, ANY, INSN_WRMSR },
	{ 2, 0x31, ANY, INSN_RDTSC },
	{ 2, 0x33, ANY, INSN_RDPMC },
	{ 2, 0x20, ANY, INSN_CR_READ },
	{ 2, 0x22, ANY, INSN_CR_WRITE },
	{ 2, 0x21, ANY, INSN_DR_READ },
	{ 2, 0x23, ANY, INSN_DR_WRITE },
	{ 2, 0x06, ANY, INSN_CLTS },
	{ 2, 0x08, ANY, INSN_INVD },
	{ 2, 0x09, ANY, INSN_WBINVD },
	{ 2, 0xaa, ANY, INSN_RSM },
	{ 2, 0x00, 0, INSN_SLDT },
	{ 2, 0x00, 1, INSN_STR },
	{ 2, 0x00, 2, INSN_LLDT },
	{ 2, 0x00, 3, INSN_LTR },
	{ 2, 0x01, MRM(0xc1), INSN_VMCALL },
	{ 2, 0x01, MRM(0xc8), INSN_MONITOR },
	{ 2, 0x01, MRM(0xc9), INSN_MWAIT },
	{ 2, 0x01, MRM(0xd1), INSN_XSETBV },
	{ 2, 0x01, MRM(0xd8), INSN_VMRUN },
	{ 2, 0x01, MRM(0xd9), INSN_VMMCALL },
	{ 2, 0x01, MRM(0xda), INSN_VMLOAD },
	{ 2, 0x01, MRM(0xdb), INSN_VMSAVE },
	{ 2, 0x01, MRM(0xdc), INSN_STGI },
	{ 2, 0x01, MRM(0xdd), INSN_CLGI },
	{ 2, 0x01, MRM(0xde), INSN_SKINIT },
	{ 2, 0x01, MRM(0xdf), INSN_INVLPGA },
	{ 2, 0x01, MRM(0xf9), INSN_RDTSCP },
	{ 2, 0x01, MRM(0xfa), INSN_MONITOR }, /* MONITORX */
	{ 2, 0x01, MRM(0xfb), INSN_MWAIT },   /* MWAITX */
	{ 2, 0x01, MRM(0xfd), INSN_RDPRU },
	{ 2, 0x01, MEM(0), INSN_SGDT },
	{ 2, 0x01, MEM(1), INSN_SIDT },
	{ 2, 0x01, MEM(2), INSN_LGDT },
	{ 2, 0x01, MEM(3), INSN_LIDT },
	{ 2, 0x01, 4, INSN_SMSW },
	{ 2, 0x01, 6, INSN_LMSW },
	{ 2, 0x01, MEM(7), INSN_INVLPG },
	{ 2, 0xb6, ANY, INSN_MOVZX },
	{ 2, 0xb7, ANY, INSN_MOVZX },
	{ 2, 0xbe, ANY, INSN_MOVSX },
	{ 2, 0xbf, ANY, INSN_MOVSX },
	{ 2, 0xc3, ANY, INSN_STORE }, /* MOVNTI */
	{ 3, 0x82, ANY, INSN_INVPCID },
	{ 1, 0xf4, ANY, INSN_HLT },
	{ 1, 0x6c, ANY, INSN_INS },
	{ 1, 0x6d, ANY, INSN_INS },
	{ 1, 0x6e, ANY, INSN_OUTS },
	{ 1, 0x6f, ANY, INSN_OUTS },
	{ 1, 0xe4, ANY, INSN_IN },
	{ 1, 0xe5, ANY, INSN_IN },
	{ 1, 0xe6, ANY, INSN_OUT },
	{ 1, 0xe7, ANY, INSN_OUT },
	{ 1, 0xec, ANY, INSN_IN },
	{ 1, 0xed, ANY, INSN_IN },
	{ 1, 0xee, ANY, INSN_OUT },
	{ 1, 0xef, ANY, INSN_OUT },
	{ 1, 0x9c, ANY, INSN_PUSHF },
	{ 1, 0x9d, ANY, INSN_POPF },
	{ 1, 0xcc, ANY, INSN_INT3 },
	{ 1, 0xcd, ANY, INSN_INT },
	{ 1, 0xce, ANY, INSN_INTO },
	{ 1, 0xcf, ANY, INSN_IRET },
	{ 1, 0xf1, ANY, INSN_ICEBP },
	{ 1, 0x88, ANY, INSN_STORE },
	{ 1, 0x89, ANY, INSN_STORE },
	{ 1, 0x8a, ANY, INSN_LOAD },
	{ 1, 0x8b, ANY, INSN_LOAD },
	{ 1, 0xa0, ANY, INSN_LOAD },
	{ 1, 0xa1, ANY, INSN_LOAD },
	{ 1, 0xa2, ANY, INSN_STORE },
	{ 1, 0xa3, ANY, INSN_STORE },
	{ 1, 0xc6, 0, INSN_STORE },
	{ 1, 0xc7, 0, INSN_STORE },
	{ 1, 0x86, ANY, INSN_XCHG },
	{ 1, 0x87, ANY, INSN_XCHG },
	{ 1, 0x84, ANY, INSN_TEST },
	{ 1, 0x85, ANY, INSN_TEST },
	{ 1, 0xf6, 0, INSN_TEST },
	{ 1, 0xf7, 0, INSN_TEST },
	{ 1, 0xa4, ANY, INSN_MOVS },
	{ 1, 0xa5, ANY, INSN_MOVS },
	{ 1, 0xaa, ANY, INSN_STOS },
	{ 1, 0xab, ANY, INSN_STOS },
	{ 1, 0xac, ANY, INSN_LODS },
	{ 1, 0xad, ANY, INSN_LODS },
};

/* The bytes still to be decoded. */
struct cursor {
	const u8 *p;
	size_t n, pos;
};

static int take(struct cursor *c, u32 bytes, u64 *val)
{
	*val = 0;
	if (c->pos + bytes > INSN_MAX)
		return -E2BIG;
	if (c->pos + bytes > c->n)
		return -ENOSPC;
	for (u32 k = 0; k < bytes; k++)
		*val |= (u64)c->p[c->pos++] << (8 * k);
	return 0;
}

static s64 sign_extend(u64 v, u32 bytes)
{
	u32 shift = 64 - 8 * bytes;

	return (s64)(v << shift) >> shift;
}

static bool legacy_prefix(struct insn *i, u8 b)
{
	switch (b) {
	case 0x26:
		i->seg = SEG_ES;
		return true;
	case 0x2e:
		i->seg = SEG_CS;
		return true;
	case 0x36:
		i->seg = SEG_SS;
		return true;
	case 0x3e:
		i->seg = SEG_DS;
		return true;
	case 0x64:
		i->seg = SEG_FS;
		return true;
	case 0x65:
		i->seg = SEG_GS;
		return true;
	case 0x66:
		i->opsize_prefix = true;
		return true;
	case 0x67:
		i->addrsize = 0; /* toggled below */
		return true;
	case 0xf0:
		i->lock = true;
		return true;
	case 0xf2:
		i->repne = true;
		i->rep = false;
		return true;
	case 0xf3:
		i->rep = true;
		i->repne = false;
		return true;
	}
	return false;
}

/* Prefixes; *op: the first byte that is none. A REX counts only when it
 * stands right before the opcode. */
static int prefixes(struct insn *i, struct cursor *c, u8 *op)
{
	u64 b;
	int err;

	for (;;) {
		err = take(c, 1, &b);
		if (err)
			return err;
		if (i->mode == 64 && (b & 0xf0) == 0x40)
			i->rex = (u8)b;
		else if (legacy_prefix(i, (u8)b))
			i->rex = 0;
		else
			break;
	}
	*op = (u8)b;
	return 0;
}

static void sizes(struct insn *i)
{
	bool toggled = i->addrsize == 0;

	switch (i->mode) {
	case 16:
		i->addrsize = toggled ? 4 : 2;
		i->opsize = i->opsize_prefix ? 4 : 2;
		break;
	case 32:
		i->addrsize = toggled ? 2 : 4;
		i->opsize = i->opsize_prefix ? 2 : 4;
		break;
	default:
		i->addrsize = toggled ? 4 : 8;
		i->opsize = i->opsize_prefix ? 2 : 4;
		if (i->rex & 8)
			i->opsize = 8;
	}
}

static void default_seg(struct insn *i, u8 base)
{
	if (i->seg == INSN_NO_REG)
		i->seg = base == RSP || base == RBP ? SEG_SS : SEG_DS;
}

/* 16-bit addressing (APM 3, ModRM.r/m: 16-bit). */
static int modrm16(struct insn *i, struct cursor *c)
{
	static const u8 base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const u8 index[8] = { RSI,	  RDI,	       RSI,
				     RDI,	  INSN_NO_REG, INSN_NO_REG,
				     INSN_NO_REG, INSN_NO_REG };
	u8 mod = i->modrm >> 6, rm = i->modrm & 7;
	u32 bytes = mod == 1 ? 1 : mod == 2 ? 2 : 0;
	u64 d;
	int err;

	i->base = base[rm];
	i->index = index[rm];
	if (mod == 0 && rm == 6) {
		i->base = INSN_NO_REG;
		bytes = 2;
	}
	default_seg(i, i->base);
	if (!bytes)
		return 0;
	err = take(c, bytes, &d);
	i->disp = sign_extend(d, bytes);
	return err;
}

static int sib(struct insn *i, struct cursor *c, u32 *bytes)
{
	u64 s;
	int err = take(c, 1, &s);

	if (err)
		return err;
	i->scale = 1 << (s >> 6);
	i->index = (s >> 3 & 7) | (i->rex & 2) << 2;
	if (i->index == RSP)
		i->index = INSN_NO_REG;
	i->base = (s & 7) | (i->rex & 1) << 3;
	if ((s & 7) == RBP && i->modrm >> 6 == 0) {
		i->base = INSN_NO_REG;
		*bytes = 4;
	}
	return 0;
}

/* 32- and 64-bit addressing (APM 3, ModRM.r/m and SIB). */
static int modrm32(struct insn *i, struct cursor *c)
{
	u8 mod = i->modrm >> 6, rm = i->modrm & 7;
	u32 bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	u64 d;
	int err;

	i->base = i->rm;
	if (rm == RSP) {
		err = sib(i, c, &bytes);
		if (err)
			return err;
	} else if (mod == 0 && rm == RBP) {
		i->base = INSN_NO_REG;
		i->rip_rel = i->mode == 64;
		bytes = 4;
	}
	default_seg(i, i->base);
	if (!bytes)
		return 0;
	err = take(c, bytes, &d);
	i->disp = sign_extend(d, bytes);
	return err;
}

/* MOV to and from CRn and DRn ignore mod: always registers. */
static bool register_only(const struct insn *i)
{
	return i->map == 2 && i->opcode >= 0x20 && i->opcode <= 0x23;
}

static int modrm(struct insn *i, struct cursor *c)
{
	u64 m;
	int err = take(c, 1, &m);

	if (err)
		return err;
	i->has_modrm = true;
	i->modrm = (u8)m;
	i->reg = (m >> 3 & 7) | (i->rex & 4) << 1;
	i->rm = (m & 7) | (i->rex & 1) << 3;
	if (m >> 6 == 3 || register_only(i))
		return 0;
	i->is_mem = true;
	return i->addrsize == 2 ? modrm16(i, c) : modrm32(i, c);
}

static int immediate(struct insn *i, struct cursor *c, u32 bytes)
{
	int err = take(c, bytes, &i->imm);

	if (err)
		return err;
	i->has_imm = true;
	i->imm = (u64)sign_extend(i->imm, bytes);
	return 0;
}

/* imm16/32: 64-bit operands take 32 bits, sign-extended. */
static u32 immz(const struct insn *i)
{
	return i->opsize == 2 ? 2 : 4;
}

static int operands(struct insn *i, struct cursor *c, char kind)
{
	bool with_modrm = kind >= 'A' && kind <= 'Z';
	u64 skip;
	int err = 0;

	if (with_modrm || kind == 'g')
		err = modrm(i, c);
	if (err)
		return err;
	switch (kind) {
	case 'b':
	case 'B':
		return immediate(i, c, 1);
	case 'z':
	case 'Z':
		return immediate(i, c, immz(i));
	case 'w':
		return immediate(i, c, 2);
	case 'v':
		return immediate(i, c, i->opsize);
	case 'e':
		return take(c, 3, &skip);
	case 'f':
		return i->mode == 64 ? -EINVAL : take(c, immz(i) + 2, &skip);
	case 'o':
		i->is_mem = true;
		default_seg(i, INSN_NO_REG);
		err = take(c, i->addrsize, &skip);
		i->disp = (s64)skip;
		return err;
	case 'g':
	case 'G':
		if ((i->modrm & 0x30) == 0)
			return immediate(i, c, kind == 'g' ? 1 : immz(i));
		return 0;
	}
	return 0;
}

static bool id_matches(const struct insn_id *d, const struct insn *i)
{
	if (d->map != i->map || d->opcode != i->opcode)
		return false;
	if (d->ext == ANY)
		return true;
	if (d->ext & 0x100)
		return i->modrm == (d->ext & 0xff);
	if (d->ext & 0x200 && !i->is_mem)
		return false;
	return (i->modrm >> 3 & 7) == (d->ext & 0xff);
}

/* The eight two-operand groups at 00..3D and their immediate forms at 80. */
static bool identify_alu(struct insn *i)
{
	if (i->map != 1)
		return false;
	if (i->opcode >= 0x80 && i->opcode <= 0x83) {
		i->alu = i->modrm >> 3 & 7;
		i->op = INSN_ALU_TO_MEM;
		return true;
	}
	if (i->opcode >= 0x40 || (i->opcode & 7) >= 4)
		return false;
	i->alu = i->opcode >> 3;
	i->op = i->opcode & 2 ? INSN_ALU_TO_REG : INSN_ALU_TO_MEM;
	return true;
}

static void identify(struct insn *i)
{
	if (identify_alu(i))
		return;
	if (i->map == 1 && i->opcode == 0x90 && i->rep) {
		i->op = INSN_PAUSE;
		return;
	}
	for (u32 k = 0; k < ARRAY_SIZE(ids); k++) {
		if (id_matches(&ids[k], i)) {
			i->op = ids[k].op;
			return;
		}
	}
}

/* Size of the data and the implied operands of the forms known by name. */
static void data_operands(struct insn *i)
{
	bool string = i->op == INSN_INS || i->op == INSN_OUTS ||
		      i->op == INSN_STOS || i->op == INSN_LODS ||
		      i->op == INSN_MOVS;

	i->width = i->map == 1 && !(i->opcode & 1) ? 1 : i->opsize;
	if (i->op == INSN_MOVZX || i->op == INSN_MOVSX)
		i->width = i->opcode & 1 ? 2 : 1;
	if (i->op == INSN_IN || i->op == INSN_OUT || i->op == INSN_INS ||
	    i->op == INSN_OUTS)
		i->width = MIN(i->width, 4);
	if (i->op == INSN_IN || i->op == INSN_OUT || i->op == INSN_INT)
		i->imm &= 0xff; /* a port, a vector: no sign */
	if (!i->has_modrm && !string)
		i->reg = RAX; /* moffs forms */
	if (!string)
		return;
	i->is_mem = true;
	if (i->op == INSN_STOS || i->op == INSN_INS || i->op == INSN_MOVS)
		i->base = RDI; /* destination: ES, no override */
	else
		i->base = RSI;
	if (i->op == INSN_STOS || i->op == INSN_INS)
		i->seg = SEG_ES;
	else if (i->seg == INSN_NO_REG)
		i->seg = SEG_DS;
}

/* Opcode bytes into map and opcode; the letter of what follows. */
static int opcode(struct insn *i, struct cursor *c, u8 first, char *kind)
{
	u64 b = first;
	int err = 0;

	i->map = 1;
	*kind = map1[b];
	if (*kind == '2') {
		i->map = 2;
		err = take(c, 1, &b);
		if (err)
			return err;
		*kind = map2[b];
	}
	if (*kind == '3' || *kind == '4') {
		i->map = *kind - '0';
		err = take(c, 1, &b);
		*kind = i->map == 3 ? 'M' : 'B';
	}
	i->opcode = (u8)b;
	return err;
}

/* VEX, EVEX and XOP stand where LES, LDS, BOUND and POP r/m stood. */
static bool vector_encoding(const struct insn *i, const struct cursor *c)
{
	u8 next = c->pos < c->n ? c->p[c->pos] : 0;

	if (i->map != 1)
		return false;
	if (i->opcode == 0xc4 || i->opcode == 0xc5 || i->opcode == 0x62)
		return i->mode == 64 || (next & 0xc0) == 0xc0;
	return i->opcode == 0x8f && (next & 0x1f) >= 8;
}

int insn_decode(struct insn *i, const u8 *bytes, size_t n, u32 mode)
{
	struct cursor c = { .p = bytes, .n = n };
	char kind;
	u8 first;
	int err;

	*i = (struct insn){ .mode = (u8)mode,
			    .addrsize = 1,
			    .scale = 1,
			    .seg = INSN_NO_REG,
			    .base = INSN_NO_REG,
			    .index = INSN_NO_REG };
	err = prefixes(i, &c, &first);
	if (err)
		return err;
	sizes(i);
	err = opcode(i, &c, first, &kind);
	if (err)
		return err;
	if (kind == 'x' || vector_encoding(i, &c))
		return -EINVAL;
	err = operands(i, &c, kind);
	if (err)
		return err;
	i->len = (u8)c.pos;
	identify(i);
	data_operands(i);
	return 0;
}
