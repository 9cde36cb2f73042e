/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L0's page allocator. Used while booting and when a VM or a feature is set
 * up, never on an exit path (which recycles what it was given).
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "core/types.h"
#include "mm/addr.h"

/* Hand [start, start+len) to the allocator (page-aligned, mapped). */
void page_init(hpa_t start, u64 len);

/* @n contiguous zeroed pages (direct-map pointer), or NULL. Any CPU. */
void *page_alloc(u32 n);

/* The same, aligned to @align bytes (a power of two). */
void *page_alloc_aligned(u32 n, u64 align);

void page_free(void *p, u32 n);

/* Bytes handed out and bytes in all. */
u64 page_used(void);
u64 page_total(void);

#endif
