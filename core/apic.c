/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little L0 needs of the local APIC, in xAPIC or x2APIC mode. */
#include "core/insns.h"
#include "core/msr.h"
#include "core/smp.h"

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
	while (*xapic(APIC_ICR_LOW) & ICR_PENDING)
		cpu_pause();
}

static void icr_write(u32 dest, u32 low)
{
	u32 high;

	if (x2apic()) {
		wrmsr(MSR_X2APIC_ICR, (u64)dest << 32 | low);
		return;
	}
	/* L1 may be between its own two writes: give its high half back. */
	icr_wait();
	high = *xapic(APIC_ICR_HIGH);
	*xapic(APIC_ICR_HIGH) = dest << 24;
	*xapic(APIC_ICR_LOW) = low;
	icr_wait();
	*xapic(APIC_ICR_HIGH) = high;
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

void apic_send_nmi(u32 id)
{
	icr_write(id, ICR_NMI | ICR_ASSERT);
}

void apic_send_init(u32 id)
{
	icr_write(id, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
	delay_us(200);
	icr_write(id, ICR_INIT | ICR_LEVEL);
}

void apic_send_sipi(u32 id, u8 vector)
{
	icr_write(id, ICR_STARTUP | ICR_ASSERT | vector);
}

void delay_us(u32 us)
{
	while (us--)
		outb(DELAY_PORT, 0);
}
