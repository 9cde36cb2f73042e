/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger steps over (lib/steps.S, steps_modes.S), in L1 and in L2. */
/* boot: emus=qemu,bochs-svm bare */
#include "tests/guests/lib/steps.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

static struct l2 l2;

static void run(const char *name)
{
	u64 code;

	do {
		code = l2_run(&l2);
		vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
		if (code == VMEXIT_HLT)
			l2_skip(&l2, 1);
	} while (code == VMEXIT_HLT);
	check_eq(code, VMEXIT_VMMCALL, name);
}

static void modes_in_l2(u8 tlb_control)
{
	l2_init(&l2, steps_modes_vmmcall);
	vmcb_set_tlb_control(l2.vmcb, tlb_control);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)table_identity(NPT_TABLE, NPT_PAGE));
	run("l2-modes-end");
	steps_modes_compare("l2");
}

void main(void)
{
	steps_init();
	steps_modes_run();
	steps_modes_compare("l1");
	steps_here();
	steps_modes_run();
	steps_modes_compare("l1-stepped");
	svm_on();
	__asm__ volatile("mov %0, %%rsi; call steps_run"
			 :
			 : "r"(1ull << 46)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory");
	steps_check("l1");
	l2_init(&l2, steps_run_vmmcall);
	l2.gprs.rsi = 1ull << 46;
	run("l2-ends");
	steps_check("l2");
	/*
	 * emulator fault: when the delivery of an interrupt ends in #VMEXIT(NPF)
	 * Bochs' EXITINTINFO names the event before it, and the interrupt is
	 * lost. None is delivered before the pages of all modes are folded.
	 */
	steps_timer(false);
	modes_in_l2(TLB_FLUSH_ALL);
	steps_timer(true);
	steps_here();
	modes_in_l2(TLB_NOTHING);
}
