/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot Specification (version 1), "Boot information format". */
#include "boot/load_image.h"
#include "boot/load_plan.h"
#include "core/err.h"
#include "core/string.h"

enum mb1_header_field {
	H_FLAGS = 4,
	H_HEADER_ADDR = 12,
	H_LOAD_ADDR = 16,
	H_LOAD_END = 20,
	H_BSS_END = 24,
	H_ENTRY = 28,
	H_ADDRESS_LEN = 32,
};

#define H_PAGE_ALIGN BIT(0)
#define H_MEMORY BIT(1)
#define H_VIDEO BIT(2)
#define H_REQUIRED BITS(15, 0) /* a loader must know all of these */
#define H_ADDRESSES BIT(16)

enum mb1_info_field {
	I_FLAGS = 0,
	I_MEM_LOWER = 4,
	I_MEM_UPPER = 8,
	I_CMDLINE = 16,
	I_MODS_COUNT = 20,
	I_MODS_ADDR = 24,
	I_ELF_NUM = 28,
	I_ELF_SIZE = 32,
	I_ELF_ADDR = 36,
	I_ELF_SHNDX = 40,
	I_MMAP_LENGTH = 44,
	I_MMAP_ADDR = 48,
	I_LOADER_NAME = 64,
	I_FB_ADDR = 88,
	I_FB_PITCH = 96,
	I_FB_WIDTH = 100,
	I_FB_HEIGHT = 104,
	I_FB_BPP = 108,
	I_FB_TYPE = 109,
	I_FB_COLOURS = 110,
	I_LEN = 116,
};

#define I_HAS_MEMORY BIT(0)
#define I_HAS_CMDLINE BIT(2)
#define I_HAS_MODS BIT(3)
#define I_HAS_ELF BIT(5)
#define I_HAS_MMAP BIT(6)
#define I_HAS_LOADER BIT(9)
#define I_HAS_FB BIT(12)

#define MOD_LEN 16u
#define MMAP_LEN 24u /* its size field does not count itself */

static int layout(struct plan *p, u32 off, u32 flags, struct image_layout *l)
{
	const u8 *h = p->img + off;
	struct mb_address a;
	int ret;

	if (!(flags & H_ADDRESSES))
		return elf_layout(p, l);
	if (p->img_len - off < H_ADDRESS_LEN)
		return PLAN_FAIL(p, EINVAL, "multiboot header truncated");
	a = (struct mb_address){ get32(h + H_HEADER_ADDR),
				 get32(h + H_LOAD_ADDR), get32(h + H_LOAD_END),
				 get32(h + H_BSS_END) };
	ret = address_layout(p, off, &a, l);
	l->entry = get32(h + H_ENTRY);
	return ret;
}

static int fill_modules(struct plan *p, u8 *info)
{
	const struct boot_info *bi = p->bi;
	u32 at;
	u8 *m = plan_info_alloc(p, bi->nmods * MOD_LEN, 8, &at);

	if (!m)
		return -ENOMEM;
	put32(info + I_MODS_COUNT, bi->nmods - 1);
	put32(info + I_MODS_ADDR, at);
	for (u32 i = 1; i < bi->nmods; i++, m += MOD_LEN) {
		u32 str = plan_info_string(p, bi->mod[i].str);

		if (!str)
			return -ENOMEM;
		put32(m, (u32)p->mod_at[i]);
		put32(m + 4, (u32)(p->mod_at[i] + bi->mod[i].len));
		put32(m + 8, str);
	}
	return 0;
}

static int fill_mmap(struct plan *p, u8 *info)
{
	const struct memmap *map = p->map;
	u32 at;
	u8 *m = plan_info_alloc(p, map->n * MMAP_LEN, 8, &at);

	if (!m)
		return -ENOMEM;
	put32(info + I_MEM_LOWER, MIN(ram_kib(map, 0), 640u));
	put32(info + I_MEM_UPPER, ram_kib(map, MiB(1)));
	put32(info + I_MMAP_LENGTH, map->n * MMAP_LEN);
	put32(info + I_MMAP_ADDR, at);
	for (u32 i = 0; i < map->n; i++, m += MMAP_LEN) {
		put32(m, MMAP_LEN - 4);
		put64(m + 4, map->r[i].start);
		put64(m + 12, map->r[i].len);
		put32(m + 20, map->r[i].type);
	}
	return 0;
}

static u32 fill_framebuffer(const struct boot_framebuffer *fb, u8 *info)
{
	if (!fb->present || !fb->type)
		return 0;
	put64(info + I_FB_ADDR, fb->addr);
	put32(info + I_FB_PITCH, fb->pitch);
	put32(info + I_FB_WIDTH, fb->width);
	put32(info + I_FB_HEIGHT, fb->height);
	put8(info + I_FB_BPP, fb->bpp);
	put8(info + I_FB_TYPE, fb->type);
	if (fb->type == 1)
		memcpy(info + I_FB_COLOURS, &fb->red_pos, 6);
	return I_HAS_FB;
}

static int fill_sections(struct plan *p, const struct elf_sections *s, u8 *info)
{
	u32 at;
	u8 *to;

	if (!s->num)
		return 0;
	to = plan_info_alloc(p, s->num * s->entsize, 8, &at);
	if (!to)
		return -ENOMEM;
	elf_sections_fill(p, s, to);
	put32(info + I_ELF_NUM, s->num);
	put32(info + I_ELF_SIZE, s->entsize);
	put32(info + I_ELF_ADDR, at);
	put32(info + I_ELF_SHNDX, s->shndx);
	return 0;
}

static int fill_info(struct plan *p, u32 header_flags,
		     const struct elf_sections *s)
{
	u32 flags = I_HAS_MEMORY | I_HAS_CMDLINE | I_HAS_MODS | I_HAS_MMAP |
		    I_HAS_LOADER | (s->num ? I_HAS_ELF : 0);
	u32 at, cmdline, loader;
	u8 *info = plan_info_alloc(p, I_LEN, 8, &at);
	int ret;

	if (!info)
		return -ENOMEM;
	p->out->ebx = at;
	ret = fill_modules(p, info);
	if (!ret)
		ret = fill_mmap(p, info);
	if (!ret)
		ret = fill_sections(p, s, info);
	if (!ret)
		ret = plan_gdt(p);
	cmdline = plan_info_string(p, p->bi->mod[0].str);
	loader = plan_info_string(p, p->bi->loader);
	if (ret || !cmdline || !loader)
		return -ENOMEM;
	put32(info + I_CMDLINE, cmdline);
	put32(info + I_LOADER_NAME, loader);
	if (header_flags & H_VIDEO)
		flags |= fill_framebuffer(&p->bi->fb, info);
	put32(info + I_FLAGS, flags);
	return 0;
}

int load_multiboot1(struct plan *p)
{
	struct elf_sections sections = { 0 };
	struct image_layout l;
	u32 off = 0, flags;
	int ret;

	if (!mb1_header(p->img, p->img_len, &off))
		return PLAN_FAIL(p, EINVAL, "no multiboot header");
	flags = get32(p->img + off + H_FLAGS);
	if (flags & H_REQUIRED & ~(H_PAGE_ALIGN | H_MEMORY | H_VIDEO))
		return PLAN_FAIL(p, EINVAL,
				 "multiboot header: flags %#x ask for what is "
				 "not known",
				 flags);
	ret = layout(p, off, flags, &l);
	if (!ret && l.entry == NO_ENTRY)
		return PLAN_FAIL(p, EINVAL, "entry point outside all segments");
	if (!ret)
		ret = layout_claim(p, &l);
	if (!ret)
		ret = place_modules(p);
	if (!ret)
		ret = plan_image(p);
	if (!ret)
		ret = layout_steps(p, &l, 0);
	if (!ret && !(flags & H_ADDRESSES))
		ret = elf_sections_plan(p, &sections);
	if (!ret)
		ret = plan_info(p, p->info_size);
	if (!ret)
		ret = fill_info(p, flags, &sections);
	p->out->eip = (u32)l.entry;
	p->out->eax = MB1_BOOT_MAGIC;
	return ret;
}
