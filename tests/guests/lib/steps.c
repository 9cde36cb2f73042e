/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/steps.h"

#include "tests/guests/lib/guest.h"

#define GATE_INT 0x8eull
#define GATE_TRAP_USER 0xefull
#define TIMER_MASKED BIT(16)
#define TIMER_PERIODIC BIT(17)
#define TIMER_DIV1 0xbu
#define TIMER_COUNT 100000u

extern const char h_int[], h_skip2[], h_gp[], h_pf[], h_timer[],
	steps_syscall[];
extern u64 steps_flags;
extern u32 steps_ticks;

static void gate(u32 n, const char *handler, u64 type)
{
	u64 at = (u64)handler;

	idt[2 * n] = (at & 0xffff) | (u64)SEL_CODE64 << 16 | type << 40 |
		     (at >> 16 & 0xffff) << 48;
	idt[2 * n + 1] = at >> 32;
}

static void user_once(void)
{
	__asm__ volatile("ud2");
}

void steps_init(void)
{
	try_user(user_once); /* gives CPL 0 a stack */
	gate(VEC_BP, h_int, GATE_INT);
	gate(VEC_UD, h_skip2, GATE_INT);
	gate(VEC_GP, h_gp, GATE_INT);
	gate(VEC_PF, h_pf, GATE_INT);
	gate(STEPS_INT, h_int, GATE_INT);
	gate(STEPS_INT_USER, h_int, GATE_TRAP_USER);
	gate(STEPS_TIMER, h_timer, GATE_INT);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, (u64)SEL_USER32 << 48 | (u64)SEL_CODE64 << 32);
	wrmsr(MSR_LSTAR, (u64)steps_syscall);
	wrmsr(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF);
	apic_enable();
	apic_write(APIC_TIMER_DIV, TIMER_DIV1);
	steps_timer(true);
	apic_write(APIC_TIMER_INIT, TIMER_COUNT);
}

void steps_timer(bool on)
{
	apic_write(APIC_LVT_TIMER, (u32)TIMER_PERIODIC |
					   (on ? 0 : (u32)TIMER_MASKED) |
					   STEPS_TIMER);
	if (!on) { /* what has come already is taken */
		sti();
		delay_us(10);
		cli();
	}
}

void steps_check(const char *level)
{
	char name[32];

	sti();
	for (u32 i = 0; i < 100 && !*(volatile u32 *)&steps_ticks; i++)
		delay_us(1000);
	cli();
	snprintf(name, sizeof(name), "%s-interrupted", level);
	check(steps_ticks, name, "never");
	snprintf(name, sizeof(name), "%s-saved-flags", level);
	check(steps_flags && !(steps_flags & RFLAGS_TF), name, "%lx",
	      steps_flags);
	steps_flags = steps_ticks = 0;
}
