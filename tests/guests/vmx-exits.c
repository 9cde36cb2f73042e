/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every exit that an instruction of L2 causes: with its control set it exits at
 * the instruction, with the exact qualification and length; clear, it does its
 * work and L2 comes to the VMCALL behind it.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/vmx.h"

#define ANY (~0ull)
#define PIN_ 1u /* which controls the bits belong to */
#define PROC_ 2u
#define PROC2_ 3u
#define EXC_ 4u
#define MASK0_ 5u /* CR0 mask; shadow is CR0 */
#define MASK4_ 6u
#define ALWAYS 8u /* exits whatever the controls say, or must not run */

struct exit_case {
	const char *name;
	void (*code)(void);
	const char *at;
	u32 group;
	u64 bits;
	u32 reason;
	u64 qual;
	u32 len;
};

#define P(bit) PROC_, PROC_##bit
#define P2(bit) PROC2_, PROC2_##bit
#define TABLE "sub $32, %rsp; "

/* name, setup, instruction, length, group, control, reason, qualification */
#define CASES(X)                                                               \
	X(cpuid, "xor %eax, %eax", "cpuid", 2, ALWAYS, 0, CPUID, 0)            \
	X(vmcall, "", "vmcall", 3, ALWAYS, 0, VMCALL, 0)                       \
	X(invd, "", "invd", 2, ALWAYS, 0, INVD, 0)                             \
	X(xsetbv,                                                              \
	  "mov %cr4, %rax; or $0x40000, %eax; mov %rax, %cr4;"                 \
	  "xor %ecx, %ecx; mov $1, %eax; xor %edx, %edx",                      \
	  "xsetbv", 3, ALWAYS, 0, XSETBV, 0)                                   \
	X(vmclear, "", "vmclear (%rsp)", 5, ALWAYS, 0, VMCLEAR, 0)             \
	X(vmptrld, "", "vmptrld 8(%rsp)", 5, ALWAYS, 0, VMPTRLD, 8)            \
	X(vmptrst, "", "vmptrst (%rsp)", 4, ALWAYS, 0, VMPTRST, 0)             \
	X(vmread, "mov $0x681e, %ecx", "vmread %rcx, %rax", 3, ALWAYS, 0,      \
	  VMREAD, ANY)                                                         \
	X(vmwrite, "mov $0x681e, %ecx", "vmwrite %rax, %rcx", 3, ALWAYS, 0,    \
	  VMWRITE, ANY)                                                        \
	X(vmlaunch, "", "vmlaunch", 3, ALWAYS, 0, VMLAUNCH, 0)                 \
	X(vmresume, "", "vmresume", 3, ALWAYS, 0, VMRESUME, 0)                 \
	X(vmxoff, "", "vmxoff", 3, ALWAYS, 0, VMXOFF, 0)                       \
	X(vmxon, "", "vmxon (%rsp)", 5, ALWAYS, 0, VMXON, 0)                   \
	X(invept, "xor %ecx, %ecx", "invept (%rsp), %rcx", 6, ALWAYS, 0,       \
	  INVEPT, 0)                                                           \
	X(invvpid, "xor %ecx, %ecx", "invvpid 16(%rsp), %rcx", 7, ALWAYS, 0,   \
	  INVVPID, 16)                                                         \
	X(hlt, "", "hlt", 1, P(HLT), HLT, 0)                                   \
	X(invlpg, "mov $0x123000, %eax", "invlpg (%rax)", 3, P(INVLPG),        \
	  INVLPG, 0x123000)                                                    \
	X(mwait, "xor %eax, %eax; xor %ecx, %ecx", "mwait", 3, P(MWAIT),       \
	  MWAIT, ANY)                                                          \
	X(monitor, "mov %rsp, %rax; xor %ecx, %ecx; xor %edx, %edx",           \
	  "monitor", 3, P(MONITOR), MONITOR, 0)                                \
	X(rdpmc, "xor %ecx, %ecx", "rdpmc", 2, P(RDPMC), RDPMC, 0)             \
	X(rdtsc, "", "rdtsc", 2, P(RDTSC), RDTSC, 0)                           \
	X(cr3_load, "mov %cr3, %rcx", "mov %rcx, %cr3", 3, P(CR3_LOAD),        \
	  CR_ACCESS, 0x103)                                                    \
	X(cr3_store, "", "mov %cr3, %r9", 4, P(CR3_STORE), CR_ACCESS, 0x913)   \
	X(cr8_load, "xor %eax, %eax", "mov %rax, %cr8", 4, P(CR8_LOAD),        \
	  CR_ACCESS, 0x008)                                                    \
	X(cr8_store, "", "mov %cr8, %rbx", 4, P(CR8_STORE), CR_ACCESS, 0x318)  \
	X(mov_dr7, "mov $0x400, %eax", "mov %rax, %dr7", 3, P(MOV_DR), MOV_DR, \
	  0x007)                                                               \
	X(dr0_read, "", "mov %dr0, %rcx", 3, P(MOV_DR), MOV_DR, 0x110)         \
	X(in_imm, "", "in $0x80, %al", 2, P(IO), IO, 0x800048)                 \
	X(out_dx, "mov $0x80, %edx", "out %al, %dx", 1, P(IO), IO, 0x800000)   \
	X(outw_dx, "mov $0x80, %edx", "out %ax, %dx", 2, P(IO), IO, 0x800001)  \
	X(inl_dx, "mov $0x80, %edx", "in %dx, %eax", 1, P(IO), IO, 0x80000b)   \
	X(outsb, "mov $0x80, %edx; mov %rsp, %rsi", "outsb", 1, P(IO), IO,     \
	  0x800010)                                                            \
	X(rep_insb, "mov $0x80, %edx; lea -64(%rsp), %rdi; mov $2, %ecx",      \
	  "rep insb", 2, P(IO), IO, 0x800038)                                  \
	X(pause, "", "pause", 2, P(PAUSE), PAUSE, 0)                           \
	X(rdmsr, "mov $0xc0000080, %ecx", "rdmsr", 2, ALWAYS, 0, RDMSR, 0)     \
	X(wrmsr, "mov $0x174, %ecx; xor %eax, %eax; xor %edx, %edx", "wrmsr",  \
	  2, ALWAYS, 0, WRMSR, 0)                                              \
	X(sgdt, TABLE, "sgdt (%rsp)", 4, P2(DT), GDTR_IDTR, 0)                 \
	X(lidt, TABLE "movw $4095, (%rsp); movq $idt, 2(%rsp)", "lidt (%rsp)", \
	  4, P2(DT), GDTR_IDTR, 0)                                             \
	X(sldt, "", "sldt %eax", 3, P2(DT), LDTR_TR, 0)                        \
	X(lldt, "xor %eax, %eax", "lldt %ax", 3, P2(DT), LDTR_TR, 0)           \
	X(wbinvd, "", "wbinvd", 2, P2(WBINVD), WBINVD, 0)                      \
	X(rdrand, "", "rdrand %eax", 3, P2(RDRAND), RDRAND, 0)                 \
	X(cr0_mask, "mov %cr0, %rdx; xor $8, %rdx", "mov %rdx, %cr0", 3,       \
	  MASK0_, CR0_TS, CR_ACCESS, 0x200)                                    \
	X(lmsw, "mov %cr0, %rax; xor $8, %rax", "lmsw %ax", 3, MASK0_, CR0_TS, \
	  CR_ACCESS, ANY)                                                      \
	X(cr4_mask, "mov %cr4, %rdx; xor $4, %rdx", "mov %rdx, %cr4", 3,       \
	  MASK4_, CR4_TSD, CR_ACCESS, 0x204)                                   \
	X(exc_de, "xor %ecx, %ecx", "div %ecx", 2, EXC_, BIT(VEC_DE),          \
	  EXCEPTION_NMI, 0)                                                    \
	X(exc_bp, "", "int3", 1, EXC_, BIT(VEC_BP), EXCEPTION_NMI, 0)          \
	X(exc_ud, "", "ud2", 2, EXC_, BIT(VEC_UD), EXCEPTION_NMI, 0)           \
	X(exc_gp, "movabs $0x8000000000000000, %rax", "mov (%rax), %eax", 2,   \
	  EXC_, BIT(VEC_GP), EXCEPTION_NMI, 0)                                 \
	X(exc_pf, "movabs $0x7f0000001234, %rax", "movb $1, (%rax)", 3, EXC_,  \
	  BIT(VEC_PF), EXCEPTION_NMI, 0x7f0000001234)                          \
	X(exc_db, "", ".byte 0xf1", 1, EXC_, BIT(VEC_DB), EXCEPTION_NMI, ANY)

#define X(name, setup, insn, ...)                                              \
	PAYLOAD(do_##name,                                                     \
		setup "; .globl at_" #name "; at_" #name ": " insn "; vmcall") \
	extern const char at_##name[];
CASES(X)
#undef X

#define ROW(name, setup, insn, len, group, bits, reason, qual) \
	{                                                      \
		#name, do_##name,	at_##name, group,      \
		bits,  REASON_##reason, qual,	   len         \
	},
#define X(...) ROW(__VA_ARGS__)
static const struct exit_case cases[] = { CASES(X) };
#undef X

static struct vl2 l2;

static bool prepare(const struct exit_case *c, bool on)
{
	u64 bits = on ? c->bits : 0;

	vl2_init(&l2, c->code);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	switch (c->group) {
	case PROC_:
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)bits));
		return vmx_has_proc((u32)bits);
	case PROC2_:
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_PROC2));
		vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)bits));
		return vmx_has_proc2((u32)c->bits);
	case EXC_:
		vmw(VMCS_EXCEPTION_BITMAP, bits);
		break;
	case MASK0_:
		vmw(VMCS_CR0_MASK, bits);
		break;
	case MASK4_:
		vmw(VMCS_CR4_MASK, bits);
		break;
	}
	return true;
}

static u32 default1(const struct exit_case *c)
{
	return c->group == PROC_ ? vmx_proc(0) & (u32)c->bits : 0;
}

static void run(const struct exit_case *c)
{
	char name[40];
	u32 reason;

	if (!prepare(c, true) || (c->reason == REASON_XSETBV && !cpu_xsave())) {
		skip(c->name, "no such control, no such instruction");
		return;
	}
	reason = vl2_run(&l2);
	snprintf(name, sizeof(name), "%s-reason", c->name);
	if (!check(reason == c->reason, name,
		   "got %x, want %x, info %lx rip %lx", reason, c->reason,
		   vmr(VMCS_EXIT_INTR_INFO), vmr(VMCS_GUEST_RIP)))
		return;
	snprintf(name, sizeof(name), "%s-rip", c->name);
	if (c->bits != BIT(VEC_DB) || c->group != EXC_)
		check_eq(vmr(VMCS_GUEST_RIP), (u64)c->at, name);
	snprintf(name, sizeof(name), "%s-qualification", c->name);
	if (c->qual != ANY)
		check_eq(vmr(VMCS_EXIT_QUALIFICATION), c->qual, name);
	snprintf(name, sizeof(name), "%s-length", c->name);
	if (c->group != EXC_)
		check_eq(vmr(VMCS_EXIT_INSTR_LEN), c->len, name);
	if (c->group == ALWAYS || c->group == EXC_ || c->reason == REASON_HLT ||
	    c->reason == REASON_MWAIT || c->reason == REASON_MONITOR ||
	    c->reason == REASON_RDPMC || default1(c))
		return;
	prepare(c, false);
	snprintf(name, sizeof(name), "%s-free", c->name);
	check_eq(vl2_run(&l2), REASON_VMCALL, name);
}

/* --- what an exception's exit says ---------------------------------------------- */
static void test_exception_info(void)
{
	static const struct {
		const char *name;
		void (*code)(void);
		u32 vector, type;
		bool has_error;
		u32 error;
	} rows[] = {
		{ "info-ud", do_exc_ud, VEC_UD, INTR_TYPE_HARD_EXC, 0, 0 },
		{ "info-bp", do_exc_bp, VEC_BP, INTR_TYPE_SOFT_EXC, 0, 0 },
		{ "info-gp", do_exc_gp, VEC_GP, INTR_TYPE_HARD_EXC, 1, 0 },
		{ "info-pf", do_exc_pf, VEC_PF, INTR_TYPE_HARD_EXC, 1, 2 },
		{ "info-icebp", do_exc_db, VEC_DB, INTR_TYPE_PRIV_EXC, 0, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 want = INTR_INFO(rows[i].type, rows[i].vector);

		if (rows[i].has_error)
			want |= (u32)INTR_ERROR;
		vl2_init(&l2, rows[i].code);
		vmw(VMCS_EXCEPTION_BITMAP, BIT(rows[i].vector));
		vl2_run(&l2);
		check_eq(vmr(VMCS_EXIT_INTR_INFO), want, rows[i].name);
		if (rows[i].has_error)
			check_eq(vmr(VMCS_EXIT_INTR_ERROR), rows[i].error,
				 "info-error-code");
		if (rows[i].type == INTR_TYPE_SOFT_EXC)
			check_eq(vmr(VMCS_EXIT_INSTR_LEN), 1, "info-bp-length");
	}
	/* page faults by their error code: PFEC_MASK and PFEC_MATCH */
	vl2_init(&l2, do_exc_pf);
	vmw(VMCS_PF_ERROR_MASK, 0);
	vmw(VMCS_PF_ERROR_MATCH, 2); /* no match: exits though its bit is 0 */
	check_eq(vl2_run(&l2), REASON_EXCEPTION_NMI, "pf-mismatch-inverts");
}

/* --- bitmaps, CR3 targets, and the like ------------------------------------------- */
PAYLOAD(do_io, "in $0x60, %al; in $0x61, %al; mov $0x8061, %edx;"
	       "in %dx, %al; vmcall")
PAYLOAD(msr_read, "rdmsr; vmcall")
PAYLOAD(msr_write, "wrmsr; vmcall")
PAYLOAD(only_vmcall, "vmcall")
PAYLOAD(msr_open, "xor %eax, %eax; mov $512, %ecx; rep stosq;"
		  "mov $0x1b, %ecx; mov %r8d, %eax; mov %r9d, %edx;"
		  "wrmsr; vmcall")
PAYLOAD(do_cr3, "mov %rcx, %cr3; vmcall")
PAYLOAD(do_triple, "sub $16, %rsp; movq $0, (%rsp); movq $0, 8(%rsp);"
		   "lidt (%rsp); ud2")
PAYLOAD(do_tsc, "rdtsc; shl $32, %rdx; or %rdx, %rax; vmcall")
PAYLOAD(do_spin, "1: inc %rbx; jmp 1b")
PAYLOAD(do_cr_reads, "mov %cr0, %rax; mov %cr4, %rbx; vmcall")

static u8 bitmap[2 * PAGE_SIZE] __aligned(4096);

static void test_io_bitmap(void)
{
	memset(bitmap, 0, sizeof(bitmap));
	for (u32 i = 0; i < 3; i++) {
		vl2_init(&l2, do_io);
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_IO_BITMAP));
		vmw(VMCS_IO_BITMAP_A, (u64)bitmap);
		vmw(VMCS_IO_BITMAP_B, (u64)bitmap + PAGE_SIZE);
		bitmap[0x61 / 8] = i == 1 ? BIT(1) : 0;
		bitmap[PAGE_SIZE + 0x61 / 8] = i == 2 ? BIT(1) : 0;
		check_eq(vl2_run(&l2), i ? REASON_IO : REASON_VMCALL,
			 "io-bitmap");
		if (i)
			check_eq(vmr(VMCS_EXIT_QUALIFICATION) >> 16,
				 i == 1 ? 0x61 : 0x8061, "io-bitmap-port");
	}
}

static void test_msr_bitmap(void)
{
	static const struct {
		u32 msr, byte;
		bool write;
	} rows[] = { { 0x174, 0x174 / 8, false },
		     { 0x174, 2048 + 0x174 / 8, true },
		     { 0xc0000100, 1024 + 0x100 / 8, false },
		     { 0xc0000100, 3072 + 0x100 / 8, true } };

	for (u32 i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool on = i & 1, wr = rows[i / 2].write;

		memset(bitmap, 0, PAGE_SIZE);
		bitmap[rows[i / 2].byte] =
			on ? (u8)BIT(rows[i / 2].msr % 8) : 0;
		vl2_init(&l2, wr ? msr_write : msr_read);
		l2.gprs.rcx = rows[i / 2].msr;
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP));
		vmw(VMCS_MSR_BITMAP, (u64)bitmap);
		check_eq(vl2_run(&l2),
			 !on  ? REASON_VMCALL
			 : wr ? REASON_WRMSR
			      : REASON_RDMSR,
			 "msr-bitmap");
	}
	vl2_init(&l2, msr_read);
	l2.gprs.rcx = 0x40000000;
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	check_eq(vl2_run(&l2), REASON_RDMSR, "msr-bitmap-outside");
}

/* #GP of an access that the bitmap lets through: L1 may intercept it. */
static void test_msr_gp(void)
{
	for (u32 i = 0; i < 2; i++) {
		memset(bitmap, 0, PAGE_SIZE);
		vl2_init(&l2, msr_write);
		l2.gprs.rcx = MSR_VMX_BASIC; /* read-only */
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP));
		vmw(VMCS_MSR_BITMAP, (u64)bitmap);
		vmw(VMCS_EXCEPTION_BITMAP, i ? BIT(VEC_GP) : 0);
		vmw(VMCS_GUEST_IDTR_LIMIT, 0);
		check_eq(vl2_run(&l2),
			 i ? REASON_EXCEPTION_NMI : REASON_TRIPLE_FAULT,
			 "msr-gp");
		if (!i)
			continue;
		check_eq(vmr(VMCS_EXIT_INTR_INFO),
			 INTR_INFO(INTR_TYPE_HARD_EXC, VEC_GP) | INTR_ERROR,
			 "msr-gp-info");
		check_eq(vmr(VMCS_EXIT_INTR_ERROR), 0, "msr-gp-error");
		check_eq(vmr(VMCS_GUEST_RIP), (u64)msr_write, "msr-gp-rip");
		check_known(vmr(VMCS_GUEST_RFLAGS) & RFLAGS_RF, "msr-gp-rf",
			    on_abyme() ? EMU_NONE : EMU_BOCHS,
			    "a fault's exit saves RF as it was", "%lx",
			    vmr(VMCS_GUEST_RFLAGS));
		check_eq(vmr(VMCS_IDT_VECTORING) & INTR_VALID, 0,
			 "msr-gp-vectoring");
	}
}

static u32 abyme_exits(void)
{
	return cpuid_reg(0x40000010, 0, EAX);
}

/* L2 clears all of L1's bitmap while it runs: an access that L0 watches must
 * exit to L0 all the same. */
static void test_msr_bitmap_opened(void)
{
	u64 base = rdmsr(0x1b);
	u32 exits[2];

	if (!on_abyme()) {
		skip("msr-bitmap-opened", "what happens then is not defined");
		return;
	}
	for (u32 i = 0; i < 2; i++) {
		memset(bitmap, 0xff, PAGE_SIZE);
		vl2_init(&l2, i ? msr_open : only_vmcall);
		l2.gprs.rdi = (u64)bitmap;
		l2.gprs.r8 = (u32)base;
		l2.gprs.r9 = base >> 32;
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP));
		vmw(VMCS_MSR_BITMAP, (u64)bitmap);
		exits[i] = abyme_exits();
		check_eq(vl2_run(&l2), REASON_VMCALL, "msr-bitmap-opened");
		exits[i] = abyme_exits() - exits[i];
	}
	check_eq(exits[1] - exits[0], 1, "msr-bitmap-opened-exits");
}

static void test_cr(void)
{
	vl2_init(&l2, do_cr3);
	l2.gprs.rcx = read_cr3();
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_CR3_LOAD));
	vmw(VMCS_CR3_TARGET_COUNT, 1);
	vmw(VMCS_CR3_TARGET0, read_cr3());
	check_eq(vl2_run(&l2), REASON_VMCALL, "cr3-target");
	vl2_init(&l2, do_cr3);
	l2.gprs.rcx = read_cr3();
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_CR3_LOAD));
	vmw(VMCS_CR3_TARGET_COUNT, 1);
	vmw(VMCS_CR3_TARGET0, 0x1000);
	check_eq(vl2_run(&l2), REASON_CR_ACCESS, "cr3-no-target");
	vl2_init(&l2, do_cr_reads);
	vmw(VMCS_CR0_MASK, CR0_TS | CR0_NE);
	vmw(VMCS_CR0_SHADOW, CR0_TS);
	vmw(VMCS_CR4_MASK, CR4_VMXE);
	vmw(VMCS_CR4_SHADOW, 0);
	check_eq(vl2_run(&l2), REASON_VMCALL, "shadow-run");
	check_eq(l2.gprs.rax, (read_cr0() & ~CR0_NE) | CR0_TS, "cr0-shadow");
	check_eq(l2.gprs.rbx, read_cr4() & ~CR4_VMXE, "cr4-shadow");
}

static void test_others(void)
{
	u64 t;

	vl2_init(&l2, do_triple);
	check_eq(vl2_run(&l2), REASON_TRIPLE_FAULT, "triple-fault");
	vl2_init(&l2, do_tsc);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_TSC_OFFSET));
	vmw(VMCS_TSC_OFFSET, BIT(50));
	t = rdtsc();
	check_eq(vl2_run(&l2), REASON_VMCALL, "tsc-offset-run");
	check(l2.gprs.rax - t >= BIT(50) && l2.gprs.rax - t < BIT(50) + BIT(32),
	      "tsc-offset", "%lx, L1's %lx", l2.gprs.rax, t);
	if (vmx_has_pin((u32)PIN_PREEMPTION)) {
		vl2_init(&l2, do_spin);
		vmw(VMCS_PIN_CTLS, vmx_pin((u32)PIN_PREEMPTION));
		vmw(VMCS_PREEMPTION_TIMER, 5000);
		check_eq(vl2_run(&l2), REASON_PREEMPTION, "preemption-timer");
		check(l2.gprs.rbx, "preemption-timer-ran", "0");
		vmw(VMCS_PREEMPTION_TIMER, 0);
		vmw(VMCS_GUEST_RIP, (u64)do_vmcall);
		check_eq(vl2_run(&l2), REASON_PREEMPTION, "preemption-timer-0");
	}
}

void main(void)
{
	vmx_on();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	test_exception_info();
	test_io_bitmap();
	test_msr_bitmap();
	test_msr_gp();
	test_msr_bitmap_opened();
	test_cr();
	test_others();
	vmx_off();
}
