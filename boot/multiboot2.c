/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/multiboot2.h"

#include "core/err.h"
#include "core/string.h"

#define RSDP_V1_LEN 20
#define RSDP_V2_LEN 36
#define RSDP_LENGTH_OFF 20 /* of the field that holds an RSDP 2.0's length */
#define COLOURS_LEN 6

struct parser {
	struct boot_info *bi;
	char *err;
	size_t errsize;
	u32 modstr_used;
	/* kept until all tags were seen: the best map wins */
	const u8 *mmap, *efi_mmap, *meminfo;
	u32 mmap_size;
	const char *tag_name; /* of the tag at hand */
};

#define FAIL(p, ...) (snprintf((p)->err, (p)->errsize, __VA_ARGS__), -EINVAL)

/* The string of @size bytes at @s, or NULL when it does not end. */
static const char *string_in(const u8 *s, u32 size)
{
	return strnlen((const char *)s, size) < size ? (const char *)s : NULL;
}

static int copy_string(struct parser *p, const u8 *tag, u32 size, char *to,
		       size_t max)
{
	u32 off = sizeof(struct mb2_tag);
	const char *s = string_in(tag + off, size - off);

	if (!s)
		return FAIL(p, "%s: string without an end", p->tag_name);
	if (strlen(s) >= max)
		return FAIL(p, "%s: longer than %zu characters", p->tag_name,
			    max - 1);
	memcpy(to, s, strlen(s) + 1);
	return 0;
}

static int tag_cmdline(struct parser *p, const u8 *tag, u32 size)
{
	return copy_string(p, tag, size, p->bi->cmdline,
			   sizeof(p->bi->cmdline));
}

static int tag_loader(struct parser *p, const u8 *tag, u32 size)
{
	const char *s = string_in(tag + sizeof(struct mb2_tag),
				  size - (u32)sizeof(struct mb2_tag));

	/* for show only: cut where it is too long */
	if (!s)
		return FAIL(p, "%s: string without an end", p->tag_name);
	snprintf(p->bi->loader, sizeof(p->bi->loader), "%s", s);
	return 0;
}

static int tag_module(struct parser *p, const u8 *tag, u32 size)
{
	struct boot_info *bi = p->bi;
	struct mb2_module m;
	const char *s;
	size_t len;

	memcpy(&m, tag, sizeof(m));
	if (m.end < m.start)
		return FAIL(p, "module %u: ends at %#x before its start %#x",
			    bi->nmods, m.end, m.start);
	if (bi->nmods == BOOT_MODULES_MAX)
		return FAIL(p, "more than %u modules", BOOT_MODULES_MAX);
	s = string_in(tag + sizeof(m), size - (u32)sizeof(m));
	if (!s)
		return FAIL(p, "module %u: string without an end", bi->nmods);
	len = strlen(s) + 1;
	if (len > sizeof(bi->modstr) - p->modstr_used)
		return FAIL(p, "the modules' strings are longer than %zu",
			    sizeof(bi->modstr));
	bi->mod[bi->nmods].start = HPA(m.start);
	bi->mod[bi->nmods].len = m.end - m.start;
	bi->mod[bi->nmods].str = bi->modstr + p->modstr_used;
	memcpy(bi->modstr + p->modstr_used, s, len);
	p->modstr_used += (u32)len;
	bi->nmods++;
	return 0;
}

static int tag_meminfo(struct parser *p, const u8 *tag, u32 size)
{
	p->meminfo = tag;
	return 0;
}

static int tag_mmap(struct parser *p, const u8 *tag, u32 size)
{
	struct mb2_mmap h;

	memcpy(&h, tag, sizeof(h));
	if (h.entry_size < sizeof(struct mb2_mmap_entry) ||
	    !IS_ALIGNED(h.entry_size, 8))
		return FAIL(p, "memory map: entries of %u bytes", h.entry_size);
	p->mmap = tag;
	p->mmap_size = size;
	return 0;
}

static int tag_framebuffer(struct parser *p, const u8 *tag, u32 size)
{
	struct boot_framebuffer *fb = &p->bi->fb;
	struct mb2_framebuffer f;

	memcpy(&f, tag, sizeof(f));
	if (f.type == 1 && size < sizeof(f) + COLOURS_LEN)
		return FAIL(p, "framebuffer: RGB without colour fields");
	*fb = (struct boot_framebuffer){
		.present = f.addr != 0,
		.addr = f.addr,
		.pitch = f.pitch,
		.width = f.width,
		.height = f.height,
		.bpp = f.bpp,
		.type = f.type,
	};
	if (f.type == 1)
		memcpy(&fb->red_pos, tag + sizeof(f), COLOURS_LEN);
	return 0;
}

static int tag_efi32(struct parser *p, const u8 *tag, u32 size)
{
	u32 addr;

	memcpy(&addr, tag + sizeof(struct mb2_tag), sizeof(addr));
	if (p->bi->efi.present && !p->bi->efi.is32)
		return 0; /* both given: the 64-bit one */
	p->bi->efi.present = p->bi->efi.is32 = true;
	p->bi->efi.systab = addr;
	return 0;
}

static int tag_efi64(struct parser *p, const u8 *tag, u32 size)
{
	memcpy(&p->bi->efi.systab, tag + sizeof(struct mb2_tag), sizeof(u64));
	p->bi->efi.present = true;
	p->bi->efi.is32 = false;
	return 0;
}

static int tag_efi_mmap(struct parser *p, const u8 *tag, u32 size)
{
	struct boot_efi *efi = &p->bi->efi;
	struct mb2_efi_mmap h;
	u32 len = size - (u32)sizeof(h);

	memcpy(&h, tag, sizeof(h));
	if (h.desc_size < sizeof(struct efi_desc) ||
	    !IS_ALIGNED(h.desc_size, 8))
		return FAIL(p, "EFI memory map: descriptors of %u bytes",
			    h.desc_size);
	efi->memmap = ptr_hpa(tag + sizeof(h));
	efi->memmap_len = len - len % h.desc_size;
	efi->desc_size = h.desc_size;
	efi->desc_version = h.desc_version;
	p->efi_mmap = tag + sizeof(h);
	return 0;
}

static int tag_efi_bs(struct parser *p, const u8 *tag, u32 size)
{
	p->bi->efi.services_on = true;
	return 0;
}

static u8 sum(const u8 *b, u32 len)
{
	u8 s = 0;

	while (len--)
		s = (u8)(s + *b++);
	return s;
}

/* ACPI Specification, "Root System Description Pointer (RSDP)". */
static int take_rsdp(struct parser *p, const u8 *r, u32 len)
{
	if (memcmp(r, "RSD PTR ", 8))
		return FAIL(p, "%s: no RSDP signature", p->tag_name);
	if (sum(r, RSDP_V1_LEN))
		return FAIL(p, "%s: wrong checksum", p->tag_name);
	memcpy(p->bi->rsdp, r, len);
	p->bi->rsdp_len = len;
	return 0;
}

static int tag_acpi_old(struct parser *p, const u8 *tag, u32 size)
{
	if (p->bi->rsdp_len == RSDP_V2_LEN)
		return 0;
	return take_rsdp(p, tag + sizeof(struct mb2_tag), RSDP_V1_LEN);
}

static int tag_acpi_new(struct parser *p, const u8 *tag, u32 size)
{
	const u8 *r = tag + sizeof(struct mb2_tag);
	u32 len;

	memcpy(&len, r + RSDP_LENGTH_OFF, sizeof(len));
	if (len < RSDP_V2_LEN || len > size - sizeof(struct mb2_tag))
		return FAIL(p, "%s: length %u in a tag of %u", p->tag_name, len,
			    size);
	if (sum(r, len))
		return FAIL(p, "%s: wrong extended checksum", p->tag_name);
	return take_rsdp(p, r, RSDP_V2_LEN);
}

static int tag_load_base(struct parser *p, const u8 *tag, u32 size)
{
	u32 base;

	memcpy(&base, tag + sizeof(struct mb2_tag), sizeof(base));
	p->bi->load_base = base;
	return 0;
}

static const struct tag_rule {
	const char *name;
	u32 min; /* bytes with the header */
	int (*fn)(struct parser *p, const u8 *tag, u32 size);
} rules[MB2_TAG_TYPES] = {
	[MB2_CMDLINE] = { "command line", 9, tag_cmdline },
	[MB2_LOADER_NAME] = { "loader name", 9, tag_loader },
	[MB2_MODULE] = { "module", 17, tag_module },
	[MB2_MEMINFO] = { "basic memory", 16, tag_meminfo },
	[MB2_MMAP] = { "memory map", 16, tag_mmap },
	[MB2_FRAMEBUFFER] = { "framebuffer", 32, tag_framebuffer },
	[MB2_EFI32] = { "EFI 32-bit system table", 12, tag_efi32 },
	[MB2_EFI64] = { "EFI 64-bit system table", 16, tag_efi64 },
	[MB2_ACPI_OLD] = { "ACPI 1.0 RSDP", 28, tag_acpi_old },
	[MB2_ACPI_NEW] = { "ACPI 2.0 RSDP", 44, tag_acpi_new },
	[MB2_EFI_MMAP] = { "EFI memory map", 16, tag_efi_mmap },
	[MB2_EFI_BS] = { "EFI boot services", 8, tag_efi_bs },
	[MB2_LOAD_BASE] = { "load base", 12, tag_load_base },
};
_Static_assert(sizeof(struct mb2_framebuffer) == 32, "multiboot2");
_Static_assert(sizeof(struct mb2_mmap_entry) == 24, "multiboot2");
_Static_assert(sizeof(struct efi_desc) == 40, "UEFI");

static int one_tag(struct parser *p, const u8 *tag, const struct mb2_tag *h)
{
	const struct tag_rule *r;

	if (h->type >= MB2_TAG_TYPES || !rules[h->type].fn)
		return 0;
	r = &rules[h->type];
	if (h->size < r->min)
		return FAIL(p, "%s: tag of %u bytes, at least %u are needed",
			    r->name, h->size, r->min);
	p->tag_name = r->name;
	return r->fn(p, tag, h->size);
}

static int all_tags(struct parser *p, const u8 *info, u32 total)
{
	u32 off = 8;
	int ret;

	while (total - off >= sizeof(struct mb2_tag)) {
		struct mb2_tag h;

		memcpy(&h, info + off, sizeof(h));
		if (h.size < sizeof(h) || h.size > total - off)
			return FAIL(p,
				    "tag of type %u at %#x: size %u, %u bytes "
				    "are left",
				    h.type, off, h.size, total - off);
		if (h.type == MB2_END)
			return 0;
		ret = one_tag(p, info + off, &h);
		if (ret)
			return ret;
		/* the padding of the last tag may be missing */
		off = (u32)MIN(ALIGN_UP((u64)off + h.size, 8), (u64)total);
	}
	return FAIL(p, "no end tag in %u bytes", total);
}

static int map_from_mmap(struct parser *p)
{
	struct mb2_mmap h;
	u32 off = sizeof(h);

	memcpy(&h, p->mmap, sizeof(h));
	for (; p->mmap_size - off >= h.entry_size; off += h.entry_size) {
		struct mb2_mmap_entry e;

		memcpy(&e, p->mmap + off, sizeof(e));
		if (memmap_add(&p->bi->map, e.start, e.len,
			       e.type ? e.type : MEM_RESERVED))
			return FAIL(p, "memory map: more than %u regions",
				    MEMMAP_MAX);
	}
	return 0;
}

/* UEFI Specification, "Memory Type Usage after ExitBootServices()". */
static u32 efi_to_mem(u32 type, bool services_on)
{
	switch (type) {
	case EFI_BS_CODE:
	case EFI_BS_DATA:
		return services_on ? MEM_RESERVED : MEM_RAM;
	case EFI_LOADER_CODE:
	case EFI_LOADER_DATA:
	case EFI_CONVENTIONAL:
		return MEM_RAM;
	case EFI_UNUSABLE:
		return MEM_BAD;
	case EFI_ACPI_RECLAIM:
		return MEM_ACPI;
	case EFI_ACPI_NVS:
		return MEM_NVS;
	default:
		return MEM_RESERVED;
	}
}

static int map_from_efi(struct parser *p)
{
	const struct boot_efi *efi = &p->bi->efi;

	for (u32 off = 0; off < efi->memmap_len; off += efi->desc_size) {
		struct efi_desc d;
		u64 len;

		memcpy(&d, p->efi_mmap + off, sizeof(d));
		len = MIN(d.pages, ~0ull >> PAGE_SHIFT) << PAGE_SHIFT;
		if (memmap_add(&p->bi->map, d.phys, len,
			       efi_to_mem(d.type, efi->services_on)))
			return FAIL(p, "EFI memory map: more than %u regions",
				    MEMMAP_MAX);
	}
	return 0;
}

static int map_from_meminfo(struct parser *p)
{
	struct mb2_meminfo m;

	memcpy(&m, p->meminfo, sizeof(m));
	if (memmap_add(&p->bi->map, 0, KiB(m.lower), MEM_RAM) ||
	    memmap_add(&p->bi->map, MiB(1), KiB(m.upper), MEM_RAM))
		return FAIL(p, "basic memory: no room");
	return 0;
}

/* The firmware's own map knows more types than what GRUB makes of it. */
static int build_map(struct parser *p)
{
	int ret = 0;

	if (p->efi_mmap)
		ret = map_from_efi(p);
	else if (p->mmap)
		ret = map_from_mmap(p);
	else if (p->meminfo)
		ret = map_from_meminfo(p);
	if (!ret && !memmap_ram_end(&p->bi->map))
		return FAIL(p, "no memory map that names any memory");
	return ret;
}

int mb2_parse(const void *info, size_t limit, struct boot_info *bi, char *err,
	      size_t errsize)
{
	struct parser p = { .bi = bi, .err = err, .errsize = errsize };
	u32 total;
	int ret;

	memset(bi, 0, sizeof(*bi));
	if (!IS_ALIGNED((uintptr_t)info, 8))
		return FAIL(&p, "not aligned to 8 bytes");
	if (limit < 16)
		return FAIL(&p, "no room for a header");
	memcpy(&total, info, sizeof(total));
	if (total < 16 || total > limit)
		return FAIL(&p, "total size %u, expected 16 to %zu", total,
			    limit);
	ret = all_tags(&p, info, total);
	return ret ? ret : build_map(&p);
}
