/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks the BIOS for memory, in real mode, as loaders and kernels do that
 * believe no one else: what it says must be what L0 gave, L0's memory not
 * in it; and what L0 does not answer must still reach the BIOS.
 */
/* boot: emus=qemu,bochs,bochs-svm */
#include "tests/guests/lib/modes.h"

#define SMAP 0x534d4150
#define MAP_MAX 64

/* Shared with lib/bios.S, at LOW_BIOS_REGS. */
struct call {
	u32 eax, ebx, ecx, edx, flags, interrupt;
	u8 buffer[32];
};

extern const char bios_call[], bios_call_end[];

static volatile struct call *const regs = (void *)LOW_BIOS_REGS;

/* Interrupt @n; true when it came back with CF clear. */
static bool bios(u8 n, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	regs->eax = eax;
	regs->ebx = ebx;
	regs->ecx = ecx;
	regs->edx = edx;
	regs->interrupt = n;
	mode_run32((const void *)LOW_BIOS);
	return !(regs->flags & 1);
}

static struct boot_ram map[MAP_MAX];
static u32 nmap;

static void read_e820(void)
{
	u32 next = 0;

	do {
		volatile u8 *b = regs->buffer;

		if (!bios(0x15, 0xe820, next, 20, SMAP) || nmap == MAP_MAX ||
		    regs->eax != SMAP || regs->ecx != 20)
			die("e820", "entry %u: eax %#x, ecx %u, flags %#x",
			    nmap, regs->eax, regs->ecx, regs->flags);
		map[nmap].start = *(volatile u64 *)b;
		map[nmap].len = *(volatile u64 *)(b + 8);
		map[nmap++].type = *(volatile u32 *)(b + 16);
		next = regs->ebx;
	} while (next);
	check(nmap > 3, "e820-entries", "%u", nmap);
	check(!bios(0x15, 0xe820, 1000, 20, SMAP), "e820-beyond", "eax %#x",
	      regs->eax);
	check(!bios(0x15, 0xe820, 0, 20, 0), "e820-no-smap", "eax %#x",
	      regs->eax);
}

static u32 type_in(const struct boot_ram *m, u32 n, u64 a)
{
	for (u32 i = 0; i < n; i++)
		if (a >= m[i].start && a - m[i].start < m[i].len)
			return m[i].type;
	return 0;
}

/* At every border of one map the other must say the same. */
static u32 differing(const struct boot_ram *m, u32 n)
{
	u32 differ = 0;

	for (u32 i = 0; i < n; i++)
		for (u32 k = 0; k < 4; k++) {
			u64 a = (k & 1 ? m[i].start + m[i].len : m[i].start) -
				(k >> 1);

			if (type_in(map, nmap, a) ==
			    type_in(boot.ram, boot.nram, a))
				continue;
			differ++;
			print("at %#lx: %u, multiboot %u\n", a,
			      type_in(map, nmap, a),
			      type_in(boot.ram, boot.nram, a));
		}
	return differ;
}

/* KiB of RAM from @start on, in the map that was given. */
static u64 ram_from(u64 start)
{
	for (u32 i = 0; i < boot.nram; i++)
		if (boot.ram[i].type == 1 && boot.ram[i].start <= start &&
		    start - boot.ram[i].start < boot.ram[i].len)
			return (boot.ram[i].start + boot.ram[i].len - start) >>
			       10;
	return 0;
}

void main(void)
{
	modes_init();
	memcpy((void *)LOW_BIOS, bios_call,
	       (size_t)(bios_call_end - bios_call));
	read_e820();
	check_eq(differing(map, nmap), 0, "e820-as-multiboot");
	check_eq(differing(boot.ram, boot.nram), 0, "multiboot-as-e820");

	check(bios(0x15, 0xe801, 0, 0, 0), "e801", "flags %#x", regs->flags);
	check_eq(regs->eax & 0xffff, MIN(ram_from(MiB(1)), 15u << 10),
		 "e801-low");
	check_eq(regs->ebx & 0xffff, ram_from(MiB(16)) >> 6, "e801-high");
	check_eq(regs->ecx & 0xffff, regs->eax & 0xffff, "e801-cx");
	check_eq(regs->edx & 0xffff, regs->ebx & 0xffff, "e801-dx");
	check(bios(0x15, 0x8800, 0, 0, 0), "ah88", "flags %#x", regs->flags);
	check_eq(regs->eax & 0xffff, MIN(ram_from(MiB(1)), 63u << 10),
		 "ah88-kib");
	check(!bios(0x15, 0xe881, 0, 0, 0), "e881-unknown", "eax %#x",
	      regs->eax);
	check_eq(regs->eax >> 8 & 0xff, 0x86, "e881-status");

	bios(0x12, 0, 0, 0, 0);
	check_eq(regs->eax & 0xffff, boot.mem_lower, "int12");
	/* the BIOS' own: its configuration table */
	check(bios(0x15, 0xc000, 0, 0, 0), "passed-on", "flags %#x",
	      regs->flags);
	check_eq(regs->eax >> 8 & 0xff, 0, "passed-on-status");
	done();
}
