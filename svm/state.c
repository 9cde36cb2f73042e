/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the guest: where a vcpu starts, and access by name. */
#include "core/cpu.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/string.h"
#include "core/x86.h"
#include "svm/internal.h"

/* type, S, P as a processor has them after INIT (APM 2, Processor Initial
 * State) */
#define ATTR_CODE (VSEG_P | VSEG_S | 0xb)
#define ATTR_DATA (VSEG_P | VSEG_S | 0x3)
#define ATTR_LDT (VSEG_P | 0x2)
/* 32 bits wide: with a 16-bit TSS in TR long mode cannot be entered */
#define ATTR_TSS32 (VSEG_P | 0xb)

#define DR6_INIT 0xffff0ff0ull
#define DR7_INIT 0x400ull

static void data_segs(struct vmcb *b, const struct vmcb_seg *d)
{
	vmcb_set_ds(b, d);
	vmcb_set_es(b, d);
	vmcb_set_ss(b, d);
	vmcb_set_fs(b, d);
	vmcb_set_gs(b, d);
}

/* Everything as after INIT, except for what INIT leaves alone (the MSRs that
 * VMSAVE keeps, PAT, XCR0, FPU). The CPU's own FS..TR are in @b already. */
static void init_state(struct vcpu *v, struct vmcb *b)
{
	struct vmcb_seg seg = { .attr = ATTR_DATA, .limit = 0xffff };
	u32 sig[4];

	data_segs(b, &seg);
	seg.attr = ATTR_CODE;
	seg.sel = 0xf000;
	seg.base = 0xffff0000;
	vmcb_set_cs(b, &seg);
	seg = (struct vmcb_seg){ .limit = 0xffff };
	vmcb_set_gdtr(b, &seg);
	vmcb_set_idtr(b, &seg);
	seg.attr = ATTR_LDT;
	vmcb_set_ldtr(b, &seg);
	seg.attr = ATTR_TSS32;
	vmcb_set_tr(b, &seg);
	vmcb_set_cpl(b, 0);
	vmcb_set_efer(b, EFER_SVME);
	vmcb_set_cr0(b, CR0_ET);
	vmcb_set_cr2(b, 0);
	vmcb_set_cr3(b, 0);
	vmcb_set_cr4(b, 0);
	vmcb_set_dr6(b, DR6_INIT);
	vmcb_set_dr7(b, DR7_INIT);
	vmcb_set_rflags(b, RFLAGS_FIXED);
	vmcb_set_rip(b, 0xfff0);
	vmcb_set_eventinj(b, 0);
	vmcb_set_int_state(b, 0);
	memset(v->gpr, 0, sizeof(v->gpr));
	cpuid(1, 0, sig);
	v->gpr[RDX] = sig[0];
}

static void start_sipi(struct vmcb *b, u8 vector)
{
	struct vmcb_seg cs = { .sel = (u16)(vector << 8),
			       .attr = ATTR_CODE,
			       .limit = 0xffff,
			       .base = (u64)vector << 12 };

	vmcb_set_cs(b, &cs);
	vmcb_set_rip(b, 0);
}

static void start_pm32(struct vcpu *v, struct vmcb *b,
		       const struct vcpu_start *s)
{
	struct vmcb_seg seg = { .sel = 0x18,
				.attr = ATTR_DATA | VSEG_DB | VSEG_G,
				.limit = 0xffffffff };

	data_segs(b, &seg);
	seg.sel = 0x10;
	seg.attr = ATTR_CODE | VSEG_DB | VSEG_G;
	vmcb_set_cs(b, &seg);
	seg = (struct vmcb_seg){ .attr = ATTR_TSS32, .limit = 0xffff };
	vmcb_set_tr(b, &seg);
	seg = (struct vmcb_seg){ .limit = s->gdt_limit, .base = s->gdt.v };
	vmcb_set_gdtr(b, &seg);
	vmcb_set_cr0(b, CR0_ET | CR0_PE);
	vmcb_set_rip(b, s->eip);
	v->gpr[RAX] = s->eax;
	v->gpr[RBX] = s->ebx;
	v->gpr[RSI] = s->esi;
	v->gpr[RSP] = s->esp;
	v->gpr[RDX] = 0;
}

void svm_vcpu_start(struct vcpu *v, const struct vcpu_start *s)
{
	struct svm_vcpu *sv = v->svm;
	struct vmcb *b = sv->vmcb01;
	bool here = v->cpu == this_cpu() && v->cpu->vcpu == v;

	if (svm_nested)
		svm_nested->vcpu_reset(v);
	v->in_l2 = false;
	svm_select_vmcb(sv, b, sv->vmcb01_pa);
	svm_set_gif(sv, true);
	sv->l1_svme = 0;
	if (unlikely(v->debug.watch))
		debug_virt_off(v);
	sv->nmi_pending = sv->nmi_blocked = sv->nmi_step = false;
	vmcb_set_intercept(b, ICPT_IRET, false);
	if (here)
		svm_set_debug(v);
	if (here)
		svm_vmsave(sv->vmcb01_pa);
	init_state(v, b);
	v->run_state = VCPU_RUNNING;
	if (s->kind == START_RESET)
		v->run_state = VCPU_WAIT_SIPI;
	else if (s->kind == START_SIPI)
		start_sipi(b, s->vector);
	else
		start_pm32(v, b, s);
	svm_flush_asid(b);
	if (!here)
		return; /* svm_vcpu_load() does the rest */
	svm_vmload(sv->vmcb01_pa);
	for (u32 i = 0; i < 4; i++)
		debug_dr_write(v, i, 0);
}

u64 svm_get_reg(struct vcpu *v, enum vreg r)
{
	const struct vmcb *b = v->svm->vmcb;

	switch (r) {
	case VREG_RIP:
		return vmcb_rip(b);
	case VREG_RFLAGS:
		return vmcb_rflags(b);
	case VREG_CR0:
		return vmcb_cr0(b);
	case VREG_CR2:
		return vmcb_cr2(b);
	case VREG_CR3:
		return vmcb_cr3(b);
	case VREG_CR4:
		return vmcb_cr4(b);
	case VREG_CR8:
		return read_cr8(); /* not virtualized: the processor's */
	case VREG_EFER:
		if (v->in_l2)
			return vmcb_efer(b);
		return (vmcb_efer(b) & ~EFER_SVME) | v->svm->l1_svme;
	case VREG_DR6:
		return vmcb_dr6(b);
	case VREG_DR7:
		return vmcb_dr7(b);
	case VREG_PAT:
		return vmcb_g_pat(b);
	case VREG_SYSENTER_CS: /* the processor's: VMLOAD, VMSAVE */
		return rdmsr(MSR_SYSENTER_CS);
	case VREG_SYSENTER_ESP:
		return rdmsr(MSR_SYSENTER_ESP);
	case VREG_SYSENTER_EIP:
		return rdmsr(MSR_SYSENTER_EIP);
	case NR_VREGS:
		break;
	}
	return 0;
}

static void set_efer(struct vcpu *v, struct vmcb *b, u64 val)
{
	if (!v->in_l2) {
		bool off = v->svm->l1_svme && !(val & EFER_SVME);

		v->svm->l1_svme = val & EFER_SVME;
		if (unlikely(v->debug.watch) && off)
			debug_virt_off(v);
		svm_set_debug(v);
		val |= EFER_SVME; /* VMRUN wants it (APM 2, VMRUN) */
	}
	vmcb_set_efer(b, val);
}

/* Paging registers changed behind the processor's back: flush (APM 2, TLB
 * Flush). */
static bool set_paging_reg(struct vcpu *v, struct vmcb *b, enum vreg r, u64 val)
{
	switch (r) {
	case VREG_CR0:
		vmcb_set_cr0(b, val);
		break;
	case VREG_CR3:
		vmcb_set_cr3(b, val);
		break;
	case VREG_CR4:
		vmcb_set_cr4(b, val);
		break;
	case VREG_EFER:
		set_efer(v, b, val);
		break;
	default:
		return false;
	}
	svm_flush_asid(b);
	return true;
}

void svm_set_reg(struct vcpu *v, enum vreg r, u64 val)
{
	struct vmcb *b = v->svm->vmcb;

	if (set_paging_reg(v, b, r, val))
		return;
	switch (r) {
	case VREG_RIP:
		vmcb_set_rip(b, val);
		break;
	case VREG_RFLAGS:
		vmcb_set_rflags(b, val);
		break;
	case VREG_CR2:
		vmcb_set_cr2(b, val);
		break;
	case VREG_CR8:
		write_cr8(val);
		break;
	case VREG_DR6:
		vmcb_set_dr6(b, val);
		break;
	case VREG_DR7:
		vmcb_set_dr7(b, val);
		break;
	case VREG_PAT:
		vmcb_set_g_pat(b, val);
		break;
	case VREG_SYSENTER_CS:
		wrmsr(MSR_SYSENTER_CS, val);
		break;
	case VREG_SYSENTER_ESP:
		wrmsr(MSR_SYSENTER_ESP, val);
		break;
	case VREG_SYSENTER_EIP:
		wrmsr(MSR_SYSENTER_EIP, val);
		break;
	default:
		break;
	}
}

/* The VMCB's place of each segment; @live: it is in the processor. */
static struct vmcb_seg *seg_of(struct vmcb *b, enum seg_reg s, bool *live)
{
	*live = s == SEG_FS || s == SEG_GS || s == SEG_LDTR || s == SEG_TR;
	switch (s) {
	case SEG_ES:
		return &b->es_;
	case SEG_CS:
		return &b->cs_;
	case SEG_SS:
		return &b->ss_;
	case SEG_DS:
		return &b->ds_;
	case SEG_FS:
		return &b->fs_;
	case SEG_GS:
		return &b->gs_;
	case SEG_LDTR:
		return &b->ldtr_;
	case SEG_TR:
		return &b->tr_;
	case SEG_GDTR:
		return &b->gdtr_;
	default:
		return &b->idtr_;
	}
}

/* AVL, L, D/B and G are bits 11:8 in the VMCB, 15:12 in access rights. */
static u32 attr_from_vmcb(u16 a)
{
	u32 attr = (a & 0xffu) | (a & 0xf00u) << 4;

	return a & VSEG_P ? attr : attr | SEG_ATTR_UNUSABLE;
}

static u16 attr_to_vmcb(u32 attr)
{
	if (attr & SEG_ATTR_UNUSABLE)
		attr &= ~(u32)VSEG_P;
	return (u16)((attr & 0xff) | (attr >> 4 & 0xf00));
}

void svm_get_seg(struct vcpu *v, enum seg_reg s, struct segment *d)
{
	bool live;
	const struct vmcb_seg *m = seg_of(v->svm->vmcb, s, &live);

	if (live)
		svm_vmsave(v->svm->vmcb_pa);
	*d = (struct segment){ .sel = m->sel,
			       .attr = attr_from_vmcb(m->attr),
			       .limit = m->limit,
			       .base = m->base };
}

void svm_set_seg(struct vcpu *v, enum seg_reg s, const struct segment *d)
{
	bool live;
	struct vmcb_seg *m = seg_of(v->svm->vmcb, s, &live);

	if (live)
		svm_vmsave(v->svm->vmcb_pa);
	*m = (struct vmcb_seg){ .sel = d->sel,
				.attr = attr_to_vmcb(d->attr),
				.limit = d->limit,
				.base = d->base };
	v->svm->vmcb->clean_ &= ~(CLEAN_SEG | CLEAN_DT);
	if (s == SEG_SS)
		vmcb_set_cpl(v->svm->vmcb, d->attr >> 5 & 3);
	if (live)
		svm_vmload(v->svm->vmcb_pa);
}
