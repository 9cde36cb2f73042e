/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested SVM: the SVM that L1 sees, and its merge with L0's.
 *
 * One VMRUN of L1 is: svm_snapshot -> svm_check -> svm_merge_* ->
 * svm_paging12 (nCR3, ASID) -> enter; one #VMEXIT: svm_owner -> (L1)
 * svm_sync -> L1's host state, which stands in vmcb01 all the time.
 */
#ifndef NESTED_SVM_H
#define NESTED_SVM_H

#include "core/types.h"
#include "core/vcpu.h"
#include "core/x86.h"
#include "mm/addr.h"
#include "mm/shadow.h"
#include "nested/svm_check.h"
#include "nested/svm_merge.h"
#include "nested/svm_perm.h"
#include "svm/svm.h"

/*
 * How physical interrupts reach L1 (they do so without an exit as long as
 * they can), svm_gif.c.
 */
enum svm_irq_mode {
	IRQ_DIRECT, /* GIF is 1: they go straight to L1, CLGI exits */
	IRQ_GUARD,  /* vGIF: GIF is the processor's to keep, CLGI and STGI do
		     * not exit, but a physical interrupt does */
	IRQ_HOLD,   /* GIF is 0 and one is pending or may become so: held
		     * back with V_INTR_MASKING and the host's IF 0; STGI
		     * exits */
};

/* Which hardware ASID stands for an ASID of L1's on this CPU. */
#define SVM_ASID_SLOTS 8
struct svm_asid_slot {
	u32 asid12; /* 0: slot not used */
	u32 hw;
	u64 gen;		  /* cpu->svm->asid_gen it belongs to */
	u64 used;		  /* when, for recycling */
	struct shadow_root *root; /* last table that it ran on; NULL: npt01 */
};

/* Where a page of L2's code lies, so that what stands at CS:RIP is mostly
 * found without two walks. Forgotten at flushes of L1's. */
#define SVM_CODE12 8
struct svm_code12 {
	u64 la;	 /* linear address of the page, | 1 when valid */
	u64 cr3; /* of L2 */
	const struct shadow_root *root;
	const u8 *ptr; /* the page */
};

struct nested_svm {
	struct vmcb *vmcb02;
	hpa_t vmcb02_pa;
	struct vmcb *page12; /* L1's VMCB in L1's memory, of the last VMRUN */
	u64 page12_pa;	     /* where L1 has it; ~0: none */
	struct svm_ctl12 ctl;
	struct svm_l0 l0;
	struct svm_check_env env;
	struct svm_refusal refusal; /* of the last VMRUN that was refused */
	u64 refusals;

	struct svm_perm msrpm, iopm;
	hpa_t msrpm_pa, iopm_pa;
	u64 msrpm12, iopm12; /* L1's, of which ->l1 hold the pages */

	enum svm_irq_mode irq_mode;
	bool vgif, vls; /* hardware has them and L0 uses them for L1 */
	bool svme;	/* EFER.SVME as the intercepts of vmcb01 know it */
	u64 hold_tpr;	/* V_TPR as IRQ_HOLD began */
	bool if_held;	/* L1 gets RFLAGS.IF back with its GIF */
	bool l2_held;	/* GIF is 0 while L2 runs */
	u64 l2_vintr;	/* vmcb02's virtual-interrupt word but for that */
	u64 injected;	/* EVENTINJ of the last entry of vmcb02 */
	u64 soft;	/* software interrupt of L1's injection that svm_nrip.c
			 * looks after; 0: none */
	u64 soft_rip;	/* L2's RIP, where its fault would return to */

	struct svm_code12 code[SVM_CODE12];
	struct svm_asid_slot asid[SVM_ASID_SLOTS];
	struct svm_asid_slot *slot; /* in use */
	u64 asid_clock;
	struct shadow *shadow;
	struct shadow_root *root; /* npt02 in use; NULL: npt01 */
	struct nested_root root12;
	u64 flag_1g; /* SHADOW_1G where the processor has 1 GiB pages */

	u64 vm_cr, hsave_pa, tsc_ratio;
};

#define SVM_TSC_RATIO_ONE BIT(32)

#define CR3_PAE_TABLE BITS(31, 5)

static inline bool svm_np12(const struct nested_svm *n)
{
	return n->ctl.nested_ctl & NESTED_NP && n->l0.features & SVM_F_NPT;
}

/* svm_insn.c: the instructions. False: @code is none of them. */
bool svm_instruction(struct vcpu *v, u64 code);

/* svm_enter.c: VMRUN by L1; *rip: of the next instruction. */
void svm_vmrun(struct vcpu *v, l1pa_t vmcb12, u64 next_rip);
/* The processor refuses what our checks have let through: only EXITCODE is
 * written, as if they had not. */
void svm_vmrun_refused(struct vcpu *v);
/* Counts and tells of the VMRUN that ->refusal is about. */
void svm_refused(struct vcpu *v);
/* #VMEXIT to L1. @x->intinfo, nrip: as L1 shall see them. */
void svm_vmexit(struct vcpu *v, const struct svm_exit12 *x);

/* svm_exit.c: an exit of L2. True: settled. */
bool svm_exit_l2(struct vcpu *v, u64 code);
/* INIT was sent to this CPU while L2 ran; it was no exit. */
bool svm_init_l2(struct vcpu *v);

/* svm_npt.c: nCR3, ASID and TLB_CONTROL of vmcb02 at VMRUN. */
void svm_paging12(struct vcpu *v);
/* Before each entry of vmcb02: its ASID must be of this generation. */
void svm_asid_check(struct vcpu *v);
bool svm_npf(struct vcpu *v);
void svm_invlpga(struct vcpu *v, u64 va, u32 asid12);
int svm_npt_init(struct vcpu *v);
/* npt01 changed or L1 starts anew: no npt02 is good any more. */
void svm_npt_reset(struct vcpu *v);

/* svm_nrip.c */
/* nRIP of L2's exit with @code, as L1 is to find it. */
u64 svm_nrip(struct vcpu *v, u64 code);
/* Around an entry to L2 while n->soft is set; true: the exit is settled. */
void svm_soft_enter(struct vcpu *v);
bool svm_soft_exit(struct vcpu *v, u64 code);

void svm_forget_code12(struct nested_svm *n);

static inline u64 svm_code_linear(const struct vmcb *b)
{
	u64 rip = vmcb_rip(b);

	if (vmcb_cs(b)->attr & VSEG_L && vmcb_efer(b) & EFER_LMA)
		return rip;
	return (u32)(vmcb_cs(b)->base + rip);
}

/* svm_l2mem.c: L2's byte at linear @la, from which it has just fetched; NULL:
 * it cannot be read. */
const u8 *svm_l2_ptr(struct vcpu *v, const struct vmcb *b, u64 la);
/* up to 15 bytes at CS:RIP of L2; their number. */
u32 svm_l2_fetch(struct vcpu *v, u8 buf[15]);
/* For the debugger (core/virt.h, nested_ops). */
void *svm_l2_page(struct vcpu *v, l2pa_t gpa);
void svm_l2_id(struct vcpu *v, struct nested_id *id);
bool svm_tables(struct vcpu *v, struct nested_tables *t);

/* svm_gif.c */
void svm_irq_mode(struct vcpu *v, enum svm_irq_mode m);
/* What L1's EFER.SVME is from now on, for the intercepts. */
void svm_gif_update(struct vcpu *v, bool svme);
bool svm_intr_l1(struct vcpu *v); /* INTR exit of L1 */
/* L2 executes CLGI (@on) or STGI, which L1 does not intercept. */
void svm_l2_hold(struct vcpu *v, bool on);
/* GIF of L1 becomes 1: its RFLAGS.IF is its own again. */
void svm_if_release(struct vcpu *v);

/* svm_msr.c: nested_ops */
void svm_nested_cpuid(struct vcpu *v, u32 leaf, u32 sub, u32 r[4]);
int svm_nested_rdmsr(struct vcpu *v, u32 msr, u64 *val);
int svm_nested_wrmsr(struct vcpu *v, u32 msr, u64 val);
u32 svm_offered(const struct vm *vm);

#endif
