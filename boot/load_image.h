/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of the image formats, and what the loaders share. Pure. */
#ifndef BOOT_LOAD_IMAGE_H
#define BOOT_LOAD_IMAGE_H

#include "boot/load_plan.h"
#include "core/types.h"

/* Images and structures in memory have no alignment to rely on. */
static inline u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static inline u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

static inline u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static inline void put8(u8 *p, u8 v)
{
	*p = v;
}

static inline void put16(u8 *p, u16 v)
{
	p[0] = (u8)v;
	p[1] = (u8)(v >> 8);
}

static inline void put32(u8 *p, u32 v)
{
	put16(p, (u16)v);
	put16(p + 2, (u16)(v >> 16));
}

static inline void put64(u8 *p, u64 v)
{
	put32(p, (u32)v);
	put32(p + 4, (u32)(v >> 32));
}

/* Linux, Documentation/arch/x86/boot.rst, "Details of Header Fields". */
enum linux_field {
	LINUX_SETUP_SECTS = 0x1f1,
	LINUX_SYSSIZE = 0x1f4,
	LINUX_VID_MODE = 0x1fa,
	LINUX_JUMP = 0x200,
	LINUX_MAGIC = 0x202,
	LINUX_VERSION = 0x206,
	LINUX_TYPE_OF_LOADER = 0x210,
	LINUX_LOADFLAGS = 0x211,
	LINUX_CODE32_START = 0x214,
	LINUX_RAMDISK_IMAGE = 0x218,
	LINUX_RAMDISK_SIZE = 0x21c,
	LINUX_CMD_LINE_PTR = 0x228,
	LINUX_INITRD_ADDR_MAX = 0x22c,
	LINUX_KERNEL_ALIGNMENT = 0x230,
	LINUX_RELOCATABLE = 0x234,
	LINUX_XLOADFLAGS = 0x236,
	LINUX_CMDLINE_SIZE = 0x238,
	LINUX_HEADER_END = 0x23c, /* of protocol 2.06 */
	LINUX_SETUP_DATA = 0x250,
	LINUX_PREF_ADDRESS = 0x258,
	LINUX_INIT_SIZE = 0x260,
};

#define LINUX_VERSION_MIN 0x206
#define LINUX_LOADED_HIGH BIT(0)

#define MB1_HEADER_MAGIC 0x1badb002u
#define MB1_BOOT_MAGIC 0x2badb002u

/* Offset of a multiboot header whose checksum holds; false if none. */
bool mb1_header(const u8 *img, u64 len, u32 *off);
bool mb2_header(const u8 *img, u64 len, u32 *off);

/* An image's parts: what is copied where, the rest of it zeroed. */
#define IMAGE_SEGMENTS_MAX 32

#define NO_ENTRY (~0ull)

struct segment_load {
	u64 off;    /* in the file */
	u64 dst;    /* physical */
	u64 filesz; /* bytes copied */
	u64 memsz;  /* bytes in all */
};

struct image_layout {
	u32 n;
	struct segment_load seg[IMAGE_SEGMENTS_MAX];
	u64 start, end; /* physical bounds of all segments */
	u64 entry;	/* physical, or NO_ENTRY */
};

/* ELF specification, "ELF Header", "Program Header" and "Section Header":
 * sizes and offsets that differ between the two classes. */
struct elf_form {
	u8 width; /* of addresses and offsets, bytes */
	u8 ehdr_len, phdr_len, shdr_len;
	u8 e_entry, e_phoff, e_phentsize, e_phnum;
	u8 e_shoff, e_shentsize, e_shnum, e_shstrndx;
	u8 p_offset, p_vaddr, p_paddr, p_filesz, p_memsz;
	u8 sh_addr, sh_offset, sh_size, sh_align;
};

/* NULL: not an ELF file of little-endian data. */
const struct elf_form *elf_form(const u8 *img, u64 len);

/* A field as wide as addresses of that class. */
static inline u64 elf_word(const struct elf_form *f, const u8 *p)
{
	return f->width == 8 ? get64(p) : get32(p);
}

/* The loadable segments and the physical entry of an ELF32 or ELF64 file
 * for x86. -EINVAL with a message. */
int __must_check elf_layout(struct plan *p, struct image_layout *l);

/* The multiboot address fields: one segment. @header_off: in the file. */
struct mb_address {
	u32 header, load, load_end, bss_end; /* physical */
};

int __must_check address_layout(struct plan *p, u32 header_off,
				const struct mb_address *a,
				struct image_layout *l);

/* Claim all segments where they are linked. */
int __must_check layout_claim(struct plan *p, const struct image_layout *l);

/* The steps that copy them from p->img_hpa, moved by @delta. */
int __must_check layout_steps(struct plan *p, const struct image_layout *l,
			      u64 delta);

/* Section headers as an L1 gets them: symbols and strings loaded, too. */
#define ELF_SECTIONS_MAX 96

struct elf_sections {
	u32 num, entsize, shndx; /* num 0: there are none to give */
	u64 off;		 /* of the headers in the file */
	u64 at;			 /* physical, of the first that is loaded */
};

/*
 * After plan_image(): place what is loaded besides the segments. A file
 * without (proper) section headers, or no room: @s->num is 0.
 */
int __must_check elf_sections_plan(struct plan *p, struct elf_sections *s);

/* Write s->num * s->entsize bytes of headers to @to, addresses filled in. */
void elf_sections_fill(const struct plan *p, const struct elf_sections *s,
		       u8 *to);

/* All modules but the first, below 4 GiB. */
int __must_check place_modules(struct plan *p);

/* KiB of RAM in one piece from @start on, as basic memory fields tell. */
u32 ram_kib(const struct memmap *m, u64 start);

#endif
