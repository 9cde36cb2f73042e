/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: boot/load_kind.c */
#include "tests/unit/unit.h"

#include "boot/load.h"
#include "boot/load_image.h"
#include "boot/multiboot2.h"

static char what[96];

/* On the heap at its exact size, so that ASan sees every excess. */
static enum l1_kind kind_of(const void *img, u64 len)
{
	u8 *copy = malloc(len ? len : 1);
	enum l1_kind k;

	memcpy(copy, img, len);
	memset(what, 'x', sizeof(what));
	k = image_kind(copy, len, what, sizeof(what));
	free(copy);
	CHECK((k == L1_UNKNOWN) == (what[0] != '\0'));
	return k;
}

static void expect_other(const void *img, u64 len, const char *words)
{
	CHECK_EQ(kind_of(img, len), L1_UNKNOWN);
	if (!strstr(what, words)) {
		printf("\"%s\" lacks \"%s\"\n", what, words);
		CHECK(!"text");
	}
}

TEST(kind_other)
{
	static u8 big[40000];

	expect_other("", 0, "empty");
	expect_other("\x1f\x8b\x08\0", 4, "gzip");
	expect_other("\xfd"
		     "7zXZ\0\0",
		     7, "xz");
	expect_other("\x28\xb5\x2f\xfd\0", 5, "zstd");
	expect_other("BZh91", 5, "bzip2");
	expect_other("070701000", 9, "cpio");
	expect_other("#!/bin/sh\n", 10, "script");
	expect_other("Hello,\nworld\n", 13, "text");
	expect_other("\x90", 1, "90 00");
	expect_other("\xeb\xfe\x01", 3, "eb fe");
	expect_other(big, sizeof(big), "zeros");
	memcpy(big, "\177ELF\2\1\1", 7);
	put16(big + 18, 62);
	expect_other(big, sizeof(big), "ELF file (x86-64, 64-bit) without");
	put16(big + 18, 183);
	expect_other(big, sizeof(big), "ARM64");
	put16(big + 18, 3);
	big[4] = 1;
	expect_other(big, sizeof(big), "(i386, 32-bit)");
	memset(big, 0, 64);
	memcpy(big, "MZ", 2);
	expect_other(big, sizeof(big), "PE/EFI");
	memcpy(big + 0x38, "ARM\x64", 4);
	expect_other(big, sizeof(big), "ARM64 Linux");
	memset(big, 0, 64);
	put16(big + 510, 0xaa55);
	expect_other(big, 512, "boot sector");
	memcpy(big + 0x8001, "CD001", 5);
	expect_other(big, sizeof(big), "ISO 9660");
}

TEST(kind_linux)
{
	u8 k[0x400] = { 0 };

	put16(k + 0x1fe, 0xaa55);
	memcpy(k + 0x202, "HdrS", 4);
	put16(k + 0x206, 0x20c);
	k[0x211] = 1;
	CHECK_EQ(kind_of(k, sizeof(k)), L1_LINUX);
	put16(k + 0x206, 0x205);
	expect_other(k, sizeof(k), "boot protocol 2.05");
	put16(k + 0x206, 0x206);
	CHECK_EQ(kind_of(k, sizeof(k)), L1_LINUX);
	k[0x211] = 0;
	expect_other(k, sizeof(k), "zImage");
	k[0x211] = 1;
	for (u64 len = 0; len < 0x23c; len++)
		CHECK_EQ(kind_of(k, len), L1_UNKNOWN);
	CHECK_EQ(kind_of(k, 0x23c), L1_LINUX);
}

static void put_header(u8 *at, u32 magic, u32 words)
{
	u32 s = magic;

	put32(at, magic);
	for (u32 i = 1; i < words - 1; i++) {
		put32(at + i * 4, i == 2 ? 16 : 0);
		s += i == 2 ? 16 : 0;
	}
	put32(at + (words - 1) * 4, -s);
}

TEST(kind_multiboot)
{
	static u8 f[40000];
	u32 off;

	/* where they are looked for, and at which alignment */
	for (u32 at = 0; at < 8192 + 64; at += 4) {
		memset(f, 0, sizeof(f));
		put_header(f + at, MB1_HEADER_MAGIC, 3);
		CHECK_EQ(kind_of(f, sizeof(f)),
			 at + 12 <= 8192 ? L1_MULTIBOOT1 : L1_UNKNOWN);
	}
	for (u32 at = 32768 - 64; at < 32768 + 64; at += 4) {
		memset(f, 0, sizeof(f));
		f[0] = 1;
		put_header(f + at, MB2_HEADER_MAGIC, 4);
		CHECK_EQ(kind_of(f, sizeof(f)), at % 8 == 0 && at + 16 <= 32768
							? L1_MULTIBOOT2
							: L1_UNKNOWN);
	}
	/* both, as in Xen */
	memset(f, 0, sizeof(f));
	put_header(f + 64, MB1_HEADER_MAGIC, 3);
	put_header(f + 128, MB2_HEADER_MAGIC, 4);
	CHECK_EQ(kind_of(f, sizeof(f)), L1_MULTIBOOT2);
	CHECK(mb1_header(f, sizeof(f), &off));
	CHECK_EQ(off, 64);
	CHECK(mb2_header(f, sizeof(f), &off));
	CHECK_EQ(off, 128);
	/* wrong checksums */
	f[64 + 8]++;
	f[128 + 12]++;
	CHECK_EQ(kind_of(f, sizeof(f)), L1_UNKNOWN);
	f[64 + 8]--;
	for (u64 len = 0; len < 200; len++)
		CHECK_EQ(kind_of(f, len),
			 len >= 76 ? L1_MULTIBOOT1 : L1_UNKNOWN);
}

TEST(kind_random)
{
	u8 f[700];

	for (u32 n = 0; n < 20000; n++) {
		u64 len = unit_random() % sizeof(f);

		for (u64 i = 0; i < len; i++)
			f[i] = (u8)unit_random();
		CHECK_EQ(kind_of(f, len), L1_UNKNOWN);
	}
}
