/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Triple-faults on purpose: `triple` from long mode, `triple kind=1` from real
 * mode, `triple kind=2` on another CPU. What follows is judged from outside.
 */
#include "tests/guests/lib/modes.h"

extern const char mode_triple[];

static void triple(void *unused)
{
	struct desc_ptr none = { 0, 0 };

	lidt(&none);
	__asm__ volatile("mov $0xabe11e, %eax; int3");
}

void main(void)
{
	u32 ids[MAX_CPUS], n = madt_cpus(ids);
	u64 kind = boot_option("kind", 0);

	print("guest triple: kind %lu, now\n", kind);
	if (kind == 1) {
		modes_init();
		mode_run(mode_triple);
	}
	for (u32 i = 0; kind == 2 && i < n; i++)
		if (ids[i] != cpu_index() && ap_start_cpu(ids[i]))
			ap_call(ids[i], triple, NULL);
	if (kind == 0)
		triple(NULL);
	delay_us(100000);
	die("triple-fault", "the machine went on");
}
