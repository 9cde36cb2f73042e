/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every intercept: set, it gives its exit code at the instruction, with the
 * information the APM says; clear, the instruction does its work and L2 comes
 * to the VMMCALL behind it.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
#include "tests/guests/lib/svm.h"

#define ANY (~0ull)   /* EXITINFO1 is not looked at */
#define ALWAYS BIT(0) /* not to be run without the intercept */
#define NO_RIP BIT(1) /* where RIP stands differs */
#define TRAP BIT(2)   /* a trap: RIP is behind the instruction */

struct exit_case {
	const char *name;
	void (*code)(void);
	const char *at; /* the instruction */
	u32 intercept;
	u64 exitcode, info1;
	u32 len, flags;
	enum emulator emu;
	const char *fault;
};

#define NONE EMU_NONE, ""
#define TCG(text) EMU_QEMU, text
#define BOCHS(text) EMU_BOCHS, text
#define TCG_IO EMU_QEMU, "IOIO without the address size"
#define ICPT_DR(n) (ICPT_DR0_READ + (n))
#define ICPT_EXC(n) (ICPT_EXC0 + (n))
#define TABLE "sub $32, %rsp; "

/* name, setup, instruction, length, intercept, exit code, info1, flags, fault */
#define CASES(X)                                                               \
	X(cr0_read, "", "mov %cr0, %rax", 3, 0x00, 0x00, ANY, 0, NONE)         \
	X(cr0_write, "mov %cr0, %rdx", "mov %rdx, %cr0", 3, 0x10, 0x10, ANY,   \
	  0, NONE)                                                             \
	X(cr3_read, "", "mov %cr3, %rcx", 3, 0x03, 0x03, ANY, 0, NONE)         \
	X(cr3_write, "mov %cr3, %rcx", "mov %rcx, %cr3", 3, 0x13, 0x13, ANY,   \
	  0, NONE)                                                             \
	X(cr4_read, "", "mov %cr4, %rbx", 3, 0x04, 0x04, ANY, 0, NONE)         \
	X(cr4_write, "mov %cr4, %rbx", "mov %rbx, %cr4", 3, 0x14, 0x14, ANY,   \
	  0, NONE)                                                             \
	X(cr8_read, "", "mov %cr8, %rax", 4, 0x08, 0x08, ANY, 0, NONE)         \
	X(cr8_write, "xor %eax, %eax", "mov %rax, %cr8", 4, 0x18, 0x18, ANY,   \
	  0, NONE)                                                             \
	X(clts, "", "clts", 2, 0x10, 0x10, ANY, 0, NONE)                       \
	X(cr0_selective, "mov %cr0, %rax; xor $0x40000, %rax",                 \
	  "mov %rax, %cr0", 3, ICPT_CR0_SEL_WRITE, 0x65, ANY, 0, NONE)         \
	X(dr0_read, "", "mov %dr0, %rax", 3, 0x20, 0x20, ANY, 0, NONE)         \
	X(dr0_write, "xor %eax, %eax", "mov %rax, %dr0", 3, 0x30, 0x30, ANY,   \
	  0, NONE)                                                             \
	X(dr6_read, "", "mov %dr6, %rax", 3, 0x26, 0x26, ANY, 0, NONE)         \
	X(dr7_write, "mov $0x400, %eax", "mov %rax, %dr7", 3, 0x37, 0x37, ANY, \
	  0, NONE)                                                             \
	X(cr2_read, "", "mov %cr2, %rax", 3, 0x02, 0x02, ANY, 0, NONE)         \
	X(cr2_write, "mov %cr2, %rax", "mov %rax, %cr2", 3, 0x12, 0x12, ANY,   \
	  0, NONE)                                                             \
	X(lmsw, "mov %cr0, %rax", "lmsw %ax", 3, 0x10, 0x10, ANY, 0, NONE)     \
	X(smsw, "", "smsw %eax", 3, 0x00, 0x00, ANY, 0, NONE)                  \
	X(dr1_read, "", "mov %dr1, %rax", 3, 0x21, 0x21, ANY, 0, NONE)         \
	X(dr2_read, "", "mov %dr2, %rcx", 3, 0x22, 0x22, ANY, 0, NONE)         \
	X(dr3_read, "", "mov %dr3, %rdx", 3, 0x23, 0x23, ANY, 0, NONE)         \
	X(dr7_read, "", "mov %dr7, %rbx", 3, 0x27, 0x27, ANY, 0, NONE)         \
	X(dr1_write, "xor %eax, %eax", "mov %rax, %dr1", 3, 0x31, 0x31, ANY,   \
	  0, NONE)                                                             \
	X(dr2_write, "xor %ecx, %ecx", "mov %rcx, %dr2", 3, 0x32, 0x32, ANY,   \
	  0, NONE)                                                             \
	X(dr3_write, "xor %r9d, %r9d", "mov %r9, %dr3", 4, 0x33, 0x33, ANY, 0, \
	  NONE)                                                                \
	X(dr6_write, "mov $0xffff0ff0, %eax", "mov %rax, %dr6", 3, 0x36, 0x36, \
	  ANY, 0, NONE)                                                        \
	X(sidt, TABLE, "sidt (%rsp)", 4, ICPT_IDTR_READ, 0x66, ANY, 0, NONE)   \
	X(sgdt, TABLE, "sgdt (%rsp)", 4, ICPT_GDTR_READ, 0x67, ANY, 0, NONE)   \
	X(sldt, "", "sldt %eax", 3, ICPT_LDTR_READ, 0x68, ANY, 0, NONE)        \
	X(str, "", "str %eax", 3, ICPT_TR_READ, 0x69, ANY, 0, NONE)            \
	X(lidt, TABLE "sidt (%rsp)", "lidt (%rsp)", 4, ICPT_IDTR_WRITE, 0x6a,  \
	  ANY, 0, NONE)                                                        \
	X(lgdt, TABLE "sgdt (%rsp)", "lgdt (%rsp)", 4, ICPT_GDTR_WRITE, 0x6b,  \
	  ANY, 0, NONE)                                                        \
	X(lldt, "xor %eax, %eax", "lldt %ax", 3, ICPT_LDTR_WRITE, 0x6c, ANY,   \
	  0, NONE)                                                             \
	X(ltr, "mov $0x80, %eax", "ltr %ax", 3, ICPT_TR_WRITE, 0x6d, ANY,      \
	  ALWAYS, NONE)                                                        \
	X(rdtsc, "", "rdtsc", 2, ICPT_RDTSC, 0x6e, ANY, 0, NONE)               \
	X(rdpmc, "xor %ecx, %ecx", "rdpmc", 2, ICPT_RDPMC, 0x6f, ANY, ALWAYS,  \
	  NONE)                                                                \
	X(pushf, "", "pushf", 1, ICPT_PUSHF, 0x70, ANY, 0, NONE)               \
	X(popf, "pushf", "popf", 1, ICPT_POPF, 0x71, ANY, 0, NONE)             \
	X(cpuid, "xor %eax, %eax", "cpuid", 2, ICPT_CPUID, 0x72, ANY, 0, NONE) \
	X(rsm, "", "rsm", 2, ICPT_RSM, 0x73, ANY, ALWAYS,                      \
	  BOCHS("RSM is not intercepted"))                                     \
	X(iret,                                                                \
	  "mov %rsp, %rax; pushq $0x10; push %rax; pushf; pushq $8;"           \
	  "lea 1f(%rip), %rax; push %rax",                                     \
	  "iretq; 1:", 2, ICPT_IRET, 0x74, ANY, 0, NONE)                       \
	X(swint, "", "int $0x30", 2, ICPT_SWINT, 0x75, ANY, ALWAYS, NONE)      \
	X(invd, "", "invd", 2, ICPT_INVD, 0x76, ANY, ALWAYS,                   \
	  TCG("INVD exits as WBINVD"))                                         \
	X(pause, "", "pause", 2, ICPT_PAUSE, 0x77, ANY, 0, NONE)               \
	X(hlt, "", "hlt", 1, ICPT_HLT, 0x78, ANY, ALWAYS, NONE)                \
	X(invlpg, "", "invlpg (%rsp)", 4, ICPT_INVLPG, 0x79, ANY, 0, NONE)     \
	X(invlpga, "xor %eax, %eax; xor %ecx, %ecx", "invlpga %rax, %ecx", 3,  \
	  ICPT_INVLPGA, 0x7a, ANY, 0, NONE)                                    \
	X(in_imm, "", "in $0x80, %al", 2, ICPT_IOIO, 0x7b, 0x800211, ALWAYS,   \
	  TCG_IO)                                                              \
	X(out_dx, "mov $0x80, %edx", "out %al, %dx", 1, ICPT_IOIO, 0x7b,       \
	  0x800210, ALWAYS, TCG_IO)                                            \
	X(outw_dx, "mov $0x80, %edx", "out %ax, %dx", 2, ICPT_IOIO, 0x7b,      \
	  0x800220, ALWAYS, TCG_IO)                                            \
	X(inl_dx, "mov $0x80, %edx", "in %dx, %eax", 1, ICPT_IOIO, 0x7b,       \
	  0x800241, ALWAYS, TCG_IO)                                            \
	X(outsb, "mov $0x80, %edx; mov %rsp, %rsi", "outsb", 1, ICPT_IOIO,     \
	  0x7b, 0x800214, ALWAYS | NO_RIP, TCG_IO)                             \
	X(rep_insb, "mov $0x80, %edx; lea -64(%rsp), %rdi; mov $2, %ecx",      \
	  "rep insb", 2, ICPT_IOIO, 0x7b, 0x80021d, ALWAYS | NO_RIP, TCG_IO)   \
	X(rdmsr, "mov $0xc0000080, %ecx", "rdmsr", 2, ICPT_MSR, 0x7c, 0,       \
	  ALWAYS, NONE)                                                        \
	X(wrmsr, "mov $0xc0000103, %ecx; xor %eax, %eax; xor %edx, %edx",      \
	  "wrmsr", 2, ICPT_MSR, 0x7c, 1, ALWAYS, NONE)                         \
	X(vmrun, "mov $0x100000, %eax", "vmrun %rax", 3, ICPT_VMRUN, 0x80,     \
	  ANY, ALWAYS, NONE)                                                   \
	X(vmmcall, "", "vmmcall", 3, ICPT_VMMCALL, 0x81, ANY, ALWAYS, NONE)    \
	X(vmload, "mov $0x100000, %eax", "vmload %rax", 3, ICPT_VMLOAD, 0x82,  \
	  ANY, ALWAYS, NONE)                                                   \
	X(vmsave, "mov $0x100000, %eax", "vmsave %rax", 3, ICPT_VMSAVE, 0x83,  \
	  ANY, ALWAYS, NONE)                                                   \
	X(stgi, "", "stgi", 3, ICPT_STGI, 0x84, ANY, ALWAYS, NONE)             \
	X(clgi, "", "clgi", 3, ICPT_CLGI, 0x85, ANY, ALWAYS, NONE)             \
	X(skinit, "xor %eax, %eax", "skinit %eax", 3, ICPT_SKINIT, 0x86, ANY,  \
	  ALWAYS, NONE)                                                        \
	X(rdtscp, "", "rdtscp", 3, ICPT_RDTSCP, 0x87, ANY, ALWAYS,             \
	  TCG("RDTSCP exits as RDTSC"))                                        \
	X(icebp, "", ".byte 0xf1", 1, ICPT_ICEBP, 0x88, ANY, ALWAYS | NO_RIP,  \
	  TCG("raises #UD"))                                                   \
	X(wbinvd, "", "wbinvd", 2, ICPT_WBINVD, 0x89, ANY, 0, NONE)            \
	X(monitor, "mov %rsp, %rax; xor %ecx, %ecx; xor %edx, %edx",           \
	  "monitor", 3, ICPT_MONITOR, 0x8a, ANY, ALWAYS, NONE)                 \
	X(mwait, "xor %eax, %eax; xor %ecx, %ecx", "mwait", 3, ICPT_MWAIT,     \
	  0x8b, ANY, ALWAYS, NONE)                                             \
	X(xsetbv, "xor %ecx, %ecx; mov $1, %eax; xor %edx, %edx", "xsetbv", 3, \
	  ICPT_XSETBV, 0x8d, ANY, ALWAYS, EMU_ANY,                             \
	  "no XSETBV intercept, or CR4.OSXSAVE is checked first")              \
	X(exc_de, "xor %ecx, %ecx", "div %ecx", 2, ICPT_EXC(0), 0x40, ANY,     \
	  ALWAYS, NONE)                                                        \
	X(exc_bp, "", "int3", 1, ICPT_EXC(3), 0x43, ANY, ALWAYS | NO_RIP,      \
	  EMU_QEMU | EMU_ENDS, "INT3 is not intercepted")                      \
	X(exc_ud, "", "ud2", 2, ICPT_EXC(6), 0x46, ANY, ALWAYS, NONE)          \
	X(exc_nm, "mov %cr0, %rax; or $8, %rax; mov %rax, %cr0", "fnop", 2,    \
	  ICPT_EXC(7), 0x47, ANY, ALWAYS, NONE)                                \
	X(exc_db, "pushf; orl $0x100, (%rsp); popf", "nop", 1, ICPT_EXC(1),    \
	  0x41, ANY, ALWAYS | NO_RIP, NONE)                                    \
	X(exc_df,                                                              \
	  "sub $16, %rsp; movq $0, (%rsp); movq $0, 8(%rsp); lidt (%rsp)",     \
	  "ud2", 2, ICPT_EXC(8), 0x48, 0, ALWAYS,                              \
	  TCG("#DF is not intercepted"))                                       \
	X(exc_mf,                                                              \
	  "clts; fninit; pushq $0x37b; fldcw (%rsp); fld1; fldz; fdivrp",      \
	  "fwait", 1, ICPT_EXC(16), 0x50, ANY, ALWAYS, NONE)                   \
	X(exc_np, "mov $0x48, %eax", "mov %eax, %gs", 2, ICPT_EXC(11), 0x4b,   \
	  0x48, ALWAYS, NONE)                                                  \
	X(exc_ss, "movabs $0x8000000000000000, %rbp", "mov (%rbp), %rax", 4,   \
	  ICPT_EXC(12), 0x4c, 0, ALWAYS, EMU_QEMU | EMU_ENDS,                  \
	  "no #SS for such an address")                                        \
	X(exc_gp, "movabs $0x8000000000000000, %rax", "mov (%rax), %eax", 2,   \
	  ICPT_EXC(13), 0x4d, 0, ALWAYS, NONE)                                 \
	X(exc_pf, "movabs $0x7f0000001234, %rax", "movb $1, (%rax)", 3,        \
	  ICPT_EXC(14), 0x4e, 2, ALWAYS, NONE)

#define X(name, setup, insn, ...)                                             \
	PAYLOAD(do_##name, setup "; .globl at_" #name "; at_" #name ": " insn \
				 "; vmmcall")                                 \
	extern const char at_##name[];
CASES(X)
#undef X

#define X(name, setup, insn, len, icpt, code, info1, flags, ...) \
	{ #name, do_##name, at_##name, icpt,	   code,         \
	  info1, len,	    flags,     __VA_ARGS__ },
static const struct exit_case cases[] = { CASES(X) };
#undef X

static struct l2 l2;

static void prepare(const struct exit_case *c)
{
	l2_init(&l2, c->code);
	/* an exception of its own ends in an exit, and a failed check */
	if (c->exitcode < VMEXIT_EXC || c->exitcode >= VMEXIT_EXC + 32)
		vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	memset(svm_iopm, 0, sizeof(svm_iopm));
	memset(svm_msrpm, 0, sizeof(svm_msrpm));
	svm_iopm[0x80 / 8] = 0xff;
	svm_msrpm[0x800 + (0x80 * 2) / 8] |= 1;	    /* EFER: read */
	svm_msrpm[0x800 + (0x103 * 2) / 8] |= 0x80; /* TSC_AUX: write */
}

static void check_exit(const struct exit_case *c, u64 code)
{
	u64 rip = vmcb_rip(l2.vmcb), info1 = vmcb_exitinfo1(l2.vmcb);
	char name[40];

	snprintf(name, sizeof(name), "%s-code", c->name);
	if (!check_known(code == c->exitcode, name, c->emu, c->fault,
			 "got %lx, want %lx, rip %lx", code, c->exitcode, rip))
		return;
	snprintf(name, sizeof(name), "%s-rip", c->name);
	if (!(c->flags & NO_RIP))
		check_eq(rip, (u64)c->at, name);
	snprintf(name, sizeof(name), "%s-info1", c->name);
	if (c->info1 != ANY)
		check_known((info1 & 0xffff03ff) == c->info1, name, c->emu,
			    c->fault, "got %lx, want %lx", info1, c->info1);
	snprintf(name, sizeof(name), "%s-nrip", c->name);
	if (svm_has(SVM_NRIPS) && (code < VMEXIT_EXC || code >= 0x65) &&
	    !(c->flags & NO_RIP))
		check_eq(vmcb_nrip(l2.vmcb), rip + c->len, name);
}

static void run(const struct exit_case *c)
{
	char name[40];
	u64 code;

	if (c->emu & EMU_ENDS && c->emu & emulator()) {
		check_known(false, c->name, c->emu, c->fault, "not tried");
		return;
	}
	prepare(c);
	l2_intercept(&l2, c->intercept, true);
	check_exit(c, l2_run(&l2));
	if (c->flags & ALWAYS)
		return;
	prepare(c);
	l2_intercept(&l2, c->intercept, false);
	code = l2_run(&l2);
	snprintf(name, sizeof(name), "%s-free", c->name);
	check_eq(code, VMEXIT_VMMCALL, name);
}

/* --- cases that are no instruction ---------------------------------------- */
PAYLOAD(do_triple, "sub $16, %rsp; movq $0, (%rsp); movq $0, 8(%rsp);"
		   "lidt (%rsp); ud2")
PAYLOAD(do_io, "in $0x60, %al; in $0x61, %al; mov $0x5f, %edx;"
	       "in %dx, %ax; vmmcall")
PAYLOAD(do_msrs, "rdmsr; vmmcall")

static void test_shutdown(void)
{
	if (emulator() == EMU_BOCHS) {
		check_known(false, "shutdown", EMU_BOCHS,
			    "a triple fault of an SVM guest ends Bochs 2.7",
			    "not tried");
		return;
	}
	l2_init(&l2, do_triple);
	check_eq(l2_run(&l2), VMEXIT_SHUTDOWN, "shutdown");
}

/* Only the ports whose bit is set; a word access that touches one. */
static void test_iopm(void)
{
	l2_init(&l2, do_io);
	memset(svm_iopm, 0, sizeof(svm_iopm));
	l2_intercept(&l2, ICPT_IOIO, true);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "iopm-clear");
	l2_init(&l2, do_io);
	l2_intercept(&l2, ICPT_IOIO, true);
	svm_iopm[0x61 / 8] = BIT(0x61 % 8);
	check_eq(l2_run(&l2), VMEXIT_IOIO, "iopm-61");
	check_eq(vmcb_rip(l2.vmcb), (u64)do_io + 2, "iopm-61-rip");
	check_eq(vmcb_exitinfo1(l2.vmcb) >> 16, 0x61, "iopm-61-port");
	check_eq(vmcb_exitinfo2(l2.vmcb), (u64)do_io + 4, "iopm-61-next");
	l2_init(&l2, do_io);
	l2_intercept(&l2, ICPT_IOIO, true);
	svm_iopm[0x61 / 8] = 0;
	svm_iopm[0x60 / 8] = BIT(0);
	l2.vmcb->rip_ += 4; /* IN AX from 5Fh */
	check_eq(l2_run(&l2), VMEXIT_IOIO, "iopm-word-touches-60");
	memset(svm_iopm, 0, sizeof(svm_iopm));
}

static void test_msrpm(void)
{
	static const struct {
		u32 msr, byte, bit;
	} rows[] = { { 0x10, 0x10 * 2 / 8, 0 },
		     { 0x174, 0x174 * 2 / 8, 0 },
		     { 0xc0000081, 0x800 + 0x81 * 2 / 8, 2 },
		     { 0xc0000100, 0x800 + 0x100 * 2 / 8, 0 },
		     { 0xc0010117, 0x1000 + 0x117 * 2 / 8, 6 } };
	char name[32];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(svm_msrpm, 0, sizeof(svm_msrpm));
		svm_msrpm[rows[i].byte] = (u8)BIT(rows[i].bit);
		l2_init(&l2, do_msrs);
		l2.gprs.rcx = rows[i].msr;
		l2_intercept(&l2, ICPT_MSR, true);
		snprintf(name, sizeof(name), "msrpm-%x", rows[i].msr);
		check_eq(l2_run(&l2), VMEXIT_MSR, name);
		if (rows[i].msr == 0xc0010117)
			continue; /* with the bit clear it is L1's own */
		svm_msrpm[rows[i].byte] = 0;
		l2_init(&l2, do_msrs);
		l2.gprs.rcx = rows[i].msr;
		l2_intercept(&l2, ICPT_MSR, true);
		snprintf(name, sizeof(name), "msrpm-%x-clear", rows[i].msr);
		check_eq(l2_run(&l2), VMEXIT_VMMCALL, name);
	}
	/* no bit for it in the map: always */
	memset(svm_msrpm, 0, sizeof(svm_msrpm));
	l2_init(&l2, do_msrs);
	l2.gprs.rcx = 0x40000000;
	l2_intercept(&l2, ICPT_MSR, true);
	check_eq(l2_run(&l2), VMEXIT_MSR, "msrpm-outside");
}

void main(void)
{
	extern u64 gdt[];

	svm_on();
	gdt[SEL_FREE / 8] = 0x00cf13000000ffff; /* not present */
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	test_shutdown();
	test_iopm();
	test_msrpm();
}
