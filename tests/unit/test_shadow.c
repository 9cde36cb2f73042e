/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/shadow.c mm/shadow_fill.c mm/shadow_pool.c mm/fold.c mm/slat.c mm/page.c mm/mtrr.c mm/pt_format.c mm/guest.c */
#include "tests/unit/shadow_env.h"

/* The folded leaf at @gpa against L1's tables as they are now. Only when it
 * was filled @now must it have all the rights that it may have. */
static void check_leaf(u64 gpa, const struct naive *n02, bool now)
{
	struct naive n = naive_walk(&m12, root12.root.v, gpa);
	bool w;
	u32 a;

	CHECK_EQ(n.res, NAIVE_OK);
	if (n.res != NAIVE_OK)
		return;
	a = host_access(n.addr);
	CHECK_EQ(n02->addr, host_of(n.addr));
	CHECK(n02->shift <= n.shift);
	CHECK(n.accessed);
	w = n.w && (a & ACCESS_W) && n.dirty;
	CHECK(now ? n02->w == w : n02->w <= w);
	CHECK_EQ(n02->x, n.x && (a & ACCESS_X));
	if (is_ept(m12.kind)) {
		CHECK_EQ(n02->r, n.r);
		CHECK_EQ(n02->xu, n.xu && (a & ACCESS_X));
	} else {
		CHECK(n.u && n02->u);
	}
	CHECK(type_fits(&n, n02));
}

/* Every leaf of the folded table below @table. */
static u32 check_all(struct shadow_root *r, u64 table, u32 level, u64 base)
{
	u32 i, n = 0;
	u64 e;

	for (i = 0; i < 512; i++) {
		u64 gpa = base + ((u64)i << (12 + 9 * (level - 1)));

		e = rd_host(table + i * 8, 8);
		if (!e)
			continue;
		if (level > 1 && !(e & 0x80)) {
			n += check_all(r, e & NAIVE_ADDR, level - 1, gpa);
		} else {
			struct naive n02;

			gpa |= unit_random() & (BIT(12 + 9 * (level - 1)) - 1);
			n02 = naive_walk(&m02, shadow_root_hpa(r).v, gpa);
			CHECK_EQ(n02.res, NAIVE_OK);
			check_leaf(gpa, &n02, false);
			n++;
		}
	}
	return n;
}

static u32 check_root(struct shadow_root *r)
{
	CHECK(shadow_root_fmt(r) == fmt02());
	return check_all(r, shadow_root_hpa(r).v, fmt02()->levels, 0);
}

static struct {
	u32 ok, np, rsv, rights, l0, wide, xo, ro, nx, ipat, flags, high;
} seen;

static u8 image[NR_TABLES * 4096]; /* L1's tables before the fault */

/* Accessed and dirty bits that entry @i of the walk may get. */
static u64 flag_bits(u32 i, bool leaf, bool write)
{
	if (is_ept(m12.kind))
		return !m12.ad ? 0 : EPT_A | (leaf && write ? EPT_D : 0);
	if (m12.kind == N_PAE && i == 0) /* PDPTEs have none */
		return 0;
	return 0x20 | (leaf && write ? 0x40 : 0);
}

/*
 * What a walk does to L1's tables: an access that is served sets the accessed
 * flag in each of its entries and, if it writes, the dirty flag in the leaf.
 * One that is not served may have set accessed flags. Nothing else changes.
 */
static void check_flags(int err, u32 access)
{
	u32 size = m12.kind == N_32 ? 4 : 8, i, j;
	u32 n = MIN(walked.n, (u32)ARRAY_SIZE(walked.pa));
	bool write = access & ACCESS_W && err != -EFAULT;

	for (i = 0; i < n; i++) {
		u64 pa = walked.pa[i], was = 0, is = 0, bits = 0;

		if (pa < TABLES || pa >= TABLES + sizeof(image))
			continue;
		/* a table may be its own: the entry is met twice */
		for (j = 0; j < n; j++)
			if (walked.pa[j] == pa)
				bits |= flag_bits(j, j == n - 1, write);
		memcpy(&was, image + (pa - TABLES), size);
		memcpy(&is, unit_memory + pa, size);
		if (!err)
			CHECK_EQ(is & bits, bits);
		CHECK_EQ((is ^ was) & ~bits, 0);
		seen.flags += is != was;
		memcpy(image + (pa - TABLES), &is, size);
	}
	CHECK(!memcmp(image, unit_memory + TABLES, sizeof(image)));
}

static void count(const struct naive *n)
{
	seen.ok++;
	seen.wide += n->shift > 12;
	seen.xo += !n->r;
	seen.ro += !n->w;
	seen.nx += !n->x;
	seen.ipat += is_ept(m12.kind) && n->leaf & EPT_IPAT;
}

/* One fault, judged by the naive walker before and after. */
static void one_fault(struct shadow_root *r, u64 gpa, u32 access)
{
	struct naive before, n02;
	struct shadow_fault f;
	bool flush = false;
	int err;

	walked.n = 0;
	before = naive_walk(&m12, root12.root.v, gpa);
	memcpy(image, unit_memory + TABLES, sizeof(image));

	if (gpa >> fmt02()->in_bits) {
		before = (struct naive){ .res = NAIVE_NP,
					 .level = formats[m12.kind]->levels };
		walked.n = 0;
	}
	err = shadow_fault(sh, r, L2PA(gpa), access, &f, &flush);
	check_flags(err, access);
	if (err == -EFAULT) {
		check_fault(&before, access, &f);
		seen.np += before.res == NAIVE_NP;
		seen.rsv += before.res == NAIVE_RSV;
		seen.rights += before.res == NAIVE_OK;
		return;
	}
	CHECK_EQ(before.res, NAIVE_OK);
	CHECK(allowed(&before, access));
	if (err == -EPERM) {
		CHECK(access & ~host_access(before.addr) & RWX);
		CHECK_EQ(f.kind, SF_L0);
		CHECK_EQ(f.l1pa.v, before.addr);
		/* the flag is set by then, and L1's log wants to know */
		CHECK_EQ(f.dirtied, (access & ACCESS_W) && !before.dirty);
		seen.l0++;
		return;
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(f.dirtied, (access & ACCESS_W) && !before.dirty);
	n02 = naive_walk(&m02, shadow_root_hpa(r).v, gpa);
	CHECK_EQ(n02.res, NAIVE_OK);
	CHECK(allowed(&n02, access));
	check_leaf(gpa, &n02, true);
	count(&n02);
	seen.high += gpa >> 48 != 0;
}

static void drop_somehow(u32 round)
{
	if (round % 3 == 0)
		shadow_drop_all(sh);
	else if (round % 3 == 1)
		shadow_drop_root(sh, root12.root);
	else
		shadow_drop_tag(sh, 7);
}

/*
 * Every fourth round L1 keeps changing its tables: each fault must then be
 * judged and filled by what they say now, while what was filled before may be
 * stale.
 */
static void one_round(u32 round)
{
	bool fresh, changing = round % 4 == 3;
	struct shadow_root *r;
	u64 gpa = 0;
	u32 i, j;

	calm = round & 1;
	random_tables();
	random_pats();
	drop_somehow(round);
	r = shadow_get(sh, &root12, 7, &fresh);
	CHECK(fresh);
	CHECK_EQ(check_root(r), 0);
	for (i = 0; i < 150; i++) {
		for (j = 0; changing && j < 8; j++)
			random_change();
		gpa = next_gpa(gpa);
		one_fault(r, gpa, random_access());
	}
	if (!changing)
		check_root(r);
	CHECK(shadow_get(sh, &root12, 7, &fresh) == r);
	CHECK(!fresh);
}

static void property(enum naive_kind k, u64 flags, u32 max_page)
{
	u32 round;

	machine(is_ept(k), max_page);
	CHECK_EQ(shadow_init(&sh, &vm, slat.fmt, 128), 0);
	mode12(k, flags);
	memset(&seen, 0, sizeof(seen));
	for (round = 0; round < 40; round++)
		one_round(round);
	CHECK(seen.ok > 300 && seen.np > 100 && seen.rights > 100);
	CHECK(seen.l0 && (k == N_32 || seen.rsv > 100));
	CHECK(seen.ro > 10);
	CHECK((seen.high > 100) ==
	      (k == N_E5 || (k == N_5 && host_npt == N_5)));
	CHECK(seen.flags > 50 || (is_ept(k) && !m12.ad));
	if (is_ept(k))
		CHECK(seen.ipat > 50 && seen.nx > 10);
	CHECK(!(flags & SHADOW_XO) || seen.xo > 5);
	CHECK(!(flags & SHADOW_NX) || seen.nx > 5);
	if (getenv("UNIT_VERBOSE"))
		printf("%s: ok %u np %u rsv %u rights %u l0 %u large %u "
		       "xo %u ro %u nx %u ipat %u flags %u\n",
		       formats[k]->name, seen.ok, seen.np, seen.rsv,
		       seen.rights, seen.l0, seen.wide, seen.xo, seen.ro,
		       seen.nx, seen.ipat, seen.flags);
}

TEST(shadow_fold_npt_32)
{
	property(N_32, SHADOW_PSE, 3);
	property(N_32, 0, 3);
}

TEST(shadow_fold_npt_pae)
{
	property(N_PAE, SHADOW_NX, 3);
	property(N_PAE, 0, 2);
}

TEST(shadow_fold_npt_4)
{
	property(N_4, SHADOW_NX | SHADOW_1G, 3);
	property(N_4, SHADOW_NX, 3);
	property(N_4, SHADOW_1G, 2);
}

TEST(shadow_fold_npt_5)
{
	property(N_5, SHADOW_NX | SHADOW_1G, 3);
}

/* L0 in 5-level paging mode: all forms are folded into five levels. */
TEST(shadow_fold_npt_into_5)
{
	host_npt = N_5;
	property(N_32, SHADOW_PSE, 3);
	property(N_PAE, SHADOW_NX, 3);
	property(N_4, SHADOW_NX | SHADOW_1G, 3);
	property(N_5, SHADOW_NX | SHADOW_1G, 3);
	property(N_5, SHADOW_NX, 2);
	host_npt = N_4;
}

TEST(shadow_fold_ept_4)
{
	property(N_E4, SHADOW_AD | SHADOW_1G | SHADOW_XO, 3);
	property(N_E4, SHADOW_1G, 3);
	property(N_E4, SHADOW_AD, 2);
	property(N_E4, SHADOW_AD | SHADOW_MBE | SHADOW_XO | SHADOW_1G, 3);
	property(N_E4, SHADOW_MBE, 1);
}

TEST(shadow_fold_ept_5)
{
	property(N_E5, SHADOW_AD | SHADOW_1G | SHADOW_XO, 3);
	property(N_E5, SHADOW_AD | SHADOW_MBE, 2);
	property(N_E5, SHADOW_1G, 1);
}

/* ------------------------------------------------------------------------ */
/* Regular tables: one leaf table (or directory) of consecutive pages.	     */

#define LEAF_TABLE (TABLES + 3 * 4096)
#define PAGES_AT MiB(2) /* what page 0 of L2 maps to */

static u64 leaf_flags;
static struct shadow_root *root;

/* L2's [0, 2 MiB) by 512 leaves with @flags besides the rights. */
static void regular(enum naive_kind k, u64 mode, u64 flags, u32 pages)
{
	bool ept = is_ept(k), fresh;
	u64 table = ept ? 7 | (flags & EPT_A) : 0x27, i;

	machine(ept, 3);
	CHECK_EQ(shadow_init(&sh, &vm, slat.fmt, pages), 0);
	mode12(k, mode);
	leaf_flags = flags;
	put12(TABLES, (TABLES + 4096) | table);
	put12(TABLES + 4096, (TABLES + 2 * 4096) | table);
	put12(TABLES + 2 * 4096, LEAF_TABLE | table);
	for (i = 0; i < 512; i++)
		put12(LEAF_TABLE + i * 8, (PAGES_AT + i * 4096) | flags);
	root = shadow_get(sh, &root12, 0, &fresh);
	CHECK(fresh);
}

/* As hardware would: is the access served without a fault? */
static bool hit(u64 gpa, u32 access)
{
	struct naive n = naive_walk(&m02, shadow_root_hpa(root).v, gpa);

	return n.res == NAIVE_OK && allowed(&n, access);
}

static bool flushed;

static void touch(u64 gpa, u32 access)
{
	struct shadow_fault f;

	if (!hit(gpa, access)) {
		CHECK_EQ(
			shadow_fault(sh, root, L2PA(gpa), access, &f, &flushed),
			0);
		CHECK(hit(gpa, access));
	}
}

static u64 faults(void)
{
	struct shadow_stats st;

	shadow_stats(sh, &st);
	return st.faults;
}

#define NPT_LEAF (PT_P | PT_W | PT_U)
#define EPT_LEAF (EPT_R | EPT_W | EPT_X | MT_WB << 3)

TEST(shadow_fills_a_sequence)
{
	static const struct {
		enum naive_kind k;
		u64 mode, flags;
		u32 access, most, least;
	} t[] = {
		{ N_4, 0, NPT_LEAF | PT_A | PT_D, ACCESS_W, 8, 3 },
		{ N_4, 0, NPT_LEAF | PT_A, ACCESS_R, 8, 3 },
		/* dirty or accessed flags are to be set: page by page */
		{ N_4, 0, NPT_LEAF | PT_A, ACCESS_W, 512, 512 },
		{ N_4, 0, NPT_LEAF, ACCESS_R, 512, 512 },
		{ N_E4, 0, EPT_LEAF, ACCESS_W, 8, 3 },
		{ N_E4, SHADOW_AD, EPT_LEAF | EPT_A | EPT_D, ACCESS_W, 8, 3 },
		{ N_E4, SHADOW_AD, EPT_LEAF | EPT_A, ACCESS_W, 512, 512 },
		{ N_E4, SHADOW_AD, EPT_LEAF, ACCESS_R, 512, 512 },
	};
	u64 i, j, before;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		regular(t[i].k, t[i].mode, t[i].flags, 64);
		for (j = 0; j < 512; j++)
			touch(j * 4096, t[i].access);
		CHECK(faults() <= t[i].most && faults() >= t[i].least);
		CHECK_EQ(check_root(root), 512);
		before = faults();
		for (j = 0; j < 512; j++)
			touch(j * 4096, t[i].access);
		CHECK_EQ(faults(), before);
	}
}

/* After L1's flush the same pages come back in a few faults. */
TEST(shadow_refills_after_a_flush)
{
	u64 i, j, before;
	bool fresh;

	regular(N_4, 0, NPT_LEAF, 64);
	for (j = 0; j < 512; j++)
		touch(j * 4096, ACCESS_W);
	for (i = 0; i < 3; i++) {
		shadow_drop_all(sh);
		CHECK(shadow_get(sh, &root12, 0, &fresh) == root && fresh);
		CHECK(!hit(0, ACCESS_R));
		before = faults();
		for (j = 0; j < 512; j++)
			touch(j * 4096, ACCESS_W);
		CHECK(faults() - before <= 8);
	}
}

static u64 entry12(u64 i)
{
	return rd_l1(LEAF_TABLE + i * 8, 8);
}

TEST(shadow_accessed_and_dirty)
{
	struct shadow_fault f;
	l1pa_t out;
	bool flush = false;

	regular(N_4, 0, NPT_LEAF, 64);
	touch(5 * 4096, ACCESS_R);
	CHECK_EQ(entry12(5) & (PT_A | PT_D), PT_A);
	CHECK_EQ(entry12(6) & (PT_A | PT_D), 0);
	CHECK(!hit(5 * 4096, ACCESS_W));
	CHECK_EQ(shadow_fault(sh, root, L2PA(5 * 4096),
			      ACCESS_W | SHADOW_KEEP_CLEAN, &f, &flush),
		 -EAGAIN);
	CHECK_EQ(entry12(5) & PT_D, 0);
	CHECK_EQ(shadow_fault(sh, root, L2PA(5 * 4096), ACCESS_W, &f, &flush),
		 0);
	CHECK(f.dirtied && !flush); /* more rights: no flush */
	CHECK_EQ(entry12(5) & PT_D, PT_D);
	CHECK_EQ(shadow_fault(sh, root, L2PA(5 * 4096),
			      ACCESS_W | SHADOW_KEEP_CLEAN, &f, &flush),
		 0);
	CHECK(!f.dirtied);
	CHECK_EQ(shadow_translate(sh, &root12, L2PA(7 * 4096 + 9), ACCESS_R,
				  &out, &f),
		 0);
	CHECK_EQ(out.v, PAGES_AT + 7 * 4096 + 9);
	CHECK_EQ(entry12(7) & (PT_A | PT_D), 0);
	CHECK_EQ(shadow_translate(sh, &root12, L2PA(7 * 4096), ACCESS_W, &out,
				  &f),
		 0);
	CHECK_EQ(entry12(7) & (PT_A | PT_D), PT_A | PT_D);
	CHECK_EQ(
		shadow_translate(sh, &root12, L2PA(GiB(1)), ACCESS_R, &out, &f),
		-EFAULT);
	CHECK_EQ(f.kind, SF_NOT_PRESENT);
}

/* Large in both stages: large in the folded table, and its neighbours too. */
TEST(shadow_large_pages)
{
	struct naive n;
	u64 i;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	for (i = 0; i < 512; i++)
		put12(TABLES + 2 * 4096 + i * 8,
		      GiB(1) + i * MiB(2) + (NPT_LEAF | PT_A | PT_D | PT_PS));
	for (i = 0; i < 512; i++)
		touch(i * MiB(2) + 12345, ACCESS_W);
	CHECK(faults() <= 32);
	n = naive_walk(&m02, shadow_root_hpa(root).v, MiB(7));
	CHECK(n.shift == 21 && n.addr == GiB(1) + MiB(7));
	CHECK_EQ(check_root(root), 512);
	/* L2's 2 MiB over L0's edge: small pages, L0 hidden. */
	put12(TABLES + 2 * 4096 + 3 * 8,
	      ALIGN_DOWN(L0_START, MiB(2)) + (NPT_LEAF | PT_A | PT_D | PT_PS));
	shadow_drop(sh, root);
	CHECK(shadow_get(sh, &root12, 0, &flushed) == root);
	for (i = 0; i < 512; i++)
		touch(MiB(6) + i * 4096, ACCESS_W);
	n = naive_walk(&m02, shadow_root_hpa(root).v, MiB(6) + KiB(20));
	CHECK(n.shift == 12 && n.addr == L0_START);
	check_root(root);
}

/* Neighbours are no reason to grow npt01: one GiB for the page touched. */
TEST(shadow_neighbours_leave_slat_alone)
{
	u64 i, before;

	regular(N_4, SHADOW_1G, NPT_LEAF | PT_A | PT_D, 64);
	for (i = 0; i < 16; i++)
		put12(TABLES + 2 * 4096 + i * 8,
		      BIT(35) + i * GiB(1) + (NPT_LEAF | PT_A | PT_D | PT_PS));
	slat.max_page = 2;
	before = slat.pages;
	touch(0, ACCESS_W);
	CHECK_EQ(slat.pages, before + 1);
	touch(MiB(2), ACCESS_W);
	CHECK_EQ(slat.pages, before + 2);
	check_root(root);
}

/* L1 takes a right away and flushes late: until then either is right; a
 * large page split under our feet is replaced, with a flush. */
TEST(shadow_stale_until_flushed)
{
	bool fresh;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	touch(0, ACCESS_W);
	put12(LEAF_TABLE, 0);
	CHECK(hit(0, ACCESS_W)); /* as a TLB */
	put12(LEAF_TABLE, MiB(8) + (NPT_LEAF | PT_A));
	shadow_drop_root(sh, L1PA(TABLES + 4096)); /* another's */
	shadow_drop_tag(sh, 99);
	CHECK(shadow_get(sh, &root12, 0, &fresh) == root && !fresh);
	CHECK(hit(0, ACCESS_W));
	shadow_drop_root(sh, L1PA(TABLES));
	CHECK(shadow_get(sh, &root12, 0, &fresh) == root && fresh);
	CHECK(!hit(0, ACCESS_R));
	touch(0, ACCESS_R);
	check_root(root);
}

/* A leaf that gives way to another one, or to one with less. */
TEST(shadow_replaced_leaf_flushes)
{
	static const struct {
		u64 before, after;
		bool flush;
	} t[] = {
		/* more rights: what is cached faults once more */
		{ MiB(2), MiB(2) | PT_W | PT_D, false },
		{ MiB(2) | PT_NX_BIT, MiB(2) | PT_W | PT_D, false },
		{ MiB(2), MiB(3) | PT_W | PT_D, true },
		{ MiB(2), MiB(2) | PT_W | PT_D | PT_NX_BIT, true },
		{ MiB(2), MiB(2) | PT_W | PT_D | PT_PCD, true },
	};

	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		regular(N_4, SHADOW_NX, NPT_LEAF | PT_A, 64);
		put12(LEAF_TABLE, t[i].before | PT_P | PT_U | PT_A);
		touch(0, ACCESS_R);
		put12(LEAF_TABLE, t[i].after | PT_P | PT_U | PT_A);
		flushed = false;
		touch(0, ACCESS_W);
		CHECK_EQ(flushed, t[i].flush);
		check_root(root);
	}
}

TEST(shadow_large_page_gives_way)
{
	u64 i;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	put12(TABLES + 2 * 4096, GiB(1) + (PT_P | PT_U | PT_A | PT_PS));
	touch(0, ACCESS_R);
	CHECK(!hit(0, ACCESS_W));
	put12(TABLES + 2 * 4096, LEAF_TABLE | 0x27);
	flushed = false;
	touch(0, ACCESS_W); /* more rights now, and another page */
	CHECK(flushed);
	for (i = 0; i < 512; i++)
		touch(i * 4096, ACCESS_W);
	CHECK_EQ(check_root(root), 512);
}

/* 4 KiB pages all over: the pool is small, all else still holds. */
TEST(shadow_pool_is_bounded)
{
	struct shadow_stats st;
	u64 i, round;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	for (i = 0; i < 512; i++) /* one leaf table, 1 GiB of L2 */
		put12(TABLES + 2 * 4096 + i * 8, LEAF_TABLE | 0x27);
	for (round = 0; round < 3; round++)
		for (i = 0; i < 512; i++) {
			u64 before;

			shadow_stats(sh, &st);
			before = st.recycled;
			flushed = false;
			touch(i * MiB(2) + (i % 512) * 4096, ACCESS_W);
			shadow_stats(sh, &st);
			CHECK(st.pages_used <= 64);
			/* its own tables: the processor may know them */
			CHECK(flushed == (st.recycled != before));
			if (i % 64 == 63)
				check_root(root);
		}
	CHECK(st.recycled > 1000);
	CHECK(st.faults < 3 * 512 + 1);
}

/* Upper tables only, no leaf table to recycle: L2's pages are far apart. */
TEST(shadow_pool_of_upper_tables)
{
	u64 i;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	for (i = 0; i < 512; i++) {
		put12(TABLES + i * 8, (TABLES + 4096) | 0x27);
		put12(TABLES + 4096 + i * 8, (TABLES + 2 * 4096) | 0x27);
		put12(TABLES + 2 * 4096 + i * 8,
		      GiB(1) + (NPT_LEAF | PT_A | PT_D | PT_PS));
	}
	for (i = 0; i < 2000; i++)
		touch(rnd(BIT(48)) & ~4095ull, ACCESS_W);
	CHECK(check_root(root) > 0);
}

/* The same with 5 levels, all over the 57 bits, and a leaf table now and then,
 * so that both kinds are given back; what remains is right. */
TEST(shadow_pool_of_5_levels)
{
	struct shadow_stats st;
	u64 i, gpa;

	regular(N_E4, 0, EPT_LEAF, 64);
	mode12(N_E5, 0);
	root = shadow_get(sh, &root12, 0, &flushed);
	for (i = 0; i < 512; i++) {
		put12(TABLES + i * 8, (TABLES + 4096) | 7);
		put12(TABLES + 4096 + i * 8, (TABLES + 2 * 4096) | 7);
		put12(TABLES + 2 * 4096 + i * 8, (TABLES + 4 * 4096) | 7);
		put12(TABLES + 4 * 4096 + i * 8,
		      i % 2 ? LEAF_TABLE | 7 : GiB(1) + (EPT_LEAF | EPT_PS));
	}
	for (i = 0; i < 2000; i++) {
		gpa = rnd(BIT(57)) & ~4095ull;
		touch(gpa, ACCESS_W);
		shadow_stats(sh, &st);
		CHECK(st.pages_used <= 64);
		if (i % 100 == 99)
			CHECK(check_root(root) > 0);
	}
	CHECK(st.recycled + st.drops > 100);
}

/* Several roots stay alive; the one unused for longest goes first, and a root
 * whose tables were taken must be flushed when it comes back. */
TEST(shadow_roots)
{
	struct shadow_root *r[20];
	struct nested_root n;
	bool fresh;
	u32 i;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	n = root12;
	for (i = 0; i < 16; i++) {
		r[i] = shadow_get(sh, &n, i, &fresh);
		root = r[i];
		touch(0, ACCESS_W);
		CHECK(fresh == (i != 0));
	}
	/* 16 roots of 3 tables each fill 48 of 48: some were thinned out. */
	for (i = 0; i < 16; i++) {
		root = r[i];
		CHECK(shadow_get(sh, &n, i, &fresh) == r[i]);
		CHECK(fresh != hit(0, ACCESS_W));
		touch(4096, ACCESS_W); /* not into a table it lost */
		check_root(r[i]);
	}
	r[16] = shadow_get(sh, &n, 16, &fresh);
	CHECK(r[16] == r[0] && fresh);
	CHECK(shadow_get(sh, &n, 1, &fresh) == r[1]);
	r[17] = shadow_get(sh, &n, 0, &fresh);
	CHECK(r[17] == r[2] && fresh);
	n.pat ^= 1;
	CHECK(shadow_get(sh, &n, 1, &fresh) != r[1]);
}

/* One table of L1's as a 4- and as a 5-level one: two roots, which both go with
 * the address, and a new key of the other depth leaves nothing behind. */
TEST(shadow_roots_of_both_depths)
{
	struct shadow_root *four, *five;
	bool fresh;
	u32 i;

	regular(N_E4, 0, EPT_LEAF, 128);
	four = root;
	touch(4096, ACCESS_W);
	mode12(N_E5, 0);
	put12(TABLES + 3 * 8, TABLES | 7); /* a level more, from there on */
	root = five = shadow_get(sh, &root12, 0, &fresh);
	CHECK(five != four && fresh);
	CHECK(!hit(3 * BIT(48) + 4096, ACCESS_R));
	touch(3 * BIT(48) + 4096, ACCESS_W);
	check_root(five);
	mode12(N_E4, 0);
	root = four;
	CHECK(shadow_get(sh, &root12, 0, &fresh) == four && !fresh);
	CHECK(hit(4096, ACCESS_W));
	shadow_drop_root(sh, L1PA(TABLES));
	CHECK(shadow_get(sh, &root12, 0, &fresh) == four && fresh);
	mode12(N_E5, 0);
	CHECK(shadow_get(sh, &root12, 0, &fresh) == five && fresh);
	mode12(N_E4, 0);
	for (i = 1; i < 40; i++) { /* tags of no use, to turn roots over */
		root12.flags = i & 1 ? SHADOW_1G : 0;
		root = shadow_get(sh, &root12, i, &fresh);
		CHECK(fresh && shadow_root_fmt(root) == &pt_ept_4);
		touch(4096, ACCESS_W);
		check_root(root);
	}
}

/* Two roots in turn: both stay as they are. */
TEST(shadow_roots_in_turn)
{
	struct nested_root other;
	struct shadow_root *a, *b;
	bool fresh;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	a = root;
	other = root12;
	other.flags = SHADOW_NX;
	b = shadow_get(sh, &other, 0, &fresh);
	CHECK(b != a && fresh);
	for (u32 i = 0; i < 40; i++) {
		CHECK(shadow_get(sh, &root12, 0, &fresh) == a && !fresh);
		CHECK(shadow_get(sh, &other, 0, &fresh) == b && !fresh);
	}
}

/* L0 gives L1 another page for one of its tables. */
TEST(shadow_tables_follow_slat)
{
	struct naive n;
	bool fresh;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	touch(4096, ACCESS_W);
	memcpy(unit_memory + MiB(9), unit_memory + LEAF_TABLE, 4096);
	put12(MiB(9) + 8, MiB(3) + (NPT_LEAF | PT_A | PT_D));
	CHECK_EQ(slat_protect(&slat, L1PA(LEAF_TABLE), HPA(MiB(9)), RWX), 0);
	CHECK(shadow_get(sh, &root12, 0, &fresh) == root && fresh);
	touch(4096, ACCESS_W);
	n = naive_walk(&m02, shadow_root_hpa(root).v, 4096);
	CHECK_EQ(n.addr, MiB(3));
}

/* Nobody has told of L0's PAT: that of a reset. */
TEST(shadow_pat_of_a_reset)
{
	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	root12.pat = 0x0001040500070406; /* WC, WT, WP in the upper half */
	root = shadow_get(sh, &root12, 0, &flushed);
	for (u32 i = 0; i < 8; i++)
		put12(LEAF_TABLE + i * 8,
		      (PAGES_AT + i * 4096) | NPT_LEAF | PT_A | PT_D |
			      (i & 1 ? PT_PWT : 0) | (i & 2 ? PT_PCD : 0) |
			      (i & 4 ? PT_PAT_4K : 0));
	touch(0, ACCESS_W);
	CHECK(check_root(root) >= 8);
}

/* A change of npt01 reaches what was folded before. */
TEST(shadow_follows_slat)
{
	struct shadow_fault f;
	bool fresh;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	touch(4096, ACCESS_W);
	CHECK_EQ(slat_protect(&slat, L1PA(PAGES_AT + 4096),
			      HPA(PAGES_AT + 4096), ACCESS_R),
		 0);
	CHECK(shadow_get(sh, &root12, 0, &fresh) == root && fresh);
	touch(4096, ACCESS_R);
	CHECK(!hit(4096, ACCESS_W));
	CHECK_EQ(shadow_fault(sh, root, L2PA(4096), ACCESS_W, &f, &flushed),
		 -EPERM);
	CHECK_EQ(f.l1pa.v, PAGES_AT + 4096);
	touch(2 * 4096, ACCESS_W);
	/* Found by a fault, too, if L2 was not left in between. */
	flushed = false;
	CHECK_EQ(slat_protect(&slat, L1PA(PAGES_AT + 2 * 4096), HPA(PAGES_AT),
			      0),
		 0);
	touch(300 * 4096, ACCESS_W);
	CHECK(flushed && !hit(2 * 4096, ACCESS_R));
}

/* L1's tables where there is no memory, or in what L0 hides. */
TEST(shadow_tables_out_of_place)
{
	struct shadow_fault f;

	regular(N_4, 0, NPT_LEAF | PT_A | PT_D, 64);
	put12(TABLES, MMIO | 0x27);
	CHECK_EQ(shadow_fault(sh, root, L2PA(0), ACCESS_R, &f, &flushed),
		 -EFAULT);
	CHECK(f.kind == SF_RESERVED && f.entry == ~0ull);
	/* L0's memory reads as the scratch page; only that may change. */
	memset(hpa_ptr(HPA(L0_START)), 0, 4096);
	put12(L0_START, (TABLES + 2 * 4096) | 7); /* scratch, entry 0 */
	put12(TABLES, (L0_START + MiB(4)) | 0x27);
	touch(0, ACCESS_W);
	CHECK_EQ(rd_host(POOL, 8) == 0, false);
	CHECK_EQ(rd_l1(L0_START, 8), (TABLES + 2 * 4096) | 0x27);
	check_root(root);
}

TEST(shadow_refuses_a_small_pool)
{
	machine(true, 3);
	CHECK_EQ(shadow_init(&sh, &vm, &pt_ept_4, 63), -EINVAL);
	CHECK_EQ(shadow_init(&sh, &vm, &pt_ept_4, 100000), -ENOMEM);
}
