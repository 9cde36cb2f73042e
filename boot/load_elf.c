/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a multiboot image: ELF segments, or the address fields. */
#include "boot/load_image.h"
#include "core/err.h"
#include "core/string.h"

#define EM_386 3
#define EM_X86_64 62
#define PT_LOAD 1

static const struct elf_form elf32 = {
	.width = 4,
	.ehdr_len = 52,
	.phdr_len = 32,
	.shdr_len = 40,
	.e_entry = 24,
	.e_phoff = 28,
	.e_phentsize = 42,
	.e_phnum = 44,
	.e_shoff = 32,
	.e_shentsize = 46,
	.e_shnum = 48,
	.e_shstrndx = 50,
	.p_offset = 4,
	.p_vaddr = 8,
	.p_paddr = 12,
	.p_filesz = 16,
	.p_memsz = 20,
	.sh_addr = 12,
	.sh_offset = 16,
	.sh_size = 20,
	.sh_align = 32,
};

static const struct elf_form elf64 = {
	.width = 8,
	.ehdr_len = 64,
	.phdr_len = 56,
	.shdr_len = 64,
	.e_entry = 24,
	.e_phoff = 32,
	.e_phentsize = 54,
	.e_phnum = 56,
	.e_shoff = 40,
	.e_shentsize = 58,
	.e_shnum = 60,
	.e_shstrndx = 62,
	.p_offset = 8,
	.p_vaddr = 16,
	.p_paddr = 24,
	.p_filesz = 32,
	.p_memsz = 40,
	.sh_addr = 16,
	.sh_offset = 24,
	.sh_size = 32,
	.sh_align = 48,
};

const struct elf_form *elf_form(const u8 *img, u64 len)
{
	if (len < elf32.ehdr_len || memcmp(img, "\177ELF", 4) || img[5] != 1)
		return NULL;
	if (img[4] == 1)
		return &elf32;
	return img[4] == 2 && len >= elf64.ehdr_len ? &elf64 : NULL;
}

/* One program header; its share of the entry point. */
static int one_segment(struct plan *p, struct image_layout *l,
		       const struct elf_form *f, const u8 *ph, u64 entry)
{
	struct segment_load s = {
		.off = elf_word(f, ph + f->p_offset),
		.dst = elf_word(f, ph + f->p_paddr),
		.filesz = elf_word(f, ph + f->p_filesz),
		.memsz = elf_word(f, ph + f->p_memsz),
	};
	u64 vaddr = elf_word(f, ph + f->p_vaddr);

	if (get32(ph) != PT_LOAD || !s.memsz)
		return 0;
	if (s.off > p->img_len || s.filesz > p->img_len - s.off)
		return PLAN_FAIL(p, EINVAL,
				 "ELF file truncated: segment %u ends at %#lx, "
				 "the file at %#lx",
				 l->n, s.off + s.filesz, p->img_len);
	if (s.filesz > s.memsz)
		return PLAN_FAIL(p, EINVAL,
				 "ELF segment %u: larger in the file than in "
				 "memory",
				 l->n);
	if (s.dst >= GiB(4) || s.memsz > GiB(4) - s.dst)
		return PLAN_FAIL(p, EINVAL,
				 "ELF segment %u at %#lx: beyond 4 GiB", l->n,
				 s.dst);
	if (l->n == IMAGE_SEGMENTS_MAX)
		return PLAN_FAIL(p, EINVAL, "more than %u ELF segments",
				 IMAGE_SEGMENTS_MAX);
	if (entry >= vaddr && entry - vaddr < s.memsz)
		l->entry = s.dst + (entry - vaddr);
	l->start = MIN(l->start, s.dst);
	l->end = MAX(l->end, s.dst + s.memsz);
	l->seg[l->n++] = s;
	return 0;
}

/* An entry point outside all linear addresses may be a physical one. */
static void physical_entry(struct image_layout *l, u64 entry)
{
	for (u32 i = 0; i < l->n && l->entry == NO_ENTRY; i++)
		if (entry >= l->seg[i].dst &&
		    entry - l->seg[i].dst < l->seg[i].memsz)
			l->entry = entry;
}

int elf_layout(struct plan *p, struct image_layout *l)
{
	const struct elf_form *f = elf_form(p->img, p->img_len);
	u64 phoff, entry;
	u32 size, n;
	int ret = 0;

	*l = (struct image_layout){ .start = ~0ull, .entry = NO_ENTRY };
	if (!f)
		return PLAN_FAIL(p, EINVAL,
				 "a multiboot header, but neither an x86 ELF "
				 "file nor address fields");
	if (get16(p->img + 18) != EM_386 && get16(p->img + 18) != EM_X86_64)
		return PLAN_FAIL(p, EINVAL, "ELF file for machine %u, not x86",
				 get16(p->img + 18));
	phoff = elf_word(f, p->img + f->e_phoff);
	entry = elf_word(f, p->img + f->e_entry);
	size = get16(p->img + f->e_phentsize);
	n = get16(p->img + f->e_phnum);
	if (size < f->phdr_len || phoff > p->img_len ||
	    (u64)n * size > p->img_len - phoff)
		return PLAN_FAIL(p, EINVAL,
				 "ELF file: %u program headers of %u bytes at "
				 "%#lx do not fit",
				 n, size, phoff);
	for (u32 i = 0; i < n && !ret; i++)
		ret = one_segment(p, l, f, p->img + phoff + (u64)i * size,
				  entry);
	if (!ret && !l->n)
		return PLAN_FAIL(p, EINVAL, "ELF file without segments");
	physical_entry(l, entry);
	return ret;
}

/* Multiboot Specification, "The address fields of Multiboot header". */
int address_layout(struct plan *p, u32 header_off, const struct mb_address *a,
		   struct image_layout *l)
{
	u32 load = a->load;
	u64 off, filesz, memsz;

	if (load == ~0u) /* from the file's beginning */
		load = a->header - header_off;
	if (load > a->header || a->header - load > header_off)
		return PLAN_FAIL(p, EINVAL,
				 "address header: header at %#x, loaded from "
				 "%#x on",
				 a->header, load);
	off = header_off - (a->header - load);
	filesz = p->img_len - off;
	if (a->load_end) {
		if (a->load_end < load || a->load_end - load > filesz)
			return PLAN_FAIL(p, EINVAL,
					 "address header: %#x..%#x is not in "
					 "the file",
					 load, a->load_end);
		filesz = a->load_end - load;
	}
	memsz = MAX(filesz, a->bss_end > load ? a->bss_end - load : 0u);
	if (memsz > GiB(4) - load)
		return PLAN_FAIL(p, EINVAL, "address header: beyond 4 GiB");
	*l = (struct image_layout){
		.n = 1,
		.seg[0] = { off, load, filesz, memsz },
		.start = load,
		.end = load + memsz,
		.entry = NO_ENTRY,
	};
	return 0;
}

int layout_claim(struct plan *p, const struct image_layout *l)
{
	int ret = 0;

	for (u32 i = 0; i < l->n && !ret; i++)
		ret = plan_claim(p, l->seg[i].dst, l->seg[i].memsz,
				 "the kernel");
	return ret;
}

int layout_steps(struct plan *p, const struct image_layout *l, u64 delta)
{
	int ret = 0;

	for (u32 i = 0; i < l->n && !ret; i++) {
		const struct segment_load *s = &l->seg[i];

		ret = plan_step(p, s->dst + delta, p->img_hpa + s->off,
				s->filesz);
		if (!ret)
			ret = plan_step(p, s->dst + delta + s->filesz,
					PLAN_ZERO, s->memsz - s->filesz);
	}
	return ret;
}

int place_modules(struct plan *p)
{
	int ret = 0;

	for (u32 i = 1; i < p->bi->nmods && !ret; i++)
		ret = plan_module(p, i, GiB(4));
	return ret;
}
