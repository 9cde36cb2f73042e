/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All of the SVM backend and of nested SVM, on a processor that is the test's:
 * L0 runs in a thread of its own until it enters a guest, the test is that
 * guest until it exits. Included by one file a program, which names its
 * sources and "-include tests/unit/fake_insns.h".
 */
#ifndef TESTS_UNIT_SVM_ENV_H
#define TESTS_UNIT_SVM_ENV_H

#include <pthread.h>
#include <semaphore.h>

#include "tests/unit/shadow_env.h"

#include "core/cpu.h"
#include "core/exit.h"
#include "core/idt.h"
#include "core/insns.h"
#include "core/smp.h"
#include "core/x86.h"
#include "nested/svm.h"
#include "svm/internal.h"

/* ------------------------------------------------------------------------ */
/* The processor.							     */

static struct {
	u32 features, nasids; /* CPUID Fn8000_000A */
	bool lbr_stack;
	u64 tsc_ratio, cr4, cr8, x2apic_icr, apic_base;
	u32 nmis; /* sent by L0 */
	u64 invlpga_va;
	u32 invlpga_asid;
} hw;

void cpuid(u32 leaf, u32 sub, u32 r[4])
{
	memset(r, 0, 16);
	switch (leaf) {
	case 0x80000000:
		r[0] = 0x80000022;
		break;
	case 0x80000001:
		r[2] = BIT(2);			    /* SVM */
		r[3] = BIT(29) | BIT(26) | BIT(20); /* LM, 1 GiB, NX */
		break;
	case 0x80000008:
		r[0] = PHYS_BITS;
		break;
	case 0x8000000a:
		r[0] = 1;
		r[1] = hw.nasids;
		r[3] = hw.features;
		break;
	case 0x80000022:
		r[0] = hw.lbr_stack ? BIT(1) : 0;
		break;
	case 1:
		r[3] = ~0u;
		break;
	}
}

u32 rdmsr_safe(u32 msr, u64 *val)
{
	*val = 0;
	switch (msr) {
	case MSR_PAT:
		*val = host_pat;
		return 0;
	case MSR_APIC_BASE:
		*val = hw.apic_base;
		return 0;
	}
	return VEC_GP + 1;
}

u64 rdmsr(u32 msr)
{
	u64 val;

	CHECK(!rdmsr_safe(msr, &val));
	return val;
}

u32 wrmsr_safe(u32 msr, u64 val)
{
	switch (msr) {
	case MSR_TSC_RATIO:
		hw.tsc_ratio = val;
		return hw.features & SVM_F_TSCRATE ? 0 : VEC_GP + 1;
	case MSR_X2APIC_ICR:
		hw.x2apic_icr = val;
		return 0;
	}
	return VEC_GP + 1;
}

void wrmsr(u32 msr, u64 val)
{
	CHECK(!wrmsr_safe(msr, val));
}

u64 read_cr8(void)
{
	return hw.cr8;
}

void write_cr8(u64 val)
{
	hw.cr8 = val;
}

void write_cr2(u64 val)
{
}

u64 read_cr4(void)
{
	return hw.cr4;
}

void invlpga(u64 va, u32 asid)
{
	hw.invlpga_va = va;
	hw.invlpga_asid = asid;
}

bool apic_send_nmi(u32 apic_id)
{
	hw.nmis++;
	return true;
}

/* ------------------------------------------------------------------------ */
/* What is not tested here.						     */

u32 nr_cpus_present = 1;

bool apic_base_ok(const struct vm *vm, u64 val)
{
	return true;
}

bool debug_dr_data, debug_dr_always;
bool (*nmi_hook)(struct cpu *cpu, struct trap_frame *f);

static bool no_exception(struct vcpu *v, u8 vector, u32 error, u64 addr)
{
	return false;
}

bool (*debug_exception)(struct vcpu *v, u8 vector, u32 error,
			u64 addr) = no_exception;
bool (*debug_soft_int)(struct vcpu *v);

u64 exit_efer_taken(u64 known)
{
	return known;
}

void debug_event(struct vcpu *v, enum debug_what what, u32 raw)
{
}

void debug_leave_l2(struct vcpu *v)
{
}

void debug_virt_off(struct vcpu *v)
{
}

bool debug_holds(struct vcpu *v)
{
	return false;
}

bool svm_debug_entry(struct vcpu *v)
{
	return false;
}

void svm_debug_exit(struct vcpu *v, u64 code)
{
}

bool svm_debug_tcg(const struct vcpu *v)
{
	return false;
}

bool svm_db_untold(void)
{
	return false;
}

void svm_set_debug(struct vcpu *v)
{
	vmcb_set_intercept_word(v->svm->vmcb01, ICPT_EXC,
				svm_exc_wanted(v->svm));
}

const struct virt_ops svm_ops = { .set_debug = svm_set_debug };
const u8 svm_halt_window[1], svm_halt_end[1];

void svm_halt(const u64 *wake)
{
}

void svm_nmi_window(u64 host_pa, u64 guest_pa)
{
}

/* ------------------------------------------------------------------------ */
/* L0, and the two that take turns.					     */

struct turn {
	sem_t guest, l0;
	struct vmcb *entered; /* NULL: core is asked, about exit */
	u32 host_if;
	struct vmexit exit;
};

static struct vcpu vcpu, vcpu2;
static struct vcpu *vcpus[2] = { &vcpu, &vcpu2 };
static struct cpu cpu0;
static struct svm_cpu svm_cpu0;
static struct turn *turn; /* the one that counts: older threads sleep on */

#define V (&vcpu)
#define N (vcpu.nsvm)
#define L1_CODE MiB(2) /* where L1's instructions would be */
#define L1_TABLES MiB(5)
#define VMCB12 MiB(3)
#define MSRPM12 MiB(4)
#define IOPM12 (MiB(4) + 2 * PAGE_SIZE)

static void hand_over(struct turn *t, struct vmcb *b)
{
	t->entered = b;
	sem_post(&t->guest);
	sem_wait(&t->l0);
}

void svm_enter(u64 *gpr, u64 pa, u32 host_if)
{
	turn->host_if = host_if;
	hand_over(turn, hpa_ptr(HPA(pa)));
}

static void *l0_thread(void *arg)
{
	struct turn *t = arg;

	for (;;) {
		svm_run(V, &t->exit);
		hand_over(t, NULL);
	}
	return NULL;
}

/* L0's turn, until it enters a guest: the VMCB. */
static struct vmcb *resume(void)
{
	sem_post(&turn->l0);
	sem_wait(&turn->guest);
	return turn->entered;
}

/* What runs exits with @code. */
static struct vmcb *exits(u64 code)
{
	vmcb_set_exitcode(turn->entered, code);
	return resume();
}

/* L1 on hardware with @features, less those of svm.features= in @off; it has
 * set EFER.SVME. */
static void start(u32 features, u32 off)
{
	struct vmcb_seg cs = { 8, VSEG_P | VSEG_S | VSEG_L | 0xb, ~0u, 0 };
	pthread_t id;
	struct vmcb *b;

	machine(false, 3);
	memset(&hw, 0, sizeof(hw));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&vcpu2, 0, sizeof(vcpu2));
	memset(&svm_cpu0, 0, sizeof(svm_cpu0));
	hw.features = features;
	hw.nasids = 16;
	hw.tsc_ratio = SVM_TSC_RATIO_ONE;
	hw.apic_base = 0xfee00000;
	vm.policy.features_off = off;
	vm.nvcpus = nr_cpus_present;
	vm.vcpus = vcpus;
	cpu0.svm = &svm_cpu0;
	svm_cpu0.asid_next = SVM_ASID_FIRST;
	svm_cpu0.asid_gen = 1;
	CHECK(svm_present());
	CHECK(!svm_vm_init(&vm));
	for (u32 i = 0; i < 2; i++) {
		vcpus[i]->vm = &vm;
		vcpus[i]->cpu = &cpu0;
		vcpus[i]->apic_id = i;
		svm_nested = i ? NULL : &nested_svm_ops;
		CHECK(!svm_vcpu_init(vcpus[i]));
	}
	svm_nested = &nested_svm_ops;
	V->svm->l1_svme = EFER_SVME;
	b = V->svm->vmcb01;
	vmcb_set_efer(b, EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE);
	vmcb_set_cr0(b, CR0_PE | CR0_PG);
	vmcb_set_cr4(b, CR4_PAE);
	vmcb_set_cs(b, &cs);
	vmcb_set_rip(b, L1_CODE);
	/* the first GiB is itself */
	*(u64 *)(unit_memory + L1_TABLES) = (L1_TABLES + PAGE_SIZE) | 0x27;
	*(u64 *)(unit_memory + L1_TABLES + PAGE_SIZE) = 0xe7;
	vmcb_set_cr3(b, L1_TABLES);
	vmcb_set_g_pat(b, PAT_AT_RESET);
	turn = calloc(1, sizeof(*turn)); /* the last thread waits for ever */
	sem_init(&turn->guest, 0, 0);
	sem_init(&turn->l0, 0, 0);
	pthread_create(&id, NULL, l0_thread, turn);
	pthread_detach(id);
	sem_wait(&turn->guest);
	CHECK(turn->entered == b);
}

static struct vmcb *vmcb12(void)
{
	return hpa_ptr(HPA(VMCB12));
}

/* A 64-bit L2 with nothing intercepted but VMRUN, on nested paging. */
static struct vmcb *good12(void)
{
	struct vmcb *b = vmcb12();

	memset(b, 0, sizeof(*b));
	vmcb_set_intercept(b, ICPT_VMRUN, true);
	vmcb_set_asid(b, 1);
	vmcb_set_msrpm(b, MSRPM12);
	vmcb_set_iopm(b, IOPM12);
	vmcb_set_nested_ctl(b, NESTED_NP);
	vmcb_set_ncr3(b, TABLES);
	vmcb_set_g_pat(b, PAT_AT_RESET);
	vmcb_set_efer(b, EFER_SVME | EFER_LME | EFER_LMA);
	vmcb_set_cr0(b, CR0_PE | CR0_PG);
	vmcb_set_cr4(b, CR4_PAE);
	vmcb_set_cs(b, vmcb_cs(V->svm->vmcb01));
	vmcb_set_rip(b, 0x1000);
	vmcb_set_rflags(b, 2);
	return b;
}

/* An instruction of @len bytes exits with @code; L1's, which L0 may have to
 * look at, stands at its RIP. */
static struct vmcb *executes(u64 code, u32 len)
{
	static const struct {
		u64 code;
		u8 last;
	} bytes[] = { { VMEXIT_VMRUN, 0xd8 },
		      { VMEXIT_STGI, 0xdc },
		      { VMEXIT_CLGI, 0xdd } };
	u8 *rip = unit_memory + vmcb_rip(turn->entered);

	for (u32 i = 0; i < ARRAY_SIZE(bytes) && !V->in_l2; i++)
		if (bytes[i].code == code)
			memcpy(rip, (u8[]){ 0x0f, 0x01, bytes[i].last }, 3);
	vmcb_set_nrip(turn->entered, vmcb_rip(turn->entered) + len);
	return exits(code);
}

/* L1 executes VMRUN. */
static struct vmcb *vmrun(void)
{
	CHECK(turn->entered == V->svm->vmcb01);
	vmcb_set_rax(turn->entered, VMCB12);
	return executes(VMEXIT_VMRUN, 3);
}

#endif
