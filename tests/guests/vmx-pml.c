/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page-modification logging: what L2 dirties stands in L1's log. */
/* boot: emus=bochs cpu=corei7_skylake_x bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define AREA GiB(4)
#define AREA_PA MiB(64)

static struct vl2 l2;
static u64 *ept, *log;

/* RCX pages from RDI on: read, or written. */
PAYLOAD(l2_read, "1: movb (%rdi), %al; add $4096, %rdi; dec %rcx; jnz 1b;"
		 "vmcall")
PAYLOAD(l2_write, "1: movb $1, (%rdi); add $4096, %rdi; dec %rcx; jnz 1b;"
		  "vmcall")

static void prepare(void (*code)(void), u32 first, u32 pages, u16 index)
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)(PROC2_EPT | PROC2_PML)));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4 | EPTP_AD);
	vmw(VMCS_PML_ADDR, (u64)log);
	vmw(VMCS_PML_INDEX, index);
	memset(log, 0, PAGE_SIZE);
	l2.gprs.rdi = AREA + first * PAGE_SIZE;
	l2.gprs.rcx = pages;
}

/* Nothing but the area may be dirtied: all else has its flags set. */
static void area_clean(void)
{
	table_map(ept, AREA, AREA_PA, 16, EPT_TABLE, EPT_PAGE);
	if (invept_insn(INVEPT_ALL, 0, 0) != VMX_OK)
		die("invept", "-");
}

static void test_log(void)
{
	area_clean();
	prepare(l2_read, 0, 4, 511);
	check_eq(vl2_run(&l2), REASON_VMCALL, "read-exit");
	check_eq(vmr(VMCS_PML_INDEX), 511, "reads-are-not-logged");
	prepare(l2_write, 1, 3, 511);
	check_eq(vl2_run(&l2), REASON_VMCALL, "write-exit");
	check_eq(vmr(VMCS_PML_INDEX), 508, "writes-count");
	check_eq(log[511], AREA + 1 * PAGE_SIZE, "first");
	check_eq(log[510], AREA + 2 * PAGE_SIZE, "second");
	check_eq(log[509], AREA + 3 * PAGE_SIZE, "third");
	check_eq(log[508], 0, "no-more");
	prepare(l2_write, 1, 3, 511);
	check_eq(vl2_run(&l2), REASON_VMCALL, "again-exit");
	check_eq(vmr(VMCS_PML_INDEX), 511, "dirty-pages-are-not-logged-again");
}

static void test_full(void)
{
	area_clean();
	prepare(l2_write, 0, 3, 1);
	check_eq(vl2_run(&l2), REASON_PML_FULL, "full-exit");
	check_eq((u16)vmr(VMCS_PML_INDEX), 0xffff, "full-index");
	check_eq(log[1], AREA, "full-first");
	check_eq(log[0], AREA + PAGE_SIZE, "full-second");
	check_eq(*table_entry(ept, AREA + 2 * PAGE_SIZE, 1, EPT_TABLE) & BIT(9),
		 0, "full-leaves-the-page-clean");
	check_eq(l2.gprs.rcx, 1, "full-before-the-third");
	vmw(VMCS_PML_INDEX, 511);
	check_eq(vl2_run(&l2), REASON_VMCALL, "goes-on");
	check_eq(log[511], AREA + 2 * PAGE_SIZE, "third-logged");
	check_eq(vmr(VMCS_PML_INDEX), 510, "third-counted");
}

/* The frame of an event finds the log full: nothing is delivered, and the event
 * is told; then it goes in and the stack's page is logged. */
static u32 seen;

static bool on_event(struct regs *r)
{
	seen++;
	return true;
}

static void test_in_delivery(void)
{
	const u32 event = INTR_INFO(INTR_TYPE_EXT, 0x52);

	area_clean();
	prepare(l2_read, 0, 1, 0xffff);
	vmw(VMCS_GUEST_RSP, AREA + 5 * PAGE_SIZE - 0x100);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	vmw(VMCS_ENTRY_INTR_INFO, event);
	seen = 0;
	check_eq(vl2_run(&l2), REASON_PML_FULL, "delivery-full");
	check_eq(vmr(VMCS_IDT_VECTORING), event, "delivery-vectoring");
	check_eq(seen, 0, "delivery-not-yet");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)l2_read, "delivery-rip");
	vmw(VMCS_PML_INDEX, 511);
	vmw(VMCS_ENTRY_INTR_INFO, vmr(VMCS_IDT_VECTORING));
	check_eq(vl2_run(&l2), REASON_VMCALL, "delivery-again");
	check_eq(seen, 1, "delivery-delivered");
	check_known(log[511] == AREA + 4 * PAGE_SIZE, "delivery-logged",
		    on_abyme() ? EMU_NONE : EMU_BOCHS,
		    "the address is logged with its offset in the page", "%lx",
		    log[511]);
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_PML)) {
		skip("pml", "not offered");
		done();
	}
	log = page_alloc(1);
	map_2m(AREA, MiB(2), 0x87 | 0x60);
	ept = table_identity(EPT_TABLE | BIT(8), EPT_PAGE | EPT_AD);
	test_log();
	test_full();
	set_hook(0x52, on_event);
	test_in_delivery();
	vmx_off();
}
