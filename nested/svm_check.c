/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/svm_check.h"

#include "core/err.h"
#include "core/x86.h"
#include "mm/pt_format.h"
#include "svm/svm.h"

#define CONSISTENCY "Canonicalization and Consistency Checks"
#define NESTED_PAGING "Enabling Nested Paging"
#define INJECTION "Event Injection"
#define LOADING "Loading Guest State"
#define VIRTUAL_NMI "NMI Virtualization"

#define S_CET_ALLOWED BITS(1, 0) /* SH_STK_EN, WR_SHSTK_EN */
#define PDPE_RESERVED (BITS(2, 1) | BITS(8, 5))

static __noinline __cold int refuse(struct svm_refusal *r, const char *rule,
				    const char *field, u64 value,
				    const char *section)
{
	r->rule = rule;
	r->field = field;
	r->value = value;
	r->section = section;
	return -EINVAL;
}

/* One rule a line: what must hold, the field to blame, its value, source. */
#define CHECK(ok, field, value, section)                               \
	do {                                                           \
		if (unlikely(!(ok)))                                   \
			return refuse(r, #ok, #field, value, section); \
	} while (0)
#define CHECK_SAVE(ok, field) CHECK(ok, field, vmcb_##field(s), CONSISTENCY)
#define CHECK_CTL(ok, field, section) CHECK(ok, field, c->field, section)

/* All of L2's mode: 64-bit paging, or what is left of it. */
static int check_mode(const struct vmcb *s, const struct svm_check_env *e,
		      struct svm_refusal *r)
{
	u64 efer = vmcb_efer(s), cr0 = vmcb_cr0(s), cr4 = vmcb_cr4(s);
	u64 cr3 = vmcb_cr3(s);
	bool lm_paging = (efer & EFER_LME) && (cr0 & CR0_PG);
	u16 cs = vmcb_cs(s)->attr;

	CHECK_SAVE(efer & EFER_SVME, efer);
	CHECK_SAVE(!(efer & ~e->efer_allowed), efer);
	CHECK_SAVE(e->long_mode || !(efer & (EFER_LME | EFER_LMA)), efer);
	CHECK_SAVE((cr0 & CR0_CD) || !(cr0 & CR0_NW), cr0);
	CHECK_SAVE(!(cr0 >> 32), cr0);
	CHECK_SAVE(!(cr4 & ~e->cr4_allowed), cr4);
	if (!lm_paging)
		return 0;
	CHECK_SAVE(cr4 & CR4_PAE, cr4);
	CHECK_SAVE(cr0 & CR0_PE, cr0);
	CHECK(!((cs & VSEG_L) && (cs & VSEG_DB)), cs, cs, CONSISTENCY);
	CHECK_SAVE(!(cr3 >> e->phys_bits), cr3);
	return 0;
}

/* Vectors that are an exception's (APM 2, Exceptions and Interrupts), but for
 * #CP and #VC, which belong to a feature. */
#define EXCEPTIONS                                                \
	(BITS(8, 3) | BITS(14, 10) | BITS(19, 16) | BIT(VEC_DE) | \
	 BIT(VEC_DB) | BIT(VEC_HV) | BIT(VEC_SX))

static bool is_exception(u64 vector, const struct svm_check_env *e)
{
	if (vector == VEC_CP)
		return e->cr4_allowed & CR4_CET;
	return vector < 32 && EXCEPTIONS & BIT(vector);
}

/* Types 1, 5 to 7 are reserved. */
static bool event_exists(u64 ev, const struct svm_check_env *e)
{
	switch (ev & EVINJ_TYPE) {
	case EVINJ_EXTINT:
	case EVINJ_NMI:
	case EVINJ_SOFT:
		return true;
	case EVINJ_EXC:
		return is_exception(ev & EVINJ_VECTOR, e);
	default:
		return false;
	}
}

static bool is_br(u64 ev)
{
	return (ev & (EVINJ_TYPE | EVINJ_VECTOR)) == (EVINJ_EXC | VEC_BR);
}

static bool mode64(const struct vmcb *s)
{
	return vmcb_efer(s) & EFER_LME && vmcb_cr0(s) & CR0_PG &&
	       vmcb_cs(s)->attr & VSEG_L;
}

static int check_event(const struct svm_ctl12 *c, const struct vmcb *s,
		       const struct svm_check_env *e, struct svm_refusal *r)
{
	u64 ev = c->eventinj;

	if (likely(!(ev & EVINJ_V)))
		return 0;
	CHECK_CTL(event_exists(ev, e), eventinj, INJECTION);
	CHECK_CTL(!(mode64(s) && is_br(ev)), eventinj, INJECTION);
	return 0;
}

/* Shadow stacks: CR4.CET with U_CET.SS in virtual-8086 mode is left to the
 * processor, in which U_CET is. */
static int check_cet(const struct vmcb *s, const struct svm_check_env *e,
		     struct svm_refusal *r)
{
	if (!(e->cr4_allowed & CR4_CET))
		return 0;
	CHECK_SAVE(!(vmcb_s_cet(s) & ~(u64)S_CET_ALLOWED), s_cet);
	CHECK_SAVE(!(vmcb_cr4(s) & CR4_CET) || vmcb_cr0(s) & CR0_WP, cr4);
	return 0;
}

int svm_check_pdpes(const u64 pdpe[4], const struct svm_check_env *e,
		    struct svm_refusal *r)
{
	u64 reserved =
		(~(BIT(e->phys_bits) - 1) | PDPE_RESERVED) & ~e->pdpe_ignored;

	for (u32 i = 0; i < 4; i++)
		CHECK(!(pdpe[i] & PT_P) || !(pdpe[i] & reserved), pdpe, pdpe[i],
		      LOADING);
	return 0;
}

/* Each of the eight entries is a memory type that exists: 0, 1, 4 to 7. */
static bool pat_legal(u64 pat)
{
	const u64 each = 0x0101010101010101ull;

	return !(pat & each * 0xf8) && !(pat >> 1 & ~(pat >> 2) & each);
}

/* Does a map of @pages pages at @base end below 2^phys_bits? */
static bool map_fits(u64 base, u32 pages, const struct svm_check_env *e)
{
	base &= PAGE_MASK;
	return base <= BIT(e->phys_bits) - pages * PAGE_SIZE;
}

static int check_paging(const struct svm_ctl12 *c, const struct vmcb *s,
			u64 host_cr0, const struct svm_check_env *e,
			struct svm_refusal *r)
{
	u64 pat = vmcb_g_pat(s);

	if (!(e->features & SVM_F_NPT) || !(c->nested_ctl & NESTED_NP))
		return 0;
	CHECK_CTL(host_cr0 & CR0_PG, nested_ctl, NESTED_PAGING);
	CHECK_CTL(!(c->ncr3 >> e->phys_bits), ncr3, NESTED_PAGING);
	CHECK(pat_legal(pat), g_pat, pat, NESTED_PAGING);
	return 0;
}

int svm_check12(const struct svm_ctl12 *c, const struct vmcb *s, u64 cr0,
		const struct svm_check_env *e, struct svm_refusal *r)
{
	int err;

	CHECK_CTL(c->asid != 0, asid, CONSISTENCY);
	CHECK(svm_ctl_intercepts(c, ICPT_VMRUN), intercept_misc2,
	      c->icpt[ICPT_MISC2], CONSISTENCY);
	CHECK_CTL(map_fits(c->msrpm, SVM_MSRPM_PAGES, e), msrpm, CONSISTENCY);
	CHECK_CTL(map_fits(c->iopm, SVM_IOPM_PAGES, e), iopm, CONSISTENCY);
	if (e->features & SVM_F_VNMI && c->vintr & VINTR_NMI_ENABLE)
		CHECK(svm_ctl_intercepts(c, ICPT_NMI), intercept_misc1,
		      c->icpt[ICPT_MISC1], VIRTUAL_NMI);
	CHECK_SAVE(!(vmcb_dr6(s) >> 32), dr6);
	CHECK_SAVE(!(vmcb_dr7(s) >> 32), dr7);
	err = check_mode(s, e, r);
	if (!err)
		err = check_cet(s, e, r);
	if (!err)
		err = check_event(c, s, e, r);
	if (err)
		return err;
	return check_paging(c, s, cr0, e, r);
}
