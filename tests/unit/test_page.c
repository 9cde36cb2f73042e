/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/page.c */
#include "tests/unit/unit.h"

#include "mm/page.h"

#define START MiB(1)
#define PAGES 1000

static void setup(void)
{
	unit_memory_init(MiB(8));
	memset(hpa_ptr(HPA(START)), 0xaa, PAGES * PAGE_SIZE);
	page_init(HPA(START), PAGES * PAGE_SIZE);
}

TEST(page_all_are_distinct_and_zero)
{
	static bool seen[PAGES];
	u32 n = 0;
	u8 *p;

	setup();
	memset(seen, 0, sizeof(seen));
	while ((p = page_alloc(1))) {
		u64 i = (ptr_hpa(p).v - START) / PAGE_SIZE;

		CHECK(i < PAGES && !seen[i]);
		CHECK(p[0] == 0 && p[PAGE_SIZE - 1] == 0);
		memset(p, 0x55, PAGE_SIZE);
		seen[i] = true;
		n++;
	}
	CHECK_EQ(n, PAGES - 1); /* one holds the bitmap */
	CHECK_EQ(page_used(), page_total());
}

TEST(page_free_and_reuse)
{
	u64 before;
	u8 *a, *b;

	setup();
	before = page_used();
	a = page_alloc(10);
	CHECK(a != NULL);
	memset(a, 1, 10 * PAGE_SIZE);
	CHECK_EQ(page_used(), before + 10 * PAGE_SIZE);
	page_free(a, 10);
	CHECK_EQ(page_used(), before);
	b = page_alloc(PAGES - 1);
	CHECK(b != NULL);
	CHECK(b && b[PAGE_SIZE] == 0);
	CHECK(page_alloc(1) == NULL);
	page_free(b, PAGES - 1);
	CHECK(page_alloc(PAGES) == NULL);
	CHECK(page_alloc(0) == NULL);
}

TEST(page_alignment)
{
	u32 i;

	setup();
	for (i = 0; i < 5; i++) {
		void *p = page_alloc_aligned(3, KiB(64));

		CHECK(p != NULL);
		CHECK(IS_ALIGNED(ptr_hpa(p).v, KiB(64)));
		CHECK(page_alloc(1) != NULL);
	}
}
