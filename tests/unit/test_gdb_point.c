/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_point.c core/insn.c core/insn_exec.c */
/* Debug registers shared with the guest; widths of accesses. */
#include "tests/unit/unit.h"

#include "core/gdb_point.h"
#include "core/x86.h"

TEST(dr_fits)
{
	CHECK(dr_fits(GDB_BP_HARD, 0x1001, 1));
	CHECK(dr_fits(GDB_WP_WRITE, 0x1000, 8));
	CHECK(dr_fits(GDB_WP_ACCESS, 0x1002, 2));
	CHECK(!dr_fits(GDB_WP_WRITE, 0x1002, 4));
	CHECK(!dr_fits(GDB_WP_WRITE, 0x1000, 3));
	CHECK(!dr_fits(GDB_WP_READ, 0x1000, 16));
	CHECK(!dr_fits(GDB_WP_READ, 0x1000, 0));
}

TEST(dr_place)
{
	/* the guest has 0 (local) and 2 (global) */
	const struct dr_set guest = { { 1, 2, 3, 4 }, 0x0d000421 | BIT(8) };
	const struct dr_point p[3] = { { 0x5000, 4, GDB_WP_WRITE },
				       { 0x6001, 1, GDB_BP_HARD },
				       { 0x7000, 8, GDB_WP_READ } };
	struct dr_set out = guest;
	u32 used = 0;

	CHECK_EQ(dr_place(&guest, &p[0], &out, &used), 1);
	CHECK_EQ(dr_place(&guest, &p[2], &out, &used), 3);
	CHECK_EQ(dr_place(&guest, &p[1], &out, &used), -1);
	CHECK_EQ(used, 0xa);
	CHECK_EQ(out.dr[0], 1);
	CHECK_EQ(out.dr[1], 0x5000);
	CHECK_EQ(out.dr[2], 3);
	CHECK_EQ(out.dr[3], 0x7000);
	/* 1: write, 4 bytes; 3: read or write, 8 bytes; 0 and 2 as before */
	CHECK_EQ(out.dr7, 0xbdd00400ull | BIT(8) | 0xa9);
	out = guest;
	used = 0;
	CHECK_EQ(dr_place(&guest, &p[1], &out, &used), 1);
	CHECK_EQ(out.dr7, guest.dr7 | BIT(3));
}

static u32 width(u32 mode, const char *bytes, size_t n)
{
	struct insn i;

	if (insn_decode(&i, (const u8 *)bytes, n, mode))
		return ~0u;
	return insn_access_width(&i);
}

#define WIDTH(mode, bytes) width(mode, bytes, sizeof(bytes) - 1)

TEST(widths)
{
	CHECK_EQ(WIDTH(64, "\x89\x07"), 4);	     /* mov %eax, (%rdi) */
	CHECK_EQ(WIDTH(64, "\x48\x89\x07"), 8);	     /* mov %rax, (%rdi) */
	CHECK_EQ(WIDTH(64, "\x66\x89\x07"), 2);	     /* mov %ax, (%rdi) */
	CHECK_EQ(WIDTH(64, "\xc6\x07\x01"), 1);	     /* movb $1, (%rdi) */
	CHECK_EQ(WIDTH(64, "\x0f\xb6\x07"), 1);	     /* movzbl (%rdi), %eax */
	CHECK_EQ(WIDTH(64, "\x50"), 8);		     /* push %rax */
	CHECK_EQ(WIDTH(32, "\x50"), 4);		     /* push %eax */
	CHECK_EQ(WIDTH(16, "\x50"), 2);		     /* push %ax */
	CHECK_EQ(WIDTH(64, "\x8f\x00"), 8);	     /* pop (%rax) */
	CHECK_EQ(WIDTH(64, "\xe8\0\0\0\0"), 8);	     /* call */
	CHECK_EQ(WIDTH(64, "\xff\x07"), 4);	     /* incl (%rdi) */
	CHECK_EQ(WIDTH(64, "\xfe\x07"), 1);	     /* incb (%rdi) */
	CHECK_EQ(WIDTH(64, "\xff\x37"), 8);	     /* push (%rdi) */
	CHECK_EQ(WIDTH(64, "\xd1\x27"), 4);	     /* shll (%rdi) */
	CHECK_EQ(WIDTH(64, "\xf3\xa4"), 1);	     /* rep movsb */
	CHECK_EQ(WIDTH(64, "\xf3\x48\xab"), 8);	     /* rep stosq */
	CHECK_EQ(WIDTH(64, "\x0f\xb1\x17"), 4);	     /* cmpxchg %edx */
	CHECK_EQ(WIDTH(64, "\x48\x0f\xc7\x0f"), 16); /* cmpxchg16b */
	CHECK_EQ(WIDTH(64, "\x0f\xc7\x0f"), 8);	     /* cmpxchg8b */
	CHECK_EQ(WIDTH(64, "\x0f\x94\x07"), 1);	     /* sete (%rdi) */
	CHECK_EQ(WIDTH(64, "\x0f\x11\x07"), 16);     /* movups */
	CHECK_EQ(WIDTH(64, "\x0f\xae\x07"), 512);    /* fxsave */
	CHECK_EQ(WIDTH(64, "\xdd\x07"), 108);	     /* fldl, or fnsave */
	CHECK_EQ(WIDTH(64, "\x48\xcf"), 64);	     /* iretq: a frame */
}

TEST(exc_combine)
{
	CHECK_EQ(exc_combine(VEC_GP, VEC_GP), VEC_DF);
	CHECK_EQ(exc_combine(VEC_GP, VEC_PF), VEC_PF);
	CHECK_EQ(exc_combine(VEC_PF, VEC_PF), VEC_DF);
	CHECK_EQ(exc_combine(VEC_PF, VEC_GP), VEC_DF);
	CHECK_EQ(exc_combine(VEC_UD, VEC_PF), VEC_PF);
	CHECK_EQ(exc_combine(VEC_DE, VEC_SS), VEC_DF);
	CHECK_EQ(exc_combine(VEC_DF, VEC_PF), EXC_SHUTDOWN);
	CHECK_EQ(exc_combine(VEC_DF, VEC_UD), VEC_UD);
	CHECK_EQ(exc_combine(VEC_DB, VEC_GP), VEC_GP);
}
