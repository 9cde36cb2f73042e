/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little L0 needs of the local APIC, in xAPIC or x2APIC mode. */
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/smp.h"
#include "core/vcpu.h"
#include "mm/l0map.h"

enum {
	APIC_ID = 0x20,
	APIC_ICR_LOW = 0x300,
	APIC_ICR_HIGH = 0x310,
};

#define ICR_NMI 0x400u
#define ICR_INIT 0x500u
#define ICR_STARTUP 0x600u
#define ICR_PENDING 0x1000u
#define ICR_ASSERT 0x4000u
#define ICR_LEVEL 0x8000u

/* An unused port whose write takes about a microsecond on a PC's bus. */
#define DELAY_PORT 0x80

/* Polls for an IPI to leave: it takes some hundred at the most. */
#define ICR_POLLS 1000000
/* xAPIC mode has eight bits for an id, and this one means all CPUs. */
#define XAPIC_BROADCAST 0xffu

static bool x2apic(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

static volatile u32 *xapic(u32 reg)
{
	hpa_t base = HPA(rdmsr(MSR_APIC_BASE) & BITS(51, 12));

	return (volatile u32 *)((u8 *)hpa_ptr(base) + reg);
}

static void icr_wait(void)
{
	for (u32 i = 0; i < ICR_POLLS; i++) {
		if (!(*xapic(APIC_ICR_LOW) & ICR_PENDING))
			return;
		cpu_pause();
	}
}

static bool icr_write(u32 dest, u32 low)
{
	u32 high;

	/* Switched off, by L1: what stands at its address is no APIC. */
	if (!(rdmsr(MSR_APIC_BASE) & APIC_BASE_ENABLE))
		return false;
	if (x2apic()) {
		wrmsr(MSR_X2APIC_ICR, (u64)dest << 32 | low);
		return true;
	}
	if (dest >= XAPIC_BROADCAST)
		return false;
	/* L1 may be between its own two writes: give its high half back. */
	icr_wait();
	high = *xapic(APIC_ICR_HIGH);
	*xapic(APIC_ICR_HIGH) = dest << 24;
	*xapic(APIC_ICR_LOW) = low;
	icr_wait();
	*xapic(APIC_ICR_HIGH) = high;
	return true;
}

u32 apic_id(void)
{
	if (x2apic())
		return (u32)rdmsr(MSR_X2APIC_FIRST + (APIC_ID >> 4));
	return *xapic(APIC_ID) >> 24;
}

u32 apic_peek(u32 reg)
{
	u64 val;

	if (!x2apic())
		return *xapic(reg);
	return rdmsr_safe(MSR_X2APIC_FIRST + (reg >> 4), &val) ? 0 : (u32)val;
}

bool apic_send_nmi(u32 id)
{
	return icr_write(id, ICR_NMI | ICR_ASSERT);
}

bool apic_send_init(u32 id)
{
	if (!icr_write(id, ICR_INIT | ICR_LEVEL | ICR_ASSERT))
		return false;
	delay_us(200);
	return icr_write(id, ICR_INIT | ICR_LEVEL);
}

bool apic_send_sipi(u32 id, u8 vector)
{
	return icr_write(id, ICR_STARTUP | ICR_ASSERT | vector);
}

/* L0 uses the APIC, too, where L1 has put it. */
bool apic_base_ok(const struct vm *vm, u64 val)
{
	hpa_t page = HPA(val & BITS(51, 12));

	if (l0_maps(page))
		return !vm_is_l0(vm, page.v);
	log_err("vm%u: the local APIC cannot be moved to %#lx: L0 does not "
		"reach that",
		vm->id, page.v);
	return false;
}

void delay_us(u32 us)
{
	while (us--)
		outb(DELAY_PORT, 0);
}
