/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NMIs at any moment, of a CPU that is in L0 most of the time: the PIT's
 * single shots, sent as NMIs by the I/O APIC, while this CPU does nothing but
 * CPUID, some of them in an interrupt shadow. Each must come once, and soon.
 */
/* boot: emus=qemu,bochs,bochs-svm bare timeout=60 */
#include "tests/guests/lib/guest.h"

#define IOAPIC 0xfec00000ull
#define PIT_PIN 2 /* where the PIT's IRQ 0 arrives */
#define IOAPIC_NMI (4u << 8)
#define IOAPIC_MASKED (1u << 16)

#define ROUNDS 400
#define PATIENCE 20000000 /* CPUIDs */

static u32 nmis;

static bool on_nmi(struct regs *r)
{
	nmis++;
	return true;
}

static void ioapic_write(u32 reg, u32 val)
{
	*(volatile u32 *)IOAPIC = reg;
	*(volatile u32 *)(IOAPIC + 0x10) = val;
}

static void pit_shot(u32 count)
{
	outb(0x43, 0x30); /* channel 0, both bytes, mode 0 */
	outb(0x40, (u8)count);
	outb(0x40, (u8)(count >> 8));
}

static u32 seen(void)
{
	return __atomic_load_n(&nmis, __ATOMIC_SEQ_CST);
}

static void one_cpuid(bool shadow)
{
	u32 a = 0, b, c = 0, d;

	if (shadow)
		__asm__ volatile("mov %%ss, %%edi; mov %%edi, %%ss; cpuid"
				 : "+a"(a), "=b"(b), "+c"(c), "=d"(d)
				 :
				 : "edi");
	else
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

/* CPUIDs until the NMI; PATIENCE when none came. */
static u32 wait_nmi(u32 before, bool shadow)
{
	u32 n = 0;

	while (seen() == before && n < PATIENCE) {
		one_cpuid(shadow);
		n++;
	}
	return n;
}

static void rounds(bool shadow, const char *name)
{
	u32 late = 0, twice = 0, before, seed = 12345;
	char s[32];

	for (u32 i = 0; i < ROUNDS; i++) {
		before = seen();
		seed = seed * 1103515245 + 12345;
		pit_shot(2 + (seed >> 16) % 60);
		if (wait_nmi(before, shadow) == PATIENCE)
			late++;
		for (u32 k = 0; k < 20; k++)
			one_cpuid(shadow);
		twice += seen() - before > 1;
	}
	snprintf(s, sizeof(s), "%s-none-lost", name);
	check_eq(late, 0, s);
	snprintf(s, sizeof(s), "%s-none-twice", name);
	check_eq(twice, 0, s);
}

void main(void)
{
	set_hook(VEC_NMI, on_nmi);
	ioapic_write(0x11 + 2 * PIT_PIN, cpu_index() << 24);
	ioapic_write(0x10 + 2 * PIT_PIN, IOAPIC_NMI);
	rounds(false, "cpuid");
	rounds(true, "shadow");
	ioapic_write(0x10 + 2 * PIT_PIN, IOAPIC_NMI | IOAPIC_MASKED);
}
