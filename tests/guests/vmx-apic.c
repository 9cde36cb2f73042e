/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * APIC virtualization (SDM 3C, "APIC Virtualization and Virtual Interrupts"):
 * accesses to the APIC-access page with their qualifications, the TPR shadow
 * and its threshold, register virtualization, the x2APIC's MSRs, delivery of
 * virtual interrupts, EOI.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define APIC GiB(16) /* L2's linear address of the APIC-access page */
#define VEC_A 0x61
#define VEC_B 0x92
#define TPR 0x80
#define EOI 0xb0
#define ICR 0x300
#define ISR(v) (0x100 + ((v) >> 5) * 0x10)
#define IRR(v) (0x200 + ((v) >> 5) * 0x10)
#define X2(reg) (0x800 + ((reg) >> 4))
#define BIT_OF(v) ((u32)BIT((v)&31))

/* types of APIC accesses, in bits 15:12 of the qualification */
#define READ 0u
#define WRITE BIT(12)
#define FETCH BIT(13)
#define IN_EVENT (3u << 12)
#define WALK (15u << 12)

static struct vl2 l2;
static u8 *access, *bitmap;
static u32 *vapic;
static struct {
	u32 count, vector;
} seen;

PAYLOAD(do_read, "mov (%rdi), %eax; vmcall")
PAYLOAD(do_write, "mov %eax, (%rdi); vmcall")
PAYLOAD(do_fetch, "jmp *%rdi")
PAYLOAD(do_read8, "movzbl (%rdi), %eax; vmcall")
PAYLOAD(do_nops, "nop; nop; nop; vmcall")
PAYLOAD(do_rdmsr, "rdmsr; vmcall")
PAYLOAD(do_wrmsr, "wrmsr; vmcall")
PAYLOAD(do_sti, "sti; nop; nop; vmcall")
PAYLOAD(do_tpr, "mov %eax, (%rdi); mov %cr8, %rbx; vmcall")
PAYLOAD(do_cr8, "mov %rax, %cr8; mov (%rdi), %ebx; vmcall")

static bool on_event(struct regs *r)
{
	seen.count++;
	seen.vector = (u32)r->vector;
	return true;
}

/* L2 at @code on register @reg of its APIC. */
static void prepare(void (*code)(void), u64 proc2, u32 reg)
{
	memset(vapic, 0, PAGE_SIZE);
	memset(&seen, 0, sizeof(seen));
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2 |
					   PROC_TPR_SHADOW | PROC_MSR_BITMAP)) &
				    ~(u32)(PROC_CR8_LOAD | PROC_CR8_STORE));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)proc2));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	vmw(VMCS_APIC_ACCESS_ADDR, (u64)access);
	vmw(VMCS_VIRTUAL_APIC_ADDR, (u64)vapic);
	vmw(VMCS_TPR_THRESHOLD, 0);
	if (proc2 & PROC2_VID) {
		vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_EXTINT));
		vmw(VMCS_GUEST_INTR_STATUS, 0);
		vmw(VMCS_EOI_EXIT0, 0);
		vmw(VMCS_EOI_EXIT1, 0);
		vmw(VMCS_EOI_EXIT2, 0);
		vmw(VMCS_EOI_EXIT3, 0);
	}
	l2.gprs.rdi = APIC + reg;
}

static void expect_exit(u32 reason, u64 qual, const char *name)
{
	u32 got = vl2_run(&l2);
	char text[48];

	check(got == reason, name, "exit %x, want %x", got, reason);
	snprintf(text, sizeof(text), "%s-qualification", name);
	if (got == reason && reason != REASON_VMCALL)
		check_eq(vmr(VMCS_EXIT_QUALIFICATION), qual, text);
}

/* --- the page, with nothing virtualized but the TPR ----------------------------- */
static void test_access(void)
{
	prepare(do_read, PROC2_APIC_ACCESS, 0x20);
	expect_exit(REASON_APIC_ACCESS, READ | 0x20, "read");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_read, "read-rip");
	prepare(do_write, PROC2_APIC_ACCESS, EOI);
	expect_exit(REASON_APIC_ACCESS, WRITE | EOI, "write");
	prepare(do_read8, PROC2_APIC_ACCESS, 0x3ff);
	expect_exit(REASON_APIC_ACCESS, READ | 0x3ff, "read-byte");
	if (emulator() == EMU_BOCHS) {
		check_known(false, "fetch", EMU_BOCHS,
			    "a fetch from the page ends Bochs 2.7",
			    "not tried");
	} else {
		prepare(do_fetch, PROC2_APIC_ACCESS, 0x10);
		expect_exit(REASON_APIC_ACCESS, FETCH | 0x10, "fetch");
	}
	/* without the control it is a page like another */
	prepare(do_read, 0, 0x20);
	*(u32 *)(access + 0x20) = 0x1234;
	expect_exit(REASON_VMCALL, 0, "no-control");
	check_eq(l2.gprs.rax, 0x1234, "no-control-value");
	*(u32 *)(access + 0x20) = 0;
	/* no TPR shadow: 80h is no exception */
	prepare(do_read, PROC2_APIC_ACCESS, TPR);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	expect_exit(REASON_APIC_ACCESS, READ | TPR, "read-tpr-no-shadow");
}

/* An access while an event is delivered: the frame goes to the page. */
static void test_event(void)
{
	prepare(do_nops, PROC2_APIC_ACCESS, 0);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vmw(VMCS_GUEST_RSP, APIC + 0x800);
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(0, VEC_A));
	check_eq(vl2_run(&l2), REASON_APIC_ACCESS, "event");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION) & ~0xfffull, IN_EVENT,
		 "event-qualification");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(0, VEC_A),
		 "event-vectoring");
	/* injected again it arrives, once the stack is elsewhere */
	vmw(VMCS_GUEST_RSP, (u64)&l2.stack[511]);
	vmw(VMCS_ENTRY_INTR_INFO, vmr(VMCS_IDT_VECTORING));
	check_eq(vl2_run(&l2), REASON_VMCALL, "event-again");
	check_eq(seen.count, 1, "event-delivered");
}

/* The page as a paging structure: a guest-physical access. */
static void test_walk(void)
{
	u64 *ept;

	if (!vmx_has_proc2((u32)PROC2_EPT))
		return;
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	table_map(ept, (u64)access & ~(MiB(2) - 1), (u64)access & ~(MiB(2) - 1),
		  512, EPT_TABLE, EPT_PAGE);
	prepare(do_nops, PROC2_APIC_ACCESS | PROC2_EPT, 0);
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	vmw(VMCS_GUEST_CR3, (u64)access);
	check_eq(vl2_run(&l2), REASON_APIC_ACCESS, "walk");
	check_known((vmr(VMCS_EXIT_QUALIFICATION) & 0xf000) == WALK,
		    "walk-qualification", EMU_BOCHS,
		    "a walk's access is told as a linear one", "%lx",
		    vmr(VMCS_EXIT_QUALIFICATION));
	/* through EPT an access like any other */
	prepare(do_write, PROC2_APIC_ACCESS | PROC2_EPT, 0x310);
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	expect_exit(REASON_APIC_ACCESS, WRITE | 0x310, "ept-write");
}

/* --- TPR shadow -------------------------------------------------------------------- */
static void test_tpr(void)
{
	prepare(do_tpr, PROC2_APIC_ACCESS, TPR);
	l2.gprs.rax = 0x5a;
	expect_exit(REASON_VMCALL, 0, "tpr-write");
	check_eq(vapic[TPR / 4], 0x5a, "tpr-write-in-page");
	check_eq(l2.gprs.rbx, 5, "tpr-write-cr8");
	prepare(do_cr8, PROC2_APIC_ACCESS, TPR);
	l2.gprs.rax = 9;
	expect_exit(REASON_VMCALL, 0, "cr8-write");
	check_eq(l2.gprs.rbx, 0x90, "cr8-write-read-by-page");
	/* the threshold, by both ways; the exit comes after the instruction */
	prepare(do_tpr, PROC2_APIC_ACCESS, TPR);
	vapic[TPR / 4] = 0xf0;
	vmw(VMCS_TPR_THRESHOLD, 4);
	l2.gprs.rax = 0x3f;
	expect_exit(REASON_TPR_THRESHOLD, 0, "threshold-page");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_tpr + 2, "threshold-page-rip");
	prepare(do_cr8, PROC2_APIC_ACCESS, TPR);
	vapic[TPR / 4] = 0xf0;
	vmw(VMCS_TPR_THRESHOLD, 4);
	l2.gprs.rax = 3;
	expect_exit(REASON_TPR_THRESHOLD, 0, "threshold-cr8");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_cr8 + 4, "threshold-cr8-rip");
	prepare(do_cr8, PROC2_APIC_ACCESS, TPR);
	vmw(VMCS_TPR_THRESHOLD, 4);
	l2.gprs.rax = 4;
	vapic[TPR / 4] = 0xf0;
	expect_exit(REASON_VMCALL, 0, "threshold-reached");
	/* below at entry: the entry itself exits with APIC accesses virtualized */
	prepare(do_nops, PROC2_APIC_ACCESS, 0);
	vapic[TPR / 4] = 0x20;
	vmw(VMCS_TPR_THRESHOLD, 3);
	expect_exit(REASON_TPR_THRESHOLD, 0, "threshold-at-entry");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops, "threshold-at-entry-rip");
	/* and is refused without, whichever field L1 wrote last */
	prepare(do_cr8, 0, 0);
	vmw(VMCS_TPR_THRESHOLD, 3);
	vapic[TPR / 4] = 0xf0;
	l2.gprs.rax = 9;
	l2.gprs.rdi = (u64)access;
	expect_exit(REASON_VMCALL, 0, "threshold-no-access");
	vl2_skip();
	vapic[TPR / 4] = 0x20;
	check_eq(vl2_run(&l2), VL2_FAIL_VALID, "threshold-refused");
	check_eq(vmr(VMCS_INSTR_ERROR), VMXERR_ENTRY_CONTROLS,
		 "threshold-refused-error");
}

/* --- APIC-register virtualization -------------------------------------------------- */
#define REGS (PROC2_APIC_ACCESS | PROC2_APIC_REG)

static void test_registers(void)
{
	static const u32 readable[] = { 0x20,  0x30,  0x80,  0xb0,  0xd0,
					0xe0,  0xf0,  0x100, 0x170, 0x180,
					0x1f0, 0x200, 0x270, 0x280, 0x300,
					0x310, 0x320, 0x330, 0x340, 0x350,
					0x360, 0x370, 0x380, 0x3e0 };
	static const u32 unreadable[] = { 0x00,	 0x40,	0x90,  0xa0, 0xc0,
					  0x290, 0x390, 0x3f0, 0x24 };
	static const u32 writable[] = { 0x20,  0xb0,  0xd0,  0xe0,  0xf0,
					0x280, 0x300, 0x320, 0x330, 0x340,
					0x350, 0x360, 0x370, 0x380, 0x3e0 };
	static const u32 unwritable[] = { 0x30, 0x100, 0x200, 0x390, 0x84 };
	char name[32];

	for (u32 i = 0; i < ARRAY_SIZE(readable); i++) {
		prepare(do_read, REGS, readable[i]);
		vapic[readable[i] / 4] = 0xabc00 + i;
		snprintf(name, sizeof(name), "read-%x", readable[i]);
		expect_exit(REASON_VMCALL, 0, name);
		check_eq(l2.gprs.rax, 0xabc00 + i, name);
	}
	for (u32 i = 0; i < ARRAY_SIZE(unreadable); i++) {
		prepare(do_read, REGS, unreadable[i]);
		snprintf(name, sizeof(name), "no-read-%x", unreadable[i]);
		expect_exit(REASON_APIC_ACCESS, READ | unreadable[i], name);
	}
	for (u32 i = 0; i < ARRAY_SIZE(writable); i++) {
		prepare(do_write, REGS, writable[i]);
		l2.gprs.rax = 0x11220000 + i;
		snprintf(name, sizeof(name), "write-%x", writable[i]);
		expect_exit(REASON_APIC_WRITE, writable[i], name);
		check_eq(vapic[writable[i] / 4], 0x11220000 + i, name);
		check_eq(vmr(VMCS_GUEST_RIP), (u64)do_write + 2, name);
	}
	for (u32 i = 0; i < ARRAY_SIZE(unwritable); i++) {
		prepare(do_write, REGS, unwritable[i]);
		snprintf(name, sizeof(name), "no-write-%x", unwritable[i]);
		expect_exit(REASON_APIC_ACCESS, WRITE | unwritable[i], name);
	}
}

/* --- the x2APIC's MSRs ---------------------------------------------------------------- */
static void test_x2apic(void)
{
	prepare(do_rdmsr, PROC2_X2APIC, 0);
	l2.gprs.rcx = X2(TPR);
	vapic[TPR / 4] = 0x70;
	expect_exit(REASON_VMCALL, 0, "x2-tpr-read");
	check_eq(l2.gprs.rax, 0x70, "x2-tpr-value");
	prepare(do_wrmsr, PROC2_X2APIC, 0);
	l2.gprs.rcx = X2(TPR);
	l2.gprs.rax = 0x40;
	expect_exit(REASON_VMCALL, 0, "x2-tpr-write");
	check_eq(vapic[TPR / 4], 0x40, "x2-tpr-written");
	/* L1's bitmap comes first */
	bitmap[X2(TPR) / 8] |= (u8)BIT(X2(TPR) % 8);
	prepare(do_rdmsr, PROC2_X2APIC, 0);
	l2.gprs.rcx = X2(TPR);
	expect_exit(REASON_RDMSR, 0, "x2-tpr-intercepted");
	bitmap[X2(TPR) / 8] = 0;
	if (!vmx_has_proc2((u32)PROC2_APIC_REG))
		return;
	prepare(do_rdmsr, PROC2_X2APIC | PROC2_APIC_REG, 0);
	l2.gprs.rcx = X2(0x30);
	vapic[0x30 / 4] = 0x50014;
	expect_exit(REASON_VMCALL, 0, "x2-register");
	check_eq(l2.gprs.rax, 0x50014, "x2-register-value");
}

/* --- virtual interrupts ------------------------------------------------------------------ */
#define VIRQ (REGS | PROC2_VID)

static void test_delivery(void)
{
	/* pending at entry with IF on */
	prepare(do_nops, VIRQ, 0);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vapic[IRR(VEC_A) / 4] = BIT_OF(VEC_A);
	vmw(VMCS_GUEST_INTR_STATUS, VEC_A);
	expect_exit(REASON_VMCALL, 0, "virq");
	check(seen.count == 1 && seen.vector == VEC_A, "virq-delivered",
	      "%u, vector %x", seen.count, seen.vector);
	check_eq(vapic[IRR(VEC_A) / 4], 0, "virq-irr");
	check_eq(vapic[ISR(VEC_A) / 4], BIT_OF(VEC_A), "virq-isr");
	check_eq(vmr(VMCS_GUEST_INTR_STATUS), VEC_A << 8, "virq-status");
	check_eq(vapic[0xa0 / 4], VEC_A & 0xf0, "virq-ppr");
	/* held by IF, then delivered by STI */
	prepare(do_sti, VIRQ, 0);
	vapic[IRR(VEC_A) / 4] = BIT_OF(VEC_A);
	vmw(VMCS_GUEST_INTR_STATUS, VEC_A);
	expect_exit(REASON_VMCALL, 0, "virq-sti");
	check_eq(seen.count, 1, "virq-sti-delivered");
	/* held by the TPR */
	prepare(do_nops, VIRQ, 0);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vapic[IRR(VEC_A) / 4] = BIT_OF(VEC_A);
	vapic[TPR / 4] = VEC_A & 0xf0;
	vmw(VMCS_GUEST_INTR_STATUS, VEC_A);
	expect_exit(REASON_VMCALL, 0, "virq-tpr");
	check_eq(seen.count, 0, "virq-tpr-held");
	check_eq(vmr(VMCS_GUEST_INTR_STATUS), VEC_A, "virq-tpr-status");
	/* the higher of two, the lower waits for EOI */
	prepare(do_nops, VIRQ, 0);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vapic[IRR(VEC_A) / 4] = BIT_OF(VEC_A);
	vapic[IRR(VEC_B) / 4] = BIT_OF(VEC_B);
	vmw(VMCS_GUEST_INTR_STATUS, VEC_B);
	expect_exit(REASON_VMCALL, 0, "virq-two");
	check(seen.count == 1 && seen.vector == VEC_B, "virq-higher",
	      "%u, vector %x", seen.count, seen.vector);
	check_eq(vmr(VMCS_GUEST_INTR_STATUS), VEC_B << 8 | VEC_A,
		 "virq-two-status");
}

static void test_eoi(void)
{
	/* EOI ends the one in service, the next one is delivered */
	prepare(do_write, VIRQ, EOI);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vapic[ISR(VEC_B) / 4] = BIT_OF(VEC_B);
	vapic[IRR(VEC_A) / 4] = BIT_OF(VEC_A);
	vmw(VMCS_GUEST_INTR_STATUS, VEC_B << 8 | VEC_A);
	l2.gprs.rax = 0;
	expect_exit(REASON_VMCALL, 0, "eoi");
	check_eq(vapic[ISR(VEC_B) / 4], 0, "eoi-isr");
	check(seen.count == 1 && seen.vector == VEC_A, "eoi-next",
	      "%u, vector %x", seen.count, seen.vector);
	check_eq(vmr(VMCS_GUEST_INTR_STATUS), VEC_A << 8, "eoi-status");
	/* the exit bitmap */
	prepare(do_write, VIRQ, EOI);
	vapic[ISR(VEC_B) / 4] = BIT_OF(VEC_B);
	vmw(VMCS_GUEST_INTR_STATUS, VEC_B << 8);
	vmw(VMCS_EOI_EXIT2, BIT(VEC_B & 63));
	l2.gprs.rax = 0;
	expect_exit(REASON_EOI, VEC_B, "eoi-exit");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_write + 2, "eoi-exit-rip");
	check_eq(vapic[ISR(VEC_B) / 4], 0, "eoi-exit-isr");
	/* self-IPI by the ICR, and by the x2APIC's register */
	prepare(do_write, VIRQ, ICR);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	l2.gprs.rax = VEC_A | ICR_SELF;
	expect_exit(REASON_VMCALL, 0, "self-ipi");
	check_eq(seen.count, 1, "self-ipi-delivered");
	prepare(do_wrmsr, PROC2_X2APIC | PROC2_APIC_REG | PROC2_VID, 0);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	l2.gprs.rcx = 0x83f;
	l2.gprs.rax = VEC_A;
	expect_exit(REASON_VMCALL, 0, "x2-self-ipi");
	check_eq(seen.count, 1, "x2-self-ipi-delivered");
	prepare(do_wrmsr, PROC2_X2APIC | PROC2_APIC_REG | PROC2_VID, 0);
	vapic[ISR(VEC_B) / 4] = BIT_OF(VEC_B);
	vmw(VMCS_GUEST_INTR_STATUS, VEC_B << 8);
	l2.gprs.rcx = X2(EOI);
	l2.gprs.rax = 0;
	expect_exit(REASON_VMCALL, 0, "x2-eoi");
	check_eq(vapic[ISR(VEC_B) / 4], 0, "x2-eoi-isr");
	check_eq(vmr(VMCS_GUEST_INTR_STATUS), 0, "x2-eoi-status");
}

void main(void)
{
	vmx_on();
	access = page_alloc(1);
	vapic = page_alloc(1);
	bitmap = page_alloc(1);
	table_map((u64 *)read_cr3(), APIC, (u64)access, 1, 7, 0x67);
	set_hook(VEC_A, on_event);
	set_hook(VEC_B, on_event);
	if (!vmx_has_proc((u32)PROC_TPR_SHADOW) ||
	    !vmx_has_proc2((u32)PROC2_APIC_ACCESS)) {
		skip("apic-access", "the control is not offered");
		done();
	}
	test_access();
	test_event();
	test_walk();
	test_tpr();
	if (vmx_has_proc2((u32)PROC2_APIC_REG))
		test_registers();
	else
		skip("apic-registers", "the control is not offered");
	if (vmx_has_proc2((u32)PROC2_X2APIC))
		test_x2apic();
	else
		skip("x2apic", "the control is not offered");
	if (vmx_has_proc2((u32)PROC2_VID)) {
		test_delivery();
		test_eoi();
	} else {
		skip("virtual-interrupts", "the control is not offered");
	}
	vmx_off();
}
