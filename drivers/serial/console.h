/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L0's console: a UART shared by all CPUs' messages. */
#ifndef DRIVERS_SERIAL_CONSOLE_H
#define DRIVERS_SERIAL_CONSOLE_H

#include "core/types.h"

/* I/O base of COM@n (1..4), 0 for another number. */
u16 serial_port_base(u32 n);

/* Use the UART at @port (0: no console) at @baud. -ENODEV. */
int __must_check console_init(u16 port, u32 baud);

/* Write bytes; "\n" becomes "\r\n". The caller keeps CPUs apart. */
void console_write(const char *s, size_t n);

/* If set, console_write() is given to it first. True: it was taken. */
extern bool (*console_taken)(const char *s, size_t n);
/* What console_write() does otherwise. */
void console_raw(const char *s, size_t n);

#endif
