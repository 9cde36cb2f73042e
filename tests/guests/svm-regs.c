/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers that a debugger has written, as L1 and L2 use them: lib/regs.h. */
#include "tests/guests/lib/regs.h"
#include "tests/guests/lib/svm.h"

static struct l2 l2;

PAYLOAD(l2_regs, "call regs_code; call regs_code; vmmcall")

void main(void)
{
	regs_init();
	regs_of_l1();
	regs_of_l1();
	svm_on();
	l2_init(&l2, l2_regs);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "l2-exit");
	regs_end();
}
