/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L1 with two CPUs: an L2 on each at a time, a VMCB that wanders between the
 * CPUs, nested tables that one CPU changes and the other flushes, interrupts
 * and NMIs from CPU to CPU while L2 runs, INIT while GIF is 0, INIT as #SX.
 */
/* boot: emus=qemu,bochs-svm cpus=2 bare timeout=60 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define VEC_IPI 0x51
#define GPA GiB(4)
#define PA MiB(64)
#define TRIPS 2000

struct side {
	struct l2 l2;
	u8 host[PAGE_SIZE] __aligned(4096); /* the CPU's own VMSAVE area */
	u8 hsave[PAGE_SIZE] __aligned(4096);
	u32 exits, bad, intrs;
};

static struct side sides[2];
static u64 *npt;
static u32 ap, bsp;
static u32 ipis[MAX_CPUS], nmis[MAX_CPUS];
static struct {
	u32 sx, error, stage, go, beats;
} init_seen;

PAYLOAD(do_count, "1: inc %rbx; vmmcall; jmp 1b")
PAYLOAD(do_spin, "1: inc %rbx; jmp 1b")
PAYLOAD(do_hlt,
	"movl $1, (%rdi); sti; hlt; .globl after_hlt; after_hlt: vmmcall")
extern const char after_hlt[];
PAYLOAD(do_watch, "1: movzbl 0x123(%rdi), %eax; cmp %al, %bl; je 1b; vmmcall")

static u32 get(const u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static bool on_ipi(struct regs *r)
{
	__atomic_fetch_add(&ipis[cpu_index()], 1, __ATOMIC_SEQ_CST);
	apic_eoi();
	return true;
}

static bool on_nmi(struct regs *r)
{
	__atomic_fetch_add(&nmis[cpu_index()], 1, __ATOMIC_SEQ_CST);
	return true;
}

static bool wait_for_value(const u32 *p, u32 want)
{
	for (u32 i = 0; i < 20000; i++) {
		if (get(p) >= want)
			return true;
		delay_us(100);
	}
	return false;
}

static void svm_on_cpu(void *arg)
{
	struct side *s = arg;

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, (u64)s->hsave);
	vmsave(s->host);
}

static u64 enter(struct side *s, struct l2 *l)
{
	clgi();
	svm_enter(l->vmcb, &l->gprs, s->host);
	stgi();
	return vmcb_exitcode(l->vmcb);
}

static void prepare(struct side *s, void (*code)(void), u32 asid)
{
	l2_init(&s->l2, code);
	vmcb_set_asid(s->l2.vmcb, asid);
	vmcb_set_nested_ctl(s->l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(s->l2.vmcb, (u64)npt);
	vmcb_set_tlb_control(s->l2.vmcb, TLB_FLUSH_ALL);
	/* emulator fault: Bochs lets the guest's IF hold back interrupts, with
	 * V_INTR_MASKING as well */
	vmcb_set_rflags(s->l2.vmcb, RFLAGS_FIXED | RFLAGS_IF);
}

/* --- an L2 on each ----------------------------------------------------------- */
static void count_loop(void *arg)
{
	struct side *s = arg;

	for (u32 i = 0; i < TRIPS; i++) {
		s->bad += enter(s, &s->l2) != VMEXIT_VMMCALL;
		l2_skip(&s->l2, 3);
		vmcb_set_tlb_control(s->l2.vmcb, i % 64 ? 0 : TLB_FLUSH_ALL);
		s->exits++;
	}
}

static void test_both(void)
{
	prepare(&sides[0], do_count, 1);
	prepare(&sides[1], do_count, 1);
	ap_post(ap, count_loop, &sides[1]);
	count_loop(&sides[0]);
	check(ap_wait(ap, 20000), "both-end", "CPU %u does not come back", ap);
	for (u32 i = 0; i < 2; i++) {
		check_eq(sides[i].bad, 0, "both-exits");
		check_eq(sides[i].l2.gprs.rbx, TRIPS, "both-count");
	}
}

/* --- one VMCB, now here and now there ----------------------------------------- */
static void one_trip(void *arg)
{
	struct side *s = arg;
	struct l2 *l = &sides[0].l2;

	s->bad += enter(s, l) != VMEXIT_VMMCALL;
	l2_skip(l, 3);
}

static void test_wandering(void)
{
	sides[0].bad = sides[1].bad = 0;
	prepare(&sides[0], do_count, 2);
	for (u32 i = 0; i < 100; i++) {
		/* where it has not run since, L1 flushes (APM 2, TLB Flush) */
		vmcb_set_tlb_control(sides[0].l2.vmcb, TLB_FLUSH_ALL);
		if (i & 1)
			one_trip(&sides[0]);
		else if (!ap_call(ap, one_trip, &sides[1]))
			break;
	}
	check_eq(sides[0].bad + sides[1].bad, 0, "wandering-exits");
	check_eq(sides[0].l2.gprs.rbx, 100, "wandering-count");
}

/* --- tables changed here, flushed there ---------------------------------------- */
static void watch_loop(void *arg)
{
	struct side *s = arg;
	u64 code;

	for (;;) {
		clgi();
		sti();
		svm_enter(s->l2.vmcb, &s->l2.gprs, s->host);
		code = vmcb_exitcode(s->l2.vmcb);
		stgi();
		__asm__ volatile("nop");
		cli();
		vmcb_set_tlb_control(s->l2.vmcb, TLB_FLUSH_ALL);
		if (code != VMEXIT_INTR)
			break;
		__atomic_fetch_add(&s->intrs, 1, __ATOMIC_SEQ_CST);
	}
	s->bad = code != VMEXIT_VMMCALL;
}

static void test_shootdown(void)
{
	u64 *e;
	char name[32];

	*(volatile u8 *)(PA + 0x123) = 0x11;
	*(volatile u8 *)(PA + 0x1123) = 0x22;
	for (u32 i = 0; i < 5; i++) {
		table_map(npt, GPA, PA, 1, NPT_TABLE, NPT_PAGE);
		e = table_entry(npt, GPA, 1, NPT_TABLE);
		prepare(&sides[1], do_watch, 3);
		l2_intercept(&sides[1].l2, ICPT_INTR, true);
		vmcb_set_vintr(sides[1].l2.vmcb, VINTR_MASKING);
		sides[1].l2.gprs.rdi = GPA;
		sides[1].l2.gprs.rbx = 0x11;
		sides[1].intrs = 0;
		ap_post(ap, watch_loop, &sides[1]);
		delay_us(3000);
		__atomic_store_n(e, (PA + 0x1000) | NPT_PAGE, __ATOMIC_SEQ_CST);
		icr_send(ap, VEC_IPI | ICR_ASSERT);
		snprintf(name, sizeof(name), "shootdown-%u", i);
		if (!check(ap_wait(ap, 5000), name, "L2 sees the old page"))
			die("svm-cpus", "CPU %u is lost", ap);
		check(sides[1].intrs >= 1, "shootdown-by-interrupt", "%u",
		      sides[1].intrs);
		check_eq(vmcb_rax(sides[1].l2.vmcb) & 0xff, 0x22,
			 "shootdown-new");
		check_eq(sides[1].bad, 0, "shootdown-exit");
	}
}

/* --- interrupts and NMIs to a CPU in L2 ------------------------------------------ */
static void spin_until(void *arg)
{
	struct side *s = arg;

	clgi();
	sti();
	svm_enter(s->l2.vmcb, &s->l2.gprs, s->host);
	__atomic_fetch_add(&s->exits, 1, __ATOMIC_SEQ_CST);
	stgi();
	__asm__ volatile("nop");
	cli();
}

static void test_ipis(void)
{
	u32 nmi = nmis[ap], ipi = ipis[ap];
	struct side *s = &sides[1];

	for (u32 i = 0; i < 10; i++) {
		prepare(s, do_spin, 4);
		l2_intercept(&s->l2, i & 1 ? ICPT_NMI : ICPT_INTR, true);
		vmcb_set_vintr(s->l2.vmcb, VINTR_MASKING);
		ap_post(ap, spin_until, s);
		delay_us(1000);
		icr_send(ap, (i & 1 ? ICR_NMI : VEC_IPI) | ICR_ASSERT);
		if (!check(ap_wait(ap, 5000),
			   i & 1 ? "nmi-leaves" : "ipi-leaves", "L2 goes on"))
			die("svm-cpus", "CPU %u is lost", ap);
		check_eq(vmcb_exitcode(s->l2.vmcb),
			 i & 1 ? VMEXIT_NMI : VMEXIT_INTR, "ipi-code");
	}
	check_eq(nmis[ap] - nmi, 5, "nmi-handled");
	check_known(ipis[ap] - ipi == 5, "ipi-handled", EMU_BOCHS,
		    "interrupts are not noticed while IF stays set", "%u",
		    ipis[ap] - ipi);
}

/* --- an L2 that halts -------------------------------------------------------------- */
static void test_hlt(void)
{
	struct side *s = &sides[1];
	/* L2 has the TR of the CPU that made it */
	u32 nmi = nmis[ap] + nmis[bsp], ipi = ipis[ap] + ipis[bsp];

	for (u32 i = 0; i < 4; i++) {
		bool by_nmi = i & 1, exits = i & 2;

		prepare(s, do_hlt, 4);
		vmcb_set_rflags(s->l2.vmcb, RFLAGS_FIXED);
		s->l2.gprs.rdi = (u64)&init_seen.stage;
		init_seen.stage = 0;
		l2_intercept(&s->l2, ICPT_HLT, false);
		if (exits)
			l2_intercept(&s->l2, by_nmi ? ICPT_NMI : ICPT_INTR,
				     true);
		ap_post(ap, spin_until, s);
		wait_for_value(&init_seen.stage, 1);
		delay_us(3000);
		icr_send(ap, (by_nmi ? ICR_NMI : VEC_IPI) | ICR_ASSERT);
		if (!check(ap_wait(ap, 5000),
			   by_nmi ? "hlt-nmi-wakes" : "hlt-ipi-wakes",
			   "L2 sleeps on"))
			die("svm-cpus", "CPU %u is lost", ap);
		check_eq(vmcb_exitcode(s->l2.vmcb),
			 !exits	  ? VMEXIT_VMMCALL
			 : by_nmi ? VMEXIT_NMI
				  : VMEXIT_INTR,
			 "hlt-code");
		check_eq(vmcb_rip(s->l2.vmcb), (u64)after_hlt, "hlt-rip");
	}
	nmi = nmis[ap] + nmis[bsp] - nmi;
	ipi = ipis[ap] + ipis[bsp] - ipi;
	check_eq(nmi, 2, "hlt-nmis");
	check_known(ipi == 2, "hlt-ipis", EMU_BOCHS,
		    "interrupts are not noticed while IF stays set", "%u", ipi);
}

/* --- a VMCB that another CPU rewrites ------------------------------------------------ */
static u32 race_over;

/* An emulator may turn to the other CPU at each PAUSE. */
#define RACE(field, bad, good)    \
	do {                      \
		(field) = (bad);  \
		cpu_pause();      \
		(field) = (good); \
		cpu_pause();      \
	} while (0)

/* Each of these is refused, or another L2, when VMRUN looks at the wrong
 * moment twice. */
static void race_writer(void *arg)
{
	volatile struct vmcb *b = arg;
	u64 cr4 = b->cr4_, efer = b->efer_, msrpm = b->msrpm_;

	while (!get(&race_over)) {
		RACE(b->intercept_[ICPT_MISC2], b->intercept_[ICPT_MISC2] & ~1u,
		     b->intercept_[ICPT_MISC2] | 1);
		RACE(b->asid_, 0, 1);
		RACE(b->cr4_, cr4 | BIT(63), cr4);
		RACE(b->efer_, efer & ~EFER_SVME, efer);
		RACE(b->eventinj_, EVINJ_V | EVINJ_TYPE | 0x30, 0);
		RACE(b->msrpm_, msrpm | BIT(62), msrpm);
		RACE(b->nested_ctl_, NESTED_SEV, NESTED_NP);
	}
}

/* VMRUN judges what it then enters with, in one copy. */
static void test_race(void)
{
	struct l2 *l = &sides[0].l2;
	u32 refused = 0, ran = 0, other = 0, trips = 0;

	__atomic_store_n(&race_over, 0, __ATOMIC_SEQ_CST);
	prepare(&sides[0], do_count, 1);
	ap_post(ap, race_writer, l->vmcb);
	/* until both have been met often enough */
	while (trips++ < 100 * TRIPS && MIN(ran, refused) < TRIPS / 10) {
		u64 code;

		vmcb_set_rip(l->vmcb, (u64)do_count);
		code = enter(&sides[0], l);
		ran += code == VMEXIT_VMMCALL;
		refused += code == VMEXIT_INVALID;
		other += code != VMEXIT_VMMCALL && code != VMEXIT_INVALID;
	}
	__atomic_store_n(&race_over, 1, __ATOMIC_SEQ_CST);
	check(ap_wait(ap, 5000), "race-over", "CPU %u is lost", ap);
	check(!other && ran && refused, "race", "%u ran, %u refused, %u others",
	      ran, refused, other);
	prepare(&sides[0], do_count, 1);
	check_eq(enter(&sides[0], l), VMEXIT_VMMCALL, "race-then");
}

/* --- INIT ------------------------------------------------------------------------- */
static void wait_gif_0(void *unused)
{
	clgi();
	__atomic_store_n(&init_seen.stage, 1, __ATOMIC_SEQ_CST);
	while (!get(&init_seen.go)) /* the INIT comes */
		cpu_pause();
	__atomic_store_n(&init_seen.stage, 2, __ATOMIC_SEQ_CST);
	stgi();
	for (;;)
		__atomic_fetch_add(&init_seen.beats, 1, __ATOMIC_SEQ_CST);
}

/* In try(): the frame is not gone back to, as not all push an error code. */
static void spin(void *unused)
{
	__atomic_store_n(&init_seen.stage, 1, __ATOMIC_SEQ_CST);
	for (;;)
		cpu_pause();
}

static void wait_sx(void *unused)
{
	int vector;

	wrmsr(MSR_VM_CR, VM_CR_R_INIT);
	vector = try(spin, NULL);
	init_seen.error = (u32)last_fault()->error;
	wrmsr(MSR_VM_CR, 0);
	__atomic_store_n(&init_seen.sx, (u32)vector, __ATOMIC_SEQ_CST);
}

static void spin_in_l2(void *arg)
{
	spin_until(arg);
	for (u32 i = 0; i < 1000; i++)
		cpu_pause();
}

static void l2_sx(void *arg)
{
	int vector;

	wrmsr(MSR_VM_CR, VM_CR_R_INIT);
	vector = try(spin_in_l2, arg);
	wrmsr(MSR_VM_CR, 0);
	__atomic_store_n(&init_seen.sx, (u32)vector, __ATOMIC_SEQ_CST);
}

/* INIT comes while GIF is 0, and VMRUN has an event to inject. */
static void enter_late(void *arg)
{
	struct side *s = arg;

	clgi();
	__atomic_store_n(&init_seen.stage, 1, __ATOMIC_SEQ_CST);
	while (!get(&init_seen.go))
		cpu_pause();
	svm_enter(s->l2.vmcb, &s->l2.gprs, s->host);
	stgi();
	for (u32 i = 0; i < 1000; i++)
		cpu_pause();
}

static void l2_sx_late(void *arg)
{
	int vector;

	wrmsr(MSR_VM_CR, VM_CR_R_INIT);
	vector = try(enter_late, arg);
	wrmsr(MSR_VM_CR, 0);
	__atomic_store_n(&init_seen.sx, (u32)vector, __ATOMIC_SEQ_CST);
}

static void test_init_gif(void)
{
	u32 beats;

	init_seen.stage = 0;
	ap_post(ap, wait_gif_0, NULL);
	if (!check(wait_for_value(&init_seen.stage, 1), "init-ready", "-"))
		return;
	icr_send(ap, ICR_INIT | ICR_ASSERT);
	delay_us(10000);
	__atomic_store_n(&init_seen.go, 1, __ATOMIC_SEQ_CST);
	check(wait_for_value(&init_seen.stage, 2), "init-waits-for-gif",
	      "stage %u", get(&init_seen.stage));
	delay_us(20000);
	beats = get(&init_seen.beats);
	delay_us(5000);
	check_eq(get(&init_seen.beats), beats, "init-then");
	check(ap_start_cpu(ap), "init-then-sipi", "did not come");
	check_eq((u64)(u32)ap_reset_state()->efer, 0, "init-efer");
	ap_call(ap, svm_on_cpu, &sides[1]);
}

static void test_sx(void)
{
	struct side *s = &sides[1];

	init_seen.stage = 0;
	ap_post(ap, wait_sx, NULL);
	wait_for_value(&init_seen.stage, 1);
	delay_us(1000);
	icr_send(ap, ICR_INIT | ICR_ASSERT);
	check(ap_wait(ap, 5000), "init-is-sx", "no #SX");
	check_eq(get(&init_seen.sx), VEC_SX, "sx-vector");
	check_known(init_seen.error == 1, "sx-error", EMU_QEMU,
		    "EVENTINJ's error code is not pushed for it", "%x",
		    init_seen.error);
	/* L2 runs: its exception, L1 intercepts it */
	prepare(s, do_spin, 4);
	l2_intercept(&s->l2, ICPT_EXC0 + VEC_SX, true);
	ap_post(ap, l2_sx, s);
	delay_us(3000);
	icr_send(ap, ICR_INIT | ICR_ASSERT);
	check(ap_wait(ap, 5000), "init-is-sx-exit", "L2 goes on");
	check_eq(vmcb_exitcode(s->l2.vmcb), VMEXIT_EXC + VEC_SX, "sx-code");
	check_eq(vmcb_exitinfo1(s->l2.vmcb), 1, "sx-info1");
	/* INIT itself intercepted: it stays pending, and is #SX afterwards */
	init_seen.sx = 0;
	prepare(s, do_spin, 4);
	l2_intercept(&s->l2, ICPT_INIT, true);
	ap_post(ap, l2_sx, s);
	delay_us(3000);
	icr_send(ap, ICR_INIT | ICR_ASSERT);
	check(ap_wait(ap, 5000), "init-exit", "L2 goes on");
	check_eq(vmcb_exitcode(s->l2.vmcb), VMEXIT_INIT, "init-code");
	check_eq(get(&init_seen.sx), VEC_SX, "init-then-sx");
}

static void test_init_at_injection(void)
{
	extern char exc_stubs[];
	struct side *s = &sides[1];

	for (u32 i = 0; i < 2; i++) {
		init_seen.stage = init_seen.go = init_seen.sx = 0;
		prepare(s, do_spin, 4);
		l2_intercept(&s->l2, i ? ICPT_EXC0 + VEC_SX : ICPT_INIT, true);
		vmcb_set_eventinj(s->l2.vmcb, EVINJ_V | EVINJ_EXC | VEC_UD);
		ap_post(ap, l2_sx_late, s);
		wait_for_value(&init_seen.stage, 1);
		icr_send(ap, ICR_INIT | ICR_ASSERT);
		delay_us(3000);
		__atomic_store_n(&init_seen.go, 1, __ATOMIC_SEQ_CST);
		check(ap_wait(ap, 5000), "init-at-injection", "L2 goes on");
		check_eq(vmcb_exitcode(s->l2.vmcb),
			 i ? VMEXIT_EXC + VEC_SX : VMEXIT_INIT,
			 "init-at-injection-code");
		check_eq(vmcb_rip(s->l2.vmcb), (u64)exc_stubs + 16 * VEC_UD,
			 "init-at-injection-rip");
		check_eq(vmcb_exitintinfo(s->l2.vmcb) & EVINJ_V, 0,
			 "init-at-injection-intinfo");
		check_eq(get(&init_seen.sx), i ? (u32)-1 : VEC_SX,
			 "init-at-injection-then");
	}
}

/* VM_CR: INIT clears SVMDIS, unless it is locked. */
static struct vm_cr_step {
	u64 write, want; /* want: after the next INIT */
	u64 vm_cr;
	bool svme_gp;
} vm_cr_steps[] = {
	{ VM_CR_SVMDIS, 0, 0, false },
	{ VM_CR_LOCK | VM_CR_SVMDIS, VM_CR_LOCK | VM_CR_SVMDIS, 0, true },
	{ 0, VM_CR_LOCK | VM_CR_SVMDIS, 0, true },
};

static void vm_cr_write(void *arg)
{
	const struct vm_cr_step *s = arg;

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
	wrmsr(MSR_VM_CR, s->write);
}

static void svme_on(void *unused)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
}

static void vm_cr_look(void *arg)
{
	struct vm_cr_step *s = arg;

	s->vm_cr = rdmsr(MSR_VM_CR);
	s->svme_gp = try(svme_on, NULL) == VEC_GP;
}

/* The last test: SVM is locked away on that CPU. */
static void test_vm_cr(void)
{
	char name[32];

	for (u32 i = 0; i < ARRAY_SIZE(vm_cr_steps); i++) {
		struct vm_cr_step *s = &vm_cr_steps[i];
		bool gp = s->svme_gp;

		ap_call(ap, vm_cr_write, s);
		snprintf(name, sizeof(name), "vm-cr-init-%u", i);
		if (!check(ap_start_cpu(ap), name, "did not come"))
			return;
		ap_call(ap, vm_cr_look, s);
		check_eq(s->vm_cr, s->want, name);
		check_eq(s->svme_gp, gp, "vm-cr-init-svme");
	}
}

void main(void)
{
	u32 ids[MAX_CPUS];

	svm_on();
	if (!svm_has(SVM_NPT))
		die("svm-npt", "no nested paging");
	apic_enable();
	set_hook(VEC_IPI, on_ipi);
	set_hook(VEC_NMI, on_nmi);
	if (madt_cpus(ids) < 2)
		die("svm-cpus", "needs two CPUs");
	bsp = cpu_index();
	ap = ids[0] == bsp ? ids[1] : ids[0];
	if (!check(ap_start_cpu(ap), "start", "did not come"))
		die("svm-cpus", "no CPU %u", ap);
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	map_2m(GPA, MiB(2), 0x87);
	svm_on_cpu(&sides[0]);
	check(ap_call(ap, svm_on_cpu, &sides[1]), "svm-on", "-");
	test_both();
	test_wandering();
	test_shootdown();
	test_ipis();
	test_hlt();
	if (!on_abyme()) {
		skip("init",
		     "emulators' INIT ignores GIF, and VM_CR is not there");
		skip("race", "emulators read the VMCB piece by piece");
		return;
	}
	test_race();
	test_init_gif();
	test_sx();
	test_init_at_injection();
	test_vm_cr();
}
