/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop of a vcpu, and what happens to it as a whole. */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include "core/types.h"

struct vcpu;
struct vm;

/* Enter the guest for ever, on this CPU. */
void __noreturn vcpu_run(struct vcpu *v);

/* Reset state, then wait for a SIPI. */
void vcpu_enter_wait_sipi(struct vcpu *v);
/* INIT: that, unless it is the boot processor's. */
void vcpu_take_init(struct vcpu *v);
/* A SIPI: start at vector << 12 (ignored unless waiting). */
void vcpu_sipi(struct vcpu *v, u8 vector);

/* The VM is at its end (triple fault, or it cannot go on). */
void __noreturn vm_shutdown(struct vm *vm);
/* L1 resets the machine in a way that ends in L0. */
void __noreturn vm_reset(struct vm *vm);

/* An MTRR of L1's changed: memory types, and every CPU's cached ones. */
int __must_check vm_mtrr_changed(struct vm *vm, u32 msr, u64 val);

/* Counters of a VM on the console. */
void vm_print_stats(const struct vm *vm);

#endif
