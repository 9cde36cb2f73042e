/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding SVM, switching it on, and the structures of a VM and a vcpu. */
#include "core/cpu.h"
#include "core/cpuid_policy.h"
#include "core/err.h"
#include "core/idt.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/spinlock.h"
#include "core/string.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "mm/slat.h"
#include "svm/internal.h"

struct svm_hw svm_hw;

#define CPUID_SVM 0x8000000au
#define CPUID_ENCRYPTION 0x8000001fu
#define CPUID_ENCRYPTION_SME BIT(0)
#define CPUID_EXT_ECX_SVM BIT(2)
#define CPUID_EXT_EDX_1G BIT(26)
#define CPUID_EXT_21 0x80000021u
#define CPUID_EXT_21_AIBRS BIT(8)
#define CPUID_HYPERVISOR 0x40000000u
#define CPUID_ECX_HYPERVISOR BIT(31)

/* QEMU's TCG names itself in the hypervisor's leaf; what hides its own leaf
 * is not the emulator itself. */
static bool on_tcg(void)
{
	u32 r[4];

	cpuid(1, 0, r);
	if (!(r[2] & CPUID_ECX_HYPERVISOR))
		return false;
	cpuid(CPUID_HYPERVISOR, 0, r);
	return !memcmp(&r[1], "TCGTCGTCGTCG", 12);
}

/* An address bit that selects the key must not pass for one of memory. */
static u8 phys_bits(u8 bits)
{
	u64 syscfg;
	u32 r[4];

	cpuid(0x80000000, 0, r);
	if (r[0] < CPUID_ENCRYPTION)
		return bits;
	cpuid(CPUID_ENCRYPTION, 0, r);
	if (!(r[0] & CPUID_ENCRYPTION_SME) || rdmsr_safe(MSR_SYSCFG, &syscfg) ||
	    !(syscfg & SYSCFG_MEM_ENCRYPT))
		return bits;
	return cpuid_encrypted_bits(bits, r[1]);
}

bool svm_present(void)
{
	u32 r[4];

	cpuid(0x80000000, 0, r);
	if (r[0] < CPUID_SVM)
		return false;
	cpuid(0x80000001, 0, r);
	if (!(r[2] & CPUID_EXT_ECX_SVM))
		return false;
	cpuid(CPUID_SVM, 0, r);
	svm_hw.rev = r[0] & 0xff;
	svm_hw.nasids = r[1];
	svm_hw.features = svm_hw.there = r[3];
	cpuid(0x80000008, 0, r);
	svm_hw.phys_bits = phys_bits((u8)r[0]);
	svm_hw.tcg = on_tcg();
	return true;
}

void svm_check(struct missing *m)
{
	u64 vm_cr;

	if (!rdmsr_safe(MSR_VM_CR, &vm_cr) && vm_cr & VM_CR_SVMDIS)
		missing_add(m, "SVM is disabled (VM_CR.SVMDIS)",
			    "switch on \"SVM\" or \"AMD-V\" in the firmware's "
			    "CPU settings");
	if (!svm_has(SVM_F_NPT))
		missing_add(m, "nested paging", NULL);
	if (svm_hw.nasids < 3)
		missing_add(m, "at least 3 ASIDs", NULL);
}

void svm_features(char *buf, size_t size)
{
	svm_feature_names(&svm_hw, buf, size);
}

/* L0's own EFER is loaded on each exit: with this bit guests do not steer L0's
 * indirect branches (APM 2, Automatic IBRS). */
static u64 auto_ibrs(void)
{
	u32 r[4];

	cpuid(0x80000000, 0, r);
	if (r[0] < CPUID_EXT_21)
		return 0;
	cpuid(CPUID_EXT_21, 0, r);
	return r[0] & CPUID_EXT_21_AIBRS ? EFER_AIBRSE : 0;
}

/* What one of the CPUs lacks nobody uses: L1 moves its VMCBs about. */
static int meet(const struct cpu *cpu)
{
	static struct spinlock lock;
	u32 r[4];

	cpuid(CPUID_SVM, 0, r);
	spin_lock(&lock);
	if ((svm_hw.features & ~r[3]) || svm_hw.nasids > r[1])
		log_warn("CPU %u has less of SVM than others: all do without",
			 cpu->index);
	svm_hw.features &= r[3];
	svm_hw.nasids = MIN(svm_hw.nasids, r[1]);
	spin_unlock(&lock);
	return svm_has(SVM_F_NPT) && svm_hw.nasids >= 3 ? 0 : -EOPNOTSUPP;
}

int svm_cpu_on(struct cpu *cpu)
{
	struct svm_cpu *c = cpu->svm;

	if (cpu->index && meet(cpu))
		return -EOPNOTSUPP;
	if (!c) {
		c = page_alloc(1);
		if (!c)
			return -ENOMEM;
		c->hsave = page_alloc(1);
		c->host_ls = page_alloc(1);
		c->guest_ls = page_alloc(1);
		if (!c->hsave || !c->host_ls || !c->guest_ls)
			return -ENOMEM;
		c->host_ls_pa = ptr_hpa(c->host_ls);
		c->guest_ls_pa = ptr_hpa(c->guest_ls);
		c->asid_next = SVM_ASID_FIRST;
		c->asid_gen = 1;
		cpu->svm = c;
	}
	nmi_hook = svm_nmi_hook;
	debug_dr_data = !svm_db_untold();
	debug_dr_always = svm_hw.tcg; /* svm/debug.c, tcg_arm() */
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME | auto_ibrs());
	wrmsr(MSR_VM_HSAVE_PA, ptr_hpa(c->hsave).v);
	svm_vmsave(c->host_ls_pa);
	cpu->online = true;
	return 0;
}

void svm_cpu_off(struct cpu *cpu)
{
	svm_vmload(cpu->svm->host_ls_pa);
	__asm__ volatile("stgi" : : : "memory");
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
	cpu->online = false;
}

/* MSRs that L0 always sees: what virtual SVM and INIT/SIPI depend on. */
static void msrpm_init(struct svm_vm *b)
{
	static const u32 both[] = { MSR_EFER, MSR_VM_CR, MSR_VM_HSAVE_PA,
				    MSR_SVM_KEY };

	for (u32 i = 0; i < ARRAY_SIZE(both); i++)
		svm_msrpm_set(b->msrpm, both[i], true, true);
}

static bool has_1g(void)
{
	u32 r[4];

	cpuid(0x80000001, 0, r);
	return r[3] & CPUID_EXT_EDX_1G;
}

/* Nested tables have the form of L0's own (APM 2, "Nested Paging"). */
static const struct pt_format *npt_format(void)
{
	return read_cr4() & CR4_LA57 ? &pt_npt_5 : &pt_npt_4;
}

int svm_vm_init(struct vm *vm)
{
	struct svm_vm *b = page_alloc(1);
	int err;

	if (!b)
		return -ENOMEM;
	svm_hw.features &= ~(u32)vm->policy.features_off;
	b->msrpm = page_alloc(SVM_MSRPM_PAGES);
	b->iopm = page_alloc(SVM_IOPM_PAGES);
	if (!b->msrpm || !b->iopm)
		return -ENOMEM;
	b->msrpm_pa = ptr_hpa(b->msrpm);
	b->iopm_pa = ptr_hpa(b->iopm);
	msrpm_init(b);
	vm->backend = b;
	vm->slat = &b->slat;
	/* MTRRs and L1's PAT give the memory types: nothing of NPT's own. */
	b->slat = (struct slat){ .fmt = npt_format(),
				 .max_page = has_1g() ? 3 : 2,
				 .phys_bits = svm_hw.phys_bits,
				 .cpus = vm->nvcpus };
	err = slat_build(&b->slat, &vm->map, vm->l0_start, vm->l0_len,
			 vm->scratch);
	if (err)
		return err;
	return svm_watch_init(vm);
}

/* What L0 needs to see of L1, and no more (docs/svm.md, What exits). */
static const u8 intercepts[] = {
	ICPT_NMI,      ICPT_CPUID, ICPT_INVD,	 ICPT_INVLPGA, ICPT_MSR,
	ICPT_SHUTDOWN, ICPT_VMRUN, ICPT_VMMCALL, ICPT_VMLOAD,  ICPT_VMSAVE,
	ICPT_STGI,     ICPT_CLGI,  ICPT_SKINIT,
};

static void vmcb01_init(struct vcpu *v)
{
	struct svm_vm *b = v->vm->backend;
	struct vmcb *c = v->svm->vmcb01;

	for (u32 i = 0; i < ARRAY_SIZE(intercepts); i++)
		vmcb_set_intercept(c, intercepts[i], true);
	vmcb_set_intercept(c, ICPT_IOIO, b->ports_trapped);
	vmcb_set_iopm(c, b->iopm_pa.v);
	vmcb_set_msrpm(c, b->msrpm_pa.v);
	vmcb_set_asid(c, SVM_ASID_L1);
	vmcb_set_nested_ctl(c, NESTED_NP);
	vmcb_set_ncr3(c, b->slat.root.v);
	vmcb_set_efer(c, EFER_SVME);
}

int svm_vcpu_init(struct vcpu *v)
{
	struct svm_vcpu *s = page_alloc(1);

	_Static_assert(sizeof(*s) <= PAGE_SIZE, "one page");
	if (!s)
		return -ENOMEM;
	s->vmcb01 = page_alloc(1);
	if (!s->vmcb01)
		return -ENOMEM;
	s->vmcb01_pa = ptr_hpa(s->vmcb01);
	s->insn_cache = page_alloc(1);
	if (!s->insn_cache)
		return -ENOMEM;
	s->gif = true;
	svm_select_vmcb(s, s->vmcb01, s->vmcb01_pa);
	v->svm = s;
	vmcb01_init(v);
	return svm_nested ? svm_nested->vcpu_init(v) : 0;
}

/* What firmware has left in the registers of system calls is L1's to find. */
static void load_syscall_msrs(struct vmcb *c, const struct vmcb *host)
{
	vmcb_set_star(c, vmcb_star(host));
	vmcb_set_lstar(c, vmcb_lstar(host));
	vmcb_set_cstar(c, vmcb_cstar(host));
	vmcb_set_sfmask(c, vmcb_sfmask(host));
	vmcb_set_kernel_gs_base(c, vmcb_kernel_gs_base(host));
	vmcb_set_sysenter_cs(c, vmcb_sysenter_cs(host));
	vmcb_set_sysenter_esp(c, vmcb_sysenter_esp(host));
	vmcb_set_sysenter_eip(c, vmcb_sysenter_eip(host));
}

void svm_vcpu_load(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;

	v->cpu = this_cpu();
	v->cpu->vcpu = v;
	__asm__ volatile("clgi" : : : "memory");
	vmcb_set_g_pat(s->vmcb01, rdmsr(MSR_PAT));
	s->apic_ldr = 0;
	s->apic_dfr = ~0u;
	svm_flush_asid(s->vmcb01);
	svm_set_debug(v);
	load_syscall_msrs(s->vmcb01, v->cpu->svm->host_ls);
	svm_vmload(s->vmcb01_pa);
}

void svm_trap_port(struct vm *vm, u16 port, u16 count, bool on)
{
	struct svm_vm *b = vm->backend;

	svm_iopm_set(b->iopm, port, count, on);
	b->ports_trapped |= on;
	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpus ? vm->vcpus[i] : NULL;

		if (v && v->svm)
			vmcb_set_intercept(v->svm->vmcb01, ICPT_IOIO,
					   b->ports_trapped);
	}
}

/* Is the access L0's own business, whatever core asks for? */
static bool always(u32 msr)
{
	return msr == MSR_EFER || msr == MSR_VM_CR || msr == MSR_VM_HSAVE_PA ||
	       msr == MSR_SVM_KEY;
}

void svm_trap_msr(struct vm *vm, u32 msr, bool rd, bool wr)
{
	struct svm_vm *b = vm->backend;

	if (always(msr))
		return;
	if (b->watch_icr && (msr == MSR_X2APIC_ICR || msr == MSR_APIC_BASE))
		wr = true;
	svm_msrpm_set(b->msrpm, msr, rd, wr);
}

bool svm_msr_trapped(const struct vm *vm, u32 msr, bool write)
{
	const struct svm_vm *b = vm->backend;

	return svm_msrpm_hit(b->msrpm, msr, write);
}
