/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcs12: the VMCS that L1 writes for its L2, one u64 slot a field. While L1
 * has it active the copy in L0's memory counts (L1's other CPUs cannot change
 * it between check and use); VMCLEAR puts it back into L1's own VMCS page,
 * whence any CPU can take it up again. Pure.
 */
#ifndef NESTED_VMX_VMCS12_H
#define NESTED_VMX_VMCS12_H

#include "core/types.h"
#include "vmx/vmcs.h"

/* A set of fields. */
#define VMCS_SET_WORDS ((NR_VMCS_SLOTS + 63) / 64)
struct vmcs_set {
	u64 w[VMCS_SET_WORDS];
};

static inline bool set_has(const struct vmcs_set *s, u32 slot)
{
	return s->w[slot / 64] >> slot % 64 & 1;
}

static inline void set_add(struct vmcs_set *s, u32 slot)
{
	s->w[slot / 64] |= BIT(slot % 64);
}

static inline void set_del(struct vmcs_set *s, u32 slot)
{
	s->w[slot / 64] &= ~BIT(slot % 64);
}

static inline void set_clear(struct vmcs_set *s)
{
	for (u32 i = 0; i < VMCS_SET_WORDS; i++)
		s->w[i] = 0;
}

static inline void set_or(struct vmcs_set *s, const struct vmcs_set *o)
{
	for (u32 i = 0; i < VMCS_SET_WORDS; i++)
		s->w[i] |= o->w[i];
}

static inline bool set_meets(const struct vmcs_set *a, const struct vmcs_set *b)
{
	_Static_assert(VMCS_SET_WORDS == 4, "one term a word");
	return (a->w[0] & b->w[0]) | (a->w[1] & b->w[1]) | (a->w[2] & b->w[2]) |
	       (a->w[3] & b->w[3]);
}

/* The lowest member of @s at or after @from, or NR_VMCS_SLOTS. */
static inline u32 set_next(const struct vmcs_set *s, u32 from)
{
	for (u32 i = from / 64; i < VMCS_SET_WORDS; i++) {
		u64 w = s->w[i];

		if (i == from / 64)
			w &= ~0ull << from % 64;
		if (w)
			return i * 64 + (u32)__builtin_ctzll(w);
	}
	return NR_VMCS_SLOTS;
}

#define for_each_in_set(slot, s)                              \
	for (u32 slot = set_next(s, 0); slot < NR_VMCS_SLOTS; \
	     slot = set_next(s, slot + 1))

/* The same for word @w of a set, whose bits are @bits: quicker. */
#define for_each_bit(slot, w, bits)                                   \
	for (u64 slot##_b = (bits), slot;                             \
	     slot##_b &&                                              \
	     (slot = (w)*64u + (u32)__builtin_ctzll(slot##_b), true); \
	     slot##_b &= slot##_b - 1)

/* The VMCS region: L1's page, and what L0 keeps of it. */
#define VMCS12_REVISION 0x0ab10001u
#define VMCS12_SHADOW BIT(31)		   /* in revision: a shadow VMCS */
#define VMCS12_MAGIC 0x3231734d43565941ull /* the rest is one of ours */

struct vmcs12 {
	u32 revision;
	u32 abort; /* VMX-abort indicator */
	u64 magic;
	u64 launched;
	u64 f[NR_VMCS_SLOTS];
};
_Static_assert(sizeof(struct vmcs12) <= PAGE_SIZE, "vmcs12 fits its region");

/* Which fields exist for L1 with the capabilities @c. */
void vmcs12_present(struct vmcs_set *s, const struct vmx_caps *c);
/* IA32_VMX_VMCS_ENUM for that set. */
u64 vmcs12_enum_msr(const struct vmcs_set *s);

/* What VMREAD gives of a field's @val at encoding @enc, and what the field is
 * after VMWRITE of @val. SDM 3C, "VMREAD, VMWRITE, and Encodings of VMCS
 * Fields". */
static inline u64 vmcs12_get(u64 field, u32 enc)
{
	return enc & VMCS_ENC_HIGH ? field >> 32 : field;
}

static inline u64 vmcs12_put(u64 field, u32 enc, u64 val)
{
	if (enc & VMCS_ENC_HIGH)
		return (u32)field | val << 32;
	return val & vmcs_width_mask(VMCS_ENC_WIDTH(enc));
}

#endif
