/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits of registers by name, for dumps. Pure. */
#ifndef CORE_BITS_H
#define CORE_BITS_H

#include "core/types.h"

struct bit_name {
	u8 bit;
	const char *name;
};

struct bit_table {
	u32 n;
	const struct bit_name *b;
};

extern const struct bit_table bits_cr0, bits_cr4, bits_efer, bits_rflags;

/* Names of the bits that are set, with a blank before each; those without a
 * name as one number. Always zero-terminated. */
void bits_text(const struct bit_table *t, u64 val, char *buf, size_t size);
/* One more word, with a blank before it. */
void bits_add(char *buf, size_t size, const char *word);

#endif
