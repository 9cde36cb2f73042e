/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a single step (core/gdb_step.c). */
#include "core/x86.h"
#include "svm/internal.h"

/* An NMI is not an exception, #DF has nowhere else to go, #MC is L0's. */
#define NOT_FOR_STEPS (BIT(VEC_NMI) | BIT(VEC_DF) | BIT(VEC_MC))

void svm_set_shadow(struct vcpu *v, enum insn_shadow sh)
{
	struct vmcb *b = v->svm->vmcb;
	u64 state = vmcb_int_state(b) & ~INT_STATE_SHADOW;

	vmcb_set_int_state(b, sh ? state | INT_STATE_SHADOW : state);
}

/* The NMI waits until GIF is 1: it comes after VMRUN has delivered the event,
 * and before the first instruction. */
static void exit_at_once(struct vcpu *v)
{
	svm_nmi_send(v);
}

bool svm_step_entry(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb;
	enum step_entry e = debug_step_entry(
		v, vmcb_eventinj(b) & EVINJ_V,
		vmcb_intercept_word(b, ICPT_MISC1) & BIT(ICPT_HLT % 32));

	if (e == STEP_AGAIN)
		return true;
	if (e == STEP_DELIVER)
		exit_at_once(v);
	if (e != STEP_RUN)
		return false;
	s->step_exc = vmcb_intercept_word(b, ICPT_EXC);
	vmcb_set_intercept_word(b, ICPT_EXC, s->step_exc | (u32)~NOT_FOR_STEPS);
	s->step_host_if = s->host_if;
	s->host_if = false;
	return false;
}

void svm_step_exit(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;

	if (v->debug.entry == STEP_RUN) {
		vmcb_set_intercept_word(s->vmcb, ICPT_EXC, s->step_exc);
		s->host_if = s->step_host_if;
	}
	debug_step_exit(v, vmcb_exitintinfo(s->vmcb) & EVINJ_V);
}
