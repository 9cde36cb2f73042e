/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NMIs around the VM entry of an L2 that blocks them, without NMI exiting: one
 * that came before the entry is L1's, one that came later is L2's, right after
 * the IRET that ends the blocking. None waits for L2's exit. They are the
 * PIT's single shots, sent as NMIs by the I/O APIC.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/vmx.h"

#define IOAPIC 0xfec00000ull
#define PIT_PIN 2 /* where the PIT's IRQ 0 arrives */
#define IOAPIC_NMI (4u << 8)
#define IOAPIC_MASKED (1u << 16)
#define ROUNDS 300

/* Long enough for the shot; an IRET; long enough for its NMI; out. */
PAYLOAD(l2_code, "mov $20000, %ecx; 1: dec %ecx; jnz 1b;"
		 "mov %rsp, %rax; mov %ss, %ecx; push %rcx; push %rax; pushfq;"
		 "mov %cs, %ecx; push %rcx; lea 2f(%rip), %rax; push %rax;"
		 "iretq; 2: mov $100, %ecx; 3: dec %ecx; jnz 3b; vmcall")
#define L2_BYTES 80

extern const char vmx_exit[];
static struct vl2 l2;
static u32 nmis, of_l2, late;

static bool on_nmi(struct regs *r)
{
	nmis++;
	of_l2 += r->rip - (u64)l2_code < L2_BYTES;
	late += r->rip == (u64)vmx_exit;
	return true;
}

static void ioapic_write(u32 reg, u32 val)
{
	*(volatile u32 *)IOAPIC = reg;
	*(volatile u32 *)(IOAPIC + 0x10) = val;
}

static void pit_shot(u32 count)
{
	outb(0x43, 0x30); /* channel 0, both bytes, mode 0 */
	outb(0x40, (u8)count);
	outb(0x40, (u8)(count >> 8));
}

static void one(u32 count)
{
	u32 reason;

	vmw(VMCS_GUEST_RIP, (u64)l2_code);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_NMI);
	pit_shot(count);
	reason = vl2_run(&l2);
	if (reason != REASON_VMCALL)
		die("exit", "%x, error %lx", reason, vmr(VMCS_INSTR_ERROR));
}

void main(void)
{
	u32 wrong = 0, before;

	vmx_on();
	vl2_init(&l2, l2_code);
	set_hook(VEC_NMI, on_nmi);
	ioapic_write(0x11 + 2 * PIT_PIN, cpu_index() << 24);
	ioapic_write(0x10 + 2 * PIT_PIN, IOAPIC_NMI);
	for (u32 i = 0; i < ROUNDS; i++) {
		before = nmis;
		one(2 + i % 40);
		wrong += nmis - before != 1;
	}
	ioapic_write(0x10 + 2 * PIT_PIN, IOAPIC_NMI | IOAPIC_MASKED);
	check_eq(wrong, 0, "each-nmi-once");
	check_eq(late, 0, "none-after-the-exit");
	check(of_l2, "some-in-l2", "%u of %u", of_l2, nmis);
	vmx_off();
}
