/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VM entry refuses (SDM 3C, VM Entries), in the manual's groups and order,
 * one thing wrong a case: VMfailValid with error 7 or 8, or an exit with reason
 * 33 or 34 and its qualification; nothing else of L1 changes.
 */
/* boot: emus=bochs bare timeout=40 */
/* boot: emus=bochs cpu=tigerlake bare timeout=40 name=tiger */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx_case.h"

static u8 page[PAGE_SIZE] __aligned(4096);
/* The delivery of an injected event ends in #GP, which exits: with reason 0. */
#define NO_IDT V(GUEST_IDTR_LIMIT, 0)

static u64 bad_list[2] __aligned(16);

/* clang-format off */
static const struct entry_case cases[] = {
	{ "good", FINE, 0, { { 0 } }, 0, .kind = STRICT },
	/* "Checks on VMX Controls" */
	{ "pin-must-be-1", CTL, 0, { C(PIN_CTLS, 2) }, 0, .kind = STRICT },
	{ "pin-must-be-0", CTL, 0, { S(PIN_CTLS, BIT(31)) }, 0, .kind = STRICT },
	{ "proc-must-be-1", CTL, 0, { C(PROC_CTLS, 2) }, 0, .kind = STRICT },
	{ "proc-must-be-0", CTL, 0, { S(PROC_CTLS, 1) }, 0, .kind = STRICT },
	{ "proc2-must-be-0", CTL, 0, { PROC2_ON(BIT(29)) }, 0, .kind = STRICT },
	{ "cr3-targets-5", CTL, 0, { V(CR3_TARGET_COUNT, 5) }, 0, .kind = STRICT },
	{ "cr3-targets-4", FINE, 0, { V(CR3_TARGET_COUNT, 4) }, 0, .kind = STRICT },
	{ "io-bitmap-low", CTL, 0, { PROC_ON(PROC_IO_BITMAP), V(IO_BITMAP_A, 0x1001) }, 0, .kind = STRICT },
	{ "io-bitmap-high", CTL, 0, { PROC_ON(PROC_IO_BITMAP), V(IO_BITMAP_B, HIGH) }, 0, .kind = STRICT },
	{ "msr-bitmap-low", CTL, 0, { PROC_ON(PROC_MSR_BITMAP), V(MSR_BITMAP, 0x1800) }, 0, .kind = STRICT },
	{ "msr-bitmap-high", CTL, 0, { PROC_ON(PROC_MSR_BITMAP), V(MSR_BITMAP, HIGH) }, 0, .kind = STRICT },
	{ "tpr-page-low", CTL, 0, { PROC_ON(PROC_TPR_SHADOW), V(VIRTUAL_APIC_ADDR, 0x1010) }, 0, .kind = STRICT },
	{ "tpr-threshold-high", CTL, 0, { PROC_ON(PROC_TPR_SHADOW), V(VIRTUAL_APIC_ADDR, 0x200000), V(TPR_THRESHOLD, 0x10) }, 0, .kind = STRICT },
	{ "vnmi-without-nmi", CTL, 0, { S(PIN_CTLS, PIN_VNMI), C(PIN_CTLS, PIN_NMI) }, 0, .kind = STRICT },
	{ "nmi-window-without-vnmi", CTL, 0, { PROC_ON(PROC_NMI_WINDOW) }, 0, .kind = STRICT },
	{ "x2apic-without-tpr", CTL, 0, { PROC2_ON(PROC2_X2APIC) }, PROC2_X2APIC, .kind = STRICT },
	{ "apic-access-low", CTL, 0, { PROC2_ON(PROC2_APIC_ACCESS), V(APIC_ACCESS_ADDR, 0x1004) }, PROC2_APIC_ACCESS, .kind = STRICT },
	{ "vid-without-extint", CTL, 0, { PROC2_ON(PROC2_VID), PROC_ON(PROC_TPR_SHADOW), V(VIRTUAL_APIC_ADDR, 0x200000) }, PROC2_VID, .kind = STRICT },
	{ "vpid-0", CTL, 0, { PROC2_ON(PROC2_VPID), V(VPID, 0) }, PROC2_VPID, .kind = STRICT },
	{ "eptp-type-2", CTL, 0, { PROC2_ON(PROC2_EPT), V(EPTP, 0x20001a) }, PROC2_EPT, .kind = STRICT },
	{ "eptp-walk-3", CTL, 0, { PROC2_ON(PROC2_EPT), V(EPTP, 0x200016) }, PROC2_EPT, .kind = STRICT },
	{ "eptp-bit-8", CTL, 0, { PROC2_ON(PROC2_EPT), V(EPTP, 0x20011e) }, PROC2_EPT, .kind = STRICT },
	{ "eptp-high", CTL, 0, { PROC2_ON(PROC2_EPT), V(EPTP, HIGH | 0x20001e) }, PROC2_EPT, .kind = STRICT },
	{ "unrestricted-without-ept", CTL, 0, { PROC2_ON(PROC2_UNRESTRICTED) }, PROC2_UNRESTRICTED, .kind = STRICT },
	{ "vmfunc-reserved", CTL, 0, { PROC2_ON(PROC2_VMFUNC), V(VMFUNC_CTLS, 2) }, PROC2_VMFUNC, .kind = STRICT },
	{ "eptp-switch-without-ept", CTL, 0, { PROC2_ON(PROC2_VMFUNC), V(VMFUNC_CTLS, 1) }, PROC2_VMFUNC, .kind = STRICT },
	{ "vmread-bitmap-low", CTL, 0, { PROC2_ON(PROC2_SHADOW_VMCS), V(VMREAD_BITMAP, 1) }, PROC2_SHADOW_VMCS, .kind = STRICT },
	{ "ve-page-low", CTL, 0, { PROC2_ON(PROC2_VE | PROC2_EPT), V(VE_INFO_ADDR, 1) }, PROC2_VE, .kind = STRICT },
	{ "exit-must-be-1", CTL, 0, { C(EXIT_CTLS, 1) }, 0, .kind = STRICT },
	{ "exit-must-be-0", CTL, 0, { S(EXIT_CTLS, BIT(31)) }, 0, .kind = STRICT },
	{ "save-timer-without-timer", CTL, 0, { S(EXIT_CTLS, EXITC_SAVE_PREEMPTION) }, 0, .kind = STRICT },
	{ "msr-store-low", CTL, 0, { V(EXIT_MSR_STORE_COUNT, 1), V(EXIT_MSR_STORE_ADDR, 0x1008) }, 0, .kind = STRICT },
	{ "msr-store-high", CTL, 0, { V(EXIT_MSR_STORE_COUNT, 1), V(EXIT_MSR_STORE_ADDR, HIGH) }, 0, .kind = STRICT },
	{ "msr-exit-load-low", CTL, 0, { V(EXIT_MSR_LOAD_COUNT, 1), V(EXIT_MSR_LOAD_ADDR, 0x1008) }, 0, .kind = STRICT },
	{ "entry-must-be-1", CTL, 0, { C(ENTRY_CTLS, 1) }, 0, .kind = STRICT },
	{ "entry-must-be-0", CTL, 0, { S(ENTRY_CTLS, BIT(31)) }, 0, .kind = STRICT },
	{ "entry-smm", CTL, 0, { S(ENTRY_CTLS, ENTRYC_SMM) }, 0, .kind = LAX },
	{ "entry-dual-monitor", CTL, 0, { S(ENTRY_CTLS, ENTRYC_DUAL_MONITOR) }, 0, .kind = STRICT },
	{ "msr-entry-load-low", CTL, 0, { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, 8) }, 0, .kind = STRICT },
	{ "inject-type-1", CTL, 0, { INJECT(1 << 8 | 0x30) }, 0, .kind = STRICT },
	{ "inject-nmi-vector-3", CTL, 0, { INJECT(2 << 8 | 3) }, 0, .kind = STRICT },
	{ "inject-exception-32", CTL, 0, { INJECT(3 << 8 | 32) }, 0, .kind = STRICT },
	{ "inject-other-1", CTL, 0, { INJECT(7 << 8 | 1) }, 0, .kind = ENDS },
	{ "inject-ud-with-error", CTL, 0, { INJECT(3 << 8 | VEC_UD | INTR_ERROR), V(ENTRY_ERROR_CODE, 0) }, 0, .kind = NO_ANY_ERROR },
	{ "inject-gp-without-error", CTL, 0, { INJECT(3 << 8 | VEC_GP) }, 0, .kind = NO_ANY_ERROR },
	{ "inject-ud-with-error-allowed", FINE, 0, { INJECT(3 << 8 | VEC_UD | INTR_ERROR), V(ENTRY_ERROR_CODE, 0), NO_IDT }, 0, .kind = ANY_ERROR },
	{ "inject-gp-without-error-allowed", FINE, 0, { INJECT(3 << 8 | VEC_GP), NO_IDT }, 0, .kind = ANY_ERROR },
	{ "inject-ud-error-code-high", CTL, 0, { INJECT(3 << 8 | VEC_UD | INTR_ERROR), V(ENTRY_ERROR_CODE, BIT(31)) }, 0, .kind = STRICT },
	{ "inject-reserved-12", CTL, 0, { INJECT(0x30 | BIT(12)) }, 0, .kind = STRICT },
	{ "inject-reserved-30", CTL, 0, { INJECT(0x30 | BIT(30)) }, 0, .kind = STRICT },
	{ "inject-error-code-high", CTL, 0, { INJECT(3 << 8 | VEC_GP | INTR_ERROR), V(ENTRY_ERROR_CODE, BIT(16)) }, 0, .kind = STRICT },
	{ "inject-soft-length-16", CTL, 0, { INJECT(4 << 8 | 0x30), V(ENTRY_INSTR_LEN, 16) }, 0, .kind = STRICT },
	{ "inject-soft-length-0", CTL, 0, { INJECT(4 << 8 | 0x30), V(ENTRY_INSTR_LEN, 0) }, 0, .kind = NO_ZERO_LEN },
	{ "inject-soft-length-0-allowed", FINE, 0, { INJECT(4 << 8 | 0x30), V(ENTRY_INSTR_LEN, 0), NO_IDT }, 0, .kind = ZERO_LEN },
	/* "Checks on Host Control Registers, MSRs, and SSP" */
	{ "host-cr0-ne", HOST, 0, { C(HOST_CR0, CR0_NE) }, 0, .kind = STRICT },
	{ "host-cr0-pg", HOST, 0, { C(HOST_CR0, CR0_PG) }, 0, .kind = STRICT },
	{ "host-cr0-high", HOST, 0, { S(HOST_CR0, BIT(32)) }, 0, .kind = STRICT },
	{ "host-cr4-vmxe", HOST, 0, { C(HOST_CR4, CR4_VMXE) }, 0, .kind = STRICT },
	{ "host-cr4-reserved", HOST, 0, { S(HOST_CR4, BIT(15)) }, 0, .kind = STRICT },
	{ "host-cr3-high", HOST, 0, { S(HOST_CR3, HIGH) }, 0, .kind = STRICT },
	{ "host-sysenter-esp", HOST, 0, { V(HOST_SYSENTER_ESP, HIGH) }, 0, .kind = STRICT },
	{ "host-sysenter-eip", HOST, 0, { V(HOST_SYSENTER_EIP, HIGH) }, 0, .kind = STRICT },
	{ "host-pat", HOST, 0, { S(EXIT_CTLS, EXITC_LOAD_PAT), V(HOST_PAT, 2) }, 0, .kind = STRICT },
	{ "host-efer-reserved", HOST, 0, { S(EXIT_CTLS, EXITC_LOAD_EFER), V(HOST_EFER, 0xd00 | BIT(1)) }, 0, .kind = STRICT },
	{ "host-efer-lma", HOST, 0, { S(EXIT_CTLS, EXITC_LOAD_EFER), V(HOST_EFER, 0x900) }, 0, .kind = STRICT },
	/* "Checks on Host Segment and Descriptor-Table Registers" */
	{ "host-cs-rpl", HOST, 0, { V(HOST_CS_SEL, SEL_CODE64 | 3) }, 0, .kind = STRICT },
	{ "host-ss-ti", HOST, 0, { V(HOST_SS_SEL, SEL_DATA | 4) }, 0, .kind = STRICT },
	{ "host-ds-rpl", HOST, 0, { V(HOST_DS_SEL, SEL_DATA | 3) }, 0, .kind = STRICT },
	{ "host-es-ti", HOST, 0, { V(HOST_ES_SEL, SEL_DATA | 4) }, 0, .kind = STRICT },
	{ "host-fs-rpl", HOST, 0, { V(HOST_FS_SEL, SEL_DATA | 1) }, 0, .kind = STRICT },
	{ "host-gs-ti", HOST, 0, { V(HOST_GS_SEL, SEL_DATA | 4) }, 0, .kind = STRICT },
	{ "host-tr-ti", HOST, 0, { S(HOST_TR_SEL, 4) }, 0, .kind = STRICT },
	{ "host-cs-0", HOST, 0, { V(HOST_CS_SEL, 0) }, 0, .kind = STRICT },
	{ "host-tr-0", HOST, 0, { V(HOST_TR_SEL, 0) }, 0, .kind = STRICT },
	{ "host-fs-base", HOST, 0, { V(HOST_FS_BASE, HIGH) }, 0, .kind = STRICT },
	{ "host-gs-base", HOST, 0, { V(HOST_GS_BASE, HIGH) }, 0, .kind = STRICT },
	{ "host-tr-base", HOST, 0, { V(HOST_TR_BASE, HIGH) }, 0, .kind = STRICT },
	{ "host-gdtr-base", HOST, 0, { V(HOST_GDTR_BASE, HIGH) }, 0, .kind = STRICT },
	{ "host-idtr-base", HOST, 0, { V(HOST_IDTR_BASE, HIGH) }, 0, .kind = STRICT },
	/* "Checks Related to Address-Space Size" */
	{ "host-not-64", HOST, 0, { C(EXIT_CTLS, EXITC_HOST64) }, 0, .kind = STRICT },
	{ "host-cr4-pae", HOST, 0, { C(HOST_CR4, CR4_PAE) }, 0, .kind = STRICT },
	{ "host-rip", HOST, 0, { V(HOST_RIP, HIGH) }, 0, .kind = STRICT },
	/* "Checks on Guest Control Registers, Debug Registers, and MSRs" */
	{ "cr0-ne", GUEST, 0, { C(GUEST_CR0, CR0_NE) }, 0, .kind = STRICT },
	{ "cr0-pe", GUEST, 0, { C(GUEST_CR0, CR0_PE) }, 0, .kind = STRICT },
	{ "cr0-high", GUEST, 0, { S(GUEST_CR0, BIT(33)) }, 0, .kind = STRICT },
	{ "cr4-vmxe", GUEST, 0, { C(GUEST_CR4, CR4_VMXE) }, 0, .kind = STRICT },
	{ "cr4-reserved", GUEST, 0, { S(GUEST_CR4, BIT(15)) }, 0, .kind = STRICT },
	{ "debugctl", GUEST, 0, { S(ENTRY_CTLS, ENTRYC_LOAD_DEBUG), V(GUEST_DEBUGCTL, BIT(20)) }, 0, .kind = LAX },
	{ "long-without-pae", GUEST, 0, { C(GUEST_CR4, CR4_PAE) }, 0, .kind = STRICT },
	{ "cr3-high", GUEST, 0, { S(GUEST_CR3, HIGH) }, 0, .kind = STRICT },
	{ "dr7-high", GUEST, 0, { S(ENTRY_CTLS, ENTRYC_LOAD_DEBUG), S(GUEST_DR7, BIT(32)) }, 0, .kind = STRICT },
	{ "sysenter-esp", GUEST, 0, { V(GUEST_SYSENTER_ESP, HIGH) }, 0, .kind = STRICT },
	{ "sysenter-eip", GUEST, 0, { V(GUEST_SYSENTER_EIP, HIGH) }, 0, .kind = STRICT },
	{ "pat", GUEST, 0, { S(ENTRY_CTLS, ENTRYC_LOAD_PAT), V(GUEST_PAT, 2) }, 0, .kind = STRICT },
	{ "efer-reserved", GUEST, 0, { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0xd00 | BIT(1)) }, 0, .kind = STRICT },
	{ "efer-lma", GUEST, 0, { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0x900) }, 0, .kind = STRICT },
	{ "efer-lme", GUEST, 0, { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0xc00) }, 0, .kind = STRICT },
	/* "Checks on Guest Segment Registers" */
	{ "tr-ti", GUEST, 0, { S(GUEST_TR_SEL, 4) }, 0, .kind = STRICT },
	{ "ldtr-ti", GUEST, 0, { V(GUEST_LDTR_SEL, 4), V(GUEST_LDTR_AR, 0x82) }, 0, .kind = STRICT },
	{ "ss-rpl", GUEST, 0, { V(GUEST_SS_SEL, SEL_DATA | 3) }, 0, .kind = STRICT },
	{ "tr-base", GUEST, 0, { V(GUEST_TR_BASE, HIGH) }, 0, .kind = STRICT },
	{ "fs-base", GUEST, 0, { V(GUEST_FS_BASE, HIGH) }, 0, .kind = STRICT },
	{ "gs-base", GUEST, 0, { V(GUEST_GS_BASE, HIGH) }, 0, .kind = STRICT },
	{ "cs-base", GUEST, 0, { V(GUEST_CS_BASE, BIT(32)) }, 0, .kind = STRICT },
	{ "ss-base", GUEST, 0, { V(GUEST_SS_BASE, BIT(32)) }, 0, .kind = STRICT },
	{ "ds-base", GUEST, 0, { V(GUEST_DS_BASE, BIT(32)) }, 0, .kind = STRICT },
	{ "cs-type-not-accessed", GUEST, 0, { V(GUEST_CS_AR, 0xa09a) }, 0, .kind = STRICT },
	{ "cs-s", GUEST, 0, { V(GUEST_CS_AR, 0xa08b) }, 0, .kind = STRICT },
	{ "cs-present", GUEST, 0, { V(GUEST_CS_AR, 0xa01b) }, 0, .kind = STRICT },
	{ "cs-l-and-d", GUEST, 0, { V(GUEST_CS_AR, 0xe09b) }, 0, .kind = STRICT },
	{ "cs-reserved", GUEST, 0, { V(GUEST_CS_AR, 0xa19b) }, 0, .kind = STRICT },
	{ "cs-g-limit", GUEST, 0, { V(GUEST_CS_LIMIT, 0xfffff000) }, 0, .kind = STRICT },
	{ "cs-dpl", GUEST, 0, { V(GUEST_CS_AR, 0xa0fb) }, 0, .kind = STRICT },
	{ "ss-type-read-only", GUEST, 0, { V(GUEST_SS_AR, 0xc091) }, 0, .kind = STRICT },
	{ "ss-dpl", GUEST, 0, { V(GUEST_SS_AR, 0xc0f3) }, 0, .kind = STRICT },
	{ "ds-not-accessed", GUEST, 0, { V(GUEST_DS_AR, 0xc092) }, 0, .kind = STRICT },
	{ "ds-execute-only", GUEST, 0, { V(GUEST_DS_AR, 0xc099) }, 0, .kind = STRICT },
	{ "es-present", GUEST, 0, { V(GUEST_ES_AR, 0xc013) }, 0, .kind = STRICT },
	{ "tr-type", GUEST, 0, { V(GUEST_TR_AR, 0x83) }, 0, .kind = STRICT },
	{ "tr-unusable", GUEST, 0, { V(GUEST_TR_AR, 0x1008b) }, 0, .kind = STRICT },
	{ "tr-s", GUEST, 0, { V(GUEST_TR_AR, 0x9b) }, 0, .kind = STRICT },
	{ "tr-present", GUEST, 0, { V(GUEST_TR_AR, 0x0b) }, 0, .kind = STRICT },
	{ "tr-g-limit", GUEST, 0, { V(GUEST_TR_AR, 0x808b) }, 0, .kind = STRICT },
	{ "ldtr-type", GUEST, 0, { V(GUEST_LDTR_AR, 0x83) }, 0, .kind = STRICT },
	{ "ldtr-present", GUEST, 0, { V(GUEST_LDTR_AR, 0x02) }, 0, .kind = STRICT },
	/* "Checks on Guest Descriptor-Table Registers", RIP, RFLAGS */
	{ "gdtr-base", GUEST, 0, { V(GUEST_GDTR_BASE, HIGH) }, 0, .kind = STRICT },
	{ "idtr-base", GUEST, 0, { V(GUEST_IDTR_BASE, HIGH) }, 0, .kind = STRICT },
	{ "gdtr-limit", GUEST, 0, { S(GUEST_GDTR_LIMIT, BIT(16)) }, 0, .kind = STRICT },
	{ "idtr-limit", GUEST, 0, { S(GUEST_IDTR_LIMIT, BIT(16)) }, 0, .kind = STRICT },
	{ "rip", GUEST, 0, { V(GUEST_RIP, HIGH) }, 0, .kind = LAX },
	{ "rflags-fixed", GUEST, 0, { C(GUEST_RFLAGS, 2) }, 0, .kind = STRICT },
	{ "rflags-15", GUEST, 0, { S(GUEST_RFLAGS, BIT(15)) }, 0, .kind = STRICT },
	{ "rflags-22", GUEST, 0, { S(GUEST_RFLAGS, BIT(22)) }, 0, .kind = STRICT },
	{ "rflags-vm", GUEST, 0, { S(GUEST_RFLAGS, RFLAGS_VM) }, 0, .kind = STRICT },
	{ "rflags-if-extint", GUEST, 0, { INJECT(0x52) }, 0, .kind = STRICT },
	/* "Checks on Guest Non-Register State" */
	{ "activity-4", GUEST, 0, { V(GUEST_ACTIVITY, 4) }, 0, .kind = STRICT },
	{ "activity-hlt-sti", GUEST, 0, { V(GUEST_ACTIVITY, 1), V(GUEST_INTERRUPTIBILITY, 1), S(GUEST_RFLAGS, RFLAGS_IF) }, 0, .kind = STRICT },
	{ "activity-hlt-inject-ud", GUEST, 0, { V(GUEST_ACTIVITY, 1), INJECT(3 << 8 | VEC_UD) }, 0, .kind = ENDS },
	{ "activity-sipi-inject", GUEST, 0, { V(GUEST_ACTIVITY, 3), INJECT(2 << 8 | VEC_NMI) }, 0, .kind = STRICT },
	{ "intr-state-reserved", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, BIT(5)) }, 0, .kind = STRICT },
	{ "intr-state-both", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 3), S(GUEST_RFLAGS, RFLAGS_IF) }, 0, .kind = STRICT },
	{ "intr-state-sti-if", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 1) }, 0, .kind = STRICT },
	{ "intr-state-sti-inject", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 1), S(GUEST_RFLAGS, RFLAGS_IF), INJECT(0x52) }, 0, .kind = STRICT },
	{ "intr-state-mov-ss-nmi", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 2), INJECT(2 << 8 | VEC_NMI) }, 0, .kind = STRICT },
	{ "intr-state-smi", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 4) }, 0, .kind = STRICT },
	{ "pending-debug-reserved", GUEST, 0, { V(GUEST_PENDING_DBG, BIT(4)) }, 0, .kind = STRICT },
	{ "pending-debug-13", GUEST, 0, { V(GUEST_PENDING_DBG, BIT(13)) }, 0, .kind = STRICT },
	{ "pending-debug-bs-missing", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 2), S(GUEST_RFLAGS, RFLAGS_TF) }, 0, .kind = LAX },
	{ "pending-debug-bs-wrong", GUEST, 0, { V(GUEST_INTERRUPTIBILITY, 2), V(GUEST_PENDING_DBG, BIT(14)) }, 0, .kind = LAX },
	{ "link-pointer-low", GUEST, 4, { V(LINK_POINTER, 0x1001) }, 0, .kind = STRICT },
	{ "link-pointer-high", GUEST, 4, { V(LINK_POINTER, HIGH) }, 0, .kind = STRICT },
	{ "link-pointer-revision", GUEST, 4, { V(LINK_POINTER, (u64)page) }, 0, .kind = STRICT },
	/* "Loading MSRs": the first entry of the list is number 1 */
	{ "msr-load-bad", MSRS, 1, { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, (u64)bad_list) }, 0, .kind = STRICT },
};
/* clang-format on */

void main(void)
{
	vmx_on();
	bad_list[0] = MSR_FS_BASE; /* never to be loaded by a list */
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		vmx_case_run(&cases[i]);
	vmx_off();
}
