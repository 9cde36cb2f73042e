/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/modes.h"

struct tss32 {
	u32 link, esp0, ss0, rest[22];
	u16 trap, iomap;
};

extern char low_start[], low_end[], v86_gp_offset[];
extern u64 gdt[], pdpt[], pml4[], pds[];
extern u32 pd32[], v86_idt[];
extern u64 pae_pdpt[], pml5[];
void mode_enter(u32 address);
void cpu_setup(u32 index);

void (*mode_hook)(void);
u32 pd32[1024] __aligned(4096);
u64 pae_pdpt[4] __aligned(32);
u64 pml5[512] __aligned(4096);
u32 v86_idt[2 * 16];
static struct tss32 v86_tss;

void modes_init(void)
{
	u64 base = (u64)&v86_tss;

	memcpy((void *)LOW_BASE, low_start, (size_t)(low_end - low_start));
	for (u32 i = 0; i < 1024; i++)
		pd32[i] = i << 22 | 0x87;
	for (u32 i = 0; i < 4; i++)
		pae_pdpt[i] = (u64)&pds[512 * i] | 1;
	pml5[0] = (u64)pml4 | 7;
	v86_tss.esp0 = LOW_STACK;
	v86_tss.ss0 = SEL_DATA;
	v86_tss.iomap = sizeof(v86_tss);
	gdt[SEL_FREE / 8] = (sizeof(v86_tss) - 1) | (base & 0xffffff) << 16 |
			    0x89ull << 40 | (base >> 24) << 56;
	v86_idt[2 * VEC_GP] =
		SEL_CODE32 << 16 | ((u32)(u64)v86_gp_offset & 0xffff);
	v86_idt[2 * VEC_GP + 1] = 0x8e00;
}

void mode_run32(const void *code)
{
	u32 cpu = cpu_index();

	mode_enter((u32)(u64)code);
	gdt[SEL_FREE / 8] &= ~(2ull << 40); /* no longer busy */
	cpu_setup(cpu);
}

void mode_run(const void *routine)
{
	if (routine == mode_long || routine == mode_compat) {
		((void (*)(void))(u64)routine)();
		return;
	}
	mode_run32((const char *)LOW_BASE +
		   ((const char *)routine - low_start));
}
