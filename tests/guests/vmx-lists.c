/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSR areas (SDM 3C, "VM-Exit Controls for MSRs", "VM-Entry Controls for
 * MSRs"): MSRs that a VMCS switches as well, areas as long as IA32_VMX_MISC
 * recommends and longer, where there is no memory, and across the border of
 * memory that is not L1's. With `lists
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

/* --- MSRs that entries and exits switch anyway -------------------------------- */
PAYLOAD(do_read_msrs, "mov $0x175, %ecx; rdmsr; mov %eax, %ebx;"
		      "mov $0x277, %ecx; rdmsr; mov %eax, %r8d;"
		      "mov $0xc0000080, %ecx; rdmsr; mov %eax, %r9d;"
		      "mov $0x175, %ecx; mov $0x3330, %eax; xor %edx, %edx;"
		      "wrmsr; vmcall")

static u8 bitmap[PAGE_SIZE] __aligned(4096);

/* Areas come last: on entry after the guest state, on exit after L1's; and what
 * is stored is L2's. */
static void test_switched(void)
{
	u64 pat = rdmsr(MSR_PAT), efer = rdmsr(MSR_EFER), now;
	struct msr_entry *in = list, *out = list + 8, *back = list + 16;

	in[0] = (struct msr_entry){ MSR_SYSENTER_ESP, 0, 0x1110 };
	in[1] = (struct msr_entry){ MSR_PAT, 0, pat ^ 0x0100 };
	in[2] = (struct msr_entry){ MSR_EFER, 0, efer ^ 1 };
	out[0] = (struct msr_entry){ MSR_SYSENTER_ESP, 0, 0 };
	out[1] = (struct msr_entry){ MSR_PAT, 0, 0 };
	out[2] = (struct msr_entry){ MSR_EFER, 0, 0 };
	out[3] = (struct msr_entry){ MSR_TSC, 0, 0 };
	back[0] = (struct msr_entry){ MSR_SYSENTER_ESP, 0, 0x7770 };
	back[1] = (struct msr_entry){ MSR_PAT, 0, pat };
	back[2] = (struct msr_entry){ MSR_EFER, 0, efer };
	back[3] = (struct msr_entry){ MSR_SYSENTER_ESP, 0, 0x8880 };
	vl2_init(&l2, do_read_msrs);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_MSR_BITMAP | PROC_TSC_OFFSET)));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	vmw(VMCS_TSC_OFFSET, BIT(50));
	vmw(VMCS_GUEST_SYSENTER_ESP, 0x2220);
	vmw(VMCS_HOST_SYSENTER_ESP, 0x6660);
	entry_list((u64)in, 3);
	store_list((u64)out, 4);
	load_list((u64)back, 4);
	check_eq(vl2_run(&l2), REASON_VMCALL, "switched");
	now = rdtsc();
	check_eq(l2.gprs.rbx, 0x1110, "switched-sysenter");
	check_eq(l2.gprs.r8, (u32)(pat ^ 0x0100), "switched-pat");
	check_eq(l2.gprs.r9, (u32)(efer ^ 1), "switched-efer");
	check_eq(out[0].value, 0x3330, "stored-sysenter");
	check_eq(vmr(VMCS_GUEST_SYSENTER_ESP), 0x3330, "saved-sysenter");
	check_eq(out[1].value, pat ^ 0x0100, "stored-pat");
	check_eq(out[2].value, efer ^ 1, "stored-efer");
	/* as RDMSR reads it in root operation */
	check_known(out[3].value <= now && now - out[3].value < BIT(40),
		    "stored-tsc", on_abyme() ? EMU_NONE : EMU_BOCHS,
		    "an exit stores the TSC with L2's offset", "%lx, now %lx",
		    out[3].value, now);
	check_eq(rdmsr(MSR_SYSENTER_ESP), 0x8880, "back-sysenter");
	check_eq(rdmsr(MSR_PAT), pat, "back-pat");
	check_eq(rdmsr(MSR_EFER), efer, "back-efer");
	wrmsr(MSR_SYSENTER_ESP, 0);
}

static void write_debugctl(void *v)
{
	wrmsr(MSR_DEBUGCTL, (u64)v);
}

/* An exit clears IA32_DEBUGCTL, then its area may load it. */
static void test_debugctl(void)
{
	static const u64 lbr = 1;

	if (try(write_debugctl, (void *)lbr) != -1 ||
	    rdmsr(MSR_DEBUGCTL) != lbr) {
		skip("debugctl", "the processor does not keep it");
		return;
	}
	for (u32 i = 0; i < 2; i++) {
		list[0] = (struct msr_entry){ MSR_DEBUGCTL, 0, lbr };
		list[1] = (struct msr_entry){ MSR_DEBUGCTL, 0, 0xbad };
		vl2_init(&l2, do_vmcall);
		vmw(VMCS_ENTRY_CTLS,
		    vmx_entry_ctls((u32)(ENTRYC_IA32E | ENTRYC_LOAD_DEBUG)));
		vmw(VMCS_GUEST_DEBUGCTL, i ? 0 : lbr);
		load_list((u64)list, i);
		entry_list((u64)list, i);
		store_list((u64)(list + 1), 1);
		check_eq(vl2_run(&l2), REASON_VMCALL, "debugctl");
		check_eq(list[1].value, lbr, "debugctl-stored");
		check_eq(rdmsr(MSR_DEBUGCTL), i ? lbr : 0, "debugctl-of-l1");
	}
	wrmsr(MSR_DEBUGCTL, 0);
}

/* What no entry may load, and that its number is told wherever it stands. */
static void test_bad(void)
{
	static const struct msr_entry bad[] = {
		{ MSR_FS_BASE, 0, 0 },
		{ MSR_GS_BASE, 0, 0 },
		{ MSR_CSTAR, BIT(31), 0 },
		{ MSR_LSTAR, 0, BIT(63) },
		{ MSR_PAT, 0, 0x0606060606060602 },
		{ MSR_SMM_MONITOR_CTL, 0, 0 },
	};
	static const u32 at[] = { 0, 1, 40, LONGEST - 1 };
	/* emulator fault: Bochs writes any MSR that it does not know */
	bool lax = !on_abyme() && emulator() == EMU_BOCHS;
	u32 rows = ARRAY_SIZE(bad) - lax, wrong = 0; /* the last is SMM's */

	for (u32 i = 0; i < rows * ARRAY_SIZE(at); i++) {
		u32 n = at[i % ARRAY_SIZE(at)];

		fill(LONGEST);
		list[n] = bad[i / ARRAY_SIZE(at)];
		list[LONGEST] = (struct msr_entry){ MSR_KERNEL_GS_BASE, 0, n };
		vl2_init(&l2, do_vmcall);
		entry_list((u64)list, LONGEST);
		load_list((u64)&list[LONGEST], 1);
		if ((vl2_run(&l2) != LIST_FAILS ||
		     vmr(VMCS_EXIT_QUALIFICATION) != n + 1 ||
		     rdmsr(MSR_KERNEL_GS_BASE) != n) &&
		    !wrong++)
			print("info: MSR %x at %u: exit %lx number %lx\n",
			      list[n].index, n, vmr(VMCS_EXIT_REASON),
			      vmr(VMCS_EXIT_QUALIFICATION));
		/* those before it were loaded */
		wrong += n && rdmsr(MSR_CSTAR) != 0x1000 + n - 1;
	}
	check_eq(wrong, 0, "bad-entries");
	wrmsr(MSR_CSTAR, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

/* --- exits that cannot be carried out --------------------------------------- */
enum { BAD_STORE = 1, LONG_LOAD, STORE_NOWHERE, BAD_LOAD };

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
	case BAD_LOAD:
		list[2].index = MSR_GS_BASE;
		load_list((u64)list, 4);
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
	test_switched();
	test_debugctl();
	test_bad();
	test_longest();
	test_no_memory();
	test_borders();
	vmx_off();
}
