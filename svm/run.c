/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entering the guest, and what its exits mean. */
#include "core/cpu.h"
#include "core/insn.h"
#include "core/msr.h"
#include "core/smp.h"
#include "core/x86.h"
#include "mm/slat.h"
#include "svm/internal.h"

const struct nested_ops *svm_nested;

void svm_set_gif(struct svm_vcpu *s, bool on)
{
	u64 vi = vmcb_vintr(s->vmcb01);

	s->gif = on;
	if (vi & VINTR_GIF_ENABLE)
		vmcb_set_vintr(s->vmcb01,
			       on ? vi | VINTR_GIF : vi & ~VINTR_GIF);
	else if (s->l1_svme && !s->db_wanted)
		vmcb_set_intercept(s->vmcb01, ICPT_EXC0 + VEC_DB, !on);
}

u32 svm_asid_new(struct vcpu *v, u64 *gen)
{
	struct svm_cpu *c = v->cpu->svm;

	if (c->asid_next >= svm_hw.nasids) {
		c->asid_next = SVM_ASID_FIRST;
		c->asid_gen++;
		v->svm->flush_all = true;
	}
	*gen = c->asid_gen;
	return c->asid_next++;
}

void svm_flush_asid(struct vmcb *b)
{
	vmcb_set_tlb_control(b, svm_has(SVM_F_FLUSHBYASID) ? TLB_FLUSH_ASID
							   : TLB_FLUSH_ALL);
}

/*
 * A fault's handler finds RF set in its frame (APM 2, "rFLAGS Register"),
 * whether or not VMRUN sees to that. emulator fault: QEMU TCG sets it in no
 * frame; there a fault of L0's making is as those that L0 does not see.
 */
static void set_rf(struct vmcb *b, u8 vector)
{
	const u64 others = BIT(VEC_DB) | BIT(VEC_BP) | BIT(VEC_OF) |
			   BIT(VEC_DF) | BIT(VEC_MC);

	if (!svm_hw.tcg && !(others >> vector & 1))
		vmcb_set_rflags(b, vmcb_rflags(b) | RFLAGS_RF);
}

void svm_inject(struct vcpu *v, const struct event *e)
{
	static const u32 types[] = {
		[EVENT_EXTINT] = EVINJ_EXTINT,
		[EVENT_NMI] = EVINJ_NMI,
		[EVENT_EXCEPTION] = EVINJ_EXC,
		[EVENT_SOFT_INT] = EVINJ_SOFT,
	};
	u64 ev = 0;

	if (e->type == EVENT_SOFT_INT && e->error) {
		/* With RIP behind it and its gate's DPL looked at INT n is an
		 * interrupt like any other. */
		vmcb_set_rip(v->svm->vmcb,
			     svm_next_rip(v->svm->vmcb, e->error));
		vmcb_set_eventinj(v->svm->vmcb,
				  EVINJ_V | EVINJ_EXTINT | e->vector);
		return;
	}
	if (e->type == EVENT_NMI && !v->in_l2) {
		v->svm->nmi_pending = true; /* as soon as it may */
		return;
	}
	if (e->type == EVENT_EXCEPTION && e->has_error)
		ev = svm_exc_event(vmcb_cr0(v->svm->vmcb), e->vector, e->error);
	else if (e->type != EVENT_NONE)
		ev = EVINJ_V | types[e->type] | e->vector;
	v->svm->raised = v->in_l2 && e->type == EVENT_EXCEPTION;
	v->svm->injected = ev;
	if (e->type == EVENT_EXCEPTION)
		set_rf(v->svm->vmcb, e->vector);
	vmcb_set_eventinj(v->svm->vmcb, ev);
	/* INT3 and INT n of L0's injection return to RIP */
	if (svm_soft_event(ev))
		vmcb_set_nrip(v->svm->vmcb, vmcb_rip(v->svm->vmcb));
}

void svm_inject_exc(struct vcpu *v, u8 vector)
{
	v->svm->raised = v->in_l2;
	set_rf(v->svm->vmcb, vector);
	vmcb_set_eventinj(v->svm->vmcb, EVINJ_V | EVINJ_EXC | vector);
}

void svm_inject_gp(struct vcpu *v)
{
	v->svm->raised = v->in_l2;
	set_rf(v->svm->vmcb, VEC_GP);
	vmcb_set_eventinj(v->svm->vmcb,
			  svm_exc_event(vmcb_cr0(v->svm->vmcb), VEC_GP, 0));
}

/*
 * emulator fault: QEMU TCG tells of an external interrupt, whose delivery an
 * exit cuts short, as an exception with the interrupt's vector.
 */
static bool tcg_extint(u64 info)
{
	return (info & EVINJ_TYPE) == EVINJ_EXC && (u8)info > 31;
}

/*
 * An exit cut the delivery of an event short: deliver it again. INT n, INT3
 * and INTO are not: RIP still is at the instruction, which runs again.
 */
static __noinline void redeliver(struct svm_vcpu *s, struct vmcb *b)
{
	u64 info = vmcb_exitintinfo(b);
	bool again;

	if (svm_hw.tcg && tcg_extint(info)) {
		info &= ~EVINJ_TYPE;
		vmcb_set_exitintinfo(b, info | EVINJ_EXTINT);
	}
	if (!svm_injected_soft(s, info))
		s->injected = 0;
	again = svm_soft_event(info) && !s->injected;
	vmcb_set_eventinj(b, again ? 0 : info);
	if (svm_soft_event(info) && s->injected)
		svm_nrip_again(s, vmcb_rip(b));
}

/* INIT as #SX (APM 2, VM_CR MSR, R_INIT), one event an entry: if there is
 * another one an NMI of L0's own ends that entry at once. */
static void init_as_sx(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb;

	if (vmcb_eventinj(b) & EVINJ_V) {
		svm_nmi_send(v);
		return;
	}
	request_take(v, REQ_INIT);
	vmcb_set_eventinj(b, svm_exc_event(vmcb_cr0(b), VEC_SX, 1));
}

/* INIT waits while GIF is 0 (APM 2, Global Interrupt Flag); L1 may intercept
 * it while its L2 runs, and it stays pending then. True: @x is for core. */
static bool take_init(struct vcpu *v, struct vmexit *x)
{
	if (v->in_l2 && svm_nested->handle_exit(v, VMEXIT_INIT) && v->in_l2)
		return false; /* not yet */
	if (!svm_gif(v->svm)) {
		vmcb_set_intercept(v->svm->vmcb01, ICPT_STGI, true);
		return false;
	}
	if (v->svm->r_init) {
		init_as_sx(v);
		return false;
	}
	request_take(v, REQ_INIT);
	x->kind = EXIT_INIT;
	x->raw = VMEXIT_INIT;
	return true;
}

/* Work that other CPUs asked for, or the wait for a SIPI. True: @x is for
 * core. */
static __noinline bool requests(struct vcpu *v, struct vmexit *x)
{
	x->kind = EXIT_DONE;
	if (v->run_state == VCPU_WAIT_SIPI)
		svm_wait_sipi(v);
	if (request_take(v, REQ_FLUSH_TLB)) {
		slat_flushing(v->vm->slat, v->index);
		svm_flush_asid(v->svm->vmcb01);
		v->svm->npt01_changed = true;
		v->svm->flush_all |= v->in_l2;
	}
	if (__atomic_load_n(&v->requests, __ATOMIC_ACQUIRE) & BIT(REQ_INIT)) {
		if (take_init(v, x))
			return true;
	}
	if (request_take(v, REQ_SIPI)) {
		x->kind = EXIT_SIPI;
		x->sipi_vector = v->sipi_vector;
		return true;
	}
	/* what woke it was not for it: core comes back, and it waits on */
	if (v->run_state == VCPU_WAIT_SIPI)
		return true;
	return __atomic_load_n(&v->requests, __ATOMIC_ACQUIRE) & ~BIT(REQ_INIT);
}

static inline void before_entry(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;

	if (v->in_l2) {
		svm_nested->before_entry(v);
		if (unlikely(v->debug.watch) && v->in_l2)
			svm_set_debug(v); /* a VMRUN has merged anew */
		if (unlikely(svm_hw.tcg) && v->in_l2)
			svm_injected_tcg(v);
	}
	if (unlikely(s->nmi_pending) && !v->in_l2 && !debug_holds(v))
		svm_nmi_inject(v);
	if (unlikely(s->flush_all)) {
		s->flush_all = false;
		vmcb_set_tlb_control(s->vmcb, TLB_FLUSH_ALL);
	}
	if (unlikely(s->nrip_lost)) {
		s->nrip_lost = false;
		vmcb_set_nrip(s->vmcb, s->nrip);
	}
}

static inline u64 enter(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb;

	vmcb_set_rax(b, v->gpr[RAX]);
	vmcb_set_rsp(b, v->gpr[RSP]);
	svm_enter(v->gpr, s->vmcb_pa.v, s->host_if);
	v->gpr[RAX] = vmcb_rax(b);
	v->gpr[RSP] = vmcb_rsp(b);
	/* Until somebody sets a field: nothing has changed. */
	vmcb_set_clean(b, CLEAN_ALL);
	if (unlikely(vmcb_tlb_control(b)))
		vmcb_set_tlb_control(b, TLB_NOTHING);
	if (unlikely(vmcb_exitintinfo(b) & EVINJ_V)) {
		redeliver(s, b);
	} else {
		vmcb_set_eventinj(b, 0);
		s->injected = 0;
	}
	return vmcb_exitcode(b);
}

static inline bool nesting_owns(const struct vcpu *v, u64 code)
{
	return v->in_l2 ||
	       (code >= VMEXIT_VMRUN && code <= VMEXIT_SKINIT &&
		code != VMEXIT_VMMCALL) ||
	       code == VMEXIT_INVLPGA || code == VMEXIT_INTR;
}

static __noinline bool debugger_took(struct vcpu *v, u64 code)
{
	u8 vector = (u8)(code - VMEXIT_EXC);

	if (code == VMEXIT_SWINT && svm_debug_tcg(v))
		return debug_exception(v, VEC_BP, 0, 0);
	return code >= VMEXIT_EXC && code < VMEXIT_EXC + 32 &&
	       debug_exception(v, vector, (u32)vmcb_exitinfo1(v->svm->vmcb),
			       vmcb_exitinfo2(v->svm->vmcb));
}

void svm_run(struct vcpu *v, struct vmexit *x)
{
	u64 code;

	for (;;) {
		if (unlikely(v->requests || v->run_state == VCPU_WAIT_SIPI)) {
			if (requests(v, x))
				return;
		}
		before_entry(v);
		if (unlikely(v->debug.step | v->debug.dr_on) &&
		    svm_debug_entry(v))
			continue;
		code = enter(v);
		if (unlikely(v->debug.step | v->debug.dr_on))
			svm_debug_exit(v, code);
		stat_exit(v, svm_stat_slot(code));
		if (unlikely(code == VMEXIT_NMI))
			svm_take_nmi(v);
		if (unlikely(v->debug.exceptions | v->debug.step |
			     v->debug.dr_on) &&
		    debugger_took(v, code))
			continue;
		if (svm_nested && nesting_owns(v, code) &&
		    svm_nested->handle_exit(v, (u32)code))
			continue;
		x->raw = (u32)code;
		if (likely(code == VMEXIT_CPUID)) {
			x->kind = EXIT_CPUID;
			return;
		}
		if (svm_decode(v, code, x))
			return;
	}
}
