/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/regs.h"

void regs_init(void)
{
	cli();
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	if (!cpu_xsave())
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	__asm__ volatile("xsetbv"
			 :
			 : "c"(0), "d"(0), "a"(cpuid_reg(0xd, 0, EAX) & 7));
}

void regs_of_l1(void)
{
	((void (*)(void))(u64)regs_code)();
}

void regs_end(void)
{
	(void)cpuid_reg(REGS_END, 0, EAX);
}
