/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VM entry refuses (SDM 3C, VM Entries), in the manual's groups and order,
 * one thing wrong a case: VMfailValid with error 7 or 8, or an exit with reason
 * 33 or 34 and its qualification; nothing else of L1 changes.
 */
/* boot: emus=bochs bare timeout=40 */
/* boot: emus=bochs cpu=corei7_skylake_x bare timeout=40 name=skylake */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

enum how { END, SET, CLEAR, VALUE };

struct mod {
	u32 field;
	enum how how;
	u64 v;
};

#define CTL 7u	/* VMfailValid: controls */
#define HOST 8u /* VMfailValid: host state */
#define GUEST (u32)(REASON_BAD_GUEST | EXIT_ENTRY_FAILURE)
#define MSRS (u32)(REASON_BAD_MSR_LOAD | EXIT_ENTRY_FAILURE)
#define FINE 0u
#define HIGH BIT(60) /* no address, no canonical one */
#define PROC_ON(bits)                       \
	{                                   \
		VMCS_PROC_CTLS, SET, (bits) \
	}
#define PROC2_ON(bits)                       \
	PROC_ON(PROC_PROC2),                 \
	{                                    \
		VMCS_PROC2_CTLS, SET, (bits) \
	}
#define INJECT(v)                                             \
	{                                                     \
		VMCS_ENTRY_INTR_INFO, VALUE, INTR_VALID | (v) \
	}
#define S(f, bits)                  \
	{                           \
		VMCS_##f, SET, bits \
	}
#define C(f, bits)                    \
	{                             \
		VMCS_##f, CLEAR, bits \
	}
#define V(f, val)                    \
	{                            \
		VMCS_##f, VALUE, val \
	}

struct entry_case {
	const char *name;
	u32 want, qual;
	struct mod mods[4];
	u32 need; /* secondary control that has to be there, 0: none */
	enum kind {
		STRICT,
		LAX,  /* bare Bochs does not check it */
		ENDS, /* bare Bochs ends */
		/* for processors with and without IA32_VMX_MISC bit 30 */
		ZERO_LEN,
		NO_ZERO_LEN,
	} kind;
};

static u8 page[PAGE_SIZE] __aligned(4096);
static u64 bad_list[2] __aligned(16);

/* clang-format off: one line a case */
static const struct entry_case cases[] = {
	{ "good", FINE, 0, { { 0 } }, 0, STRICT },
	/* "Checks on VMX Controls" */
	{ "pin-must-be-1", CTL, 0, { C(PIN_CTLS, 2) }, 0, STRICT },
	{ "pin-must-be-0", CTL, 0, { S(PIN_CTLS, BIT(31)) }, 0, STRICT },
	{ "proc-must-be-1", CTL, 0, { C(PROC_CTLS, 2) }, 0, STRICT },
	{ "proc-must-be-0", CTL, 0, { S(PROC_CTLS, 1) }, 0, STRICT },
	{ "proc2-must-be-0", CTL, 0, { PROC2_ON(BIT(29)) }, 0, STRICT },
	{ "cr3-targets-5", CTL, 0, { V(CR3_TARGET_COUNT, 5) }, 0, STRICT },
	{ "cr3-targets-4", FINE, 0, { V(CR3_TARGET_COUNT, 4) }, 0, STRICT },
	{ "io-bitmap-low",
	  CTL,
	  0,
	  { PROC_ON(PROC_IO_BITMAP), V(IO_BITMAP_A, 0x1001) },
	  0,
	  STRICT },
	{ "io-bitmap-high",
	  CTL,
	  0,
	  { PROC_ON(PROC_IO_BITMAP), V(IO_BITMAP_B, HIGH) },
	  0,
	  STRICT },
	{ "msr-bitmap-low",
	  CTL,
	  0,
	  { PROC_ON(PROC_MSR_BITMAP), V(MSR_BITMAP, 0x1800) },
	  0,
	  STRICT },
	{ "msr-bitmap-high",
	  CTL,
	  0,
	  { PROC_ON(PROC_MSR_BITMAP), V(MSR_BITMAP, HIGH) },
	  0,
	  STRICT },
	{ "tpr-page-low",
	  CTL,
	  0,
	  { PROC_ON(PROC_TPR_SHADOW), V(VIRTUAL_APIC_ADDR, 0x1010) },
	  0,
	  STRICT },
	{ "tpr-threshold-high",
	  CTL,
	  0,
	  { PROC_ON(PROC_TPR_SHADOW), V(VIRTUAL_APIC_ADDR, 0x200000),
	    V(TPR_THRESHOLD, 0x10) },
	  0,
	  STRICT },
	{ "vnmi-without-nmi",
	  CTL,
	  0,
	  { S(PIN_CTLS, PIN_VNMI), C(PIN_CTLS, PIN_NMI) },
	  0,
	  STRICT },
	{ "nmi-window-without-vnmi",
	  CTL,
	  0,
	  { PROC_ON(PROC_NMI_WINDOW) },
	  0,
	  STRICT },
	{ "x2apic-without-tpr",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_X2APIC) },
	  PROC2_X2APIC,
	  STRICT },
	{ "apic-access-low",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_APIC_ACCESS), V(APIC_ACCESS_ADDR, 0x1004) },
	  PROC2_APIC_ACCESS,
	  STRICT },
	{ "vid-without-extint",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_VID), PROC_ON(PROC_TPR_SHADOW),
	    V(VIRTUAL_APIC_ADDR, 0x200000) },
	  PROC2_VID,
	  STRICT },
	{ "vpid-0",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_VPID), V(VPID, 0) },
	  PROC2_VPID,
	  STRICT },
	{ "eptp-type-2",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_EPT), V(EPTP, 0x20001a) },
	  PROC2_EPT,
	  STRICT },
	{ "eptp-walk-3",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_EPT), V(EPTP, 0x200016) },
	  PROC2_EPT,
	  STRICT },
	{ "eptp-bit-8",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_EPT), V(EPTP, 0x20011e) },
	  PROC2_EPT,
	  STRICT },
	{ "eptp-high",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_EPT), V(EPTP, HIGH | 0x20001e) },
	  PROC2_EPT,
	  STRICT },
	{ "unrestricted-without-ept",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_UNRESTRICTED) },
	  PROC2_UNRESTRICTED,
	  STRICT },
	{ "vmfunc-reserved",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_VMFUNC), V(VMFUNC_CTLS, 2) },
	  PROC2_VMFUNC,
	  STRICT },
	{ "eptp-switch-without-ept",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_VMFUNC), V(VMFUNC_CTLS, 1) },
	  PROC2_VMFUNC,
	  STRICT },
	{ "vmread-bitmap-low",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_SHADOW_VMCS), V(VMREAD_BITMAP, 1) },
	  PROC2_SHADOW_VMCS,
	  STRICT },
	{ "ve-page-low",
	  CTL,
	  0,
	  { PROC2_ON(PROC2_VE | PROC2_EPT), V(VE_INFO_ADDR, 1) },
	  PROC2_VE,
	  STRICT },
	{ "exit-must-be-1", CTL, 0, { C(EXIT_CTLS, 1) }, 0, STRICT },
	{ "exit-must-be-0", CTL, 0, { S(EXIT_CTLS, BIT(31)) }, 0, STRICT },
	{ "save-timer-without-timer",
	  CTL,
	  0,
	  { S(EXIT_CTLS, EXITC_SAVE_PREEMPTION) },
	  0,
	  STRICT },
	{ "msr-store-low",
	  CTL,
	  0,
	  { V(EXIT_MSR_STORE_COUNT, 1), V(EXIT_MSR_STORE_ADDR, 0x1008) },
	  0,
	  STRICT },
	{ "msr-store-high",
	  CTL,
	  0,
	  { V(EXIT_MSR_STORE_COUNT, 1), V(EXIT_MSR_STORE_ADDR, HIGH) },
	  0,
	  STRICT },
	{ "msr-exit-load-low",
	  CTL,
	  0,
	  { V(EXIT_MSR_LOAD_COUNT, 1), V(EXIT_MSR_LOAD_ADDR, 0x1008) },
	  0,
	  STRICT },
	{ "entry-must-be-1", CTL, 0, { C(ENTRY_CTLS, 1) }, 0, STRICT },
	{ "entry-must-be-0", CTL, 0, { S(ENTRY_CTLS, BIT(31)) }, 0, STRICT },
	{ "entry-smm", CTL, 0, { S(ENTRY_CTLS, ENTRYC_SMM) }, 0, LAX },
	{ "entry-dual-monitor",
	  CTL,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_DUAL_MONITOR) },
	  0,
	  STRICT },
	{ "msr-entry-load-low",
	  CTL,
	  0,
	  { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, 8) },
	  0,
	  STRICT },
	{ "inject-type-1", CTL, 0, { INJECT(1 << 8 | 0x30) }, 0, STRICT },
	{ "inject-nmi-vector-3", CTL, 0, { INJECT(2 << 8 | 3) }, 0, STRICT },
	{ "inject-exception-32", CTL, 0, { INJECT(3 << 8 | 32) }, 0, STRICT },
	{ "inject-other-1", CTL, 0, { INJECT(7 << 8 | 1) }, 0, ENDS },
	{ "inject-ud-with-error",
	  CTL,
	  0,
	  { INJECT(3 << 8 | VEC_UD | INTR_ERROR) },
	  0,
	  STRICT },
	{ "inject-gp-without-error",
	  CTL,
	  0,
	  { INJECT(3 << 8 | VEC_GP) },
	  0,
	  STRICT },
	{ "inject-reserved-12", CTL, 0, { INJECT(0x30 | BIT(12)) }, 0, STRICT },
	{ "inject-reserved-30", CTL, 0, { INJECT(0x30 | BIT(30)) }, 0, STRICT },
	{ "inject-error-code-high",
	  CTL,
	  0,
	  { INJECT(3 << 8 | VEC_GP | INTR_ERROR),
	    V(ENTRY_ERROR_CODE, BIT(16)) },
	  0,
	  STRICT },
	{ "inject-soft-length-16",
	  CTL,
	  0,
	  { INJECT(4 << 8 | 0x30), V(ENTRY_INSTR_LEN, 16) },
	  0,
	  STRICT },
	{ "inject-soft-length-0",
	  CTL,
	  0,
	  { INJECT(4 << 8 | 0x30), V(ENTRY_INSTR_LEN, 0) },
	  0,
	  NO_ZERO_LEN },
	/* delivered, that is: there is no IDT, #GP exits */
	{ "inject-soft-length-0-allowed",
	  FINE,
	  0,
	  { INJECT(4 << 8 | 0x30), V(ENTRY_INSTR_LEN, 0),
	    V(GUEST_IDTR_LIMIT, 0) },
	  0,
	  ZERO_LEN },
	/* "Checks on Host Control Registers, MSRs, and SSP" */
	{ "host-cr0-ne", HOST, 0, { C(HOST_CR0, CR0_NE) }, 0, STRICT },
	{ "host-cr0-pg", HOST, 0, { C(HOST_CR0, CR0_PG) }, 0, STRICT },
	{ "host-cr0-high", HOST, 0, { S(HOST_CR0, BIT(32)) }, 0, STRICT },
	{ "host-cr4-vmxe", HOST, 0, { C(HOST_CR4, CR4_VMXE) }, 0, STRICT },
	{ "host-cr4-reserved", HOST, 0, { S(HOST_CR4, BIT(15)) }, 0, STRICT },
	{ "host-cr3-high", HOST, 0, { S(HOST_CR3, HIGH) }, 0, STRICT },
	{ "host-sysenter-esp",
	  HOST,
	  0,
	  { V(HOST_SYSENTER_ESP, HIGH) },
	  0,
	  STRICT },
	{ "host-sysenter-eip",
	  HOST,
	  0,
	  { V(HOST_SYSENTER_EIP, HIGH) },
	  0,
	  STRICT },
	{ "host-pat",
	  HOST,
	  0,
	  { S(EXIT_CTLS, EXITC_LOAD_PAT), V(HOST_PAT, 2) },
	  0,
	  STRICT },
	{ "host-efer-reserved",
	  HOST,
	  0,
	  { S(EXIT_CTLS, EXITC_LOAD_EFER), V(HOST_EFER, 0xd00 | BIT(1)) },
	  0,
	  STRICT },
	{ "host-efer-lma",
	  HOST,
	  0,
	  { S(EXIT_CTLS, EXITC_LOAD_EFER), V(HOST_EFER, 0x900) },
	  0,
	  STRICT },
	/* "Checks on Host Segment and Descriptor-Table Registers" */
	{ "host-cs-rpl",
	  HOST,
	  0,
	  { V(HOST_CS_SEL, SEL_CODE64 | 3) },
	  0,
	  STRICT },
	{ "host-ss-ti", HOST, 0, { V(HOST_SS_SEL, SEL_DATA | 4) }, 0, STRICT },
	{ "host-ds-rpl", HOST, 0, { V(HOST_DS_SEL, SEL_DATA | 3) }, 0, STRICT },
	{ "host-es-ti", HOST, 0, { V(HOST_ES_SEL, SEL_DATA | 4) }, 0, STRICT },
	{ "host-fs-rpl", HOST, 0, { V(HOST_FS_SEL, SEL_DATA | 1) }, 0, STRICT },
	{ "host-gs-ti", HOST, 0, { V(HOST_GS_SEL, SEL_DATA | 4) }, 0, STRICT },
	{ "host-tr-ti", HOST, 0, { S(HOST_TR_SEL, 4) }, 0, STRICT },
	{ "host-cs-0", HOST, 0, { V(HOST_CS_SEL, 0) }, 0, STRICT },
	{ "host-tr-0", HOST, 0, { V(HOST_TR_SEL, 0) }, 0, STRICT },
	{ "host-fs-base", HOST, 0, { V(HOST_FS_BASE, HIGH) }, 0, STRICT },
	{ "host-gs-base", HOST, 0, { V(HOST_GS_BASE, HIGH) }, 0, STRICT },
	{ "host-tr-base", HOST, 0, { V(HOST_TR_BASE, HIGH) }, 0, STRICT },
	{ "host-gdtr-base", HOST, 0, { V(HOST_GDTR_BASE, HIGH) }, 0, STRICT },
	{ "host-idtr-base", HOST, 0, { V(HOST_IDTR_BASE, HIGH) }, 0, STRICT },
	/* "Checks Related to Address-Space Size" */
	{ "host-not-64", HOST, 0, { C(EXIT_CTLS, EXITC_HOST64) }, 0, STRICT },
	{ "host-cr4-pae", HOST, 0, { C(HOST_CR4, CR4_PAE) }, 0, STRICT },
	{ "host-rip", HOST, 0, { V(HOST_RIP, HIGH) }, 0, STRICT },
	/* "Checks on Guest Control Registers, Debug Registers, and MSRs" */
	{ "cr0-ne", GUEST, 0, { C(GUEST_CR0, CR0_NE) }, 0, STRICT },
	{ "cr0-pe", GUEST, 0, { C(GUEST_CR0, CR0_PE) }, 0, STRICT },
	{ "cr0-high", GUEST, 0, { S(GUEST_CR0, BIT(33)) }, 0, STRICT },
	{ "cr4-vmxe", GUEST, 0, { C(GUEST_CR4, CR4_VMXE) }, 0, STRICT },
	{ "cr4-reserved", GUEST, 0, { S(GUEST_CR4, BIT(15)) }, 0, STRICT },
	{ "debugctl",
	  GUEST,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_LOAD_DEBUG), V(GUEST_DEBUGCTL, BIT(20)) },
	  0,
	  LAX },
	{ "long-without-pae", GUEST, 0, { C(GUEST_CR4, CR4_PAE) }, 0, STRICT },
	{ "cr3-high", GUEST, 0, { S(GUEST_CR3, HIGH) }, 0, STRICT },
	{ "dr7-high",
	  GUEST,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_LOAD_DEBUG), S(GUEST_DR7, BIT(32)) },
	  0,
	  STRICT },
	{ "sysenter-esp",
	  GUEST,
	  0,
	  { V(GUEST_SYSENTER_ESP, HIGH) },
	  0,
	  STRICT },
	{ "sysenter-eip",
	  GUEST,
	  0,
	  { V(GUEST_SYSENTER_EIP, HIGH) },
	  0,
	  STRICT },
	{ "pat",
	  GUEST,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_LOAD_PAT), V(GUEST_PAT, 2) },
	  0,
	  STRICT },
	{ "efer-reserved",
	  GUEST,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0xd00 | BIT(1)) },
	  0,
	  STRICT },
	{ "efer-lma",
	  GUEST,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0x900) },
	  0,
	  STRICT },
	{ "efer-lme",
	  GUEST,
	  0,
	  { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0xc00) },
	  0,
	  STRICT },
	/* "Checks on Guest Segment Registers" */
	{ "tr-ti", GUEST, 0, { S(GUEST_TR_SEL, 4) }, 0, STRICT },
	{ "ldtr-ti",
	  GUEST,
	  0,
	  { V(GUEST_LDTR_SEL, 4), V(GUEST_LDTR_AR, 0x82) },
	  0,
	  STRICT },
	{ "ss-rpl", GUEST, 0, { V(GUEST_SS_SEL, SEL_DATA | 3) }, 0, STRICT },
	{ "tr-base", GUEST, 0, { V(GUEST_TR_BASE, HIGH) }, 0, STRICT },
	{ "fs-base", GUEST, 0, { V(GUEST_FS_BASE, HIGH) }, 0, STRICT },
	{ "gs-base", GUEST, 0, { V(GUEST_GS_BASE, HIGH) }, 0, STRICT },
	{ "cs-base", GUEST, 0, { V(GUEST_CS_BASE, BIT(32)) }, 0, STRICT },
	{ "ss-base", GUEST, 0, { V(GUEST_SS_BASE, BIT(32)) }, 0, STRICT },
	{ "ds-base", GUEST, 0, { V(GUEST_DS_BASE, BIT(32)) }, 0, STRICT },
	{ "cs-type-not-accessed",
	  GUEST,
	  0,
	  { V(GUEST_CS_AR, 0xa09a) },
	  0,
	  STRICT },
	{ "cs-s", GUEST, 0, { V(GUEST_CS_AR, 0xa08b) }, 0, STRICT },
	{ "cs-present", GUEST, 0, { V(GUEST_CS_AR, 0xa01b) }, 0, STRICT },
	{ "cs-l-and-d", GUEST, 0, { V(GUEST_CS_AR, 0xe09b) }, 0, STRICT },
	{ "cs-reserved", GUEST, 0, { V(GUEST_CS_AR, 0xa19b) }, 0, STRICT },
	{ "cs-g-limit",
	  GUEST,
	  0,
	  { V(GUEST_CS_LIMIT, 0xfffff000) },
	  0,
	  STRICT },
	{ "cs-dpl", GUEST, 0, { V(GUEST_CS_AR, 0xa0fb) }, 0, STRICT },
	{ "ss-type-read-only",
	  GUEST,
	  0,
	  { V(GUEST_SS_AR, 0xc091) },
	  0,
	  STRICT },
	{ "ss-dpl", GUEST, 0, { V(GUEST_SS_AR, 0xc0f3) }, 0, STRICT },
	{ "ds-not-accessed", GUEST, 0, { V(GUEST_DS_AR, 0xc092) }, 0, STRICT },
	{ "ds-execute-only", GUEST, 0, { V(GUEST_DS_AR, 0xc099) }, 0, STRICT },
	{ "es-present", GUEST, 0, { V(GUEST_ES_AR, 0xc013) }, 0, STRICT },
	{ "tr-type", GUEST, 0, { V(GUEST_TR_AR, 0x83) }, 0, STRICT },
	{ "tr-unusable", GUEST, 0, { V(GUEST_TR_AR, 0x1008b) }, 0, STRICT },
	{ "tr-s", GUEST, 0, { V(GUEST_TR_AR, 0x9b) }, 0, STRICT },
	{ "tr-present", GUEST, 0, { V(GUEST_TR_AR, 0x0b) }, 0, STRICT },
	{ "tr-g-limit", GUEST, 0, { V(GUEST_TR_AR, 0x808b) }, 0, STRICT },
	{ "ldtr-type", GUEST, 0, { V(GUEST_LDTR_AR, 0x83) }, 0, STRICT },
	{ "ldtr-present", GUEST, 0, { V(GUEST_LDTR_AR, 0x02) }, 0, STRICT },
	/* "Checks on Guest Descriptor-Table Registers", RIP, RFLAGS */
	{ "gdtr-base", GUEST, 0, { V(GUEST_GDTR_BASE, HIGH) }, 0, STRICT },
	{ "idtr-base", GUEST, 0, { V(GUEST_IDTR_BASE, HIGH) }, 0, STRICT },
	{ "gdtr-limit", GUEST, 0, { S(GUEST_GDTR_LIMIT, BIT(16)) }, 0, STRICT },
	{ "idtr-limit", GUEST, 0, { S(GUEST_IDTR_LIMIT, BIT(16)) }, 0, STRICT },
	{ "rip", GUEST, 0, { V(GUEST_RIP, HIGH) }, 0, LAX },
	{ "rflags-fixed", GUEST, 0, { C(GUEST_RFLAGS, 2) }, 0, STRICT },
	{ "rflags-15", GUEST, 0, { S(GUEST_RFLAGS, BIT(15)) }, 0, STRICT },
	{ "rflags-22", GUEST, 0, { S(GUEST_RFLAGS, BIT(22)) }, 0, STRICT },
	{ "rflags-vm", GUEST, 0, { S(GUEST_RFLAGS, RFLAGS_VM) }, 0, STRICT },
	{ "rflags-if-extint", GUEST, 0, { INJECT(0x52) }, 0, STRICT },
	/* "Checks on Guest Non-Register State" */
	{ "activity-4", GUEST, 0, { V(GUEST_ACTIVITY, 4) }, 0, STRICT },
	{ "activity-hlt-sti",
	  GUEST,
	  0,
	  { V(GUEST_ACTIVITY, 1), V(GUEST_INTERRUPTIBILITY, 1),
	    S(GUEST_RFLAGS, RFLAGS_IF) },
	  0,
	  STRICT },
	{ "activity-hlt-inject-ud",
	  GUEST,
	  0,
	  { V(GUEST_ACTIVITY, 1), INJECT(3 << 8 | VEC_UD) },
	  0,
	  ENDS },
	{ "activity-sipi-inject",
	  GUEST,
	  0,
	  { V(GUEST_ACTIVITY, 3), INJECT(2 << 8 | VEC_NMI) },
	  0,
	  STRICT },
	{ "intr-state-reserved",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, BIT(5)) },
	  0,
	  STRICT },
	{ "intr-state-both",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 3), S(GUEST_RFLAGS, RFLAGS_IF) },
	  0,
	  STRICT },
	{ "intr-state-sti-if",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 1) },
	  0,
	  STRICT },
	{ "intr-state-sti-inject",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 1), S(GUEST_RFLAGS, RFLAGS_IF),
	    INJECT(0x52) },
	  0,
	  STRICT },
	{ "intr-state-mov-ss-nmi",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 2), INJECT(2 << 8 | VEC_NMI) },
	  0,
	  STRICT },
	{ "intr-state-smi",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 4) },
	  0,
	  STRICT },
	{ "pending-debug-reserved",
	  GUEST,
	  0,
	  { V(GUEST_PENDING_DBG, BIT(4)) },
	  0,
	  STRICT },
	{ "pending-debug-13",
	  GUEST,
	  0,
	  { V(GUEST_PENDING_DBG, BIT(13)) },
	  0,
	  STRICT },
	{ "pending-debug-bs-missing",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 2), S(GUEST_RFLAGS, RFLAGS_TF) },
	  0,
	  LAX },
	{ "pending-debug-bs-wrong",
	  GUEST,
	  0,
	  { V(GUEST_INTERRUPTIBILITY, 2), V(GUEST_PENDING_DBG, BIT(14)) },
	  0,
	  LAX },
	{ "link-pointer-low",
	  GUEST,
	  4,
	  { V(LINK_POINTER, 0x1001) },
	  0,
	  STRICT },
	{ "link-pointer-high", GUEST, 4, { V(LINK_POINTER, HIGH) }, 0, STRICT },
	{ "link-pointer-revision",
	  GUEST,
	  4,
	  { V(LINK_POINTER, (u64)page) },
	  0,
	  STRICT },
	/* "Loading MSRs": the first entry of the list is number 1 */
	{ "msr-load-bad",
	  MSRS,
	  1,
	  { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, (u64)bad_list) },
	  0,
	  STRICT },
};
/* clang-format on */

static struct vl2 l2;

PAYLOAD(do_vmcall, "vmcall")

static void apply(const struct mod *m)
{
	u64 v = m->how == VALUE ? m->v : vmr(m->field);

	if (m->how == SET)
		v |= m->v;
	if (m->how == CLEAR)
		v &= ~m->v;
	vmw(m->field, v);
}

static void prepare(const struct entry_case *c)
{
	vl2_init(&l2, do_vmcall);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	for (u32 i = 0; i < ARRAY_SIZE(c->mods) && c->mods[i].how; i++)
		apply(&c->mods[i]);
}

static u32 outcome(u32 reason)
{
	if (reason == VL2_FAIL_VALID)
		return (u32)vmr(VMCS_INSTR_ERROR);
	return reason == REASON_VMCALL ? FINE : reason;
}

static void run(const struct entry_case *c)
{
	enum emulator lax = on_abyme() ? EMU_NONE : emulator();
	char name[48];
	u32 got;

	if (c->need && !vmx_has_proc2(c->need)) {
		skip(c->name, "the control is not offered");
		return;
	}
	if (c->kind == (rdmsr(MSR_VMX_MISC) & VMX_MISC_ZERO_LEN ? NO_ZERO_LEN
								: ZERO_LEN)) {
		skip(c->name, "IA32_VMX_MISC says otherwise");
		return;
	}
	if (c->kind == ENDS && lax) {
		check_known(false, c->name, lax, "Bochs 2.7 ends", "not tried");
		return;
	}
	prepare(c);
	got = outcome(vl2_run(&l2));
	if (!check_known(got == c->want, c->name,
			 c->kind == LAX ? lax : EMU_NONE,
			 "Bochs 2.7 does not check it", "got %x, want %x", got,
			 c->want))
		return;
	if (got & EXIT_ENTRY_FAILURE) {
		snprintf(name, sizeof(name), "%s-qualification", c->name);
		check_eq(vmr(VMCS_EXIT_QUALIFICATION), c->qual, name);
	}
	if (got == FINE)
		return;
	/* the launch state is still "clear": the mended VMCS launches */
	prepare(&cases[0]);
	got = outcome(vl2_run(&l2));
	snprintf(name, sizeof(name), "%s-mended", c->name);
	if (got != FINE)
		check_eq(got, FINE, name);
}

void main(void)
{
	vmx_on();
	bad_list[0] = MSR_FS_BASE; /* never to be loaded by a list */
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	vmx_off();
}
