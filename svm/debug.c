/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debug stub wants of the VMCBs. */
#include "core/x86.h"
#include "svm/internal.h"

/* Exceptions that may exit for the stub. */
static const u8 watched[] = { VEC_DB, VEC_BP };

static u32 wanted(const struct vcpu *v)
{
	u32 want = v->debug.exceptions;

	if (v->debug.step || v->svm->nmi_step)
		want |= BIT(VEC_DB);
	return want;
}

static void apply(struct vmcb *b, u32 want, u32 keep)
{
	for (u32 i = 0; i < ARRAY_SIZE(watched); i++) {
		u32 bit = (u32)BIT(watched[i]);

		if (!(keep & bit))
			vmcb_set_intercept(b, ICPT_EXC0 + watched[i],
					   want & bit);
	}
}

/*
 * emulator fault: QEMU TCG lets the intercept of INT n decide over INT3, not
 * that of #BP. Its CPUs are told by the nRIP save that they lack and every
 * processor of the last decade has.
 */
bool svm_debug_tcg(const struct vcpu *v)
{
	return !svm_has(SVM_F_NRIPS) && v->debug.exceptions & BIT(VEC_BP);
}

static void apply_tcg(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	bool on = svm_debug_tcg(v);

	if (svm_has(SVM_F_NRIPS))
		return;
	vmcb_set_intercept(s->vmcb01, ICPT_SWINT, on);
	if (on && v->in_l2)
		vmcb_set_intercept(s->vmcb, ICPT_SWINT, true);
}

/* In L2 the intercepts of vmcb02 are L1's, too: they are only added to; the
 * next VMRUN of L1's merges anew. */
void svm_set_debug(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	u32 want = wanted(v);

	apply_tcg(v);
	apply(s->vmcb01, want, 0);
	if (v->in_l2)
		apply(s->vmcb, want, ~want);
}

/* The step's #DB came. */
void svm_step_done(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb;

	vmcb_set_dr6(b, vmcb_dr6(b) & ~BIT(14));
}

void svm_view_l1(struct vcpu *v, bool on)
{
	struct svm_vcpu *s = v->svm;

	if (on) {
		s->view_vmcb = s->vmcb;
		s->view_pa = s->vmcb_pa;
		s->view_rax = v->gpr[RAX];
		s->view_rsp = v->gpr[RSP];
		svm_select_vmcb(s, s->vmcb01, s->vmcb01_pa);
		v->gpr[RAX] = vmcb_rax(s->vmcb01);
		v->gpr[RSP] = vmcb_rsp(s->vmcb01);
		v->in_l2 = false;
	} else {
		vmcb_set_rax(s->vmcb01, v->gpr[RAX]);
		vmcb_set_rsp(s->vmcb01, v->gpr[RSP]);
		svm_select_vmcb(s, s->view_vmcb, s->view_pa);
		v->gpr[RAX] = s->view_rax;
		v->gpr[RSP] = s->view_rsp;
		v->in_l2 = true;
	}
}
