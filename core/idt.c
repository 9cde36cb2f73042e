/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/idt.h"

#include "core/cpu.h"
#include "core/debug.h"
#include "core/insns.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/x86.h"

struct idt_gate {
	u16 off0, sel;
	u8 ist, attr;
	u16 off1;
	u32 off2, rsvd;
};

struct ex_entry {
	u64 fault, resume;
};

static struct idt_gate idt[256] __aligned(16);
static bool early; /* the boot CPU has no stacks for NMI, #DF, #MC yet */

extern const u8 trap_stubs[]; /* 256 stubs of TRAP_STUB_SIZE bytes */
extern const struct ex_entry ex_table_start[], ex_table_end[];

#define TRAP_STUB_SIZE 16
#define GATE_INTERRUPT 0x8e

bool (*nmi_hook)(struct cpu *cpu, struct trap_frame *f);
bool (*mce_hook)(struct cpu *cpu, struct trap_frame *f);
bool (*debug_nmi)(struct cpu *cpu);
bool (*debug_exception)(struct vcpu *v, u8 vector, u32 error, u64 addr);
bool (*debug_soft_int)(struct vcpu *v);

void trap_handler(struct trap_frame *f);

/* IST numbers; 0: the stack at hand (TR may be L1's while L0 runs on SVM). */
static u8 ist_of(u32 vector)
{
	switch (vector) {
	case VEC_NMI:
		return 1;
	case VEC_DF:
		return 2;
	case VEC_MC:
		return 3;
	default:
		return 0;
	}
}

static void fill(bool stacks)
{
	for (u32 i = 0; i < ARRAY_SIZE(idt); i++) {
		u64 a = (u64)(uintptr_t)trap_stubs + i * TRAP_STUB_SIZE;

		idt[i] = (struct idt_gate){
			.off0 = (u16)a,
			.sel = SEL_CS,
			.ist = stacks ? ist_of(i) : 0,
			.attr = GATE_INTERRUPT,
			.off1 = (u16)(a >> 16),
			.off2 = (u32)(a >> 32),
		};
	}
}

void idt_early(void)
{
	struct desc_ptr i = { sizeof(idt) - 1, idt_base() };

	early = true;
	fill(false);
	lidt(&i);
}

void idt_init(void)
{
	fill(true);
	early = false;
}

static u64 ist_top(const struct cpu *cpu, u32 n)
{
	/* The CPU struct is found from the stack pointer: an IST stack's
	 * handler must not call this_cpu(); trap_handler() gets it from the
	 * slot at the stack's top. */
	u8 *top = cpu->ist_stack + (n + 1) * IST_SIZE - 16;

	*(const struct cpu **)(uintptr_t)top = cpu;
	return (u64)(uintptr_t)top;
}

void cpu_tables_load(struct cpu *cpu)
{
	struct desc_ptr g = { sizeof(cpu->gdt) - 1, (u64)(uintptr_t)cpu->gdt };
	struct desc_ptr i = { sizeof(idt) - 1, idt_base() };
	u64 t = (u64)(uintptr_t)&cpu->tss;

	cpu->gdt[SEL_CS / 8] = 0x00af9b000000ffff;
	cpu->gdt[SEL_DS / 8] = 0x00cf93000000ffff;
	cpu->gdt[SEL_TSS / 8] = (sizeof(cpu->tss) - 1) | (t & 0xffffff) << 16 |
				0x89ull << 40 | (t >> 24 & 0xff) << 56;
	cpu->gdt[SEL_TSS / 8 + 1] = t >> 32;
	for (u32 n = 0; n < 3; n++)
		cpu->tss.ist[n] = ist_top(cpu, n);
	cpu->tss.iobase = sizeof(cpu->tss);
	lgdt(&g);
	lidt(&i);
	ltr(SEL_TSS);
	__asm__ volatile("push %0\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "mov %1, %%ss\n\t"
			 "mov %1, %%ds\n\t"
			 "mov %1, %%es\n\t"
			 :
			 : "i"(SEL_CS), "r"(SEL_DS)
			 : "rax", "memory");
}

u64 idt_base(void)
{
	return (u64)(uintptr_t)idt;
}

u16 idt_limit(void)
{
	return sizeof(idt) - 1;
}

static bool fixup(struct trap_frame *f)
{
	for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++) {
		if (e->fault == f->rip) {
			f->rip = e->resume;
			f->rax = f->vector + 1;
			return true;
		}
	}
	return false;
}

/* On the NMI, #DF and #MC stacks: the CPU's struct stands at the top. */
static struct cpu *ist_cpu(const struct trap_frame *f)
{
	return *(struct cpu **)(uintptr_t)(f + 1);
}

static void nmi(struct trap_frame *f)
{
	struct cpu *cpu = ist_cpu(f);

	cpu->nmi_count++;
	if (debug_nmi && debug_nmi(cpu)) {
		if (nmi_hook)
			nmi_hook(cpu, f);
		return;
	}
	if (!nmi_hook || !nmi_hook(cpu, f))
		cpu->nmi_pending = true;
}

void trap_handler(struct trap_frame *f)
{
	switch (f->vector) {
	case VEC_NMI:
		if (!early) /* else nobody's yet: it is dropped */
			nmi(f);
		return;
	case VEC_MC:
		if (early)
			break;
		/* The banks are L1's: it is told at its next entry. */
		if (!mce_hook || !mce_hook(ist_cpu(f), f))
			ist_cpu(f)->mce_pending = true;
		return;
	case VEC_DB:
		/*
		 * emulator fault: Bochs' SVM raises the single-step trap of an
		 * intercepted instruction in the host. L0 never steps itself.
		 */
		if (f->rflags & RFLAGS_TF)
			break;
		/*
		 * Nor has it breakpoints; but QEMU TCG's are the guest's own
		 * between the loading of DR7 and VMRUN (svm/debug.c).
		 */
		f->rflags |= RFLAGS_RF;
		return;
		break;
	default:
		break;
	}
	if (!fixup(f))
		panic_trap(f);
}
