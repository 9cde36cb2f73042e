/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reset and power-off of the machine. */
#ifndef CORE_POWER_H
#define CORE_POWER_H

#include "core/options.h"
#include "core/types.h"

struct vcpu;
struct vm;
struct vmexit;

/* ACPI 6, "Fixed ACPI Description Table (FADT)", and the \_S5 package. */
struct power_info {
	u16 pm1a, pm1b; /* PM1 control block ports; 0: none */
	bool has_s5;
	u8 slp_typ_a, slp_typ_b;
	u16 reset_port; /* reset register in I/O space; 0: none */
	u8 reset_value;
};

/* What ends this machine, and what the options say of it. */
void power_init(const struct power_info *info, const struct options *o);

/* With stats=1 the ports by which an L1 ends the machine are watched, so that
 * the counters can be printed before. */
void power_watch(struct vm *vm);

/* L1's access to such a port: carried out, and true. */
bool power_port_access(struct vcpu *v, const struct vmexit *x);

/* A VM ended by a fault: do what on-shutdown= says. */
void __noreturn power_end(struct vm *vm);
/* L1 asked for it. */
void __noreturn power_reset(struct vm *vm);

#endif
