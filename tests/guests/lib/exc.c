/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IDT and TSS of each CPU, exceptions that a test may catch. */
#include "tests/guests/lib/guest.h"

struct tss64 {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap;
} __packed;

struct percpu {
	u64 try_rsp;
	struct fault fault;
	struct tss64 tss;
};

extern char exc_stubs[];
extern u64 gdt[];
extern const struct desc_ptr gdt_ptr;
extern u64 ex_table_start[], ex_table_end[];
int try_call(void (*fn)(void *), void *arg, u64 *save);
void try_unwind(u64 rsp, int vector) __noreturn;
void exception(struct regs *r);
void cpu_setup(u32 index);
void guest_start(void) __noreturn;

u64 idt[512] __aligned(16);
static vector_hook_t hooks[256];
static struct percpu percpu[MAX_CPUS];

u32 cpu_index(void)
{
	u16 tr;

	__asm__ volatile("str %0" : "=r"(tr));
	return (u32)(tr - SEL_TSS0) / 16 % MAX_CPUS;
}

void set_hook(u8 vector, vector_hook_t hook)
{
	__atomic_store_n(&hooks[vector], hook, __ATOMIC_SEQ_CST);
}

int try(void (*fn)(void *), void *arg)
{
	struct percpu *p = &percpu[cpu_index()];

	p->fault.vector = -1;
	return try_call(fn, arg, &p->try_rsp);
}

/* RSP0 lies below all that this call's frames use. */
static void user_enter(void *fn)
{
	static u8 kernel_stack[MAX_CPUS][4096] __aligned(16);
	static u8 user_stack[MAX_CPUS][4096] __aligned(16);
	u32 cpu = cpu_index();

	percpu[cpu].tss.rsp[0] = (u64)kernel_stack[cpu + 1];
	__asm__ volatile("pushq %0; pushq %1; pushq $2; pushq %2; pushq %3\n\t"
			 "iretq"
			 :
			 : "r"((u64)SEL_USER_DATA | 3),
			   "r"((u64)user_stack[cpu + 1]),
			   "r"((u64)SEL_USER64 | 3), "r"(fn)
			 : "memory");
	__builtin_unreachable();
}

int try_user(void (*fn)(void))
{
	u16 ss = SEL_DATA;
	int vector = try(user_enter, (void *)(u64)fn);

	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss"
			 :
			 : "r"(ss));
	return vector;
}

const struct fault *last_fault(void)
{
	return &percpu[cpu_index()].fault;
}

/* The accessors of core/insns.h that answer with the vector + 1. */
static bool fixup(struct regs *r)
{
	for (u64 *e = ex_table_start; e < ex_table_end; e += 2) {
		if (e[0] != r->rip)
			continue;
		r->rip = e[1];
		r->rax = r->vector + 1;
		return true;
	}
	return false;
}

void exception(struct regs *r)
{
	struct percpu *p = &percpu[cpu_index()];
	vector_hook_t hook;

	hook = __atomic_load_n(&hooks[r->vector], __ATOMIC_SEQ_CST);
	if ((hook && hook(r)) || fixup(r))
		return;
	if (p->try_rsp && r->vector < 32) {
		p->fault = (struct fault){
			.vector = (int)r->vector,
			.error = r->error,
			.rip = r->rip,
			.cr2 = read_cr2(),
			.rflags = r->rflags,
			.dr6 = r->vector == VEC_DB ? read_dr6() : 0,
		};
		try_unwind(p->try_rsp, (int)r->vector);
	}
	die("unexpected-exception",
	    "vector %lu error %lx rip %lx rsp %lx rflags %lx cr2 %lx cpu %u",
	    r->vector, r->error, r->rip, r->rsp, r->rflags, read_cr2(),
	    cpu_index());
}

static void set_gate(u32 n, u64 handler)
{
	idt[2 * n] = (handler & 0xffff) | (u64)SEL_CODE64 << 16 |
		     0x8e00ull << 32 | (handler >> 16 & 0xffff) << 48;
	idt[2 * n + 1] = handler >> 32;
}

/* GDT (loaded), TSS descriptor, IDT on the CPU that calls. */
void cpu_setup(u32 index)
{
	struct desc_ptr idtr = { sizeof(idt) - 1, (u64)idt };
	u64 base = (u64)&percpu[index].tss;
	u64 *d = &gdt[(SEL_TSS0 + 16 * index) / 8];

	percpu[index].try_rsp = 0;
	percpu[index].tss.iomap = sizeof(struct tss64);
	d[0] = (sizeof(struct tss64) - 1) | (base & 0xffffff) << 16 |
	       0x89ull << 40 | (base >> 24 & 0xff) << 56;
	d[1] = base >> 32;
	lgdt(&gdt_ptr);
	lidt(&idtr);
	ltr((u16)(SEL_TSS0 + 16 * index));
}

void guest_start(void)
{
	for (u32 i = 0; i < 256; i++)
		set_gate(i, (u64)exc_stubs + 16 * i);
	/* the PICs stay silent: all lines masked */
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	cpu_setup(cpuid_reg(1, 0, EBX) >> 24);
	boot_parse();
	main();
	done();
}
