/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L0's descriptor tables and exceptions. */
#ifndef CORE_IDT_H
#define CORE_IDT_H

#include "core/types.h"

struct cpu;
struct trap_frame;

/* An IDT for the way to idt_init(), in the loader's place: faults there are
 * reported, rdmsr_safe() and its likes work. */
void idt_early(void);
/* Fill the IDT, once, before the first cpu_tables_load(). */
void idt_init(void);

/* Load GDT, IDT and TR of @cpu on the CPU that calls. */
void cpu_tables_load(struct cpu *cpu);

/*
 * An NMI in L0: counted, and marked as L1's (cpu->nmi_pending). Backends that
 * have windows in which an NMI must not be lost add a hook that may move
 * f->rip; it returns true when the NMI was its own (a kick).
 */
extern bool (*nmi_hook)(struct cpu *cpu, struct trap_frame *f);
/* A machine check in L0: returns true when it was taken care of. */
extern bool (*mce_hook)(struct cpu *cpu, struct trap_frame *f);

/* L0's IDT: base and limit, for host state. */
u64 idt_base(void);
u16 idt_limit(void);

#endif
