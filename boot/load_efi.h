/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EFI's memory map as L1 is to see it, and the RSDP's address. Pure. */
#ifndef BOOT_LOAD_EFI_H
#define BOOT_LOAD_EFI_H

#include "boot/boot_info.h"
#include "core/types.h"
#include "mm/memmap.h"

/*
 * Copy the descriptors to @to (NULL: only count); what lies in @l0 becomes
 * reserved memory, descriptors are split at its borders. Returns the bytes.
 */
u32 efi_map_for_l1(const struct boot_efi *efi, const struct mem_region *l0,
		   u8 *to);

/*
 * Where the RSDP that @bi has a copy of lies: the EBDA and the BIOS area,
 * or EFI's configuration table. 0 if it is not found.
 */
u64 rsdp_address(const struct boot_info *bi);

#endif
