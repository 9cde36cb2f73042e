/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants that the guests' C and assembly share. */
#ifndef TESTS_GUESTS_LIB_LAYOUT_H
#define TESTS_GUESTS_LIB_LAYOUT_H

#define BOOT_GIB 8  /* mapped one to one at start */
#define MAX_CPUS 16 /* APIC IDs 0 to 15 */
#define STACK_SHIFT 14

/* Low memory, for code that runs in real mode and for what it shares. */
#define LOW_STACK 0x7000     /* grows down */
#define LOW_CTX 0x7000	     /* struct mode_ctx */
#define AP_BASE 0x9000	     /* start of the other CPUs */
#define LOW_BASE 0xa000	     /* the mode trampolines */
#define LOW_BIOS 0xc000	     /* lib/bios.S */
#define LOW_BIOS_REGS 0xcf00 /* and its registers */
#define LOW_STEPS 0xd000     /* lib/steps_modes.S, */
#define LOW_STEPS_LOG 0xe000 /* what it sees, a page, */
#define LOW_STEPS_IVT 0xf000 /* and its real-mode vectors */

#define SEL_CODE64 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x18
#define SEL_CODE16 0x20
#define SEL_DATA16 0x28
#define SEL_USER32 0x30
#define SEL_USER_DATA 0x38
#define SEL_USER64 0x40
#define SEL_FREE 0x48 /* to 0x78: a test's own descriptors */
#define SEL_TSS0 0x80 /* 16 bytes a CPU */

#endif
