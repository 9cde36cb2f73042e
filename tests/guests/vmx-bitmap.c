/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L1 changes its MSR bitmap between two VM entries, after few or many entries
 * without a change: from this CPU, from another one, through L2. The next entry
 * has to heed it.
 */
/* boot: emus=bochs bare timeout=60 */
/* boot: emus=bochs cpus=2 bare timeout=120 name=smp */
#include "tests/guests/lib/vmx.h"

#define MSR 0x174u

static struct vl2 l2;
static u8 bitmap[PAGE_SIZE] __aligned(4096);
static u32 other; /* a second CPU, or this one */

PAYLOAD(l2_read, "rdmsr; vmcall")
PAYLOAD(l2_write, "movb %al, (%rdi); vmcall")

static u32 mail; /* to the other CPU: 0 nothing, else the byte + 1 */

static void write_byte(u8 b)
{
	__atomic_store_n(&bitmap[MSR / 8], b, __ATOMIC_SEQ_CST);
}

/* It exits to L0 all the time, so that it hears of what L0 changes. */
static void mailman(void *arg)
{
	for (;;) {
		u32 m = __atomic_load_n(&mail, __ATOMIC_ACQUIRE);

		cpuid_reg(0, 0, EAX);
		if (!m)
			continue;
		write_byte((u8)(m - 1));
		__atomic_store_n(&mail, 0, __ATOMIC_RELEASE);
	}
}

static u32 enter(void (*code)(void))
{
	vmw(VMCS_GUEST_RIP, (u64)code);
	return vl2_run(&l2);
}

static void by_l1(u8 b)
{
	write_byte(b);
}

static void by_other(u8 b)
{
	__atomic_store_n(&mail, b + 1u, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&mail, __ATOMIC_ACQUIRE))
		cpu_pause();
}

static void by_l2(u8 b)
{
	l2.gprs.rdi = (u64)&bitmap[MSR / 8];
	l2.gprs.rax = b;
	check_eq(enter(l2_write), REASON_VMCALL, "l2-writes");
}

/* Wrong exits of @n entries. */
static u32 run_some(u32 n, u32 want)
{
	u32 wrong = 0;

	for (u32 i = 0; i < n; i++) {
		l2.gprs.rcx = MSR;
		wrong += enter(l2_read) != want;
	}
	return wrong;
}

static void try_writer(const char *name, void (*set)(u8 b))
{
	static const u32 entries[] = { 3, 400, 20, 1500, 1, 3000, 2, 5000 };

	for (u32 i = 0; i < ARRAY_SIZE(entries); i++) {
		bool on = !(i & 1); /* after many without: it exits */

		set(on ? BIT(MSR % 8) : 0);
		check_eq(
			run_some(entries[i], on ? REASON_RDMSR : REASON_VMCALL),
			0, name);
	}
}

void main(void)
{
	u32 ids[MAX_CPUS], n = madt_cpus(ids);

	for (u32 i = 0; i < n; i++)
		if (ids[i] != cpu_index())
			other = ids[i];
	vmx_on();
	vl2_init(&l2, l2_read);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	try_writer("written-by-l1", by_l1);
	try_writer("written-through-l2", by_l2);
	if (n > 1) {
		check(ap_start_cpu(other), "cpu-starts", "CPU %u", other);
		ap_post(other, mailman, NULL);
		try_writer("written-by-another-cpu", by_other);
		try_writer("written-by-l1-smp", by_l1);
	}
	vmx_off();
}
