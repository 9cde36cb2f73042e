/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event injection of each type, physical and virtual interrupts and NMIs while
 * L2 runs, the interrupt shadow, GIF. L2 uses L1's IDT: on_event() notes what
 * arrives, at whichever level.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu name=no-vgif hv=svm.features=-vgif timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define VEC_A 0x41
#define VEC_B 0x52
#define NOTHING (~0ull)

#define IDT_GPA GiB(4) /* L2's IDT where an event is to meet an NPF */
#define IDT_PA MiB(64)

static struct l2 l2;
static struct {
	u32 count, vector;
	u64 error, rip, cr2;
} seen;

static bool on_event(struct regs *r)
{
	seen.count++;
	seen.vector = (u32)r->vector;
	seen.error = r->error;
	seen.rip = r->rip;
	seen.cr2 = read_cr2();
	if (r->vector == VEC_A)
		apic_eoi();
	return true;
}

PAYLOAD(do_vmmcall, "1: vmmcall; jmp 1b")
PAYLOAD(do_sti, "sti; nop; nop; vmmcall; jmp do_sti")
PAYLOAD(do_sti_vmmcall, "sti; vmmcall")
PAYLOAD(do_nops, "nop; nop; nop; vmmcall")
PAYLOAD(do_cr8, "mov $5, %eax; mov %rax, %cr8; mov %cr8, %rbx; vmmcall")
PAYLOAD(do_mov_ss, "mov %ss, %eax; mov %eax, %ss; vmmcall")
PAYLOAD(do_iret, "mov %rsp, %rax; pushq $0x10; push %rax; pushf; pushq $8;"
		 "lea 1f(%rip), %rax; push %rax; iretq; 1: vmmcall")

static void prepare(void (*code)(void))
{
	memset(&seen, 0, sizeof(seen));
	l2_init(&l2, code);
}

/* --- injection -------------------------------------------------------------- */
static const struct {
	const char *name;
	u64 event;
	u32 vector; /* that L2 is to see; 0: none */
	u64 error;
	u32 intercept; /* 0: none; an injected event is not intercepted */
} injections[] = {
	{ "inject-none", EVINJ_EXTINT | VEC_B, 0, 0, 0 },
	{ "inject-extint", EVINJ_V | EVINJ_EXTINT | VEC_B, VEC_B, 0, 0 },
	{ "inject-nmi", EVINJ_V | EVINJ_NMI | VEC_NMI, VEC_NMI, 0, 0 },
	{ "inject-ud", EVINJ_V | EVINJ_EXC | VEC_UD, VEC_UD, 0, 0 },
	{ "inject-ud-intercepted", EVINJ_V | EVINJ_EXC | VEC_UD, VEC_UD, 0,
	  ICPT_EXC0 + VEC_UD },
	{ "inject-extint-intercepted", EVINJ_V | EVINJ_EXTINT | VEC_B, VEC_B, 0,
	  ICPT_INTR },
	{ "inject-extint-low", EVINJ_V | EVINJ_EXTINT | VEC_NM, VEC_NM, 0, 0 },
	{ "inject-nmi-intercepted", EVINJ_V | EVINJ_NMI | VEC_NMI, VEC_NMI, 0,
	  ICPT_NMI },
	{ "inject-nm", EVINJ_V | EVINJ_EXC | VEC_NM, VEC_NM, 0, 0 },
	{ "inject-mf", EVINJ_V | EVINJ_EXC | VEC_MF, VEC_MF, 0,
	  ICPT_EXC0 + VEC_MF },
	{ "inject-xm", EVINJ_V | EVINJ_EXC | VEC_XM, VEC_XM, 0, 0 },
	{ "inject-ts", EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_TS | 0x18ull << 32,
	  VEC_TS, 0x18, 0 },
	{ "inject-ss", EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_SS | 0x10ull << 32,
	  VEC_SS, 0x10, ICPT_EXC0 + VEC_SS },
	{ "inject-ac", EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_AC, VEC_AC, 0, 0 },
	{ "inject-gp",
	  EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_GP | 0x1234ull << 32, VEC_GP,
	  0x1234, 0 },
	{ "inject-pf", EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_PF | 0x6ull << 32,
	  VEC_PF, 6, ICPT_EXC0 + VEC_PF },
	{ "inject-np", EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_NP | 0x58ull << 32,
	  VEC_NP, 0x58, 0 },
	{ "inject-df", EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_DF, VEC_DF, 0, 0 },
	{ "inject-db", EVINJ_V | EVINJ_EXC | VEC_DB, VEC_DB, 0, 0 },
	{ "inject-soft", EVINJ_V | EVINJ_SOFT | VEC_B, VEC_B, 0, 0 },
	{ "inject-soft-intercepted", EVINJ_V | EVINJ_SOFT | VEC_B, VEC_B, 0,
	  ICPT_SWINT },
};

static void test_injection(void)
{
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(injections); i++) {
		prepare(do_vmmcall);
		vmcb_set_eventinj(l2.vmcb, injections[i].event);
		vmcb_set_nrip(l2.vmcb, (u64)do_vmmcall);
		vmcb_set_cr2(l2.vmcb, 0xabc000);
		if (injections[i].intercept)
			l2_intercept(&l2, injections[i].intercept, true);
		snprintf(name, sizeof(name), "%s-exit", injections[i].name);
		check_eq(l2_run(&l2), VMEXIT_VMMCALL, name);
		check(seen.count == !!injections[i].vector &&
			      seen.vector == injections[i].vector &&
			      seen.error == injections[i].error,
		      injections[i].name, "%u events, vector %x error %lx",
		      seen.count, seen.vector, seen.error);
		snprintf(name, sizeof(name), "%s-once", injections[i].name);
		check(!(vmcb_eventinj(l2.vmcb) & EVINJ_V), name, "%lx",
		      vmcb_eventinj(l2.vmcb));
		if (injections[i].vector == VEC_PF)
			check_known(seen.cr2 == 0xabc000, "inject-pf-cr2",
				    EMU_BOCHS, "VMRUN does not load CR2", "%lx",
				    seen.cr2);
		if (injections[i].vector)
			check_eq(seen.rip, (u64)do_vmmcall, "inject-rip");
		vmcb_set_eventinj(l2.vmcb, 0);
		seen.count = 0;
		l2_run(&l2);
		check_eq(seen.count, 0, "inject-no-more");
	}
}

PAYLOAD(do_int, "int $0x52; vmmcall") /* VEC_B */

/* The page of L2's IDT is not there while an event is delivered: L1 gets the
 * event in EXITINTINFO, brings the page and gives the event back. */
static void test_npf_vectoring(void)
{
	static const struct {
		const char *name;
		void (*code)(void);
		u64 event; /* EXITINTINFO, injected unless it is @code's own */
		bool own;
		u64 error;
	} rows[] = {
		{ "npf-extint", do_vmmcall, EVINJ_V | EVINJ_EXTINT | VEC_B,
		  false, 0 },
		{ "npf-nmi", do_vmmcall, EVINJ_V | EVINJ_NMI | VEC_NMI, false,
		  0 },
		{ "npf-exception", do_vmmcall, EVINJ_V | EVINJ_EXC | VEC_UD,
		  false, 0 },
		{ "npf-error", do_vmmcall,
		  EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_GP | 0x1234ull << 32,
		  false, 0x1234 },
		{ "npf-soft", do_vmmcall, EVINJ_V | EVINJ_SOFT | VEC_B, false,
		  0 },
		{ "npf-own-int", do_int, EVINJ_V | EVINJ_SOFT | VEC_B, true,
		  0 },
	};
	u64 *npt, *e;

	if (!(cpuid_reg(0x8000000a, 0, EDX) & SVM_NPT)) {
		skip("npf-in-delivery", "no nested paging");
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[48];

		prepare(rows[i].code);
		npt = table_identity(NPT_TABLE, NPT_PAGE);
		e = table_entry(npt, IDT_GPA, 1, NPT_TABLE);
		*e = 0;
		memcpy((void *)IDT_PA, (void *)l2.vmcb->idtr_.base, PAGE_SIZE);
		l2.vmcb->idtr_.base = IDT_GPA;
		vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
		vmcb_set_ncr3(l2.vmcb, (u64)npt);
		vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
		vmcb_set_nrip(l2.vmcb, (u64)rows[i].code);
		if (!rows[i].own)
			vmcb_set_eventinj(l2.vmcb, rows[i].event);
		if (!check_eq(l2_run(&l2), VMEXIT_NPF, rows[i].name))
			continue;
		snprintf(name, sizeof(name), "%s-address", rows[i].name);
		check_eq(vmcb_exitinfo2(l2.vmcb) & PAGE_MASK, IDT_GPA, name);
		snprintf(name, sizeof(name), "%s-info", rows[i].name);
		check_eq(vmcb_exitintinfo(l2.vmcb), rows[i].event, name);
		snprintf(name, sizeof(name), "%s-rip", rows[i].name);
		check_eq(vmcb_rip(l2.vmcb), (u64)rows[i].code, name);
		snprintf(name, sizeof(name), "%s-none-before", rows[i].name);
		check_eq(seen.count, 0, name);
		*e = IDT_PA | NPT_PAGE;
		vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
		vmcb_set_eventinj(l2.vmcb, rows[i].own ? 0 : rows[i].event);
		vmcb_set_nrip(l2.vmcb, (u64)rows[i].code);
		snprintf(name, sizeof(name), "%s-again", rows[i].name);
		check(l2_run(&l2) == VMEXIT_VMMCALL && seen.count == 1 &&
			      seen.vector == (rows[i].event & 0xff) &&
			      seen.error == rows[i].error,
		      name, "%u events, vector %x error %lx", seen.count,
		      seen.vector, seen.error);
	}
}

/* The IDT ends before the vector: #GP while it is delivered. */
static void test_vectoring(void)
{
	static const struct {
		const char *name;
		u64 event;
	} rows[] = {
		{ "vectoring-extint", EVINJ_V | EVINJ_EXTINT | VEC_B },
		{ "vectoring-soft", EVINJ_V | EVINJ_SOFT | VEC_B },
		{ "vectoring-exception", EVINJ_V | EVINJ_EXC | VEC_XM },
	};
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		prepare(do_vmmcall);
		l2.vmcb->idtr_.limit = 16 * 16 - 1;
		l2_intercept(&l2, ICPT_EXC0 + VEC_GP, true);
		vmcb_set_eventinj(l2.vmcb, rows[i].event);
		check_eq(l2_run(&l2), VMEXIT_EXC + VEC_GP, rows[i].name);
		snprintf(name, sizeof(name), "%s-info", rows[i].name);
		check_known(vmcb_exitintinfo(l2.vmcb) == rows[i].event, name,
			    i == 2 ? EMU_QEMU : EMU_NONE, "EXITINTINFO differs",
			    "%lx", vmcb_exitintinfo(l2.vmcb));
		snprintf(name, sizeof(name), "%s-error", rows[i].name);
		check_known((vmcb_exitinfo1(l2.vmcb) & ~1ull) ==
				    (rows[i].event & 0xff) * 8 + 2,
			    name, EMU_QEMU, "the vector times 16, not 8", "%lx",
			    vmcb_exitinfo1(l2.vmcb));
	}
}

/* --- physical interrupts ----------------------------------------------------- */
static __attribute__((used)) void send_self(void)
{
	icr_send(0, VEC_A | ICR_ASSERT | ICR_SELF);
}

static __attribute__((used)) void send_nmi(void)
{
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
}

/* So it goes for V_INTR_MASKING, and for a GIF that L0 makes of it. */
#define BOCHS_IF EMU_BOCHS, "VMRUN masks interrupts by the guest's IF alone"

static const struct {
	const char *name;
	bool intercept, masking, host_if, guest_if, nmi;
	u64 want;	  /* exit code */
	u32 in_l2, after; /* events seen by L2; by L1 once GIF and IF are on */
} phys[] = {
	{ "intr-exit", 1, 0, 0, 1, 0, VMEXIT_INTR, 0, 1 },
	{ "intr-guest-if-off", 1, 0, 1, 0, 0, VMEXIT_VMMCALL, 0, 1 },
	{ "intr-masking", 1, 1, 1, 0, 0, VMEXIT_INTR, 0, 1 },
	{ "intr-masking-host-off", 1, 1, 0, 1, 0, VMEXIT_VMMCALL, 0, 1 },
	{ "intr-to-l2", 0, 0, 0, 1, 0, VMEXIT_VMMCALL, 1, 0 },
	{ "intr-to-l2-off", 0, 0, 1, 0, 0, VMEXIT_VMMCALL, 0, 1 },
	{ "nmi-exit", 1, 0, 0, 0, 1, VMEXIT_NMI, 0, 1 },
	{ "nmi-to-l2", 0, 0, 0, 0, 1, VMEXIT_VMMCALL, 1, 0 },
};

static void test_physical(void)
{
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(phys); i++) {
		prepare(do_nops);
		l2_intercept(&l2, phys[i].nmi ? ICPT_NMI : ICPT_INTR,
			     phys[i].intercept);
		vmcb_set_vintr(l2.vmcb, phys[i].masking ? VINTR_MASKING : 0);
		if (phys[i].guest_if)
			vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
		clgi();
		if (phys[i].host_if)
			sti();
		phys[i].nmi ? send_nmi() : send_self();
		svm_enter(l2.vmcb, &l2.gprs, svm_host);
		check_known(vmcb_exitcode(l2.vmcb) == phys[i].want,
			    phys[i].name, BOCHS_IF, "exit %lx",
			    vmcb_exitcode(l2.vmcb));
		snprintf(name, sizeof(name), "%s-l2", phys[i].name);
		check_known(seen.count == phys[i].in_l2, name, BOCHS_IF, "%u",
			    seen.count);
		if (vmcb_exitcode(l2.vmcb) != VMEXIT_VMMCALL)
			check_eq(vmcb_rip(l2.vmcb), (u64)do_nops, "at-once");
		seen.count = 0;
		sti();
		stgi();
		__asm__ volatile("nop; nop");
		cli();
		snprintf(name, sizeof(name), "%s-l1", phys[i].name);
		check_known(seen.count == phys[i].after, name, BOCHS_IF, "%u",
			    seen.count);
	}
}

/* --- virtual interrupts -------------------------------------------------------- */
#define BOCHS_VIRQ "not noticed while IF stays set"
#define VIRQ(prio) \
	(VINTR_IRQ | (u64)VEC_B << VINTR_VECTOR_SHIFT | (prio##ull) << 16)

static const struct {
	const char *name;
	void (*code)(void);
	u64 vintr;
	bool guest_if, shadow, intercept;
	u64 want;
	u32 seen;
	bool pending; /* V_IRQ afterwards */
	enum emulator emu;
	const char *fault;
} virts[] = {
	{ "virq", do_nops, VIRQ(8), 1, 0, 0, VMEXIT_VMMCALL, 1, 0, EMU_BOCHS,
	  BOCHS_VIRQ },
	{ "virq-if-off", do_nops, VIRQ(8), 0, 0, 0, VMEXIT_VMMCALL, 0, 1, 0,
	  "" },
	{ "virq-sti", do_sti, VIRQ(8), 0, 0, 0, VMEXIT_VMMCALL, 1, 0, 0, "" },
	{ "virq-tpr", do_nops, VIRQ(8) | 8, 1, 0, 0, VMEXIT_VMMCALL, 0, 1,
	  EMU_QEMU, "V_TPR of the same priority does not hold it" },
	{ "virq-tpr-below", do_nops, VIRQ(8) | 7, 1, 0, 0, VMEXIT_VMMCALL, 1, 0,
	  EMU_BOCHS, BOCHS_VIRQ },
	{ "virq-ignore-tpr", do_nops, VIRQ(1) | VINTR_IGN_TPR | 15, 1, 0, 0,
	  VMEXIT_VMMCALL, 1, 0, EMU_BOCHS, BOCHS_VIRQ },
	{ "virq-masking", do_nops, VIRQ(8) | VINTR_MASKING, 1, 0, 0,
	  VMEXIT_VMMCALL, 1, 0, EMU_BOCHS, BOCHS_VIRQ },
	{ "virq-sti-shadow", do_sti_vmmcall, VIRQ(8), 0, 0, 0, VMEXIT_VMMCALL,
	  0, 1, 0, "" },
	{ "virq-int-state", do_vmmcall, VIRQ(8), 1, 1, 0, VMEXIT_VMMCALL, 0, 1,
	  EMU_QEMU, "VMRUN ignores the interrupt shadow of int_state" },
	{ "vintr-window", do_nops, VIRQ(8), 1, 0, 1, VMEXIT_VINTR, 0, 1,
	  EMU_BOCHS, BOCHS_VIRQ },
	{ "vintr-window-sti", do_sti, VIRQ(8), 0, 0, 1, VMEXIT_VINTR, 0, 1, 0,
	  "" },
	{ "vintr-window-off", do_nops, VIRQ(8), 0, 0, 1, VMEXIT_VMMCALL, 0, 1,
	  0, "" },
};

static void test_virtual(void)
{
	char name[48];
	u64 code;

	for (u32 i = 0; i < ARRAY_SIZE(virts); i++) {
		prepare(virts[i].code);
		vmcb_set_vintr(l2.vmcb, virts[i].vintr);
		vmcb_set_int_state(l2.vmcb,
				   virts[i].shadow ? INT_STATE_SHADOW : 0);
		l2_intercept(&l2, ICPT_VINTR, virts[i].intercept);
		if (virts[i].guest_if)
			vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
		code = l2_run(&l2);
		check_known(code == virts[i].want &&
				    seen.count == virts[i].seen,
			    virts[i].name, virts[i].emu, virts[i].fault,
			    "exit %lx, %u seen", code, seen.count);
		snprintf(name, sizeof(name), "%s-pending", virts[i].name);
		check_known(!!(vmcb_vintr(l2.vmcb) & VINTR_IRQ) ==
				    virts[i].pending,
			    name, virts[i].emu, virts[i].fault, "%lx",
			    vmcb_vintr(l2.vmcb));
	}
}

PAYLOAD(do_stgi, "nop; stgi; nop; nop; vmmcall")
PAYLOAD(do_clgi, "clgi; vmmcall")

static u64 run_vintr(void (*code)(void), u64 vintr)
{
	prepare(code);
	vmcb_set_vintr(l2.vmcb, vintr);
	vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
	return l2_run(&l2);
}

/* A GIF of L2's own: it holds a virtual interrupt, and L2's STGI and CLGI
 * change it, unless L1 intercepts them. */
static void test_vgif(void)
{
	const u64 held = VINTR_GIF_ENABLE | VINTR_IRQ | VINTR_MASKING |
			 VINTR_IGN_TPR | (u64)VEC_B << VINTR_VECTOR_SHIFT;

	if (!(cpuid_reg(0x8000000a, 0, EDX) & SVM_VGIF)) {
		skip("vgif", "not offered");
		return;
	}
	check_eq(run_vintr(do_nops, held), VMEXIT_VMMCALL, "vgif-held-exit");
	check_eq(seen.count, 0, "vgif-held");
	check_eq(vmcb_vintr(l2.vmcb) & (VINTR_GIF | VINTR_IRQ), VINTR_IRQ,
		 "vgif-held-pending");
	check_eq(run_vintr(do_stgi, held), VMEXIT_VMMCALL, "vgif-stgi-exit");
	check_eq(seen.count, 1, "vgif-stgi");
	check_eq(vmcb_vintr(l2.vmcb) & (VINTR_GIF | VINTR_IRQ), VINTR_GIF,
		 "vgif-stgi-taken");
	check_eq(run_vintr(do_clgi, VINTR_GIF_ENABLE | VINTR_GIF),
		 VMEXIT_VMMCALL, "vgif-clgi-exit");
	check_eq(vmcb_vintr(l2.vmcb) & VINTR_GIF, 0, "vgif-clgi");
	prepare(do_clgi);
	l2_intercept(&l2, ICPT_CLGI, true);
	vmcb_set_vintr(l2.vmcb, VINTR_GIF_ENABLE | VINTR_GIF);
	check_eq(l2_run(&l2), VMEXIT_CLGI, "vgif-clgi-intercepted");
	check_eq(vmcb_vintr(l2.vmcb) & VINTR_GIF, VINTR_GIF,
		 "vgif-clgi-intercepted-nothing");
}

static void test_state(void)
{
	prepare(do_sti_vmmcall);
	l2_run(&l2);
	check_eq(vmcb_int_state(l2.vmcb) & INT_STATE_SHADOW, 1, "sti-shadow");
	check(vmcb_rflags(l2.vmcb) & RFLAGS_IF, "sti-if", "clear");
	prepare(do_mov_ss);
	l2_run(&l2);
	check_eq(vmcb_int_state(l2.vmcb) & INT_STATE_SHADOW, 1,
		 "mov-ss-shadow");
	prepare(do_nops);
	l2_run(&l2);
	check_eq(vmcb_int_state(l2.vmcb) & INT_STATE_SHADOW, 0, "no-shadow");
	prepare(do_cr8);
	vmcb_set_vintr(l2.vmcb, VINTR_MASKING);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "cr8-exit");
	check_eq(vmcb_vintr(l2.vmcb) & VINTR_TPR, 5, "cr8-is-v-tpr");
	check_eq(l2.gprs.rbx, 5, "cr8-reads-v-tpr");
	check_eq(read_cr8(), 0, "cr8-of-l1-untouched");
	prepare(do_iret);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "iret");
}

/* --- GIF ------------------------------------------------------------------------ */
static void test_gif(void)
{
	memset(&seen, 0, sizeof(seen));
	sti();
	clgi();
	send_self();
	delay_us(100);
	check_known(seen.count == 0, "clgi-holds-intr", BOCHS_IF, "%u",
		    seen.count);
	stgi();
	__asm__ volatile("nop");
	check_eq(seen.count, 1, "stgi-lets-intr");
	cli();
	seen.count = 0;
	clgi();
	send_nmi();
	send_nmi();
	delay_us(100);
	check_eq(seen.count, 0, "clgi-holds-nmi");
	stgi();
	__asm__ volatile("nop");
	check_eq(seen.count, 1, "stgi-lets-one-nmi");
	/* after #VMEXIT GIF is 0, whatever it was: an NMI waits for STGI */
	prepare(do_nops);
	svm_enter(l2.vmcb, &l2.gprs, svm_host);
	send_nmi();
	delay_us(100);
	check_eq(seen.count, 0, "gif-clear-after-exit");
	stgi();
	__asm__ volatile("nop");
	check_eq(seen.count, 1, "gif-nmi-then");
	/* IF alone still counts while GIF is 1 */
	seen.count = 0;
	send_self();
	delay_us(100);
	check_eq(seen.count, 0, "if-holds-intr");
	sti();
	__asm__ volatile("nop");
	cli();
	check_eq(seen.count, 1, "if-lets-intr");
}

/* --- events that wait ------------------------------------------------------- */
static struct {
	u32 count, depth, deepest;
	u64 exit; /* of the L2 that the handler runs */
} nmis;

/* The first one sends another, which must wait for its IRET. */
static bool on_nmi(struct regs *r)
{
	nmis.depth++;
	nmis.deepest = MAX(nmis.deepest, nmis.depth);
	if (++nmis.count == 1) {
		send_nmi();
		delay_us(100);
	}
	nmis.depth--;
	return true;
}

/* So must one that L1's handler would get as #VMEXIT. */
static bool on_nmi_vmrun(struct regs *r)
{
	nmis.depth++;
	nmis.deepest = MAX(nmis.deepest, nmis.depth);
	if (++nmis.count == 1) {
		send_nmi();
		delay_us(100);
		prepare(do_nops);
		l2_intercept(&l2, ICPT_NMI, true);
		nmis.exit = l2_run(&l2);
	}
	nmis.depth--;
	return true;
}

static void test_nmi_blocking(void)
{
	memset(&nmis, 0, sizeof(nmis));
	set_hook(VEC_NMI, on_nmi);
	prepare(do_nops);
	clgi();
	send_nmi();
	svm_enter(l2.vmcb, &l2.gprs, svm_host);
	check_eq(vmcb_exitcode(l2.vmcb), VMEXIT_VMMCALL, "nmi-in-nmi");
	stgi();
	check_eq(nmis.count, 2, "nmi-in-nmi-both");
	check_eq(nmis.deepest, 1, "nmi-in-nmi-after-iret");
	memset(&nmis, 0, sizeof(nmis));
	set_hook(VEC_NMI, on_nmi_vmrun);
	send_nmi();
	delay_us(100);
	check_eq(nmis.exit, VMEXIT_VMMCALL, "nmi-blocked-in-l2");
	check_eq(nmis.count, 2, "nmi-blocked-both");
	check_eq(nmis.deepest, 1, "nmi-blocked-until-iret");
	set_hook(VEC_NMI, on_event);
}

/* CLGI and STGI of L2's that L1 does not intercept are those of the CPU. */
PAYLOAD(do_clgi_nmi, "clgi; call send_nmi; mov $2, %ebx; stgi; nop;"
		     "mov $3, %ebx; vmmcall")
PAYLOAD(do_clgi_intr, "clgi; call send_self; mov $2, %ebx; stgi; nop;"
		      "mov $3, %ebx; vmmcall")

static void test_gif_of_l2(void)
{
	prepare(do_clgi_nmi);
	l2_intercept(&l2, ICPT_NMI, true);
	clgi();
	svm_enter(l2.vmcb, &l2.gprs, svm_host);
	check_eq(vmcb_exitcode(l2.vmcb), VMEXIT_NMI, "l2-clgi-nmi");
	check_eq(l2.gprs.rbx, 2, "l2-stgi-nmi");
	stgi();
	prepare(do_clgi_intr);
	l2_intercept(&l2, ICPT_INTR, true);
	vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
	clgi();
	svm_enter(l2.vmcb, &l2.gprs, svm_host);
	check_eq(vmcb_exitcode(l2.vmcb), VMEXIT_INTR, "l2-clgi-intr");
	check_known(l2.gprs.rbx == 2, "l2-stgi-intr", BOCHS_IF, "%lu",
		    l2.gprs.rbx);
	sti();
	stgi();
	__asm__ volatile("nop");
	cli();
}

/* An L2 that computes is left when the interrupt comes, not before. */
PAYLOAD(do_spin, "1: inc %rbx; jmp 1b")

static void test_timer(void)
{
	u32 exits = 0;

	prepare(do_spin);
	l2_intercept(&l2, ICPT_INTR, true);
	vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
	apic_write(APIC_TIMER_DIV, 0xb);
	apic_write(APIC_LVT_TIMER, VEC_A);
	apic_write(APIC_TIMER_INIT, 20000000);
	for (u32 i = 0; i < 10 && !seen.count; i++) {
		clgi();
		sti();
		svm_enter(l2.vmcb, &l2.gprs, svm_host);
		exits += vmcb_exitcode(l2.vmcb) == VMEXIT_INTR;
		stgi();
		__asm__ volatile("nop");
		cli();
	}
	check(seen.count == 1 && exits == 1, "timer-ends-l2",
	      "%u seen, %u exits", seen.count, exits);
	check(l2.gprs.rbx > 10, "l2-computed", "%lu", l2.gprs.rbx);
}

void main(void)
{
	static const u8 vectors[] = { VEC_A,  VEC_B,  VEC_NMI, VEC_UD, VEC_GP,
				      VEC_PF, VEC_NP, VEC_DF,  VEC_DB, VEC_NM,
				      VEC_MF, VEC_XM, VEC_TS,  VEC_SS, VEC_AC };

	svm_on();
	apic_enable();
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		set_hook(vectors[i], on_event);
	test_injection();
	test_vectoring();
	test_npf_vectoring();
	test_physical();
	test_virtual();
	test_vgif();
	test_state();
	test_gif();
	test_nmi_blocking();
	test_gif_of_l2();
	test_timer();
}
