/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/memmap.c */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "mm/memmap.h"

static struct memmap m;

static void check_region(u32 i, u64 start, u64 len, u32 type)
{
	CHECK(i < m.n);
	CHECK_EQ(m.r[i].start, start);
	CHECK_EQ(m.r[i].len, len);
	CHECK_EQ(m.r[i].type, type);
}

/* A small PC: 640 KiB less EBDA, a hole, 256 MiB less ACPI. */
static void pc(void)
{
	m.n = 0;
	CHECK(!memmap_add(&m, MiB(1), MiB(255), MEM_RAM));
	CHECK(!memmap_add(&m, 0, 0x9fc00, MEM_RAM));
	CHECK(!memmap_add(&m, 0x9fc00, 0x400, MEM_RESERVED));
	CHECK(!memmap_add(&m, 0xf0000, 0x10000, MEM_RESERVED));
	CHECK(!memmap_add(&m, MiB(250), MiB(1), MEM_ACPI));
	CHECK(!memmap_add(&m, GiB(4), GiB(1), MEM_RAM));
}

TEST(memmap_sorted)
{
	pc();
	CHECK_EQ(m.n, 7);
	check_region(0, 0, 0x9fc00, MEM_RAM);
	check_region(1, 0x9fc00, 0x400, MEM_RESERVED);
	check_region(2, 0xf0000, 0x10000, MEM_RESERVED);
	check_region(3, MiB(1), MiB(249), MEM_RAM);
	check_region(4, MiB(250), MiB(1), MEM_ACPI);
	check_region(5, MiB(251), MiB(5), MEM_RAM);
	check_region(6, GiB(4), GiB(1), MEM_RAM);
	CHECK_EQ(memmap_ram_end(&m), GiB(5));
	CHECK_EQ(memmap_memory_end(&m), GiB(5));
	CHECK(!memmap_add(&m, GiB(6), MiB(1), MEM_NVS));
	CHECK(!memmap_add(&m, GiB(7), MiB(1), MEM_RESERVED));
	CHECK_EQ(memmap_ram_end(&m), GiB(5));
	CHECK_EQ(memmap_memory_end(&m), GiB(6) + MiB(1));
	CHECK(memmap_memory_in(&m, GiB(6) - 1, 2));
	CHECK(!memmap_memory_in(&m, GiB(5), GiB(1)));
	CHECK(!memmap_memory_in(&m, GiB(6) + MiB(1), GiB(4)));
}

TEST(memmap_merge)
{
	m.n = 0;
	CHECK(!memmap_add(&m, 0x3000, 0x1000, MEM_RAM));
	CHECK(!memmap_add(&m, 0x1000, 0x1000, MEM_RAM));
	CHECK_EQ(m.n, 2);
	CHECK(!memmap_add(&m, 0x2000, 0x1000, MEM_RAM));
	CHECK_EQ(m.n, 1);
	check_region(0, 0x1000, 0x3000, MEM_RAM);
	CHECK(!memmap_add(&m, 0x1000, 0, MEM_BAD));
	CHECK_EQ(m.n, 1);
}

TEST(memmap_less_usable_wins)
{
	m.n = 0;
	CHECK(!memmap_add(&m, 0x2000, 0x1000, MEM_BAD));
	CHECK(!memmap_add(&m, 0x1000, 0x4000, MEM_RESERVED));
	CHECK(!memmap_add(&m, 0, 0x8000, MEM_RAM));
	CHECK_EQ(m.n, 5);
	check_region(0, 0, 0x1000, MEM_RAM);
	check_region(1, 0x1000, 0x1000, MEM_RESERVED);
	check_region(2, 0x2000, 0x1000, MEM_BAD);
	check_region(3, 0x3000, 0x2000, MEM_RESERVED);
	check_region(4, 0x5000, 0x3000, MEM_RAM);
}

TEST(memmap_set_and_remove)
{
	pc();
	CHECK(!memmap_set(&m, MiB(200), MiB(32), MEM_RESERVED));
	CHECK(memmap_is(&m, MiB(200), MiB(32), MEM_RESERVED));
	CHECK(memmap_is(&m, MiB(1), MiB(199), MEM_RAM));
	CHECK(memmap_is(&m, MiB(232), MiB(18), MEM_RAM));
	CHECK(!memmap_is(&m, MiB(199), MiB(2), MEM_RAM));
	CHECK(!memmap_set(&m, MiB(200), MiB(32), MEM_RAM));
	CHECK_EQ(m.n, 7);
	CHECK(!memmap_remove(&m, MiB(2), GiB(8)));
	CHECK_EQ(m.n, 4);
	CHECK_EQ(memmap_ram_end(&m), MiB(2));
	CHECK(!memmap_remove(&m, 0, ~0ull));
	CHECK_EQ(m.n, 0);
	CHECK_EQ(memmap_ram_end(&m), 0);
}

TEST(memmap_wrap)
{
	m.n = 0;
	CHECK(!memmap_add(&m, ~0ull - 0xfff, 0x1000, MEM_RESERVED));
	CHECK(!memmap_add(&m, ~0ull - 0x1fff, ~0ull, MEM_RAM));
	CHECK_EQ(m.n, 2);
	check_region(0, ~0ull - 0x1fff, 0x1000, MEM_RAM);
	check_region(1, ~0ull - 0xfff, 0xfff, MEM_RESERVED);
	CHECK(!memmap_is(&m, ~0ull - 0xfff, 0x2000, MEM_RESERVED));
	CHECK_EQ(memmap_find_low(&m, 0x2000, 0x1000, 0, ~0ull, NULL, 0), ~0ull);
}

TEST(memmap_full)
{
	struct memmap before;

	m.n = 0;
	for (u64 i = 0; i < MEMMAP_MAX; i++)
		CHECK(!memmap_add(&m, i * 0x2000, 0x1000, MEM_RAM));
	before = m;
	CHECK_EQ(memmap_add(&m, GiB(1), 1, MEM_RAM), -ENOSPC);
	CHECK_EQ(memmap_set(&m, 0x100, 1, MEM_BAD), -ENOSPC);
	CHECK_EQ(memmap_remove(&m, 0x100, 1), -ENOSPC);
	CHECK(!memcmp(&before, &m, sizeof(m)));
	CHECK(!memmap_add(&m, 0x1000, 0x1000, MEM_RAM));
	CHECK_EQ(m.n, MEMMAP_MAX - 1);
}

TEST(memmap_find)
{
	struct mem_region keep[] = {
		{ MiB(240), MiB(4), 0 },
		{ MiB(251), MiB(5), 0 },
		{ MiB(2), MiB(1), 0 },
		{ MiB(100), 0, 0 },
	};

	pc();
	CHECK_EQ(memmap_find_high(&m, MiB(4), MiB(2), 0, GiB(4), NULL, 0),
		 MiB(252));
	CHECK_EQ(memmap_find_high(&m, MiB(4), MiB(2), 0, GiB(4), keep, 4),
		 MiB(246));
	CHECK_EQ(memmap_find_high(&m, MiB(8), MiB(2), 0, GiB(4), keep, 4),
		 MiB(232));
	CHECK_EQ(memmap_find_high(&m, MiB(8), MiB(2), 0, ~0ull, keep, 4),
		 GiB(5) - MiB(8));
	CHECK_EQ(memmap_find_high(&m, MiB(8), 1, MiB(245), GiB(4), NULL, 0),
		 ~0ull);
	CHECK_EQ(memmap_find_high(&m, 0, 1, 0, GiB(4), NULL, 0), ~0ull);
	CHECK_EQ(memmap_find_low(&m, MiB(1), MiB(1), 0, ~0ull, keep, 4),
		 MiB(1));
	CHECK_EQ(memmap_find_low(&m, MiB(2), MiB(1), 0, ~0ull, keep, 4),
		 MiB(3));
	CHECK_EQ(memmap_find_low(&m, GiB(1), 1, 0, ~0ull, keep, 4), GiB(4));
	CHECK_EQ(memmap_find_low(&m, GiB(1), 1, 0, GiB(4), keep, 4), ~0ull);
	CHECK_EQ(memmap_find_low(&m, MiB(1), 1, MiB(250), GiB(4), keep, 4),
		 ~0ull);
}

#define PAGES 64

/* Against a byte-per-page model, with every kind of overlap. */
TEST(memmap_model)
{
	for (u32 round = 0; round < 2000; round++) {
		u8 model[PAGES] = { 0 };

		m.n = 0;
		for (u32 op = 0; op < 12; op++) {
			static const u8 order[] = { 0, 1, 4, 2, 3, 5 };
			u64 s = unit_random() % PAGES;
			u64 n = unit_random() % (PAGES - s + 1);
			u32 type = 1 + unit_random() % 5;
			u32 how = unit_random() % 4;
			int err;

			if (how == 0)
				err = memmap_remove(&m, s << 12, n << 12);
			else if (how == 1)
				err = memmap_set(&m, s << 12, n << 12, type);
			else
				err = memmap_add(&m, s << 12, n << 12, type);
			CHECK_EQ(err, 0);
			for (u64 i = s; i < s + n; i++)
				if (how == 0)
					model[i] = 0;
				else if (how == 1 ||
					 order[type] > order[model[i]])
					model[i] = type;
		}
		for (u32 i = 0; i < PAGES; i++)
			for (u32 t = 1; t <= 5; t++)
				CHECK_EQ(memmap_is(&m, (u64)i << 12, 4096, t),
					 model[i] == t);
		for (u32 i = 1; i < m.n; i++) {
			u64 end = m.r[i - 1].start + m.r[i - 1].len;

			CHECK(end <= m.r[i].start);
			CHECK(end != m.r[i].start ||
			      m.r[i].type != m.r[i - 1].type);
		}
	}
}
