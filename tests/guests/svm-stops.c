/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a debugger breaks in: see lib/stops.h. */
/* boot: emus=qemu,bochs-svm bare */
#include "tests/guests/lib/stops.h"
#include "tests/guests/lib/svm.h"

static struct l2 l2;

PAYLOAD(l2_loop, "call stops_loop; vmmcall")
PAYLOAD(l2_halt, "call stops_halt; vmmcall")

/* @vintr: V_INTR_MASKING, a GIF of its own, which is 0. */
static void run(void (*code)(void), u64 vintr, const char *name)
{
	l2_init(&l2, code);
	l2_intercept(&l2, ICPT_HLT, false);
	l2_intercept(&l2, ICPT_NMI, vintr);
	l2_intercept(&l2, ICPT_INTR, vintr);
	vmcb_set_vintr(l2.vmcb, vintr);
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
	stops_stage();
	stops_halt();
	stgi();
	check(stage == 5, "gif-0", "-");
	run(l2_loop, 0, "l2-looped");
	run(l2_halt, 0, "l2-halted");
	/* the NMI that stops it is none of L1's */
	run(l2_loop, VINTR_MASKING, "l2-masked");
	run(l2_halt, VINTR_MASKING, "l2-masked-halted");
	if (svm_has(SVM_VGIF))
		run(l2_loop, VINTR_MASKING | VINTR_GIF_ENABLE, "l2-gif-0");
	else
		skip("l2-gif-0", "no vGIF");
	stage = 100;
}
