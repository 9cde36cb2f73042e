/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every mode of the processor, entered from long mode and left again, with the
 * same exiting instructions in each (lib/modes.S). Offsets are shared with it.
 */
#ifndef TESTS_GUESTS_LIB_MODES_H
#define TESTS_GUESTS_LIB_MODES_H

#define MODE_LEAF 0x00	/* in: CPUID leaf */
#define MODE_CPUID 0x10 /* out: EAX, EBX, ECX, EDX */
#define MODE_STEPS 0x20 /* out: steps that were done */
#define MODE_CR0 0x24	/* out: CR0 as read there */
#define MODE_CR4 0x28
#define MODE_EFER 0x2c
#define MODE_APIC 0x30 /* out: APIC_BASE, low half */
#define MODE_CS 0x34
#define MODE_FLAGS 0x38
#define MODE_EXTRA 0x3c /* a mode's own */

#define MODE_STEPS_ALL 9
#define MODE_STEPS_USER 3

#ifndef __ASSEMBLY__
#include "tests/guests/lib/guest.h"

struct mode_ctx {
	u32 leaf, pad[3];
	u32 cpuid[4];
	u32 steps, cr0, cr4, efer, apic, cs, flags, extra;
};

_Static_assert(offsetof(struct mode_ctx, extra) == MODE_EXTRA, "layout");

static inline volatile struct mode_ctx *mode_ctx(void)
{
	u64 a = LOW_CTX;

	__asm__("" : "+r"(a)); /* not a constant: no warning of page 0 */
	return (volatile struct mode_ctx *)a;
}

/* Copies the low code and fills the tables; once. */
void modes_init(void);
/* Runs @routine: a mode_* label of modes.S, below. */
void mode_run(const void *routine);
extern const char mode_long[], mode_compat[], mode_pm32[], mode_pm16[],
	mode_real[], mode_real_cs[], mode_big_real[], mode_pg32[], mode_pae[],
	mode_v86[], mode_la57[];
/* Called in 64-bit mode with 5-level paging by mode_la57, where not NULL;
 * without interrupts or exceptions. */
extern void (*mode_hook)(void);
/* The way back from 32-bit code of a test's own: JMP here. */
extern const char low_back32[];
/* CALL 32-bit code at @address (below 4 GiB), flat, without paging. */
void mode_run32(const void *code);
#endif
#endif
