/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cost of an operation: the TSC counts instructions (QEMU with -icount
 * shift=0, Bochs always), Abyme's leaf 40000010h counts this CPU's exits.
 *   bench: NAME instructions=N exits=X.XX
 * a line an operation; "make bench" puts bare and nested runs together.
 */
#ifndef TESTS_GUESTS_LIB_BENCH_H
#define TESTS_GUESTS_LIB_BENCH_H

#include "tests/guests/lib/guest.h"

struct bench {
	u64 exits, tsc;
};

void bench_start(struct bench *b);
/* Print the average of @ops operations since bench_start(). */
void bench_end(const struct bench *b, const char *name, u32 ops);

/* Memory that the paging benches use: L2-physical, and where it really is. */
#define BENCH_GPA GiB(4)
#define BENCH_PA MiB(64)
#define BENCH_PAGES 2048u
#define BENCH_PART 512u /* pages of one table */

#endif
