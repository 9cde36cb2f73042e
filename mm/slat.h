/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Second-level address translation that L0 builds for L1 (ept01, npt01):
 * the identity over all physical memory with the largest pages, L0's own
 * memory replaced by one scratch page.
 *
 * Any CPU may call; changes are serialized by the slat's lock, and each entry
 * is replaced by one 64-bit store, so that processors may walk the table at
 * any time. After slat_protect() and slat_retype() every CPU that runs on the
 * slat must flush its TLB, and say so by slat_flushing(): tables that were
 * replaced are used again only when all have.
 */
#ifndef MM_SLAT_H
#define MM_SLAT_H

#include "core/cpu.h"
#include "core/spinlock.h"
#include "core/types.h"
#include "mm/addr.h"
#include "mm/memmap.h"

struct pt_format;
struct mtrr_state;

#define SLAT_WATCHED_MAX 64

/* A page with rights or a target of its own (slat_protect()). */
struct slat_watched {
	l1pa_t page;
	hpa_t to;
	u32 access;
	bool guard; /* slat_guard(): until it is written */
};

struct slat {
	/* Filled in by the caller of slat_build(). */
	const struct pt_format *fmt; /* ept4 or npt4 */
	u32 max_page;		     /* largest page's level: 1 4K 2 2M 3 1G */
	const struct mtrr_state *mtrr; /* large pages are split where the type
					* changes, EPT entries carry it; NULL:
					* write-back everywhere */
	u8 phys_bits;
	bool exec_only; /* EPT entries may be execute-only */
	u32 cpus;	/* that run on it and will call slat_flushing() */

	/* slat.c's own. */
	hpa_t root;
	u64 pages; /* table pages in use */
	u32 gen;   /* incremented when a translation was replaced */
	hpa_t l0_start, scratch;
	u64 l0_len;
	u64 limit;		/* all below is mapped from the start */
	hpa_t scratch_table[3]; /* [n]: all of it leads to scratch, level n */
	hpa_t spare;		/* chain of pages to use again */
	hpa_t retired;	    /* chain of pages that CPUs may still have cached */
	u32 retired_gen;    /* @gen when the last of them was retired */
	u32 seen[CPUS_MAX]; /* @gen at each CPU's last flush */
	bool away[CPUS_MAX]; /* see slat_away() */
	struct spinlock lock;
	u32 nr_watched;
	u32 nr_moved;  /* of them, those with another target */
	u32 nr_guards; /* those that are guarded */
	u32 unguarded; /* goes up whenever a guard ends */
	struct slat_watched watched[SLAT_WATCHED_MAX];
};

/*
 * Build the identity map of [0, 2^phys_bits) as far as it is worth it (all
 * of RAM, everything below 4 GiB); slat_fault() adds the rest on demand.
 * [l0_start, +l0_len) maps to @scratch everywhere. -ENOMEM.
 */
int __must_check slat_build(struct slat *s, const struct memmap *m,
			    hpa_t l0_start, u64 l0_len, hpa_t scratch);

/* A fault at @gpa: map the identity there; a guard is over. -EFAULT: it is mapped with fewer
 * rights on purpose, or beyond phys_bits. */
int __must_check slat_fault(struct slat *s, l1pa_t gpa);

/*
 * Give one 4 KiB page the rights @access (ACCESS_*) and target @to, splitting
 * large pages. Used to watch the xAPIC page, for watchpoints. All rights and
 * the page itself as target: back to normal. Rights that the format cannot
 * express become fewer (NPT: no R means none at all; EPT: W needs R, and X
 * does without exec_only).
 * -EINVAL: within L0's memory; -ENOSPC: too many at a time.
 */
int __must_check slat_protect(struct slat *s, l1pa_t page, hpa_t to,
			      u32 access);

/*
 * Learn of the next write to a page of RAM: it is read-only until a fault of a
 * write comes to slat_fault(), or L0 itself writes there by guest_write(). From
 * when all CPUs have flushed (slat_flushed()) nothing escapes but devices. 0:
 * guarded. -EBUSY: watched for another reason; else as slat_protect().
 */
int __must_check slat_guard(struct slat *s, l1pa_t page);
bool slat_guarded(const struct slat *s, l1pa_t page);
/* End the guard of @page, if there is one. */
void slat_unguard(struct slat *s, l1pa_t page);

/* Have all CPUs flushed since s->gen was @gen? */
bool slat_flushed(const struct slat *s, u32 gen);

/* Recompute all memory types after a change of the MTRRs. CR0.CD needs no
 * call: EPT heeds the guest's own (SDM 3C, "EPT and Memory Typing"). */
int __must_check slat_retype(struct slat *s);

/* CPU @cpu (an index below s->cpus) is about to flush: it walks the table no
 * more before it has. */
void slat_flushing(struct slat *s, u32 cpu);

/*
 * CPU @cpu runs nothing for now (@on), as one that waits for a SIPI, and walks
 * no table: nobody waits for its flushes. When it comes back it flushes before
 * anything else, and says so by slat_flushing().
 */
void slat_away(struct slat *s, u32 cpu, bool on);

/* One leaf of the map. */
struct slat_leaf {
	hpa_t hpa;  /* translation of the address asked for */
	u8 shift;   /* log2 of the leaf's size */
	u8 type;    /* enum memory_type (EPT; NPT: MT_WB) */
	u32 access; /* ACCESS_R, W, X */
};

/* -EFAULT: nothing is mapped there (yet: slat_fault() may help). */
int __must_check slat_lookup(const struct slat *s, l1pa_t gpa,
			     struct slat_leaf *leaf);

/* Translate for L0's own use. HPA_NONE when unmapped. *access: rights. */
hpa_t slat_translate(const struct slat *s, l1pa_t gpa, u32 *access);

#endif
