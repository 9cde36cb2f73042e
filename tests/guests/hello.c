/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot protocol promises a multiboot kernel. The command line names
 * what is to be found: `hello modules=N`, with module K's string beginning
 * with "modK" and its contents with "module K" (build/guests/moduleK).
 */
/* boot: modules=2 append=hello+modules=2 bare */
#include "tests/guests/lib/guest.h"

static u8 bss_canary[8192] __aligned(4096);

static void check_bss(void)
{
	u32 bad = 0;

	for (u32 i = 0; i < sizeof(bss_canary); i++)
		bad += bss_canary[i] != 0;
	check(!bad, "bss-is-zero", "%u bytes are not", bad);
}

static void check_modules(void)
{
	u64 want = boot_option("modules", 0);

	check_eq(boot.nmods, want, "module-count");
	for (u32 i = 0; i < boot.nmods; i++) {
		const struct boot_module *m = &boot.mods[i];
		char s[16], name[32];

		snprintf(name, sizeof(name), "module-%u-string", i + 1);
		snprintf(s, sizeof(s), "mod%u", i + 1);
		check(contains(m->string, s), name, "'%s'", m->string);
		snprintf(name, sizeof(name), "module-%u-contents", i + 1);
		snprintf(s, sizeof(s), "module %u", i + 1);
		check(m->end - m->start >= strlen(s) &&
			      !memcmp((void *)(u64)m->start, s, strlen(s)),
		      name, "at %x to %x", m->start, m->end);
		snprintf(name, sizeof(name), "module-%u-aligned", i + 1);
		check(IS_ALIGNED(m->start, PAGE_SIZE), name, "%x", m->start);
		snprintf(name, sizeof(name), "module-%u-apart", i + 1);
		check(m->start >= (u64)image_end || m->end <= (u64)image_start,
		      name, "%x to %x overlaps the image", m->start, m->end);
	}
}

static bool in_ram(u64 start, u64 end)
{
	for (u32 i = 0; i < boot.nram; i++)
		if (boot.ram[i].type == 1 && start >= boot.ram[i].start &&
		    end <= boot.ram[i].start + boot.ram[i].len)
			return true;
	return false;
}

static void check_memory_map(void)
{
	u32 overlaps = 0, wraps = 0, modules_out = 0;
	u64 first = 0, pages, lost;

	for (u32 i = 0; i < boot.nram; i++) {
		const struct boot_ram *a = &boot.ram[i];

		print("map %lx +%lx type %u\n", a->start, a->len, a->type);
		wraps += a->start + a->len < a->start;
		for (u32 j = 0; j < i; j++)
			overlaps += a->start < boot.ram[j].start +
						       boot.ram[j].len &&
				    boot.ram[j].start < a->start + a->len;
	}
	check(boot.nram >= 2, "map-present", "%u regions", boot.nram);
	check(!overlaps, "map-disjoint", "%u overlaps", overlaps);
	check(!wraps, "map-no-wrap", "%u regions wrap", wraps);
	check(in_ram((u64)image_start, (u64)image_end), "map-has-image",
	      "%lx to %lx is not RAM", (u64)image_start, (u64)image_end);
	for (u32 i = 0; i < boot.nmods; i++)
		modules_out += !in_ram(boot.mods[i].start, boot.mods[i].end);
	check(!modules_out, "map-has-modules", "%u not in RAM", modules_out);
	check(boot.mem_lower >= 512 && boot.mem_lower <= 640, "mem-lower",
	      "%u KiB", boot.mem_lower);
	check(in_ram(MiB(1), MiB(1) + KiB(boot.mem_upper)) && boot.mem_upper,
	      "mem-upper", "%u KiB from 1 MiB on are not RAM", boot.mem_upper);
	lost = ram_test(&first, &pages);
	print("ram pages %lu\n", pages);
	check(!lost && pages, "ram-is-distinct", "%lu pages lost, first %lx",
	      lost, first);
}

void main(void)
{
	bool mb2 = contains(guest_name, "mb2");

	print("guest %s: loader '%s', command line '%s'\n", guest_name,
	      boot.loader, boot.cmdline);
	check_eq(boot.magic, mb2 ? MB2_BOOT_MAGIC : MB1_BOOT_MAGIC, "magic");
	check_bss();
	check(boot.has_cmdline && contains(boot.cmdline, "hello"),
	      "command-line", "'%s'", boot.cmdline);
	check(boot.terminated, "tags-terminated", "no end tag");
	check(mb2 || (boot.flags & 0x45) == 0x45, "flags", "%x", boot.flags);
	check_modules();
	check_memory_map();
}
