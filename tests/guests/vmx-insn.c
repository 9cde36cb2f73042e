/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMX instructions: VMsucceed, VMfailInvalid and VMfailValid with the right
 * number, their exceptions and in what order these are found, their operands,
 * also across pages, and every field of the VMCS.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define HIGH BIT(60)
#define UNMAPPED 0x7f0000001000ull

static const struct field {
	const char *name;
	u32 enc;
} fields[] = {
#define VMCS_FIELD(name, enc, width, type, exists, policy) { #name, enc },
#include "vmx/fields.def"
};

static struct vl2 l2, other;
static u8 *wrong_revision;

PAYLOAD(do_vmcall, "vmcall")

/* VMX_OK, VMX_INVALID, or the error number + 16. */
static u32 status(enum vmx_result r)
{
	return r == VMX_VALID ? (u32)vmr(VMCS_INSTR_ERROR) + 16 : r;
}

#define ERROR(n) ((n) + 16u)

static void expect(enum vmx_result r, u32 want, const char *name)
{
	u32 got = status(r);

	check(got == want, name, "got %u, want %u (16: error number)", got,
	      want);
}

/* --- VMXON, and nothing current ------------------------------------------------ */
static void cr4_vmxe_off(void *unused)
{
	write_cr4(read_cr4() & ~CR4_VMXE);
}

static void cr0_ne_off(void *unused)
{
	write_cr0(read_cr0() & ~CR0_NE);
}

static void write_vmx_basic(void *unused)
{
	wrmsr(MSR_VMX_BASIC, 0);
}

static void write_feature_control(void *unused)
{
	wrmsr(MSR_FEATURE_CONTROL, 0);
}

static void test_vmxon(void)
{
	u64 v = 0;

	vmx_on();
	vmx_off();
	write_cr4(read_cr4() | CR4_VMXE);
	expect(vmxon_insn((u64)vmxon_page + 8), VMX_INVALID, "vmxon-unaligned");
	expect(vmxon_insn(HIGH), VMX_INVALID, "vmxon-high");
	expect(vmxon_insn((u64)wrong_revision), VMX_INVALID, "vmxon-revision");
	expect(vmxon_insn((u64)vmxon_page), VMX_OK, "vmxon");
	expect(vmxon_insn((u64)vmxon_page), VMX_INVALID, "vmxon-again");
	expect(vmread_insn(VMCS_GUEST_RIP, &v), VMX_INVALID, "vmread-no-vmcs");
	expect(vmwrite_insn(VMCS_GUEST_RIP, 0), VMX_INVALID, "vmwrite-no-vmcs");
	check(vmx_enter_fast(&l2.gprs, 0) == 1, "vmlaunch-no-vmcs", "entered");
	check(vmx_enter_fast(&l2.gprs, 1) == 1, "vmresume-no-vmcs", "entered");
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, ~0ull, "vmptrst-no-vmcs");
	expect(vmptrld(HIGH), VMX_INVALID, "vmptrld-high-no-vmcs");
	check_eq((u64)try(cr4_vmxe_off, NULL), VEC_GP, "cr4-vmxe-stays");
	check_eq((u64)try(cr0_ne_off, NULL), VEC_GP, "cr0-ne-stays");
	check_known(try(write_vmx_basic, NULL) == VEC_GP, "vmx-basic-read-only",
		    EMU_BOCHS, "the MSR can be written", "no #GP");
	check_eq((u64)try(write_feature_control, NULL), VEC_GP,
		 "feature-control-locked");
}

/* --- VMPTRLD, VMCLEAR and their like ------------------------------------------- */
static void test_pointers(void)
{
	u64 v = 0, first = (u64)l2.vmcs;

	vl2_init(&l2, do_vmcall);
	first = (u64)l2.vmcs;
	expect(vmxon_insn((u64)vmxon_page), ERROR(VMXERR_VMXON_IN_ROOT),
	       "vmxon-in-root");
	expect(vmptrld(first + 8), ERROR(VMXERR_VMPTRLD_ADDR), "vmptrld-low");
	expect(vmptrld(HIGH), ERROR(VMXERR_VMPTRLD_ADDR), "vmptrld-high");
	expect(vmptrld((u64)vmxon_page), ERROR(VMXERR_VMPTRLD_VMXON),
	       "vmptrld-vmxon");
	expect(vmptrld((u64)wrong_revision), ERROR(VMXERR_VMPTRLD_REVISION),
	       "vmptrld-revision");
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, first, "vmptrst-still");
	expect(vmclear(first + 8), ERROR(VMXERR_VMCLEAR_ADDR), "vmclear-low");
	expect(vmclear(HIGH), ERROR(VMXERR_VMCLEAR_ADDR), "vmclear-high");
	expect(vmclear((u64)vmxon_page), ERROR(VMXERR_VMCLEAR_VMXON),
	       "vmclear-vmxon");
	/* two of them, one after the other, keep what is theirs */
	vmw(VMCS_GUEST_RSP, 0x1111);
	vl2_init(&other, do_vmcall);
	vmw(VMCS_GUEST_RSP, 0x2222);
	expect(vmptrld(first), VMX_OK, "vmptrld-back");
	check_eq(vmr(VMCS_GUEST_RSP), 0x1111, "vmcs-kept");
	vmptrld((u64)other.vmcs);
	check_eq(vmr(VMCS_GUEST_RSP), 0x2222, "other-vmcs-kept");
	vmclear((u64)other.vmcs);
	expect(vmread_insn(VMCS_GUEST_RSP, &v), VMX_INVALID, "vmclear-current");
	vmptrld((u64)other.vmcs);
	check_eq(vmr(VMCS_GUEST_RSP), 0x2222, "vmcs-kept-through-vmclear");
	vmclear(first);
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, (u64)other.vmcs, "vmclear-of-other");
}

static void test_launch(void)
{
	vl2_init(&l2, do_vmcall);
	check(vmx_enter(&l2.gprs, 1) == 2 &&
		      vmr(VMCS_INSTR_ERROR) == VMXERR_VMRESUME_CLEAR,
	      "vmresume-clear", "error %lx", vmr(VMCS_INSTR_ERROR));
	check_eq(vl2_run(&l2), REASON_VMCALL, "vmlaunch");
	check(vmx_enter(&l2.gprs, 0) == 2 &&
		      vmr(VMCS_INSTR_ERROR) == VMXERR_VMLAUNCH_LAUNCHED,
	      "vmlaunch-launched", "error %lx", vmr(VMCS_INSTR_ERROR));
	check_eq(vl2_run(&l2), REASON_VMCALL, "vmresume");
	vmclear((u64)l2.vmcs);
	vmptrld((u64)l2.vmcs);
	l2.launched = false;
	check_eq(vl2_run(&l2), REASON_VMCALL, "vmlaunch-after-vmclear");
}

static enum vmx_result vmcall_root(void)
{
	bool cf, zf;

	__asm__ volatile("vmcall"
			 : "=@ccc"(cf), "=@ccz"(zf)
			 : "a"(-1l)
			 : "memory");
	return cf ? VMX_INVALID : zf ? VMX_VALID : VMX_OK;
}

static void test_others(void)
{
	u64 v = 0, misc = rdmsr(MSR_VMX_MISC);

	vl2_init(&l2, do_vmcall);
	if (on_abyme())
		expect(vmcall_root(), ERROR(VMXERR_VMCALL_IN_ROOT),
		       "vmcall-in-root");
	else
		check_known(false, "vmcall-in-root", EMU_BOCHS,
			    "VMCALL in root mode ends Bochs 2.7", "not tried");
	expect(vmread_insn(0x4444, &v), ERROR(VMXERR_NO_FIELD), "vmread-none");
	expect(vmread_insn(VMCS_GUEST_RIP | BIT(32), &v),
	       ERROR(VMXERR_NO_FIELD), "vmread-encoding-33-bits");
	expect(vmwrite_insn(0x6ffe, 0), ERROR(VMXERR_NO_FIELD), "vmwrite-none");
	expect(vmwrite_insn(VMCS_EXIT_REASON, 0),
	       misc & VMX_MISC_VMWRITE_ALL ? VMX_OK : ERROR(VMXERR_READ_ONLY),
	       "vmwrite-read-only");
}

/* --- exceptions ---------------------------------------------------------------- */
#define FAULT_CASES(X)                                                         \
	X(vmread_pf, "mov $0x681e, %ecx; vmread %rcx, (%rdi)", UNMAPPED,       \
	  VEC_PF, 2)                                                           \
	X(vmwrite_pf, "mov $0x681e, %ecx; vmwrite (%rdi), %rcx", UNMAPPED,     \
	  VEC_PF, 0)                                                           \
	X(vmptrld_pf, "vmptrld (%rdi)", UNMAPPED, VEC_PF, 0)                   \
	X(vmclear_pf, "vmclear (%rdi)", UNMAPPED, VEC_PF, 0)                   \
	X(vmptrst_pf, "vmptrst (%rdi)", UNMAPPED, VEC_PF, 2)                   \
	X(invept_pf, "mov $2, %ecx; invept (%rdi), %rcx", UNMAPPED, VEC_PF, 0) \
	X(invvpid_pf, "mov $2, %ecx; invvpid (%rdi), %rcx", UNMAPPED, VEC_PF,  \
	  0)                                                                   \
	X(vmread_gp, "mov $0x681e, %ecx; vmread %rcx, (%rdi)", HIGH, VEC_GP,   \
	  0)                                                                   \
	X(vmptrld_gp, "vmptrld (%rdi)", HIGH, VEC_GP, 0)                       \
	X(vmread_ss,                                                           \
	  "mov %rbp, %rdx; mov %rdi, %rbp; mov $0x681e, %ecx;"                 \
	  "vmread %rcx, (%rbp)",                                               \
	  HIGH, VEC_SS, 0)

#define X(name, code, ...) PAYLOAD(fault_##name, code "; ret")
FAULT_CASES(X)
#undef X

static const struct {
	const char *name;
	void (*fn)(void);
	u64 address;
	int vector;
	u64 error;
} faults[] = {
#define X(name, code, ...) { #name, fault_##name, __VA_ARGS__ },
	FAULT_CASES(X)
#undef X
};

PAYLOAD(user_vmread, "mov $0x681e, %ecx; vmread %rcx, %rax; ud2")
PAYLOAD(user_vmlaunch, "vmlaunch; ud2")
PAYLOAD(user_vmcall, "mov $-1, %rax; vmcall; ud2")
PAYLOAD(user_vmptrld, "vmptrld (%rsp); ud2")

static void test_faults(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} user[] = { { "user-vmread", user_vmread },
		     { "user-vmlaunch", user_vmlaunch },
		     { "user-vmcall", user_vmcall },
		     { "user-vmptrld", user_vmptrld } };
	char name[40];

	vl2_init(&l2, do_vmcall);
	for (u32 i = 0; i < ARRAY_SIZE(faults); i++) {
		int v = try((void (*)(void *))(u64)faults[i].fn,
			    (void *)faults[i].address);

		check(v == faults[i].vector &&
			      last_fault()->error == faults[i].error,
		      faults[i].name, "vector %d error %lx", v,
		      last_fault()->error);
		/* of a fault: its handler's IRET goes past breakpoints there */
		check(last_fault()->rflags & RFLAGS_RF, faults[i].name,
		      "RF is 0: rflags %lx", last_fault()->rflags);
		if (v != VEC_PF)
			continue;
		snprintf(name, sizeof(name), "%s-cr2", faults[i].name);
		check_eq(last_fault()->cr2, faults[i].address, name);
	}
	for (u32 i = 0; i < ARRAY_SIZE(user); i++)
		check_eq((u64)try_user(user[i].fn), VEC_GP, user[i].name);
}

/* --- which comes first ----------------------------------------------------------- */
/* An operand that cannot be read or written, and what is found before it. */
#define FIRST_CASES(X)                                                    \
	X(vmread_none, "vmread %rcx, (%rdi)", 0x4444, VMXERR_NO_FIELD)    \
	X(vmread_high_bits, "bts $40, %rcx; vmread %rcx, (%rdi)", 0x681e, \
	  VMXERR_NO_FIELD)                                                \
	X(vmxon_in_root, "vmxon (%rdi)", 0, VMXERR_VMXON_IN_ROOT)         \
	X(invept_type, "invept (%rdi), %rcx", 7, VMXERR_INVALID_OPERAND)  \
	X(invept_high, "bts $32, %rcx; invept (%rdi), %rcx", 2,           \
	  VMXERR_INVALID_OPERAND)                                         \
	X(invvpid_type, "invvpid (%rdi), %rcx", 4, VMXERR_INVALID_OPERAND)

#define X(name, code, ...)                                                  \
	PAYLOAD(first_##name,                                               \
		"mov %rdi, %rdx; mov 8(%rdx), %rcx; mov (%rdx), %rdi;" code \
		"; ret")
FIRST_CASES(X)
#undef X
PAYLOAD(vmread_unmapped, "mov $0x681e, %ecx; vmread %rcx, (%rdi); ret")
PAYLOAD(vmwrite_unmapped, "mov $0x681e, %ecx; vmwrite (%rdi), %rcx; ret")
PAYLOAD(vmwrite_none, "mov $0x4444, %ecx; vmwrite (%rdi), %rcx; ret")
PAYLOAD(vmread_back, "mov $0x681c, %ecx; vmread %rcx, (%rdi); ret")
PAYLOAD(ss_invept, "mov %rbp, %rdx; mov %rdi, %rbp; mov $2, %ecx;"
		   "invept (%rbp), %rcx; ret")

static int raises(void (*fn)(void), const void *arg)
{
	return try((void (*)(void *))(u64)fn, (void *)(u64)arg);
}

static void test_first(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
		u64 rcx;
		u32 error;
	} rows[] = {
#define X(name, code, ...) { #name "_first", first_##name, __VA_ARGS__ },
		FIRST_CASES(X)
#undef X
	};
	/* emulator fault: descriptors are read before the type is looked at */
	u32 lax = on_abyme() ? EMU_NONE : EMU_BOCHS;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 arg[2] = { UNMAPPED, rows[i].rcx };
		bool type = rows[i].error == VMXERR_INVALID_OPERAND;
		int v;

		vl2_init(&l2, do_vmcall);
		v = raises(rows[i].fn, arg);
		check_known(v == -1 && vmr(VMCS_INSTR_ERROR) == rows[i].error,
			    rows[i].name, type ? lax : EMU_NONE,
			    "the descriptor is read before the type is judged",
			    "vector %d, error %lx", v, vmr(VMCS_INSTR_ERROR));
	}
	/* the value for VMWRITE is there before its field is looked at */
	check_eq((u64)raises(vmwrite_none, (void *)UNMAPPED), VEC_PF,
		 "vmwrite-operand-first");
	/* nothing current: neither is */
	vmclear((u64)l2.vmcs);
	check_eq((u64)raises(vmread_unmapped, (void *)UNMAPPED), (u64)-1,
		 "vmread-no-vmcs-first");
	check_eq((u64)raises(vmwrite_unmapped, (void *)UNMAPPED), (u64)-1,
		 "vmwrite-no-vmcs-first");
	check_eq((u64)raises(vmwrite_unmapped, (void *)HIGH), (u64)-1,
		 "vmwrite-no-vmcs-gp");
}

/* --- pages: two of L1's that do not follow each other in memory --------------- */
#define PAIR 0x7e0000000000ull
#define PTE_A BIT(5)
#define PTE_D BIT(6)

static u8 *pair[2];
static u64 *pte[2];

/* Map the two with these bits; 0: not there. */
static void map_pair(u64 first, u64 second)
{
	extern u64 pml4[];
	u64 bits[] = { first, second };

	for (u32 i = 0; i < 2; i++) {
		pte[i] = table_entry(pml4, PAIR + i * PAGE_SIZE, 1, 7);
		*pte[i] = bits[i] ? (u64)pair[i] | bits[i] : 0;
		memset(pair[i], 0xee, PAGE_SIZE);
	}
	write_cr3(read_cr3());
}

static void expect_pf(void (*fn)(void), u64 at, u64 error, u64 cr2,
		      const char *name)
{
	int v = raises(fn, (void *)at);

	check(v == VEC_PF && last_fault()->error == error &&
		      last_fault()->cr2 == cr2,
	      name, "vector %d error %lx cr2 %lx", v, last_fault()->error,
	      last_fault()->cr2);
}

static void test_straddle(void)
{
	u64 at = PAIR + PAGE_SIZE - 3, v = (u64)l2.vmcs, lo, hi;

	map_pair(3, 3);
	check_eq((u64)raises(fault_vmptrst_pf, (void *)at), (u64)-1,
		 "vmptrst-two-pages");
	memcpy(&lo, pair[0] + PAGE_SIZE - 8, 8);
	memcpy(&hi, pair[1], 8);
	check_eq(lo >> 40 | hi << 24, v, "vmptrst-two-pages-value");
	check_eq((u64)raises(fault_vmptrld_pf, (void *)at), (u64)-1,
		 "vmptrld-two-pages");
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, (u64)l2.vmcs, "vmptrld-two-pages-value");
	check_eq((u64)raises(vmread_back, (void *)(PAIR + 0x123)), (u64)-1,
		 "vmread-unaligned");
	memcpy(&v, pair[0] + 0x123, 8);
	check_eq(v, vmr(VMCS_GUEST_RSP), "vmread-unaligned-value");
	/* the second is not there, or read-only: nothing is written */
	map_pair(3, 0);
	expect_pf(fault_vmptrst_pf, at, 2, PAIR + PAGE_SIZE, "second-absent");
	check_eq(pair[0][PAGE_SIZE - 3], 0xee, "second-absent-first-kept");
	expect_pf(fault_vmread_pf, at, 2, PAIR + PAGE_SIZE,
		  "second-absent-vmread");
	check_eq(pair[0][PAGE_SIZE - 3], 0xee, "second-absent-first-kept");
	expect_pf(fault_vmptrld_pf, at, 0, PAIR + PAGE_SIZE,
		  "second-absent-vmptrld");
	expect_pf(fault_invept_pf, PAIR + PAGE_SIZE - 15, 0, PAIR + PAGE_SIZE,
		  "second-absent-invept");
	map_pair(3, 1);
	expect_pf(fault_vmptrst_pf, at, 3, PAIR + PAGE_SIZE,
		  "second-read-only");
	check_eq(pair[0][PAGE_SIZE - 3], 0xee, "second-read-only-first-kept");
	/* neither: the first one's address */
	map_pair(0, 0);
	expect_pf(fault_vmptrst_pf, at, 2, at, "both-absent");
	map_pair(3, 3 | BIT(51));
	expect_pf(fault_vmptrst_pf, at, 0xb, PAIR + PAGE_SIZE,
		  "second-reserved");
	/* across the end of the canonical addresses */
	check_eq((u64)raises(fault_vmptrst_pf, (void *)0x7ffffffffffdull),
		 VEC_GP, "across-canonical");
	check_eq((u64)raises(ss_invept, (void *)0x7ffffffffff8ull), VEC_SS,
		 "across-canonical-ss");
}

/* Write protection, accessed and dirty flags of L1's own tables. */
static void test_pages(void)
{
	u64 cr0 = read_cr0();

	write_cr0(cr0 | CR0_WP);
	map_pair(1, 1);
	expect_pf(fault_vmptrst_pf, PAIR + 8, 3, PAIR + 8, "read-only-vmptrst");
	expect_pf(fault_vmread_pf, PAIR + 8, 3, PAIR + 8, "read-only-vmread");
	memcpy(pair[0], &l2.vmcs, 8);
	check_eq((u64)raises(fault_vmptrld_pf, (void *)PAIR), (u64)-1,
		 "read-only-vmptrld");
	check_eq(*pte[0] & (PTE_A | PTE_D), PTE_A, "vmptrld-accessed");
	write_cr0(cr0 & ~CR0_WP);
	check_eq((u64)raises(fault_vmptrst_pf, (void *)(PAIR + 8)), (u64)-1,
		 "no-write-protection");
	check_eq(*(u64 *)(pair[0] + 8), (u64)l2.vmcs,
		 "no-write-protection-value");
	check_eq(*pte[0] & (PTE_A | PTE_D), PTE_A | PTE_D, "vmptrst-dirty");
	write_cr0(cr0);
	map_pair(3, 3);
	check_eq((u64)raises(vmread_back, (void *)(PAIR + PAGE_SIZE)), (u64)-1,
		 "vmread-to-page");
	check_eq(*pte[1] & (PTE_A | PTE_D), PTE_A | PTE_D, "vmread-dirty");
	check_eq(*pte[0] & (PTE_A | PTE_D), 0, "other-page-untouched");
}

/* --- operands -------------------------------------------------------------------- */
static void test_operands(void)
{
	static u64 mem[4];
	u64 a = 0, b = 0, c = 0, d = 0;

	vl2_init(&l2, do_vmcall);
	vmw(VMCS_GUEST_RSP, 0x123456789abcdef0);
	__asm__ volatile("vmread %1, (%0)"
			 :
			 : "r"(mem), "r"(0x681cul)
			 : "memory");
	check_eq(mem[0], 0x123456789abcdef0, "vmread-base");
	__asm__ volatile("vmread %2, 8(%0,%1,8)"
			 :
			 : "r"(mem), "r"(1ul), "r"(0x681cul)
			 : "memory");
	check_eq(mem[2], 0x123456789abcdef0, "vmread-sib");
	__asm__ volatile("vmread %0, operand_mem+8(%%rip)"
			 :
			 : "r"(0x681cul)
			 : "memory");
	__asm__ volatile("mov operand_mem+8(%%rip), %0" : "=r"(a));
	check_eq(a, 0x123456789abcdef0, "vmread-rip-relative");
	__asm__ volatile(
		"mov %1, %%r12; mov %2, %%r13; vmread %%r13, 24(%%r12);"
		"mov 24(%%r12), %0"
		: "=r"(b)
		: "r"(mem), "r"(0x681cul)
		: "r12", "r13", "memory");
	check_eq(b, 0x123456789abcdef0, "vmread-r12");
	wrmsr(MSR_GS_BASE, (u64)mem);
	mem[1] = 0;
	__asm__ volatile("vmread %0, %%gs:8" : : "r"(0x681cul) : "memory");
	check_eq(mem[1], 0x123456789abcdef0, "vmread-gs");
	wrmsr(MSR_GS_BASE, 0);
	__asm__ volatile("vmread %1, (%%esi)"
			 :
			 : "S"(mem), "r"(0x681cul)
			 : "memory");
	check_eq(mem[0], 0x123456789abcdef0, "vmread-address-32");
	mem[3] = 0x7777;
	__asm__ volatile("vmwrite (%0), %1" : : "r"(&mem[3]), "r"(0x681cul));
	check_eq(vmr(VMCS_GUEST_RSP), 0x7777, "vmwrite-memory");
	/* a 32-bit field fills the whole register; RSP as an operand */
	c = ~0ull;
	vmread_insn(VMCS_GUEST_CS_LIMIT, &c);
	check_eq(c, 0xffffffff, "vmread-32-zero-extends");
	__asm__ volatile("mov %%rsp, %%rdx; mov %1, %%ecx; vmread %%rcx, %%rsp;"
			 "mov %%rsp, %0; mov %%rdx, %%rsp"
			 : "=r"(d)
			 : "i"(0x681c)
			 : "rcx", "rdx", "memory");
	check_eq(d, 0x7777, "vmread-into-rsp");
	vmw(VMCS_GUEST_CS_SEL, 0x123456789);
	check_eq(vmr(VMCS_GUEST_CS_SEL), 0x6789, "vmwrite-16-bits");
}
__asm__(".bss; .balign 8; operand_mem: .skip 32; .text");

/* Operands where there is neither memory nor a device: all ones, and writes
 * that go nowhere. */
#define NOWHERE GiB(64)

static void test_nowhere(void)
{
	u64 rsp = 0x681c;

	map_2m(NOWHERE, MiB(2), 0x87);
	check_eq(*(volatile u64 *)NOWHERE, ~0ull, "nowhere-is-nowhere");
	vmw(VMCS_GUEST_RSP, 0x1234);
	__asm__ volatile("vmptrst (%0); vmread %1, (%0)"
			 :
			 : "r"(NOWHERE), "r"(rsp)
			 : "memory");
	check_eq(*(volatile u64 *)NOWHERE, ~0ull, "nowhere-written");
	__asm__ volatile("vmwrite (%0), %1" : : "r"(NOWHERE), "r"(rsp));
	check_eq(vmr(VMCS_GUEST_RSP), ~0ull, "nowhere-read");
	__asm__ volatile("vmptrld (%0)" : : "r"(NOWHERE));
	check_eq(vmr(VMCS_INSTR_ERROR), VMXERR_VMPTRLD_ADDR, "nowhere-vmptrld");
}

/* --- all fields --------------------------------------------------------------------- */
static bool is_access_rights(u32 enc)
{
	return enc >= VMCS_GUEST_ES_AR && enc <= VMCS_GUEST_TR_AR;
}

static void test_fields(void)
{
	u32 have = 0, bad = 0, lost = 0, halves = 0;
	u64 v, want;

	vl2_init(&l2, do_vmcall);
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 e = fields[i].enc;

		if (VMCS_ENC_TYPE(e) == VMCS_READONLY ||
		    vmwrite_insn(e, 0) != VMX_OK)
			continue;
		have++;
		want = (0x1020408000000000ull + e * 0x100010001ull) &
		       vmcs_width_mask((u8)VMCS_ENC_WIDTH(e));
		if (is_access_rights(e))
			want &= 0xf0ff;
		vmw(e, want);
		if (vmr(e) != want && !bad++)
			print("info: %s is %lx, not %lx\n", fields[i].name,
			      vmr(e), want);
		if (VMCS_ENC_WIDTH(e) != VMCS_64)
			continue;
		halves += vmr(e | 1) != want >> 32;
		vmw(e | 1, 0x5555);
		halves += vmr(e) != ((u32)want | 0x5555ull << 32);
		vmw(e, want);
	}
	check(have > 100, "fields-there", "%u", have);
	check_eq(bad, 0, "fields-keep-values");
	check_eq(halves, 0, "fields-high-halves");
	vmclear((u64)l2.vmcs);
	vmptrld((u64)l2.vmcs);
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 e = fields[i].enc;

		v = 0;
		if (VMCS_ENC_TYPE(e) == VMCS_READONLY ||
		    vmread_insn(e, &v) != VMX_OK)
			continue;
		want = (0x1020408000000000ull + e * 0x100010001ull) &
		       vmcs_width_mask((u8)VMCS_ENC_WIDTH(e));
		if (is_access_rights(e))
			want &= 0xf0ff;
		lost += v != want;
	}
	check_eq(lost, 0, "fields-survive-vmclear");
}

static void test_off(void)
{
	vmx_off();
	check_eq((u64)try((void (*)(void *))(u64)fault_vmptrld_pf, vmxon_page),
		 VEC_UD, "ud-after-vmxoff");
	vmx_on();
	vmptrld((u64)l2.vmcs);
	check(true, "vmxon-after-vmxoff", "-");
	vmx_off();
}

void main(void)
{
	if (!(cpuid_reg(1, 0, ECX) & BIT(5)))
		die("vmx-present", "CPUID 1 ECX %x", cpuid_reg(1, 0, ECX));
	wrong_revision = page_alloc(1);
	*(u32 *)wrong_revision = (u32)rdmsr(MSR_VMX_BASIC) ^ 1;
	test_vmxon();
	test_pointers();
	test_launch();
	test_others();
	test_faults();
	test_first();
	vl2_init(&l2, do_vmcall);
	for (u32 i = 0; i < 2; i++)
		pair[i] = page_alloc(3 - i); /* with others between them */
	test_straddle();
	test_pages();
	test_operands();
	test_nowhere();
	test_fields();
	test_off();
}
