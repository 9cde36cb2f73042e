/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that a debugger is to see as a level's own page tables have it: a
 * window of two pages, elsewhere in the level's physical memory and, of an L2,
 * elsewhere again in L1's, the two of them in the wrong order. At each place
 * CPUID with leaf VIEW_STOP says that `view` tells what there is to see. With
 * `gdb` on the command line four of its words have to be changed there, as the
 * code in that very mode sees them.
 */
#ifndef TESTS_GUESTS_LIB_VIEWS_H
#define TESTS_GUESTS_LIB_VIEWS_H

#define VIEW_STOP 0xabe00001
#define VIEW_END 0xabe0ffff /* no more */
#define VIEW_LINEAR 0x50000000
#define VIEW_LINEAR_4 0xffff800050000000
#define VIEW_LINEAR_5 0x0001000050000000
#define VIEW_L2PA 0x60000000

#ifndef __ASSEMBLY__
#include "tests/guests/lib/guest.h"

enum view_mode { VIEW_32, VIEW_PAE, VIEW_4, VIEW_5, VIEW_MODES };

/* For gdb, which reads it in L1's physical memory. */
struct view {
	u32 level, mode;
	u64 linear;
	u64 pa[2];   /* where the pages are for the level */
	u64 l1pa[2]; /* and for L1 */
};
extern struct view view;

/* After modes_init(). */
void views_init(void);
bool view_has(enum view_mode m);
/* The window of @level, 1 or 2, in this mode. */
void view_set(u32 level, enum view_mode m);
/* CR3 and CR4 that have it. */
u64 view_cr3(enum view_mode m);
u64 view_cr4(enum view_mode m);
/* Was it seen, and changed? */
void view_check(void);
/* L1 itself, in each mode; then it is the turn of L2s. */
void views_of_l1(void);
void views_end(void);

/* For an L2: stop, and read the words, with the window's address in RDI; an
 * exit must follow. */
extern const char view_code32[], view_code64[];
#endif
#endif
