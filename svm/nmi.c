/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NMIs. They are intercepted: a kick of L0's and an NMI for L1 look the same.
 * An intercepted NMI stays pending in the processor (APM 2, NMI Intercept) and
 * comes in when GIF is set for a moment, through L0's IDT.
 */
#include "core/cpu.h"
#include "core/idt.h"
#include "core/panic.h"
#include "core/smp.h"
#include "core/x86.h"
#include "svm/internal.h"

bool svm_nmi_hook(struct cpu *cpu, struct trap_frame *f)
{
	struct vcpu *v = cpu->vcpu;

	/* svm_halt(): between its test and its HLT, or in the HLT */
	if (f->rip >= (u64)(uintptr_t)svm_halt_window &&
	    f->rip < (u64)(uintptr_t)svm_halt_end)
		f->rip = (u64)(uintptr_t)svm_halt_end;
	return v && v->svm &&
	       __atomic_exchange_n(&v->svm->kicked, false, __ATOMIC_ACQ_REL);
}

/*
 * The request is set before this is called. When `kicked` is set already, an
 * NMI is on its way whose handler clears it before the request is looked at.
 */
void svm_nmi_send(struct vcpu *v)
{
	if (!__atomic_exchange_n(&v->svm->kicked, true, __ATOMIC_ACQ_REL) &&
	    !apic_send_nmi(v->cpu->apic_id))
		v->svm->kicked = false; /* none is on its way */
}

void svm_kick(struct vcpu *v)
{
	if (v->cpu != this_cpu())
		svm_nmi_send(v);
}

/*
 * emulator fault: QEMU TCG leaves the vector of an external interrupt that
 * VMRUN injected in its exception_index until the next exception or #VMEXIT.
 * When it has to turn to another CPU before that, it takes it for an exception
 * to be delivered: the interrupt comes a second time, in its own handler. An
 * NMI right behind the injection is that #VMEXIT.
 */
void svm_injected_tcg(struct vcpu *v)
{
	u64 ev = vmcb_eventinj(v->svm->vmcb);

	if ((ev & (EVINJ_V | EVINJ_TYPE)) != (EVINJ_V | EVINJ_EXTINT))
		return;
	svm_nmi_send(v);
}

void svm_take_nmi(struct vcpu *v)
{
	struct cpu *cpu = v->cpu;

	svm_nmi_window(cpu->svm->host_ls_pa.v, cpu->svm->guest_ls_pa.v);
	if (cpu->nmi_pending) {
		cpu->nmi_pending = false;
		v->svm->nmi_pending = true;
	}
	if (cpu->mce_pending && !vmcb_eventinj(v->svm->vmcb)) {
		cpu->mce_pending = false;
		svm_inject_exc(v, VEC_MC);
	}
}

/* STGI of L1 must be seen while an NMI waits for it (with vGIF it is not). */
static void watch_stgi(struct svm_vcpu *s, bool on)
{
	if (vmcb_vintr(s->vmcb01) & VINTR_GIF_ENABLE)
		vmcb_set_intercept(s->vmcb01, ICPT_STGI, on);
}

/* NMIs are blocked as long as it is. L2's IRET exits to L1 if L1 wants it. */
static void watch_iret(struct svm_vcpu *s, bool on)
{
	s->nmi_blocked = on;
	vmcb_set_intercept(s->vmcb01, ICPT_IRET, on);
	vmcb_set_intercept(s->vmcb, ICPT_IRET, on);
}

void svm_nmi_inject(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb01;

	if (!svm_gif(s)) {
		watch_stgi(s, true);
		return;
	}
	if (s->nmi_blocked || vmcb_eventinj(b) & EVINJ_V)
		return;
	watch_stgi(s, false);
	svm_nmi_deliver(v);
}

/*
 * An injected NMI blocks no further ones (APM 2, Event Injection), and the
 * blocking of the physical one has ended in L0's window: L0 keeps count. L1
 * and L2 are one CPU: the IRET of either ends it.
 */
void svm_nmi_deliver(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;

	s->nmi_pending = false;
	vmcb_set_eventinj(s->vmcb, EVINJ_V | EVINJ_NMI | VEC_NMI);
	watch_iret(s, true);
}

/*
 * The IRET that ends an NMI handler is about to be executed. The next NMI may
 * come in after it, not before: an IST stack would be overwritten. So step
 * over the IRET when one waits.
 */
void svm_nmi_unblock(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb;

	watch_iret(s, false);
	if (!s->nmi_pending || v->debug.step)
		return;
	s->nmi_blocked = true;
	s->nmi_step = true;
	s->step_tf = vmcb_rflags(b) & RFLAGS_TF;
	svm_set_debug(v);
	vmcb_set_rflags(b, vmcb_rflags(b) | RFLAGS_TF);
}

bool svm_nmi_step(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb;

	if (!s->nmi_step)
		return false;
	s->nmi_step = false;
	s->nmi_blocked = false;
	svm_set_debug(v);
	/* IRET loaded RFLAGS anew; L1's own single step stays L1's. */
	if (s->step_tf)
		svm_inject_exc(v, VEC_DB);
	else
		vmcb_set_dr6(b, vmcb_dr6(b) & ~BIT(14));
	return true;
}

/* L2 leaves at the IRET, which so was not executed. */
void svm_nmi_step_undo(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	u64 rflags = vmcb_rflags(s->vmcb) & ~RFLAGS_TF;

	s->nmi_step = false;
	vmcb_set_rflags(s->vmcb, s->step_tf ? rflags | RFLAGS_TF : rflags);
	watch_iret(s, true);
	svm_set_debug(v);
}

void svm_wait_sipi(struct vcpu *v)
{
	struct svm_cpu *c = v->cpu->svm;

	svm_vmsave(c->guest_ls_pa);
	svm_vmload(c->host_ls_pa);
	while (!request_pending(v))
		svm_halt(&v->requests);
	svm_vmload(c->guest_ls_pa);
	/* NMIs are ignored by a processor that waits for a SIPI. */
	v->cpu->nmi_pending = false;
}
