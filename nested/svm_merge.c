/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/svm_merge.h"

#include "core/string.h"
#include "core/x86.h"
#include "svm/svm.h"

void svm_snapshot(struct svm_ctl12 *restrict c, struct vmcb *restrict b02,
		  const struct vmcb *restrict b12)
{
	for (u32 i = 0; i < NR_ICPT_WORDS; i++)
		c->icpt[i] = vmcb_intercept_word(b12, i);
#define NS_CTL(name, entry, exit) NS_TAKEN_##entry(c->name = vmcb_##name(b12);)
#include "nested/svm_fields.def"
#undef NS_CTL

#define NS_COPY_COPY(x) x
#define NS_COPY_MERGE(x)
#define NS_COPY_LIVE(x)
#define NS_COPY_NONE(x)
#define NS_SAVE(name, entry, exit) \
	NS_COPY_##entry(vmcb_set_##name(b02, vmcb_##name(b12));)
#define NS_SEG NS_SAVE
#include "nested/svm_fields.def"
	/* L1's other CPUs may write on: the copies must not be read again
	 * from vmcb12 behind our back */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static bool lbr_virtualized(const struct svm_ctl12 *c, const struct svm_l0 *l0)
{
	return l0->features & SVM_F_LBRV && c->virt_ext & VIRT_LBR;
}

static void copy_lbr(struct vmcb *to, const struct vmcb *from,
		     const struct svm_l0 *l0)
{
	vmcb_set_dbgctl(to, vmcb_dbgctl(from));
	vmcb_set_br_from(to, vmcb_br_from(from));
	vmcb_set_br_to(to, vmcb_br_to(from));
	vmcb_set_last_excp_from(to, vmcb_last_excp_from(from));
	vmcb_set_last_excp_to(to, vmcb_last_excp_to(from));
	if (!l0->lbr_stack)
		return;
	vmcb_set_dbgextnctl(to, vmcb_dbgextnctl(from));
	vmcb_set_lbr_select(to, vmcb_lbr_select(from));
	vmcb_copy_lbr_stack(to, from);
}

static bool nested_paging(const struct svm_ctl12 *c, const struct svm_l0 *l0)
{
	return l0->features & SVM_F_NPT && c->nested_ctl & NESTED_NP;
}

void svm_merge_save(struct vmcb *b02, const struct vmcb *b12,
		    const struct vmcb *b01, const struct svm_ctl12 *c,
		    const struct svm_l0 *l0)
{
	/* without nested paging a guest uses the host's PAT, which is L1's
	 * (APM 2, Nested Paging: PAT) */
	vmcb_set_g_pat(b02, nested_paging(c, l0) ? vmcb_g_pat(b12)
						 : vmcb_g_pat(b01));
	if (lbr_virtualized(c, l0))
		copy_lbr(b02, b12, l0);
	/* virtual SPEC_CTRL is not offered: L1 and L2 share the MSR */
	vmcb_set_spec_ctrl(b02, vmcb_spec_ctrl(b01));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Intercepts that a feature which L1 has switched on for L2 makes needless:
 * the processor then keeps L2's GIF and VMLOAD state virtual by itself. */
static u32 not_needed(const struct svm_ctl12 *c, const struct svm_l0 *l0)
{
	u32 m = 0;

	if (l0->features & SVM_F_VGIF && c->vintr & VINTR_GIF_ENABLE)
		m |= BIT(ICPT_STGI % 32) | BIT(ICPT_CLGI % 32);
	if (l0->features & SVM_F_VLS && nested_paging(c, l0) &&
	    c->virt_ext & VIRT_VMLOAD_VMSAVE)
		m |= BIT(ICPT_VMLOAD % 32) | BIT(ICPT_VMSAVE % 32);
	return m;
}

static inline void merge_icpt(struct vmcb *b02, const struct svm_ctl12 *c,
			      const struct svm_l0 *l0, enum intercept_word w,
			      u32 without)
{
	vmcb_set_intercept_word(b02, w, (l0->icpt[w] & ~without) | c->icpt[w]);
}

/* The others of this word are of features that are not offered: for L1 they
 * are reserved, and do nothing. */
#define MISC3_OFFERED ((u32)BIT(ICPT_INVPCID % 32))

/* The bits of the virtual-interrupt word that L1 may use. */
static u64 vintr_offered(u32 features)
{
	u64 m = VINTR_TPR | VINTR_IRQ | VINTR_PRIO | VINTR_IGN_TPR |
		VINTR_MASKING | VINTR_VECTOR;

	if (features & SVM_F_VGIF)
		m |= VINTR_GIF | VINTR_GIF_ENABLE;
	if (features & SVM_F_VNMI)
		m |= VINTR_NMI_PENDING | VINTR_NMI_MASK | VINTR_NMI_ENABLE;
	return m;
}

void svm_merge_ctl(struct vmcb *restrict b02,
		   const struct svm_ctl12 *restrict c,
		   const struct svm_l0 *restrict l0)
{
	u64 virt_ext = 0;

	/* 1. Both levels' intercepts: an exit that L1 did not ask for is
	 *    handled by L0 and L1 never hears of it. */
	merge_icpt(b02, c, l0, ICPT_CR, 0);
	merge_icpt(b02, c, l0, ICPT_DR, 0);
	merge_icpt(b02, c, l0, ICPT_EXC, 0);
	merge_icpt(b02, c, l0, ICPT_MISC1, 0);
	merge_icpt(b02, c, l0, ICPT_MISC2, not_needed(c, l0));
	vmcb_set_intercept_word(b02, ICPT_MISC3,
				l0->icpt[ICPT_MISC3] |
					(c->icpt[ICPT_MISC3] & MISC3_OFFERED));
	/* 2. While L2 runs, L1's GIF is 1 and L0 asks for no interrupt
	 *    window: the virtual interrupt is L1's alone. Physical
	 *    interrupts obey L1's RFLAGS.IF as the host's (V_INTR_MASKING)
	 *    or L2's, as L1 says. */
	vmcb_set_vintr(b02, c->vintr & vintr_offered(l0->features));
	/* 3. Both offsets: L1's clock is L0's plus one, L2's is L1's plus
	 *    the other. */
	vmcb_set_tsc_offset(b02, l0->tsc_offset + c->tsc_offset);
	/* 4. L2 always runs on nested paging, L0's own tables if L1 has
	 *    none for it. SEV, GMET and further bits are not offered. */
	vmcb_set_nested_ctl(b02, NESTED_NP);
	/* 5. Features that L1 switches on for L2, as far as offered. */
	if (lbr_virtualized(c, l0))
		virt_ext |= VIRT_LBR;
	if (l0->features & SVM_F_VLS && nested_paging(c, l0))
		virt_ext |= c->virt_ext & VIRT_VMLOAD_VMSAVE;
	vmcb_set_virt_ext(b02, virt_ext);
	/* 6. nRIP, see below. */
	vmcb_set_nrip(b02, svm_entry_nrip(b02, c, l0));
	/* 7. A PAUSE filter that L1 is not offered does not filter. */
	vmcb_set_pause_count(
		b02, l0->features & SVM_F_PAUSEFILTER ? c->pause_count : 0);
	vmcb_set_pause_threshold(
		b02, l0->features & SVM_F_PAUSETHRESH ? c->pause_threshold : 0);
	/* 8. Verbatim. */
#define NS_COPY_USE(x)
#define NS_CTL(name, entry, exit) \
	NS_COPY_##entry(vmcb_set_##name(b02, c->name);)
#include "nested/svm_fields.def"
#undef NS_CTL
}

/* Bits of the virtual-interrupt word that the processor itself changes. */
static u64 vintr_written(const struct svm_ctl12 *c, u32 features)
{
	u64 m = VINTR_TPR | VINTR_IRQ;

	if (features & SVM_F_VGIF && c->vintr & VINTR_GIF_ENABLE)
		m |= VINTR_GIF;
	if (features & SVM_F_VNMI && c->vintr & VINTR_NMI_ENABLE)
		m |= VINTR_NMI_PENDING | VINTR_NMI_MASK;
	return m;
}

void svm_sync(struct vmcb *restrict b12, const struct vmcb *restrict b02,
	      const struct svm_ctl12 *restrict c,
	      const struct svm_l0 *restrict l0, const struct svm_exit12 *x)
{
	u64 clean = vmcb_clean(b12);
	u64 m = vintr_written(c, l0->features);

#define NS_SYNC_SAVE(x) x
#define NS_SYNC_MAKE(x)
#define NS_SYNC_KEEP(x)
#define NS_CTL(name, entry, exit) \
	NS_SYNC_##exit(vmcb_set_##name(b12, vmcb_##name(b02));)
#define NS_SAVE NS_CTL
#define NS_SEG NS_CTL
#include "nested/svm_fields.def"
#undef NS_CTL
	vmcb_set_vintr(b12, (c->vintr & ~m) | (vmcb_vintr(b02) & m));
	if (nested_paging(c, l0))
		vmcb_set_g_pat(b12, vmcb_g_pat(b02));
	if (lbr_virtualized(c, l0))
		copy_lbr(b12, b02, l0);
	vmcb_set_exitcode(b12, x->code);
	vmcb_set_exitinfo1(b12, x->info1);
	vmcb_set_exitinfo2(b12, x->info2);
	vmcb_set_exitintinfo(b12, x->intinfo);
	vmcb_set_eventinj(b12, 0);
	if (l0->features & SVM_F_NRIPS)
		vmcb_set_nrip(b12, x->nrip);
	if (l0->features & SVM_F_DECODE && x->insn)
		vmcb_copy_insn(b12, b02);
	else if (l0->features & SVM_F_DECODE)
		vmcb_clear_insn(b12);
	/* the accessors cleared them for our own use; this word is L1's */
	vmcb_set_clean(b12, clean);
}

void svm_sync_host(struct vmcb *restrict b01, const struct vmcb *restrict b02,
		   const struct svm_ctl12 *restrict c,
		   const struct svm_l0 *restrict l0)
{
	vmcb_set_dr6(b01, vmcb_dr6(b02));
	vmcb_set_cr2(b01, vmcb_cr2(b02));
	vmcb_set_spec_ctrl(b01, vmcb_spec_ctrl(b02));
	/* there is one PAT without nested paging (APM 2, Combining Memory
	 * Types, MTRRs) */
	if (unlikely(!nested_paging(c, l0)))
		vmcb_set_g_pat(b01, vmcb_g_pat(b02));
}

/* Hardware's nRIP save is not to be seen by an L1 to which it is not offered:
 * a software interrupt then returns to RIP. */
u64 svm_entry_nrip(const struct vmcb *b02, const struct svm_ctl12 *c,
		   const struct svm_l0 *l0)
{
	return l0->features & SVM_F_NRIPS ? c->nrip : vmcb_rip(b02);
}

u64 svm_redeliver(u64 exitintinfo, u64 injected)
{
	if (!(exitintinfo & EVINJ_V))
		return 0;
	if (svm_soft_event(exitintinfo) &&
	    (exitintinfo ^ injected) & SVM_EVENT_ID)
		return 0;
	return exitintinfo;
}
