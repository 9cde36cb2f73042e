/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_check.h"

#include "core/err.h"
#include "core/vcpu.h"
#include "core/x86.h"

#define SECTION "Checks on Guest Segment Registers"

/* Slots of segment @s (ES CS SS DS FS GS LDTR TR, as in enum seg_reg). */
#define SEL(s) (SLOT_GUEST_ES_SEL + (s))
#define BASE(s) (SLOT_GUEST_ES_BASE + (s))
#define LIMIT(s) (SLOT_GUEST_ES_LIMIT + (s))
#define AR(s) (SLOT_GUEST_ES_AR + (s))
_Static_assert(SEL(SEG_TR) == SLOT_GUEST_TR_SEL &&
		       BASE(SEG_TR) == SLOT_GUEST_TR_BASE &&
		       LIMIT(SEG_TR) == SLOT_GUEST_TR_LIMIT &&
		       AR(SEG_TR) == SLOT_GUEST_TR_AR,
	       "segments stand in the order of enum seg_reg");

#define AR_TYPE(ar) ((ar)&15)
#define AR_S BIT(4)
#define AR_DPL(ar) ((ar) >> 5 & 3)
#define AR_P BIT(7)
#define AR_L BIT(13)
#define AR_DB BIT(14)
#define AR_G BIT(15)
#define AR_UNUSABLE BIT(16)
#define AR_RESERVED (BITS(11, 8) | BITS(31, 17))
#define SEL_RPL(s) ((s)&3)
#define SEL_TI BIT(2)

static bool usable(const struct vmcs12 *v, u32 s)
{
	return !(v->f[AR(s)] & AR_UNUSABLE);
}

/* Granularity: limit[11:0] all 1 unless G is 0, limit[31:20] 0 unless 1. */
static bool granular(u64 ar, u64 limit)
{
	return ((limit & 0xfff) == 0xfff || !(ar & AR_G)) &&
	       (!(limit & BITS(31, 20)) || (ar & AR_G));
}

static int check_v8086(const struct vmcs12 *v, struct vmx_refusal *r)
{
	for (u32 s = SEG_ES; s <= SEG_GS; s++) {
		CHECK_SLOT(v->f[BASE(s)] == v->f[SEL(s)] << 4, BASE(s));
		CHECK_SLOT(v->f[LIMIT(s)] == 0xffff, LIMIT(s));
		CHECK_SLOT(v->f[AR(s)] == 0xf3, AR(s));
	}
	return 0;
}

static int check_selectors(const struct vmcs12 *v, bool vm, bool ug,
			   struct vmx_refusal *r)
{
	CHECK_FIELD(!(F(GUEST_TR_SEL) & SEL_TI), GUEST_TR_SEL);
	if (usable(v, SEG_LDTR))
		CHECK_FIELD(!(F(GUEST_LDTR_SEL) & SEL_TI), GUEST_LDTR_SEL);
	if (!vm && !ug)
		CHECK_FIELD(SEL_RPL(F(GUEST_SS_SEL)) ==
				    SEL_RPL(F(GUEST_CS_SEL)),
			    GUEST_SS_SEL);
	return 0;
}

static int check_bases(const struct vmcs12 *v, const struct vmx_check_env *e,
		       struct vmx_refusal *r)
{
	static const u8 low[] = { SEG_SS, SEG_DS, SEG_ES };
	u32 la = e->la_bits;

	CHECK_FIELD(canonical(F(GUEST_TR_BASE), la), GUEST_TR_BASE);
	CHECK_FIELD(canonical(F(GUEST_FS_BASE), la), GUEST_FS_BASE);
	CHECK_FIELD(canonical(F(GUEST_GS_BASE), la), GUEST_GS_BASE);
	if (usable(v, SEG_LDTR))
		CHECK_FIELD(canonical(F(GUEST_LDTR_BASE), la), GUEST_LDTR_BASE);
	CHECK_FIELD(!(F(GUEST_CS_BASE) >> 32), GUEST_CS_BASE);
	for (u32 i = 0; i < ARRAY_SIZE(low); i++)
		if (usable(v, low[i]))
			CHECK_SLOT(!(v->f[BASE(low[i])] >> 32), BASE(low[i]));
	return 0;
}

/* CS: type, and DPL as its type asks. */
static int check_cs(const struct vmcs12 *v, bool ug, struct vmx_refusal *r)
{
	u64 ar = F(GUEST_CS_AR), type = AR_TYPE(ar), dpl = AR_DPL(ar);
	u64 ss_dpl = AR_DPL(F(GUEST_SS_AR));

	CHECK_FIELD((type & 9) == 9 || (ug && type == 3), GUEST_CS_AR);
	CHECK_FIELD(ar & AR_S, GUEST_CS_AR);
	if (type == 3)
		CHECK_FIELD(dpl == 0, GUEST_CS_AR);
	else if (type < 12)
		CHECK_FIELD(dpl == ss_dpl, GUEST_CS_AR);
	else
		CHECK_FIELD(dpl <= ss_dpl, GUEST_CS_AR);
	CHECK_FIELD(ar & AR_P, GUEST_CS_AR);
	CHECK_FIELD(!(ar & AR_RESERVED), GUEST_CS_AR);
	if ((F(ENTRY_CTLS) & ENTRYC_IA32E) && (ar & AR_L))
		CHECK_FIELD(!(ar & AR_DB), GUEST_CS_AR);
	CHECK_FIELD(granular(ar, F(GUEST_CS_LIMIT)), GUEST_CS_LIMIT);
	return 0;
}

static int check_ss(const struct vmcs12 *v, bool ug, struct vmx_refusal *r)
{
	u64 ar = F(GUEST_SS_AR), type = AR_TYPE(ar);

	if (!ug)
		CHECK_FIELD(AR_DPL(ar) == SEL_RPL(F(GUEST_SS_SEL)),
			    GUEST_SS_AR);
	if (AR_TYPE(F(GUEST_CS_AR)) == 3 || !(F(GUEST_CR0) & CR0_PE))
		CHECK_FIELD(AR_DPL(ar) == 0, GUEST_SS_AR);
	if (!usable(v, SEG_SS))
		return 0;
	CHECK_FIELD(type == 3 || type == 7, GUEST_SS_AR);
	CHECK_FIELD(ar & AR_S, GUEST_SS_AR);
	CHECK_FIELD(ar & AR_P, GUEST_SS_AR);
	CHECK_FIELD(!(ar & AR_RESERVED), GUEST_SS_AR);
	CHECK_FIELD(granular(ar, F(GUEST_SS_LIMIT)), GUEST_SS_LIMIT);
	return 0;
}

/* DS, ES, FS, GS. */
static int check_data(const struct vmcs12 *v, u32 s, bool ug,
		      struct vmx_refusal *r)
{
	u64 ar = v->f[AR(s)], type = AR_TYPE(ar);

	if (!usable(v, s))
		return 0;
	CHECK_SLOT(type & 1, AR(s));
	CHECK_SLOT(!(type & 8) || (type & 2), AR(s));
	CHECK_SLOT(ar & AR_S, AR(s));
	if (!ug && type < 12)
		CHECK_SLOT(AR_DPL(ar) >= SEL_RPL(v->f[SEL(s)]), AR(s));
	CHECK_SLOT(ar & AR_P, AR(s));
	CHECK_SLOT(!(ar & AR_RESERVED), AR(s));
	CHECK_SLOT(granular(ar, v->f[LIMIT(s)]), LIMIT(s));
	return 0;
}

static int check_system(const struct vmcs12 *v, struct vmx_refusal *r)
{
	u64 tr = F(GUEST_TR_AR), ldtr = F(GUEST_LDTR_AR);
	bool ia32e = F(ENTRY_CTLS) & ENTRYC_IA32E;

	CHECK_FIELD(AR_TYPE(tr) == 11 || (AR_TYPE(tr) == 3 && !ia32e),
		    GUEST_TR_AR);
	CHECK_FIELD(!(tr & AR_S), GUEST_TR_AR);
	CHECK_FIELD(tr & AR_P, GUEST_TR_AR);
	CHECK_FIELD(!(tr & AR_RESERVED), GUEST_TR_AR);
	CHECK_FIELD(granular(tr, F(GUEST_TR_LIMIT)), GUEST_TR_LIMIT);
	CHECK_FIELD(!(tr & AR_UNUSABLE), GUEST_TR_AR);
	if (ldtr & AR_UNUSABLE)
		return 0;
	CHECK_FIELD(AR_TYPE(ldtr) == 2, GUEST_LDTR_AR);
	CHECK_FIELD(!(ldtr & AR_S), GUEST_LDTR_AR);
	CHECK_FIELD(ldtr & AR_P, GUEST_LDTR_AR);
	CHECK_FIELD(!(ldtr & AR_RESERVED), GUEST_LDTR_AR);
	CHECK_FIELD(granular(ldtr, F(GUEST_LDTR_LIMIT)), GUEST_LDTR_LIMIT);
	return 0;
}

#undef SECTION
#define SECTION "Checks on Guest Descriptor-Table Registers"

static int check_tables(const struct vmcs12 *v, const struct vmx_check_env *e,
			struct vmx_refusal *r)
{
	CHECK_FIELD(canonical(F(GUEST_GDTR_BASE), e->la_bits), GUEST_GDTR_BASE);
	CHECK_FIELD(canonical(F(GUEST_IDTR_BASE), e->la_bits), GUEST_IDTR_BASE);
	CHECK_FIELD(!(F(GUEST_GDTR_LIMIT) >> 16), GUEST_GDTR_LIMIT);
	CHECK_FIELD(!(F(GUEST_IDTR_LIMIT) >> 16), GUEST_IDTR_LIMIT);
	return 0;
}

static int check_protected(const struct vmcs12 *v, bool ug,
			   struct vmx_refusal *r)
{
	static const u8 data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
	int err = check_cs(v, ug, r);

	if (!err)
		err = check_ss(v, ug, r);
	for (u32 i = 0; !err && i < ARRAY_SIZE(data); i++)
		err = check_data(v, data[i], ug, r);
	return err;
}

int vmx_check_guest_segs(const struct vmcs12 *v, const struct vmx_check_env *e,
			 struct vmx_refusal *r)
{
	bool vm = F(GUEST_RFLAGS) & RFLAGS_VM;
	bool ug = vmcs12_proc2(v) & PROC2_UNRESTRICTED;
	int err = check_selectors(v, vm, ug, r);

	if (!err)
		err = check_bases(v, e, r);
	if (!err)
		err = vm ? check_v8086(v, r) : check_protected(v, ug, r);
	if (!err)
		err = check_system(v, r);
	return err ? err : check_tables(v, e, r);
}
