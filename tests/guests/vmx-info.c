/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an exit says of the instruction's operands: the VM-exit instruction-
 * information field of every instruction that has one (SDM 3C, "Information
 * for VM Exits Due to Instruction Execution", a table for each kind), the
 * displacement in the qualification, the linear address of string I/O.
 */
/* boot: emus=bochs bare timeout=40 */
/* boot: emus=bochs cpu=corei7_skylake_x bare timeout=40 name=skylake */
#include "tests/guests/lib/vmx.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R13 = 13, R15 = 15 };
enum { ES, CS, SS, DS, FS, GS };

/* Parts of the field, and with each the bits that it defines. */
#define PART(val, shift, bits)                       \
	((u64)((val) & (BIT(bits) - 1)) << (shift) | \
	 BITS((shift) + (bits)-1, shift) << 32)
#define A16 PART(0, 7, 3)
#define A32 PART(1, 7, 3)
#define A64 PART(2, 7, 3)
#define SEG(s) PART(s, 15, 3)
#define NO_INDEX PART(1, 22, 1)
#define INDEX(r, scale) (PART(r, 18, 4) | PART(0, 22, 1) | PART(scale, 0, 2))
#define NO_BASE PART(1, 27, 1)
#define BASE(r) (PART(r, 23, 4) | PART(0, 27, 1))
#define IN_MEM PART(0, 10, 1)
#define IN_REG PART(1, 10, 1)
#define REG1(r) PART(r, 3, 4)
#define REG2(r) PART(r, 28, 4)
#define WHICH(n) PART(n, 28, 2) /* of SGDT SIDT LGDT LIDT, SLDT STR LLDT LTR */
#define SIZE(n) PART(n, 11, 2)	/* of RDRAND's register: 16, 32, 64 bits */
/* the plainest operand: (%rdi) */
#define AT_RDI (A64 | SEG(DS) | NO_INDEX | BASE(RDI) | IN_MEM)

#define PLAIN 0u /* exits always */
#define DT (u32) PROC2_DT
#define RND (u32)(PROC2_RDRAND | PROC2_RDSEED)
#define PCID (u32) PROC2_INVPCID
#define XSV (u32) PROC2_XSAVES

/* name, instruction, secondary controls, reason, information, qualification */
#define CASES(X)                                                               \
	X(vmclear, "vmclear (%rdi)", PLAIN, VMCLEAR, AT_RDI, 0)                \
	X(vmclear_sib, "vmclear -8(%rsi,%r15,8)", PLAIN, VMCLEAR,              \
	  A64 | SEG(DS) | INDEX(R15, 3) | BASE(RSI) | IN_MEM, -8)              \
	X(vmptrld, "vmptrld 0x12(%rbp)", PLAIN, VMPTRLD,                       \
	  A64 | SEG(SS) | NO_INDEX | BASE(RBP) | IN_MEM, 0x12)                 \
	X(vmptrld_gs, "vmptrld %gs:0x1000(%r13)", PLAIN, VMPTRLD,              \
	  A64 | SEG(GS) | NO_INDEX | BASE(R13) | IN_MEM, 0x1000)               \
	X(vmptrst, "vmptrst (%rdi,%rax,2)", PLAIN, VMPTRST,                    \
	  A64 | SEG(DS) | INDEX(RAX, 1) | BASE(RDI) | IN_MEM, 0)               \
	X(vmptrst_a32, "vmptrst 4(%edi)", PLAIN, VMPTRST,                      \
	  A32 | SEG(DS) | NO_INDEX | BASE(RDI) | IN_MEM, 4)                    \
	X(vmxon, "vmxon %fs:(%r8)", PLAIN, VMXON,                              \
	  A64 | SEG(FS) | NO_INDEX | BASE(R8) | IN_MEM, 0)                     \
	X(vmxon_abs, "vmxon 0x1234(,%rcx,4)", PLAIN, VMXON,                    \
	  A64 | SEG(DS) | INDEX(RCX, 2) | NO_BASE | IN_MEM, 0x1234)            \
	X(vmread, "vmread %rcx, %rdx", PLAIN, VMREAD,                          \
	  IN_REG | REG1(RDX) | REG2(RCX), 0)                                   \
	X(vmread_r9, "vmread %r9, %r15", PLAIN, VMREAD,                        \
	  IN_REG | REG1(R15) | REG2(R9), 0)                                    \
	X(vmread_mem, "vmread %rsi, 0x40(%rsp)", PLAIN, VMREAD,                \
	  A64 | SEG(SS) | NO_INDEX | BASE(RSP) | IN_MEM | REG2(RSI), 0x40)     \
	X(vmwrite, "vmwrite %rbx, %rax", PLAIN, VMWRITE,                       \
	  IN_REG | REG1(RBX) | REG2(RAX), 0)                                   \
	X(vmwrite_mem, "vmwrite (%r13,%r8,4), %rbp", PLAIN, VMWRITE,           \
	  A64 | SEG(DS) | INDEX(R8, 2) | BASE(R13) | IN_MEM | REG2(RBP), 0)    \
	X(invept, "invept (%rdi), %rdx", PLAIN, INVEPT, AT_RDI | REG2(RDX), 0) \
	X(invvpid, "invvpid %es:8(%rdi,%rsi), %r9", PLAIN, INVVPID,            \
	  A64 | INDEX(RSI, 0) | BASE(RDI) | IN_MEM | REG2(R9), 8)              \
	X(sgdt, "sgdt (%rdi)", DT, GDTR_IDTR, AT_RDI | WHICH(0), 0)            \
	X(sidt, "sidt 2(%rsp)", DT, GDTR_IDTR,                                 \
	  A64 | SEG(SS) | NO_INDEX | BASE(RSP) | IN_MEM | WHICH(1), 2)         \
	X(lgdt, "lgdt (%rdi,%rcx)", DT, GDTR_IDTR,                             \
	  A64 | SEG(DS) | INDEX(RCX, 0) | BASE(RDI) | IN_MEM | WHICH(2), 0)    \
	X(lidt, "lidt %gs:(%edi)", DT, GDTR_IDTR,                              \
	  A32 | SEG(GS) | NO_INDEX | BASE(RDI) | IN_MEM | WHICH(3), 0)         \
	X(sldt, "sldt %ecx", DT, LDTR_TR, IN_REG | REG1(RCX) | WHICH(0), 0)    \
	X(sldt_mem, "sldt (%rdi)", DT, LDTR_TR, AT_RDI | WHICH(0), 0)          \
	X(str, "str %r9d", DT, LDTR_TR, IN_REG | REG1(R9) | WHICH(1), 0)       \
	X(str_mem, "str 6(%rdi)", DT, LDTR_TR, AT_RDI | WHICH(1), 6)           \
	X(lldt, "lldt %ax", DT, LDTR_TR, IN_REG | REG1(RAX) | WHICH(2), 0)     \
	X(lldt_mem, "lldt (%rdi)", DT, LDTR_TR, AT_RDI | WHICH(2), 0)          \
	X(ltr, "ltr %si", DT, LDTR_TR, IN_REG | REG1(RSI) | WHICH(3), 0)       \
	X(ltr_mem, "ltr (%rdi)", DT, LDTR_TR, AT_RDI | WHICH(3), 0)            \
	X(rdrand16, "rdrand %dx", RND, RDRAND, REG1(RDX) | SIZE(0), 0)         \
	X(rdrand32, "rdrand %r8d", RND, RDRAND, REG1(R8) | SIZE(1), 0)         \
	X(rdrand64, "rdrand %rdi", RND, RDRAND, REG1(RDI) | SIZE(2), 0)        \
	X(rdseed16, "rdseed %cx", RND, RDSEED, REG1(RCX) | SIZE(0), 0)         \
	X(rdseed32, "rdseed %eax", RND, RDSEED, REG1(RAX) | SIZE(1), 0)        \
	X(rdseed64, "rdseed %r15", RND, RDSEED, REG1(R15) | SIZE(2), 0)        \
	X(invpcid, "invpcid (%rdi), %rax", PCID, INVPCID, AT_RDI | REG2(RAX),  \
	  0)                                                                   \
	X(xsaves, "xsaves 0x40(%rdi)", XSV, XSAVES, AT_RDI, 0x40)              \
	X(xrstors, "xrstors (%rdi)", XSV, XRSTORS, AT_RDI, 0)

#define X(name, insn, ...) PAYLOAD(do_##name, insn "; vmcall")
CASES(X)
#undef X
PAYLOAD(do_rip, "vmptrld rip_there(%rip); vmcall; rip_there: .quad 0")
extern const char rip_there[];

static const struct info_case {
	const char *name;
	void (*code)(void);
	u32 proc2, reason;
	u64 info; /* high half: which bits are defined */
	u64 qual;
} cases[] = {
#define X(name, insn, proc2, reason, info, qual) \
	{ #name, do_##name, proc2, REASON_##reason, info, (u64)(qual) },
	CASES(X)
#undef X
		{ "rip_relative", do_rip, PLAIN, REASON_VMPTRLD,
		  A64 | SEG(DS) | NO_INDEX | NO_BASE | IN_MEM, (u64)rip_there },
};

static struct vl2 l2;
static u8 area[PAGE_SIZE] __aligned(4096);

/* XSAVES exits for a component that is on in IA32_XSS. */
static u64 xss_bits(void)
{
	if (!vmx_has_proc2(XSV) || !(cpuid_reg(1, 0, ECX) & BIT(26)))
		return 0;
	return cpuid_reg(13, 1, ECX);
}

/* The processor has it and L1 is offered its control. */
static bool there(const struct info_case *c)
{
	if (c->proc2 == XSV && !xss_bits())
		return false;
	if (c->proc2 == RND)
		return vmx_has_proc2(c->reason == REASON_RDRAND
					     ? (u32)PROC2_RDRAND
					     : (u32)PROC2_RDSEED);
	return !c->proc2 || vmx_has_proc2(c->proc2);
}

static void prepare(void (*code)(void), u32 proc, u32 proc2)
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2) | proc));
	vmw(VMCS_PROC2_CTLS, vmx_proc2(proc2));
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	vmw(VMCS_GUEST_CR4, read_cr4() | (cpu_xsave() ? CR4_OSXSAVE : 0));
	l2.gprs.rdi = (u64)area;
	l2.gprs.rsi = l2.gprs.rax = l2.gprs.rcx = 16;
}

static void run(const struct info_case *c)
{
	u32 mask = (u32)(c->info >> 32), got, reason;
	char name[48];

	if (!there(c)) {
		skip(c->name, "no such control, no such state");
		return;
	}
	prepare(c->code, (u32)PROC_INVLPG, c->proc2);
	if (c->proc2 == XSV) {
		wrmsr(MSR_XSS, xss_bits());
		vmw(VMCS_XSS_BITMAP, ~0ull);
		l2.gprs.rax = l2.gprs.rdx = ~0u;
	}
	reason = vl2_run(&l2);
	if (!check(reason == c->reason, c->name, "exit %x, want %x, info %lx",
		   reason, c->reason, vmr(VMCS_EXIT_INTR_INFO)))
		return;
	got = (u32)vmr(VMCS_EXIT_INSTR_INFO);
	snprintf(name, sizeof(name), "%s-info", c->name);
	check_known((got & mask) == ((u32)c->info & mask), name,
		    c->code == do_rdrand16 || c->code == do_rdseed16 ? EMU_BOCHS
								     : EMU_NONE,
		    "the size of a 16-bit register is given as 32 bits",
		    "%x, want %x of %x", got, (u32)c->info, mask);
	snprintf(name, sizeof(name), "%s-displacement", c->name);
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), c->qual, name);
}

/* --- string I/O ------------------------------------------------------------- */
#define IO_CASES(X)                                                         \
	X(insb, "insb", A64, INSB, RDI_)                                    \
	X(insw_a32, "addr32 insw", A32, INSW, RDI_)                         \
	X(rep_insl, "rep insl", A64, REP_INSL, RDI_)                        \
	X(outsb, "outsb", A64 | SEG(DS), OUTSB, RSI_)                       \
	X(outsw_fs, "outsw %fs:(%rsi), %dx", A64 | SEG(FS), OUTSW, FS_)     \
	X(rep_outsl_a32, "rep outsl (%esi), %dx", A32 | SEG(DS), REP_OUTSL, \
	  RSI_)
#define X(name, insn, ...) PAYLOAD(do_##name, insn "; vmcall")
IO_CASES(X)
#undef X

enum {
	INSB = 0x800018,
	INSW = 0x800019,
	REP_INSL = 0x80003b,
	OUTSB = 0x800010,
	OUTSW = 0x800011,
	REP_OUTSL = 0x800033
};
enum { RDI_, RSI_, FS_ };

static const struct {
	const char *name;
	void (*code)(void);
	u64 info;
	u32 qual, where;
} io_cases[] = {
#define X(name, insn, info, qual, where) \
	{ #name, do_##name, info, qual, where },
	IO_CASES(X)
#undef X
};

static void test_string_io(void)
{
	bool has_info = rdmsr(MSR_VMX_BASIC) & VMX_BASIC_INS_OUTS;
	u64 want[] = { (u64)area + 8, (u64)area + 0x10, (u64)area + 0x110 };
	char name[48];

	for (u32 i = 0; i < ARRAY_SIZE(io_cases); i++) {
		u32 mask = (u32)(io_cases[i].info >> 32);

		prepare(io_cases[i].code, (u32)PROC_IO, 0);
		l2.gprs.rdi = (u64)area + 8;
		l2.gprs.rsi = (u64)area + 0x10;
		l2.gprs.rdx = 0x80;
		vmw(VMCS_GUEST_FS_AR, 0xc093);
		vmw(VMCS_GUEST_FS_LIMIT, ~0u);
		vmw(VMCS_GUEST_FS_BASE, 0x100);
		check_eq(vl2_run(&l2), REASON_IO, io_cases[i].name);
		snprintf(name, sizeof(name), "%s-qualification",
			 io_cases[i].name);
		check_eq(vmr(VMCS_EXIT_QUALIFICATION), io_cases[i].qual, name);
		snprintf(name, sizeof(name), "%s-linear", io_cases[i].name);
		check_eq(vmr(VMCS_GUEST_LINEAR), want[io_cases[i].where], name);
		snprintf(name, sizeof(name), "%s-info", io_cases[i].name);
		if (has_info)
			check((vmr(VMCS_EXIT_INSTR_INFO) & mask) ==
				      ((u32)io_cases[i].info & mask),
			      name, "%lx", vmr(VMCS_EXIT_INSTR_INFO));
	}
}

/* --- LMSW from memory, MOV to and from debug and control registers ------------ */
PAYLOAD(do_lmsw_mem, "lmsw 4(%rdi); vmcall")
PAYLOAD(do_lmsw_reg, "lmsw %cx; vmcall")
PAYLOAD(do_clts, "clts; vmcall")
PAYLOAD(do_dr, "mov %r13, %dr3; vmcall")
PAYLOAD(do_cr8, "mov %r15, %cr8; vmcall")

static void test_registers(void)
{
	prepare(do_lmsw_mem, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_TS | CR0_PE);
	*(u16 *)(area + 4) = (u16)(read_cr0() | CR0_TS);
	check_eq(vl2_run(&l2), REASON_CR_ACCESS, "lmsw-mem");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION),
		 (u64) * (u16 *)(area + 4) << 16 | 0x70, "lmsw-mem-qual");
	check_eq(vmr(VMCS_GUEST_LINEAR), (u64)area + 4, "lmsw-mem-linear");
	prepare(do_lmsw_reg, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_TS);
	l2.gprs.rcx = (u16)(read_cr0() | CR0_TS);
	check_eq(vl2_run(&l2), REASON_CR_ACCESS, "lmsw-reg");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), l2.gprs.rcx << 16 | 0x30,
		 "lmsw-reg-qual");
	prepare(do_clts, 0, 0);
	vmw(VMCS_CR0_MASK, CR0_TS);
	vmw(VMCS_CR0_SHADOW, read_cr0() | CR0_TS);
	check_eq(vl2_run(&l2), REASON_CR_ACCESS, "clts");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0x20, "clts-qual");
	prepare(do_dr, (u32)PROC_MOV_DR, 0);
	check_eq(vl2_run(&l2), REASON_MOV_DR, "mov-dr3");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0xd03, "mov-dr3-qual");
	prepare(do_cr8, (u32)PROC_CR8_LOAD, 0);
	check_eq(vl2_run(&l2), REASON_CR_ACCESS, "mov-cr8");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 0xf08, "mov-cr8-qual");
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc((u32)PROC_PROC2))
		die("secondary-controls", "none");
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	test_string_io();
	test_registers();
	vmx_off();
}
