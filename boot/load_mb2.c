/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot2 Specification: what an image asks for, and what it is told. */
#include "boot/load_efi.h"
#include "boot/load_image.h"
#include "boot/load_plan.h"
#include "boot/multiboot2.h"
#include "core/err.h"
#include "core/string.h"

/* "The layout of Multiboot2 header": magic, architecture, length, checksum. */
#define H_ARCH 4
#define H_LENGTH 8
#define H_TAGS 16
#define ARCH_I386 0

enum header_tag {
	HT_END = 0,
	HT_INFO_REQUEST = 1,
	HT_ADDRESS = 2,
	HT_ENTRY = 3,
	HT_CONSOLE = 4,
	HT_FRAMEBUFFER = 5,
	HT_MODULE_ALIGN = 6,
	HT_EFI_BS = 7,
	HT_ENTRY_EFI32 = 8,
	HT_ENTRY_EFI64 = 9,
	HT_RELOCATABLE = 10,
	HT_TYPES,
};

#define HT_OPTIONAL BIT(0)

enum preference { PREFER_NONE, PREFER_LOWEST, PREFER_HIGHEST };

/* Information that an image may require and we can give. */
#define INFO_GIVEN                                                       \
	(BIT(MB2_END) | BIT(MB2_CMDLINE) | BIT(MB2_LOADER_NAME) |        \
	 BIT(MB2_MODULE) | BIT(MB2_MEMINFO) | BIT(MB2_MMAP) |            \
	 BIT(MB2_FRAMEBUFFER) | BIT(MB2_ELF_SECTIONS) | BIT(MB2_EFI32) | \
	 BIT(MB2_EFI64) | BIT(MB2_ACPI_OLD) | BIT(MB2_ACPI_NEW) |        \
	 BIT(MB2_EFI_MMAP) | BIT(MB2_LOAD_BASE))

struct mb2_image {
	struct plan *p;
	u32 off; /* of the header in the file */
	bool has_address, has_entry, has_reloc;
	struct mb_address address;
	u32 entry;
	u32 min, max, align, preference; /* relocatable */
	struct image_layout l;
	struct elf_sections sections;
	u64 delta; /* by which it is moved, modulo 2^64 */
};

static int info_request(struct mb2_image *m, const u8 *tag, u32 size)
{
	for (u32 i = 8; i + 4 <= size; i += 4) {
		u32 type = get32(tag + i);

		if (type < MB2_TAG_TYPES && (INFO_GIVEN & BIT(type)))
			continue;
		return PLAN_FAIL(m->p, EINVAL,
				 "multiboot2 header requires information of "
				 "type %u",
				 type);
	}
	return 0;
}

static int tag_address(struct mb2_image *m, const u8 *tag, u32 size)
{
	m->has_address = true;
	m->address = (struct mb_address){ get32(tag + 8), get32(tag + 12),
					  get32(tag + 16), get32(tag + 20) };
	return 0;
}

static int tag_entry(struct mb2_image *m, const u8 *tag, u32 size)
{
	m->has_entry = true;
	m->entry = get32(tag + 8);
	return 0;
}

static int tag_efi_bs(struct mb2_image *m, const u8 *tag, u32 size)
{
	return PLAN_FAIL(m->p, EINVAL,
			 "multiboot2 header requires EFI boot services, which "
			 "have ended");
}

static int tag_relocatable(struct mb2_image *m, const u8 *tag, u32 size)
{
	m->has_reloc = true;
	m->min = get32(tag + 8);
	m->max = get32(tag + 12);
	m->align = MAX(get32(tag + 16), 1u);
	m->preference = get32(tag + 20);
	if (m->align & (m->align - 1))
		return PLAN_FAIL(m->p, EINVAL,
				 "multiboot2 header: alignment %#x", m->align);
	return 0;
}

/* Consoles and modules need nothing: modules are always page-aligned. */
static int tag_met(struct mb2_image *m, const u8 *tag, u32 size)
{
	return 0;
}

static const struct tag_rule {
	u32 min;	    /* bytes */
	bool required_only; /* nothing to do when it is optional */
	int (*fn)(struct mb2_image *m, const u8 *tag, u32 size);
} rules[HT_TYPES] = {
	[HT_INFO_REQUEST] = { 8, true, info_request },
	[HT_ADDRESS] = { 24, false, tag_address },
	[HT_ENTRY] = { 12, false, tag_entry },
	[HT_CONSOLE] = { 12, true, tag_met },
	[HT_FRAMEBUFFER] = { 20, true, tag_met },
	[HT_MODULE_ALIGN] = { 8, true, tag_met },
	[HT_EFI_BS] = { 8, true, tag_efi_bs },
	[HT_ENTRY_EFI32] = { 12, true, tag_met },
	[HT_ENTRY_EFI64] = { 12, true, tag_met },
	[HT_RELOCATABLE] = { 24, false, tag_relocatable },
};

static int one_tag(struct mb2_image *m, const u8 *tag, u32 size)
{
	u32 type = get16(tag);
	bool optional = get16(tag + 2) & HT_OPTIONAL;

	if (type >= HT_TYPES || !rules[type].fn) {
		if (optional)
			return 0;
		return PLAN_FAIL(m->p, EINVAL,
				 "multiboot2 header requires tag %u, which is "
				 "not known",
				 type);
	}
	if (size < rules[type].min)
		return PLAN_FAIL(m->p, EINVAL,
				 "multiboot2 header: tag %u of %u bytes", type,
				 size);
	if (optional && rules[type].required_only)
		return 0;
	return rules[type].fn(m, tag, size);
}

static int read_header(struct mb2_image *m)
{
	struct plan *p = m->p;
	const u8 *h;
	u32 off = H_TAGS, len;
	int ret;

	if (!mb2_header(p->img, p->img_len, &m->off))
		return PLAN_FAIL(p, EINVAL, "no multiboot2 header");
	h = p->img + m->off;
	len = get32(h + H_LENGTH);
	if (get32(h + H_ARCH) != ARCH_I386)
		return PLAN_FAIL(p, EINVAL,
				 "multiboot2 header for architecture %u",
				 get32(h + H_ARCH));
	if (len < H_TAGS || len > p->img_len - m->off)
		return PLAN_FAIL(p, EINVAL, "multiboot2 header of %u bytes",
				 len);
	while (len - off >= 8) {
		u32 size = get32(h + off + 4);

		if (size < 8 || size > len - off)
			return PLAN_FAIL(p, EINVAL,
					 "multiboot2 header: tag of %u bytes, "
					 "%u are left",
					 size, len - off);
		if (get16(h + off) == HT_END)
			return 0;
		ret = one_tag(m, h + off, size);
		if (ret)
			return ret;
		off = (u32)MIN(ALIGN_UP(off + size, 8), (u64)len);
	}
	return PLAN_FAIL(p, EINVAL, "multiboot2 header without end tag");
}

static int layout(struct mb2_image *m)
{
	int ret = m->has_address
			  ? address_layout(m->p, m->off, &m->address, &m->l)
			  : elf_layout(m->p, &m->l);

	if (m->has_entry)
		m->l.entry = m->entry;
	if (!ret && m->l.entry == NO_ENTRY)
		return PLAN_FAIL(m->p, EINVAL,
				 "no entry address within the segments");
	return ret;
}

/* "Relocatable header tag". */
static int relocate_image(struct mb2_image *m)
{
	struct plan *p = m->p;
	u64 len = m->l.end - m->l.start;
	u64 at;

	if (m->preference == PREFER_NONE && m->l.start >= m->min &&
	    m->l.end - 1 <= m->max && IS_ALIGNED(m->l.start, m->align) &&
	    plan_free(p, m->l.start, len))
		return plan_claim(p, m->l.start, len, "the kernel");
	at = plan_find(p, len, m->align, m->min, (u64)m->max + 1,
		       m->preference == PREFER_HIGHEST);
	if (at == ~0ull)
		return PLAN_FAIL(p, ENOMEM,
				 "no room for the kernel: %lu KiB between %#x "
				 "and %#x",
				 len >> 10, m->min, m->max);
	m->delta = at - m->l.start;
	return 0;
}

/* @len bytes of a new tag, its header filled in; NULL when there is no room. */
static u8 *new_tag(struct plan *p, u32 type, u32 len)
{
	u32 at;
	u8 *t = plan_info_alloc(p, len, 8, &at);

	if (t) {
		put32(t, type);
		put32(t + 4, len);
	}
	return t;
}

static bool string_tag(struct plan *p, u32 type, const char *s)
{
	u8 *t = new_tag(p, type, 8 + (u32)strlen(s) + 1);

	if (t)
		memcpy(t + 8, s, strlen(s) + 1);
	return t;
}

static bool module_tags(struct plan *p)
{
	const struct boot_info *bi = p->bi;

	for (u32 i = 1; i < bi->nmods; i++) {
		u32 len = (u32)strlen(bi->mod[i].str) + 1;
		u8 *t = new_tag(p, MB2_MODULE,
				(u32)sizeof(struct mb2_module) + len);

		if (!t)
			return false;
		put32(t + 8, (u32)p->mod_at[i]);
		put32(t + 12, (u32)(p->mod_at[i] + bi->mod[i].len));
		memcpy(t + 16, bi->mod[i].str, len);
	}
	return true;
}

static bool memory_tags(struct plan *p)
{
	const struct memmap *map = p->map;
	u32 entry = sizeof(struct mb2_mmap_entry);
	u8 *t = new_tag(p, MB2_MEMINFO, sizeof(struct mb2_meminfo));

	if (!t)
		return false;
	put32(t + 8, MIN(ram_kib(map, 0), 640u));
	put32(t + 12, ram_kib(map, MiB(1)));
	t = new_tag(p, MB2_MMAP, (u32)sizeof(struct mb2_mmap) + map->n * entry);
	if (!t)
		return false;
	put32(t + 8, entry);
	t += sizeof(struct mb2_mmap);
	for (u32 i = 0; i < map->n; i++, t += entry) {
		put64(t, map->r[i].start);
		put64(t + 8, map->r[i].len);
		put32(t + 16, map->r[i].type);
	}
	return true;
}

static bool framebuffer_tag(struct plan *p)
{
	const struct boot_framebuffer *fb = &p->bi->fb;
	u8 *t;

	/* an indexed one's palette is not kept */
	if (!fb->present || !fb->type)
		return true;
	t = new_tag(p, MB2_FRAMEBUFFER, fb->type == 1 ? 38 : 32);
	if (!t)
		return false;
	put64(t + 8, fb->addr);
	put32(t + 16, fb->pitch);
	put32(t + 20, fb->width);
	put32(t + 24, fb->height);
	put8(t + 28, fb->bpp);
	put8(t + 29, fb->type);
	if (fb->type == 1)
		memcpy(t + 32, &fb->red_pos, 6);
	return true;
}

/* The specification has 16-bit fields here; GRUB and all kernels 32-bit. */
static bool elf_tag(struct plan *p, const struct elf_sections *s)
{
	u8 *t;

	if (!s->num)
		return true;
	t = new_tag(p, MB2_ELF_SECTIONS, 20 + s->num * s->entsize);
	if (!t)
		return false;
	put32(t + 8, s->num);
	put32(t + 12, s->entsize);
	put32(t + 16, s->shndx);
	elf_sections_fill(p, s, t + 20);
	return true;
}

static bool efi_tags(struct plan *p)
{
	const struct boot_efi *efi = &p->bi->efi;
	u32 len;
	u8 *t;

	if (!efi->present)
		return true;
	t = new_tag(p, efi->is32 ? MB2_EFI32 : MB2_EFI64, efi->is32 ? 12 : 16);
	if (!t)
		return false;
	if (efi->is32)
		put32(t + 8, (u32)efi->systab);
	else
		put64(t + 8, efi->systab);
	if (!efi->memmap_len)
		return true;
	len = efi_map_for_l1(efi, &p->l0, NULL);
	t = new_tag(p, MB2_EFI_MMAP, (u32)sizeof(struct mb2_efi_mmap) + len);
	if (!t)
		return false;
	put32(t + 8, efi->desc_size);
	put32(t + 12, efi->desc_version);
	efi_map_for_l1(efi, &p->l0, t + sizeof(struct mb2_efi_mmap));
	return true;
}

static bool acpi_tags(struct plan *p)
{
	const struct boot_info *bi = p->bi;
	u8 *t;

	if (!bi->rsdp_len)
		return true;
	t = new_tag(p, MB2_ACPI_OLD, 8 + 20);
	if (!t)
		return false;
	memcpy(t + 8, bi->rsdp, 20);
	if (bi->rsdp_len < 36)
		return true;
	t = new_tag(p, MB2_ACPI_NEW, 8 + 36);
	if (!t)
		return false;
	memcpy(t + 8, bi->rsdp, 36);
	return true;
}

static int fill_info(struct mb2_image *m)
{
	struct plan *p = m->p;
	u8 *total, *base = NULL;
	u32 at;
	bool ok = !plan_gdt(p);

	total = ok ? plan_info_alloc(p, 8, 8, &at) : NULL;
	if (!total)
		return -ENOMEM;
	p->out->ebx = at;
	ok = string_tag(p, MB2_CMDLINE, p->bi->mod[0].str) &&
	     string_tag(p, MB2_LOADER_NAME, p->bi->loader) && module_tags(p) &&
	     memory_tags(p) && framebuffer_tag(p) && elf_tag(p, &m->sections) &&
	     efi_tags(p) && acpi_tags(p);
	if (ok)
		base = new_tag(p, MB2_LOAD_BASE, 12);
	if (!base || !new_tag(p, MB2_END, 8))
		return -ENOMEM;
	put32(base + 8, (u32)(m->l.start + m->delta));
	put32(total, (u32)(p->info_at + p->info_used) - at);
	return 0;
}

int load_multiboot2(struct plan *p)
{
	struct mb2_image m = { .p = p };
	int ret = read_header(&m);

	if (!ret)
		ret = layout(&m);
	if (!ret)
		ret = m.has_reloc ? relocate_image(&m) : layout_claim(p, &m.l);
	if (!ret)
		ret = place_modules(p);
	if (!ret)
		ret = plan_image(p);
	if (!ret)
		ret = layout_steps(p, &m.l, m.delta);
	if (!ret && !m.has_address)
		ret = elf_sections_plan(p, &m.sections);
	if (!ret)
		ret = plan_info(p, p->info_size);
	if (!ret)
		ret = fill_info(&m);
	p->out->eip = (u32)(m.l.entry + m.delta);
	p->out->eax = MB2_BOOT_MAGIC;
	return ret;
}
