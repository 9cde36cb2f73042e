/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMX instructions where they must not be executed, and in what order that
 * is found: outside of VMX operation, at CPL 3, in compatibility mode, on
 * register operands; VMXON and its operand; regions that are none, many VMCSs
 * in turn; what VMX operation does to CR0, CR4 and IA32_FEATURE_CONTROL.
 */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/compat.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define HIGH BIT(60)
#define UNMAPPED 0x7f0000001000ull
#define NOWHERE 0xd0000000ull /* no RAM, no device */
#define ROM 0xf0000ull

static struct vl2 l2;
static u8 *region;
static u64 word;

PAYLOAD(do_vmcall, "vmcall")

/* Each instruction with a good operand at (%rdi), followed by @end. */
#define INSNS(X)                                            \
	X(vmclear, "vmclear (%rdi)")                        \
	X(vmptrld, "vmptrld (%rdi)")                        \
	X(vmptrst, "vmptrst (%rdi)")                        \
	X(vmread, "mov $0x681e, %ecx; vmread %rcx, %rax")   \
	X(vmwrite, "mov $0x681e, %ecx; vmwrite %rax, %rcx") \
	X(vmlaunch, "vmlaunch")                             \
	X(vmresume, "vmresume")                             \
	X(vmxoff, "vmxoff")                                 \
	X(invept, "mov $2, %ecx; invept (%rdi), %rcx")      \
	X(invvpid, "mov $2, %ecx; invvpid (%rdi), %rcx")    \
	X(vmxon, "vmxon (%rdi)")

#define X(name, insn)                      \
	PAYLOAD(root_##name, insn "; ret") \
	PAYLOAD(user_##name, insn "; ud2; nop")
INSNS(X)
#undef X
PAYLOAD(root_vmfunc, "xor %eax, %eax; xor %ecx, %ecx; vmfunc; ret")

static const struct insn {
	const char *name;
	void (*root)(void), (*user)(void);
} insns[] = {
#define X(name, insn) { #name, root_##name, user_##name },
	INSNS(X)
#undef X
};
#define VMXON_INSN (ARRAY_SIZE(insns) - 1)

static int raises(void (*fn)(void), const void *arg)
{
	return try((void (*)(void *))(u64)fn, (void *)(u64)arg);
}

static void named(u64 got, u64 want, const char *insn, const char *what)
{
	char name[48];

	snprintf(name, sizeof(name), "%s-%s", insn, what);
	check_eq(got, want, name);
}

/* At CPL 3; RDI is what the way there leaves, so no operand is looked at. */
static void all_user(u32 n, int want, const char *what)
{
	for (u32 i = 0; i < n; i++)
		named((u64)try_user(insns[i].user), (u64)want, insns[i].name,
		      what);
}

/* --- compatibility mode ---------------------------------------------------------- */
COMPAT(vmclear, "vmclear word32");
COMPAT(vmptrld, "vmptrld word32");
COMPAT(vmptrst, "vmptrst word32");
COMPAT(vmread, "vmread %ecx, %eax");
COMPAT(vmwrite, "vmwrite %eax, %ecx");
COMPAT(vmlaunch, "vmlaunch");
COMPAT(vmxoff, "vmxoff");
COMPAT(invept, "invept word32, %ecx");
COMPAT(invvpid, "invvpid word32, %ecx");
COMPAT(vmxon, "vmxon word32");
COMPAT(vmcall, "vmcall");
COMPAT(vmfunc, "vmfunc");
COMPAT(cpuid, "xor %eax, %eax; cpuid");
__asm__(".bss; .balign 16; word32: .skip 16; .text");

static void test_compat(void)
{
	static const struct {
		const char *name, *code;
	} rows[] = {
#define ROW(name) { #name, compat_##name }
		ROW(vmclear), ROW(vmptrld),  ROW(vmptrst), ROW(vmread),
		ROW(vmwrite), ROW(vmlaunch), ROW(vmxoff),  ROW(invept),
		ROW(invvpid), ROW(vmxon),    ROW(vmfunc),
	};

	check_eq((u64)try(compat_call, (void *)(u64)compat_cpuid), (u64)-1,
		 "compat-cpuid");
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		named((u64)try(compat_call, (void *)(u64)rows[i].code), VEC_UD,
		      rows[i].name, "compat");
	if (on_abyme() || emulator() != EMU_BOCHS)
		check_eq((u64)try(compat_call, (void *)(u64)compat_vmcall),
			 VEC_UD, "vmcall-compat");
	else
		check_known(false, "vmcall-compat", EMU_BOCHS,
			    "VMCALL in root mode ends Bochs 2.7", "not tried");
}

/* --- outside of VMX operation ------------------------------------------------------ */
static void test_outside(void)
{
	/* CR4.VMXE off: #UD, whatever the privilege */
	for (u32 i = 0; i < ARRAY_SIZE(insns); i++)
		named((u64)raises(insns[i].root, &word), VEC_UD, insns[i].name,
		      "no-vmxe");
	all_user(ARRAY_SIZE(insns), VEC_UD, "no-vmxe-user");
	/* on, but no VMXON yet: all but that are #UD still */
	write_cr4(read_cr4() | CR4_VMXE);
	for (u32 i = 0; i < VMXON_INSN; i++)
		named((u64)raises(insns[i].root, &word), VEC_UD, insns[i].name,
		      "no-vmxon");
	all_user(VMXON_INSN, VEC_UD, "no-vmxon-user");
	named((u64)raises(root_vmfunc, 0), VEC_UD, "vmfunc", "no-vmxon");
	named((u64)try_user(user_vmxon), VEC_GP, "vmxon", "user");
}

/* --- VMXON ----------------------------------------------------------------------------- */
static u64 fixed_cr0;

static void without(u64 bit)
{
	write_cr0(fixed_cr0 & ~bit);
}

static u64 fail_invalid(u64 pa)
{
	return vmxon_insn(pa) == VMX_INVALID;
}

static void test_vmxon(void)
{
	u32 rev = (u32)(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_REVISION);

	/* #GP for CR0 comes before the operand is looked at */
	fixed_cr0 = read_cr0() | CR0_NE;
	without(CR0_NE);
	check_eq((u64)raises(root_vmxon, &word), VEC_GP, "vmxon-no-ne");
	check_eq((u64)raises(root_vmxon, (void *)UNMAPPED), VEC_GP,
		 "vmxon-no-ne-first");
	write_cr0(fixed_cr0);
	check_eq((u64)raises(root_vmxon, (void *)UNMAPPED), VEC_PF,
		 "vmxon-operand-pf");
	check_eq(last_fault()->cr2, UNMAPPED, "vmxon-operand-cr2");
	check_eq((u64)raises(root_vmxon, (void *)HIGH), VEC_GP,
		 "vmxon-operand-gp");
	check(fail_invalid((u64)region + 1), "vmxon-unaligned", "-");
	check(fail_invalid((u64)region | BIT(52)), "vmxon-bit-52", "-");
	check(fail_invalid(BIT(cpuid_reg(0x80000008, 0, EAX) & 0xff)),
	      "vmxon-beyond-width", "-");
	*(u32 *)region = rev | (u32)BIT(31);
	check(fail_invalid((u64)region), "vmxon-revision-bit-31", "-");
	*(u32 *)region = rev + 1;
	check(fail_invalid((u64)region), "vmxon-other-revision", "-");
	check(fail_invalid(NOWHERE), "vmxon-no-memory", "-");
	check(fail_invalid(ROM), "vmxon-rom", "-");
	/* a failure does not enter VMX operation */
	check_eq((u64)raises(root_vmlaunch, 0), VEC_UD, "vmxon-failed");
	*(u32 *)region = rev;
}

/* --- in VMX root operation ---------------------------------------------------------------- */
PAYLOAD(reg_vmxon, ".byte 0xf3, 0x0f, 0xc7, 0xf0; ret")
PAYLOAD(reg_invept, ".byte 0x66, 0x0f, 0x38, 0x80, 0xc8; ret")
PAYLOAD(reg_invvpid, ".byte 0x66, 0x0f, 0x38, 0x81, 0xc8; ret")
PAYLOAD(lock_vmptrld, ".byte 0xf0; vmptrld (%rdi); ret")
PAYLOAD(lock_vmread, "mov $0x681e, %ecx; .byte 0xf0; vmread %rcx, (%rdi); ret")
PAYLOAD(rep_vmwrite, "mov $0x681e, %ecx; .byte 0xf2, 0x0f, 0x79, 0xc8; ret")

static void test_inside(void)
{
	all_user(ARRAY_SIZE(insns), VEC_GP, "user");
	check_eq((u64)raises(reg_vmxon, 0), VEC_UD, "vmxon-register");
	check_eq((u64)raises(reg_invept, 0), VEC_UD, "invept-register");
	check_eq((u64)raises(reg_invvpid, 0), VEC_UD, "invvpid-register");
	check_eq((u64)raises(lock_vmptrld, &word), VEC_UD, "vmptrld-lock");
	check_eq((u64)raises(lock_vmread, &word), VEC_UD, "vmread-lock");
	named((u64)raises(root_vmfunc, 0), VEC_UD, "vmfunc", "root");
}

/* Pointers to what is no VMCS. */
static void test_regions(void)
{
	u64 width = BIT(cpuid_reg(0x80000008, 0, EAX) & 0xff);
	u32 rev = (u32)(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_REVISION);
	static const char *const names[] = { "no-memory", "rom" };
	static const u64 odd[] = { NOWHERE, ROM };
	char name[48];
	u64 v = 0;

	vl2_init(&l2, do_vmcall);
	for (u32 i = 0; i < ARRAY_SIZE(odd); i++) {
		snprintf(name, sizeof(name), "vmptrld-%s", names[i]);
		check(vmptrld(odd[i]) == VMX_VALID &&
			      vmr(VMCS_INSTR_ERROR) == VMXERR_VMPTRLD_REVISION,
		      name, "error %lx", vmr(VMCS_INSTR_ERROR));
		snprintf(name, sizeof(name), "vmclear-%s", names[i]);
		check(vmclear(odd[i]) == VMX_OK, name, "error %lx",
		      vmr(VMCS_INSTR_ERROR));
	}
	check(vmptrld(width) == VMX_VALID &&
		      vmr(VMCS_INSTR_ERROR) == VMXERR_VMPTRLD_ADDR,
	      "vmptrld-width", "error %lx", vmr(VMCS_INSTR_ERROR));
	check(vmclear(width) == VMX_VALID &&
		      vmr(VMCS_INSTR_ERROR) == VMXERR_VMCLEAR_ADDR,
	      "vmclear-width", "error %lx", vmr(VMCS_INSTR_ERROR));
	/* the address goes before the VMXON pointer, that before the revision */
	check(vmptrld((u64)vmxon_page + 1) == VMX_VALID &&
		      vmr(VMCS_INSTR_ERROR) == VMXERR_VMPTRLD_ADDR,
	      "vmptrld-order", "error %lx", vmr(VMCS_INSTR_ERROR));
	*(u32 *)region = rev | (u32)BIT(31);
	if (vmx_has_proc2((u32)PROC2_SHADOW_VMCS)) {
		check(vmptrld((u64)region) == VMX_OK, "vmptrld-shadow", "-");
		check(vmx_enter(&l2.gprs, 0) != 0, "shadow-not-entered", "-");
		vmclear((u64)region);
	} else {
		check(vmptrld((u64)region) == VMX_VALID, "vmptrld-shadow",
		      "no control for it");
	}
	vmptrld((u64)l2.vmcs);
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, (u64)l2.vmcs, "vmptrst");
	/* loaded again it stays as it is, launched and all */
	check_eq(vl2_run(&l2), REASON_VMCALL, "run");
	vmptrld((u64)l2.vmcs);
	check_eq(vl2_run(&l2), REASON_VMCALL, "vmptrld-again");
	/* the launch state goes with the region, not with the CPU's cache */
	vl2_init(&l2, do_vmcall);
	vl2_run(&l2);
	vmclear((u64)l2.vmcs);
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, ~0ull, "vmclear-of-current");
}

/* --- more VMCSs than anything could keep at hand ----------------------------------- */
#define MANY 20

static const u32 encodings[] = {
#define VMCS_FIELD(name, enc, width, type, exists, policy) enc,
#include "vmx/fields.def"
};

/* What only L2 changes, its IDTR, has a value of its own in each. */
PAYLOAD(do_lidt, "movw %ax, -16(%rsp); lidt -16(%rsp); vmcall")

static struct vl2 many[MANY];

static u64 field_value(u32 i, u32 enc)
{
	return (enc + 1) * 0x10204081ull * (i + 1) &
	       (enc >= VMCS_GUEST_ES_AR && enc <= VMCS_GUEST_TR_AR
			? 0xf0ff
			: vmcs_width_mask((u8)VMCS_ENC_WIDTH(enc)));
}

/* Every field of each keeps its value while the others are current. */
static void test_many_fields(void)
{
	u32 lost = 0, kept = 0;
	u64 v;

	for (u32 i = 0; i < MANY; i++) {
		vmclear((u64)many[i].vmcs);
		vmptrld((u64)many[i].vmcs);
		for (u32 n = 0; n < ARRAY_SIZE(encodings); n++)
			if (VMCS_ENC_TYPE(encodings[n]) != VMCS_READONLY)
				vmwrite_insn(encodings[n],
					     field_value(i, encodings[n]));
	}
	for (u32 k = 0; k < MANY; k++) {
		u32 i = k * 7 % MANY;

		if (i & 1)
			vmclear((u64)many[i].vmcs);
		vmptrld((u64)many[i].vmcs);
		for (u32 n = 0; n < ARRAY_SIZE(encodings); n++) {
			u32 e = encodings[n];

			if (VMCS_ENC_TYPE(e) == VMCS_READONLY ||
			    vmread_insn(e, &v) != VMX_OK)
				continue;
			kept++;
			lost += v != field_value(i, e);
		}
	}
	check_eq(lost, 0, "many-fields");
	check(kept > 100 * MANY, "many-fields-tried", "%u", kept);
}

static void start_many(u32 i)
{
	many[i].vmcs = many[i].vmcs ? many[i].vmcs : vmx_region();
	vl2_init(&many[i], do_lidt);
	vmw(VMCS_TSC_OFFSET, 0x1000ull * i);
	vmw(VMCS_GUEST_SYSENTER_EIP, 0x20000ull * i);
	many[i].gprs.rax = 0x800 + i;
	check_eq(vl2_run(&many[i]), REASON_VMCALL, "many-launch");
}

/* As the exit left it, and as L1 wrote it. */
static bool as_left(u32 i)
{
	return vmr(VMCS_GUEST_IDTR_LIMIT) == 0x800 + i &&
	       vmr(VMCS_TSC_OFFSET) == 0x1000ull * i &&
	       vmr(VMCS_GUEST_SYSENTER_EIP) == 0x20000ull * i &&
	       vmr(VMCS_EXIT_REASON) == REASON_VMCALL &&
	       vmr(VMCS_GUEST_RSP) == (u64)&many[i].stack[511];
}

static void test_many(void)
{
	u32 bad = 0;
	u64 v;

	for (u32 i = 0; i < MANY; i++)
		start_many(i);
	/* in another order: each is launched still */
	for (u32 k = 0; k < MANY; k++) {
		u32 i = k * 7 % MANY;

		vmptrld((u64)many[i].vmcs);
		bad += !as_left(i);
		bad += vmx_enter(&many[i].gprs, 0) != 2 ||
		       vmr(VMCS_INSTR_ERROR) != VMXERR_VMLAUNCH_LAUNCHED;
		vmw(VMCS_GUEST_RIP, (u64)do_lidt);
		bad += vl2_run(&many[i]) != REASON_VMCALL || !as_left(i);
	}
	check_eq(bad, 0, "many-resumed");
	/* VMCLEAR of some while others are current: those launch anew */
	for (u32 i = 0; i < MANY; i += 2)
		vmclear((u64)many[i].vmcs);
	__asm__ volatile("vmptrst %0" : "=m"(v));
	check_eq(v, (u64)many[13].vmcs, "many-current");
	for (u32 i = 0; i < MANY; i++) {
		bool launched = i & 1;

		vmptrld((u64)many[i].vmcs);
		bad += !as_left(i);
		bad += vmx_enter(&many[i].gprs, !launched) != 2 ||
		       vmr(VMCS_INSTR_ERROR) !=
			       (launched ? VMXERR_VMLAUNCH_LAUNCHED
					 : VMXERR_VMRESUME_CLEAR);
		vmw(VMCS_GUEST_RIP, (u64)do_lidt);
		many[i].launched = launched;
		bad += vl2_run(&many[i]) != REASON_VMCALL || !as_left(i);
	}
	check_eq(bad, 0, "many-after-vmclear");
}

/* MOV SS before the entry: error 26, before anything else is looked at. */
PAYLOAD(ss_vmlaunch, "mov %ss, %eax; mov %eax, %ss; vmlaunch;"
		     "sbb %rax, %rax; ret")

static void test_mov_ss(void)
{
	vl2_init(&l2, do_vmcall);
	vmw(VMCS_PIN_CTLS, 0);
	check_eq((u64)raises(ss_vmlaunch, 0), (u64)-1, "mov-ss-vmlaunch");
	check_eq(vmr(VMCS_INSTR_ERROR), VMXERR_ENTRY_MOV_SS, "mov-ss-error");
}

/* --- CR0, CR4, IA32_FEATURE_CONTROL ----------------------------------------------------------- */
static void load_cr0(void *v)
{
	write_cr0((u64)v);
}

static void load_cr4(void *v)
{
	write_cr4((u64)v);
}

static void test_crs(void)
{
	static const u64 cr0[] = { CR0_PE, CR0_PG, CR0_NE };
	u64 now0 = read_cr0(), now4 = read_cr4();

	for (u32 i = 0; i < ARRAY_SIZE(cr0); i++)
		check_eq((u64)try(load_cr0, (void *)(now0 & ~cr0[i])), VEC_GP,
			 "cr0-fixed");
	check_eq((u64)try(load_cr0, (void *)(now0 & ~(CR0_PE | CR0_PG))),
		 VEC_GP, "cr0-real-mode");
	check_eq((u64)try(load_cr0, (void *)(now0 ^ CR0_MP)), (u64)-1,
		 "cr0-free");
	check_eq((u64)try(load_cr0, (void *)now0), (u64)-1, "cr0-back");
	check_eq((u64)try(load_cr4, (void *)(now4 & ~CR4_VMXE)), VEC_GP,
		 "cr4-vmxe");
	check_eq((u64)try(load_cr4, (void *)(now4 | BIT(15))), VEC_GP,
		 "cr4-reserved");
	check_eq((u64)try(load_cr4, (void *)(now4 ^ CR4_TSD)), (u64)-1,
		 "cr4-free");
	check_eq((u64)try(load_cr4, (void *)now4), (u64)-1, "cr4-back");
	check_eq(read_cr0(), now0, "cr0-reads");
	check_eq(read_cr4(), now4, "cr4-reads");
}

static void write_lock(void *v)
{
	wrmsr(MSR_FEATURE_CONTROL, (u64)v);
}

static void test_feature_control(void)
{
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);

	check_eq(fc & (FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX),
		 FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX, "feature-control");
	check_eq((u64)try(write_lock, (void *)fc), VEC_GP,
		 "feature-control-same-value");
	check_eq((u64)try(write_lock, (void *)0), VEC_GP,
		 "feature-control-unlock");
}

static void test_off(void)
{
	u64 cr4 = read_cr4();

	__asm__ volatile("vmxoff" : : : "cc", "memory");
	check_eq((u64)try(load_cr0, (void *)(fixed_cr0 & ~CR0_NE)), (u64)-1,
		 "cr0-after-vmxoff");
	write_cr0(fixed_cr0);
	check_eq((u64)try(load_cr4, (void *)(cr4 & ~CR4_VMXE)), (u64)-1,
		 "cr4-after-vmxoff");
	check_eq((u64)try(load_cr4, (void *)(cr4 | CR4_VMXE)), (u64)-1,
		 "cr4-vmxe-again");
	for (u32 i = 0; i < VMXON_INSN; i++)
		named((u64)raises(insns[i].root, &word), VEC_UD, insns[i].name,
		      "after-vmxoff");
	write_cr4(cr4 & ~CR4_VMXE);
}

void main(void)
{
	if (!(cpuid_reg(1, 0, ECX) & BIT(5)))
		die("vmx-present", "CPUID 1 ECX %x", cpuid_reg(1, 0, ECX));
	vmx_on(); /* which locks IA32_FEATURE_CONTROL */
	vmx_off();
	region = page_alloc(1);
	test_outside();
	test_vmxon();
	vmx_on();
	test_inside();
	test_compat();
	test_regions();
	test_many();
	test_many_fields();
	test_mov_ss();
	test_crs();
	test_feature_control();
	test_off();
}
