/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control-flow enforcement state in VM entries and exits: IA32_S_CET, SSP and
 * the table of interrupt shadow stacks, loaded by their controls, saved always.
 */
/* boot: emus=bochs cpu=tigerlake bare timeout=40 */
#include "tests/guests/lib/vmx_case.h"

#define ENDBR_EN BIT(2)
#define NO_TRACK BIT(4)

static struct vl2 l2;
static u8 bitmap[PAGE_SIZE] __aligned(4096);

PAYLOAD(do_vmcall, "vmcall")
/* RBX, RCX: the two MSRs as L2 finds them; it writes others. */
PAYLOAD(do_msrs, "mov $0x6a2, %ecx; rdmsr; mov %eax, %ebx;"
		 "mov $0x14, %eax; xor %edx, %edx; wrmsr;"
		 "mov $0x6a8, %ecx; rdmsr; mov %eax, %esi;"
		 "mov $0x7000, %eax; xor %edx, %edx; wrmsr; vmcall")

static void cet(void)
{
	vmw(VMCS_ENTRY_CTLS, vmr(VMCS_ENTRY_CTLS) | ENTRYC_LOAD_CET);
	vmw(VMCS_EXIT_CTLS, vmr(VMCS_EXIT_CTLS) | EXITC_LOAD_CET);
	vmw(VMCS_GUEST_S_CET, ENDBR_EN);
	vmw(VMCS_GUEST_SSP, 0x5000);
	vmw(VMCS_GUEST_INTR_SSP_TABLE, 0x6000);
	vmw(VMCS_HOST_S_CET, 0);
	vmw(VMCS_HOST_SSP, 0);
	vmw(VMCS_HOST_INTR_SSP_TABLE, 0x123000);
}

/* clang-format off */
static const struct entry_case cases[] = {
	{ "cet-good", FINE, 0, .mods = { { 0 } }, .base = cet },
	{ "s-cet-reserved", GUEST, 0, .mods = { S(GUEST_S_CET, BIT(6)) }, .base = cet },
	{ "s-cet-both", GUEST, 0, .mods = { S(GUEST_S_CET, BITS(11, 10)) }, .base = cet },
	{ "ssp-low", GUEST, 0, .mods = { S(GUEST_SSP, 1) }, .base = cet },
	{ "ssp-high", GUEST, 0, .mods = { S(GUEST_SSP, HIGH) }, .base = cet },
	{ "ssp-table", GUEST, 0, .mods = { S(GUEST_INTR_SSP_TABLE, HIGH) }, .base = cet },
	{ "host-s-cet-reserved", HOST, 0, .mods = { S(HOST_S_CET, BIT(9)) }, .base = cet },
	{ "host-s-cet-both", HOST, 0, .mods = { S(HOST_S_CET, BITS(11, 10)) }, .base = cet },
	{ "host-ssp-low", HOST, 0, .mods = { S(HOST_SSP, 2) }, .base = cet },
	{ "host-ssp-high", HOST, 0, .mods = { S(HOST_SSP, HIGH) }, .base = cet },
	{ "host-ssp-table", HOST, 0, .mods = { S(HOST_INTR_SSP_TABLE, HIGH) }, .base = cet },
	{ "guest-cr4-cet-without-wp", GUEST, 0, .mods = { S(GUEST_CR4, CR4_CET), C(GUEST_CR0, CR0_WP) }, .base = cet },
	{ "host-cr4-cet-without-wp", HOST, 0, .mods = { S(HOST_CR4, CR4_CET), C(HOST_CR0, CR0_WP) }, .base = cet },
	{ "cet-off", FINE, 0, .mods = { C(ENTRY_CTLS, ENTRYC_LOAD_CET), C(EXIT_CTLS, EXITC_LOAD_CET), V(GUEST_S_CET, ~0ull), V(GUEST_SSP, ~0ull), V(HOST_S_CET, ~0ull), V(HOST_SSP, 3) }, .base = cet },
};
/* clang-format on */

static void prepare(void (*code)(void))
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_MSR_BITMAP)));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	wrmsr(MSR_S_CET, NO_TRACK);
	wrmsr(MSR_INTR_SSP_TABLE, 0x9000);
}

static void test_switch(void)
{
	prepare(do_msrs);
	cet();
	check_eq(vl2_run(&l2), REASON_VMCALL, "switched");
	check_eq(l2.gprs.rbx, ENDBR_EN, "s-cet-loaded");
	check_eq(l2.gprs.rsi, 0x6000, "table-loaded");
	check_eq(vmr(VMCS_GUEST_S_CET), 0x14, "s-cet-saved");
	check_eq(vmr(VMCS_GUEST_INTR_SSP_TABLE), 0x7000, "table-saved");
	check_eq(vmr(VMCS_GUEST_SSP), 0x5000, "ssp-saved");
	check_eq(rdmsr(MSR_S_CET), 0, "s-cet-of-l1");
	check_eq(rdmsr(MSR_INTR_SSP_TABLE), 0x123000, "table-of-l1");
	/* on from there: what was saved is loaded again */
	vmw(VMCS_GUEST_RIP, (u64)do_msrs);
	check_eq(vl2_run(&l2), REASON_VMCALL, "again");
	check_eq(l2.gprs.rbx, 0x14, "s-cet-again");
	check_eq(l2.gprs.rsi, 0x7000, "table-again");
	vmw(VMCS_GUEST_RIP, (u64)do_msrs);
	vmw(VMCS_GUEST_S_CET, ENDBR_EN | NO_TRACK);
	check_eq(vl2_run(&l2), REASON_VMCALL, "written");
	check_eq(l2.gprs.rbx, ENDBR_EN | NO_TRACK, "s-cet-written");
	check_eq(l2.gprs.rsi, 0x7000, "table-not-written");
}

/* Without the controls L2 has L1's, and L1 finds L2's. */
static void test_inherited(void)
{
	prepare(do_msrs);
	vmw(VMCS_GUEST_S_CET, ENDBR_EN);
	check_eq(vl2_run(&l2), REASON_VMCALL, "inherited");
	check_eq(l2.gprs.rbx, NO_TRACK, "s-cet-inherited");
	check_eq(l2.gprs.rsi, 0x9000, "table-inherited");
	check_eq(vmr(VMCS_GUEST_S_CET), 0x14, "s-cet-saved-always");
	check_eq(rdmsr(MSR_S_CET), 0x14, "s-cet-left");
	check_eq(rdmsr(MSR_INTR_SSP_TABLE), 0x7000, "table-left");
	/* the entry's control switched on then */
	vmw(VMCS_ENTRY_CTLS, vmr(VMCS_ENTRY_CTLS) | ENTRYC_LOAD_CET);
	wrmsr(MSR_S_CET, 0);
	vmw(VMCS_GUEST_RIP, (u64)do_msrs);
	check_eq(vl2_run(&l2), REASON_VMCALL, "loaded-then");
	check_eq(l2.gprs.rbx, 0x14, "s-cet-loaded-then");
}

/* A list of MSRs names them, too. */
static void test_list(void)
{
	static u64 list[2] __aligned(16) = { MSR_S_CET, NO_TRACK };

	prepare(do_msrs);
	cet();
	vmw(VMCS_ENTRY_MSR_LOAD_COUNT, 1);
	vmw(VMCS_ENTRY_MSR_LOAD_ADDR, (u64)list);
	check_eq(vl2_run(&l2), REASON_VMCALL, "list");
	check_eq(l2.gprs.rbx, NO_TRACK, "list-loaded");
	wrmsr(MSR_S_CET, 0);
	wrmsr(MSR_INTR_SSP_TABLE, 0);
}

void main(void)
{
	vmx_on();
	if (!(vmx_entry_ctls((u32)ENTRYC_LOAD_CET) & ENTRYC_LOAD_CET)) {
		skip("cet", "the control is not offered");
		done();
	}
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		vmx_case_run(&cases[i]);
	test_switch();
	test_inherited();
	test_list();
	vmx_off();
}
