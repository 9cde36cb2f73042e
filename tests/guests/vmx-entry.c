/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * More of what VM entry refuses and of what it does not: rules that depend on
 * other controls, each segment register, virtual-8086 and PAE guests, fields
 * that do not count, and which of two faults is told.
 */
/* boot: emus=bochs bare timeout=60 */
/* boot: emus=bochs cpu=tigerlake bare timeout=60 name=tiger */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx_case.h"

#define UNUSABLE 0x10000
#define WIDTH BIT(40) /* at and above it no address is one on Bochs' models */

extern u64 pae_pdpt[];
extern u32 pd32[];

static u8 page[PAGE_SIZE] __aligned(4096);
static u32 vapic[1024] __aligned(4096);
static u64 *ept;
static u64 bad_list[2] __aligned(16), good_list[2] __aligned(16);
static u64 bad_pdpt[4] __aligned(32);

/* --- guests to start from -------------------------------------------------------- */
static void ept_on(u64 more)
{
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) | PROC_PROC2);
	vmw(VMCS_PROC2_CTLS, vmr(VMCS_PROC2_CTLS) | PROC2_EPT | more);
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
}

static void with_ept(void)
{
	ept_on(0);
}

static void unrestricted(void)
{
	ept_on(PROC2_UNRESTRICTED);
}

static void with_tpr(void)
{
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) | PROC_TPR_SHADOW);
	vmw(VMCS_VIRTUAL_APIC_ADDR, (u64)vapic);
	vmw(VMCS_TPR_THRESHOLD, 0);
}

/* 32-bit code with 32-bit paging. */
static void guest32(void)
{
	vmw(VMCS_GUEST_CS_SEL, SEL_CODE32);
	vmw(VMCS_GUEST_CS_AR, 0xc09b);
	vmw(VMCS_ENTRY_CTLS, vmr(VMCS_ENTRY_CTLS) & ~ENTRYC_IA32E);
	vmw(VMCS_GUEST_CR3, (u64)pd32);
	vmw(VMCS_GUEST_CR4, (read_cr4() & ~CR4_PAE) | CR4_PSE);
}

static void pae(void)
{
	guest32();
	vmw(VMCS_GUEST_CR3, (u64)pae_pdpt);
	vmw(VMCS_GUEST_CR4, read_cr4());
}

static void pae_ept(void)
{
	pae();
	with_ept();
	for (u32 i = 0; i < 4; i++)
		vmw(VMCS_GUEST_PDPTE0 + 2 * i, pae_pdpt[i]);
}

/* Virtual-8086: six segments of one kind. */
static void v86(void)
{
	static const u8 vmcall[] = { 0x0f, 0x01, 0xc1 };

	guest32();
	memcpy((void *)(u64)LOW_BIOS, vmcall, sizeof(vmcall));
	for (u32 n = 0; n < 12; n += 2) {
		vmw(VMCS_GUEST_ES_SEL + n, LOW_BIOS >> 4);
		vmw(VMCS_GUEST_ES_BASE + n, LOW_BIOS);
		vmw(VMCS_GUEST_ES_LIMIT + n, 0xffff);
		vmw(VMCS_GUEST_ES_AR + n, 0xf3);
	}
	vmw(VMCS_GUEST_RIP, 0);
	vmw(VMCS_GUEST_RSP, 0x800);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_VM);
}

/* Usable FS, GS and LDTR. */
static void all_segments(void)
{
	for (u32 n = 8; n <= 10; n += 2) {
		vmw(VMCS_GUEST_ES_SEL + n, SEL_DATA);
		vmw(VMCS_GUEST_ES_AR + n, 0xc093);
		vmw(VMCS_GUEST_ES_LIMIT + n, ~0u);
	}
	vmw(VMCS_GUEST_LDTR_AR, 0x82);
	vmw(VMCS_GUEST_LDTR_LIMIT, 0x67);
}

#define P2(bits) PROC2_##bits

/* clang-format off */
static const struct entry_case cases[] = {
	/* controls that are off: their fields do not count */
	{ "off-io-bitmap", FINE, 0, .mods = { V(IO_BITMAP_A, 1), V(IO_BITMAP_B, HIGH) } },
	{ "off-msr-bitmap", FINE, 0, .mods = { V(MSR_BITMAP, 1) } },
	{ "off-tpr", FINE, 0, .mods = { V(VIRTUAL_APIC_ADDR, 1), V(TPR_THRESHOLD, ~0u) } },
	{ "off-proc2", FINE, 0, .mods = { C(PROC_CTLS, PROC_PROC2), V(PROC2_CTLS, ~0u) } },
	{ "off-vpid", FINE, 0, .mods = { PROC2_ON(0), V(VPID, 0) }, P2(VPID) },
	{ "off-eptp", FINE, 0, .mods = { PROC2_ON(0), V(EPTP, ~0ull) }, P2(EPT) },
	{ "off-lists", FINE, 0, .mods = { V(EXIT_MSR_STORE_ADDR, 1), V(EXIT_MSR_LOAD_ADDR, HIGH), V(ENTRY_MSR_LOAD_ADDR, 8) } },
	{ "off-event", FINE, 0, .mods = { V(ENTRY_INTR_INFO, 0x7fffffff), V(ENTRY_ERROR_CODE, ~0u), V(ENTRY_INSTR_LEN, 99) } },
	{ "off-efer", FINE, 0, .mods = { C(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, ~0ull), V(HOST_EFER, ~0ull) } },
	{ "off-pat", FINE, 0, .mods = { C(ENTRY_CTLS, ENTRYC_LOAD_PAT), V(GUEST_PAT, ~0ull), V(HOST_PAT, ~0ull) } },
	{ "off-debug", FINE, 0, .mods = { C(ENTRY_CTLS, ENTRYC_LOAD_DEBUG), V(GUEST_DR7, ~0ull), V(GUEST_DEBUGCTL, ~0ull) } },
	{ "off-bitmap-addresses", FINE, 0, .mods = { V(PF_ERROR_MASK, ~0u), V(PF_ERROR_MATCH, ~0u), V(CR3_TARGET0, HIGH) } },

	/* execution controls */
	{ "io-bitmap-b-low", CTL, 0, .mods = { PROC_ON(PROC_IO_BITMAP), V(IO_BITMAP_A, 0), V(IO_BITMAP_B, 4) } },
	{ "tpr-page-high", CTL, 0, .mods = { V(VIRTUAL_APIC_ADDR, HIGH) }, 0, STRICT, with_tpr },
	{ "tpr-threshold-vtpr", CTL, 0, .mods = { V(TPR_THRESHOLD, 1) }, 0, STRICT, with_tpr },
	{ "tpr-threshold-apic-access", (u32)REASON_TPR_THRESHOLD, 0, .mods = { PROC2_ON(PROC2_APIC_ACCESS), V(APIC_ACCESS_ADDR, (u64)page), V(TPR_THRESHOLD, 1) }, P2(APIC_ACCESS), STRICT, with_tpr },
	{ "tpr-threshold-31-4", CTL, 0, .mods = { PROC2_ON(PROC2_APIC_ACCESS), V(APIC_ACCESS_ADDR, (u64)page), V(TPR_THRESHOLD, 0x100) }, P2(APIC_ACCESS), STRICT, with_tpr },
	{ "apic-access-high", CTL, 0, .mods = { PROC2_ON(PROC2_APIC_ACCESS), V(APIC_ACCESS_ADDR, HIGH) }, P2(APIC_ACCESS) },
	{ "x2apic-and-access", CTL, 0, .mods = { PROC2_ON(PROC2_X2APIC | PROC2_APIC_ACCESS), V(APIC_ACCESS_ADDR, (u64)page) }, P2(X2APIC), STRICT, with_tpr },
	{ "x2apic-good", FINE, 0, .mods = { PROC2_ON(PROC2_X2APIC) }, P2(X2APIC), STRICT, with_tpr },
	{ "apic-reg-without-tpr", CTL, 0, .mods = { PROC2_ON(PROC2_APIC_REG) }, P2(APIC_REG) },
	{ "vid-without-tpr", CTL, 0, .mods = { PROC2_ON(PROC2_VID), S(PIN_CTLS, PIN_EXTINT) }, P2(VID) },
	{ "vid-good", FINE, 0, .mods = { PROC2_ON(PROC2_VID), S(PIN_CTLS, PIN_EXTINT), V(GUEST_INTR_STATUS, 0) }, P2(VID), STRICT, with_tpr },
	{ "vid-any-threshold", FINE, 0, .mods = { PROC2_ON(PROC2_VID), S(PIN_CTLS, PIN_EXTINT), V(TPR_THRESHOLD, ~0u), V(GUEST_INTR_STATUS, 0) }, P2(VID), STRICT, with_tpr },
	{ "nmi-window-needs-vnmi", CTL, 0, .mods = { S(PIN_CTLS, PIN_NMI), PROC_ON(PROC_NMI_WINDOW) } },
	{ "eptp-type-1", CTL, 0, .mods = { V(EPTP, 0x200019) }, P2(EPT), STRICT, with_ept },
	{ "eptp-type-7", CTL, 0, .mods = { V(EPTP, 0x20001f) }, P2(EPT), STRICT, with_ept },
	{ "eptp-walk-1", CTL, 0, .mods = { V(EPTP, 0x200006) }, P2(EPT), STRICT, with_ept },
	{ "eptp-walk-8", CTL, 0, .mods = { V(EPTP, 0x20003e) }, P2(EPT), STRICT, with_ept },
	{ "eptp-bit-7", CTL, 0, .mods = { S(EPTP, EPTP_SSS) }, P2(EPT), NO_SSS, with_ept },
	{ "eptp-bit-7-allowed", FINE, 0, .mods = { S(EPTP, EPTP_SSS) }, P2(EPT), SSS, with_ept },
	{ "eptp-bit-11", CTL, 0, .mods = { S(EPTP, BIT(11)) }, P2(EPT), STRICT, with_ept },
	{ "eptp-width", CTL, 0, .mods = { S(EPTP, WIDTH) }, P2(EPT), STRICT, with_ept },
	{ "eptp-uc", FINE, 0, .mods = { C(EPTP, 7) }, P2(EPT), STRICT, with_ept },
	{ "pml-without-ept", CTL, 0, .mods = { PROC2_ON(PROC2_PML), V(PML_ADDR, (u64)page) }, P2(PML) },
	{ "pml-low", CTL, 0, .mods = { PROC2_ON(PROC2_PML), V(PML_ADDR, 0x1008) }, P2(PML), STRICT, with_ept },
	{ "pml-high", CTL, 0, .mods = { PROC2_ON(PROC2_PML), V(PML_ADDR, HIGH) }, P2(PML), STRICT, with_ept },
	{ "ve-high", CTL, 0, .mods = { PROC2_ON(PROC2_VE), V(VE_INFO_ADDR, HIGH) }, P2(VE), STRICT, with_ept },
	{ "eptp-list-low", CTL, 0, .mods = { PROC2_ON(PROC2_VMFUNC), V(VMFUNC_CTLS, 1), V(EPTP_LIST_ADDR, 0x10) }, P2(VMFUNC), STRICT, with_ept },
	{ "eptp-list-high", CTL, 0, .mods = { PROC2_ON(PROC2_VMFUNC), V(VMFUNC_CTLS, 1), V(EPTP_LIST_ADDR, HIGH) }, P2(VMFUNC), STRICT, with_ept },
	{ "vmread-bitmap-high", CTL, 0, .mods = { PROC2_ON(PROC2_SHADOW_VMCS), V(VMREAD_BITMAP, HIGH) }, P2(SHADOW_VMCS) },
	{ "vmwrite-bitmap-low", CTL, 0, .mods = { PROC2_ON(PROC2_SHADOW_VMCS), V(VMREAD_BITMAP, 0), V(VMWRITE_BITMAP, 1) }, P2(SHADOW_VMCS) },
	{ "tsc-multiplier-0", CTL, 0, .mods = { PROC2_ON(PROC2_TSC_SCALING), V(TSC_MULTIPLIER, 0) }, P2(TSC_SCALING), STRICT },

	/* exit and entry controls */
	{ "list-end-high", CTL, 0, .mods = { V(EXIT_MSR_STORE_COUNT, 2), V(EXIT_MSR_STORE_ADDR, WIDTH - 16) } },
	{ "list-end-fits", CTL, 0, .mods = { V(EXIT_MSR_LOAD_COUNT, 2), V(EXIT_MSR_LOAD_ADDR, WIDTH - 16) } },
	{ "entry-list-high", CTL, 0, .mods = { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, HIGH) } },
	{ "entry-list-end", CTL, 0, .mods = { V(ENTRY_MSR_LOAD_COUNT, 3), V(ENTRY_MSR_LOAD_ADDR, WIDTH - 32) } },
	{ "inject-priv-length-16", CTL, 0, .mods = { INJECT(5 << 8 | 1), V(ENTRY_INSTR_LEN, 16) } },
	{ "inject-soft-exc-length-16", CTL, 0, .mods = { INJECT(6 << 8 | 3), V(ENTRY_INSTR_LEN, 16) } },
	{ "inject-reserved-29", CTL, 0, .mods = { INJECT(0x30 | BIT(29)) } },
	{ "inject-df-without-error", CTL, 0, .mods = { INJECT(3 << 8 | VEC_DF) }, 0, NO_ANY_ERROR },
	{ "inject-ac-without-error", CTL, 0, .mods = { INJECT(3 << 8 | VEC_AC) }, 0, NO_ANY_ERROR },
	{ "inject-ac-without-error-allowed", FINE, 0, .mods = { INJECT(3 << 8 | VEC_AC), V(GUEST_IDTR_LIMIT, 0) }, 0, ANY_ERROR },
	{ "inject-soft-with-error", CTL, 0, .mods = { INJECT(4 << 8 | 0x30 | INTR_ERROR), V(ENTRY_INSTR_LEN, 2) } },
	{ "inject-error-real-mode", CTL, 0, .mods = { C(GUEST_CR0, CR0_PE | CR0_PG), C(ENTRY_CTLS, ENTRYC_IA32E), INJECT(3 << 8 | VEC_GP | INTR_ERROR), V(ENTRY_ERROR_CODE, 0) }, P2(UNRESTRICTED), LAX, unrestricted },

	/* host state */
	{ "host-cr0-pe", HOST, 0, .mods = { C(HOST_CR0, CR0_PE) } },
	{ "host-cr3-width", HOST, 0, .mods = { S(HOST_CR3, WIDTH) } },
	{ "host-pat-7", HOST, 0, .mods = { S(EXIT_CTLS, EXITC_LOAD_PAT), V(HOST_PAT, 3ull << 56) } },
	{ "host-pat-8", HOST, 0, .mods = { S(EXIT_CTLS, EXITC_LOAD_PAT), V(HOST_PAT, 8ull << 16) } },
	{ "host-efer-lme", HOST, 0, .mods = { S(EXIT_CTLS, EXITC_LOAD_EFER), V(HOST_EFER, 0x400) } },
	{ "host-cs-ti", HOST, 0, .mods = { S(HOST_CS_SEL, 4) } },
	{ "host-ds-ti", HOST, 0, .mods = { S(HOST_DS_SEL, 4) } },
	{ "host-ss-rpl", HOST, 0, .mods = { S(HOST_SS_SEL, 1) } },
	{ "host-es-rpl", HOST, 0, .mods = { S(HOST_ES_SEL, 2) } },
	{ "host-fs-ti", HOST, 0, .mods = { S(HOST_FS_SEL, 4) } },
	{ "host-gs-rpl", HOST, 0, .mods = { S(HOST_GS_SEL, 3) } },
	{ "host-tr-rpl", HOST, 0, .mods = { S(HOST_TR_SEL, 1) } },
	{ "host-ss-0", FINE, 0, .mods = { V(HOST_SS_SEL, 0) } },

	/* guest: control registers and MSRs */
	{ "pg-without-pe", GUEST, 0, .mods = { C(GUEST_CR0, CR0_PE) }, P2(UNRESTRICTED), STRICT, unrestricted },
	{ "ia32e-without-pg", GUEST, 0, .mods = { C(GUEST_CR0, CR0_PG) }, P2(UNRESTRICTED), LAX, unrestricted },
	{ "pcide-32", GUEST, 0, .mods = { S(GUEST_CR4, CR4_PCIDE) }, 0, STRICT, guest32 },
	{ "good-32", FINE, 0, .mods = { { 0 } }, 0, STRICT, guest32 },
	{ "cr3-width", GUEST, 0, .mods = { S(GUEST_CR3, WIDTH) } },
	{ "cr0-nw-cd", FINE, 0, .mods = { S(GUEST_CR0, CR0_CD | CR0_NW) } },
	{ "pat-last", GUEST, 0, .mods = { S(ENTRY_CTLS, ENTRYC_LOAD_PAT), V(GUEST_PAT, 2ull << 56) } },
	{ "efer-lma-32", GUEST, 0, .mods = { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0x500) }, 0, STRICT, guest32 },
	{ "efer-lme-32", GUEST, 0, .mods = { S(ENTRY_CTLS, ENTRYC_LOAD_EFER), V(GUEST_EFER, 0x100) }, 0, STRICT, guest32 },

	/* each segment register */
	{ "segments-good", FINE, 0, .mods = { { 0 } }, 0, STRICT, all_segments },
	{ "ldtr-base", GUEST, 0, .mods = { V(GUEST_LDTR_BASE, HIGH) }, 0, STRICT, all_segments },
	{ "ldtr-s", GUEST, 0, .mods = { S(GUEST_LDTR_AR, 0x10) }, 0, STRICT, all_segments },
	{ "ldtr-reserved", GUEST, 0, .mods = { S(GUEST_LDTR_AR, 0x20000) }, 0, STRICT, all_segments },
	{ "ldtr-reserved-8", GUEST, 0, .mods = { S(GUEST_LDTR_AR, 0x100) }, 0, STRICT, all_segments },
	{ "ldtr-g", GUEST, 0, .mods = { S(GUEST_LDTR_AR, 0x8000) }, 0, STRICT, all_segments },
	{ "ldtr-limit", GUEST, 0, .mods = { V(GUEST_LDTR_LIMIT, BIT(20)) }, 0, STRICT, all_segments },
	{ "fs-type", GUEST, 0, .mods = { C(GUEST_FS_AR, 1) }, 0, STRICT, all_segments },
	{ "gs-type", GUEST, 0, .mods = { C(GUEST_GS_AR, 1) }, 0, STRICT, all_segments },
	{ "fs-s", GUEST, 0, .mods = { C(GUEST_FS_AR, 0x10) }, 0, STRICT, all_segments },
	{ "gs-s", GUEST, 0, .mods = { C(GUEST_GS_AR, 0x10) }, 0, STRICT, all_segments },
	{ "ds-s", GUEST, 0, .mods = { C(GUEST_DS_AR, 0x10) } },
	{ "es-s", GUEST, 0, .mods = { C(GUEST_ES_AR, 0x10) } },
	{ "ss-s", GUEST, 0, .mods = { C(GUEST_SS_AR, 0x10) } },
	{ "fs-p", GUEST, 0, .mods = { C(GUEST_FS_AR, 0x80) }, 0, STRICT, all_segments },
	{ "gs-p", GUEST, 0, .mods = { C(GUEST_GS_AR, 0x80) }, 0, STRICT, all_segments },
	{ "ds-p", GUEST, 0, .mods = { C(GUEST_DS_AR, 0x80) } },
	{ "ss-p", GUEST, 0, .mods = { C(GUEST_SS_AR, 0x80) } },
	{ "fs-dpl", GUEST, 0, .mods = { S(GUEST_FS_SEL, 3) }, 0, STRICT, all_segments },
	{ "gs-dpl", GUEST, 0, .mods = { S(GUEST_GS_SEL, 1) }, 0, STRICT, all_segments },
	{ "ds-dpl", GUEST, 0, .mods = { S(GUEST_DS_SEL, 3) } },
	{ "es-dpl", GUEST, 0, .mods = { S(GUEST_ES_SEL, 3) } },
	{ "fs-reserved", GUEST, 0, .mods = { S(GUEST_FS_AR, 0x800) }, 0, STRICT, all_segments },
	{ "gs-reserved", GUEST, 0, .mods = { S(GUEST_GS_AR, 0x100) }, 0, STRICT, all_segments },
	{ "ds-reserved", GUEST, 0, .mods = { S(GUEST_DS_AR, 0x100) } },
	{ "es-reserved", GUEST, 0, .mods = { S(GUEST_ES_AR, 0x200) } },
	{ "ss-reserved", GUEST, 0, .mods = { S(GUEST_SS_AR, 0x400) } },
	{ "fs-limit", GUEST, 0, .mods = { V(GUEST_FS_LIMIT, 0xfffff123) }, 0, STRICT, all_segments },
	{ "gs-limit", GUEST, 0, .mods = { C(GUEST_GS_AR, 0x8000) }, 0, STRICT, all_segments },
	{ "ds-limit", GUEST, 0, .mods = { V(GUEST_DS_LIMIT, 0xff000) } },
	{ "es-limit", GUEST, 0, .mods = { C(GUEST_ES_AR, 0x8000) } },
	{ "ss-limit", GUEST, 0, .mods = { V(GUEST_SS_LIMIT, 0) } },
	{ "es-base", GUEST, 0, .mods = { V(GUEST_ES_BASE, BIT(40)) } },
	{ "unusable-do-not-count", FINE, 0, .mods = { V(GUEST_DS_AR, UNUSABLE | 0xfff), V(GUEST_DS_BASE, HIGH), V(GUEST_DS_SEL, 0xffff), V(GUEST_LDTR_SEL, 4), V(GUEST_LDTR_BASE, HIGH) } },
	{ "unusable-fs-base", GUEST, 0, .mods = { V(GUEST_FS_BASE, HIGH) } },
	{ "cs-data", GUEST, 0, .mods = { V(GUEST_CS_AR, 0xa093) } },
	{ "cs-data-unrestricted", GUEST, 0, .mods = { V(GUEST_CS_AR, 0xc0f3) }, P2(UNRESTRICTED), STRICT, unrestricted },
	{ "cs-conforming", FINE, 0, .mods = { V(GUEST_CS_AR, 0xa09f) } },
	{ "cs-conforming-dpl", GUEST, 0, .mods = { V(GUEST_CS_AR, 0xa0ff) } },
	{ "ss-read-only", GUEST, 0, .mods = { V(GUEST_SS_AR, 0xc095) } },
	{ "ss-expand-down", FINE, 0, .mods = { V(GUEST_SS_AR, 0xc097) } },
	{ "tr-16-bit", GUEST, 0, .mods = { V(GUEST_TR_AR, 0x83) } },
	{ "tr-16-bit-32", FINE, 0, .mods = { V(GUEST_TR_AR, 0x83) }, 0, STRICT, guest32 },
	{ "tr-available", GUEST, 0, .mods = { V(GUEST_TR_AR, 0x89) }, 0, STRICT, guest32 },
	{ "tr-reserved", GUEST, 0, .mods = { S(GUEST_TR_AR, 0x100) } },
	{ "tr-limit", GUEST, 0, .mods = { V(GUEST_TR_LIMIT, BIT(20) | 0x67) } },

	/* virtual-8086 */
	{ "v86-good", FINE, 0, .mods = { { 0 } }, 0, STRICT, v86 },
	{ "v86-cs-base", GUEST, 0, .mods = { V(GUEST_CS_BASE, 0) }, 0, STRICT, v86 },
	{ "v86-ss-base", GUEST, 0, .mods = { V(GUEST_SS_BASE, 0) }, 0, STRICT, v86 },
	{ "v86-ds-base", GUEST, 0, .mods = { V(GUEST_DS_BASE, 0) }, 0, STRICT, v86 },
	{ "v86-es-base", GUEST, 0, .mods = { V(GUEST_ES_BASE, 0) }, 0, STRICT, v86 },
	{ "v86-fs-base", GUEST, 0, .mods = { V(GUEST_FS_BASE, 0) }, 0, STRICT, v86 },
	{ "v86-gs-base", GUEST, 0, .mods = { V(GUEST_GS_BASE, 0) }, 0, STRICT, v86 },
	{ "v86-cs-limit", GUEST, 0, .mods = { V(GUEST_CS_LIMIT, 0xfffff) }, 0, STRICT, v86 },
	{ "v86-gs-limit", GUEST, 0, .mods = { V(GUEST_GS_LIMIT, 0xfffe) }, 0, STRICT, v86 },
	{ "v86-cs-ar", GUEST, 0, .mods = { V(GUEST_CS_AR, 0x9b) }, 0, STRICT, v86 },
	{ "v86-ss-ar", GUEST, 0, .mods = { V(GUEST_SS_AR, 0x93) }, 0, STRICT, v86 },
	{ "v86-fs-ar", GUEST, 0, .mods = { V(GUEST_FS_AR, UNUSABLE) }, 0, STRICT, v86 },
	{ "v86-tr", GUEST, 0, .mods = { V(GUEST_TR_AR, UNUSABLE) }, 0, STRICT, v86 },

	/* RIP, RFLAGS, non-register state */
	{ "rip-32", GUEST, 0, .mods = { S(GUEST_RIP, BIT(32)) }, 0, STRICT, guest32 },
	{ "rflags-3", GUEST, 0, .mods = { S(GUEST_RFLAGS, BIT(3)) } },
	{ "rflags-5", GUEST, 0, .mods = { S(GUEST_RFLAGS, BIT(5)) } },
	{ "rflags-63", GUEST, 0, .mods = { S(GUEST_RFLAGS, BIT(63)) } },
	{ "hlt-dpl", GUEST, 0, .mods = { V(GUEST_ACTIVITY, ACTIVITY_HLT), V(GUEST_CS_SEL, SEL_CODE64 | 3), V(GUEST_CS_AR, 0xa0fb), V(GUEST_SS_SEL, SEL_DATA | 3), V(GUEST_SS_AR, 0xc0f3) } },
	{ "shutdown-sti", GUEST, 0, .mods = { V(GUEST_ACTIVITY, ACTIVITY_SHUTDOWN), V(GUEST_INTERRUPTIBILITY, 1), S(GUEST_RFLAGS, RFLAGS_IF) } },
	{ "shutdown-inject", GUEST, 0, .mods = { V(GUEST_ACTIVITY, ACTIVITY_SHUTDOWN), S(GUEST_RFLAGS, RFLAGS_IF), INJECT(0x52) }, 0, STRICT },
	{ "enclave", GUEST, 0, .mods = { V(GUEST_INTERRUPTIBILITY, BIT(4)) } },
	{ "vnmi-blocked-inject", GUEST, 0, .mods = { S(PIN_CTLS, PIN_NMI | PIN_VNMI), V(GUEST_INTERRUPTIBILITY, 8), INJECT(2 << 8 | VEC_NMI) }, 0, LAX },
	{ "mov-ss-inject", GUEST, 0, .mods = { V(GUEST_INTERRUPTIBILITY, 2), S(GUEST_RFLAGS, RFLAGS_IF), INJECT(0x52) } },
	{ "pending-debug-high", GUEST, 0, .mods = { V(GUEST_PENDING_DBG, BIT(32)) }, 0, LAX },
	{ "pending-debug-15", GUEST, 0, .mods = { V(GUEST_PENDING_DBG, BIT(15)) } },
	{ "pending-debug-btf", GUEST, 0, .mods = { S(ENTRY_CTLS, ENTRYC_LOAD_DEBUG), V(GUEST_DEBUGCTL, 2), V(GUEST_INTERRUPTIBILITY, 2), S(GUEST_RFLAGS, RFLAGS_TF), V(GUEST_PENDING_DBG, BIT(14)) }, 0, LAX },

	/* PDPTEs */
	{ "pae-good", FINE, 0, .mods = { { 0 } }, 0, STRICT, pae },
	{ "pae-bad", GUEST, 2, .mods = { V(GUEST_CR3, (u64)bad_pdpt) }, 0, STRICT, pae },
	{ "pae-ept-good", FINE, 0, .mods = { { 0 } }, P2(EPT), STRICT, pae_ept },
	{ "pae-ept-memory-does-not-count", FINE, 0, .mods = { V(GUEST_CR3, (u64)bad_pdpt) }, P2(EPT), STRICT, pae_ept },
	{ "pae-ept-bit-1", GUEST, 2, .mods = { S(GUEST_PDPTE1, 2) }, P2(EPT), STRICT, pae_ept },
	{ "pae-ept-bit-8", GUEST, 2, .mods = { S(GUEST_PDPTE2, BIT(8)) }, P2(EPT), STRICT, pae_ept },
	{ "pae-ept-width", GUEST, 2, .mods = { S(GUEST_PDPTE3, WIDTH) }, P2(EPT), STRICT, pae_ept },
	{ "pae-ept-absent", FINE, 0, .mods = { V(GUEST_PDPTE3, ~1ull) }, P2(EPT), STRICT, pae_ept },
	{ "pdptes-of-long-mode", FINE, 0, .mods = { V(GUEST_PDPTE0, ~0ull) }, P2(EPT), STRICT, with_ept },

	/* two at a time: the earlier group is told */
	{ "order-control-host", CTL, 0, .mods = { V(CR3_TARGET_COUNT, 5), C(HOST_CR0, CR0_NE) } },
	{ "order-host-guest", HOST, 0, .mods = { V(HOST_CS_SEL, 0), C(GUEST_RFLAGS, 2) } },
	{ "order-entry-host", CTL, 0, .mods = { INJECT(1 << 8 | 0x30), V(HOST_TR_SEL, 0) } },
	{ "order-guest-link", GUEST, 0, .mods = { C(GUEST_RFLAGS, 2), V(LINK_POINTER, 1) } },
	{ "order-link-pdpte", GUEST, 4, .mods = { V(LINK_POINTER, 1), V(GUEST_CR3, (u64)bad_pdpt) }, 0, STRICT, pae },
	{ "order-guest-pdpte", GUEST, 0, .mods = { V(GUEST_ACTIVITY, 9), V(GUEST_CR3, (u64)bad_pdpt) }, 0, STRICT, pae },
	{ "order-pdpte-msr", GUEST, 2, .mods = { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, (u64)bad_list), V(GUEST_CR3, (u64)bad_pdpt) }, 0, STRICT, pae },
	{ "list-good", FINE, 0, .mods = { V(ENTRY_MSR_LOAD_COUNT, 1), V(ENTRY_MSR_LOAD_ADDR, (u64)good_list) } },
};
/* clang-format on */

/* --- what needs the L2's VMCS itself ---------------------------------------------- */
static struct vl2 l2;

PAYLOAD(do_vmcall, "vmcall")

static void test_launch_state(void)
{
	vl2_init(&l2, do_vmcall);
	check_eq(vl2_run(&l2), REASON_VMCALL, "launch");
	/* the launch state comes before the controls */
	vmw(VMCS_CR3_TARGET_COUNT, 5);
	l2.launched = false;
	check_eq(vl2_run(&l2), VL2_FAIL_VALID, "order-launch-control");
	check_eq(vmr(VMCS_INSTR_ERROR), VMXERR_VMLAUNCH_LAUNCHED,
		 "order-launch-control-error");
	l2.launched = true;
	check_eq(vl2_run(&l2), VL2_FAIL_VALID, "resume-bad-control");
	check_eq(vmr(VMCS_INSTR_ERROR), VMXERR_ENTRY_CONTROLS,
		 "resume-bad-control-error");
	vmw(VMCS_CR3_TARGET_COUNT, 0);
	check_eq(vl2_run(&l2), REASON_VMCALL, "resume-mended");
	/* the link pointer to the VMCS itself */
	vmw(VMCS_LINK_POINTER, (u64)l2.vmcs);
	check_eq(vl2_run(&l2), GUEST, "link-pointer-self");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 4,
		 "link-pointer-self-qualification");
	vmw(VMCS_LINK_POINTER, ~0ull);
	check_eq(vl2_run(&l2), REASON_VMCALL, "link-pointer-mended");
	/* what a failed entry leaves of the last exit's information */
	vmw(VMCS_GUEST_RFLAGS, 0);
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(3, VEC_UD));
	check_eq(vl2_run(&l2), GUEST, "failed-entry");
	check_eq(vmr(VMCS_EXIT_INSTR_LEN), 3, "failed-entry-length");
	check(vmr(VMCS_ENTRY_INTR_INFO) & INTR_VALID, "failed-entry-event",
	      "%lx", vmr(VMCS_ENTRY_INTR_INFO));
	check_eq(vmr(VMCS_GUEST_RFLAGS), 0, "failed-entry-guest");
}

/* With IA32_VMX_BASIC bit 56 an exception may have an error code that has none
 * by itself, or lack the one it has: the delivery that fails tells. */
static void test_any_error(void)
{
	if (!(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_ANY_ERROR)) {
		skip("any-error", "IA32_VMX_BASIC bit 56 is 0");
		return;
	}
	vl2_init(&l2, do_vmcall);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	vmw(VMCS_GUEST_IDTR_LIMIT, 0);
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(3, VEC_UD) | INTR_ERROR);
	vmw(VMCS_ENTRY_ERROR_CODE, 0x5678);
	check_eq(vl2_run(&l2), REASON_EXCEPTION_NMI, "error-with-ud");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(3, VEC_UD) | INTR_ERROR,
		 "error-with-ud-vectoring");
	check_eq(vmr(VMCS_IDT_VECTORING_ERROR), 0x5678,
		 "error-with-ud-vectoring-error");
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(3, VEC_AC));
	check_eq(vl2_run(&l2), REASON_EXCEPTION_NMI, "ac-without-error");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(3, VEC_AC),
		 "ac-without-error-vectoring");
}

static bool ignore(struct regs *r)
{
	return true;
}

void main(void)
{
	vmx_on();
	set_hook(VEC_NMI, ignore); /* where Bochs injects it all the same */
	modes_init();
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	bad_list[0] = MSR_FS_BASE;
	good_list[0] = MSR_CSTAR;
	memcpy(bad_pdpt, pae_pdpt, sizeof(bad_pdpt));
	bad_pdpt[2] |= BIT(5);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		vmx_case_run(&cases[i]);
	test_launch_state();
	test_any_error();
	vmx_off();
}
