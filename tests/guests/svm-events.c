/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical and virtual interrupts and NMIs while L2 runs, halts or is about to
 * take an injected event; the interrupt shadow, GIF. L2 uses L1's IDT:
 * on_event() notes what arrives, at whichever level. (Injection: svm-inject.)
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu name=no-vgif hv=svm.features=-vgif timeout=40 */
#include "tests/guests/lib/svm.h"

#define VEC_A 0x41
#define VEC_B 0x52
#define SEEN_MAX 4

static struct l2 l2;
static struct {
	u32 count;
	u32 vector[SEEN_MAX]; /* in the order of arrival */
	u64 rip[SEEN_MAX];    /* that they interrupted */
} seen;

static bool on_event(struct regs *r)
{
	u32 i = MIN(seen.count, SEEN_MAX - 1u);

	seen.count++;
	seen.vector[i] = (u32)r->vector;
	seen.rip[i] = r->rip;
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
	{ "vintr-sti-shadow", do_sti_vmmcall, VIRQ(8), 0, 0, 1, VMEXIT_VMMCALL,
	  0, 1, 0, "" },
	{ "vintr-int-state", do_vmmcall, VIRQ(8), 1, 1, 1, VMEXIT_VMMCALL, 0, 1,
	  EMU_QEMU, "VMRUN ignores the interrupt shadow of int_state" },
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

/* --- what waits while an event is injected, or wakes a HLT -------------------- */
PAYLOAD(do_sti_hlt, "sti; hlt; vmmcall")
PAYLOAD(do_cli_hlt, "cli; hlt; vmmcall")
#define BOCHS_HLT EMU_BOCHS | EMU_ENDS, "a virtual interrupt wakes no HLT"
#define AT_HLT 2      /* behind it */
#define TICKS 500000u /* of the APIC timer, to its interrupt */

extern char exc_stubs[];
#define HANDLER(v) ((u64)exc_stubs + 16 * (v))
#define INJECT_UD (EVINJ_V | EVINJ_EXC | VEC_UD)
#define INJECT_B (EVINJ_V | EVINJ_EXTINT | VEC_B)
#define INJECT_SOFT (EVINJ_V | EVINJ_SOFT | VEC_B)
#define MASK VINTR_MASKING
/* of vector 52h, above V_TPR */
#define VIRQ_B VIRQ(8)

enum { PEND_NONE, PEND_INTR, PEND_NMI, PEND_TIMER };
static const struct wait_case {
	const char *name;
	void (*code)(void);
	u64 event, vintr;
	u32 waits, icpt;
	bool host_if, guest_if;
	u64 want;	   /* exit code */
	u64 rip;	   /* there; 0: where L2 began, small: behind that */
	u32 first, second; /* by L2, in the order of arrival */
	u64 last_rip;	   /* that the last one interrupted; 0: not looked at */
	enum emulator emu;
	const char *fault;
} waits[] = {
	/* a virtual interrupt comes when the handler has returned */
	{ "at-virq", do_nops, INJECT_UD, VIRQ_B, 0, 0, 0, 1, VMEXIT_VMMCALL, 3,
	  VEC_UD, VEC_B, (u64)do_nops, 0, "" },
	{ "at-virq-extint", do_nops, EVINJ_V | EVINJ_EXTINT | VEC_A, VIRQ_B, 0,
	  0, 0, 1, VMEXIT_VMMCALL, 3, VEC_A, VEC_B, (u64)do_nops, 0, "" },
	{ "at-virq-masking", do_nops, INJECT_UD, VIRQ_B | MASK, 0, 0, 0, 1,
	  VMEXIT_VMMCALL, 3, VEC_UD, VEC_B, (u64)do_nops, 0, "" },
	{ "at-virq-if-off", do_nops, INJECT_UD, VIRQ_B, 0, 0, 0, 0,
	  VMEXIT_VMMCALL, 3, VEC_UD, 0, (u64)do_nops, 0, "" },
	{ "at-vintr", do_nops, INJECT_UD, VIRQ_B, 0, ICPT_VINTR, 0, 1,
	  VMEXIT_VINTR, 0, VEC_UD, 0, (u64)do_nops, 0, "" },
	{ "at-vintr-nmi", do_nops, EVINJ_V | EVINJ_NMI | VEC_NMI, VIRQ_B, 0,
	  ICPT_VINTR, 0, 1, VMEXIT_VINTR, 0, VEC_NMI, 0, (u64)do_nops, 0, "" },
	/* so does a physical one, unless L1's IF counts */
	{ "at-intr", do_nops, INJECT_UD, 0, PEND_INTR, ICPT_INTR, 0, 1,
	  VMEXIT_INTR, 0, VEC_UD, 0, (u64)do_nops, 0, "" },
	{ "at-intr-extint", do_nops, INJECT_B, 0, PEND_INTR, ICPT_INTR, 0, 1,
	  VMEXIT_INTR, 0, VEC_B, 0, (u64)do_nops, 0, "" },
	{ "at-intr-if-off", do_nops, INJECT_UD, 0, PEND_INTR, ICPT_INTR, 1, 0,
	  VMEXIT_VMMCALL, 3, VEC_UD, 0, (u64)do_nops, 0, "" },
	{ "at-intr-masking", do_nops, INJECT_UD, MASK, PEND_INTR, ICPT_INTR, 1,
	  1, VMEXIT_INTR, HANDLER(VEC_UD), 0, 0, 0, BOCHS_IF },
	{ "at-intr-masking-if-off", do_nops, INJECT_UD, MASK, PEND_INTR,
	  ICPT_INTR, 1, 0, VMEXIT_INTR, HANDLER(VEC_UD), 0, 0, 0, BOCHS_IF },
	{ "at-intr-masking-extint", do_nops, INJECT_B, MASK, PEND_INTR,
	  ICPT_INTR, 1, 1, VMEXIT_INTR, HANDLER(VEC_B), 0, 0, 0, BOCHS_IF },
	{ "at-intr-masking-soft", do_nops, INJECT_SOFT, MASK, PEND_INTR,
	  ICPT_INTR, 1, 1, VMEXIT_INTR, HANDLER(VEC_B), 0, 0, 0, BOCHS_IF },
	{ "at-intr-masking-host-off", do_nops, INJECT_UD, MASK, PEND_INTR,
	  ICPT_INTR, 0, 1, VMEXIT_VMMCALL, 3, VEC_UD, 0, (u64)do_nops,
	  BOCHS_IF },
	{ "at-intr-to-l2", do_nops, INJECT_UD, 0, PEND_INTR, 0, 0, 1,
	  VMEXIT_VMMCALL, 3, VEC_UD, VEC_A, (u64)do_nops, 0, "" },
	/* an NMI comes before the handler's first instruction */
	{ "at-nmi", do_nops, INJECT_UD, 0, PEND_NMI, ICPT_NMI, 0, 1, VMEXIT_NMI,
	  HANDLER(VEC_UD), 0, 0, 0, 0, "" },
	{ "at-nmi-extint", do_nops, INJECT_B, 0, PEND_NMI, ICPT_NMI, 0, 1,
	  VMEXIT_NMI, HANDLER(VEC_B), 0, 0, 0, 0, "" },
	{ "at-nmi-soft", do_nops, INJECT_SOFT, 0, PEND_NMI, ICPT_NMI, 0, 1,
	  VMEXIT_NMI, HANDLER(VEC_B), 0, 0, 0, 0, "" },
	{ "at-nmi-to-l2", do_nops, INJECT_UD, 0, PEND_NMI, 0, 0, 1,
	  VMEXIT_VMMCALL, 3, VEC_NMI, VEC_UD, (u64)do_nops, 0, "" },
	/* HLT */
	{ "hlt-virq", do_sti_hlt, 0, VIRQ_B, 0, 0, 0, 0, VMEXIT_VMMCALL, AT_HLT,
	  VEC_B, 0, (u64)do_sti_hlt + AT_HLT, BOCHS_HLT },
	{ "hlt-vintr", do_sti_hlt, 0, VIRQ_B, 0, ICPT_VINTR, 0, 0, VMEXIT_VINTR,
	  AT_HLT, 0, 0, 0, BOCHS_HLT },
	{ "hlt-intr", do_sti_hlt, 0, 0, PEND_TIMER, ICPT_INTR, 0, 0,
	  VMEXIT_INTR, AT_HLT, 0, 0, 0, 0, "" },
	{ "hlt-intr-masking", do_cli_hlt, 0, MASK, PEND_TIMER, ICPT_INTR, 1, 1,
	  VMEXIT_INTR, AT_HLT, 0, 0, 0, EMU_ENDS | BOCHS_IF },
	{ "hlt-intr-to-l2", do_sti_hlt, 0, 0, PEND_TIMER, 0, 0, 0,
	  VMEXIT_VMMCALL, AT_HLT, VEC_A, 0, (u64)do_sti_hlt + AT_HLT, 0, "" },
};

static void wait_begin(const struct wait_case *c, u32 ticks)
{
	prepare(c->code);
	vmcb_set_eventinj(l2.vmcb, c->event);
	vmcb_set_nrip(l2.vmcb, (u64)c->code);
	vmcb_set_vintr(l2.vmcb, c->vintr);
	l2_intercept(&l2, ICPT_HLT, false);
	if (c->icpt)
		l2_intercept(&l2, c->icpt, true);
	if (c->guest_if)
		vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
	clgi();
	if (c->host_if)
		sti();
	if (c->waits == PEND_INTR)
		send_self();
	if (c->waits == PEND_NMI)
		send_nmi();
	if (c->waits == PEND_TIMER)
		apic_write(APIC_TIMER_INIT, ticks);
}

static void wait_end(void)
{
	sti();
	stgi();
	__asm__ volatile("nop; nop");
	cli();
}

/* A timer that has come before the HLT is tried once more, slower. */
static void wait_enter(const struct wait_case *c)
{
	for (u32 ticks = TICKS; ticks <= 16 * TICKS; ticks *= 2) {
		wait_begin(c, ticks);
		svm_enter(l2.vmcb, &l2.gprs, svm_host);
		if (c->waits != PEND_TIMER || vmcb_rip(l2.vmcb) != (u64)c->code)
			return;
		wait_end();
	}
}

static void wait_run(const struct wait_case *c)
{
	u64 rip = c->rip < 16 ? (u64)c->code + c->rip : c->rip, last = 0;
	u32 n = !!c->first + !!c->second;
	bool order;
	char name[48];

	if (c->emu & EMU_ENDS && c->emu & emulator()) {
		check_known(false, c->name, c->emu, c->fault, "not tried");
		return;
	}
	wait_enter(c);
	if (n)
		last = seen.rip[n - 1];
	order = seen.vector[0] == c->first && seen.vector[1] == c->second;
	check_known(vmcb_exitcode(l2.vmcb) == c->want &&
			    vmcb_rip(l2.vmcb) == rip,
		    c->name, c->emu, c->fault, "exit %lx, rip %lx, want %lx",
		    vmcb_exitcode(l2.vmcb), vmcb_rip(l2.vmcb), rip);
	snprintf(name, sizeof(name), "%s-seen", c->name);
	check_known(order && seen.count == n &&
			    (!c->last_rip || last == c->last_rip),
		    name, c->emu, c->fault, "%u: %x, %x; last at %lx",
		    seen.count, seen.vector[0], seen.vector[1], last);
	snprintf(name, sizeof(name), "%s-intinfo", c->name);
	check_known(!(vmcb_exitintinfo(l2.vmcb) & EVINJ_V), name, c->emu,
		    c->fault, "%lx", vmcb_exitintinfo(l2.vmcb));
	wait_end();
}

static void test_waits(void)
{
	apic_write(APIC_TIMER_DIV, 0xb);
	apic_write(APIC_LVT_TIMER, VEC_A);
	for (u32 i = 0; i < ARRAY_SIZE(waits); i++)
		wait_run(&waits[i]);
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
	test_physical();
	test_virtual();
	test_waits();
	test_vgif();
	test_state();
	test_gif();
	test_nmi_blocking();
	test_gif_of_l2();
	test_timer();
}
