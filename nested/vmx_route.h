/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets an exit of L2's. L0 adds nothing to what makes L2 exit but a few
 * MSRs, a few ports, NMIs, their window, EPT and, for the debugger, MOV DR; all
 * other exits are what L1's controls, or the architecture, ask for. Pure.
 */
#ifndef NESTED_VMX_ROUTE_H
#define NESTED_VMX_ROUTE_H

#include "core/types.h"
#include "vmx/vmcs.h"

/* What the decision may look at. */
struct vmx_route_in {
	const u64 *f; /* vmcs12, by slot */
	u32 intr_info, error;
	u32 msr;
	u64 qual;
	const u8 *msr_bitmap;	/* vmcs12's; NULL: no memory there */
	const u8 *io_bitmap[2]; /* the same */
};

/* The exits of which L0 may have asked for some itself. */
#define ROUTED_EXITS                                                         \
	(BIT(REASON_EXCEPTION_NMI) | BIT(REASON_RDMSR) | BIT(REASON_WRMSR) | \
	 BIT(REASON_IO) | BIT(REASON_NMI_WINDOW) | BIT(REASON_MOV_DR))

/* Of instructions that CPUID does not show: #UD for whoever runs them. */
static inline bool vmx_route_hidden(u32 basic)
{
	switch (basic) {
	case REASON_RDMSRLIST ... REASON_UWRMSR:
	case REASON_RDMSR_IMM ... REASON_WRMSRNS_IMM:
		return true;
	default:
		return false;
	}
}

/* L1's, without looking any further. */
static inline bool vmx_route_always(u32 basic)
{
	return basic >= 64 ? !vmx_route_hidden(basic)
			   : !(ROUTED_EXITS >> basic & 1);
}

/* The exit reason for L1, also when L0 chose it: what the exit came with stays
 * (SDM 3C, "Exit Reason"). */
static inline u32 vmx_reason12(u32 reason, u32 raw)
{
	return reason | (raw & (u32)EXIT_MODIFIERS);
}

/* Does L1 want the exit with basic reason @basic? */
bool vmx_route_l1(u32 basic, const struct vmx_route_in *in);

#endif
