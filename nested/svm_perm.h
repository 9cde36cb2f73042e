/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Permission maps of an L2 (MSRPM and IOPM) without copying them. Pure.
 *
 * The map that hardware sees starts as "everything exits". An exit for what
 * both L1's and L0's maps let pass opens that byte: from then on each VMRUN
 * reads L1's byte again and puts (L0's | L1's) there. So the map is never
 * more open than L1's was at its last VMRUN, and few bytes have to be read;
 * those of the MSRs that a guest uses all the time are open from the start.
 */
#ifndef NESTED_SVM_PERM_H
#define NESTED_SVM_PERM_H

#include "core/types.h"

#define SVM_PERM_OPEN 24
#define SVM_PERM_PAGES 3

struct svm_perm {
	u8 *map;      /* what hardware sees */
	const u8 *l0; /* L0's own map of the VM */
	u32 pages;
	const u8 *l1[SVM_PERM_PAGES]; /* L1's; NULL: not memory, all ones */
	u32 n;			      /* open bytes */
	u32 victim;		      /* slot that is used again when full */
	u16 open[SVM_PERM_OPEN];      /* offsets of open bytes */
};

/* @map has @pages pages; all of it is closed. */
void svm_perm_init(struct svm_perm *p, u8 *map, const u8 *l0, u32 pages);

/* Let the byte at @off follow L1's map; the oldest one closes if need be. */
void svm_perm_open(struct svm_perm *p, u32 off);

/* At VMRUN: take the open bytes from L1's map again. */
void svm_perm_refresh(struct svm_perm *p);

/* Does L1's map intercept it? MSRs that no map covers always are. */
bool svm_perm_l1_msr(const struct svm_perm *p, u32 msr, bool write);
bool svm_perm_l1_io(const struct svm_perm *p, u16 port, u32 size);

#endif
