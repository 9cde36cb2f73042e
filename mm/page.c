/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bitmap over one region of memory, kept at the region's own start. One bit
 * a page, set when the page is taken. Next fit: booting allocates far more
 * than it frees.
 */
#include "mm/page.h"

#include "core/spinlock.h"
#include "core/string.h"

static struct {
	struct spinlock lock;
	u64 *taken; /* bitmap */
	u64 base;   /* number of the first page */
	u64 n;	    /* pages in all */
	u64 used;   /* pages taken */
	u64 next;   /* where the search begins */
} pool;

static bool is_taken(u64 i)
{
	return pool.taken[i / 64] & BIT(i % 64);
}

static void mark(u64 i, u64 n, bool taken)
{
	for (; n; n--, i++)
		if (taken)
			pool.taken[i / 64] |= BIT(i % 64);
		else
			pool.taken[i / 64] &= ~BIT(i % 64);
}

void page_init(hpa_t start, u64 len)
{
	u64 n = len / PAGE_SIZE;
	u64 map_pages = ALIGN_UP((n + 63) / 64 * 8, PAGE_SIZE) / PAGE_SIZE;

	pool.taken = hpa_ptr(start);
	pool.base = start.v / PAGE_SIZE;
	pool.n = n;
	pool.used = MIN(map_pages, n);
	pool.next = pool.used;
	memset(pool.taken, 0, map_pages * PAGE_SIZE);
	mark(0, pool.used, true);
}

/* First free run of @n pages at or after @from and before @to; ~0: none. */
static u64 find_run(u64 n, u64 align, u64 from, u64 to)
{
	u64 i, j;

	for (i = from; i < to; i = j + 1) {
		i = ALIGN_UP(pool.base + i, align) - pool.base;
		if (i + n > to)
			return ~0ull;
		for (j = i; j < i + n && !is_taken(j); j++)
			;
		if (j == i + n)
			return i;
	}
	return ~0ull;
}

void *page_alloc_aligned(u32 n, u64 align)
{
	u64 pages = MAX(align / PAGE_SIZE, 1);
	void *p;
	u64 i;

	if (!n || n > pool.n)
		return NULL;
	spin_lock(&pool.lock);
	i = find_run(n, pages, pool.next, pool.n);
	if (i == ~0ull)
		i = find_run(n, pages, 0, pool.n);
	if (i != ~0ull) {
		mark(i, n, true);
		pool.used += n;
		pool.next = i + n;
	}
	spin_unlock(&pool.lock);
	if (i == ~0ull)
		return NULL;
	p = hpa_ptr(HPA((pool.base + i) * PAGE_SIZE));
	memset(p, 0, n * PAGE_SIZE);
	return p;
}

void *page_alloc(u32 n)
{
	return page_alloc_aligned(n, PAGE_SIZE);
}

void page_free(void *p, u32 n)
{
	if (!p)
		return;
	spin_lock(&pool.lock);
	mark(ptr_hpa(p).v / PAGE_SIZE - pool.base, n, false);
	pool.used -= n;
	spin_unlock(&pool.lock);
}

u64 page_used(void)
{
	return pool.used * PAGE_SIZE;
}

u64 page_total(void)
{
	return pool.n * PAGE_SIZE;
}
