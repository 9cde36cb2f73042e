/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A toy machine for the loaders' tests. Included by one file a program. */
#ifndef TESTS_UNIT_LOAD_ENV_H
#define TESTS_UNIT_LOAD_ENV_H

#include "tests/unit/unit.h"

#include "boot/boot_info.h"
#include "boot/load.h"
#include "boot/load_image.h"
#include "core/err.h"
#include "mm/addr.h"
#include "mm/page.h"

#define ENV_MEM MiB(96)
#define ENV_L0 MiB(80)
#define ENV_L0_LEN MiB(8)
#define ENV_POISON 0x5a

static struct boot_info env_bi;
static struct memmap env_map;
static struct l1_image env_out;
static char env_err[160];

/* Stands for boot/int15.S, which is no host code. */
__asm__(".pushsection .rodata\n"
	".globl int15_stub, int15_stub_end\n"
	"int15_stub: .fill 168, 1, 0x90\n"
	"int15_stub_end:\n"
	".popsection");

static bool env_no_pages;
static u32 env_pages_out;

void *page_alloc(u32 n)
{
	void *p = hpa_ptr(HPA(ENV_L0 + MiB(4)));

	if (env_no_pages || n * PAGE_SIZE > MiB(4))
		return NULL;
	memset(p, 0, n * PAGE_SIZE);
	env_pages_out += n;
	return p;
}

void page_free(void *p, u32 n)
{
	env_pages_out -= n;
}

static u8 *env_mem(u64 at)
{
	return hpa_ptr(HPA(at));
}

static void env_region(u64 start, u64 len, u32 type)
{
	CHECK(!memmap_add(&env_bi.map, start, len, type));
}

/* What an L1 is told: all but L0. Called again when env_bi.map changed. */
static void env_make_map(void)
{
	env_map = env_bi.map;
	CHECK(!memmap_set(&env_map, ENV_L0, ENV_L0_LEN, MEM_RESERVED));
}

/* A PC of 96 MiB with nothing in it. */
static void env_reset(void)
{
	if (!unit_memory)
		unit_memory_init(ENV_MEM);
	memset(unit_memory, 0, ENV_MEM);
	memset(env_mem(ENV_L0), ENV_POISON, MiB(4));
	memset(env_mem(0xa0000), ENV_POISON, 0x60000);
	memset(&env_bi, 0, sizeof(env_bi));
	env_region(0, 0x9fc00, MEM_RAM);
	env_region(0x9fc00, 0x400, MEM_RESERVED);
	env_region(0xf0000, 0x10000, MEM_RESERVED);
	env_region(MiB(1), ENV_MEM - MiB(1), MEM_RAM);
	strcpy(env_bi.loader, "toy loader");
	/* INT 15h at f000:f859, EBDA at 0x9fc0 */
	put32(env_mem(0x54), 0xf000f859);
	put16(env_mem(0x40e), 0x9fc0);
	put16(env_mem(0x413), 639);
	env_no_pages = false;
	env_make_map();
}

/* A byte pattern that differs from module to module. */
static u8 env_byte(u32 seed, u64 i)
{
	return (u8)(seed * 37 + i * 7 + (i >> 8) * 13 + 1);
}

static void env_module(u64 at, u64 len, const char *str)
{
	struct boot_module *m = &env_bi.mod[env_bi.nmods];

	*m = (struct boot_module){ HPA(at), len, str };
	for (u64 i = 0; i < len; i++)
		env_mem(at)[i] = env_byte(env_bi.nmods, i);
	env_bi.nmods++;
}

/* Are the bytes at @at those of module @n from @from on? */
static bool env_is_module(u64 at, u32 n, u64 from, u64 len)
{
	if (at >= ENV_MEM || len > ENV_MEM - at)
		return false;
	for (u64 i = 0; i < len; i++)
		if (env_mem(at)[i] != env_byte(n, from + i))
			return false;
	return true;
}

static bool env_all(u64 at, u64 len, u8 value)
{
	for (u64 i = 0; i < len; i++)
		if (env_mem(at)[i] != value)
			return false;
	return true;
}

static int env_load(void)
{
	env_err[0] = '\0';
	return load_l1(&env_bi, &env_map, HPA(ENV_L0), ENV_L0_LEN, &env_out,
		       env_err, sizeof(env_err));
}

/* What no load may ever do. */
static void env_check_untouched(void)
{
	CHECK(env_all(ENV_L0, MiB(4), ENV_POISON));
	CHECK(env_all(0xa0000, 0x60000, ENV_POISON));
	CHECK_EQ(env_pages_out, 0);
}

static inline void env_check_gdt(void)
{
	u64 at = env_out.gdt.v;

	CHECK_EQ(env_out.gdt_limit, 31);
	CHECK_EQ(get64(env_mem(at + 0x10)), 0x00cf9b000000ffff);
	CHECK_EQ(get64(env_mem(at + 0x18)), 0x00cf93000000ffff);
}

static inline void env_expect(int ret, const char *words)
{
	CHECK_EQ(env_load(), ret);
	if (!strstr(env_err, words)) {
		printf("\"%s\" lacks \"%s\"\n", env_err, words);
		CHECK(!"message");
	}
	env_check_untouched();
}

#endif
