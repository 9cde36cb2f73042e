/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L0's final page tables (see the picture in mm/addr.h). */
#ifndef MM_L0MAP_H
#define MM_L0MAP_H

#include "core/types.h"
#include "mm/addr.h"

struct memmap;
struct mtrr_state;

struct l0_layout {
	hpa_t image;	/* where the image lies, page-aligned */
	u64 text_len;	/* from the image's start, page-aligned: RX */
	u64 rodata_end; /* offset in the image: R from text_len to here */
	u64 image_len;	/* RW from rodata_end to here */
	/* [0, direct_end) is mapped at DIRECT_BASE, RW; above 4 GiB the memory
	 * of this map only (it stays the caller's; NULL: all). */
	u64 direct_end;
	const struct memmap *map;
	bool la57;   /* CR4.LA57: 5-level paging, else 4-level */
	bool has_1g; /* CPUID: 1 GiB pages */
	bool nx;     /* EFER.NXE is or will be on */
	/* Where the type changes, large pages are split; NULL: nowhere. */
	const struct mtrr_state *mtrr;
};

/* Build the tables with page_alloc(). The root's address for CR3, or
 * HPA_NONE when memory is out. */
hpa_t l0_tables_build(const struct l0_layout *l);

/* Is the page at @pa in L0's direct map? */
bool l0_maps(hpa_t pa);

#endif
