/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/slat.c mm/page.c mm/mtrr.c mm/pt_format.c mm/l0map.c mm/memmap.c */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/msr.h"
#include "mm/l0map.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "mm/slat.h"

#define L0_START GiB(1)
#define L0_LEN (MiB(36) + KiB(20))
#define SCRATCH (L0_START + KiB(4))
#define POOL MiB(4)
#define POOL_LEN MiB(12)
#define RWX (ACCESS_R | ACCESS_W | ACCESS_X)

static struct slat s;
static struct mtrr_state mtrr;
static struct memmap map;

static void setup(const struct pt_format *f, u32 max_page, u64 l0_start)
{
	int err;

	unit_memory_init(MiB(16));
	page_init(HPA(POOL), POOL_LEN);
	map.n = 2;
	map.r[0] = (struct mem_region){ 0, GiB(3), MEM_RAM };
	map.r[1] = (struct mem_region){ GiB(4), GiB(2) + MiB(3), MEM_RAM };
	memset(&mtrr, 0, sizeof(mtrr));
	mtrr.phys_bits = 40;
	err = mtrr_set(&mtrr, MSR_MTRR_CAP, BIT(8) | 8) ||
	      mtrr_set(&mtrr, MSR_MTRR_DEF_TYPE, BIT(11) | BIT(10) | MT_WB) ||
	      mtrr_set(&mtrr, MSR_MTRR_FIX16K_A0000, 0) ||
	      mtrr_set(&mtrr, MSR_MTRR_PHYSBASE0, GiB(3) | MT_UC) ||
	      mtrr_set(&mtrr, MSR_MTRR_PHYSBASE0 + 1,
		       (BITS(39, 0) & ~(GiB(1) - 1)) | BIT(11));
	CHECK_EQ(err, 0);
	memset(&s, 0, sizeof(s));
	s.fmt = f;
	s.max_page = max_page;
	s.mtrr = &mtrr;
	s.phys_bits = 40;
	CHECK_EQ(slat_build(&s, &map, HPA(l0_start), L0_LEN,
			    HPA(l0_start + KiB(4))),
		 0);
}

/* What hardware would find, through the walker and not through slat.c. */
static void *mem(void *ctx, u64 pa)
{
	CHECK(pa >= POOL && pa < POOL + POOL_LEN);
	return hpa_ptr(HPA(pa));
}

static u64 hw(u64 gpa, u32 *rights, u32 *type, u8 *shift)
{
	struct pt_mode m;
	struct pt_walk w;

	pt_mode_init(&m, s.fmt, 40, PT_1G | PT_NX | PT_XO);
	if (pt_walk(&m, s.root.v, gpa, mem, NULL, &w) != PT_OK)
		return ~0ull;
	*rights = w.rights & RWX;
	*type = (w.entry[w.level] & EPT_TYPE) >> EPT_TYPE_SHIFT;
	*shift = w.shift;
	return w.addr;
}

static void check_at(u64 gpa)
{
	bool l0 = gpa - s.l0_start.v < L0_LEN;
	struct slat_leaf leaf;
	u32 rights = 0, type = 0;
	u8 shift = 0;
	u64 end, to = hw(gpa, &rights, &type, &shift);

	CHECK_EQ(to, l0 ? s.scratch.v + (gpa & 0xfff) : gpa);
	CHECK_EQ(rights, RWX);
	if (s.fmt->ept)
		CHECK_EQ(type, l0 ? MT_WB : mtrr_type(s.mtrr, gpa, &end));
	CHECK_EQ(slat_lookup(&s, L1PA(gpa), &leaf), 0);
	CHECK_EQ(leaf.hpa.v, to);
	CHECK_EQ(leaf.shift, shift);
	CHECK_EQ(leaf.access, RWX);
	if (s.fmt->ept)
		CHECK_EQ(leaf.type, type);
}

static void check_identity(void)
{
	static const u64 edges[] = { 0,	     0xa0000,	    0xc0000, MiB(2),
				     GiB(3), GiB(4) - 4096, GiB(4) };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		check_at(edges[i]);
		check_at(edges[i] + 4095);
	}
	for (i = 0; i < 2000; i++) {
		check_at(unit_random() % (GiB(6)));
		check_at(s.l0_start.v - MiB(4) + unit_random() % MiB(48));
	}
	check_at(s.l0_start.v - 1);
	check_at(s.l0_start.v);
	check_at(s.l0_start.v + L0_LEN - 1);
	check_at(s.l0_start.v + L0_LEN);
}

TEST(slat_identity_without_l0)
{
	static const struct pt_format *const f[] = { &pt_ept_4, &pt_npt_4 };
	u32 i, max;

	for (i = 0; i < 2; i++)
		for (max = 2; max <= 3; max++) {
			setup(f[i], max, L0_START);
			check_identity();
			setup(f[i], max, L0_START + MiB(7) + KiB(12));
			check_identity();
			setup(f[i], max, GiB(3) - L0_LEN);
			check_identity();
		}
}

TEST(slat_uses_large_pages)
{
	struct slat_leaf l;

	setup(&pt_ept_4, 3, L0_START);
	CHECK(!slat_lookup(&s, L1PA(GiB(2)), &l) && l.shift == 30);
	CHECK(!slat_lookup(&s, L1PA(GiB(5)), &l) && l.shift == 30);
	CHECK(!slat_lookup(&s, L1PA(MiB(2)), &l) && l.shift == 21);
	CHECK(!slat_lookup(&s, L1PA(0), &l) && l.shift == 12);
	CHECK(!slat_lookup(&s, L1PA(L0_START + MiB(38)), &l) && l.shift == 21);
	CHECK(s.pages < 10);
	setup(&pt_ept_4, 2, L0_START);
	CHECK(!slat_lookup(&s, L1PA(GiB(2)), &l) && l.shift == 21);
}

TEST(slat_fills_high_mmio_on_demand)
{
	struct slat_leaf l;

	setup(&pt_ept_4, 3, L0_START);
	CHECK(slat_lookup(&s, L1PA(BIT(39) + 5), &l) == -EFAULT);
	CHECK_EQ(slat_fault(&s, L1PA(BIT(39) + 5)), 0);
	check_at(BIT(39) + 5);
	CHECK_EQ(slat_fault(&s, L1PA(BIT(39) + 5)), 0);
	CHECK(slat_lookup(&s, L1PA(BIT(39) + GiB(1)), &l) == -EFAULT);
	CHECK_EQ(slat_fault(&s, L1PA(BIT(40))), -EFAULT);
	check_identity();
}

static bool exec_only;

static void check_protect(const struct pt_format *f, u32 access, u32 want)
{
	u64 page = 0xfee00000;
	struct slat_leaf l;
	u32 gen;

	setup(f, 3, L0_START);
	s.exec_only = exec_only;
	gen = s.gen;
	CHECK_EQ(slat_protect(&s, L1PA(page), HPA(page), access), 0);
	CHECK(s.gen != gen);
	CHECK(!slat_lookup(&s, L1PA(page), &l));
	CHECK_EQ(l.access, want);
	CHECK_EQ(l.shift, 12);
	check_at(page - 1);
	check_at(page + 4096);
	CHECK_EQ(slat_fault(&s, L1PA(page + 16)), -EFAULT);
	/* Back: the large pages return and the tables are used again. */
	CHECK_EQ(slat_protect(&s, L1PA(page), HPA(page), RWX), 0);
	check_at(page);
	CHECK(!slat_lookup(&s, L1PA(page), &l) && l.shift == 30);
}

TEST(slat_protects_a_page)
{
	check_protect(&pt_ept_4, ACCESS_R, ACCESS_R);
	check_protect(&pt_ept_4, ACCESS_R | ACCESS_X, ACCESS_R | ACCESS_X);
	check_protect(&pt_ept_4, ACCESS_W, 0);
	check_protect(&pt_ept_4, ACCESS_X, 0);
	exec_only = true;
	check_protect(&pt_ept_4, ACCESS_X, ACCESS_X);
	check_protect(&pt_ept_4, ACCESS_W | ACCESS_X, ACCESS_X);
	exec_only = false;
	check_protect(&pt_ept_4, 0, 0);
	check_protect(&pt_npt_4, ACCESS_R, ACCESS_R);
	check_protect(&pt_npt_4, ACCESS_X, 0);
	check_protect(&pt_npt_4, 0, 0);
}

TEST(slat_protect_and_back_uses_no_more_memory)
{
	u64 pages, used;
	u32 i;

	setup(&pt_npt_4, 3, L0_START);
	CHECK_EQ(slat_protect(&s, L1PA(0), HPA(MiB(3)), 0), 0);
	CHECK_EQ(slat_protect(&s, L1PA(0), HPA(0), RWX), 0);
	CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(MiB(3)), ACCESS_R), 0);
	CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(GiB(5)), RWX), 0);
	pages = s.pages;
	used = page_used();
	for (i = 0; i < 100; i++) {
		CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(MiB(3)), ACCESS_R),
			 0);
		CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(GiB(5)), RWX), 0);
	}
	CHECK_EQ(s.pages, pages);
	CHECK(page_used() <= used + 4 * PAGE_SIZE);
	check_identity();
}

static u32 rights(u64 page)
{
	struct slat_leaf l;

	CHECK(!slat_lookup(&s, L1PA(page), &l));
	CHECK_EQ(l.hpa.v, page);
	return l.access;
}

TEST(slat_guards_end_with_a_write)
{
	const u64 page = MiB(5);
	u32 gen, n;

	setup(&pt_ept_4, 3, L0_START);
	n = s.unguarded;
	gen = s.gen;
	CHECK_EQ(slat_guard(&s, L1PA(page + 7)), 0);
	CHECK(s.gen != gen && slat_guarded(&s, L1PA(page + 4095)));
	CHECK(!slat_guarded(&s, L1PA(page + 4096)));
	CHECK_EQ(rights(page), ACCESS_R | ACCESS_X);
	CHECK_EQ(rights(page + 4096), RWX);
	CHECK_EQ(s.unguarded, n);
	/* again: nothing new */
	gen = s.gen;
	CHECK_EQ(slat_guard(&s, L1PA(page)), 0);
	CHECK_EQ(s.gen, gen);
	CHECK_EQ(slat_fault(&s, L1PA(page + 16)), 0);
	CHECK_EQ(rights(page), RWX);
	CHECK(s.unguarded != n && !slat_guarded(&s, L1PA(page)));
	CHECK_EQ(s.nr_watched + s.nr_guards + s.nr_moved, 0);
	check_identity();
}

TEST(slat_guards_and_other_watchers)
{
	const u64 page = MiB(5);
	u32 n, i;

	setup(&pt_ept_4, 3, L0_START);
	CHECK_EQ(slat_guard(&s, L1PA(L0_START)), -EINVAL);
	CHECK_EQ(slat_guard(&s, L1PA(BIT(40))), -EINVAL);
	CHECK_EQ(slat_protect(&s, L1PA(page), HPA(page), ACCESS_R), 0);
	CHECK_EQ(slat_guard(&s, L1PA(page)), -EBUSY);
	slat_unguard(&s, L1PA(page));
	CHECK_EQ(rights(page), ACCESS_R);
	CHECK_EQ(slat_fault(&s, L1PA(page)), -EFAULT);
	CHECK_EQ(slat_protect(&s, L1PA(page), HPA(page), RWX), 0);
	/* whoever takes the page over ends the guard */
	CHECK_EQ(slat_guard(&s, L1PA(page)), 0);
	n = s.unguarded;
	CHECK_EQ(slat_protect(&s, L1PA(page), HPA(page), ACCESS_R), 0);
	CHECK(s.unguarded != n && !slat_guarded(&s, L1PA(page)));
	CHECK_EQ(slat_protect(&s, L1PA(page), HPA(page), RWX), 0);
	for (i = 0; i < SLAT_WATCHED_MAX; i++)
		CHECK_EQ(slat_guard(&s, L1PA(page + i * PAGE_SIZE)), 0);
	CHECK_EQ(slat_guard(&s, L1PA(MiB(900))), -ENOSPC);
	CHECK_EQ(s.nr_guards, SLAT_WATCHED_MAX);
	for (i = 0; i < SLAT_WATCHED_MAX; i++)
		slat_unguard(&s, L1PA(page + i * PAGE_SIZE));
	CHECK_EQ(s.nr_guards, 0);
	check_identity();
}

/* Retired tables wait for the slowest CPU. */
TEST(slat_waits_for_flushes)
{
	u64 before;
	u32 i;

	setup(&pt_npt_4, 3, L0_START);
	s.cpus = 2;
	for (i = 0; i < 4; i++) {
		CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(MiB(3)), 0), 0);
		CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(GiB(5)), RWX), 0);
		slat_flushing(&s, 0);
	}
	before = page_used();
	CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(MiB(3)), 0), 0);
	CHECK_EQ(page_used(), before + 2 * PAGE_SIZE);
	CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(GiB(5)), RWX), 0);
	slat_flushing(&s, 0);
	slat_flushing(&s, 1);
	before = page_used();
	CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(MiB(3)), 0), 0);
	CHECK_EQ(page_used(), before);
	check_at(GiB(5) + 4096);
}

/* ... but not for one that runs nothing. */
TEST(slat_waits_for_nobody_who_is_away)
{
	u64 before;
	u32 i, gen;

	setup(&pt_npt_4, 3, L0_START);
	s.cpus = 2;
	slat_away(&s, 1, true);
	before = page_used();
	for (i = 0; i < 100; i++) {
		CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(MiB(3)), 0), 0);
		CHECK_EQ(slat_protect(&s, L1PA(GiB(5)), HPA(GiB(5)), RWX), 0);
		slat_flushing(&s, 0);
	}
	CHECK(page_used() <= before + 4 * PAGE_SIZE);
	gen = s.gen;
	CHECK(slat_flushed(&s, gen));
	/* back again it counts, from its next flush on */
	slat_away(&s, 1, false);
	CHECK(!slat_flushed(&s, gen));
	slat_flushing(&s, 1);
	CHECK(slat_flushed(&s, gen));
}

TEST(slat_refuses_to_protect_l0)
{
	u32 i;

	setup(&pt_npt_4, 3, L0_START);
	CHECK_EQ(slat_protect(&s, L1PA(L0_START), HPA(L0_START), RWX), -EINVAL);
	CHECK_EQ(slat_protect(&s, L1PA(BIT(40)), HPA(0), RWX), -EINVAL);
	for (i = 0; i < SLAT_WATCHED_MAX; i++)
		CHECK_EQ(slat_protect(&s, L1PA(i * 4096), HPA(0), 0), 0);
	CHECK_EQ(slat_protect(&s, L1PA(i * 4096), HPA(0), 0), -ENOSPC);
}

TEST(slat_follows_mtrr_changes)
{
	u32 i, j;
	u64 used = 0;

	setup(&pt_ept_4, 3, L0_START);
	for (i = 0; i < 60; i++) {
		for (j = 0; j < 4; j++) {
			u64 size = BIT(12 + unit_random() % 18);
			u64 base = (unit_random() % GiB(6)) & ~(size - 1);
			u64 type = unit_random() & 1 ? MT_UC : MT_WB;

			CHECK_EQ(mtrr_set(&mtrr, MSR_MTRR_PHYSBASE0 + 2 * j,
					  base | type),
				 0);
			CHECK_EQ(
				mtrr_set(&mtrr, MSR_MTRR_PHYSBASE0 + 2 * j + 1,
					 (BITS(39, 0) & ~(size - 1)) | BIT(11)),
				0);
		}
		CHECK_EQ(slat_retype(&s), 0);
		check_identity();
		if (i == 20)
			used = page_used();
	}
	CHECK(page_used() <= used + 32 * PAGE_SIZE);
}

/* L0's own tables, walked as x86 tables of 4 or 5 levels. */
static u64 l0_at(const struct pt_format *fmt, hpa_t root, u64 va, u32 *rights)
{
	struct pt_mode m;
	struct pt_walk w;

	pt_mode_init(&m, fmt, 40, PT_1G | PT_NX);
	va &= BITS(fmt->in_bits - 1, 0);
	if (pt_walk(&m, root.v, va, mem, NULL, &w) != PT_OK)
		return ~0ull;
	*rights = w.rights;
	return w.addr;
}

TEST(l0_tables)
{
	struct l0_layout l = { .image = HPA(L0_START + MiB(1)),
			       .text_len = KiB(200),
			       .rodata_end = KiB(300),
			       .image_len = KiB(900),
			       .direct_end = GiB(4) + MiB(5) + KiB(8),
			       .nx = true,
			       .mtrr = &mtrr };
	const struct pt_format *fmt;
	u32 rights, i;
	hpa_t root;

	setup(&pt_ept_4, 3, L0_START);
	for (i = 0; i < 4; i++) {
		l.has_1g = i & 1;
		l.la57 = i & 2;
		fmt = l.la57 ? &pt_x86_5 : &pt_x86_4;
		root = l0_tables_build(&l);
		CHECK(root.v != HPA_NONE.v);
		CHECK_EQ(l0_at(fmt, root, IMAGE_BASE + 5, &rights),
			 l.image.v + 5);
		CHECK_EQ(rights, ACCESS_R | ACCESS_X);
		CHECK_EQ(l0_at(fmt, root, IMAGE_BASE + KiB(200), &rights),
			 l.image.v + KiB(200));
		CHECK_EQ(rights, ACCESS_R);
		CHECK_EQ(l0_at(fmt, root, IMAGE_BASE + KiB(300), &rights),
			 l.image.v + KiB(300));
		CHECK_EQ(rights, ACCESS_R | ACCESS_W);
		CHECK_EQ(l0_at(fmt, root, IMAGE_BASE + KiB(900), &rights),
			 ~0ull);
		CHECK_EQ(l0_at(fmt, root, DIRECT_BASE, &rights), 0);
		CHECK_EQ(rights, ACCESS_R | ACCESS_W);
		CHECK_EQ(l0_at(fmt, root, DIRECT_BASE + l.direct_end - 1,
			       &rights),
			 l.direct_end - 1);
		CHECK_EQ(l0_at(fmt, root, DIRECT_BASE + l.direct_end, &rights),
			 ~0ull);
		CHECK_EQ(l0_at(fmt, root, DIRECT_BASE + GiB(3) + 77, &rights),
			 GiB(3) + 77);
	}
}

/* Memory at 6 and 9 GiB: what lies between is not mapped, but for the rest of
 * the page that memory ends in. */
TEST(l0_tables_leave_holes_out)
{
	static struct memmap holes = { .n = 4,
				       .r = { { 0, GiB(1), MEM_RAM },
					      { GiB(6), MiB(3), MEM_RAM },
					      { GiB(7), GiB(1), MEM_RESERVED },
					      { GiB(9), KiB(8), MEM_ACPI } } };
	struct l0_layout l = { .image = HPA(L0_START),
			       .image_len = KiB(4),
			       .direct_end = GiB(9) + KiB(8),
			       .map = &holes };
	u32 rights;
	hpa_t root;

	setup(&pt_ept_4, 3, L0_START);
	root = l0_tables_build(&l);
	CHECK(root.v != HPA_NONE.v);
	CHECK_EQ(l0_at(&pt_x86_4, root, DIRECT_BASE + GiB(3), &rights), GiB(3));
	CHECK_EQ(l0_at(&pt_x86_4, root, DIRECT_BASE + GiB(5), &rights), ~0ull);
	CHECK_EQ(l0_at(&pt_x86_4, root, DIRECT_BASE + GiB(6) + MiB(3) - 1,
		       &rights),
		 GiB(6) + MiB(3) - 1);
	CHECK_EQ(l0_at(&pt_x86_4, root, DIRECT_BASE + GiB(6) + MiB(4), &rights),
		 ~0ull);
	CHECK_EQ(l0_at(&pt_x86_4, root, DIRECT_BASE + GiB(7), &rights), ~0ull);
	CHECK_EQ(l0_at(&pt_x86_4, root, DIRECT_BASE + GiB(9) + 5, &rights),
		 GiB(9) + 5);
	CHECK(l0_maps(HPA(GiB(9))) && l0_maps(HPA(GiB(3))));
	CHECK(!l0_maps(HPA(GiB(5))) && !l0_maps(HPA(GiB(7))) &&
	      !l0_maps(HPA(GiB(9) + KiB(8))));
}
