/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walker itself, inline: pt_walk() for most, the shadow engine with its
 * own way to memory built in. Include mm/pt_format.h for everything else.
 */
#ifndef MM_PT_WALK_H
#define MM_PT_WALK_H

#include "mm/pt_format.h"

/* EPT only: rights that make no sense, memory types that do not exist. SDM 3C,
 * "EPT Misconfigurations". */
static inline bool ept_misconfigured(const struct pt_mode *m, u64 e, bool leaf)
{
	if (unlikely(!(e & EPT_R))) {
		if (m->bad_rwx >> (e & 7) & 1)
			return true;
		if (!(m->flags & PT_XO) && (e & m->xu))
			return true;
	}
	return leaf && (0x8c >> ((e & EPT_TYPE) >> EPT_TYPE_SHIFT) & 1);
}

/* The walk with what the format decides known when it is compiled. */
static __always_inline enum pt_result
pt_walk_variant(const struct pt_mode *m, u64 root, u64 in, pt_mem_fn *mem,
		void *ctx, struct pt_walk *w, const bool ept, const bool small)
{
	u64 table = root, all = ~0ull, any = 0, e, i;
	enum pt_result res = PT_NOT_PRESENT;
	u32 n = m->fmt->levels;
	const struct pt_mode_level *l = &m->level[n];
	bool leaf;

	if (unlikely(in >> m->fmt->in_bits)) {
		w->entry[n] = 0;
		w->ptr[n] = PT_NO_MEMORY;
		goto out;
	}
	for (;; n--, l--) {
		i = (in >> l->shift) & l->index;
		w->ptr[n] = mem(ctx, table + i * (small ? 4 : 8));
		w->entry[n] = e =
			small ? pt_load32(w->ptr[n]) : pt_load64(w->ptr[n]);
		if (unlikely(!(e & m->present)))
			goto out;
		leaf = n == 1 || ((e & PT_PS) && l->large);
		if (unlikely(e & l->rsvd[leaf]) ||
		    (ept && unlikely(ept_misconfigured(m, e, leaf)))) {
			res = PT_RESERVED;
			goto out;
		}
		if (leaf)
			break;
		all &= e | l->grant;
		any |= e;
		table = e & (small ? BITS(31, 12) : PT_ADDR);
	}
	res = PT_OK;
	w->shift = l->shift;
	w->addr = pt_leaf_addr(m, n, e, in);
out:
	w->level = n;
	w->all = all;
	w->any = any;
	w->rights = 0;
	if (res != PT_NOT_PRESENT)
		w->rights = pt_rights(m, all & (e | l->grant),
				      l->grant ? any : any | e);
	return res;
}

/*
 * Do the last step of the walk @w again, for an @in that the same last table
 * translates; the caller knows that the entries above are unchanged. False:
 * there is no proper leaf, do all of the walk.
 */
static inline bool pt_walk_again(const struct pt_mode *m, u64 in,
				 struct pt_walk *w)
{
	const struct pt_mode_level *l = &m->level[w->level];
	u64 table = ALIGN_DOWN((uintptr_t)w->ptr[w->level], PAGE_SIZE);
	u64 i = (in >> l->shift) & l->index, e;
	void *p = (void *)(uintptr_t)(table + (i << m->size_log));

	e = m->size_log == 3 ? pt_load64(p) : pt_load32(p);
	if (!(e & m->present) || (w->level > 1 && !(e & PT_PS)) ||
	    (e & l->rsvd[1]) || (m->ept && ept_misconfigured(m, e, true)))
		return false;
	w->ptr[w->level] = p;
	w->entry[w->level] = e;
	w->addr = pt_leaf_addr(m, w->level, e, in);
	w->rights = pt_rights(m, w->all & e, w->any | e);
	return true;
}

static __always_inline enum pt_result pt_walk_with(const struct pt_mode *m,
						   u64 root, u64 in,
						   pt_mem_fn *mem, void *ctx,
						   struct pt_walk *w)
{
	if (m->ept)
		return pt_walk_variant(m, root, in, mem, ctx, w, true, false);
	if (m->size_log == 3)
		return pt_walk_variant(m, root, in, mem, ctx, w, false, false);
	return pt_walk_variant(m, root, in, mem, ctx, w, false, true);
}

#endif
