/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EPT violations that L2 takes as #VE, EPTP switching by VMFUNC. */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define AREA GiB(4)
#define AREA_PA MiB(64)
#define SUPPRESS BIT(63)

struct ve_info {
	u32 reason, busy;
	u64 qual, linear, physical;
	u16 index;
} __packed;

static struct vl2 l2;
static u64 *ept, *ept2, *list;
static volatile struct ve_info *info;
static u32 seen;

PAYLOAD(l2_read, "movb (%rdi), %al; vmcall")
PAYLOAD(l2_vmfunc, "vmfunc; vmcall")

/* L2 runs on L1's IDT: #VE arrives here, and L2 makes VMCALL of it. */
static bool on_ve(struct regs *r)
{
	seen++;
	r->rip += 2; /* movb (%rdi), %al */
	return true;
}

static void prepare(void (*code)(void), u64 proc2)
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | proc2)));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	if (proc2 & PROC2_VE) {
		vmw(VMCS_VE_INFO_ADDR, (u64)info);
		vmw(VMCS_EPTP_INDEX, 0x1234);
	}
	l2.gprs.rdi = AREA + 0x10;
	memset((void *)info, 0, sizeof(*info));
	seen = 0;
}

static void entry(u64 e)
{
	*table_entry(ept, AREA, 1, EPT_TABLE) = e;
	if (invept_insn(INVEPT_ALL, 0, 0) != VMX_OK)
		die("invept", "-");
}

static void test_ve(void)
{
	entry(0);
	prepare(l2_read, PROC2_VE);
	check_eq(vl2_run(&l2), REASON_VMCALL, "ve-no-exit");
	check_eq(seen, 1, "ve-delivered");
	check_eq(info->reason, REASON_EPT_VIOLATION, "ve-reason");
	check_eq(info->busy, 0xffffffff, "ve-busy");
	check_eq(info->qual & 0x1bf, 0x181, "ve-qualification");
	check_eq(info->linear, AREA + 0x10, "ve-linear");
	check_eq(info->physical, AREA + 0x10, "ve-physical");
	check_known(info->index == 0x1234, "ve-index", EMU_BOCHS,
		    "#VE's EPTP index is 0", "%x", info->index);

	prepare(l2_read, PROC2_VE);
	info->busy = 1;
	check_eq(vl2_run(&l2), REASON_EPT_VIOLATION, "ve-busy-exits");
	check_eq(seen, 0, "ve-busy-not-delivered");

	entry(SUPPRESS);
	prepare(l2_read, PROC2_VE);
	check_eq(vl2_run(&l2), REASON_EPT_VIOLATION, "ve-suppressed");
	check_eq(info->busy, 0, "ve-suppressed-nothing-written");

	entry(0);
	prepare(l2_read, PROC2_VE);
	vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_VE));
	check_eq(vl2_run(&l2), REASON_EXCEPTION_NMI, "ve-intercepted");
	check_eq(vmr(VMCS_EXIT_INTR_INFO),
		 INTR_INFO(INTR_TYPE_HARD_EXC, VEC_VE), "ve-information");
	check_eq(info->busy, 0xffffffff, "ve-intercepted-written");

	prepare(l2_read, 0);
	check_eq(vl2_run(&l2), REASON_EPT_VIOLATION, "ve-off");
}

static void test_vmfunc(void)
{
	entry(EPT_PAGE | AREA_PA);
	list[0] = (u64)ept | EPTP_WB | EPTP_WALK4;
	list[3] = (u64)ept2 | EPTP_WB | EPTP_WALK4;
	prepare(l2_vmfunc, PROC2_VMFUNC);
	vmw(VMCS_VMFUNC_CTLS, VMFUNC_EPTP_SWITCH);
	vmw(VMCS_EPTP_LIST_ADDR, (u64)list);
	l2.gprs.rcx = 3;
	check_eq(vl2_run(&l2), REASON_VMCALL, "vmfunc-switches");
	check_eq(vmr(VMCS_EPTP), list[3], "vmfunc-eptp");
	/* a processor with #VE keeps the index, whether #VE is on or not */
	if (vmx_has_proc2((u32)PROC2_VE))
		check_eq(vmr(VMCS_EPTP_INDEX), 3, "vmfunc-index");
	vmw(VMCS_GUEST_RIP, (u64)l2_vmfunc);
	l2.gprs.rcx = 2;
	check_eq(vl2_run(&l2), REASON_VMFUNC, "vmfunc-bad-entry");
	l2.gprs.rcx = 512;
	check_eq(vl2_run(&l2), REASON_VMFUNC, "vmfunc-beyond-list");
	l2.gprs.rax = 1;
	l2.gprs.rcx = 0;
	check_eq(vl2_run(&l2), REASON_VMFUNC, "vmfunc-no-such-function");
}

void main(void)
{
	vmx_on();
	info = page_alloc(1);
	list = page_alloc(1);
	map_2m(AREA, MiB(2), 0x87 | 0x60);
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	ept2 = table_identity(EPT_TABLE, EPT_PAGE);
	set_hook(VEC_VE, on_ve);
	if (vmx_has_proc2((u32)PROC2_VE))
		test_ve();
	else
		skip("ve", "not offered");
	if (vmx_has_proc2((u32)PROC2_VMFUNC))
		test_vmfunc();
	else
		skip("vmfunc", "not offered");
	vmx_off();
}
