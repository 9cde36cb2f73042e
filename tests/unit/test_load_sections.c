/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: boot/load.c boot/load_plan.c boot/load_kind.c boot/load_linux.c boot/load_elf.c boot/load_sections.c boot/load_mb1.c boot/load_mb2.c boot/load_efi.c boot/int15.c mm/memmap.c */
#include "tests/unit/load_env.h"

#include "boot/multiboot2.h"

#define LINK MiB(2)
#define FILE_LEN 0x6000u
#define HEADERS 0x5000u
#define SYMTAB 0x4100u
#define SYMTAB_LEN 0x123u
#define STRTAB 0x4301u
#define STRTAB_LEN 0x45u

static void put_w(u8 *p, u64 v, bool is64)
{
	memcpy(p, &v, is64 ? 8 : 4);
}

static void section(u8 *f, bool is64, u32 i, u32 type, u64 addr, u64 off,
		    u64 size, u64 align)
{
	u8 *s = f + HEADERS + i * (is64 ? 64 : 40);

	memset(s, 0, is64 ? 64 : 40);
	put32(s, i); /* its name, for the test to know it again */
	put32(s + 4, type);
	put_w(s + (is64 ? 16 : 12), addr, is64);
	put_w(s + (is64 ? 24 : 16), off, is64);
	put_w(s + (is64 ? 32 : 20), size, is64);
	put_w(s + (is64 ? 48 : 32), align, is64);
}

/* One segment, five sections, two of them in no segment. */
static u8 *kernel(u64 at, bool is64, bool mb2)
{
	u8 *f, *ph, *h;

	env_module(at, FILE_LEN, "");
	f = env_mem(at);
	memset(f, 0, 0x200);
	memcpy(f, "\177ELF\1\1\1", 7);
	f[4] = is64 ? 2 : 1;
	put16(f + 18, is64 ? 62 : 3);
	put_w(f + 24, LINK, is64);
	put_w(f + (is64 ? 32 : 28), 0x100, is64);
	put_w(f + (is64 ? 40 : 32), HEADERS, is64);
	put16(f + (is64 ? 54 : 42), is64 ? 56 : 32);
	put16(f + (is64 ? 56 : 44), 1);
	put16(f + (is64 ? 58 : 46), is64 ? 64 : 40);
	put16(f + (is64 ? 60 : 48), 5);
	put16(f + (is64 ? 62 : 50), 4);
	ph = f + 0x100;
	put32(ph, 1);
	put_w(ph + (is64 ? 8 : 4), 0x1000, is64);
	put_w(ph + (is64 ? 16 : 8), LINK, is64);
	put_w(ph + (is64 ? 24 : 12), LINK, is64);
	put_w(ph + (is64 ? 32 : 16), 0x1000, is64);
	put_w(ph + (is64 ? 40 : 20), 0x9000, is64);
	section(f, is64, 0, 0, 0, 0, 0, 0);
	section(f, is64, 1, 1, LINK, 0x1000, 0x1000, 16);
	section(f, is64, 2, 8, 0, 0x2000, 0x8000, 16);
	section(f, is64, 3, 2, 0, SYMTAB, SYMTAB_LEN, 16);
	section(f, is64, 4, 3, 0, STRTAB, STRTAB_LEN, 1);
	h = f + 0x800;
	put32(h, mb2 ? MB2_HEADER_MAGIC : MB1_HEADER_MAGIC);
	if (mb2) {
		put32(h + 4, 0);
		put32(h + 8, 24);
		put32(h + 12, -(MB2_HEADER_MAGIC + 24));
		memset(h + 16, 0, 8);
		put32(h + 20, 8);
	} else {
		put32(h + 4, 0);
		put32(h + 8, -MB1_HEADER_MAGIC);
	}
	return f;
}

/* The headers that L1 gets; NULL if none. */
static u8 *headers(bool mb2, u32 *num, u32 *entsize, u32 *shndx)
{
	u8 *i = env_mem(env_out.ebx);
	u32 off = 8;

	if (!mb2) {
		if (!(get32(i) & 0x20))
			return NULL;
		*num = get32(i + 28);
		*entsize = get32(i + 32);
		*shndx = get32(i + 40);
		return env_mem(get32(i + 36));
	}
	while (get32(i + off) && get32(i + off) != MB2_ELF_SECTIONS)
		off = (u32)ALIGN_UP(off + get32(i + off + 4), 8);
	if (!get32(i + off))
		return NULL;
	*num = get32(i + off + 8);
	*entsize = get32(i + off + 12);
	*shndx = get32(i + off + 16);
	CHECK_EQ(get32(i + off + 4), 20 + *num * *entsize);
	return i + off + 20;
}

static u64 addr_of(const u8 *h, bool is64, u32 i)
{
	u64 a = 0;

	memcpy(&a, h + i * (is64 ? 64 : 40) + (is64 ? 16 : 12), is64 ? 8 : 4);
	return a;
}

static void check_sections(bool is64, bool mb2)
{
	u32 num = 0, entsize = 0, shndx = 0;
	u8 *h = headers(mb2, &num, &entsize, &shndx);

	CHECK(h != NULL);
	if (!h)
		return;
	CHECK_EQ(num, 5);
	CHECK_EQ(entsize, is64 ? 64 : 40);
	CHECK_EQ(shndx, 4);
	for (u32 i = 0; i < 5; i++)
		CHECK_EQ(get32(h + i * entsize), i);
	CHECK_EQ(addr_of(h, is64, 1), LINK);
	CHECK_EQ(addr_of(h, is64, 2), 0);
	CHECK(IS_ALIGNED(addr_of(h, is64, 3), 16));
	CHECK(env_is_module(addr_of(h, is64, 3), 0, SYMTAB, SYMTAB_LEN));
	CHECK(env_is_module(addr_of(h, is64, 4), 0, STRTAB, STRTAB_LEN));
}

TEST(sections)
{
	/* aside, and where its own segment goes */
	static const u64 at[] = { MiB(5), LINK - 0x800, LINK, LINK + 0x1800 };

	for (u32 n = 0; n < 16; n++) {
		env_reset();
		kernel(at[n / 4], n & 1, n & 2);
		env_module(MiB(90) + 1, 10000, "");
		CHECK_EQ(env_load(), 0);
		check_sections(n & 1, n & 2);
		env_check_untouched();
	}
}

/* What is wrong with them is no reason not to start: there are none then. */
TEST(sections_wrong)
{
	u32 a, b, c;
	u8 *f;

	for (u32 n = 0; n < 6; n++) {
		env_reset();
		f = kernel(MiB(5), true, true);
		if (n == 0)
			put16(f + 60, 0);
		if (n == 1)
			put16(f + 60, 97);
		if (n == 2)
			put16(f + 58, 63);
		if (n == 3)
			put16(f + 62, 5);
		if (n == 4)
			put64(f + 40, FILE_LEN - 100);
		if (n == 5)
			put64(f + 40, ~0ull);
		CHECK_EQ(env_load(), 0);
		CHECK(!headers(true, &a, &b, &c));
	}
	/* one that is not in the file is not loaded, the others are */
	env_reset();
	f = kernel(MiB(5), true, true);
	section(f, true, 3, 2, 0, FILE_LEN - 1, 2, 16);
	CHECK_EQ(env_load(), 0);
	f = headers(true, &a, &b, &c);
	CHECK(f && !addr_of(f, true, 3));
	CHECK(f && env_is_module(addr_of(f, true, 4), 0, STRTAB, STRTAB_LEN));
}

TEST(sections_hostile)
{
	u8 *f;

	for (u32 round = 0; round < 150; round++) {
		env_reset();
		f = kernel(MiB(5), round & 1, round & 2);
		for (u32 i = 0; i < 6; i++)
			f[HEADERS + unit_random() % 320] = (u8)unit_random();
		f[32 + unit_random() % 32] = (u8)unit_random();
		if (env_load())
			CHECK(env_err[0] != '\0');
		env_check_untouched();
	}
}
