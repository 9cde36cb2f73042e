/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/pt_format.c mm/fold.c */
#include "tests/unit/unit.h"

#include "mm/addr.h"
#include "mm/fold.h"
#include "mm/pt_format.h"

static void *mem(void *ctx, u64 pa)
{
	return hpa_ptr(HPA(pa));
}

static u64 *entry(u64 table, u32 i)
{
	return (u64 *)hpa_ptr(HPA(table + i * 8));
}

/* An entry that another CPU changes between walk and flags is not written,
 * whatever level it stands at: the caller walks again. */
TEST(pt_lost_race)
{
	u32 level;

	for (level = 1; level <= 4; level++) {
		u64 at = (5 - level) * 4096;
		struct pt_mode m;
		struct pt_walk w;
		u32 i;

		unit_memory_init(MiB(1));
		for (i = 1; i <= 4; i++)
			*entry(i * 4096, 0) = (i + 1) * 4096 | PT_P | PT_W;
		pt_mode_init(&m, &pt_x86_4, 40, 0);
		CHECK_EQ(pt_walk(&m, 4096, 5, mem, NULL, &w), PT_OK);
		CHECK_EQ(w.addr, 5 * 4096 + 5);
		*entry(at, 0) ^= BIT(52); /* L1's own bit */
		CHECK(!pt_set_ad(&m, &w, true));
		CHECK_EQ(*entry(at, 0) & (PT_A | PT_D | BIT(52)), BIT(52));
		CHECK_EQ(pt_walk(&m, 4096, 5, mem, NULL, &w), PT_OK);
		CHECK(pt_set_ad(&m, &w, true));
		CHECK_EQ(*entry(at, 0) & (PT_A | BIT(52)), PT_A | BIT(52));
		CHECK_EQ(*entry(4 * 4096, 0) & PT_D, PT_D);
		CHECK_EQ(*entry(3 * 4096, 0) & PT_D, 0);
	}
}

static void *nothing(void *ctx, u64 pa)
{
	return PT_NO_MEMORY;
}

/* Tables where there is no memory are never written, in any format. */
TEST(pt_no_memory)
{
	static const struct pt_format *const f[] = {
		&pt_x86_32,  &pt_x86_pae, &pt_x86_4, &pt_x86_5, &pt_npt_32,
		&pt_npt_pae, &pt_npt_4,	  &pt_npt_5, &pt_ept_4, &pt_ept_5
	};
	struct pt_mode m;
	struct pt_walk w;
	u32 i, flags;

	for (i = 0; i < ARRAY_SIZE(f); i++)
		for (flags = 0; flags < 64; flags++) {
			pt_mode_init(&m, f[i], 52, flags);
			if (pt_walk(&m, 0, 0, nothing, NULL, &w) == PT_OK)
				CHECK(pt_set_ad(&m, &w, true));
			pt_mode_init(&m, f[i], 40, flags);
			CHECK(pt_walk(&m, 0, 0, nothing, NULL, &w) ==
				      PT_RESERVED ||
			      f[i]->entry_size == 4);
		}
}

TEST(fold_ept_types)
{
	static const struct {
		u8 t01, t12, want;
	} t[] = {
		{ MT_WB, MT_WB, MT_WB }, { MT_WB, MT_UC, MT_UC },
		{ MT_WB, MT_WC, MT_WC }, { MT_WB, MT_WT, MT_WT },
		{ MT_WB, MT_WP, MT_WP }, { MT_UC, MT_WB, MT_UC },
		{ MT_UC, MT_WC, MT_WC }, { MT_UC, MT_WT, MT_UC },
		{ MT_WC, MT_WB, MT_WC }, { MT_WC, MT_WT, MT_UC },
		{ MT_WT, MT_WB, MT_WT }, { MT_WT, MT_UC, MT_UC },
		{ MT_WP, MT_WB, MT_WP }, { MT_WP, MT_WT, MT_WT },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		u64 e = (u64)t[i].t12 << EPT_TYPE_SHIFT | EPT_R;
		u64 want = (u64)t[i].want << EPT_TYPE_SHIFT;

		CHECK_EQ(fold_type_ept(e, t[i].t01), want);
		CHECK_EQ(fold_type_ept(e | EPT_IPAT, t[i].t01),
			 want | EPT_IPAT);
	}
}

/* Any PAT of L1's on a PAT of L0's that has all types: nothing is lost. */
TEST(fold_npt_types)
{
	static const u8 types[] = { 0, 1, 4, 5, 6, 7 };
	const u64 pat01 = 0x0007010500070406; /* WB WT UC- UC WP WC UC- UC */
	struct fold_types ft;
	u32 round, i, large;

	for (round = 0; round < 100; round++) {
		u64 pat12 = 0;

		for (i = 0; i < 8; i++)
			pat12 |= (u64)types[unit_random() % 6] << (8 * i);
		fold_types_npt(&ft, pat12, pat01);
		for (i = 0; i < 16; i++) {
			u64 high = i & 8 ? PT_PAT_LARGE : PT_PAT_4K, e, e12;
			u32 idx = i & 7, got;

			e12 = (idx & 1 ? PT_PWT : 0) | (idx & 2 ? PT_PCD : 0) |
			      (idx & 4 ? high : 0);
			for (large = 0; large < 2; large++) {
				u64 bit = large ? PT_PAT_LARGE : PT_PAT_4K;

				e = fold_leaf(&ft, large + 1, HPA(0), ACCESS_R,
					      e12, i & 8 ? 2 : 1, MT_WB);
				got = (e & PT_PWT ? 1 : 0) |
				      (e & PT_PCD ? 2 : 0) | (e & bit ? 4 : 0);
				CHECK_EQ(pat01 >> (8 * got) & 7,
					 pat12 >> (8 * idx) & 7);
			}
		}
	}
}
