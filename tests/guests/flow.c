/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a hypervisor has to leave as it is when it steps over an instruction:
 * single steps, breakpoints, the interrupt shadow, HLT, instructions that lie
 * across two pages; and 32-bit task switches, by JMP, CALL, IRET and a gate.
 */
/* boot: emus=qemu,bochs,bochs-svm bare timeout=40 */
#include "tests/guests/lib/modes.h"

#define VEC_IPI 0x51
#define STEPS_MAX 32

static u64 steps[STEPS_MAX];
static u64 step_dr6;
static u32 nsteps, taken;
static u64 taken_rip;

/* --- single steps ------------------------------------------------------------ */
static bool on_db(struct regs *r)
{
	if (nsteps < STEPS_MAX)
		steps[nsteps] = r->rip;
	nsteps++;
	step_dr6 = read_dr6();
	write_dr6(0xffff0ff0);
	r->rflags |= RFLAGS_RF;
	return true;
}

extern const char st0[], st1[], st2[], st3[], st4[], st5[], st6[], st7[], st8[],
	bp_cpuid[], bp_after[];

static void __attribute__((naked)) stepped(void)
{
	__asm__ volatile("push %rbx; pushf; orl $0x100, (%rsp); popf;"
			 "nop; st0: xor %eax, %eax; st1: cpuid; st2: nop;"
			 "mov $0x1b, %ecx; st3: rdmsr; st4: wrmsr;"
			 "st5: mov %cr0, %rax; mov %rax, %cr0; st6: wbinvd;"
			 "st7: pushf; andl $~0x100, (%rsp); popf; st8: nop;"
			 "pop %rbx; ret");
}

static bool stepped_at(const char *label)
{
	for (u32 i = 0; i < nsteps && i < STEPS_MAX; i++)
		if (steps[i] == (u64)label)
			return true;
	return false;
}

static void test_steps(void)
{
	static const char *const labels[] = { st0, st1, st2, st3,
					      st4, st5, st6, st7 };
	char name[24];

	set_hook(VEC_DB, on_db);
	stepped();
	for (u32 i = 0; i < ARRAY_SIZE(labels); i++) {
		snprintf(name, sizeof(name), "step-before-st%u", i);
		check(stepped_at(labels[i]), name, "no #DB at %lx, %u in all",
		      (u64)labels[i], nsteps);
	}
	check(nsteps == 13 || nsteps == 14, "steps-in-all", "%u", nsteps);
	check(step_dr6 & BIT(14), "step-dr6", "%lx", step_dr6);
}

/* --- breakpoints --------------------------------------------------------------- */
static void __attribute__((naked)) broken(void)
{
	__asm__ volatile("push %rbx; xor %eax, %eax; bp_cpuid: cpuid;"
			 "bp_after: nop; pop %rbx; ret");
}

static void test_breakpoints(void)
{
	nsteps = 0;
	write_dr0((u64)bp_cpuid);
	write_dr1((u64)bp_after);
	write_dr7(0x40a);
	broken();
	write_dr7(0x400);
	check(nsteps == 2 && steps[0] == (u64)bp_cpuid &&
		      steps[1] == (u64)bp_after,
	      "breakpoints-at-and-after-cpuid", "%u, %lx %lx", nsteps, steps[0],
	      steps[1]);
	check_eq(read_dr0(), (u64)bp_cpuid, "dr0-kept");
	check_eq(step_dr6 & 0xf, 2, "breakpoint-dr6");
}

/* --- the interrupt shadow ------------------------------------------------------ */
extern const char sh_cpuid[], sh_after[], hlt_after[];

static bool on_ipi(struct regs *r)
{
	taken++;
	taken_rip = r->rip;
	apic_eoi();
	return true;
}

static void __attribute__((naked)) shadowed(void)
{
	__asm__ volatile("push %rbx; xor %eax, %eax; sti; sh_cpuid: cpuid;"
			 "sh_after: nop; cli; pop %rbx; ret");
}

static void __attribute__((naked)) halted(void)
{
	__asm__ volatile("sti; hlt; hlt_after: nop; cli; ret");
}

static void test_shadow(void)
{
	set_hook(VEC_IPI, on_ipi);
	taken = 0;
	icr_send(0, VEC_IPI | ICR_ASSERT | ICR_SELF);
	shadowed();
	check(taken == 1 && taken_rip == (u64)sh_after,
	      "interrupt-after-sti-cpuid", "%u at %lx, want %lx", taken,
	      taken_rip, (u64)sh_after);
	taken = 0;
	icr_send(0, VEC_IPI | ICR_ASSERT | ICR_SELF);
	halted();
	check(taken == 1 && taken_rip == (u64)hlt_after, "interrupt-ends-hlt",
	      "%u at %lx", taken, taken_rip);
	taken = 0;
	apic_write(APIC_TIMER_DIV, 0xb);
	apic_write(APIC_LVT_TIMER, VEC_IPI);
	apic_write(APIC_TIMER_INIT, 3000000);
	halted();
	check(taken == 1 && taken_rip == (u64)hlt_after, "timer-ends-hlt",
	      "%u at %lx", taken, taken_rip);
	check_eq(apic_read(APIC_TIMER_NOW), 0, "timer-is-over");
}

/* --- across two pages that are not next to each other --------------------------- */
static void test_straddle(void)
{
	static const struct {
		const char *name;
		u8 bytes[6], len, before;
	} rows[] = {
		{ "cpuid-1-1", { 0x0f, 0xa2, 0xc3 }, 3, 1 },
		{ "cpuid-prefix-1-2", { 0x2e, 0x0f, 0xa2, 0xc3 }, 4, 1 },
		{ "cpuid-prefix-2-1", { 0x2e, 0x0f, 0xa2, 0xc3 }, 4, 2 },
		{ "cpuid-at-the-end", { 0x0f, 0xa2, 0xc3 }, 3, 2 },
		{ "wbinvd-1-1", { 0x0f, 0x09, 0xc3 }, 3, 1 },
		{ "rdmsr-1-1", { 0x0f, 0x32, 0xc3 }, 3, 1 },
	};
	extern u64 pdpt[];
	u64 *pd = page_alloc(1), *pt = page_alloc(1), va = GiB(20) + 0x1000;
	u8 *first = page_alloc(3), *second = first + 2 * PAGE_SIZE;
	u64 a, b, c, d;

	pdpt[20] = (u64)pd | 7;
	pd[0] = (u64)pt | 7;
	pt[0] = (u64)first | 7;
	pt[1] = (u64)second | 7;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 n = rows[i].before;

		memset(first, 0xcc, PAGE_SIZE);
		memset(second, 0xcc, PAGE_SIZE);
		memcpy(first + PAGE_SIZE - n, rows[i].bytes, n);
		memcpy(second, rows[i].bytes + n, rows[i].len - n);
		__asm__ volatile("call *%4"
				 : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
				 : "r"(va - n), "a"(0), "c"(0x1b)
				 : "memory", "cc");
		check(true, rows[i].name, "-");
		if (rows[i].bytes[rows[i].len - 2] == 0xa2)
			check_eq(b, cpuid_reg(0, 0, EBX), "straddling-cpuid");
	}
	pdpt[20] = 0;
	write_cr3(read_cr3());
}

/* --- tasks ------------------------------------------------------------------------ */
struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx,
		edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
	u16 trap, iomap;
};

#define SEL_A 0x48
#define SEL_B 0x50
#define SEL_GATE 0x58

extern u64 gdt[];
extern const char task_code[], task_b[], task_idtr[];
struct tss32 task_tss_a, task_tss_b;
u32 task_log[8];
u64 task_idt[32];
static u8 task_stack[1024] __aligned(16);

/* In 32-bit code without paging: lib/modes.S brings us there and back. */
__asm__(".text; .code32\n"
	"task_code: mov $0x48, %eax; ltr %ax; lidt task_idtr\n"
	"	lcall $0x50, $0\n" /* by CALL: B comes back by IRET */
	"	incl task_log\n"
	"	mov %cr0, %eax; mov %eax, task_log + 4; clts\n"
	"	lcall $0x58, $0\n" /* the same through a task gate */
	"	incl task_log\n"
	"	int $0x1e\n" /* and by an interrupt */
	"	incl task_log\n"
	"	ljmp $0x50, $0\n" /* by JMP: B comes back by JMP */
	"	incl task_log\n"
	"	clts\n"
	"	jmp low_back32\n"
	"task_b: incl task_log + 8\n"
	"	pushf; pop %eax; mov %eax, task_log + 12\n"
	"	movzwl task_tss_b, %eax; mov %eax, task_log + 16\n"
	"	mov %ebx, task_log + 20\n"
	"	cmpl $4, task_log + 8; je 1f\n"
	"	iretl\n"
	"	jmp task_b\n"
	"1:	ljmp $0x48, $0\n"
	"	jmp task_b\n"
	".code64; .data; .balign 8\n"
	"task_idtr: .short 255; .long task_idt\n"
	".text\n");

static u64 tss_descriptor(const struct tss32 *t)
{
	u64 base = (u64)t;

	return (sizeof(*t) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
	       (base >> 24) << 56;
}

static void test_tasks(void)
{
	const u64 gate = (u64)SEL_B << 16 | 0x85ull << 40;

	modes_init();
	memset(&task_tss_b, 0, sizeof(task_tss_b));
	task_tss_b.eip = (u32)(u64)task_b;
	task_tss_b.eflags = RFLAGS_FIXED;
	task_tss_b.ebx = 0xabe;
	task_tss_b.esp = (u32)(u64)(task_stack + sizeof(task_stack));
	task_tss_b.cs = SEL_CODE32;
	task_tss_b.es = task_tss_b.ss = task_tss_b.ds = SEL_DATA;
	task_tss_b.fs = task_tss_b.gs = SEL_DATA;
	task_tss_b.iomap = sizeof(task_tss_b);
	task_tss_a.iomap = sizeof(task_tss_a);
	gdt[SEL_A / 8] = tss_descriptor(&task_tss_a);
	gdt[SEL_B / 8] = tss_descriptor(&task_tss_b);
	gdt[SEL_GATE / 8] = gate;
	task_idt[0x1e] = gate;
	mode_run32(task_code);
	check_eq(task_log[0], 4, "tasks-came-back");
	check_eq(task_log[2], 4, "tasks-entered");
	check(task_log[1] & CR0_TS, "task-sets-ts", "%x", task_log[1]);
	check_eq(task_log[4], SEL_A, "task-link");
	check_eq(task_log[5], 0xabe, "task-register");
	check(!(task_log[3] & RFLAGS_NT), "task-jmp-no-nt", "%x", task_log[3]);
	check(!(gdt[SEL_B / 8] & BIT(41)), "task-b-not-busy", "%lx",
	      gdt[SEL_B / 8]);
	check(task_tss_a.eip != 0 && task_tss_a.cs == SEL_CODE32,
	      "task-a-saved", "%x", task_tss_a.eip);
}

void main(void)
{
	apic_enable();
	test_steps();
	test_breakpoints();
	test_shadow();
	test_straddle();
	test_tasks();
}
