/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an L2 does for the debugger's tests (svm-points, vmx-points). */
#ifndef TESTS_GUESTS_LIB_POINTS_H
#define TESTS_GUESTS_LIB_POINTS_H

#define POINTS_REAL 0xd000

#ifndef __ASSEMBLY__
#include "tests/guests/lib/guest.h"

/* Watched from outside; by the L2 itself; what the L2 found. */
extern volatile u32 watched[1024], own;
extern volatile u64 l2_dr0, l2_dr6, l2_dr7;

/* L2s: in long mode on L1's tables, ending in @end; one that ends in #UD and
 * then a triple fault. */
#define POINTS_L2(end)                                             \
	__asm__(".globl l2_points, l2_probe, l2_last, l2_faults\n" \
		"l2_points:\n"                                     \
		"	nop\n"                                           \
		"l2_probe:\n"                                      \
		"	movl $10, watched\n"                             \
		"	movl $12, watched + 8\n"                         \
		"	movl watched + 12, %eax\n"                       \
		"	movl $14, watched + 16\n"                        \
		"	movl watched + 20, %eax\n"                       \
		"	add $15, %eax\n"                                 \
		"	movl %eax, watched + 20\n"                       \
		"	movl $16, watched + 24\n"                        \
		"	push $7\n"                                       \
		"	pop watched + 28\n"                              \
		"	int3\n"                                          \
		"	mov $own, %rax\n"                                \
		"	mov %rax, %dr0\n"                                \
		"	mov $0xd0401, %eax\n"                            \
		"	mov %rax, %dr7\n"                                \
		"	movl $1, own\n"                                  \
		"	mov %dr0, %rax\n"                                \
		"	mov %rax, l2_dr0\n"                              \
		"	mov %dr7, %rax\n"                                \
		"	mov %rax, l2_dr7\n"                              \
		"l2_last:\n"                                       \
		"	mov $0x400, %eax\n"                              \
		"	mov %rax, %dr7\n" end "\n"                 \
		"l2_faults:\n"                                     \
		"	ud2\n"                                           \
		"	push $0\n"                                       \
		"	push $0\n"                                       \
		"	lidt (%rsp)\n"                                   \
		"	int3\n");
void l2_points(void);
void l2_faults(void);

/*
 * An L2 in real mode (lib/points_real.S), to be copied to POINTS_REAL with
 * CS.base there: an INT3, a single step and a watchpoint of its own, then HLT.
 */
extern const char real_points[], real_end[], real_vectors[];
/* After it has run. */
void points_real_check(void);

/*
 * Code that reads and rewrites itself, with a breakpoint of the debugger's at
 * code_own(), in @level. Only where there are execute-only pages.
 */
void points_code(const char *level);
/* For an L2, without words; then points_code_check(). */
void points_code_run(void);
void points_code_check(const char *level);

/*
 * The I/O APIC, a page that the stub watches, with its input among those that
 * are written: in L1, or in an L2.
 */
void points_ioapic_run(void);
void points_ioapic_check(const char *level);

/* Count what the L2's own handlers get: they are L1's, in the L2. */
void points_init(void);
/* After l2_points() has run once. */
void points_check(void);
/* A place in L1 to stop at, after an exit of its L2. */
void exited(void);

#endif
#endif
