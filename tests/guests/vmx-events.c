/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events at VM entry and exit: injection of each type, IDT-vectoring
 * information, interrupts and NMIs while L2 runs, windows, TPR shadow, activity
 * states, MSR lists, controls that load and save. L2 uses L1's IDT:
 * on_event() notes what arrives, at whichever level.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/vmx.h"

#define VEC_A 0x41
#define VEC_B 0x52

static struct vl2 l2;
static struct {
	u32 count, vector;
	u64 error, rip;
} seen;

static bool on_event(struct regs *r)
{
	seen.count++;
	seen.vector = (u32)r->vector;
	seen.error = r->error;
	seen.rip = r->rip;
	if (r->vector == VEC_A)
		apic_eoi();
	return true;
}

PAYLOAD(do_vmcall, "vmcall")
PAYLOAD(do_nops, "nop; nop; nop; vmcall")
PAYLOAD(do_sti, "sti; nop; nop; vmcall")
PAYLOAD(do_sti_vmcall, "sti; vmcall")
PAYLOAD(do_mov_ss, "mov %ss, %eax; mov %eax, %ss; vmcall")
PAYLOAD(do_spin, "1: inc %rbx; jmp 1b")
PAYLOAD(do_cr8, "mov $5, %eax; mov %rax, %cr8; mov %cr8, %rbx; vmcall")
PAYLOAD(do_cr8_low, "mov $1, %eax; mov %rax, %cr8; vmcall")
PAYLOAD(do_iret, "mov %rsp, %rax; pushq $0x10; push %rax; pushf; pushq $8;"
		 "lea 1f(%rip), %rax; push %rax; iretq; 1: nop; vmcall")
PAYLOAD(do_efer, "mov $0xc0000080, %ecx; rdmsr; mov %eax, %ebx; vmcall")

static void prepare(void (*code)(void))
{
	memset(&seen, 0, sizeof(seen));
	vl2_init(&l2, code);
}

/* --- injection -------------------------------------------------------------- */
static const struct {
	const char *name;
	u32 info, error, vector, len;
} injections[] = {
	{ "inject-none", VEC_B, 0, 0, 0 },
	{ "inject-extint", INTR_INFO(0, VEC_B), 0, VEC_B, 0 },
	{ "inject-nmi", INTR_INFO(2, VEC_NMI), 0, VEC_NMI, 0 },
	{ "inject-ud", INTR_INFO(3, VEC_UD), 0, VEC_UD, 0 },
	{ "inject-gp", INTR_INFO(3, VEC_GP) | (u32)INTR_ERROR, 0x1234, VEC_GP,
	  0 },
	{ "inject-pf", INTR_INFO(3, VEC_PF) | (u32)INTR_ERROR, 6, VEC_PF, 0 },
	{ "inject-soft", INTR_INFO(4, VEC_B), 0, VEC_B, 2 },
	{ "inject-bp", INTR_INFO(6, VEC_BP), 0, VEC_BP, 1 },
	{ "inject-icebp", INTR_INFO(5, VEC_DB), 0, VEC_DB, 1 },
};

static void test_injection(void)
{
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(injections); i++) {
		u32 info = injections[i].info;

		prepare(do_nops);
		if (INTR_TYPE(info) == 0)
			vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
		vmw(VMCS_ENTRY_INTR_INFO, info);
		vmw(VMCS_ENTRY_ERROR_CODE, injections[i].error);
		vmw(VMCS_ENTRY_INSTR_LEN, injections[i].len);
		/* what is intercepted is injected all the same */
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD) | BIT(VEC_BP));
		snprintf(name, sizeof(name), "%s-exit", injections[i].name);
		check_eq(vl2_run(&l2), REASON_VMCALL, name);
		check(seen.count == !!injections[i].vector &&
			      seen.vector == injections[i].vector &&
			      seen.error == injections[i].error,
		      injections[i].name, "%u events, vector %x error %lx",
		      seen.count, seen.vector, seen.error);
		if (injections[i].vector)
			check_eq(seen.rip, (u64)do_nops + injections[i].len,
				 "inject-rip");
		check(!(vmr(VMCS_ENTRY_INTR_INFO) & INTR_VALID), "inject-once",
		      "%lx", vmr(VMCS_ENTRY_INTR_INFO));
	}
}

static void test_vectoring(void)
{
	static const u32 infos[] = { INTR_INFO(0, VEC_B), INTR_INFO(4, VEC_B),
				     INTR_INFO(3, VEC_XM) };

	for (u32 i = 0; i < ARRAY_SIZE(infos); i++) {
		prepare(do_nops);
		vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
		vmw(VMCS_GUEST_IDTR_LIMIT, 16 * 16 - 1);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_GP));
		vmw(VMCS_ENTRY_INTR_INFO, infos[i]);
		vmw(VMCS_ENTRY_INSTR_LEN, 2);
		check_eq(vl2_run(&l2), REASON_EXCEPTION_NMI, "vectoring-exit");
		check_eq(vmr(VMCS_IDT_VECTORING), infos[i], "vectoring-info");
		check_eq(vmr(VMCS_EXIT_INTR_INFO),
			 INTR_INFO(3, VEC_GP) | INTR_ERROR, "vectoring-gp");
		check_eq(vmr(VMCS_EXIT_INTR_ERROR) & ~1ull,
			 (infos[i] & 0xff) * 8 + 2, "vectoring-error");
	}
}

/* --- interrupts and NMIs -------------------------------------------------------- */
static void send_self(void)
{
	icr_send(0, VEC_A | ICR_ASSERT | ICR_SELF);
}

static void drain(void)
{
	sti();
	__asm__ volatile("nop; nop");
	cli();
}

static void test_interrupts(void)
{
	/* exiting, L2's IF on: exits at once, L1 takes it with IF on */
	prepare(do_nops);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_EXTINT));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	send_self();
	check_eq(vl2_run(&l2), REASON_EXTINT, "intr-exit");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops, "intr-exit-rip");
	check_eq(seen.count, 0, "intr-exit-not-taken");
	drain();
	check_eq(seen.count, 1, "intr-taken-by-l1");
	/* acknowledged on exit: the vector is in the information field */
	prepare(do_nops);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_EXTINT));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_ACK_INTR)));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	send_self();
	check_eq(vl2_run(&l2), REASON_EXTINT, "intr-ack-exit");
	check_eq(vmr(VMCS_EXIT_INTR_INFO), INTR_INFO(0, VEC_A),
		 "intr-ack-vector");
	apic_eoi();
	drain();
	check_eq(seen.count, 0, "intr-ack-gone");
	/* not exiting: to L2, when its IF is on */
	prepare(do_nops);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	send_self();
	check_eq(vl2_run(&l2), REASON_VMCALL, "intr-to-l2");
	check_eq(seen.count, 1, "intr-taken-by-l2");
	prepare(do_nops);
	send_self();
	check_eq(vl2_run(&l2), REASON_VMCALL, "intr-held-by-l2");
	check_eq(seen.count, 0, "intr-held");
	drain();
	check_eq(seen.count, 1, "intr-to-l1-then");
	/* an L2 that computes is left when the timer fires */
	prepare(do_spin);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_EXTINT));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	apic_write(APIC_TIMER_DIV, 0xb);
	apic_write(APIC_LVT_TIMER, VEC_A);
	apic_write(APIC_TIMER_INIT, 2000000);
	check_eq(vl2_run(&l2), REASON_EXTINT, "timer-ends-l2");
	check(l2.gprs.rbx > 10, "l2-computed", "%lu", l2.gprs.rbx);
	drain();
	check_eq(seen.count, 1, "timer-to-l1");
}

static void test_nmis(void)
{
	prepare(do_nops);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_NMI));
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	seen.count = 0; /* L1 took it: GIF is SVM's */
	prepare(do_nops);
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	check_eq(seen.count, 1, "nmi-to-l1");
	/* virtual NMIs: an injected one blocks, IRET ends that, window exits */
	prepare(do_nops);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_NMI | PIN_VNMI)));
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_NMI_WINDOW));
	check_eq(vl2_run(&l2), REASON_NMI_WINDOW, "nmi-window");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops, "nmi-window-rip");
	prepare(do_nops);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_NMI | PIN_VNMI)));
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_NMI);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_NMI_WINDOW));
	check_eq(vl2_run(&l2), REASON_VMCALL, "nmi-window-blocked");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_NMI, "vnmi-blocking");
	prepare(do_iret);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_NMI | PIN_VNMI)));
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_NMI);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_NMI_WINDOW));
	check_eq(vl2_run(&l2), REASON_NMI_WINDOW, "nmi-window-after-iret");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0, "iret-unblocks");
}

static void test_windows(void)
{
	prepare(do_nops);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_INTR_WINDOW));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	check_eq(vl2_run(&l2), REASON_INTR_WINDOW, "intr-window");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops, "intr-window-rip");
	prepare(do_sti);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_INTR_WINDOW));
	check_eq(vl2_run(&l2), REASON_INTR_WINDOW, "intr-window-sti");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_sti + 2, "intr-window-sti-rip");
	prepare(do_nops);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_INTR_WINDOW));
	check_eq(vl2_run(&l2), REASON_VMCALL, "intr-window-if-off");
	prepare(do_sti_vmcall);
	check_eq(vl2_run(&l2), REASON_VMCALL, "sti-shadow-exit");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_STI, "sti-shadow");
	prepare(do_mov_ss);
	check_eq(vl2_run(&l2), REASON_VMCALL, "mov-ss-exit");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_MOV_SS, "mov-ss");
	/* HLT as an activity state: only an event ends it */
	prepare(do_nops);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_EXTINT));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vmw(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
	send_self();
	check_eq(vl2_run(&l2), REASON_EXTINT, "activity-hlt");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops, "activity-hlt-rip");
	drain();
	prepare(do_nops);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vmw(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(0, VEC_B));
	check_eq(vl2_run(&l2), REASON_VMCALL, "activity-hlt-injected");
	check_eq(vmr(VMCS_GUEST_ACTIVITY), ACTIVITY_ACTIVE, "activity-active");
}

/* --- TPR shadow, lists, switched MSRs ----------------------------------------------- */
static u32 vapic[1024] __aligned(4096);

static void test_tpr(void)
{
	if (!vmx_has_proc((u32)PROC_TPR_SHADOW)) {
		skip("tpr-shadow", "the control is not offered");
		return;
	}
	for (u32 i = 0; i < 2; i++) {
		memset(vapic, 0, sizeof(vapic));
		vapic[APIC_TPR / 4] = 0x70;
		prepare(i ? do_cr8_low : do_cr8);
		vmw(VMCS_PROC_CTLS,
		    vmx_proc((u32)PROC_TPR_SHADOW) &
			    ~(u32)(PROC_CR8_LOAD | PROC_CR8_STORE));
		vmw(VMCS_VIRTUAL_APIC_ADDR, (u64)vapic);
		vmw(VMCS_TPR_THRESHOLD, i ? 3 : 0);
		check_eq(vl2_run(&l2), i ? REASON_TPR_THRESHOLD : REASON_VMCALL,
			 i ? "tpr-below-threshold" : "tpr-shadow");
		check_eq(vapic[APIC_TPR / 4], i ? 0x10 : 0x50, "tpr-in-page");
		if (!i)
			check_eq(l2.gprs.rbx, 5, "tpr-read-back");
	}
	check_eq(read_cr8(), 0, "tpr-of-l1-untouched");
}

static void test_msrs(void)
{
	static u64 load[4] __aligned(16), store[4] __aligned(16),
		back[4] __aligned(16);
	u64 old = rdmsr(MSR_KERNEL_GS_BASE), pat = rdmsr(MSR_PAT);

	prepare(do_vmcall);
	load[0] = MSR_KERNEL_GS_BASE;
	load[1] = 0x1234567000;
	load[2] = MSR_CSTAR;
	load[3] = 0x7654321000;
	store[0] = MSR_KERNEL_GS_BASE;
	store[2] = MSR_CSTAR;
	back[0] = MSR_KERNEL_GS_BASE;
	back[1] = 0x5550000;
	vmw(VMCS_ENTRY_MSR_LOAD_COUNT, 2);
	vmw(VMCS_ENTRY_MSR_LOAD_ADDR, (u64)load);
	vmw(VMCS_EXIT_MSR_STORE_COUNT, 2);
	vmw(VMCS_EXIT_MSR_STORE_ADDR, (u64)store);
	vmw(VMCS_EXIT_MSR_LOAD_COUNT, 1);
	vmw(VMCS_EXIT_MSR_LOAD_ADDR, (u64)back);
	check_eq(vl2_run(&l2), REASON_VMCALL, "msr-lists");
	check_eq(store[1], 0x1234567000, "msr-stored");
	check_eq(store[3], 0x7654321000, "msr-stored-second");
	check_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x5550000, "msr-loaded-back");
	wrmsr(MSR_KERNEL_GS_BASE, old);

	prepare(do_efer);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP));
	vmw(VMCS_MSR_BITMAP, (u64)vapic);
	memset(vapic, 0, sizeof(vapic));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_EFER |
				EXITC_LOAD_EFER | EXITC_SAVE_PAT |
				EXITC_LOAD_PAT)));
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls(
		    (u32)(ENTRYC_IA32E | ENTRYC_LOAD_EFER | ENTRYC_LOAD_PAT)));
	vmw(VMCS_GUEST_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	vmw(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmw(VMCS_GUEST_PAT, 0x0606060606060606);
	vmw(VMCS_HOST_PAT, pat);
	check_eq(vl2_run(&l2), REASON_VMCALL, "efer-pat");
	check(l2.gprs.rbx & EFER_SCE, "efer-of-l2", "%lx", l2.gprs.rbx);
	check(!(rdmsr(MSR_EFER) & EFER_SCE), "efer-of-l1", "%lx",
	      rdmsr(MSR_EFER));
	check_eq(vmr(VMCS_GUEST_PAT), 0x0606060606060606, "pat-of-l2");
	check_eq(rdmsr(MSR_PAT), pat, "pat-of-l1");
	/* what every exit sets: DR7, RFLAGS, the limits of GDTR and IDTR */
	write_dr7(0x455);
	prepare(do_vmcall);
	vl2_run(&l2);
	check_eq(read_dr7(), 0x400, "exit-dr7");
	check_eq(read_flags() & ~0x8d5ull, RFLAGS_FIXED, "exit-rflags");
}

void main(void)
{
	static const u8 vectors[] = { VEC_A,  VEC_B,  VEC_NMI, VEC_UD,
				      VEC_GP, VEC_PF, VEC_BP,  VEC_DB };

	vmx_on();
	apic_enable();
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		set_hook(vectors[i], on_event);
	test_injection();
	test_vectoring();
	test_interrupts();
	test_nmis();
	test_windows();
	test_tpr();
	test_msrs();
	vmx_off();
}
