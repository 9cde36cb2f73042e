/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COM2 as L1 finds it: with `gdb` on the command line it is the debug stub's,
 * and nobody answers there, nor does its input of the I/O APIC change. Then it
 * waits for gdb, which sets `go`.
 */
#include "tests/guests/lib/guest.h"

#define COM2 0x2f8
#define IOAPIC 0xfec00000
#define RTE_NMI 0x400u
#define PIN_COM2 3
#define PIN_FREE 11

static volatile u32 go;

static u32 ioapic_read(u32 reg)
{
	*(volatile u32 *)IOAPIC = reg;
	return *(volatile u32 *)(IOAPIC + 0x10);
}

static void ioapic_write(u32 reg, u32 val)
{
	*(volatile u32 *)IOAPIC = reg;
	*(volatile u32 *)(IOAPIC + 0x10) = val;
}

static u32 low(u32 pin)
{
	return 0x10 + 2 * pin;
}

static void ports(const char *when)
{
	u64 rax = 0x1122334455667788;
	u32 bad = 0;

	for (u16 i = 0; i < 8; i++)
		bad += inb(COM2 + i) != 0xff;
	check_eq(bad, 0, when);
	check_eq(inw(COM2), 0xffff, when);
	check_eq(inl(COM2 + 2), 0xffffffff, when);
	/* across its first and its last port: nobody is beside it */
	check_eq(inw(COM2 - 1), 0xffff, when);
	check_eq(inw(COM2 + 7), 0xffff, when);
	check_eq(inl(COM2 - 2), 0xffffffff, when);
	__asm__ volatile("in %%dx, %%ax" : "+a"(rax) : "d"(COM2));
	check_eq(rax, 0x112233445566ffff, when);
	__asm__ volatile("in %%dx, %%eax" : "+a"(rax) : "d"(COM2));
	check_eq(rax, 0xffffffff, when);
}

/* Not carried out, without harm (docs/CAVEATS.md). */
static void strings(void)
{
	u8 data[4] = { 0x83, 0x00, 0x5a, 0xa5 };
	const void *from = data;
	u64 n = sizeof(data), rax = 0x1122334455667788;
	void *to = data;
	u16 port = COM2;

	__asm__ volatile("rep insb"
			 : "+D"(to), "+c"(n), "+a"(rax)
			 : "d"(port)
			 : "memory");
	port = COM2 + 3;
	__asm__ volatile("rep outsb"
			 : "+S"(from), "+c"(n), "+a"(rax)
			 : "d"(port)
			 : "memory");
	check_eq(rax, 0x1122334455667788, "strings-keep-rax");
}

static void write_ports(void)
{
	/* divisor, interrupts, FIFO, modem lines: none of it may arrive */
	for (u16 i = 7; i != 0xffff; i--)
		outb(COM2 + i, (u8)(0x80 + i));
	outw(COM2, 0x1234);
	outl(COM2 + 2, 0x83838383);
	outw(COM2 - 1, 0x8383);
	outl(COM2 - 3, 0x83838383);
}

static void interrupt(void)
{
	u32 was = ioapic_read(low(PIN_COM2)), free = ioapic_read(low(PIN_FREE));

	check_eq(was & 0x10700, RTE_NMI, "ioapic-is-nmi");
	ioapic_write(low(PIN_COM2), 0x10055);
	check_eq(ioapic_read(low(PIN_COM2)), was, "ioapic-kept");
	ioapic_write(low(PIN_COM2) + 1, 0x0f000000);
	check_eq(ioapic_read(low(PIN_COM2) + 1) >> 24, 0, "ioapic-kept-high");
	ioapic_write(low(PIN_FREE), 0x10066);
	check_eq(ioapic_read(low(PIN_FREE)) & 0x107ff, 0x10066,
		 "ioapic-others-are-l1s");
	ioapic_write(low(PIN_FREE), free);
}

void main(void)
{
	cli();
	if (!contains(boot.cmdline, "gdb")) {
		skip("com2", "it is L1's own");
		return;
	}
	ports("com2-is-away");
	write_ports();
	strings();
	ports("com2-stays-away");
	interrupt();
	print("info: waits for gdb\n");
	while (!go)
		cpu_pause();
}
