/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nested SVM: set-up, and the seam to the backend. */
#include "nested/svm.h"
#include "nested/svm_msr_rules.h"

#include "core/cpu.h"
#include "core/cr.h"
#include "core/err.h"
#include "core/exit.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/page.h"
#include "mm/pt_format.h"

#define CPUID_PERFMON2 0x80000022u
#define CPUID_PERFMON2_LBR BIT(1) /* LbrStack */

/*
 * What L0 must see of L2 whatever L1 says: what it sees of L1, and the SVM
 * instructions, which act on L1's virtual SVM. L1's interrupts are L1's.
 */
static void l0_intercepts(struct vcpu *v, struct svm_l0 *l0)
{
	const struct vmcb *b = v->svm->vmcb01;

	for (u32 i = ICPT_MISC1; i < NR_ICPT_WORDS; i++)
		l0->icpt[i] = vmcb_intercept_word(b, i);
	l0->icpt[ICPT_EXC] =
		vmcb_intercept_word(b, ICPT_EXC) & (u32)BIT(VEC_MC);
}

static bool has_lbr_stack(void)
{
	u32 r[4];

	cpuid(0x80000000, 0, r);
	if (r[0] < CPUID_PERFMON2)
		return false;
	cpuid(CPUID_PERFMON2, 0, r);
	return r[0] & CPUID_PERFMON2_LBR;
}

static void check_env(struct nested_svm *n)
{
	struct svm_check_env *e = &n->env;
	u32 l1[4], l7[4] = { 0 }, l71[4] = { 0 }, max[4];
	u32 ext[4], ext8[4], ext21[4] = { 0 };

	cpuid(0, 0, max);
	cpuid(1, 0, l1);
	if (max[0] >= 7)
		cpuid(7, 0, l7);
	if (l7[0])
		cpuid(7, 1, l71);
	cpuid(0x80000000, 0, max);
	if (max[0] >= 0x80000021)
		cpuid(0x80000021, 0, ext21);
	cpuid(0x80000001, 0, ext);
	cpuid(0x80000008, 0, ext8);
	*e = (struct svm_check_env){
		.cr4_allowed = cr4_supported(l1, l7, l71),
		.efer_allowed = exit_efer_taken(
			efer_supported(ext, ext8, ext21, true, true)),
		/* emulator fault: QEMU TCG sets accessed flags there */
		.pdpe_ignored = svm_hw.tcg ? PT_A : 0,
		.features = n->l0.features,
		.phys_bits = svm_hw.phys_bits,
		.long_mode = ext[3] & BIT(29),
	};
}

static int maps_init(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	const struct svm_vm *vm = v->vm->backend;
	u8 *msrpm = page_alloc(SVM_MSRPM_PAGES);
	u8 *iopm = page_alloc(SVM_IOPM_PAGES);

	if (!msrpm || !iopm)
		return -ENOMEM;
	svm_perm_init(&n->msrpm, msrpm, vm->msrpm, SVM_MSRPM_PAGES);
	svm_perm_init(&n->iopm, iopm, vm->iopm, SVM_IOPM_PAGES);
	n->msrpm_pa = ptr_hpa(msrpm);
	n->iopm_pa = ptr_hpa(iopm);
	/* no page has this address: the first VMRUN looks them up */
	n->msrpm12 = n->iopm12 = n->page12_pa = ~0ull;
	return 0;
}

/* An NMI came while L2 ran or was about to: L1's, as #VMEXIT or (it does not
 * intercept them) straight into L2. */
static __noinline void route_nmi(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	u64 ev = vmcb_eventinj(n->vmcb02);

	if (v->svm->nmi_blocked || !svm_gif(v->svm))
		return; /* IRET and STGI exit */
	if (ev & EVINJ_V) {
		/* after that event's delivery: an NMI behind it exits there */
		svm_nmi_send(v);
		return;
	}
	if (svm_ctl_intercepts(&n->ctl, ICPT_NMI))
		/* it stays pending: L1's GIF is 0 after #VMEXIT */
		svm_vmexit(v, &(struct svm_exit12){ .code = VMEXIT_NMI });
	else
		svm_nmi_deliver(v);
}

/* An instruction of L2's that L0 carried out, or refused, raised this. */
static __noinline void route_exception(struct vcpu *v)
{
	u64 ev = vmcb_eventinj(v->nsvm->vmcb02), vector = ev & EVINJ_VECTOR;

	v->svm->raised = false;
	if (!svm_ctl_intercepts(&v->nsvm->ctl, ICPT_EXC0 + (u32)vector))
		return;
	svm_vmexit(v,
		   &(struct svm_exit12){
			   .code = VMEXIT_EXC + vector,
			   .info1 = ev >> EVINJ_ERROR_SHIFT,
			   .info2 = vector == VEC_PF ? vmcb_cr2(v->nsvm->vmcb02)
						     : 0,
		   });
}

static void before_entry(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;

	if (unlikely(s->npt01_changed))
		svm_npt_reset(v);
	if (unlikely(s->raised))
		route_exception(v);
	if (unlikely(s->nmi_pending) && v->in_l2 && !debug_holds(v))
		route_nmi(v);
	if (unlikely(!v->in_l2))
		return;
	svm_asid_check(v);
	if (unlikely(v->nsvm->soft))
		svm_soft_enter(v);
}

static void reset(struct nested_svm *n, struct vcpu *v)
{
	n->irq_mode = IRQ_DIRECT;
	n->if_held = n->l2_held = false;
	v->svm->host_if = true;
}

static int vcpu_init(struct vcpu *v)
{
	struct nested_svm *n = page_alloc(1);
	int err;

	_Static_assert(sizeof(*n) <= PAGE_SIZE, "one page");
	if (!n)
		return -ENOMEM;
	n->vmcb02 = page_alloc(1);
	if (!n->vmcb02)
		return -ENOMEM;
	n->vmcb02_pa = ptr_hpa(n->vmcb02);
	n->l0.features = svm_offered(v->vm);
	n->l0.lbr_stack = has_lbr_stack();
	v->nsvm = n;
	v->svm->l2_fetch = svm_l2_fetch;
	l0_intercepts(v, &n->l0);
	check_env(n);
	n->tsc_ratio = SVM_TSC_RATIO_ONE;
	reset(n, v);
	err = maps_init(v);
	if (err)
		return err;
	return svm_npt_init(v);
}

static int cpu_init(struct cpu *cpu)
{
	return 0;
}

/* INIT: L2 is gone, EFER.SVME is 0, the MSRs but for VM_CR stay (APM 2,
 * Processor Initialization). */
static void vcpu_reset(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	struct svm_vcpu *s = v->svm;

	if (v->in_l2 && n->tsc_ratio != SVM_TSC_RATIO_ONE)
		wrmsr(MSR_TSC_RATIO, SVM_TSC_RATIO_ONE);
	v->in_l2 = false;
	svm_select_vmcb(s, s->vmcb01, s->vmcb01_pa);
	svm_irq_mode(v, IRQ_DIRECT);
	svm_set_gif(s, true);
	svm_gif_update(v, false);
	svm_npt_reset(v);
	n->vm_cr = svm_vm_cr_init(n->vm_cr);
	reset(n, v);
}

/* What of L2 is delivered again; a software interrupt of L1's injection
 * returns where L1 has said. */
static __noinline void redeliver(struct vcpu *v, u64 info)
{
	struct nested_svm *n = v->nsvm;
	u64 again;

	if (v->svm->injected)
		return; /* L0's own */
	again = svm_redeliver(info, n->injected);
	vmcb_set_eventinj(n->vmcb02, again);
	if (svm_soft_event(again))
		svm_nrip_again(v->svm,
			       svm_entry_nrip(n->vmcb02, &n->ctl, &n->l0));
}

static bool handle_exit(struct vcpu *v, u32 raw)
{
	struct nested_svm *n = v->nsvm;

	if (!v->in_l2)
		return raw == VMEXIT_INTR ? svm_intr_l1(v)
					  : svm_instruction(v, raw);
	if (unlikely(raw == VMEXIT_INIT))
		return svm_init_l2(v);
	/*
	 * The backend has made ready the event whose delivery this exit cut
	 * short, but for software interrupts; those of L1's injection must
	 * be delivered again, too.
	 */
	if (unlikely(vmcb_exitintinfo(n->vmcb02) & EVINJ_V))
		redeliver(v, vmcb_exitintinfo(n->vmcb02));
	n->injected = vmcb_eventinj(n->vmcb02);
	if (unlikely(n->soft) && svm_soft_exit(v, raw))
		return true;
	if (unlikely(v->svm->nmi_step) && raw == VMEXIT_EXC + VEC_DB) {
		vmcb_set_intercept_word(n->vmcb02, ICPT_EXC,
					n->ctl.icpt[ICPT_EXC] |
						n->l0.icpt[ICPT_EXC]);
		return svm_nmi_step(v);
	}
	return svm_exit_l2(v, raw);
}

static void show(struct vcpu *v, enum nested_show what)
{
	const struct nested_svm *n = v->nsvm;
	const struct svm_refusal *r = &n->refusal;

	if (what == SHOW_02)
		svm_dump_vmcb("vmcb02", n->vmcb02);
	else if (what == SHOW_12 && n->page12)
		svm_dump_vmcb("vmcb12", n->page12);
	else if (what == SHOW_WHY && r->rule)
		log_err("VMRUN at %#lx was refused: %s does not hold; %s is "
			"%#lx (APM 2, %s)",
			r->rip, r->rule, r->field, r->value, r->section);
	else
		log_err("none yet");
}

static bool virt_on(const struct vcpu *v)
{
	return v->svm->l1_svme;
}

const struct nested_ops nested_svm_ops = {
	.cpu_init = cpu_init,
	.vcpu_init = vcpu_init,
	.vcpu_reset = vcpu_reset,
	.handle_exit = handle_exit,
	.before_entry = before_entry,
	.cpuid = svm_nested_cpuid,
	.l2_ptr = svm_l2_page,
	.l2_id = svm_l2_id,
	.virt_on = virt_on,
	.tables = svm_tables,
	.show = show,
	.rdmsr = svm_nested_rdmsr,
	.wrmsr = svm_nested_wrmsr,
};
