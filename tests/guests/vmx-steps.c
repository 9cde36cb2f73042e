/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger steps over (lib/steps.S, steps_modes.S), in L1 and in L2. */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/steps.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

static struct vl2 l2;
static u8 msr_bitmap[PAGE_SIZE] __aligned(4096);

/* Of those that steps.S has: they exit without being asked to. */
static bool skipped(u32 reason)
{
	return reason == REASON_HLT || reason == REASON_CPUID ||
	       reason == REASON_RDMSR || reason == REASON_WRMSR;
}

static void run(const char *name)
{
	u32 reason;

	do {
		reason = vl2_run(&l2);
		if (reason == REASON_RDMSR)
			l2.gprs.rax = (u32)rdmsr(MSR_APIC_BASE);
		if (skipped(reason))
			vl2_skip();
	} while (skipped(reason));
	check_eq(reason, REASON_VMCALL, name);
}

static void modes_in_l2(void)
{
	u64 root = (u64)table_identity(EPT_TABLE, EPT_PAGE);

	vl2_init(&l2, steps_modes_vmcall);
	vmw(VMCS_PROC_CTLS,
	    vmx_proc((u32)(PROC_PROC2 | PROC_HLT | PROC_MSR_BITMAP)) &
		    ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE));
	vmw(VMCS_MSR_BITMAP, (u64)msr_bitmap);
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | PROC2_UNRESTRICTED)));
	vmw(VMCS_EPTP, root | EPTP_WB | EPTP_WALK4);
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
	vmx_on();
	__asm__ volatile("mov %0, %%rsi; call steps_run"
			 :
			 : "r"(1ull << 46)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory");
	steps_check("l1");
	vl2_init(&l2, steps_run_vmcall);
	l2.gprs.rsi = 1ull << 46;
	run("l2-ends");
	steps_check("l2");
	modes_in_l2();
	steps_here();
	modes_in_l2();
	vmx_off();
}
