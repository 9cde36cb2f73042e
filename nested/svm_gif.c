/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The global interrupt flag of L1 (APM 2, Global Interrupt Flag, STGI and CLGI
 * Instructions; Virtual GIF).
 *
 * L0 leaves physical interrupts to L1. While L1's GIF is 0 they must wait all
 * the same, also where L1 has RFLAGS.IF set, and vGIF does not help there: it
 * holds back virtual interrupts only. The modes are in enum svm_irq_mode:
 *
 *   DIRECT --CLGI exits--> GUARD (HOLD without vGIF)
 *   #VMEXIT -------------> GUARD (HOLD without vGIF, or if it is for INTR)
 *   GUARD --INTR exits---> DIRECT if V_GIF is 1, else HOLD
 *   HOLD --STGI exits----> DIRECT
 *
 * so that in a loop of VMRUN without interrupts neither CLGI nor STGI exits.
 */
#include "core/insn.h"
#include "core/insns.h"
#include "core/x86.h"
#include "nested/svm.h"

static void set_icpt(struct vmcb *b, u32 icpt, bool on)
{
	if (vmcb_intercepted(b, icpt) != on)
		vmcb_set_intercept(b, icpt, on);
}

static void hold_begin(struct nested_svm *n, struct vmcb *b)
{
	/* CR8 of L1 now means V_TPR */
	n->hold_tpr = read_cr8() & VINTR_TPR;
	vmcb_set_vintr(b, (vmcb_vintr(b) & ~VINTR_TPR) | VINTR_MASKING |
				  n->hold_tpr);
}

static void hold_end(struct nested_svm *n, struct vmcb *b)
{
	u64 tpr = vmcb_vintr(b) & VINTR_TPR;

	vmcb_set_vintr(b, vmcb_vintr(b) & ~(VINTR_MASKING | VINTR_TPR));
	if (tpr != n->hold_tpr)
		write_cr8(tpr);
}

void svm_irq_mode(struct vcpu *v, enum svm_irq_mode m)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b = v->svm->vmcb01;

	if (m == IRQ_GUARD && !n->vgif)
		m = IRQ_HOLD;
	v->svm->host_if = m != IRQ_HOLD;
	if (m == n->irq_mode)
		return;
	if (n->irq_mode == IRQ_HOLD)
		hold_end(n, b);
	if (m == IRQ_HOLD)
		hold_begin(n, b);
	n->irq_mode = m;
	set_icpt(b, ICPT_INTR, m != IRQ_DIRECT); /* HOLD: see leaked() */
	set_icpt(b, ICPT_CLGI, m == IRQ_DIRECT || !n->vgif);
	set_icpt(b, ICPT_STGI, m == IRQ_HOLD || !n->vgif);
}

/* VMLOAD, VMSAVE, CLGI and STGI need no exit once L1 may execute them. */
void svm_gif_update(struct vcpu *v, bool svme)
{
	struct nested_svm *n = v->nsvm;
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb01;
	bool gif = svm_gif(s);
	u64 vintr = vmcb_vintr(b) & ~(VINTR_GIF_ENABLE | VINTR_GIF);

	n->svme = svme;
	n->vgif = n->svme && svm_has(SVM_F_VGIF);
	n->vls = n->svme && svm_has(SVM_F_VLS);
	vmcb_set_vintr(b, vintr | (n->vgif ? VINTR_GIF_ENABLE : 0));
	svm_set_gif(s, gif);
	vmcb_set_virt_ext(b, (vmcb_virt_ext(b) & ~VIRT_VMLOAD_VMSAVE) |
				     (n->vls ? VIRT_VMLOAD_VMSAVE : 0));
	set_icpt(b, ICPT_VMLOAD, !n->vls);
	set_icpt(b, ICPT_VMSAVE, !n->vls);
	if (n->irq_mode == IRQ_GUARD && !n->vgif)
		svm_irq_mode(v, gif ? IRQ_DIRECT : IRQ_HOLD);
	set_icpt(b, ICPT_STGI, !n->vgif || n->irq_mode == IRQ_HOLD);
	set_icpt(b, ICPT_CLGI, !n->vgif || n->irq_mode == IRQ_DIRECT);
	svm_ops.set_debug(v); /* #DB while GIF is 0 */
}

/*
 * GIF is 0 while L2 runs: physical interrupts wait as in HOLD, and virtual ones
 * as well (APM 2, Effect of the GIF on Interrupt Handling). CR8 of L2 means
 * V_TPR meanwhile.
 */
void svm_l2_hold(struct vcpu *v, bool on)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b = n->vmcb02;
	u64 vi = vmcb_vintr(b), old = n->l2_vintr;

	if (on == n->l2_held)
		return;
	n->l2_held = on;
	v->svm->host_if = !on && vmcb_rflags(v->svm->vmcb01) & RFLAGS_IF;
	if (on) {
		n->l2_vintr = vi;
		if (!(vi & VINTR_MASKING))
			hold_begin(n, b);
		vmcb_set_vintr(b, vmcb_vintr(b) & ~VINTR_IRQ);
		return;
	}
	if (old & VINTR_MASKING || (vi & VINTR_TPR) != n->hold_tpr)
		old = (old & ~VINTR_TPR) | (vi & VINTR_TPR);
	if (!(old & VINTR_MASKING))
		hold_end(n, b);
	vmcb_set_vintr(b, old);
}

/*
 * emulator fault: Bochs lets physical interrupts in whenever the guest's
 * RFLAGS.IF is set, whatever V_INTR_MASKING and the host's IF say. A processor
 * has no INTR exit in HOLD. The interrupt must wait: L1 goes on without IF,
 * which it gets back with its GIF. Where it is about to clear IF, as Linux
 * does right behind its VMRUN, that is done for it.
 */
static void leaked(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb01;
	u8 bytes[INSN_MAX];

	if (svm_fetch(v, bytes) && bytes[0] == 0xfa)
		vmcb_set_rip(b, vmcb_rip(b) + 1);
	else
		v->nsvm->if_held = true;
	vmcb_set_rflags(b, vmcb_rflags(b) & ~RFLAGS_IF);
}

void svm_if_release(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb01;

	if (likely(!v->nsvm->if_held))
		return;
	v->nsvm->if_held = false;
	vmcb_set_rflags(b, vmcb_rflags(b) | RFLAGS_IF);
}

bool svm_intr_l1(struct vcpu *v)
{
	if (unlikely(v->nsvm->irq_mode == IRQ_HOLD) && !svm_gif(v->svm)) {
		leaked(v);
		return true;
	}
	svm_irq_mode(v, svm_gif(v->svm) ? IRQ_DIRECT : IRQ_HOLD);
	return true;
}
