/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words and numbers of packets and of `monitor` commands. Pure. */
#ifndef CORE_GDB_WORD_H
#define CORE_GDB_WORD_H

#include "core/types.h"

int hex_value(char c); /* -1: no hexadecimal digit */

/* Does *s begin with the word @w? Then it moves on to the next one. */
bool word_take(const char **s, const char *w);

/* A number, hexadecimal with 0x, else to @base (10 or 16), of at most 64 bits:
 * *s moves on to the next word. False: the word is none, or there is none. */
bool word_number(const char **s, u32 base, u64 *val);

/* Are they the same name of an exit? '-', '_' and ' ' are one, and so are
 * small and capital letters. */
bool word_same_name(const char *a, const char *b);

#endif
