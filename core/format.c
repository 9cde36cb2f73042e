/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vsnprintf for L0: see core/printk.h for what it knows. Pure. */
#include "core/string.h"

#include <stdarg.h>

struct out {
	char *buf;
	size_t size, n;
};

struct spec {
	bool left, zero, alt;
	int width, precision; /* -1: none */
	char length;	      /* 'l', 'h' or 0 */
};

static void put(struct out *o, char c)
{
	if (o->n + 1 < o->size)
		o->buf[o->n] = c;
	o->n++;
}

static void pad(struct out *o, int n, char c)
{
	while (n-- > 0)
		put(o, c);
}

static void put_string(struct out *o, const struct spec *s, const char *str)
{
	int len;

	if (!str)
		str = "(null)";
	len = (int)strnlen(str,
			   s->precision < 0 ? ~0u >> 1 : (size_t)s->precision);
	if (!s->left)
		pad(o, s->width - len, ' ');
	for (int i = 0; i < len; i++)
		put(o, str[i]);
	if (s->left)
		pad(o, s->width - len, ' ');
}

static void put_number(struct out *o, const struct spec *s, u64 v, u32 base,
		       bool negative, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24];
	int n = 0, prefix = (negative ? 1 : 0) + (s->alt && base == 16 ? 2 : 0);

	do {
		tmp[n++] = digits[v % base];
		v /= base;
	} while (v);
	while (n < s->precision && n < (int)sizeof(tmp))
		tmp[n++] = '0';
	if (!s->left && !s->zero)
		pad(o, s->width - n - prefix, ' ');
	if (negative)
		put(o, '-');
	if (s->alt && base == 16) {
		put(o, '0');
		put(o, 'x');
	}
	if (!s->left && s->zero)
		pad(o, s->width - n - prefix, '0');
	for (int i = n; i > 0; i--)
		put(o, tmp[i - 1]);
	if (s->left)
		pad(o, s->width - n - prefix, ' ');
}

static const char *number(const char *f, int *v)
{
	for (*v = 0; *f >= '0' && *f <= '9'; f++)
		*v = *v * 10 + (*f - '0');
	return f;
}

struct args {
	va_list ap;
};

static const char *parse_spec(const char *f, struct spec *s, struct args *a)
{
	*s = (struct spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '#')
			s->alt = true;
		else
			break;
	}
	if (*f == '*') {
		s->width = va_arg(a->ap, int);
		f++;
	} else {
		f = number(f, &s->width);
	}
	if (f[0] == '.' && f[1] == '*') {
		s->precision = va_arg(a->ap, int);
		f += 2;
	} else if (f[0] == '.') {
		f = number(f + 1, &s->precision);
	}
	for (; *f == 'l' || *f == 'z' || *f == 'h'; f++)
		s->length = *f == 'h' ? 'h' : 'l';
	return f;
}

static void convert(struct out *o, struct spec *s, char c, struct args *a)
{
	u64 v;

	switch (c) {
	case 'd':
	case 'i':
		v = s->length == 'l' ? (u64)va_arg(a->ap, long)
				     : (u64)(s64)va_arg(a->ap, int);
		put_number(o, s, (s64)v < 0 ? -v : v, 10, (s64)v < 0, false);
		break;
	case 'u':
	case 'x':
	case 'X':
		v = s->length == 'l' ? va_arg(a->ap, unsigned long)
				     : va_arg(a->ap, unsigned int);
		put_number(o, s, v, c == 'u' ? 10 : 16, false, c == 'X');
		break;
	case 'p':
		s->alt = true;
		put_number(o, s, (u64)(uintptr_t)va_arg(a->ap, void *), 16,
			   false, false);
		break;
	case 'c':
		put(o, (char)va_arg(a->ap, int));
		break;
	case 's':
		put_string(o, s, va_arg(a->ap, const char *));
		break;
	default:
		put(o, c);
		break;
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
	struct out o = { buf, size, 0 };
	struct args a;

	va_copy(a.ap, ap);
	for (; *fmt; fmt++) {
		struct spec s;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &a);
		if (!*fmt)
			break;
		convert(&o, &s, *fmt, &a);
	}
	va_end(a.ap);
	if (size)
		buf[o.n < size ? o.n : size - 1] = 0;
	return (int)o.n;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
