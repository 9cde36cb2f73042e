/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing up L0's application processors, and IPIs between CPUs. */
#ifndef CORE_SMP_H
#define CORE_SMP_H

#include "core/types.h"
#include "mm/addr.h"

struct cpu;
struct vm;

/* A new struct cpu with stacks at the bottom of its stack block; NULL. */
struct cpu *cpu_new(u32 index, u32 apic_id);
/* The boot CPU's, on the stack it already runs on. -ENOMEM. */
int __must_check cpu_init_boot(void);

/*
 * Start CPU @cpu by INIT-SIPI-SIPI through the page at @trampoline (below
 * 1 MiB); it calls @entry(cpu) and never returns. -EIO: it does not answer.
 */
int __must_check smp_start(struct cpu *cpu, hpa_t trampoline,
			   void (*entry)(struct cpu *cpu));

/* A register of the local APIC by its xAPIC offset; reading has no effect. */
u32 apic_peek(u32 reg);
/* Local APIC: NMI to the CPU with that APIC id (also to L1's CPUs). False: the
 * own APIC is off, or does not reach that id: nothing was sent. */
bool apic_send_nmi(u32 apic_id);
bool apic_send_init(u32 apic_id);
bool apic_send_sipi(u32 apic_id, u8 vector);
/* May @vm have its APIC where IA32_APIC_BASE = @val says? */
bool apic_base_ok(const struct vm *vm, u64 val);
/* x2APIC or xAPIC id of the CPU that calls. */
u32 apic_id(void);

/* Busy-wait by the ACPI-independent PIT-free I/O port delay. */
void delay_us(u32 us);

#endif
