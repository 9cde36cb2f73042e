/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiboot kernel's section headers: it finds its own symbols by them.
 * Sections that belong to no segment (symbols, strings, debug information)
 * are loaded one after the other, high below 4 GiB.
 */
#include "boot/load_image.h"
#include "core/err.h"
#include "core/string.h"

#define SHT_NULL 0
#define SHT_NOBITS 8
#define SH_TYPE 4 /* in both classes */
#define ALIGN_MAX PAGE_SIZE

/* A section that is in the file, but not in memory by a segment. */
static bool is_extra(const struct plan *p, const struct elf_form *f,
		     const u8 *sh)
{
	u64 off = elf_word(f, sh + f->sh_offset);
	u64 size = elf_word(f, sh + f->sh_size);
	u32 type = get32(sh + SH_TYPE);

	return type != SHT_NULL && type != SHT_NOBITS && size &&
	       !elf_word(f, sh + f->sh_addr) && off <= p->img_len &&
	       size <= p->img_len - off;
}

/* Where the section goes, when the one before it ended at @at. */
static u64 place(const struct elf_form *f, const u8 *sh, u64 at)
{
	u64 align = elf_word(f, sh + f->sh_align);

	if (!align || (align & (align - 1)))
		align = 1;
	return ALIGN_UP(at, MIN(align, ALIGN_MAX));
}

static bool read_headers(const struct plan *p, const struct elf_form *f,
			 struct elf_sections *s)
{
	const u8 *e = p->img;

	s->off = elf_word(f, e + f->e_shoff);
	s->entsize = get16(e + f->e_shentsize);
	s->shndx = get16(e + f->e_shstrndx);
	s->num = get16(e + f->e_shnum);
	return s->off && s->num && s->num <= ELF_SECTIONS_MAX &&
	       s->entsize == f->shdr_len && s->shndx < s->num &&
	       s->off <= p->img_len &&
	       s->num * s->entsize <= p->img_len - s->off;
}

/* Walk over the extra sections from @at on; plan their copies if @steps. */
static int walk(struct plan *p, const struct elf_form *f,
		const struct elf_sections *s, bool steps, u64 *at)
{
	for (u32 i = 0; i < s->num; i++) {
		const u8 *sh = p->img + s->off + i * s->entsize;
		u64 size = elf_word(f, sh + f->sh_size);
		int ret = 0;

		if (!is_extra(p, f, sh))
			continue;
		*at = place(f, sh, *at);
		if (steps)
			ret = plan_step(p, *at,
					p->img_hpa +
						elf_word(f, sh + f->sh_offset),
					size);
		if (ret)
			return ret;
		*at += size;
	}
	return 0;
}

int elf_sections_plan(struct plan *p, struct elf_sections *s)
{
	const struct elf_form *f = elf_form(p->img, p->img_len);
	u64 len = 0, at;
	int ret;

	if (!f || !read_headers(p, f, s)) {
		s->num = 0;
		return 0;
	}
	ret = walk(p, f, s, false, &len);
	if (ret || !len)
		return ret;
	s->at = plan_find(p, len, ALIGN_MAX, MiB(1), GiB(4), true);
	if (s->at == ~0ull) {
		s->num = 0;
		return 0;
	}
	at = s->at;
	return walk(p, f, s, true, &at);
}

void elf_sections_fill(const struct plan *p, const struct elf_sections *s,
		       u8 *to)
{
	const struct elf_form *f = elf_form(p->img, p->img_len);
	u64 at = s->at;

	memcpy(to, p->img + s->off, s->num * s->entsize);
	for (u32 i = 0; i < s->num; i++, to += s->entsize) {
		if (!is_extra(p, f, to))
			continue;
		at = place(f, to, at);
		memcpy(to + f->sh_addr, &at, f->width);
		at += elf_word(f, to + f->sh_size);
	}
}
