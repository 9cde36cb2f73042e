/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/tables.h"

#define LARGE BIT(7)

u64 *table_entry(u64 *root, u64 gpa, u32 level, u64 table)
{
	u64 *t = root;

	for (u32 l = 4; l > level; l--) {
		u64 *e = &t[gpa >> (12 + 9 * (l - 1)) & 511];

		if (!(*e & 7) || (*e & LARGE))
			*e = (u64)page_alloc(1) | table;
		t = (u64 *)(*e & BITS(51, 12));
	}
	return &t[gpa >> (12 + 9 * (level - 1)) & 511];
}

u64 *table_identity(u64 table, u64 page)
{
	u64 *root = page_alloc(1);

	for (u64 a = 0; a < GiB(4); a += MiB(2))
		*table_entry(root, a, 2, table) = a | page | LARGE;
	return root;
}

void table_map(u64 *root, u64 gpa, u64 pa, u64 pages, u64 table, u64 bits)
{
	for (u64 i = 0; i < pages; i++)
		*table_entry(root, gpa + i * PAGE_SIZE, 1, table) =
			(pa + i * PAGE_SIZE) | bits;
}
