/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/cr.h"

#include "core/x86.h"

struct cr4_feature {
	u64 cr4;
	u8 leaf; /* 1, 7 or (sub-leaf 1 of it) 71 */
	u8 reg;	 /* 0 EAX .. 3 EDX */
	u8 bit;
};

static const struct cr4_feature cr4_features[] = {
	{ CR4_VME | CR4_PVI, 1, 3, 1 }, { CR4_DE, 1, 3, 2 },
	{ CR4_PSE, 1, 3, 3 },		{ CR4_TSD, 1, 3, 4 },
	{ CR4_PAE, 1, 3, 6 },		{ CR4_MCE, 1, 3, 7 },
	{ CR4_PGE, 1, 3, 13 },		{ CR4_OSFXSR, 1, 3, 24 },
	{ CR4_OSXMMEXCPT, 1, 3, 25 },	{ CR4_VMXE, 1, 2, 5 },
	{ CR4_SMXE, 1, 2, 6 },		{ CR4_PCIDE, 1, 2, 17 },
	{ CR4_OSXSAVE, 1, 2, 26 },	{ CR4_FSGSBASE, 7, 1, 0 },
	{ CR4_SMEP, 7, 1, 7 },		{ CR4_SMAP, 7, 1, 20 },
	{ CR4_UMIP, 7, 2, 2 },		{ CR4_PKE, 7, 2, 3 },
	{ CR4_CET, 7, 2, 7 },		{ CR4_CET, 7, 3, 20 },
	{ CR4_LA57, 7, 2, 16 },		{ CR4_KL, 7, 2, 23 },
	{ CR4_PKS, 7, 2, 31 },		{ CR4_UINTR, 7, 3, 5 },
	{ CR4_LASS, 71, 0, 6 },		{ CR4_LAM_SUP, 71, 0, 26 },
};

u64 cr4_supported(const u32 leaf1[4], const u32 leaf7[4], const u32 leaf71[4])
{
	u64 mask = CR4_PCE; /* performance counters are never absent */

	for (size_t i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		const struct cr4_feature *f = &cr4_features[i];
		const u32 *regs = f->leaf == 1	 ? leaf1
				  : f->leaf == 7 ? leaf7
						 : leaf71;

		if (regs[f->reg] & BIT(f->bit))
			mask |= f->cr4;
	}
	return mask;
}

bool cr0_write_ok(const struct cr_state *s, u64 val)
{
	bool lma = s->efer & EFER_LMA;

	if (val >> 32)
		return false;
	if ((val & CR0_PG) && !(val & CR0_PE))
		return false;
	if ((val & CR0_NW) && !(val & CR0_CD))
		return false;
	if (!(val & CR0_WP) && (s->cr4 & CR4_CET))
		return false;
	if ((val & CR0_PG) && !(s->cr0 & CR0_PG) && (s->efer & EFER_LME))
		return (s->cr4 & CR4_PAE) && !s->cs_l;
	if (!(val & CR0_PG) && (s->cr0 & CR0_PG))
		return !(lma && s->cs_l) && !(s->cr4 & CR4_PCIDE);
	return true;
}

bool cr4_write_ok(const struct cr_state *s, u64 val, u64 supported)
{
	bool lma = s->efer & EFER_LMA;
	u64 changed = s->cr4 ^ val;

	if (val & ~supported)
		return false;
	if (lma && (!(val & CR4_PAE) || (changed & CR4_LA57)))
		return false;
	if ((val & CR4_CET) && !(s->cr0 & CR0_WP))
		return false;
	if ((val & changed & CR4_PCIDE) && (!lma || (s->cr3 & 0xfff)))
		return false;
	return true;
}

u64 efer_supported(const u32 ext1[4], const u32 ext8[4], const u32 ext21[4],
		   bool amd, bool svm)
{
	u64 mask = 0;

	mask |= ext1[3] & BIT(11) ? EFER_SCE : 0;
	mask |= ext1[3] & BIT(20) ? EFER_NXE : 0;
	mask |= ext1[3] & BIT(29) ? EFER_LME | EFER_LMA : 0;
	if (!amd)
		return mask;
	mask |= ext1[3] & BIT(25) ? EFER_FFXSR : 0;
	mask |= ext1[2] & BIT(17) ? EFER_TCE : 0;
	mask |= ext8[1] & BIT(20) ? 0 : EFER_LMSLE;
	mask |= ext8[1] & BIT(13) ? EFER_INTWB : 0;
	mask |= ext21[0] & BIT(7) ? EFER_UAIE : 0;
	mask |= ext21[0] & BIT(8) ? EFER_AIBRSE : 0;
	return mask | (svm ? EFER_SVME : 0);
}

bool efer_write_ok(const struct cr_state *s, u64 val, u64 supported)
{
	if (val & ~supported)
		return false;
	return !((s->efer ^ val) & EFER_LME) || !(s->cr0 & CR0_PG);
}

#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)
#define XCR0_MPX BITS(4, 3)
#define XCR0_AVX512 BITS(7, 5)
#define XCR0_AMX BITS(18, 17)

bool xcr0_write_ok(u64 val, u64 supported)
{
	u64 avx512 = val & XCR0_AVX512;

	if (!(val & XCR0_X87) || (val & ~supported))
		return false;
	if ((val & XCR0_AVX) && !(val & XCR0_SSE))
		return false;
	if ((val & XCR0_MPX) && (val & XCR0_MPX) != XCR0_MPX)
		return false;
	if ((val & XCR0_AMX) && (val & XCR0_AMX) != XCR0_AMX)
		return false;
	return !avx512 || (avx512 == XCR0_AVX512 && (val & XCR0_AVX));
}
