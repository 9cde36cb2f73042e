/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placing an L1 image: what it is, where it goes, how it starts. */
#ifndef BOOT_LOAD_H
#define BOOT_LOAD_H

#include "boot/boot_info.h"
#include "core/types.h"
#include "mm/addr.h"
#include "mm/memmap.h"

enum l1_kind {
	L1_UNKNOWN,
	L1_LINUX,
	L1_MULTIBOOT2,
	L1_MULTIBOOT1,
};

/* How L1 starts: flat 32-bit protected mode, paging off. */
struct l1_image {
	enum l1_kind kind;
	const char *kind_name;
	u64 size; /* bytes of the first module */
	u32 eip, eax, ebx, esi, esp;
	l1pa_t gdt; /* CS 0x10, DS 0x18 */
	u16 gdt_limit;
};

/*
 * What the file @img of @len bytes is. For L1_UNKNOWN @what tells what was
 * found instead ("a gzip file: ..."), to be shown to the user.
 */
enum l1_kind image_kind(const u8 *img, u64 len, char *what, size_t size);

/*
 * Place the first module as L1's kernel and the others as what its kind
 * makes of them, in L1's RAM as @l1map tells it (L0's memory [l0_start,
 * +l0_len) is not to be RAM there; it is never touched). L1-physical is
 * host-physical. Works in memory from page_alloc(), given back at the end.
 * -EINVAL: not an image that can be started; -ENOMEM: no room for it; both
 * with a message.
 */
int __must_check load_l1(const struct boot_info *bi, const struct memmap *l1map,
			 hpa_t l0_start, u64 l0_len, struct l1_image *out,
			 char *err, size_t errsize);

#endif
