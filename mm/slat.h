/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Second-level address translation that L0 builds for L1 (ept01, npt01):
 * the identity over all physical memory with the largest pages, L0's own
 * memory replaced by one scratch page.
 */
#ifndef MM_SLAT_H
#define MM_SLAT_H

#include "core/types.h"
#include "mm/addr.h"
#include "mm/memmap.h"

struct pt_format;
struct mtrr_state;

struct slat {
	hpa_t root;
	const struct pt_format *fmt; /* ept4 or npt4 */
	u32 max_page;		     /* largest page's level: 1 4K 2 2M 3 1G */
	const struct mtrr_state *mtrr; /* EPT memory types; NULL: none */
	u8 phys_bits;
	u64 pages; /* table pages in use */
};

/*
 * Build the identity map of [0, 2^phys_bits) as far as it is worth it (all
 * of RAM, everything below 4 GiB); slat_fault() adds the rest on demand.
 * [l0_start, +l0_len) maps to @scratch everywhere. -ENOMEM.
 */
int __must_check slat_build(struct slat *s, const struct memmap *m,
			    hpa_t l0_start, u64 l0_len, hpa_t scratch);

/* A fault at @gpa: map the identity there. -EFAULT: it is mapped with fewer
 * rights on purpose, or beyond phys_bits. */
int __must_check slat_fault(struct slat *s, l1pa_t gpa);

/* Give one 4 KiB page the rights @access (ACCESS_*) and target @to, splitting
 * large pages. Used to watch the xAPIC page, for watchpoints. */
int __must_check slat_protect(struct slat *s, l1pa_t page, hpa_t to,
			      u32 access);

/* Recompute all memory types after an MTRR or CR0.CD change (EPT). */
int __must_check slat_retype(struct slat *s);

/* Translate for L0's own use. HPA_NONE when unmapped. *access: rights. */
hpa_t slat_translate(const struct slat *s, l1pa_t gpa, u32 *access);

#endif
