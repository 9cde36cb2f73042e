/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that a hypervisor may have to answer for its guest: each gives
 * what the processor gives, by value or by exception. One table, one line a
 * case: the code, and the vector it must end in (-1: none).
 */
/* boot: emus=qemu,bochs,bochs-svm bare */
#include "tests/guests/lib/guest.h"

#define OK (-1)

struct insn_case {
	const char *name;
	void (*code)(void);
	int vector;
	enum emulator emu; /* known to be wrong, and why */
	const char *fault;
};

#define CODE(name, text)                              \
	static void __attribute__((naked)) name(void) \
	{                                             \
		__asm__ volatile(text "; ret");       \
	}

/* WRMSR: EDX:EAX from RSI */
#define WRMSR(msr, value)                                                \
	"mov $" #msr ", %ecx; movabs $" #value ", %rax; mov %rax, %rdx;" \
	"shr $32, %rdx; wrmsr"
#define RDMSR(msr) "mov $" #msr ", %ecx; rdmsr"
#define REWRITE(msr) "mov $" #msr ", %ecx; rdmsr; wrmsr"
#define XSETBV(xcr, lo, hi) \
	"mov $" #xcr ", %ecx; mov $" #lo ", %eax; mov $" #hi ", %edx; xsetbv"
#define CR_OR(cr, bits)                                                    \
	"mov %" #cr ", %rax; movabs $" #bits ", %rcx; or %rcx, %rax; mov " \
	"%rax, %" #cr
#define CR_ANDN(cr, bits)                                                    \
	"mov %" #cr ", %rax; movabs $~" #bits ", %rcx; and %rcx, %rax; mov " \
	"%rax, %" #cr

#define QEMU_MSR EMU_QEMU, "TCG does not check what is written to MSRs"
#define ANY_MSR EMU_ANY, "unknown MSRs read 0 and ignore writes"
#define QEMU_CR EMU_QEMU, "TCG does not check what is written to CRs"
#define QEMU_DIES EMU_QEMU | EMU_DIES, "TCG lets it through and hangs"
#define QEMU_ENDS EMU_QEMU | EMU_ENDS, "TCG lets it through: paging ends"
#define ANY_ENDS EMU_ANY | EMU_ENDS, "not checked in an SVM guest: paging ends"
/* APM 2, VMRUN and the others: with EFER.SVME on, which it is below a guest,
 * CPL is looked at before the intercept. */
#define CPL_FIRST EMU_ANY, "none, SVM has it so: CPL comes before intercepts"
#define NO_FAULT EMU_NONE, NULL

/* name, code, vector, known fault */
#define CASES(X)                                                              \
	X(rdmsr_efer, RDMSR(0xc0000080), OK, NO_FAULT)                        \
	X(rdmsr_apic_base, RDMSR(0x1b), OK, NO_FAULT)                         \
	X(rdmsr_pat, RDMSR(0x277), OK, NO_FAULT)                              \
	X(rdmsr_mtrr_cap, RDMSR(0xfe), OK, NO_FAULT)                          \
	X(rdmsr_tsc, RDMSR(0x10), OK, NO_FAULT)                               \
	X(rdmsr_unknown, RDMSR(0x1234567), VEC_GP, ANY_MSR)                   \
	X(rdmsr_unknown_c, RDMSR(0xc0001abc), VEC_GP, ANY_MSR)                \
	X(rdmsr_unknown_high, RDMSR(0xdeadbeef), VEC_GP, ANY_MSR)             \
	X(wrmsr_unknown, WRMSR(0x1234567, 1), VEC_GP, ANY_MSR)                \
	X(wrmsr_mtrr_cap, WRMSR(0xfe, 0x508), VEC_GP, ANY_MSR)                \
	X(wrmsr_efer_same, REWRITE(0xc0000080), OK, NO_FAULT)                 \
	X(wrmsr_efer_reserved, WRMSR(0xc0000080, 0x8000000000000d00), VEC_GP, \
	  QEMU_MSR)                                                           \
	X(wrmsr_efer_lme_off, WRMSR(0xc0000080, 0x800), VEC_GP, QEMU_MSR)     \
	X(wrmsr_apic_base_same, REWRITE(0x1b), OK, NO_FAULT)                  \
	X(wrmsr_apic_base_reserved, WRMSR(0x1b, 0x80000000fee00900), VEC_GP,  \
	  EMU_QEMU, "TCG does not check what is written to MSRs")             \
	X(wrmsr_pat_same, REWRITE(0x277), OK, NO_FAULT)                       \
	X(wrmsr_pat_bad_type, WRMSR(0x277, 0x0007040600070402), VEC_GP,       \
	  QEMU_MSR)                                                           \
	X(wrmsr_lstar_same, REWRITE(0xc0000082), OK, NO_FAULT)                \
	X(wrmsr_lstar_bad, WRMSR(0xc0000082, 0x1234000000000000), VEC_GP,     \
	  QEMU_MSR)                                                           \
	X(wrmsr_fs_base_bad, WRMSR(0xc0000100, 0x8000000000000), VEC_GP,      \
	  QEMU_MSR)                                                           \
	X(wrmsr_sysenter_same, REWRITE(0x175), OK, NO_FAULT)                  \
	X(wrmsr_mtrr_def_same, REWRITE(0x2ff), OK, NO_FAULT)                  \
	X(wrmsr_mtrr_def_bad, WRMSR(0x2ff, 0xc02), VEC_GP, EMU_QEMU,          \
	  "TCG does not check what is written to MSRs")                       \
	X(cr0_same, CR_OR(cr0, 0), OK, NO_FAULT)                              \
	X(cr0_high, CR_OR(cr0, 0x100000000), VEC_GP, QEMU_CR)                 \
	X(cr0_nw_without_cd, CR_OR(cr0, 0x20000000), VEC_GP, QEMU_CR)         \
	X(cr0_pe_off, CR_ANDN(cr0, 1), VEC_GP, ANY_ENDS)                      \
	X(cr4_same, CR_OR(cr4, 0), OK, NO_FAULT)                              \
	X(cr4_high, CR_OR(cr4, 0x100000000), VEC_GP, QEMU_DIES)               \
	X(cr4_bit_15, CR_OR(cr4, 0x8000), VEC_GP, QEMU_DIES)                  \
	X(cr4_bit_31, CR_OR(cr4, 0x80000000), VEC_GP, QEMU_DIES)              \
	X(cr4_pae_off, CR_ANDN(cr4, 0x20), VEC_GP, QEMU_ENDS)                 \
	X(cr4_la57_on, CR_OR(cr4, 0x1000), VEC_GP, QEMU_CR)                   \
	X(cr3_same, CR_OR(cr3, 0), OK, NO_FAULT)                              \
	X(cr3_high, CR_OR(cr3, 0x0100000000000000), VEC_GP, QEMU_ENDS)        \
	X(cr8_same, CR_OR(cr8, 0), OK, NO_FAULT)                              \
	X(cr8_high, CR_OR(cr8, 0x10), VEC_GP, QEMU_CR)                        \
	X(cr1_read, ".byte 0x0f, 0x20, 0xc8", VEC_UD, NO_FAULT)               \
	X(cr9_write, ".byte 0x44, 0x0f, 0x22, 0xc8", VEC_UD, NO_FAULT)        \
	X(clts, "clts", OK, NO_FAULT)                                         \
	X(wbinvd, "wbinvd", OK, NO_FAULT)                                     \
	X(pause, "pause", OK, NO_FAULT)                                       \
	X(rdtsc, "rdtsc", OK, NO_FAULT)                                       \
	X(rdpmc_bad, "mov $0x12345, %ecx; rdpmc", VEC_GP, EMU_QEMU,           \
	  "TCG has no RDPMC: #UD")                                            \
	X(int3, "int3", VEC_BP, NO_FAULT)                                     \
	X(icebp, ".byte 0xf1", VEC_DB, EMU_QEMU, "TCG raises #UD")            \
	X(ud2, "ud2", VEC_UD, NO_FAULT)                                       \
	X(lock_cpuid, ".byte 0xf0, 0x0f, 0xa2", VEC_UD, EMU_QEMU,             \
	  "TCG lets LOCK be")                                                 \
	X(invlpg, "invlpg 0x100000", OK, NO_FAULT)                            \
	X(xsetbv_off, XSETBV(0, 1, 0), VEC_UD, NO_FAULT)                      \
	X(rsm, "rsm", VEC_UD, NO_FAULT)                                       \
	X(getsec, "xor %eax, %eax; getsec", VEC_UD, NO_FAULT)                 \
	X(vmrun, "mov $0x1000, %eax; vmrun %rax", VEC_UD, NO_FAULT)           \
	X(vmload, "mov $0x1000, %eax; vmload %rax", VEC_UD, NO_FAULT)         \
	X(vmsave, "mov $0x1000, %eax; vmsave %rax", VEC_UD, NO_FAULT)         \
	X(stgi, "stgi", VEC_UD, NO_FAULT)                                     \
	X(clgi, "clgi", VEC_UD, NO_FAULT)                                     \
	X(invlpga, "xor %eax, %eax; xor %ecx, %ecx; invlpga %rax, %ecx",      \
	  VEC_UD, NO_FAULT)                                                   \
	X(skinit, "xor %eax, %eax; skinit %eax", VEC_UD, NO_FAULT)            \
	X(vmxon, "vmxon -8(%rsp)", VEC_UD, NO_FAULT)                          \
	X(vmxoff, "vmxoff", VEC_UD, NO_FAULT)                                 \
	X(vmclear, "vmclear -8(%rsp)", VEC_UD, NO_FAULT)                      \
	X(vmptrld, "vmptrld -8(%rsp)", VEC_UD, NO_FAULT)                      \
	X(vmptrst, "vmptrst -8(%rsp)", VEC_UD, NO_FAULT)                      \
	X(vmread, "mov $0x4402, %ecx; vmread %rcx, %rax", VEC_UD, NO_FAULT)   \
	X(vmwrite, "mov $0x4402, %ecx; vmwrite %rax, %rcx", VEC_UD, NO_FAULT) \
	X(vmlaunch, "vmlaunch", VEC_UD, NO_FAULT)                             \
	X(vmresume, "vmresume", VEC_UD, NO_FAULT)                             \
	X(vmfunc, "xor %eax, %eax; vmfunc", VEC_UD, NO_FAULT)                 \
	X(invept, "xor %eax, %eax; invept -16(%rsp), %rax", VEC_UD, NO_FAULT) \
	X(invvpid, "xor %eax, %eax; invvpid -16(%rsp), %rax", VEC_UD, NO_FAULT)

#define X(name, text, ...) CODE(do_##name, text)
CASES(X)
#undef X

#define X(name, text, ...) { #name, do_##name, __VA_ARGS__ },
static const struct insn_case cases[] = { CASES(X) };
#undef X

/* With CR4.OSXSAVE set. */
#define XCASES(X)                                                  \
	X(xsetbv_x87, XSETBV(0, 1, 0), OK, NO_FAULT)               \
	X(xsetbv_sse, XSETBV(0, 3, 0), OK, NO_FAULT)               \
	X(xsetbv_0, XSETBV(0, 0, 0), VEC_GP, NO_FAULT)             \
	X(xsetbv_no_x87, XSETBV(0, 2, 0), VEC_GP, NO_FAULT)        \
	X(xsetbv_avx_no_sse, XSETBV(0, 5, 0), VEC_GP, QEMU_CR)     \
	X(xsetbv_high, XSETBV(0, 1, 0x80000000), VEC_GP, NO_FAULT) \
	X(xsetbv_xcr1, XSETBV(1, 1, 0), VEC_GP, NO_FAULT)          \
	X(xsetbv_xcr_high, XSETBV(0x80000000, 1, 0), VEC_GP, NO_FAULT)

#define X(name, text, ...) CODE(do_##name, text)
XCASES(X)
#undef X
#define X(name, text, ...) { #name, do_##name, __VA_ARGS__ },
static const struct insn_case xcases[] = { XCASES(X) };
#undef X

/* With CR4.OSFXSR and the like out of the way: what ends at CPL 3. */
#define UCASES(X)                                                 \
	X(cpuid, "xor %eax, %eax; cpuid; int3", VEC_GP, NO_FAULT) \
	X(rdtsc, "rdtsc; int3", VEC_GP, NO_FAULT)                 \
	X(pause, "pause; int3", VEC_GP, NO_FAULT)                 \
	X(rdmsr, RDMSR(0xc0000080), VEC_GP, NO_FAULT)             \
	X(wrmsr, WRMSR(0xc0000103, 0), VEC_GP, NO_FAULT)          \
	X(hlt, "hlt", VEC_GP, NO_FAULT)                           \
	X(wbinvd, "wbinvd", VEC_GP, NO_FAULT)                     \
	X(invd, "invd", VEC_GP, NO_FAULT)                         \
	X(mov_cr0, "mov %rax, %cr0", VEC_GP, NO_FAULT)            \
	X(read_cr4, "mov %cr4, %rax", VEC_GP, NO_FAULT)           \
	X(clts, "clts", VEC_GP, NO_FAULT)                         \
	X(lmsw, "lmsw %ax", VEC_GP, NO_FAULT)                     \
	X(invlpg, "invlpg (%rax)", VEC_GP, NO_FAULT)              \
	X(mov_dr7, "mov %rax, %dr7", VEC_GP, NO_FAULT)            \
	X(in, "in $0x80, %al", VEC_GP, NO_FAULT)                  \
	X(vmcall, "mov $-1, %rax; vmcall", VEC_UD, NO_FAULT)      \
	X(vmmcall, "mov $-1, %rax; vmmcall", VEC_UD, NO_FAULT)    \
	X(vmxoff, "vmxoff", VEC_UD, NO_FAULT)                     \
	X(vmrun, "vmrun %rax", VEC_UD, CPL_FIRST)                 \
	X(stgi, "stgi", VEC_UD, CPL_FIRST)

#define X(name, text, ...) CODE(user_##name, text)
UCASES(X)
#undef X
#define X(name, text, ...) { #name, user_##name, __VA_ARGS__ },
static const struct insn_case ucases[] = { UCASES(X) };
#undef X

static void call(void *c)
{
	void (*code)(void) = ((const struct insn_case *)c)->code;

	__asm__ volatile("call *%0"
			 : "+r"(code)
			 :
			 : "rax", "rbx", "rcx", "rdx", "memory", "cc");
}

static u32 wrong_rf;

/* A fault's frame has RF set, for the IRET that tries again; a trap's has not
 * (SDM 3B, "Resume Flag"). */
static void look_at_rf(const char *name)
{
	const struct fault *f = last_fault();
	bool trap = f->vector == VEC_BP || f->vector == VEC_OF;

	if (f->vector == OK || f->vector == VEC_DB)
		return;
	if (!(f->rflags & RFLAGS_RF) != trap && !wrong_rf++)
		print("info: %s: vector %d, rflags %lx\n", name, f->vector,
		      f->rflags);
}

static void run_case(const struct insn_case *c, const char *prefix)
{
	u64 cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();
	u64 pat = rdmsr(MSR_PAT), lstar = rdmsr(MSR_LSTAR), apic;
	u64 efer = rdmsr(MSR_EFER), mtrr = rdmsr(MSR_MTRR_DEF_TYPE);
	bool user = *prefix == 'u';
	char name[48];
	int v;

	apic = rdmsr(MSR_APIC_BASE);
	snprintf(name, sizeof(name), "%s%s", prefix, c->name);
	if ((c->emu & EMU_DIES && emulator_bare()) ||
	    (c->emu & EMU_ENDS && c->emu & emulator() &&
	     cpu_vendor_is("AuthenticAMD"))) {
		check_known(false, name, c->emu, c->fault, "not tried");
		return;
	}
	v = user ? try_user(c->code) : try(call, (void *)c);
	check_known(v == c->vector, name, c->emu, c->fault ? c->fault : "",
		    "vector %d, want %d", v, c->vector);
	look_at_rf(name);
	if (v == OK && c->vector != OK) { /* the emulator let it through */
		write_cr0(cr0);
		write_cr3(cr3);
		write_cr4(cr4);
		write_cr8(0);
		wrmsr(MSR_EFER, efer);
		wrmsr(MSR_PAT, pat);
		wrmsr(MSR_LSTAR, lstar);
		wrmsr(MSR_FS_BASE, 0);
		wrmsr(MSR_APIC_BASE, apic);
		wrmsr(MSR_MTRR_DEF_TYPE, mtrr);
	}
}

static void test_xsetbv(void)
{
	if (!(cpuid_reg(1, 0, ECX) & BIT(26))) {
		skip("xsetbv", "no XSAVE in CPUID");
		return;
	}
	check(!(cpuid_reg(1, 0, ECX) & BIT(27)), "cpuid-osxsave-off", "set");
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXSAVE);
	check(cpuid_reg(1, 0, ECX) & BIT(27), "cpuid-osxsave-on", "clear");
	for (u32 i = 0; i < ARRAY_SIZE(xcases); i++)
		run_case(&xcases[i], "");
	if (xsetbv_safe(0, 1))
		check(false, "xcr0-1", "fault");
	check_eq(cpuid_reg(0xd, 0, EBX), 576, "cpuid-xsave-size-x87");
	if (cpuid_reg(0xd, 0, EAX) & 4) {
		check_eq(xsetbv_safe(0, 7), 0, "xsetbv-avx");
		check_eq(cpuid_reg(0xd, 0, EBX), 832, "cpuid-xsave-size-avx");
		check_eq(xsetbv_safe(0, 1), 0, "xsetbv-back");
	}
	write_cr4(read_cr4() & ~CR4_OSXSAVE);
}

static void test_cpuid(void)
{
	u64 a = 0xffffffff00000001, b = ~0ull, c = 0xffffffff00000000,
	    d = ~0ull;
	u32 r[4], max;
	char sig[13];

	__asm__ volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
	check(!((a | b | c | d) >> 32), "cpuid-clears-high-halves",
	      "%lx %lx %lx %lx", a, b, c, d);
	check(cpu_vendor_is("GenuineIntel") || cpu_vendor_is("AuthenticAMD"),
	      "cpuid-vendor", "unknown");
	check_eq(cpuid_reg(1, 0, EBX) >> 24, apic_read(APIC_ID) >> 24,
		 "cpuid-apic-id");
	max = cpuid_reg(0x80000000, 0, EAX);
	check(max >= 0x80000008 && max < 0x80000100, "cpuid-max-extended", "%x",
	      max);
	cpuid(0x40000000, 0, r);
	memcpy(sig, &r[EBX], 12);
	sig[12] = 0;
	if (cpu_hypervisor()) {
		print("info: hypervisor '%s' max leaf %x\n", sig, r[EAX]);
		check(r[EAX] >= 0x40000000 && r[EAX] < 0x40010000,
		      "cpuid-hypervisor-leaf", "%x", r[EAX]);
	}
	cpuid(0x3fffffff, 0, r);
	print("info: cpuid 3fffffff: %x %x %x %x\n", r[0], r[1], r[2], r[3]);
	if (cpu_vendor_is("AuthenticAMD"))
		check_known(!(r[0] | r[1] | r[2] | r[3]), "cpuid-beyond",
			    EMU_ANY, "answers the last leaf on AMD, too", "%x",
			    r[0]);
}

/* CR0 bits that may be owned by L0 act and read back. */
static void touch_ro(void *p)
{
	*(volatile u8 *)p = 1;
}

static void use_fpu(void *unused)
{
	__asm__ volatile("fnop");
}

static void test_cr0(void)
{
	extern u64 pds[];
	u64 cr0 = read_cr0(), *pde = &pds[MiB(2 * 300) >> 21];
	void *p = (void *)MiB(2 * 300);

	write_cr0(cr0 | CR0_CD);
	check_eq(read_cr0(), cr0 | CR0_CD, "cr0-cd");
	write_cr0(cr0 | CR0_CD | CR0_NW);
	check_eq(read_cr0(), cr0 | CR0_CD | CR0_NW, "cr0-cd-nw");
	write_cr0(cr0);
	check_eq(read_cr0(), cr0, "cr0-cached");
	write_cr0(cr0 & ~CR0_ET);
	check_eq(read_cr0(), cr0, "cr0-et-stays");
	__asm__ volatile("mov %0, %%r11; mov %%r11, %%cr0"
			 :
			 : "r"(cr0 & ~CR0_NE)
			 : "r11");
	check_eq(read_cr0(), cr0 & ~CR0_NE, "cr0-ne-off");
	write_cr0(cr0 | CR0_TS);
	check_eq((u64)try(use_fpu, NULL), VEC_NM, "cr0-ts-acts");
	__asm__ volatile("clts");
	check_eq((u64)try(use_fpu, NULL), ~0ull, "clts-acts");
	__asm__ volatile("lmsw %w0" : : "r"((cr0 | CR0_TS) & 0xfffe));
	check_eq(read_cr0(), cr0 | CR0_TS, "lmsw-sets-ts-keeps-pe");
	write_cr0(cr0);
	/* an address that need not exist: the fault comes before the access */
	*pde &= ~2ull;
	write_cr3(read_cr3());
	check_eq((u64)try(touch_ro, p), VEC_PF, "cr0-wp-acts");
	check_eq(last_fault()->error, PF_P | PF_W, "cr0-wp-error-code");
	write_cr0(cr0 & ~CR0_WP);
	check_eq((u64)try(touch_ro, p), ~0ull, "cr0-wp-off-acts");
	write_cr0(cr0);
	*pde |= 2;
	write_cr3(read_cr3());
}

static void test_cr4(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 | CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_MCE);
	check_eq(read_cr4(),
		 cr4 | CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_MCE,
		 "cr4-several");
	check_eq((u64)try_user(user_rdtsc), VEC_GP, "cr4-tsd-acts");
	check_eq(last_fault()->rip, (u64)user_rdtsc, "cr4-tsd-rip");
	write_cr4(cr4);
	check_eq(read_cr4(), cr4, "cr4-back");
	try_user(user_rdtsc);
	check_eq(last_fault()->rip, (u64)user_rdtsc + 2, "cr4-tsd-off-acts");
	write_cr8(7);
	check_eq(apic_read(APIC_TPR), 0x70, "cr8-is-tpr");
	apic_write(APIC_TPR, 0x30);
	check_eq(read_cr8(), 3, "tpr-is-cr8");
	write_cr8(0);
}

static void test_msrs(void)
{
	static const u32 kept[] = { MSR_STAR,	      MSR_LSTAR,
				    MSR_CSTAR,	      MSR_KERNEL_GS_BASE,
				    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
				    MSR_FS_BASE };
	char name[24];
	u64 t, v;
	u32 aux;

	for (u32 i = 0; i < ARRAY_SIZE(kept); i++) {
		u64 old = rdmsr(kept[i]);

		wrmsr(kept[i], 0x7ffe12345678ull);
		snprintf(name, sizeof(name), "msr-%x-kept", kept[i]);
		check_eq(rdmsr(kept[i]), 0x7ffe12345678ull, name);
		wrmsr(kept[i], old);
	}
	t = rdtsc();
	v = rdmsr(MSR_TSC);
	check_known(v >= t && v - t < 1000000000ull, "msr-tsc-is-tsc", EMU_QEMU,
		    "RDMSR of the TSC reads 0", "%lx, %lx", t, v);
	if (cpuid_reg(0x80000001, 0, EDX) & BIT(27)) {
		wrmsr(MSR_TSC_AUX, 0x1234);
		__asm__ volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
		check_eq(aux, 0x1234, "rdtscp-aux");
	}
	/* on a bare machine INVD loses what other code has in the caches */
	if (emulator() || cpu_hypervisor()) {
		*(volatile u64 *)MiB(8) = 0x1dea;
		__asm__ volatile("invd");
		check_eq(*(volatile u64 *)MiB(8), 0x1dea, "invd-keeps-memory");
	}
}

/* Registers in which L0 and L1 are one: what would take from L0 what it needs
 * is refused. */
static void test_l0_msrs(void)
{
	u64 base = rdmsr(MSR_APIC_BASE), misc, far;

	if (!on_abyme())
		return;
	far = BIT((cpuid_reg(0x80000008, 0, EAX) & 0xff) - 1);
	check_eq(wrmsr_safe(MSR_APIC_BASE, (base & 0xfff) | far), VEC_GP + 1,
		 "apic-out-of-reach");
	check_eq(rdmsr(MSR_APIC_BASE), base, "apic-stays");
	check_eq(apic_read(APIC_ID) >> 24, cpuid_reg(1, 0, EBX) >> 24,
		 "apic-answers");
	if (!cpu_vendor_is("GenuineIntel"))
		return;
	misc = rdmsr(MSR_MISC_ENABLE);
	check_eq(wrmsr_safe(MSR_MISC_ENABLE, misc | BIT(34)), VEC_GP + 1,
		 "nx-stays");
	check_eq(wrmsr_safe(MSR_MISC_ENABLE, misc), 0, "misc-enable-same");
}

void main(void)
{
	test_cpuid();
	test_msrs();
	test_l0_msrs();
	test_cr0();
	test_cr4();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i], "");
	test_xsetbv();
	for (u32 i = 0; i < ARRAY_SIZE(ucases); i++) {
		run_case(&ucases[i], "user_");
		if (i < 3) /* went past the instruction, to INT3 */
			check(last_fault()->rip > (u64)ucases[i].code + 1,
			      "user-went-on", "%lx", last_fault()->rip);
	}
	check_known(!wrong_rf, "rf-in-frames", EMU_QEMU, "TCG leaves RF alone",
		    "%u wrong", wrong_rf);
}
