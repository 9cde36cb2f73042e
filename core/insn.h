/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small x86 decoder: the length of any legacy-encoded instruction (all of
 * the one- and two-byte opcode maps and the lengths of 0F 38 and 0F 3A, no
 * VEX, EVEX or XOP), and the operands of those that exit or that touch MMIO.
 * Pure. (APM 3, Instruction Encoding; Opcode and Operand Encodings)
 */
#ifndef CORE_INSN_H
#define CORE_INSN_H

#include "core/types.h"
#include "core/vcpu.h"

#define INSN_MAX 15 /* bytes */

enum insn_op {
	INSN_OTHER, /* valid as far as known, only its length is told */
	INSN_CPUID,
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_RDTSC,
	INSN_RDTSCP,
	INSN_RDPMC,
	INSN_RDPRU,
	INSN_CR_READ,  /* MOV rm, CRreg */
	INSN_CR_WRITE, /* MOV CRreg, rm */
	INSN_DR_READ,
	INSN_DR_WRITE,
	INSN_LMSW,
	INSN_SMSW,
	INSN_CLTS,
	INSN_XSETBV,
	INSN_INVD,
	INSN_WBINVD, /* WBNOINVD, too: rep is set */
	INSN_HLT,
	INSN_IN, /* imm: the port when has_imm, else DX */
	INSN_OUT,
	INSN_INS,
	INSN_OUTS,
	INSN_VMRUN,
	INSN_VMMCALL,
	INSN_VMCALL,
	INSN_VMLOAD,
	INSN_VMSAVE,
	INSN_STGI,
	INSN_CLGI,
	INSN_SKINIT,
	INSN_INVLPGA,
	INSN_INVLPG,
	INSN_INVPCID,
	INSN_PAUSE,
	INSN_MONITOR,
	INSN_MWAIT,
	INSN_PUSHF,
	INSN_POPF,
	INSN_IRET,
	INSN_INT, /* imm: vector */
	INSN_INT3,
	INSN_INTO,
	INSN_ICEBP,
	INSN_RSM,
	INSN_LGDT,
	INSN_LIDT,
	INSN_SGDT,
	INSN_SIDT,
	INSN_LLDT,
	INSN_LTR,
	INSN_SLDT,
	INSN_STR,
	/* data movement, as found on MMIO */
	INSN_STORE, /* MOV rm, reg (or imm: has_imm) */
	INSN_LOAD,  /* MOV reg, rm */
	INSN_MOVZX, /* width: of the source */
	INSN_MOVSX,
	INSN_XCHG,
	INSN_STOS,
	INSN_LODS,
	INSN_MOVS,
	INSN_ALU_TO_MEM, /* alu: which; rm op= reg (or imm: has_imm) */
	INSN_ALU_TO_REG, /* reg op= rm */
	INSN_TEST,	 /* rm & reg (or imm: has_imm) */
	NR_INSN_OPS
};

/* insn.alu, in the order of their encoding. */
enum insn_alu {
	ALU_ADD,
	ALU_OR,
	ALU_ADC,
	ALU_SBB,
	ALU_AND,
	ALU_SUB,
	ALU_XOR,
	ALU_CMP
};

#define INSN_NO_REG 0xff

struct insn {
	enum insn_op op;
	u8 len;	     /* bytes, prefixes included */
	u8 mode;     /* 16, 32, 64 */
	u8 opsize;   /* operand size, bytes: 2, 4, 8 */
	u8 addrsize; /* address size, bytes: 2, 4, 8 */
	u8 width;    /* data moved, bytes: 1, 2, 4, 8 */
	u8 map;	     /* 1, 2 (0F), 3 (0F 38), 4 (0F 3A) */
	u8 opcode;   /* last opcode byte */
	u8 rex;	     /* 0: none */
	bool rep;    /* F3 */
	bool repne;  /* F2 */
	bool lock, opsize_prefix;
	bool has_modrm, has_imm;
	u8 modrm;
	u8 reg;	     /* ModRM.reg with REX.R (or the opcode's register) */
	u8 rm;	     /* ModRM.rm with REX.B: a register when !is_mem */
	bool is_mem; /* there is a memory operand */
	bool rip_rel;
	u8 base, index; /* registers or INSN_NO_REG */
	u8 scale;	/* 1, 2, 4, 8 */
	u8 seg;		/* enum seg_reg that applies to the memory operand */
	s64 disp;
	u64 imm; /* sign-extended to the operand size where the
			 * instruction does so */
	enum insn_alu alu;
};

/*
 * Decode what stands in @bytes (@n of them are there) in @mode 16, 32 or 64
 * (CS.L, CS.D). -ENOSPC: more than @n bytes are needed; -E2BIG: longer than
 * 15 bytes; -EINVAL: undefined, or VEX, EVEX, XOP.
 */
int __must_check insn_decode(struct insn *i, const u8 *bytes, size_t n,
			     u32 mode);

/*
 * Offset of the memory operand within its segment, truncated to the address
 * size. @rip: of the instruction. (APM 1, Memory Addressing)
 */
u64 insn_offset(const struct insn *i, const u64 gpr[NR_GPRS], u64 rip);

/* Linear address of the memory operand; @seg_base: of i->seg. In 64-bit mode
 * the bases of ES, CS, SS and DS count as 0. */
u64 insn_linear(const struct insn *i, const u64 gpr[NR_GPRS], u64 rip,
		u64 seg_base);

/* The value of register operand @reg at @width (AH..BH where no REX). */
u64 insn_reg_read(const struct insn *i, const u64 gpr[NR_GPRS], u8 reg,
		  u8 width);
/* Write it: 4 bytes clear the upper half, fewer leave the rest. */
void insn_reg_write(const struct insn *i, u64 gpr[NR_GPRS], u8 reg, u8 width,
		    u64 val);

/* @a op @b at @width; flags CF PF AF ZF SF OF in *rflags updated as the
 * processor does (ADC and SBB take CF from there). */
u64 insn_alu(enum insn_alu op, u64 a, u64 b, u8 width, u64 *rflags);

#endif
