/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/load_efi.h"

#include "boot/multiboot2.h"
#include "core/string.h"

#define BDA_EBDA_SEGMENT 0x40eu
#define EBDA_LEN KiB(1)
#define BIOS_AREA 0xe0000u
#define BIOS_AREA_LEN KiB(128)
#define RSDP_ALIGN 16u

/* UEFI Specification, "EFI System Table": offsets on 64-bit and 32-bit. */
#define SYSTAB64_ENTRIES 104
#define SYSTAB64_TABLE 112
#define SYSTAB64_LEN 120
#define SYSTAB32_ENTRIES 64
#define SYSTAB32_TABLE 68
#define SYSTAB32_LEN 72
#define CONFIG_ENTRIES_MAX 256u

static const u8 acpi20_guid[16] = { 0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4,
				    0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80,
				    0xc7, 0x3c, 0x88, 0x81 };
static const u8 acpi10_guid[16] = { 0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d,
				    0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90,
				    0x27, 0x3f, 0xc1, 0x4d };

/* The part [s, e) of @d as descriptor @n of @to (NULL: only count). */
static u32 emit(const struct boot_efi *efi, const u8 *from, u8 *to, u32 n,
		u64 s, u64 e, bool l0)
{
	struct efi_desc d;

	if (s >= e)
		return n;
	if (!to)
		return n + 1;
	to += (size_t)n * efi->desc_size;
	memcpy(to, from, efi->desc_size);
	memcpy(&d, from, sizeof(d));
	if (d.virt)
		d.virt += s - d.phys;
	d.phys = s;
	d.pages = (e - s) >> PAGE_SHIFT;
	if (l0)
		d.type = EFI_RESERVED;
	memcpy(to, &d, sizeof(d));
	return n + 1;
}

u32 efi_map_for_l1(const struct boot_efi *efi, const struct mem_region *l0,
		   u8 *to)
{
	const u8 *from = hpa_ptr(efi->memmap);
	u64 l0_end = l0->start + l0->len;
	u32 n = 0;

	for (u32 off = 0; off < efi->memmap_len; off += efi->desc_size) {
		struct efi_desc d;
		u64 end, a, b;

		memcpy(&d, from + off, sizeof(d));
		end = d.phys +
		      (MIN(d.pages, ~0ull >> PAGE_SHIFT) << PAGE_SHIFT);
		if (end < d.phys) /* a wrap: nothing of L0's is that high */
			continue;
		/* what of it is L0's: [a, b) */
		a = MIN(MAX(d.phys, l0->start), end);
		b = MAX(MIN(end, l0_end), a);
		n = emit(efi, from + off, to, n, d.phys, a, false);
		n = emit(efi, from + off, to, n, a, b, true);
		n = emit(efi, from + off, to, n, b, end, false);
	}
	return n * efi->desc_size;
}

static u64 scan(const struct boot_info *bi, u64 start, u64 len)
{
	for (u64 a = start; a + bi->rsdp_len <= start + len; a += RSDP_ALIGN)
		if (!memcmp(hpa_ptr(HPA(a)), bi->rsdp, bi->rsdp_len))
			return a;
	return 0;
}

/* Does some region of the map hold [a, +len)? Below 4 GiB of whatever type,
 * as firmware's own is reserved; L0 reads none of that kind above. */
static bool is_memory(const struct memmap *m, u64 a, u64 len)
{
	for (u32 i = 0; i < m->n; i++)
		if (memmap_is(m, a, len, m->r[i].type))
			return a + len <= GiB(4) || memmap_memory_in(m, a, len);
	return false;
}

static u64 word(u64 a, u32 size)
{
	u64 v = 0;

	memcpy(&v, hpa_ptr(HPA(a)), size);
	return v;
}

static u64 config_table(const struct boot_info *bi, const u8 guid[16])
{
	const struct boot_efi *efi = &bi->efi;
	u32 w = efi->is32 ? 4 : 8;
	u32 len = efi->is32 ? SYSTAB32_LEN : SYSTAB64_LEN;
	u64 n, table;

	if (!efi->present || !is_memory(&bi->map, efi->systab, len))
		return 0;
	n = word(efi->systab +
			 (efi->is32 ? SYSTAB32_ENTRIES : SYSTAB64_ENTRIES),
		 w);
	table = word(
		efi->systab + (efi->is32 ? SYSTAB32_TABLE : SYSTAB64_TABLE), w);
	n = MIN(n, CONFIG_ENTRIES_MAX);
	if (!is_memory(&bi->map, table, n * (16 + w)))
		return 0;
	for (; n--; table += 16 + w)
		if (!memcmp(hpa_ptr(HPA(table)), guid, 16))
			return word(table + 16, w);
	return 0;
}

u64 rsdp_address(const struct boot_info *bi)
{
	u64 a = 0;

	if (!bi->rsdp_len)
		return 0;
	if (bi->efi.present) {
		a = config_table(bi, acpi20_guid);
		return a ? a : config_table(bi, acpi10_guid);
	}
	a = word(BDA_EBDA_SEGMENT, 2) << 4;
	if (a >= KiB(512) && a + EBDA_LEN <= 0xa0000)
		a = scan(bi, a, EBDA_LEN);
	else
		a = 0;
	return a ? a : scan(bi, BIOS_AREA, BIOS_AREA_LEN);
}
