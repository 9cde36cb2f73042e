/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux bzImage, 32-bit boot protocol: Documentation/arch/x86/boot.rst,
 * "32-bit Boot Protocol" and zero-page.rst.
 */
#include "boot/load_efi.h"
#include "boot/load_image.h"
#include "boot/load_plan.h"
#include "core/err.h"
#include "core/string.h"

/* struct boot_params: zero-page.rst, and screen_info's fields. */
enum boot_params {
	BP_VIDEO_MODE = 0x06,
	BP_VIDEO_COLS = 0x07,
	BP_VIDEO_LINES = 0x0e,
	BP_VIDEO_ISVGA = 0x0f,
	BP_VIDEO_POINTS = 0x10,
	BP_LFB_WIDTH = 0x12,
	BP_LFB_HEIGHT = 0x14,
	BP_LFB_DEPTH = 0x16,
	BP_LFB_BASE = 0x18,
	BP_LFB_SIZE = 0x1c,
	BP_LFB_LINELENGTH = 0x24,
	BP_RED_SIZE = 0x26,
	BP_RED_POS = 0x27,
	BP_GREEN_SIZE = 0x28,
	BP_GREEN_POS = 0x29,
	BP_BLUE_SIZE = 0x2a,
	BP_BLUE_POS = 0x2b,
	BP_RSVD_SIZE = 0x2c,
	BP_RSVD_POS = 0x2d,
	BP_VIDEO_CAPABILITIES = 0x36,
	BP_EXT_LFB_BASE = 0x3a,
	BP_ACPI_RSDP = 0x70,
	BP_EXT_RAMDISK_IMAGE = 0xc0,
	BP_EXT_RAMDISK_SIZE = 0xc4,
	BP_EFI_SIGNATURE = 0x1c0,
	BP_EFI_SYSTAB = 0x1c4,
	BP_EFI_DESC_SIZE = 0x1c8,
	BP_EFI_DESC_VERSION = 0x1cc,
	BP_EFI_MEMMAP = 0x1d0,
	BP_EFI_MEMMAP_SIZE = 0x1d4,
	BP_EFI_SYSTAB_HI = 0x1d8,
	BP_EFI_MEMMAP_HI = 0x1dc,
	BP_ALT_MEM_K = 0x1e0,
	BP_E820_ENTRIES = 0x1e8,
	BP_HEADER = 0x1f1,
	BP_HEADER_END_MAX = 0x290,
	BP_E820_TABLE = 0x2d0,
	BP_SIZE = 4096,
};

#define E820_INLINE_MAX 128u
#define E820_ENTRY_LEN 20u
#define SETUP_E820_EXT 1
#define SETUP_DATA_LEN 16u

#define LOADER_UNDEFINED 0xff
#define VID_MODE_NORMAL 0xffff
#define XLF_ABOVE_4G BIT(1)
#define VIDEO_TYPE_VGA 0x01
#define VIDEO_TYPE_VLFB 0x23
#define VIDEO_TYPE_EFI 0x70
#define VIDEO_CAPABILITY_64BIT_BASE BIT(1)
#define LOW_LOAD_ADDR MiB(1)
/* Before protocol 2.10 no header field tells what decompression needs. */
#define OLD_EXPANSION 5u

struct linux_image {
	struct plan *p;
	const u8 *hdr; /* the file's first bytes */
	u16 version;
	u64 pm_off, pm_len; /* protected-mode part in the file */
	u64 init_size;	    /* bytes from its load address that it uses */
	u64 align, pref;
	bool relocatable;
	u64 load; /* physical load address */
	u64 initrd, initrd_len;
	u8 *bp; /* struct boot_params under construction */
};

static int read_header(struct linux_image *k)
{
	struct plan *p = k->p;
	u32 sects = k->hdr[LINUX_SETUP_SECTS];
	u64 want;

	k->version = get16(k->hdr + LINUX_VERSION);
	k->pm_off = ((sects ? sects : 4) + 1) * 512;
	if (k->pm_off >= p->img_len)
		return PLAN_FAIL(p, EINVAL,
				 "Linux kernel truncated: %lu bytes, the setup "
				 "code alone has %lu",
				 p->img_len, k->pm_off);
	k->pm_len = p->img_len - k->pm_off;
	/* signatures may follow what the header counts, in 16 bytes */
	want = (u64)get32(k->hdr + LINUX_SYSSIZE) * 16;
	if (want > ALIGN_UP(k->pm_len, 16))
		return PLAN_FAIL(
			p, EINVAL,
			"Linux kernel truncated: %lu bytes, its header "
			"tells of %lu",
			p->img_len, k->pm_off + want);
	k->align = MAX(get32(k->hdr + LINUX_KERNEL_ALIGNMENT), PAGE_SIZE);
	if (k->align & (k->align - 1))
		return PLAN_FAIL(p, EINVAL, "Linux kernel: alignment %#lx",
				 k->align);
	k->relocatable = k->hdr[LINUX_RELOCATABLE];
	k->pref = LOW_LOAD_ADDR;
	k->init_size = k->pm_len * OLD_EXPANSION;
	if (k->version >= 0x20a && p->img_len >= LINUX_INIT_SIZE + 4) {
		k->pref = get64(k->hdr + LINUX_PREF_ADDRESS);
		k->init_size = MAX(get32(k->hdr + LINUX_INIT_SIZE), k->pm_len);
	}
	return 0;
}

/*
 * At its preferred address; elsewhere (never below it: the kernel would move
 * itself up there) if it is relocatable.
 */
static int place_kernel(struct linux_image *k)
{
	struct plan *p = k->p;

	k->load = k->pref;
	if (k->pref < GiB(4) && plan_free(p, k->pref, k->init_size))
		return plan_claim(p, k->pref, k->init_size, "the Linux kernel");
	if (!k->relocatable)
		return plan_claim(p, k->pref, k->init_size,
				  "the Linux kernel (not relocatable)");
	k->load = plan_find(p, k->init_size, k->align, k->pref, GiB(4), false);
	if (k->load == ~0ull)
		return PLAN_FAIL(
			p, ENOMEM,
			"no room for the Linux kernel: %lu KiB between "
			"%#lx and 4 GiB",
			(k->init_size >> 10), k->pref);
	return 0;
}

/* Bytes of all initrds, each padded to 4 as cpio archives want it. */
static u64 initrd_len(const struct boot_info *bi)
{
	u64 len = 0;

	for (u32 i = 1; i < bi->nmods; i++)
		len = ALIGN_UP(len, 4) + bi->mod[i].len;
	return len;
}

/* Several initrds become one, in order. */
static int join_initrds(struct linux_image *k, u64 max)
{
	struct plan *p = k->p;
	const struct boot_info *bi = p->bi;
	u64 off = 0;
	int ret;

	k->initrd = plan_find(p, k->initrd_len, PAGE_SIZE, MiB(1), max, true);
	if (k->initrd == ~0ull)
		return PLAN_FAIL(p, ENOMEM,
				 "no room for %lu KiB of initrds below %#lx",
				 (k->initrd_len >> 10), max);
	for (u32 i = 1; i < bi->nmods; i++) {
		u64 to = ALIGN_UP(off, 4);

		ret = plan_step(p, k->initrd + off, PLAN_ZERO, to - off);
		if (!ret)
			ret = plan_step(p, k->initrd + to, bi->mod[i].start.v,
					bi->mod[i].len);
		if (ret)
			return ret;
		off = to + bi->mod[i].len;
	}
	return 0;
}

static int place_initrd(struct linux_image *k)
{
	struct plan *p = k->p;
	u64 max = (u64)get32(k->hdr + LINUX_INITRD_ADDR_MAX) + 1;
	int ret;

	k->initrd_len = initrd_len(p->bi);
	if (!k->initrd_len)
		return 0;
	if (k->version >= 0x20c &&
	    (get16(k->hdr + LINUX_XLOADFLAGS) & XLF_ABOVE_4G) &&
	    k->initrd_len > max / 2)
		max = memmap_ram_end(p->map);
	if (p->bi->nmods > 2)
		return join_initrds(k, max);
	ret = plan_module(p, 1, max);
	k->initrd = p->mod_at[1];
	return ret;
}

/* The kernel's own setup header, then what a loader fills in. */
static int fill_header(struct linux_image *k, const char *cmdline)
{
	struct plan *p = k->p;
	u32 end = LINUX_MAGIC + k->hdr[LINUX_JUMP + 1];
	u32 max = get32(k->hdr + LINUX_CMDLINE_SIZE);
	u32 at;

	end = (u32)MIN((u64)MIN(end, (u32)BP_HEADER_END_MAX), p->img_len);
	if (end < LINUX_HEADER_END)
		return PLAN_FAIL(p, EINVAL, "Linux kernel: header of %u bytes",
				 end - BP_HEADER);
	memcpy(k->bp + BP_HEADER, k->hdr + BP_HEADER, end - BP_HEADER);
	if (strlen(cmdline) > max)
		return PLAN_FAIL(p, EINVAL,
				 "L1's command line has %zu characters, this "
				 "Linux kernel takes %u",
				 strlen(cmdline), max);
	at = plan_info_string(p, cmdline);
	if (!at)
		return -ENOMEM;
	put32(k->bp + LINUX_CMD_LINE_PTR, at);
	put16(k->bp + LINUX_VID_MODE, VID_MODE_NORMAL);
	put8(k->bp + LINUX_TYPE_OF_LOADER, LOADER_UNDEFINED);
	put32(k->bp + LINUX_CODE32_START, (u32)k->load);
	put32(k->bp + LINUX_RAMDISK_IMAGE, (u32)k->initrd);
	put32(k->bp + LINUX_RAMDISK_SIZE, (u32)k->initrd_len);
	put32(k->bp + BP_EXT_RAMDISK_IMAGE, (u32)(k->initrd >> 32));
	put32(k->bp + BP_EXT_RAMDISK_SIZE, (u32)(k->initrd_len >> 32));
	return 0;
}

static void e820_entry(u8 *to, const struct mem_region *r)
{
	put64(to, r->start);
	put64(to + 8, r->len);
	put32(to + 16, r->type);
}

/* What does not fit into boot_params goes to a setup_data entry. */
static int fill_e820(struct linux_image *k)
{
	const struct memmap *m = k->p->map;
	u32 n = MIN(m->n, E820_INLINE_MAX), at;
	u8 *ext;

	for (u32 i = 0; i < n; i++)
		e820_entry(k->bp + BP_E820_TABLE + i * E820_ENTRY_LEN,
			   &m->r[i]);
	put8(k->bp + BP_E820_ENTRIES, (u8)n);
	if (m->n == n)
		return 0;
	if (k->version < 0x209)
		return PLAN_FAIL(k->p, EINVAL,
				 "memory map of %u regions: too many for a "
				 "kernel of boot protocol %#x",
				 m->n, k->version);
	ext = plan_info_alloc(
		k->p, SETUP_DATA_LEN + (m->n - n) * E820_ENTRY_LEN, 8, &at);
	if (!ext)
		return -ENOMEM;
	put32(ext + 8, SETUP_E820_EXT);
	put32(ext + 12, (m->n - n) * E820_ENTRY_LEN);
	for (u32 i = n; i < m->n; i++)
		e820_entry(ext + SETUP_DATA_LEN + (i - n) * E820_ENTRY_LEN,
			   &m->r[i]);
	put64(k->bp + LINUX_SETUP_DATA, at);
	return 0;
}

static void fill_graphics(u8 *bp, const struct boot_framebuffer *fb, bool efi)
{
	u64 bytes = (u64)fb->pitch * fb->height;

	put8(bp + BP_VIDEO_ISVGA, efi ? VIDEO_TYPE_EFI : VIDEO_TYPE_VLFB);
	put16(bp + BP_LFB_WIDTH, (u16)fb->width);
	put16(bp + BP_LFB_HEIGHT, (u16)fb->height);
	put16(bp + BP_LFB_DEPTH, fb->bpp);
	put16(bp + BP_LFB_LINELENGTH, (u16)fb->pitch);
	put32(bp + BP_LFB_BASE, (u32)fb->addr);
	/* VLFB counts 64 KiB, EFI bytes */
	put32(bp + BP_LFB_SIZE,
	      (u32)(efi ? bytes : ALIGN_UP(bytes, KiB(64)) >> 16));
	if (fb->addr >> 32) {
		put32(bp + BP_EXT_LFB_BASE, (u32)(fb->addr >> 32));
		put32(bp + BP_VIDEO_CAPABILITIES, VIDEO_CAPABILITY_64BIT_BASE);
	}
	put8(bp + BP_RED_SIZE, fb->red_size);
	put8(bp + BP_RED_POS, fb->red_pos);
	put8(bp + BP_GREEN_SIZE, fb->green_size);
	put8(bp + BP_GREEN_POS, fb->green_pos);
	put8(bp + BP_BLUE_SIZE, fb->blue_size);
	put8(bp + BP_BLUE_POS, fb->blue_pos);
	if (fb->bpp == 32) {
		put8(bp + BP_RSVD_SIZE, 8);
		put8(bp + BP_RSVD_POS,
		     (u8)(48 - fb->red_pos - fb->green_pos - fb->blue_pos));
	}
}

static void fill_screen(struct linux_image *k)
{
	const struct boot_framebuffer *fb = &k->p->bi->fb;
	u8 *bp = k->bp;

	if (fb->present && fb->type == 1) {
		fill_graphics(bp, fb, k->p->bi->efi.present);
		return;
	}
	if (k->p->bi->efi.present)
		return; /* no text mode there: no screen */
	put8(bp + BP_VIDEO_ISVGA, VIDEO_TYPE_VGA);
	put8(bp + BP_VIDEO_MODE, 3);
	put8(bp + BP_VIDEO_COLS, 80);
	put8(bp + BP_VIDEO_LINES, 25);
	put16(bp + BP_VIDEO_POINTS, 16);
}

static int fill_efi(struct linux_image *k)
{
	const struct boot_efi *efi = &k->p->bi->efi;
	u8 *bp = k->bp, *map;
	u32 len, at;

	if (!efi->present || !efi->memmap_len)
		return 0;
	len = efi_map_for_l1(efi, &k->p->l0, NULL);
	map = plan_info_alloc(k->p, len, 8, &at);
	if (!map)
		return -ENOMEM;
	efi_map_for_l1(efi, &k->p->l0, map);
	memcpy(bp + BP_EFI_SIGNATURE, efi->is32 ? "EL32" : "EL64", 4);
	put32(bp + BP_EFI_SYSTAB, (u32)efi->systab);
	put32(bp + BP_EFI_SYSTAB_HI, (u32)(efi->systab >> 32));
	put32(bp + BP_EFI_DESC_SIZE, efi->desc_size);
	put32(bp + BP_EFI_DESC_VERSION, efi->desc_version);
	put32(bp + BP_EFI_MEMMAP, at);
	put32(bp + BP_EFI_MEMMAP_SIZE, len);
	return 0;
}

/* KiB above 1 MiB, for kernels that trust nothing else. */
static void fill_alt_mem(struct linux_image *k)
{
	put32(k->bp + BP_ALT_MEM_K, ram_kib(k->p->map, MiB(1)));
}

static int fill_boot_params(struct linux_image *k)
{
	struct plan *p = k->p;
	const struct boot_info *bi = p->bi;
	u32 at;
	int ret;

	k->bp = plan_info_alloc(p, BP_SIZE, PAGE_SIZE, &at);
	if (!k->bp)
		return -ENOMEM;
	p->out->esi = at;
	ret = fill_header(k, bi->mod[0].str);
	if (!ret)
		ret = fill_e820(k);
	if (!ret)
		ret = fill_efi(k);
	if (!ret)
		ret = plan_gdt(p);
	fill_screen(k);
	fill_alt_mem(k);
	put64(k->bp + BP_ACPI_RSDP, rsdp_address(bi));
	return ret;
}

int load_linux(struct plan *p)
{
	struct linux_image k = { .p = p, .hdr = p->img };
	int ret = read_header(&k);

	if (!ret)
		ret = place_kernel(&k);
	if (!ret)
		ret = place_initrd(&k);
	if (!ret)
		ret = plan_image(p);
	if (!ret)
		ret = plan_step(p, k.load, p->img_hpa + k.pm_off, k.pm_len);
	if (!ret)
		ret = plan_info(p, p->info_size);
	if (!ret)
		ret = fill_boot_params(&k);
	p->out->eip = (u32)k.load;
	return ret;
}
