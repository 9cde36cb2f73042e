/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L2 in every mode, with nested paging and without; and L1 itself in 32-bit
 * modes, where NPT takes the format of L1's own paging: 32-bit or PAE.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define REAL_BASE 0xc000
#define GPA 0x60000000u /* mapped by 32-bit NPT only, to PA */
#define PA MiB(64)
#define INFO (NPF_U | NPF_FINAL)

static struct l2 l2;
static u64 *npt;
extern u32 pd32[];
extern u64 pae_pdpt[], pds[], pdpt[], pml4[];
extern const char real_code[], real_end[], pm32_code[], pm32_write[],
	pm32_read[], pm32_fetch[], svm32[];
u32 svm32_cr4, svm32_cr3, svm32_cr0, svm32_nxe, svm32_vmcb;

__asm__(".text\n"
	".code16; real_code: mov %cs, %ax; mov $0x1234, %bx\n"
	"	cpuid; vmmcall; real_end:\n"
	".code32\n"
	"pm32_code: mov $0x12345678, %ebx; cpuid; mov %cr0, %ebx; vmmcall\n"
	"pm32_write: movb $0x5a, 0x60000123; vmmcall\n"
	"pm32_read: movb 0x60000123, %al; vmmcall\n"
	"pm32_fetch: mov $0x60000123, %eax; jmp *%eax\n"
	/* L1 as a 32-bit hypervisor: see lib/modes.S for the way here */
	"svm32:	mov $0xc0000080, %ecx; rdmsr; and $0xfffff7ff, %eax\n"
	"	or svm32_nxe, %eax; wrmsr\n"
	"	mov svm32_cr4, %eax; mov %eax, %cr4\n"
	"	mov svm32_cr3, %eax; mov %eax, %cr3\n"
	"	mov svm32_cr0, %eax; mov %eax, %cr0\n"
	"	clgi; mov svm32_vmcb, %eax; vmrun %eax; stgi\n"
	"	mov %cr0, %eax; and $0x7fffffff, %eax; mov %eax, %cr0\n"
	"	jmp low_back32\n"
	".code64\n");

static void nested_paging(bool on)
{
	l2_intercept(&l2, ICPT_CPUID, true);
	if (!on)
		return;
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
}

static void test_real(bool np)
{
	char name[40];

	l2_init_real(&l2, real_code, (size_t)(real_end - real_code), REAL_BASE);
	nested_paging(np);
	snprintf(name, sizeof(name), "real-cpuid%s", np ? "-npt" : "");
	check_eq(l2_run(&l2), VMEXIT_CPUID, name);
	check_eq(vmcb_rip(l2.vmcb), 5, "real-ip");
	check_eq(vmcb_rax(l2.vmcb) & 0xffff, REAL_BASE >> 4, "real-cs");
	check_eq(l2.gprs.rbx & 0xffff, 0x1234, "real-bx");
	check_eq(vmcb_cs(l2.vmcb)->base, REAL_BASE, "real-cs-base");
	if (svm_has(SVM_NRIPS))
		check_eq(vmcb_nrip(l2.vmcb), 7, "real-nrip");
	l2_skip(&l2, 2);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "real-vmmcall");
	check_eq(vmcb_rip(l2.vmcb), 7, "real-vmmcall-ip");
}

/*
 * CR0.PG without CR0.PE (APM 2, Paged Real Mode), which a hypervisor without
 * nested paging makes of its guest's real mode. The page of the code is another
 * one than its linear address says.
 */
static u64 paged_real_cr3(bool pae)
{
	static u64 top[512] __aligned(4096), dir[512] __aligned(4096),
		table[512] __aligned(4096);
	static u32 dir32[1024] __aligned(4096), table32[1024] __aligned(4096);

	for (u32 i = 0; i < 512; i++) {
		u32 to = i == REAL_BASE >> 12 ? (u32)PA : i << 12;

		table[i] = to | 7;
		table32[i] = to | 7;
	}
	top[0] = (u64)dir | 1;
	dir[0] = (u64)table | 7;
	dir32[0] = (u32)(u64)table32 | 7;
	return pae ? (u64)top : (u64)dir32;
}

static void test_paged_real(bool np, bool pae)
{
	const char *how = pae ? "pae" : "32";
	char name[40];

	l2_init_real(&l2, "\xf4", 1, REAL_BASE); /* HLT */
	memcpy((void *)PA, real_code, (size_t)(real_end - real_code));
	vmcb_set_cr3(l2.vmcb, paged_real_cr3(pae));
	vmcb_set_cr4(l2.vmcb, pae ? CR4_PAE : 0);
	vmcb_set_cr0(l2.vmcb, CR0_PG | CR0_ET);
	nested_paging(np);
	snprintf(name, sizeof(name), "paged-real-%s%s", how, np ? "-npt" : "");
	if (!check_eq(l2_run(&l2), VMEXIT_CPUID, name))
		return;
	check_eq(l2.gprs.rbx & 0xffff, 0x1234, "paged-real-bx");
	check_eq(vmcb_cr0(l2.vmcb) & (CR0_PG | CR0_PE), CR0_PG,
		 "paged-real-cr0");
	l2_skip(&l2, 2);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "paged-real-vmmcall");
}

/* 32-bit code: 0 no paging, 1 32-bit paging, 2 PAE, 3 compatibility mode. */
static void set_mode32(u32 mode)
{
	u64 cr0 = vmcb_cr0(l2.vmcb);

	switch (mode) {
	case 1:
		vmcb_set_cr4(l2.vmcb, CR4_PSE);
		vmcb_set_cr3(l2.vmcb, (u64)pd32);
		vmcb_set_cr0(l2.vmcb, cr0 | CR0_PG);
		break;
	case 2:
		vmcb_set_cr4(l2.vmcb, CR4_PAE);
		vmcb_set_cr3(l2.vmcb, (u64)pae_pdpt);
		vmcb_set_cr0(l2.vmcb, cr0 | CR0_PG);
		break;
	case 3:
		vmcb_set_efer(l2.vmcb, rdmsr(MSR_EFER));
		vmcb_set_cr4(l2.vmcb, read_cr4());
		vmcb_set_cr3(l2.vmcb, read_cr3());
		vmcb_set_cr0(l2.vmcb, read_cr0());
		break;
	}
}

static void test_32(bool np)
{
	static const char *const names[] = { "pm32", "pg32", "pae", "compat" };
	char name[40];

	for (u32 mode = 0; mode < ARRAY_SIZE(names); mode++) {
		l2_init_pm32(&l2, pm32_code);
		set_mode32(mode);
		nested_paging(np);
		snprintf(name, sizeof(name), "%s-cpuid%s", names[mode],
			 np ? "-npt" : "");
		if (!check_eq(l2_run(&l2), VMEXIT_CPUID, name))
			continue;
		check_eq(vmcb_rip(l2.vmcb), (u64)pm32_code + 5, "eip");
		check_eq(l2.gprs.rbx, 0x12345678, "ebx");
		l2_skip(&l2, 2);
		snprintf(name, sizeof(name), "%s-vmmcall", names[mode]);
		check_eq(l2_run(&l2), VMEXIT_VMMCALL, name);
		check_eq(l2.gprs.rbx >> 31, mode != 0, "paging");
	}
}

/* --- L1 in 32-bit modes --------------------------------------------------------- */
#define PRESENT_RSV (INFO | NPF_P | NPF_RSV)
#define NX BIT(63)
#define LARGE BIT(7)
#define A_D 0x60
#define TCG_RSV EMU_QEMU, "no P bit for a reserved bit"
#define TCG_PDPTE EMU_QEMU, "reserved bits of PDPTEs are not looked at"
#define FINE EMU_NONE, ""

/* L1's memory below 16 MiB in 4 KiB pages, for L1 itself and for NPT. */
static u32 small_dir[1024] __aligned(4096), small_table[4][1024] __aligned(
						    4096);
static u32 npt32[1024] __aligned(4096), npt32_table[1024] __aligned(4096);
static u64 npt_pae[4] __aligned(4096), npt_pae_table[512] __aligned(4096);
static u64 npt_pae_pd[4][512] __aligned(4096);

static void fill_small(u32 *dir)
{
	for (u32 i = 0; i < 4 * 1024; i++)
		small_table[i / 1024][i % 1024] = i << 12 | 0x67;
	for (u32 i = 0; i < 4; i++)
		dir[i] = (u32)(u64)small_table[i] | 0x67;
}

/* @bits is what the entry at @level of GPA holds besides an address; tables
 * below it, if it refers to one, map PA. 0: it is not present. */
static u64 *entry32(u32 level, u64 bits, bool large)
{
	u32 *pde = &npt32[GPA >> 22];

	fill_small(npt32);
	npt32_table[0] = (u32)PA | 7;
	*pde = (u32)(u64)npt32_table | 7;
	if (level == 1)
		npt32_table[0] = bits ? (u32)(PA | bits) : 0;
	else if (large)
		*pde = (u32)(PA | bits);
	else
		*pde = bits ? (u32)((u64)npt32_table | bits) : 0;
	return (u64 *)(level == 1 ? &npt32_table[0] : pde);
}

static u64 *entry_pae(u32 level, u64 bits, bool large)
{
	u64 *pde = &npt_pae_pd[GPA >> 30][GPA >> 21 & 511];

	for (u32 i = 0; i < 2048; i++)
		npt_pae_pd[i / 512][i % 512] = (u64)i << 21 | 0x87;
	for (u32 i = 0; i < 4; i++)
		npt_pae[i] = (u64)npt_pae_pd[i] | 1;
	npt_pae_table[0] = PA | 7;
	*pde = (u64)npt_pae_table | 7;
	if (level == 1)
		npt_pae_table[0] = bits ? PA | bits : 0;
	else if (level == 3)
		npt_pae[GPA >> 30] =
			bits ? (u64)npt_pae_pd[GPA >> 30] | bits : 0;
	else if (large)
		*pde = PA | bits;
	else
		*pde = bits ? (u64)npt_pae_table | bits : 0;
	return level == 1   ? npt_pae_table
	       : level == 2 ? pde
			    : &npt_pae[GPA >> 30];
}

enum { F32 = 1, FPAE = 2, BOTH = 3 };
static const struct format {
	const char *name;
	u32 bit, cr4;
	u64 *(*entry)(u32 level, u64 bits, bool large);
	u64 root;
} formats[] = {
	{ "npt32", F32, CR4_PSE, entry32, (u64)npt32 },
	{ "npt-pae", FPAE, CR4_PAE, entry_pae, (u64)npt_pae },
};

enum { NXE = 1, NO_PSE = 2, WALK = 4 };
struct format_case {
	const char *name;
	u32 formats;
	const char *code;
	u32 level;
	u64 bits;
	bool large;
	u64 info1; /* of the NPF; 0: none is to come */
	u32 flags; /* L1's EFER.NXE; without CR4.PSE; L2's tables are there */
	enum emulator emu;
	const char *fault;
};

static const struct format_case cases[] = {
	{ "read", BOTH, pm32_read, 1, 7, 0, 0, 0, FINE },
	{ "write", BOTH, pm32_write, 1, 7, 0, 0, 0, FINE },
	{ "fetch", BOTH, pm32_fetch, 1, 7, 0, 0, 0, FINE },
	{ "absent-read", BOTH, pm32_read, 1, 0, 0, INFO, 0, FINE },
	{ "absent-write", BOTH, pm32_write, 1, 0, 0, INFO | NPF_W, 0, FINE },
	{ "absent-table", BOTH, pm32_read, 2, 0, 0, INFO, 0, FINE },
	{ "absent-walk", BOTH, pm32_read, 1, 0, 0, NPF_U | NPF_WALK, WALK,
	  FINE },
	{ "ro-write", BOTH, pm32_write, 1, 5, 0, INFO | NPF_W | NPF_P, 0,
	  FINE },
	{ "ro-table", BOTH, pm32_write, 2, 5, 0, INFO | NPF_W | NPF_P, 0,
	  FINE },
	{ "ro-read", BOTH, pm32_read, 1, 5, 0, 0, 0, FINE },
	{ "supervisor-read", BOTH, pm32_read, 1, 3, 0, INFO | NPF_P, 0, FINE },
	{ "supervisor-table", BOTH, pm32_read, 2, 3, 0, INFO | NPF_P, 0, FINE },
	{ "large-read", BOTH, pm32_read, 2, 7 | LARGE, 1, 0, 0, FINE },
	{ "large-write", BOTH, pm32_write, 2, 7 | LARGE, 1, 0, 0, FINE },
	{ "large-ro", BOTH, pm32_write, 2, 5 | LARGE, 1, INFO | NPF_W | NPF_P,
	  0, FINE },
	/* bit 21 of a 4 MiB page, bit 20 of a 2 MiB one */
	{ "large-reserved", F32, pm32_read, 2, 7 | LARGE | BIT(21), 1,
	  PRESENT_RSV, 0, FINE },
	{ "large-reserved", FPAE, pm32_read, 2, 7 | LARGE | BIT(20), 1,
	  PRESENT_RSV, 0, TCG_RSV },
	{ "no-pse", F32, pm32_read, 2, 7 | LARGE, 0, 0, NO_PSE, FINE },
	{ "nx-read", FPAE, pm32_read, 1, 7 | NX, 0, 0, NXE, FINE },
	{ "nx-fetch", FPAE, pm32_fetch, 1, 7 | NX, 0, INFO | NPF_P | NPF_ID,
	  NXE, FINE },
	{ "nx-table", FPAE, pm32_fetch, 2, 7 | NX, 0, INFO | NPF_P | NPF_ID,
	  NXE, FINE },
	{ "nx-large", FPAE, pm32_fetch, 2, 7 | NX | LARGE, 1,
	  INFO | NPF_P | NPF_ID, NXE, FINE },
	{ "nxe-off", FPAE, pm32_read, 1, 7 | NX, 0, PRESENT_RSV, 0, TCG_RSV },
	{ "nxe-off-table", FPAE, pm32_write, 2, 7 | NX, 0, PRESENT_RSV | NPF_W,
	  0, TCG_RSV },
	{ "reserved-52", FPAE, pm32_read, 1, 7 | BIT(52), 0, PRESENT_RSV, 0,
	  TCG_RSV },
	{ "reserved-62", FPAE, pm32_read, 1, 7 | BIT(62), 0, PRESENT_RSV, 0,
	  TCG_RSV },
	{ "reserved-51-table", FPAE, pm32_read, 2, 7 | BIT(51), 0, PRESENT_RSV,
	  0, TCG_RSV },
	{ "pdpte-absent", FPAE, pm32_read, 3, 0, 0, INFO, 0, FINE },
	{ "pdpte-reserved-1", FPAE, pm32_read, 3, 1 | BIT(1), 0, PRESENT_RSV, 0,
	  TCG_PDPTE },
	{ "pdpte-reserved-8", FPAE, pm32_read, 3, 1 | BIT(8), 0, PRESENT_RSV, 0,
	  TCG_PDPTE },
	{ "pdpte-reserved-51", FPAE, pm32_read, 3, 1 | BIT(51), 0, PRESENT_RSV,
	  0, TCG_RSV },
	{ "pdpte-reserved-63", FPAE, pm32_read, 3, 1 | NX, 0, PRESENT_RSV, NXE,
	  TCG_RSV },
};

static u64 run32(u32 cr4, u64 cr3, bool paging, bool nxe)
{
	svm32_nxe = nxe ? (u32)EFER_NXE : 0;
	svm32_cr4 = cr4;
	svm32_cr3 = (u32)cr3;
	svm32_cr0 = (u32)(CR0_PE | CR0_ET | CR0_NE | CR0_WP |
			  (paging ? CR0_PG : 0));
	svm32_vmcb = (u32)(u64)l2.vmcb;
	mode_run32(svm32);
	return vmcb_exitcode(l2.vmcb);
}

static void format_prepare(const struct format *f, const struct format_case *c)
{
	l2_init_pm32(&l2, c->code);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, f->root);
	*(volatile u8 *)(PA + 0x123) = 0x11;
	if (c->code == pm32_fetch)
		memcpy((void *)(PA + 0x123), "\x0f\x01\xd9", 3);
	if (!(c->flags & WALK))
		return;
	vmcb_set_cr3(l2.vmcb, GPA);
	vmcb_set_cr0(l2.vmcb, vmcb_cr0(l2.vmcb) | CR0_PG);
}

static void format_done(const struct format_case *c, u64 e, const char *name)
{
	bool wr = c->code == pm32_write;

	if (c->bits & LARGE || c->level == 1)
		check_eq(e & A_D, wr ? A_D : 0x20, name);
	if (wr)
		check_eq(*(volatile u8 *)(PA + 0x123), 0x5a, name);
	else if (c->code == pm32_read)
		check_eq(vmcb_rax(l2.vmcb) & 0xff, 0x11, name);
}

static void test_case(const struct format *f, const struct format_case *c)
{
	u64 cr3 = f->bit == FPAE ? (u64)pae_pdpt : (u64)pd32, *e, code, info1;
	u32 cr4 = f->cr4;
	/* L0 walks the tables itself */
	enum emulator emu = on_abyme() ? EMU_NONE : c->emu;
	char name[48];

	format_prepare(f, c);
	e = f->entry(c->level, c->bits, c->large);
	if (c->flags & NO_PSE) {
		fill_small(small_dir);
		cr3 = (u64)small_dir;
		cr4 = 0;
	}
	code = run32(cr4, cr3, true, c->flags & NXE);
	snprintf(name, sizeof(name), "%s-%s", f->name, c->name);
	if (!check_known(code == (c->info1 ? VMEXIT_NPF : VMEXIT_VMMCALL), name,
			 emu, c->fault, "exit %lx, info %lx", code,
			 vmcb_exitinfo1(l2.vmcb)))
		return;
	snprintf(name, sizeof(name), "%s-%s-info", f->name, c->name);
	if (!c->info1) {
		format_done(c, f->bit == FPAE ? *e : *(u32 *)e, name);
		return;
	}
	info1 = vmcb_exitinfo1(l2.vmcb);
	/* accessed flags are set by that walk, too: a write or not */
	if (c->flags & WALK)
		info1 &= ~NPF_W;
	check_known(info1 == c->info1, name, emu, c->fault, "%lx, want %lx",
		    info1, c->info1);
	check_eq(vmcb_exitinfo2(l2.vmcb), c->flags & WALK ? GPA : GPA + 0x123,
		 "gpa");
}

static void test_format(const struct format *f)
{
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		if (cases[i].formats & f->bit)
			test_case(f, &cases[i]);
}

/* PSE-36: bits 20:13 of a 4 MiB page are address bits 39:32. */
static void test_pse36(void)
{
	u64 far = GiB(4) + PA + 0x123;
	u8 there = *(volatile u8 *)far;

	l2_init_pm32(&l2, pm32_read);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt32);
	entry32(2, 7 | LARGE | BIT(13), true);
	*(volatile u8 *)(PA + 0x123) = (u8)~there;
	check_eq(run32(CR4_PSE, (u64)pd32, true, false), VMEXIT_VMMCALL,
		 "npt32-pse36");
	check_eq(vmcb_rax(l2.vmcb) & 0xff, there, "npt32-pse36-memory");
}

static void test_host32(void)
{
	/* shadow paging from a 32-bit L1, with and without its own paging */
	l2_init_pm32(&l2, pm32_code);
	check_eq(run32(0, 0, false, true), VMEXIT_VMMCALL, "host-pm32");
	l2_init_pm32(&l2, pm32_code);
	check_eq(run32(CR4_PSE, (u64)pd32, true, true), VMEXIT_VMMCALL,
		 "host-pg32");
	l2_init_pm32(&l2, pm32_code);
	check_eq(run32(CR4_PAE, (u64)pae_pdpt, true, true), VMEXIT_VMMCALL,
		 "host-pae");
	if (!svm_has(SVM_NPT))
		return;
	/* APM 2, Nested Paging: the host must have paging on */
	l2_init_pm32(&l2, pm32_code);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt32);
	check_known((run32(0, 0, false, true) & 0xffffffff) == 0xffffffff,
		    "npt-without-host-paging", on_abyme() ? EMU_NONE : EMU_ANY,
		    "not checked", "exit %lx", vmcb_exitcode(l2.vmcb));
	for (u32 i = 0; i < ARRAY_SIZE(formats); i++) {
		if (formats[i].cr4 == CR4_PSE && emulator() == EMU_QEMU &&
		    !on_abyme())
			check_known(false, formats[i].name, EMU_QEMU,
				    "TCG ignores NPT in 32-bit format",
				    "not tried");
		else
			test_format(&formats[i]);
	}
	if (emulator() != EMU_QEMU || on_abyme())
		test_pse36();
}

/* --- L1 with 5-level paging: so is NPT ---------------------------------------- */
PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmmcall")
PAYLOAD(do_write, "movb $0x5a, 0x123(%rdi); vmmcall")
PAYLOAD(do_fetch, "lea 0x123(%rdi), %rax; jmp *%rax")

#define NPF_FAULT (NPF_P | NPF_RSV) /* the code of L2 faults first: a fetch */

static void enter_here(void)
{
	struct l2_gprs g = l2.gprs;

	clgi();
	svm_enter_bare(l2.vmcb, &g);
	stgi();
}

static u64 run57(void (*code)(void), u64 root)
{
	l2_init(&l2, code);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, root);
	l2.gprs.rdi = GiB(4);
	mode_hook = enter_here;
	mode_run(mode_la57);
	mode_hook = NULL;
	return vmcb_exitcode(l2.vmcb);
}

static void check_reserved(u64 info1, u64 want, const char *name)
{
	check_known(info1 == want, name, on_abyme() ? EMU_NONE : EMU_QEMU,
		    "no P bit for a reserved bit", "%lx", info1);
}

static void test_la57(void)
{
	static u64 top[512] __aligned(4096);
	u64 *e, *four = table_identity(NPT_TABLE, NPT_PAGE);

	if (cpuid_reg(0, 0, EAX) < 7 || !(cpuid_reg(7, 0, ECX) & BIT(16))) {
		skip("npt-5", "no 5-level paging");
		return;
	}
	top[0] = (u64)four | NPT_TABLE;
	table_map(four, GiB(4), PA, 1, NPT_TABLE, NPT_PAGE);
	e = table_entry(four, GiB(4), 1, NPT_TABLE);
	*(volatile u8 *)(PA + 0x123) = 0x77;
	if (!check_known(run57(do_read, (u64)top) == VMEXIT_VMMCALL,
			 "npt-5-read", on_abyme() ? EMU_NONE : EMU_ANY,
			 "NPT has 4 levels whatever CR4.LA57 says", "%lx",
			 vmcb_exitcode(l2.vmcb)))
		return;
	check_eq(vmcb_rax(l2.vmcb) & 0xff, 0x77, "npt-5-data");
	check_eq(*e & NPT_AD, 0x20, "npt-5-read-flags");
	check_eq(run57(do_write, (u64)top), VMEXIT_VMMCALL, "npt-5-write");
	check_eq(*e & NPT_AD, NPT_AD, "npt-5-write-flags");
	*e = PA | 5;
	check_eq(run57(do_write, (u64)top), VMEXIT_NPF, "npt-5-ro");
	check_eq(vmcb_exitinfo1(l2.vmcb), INFO | NPF_P | NPF_W,
		 "npt-5-ro-info");
	check_eq(vmcb_exitinfo2(l2.vmcb), GiB(4) + 0x123, "npt-5-ro-gpa");
	*e = 0;
	check_eq(run57(do_read, (u64)top), VMEXIT_NPF, "npt-5-absent");
	check_eq(vmcb_exitinfo1(l2.vmcb), INFO, "npt-5-absent-info");
	*e = PA | NPT_PAGE;
	top[0] = ((u64)four | NPT_TABLE) & ~1ull;
	check_eq(run57(do_read, (u64)top), VMEXIT_NPF, "npt-5-no-top");
	check_eq(vmcb_exitinfo1(l2.vmcb) & NPF_FAULT, 0, "npt-5-no-top-info");
	top[0] = (u64)four | NPT_TABLE | BIT(7);
	check_eq(run57(do_read, (u64)top), VMEXIT_NPF, "npt-5-top-reserved");
	check_reserved(vmcb_exitinfo1(l2.vmcb) & NPF_FAULT, NPF_FAULT,
		       "npt-5-top-reserved-info");
	top[0] = (u64)four | NPT_TABLE;
	*e = PA | NPT_PAGE | NX;
	check_eq(run57(do_read, (u64)top), VMEXIT_VMMCALL, "npt-5-nx-read");
	check_eq(run57(do_fetch, (u64)top), VMEXIT_NPF, "npt-5-nx");
	check_eq(vmcb_exitinfo1(l2.vmcb), INFO | NPF_P | NPF_ID,
		 "npt-5-nx-info");
	*e = PA | NPT_PAGE | BIT(51);
	check_eq(run57(do_read, (u64)top), VMEXIT_NPF, "npt-5-reserved");
	check_reserved(vmcb_exitinfo1(l2.vmcb), PRESENT_RSV,
		       "npt-5-reserved-info");
}

void main(void)
{
	svm_on();
	modes_init();
	test_real(false);
	test_paged_real(false, false);
	test_paged_real(false, true);
	test_32(false);
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	if (svm_has(SVM_NPT)) {
		test_real(true);
		test_paged_real(true, false);
		test_paged_real(true, true);
		test_32(true);
	}
	test_host32();
	if (svm_has(SVM_NPT))
		test_la57();
}
