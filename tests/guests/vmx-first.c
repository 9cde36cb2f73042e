/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First contact with VMX: an L2 that does VMCALL, again and again. */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/vmx.h"

#define TRIPS 1000

static struct vl2 l2;

PAYLOAD(l2_loop, "1: add $1, %rax; add $2, %rbx; vmcall; jmp 1b")
PAYLOAD(l2_cpuid, "mov $0, %eax; cpuid; vmcall")
PAYLOAD(l2_hlt, "hlt; vmcall")
PAYLOAD(l2_store, "movl $0x600d, (%rdi); vmcall")
PAYLOAD(l2_ud, "ud2; vmcall")

static void test_loop(void)
{
	u32 bad = 0, reason = 0;

	vl2_init(&l2, l2_loop);
	for (u32 i = 1; i <= TRIPS && !bad; i++) {
		reason = vl2_run(&l2);
		bad += reason != REASON_VMCALL || l2.gprs.rax != i ||
		       l2.gprs.rbx != 2 * i;
		if (i == 1) {
			check(reason == REASON_VMCALL, "first-exit",
			      "%x error %lx", reason, vmr(VMCS_INSTR_ERROR));
			check_eq(l2.gprs.rax, 1, "first-rax");
			check_eq(l2.gprs.rbx, 2, "first-rbx");
			check_eq(vmr(VMCS_EXIT_INSTR_LEN), 3, "first-length");
		}
		if (reason < NR_VMX_REASONS)
			vl2_skip();
	}
	check(!bad, "vmcall-loop", "reason %x rip %lx rax %lx rbx %lx", reason,
	      vmr(VMCS_GUEST_RIP), l2.gprs.rax, l2.gprs.rbx);
}

static void test_others(void)
{
	u32 word = 0;

	vl2_init(&l2, l2_cpuid);
	check_eq(vl2_run(&l2), REASON_CPUID, "cpuid");
	check_eq(vmr(VMCS_EXIT_INSTR_LEN), 2, "cpuid-length");
	vl2_skip();
	check_eq(vl2_run(&l2), REASON_VMCALL, "cpuid-skipped");

	vl2_init(&l2, l2_hlt);
	check_eq(vl2_run(&l2), REASON_HLT, "hlt");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)l2_hlt, "hlt-rip");

	vl2_init(&l2, l2_store);
	l2.gprs.rdi = (u64)&word;
	check_eq(vl2_run(&l2), REASON_VMCALL, "store");
	check_eq(*(volatile u32 *)&word, 0x600d, "store-seen-by-l1");

	vl2_init(&l2, l2_ud);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_UD));
	check_eq(vl2_run(&l2), REASON_EXCEPTION_NMI, "ud-intercepted");
	check_eq(vmr(VMCS_EXIT_INTR_INFO),
		 INTR_INFO(INTR_TYPE_HARD_EXC, VEC_UD), "ud-information");
}

void main(void)
{
	vmx_on();
	print("info: VMX_BASIC %lx MISC %lx EPT_VPID %lx\n",
	      rdmsr(MSR_VMX_BASIC), rdmsr(MSR_VMX_MISC),
	      rdmsr(MSR_VMX_EPT_VPID_CAP));
	test_loop();
	test_others();
	vmx_off();
	check(true, "vmxoff", "-");
}
