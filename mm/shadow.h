/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow engine: ept02/npt02 as a per-CPU software TLB. An entry may
 * exist only if L1's tables allowed it at some time since L1's last matching
 * invalidation. No locks, no allocation after shadow_init(), bounded memory.
 */
#ifndef MM_SHADOW_H
#define MM_SHADOW_H

#include "core/types.h"
#include "mm/addr.h"

struct vm;
struct pt_format;
struct shadow; /* one a vcpu */
struct shadow_root;

/* How a second-stage table of L1's is to be walked. */
struct nested_root {
	const struct pt_format *fmt; /* ept4/ept5, npt: 32-bit, PAE, 4, 5 */
	l1pa_t root;		     /* table address, flags stripped */
	u64 flags;		     /* SHADOW_* */
};

#define SHADOW_AD BIT(0)  /* EPT12: accessed/dirty flags are on */
#define SHADOW_NX BIT(1)  /* NPT12: host EFER.NXE of L1 is on */
#define SHADOW_XO BIT(2)  /* EPT12: execute-only is offered */
#define SHADOW_1G BIT(3)  /* 1 GiB pages are offered to L1 */
#define SHADOW_PSE BIT(4) /* NPT12 32-bit: L1's CR4.PSE */
#define SHADOW_MBE BIT(5) /* EPT12: mode-based execute control */

/* What L1 must be told of a fault that its own table causes. */
struct shadow_fault {
	enum {
		SF_NOT_PRESENT, /* EPT violation / NPF, P=0 */
		SF_RIGHTS,	/* EPT violation / NPF, P=1 */
		SF_RESERVED,	/* EPT misconfiguration / NPF with RSV */
		SF_MMIO, /* L1 maps it, but to what is not RAM of L1's and
				 * L0 cannot map either */
	} kind;
	u32 rights; /* ACCESS_*: AND over the L1 walk (EPT qualification 5:3) */
	u32 level;  /* level at which the walk ended, 1 the leaf */
};

/* @pages: bound of its memory, 4 KiB tables. @fmt02: ept4 or npt4. */
int __must_check shadow_init(struct shadow **s, struct vm *vm,
			     const struct pt_format *fmt02, u32 pages);

/*
 * The folded table for @n under tag @tag (0 where the vendor has none that
 * matters); made or found, made most recently used. *fresh: it is empty, its
 * translations in the hardware TLB must be flushed.
 */
struct shadow_root *shadow_get(struct shadow *s, const struct nested_root *n,
			       u64 tag, bool *fresh);
hpa_t shadow_root_hpa(const struct shadow_root *r);

/*
 * A second-stage fault of L2 at @gpa. @access ACCESS_* as the hardware told.
 * 0: filled, enter L2 again. -EFAULT: L1's, described in *f.
 * *flush: hardware may cache what was replaced; flush its TLB for this root.
 */
int __must_check shadow_fault(struct shadow *s, struct shadow_root *r,
			      l2pa_t gpa, u32 access, struct shadow_fault *f,
			      bool *flush);

/* Invalidations that L1 asked for; cost independent of what is mapped. */
void shadow_drop(struct shadow *s, struct shadow_root *r);
void shadow_drop_root(struct shadow *s, l1pa_t root); /* INVEPT single */
void shadow_drop_tag(struct shadow *s, u64 tag);
void shadow_drop_all(struct shadow *s);

/* L2-physical to L1-physical for emulation, through L1's table only (no A/D
 * unless @access has ACCESS_W and it is a real write). */
int __must_check shadow_translate(struct shadow *s, const struct nested_root *n,
				  l2pa_t gpa, u32 access, l1pa_t *out,
				  struct shadow_fault *f);

struct shadow_stats {
	u64 faults, fills, prefills, drops, recycled;
	u32 pages_used, pages_max;
};
void shadow_stats(const struct shadow *s, struct shadow_stats *st);

#endif
