/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/points.h"

volatile u32 watched[1024] __aligned(4096), own;
volatile u64 l2_dr0, l2_dr6, l2_dr7;

static volatile u32 int3s, hits, uds;

static bool on_int3(struct regs *r)
{
	int3s++;
	return true;
}

static bool on_db(struct regs *r)
{
	l2_dr6 = read_dr6();
	write_dr6(0xffff0ff0);
	hits++;
	return true;
}

static bool on_ud(struct regs *r)
{
	uds++;
	r->rip += 2;
	return true;
}

void points_init(void)
{
	set_hook(VEC_BP, on_int3);
	set_hook(VEC_DB, on_db);
	set_hook(VEC_UD, on_ud);
}

void points_check(void)
{
	check_eq(int3s, 1, "l2-int3");
	check_eq(hits, 1, "l2-watchpoint");
	check_eq(l2_dr6 & 0x600f, 1, "l2-dr6");
	check_eq(l2_dr0, (u64)&own, "l2-dr0");
	check_eq(l2_dr7, 0xd0401, "l2-dr7");
	check_eq(watched[5], 15, "l2-memory");
}

void __noinline exited(void)
{
	__asm__ volatile("" : : : "memory");
}

/* --- an L2 in real mode ------------------------------------------------------- */
extern const char real_int3s[], real_steps[], real_hits[];

static u16 in_copy(const char *label)
{
	u64 at = POINTS_REAL + (u64)(label - real_points);

	__asm__("" : "+r"(at)); /* not a constant: no warning of page 0 */
	return *(volatile u16 *)at;
}

void points_real_check(void)
{
	check_eq(in_copy(real_int3s), 1, "l2-real-int3");
	check_eq(in_copy(real_steps), 1, "l2-real-step");
	check_eq(in_copy(real_hits), 1, "l2-real-watchpoint");
}

/* --- code that is read and written ---------------------------------------------- */
#define MOV_EAX 0xb8
#define MOV_ECX 0xb9
#define CODE_RUNS 4

/* A page of its own: MOV r32, imm32; RET. */
__asm__(".text; .balign 4096\n"
	".globl code_own\n"
	"code_own: mov $1, %eax; ret\n"
	".balign 4096\n");
extern u8 code_own[];

static struct {
	u8 before[CODE_RUNS], after[CODE_RUNS];
	u32 eax[CODE_RUNS], ecx[CODE_RUNS];
} code_seen;

static void code_run(u32 i)
{
	u32 a = 0, c = 0;

	code_seen.before[i] = *(volatile u8 *)code_own;
	__asm__ volatile("call code_own" : "+a"(a), "+c"(c) : : "memory");
	code_seen.after[i] = *(volatile u8 *)code_own;
	code_seen.eax[i] = a;
	code_seen.ecx[i] = c;
}

void points_code_run(void)
{
	volatile u8 *code = code_own;

	code_run(0);
	code[1] = 2; /* beside the breakpoint */
	code_run(1);
	code[0] = MOV_ECX; /* the breakpoint's very byte */
	code_run(2);
	/* a read and a write at a time, and one of several bytes */
	__asm__ volatile("lock xorb %1, (%0)"
			 :
			 : "r"(code), "q"((u8)(MOV_EAX ^ MOV_ECX))
			 : "memory");
	*(volatile u32 *)code = 4 << 8 | MOV_EAX;
	code_run(3);
	code[1] = 1;
}

void points_code_check(const char *level)
{
	static const u32 eax[] = { 1, 2, 0, 4 }, ecx[] = { 0, 0, 2, 0 };
	char name[40];

	for (u32 i = 0; i < CODE_RUNS; i++) {
		u8 want = ecx[i] ? MOV_ECX : MOV_EAX;

		snprintf(name, sizeof(name), "%s-code-%u-read", level, i);
		check(code_seen.before[i] == want && code_seen.after[i] == want,
		      name, "%x, then %x", code_seen.before[i],
		      code_seen.after[i]);
		snprintf(name, sizeof(name), "%s-code-%u-runs", level, i);
		check(code_seen.eax[i] == eax[i] && code_seen.ecx[i] == ecx[i],
		      name, "%u %u", code_seen.eax[i], code_seen.ecx[i]);
	}
}

void points_code(const char *level)
{
	points_code_run();
	points_code_check(level);
}

/* --- the I/O APIC ------------------------------------------------------------------ */
#define IOAPIC 0xfec00000ull
#define IOREGSEL 0x00
#define IOWIN 0x10
#define RTE(pin) (0x10 + 2 * (pin))
#define RTE_MODE 0x700u
#define RTE_NMI 0x400u
#define COM2_PIN 3
#define FREE_PIN 20
#define RTE_TRIED 0x10050u /* masked, vector 50h */

static struct {
	u32 before, com2, free, high, select;
} ioapic;

static u32 io_read(u32 reg)
{
	*(volatile u32 *)(IOAPIC + IOREGSEL) = reg;
	return *(volatile u32 *)(IOAPIC + IOWIN);
}

static void io_write(u32 reg, u32 val)
{
	*(volatile u32 *)(IOAPIC + IOREGSEL) = reg;
	*(volatile u32 *)(IOAPIC + IOWIN) = val;
}

void points_ioapic_run(void)
{
	ioapic.before = io_read(RTE(COM2_PIN));
	io_write(RTE(COM2_PIN), RTE_TRIED);
	ioapic.com2 = io_read(RTE(COM2_PIN));
	io_write(RTE(COM2_PIN), ioapic.before);
	io_write(RTE(FREE_PIN), RTE_TRIED + 1);
	ioapic.free = io_read(RTE(FREE_PIN));
	io_write(RTE(FREE_PIN) + 1, 0x01000000);
	ioapic.high = io_read(RTE(FREE_PIN) + 1);
	ioapic.select = *(volatile u32 *)(IOAPIC + IOREGSEL);
	/* a constant, and by other registers and forms of address */
	__asm__ volatile("movl %2, (%0); movl $0x10052, 0x10(%0,%1,4)"
			 :
			 : "r"(IOAPIC), "r"(0ull), "r"((u32)RTE(FREE_PIN))
			 : "memory");
	if (io_read(RTE(FREE_PIN)) != RTE_TRIED + 2)
		ioapic.free = 0;
}

void points_ioapic_check(const char *level)
{
	bool stub = (ioapic.before & RTE_MODE) == RTE_NMI;
	char name[40];

	snprintf(name, sizeof(name), "%s-ioapic-com2", level);
	check_eq(ioapic.com2, stub ? ioapic.before : RTE_TRIED, name);
	snprintf(name, sizeof(name), "%s-ioapic-entry", level);
	check_eq(ioapic.free, RTE_TRIED + 1, name);
	snprintf(name, sizeof(name), "%s-ioapic-high", level);
	check_eq(ioapic.high, 0x01000000, name);
	snprintf(name, sizeof(name), "%s-ioapic-select", level);
	check_eq(ioapic.select, RTE(FREE_PIN) + 1, name);
	print("info: %s: COM2's input is %s\n", level,
	      stub ? "an NMI" : "L1's");
}
