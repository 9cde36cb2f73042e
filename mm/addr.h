/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address kinds. One-member structs, so that mixing them does not compile.
 * Conversions between kinds are made in mm/ only.
 */
#ifndef MM_ADDR_H
#define MM_ADDR_H

#include "core/types.h"

typedef struct {
	u64 v;
} hpa_t; /* host-physical */
typedef struct {
	u64 v;
} l1pa_t; /* L1-physical: what L1 believes to be physical */
typedef struct {
	u64 v;
} l2pa_t; /* L2-physical: what L1's guest believes to be physical */
typedef struct {
	u64 v;
} gva_t; /* linear address of whichever level is meant */

#define HPA(x) ((hpa_t){ (x) })
#define L1PA(x) ((l1pa_t){ (x) })
#define L2PA(x) ((l2pa_t){ (x) })
#define GVA(x) ((gva_t){ (x) })

#define HPA_NONE HPA(~0ull)

/*
 * Virtual address space of L0, the same in boot and final page tables:
 *
 *   0xffff800000000000  direct map of all host-physical memory (RW, NX, WB;
 *                       MTRRs keep MMIO uncached)
 *   0xffffffff80000000  L0's image (text RX, rodata R, data RW)
 */
#define DIRECT_BASE 0xffff800000000000ull
#define IMAGE_BASE 0xffffffff80000000ull

#if __STDC_HOSTED__
extern u8 *unit_memory; /* toy host-physical memory of the unit tests */
#define __direct_base ((u64)(uintptr_t)unit_memory)
#else
#define __direct_base DIRECT_BASE
#endif

/* Direct-map pointer to @a. Whether there is memory is the caller's duty. */
static inline void *hpa_ptr(hpa_t a)
{
	return (void *)(uintptr_t)(__direct_base + a.v);
}

/* Host-physical address of a direct-map pointer (never of an image one). */
static inline hpa_t ptr_hpa(const void *p)
{
	return HPA((u64)(uintptr_t)p - __direct_base);
}

#endif
