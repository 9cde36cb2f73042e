/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the machine that its map does not give. */
#include "tests/guests/lib/guest.h"

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

u64 machine_top(void)
{
	u64 units = cmos(0x34) | (u64)cmos(0x35) << 8;

	return units ? MiB(16) + units * KiB(64)
		     : MiB(1) + (cmos(0x30) | (u64)cmos(0x31) << 8) * KiB(1);
}

static bool in_ram(u64 a)
{
	for (u32 i = 0; i < boot.nram; i++)
		if (boot.ram[i].type == 1 && a >= boot.ram[i].start &&
		    a < boot.ram[i].start + boot.ram[i].len)
			return true;
	return false;
}

u32 find_holes(struct hole holes[HOLES_MAX], u64 top)
{
	u32 n = 0;

	for (u64 a = MiB(1); a < top; a += PAGE_SIZE) {
		if (in_ram(a) || in_ram(a + PAGE_SIZE - 1))
			continue;
		if (n && holes[n - 1].end == a)
			holes[n - 1].end += PAGE_SIZE;
		else if (n < HOLES_MAX)
			holes[n++] = (struct hole){ a, a + PAGE_SIZE };
	}
	return n;
}

bool hole_is_l0(const struct hole *h)
{
	return h->end - h->start >= MiB(1);
}
