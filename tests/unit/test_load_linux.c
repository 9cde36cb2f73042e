/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: boot/load.c boot/load_plan.c boot/load_kind.c boot/load_linux.c boot/load_elf.c boot/load_sections.c boot/load_mb1.c boot/load_mb2.c boot/load_efi.c boot/int15.c mm/memmap.c */
#include "tests/unit/load_env.h"

#include "boot/multiboot2.h"

#define SETUP 1024u /* boot sector and one setup sector */

/* Make the module just added a bzImage of protocol 2.15. */
static u8 *bzimage(u64 at, u64 len, const char *cmdline)
{
	u8 *k;

	env_module(at, len, cmdline);
	k = env_mem(at);
	memset(k, 0, SETUP);
	k[0x1f1] = 1;
	put32(k + 0x1f4, (u32)((len - SETUP) / 16));
	put16(k + 0x1fe, 0xaa55);
	k[0x200] = 0xeb;
	k[0x201] = 0x6a; /* header to 0x26c */
	memcpy(k + 0x202, "HdrS", 4);
	put16(k + 0x206, 0x20f);
	k[0x211] = 1;
	put32(k + 0x214, 0x100000);
	put32(k + 0x22c, 0x7fffffff);
	put32(k + 0x230, MiB(2));
	k[0x234] = 1;
	put16(k + 0x236, 0x3f);
	put32(k + 0x238, 2047);
	put64(k + 0x258, MiB(16));
	put32(k + 0x260, (u32)MiB(8));
	return k;
}

static u8 *bp(void)
{
	return env_mem(env_out.esi);
}

static void check_kernel(u64 load, u64 len)
{
	CHECK_EQ(env_out.eip, load);
	CHECK_EQ(get32(bp() + 0x214), load);
	CHECK(env_is_module(load, 0, SETUP, len - SETUP));
}

TEST(linux_whole)
{
	env_reset();
	bzimage(MiB(5), 100000 + SETUP, "console=ttyS0 root=/dev/sda1");
	env_module(MiB(7) + 0x1000, 300001, "ignored");
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(env_out.kind, L1_LINUX);
	CHECK(!strcmp(env_out.kind_name, "Linux bzImage"));
	CHECK_EQ(env_out.size, 100000 + SETUP);
	check_kernel(MiB(16), 100000 + SETUP);
	CHECK_EQ(env_out.ebx, 0);
	env_check_gdt();
	env_check_untouched();

	CHECK(!memcmp(bp() + 0x202, "HdrS", 4));
	CHECK_EQ(get16(bp() + 0x1fe), 0xaa55);
	CHECK_EQ(get64(bp() + 0x258), MiB(16));
	CHECK_EQ(bp()[0x210], 0xff);
	CHECK_EQ(bp()[0x1ef], 0); /* sentinel */
	CHECK_EQ(get16(bp() + 0x1fa), 0xffff);
	CHECK(!strcmp((char *)env_mem(get32(bp() + 0x228)),
		      "console=ttyS0 root=/dev/sda1"));
	/* the initrd stays where it may */
	CHECK_EQ(get32(bp() + 0x218), MiB(7) + 0x1000);
	CHECK_EQ(get32(bp() + 0x21c), 300001);
	CHECK(env_is_module(MiB(7) + 0x1000, 1, 0, 300001));
	/* VGA text */
	CHECK_EQ(bp()[0x0f], 1);
	CHECK_EQ(bp()[0x07], 80);
	CHECK_EQ(bp()[0x0e], 25);
	CHECK_EQ(get32(bp() + 0x1c0), 0);
	CHECK_EQ(get32(bp() + 0x1e0), (ENV_L0 - MiB(1)) >> 10);
}

static void e820(u32 i, u64 *start, u64 *len, u32 *type)
{
	u8 *e = bp() + 0x2d0 + i * 20;

	*start = get64(e);
	*len = get64(e + 8);
	*type = get32(e + 16);
}

TEST(linux_e820)
{
	u64 s, l, at = 0;
	u32 t, seen = 0;

	env_reset();
	bzimage(MiB(5), 10000, "");
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(bp()[0x1e8], 8); /* L0: two more; the INT 15h handler: two */
	for (u32 i = 0; i < bp()[0x1e8]; i++) {
		e820(i, &s, &l, &t);
		CHECK(s >= at);
		at = s + l;
		if (s == ENV_L0) {
			CHECK_EQ(l, ENV_L0_LEN);
			CHECK_EQ(t, MEM_RESERVED);
			seen++;
		}
		if (s >= KiB(512) && s < 0x9f000 && t == MEM_RESERVED) {
			/* the vector leads there, it chains to the BIOS */
			CHECK_EQ(get32(env_mem(0x54)), (s >> 4) << 16);
			CHECK_EQ(get32(env_mem(s + 4)), 0xf000f859);
			CHECK_EQ(get16(env_mem(s + 8)), bp()[0x1e8]);
			CHECK_EQ(get16(env_mem(s + 10)), 15 << 10);
			CHECK_EQ(get16(env_mem(s + 12)),
				 (ENV_L0 - MiB(16)) >> 16);
			CHECK_EQ(get16(env_mem(s + 14)), 63 << 10);
			CHECK(!memcmp(env_mem(s + 168), bp() + 0x2d0,
				      20 * bp()[0x1e8]));
			CHECK_EQ(get16(env_mem(0x413)), s >> 10);
			seen++;
		}
	}
	CHECK_EQ(seen, 2);
}

TEST(linux_e820_overflow)
{
	u64 s, l;
	u32 t, n;
	u8 *ext;

	env_reset();
	bzimage(MiB(5), 10000, "");
	for (u32 i = 0; i < 100; i++)
		env_region(GiB(4) + i * MiB(2), MiB(1), 1 + i % 5);
	for (u32 i = 0; i < 50; i++)
		env_region(GiB(8) + i * MiB(2), MiB(1), MEM_RAM);
	env_make_map();
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(bp()[0x1e8], 128);
	ext = env_mem(get64(bp() + 0x250));
	CHECK_EQ(get64(ext), 0);
	CHECK_EQ(get32(ext + 8), 1);
	n = get32(ext + 12) / 20;
	CHECK_EQ(n, 8 + 150 - 128);
	e820(127, &s, &l, &t);
	CHECK(get64(ext + 16) > s);
	CHECK_EQ(get64(ext + 16 + (n - 1) * 20), GiB(8) + 49 * MiB(2));
	CHECK_EQ(get32(ext + 16 + (n - 1) * 20 + 16), MEM_RAM);
	/* a kernel that does not know of setup_data */
	put16(env_mem(MiB(5)) + 0x206, 0x208);
	env_expect(-EINVAL, "too many");
}

/* Sources where the kernel goes, the image overlapping its own place. */
TEST(linux_overlaps)
{
	static const u64 at[] = { MiB(16), MiB(16) - 0x8000, MiB(16) + 0x1000,
				  MiB(16) - 512 * 1024 };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		u64 len = 700000;

		env_reset();
		bzimage(at[i], len, "x");
		env_module(MiB(17), 400000, "");
		CHECK_EQ(env_load(), 0);
		check_kernel(MiB(16), len);
		CHECK(get32(bp() + 0x218) >= MiB(24));
		CHECK(env_is_module(get32(bp() + 0x218), 1, 0, 400000));
		env_check_untouched();
	}
}

TEST(linux_placement)
{
	u8 *k;

	/* its address is not free: the next multiple of its alignment */
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	env_region(MiB(18), 4096, MEM_RESERVED);
	env_make_map();
	CHECK_EQ(env_load(), 0);
	check_kernel(MiB(20), 10000);
	/* not relocatable */
	k[0x234] = 0;
	env_expect(-ENOMEM, "not relocatable");
	/* wants L0's place */
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	put64(k + 0x258, ENV_L0);
	put32(k + 0x260, (u32)MiB(4));
	CHECK_EQ(env_load(), 0);
	check_kernel(ENV_L0 + ENV_L0_LEN, 10000);
	put32(k + 0x260, (u32)MiB(64));
	env_expect(-ENOMEM, "no room for the Linux kernel");
	put64(k + 0x258, GiB(5));
	env_expect(-ENOMEM, "no room for the Linux kernel");
	/* protocol 2.06: no pref_address, at 1 MiB */
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	put16(k + 0x206, 0x206);
	CHECK_EQ(env_load(), 0);
	check_kernel(MiB(1), 10000);
}

TEST(linux_initrd)
{
	u32 initrd;
	u8 *k;

	/* must be below initrd_addr_max */
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	put32(k + 0x22c, MiB(12) - 1);
	env_module(MiB(40), 1000000, "");
	CHECK_EQ(env_load(), 0);
	initrd = get32(bp() + 0x218);
	CHECK(initrd + 1000000 <= MiB(12));
	CHECK(env_is_module(initrd, 1, 0, 1000000));
	put32(k + 0x22c, (u32)MiB(1));
	CHECK_EQ(env_load(), 0); /* it may be above 4 GiB: anywhere */
	put16(k + 0x236, 0);
	env_expect(-ENOMEM, "no room for module 1");
	/* several are joined, padded to 4 */
	env_reset();
	bzimage(MiB(5), 10000, "");
	env_module(MiB(40), 1001, "");
	env_module(MiB(41), 4096, "");
	env_module(MiB(42), 0, "");
	env_module(MiB(43), 3, "");
	CHECK_EQ(env_load(), 0);
	initrd = get32(bp() + 0x218);
	CHECK_EQ(get32(bp() + 0x21c), 1004 + 4096 + 3);
	CHECK(env_is_module(initrd, 1, 0, 1001));
	CHECK(env_all(initrd + 1001, 3, 0));
	CHECK(env_is_module(initrd + 1004, 2, 0, 4096));
	CHECK(env_is_module(initrd + 1004 + 4096, 4, 0, 3));
	/* no room for a second copy: it may slide over itself */
	env_reset();
	bzimage(MiB(2), 10000, "");
	env_module(MiB(18), MiB(56), "");
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get32(bp() + 0x218), MiB(24));
	CHECK(env_is_module(MiB(24), 1, 0, MiB(56)));
	env_reset();
	bzimage(MiB(2), 10000, "");
	env_module(MiB(23), MiB(50), "");
	CHECK_EQ(env_load(), 0);
	initrd = get32(bp() + 0x218);
	CHECK_EQ(initrd, MiB(30));
	CHECK(env_is_module(initrd, 1, 0, MiB(50)));
	env_check_untouched();
}

TEST(linux_cmdline)
{
	char line[300];
	u8 *k;

	env_reset();
	memset(line, 'x', sizeof(line));
	line[256] = '\0';
	k = bzimage(MiB(5), 10000, line);
	put32(k + 0x238, 255);
	env_expect(-EINVAL, "256 characters, this Linux kernel takes 255");
	line[255] = '\0';
	CHECK_EQ(env_load(), 0);
	CHECK(!strcmp((char *)env_mem(get32(bp() + 0x228)), line));
}

TEST(linux_framebuffer)
{
	env_reset();
	bzimage(MiB(5), 10000, "");
	env_bi.fb = (struct boot_framebuffer){
		.present = true,
		.addr = 0x4fd000000,
		.pitch = 4096,
		.width = 1024,
		.height = 768,
		.bpp = 32,
		.type = 1,
		.red_pos = 16,
		.red_size = 8,
		.green_pos = 8,
		.green_size = 8,
		.blue_pos = 0,
		.blue_size = 8,
	};
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(bp()[0x0f], 0x23);
	CHECK_EQ(get16(bp() + 0x12), 1024);
	CHECK_EQ(get16(bp() + 0x14), 768);
	CHECK_EQ(get16(bp() + 0x16), 32);
	CHECK_EQ(get32(bp() + 0x18), 0xfd000000);
	CHECK_EQ(get32(bp() + 0x1c), 48);
	CHECK_EQ(get16(bp() + 0x24), 4096);
	CHECK_EQ(bp()[0x26], 8);
	CHECK_EQ(bp()[0x27], 16);
	CHECK_EQ(bp()[0x2d], 24);
	CHECK_EQ(get32(bp() + 0x36), 2);
	CHECK_EQ(get32(bp() + 0x3a), 4);
	env_bi.fb.type = 2;
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(bp()[0x0f], 1);
}

#define SYSTAB MiB(60)
#define CONFIG (MiB(60) + 0x1000)
#define EFI_MAP (MiB(16) + 0x3008) /* where the kernel goes */

static void efi_desc(u32 i, u32 type, u64 phys, u64 pages)
{
	u8 *d = env_mem(EFI_MAP) + i * 48;

	put32(d, type);
	put64(d + 8, phys);
	put64(d + 24, pages);
	put64(d + 32, 0xf);
}

static void efi_machine(void)
{
	env_reset();
	bzimage(MiB(5), 10000, "");
	efi_desc(0, EFI_CONVENTIONAL, 0, 0x9f);
	efi_desc(1, EFI_BS_DATA, MiB(1), (ENV_MEM - MiB(1)) >> 12);
	efi_desc(2, EFI_RT_CODE, GiB(1), 16);
	efi_desc(3, EFI_ACPI_NVS, ~0xfffull, 1);
	env_bi.efi = (struct boot_efi){
		.present = true,
		.systab = SYSTAB,
		.memmap = HPA(EFI_MAP),
		.memmap_len = 4 * 48,
		.desc_size = 48,
		.desc_version = 1,
	};
	put64(env_mem(SYSTAB + 104), 2);
	put64(env_mem(SYSTAB + 112), CONFIG);
	memcpy(env_mem(CONFIG + 24),
	       "\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88"
	       "\x81",
	       16);
	put64(env_mem(CONFIG + 40), MiB(61));
	env_bi.rsdp_len = 36;
	memcpy(env_bi.rsdp, "RSD PTR ", 8);
}

TEST(linux_efi)
{
	u8 *d;

	efi_machine();
	CHECK_EQ(env_load(), 0);
	check_kernel(MiB(16), 10000);
	CHECK(!memcmp(bp() + 0x1c0, "EL64", 4));
	CHECK_EQ(get32(bp() + 0x1c4), SYSTAB);
	CHECK_EQ(get32(bp() + 0x1c8), 48);
	CHECK_EQ(get32(bp() + 0x1cc), 1);
	CHECK_EQ(get32(bp() + 0x1d4), 5 * 48); /* the wrapping one is gone */
	CHECK_EQ(get64(bp() + 0x70), MiB(61));
	CHECK_EQ(bp()[0x0f], 0);
	d = env_mem(get32(bp() + 0x1d0));
	CHECK_EQ(get64(d + 8), 0);
	d += 48;
	CHECK_EQ(get32(d), EFI_BS_DATA);
	CHECK_EQ(get64(d + 8), MiB(1));
	CHECK_EQ(get64(d + 24), (ENV_L0 - MiB(1)) >> 12);
	d += 48;
	CHECK_EQ(get32(d), EFI_RESERVED);
	CHECK_EQ(get64(d + 8), ENV_L0);
	CHECK_EQ(get64(d + 24), ENV_L0_LEN >> 12);
	CHECK_EQ(get64(d + 32), 0xf);
	d += 48;
	CHECK_EQ(get32(d), EFI_BS_DATA);
	CHECK_EQ(get64(d + 8), ENV_L0 + ENV_L0_LEN);
	d += 48;
	CHECK_EQ(get32(d), EFI_RT_CODE);
	/* no BIOS there: its vectors are left alone */
	CHECK_EQ(get32(env_mem(0x54)), 0xf000f859);
	env_check_untouched();
}

TEST(linux_efi_lies)
{
	efi_machine();
	put64(env_mem(SYSTAB + 112), ENV_MEM - 8);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get64(bp() + 0x70), 0);
	efi_machine();
	env_bi.efi.systab = GiB(3);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get64(bp() + 0x70), 0);
	efi_machine();
	put64(env_mem(SYSTAB + 104), ~0ull);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get64(bp() + 0x70), MiB(61));
	efi_machine();
	env_bi.efi.is32 = true;
	CHECK_EQ(env_load(), 0);
	CHECK(!memcmp(bp() + 0x1c0, "EL32", 4));
}

TEST(linux_rsdp_bios)
{
	env_reset();
	bzimage(MiB(5), 10000, "");
	env_bi.rsdp_len = 20;
	memcpy(env_bi.rsdp, "RSD PTR 123456789012", 20);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get64(bp() + 0x70), 0);
	memcpy(env_mem(0xf59e0), env_bi.rsdp, 20);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get64(bp() + 0x70), 0xf59e0);
	memcpy(env_mem(0x9fc20), env_bi.rsdp, 20);
	CHECK_EQ(env_load(), 0);
	CHECK_EQ(get64(bp() + 0x70), 0x9fc20);
}

TEST(load_wrong_modules)
{
	env_reset();
	env_expect(-EINVAL, "no module");
	bzimage(MiB(5), 10000, "");
	env_module(MiB(5) + 9000, 4096, "");
	env_expect(-EINVAL, "overlap");
	env_bi.mod[1].start = HPA(ENV_L0 - 4096);
	env_bi.mod[1].len = 8192;
	env_expect(-EINVAL, "not in memory");
	env_bi.mod[1].start = HPA(~0ull - 100);
	env_expect(-EINVAL, "not in memory");
	env_bi.mod[1].len = 0;
	env_bi.mod[0].len = 0;
	env_expect(-EINVAL, "an empty file");
	env_no_pages = true;
	env_expect(-ENOMEM, "no memory in L0");
}

TEST(linux_bad_header)
{
	u8 *k;

	env_reset();
	k = bzimage(MiB(5), 10000, "");
	put32(k + 0x230, 0x300000);
	env_expect(-EINVAL, "alignment");
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	k[0x201] = 0x10;
	env_expect(-EINVAL, "header of");
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	k[0x1f1] = 64;
	env_expect(-EINVAL, "truncated");
	env_reset();
	k = bzimage(MiB(5), 10000, "");
	env_bi.mod[0].len -= 100;
	env_expect(-EINVAL, "truncated");
}

/* Every length of a small kernel (its header counts in units of 16). */
TEST(linux_truncated)
{
	env_reset();
	bzimage(MiB(5), 2000, "");
	for (u64 len = 0; len <= 2000 - 16; len++) {
		env_bi.mod[0].len = len;
		CHECK(env_load() < 0);
		CHECK(env_err[0] != '\0');
	}
}

/* Modules anywhere, any sizes, hostile header: all arrives or it is said. */
TEST(linux_random)
{
	u32 good = 0;

	for (u32 round = 0; round < 60; round++) {
		u64 at = MiB(1), len[4];
		u32 n = 1 + unit_random() % 4, hostile = round % 3 == 2;

		env_reset();
		for (u32 i = 0; i < n; i++) {
			at += unit_random() % MiB(8);
			len[i] = 2048 + unit_random() % MiB(5);
			if (i == 0)
				bzimage(at, len[0], "random");
			else
				env_module(at, len[i], "m");
			at += len[i];
		}
		for (u32 i = 0; hostile && i < 4; i++)
			env_mem(env_bi.mod[0].start.v)[0x1f1 +
						       unit_random() % 0x80] =
				(u8)unit_random();
		if (env_load()) {
			CHECK(env_err[0] != '\0');
			CHECK(hostile);
			continue;
		}
		env_check_untouched();
		good++;
		if (hostile)
			continue;
		check_kernel(MiB(16), len[0]);
		at = get32(bp() + 0x218);
		for (u32 i = 1; i < n; i++) {
			CHECK(env_is_module(at, i, 0, len[i]));
			at = ALIGN_UP(at + len[i], 4);
		}
	}
	CHECK(good >= 40);
}
