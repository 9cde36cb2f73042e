/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core does with each kind of exit. */
#ifndef CORE_EXIT_H
#define CORE_EXIT_H

#include "core/cr.h"
#include "core/types.h"

struct vcpu;
struct vm;
struct vmexit;

/* Fill what is the same at every exit; arm the MSR policy. */
void exit_init(struct vm *vm);
/* The same for what a complete vcpu knows: CPUID as its VM sees it. */
void exit_vcpu_init(struct vcpu *v);

/* The guest's control registers, as cr0_write_ok() and the like want them;
 * which bits of CR4 and EFER L1's processor has. */
struct cr_state exit_cr_state(struct vcpu *v);
u64 exit_cr4_known(struct vcpu *v);
u64 exit_efer_known(struct vcpu *v);
/* Of the bits of EFER that CPUID knows, those that the processor takes. */
u64 exit_efer_taken(u64 known);

/* Act on @x: the architectural answer, then back to the guest. */
void exit_handle(struct vcpu *v, struct vmexit *x);

/* #GP(0), #UD into the vcpu. */
void inject_gp(struct vcpu *v);
void inject_ud(struct vcpu *v);

#endif
