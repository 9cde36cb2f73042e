/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/panic.h"

#include "core/cpu.h"
#include "core/insns.h"
#include "core/printk.h"
#include "core/spinlock.h"
#include "core/vcpu.h"
#include "core/virt.h"

void (*panic_freeze)(void);

extern const char image_start[], text_end[];

static void say(const char *fmt, ...) __printf(1, 2);
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	panic_line(fmt, ap);
	va_end(ap);
}

/*
 * One CPU speaks at a time, to its end. Not for ever: the one whose turn it is
 * may fail on the way, and it may be this one.
 */
static struct spinlock turn;
#define TURN_POLLS 100000000

static void begin(void)
{
	for (u32 i = 0; i < TURN_POLLS && !spin_trylock(&turn); i++)
		cpu_pause();
}

/* The number of this CPU; ~0 on a stack that is not its normal one. */
static u32 cpu_number(void)
{
	const struct cpu *cpu = this_cpu();

	return cpu->self == cpu ? cpu->index : ~0u;
}

static bool in_stack(u64 a)
{
	u64 base = (u64)(uintptr_t)this_cpu();

	return a > base && a < base + STACK_SIZE - 16 && IS_ALIGNED(a, 8);
}

static void backtrace(u64 rbp)
{
	for (int i = 0; i < 16 && in_stack(rbp); i++) {
		const u64 *f = (const u64 *)(uintptr_t)rbp;

		if (f[1] < (u64)(uintptr_t)image_start ||
		    f[1] >= (u64)(uintptr_t)text_end)
			break;
		say("  called from %#lx", f[1]);
		rbp = f[0];
	}
}

static void __noreturn freeze(void)
{
	struct cpu *cpu = this_cpu();

	if (cpu->self == cpu && cpu->vcpu && virt)
		virt->dump(cpu->vcpu);
	spin_unlock(&turn);
	if (panic_freeze)
		panic_freeze();
	for (;;) {
		cli();
		hlt();
	}
}

void panic(const char *fmt, ...)
{
	va_list ap;

	cli();
	begin();
	va_start(ap, fmt);
	panic_line(fmt, ap);
	va_end(ap);
	say("on CPU %u, cr2 %#lx cr3 %#lx cr4 %#lx", cpu_number(), read_cr2(),
	    read_cr3(), read_cr4());
	backtrace((u64)(uintptr_t)__builtin_frame_address(0));
	freeze();
}

void panic_trap(const struct trap_frame *f)
{
	begin();
	say("exception %lu (error %#lx) in L0 on CPU %u at %#lx", f->vector,
	    f->error, cpu_number(), f->rip);
	say("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx,
	    f->rcx, f->rdx);
	say("rsi %016lx rdi %016lx rbp %016lx rsp %016lx", f->rsi, f->rdi,
	    f->rbp, f->rsp);
	say("r8  %016lx r9  %016lx r10 %016lx r11 %016lx", f->r8, f->r9, f->r10,
	    f->r11);
	say("r12 %016lx r13 %016lx r14 %016lx r15 %016lx", f->r12, f->r13,
	    f->r14, f->r15);
	say("cs %04lx ss %04lx rflags %08lx cr2 %016lx cr3 %016lx", f->cs,
	    f->ss, f->rflags, read_cr2(), read_cr3());
	backtrace(f->rbp);
	freeze();
}
