/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MSR and I/O bitmaps. Pure. */
#include "vmx/bitmap.h"

#define MSR_HIGH 0xc0000000u
#define MSR_RANGE 0x2000u
#define MSR_WRITE_MAP 2048 /* bytes from the read map to the write map */

static void put_bit(u8 *map, u32 bit, bool on)
{
	u8 mask = (u8)(1u << (bit & 7));

	if (on)
		map[bit >> 3] |= mask;
	else
		map[bit >> 3] &= (u8)~mask;
}

static bool get_bit(const u8 *map, u32 bit)
{
	return map[bit >> 3] & (1u << (bit & 7));
}

int vmx_msr_bit(u32 msr)
{
	if (msr < MSR_RANGE)
		return (int)msr;
	if (msr - MSR_HIGH < MSR_RANGE)
		return (int)(msr - MSR_HIGH + MSR_RANGE);
	return -1;
}

void vmx_msr_bitmap_set(u8 *map, u32 msr, bool rd, bool wr)
{
	int bit = vmx_msr_bit(msr);

	if (bit < 0)
		return;
	put_bit(map, (u32)bit, rd);
	put_bit(map + MSR_WRITE_MAP, (u32)bit, wr);
}

bool vmx_msr_bitmap_hit(const u8 *map, u32 msr, bool write)
{
	int bit = vmx_msr_bit(msr);

	if (bit < 0)
		return true;
	return get_bit(map + (write ? MSR_WRITE_MAP : 0), (u32)bit);
}

void vmx_io_bitmap_set(u8 *map, u16 port, u32 count, bool on)
{
	for (u32 i = 0; i < count && port + i <= 0xffff; i++)
		put_bit(map, port + i, on);
}

bool vmx_io_bitmap_hit(const u8 *map, u16 port, u32 size)
{
	for (u32 i = 0; i < size; i++)
		if (port + i > 0xffff || get_bit(map, port + i))
			return true;
	return false;
}
