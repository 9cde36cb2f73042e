/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow engine: ept02/npt02 as a per-CPU software TLB. An entry may
 * exist only if L1's tables allowed it at some time since L1's last matching
 * invalidation. No locks, no allocation after shadow_init(), bounded memory.
 *
 * A shadow belongs to one vcpu; only the CPU that runs it calls in here.
 */
#ifndef MM_SHADOW_H
#define MM_SHADOW_H

#include "core/types.h"
#include "mm/addr.h"
#include "mm/pt_format.h"

struct vm;
struct shadow; /* one a vcpu */
struct shadow_root;

/* How a second-stage table of L1's is to be walked. */
struct nested_root {
	const struct pt_format *fmt; /* pt_ept_*, pt_npt_* */
	l1pa_t root;		     /* table address, flags stripped */
	u64 flags;		     /* SHADOW_* */
	u64 pat; /* NPT12: L1's own IA32_PAT, its host PAT for L2; EPT12: 0 */
};

#define SHADOW_AD PT_AD	  /* EPT12: accessed/dirty flags are on */
#define SHADOW_NX PT_NX	  /* NPT12: host EFER.NXE of L1 is on */
#define SHADOW_XO PT_XO	  /* EPT12: execute-only is offered */
#define SHADOW_1G PT_1G	  /* 1 GiB pages are offered to L1 */
#define SHADOW_PSE PT_PSE /* NPT12 32-bit: L1's CR4.PSE */
#define SHADOW_MBE PT_MBE /* EPT12: mode-based execute control */

/* In @access of shadow_fault(): do not set a dirty flag (L1's page-modification
 * log is full); -EAGAIN if one would have to be. */
#define SHADOW_KEEP_CLEAN BIT(8)

/* What is to be known of a fault. */
struct shadow_fault {
	enum {
		SF_NOT_PRESENT, /* EPT violation / NPF, P=0 */
		SF_RIGHTS,	/* EPT violation / NPF, P=1 */
		SF_RESERVED,	/* EPT misconfiguration / NPF with RSV */
		SF_L0, /* L1 allows it; ept01/npt01 does not (-EPERM) */
	} kind;
	u32 rights;   /* ACCESS_*: AND over the L1 walk (EPT qualification 5:3;
		     * ACCESS_U: user fetch, 6) */
	u32 level;    /* level at which the walk ended, 1 the leaf */
	u64 entry;    /* L1's entry there (EPT: bit 63 suppresses #VE) */
	l1pa_t l1pa;  /* SF_L0, and when filled: where L1 maps it */
	bool dirtied; /* filled, and a dirty flag of L1's was set (PML) */
};

/*
 * @pages: bound of its memory, 4 KiB tables (64 at least). @fmt02: the format
 * that the processor walks: pt_npt_*, that of L0's own paging mode; with any
 * pt_ept_* a root's is the one that L1 names, 4- or 5-level. -EINVAL, -ENOMEM.
 */
int __must_check shadow_init(struct shadow **s, struct vm *vm,
			     const struct pt_format *fmt02, u32 pages);

/* NPT: the IA32_PAT that holds while L2 runs on npt02 (L0's own). Unless it is
 * told, the value of a reset is assumed. */
void shadow_host_pat(struct shadow *s, u64 pat);

/*
 * The folded table for @n under tag @tag (L1's ASID; 0 for EPT, whose
 * guest-physical mappings have no other tag than the root); made or found,
 * made most recently used. *fresh: it was emptied, its translations in the
 * hardware TLB must be flushed before it is used.
 *
 * To be called before each VM entry to L2 that L1 asks for (some fifty
 * instructions when nothing has changed): drops take effect here. Different
 * roots must be kept apart in the hardware TLB by tag or by flush.
 */
struct shadow_root *shadow_get(struct shadow *s, const struct nested_root *n,
			       u64 tag, bool *fresh);
hpa_t shadow_root_hpa(const struct shadow_root *r);
const struct pt_format *shadow_root_fmt(const struct shadow_root *r);

/*
 * A second-stage fault of L2 at @gpa. @access ACCESS_* as the hardware told
 * (ACCESS_U matters to EPT with SHADOW_MBE only: fetch in user mode).
 * 0: filled, enter L2 again. -EFAULT: L1's, described in *f; reflect it.
 * -EPERM: L1 allows it, L0's own table (slat_protect()) does not: L0's to
 * emulate at f->l1pa. -EAGAIN: see SHADOW_KEEP_CLEAN.
 * *flush is set (never cleared) when hardware may cache what was replaced:
 * flush its TLB for this root.
 */
int __must_check shadow_fault(struct shadow *s, struct shadow_root *r,
			      l2pa_t gpa, u32 access, struct shadow_fault *f,
			      bool *flush);

/* Invalidations that L1 asked for; cost independent of what is mapped. They
 * take effect at the next shadow_get(). */
void shadow_drop(struct shadow *s, struct shadow_root *r);
void shadow_drop_root(struct shadow *s, l1pa_t root); /* INVEPT single */
void shadow_drop_tag(struct shadow *s, u64 tag);
void shadow_drop_all(struct shadow *s);

/* L2-physical to L1-physical for emulation, through L1's table only. Accessed
 * and dirty flags are left alone unless @access has ACCESS_W. 0 or -EFAULT. */
int __must_check shadow_translate(struct shadow *s, const struct nested_root *n,
				  l2pa_t gpa, u32 access, l1pa_t *out,
				  struct shadow_fault *f);

struct shadow_stats {
	u64 faults, fills, prefills, drops, recycled;
	u32 pages_used, pages_max;
};
void shadow_stats(const struct shadow *s, struct shadow_stats *st);

#endif
