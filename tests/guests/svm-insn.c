/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SVM instructions, their MSRs and what CPUID says of them: with EFER.SVME
 * set and clear, at CPL 0 and 3; what INVLPGA, VMLOAD, VMSAVE do; debug
 * exceptions around VMRUN and while GIF is 0. With "off=1" on the command line
 * the features that svm.features took away must be gone.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu,bochs-svm name=off hv=svm.features=-flushbyasid,-clean,-nrip,-vgif,-lbrv append=off=1 timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define SVM_LOCK BIT(2)
#define SVM_AVIC BIT(13)
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define GPA GiB(4)
#define PA MiB(64)
#define BS BIT(14)

static struct l2 l2;

/* What a bare emulator is known for; Abyme is strict. */
static enum emulator lax(enum emulator emu)
{
	return on_abyme() ? EMU_NONE : emu & emulator();
}

/* --- who may execute them ---------------------------------------------------- */
PAYLOAD(do_vmmcall, "1: vmmcall; jmp 1b")
PAYLOAD(u_vmrun, "xor %eax, %eax; vmrun %rax")
PAYLOAD(u_vmload, "xor %eax, %eax; vmload %rax")
PAYLOAD(u_vmsave, "xor %eax, %eax; vmsave %rax")
PAYLOAD(u_stgi, "stgi; ud2")
PAYLOAD(u_clgi, "clgi; ud2")
PAYLOAD(u_invlpga, "xor %eax, %eax; xor %ecx, %ecx; invlpga %rax, %ecx; ud2")
PAYLOAD(u_skinit, "xor %eax, %eax; skinit %eax; ud2")
PAYLOAD(u_vmmcall, "vmmcall")
PAYLOAD(u_cli, "cli; ud2")
PAYLOAD(u_int, "int $0x30; ud2")

static const struct {
	const char *name;
	void (*fn)(void);
} insns[] = {
	{ "vmrun", u_vmrun },	{ "vmload", u_vmload },
	{ "vmsave", u_vmsave }, { "stgi", u_stgi },
	{ "clgi", u_clgi },	{ "invlpga", u_invlpga },
	{ "skinit", u_skinit },
};

static void call(void *fn)
{
	((void (*)(void))(u64)fn)();
}

static void test_off(void)
{
	char name[40];

	for (u32 i = 0; i < ARRAY_SIZE(insns); i++) {
		snprintf(name, sizeof(name), "off-%s", insns[i].name);
		check_eq((u64)try(call, (void *)(u64)insns[i].fn), VEC_UD,
			 name);
		snprintf(name, sizeof(name), "off-user-%s", insns[i].name);
		check_known(try_user(insns[i].fn) == VEC_UD, name,
			    on_abyme() ? EMU_BOCHS : EMU_NONE,
			    "#GP must not exit, see svm/exc.c", "no #UD");
	}
	check_eq((u64)try(call, (void *)(u64)u_vmmcall), VEC_UD, "off-vmmcall");
	/* #GPs that are what they are */
	check_eq((u64)try_user(u_cli), VEC_GP, "off-user-cli");
	check_eq(last_fault()->error, 0, "off-user-cli-error");
	check_eq(last_fault()->rip, (u64)u_cli, "off-user-cli-rip");
	check_eq((u64)try_user(u_int), VEC_GP, "off-user-int");
	check_known(last_fault()->error == 0x30 * 8 + 2, "off-user-int-error",
		    EMU_QEMU, "the vector times 16, not 8", "%lx",
		    last_fault()->error);
}

static void test_on(void)
{
	char name[40];

	for (u32 i = 0; i < ARRAY_SIZE(insns); i++) {
		/* SKINIT as well, offered or not: with EFER.SVME set CPL comes
		 * first (APM 3, SKINIT) */
		snprintf(name, sizeof(name), "on-user-%s", insns[i].name);
		check_known(try_user(insns[i].fn) == VEC_GP, name,
			    insns[i].fn == u_skinit ? EMU_QEMU : EMU_NONE,
			    "SKINIT does not look at CPL", "no #GP");
	}
	check_eq((u64)try(call, (void *)(u64)u_vmmcall), VEC_UD, "on-vmmcall");
	check_eq((u64)try_user(u_cli), VEC_GP, "on-user-cli");
	if (cpuid_reg(0x80000001, 0, ECX) & BIT(12))
		skip("skinit", "offered");
	else if (lax(EMU_BOCHS))
		check_known(false, "skinit-not-offered", EMU_BOCHS,
			    "it ends Bochs", "not tried");
	else
		check_known(try(call, (void *)(u64)u_skinit) == VEC_UD,
			    "skinit-not-offered", lax(EMU_ANY),
			    "there whatever CPUID says", "no #UD");
}

/* --- CPUID and MSRs ------------------------------------------------------------ */
static void test_features(void)
{
	u32 r[4];
	bool off = boot_option("off", 0);
	const u32 soft = SVM_FLUSH_ASID | SVM_CLEAN | SVM_NRIPS;

	cpuid(SVM_FEATURES_LEAF, 0, r);
	check_eq(r[EAX] & 0xff, 1, "revision");
	check(r[EBX] >= 3, "asids", "%u", r[EBX]);
	if (!on_abyme())
		return;
	check_eq(r[EDX] & (SVM_LOCK | SVM_AVIC), 0, "not-offered");
	check_eq(r[EDX] & soft, off ? 0 : soft, "in-software");
	if (off)
		check_eq(r[EDX] & (SVM_VGIF | SVM_LBRV), 0, "taken-away");
	check_eq(cpuid_reg(0x80000001, 0, ECX) & BIT(12), 0, "no-skinit");
}

struct msr_write {
	u32 msr;
	u64 val;
};

static void write_msr(void *arg)
{
	const struct msr_write *w = arg;

	wrmsr(w->msr, w->val);
}

static int wr(u32 msr, u64 val)
{
	struct msr_write w = { msr, val };

	return try(write_msr, &w);
}

static void test_msrs(void)
{
	u64 efer = rdmsr(MSR_EFER);
	enum emulator emu = lax(EMU_ANY);
	const char *fault = "VM_CR and its likes are not there";

	check_eq(rdmsr(MSR_VM_HSAVE_PA), (u64)svm_hsave, "hsave-reads-back");
	check_known(wr(MSR_VM_CR, BIT(5)) == VEC_GP, "vm-cr-reserved", emu,
		    fault, "no #GP");
	check_known(wr(MSR_VM_CR, VM_CR_SVMDIS) == VEC_GP,
		    "vm-cr-svmdis-while-on", emu, fault, "no #GP");
	check_known(wr(MSR_SVM_KEY, 1) == VEC_GP, "svm-key-not-offered", emu,
		    fault, "no #GP");
	if (!on_abyme())
		return;
	check_eq(rdmsr(MSR_VM_CR), 0, "vm-cr");
	check_eq((u64)wr(MSR_VM_CR, VM_CR_R_INIT | BIT(0) | BIT(2)), ~0ull,
		 "vm-cr-other-bits");
	check_eq(rdmsr(MSR_VM_CR), VM_CR_R_INIT | BIT(0) | BIT(2),
		 "vm-cr-reads-back");
	check_eq((u64)wr(MSR_VM_CR, 0), ~0ull, "vm-cr-back");
	wrmsr(MSR_EFER, efer & ~EFER_SVME);
	check_eq((u64)wr(MSR_VM_CR, VM_CR_SVMDIS), ~0ull, "svmdis");
	check_eq((u64)wr(MSR_EFER, efer), VEC_GP, "svmdis-efer");
	check_eq((u64)wr(MSR_VM_CR, 0), ~0ull, "svmdis-back");
	check_eq((u64)wr(MSR_EFER, efer), ~0ull, "svme-back");
	/* from here on for good: LOCK and SVMDIS stay as they are */
	check_eq((u64)wr(MSR_VM_CR, VM_CR_LOCK), ~0ull, "lock");
	check_eq((u64)wr(MSR_VM_CR, VM_CR_SVMDIS), VEC_GP,
		 "svmdis-while-on-and-locked");
	wrmsr(MSR_EFER, efer & ~EFER_SVME);
	check_eq((u64)wr(MSR_VM_CR, VM_CR_SVMDIS), ~0ull, "lock-ignores");
	wrmsr(MSR_EFER, efer);
	check_eq(rdmsr(MSR_VM_CR), VM_CR_LOCK, "locked");
}

/* --- VMLOAD, VMSAVE ---------------------------------------------------------------- */
static u8 area[PAGE_SIZE] __aligned(4096), saved[PAGE_SIZE] __aligned(4096);

static void load_and_save(bool high)
{
	u64 h = high ? 0xdeadbeefull << 32 : 0;

	if (high)
		__asm__ volatile("vmload %%eax; vmsave %%eax"
				 :
				 : "a"((u64)area | h)
				 : "memory");
	else
		vmload(area);
}

static void test_vmload(void)
{
	struct vmcb *a = (struct vmcb *)area, *s = (struct vmcb *)saved;
	static u8 mine[PAGE_SIZE] __aligned(4096);

	vmsave(mine);
	memcpy(area, mine, sizeof(area));
	a->fs_.base = 0x123450000;
	a->gs_.base = 0x234560000;
	a->kernel_gs_base_ = 0xffff888800001000;
	a->star_ = 0x0023001000000000;
	a->lstar_ = 0xffffffff81000000;
	a->sfmask_ = 0x47700;
	a->sysenter_cs_ = 0x10;
	a->sysenter_esp_ = 0x5000;
	a->sysenter_eip_ = 0x6000;
	load_and_save(false);
	check_eq(rdmsr(MSR_FS_BASE), 0x123450000, "vmload-fs");
	check_eq(rdmsr(MSR_GS_BASE), 0x234560000, "vmload-gs");
	check_eq(rdmsr(MSR_KERNEL_GS_BASE), 0xffff888800001000, "vmload-kgs");
	check_eq(rdmsr(MSR_STAR), 0x0023001000000000, "vmload-star");
	check_eq(rdmsr(MSR_LSTAR), 0xffffffff81000000, "vmload-lstar");
	check_eq(rdmsr(MSR_SFMASK), 0x47700, "vmload-sfmask");
	check_eq(rdmsr(0x174), 0x10, "vmload-sysenter-cs");
	check_eq(rdmsr(0x175), 0x5000, "vmload-sysenter-esp");
	check_eq(rdmsr(0x176), 0x6000, "vmload-sysenter-eip");
	wrmsr(MSR_LSTAR, 0xffffffff82000000);
	vmsave(saved);
	check_eq(s->lstar_, 0xffffffff82000000, "vmsave-lstar");
	check_eq(s->fs_.base, 0x123450000, "vmsave-fs");
	check_eq(s->kernel_gs_base_, 0xffff888800001000, "vmsave-kgs");
	check_eq(s->tr_.base, ((struct vmcb *)mine)->tr_.base, "vmsave-tr");
	check_eq(s->rip_, 0, "vmsave-no-more");
	/* EAX alone counts with an address size of 32 bits */
	a->lstar_ = 0xffffffff83000000;
	load_and_save(true);
	check_eq(rdmsr(MSR_LSTAR), 0xffffffff83000000, "vmload-addr32");
	vmload(mine);
}

/* --- INVLPGA -------------------------------------------------------------------- */
PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmmcall")

static u8 read_npt(u64 *npt, u32 asid)
{
	l2_init(&l2, do_read);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	vmcb_set_asid(l2.vmcb, asid);
	vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
	l2.gprs.rdi = GPA;
	if (l2_run(&l2) != VMEXIT_VMMCALL)
		return 0;
	return (u8)vmcb_rax(l2.vmcb);
}

static void test_invlpga(void)
{
	u64 *npt = table_identity(NPT_TABLE, NPT_PAGE), *e;

	*(volatile u8 *)(PA + 0x123) = 0x11;
	*(volatile u8 *)(PA + 0x1123) = 0x22;
	table_map(npt, GPA, PA, 1, NPT_TABLE, NPT_PAGE);
	e = table_entry(npt, GPA, 1, NPT_TABLE);
	check_eq(read_npt(npt, 5), 0x11, "invlpga-before");
	*e = (PA + 0x1000) | NPT_PAGE;
	invlpga(GPA, 5);
	check_eq(read_npt(npt, 5), 0x22, "invlpga-asid-5");
	*e = PA | NPT_PAGE;
	__asm__ volatile("invlpga %%eax, %%ecx"
			 :
			 : "a"(0xdeadbeef00000000), "c"(5)
			 : "memory");
	read_npt(npt, 5); /* either value is right: another page */
	invlpga(GPA, 5);
	check_eq(read_npt(npt, 5), 0x11, "invlpga-again");
	/* ASID 0 is L1's own; one that does not exist does nothing */
	e = table_entry((u64 *)read_cr3(), GPA, 2, 7);
	*e = PA | 0x87;
	invlpga(GPA, 0);
	check_eq(*(volatile u8 *)(GPA + 0x1123), 0x22, "invlpga-mine");
	*e = (PA + MiB(2)) | 0x87;
	*(volatile u8 *)(PA + MiB(2) + 0x1123) = 0x33;
	invlpga(GPA, 0);
	check_eq(*(volatile u8 *)(GPA + 0x1123), 0x33, "invlpga-mine-again");
	invlpga(GPA, 0x12345678);
}

/* --- debug exceptions ------------------------------------------------------------ */
static volatile struct {
	u32 count;
	u64 rip, dr6;
} seen;
static volatile u64 watched;

static bool on_db(struct regs *r)
{
	seen.count++;
	seen.rip = r->rip;
	seen.dr6 = read_dr6();
	r->rflags &= ~RFLAGS_TF;
	r->rflags |= RFLAGS_RF;
	write_dr6(0xffff0ff0);
	return true;
}

static __noinline void broken_into(void)
{
	__asm__ volatile("nop");
}

extern const char after_step[];

static void step_nop(void)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop\n"
			 "after_step: nop"
			 :
			 :
			 : "memory");
}

static void test_gif_debug(void)
{
	seen.count = 0;
	seen.rip = seen.dr6 = 0;
	write_dr0((u64)&watched);
	write_dr1((u64)broken_into);
	write_dr7(0x400 | 0x10000 | 2 | 8); /* 0: writes, 1: instruction */
	watched = 1;
	check_eq(seen.count, 1, "gif-1-data");
	broken_into();
	check_eq(seen.count, 2, "gif-1-code");
	seen.count = 0;
	clgi();
	watched = 2;
	stgi();
	check_known(!seen.count, "gif-0-data-discarded", lax(EMU_ANY),
		    "breakpoints are not discarded", "%u", seen.count);
	seen.count = 0;
	clgi();
	broken_into();
	stgi();
	check_known(!seen.count, "gif-0-code-discarded", lax(EMU_ANY),
		    "breakpoints are not discarded", "%u", seen.count);
	write_dr7(0x400);
	seen.count = 0;
	clgi();
	step_nop();
	stgi();
	check(seen.count == 1 && seen.rip == (u64)after_step, "gif-0-step",
	      "%u, rip %lx", seen.count, seen.rip);
	check(seen.dr6 & BS, "gif-0-step-dr6", "%lx", seen.dr6);
}

extern const char after_vmrun[];

/* VMRUN is one instruction to a debugger of L1. */
static void test_step_vmrun(void)
{
	seen.count = 0;
	seen.rip = seen.dr6 = 0;
	l2_init(&l2, do_vmmcall);
	clgi();
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; vmrun %0\n"
			 "after_vmrun: nop; pushf; andl $~0x100, (%%rsp); popf"
			 :
			 : "a"(l2.vmcb)
			 : "memory", "cc");
	stgi();
	check_eq(vmcb_exitcode(l2.vmcb), VMEXIT_VMMCALL, "step-vmrun-exit");
	check_known(seen.count == 1 && seen.rip == (u64)after_vmrun,
		    "step-vmrun", lax(EMU_ANY), "no #DB right after VMRUN",
		    "%u, rip %lx, want %lx", seen.count, seen.rip,
		    (u64)after_vmrun);
	check(seen.dr6 & BS, "step-vmrun-dr6", "%lx", seen.dr6);
}

/* --- L2's own, where L1 does not intercept them --------------------------------- */
PAYLOAD(do_gif, "clgi; stgi; vmmcall")
PAYLOAD(do_vmsave, "vmsave %rax; vmload %rax; vmmcall")
PAYLOAD(do_invlpga, "xor %ecx, %ecx; invlpga %rax, %ecx; vmmcall")
PAYLOAD(do_wrmsr, "wrmsr; vmmcall")
PAYLOAD(do_unaligned, "vmsave %rax; vmmcall")

static void test_in_l2(void)
{
	static u8 page[PAGE_SIZE] __aligned(4096);

	l2_init(&l2, do_gif);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "l2-clgi-stgi");
	l2_init(&l2, do_vmsave);
	vmcb_set_rax(l2.vmcb, (u64)page);
	if (check_known(l2_run(&l2) == VMEXIT_VMMCALL, "l2-vmsave-vmload",
			lax(EMU_ANY), "a guest's own is no good", "%lx",
			vmcb_exitcode(l2.vmcb)))
		check_eq(((struct vmcb *)page)->tr_.sel,
			 ((struct vmcb *)svm_host)->tr_.sel, "l2-vmsave-tr");
	l2_init(&l2, do_invlpga);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "l2-invlpga");
	l2_init(&l2, do_unaligned);
	vmcb_set_rax(l2.vmcb, 0x100800);
	l2_intercept(&l2, ICPT_EXC0 + VEC_GP, true);
	l2_intercept(&l2, ICPT_EXC0 + VEC_UD, true);
	check_known(l2_run(&l2) == VMEXIT_EXC + VEC_GP, "l2-vmsave-unaligned",
		    lax(EMU_ANY), "no check", "%lx", vmcb_exitcode(l2.vmcb));
	/* what L0 finds wrong is L1's to see, if it asks */
	l2_init(&l2, do_wrmsr);
	l2.gprs.rcx = MSR_VM_HSAVE_PA;
	vmcb_set_rax(l2.vmcb, 0x123);
	l2_intercept(&l2, ICPT_EXC0 + VEC_GP, true);
	if (check_known(l2_run(&l2) == VMEXIT_EXC + VEC_GP, "l2-wrmsr-gp",
			lax(EMU_ANY), "not checked what is written to MSRs",
			"%lx", vmcb_exitcode(l2.vmcb))) {
		check_eq(vmcb_exitinfo1(l2.vmcb), 0, "l2-wrmsr-gp-error");
		check_eq(vmcb_rip(l2.vmcb), (u64)do_wrmsr, "l2-wrmsr-gp-rip");
	}
	wrmsr(MSR_VM_HSAVE_PA, (u64)svm_hsave);
	/* a VMMCALL that nobody intercepts */
	l2_init(&l2, do_vmmcall);
	l2_intercept(&l2, ICPT_VMMCALL, false);
	l2_intercept(&l2, ICPT_EXC0 + VEC_UD, true);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_UD, "l2-vmmcall-ud");
}

/* --- an address size of 32 bits: EAX alone counts ------------------------------- */
#define HIGH 0xdeadbeef00000000ull
PAYLOAD(do_vmsave32, "vmsave %eax; vmload %eax; vmmcall")
PAYLOAD(do_vmrun32, "vmrun %eax; vmmcall")

static void test_addr32(void)
{
	static u8 page[PAGE_SIZE] __aligned(4096);

	l2_init(&l2, do_vmmcall);
	clgi();
	__asm__ volatile("vmrun %%eax"
			 :
			 : "a"((u64)l2.vmcb | HIGH)
			 : "memory", "cc");
	stgi();
	check_eq(vmcb_exitcode(l2.vmcb), VMEXIT_VMMCALL, "vmrun-addr32");
	l2_init(&l2, do_vmsave32);
	vmcb_set_rax(l2.vmcb, (u64)page | HIGH);
	if (check_known(l2_run(&l2) == VMEXIT_VMMCALL, "l2-vmsave-addr32",
			lax(EMU_ANY), "a guest's own is no good", "%lx",
			vmcb_exitcode(l2.vmcb)))
		check_eq(((struct vmcb *)page)->tr_.sel,
			 ((struct vmcb *)svm_host)->tr_.sel,
			 "l2-vmsave-addr32-tr");
	/* with its prefix a VMRUN of L2's is four bytes long */
	l2_init(&l2, do_vmrun32);
	vmcb_set_rax(l2.vmcb, (u64)page | HIGH);
	check_eq(l2_run(&l2), VMEXIT_VMRUN, "l2-vmrun-addr32");
	check_eq(vmcb_rip(l2.vmcb), (u64)do_vmrun32, "l2-vmrun-addr32-rip");
	if (svm_has(SVM_NRIPS))
		check_eq(vmcb_nrip(l2.vmcb), (u64)do_vmrun32 + 4,
			 "l2-vmrun-addr32-nrip");
}

void main(void)
{
	if (!(cpuid_reg(0x80000001, 0, ECX) & BIT(2)))
		die("svm-present", "no SVM");
	set_hook(VEC_DB, on_db);
	test_off();
	svm_on();
	test_on();
	test_features();
	test_vmload();
	if (svm_has(SVM_NPT))
		test_invlpga();
	test_gif_debug();
	test_step_vmrun();
	test_in_l2();
	test_addr32();
	test_msrs();
}
