/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An L2 with breakpoints of its own, for the debugger's: see lib/points.h. */
/* boot: emus=bochs bare timeout=30 */
#include "tests/guests/lib/points.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

POINTS_L2("	vmcall")

static struct vl2 l2;

static void ept_on(void)
{
	u64 root = (u64)table_identity(EPT_TABLE, EPT_PAGE);

	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_PROC2 | PROC_HLT)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	vmw(VMCS_EPTP, root | EPTP_WB | EPTP_WALK4);
}

void main(void)
{
	vmx_on();
	points_init();
	vl2_init(&l2, l2_points);
	ept_on();
	check_eq(vl2_run(&l2), REASON_VMCALL, "points");
	exited();
	points_check();
	vl2_init(&l2, l2_faults);
	check_eq(vl2_run(&l2), REASON_TRIPLE_FAULT, "shutdown");
	vmx_off();
}
