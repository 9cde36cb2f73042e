/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested paging, 4 levels: every kind of fault with its exact EXITINFO1 and
 * EXITINFO2, every page size, accessed and dirty flags, and that a flush or
 * another ASID shows what L1 changed.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu name=off hv=svm.features=-flushbyasid timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define GPA GiB(4) /* what the cases look at */
#define PA MiB(64) /* and where it is */
#define CODE_INFO (NPF_U | NPF_FINAL)
#define A BIT(5)
#define D BIT(6)
#define NX BIT(63)
#define LARGE BIT(7)
#define PWU 7ull

static struct l2 l2;
static u64 *npt;

PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmmcall")
PAYLOAD(do_write, "movb %al, 0x123(%rdi); vmmcall")
PAYLOAD(do_fetch, "lea 0x123(%rdi), %rax; jmp *%rax")

struct npt_case {
	const char *name;
	void (*code)(void);
	u32 level; /* of the entry that the case is about */
	u64 bits;  /* what it holds, besides the address */
	u64 info1; /* of the NPF; 0: none is to come */
	u64 leaf;  /* A and D afterwards */
	enum emulator emu;
	const char *fault;
};

#define NO_FAULT EMU_NONE, ""
#define TCG_P EMU_QEMU, "no P bit for a reserved bit"
static const struct npt_case cases[] = {
	{ "read-4k", do_read, 1, PWU, 0, A, NO_FAULT },
	{ "write-4k", do_write, 1, PWU, 0, A | D, NO_FAULT },
	{ "fetch-4k", do_fetch, 1, PWU, 0, A, NO_FAULT },
	{ "read-2m", do_read, 2, PWU | LARGE, 0, A, NO_FAULT },
	{ "write-2m", do_write, 2, PWU | LARGE, 0, A | D, NO_FAULT },
	{ "read-1g", do_read, 3, PWU | LARGE, 0, A, NO_FAULT },
	{ "write-1g", do_write, 3, PWU | LARGE, 0, A | D, NO_FAULT },
	{ "read-ro-4k", do_read, 1, 5, 0, A, NO_FAULT },
	{ "read-nx-4k", do_read, 1, PWU | NX, 0, A, NO_FAULT },
	{ "no-pte-read", do_read, 1, 0, CODE_INFO, 0, NO_FAULT },
	{ "no-pte-write", do_write, 1, 0, CODE_INFO | NPF_W, 0, NO_FAULT },
	{ "no-pte-fetch", do_fetch, 1, 0, CODE_INFO | NPF_ID, 0, NO_FAULT },
	{ "no-pde-read", do_read, 2, 0, CODE_INFO, 0, NO_FAULT },
	{ "no-pde-write", do_write, 2, 0, CODE_INFO | NPF_W, 0, NO_FAULT },
	{ "no-pdpte-read", do_read, 3, 0, CODE_INFO, 0, NO_FAULT },
	{ "ro-4k", do_write, 1, 5, CODE_INFO | NPF_P | NPF_W, 0, NO_FAULT },
	{ "ro-2m", do_write, 2, 5 | LARGE, CODE_INFO | NPF_P | NPF_W, 0,
	  NO_FAULT },
	{ "ro-table", do_write, 2, 5, CODE_INFO | NPF_P | NPF_W, 0, NO_FAULT },
	{ "nx-4k", do_fetch, 1, PWU | NX, CODE_INFO | NPF_P | NPF_ID, 0,
	  NO_FAULT },
	{ "nx-2m", do_fetch, 2, PWU | LARGE | NX, CODE_INFO | NPF_P | NPF_ID, 0,
	  NO_FAULT },
	{ "nx-table", do_fetch, 3, PWU | NX, CODE_INFO | NPF_P | NPF_ID, 0,
	  NO_FAULT },
	{ "supervisor-4k-read", do_read, 1, 3, CODE_INFO | NPF_P, 0, NO_FAULT },
	{ "supervisor-4k-write", do_write, 1, 3, CODE_INFO | NPF_P | NPF_W, 0,
	  NO_FAULT },
	{ "supervisor-table", do_read, 2, 3, CODE_INFO | NPF_P, 0, NO_FAULT },
	{ "reserved-4k", do_read, 1, PWU | BIT(51), CODE_INFO | NPF_P | NPF_RSV,
	  0, TCG_P },
	{ "reserved-4k-write", do_write, 1, PWU | BIT(51),
	  CODE_INFO | NPF_P | NPF_RSV | NPF_W, 0, TCG_P },
	{ "reserved-2m-13", do_read, 2, PWU | LARGE | BIT(13),
	  CODE_INFO | NPF_P | NPF_RSV, 0, TCG_P },
	{ "reserved-1g-13", do_read, 3, PWU | LARGE | BIT(13),
	  CODE_INFO | NPF_P | NPF_RSV, 0, TCG_P },
	{ "reserved-table", do_read, 2, PWU | BIT(51),
	  CODE_INFO | NPF_P | NPF_RSV, 0, TCG_P },
};

static void prepare(void (*code)(void), u32 asid)
{
	l2_init(&l2, code);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	vmcb_set_asid(l2.vmcb, asid);
	l2.gprs.rdi = GPA;
}

/* Tables down to the case's entry; below it, if any, plain ones. */
static u64 *build(const struct npt_case *c)
{
	u64 *e, old, pa = c->level == 3 ? 0 : PA;

	npt = table_identity(NPT_TABLE, NPT_PAGE);
	if (c->bits & LARGE || c->level == 1) {
		e = table_entry(npt, GPA, c->level, NPT_TABLE);
		*e = pa | c->bits;
		return e;
	}
	*table_entry(npt, GPA, 1, NPT_TABLE) = PA | NPT_PAGE;
	e = table_entry(npt, GPA, c->level, NPT_TABLE);
	old = *e & BITS(51, 12);
	*e = c->bits ? old | c->bits : 0;
	return e;
}

static void run(const struct npt_case *c)
{
	u64 pa = c->level == 3 ? 0 : PA, *e, code;
	u64 at = pa + 0x123;
	char name[48];

	if (c->level == 3 && (c->bits & LARGE) &&
	    !(cpuid_reg(0x80000001, 0, EDX) & BIT(26))) {
		skip(c->name, "no 1 GiB pages");
		return;
	}
	e = build(c);
	prepare(c->code, 1);
	memcpy((void *)at, "\x0f\x01\xd9", 3); /* VMMCALL */
	code = l2_run(&l2);
	snprintf(name, sizeof(name), "%s-code", c->name);
	if (!check_eq(code, c->info1 ? VMEXIT_NPF : VMEXIT_VMMCALL, name))
		return;
	if (!c->info1) {
		snprintf(name, sizeof(name), "%s-flags", c->name);
		check_eq(*e & (A | D), c->leaf, name);
		return;
	}
	snprintf(name, sizeof(name), "%s-info1", c->name);
	check_known(vmcb_exitinfo1(l2.vmcb) == c->info1, name,
		    on_abyme() ? EMU_NONE : c->emu, c->fault,
		    "got %lx, want %lx", vmcb_exitinfo1(l2.vmcb), c->info1);
	snprintf(name, sizeof(name), "%s-info2", c->name);
	check_eq(vmcb_exitinfo2(l2.vmcb), GPA + 0x123, name);
	/* L1 puts it right, and L2 goes on */
	*e = c->level == 1   ? (PA | NPT_PAGE)
	     : c->level == 2 ? (PA | NPT_PAGE | LARGE)
			     : *e;
	if (c->level == 3)
		return;
	vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
	snprintf(name, sizeof(name), "%s-mended", c->name);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, name);
}

/* L2's own tables in memory that NPT does not give, or gives for reading. */
static void test_walk(void)
{
	static u64 pml4[512] __aligned(4096);
	extern u64 pdpt[];
	u64 *e;

	npt = table_identity(NPT_TABLE, NPT_PAGE);
	prepare(do_read, 1);
	pml4[0] = (u64)pdpt | 7;
	table_map(npt, GPA, (u64)pml4, 1, NPT_TABLE, NPT_PAGE);
	e = table_entry(npt, GPA, 1, NPT_TABLE);
	l2.gprs.rdi = PA;
	vmcb_set_cr3(l2.vmcb, GPA);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "walk-good");
	check(pml4[0] & A, "walk-sets-accessed", "%lx", pml4[0]);
	check_eq(*e & (A | D), A | D, "walk-sets-npt-flags");

	prepare(do_read, 1);
	l2.gprs.rdi = PA;
	vmcb_set_cr3(l2.vmcb, GPA);
	*e = 0;
	check_eq(l2_run(&l2), VMEXIT_NPF, "walk-absent");
	check_eq(vmcb_exitinfo2(l2.vmcb), GPA, "walk-absent-info2");
	check_known((vmcb_exitinfo1(l2.vmcb) & ~NPF_W) == (NPF_U | NPF_WALK),
		    "walk-absent-info1", EMU_NONE, "", "%lx",
		    vmcb_exitinfo1(l2.vmcb));

	prepare(do_read, 1);
	l2.gprs.rdi = PA;
	vmcb_set_cr3(l2.vmcb, GPA);
	pml4[0] &= ~A;
	*e = (u64)pml4 | 5;
	check_eq(l2_run(&l2), VMEXIT_NPF, "walk-read-only");
	check_eq(vmcb_exitinfo1(l2.vmcb), NPF_P | NPF_W | NPF_U | NPF_WALK,
		 "walk-read-only-info1");
}

/* --- the address, exactly --------------------------------------------------- */
#define NEXT_PAGE (GPA + PAGE_SIZE)
#define EDGE 0xffc /* four bytes before it */
PAYLOAD(do_read8, "movq 0xffc(%rdi), %rax; vmmcall")
PAYLOAD(do_write8, "movq %rax, 0xffc(%rdi); vmmcall")
PAYLOAD(do_add8, "addq %rax, 0xffc(%rdi); vmmcall")
PAYLOAD(do_jump, "lea 0xffc(%rdi), %rax; jmp *%rax")
PAYLOAD(do_movs_from, "lea 0xffc(%rdi), %rsi; lea 0x2000(%rdi), %rdi;"
		      "mov $8, %ecx; rep movsb; vmmcall")
PAYLOAD(do_movs_to, "lea 0x2000(%rdi), %rsi; lea 0xffc(%rdi), %rdi;"
		    "mov $8, %ecx; rep movsb; vmmcall")
PAYLOAD(do_stos, "lea 0xffc(%rdi), %rdi; mov $2, %ecx; rep stosl; vmmcall")

/* Two pages: the first or the second of them does not allow it. */
static const struct edge_case {
	const char *name;
	void (*code)(void);
	u64 bits[2]; /* of the pages */
	u64 info1, address;
	u64 left; /* RCX then, of string instructions */
} edges[] = {
	{ "edge-read-1", do_read8, { 0, PWU }, CODE_INFO, GPA + EDGE, 0 },
	{ "edge-read-2", do_read8, { PWU, 0 }, CODE_INFO, NEXT_PAGE, 0 },
	{ "edge-write-1",
	  do_write8,
	  { 0, PWU },
	  CODE_INFO | NPF_W,
	  GPA + EDGE,
	  0 },
	{ "edge-write-2",
	  do_write8,
	  { PWU, 0 },
	  CODE_INFO | NPF_W,
	  NEXT_PAGE,
	  0 },
	{ "edge-write-ro-2",
	  do_write8,
	  { PWU, 5 },
	  CODE_INFO | NPF_W | NPF_P,
	  NEXT_PAGE,
	  0 },
	{ "edge-add-ro-2",
	  do_add8,
	  { PWU, 5 },
	  CODE_INFO | NPF_W | NPF_P,
	  NEXT_PAGE,
	  0 },
	{ "edge-fetch-1",
	  do_jump,
	  { 0, PWU },
	  CODE_INFO | NPF_ID,
	  GPA + EDGE,
	  0 },
	{ "edge-fetch-2",
	  do_jump,
	  { PWU, 0 },
	  CODE_INFO | NPF_ID,
	  NEXT_PAGE,
	  0 },
	{ "edge-fetch-nx-2",
	  do_jump,
	  { PWU, PWU | NX },
	  CODE_INFO | NPF_ID | NPF_P,
	  NEXT_PAGE,
	  0 },
	{ "edge-movs-from", do_movs_from, { PWU, 0 }, CODE_INFO, NEXT_PAGE, 4 },
	{ "edge-movs-to",
	  do_movs_to,
	  { PWU, 0 },
	  CODE_INFO | NPF_W,
	  NEXT_PAGE,
	  4 },
	{ "edge-movs-to-ro",
	  do_movs_to,
	  { PWU, 5 },
	  CODE_INFO | NPF_W | NPF_P,
	  NEXT_PAGE,
	  4 },
	{ "edge-stos", do_stos, { PWU, 0 }, CODE_INFO | NPF_W, NEXT_PAGE, 1 },
};

static void edge_part(const char *name, const char *part, u64 got, u64 want)
{
	char full[48];

	snprintf(full, sizeof(full), "%s-%s", name, part);
	check_eq(got, want, full);
}

static void run_edge(const struct edge_case *c)
{
	/* MOV $0x1122334455667788, %RAX: its opcode's bytes are at EDGE */
	static const u8 mov[] = { 0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44,
				  0x33, 0x22, 0x11, 0x0f, 0x01, 0xd9 };
	u8 *p = (u8 *)PA;

	table_map(npt, GPA, PA, 3, NPT_TABLE, NPT_PAGE);
	for (u32 i = 0; i < 2; i++)
		*table_entry(npt, GPA + i * PAGE_SIZE, 1, NPT_TABLE) =
			c->bits[i] ? (PA + i * PAGE_SIZE) | c->bits[i] : 0;
	memset(p, 0x11, 3 * PAGE_SIZE);
	memcpy(p + EDGE, mov, sizeof(mov));
	prepare(c->code, 1);
	vmcb_set_rax(l2.vmcb, 1);
	if (!check_eq(l2_run(&l2), VMEXIT_NPF, c->name))
		return;
	edge_part(c->name, "info1", vmcb_exitinfo1(l2.vmcb), c->info1);
	edge_part(c->name, "info2", vmcb_exitinfo2(l2.vmcb), c->address);
	if (c->left)
		edge_part(c->name, "left", l2.gprs.rcx, c->left);
	if (c->code == do_jump)
		edge_part(c->name, "rip", vmcb_rip(l2.vmcb), GPA + EDGE);
	/* L1 puts it right, and L2 goes on */
	table_map(npt, GPA, PA, 2, NPT_TABLE, NPT_PAGE);
	vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
	edge_part(c->name, "mended", l2_run(&l2), VMEXIT_VMMCALL);
	if (c->left)
		edge_part(c->name, "end", l2.gprs.rcx, 0);
	if (c->code == do_jump)
		edge_part(c->name, "ran", vmcb_rax(l2.vmcb),
			  0x1122334455667788);
	if (c->code == do_movs_to)
		edge_part(c->name, "moved", *(u64 *)(p + EDGE),
			  0x1111111111111111);
}

/* L2's own tables, one of whose pages NPT does not give: EXITINFO2 is the
 * entry's address. */
#define WALK_LA (3ull << 39 | 5ull << 30 | 7ull << 21 | 9ull << 12)
#define WALK_TABLE(level) (GPA + MiB(1) + (level)*PAGE_SIZE)

static void build_walk(u32 level, u64 bits)
{
	u64 *t = (u64 *)(PA + MiB(1)), *e;

	memset(t, 0, 6 * PAGE_SIZE);
	table_map(npt, GPA + MiB(1), PA + MiB(1), 6, NPT_TABLE, NPT_PAGE);
	table_map(npt, GPA, PA, 1, NPT_TABLE, NPT_PAGE);
	for (u32 l = 4; l >= 1; l--)
		t[512 * l + (WALK_LA >> (12 + 9 * (l - 1)) & 511)] =
			(l > 1 ? WALK_TABLE(l - 1) : GPA) | 7;
	t[512 * 4] = *(u64 *)read_cr3(); /* code and stack */
	e = table_entry(npt, WALK_TABLE(level), 1, NPT_TABLE);
	*e = bits ? (*e & ~0xfffull) | bits : 0;
}

static void test_walk_levels(void)
{
	static const struct {
		const char *name;
		u64 bits, info1;
	} rows[] = { { "absent", 0, NPF_U | NPF_WALK },
		     { "ro", 5, NPF_P | NPF_W | NPF_U | NPF_WALK },
		     { "supervisor", 3, NPF_P | NPF_U | NPF_WALK } };
	char name[40];

	for (u32 i = 0; i < 4 * ARRAY_SIZE(rows); i++) {
		u32 r = i / 4, level = i % 4 + 1;
		u64 entry = WALK_TABLE(level) +
			    8 * (WALK_LA >> (12 + 9 * (level - 1)) & 511);

		/* that table is in the way of L2's code, too */
		if (level == 4)
			entry = WALK_TABLE(4);
		build_walk(level, rows[r].bits);
		prepare(do_read, 1);
		l2.gprs.rdi = WALK_LA;
		vmcb_set_cr3(l2.vmcb, WALK_TABLE(4));
		snprintf(name, sizeof(name), "walk-%s-%u", rows[r].name, level);
		if (!check_eq(l2_run(&l2), VMEXIT_NPF, name))
			continue;
		/* the entry's accessed flag is set by that walk: a write */
		edge_part(name, "info1", vmcb_exitinfo1(l2.vmcb) | NPF_W,
			  rows[r].info1 | NPF_W);
		edge_part(name, "info2", vmcb_exitinfo2(l2.vmcb), entry);
		build_walk(level, NPT_PAGE);
		vmcb_set_ncr3(l2.vmcb, (u64)npt);
		vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
		edge_part(name, "mended", l2_run(&l2), VMEXIT_VMMCALL);
	}
}

/* Without EFER.NXE of L1's bit 63 of its nested tables is reserved. */
static void test_no_nx(void)
{
	static const struct npt_case rows[] = {
		{ "nxe-off-4k", do_read, 1, PWU | NX,
		  CODE_INFO | NPF_P | NPF_RSV, 0, TCG_P },
		{ "nxe-off-2m-write", do_write, 2, PWU | LARGE | NX,
		  CODE_INFO | NPF_P | NPF_RSV | NPF_W, 0, TCG_P },
		{ "nxe-off-table", do_read, 3, PWU | NX,
		  CODE_INFO | NPF_P | NPF_RSV, 0, TCG_P },
		{ "nxe-off-fetch", do_fetch, 1, PWU, 0, A, NO_FAULT },
	};

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_NXE);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
}

static u8 read_through(u32 asid, u32 tlb, u64 *root)
{
	prepare(do_read, asid);
	vmcb_set_ncr3(l2.vmcb, (u64)root);
	vmcb_set_tlb_control(l2.vmcb, tlb);
	if (l2_run(&l2) != VMEXIT_VMMCALL)
		return 0;
	return (u8)vmcb_rax(l2.vmcb);
}

static void test_flush(void)
{
	u64 *other = table_identity(NPT_TABLE, NPT_PAGE), *e;

	npt = table_identity(NPT_TABLE, NPT_PAGE);
	*(volatile u8 *)(PA + 0x123) = 0x11;
	*(volatile u8 *)(PA + 0x1123) = 0x22;
	*(volatile u8 *)(PA + 0x2123) = 0x33;
	table_map(npt, GPA, PA, 1, NPT_TABLE, NPT_PAGE);
	table_map(other, GPA, PA + 0x2000, 1, NPT_TABLE, NPT_PAGE);
	e = table_entry(npt, GPA, 1, NPT_TABLE);
	check_eq(read_through(1, TLB_FLUSH_ALL, npt), 0x11, "flush-before");
	*e = (PA + 0x1000) | NPT_PAGE;
	check_eq(read_through(1, TLB_FLUSH_ALL, npt), 0x22, "flush-all");
	*e = PA | NPT_PAGE;
	check_eq(read_through(2, TLB_NOTHING, npt), 0x11, "new-asid");
	check_eq(read_through(2, TLB_FLUSH_ALL, other), 0x33, "other-ncr3");
	check_eq(read_through(3, TLB_NOTHING, npt), 0x11, "third-asid");
	*e = (PA + 0x1000) | NPT_PAGE;
	check_eq(read_through(cpuid_reg(0x8000000a, 0, EBX) - 1, TLB_NOTHING,
			      npt),
		 0x22, "last-asid");
	if (svm_has(SVM_FLUSH_ASID))
		check_eq(read_through(3, TLB_FLUSH_ASID, npt), 0x22,
			 "flush-asid");
	/* a fault on an entry that was absent needs no flush */
	*e = 0;
	read_through(4, TLB_FLUSH_ALL, npt);
	check_eq(vmcb_exitcode(l2.vmcb), VMEXIT_NPF, "absent-faults");
	*e = PA | NPT_PAGE;
	check_eq(read_through(4, TLB_NOTHING, npt), 0x11, "present-at-once");
	/* rights that grow need none either */
	*e = PA | 5;
	check_eq(read_through(4, TLB_FLUSH_ALL, npt), 0x11, "read-only-reads");
	prepare(do_write, 4);
	vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
	check_eq(l2_run(&l2), VMEXIT_NPF, "read-only-faults");
	*e = PA | NPT_PAGE;
	prepare(do_write, 4);
	vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "writable-at-once");
}

/* What is hidden from L1 is hidden from L2, by whatever address. */
static void test_many_roots(void)
{
	u64 *roots[12];
	u32 bad = 0;

	for (u32 i = 0; i < ARRAY_SIZE(roots); i++) {
		roots[i] = table_identity(NPT_TABLE, NPT_PAGE);
		table_map(roots[i], GPA, PA + i * PAGE_SIZE, 1, NPT_TABLE,
			  NPT_PAGE);
		*(volatile u8 *)(PA + i * PAGE_SIZE + 0x123) = (u8)(0x40 + i);
	}
	for (u32 n = 0; n < 5 * ARRAY_SIZE(roots); n++) {
		u32 i = n * 7 % ARRAY_SIZE(roots);

		bad += read_through(i % 8 + 1, n < 12 ? TLB_FLUSH_ALL : 1,
				    roots[i]) != 0x40 + i;
	}
	check_eq(bad, 0, "many-roots");
}

void main(void)
{
	svm_on();
	if (!svm_has(SVM_NPT))
		die("svm-npt", "no nested paging");
	map_2m(GPA, MiB(2), 0x87);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	test_no_nx();
	test_walk();
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	for (u32 i = 0; i < ARRAY_SIZE(edges); i++)
		run_edge(&edges[i]);
	test_walk_levels();
	test_flush();
	test_many_roots();
}
