/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets an exit of L2's: one table by exit reason. Pure. */
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

/* Does L1 want the exit with basic reason @basic? */
bool vmx_route_l1(u32 basic, const struct vmx_route_in *in);

#endif
