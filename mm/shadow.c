/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ept02 and npt02 as a software TLB.
 *
 * A fault walks L1's table, sets its accessed and dirty flags as hardware
 * would, and fills one entry of the folded table; then it fills neighbours
 * from the same table of L1's, which costs little more than reading them. A
 * processor may cache any translation that it is allowed to walk, and walking
 * sets accessed flags (SDM 3A, "Accessed and Dirty Flags"; SDM 3C,
 * "Guest-Physical Mappings"): so a neighbour is taken only if its accessed
 * flag is set or not kept, and is writable only if its dirty flag is set or
 * not kept; the first write then faults and sets it.
 *
 * L1's invalidations only mark roots. shadow_get() empties a marked root by
 * giving its chain of tables back, whatever it maps.
 */
#include "mm/shadow.h"

#include "core/err.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "mm/page.h"
#include "mm/shadow_priv.h"
#include "mm/slat.h"

#define PAGES_MIN 64
#define PAT_AT_RESET 0x0007040600070406ull

/* Recycling frees a batch, as each costs a flush of the hardware TLB. */
#define RECYCLE_BATCH 16
/* Entries to L2 since its last use after which a root is taken for unused. */
#define ROOT_IDLE 4096

/* ------------------------------------------------------------------------ */
/* Roots.								     */

int shadow_init(struct shadow **sp, struct vm *vm,
		const struct pt_format *fmt02, u32 pages)
{
	u64 bytes = ALIGN_UP(sizeof(struct shadow), PAGE_SIZE);
	struct shadow *s;
	u32 i;

	if (pages < PAGES_MIN)
		return -EINVAL;
	s = page_alloc((u32)(bytes / PAGE_SIZE));
	if (!s || pool_init(&s->pool, pages, NR_ROOTS))
		return -ENOMEM;
	s->vm = vm;
	s->fmt = fmt02;
	s->pat = PAT_AT_RESET;
	s->last = &s->root[0];
	s->slat_gen = vm->slat->gen;
	for (i = 0; i < NR_ROOTS; i++) {
		s->root[i].table = i;
		s->root[i].hpa = pool_hpa(&s->pool, i);
	}
	*sp = s;
	return 0;
}

void shadow_host_pat(struct shadow *s, u64 pat)
{
	u32 i;

	s->pat = pat;
	for (i = 0; i < NR_ROOTS; i++)
		s->root[i].live = false;
	shadow_drop_all(s);
}

hpa_t shadow_root_hpa(const struct shadow_root *r)
{
	return r->hpa;
}

const struct pt_format *shadow_root_fmt(const struct shadow_root *r)
{
	return r->fmt;
}

void shadow_empty(struct shadow *s, struct shadow_root *r)
{
	pool_clear(&s->pool, r->table);
	chain_splice(&s->pool, &s->pool.free, &r->tables);
	r->gen = s->gen;
	r->drop = false;
	r->fresh = true;
	r->expect = EXPECT_ANY;
	r->window = MIN(r->window, WINDOW_DROP);
	r->walk_shift = WALK_NONE;
	r->leaf_table = POOL_NONE;
	s->stats.drops++;
}

static bool same_key(const struct shadow_root *r, const struct nested_root *n,
		     u64 tag)
{
	return r->live && r->n.root.v == n->root.v && r->tag == tag &&
	       r->n.fmt == n->fmt && r->n.flags == n->flags &&
	       r->n.pat == n->pat;
}

/* Give the least recently used root the new key. */
static struct shadow_root *root_new(struct shadow *s,
				    const struct nested_root *n, u64 tag)
{
	struct shadow_root *r = &s->root[0];
	u32 i;

	for (i = 1; i < NR_ROOTS; i++)
		if (s->root[i].stamp < r->stamp)
			r = &s->root[i];
	r->n = *n;
	r->fmt = n->fmt->ept ? n->fmt : s->fmt;
	r->tag = tag;
	r->live = true;
	r->drop = true;
	r->window = WINDOW_MIN;
	pt_mode_init(&r->mode, n->fmt, s->vm->slat->phys_bits, n->flags);
	r->types.ept = n->fmt->ept;
	if (!n->fmt->ept)
		fold_types_npt(&r->types, n->pat, s->pat);
	return r;
}

static struct shadow_root *root_find(struct shadow *s,
				     const struct nested_root *n, u64 tag)
{
	u32 i;

	for (i = 0; i < NR_ROOTS; i++)
		if (same_key(&s->root[i], n, tag))
			return &s->root[i];
	return root_new(s, n, tag);
}

/* ept01/npt01 changed: nothing that was learnt from it holds any more. */
void shadow_check_slat(struct shadow *s)
{
	u32 gen = __atomic_load_n(&s->vm->slat->gen, __ATOMIC_ACQUIRE);

	if (likely(gen == s->slat_gen))
		return;
	s->slat_gen = gen;
	s->ram_len = 0;
	memset(s->leaf, 0, sizeof(s->leaf));
	shadow_drop_all(s);
}

struct shadow_root *shadow_get(struct shadow *s, const struct nested_root *n,
			       u64 tag, bool *fresh)
{
	struct shadow_root *r = s->last;

	shadow_check_slat(s);
	if (!same_key(r, n, tag))
		s->last = r = root_find(s, n, tag);
	r->stamp = ++s->clock;
	if (shadow_is_dropped(s, r))
		shadow_empty(s, r);
	*fresh = r->fresh;
	r->fresh = false;
	return r;
}

void shadow_drop(struct shadow *s, struct shadow_root *r)
{
	r->drop = true;
}

void shadow_drop_root(struct shadow *s, l1pa_t root)
{
	u32 i;

	for (i = 0; i < NR_ROOTS; i++)
		if (s->root[i].n.root.v == root.v)
			s->root[i].drop = true;
}

void shadow_drop_tag(struct shadow *s, u64 tag)
{
	u32 i;

	for (i = 0; i < NR_ROOTS; i++)
		if (s->root[i].tag == tag)
			s->root[i].drop = true;
}

void shadow_drop_all(struct shadow *s)
{
	s->gen++;
}

/* ------------------------------------------------------------------------ */
/* Room for new tables.							     */

/* Free the oldest tables of leaves that @r has, up to a batch. How many? */
static u32 recycle(struct shadow *s, struct shadow_root *r)
{
	struct shadow_pool *p = &s->pool;
	u32 steps = MIN(r->tables.n, 2 * RECYCLE_BATCH), freed = 0, t;

	for (; steps && freed < RECYCLE_BATCH; steps--) {
		t = chain_shift(p, &r->tables);
		if (p->table[t].level > 1) {
			chain_append(p, &r->tables, t);
			continue;
		}
		pool_store(p, p->table[t].parent, p->table[t].slot, 0);
		chain_append(p, &p->free, t);
		freed++;
	}
	r->fresh = true;
	r->leaf_table = POOL_NONE;
	s->stats.recycled += freed;
	return freed;
}

/* The root that can best spare tables. */
static struct shadow_root *largest_root(struct shadow *s)
{
	struct shadow_root *r = &s->root[0];
	u32 i;

	for (i = 1; i < NR_ROOTS; i++)
		if (s->root[i].tables.n > r->tables.n)
			r = &s->root[i];
	return r;
}

/* Dropped roots and those not used for long give back all they have. */
static void empty_unused(struct shadow *s, const struct shadow_root *r)
{
	u32 i;

	for (i = 0; i < NR_ROOTS; i++) {
		struct shadow_root *o = &s->root[i];

		if (o != r && o->tables.n &&
		    (shadow_is_dropped(s, o) ||
		     s->clock - o->stamp > ROOT_IDLE))
			shadow_empty(s, o);
	}
}

void __noinline shadow_make_room_slow(struct shadow *s, struct shadow_root *r,
				      bool *flush)
{
	empty_unused(s, r);
	while (s->pool.free.n < TABLES_NEEDED) {
		struct shadow_root *o = largest_root(s);

		if (!recycle(s, o))
			shadow_empty(s, o);
	}
	if (r->fresh)
		*flush = true;
	r->fresh = false;
}

void shadow_stats(const struct shadow *s, struct shadow_stats *st)
{
	*st = s->stats;
	st->pages_max = s->pool.n;
	st->pages_used = s->pool.n - s->pool.free.n;
}
