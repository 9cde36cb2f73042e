/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capability MSRs say exactly what is there: each control that may be 1
 * enters an L2, each other is refused, as is the lack of one that must be 1;
 * each field stands and falls with its controls, by each encoding that VMREAD
 * and VMWRITE may be given; IA32_VMX_VMCS_ENUM, the fixed bits of CR0 and CR4.
 */
/* boot: emus=bochs bare timeout=60 */
/* boot: emus=bochs cpu=corei5_arrandale_m520 bare timeout=60 name=arrandale */
/* boot: emus=bochs cpu=tigerlake bare timeout=60 name=tiger */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

static const struct group {
	const char *name;
	u32 field, plain, exact;
	u32 default1; /* 1 in the plain MSR, whatever the TRUE one says */
} groups[] = {
	{ "pin", VMCS_PIN_CTLS, MSR_VMX_PINBASED_CTLS,
	  MSR_VMX_TRUE_PINBASED_CTLS, 0x16 },
	{ "proc", VMCS_PROC_CTLS, MSR_VMX_PROCBASED_CTLS,
	  MSR_VMX_TRUE_PROCBASED_CTLS, 0x0401e172 },
	{ "exit", VMCS_EXIT_CTLS, MSR_VMX_EXIT_CTLS, MSR_VMX_TRUE_EXIT_CTLS,
	  0x36dff },
	{ "entry", VMCS_ENTRY_CTLS, MSR_VMX_ENTRY_CTLS, MSR_VMX_TRUE_ENTRY_CTLS,
	  0x11ff },
	{ "proc2", VMCS_PROC2_CTLS, MSR_VMX_PROCBASED_CTLS2,
	  MSR_VMX_PROCBASED_CTLS2, 0 },
};
enum { PIN, PROC, EXIT, ENTRY, PROC2 };

static struct vl2 l2;
static u64 *ept;
static u8 *page;

PAYLOAD(do_vmcall, "vmcall")

static u64 cap(const struct group *g)
{
	return rdmsr(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_TRUE ? g->exact
							   : g->plain);
}

static bool has(u32 g, u64 bits)
{
	return (cap(&groups[g]) >> 32 & bits) == bits;
}

static u64 ept_cap(void)
{
	return has(PROC, PROC_PROC2) && has(PROC2, PROC2_EPT)
		       ? rdmsr(MSR_VMX_EPT_VPID_CAP)
		       : 0;
}

static void set(u32 g, u64 bits)
{
	vmw(groups[g].field, vmr(groups[g].field) | bits);
}

/* --- the MSRs among themselves ----------------------------------------------- */
static void test_msrs(void)
{
	u64 basic = rdmsr(MSR_VMX_BASIC), misc = rdmsr(MSR_VMX_MISC);
	u32 bad = 0;

	check(VMX_BASIC_SIZE(basic) && VMX_BASIC_SIZE(basic) <= PAGE_SIZE,
	      "region-size", "%lx", basic);
	check_eq(VMX_BASIC_TYPE(basic), 6, "region-write-back");
	check_eq(basic & BIT(31), 0, "revision-bit-31");
	check(basic & VMX_BASIC_TRUE, "true-controls", "%lx", basic);
	for (u32 i = 0; i < ARRAY_SIZE(groups); i++) {
		const struct group *g = &groups[i];
		u64 plain = rdmsr(g->plain), exact = cap(g);

		bad += (u32)exact & ~(u32)(exact >> 32);
		check_eq(plain >> 32, exact >> 32, "allowed-1");
		check_eq((u32)plain, (u32)exact | g->default1, "allowed-0");
		print("info: %s may be %lx, must be %x\n", g->name, exact >> 32,
		      (u32)exact);
	}
	check_eq(bad, 0, "must-be-1-can-be-1");
	check(VMX_MISC_CR3_TARGETS(misc) >= 4, "cr3-targets", "%lx", misc);
	check((misc & VMX_MISC_SAVE_LMA) || !has(PROC2, PROC2_UNRESTRICTED),
	      "lma-is-saved-with-unrestricted-guest", "%lx", misc);
	print("info: misc %lx, basic %lx, ept-vpid %lx\n", misc, basic,
	      ept_cap());
}

/* CR0 and CR4: fixed bits, and nothing of CR4 that CPUID does not have. */
static void test_fixed(void)
{
	static const struct {
		u64 cr4;
		u32 leaf, reg, bit;
	} rows[] = {
		{ CR4_SMXE, 1, ECX, 6 },     { CR4_PCIDE, 1, ECX, 17 },
		{ CR4_OSXSAVE, 1, ECX, 26 }, { CR4_UMIP, 7, ECX, 2 },
		{ CR4_LA57, 7, ECX, 16 },    { CR4_FSGSBASE, 7, EBX, 0 },
		{ CR4_SMEP, 7, EBX, 7 },     { CR4_SMAP, 7, EBX, 20 },
		{ CR4_PKE, 7, ECX, 3 },
	};
	u64 cr0 = rdmsr(MSR_VMX_CR0_FIXED0), cr4 = rdmsr(MSR_VMX_CR4_FIXED1);

	check_eq(cr0 & (CR0_PE | CR0_NE | CR0_PG), CR0_PE | CR0_NE | CR0_PG,
		 "cr0-fixed-0");
	check_eq(cr0 & ~rdmsr(MSR_VMX_CR0_FIXED1), 0, "cr0-fixed-1");
	check_eq(rdmsr(MSR_VMX_CR4_FIXED0) & CR4_VMXE, CR4_VMXE, "cr4-fixed-0");
	check_eq(rdmsr(MSR_VMX_CR4_FIXED0) & ~cr4, 0, "cr4-fixed-1");
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		check(!!(cr4 & rows[i].cr4) ==
			      (cpuid_reg(rows[i].leaf, 0, (int)rows[i].reg) >>
				       rows[i].bit &
			       1),
		      "cr4-fixed-1-as-cpuid", "bit %lx of %lx", rows[i].cr4,
		      cr4);
}

/* --- each control ------------------------------------------------------------- */
/* What a control needs beside it; its addresses stand there always. */
static const struct {
	u32 group, to;
	u64 bits, need;
} needs[] = {
	{ PIN, PIN, PIN_VNMI, PIN_NMI },
	{ PROC, PIN, PROC_NMI_WINDOW, PIN_NMI | PIN_VNMI },
	{ PROC2, PROC, PROC2_X2APIC | PROC2_APIC_REG | PROC2_VID,
	  PROC_TPR_SHADOW },
	{ PROC2, PIN, PROC2_VID, PIN_EXTINT },
	{ PIN, PIN, PIN_POSTED, PIN_EXTINT },
	{ PIN, PROC, PIN_POSTED, PROC_TPR_SHADOW },
	{ PIN, PROC2, PIN_POSTED, PROC2_VID },
	{ PIN, EXIT, PIN_POSTED, EXITC_ACK_INTR },
	{ PROC2, PROC2,
	  PROC2_UNRESTRICTED | PROC2_MBEC | PROC2_PML | PROC2_VE | PROC2_SPP,
	  PROC2_EPT },
	{ EXIT, PIN, EXITC_SAVE_PREEMPTION, PIN_PREEMPTION },
};

static void try_value(u32 field, u64 v)
{
	u64 old;

	if (vmread_insn(field, &old) == VMX_OK)
		vmw(field, v);
}

/* An L2 for which every control may be switched on. */
static void prepare(void)
{
	static const u32 pages[] = {
		VMCS_IO_BITMAP_A,      VMCS_IO_BITMAP_B,
		VMCS_MSR_BITMAP,       VMCS_VIRTUAL_APIC_ADDR,
		VMCS_APIC_ACCESS_ADDR, VMCS_POSTED_DESC_ADDR,
		VMCS_PML_ADDR,	       VMCS_EPTP_LIST_ADDR,
		VMCS_VMREAD_BITMAP,    VMCS_VMWRITE_BITMAP,
		VMCS_VE_INFO_ADDR,     VMCS_SPP_TABLE,
	};

	vl2_init(&l2, do_vmcall);
	set(PROC, PROC_PROC2);
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++)
		try_value(pages[i], (u64)page);
	try_value(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4 |
				     (ept_cap() & EPT_CAP_AD ? EPTP_AD : 0));
	try_value(VMCS_PML_INDEX, 511);
	try_value(VMCS_VPID, 1);
	try_value(VMCS_TSC_MULTIPLIER, BIT(48));
	try_value(VMCS_VMFUNC_CTLS, 0);
	try_value(VMCS_TPR_THRESHOLD, 0);
	try_value(VMCS_PREEMPTION_TIMER, 100000);
	try_value(VMCS_GUEST_EFER, rdmsr(MSR_EFER));
	try_value(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	try_value(VMCS_GUEST_PAT, rdmsr(MSR_PAT));
	try_value(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	try_value(VMCS_GUEST_PERF_GLOBAL, 0);
	try_value(VMCS_HOST_PERF_GLOBAL, 0);
	try_value(VMCS_GUEST_BNDCFGS, 0);
	try_value(VMCS_GUEST_S_CET, 0);
	try_value(VMCS_GUEST_SSP, 0);
	try_value(VMCS_HOST_S_CET, 0);
	try_value(VMCS_HOST_SSP, 0);
	try_value(VMCS_GUEST_PKRS, 0);
	try_value(VMCS_HOST_PKRS, 0);
}

static void switch_on(u32 g, u64 bit)
{
	set(g, bit);
	for (u32 i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].group == g && (needs[i].bits & bit))
			set(needs[i].to, needs[i].need);
	/* posted interrupts come with all of this */
	if (g == PIN && bit == PIN_POSTED)
		set(PROC2, PROC2_VID);
}

#define LEAVES_64 (g == EXIT ? EXITC_HOST64 : g == ENTRY ? ENTRYC_IA32E : 0)
#define DUAL (ENTRYC_SMM | ENTRYC_DUAL_MONITOR)

static bool enters(u32 reason)
{
	return reason != VL2_FAIL_VALID && reason != VL2_FAIL_INVALID &&
	       !(reason & EXIT_ENTRY_FAILURE);
}

static bool refused(u32 reason)
{
	return reason == VL2_FAIL_VALID &&
	       vmr(VMCS_INSTR_ERROR) == VMXERR_ENTRY_CONTROLS;
}

/* emulator faults: bits that Bochs 2.7 offers, or lets pass, and should not */
static u64 bochs_wrong(u32 g)
{
	return g == ENTRY ? DUAL : 0;
}

static void test_bits(u32 g)
{
	u64 may = cap(&groups[g]) >> 32, must = (u32)cap(&groups[g]);
	u32 in = 0, out = 0, missing = 0, n = 0;
	bool lax = !on_abyme() && emulator() == EMU_BOCHS;

	for (u32 i = 0; i < 32; i++) {
		u64 bit = BIT(i);
		u32 reason;

		if ((lax ? bochs_wrong(g) : 0) & bit)
			continue;
		prepare();
		if (may & bit)
			switch_on(g, bit);
		else
			set(g, bit);
		reason = vl2_run(&l2);
		n += may >> i & 1;
		if ((may & bit) && !enters(reason) && !in++)
			print("info: %s bit %u: exit %x error %lx\n",
			      groups[g].name, i, reason, vmr(VMCS_INSTR_ERROR));
		if (!(may & bit) && !refused(reason) && !out++)
			print("info: %s bit %u passes: exit %x\n",
			      groups[g].name, i, reason);
		if (!(must & bit))
			continue;
		prepare();
		vmw(groups[g].field, vmr(groups[g].field) & ~bit);
		missing += !refused(vl2_run(&l2));
	}
	print("info: %u of %s\n", n, groups[g].name);
	check_eq(in, 0, "offered-bits-enter");
	check_eq(out, 0, "other-bits-are-refused");
	check_eq(missing, 0, "bits-that-must-be-1");
}

/* --- IA32_VMX_EPT_VPID_CAP ---------------------------------------------------- */
static bool eptp_enters(u64 eptp)
{
	u32 reason;

	prepare();
	set(PROC2, PROC2_EPT);
	vmw(VMCS_EPTP, eptp);
	reason = vl2_run(&l2);
	return !refused(reason) && enters(reason);
}

/* Memory type, page-walk length (5 levels are not tried) and the flags of the
 * EPT pointer. */
static void test_eptp(u64 caps)
{
	static const struct {
		u64 bit, cap;
	} flags[] = { { EPTP_AD, EPT_CAP_AD }, { EPTP_SSS, EPT_CAP_SSS },
		      { BIT(8), 0 },	       { BIT(9), 0 },
		      { BIT(10), 0 },	       { BIT(11), 0 } };
	u64 root = (u64)ept;
	u32 bad = 0;

	for (u64 t = 0; t < 8; t++)
		bad += eptp_enters(root | t | EPTP_WALK4) !=
		       ((t == EPTP_WB && (caps & EPT_CAP_WB)) ||
			(t == EPTP_UC && (caps & EPT_CAP_UC)));
	check_eq(bad, 0, "ept-memory-types");
	bad = 0;
	for (u64 w = 0; w < 8; w++)
		if (w << 3 != EPTP_WALK5 || !(caps & EPT_CAP_WALK5))
			bad += eptp_enters(root | EPTP_WB | w << 3) !=
			       (w << 3 == EPTP_WALK4);
	check_eq(bad, 0, "ept-walk-lengths");
	bad = 0;
	for (u32 i = 0; i < ARRAY_SIZE(flags); i++)
		bad += eptp_enters(root | EPTP_WB | EPTP_WALK4 |
				   flags[i].bit) != !!(caps & flags[i].cap);
	check_eq(bad, 0, "ept-pointer-flags");
}

/* Types of INVEPT and INVVPID. */
static void test_types(u64 caps)
{
	static const u64 ept_types[] = { 0, EPT_CAP_INVEPT_SINGLE,
					 EPT_CAP_INVEPT_ALL, 0, 0 };
	static const u64 vpid_types[] = { VPID_CAP_ADDR, VPID_CAP_SINGLE,
					  VPID_CAP_ALL, VPID_CAP_SINGLE_GLOBALS,
					  0 };
	u64 eptp = (u64)ept | EPTP_WB | EPTP_WALK4;
	u32 bad = 0;

	prepare(); /* for the error number: a VMCS is current */
	for (u64 t = 0; (caps & EPT_CAP_INVEPT) && t < 5; t++)
		bad += (invept_insn(t, eptp, 0) == VMX_OK) !=
		       !!(caps & ept_types[t]);
	check_eq(bad, 0, "invept-types");
	bad = 0;
	for (u64 t = 0; (caps & VPID_CAP_INVVPID) && t < 5; t++)
		bad += (invvpid_insn(t, 1, 0) == VMX_OK) !=
		       !!(caps & vpid_types[t]);
	check_eq(bad, 0, "invvpid-types");
}

static void test_ept_vpid(void)
{
	if (!ept_cap()) {
		skip("ept-vpid", "no EPT");
		return;
	}
	test_eptp(ept_cap());
	test_types(ept_cap());
}

static void read_msr(void *msr)
{
	rdmsr(*(u32 *)msr);
}

/* Capability MSRs that are there only with what they tell of. */
static void test_existence(void)
{
	const struct {
		u32 msr;
		bool there;
	} rows[] = {
		{ MSR_VMX_PROCBASED_CTLS2, has(PROC, PROC_PROC2) },
		{ MSR_VMX_EPT_VPID_CAP,
		  cap(&groups[PROC2]) >> 32 & (PROC2_EPT | PROC2_VPID) },
		{ MSR_VMX_VMFUNC, has(PROC2, PROC2_VMFUNC) },
		{ MSR_VMX_PROCBASED_CTLS3, has(PROC, PROC_PROC3) },
		{ MSR_VMX_EXIT_CTLS2, has(EXIT, EXITC_EXIT2) },
	};
	u32 bad = 0;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 msr = rows[i].msr;

		bad += (try(read_msr, &msr) == -1) != rows[i].there;
	}
	check_known(!bad, "msrs-by-controls", on_abyme() ? EMU_NONE : EMU_BOCHS,
		    "MSRs that are not there read 0", "%u", bad);
}

/* --- fields ----------------------------------------------------------------------- */
#define GROUP_OF_PIN PIN
#define GROUP_OF_PROC PROC
#define GROUP_OF_PROC2 PROC2
#define GROUP_OF_EXIT EXIT
#define GROUP_OF_ENTRY ENTRY
#define GROUP_OF_PROC3 NONE
#define GROUP_OF_EXIT2 NONE
#define GROUP_OF_VMFUNC VMFUNC
#define GROUP_OF_NEVER NONE
enum { NONE = 100, VMFUNC };

static bool may(u32 g, u64 bits)
{
	if (g == NONE)
		return false;
	if (g == VMFUNC)
		return has(PROC2, PROC2_VMFUNC) &&
		       (rdmsr(MSR_VMX_VMFUNC) & bits);
	return cap(&groups[g]) >> 32 & bits;
}

enum exists {
#define VMCS_EXISTS(name, g, m, g2, m2) IF_##name,
#include "vmx/exists.def"
};

static const struct {
	u32 group, other;
	u64 bits, other_bits;
} rules[] = {
#define VMCS_EXISTS(name, g, m, g2, m2) \
	[IF_##name] = { GROUP_OF_##g, GROUP_OF_##g2, m, m2 },
#include "vmx/exists.def"
};

static const struct {
	const char *name;
	u32 enc;
	enum exists exists;
} fields[] = {
#define VMCS_FIELD(name, enc, width, type, exists, policy) \
	{ #name, enc, IF_##exists },
#include "vmx/fields.def"
};

static bool promised(u32 r)
{
	return r == IF_ALWAYS || may(rules[r].group, rules[r].bits) ||
	       may(rules[r].other, rules[r].other_bits);
}

static void test_fields(void)
{
	bool lax = !on_abyme() && emulator() == EMU_BOCHS;
	u32 wrong = 0, top = 0;
	u64 v;

	prepare();
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		bool want = promised(fields[i].exists);
		bool got = vmread_insn(fields[i].enc, &v) == VMX_OK;

		if (got)
			top = MAX(top, (u32)VMCS_ENC_INDEX(fields[i].enc));
		if (got == want)
			continue;
		wrong++;
		print("info: %s is %sthere\n", fields[i].name,
		      got ? "" : "not ");
	}
	check_known(!wrong, "fields-by-controls", lax ? EMU_BOCHS : EMU_NONE,
		    "some fields exist without their controls", "%u", wrong);
	check_known(rdmsr(MSR_VMX_VMCS_ENUM) >> 1 == top, "vmcs-enum",
		    lax ? EMU_BOCHS : EMU_NONE,
		    "the highest index is a fixed number", "%lx, highest %x",
		    rdmsr(MSR_VMX_VMCS_ENUM), top);
}

/* --- every encoding -------------------------------------------------------------- */
/* What the encodings of 16 bits lead to. */
static u8 known[BIT(16)];
enum { NOTHING, PROMISED, READ_ONLY, NOT_PROMISED };

/* "VMREAD, VMWRITE, and Encodings of VMCS Fields": bit 0 is an access type
 * that 64-bit fields have, bit 12 and those from 15 on are reserved. */
static void list_encodings(void)
{
	bool write_all = rdmsr(MSR_VMX_MISC) & VMX_MISC_VMWRITE_ALL;

	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 e = fields[i].enc;

		known[e] = !promised(fields[i].exists) ? NOT_PROMISED
			   : VMCS_ENC_TYPE(e) == VMCS_READONLY && !write_all
				   ? READ_ONLY
				   : PROMISED;
		if (VMCS_ENC_WIDTH(e) == VMCS_64)
			known[e | VMCS_ENC_HIGH] = known[e];
	}
}

static u64 width_of(u32 e)
{
	return e & VMCS_ENC_HIGH ? 0xffffffff
				 : vmcs_width_mask((u8)VMCS_ENC_WIDTH(e));
}

/* A value that tells its field; access rights have bits that no field keeps */
static u64 value_of(u32 e)
{
	bool rights = e >= VMCS_GUEST_ES_AR && e <= VMCS_GUEST_TR_AR;

	return (0xa5c3000096f0ull * (e + 1) + e) & (rights ? 0xf0ff : ~0ull);
}

/* 0, or the error number. */
static u32 want_of(u64 enc, bool write)
{
	u32 what = enc < BIT(16) ? known[enc] : NOTHING;

	if (what == NOTHING || what == NOT_PROMISED)
		return VMXERR_NO_FIELD;
	return write && what == READ_ONLY ? VMXERR_READ_ONLY : 0;
}

/* Did it end like this? Of the many encodings of nothing, the error number is
 * looked at for some. */
static bool ended(enum vmx_result r, u64 enc, bool write)
{
	u32 want = want_of(enc, write);
	bool look = enc % 61 == 0 || (enc < BIT(16) && known[enc]);

	if (r != VMX_VALID || !want)
		return r == VMX_OK && !want;
	return !look || vmr(VMCS_INSTR_ERROR) == want;
}

/* How many things about VMREAD and VMWRITE of @enc are not as promised. */
static u32 try_encoding(u64 enc)
{
	u64 v = ~0ull, back = 0;
	u32 wrong, e = (u32)enc;

	wrong = !ended(vmread_insn(enc, &v), enc, false);
	wrong += (v & ~width_of(e)) != (want_of(enc, false) ? ~width_of(e) : 0);
	wrong += !ended(vmwrite_insn(enc, value_of(e)), enc, true);
	if (want_of(enc, true) || enc == VMCS_INSTR_ERROR)
		return wrong;
	wrong += vmread_insn(enc, &back) != VMX_OK ||
		 back != (value_of(e) & width_of(e));
	return wrong;
}

/* Each encoding of 16 bits; then a field's with one bit above set. */
static void test_encodings(void)
{
	bool lax = !on_abyme() && emulator() == EMU_BOCHS;
	u32 wrong = 0, beyond = 0, there = 0, n;

	list_encodings();
	prepare();
	for (u32 e = 0; e < BIT(16); e++) {
		/* counted by fields-by-controls */
		if (lax && known[e] == NOT_PROMISED)
			continue;
		there += !want_of(e, false);
		n = try_encoding(e);
		if (n && !wrong)
			print("info: encoding %x: read %x, write %x\n", e,
			      want_of(e, false), want_of(e, true));
		wrong += n;
	}
	check_eq(wrong, 0, "encodings");
	check(there > 140, "encodings-of-fields", "%u", there);
	for (u32 b = 15; b < 64; b++)
		for (u32 i = 0; i < ARRAY_SIZE(fields); i += 8)
			beyond += try_encoding(fields[i].enc | BIT(b));
	check_eq(beyond, 0, "encodings-beyond-16-bits");
}

void main(void)
{
	vmx_on();
	page = page_alloc(1);
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	test_msrs();
	test_fixed();
	for (u32 g = 0; g < ARRAY_SIZE(groups); g++)
		test_bits(g);
	test_ept_vpid();
	test_existence();
	test_fields();
	test_encodings();
	vmx_off();
}
