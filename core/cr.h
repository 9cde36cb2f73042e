/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a MOV to CR0 or CR4 and an XSETBV may do. Pure. */
#ifndef CORE_CR_H
#define CORE_CR_H

#include "core/types.h"

struct cr_state {
	u64 cr0, cr3, cr4, efer;
	bool cs_l; /* CS.L: in 64-bit code when LMA is set */
};

/* CR4 bits that this processor knows, by its CPUID leaves 1 (ECX, EDX) and 7
 * (EBX, ECX, EDX; sub-leaf 1, EAX). */
u64 cr4_supported(const u32 leaf1[4], const u32 leaf7[4], const u32 leaf71[4]);

/* Would the processor take this value, or raise #GP(0)?
 * SDM 2A/3A, "MOV-Move to/from Control Registers", "Control Registers". */
bool cr0_write_ok(const struct cr_state *s, u64 val);
bool cr4_write_ok(const struct cr_state *s, u64 val, u64 supported);

/* EFER bits that this processor knows, by its CPUID leaves Fn8000_0001,
 * Fn8000_0008 and Fn8000_0021; SVME among them only where @svm. */
u64 efer_supported(const u32 ext1[4], const u32 ext8[4], const u32 ext21[4],
		   bool amd, bool svm);
/* WRMSR to EFER. APM 2, "Extended Feature Enable Register (EFER)". */
bool efer_write_ok(const struct cr_state *s, u64 val, u64 supported);

/* XCR0: @supported is CPUID(0xd,0) EDX:EAX. SDM 1, "Enabling the XSAVE Feature
 * Set and XSAVE-Enabled Features". */
bool xcr0_write_ok(u64 val, u64 supported);

/* Each of the eight entries of an IA32_PAT is a memory type. */
static inline bool pat_ok(u64 pat)
{
	for (u32 i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xfe) == 2)
			return false;
	return true;
}

#endif
