/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger steps over (lib/steps.S), in L1 and then in L2. */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/steps.h"
#include "tests/guests/lib/vmx.h"

static struct vl2 l2;

/* Of those that steps.S has: they exit without being asked to. */
static bool skipped(u32 reason)
{
	return reason == REASON_HLT || reason == REASON_CPUID ||
	       reason == REASON_RDMSR || reason == REASON_WRMSR;
}

void main(void)
{
	u32 reason;

	vmx_on();
	steps_init();
	__asm__ volatile("mov %0, %%rsi; call steps_run"
			 :
			 : "r"(1ull << 46)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory");
	steps_check("l1");
	vl2_init(&l2, steps_run_vmcall);
	l2.gprs.rsi = 1ull << 46;
	do {
		reason = vl2_run(&l2);
		if (reason == REASON_RDMSR)
			l2.gprs.rax = (u32)rdmsr(MSR_APIC_BASE);
		if (skipped(reason))
			vl2_skip();
	} while (skipped(reason));
	check_eq(reason, REASON_VMCALL, "l2-ends");
	steps_check("l2");
	vmx_off();
}
