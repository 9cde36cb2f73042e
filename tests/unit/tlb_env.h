/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What L2 may see: L1's tables as they were since each flush, and a processor
 * that has a TLB and a cache of where leaf tables are. Included by one file a
 * program, which says how many tables of L1's there are under one tag each
 * (NR_KEYS).
 */
#ifndef TESTS_UNIT_TLB_ENV_H
#define TESTS_UNIT_TLB_ENV_H

#include "tests/unit/shadow_env.h"

#define NR_TABLES12 4u /* roots of L1's */
#define NR_SNAPS 96u
#define NR_HOT 32u

/* L1's tables as they once were. */
static struct snap {
	u8 t[NR_TABLES * 4096];
	bool racing; /* not all flags are set yet that L0 is setting */
} snap[NR_SNAPS];
static u32 now; /* the last */

/* A table of L1's under a tag and a PAT. */
static struct key {
	struct nested_root n;
	u64 tag;
	u32 since;	       /* the oldest snapshot that may still be seen */
	bool dropped;	       /* and not entered since */
	struct shadow_root *r; /* where it is, if it still is */
} key[NR_KEYS], *cur;
static u32 nr_keys;

static u64 hot[NR_HOT];
static struct {
	u32 tlb, stale, flushes;
} seen;

/* ------------------------------------------------------------------------ */
/* The past.								     */

static inline void remember(bool racing)
{
	now++;
	CHECK(now < NR_SNAPS);
	memcpy(snap[now].t, unit_memory + TABLES, sizeof(snap[now].t));
	snap[now].racing = racing;
}

/* L0 has set accessed and dirty flags in the tables, and that is all. */
static inline void check_tables(void)
{
	u64 may = is_ept(m12.kind) ? (m12.ad ? EPT_A | EPT_D : 0) : PT_A | PT_D;
	const u8 *was = snap[now].t, *is = unit_memory + TABLES;
	u32 size = m12.kind == N_32 ? 4 : 8, i;

	if (!memcmp(was, is, sizeof(snap[now].t)))
		return;
	for (i = 0; i < sizeof(snap[now].t); i += size) {
		u64 a = 0, b = 0;

		memcpy(&a, was + i, size);
		memcpy(&b, is + i, size);
		CHECK_EQ((a ^ b) & ~may, 0);
		CHECK_EQ(a & ~b, 0);
	}
}

static inline struct naive walk12_at(const struct key *k, u32 at, u64 gpa)
{
	struct naive n;

	tables_were = snap[at].t;
	walked.n = 0;
	if (gpa >> formats[m02.kind]->in_bits)
		n = (struct naive){ .res = NAIVE_NP,
				    .level = formats[m12.kind]->levels };
	else
		n = naive_walk(&m12, k->n.root.v, gpa);
	tables_were = NULL;
	return n;
}

/* Is the folded leaf @n02 what L1's tables said at @at? */
static bool said(const struct key *k, u32 at, u64 gpa, const struct naive *n02)
{
	struct naive n = walk12_at(k, at, gpa);
	bool w, racing = snap[at].racing;
	u32 a;

	if (n.res != NAIVE_OK)
		return false;
	a = host_access(n.addr);
	w = n.w && (a & ACCESS_W) && (n.dirty || racing);
	if (n02->addr != host_of(n.addr) || n02->shift > n.shift ||
	    (racing ? n02->w > w : n02->w != w) ||
	    n02->x != (n.x && (a & ACCESS_X)) || (!n.accessed && !racing))
		return false;
	if (is_ept(m12.kind) &&
	    (n02->r != n.r || n02->xu != (n.xu && (a & ACCESS_X))))
		return false;
	root12 = k->n;
	return (is_ept(m12.kind) || n.u) && type_fits(&n, n02);
}

/* May L2 see @n02 at @gpa? */
static bool permitted(const struct key *k, u64 gpa, const struct naive *n02)
{
	u32 at = now;

	if (n02->res != NAIVE_OK)
		return false;
	for (;; at--) {
		if (said(k, at, gpa, n02)) {
			seen.stale += at != now;
			return true;
		}
		if (at == k->since)
			return false;
	}
}

/* ------------------------------------------------------------------------ */
/* The processor: a TLB, and a cache of where tables of leaves are.	     */

#define NR_TLB 32u

static struct tlb {
	u64 tag; /* 0: not used */
	u64 gpa;
	struct naive n; /* a leaf */
	u64 table;	/* or a table of leaves */
} tlb[NR_TLB];

static inline u32 tlb_shift(const struct tlb *t)
{
	return t->table ? 21 : t->n.shift;
}

static inline struct tlb *tlb_find(u64 tag, u64 gpa, bool table)
{
	for (u32 i = 0; i < NR_TLB; i++)
		if (tlb[i].tag == tag && !!tlb[i].table == table &&
		    (tlb[i].gpa ^ gpa) >> tlb_shift(&tlb[i]) == 0)
			return &tlb[i];
	return NULL;
}

/* All of @tag's; @gpa: what translates that address. */
static inline void tlb_flush(u64 tag, const u64 *gpa)
{
	for (u32 i = 0; i < NR_TLB; i++)
		if (tlb[i].tag == tag &&
		    (!gpa || (tlb[i].gpa ^ *gpa) >> tlb_shift(&tlb[i]) == 0))
			tlb[i].tag = 0;
}

static inline void tlb_add(u64 tag, u64 gpa, struct naive n, u64 table)
{
	tlb[rnd(NR_TLB)] = (struct tlb){ tag, gpa, n, table };
}

/* The page at which a read of the last entry of a walk was. */
static u64 read02;

static inline u64 rd_host_noted(u64 pa, unsigned size)
{
	read02 = pa & ~4095ull;
	return rd_host(pa, size);
}

/* Entry @e of a leaf table of the folded table, reached with all rights. */
static inline struct naive leaf02(u64 e, u64 gpa)
{
	bool ept = is_ept(m02.kind);

	return (struct naive){
		.res = ept ? (e & (7 | EPT_XU) ? NAIVE_OK : NAIVE_NP)
			   : (e & 1 ? NAIVE_OK : NAIVE_NP),
		.addr = (e & NAIVE_ADDR) | (gpa & 4095),
		.r = ept ? e & 1 : true,
		.w = e >> 1 & 1,
		.x = ept ? e >> 2 & 1 : !(e >> 63),
		.u = ept || (e >> 2 & 1),
		.xu = !ept || (e >> 10 & 1),
		.level = 1,
		.shift = 12,
		.leaf = e,
	};
}

/* Through the folded table, or from a table of leaves that is cached. */
static inline struct naive walk02(u64 tag, u64 root, u64 gpa)
{
	struct tlb *t = rnd(2) ? tlb_find(tag, gpa, true) : NULL;
	struct naive n;

	if (t)
		return leaf02(rd_host(t->table + (gpa >> 12 & 511) * 8, 8),
			      gpa);
	m02.rd = rd_host_noted;
	n = naive_walk(&m02, root, gpa);
	m02.rd = rd_host;
	if (n.level == 1 && n.shift == 12 && rnd(2))
		tlb_add(tag, gpa, n, read02);
	return n;
}

/* ------------------------------------------------------------------------ */
/* L1.									     */

static inline u64 root_at(u32 i)
{
	if (m12.kind == N_PAE)
		return TABLES + i * 32;
	return TABLES + i * formats[m12.kind]->levels * 4096;
}

static inline void set_since(struct key *k)
{
	k->since = now;
	k->dropped = true;
	seen.flushes++;
}

static inline void dropped_all(void)
{
	for (u32 i = 0; i < nr_keys; i++)
		set_since(&key[i]);
}

static inline u64 entry_at(u64 pa)
{
	u64 e = 0;

	memcpy(&e, unit_memory + pa, m12.kind == N_32 ? 4 : 8);
	return e;
}

/* Some entry on the way to @gpa. */
static inline u64 entry_to(const struct key *k, u64 gpa)
{
	u64 pa;

	walk12_at(k, now, gpa);
	pa = walked.n ? walked.pa[rnd(MIN(walked.n, 5u))] : TABLES;
	if (pa - TABLES >= NR_TABLES * 4096)
		pa = TABLES + rnd(NR_TABLES) * 4096 + rnd(16) * 8;
	return pa;
}

/* ... to a page that L2 uses. */
static inline u64 some_entry(void)
{
	return entry_to(&key[rnd(nr_keys)], hot[rnd(NR_HOT)]);
}

static inline void edit(u64 pa)
{
	bool ept = is_ept(m12.kind);
	u64 e = entry_at(pa);

	switch (rnd(9)) {
	case 0:
		e = random_entry((u32)((pa - TABLES) / 4096));
		break;
	case 1:
		e &= ~(ept ? 7ull | EPT_XU : PT_P);
		break;
	case 2:
		e |= ept ? 7ull : PT_P | PT_U;
		break;
	case 3:
		e ^= PT_W;
		break;
	case 4:
		e &= ~(ept ? EPT_D : PT_D);
		break;
	case 5:
		e &= ~(ept ? EPT_A : PT_A);
		break;
	case 6: /* another page, or another table, of the same kind */
		e = entry_at((pa & ~4095ull) + rnd(16) * 8);
		break;
	case 8: /* another memory type, one that does not exist for EPT */
		e ^= rnd(4) << 3;
		break;
	case 7:
		e ^= ept ? EPT_X : (m12.nx ? PT_NX_BIT : PT_PWT);
		break;
	}
	put12(pa, e);
}

/* Pages that L2 uses: mostly such as are mapped. */
static inline void choose_hot(void)
{
	u64 gpa = 0;

	for (u32 i = 0; i < NR_HOT; i++)
		for (u32 j = 0; j < 64; j++) {
			struct naive n;

			hot[i] = gpa = next_gpa(gpa);
			n = walk12_at(&key[i % 4], now, gpa);
			if (n.res == NAIVE_OK && allowed(&n, ACCESS_R))
				break;
		}
}

#endif
