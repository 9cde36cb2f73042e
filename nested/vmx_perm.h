/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Permission bitmaps of two levels: words of L0's, and their union. Pure. */
#ifndef NESTED_VMX_PERM_H
#define NESTED_VMX_PERM_H

#include "core/types.h"

#define PERM_WORDS (PAGE_SIZE / 8)

/* Words of a bitmap page of L0's that have bits set. */
#define PERM_LIST_MAX 48
struct perm_list {
	bool many; /* more than there is room for */
	u32 n;
	u16 index[PERM_LIST_MAX];
};

void perm_list(struct perm_list *l, const u64 *map01);

/* Add L0's bits to @map02, which holds a copy of L1's. */
void perm_add(u64 *map02, const u64 *map01, const struct perm_list *l);

#endif
