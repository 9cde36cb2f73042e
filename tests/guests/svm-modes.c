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
#define GPA 0x20000000u /* mapped by 32-bit NPT only, to PA */
#define PA MiB(64)
#define INFO (NPF_U | NPF_FINAL)

static struct l2 l2;
static u64 *npt;
extern u32 pd32[];
extern u64 pae_pdpt[], pds[], pdpt[], pml4[];
extern const char real_code[], real_end[], pm32_code[], pm32_write[],
	pm32_read[], svm32[];
u32 svm32_cr4, svm32_cr3, svm32_cr0, svm32_vmcb;

__asm__(".text\n"
	".code16; real_code: mov %cs, %ax; mov $0x1234, %bx\n"
	"	cpuid; vmmcall; real_end:\n"
	".code32\n"
	"pm32_code: mov $0x12345678, %ebx; cpuid; mov %cr0, %ebx; vmmcall\n"
	"pm32_write: movb $0x5a, 0x20000123; vmmcall\n"
	"pm32_read: movb 0x20000123, %al; vmmcall\n"
	/* L1 as a 32-bit hypervisor: see lib/modes.S for the way here */
	"svm32:	mov svm32_cr4, %eax; mov %eax, %cr4\n"
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
struct format {
	const char *name;
	u32 cr4;
	u64 *(*entry)(u64 bits); /* of GPA, holding PA | bits; root made */
	u64 root;
};

static u32 npt32[1024] __aligned(4096), npt32_table[1024] __aligned(4096);
static u64 npt_pae[4] __aligned(4096), npt_pae_table[512] __aligned(4096);
static u64 npt_pae_pd[4][512] __aligned(4096);

static u64 *entry32(u64 bits)
{
	for (u32 i = 0; i < 1024; i++)
		npt32[i] = i << 22 | 0x87;
	npt32[GPA >> 22] = (u32)(u64)npt32_table | 7;
	npt32_table[0] = bits ? (u32)PA | (u32)bits : 0;
	return (u64 *)npt32_table;
}

static u64 *entry_pae(u64 bits)
{
	for (u32 i = 0; i < 2048; i++)
		npt_pae_pd[i / 512][i % 512] = (u64)i << 21 | 0x87;
	for (u32 i = 0; i < 4; i++)
		npt_pae[i] = (u64)npt_pae_pd[i] | 1;
	npt_pae_pd[GPA >> 30][GPA >> 21 & 511] = (u64)npt_pae_table | 7;
	npt_pae_table[0] = bits ? PA | bits : 0;
	return npt_pae_table;
}

static const struct format formats[] = {
	{ "npt32", CR4_PSE, entry32, (u64)npt32 },
	{ "npt-pae", CR4_PAE, entry_pae, (u64)npt_pae },
};

static const struct {
	const char *name;
	const char *code;
	u64 bits, code_want, info1;
} cases[] = {
	{ "read", pm32_read, 7, VMEXIT_VMMCALL, 0 },
	{ "write", pm32_write, 7, VMEXIT_VMMCALL, 0 },
	{ "absent-read", pm32_read, 0, VMEXIT_NPF, INFO },
	{ "absent-write", pm32_write, 0, VMEXIT_NPF, INFO | NPF_W },
	{ "ro-write", pm32_write, 5, VMEXIT_NPF, INFO | NPF_W | NPF_P },
	{ "ro-read", pm32_read, 5, VMEXIT_VMMCALL, 0 },
	{ "supervisor-read", pm32_read, 3, VMEXIT_NPF, INFO | NPF_P },
};

static u64 run32(u32 cr4, u64 cr3, bool paging)
{
	svm32_cr4 = cr4;
	svm32_cr3 = (u32)cr3;
	svm32_cr0 = (u32)(CR0_PE | CR0_ET | CR0_NE | CR0_WP |
			  (paging ? CR0_PG : 0));
	svm32_vmcb = (u32)(u64)l2.vmcb;
	mode_run32(svm32);
	return vmcb_exitcode(l2.vmcb);
}

static void test_format(const struct format *f)
{
	u64 cr3 = f->cr4 == CR4_PAE ? (u64)pae_pdpt : (u64)pd32, *e, code;
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		l2_init_pm32(&l2, cases[i].code);
		vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
		vmcb_set_ncr3(l2.vmcb, f->root);
		e = f->entry(cases[i].bits);
		*(volatile u8 *)(PA + 0x123) = 0;
		code = run32(f->cr4, cr3, true);
		snprintf(name, sizeof(name), "%s-%s", f->name, cases[i].name);
		if (!check_eq(code, cases[i].code_want, name))
			continue;
		snprintf(name, sizeof(name), "%s-%s-info", f->name,
			 cases[i].name);
		if (code == VMEXIT_NPF) {
			check_eq(vmcb_exitinfo1(l2.vmcb), cases[i].info1, name);
			check_eq(vmcb_exitinfo2(l2.vmcb), GPA + 0x123, "gpa");
		} else {
			bool wr = cases[i].code == pm32_write;

			check_eq(*e & 0x60, wr ? 0x60 : 0x20, name);
			check_eq(*(volatile u8 *)(PA + 0x123), wr ? 0x5a : 0,
				 "memory");
		}
	}
}

static void test_host32(void)
{
	/* shadow paging from a 32-bit L1, with and without its own paging */
	l2_init_pm32(&l2, pm32_code);
	check_eq(run32(0, 0, false), VMEXIT_VMMCALL, "host-pm32");
	l2_init_pm32(&l2, pm32_code);
	check_eq(run32(CR4_PSE, (u64)pd32, true), VMEXIT_VMMCALL, "host-pg32");
	l2_init_pm32(&l2, pm32_code);
	check_eq(run32(CR4_PAE, (u64)pae_pdpt, true), VMEXIT_VMMCALL,
		 "host-pae");
	if (!svm_has(SVM_NPT))
		return;
	/* APM 2, Nested Paging: the host must have paging on */
	l2_init_pm32(&l2, pm32_code);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt32);
	check_known((run32(0, 0, false) & 0xffffffff) == 0xffffffff,
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
}

/* --- L1 with 5-level paging: so is NPT ---------------------------------------- */
PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmmcall")
PAYLOAD(do_write, "movb $0x5a, 0x123(%rdi); vmmcall")

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
	top[0] = (u64)four | NPT_TABLE | BIT(7);
	check_eq(run57(do_read, (u64)top), VMEXIT_NPF, "npt-5-top-reserved");
}

void main(void)
{
	svm_on();
	modes_init();
	test_real(false);
	test_32(false);
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	if (svm_has(SVM_NPT)) {
		test_real(true);
		test_32(true);
	}
	test_host32();
	if (svm_has(SVM_NPT))
		test_la57();
}
