/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every intercept: set, it gives its exit code at the instruction, with the
 * information the APM says; clear, the instruction does its work and L2 comes
 * to the VMMCALL behind it. (Exceptions: svm-exceptions; task switches:
 * svm-code32.) No emulator here has RDPRU, INVLPGB, TLBSYNC, INVPCID, MCOMMIT,
 * bus-lock, idle-HLT and write-trap exits, or FERR_FREEZE.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu name=no-npt hv=svm.features=-npt,-nrip timeout=40 */
#include "tests/guests/lib/svm.h"

#define ANY (~0ull)   /* EXITINFO1 is not looked at */
#define ALWAYS BIT(0) /* not to be run without the intercept */
#define NO_RIP BIT(1) /* where RIP stands differs */

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
#define TABLE "sub $32, %rsp; "
#define STRING                                                  \
	"mov $0x80, %edx; lea -64(%rsp), %rsi; mov %rsi, %rdi;" \
	"mov $2, %ecx"
#define DE_ON "mov %cr4, %rax; or $8, %rax; mov %rax, %cr4; mov $0x400, %eax"
#define UD (0x40 + VEC_UD)
#define BOCHS_CR8 EMU_BOCHS, "LOCK MOV CR0 is not CR8"

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
	X(cr8_read_lock, "", ".byte 0xf0; mov %cr0, %rax", 4, 0x08, 0x08, ANY, \
	  0, BOCHS_CR8)                                                        \
	X(cr8_write_lock, "xor %eax, %eax", ".byte 0xf0; mov %rax, %cr0", 4,   \
	  0x18, 0x18, ANY, 0, BOCHS_CR8)                                       \
	X(clts, "", "clts", 2, 0x10, 0x10, ANY, 0, NONE)                       \
	X(dr4_read, "", "mov %dr4, %rax", 3, 0x24, 0x24, ANY, 0, NONE)         \
	X(dr5_read, "", "mov %dr5, %rax", 3, 0x25, 0x25, ANY, 0, NONE)         \
	X(dr4_write, "mov $0xffff0ff0, %eax", "mov %rax, %dr4", 3, 0x34, 0x34, \
	  ANY, 0, NONE)                                                        \
	X(dr5_write, "mov $0x400, %eax", "mov %rax, %dr5", 3, 0x35, 0x35, ANY, \
	  0, NONE)                                                             \
	X(dr4_de, DE_ON, "mov %dr4, %rax", 3, 0x24, UD, ANY, ALWAYS,           \
	  TCG("the intercept comes before #UD"))                               \
	X(dr5_de, DE_ON, "mov %rax, %dr5", 3, 0x35, UD, ANY, ALWAYS,           \
	  TCG("the intercept comes before #UD"))                               \
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
	X(in_imm_w, "", "in $0x80, %ax", 3, ICPT_IOIO, 0x7b, 0x800221, ALWAYS, \
	  TCG_IO)                                                              \
	X(out_imm_l, "", "out %eax, $0x80", 2, ICPT_IOIO, 0x7b, 0x800240,      \
	  ALWAYS, TCG_IO)                                                      \
	X(in_a32, STRING, "addr32 in %dx, %al", 2, ICPT_IOIO, 0x7b, 0x800111,  \
	  ALWAYS, TCG_IO)                                                      \
	X(outsb, STRING, "outsb", 1, ICPT_IOIO, 0x7b, 0x800e14, ALWAYS,        \
	  TCG_IO)                                                              \
	X(outsw, STRING, "outsw", 2, ICPT_IOIO, 0x7b, 0x800e24, ALWAYS,        \
	  TCG_IO)                                                              \
	X(outsl, STRING, "outsl", 1, ICPT_IOIO, 0x7b, 0x800e44, ALWAYS,        \
	  TCG_IO)                                                              \
	X(outsl_fs, STRING, "fs outsl", 2, ICPT_IOIO, 0x7b, 0x801244, ALWAYS,  \
	  TCG_IO)                                                              \
	X(outsl_a32, STRING, "addr32 outsl", 2, ICPT_IOIO, 0x7b, 0x800d44,     \
	  ALWAYS, TCG_IO)                                                      \
	X(rep_outsw, STRING, "rep outsw", 3, ICPT_IOIO, 0x7b, 0x800e2c,        \
	  ALWAYS, TCG_IO)                                                      \
	X(insb, STRING, "insb", 1, ICPT_IOIO, 0x7b, 0x800215, ALWAYS, TCG_IO)  \
	X(insw, STRING, "insw", 2, ICPT_IOIO, 0x7b, 0x800225, ALWAYS, TCG_IO)  \
	X(insl, STRING, "insl", 1, ICPT_IOIO, 0x7b, 0x800245, ALWAYS, TCG_IO)  \
	X(insl_a32, STRING, "addr32 insl", 2, ICPT_IOIO, 0x7b, 0x800145,       \
	  ALWAYS, TCG_IO)                                                      \
	X(rep_insb, STRING, "rep insb", 2, ICPT_IOIO, 0x7b, 0x80021d, ALWAYS,  \
	  TCG_IO)                                                              \
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
	X(wbnoinvd, "", ".byte 0xf3; wbinvd", 3, ICPT_WBINVD, 0x89, ANY, 0,    \
	  NONE)                                                                \
	X(wbinvd, "", "wbinvd", 2, ICPT_WBINVD, 0x89, ANY, 0, NONE)            \
	X(monitor, "mov %rsp, %rax; xor %ecx, %ecx; xor %edx, %edx",           \
	  "monitor", 3, ICPT_MONITOR, 0x8a, ANY, ALWAYS, NONE)                 \
	X(mwait, "xor %eax, %eax; xor %ecx, %ecx", "mwait", 3, ICPT_MWAIT,     \
	  0x8b, ANY, ALWAYS, NONE)                                             \
	X(monitorx, "mov %rsp, %rax; xor %ecx, %ecx; xor %edx, %edx",          \
	  ".byte 0x0f, 0x01, 0xfa", 3, ICPT_MONITOR, 0x8a, ANY, ALWAYS,        \
	  TCG("no MONITORX"))                                                  \
	X(mwaitx, "xor %eax, %eax; xor %ecx, %ecx", ".byte 0x0f, 0x01, 0xfb",  \
	  3, ICPT_MWAIT, 0x8b, ANY, ALWAYS, TCG("no MWAITX"))                  \
	X(mwait_armed,                                                         \
	  "mov %rsp, %rax; xor %ecx, %ecx; xor %edx, %edx; monitor;"           \
	  "xor %eax, %eax",                                                    \
	  "mwait", 3, ICPT_MWAIT_ARMED, 0x8c, ANY, ALWAYS,                     \
	  EMU_QEMU | EMU_ENDS, "the conditional intercept is not there")       \
	X(xsetbv, "xor %ecx, %ecx; mov $1, %eax; xor %edx, %edx", "xsetbv", 3, \
	  ICPT_XSETBV, 0x8d, ANY, ALWAYS, EMU_ANY,                             \
	  "no XSETBV intercept, or CR4.OSXSAVE is checked first")

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
	/* IOIO's segment is there with decode assists only */
	u64 seg = svm_has(SVM_DECODE) ? 0 : BITS(12, 10);
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
		check_known(((info1 ^ c->info1) & ~seg) == 0, name, c->emu,
			    c->fault, "got %lx, want %lx", info1, c->info1);
	snprintf(name, sizeof(name), "%s-info2", c->name);
	if (code == VMEXIT_IOIO)
		check_eq(vmcb_exitinfo2(l2.vmcb), rip + c->len, name);
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
	if (c->exitcode < NR_ICPT_WORDS * 32) /* an exception comes first */
		l2_intercept(&l2, (u32)c->exitcode, true);
	check_exit(c, l2_run(&l2));
	if (c->flags & ALWAYS)
		return;
	prepare(c);
	l2_intercept(&l2, c->intercept, false);
	code = l2_run(&l2);
	snprintf(name, sizeof(name), "%s-free", c->name);
	check_eq(code, VMEXIT_VMMCALL, name);
}

/* --- CR0: what selects ------------------------------------------------------ */
#define FLIP(bits) "mov %cr0, %rax; xor $" #bits ", %rax; "
#define SEL_ONLY 1
#define BOTH 2
/* name, setup, instruction, intercepts, exit code; VMMCALL's: none */
#define SELS(X)                                                             \
	X(sel_same, FLIP(0), "mov %rax, %cr0", SEL_ONLY, 0x81, NONE)        \
	X(sel_ts, FLIP(8), "mov %rax, %cr0", SEL_ONLY, 0x81, NONE)          \
	X(sel_mp, FLIP(2), "mov %rax, %cr0", SEL_ONLY, 0x81, NONE)          \
	X(sel_ts_mp, FLIP(10), "mov %rax, %cr0", SEL_ONLY, 0x81, NONE)      \
	X(sel_em, FLIP(4), "mov %rax, %cr0", SEL_ONLY, 0x65, NONE)          \
	X(sel_ne, FLIP(0x20), "mov %rax, %cr0", SEL_ONLY, 0x65, NONE)       \
	X(sel_wp, FLIP(0x10000), "mov %rax, %cr0", SEL_ONLY, 0x65, NONE)    \
	X(sel_am_ts, FLIP(0x40008), "mov %rax, %cr0", SEL_ONLY, 0x65, NONE) \
	X(sel_cd, FLIP(0x40000000), "mov %rax, %cr0", SEL_ONLY, 0x65, NONE) \
	X(sel_clts, "", "clts", SEL_ONLY, 0x81, NONE)                       \
	X(sel_lmsw, FLIP(0), "lmsw %ax", SEL_ONLY, 0x65, LMSW_FAULT)        \
	X(sel_lmsw_ts, FLIP(8), "lmsw %ax", SEL_ONLY, 0x65, LMSW_FAULT)     \
	X(sel_lmsw_em, FLIP(4), "lmsw %ax", SEL_ONLY, 0x65, LMSW_FAULT)     \
	X(sel_both, FLIP(0x40000), "mov %rax, %cr0", BOTH, 0x10, NONE)      \
	X(sel_both_ts, FLIP(8), "mov %rax, %cr0", BOTH, 0x10, NONE)         \
	X(sel_both_lmsw, FLIP(4), "lmsw %ax", BOTH, 0x10, NONE)             \
	X(sel_both_clts, "", "clts", BOTH, 0x10, NONE)
/* APM 2, Instruction Intercepts: to LMSW the selective one is any write's */
#define LMSW_FAULT EMU_ANY, "LMSW is judged by what it changes, or not at all"

#define X(name, setup, insn, ...)                                             \
	PAYLOAD(do_##name, setup "; .globl at_" #name "; at_" #name ": " insn \
				 "; vmmcall")                                 \
	extern const char at_##name[];
SELS(X)
#undef X

#define X(name, setup, insn, icpts, code, ...) \
	{ #name, do_##name, at_##name, icpts, code, __VA_ARGS__ },
static const struct sel_case {
	const char *name;
	void (*code)(void);
	const char *at;
	u32 icpts;
	u64 exitcode;
	enum emulator emu;
	const char *fault;
} sels[] = { SELS(X) };
#undef X

static void test_selective(void)
{
	char name[40];

	for (u32 i = 0; i < ARRAY_SIZE(sels); i++) {
		const struct sel_case *c = &sels[i];
		u64 code;

		l2_init(&l2, c->code);
		l2_intercept(&l2, ICPT_CR0_SEL_WRITE, true);
		l2_intercept(&l2, ICPT_CR0_WRITE, c->icpts == BOTH);
		code = l2_run(&l2);
		if (!check_known(code == c->exitcode, c->name, c->emu, c->fault,
				 "got %lx, want %lx", code, c->exitcode))
			continue;
		snprintf(name, sizeof(name), "%s-rip", c->name);
		if (code != VMEXIT_VMMCALL)
			check_eq(vmcb_rip(l2.vmcb), (u64)c->at, name);
	}
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

/* An SMI of L2's own: intercepted it waits for GIF, else SMM has it and L2 goes
 * on. Nothing is left of either. */
#define ICR_SMI 0x200u

static __attribute__((used)) void send_smi(void)
{
	icr_send(cpu_index(), ICR_SMI | ICR_ASSERT);
}

PAYLOAD(do_smi, "call send_smi; nop; nop; mov $2, %ebx; vmmcall")

static void test_smi(void)
{
	apic_enable();
	l2_init(&l2, do_smi);
	l2_intercept(&l2, ICPT_SMI, true);
	check_eq(l2_run(&l2), VMEXIT_SMI, "smi-code");
	check_eq(l2.gprs.rbx, 0, "smi-at-once");
	check_eq(vmcb_exitintinfo(l2.vmcb) & EVINJ_V, 0, "smi-intinfo");
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "smi-gone");
	check_eq(l2.gprs.rbx, 2, "smi-gone-end");
	l2_init(&l2, do_smi);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "smi-free");
	check_eq(l2.gprs.rbx, 2, "smi-free-end");
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
	svm_on();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	test_selective();
	test_shutdown();
	test_smi();
	test_iopm();
	test_msrpm();
}
