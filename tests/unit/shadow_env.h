/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the shadow engine's tests share: a toy machine, L1's random tables, and
 * what must hold of a folded leaf. Included by one file a program.
 */
#ifndef TESTS_UNIT_SHADOW_ENV_H
#define TESTS_UNIT_SHADOW_ENV_H

#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/msr.h"
#include "core/vcpu.h"
#include "mm/fold.h"
#include "mm/guest.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/shadow.h"
#include "mm/slat.h"
#include "tests/unit/naive.h"

/*
 * Toy machine: 48 MiB of memory, L0 in the middle, RAM of L1's on both sides,
 * some of it write-through, write-combining and write-protected, an uncached
 * hole at 3 GiB. L1's nested tables are random, in TABLES.
 */
#define MEMORY MiB(48)
#define L0_START (MiB(20) + KiB(16))
#define L0_LEN MiB(12)
#define POOL (L0_START + KiB(4))
#define POOL_LEN (L0_LEN - KiB(4))
#define MMIO GiB(3)
#define WATCHED 0xfee00000ull
#define NR_WATCHED 3
static u32 watched[NR_WATCHED] = { ACCESS_R, ACCESS_R | ACCESS_W,
				   ACCESS_R | ACCESS_X };
#define TABLES MiB(1)
#define NR_TABLES 24u
#define PHYS_BITS 36
#define PAT_AT_RESET 0x0007040600070406ull
#define RWX (ACCESS_R | ACCESS_W | ACCESS_X)

static struct vm vm;
static struct slat slat;
static struct mtrr_state mtrr;
static struct shadow *sh;
static struct nested_root root12;
static struct naive_mode m12, m02;
static u64 host_pat;		       /* that the folded table is used with */
static enum naive_kind host_npt = N_4; /* L0's own paging mode */

/* The entries that the last walks read. */
static struct {
	u64 pa[8];
	u32 n;
} walked;

/* L1's tables as the naive walker is to see them, NULL: as they are. */
static const u8 *tables_were;

/* What a read of L1's memory gives. */
static inline u64 rd_l1(u64 pa, unsigned size)
{
	u64 v = 0;

	walked.pa[walked.n++ % ARRAY_SIZE(walked.pa)] = pa;
	if (pa >= L0_START && pa < L0_START + L0_LEN)
		pa = L0_START + (pa & 0xfff); /* scratch: L0's first page */
	if (pa + size > MEMORY)
		return size == 8 ? ~0ull : 0xffffffff;
	if (tables_were && pa - TABLES < NR_TABLES * 4096)
		memcpy(&v, tables_were + (pa - TABLES), size);
	else
		memcpy(&v, unit_memory + pa, size);
	return v;
}

static inline u64 rd_host(u64 pa, unsigned size)
{
	u64 v = 0;

	CHECK(pa >= POOL && pa + size <= POOL + POOL_LEN);
	memcpy(&v, unit_memory + pa, size);
	return v;
}

static inline void mtrr_put(u32 msr, u64 v)
{
	CHECK_EQ(mtrr_set(&mtrr, msr, v), 0);
}

static const struct pt_format *const formats[] = {
	[N_32] = &pt_npt_32, [N_PAE] = &pt_npt_pae, [N_4] = &pt_npt_4,
	[N_5] = &pt_npt_5,   [N_E4] = &pt_ept_4,    [N_E5] = &pt_ept_5,
};

static inline void machine(bool ept, u32 max_page)
{
	unit_memory_init(MEMORY);
	page_init(HPA(POOL), POOL_LEN);
	host_pat = PAT_AT_RESET;
	memset(&mtrr, 0, sizeof(mtrr));
	mtrr.phys_bits = PHYS_BITS;
	mtrr_put(MSR_MTRR_CAP, BIT(8) | 8);
	mtrr_put(MSR_MTRR_DEF_TYPE, BIT(11) | MT_WB);
	mtrr_put(MSR_MTRR_PHYSBASE0, MMIO | MT_UC);
	mtrr_put(MSR_MTRR_PHYSBASE0 + 1,
		 (BITS(PHYS_BITS - 1, 0) & ~(GiB(1) - 1)) | BIT(11));
	mtrr_put(MSR_MTRR_PHYSBASE0 + 2, MiB(40) | MT_WT);
	mtrr_put(MSR_MTRR_PHYSBASE0 + 3,
		 (BITS(PHYS_BITS - 1, 0) & ~(MiB(4) - 1)) | BIT(11));
	mtrr_put(MSR_MTRR_PHYSBASE0 + 4, MiB(44) | MT_WC);
	mtrr_put(MSR_MTRR_PHYSBASE0 + 5,
		 (BITS(PHYS_BITS - 1, 0) & ~(MiB(2) - 1)) | BIT(11));
	mtrr_put(MSR_MTRR_PHYSBASE0 + 6, MiB(46) | MT_WP);
	mtrr_put(MSR_MTRR_PHYSBASE0 + 7,
		 (BITS(PHYS_BITS - 1, 0) & ~(MiB(1) - 1)) | BIT(11));
	memset(&vm, 0, sizeof(vm));
	memset(&slat, 0, sizeof(slat));
	vm.map.n = 2;
	vm.map.r[0] = (struct mem_region){ 0, L0_START, MEM_RAM };
	vm.map.r[1] =
		(struct mem_region){ L0_START + L0_LEN,
				     MEMORY - L0_START - L0_LEN, MEM_RAM };
	vm.l0_start = HPA(L0_START);
	vm.l0_len = L0_LEN;
	vm.scratch = HPA(L0_START);
	vm.slat = &slat;
	slat.fmt = ept ? &pt_ept_4 : formats[host_npt];
	slat.max_page = max_page;
	slat.mtrr = &mtrr;
	slat.phys_bits = PHYS_BITS;
	CHECK_EQ(slat_build(&slat, &vm.map, vm.l0_start, vm.l0_len, vm.scratch),
		 0);
	for (u32 i = 0; i < NR_WATCHED; i++)
		CHECK_EQ(slat_protect(&slat, L1PA(WATCHED + i * PAGE_SIZE),
				      HPA(WATCHED + i * PAGE_SIZE), watched[i]),
			 0);
	m02 = (struct naive_mode){ .kind = ept ? N_E4 : host_npt,
				   .amd = true,
				   .nx = true,
				   .has_1g = true,
				   .xo = true,
				   .mbe = true,
				   .phys_bits = PHYS_BITS,
				   .rd = rd_host };
}

static inline bool is_ept(enum naive_kind k)
{
	return k >= N_E4;
}

/* The format of the folded table. */
static inline const struct pt_format *fmt02(void)
{
	return formats[m02.kind];
}

/* L1's mode: format @k under the SHADOW_* in @flags. EPT is folded into its
 * like, NPT into what L0 uses itself. */
static inline void mode12(enum naive_kind k, u64 flags)
{
	root12 = (struct nested_root){ .fmt = formats[k],
				       .root = L1PA(TABLES),
				       .flags = flags,
				       .pat = is_ept(k) ? 0
							: 0x0007010600070406 };
	m12 = (struct naive_mode){ .kind = k,
				   .amd = !is_ept(k),
				   .nx = flags & SHADOW_NX,
				   .pse = flags & SHADOW_PSE,
				   .has_1g = flags & SHADOW_1G,
				   .ad = flags & SHADOW_AD,
				   .xo = flags & SHADOW_XO,
				   .mbe = flags & SHADOW_MBE,
				   .phys_bits = PHYS_BITS,
				   .rd = rd_l1 };
	m02.kind = is_ept(k) ? k : host_npt;
}

/* ------------------------------------------------------------------------ */
/* Random tables.							     */

static inline u64 rnd(u64 n)
{
	return unit_random() % n;
}

/*
 * Half of the rounds are calm: tables keep to one level each, and what is
 * forbidden is rare. In the others any table may be met at any level.
 */
static bool calm;
static u32 level; /* calm: of the table that is being filled */

static inline bool rare(u64 n)
{
	return rnd(calm ? 16 * n : n) == 0;
}

static inline u32 level_of(u32 t)
{
	u32 levels = formats[m12.kind]->levels;

	return levels - t % levels; /* table 0 is the root */
}

static inline u64 random_table(void)
{
	u32 t;

	if (rare(40))
		return MMIO + rnd(16) * 4096;
	if (rare(40))
		return L0_START + rnd(8) * 4096;
	if (rare(40))
		return BIT(PHYS_BITS - 1) + rnd(8) * 4096;
	do
		t = (u32)rnd(NR_TABLES);
	while (calm && level > 1 && level_of(t) != level - 1);
	return TABLES + t * 4096;
}

static inline bool random_leaf(void)
{
	if (!calm)
		return rnd(4) == 0;
	return level == 1 || (level == 2 && rnd(3) == 0) ||
	       (level == 3 && m12.has_1g && rnd(6) == 0);
}

static inline u64 random_page(void)
{
	switch (rnd(12)) {
	case 0:
		return MMIO + rnd(4096) * 4096;
	case 1:
		return L0_START + rnd(L0_LEN / 4096) * 4096;
	case 2:
		return WATCHED + rnd(NR_WATCHED) * PAGE_SIZE;
	case 3:
		return rnd(slat.max_page > 1 ? BIT(PHYS_BITS - 12) : 1024) *
		       4096;
	case 4:
		return L0_START + L0_LEN + rnd(16) * 4096;
	default:
		return rnd(MEMORY / 4096) * 4096;
	}
}

/* @e as a large page's: the low bits of the address mostly clear. */
static inline u64 align_leaf(u64 e, u64 low)
{
	if (calm && level < 2)
		return e;
	if (rare(8))
		return e;
	return e & ~(calm && level == 3 ? low | BITS(29, 21) : low);
}

static inline u64 random_x86(bool small)
{
	bool leaf = random_leaf();
	u64 e = leaf ? random_page() : random_table();

	if (small)
		e &= 0xfffff000;
	e |= unit_random() & 0x7f; /* P W U PWT PCD A D */
	if (rnd(8))
		e |= 1 | 4;
	if (rnd(2))
		e |= 0x22;
	if (leaf) {
		if (!calm || level > 1 || rnd(2))
			e |= 0x80;
		e = align_leaf(e, small ? 0x3fe000 : 0x1fe000);
	}
	if (rare(12)) /* global: nothing in a leaf, reserved high up */
		e |= BIT(8);
	if (m12.nx && !small && rnd(8) == 0)
		e |= BIT(63);
	if (!small && rare(40))
		e |= BIT(PHYS_BITS + rnd(64 - PHYS_BITS));
	return e;
}

static inline u64 random_ept(void)
{
	static const u8 types[] = { 0, 1, 4, 5, 6, 6, 6, 6 };
	bool leaf = random_leaf();
	u64 e = leaf ? random_page() : random_table();

	if (rare(6))
		e |= rnd(8);
	else
		e |= "\7\7\7\7\3\5\1"[rnd(7)];
	if (m12.xo && rnd(8) == 0)
		e = (e & ~7ull) | 4;
	e |= unit_random() & (EPT_A | EPT_D | EPT_XU | BIT(63));
	if (rnd(2))
		e |= EPT_A | EPT_XU;
	if (leaf) {
		if (!calm || level > 1 || rnd(2))
			e |= 0x80;
		e |= (u64)types[rnd(8)] << 3 | (rnd(2) ? EPT_IPAT : 0);
		e = align_leaf(e, 0x1ff000);
	} else if (rare(4)) { /* a page, if at the last level */
		e |= (u64)types[rnd(8)] << 3;
	}
	if (rare(40))
		e |= BIT(PHYS_BITS + rnd(52 - PHYS_BITS));
	if (rare(40))
		e |= rnd(8) << 3;
	return e;
}

static inline void put12(u64 pa, u64 e)
{
	memcpy(unit_memory + pa, &e, m12.kind == N_32 ? 4 : 8);
}

static inline u64 random_entry(u32 table)
{
	if (rnd(12) == 0)
		return 0;
	level = level_of(table);
	if (is_ept(m12.kind))
		return random_ept();
	if (m12.kind == N_PAE && (table == 0 || (calm && level == 3)))
		return rare(8) ? random_x86(false) : random_table() | 1;
	return random_x86(m12.kind == N_32);
}

/*
 * Fill the tables. Only the first 16 and the last 8 entries of each are used,
 * and a run of 64 leaves in every third, so that walks meet.
 */
static inline void random_tables(void)
{
	u32 size = m12.kind == N_32 ? 4 : 8, n = 4096 / size, t, i;

	memset(unit_memory + TABLES, 0, NR_TABLES * 4096);
	for (t = 0; t < NR_TABLES; t++)
		for (i = 0; i < n; i++) {
			if (i >= (t % 3 ? 16 : 64) && i < n - 8)
				continue;
			put12(TABLES + t * 4096 + i * size, random_entry(t));
		}
}

static inline u64 random_gpa(void)
{
	static const u8 width[] = { 32, 32, 48, 57, 48, 57 };
	u64 gpa = 0;
	u32 l;

	for (l = 0; l < formats[m12.kind]->levels; l++) {
		const struct pt_level *p = &formats[m12.kind]->level[l + 1];
		u64 idx = rnd(3) ? rnd(16) : rnd(2) ? rnd(64) : ~rnd(8);

		gpa |= (idx & ((1u << p->bits) - 1)) << p->shift;
	}
	if (rnd(64) == 0)
		gpa |= BIT(width[m12.kind]);
	if (formats[m12.kind]->levels > fmt02()->levels)
		gpa &= rnd(16) ? BITS(47, 0) : ~0ull;
	return gpa | rnd(4096);
}

/* ------------------------------------------------------------------------ */
/* What must hold.							     */

static inline u64 host_of(u64 l1pa)
{
	if (l1pa >= L0_START && l1pa < L0_START + L0_LEN)
		return L0_START + (l1pa & 0xfff);
	return l1pa;
}

static inline u32 host_access(u64 l1pa)
{
	u64 i = (l1pa - WATCHED) / PAGE_SIZE;

	return i < NR_WATCHED ? watched[i] : RWX;
}

static inline u64 pat_of(u64 pat, u64 e, bool large)
{
	u32 i = (e >> 3 & 1) | (e >> 4 & 1) << 1 |
		(e >> (large ? 12 : 7) & 1) << 2;

	return pat >> (8 * i) & 7;
}

/* SDM 3A, Effective Page-Level Memory Types: MTRRs' @t01 under PAT's @t12. */
static inline u64 naive_type(enum memory_type t01, u64 t12)
{
	if (t12 == MT_WB)
		return t01;
	if (t12 == MT_UC || t12 == MT_WC)
		return t12;
	return t01 == MT_UC || t01 == MT_WC ? MT_UC : t12;
}

/* Now and then as after a reset, else eight types that exist. */
static inline u64 random_pat(void)
{
	static const u8 types[] = { MT_UC, MT_WC, MT_WT,
				    MT_WP, MT_WB, MT_UC_MINUS };
	u64 pat = 0;

	if (rnd(3) == 0)
		return PAT_AT_RESET;
	for (u32 i = 0; i < 8; i++)
		pat = pat << 8 | types[rnd(rnd(2) ? 6 : 3)];
	return pat;
}

/* L1's PAT and L0's, which the processor uses for the folded table. */
static inline void random_pats(void)
{
	if (is_ept(m12.kind))
		return;
	root12.pat = random_pat();
	host_pat = random_pat();
	shadow_host_pat(sh, host_pat);
}

static inline bool pat_has(u64 pat, u64 type)
{
	for (u32 i = 0; i < 8; i++)
		if ((pat >> (8 * i) & 7) == type)
			return true;
	return false;
}

/*
 * The entry of L1's PAT that @n12 selects, @want, by an entry of L0's that has
 * the same type; if there is none, by one that caches no more.
 */
static inline bool npt_type_fits(u64 want, u64 got)
{
	if (pat_has(host_pat, want))
		return got == want;
	if (pat_has(host_pat, MT_UC))
		return got == MT_UC;
	if (pat_has(host_pat, MT_UC_MINUS))
		return got == MT_UC_MINUS;
	return got == MT_WC || !pat_has(host_pat, MT_WC);
}

/* Is the folded leaf's memory type what L1's leaf and the machine make? */
static inline bool type_fits(const struct naive *n12, const struct naive *n02)
{
	bool hidden = n12->addr >= L0_START && n12->addr < L0_START + L0_LEN;
	enum memory_type t01;
	u64 end;

	if (!is_ept(m12.kind))
		return npt_type_fits(
			pat_of(root12.pat, n12->leaf, n12->shift > 12),
			pat_of(host_pat, n02->leaf, n02->shift > 12));
	t01 = hidden ? MT_WB : mtrr_type(&mtrr, n12->addr, &end);
	return (n02->leaf >> 3 & 7) == naive_type(t01, n12->leaf >> 3 & 7) &&
	       !((n02->leaf ^ n12->leaf) & EPT_IPAT);
}

static inline bool allowed(const struct naive *n, u32 access)
{
	if (is_ept(m12.kind)) {
		bool x = m12.mbe && (access & ACCESS_U) ? n->xu : n->x;

		return !((access & ACCESS_R) && !n->r) &&
		       !((access & ACCESS_W) && !n->w) &&
		       !((access & ACCESS_X) && !x);
	}
	return n->u && !((access & ACCESS_W) && !n->w) &&
	       !((access & ACCESS_X) && !n->x);
}

static inline u32 naive_rights(const struct naive *n)
{
	u32 u = is_ept(m12.kind) ? n->xu : n->u;

	return (n->r ? ACCESS_R : 0) | (n->w ? ACCESS_W : 0) |
	       (n->x ? ACCESS_X : 0) | (u ? ACCESS_U : 0);
}

/* What shadow_fault() said of an access that L1's tables refuse. */
static inline void check_fault(const struct naive *n, u32 access,
			       const struct shadow_fault *f)
{
	u32 kind = n->res == NAIVE_NP	 ? SF_NOT_PRESENT
		   : n->res == NAIVE_RSV ? SF_RESERVED
					 : SF_RIGHTS;

	if (n->res == NAIVE_OK)
		CHECK(!allowed(n, access));
	CHECK_EQ(f->kind, kind);
	CHECK_EQ(f->level, n->level);
	CHECK_EQ(f->rights, naive_rights(n));
	CHECK_EQ(f->entry, n->leaf);
}

static inline u32 random_access(void)
{
	static const u8 a[] = { ACCESS_R, ACCESS_W, ACCESS_R | ACCESS_W,
				ACCESS_X, ACCESS_X | ACCESS_U };

	return a[rnd(5)];
}

/* Half of the time near the address before, as real faults come. */
static inline u64 next_gpa(u64 last)
{
	if (rnd(2))
		return random_gpa();
	return (last & ~BITS(20, 12)) | rnd(rnd(2) ? 16 : 64) << 12;
}

/* L1 writes to its tables and does not invalidate. */
static inline void random_change(void)
{
	u32 size = m12.kind == N_32 ? 4 : 8, t = (u32)rnd(NR_TABLES);

	put12(TABLES + t * 4096 + rnd(16) * size, random_entry(t));
}

#endif
