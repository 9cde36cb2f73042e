/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the multiboot2 loader told us, checked, in one struct. */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include "core/types.h"
#include "mm/addr.h"
#include "mm/memmap.h"

#define BOOT_MODULES_MAX 32
#define BOOT_CMDLINE_MAX 2048
#define BOOT_MODSTR_MAX 4096 /* all modules' strings together */

struct boot_module {
	hpa_t start;
	u64 len;	 /* bytes */
	const char *str; /* into boot_info.modstr: what follows the path */
};

struct boot_framebuffer {
	bool present;
	u64 addr; /* host-physical */
	u32 pitch, width, height;
	u8 bpp;
	u8 type; /* 0 indexed, 1 RGB, 2 EGA text */
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_efi {
	bool present;	  /* a system table was given */
	bool is32;	  /* it is that of 32-bit firmware */
	u64 systab;	  /* host-physical of the EFI system table */
	hpa_t memmap;	  /* host-physical of the EFI descriptors */
	u32 memmap_len;	  /* bytes */
	u32 desc_size;	  /* bytes a descriptor */
	u32 desc_version; /* of the descriptors */
	bool services_on; /* boot services were not exited */
};

struct boot_info {
	char cmdline[BOOT_CMDLINE_MAX];
	struct memmap map;
	u32 nmods;
	struct boot_module mod[BOOT_MODULES_MAX];
	char modstr[BOOT_MODSTR_MAX];
	u8 rsdp[36]; /* copy; rsdp_len 20 (ACPI 1.0) or 36; 0: none */
	u32 rsdp_len;
	u64 load_base; /* where the loader put the image; 0: not told */
	struct boot_framebuffer fb;
	struct boot_efi efi;
	char loader[64]; /* the boot loader's name */
};

#endif
