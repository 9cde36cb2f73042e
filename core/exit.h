/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core does with each kind of exit. */
#ifndef CORE_EXIT_H
#define CORE_EXIT_H

#include "core/types.h"

struct vcpu;
struct vm;
struct vmexit;

/* Fill what is the same at every exit (CPUID masks); arm the MSR policy. */
void exit_init(struct vm *vm);

/* Act on @x: the architectural answer, then back to the guest. */
void exit_handle(struct vcpu *v, struct vmexit *x);

/* #GP(0), #UD into the vcpu. */
void inject_gp(struct vcpu *v);
void inject_ud(struct vcpu *v);

#endif
