/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/exit.h"

#include "core/cpuid_policy.h"
#include "core/cr.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/msr_policy.h"
#include "core/power.h"
#include "core/printk.h"
#include "core/run.h"
#include "core/smp.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/mtrr.h"
#include "mm/slat.h"

static u64 cr4_mask, efer_mask; /* bits that this processor has */

void inject_gp(struct vcpu *v)
{
	struct event e = { EVENT_EXCEPTION, VEC_GP, true, 0 };

	virt->inject(v, &e);
}

void inject_ud(struct vcpu *v)
{
	struct event e = { EVENT_EXCEPTION, VEC_UD, false, 0 };

	virt->inject(v, &e);
}

static const struct nested_ops *nested_of(const struct vcpu *v)
{
	if (!v->vm->policy.nested)
		return NULL;
	return virt == &svm_ops ? svm_nested : vmx_nested;
}

static bool mode64(struct vcpu *v)
{
	struct segment cs;

	if (!(virt->get_reg(v, VREG_EFER) & EFER_LMA))
		return false;
	virt->get_seg(v, SEG_CS, &cs);
	return cs.attr & BIT(13);
}

static void hv_cpuid(struct vcpu *v, u32 leaf, u32 sub, u32 r[4])
{
	struct cpuid_state s = { .hide = v->vm->policy.hide,
				 .exits = v->stats.total };

	cpuid_apply(&s, leaf, sub, r);
}

static inline void edit_cpuid(struct vcpu *v, const struct cpuid_edit *e,
			      u32 r[4])
{
	r[0] = (r[0] & e->keep[0]) | e->set[0];
	r[1] = (r[1] & e->keep[1]) | e->set[1];
	r[2] = (r[2] & e->keep[2]) | e->set[2];
	r[3] = (r[3] & e->keep[3]) | e->set[3];
	if (e->cr4 && (virt->get_reg(v, VREG_CR4) & e->cr4))
		r[e->reg] |= e->bit;
	else if (e->mode64 && !mode64(v))
		r[e->reg] &= ~e->bit;
}

static void do_cpuid(struct vcpu *v, struct vmexit *x)
{
	u32 leaf = (u32)v->gpr[RAX], sub = (u32)v->gpr[RCX], r[4];
	const struct cpuid_edit *e = cpuid_find(&v->vm->cpuid, leaf, sub);

	cpuid(leaf, sub, r);
	if (e)
		edit_cpuid(v, e, r);
	else if (unlikely(cpuid_is_hv(leaf)))
		hv_cpuid(v, leaf, sub, r);
	v->gpr[RAX] = r[0];
	v->gpr[RBX] = r[1];
	v->gpr[RCX] = r[2];
	v->gpr[RDX] = r[3];
	virt->skip(v);
}

struct cr_state exit_cr_state(struct vcpu *v)
{
	return (struct cr_state){
		.cr0 = virt->get_reg(v, VREG_CR0),
		.cr3 = virt->get_reg(v, VREG_CR3),
		.cr4 = virt->get_reg(v, VREG_CR4),
		.efer = virt->get_reg(v, VREG_EFER),
		.cs_l = mode64(v),
	};
}

u64 exit_cr4_known(struct vcpu *v)
{
	return nested_of(v) ? cr4_mask : cr4_mask & ~CR4_VMXE;
}

u64 exit_efer_known(struct vcpu *v)
{
	return nested_of(v) ? efer_mask : efer_mask & ~EFER_SVME;
}

/*
 * A bit that it does not take would end the VM at its next entry. emulator
 * faults: Bochs' ryzen shows TCE in CPUID and does not take it, TCG drops
 * LMSLE and refuses it at VMRUN. With LMSLE set
 * segments have limits: no memory may be accessed meanwhile.
 */
u64 exit_efer_taken(u64 known)
{
	const u64 optional = EFER_LMSLE | EFER_FFXSR | EFER_TCE | EFER_INTWB |
			     EFER_UAIE | EFER_AIBRSE;
	u64 efer = rdmsr(MSR_EFER);

	for (u64 bit = EFER_LMSLE; bit <= EFER_AIBRSE; bit <<= 1)
		if (known & optional & bit && !(efer & bit) &&
		    !(wrmsr_try(MSR_EFER, efer | bit, efer) & bit))
			known &= ~bit;
	return known;
}

/* LMA is the processor's: a WRMSR leaves it as it is. */
static int write_efer(struct vcpu *v, u64 val)
{
	struct cr_state s = exit_cr_state(v);

	if (!efer_write_ok(&s, val, exit_efer_known(v)))
		return -EINVAL;
	virt->set_reg(v, VREG_EFER, (val & ~EFER_LMA) | (s.efer & EFER_LMA));
	return 0;
}

static void do_rdmsr(struct vcpu *v, struct vmexit *x)
{
	const struct nested_ops *nested = nested_of(v);
	u32 msr = (u32)v->gpr[RCX];
	u64 val = 0;
	int err = nested ? nested->rdmsr(v, msr, &val) : -ENOENT;

	if (err == -ENOENT) {
		err = 0;
		switch (msr_action(msr, false)) {
		case MSR_EFERREG:
			val = virt->get_reg(v, VREG_EFER);
			break;
		case MSR_FEATCTL:
			val = FEATURE_CONTROL_LOCK;
			err = virt == &vmx_ops ? 0 : -EINVAL;
			break;
		case MSR_VMCR:
			val = VM_CR_LOCK | VM_CR_SVMDIS;
			err = virt == &svm_ops ? 0 : -EINVAL;
			break;
		case MSR_GP:
			err = -EINVAL;
			break;
		default:
			err = rdmsr_safe(msr, &val) ? -EINVAL : 0;
			break;
		}
	}
	if (err) {
		inject_gp(v);
		return;
	}
	v->gpr[RAX] = (u32)val;
	v->gpr[RDX] = val >> 32;
	virt->skip(v);
}

static int write_native(u32 msr, u64 val)
{
	return wrmsr_safe(msr, val) ? -EINVAL : 0;
}

/* EPT memory types follow L1's MTRRs; on SVM the processor combines. */
static int write_mtrr(struct vcpu *v, u32 msr, u64 val)
{
	u64 old;
	int err;

	if (rdmsr_safe(msr, &old))
		return -EINVAL;
	err = write_native(msr, val);
	if (err || old == val || !v->vm->slat->mtrr)
		return err;
	return vm_mtrr_changed(v->vm, msr, val);
}

/*
 * With memory encryption on, an address bit of L1's tables selects the key:
 * npt01's addresses would have encrypted aliases, L0's memory among them (APM
 * 2, Secure Memory Encryption). CPUID does not show it to L1, and the bit
 * stays as firmware has left it.
 */
static int write_syscfg(u64 val)
{
	u64 old;

	if (rdmsr_safe(MSR_SYSCFG, &old) || !msr_syscfg_legal(old, val))
		return -EINVAL;
	return write_native(MSR_SYSCFG, val);
}

static int do_msr_write(struct vcpu *v, u32 msr, u64 val)
{
	enum msr_action action = msr_action(msr, true);
	int err;

	switch (action) {
	case MSR_GP:
		return -EINVAL;
	case MSR_IGNORE:
		return 0;
	case MSR_EFERREG:
		return write_efer(v, val);
	case MSR_APICBASE:
		/* an APIC in front of L0's memory would hide that */
		if (!apic_base_ok(v->vm, val))
			return -EINVAL;
		err = write_native(msr, val);
		if (!err)
			v->apic_base = val;
		return err;
	case MSR_MTRR:
		return write_mtrr(v, msr, val);
	case MSR_SYSCFGREG:
		return write_syscfg(val);
	case MSR_MISCREG:
	case MSR_XSSREG:
		if (!msr_value_ok(action, val))
			return -EINVAL;
		return write_native(msr, val);
	default:
		return write_native(msr, val);
	}
}

static void do_wrmsr(struct vcpu *v, struct vmexit *x)
{
	const struct nested_ops *nested = nested_of(v);
	u32 msr = (u32)v->gpr[RCX];
	u64 val = (v->gpr[RDX] << 32) | (u32)v->gpr[RAX];
	int err = nested ? nested->wrmsr(v, msr, val) : -ENOENT;

	if (err == -ENOENT)
		err = do_msr_write(v, msr, val);
	if (err)
		inject_gp(v);
	else
		virt->skip(v);
}

static void do_cr_write(struct vcpu *v, struct vmexit *x)
{
	struct cr_state s = exit_cr_state(v);
	bool ok;

	if (x->cr.cr == 0) {
		ok = cr0_write_ok(&s, x->cr.value);
		x->cr.value |= CR0_ET;
	} else {
		ok = cr4_write_ok(&s, x->cr.value, exit_cr4_known(v));
	}
	if (!ok) {
		inject_gp(v);
		return;
	}
	virt->set_reg(v, x->cr.cr == 0 ? VREG_CR0 : VREG_CR4, x->cr.value);
	virt->skip(v);
}

static void do_mov_dr(struct vcpu *v, struct vmexit *x)
{
	debug_mov_dr(v, x);
}

static void do_xsetbv(struct vcpu *v, struct vmexit *x)
{
	u64 val = (v->gpr[RDX] << 32) | (u32)v->gpr[RAX];
	u32 r[4];

	cpuid(0xd, 0, r);
	if ((u32)v->gpr[RCX] != 0 ||
	    !xcr0_write_ok(val, (u64)r[3] << 32 | r[0]) ||
	    xsetbv_safe(0, val)) {
		inject_gp(v);
		return;
	}
	virt->skip(v);
}

/*
 * INVD without write-back would lose L0's and other CPUs' data: the
 * write-back form is what a guest can be given.
 */
static void do_wbinvd(struct vcpu *v, struct vmexit *x)
{
	wbinvd();
	virt->skip(v);
}

static void do_io(struct vcpu *v, struct vmexit *x)
{
	if (x->io.string)
		log_err("vm%u: CPU %u: INS or OUTS at port %#x, which L0 "
			"watches, is passed over",
			v->vm->id, v->index, x->io.port);
	if (x->io.string || gdb_port_access(v, x) || power_port_access(v, x))
		virt->skip(v);
}

static void do_nmi(struct vcpu *v, struct vmexit *x)
{
	struct event e = { .type = EVENT_NMI, .vector = VEC_NMI };

	virt->inject(v, &e);
}

static void do_mce(struct vcpu *v, struct vmexit *x)
{
	struct event e = { EVENT_EXCEPTION, VEC_MC, false, 0 };

	virt->inject(v, &e);
}

static void do_init(struct vcpu *v, struct vmexit *x)
{
	vcpu_take_init(v);
}

static void do_sipi(struct vcpu *v, struct vmexit *x)
{
	vcpu_sipi(v, x->sipi_vector);
}

/* A line takes the console milliseconds, an L2 no time to bring it about. */
#define LOST_ACCESSES_TOLD 16

static void do_memory(struct vcpu *v, struct vmexit *x)
{
	if (gdb_memory(v, x) ||
	    debug_page_fault(v, x->mem.gpa.v, x->mem.access, x->mem.how))
		return;
	if (!slat_fault(v->vm->slat, x->mem.gpa))
		return;
	/* Beyond what the processor addresses, or not to be had: on the bus
	 * nobody would answer. The L1 is told the only way there is. */
	if (v->lost_accesses++ < LOST_ACCESSES_TOLD)
		log_err("vm%u: CPU %u: access %#x to L1-physical %#lx, which "
			"is not there",
			v->vm->id, v->index, x->mem.access, x->mem.gpa.v);
	inject_gp(v);
}

static void do_virt_insn(struct vcpu *v, struct vmexit *x)
{
	inject_ud(v);
}

static void do_exception(struct vcpu *v, struct vmexit *x)
{
	struct event e = { EVENT_EXCEPTION, x->exc.vector, x->exc.has_error,
			   x->exc.error };

	virt->inject(v, &e);
}

static void do_hlt(struct vcpu *v, struct vmexit *x)
{
	virt->skip(v);
}

static void do_triple_fault(struct vcpu *v, struct vmexit *x)
{
	struct segment cs;

	virt->get_seg(v, SEG_CS, &cs);
	log_err("vm%u: CPU %u: triple fault%s at %04x:%#lx (base %#lx)",
		v->vm->id, v->index, v->in_l2 ? " of L2" : "", cs.sel,
		virt->get_reg(v, VREG_RIP), cs.base);
	log_err("  cr0 %#lx cr2 %#lx cr3 %#lx cr4 %#lx efer %#lx rflags %#lx",
		virt->get_reg(v, VREG_CR0), virt->get_reg(v, VREG_CR2),
		virt->get_reg(v, VREG_CR3), virt->get_reg(v, VREG_CR4),
		virt->get_reg(v, VREG_EFER), virt->get_reg(v, VREG_RFLAGS));
	for (u32 i = 0; i < NR_GPRS; i += 4)
		log_err("  r%02u-%02u %016lx %016lx %016lx %016lx", i, i + 3,
			v->gpr[i], v->gpr[i + 1], v->gpr[i + 2], v->gpr[i + 3]);
	vm_shutdown(v->vm);
}

static void do_fatal(struct vcpu *v, struct vmexit *x)
{
	log_err("vm%u: CPU %u: %s (%#x) cannot be handled: this VM stops",
		v->vm->id, v->index,
		x->kind == EXIT_ENTRY_FAILED ? "a refused VM entry"
					     : virt->exit_name(x->raw),
		x->raw);
	virt->dump(v);
	vm_shutdown(v->vm);
}

static void do_nothing(struct vcpu *v, struct vmexit *x)
{
}

static void (*const handlers[])(struct vcpu *, struct vmexit *) = {
	[EXIT_DONE] = do_nothing,
	[EXIT_CPUID] = do_cpuid,
	[EXIT_RDMSR] = do_rdmsr,
	[EXIT_WRMSR] = do_wrmsr,
	[EXIT_CR_WRITE] = do_cr_write,
	[EXIT_MOV_DR] = do_mov_dr,
	[EXIT_XSETBV] = do_xsetbv,
	[EXIT_INVD] = do_wbinvd,
	[EXIT_WBINVD] = do_wbinvd,
	[EXIT_HLT] = do_hlt,
	[EXIT_IO] = do_io,
	[EXIT_EXCEPTION] = do_exception,
	[EXIT_NMI] = do_nmi,
	[EXIT_MCE] = do_mce,
	[EXIT_INIT] = do_init,
	[EXIT_SIPI] = do_sipi,
	[EXIT_TASK_SWITCH] = do_fatal,
	[EXIT_TRIPLE_FAULT] = do_triple_fault,
	[EXIT_MEMORY] = do_memory,
	[EXIT_VIRT_INSN] = do_virt_insn,
	[EXIT_HYPERCALL] = do_virt_insn,
	[EXIT_ENTRY_FAILED] = do_fatal,
	[EXIT_UNKNOWN] = do_fatal,
};

void exit_handle(struct vcpu *v, struct vmexit *x)
{
	handlers[x->kind](v, x);
}

void exit_init(struct vm *vm)
{
	u32 leaf1[4], leaf7[4], leaf71[4] = { 0 }, ext1[4], ext8[4],
				ext21[4] = { 0 }, n;
	const struct msr_rule *r = msr_rules(&n);

	cpuid(1, 0, leaf1);
	cpuid(7, 0, leaf7);
	if (leaf7[0])
		cpuid(7, 1, leaf71);
	cr4_mask = cr4_supported(leaf1, leaf7, leaf71) & ~CR4_HIDDEN;
	cpuid(0x80000000, 0, ext1);
	if (ext1[0] >= 0x80000021)
		cpuid(0x80000021, 0, ext21);
	cpuid(0x80000001, 0, ext1);
	cpuid(0x80000008, 0, ext8);
	efer_mask = exit_efer_taken(efer_supported(
		ext1, ext8, ext21, virt == &svm_ops, ext1[2] & BIT(2)));
	for (; n--; r++)
		for (u32 msr = r->first; msr <= r->last; msr++)
			virt->trap_msr(vm, msr, r->read != MSR_NATIVE,
				       r->write != MSR_NATIVE &&
					       (r->write != MSR_MTRR ||
						vm->slat->mtrr));
}

static void nested_cpuid(void *v, u32 leaf, u32 sub, u32 r[4])
{
	nested_of(v)->cpuid(v, leaf, sub, r);
}

void exit_vcpu_init(struct vcpu *v)
{
	struct cpuid_state s = { .hide = v->vm->policy.hide,
				 .intel = virt == &vmx_ops,
				 .phys_bits = v->vm->slat->phys_bits };

	if (!v->index)
		cpuid_table_init(&v->vm->cpuid, &s,
				 nested_of(v) ? nested_cpuid : NULL, v);
}
