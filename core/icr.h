/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a write to the local APIC's interrupt command register means for INIT
 * and SIPI, and to whom. Pure. (APM 2, Interprocessor Interrupts) */
#ifndef CORE_ICR_H
#define CORE_ICR_H

#include "core/types.h"

enum icr_kind {
	ICR_OTHER, /* the processor may have it */
	ICR_INIT,
	ICR_INIT_DEASSERT, /* without effect on any processor with SVM or VMX */
	ICR_SIPI,
};

/* @low: bits 31:0 of the ICR. */
enum icr_kind icr_kind(u32 low);

/* How a CPU can be addressed. */
struct icr_cpu {
	u32 id;	      /* APIC id */
	u32 ldr, dfr; /* xAPIC: as software wrote them */
};

/* Does the command reach @c? @dest: 8 bits, or 32 in x2APIC mode; @self: @c
 * is the sender. */
bool icr_reaches(u32 low, u32 dest, bool x2apic, bool self,
		 const struct icr_cpu *c);

#endif
