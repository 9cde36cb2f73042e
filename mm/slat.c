/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One routine, fit(), makes a part of the table what it should be: a leaf, a
 * table, or the scratch page. Building, watching a page and retyping all go
 * through it. A new table is complete before the entry that refers to it is
 * stored; a table that is no longer wanted is retired, and used again only
 * after the next TLB flush of all CPUs.
 */
#include "mm/slat.h"

#include "core/err.h"
#include "core/string.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/pt_format.h"

/* The part of the address space that fit() is to look at. */
struct span {
	u64 from, to;
	bool demand; /* fill what lies above slat->limit, too */
};

#define EVERYTHING ((struct span){ 0, ~0ull, false })

static u64 level_size(const struct slat *s, u32 level)
{
	return BIT(s->fmt->level[level].shift);
}

/* ------------------------------------------------------------------------ */
/* Entries.								     */

static u64 leaf_entry(const struct slat *s, u32 level, hpa_t to, u32 access,
		      enum memory_type type)
{
	u64 e = to.v;

	if (s->fmt->ept) {
		if (!(access & ACCESS_R))
			access &= s->exec_only ? ACCESS_X : 0;
		e |= (access & (ACCESS_R | ACCESS_W | ACCESS_X)) |
		     (u64)type << EPT_TYPE_SHIFT;
		return level > 1 ? e | EPT_PS : e;
	}
	if (!(access & ACCESS_R))
		return e;
	/* Accessed and dirty already: no write by the processor's walks. */
	e |= PT_P | PT_U | PT_A | PT_D | (access & ACCESS_W ? PT_W : 0) |
	     (access & ACCESS_X ? 0 : PT_NX_BIT);
	return level > 1 ? e | PT_PS : e;
}

static u64 table_entry(const struct slat *s, hpa_t table)
{
	return table.v | (s->fmt->ept ? EPT_R | EPT_W | EPT_X
				      : PT_P | PT_W | PT_U | PT_A);
}

static bool is_table(const struct slat *s, u32 level, u64 e)
{
	return level > 1 && e && !(e & PT_PS);
}

_Static_assert(PT_PS == EPT_PS, "one test finds large pages");

static void store(u64 *slot, u64 e)
{
	__atomic_store_n(slot, e, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------------ */
/* Table pages.								     */

static u64 *table_alloc(struct slat *s)
{
	u64 *t;

	if (s->spare.v) {
		t = hpa_ptr(s->spare);
		s->spare = HPA(t[0]);
		memset(t, 0, PAGE_SIZE);
	} else {
		t = page_alloc(1);
	}
	if (t)
		s->pages++;
	return t;
}

static bool is_shared(const struct slat *s, hpa_t table)
{
	return table.v == s->scratch_table[1].v ||
	       table.v == s->scratch_table[2].v;
}

/* Retire the table that @e of @level refers to, and what hangs below it. The
 * chain's link in entry 0 reads as not present. */
static void retire(struct slat *s, u32 level, u64 e)
{
	hpa_t table = HPA(e & PT_ADDR);
	u64 *t = hpa_ptr(table);
	u32 i;

	if (is_shared(s, table))
		return;
	for (i = 0; i < 512; i++)
		if (is_table(s, level - 1, t[i]))
			retire(s, level - 1, t[i]);
	store(&t[0], s->retired.v);
	s->retired = table;
	s->pages--;
}

bool slat_flushed(const struct slat *s, u32 gen)
{
	u32 i;

	for (i = 0; i < s->cpus; i++)
		if (!__atomic_load_n(&s->away[i], __ATOMIC_SEQ_CST) &&
		    (s32)(__atomic_load_n(&s->seen[i], __ATOMIC_ACQUIRE) -
			  gen) < 0)
			return false;
	return true;
}

static void reclaim(struct slat *s)
{
	if (!slat_flushed(s, s->retired_gen))
		return;
	while (s->retired.v) {
		u64 *t = hpa_ptr(s->retired);
		hpa_t next = HPA(t[0]);

		t[0] = s->spare.v;
		s->spare = s->retired;
		s->retired = next;
	}
}

/* ------------------------------------------------------------------------ */
/* What should be where.						     */

static bool overlaps(u64 a, u64 alen, u64 b, u64 blen)
{
	return a < b + blen && b < a + alen;
}

static const struct slat_watched *find_watched(const struct slat *s, u64 addr,
					       u64 len)
{
	u32 i;

	for (i = 0; i < s->nr_watched; i++)
		if (s->watched[i].page.v - addr < len)
			return &s->watched[i];
	return NULL;
}

static enum memory_type type_at(const struct slat *s, u64 addr)
{
	u64 end;

	return s->mtrr && s->fmt->ept ? mtrr_type(s->mtrr, addr, &end) : MT_WB;
}

/* The entry for a 4 KiB page. */
static u64 page_entry(const struct slat *s, u64 addr)
{
	const struct slat_watched *w = find_watched(s, addr, PAGE_SIZE);
	u32 all = ACCESS_R | ACCESS_W | ACCESS_X;

	if (addr - s->l0_start.v < s->l0_len)
		return leaf_entry(s, 1, s->scratch, all, MT_WB);
	if (w)
		return leaf_entry(s, 1, w->to, w->access, type_at(s, addr));
	return leaf_entry(s, 1, HPA(addr), all, type_at(s, addr));
}

/* Can one entry of @level stand for the range at @addr? It is *@e, then. */
static bool whole(const struct slat *s, u32 level, u64 addr, u64 *e)
{
	u64 size = level_size(s, level);
	enum memory_type type = MT_WB;

	if (level == 1) {
		*e = page_entry(s, addr);
		return true;
	}
	if (level <= 3 && addr >= s->l0_start.v &&
	    addr + size <= s->l0_start.v + s->l0_len) {
		*e = table_entry(s, s->scratch_table[level - 1]);
		return true;
	}
	if (level > s->max_page || find_watched(s, addr, size) ||
	    overlaps(addr, size, s->l0_start.v, s->l0_len))
		return false;
	if (s->mtrr && !mtrr_uniform(s->mtrr, addr, size, &type))
		return false;
	*e = leaf_entry(s, level, HPA(addr), ACCESS_R | ACCESS_W | ACCESS_X,
			s->fmt->ept ? type : MT_WB);
	return true;
}

static int fit(struct slat *s, u64 *slot, u32 level, u64 addr,
	       struct span span);

static int fit_table(struct slat *s, u64 *table, u32 level, u64 addr,
		     struct span span)
{
	u64 size = level_size(s, level);
	u32 n = 1u << s->fmt->level[level].bits, i;
	int err;

	for (i = 0; i < n; i++) {
		u64 a = addr + i * size;

		if (a >= span.to || a + (size - 1) < span.from)
			continue;
		err = fit(s, &table[i], level, a, span);
		if (err)
			return err;
	}
	return 0;
}

/* Make the entry at @slot what it should be, as far as @span reaches. */
static int fit(struct slat *s, u64 *slot, u32 level, u64 addr, struct span span)
{
	u64 old = *slot, e;
	u64 *t;
	int err;

	if (!old && addr >= s->limit && !span.demand)
		return 0;
	if (whole(s, level, addr, &e)) {
		if (e != old)
			store(slot, e);
		if (is_table(s, level, old) && e != old)
			retire(s, level, old);
		return 0;
	}
	if (is_table(s, level, old) && !is_shared(s, HPA(old & PT_ADDR)))
		return fit_table(s, hpa_ptr(HPA(old & PT_ADDR)), level - 1,
				 addr, span);
	t = table_alloc(s);
	if (!t)
		return -ENOMEM;
	if (level <= 3) /* all of it: the old entry mapped all */
		span = (struct span){ 0, ~0ull, true };
	err = fit_table(s, t, level - 1, addr, span);
	if (err) {
		retire(s, level, ptr_hpa(t).v);
		return err;
	}
	store(slot, table_entry(s, ptr_hpa(t)));
	return 0;
}

static int fit_all(struct slat *s, struct span span)
{
	return fit_table(s, hpa_ptr(s->root), s->fmt->levels, 0, span);
}

/* ------------------------------------------------------------------------ */

static u64 end_of_ram(const struct memmap *m)
{
	u64 end = 0;
	u32 i;

	for (i = 0; i < m->n; i++)
		if (m->r[i].type != MEM_RESERVED && m->r[i].type != MEM_BAD)
			end = MAX(end, m->r[i].start + m->r[i].len);
	return end;
}

/* Tables that lead to the scratch page wherever one looks: [1] and [2]. */
static int build_scratch_tables(struct slat *s)
{
	u64 e = leaf_entry(s, 1, s->scratch, ACCESS_R | ACCESS_W | ACCESS_X,
			   MT_WB);
	u32 l, i;
	u64 *t;

	for (l = 1; l <= 2; l++) {
		t = table_alloc(s);
		if (!t)
			return -ENOMEM;
		for (i = 0; i < 512; i++)
			t[i] = e;
		s->scratch_table[l] = ptr_hpa(t);
		e = table_entry(s, s->scratch_table[l]);
	}
	return 0;
}

int slat_build(struct slat *s, const struct memmap *m, hpa_t l0_start,
	       u64 l0_len, hpa_t scratch)
{
	u64 top = BIT(MIN(s->phys_bits, s->fmt->in_bits));
	u64 *root;
	int err;

	s->l0_start = l0_start;
	s->l0_len = l0_len;
	s->scratch = scratch;
	s->limit = MIN(ALIGN_UP(MAX(end_of_ram(m), GiB(4)), GiB(1)), top);
	s->spare = s->retired = HPA(0);
	s->nr_watched = s->nr_moved = s->nr_guards = 0;
	s->pages = 0;
	err = build_scratch_tables(s);
	if (err)
		return err;
	root = table_alloc(s);
	if (!root)
		return -ENOMEM;
	s->root = ptr_hpa(root);
	return fit_all(s, EVERYTHING);
}

static void unguard(struct slat *s, l1pa_t page);

int slat_fault(struct slat *s, l1pa_t gpa)
{
	u64 start = ALIGN_DOWN(gpa.v, GiB(1));
	const struct slat_watched *w;
	struct slat_leaf leaf;
	int err = -EFAULT;

	if (gpa.v >> MIN(s->phys_bits, s->fmt->in_bits))
		return -EFAULT;
	spin_lock(&s->lock);
	if (slat_lookup(s, gpa, &leaf))
		err = fit_all(s, (struct span){ start, start + GiB(1), true });
	else if (!(w = find_watched(s, ALIGN_DOWN(gpa.v, PAGE_SIZE),
				    PAGE_SIZE)))
		err = 0; /* another CPU was faster, or the TLB was stale */
	else if (w->guard) {
		unguard(s, w->page);
		err = 0;
	}
	spin_unlock(&s->lock);
	return err;
}

static struct slat_watched *watched_slot(struct slat *s, l1pa_t page)
{
	u32 i;

	for (i = 0; i < s->nr_watched; i++)
		if (s->watched[i].page.v == page.v)
			return &s->watched[i];
	if (s->nr_watched == SLAT_WATCHED_MAX)
		return NULL;
	return &s->watched[s->nr_watched++];
}

/* Something was replaced: a new generation. */
static void changed(struct slat *s)
{
	s->retired_gen = __atomic_add_fetch(&s->gen, 1, __ATOMIC_RELEASE);
}

void slat_flushing(struct slat *s, u32 cpu)
{
	u32 gen = __atomic_load_n(&s->gen, __ATOMIC_ACQUIRE);

	__atomic_store_n(&s->seen[cpu], gen, __ATOMIC_RELEASE);
}

/* A full barrier: who still saw it away has unlinked what it uses again
 * before this CPU's first walk. */
void slat_away(struct slat *s, u32 cpu, bool on)
{
	__atomic_store_n(&s->away[cpu], on, __ATOMIC_SEQ_CST);
}

bool slat_guarded(const struct slat *s, l1pa_t page)
{
	const struct slat_watched *w =
		find_watched(s, ALIGN_DOWN(page.v, PAGE_SIZE), PAGE_SIZE);

	return w && w->guard;
}

static void count_watched(struct slat *s)
{
	u32 i, moved = 0, guards = 0;

	for (i = 0; i < s->nr_watched; i++) {
		moved += s->watched[i].to.v != s->watched[i].page.v;
		guards += s->watched[i].guard;
	}
	s->nr_moved = moved;
	s->nr_guards = guards;
}

static int protect(struct slat *s, l1pa_t page, hpa_t to, u32 access,
		   bool guard)
{
	const u32 all = ACCESS_R | ACCESS_W | ACCESS_X;
	bool ended = slat_guarded(s, page);
	struct slat_watched *w = watched_slot(s, page);
	int err;

	if (!w)
		return -ENOSPC;
	*w = (struct slat_watched){ page, to, access, guard };
	if ((access & all) == all && to.v == page.v)
		*w = s->watched[--s->nr_watched];
	count_watched(s);
	/* Who sees the count go up finds the guard gone, and nobody can write
	 * there before. */
	if (ended)
		__atomic_add_fetch(&s->unguarded, 1, __ATOMIC_RELEASE);
	reclaim(s);
	err = fit_all(s, (struct span){ page.v, page.v + PAGE_SIZE, true });
	changed(s);
	return err;
}

int slat_protect(struct slat *s, l1pa_t page, hpa_t to, u32 access)
{
	int err;

	page.v = ALIGN_DOWN(page.v, PAGE_SIZE);
	if (page.v - s->l0_start.v < s->l0_len ||
	    page.v >> MIN(s->phys_bits, s->fmt->in_bits))
		return -EINVAL;
	spin_lock(&s->lock);
	err = protect(s, page, to, access, false);
	spin_unlock(&s->lock);
	return err;
}

/* Rights come back: what is cached without them is no more than a fault. */
static void unguard(struct slat *s, l1pa_t page)
{
	int err = protect(s, page, HPA(page.v), ACCESS_R | ACCESS_W | ACCESS_X,
			  false);

	(void)err; /* fewer tables are needed, not more */
}

int slat_guard(struct slat *s, l1pa_t page)
{
	const struct slat_watched *w;
	int err;

	page.v = ALIGN_DOWN(page.v, PAGE_SIZE);
	if (page.v - s->l0_start.v < s->l0_len || page.v >= s->limit)
		return -EINVAL;
	spin_lock(&s->lock);
	w = find_watched(s, page.v, PAGE_SIZE);
	if (w)
		err = w->guard ? 0 : -EBUSY;
	else
		err = protect(s, page, HPA(page.v), ACCESS_R | ACCESS_X, true);
	spin_unlock(&s->lock);
	return err;
}

void slat_unguard(struct slat *s, l1pa_t page)
{
	page.v = ALIGN_DOWN(page.v, PAGE_SIZE);
	spin_lock(&s->lock);
	if (slat_guarded(s, page))
		unguard(s, page);
	spin_unlock(&s->lock);
}

int slat_retype(struct slat *s)
{
	int err;

	spin_lock(&s->lock);
	reclaim(s);
	err = fit_all(s, EVERYTHING);
	changed(s);
	spin_unlock(&s->lock);
	return err;
}

static u32 entry_access(const struct slat *s, u64 e)
{
	if (s->fmt->ept)
		return e & (EPT_R | EPT_W | EPT_X);
	if (!(e & PT_P))
		return 0;
	return ACCESS_R | (e & PT_W) | (e & PT_NX_BIT ? 0 : ACCESS_X);
}

int slat_lookup(const struct slat *s, l1pa_t gpa, struct slat_leaf *leaf)
{
	hpa_t table = s->root;
	u32 l = s->fmt->levels;
	u64 e, offset;

	if (gpa.v >> s->fmt->in_bits)
		return -EFAULT;
	for (;; l--) {
		u64 *t = hpa_ptr(table);

		e = pt_load64(&t[pt_index(s->fmt, l, gpa.v)]);
		if (!is_table(s, l, e))
			break;
		table = HPA(e & PT_ADDR);
	}
	if (!e && l > 1) /* level 1 is always full; 0 is "no rights" there */
		return -EFAULT;
	leaf->shift = s->fmt->level[l].shift;
	offset = BIT(leaf->shift) - 1;
	leaf->hpa = HPA((e & PT_ADDR & ~offset) | (gpa.v & offset));
	leaf->type = s->fmt->ept ? (e & EPT_TYPE) >> EPT_TYPE_SHIFT : MT_WB;
	leaf->access = entry_access(s, e);
	return 0;
}

hpa_t slat_translate(const struct slat *s, l1pa_t gpa, u32 *access)
{
	struct slat_leaf leaf;

	if (slat_lookup(s, gpa, &leaf)) {
		if (access)
			*access = 0;
		return HPA_NONE;
	}
	if (access)
		*access = leaf.access;
	return leaf.hpa;
}
