/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/shadow.c mm/shadow_fill.c mm/shadow_pool.c mm/fold.c mm/slat.c mm/page.c mm/mtrr.c mm/guest.c */
/*
 * The shadow engine as a TLB: many roots and tags, too few tables, flushes of
 * every kind, an L1 that edits its tables with and without one, other CPUs of
 * L1's that write an entry between L0's reading and changing it, and a
 * processor that has a TLB of its own. Whatever L2 may see must be what L1's
 * tables said at some time since L1's last matching flush.
 */
#define NR_TAGS 5u
#define NR_PATS 2u
#define NR_KEYS (4 * NR_TAGS * NR_PATS)
#include "tests/unit/tlb_env.h"

static void another_cpu(void *entry);

#define __atomic_compare_exchange_n(p, old, to, weak, ok, fail)          \
	({                                                               \
		__typeof__(*(p)) to_ = (to);                             \
		another_cpu(p);                                          \
		__atomic_compare_exchange(p, old, &to_, weak, ok, fail); \
	})
#include "mm/pt_format.c"
#undef __atomic_compare_exchange_n

static bool races, raced, stubborn;
static bool alone; /* one table only: it takes its own room */

static struct {
	u32 filled, fault, perm, races, retries, taken, clean;
} count;

/* A root is flushed by itself: it is its own tag. */
static u64 tag_of(const struct shadow_root *r)
{
	return (uintptr_t)r;
}

/* ------------------------------------------------------------------------ */
/* L1.									     */

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
		tlb_flush(tag_of(r), NULL);
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
	tlb_flush(tag_of(cur->r), no_tlb ? NULL : &gpa);
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
	struct tlb *t = tlb_find(tag_of(cur->r), gpa, false);
	struct naive n;

	for (u32 i = 0; i < 6; i++, t = NULL) {
		if (t) {
			n = t->n;
			n.addr = (n.addr & ~(BIT(n.shift) - 1)) |
				 (gpa & (BIT(n.shift) - 1));
			seen.tlb++;
		} else {
			n = walk02(tag_of(cur->r), shadow_root_hpa(cur->r).v,
				   gpa);
			if (n.res == NAIVE_OK)
				tlb_add(tag_of(cur->r), gpa, n, 0);
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
		enter(alone ? &key[0] : &key[rnd(rnd(2) ? 4 : nr_keys)]);
	if (cur->dropped)
		enter(cur);
	/* pages of the table that it runs on, mostly */
	at = (u32)(rnd(NR_HOT) & ~3ull) + (u32)(cur - key) % NR_TABLES12;
	l2_accesses(rnd(alone ? 2 : 8) ? hot[at] : random_gpa(),
		    random_access());
}

static void start_round(u32 round)
{
	u64 pat[NR_PATS] = { 0 };
	u32 i;

	calm = m12.kind == N_PAE || round % 4;
	alone = round % 3 == 2;
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
	memset(&seen, 0, sizeof(seen));
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
	CHECK(seen.tlb > 200 && seen.stale > 200 && seen.flushes > 3000);
	CHECK(st.recycled > 10);
	CHECK(is_ept(k) || count.taken > 10);
	CHECK((count.races > 30 && count.clean > 5) ||
	      (is_ept(k) && !(flags & SHADOW_AD)));
	if (getenv("UNIT_VERBOSE"))
		printf("%s: filled %u fault %u perm %u clean %u tlb %u stale "
		       "%u races %u retries %u flushes %u taken %u recycled "
		       "%lu\n",
		       formats[k]->name, count.filled, count.fault, count.perm,
		       count.clean, seen.tlb, seen.stale, count.races,
		       count.retries, seen.flushes, count.taken,
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

/* L0 in 5-level paging mode. */
TEST(shadow_tlb_npt_into_5)
{
	host_npt = N_5;
	tlb_property(N_5, SHADOW_NX | SHADOW_1G, 3);
	tlb_property(N_4, SHADOW_NX | SHADOW_1G, 3);
	host_npt = N_4;
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
