/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gdb_word.h"

#include "core/string.h"

int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

bool word_take(const char **s, const char *w)
{
	size_t n = strlen(w);

	if (strncmp(*s, w, n) || ((*s)[n] && (*s)[n] != ' '))
		return false;
	*s = skip_blanks(*s + n);
	return true;
}

bool word_number(const char **s, u32 base, u64 *val)
{
	const char *p = skip_blanks(*s), *first;
	u64 v = 0;

	if (p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	for (first = p; *p && *p != ' '; p++) {
		int d = hex_value(*p);

		if (d < 0 || (u32)d >= base ||
		    __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (u64)d, &v))
			return false;
	}
	if (p == first)
		return false;
	*val = v;
	*s = skip_blanks(p);
	return true;
}

static char letter(char c)
{
	return (char)((c == '-' || c == ' ' ? '_' : c) | 0x20);
}

bool word_same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (letter(*a) != letter(*b))
			return false;
	return !*a && !*b;
}
