/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/smp.h"

#include "core/cpu.h"
#include "core/err.h"
#include "core/idt.h"
#include "core/insns.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/page.h"

struct cpu *cpus[CPUS_MAX];
u32 nr_cpus, nr_cpus_present;

extern u8 boot_stack[];
extern const u8 trampoline_start[], trampoline_end[];
extern const u8 trampoline_cr3[], trampoline_cr4[], trampoline_stack[];
extern const u8 trampoline_entry[], trampoline_nx[];

#define SIPI_TRIES 250

static void (*ap_entry)(struct cpu *cpu);
static u64 ap_cr0, ap_cr4, ap_cr3;
static volatile u32 ap_started;

static int cpu_setup(struct cpu *cpu, u32 index, u32 id)
{
	cpu->self = cpu;
	cpu->index = index;
	cpu->apic_id = id;
	cpu->ist_stack = page_alloc(3 * IST_SIZE / PAGE_SIZE);
	if (!cpu->ist_stack)
		return -ENOMEM;
	cpus[index] = cpu;
	return 0;
}

struct cpu *cpu_new(u32 index, u32 id)
{
	struct cpu *cpu =
		page_alloc_aligned(STACK_SIZE / PAGE_SIZE, STACK_SIZE);

	if (!cpu || cpu_setup(cpu, index, id))
		return NULL;
	return cpu;
}

int cpu_init_boot(void)
{
	return cpu_setup((struct cpu *)boot_stack, 0, apic_id());
}

/* First C code of an AP, on its own stack, with the trampoline's tables. */
static void __noreturn ap_main(void)
{
	struct cpu *cpu = this_cpu();

	write_cr3(ap_cr3);
	write_cr0(ap_cr0);
	write_cr4(ap_cr4);
	cpu_tables_load(cpu);
	__atomic_store_n(&ap_started, 1, __ATOMIC_RELEASE);
	ap_entry(cpu);
	for (;;)
		hlt();
}

/*
 * Tables for the moment in which the AP turns paging on: the low 2 MiB as
 * they are and L0's own view; @n tables, one for each level down to the page
 * directory. 32-bit code loads them, so below 4 GiB.
 */
static u64 *trampoline_tables(u32 n)
{
	u64 *t = page_alloc(n);
	const u64 *mine = hpa_ptr(HPA(ap_cr3 & BITS(51, 12)));

	if (!t)
		return NULL;
	memcpy(t + 256, mine + 256, 256 * 8);
	for (u32 i = 1; i < n; i++)
		t[(i - 1) * 512] = (ptr_hpa(t).v + i * PAGE_SIZE) | 3;
	t[(n - 1) * 512] = 0x83;
	return t;
}

static void patch(u8 *page, const u8 *where, u64 val)
{
	memcpy(page + (where - trampoline_start), &val, sizeof(val));
}

static int wait_started(u32 ms)
{
	for (u32 i = 0; i < ms * 10; i++) {
		if (__atomic_load_n(&ap_started, __ATOMIC_ACQUIRE))
			return 0;
		delay_us(100);
	}
	return -EIO;
}

int smp_start(struct cpu *cpu, hpa_t trampoline, void (*entry)(struct cpu *cpu))
{
	u8 *page = hpa_ptr(trampoline);
	u8 saved[512];
	size_t len = (size_t)(trampoline_end - trampoline_start);
	u64 *tables;
	u32 ntables;
	int err = -EIO;

	if (len > sizeof(saved))
		return -E2BIG;
	ap_entry = entry;
	ap_cr0 = read_cr0();
	ap_cr3 = read_cr3();
	ap_cr4 = read_cr4();
	ntables = ap_cr4 & CR4_LA57 ? 4 : 3;
	tables = trampoline_tables(ntables);
	if (!tables)
		return -ENOMEM;
	memcpy(saved, page, len);
	memcpy(page, trampoline_start, len);
	patch(page, trampoline_cr3, ptr_hpa(tables).v);
	patch(page, trampoline_cr4, ap_cr4 & (CR4_PAE | CR4_LA57));
	patch(page, trampoline_stack, (u64)(uintptr_t)cpu + STACK_SIZE);
	patch(page, trampoline_entry, (u64)(uintptr_t)ap_main);
	patch(page, trampoline_nx, 1);
	__atomic_store_n(&ap_started, 0, __ATOMIC_RELEASE);

	if (!apic_send_init(cpu->apic_id))
		goto out;
	delay_us(10000);
	/*
	 * A SIPI that comes before the INIT was taken is lost, and the delay
	 * is short where the port answers faster than a bus (an emulator):
	 * repeat it. A processor that runs ignores it.
	 */
	for (u32 i = 0; i < SIPI_TRIES; i++) {
		if (!apic_send_sipi(cpu->apic_id, (u8)(trampoline.v >> 12)))
			break;
		err = wait_started(20);
		if (!err)
			break;
	}
out:
	memcpy(page, saved, len);
	page_free(tables, ntables);
	return err;
}
