/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EVENTINJ: each type of event into each mode, ring and stack, with nested
 * paging (where L0 meets faults of its own on the way) and without; faults in
 * its delivery, of L2's making and of L1's.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
#include "tests/guests/lib/svm_places.h"
#include "tests/guests/lib/tables.h"

#define LOST (GiB(12) + PAGE_SIZE) /* linear, not there; IDT_PA is before it */
#define IDT_GPA 0xb0000000ull	   /* NPT has it, or not */
#define IDT_PA MiB(64)

PAYLOAD(do_int, "int $0x52; vmmcall") /* VEC_B */

static u64 *npt;

static bool has_error(u64 ev)
{
	return (ev & (EVINJ_TYPE | EVINJ_EV)) == (EVINJ_EXC | EVINJ_EV);
}

#define TIMES_16 "in error codes the vector times 16, not 8"
#define BOCHS_CR2 "VMRUN does not load CR2"
#define NO_DOUBLE "an injected exception does not count for #DF"
static const struct known knowns[] = {
	{ EMU_BOCHS, "soft", "rip", "nRIP does not count in injection" },
	{ EMU_BOCHS, "npf-bp", "rip", "nRIP does not count in injection" },
	{ EMU_BOCHS, "npf-own", "event",
	  "EXITINTINFO of an INT n is the event's before it" },
	{ EMU_BOCHS, "pf-", "cr2", BOCHS_CR2 },
	{ EMU_QEMU, "-double", "exit", "#DF is not intercepted" },
	{ EMU_QEMU, "absent-gp", "", NO_DOUBLE },
	{ EMU_QEMU, "limit-pf", "", NO_DOUBLE },
	{ EMU_QEMU, "dpl-bp", "", "DPL does not count for INT3's injection" },
	{ EMU_QEMU, "limit-", "info1", TIMES_16 },
	{ EMU_QEMU, "limit-", "error", TIMES_16 },
	{ EMU_QEMU, "absent-", "info1", TIMES_16 },
	{ EMU_QEMU, "absent-", "error", TIMES_16 },
	{ EMU_QEMU, "no-gate-", "info1", TIMES_16 },
	{ EMU_QEMU, "no-gate-", "error", TIMES_16 },
	{ EMU_QEMU, "dpl-soft", "info1", TIMES_16 },
	{ EMU_QEMU, "dpl-soft", "error", TIMES_16 },
};

/* --- events that are delivered ------------------------------------------------ */
#define EXC(v) EVINJ_V | EVINJ_EXC | (v)
#define EXC_ERROR(v, error) EXC(v) | EVINJ_EV | (u64)(error) << 32
#define ICPT(v) (ICPT_EXC0 + (v))
#define ALL BITS(V86, LONG)
/* INTO and BOUND are none of 64-bit mode */
#define CODE32 BITS(V86, COMPAT)

static const struct event {
	const char *name;
	u64 event;
	u32 icpt;  /* of that event: an injected one does not exit; 0: none */
	u32 where; /* bits of places */
} events[] = {
	{ "extint", EVINJ_V | EVINJ_EXTINT | VEC_B, ICPT_INTR, ALL },
	{ "extint-low", EVINJ_V | EVINJ_EXTINT | VEC_NM, 0, BIT(LONG) },
	{ "nmi", EVINJ_V | EVINJ_NMI | VEC_NMI, ICPT_NMI, ALL },
	{ "nmi-vector", EVINJ_V | EVINJ_NMI | VEC_B, 0, BIT(LONG) },
	{ "soft", EVINJ_V | EVINJ_SOFT | VEC_B, ICPT_SWINT, ALL },
	{ "soft-bp", EXC(VEC_BP), ICPT(VEC_BP), ALL },
	{ "soft-of", EXC(VEC_OF), ICPT(VEC_OF), CODE32 },
	{ "de", EXC(VEC_DE), ICPT(VEC_DE), ALL },
	{ "db", EXC(VEC_DB), ICPT(VEC_DB), BIT(LONG) },
	{ "br", EXC(VEC_BR), ICPT(VEC_BR), CODE32 },
	{ "ud", EXC(VEC_UD), ICPT(VEC_UD), ALL },
	{ "nm", EXC(VEC_NM), ICPT(VEC_NM), BIT(LONG) },
	{ "df", EXC_ERROR(VEC_DF, 0), ICPT(VEC_DF), ALL },
	{ "ts", EXC_ERROR(VEC_TS, 0x18), ICPT(VEC_TS), BIT(LONG) },
	{ "np", EXC_ERROR(VEC_NP, 0x58), ICPT(VEC_NP), BIT(LONG) },
	{ "ss", EXC_ERROR(VEC_SS, 0x10), ICPT(VEC_SS), BIT(LONG) },
	{ "gp", EXC_ERROR(VEC_GP, 0x1234), ICPT(VEC_GP), ALL },
	{ "pf", EXC_ERROR(VEC_PF, 6), ICPT(VEC_PF), ALL },
	{ "mf", EXC(VEC_MF), ICPT(VEC_MF), BIT(LONG) },
	{ "ac", EXC_ERROR(VEC_AC, 0), ICPT(VEC_AC), BIT(LONG) },
	{ "mc", EXC(VEC_MC), 0, BIT(LONG) },
	{ "xm", EXC(VEC_XM), ICPT(VEC_XM), BIT(LONG) },
};

/* Interrupts and exceptions of instructions return behind these. */
static bool is_soft(u64 ev)
{
	u64 v = ev & EVINJ_VECTOR;

	return (ev & EVINJ_TYPE) == EVINJ_SOFT ||
	       ((ev & EVINJ_TYPE) == EVINJ_EXC && (v == VEC_BP || v == VEC_OF));
}

static void deliver(const struct place *p, const struct event *e, bool np)
{
	u64 ev = p == &places[REAL] ? e->event & ~EVINJ_EV : e->event;
	struct outer o;

	if (!case_begin(p, e->name, np ? "-npt" : ""))
		return;
	place_prepare(p, ev, np ? npt : NULL);
	o = interrupted();
	if (is_soft(ev) && svm_has(SVM_NRIPS))
		o.rip += PLACE_NEXT;
	if (e->icpt)
		l2_intercept(&l2, e->icpt, true);
	if (run_to(VMEXIT_VMMCALL)) {
		u32 v = (ev & EVINJ_TYPE) == EVINJ_NMI ? VEC_NMI : (u8)ev;
		u64 error = has_error(ev) ? ev >> 32 : NO_ERROR;

		at_handler(p, v, &o, error);
		same_stack(p, &o, error);
		if (v == VEC_PF)
			same("cr2", vmcb_cr2(l2.vmcb), PLACE_CR2);
	}
	case_end();
}

/* L2 runs from @at on, undisturbed. */
static void check_plain(u64 at, const char *name)
{
	check(l2_run(&l2) == VMEXIT_VMMCALL && vmcb_rip(l2.vmcb) == at, name,
	      "rip %lx", vmcb_rip(l2.vmcb));
}

static void test_events(bool np)
{
	u64 at;

	for (u32 i = 0; i < ARRAY_SIZE(places); i++)
		for (u32 k = 0; k < ARRAY_SIZE(events); k++)
			if (events[k].where & BIT(i))
				deliver(&places[i], &events[k], np);
	/* not valid, and none: L2 just runs */
	place_prepare(&places[LONG], EVINJ_EXTINT | VEC_B, np ? npt : NULL);
	check_plain(vmcb_rip(l2.vmcb), "none");
	/* one that was injected is not again */
	place_prepare(&places[LONG], EVINJ_V | EVINJ_NMI | VEC_NMI,
		      np ? npt : NULL);
	at = vmcb_rip(l2.vmcb);
	l2_run(&l2);
	vmcb_set_rip(l2.vmcb, at);
	check_plain(at, "once");
}

/* --- faults in the delivery --------------------------------------------------- */
#define AT_IDT(v) ((v)*8 + 2) /* an error code */
#define TRIPLE 0xff
#define OWN_FAULTS 20 /* vectors that stay in a short IDT */
#define IDT_LOST(v) (LOST + 16 * ((v)-OWN_FAULTS))

static void shorten(u32 vectors)
{
	struct vmcb_seg s = *vmcb_idtr(l2.vmcb);

	s.limit = (s.limit + 1) / 256 * vectors - 1;
	vmcb_set_idtr(l2.vmcb, &s);
}

static void short_idt(void)
{
	shorten(OWN_FAULTS);
}

/* Up to #DF, up to what is before #PF, before #DF. */
static void short_idt_df(void)
{
	shorten(VEC_DF + 1);
}

static void short_idt_pf(void)
{
	shorten(VEC_PF);
}

static void short_idt_no_df(void)
{
	shorten(VEC_DF);
}

/* The same, but that its page is not there. */
static void lost_idt(void)
{
	struct vmcb_seg s = *vmcb_idtr(l2.vmcb);
	u8 *end = (u8 *)IDT_PA + PAGE_SIZE;

	memcpy(end - 16 * OWN_FAULTS, idt64, 16 * OWN_FAULTS);
	s.base = IDT_LOST(0);
	vmcb_set_idtr(l2.vmcb, &s);
}

static void absent_gates(void)
{
	place_gate(VEC_B, 0x6e, 0);
	place_gate(VEC_GP, 0x0e, 0);
}

static void no_gate(void)
{
	place_gate(VEC_B, 0xe2, 0);
}

static void closed_gates(void)
{
	place_gate(VEC_B, 0x8e, 0);
	place_gate(VEC_BP, 0x8e, 0);
}

static void no_code(void)
{
	idt64[2 * VEC_B] &= ~BITS(31, 16);
	idt32[VEC_B] &= ~BITS(31, 16);
}

/* What comes then has a stack of its own. */
static void lost_stack(void)
{
	tss64.rsp[0] = LOST + PAGE_SIZE;
	place_gate(VEC_DF, 0x8e, 1);
}

static void lost_stack_pf(void)
{
	lost_stack();
	place_gate(VEC_PF, 0x8e, 1);
}

static void wild_stack(void)
{
	tss64.rsp[0] = BIT(63);
	place_gate(VEC_SS, 0x8e, 1);
}

static void short_tss(void)
{
	struct vmcb_seg s = *vmcb_tr(l2.vmcb);

	s.limit = 3;
	vmcb_set_tr(l2.vmcb, &s);
}

#define EXTINT EVINJ_V | EVINJ_EXTINT | VEC_B
#define SOFT EVINJ_V | EVINJ_SOFT | VEC_B
#define NMI EVINJ_V | EVINJ_NMI | VEC_NMI

static const struct fault_case {
	const char *name;
	u32 place;
	u64 event;
	void (*spoil)(void);
	u32 vector; /* of the fault */
	u64 error;
	u64 address; /* of a #PF */
	u32 then;    /* what L2 gets: that, #DF, TRIPLE */
} faults[] = {
	{ "limit-extint", LONG, EXTINT, short_idt, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "limit-extint", REAL, EXTINT, short_idt, VEC_GP, ANY_ERROR, 0,
	  VEC_GP },
	{ "limit-soft", LONG, SOFT, short_idt, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "limit-soft", PM32, SOFT, short_idt, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "absent-extint", LONG, EXTINT, absent_gates, VEC_NP, AT_IDT(VEC_B), 0,
	  VEC_NP },
	{ "absent-soft", USER, SOFT, absent_gates, VEC_NP, AT_IDT(VEC_B), 0,
	  VEC_NP },
	{ "absent-soft", PM32, SOFT, absent_gates, VEC_NP, AT_IDT(VEC_B), 0,
	  VEC_NP },
	{ "absent-gp", LONG, EXC_ERROR(VEC_GP, 0x1234), absent_gates, VEC_NP,
	  AT_IDT(VEC_GP), 0, VEC_DF },
	{ "no-gate-extint", LONG, EXTINT, no_gate, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "no-code-extint", LONG, EXTINT, no_code, VEC_GP, 0, 0, VEC_GP },
	{ "no-code-soft", PM32, SOFT, no_code, VEC_GP, 0, 0, VEC_GP },
	/* DPL of the gate: looked at for what instructions raise */
	{ "dpl-soft", USER, SOFT, closed_gates, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "dpl-soft", USER_IST, SOFT, closed_gates, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "dpl-soft", COMPAT, SOFT, closed_gates, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "dpl-soft", PM32_USER, SOFT, closed_gates, VEC_GP, AT_IDT(VEC_B), 0,
	  VEC_GP },
	{ "dpl-bp", USER, EXC(VEC_BP), closed_gates, VEC_GP, AT_IDT(VEC_BP), 0,
	  VEC_GP },
	/* stacks */
	{ "stack-extint", USER, EXTINT, lost_stack_pf, VEC_PF, 2, LOST + 0xff8,
	  VEC_PF },
	{ "stack-soft", USER, SOFT, lost_stack_pf, VEC_PF, 2, LOST + 0xff8,
	  VEC_PF },
	{ "stack-nmi", USER, NMI, lost_stack_pf, VEC_PF, 2, LOST + 0xff8,
	  VEC_PF },
	{ "stack-de", USER, EXC(VEC_DE), lost_stack_pf, VEC_PF, 2, LOST + 0xff8,
	  VEC_PF },
	{ "stack-gp", USER, EXC_ERROR(VEC_GP, 0), lost_stack_pf, VEC_PF, 2,
	  LOST + 0xff8, VEC_PF },
	{ "stack-pf", USER, EXC_ERROR(VEC_PF, 6), lost_stack, VEC_PF, 2,
	  LOST + 0xff8, VEC_DF },
	{ "wild-stack-extint", USER, EXTINT, wild_stack, VEC_SS, ANY_ERROR, 0,
	  VEC_SS },
	{ "tss-extint", PM32_USER, EXTINT, short_tss, VEC_TS, SEL_TSS0, 0,
	  TRIPLE },
	/* the IDT's page */
	{ "page-extint", LONG, EXTINT, lost_idt, VEC_PF, 0, IDT_LOST(VEC_B),
	  VEC_PF },
	{ "page-soft", LONG, SOFT, lost_idt, VEC_PF, 0, IDT_LOST(VEC_B),
	  VEC_PF },
	{ "page-sx", LONG, EXC_ERROR(VEC_SX, 1), lost_idt, VEC_PF, 0,
	  IDT_LOST(VEC_SX), VEC_PF },
	/* two exceptions: which are a #DF (APM 2, #DF) */
	{ "limit-sx", LONG, EXC_ERROR(VEC_SX, 1), short_idt, VEC_GP,
	  AT_IDT(VEC_SX), 0, VEC_GP },
	{ "limit-gp", LONG, EXC_ERROR(VEC_GP, 0x1234), short_idt_df, VEC_GP,
	  AT_IDT(VEC_GP), 0, VEC_DF },
	{ "limit-gp", USER, EXC_ERROR(VEC_GP, 0x1234), short_idt_df, VEC_GP,
	  AT_IDT(VEC_GP), 0, VEC_DF },
	{ "limit-gp", PM32, EXC_ERROR(VEC_GP, 0x1234), short_idt_df, VEC_GP,
	  AT_IDT(VEC_GP), 0, VEC_DF },
	{ "limit-pf", LONG, EXC_ERROR(VEC_PF, 6), short_idt_pf, VEC_GP,
	  AT_IDT(VEC_PF), 0, VEC_DF },
	{ "limit-df", LONG, EXC_ERROR(VEC_DF, 0), short_idt_no_df, VEC_GP,
	  AT_IDT(VEC_DF), 0, TRIPLE },
};

static bool fault_begin(const struct fault_case *f, const char *how,
			struct outer *o)
{
	char more[16];

	const struct place *p = &places[f->place];

	snprintf(more, sizeof(more), "-%s", how);
	if (!case_begin(p, f->name, more))
		return false;
	place_prepare(p, f->event, NULL);
	*o = interrupted();
	f->spoil();
	return true;
}

/* L1 intercepts it, or the #DF that comes of it. */
static void fault_taken(const struct fault_case *f, u32 vector)
{
	struct outer o;

	if (!fault_begin(f, vector == VEC_DF ? "double" : "exit", &o))
		return;
	l2_intercept(&l2, ICPT(vector), true);
	if (run_to(VMEXIT_EXC + vector)) {
		same_error("info1", vmcb_exitinfo1(l2.vmcb),
			   vector == f->vector ? f->error : 0);
		if (vector == f->vector) {
			same("at", vmcb_rip(l2.vmcb), o.rip);
			same("intinfo", vmcb_exitintinfo(l2.vmcb), f->event);
		}
		if (vector == VEC_PF)
			same("info2", vmcb_exitinfo2(l2.vmcb), f->address);
		if (!(emulator() & EMU_BOCHS))
			same("cr2", vmcb_cr2(l2.vmcb),
			     PLACE_CR2); /* see above */
		same("rsp", vmcb_rsp(l2.vmcb), o.rsp);
	}
	case_end();
}

static void fault_delivered(const struct fault_case *f)
{
	const struct place *p = &places[f->place];
	struct outer o;

	if (f->then == TRIPLE && emulator() == EMU_BOCHS)
		return; /* emulator fault: a triple fault of L2 ends Bochs 2.7 */
	if (!fault_begin(f, "own", &o))
		return;
	if (f->then == TRIPLE) {
		run_to(VMEXIT_SHUTDOWN);
	} else if (run_to(VMEXIT_VMMCALL)) {
		at_handler(p, f->then, &o, f->then == f->vector ? f->error : 0);
		if (f->vector == VEC_PF)
			same("cr2", vmcb_cr2(l2.vmcb), f->address);
	}
	case_end();
}

static void test_faults(void)
{
	u64 *pte = table_entry((u64 *)read_cr3(), LOST - PAGE_SIZE, 1, 7);

	*pte = IDT_PA | 7;
	write_cr3(read_cr3());
	for (u32 i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_taken(&faults[i], faults[i].vector);
		if (faults[i].then == VEC_DF)
			fault_taken(&faults[i], VEC_DF);
		fault_delivered(&faults[i]);
	}
}

/* --- nested page faults in the delivery ------------------------------------------ */
static const struct npf_case {
	const char *name;
	u32 place;
	u64 event;
	bool own; /* not injected: L2's own instruction */
} npfs[] = {
	{ "npf-extint", LONG, EXTINT, false },
	{ "npf-extint", USER, EXTINT, false },
	{ "npf-extint", PM32, EXTINT, false },
	{ "npf-nmi", LONG, NMI, false },
	{ "npf-ud", LONG, EXC(VEC_UD), false },
	{ "npf-gp", LONG, EXC_ERROR(VEC_GP, 0x1234), false },
	{ "npf-gp", USER, EXC_ERROR(VEC_GP, 0x1234), false },
	{ "npf-soft", LONG, SOFT, false },
	{ "npf-soft", USER, SOFT, false },
	{ "npf-soft", PM32_USER, SOFT, false },
	{ "npf-bp", LONG, EXC(VEC_BP), false },
	{ "npf-own", LONG, SOFT, true },
	{ "npf-own", USER, SOFT, true },
};

/* The page of L2's IDT is not there: L1 gets the event in EXITINTINFO, brings
 * the page and gives the event back. */
static void npf_case(const struct npf_case *c)
{
	const struct place *p = &places[c->place];
	u64 *e = table_entry(npt, IDT_GPA, 1, NPT_TABLE), ev = c->event;
	struct vmcb_seg s;
	struct outer o;

	case_begin(p, c->name, "");
	*e = 0;
	place_prepare(p, c->own ? 0 : ev, npt);
	s = *vmcb_idtr(l2.vmcb);
	memcpy((void *)IDT_PA, (void *)s.base, s.limit + 1);
	s.base = IDT_GPA;
	vmcb_set_idtr(l2.vmcb, &s);
	if (c->own)
		vmcb_set_rip(l2.vmcb, (u64)do_int);
	o = interrupted();
	if (run_to(VMEXIT_NPF)) {
		same("info1", vmcb_exitinfo1(l2.vmcb), NPF_U | NPF_FINAL);
		same("info2", vmcb_exitinfo2(l2.vmcb) & PAGE_MASK, IDT_GPA);
		same("event", vmcb_exitintinfo(l2.vmcb), ev);
		same("at", vmcb_rip(l2.vmcb), o.rip);
		same("stack", vmcb_rsp(l2.vmcb), o.rsp);
	}
	*e = IDT_PA | NPT_PAGE;
	vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
	vmcb_set_eventinj(l2.vmcb, c->own ? 0 : ev);
	vmcb_set_nrip(l2.vmcb, o.rip + PLACE_NEXT);
	if (run_to(VMEXIT_VMMCALL)) {
		if (c->own || (is_soft(ev) && svm_has(SVM_NRIPS)))
			o.rip += PLACE_NEXT;
		at_handler(p, (u8)ev, &o, has_error(ev) ? ev >> 32 : NO_ERROR);
	}
	case_end();
}

void main(void)
{
	svm_on();
	places_init();
	case_knowns(knowns, ARRAY_SIZE(knowns));
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	test_events(false);
	if (svm_has(SVM_NPT))
		test_events(true);
	test_faults();
	if (!svm_has(SVM_NPT)) {
		skip("npf", "no nested paging");
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(npfs); i++)
		npf_case(&npfs[i]);
}
