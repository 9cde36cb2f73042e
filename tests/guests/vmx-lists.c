/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSR areas (SDM 3C, "VM-Exit Controls for MSRs", "VM-Entry Controls for
 * MSRs"): as long as IA32_VMX_MISC recommends and longer, where there is no
 * memory, and across the border of memory that is not L1's. With `lists
 * abort=N` one exit is a VMX abort: what follows is judged from outside.
 */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/vmx.h"

#define LONGEST 512
#define NO_MEMORY BIT(39) /* an address, but nothing answers there */
#define LIST_FAILS (REASON_BAD_MSR_LOAD | (u32)EXIT_ENTRY_FAILURE)

struct msr_entry {
	u32 index, reserved;
	u64 value;
};

static struct msr_entry list[LONGEST + 1] __aligned(16);
static struct vl2 l2;

PAYLOAD(do_vmcall, "vmcall")

static void entry_list(u64 addr, u32 count)
{
	vmw(VMCS_ENTRY_MSR_LOAD_ADDR, addr);
	vmw(VMCS_ENTRY_MSR_LOAD_COUNT, count);
}

static void load_list(u64 addr, u32 count)
{
	vmw(VMCS_EXIT_MSR_LOAD_ADDR, addr);
	vmw(VMCS_EXIT_MSR_LOAD_COUNT, count);
}

static void store_list(u64 addr, u32 count)
{
	vmw(VMCS_EXIT_MSR_STORE_ADDR, addr);
	vmw(VMCS_EXIT_MSR_STORE_COUNT, count);
}

/* A good list of @n entries, with values that tell which was the last. */
static void fill(u32 n)
{
	for (u32 i = 0; i < n; i++)
		list[i] = (struct msr_entry){ MSR_CSTAR, 0, 0x1000 + i };
}

static void test_longest(void)
{
	u32 max = VMX_MISC_MSR_MAX(rdmsr(MSR_VMX_MISC)), stored = 0;

	check(max >= LONGEST && max % LONGEST == 0, "recommended-maximum", "%u",
	      max);
	fill(LONGEST);
	vl2_init(&l2, do_vmcall);
	load_list((u64)list, LONGEST);
	check_eq(vl2_run(&l2), REASON_VMCALL, "load-512");
	check_eq(rdmsr(MSR_CSTAR), 0x1000 + LONGEST - 1, "load-512-last");
	load_list(0, 0);
	store_list((u64)list, LONGEST);
	wrmsr(MSR_CSTAR, 0x777000);
	check_eq(vl2_run(&l2), REASON_VMCALL, "store-512");
	for (u32 i = 0; i < LONGEST; i++)
		stored += list[i].value == 0x777000;
	check_eq(stored, LONGEST, "store-512-each");
	wrmsr(MSR_CSTAR, 0);
	/* beyond it nothing is defined; here it is an entry like a bad one */
	if (!on_abyme() || max > LONGEST) {
		skip("entry-513", "not defined");
		return;
	}
	fill(LONGEST + 1);
	vl2_init(&l2, do_vmcall);
	entry_list((u64)list, LONGEST + 1);
	check_eq(vl2_run(&l2), LIST_FAILS, "entry-513");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), LONGEST + 1, "entry-513-number");
	entry_list((u64)list, ~0u);
	check_eq(vl2_run(&l2), LIST_FAILS, "entry-longest");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), LONGEST + 1,
		 "entry-longest-number");
	wrmsr(MSR_CSTAR, 0);
}

/* The bus answers with ones: reserved bits of the entry are set. */
static void test_no_memory(void)
{
	vl2_init(&l2, do_vmcall);
	entry_list(NO_MEMORY, 1);
	check_eq(vl2_run(&l2), LIST_FAILS, "entry-no-memory");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 1, "entry-no-memory-number");
}

/* The first entry in RAM, the second in the page that stands for L0's. */
static void test_border(const struct hole *h)
{
	struct msr_entry *e = (struct msr_entry *)h->start;
	u64 same = h->start + 3 * PAGE_SIZE;

	map_2m(h->start, h->end - h->start, 0x83);
	e[-1] = (struct msr_entry){ MSR_CSTAR, 0, 0x1000 };
	e[0] = (struct msr_entry){ MSR_KERNEL_GS_BASE, 0, 0x2000 };
	vl2_init(&l2, do_vmcall);
	entry_list((u64)(e - 1), 2);
	check_eq(vl2_run(&l2), REASON_VMCALL, "border-entry");
	check_eq(rdmsr(MSR_CSTAR), 0x1000, "border-entry-first");
	check_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x2000, "border-entry-second");
	entry_list(0, 0);
	wrmsr(MSR_CSTAR, 0x3000);
	wrmsr(MSR_KERNEL_GS_BASE, 0x4000);
	store_list((u64)(e - 1), 2);
	check_eq(vl2_run(&l2), REASON_VMCALL, "border-store");
	check_eq(e[-1].value, 0x3000, "border-store-first");
	check_eq(e[0].value, 0x4000, "border-store-second");
	check_eq(((struct msr_entry *)same)->value, 0x4000,
		 "border-store-in-the-one-page");
	store_list(0, 0);
	load_list((u64)(e - 1), 2);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	check_eq(vl2_run(&l2), REASON_VMCALL, "border-load");
	check_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x4000, "border-load-second");
	/* in L0's memory altogether, the last entry of it */
	load_list(0, 0);
	e = (struct msr_entry *)h->end - 1;
	*e = (struct msr_entry){ MSR_KERNEL_GS_BASE, 0, 0x5000 };
	entry_list((u64)e, 1);
	check_eq(vl2_run(&l2), REASON_VMCALL, "inside-entry");
	check_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x5000, "inside-entry-loaded");
	e->reserved = 1;
	check_eq(vl2_run(&l2), LIST_FAILS, "inside-entry-bad");
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_CSTAR, 0);
}

static void test_borders(void)
{
	struct hole holes[HOLES_MAX];
	u32 n = find_holes(holes, machine_top()), tried = 0;

	for (u32 i = 0; i < n; i++)
		if (hole_is_l0(&holes[i]) &&
		    ram_is_free(holes[i].start - 16, 16)) {
			test_border(&holes[i]);
			tried++;
		}
	check(tried == on_abyme(), "l0-has-a-border", "%u", tried);
}

/* --- exits that cannot be carried out --------------------------------------- */
enum { BAD_STORE = 1, LONG_LOAD, STORE_NOWHERE };

static void abort_on_exit(u64 kind)
{
	fill(LONGEST + 1);
	vl2_init(&l2, do_vmcall);
	switch (kind) {
	case BAD_STORE:
		list[1].index = 0x808; /* an x2APIC register */
		store_list((u64)list, 3);
		break;
	case LONG_LOAD:
		load_list((u64)list, LONGEST + 1);
		break;
	case STORE_NOWHERE:
		store_list(NO_MEMORY, 1);
		break;
	}
	print("guest vmx-lists: abort %lu, now\n", kind);
	vl2_run(&l2);
	die("vmx-abort", "the machine went on");
}

void main(void)
{
	u64 kind = boot_option("abort", 0);

	vmx_on();
	if (kind)
		abort_on_exit(kind);
	test_longest();
	test_no_memory();
	test_borders();
	vmx_off();
}
