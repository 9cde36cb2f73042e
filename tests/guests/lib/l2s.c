/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/l2s.h"

static const struct {
	const char *name;
	u8 n, root;
	bool anew, off; /* off: after it, no virtualization for a moment */
} rounds[] = {
	{ "first", 0, 0, true, false },
	{ "its-second-cpu", 1, 0, true, false },
	{ "another", 2, 1, true, false },
	{ "first-with-a-new-root", 0, 2, false, false },
	{ "second-cpu-with-it", 1, 2, false, false },
	{ "made-anew", 2, 3, true, true },
	{ "after-off", 0, 2, false, true },
	{ "last", 1, 0, true, false },
};

void l2s_run(const struct l2s_ops *o)
{
	o->on();
	for (u32 i = 0; i < ARRAY_SIZE(rounds); i++) {
		check(o->enter(rounds[i].n, rounds[i].root, rounds[i].anew),
		      rounds[i].name, "no call");
		if (!rounds[i].off)
			continue;
		o->off();
		o->on();
	}
	o->off();
}
