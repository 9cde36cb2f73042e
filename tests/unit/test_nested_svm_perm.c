/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm_perm.c svm/perm.c */
#include "core/msr.h"
#include "nested/svm_perm.h"
#include "svm/svm.h"
#include "tests/unit/unit.h"

static u8 map[SVM_PERM_PAGES * PAGE_SIZE], l0[sizeof(map)], l1[sizeof(map)];
static struct svm_perm perm;

static void start(u32 pages)
{
	memset(l0, 0, sizeof(l0));
	memset(l1, 0, sizeof(l1));
	svm_perm_init(&perm, map, l0, pages);
	for (u32 i = 0; i < pages; i++)
		perm.l1[i] = l1 + i * PAGE_SIZE;
}

TEST(nsvm_perm_closed_at_first)
{
	memset(&perm, 0x55, sizeof(perm));
	start(3);
	CHECK_EQ(perm.pages, 3);
	CHECK_EQ(perm.n, 0);
	CHECK_EQ(perm.victim, 0);
	for (u32 i = 0; i < sizeof(map); i++)
		CHECK_EQ(map[i], 0xff);
}

TEST(nsvm_perm_l1_msr)
{
	start(2);
	svm_msrpm_set(l1, MSR_STAR, true, false);
	svm_msrpm_set(l1, 0xc0011fff, false, true);
	CHECK(svm_perm_l1_msr(&perm, MSR_STAR, false));
	CHECK(!svm_perm_l1_msr(&perm, MSR_STAR, true));
	CHECK(!svm_perm_l1_msr(&perm, MSR_LSTAR, false));
	CHECK(!svm_perm_l1_msr(&perm, 0xc0011fff, false));
	CHECK(svm_perm_l1_msr(&perm, 0xc0011fff, true));
	CHECK(!svm_perm_l1_msr(&perm, 0, false));
	CHECK(!svm_perm_l1_msr(&perm, 0, true));
	/* not covered by the map: always */
	CHECK(svm_perm_l1_msr(&perm, 0x2000, false));
	CHECK(svm_perm_l1_msr(&perm, 0xc0012000, false));
	CHECK(svm_perm_l1_msr(&perm, 0xffffffff, true));
	perm.l1[0] = NULL; /* not memory */
	CHECK(svm_perm_l1_msr(&perm, MSR_LSTAR, false));
	perm.l1[0] = l1;
	perm.l1[1] = NULL;
	CHECK(!svm_perm_l1_msr(&perm, MSR_LSTAR, false));
	CHECK(svm_perm_l1_msr(&perm, 0xc0010000, false));
}

TEST(nsvm_perm_l1_io)
{
	start(3);
	svm_iopm_set(l1, 0x70, 2, true);
	CHECK(svm_perm_l1_io(&perm, 0x70, 1));
	CHECK(svm_perm_l1_io(&perm, 0x71, 1));
	CHECK(!svm_perm_l1_io(&perm, 0x72, 4));
	CHECK(!svm_perm_l1_io(&perm, 0x6f, 1));
	CHECK(svm_perm_l1_io(&perm, 0x6f, 2));
	CHECK(svm_perm_l1_io(&perm, 0x6d, 4));
	CHECK(!svm_perm_l1_io(&perm, 0x6c, 4));
	/* page boundaries, and past the last port */
	svm_iopm_set(l1, 0x8000, 1, true);
	CHECK(svm_perm_l1_io(&perm, 0x7ffd, 4));
	CHECK(!svm_perm_l1_io(&perm, 0x7ffc, 4));
	CHECK(!svm_perm_l1_io(&perm, 0xffff, 4));
	l1[0x2000] = 4; /* the third bit behind */
	CHECK(svm_perm_l1_io(&perm, 0xffff, 4));
	CHECK(!svm_perm_l1_io(&perm, 0xffff, 2));
}

/* An open byte is L0's or L1's, as L1 had it at the last refresh. */
TEST(nsvm_perm_follows)
{
	start(2);
	l0[0x820] = 0x0c;
	l1[0x820] = 0x01;
	svm_perm_open(&perm, 0x820);
	CHECK_EQ(map[0x820], 0x0d);
	l1[0x820] = 0x81;
	CHECK_EQ(map[0x820], 0x0d);
	svm_perm_refresh(&perm);
	CHECK_EQ(map[0x820], 0x8d);
	l1[0x820] = 0;
	l0[0x820] = 0xff; /* L0 always wins */
	svm_perm_refresh(&perm);
	CHECK_EQ(map[0x820], 0xff);
	CHECK_EQ(map[0x821], 0xff);
	svm_perm_open(&perm, 0x820);
	CHECK_EQ(perm.n, 1);
}

TEST(nsvm_perm_other_l1_map)
{
	static u8 other[PAGE_SIZE];

	start(2);
	svm_perm_open(&perm, 7);
	CHECK_EQ(map[7], 0);
	memset(other, 0xaa, sizeof(other));
	perm.l1[0] = other;
	svm_perm_refresh(&perm);
	CHECK_EQ(map[7], 0xaa);
	perm.l1[0] = NULL;
	svm_perm_refresh(&perm);
	CHECK_EQ(map[7], 0xff);
}

/* The byte that is open for longest closes first. */
TEST(nsvm_perm_oldest_first)
{
	start(3);
	for (u32 i = 0; i < 3 * SVM_PERM_OPEN; i++) {
		svm_perm_open(&perm, i);
		for (u32 j = 0; j <= i; j++)
			CHECK_EQ(map[j], i - j < SVM_PERM_OPEN ? 0 : 0xff);
	}
}

/* The map is never more open than (L0 | L1), however many bytes are asked. */
TEST(nsvm_perm_bounded)
{
	start(3);
	for (u32 i = 0; i < sizeof(l1); i++) {
		l1[i] = (u8)unit_random();
		l0[i] = (u8)(unit_random() & unit_random());
	}
	for (u32 i = 0; i < 1000; i++) {
		u32 off = (u32)unit_random() % (u32)sizeof(map);
		u32 open = 0;

		svm_perm_open(&perm, off);
		CHECK_EQ(map[off], (u8)(l0[off] | l1[off]));
		for (u32 j = 0; j < sizeof(map); j++) {
			CHECK_EQ(map[j] & (l0[j] | l1[j]), l0[j] | l1[j]);
			open += map[j] != 0xff;
		}
		CHECK(open <= SVM_PERM_OPEN);
		CHECK(perm.n <= SVM_PERM_OPEN);
	}
}
