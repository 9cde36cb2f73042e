/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mm/fold.h"

#define PAT_TYPE(pat, i) ((enum memory_type)((pat) >> ((i)*8) & 7))

/* PWT, PCD and PAT of a 4 KiB leaf that selects PAT entry @i. */
static u64 pat_index_bits(u32 i)
{
	return (i & 1 ? PT_PWT : 0) | (i & 2 ? PT_PCD : 0) |
	       (i & 4 ? PT_PAT_4K : 0);
}

static bool pat_find(u64 pat, enum memory_type type, u64 *bits)
{
	u32 i;

	for (i = 0; i < 8 && PAT_TYPE(pat, i) != type; i++)
		;
	*bits = pat_index_bits(i);
	return i < 8;
}

/* @type, or what caches no more than it. */
static u64 find_type(u64 pat, enum memory_type type)
{
	const enum memory_type order[] = { type,  MT_UC, MT_UC_MINUS, MT_WC,
					   MT_WT, MT_WP, MT_WB };
	u64 bits = 0;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (pat_find(pat, order[i], &bits))
			break;
	return bits;
}

void fold_types_npt(struct fold_types *t, u64 pat12, u64 pat01)
{
	u32 i;

	t->ept = false;
	for (i = 0; i < 8; i++)
		t->npt[i] = find_type(pat01, PAT_TYPE(pat12, i));
}

/*
 * With EPT on, a processor takes the type of an access from the EPT leaf (and
 * the guest's PAT unless IPAT is set); the MTRRs have no say (SDM 3C, "EPT and
 * Memory Typing"). L1 has therefore put into ept12 what it means the memory to
 * be, and over memory that ept01 has as WB, which is all of RAM, that is what
 * L2 gets. Elsewhere ept01's type came from the MTRRs of the real machine, and
 * L2 may not get it more cacheable than L1 itself could: the two combine as
 * MTRR (ept01) and PAT (ept12) do (SDM 3A, "Selecting Memory Types for Pentium
 * III and More Recent Processor Families"). IPAT says whether L2's own PAT
 * counts; ept01 never sets it, so it is ept12's.
 */
static const u8 combined[8][8] = {
	/* rows: ept01; columns: ept12 */
	[MT_UC] = { [MT_UC] = MT_UC,
		    [MT_WC] = MT_WC,
		    [MT_WT] = MT_UC,
		    [MT_WP] = MT_UC,
		    [MT_WB] = MT_UC },
	[MT_WC] = { [MT_UC] = MT_UC,
		    [MT_WC] = MT_WC,
		    [MT_WT] = MT_UC,
		    [MT_WP] = MT_UC,
		    [MT_WB] = MT_WC },
	[MT_WT] = { [MT_UC] = MT_UC,
		    [MT_WC] = MT_WC,
		    [MT_WT] = MT_WT,
		    [MT_WP] = MT_WP,
		    [MT_WB] = MT_WT },
	[MT_WP] = { [MT_UC] = MT_UC,
		    [MT_WC] = MT_WC,
		    [MT_WT] = MT_WT,
		    [MT_WP] = MT_WP,
		    [MT_WB] = MT_WP },
	[MT_WB] = { [MT_UC] = MT_UC,
		    [MT_WC] = MT_WC,
		    [MT_WT] = MT_WT,
		    [MT_WP] = MT_WP,
		    [MT_WB] = MT_WB },
};

u64 fold_type_ept(u64 e12, enum memory_type type01)
{
	u32 type12 = (e12 & EPT_TYPE) >> EPT_TYPE_SHIFT;

	if (likely(type01 == MT_WB))
		return e12 & (EPT_TYPE | EPT_IPAT);
	return (u64)combined[type01][type12] << EPT_TYPE_SHIFT |
	       (e12 & EPT_IPAT);
}

static u64 fold_type_npt(const struct fold_types *t, u32 level, u64 e12,
			 u32 level12)
{
	u64 pat = level12 > 1 ? PT_PAT_LARGE : PT_PAT_4K;
	u32 i = (e12 & PT_PWT ? 1 : 0) | (e12 & PT_PCD ? 2 : 0) |
		(e12 & pat ? 4 : 0);
	u64 bits = t->npt[i];

	if (level > 1 && (bits & PT_PAT_4K))
		bits ^= PT_PAT_4K ^ PT_PAT_LARGE;
	return bits;
}

_Static_assert(ACCESS_U << 7 == EPT_XU, "user fetch moves to bit 10");

u64 fold_leaf(const struct fold_types *t, u32 level, hpa_t to, u32 rights,
	      u64 e12, u32 level12, enum memory_type type01)
{
	u64 size = level > 1 ? PT_PS : 0;

	/* Accessed and dirty from the start: the bits of the folded table are
	 * nobody's, and the processor's walks need not write. */
	if (t->ept)
		return to.v | size | EPT_A | EPT_D |
		       (rights & (ACCESS_R | ACCESS_W | ACCESS_X)) |
		       (u64)(rights & ACCESS_U) << 7 |
		       fold_type_ept(e12, type01);
	return to.v | size | PT_P | PT_U | PT_A | PT_D | (rights & ACCESS_W) |
	       (rights & ACCESS_X ? 0 : PT_NX_BIT) |
	       fold_type_npt(t, level, e12, level12);
}

u64 fold_table(const struct fold_types *t, hpa_t table)
{
	if (t->ept)
		return table.v | EPT_R | EPT_W | EPT_X | EPT_XU | EPT_A;
	return table.v | PT_P | PT_W | PT_U | PT_A;
}
