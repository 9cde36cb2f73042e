/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSR and I/O bitmaps (SDM 3C, MSR-Bitmap Address, I/O-Bitmap Addresses). */
#ifndef VMX_BITMAP_H
#define VMX_BITMAP_H

#include "core/types.h"

/* Bit of @msr in the read map; the write map is 2048 bytes further on. -1 for
 * MSRs outside of both ranges (their accesses always exit). */
int vmx_msr_bit(u32 msr);
void vmx_msr_bitmap_set(u8 *map, u32 msr, bool rd, bool wr);
bool vmx_msr_bitmap_hit(const u8 *map, u32 msr, bool write);

/* @map: bitmap A, then bitmap B. */
void vmx_io_bitmap_set(u8 *map, u16 port, u32 count, bool on);
/* Does an access to @size ports from @port exit? (Past 0xffff it does.) */
bool vmx_io_bitmap_hit(const u8 *map, u16 port, u32 size);

#endif
