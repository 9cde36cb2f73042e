/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardware task switches: by CALL, JMP, IRET and task gates, with and without
 * an error code, to 32- and 16-bit TSSs. (SDM 3A, "Task Management")
 */
/* QEMU is left out: its TCG has no debug trap of the T flag. */
/* boot: emus=bochs,bochs-svm bare */
#include "tests/guests/lib/modes.h"

#define SEL_T0 0x48 /* the task that runs the test */
#define SEL_CALLED 0x50
#define SEL_GATE 0x58 /* INT 0x40 */
#define SEL_GP 0x60   /* #GP */
#define SEL_T16 0x68
#define SEL_TRAP 0x70 /* its T flag is set */
#define SEL_DB 0x78   /* #DB */

#define VEC_GATE 0x40

struct tss {
	u32 link, stacks[6], cr3, eip, eflags, gpr[8];
	u32 seg[6], ldt;
	u16 trap, iomap;
};

struct tss16 {
	u16 link, stacks[6], ip, flags, gpr[8], seg[4], ldt;
};

extern u64 gdt[];
extern char tasks_code[], task_called[], task_gate[], task_gp[], task_16[],
	task_db[], task_trap[], gp_next[];

struct tss t0, called, gate, gp, db, trap;
struct tss16 t16;
u64 tasks_idt[256] __aligned(16);
struct {
	u16 limit;
	u32 base;
} __packed tasks_idtr;

/* What the tasks leave behind. */
volatile u32 calls, gates, gps, traps, dbs;
volatile u32 gp_error, link_seen, cr0_seen, flags_seen, db_dr6;
volatile u32 ebx_kept, steps;

/* clang-format off */
__asm__(
	"	.code32\n"
	"	.text\n"
	"tasks_code:\n"
	"	lidt	tasks_idtr\n"
	"	mov	$0x48, %ax\n"
	"	ltr	%ax\n"
	"	mov	$0x600df00d, %ebx\n"
	"	lcall	$0x50, $0\n"
	"	incl	steps\n"
	"	lcall	$0x50, $0\n"
	"	incl	steps\n"
	"	int	$0x40\n"
	"	incl	steps\n"
	"	mov	$0xfff8, %eax\n"
	"	mov	%eax, %gs\n"
	"gp_next:\n"
	"	incl	steps\n"
	"	lcall	$0x68, $0\n"
	"	incl	steps\n"
	"	lcall	$0x70, $0\n"
	"	incl	steps\n"
	"	mov	%ebx, ebx_kept\n"
	"	jmp	low_back32\n"
	/* each goes on behind its IRET when it is entered again */
	"task_called:\n"
	"	incl	calls\n"
	"	mov	called, %eax\n"
	"	mov	%eax, link_seen\n"
	"	mov	%cr0, %eax\n"
	"	mov	%eax, cr0_seen\n"
	"	clts\n"
	"	pushf\n"
	"	pop	%eax\n"
	"	mov	%eax, flags_seen\n"
	"	mov	$0xbad, %ebx\n"
	"	iret\n"
	"	jmp	task_called\n"
	"task_gate:\n"
	"	incl	gates\n"
	"	iret\n"
	"	jmp	task_gate\n"
	"task_gp:\n"
	"	incl	gps\n"
	"	pop	%eax\n"
	"	mov	%eax, gp_error\n"
	"	movl	$gp_next, t0 + 0x20\n"
	"	iret\n"
	"	jmp	task_gp\n"
	"task_trap:\n"
	"	incl	traps\n"
	"	iret\n"
	"	jmp	task_trap\n"
	"task_db:\n"
	"	incl	dbs\n"
	"	mov	%dr6, %eax\n"
	"	mov	%eax, db_dr6\n"
	"	xor	%eax, %eax\n"
	"	mov	%eax, %dr6\n"
	"	movw	$0, trap + 0x64\n"
	"	iret\n"
	"	jmp	task_db\n"
	"	.code16\n"
	"task_16:\n"
	"	inc	%bx\n"
	"	iret\n"
	"	jmp	task_16\n"
	"	.code64\n"
);
/* clang-format on */

static u8 stacks[7][512] __aligned(16);

static u64 descriptor(const void *tss, u32 limit, u32 attr)
{
	u64 base = (u64)tss;

	return (limit & 0xffff) | (base & 0xffffff) << 16 | (u64)attr << 40 |
	       (base >> 24) << 56;
}

static void task(struct tss *t, u32 sel, const char *code, u32 stack)
{
	memset(t, 0, sizeof(*t));
	t->eip = (u32)(u64)code;
	t->eflags = 2;
	t->gpr[4] = (u32)(u64)stacks[stack + 1];
	for (u32 i = 0; i < 6; i++)
		t->seg[i] = i == 1 ? SEL_CODE32 : SEL_DATA;
	t->iomap = sizeof(*t);
	gdt[sel / 8] = descriptor(t, sizeof(*t) - 1, 0x89);
}

static void task16(void)
{
	memset(&t16, 0, sizeof(t16));
	t16.ip = (u16)(u64)task_16;
	t16.flags = 2;
	t16.gpr[3] = 0x1616;
	t16.gpr[4] = 0x7000;
	for (u32 i = 0; i < 4; i++)
		t16.seg[i] = i == 1 ? SEL_CODE16 : SEL_DATA16;
	gdt[SEL_T16 / 8] = descriptor(&t16, sizeof(t16) - 1, 0x81);
}

/* 16-bit code reaches the first 64 KiB: a copy there. */
static void low_copy16(void)
{
	u32 to = 0x7800;

	memcpy((void *)(u64)to, task_16, 64);
	t16.ip = (u16)to;
}

static u64 gate_to(u32 sel)
{
	return (u64)sel << 16 | 0x85ull << 40;
}

static void setup(void)
{
	task(&t0, SEL_T0, NULL, 0);
	task(&called, SEL_CALLED, task_called, 1);
	task(&gate, SEL_GATE, task_gate, 2);
	task(&gp, SEL_GP, task_gp, 3);
	task(&trap, SEL_TRAP, task_trap, 4);
	trap.trap = 1;
	task(&db, SEL_DB, task_db, 5);
	task16();
	low_copy16();
	tasks_idt[VEC_GATE] = gate_to(SEL_GATE);
	tasks_idt[VEC_DB] = gate_to(SEL_DB);
	tasks_idt[VEC_GP] = gate_to(SEL_GP);
	tasks_idtr.limit = sizeof(tasks_idt) - 1;
	tasks_idtr.base = (u32)(u64)tasks_idt;
}

static bool busy(u32 sel)
{
	return gdt[sel / 8] >> 41 & 1;
}

void main(void)
{
	modes_init();
	setup();
	mode_run32(tasks_code);
	check_eq(steps, 6, "steps");
	check_eq(calls, 2, "calls");
	check_eq(gates, 1, "task-gate");
	check_eq(gps, 1, "gp-task");
	check_eq(gp_error, 0xfff8, "error-code");
	check_eq(link_seen, SEL_T0, "link");
	check(cr0_seen & CR0_TS, "ts", "%x", cr0_seen);
	check(flags_seen & RFLAGS_NT, "nt", "%x", flags_seen);
	check_eq(ebx_kept, 0x600df00d, "registers");
	check_eq(traps, 1, "trap-task");
	check_eq(dbs, 1, "trap-db");
	check_eq(db_dr6 & (BIT(15) | BIT(14)), BIT(15), "trap-dr6");
	check_eq(t16.gpr[3], 0x1617, "task-16");
	check(!busy(SEL_CALLED) && !busy(SEL_GATE) && !busy(SEL_GP) &&
		      !busy(SEL_T16),
	      "not-busy", "%x", busy(SEL_CALLED));
	check_eq(called.gpr[3], 0xbad, "saved-registers");
	check(!(called.eflags & RFLAGS_NT), "saved-nt", "%x", called.eflags);
	check_eq(called.seg[1], SEL_CODE32, "saved-cs");
}
