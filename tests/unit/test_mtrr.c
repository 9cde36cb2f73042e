/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/mtrr.c */
#include "tests/unit/unit.h"

#include "core/msr.h"
#include "mm/mtrr.h"

#define FIX BIT(8)
#define E BIT(11)
#define FE BIT(10)
#define V BIT(11)

static struct mtrr_state m;

static void set(u32 msr, u64 val)
{
	CHECK_EQ(mtrr_set(&m, msr, val), 0);
}

static void setup(u64 def)
{
	memset(&m, 0, sizeof(m));
	m.phys_bits = 40;
	set(MSR_MTRR_CAP, FIX | 8);
	set(MSR_MTRR_DEF_TYPE, def);
}

static void variable(u32 i, u64 base, u64 size, u64 type)
{
	set(MSR_MTRR_PHYSBASE0 + 2 * i, base | type);
	set(MSR_MTRR_PHYSBASE0 + 2 * i + 1, (BITS(39, 0) & ~(size - 1)) | V);
}

static enum memory_type at(u64 a)
{
	u64 end;

	return mtrr_type(&m, a, &end);
}

TEST(mtrr_off_is_uncached)
{
	setup(MT_WB);
	variable(0, 0, GiB(1), MT_WB);
	CHECK_EQ(at(0), MT_UC);
	CHECK_EQ(at(GiB(5)), MT_UC);
}

TEST(mtrr_usual_pc)
{
	enum memory_type t;

	setup(E | FE | MT_WB);
	variable(0, GiB(3), GiB(1), MT_UC);
	set(MSR_MTRR_FIX64K, 0x0606060606060606);
	set(MSR_MTRR_FIX16K_80000, 0x0606060606060606);
	set(MSR_MTRR_FIX16K_A0000, 0x0101010101010101);
	set(MSR_MTRR_FIX4K_C0000, 0x0505050505050505);
	set(MSR_MTRR_FIX4K_F8000, 0x0405050505050505);
	CHECK_EQ(at(0), MT_WB);
	CHECK_EQ(at(0x9ffff), MT_WB);
	CHECK_EQ(at(0xa0000), MT_WC);
	CHECK_EQ(at(0xbffff), MT_WC);
	CHECK_EQ(at(0xc0000), MT_WP);
	CHECK_EQ(at(0xc8000), MT_UC);
	CHECK_EQ(at(0xffffe), MT_WT);
	CHECK_EQ(at(0x100000), MT_WB);
	CHECK_EQ(at(GiB(3) - 1), MT_WB);
	CHECK_EQ(at(GiB(3)), MT_UC);
	CHECK_EQ(at(GiB(4) - 1), MT_UC);
	CHECK_EQ(at(GiB(4)), MT_WB);
	CHECK(!mtrr_uniform(&m, 0, MiB(2), &t));
	CHECK(mtrr_uniform(&m, MiB(2), MiB(2), &t) && t == MT_WB);
	CHECK(mtrr_uniform(&m, GiB(3), GiB(1), &t) && t == MT_UC);
	CHECK(!mtrr_uniform(&m, GiB(2), GiB(2), &t));
	CHECK(mtrr_uniform(&m, GiB(4), GiB(64), &t) && t == MT_WB);
}

TEST(mtrr_fixed_without_enable)
{
	setup(E | MT_WT);
	set(MSR_MTRR_FIX64K, 0x0606060606060606);
	CHECK_EQ(at(0), MT_WT);
}

TEST(mtrr_overlaps)
{
	static const struct {
		u8 a, b, want;
	} t[] = {
		{ MT_UC, MT_WB, MT_UC }, { MT_WB, MT_WT, MT_WT },
		{ MT_WT, MT_WB, MT_WT }, { MT_WB, MT_WB, MT_WB },
		{ MT_WC, MT_UC, MT_UC }, { MT_WC, MT_WC, MT_WC },
		{ MT_WP, MT_WB, MT_UC }, /* undefined: careful */
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		setup(E | MT_WB);
		variable(0, GiB(1), MiB(2), t[i].a);
		variable(1, GiB(1), MiB(1), t[i].b);
		CHECK_EQ(at(GiB(1)), t[i].want);
		CHECK_EQ(at(GiB(1) + MiB(1)), t[i].a);
	}
}

TEST(mtrr_refuses_bad_values)
{
	setup(E | MT_WB);
	CHECK(mtrr_set(&m, MSR_MTRR_DEF_TYPE, 2) < 0);
	CHECK(mtrr_set(&m, MSR_MTRR_DEF_TYPE, BIT(12)) < 0);
	CHECK(mtrr_set(&m, MSR_MTRR_PHYSBASE0, 7) < 0);
	CHECK(mtrr_set(&m, MSR_MTRR_PHYSBASE0, BIT(40)) < 0);
	CHECK(mtrr_set(&m, MSR_MTRR_PHYSBASE0 + 1, BIT(10)) < 0);
	CHECK(mtrr_set(&m, MSR_MTRR_PHYSBASE0 + 16, 0) < 0);
	CHECK(mtrr_set(&m, MSR_MTRR_FIX64K, 3) < 0);
	CHECK(mtrr_set(&m, MSR_PAT, 0) < 0);
}

/* The promise of *end: the type is the same up to it. And progress. */
TEST(mtrr_end_is_true)
{
	u32 round, i;

	for (round = 0; round < 50; round++) {
		setup(E | (round & 1 ? FE : 0) | MT_WB);
		for (i = 0; i < 8; i++)
			variable(i, (unit_random() & BITS(34, 12)),
				 BIT(12 + unit_random() % 20),
				 (u8[]){ 0, 1, 4, 5, 6 }[unit_random() % 5]);
		for (i = 0; i < 200; i++) {
			u64 a = unit_random() & BITS(34, 0), end, b;
			enum memory_type t = mtrr_type(&m, a, &end);

			CHECK(end > a);
			b = a + unit_random() % (MIN(end, BIT(40)) - a);
			CHECK_EQ(at(b), t);
		}
	}
}
