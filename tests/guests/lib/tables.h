/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Second-stage tables that a test's hypervisor builds: 4 levels, NPT or EPT. */
#ifndef TESTS_GUESTS_LIB_TABLES_H
#define TESTS_GUESTS_LIB_TABLES_H

#include "tests/guests/lib/guest.h"

#define NPT_TABLE 7ull /* P W U */
#define NPT_PAGE 7ull
#define NPT_AD 0x60ull
#define EPT_TABLE 7ull	 /* R W X */
#define EPT_PAGE 0x37ull /* and write-back */
#define EPT_AD 0x300ull

/*
 * Entry of @gpa at @level (1: a 4 KiB page) below @root; the tables on the way
 * are made with @table as their bits.
 */
u64 *table_entry(u64 *root, u64 gpa, u32 level, u64 table);
/* A root with 2 MiB pages one to one for the first 4 GiB, bits @page. */
u64 *table_identity(u64 table, u64 page);
/* 4 KiB pages: @pages from @gpa on to @pa on. */
void table_map(u64 *root, u64 gpa, u64 pa, u64 pages, u64 table, u64 bits);

#endif
