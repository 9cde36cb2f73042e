/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger steps over (lib/steps.S), in L1 and then in L2. */
/* boot: emus=qemu,bochs-svm bare */
#include "tests/guests/lib/steps.h"
#include "tests/guests/lib/svm.h"

static struct l2 l2;

void main(void)
{
	u64 code;

	svm_on();
	steps_init();
	__asm__ volatile("mov %0, %%rsi; call steps_run"
			 :
			 : "r"(1ull << 46)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory");
	steps_check("l1");
	l2_init(&l2, steps_run_vmmcall);
	l2.gprs.rsi = 1ull << 46;
	do {
		code = l2_run(&l2);
		if (code == VMEXIT_HLT)
			l2_skip(&l2, 1);
	} while (code == VMEXIT_HLT);
	check_eq(code, VMEXIT_VMMCALL, "l2-ends");
	steps_check("l2");
}
