/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSR and I/O permission maps (APM 2, MSR Intercepts; IOIO Intercepts). */
#include "core/types.h"
#include "svm/svm.h"

/* Each range has 0x2000 MSRs, 2 bits each: 2 KiB of the map. */
static const u32 msr_ranges[] = { 0x00000000, 0xc0000000, 0xc0010000 };

int svm_msrpm_bit(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(msr_ranges); i++)
		if (msr - msr_ranges[i] < 0x2000)
			return (int)(i * 0x4000 + (msr - msr_ranges[i]) * 2);
	return -1;
}

void svm_msrpm_set(u8 *map, u32 msr, bool rd, bool wr)
{
	int bit = svm_msrpm_bit(msr);
	u8 *p;

	if (bit < 0)
		return;
	p = &map[bit / 8];
	*p = (u8)((*p & ~(3u << bit % 8)) | ((u32)rd | (u32)wr << 1)
						    << bit % 8);
}

bool svm_msrpm_hit(const u8 *map, u32 msr, bool write)
{
	int bit = svm_msrpm_bit(msr);

	if (bit < 0)
		return true;
	return map[bit / 8] >> (bit % 8 + write) & 1;
}

void svm_iopm_set(u8 *map, u16 port, u32 count, bool on)
{
	for (u32 p = port; p < (u32)port + count && p <= 0xffff; p++) {
		if (on)
			map[p / 8] |= (u8)(1u << p % 8);
		else
			map[p / 8] &= (u8) ~(1u << p % 8);
	}
}

/* The map has three more bits than ports: an access that wraps past 0xffff
 * looks at the bits after it. */
bool svm_iopm_hit(const u8 *map, u16 port, u32 size)
{
	for (u32 p = port; p < port + size; p++)
		if (map[p / 8] >> p % 8 & 1)
			return true;
	return false;
}
