/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/bench.h"

#define EXITS_LEAF 0x40000010

static bool counted(void)
{
	static int known = -1;

	if (known < 0)
		known = on_abyme() &&
			cpuid_reg(0x40000000, 0, EAX) >= EXITS_LEAF;
	return known;
}

static u64 exits(void)
{
	u32 r[4];

	if (!counted())
		return 0;
	cpuid(EXITS_LEAF, 0, r);
	return (u64)r[EBX] << 32 | r[EAX];
}

void bench_start(struct bench *b)
{
	b->exits = exits();
	b->tsc = rdtsc();
}

void bench_end(const struct bench *b, const char *name, u32 ops)
{
	u64 t = rdtsc() - b->tsc, e = exits() - b->exits;

	e -= counted(); /* the one that read the count */
	check(t && t < BIT(40), name, "%lu instructions for %u", t, ops);
	print("bench: %s instructions=%lu exits=%lu.%02lu\n", name, t / ops,
	      e / ops, e * 100 / ops % 100);
}
