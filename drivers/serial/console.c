/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/serial/console.h"

#include "drivers/serial/uart16550.h"

static struct uart console;

u16 serial_port_base(u32 n)
{
	static const u16 base[] = { 0, 0x3f8, 0x2f8, 0x3e8, 0x2e8 };

	return n < ARRAY_SIZE(base) ? base[n] : 0;
}

int console_init(u16 port, u32 baud)
{
	console.port = 0;
	return port ? uart_init(&console, port, baud) : 0;
}

bool (*console_taken)(const char *s, size_t n);

void console_write(const char *s, size_t n)
{
	if (!console_taken || !console_taken(s, n))
		console_raw(s, n);
}

void console_raw(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			uart_putc(&console, '\r');
		uart_putc(&console, (u8)s[i]);
	}
}
