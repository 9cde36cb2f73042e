/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One entry of a folded table (ept02, npt02): L1's leaf after L0's leaf,
 * rights ANDed, memory types combined. Pure.
 */
#ifndef MM_FOLD_H
#define MM_FOLD_H

#include "core/types.h"
#include "mm/addr.h"
#include "mm/mtrr.h"
#include "mm/pt_format.h"

/* Type bits of the folded leaf for each way L1's leaf may name a type: EPT by
 * bits 6:3 (IPAT and type), NPT by PAT, PCD and PWT. */
struct fold_types {
	bool ept;
	u64 npt[8]; /* PWT, PCD, PAT of a 4 KiB leaf, by L1's index */
};

/*
 * What L1's nested tables select from its own PAT, @pat12, is to be found in
 * the PAT that the processor uses for npt02: L0's own, @pat01 (APM 2, "Nested
 * Paging", "Combining Memory Types, MTRRs"). A type that @pat01 lacks becomes
 * UC, the strongest.
 */
void fold_types_npt(struct fold_types *t, u64 pat12, u64 pat01);

/*
 * EPT: type and IPAT bits for L1's @e12 over memory that ept01 gives
 * @type01. See the comment in fold.c.
 */
u64 fold_type_ept(u64 e12, enum memory_type type01);

/* Leaf at @level of the folded table. @rights: ACCESS_*, ACCESS_U: user
 * fetch (EPT). @e12 is L1's leaf, at its level @level12. */
u64 fold_leaf(const struct fold_types *t, u32 level, hpa_t to, u32 rights,
	      u64 e12, u32 level12, enum memory_type type01);

/* Entry that refers to the table at @table, all rights. */
u64 fold_table(const struct fold_types *t, hpa_t table);

/* Is @e12's EPT type field one that exists? */
static inline bool fold_type_exists(u64 e12)
{
	return 0x73 >> ((e12 & EPT_TYPE) >> EPT_TYPE_SHIFT) & 1;
}

#endif
