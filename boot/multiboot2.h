/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The multiboot2 format, and the parser of what the loader passes to L0. */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "boot/boot_info.h"
#include "core/types.h"

#define MB2_HEADER_MAGIC 0xe85250d6u
#define MB2_BOOT_MAGIC 0x36d76289u

/* Multiboot2 Specification, "Boot information": tag types. */
enum mb2_tag_type {
	MB2_END = 0,
	MB2_CMDLINE = 1,
	MB2_LOADER_NAME = 2,
	MB2_MODULE = 3,
	MB2_MEMINFO = 4,
	MB2_BOOTDEV = 5,
	MB2_MMAP = 6,
	MB2_VBE = 7,
	MB2_FRAMEBUFFER = 8,
	MB2_ELF_SECTIONS = 9,
	MB2_APM = 10,
	MB2_EFI32 = 11,
	MB2_EFI64 = 12,
	MB2_SMBIOS = 13,
	MB2_ACPI_OLD = 14,
	MB2_ACPI_NEW = 15,
	MB2_NETWORK = 16,
	MB2_EFI_MMAP = 17,
	MB2_EFI_BS = 18,
	MB2_EFI32_IH = 19,
	MB2_EFI64_IH = 20,
	MB2_LOAD_BASE = 21,
	MB2_TAG_TYPES,
};

/* The fixed parts of the tags, behind which strings and entries follow. */
struct mb2_tag {
	u32 type;
	u32 size; /* bytes, this header included, without padding to 8 */
};

struct mb2_module {
	struct mb2_tag tag;
	u32 start, end; /* physical; end: one past the last byte */
};

struct mb2_meminfo {
	struct mb2_tag tag;
	u32 lower, upper; /* KiB from 0, KiB from 1 MiB */
};

struct mb2_mmap {
	struct mb2_tag tag;
	u32 entry_size, entry_version;
};

struct mb2_mmap_entry {
	u64 start, len;
	u32 type, zero;
};

struct mb2_framebuffer {
	struct mb2_tag tag;
	u64 addr;
	u32 pitch, width, height;
	u8 bpp, type;
	u16 reserved;
};

struct mb2_efi_mmap {
	struct mb2_tag tag;
	u32 desc_size, desc_version;
};

/* UEFI Specification, "EFI_BOOT_SERVICES.GetMemoryMap()". */
struct efi_desc {
	u32 type, pad;
	u64 phys, virt, pages, attr;
};

enum efi_mem_type {
	EFI_RESERVED,
	EFI_LOADER_CODE,
	EFI_LOADER_DATA,
	EFI_BS_CODE,
	EFI_BS_DATA,
	EFI_RT_CODE,
	EFI_RT_DATA,
	EFI_CONVENTIONAL,
	EFI_UNUSABLE,
	EFI_ACPI_RECLAIM,
	EFI_ACPI_NVS,
};

/*
 * Parse the information at @info (8-byte aligned, direct map), of which at
 * most @limit bytes are looked at, into @bi (filled anew). -EINVAL with a
 * message when it is truncated or contradicts itself.
 */
int __must_check mb2_parse(const void *info, size_t limit, struct boot_info *bi,
			   char *err, size_t errsize);

#endif
