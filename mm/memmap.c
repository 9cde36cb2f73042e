/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mm/memmap.h"

#include "core/err.h"
#include "core/string.h"

enum paint { PAINT_ADD, PAINT_SET, PAINT_REMOVE };

static u64 region_end(const struct mem_region *r)
{
	return r->start + r->len;
}

/* The higher, the less usable. */
static u32 rank(u32 type)
{
	switch (type) {
	case MEM_RAM:
		return 0;
	case MEM_ACPI:
		return 1;
	case MEM_NVS:
		return 2;
	case MEM_RESERVED:
		return 3;
	case MEM_BAD:
		return 5;
	default:
		return 4;
	}
}

/* Append [s, e) to a map under construction; false when it is full. */
static bool emit(struct memmap *m, u64 s, u64 e, u32 type)
{
	struct mem_region *last = m->n ? &m->r[m->n - 1] : NULL;

	if (s >= e)
		return true;
	if (last && region_end(last) == s && last->type == type) {
		last->len += e - s;
		return true;
	}
	if (m->n == MEMMAP_MAX)
		return false;
	m->r[m->n++] = (struct mem_region){ s, e - s, type };
	return true;
}

/* The parts of @r before, within and after [s, e). */
static bool emit_old(struct memmap *m, const struct mem_region *r, u64 s, u64 e,
		     u32 type, enum paint how)
{
	u64 rs = r->start, re = region_end(r);
	u32 mid = type;

	if (how == PAINT_ADD && rank(r->type) > rank(type))
		mid = r->type;
	return emit(m, rs, MIN(re, s), r->type) &&
	       (how == PAINT_REMOVE || emit(m, MAX(rs, s), MIN(re, e), mid)) &&
	       emit(m, MAX(rs, e), re, r->type);
}

/* One sweep builds the new map aside, so that an error changes nothing. */
static int paint(struct memmap *m, u64 start, u64 len, u32 type, enum paint how)
{
	u64 e = len > ~0ull - start ? ~0ull : start + len;
	u64 gap = start; /* what lies below is dealt with */
	struct memmap new;
	bool ok = true;

	if (start >= e)
		return 0;
	new.n = 0;
	for (u32 i = 0; i < m->n && ok; i++) {
		const struct mem_region *r = &m->r[i];

		if (how != PAINT_REMOVE)
			ok = emit(&new, gap, MIN(r->start, e), type);
		ok = ok && emit_old(&new, r, start, e, type, how);
		gap = MAX(gap, MIN(region_end(r), e));
	}
	if (how != PAINT_REMOVE)
		ok = ok && emit(&new, gap, e, type);
	if (!ok)
		return -ENOSPC;
	m->n = new.n;
	memcpy(m->r, new.r, new.n * sizeof(new.r[0]));
	return 0;
}

int memmap_add(struct memmap *m, u64 start, u64 len, u32 type)
{
	return paint(m, start, len, type, PAINT_ADD);
}

int memmap_set(struct memmap *m, u64 start, u64 len, u32 type)
{
	return paint(m, start, len, type, PAINT_SET);
}

int memmap_remove(struct memmap *m, u64 start, u64 len)
{
	return paint(m, start, len, 0, PAINT_REMOVE);
}

bool memmap_is(const struct memmap *m, u64 start, u64 len, u32 type)
{
	u64 end = start + len;

	if (!len)
		return true;
	if (end < start)
		return false;
	/* neighbours of one type are one region */
	for (u32 i = 0; i < m->n; i++)
		if (m->r[i].type == type && m->r[i].start <= start &&
		    region_end(&m->r[i]) >= end)
			return true;
	return false;
}

/* A range of @keep that touches [s, s+len), or NULL. */
static const struct mem_region *
touched(u64 s, u64 len, const struct mem_region *keep, u32 nkeep)
{
	for (u32 i = 0; i < nkeep; i++)
		if (keep[i].len && s < region_end(&keep[i]) &&
		    keep[i].start < s + len)
			return &keep[i];
	return NULL;
}

/* Highest place within [lo, hi), or ~0. */
static u64 fit_high(u64 lo, u64 hi, u64 len, u64 align,
		    const struct mem_region *keep, u32 nkeep)
{
	while (hi >= lo && hi - lo >= len) {
		u64 s = ALIGN_DOWN(hi - len, align);
		const struct mem_region *k;

		if (s < lo)
			break;
		k = touched(s, len, keep, nkeep);
		if (!k)
			return s;
		hi = k->start;
	}
	return ~0ull;
}

/* Lowest place within [lo, hi), or ~0. */
static u64 fit_low(u64 lo, u64 hi, u64 len, u64 align,
		   const struct mem_region *keep, u32 nkeep)
{
	for (;;) {
		u64 s = ALIGN_UP(lo, align);
		const struct mem_region *k;

		if (s < lo || s >= hi || hi - s < len)
			return ~0ull;
		k = touched(s, len, keep, nkeep);
		if (!k)
			return s;
		lo = region_end(k);
	}
}

u64 memmap_find_high(const struct memmap *m, u64 len, u64 align, u64 min,
		     u64 max, const struct mem_region *keep, u32 nkeep)
{
	for (u32 i = m->n; i-- && len;) {
		const struct mem_region *r = &m->r[i];
		u64 s;

		if (r->type != MEM_RAM)
			continue;
		s = fit_high(MAX(r->start, min), MIN(region_end(r), max), len,
			     align, keep, nkeep);
		if (s != ~0ull)
			return s;
	}
	return ~0ull;
}

u64 memmap_find_low(const struct memmap *m, u64 len, u64 align, u64 min,
		    u64 max, const struct mem_region *keep, u32 nkeep)
{
	for (u32 i = 0; i < m->n && len; i++) {
		const struct mem_region *r = &m->r[i];
		u64 s;

		if (r->type != MEM_RAM)
			continue;
		s = fit_low(MAX(r->start, min), MIN(region_end(r), max), len,
			    align, keep, nkeep);
		if (s != ~0ull)
			return s;
	}
	return ~0ull;
}

static bool is_memory(const struct mem_region *r)
{
	return r->type == MEM_RAM || r->type == MEM_ACPI || r->type == MEM_NVS;
}

u64 memmap_memory_end(const struct memmap *m)
{
	for (u32 i = m->n; i--;)
		if (is_memory(&m->r[i]))
			return region_end(&m->r[i]);
	return 0;
}

bool memmap_memory_in(const struct memmap *m, u64 start, u64 len)
{
	for (u32 i = 0; i < m->n; i++)
		if (is_memory(&m->r[i]) && m->r[i].start < start + len &&
		    start < region_end(&m->r[i]))
			return true;
	return false;
}

u64 memmap_ram_end(const struct memmap *m)
{
	for (u32 i = m->n; i--;)
		if (m->r[i].type == MEM_RAM)
			return region_end(&m->r[i]);
	return 0;
}
