/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An L2 with breakpoints of its own, for the debugger's: see lib/points.h. */
/* boot: emus=bochs bare timeout=30 */
#include "tests/guests/lib/points.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

POINTS_L2("	vmcall")
PAYLOAD(l2_ioapic, "call points_ioapic_run; vmcall")
PAYLOAD(l2_code, "call points_code_run; vmcall")

static struct vl2 l2;

static void ept_on(u64 more)
{
	static u64 *root;

	if (!root)
		root = table_identity(EPT_TABLE, EPT_PAGE);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_PROC2 | PROC_HLT)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | more)));
	vmw(VMCS_EPTP, (u64)root | EPTP_WB | EPTP_WALK4);
}

static void test_ioapic(void)
{
	points_ioapic_run();
	points_ioapic_check("l1");
	vl2_init(&l2, l2_ioapic);
	ept_on(0);
	check_eq(vl2_run(&l2), REASON_VMCALL, "ioapic");
	points_ioapic_check("l2");
}

static void test_real(void)
{
	vl2_init_real(&l2, real_points, (size_t)(real_end - real_points),
		      POINTS_REAL);
	vmw(VMCS_GUEST_IDTR_BASE,
	    POINTS_REAL + (u64)(real_vectors - real_points));
	vmw(VMCS_GUEST_IDTR_LIMIT, 0x3ff);
	ept_on(PROC2_UNRESTRICTED);
	check_eq(vl2_run(&l2), REASON_HLT, "real");
	points_real_check();
}

static void test_code(void)
{
	points_code("l1");
	vl2_init(&l2, l2_code);
	ept_on(0);
	check_eq(vl2_run(&l2), REASON_VMCALL, "code");
	points_code_check("l2");
}

void main(void)
{
	vmx_on();
	points_init();
	if (contains(boot.cmdline, "code")) {
		test_code();
		return;
	}
	vl2_init(&l2, l2_points);
	ept_on(0);
	check_eq(vl2_run(&l2), REASON_VMCALL, "points");
	exited();
	points_check();
	test_ioapic();
	test_real();
	vl2_init(&l2, l2_faults);
	check_eq(vl2_run(&l2), REASON_TRIPLE_FAULT, "shutdown");
	vmx_off();
}
