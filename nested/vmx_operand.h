/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operands of the VMX instructions, from what the processor tells of the
 * instruction that exited. Pure.
 */
#ifndef NESTED_VMX_OPERAND_H
#define NESTED_VMX_OPERAND_H

#include "core/types.h"
#include "core/vcpu.h"

struct vmx_operand {
	bool is_reg;   /* reg1 is the operand, no memory */
	u8 reg1, reg2; /* reg2: VMREAD/VMWRITE: the field; INVEPT, INVVPID:
			* the type */
	enum seg_reg seg;
	u8 addr_bytes; /* 2, 4, 8 */
	u64 offset;    /* in the segment, cut to the address size */
};

/* Is the operand of VMREAD or VMWRITE a register? Then @disp means nothing. */
static inline bool vmx_operand_is_reg(u32 info)
{
	return info & BIT(10);
}

/*
 * Decode instruction information @info; @disp is the exit qualification (the
 * displacement, with the next RIP already added where it is RIP-relative).
 * SDM 3C, "Information for VM Exits Due to Instruction Execution".
 */
void vmx_operand(struct vmx_operand *o, u32 info, u64 disp,
		 const u64 gpr[NR_GPRS]);

/*
 * Linear address of @size bytes at the memory operand, through segment @s
 * (hidden part). 0, or -EFAULT: #GP(0), or #SS(0) when o->seg is SS.
 * @la_bits: 48 or 57. SDM 1, "Operand Addressing"; SDM 3A, "Limit Checking",
 * "Type Checking", "Segment Loading Instructions in IA-32e Mode".
 */
int __must_check vmx_operand_linear(const struct vmx_operand *o,
				    const struct segment *s, bool mode64,
				    u32 size, bool write, u32 la_bits, u64 *la);

#endif
