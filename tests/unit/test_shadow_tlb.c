/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/shadow.c mm/shadow_fill.c mm/shadow_pool.c mm/fold.c mm/slat.c mm/page.c mm/mtrr.c mm/guest.c */
/*
 * The shadow engine as a TLB: many roots and tags, too few tables, flushes of
 * every kind, an L1 that edits its tables with and without one, other CPUs of
 * L1's that write an entry between L0's reading and changing it, and a
 * processor that has a TLB of its own. Whatever L2 may see must be what L1's
 * tables said at some time since L1's last matching flush.
 */
#include "tests/unit/shadow_env.h"

static void another_cpu(void *entry);

#define __atomic_compare_exchange_n(p, old, to, weak, ok, fail)          \
	({                                                               \
		__typeof__(*(p)) to_ = (to);                             \
		another_cpu(p);                                          \
		__atomic_compare_exchange(p, old, &to_, weak, ok, fail); \
	})
#include "mm/pt_format.c"
#undef __atomic_compare_exchange_n

#define NR_TABLES12 4u /* roots */
#define NR_TAGS 5u
#define NR_PATS 2u
#define NR_KEYS (NR_TABLES12 * NR_TAGS * NR_PATS)
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
static bool races, raced, stubborn;

static struct {
	u32 filled, fault, perm, tlb, stale, races, retries, flushes, taken,
		clean;
} count;

/* ------------------------------------------------------------------------ */
/* The past.								     */

static void remember(bool racing)
{
	now++;
	CHECK(now < NR_SNAPS);
	memcpy(snap[now].t, unit_memory + TABLES, sizeof(snap[now].t));
	snap[now].racing = racing;
}

/* L0 has set accessed and dirty flags in the tables, and that is all. */
static void check_tables(void)
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

static struct naive walk12_at(const struct key *k, u32 at, u64 gpa)
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
			count.stale += at != now;
			return true;
		}
		if (at == k->since)
			return false;
	}
}

/* ------------------------------------------------------------------------ */
/* The processor: a TLB, and a cache of where tables of leaves are.	     */

#define NR_TLB 16u

static struct tlb {
	const struct shadow_root *r;
	u64 gpa;
	struct naive n; /* a leaf */
	u64 table;	/* or a table of leaves */
} tlb[NR_TLB];

static u32 tlb_shift(const struct tlb *t)
{
	return t->table ? 21 : t->n.shift;
}

static struct tlb *tlb_find(const struct shadow_root *r, u64 gpa, bool table)
{
	for (u32 i = 0; i < NR_TLB; i++)
		if (tlb[i].r == r && !!tlb[i].table == table &&
		    (tlb[i].gpa ^ gpa) >> tlb_shift(&tlb[i]) == 0)
			return &tlb[i];
	return NULL;
}

/* All of @r's; @gpa: what translates that address. */
static void tlb_flush(const struct shadow_root *r, const u64 *gpa)
{
	for (u32 i = 0; i < NR_TLB; i++)
		if (tlb[i].r == r &&
		    (!gpa || (tlb[i].gpa ^ *gpa) >> tlb_shift(&tlb[i]) == 0))
			tlb[i].r = NULL;
}

static struct naive tlb_add(const struct shadow_root *r, u64 gpa,
			    struct naive n, u64 table)
{
	tlb[rnd(NR_TLB)] = (struct tlb){ r, gpa, n, table };
	return n;
}

/* The page at which a read of the last entry of a walk was. */
static u64 read02;

static u64 rd_host_noted(u64 pa, unsigned size)
{
	read02 = pa & ~4095ull;
	return rd_host(pa, size);
}

/* Entry @e of a leaf table of the folded table, reached with all rights. */
static struct naive leaf02(u64 e, u64 gpa)
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
static struct naive walk02(const struct shadow_root *r, u64 gpa)
{
	struct tlb *t = rnd(2) ? tlb_find(r, gpa, true) : NULL;
	struct naive n;

	if (t)
		return leaf02(rd_host(t->table + (gpa >> 12 & 511) * 8, 8),
			      gpa);
	m02.rd = rd_host_noted;
	n = naive_walk(&m02, shadow_root_hpa(r).v, gpa);
	m02.rd = rd_host;
	if (n.level == 1 && n.shift == 12 && rnd(2))
		tlb_add(r, gpa, n, read02);
	return n;
}

/* ------------------------------------------------------------------------ */
/* L1.									     */

static u64 root_at(u32 i)
{
	if (m12.kind == N_PAE)
		return TABLES + i * 32;
	return TABLES + i * formats[m12.kind]->levels * 4096;
}

static void set_since(struct key *k)
{
	k->since = now;
	k->dropped = true;
	count.flushes++;
}

static void dropped_all(void)
{
	for (u32 i = 0; i < nr_keys; i++)
		set_since(&key[i]);
}

/* Everything that L1 and L0 may have for a flush. */
static void flush(u32 how, struct key *k)
{
	switch (how) {
	case 0:
		shadow_drop_all(sh);
		break;
	case 1:
		shadow_drop_root(sh, k->n.root);
		break;
	case 2:
		shadow_drop_tag(sh, k->tag);
		break;
	case 3:
		if (k->r)
			shadow_drop(sh, k->r);
		break;
	}
	for (u32 i = 0; i < nr_keys; i++)
		if (how == 0 || (how == 1 && key[i].n.root.v == k->n.root.v) ||
		    (how == 2 && key[i].tag == k->tag) ||
		    (how == 3 && &key[i] == k && k->r))
			set_since(&key[i]);
}

/* No room for more of the past: all of it is flushed. */
static void forget(void)
{
	shadow_drop_all(sh);
	memcpy(&snap[0], &snap[now], sizeof(snap[0]));
	now = 0;
	dropped_all();
}

static u64 entry_at(u64 pa)
{
	u64 e = 0;

	memcpy(&e, unit_memory + pa, m12.kind == N_32 ? 4 : 8);
	return e;
}

/* Some entry on the way to a page that L2 uses. */
static u64 some_entry(void)
{
	const struct key *k = &key[rnd(nr_keys)];
	u64 pa;

	walk12_at(k, now, hot[rnd(NR_HOT)]);
	pa = walked.n ? walked.pa[rnd(MIN(walked.n, 5u))] : TABLES;
	if (pa - TABLES >= NR_TABLES * 4096)
		pa = TABLES + rnd(NR_TABLES) * 4096 + rnd(16) * 8;
	return pa;
}

static void edit(u64 pa)
{
	bool ept = is_ept(m12.kind);
	u64 e = entry_at(pa);

	switch (rnd(8)) {
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
	case 7:
		e ^= ept ? EPT_X : (m12.nx ? PT_NX_BIT : PT_PWT);
		break;
	}
	put12(pa, e);
}

static void l1_edits(void)
{
	struct key *k = &key[rnd(nr_keys)];

	edit(some_entry());
	remember(false);
	if (rnd(4) == 0)
		flush((u32)rnd(3), k);
}

/* L0 wants a page otherwise: all CPUs leave L2 for that. */
static void slat_changes(void)
{
	u32 i = (u32)rnd(NR_WATCHED);
	static const u8 some[] = { ACCESS_R, ACCESS_R | ACCESS_W,
				   ACCESS_R | ACCESS_X, RWX };

	watched[i] = some[rnd(4)];
	CHECK_EQ(slat_protect(&slat, L1PA(WATCHED + i * PAGE_SIZE),
			      HPA(WATCHED + i * PAGE_SIZE), watched[i]),
		 0);
	slat_flushing(&slat, 0);
	dropped_all();
}

/*
 * Another CPU of L1's, between L0's reading of @entry and its change: it sets
 * flags as processors do, or edits that entry or another one.
 */
static void another_cpu(void *entry)
{
	u64 pa = (u64)((u8 *)entry - unit_memory);
	bool ept = is_ept(m12.kind);

	if (!races)
		return;
	if (stubborn && pa - TABLES < NR_TABLES * 4096) {
		put12(pa, entry_at(pa) ^ (ept ? BIT(11) : BIT(9)));
		memcpy(snap[now].t, unit_memory + TABLES, sizeof(snap[now].t));
		return;
	}
	if (rnd(3) || now > NR_SNAPS - 8)
		return;
	check_tables();
	remember(true);
	if (rnd(2) && pa - TABLES < NR_TABLES * 4096)
		put12(pa, entry_at(pa) | (ept ? EPT_A | EPT_D : PT_A | PT_D));
	else
		edit(rnd(2) ? some_entry() : TABLES + (pa - TABLES) % 0x18000);
	remember(true);
	raced = true;
	count.races++;
}

/* ------------------------------------------------------------------------ */
/* L2.									     */

static void enter(struct key *k)
{
	struct shadow_root *r;
	bool fresh;

	r = shadow_get(sh, &k->n, k->tag, &fresh);
	CHECK(fresh || !k->dropped);
	if (fresh)
		tlb_flush(r, NULL);
	for (u32 i = 0; i < nr_keys; i++)
		if (key[i].r == r && &key[i] != k) {
			CHECK(fresh);
			key[i].r = NULL;
			count.taken++;
		}
	k->r = r;
	k->dropped = false;
	cur = k;
}

/* Is the engine's word right by what the tables said at @at? */
static bool verdict_fits(u32 at, u64 gpa, u32 access, bool keep, int err,
			 const struct shadow_fault *f)
{
	struct naive n = walk12_at(cur, at, gpa);
	bool clean = keep && !n.dirty;

	if (n.res != NAIVE_OK || !allowed(&n, access)) {
		if (err != -EFAULT)
			return false;
		if (!raced)
			check_fault(&n, access, f);
		return true;
	}
	if (clean)
		return err == -EAGAIN;
	if (err && err != -EPERM)
		return false;
	/* other CPUs' changes without an end: L2 tries again */
	if (!err && stubborn && !f->l1pa.v)
		return true;
	return f->l1pa.v == n.addr &&
	       (access & ~host_access(n.addr) & RWX ? err == -EPERM : !err) &&
	       (raced || f->dirtied == (access & ACCESS_W && !n.dirty));
}

/* The processor could not go on; what the engine says of it. */
static bool fault(u64 gpa, u32 access)
{
	bool no_tlb = false, keep = access & ACCESS_W && rnd(6) == 0, any;
	u32 start = now, at;
	struct shadow_fault f = { 0 };
	int err;

	raced = false;
	races = rnd(2);
	stubborn = rnd(8) == 0;
	err = shadow_fault(sh, cur->r, L2PA(gpa),
			   access | (keep ? SHADOW_KEEP_CLEAN : 0), &f,
			   &no_tlb);
	races = false;
	check_tables();
	if (snap[now].racing ||
	    memcmp(snap[now].t, unit_memory + TABLES, sizeof(snap[now].t)))
		remember(false);
	tlb_flush(cur->r, no_tlb ? NULL : &gpa);
	for (any = false, at = start; !any && at <= now; at++)
		any = verdict_fits(at, gpa, access, keep, err, &f);
	CHECK(any);
	count.fault += err == -EFAULT;
	count.perm += err == -EPERM;
	count.clean += err == -EAGAIN;
	count.filled += !err;
	return !err;
}

static void l2_accesses(u64 gpa, u32 access)
{
	struct tlb *t = tlb_find(cur->r, gpa, false);
	struct naive n;

	for (u32 i = 0; i < 6; i++, t = NULL) {
		if (t) {
			n = t->n;
			n.addr = (n.addr & ~(BIT(n.shift) - 1)) |
				 (gpa & (BIT(n.shift) - 1));
			count.tlb++;
		} else {
			n = walk02(cur->r, gpa);
			if (n.res == NAIVE_OK)
				tlb_add(cur->r, gpa, n, 0);
		}
		if (n.res == NAIVE_OK)
			CHECK(permitted(cur, gpa, &n));
		if (n.res == NAIVE_OK && allowed(&n, access))
			return;
		if (t && rnd(2)) /* looks again before it faults */
			continue;
		if (now > NR_SNAPS - 16 || !fault(gpa, access))
			return;
		count.retries += i > 1;
	}
}

static void check_key(struct key *k, u64 table, u32 l, u64 base)
{
	for (u32 i = 0; i < 512; i++) {
		u64 gpa = base + ((u64)i << (12 + 9 * (l - 1)));
		u64 e = rd_host(table + i * 8, 8);
		struct naive n;

		if (!e)
			continue;
		if (l > 1 && !(e & 0x80)) {
			check_key(k, e & NAIVE_ADDR, l - 1, gpa);
			continue;
		}
		gpa |= unit_random() & (BIT(12 + 9 * (l - 1)) - 1);
		n = naive_walk(&m02, shadow_root_hpa(k->r).v, gpa);
		CHECK(permitted(k, gpa, &n));
	}
}

static void check_keys(void)
{
	for (u32 i = 0; i < nr_keys; i++)
		if (key[i].r && !key[i].dropped)
			check_key(&key[i], shadow_root_hpa(key[i].r).v,
				  formats[m02.kind]->levels, 0);
}

static void step(void)
{
	u32 what = (u32)rnd(64), at;

	if (now > NR_SNAPS - 16)
		forget();
	if (what < 8)
		l1_edits();
	else if (what < 10)
		flush((u32)rnd(4), &key[rnd(nr_keys)]);
	else if (what == 10)
		slat_changes();
	else if (what < 16)
		enter(rnd(2) ? &key[rnd(4)] : &key[rnd(nr_keys)]);
	if (cur->dropped)
		enter(cur);
	/* pages of the table that it runs on, mostly */
	at = (u32)(rnd(NR_HOT) & ~3ull) + (u32)(cur - key) % NR_TABLES12;
	l2_accesses(rnd(8) ? hot[at] : random_gpa(), random_access());
}

/* Pages that L2 uses: mostly such as are mapped. */
static void choose_hot(void)
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

static void start_round(u32 round)
{
	u64 pat[NR_PATS] = { 0 };
	u32 i;

	calm = m12.kind == N_PAE || round % 4;
	random_tables();
	if (!is_ept(m12.kind)) {
		host_pat = random_pat();
		pat[0] = random_pat();
		pat[1] = random_pat() ^ 1;
		shadow_host_pat(sh, host_pat);
	}
	now = 0;
	remember(false);
	nr_keys = 0;
	for (i = 0; i < NR_KEYS; i++) {
		struct key *k = &key[nr_keys];

		*k = (struct key){ .n = root12, .tag = 7 + i / 4 % NR_TAGS };
		k->n.root = L1PA(root_at(i % NR_TABLES12));
		k->n.pat = pat[i / 4 / NR_TAGS];
		if (is_ept(m12.kind) && i / 4 >= NR_TAGS)
			break;
		nr_keys++;
	}
	forget();
	choose_hot();
	enter(&key[0]);
}

static void tlb_property(enum naive_kind k, u64 flags, u32 max_page)
{
	u32 round, i;
	struct shadow_stats st;

	machine(is_ept(k), max_page);
	slat.cpus = 1;
	CHECK_EQ(shadow_init(&sh, &vm, slat.fmt, 64), 0);
	mode12(k, flags);
	memset(&count, 0, sizeof(count));
	memset(tlb, 0, sizeof(tlb));
	for (round = 0; round < 12; round++) {
		start_round(round);
		for (i = 0; i < 600; i++) {
			if (i % 100 == 99)
				choose_hot();
			step();
			if (i % 32 == 0)
				check_keys();
		}
		check_keys();
	}
	shadow_stats(sh, &st);
	CHECK(count.filled > 500 && count.fault > 500 && count.perm > 5);
	CHECK(count.tlb > 200 && count.stale > 200 && count.flushes > 3000);
	CHECK(st.recycled > 10);
	CHECK(is_ept(k) || count.taken > 10);
	CHECK((count.races > 30 && count.clean > 5) ||
	      (is_ept(k) && !(flags & SHADOW_AD)));
	if (getenv("UNIT_VERBOSE"))
		printf("%s: filled %u fault %u perm %u clean %u tlb %u stale "
		       "%u races %u retries %u flushes %u taken %u recycled "
		       "%lu\n",
		       formats[k]->name, count.filled, count.fault, count.perm,
		       count.clean, count.tlb, count.stale, count.races,
		       count.retries, count.flushes, count.taken,
		       (unsigned long)st.recycled);
}

TEST(shadow_tlb_npt_32)
{
	tlb_property(N_32, SHADOW_PSE, 3);
}

TEST(shadow_tlb_npt_pae)
{
	tlb_property(N_PAE, SHADOW_NX, 3);
}

TEST(shadow_tlb_npt_4)
{
	tlb_property(N_4, SHADOW_NX | SHADOW_1G, 3);
	tlb_property(N_4, SHADOW_NX, 1);
}

TEST(shadow_tlb_npt_5)
{
	tlb_property(N_5, SHADOW_NX | SHADOW_1G, 3);
}

TEST(shadow_tlb_ept_4)
{
	tlb_property(N_E4, SHADOW_AD | SHADOW_1G | SHADOW_XO, 3);
	tlb_property(N_E4, SHADOW_AD | SHADOW_MBE | SHADOW_XO | SHADOW_1G, 2);
	tlb_property(N_E4, 0, 3);
}

TEST(shadow_tlb_ept_5)
{
	tlb_property(N_E5, SHADOW_AD | SHADOW_1G | SHADOW_XO, 3);
}
