/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of lib/steps_modes.S. */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/steps.h"

#define GATE_INT16 0x86u
#define GATE_INT 0x8eu
#define GATE_INT_USER 0xeeu
#define GATE_TRAP_USER 0xefu
#define GATE_CALL_USER 0xecu
#define DESC_CODE32_USER 0x00cffb000000ffffull
#define DESC_CODE64_USER 0x00affb000000ffffull
#define DESC_DATA_USER 0x00cff3000000ffffull

extern const char steps_low[], steps_low_end[], steps_modes[];
extern const char h16_0[], hu16_0[], hd16_0[], ht16[];
extern const char h32_0[], hu32_0[], hg32_0[], hd32_0[], ht32[], leave32[],
	gate32[], fast32_0[], call32_0[], leave_v86[], hv32_0[];
extern const char h64_0[], hu64_0[], hg64_0[], hd64_0[], h_timer[], leave64[],
	leave64_2[], gate64[], callc_0[];
extern char steps_entry_top[];
extern u8 steps_vendor;
extern u64 gdt[];

u64 steps_gdt[STEPS_GDT];
u64 steps_idt16[STEPS_VECTORS], steps_idt32[STEPS_VECTORS];
u64 steps_idt64[2 * STEPS_VECTORS];

static struct {
	u32 link, esp0, ss0, rest[23];
} tss32 = { .ss0 = SEL_DATA };

static struct {
	u32 reserved;
	u64 rsp0, rest[12];
} __packed tss64;

struct handler {
	u8 vector;
	const char *h16, *h32, *h64;
	u8 type; /* of the 32- and 64-bit gates */
};

static const struct handler handlers[] = {
	{ VEC_DB, hd16_0, hd32_0, hd64_0, GATE_INT },
	{ VEC_BP, h16_0, h32_0, h64_0, GATE_INT },
	{ VEC_OF, h16_0, h32_0, h64_0, GATE_INT },
	{ VEC_UD, hu16_0, hu32_0, hu64_0, GATE_INT },
	{ VEC_GP, NULL, hg32_0, hg64_0, GATE_INT },
	{ STEPS_TIMER, ht16, ht32, h_timer, GATE_INT },
	{ STEPS_INT, h16_0, h32_0, h64_0, GATE_INT },
	{ STEPS_INT_USER, NULL, h32_0, h64_0, GATE_TRAP_USER },
	{ STEPS_INT_LEAVE, NULL, leave32, leave64, GATE_INT_USER },
	{ STEPS_INT_LEAVE2, NULL, leave_v86, leave64_2, GATE_INT_USER },
	{ STEPS_INT_V86, NULL, hv32_0, NULL, GATE_INT_USER },
};

static u64 gate(u16 sel, u64 at, u64 type)
{
	return (at & 0xffff) | (u64)sel << 16 | type << 40 |
	       (at >> 16 & 0xffff) << 48;
}

static u64 tss(const void *p, u32 size)
{
	u64 base = (u64)p;

	return (size - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
	       (base >> 24 & 0xff) << 56;
}

static void set_gdt(void)
{
	u64 *fast32 = &steps_gdt[STEPS_SEL_FAST32 / 8];
	u64 *fast64 = &steps_gdt[STEPS_SEL_FAST64 / 8];

	memcpy(steps_gdt, gdt, SEL_FREE);
	fast32[0] = gdt[SEL_CODE32 / 8];
	fast64[0] = gdt[SEL_CODE64 / 8];
	fast32[1] = fast64[1] = gdt[SEL_DATA / 8];
	fast32[2] = fast64[2] = DESC_CODE32_USER;
	fast32[3] = fast64[3] = fast64[5] = DESC_DATA_USER;
	fast64[4] = DESC_CODE64_USER;
	steps_gdt[STEPS_SEL_GATE32 / 8] =
		gate(SEL_CODE32, (u64)gate32, GATE_CALL_USER);
	steps_gdt[STEPS_SEL_GATE64 / 8] =
		gate(SEL_CODE64, (u64)gate64, GATE_CALL_USER);
	tss32.esp0 = (u32)(u64)steps_entry_top;
	tss64.rsp0 = (u64)steps_entry_top;
	steps_gdt[STEPS_SEL_TSS32 / 8] = tss(&tss32, sizeof(tss32));
	steps_gdt[STEPS_SEL_TSS64 / 8] = tss(&tss64, sizeof(tss64));
}

static void set_vectors(void)
{
	u64 ivt = LOW_STEPS_IVT;

	__asm__("" : "+r"(ivt)); /* not a constant: see mode_ctx() */
	for (u32 i = 0; i < ARRAY_SIZE(handlers); i++) {
		const struct handler *h = &handlers[i];
		u32 n = h->vector,
		    low = (u32)(LOW_STEPS + (h->h16 - steps_low));

		if (h->h16) {
			((volatile u32 *)ivt)[n] = low;
			steps_idt16[n] = gate(SEL_CODE16, low, GATE_INT16);
		}
		steps_idt32[n] = gate(SEL_CODE32, (u64)h->h32, h->type);
		steps_idt64[2 * n] = gate(SEL_CODE64, (u64)h->h64, h->type);
	}
}

void steps_modes_run(void)
{
	memcpy((void *)LOW_STEPS, steps_low,
	       (size_t)(steps_low_end - steps_low));
	memset((void *)LOW_STEPS_LOG, 0, PAGE_SIZE);
	modes_init();
	set_gdt();
	set_vectors();
	if (!steps_vendor) /* an L2's CPUID is not to be asked */
		steps_vendor =
			cpu_vendor_is("GenuineIntel") ? STEPS_INTEL : STEPS_AMD;
	wrmsr(MSR_SYSENTER_CS, STEPS_SEL_FAST32);
	wrmsr(MSR_SYSENTER_ESP, (u64)steps_entry_top);
	wrmsr(MSR_SYSENTER_EIP, (u64)fast32_0);
	wrmsr(MSR_STAR, rdmsr(MSR_STAR) | (u32)(u64)call32_0);
	wrmsr(MSR_CSTAR, (u64)callc_0);
	mode_run32(steps_modes);
}

void steps_modes_compare(const char *level)
{
	static u8 last[PAGE_SIZE];
	u64 log = LOW_STEPS_LOG;
	u32 words = 0, bad = 0;
	char name[32];

	__asm__("" : "+r"(log));
	for (u32 i = 0; i < PAGE_SIZE / 4; i++) {
		u32 now = ((const u32 *)log)[i], was = ((u32 *)last)[i];

		words += now != 0;
		if (now == was || bad++ > 5)
			continue;
		print("info: word %u is %x, was %x\n", i, now, was);
	}
	snprintf(name, sizeof(name), "%s-modes", level);
	check(words > 30 && (!bad || !*(u32 *)last), name,
	      "%u words, %u differ", words, bad);
	memcpy(last, (const void *)log, PAGE_SIZE);
}

void __noinline steps_here(void)
{
	__asm__ volatile("" : : : "memory");
}
