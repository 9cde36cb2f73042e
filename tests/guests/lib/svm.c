/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/svm.h"

u8 svm_iopm[3 * PAGE_SIZE] __aligned(4096);
u8 svm_msrpm[2 * PAGE_SIZE] __aligned(4096);
u8 svm_host[PAGE_SIZE] __aligned(4096);
u8 svm_hsave[PAGE_SIZE] __aligned(4096);

bool svm_has(u64 feature)
{
	return (cpuid_reg(SVM_FEATURES_LEAF, 0, EDX) & feature) == feature;
}

void svm_on(void)
{
	if (cpuid_reg(0x80000000, 0, EAX) < SVM_FEATURES_LEAF ||
	    !(cpuid_reg(0x80000001, 0, ECX) & BIT(2)))
		die("svm-present", "CPUID 80000001 ECX %x",
		    cpuid_reg(0x80000001, 0, ECX));
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, (u64)svm_hsave);
	vmsave(svm_host);
}

static struct vmcb_seg seg(u16 sel, u16 attr, u32 limit, u64 base)
{
	return (struct vmcb_seg){
		.sel = sel, .attr = attr, .limit = limit, .base = base
	};
}

static void set_data_segs(struct vmcb *b, struct vmcb_seg s)
{
	vmcb_set_ds(b, &s);
	vmcb_set_es(b, &s);
	vmcb_set_ss(b, &s);
}

static void set_table(struct vmcb_seg *d, const struct desc_ptr *p)
{
	memset(d, 0, sizeof(*d));
	d->limit = p->limit;
	d->base = p->base;
}

static void set_controls(struct vmcb *b)
{
	vmcb_set_intercept(b, ICPT_VMRUN, true);
	vmcb_set_intercept(b, ICPT_VMMCALL, true);
	vmcb_set_intercept(b, ICPT_HLT, true);
	vmcb_set_intercept(b, ICPT_SHUTDOWN, true);
	vmcb_set_iopm(b, (u64)svm_iopm);
	vmcb_set_msrpm(b, (u64)svm_msrpm);
	vmcb_set_asid(b, 1);
	vmcb_set_tlb_control(b, TLB_FLUSH_ALL);
}

void l2_init(struct l2 *l, void (*code)(void))
{
	struct vmcb *b = l->vmcb;
	struct vmcb_seg s = seg(SEL_CODE64, 0xa9b, ~0u, 0);
	struct desc_ptr gdtr, idtr;

	if (!b)
		b = l->vmcb = page_alloc(1);
	memset(b, 0, sizeof(*b));
	memset(&l->gprs, 0, sizeof(l->gprs));
	set_controls(b);
	vmsave(b);
	vmcb_set_cs(b, &s);
	set_data_segs(b, seg(SEL_DATA, 0xc93, ~0u, 0));
	__asm__ volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
	set_table(&s, &gdtr);
	vmcb_set_gdtr(b, &s);
	set_table(&s, &idtr);
	vmcb_set_idtr(b, &s);
	vmcb_set_efer(b, rdmsr(MSR_EFER));
	vmcb_set_cr0(b, read_cr0());
	vmcb_set_cr3(b, read_cr3());
	vmcb_set_cr4(b, read_cr4());
	vmcb_set_dr6(b, 0xffff0ff0);
	vmcb_set_dr7(b, 0x400);
	vmcb_set_g_pat(b, rdmsr(MSR_PAT));
	vmcb_set_rflags(b, RFLAGS_FIXED);
	vmcb_set_rip(b, (u64)code);
	vmcb_set_rsp(b, (u64)&l->stack[511]);
}

static void set_no_tables(struct vmcb *b)
{
	struct vmcb_seg s = seg(0, 0, 0xffff, 0);

	vmcb_set_gdtr(b, &s);
	s.limit = 0x3ff;
	vmcb_set_idtr(b, &s);
	s = seg(0, 0x8b, 0xffff, 0);
	vmcb_set_tr(b, &s);
	vmcb_set_efer(b, EFER_SVME);
	vmcb_set_cr3(b, 0);
	vmcb_set_cr4(b, 0);
}

void l2_init_real(struct l2 *l, const void *code, size_t len, u32 base)
{
	struct vmcb_seg cs = seg((u16)(base >> 4), 0x9b, 0xffff, base);

	l2_init(l, NULL);
	memcpy((void *)(u64)base, code, len);
	set_no_tables(l->vmcb);
	vmcb_set_cs(l->vmcb, &cs);
	set_data_segs(l->vmcb, seg(0, 0x93, 0xffff, 0));
	vmcb_set_cr0(l->vmcb, CR0_ET);
	vmcb_set_rip(l->vmcb, 0);
	vmcb_set_rsp(l->vmcb, LOW_STACK);
}

void l2_init_pm32(struct l2 *l, const void *code)
{
	struct vmcb_seg cs = seg(SEL_CODE32, 0xc9b, ~0u, 0);

	l2_init(l, NULL);
	vmcb_set_cs(l->vmcb, &cs);
	vmcb_set_efer(l->vmcb, EFER_SVME);
	vmcb_set_cr3(l->vmcb, 0);
	vmcb_set_cr4(l->vmcb, 0);
	vmcb_set_cr0(l->vmcb, CR0_PE | CR0_ET | CR0_NE);
	vmcb_set_rip(l->vmcb, (u64)code);
}

u64 l2_run(struct l2 *l)
{
	clgi();
	svm_enter(l->vmcb, &l->gprs, svm_host);
	stgi();
	return vmcb_exitcode(l->vmcb);
}

/* VMRUN's own faults are taken with GIF clear: no VMLOAD, no CLGI here. */
static void run_bare(void *arg)
{
	struct l2 *l = arg;
	struct l2_gprs g = l->gprs;

	svm_enter_bare(l->vmcb, &g);
	stgi();
}

int l2_try_run(struct l2 *l)
{
	return try(run_bare, l);
}

void l2_skip(struct l2 *l, u32 len)
{
	vmcb_set_rip(l->vmcb, vmcb_rip(l->vmcb) + len);
}
