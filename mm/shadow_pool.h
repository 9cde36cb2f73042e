/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page-table pages of one shadow. Each root owns a chain of them in the
 * order of their making; emptying a root gives the whole chain back in one
 * step, and a page is cleared only when it is used again, and only where it
 * was used.
 */
#ifndef MM_SHADOW_POOL_H
#define MM_SHADOW_POOL_H

#include "core/types.h"
#include "mm/addr.h"

#define POOL_NONE 0u /* table 0 is a root's for ever: never in a chain */

struct shadow_table {
	u64 used;   /* bit n: entries 8n to 8n+7 may be other than 0 */
	u32 next;   /* in its chain, POOL_NONE at the end */
	u32 parent; /* table that refers to it */
	u16 slot;   /* entry there */
	u8 level;
};

struct shadow_chain {
	u32 first, last, n;
};

struct shadow_pool {
	u64 (*mem)[512];
	struct shadow_table *table;
	u32 n; /* tables in all */
	struct shadow_chain free;
};

/* @n tables, the first @fixed of which are never in the free chain. */
int __must_check pool_init(struct shadow_pool *p, u32 n, u32 fixed);

/* Zero what of table @t was used. */
void pool_clear(struct shadow_pool *p, u32 t);

/* A zeroed table from the free chain, POOL_NONE if there is none. */
u32 pool_take(struct shadow_pool *p);

void chain_append(struct shadow_pool *p, struct shadow_chain *c, u32 t);

/* First table of @c, removed; POOL_NONE: empty. */
u32 chain_shift(struct shadow_pool *p, struct shadow_chain *c);

/* Move all of @from to the end of @to. */
void chain_splice(struct shadow_pool *p, struct shadow_chain *to,
		  struct shadow_chain *from);

static inline hpa_t pool_hpa(const struct shadow_pool *p, u32 t)
{
	return ptr_hpa(p->mem[t]);
}

static inline u32 pool_index(const struct shadow_pool *p, u64 e)
{
	u64 base = ptr_hpa(p->mem).v;

	return (u32)(((e & BITS(51, 12)) - base) >> PAGE_SHIFT);
}

static inline void pool_store(struct shadow_pool *p, u32 t, u32 slot, u64 e)
{
	p->table[t].used |= BIT(slot / 8);
	__atomic_store_n(&p->mem[t][slot], e, __ATOMIC_RELEASE);
}

/* Entries @from to @end - 1 of @t may have been written. */
static inline void pool_used(struct shadow_pool *p, u32 t, u32 from, u32 end)
{
	p->table[t].used |= BITS((end - 1) / 8, from / 8);
}

#endif
