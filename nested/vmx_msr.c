/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nested_ops: what the backend and core call, and VMX's MSRs and CPUID. */
#include "core/err.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/x86.h"
#include "mm/page.h"
#include "nested/vmx.h"
#include "nested/vmx_caps.h"

#define CPUID_1_ECX_VMX BIT(5)
#define CPUID_1_ECX_PDCM BIT(15)
#define CPUID_7_EBX_SGX BIT(2)
#define CPUID_7_EBX_RTM BIT(11)
#define CPUID_7_ECX_BUS_LOCK BIT(24)
#define CPUID_7_EDX_ARCH_CAP BIT(29)
#define CPUID_7_1_EAX_LAM BIT(26)
#define PERF_CAP_METRICS BIT(15)
#define PERF_GLOBAL_METRICS BIT(48)
#define CPUID_7_ECX_SHSTK BIT(7)
#define CPUID_7_EDX_IBT BIT(20)
#define S_CET_IBT (BITS(5, 2) | BITS(63, 10))

static int cpu_init(struct cpu *cpu)
{
	return 0;
}

/* Bits that a WRMSR would take, found by what CPUID says. */
static u64 efer_bits(void)
{
	u32 r[4];
	u64 bits = EFER_LME | EFER_LMA;

	cpuid(0x80000001, 0, r);
	if (r[3] & BIT(11))
		bits |= EFER_SCE;
	if (r[3] & BIT(20))
		bits |= EFER_NXE;
	return bits;
}

static u64 perf_bits(void)
{
	u64 cap = 0;
	u32 r[4];

	cpuid(1, 0, r);
	if ((r[2] & CPUID_1_ECX_PDCM) &&
	    rdmsr_safe(MSR_PERF_CAPABILITIES, &cap))
		cap = 0;
	cpuid(0xa, 0, r);
	if (!(u8)r[0])
		return 0;
	return (BIT(r[0] >> 8 & 0xff) - 1) |
	       (BIT((r[3] & 0x1f) + 32) - BIT(32)) |
	       (cap & PERF_CAP_METRICS ? PERF_GLOBAL_METRICS : 0);
}

static bool needs_ibpb(void)
{
	u64 arch;
	u32 r[4];

	cpuid(7, 0, r);
	if (!(r[3] & CPUID_7_EDX_ARCH_CAP) ||
	    rdmsr_safe(MSR_ARCH_CAPABILITIES, &arch))
		arch = 0;
	return vmx12_needs_ibpb(r[3], arch);
}

/* LBR, BTF, split lock, TR to freeze-while-SMM: what IA32_DEBUGCTL has. */
#define DEBUGCTL_BITS (BITS(2, 0) | BITS(15, 6))

static void env_init(struct nested_vmx *n)
{
	u32 r[4];

	n->env.caps = &n->caps;
	n->env.efer_valid = efer_bits();
	n->env.perf_valid = perf_bits();
	n->env.debugctl_valid = DEBUGCTL_BITS;
	cpuid(0x80000008, 0, r);
	n->env.la_bits = (u8)(r[0] >> 8);
	cpuid(7, 0, r);
	n->env.sgx = r[1] & CPUID_7_EBX_SGX;
	n->env.rtm = r[1] & CPUID_7_EBX_RTM;
	n->env.bus_lock_db = r[2] & CPUID_7_ECX_BUS_LOCK;
	n->env.s_cet_valid = (r[2] & CPUID_7_ECX_SHSTK ? BITS(1, 0) : 0) |
			     (r[3] & CPUID_7_EDX_IBT ? S_CET_IBT : 0);
	if (r[0]) /* else r[0] is 0, as it should be */
		cpuid(7, 1, r);
	n->env.cr3_lam = r[0] & CPUID_7_1_EAX_LAM ? CR3_LAM : 0;
}

#define NESTED_PAGES ((sizeof(struct nested_vmx) + PAGE_SIZE - 1) / PAGE_SIZE)

static int vcpu_init(struct vcpu *v)
{
	struct nested_vmx *n = page_alloc(NESTED_PAGES);
	int err;

	if (!n)
		return -ENOMEM;
	v->nvmx = n;
	vmx12_caps(&n->caps, &vmx_offered);
	vmcs12_present(&n->present, &n->caps);
	n->cet = n->caps.ctl[GROUP_ENTRY].may1 & ENTRYC_LOAD_CET;
	env_init(n);
	n->ibpb = needs_ibpb();
	vmx_entry_sets();
	vmx_merge_sets();
	n->feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX;
	n->vmxon_ptr = PA_NONE;
	err = vmx_pool_init(v);
	if (!err)
		err = vmx_shadow_init(v);
	return err ? err : vmx_ept_init(v);
}

/* INIT while not in VMX operation: nothing of it is left but caches. */
static void vcpu_reset(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;

	if (n->vmxon)
		vmx_pool_flush_all(v);
	n->vmxon = false;
	n->vmxon_ptr = PA_NONE;
	n->init_blocked = false;
	if (unlikely(v->debug.watch))
		debug_virt_off(v);
}

/* MOV to CR0 or CR4 in VMX operation: the fixed bits stay. True: #GP. */
static __noinline bool cr_refused(struct vcpu *v)
{
	const struct nested_vmx *n = v->nvmx;
	u64 qual = vmx_get(v, CACHED_QUAL);
	u64 val = vmx_gpr(v, CR_ACCESS_GPR(qual));
	bool ok = true;

	if (CR_ACCESS_TYPE(qual) != CR_ACCESS_TO)
		return false;
	if (CR_ACCESS_CR(qual) == 0)
		ok = fixed_ok(val, n->caps.cr0_fixed0, n->caps.cr0_fixed1);
	else if (CR_ACCESS_CR(qual) == 4)
		ok = fixed_ok(val, n->caps.cr4_fixed0, n->caps.cr4_fixed1);
	if (!ok)
		vmx_inject_gp(v);
	return !ok;
}

static bool handle_exit(struct vcpu *v, u32 raw)
{
	struct nested_vmx *n = v->nvmx;
	u32 basic = EXIT_BASIC(raw);

	if (v->in_l2)
		return vmx_exit_l2(v, raw);
	if (basic == REASON_CR_ACCESS)
		return n->vmxon && cr_refused(v);
	if (basic == REASON_INIT) {
		/* Blocked in VMX root operation, and not lost. */
		n->init_blocked |= n->vmxon;
		return n->vmxon;
	}
	return vmx_instruction(v, basic);
}

/*
 * The INIT that root operation blocked: L2 exits for it right after VM entry,
 * when the event that the entry injects has been delivered.
 */
static __noinline void init_l2(struct vcpu *v)
{
	const struct vmx_vcpu *x = v->vmx;

	if (vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_SIPI)
		return;
	if ((x->entry_info | x->vectoring) && vmx_kick_entry(v))
		return;
	v->nvmx->init_blocked = false;
	vmx_reflect_event(v, REASON_INIT, 0, 0);
}

/* SDM 3C, "Other Causes of VM Exits", "Activity State": a SIPI counts only in
 * the wait-for-SIPI state, which blocks INITs like root operation. */
static bool signal(struct vcpu *v, u32 reason, u64 qual)
{
	struct nested_vmx *n = v->nvmx;
	bool init = reason == REASON_INIT, waits;

	if (!v->in_l2) {
		n->init_blocked |= init && n->vmxon;
		return init && n->vmxon;
	}
	waits = vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_SIPI;
	if (init && waits)
		n->init_blocked = true;
	else if (init || waits)
		vmx_reflect_event(v, reason, qual, 0);
	return true;
}

static void before_entry(struct vcpu *v)
{
	const struct vmx_vcpu *x = v->vmx;

	if (unlikely(x->ept01_changed))
		vmx_ept_enter(v);
	if (unlikely(x->own_exception))
		vmx_exception_l2(v);
	if (unlikely(v->nvmx->init_blocked) && v->in_l2 && !debug_holds(v))
		init_l2(v);
	if (unlikely(x->nmi_pending | v->nvmx->cur->nmi_window) && v->in_l2 &&
	    !debug_holds(v))
		vmx_nmi_l2(v);
}

static void nested_cpuid(struct vcpu *v, u32 leaf, u32 sub, u32 r[4])
{
	if (leaf == 1)
		r[2] |= CPUID_1_ECX_VMX;
}

int vmx_msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	if (msr == MSR_FEATURE_CONTROL) {
		*val = v->nvmx->feature_control;
		return 0;
	}
	if (msr < MSR_VMX_BASIC || msr > MSR_VMX_EXIT_CTLS2)
		return -ENOENT;
	return vmx12_cap_msr(&v->nvmx->caps, msr, val) ? -EINVAL : 0;
}

static int nested_wrmsr(struct vcpu *v, u32 msr, u64 val)
{
	/* Locked by firmware; the capability MSRs are read-only. */
	if (msr == MSR_FEATURE_CONTROL ||
	    (msr >= MSR_VMX_BASIC && msr <= MSR_VMX_EXIT_CTLS2))
		return -EINVAL;
	return -ENOENT;
}

/* As L1 would read it now; while L2 runs, as L1 has left it. */
static void show_vmcs12(struct vcpu *v)
{
	const struct nested_vmx *n = v->nvmx;

	for (u32 i = 0; i < NR_VMCS_SLOTS; i++)
		if (set_has(&n->present, i))
			vmx_dump_field(i, v->in_l2 ? n->cur->v12->f[i]
						   : vmx_field_read(v, i));
}

static void show(struct vcpu *v, enum nested_show what)
{
	const struct nested_vmx *n = v->nvmx;
	const struct vmx_refusal *r = &n->refusal;

	if (what == SHOW_02 && v->in_l2)
		vmx_dump_vmcs("vmcs02");
	else if (what == SHOW_12 && n->cur)
		show_vmcs12(v);
	else if (what == SHOW_WHY && r->rule)
		log_err("the VM entry at %#lx was refused: %s does not hold; "
			"%s is %#lx (SDM 3C, %s)",
			r->rip, r->rule, r->field, r->value, r->section);
	else
		log_err("none yet");
}

static bool virt_on(const struct vcpu *v)
{
	return v->nvmx->vmxon;
}

const struct nested_ops nested_vmx_ops = {
	.cpu_init = cpu_init,
	.vcpu_init = vcpu_init,
	.vcpu_reset = vcpu_reset,
	.handle_exit = handle_exit,
	.signal = signal,
	.before_entry = before_entry,
	.cpuid = nested_cpuid,
	.l2_ptr = vmx_l2_ptr,
	.l2_id = vmx_l2_id,
	.virt_on = virt_on,
	.tables = vmx_tables,
	.show = show,
	.rdmsr = vmx_msr_read,
	.wrmsr = nested_wrmsr,
};
