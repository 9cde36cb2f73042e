/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EPT, 4 levels: violations and misconfigurations with their exact
 * qualification and addresses, every page size, accessed and dirty flags,
 * invalidation, and L2 in the modes that only EPT allows.
 */
/* boot: emus=bochs bare timeout=60 */
/* boot: emus=bochs cpu=corei5_arrandale_m520 bare timeout=60 name=arrandale */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define GPA GiB(4) /* what the cases look at */
#define PA MiB(64) /* and where it is */
#define R 1ull
#define W 2ull
#define X 4ull
#define WB (6ull << 3)
#define LARGE BIT(7)
#define A BIT(8)
#define D BIT(9)
#define LINEAR (EPT_QUAL_LINEAR | EPT_QUAL_FINAL)

static struct vl2 l2;
static u64 *ept;
static u64 eptp_ad;

PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmcall")
PAYLOAD(do_write, "movb %al, 0x123(%rdi); vmcall")
PAYLOAD(do_fetch, "lea 0x123(%rdi), %rax; jmp *%rax")

struct ept_case {
	const char *name;
	void (*code)(void);
	u32 level; /* of the entry that the case is about */
	u64 bits;  /* what it holds, besides the address */
	u32 want;  /* exit reason */
	u64 qual;  /* of a violation */
	u64 flags; /* A and D afterwards, with A/D flags on */
};

#define VIOL REASON_EPT_VIOLATION
#define MISC REASON_EPT_MISCONFIG
#define GOOD REASON_VMCALL

static const struct ept_case cases[] = {
	{ "read-4k", do_read, 1, R | W | X | WB, GOOD, 0, A },
	{ "write-4k", do_write, 1, R | W | X | WB, GOOD, 0, A | D },
	{ "fetch-4k", do_fetch, 1, R | W | X | WB, GOOD, 0, A },
	{ "read-2m", do_read, 2, R | W | X | WB | LARGE, GOOD, 0, A },
	{ "write-2m", do_write, 2, R | W | X | WB | LARGE, GOOD, 0, A | D },
	{ "write-1g", do_write, 3, R | W | X | WB | LARGE, GOOD, 0, A | D },
	{ "read-uc", do_read, 1, R | W | X, GOOD, 0, A },
	{ "fetch-x-only", do_fetch, 1, X | WB, GOOD, 0, A },
	{ "absent-read", do_read, 1, 0, VIOL, R | LINEAR, 0 },
	{ "absent-write", do_write, 1, 0, VIOL, W | LINEAR, 0 },
	{ "absent-fetch", do_fetch, 1, 0, VIOL, X | LINEAR, 0 },
	{ "absent-pde", do_read, 2, 0, VIOL, R | LINEAR, 0 },
	{ "absent-pdpte", do_write, 3, 0, VIOL, W | LINEAR, 0 },
	{ "ro-write", do_write, 1, R | WB, VIOL, W | R << 3 | LINEAR, 0 },
	{ "rx-write", do_write, 1, R | X | WB, VIOL, W | (R | X) << 3 | LINEAR,
	  0 },
	{ "nx-fetch", do_fetch, 1, R | W | WB, VIOL, X | (R | W) << 3 | LINEAR,
	  0 },
	{ "x-only-read", do_read, 1, X | WB, VIOL, R | X << 3 | LINEAR, 0 },
	{ "ro-2m-write", do_write, 2, R | WB | LARGE, VIOL, W | R << 3 | LINEAR,
	  0 },
	{ "ro-table-write", do_write, 2, R, VIOL, W | R << 3 | LINEAR, 0 },
	{ "nx-table-fetch", do_fetch, 3, R | W, VIOL, X | (R | W) << 3 | LINEAR,
	  0 },
	{ "misconfig-w-only", do_read, 1, W | WB, MISC, 0, 0 },
	{ "misconfig-wx", do_read, 1, W | X | WB, MISC, 0, 0 },
	{ "misconfig-type-2", do_read, 1, R | 2 << 3, MISC, 0, 0 },
	{ "misconfig-type-7", do_read, 1, R | 7 << 3, MISC, 0, 0 },
	{ "misconfig-reserved-51", do_read, 1, R | WB | BIT(51), MISC, 0, 0 },
	{ "misconfig-2m-12", do_read, 2, R | WB | LARGE | BIT(12), MISC, 0, 0 },
	{ "misconfig-1g-12", do_read, 3, R | WB | LARGE | BIT(12), MISC, 0, 0 },
	{ "misconfig-table-3", do_read, 2, R | W | X | BIT(3), MISC, 0, 0 },
	{ "misconfig-table-wx", do_read, 2, W | X, MISC, 0, 0 },
};

static u64 eptp(const u64 *root)
{
	return (u64)root | EPTP_WB | EPTP_WALK4 | eptp_ad;
}

static void ept_on(const u64 *root, u32 more)
{
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_PROC2 | PROC_HLT)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT | more));
	vmw(VMCS_EPTP, eptp(root));
}

static void prepare(void (*code)(void), const u64 *root)
{
	vl2_init(&l2, code);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	ept_on(root, 0);
	l2.gprs.rdi = GPA;
}

static u64 *build(const struct ept_case *c)
{
	u64 *e, old, pa = c->level == 3 ? 0 : PA;

	ept = table_identity(EPT_TABLE, EPT_PAGE);
	if (c->bits & LARGE || c->level == 1) {
		e = table_entry(ept, GPA, c->level, EPT_TABLE);
		*e = c->bits ? pa | c->bits : 0;
		return e;
	}
	*table_entry(ept, GPA, 1, EPT_TABLE) = PA | EPT_PAGE;
	e = table_entry(ept, GPA, c->level, EPT_TABLE);
	old = *e & BITS(51, 12);
	*e = c->bits ? old | c->bits : 0;
	return e;
}

/* Without 1 GiB pages their bit is reserved. */
static u32 expected(const struct ept_case *c)
{
	return c->level == 3 && (c->bits & LARGE) &&
			       !(rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_1G)
		       ? MISC
		       : c->want;
}

static void run(const struct ept_case *c)
{
	u32 want = expected(c);
	u64 *e = build(c), pa = c->level == 3 ? 0 : PA, at = pa + 0x123;
	char name[48];
	u32 reason;

	prepare(c->code, ept);
	memcpy((void *)at, "\x0f\x01\xc1", 3); /* VMCALL */
	invept_insn(INVEPT_ALL, 0, 0);
	reason = vl2_run(&l2);
	snprintf(name, sizeof(name), "%s%s", c->name, eptp_ad ? "-ad" : "");
	if (!check_known(reason == want, name,
			 (c->bits & (LARGE | BIT(12))) == (LARGE | BIT(12)) &&
					 !on_abyme()
				 ? EMU_BOCHS
				 : EMU_NONE,
			 "low address bits of a large page are not checked",
			 "got %x, want %x, error %lx", reason, want,
			 vmr(VMCS_INSTR_ERROR)))
		return;
	if (reason == GOOD) {
		snprintf(name, sizeof(name), "%s-flags", c->name);
		check_eq(*e & (A | D), eptp_ad ? c->flags : 0, name);
		return;
	}
	snprintf(name, sizeof(name), "%s-gpa", c->name);
	check_eq(vmr(VMCS_GUEST_PHYSICAL), GPA + 0x123, name);
	if (reason == MISC)
		return;
	snprintf(name, sizeof(name), "%s-qualification", c->name);
	check_eq(vmr(VMCS_EXIT_QUALIFICATION) & 0x1ff, c->qual, name);
	snprintf(name, sizeof(name), "%s-linear", c->name);
	check_eq(vmr(VMCS_GUEST_LINEAR), GPA + 0x123, name);
	if (c->level == 3)
		return;
	/* L1 puts it right, and L2 goes on */
	*e = PA | EPT_PAGE | (c->level == 2 ? LARGE : 0);
	invept_insn(INVEPT_SINGLE, eptp(ept), 0);
	snprintf(name, sizeof(name), "%s-mended", c->name);
	check_eq(vl2_run(&l2), GOOD, name);
}

/* L2's own page tables in memory that EPT does not give. */
static void test_walk(void)
{
	static u64 pml4[512] __aligned(4096);
	extern u64 pdpt[];
	u64 *e, q;
	u32 reason;

	ept = table_identity(EPT_TABLE, EPT_PAGE);
	pml4[0] = (u64)pdpt | 7;
	table_map(ept, GPA, (u64)pml4, 1, EPT_TABLE, EPT_PAGE);
	e = table_entry(ept, GPA, 1, EPT_TABLE);
	prepare(do_read, ept);
	l2.gprs.rdi = PA;
	vmw(VMCS_GUEST_CR3, GPA);
	check_eq(vl2_run(&l2), GOOD, "walk-good");
	check(pml4[0] & BIT(5), "walk-sets-accessed", "%lx", pml4[0]);
	for (u32 i = 0; i < 2; i++) {
		pml4[0] &= ~BIT(5);
		*e = i ? (u64)pml4 | R | WB : 0;
		invept_insn(INVEPT_ALL, 0, 0);
		prepare(do_read, ept);
		l2.gprs.rdi = PA;
		vmw(VMCS_GUEST_CR3, GPA);
		reason = vl2_run(&l2);
		if (!check_known(reason == VIOL, "walk-violation",
				 i && !eptp_ad ? EMU_BOCHS : EMU_NONE,
				 "the accessed flag is set in read-only memory",
				 "got %x", reason))
			continue;
		q = vmr(VMCS_EXIT_QUALIFICATION);
		check((q & (EPT_QUAL_FINAL | EPT_QUAL_LINEAR)) ==
			      EPT_QUAL_LINEAR,
		      "walk-qualification", "%lx", q);
		check(!i || (q & W), "walk-writes", "%lx", q);
		check_eq(vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK, GPA, "walk-gpa");
	}
}

static u64 read_byte(const u64 *root)
{
	prepare(do_read, root);
	return vl2_run(&l2) == GOOD ? l2.gprs.rax & 0xff : 0x100;
}

static void test_invept(void)
{
	u64 *other = table_identity(EPT_TABLE, EPT_PAGE), *e;

	ept = table_identity(EPT_TABLE, EPT_PAGE);
	for (u32 i = 0; i < 3; i++)
		*(volatile u8 *)(PA + i * PAGE_SIZE + 0x123) = (u8)(0x11 + i);
	table_map(ept, GPA, PA, 1, EPT_TABLE, EPT_PAGE);
	table_map(other, GPA, PA + 0x2000, 1, EPT_TABLE, EPT_PAGE);
	e = table_entry(ept, GPA, 1, EPT_TABLE);
	check_eq(read_byte(ept), 0x11, "invept-before");
	check_eq(read_byte(other), 0x13, "other-eptp");
	*e = (PA + 0x1000) | EPT_PAGE;
	invept_insn(INVEPT_SINGLE, eptp(ept), 0);
	check_eq(read_byte(ept), 0x12, "invept-single");
	*e = PA | EPT_PAGE;
	invept_insn(INVEPT_ALL, 0, 0);
	check_eq(read_byte(ept), 0x11, "invept-all");
	*e = 0;
	invept_insn(INVEPT_ALL, 0, 0);
	check_eq(read_byte(ept), 0x100, "invept-absent");
	*e = PA | EPT_PAGE;
	check_eq(read_byte(ept), 0x11, "present-at-once");
	check_eq(read_byte(other), 0x13, "other-eptp-still");
}

/* --- other modes: unrestricted guest ------------------------------------------- */
PAYLOAD(real_code, ".code16; mov %cs, %ax; mov $0x1234, %bx; cpuid;"
		   "vmcall; .code64")
extern const char pm32_code[];
__asm__(".text; .code32; pm32_code: mov $0x12345678, %ebx; vmcall; .code64");

static void test_modes(void)
{
	if (!vmx_has_proc2((u32)PROC2_UNRESTRICTED)) {
		skip("unrestricted", "the control is not offered");
		return;
	}
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	vl2_init_real(&l2, (void *)(u64)real_code, 64, 0xc000);
	ept_on(ept, (u32)PROC2_UNRESTRICTED);
	check_eq(vl2_run(&l2), REASON_CPUID, "real-mode-cpuid");
	check_eq(vmr(VMCS_GUEST_RIP), 5, "real-mode-ip");
	check_eq(l2.gprs.rax & 0xffff, 0xc00, "real-mode-cs");
	check_eq(l2.gprs.rbx & 0xffff, 0x1234, "real-mode-bx");
	vl2_skip();
	check_eq(vl2_run(&l2), REASON_VMCALL, "real-mode-vmcall");
	vl2_init(&l2, (void (*)(void))(u64)pm32_code);
	ept_on(ept, (u32)PROC2_UNRESTRICTED);
	vmw(VMCS_GUEST_CS_AR, 0xc09b);
	vmw(VMCS_GUEST_CR0, read_cr0() & ~CR0_PG);
	vmw(VMCS_GUEST_CR4, read_cr4() & ~CR4_PAE);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0));
	check_eq(vl2_run(&l2), REASON_VMCALL, "pm32-without-paging");
	check_eq(l2.gprs.rbx, 0x12345678, "pm32-ebx");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)pm32_code + 5, "pm32-eip");
}

/* PAE: PDPTEs come from the VMCS, not from memory. */
static void test_pae(void)
{
	extern u64 pds[];
	u64 pd = (u64)pds;

	ept = table_identity(EPT_TABLE, EPT_PAGE);
	for (u32 i = 0; i < 3; i++) {
		vl2_init(&l2, (void (*)(void))(u64)pm32_code);
		ept_on(ept, 0);
		vmw(VMCS_GUEST_CS_AR, 0xc09b);
		vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0));
		vmw(VMCS_GUEST_CR3, 0x1000);
		vmw(VMCS_GUEST_PDPTE0, pd | 1 | (i == 1 ? BIT(1) : 0));
		vmw(VMCS_GUEST_PDPTE1, (pd + 0x1000) | 1);
		vmw(VMCS_GUEST_PDPTE2, 0);
		vmw(VMCS_GUEST_PDPTE3, i == 2 ? BIT(51) | 1 : 0);
		check_eq(vl2_run(&l2),
			 i ? REASON_BAD_GUEST | EXIT_ENTRY_FAILURE
			   : REASON_VMCALL,
			 i ? "pae-bad-pdpte" : "pae");
		if (i)
			check_eq(vmr(VMCS_EXIT_QUALIFICATION), 2,
				 "pae-bad-pdpte-qualification");
	}
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_EPT))
		die("vmx-ept", "no EPT");
	map_2m(GPA, MiB(2), 0x87);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	if (rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_AD) {
		eptp_ad = EPTP_AD;
		for (u32 i = 0; i < 16; i++)
			run(&cases[i]);
	}
	test_walk();
	eptp_ad = 0;
	test_walk();
	test_invept();
	test_modes();
	test_pae();
	vmx_off();
}
