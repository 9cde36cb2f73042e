/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fault of L2: judged by L1's table, then filled into the folded one. */
#include "mm/shadow.h"

#include "core/err.h"
#include "core/vcpu.h"
#include "mm/guest.h"
#include "mm/shadow_priv.h"
#include "mm/slat.h"

/* That many unusable neighbours in a row end it: one cache line. */
#define MISSES_MAX 8

#define RETRIES 64 /* lost races with L1's other CPUs for one entry */

#define RWX (ACCESS_R | ACCESS_W | ACCESS_X)

/* One translation of a fault on its way into the folded table. */
struct fill {
	struct pt_walk w;	/* of L1's table */
	const struct leaf01 *l; /* of ept01/npt01 */
	u64 gpa;		/* L2-physical */
	u32 level;		/* of the folded leaf */
	u32 table, slot;	/* where it stands */
};

/* ------------------------------------------------------------------------ */
/* L1's memory and ept01/npt01, with the last answers kept.		     */

static void *table_mem_slow(struct shadow *s, u64 pa)
{
	if (guest_ram_span(s->vm, L1PA(pa), &s->ram_start, &s->ram_len))
		s->ram_len = 0;
	return guest_ptr(s->vm, L1PA(pa));
}

static void *table_mem(void *ctx, u64 pa)
{
	struct shadow *s = ctx;

	if (likely(pa - s->ram_start < s->ram_len))
		return hpa_ptr(HPA(pa));
	return table_mem_slow(s, pa);
}

static const struct leaf01 *leaf01_slow(struct shadow *s, u64 l1pa,
					struct leaf01 *c)
{
	struct slat_leaf l;

	if (slat_lookup(s->vm->slat, L1PA(l1pa), &l) &&
	    (slat_fault(s->vm->slat, L1PA(l1pa)) ||
	     slat_lookup(s->vm->slat, L1PA(l1pa), &l)))
		return NULL;
	*c = (struct leaf01){ .key = l1pa >> l.shift,
			      .delta = l.hpa.v - l1pa,
			      .access = l.access,
			      .shift = l.shift,
			      .type = l.type };
	return c;
}

/* The leaf that maps @l1pa, NULL if there is none. */
static const struct leaf01 *leaf01(struct shadow *s, u64 l1pa)
{
	struct leaf01 *c = &s->leaf[(l1pa >> 21) % LEAVES];

	if (likely(c->shift && l1pa >> c->shift == c->key))
		return c;
	return leaf01_slow(s, l1pa, c);
}

/* ------------------------------------------------------------------------ */
/* L1's verdict.							     */

/* Rights that @access needs of L1's table. */
static u32 needed(const struct pt_mode *m, u32 access)
{
	if (!m->fmt->ept) /* nested walks are user accesses */
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
	enum pt_result res = pt_walk(m, root, gpa, table_mem, s, w);
	u32 need = needed(m, access);

	if (likely(res == PT_OK && (w->rights & need) == need))
		return 0;
	describe(f, w,
		 res == PT_NOT_PRESENT ? SF_NOT_PRESENT
		 : res == PT_RESERVED  ? SF_RESERVED
				       : SF_RIGHTS);
	return -EFAULT;
}

static bool leaf_dirty(const struct pt_mode *m, u64 e)
{
	return (e & m->d) == m->d;
}

/*
 * walk12() and the accessed and dirty flags. -EAGAIN: the dirty flag may not
 * be set, or L1's CPUs keep changing the entries (then *f has no rights and
 * L2 may just try again).
 */
static int translate12(struct shadow *s, const struct shadow_root *r, u64 gpa,
		       u32 access, struct pt_walk *w, struct shadow_fault *f)
{
	const struct pt_mode *m = &r->mode;
	u32 i;
	int err;

	for (i = 0; i < RETRIES; i++) {
		err = walk12(s, m, r->n.root.v, gpa, access, w, f);
		if (err)
			return err;
		f->dirtied = (access & ACCESS_W) &&
			     !leaf_dirty(m, w->entry[w->level]);
		if (f->dirtied && (access & SHADOW_KEEP_CLEAN))
			return -EAGAIN;
		if (pt_set_ad(m, w, access & ACCESS_W))
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
static u32 table_new(struct shadow *s, struct shadow_root *r, u32 parent,
		     u32 slot, u32 level)
{
	struct shadow_pool *p = &s->pool;
	u32 t = pool_take(p);

	p->table[t].parent = parent;
	p->table[t].slot = (u16)slot;
	p->table[t].level = (u8)(level - 1);
	chain_append(p, &r->tables, t);
	pool_store(p, parent, slot, fold_table(&r->types, pool_hpa(p, t)));
	return t;
}

/*
 * Find the place for the leaf of @x, making tables on the way. Where a table
 * stands already the leaf goes into it, as a smaller one; a large leaf in the
 * way gives place to a table.
 */
static void place(struct shadow *s, struct shadow_root *r, struct fill *x,
		  bool *flush)
{
	const struct pt_format *f = s->fmt;
	u32 l;
	u64 e;

	shadow_make_room(s, r, flush);
	x->table = r->table;
	for (l = f->levels;; l--) {
		x->slot = pt_index(f, l, x->gpa);
		e = s->pool.mem[x->table][x->slot];
		if (is_table(l, e)) {
			x->table = pool_index(&s->pool, e);
			continue;
		}
		if (l <= x->level)
			break;
		if (e)
			*flush = true;
		x->table = table_new(s, r, x->table, x->slot, l);
	}
	x->level = l;
}

/* Level of the folded leaf: as large as both stages and hardware allow. */
static u32 leaf_level(const struct shadow *s, const struct fill *x)
{
	u32 shift = MIN(x->w.shift, x->l->shift);

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
	u64 e12 = x->w.entry[x->w.level], size, e, old;
	u32 rights = fold_rights(&r->mode, x->w.rights, l->access, e12);

	place(s, r, x, flush);
	size = BIT(s->fmt->level[x->level].shift);
	e = fold_leaf(&r->types, x->level,
		      HPA(ALIGN_DOWN(x->w.addr + l->delta, size)), rights, e12,
		      x->w.level, l->type);
	old = s->pool.mem[x->table][x->slot];
	if (shrinks(s, old, e))
		*flush = true;
	pool_store(&s->pool, x->table, x->slot, e);
	s->stats.fills++;
}

/* ------------------------------------------------------------------------ */
/* Neighbours.								     */

/* What a neighbour must have and must not have, to be cached unasked. */
struct usable {
	u64 mask, value;
	u32 upper; /* rights of the levels above */
};

static struct usable usable_in(const struct pt_mode *m, const struct pt_walk *w)
{
	u64 set = m->a | (w->level > 1 ? PT_PS : 0);

	set |= m->fmt->ept ? EPT_R : PT_P | PT_U;
	return (struct usable){ .mask = set | m->rsvd_leaf[w->level],
				.value = set,
				.upper = w->upper };
}

/* L1's leaf for the neighbour at @gpa; 0: none that may be used. */
static u64 neighbour12(const struct pt_mode *m, const struct pt_walk *w,
		       const struct usable *u, u64 gpa)
{
	u64 table = ALIGN_DOWN((uintptr_t)w->ptr[w->level], PAGE_SIZE);
	u64 e = pt_load(m->fmt, (const u8 *)(uintptr_t)table +
					pt_index(m->fmt, w->level, gpa) *
						m->fmt->entry_size);

	if ((e & u->mask) != u->value)
		return 0;
	return m->fmt->ept && !fold_type_exists(e) ? 0 : e;
}

/* The folded entry for the neighbour at @gpa; 0: none. */
static u64 neighbour(struct shadow *s, const struct shadow_root *r,
		     const struct fill *x, const struct usable *u, u64 gpa)
{
	const struct pt_mode *m = &r->mode;
	u32 rights;
	const struct leaf01 *l;
	u64 e = x->w.entry[x->w.level], l1pa;

	if ((gpa ^ x->gpa) >> x->w.shift) {
		e = neighbour12(m, &x->w, u, gpa);
		if (!e)
			return 0;
	}
	l1pa = pt_leaf_addr(m, x->w.level, e, gpa);
	l = leaf01(s, l1pa);
	if (!l || l->shift < s->fmt->level[x->level].shift)
		return 0;
	rights = fold_rights(m, u->upper & pt_rights(m, x->w.level, e),
			     l->access, e);
	if (!(rights & ACCESS_R))
		return 0;
	return fold_leaf(&r->types, x->level, HPA(l1pa + l->delta), rights, e,
			 x->w.level, l->type);
}

/*
 * Fill neighbours of @x in its folded table, from the start of its cache line
 * on. The window doubles as long as faults come in sequence.
 */
static void fill_neighbours(struct shadow *s, struct shadow_root *r,
			    const struct fill *x)
{
	u8 shift = s->fmt->level[x->level].shift;
	u64 *table = s->pool.mem[x->table], e;
	u32 slot = x->slot & ~7u, end, misses = 0;
	u64 gpa = ALIGN_DOWN(x->gpa, BIT(shift)) -
		  ((u64)(x->slot - slot) << shift);
	struct usable u = usable_in(&r->mode, &x->w);

	if (ALIGN_DOWN(x->gpa, BIT(shift)) == r->expect)
		r->window = MIN(r->window * 2, WINDOW_MAX);
	else
		r->window = MAX(r->window / 2, WINDOW_MIN);
	end = MIN(slot + r->window, 512);
	for (; slot < end && misses < MISSES_MAX; slot++, gpa += BIT(shift)) {
		if (table[slot])
			continue;
		e = neighbour(s, r, x, &u, gpa);
		if (!e) {
			misses++;
			continue;
		}
		misses = 0;
		pool_store(&s->pool, x->table, slot, e);
		s->stats.prefills++;
	}
	r->expect = gpa;
}

/* ------------------------------------------------------------------------ */

int shadow_fault(struct shadow *s, struct shadow_root *r, l2pa_t gpa,
		 u32 access, struct shadow_fault *f, bool *flush)
{
	struct fill x;
	int err;

	s->stats.faults++;
	shadow_check_slat(s);
	if (unlikely(shadow_is_dropped(s, r))) {
		shadow_empty(s, r);
		r->fresh = false;
		*flush = true;
	}
	x.gpa = gpa.v;
	if (unlikely(gpa.v >> s->fmt->in_bits)) { /* no processor goes there */
		*f = (struct shadow_fault){ .kind = SF_NOT_PRESENT,
					    .level = r->n.fmt->levels };
		return -EFAULT;
	}
	err = translate12(s, r, gpa.v, access, &x.w, f);
	if (unlikely(err))
		return err == -EBUSY ? 0 : err;
	f->l1pa = L1PA(x.w.addr);
	x.l = leaf01(s, x.w.addr);
	if (unlikely(!x.l || (access & RWX & ~x.l->access))) {
		describe(f, &x.w, SF_L0);
		f->l1pa = L1PA(x.w.addr);
		return -EPERM;
	}
	x.level = leaf_level(s, &x);
	fill_one(s, r, &x, flush);
	if (x.level < 3 && x.w.ptr[x.w.level])
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
