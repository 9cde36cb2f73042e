/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L0's vsnprintf against the host's. The source is included under another
 * name, since the host has functions of those names. */
/* sources: */
#include "tests/unit/unit.h"

#define vsnprintf l0_vsnprintf
#define snprintf l0_snprintf
int l0_vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap);
int l0_snprintf(char *buf, size_t size, const char *fmt, ...);
#include "core/format.c"
#undef snprintf
#undef vsnprintf

#define SAME(size, ...)                                       \
	do {                                                  \
		char got[128], want[128];                     \
		memset(got, '#', sizeof(got));                \
		memset(want, '#', sizeof(want));              \
		CHECK_EQ(l0_snprintf(got, size, __VA_ARGS__), \
			 snprintf(want, size, __VA_ARGS__));  \
		CHECK(!memcmp(got, want, sizeof(got)));       \
	} while (0)

TEST(integers)
{
	SAME(100, "%d %i %u %x %X", -5, 7, 4000000000u, 0xbeef, 0xbeef);
	SAME(100, "%ld %lu %lx", -5l, ~0ul, 0x123456789abcdeful);
	SAME(100, "%5d|%-5d|%05d|%5u", -42, -42, -42, 42u);
	SAME(100, "%*d|%0*llx|%.*s", 6, 42, 16, 0xabcull, 2, "xyz");
	SAME(100, "%08x|%#x|%#10x|%#010x", 0xabc, 0xabc, 0xabc, 0xabc);
	SAME(100, "%016lx %zu", 0x1234ul, (size_t)9);
	SAME(100, "%d", (int)0x80000000);
}

TEST(strings)
{
	SAME(100, "%s|%10s|%-10s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1,
	     "abc");
	SAME(100, "%c%c%%", 'x', 'y');
}

TEST(truncation)
{
	SAME(4, "%s", "abcdefgh");
	SAME(1, "%s", "abcdefgh");
	SAME(5, "%d", 1234567);
	CHECK_EQ(l0_snprintf(NULL, 0, "%s", "abc"), 3);
}
