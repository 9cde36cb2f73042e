/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L2s that come and go, for a debugger that tells them apart. */
#ifndef TESTS_GUESTS_LIB_L2S_H
#define TESTS_GUESTS_LIB_L2S_H

#include "tests/guests/lib/guest.h"

#define L2S 3	/* virtual CPUs */
#define ROOTS 4 /* second-stage tables, which all map the same */

struct l2s_ops {
	/* @anew: the VMCB or VMCS is made again, in the same page. Has L2 made
	 * its call? */
	bool (*enter)(u32 n, u32 root, bool anew);
	void (*on)(void);
	void (*off)(void);
};

void l2s_run(const struct l2s_ops *o);

#endif
