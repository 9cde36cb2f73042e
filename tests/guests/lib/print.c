/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1, the result lines, and the end of the machine. */
#include "tests/guests/lib/guest.h"

#include <stdarg.h>

#define COM1 0x3f8

static u32 passed, failed, print_lock;

static void serial_char(char c)
{
	u32 n = 1000000;

	while (!(inb(COM1 + 5) & 0x20) && --n)
		cpu_pause();
	outb(COM1, (u8)c);
}

static void serial_init(void)
{
	static bool ready;

	if (ready)
		return;
	ready = true;
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3); /* 8N1 */
	outb(COM1 + 2, 1);
	outb(COM1 + 4, 3);
}

static void put_line(const char *s)
{
	u64 fl = read_flags();

	cli();
	while (__atomic_exchange_n(&print_lock, 1, __ATOMIC_ACQUIRE))
		cpu_pause();
	serial_init();
	for (; *s; s++) {
		if (*s == '\n')
			serial_char('\r');
		serial_char(*s);
	}
	__atomic_store_n(&print_lock, 0, __ATOMIC_RELEASE);
	if (fl & RFLAGS_IF)
		sti();
}

void print(const char *fmt, ...)
{
	char buf[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	put_line(buf);
}

static void result(bool ok, const char *name, const char *fmt, va_list ap)
{
	char detail[300], line[400];

	if (ok) {
		__atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);
		snprintf(line, sizeof(line), "PASS %s\n", name);
	} else {
		__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
		vsnprintf(detail, sizeof(detail), fmt, ap);
		snprintf(line, sizeof(line), "FAIL %s: %s\n", name, detail);
	}
	put_line(line);
}

bool check(bool ok, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(ok, name, fmt, ap);
	va_end(ap);
	return ok;
}

/* QEMU: the fw_cfg device's signature; Bochs: port E9h reads as itself. */
enum emulator emulator(void)
{
	outw(0x510, 0);
	if (inb(0x511) == 'Q' && inb(0x511) == 'E')
		return EMU_QEMU;
	return inb(0xe9) == 0xe9 ? EMU_BOCHS : EMU_NONE;
}

bool emulator_bare(void)
{
	return cpu_hypervisor() &&
	       cpuid_reg(0x40000000, 0, EBX) == 0x54474354; /* "TCGT" */
}

bool check_known(bool ok, const char *name, enum emulator emu,
		 const char *fault, const char *fmt, ...)
{
	char detail[200];
	va_list ap;

	va_start(ap, fmt);
	if (ok || !(emu & emulator())) {
		result(ok, name, fmt, ap);
	} else {
		vsnprintf(detail, sizeof(detail), fmt, ap);
		print("KNOWN %s: emulator fault: %s (%s)\n", name, fault,
		      detail);
	}
	va_end(ap);
	return ok;
}

bool check_eq(u64 got, u64 want, const char *name)
{
	return check(got == want, name, "got %lx, want %lx", got, want);
}

bool contains(const char *s, const char *part)
{
	for (; *s; s++)
		if (!strncmp(s, part, strlen(part)))
			return true;
	return !*part;
}

void skip(const char *name, const char *why)
{
	print("SKIP %s: %s\n", name, why);
}

void die(const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(false, name, fmt, ap);
	va_end(ap);
	done();
}

/* QEMU's isa-debug-exit, Bochs' shutdown port, ACPI S5 of both. */
void done(void)
{
	const char *s = "Shutdown";

	if (!passed && !failed)
		print("FAIL none: no check was made\n");
	print("guest %s: %u passed, %u failed\n", guest_name, passed, failed);
	while (!(inb(COM1 + 5) & 0x40))
		cpu_pause();
	outb(0xf4, failed || !passed);
	for (; *s; s++)
		outb(0x8900, (u8)*s);
	outw(0x604, 0x2000);
	outw(0xb004, 0x2000);
	for (;;) {
		cli();
		hlt();
	}
}
