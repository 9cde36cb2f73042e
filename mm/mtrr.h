/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory types by the MTRRs. Pure: core reads and writes the MSRs. */
#ifndef MM_MTRR_H
#define MM_MTRR_H

#include "core/types.h"

/* Encodings shared by MTRRs, PAT and EPT. */
enum memory_type {
	MT_UC = 0,
	MT_WC = 1,
	MT_WT = 4,
	MT_WP = 5,
	MT_WB = 6,
	MT_UC_MINUS = 7, /* PAT only */
};

#define MTRR_VARIABLE_MAX 16

struct mtrr_state {
	u64 cap;       /* IA32_MTRRCAP */
	u64 def_type;  /* IA32_MTRR_DEF_TYPE */
	u64 fixed[11]; /* 64K, 16K (2), 4K (8), in MSR order */
	u64 base[MTRR_VARIABLE_MAX];
	u64 mask[MTRR_VARIABLE_MAX];
	u8 phys_bits;
};

/* Record the value of @msr (IA32_MTRRCAP and all MTRRs). -EINVAL: it is none
 * of them, or the value would raise #GP. */
int __must_check mtrr_set(struct mtrr_state *m, u32 msr, u64 val);

/* Is @msr an MTRR that is offered by m->cap? */
bool mtrr_is(const struct mtrr_state *m, u32 msr);

/*
 * Memory type of the byte at @addr. *@end: the type holds at least up to this
 * address (exclusive; the next edge of any range, ~0 for none).
 */
enum memory_type mtrr_type(const struct mtrr_state *m, u64 addr, u64 *end);

/* Does all of [@addr, @addr + @len) have one type? It is stored in *@type. */
bool mtrr_uniform(const struct mtrr_state *m, u64 addr, u64 len,
		  enum memory_type *type);

#endif
