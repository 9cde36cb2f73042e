/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMRUN by L1 and #VMEXIT to it. */
#include "core/err.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/x86.h"
#include "nested/svm.h"

#define DR7_RESET 0x400

/*
 * State of L1 after #VMEXIT. Most of it has stood in vmcb01 since VMRUN, as
 * the processor keeps it in the host-save area; what it does not restore is
 * L2's (APM 2, #VMEXIT).
 */
static void load_host(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	struct vmcb *b = s->vmcb01;

	vmcb_set_dr7(b, DR7_RESET);
	vmcb_set_rflags(b, vmcb_rflags(b) & ~(RFLAGS_VM | RFLAGS_RF));
	vmcb_set_int_state(b, 0);
	svm_set_gif(s, false);
}

/* To the host VMRUN is one instruction, single-stepped as a whole (APM 2,
 * VMRUN and TF/IF Bits in EFLAGS). */
static void host_step(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb01;

	if (likely(!(vmcb_rflags(b) & RFLAGS_TF)))
		return;
	vmcb_set_dr6(b, vmcb_dr6(b) | BIT(14));
	svm_inject_exc(v, VEC_DB);
}

void svm_refused(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	const struct svm_refusal *r = &n->refusal;

	n->refusals++;
	if (unlikely(v->debug.watch))
		debug_event(v, DEBUG_ENTRY_FAIL, 0);
	log_debug("VMRUN refused at %lx: %s (%s = 0x%lx; APM 2, %s)", r->rip,
		  r->rule, r->field, r->value, r->section);
}

static void refuse(struct vcpu *v, struct vmcb *page12)
{
	svm_refused(v);
	vmcb_set_exitcode(page12, VMEXIT_INVALID);
	load_host(v);
	svm_irq_mode(v, IRQ_GUARD);
	host_step(v);
}

static void map_pages(struct vcpu *v, struct svm_perm *p, u64 base)
{
	for (u32 i = 0; i < p->pages; i++)
		p->l1[i] = guest_ptr(v->vm,
				     L1PA((base & PAGE_MASK) + i * PAGE_SIZE));
}

/* L2's maps: the merged ones where L1 has a map, else L0's alone. */
static void merge_maps(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	const struct svm_vm *vm = v->vm->backend;
	hpa_t msrpm = vm->msrpm_pa, iopm = vm->iopm_pa;

	if (svm_ctl_intercepts(&n->ctl, ICPT_MSR)) {
		if (n->msrpm12 != n->ctl.msrpm)
			map_pages(v, &n->msrpm, n->ctl.msrpm);
		n->msrpm12 = n->ctl.msrpm;
		svm_perm_refresh(&n->msrpm);
		msrpm = n->msrpm_pa;
	}
	if (svm_ctl_intercepts(&n->ctl, ICPT_IOIO)) {
		if (n->iopm12 != n->ctl.iopm)
			map_pages(v, &n->iopm, n->ctl.iopm);
		n->iopm12 = n->ctl.iopm;
		svm_perm_refresh(&n->iopm);
		iopm = n->iopm_pa;
	}
	if (vmcb_msrpm(n->vmcb02) != msrpm.v)
		vmcb_set_msrpm(n->vmcb02, msrpm.v);
	if (vmcb_iopm(n->vmcb02) != iopm.v)
		vmcb_set_iopm(n->vmcb02, iopm.v);
}

static void enter(struct vcpu *v, struct vmcb *page12)
{
	struct nested_svm *n = v->nsvm;
	struct svm_vcpu *s = v->svm;

	/* RAX and RSP travel through the vcpu, like the other registers */
	vmcb_set_rax(s->vmcb01, v->gpr[RAX]);
	vmcb_set_rsp(s->vmcb01, v->gpr[RSP]);
	v->gpr[RAX] = vmcb_rax(page12);
	v->gpr[RSP] = vmcb_rsp(page12);
	if (n->tsc_ratio != SVM_TSC_RATIO_ONE)
		wrmsr(MSR_TSC_RATIO, n->tsc_ratio);
	if (n->irq_mode == IRQ_HOLD)
		svm_irq_mode(v, IRQ_DIRECT); /* CR8 is L1's own again */
	svm_set_gif(s, true);
	n->injected = n->ctl.eventinj;
	n->soft = 0;
	if (unlikely(n->injected & EVINJ_V) && svm_soft_event(n->injected) &&
	    !svm_has(SVM_F_NRIPS) && n->l0.features & SVM_F_NRIPS)
		n->soft = n->injected;
	svm_select_vmcb(s, n->vmcb02, n->vmcb02_pa);
	/* L1's RFLAGS.IF is the host's for V_INTR_MASKING */
	s->host_if = vmcb_rflags(s->vmcb01) & RFLAGS_IF;
	v->in_l2 = true;
	v->stats.entries_l2++;
	if (unlikely(v->debug.watch))
		debug_event(v, DEBUG_ENTRY, 0);
}

/* What L0 wants to see changes with its port traps. */
static void l0_wishes(struct nested_svm *n, const struct vmcb *b01)
{
	n->l0.icpt[ICPT_MISC1] = svm_l0_misc1(
		vmcb_intercept_word(b01, ICPT_MISC1), &n->ctl, n->l0.features);
	n->l0.tsc_offset = vmcb_tsc_offset(b01);
}

/* It mostly is the same one again; RAM stays where it is. */
static struct vmcb *find_vmcb12(struct vcpu *v, l1pa_t vmcb12)
{
	struct nested_svm *n = v->nsvm;

	if (unlikely(n->page12_pa != vmcb12.v)) {
		n->page12 = guest_ptr(v->vm, vmcb12);
		n->page12_pa = n->page12 ? vmcb12.v : ~0ull;
	}
	return n->page12;
}

static bool in_pae(const struct vmcb *s)
{
	return vmcb_cr0(s) & CR0_PG && vmcb_cr4(s) & CR4_PAE &&
	       !(vmcb_efer(s) & EFER_LME);
}

/* On npt01 the processor looks at the PDPEs only when it walks, VMRUN without
 * nested paging at once. */
static __noinline int check_pdpes(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	u64 cr3 = vmcb_cr3(n->vmcb02), pdpe[4];
	const u64 *p = guest_ptr(v->vm, L1PA(cr3 & CR3_PAE_TABLE));

	if (!p)
		return 0;
	for (u32 i = 0; i < 4; i++)
		pdpe[i] = __atomic_load_n(&p[i], __ATOMIC_RELAXED);
	return svm_check_pdpes(pdpe, &n->env, &n->refusal);
}

static int check(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	int err = svm_check12(&n->ctl, n->vmcb02, vmcb_cr0(v->svm->vmcb01),
			      &n->env, &n->refusal);

	if (!err && unlikely(!svm_np12(n)) && in_pae(n->vmcb02))
		err = check_pdpes(v);
	return err;
}

void svm_vmrun(struct vcpu *v, l1pa_t vmcb12, u64 next_rip)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b01 = v->svm->vmcb01;
	struct vmcb *page12 = find_vmcb12(v, vmcb12);

	if (!page12) {
		svm_inject_gp(v);
		return;
	}
	n->refusal.rip = vmcb_rip(b01);
	vmcb_set_rip(b01, next_rip);
	svm_snapshot(&n->ctl, n->vmcb02, page12);
	svm_merge_save(n->vmcb02, page12, b01, &n->ctl, &n->l0);
	if (check(v)) {
		refuse(v, page12);
		return;
	}
	l0_wishes(n, b01);
	svm_merge_ctl(n->vmcb02, &n->ctl, &n->l0);
	merge_maps(v);
	svm_paging12(v);
	enter(v, page12);
}

/* From here on v is in L1 again. */
static inline void leave(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	struct svm_vcpu *s = v->svm;

	v->gpr[RAX] = vmcb_rax(s->vmcb01);
	v->gpr[RSP] = vmcb_rsp(s->vmcb01);
	if (n->tsc_ratio != SVM_TSC_RATIO_ONE)
		wrmsr(MSR_TSC_RATIO, SVM_TSC_RATIO_ONE);
	vmcb_set_eventinj(n->vmcb02, 0);
	s->raised = s->nrip_lost = false;
	s->injected = 0;
	svm_select_vmcb(s, s->vmcb01, s->vmcb01_pa);
	v->in_l2 = false;
}

void svm_vmexit(struct vcpu *v, const struct svm_exit12 *x)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b01 = v->svm->vmcb01;

	if (unlikely(v->debug.step))
		debug_leave_l2(v);
	if (unlikely(v->svm->nmi_step))
		svm_nmi_step_undo(v);
	if (unlikely(n->l2_held))
		svm_l2_hold(v, false);
	svm_sync(n->page12, n->vmcb02, &n->ctl, &n->l0, x);
	vmcb_set_rax(n->page12, v->gpr[RAX]);
	vmcb_set_rsp(n->page12, v->gpr[RSP]);
	svm_sync_host(b01, n->vmcb02, &n->ctl, &n->l0);
	leave(v);
	load_host(v);
	svm_irq_mode(v, x->code == VMEXIT_INTR ? IRQ_HOLD : IRQ_GUARD);
	host_step(v);
	v->stats.reflected++;
}

void svm_vmrun_refused(struct vcpu *v)
{
	leave(v);
	refuse(v, v->nsvm->page12);
}
