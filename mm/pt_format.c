/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mm/pt_format.h"

#include "mm/pt_walk.h"

/*
 * Bits that no feature frees are reserved here; those that depend on the
 * address width, NX or page sizes are added by pt_mode_init(). Sources:
 * SDM 3A, Paging: "32-Bit Paging", "PAE Paging", "4-Level Paging and 5-Level
 * Paging"; APM 2, Page Translation and Protection: "Legacy-Mode Page
 * Translation", "Long-Mode Page Translation"; SDM 3C, "EPT Translation
 * Mechanism". ALWAYS marks a large page that needs no feature.
 */
#define ALWAYS BIT(62)

const u64 pt_open_bus = ~0ull;

#define LEAF_32                         \
	{                               \
		.shift = 12, .bits = 10 \
	}
#define LEAF_64                        \
	{                              \
		.shift = 12, .bits = 9 \
	}

/* 4 MiB: bit 21 is reserved; 20:13 are address bits 39:32 (PSE-36). */
#define PDE_32                                                 \
	{                                                      \
		.shift = 22, .bits = 10, .leaf_needs = PT_PSE, \
		.rsvd_leaf = BIT(21)                           \
	}
#define PDE_64                                                \
	{                                                     \
		.shift = 21, .bits = 9, .leaf_needs = ALWAYS, \
		.rsvd_leaf = BITS(20, 13)                     \
	}
/*
 * emulator fault: QEMU's TCG sets the accessed flag of a PDPTE of PAE paging,
 * a reserved bit; so bit 5 is let be.
 */
#define PDPTE_PAE                                                    \
	{                                                            \
		.shift = 30, .bits = 2, .bare = true,                \
		.rsvd_table = BITS(2, 1) | BITS(8, 6) | BITS(63, 52) \
	}
#define PDPTE_64                                             \
	{                                                    \
		.shift = 30, .bits = 9, .leaf_needs = PT_1G, \
		.rsvd_leaf = BITS(29, 13)                    \
	}
#define UPPER(sh, rsvd)                                        \
	{                                                      \
		.shift = (sh), .bits = 9, .rsvd_table = (rsvd) \
	}

/* On AMD bit 8 of a level 4 or 5 entry must be zero as well. */
#define RSVD_UPPER BIT(7)
#define RSVD_UPPER_AMD (BIT(7) | BIT(8))

#define EPT_LEAF                       \
	{                              \
		.shift = 12, .bits = 9 \
	}
#define EPT_PDE                                                     \
	{                                                           \
		.shift = 21, .bits = 9, .leaf_needs = ALWAYS,       \
		.rsvd_table = BITS(6, 3), .rsvd_leaf = BITS(20, 12) \
	}
#define EPT_PDPTE                                                   \
	{                                                           \
		.shift = 30, .bits = 9, .leaf_needs = PT_1G,        \
		.rsvd_table = BITS(6, 3), .rsvd_leaf = BITS(29, 12) \
	}

#define FORMAT_32(nm)                                                    \
	{                                                                \
		.name = nm, .levels = 2, .entry_size = 4, .in_bits = 32, \
		.level = {                                               \
			[1] = LEAF_32,                                   \
			[2] = PDE_32                                     \
		}                                                        \
	}
#define FORMAT_PAE(nm)                                                   \
	{                                                                \
		.name = nm, .levels = 3, .entry_size = 8, .in_bits = 32, \
		.pae = true, .level = {                                  \
			[1] = LEAF_64,                                   \
			[2] = PDE_64,                                    \
			[3] = PDPTE_PAE                                  \
		}                                                        \
	}
#define FORMAT_4(nm, up)                                                 \
	{                                                                \
		.name = nm, .levels = 4, .entry_size = 8, .in_bits = 48, \
		.level = {                                               \
			[1] = LEAF_64,                                   \
			[2] = PDE_64,                                    \
			[3] = PDPTE_64,                                  \
			[4] = UPPER(39, up)                              \
		}                                                        \
	}
#define FORMAT_5(nm, up)                                                 \
	{                                                                \
		.name = nm, .levels = 5, .entry_size = 8, .in_bits = 57, \
		.level = {                                               \
			[1] = LEAF_64,                                   \
			[2] = PDE_64,                                    \
			[3] = PDPTE_64,                                  \
			[4] = UPPER(39, up),                             \
			[5] = UPPER(48, up)                              \
		}                                                        \
	}

const struct pt_format pt_x86_32 = FORMAT_32("x86 32-bit");
const struct pt_format pt_x86_pae = FORMAT_PAE("x86 PAE");
const struct pt_format pt_x86_pae_pd = {
	.name = "x86 PAE page directory",
	.levels = 2,
	.entry_size = 8,
	.in_bits = 30,
	.pae = true,
	.level = { [1] = LEAF_64, [2] = PDE_64 }
};
const struct pt_format pt_x86_4 = FORMAT_4("x86 4-level", RSVD_UPPER);
const struct pt_format pt_x86_5 = FORMAT_5("x86 5-level", RSVD_UPPER);
const struct pt_format pt_npt_32 = FORMAT_32("NPT 32-bit");
const struct pt_format pt_npt_pae = FORMAT_PAE("NPT PAE");
const struct pt_format pt_npt_4 = FORMAT_4("NPT 4-level", RSVD_UPPER_AMD);
const struct pt_format pt_npt_5 = FORMAT_5("NPT 5-level", RSVD_UPPER_AMD);
const struct pt_format pt_ept_4 = { .name = "EPT 4-level",
				    .levels = 4,
				    .entry_size = 8,
				    .in_bits = 48,
				    .ept = true,
				    .level = { [1] = EPT_LEAF,
					       [2] = EPT_PDE,
					       [3] = EPT_PDPTE,
					       [4] = UPPER(39, BITS(7, 3)) } };
const struct pt_format pt_ept_5 = { .name = "EPT 5-level",
				    .levels = 5,
				    .entry_size = 8,
				    .in_bits = 57,
				    .ept = true,
				    .level = { [1] = EPT_LEAF,
					       [2] = EPT_PDE,
					       [3] = EPT_PDPTE,
					       [4] = UPPER(39, BITS(7, 3)),
					       [5] = UPPER(48, BITS(7, 3)) } };

/* Reserved bits that address width and NX decide, for every entry. */
static u64 rsvd_common(const struct pt_format *f, u8 phys_bits, u64 flags)
{
	u64 rsvd = 0;

	if (f->entry_size == 4)
		return 0;
	if (phys_bits < 52)
		rsvd |= BITS(51, phys_bits);
	if (f->ept)
		return rsvd;
	if (!(flags & PT_NX))
		rsvd |= PT_NX_BIT;
	if (f->pae)
		rsvd |= BITS(62, 52);
	return rsvd;
}

/* 4 MiB pages: address bits 39:32 stand in 20:13. */
static u64 rsvd_pse36(u8 phys_bits)
{
	u8 bits = MIN(MAX(phys_bits, 32), 40);

	return bits < 40 ? BITS(20, 13 + bits - 32) : 0;
}

/* Combinations of R (0), W (1) and X (2) that are misconfigurations:
 * SDM 3C, "EPT Misconfigurations". */
static u32 ept_bad_rwx(u64 flags)
{
	u32 bad = 1u << EPT_W | 1u << (EPT_W | EPT_X);

	return flags & PT_XO ? bad : bad | 1u << EPT_X;
}

static void level_init(struct pt_mode_level *l, const struct pt_level *pl,
		       u64 rsvd, u64 flags)
{
	l->shift = pl->shift;
	l->index = (u16)((1u << pl->bits) - 1);
	l->rsvd[0] = rsvd | pl->rsvd_table;
	l->rsvd[1] = rsvd | pl->rsvd_leaf;
	l->large =
		pl->shift == PAGE_SHIFT || (pl->leaf_needs & (flags | ALWAYS));
	if (!l->large && pl->leaf_needs == PT_1G) /* the size bit, then */
		l->rsvd[0] |= PT_PS;
	l->grant = pl->bare ? PT_W | PT_U | PT_A : 0;
}

void pt_mode_init(struct pt_mode *m, const struct pt_format *fmt, u8 phys_bits,
		  u64 flags)
{
	u64 rsvd = rsvd_common(fmt, phys_bits, flags);
	u32 l;

	m->fmt = fmt;
	m->flags = flags;
	m->phys_bits = phys_bits;
	m->ept = fmt->ept;
	m->size_log = fmt->entry_size == 8 ? 3 : 2;
	m->addr = fmt->entry_size == 8 ? PT_ADDR : BITS(31, 12);
	m->nx = fmt->entry_size == 8 && (flags & PT_NX) ? PT_NX_BIT : 0;
	m->present = PT_P;
	m->a = PT_A;
	m->d = PT_D;
	m->bad_rwx = 0;
	m->xu = 0;
	if (fmt->ept) {
		m->nx = 0;
		m->xu = flags & PT_MBE ? EPT_XU : EPT_X;
		m->present = EPT_R | EPT_W | EPT_X | m->xu;
		m->a = flags & PT_AD ? EPT_A : 0;
		m->d = flags & PT_AD ? EPT_D : 0;
		m->bad_rwx = ept_bad_rwx(flags);
	}
	for (l = 1; l <= fmt->levels; l++)
		level_init(&m->level[l], &fmt->level[l], rsvd, flags);
	if (fmt->entry_size == 4)
		m->level[2].rsvd[1] |= rsvd_pse36(phys_bits);
}

enum pt_result pt_walk(const struct pt_mode *m, u64 root, u64 in,
		       pt_mem_fn *mem, void *ctx, struct pt_walk *w)
{
	return pt_walk_with(m, root, in, mem, ctx, w);
}

bool pt_entry_set(const struct pt_mode *m, struct pt_walk *w, u32 level,
		  u64 bits)
{
	u64 old = w->entry[level];
	u32 old32 = (u32)old;
	bool ok;

	if (m->size_log == 3)
		ok = __atomic_compare_exchange_n(
			(u64 *)w->ptr[level], &old, old | bits, false,
			__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	else
		ok = __atomic_compare_exchange_n(
			(u32 *)w->ptr[level], &old32, old32 | (u32)bits, false,
			__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	if (ok)
		w->entry[level] |= bits;
	return ok;
}

/* In the tables above the leaf. */
bool pt_set_accessed(const struct pt_mode *m, struct pt_walk *w)
{
	u64 want;
	u32 l;

	for (l = m->fmt->levels; l > w->level; l--) {
		want = m->a & ~m->level[l].grant;
		if ((w->entry[l] & want) != want &&
		    !pt_entry_set(m, w, l, want))
			return false;
	}
	w->all |= m->a;
	return true;
}
