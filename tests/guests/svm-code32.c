/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exits that only 16- and 32-bit code has, or has otherwise: INTO, BOUND, task
 * switches, INT n, PUSHF, POPF and IRET of each width, far calls, port access
 * with every address size. Each with L1's intercept, where there is one, and
 * as L2's own. L2 has a handler for each vector, in 32-bit protected and in
 * real mode: a VMMCALL, so that RIP tells which it was.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
#include "tests/guests/lib/svm.h"

#define SEL_ABSENT SEL_FREE
#define SEL_TASK (SEL_FREE + 0x08)
#define SEL_GATE (SEL_FREE + 0x10)
#define SEL_HERE (SEL_FREE + 0x18)
#define SEL_SHORT (SEL_FREE + 0x20)

#define LOW_STUBS 0xd000 /* the handlers, for real mode */
#define LOW_CALLED 0xd800
#define TASK_STUB 0xf0 /* where the other task begins */

#define NONE EMU_NONE, ""
#define TCG(text) EMU_QEMU, text
#define TCG_IO TCG("IOIO without the address size")
#define TCG_TASK TCG("no TASK_SWITCH intercept")

#define NEXT 0x100u   /* L2 goes on behind the instruction */
#define CALLED 0x101u /* it is at LOW_CALLED */
#define NO_ICPT 0u
#define ANY (~0ull)
#define EXC(v) (ICPT_EXC0 + (v))

#define TRAP BIT(0)   /* delivered with RIP behind the instruction */
#define ERROR BIT(1)  /* an error code is on the stack; it is in EXITINFO1 */
#define NRIP BIT(2)   /* nRIP is saved */
#define INFO2 BIT(3)  /* EXITINFO2 is nRIP */
#define ALWAYS BIT(4) /* not to be run without the intercept */
#define NT BIT(5)     /* a nested task: IRET is a task switch */
#define TASKS BIT(6)  /* #UD and #GP have task gates */
#define NO_V86 BIT(7) /* not of virtual-8086 mode */
#define IOPL0 BIT(8)  /* virtual-8086 mode without IOPL 3 */

struct row {
	const char *name;
	void (*code)(void);
	const char *at, *next;
	u32 icpt;
	u64 info1;
	u32 to; /* a vector, NEXT, CALLED */
	u32 flags;
	enum emulator emu;
	const char *fault;
};

#define OVERFLOW32 "mov $0x7fffffff, %eax; add $1, %eax"
#define OVERFLOW16 "mov $0x7fff, %ax; add $1, %ax"
#define PORT "mov $0x80, %edx"
#define PORT16 "mov $0x80, %dx; mov $0x6000, %di; mov %di, %si"
#define STRING PORT "; mov $0x6000, %edi; mov %edi, %esi; mov $1, %ecx"
#define STR32(x) 0x800104 | (x)
#define STR16(x) 0x800084 | (x)
#define SEG_DS (3 << 10)
#define SEG_FS (4 << 10)
#define IO (NRIP | INFO2 | ALWAYS)

/* name, setup, instruction, intercept, EXITINFO1, where it leads to, flags */
#define ROWS32(X)                                                              \
	X(into, OVERFLOW32, "into", EXC(VEC_OF), ANY, VEC_OF, TRAP | NRIP,     \
	  TCG("INTO is not intercepted"))                                      \
	X(into_not, "xor %eax, %eax", "into", EXC(VEC_OF), ANY, NEXT, 0, NONE) \
	X(bound, "mov $5, %eax", "bound %eax, bounds32", EXC(VEC_BR), ANY,     \
	  VEC_BR, 0, NONE)                                                     \
	X(int3, "", "int3", EXC(VEC_BP), ANY, VEC_BP, TRAP | NRIP,             \
	  TCG("INT3 is not intercepted"))                                      \
	X(ud, "", "ud2", EXC(VEC_UD), ANY, VEC_UD, 0, NONE)                    \
	X(ss, "mov $0x48, %eax", "mov %eax, %ss", EXC(VEC_SS), SEL_ABSENT,     \
	  VEC_SS, ERROR, NONE)                                                 \
	X(np, "mov $0x48, %eax", "mov %eax, %gs", EXC(VEC_NP), SEL_ABSENT,     \
	  VEC_NP, ERROR, NONE)                                                 \
	X(gp, "mov $0xfff8, %eax", "mov %eax, %gs", EXC(VEC_GP), 0xfff8,       \
	  VEC_GP, ERROR, NONE)                                                 \
	X(ts, "", "ljmp $0x68, $0", EXC(VEC_TS), SEL_SHORT, VEC_TS, ERROR,     \
	  NONE)                                                                \
	X(int_n, "", "int $0x31", ICPT_SWINT, ANY, 0x31, TRAP | NRIP, NONE)    \
	X(pushf, "", "pushf", ICPT_PUSHF, ANY, NEXT, NRIP, NONE)               \
	X(pushfw, "", "pushfw", ICPT_PUSHF, ANY, NEXT, NRIP, NONE)             \
	X(popf, "pushf", "popf", ICPT_POPF, ANY, NEXT, NRIP, NONE)             \
	X(popfw, "pushfw", "popfw", ICPT_POPF, ANY, NEXT, NRIP, NONE)          \
	X(iret, "pushf; push %cs; push $next_iret", "iret", ICPT_IRET, ANY,    \
	  NEXT, NRIP, NONE)                                                    \
	X(lcall, "", "lcall $0x18, $next_lcall", NO_ICPT, ANY, NEXT, 0, NONE)  \
	X(in, PORT, "in %dx, %al", ICPT_IOIO, 0x800111, NEXT, IO, TCG_IO)      \
	X(in_a16, PORT, "addr16 in %dx, %al", ICPT_IOIO, 0x800091, NEXT, IO,   \
	  TCG_IO)                                                              \
	X(out_w, PORT, "out %ax, %dx", ICPT_IOIO, 0x800120, NEXT, IO, TCG_IO)  \
	X(out_imm_a16, "", "addr16 out %eax, $0x80", ICPT_IOIO, 0x8000c0,      \
	  NEXT, IO, TCG_IO)                                                    \
	X(insb, STRING, "insb", ICPT_IOIO, STR32(0x11), NEXT, IO, TCG_IO)      \
	X(insl_a16, STRING, "addr16 insl", ICPT_IOIO, STR16(0x41), NEXT, IO,   \
	  TCG_IO)                                                              \
	X(outsb, STRING, "outsb", ICPT_IOIO, STR32(0x10) | SEG_DS, NEXT, IO,   \
	  TCG_IO)                                                              \
	X(outsl_fs, STRING, "fs outsl", ICPT_IOIO, STR32(0x40) | SEG_FS, NEXT, \
	  IO, TCG_IO)                                                          \
	X(rep_outsw_a16, STRING, "addr16 rep outsw", ICPT_IOIO,                \
	  STR16(0x28) | SEG_DS, NEXT, IO, TCG_IO)

#define ROWS16(X)                                                              \
	X(into16, OVERFLOW16, "into", EXC(VEC_OF), ANY, VEC_OF, TRAP | NRIP,   \
	  TCG("INTO is not intercepted"))                                      \
	X(bound16, "mov $5, %ax; movl $0x10000, 0x6000", "bound %ax, 0x6000",  \
	  EXC(VEC_BR), ANY, VEC_BR, 0, NONE)                                   \
	X(int3_16, "", "int3", EXC(VEC_BP), ANY, VEC_BP, TRAP | NRIP,          \
	  TCG("INT3 is not intercepted"))                                      \
	X(hlt16, "", "hlt", ICPT_HLT, ANY, NEXT, NRIP | ALWAYS | NO_V86, NONE) \
	X(cli16, "", "cli; sti", NO_ICPT, ANY, NEXT, 0, NONE)                  \
	X(cpuid16, "", "cpuid", ICPT_CPUID, ANY, NEXT, NRIP, NONE)             \
	X(cpuid16_es, "", "es cpuid", ICPT_CPUID, ANY, NEXT, NRIP, NONE)       \
	X(rdtsc16, "", "rdtsc", ICPT_RDTSC, ANY, NEXT, NRIP, NONE)             \
	X(pause16, "", "pause", ICPT_PAUSE, ANY, NEXT, NRIP, NONE)             \
	X(gp16, "", "mov 0xffff, %ax", EXC(VEC_GP), ANY, VEC_GP, NO_V86,       \
	  TCG("no limit checks"))                                              \
	X(int_n16, "", "int $0x31", ICPT_SWINT, ANY, 0x31, TRAP | NRIP, NONE)  \
	X(pushf16, "", "pushf", ICPT_PUSHF, ANY, NEXT, NRIP, NONE)             \
	X(pushfl16, "", "pushfl", ICPT_PUSHF, ANY, NEXT, NRIP, NONE)           \
	X(popf16, "pushf", "popf", ICPT_POPF, ANY, NEXT, NRIP, NONE)           \
	X(popfl16, "pushfl", "popfl", ICPT_POPF, ANY, NEXT, NRIP, NONE)        \
	X(iret16, "pushf; push $0xd80; push $0", "iret", ICPT_IRET, ANY,       \
	  CALLED, NRIP, NONE)                                                  \
	X(iretl16, "pushfl; pushl $0xd80; pushl $0", "iretl", ICPT_IRET, ANY,  \
	  CALLED, NRIP, NONE)                                                  \
	X(lcall16, "", "lcall $0xd80, $0", NO_ICPT, ANY, CALLED, 0, NONE)      \
	X(lcalll16, "", "lcalll $0xd80, $0", NO_ICPT, ANY, CALLED, 0, NONE)    \
	X(in16, PORT16, "in %dx, %al", ICPT_IOIO, 0x800091, NEXT, IO, TCG_IO)  \
	X(in16_a32, PORT16, "addr32 in %dx, %eax", ICPT_IOIO, 0x800141, NEXT,  \
	  IO, TCG_IO)                                                          \
	X(insw16, PORT16, "insw", ICPT_IOIO, STR16(0x21), NEXT, IO, TCG_IO)    \
	X(outsb16_a32, PORT16, "addr32 outsb", ICPT_IOIO,                      \
	  STR32(0x10) | SEG_DS, NEXT, IO, TCG_IO)

/* virtual-8086 mode alone: what is the monitor's */
#define ROWSV86(X)                                                             \
	X(hlt_v86, "", "hlt", EXC(VEC_GP), 0, VEC_GP, ERROR, NONE)             \
	X(cr0_v86, "", "mov %cr0, %eax", EXC(VEC_GP), 0, VEC_GP, ERROR, NONE)  \
	X(rdmsr_v86, "", "rdmsr", EXC(VEC_GP), 0, VEC_GP, ERROR, NONE)         \
	X(out_v86, "mov $0x300, %dx", "out %al, %dx", EXC(VEC_GP), 0, VEC_GP,  \
	  ERROR, NONE)                                                         \
	X(lldt_v86, "", "lldt %ax", EXC(VEC_UD), ANY, VEC_UD, 0, NONE)         \
	X(cli_v86, "", "cli", EXC(VEC_GP), 0, VEC_GP, ERROR | IOPL0, NONE)     \
	X(int_v86, "", "int $0x31", EXC(VEC_GP), 0, VEC_GP, ERROR | IOPL0,     \
	  NONE)                                                                \
	X(pushf_v86, "", "pushf", EXC(VEC_GP), 0, VEC_GP, ERROR | IOPL0, NONE) \
	X(popf_v86, "", "popf", EXC(VEC_GP), 0, VEC_GP, ERROR | IOPL0, NONE)   \
	X(iret_v86, "", "iret", EXC(VEC_GP), 0, VEC_GP, ERROR | IOPL0, NONE)   \
	X(int3_v86, "", "int3", EXC(VEC_BP), ANY, VEC_BP, TRAP | NRIP | IOPL0, \
	  TCG("INT3 is not intercepted"))

#define LABELS(name, setup, insn)                          \
	setup "; .globl at_" #name "; at_" #name ": " insn \
	      "; .globl next_" #name "; next_" #name ": vmmcall; .code64"
#define X32(name, setup, insn, ...)                               \
	PAYLOAD(do_##name, ".code32; " LABELS(name, setup, insn)) \
	extern const char at_##name[], next_##name[];
#define X16(name, setup, insn, ...)                               \
	PAYLOAD(do_##name, ".code16; " LABELS(name, setup, insn)) \
	extern const char at_##name[], next_##name[];
#define ROW(name, setup, insn, ...) \
	{ #name, do_##name, at_##name, next_##name, __VA_ARGS__ },

u32 bounds32[2] = { 0, 1 };
ROWS32(X32)
ROWS16(X16)
ROWSV86(X16)
static const struct row rows32[] = { ROWS32(ROW) };
static const struct row rows16[] = { ROWS16(ROW) };
static const struct row rowsv86[] = { ROWSV86(ROW) };

struct tss {
	u32 link, stacks[6], cr3, eip, eflags, gpr[8], seg[6], ldt;
	u16 trap, iomap;
	u8 ports[0x84 / 8]; /* these are virtual-8086 mode's */
};

enum mode { PROTECTED, REAL, V86 };

extern u64 gdt[];
extern const char stubs[];
__asm__(".text; .balign 16; stubs: .rept 256; vmmcall; nop; .endr");

static struct l2 l2;
static u64 idt32[256];
static u32 ivt[256];
static struct tss here, task;
static u32 task_stack[64], stack0[64];

/* --- L2 ---------------------------------------------------------------------- */
static u64 descriptor(const void *tss, u32 limit, u64 type)
{
	u64 base = (u64)tss;

	return limit | (base & 0xffffff) << 16 | type << 40 |
	       (base >> 24) << 56;
}

static u64 task_gate(void)
{
	return (u64)SEL_TASK << 16 | 0x85ull << 40;
}

static void tables(void)
{
	for (u32 i = 0; i < 256; i++) {
		u64 at = (u64)stubs + 4 * i;

		idt32[i] = (at & 0xffff) | SEL_CODE32 << 16 | 0xeeull << 40 |
			   (at >> 16) << 48;
		ivt[i] = LOW_STUBS + 4 * i;
	}
	idt32[0x32] = task_gate();
	memcpy((void *)LOW_STUBS, stubs, 4 * 256);
	memcpy((void *)LOW_CALLED, stubs, 4);
	gdt[SEL_ABSENT / 8] = 0x00cf13000000ffff;
	gdt[SEL_GATE / 8] = task_gate();
	gdt[SEL_SHORT / 8] = descriptor(&task, 0x20, 0x89);
}

/* Two tasks: the one that runs, and another at a handler of its own. */
static void tasks(u32 flags)
{
	memset(&here, 0, sizeof(here));
	memset(&task, 0, sizeof(task));
	here.link = SEL_TASK;
	here.stacks[0] = (u32)(u64)&stack0[64];
	here.stacks[1] = SEL_DATA;
	here.iomap = offsetof(struct tss, ports);
	task.eip = (u32)(u64)stubs + 4 * TASK_STUB;
	task.eflags = 2;
	task.gpr[4] = (u32)(u64)&task_stack[64];
	for (u32 i = 0; i < 6; i++)
		task.seg[i] = i == 1 ? SEL_CODE32 : SEL_DATA;
	task.iomap = sizeof(task);
	gdt[SEL_HERE / 8] = descriptor(&here, sizeof(here) - 1, 0x8b);
	gdt[SEL_TASK / 8] =
		descriptor(&task, sizeof(task) - 1, flags & NT ? 0x8b : 0x89);
	for (u32 v = VEC_UD; v <= VEC_GP; v += VEC_GP - VEC_UD) {
		u64 at = (u64)stubs + 4 * v;

		idt32[v] = flags & TASKS
				   ? task_gate()
				   : (at & 0xffff) | SEL_CODE32 << 16 |
					     0xeeull << 40 | (at >> 16) << 48;
	}
}

static void prepare_real(const struct row *r)
{
	struct vmcb_seg s;

	l2_init_real(&l2, NULL, 0, 0);
	s = *vmcb_cs(l2.vmcb);
	s.base = (u64)r->code;
	vmcb_set_cs(l2.vmcb, &s);
	s = *vmcb_idtr(l2.vmcb);
	s.base = (u64)ivt;
	vmcb_set_idtr(l2.vmcb, &s);
}

/* Over what protected mode has. */
static void set_v86(const struct row *r)
{
	struct vmcb_seg s = { .attr = 0xf3, .limit = 0xffff };

	vmcb_set_ss(l2.vmcb, &s);
	vmcb_set_ds(l2.vmcb, &s);
	vmcb_set_es(l2.vmcb, &s);
	vmcb_set_fs(l2.vmcb, &s);
	vmcb_set_gs(l2.vmcb, &s);
	s.base = (u64)r->code;
	vmcb_set_cs(l2.vmcb, &s);
	vmcb_set_cpl(l2.vmcb, 3);
	vmcb_set_rip(l2.vmcb, 0);
	vmcb_set_rsp(l2.vmcb, LOW_STACK);
	vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_VM |
					 (r->flags & IOPL0 ? 0 : RFLAGS_IOPL));
}

static void prepare(const struct row *r, enum mode mode)
{
	struct vmcb_seg s = { 0 };

	tasks(r->flags);
	memset(svm_iopm, 0, sizeof(svm_iopm));
	svm_iopm[0x80 / 8] = 0xff;
	if (mode == REAL) {
		prepare_real(r);
		return;
	}
	l2_init_pm32(&l2, (void *)(u64)r->code);
	s.base = (u64)idt32;
	s.limit = sizeof(idt32) - 1;
	vmcb_set_idtr(l2.vmcb, &s);
	/* emulator fault: a busy 32-bit TSS from which it takes a stack ends
	 * QEMU ("invalid tss type") */
	s = (struct vmcb_seg){ .sel = SEL_HERE,
			       .attr = mode == V86 && emulator() == EMU_QEMU
					       ? 0x89
					       : 0x8b,
			       .limit = sizeof(here) - 1,
			       .base = (u64)&here };
	vmcb_set_tr(l2.vmcb, &s);
	if (r->flags & NT)
		vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_NT);
	if (mode == V86)
		set_v86(r);
}

static enum mode now; /* of the case */

static void case_name(char name[48], const struct row *r, const char *part)
{
	snprintf(name, 48, "%s%s-%s", r->name,
		 now == V86 && !contains(r->name, "v86") ? "-v86" : "", part);
}

static bool eq(const struct row *r, const char *part, u64 got, u64 want)
{
	char name[48];

	case_name(name, r, part);
	return check_eq(got, want, name);
}

/* The emulator's fault shows here, if anywhere. */
static bool known(const struct row *r, const char *part, u64 got, u64 want)
{
	char name[48];

	case_name(name, r, part);
	return check_known(got == want, name, r->emu, r->fault,
			   "got %lx, want %lx", got, want);
}

/* An address of the payload as RIP has it. */
static u64 as_rip(const struct row *r, const char *p, enum mode mode)
{
	return mode == PROTECTED ? (u64)p : (u64)p - (u64)r->code;
}

/* --- with L1's intercept ------------------------------------------------------ */
static void intercepted(const struct row *r, enum mode mode)
{
	u64 next = as_rip(r, r->next, mode), info1, seg = BITS(12, 10);

	prepare(r, mode);
	l2_intercept(&l2, r->icpt, true);
	if (r->to == NEXT && r->icpt < ICPT_SWINT && r->icpt >= ICPT_EXC0 &&
	    r->icpt < ICPT_EXC0 + 32) {
		eq(r, "no-exit", l2_run(&l2), VMEXIT_VMMCALL);
		eq(r, "end", vmcb_rip(l2.vmcb), next);
		return;
	}
	if (!known(r, "code", l2_run(&l2), r->icpt))
		return;
	eq(r, "rip", vmcb_rip(l2.vmcb), as_rip(r, r->at, mode));
	if (r->icpt == ICPT_IOIO) {
		info1 = vmcb_exitinfo1(l2.vmcb);
		/* the segment is there with decode assists only */
		if (!svm_has(SVM_DECODE))
			known(r, "info1", info1 & ~seg, r->info1 & ~seg);
		else
			known(r, "info1", info1, r->info1);
	} else if (r->info1 != ANY) {
		eq(r, "info1", vmcb_exitinfo1(l2.vmcb), r->info1);
	}
	if (r->flags & INFO2)
		eq(r, "info2", vmcb_exitinfo2(l2.vmcb), next);
	if (r->flags & NRIP && svm_has(SVM_NRIPS))
		eq(r, "nrip", vmcb_nrip(l2.vmcb), next);
	eq(r, "intinfo", vmcb_exitintinfo(l2.vmcb) & EVINJ_V, 0);
}

/* --- as L2's own --------------------------------------------------------------- */
static void delivered(const struct row *r, enum mode mode)
{
	u64 at = as_rip(r, r->flags & TRAP ? r->next : r->at, mode);
	u32 *frame = (u32 *)vmcb_rsp(l2.vmcb);

	if (mode == REAL) {
		known(r, "vector", vmcb_rip(l2.vmcb), LOW_STUBS + 4 * r->to);
		known(r, "frame", *(u16 *)frame, at);
		return;
	}
	known(r, "vector", vmcb_rip(l2.vmcb), (u64)stubs + 4 * r->to);
	if (r->flags & ERROR)
		eq(r, "error", *frame++, r->info1);
	known(r, "frame", frame[0], at);
	eq(r, "frame-cs", frame[1], mode == V86 ? 0 : SEL_CODE32);
	if (mode != V86)
		return;
	eq(r, "frame-vm", frame[2] & RFLAGS_VM, RFLAGS_VM);
	eq(r, "frame-esp", frame[3], LOW_STACK);
	eq(r, "stack", (u64)&frame[9], (u64)&stack0[64]);
	eq(r, "monitor", vmcb_rflags(l2.vmcb) & RFLAGS_VM, 0);
	eq(r, "monitor-cpl", vmcb_cpl(l2.vmcb), 0);
}

static void free_run(const struct row *r, enum mode mode)
{
	prepare(r, mode);
	if (!eq(r, "free", l2_run(&l2), VMEXIT_VMMCALL))
		return;
	if (r->to == CALLED)
		eq(r, "called", vmcb_cs(l2.vmcb)->base + vmcb_rip(l2.vmcb),
		   LOW_CALLED);
	else if (r->to == NEXT)
		eq(r, "next", vmcb_rip(l2.vmcb), as_rip(r, r->next, mode));
	else
		delivered(r, mode);
}

static void run(const struct row *r, enum mode mode)
{
	now = mode;
	if (mode == V86 && r->flags & NO_V86)
		return;
	if (r->icpt != NO_ICPT)
		intercepted(r, mode);
	if (!(r->flags & ALWAYS))
		free_run(r, mode);
}

/* --- task switches ---------------------------------------------------------------- */
#define TS_IRET BIT(36)
#define TS_JMP BIT(38)
#define TS_ERROR BIT(44)
#define TS_RF BIT(48) /* of the flags that would be saved: not looked at */
#define INT_INFO(type, v) (EVINJ_V | EVINJ_##type | (v))
#define SW ICPT_TASK_SWITCH

#define TASK_ROWS(X)                                                       \
	X(task_jmp, "", "ljmp $0x50, $0", SW, TS_JMP, 0, 0, TCG_TASK)      \
	X(task_jmp_gate, "", "ljmp $0x58, $0", SW, TS_JMP, 0, 0, TCG_TASK) \
	X(task_call, "", "lcall $0x50, $0", SW, 0, 0, 0, TCG_TASK)         \
	X(task_call_gate, "", "lcall $0x58, $0", SW, 0, 0, 0, TCG_TASK)    \
	X(task_iret, "", "iret", SW, TS_IRET, 0, NT, TCG_TASK)             \
	X(task_int, "", "int $0x32", SW, 0, 0x32, 0, TCG_TASK)             \
	X(task_ud, "", "ud2", SW, 0, VEC_UD, TASKS, TCG_TASK)              \
	X(task_gp, "mov $0xfff8, %eax", "mov %eax, %gs", SW,               \
	  TS_ERROR | 0xfff8, VEC_GP, TASKS, TCG_TASK)
TASK_ROWS(X32)
/* info1: EXITINFO2; to: the vector that is in EXITINTINFO */
static const struct row task_rows[] = { TASK_ROWS(ROW) };

static u64 task_intinfo(const struct row *r)
{
	switch (r->to) {
	case 0:
		return 0;
	case VEC_UD:
		return INT_INFO(EXC, VEC_UD);
	case VEC_GP:
		return INT_INFO(EXC, VEC_GP) | EVINJ_EV | 0xfff8ull << 32;
	}
	return INT_INFO(SOFT, r->to);
}

static void run_task(const struct row *r)
{
	char name[48];
	u64 info;

	prepare(r, PROTECTED);
	l2_intercept(&l2, ICPT_TASK_SWITCH, true);
	if (known(r, "code", l2_run(&l2), VMEXIT_TASK_SWITCH)) {
		info = vmcb_exitintinfo(l2.vmcb);
		eq(r, "rip", vmcb_rip(l2.vmcb), (u64)r->at);
		eq(r, "info1", vmcb_exitinfo1(l2.vmcb), SEL_TASK);
		eq(r, "info2", vmcb_exitinfo2(l2.vmcb) & ~TS_RF, r->info1);
		snprintf(name, sizeof(name), "%s-intinfo", r->name);
		check_known(info == task_intinfo(r), name,
			    r->to == 0x32 ? EMU_BOCHS : EMU_NONE,
			    "EXITINTINFO of an INT n is the event's before it",
			    "%lx", info);
		eq(r, "no-switch", vmcb_tr(l2.vmcb)->sel, SEL_HERE);
	}
	prepare(r, PROTECTED);
	if (!eq(r, "free", l2_run(&l2), VMEXIT_VMMCALL))
		return;
	eq(r, "task", vmcb_rip(l2.vmcb), (u64)stubs + 4 * TASK_STUB);
	eq(r, "tr", vmcb_tr(l2.vmcb)->sel, SEL_TASK);
	if (r->to == VEC_GP)
		eq(r, "error", *(u32 *)vmcb_rsp(l2.vmcb), 0xfff8);
}

static void test_v86(void)
{
	if (emulator() == EMU_BOCHS) {
		check_known(false, "v86", EMU_BOCHS,
			    "an exit from virtual-8086 mode ends Bochs 2.7",
			    "not tried");
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(rows16); i++)
		run(&rows16[i], V86);
	for (u32 i = 0; i < ARRAY_SIZE(rowsv86); i++)
		run(&rowsv86[i], V86);
	now = PROTECTED;
}

void main(void)
{
	svm_on();
	tables();
	for (u32 i = 0; i < ARRAY_SIZE(rows32); i++)
		run(&rows32[i], PROTECTED);
	for (u32 i = 0; i < ARRAY_SIZE(rows16); i++)
		run(&rows16[i], REAL);
	test_v86();
	for (u32 i = 0; i < ARRAY_SIZE(task_rows); i++)
		run_task(&task_rows[i]);
}
