/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/serial/uart16550.h"

#include "core/err.h"
#include "core/insns.h"

enum {
	UART_DATA = 0, /* and divisor low, with DLAB */
	UART_IER = 1,  /* and divisor high, with DLAB */
	UART_FCR = 2,
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_SCR = 7,
};

#define IER_RECEIVED 0x01
#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define FCR_ON_CLEAR 0x07
#define MCR_DTR_RTS_OUT2 0x0b
#define LSR_DATA 0x01
#define LSR_THRE 0x20

/* Polls before a byte is given up: seconds at any speed an I/O read has. */
#define TX_POLLS 2000000

int uart_init(struct uart *u, u16 port, u32 baud)
{
	u32 divisor = uart_divisor(baud);

	u->port = 0;
	if (!divisor)
		return -EINVAL;
	/* A missing UART reads all ones and keeps no scratch byte. */
	outb(port + UART_SCR, 0x5a);
	if (inb(port + UART_SCR) != 0x5a && inb(port + UART_LSR) == 0xff)
		return -ENODEV;
	outb(port + UART_IER, 0);
	outb(port + UART_LCR, LCR_DLAB | LCR_8N1);
	outb(port + UART_DATA, (u8)divisor);
	outb(port + UART_IER, (u8)(divisor >> 8));
	outb(port + UART_LCR, LCR_8N1);
	outb(port + UART_FCR, FCR_ON_CLEAR);
	outb(port + UART_MCR, MCR_DTR_RTS_OUT2);
	u->port = port;
	return 0;
}

void uart_putc(struct uart *u, u8 c)
{
	if (!u->port)
		return;
	for (u32 i = 0; i < TX_POLLS; i++) {
		if (inb(u->port + UART_LSR) & LSR_THRE) {
			outb(u->port + UART_DATA, c);
			return;
		}
		cpu_pause();
	}
}

bool uart_has_byte(const struct uart *u)
{
	return u->port && inb(u->port + UART_LSR) & LSR_DATA;
}

void uart_interrupts(struct uart *u, bool on)
{
	if (u->port)
		outb(u->port + UART_IER, on ? IER_RECEIVED : 0);
}

int uart_getc(struct uart *u)
{
	if (!uart_has_byte(u))
		return -1;
	return inb(u->port + UART_DATA);
}
