/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <sys/mman.h>

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
	static size_t size;
	char *p;

	/* zero by itself, and only where it is touched; between two pages
	 * that nobody may touch */
	if (unit_memory)
		munmap(unit_memory - 4096, size + 2 * 4096);
	size = (bytes + 4095) & ~(size_t)4095;
	p = mmap(NULL, size + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED || mprotect(p + 4096, size, PROT_READ | PROT_WRITE))
		abort();
	unit_memory = (u8 *)p + 4096;
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
