/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/printk.h"

#include <stdarg.h>

#include "core/panic.h"
#include "core/spinlock.h"
#include "core/string.h"
#include "drivers/serial/console.h"

enum loglevel log_level = LOG_INFO;

static struct spinlock console_lock;
void (*log_sink)(const char *line);

static void write_line(const char *prefix, const char *fmt, va_list ap)
{
	char line[512];
	int n;

	n = snprintf(line, sizeof(line), "abyme: %s", prefix);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	console_write(line, (size_t)n);
}

void log_at(enum loglevel level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	if (unlikely(log_sink)) {
		char line[256];

		vsnprintf(line, sizeof(line), fmt, ap);
		log_sink(line);
		va_end(ap);
		return;
	}
	spin_lock(&console_lock);
	write_line("", fmt, ap);
	spin_unlock(&console_lock);
	va_end(ap);
}

/* No lock: the holder may be the one that failed. */
void panic_line(const char *fmt, va_list ap)
{
	write_line("PANIC: ", fmt, ap);
}
