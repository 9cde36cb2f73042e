/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L2 in every mode of the processor, with EPT and without: 32-bit, PAE with
 * PDPTEs from memory and from the VMCS, compatibility, 16-bit, virtual-8086,
 * real mode and the way from there to long mode; task switches; addresses
 * beyond the physical width.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define AR_CODE32 0xc09b
#define AR_CODE16 0x9b
#define AR_DATA16 0x93
#define AR_V86 0xf3
#define SEL_TASK (SEL_FREE + 0x08)

extern u64 gdt[], pae_pdpt[];
extern u32 pd32[];

static struct vl2 l2;
static u64 *ept;
static u64 pdpt2[4] __aligned(32), bad_pdpt[4] __aligned(32);
static u8 low[PAGE_SIZE] __aligned(4096);

#define CODE32(name, code) PAYLOAD(name, ".code32; " code "; .code64")

CODE32(do_pm32, "mov $0x12345678, %ebx; cpuid; mov %cr0, %eax; vmcall")
CODE32(do_cr3, "mov %ecx, %cr3; vmcall")
CODE32(do_call, "lcall $0x50, $0; vmcall")
CODE32(do_jmp, "ljmp $0x50, $0; vmcall")
CODE32(do_iret, "iret; vmcall")
CODE32(do_int, "int $0x21; vmcall")
CODE32(do_ud, "ud2; vmcall")
CODE32(do_pmode, "mov %edi, %cr0; vmcall")

static void use_ept(bool on, u64 more)
{
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)) &
				    ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE));
	vmw(VMCS_PROC2_CTLS, vmx_proc2(on ? (u32)(PROC2_EPT | more) : 0));
	if (on)
		vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
}

/* 32-bit code with paging as @cr3 and @cr4 have it. */
static void prepare32(void (*code)(void), u64 cr3, u64 cr4, bool with_ept)
{
	vl2_init(&l2, code);
	use_ept(with_ept, 0);
	vmw(VMCS_GUEST_CS_SEL, SEL_CODE32);
	vmw(VMCS_GUEST_CS_AR, AR_CODE32);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0) & ~(u32)ENTRYC_IA32E);
	vmw(VMCS_GUEST_CR3, cr3);
	vmw(VMCS_GUEST_CR4,
	    (read_cr4() & ~(CR4_PAE | CR4_PSE)) | cr4 | CR4_VMXE);
	vmw(VMCS_GUEST_IDTR_LIMIT, 0);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
}

static void expect_run(u32 reason, const char *name)
{
	u32 got = vl2_run(&l2);

	check(got == reason, name, "exit %x, want %x, info %lx qual %lx", got,
	      reason, vmr(VMCS_EXIT_INTR_INFO), vmr(VMCS_EXIT_QUALIFICATION));
}

static void code32(const char *name)
{
	expect_run(REASON_CPUID, name);
	check_eq(l2.gprs.rbx, 0x12345678, name);
	check_eq(vmr(VMCS_EXIT_INSTR_LEN), 2, name);
	vl2_skip();
	expect_run(REASON_VMCALL, name);
	check_eq(l2.gprs.rax, vmr(VMCS_GUEST_CR0), name);
}

/* --- paging of 32 bits ----------------------------------------------------------- */
static void test_32(bool with_ept)
{
	prepare32(do_pm32, (u64)pd32, CR4_PSE, with_ept);
	code32("pg32");
	/* compatibility mode under a 64-bit system */
	vl2_init(&l2, do_pm32);
	use_ept(with_ept, 0);
	vmw(VMCS_GUEST_CS_SEL, SEL_CODE32);
	vmw(VMCS_GUEST_CS_AR, AR_CODE32);
	code32("compat");
	check_eq(vmr(VMCS_ENTRY_CTLS) & ENTRYC_IA32E, ENTRYC_IA32E,
		 "compat-is-ia32e");
}

#define FAILS (REASON_BAD_GUEST | (u32)EXIT_ENTRY_FAILURE)

static void test_pae_memory(void)
{
	prepare32(do_pm32, (u64)pae_pdpt, CR4_PAE, false);
	code32("pae");
	/* PDPTEs in memory are checked on entry and by MOV to CR3 */
	prepare32(do_pm32, (u64)bad_pdpt, CR4_PAE, false);
	expect_run(FAILS, "pae-bad-pdpte");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 2, "pae-bad-pdpte-number");
	prepare32(do_cr3, (u64)pae_pdpt, CR4_PAE, false);
	l2.gprs.rcx = (u64)pdpt2;
	expect_run(REASON_VMCALL, "pae-mov-cr3");
	check_eq(vmr(VMCS_GUEST_CR3), (u64)pdpt2, "pae-cr3");
	prepare32(do_cr3, (u64)pae_pdpt, CR4_PAE, false);
	l2.gprs.rcx = (u64)bad_pdpt;
	expect_run(REASON_EXCEPTION_NMI, "pae-mov-cr3-bad");
	check_eq(vmr(VMCS_EXIT_INTR_INFO),
		 INTR_INFO(INTR_TYPE_HARD_EXC, VEC_GP) | INTR_ERROR,
		 "pae-mov-cr3-gp");
	check_eq(vmr(VMCS_GUEST_CR3), (u64)pae_pdpt, "pae-cr3-kept");
}

static void test_pae_fields(void)
{
	prepare32(do_cr3, 0xfffff000, CR4_PAE, true);
	for (u32 i = 0; i < 4; i++)
		vmw(VMCS_GUEST_PDPTE0 + 2 * i, pae_pdpt[i]);
	l2.gprs.rcx = (u64)pdpt2;
	expect_run(REASON_VMCALL, "pae-ept");
	/* MOV to CR3 loaded new ones, and the exit saved them */
	for (u32 i = 0; i < 4; i++)
		check_eq(vmr(VMCS_GUEST_PDPTE0 + 2 * i), pdpt2[i],
			 "pae-ept-pdptes-saved");
	/* and they count on the next entry, memory does not */
	vmw(VMCS_GUEST_RIP, (u64)do_pm32);
	pdpt2[0] = 0;
	code32("pae-ept-next");
	pdpt2[0] = pae_pdpt[0];
	vmw(VMCS_GUEST_PDPTE0, 0);
	vmw(VMCS_GUEST_RIP, (u64)do_pm32);
	expect_run(REASON_EXCEPTION_NMI, "pae-ept-no-pdpte");
	check_eq(INTR_VECTOR(vmr(VMCS_EXIT_INTR_INFO)), VEC_PF,
		 "pae-ept-no-pdpte-pf");
}

/* --- 16 bits ------------------------------------------------------------------------ */
PAYLOAD(do_16,
	".code16; mov %cs, %ax; mov $0x1234, %bx; cpuid; vmcall; .code64")

static void segments16(u16 cs, u32 code, u32 data)
{
	static const u32 sels[] = { VMCS_GUEST_ES_SEL, VMCS_GUEST_SS_SEL,
				    VMCS_GUEST_DS_SEL, VMCS_GUEST_FS_SEL,
				    VMCS_GUEST_GS_SEL };

	vmw(VMCS_GUEST_CS_SEL, cs);
	vmw(VMCS_GUEST_CS_AR, code);
	vmw(VMCS_GUEST_CS_LIMIT, 0xffff);
	for (u32 i = 0; i < ARRAY_SIZE(sels); i++) {
		u32 n = sels[i] - VMCS_GUEST_ES_SEL;

		vmw(sels[i], data == AR_V86 ? 0 : SEL_DATA);
		vmw(VMCS_GUEST_ES_AR + n, data);
		vmw(VMCS_GUEST_ES_LIMIT + n, 0xffff);
		vmw(VMCS_GUEST_ES_BASE + n, 0);
	}
	vmw(VMCS_GUEST_RSP, LOW_STACK);
	vmw(VMCS_GUEST_RIP, 0);
}

static void code16(u64 cs, const char *name)
{
	expect_run(REASON_CPUID, name);
	check_eq(vmr(VMCS_GUEST_RIP), 5, name);
	check_eq(l2.gprs.rax & 0xffff, cs, name);
	check_eq(l2.gprs.rbx & 0xffff, 0x1234, name);
	vl2_skip();
	expect_run(REASON_VMCALL, name);
}

static void test_16(bool with_ept)
{
	memcpy((void *)(u64)LOW_BIOS, (void *)(u64)do_16, 32);
	prepare32(NULL, (u64)pd32, CR4_PSE, with_ept);
	segments16(SEL_CODE16, AR_CODE16, AR_DATA16);
	vmw(VMCS_GUEST_CS_BASE, LOW_BIOS);
	code16(SEL_CODE16, "pm16");
	/* virtual-8086: VMCALL exits there, too */
	prepare32(NULL, (u64)pd32, CR4_PSE, with_ept);
	segments16(LOW_BIOS >> 4, AR_V86, AR_V86);
	vmw(VMCS_GUEST_CS_BASE, LOW_BIOS);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_VM | BITS(13, 12));
	code16(LOW_BIOS >> 4, "v86");
	check(vmr(VMCS_GUEST_RFLAGS) & RFLAGS_VM, "v86-flag", "%lx",
	      vmr(VMCS_GUEST_RFLAGS));
}

/* --- real mode, and from there to long mode --------------------------------------------- */
PAYLOAD(do_boot, ".code16; vmcall; mov %edi, %cr4; mov %esi, %cr3;"
		 "mov $0xc0000080, %ecx; rdmsr; or $0x100, %eax; wrmsr;"
		 "mov %ebx, %cr0; ljmpl $8, $booted; .code64; booted: vmcall")
PAYLOAD(do_unreal, ".code16; addr32 movl (%ebx), %eax; vmcall; .code64")
extern const char booted[];

static void test_real(void)
{
	u64 cr4 = read_cr4();

	vl2_init_real(&l2, (void *)(u64)do_boot, 64, LOW_BIOS);
	use_ept(true, PROC2_UNRESTRICTED);
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) | PROC_MSR_BITMAP);
	memset(low, 0, sizeof(low));
	vmw(VMCS_MSR_BITMAP, (u64)low);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls((u32)ENTRYC_LOAD_EFER));
	vmw(VMCS_EXIT_CTLS, vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_EFER |
						EXITC_LOAD_EFER)));
	vmw(VMCS_GUEST_EFER, 0);
	vmw(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	l2.gprs.rdi = cr4;
	l2.gprs.rsi = read_cr3();
	l2.gprs.rbx = read_cr0();
	expect_run(REASON_VMCALL, "real");
	check_eq(vmr(VMCS_GUEST_EFER), 0, "real-efer");
	vl2_skip();
	expect_run(REASON_VMCALL, "real-to-long");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)booted, "real-to-long-rip");
	check_eq(vmr(VMCS_GUEST_EFER) & (EFER_LMA | EFER_LME),
		 EFER_LMA | EFER_LME, "real-to-long-efer");
	check_eq(vmr(VMCS_ENTRY_CTLS) & ENTRYC_IA32E, ENTRYC_IA32E,
		 "real-to-long-entry-control");
	check_eq(vmr(VMCS_GUEST_CR0), read_cr0(), "real-to-long-cr0");
	/* on from there, without a change by L1 */
	vl2_skip();
	vmw(VMCS_GUEST_RIP, (u64)booted);
	expect_run(REASON_VMCALL, "long-again");
	/* a data segment of 4 GiB in real mode */
	vl2_init_real(&l2, (void *)(u64)do_unreal, 32, LOW_BIOS);
	use_ept(true, PROC2_UNRESTRICTED);
	vmw(VMCS_GUEST_DS_AR, 0x8093);
	vmw(VMCS_GUEST_DS_LIMIT, ~0u);
	*(u32 *)low = 0xabcd1234;
	l2.gprs.rbx = (u64)low;
	expect_run(REASON_VMCALL, "unreal");
	check_eq(l2.gprs.rax, 0xabcd1234, "unreal-value");
	/* 32 bits without paging, and paging on by L2 itself */
	prepare32(do_pmode, (u64)pd32, CR4_PSE, true);
	use_ept(true, PROC2_UNRESTRICTED);
	vmw(VMCS_GUEST_CR0, read_cr0() & ~CR0_PG);
	vmw(VMCS_ENTRY_CTLS, vmr(VMCS_ENTRY_CTLS) | ENTRYC_LOAD_EFER);
	vmw(VMCS_EXIT_CTLS, vmr(VMCS_EXIT_CTLS) | EXITC_LOAD_EFER);
	vmw(VMCS_GUEST_EFER, 0); /* L1's LME would stay */
	vmw(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	l2.gprs.rdi = read_cr0();
	expect_run(REASON_VMCALL, "paging-on");
	check_eq(vmr(VMCS_GUEST_CR0), read_cr0(), "paging-on-cr0");
	/* not without the control */
	prepare32(do_pm32, (u64)pd32, CR4_PSE, true);
	vmw(VMCS_GUEST_CR0, read_cr0() & ~CR0_PG);
	expect_run(FAILS, "no-paging-restricted");
}

/* --- task switches ------------------------------------------------------------------------ */
static u32 tss[26];
static u64 idt32[0x22];

static void task(void (*code)(void), u32 busy)
{
	u64 base = (u64)tss;

	prepare32(code, (u64)pd32, CR4_PSE, false);
	gdt[SEL_TASK / 8] = 0x67 | (base & 0xffffff) << 16 |
			    (0x89ull | busy) << 40 | (base >> 24) << 56;
	idt32[0x21] = idt32[VEC_UD] = SEL_TASK << 16 | 0x8500ull << 32;
	vmw(VMCS_GUEST_IDTR_BASE, (u64)idt32);
	vmw(VMCS_GUEST_IDTR_LIMIT, sizeof(idt32) - 1);
	vmw(VMCS_EXCEPTION_BITMAP, 0);
	vmw(VMCS_GUEST_TR_BASE, (u64)tss);
	tss[0] = SEL_TASK;
}

static void expect_task(u64 source, u32 len, void (*code)(void),
			const char *name)
{
	expect_run(REASON_TASK_SWITCH, name);
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), source << 30 | SEL_TASK, name);
	check_eq(vmr(VMCS_GUEST_RIP), (u64)code, name);
	if (len)
		check_eq(vmr(VMCS_EXIT_INSTR_LEN), len, name);
}

static void test_tasks(void)
{
	task(do_call, 0);
	expect_task(0, 7, do_call, "task-call");
	task(do_iret, 2);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | BIT(14));
	expect_task(1, 1, do_iret, "task-iret");
	task(do_jmp, 0);
	expect_task(2, 7, do_jmp, "task-jmp");
	task(do_int, 0);
	expect_task(3, 2, do_int, "task-gate");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(INTR_TYPE_SOFT_INT, 0x21),
		 "task-gate-vectoring");
	task(do_ud, 0);
	expect_task(3, 0, do_ud, "task-gate-exception");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(INTR_TYPE_HARD_EXC, VEC_UD),
		 "task-gate-exception-vectoring");
	/* injected, it switches as well */
	task(do_pm32, 0);
	vmw(VMCS_ENTRY_INTR_INFO, INTR_INFO(INTR_TYPE_HARD_EXC, VEC_UD));
	expect_task(3, 0, do_pm32, "task-gate-injected");
	check_eq(vmr(VMCS_IDT_VECTORING), INTR_INFO(INTR_TYPE_HARD_EXC, VEC_UD),
		 "task-gate-injected-vectoring");
}

/* --- addresses ------------------------------------------------------------------------------ */
PAYLOAD(do_read, "movb (%rdi), %al; vmcall")
#define AT GiB(16)

static void test_width(void)
{
	u32 width = cpuid_reg(0x80000008, 0, EAX) & 0xff;
	u64 *pte = table_entry((u64 *)read_cr3(), AT, 1, 7);
	u64 top = BIT(width) - PAGE_SIZE;

	/* a page beyond the width: L2's own page fault, not EPT's */
	for (u32 with = 0; with < 2; with++) {
		*pte = BIT(width) | 0x67;
		vl2_init(&l2, do_read);
		use_ept(with, 0);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(VEC_PF));
		l2.gprs.rdi = AT;
		expect_run(REASON_EXCEPTION_NMI, "beyond-width");
		check_eq(vmr(VMCS_EXIT_INTR_ERROR), 9, "beyond-width-reserved");
	}
	/* the last page within it: EPT's to translate */
	*pte = top | 0x67;
	vl2_init(&l2, do_read);
	use_ept(true, 0);
	l2.gprs.rdi = AT + 0x18;
	expect_run(REASON_EPT_VIOLATION, "top-page");
	check_eq(vmr(VMCS_GUEST_PHYSICAL), top + 0x18, "top-page-address");
	check_eq(vmr(VMCS_GUEST_LINEAR), AT + 0x18, "top-page-linear");
	table_map(ept, top, (u64)low, 1, EPT_TABLE, EPT_PAGE);
	low[0x18] = 0x77;
	expect_run(REASON_VMCALL, "top-page-mapped");
	check_eq(l2.gprs.rax & 0xff, 0x77, "top-page-value");
	/* EPT that names a page beyond the width is misconfigured */
	*table_entry(ept, top, 1, EPT_TABLE) = BIT(width) | EPT_PAGE;
	invept_insn(INVEPT_ALL, 0, 0);
	vmw(VMCS_GUEST_RIP, (u64)do_read);
	expect_run(REASON_EPT_MISCONFIG, "ept-beyond-width");
	check_eq(vmr(VMCS_GUEST_PHYSICAL), top + 0x18,
		 "ept-beyond-width-address");
	*pte = 0;
}

void main(void)
{
	bool has_ept;

	vmx_on();
	modes_init();
	has_ept = vmx_has_proc2((u32)(PROC2_EPT | PROC2_UNRESTRICTED));
	if (has_ept)
		ept = table_identity(EPT_TABLE, EPT_PAGE);
	memcpy(pdpt2, pae_pdpt, sizeof(pdpt2));
	memcpy(bad_pdpt, pae_pdpt, sizeof(bad_pdpt));
	bad_pdpt[1] |= BIT(1);
	for (u32 i = 0; i <= has_ept; i++) {
		test_32(i);
		test_16(i);
	}
	test_pae_memory();
	test_tasks();
	if (has_ept) {
		test_pae_fields();
		test_real();
		test_width();
	} else {
		skip("ept", "no EPT or no unrestricted guest");
	}
	vmx_off();
}
