/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/stops.h"

#include "tests/guests/lib/guest.h"

volatile u32 stage, go;
static bool waits;

static void other_cpu(void *unused)
{
	cli();
	while (stage < 100)
		cpu_pause();
}

void stops_init(void)
{
	u32 ids[MAX_CPUS], n = madt_cpus(ids);

	waits = contains(boot.cmdline, "gdb");
	for (u32 i = 0; waits && i < n; i++)
		if (ids[i] != cpu_index() && ap_start_cpu(ids[i]))
			ap_post(ids[i], other_cpu, NULL);
}

void stops_stage(void)
{
	go = !waits;
	stage++;
}

void stops_loop(void)
{
	while (!go)
		cpu_pause();
}

static u32 nmis;

static bool on_nmi(struct regs *r)
{
	nmis++;
	stops_loop();
	return true;
}

/* What wakes it is the debugger. */
void stops_halt(void)
{
	while (!go)
		hlt();
}

void stops_common(void)
{
	cli();
	stops_stage();
	stops_loop();
	check(stage == 1, "looped", "-");
	stops_stage();
	stops_halt();
	check(stage == 2, "halted", "-");
	/* NMIs are blocked in there, and a stop comes by one */
	apic_enable();
	set_hook(VEC_NMI, on_nmi);
	stops_stage();
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	check(stage == 3 && nmis == 1, "in-nmi", "%u NMIs", nmis);
	set_hook(VEC_NMI, NULL);
}
