/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host unit tests. A test program is one file: TEST(name) { CHECK(...); },
 * the sources it tests named in a comment "sources: a.c b.c".
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/types.h"

struct unit_test {
	const char *name;
	void (*fn)(void);
	struct unit_test *next;
};

extern struct unit_test *unit_tests;
extern unsigned unit_failures;

#define TEST(n)                                                    \
	static void test_##n(void);                                \
	static struct unit_test unit_##n = { #n, test_##n, NULL }; \
	static void __attribute__((constructor)) reg_##n(void)     \
	{                                                          \
		struct unit_test **p = &unit_tests;                \
		while (*p)                                         \
			p = &(*p)->next;                           \
		*p = &unit_##n;                                    \
	}                                                          \
	static void test_##n(void)

#define CHECK(cond)                                                      \
	do {                                                             \
		if (!(cond)) {                                           \
			unit_failures++;                                 \
			printf("%s:%d: CHECK(%s)\n", __FILE__, __LINE__, \
			       #cond);                                   \
		}                                                        \
	} while (0)

/* Equality of two integers, both printed when they differ. */
#define CHECK_EQ(a, b)                                                  \
	do {                                                            \
		unsigned long long a_ = (unsigned long long)(a);        \
		unsigned long long b_ = (unsigned long long)(b);        \
		if (a_ != b_) {                                         \
			unit_failures++;                                \
			printf("%s:%d: %s = 0x%llx, expected 0x%llx\n", \
			       __FILE__, __LINE__, #a, a_, b_);         \
		}                                                       \
	} while (0)

/* Toy host-physical memory of @bytes, zeroed; sets unit_memory. */
void unit_memory_init(size_t bytes);

/* Repeatable pseudo-random numbers. */
u64 unit_random(void);

#endif
