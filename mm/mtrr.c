/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SDM 3A, "Memory Type Range Registers (MTRRs)"; APM 2, "Memory-Type Range
 * Registers". The fixed ranges cover the first MiB and win over the variable
 * ones there.
 */
#include "mm/mtrr.h"

#include "core/err.h"
#include "core/msr.h"

#define CAP_VCNT BITS(7, 0)
#define CAP_FIX BIT(8)
#define CAP_WC BIT(10)
#define DEF_TYPE BITS(7, 0)
#define DEF_FE BIT(10)
#define DEF_E BIT(11)
#define MASK_V BIT(11)

/* The fixed ranges: three blocks of MSRs, eight ranges of one size in each. */
static const struct {
	u32 msr;   /* first */
	u32 n;	   /* MSRs */
	u32 index; /* of the first in mtrr_state.fixed */
	u64 start; /* address */
	u8 shift;  /* log2 of the range's size */
} fixed_blocks[] = {
	{ MSR_MTRR_FIX64K, 1, 0, 0x00000, 16 },
	{ MSR_MTRR_FIX16K_80000, 2, 1, 0x80000, 14 },
	{ MSR_MTRR_FIX4K_C0000, 8, 3, 0xc0000, 12 },
};

#define FIXED_END 0x100000ull

static u32 nr_variable(const struct mtrr_state *m)
{
	return MIN(m->cap & CAP_VCNT, MTRR_VARIABLE_MAX);
}

/* Types 0, 1, 4, 5 and 6 exist. */
static bool type_valid(u64 t)
{
	return t < 8 && (0x73 >> t & 1);
}

static int fixed_index(u32 msr)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(fixed_blocks); i++)
		if (msr - fixed_blocks[i].msr < fixed_blocks[i].n)
			return (int)(fixed_blocks[i].index + msr -
				     fixed_blocks[i].msr);
	return -1;
}

bool mtrr_is(const struct mtrr_state *m, u32 msr)
{
	if (msr == MSR_MTRR_CAP || msr == MSR_MTRR_DEF_TYPE)
		return true;
	if (msr - MSR_MTRR_PHYSBASE0 < 2 * nr_variable(m))
		return true;
	return (m->cap & CAP_FIX) && fixed_index(msr) >= 0;
}

static int set_fixed(struct mtrr_state *m, u32 index, u64 val)
{
	u32 i;

	for (i = 0; i < 8; i++)
		if (!type_valid(val >> (i * 8) & 0xff))
			return -EINVAL;
	m->fixed[index] = val;
	return 0;
}

static int set_variable(struct mtrr_state *m, u32 reg, u64 val)
{
	u64 addr = BITS(m->phys_bits - 1, 12);

	if (reg & 1) {
		if (val & ~(addr | MASK_V))
			return -EINVAL;
		m->mask[reg / 2] = val;
		return 0;
	}
	if ((val & ~(addr | 0xff)) || !type_valid(val & 0xff))
		return -EINVAL;
	m->base[reg / 2] = val;
	return 0;
}

int mtrr_set(struct mtrr_state *m, u32 msr, u64 val)
{
	int f = fixed_index(msr);

	if (msr == MSR_MTRR_CAP) {
		m->cap = val;
		return 0;
	}
	if (!mtrr_is(m, msr))
		return -EINVAL;
	if (f >= 0)
		return set_fixed(m, (u32)f, val);
	if (msr != MSR_MTRR_DEF_TYPE)
		return set_variable(m, msr - MSR_MTRR_PHYSBASE0, val);
	if ((val & ~(DEF_TYPE | DEF_FE | DEF_E)) || !type_valid(val & DEF_TYPE))
		return -EINVAL;
	m->def_type = val;
	return 0;
}

static enum memory_type fixed_type(const struct mtrr_state *m, u64 addr,
				   u64 *end)
{
	u32 b = addr < 0x80000 ? 0 : addr < 0xc0000 ? 1 : 2;
	u64 range = (addr - fixed_blocks[b].start) >> fixed_blocks[b].shift;

	*end = fixed_blocks[b].start + ((range + 1) << fixed_blocks[b].shift);
	return m->fixed[fixed_blocks[b].index + range / 8] >> (range % 8 * 8) &
	       0xff;
}

/*
 * Where two variable ranges overlap: UC wins over all, WT over WB; any other
 * pair is undefined, for which the more careful answer is given (UC). SDM 3A,
 * "MTRR Precedences".
 */
static enum memory_type overlap(enum memory_type a, enum memory_type b)
{
	if (a == b)
		return a;
	if ((a == MT_WT && b == MT_WB) || (a == MT_WB && b == MT_WT))
		return MT_WT;
	return MT_UC;
}

/*
 * Next address above @addr at which matching @base under @mask can change. A
 * match lasts for the lowest bit of the mask; a mismatch at least until its
 * highest wrong bit changes.
 */
static u64 next_edge(u64 base, u64 mask, u64 addr)
{
	u64 wrong = (addr ^ base) & mask;
	u64 step = wrong ? BIT(63 - __builtin_clzll(wrong)) : mask & -mask;

	return step ? (addr | (step - 1)) + 1 : ~0ull;
}

enum memory_type mtrr_type(const struct mtrr_state *m, u64 addr, u64 *end)
{
	u64 abits = BITS(m->phys_bits - 1, 12);
	enum memory_type t = MT_UC;
	bool found = false;
	u32 i;

	*end = ~0ull;
	if (!(m->def_type & DEF_E))
		return MT_UC;
	if (addr < FIXED_END && (m->cap & CAP_FIX) && (m->def_type & DEF_FE))
		return fixed_type(m, addr, end);
	if (addr < FIXED_END) /* a later call may find fixed ranges there */
		*end = FIXED_END;
	for (i = 0; i < nr_variable(m); i++) {
		u64 mask = m->mask[i] & abits;
		enum memory_type v = m->base[i] & 0xff;

		if (!(m->mask[i] & MASK_V))
			continue;
		*end = MIN(*end, next_edge(m->base[i], mask, addr));
		if ((addr & mask) != (m->base[i] & mask))
			continue;
		t = found ? overlap(t, v) : v;
		found = true;
	}
	return found ? t : m->def_type & DEF_TYPE;
}

bool mtrr_uniform(const struct mtrr_state *m, u64 addr, u64 len,
		  enum memory_type *type)
{
	u64 end, a;

	*type = mtrr_type(m, addr, &end);
	for (a = end; a - addr < len && a > addr; a = end)
		if (mtrr_type(m, a, &end) != *type)
			return false;
	return true;
}
