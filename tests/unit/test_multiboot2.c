/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: boot/multiboot2.c mm/memmap.c */
#include "tests/unit/unit.h"

#include "boot/multiboot2.h"
#include "core/err.h"

static struct boot_info bi;
static char err[160];

/* The information under construction. */
static u8 buf[8192] __aligned(8);
static u32 used;

static void start(void)
{
	memset(buf, 0, sizeof(buf));
	used = 8;
}

static u8 *tag(u32 type, const void *body, u32 len)
{
	struct mb2_tag h = { type, 8 + len };
	u8 *at = buf + used;

	memcpy(at, &h, 8);
	if (len)
		memcpy(at + 8, body, len);
	used = (u32)ALIGN_UP(used + 8 + len, 8);
	return at;
}

static void string_tag(u32 type, const char *s)
{
	tag(type, s, (u32)strlen(s) + 1);
}

static void module_tag(u32 from, u32 to, const char *s)
{
	u8 body[300];

	memcpy(body, &from, 4);
	memcpy(body + 4, &to, 4);
	strcpy((char *)body + 8, s);
	tag(MB2_MODULE, body, 8 + (u32)strlen(s) + 1);
}

static void mmap_tag(const struct mb2_mmap_entry *e, u32 n)
{
	u8 body[1024] = { 24 };

	memcpy(body + 8, e, n * sizeof(*e));
	tag(MB2_MMAP, body, 8 + n * (u32)sizeof(*e));
}

static void efi_mmap_tag(const struct efi_desc *d, u32 n)
{
	u8 body[1024] = { 48, 0, 0, 0, 1 };

	for (u32 i = 0; i < n; i++)
		memcpy(body + 8 + i * 48, &d[i], sizeof(*d));
	tag(MB2_EFI_MMAP, body, 8 + n * 48);
}

static void make_rsdp(u8 *r, u32 len)
{
	u8 s = 0;

	memset(r, 0, 36);
	memcpy(r, "RSD PTR ", 8);
	memcpy(r + 9, "ABYME ", 6);
	r[16] = 0x34;
	for (u32 i = 0; i < 20; i++)
		s = (u8)(s + r[i]);
	r[8] = (u8)-s;
	if (len == 20)
		return;
	r[15] = 2;
	r[8] = (u8)(r[8] - 2);
	r[20] = 36;
	s = 0;
	for (u32 i = 0; i < 36; i++)
		s = (u8)(s + r[i]);
	r[32] = (u8)-s;
}

static int finish(void)
{
	u32 total;

	tag(MB2_END, NULL, 0);
	total = used;
	memcpy(buf, &total, 4);
	err[0] = '\0';
	return mb2_parse(buf, sizeof(buf), &bi, err, sizeof(err));
}

static const struct mb2_mmap_entry pc_map[] = {
	{ 0, 0x9fc00, 1, 0 },	     { 0x9fc00, 0x400, 2, 0 },
	{ 0x100000, MiB(63), 1, 0 }, { GiB(4), GiB(1), 1, 0 },
	{ MiB(60), MiB(4), 3, 0 },
};

/* Everything that GRUB gives on a BIOS machine. */
static void whole(void)
{
	static const u32 meminfo[2] = { 639, 64512 };
	static const u32 base = 0x400000;
	struct mb2_framebuffer fb = { .addr = 0xfd000000,
				      .pitch = 4096,
				      .width = 1024,
				      .height = 768,
				      .bpp = 32,
				      .type = 1 };
	u8 fbtag[24 + 6], rsdp[36];

	start();
	string_tag(MB2_CMDLINE, "console=com1 hide=1");
	string_tag(MB2_LOADER_NAME, "GRUB 2.06");
	module_tag(0x1000000, 0x1234567, "root=/dev/sda console=ttyS0");
	module_tag(0x2000000, 0x2000000, "");
	tag(MB2_MEMINFO, meminfo, 8);
	mmap_tag(pc_map, ARRAY_SIZE(pc_map));
	memcpy(fbtag, (u8 *)&fb + 8, 24);
	memcpy(fbtag + 24, "\x10\x08\x08\x08\x00\x08", 6);
	tag(MB2_FRAMEBUFFER, fbtag, sizeof(fbtag));
	tag(99, "unknown tag", 11);
	make_rsdp(rsdp, 36);
	tag(MB2_ACPI_NEW, rsdp, 36);
	make_rsdp(rsdp, 20);
	tag(MB2_ACPI_OLD, rsdp, 20);
	tag(MB2_LOAD_BASE, &base, 4);
}

TEST(mb2_whole)
{
	whole();
	CHECK_EQ(finish(), 0);
	CHECK(!strcmp(bi.cmdline, "console=com1 hide=1"));
	CHECK(!strcmp(bi.loader, "GRUB 2.06"));
	CHECK_EQ(bi.nmods, 2);
	CHECK_EQ(bi.mod[0].start.v, 0x1000000);
	CHECK_EQ(bi.mod[0].len, 0x234567);
	CHECK(!strcmp(bi.mod[0].str, "root=/dev/sda console=ttyS0"));
	CHECK_EQ(bi.mod[1].len, 0);
	CHECK(!strcmp(bi.mod[1].str, ""));
	CHECK_EQ(bi.map.n, 5);
	CHECK(memmap_is(&bi.map, MiB(60), MiB(4), MEM_ACPI));
	CHECK(memmap_is(&bi.map, MiB(1), MiB(59), MEM_RAM));
	CHECK_EQ(memmap_ram_end(&bi.map), GiB(5));
	CHECK(bi.fb.present);
	CHECK_EQ(bi.fb.addr, 0xfd000000);
	CHECK_EQ(bi.fb.pitch, 4096);
	CHECK_EQ(bi.fb.width, 1024);
	CHECK_EQ(bi.fb.height, 768);
	CHECK_EQ(bi.fb.bpp, 32);
	CHECK_EQ(bi.fb.red_pos, 16);
	CHECK_EQ(bi.fb.green_pos, 8);
	CHECK_EQ(bi.fb.blue_size, 8);
	CHECK_EQ(bi.rsdp_len, 36);
	CHECK_EQ(bi.rsdp[15], 2);
	CHECK_EQ(bi.load_base, 0x400000);
	CHECK(!bi.efi.present);
}

TEST(mb2_efi)
{
	static const struct efi_desc map[] = {
		{ EFI_CONVENTIONAL, 0, MiB(1), 0, 0x100, 0xf },
		{ EFI_BS_DATA, 0, MiB(2), 0, 0x100, 0xf },
		{ EFI_RT_CODE, 0, MiB(3), 0, 0x100, 0xf },
		{ EFI_ACPI_RECLAIM, 0, MiB(4), 0, 0x100, 0xf },
		{ EFI_ACPI_NVS, 0, MiB(5), 0, 0x100, 0xf },
		{ EFI_LOADER_DATA, 0, MiB(6), 0, 0x100, 0xf },
		{ EFI_UNUSABLE, 0, MiB(7), 0, 0x100, 0xf },
		{ 11, 0, MiB(8), 0, ~0ull, 0xf },
	};
	static const u64 systab = 0x7f000018;
	static const u32 systab32 = 0x7f000000;

	unit_memory = buf;
	for (u32 pass = 0; pass < 2; pass++) {
		start();
		if (pass)
			tag(MB2_EFI_BS, NULL, 0);
		mmap_tag(pc_map, ARRAY_SIZE(pc_map));
		efi_mmap_tag(map, ARRAY_SIZE(map));
		tag(MB2_EFI64, &systab, 8);
		tag(MB2_EFI32, &systab32, 4);
		CHECK_EQ(finish(), 0);
		CHECK(bi.efi.present);
		CHECK(!bi.efi.is32);
		CHECK_EQ(bi.efi.systab, systab);
		CHECK_EQ(bi.efi.desc_size, 48);
		CHECK_EQ(bi.efi.desc_version, 1);
		CHECK_EQ(bi.efi.memmap_len, 48 * ARRAY_SIZE(map));
		CHECK(!memcmp(hpa_ptr(bi.efi.memmap), &map[0], 40));
		CHECK_EQ(bi.efi.services_on, pass);
		CHECK(memmap_is(&bi.map, MiB(1), MiB(1), MEM_RAM));
		CHECK(memmap_is(&bi.map, MiB(2), MiB(1),
				pass ? MEM_RESERVED : MEM_RAM));
		CHECK(memmap_is(&bi.map, MiB(3), MiB(1), MEM_RESERVED));
		CHECK(memmap_is(&bi.map, MiB(4), MiB(1), MEM_ACPI));
		CHECK(memmap_is(&bi.map, MiB(5), MiB(1), MEM_NVS));
		CHECK(memmap_is(&bi.map, MiB(6), MiB(1), MEM_RAM));
		CHECK(memmap_is(&bi.map, MiB(7), MiB(1), MEM_BAD));
		CHECK(memmap_is(&bi.map, MiB(8), GiB(9), MEM_RESERVED));
	}
	unit_memory = NULL;
}

TEST(mb2_meminfo_only)
{
	static const u32 meminfo[2] = { 640, 4096 };

	start();
	tag(MB2_MEMINFO, meminfo, 8);
	CHECK_EQ(finish(), 0);
	CHECK_EQ(bi.map.n, 2);
	CHECK(memmap_is(&bi.map, 0, KiB(640), MEM_RAM));
	CHECK(memmap_is(&bi.map, MiB(1), MiB(4), MEM_RAM));
}

static void expect_fail(const char *words)
{
	CHECK_EQ(finish(), -EINVAL);
	if (!strstr(err, words)) {
		printf("\"%s\" lacks \"%s\"\n", err, words);
		CHECK(!"message");
	}
}

TEST(mb2_lies)
{
	u8 rsdp[36], body[5000];
	u8 *t;

	start();
	expect_fail("no memory map");

	whole();
	module_tag(0x2000, 0x1000, "x");
	expect_fail("before its start");

	whole();
	for (u32 i = 0; i < BOOT_MODULES_MAX; i++)
		module_tag(0x1000, 0x2000, "m");
	expect_fail("more than 32 modules");

	whole();
	memset(body, 'x', sizeof(body));
	tag(MB2_CMDLINE, body, 100);
	expect_fail("command line: string without an end");
	whole();
	body[3000] = '\0';
	tag(MB2_CMDLINE, body, 3001);
	expect_fail("longer than 2047");
	whole();
	tag(MB2_MODULE, body, 20);
	expect_fail("string without an end");
	whole();
	memset(body, 'x', sizeof(body));
	memset(body, 0, 8);
	body[4500] = '\0';
	tag(MB2_MODULE, body, 4501);
	expect_fail("strings are longer");

	whole();
	t = tag(MB2_MMAP, body, 100);
	memset(t + 8, 0, 8);
	expect_fail("entries of 0 bytes");
	whole();
	t[8] = 23;
	t = tag(MB2_EFI_MMAP, body, 100);
	memset(t + 8, 0, 8);
	expect_fail("descriptors of 0 bytes");

	make_rsdp(rsdp, 36);
	whole();
	rsdp[10]++;
	tag(MB2_ACPI_NEW, rsdp, 36);
	expect_fail("extended checksum");
	whole();
	rsdp[35]--;
	tag(MB2_ACPI_NEW, rsdp, 36);
	expect_fail("wrong checksum");
	make_rsdp(rsdp, 36);
	rsdp[20] = 200;
	whole();
	tag(MB2_ACPI_NEW, rsdp, 36);
	expect_fail("length 200");
	start();
	rsdp[0] = 'X';
	tag(MB2_ACPI_OLD, rsdp, 20);
	expect_fail("signature");

	start();
	t = tag(MB2_FRAMEBUFFER, body, 26);
	t[29] = 1;
	expect_fail("colour");

	start();
	tag(MB2_EFI64, body, 4);
	expect_fail("tag of 12 bytes, at least 16");
}

TEST(mb2_header_lies)
{
	u32 total;

	whole();
	CHECK_EQ(finish(), 0);
	CHECK_EQ(mb2_parse(buf + 4, 64, &bi, err, sizeof(err)), -EINVAL);
	CHECK_EQ(mb2_parse(buf, 15, &bi, err, sizeof(err)), -EINVAL);
	CHECK_EQ(mb2_parse(buf, used - 1, &bi, err, sizeof(err)), -EINVAL);
	CHECK_EQ(mb2_parse(buf, used, &bi, err, sizeof(err)), 0);
	for (total = 0; total < 16; total++) {
		memcpy(buf, &total, 4);
		CHECK_EQ(mb2_parse(buf, sizeof(buf), &bi, err, sizeof(err)),
			 -EINVAL);
	}
}

TEST(mb2_tag_size_lies)
{
	static const u32 sizes[] = { 0, 7, 0x7fffffff, 0xffffffff, 0xfffffff8 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		whole();
		memcpy(buf + 12, &sizes[i], 4);
		expect_fail("bytes are left");
	}
}

/* A copy of exactly @len bytes on the heap, so that ASan sees every excess. */
static int parse_exact(const u8 *from, u32 len, bool fix_total)
{
	u8 *copy = malloc(len ? len : 1);
	int ret;

	memcpy(copy, from, len);
	if (fix_total && len >= 4)
		memcpy(copy, &len, 4);
	ret = mb2_parse(copy, len, &bi, err, sizeof(err));
	free(copy);
	return ret;
}

TEST(mb2_truncated)
{
	u32 len;

	whole();
	CHECK_EQ(finish(), 0);
	len = used;
	for (u32 n = 0; n < len; n++) {
		CHECK_EQ(parse_exact(buf, n, false), -EINVAL);
		CHECK_EQ(parse_exact(buf, n, true), -EINVAL);
	}
	CHECK_EQ(parse_exact(buf, len, true), 0);
}

TEST(mb2_hostile)
{
	u8 mutated[sizeof(buf)];
	u32 len, good = 0;

	whole();
	efi_mmap_tag((struct efi_desc[]){ { 7, 0, MiB(1), 0, 1, 0 } }, 1);
	CHECK_EQ(finish(), 0);
	len = used;
	for (u32 round = 0; round < 50000; round++) {
		u32 n = 1 + unit_random() % 4;

		memcpy(mutated, buf, len);
		while (n--)
			mutated[8 + unit_random() % (len - 8)] =
				(u8)unit_random();
		good += !parse_exact(mutated, len, true);
		CHECK(bi.nmods <= BOOT_MODULES_MAX);
		CHECK(strlen(bi.cmdline) < sizeof(bi.cmdline));
	}
	CHECK(good > 100);
	CHECK(good < 50000);
}
