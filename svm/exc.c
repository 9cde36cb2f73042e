/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions of L1's that L0 looks at because the processor's SVM is on while
 * L1's may not be, and because the processor's GIF is 1 while L1's may be 0.
 */
#include "core/insn.h"
#include "core/x86.h"
#include "svm/internal.h"

#define DR6_BREAKPOINTS BITS(3, 0)
#define DR6_OTHER (BIT(13) | BIT(14) | BIT(15)) /* BD, BS, BT */

u32 svm_exc_wanted(const struct svm_vcpu *s)
{
	/*
	 * emulator fault: an exit from virtual-8086 mode, where #GPs are
	 * daily bread, ends Bochs.
	 */
	if (!s->l1_svme)
		return svm_db_untold() ? 0 : BIT(VEC_GP);
	/* with vGIF nobody tells when it becomes 0 */
	return vmcb_vintr(s->vmcb01) & VINTR_GIF_ENABLE || !s->gif ? BIT(VEC_DB)
								   : 0;
}

static bool svm_insn_at_rip(struct vcpu *v)
{
	u8 buf[INSN_MAX];
	struct insn i;
	u32 n = svm_fetch(v, buf);

	if (!n || insn_decode(&i, buf, n, svm_mode(v->svm->vmcb01)))
		return false;
	return (i.op >= INSN_VMRUN && i.op <= INSN_INVLPGA &&
		i.op != INSN_VMMCALL && i.op != INSN_VMCALL);
}

/*
 * The processor, whose EFER.SVME is set, looks at CPL before it exits for an
 * SVM instruction; one whose EFER.SVME is clear as L1's is raises #UD.
 */
static u64 gp_event(struct vcpu *v)
{
	const struct vmcb *b = v->svm->vmcb01;
	u64 first = vmcb_exitintinfo(b);

	/*
	 * The gate of an INT n, no double fault. emulator fault: Bochs leaves
	 * in EXITINTINFO what was delivered before it. (QEMU TCG tells an
	 * exception's gate without EXT, too: nothing to go by there.)
	 */
	if (svm_db_untold() && (vmcb_exitinfo1(b) & 3) == 2)
		first = 0;
	if (!v->svm->l1_svme && vmcb_cpl(b) == 3 && !(first & EVINJ_V) &&
	    svm_insn_at_rip(v))
		return EVINJ_V | EVINJ_EXC | VEC_UD;
	return svm_combine(first, svm_exc_event(vmcb_cr0(b), VEC_GP,
						(u32)vmcb_exitinfo1(b)));
}

bool svm_exc_gp(struct vcpu *v)
{
	u64 ev = gp_event(v);

	vmcb_set_eventinj(v->svm->vmcb01, ev);
	return ev;
}

/* Which breakpoints of @dr6 are enabled and there, one bit each; *fault: one
 * of them is an instruction's. */
static u64 hits(u64 dr6, u64 dr7, bool *fault)
{
	u64 n = 0;

	*fault = false;
	for (u32 i = 0; i < 4; i++) {
		if (!(dr6 >> i & 1) || !(dr7 >> 2 * i & 3))
			continue;
		n |= BIT(i);
		*fault |= !(dr7 >> (16 + 4 * i) & 3);
	}
	return n;
}

bool svm_exc_db(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb;
	u64 dr6 = vmcb_dr6(b), hit;
	bool fault;

	if (v->in_l2 || svm_gif(v->svm))
		return false;
	hit = hits(dr6, vmcb_dr7(b), &fault);
	if (svm_db_untold()) {
		if (vmcb_rflags(b) & RFLAGS_TF)
			dr6 |= BIT(14);
		else if (vmcb_dr7(b) & 0xff)
			hit = fault = true;
		vmcb_set_dr6(b, dr6);
	}
	if (!hit)
		return false;
	dr6 &= ~hit;
	vmcb_set_dr6(b, dr6);
	if (fault)
		vmcb_set_rflags(b, vmcb_rflags(b) | RFLAGS_RF);
	return !(dr6 & DR6_OTHER);
}
