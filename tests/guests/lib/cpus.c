/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC (xAPIC), delays, the other CPUs. */
#include "tests/guests/lib/guest.h"

#define APIC_MMIO 0xfee00000ull
#define PIT_HZ 1193182u

struct ap_slot {
	u32 started;
	void (*fn)(void *);
	void *arg;
	u32 busy;
};

static struct ap_slot slots[MAX_CPUS];
extern char ap_start[], ap_end[];
void cpu_setup(u32 index);
void ap_entry(u32 id) __noreturn;

u32 apic_read(u32 reg)
{
	return *(volatile u32 *)(APIC_MMIO + reg);
}

void apic_write(u32 reg, u32 v)
{
	*(volatile u32 *)(APIC_MMIO + reg) = v;
}

void apic_enable(void)
{
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, 0x1ff);
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void icr_send(u32 dest, u32 low)
{
	u32 n = 1000000;

	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, low);
	while ((apic_read(APIC_ICR) & BIT(12)) && --n)
		cpu_pause();
}

/* PIT channel 2, gated by port 61h, mode 0: OUT2 rises at the end. */
static void delay_ticks(u32 ticks)
{
	outb(0x61, (u8)((inb(0x61) & ~3u) | 1));
	outb(0x43, 0xb0);
	outb(0x42, (u8)ticks);
	outb(0x42, (u8)(ticks >> 8));
	while (!(inb(0x61) & 0x20))
		cpu_pause();
}

void delay_us(u32 us)
{
	u64 ticks = (u64)us * PIT_HZ / 1000000 + 1;

	while (ticks) {
		u32 n = (u32)MIN(ticks, 60000);

		delay_ticks(n);
		ticks -= n;
	}
}

/* --- ACPI: RSDP in the BIOS area, RSDT, MADT ----------------------------- */
static const u8 *find_rsdp(void)
{
	for (u64 a = 0xe0000; a < 0x100000; a += 16)
		if (!memcmp((void *)a, "RSD PTR ", 8))
			return (const u8 *)a;
	return NULL;
}

static const u8 *find_madt(void)
{
	const u8 *rsdp = find_rsdp();
	const u32 *rsdt;

	if (!rsdp)
		return NULL;
	rsdt = (const u32 *)(u64) * (const u32 *)(rsdp + 16);
	for (u32 i = 9; i < rsdt[1] / 4; i++)
		if (!memcmp((void *)(u64)rsdt[i], "APIC", 4))
			return (const u8 *)(u64)rsdt[i];
	return NULL;
}

u32 madt_cpus(u32 ids[MAX_CPUS])
{
	const u8 *madt = find_madt();
	const u8 *end;
	u32 n = 0;

	if (!madt)
		return 0;
	end = madt + *(const u32 *)(madt + 4);
	for (const u8 *e = madt + 44; e + 2 <= end && e[1]; e += e[1])
		if (e[0] == 0 && (e[4] & 1) && e[3] < MAX_CPUS && n < MAX_CPUS)
			ids[n++] = e[3];
	return n;
}

/* --- other CPUs ----------------------------------------------------------- */
void ap_entry(u32 id)
{
	struct ap_slot *s = &slots[id % MAX_CPUS];

	cpu_setup(id);
	apic_enable();
	__atomic_store_n(&s->busy, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->started, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		if (__atomic_load_n(&s->busy, __ATOMIC_ACQUIRE)) {
			s->fn(s->arg);
			__atomic_store_n(&s->busy, 0, __ATOMIC_RELEASE);
		}
		cpu_pause();
	}
}

static bool wait_for(const u32 *flag, u32 want, u32 ms)
{
	for (u32 i = 0; i < ms * 10; i++) {
		if (__atomic_load_n(flag, __ATOMIC_ACQUIRE) == want)
			return true;
		delay_us(100);
	}
	return false;
}

bool ap_running(u32 id)
{
	return __atomic_load_n(&slots[id].started, __ATOMIC_ACQUIRE);
}

static void ap_copy_code(void)
{
	memcpy((void *)AP_BASE, ap_start, (size_t)(ap_end - ap_start));
}

const volatile struct ap_reset *ap_reset_state(void)
{
	extern char ap_reset[];

	return (const void *)(AP_BASE + (ap_reset - ap_start));
}

bool ap_start_cpu(u32 id)
{
	struct ap_slot *s = &slots[id];

	ap_copy_code();
	__atomic_store_n(&s->started, 0, __ATOMIC_SEQ_CST);
	icr_send(id, ICR_INIT | ICR_ASSERT);
	delay_us(10000);
	icr_send(id, ICR_SIPI | ICR_ASSERT | AP_BASE >> 12);
	if (wait_for(&s->started, 1, 10))
		return true;
	icr_send(id, ICR_SIPI | ICR_ASSERT | AP_BASE >> 12);
	return wait_for(&s->started, 1, 1000);
}

static u32 count_started(void)
{
	u32 n = 0;

	for (u32 i = 0; i < MAX_CPUS; i++)
		n += ap_running(i);
	return n;
}

bool ap_start_all(u32 count)
{
	ap_copy_code();
	for (u32 i = 0; i < MAX_CPUS; i++)
		__atomic_store_n(&slots[i].started, 0, __ATOMIC_SEQ_CST);
	icr_send(0, ICR_INIT | ICR_ASSERT | ICR_OTHERS);
	delay_us(10000);
	icr_send(0, ICR_SIPI | ICR_ASSERT | ICR_OTHERS | AP_BASE >> 12);
	for (u32 i = 0; i < 1000 && count_started() < count; i++)
		delay_us(1000);
	return count_started() == count;
}

void ap_post(u32 id, void (*fn)(void *), void *arg)
{
	struct ap_slot *s = &slots[id];

	s->fn = fn;
	s->arg = arg;
	__atomic_store_n(&s->busy, 1, __ATOMIC_RELEASE);
}

bool ap_wait(u32 id, u32 ms)
{
	return wait_for(&slots[id].busy, 0, ms);
}

bool ap_call(u32 id, void (*fn)(void *), void *arg)
{
	ap_post(id, fn, arg);
	return ap_wait(id, 5000);
}

bool on_abyme(void)
{
	u32 r[4];

	cpuid(0x40000000, 0, r);
	return cpu_hypervisor() && !memcmp(&r[EBX], "AbymeAbymeHV", 12);
}

bool cpu_vendor_is(const char *vendor)
{
	u32 r[4];
	char v[13];

	cpuid(0, 0, r);
	memcpy(v, &r[EBX], 4);
	memcpy(v + 4, &r[EDX], 4);
	memcpy(v + 8, &r[ECX], 4);
	v[12] = 0;
	return !strcmp(v, vendor);
}
