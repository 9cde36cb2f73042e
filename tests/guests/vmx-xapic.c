/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L1's own APIC in the hands of its guest: IPIs, INIT and SIPI that L2 sends
 * work as if L1 had sent them, also where L0 watches the page and has to read
 * L2's instruction, which with EPT lies where L2's and L1's tables say.
 */
/* boot: emus=bochs cpus=2 bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define APIC_PAGE 0xfee00000ull
#define L2_APIC GiB(4) /* L2-physical: in L1 nothing is there */
#define L2_CODE (GiB(4) + PAGE_SIZE)
#define VEC_IPI 0x51

static struct vl2 l2;
static u32 other;
static volatile u32 ipis;

/* RDI: the APIC, RSI: ICR high, RDX: ICR low */
PAYLOAD(do_mov, "mov %esi, 0x310(%rdi); mov %edx, 0x300(%rdi); vmcall")
PAYLOAD(do_xchg, "mov %esi, 0x310(%rdi); xchg %edx, 0x300(%rdi); vmcall")
PAYLOAD(do_read, "mov 0x20(%rdi), %ebx; vmcall")

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

/* The code in a page that only EPT has at its address. */
static void use_ept(void (*code)(void))
{
	static u8 page[PAGE_SIZE] __aligned(4096);
	static u64 *ept;

	if (!ept)
		ept = table_identity(EPT_TABLE, EPT_PAGE);
	table_map(ept, L2_APIC, APIC_PAGE, 1, EPT_TABLE, 7); /* uncached */
	table_map(ept, L2_CODE, (u64)page, 1, EPT_TABLE, EPT_PAGE);
	memcpy(page, (void *)code, 32);
	l2.gprs.rdi = L2_APIC;
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_PROC2 | PROC_HLT)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	vmw(VMCS_GUEST_RIP, L2_CODE);
	invept_insn(INVEPT_ALL, 0, 0);
}

static u64 run(void (*code)(void), bool ept, u32 low)
{
	vl2_init(&l2, code);
	l2.gprs.rdi = APIC_PAGE;
	l2.gprs.rsi = other << 24;
	l2.gprs.rdx = low;
	if (ept)
		use_ept(code);
	return vl2_run(&l2);
}

static void wait_ipis(u32 want)
{
	for (u32 i = 0; i < 1000 && ipis < want; i++)
		delay_us(100);
	delay_us(1000);
}

static void test_write(const char *op, void (*code)(void), bool ept)
{
	const char *how = ept ? "ept" : "no-ept";
	char name[48];

	ap_post(other, idle_open, NULL);
	delay_us(2000);
	ipis = 0;
	snprintf(name, sizeof(name), "apic-%s-%s", op, how);
	check_eq(run(code, ept, VEC_IPI | ICR_ASSERT), REASON_VMCALL, name);
	wait_ipis(1);
	snprintf(name, sizeof(name), "apic-%s-ipi-%s", op, how);
	check_eq(ipis, 1, name);
	/* INIT takes it away from its loop */
	run(code, ept, ICR_INIT | ICR_ASSERT);
	delay_us(2000);
	run(do_mov, ept, VEC_IPI | ICR_ASSERT);
	wait_ipis(2);
	snprintf(name, sizeof(name), "apic-%s-init-%s", op, how);
	check_eq(ipis, 1, name);
	check(ap_start_cpu(other), "apic-started-again", "not");
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
	vmx_on();
	apic_enable();
	set_hook(VEC_IPI, on_ipi);
	other = find_other();
	if (!check(ap_start_cpu(other), "start", "CPU %u", other))
		return;
	for (u32 ept = 0; ept < 2; ept++) {
		test_write("mov", do_mov, ept);
		test_write("xchg", do_xchg, ept);
		check_eq(run(do_read, ept, 0), REASON_VMCALL, "apic-read-exit");
		check_eq(l2.gprs.rbx >> 24, cpu_index(),
			 ept ? "apic-read-ept" : "apic-read-no-ept");
	}
}
