/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two CPUs that write in one page, for a debugger that watches a cell of each
 * (tests/boot/cases/points.py): no write may be lost. Then they go on so until
 * it ends that.
 */
#include "tests/guests/lib/guest.h"

#define ROUNDS 4
#define OTHERS 8 /* writes beside the cells, a round */
#define PATIENCE_MS 600000

/* A cell is more than a debug register can watch. */
static volatile struct {
	u32 cell[2][3];
	u32 others[2];
	u32 both;
	u32 go; /* by the debugger: the end */
} watched_page __aligned(4096);

static u32 arrived, written[2];

static void write_others(u32 n)
{
	watched_page.others[n]++;
	__asm__ volatile("lock incl %0" : "+m"(watched_page.both));
	written[n]++;
}

static void work(void *arg)
{
	u32 n = (u32)(u64)arg;

	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 2)
		cpu_pause();
	for (u32 r = 1; r <= ROUNDS; r++) {
		watched_page.cell[n][0] = r;
		for (u32 i = 0; i < OTHERS; i++)
			write_others(n);
	}
	while (!watched_page.go)
		write_others(n);
}

void main(void)
{
	u32 ids[MAX_CPUS], n = madt_cpus(ids), other = ids[0];

	if (n != 2)
		die("cpus", "%u", n);
	if (other == cpu_index())
		other = ids[1];
	check(ap_start_cpu(other), "cpu-started", "-");
	ap_post(other, work, (void *)1);
	work((void *)0);
	check(ap_wait(other, PATIENCE_MS), "cpu-ends", "-");
	for (u32 i = 0; i < 2; i++) {
		check_eq(watched_page.cell[i][0], ROUNDS, "cell");
		check_eq(watched_page.others[i], written[i], "others");
	}
	check_eq(watched_page.both, written[0] + written[1], "both");
}
