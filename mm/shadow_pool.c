/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mm/shadow_pool.h"

#include "core/err.h"
#include "mm/page.h"

int pool_init(struct shadow_pool *p, u32 n, u32 fixed)
{
	u64 bytes = ALIGN_UP(n * sizeof(struct shadow_table), PAGE_SIZE);
	u32 i;

	p->n = n;
	p->mem = page_alloc(n);
	p->table = page_alloc((u32)(bytes / PAGE_SIZE));
	if (!p->mem || !p->table)
		return -ENOMEM;
	p->free = (struct shadow_chain){ 0 };
	for (i = fixed; i < n; i++)
		chain_append(p, &p->free, i);
	return 0;
}

void pool_clear(struct shadow_pool *p, u32 t)
{
	u64 used = p->table[t].used;

	while (used) {
		u64 *e = &p->mem[t][__builtin_ctzll(used) * 8];

		e[0] = e[1] = e[2] = e[3] = 0;
		e[4] = e[5] = e[6] = e[7] = 0;
		used &= used - 1;
	}
	p->table[t].used = 0;
}

u32 pool_take(struct shadow_pool *p)
{
	u32 t = chain_shift(p, &p->free);

	if (t != POOL_NONE)
		pool_clear(p, t);
	return t;
}

void chain_append(struct shadow_pool *p, struct shadow_chain *c, u32 t)
{
	p->table[t].next = POOL_NONE;
	if (c->n++)
		p->table[c->last].next = t;
	else
		c->first = t;
	c->last = t;
}

u32 chain_shift(struct shadow_pool *p, struct shadow_chain *c)
{
	u32 t = c->first;

	if (!c->n)
		return POOL_NONE;
	c->n--;
	c->first = p->table[t].next;
	return t;
}

void chain_splice(struct shadow_pool *p, struct shadow_chain *to,
		  struct shadow_chain *from)
{
	if (!from->n)
		return;
	if (to->n)
		p->table[to->last].next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->n += from->n;
	*from = (struct shadow_chain){ 0 };
}
