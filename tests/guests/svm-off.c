/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nested=off: there is no SVM, as on a processor whose firmware locked it. */
/* boot: emus=qemu,bochs-svm hv=nested=off timeout=30 */
#include "tests/guests/lib/guest.h"

#define PAYLOAD(name, code)                                    \
	static __unused void __attribute__((naked)) name(void) \
	{                                                      \
		__asm__ volatile(code);                        \
	}

PAYLOAD(do_vmrun, "xor %eax, %eax; vmrun %rax; ret")
PAYLOAD(do_stgi, "stgi; ret")
PAYLOAD(do_vmmcall, "vmmcall; ret")
PAYLOAD(do_invlpga, "xor %eax, %eax; xor %ecx, %ecx; invlpga %rax, %ecx; ret")

static void call(void *fn)
{
	((void (*)(void))(u64)fn)();
}

static void svme_on(void *unused)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
}

static void hsave(void *unused)
{
	wrmsr(MSR_VM_HSAVE_PA, 0x100000);
}

void main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} insns[] = { { "vmrun", do_vmrun },
		      { "stgi", do_stgi },
		      { "invlpga", do_invlpga },
		      { "vmmcall", do_vmmcall } };
	u32 r[4], sum;
	char name[32];

	check_eq(cpuid_reg(0x80000001, 0, ECX) & (BIT(2) | BIT(12)), 0,
		 "no-svm");
	cpuid(0x8000000a, 0, r);
	sum = r[EAX] | r[EBX] | r[ECX] | r[EDX];
	check_eq(sum, 0, "no-features");
	check_eq((u64)try(svme_on, NULL), VEC_GP, "efer-svme");
	check_eq((u64)try(hsave, NULL), VEC_GP, "hsave");
	check_eq(rdmsr(MSR_VM_CR), VM_CR_LOCK | VM_CR_SVMDIS, "vm-cr");
	for (u32 i = 0; i < ARRAY_SIZE(insns); i++) {
		check_eq((u64)try(call, (void *)(u64)insns[i].fn), VEC_UD,
			 insns[i].name);
		snprintf(name, sizeof(name), "user-%s", insns[i].name);
		check_known(try_user(insns[i].fn) == VEC_UD, name, EMU_BOCHS,
			    "#GP must not exit, see svm/exc.c", "no #UD");
	}
}
