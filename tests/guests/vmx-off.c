/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nested=off: there is no VMX, as on a processor whose firmware locked it. */
/* boot: emus=bochs hv=nested=off timeout=30 */
#include "tests/guests/lib/guest.h"

#define INSN(name, code)                                       \
	static __unused void __attribute__((naked)) name(void) \
	{                                                      \
		__asm__ volatile(code "; ret");                \
	}

INSN(do_vmxon, "vmxon (%rsp)")
INSN(do_vmxoff, "vmxoff")
INSN(do_vmclear, "vmclear (%rsp)")
INSN(do_vmptrld, "vmptrld (%rsp)")
INSN(do_vmptrst, "vmptrst (%rsp)")
INSN(do_vmread, "vmread %rax, %rax")
INSN(do_vmwrite, "vmwrite %rax, %rax")
INSN(do_vmlaunch, "vmlaunch")
INSN(do_vmresume, "vmresume")
INSN(do_invept, "xor %ecx, %ecx; invept (%rsp), %rcx")
INSN(do_invvpid, "xor %ecx, %ecx; invvpid (%rsp), %rcx")
INSN(do_vmcall, "vmcall")
INSN(do_vmfunc, "xor %eax, %eax; xor %ecx, %ecx; vmfunc")

static void call(void *fn)
{
	((void (*)(void))(u64)fn)();
}

static void vmxe_on(void *unused)
{
	write_cr4(read_cr4() | CR4_VMXE);
}

static void unlock(void *unused)
{
	wrmsr(MSR_FEATURE_CONTROL, FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
}

static void test_msrs(void)
{
	u32 there = 0;
	u64 val;

	check_eq(rdmsr(MSR_FEATURE_CONTROL), FEATURE_CONTROL_LOCK,
		 "feature-control");
	check_eq((u64)try(unlock, NULL), VEC_GP, "feature-control-locked");
	for (u32 msr = MSR_VMX_BASIC; msr <= MSR_VMX_EXIT_CTLS2; msr++)
		there += !rdmsr_safe(msr, &val);
	check_eq(there, 0, "no-capability-msrs");
}

void main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} insns[] = {
		{ "vmxon", do_vmxon },	     { "vmxoff", do_vmxoff },
		{ "vmclear", do_vmclear },   { "vmptrld", do_vmptrld },
		{ "vmptrst", do_vmptrst },   { "vmread", do_vmread },
		{ "vmwrite", do_vmwrite },   { "vmlaunch", do_vmlaunch },
		{ "vmresume", do_vmresume }, { "invept", do_invept },
		{ "invvpid", do_invvpid },   { "vmcall", do_vmcall },
		{ "vmfunc", do_vmfunc },
	};
	char name[32];

	check_eq(cpuid_reg(1, 0, ECX) & BIT(5), 0, "no-vmx");
	check_eq((u64)try(vmxe_on, NULL), VEC_GP, "cr4-vmxe");
	check_eq(read_cr4() & CR4_VMXE, 0, "cr4-vmxe-reads-0");
	test_msrs();
	for (u32 i = 0; i < ARRAY_SIZE(insns); i++) {
		check_eq((u64)try(call, (void *)(u64)insns[i].fn), VEC_UD,
			 insns[i].name);
		snprintf(name, sizeof(name), "user-%s", insns[i].name);
		check_eq((u64)try_user(insns[i].fn), VEC_UD, name);
	}
}
