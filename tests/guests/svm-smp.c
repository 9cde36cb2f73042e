/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An SVM hypervisor on a machine with several CPUs. */
/* boot: emus=qemu cpus=2 mem=512 bare timeout=60 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define VEC_A 0x41
#define SPINS 600000000u

static struct l2 l2;
static volatile u32 events;

PAYLOAD(do_vmmcall, "1: vmmcall; jmp 1b")

/* In L2: long enough for QEMU to turn to its other CPU, without an exit. */
static bool on_event(struct regs *r)
{
	if (events++)
		return true;
	for (u32 i = 0; i < SPINS; i++)
		__asm__ volatile("");
	return true;
}

/* What VMRUN injects is delivered once, however long its handler takes. */
static void test_inject_once(void)
{
	static const struct {
		const char *name;
		u64 event;
	} rows[] = {
		{ "inject-extint-once", EVINJ_V | EVINJ_EXTINT | VEC_A },
		{ "inject-nmi-once", EVINJ_V | EVINJ_NMI | VEC_NMI },
		{ "inject-exception-once", EVINJ_V | EVINJ_EXC | VEC_UD },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		set_hook((u8)rows[i].event, on_event);
		l2_init(&l2, do_vmmcall);
		vmcb_set_eventinj(l2.vmcb, rows[i].event);
		events = 0;
		check_eq(l2_run(&l2), VMEXIT_VMMCALL, "inject-once-exit");
		check_known(events == 1, rows[i].name,
			    emulator_bare() ? EMU_QEMU : EMU_NONE,
			    "an injected interrupt comes again", "%u times",
			    events);
	}
}

/*
 * L1's own APIC in the hands of its guest: IPIs, INIT and SIPI that L2 sends
 * work as if L1 had sent them. L0 has to read L2's instruction for it, which
 * with nested paging lies where L2's and L1's tables say.
 */
#define APIC_PAGE 0xfee00000ull
#define L2_APIC GiB(4) /* L2-physical */
#define L2_CODE (GiB(4) + PAGE_SIZE)
#define VEC_IPI 0x51

static u32 other;
static volatile u32 ipis;

/* RDI: the APIC, RSI: ICR high, RDX: ICR low */
PAYLOAD(do_mov, "mov %esi, 0x310(%rdi); mov %edx, 0x300(%rdi); vmmcall")
PAYLOAD(do_xchg, "mov %esi, 0x310(%rdi); xchg %edx, 0x300(%rdi); vmmcall")
PAYLOAD(do_read, "mov 0x20(%rdi), %ebx; vmmcall")

static bool on_ipi(struct regs *r)
{
	__atomic_fetch_add(&ipis, 1, __ATOMIC_SEQ_CST);
	apic_eoi();
	return true;
}

static void idle_open(void *unused)
{
	sti();
	for (;;)
		cpu_pause();
}

static u64 run_apic(void (*code)(void), bool np, u32 low)
{
	static u8 page[PAGE_SIZE] __aligned(4096);
	static u64 *npt;

	l2_init(&l2, code);
	l2.gprs.rdi = APIC_PAGE;
	l2.gprs.rsi = other << 24;
	l2.gprs.rdx = low;
	if (np) {
		/* nothing is at these addresses in L1 but RAM */
		if (!npt)
			npt = table_identity(NPT_TABLE, NPT_PAGE);
		table_map(npt, L2_APIC, APIC_PAGE, 1, NPT_TABLE, NPT_PAGE);
		table_map(npt, L2_CODE, (u64)page, 1, NPT_TABLE, NPT_PAGE);
		memcpy(page, (void *)code, 32);
		l2.gprs.rdi = L2_APIC;
		vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
		vmcb_set_ncr3(l2.vmcb, (u64)npt);
		vmcb_set_rip(l2.vmcb, L2_CODE);
	}
	return l2_run(&l2);
}

static void wait_ipis(u32 want)
{
	for (u32 i = 0; i < 1000 && ipis < want; i++)
		delay_us(100);
	delay_us(1000);
}

static void test_apic(bool np)
{
	static const struct {
		const char *name;
		void (*code)(void);
	} rows[] = { { "mov", do_mov }, { "xchg", do_xchg } };
	const char *how = np ? "npt" : "no-npt";
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		ap_post(other, idle_open, NULL);
		delay_us(2000);
		ipis = 0;
		snprintf(name, sizeof(name), "apic-%s-%s", rows[i].name, how);
		check_eq(run_apic(rows[i].code, np, VEC_IPI | ICR_ASSERT),
			 VMEXIT_VMMCALL, name);
		wait_ipis(1);
		snprintf(name, sizeof(name), "apic-%s-ipi-%s", rows[i].name,
			 how);
		check_eq(ipis, 1, name);
		/* INIT takes it away from its loop */
		run_apic(rows[i].code, np, ICR_INIT | ICR_ASSERT);
		delay_us(2000);
		run_apic(do_mov, np, VEC_IPI | ICR_ASSERT);
		wait_ipis(2);
		snprintf(name, sizeof(name), "apic-%s-init-%s", rows[i].name,
			 how);
		check_eq(ipis, 1, name);
		check(ap_start_cpu(other), "apic-started-again", "not");
	}
	check_eq(run_apic(do_read, np, 0), VMEXIT_VMMCALL, "apic-read-exit");
	snprintf(name, sizeof(name), "apic-read-%s", how);
	check_eq(l2.gprs.rbx >> 24, cpu_index(), name);
}

static u32 find_other(void)
{
	static u32 ids[MAX_CPUS];
	u32 n = madt_cpus(ids);

	for (u32 i = 0; i < n; i++)
		if (ids[i] != cpu_index())
			return ids[i];
	die("cpus", "%u", n);
}

void main(void)
{
	/* the PIC's interrupts would hide what is looked for */
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	svm_on();
	test_inject_once();
	apic_enable();
	set_hook(VEC_IPI, on_ipi);
	other = find_other();
	if (!check(ap_start_cpu(other), "start", "CPU %u", other))
		return;
	test_apic(false);
	test_apic(true);
}
