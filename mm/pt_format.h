/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page-table formats as const data, and the one walker over them. A format is
 * what the manuals draw; a mode is a format under the features that hold for
 * one walk (address width, NX, 1 GiB pages, ...), its masks worked out once.
 */
#ifndef MM_PT_FORMAT_H
#define MM_PT_FORMAT_H

#include "core/types.h"
#include "core/virt.h"

#define PT_LEVELS_MAX 5

/* Features of a mode. The x86 and NPT formats always keep accessed and dirty
 * flags; for EPT it is EPTP bit 6. */
#define PT_AD BIT(0) /* EPT: accessed and dirty flags are on */
#define PT_NX BIT(1) /* x86, NPT: EFER.NXE of the tables' owner */
#define PT_XO BIT(2) /* EPT: execute-only entries are allowed */
#define PT_1G BIT(3) /* 1 GiB pages exist */
#define PT_PSE \
	BIT(4)	      /* 32-bit: CR4.PSE, so 4 MiB pages exist, with PSE-36
			 * as on every processor that has virtualization */
#define PT_MBE BIT(5) /* EPT: mode-based execute control, bit 10 is XU */

#define PT_P BIT(0)
#define PT_W BIT(1)
#define PT_U BIT(2)
#define PT_PWT BIT(3)
#define PT_PCD BIT(4)
#define PT_A BIT(5)
#define PT_D BIT(6)
#define PT_PS BIT(7)
#define PT_PAT_4K BIT(7)
#define PT_PAT_LARGE BIT(12)
#define PT_NX_BIT BIT(63)

#define EPT_R BIT(0)
#define EPT_W BIT(1)
#define EPT_X BIT(2)
#define EPT_TYPE_SHIFT 3
#define EPT_TYPE BITS(5, 3)
#define EPT_IPAT BIT(6)
#define EPT_PS BIT(7)
#define EPT_A BIT(8)
#define EPT_D BIT(9)
#define EPT_XU BIT(10)

/* Addresses in 64-bit entries, whatever the format. */
#define PT_ADDR BITS(51, 12)

/* One level of a format. Level 1 holds 4 KiB leaves. */
struct pt_level {
	u8 shift;	/* log2 of what one entry maps */
	u8 bits;	/* log2 of the number of entries */
	u64 leaf_needs; /* 0: never a leaf above level 1; PT_* that allows */
	u64 rsvd_table; /* reserved in an entry that refers to a table */
	u64 rsvd_leaf;	/* reserved in one that maps a page */
	bool bare;	/* PAE PDPTE: no rights, no accessed flag */
};

struct pt_format {
	const char *name;
	u8 levels;
	u8 entry_size; /* bytes */
	u8 in_bits;    /* width of the addresses it translates */
	bool ept;      /* rights, type and A/D as in EPT entries */
	bool pae;      /* entry bits 62:52 are reserved */
	struct pt_level level[PT_LEVELS_MAX + 1]; /* [1] to [levels] */
};

extern const struct pt_format pt_x86_32, pt_x86_pae, pt_x86_4, pt_x86_5;
extern const struct pt_format pt_x86_pae_pd; /* below one loaded PDPTE */
extern const struct pt_format pt_npt_32, pt_npt_pae, pt_npt_4, pt_npt_5;
extern const struct pt_format pt_ept_4, pt_ept_5;

/* A level under a mode. */
struct pt_mode_level {
	u8 shift;
	bool large;  /* an entry may map a page (level 1: always does) */
	u16 index;   /* mask of the index, shifted down */
	u64 grant;   /* bits taken as set: what the format does not have here */
	u64 rsvd[2]; /* reserved bits: of a table's entry, of a leaf */
};

struct pt_mode {
	const struct pt_format *fmt;
	u64 flags;   /* PT_* */
	u64 present; /* any of these bits: present */
	u64 nx;	     /* the no-execute bit if it has a meaning */
	u64 a, d;    /* accessed and dirty, 0 where they are not kept */
	u64 addr;    /* address bits of an entry that refers to a table */
	u32 bad_rwx; /* EPT: bit n: (entry & 7) == n is misconfigured */
	u8 size_log; /* log2 of an entry's bytes */
	bool ept;
	u8 phys_bits;
	u64 xu; /* EPT: the bit that allows user fetches */
	struct pt_mode_level level[PT_LEVELS_MAX + 1];
};

/* Work out @m for addresses of @phys_bits bits under @flags. */
void pt_mode_init(struct pt_mode *m, const struct pt_format *fmt, u8 phys_bits,
		  u64 flags);

enum pt_result {
	PT_OK,
	PT_NOT_PRESENT,
	PT_RESERVED, /* reserved bit set, or EPT misconfiguration */
};

struct pt_walk {
	u64 entry[PT_LEVELS_MAX + 1]; /* as read, by level */
	void *ptr[PT_LEVELS_MAX + 1]; /* where */
	u32 level;		      /* where the walk ended */
	u32 rights;   /* ACCESS_*, ANDed over the levels; ACCESS_U: user, for
		     * EPT: may be fetched in user mode */
	u8 shift;     /* PT_OK: log2 of the page's size */
	u64 addr;     /* PT_OK: translation of the address, offset included */
	u64 all, any; /* AND and OR of the entries above the last one */
};

/*
 * Pointer to the entry at @pa (in the address space that the tables' addresses
 * belong to); where there is no memory, PT_NO_MEMORY: all ones, as an open bus
 * reads, with all accessed and dirty flags, so that it is never written.
 */
typedef void *pt_mem_fn(void *ctx, u64 pa);

extern const u64 pt_open_bus;
#define PT_NO_MEMORY ((void *)&pt_open_bus)

/* Walk from the table at @root. @in above fmt->in_bits: not present. */
enum pt_result pt_walk(const struct pt_mode *m, u64 root, u64 in,
		       pt_mem_fn *mem, void *ctx, struct pt_walk *w);

/* Set @bits in the entry at @level of the walk. False: it has changed. */
bool __must_check pt_entry_set(const struct pt_mode *m, struct pt_walk *w,
			       u32 level, u64 bits);
bool __must_check pt_set_accessed(const struct pt_mode *m, struct pt_walk *w);

/*
 * Set the accessed flags that the walk's use of the page asks for, and the
 * dirty flag if @write. False: an entry changed since it was read, walk again.
 */
static inline bool __must_check pt_set_ad(const struct pt_mode *m,
					  struct pt_walk *w, bool write)
{
	u64 want = write ? m->a | m->d : m->a;

	if (unlikely((w->all & m->a) != m->a) && !pt_set_accessed(m, w))
		return false;
	return (w->entry[w->level] & want) == want ||
	       pt_entry_set(m, w, w->level, want);
}

/* Rights that entries give whose AND is @all and whose OR is @any. */
static inline u32 pt_rights(const struct pt_mode *m, u64 all, u64 any)
{
	u32 r;

	if (m->ept)
		return (all & (EPT_R | EPT_W | EPT_X)) |
		       (all & m->xu ? ACCESS_U : 0);
	r = ACCESS_R | (all & PT_W) | (all & PT_U) << 1;
	return any & m->nx ? r : r | ACCESS_X;
}

_Static_assert(ACCESS_R == EPT_R && ACCESS_W == EPT_W && ACCESS_X == EPT_X,
	       "EPT rights are ACCESS_*");
_Static_assert(ACCESS_W == PT_W && ACCESS_U == PT_U << 1,
	       "x86 rights are ACCESS_*, shifted");

/* Translated address of leaf @e at @level, offset bits of @in included. */
static inline u64 pt_leaf_addr(const struct pt_mode *m, u32 level, u64 e,
			       u64 in)
{
	u64 offset = BIT(m->level[level].shift) - 1;

	if (m->size_log == 2 && level == 2)
		return (e & BITS(31, 22)) | (e & BITS(20, 13)) << 19 |
		       (in & offset);
	return (e & m->addr & ~offset) | (in & offset);
}

static inline u32 pt_index(const struct pt_format *f, u32 level, u64 in)
{
	const struct pt_level *l = &f->level[level];

	return (in >> l->shift) & ((1u << l->bits) - 1);
}

static inline u64 pt_load64(const void *p)
{
	return __atomic_load_n((const u64 *)p, __ATOMIC_ACQUIRE);
}

static inline u64 pt_load32(const void *p)
{
	return __atomic_load_n((const u32 *)p, __ATOMIC_ACQUIRE);
}

#endif
