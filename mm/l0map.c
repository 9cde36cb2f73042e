/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mm/l0map.h"

#include "core/err.h"
#include "mm/memmap.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/pt_format.h"

#define LEAF_FLAGS (PT_P | PT_A | PT_D)

static u64 direct_end;
static const struct memmap *direct_map; /* above 4 GiB; NULL: all */

static u64 nx_bit(const struct l0_layout *l)
{
	return l->nx ? PT_NX_BIT : 0;
}

/*
 * The slot of @level's entry for @va in the tables below @root, with tables
 * made on the way; NULL: no memory.
 */
static u64 *slot_for(u64 *root, const struct l0_layout *lay, u64 va, u32 level)
{
	u64 *t = root;
	u32 l;

	for (l = lay->la57 ? 5 : 4; l > level; l--) {
		u64 *slot = &t[pt_index(&pt_x86_5, l, va)];

		if (!*slot) {
			u64 *next = page_alloc(1);

			if (!next)
				return NULL;
			*slot = ptr_hpa(next).v | PT_P | PT_W | PT_A;
		}
		t = hpa_ptr(HPA(*slot & PT_ADDR));
	}
	return &t[pt_index(&pt_x86_5, level, va)];
}

static int map(u64 *root, const struct l0_layout *l, u64 va, hpa_t pa,
	       u32 level, u64 flags)
{
	u64 *slot = slot_for(root, l, va, level);

	if (!slot)
		return -ENOMEM;
	*slot = pa.v | flags | (level > 1 ? PT_PS : 0);
	return 0;
}

/* Level of the largest page for @pa within [0, direct_end). */
static u32 direct_level(const struct l0_layout *l, u64 pa)
{
	enum memory_type type;
	u32 level;

	for (level = l->has_1g ? 3 : 2; level > 1; level--) {
		u64 size = BIT(pt_x86_5.level[level].shift);

		if (IS_ALIGNED(pa, size) && l->direct_end - pa >= size &&
		    (!l->mtrr || mtrr_uniform(l->mtrr, pa, size, &type)))
			break;
	}
	return level;
}

/*
 * A processor may read ahead from whatever is mapped write-back, and there are
 * holes above 4 GiB that the MTRRs have as that and that must not be read: at
 * 1 TiB on AMD's (a machine check). Below, only memory is write-back.
 */
static bool is_hole(const struct memmap *m, u64 pa, u64 size)
{
	return m && pa >= GiB(4) && !memmap_memory_in(m, pa, size);
}

static int map_direct(u64 *root, const struct l0_layout *l)
{
	u64 pa, size;
	u32 level;
	int err;

	for (pa = 0; pa < l->direct_end; pa += size) {
		level = direct_level(l, pa);
		size = BIT(pt_x86_5.level[level].shift);
		if (is_hole(l->map, pa, size))
			continue;
		err = map(root, l, DIRECT_BASE + pa, HPA(pa), level,
			  LEAF_FLAGS | PT_W | nx_bit(l));
		if (err)
			return err;
	}
	return 0;
}

static int map_image(u64 *root, const struct l0_layout *l)
{
	u64 off, flags;
	int err;

	for (off = 0; off < l->image_len; off += PAGE_SIZE) {
		if (off < l->text_len)
			flags = 0;
		else if (off < l->rodata_end)
			flags = nx_bit(l);
		else
			flags = PT_W | nx_bit(l);
		err = map(root, l, IMAGE_BASE + off, HPA(l->image.v + off), 1,
			  LEAF_FLAGS | flags);
		if (err)
			return err;
	}
	return 0;
}

hpa_t l0_tables_build(const struct l0_layout *l)
{
	u64 *root = page_alloc(1);

	if (!root || map_direct(root, l) || map_image(root, l))
		return HPA_NONE;
	direct_end = l->direct_end;
	direct_map = l->map;
	return ptr_hpa(root);
}

bool l0_maps(hpa_t pa)
{
	return pa.v < direct_end && !is_hole(direct_map, pa.v, PAGE_SIZE);
}
