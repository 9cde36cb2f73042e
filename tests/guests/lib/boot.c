/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot 1 and 2 information, copied; memory of the guest's own. */
#include "tests/guests/lib/guest.h"

#define TAG_CMDLINE 1
#define TAG_LOADER 2
#define TAG_MODULE 3
#define TAG_MEMINFO 4
#define TAG_MMAP 6

/* "The format of the information structure passed by the boot loader." */
struct mb1_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count,
		mods_addr, syms[4], mmap_length, mmap_addr, drives_length,
		drives_addr, config, loader;
} __packed;

struct mb1_mmap {
	u32 size;
	u64 start, len;
	u32 type;
} __packed;

struct boot boot;

static void copy_string(char *dst, size_t size, u64 src)
{
	size_t n = strnlen((const char *)src, size - 1);

	memcpy(dst, (const char *)src, n);
	dst[n] = 0;
}

static void add_ram(u64 start, u64 len, u32 type)
{
	if (boot.nram < RAM_MAX)
		boot.ram[boot.nram++] = (struct boot_ram){ start, len, type };
}

static void add_module(u32 start, u32 end, u64 string)
{
	struct boot_module *m = &boot.mods[boot.nmods];

	if (boot.nmods >= MODS_MAX)
		return;
	boot.nmods++;
	m->start = start;
	m->end = end;
	if (string)
		copy_string(m->string, sizeof(m->string), string);
}

static void parse_mb1(void)
{
	const struct mb1_info *i = (const void *)(u64)boot_info_addr;
	const u32 *mod = (const u32 *)(u64)i->mods_addr;

	boot.flags = i->flags;
	boot.info_len = sizeof(*i);
	if (i->flags & BIT(0)) {
		boot.mem_lower = i->mem_lower;
		boot.mem_upper = i->mem_upper;
	}
	if (i->flags & BIT(2)) {
		boot.has_cmdline = true;
		copy_string(boot.cmdline, sizeof(boot.cmdline), i->cmdline);
	}
	for (u32 n = 0; (i->flags & BIT(3)) && n < i->mods_count; n++)
		add_module(mod[4 * n], mod[4 * n + 1], mod[4 * n + 2]);
	for (u32 o = 0; (i->flags & BIT(6)) && o < i->mmap_length;) {
		const struct mb1_mmap *e =
			(const void *)((u64)i->mmap_addr + o);

		add_ram(e->start, e->len, e->type);
		o += e->size + 4;
	}
	if (i->flags & BIT(9)) {
		boot.has_loader = true;
		copy_string(boot.loader, sizeof(boot.loader), i->loader);
	}
	boot.terminated = true;
}

static void parse_mmap_tag(const u32 *t)
{
	for (u32 o = 16; t[2] && o + t[2] <= t[1]; o += t[2]) {
		const u8 *e = (const u8 *)t + o;

		add_ram(*(const u64 *)e, *(const u64 *)(e + 8),
			*(const u32 *)(e + 16));
	}
}

static void parse_tag(const u32 *t)
{
	switch (t[0]) {
	case TAG_CMDLINE:
		boot.has_cmdline = true;
		copy_string(boot.cmdline, sizeof(boot.cmdline), (u64)&t[2]);
		break;
	case TAG_LOADER:
		boot.has_loader = true;
		copy_string(boot.loader, sizeof(boot.loader), (u64)&t[2]);
		break;
	case TAG_MODULE:
		add_module(t[2], t[3], (u64)&t[4]);
		break;
	case TAG_MEMINFO:
		boot.mem_lower = t[2];
		boot.mem_upper = t[3];
		break;
	case TAG_MMAP:
		parse_mmap_tag(t);
		break;
	}
}

static void parse_mb2(void)
{
	u64 p = boot_info_addr, end = p + *(u32 *)p;

	boot.info_len = *(u32 *)p;
	for (p += 8; p + 8 <= end; p += ALIGN_UP(((u32 *)p)[1], 8)) {
		const u32 *t = (const u32 *)p;

		if (t[0] == 0) {
			boot.terminated = t[1] == 8;
			break;
		}
		if (t[1] < 8)
			break;
		parse_tag(t);
	}
}

void boot_parse(void)
{
	boot.magic = boot_magic;
	boot.info = boot_info_addr;
	if (boot_magic == MB1_BOOT_MAGIC)
		parse_mb1();
	else if (boot_magic == MB2_BOOT_MAGIC)
		parse_mb2();
}

u64 boot_option(const char *key, u64 none)
{
	size_t n = strlen(key);
	u64 v = 0;

	for (const char *p = boot.cmdline; *p; p++) {
		if ((p != boot.cmdline && p[-1] != ' ') || strncmp(p, key, n) ||
		    p[n] != '=')
			continue;
		for (p += n + 1; *p >= '0' && *p <= '9'; p++)
			v = v * 10 + (u64)(*p - '0');
		return v;
	}
	return none;
}

u64 ram_top(void)
{
	u64 top = 0;

	for (u32 i = 0; i < boot.nram; i++)
		if (boot.ram[i].type == 1)
			top = MAX(top, boot.ram[i].start + boot.ram[i].len);
	return top;
}

static bool overlaps(u64 a, u64 alen, u64 b, u64 bend)
{
	return a < bend && b < a + alen;
}

bool ram_is_free(u64 start, u64 len)
{
	bool ram = false;

	for (u32 i = 0; i < boot.nram; i++) {
		const struct boot_ram *r = &boot.ram[i];

		if (r->type == 1)
			ram |= start >= r->start &&
			       start + len <= r->start + r->len;
		else if (overlaps(start, len, r->start, r->start + r->len))
			return false;
	}
	for (u32 i = 0; i < boot.nmods; i++)
		if (overlaps(start, len, boot.mods[i].start, boot.mods[i].end))
			return false;
	return ram && !overlaps(start, len, (u64)image_start, (u64)image_end) &&
	       !overlaps(start, len, boot.info, boot.info + boot.info_len);
}

u64 ram_test(u64 *first, u64 *pages)
{
	u64 top = MIN(ram_top(), GiB(BOOT_GIB)), lost = 0;

	*pages = 0;
	for (u64 a = MiB(1); a < top; a += PAGE_SIZE)
		if (ram_is_free(a, PAGE_SIZE)) {
			*(volatile u64 *)a = a ^ 0x5a5a0000f00dull;
			++*pages;
		}
	for (u64 a = MiB(1); a < top; a += PAGE_SIZE)
		if (ram_is_free(a, PAGE_SIZE) &&
		    *(volatile u64 *)a != (a ^ 0x5a5a0000f00dull) && !lost++)
			*first = a;
	return lost;
}

void *page_alloc(u32 pages)
{
	static u8 pool[512 * PAGE_SIZE] __aligned(4096);
	static u32 used;
	u32 at = __atomic_fetch_add(&used, pages, __ATOMIC_RELAXED);

	if (at + pages > 512)
		die("page-alloc", "out of pages");
	return pool + at * PAGE_SIZE;
}

void map_2m(u64 start, u64 len, u64 bits)
{
	extern u64 pdpt[];

	for (u64 a = ALIGN_DOWN(start, MiB(2)); a < start + len; a += MiB(2)) {
		u64 *e = &pdpt[a >> 30 & 511];
		u64 *pd;

		if (!(*e & 1))
			*e = (u64)page_alloc(1) | 7;
		pd = (u64 *)(*e & BITS(51, 12));
		pd[a >> 21 & 511] = a | bits;
	}
	write_cr3(read_cr3());
}
