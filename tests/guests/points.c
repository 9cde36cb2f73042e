/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the debugger's breakpoints, watchpoints and catchpoints are tried on
 * (tests/boot/cases/points.py), and what they must leave alone: breakpoints,
 * debug registers and exceptions of this guest's own.
 */
/* boot: emus=qemu,bochs,bochs-svm bare timeout=20 */
#include "tests/guests/lib/points.h"

static volatile u32 int3s, own_hits, steps;
static volatile u64 own_dr6;

/* A place to stop at. */
void __noinline probe(u32 n);
void __noinline probe(u32 n)
{
	__asm__ volatile("" : : "r"(n) : "memory");
}

static bool on_int3(struct regs *r)
{
	int3s++;
	return true;
}

static bool on_db(struct regs *r)
{
	own_dr6 = read_dr6();
	write_dr6(0xffff0ff0); /* the processor takes none back */
	if (own_dr6 & BIT(14)) {
		steps++;
		r->rflags &= ~RFLAGS_TF;
	} else {
		own_hits++;
	}
	return true;
}

/* Each a single access. */
void __noinline accesses(void);
void __noinline accesses(void)
{
	u32 sum = 0;

	watched[0] = 10;
	sum += watched[1];
	watched[2] = 12;
	sum += watched[3];
	watched[4] = 14;
	watched[5] += 15;
	watched[6] = 16;
	sum += watched[100];
	watched[101] = sum + 101;
	__asm__ volatile("push %1; movb $7, (%0); pop (%0)"
			 :
			 : "r"(&watched[7]), "r"(0x700000007ull)
			 : "memory");
}

static void page_fault(void *unused)
{
	(void)*(volatile u32 *)0x00007f0000123450;
}

static void own_registers(void)
{
	write_dr0((u64)&own);
	write_dr3((u64)&own + 0x1000);
	write_dr6(0xffff0ff0);
	write_dr7(0x400 | BIT(0) | 0xdull << 16); /* DR0: 4 bytes, writes */
}

static void own_registers_work(u32 hits)
{
	own_hits = 0;
	own = 1;
	check(own_hits == hits, "own-watchpoint", "%u hits", own_hits);
	if (hits)
		check_eq(own_dr6 & 0xf, 1, "own-dr6");
	check_eq(read_dr0(), (u64)&own, "own-dr0");
	check_eq(read_dr3(), (u64)&own + 0x1000, "own-dr3");
	check_eq(read_dr7(), 0x400 | BIT(0) | 0xdull << 16, "own-dr7");
}

static void own_exceptions(void)
{
	u8 code = *(volatile u8 *)(u64)probe;

	int3s = steps = 0;
	__asm__ volatile("int3");
	check_eq(int3s, 1, "own-int3");
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop"
			 :
			 :
			 : "memory");
	check_eq(steps, 1, "own-step");
	check_known((own_dr6 & 0x400f) == 0x4000, "own-step-dr6", EMU_QEMU,
		    "a data breakpoint's hit stays for later #DBs", "%lx",
		    own_dr6);
	check_eq(try(page_fault, NULL), VEC_PF, "own-page-fault");
	check_eq(last_fault()->cr2, 0x00007f0000123450, "own-cr2");
	check_eq(last_fault()->error, 0, "own-error");
	print("info: first byte of probe() is %x\n", code);
}

static void msrs(void)
{
	u64 old = rdmsr(MSR_LSTAR);

	wrmsr(MSR_LSTAR, 0xabcde000);
	check_eq(rdmsr(MSR_LSTAR), 0xabcde000, "own-msr");
	wrmsr(MSR_LSTAR, old);
}

void main(void)
{
	set_hook(VEC_BP, on_int3);
	set_hook(VEC_DB, on_db);
	own_registers();
	probe(1);
	accesses();
	own_registers_work(1);
	delay_us((u32)boot_option("wait", 0) * 1000);
	probe(2);
	own_exceptions();
	probe(3);
	msrs();
	probe(4);
	accesses();
	own_registers_work(1);
	write_dr7(0x400);
	probe(5);
}
