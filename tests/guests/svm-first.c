/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First contact with SVM: an L2 that does VMMCALL, again and again. */
/* boot: emus=qemu,bochs-svm bare */
#include "tests/guests/lib/svm.h"

#define TRIPS 1000

static struct l2 l2;

PAYLOAD(l2_loop, "1: add $1, %rax; add $2, %rbx; vmmcall; jmp 1b")
PAYLOAD(l2_bare, "1: inc %rbx; vmmcall; jmp 1b")
PAYLOAD(l2_cpuid, "mov $0, %eax; cpuid; vmmcall")
PAYLOAD(l2_hlt, "hlt; vmmcall")
PAYLOAD(l2_store, "movl $0x600d, (%rdi); vmmcall")
PAYLOAD(l2_ud, "ud2; vmmcall")

static void test_loop(void)
{
	u32 bad = 0;

	l2_init(&l2, l2_loop);
	for (u32 i = 1; i <= TRIPS && !bad; i++) {
		u64 code = l2_run(&l2);

		bad += code != VMEXIT_VMMCALL || vmcb_rax(l2.vmcb) != i ||
		       l2.gprs.rbx != 2 * i;
		if (i == 1) {
			check_eq(code, VMEXIT_VMMCALL, "first-exit-code");
			check_eq(vmcb_rax(l2.vmcb), 1, "first-rax");
			check_eq(l2.gprs.rbx, 2, "first-rbx");
		}
		l2_skip(&l2, 3);
	}
	check(!bad, "vmmcall-loop", "code %lx rip %lx rax %lx rbx %lx",
	      vmcb_exitcode(l2.vmcb), vmcb_rip(l2.vmcb), vmcb_rax(l2.vmcb),
	      l2.gprs.rbx);
}

static void test_bare_loop(void)
{
	u32 bad = 0;

	l2_init(&l2, l2_bare);
	for (u32 i = 1; i <= TRIPS && !bad; i++) {
		svm_enter_bare(l2.vmcb, &l2.gprs);
		bad += vmcb_exitcode(l2.vmcb) != VMEXIT_VMMCALL ||
		       l2.gprs.rbx != i;
		l2_skip(&l2, 3);
	}
	stgi();
	check(!bad, "vmrun-alone-loop", "code %lx rip %lx rbx %lx",
	      vmcb_exitcode(l2.vmcb), vmcb_rip(l2.vmcb), l2.gprs.rbx);
}

static void test_others(void)
{
	u32 r[4], word = 0;

	l2_init(&l2, l2_cpuid);
	l2_intercept(&l2, ICPT_CPUID, true);
	check_eq(l2_run(&l2), VMEXIT_CPUID, "cpuid-intercepted");
	l2_intercept(&l2, ICPT_CPUID, false);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "cpuid-not-intercepted");
	cpuid(0, 0, r);
	check(vmcb_rax(l2.vmcb) == r[EAX] && l2.gprs.rbx == r[EBX] &&
		      l2.gprs.rcx == r[ECX] && l2.gprs.rdx == r[EDX],
	      "cpuid-same-as-l1", "rax %lx rbx %lx", vmcb_rax(l2.vmcb),
	      l2.gprs.rbx);

	l2_init(&l2, l2_hlt);
	check_eq(l2_run(&l2), VMEXIT_HLT, "hlt");
	check_eq(vmcb_rip(l2.vmcb), (u64)l2_hlt, "hlt-rip");

	l2_init(&l2, l2_store);
	l2.gprs.rdi = (u64)&word;
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "store");
	check_eq(*(volatile u32 *)&word, 0x600d, "store-seen-by-l1");

	l2_init(&l2, l2_ud);
	l2_intercept(&l2, ICPT_EXC0 + VEC_UD, true);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_UD, "ud-intercepted");
}

void main(void)
{
	svm_on();
	print("info: CPUID 8000000A EAX %x EBX %x EDX %x\n",
	      cpuid_reg(SVM_FEATURES_LEAF, 0, EAX),
	      cpuid_reg(SVM_FEATURES_LEAF, 0, EBX),
	      cpuid_reg(SVM_FEATURES_LEAF, 0, EDX));
	check(rdmsr(MSR_EFER) & EFER_SVME, "efer-svme", "%lx", rdmsr(MSR_EFER));
	check_eq(rdmsr(MSR_VM_HSAVE_PA), (u64)svm_hsave, "vm-hsave-pa");
	test_loop();
	test_bare_loop();
	test_others();
}
