/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: boot/load.c boot/load_plan.c boot/load_kind.c boot/load_linux.c boot/load_elf.c boot/load_sections.c boot/load_mb1.c boot/load_mb2.c boot/load_efi.c boot/int15.c mm/memmap.c */
#include "tests/unit/load_env.h"

#include "boot/multiboot2.h"

#define HEADER 0x1000u /* of multiboot, in the file */
#define FILE_LEN 0x6000u
#define LINK MiB(2)

/* --- images: headers on top of the module's pattern --- */

static u8 *image(u64 at)
{
	env_module(at, FILE_LEN, "kernel arguments");
	return env_mem(at);
}

static void mb1(u8 *f, u32 flags)
{
	u8 *h = f + HEADER;

	put32(h, MB1_HEADER_MAGIC);
	put32(h + 4, flags);
	put32(h + 8, -(MB1_HEADER_MAGIC + flags));
}

static u32 mb2_len;

static void mb2_start(void)
{
	mb2_len = 16;
}

static u8 *mb2_put(u8 *f, u16 type, u16 flags, u32 size)
{
	u8 *t = f + HEADER + mb2_len;

	memset(t, 0, ALIGN_UP(size, 8));
	put16(t, type);
	put16(t + 2, flags);
	put32(t + 4, size);
	mb2_len += (u32)ALIGN_UP(size, 8);
	return t;
}

static void mb2_finish(u8 *f)
{
	u8 *h = f + HEADER;

	mb2_put(f, 0, 0, 8);
	put32(h, MB2_HEADER_MAGIC);
	put32(h + 4, 0);
	put32(h + 8, mb2_len);
	put32(h + 12, -(MB2_HEADER_MAGIC + mb2_len));
}

/* Two segments: 0x1000 to 0x3000 at LINK, 0x3000 to 0x3800 (and bss). */
static void elf(u8 *f, bool is64, u64 virt)
{
	static const u64 seg[2][4] = {
		{ 0x1000, LINK, 0x2000, 0x2000 },
		{ 0x3000, LINK + 0x4000, 0x800, 0x3000 },
	};
	u32 w = is64 ? 8 : 4, ph = is64 ? 64 : 52, phlen = is64 ? 56 : 32;

	memset(f, 0, 0x200);
	memcpy(f, "\177ELF\1\1\1", 7);
	f[4] = is64 ? 2 : 1;
	put16(f + 16, 2);
	put16(f + 18, is64 ? 62 : 3);
	memcpy(f + 24, &(u64){ LINK + 0x40 + virt }, w);
	memcpy(f + (is64 ? 32 : 28), &(u64){ ph }, w);
	put16(f + (is64 ? 54 : 42), (u16)phlen);
	put16(f + (is64 ? 56 : 44), 3);
	put32(f + ph, 6); /* PT_PHDR: not loaded */
	for (u32 i = 0; i < 2; i++) {
		u8 *p = f + ph + (i + 1) * phlen;

		put32(p, 1);
		memcpy(p + (is64 ? 8 : 4), &seg[i][0], w);
		memcpy(p + (is64 ? 16 : 8), &(u64){ seg[i][1] + virt }, w);
		memcpy(p + (is64 ? 24 : 12), &seg[i][1], w);
		memcpy(p + (is64 ? 32 : 16), &seg[i][2], w);
		memcpy(p + (is64 ? 40 : 20), &seg[i][3], w);
	}
}

/* The file as it was, to compare with after it may have been written over. */
static u8 file[FILE_LEN];

static void keep_file(void)
{
	memcpy(file, hpa_ptr(env_bi.mod[0].start), FILE_LEN);
}

static void check_segments(u64 base)
{
	CHECK(!memcmp(env_mem(base), file + 0x1000, 0x2000));
	CHECK(!memcmp(env_mem(base + 0x4000), file + 0x3000, 0x800));
	CHECK(env_all(base + 0x4800, 0x2800, 0));
}

static char *string(u32 at)
{
	return (char *)env_mem(at);
}

/* --- multiboot1 --- */

static void check_mb1(bool video)
{
	u8 *i = env_mem(env_out.ebx), *m, *e;
	u64 at = 0;

	CHECK_EQ(env_out.kind, L1_MULTIBOOT1);
	CHECK_EQ(env_out.eax, MB1_BOOT_MAGIC);
	CHECK_EQ(get32(i), video ? 0x124d : 0x024d);
	CHECK(get32(i + 4) > 512);
	CHECK(get32(i + 4) <= 640);
	CHECK_EQ(get32(i + 8), (ENV_L0 - MiB(1)) >> 10);
	CHECK(!strcmp(string(get32(i + 16)), "kernel arguments"));
	CHECK(!strcmp(string(get32(i + 64)), "toy loader"));
	CHECK_EQ(get32(i + 20), env_bi.nmods - 1);
	m = env_mem(get32(i + 24));
	for (u32 n = 1; n < env_bi.nmods; n++, m += 16) {
		CHECK(IS_ALIGNED(get32(m), 4096));
		CHECK_EQ(get32(m + 4) - get32(m), env_bi.mod[n].len);
		CHECK(env_is_module(get32(m), n, 0, env_bi.mod[n].len));
		CHECK(!strcmp(string(get32(m + 8)), env_bi.mod[n].str));
	}
	e = env_mem(get32(i + 48));
	for (u32 n = 0; n < get32(i + 44); n += get32(e + n) + 4) {
		CHECK_EQ(get32(e + n), 20);
		CHECK(get64(e + n + 4) >= at);
		at = get64(e + n + 4) + get64(e + n + 12);
		if (get64(e + n + 4) == ENV_L0)
			CHECK_EQ(get32(e + n + 20), MEM_RESERVED);
	}
	CHECK_EQ(at, ENV_MEM);
	env_check_gdt();
	env_check_untouched();
}

TEST(mb1_elf)
{
	for (u32 n = 0; n < 4; n++) {
		u64 virt = n < 2 ? 0 : n & 1 ? 0xffffffff80000000 : 0xc0000000;

		env_reset();
		elf(image(MiB(5)), n & 1, virt);
		mb1(env_mem(MiB(5)), 3);
		keep_file();
		env_module(LINK + 0x2000, 50001, "first module");
		env_module(MiB(9), 0, "nothing");
		env_module(MiB(9) + 1, 4097, "unaligned");
		CHECK_EQ(env_load(), 0);
		CHECK_EQ(env_out.eip, LINK + 0x40);
		check_segments(LINK);
		check_mb1(false);
	}
}

/* The file lies where its own segments go, in every way. */
TEST(mb1_over_itself)
{
	for (u64 at = LINK - 0x7000; at < LINK + 0x8000; at += 0x800) {
		env_reset();
		elf(image(at), false, 0);
		mb1(env_mem(at), 3);
		keep_file();
		CHECK_EQ(env_load(), 0);
		check_segments(LINK);
		check_mb1(false);
	}
}

/* A map that forgot to take L0 out changes nothing: L0 is kept clear. */
TEST(mb1_l0_in_map)
{
	env_reset();
	elf(image(MiB(5)), false, 0);
	mb1(env_mem(MiB(5)), 3);
	env_module(MiB(90) + 1, MiB(5), "unaligned: must move");
	env_map = env_bi.map;
	CHECK_EQ(env_load(), 0);
	CHECK(env_is_module(get32(env_mem(get32(env_mem(env_out.ebx) + 24))), 1,
			    0, MiB(5)));
	env_check_untouched();
	put32(env_mem(MiB(5)) + 52 + 32 + 12, (u32)ENV_L0);
	env_expect(-ENOMEM, "overlaps another part");
}

TEST(mb1_kludge)
{
	u8 *f, *h;

	env_reset();
	f = image(MiB(5));
	h = f + HEADER;
	mb1(f, 0x10003);
	put32(h + 12, (u32)MiB(2));	     /* header_addr */
	put32(h + 16, (u32)MiB(2) - 0x800);  /* load_addr */
	put32(h + 20, (u32)MiB(2) + 0x3000); /* load_end_addr */
	put32(h + 24, (u32)MiB(2) + 0x5000); /* bss_end_addr */
	put32(h + 28, (u32)MiB(2) + 0x20);   /* entry_addr */
	keep_file();
	env_module(MiB(2), 9999, "m");
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(env_out.eip, MiB(2) + 0x20);
	CHECK(!memcmp(env_mem(MiB(2) - 0x800), file + HEADER - 0x800, 0x3800));
	CHECK(env_all(MiB(2) + 0x3000, 0x2000, 0));
	check_mb1(false);
	/* no ends: all of the file, no bss; from the beginning */
	put32(h + 16, ~0u);
	put32(h + 20, 0);
	put32(h + 24, 0);
	CHECK_EQ(env_load(), 0);
	CHECK(!memcmp(env_mem(MiB(2) - HEADER), f, FILE_LEN));
	put32(h + 16, (u32)MiB(2) - HEADER - 1);
	env_expect(-EINVAL, "address header");
	put32(h + 16, (u32)MiB(2) + 1);
	env_expect(-EINVAL, "address header");
	put32(h + 16, (u32)MiB(2));
	put32(h + 20, (u32)MiB(3));
	env_expect(-EINVAL, "not in the file");
	put32(h + 20, (u32)MiB(1));
	env_expect(-EINVAL, "not in the file");
	put32(h + 20, 0);
	put32(h + 24, ~0u);
	env_expect(-ENOMEM, "not all free memory");
}

TEST(mb1_video)
{
	u8 *i;

	env_reset();
	elf(image(MiB(5)), false, 0);
	mb1(env_mem(MiB(5)), 7);
	CHECK_EQ(env_load(), 0);
	check_mb1(false);
	env_bi.fb = (struct boot_framebuffer){ .present = true,
					       .addr = 0xfd000000,
					       .pitch = 3200,
					       .width = 800,
					       .height = 600,
					       .bpp = 32,
					       .type = 1,
					       .red_pos = 16 };
	CHECK_EQ(env_load(), 0);
	check_mb1(true);
	i = env_mem(env_out.ebx);
	CHECK_EQ(get64(i + 88), 0xfd000000);
	CHECK_EQ(get32(i + 96), 3200);
	CHECK_EQ(get32(i + 100), 800);
	CHECK_EQ(get32(i + 104), 600);
	CHECK_EQ(i[108], 32);
	CHECK_EQ(i[109], 1);
	CHECK_EQ(i[110], 16);
	mb1(env_mem(MiB(5)), 3 | 0x80);
	env_expect(-EINVAL, "not known");
}

/* --- multiboot2 --- */

/* The only tag of type @type; NULL if there is none. */
static u8 *mb2_tag(u32 type, u32 nth)
{
	u8 *i = env_mem(env_out.ebx);
	u32 total = get32(i);

	for (u32 off = 8; off + 8 <= total;
	     off = (u32)ALIGN_UP(off + get32(i + off + 4), 8)) {
		if (get32(i + off) == type && !nth--)
			return i + off;
		if (get32(i + off) == 0) {
			CHECK_EQ(off + 8, total);
			break;
		}
	}
	return NULL;
}

static void check_mb2(u64 base)
{
	u8 *t;

	CHECK_EQ(env_out.kind, L1_MULTIBOOT2);
	CHECK_EQ(env_out.eax, MB2_BOOT_MAGIC);
	CHECK(IS_ALIGNED(env_out.ebx, 8));
	CHECK(!strcmp((char *)mb2_tag(MB2_CMDLINE, 0) + 8, "kernel arguments"));
	CHECK(!strcmp((char *)mb2_tag(MB2_LOADER_NAME, 0) + 8, "toy loader"));
	for (u32 n = 1; n < env_bi.nmods; n++) {
		t = mb2_tag(MB2_MODULE, n - 1);
		CHECK_EQ(get32(t + 12) - get32(t + 8), env_bi.mod[n].len);
		CHECK(env_is_module(get32(t + 8), n, 0, env_bi.mod[n].len));
		CHECK(!strcmp((char *)t + 16, env_bi.mod[n].str));
	}
	CHECK(!mb2_tag(MB2_MODULE, env_bi.nmods - 1));
	CHECK_EQ(get32(mb2_tag(MB2_MEMINFO, 0) + 12), (ENV_L0 - MiB(1)) >> 10);
	t = mb2_tag(MB2_MMAP, 0);
	CHECK_EQ(get32(t + 8), 24);
	CHECK_EQ((get32(t + 4) - 16) / 24, env_bi.efi.present ? 6 : 8);
	CHECK_EQ(get32(mb2_tag(MB2_LOAD_BASE, 0) + 8), base);
	CHECK(mb2_tag(MB2_END, 0) != NULL);
	env_check_gdt();
	env_check_untouched();
}

TEST(mb2_elf)
{
	for (u32 n = 0; n < 2; n++) {
		u8 *f;

		env_reset();
		f = image(MiB(5));
		elf(f, n, 0);
		mb2_start();
		mb2_finish(f);
		keep_file();
		env_module(LINK, 70000, "one");
		env_module(MiB(9), 1, "two words");
		CHECK_EQ(env_load(), 0);
		CHECK_EQ(env_out.eip, LINK + 0x40);
		check_segments(LINK);
		check_mb2(LINK);
		CHECK(!mb2_tag(MB2_FRAMEBUFFER, 0));
		CHECK(!mb2_tag(MB2_EFI64, 0));
		CHECK(!mb2_tag(MB2_ACPI_OLD, 0));
	}
}

TEST(mb2_all_tags)
{
	u8 *f, *t;

	env_reset();
	f = image(MiB(5));
	elf(f, true, 0);
	mb2_start();
	t = mb2_put(f, 3, 0, 12);
	put32(t + 8, (u32)LINK + 0x80);
	t = mb2_put(f, 1, 0, 8 + 4 * 4);
	put32(t + 8, MB2_MMAP);
	put32(t + 12, MB2_ACPI_NEW);
	put32(t + 16, MB2_FRAMEBUFFER);
	put32(t + 20, MB2_CMDLINE);
	mb2_put(f, 4, 0, 12);
	mb2_put(f, 5, 0, 20);
	mb2_put(f, 6, 0, 8);
	mb2_put(f, 7, 1, 8);
	mb2_put(f, 9, 0, 12);
	mb2_put(f, 77, 1, 8);
	mb2_finish(f);
	keep_file();
	memcpy(env_bi.rsdp, "RSD PTR and so on until its end 4567", 36);
	env_bi.rsdp_len = 36;
	env_bi.fb = (struct boot_framebuffer){ .present = true,
					       .addr = 0xfd000000,
					       .width = 800,
					       .type = 1,
					       .blue_size = 8 };
	env_bi.efi = (struct boot_efi){ .present = true,
					.systab = 0x12345678,
					.memmap = HPA(LINK + 0x40),
					.memmap_len = 48,
					.desc_size = 48,
					.desc_version = 1 };
	put32(env_mem(LINK + 0x40), EFI_CONVENTIONAL);
	put64(env_mem(LINK + 0x48), MiB(1));
	put64(env_mem(LINK + 0x58), 95 << 8);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(env_out.eip, LINK + 0x80);
	check_segments(LINK);
	check_mb2(LINK);
	CHECK(!memcmp(mb2_tag(MB2_ACPI_OLD, 0) + 8, env_bi.rsdp, 20));
	CHECK(!memcmp(mb2_tag(MB2_ACPI_NEW, 0) + 8, env_bi.rsdp, 36));
	t = mb2_tag(MB2_FRAMEBUFFER, 0);
	CHECK_EQ(get64(t + 8), 0xfd000000);
	CHECK_EQ(get32(t + 20), 800);
	CHECK_EQ(t[37], 8);
	CHECK_EQ(get64(mb2_tag(MB2_EFI64, 0) + 8), 0x12345678);
	t = mb2_tag(MB2_EFI_MMAP, 0);
	CHECK_EQ(get32(t + 4), 16 + 3 * 48);
	CHECK_EQ(get32(t + 8), 48);
	CHECK_EQ(get64(t + 16 + 48 + 8), ENV_L0);
	CHECK_EQ(get32(t + 16 + 48), EFI_RESERVED);
}

TEST(mb2_address_tag)
{
	u8 *f, *t;

	env_reset();
	f = image(MiB(5));
	mb2_start();
	t = mb2_put(f, 2, 0, 24);
	put32(t + 8, (u32)MiB(3));
	put32(t + 12, (u32)MiB(3) - 0x100);
	put32(t + 16, (u32)MiB(3) + 0x700);
	put32(t + 20, (u32)MiB(3) + 0x1000);
	mb2_finish(f);
	env_expect(-EINVAL, "no entry address");
	mb2_len -= 8;
	t = mb2_put(f, 3, 0, 12);
	put32(t + 8, (u32)MiB(3) + 8);
	mb2_finish(f);
	keep_file();
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(env_out.eip, MiB(3) + 8);
	CHECK(!memcmp(env_mem(MiB(3) - 0x100), file + HEADER - 0x100, 0x800));
	CHECK(env_all(MiB(3) + 0x700, 0x900, 0));
	check_mb2(MiB(3) - 0x100);
}

static u8 *relocatable(u32 min, u32 max, u32 align, u32 pref)
{
	u8 *f, *t;

	env_reset();
	f = image(MiB(5));
	elf(f, false, 0);
	mb2_start();
	t = mb2_put(f, 10, 0, 24);
	put32(t + 8, min);
	put32(t + 12, max);
	put32(t + 16, align);
	put32(t + 20, pref);
	mb2_finish(f);
	keep_file();
	return f;
}

TEST(mb2_relocatable)
{
	static const struct {
		u32 min, max, align, pref;
		u64 base;
	} row[] = {
		{ MiB(2), ~0u, MiB(2), 2, ENV_MEM - MiB(2) },
		{ MiB(2), MiB(80), MiB(2), 2, MiB(78) },
		{ MiB(3), ~0u, MiB(2), 1, MiB(4) },
		{ MiB(5), ~0u, MiB(2), 0, MiB(6) },
		{ MiB(2), ~0u, MiB(2), 1, MiB(2) },
		{ 0, ~0u, MiB(1), 1, MiB(1) },
		{ 0, ~0u, 4096, 0, LINK },
		{ MiB(5), MiB(5) + 0xcfff, 0x100, 1, MiB(5) + FILE_LEN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		relocatable(row[i].min, row[i].max, row[i].align, row[i].pref);
		CHECK_EQ(env_load(), 0);
		CHECK_EQ(env_out.eip, row[i].base + 0x40);
		check_segments(row[i].base);
		check_mb2(row[i].base);
	}
	relocatable(MiB(2), MiB(2) + 0x6ffe, 1, 0);
	env_expect(-ENOMEM, "no room for the kernel");
	relocatable(GiB(2), ~0u, 1, 0);
	env_expect(-ENOMEM, "no room for the kernel");
	relocatable(0, ~0u, 3, 0);
	env_expect(-EINVAL, "alignment 0x3");
}

TEST(mb2_requirements)
{
	u8 *f, *t;

	env_reset();
	f = image(MiB(5));
	elf(f, false, 0);
	mb2_start();
	mb2_put(f, 77, 0, 8);
	mb2_finish(f);
	env_expect(-EINVAL, "requires tag 77");
	mb2_start();
	mb2_put(f, 7, 0, 8);
	mb2_finish(f);
	env_expect(-EINVAL, "EFI boot services");
	for (u32 optional = 0; optional < 2; optional++) {
		mb2_start();
		t = mb2_put(f, 1, (u16)optional, 12);
		put32(t + 8, 99);
		mb2_finish(f);
		if (optional)
			CHECK_EQ(env_load(), 0);
		else
			env_expect(-EINVAL, "information of type 99");
	}
	mb2_start();
	mb2_put(f, 10, 1, 16);
	mb2_finish(f);
	env_expect(-EINVAL, "tag 10 of 16 bytes");
	mb2_start();
	t = mb2_put(f, 6, 1, 8);
	mb2_finish(f);
	put32(t + 4, 0);
	env_expect(-EINVAL, "tag of 0 bytes");
	put32(t + 4, 0x1000);
	env_expect(-EINVAL, "tag of 4096 bytes");
	put32(t + 4, 16);
	env_expect(-EINVAL, "without end tag");
	mb2_start();
	mb2_finish(f);
	put32(f + HEADER + 4, 4);
	put32(f + HEADER + 12, -(MB2_HEADER_MAGIC + 4 + mb2_len));
	env_expect(-EINVAL, "architecture 4");
}

TEST(elf_lies)
{
	u8 *f;

	env_reset();
	f = image(MiB(5));
	mb1(f, 3);
	env_expect(-EINVAL, "neither an x86 ELF");
	elf(f, false, 0);
	put16(f + 18, 40);
	env_expect(-EINVAL, "machine 40");
	elf(f, false, 0);
	put16(f + 44, 0xffff);
	env_expect(-EINVAL, "program headers");
	elf(f, false, 0);
	put32(f + 28, FILE_LEN + 1);
	env_expect(-EINVAL, "program headers");
	elf(f, false, 0);
	put16(f + 42, 31);
	env_expect(-EINVAL, "program headers");
	elf(f, false, 0);
	put16(f + 44, 1);
	env_expect(-EINVAL, "without segments");
	elf(f, false, 0);
	put32(f + 52 + 32 + 4, FILE_LEN - 1);
	env_expect(-EINVAL, "truncated");
	elf(f, false, 0);
	put32(f + 52 + 32 + 20, 1);
	env_expect(-EINVAL, "larger in the file");
	elf(f, false, 0);
	put32(f + 52 + 32 + 12, 0xffffff00);
	env_expect(-EINVAL, "beyond 4 GiB");
	elf(f, true, 0);
	put64(f + 64 + 56 + 24, 1ull << 63);
	env_expect(-EINVAL, "beyond 4 GiB");
	elf(f, false, 0);
	put32(f + 24, 12);
	env_expect(-EINVAL, "entry point");
	elf(f, false, 0);
	put32(f + 52 + 64 + 12, (u32)LINK + 0x1000);
	env_expect(-ENOMEM, "overlaps another part");
	elf(f, false, 0);
	put32(f + 52 + 32 + 12, 0xfff);
	env_expect(-ENOMEM, "not all free memory");
	elf(f, false, 0);
	put32(f + 52 + 32 + 12, (u32)ENV_L0);
	env_expect(-ENOMEM, "not all free memory");
}

TEST(multiboot_truncated)
{
	for (u32 n = 0; n < 2; n++) {
		env_reset();
		elf(image(MiB(5)), n, 0);
		mb2_start();
		if (n)
			mb2_finish(env_mem(MiB(5)));
		else
			mb1(env_mem(MiB(5)), 3);
		for (u64 len = 0; len < 0x3800; len++) {
			env_bi.mod[0].len = len;
			CHECK(env_load() < 0);
			CHECK(env_err[0] != '\0');
		}
	}
}

/* Headers with random bytes: a message or a start, L0 untouched. */
TEST(multiboot_hostile)
{
	u32 good = 0, bad = 0;
	u8 *f;

	for (u32 round = 0; round < 150; round++) {
		env_reset();
		f = relocatable(MiB(2), ~0u, MiB(2), round % 3);
		if (round & 1)
			elf(f, true, 0);
		for (u32 i = unit_random() % 4; i < 4; i++) {
			f[unit_random() % 0x140] = (u8)unit_random();
			f[HEADER + 16 + unit_random() % 32] = (u8)unit_random();
		}
		env_module(MiB(9), 5000, "m");
		if (env_load()) {
			CHECK(env_err[0] != '\0');
			bad++;
		} else {
			good++;
		}
		env_check_untouched();
	}
	CHECK(good > 10);
	CHECK(bad > 10);
}
