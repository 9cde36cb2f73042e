/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where everything of an L1 goes, before any of it is moved. The modules may
 * lie anywhere, also where the kernel wants to be, so the order is: modules
 * to places that touch no source, then the kernel's segments, then the
 * information that is passed to it.
 */
#ifndef BOOT_LOAD_PLAN_H
#define BOOT_LOAD_PLAN_H

#include "boot/boot_info.h"
#include "boot/load.h"
#include "core/types.h"
#include "mm/memmap.h"

#define PLAN_STEPS_MAX 256
#define PLAN_CLAIMS_MAX 128
/* The INT 15h handler with a map of MEMMAP_MAX entries. */
#define PLAN_STUB_SIZE KiB(12)
/* L1's information: fixed structures, strings, memory map (EFI's extra). */
#define PLAN_INFO_SIZE KiB(56)

struct plan_step {
	u64 dst; /* physical */
	u64 src; /* physical; PLAN_ZERO: fill with zeros */
	u64 len; /* bytes */
};

#define PLAN_ZERO (~0ull)

struct plan {
	const struct boot_info *bi;
	struct memmap *map; /* L1's */
	struct mem_region l0;
	char *err;
	size_t errsize;

	const u8 *img; /* the kernel image, where it lies now */
	u64 img_len;
	u64 img_hpa; /* where it will lie when its segments are copied */

	u32 nsteps;
	struct plan_step step[PLAN_STEPS_MAX];

	/* keep[0 .. nmods]: L0 and the modules' sources, then what is claimed
	 * as a destination */
	u32 nkeep, nfixed;
	struct mem_region keep[PLAN_CLAIMS_MAX + BOOT_MODULES_MAX + 2];

	u64 mod_at[BOOT_MODULES_MAX]; /* final places */

	/* the information block: built at info, copied to info_at */
	u8 *info;
	u64 info_at; /* physical, below 4 GiB */
	u32 info_size, info_used;

	u8 *stub; /* the INT 15h handler under construction */
	u32 stub_size;

	struct l1_image *out;
};

#define PLAN_FAIL(p, code, ...) \
	(snprintf((p)->err, (p)->errsize, __VA_ARGS__), -(code))

/* Begin with nothing claimed. */
void plan_init(struct plan *p);

/* Take [start, +len) for @what: RAM of L1's, not claimed before. It may touch
 * sources. -ENOMEM with a message. */
int __must_check plan_claim(struct plan *p, u64 start, u64 len,
			    const char *what);

/* Would plan_claim() succeed? */
bool plan_free(const struct plan *p, u64 start, u64 len);

/* Find and claim a place that touches nothing at all; ~0 if there is none. */
u64 plan_find(struct plan *p, u64 len, u64 align, u64 min, u64 max, bool high);

/* Place module @i below @max, page-aligned; where it is if that will do. */
int __must_check plan_module(struct plan *p, u32 i, u64 max);

/* After the kernel's claims: get its image out of the way of itself. */
int __must_check plan_image(struct plan *p);

int __must_check plan_step(struct plan *p, u64 dst, u64 src, u64 len);

/* Place the information block of at most @size bytes. */
int __must_check plan_info(struct plan *p, u32 size);

/* @size zeroed bytes of the block: their pointer now, their address later.
 * NULL (with a message) when it is full. */
void *plan_info_alloc(struct plan *p, u32 size, u32 align, u32 *at);

/* A string in the block; 0 on failure. */
u32 plan_info_string(struct plan *p, const char *s);

/* The flat GDT in the block, into p->out. */
int __must_check plan_gdt(struct plan *p);

/*
 * On a BIOS machine: answer L1's INT 15h memory map calls from L1's map. To
 * be called first, as its place becomes reserved in that map.
 */
int __must_check int15_plan(struct plan *p);
extern const u8 int15_stub[], int15_stub_end[];

/* Carry it out. */
void plan_run(const struct plan *p);

/* The kinds: plan everything, fill p->out but for kind, name and size. */
int __must_check load_linux(struct plan *p);
int __must_check load_multiboot2(struct plan *p);
int __must_check load_multiboot1(struct plan *p);

#endif
