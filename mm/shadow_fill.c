/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fault of L2: judged by L1's table, then filled into the folded one. */
#include "mm/shadow.h"

#include "core/err.h"
#include "core/vcpu.h"
#include "mm/guest.h"
#include "mm/pt_walk.h"
#include "mm/shadow_priv.h"
#include "mm/slat.h"

/* That many unusable neighbours in a row end it. */
#define MISSES_MAX 4

#define RETRIES 64 /* lost races with L1's other CPUs for one entry */

#define RWX (ACCESS_R | ACCESS_W | ACCESS_X)

/* One translation of a fault on its way into the folded table. */
struct fill {
	const struct pt_walk *w; /* of L1's table */
	const struct leaf01 *l;	 /* of ept01/npt01 */
	u64 gpa;		 /* L2-physical */
	u32 level;		 /* of the folded leaf */
	u8 shift;		 /* log2 of its size */
	u32 table, slot;	 /* where it stands */
};

/* ------------------------------------------------------------------------ */
/* L1's memory and ept01/npt01, with the last answers kept.		     */

static __noinline void *table_mem_slow(struct shadow *s, u64 pa)
{
	void *p;

	if (guest_ram_span(s->vm, L1PA(pa), &s->ram_start, &s->ram_len))
		s->ram_len = 0;
	p = guest_ptr(s->vm, L1PA(pa));
	return p ? p : PT_NO_MEMORY;
}

static inline void *table_mem(void *ctx, u64 pa)
{
	struct shadow *s = ctx;

	if (likely(pa - s->ram_start < s->ram_len))
		return hpa_ptr(HPA(pa));
	return table_mem_slow(s, pa);
}

static __noinline const struct leaf01 *leaf01_slow(struct shadow *s, u64 l1pa,
						   struct leaf01 *c)
{
	struct slat_leaf l;

	if (slat_lookup(s->vm->slat, L1PA(l1pa), &l))
		return NULL;
	*c = (struct leaf01){ .key = l1pa >> l.shift,
			      .delta = l.hpa.v - l1pa,
			      .access = l.access,
			      .shift = l.shift,
			      .type = l.type };
	return c;
}

/* The leaf that maps @l1pa, NULL if there is none. */
static inline const struct leaf01 *leaf01(struct shadow *s, u64 l1pa)
{
	struct leaf01 *c = &s->leaf[(l1pa >> 21) % LEAVES];

	if (likely(c->shift && l1pa >> c->shift == c->key))
		return c;
	return leaf01_slow(s, l1pa, c);
}

/* The same, mapped now if it can be. */
static inline const struct leaf01 *leaf01_get(struct shadow *s, u64 l1pa)
{
	const struct leaf01 *l = leaf01(s, l1pa);

	if (likely(l))
		return l;
	return slat_fault(s->vm->slat, L1PA(l1pa)) ? NULL : leaf01(s, l1pa);
}

/* ------------------------------------------------------------------------ */
/* L1's verdict.							     */

/* Rights that @access needs of L1's table. */
static u32 needed(const struct pt_mode *m, u32 access)
{
	if (!m->ept) /* nested walks are user accesses */
		return (access & (ACCESS_W | ACCESS_X)) | ACCESS_U;
	if (!(access & ACCESS_X) || !(m->flags & PT_MBE))
		return access & RWX;
	return (access & (ACCESS_R | ACCESS_W)) |
	       (access & ACCESS_U ? ACCESS_U : ACCESS_X);
}

static void describe(struct shadow_fault *f, const struct pt_walk *w, u32 kind)
{
	*f = (struct shadow_fault){ .kind = kind,
				    .rights = w->rights,
				    .level = w->level,
				    .entry = w->entry[w->level] };
}

/* Walk and check. 0, or -EFAULT with *f filled. */
static int walk12(struct shadow *s, const struct pt_mode *m, u64 root, u64 gpa,
		  u32 access, struct pt_walk *w, struct shadow_fault *f)
{
	enum pt_result res = pt_walk_with(m, root, gpa, table_mem, s, w);
	u32 need = needed(m, access);

	if (likely(res == PT_OK && (w->rights & need) == need))
		return 0;
	describe(f, w,
		 res == PT_NOT_PRESENT ? SF_NOT_PRESENT
		 : res == PT_RESERVED  ? SF_RESERVED
				       : SF_RIGHTS);
	return -EFAULT;
}

/* Does the root's last walk still lead to the table with @gpa's leaf? The
 * entries above are read again: that is as good as the walk. */
static bool walk_holds(const struct shadow_root *r, u64 gpa)
{
	const struct pt_mode *m = &r->mode;
	const struct pt_walk *w = &r->walk;
	u32 l;

	if (r->walk_shift == WALK_NONE || (gpa ^ r->walked) >> r->walk_shift)
		return false;
	for (l = m->fmt->levels; l > w->level; l--)
		if ((m->size_log == 3 ? pt_load64(w->ptr[l])
				      : pt_load32(w->ptr[l])) != w->entry[l])
			return false;
	return true;
}

/* walk12() into r->walk, the short way if possible. */
static int walk_root(struct shadow *s, struct shadow_root *r, u64 gpa,
		     u32 access, struct shadow_fault *f)
{
	const struct pt_mode *m = &r->mode;
	struct pt_walk *w = &r->walk;
	u32 need = needed(m, access);
	int err;

	if (walk_holds(r, gpa) && pt_walk_again(m, gpa, w) &&
	    (w->rights & need) == need)
		return 0;
	r->walk_shift = WALK_NONE;
	err = walk12(s, m, r->n.root.v, gpa, access, w, f);
	if (!err && w->ptr[w->level] != PT_NO_MEMORY) {
		r->walked = gpa;
		r->walk_shift = w->shift + m->fmt->level[w->level].bits;
	}
	return err;
}

static bool leaf_dirty(const struct pt_mode *m, u64 e)
{
	return (e & m->d) == m->d;
}

/*
 * walk12() and the accessed and dirty flags. -EAGAIN: the dirty flag may not
 * be set. -EBUSY: L1's CPUs keep changing the entries; L2 may just try again.
 */
static int translate12(struct shadow *s, struct shadow_root *r, u64 gpa,
		       u32 access, struct shadow_fault *f)
{
	const struct pt_mode *m = &r->mode;
	struct pt_walk *w = &r->walk;
	bool write = access & ACCESS_W;
	u32 i;
	int err;

	for (i = 0; i < RETRIES; i++) {
		err = walk_root(s, r, gpa, access, f);
		if (err)
			return err;
		f->dirtied = write && !leaf_dirty(m, w->entry[w->level]);
		if (f->dirtied && (access & SHADOW_KEEP_CLEAN))
			return -EAGAIN;
		if (pt_set_ad(m, w, write))
			return 0;
	}
	return -EBUSY;
}

/* ------------------------------------------------------------------------ */
/* The folded table.							     */

static bool is_table(u32 level, u64 e)
{
	return level > 1 && e && !(e & PT_PS);
}

/* A new table in @slot of @parent, at the level below @level. */
static __noinline u64 table_new(struct shadow *s, struct shadow_root *r,
				u32 parent, u32 slot, u32 level)
{
	struct shadow_pool *p = &s->pool;
	u32 t = pool_take(p);
	u64 e = fold_table(&r->types, pool_hpa(p, t));

	p->table[t].parent = parent;
	p->table[t].slot = (u16)slot;
	p->table[t].level = (u8)(level - 1);
	chain_append(p, &r->tables, t);
	pool_store(p, parent, slot, e);
	return e;
}

/*
 * Find the place for the leaf of @x, making tables on the way. Where a table
 * stands already the leaf goes into it, as a smaller one; a large leaf in the
 * way gives place to a table. Folded tables are of 512 entries at all levels.
 */
static void place(struct shadow *s, struct shadow_root *r, struct fill *x,
		  bool *flush)
{
	u32 l = r->fmt->levels, shift = PAGE_SHIFT + 9 * (l - 1), slot;
	hpa_t table = r->hpa;
	u64 e;

	if (x->level == 1 && r->leaf_table != POOL_NONE &&
	    x->gpa >> 21 == r->leaf_key) {
		x->table = r->leaf_table;
		x->slot = (x->gpa >> PAGE_SHIFT) & 511;
		x->shift = PAGE_SHIFT;
		return;
	}
	shadow_make_room(s, r, flush);
	for (;; l--, shift -= 9) {
		slot = (x->gpa >> shift) & 511;
		e = ((u64 *)hpa_ptr(table))[slot];
		if (unlikely(!is_table(l, e))) {
			if (l <= x->level)
				break;
			if (e)
				*flush = true;
			e = table_new(s, r, pool_index(&s->pool, table.v), slot,
				      l);
		}
		table = HPA(e & PT_ADDR);
	}
	x->level = l;
	x->shift = (u8)shift;
	x->slot = slot;
	x->table = pool_index(&s->pool, table.v);
	if (l == 1) {
		r->leaf_table = x->table;
		r->leaf_key = x->gpa >> 21;
	}
}

/* Level of the folded leaf: as large as both stages and hardware allow. */
static u32 leaf_level(const struct shadow *s, const struct fill *x)
{
	u32 shift = MIN(x->w->shift, x->l->shift);

	if (shift >= 30 && s->vm->slat->max_page >= 3)
		return 3;
	return shift >= 21 ? 2 : 1;
}

/* Rights of the folded leaf for L1's leaf @e: both stages', and no write
 * before the dirty flag is set. */
static u32 fold_rights(const struct pt_mode *m, u32 rights12, u32 access01,
		       u64 e)
{
	u32 rights = rights12 & (access01 | ACCESS_U);

	if (!(access01 & ACCESS_X))
		rights &= ~ACCESS_U;
	return leaf_dirty(m, e) ? rights : rights & ~ACCESS_W;
}

/* Has @new taken away from what the processor may have cached of @old? */
static bool shrinks(const struct shadow *s, u64 old, u64 new)
{
	if (!old)
		return false;
	if (s->fmt->ept)
		return (old ^ new) & ~(EPT_R | EPT_W | EPT_X | EPT_XU) ||
		       (old & ~new);
	return (old ^ new) & ~(PT_W | PT_NX_BIT) || (old & ~new &PT_W) ||
	       (new & ~old &PT_NX_BIT);
}

static void fill_one(struct shadow *s, struct shadow_root *r, struct fill *x,
		     bool *flush)
{
	const struct leaf01 *l = x->l;
	u64 e12 = x->w->entry[x->w->level], size, e, old;
	u32 rights = fold_rights(&r->mode, x->w->rights, l->access, e12);

	place(s, r, x, flush);
	size = BIT(x->shift);
	e = fold_leaf(&r->types, x->level,
		      HPA(ALIGN_DOWN(x->w->addr + l->delta, size)), rights, e12,
		      x->w->level, l->type);
	old = s->pool.mem[x->table][x->slot];
	if (shrinks(s, old, e))
		*flush = true;
	pool_store(&s->pool, x->table, x->slot, e);
	s->stats.fills++;
}

/* ------------------------------------------------------------------------ */
/* Neighbours.								     */

/*
 * What neighbours seldom differ in: the entry of L1's without its address,
 * the leaf of ept01/npt01, and what both fold to.
 */
struct run {
	u64 flags12;	 /* L1's entry without its address */
	u64 start, size; /* L1-physical range of the leaf; size 0: none yet */
	u64 add;	 /* folded entry minus L1-physical address */
};

/* Begin a run with L1's leaf @e to @l1pa. False: it cannot be filled. */
static bool run_start(struct shadow *s, const struct shadow_root *r,
		      const struct fill *x, u64 e, u64 l1pa, struct run *k)
{
	const struct pt_mode *m = &r->mode;
	const struct leaf01 *l = leaf01(s, l1pa);
	u32 rights;

	k->size = 0;
	if (!l || l->shift < x->shift || (m->ept && !fold_type_exists(e)))
		return false;
	rights = fold_rights(m, pt_rights(m, x->w->all & e, x->w->any | e),
			     l->access, e);
	if (!(rights & ACCESS_R))
		return false;
	k->start = l->key << l->shift;
	k->size = BIT(l->shift);
	k->add = l->delta + fold_leaf(&r->types, x->level, HPA(0), rights, e,
				      x->w->level, l->type);
	return true;
}

/*
 * Neighbours in L1's own table, which has a leaf of the same size for each:
 * fills from @slot to @end; the first slot that it did not look at.
 */
static __always_inline u32 fill_from_table(struct shadow *s,
					   struct shadow_root *r,
					   const struct fill *x, u32 slot,
					   u32 end, const bool small)
{
	const struct pt_mode *m = &r->mode;
	const struct pt_mode_level *ml = &m->level[x->w->level];
	const u64 set = m->a | (x->w->level > 1 ? PT_PS : 0) |
			(m->ept ? EPT_R : PT_P | PT_U);
	const u64 mask = set | ml->rsvd[1];
	const u64 addr = m->addr & ~(BIT(ml->shift) - 1);
	const u8 *from = (const u8 *)x->w->ptr[x->w->level] +
			 ((s64)slot - x->slot) * (small ? 4 : 8);
	u64 *first = s->pool.mem[x->table], *to = first + slot;
	u64 *const stop = first + end;
	struct run k = { 0 };
	u32 misses = 0, n = 0;
	u64 e;

	for (; to < stop; to++, from += small ? 4 : 8) {
		if (*to)
			continue;
		e = small ? pt_load32(from) : pt_load64(from);
		if ((e & mask) != set)
			goto miss;
		if (unlikely((e & addr) - k.start >= k.size ||
			     (e & ~addr) != k.flags12)) {
			k.flags12 = e & ~addr;
			if (!run_start(s, r, x, e, e & addr, &k))
				goto miss;
		}
		__atomic_store_n(to, (e & addr) + k.add, __ATOMIC_RELEASE);
		misses = 0;
		n++;
		continue;
	miss:
		if (++misses == MISSES_MAX)
			break;
	}
	pool_used(&s->pool, x->table, slot, end);
	s->stats.prefills += n;
	return (u32)(to - first);
}

/* Neighbours in the same, larger page of L1's, which ept01/npt01 has in
 * pieces. As above. */
static u32 fill_from_leaf(struct shadow *s, struct shadow_root *r,
			  const struct fill *x, u32 slot, u32 end)
{
	u64 e = x->w->entry[x->w->level];
	struct run k = { 0 };

	for (; slot < end; slot++) {
		u64 gpa = ALIGN_DOWN(x->gpa, BIT(x->shift)) +
			  (((u64)slot - x->slot) << x->shift);
		u64 l1pa = pt_leaf_addr(&r->mode, x->w->level, e, gpa);

		if ((gpa ^ x->gpa) >> x->w->shift)
			break;
		if (s->pool.mem[x->table][slot])
			continue;
		if (l1pa - k.start >= k.size &&
		    !run_start(s, r, x, e, l1pa, &k))
			break;
		pool_store(&s->pool, x->table, slot, l1pa + k.add);
		s->stats.prefills++;
	}
	return slot;
}

/*
 * How many neighbours to fill. The window doubles as long as faults come in
 * sequence, and L1's flush leaves it: what was touched is touched again.
 */
static u32 window(struct shadow_root *r, const struct fill *x)
{
	if (x->level > 1)
		return WINDOW_LARGE;
	if (x->gpa >> PAGE_SHIFT == r->expect)
		r->window = MIN(r->window * 2, WINDOW_MAX);
	else if (r->expect != EXPECT_ANY)
		r->window = MAX(r->window / 2, WINDOW_MIN);
	return r->window;
}

/* Fill neighbours of @x in its folded table, from the start of its cache line
 * on. */
static void fill_neighbours(struct shadow *s, struct shadow_root *r,
			    const struct fill *x)
{
	u32 slot = x->slot & ~7u, n = window(r, x);
	u32 end = MIN(slot + n, 512);

	if (x->w->shift > x->shift)
		slot = fill_from_leaf(s, r, x, x->slot + 1, end);
	else if (x->w->ptr[x->w->level] == PT_NO_MEMORY)
		return;
	else if (r->mode.size_log == 3)
		slot = fill_from_table(s, r, x, slot, end, false);
	else
		slot = fill_from_table(s, r, x, slot, end, true);
	if (x->level == 1)
		r->expect = (x->gpa >> PAGE_SHIFT) + slot - x->slot;
}

/* ------------------------------------------------------------------------ */

int shadow_fault(struct shadow *s, struct shadow_root *r, l2pa_t gpa,
		 u32 access, struct shadow_fault *f, bool *flush)
{
	struct fill x;
	bool dirtied;
	int err;

	s->stats.faults++;
	shadow_check_slat(s);
	if (unlikely(shadow_is_dropped(s, r))) {
		shadow_empty(s, r);
		r->fresh = false;
		*flush = true;
	}
	x.gpa = gpa.v;
	if (unlikely(gpa.v >> r->fmt->in_bits)) { /* no processor goes there */
		*f = (struct shadow_fault){ .kind = SF_NOT_PRESENT,
					    .level = r->n.fmt->levels };
		return -EFAULT;
	}
	x.w = &r->walk;
	err = translate12(s, r, gpa.v, access, f);
	if (unlikely(err))
		return err == -EBUSY ? 0 : err;
	f->l1pa = L1PA(x.w->addr);
	x.l = leaf01_get(s, x.w->addr);
	if (unlikely(!x.l || (access & RWX & ~x.l->access))) {
		dirtied = f->dirtied; /* set all the same */
		describe(f, x.w, SF_L0);
		f->l1pa = L1PA(x.w->addr);
		f->dirtied = dirtied;
		return -EPERM;
	}
	x.level = leaf_level(s, &x);
	fill_one(s, r, &x, flush);
	if (x.level < 3)
		fill_neighbours(s, r, &x);
	return 0;
}

int shadow_translate(struct shadow *s, const struct nested_root *n, l2pa_t gpa,
		     u32 access, l1pa_t *out, struct shadow_fault *f)
{
	struct pt_mode m;
	struct pt_walk w;
	u32 i;
	int err;

	shadow_check_slat(s);
	pt_mode_init(&m, n->fmt, s->vm->slat->phys_bits, n->flags);
	for (i = 0; i < RETRIES; i++) {
		err = walk12(s, &m, n->root.v, gpa.v, access, &w, f);
		if (err)
			return err;
		*out = L1PA(w.addr);
		if (!(access & ACCESS_W) || pt_set_ad(&m, &w, true))
			break;
	}
	return 0;
}
