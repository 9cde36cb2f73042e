/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor in 32-bit code: operands of the VMX instructions with 16- and
 * 32-bit addresses, through segments that allow them and others that do not,
 * VMREAD and VMWRITE of 32 bits, an L2 and its exit to a 32-bit host; L1 and L2
 * with PAE paging, whose PDPTEs entries and exits load.
 */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"
#include "tests/guests/lib/vmx32.h"

#define FAULT(vec, err) (0x100u | (vec) | (u32)(err) << 16)
#define CARRY 1u   /* VMfailInvalid */
#define ZERO 0x40u /* VMfailValid */

extern u64 gdt[];
extern u32 pd32[], vmx32_handlers[];
extern const char vmx32_main[], vmx32_l2[], vmx32_l2_call[];
extern u32 vmx32_result[VMX32_RESULTS], vmx32_idt[2 * 16];
extern u64 vmx32_ptr, vmx32_on_ptr;
extern struct {
	u32 field, value;
} vmx32_fields[VMX32_FIELDS];

static u32 region_pa;

static const struct {
	const char *name;
	u32 want;
} rows[] = {
	{ "vmxon", 0 },
	{ "vmclear", 0 },
	{ "vmptrld-base", 0 },
	{ "vmptrld-base-index-8", 0 },
	{ "vmptrld-negative-index", 0 },
	{ "vmptrld-index-wraps", 0 },
	{ "vmptrld-displacement-wraps", 0 },
	{ "vmptrld-ebp", 0 },
	{ "vmptrld-bx", 0 },
	{ "vmptrld-bx-di", 0 },
	{ "vmptrld-si", 0 },
	{ "vmptrld-si-wraps", 0 },
	{ "vmptrst", 0 },
	{ "vmptrst-low", 1 }, /* the region's address */
	{ "vmptrst-high", 0 },
	{ "vmwrite-natural", 0 },
	{ "vmread-natural", 0 },
	{ "vmread-natural-value", 0x89abcdef },
	{ "vmwrite-64", 0 },
	{ "vmwrite-64-high", 0 },
	{ "vmread-64", 0 },
	{ "vmread-64-low", 0x11223344 },
	{ "vmread-64-four-bytes", 0xffffffff },
	{ "vmread-64-high", 0 },
	{ "vmread-64-high-value", 0x55667788 },
	{ "vmwrite-16", 0 },
	{ "vmread-16", 0 },
	{ "vmread-16-value", 0x1234 },
	{ "vmread-no-field", ZERO },
	{ "vmread-null-segment", FAULT(VEC_GP, 0) },
	{ "vmptrld-null-segment", FAULT(VEC_GP, 0) },
	{ "vmptrst-at-limit", 0 },
	{ "vmptrst-over-limit", FAULT(VEC_GP, 0) },
	{ "vmread-at-limit", 0 },
	{ "vmread-over-limit", FAULT(VEC_GP, 0) },
	{ "vmptrld-read-only", 0 },
	{ "vmptrst-read-only", FAULT(VEC_GP, 0) },
	{ "vmptrld-expand-down", 0 },
	{ "vmptrld-below-expand-down", FAULT(VEC_GP, 0) },
	{ "vmptrld-code-segment", 0 },
	{ "vmptrst-code-segment", FAULT(VEC_GP, 0) },
	{ "vmptrld-stack-limit", FAULT(VEC_SS, 0) },
	{ "vmptrld-page-fault", FAULT(VEC_PF, 0) },
	{ "vmptrst-page-fault", FAULT(VEC_PF, 2) },
	{ "vmread-page-fault", FAULT(VEC_PF, 2) },
	{ "vmptrst-second-page", FAULT(VEC_PF, 2) },
	{ "vmptrst-second-page-cr2", VMX32_UNMAPPED },
	{ "invept", 0 },
	{ "invvpid", 0 },
	{ "invept-type", ZERO },
	{ "vmclear-again", 0 },
	{ "vmptrld-again", 0 },
	{ "l2-exits", 0x600d },
	{ "l2-reason", REASON_VMCALL },
	{ "l2-ebx", 0x1235 },
	{ "l2-eip", 2 }, /* of the VMCALL */
	{ "host-cr4", CR4_VMXE | CR4_PSE },
};

/* The rounds' results follow, then these. */
static const struct {
	const char *name;
	u32 want;
} last_rows[] = {
	{ "vmxoff", 0 },
	{ "end", 0xe0d },
};

/* --- tables ------------------------------------------------------------------ */
static void descriptors(void)
{
	gdt[VMX32_SMALL / 8] = 0x0040930000000fff;
	gdt[VMX32_READ_ONLY / 8] = 0x00cf91000000ffff;
	gdt[VMX32_DOWN / 8] = 0x0040970000000fff;
	gdt[VMX32_STACK / 8] = 0x004093000000ffff;
	for (const u32 *h = vmx32_handlers; *h; h += 2) {
		vmx32_idt[2 * h[0]] = SEL_CODE32 << 16 | (h[1] & 0xffff);
		vmx32_idt[2 * h[0] + 1] = (h[1] & 0xffff0000) | 0x8e00;
	}
	pd32[VMX32_UNMAPPED >> 22] = 0;
}

static u32 nfields;

static void field(u32 f, u32 v)
{
	vmx32_fields[nfields].field = f;
	vmx32_fields[nfields++].value = v;
	vmx32_fields[nfields].field = ~0u;
}

static void segment(u32 n, u32 sel, u32 ar, u32 limit, u32 base)
{
	field(VMCS_GUEST_ES_SEL + 2 * n, sel);
	field(VMCS_GUEST_ES_AR + 2 * n, ar);
	field(VMCS_GUEST_ES_LIMIT + 2 * n, limit);
	field(VMCS_GUEST_ES_BASE + 2 * n, base);
}

static u32 tss_base(void)
{
	u64 d = gdt[VMX32_TR / 8];

	return (u32)(d >> 16 & 0xffffff) | (u32)(d >> 56) << 24;
}

#define CR0_32 (CR0_PE | CR0_NE | CR0_ET | CR0_PG)

static void guest_fields(void)
{
	field(VMCS_GUEST_CR0, CR0_32);
	field(VMCS_GUEST_CR3, (u32)(u64)pd32);
	field(VMCS_GUEST_CR4, CR4_PSE | CR4_VMXE);
	field(VMCS_GUEST_RIP, (u32)(u64)vmx32_l2);
	field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	field(VMCS_GUEST_DR7, 0x400);
	segment(0, SEL_DATA, 0xc093, ~0u, 0);	/* ES */
	segment(1, SEL_CODE32, 0xc09b, ~0u, 0); /* CS */
	segment(2, SEL_DATA, 0xc093, ~0u, 0);	/* SS */
	segment(3, SEL_DATA, 0xc093, ~0u, 0);	/* DS */
	segment(4, 0, 0x10000, 0, 0);		/* FS */
	segment(5, 0, 0x10000, 0, 0);		/* GS */
	segment(6, 0, 0x10000, 0, 0);		/* LDTR */
	segment(7, VMX32_TR, 0x8b, 0x67, tss_base());
	field(VMCS_LINK_POINTER, ~0u);
	field(VMCS_LINK_POINTER | 1, ~0u);
}

static void host_fields(void)
{
	field(VMCS_HOST_CR0, CR0_32);
	field(VMCS_HOST_CR3, (u32)(u64)pd32);
	field(VMCS_HOST_CR4, CR4_PSE | CR4_VMXE);
	field(VMCS_HOST_CS_SEL, SEL_CODE32);
	field(VMCS_HOST_SS_SEL, SEL_DATA);
	field(VMCS_HOST_DS_SEL, SEL_DATA);
	field(VMCS_HOST_ES_SEL, SEL_DATA);
	field(VMCS_HOST_TR_SEL, VMX32_TR);
	field(VMCS_HOST_TR_BASE, tss_base());
	field(VMCS_HOST_GDTR_BASE, (u32)(u64)gdt);
	field(VMCS_HOST_IDTR_BASE, (u32)(u64)vmx32_idt);
}

static void fields(void)
{
	static const u32 zero[] = {
		VMCS_EXCEPTION_BITMAP,
		VMCS_CR3_TARGET_COUNT,
		VMCS_EXIT_MSR_STORE_COUNT,
		VMCS_EXIT_MSR_LOAD_COUNT,
		VMCS_ENTRY_MSR_LOAD_COUNT,
		VMCS_ENTRY_INTR_INFO,
		VMCS_CR0_MASK,
		VMCS_CR4_MASK,
		VMCS_GUEST_INTERRUPTIBILITY,
		VMCS_GUEST_ACTIVITY,
		VMCS_GUEST_PENDING_DBG,
		VMCS_GUEST_SYSENTER_CS,
		VMCS_GUEST_SYSENTER_ESP,
		VMCS_GUEST_SYSENTER_EIP,
		VMCS_HOST_FS_SEL,
		VMCS_HOST_GS_SEL,
		VMCS_HOST_FS_BASE,
		VMCS_HOST_GS_BASE,
		VMCS_HOST_SYSENTER_CS,
		VMCS_HOST_SYSENTER_ESP,
		VMCS_HOST_SYSENTER_EIP,
		VMCS_GUEST_GDTR_LIMIT,
		VMCS_GUEST_IDTR_LIMIT,
		VMCS_GUEST_GDTR_BASE,
		VMCS_GUEST_IDTR_BASE,
	};

	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		field(zero[i], 0);
	field(VMCS_PIN_CTLS, vmx_pin(0));
	field(VMCS_PROC_CTLS, vmx_proc((u32)PROC_HLT));
	field(VMCS_EXIT_CTLS, vmx_exit_ctls(0) & ~(u32)EXITC_HOST64);
	field(VMCS_ENTRY_CTLS, vmx_entry_ctls(0) & ~(u32)ENTRYC_IA32E);
	guest_fields();
	host_fields();
}

static u64 bad_pdpt[4] __aligned(32) = { 3 }; /* bit 1 is reserved */
extern u64 pml4[];
extern const char vmx32_long[];

/* `vmx-32 abort=N`: exits that cannot be carried out, by VMX-abort indicator.
 * What follows is judged from outside. */
static void abort_fields(u64 why)
{
	if (why == 2) { /* PDPTEs of the host */
		field(VMCS_HOST_CR4, CR4_PAE | CR4_VMXE);
		field(VMCS_HOST_CR3, (u32)(u64)bad_pdpt);
	} else { /* L2 switches itself to IA-32e mode */
		field(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
		field(VMCS_PROC2_CTLS,
		      vmx_proc2((u32)(PROC2_EPT | PROC2_UNRESTRICTED)));
		field(VMCS_EPTP, (u32)(u64)table_identity(EPT_TABLE, EPT_PAGE) |
					 (u32)(EPTP_WB | EPTP_WALK4));
		field(VMCS_EPTP | 1, 0);
		field(VMCS_ENTRY_CTLS, vmx_entry_ctls((u32)ENTRYC_LOAD_EFER) &
					       ~(u32)ENTRYC_IA32E);
		field(VMCS_GUEST_EFER, EFER_LME);
		field(VMCS_GUEST_CR0, CR0_32 & ~CR0_PG);
		field(VMCS_GUEST_CR3, (u32)(u64)pml4);
		field(VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE);
		field(VMCS_GUEST_RIP, (u32)(u64)vmx32_long);
	}
	print("guest vmx-32: abort %lu, now\n", why);
}

/* --- PAE ----------------------------------------------------------------------- */
/*
 * Sets of PAE tables, the same but for one page: what VMX32_PROBE shows tells
 * which PDPTEs are in use. The last has a PDPTE that must not be loaded.
 */
enum { L1_A, L1_B, L2_A, L2_B, L2_FIELDS, NR_SETS, NOT_PAE = NR_SETS, L2_BAD };

extern const char vmx32_probe_l2[], vmx32_cr3_l2[];
extern u32 vmx32_rounds[VMX32_ROUNDS];
extern u64 pds[], pae_pdpt[4];
static u64 set_pd[NR_SETS][512] __aligned(4096);
static u64 set_pdpt[NR_SETS][4] __aligned(32);

#define WORD(set) (0x5e700000u + (set))
#define PROBE_PDE (VMX32_PROBE >> 21 & 511)
#define CR4_PAE32 (CR4_PAE | CR4_VMXE)
#define CR4_PSE32 (CR4_PSE | CR4_VMXE)
#define REFUSED (u32)(REASON_BAD_GUEST | EXIT_ENTRY_FAILURE)

static void pae_tables(void)
{
	for (u32 i = 0; i < NR_SETS; i++) {
		u64 page = MiB(64) + i * MiB(2);

		memcpy(set_pd[i], &pds[3 * 512], PAGE_SIZE);
		set_pd[i][PROBE_PDE] = page | 0x87;
		memcpy(set_pdpt[i], pae_pdpt, sizeof(pae_pdpt));
		set_pdpt[i][3] = (u64)set_pd[i] | 1;
		*(u32 *)page = WORD(i);
	}
	*(u32 *)MiB(80) = WORD(NOT_PAE);
	pd32[VMX32_PROBE >> 22] = (u32)MiB(80) | 0x87;
}

static u32 cr3_of(u32 set)
{
	return set == NOT_PAE  ? (u32)(u64)pd32
	       : set == L2_BAD ? (u32)(u64)bad_pdpt
			       : (u32)(u64)set_pdpt[set];
}

/* One entry and exit, each with what L2's CR3 leads to at entry, and to which
 * set it switches; what L1 comes back to. */
static const struct round {
	const char *name;
	u32 l2, l2_next, l1;
	bool ept;   /* PDPTEs are fields; those of L2_FIELDS */
	u32 pdpte1; /* the second field's low bits, where not 1 */
	u32 reason, qual, seen;
} rounds[] = {
	{ "host-to-pae", NOT_PAE, NOT_PAE, L1_A, false, 1, REASON_VMCALL, 0,
	  WORD(NOT_PAE) },
	{ "pae-l2", L2_A, L2_A, L1_B, false, 1, REASON_VMCALL, 0, WORD(L2_A) },
	{ "pae-l2-bad-pdpte", L2_BAD, L2_BAD, L1_A, false, 1, REFUSED, 2, 0 },
	{ "pae-l2-mov-cr3", L2_A, L2_B, L1_B, false, 1, REASON_VMCALL, 0,
	  WORD(L2_B) },
	{ "pae-l2-mov-cr3-bad", L2_A, L2_BAD, L1_A, false, 1,
	  REASON_EXCEPTION_NMI, 0, 0 },
	{ "pae-ept-fields", L2_A, L2_A, L1_B, true, 1, REASON_VMCALL, 0,
	  WORD(L2_FIELDS) },
	{ "pae-ept-bad-field", L2_A, L2_A, L1_A, true, 3, REFUSED, 2, 0 },
	{ "pae-ept-mov-cr3", L2_A, L2_B, L1_B, true, 1, REASON_VMCALL, 0,
	  WORD(L2_B) },
	{ "pae-ept-mov-cr3-bad", L2_A, L2_BAD, L1_A, true, 1,
	  REASON_EXCEPTION_NMI, 0, 0 },
	{ "pae-ept-bad-cr3-unused", L2_BAD, L2_BAD, L1_B, true, 1,
	  REASON_VMCALL, 0, WORD(L2_FIELDS) },
	{ "pae-l1-to-32-bit", L2_A, L2_A, NOT_PAE, false, 1, REASON_VMCALL, 0,
	  WORD(L2_A) },
};

static struct pair {
	u32 field, value;
} round_fields[ARRAY_SIZE(rounds)][32];

static void round_pdptes(struct pair **p, u32 pdpte1)
{
	for (u32 i = 0; i < 4; i++) {
		u64 e = set_pdpt[L2_FIELDS][i] | (i == 1 ? pdpte1 : 1);

		*(*p)++ = (struct pair){ VMCS_GUEST_PDPTE0 + 2 * i, (u32)e };
		*(*p)++ = (struct pair){ VMCS_GUEST_PDPTE0 + 2 * i + 1,
					 (u32)(e >> 32) };
	}
}

static void prepare_round(const struct round *r, struct pair *p, u32 eptp)
{
	bool moves = r->l2 != r->l2_next;
	u32 pae = r->l2 == NOT_PAE ? 0 : 1, host = r->l1 == NOT_PAE ? 0 : 1;
	u32 proc = vmx_proc((u32)(PROC_HLT | PROC_PROC2)) &
		   ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE);
	const char *code = moves ? vmx32_cr3_l2 : vmx32_probe_l2;
	const struct pair list[] = {
		{ VMCS_PROC_CTLS, proc },
		{ VMCS_PROC2_CTLS, vmx_proc2(r->ept ? (u32)PROC2_EPT : 0) },
		{ VMCS_EPTP, eptp },
		{ VMCS_EPTP | 1, 0 },
		{ VMCS_EXCEPTION_BITMAP, BIT(VEC_GP) },
		{ VMCS_GUEST_RIP, (u32)(u64)code },
		{ VMCS_GUEST_RSP, cr3_of(r->l2_next) }, /* for L2's MOV */
		{ VMCS_GUEST_CR3, cr3_of(r->l2) },
		{ VMCS_GUEST_CR4, (u32)(pae ? CR4_PAE32 : CR4_PSE32) },
		{ VMCS_HOST_CR3, cr3_of(r->l1) },
		{ VMCS_HOST_CR4, (u32)(host ? CR4_PAE32 : CR4_PSE32) },
	};

	memcpy(p, list, sizeof(list));
	p += ARRAY_SIZE(list);
	if (r->ept)
		round_pdptes(&p, r->pdpte1);
	p->field = ~0u;
}

static void prepare_rounds(void)
{
	u32 eptp = (u32)(u64)table_identity(EPT_TABLE, EPT_PAGE) |
		   (u32)(EPTP_WB | EPTP_WALK4);

	for (u32 i = 0; i < ARRAY_SIZE(rounds); i++) {
		prepare_round(&rounds[i], round_fields[i], eptp);
		vmx32_rounds[i] = (u32)(u64)round_fields[i];
	}
}

static void check_round(const struct round *r, const u32 *got)
{
	u32 pdpte3 = (u32)set_pdpt[r->reason == REASON_VMCALL ? r->l2_next
							      : L2_FIELDS][3];
	char name[48];

	check(got[0] == r->reason, r->name, "exit %x, qualification %x", got[0],
	      got[1]);
	snprintf(name, sizeof(name), "%s-state", r->name);
	check_eq(got[1], r->qual, name);
	check_eq(got[2], r->seen, name);
	if (r->ept && r->l2 != r->l2_next)
		check_eq(got[3], pdpte3, name);
	snprintf(name, sizeof(name), "%s-host", r->name);
	check_eq(got[4], r->l1 == NOT_PAE ? CR4_PSE32 : CR4_PAE32, name);
	check_eq(got[5], cr3_of(r->l1), name);
	check_eq(got[6], WORD(r->l1), name);
}

static u32 expected(u32 i)
{
	if (!strcmp(rows[i].name, "vmptrst-low"))
		return region_pa;
	if (!strcmp(rows[i].name, "l2-eip"))
		return (u32)(u64)vmx32_l2_call;
	return rows[i].want;
}

static void check_all(void)
{
	const u32 *got = vmx32_result + ARRAY_SIZE(rows);

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		check_eq(vmx32_result[i], expected(i), rows[i].name);
	for (u32 i = 0; i < ARRAY_SIZE(rounds); i++) {
		check_round(&rounds[i], got);
		got += VMX32_ROUND_RESULTS;
	}
	for (u32 i = 0; i < ARRAY_SIZE(last_rows); i++)
		check_eq(got[i], last_rows[i].want, last_rows[i].name);
}

void main(void)
{
	u64 why = boot_option("abort", 0);
	void *on, *region;

	vmx_on();
	vmx_off();
	if (!vmx_has_proc2((u32)PROC2_EPT | (u32)PROC2_VPID)) {
		skip("vmx-32", "INVEPT and INVVPID are not there");
		done();
	}
	modes_init();
	on = vmx_region();
	region = vmx_region();
	vmx32_on_ptr = (u64)on;
	vmx32_ptr = (u64)region;
	region_pa = (u32)(u64)region;
	descriptors();
	pae_tables();
	fields();
	prepare_rounds();
	if (why)
		abort_fields(why);
	memset(vmx32_result, 0xee, 4 * VMX32_RESULTS);
	mode_run32(vmx32_main);
	check_all();
}
