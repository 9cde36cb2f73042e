/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page-table walker of the tests' own, written from the manuals level by
 * level and sharing nothing with mm/pt_format.c: what it is compared with.
 */
#ifndef TESTS_UNIT_NAIVE_H
#define TESTS_UNIT_NAIVE_H

#include "core/types.h"

enum naive_kind { N_32, N_PAE, N_4, N_5, N_E4, N_E5 };

struct naive_mode {
	enum naive_kind kind;
	bool amd;	      /* bit 8 of upper levels is reserved */
	bool nx, pse, has_1g; /* x86 */
	bool ad, xo, mbe;     /* EPT */
	unsigned phys_bits;
	u64 (*rd)(u64 pa, unsigned size);
};

struct naive {
	enum { NAIVE_OK, NAIVE_NP, NAIVE_RSV } res;
	u64 addr;
	bool r, w, x, u, xu; /* ANDed */
	unsigned level, shift;
	u64 leaf;
	bool accessed; /* at all levels, where kept */
	bool dirty;    /* or not kept */
};

static inline bool naive_x86_entry(const struct naive_mode *m, struct naive *n,
				   u64 e, bool pdpte, u64 rsvd)
{
	if (!(e & 1)) {
		n->res = NAIVE_NP;
		n->r = n->w = n->x = n->u = n->xu = false;
		return false;
	}
	if (!pdpte) {
		n->w &= e >> 1 & 1;
		n->u &= e >> 2 & 1;
		if (m->nx && (e >> 63))
			n->x = false;
		n->accessed &= e >> 5 & 1;
	}
	if (e & rsvd) {
		n->res = NAIVE_RSV;
		return false;
	}
	return true;
}

static inline u64 naive_above(unsigned phys_bits, unsigned top)
{
	u64 v = 0;
	unsigned i;

	for (i = phys_bits; i <= top; i++)
		v |= 1ull << i;
	return v;
}

static inline struct naive naive_leaf(struct naive n, u64 e, u64 base,
				      unsigned shift, u64 in)
{
	n.leaf = e;
	n.shift = shift;
	n.addr = base + (in & ((1ull << shift) - 1));
	n.res = NAIVE_OK;
	return n;
}

static inline struct naive naive_32(const struct naive_mode *m, struct naive n,
				    u64 root, u64 in)
{
	u64 e = m->rd(root + (in >> 22) * 4, 4), rsvd = 0, base;
	unsigned i;

	n.level = 2;
	if (m->pse && (e & 0x80)) {
		rsvd = 1 << 21;
		for (i = 0; i < 8; i++)
			if (32 + i >= m->phys_bits)
				rsvd |= 1ull << (13 + i);
	}
	n.leaf = e;
	if (!naive_x86_entry(m, &n, e, false, rsvd))
		return n;
	if (m->pse && (e & 0x80)) {
		n.dirty = e & 0x40;
		base = (e & 0xffc00000) | (e >> 13 & 0xff) << 32;
		return naive_leaf(n, e, base, 22, in);
	}
	n.level = 1;
	e = m->rd((e & 0xfffff000) + (in >> 12 & 1023) * 4, 4);
	n.leaf = e;
	if (!naive_x86_entry(m, &n, e, false, 0))
		return n;
	n.dirty = e & 0x40;
	return naive_leaf(n, e, e & 0xfffff000, 12, in);
}

#define NAIVE_ADDR 0x000ffffffffff000ull

/* From a page directory down; the same for PAE and long mode. */
static inline struct naive naive_pd(const struct naive_mode *m, struct naive n,
				    u64 pd, u64 in, u64 rsvd)
{
	u64 e = m->rd(pd + (in >> 21 & 511) * 8, 8);

	n.level = 2;
	n.leaf = e;
	if (!naive_x86_entry(m, &n, e, false, rsvd | (e & 0x80 ? 0x1fe000 : 0)))
		return n;
	if (e & 0x80) {
		n.dirty = e & 0x40;
		return naive_leaf(n, e, e & NAIVE_ADDR & ~0x1fffffull, 21, in);
	}
	n.level = 1;
	e = m->rd((e & NAIVE_ADDR) + (in >> 12 & 511) * 8, 8);
	n.leaf = e;
	if (!naive_x86_entry(m, &n, e, false, rsvd))
		return n;
	n.dirty = e & 0x40;
	return naive_leaf(n, e, e & NAIVE_ADDR, 12, in);
}

static inline struct naive naive_pae(const struct naive_mode *m, struct naive n,
				     u64 root, u64 in)
{
	u64 rsvd = naive_above(m->phys_bits, 62) | (m->nx ? 0 : 1ull << 63);
	u64 e = m->rd(root + (in >> 30) * 8, 8);

	n.level = 3;
	n.leaf = e;
	if (!naive_x86_entry(m, &n, e, true, rsvd | 1ull << 63 | 0x1c6))
		return n;
	return naive_pd(m, n, e & NAIVE_ADDR, in, rsvd);
}

static inline struct naive naive_long(const struct naive_mode *m,
				      struct naive n, u64 root, u64 in,
				      unsigned levels)
{
	u64 rsvd = naive_above(m->phys_bits, 51) | (m->nx ? 0 : 1ull << 63);
	u64 table = root, e;

	for (n.level = levels; n.level >= 4; n.level--) {
		unsigned shift = n.level == 5 ? 48 : 39;

		e = m->rd(table + (in >> shift & 511) * 8, 8);
		n.leaf = e;
		if (!naive_x86_entry(m, &n, e, false,
				     rsvd | (m->amd ? 0x180 : 0x80)))
			return n;
		table = e & NAIVE_ADDR;
	}
	e = m->rd(table + (in >> 30 & 511) * 8, 8);
	n.leaf = e;
	if (!naive_x86_entry(m, &n, e, false,
			     rsvd | (!m->has_1g ? 0x80
				     : e & 0x80 ? 0x3fffe000
						: 0)))
		return n;
	if (e & 0x80) {
		n.dirty = e & 0x40;
		return naive_leaf(n, e, e & NAIVE_ADDR & ~0x3fffffffull, 30,
				  in);
	}
	return naive_pd(m, n, e & NAIVE_ADDR, in, rsvd);
}

static inline bool naive_ept_entry(const struct naive_mode *m, struct naive *n,
				   u64 e, bool leaf, u64 rsvd)
{
	bool r = e & 1, w = e & 2, x = e & 4, xu = m->mbe ? e & 0x400 : x;
	unsigned type = e >> 3 & 7;

	n->leaf = e;
	if (!r && !w && !x && !xu) {
		n->res = NAIVE_NP;
		n->r = n->w = n->x = n->u = n->xu = false;
		return false;
	}
	n->r &= r;
	n->w &= w;
	n->x &= x;
	n->xu &= xu;
	if (m->ad) {
		n->accessed &= e >> 8 & 1;
		n->dirty = e >> 9 & 1;
	}
	if ((w && !r) || (!r && (x || xu) && !m->xo) || (e & rsvd) ||
	    (leaf && (type == 2 || type == 3 || type == 7))) {
		n->res = NAIVE_RSV;
		return false;
	}
	return true;
}

static inline struct naive naive_ept(const struct naive_mode *m, struct naive n,
				     u64 root, u64 in, unsigned levels)
{
	u64 above = naive_above(m->phys_bits, 51), table = root, e, low;
	unsigned shift;
	bool leaf;

	for (n.level = levels;; n.level--) {
		shift = 12 + 9 * (n.level - 1);
		low = (1ull << shift) - 1;
		e = m->rd(table + (in >> shift & 511) * 8, 8);
		leaf = n.level == 1 || (n.level == 2 && (e & 0x80)) ||
		       (n.level == 3 && (e & 0x80) && m->has_1g);
		if (leaf) {
			if (!naive_ept_entry(m, &n, e, true,
					     above | (NAIVE_ADDR & low)))
				return n;
			return naive_leaf(n, e, e & NAIVE_ADDR & ~low, shift,
					  in);
		}
		if (!naive_ept_entry(m, &n, e, false, above | 0xf8))
			return n;
		table = e & NAIVE_ADDR;
	}
}

static inline struct naive naive_walk(const struct naive_mode *m, u64 root,
				      u64 in)
{
	static const unsigned width[] = { 32, 32, 48, 57, 48, 57 };
	struct naive n = { .r = true,
			   .w = true,
			   .x = true,
			   .u = true,
			   .xu = true,
			   .accessed = true,
			   .dirty = true };

	if (in >> width[m->kind]) {
		static const unsigned levels[] = { 2, 3, 4, 5, 4, 5 };

		return (struct naive){ .res = NAIVE_NP,
				       .level = levels[m->kind] };
	}
	switch (m->kind) {
	case N_32:
		return naive_32(m, n, root, in);
	case N_PAE:
		return naive_pae(m, n, root, in);
	case N_4:
	case N_5:
		return naive_long(m, n, root, in, m->kind == N_4 ? 4 : 5);
	default:
		return naive_ept(m, n, root, in, m->kind == N_E4 ? 4 : 5);
	}
}

#endif
