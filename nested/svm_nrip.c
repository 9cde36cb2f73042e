/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nRIP save where hardware lacks it: the address of the next instruction by
 * decoding the one that exited, and software interrupts of L1's injection that
 * return there.
 */
#include "core/insn.h"
#include "core/x86.h"
#include "nested/svm.h"

#define EXC_FAULTS                                                     \
	((u32)(BIT(VEC_DE) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | \
	       BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_AC)))

void svm_forget_code12(struct nested_svm *n)
{
	for (u32 i = 0; i < SVM_CODE12; i++)
		n->code[i].la = 0;
}

/* Length of the instruction at CS:RIP of L2; 0: it cannot be read. */
static u32 decoded_len(struct vcpu *v, const struct vmcb *b)
{
	u8 buf[INSN_MAX];
	struct insn i;
	u32 n = svm_l2_fetch(v, buf);

	return n && !insn_decode(&i, buf, n, svm_mode(b)) ? i.len : 0;
}

/* The page of the code is looked up, and remembered; all of the instruction's
 * bytes are decoded where it is an unusual one. */
static __noinline u64 slow_nrip(struct vcpu *v, u64 code)
{
	struct nested_svm *n = v->nsvm;
	const struct vmcb *b = n->vmcb02;
	u64 la = svm_code_linear(b), at = la & ~PAGE_MASK;
	const u8 *p;
	u32 len = 0;

	if (!svm_saves_nrip(code))
		return 0;
	if (code == VMEXIT_IOIO)
		return vmcb_exitinfo2(b);
	p = svm_l2_ptr(v, b, la & PAGE_MASK);
	if (p) {
		n->code[la / PAGE_SIZE % SVM_CODE12] =
			(struct svm_code12){ (la & PAGE_MASK) | 1, vmcb_cr3(b),
					     n->root, p };
		if (at <= PAGE_SIZE - 4)
			len = svm_usual_len(p + at, code);
	}
	if (!len)
		len = decoded_len(v, b);
	return len ? svm_next_rip(b, len) : 0;
}

u64 svm_nrip(struct vcpu *v, u64 code)
{
	const struct nested_svm *n = v->nsvm;
	const struct vmcb *b = n->vmcb02;
	const struct svm_code12 *c;
	u64 la = svm_code_linear(b), at = la & ~PAGE_MASK;
	u32 len;

	if (svm_has(SVM_F_NRIPS))
		return vmcb_nrip(b);
	if (!(n->l0.features & SVM_F_NRIPS))
		return 0;
	/* mostly the usual encoding, in a page that is known */
	c = &n->code[la / PAGE_SIZE % SVM_CODE12];
	if (unlikely(code >= ARRAY_SIZE(svm_usual) || at > PAGE_SIZE - 4 ||
		     c->la != la - at + 1 || c->cr3 != vmcb_cr3(b) ||
		     c->root != n->root))
		return slow_nrip(v, code);
	len = svm_usual_len(c->ptr + at, code);
	if (unlikely(!len))
		return slow_nrip(v, code);
	return likely(vmcb_cs(b)->attr & VSEG_L) ? vmcb_rip(b) + len
						 : svm_next_rip(b, len);
}

/* --- injection -------------------------------------------------------------- */

/*
 * A software interrupt returns to nRIP, a fault in its delivery to RIP (APM 2,
 * Event Injection). Without nRIP save it returns to RIP: so that is nRIP for
 * as long as the delivery lasts, and a fault in it comes to L0 first.
 */
void svm_soft_enter(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b = n->vmcb02;

	if (!((vmcb_eventinj(b) ^ n->soft) & SVM_EVENT_ID)) {
		n->soft_rip = vmcb_rip(b);
		vmcb_set_rip(b, n->ctl.nrip);
	}
	vmcb_set_intercept_word(b, ICPT_EXC,
				vmcb_intercept_word(b, ICPT_EXC) | EXC_FAULTS);
}

/* The exception that exited for L0's sake alone, for L2 again. */
static bool pass_on(struct vcpu *v, u64 code)
{
	struct vmcb *b = v->nsvm->vmcb02;
	u64 vector = code - VMEXIT_EXC, ev = EVINJ_V | EVINJ_EXC | vector;

	if (code < VMEXIT_EXC || code >= VMEXIT_EXC + 32 ||
	    !(EXC_FAULTS & BIT(vector)) ||
	    svm_ctl_intercepts(&v->nsvm->ctl, (u32)code))
		return false;
	if (vector == VEC_PF)
		vmcb_set_cr2(b, vmcb_exitinfo2(b));
	if (vector != VEC_DE)
		ev = svm_exc_event(vmcb_cr0(b), (u8)vector,
				   (u32)vmcb_exitinfo1(b));
	ev = svm_combine(vmcb_exitintinfo(b), ev);
	/* on the way to a shutdown: the processor finds the way */
	vmcb_set_eventinj(b, ev ? ev : vmcb_exitintinfo(b));
	v->nsvm->injected = vmcb_eventinj(b);
	v->svm->raised = true;
	return true;
}

bool svm_soft_exit(struct vcpu *v, u64 code)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b = n->vmcb02;
	u64 info = vmcb_exitintinfo(b), soft = n->soft;
	bool passed;

	n->soft = 0;
	vmcb_set_intercept_word(b, ICPT_EXC,
				n->ctl.icpt[ICPT_EXC] | n->l0.icpt[ICPT_EXC]);
	if (info & EVINJ_V && !((info ^ soft) & SVM_EVENT_ID))
		vmcb_set_rip(b, n->soft_rip);
	else
		soft = 0; /* delivered */
	passed = pass_on(v, code);
	if (!passed)
		n->soft = soft; /* if L2 goes on: once more */
	return passed;
}
