/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EPT violations that L2 takes as #VE, and those that are none of these
 * (SDM 3C, "Convertible EPT Violations"); EPTP switching by VMFUNC.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define AREA GiB(512) /* under a PML4E of its own */
#define AREA_PA MiB(64)
#define SUPPRESS BIT(63)

struct ve_info {
	u32 reason, busy;
	u64 qual, linear, physical;
	u16 index;
} __packed;

extern u64 pml4[];
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

/* --- which entry decides ------------------------------------------------------- */
#define TABLE(l) (*table_entry(ept, AREA, (l), EPT_TABLE))

/* RDI is read; does #VE come of it, or an exit? */
static void expect_ve(bool ve, const char *name)
{
	u32 reason;

	if (invept_insn(INVEPT_ALL, 0, 0) != VMX_OK)
		die("invept", "-");
	prepare(l2_read, PROC2_VE);
	reason = vl2_run(&l2);
	check(reason == (ve ? REASON_VMCALL : REASON_EPT_VIOLATION), name,
	      "exit %x", reason);
	check_eq(seen, ve, name);
	if (!ve)
		check_eq(info->busy, 0, name);
	else
		check_eq(info->qual & 0x1bf, 0x181, name);
}

/* An entry that is not present, at each level: its own bit 63 counts, and none
 * of those above it. One that is present, but for the page's, has none. */
static void test_levels(void)
{
	char name[48];

	for (u32 l = 1; l <= 4; l++) {
		u64 whole[5];

		entry(EPT_PAGE | AREA_PA);
		for (u32 i = 1; i <= 4; i++)
			whole[i] = TABLE(i);
		for (u32 i = 0; i < 4; i++) {
			bool above = i & 1, own = i & 2;

			if (above && l == 4)
				continue;
			if (above)
				TABLE(l + 1) |= SUPPRESS;
			*table_entry(ept, AREA, l, EPT_TABLE) =
				own ? SUPPRESS : 0;
			snprintf(name, sizeof(name), "ve-level-%u-%s%s", l,
				 above ? "above-" : "", own ? "own" : "none");
			expect_ve(!own, name);
			for (u32 n = 4; n; n--)
				TABLE(n) = whole[n];
		}
	}
}

/* A page that is there, without the right that is wanted: by its own entry, or
 * by one above. */
static void test_rights(void)
{
	u64 *page, *pde;

	if (!(rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_EXEC_ONLY)) {
		skip("ve-rights", "no execute-only pages");
		return;
	}
	entry(EPT_PAGE | AREA_PA);
	page = table_entry(ept, AREA, 1, EPT_TABLE);
	pde = table_entry(ept, AREA, 2, EPT_TABLE);
	for (u32 i = 0; i < 4; i++) {
		bool suppress = i & 1, upper = i & 2;

		*page = AREA_PA | (upper ? EPT_PAGE : EPT_PAGE & ~3ull) |
			(suppress ? SUPPRESS : 0);
		*pde = (*pde & ~7ull) | (upper ? 4 : 7);
		invept_insn(INVEPT_ALL, 0, 0);
		prepare(l2_read, PROC2_VE);
		check_eq(vl2_run(&l2),
			 suppress ? REASON_EPT_VIOLATION : REASON_VMCALL,
			 upper ? "ve-upper-rights" : "ve-page-rights");
		check_eq(seen, !suppress, "ve-rights-delivered");
		if (!suppress)
			check_eq(info->qual & 0x1bf, 0x1a1, "ve-rights-qual");
	}
	*pde |= 7;
	/* a misconfiguration is none */
	*page = AREA_PA | 2 | BIT(51);
	invept_insn(INVEPT_ALL, 0, 0);
	prepare(l2_read, PROC2_VE);
	check_eq(vl2_run(&l2), REASON_EPT_MISCONFIG, "ve-misconfiguration");
	check_eq(seen, 0, "ve-misconfiguration-not-delivered");
}

/* While an event is delivered, #VE itself too; outside of protected mode. */
static void test_not_convertible(void)
{
	u64 *low = table_entry(ept, 0, 2, EPT_TABLE), whole = *low;

	entry(0);
	prepare(l2_read, PROC2_VE);
	vmw(VMCS_GUEST_RSP, AREA + 0x800);
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(INTR_TYPE_EXT, 0x52));
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	check_eq(vl2_run(&l2), REASON_EPT_VIOLATION, "ve-in-delivery");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(INTR_TYPE_EXT, 0x52),
		 "ve-in-delivery-vectoring");
	check_eq(info->busy, 0, "ve-in-delivery-nothing-written");
	prepare(l2_read, PROC2_VE);
	vmw(VMCS_GUEST_RSP, AREA + 0x800);
	check_eq(vl2_run(&l2), REASON_EPT_VIOLATION, "ve-own-delivery");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(INTR_TYPE_HARD_EXC, VEC_VE),
		 "ve-own-delivery-vectoring");
	check_eq(info->physical, AREA + 0x10, "ve-own-delivery-written");
	check_eq(vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK, AREA,
		 "ve-own-delivery-gpa");
	if (!vmx_has_proc2((u32)PROC2_UNRESTRICTED)) {
		skip("ve-real-mode", "no unrestricted guest");
		return;
	}
	prepare(l2_read, PROC2_VE);
	vl2_init_real(&l2, "\xa0\x00\xf0\x0f\x01\xc1", 6, 0xc000);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS,
	    vmx_proc2((u32)(PROC2_EPT | PROC2_VE | PROC2_UNRESTRICTED)));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	vmw(VMCS_VE_INFO_ADDR, (u64)info);
	table_map(ept, 0, 0, 512, EPT_TABLE, EPT_PAGE);
	*table_entry(ept, 0xf000, 1, EPT_TABLE) = 0;
	invept_insn(INVEPT_ALL, 0, 0);
	check_eq(vl2_run(&l2), REASON_EPT_VIOLATION, "ve-real-mode");
	check_eq(vmr(VMCS_GUEST_PHYSICAL), 0xf000, "ve-real-mode-gpa");
	check_eq(info->busy, 0, "ve-real-mode-nothing-written");
	*low = whole;
}

/* The index that #VE tells is that of the last switch. */
PAYLOAD(l2_switch_read, "vmfunc; movb (%rdi), %al; vmcall")

static void test_index(void)
{
	if (!vmx_has_proc2((u32)PROC2_VMFUNC))
		return;
	entry(0);
	list[3] = (u64)ept2 | EPTP_WB | EPTP_WALK4;
	prepare(l2_switch_read, PROC2_VE | PROC2_VMFUNC);
	vmw(VMCS_VMFUNC_CTLS, VMFUNC_EPTP_SWITCH);
	vmw(VMCS_EPTP_LIST_ADDR, (u64)list);
	l2.gprs.rcx = 3;
	check_eq(vl2_run(&l2), REASON_VMCALL, "ve-after-switch");
	check_eq(seen, 1, "ve-after-switch-delivered");
	check_known(info->index == 3, "ve-index-of-switch",
		    on_abyme() ? EMU_NONE : EMU_BOCHS, "#VE's EPTP index is 0",
		    "%x", info->index);
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
	*table_entry(pml4, AREA, 2, 7) = AREA | 0x87 | 0x60;
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	ept2 = table_identity(EPT_TABLE, EPT_PAGE);
	set_hook(VEC_VE, on_ve);
	if (vmx_has_proc2((u32)PROC2_VE)) {
		test_ve();
		test_levels();
		test_rights();
		test_not_convertible();
		test_index();
	} else {
		skip("ve", "not offered");
	}
	if (vmx_has_proc2((u32)PROC2_VMFUNC))
		test_vmfunc();
	else
		skip("vmfunc", "not offered");
	vmx_off();
}
