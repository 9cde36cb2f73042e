/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a debugger breaks in: see lib/stops.h. */
/* boot: emus=qemu,bochs-svm bare */
#include "tests/guests/lib/stops.h"
#include "tests/guests/lib/svm.h"

static struct l2 l2;

PAYLOAD(l2_loop, "call stops_loop; vmmcall")
PAYLOAD(l2_halt, "call stops_halt; vmmcall")

static void run(void (*code)(void), const char *name)
{
	l2_init(&l2, code);
	l2_intercept(&l2, ICPT_HLT, false);
	stops_stage();
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, name);
}

void main(void)
{
	svm_on();
	stops_init();
	stops_common();
	clgi();
	stops_stage();
	stops_loop();
	stgi();
	check(stage == 3, "gif-0", "-");
	run(l2_loop, "l2-looped");
	run(l2_halt, "l2-halted");
	stage = 100;
}
