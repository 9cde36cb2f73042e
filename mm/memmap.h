/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory maps: sorted, non-overlapping regions. Pure. */
#ifndef MM_MEMMAP_H
#define MM_MEMMAP_H

#include "core/types.h"

/* Values are those of multiboot2 and of the ACPI/E820 maps. */
enum mem_type {
	MEM_RAM = 1,
	MEM_RESERVED = 2,
	MEM_ACPI = 3,
	MEM_NVS = 4,
	MEM_BAD = 5,
};

struct mem_region {
	u64 start; /* physical, bytes */
	u64 len;   /* bytes */
	u32 type;  /* enum mem_type; others are kept as they are */
};

#define MEMMAP_MAX 256

struct memmap {
	u32 n;
	struct mem_region r[MEMMAP_MAX];
};

/*
 * Add a region as firmware reported it. Overlaps are resolved on the spot:
 * the less usable type wins (RAM loses to everything). Zero length is
 * ignored, a wrap past 2^64 is cut. -ENOSPC when the table is full.
 */
int __must_check memmap_add(struct memmap *m, u64 start, u64 len, u32 type);

/* Give [start, start+len) the type @type whatever it was (trim L0 out). */
int __must_check memmap_set(struct memmap *m, u64 start, u64 len, u32 type);

/* Remove [start, start+len) from the map altogether. */
int __must_check memmap_remove(struct memmap *m, u64 start, u64 len);

/* Is all of [start, start+len) of type @type? */
bool memmap_is(const struct memmap *m, u64 start, u64 len, u32 type);

/*
 * Highest @align-aligned start of @len bytes of RAM within [min, max), not
 * touching any of the @nkeep ranges in @keep. ~0 when there is none.
 */
u64 memmap_find_high(const struct memmap *m, u64 len, u64 align, u64 min,
		     u64 max, const struct mem_region *keep, u32 nkeep);

/* The same, the lowest. */
u64 memmap_find_low(const struct memmap *m, u64 len, u64 align, u64 min,
		    u64 max, const struct mem_region *keep, u32 nkeep);

/* One past the last byte of what is memory: RAM, ACPI's included (0: none). */
u64 memmap_memory_end(const struct memmap *m);

/* Is any of [start, start+len) such memory? */
bool memmap_memory_in(const struct memmap *m, u64 start, u64 len);

/* One past the last byte of RAM (0 if none). */
u64 memmap_ram_end(const struct memmap *m);

#endif
