/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the shadow engine: shadow.c (roots, drops, room for tables) and
 * shadow_fill.c (faults). Nobody else includes this. */
#ifndef MM_SHADOW_PRIV_H
#define MM_SHADOW_PRIV_H

#include "mm/fold.h"
#include "mm/pt_format.h"
#include "mm/shadow.h"
#include "mm/shadow_pool.h"

#define NR_ROOTS 16
#define LEAVES 16 /* of ept01/npt01 remembered */

/* Neighbours filled: at least and at most, and at most after a drop; of large
 * pages, which are seldom touched in sequence. */
#define WINDOW_MIN 32
#define WINDOW_MAX 512
#define WINDOW_DROP 128
#define WINDOW_LARGE 16

/* shadow_root.expect after a drop. */
#define EXPECT_ANY ~0ull

/* shadow_root.walk_shift: the last walk is void. */
#define WALK_NONE 0

/* Tables that one fill may need. */
#define TABLES_NEEDED PT_LEVELS_MAX

struct shadow_root {
	struct nested_root n;
	const struct pt_format *fmt; /* of the folded table */
	u64 tag;
	struct pt_mode mode; /* to walk n.root */
	struct fold_types types;
	u32 table;		    /* root page, its own for ever */
	hpa_t hpa;		    /* of the root page */
	struct shadow_chain tables; /* all others */
	u64 gen;		    /* of the shadow when it was emptied last */
	u64 stamp;		    /* last use */
	bool live;		    /* it has a key */
	bool drop;		    /* to be emptied at next use */
	bool fresh;		    /* emptied or thinned out since last use */
	u64 expect; /* page number at which a sequence would go on */
	u32 window; /* neighbours to fill next time */
	/* The last walk of L1's table, and how far it serves again: */
	struct pt_walk walk;
	u64 walked;    /* ... for this address */
	u8 walk_shift; /* ... and those equal from this bit on, or WALK_NONE */
	/* The last level 1 table filled, and the 2 MiB that it maps: */
	u32 leaf_table; /* POOL_NONE: none */
	u64 leaf_key;	/* address >> 21 */
};

/* A leaf of ept01/npt01, as last seen. */
struct leaf01 {
	u64 key;   /* address >> shift */
	u64 delta; /* host-physical minus L1-physical */
	u32 access;
	u8 shift; /* 0: unused */
	u8 type;
};

struct shadow {
	struct vm *vm;
	const struct pt_format *fmt; /* see shadow_init() */
	struct shadow_pool pool;
	struct shadow_root *last; /* used last */
	u64 gen;		  /* drop everything: increment */
	u64 clock;		  /* counts uses */
	u64 pat;		  /* host PAT */
	u32 slat_gen;
	u64 ram_start, ram_len; /* piece of plain RAM that held L1's tables */
	struct leaf01 leaf[LEAVES];
	struct shadow_root root[NR_ROOTS];
	struct shadow_stats stats;
};

/* Empty @r: all that it maps is gone, its tables are free. */
void shadow_empty(struct shadow *s, struct shadow_root *r);

/* Forget what was learnt from ept01/npt01 if that has changed since. */
void shadow_check_slat(struct shadow *s);

/* Have TABLES_NEEDED free tables. May empty @r, too. */
void shadow_make_room_slow(struct shadow *s, struct shadow_root *r,
			   bool *flush);

static inline void shadow_make_room(struct shadow *s, struct shadow_root *r,
				    bool *flush)
{
	if (unlikely(s->pool.free.n < TABLES_NEEDED))
		shadow_make_room_slow(s, r, flush);
}

static inline bool shadow_is_dropped(const struct shadow *s,
				     const struct shadow_root *r)
{
	return r->gen != s->gen || r->drop;
}

#endif
