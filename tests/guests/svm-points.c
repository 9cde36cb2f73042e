/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An L2 with breakpoints of its own, for the debugger's: see lib/points.h. */
/* boot: emus=qemu bare timeout=20 */
#include "tests/guests/lib/points.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

POINTS_L2("	vmmcall")
PAYLOAD(l2_ioapic, "call points_ioapic_run; vmmcall")

static struct l2 l2;

static void npt_on(void)
{
	static u64 *root;

	if (!root)
		root = table_identity(NPT_TABLE, NPT_PAGE);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)root);
}

static void test_ioapic(void)
{
	points_ioapic_run();
	points_ioapic_check("l1");
	l2_init(&l2, l2_ioapic);
	npt_on();
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "ioapic");
	points_ioapic_check("l2");
}

static void test_real(void)
{
	struct vmcb_seg ivt = {
		.limit = 0x3ff,
		.base = POINTS_REAL + (u64)(real_vectors - real_points),
	};

	l2_init_real(&l2, real_points, (size_t)(real_end - real_points),
		     POINTS_REAL);
	vmcb_set_idtr(l2.vmcb, &ivt);
	npt_on();
	check_eq(l2_run(&l2), VMEXIT_HLT, "real");
	points_real_check();
}

void main(void)
{
	svm_on();
	points_init();
	l2_init(&l2, l2_points);
	npt_on();
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "points");
	exited();
	points_check();
	test_ioapic();
	test_real();
	l2_init(&l2, l2_faults);
	check_eq(l2_run(&l2), VMEXIT_SHUTDOWN, "shutdown");
}
