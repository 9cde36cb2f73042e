/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_perm.h"

void perm_list(struct perm_list *l, const u64 *map01)
{
	l->n = 0;
	l->many = false;
	for (u32 i = 0; i < PERM_WORDS && !l->many; i++) {
		if (!map01[i])
			continue;
		l->many = l->n == PERM_LIST_MAX;
		if (!l->many)
			l->index[l->n++] = (u16)i;
	}
}

void perm_add(u64 *map02, const u64 *map01, const struct perm_list *l)
{
	for (u32 i = 0; i < l->n; i++)
		map02[l->index[i]] |= map01[l->index[i]];
	for (u32 i = 0; l->many && i < PERM_WORDS; i++)
		map02[i] |= map01[i];
}
