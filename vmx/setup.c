/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding VMX, switching it on, and the structures of a VM and a vcpu. */
#include "core/cpuid_policy.h"
#include "core/err.h"
#include "core/idt.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/spinlock.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "mm/slat.h"
#include "vmx/internal.h"

struct vmx_caps vmx_caps, vmx_offered;

#define CPUID_ECX_VMX BIT(5)
#define CPUID_7_ECX_TME BIT(13)

static u64 read_msr(u32 msr)
{
	return rdmsr(msr);
}

/* An address bit that selects the key must not pass for one of memory: the
 * same page has an address for each key. */
static u8 phys_bits(void)
{
	u32 r[4], bits;
	u64 tme;

	cpuid(0x80000008, 0, r);
	bits = (u8)r[0];
	cpuid(7, 0, r);
	if (!(r[2] & CPUID_7_ECX_TME) || rdmsr_safe(MSR_TME_ACTIVATE, &tme))
		return (u8)bits;
	return cpuid_keyless_bits((u8)bits, tme);
}

bool vmx_present(void)
{
	u32 r[4];

	cpuid(1, 0, r);
	if (!(r[2] & CPUID_ECX_VMX))
		return false;
	vmx_caps_read(&vmx_caps, read_msr, phys_bits());
	return true;
}

void vmx_check(struct missing *m)
{
	u64 fc;

	if (rdmsr_safe(MSR_FEATURE_CONTROL, &fc))
		fc = FEATURE_CONTROL_LOCK;
	vmx_caps_missing(&vmx_caps, fc, m);
}

void vmx_features(char *buf, size_t size)
{
	vmx_feature_names(&vmx_caps, buf, size);
}

int vmx_set_features(const char *list, u64 *off)
{
	return vmx_feature_list(list, off);
}

static int cpu_alloc(struct cpu *cpu)
{
	struct vmx_cpu *c = page_alloc(1);

	if (!c)
		return -ENOMEM;
	c->vmxon = page_alloc(1);
	if (!c->vmxon)
		return -ENOMEM;
	c->vmxon_pa = ptr_hpa(c->vmxon);
	c->vpid_next = VMX_VPID_FIRST;
	*(u32 *)c->vmxon = (u32)(vmx_caps.basic & VMX_BASIC_REVISION);
	cpu->vmx = c;
	return 0;
}

static int feature_control_on(void)
{
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);

	if (!(fc & FEATURE_CONTROL_LOCK)) {
		fc |= FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX;
		wrmsr(MSR_FEATURE_CONTROL, fc);
	}
	return fc & FEATURE_CONTROL_VMX ? 0 : -EPERM;
}

/* SDM 3C, Restrictions on VMX Operation. */
static void fixed_bits_on(void)
{
	write_cr0((read_cr0() | vmx_caps.cr0_fixed0) & vmx_caps.cr0_fixed1);
	write_cr4((read_cr4() | CR4_VMXE | vmx_caps.cr4_fixed0) &
		  vmx_caps.cr4_fixed1);
}

/*
 * All CPUs run vmcs01s of one kind, and L1 may take a VMCS from one to another:
 * so what one of them lacks (cores of different kinds, an update of microcode
 * that did not reach all) nobody uses.
 */
static int meet(const struct cpu *cpu)
{
	static struct spinlock lock;
	struct missing m = { 0 };
	struct vmx_caps own;

	vmx_caps_read(&own, read_msr, phys_bits());
	if ((own.basic ^ vmx_caps.basic) &
	    (VMX_BASIC_REVISION | BITS(53, 32))) {
		log_err("CPU %u: its VMCS is another (%#lx) than the boot "
			"processor's (%#lx)",
			cpu->index, own.basic, vmx_caps.basic);
		return -EINVAL;
	}
	spin_lock(&lock);
	if (vmx_caps_meet(&vmx_caps, &own)) {
		log_warn("CPU %u has less of VMX than others: all do without",
			 cpu->index);
		vmx_caps_missing(&vmx_caps, FEATURE_CONTROL_VMX, &m);
	}
	spin_unlock(&lock);
	for (u32 i = 0; i < m.n; i++)
		log_err("CPU %u: missing: %s", cpu->index, m.what[i]);
	return m.n ? -EOPNOTSUPP : 0;
}

int vmx_cpu_on(struct cpu *cpu)
{
	bool fail;
	int err;

	if (!cpu->vmx) {
		err = cpu_alloc(cpu);
		if (err)
			return err;
	}
	err = feature_control_on();
	if (!err && cpu->index)
		err = meet(cpu);
	if (err)
		return err;
	nmi_hook = vmx_nmi_hook;
	mce_hook = vmx_mce_hook;
	fixed_bits_on();
	__asm__ volatile("vmxon %1"
			 : "=@ccna"(fail)
			 : "m"(cpu->vmx->vmxon_pa.v)
			 : "cc", "memory");
	if (fail)
		return -EIO;
	/* Translations of whoever used VMX before. */
	if (vmx_caps.ept_vpid & EPT_CAP_INVEPT_ALL)
		vmx_invept(INVEPT_ALL, 0);
	vmx_invvpid(INVVPID_ALL, 0, 0);
	return 0;
}

void vmx_cpu_off(struct cpu *cpu)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
	write_cr4(read_cr4() & ~CR4_VMXE);
	cpu->vmx->current = NULL;
	cpu->online = false;
}

static u32 ept_max_page(void)
{
	if (vmx_offered.ept_vpid & EPT_CAP_1G)
		return 3;
	return vmx_offered.ept_vpid & EPT_CAP_2M ? 2 : 1;
}

static int vm_tables(struct vm *vm, struct vmx_vm *b)
{
	int err;

	vm->slat->fmt = &pt_ept_4;
	vm->slat->max_page = ept_max_page();
	vm->slat->phys_bits = vmx_caps.phys_bits;
	vm->slat->cpus = vm->nvcpus;
	vm->slat->exec_only = vmx_caps.ept_vpid & EPT_CAP_EXEC_ONLY;
	err = slat_build(vm->slat, &vm->map, vm->l0_start, vm->l0_len,
			 vm->scratch);
	if (err)
		return err;
	/* No accessed and dirty flags: nobody reads them here. */
	b->eptp = vm->slat->root.v | EPTP_WB | EPTP_WALK4;
	return 0;
}

int vmx_vm_init(struct vm *vm)
{
	struct vmx_vm *b = page_alloc(1);
	int err;

	if (!b)
		return -ENOMEM;
	vmx_offered = vmx_caps;
	vmx_features_cut(&vmx_offered, vm->policy.features_off);
	b->msr_bitmap = page_alloc(1);
	b->io_bitmap = page_alloc(2);
	if (!b->msr_bitmap || !b->io_bitmap)
		return -ENOMEM;
	b->msr_bitmap_pa = ptr_hpa(b->msr_bitmap);
	b->io_bitmap_pa = ptr_hpa(b->io_bitmap);
	vm->backend = b;
	b->apic_page = HPA_NONE;
	err = vm_tables(vm, b);
	return err ? err : vmx_watch_init(vm);
}

int vmx_vcpu_init(struct vcpu *v)
{
	struct vmx_vcpu *x = page_alloc(1);
	int err;

	_Static_assert(sizeof(*x) <= PAGE_SIZE, "one page");
	if (!x)
		return -ENOMEM;
	v->vmx = x;
	err = vmx_vmcs_alloc(&x->vmcs01);
	if (err)
		return err;
	x->vmcs = &x->vmcs01;
	x->cr0_mask = vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG);
	x->cr4_mask = CR4_VMXE | CR4_HIDDEN | vmx_caps.cr4_fixed0;
	return vmx_nested && v->vm->policy.nested ? vmx_nested->vcpu_init(v)
						  : 0;
}

static void vmcs01_controls(struct vcpu *v)
{
	const struct vmx_vm *b = v->vm->backend;
	static const u8 groups[] = { GROUP_PIN,	  GROUP_PROC, GROUP_PROC2,
				     GROUP_PROC3, GROUP_EXIT, GROUP_ENTRY };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		u8 g = groups[i];
		struct vmx_allowed a = vmx_caps.ctl[g];
		u64 val;

		/* vmx.features=-vpid holds for L0 itself. */
		if (g == GROUP_PROC2)
			a.may1 &= vmx_offered.ctl[g].may1 | ~PROC2_VPID;
		val = vmx_controls(&a, vmx_wanted[g]);
		if (g == GROUP_PROC && b->io_used)
			val |= PROC_IO_BITMAP;
		if (g == GROUP_PROC3 && !(vmx_ctl(v, GROUP_PROC) & PROC_PROC3))
			continue;
		v->vmx->vmcs->ctl[g] = ~val;
		vmx_set_ctl(v, g, val);
	}
}

static void vmcs01_fields(struct vcpu *v)
{
	const struct vmx_vm *b = v->vm->backend;

	vmwrite(VMCS_EPTP, b->eptp);
	if (vmx_ctl(v, GROUP_PROC2) & PROC2_VPID)
		vmwrite(VMCS_VPID, VMX_VPID_L1);
	if (vmx_ctl(v, GROUP_PROC2) & PROC2_XSAVES)
		vmwrite(VMCS_XSS_BITMAP, 0);
	vmwrite(VMCS_MSR_BITMAP, b->msr_bitmap_pa.v);
	vmwrite(VMCS_IO_BITMAP_A, b->io_bitmap_pa.v);
	vmwrite(VMCS_IO_BITMAP_B, b->io_bitmap_pa.v + PAGE_SIZE);
	vmwrite(VMCS_EXCEPTION_BITMAP, 0);
	vmwrite(VMCS_PF_ERROR_MASK, 0);
	vmwrite(VMCS_PF_ERROR_MATCH, 0);
	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_ENTRY_INTR_INFO, 0);
	vmwrite(VMCS_CR0_MASK, v->vmx->cr0_mask);
	vmwrite(VMCS_CR4_MASK, v->vmx->cr4_mask);
	vmwrite(VMCS_GUEST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
	vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
	vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	/* Loaded on entries, and saved by exits of every processor that can;
	 * L0 itself runs with CR4.CET at 0 and leaves the registers alone. */
	if (vmx_ctl(v, GROUP_ENTRY) & ENTRYC_LOAD_CET) {
		vmwrite(VMCS_GUEST_S_CET, rdmsr(MSR_S_CET));
		vmwrite(VMCS_GUEST_SSP, 0);
		vmwrite(VMCS_GUEST_INTR_SSP_TABLE, rdmsr(MSR_INTR_SSP_TABLE));
	}
}

void vmx_vcpu_load(struct vcpu *v)
{
	v->cpu = this_cpu();
	v->cpu->vcpu = v;
	v->vmx->kicked = false; /* one that no L0 was there to notice */
	v->vmx->vmcs01.clear_needed = true;
	vmx_select(v, &v->vmx->vmcs01);
	vmcs01_controls(v);
	vmcs01_fields(v);
	vmx_host_state(v);
	vmx_invept(INVEPT_SINGLE, ((struct vmx_vm *)v->vm->backend)->eptp);
	vmx_invvpid(INVVPID_SINGLE, VMX_VPID_L1, 0);
}

/* The bitmaps are looked at by hardware as they are; that they are looked at
 * each vcpu takes over when it handles REQ_FLUSH_TLB or is loaded. */
void vmx_trap_port(struct vm *vm, u16 port, u16 count, bool on)
{
	struct vmx_vm *b = vm->backend;

	vmx_io_bitmap_set(b->io_bitmap, port, count, on);
	b->io_used |= on;
	b->bitmap_gen++;
	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpus ? vm->vcpus[i] : NULL;

		if (!v || !v->vmx || !on)
			continue;
		request_set(v, REQ_FLUSH_TLB);
		if (v->cpu != this_cpu())
			vmx_kick(v);
	}
}

void vmx_trap_msr(struct vm *vm, u32 msr, bool rd, bool wr)
{
	struct vmx_vm *b = vm->backend;

	vmx_msr_bitmap_set(b->msr_bitmap, msr, rd, wr);
	b->bitmap_gen++;
}

bool vmx_msr_trapped(const struct vm *vm, u32 msr, bool write)
{
	const struct vmx_vm *b = vm->backend;

	return vmx_msr_bitmap_hit(b->msr_bitmap, msr, write);
}
