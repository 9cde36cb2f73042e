/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Triple-faults on purpose: `triple` from long mode, `triple kind=1` from real
 * mode, `triple kind=2` on another CPU; with kind=3 another CPU sends this one,
 * the boot processor, an INIT, with kind=4 and 5 the chipset. What follows is judged from outside.
 */
#include "tests/guests/lib/modes.h"

extern const char mode_triple[];

static void triple(void *unused)
{
	struct desc_ptr none = { 0, 0 };

	lidt(&none);
	__asm__ volatile("mov $0xabe11e, %eax; int3");
}

static void init_boot_cpu(void *id)
{
	icr_send(*(u32 *)id, ICR_INIT | ICR_ASSERT);
}

#define PORT_92 0x92
#define PORT_KBC 0x64

void main(void)
{
	u32 ids[MAX_CPUS], n = madt_cpus(ids), self = cpu_index();
	u64 kind = boot_option("kind", 0);

	print("guest triple: kind %lu, now\n", kind);
	if (kind == 1) {
		modes_init();
		mode_run(mode_triple);
	}
	if (kind == 4)
		outb(PORT_92, inb(PORT_92) | 1);
	if (kind == 5)
		outb(PORT_KBC, 0xfe);
	for (u32 i = 0; (kind == 2 || kind == 3) && i < n; i++)
		if (ids[i] != self && ap_start_cpu(ids[i]))
			ap_call(ids[i], kind == 2 ? triple : init_boot_cpu,
				&self);
	if (kind == 0)
		triple(NULL);
	delay_us(100000);
	die("triple-fault", "the machine went on");
}
