/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of L0: registers, backtrace, freeze. */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include <stdarg.h>

#include "core/types.h"

/* What the IDT stubs push, lowest address first. */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

void panic_line(const char *fmt, va_list ap);

/* panic() for an exception in L0 with its frame. */
void __noreturn __cold panic_trap(const struct trap_frame *f);

/* Set by the debug stub: called instead of halting, machine readable. */
extern void (*panic_freeze)(void);

#endif
