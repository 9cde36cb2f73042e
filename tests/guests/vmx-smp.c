/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several CPUs: each in VMX operation with an L2 of its own, all at a time; a
 * VMCS that moves from one to the other and back; IPIs and NMIs to a CPU that
 * is in L2; INIT, which waits in VMX root operation and exits from L2; one EPT
 * that all L2s are on and that a CPU changes.
 */
/* boot: emus=bochs cpus=2 bare timeout=120 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define VEC_IPI 0x51
#define VEC_INT 0x53
#define TRIPS 300
#define MOVES 20
#define GPA GiB(4)
#define PA MiB(64)

static u32 ids[MAX_CPUS], other;
static void *on_region[MAX_CPUS];
static struct vl2 own[2], moving;
static u64 *ept;
static volatile u32 stage, stop, wrong, rounds, nmis;
static struct {
	u32 reason, info, count;
	u64 rip;
} result[2];

PAYLOAD(do_count, "1: inc %rbx; vmcall; jmp 1b")
PAYLOAD(do_spin, "1: incl (%rdi); jmp 1b")
PAYLOAD(do_read, "1: movzbl (%rdi), %eax; vmcall; jmp 1b")

static u32 self(void)
{
	return cpu_index() == other;
}

static void vmx_here(void *unused)
{
	apic_enable();
	vmx_on_at(on_region[self()]);
}

static void vmx_not_here(void *unused)
{
	vmx_off();
}

static bool on_event(struct regs *r)
{
	__atomic_fetch_add(&result[self()].count, 1, __ATOMIC_SEQ_CST);
	if (r->vector == VEC_IPI)
		apic_eoi();
	else
		nmis++;
	return true;
}

/* An NMI that has exited blocks further ones until an IRET. */
static void unblock_nmis(void *unused)
{
	__asm__ volatile("int %0" : : "i"(VEC_INT) : "memory");
}

static bool on_int(struct regs *r)
{
	return true;
}

static bool until(volatile u32 *p, u32 want)
{
	for (u32 i = 0; i < 2000; i++) {
		if (__atomic_load_n(p, __ATOMIC_SEQ_CST) == want)
			return true;
		delay_us(50);
	}
	return false;
}

/* --- all at a time ------------------------------------------------------------- */
static void trips(void *unused)
{
	struct vl2 *l = &own[self()];
	u32 bad = 0;

	vl2_init(l, do_count);
	for (u32 i = 1; i <= TRIPS; i++) {
		bad += vl2_run(l) != REASON_VMCALL || l->gprs.rbx != i;
		vl2_skip();
	}
	result[self()].count = bad;
}

static void test_both(void)
{
	ap_post(other, trips, NULL);
	trips(NULL);
	check(ap_wait(other, 2000), "both-end", "the other CPU does not");
	check_eq(result[0].count, 0, "first-trips");
	check_eq(result[1].count, 0, "second-trips");
}

/* --- a VMCS on the move ------------------------------------------------------------ */
/* One trip of the L2 on the CPU that calls. Launched here for the first time
 * since VMCLEAR; everything else is as the last CPU left it. */
static void one_trip(void *unused)
{
	u64 v = 0;

	if (vmptrld((u64)moving.vmcs) != VMX_OK)
		wrong |= 1;
	vl2_set_host();
	if (vmx_enter(&moving.gprs, 1) != 2 ||
	    vmr(VMCS_INSTR_ERROR) != VMXERR_VMRESUME_CLEAR)
		wrong |= 2;
	moving.launched = false;
	if (vl2_run(&moving) != REASON_VMCALL)
		wrong |= 4;
	vl2_skip();
	if (vl2_run(&moving) != REASON_VMCALL)
		wrong |= 8;
	vl2_skip();
	if (vmr(VMCS_GUEST_SYSENTER_EIP) != 0x1234567)
		wrong |= 16;
	if (vmclear((u64)moving.vmcs) != VMX_OK ||
	    vmread_insn(VMCS_GUEST_RIP, &v) != VMX_INVALID)
		wrong |= 32;
}

static void test_move(void)
{
	vl2_init(&moving, do_count);
	/* a field that the exit saves and nothing changes */
	vmw(VMCS_GUEST_SYSENTER_EIP, 0x1234567);
	vmclear((u64)moving.vmcs);
	for (u32 i = 0; i < MOVES && !wrong; i++) {
		one_trip(NULL);
		if (!ap_call(other, one_trip, NULL))
			wrong |= 64;
	}
	check_eq(wrong, 0, "move");
	check_eq(moving.gprs.rbx, 4 * MOVES, "move-trips");
	wrong = 0;
	/* active on the one, it is not touched by VMCLEAR of another there */
	vmptrld((u64)moving.vmcs);
	check_eq(vmr(VMCS_GUEST_SYSENTER_EIP), 0x1234567, "move-last");
	vmclear((u64)moving.vmcs);
}

/* --- IPIs, NMIs and INIT to a CPU in L2 ----------------------------------------------- */
static volatile u32 beat;

static void spin(void *arg)
{
	struct vl2 *l = &own[self()];

	vl2_init(l, do_spin);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_EXTINT | PIN_NMI)));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_ACK_INTR)));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	l->gprs.rdi = (u64)&beat;
	result[self()].count = 0;
	result[self()].reason = vl2_run(l);
	result[self()].info = (u32)vmr(VMCS_EXIT_INTR_INFO);
	result[self()].rip = vmr(VMCS_GUEST_RIP);
	if (result[self()].reason == REASON_EXTINT)
		apic_eoi();
}

/* Start the spinning L2 there, send it @first and @icr, take what it exited
 * with. */
static bool poke(u32 first, u32 icr, const char *name)
{
	u32 old = beat;

	memset(&result[1], 0xff, sizeof(result[1]));
	ap_post(other, spin, NULL);
	for (u32 i = 0; i < 2000 && beat == old; i++)
		delay_us(50);
	if (beat == old)
		return check(false, name, "L2 does not run");
	if (first) {
		icr_send(other, first);
		delay_us(500);
	}
	icr_send(other, icr);
	return check(ap_wait(other, 300), name, "no exit");
}

static void test_events(void)
{
	/* a SIPI is nothing to a CPU that does not wait for it */
	if (poke(ICR_SIPI | ICR_ASSERT | 0x42, VEC_IPI | ICR_ASSERT, "ipi")) {
		check_eq(result[1].reason, REASON_EXTINT, "ipi-reason");
		check_eq(result[1].info, INTR_INFO(0, VEC_IPI), "ipi-vector");
	}
	if (poke(0, ICR_NMI | ICR_ASSERT, "nmi")) {
		check_eq(result[1].reason, REASON_EXCEPTION_NMI, "nmi-reason");
		check_eq(result[1].info, INTR_INFO(INTR_TYPE_NMI, VEC_NMI),
			 "nmi-info");
		check_eq(result[1].count, 0, "nmi-not-taken");
	}
	/* the NMI still blocks further ones there: IRET ends that */
	if (!on_abyme() && emulator() == EMU_BOCHS) {
		check_known(false, "init-in-l2", EMU_BOCHS,
			    "INIT that exits stays pending", "not tried");
		return;
	}
	if (poke(0, ICR_INIT | ICR_ASSERT, "init-in-l2"))
		check_eq(result[1].reason, REASON_INIT, "init-in-l2-reason");
}

static void root_wait(void *unused)
{
	stage = 1;
	while (!stop)
		cpu_pause();
	stage = 2;
	vmx_off();
	stage = 3; /* never: the INIT comes now */
}

static void root_then_l2(void *unused)
{
	struct vl2 *l = &own[self()];

	vl2_init(l, do_spin);
	l->gprs.rdi = (u64)&beat;
	stage = 1;
	while (!stop)
		cpu_pause();
	result[self()].reason = vl2_run(l);
	result[self()].info = (u32)vmr(VMCS_EXIT_INTR_INFO);
	result[self()].rip = vmr(VMCS_GUEST_RIP);
	/* once only */
	vmw(VMCS_GUEST_RIP, (u64)do_count);
	wrong |= vl2_run(l) != REASON_VMCALL;
}

/* ... or for the next VM entry, from which L2 exits at once. */
static void test_init_then_l2(void)
{
	if (!on_abyme() && emulator() == EMU_BOCHS) {
		check_known(false, "init-then-l2", EMU_BOCHS,
			    "INIT in root operation is lost", "not tried");
		return;
	}
	stage = stop = wrong = 0;
	ap_post(other, root_then_l2, NULL);
	check(until(&stage, 1), "init-then-l2-starts", "-");
	icr_send(other, ICR_INIT | ICR_ASSERT);
	delay_us(2000);
	stop = 1;
	if (!check(ap_wait(other, 300), "init-then-l2", "no exit"))
		return;
	check_eq(result[1].reason, REASON_INIT, "init-then-l2-reason");
	check(!(result[1].info & INTR_VALID), "init-then-l2-info", "%x",
	      result[1].info);
	check_eq(result[1].rip, (u64)do_spin, "init-then-l2-rip");
	check_eq(wrong, 0, "init-then-l2-once");
}

/* In VMX root operation INIT waits for VMXOFF. */
static void test_init(void)
{
	if (!on_abyme() && emulator() == EMU_BOCHS) {
		check_known(false, "init-in-root", EMU_BOCHS,
			    "INIT in root operation is lost", "not tried");
		ap_call(other, vmx_not_here, NULL);
		return;
	}
	stage = stop = 0;
	ap_post(other, root_wait, NULL);
	check(until(&stage, 1), "init-root-starts", "-");
	icr_send(other, ICR_INIT | ICR_ASSERT);
	delay_us(2000);
	stop = 1;
	check(until(&stage, 2), "init-in-root-waits", "stage %u", stage);
	delay_us(5000);
	check_eq(stage, 2, "init-after-vmxoff");
	check(ap_start_cpu(other), "init-then-sipi", "it does not start");
	check_eq(ap_reset_state()->cr4 & (u32)CR4_VMXE, 0, "init-resets-cr4");
}

/* --- an L2 that waits for a SIPI --------------------------------------------------------- */
static void sipi_wait(void *unused)
{
	struct vl2 *l = &own[1];

	vl2_init(l, do_spin);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)(PIN_EXTINT | PIN_NMI)));
	vmw(VMCS_GUEST_ACTIVITY, ACTIVITY_WAIT_SIPI);
	stage = 1;
	result[1].reason = vl2_run(l);
	result[1].info = (u32)vmr(VMCS_EXIT_QUALIFICATION);
	result[1].count = (u32)vmr(VMCS_EXIT_INTR_INFO);
	result[1].rip = vmr(VMCS_GUEST_ACTIVITY);
	stage = 2;
}

static void sipi_wait_then_off(void *unused)
{
	sipi_wait(NULL);
	vmx_off();
	stage = 3; /* never with an INIT that was blocked */
}

static bool send_sipi(void (*fn)(void *), u32 first, u32 vector,
		      const char *name)
{
	memset(&result[1], 0xff, sizeof(result[1]));
	stage = 0;
	ap_post(other, fn, NULL);
	if (!until(&stage, 1))
		return check(false, name, "it does not start");
	delay_us(2000);
	if (first) {
		icr_send(other, first);
		delay_us(2000);
	}
	if (!check_eq(stage, 1, name))
		return false;
	icr_send(other, ICR_SIPI | ICR_ASSERT | vector);
	if (!check(until(&stage, 2), name, "stage %u", stage))
		return false;
	check_eq(result[1].reason, REASON_SIPI, "sipi-reason");
	check_eq(result[1].info, vector, "sipi-vector");
	check_eq(result[1].count & INTR_VALID, 0, "sipi-no-interruption");
	check_eq(result[1].rip, ACTIVITY_WAIT_SIPI, "sipi-activity");
	return true;
}

static void test_sipi(void)
{
	if (!(rdmsr(MSR_VMX_MISC) & VMX_MISC_WAIT_SIPI)) {
		skip("sipi-in-l2", "no wait-for-SIPI state");
		return;
	}
	if (!on_abyme() && emulator() == EMU_BOCHS) {
		check_known(false, "sipi-in-l2", EMU_BOCHS,
			    "a SIPI exit leaves NMIs blocked", "not tried");
		return;
	}
	check(ap_call(other, vmx_here, NULL), "vmxon-again", "-");
	if (send_sipi(sipi_wait, 0, 0x42, "sipi-in-l2"))
		check(ap_wait(other, 100), "sipi-back", "-");
	/* an NMI waits, too, until L1 is back */
	check(ap_call(other, unblock_nmis, NULL), "sipi-unblock-nmis", "-");
	nmis = 0;
	if (send_sipi(sipi_wait, ICR_NMI | ICR_ASSERT, 0x9a, "sipi-nmi"))
		check(ap_wait(other, 100), "sipi-nmi-back", "-");
	check_eq(nmis, 1, "sipi-nmi-taken");
	/* an INIT is blocked there and in root operation */
	if (!send_sipi(sipi_wait_then_off, ICR_INIT | ICR_ASSERT, 0x43,
		       "sipi-init"))
		return;
	delay_us(5000);
	check_eq(stage, 2, "sipi-init-after-vmxoff");
	check(ap_start_cpu(other), "sipi-init-then-sipi", "it does not start");
}

/* --- one EPT for both --------------------------------------------------------------------- */
static void ept_reader(void *unused)
{
	struct vl2 *l = &own[self()];

	vl2_init(l, do_read);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | PROC2_VPID)));
	vmw(VMCS_VPID, 5);
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	l->gprs.rdi = GPA;
	rounds = 0;
	while (!stop) {
		/* INVEPT here, after the change there: nothing old is left */
		u32 want = stage;

		if (invept_insn(INVEPT_SINGLE, (u64)ept | EPTP_WB | EPTP_WALK4,
				0) != VMX_OK ||
		    vl2_run(l) != REASON_VMCALL)
			wrong |= 1;
		vl2_skip();
		if (l->gprs.rax < want || l->gprs.rax > stage)
			wrong |= 2;
		rounds++;
	}
}

static void test_ept(void)
{
	u64 *e;

	if (!vmx_has_proc2((u32)(PROC2_EPT | PROC2_VPID)))
		return;
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	e = table_entry(ept, GPA, 1, EPT_TABLE);
	for (u32 i = 0; i < 64; i++)
		*(volatile u8 *)(PA + i * PAGE_SIZE) = (u8)i;
	stop = stage = wrong = 0;
	*e = PA | EPT_PAGE;
	ap_post(other, ept_reader, NULL);
	for (u32 i = 1; i < 64; i++) {
		u32 r = rounds;

		*(volatile u64 *)e = (PA + i * PAGE_SIZE) | EPT_PAGE;
		/* the new page first, then its number */
		__atomic_store_n(&stage, i, __ATOMIC_SEQ_CST);
		for (u32 k = 0; k < 2000 && rounds == r; k++)
			delay_us(20);
	}
	stop = 1;
	check(ap_wait(other, 500), "ept-end", "the other CPU does not");
	check_eq(wrong, 0, "ept-shared");
	check(rounds > 10, "ept-rounds", "%u", rounds);
}

void main(void)
{
	u32 n = madt_cpus(ids);

	if (n < 2) {
		skip("vmx-smp", "one CPU");
		done();
	}
	other = ids[ids[0] == cpu_index()];
	if (!check(ap_start_cpu(other), "second-cpu", "it does not start"))
		done();
	on_region[0] = vmx_region();
	on_region[1] = vmx_region();
	set_hook(VEC_IPI, on_event);
	set_hook(VEC_NMI, on_event);
	set_hook(VEC_INT, on_int);
	vmx_here(NULL);
	check(ap_call(other, vmx_here, NULL), "second-vmxon", "-");
	test_both();
	test_move();
	test_ept();
	test_events();
	test_init_then_l2();
	test_init();
	test_sipi();
	vmx_off();
}
