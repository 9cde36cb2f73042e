/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nested VMX costs, operation by operation. */
#include "tests/guests/lib/bench.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define TRIPS 1000
#define EPTP_OF(root) ((u64)(root) | EPTP_WALK4 | EPTP_WB)

static struct vl2 l2, other;
static u64 *ept;
static bool use_ad;
static u8 msr_bitmap[PAGE_SIZE] __aligned(4096);
static u8 virtual_apic[PAGE_SIZE] __aligned(4096);

PAYLOAD(l2_vmcall, "1: vmcall; jmp 1b")
PAYLOAD(l2_touch, "1: movb $1, (%rdi); add $4096, %rdi; dec %rcx; jnz 1b;"
		  "vmcall")

static void prepare(void (*code)(void), u64 *root)
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	vmw(VMCS_EPTP, EPTP_OF(root) | (use_ad ? EPTP_AD : 0));
}

/* VPID, MSR bitmap, TPR shadow, EFER and PAT switched both ways. */
static void prepare_rich(void (*code)(void), u64 *root)
{
	prepare(code, root);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2 |
					   PROC_MSR_BITMAP | PROC_TPR_SHADOW)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | PROC2_VPID)));
	vmw(VMCS_VPID, 5);
	vmw(VMCS_MSR_BITMAP, (u64)msr_bitmap);
	vmw(VMCS_VIRTUAL_APIC_ADDR, (u64)virtual_apic);
	vmw(VMCS_TPR_THRESHOLD, 0);
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_EFER |
				EXITC_LOAD_EFER | EXITC_SAVE_PAT |
				EXITC_LOAD_PAT)));
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls(
		    (u32)(ENTRYC_IA32E | ENTRYC_LOAD_EFER | ENTRYC_LOAD_PAT)));
	vmw(VMCS_GUEST_EFER, rdmsr(MSR_EFER));
	vmw(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmw(VMCS_GUEST_PAT, rdmsr(MSR_PAT));
	vmw(VMCS_HOST_PAT, rdmsr(MSR_PAT));
}

/* 2 VMREADs and 1 VMWRITE a trip: reason, RIP; RIP. */
static u32 trip_small(void)
{
	u32 reason;

	vmx_enter_fast(&l2.gprs, l2.launched);
	reason = (u32)vmr(VMCS_EXIT_REASON);
	vmw(VMCS_GUEST_RIP, vmr(VMCS_GUEST_RIP));
	return reason;
}

/* 8 VMREADs and 3 VMWRITEs. */
static u32 trip_rich(void)
{
	u32 reason;

	vmx_enter_fast(&l2.gprs, l2.launched);
	reason = (u32)vmr(VMCS_EXIT_REASON);
	vmr(VMCS_EXIT_QUALIFICATION);
	vmr(VMCS_EXIT_INTR_INFO);
	vmr(VMCS_IDT_VECTORING);
	vmr(VMCS_EXIT_INSTR_LEN);
	vmr(VMCS_GUEST_RFLAGS);
	vmr(VMCS_GUEST_INTERRUPTIBILITY);
	vmw(VMCS_GUEST_RIP, vmr(VMCS_GUEST_RIP));
	vmw(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmw(VMCS_ENTRY_INTR_INFO, 0);
	return reason;
}

/* The same, and L1's MSR bitmap is another one each time. */
static u32 trip_bitmap(void)
{
	msr_bitmap[PAGE_SIZE - 1] ^= 1;
	return trip_rich();
}

static void bench_exits(const char *name, void (*prep)(void (*)(void), u64 *),
			u32 (*trip)(void))
{
	struct bench b;
	u32 reason = 0;

	prep(l2_vmcall, ept);
	reason = vl2_run(&l2);
	check(reason == REASON_VMCALL, "vmcall-exit", "%x error %lx", reason,
	      vmr(VMCS_INSTR_ERROR));
	vmw(VMCS_HOST_RIP, (u64)vmx_exit_fast);
	for (u32 i = 0; i < 10; i++)
		trip();
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		reason = trip();
	bench_end(&b, name, TRIPS);
	check_eq(reason, REASON_VMCALL, "vmcall-exit");
}

static void bench_insns(void)
{
	struct bench b;
	u32 r[4];

	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		cpuid(0, 0, r);
	bench_end(&b, "l1-cpuid", TRIPS);
	/* a leaf of which L0 changes a few bits */
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		cpuid(1, 0, r);
	bench_end(&b, "vmx-l1-cpuid-edited", TRIPS);
	prepare(l2_vmcall, ept);
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		vmr(VMCS_GUEST_RIP);
	bench_end(&b, "vmx-vmread", TRIPS);
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		vmw(VMCS_GUEST_RIP, (u64)l2_vmcall);
	bench_end(&b, "vmx-vmwrite", TRIPS);
	/* fields that a hypervisor seldom touches */
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		vmr(VMCS_GUEST_LDTR_LIMIT);
	bench_end(&b, "vmx-vmread-rare", TRIPS);
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		vmw(VMCS_GUEST_LDTR_LIMIT, i);
	bench_end(&b, "vmx-vmwrite-rare", TRIPS);
	vl2_init(&other, l2_vmcall);
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		if (vmptrld((u64)(i & 1 ? other.vmcs : l2.vmcs)) != VMX_OK)
			die("vmptrld", "failed");
	bench_end(&b, "vmx-vmptrld", TRIPS);
}

static u32 touch(u32 first, u32 pages)
{
	vmw(VMCS_GUEST_RIP, (u64)l2_touch);
	l2.gprs.rdi = BENCH_GPA + first * PAGE_SIZE;
	l2.gprs.rcx = pages;
	return vl2_run(&l2);
}

static void bench_touch_one(const char *name)
{
	struct bench b;
	u32 reason;

	bench_start(&b);
	reason = touch(0, BENCH_PAGES);
	bench_end(&b, name, BENCH_PAGES);
	check_eq(reason, REASON_VMCALL, "touch-exit");
}

static u64 *new_tables(u64 bits)
{
	u64 *root = table_identity(EPT_TABLE, EPT_PAGE | bits);

	table_map(root, BENCH_GPA, BENCH_PA, BENCH_PAGES,
		  EPT_TABLE | (bits & BIT(8)), EPT_PAGE | bits);
	return root;
}

static void bench_touch(void)
{
	u64 *root = new_tables(0);

	use_ad = rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_AD;
	if (use_ad) {
		prepare(l2_touch, root);
		bench_touch_one("vmx-touch-ad-clear");
		bench_touch_one("vmx-touch-again");
		invept_insn(INVEPT_SINGLE, EPTP_OF(root) | EPTP_AD, 0);
		bench_touch_one("vmx-touch-after-invept");
		root = new_tables(EPT_AD);
		prepare(l2_touch, root);
		bench_touch_one("vmx-touch-ad-set");
		use_ad = false;
	}
	root = new_tables(0);
	prepare(l2_touch, root);
	bench_touch_one("vmx-touch-ad-off");
	invept_insn(INVEPT_ALL, 0, 0);
	bench_touch_one("vmx-touch-after-invept-all");
}

static void bench_violations(const char *name, u64 *root, u32 first, u32 pages)
{
	struct bench b;
	u32 reason, faults = 0;

	prepare(l2_touch, root);
	bench_start(&b);
	for (reason = touch(first, pages); reason == REASON_EPT_VIOLATION;
	     faults++) {
		u64 gpa = vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK;

		*table_entry(root, gpa, 1, EPT_TABLE) =
			(BENCH_PA + (gpa - BENCH_GPA)) | EPT_PAGE;
		reason = vl2_run(&l2);
	}
	bench_end(&b, name, pages);
	check_eq(reason, REASON_VMCALL, "violation-exit");
	check_eq(faults, pages, "violation-count");
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_EPT))
		die("vmx-ept", "no EPT");
	map_2m(BENCH_GPA, BENCH_PAGES * PAGE_SIZE, 0x87);
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	bench_insns();
	bench_exits("vmx-vmcall-2r1w", prepare, trip_small);
	if (vmx_has_proc2((u32)PROC2_VPID) &&
	    vmx_has_proc((u32)(PROC_TPR_SHADOW | PROC_MSR_BITMAP))) {
		bench_exits("vmx-vmcall-8r3w", prepare_rich, trip_rich);
		bench_exits("vmx-vmcall-bitmap", prepare_rich, trip_bitmap);
	}
	bench_touch();
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	bench_violations("vmx-violation-first", ept, 0, 64);
	bench_violations("vmx-violation-middle", ept, 64, BENCH_PART - 128);
	bench_violations("vmx-violation-last", ept, BENCH_PART - 64, 64);
}
