/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <stdarg.h>

#include "core/printk.h"
#include "mm/addr.h"

struct unit_test *unit_tests;
unsigned unit_failures;
u8 *unit_memory;
enum loglevel log_level;

void log_at(enum loglevel level, const char *fmt, ...)
{
	va_list ap;

	if (!getenv("UNIT_VERBOSE"))
		return;
	va_start(ap, fmt);
	printf("abyme(%d): ", level);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	abort();
}

void unit_memory_init(size_t bytes)
{
	free(unit_memory);
	if (posix_memalign((void **)&unit_memory, 4096, bytes))
		abort();
	memset(unit_memory, 0, bytes);
}

u64 unit_random(void)
{
	static u64 x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Run all tests (or those whose name contains argv[1]). */
int main(int argc, char **argv)
{
	unsigned failed = 0;

	for (struct unit_test *t = unit_tests; t; t = t->next) {
		unsigned before = unit_failures;

		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		t->fn();
		printf("%s %s\n", unit_failures == before ? "PASS" : "FAIL",
		       t->name);
		failed += unit_failures != before;
	}
	return failed != 0;
}
