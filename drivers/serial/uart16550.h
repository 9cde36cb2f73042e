/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550 UART, polled. */
#ifndef DRIVERS_SERIAL_UART16550_H
#define DRIVERS_SERIAL_UART16550_H

#include "core/types.h"

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
