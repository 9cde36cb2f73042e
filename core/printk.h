/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L0's own console lines. Each begins with "abyme: ". Formats: %s %c %d %i %u
 * %x %X %p %%, with l, ll and z, field width and precision ('*', too), '0' and '-'.
 */
#ifndef CORE_PRINTK_H
#define CORE_PRINTK_H

#include "core/types.h"

enum loglevel {
	LOG_ERR, /* faults: always shown */
	LOG_WARN,
	LOG_INFO, /* the boot story */
	LOG_DEBUG,
};

/* Lines above this level are dropped; `loglevel=` sets what holds once L1
 * runs. */
extern enum loglevel log_level;

/* Where lines go instead of the console, while it is set: the debug stub's
 * monitor commands use what prints VMCS and VMCB. */
extern void (*log_sink)(const char *line);

/* Print one line (no newline in @fmt) with the "abyme: " prefix. */
void log_at(enum loglevel level, const char *fmt, ...) __printf(2, 3);

#define log_err(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* Our own invariant is broken: print, freeze. Never for a guest's doing. */
void __noreturn __cold panic(const char *fmt, ...) __printf(1, 2);

#define BUG_ON(cond)                                                   \
	do {                                                           \
		if (unlikely(cond))                                    \
			panic("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

#endif
