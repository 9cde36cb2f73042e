/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VM entries, INVVPID and INVEPT leave of cached translations (SDM 3C,
 * "Caching Translation Information"): after each kind of invalidation L2 sees
 * L1's new tables, VPIDs and EPT pointers do not mix, L1's own translations
 * and those of others stay right.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define AT GiB(16) /* linear, in tables of L2's own */
#define GPA GiB(4) /* L2-physical, in EPT */
#define PTE 0x67ull
#define GLOBAL BIT(8)
#define MANY 20 /* VPIDs: more than a processor's L0 keeps */

static struct vl2 l2;
static u64 *root, *ept, *ept2;
static u8 *pages; /* page i holds i + 1 */

PAYLOAD(do_read, "movzbl (%rdi), %eax; vmcall")
PAYLOAD(do_read_cr3, "movzbl (%rdi), %ebx; mov %cr3, %rax; mov %rax, %cr3;"
		     "movzbl (%rdi), %eax; vmcall")
PAYLOAD(do_invlpg, "movzbl (%rdi), %ebx; vmcall; invlpg (%rdi);"
		   "movzbl (%rdi), %eax; vmcall")
PAYLOAD(do_twice, "movzbl (%rdi), %ebx; vmcall; movzbl (%rdi), %eax; vmcall")

static u64 page(u32 i)
{
	return (u64)pages + (u64)i * PAGE_SIZE;
}

static void map(u32 i, u64 bits)
{
	*table_entry(root, AT, 1, 7) = page(i) | PTE | bits;
}

static void prepare(void (*code)(void), u16 vpid, u64 *eptp)
{
	u32 proc2 = (vpid ? (u32)PROC2_VPID : 0) | (eptp ? (u32)PROC2_EPT : 0);

	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)) &
				    ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE));
	vmw(VMCS_PROC2_CTLS, vmx_proc2(proc2));
	vmw(VMCS_GUEST_CR3, (u64)root);
	vmw(VMCS_GUEST_CR4, read_cr4() | CR4_PGE);
	if (vpid)
		vmw(VMCS_VPID, vpid);
	if (eptp)
		vmw(VMCS_EPTP, (u64)eptp | EPTP_WB | EPTP_WALK4);
	l2.gprs.rdi = AT;
}

/* What L2 reads at AT with that VPID and EPT. */
static u64 look(u16 vpid, u64 *eptp)
{
	prepare(do_read, vpid, eptp);
	return vl2_run(&l2) == REASON_VMCALL ? l2.gprs.rax : 0x100;
}

static void ok(enum vmx_result r, const char *name)
{
	if (r != VMX_OK)
		check(false, name, "VMfail %lx", vmr(VMCS_INSTR_ERROR));
}

/* --- without VPIDs: every entry flushes --------------------------------------- */
static void test_no_vpid(void)
{
	map(0, 0);
	check_eq(look(0, NULL), 1, "no-vpid");
	map(1, 0);
	check_eq(look(0, NULL), 2, "no-vpid-entry-flushes");
	map(2, GLOBAL);
	check_eq(look(0, NULL), 3, "no-vpid-global");
	map(3, GLOBAL);
	check_eq(look(0, NULL), 4, "no-vpid-entry-flushes-global");
}

/* --- INVVPID ---------------------------------------------------------------------- */
static void test_invvpid(void)
{
	static const struct {
		const char *name;
		u64 type, bits;
	} rows[] = {
		{ "invvpid-address", INVVPID_ADDR, 0 },
		{ "invvpid-single", INVVPID_SINGLE, 0 },
		{ "invvpid-all", INVVPID_ALL, 0 },
		{ "invvpid-retaining-globals", INVVPID_SINGLE_GLOBALS, 0 },
		{ "invvpid-address-global", INVVPID_ADDR, GLOBAL },
		{ "invvpid-single-global", INVVPID_SINGLE, GLOBAL },
		{ "invvpid-all-global", INVVPID_ALL, GLOBAL },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 all = rows[i].type == INVVPID_ALL;

		map(0, rows[i].bits);
		ok(invvpid_insn(INVVPID_ALL, 0, 0), "invvpid");
		check_eq(look(1, NULL), 1, rows[i].name);
		map(1, rows[i].bits);
		ok(invvpid_insn(rows[i].type, all ? 0 : 1, AT), rows[i].name);
		check_eq(look(1, NULL), 2, rows[i].name);
		/* the same under EPT, where mappings are combined ones */
		map(0, rows[i].bits);
		ok(invvpid_insn(INVVPID_ALL, 0, 0), "invvpid");
		check_eq(look(1, ept), 1, rows[i].name);
		map(1, rows[i].bits);
		ok(invvpid_insn(rows[i].type, all ? 0 : 1, AT), rows[i].name);
		check_eq(look(1, ept), 2, rows[i].name);
	}
}

/* What L2 does itself: MOV CR3 spares globals only, INVLPG nothing. */
static void test_l2_flushes(void)
{
	map(0, 0);
	ok(invvpid_insn(INVVPID_ALL, 0, 0), "invvpid");
	prepare(do_invlpg, 1, NULL);
	check_eq(vl2_run(&l2), REASON_VMCALL, "invlpg-first");
	check_eq(l2.gprs.rbx, 1, "invlpg-before");
	map(1, 0);
	vl2_skip();
	check_eq(vl2_run(&l2), REASON_VMCALL, "invlpg-second");
	check_eq(l2.gprs.rax, 2, "invlpg-after");
	map(2, 0);
	prepare(do_read_cr3, 1, NULL);
	check_eq(vl2_run(&l2), REASON_VMCALL, "mov-cr3");
	check_eq(l2.gprs.rax, 3, "mov-cr3-after");
}

/* More VPIDs than fit, each with tables of its own at the same address. */
static void test_many(void)
{
	static u64 *roots[MANY];
	u64 *keep = root;
	u32 wrong = 0;

	for (u32 i = 0; i < MANY; i++) {
		roots[i] = page_alloc(1);
		roots[i][0] = keep[0]; /* code and stack */
		*table_entry(roots[i], AT + BIT(39), 1, 7) = page(i % 8) | PTE;
	}
	ok(invvpid_insn(INVVPID_ALL, 0, 0), "invvpid");
	for (u32 round = 0; round < 3; round++)
		for (u32 i = 0; i < MANY; i++) {
			root = roots[i];
			prepare(do_read, (u16)(0x100 + i), NULL);
			vmw(VMCS_GUEST_CR3, (u64)root);
			l2.gprs.rdi = AT + BIT(39);
			wrong += vl2_run(&l2) != REASON_VMCALL ||
				 l2.gprs.rax != i % 8 + 1;
		}
	root = keep;
	check_eq(wrong, 0, "many-vpids");
}

/* One VPID with two EPT pointers: two sets of combined mappings. */
static void test_two_epts(void)
{
	u32 wrong = 0;

	map(0, 0);
	*table_entry(root, AT, 1, 7) = GPA | PTE;
	table_map(ept, GPA, page(0), 1, EPT_TABLE, EPT_PAGE);
	table_map(ept2, GPA, page(1), 1, EPT_TABLE, EPT_PAGE);
	ok(invept_insn(INVEPT_ALL, 0, 0), "invept");
	for (u32 i = 0; i < 6; i++)
		wrong += look(1, i & 1 ? ept2 : ept) != (i & 1) + 1;
	check_eq(wrong, 0, "two-eptps-one-vpid");
	/* the same table as two pointers: with and without A/D flags */
	table_map(ept, GPA, page(2), 1, EPT_TABLE, EPT_PAGE);
	ok(invept_insn(INVEPT_SINGLE, (u64)ept | EPTP_WB | EPTP_WALK4, 0),
	   "invept");
	check_eq(look(1, ept), 3, "invept-single-combined");
	check_eq(look(1, ept2), 2, "invept-single-spares-other");
	table_map(ept, GPA, page(3), 1, EPT_TABLE, EPT_PAGE);
	table_map(ept2, GPA, page(4), 1, EPT_TABLE, EPT_PAGE);
	ok(invept_insn(INVEPT_ALL, 0, 0), "invept");
	check_eq(look(1, ept), 4, "invept-all-combined");
	check_eq(look(1, ept2), 5, "invept-all-other");
	check_eq(look(2, ept), 4, "invept-all-other-vpid");
	check_eq(look(0, ept), 4, "invept-all-no-vpid");
	/* rights taken away in EPT hold after INVEPT */
	*table_entry(ept, GPA, 1, EPT_TABLE) = 0;
	ok(invept_insn(INVEPT_SINGLE, (u64)ept | EPTP_WB | EPTP_WALK4, 0),
	   "invept");
	check_eq(look(1, ept), 0x100, "invept-absent");
	*table_entry(ept, GPA, 1, EPT_TABLE) = page(5) | EPT_PAGE;
	check_eq(look(1, ept), 6, "ept-present-at-once");
}

/* An upper table exchanged as a whole. */
static void test_tables(void)
{
	u64 *pd = table_entry(ept, GPA, 2, EPT_TABLE), old = *pd;
	u64 *fresh = page_alloc(1);

	fresh[GPA >> 12 & 511] = page(6) | EPT_PAGE;
	check_eq(look(1, ept), 6, "table-before");
	*pd = (u64)fresh | EPT_TABLE;
	ok(invept_insn(INVEPT_ALL, 0, 0), "invept");
	check_eq(look(1, ept), 7, "table-exchanged");
	*pd = old;
	ok(invept_insn(INVEPT_ALL, 0, 0), "invept");
	check_eq(look(1, ept), 6, "table-back");
	/* L2's own table through EPT: its page moves */
	map(0, 0);
	ok(invvpid_insn(INVVPID_SINGLE, 1, 0), "invvpid");
	check_eq(look(1, ept), 1, "own-table");
	prepare(do_twice, 1, ept);
	check_eq(vl2_run(&l2), REASON_VMCALL, "own-table-first");
	map(7, 0);
	ok(invvpid_insn(INVVPID_ADDR, 1, AT), "invvpid");
	vl2_skip();
	check_eq(vl2_run(&l2), REASON_VMCALL, "own-table-second");
	check_eq(l2.gprs.rax, 8, "own-table-after");
}

/* L1's translations: exits without VPID flush them, entries change none. */
static void test_l1(void)
{
	u64 *mine = table_entry((u64 *)read_cr3(), AT, 1, 7);
	volatile u8 *p = (volatile u8 *)AT;

	*mine = page(0) | PTE;
	check_eq(*p, 1, "l1-before");
	*mine = page(1) | PTE;
	map(3, 0);
	check_eq(look(0, NULL), 4, "l1-l2-reads");
	check_eq(*p, 2, "l1-after-exit-without-vpid");
	*mine = page(2) | PTE;
	__asm__ volatile("invlpg (%0)" : : "r"(AT) : "memory");
	check_eq(look(1, NULL) != 0x100, 1, "l1-l2-with-vpid");
	check_eq(*p, 3, "l1-after-invlpg");
}

/* --- operands of INVEPT and INVVPID ------------------------------------------------ */
#define HIGH BIT(60)
#define ERROR 28u /* VMXERR_INVALID_OPERAND, of both */

static bool ended(enum vmx_result r, u32 error)
{
	return r == (error ? VMX_VALID : VMX_OK) &&
	       (!error || vmr(VMCS_INSTR_ERROR) == error);
}

static void expect(enum vmx_result r, u32 error, const char *name)
{
	check(ended(r, error), name, "%u, error %lx", r, vmr(VMCS_INSTR_ERROR));
}

/* All 64 bits of the register are the type. */
static void expect_no_type(enum vmx_result r, const char *name)
{
	check_known(ended(r, ERROR), name, on_abyme() ? EMU_NONE : EMU_BOCHS,
		    "of the type 32 bits are looked at", "%u", r);
}

/* A type is judged before the descriptor, a pointer as VM entry would. */
static void test_invept_operands(void)
{
	static const struct {
		const char *name;
		u64 type, bits;
		u32 error;
	} rows[] = {
		{ "invept-all", INVEPT_ALL, 0, 0 },
		{ "invept-all-ignores-pointer", INVEPT_ALL, HIGH | 7, 0 },
		{ "invept-single", INVEPT_SINGLE, EPTP_WB | EPTP_WALK4, 0 },
		{ "invept-type-0", 0, EPTP_WB | EPTP_WALK4, ERROR },
		{ "invept-type-3", 3, EPTP_WB | EPTP_WALK4, ERROR },
		{ "invept-memory-type", INVEPT_SINGLE, 7 | EPTP_WALK4, ERROR },
		{ "invept-walk-length", INVEPT_SINGLE, EPTP_WB, ERROR },
		{ "invept-bit-11", INVEPT_SINGLE,
		  EPTP_WB | EPTP_WALK4 | BIT(11), ERROR },
		{ "invept-address", INVEPT_SINGLE, EPTP_WB | EPTP_WALK4 | HIGH,
		  ERROR },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		expect(invept_insn(rows[i].type, (u64)ept | rows[i].bits, 0),
		       rows[i].error, rows[i].name);
	expect_no_type(invept_insn(BIT(32) | INVEPT_ALL, 0, 0),
		       "invept-type-33-bits");
}

/* Reserved bits count for every type, the VPID for all but that of all, the
 * address for that of one. */
static void test_invvpid_operands(void)
{
	static const u64 odd[] = { 0x8000000000000, HIGH, BIT(63) };

	for (u64 t = INVVPID_ADDR; t <= INVVPID_SINGLE_GLOBALS; t++) {
		bool all = t == INVVPID_ALL, addr = t == INVVPID_ADDR;

		expect(invvpid_insn(t, 1, 0x1000), 0, "invvpid");
		expect(invvpid_insn(t, 0xffff, 0x1000), 0, "invvpid-last");
		expect(invvpid_insn(t, 0, 0x1000), all ? 0 : ERROR,
		       "invvpid-vpid-0");
		for (u32 b = 16; b < 64; b += 47)
			expect(invvpid_insn(t, BIT(b) | 1, 0x1000), ERROR,
			       "invvpid-reserved");
		for (u32 i = 0; i < ARRAY_SIZE(odd); i++)
			expect(invvpid_insn(t, 1, odd[i]), addr ? ERROR : 0,
			       "invvpid-address");
	}
	expect(invvpid_insn(4, 1, 0), ERROR, "invvpid-type-4");
	expect_no_type(invvpid_insn(BIT(32) | INVVPID_ALL, 1, 0),
		       "invvpid-type-33-bits");
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)(PROC2_VPID | PROC2_EPT))) {
		skip("vpid", "no VPID or no EPT");
		done();
	}
	pages = page_alloc(8);
	for (u32 i = 0; i < 8; i++)
		memset(pages + (u64)i * PAGE_SIZE, (int)i + 1, PAGE_SIZE);
	root = page_alloc(1);
	root[0] = ((u64 *)read_cr3())[0];
	/* a PDPT of its own: L1's stays without AT */
	root[0] = (u64)memcpy(page_alloc(1), (void *)(root[0] & BITS(51, 12)),
			      PAGE_SIZE) |
		  7;
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	ept2 = table_identity(EPT_TABLE, EPT_PAGE);
	test_no_vpid();
	test_invept_operands();
	test_invvpid_operands();
	test_invvpid();
	test_l2_flushes();
	test_many();
	test_two_epts();
	test_tables();
	test_l1();
	vmx_off();
}
