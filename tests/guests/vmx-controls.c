/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each control does beside the plain exits of vmx-exits: masks and
 * shadows of CR0 and CR4, CR3 targets, the exception bitmap with page faults'
 * masks, instructions that need a control to be there at all, PAUSE loops, TSC
 * scaling, the preemption timer, lists of MSRs, what entry and exit load.
 */
/* boot: emus=bochs bare timeout=60 */
/* boot: emus=bochs cpu=corei7_skylake_x bare timeout=60 name=skylake */
#include "tests/guests/lib/vmx.h"

static struct vl2 l2;

static void prepare(void (*code)(void), u64 proc, u64 proc2)
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS,
	    vmx_proc((u32)(PROC_HLT | PROC_PROC2 | proc)) &
		    ~(u32)(~proc & (PROC_CR3_LOAD | PROC_CR3_STORE)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)proc2));
}

static void expect_run(u32 reason, const char *name)
{
	u32 got = vl2_run(&l2);

	check(got == reason, name, "exit %x, want %x, info %lx rip %lx", got,
	      reason, vmr(VMCS_EXIT_INTR_INFO), vmr(VMCS_GUEST_RIP));
}

/* --- CR0 and CR4 ------------------------------------------------------------- */
PAYLOAD(do_cr0, "mov %rcx, %cr0; mov %cr0, %rax; smsw %rbx; vmcall")
PAYLOAD(do_cr4, "mov %rcx, %cr4; mov %cr4, %rax; vmcall")
PAYLOAD(do_clts, "clts; mov %cr0, %rax; vmcall")
PAYLOAD(do_lmsw, "lmsw %cx; mov %cr0, %rax; vmcall")

static void test_cr0(void)
{
	u64 cr0 = read_cr0();

	/* no mask: what L2 loads is there, MP and TS */
	prepare(do_cr0, 0, 0);
	l2.gprs.rcx = cr0 ^ (CR0_TS | CR0_MP);
	expect_run(REASON_VMCALL, "cr0-free");
	check_eq(vmr(VMCS_GUEST_CR0), cr0 ^ (CR0_TS | CR0_MP), "cr0-loaded");
	check_eq(l2.gprs.rax, cr0 ^ (CR0_TS | CR0_MP), "cr0-read");
	/* masked as the shadow has it: no exit, and the bit stays */
	prepare(do_cr0, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_TS | CR0_NE);
	vmw(VMCS_CR0_SHADOW, CR0_TS);
	l2.gprs.rcx = (cr0 | CR0_TS) & ~(CR0_NE | CR0_MP);
	expect_run(REASON_VMCALL, "cr0-as-shadow");
	check_eq(vmr(VMCS_GUEST_CR0), cr0 & ~CR0_MP, "cr0-masked-stay");
	check_eq(l2.gprs.rax, (cr0 | CR0_TS) & ~(CR0_NE | CR0_MP),
		 "cr0-shadow-read");
	check_eq(l2.gprs.rbx & 0xffff,
		 ((cr0 | CR0_TS) & ~(CR0_NE | CR0_MP)) & 0xffff,
		 "cr0-shadow-smsw");
	/* one masked bit that differs from the shadow */
	prepare(do_cr0, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_TS);
	vmw(VMCS_CR0_SHADOW, 0);
	l2.gprs.rcx = cr0 | CR0_TS;
	expect_run(REASON_CR_ACCESS, "cr0-not-shadow");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0x100, "cr0-qualification");
	check_eq(vmr(VMCS_GUEST_CR0), cr0, "cr0-not-loaded");
	/* bits that VMX fixes, unmasked: #GP in L2 */
	prepare(do_cr0, 0, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_GP));
	l2.gprs.rcx = cr0 & ~CR0_NE;
	expect_run(REASON_EXCEPTION_NMI, "cr0-fixed");
}

static void test_clts_lmsw(void)
{
	u64 cr0 = read_cr0();

	prepare(do_clts, 0, 0);
	vmw(VMCS_GUEST_CR0, cr0 | CR0_TS);
	expect_run(REASON_VMCALL, "clts-free");
	check_eq(vmr(VMCS_GUEST_CR0) & CR0_TS, 0, "clts-cleared");
	/* masked, shadow 0: CLTS leaves the real bit */
	prepare(do_clts, 0, 0);
	vmw(VMCS_GUEST_CR0, cr0 | CR0_TS);
	vmw(VMCS_CR0_MASK, CR0_TS);
	vmw(VMCS_CR0_SHADOW, 0);
	expect_run(REASON_VMCALL, "clts-shadow-0");
	check_eq(vmr(VMCS_GUEST_CR0) & CR0_TS, CR0_TS, "clts-kept");
	prepare(do_clts, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_TS);
	vmw(VMCS_CR0_SHADOW, CR0_TS);
	expect_run(REASON_CR_ACCESS, "clts-shadow-1");
	/* LMSW sets PE, MP, EM, TS; only their masked bits count */
	prepare(do_lmsw, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_NE | CR0_PG);
	vmw(VMCS_CR0_SHADOW, 0);
	l2.gprs.rcx = (u16)(cr0 | CR0_TS);
	expect_run(REASON_VMCALL, "lmsw-other-bits");
	check_eq(vmr(VMCS_GUEST_CR0) & CR0_TS, CR0_TS, "lmsw-loaded");
	prepare(do_lmsw, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_EM);
	vmw(VMCS_CR0_SHADOW, cr0);
	l2.gprs.rcx = (u16)(cr0 | CR0_EM);
	expect_run(REASON_CR_ACCESS, "lmsw-masked");
}

static void test_cr4(void)
{
	u64 cr4 = read_cr4();

	prepare(do_cr4, 0, 0);
	l2.gprs.rcx = cr4 ^ CR4_TSD;
	expect_run(REASON_VMCALL, "cr4-free");
	check_eq(vmr(VMCS_GUEST_CR4), cr4 ^ CR4_TSD, "cr4-loaded");
	/* VMXE hidden: L2 reads and writes 0 there */
	prepare(do_cr4, 0, 0);
	vmw(VMCS_CR4_MASK, CR4_VMXE);
	vmw(VMCS_CR4_SHADOW, 0);
	l2.gprs.rcx = (cr4 & ~CR4_VMXE) | CR4_PGE;
	expect_run(REASON_VMCALL, "cr4-hidden-vmxe");
	check_eq(l2.gprs.rax, (cr4 & ~CR4_VMXE) | CR4_PGE, "cr4-read");
	check_eq(vmr(VMCS_GUEST_CR4), cr4 | CR4_PGE, "cr4-kept-vmxe");
	prepare(do_cr4, 0, 0);
	vmw(VMCS_CR4_MASK, CR4_VMXE | CR4_TSD);
	vmw(VMCS_CR4_SHADOW, 0);
	l2.gprs.rcx = cr4 & ~CR4_VMXE;
	expect_run(REASON_VMCALL, "cr4-as-shadow");
	vmw(VMCS_GUEST_RIP, (u64)do_cr4);
	l2.gprs.rcx = (cr4 & ~CR4_VMXE) | CR4_TSD;
	expect_run(REASON_CR_ACCESS, "cr4-not-shadow");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0x104, "cr4-qualification");
	/* what VMX fixes, and what does not exist */
	prepare(do_cr4, 0, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_GP));
	l2.gprs.rcx = cr4 & ~CR4_VMXE;
	expect_run(REASON_EXCEPTION_NMI, "cr4-fixed");
	prepare(do_cr4, 0, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_GP));
	l2.gprs.rcx = cr4 | BIT(15);
	expect_run(REASON_EXCEPTION_NMI, "cr4-reserved");
}

PAYLOAD(do_cr3, "mov %rcx, %cr3; vmcall")

static void test_cr3(void)
{
	u64 cr3 = read_cr3();

	for (u32 count = 0; count <= 4; count++)
		for (u32 hit = 0; hit < 4; hit++) {
			prepare(do_cr3, PROC_CR3_LOAD, 0);
			for (u32 i = 0; i < 4; i++)
				vmw(VMCS_CR3_TARGET0 + 2 * i,
				    i == hit ? cr3 : 0x5000ull * (i + 1));
			vmw(VMCS_CR3_TARGET_COUNT, count);
			l2.gprs.rcx = cr3;
			expect_run(hit < count ? REASON_VMCALL
					       : REASON_CR_ACCESS,
				   "cr3-targets");
		}
	check_eq(vmr(VMCS_EXIT_QUALIFICATION) & ~0u, 0, "cr3-high");
	/* another value of a target does not matter: it is loaded as it is */
	prepare(do_cr3, 0, 0);
	l2.gprs.rcx = cr3;
	expect_run(REASON_VMCALL, "cr3-free");
}

/* --- exceptions ------------------------------------------------------------------- */
PAYLOAD(do_pf, "movb $1, (%rdi); vmcall")
PAYLOAD(do_pf_read, "movb (%rdi), %al; vmcall")

static u32 taken;

static bool on_pf(struct regs *r)
{
	taken++;
	r->rip = (u64)do_pf + 3; /* its VMCALL */
	return true;
}

static void test_page_faults(void)
{
	static const struct {
		bool bit, write;
		u32 mask, match;
		bool exits;
	} rows[] = {
		/* error code 2 (write) or 0 (read), not present */
		{ 1, 1, 0, 0, 1 }, { 0, 1, 0, 0, 0 }, { 1, 1, 2, 2, 1 },
		{ 1, 0, 2, 2, 0 }, { 0, 0, 2, 2, 1 }, { 0, 1, 2, 2, 0 },
		{ 1, 1, 0, 1, 0 }, { 0, 1, 0, 1, 1 }, { 1, 1, 1, 0, 1 },
		{ 1, 1, 3, 2, 1 }, { 1, 1, 3, 3, 0 }, { 0, 1, 3, 3, 1 },
	};

	set_hook(VEC_PF, on_pf);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		prepare(rows[i].write ? do_pf : do_pf_read, 0, 0);
		vmw(VMCS_EXCEPTION_BITMAP, rows[i].bit ? BIT(VEC_PF) : 0);
		vmw(VMCS_PF_ERROR_MASK, rows[i].mask);
		vmw(VMCS_PF_ERROR_MATCH, rows[i].match);
		l2.gprs.rdi = 0x7f0000001000;
		taken = 0;
		expect_run(rows[i].exits ? REASON_EXCEPTION_NMI : REASON_VMCALL,
			   "pf-mask-match");
		check_eq(taken, !rows[i].exits, "pf-taken-by-l2");
	}
	set_hook(VEC_PF, NULL);
}

/* A double and a triple fault on the way to L2's handlers. */
PAYLOAD(do_ud, "ud2; vmcall")

static void test_double(void)
{
	prepare(do_ud, 0, 0);
	vmw(VMCS_GUEST_IDTR_LIMIT, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_DF));
	expect_run(REASON_EXCEPTION_NMI, "double-fault");
	check_eq(vmr(VMCS_EXIT_INTR_INFO),
		 INTR_INFO(INTR_TYPE_HARD_EXC, VEC_DF) | INTR_ERROR,
		 "double-fault-info");
	check_eq(vmr(VMCS_EXIT_INTR_ERROR), 0, "double-fault-error");
	check(!(vmr(VMCS_IDT_VECTORING) & INTR_VALID), "double-fault-no-event",
	      "%lx", vmr(VMCS_IDT_VECTORING));
	prepare(do_ud, 0, 0);
	vmw(VMCS_GUEST_IDTR_LIMIT, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_GP));
	expect_run(REASON_EXCEPTION_NMI, "ud-to-gp");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(INTR_TYPE_HARD_EXC, VEC_UD),
		 "ud-to-gp-vectoring");
	prepare(do_ud, 0, 0);
	vmw(VMCS_GUEST_IDTR_LIMIT, 0);
	expect_run(REASON_TRIPLE_FAULT, "triple-fault");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0, "triple-fault-qualification");
}

/* --- instructions that a control gives to L2 ------------------------------------------ */
PAYLOAD(do_rdtscp, "rdtscp; vmcall")
PAYLOAD(do_invpcid, "invpcid (%rdi), %rax; vmcall")
PAYLOAD(do_xsaves, "xsaves (%rdi); vmcall")
PAYLOAD(do_xgetbv, "mov %cr4, %rax; or $0x40000, %eax; mov %rax, %cr4;"
		   "xor %ecx, %ecx; xgetbv; vmcall")
PAYLOAD(do_rdrand, "rdrand %rax; vmcall")
PAYLOAD(do_vmfunc, "vmfunc; vmcall")
PAYLOAD(do_tpause, ".byte 0x66, 0x0f, 0xae, 0xf0; vmcall")
PAYLOAD(do_encls, "encls; vmcall")

static u8 area[PAGE_SIZE] __aligned(4096);

static void gift(const char *name, void (*code)(void), u64 proc2, u32 leaf,
		 int reg, u32 bit)
{
	char text[48];

	if (!(cpuid_reg(leaf, 0, reg) >> bit & 1)) {
		skip(name, "the processor has it not");
		return;
	}
	prepare(code, 0, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
	snprintf(text, sizeof(text), "%s-ud", name);
	l2.gprs.rdi = (u64)area;
	expect_run(REASON_EXCEPTION_NMI, text);
	if (!vmx_has_proc2((u32)proc2)) {
		skip(name, "the control is not offered");
		return;
	}
	prepare(code, 0, proc2);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
	if (proc2 & PROC2_XSAVES) {
		vmw(VMCS_XSS_BITMAP, 0);
		vmw(VMCS_GUEST_CR4, read_cr4() | CR4_OSXSAVE);
	}
	l2.gprs.rdi = (u64)area;
	l2.gprs.rax = 2; /* INVPCID: all */
	snprintf(text, sizeof(text), "%s-runs", name);
	expect_run(REASON_VMCALL, text);
}

static void test_gifts(void)
{
	gift("rdtscp", do_rdtscp, PROC2_RDTSCP, 0x80000001, EDX, 27);
	gift("invpcid", do_invpcid, PROC2_INVPCID, 7, EBX, 10);
	gift("tpause", do_tpause, PROC2_USER_WAIT, 7, ECX, 5);
	if (vmx_has_proc2((u32)PROC2_XSAVES) &&
	    (cpuid_reg(13, 1, EAX) & BIT(3)))
		gift("xsaves", do_xsaves, PROC2_XSAVES, 1, ECX, 26);
	else
		skip("xsaves", "the control is not offered");
	/* RDTSCP exits by RDTSC exiting, INVPCID by INVLPG exiting */
	if (vmx_has_proc2((u32)PROC2_RDTSCP)) {
		prepare(do_rdtscp, PROC_RDTSC, PROC2_RDTSCP);
		expect_run(REASON_RDTSCP, "rdtscp-exits");
		prepare(do_rdtscp, PROC_RDTSC, 0);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
		expect_run(REASON_EXCEPTION_NMI, "rdtscp-ud-first");
	}
	if (vmx_has_proc2((u32)PROC2_INVPCID)) {
		prepare(do_invpcid, PROC_INVLPG, PROC2_INVPCID);
		l2.gprs.rdi = (u64)area;
		expect_run(REASON_INVPCID, "invpcid-exits");
	}
	prepare(do_vmfunc, 0, 0);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
	expect_run(REASON_EXCEPTION_NMI, "vmfunc-ud");
	if (vmx_has_proc2((u32)PROC2_VMFUNC)) {
		prepare(do_vmfunc, 0, PROC2_VMFUNC);
		vmw(VMCS_VMFUNC_CTLS, 0);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
		expect_run(REASON_VMFUNC, "vmfunc-exits");
		prepare(do_vmfunc, 0, PROC2_VMFUNC);
		vmw(VMCS_VMFUNC_CTLS, 0);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
		l2.gprs.rax = 64;
		expect_run(REASON_EXCEPTION_NMI, "vmfunc-64-ud");
	}
}

/* --- time ---------------------------------------------------------------------------- */
PAYLOAD(do_pauses, "mov $1000, %ecx; 1: pause; dec %ecx; jnz 1b; vmcall")
PAYLOAD(do_tsc, "rdtsc; shl $32, %rdx; or %rdx, %rax; vmcall")
PAYLOAD(do_tscp, "rdtscp; shl $32, %rdx; or %rdx, %rax; vmcall")
PAYLOAD(do_spin, "1: inc %rbx; jmp 1b")
PAYLOAD(do_nops, "nop; nop; vmcall")

static void test_ple(void)
{
	u32 rcx;

	if (!vmx_has_proc2((u32)PROC2_PLE)) {
		skip("ple", "the control is not offered");
		return;
	}
	prepare(do_pauses, 0, PROC2_PLE);
	vmw(VMCS_PLE_GAP, 1000);
	vmw(VMCS_PLE_WINDOW, 200);
	expect_run(REASON_PAUSE, "ple-exits");
	rcx = (u32)l2.gprs.rcx;
	check(rcx > 0 && rcx < 1000, "ple-in-the-loop", "%u left", rcx);
	prepare(do_pauses, 0, PROC2_PLE);
	vmw(VMCS_PLE_GAP, 1000);
	vmw(VMCS_PLE_WINDOW, ~0u);
	expect_run(REASON_VMCALL, "ple-long-window");
	/* PAUSE exiting wins */
	prepare(do_pauses, PROC_PAUSE, PROC2_PLE);
	vmw(VMCS_PLE_WINDOW, ~0u);
	expect_run(REASON_PAUSE, "ple-pause-exiting");
	check_eq(l2.gprs.rcx, 1000, "ple-pause-exiting-first");
}

static void test_tsc(void)
{
	u64 before, after, want;

	prepare(do_tsc, PROC_TSC_OFFSET, 0);
	vmw(VMCS_TSC_OFFSET, -BIT(40));
	before = rdtsc();
	expect_run(REASON_VMCALL, "tsc-negative");
	after = rdtsc();
	check(l2.gprs.rax + BIT(40) >= before && l2.gprs.rax + BIT(40) <= after,
	      "tsc-negative-value", "%lx in %lx..%lx", l2.gprs.rax, before,
	      after);
	if (!vmx_has_proc2((u32)PROC2_TSC_SCALING)) {
		skip("tsc-scaling", "the control is not offered");
		return;
	}
	for (u32 i = 0; i < 2; i++) {
		prepare(i ? do_tscp : do_tsc, PROC_TSC_OFFSET,
			PROC2_TSC_SCALING | PROC2_RDTSCP);
		vmw(VMCS_TSC_MULTIPLIER, 3ull << 47); /* 1.5 */
		vmw(VMCS_TSC_OFFSET, BIT(40));
		before = rdtsc();
		expect_run(REASON_VMCALL, "tsc-scaled");
		after = rdtsc();
		want = l2.gprs.rax - BIT(40);
		check(want >= before / 2 * 3 - 2 && want <= after / 2 * 3 + 3,
		      "tsc-scaled-value", "%lx of %lx..%lx", want, before,
		      after);
	}
	/* scaling counts only with TSC offsetting */
	prepare(do_tsc, 0, PROC2_TSC_SCALING);
	vmw(VMCS_TSC_MULTIPLIER, 3ull << 47);
	before = rdtsc();
	expect_run(REASON_VMCALL, "tsc-scaling-alone");
	after = rdtsc();
	check(l2.gprs.rax >= before && l2.gprs.rax <= after,
	      "tsc-scaling-alone-value", "%lx in %lx..%lx", l2.gprs.rax, before,
	      after);
}

static void test_timer(void)
{
	u64 left;

	if (!vmx_has_pin((u32)PIN_PREEMPTION)) {
		skip("preemption-timer", "the control is not offered");
		return;
	}
	/* saved on exit when asked for, counted down */
	prepare(do_nops, 0, 0);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_PREEMPTION));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_PREEMPTION)));
	vmw(VMCS_PREEMPTION_TIMER, 0x10000000);
	expect_run(REASON_VMCALL, "timer-saved");
	left = vmr(VMCS_PREEMPTION_TIMER);
	check(left <= 0x10000000 && left > 0x8000000, "timer-left", "%lx",
	      left);
	/* and not otherwise */
	prepare(do_nops, 0, 0);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_PREEMPTION));
	vmw(VMCS_PREEMPTION_TIMER, 0x10000000);
	expect_run(REASON_VMCALL, "timer-not-saved");
	check_eq(vmr(VMCS_PREEMPTION_TIMER), 0x10000000, "timer-kept");
	/* its exit, with 0 left; it runs in HLT as well */
	prepare(do_spin, 0, 0);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_PREEMPTION));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_PREEMPTION)));
	vmw(VMCS_PREEMPTION_TIMER, 3000);
	expect_run(REASON_PREEMPTION, "timer-exits");
	check_eq(vmr(VMCS_PREEMPTION_TIMER), 0, "timer-at-end");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0, "timer-qualification");
	prepare(do_nops, 0, 0);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_PREEMPTION));
	vmw(VMCS_PREEMPTION_TIMER, 3000);
	vmw(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
	expect_run(REASON_PREEMPTION, "timer-in-hlt");
	check_eq(vmr(VMCS_GUEST_ACTIVITY), ACTIVITY_HLT, "timer-still-hlt");
}

/* --- lists of MSRs ------------------------------------------------------------------- */
struct msr_entry {
	u32 index, reserved;
	u64 value;
};
static struct msr_entry list[600] __aligned(16);

static const struct {
	const char *name;
	struct msr_entry e;
	bool good;
} list_rows[] = {
	{ "list-good", { MSR_CSTAR, 0, 0x1234000 }, true },
	{ "list-fs-base", { MSR_FS_BASE, 0, 0 }, false },
	{ "list-gs-base", { MSR_GS_BASE, 0, 0 }, false },
	{ "list-reserved", { MSR_CSTAR, 1, 0 }, false },
	{ "list-x2apic", { 0x808, 0, 0 }, false },
	{ "list-x2apic-last", { 0x8ff, 0, 0 }, false },
	{ "list-not-canonical", { MSR_LSTAR, 0, BIT(60) }, false },
	{ "list-efer-reserved", { MSR_EFER, 0, 0xd00 | BIT(1) }, false },
	{ "list-pat", { MSR_PAT, 0, 2 }, false },
	{ "list-capability", { MSR_VMX_BASIC, 0, 0 }, false },
};

#define LIST_FAILS (REASON_BAD_MSR_LOAD | (u32)EXIT_ENTRY_FAILURE)

static void test_lists(void)
{
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(list_rows); i++)
		for (u32 at = 0; at < 3; at += 2) {
			u32 index = list_rows[i].e.index;
			bool good = list_rows[i].good;
			bool no_x2apic = index >> 8 == 8 && !on_abyme() &&
					 !(cpuid_reg(1, 0, ECX) & BIT(21));
			u32 got;

			prepare(do_nops, 0, 0);
			list[0] = list[1] = list[2] =
				(struct msr_entry){ MSR_CSTAR, 0, 0x7000 };
			list[at] = list_rows[i].e;
			vmw(VMCS_ENTRY_MSR_LOAD_COUNT, 3);
			vmw(VMCS_ENTRY_MSR_LOAD_ADDR, (u64)list);
			got = vl2_run(&l2);
			check_known(got == (good ? REASON_VMCALL : LIST_FAILS),
				    list_rows[i].name,
				    no_x2apic ? EMU_BOCHS : EMU_NONE,
				    "x2APIC registers are known with x2APIC",
				    "exit %x", got);
			if (got != LIST_FAILS)
				continue;
			snprintf(name, sizeof(name), "%s-number",
				 list_rows[i].name);
			check_eq(vmr(VMCS_EXIT_QUALIFICATION), at + 1, name);
		}
	wrmsr(MSR_CSTAR, 0);
	/* a failure at entry stores nothing and loads the exit's list */
	prepare(do_nops, 0, 0);
	list[0] = (struct msr_entry){ MSR_FS_BASE, 0, 0 };
	list[4] = (struct msr_entry){ MSR_CSTAR, 0, 0xbad };
	list[5] = (struct msr_entry){ MSR_CSTAR, 0, 0x600d000 };
	vmw(VMCS_ENTRY_MSR_LOAD_COUNT, 1);
	vmw(VMCS_ENTRY_MSR_LOAD_ADDR, (u64)list);
	vmw(VMCS_EXIT_MSR_STORE_COUNT, 1);
	vmw(VMCS_EXIT_MSR_STORE_ADDR, (u64)&list[4]);
	vmw(VMCS_EXIT_MSR_LOAD_COUNT, 1);
	vmw(VMCS_EXIT_MSR_LOAD_ADDR, (u64)&list[5]);
	expect_run(LIST_FAILS, "list-failure");
	check_eq(list[4].value, 0xbad, "list-failure-stores-nothing");
	check_eq(rdmsr(MSR_CSTAR), 0x600d000, "list-failure-loads");
	wrmsr(MSR_CSTAR, 0);
	/* one as long as IA32_VMX_MISC recommends, at most 512 of it */
	for (u32 i = 0; i < 512; i++)
		list[i] = (struct msr_entry){ MSR_CSTAR, 0, 0x1000 + i };
	prepare(do_nops, 0, 0);
	vmw(VMCS_ENTRY_MSR_LOAD_COUNT, 512);
	vmw(VMCS_ENTRY_MSR_LOAD_ADDR, (u64)list);
	expect_run(REASON_VMCALL, "list-512");
	check_eq(rdmsr(MSR_CSTAR), 0x1000 + 511, "list-512-last");
	wrmsr(MSR_CSTAR, 0);
}

/* Bases of segments can be stored, though not loaded; and what RDMSR reads. */
static void test_store(void)
{
	static const u32 msrs[] = { MSR_FS_BASE,	 MSR_GS_BASE,
				    MSR_FEATURE_CONTROL, MSR_VMX_BASIC,
				    MSR_VMX_MISC,	 MSR_VMX_CR4_FIXED1 };

	prepare(do_nops, 0, 0);
	vmw(VMCS_GUEST_FS_BASE, 0x12340);
	vmw(VMCS_GUEST_GS_BASE, 0x56780);
	for (u32 i = 0; i < ARRAY_SIZE(msrs); i++)
		list[i] = (struct msr_entry){ msrs[i], 0, 0xbad };
	vmw(VMCS_EXIT_MSR_STORE_COUNT, ARRAY_SIZE(msrs));
	vmw(VMCS_EXIT_MSR_STORE_ADDR, (u64)list);
	expect_run(REASON_VMCALL, "store");
	check_eq(list[0].value, 0x12340, "store-fs-base");
	check_eq(list[1].value, 0x56780, "store-gs-base");
	for (u32 i = 2; i < ARRAY_SIZE(msrs); i++)
		check_eq(list[i].value, rdmsr(msrs[i]), "store-as-rdmsr");
}

/* --- what entry and exit load or leave -------------------------------------------------- */
PAYLOAD(do_debug, "mov %dr7, %rax; mov $0x401, %ecx; mov %rcx, %dr7; vmcall")

static void test_debug(void)
{
	/* DR7 and IA32_DEBUGCTL by their controls */
	prepare(do_debug, 0, 0);
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls((u32)(ENTRYC_IA32E | ENTRYC_LOAD_DEBUG)));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_DEBUG)));
	vmw(VMCS_GUEST_DR7, 0x702);
	expect_run(REASON_VMCALL, "dr7");
	check_eq(l2.gprs.rax, 0x702, "dr7-loaded");
	check_eq(vmr(VMCS_GUEST_DR7), 0x401, "dr7-saved");
	check_eq(read_dr7(), 0x400, "dr7-of-l1");
	prepare(do_debug, 0, 0);
	write_dr7(0x708);
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls((u32)ENTRYC_IA32E) & ~(u32)ENTRYC_LOAD_DEBUG);
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)EXITC_HOST64) & ~(u32)EXITC_SAVE_DEBUG);
	vmw(VMCS_GUEST_DR7, 0x702);
	expect_run(REASON_VMCALL, "dr7-off");
	check_eq(l2.gprs.rax, 0x708, "dr7-inherited");
	check_eq(vmr(VMCS_GUEST_DR7), 0x702, "dr7-not-saved");
	check_eq(read_dr7(), 0x400, "dr7-of-l1-again");
}

/* What an exit saves is settled by the controls that it had, whatever L1 makes
 * of them before it looks. */
static void test_debug_later(void)
{
	u64 saves = vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_DEBUG));
	u64 saves_not = saves & ~EXITC_SAVE_DEBUG;

	if (vmx_exit_ctls(0) & EXITC_SAVE_DEBUG) {
		skip("dr7-later", "debug controls are always saved");
		return;
	}
	prepare(do_debug, 0, 0);
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls((u32)(ENTRYC_IA32E | ENTRYC_LOAD_DEBUG)));
	vmw(VMCS_EXIT_CTLS, saves);
	vmw(VMCS_GUEST_DR7, 0x702);
	expect_run(REASON_VMCALL, "dr7-saved-later");
	vmw(VMCS_EXIT_CTLS, saves_not);
	check_eq(vmr(VMCS_GUEST_DR7), 0x401, "dr7-was-saved");
	/* the other way round, and into the next entry */
	vmw(VMCS_GUEST_DR7, 0x702);
	vmw(VMCS_GUEST_RIP, (u64)do_debug);
	expect_run(REASON_VMCALL, "dr7-not-saved-later");
	vmw(VMCS_EXIT_CTLS, saves);
	vmw(VMCS_GUEST_RIP, (u64)do_debug);
	expect_run(REASON_VMCALL, "dr7-next-entry");
	check_eq(l2.gprs.rax, 0x702, "dr7-was-not-saved");
	check_eq(vmr(VMCS_GUEST_DR7), 0x401, "dr7-saved-again");
}

PAYLOAD(do_sysenter, "mov $0x175, %ecx; rdmsr; mov %eax, %ebx;"
		     "mov $0x4321, %eax; xor %edx, %edx; wrmsr; vmcall")

static void test_sysenter(void)
{
	u64 esp = rdmsr(MSR_SYSENTER_ESP);

	prepare(do_sysenter, PROC_MSR_BITMAP, 0);
	memset(area, 0, sizeof(area));
	vmw(VMCS_MSR_BITMAP, (u64)area);
	vmw(VMCS_GUEST_SYSENTER_ESP, 0x7654);
	vmw(VMCS_HOST_SYSENTER_ESP, 0x111000);
	expect_run(REASON_VMCALL, "sysenter");
	check_eq(l2.gprs.rbx, 0x7654, "sysenter-loaded");
	check_eq(vmr(VMCS_GUEST_SYSENTER_ESP), 0x4321, "sysenter-saved");
	check_eq(rdmsr(MSR_SYSENTER_ESP), 0x111000, "sysenter-of-l1");
	wrmsr(MSR_SYSENTER_ESP, esp);
}

void main(void)
{
	vmx_on();
	test_cr0();
	test_clts_lmsw();
	test_cr4();
	test_cr3();
	test_page_faults();
	test_double();
	test_gifts();
	test_ple();
	test_tsc();
	test_timer();
	test_lists();
	test_debug();
	test_debug_later();
	test_store();
	test_sysenter();
	vmx_off();
}
