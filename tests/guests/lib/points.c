/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/points.h"

volatile u32 watched[1024] __aligned(4096), own;
volatile u64 l2_dr0, l2_dr6, l2_dr7;

static volatile u32 int3s, hits, uds;

static bool on_int3(struct regs *r)
{
	int3s++;
	return true;
}

static bool on_db(struct regs *r)
{
	l2_dr6 = read_dr6();
	write_dr6(0xffff0ff0);
	hits++;
	return true;
}

static bool on_ud(struct regs *r)
{
	uds++;
	r->rip += 2;
	return true;
}

void points_init(void)
{
	set_hook(VEC_BP, on_int3);
	set_hook(VEC_DB, on_db);
	set_hook(VEC_UD, on_ud);
}

void points_check(void)
{
	check_eq(int3s, 1, "l2-int3");
	check_eq(hits, 1, "l2-watchpoint");
	check_eq(l2_dr6 & 0x600f, 1, "l2-dr6");
	check_eq(l2_dr0, (u64)&own, "l2-dr0");
	check_eq(l2_dr7, 0xd0401, "l2-dr7");
	check_eq(watched[5], 15, "l2-memory");
}

void __noinline exited(void)
{
	__asm__ volatile("" : : : "memory");
}
