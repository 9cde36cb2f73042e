/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An L2 with breakpoints of its own, for the debugger's: see lib/points.h. */
/* boot: emus=qemu bare timeout=20 */
#include "tests/guests/lib/points.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

POINTS_L2("	vmmcall")

static struct l2 l2;

void main(void)
{
	svm_on();
	points_init();
	l2_init(&l2, l2_points);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)table_identity(NPT_TABLE, NPT_PAGE));
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "points");
	exited();
	points_check();
	l2_init(&l2, l2_faults);
	check_eq(l2_run(&l2), VMEXIT_SHUTDOWN, "shutdown");
}
