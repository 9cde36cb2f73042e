/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a single step (core/gdb_step.c). */
#include "core/insns.h"
#include "core/msr.h"
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

/* In the VMCB where LBRs are virtualized, else the guest's own MSR. */
static u64 debugctl(const struct vmcb *b)
{
	u64 val;

	if (vmcb_virt_ext(b) & VIRT_LBR)
		return vmcb_dbgctl(b);
	return rdmsr_safe(MSR_DEBUGCTL, &val) ? 0 : val;
}

static void set_debugctl(struct vmcb *b, u64 val)
{
	if (vmcb_virt_ext(b) & VIRT_LBR)
		vmcb_set_dbgctl(b, val);
	else
		(void)!wrmsr_safe(MSR_DEBUGCTL, val);
}

/* With BTF the trap would wait for a branch. */
static void hold_btf(struct svm_vcpu *s)
{
	u64 now = debugctl(s->vmcb);

	s->step_btf = now & DEBUGCTL_BTF;
	if (s->step_btf)
		set_debugctl(s->vmcb, now & ~DEBUGCTL_BTF);
}

static void give_btf_back(struct vcpu *v, u64 code)
{
	struct svm_vcpu *s = v->svm;
	bool wrote = debug_step_wrote_debugctl(v, code == VMEXIT_EXC + VEC_DB);

	if (s->step_btf)
		set_debugctl(s->vmcb,
			     debug_step_debugctl(DEBUGCTL_BTF,
						 debugctl(s->vmcb), wrote));
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
	hold_btf(s);
	return false;
}

void svm_step_exit(struct vcpu *v, u64 code)
{
	struct svm_vcpu *s = v->svm;

	if (v->debug.entry == STEP_RUN) {
		vmcb_set_intercept_word(s->vmcb, ICPT_EXC, s->step_exc);
		s->host_if = s->step_host_if;
		give_btf_back(v, code);
	}
	debug_step_exit(v, vmcb_exitintinfo(s->vmcb) & EVINJ_V);
}
