/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about the machine that are read once at boot. */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include "core/types.h"

struct mtrr_state;

struct machine {
	char vendor[13]; /* CPUID vendor string */
	char brand[49];	 /* CPUID brand string */
	u8 phys_bits;
	bool has_1g, has_nx;
};

void machine_read(struct machine *m);
/* The MTRRs of this machine, as they are now. */
void machine_read_mtrr(const struct machine *m);
struct mtrr_state *machine_mtrr(void);

#endif
