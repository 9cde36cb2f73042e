/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other CPUs: INIT and SIPI, what a CPU finds in its registers then, IPIs,
 * NMIs, MONITOR and MWAIT, and a CPU taken down and started again and again.
 */
/* boot: emus=qemu,bochs,bochs-svm cpus=2 bare timeout=60 */
/* boot: emus=qemu,bochs cpus=2 hv=cpus=1 append=alone name=alone */
#include "tests/guests/lib/guest.h"

#define CPUID_1_ECX_MONITOR (1u << 3)
#define VEC_IPI 0x51
#define ROUNDS 10

static u32 ids[MAX_CPUS], ncpus, bsp;
static u32 ipis[MAX_CPUS], nmis[MAX_CPUS], beats[MAX_CPUS];

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

static u32 get(const u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static bool wait_count(const u32 *p, u32 want)
{
	for (u32 i = 0; i < 10000; i++) {
		if (get(p) == want)
			return true;
		delay_us(100);
	}
	return false;
}

/* --- what a CPU does ------------------------------------------------------ */
static void beat(void *unused)
{
	for (;;) {
		__atomic_fetch_add(&beats[cpu_index()], 1, __ATOMIC_SEQ_CST);
		cpu_pause();
	}
}

static void halt_masked(void *unused)
{
	for (;;) {
		cli();
		hlt();
	}
}

static void halt_open(void *unused)
{
	for (;;)
		__asm__ volatile("sti; hlt; cli");
}

static void idle_open(void *unused)
{
	sti();
	for (;;)
		cpu_pause();
}

/* Each in a page of its own, for MONITOR. */
static struct {
	u32 v;
} __aligned(4096) bell, other[64];

/* Sleeps until the bell rings, interrupts off; caches on, as MONITOR is for
 * write-back memory. @in_tlb: the bell's page is in the TLB when MONITOR comes
 * to it, another is the last that was walked for. */
static void sleep_until_bell(void *in_tlb)
{
	cli();
	write_cr0(read_cr0() & ~(u64)(CR0_CD | CR0_NW));
	for (u32 i = 0; !get(&bell.v); i++) {
		get(&other[i % 64].v);
		if (!in_tlb)
			__asm__ volatile("invlpg %0" : : "m"(bell) : "memory");
		__asm__ volatile("monitor" : : "a"(&bell), "c"(0), "d"(0));
		if (!get(&bell.v))
			__asm__ volatile("mwait" : : "a"(0), "c"(0));
	}
}

static void cpuid_loop(void *bad)
{
	for (u32 i = 0; i < 1000; i++)
		if (cpuid_reg(1, 0, EBX) >> 24 != cpu_index())
			++*(u32 *)bad;
}

static void ipi_to_bsp(void *unused)
{
	icr_send(bsp, VEC_IPI | ICR_ASSERT);
}

static void self_ipi(void *unused)
{
	sti();
	icr_send(0, VEC_IPI | ICR_ASSERT | ICR_SELF);
	__asm__ volatile("nop");
	cli();
}

/* --- tests ----------------------------------------------------------------- */
static void check_reset_state(u32 id)
{
	const volatile struct ap_reset *r = ap_reset_state();

	check_eq(r->cs, AP_BASE >> 4, "sipi-cs");
	check((r->cr0 & ~(u32)(CR0_CD | CR0_NW)) == CR0_ET, "sipi-cr0", "%x",
	      r->cr0);
	check_eq(r->cr3, 0, "sipi-cr3");
	check_eq(r->cr4, 0, "sipi-cr4");
	check_eq(r->dr7, 0x400, "sipi-dr7");
	check_eq(r->efer, 0, "sipi-efer");
	check_eq(r->idtr.limit, 0xffff, "sipi-idtr-limit");
	check_eq(r->idtr.base, 0, "sipi-idtr-base");
	check_known(r->edx &&
			    (r->edx & 0xfff) == (cpuid_reg(1, 0, EAX) & 0xfff),
		    "sipi-edx", EMU_BOCHS, "EDX is 0 after INIT",
		    "%x, CPUID 1 EAX %x", r->edx, cpuid_reg(1, 0, EAX));
}

static void test_start(u32 id)
{
	u32 bad = 0;
	char name[32];

	snprintf(name, sizeof(name), "start-%u", id);
	if (!check(ap_start_cpu(id), name, "did not come"))
		die("smp", "no CPU %u, no further tests", id);
	check_reset_state(id);
	snprintf(name, sizeof(name), "cpuid-on-%u", id);
	check(ap_call(id, cpuid_loop, &bad) && !bad, name, "%u bad", bad);
}

static void test_ipis(u32 id)
{
	u32 n = ipis[bsp], ap = ipis[id];

	sti();
	check(ap_call(id, ipi_to_bsp, NULL) && wait_count(&ipis[bsp], n + 1),
	      "ipi-to-bsp", "%u", get(&ipis[bsp]) - n);
	self_ipi(NULL);
	check_eq(get(&ipis[bsp]), n + 2, "ipi-to-self");
	check(ap_call(id, self_ipi, NULL) && get(&ipis[id]) == ap + 1,
	      "ap-ipi-to-self", "%u", get(&ipis[id]) - ap);
	for (u32 k = 0; k < 3; k++) {
		static void (*const idle[])(void *) = { idle_open, halt_open,
							beat };
		static const char *const name[] = { "ipi-to-running",
						    "ipi-to-halted",
						    "ipi-to-masked" };
		u32 m, got = 0;

		ap_post(id, idle[k], NULL);
		delay_us(2000);
		m = get(&ipis[id]);
		for (u32 i = 0; i < 100; i++) {
			icr_send(id, VEC_IPI | ICR_ASSERT);
			if (k == 2)
				continue;
			got += wait_count(&ipis[id], m + i + 1);
		}
		delay_us(2000);
		check_eq(get(&ipis[id]) - m, k == 2 ? 0 : 100, name[k]);
		check(ap_start_cpu(id), "init-ends-it", "%s", name[k]);
	}
	cli();
}

static void test_nmis(u32 id)
{
	u32 n = nmis[bsp], ok = 0, m;

	icr_send(bsp, ICR_NMI | ICR_ASSERT);
	check(wait_count(&nmis[bsp], n + 1), "nmi-to-self", "%u",
	      get(&nmis[bsp]) - n);
	for (u32 k = 0; k < 2; k++) {
		ap_post(id, k ? halt_masked : beat, NULL);
		delay_us(2000);
		m = get(&nmis[id]);
		ok = 0;
		for (u32 i = 0; i < 50; i++) {
			icr_send(id, ICR_NMI | ICR_ASSERT);
			ok += wait_count(&nmis[id], m + i + 1);
		}
		check_eq(ok, 50, k ? "nmi-to-halted" : "nmi-to-running");
		ap_start_cpu(id);
	}
	check_eq(get(&nmis[bsp]), n + 1, "nmi-no-more");
}

/* A CPU moves its APIC; the others' stay where they are. */
#define ELSEWHERE 0xfee20000ul

static struct {
	u32 id, cr8;
} there;

static volatile u32 *moved(u32 reg)
{
	return (volatile u32 *)(ELSEWHERE + reg);
}

static void move_apic(void *unused)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	wrmsr(MSR_APIC_BASE, (base & 0xfff) | ELSEWHERE);
	there.id = *moved(APIC_ID) >> 24;
	*moved(APIC_TPR) = 0x30;
	there.cr8 = (u32)read_cr8();
	*moved(APIC_TPR) = 0;
	*moved(APIC_ICR2) = bsp << 24;
	*moved(APIC_ICR) = VEC_IPI | ICR_ASSERT;
}

static void move_back(void *unused)
{
	wrmsr(MSR_APIC_BASE, (rdmsr(MSR_APIC_BASE) & 0xfff) | 0xfee00000ull);
}

static void set_tpr(void *unused)
{
	apic_write(APIC_TPR, 0x20);
}

static void test_moved_apic(u32 id)
{
	u32 n = ipis[bsp];

	if (emulator() == EMU_QEMU) {
		skip("apic-moved", "QEMU's stays where it is");
		return;
	}
	sti();
	check(ap_call(id, move_apic, NULL) && there.id == id, "apic-moved",
	      "id %u", there.id);
	check_eq(there.cr8, 3, "apic-moved-tpr");
	check(wait_count(&ipis[bsp], n + 1), "apic-moved-ipi", "%u",
	      get(&ipis[bsp]) - n);
	cli();
	check_eq((u64)try(set_tpr, NULL), ~0ull, "apic-not-moved");
	check_eq(read_cr8(), 2, "apic-not-moved-tpr");
	write_cr8(0);
	check(ap_call(id, move_back, NULL), "apic-back", "-");
	check(ap_start_cpu(id), "apic-back-init", "did not come");
}

/* What an OS does that sends a store in the place of an interrupt. */
static void test_mwait(u32 id)
{
	if (!(cpuid_reg(1, 0, ECX) & CPUID_1_ECX_MONITOR)) {
		skip("mwait", "CPUID has no MONITOR");
		return;
	}
	for (u32 in_tlb = 0; in_tlb < 2; in_tlb++) {
		__atomic_store_n(&bell.v, 0, __ATOMIC_SEQ_CST);
		ap_post(id, sleep_until_bell, in_tlb ? &bell : NULL);
		delay_us(2000);
		__atomic_store_n(&bell.v, 1, __ATOMIC_SEQ_CST);
		if (!in_tlb)
			check(ap_wait(id, 100), "mwait-store", "sleeps on");
		else
			check_known(ap_wait(id, 100), "mwait-store-in-tlb",
				    EMU_BOCHS, "MONITOR takes another page",
				    "sleeps on");
		ap_start_cpu(id);
	}
}

/* An emulator on a busy machine may not run that CPU for a while. */
static bool beats_on(u32 id)
{
	u32 b = get(&beats[id]);

	for (u32 i = 0; i < 50 && get(&beats[id]) == b; i++)
		delay_us(2000);
	return get(&beats[id]) != b;
}

static void test_down_and_up(u32 id)
{
	u32 bad = 0, came = 0, stopped = 0, ignored = 0, b;

	for (u32 i = 0; i < ROUNDS; i++) {
		ap_post(id, beat, NULL);
		delay_us(2000);
		/* a SIPI to a CPU that runs does nothing */
		icr_send(id, ICR_SIPI | ICR_ASSERT | AP_BASE >> 12);
		delay_us(2000);
		ignored += beats_on(id);
		icr_send(id, ICR_INIT | ICR_ASSERT);
		delay_us(2000);
		b = get(&beats[id]);
		delay_us(2000);
		stopped += get(&beats[id]) == b;
		came += ap_start_cpu(id);
		bad += !ap_call(id, cpuid_loop, &bad);
	}
	check_eq(ignored, ROUNDS, "sipi-to-running-ignored");
	check_eq(stopped, ROUNDS, "init-stops");
	check_eq(came, ROUNDS, "started-again");
	check_eq(bad, 0, "works-again");
}

/* L0 uses one CPU: the others are nobody's, and cannot be had. */
static void test_alone(void)
{
	for (u32 i = 0; i < ncpus; i++)
		if (ids[i] != bsp)
			check(!ap_start_cpu(ids[i]), "out-of-reach", "started");
	check(ncpus > 1, "madt-shows-all", "%u CPUs", ncpus);
	check(!ap_start_all(ncpus - 1), "out-of-reach-of-shorthand", "started");
}

void main(void)
{
	bsp = cpu_index();
	ncpus = madt_cpus(ids);
	print("info: %u CPUs in the MADT\n", ncpus);
	apic_enable();
	if (contains(boot.cmdline, "alone")) {
		test_alone();
		return;
	}
	set_hook(VEC_IPI, on_ipi);
	set_hook(VEC_NMI, on_nmi);
	if (ncpus < 2) {
		check(ncpus == 1, "madt", "%u CPUs", ncpus);
		skip("smp", "one CPU");
		return;
	}
	for (u32 i = 0; i < ncpus; i++)
		if (ids[i] != bsp)
			test_start(ids[i]);
	for (u32 i = 0; i < ncpus; i++) {
		if (ids[i] == bsp)
			continue;
		test_ipis(ids[i]);
		test_nmis(ids[i]);
		test_moved_apic(ids[i]);
		test_mwait(ids[i]);
		test_down_and_up(ids[i]);
	}
	check(ap_start_all(ncpus - 1), "start-all-by-shorthand", "not all");
}
