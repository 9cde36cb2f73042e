/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events whose delivery an exit cuts short, and what waits: IDT-vectoring
 * information of each type and its injection again, by L1 or, when the exit
 * was L0's own, without L1's knowing; NMIs that exit, NMIs of L2's own, IRET
 * and what faults in it; pending debug exceptions and what #DB's exit says.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define VEC_A 0x41
#define VEC_B 0x52
#define GPA GiB(4) /* L2's stack: its page comes and goes in EPT */
#define PA MiB(64)
#define STACK (GPA + 0x800)

static struct vl2 l2;
static u64 *ept;
static u64 word;
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

PAYLOAD(do_nops, "nop; nop; nop; nop; vmcall")
PAYLOAD(do_int, "int $0x52; vmcall")
PAYLOAD(do_int3, "int3; vmcall")
PAYLOAD(do_icebp, ".byte 0xf1; vmcall")
PAYLOAD(do_ud, "ud2; vmcall")
PAYLOAD(do_gp, "movabs $0x8000000000000000, %rax; mov (%rax), %eax; vmcall")
PAYLOAD(do_send, "movl %eax, (%rdi); nop; nop; vmcall")
PAYLOAD(do_iret, "iretq; vmcall")

static void prepare(void (*code)(void))
{
	memset(&seen, 0, sizeof(seen));
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
}

/* The stack's page: there, or not; the processor has nothing cached of it. */
static void stack(bool there)
{
	*table_entry(ept, GPA, 1, EPT_TABLE) = there ? PA | EPT_PAGE : 0;
	if (invept_insn(INVEPT_ALL, 0, 0) != VMX_OK)
		die("invept", "-");
}

static void expect_run(u32 reason, const char *name)
{
	u32 got = vl2_run(&l2);

	check(got == reason, name, "exit %x, want %x, info %lx qual %lx", got,
	      reason, vmr(VMCS_EXIT_INTR_INFO), vmr(VMCS_EXIT_QUALIFICATION));
}

/* --- each type ----------------------------------------------------------------- */
static const struct event {
	const char *name;
	void (*code)(void);
	u32 info;    /* IDT-vectoring information */
	u32 error;   /* where info says that there is one */
	u32 len;     /* of the instruction, where there is one */
	bool inject; /* by L1, else L2 does it itself */
	u32 after;   /* return address, from code on */
} events[] = {
	{ "int", do_int, INTR_INFO(4, VEC_B), 0, 2, false, 2 },
	{ "int3", do_int3, INTR_INFO(6, VEC_BP), 0, 1, false, 1 },
	{ "icebp", do_icebp, INTR_INFO(5, VEC_DB), 0, 1, false, 1 },
	{ "ud", do_ud, INTR_INFO(3, VEC_UD), 0, 0, false, 0 },
	{ "gp", do_gp, INTR_INFO(3, VEC_GP) | (u32)INTR_ERROR, 0, 0, false,
	  10 },
	{ "extint", do_nops, INTR_INFO(0, VEC_B), 0, 0, true, 0 },
	{ "nmi", do_nops, INTR_INFO(2, VEC_NMI), 0, 0, true, 0 },
	{ "pf", do_nops, INTR_INFO(3, VEC_PF) | (u32)INTR_ERROR, 0x15, 0, true,
	  0 },
	{ "soft", do_nops, INTR_INFO(4, VEC_B), 0, 2, true, 2 },
	{ "soft-exception", do_nops, INTR_INFO(6, VEC_BP), 0, 1, true, 1 },
};

static void start(const struct event *e)
{
	prepare(e->code);
	vmw(VMCS_GUEST_RSP, STACK);
	if (!e->inject)
		return;
	vmw(VMCS_ENTRY_INTR_INFO, e->info);
	vmw(VMCS_ENTRY_ERROR_CODE, e->error);
	vmw(VMCS_ENTRY_INSTR_LEN, e->len);
}

/* What came of it: L2's handler returns to a fault's instruction again, so a
 * fault is met by stepping over it. */
static bool over_fault(struct regs *r)
{
	on_event(r);
	if (r->vector == VEC_UD || r->vector == VEC_GP)
		r->rip += 2;
	return true;
}

static void arrived(const struct event *e, const char *how)
{
	char name[48];

	snprintf(name, sizeof(name), "%s-%s", e->name, how);
	expect_run(REASON_VMCALL, name);
	check(seen.count == 1 && seen.vector == INTR_VECTOR(e->info) &&
		      seen.rip == (u64)e->code + e->after,
	      name, "%u events, vector %x rip %lx", seen.count, seen.vector,
	      seen.rip - (u64)e->code);
	if (e->info & INTR_ERROR)
		check_eq(seen.error, e->error, name);
}

static void test_types(void)
{
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(events); i++) {
		const struct event *e = &events[i];

		/* L1's table has no stack: its exit, its information */
		stack(false);
		start(e);
		snprintf(name, sizeof(name), "%s-cut-short", e->name);
		expect_run(REASON_EPT_VIOLATION, name);
		check_eq(vmr(VMCS_IDT_VECTORING), e->info, name);
		if (e->info & INTR_ERROR)
			check_eq(vmr(VMCS_IDT_VECTORING_ERROR), e->error, name);
		if (e->len)
			check_eq(vmr(VMCS_EXIT_INSTR_LEN), e->len, name);
		check_eq(vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK, GPA, name);
		check_eq(vmr(VMCS_GUEST_RIP),
			 (u64)e->code + (e->inject || e->len ? 0 : e->after),
			 name);
		check_eq(seen.count, 0, name);
		/* mended and injected again */
		stack(true);
		vmw(VMCS_ENTRY_INTR_INFO, vmr(VMCS_IDT_VECTORING));
		vmw(VMCS_ENTRY_ERROR_CODE, vmr(VMCS_IDT_VECTORING_ERROR));
		vmw(VMCS_ENTRY_INSTR_LEN, vmr(VMCS_EXIT_INSTR_LEN));
		if (INTR_TYPE(e->info) == INTR_TYPE_NMI)
			vmw(VMCS_GUEST_INTERRUPTIBILITY, 0);
		arrived(e, "again");
		/* with the page there from the start nothing of it shows */
		stack(true);
		start(e);
		arrived(e, "at-once");
	}
}

/* The same by L2's own page tables: #PF while an event is delivered exits. */
#define NO_PAGE 0x7f0000000800ull

static void test_types_pf(void)
{
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(events); i++) {
		const struct event *e = &events[i];

		/* a second page fault is a double one */
		if (INTR_VECTOR(e->info) == VEC_PF)
			continue;
		stack(true);
		start(e);
		vmw(VMCS_GUEST_RSP, NO_PAGE);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_PF));
		snprintf(name, sizeof(name), "%s-pf", e->name);
		expect_run(REASON_EXCEPTION_NMI, name);
		check_eq(vmr(VMCS_EXIT_INTR_INFO),
			 INTR_INFO(INTR_TYPE_HARD_EXC, VEC_PF) | INTR_ERROR,
			 name);
		check_eq(vmr(VMCS_EXIT_INTR_ERROR), 2, name);
		check_eq(vmr(VMCS_EXIT_QUALIFICATION), NO_PAGE - 8, name);
		check_eq(vmr(VMCS_IDT_VECTORING), e->info, name);
		if (e->len)
			check_eq(vmr(VMCS_EXIT_INSTR_LEN), e->len, name);
		/* L1 gives it a stack and injects the event again */
		vmw(VMCS_GUEST_RSP, STACK);
		vmw(VMCS_ENTRY_INTR_INFO, vmr(VMCS_IDT_VECTORING));
		vmw(VMCS_ENTRY_ERROR_CODE, vmr(VMCS_IDT_VECTORING_ERROR));
		vmw(VMCS_ENTRY_INSTR_LEN, vmr(VMCS_EXIT_INSTR_LEN));
		if (INTR_TYPE(e->info) == INTR_TYPE_NMI)
			vmw(VMCS_GUEST_INTERRUPTIBILITY, 0);
		arrived(e, "pf-again");
	}
}

/* An interrupt of the machine's, not one injected. */
static void test_machine(void)
{
	for (u32 i = 0; i < 2; i++) {
		stack(i);
		prepare(do_nops);
		vmw(VMCS_GUEST_RSP, STACK);
		icr_send(0, VEC_A | ICR_ASSERT | ICR_SELF);
		if (!i) {
			expect_run(REASON_EPT_VIOLATION, "machine-cut-short");
			check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(0, VEC_A),
				 "machine-vectoring");
			stack(true);
			vmw(VMCS_ENTRY_INTR_INFO, vmr(VMCS_IDT_VECTORING));
		}
		expect_run(REASON_VMCALL, "machine");
		check(seen.count == 1 && seen.vector == VEC_A, "machine-event",
		      "%u, vector %x", seen.count, seen.vector);
	}
}

/* --- NMIs -------------------------------------------------------------------------- */
static void unblock_nmis(void)
{
	u64 rsp;

	__asm__ volatile("mov %%rsp, %0; pushq $0x10; push %0; pushf;"
			 "pushq $8; lea 1f(%%rip), %0; push %0; iretq; 1:"
			 : "=&r"(rsp)
			 :
			 : "memory");
}

static void test_nmis(void)
{
	u64 icr = rdmsr(MSR_APIC_BASE) & BITS(51, 12);

	stack(true);
	apic_write(APIC_ICR2, cpu_index() << 24);
	/* it exits at the instruction after the ICR's, and blocks L1's */
	prepare(do_send);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_NMI));
	l2.gprs.rdi = icr + APIC_ICR;
	l2.gprs.rax = ICR_NMI | ICR_ASSERT;
	expect_run(REASON_EXCEPTION_NMI, "nmi-exits");
	check_eq(vmr(VMCS_EXIT_INTR_INFO), INTR_INFO(INTR_TYPE_NMI, VEC_NMI),
		 "nmi-info");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_send + 2, "nmi-rip");
	/* "An NMI causes subsequent NMIs to be blocked, but only after the VM
	 * exit completes" (Architectural State Before a VM Exit) */
	check_known(!(vmr(VMCS_GUEST_INTERRUPTIBILITY) & INTRBL_NMI),
		    "nmi-l2-not-blocked", EMU_BOCHS,
		    "an NMI's own blocking is saved as L2's", "%lx",
		    vmr(VMCS_GUEST_INTERRUPTIBILITY));
	check_eq(seen.count, 0, "nmi-not-taken");
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	check_eq(seen.count, 0, "nmi-blocked-in-l1");
	unblock_nmis();
	check_eq(seen.count, 1, "nmi-after-iret-in-l1");
	/* without NMI exiting it is L2's, through its IDT */
	prepare(do_send);
	l2.gprs.rdi = icr + APIC_ICR;
	l2.gprs.rax = ICR_NMI | ICR_ASSERT;
	expect_run(REASON_VMCALL, "nmi-to-l2");
	check_eq(seen.count, 1, "nmi-taken-by-l2");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0, "nmi-l2-iret");
	/* and waits while L2 blocks NMIs, also beyond its exit to L1 */
	prepare(do_send);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_NMI);
	l2.gprs.rdi = icr + APIC_ICR;
	l2.gprs.rax = ICR_NMI | ICR_ASSERT;
	expect_run(REASON_VMCALL, "nmi-l2-blocked");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_NMI,
		 "nmi-l2-blocking");
	check_eq(seen.count, 0, "nmi-l2-held");
	unblock_nmis();
	check_eq(seen.count, 1, "nmi-l2-held-to-l1");
	/* a failed entry leaves L1's blocking alone */
	prepare(do_nops);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_NMI);
	vmw(VMCS_GUEST_RFLAGS, 0);
	check_eq(vl2_run(&l2), REASON_BAD_GUEST | (u32)EXIT_ENTRY_FAILURE,
		 "nmi-failed-entry");
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	check_eq(seen.count, 1, "nmi-failed-entry-not-blocked");
}

/* Virtual NMIs: IRET ends their blocking even when it faults. */
static void test_iret(void)
{
	u64 frame[5] = { (u64)do_iret + 2, SEL_CODE64, RFLAGS_FIXED,
			 (u64)&l2.stack[500], SEL_DATA };

	for (u32 i = 0; i < 3; i++) {
		stack(i == 2);
		memcpy((void *)(PA + 0x800), frame, sizeof(frame));
		prepare(do_iret);
		vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_NMI | PIN_VNMI)));
		vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_NMI);
		vmw(VMCS_GUEST_RSP, i ? STACK : 0x7f0000000000);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_PF));
		if (i == 0) {
			expect_run(REASON_EXCEPTION_NMI, "iret-pf");
			check_eq(vmr(VMCS_EXIT_INTR_INFO),
				 INTR_INFO(3, VEC_PF) | INTR_ERROR |
					 INTR_NMI_UNBLOCK,
				 "iret-pf-info");
			check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0,
				 "iret-pf-unblocked");
			continue;
		}
		if (i == 1) {
			expect_run(REASON_EPT_VIOLATION, "iret-violation");
			check(vmr(VMCS_EXIT_QUALIFICATION) &
				      EPT_QUAL_NMI_UNBLOCK,
			      "iret-violation-qualification", "%lx",
			      vmr(VMCS_EXIT_QUALIFICATION));
			check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0,
				 "iret-violation-unblocked");
			continue;
		}
		/* L0's own violation: IRET runs again, with blocking */
		expect_run(REASON_VMCALL, "iret");
		check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0, "iret-unblocks");
	}
}

/* "Information About NMI Unblocking Due to IRET": faults of IRET itself, with
 * virtual NMIs and with those of L2's own. */
static void test_iret_faults(void)
{
	static const struct {
		const char *name;
		u64 cs, ss, vector;
	} rows[] = {
		{ "iret-gp", 0, SEL_DATA, VEC_GP },
		{ "iret-np", SEL_FREE, SEL_DATA, VEC_NP },
		{ "iret-ss-gp", SEL_CODE64, SEL_CODE64, VEC_GP },
	};
	extern u64 gdt[];

	gdt[SEL_FREE / 8] = gdt[SEL_CODE64 / 8] & ~BIT(47); /* not present */
	stack(true);
	for (u32 i = 0; i < 3 * ARRAY_SIZE(rows); i++) {
		u64 frame[5] = { (u64)do_iret + 2, rows[i / 3].cs, RFLAGS_FIXED,
				 (u64)&l2.stack[500], rows[i / 3].ss };
		bool virtual = i % 3 == 1, blocked = i % 3;

		memcpy((void *)(PA + 0x800), frame, sizeof(frame));
		prepare(do_iret);
		if (virtual)
			vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_NMI | PIN_VNMI)));
		vmw(VMCS_GUEST_INTERRUPTIBILITY, blocked ? INTRBL_NMI : 0);
		vmw(VMCS_GUEST_RSP, STACK);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(rows[i / 3].vector));
		expect_run(REASON_EXCEPTION_NMI, rows[i / 3].name);
		check_eq(vmr(VMCS_EXIT_INTR_INFO),
			 INTR_INFO(3, rows[i / 3].vector) | INTR_ERROR |
				 (blocked ? INTR_NMI_UNBLOCK : 0),
			 rows[i / 3].name);
		check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0, rows[i / 3].name);
		check_eq(vmr(VMCS_GUEST_RIP), (u64)do_iret, rows[i / 3].name);
	}
	/* L1 has no blocking left of it */
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	check_eq(seen.count, 1, "iret-fault-l1-unblocked");
}

/* --- debug exceptions -------------------------------------------------------------------- */
PAYLOAD(do_mov_ss, "mov (%rdi), %ss; vmcall")
PAYLOAD(do_load, "mov (%rdi), %rax; nop; vmcall")
PAYLOAD(do_dr, "mov %dr0, %rax; vmcall")

static void expect_db(u64 qual, u64 rip, const char *name)
{
	expect_run(REASON_EXCEPTION_NMI, name);
	check_eq(vmr(VMCS_EXIT_INTR_INFO), INTR_INFO(3, VEC_DB), name);
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), qual, name);
	check_eq(vmr(VMCS_GUEST_RIP), rip, name);
}

static void debug(void (*code)(void), u64 dr7)
{
	prepare(code);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_DB));
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls((u32)(ENTRYC_IA32E | ENTRYC_LOAD_DEBUG)));
	vmw(VMCS_GUEST_DR7, dr7);
	l2.gprs.rdi = (u64)&word;
	write_dr6(0xffff0ff0);
}

#define DR7_RW0 (0x402 | 15ull << 16) /* DR0: reads and writes, 4 bytes */
#define DR7_GD BIT(13)
#define QUAL_BD BIT(13)
#define QUAL_BS BIT(14)

static void test_debug(void)
{
	word = SEL_DATA;
	__asm__ volatile("mov %0, %%dr0" : : "r"(&word));
	/* a step, a breakpoint, DR7.GD: causes are in the qualification */
	debug(do_nops, 0x400);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
	expect_db(QUAL_BS, (u64)do_nops + 1, "db-step");
	check_eq(read_dr6() & 0x4000, 0, "db-step-dr6-untouched");
	debug(do_load, DR7_RW0);
	expect_db(BIT(0), (u64)do_load + 3, "db-breakpoint");
	debug(do_load, DR7_RW0);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
	expect_db(QUAL_BS | BIT(0), (u64)do_load + 3, "db-both");
	debug(do_dr, 0x400 | DR7_GD);
	expect_db(QUAL_BD, (u64)do_dr, "db-general-detect");
	check_eq(read_dr7(), 0x400, "db-l1-dr7");
	/* pending at entry: delivered before the first instruction */
	debug(do_nops, 0x400);
	vmw(VMCS_GUEST_PENDING_DBG, PENDING_DBG_BS);
	expect_db(QUAL_BS, (u64)do_nops, "pending-bs");
	debug(do_nops, DR7_RW0);
	vmw(VMCS_GUEST_PENDING_DBG, PENDING_DBG_ENABLED | BIT(0));
	expect_db(BIT(0), (u64)do_nops, "pending-b0");
	/* an exit right after MOV SS saves what MOV SS held back */
	debug(do_mov_ss, DR7_RW0);
	expect_run(REASON_VMCALL, "mov-ss");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_MOV_SS,
		 "mov-ss-blocking");
	check_eq(vmr(VMCS_GUEST_PENDING_DBG), PENDING_DBG_ENABLED | BIT(0),
		 "mov-ss-pending");
	__asm__ volatile("mov %0, %%dr0" : : "r"(0ul));
}

/* --- and instructions that do not run in L2 ----------------------------------- */
/* WRMSR of APIC_BASE and VMFUNC are L0's to carry out; the load finds a page
 * that L0 has to map. Each time it is as if the processor had done it. */
PAYLOAD(do_wrmsr, "wrmsr; nop; vmcall")
PAYLOAD(do_ss_wrmsr, "mov (%rdi), %ss; wrmsr; nop; vmcall")
PAYLOAD(do_vmfunc, "vmfunc; nop; vmcall")
PAYLOAD(do_ss_load, "mov (%rdi), %ss; mov (%rsi), %rax; nop; vmcall")
PAYLOAD(do_ss_cpuid, "mov (%rdi), %ss; cpuid; nop; vmcall")
PAYLOAD(do_cpuid, "cpuid; nop; vmcall")
PAYLOAD(do_sti_wrmsr, "sti; wrmsr; nop; vmcall")
void do_pop_ss(void); /* in compatibility mode */
__asm__(".code32; do_pop_ss: pop %ss; wrmsr; nop; vmcall; .code64");

static const struct {
	const char *name;
	void (*code)(void);
	bool step, watch; /* TF; DR0 at what RDI points to */
	u64 qual;
	u32 at;
} emulated[] = {
	{ "step-wrmsr", do_wrmsr, 1, 0, QUAL_BS, 2 },
	{ "step-mov-ss-wrmsr", do_ss_wrmsr, 1, 0, QUAL_BS, 4 },
	{ "watch-mov-ss-wrmsr", do_ss_wrmsr, 0, 1, BIT(0), 4 },
	{ "both-mov-ss-wrmsr", do_ss_wrmsr, 1, 1, QUAL_BS | BIT(0), 4 },
	{ "step-sti-wrmsr", do_sti_wrmsr, 1, 0, QUAL_BS, 1 },
	{ "step-pop-ss-wrmsr", do_pop_ss, 1, 0, QUAL_BS, 3 },
	{ "step-vmfunc", do_vmfunc, 1, 0, QUAL_BS, 3 },
	{ "step-mov-ss-load", do_ss_load, 1, 0, QUAL_BS, 5 },
	{ "watch-mov-ss-load", do_ss_load, 0, 1, BIT(0), 5 },
	{ "both-mov-ss-load", do_ss_load, 1, 1, QUAL_BS | BIT(0), 5 },
};

static u8 bitmap[PAGE_SIZE] __aligned(4096);
static u64 eptp_list[512] __aligned(4096);

static void prepare_emulated(u32 i)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	debug(emulated[i].code, emulated[i].watch ? DR7_RW0 : 0x400);
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) | PROC_MSR_BITMAP);
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	vmw(VMCS_GUEST_RFLAGS,
	    RFLAGS_FIXED | (emulated[i].step ? RFLAGS_TF : 0));
	l2.gprs.rcx = MSR_APIC_BASE;
	l2.gprs.rax = (u32)base;
	l2.gprs.rdx = base >> 32;
	l2.gprs.rsi = GPA;
	if (emulated[i].code == do_pop_ss) {
		vmw(VMCS_GUEST_CS_AR, 0xc09b);
		l2.stack[511] = SEL_DATA;
	}
	if (emulated[i].code != do_vmfunc)
		return;
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | PROC2_VMFUNC)));
	vmw(VMCS_VMFUNC_CTLS, VMFUNC_EPTP_SWITCH);
	vmw(VMCS_EPTP_LIST_ADDR, (u64)eptp_list);
	eptp_list[0] = vmr(VMCS_EPTP);
	l2.gprs.rax = l2.gprs.rcx = 0;
}

static void test_emulated(void)
{
	word = SEL_DATA;
	__asm__ volatile("mov %0, %%dr0" : : "r"(&word));
	for (u32 i = 0; i < ARRAY_SIZE(emulated); i++) {
		if (emulated[i].code == do_vmfunc &&
		    !vmx_has_proc2((u32)PROC2_VMFUNC)) {
			skip(emulated[i].name, "no VMFUNC");
			continue;
		}
		/* the code's pages are there, GPA nobody has touched since: an
		 * exit for the code would leave a step pending in Bochs */
		stack(true);
		prepare(do_nops);
		expect_run(REASON_VMCALL, emulated[i].name);
		prepare_emulated(i);
		expect_db(emulated[i].qual,
			  (u64)emulated[i].code + emulated[i].at,
			  emulated[i].name);
		check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0, emulated[i].name);
	}
}

/* RF lasts for one instruction, whoever carries it out. */
static void test_resume_flag(void)
{
	prepare_emulated(0);
	__asm__ volatile("mov %0, %%dr1; mov %1, %%dr2"
			 :
			 : "r"((u64)do_wrmsr + 2), "r"((u64)do_wrmsr));
	vmw(VMCS_GUEST_DR7, 0x400 | BIT(2) | BIT(4));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_RF);
	expect_db(BIT(1), (u64)do_wrmsr + 2, "resume-flag");
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmw(VMCS_GUEST_RIP, (u64)do_wrmsr);
	expect_db(BIT(2), (u64)do_wrmsr, "resume-flag-off");
	check_known(vmr(VMCS_GUEST_RFLAGS) & RFLAGS_RF, "resume-flag-saved",
		    EMU_BOCHS, "a fault's exit saves RF as it was", "%lx",
		    vmr(VMCS_GUEST_RFLAGS));
	__asm__ volatile("mov %0, %%dr1; mov %0, %%dr2" : : "r"(0ul));
}

/* L1 skips the instruction at which MOV SS held a breakpoint back: what it
 * leaves in the field is delivered then, and nothing where it clears it. */
static void test_skipped(void)
{
	for (u32 i = 0; i < 3; i++) {
		debug(do_ss_cpuid, DR7_RW0);
		expect_run(REASON_CPUID, "skip-cpuid");
		check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_MOV_SS,
			 "skip-blocking");
		check_eq(vmr(VMCS_GUEST_PENDING_DBG),
			 PENDING_DBG_ENABLED | BIT(0), "skip-pending");
		vl2_skip();
		vmw(VMCS_GUEST_INTERRUPTIBILITY, i == 2 ? INTRBL_MOV_SS : 0);
		if (i == 1)
			vmw(VMCS_GUEST_PENDING_DBG, 0);
		if (i == 1)
			expect_run(REASON_VMCALL, "skip-dropped");
		else
			expect_db(BIT(0), (u64)do_ss_cpuid + (i ? 5 : 4),
				  "skip-delivered");
	}
	/* a step over it is L1's to make */
	debug(do_cpuid, 0x400);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
	expect_run(REASON_CPUID, "skip-step");
	check_known(!vmr(VMCS_GUEST_PENDING_DBG), "skip-step-pending",
		    EMU_BOCHS, "a step is pending after any exit", "%lx",
		    vmr(VMCS_GUEST_PENDING_DBG));
	vl2_skip();
	vmw(VMCS_GUEST_PENDING_DBG, PENDING_DBG_BS);
	expect_db(QUAL_BS, (u64)do_cpuid + 2, "skip-step-delivered");
	__asm__ volatile("mov %0, %%dr0" : : "r"(0ul));
}

/* L1's own pending state is not L2's: none after an exit. */
static void test_shadow_of_l1(void)
{
	stack(true);
	prepare(do_nops);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_STI);
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) | PROC_INTR_WINDOW);
	expect_run(REASON_INTR_WINDOW, "sti-at-entry");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops + 1, "sti-one-instruction");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), 0, "sti-over");
	prepare(do_nops);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_MOV_SS);
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) | PROC_INTR_WINDOW);
	expect_run(REASON_INTR_WINDOW, "mov-ss-at-entry");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)do_nops + 1,
		 "mov-ss-one-instruction");
}

void main(void)
{
	static const u8 vectors[] = { VEC_A,  VEC_B,  VEC_NMI,
				      VEC_PF, VEC_BP, VEC_DB };

	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_EPT))
		die("vmx-ept", "no EPT");
	apic_enable();
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		set_hook(vectors[i], on_event);
	set_hook(VEC_UD, over_fault);
	set_hook(VEC_GP, over_fault);
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	test_types();
	test_types_pf();
	test_machine();
	test_nmis();
	test_iret();
	test_iret_faults();
	test_debug();
	test_emulated();
	test_resume_flag();
	test_skipped();
	test_shadow_of_l1();
	vmx_off();
}
