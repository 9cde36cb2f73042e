/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550 UART, polled. */
#ifndef DRIVERS_SERIAL_UART16550_H
#define DRIVERS_SERIAL_UART16550_H

#include "core/types.h"

/* What a divisor of 1 gives. */
#define UART_BAUD_MAX 115200u

/* The divisor for @baud. 0: none comes within 2 per cent of it. */
static inline u32 uart_divisor(u32 baud)
{
	u32 d = baud ? (UART_BAUD_MAX + baud / 2) / baud : 0;
	u32 real = d ? UART_BAUD_MAX / d : 0;
	u32 off = real > baud ? real - baud : baud - real;

	return d && d <= 0xffff && off <= baud / 50 ? d : 0;
}

struct uart {
	u16 port; /* I/O base; 0: no UART */
};

/* Set 8N1 at @baud, no interrupts, FIFOs on. -ENODEV: nothing answers. */
int __must_check uart_init(struct uart *u, u16 port, u32 baud);

/* Send one byte; drops it when the UART stays busy for far too long. */
void uart_putc(struct uart *u, u8 c);

/* A received byte, or -1 when there is none. */
int uart_getc(struct uart *u);

/* Is a received byte waiting? Only looks. */
bool uart_has_byte(const struct uart *u);

/* Interrupt when a byte is received. */
void uart_interrupts(struct uart *u, bool on);

#endif
