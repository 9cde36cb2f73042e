/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checked access to an L1's memory. Everything goes through the second-level
 * map (so L0's own memory reads as the scratch page) and only to RAM.
 */
#ifndef MM_GUEST_H
#define MM_GUEST_H

#include "core/types.h"
#include "mm/addr.h"

struct vm;
struct pt_mode;

/* Note the largest pieces of RAM in vm->map, to find them sooner. */
void guest_map_init(struct vm *vm);

/* Copy from/to L1-physical memory; may cross pages. -EFAULT: not memory (RAM,
 * ROM below 1 MiB). */
int __must_check guest_read(struct vm *vm, l1pa_t from, void *to, size_t n);
int __must_check guest_write(struct vm *vm, l1pa_t to, const void *from,
			     size_t n);

/*
 * Direct-map pointer to the page that holds @gpa (pointing at the byte), or
 * NULL when it is not RAM of this VM. Valid to the end of the page.
 */
void *guest_ptr(struct vm *vm, l1pa_t gpa);

/* Host-physical address of a RAM page of L1's, HPA_NONE if none. */
hpa_t guest_hpa(struct vm *vm, l1pa_t gpa);

/*
 * The piece of plain RAM (at its own host-physical address) around @gpa, for
 * those who look often. -EFAULT: it is not plain RAM. Void when vm->slat->gen
 * changes.
 */
int __must_check guest_ram_span(struct vm *vm, l1pa_t gpa, u64 *start,
				u64 *len);

/* Paging state of a level: how its linear addresses translate. */
struct paging {
	u64 cr0, cr3, cr4, efer;
	u64 rflags; /* AC, for SMAP */
	u8 cpl;
	u64 pdpte[4];	  /* PAE: the loaded PDPTEs */
	bool pdpte_valid; /* false: read them from memory at CR3 */
	u8 phys_bits;
	u32 pkru, pkrs; /* looked at under CR4.PKE, CR4.PKS */
	/* Room of the caller's, zero at first, in which what follows from the
	 * mode is kept from one walk to the next; NULL: none. */
	struct pt_mode *kept;
};

struct walk_fault {
	bool reserved, present;
	u32 error; /* #PF error code */
	u64 addr;
};

/*
 * Translate @la through L1's own tables. @access ACCESS_* (with ACCESS_U for
 * a user access). 0, or -EFAULT with *f filled (a #PF for L1).
 * Sets accessed and dirty bits as hardware does.
 */
int __must_check walk_l1(struct vm *vm, const struct paging *p, gva_t la,
			 u32 access, l1pa_t *out, struct walk_fault *f);

/*
 * What the tables of @p, whose memory @mem gives (with @ctx), allow at @la:
 * ACCESS_*, nothing is set in them. 0: not translated. Paging is on.
 */
u32 paging_rights(const struct paging *p, gva_t la,
		  void *(*mem)(void *ctx, u64 pa), void *ctx);

/*
 * Read/write L1's linear memory, crossing pages, through walk_l1(); a user
 * access when p->cpl is 3. -EFAULT: #PF for L1 in *f; -EIO: translated, but
 * not to memory (nothing for L1 to be told of).
 */
int __must_check guest_read_va(struct vm *vm, const struct paging *p, gva_t a,
			       void *to, size_t n, struct walk_fault *f);
int __must_check guest_write_va(struct vm *vm, const struct paging *p, gva_t a,
				const void *from, size_t n,
				struct walk_fault *f);

#endif
