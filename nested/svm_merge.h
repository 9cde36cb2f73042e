/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcb12 into vmcb02 and back, as svm_fields.def says. Pure: addresses of
 * L0's own structures (maps, nCR3, ASID) are put in by others.
 */
#ifndef NESTED_SVM_MERGE_H
#define NESTED_SVM_MERGE_H

#include "core/types.h"
#include "svm/svm.h"

#define NS_TAKEN_COPY(x) x
#define NS_TAKEN_MERGE(x) x
#define NS_TAKEN_USE(x) x
#define NS_TAKEN_LIVE(x)
#define NS_TAKEN_NONE(x)

#define NS_CTL(name, entry, exit) \
	NS_TAKEN_##entry(__typeof__(vmcb_##name((struct vmcb *)0)) name;)

/* L1's control area as it was when VMRUN started; nothing else is judged. */
struct svm_ctl12 {
	u32 icpt[NR_ICPT_WORDS];
#include "nested/svm_fields.def"
};
#undef NS_CTL

/* A field of vmcb.def without a line in svm_fields.def does not compile. */
enum svm_fields {
#define NS_CTL(name, entry, exit) NSF_##name,
#define NS_SAVE NS_CTL
#define NS_SEG NS_CTL
#include "nested/svm_fields.def"
	NR_SVM_FIELDS
};
#undef NS_CTL
#define VMCB_FIELD(name, type, offset, clean) \
	_Static_assert(NSF_##name < NR_SVM_FIELDS, #name);
#define VMCB_SEG(name, offset, clean) \
	_Static_assert(NSF_##name < NR_SVM_FIELDS, #name);
#include "svm/vmcb.def"

/* What L0 adds. */
struct svm_l0 {
	u32 icpt[NR_ICPT_WORDS]; /* intercepts L0 needs whatever L1 asks */
	u32 features;		 /* SVM_F_* offered to L1 */
	u64 tsc_offset;		 /* of L1 */
	bool lbr_stack;		 /* the processor has one */
};

static inline bool svm_ctl_intercepts(const struct svm_ctl12 *c, u32 i)
{
	return c->icpt[i / 32] >> (i % 32) & 1;
}

/* Of what L0 intercepts in L1, @misc1, what it wants in L2: not what it wants
 * for the sake of L1's virtual interrupts alone. */
static inline u32 svm_l0_misc1(u32 misc1, const struct svm_ctl12 *c,
			       u32 features)
{
	u32 without = BIT(ICPT_INTR % 32) | BIT(ICPT_VINTR % 32);

	/* L2's IRET then ends the blocking of virtual NMIs */
	if (unlikely(c->vintr & VINTR_NMI_ENABLE) && features & SVM_F_VNMI)
		without |= BIT(ICPT_IRET % 32);
	return misc1 & ~without;
}

/* Step 1: take L1's control area, and its save area into @b02. */
void svm_snapshot(struct svm_ctl12 *c, struct vmcb *b02,
		  const struct vmcb *b12);

/* The parts of the save area that depend on the control area. @b01: L1's. */
void svm_merge_save(struct vmcb *b02, const struct vmcb *b12,
		    const struct vmcb *b01, const struct svm_ctl12 *c,
		    const struct svm_l0 *l0);

/* Step 3: the control area, but for asid, tlb_control, ncr3, iopm, msrpm. */
void svm_merge_ctl(struct vmcb *b02, const struct svm_ctl12 *c,
		   const struct svm_l0 *l0);

/* What #VMEXIT tells L1. */
struct svm_exit12 {
	u64 code, info1, info2, intinfo, nrip;
	bool insn; /* hardware's own exit: so are the instruction's bytes */
};

/* Step 6: what #VMEXIT writes into vmcb12. RAX and RSP are the caller's. */
void svm_sync(struct vmcb *b12, const struct vmcb *b02,
	      const struct svm_ctl12 *c, const struct svm_l0 *l0,
	      const struct svm_exit12 *x);

/* What of L2's state the host finds in its own after #VMEXIT. */
void svm_sync_host(struct vmcb *b01, const struct vmcb *b02,
		   const struct svm_ctl12 *c, const struct svm_l0 *l0);

/*
 * Event that L0 must put into EVENTINJ so that a delivery which an exit of
 * L0's own interrupted is done again; 0: none. A software interrupt or INT3,
 * INTO of the guest's own (not injected: @injected is EVENTINJ as the entry
 * had it) is executed again instead, RIP still points at it (APM 2, Event
 * Injection; EXITINTINFO).
 */
u64 svm_redeliver(u64 exitintinfo, u64 injected);

/* nRIP of an entry with an event of L1's injection, the first or one that
 * delivers it again. */
u64 svm_entry_nrip(const struct vmcb *b02, const struct svm_ctl12 *c,
		   const struct svm_l0 *l0);

/* What tells one event from another in EVENTINJ and EXITINTINFO. */
#define SVM_EVENT_ID (EVINJ_V | EVINJ_TYPE | EVINJ_VECTOR)

#endif
