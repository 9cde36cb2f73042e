/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VMRUN refuses (APM 2, Canonicalization and Consistency Checks), one bit
 * wrong a case: VMEXIT_INVALID, all 64 bits of it, and the VMCB otherwise as it
 * was. The case "good" shows that nothing else is wrong. The emulators' faults
 * are those of a bare run: Abyme checks by itself.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
#include "tests/guests/lib/svm.h"

#define F(name) \
	offsetof(struct vmcb, name##_), sizeof(((struct vmcb *)0)->name##_)

enum how { SET, CLEAR, VALUE };

struct check_case {
	const char *name;
	u32 offset, size;
	enum how how;
	u64 bits;
	bool fine; /* VMRUN has to take it */
	enum emulator emu;
	const char *fault;
};

#define NO_FAULT EMU_NONE, ""
#define TCG_LAX EMU_QEMU, "TCG does not check it"
#define BOCHS_LAX EMU_BOCHS, "Bochs does not check it"
/* entered all the same, the L2 cannot be left again */
#define BOTH_ENDS EMU_ANY | EMU_ENDS, "entered, and lost"

static const struct check_case cases[] = {
	{ "good", F(rip), SET, 0, true, NO_FAULT },
	{ "efer-svme", F(efer), CLEAR, EFER_SVME, false, NO_FAULT },
	{ "cr0-nw-without-cd", F(cr0), SET, CR0_NW, false, NO_FAULT },
	{ "cr0-cd-nw", F(cr0), SET, CR0_NW | CR0_CD, true, NO_FAULT },
	{ "cr0-cd", F(cr0), SET, CR0_CD, true, NO_FAULT },
	{ "cr0-63", F(cr0), SET, BIT(63), false, NO_FAULT },
	{ "cr0-32", F(cr0), SET, BIT(32), false, NO_FAULT },
	{ "cr3-63", F(cr3), SET, BIT(63), false, BOTH_ENDS },
	{ "cr3-52", F(cr3), SET, BIT(52), false, BOTH_ENDS },
	{ "cr4-63", F(cr4), SET, BIT(63), false, NO_FAULT },
	{ "cr4-32", F(cr4), SET, BIT(32), false, NO_FAULT },
	{ "cr4-15", F(cr4), SET, BIT(15), false, NO_FAULT },
	{ "cr4-31", F(cr4), SET, BIT(31), false, NO_FAULT },
	{ "dr6-32", F(dr6), SET, BIT(32), false, NO_FAULT },
	{ "dr6-63", F(dr6), SET, BIT(63), false, NO_FAULT },
	{ "dr7-32", F(dr7), SET, BIT(32), false, NO_FAULT },
	{ "dr7-63", F(dr7), SET, BIT(63), false, NO_FAULT },
	{ "efer-16", F(efer), SET, BIT(16), false, TCG_LAX },
	{ "efer-63", F(efer), SET, BIT(63), false, TCG_LAX },
	{ "efer-9", F(efer), SET, BIT(9), false, TCG_LAX },
	{ "long-without-pae", F(cr4), CLEAR, CR4_PAE, false, NO_FAULT },
	{ "long-without-pe", F(cr0), CLEAR, CR0_PE, false, BOTH_ENDS },
	{ "cs-l-and-d", offsetof(struct vmcb, cs_) + 2, 2, SET, VSEG_DB, false,
	  NO_FAULT },
	{ "no-vmrun-intercept", 4 * ICPT_MISC2, 4, CLEAR, 1, false, NO_FAULT },
	{ "iopm-beyond", F(iopm), SET, BIT(52), false, BOCHS_LAX },
	{ "iopm-52-ones", F(iopm), VALUE, 0xfffffffffffff000, false,
	  BOCHS_LAX },
	{ "iopm-low-bits", F(iopm), SET, 0xfff, true, NO_FAULT },
	{ "msrpm-beyond", F(msrpm), SET, BIT(52), false, BOCHS_LAX },
	{ "msrpm-low-bits", F(msrpm), SET, 0xfff, true, NO_FAULT },
	{ "eventinj-type-1", F(eventinj), VALUE, EVINJ_V | 1 << 8 | 0x30, false,
	  TCG_LAX },
	{ "eventinj-type-5", F(eventinj), VALUE, EVINJ_V | 5 << 8 | 0x30, false,
	  TCG_LAX },
	{ "eventinj-type-6", F(eventinj), VALUE, EVINJ_V | 6 << 8 | 0x30, false,
	  TCG_LAX },
	{ "eventinj-not-valid", F(eventinj), VALUE, 7 << 8 | 0x30, true,
	  NO_FAULT },
	{ "tlb-control-flush", F(tlb_control), VALUE, TLB_FLUSH_ALL, true,
	  NO_FAULT },
	{ "asid-high", F(asid), VALUE, 2, true, NO_FAULT },
	{ "dr6-31", F(dr6), SET, BIT(31), true, NO_FAULT },
	{ "ncr3-without-npt", F(ncr3), SET, BIT(60), true, NO_FAULT },
	{ "g-pat-without-npt", F(g_pat), VALUE, 2, true, NO_FAULT },
	{ "eventinj-type-7", F(eventinj), VALUE, EVINJ_V | 7 << 8 | 0x30, false,
	  TCG_LAX },
	{ "eventinj-exception-2", F(eventinj), VALUE, EVINJ_V | EVINJ_EXC | 2,
	  false, TCG_LAX },
	{ "eventinj-exception-32", F(eventinj), VALUE, EVINJ_V | EVINJ_EXC | 32,
	  false, TCG_LAX },
	{ "asid-0", F(asid), VALUE, 0, false, NO_FAULT },
};

static struct l2 l2;
static struct vmcb before;

PAYLOAD(do_vmmcall, "vmmcall")

/* Those of these emulators whose faults show. */
static enum emulator lax(enum emulator emu)
{
	return on_abyme() ? EMU_NONE : emu & emulator();
}

static void change(const struct check_case *c)
{
	u8 *p = (u8 *)l2.vmcb + c->offset;
	u64 v = 0;

	memcpy(&v, p, c->size);
	v = c->how == SET     ? v | c->bits
	    : c->how == CLEAR ? v & ~c->bits
			      : c->bits;
	memcpy(p, &v, c->size);
}

/* Bytes of the VMCB that a refused VMRUN changed, but for the exit code. */
static u32 changed(u32 *first)
{
	const u8 *a = (const u8 *)&before, *b = (const u8 *)l2.vmcb;
	u32 n = 0;

	for (u32 i = 0; i < sizeof(before); i++) {
		if (i >= offsetof(struct vmcb, exitcode_) &&
		    i < offsetof(struct vmcb, nested_ctl_))
			continue;
		if (a[i] != b[i] && !n++)
			*first = i;
	}
	return n;
}

/* emulator fault: TCG writes the code as 32 bits. */
static bool invalid(u64 code)
{
	return code == VMEXIT_INVALID ||
	       (lax(EMU_QEMU) && code == (u32)VMEXIT_INVALID);
}

static void run(const struct check_case *c)
{
	char name[48];
	u32 first = 0, n;
	u64 code;

	if (c->emu & EMU_ENDS && lax(c->emu)) {
		check_known(false, c->name, c->emu, c->fault, "not tried");
		return;
	}
	l2_init(&l2, do_vmmcall);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	change(c);
	memcpy(&before, l2.vmcb, sizeof(before));
	code = l2_run(&l2);
	if (c->fine) {
		check_eq(code, VMEXIT_VMMCALL, c->name);
		return;
	}
	if (!check_known(invalid(code), c->name, lax(c->emu), c->fault,
			 "exit code %lx", code))
		return;
	snprintf(name, sizeof(name), "%s-unchanged", c->name);
	n = changed(&first);
	check_known(!n, name, lax(EMU_ANY),
		    "a refused VMRUN writes the save area",
		    "%u bytes, first %x", n, first);
}

/* --- VMRUN, VMLOAD, VMSAVE and their operand -------------------------------- */
#define OPERAND_INSN(name)                                            \
	static void insn_##name(void *pa)                             \
	{                                                             \
		__asm__ volatile(#name " %0" : : "a"(pa) : "memory"); \
	}
OPERAND_INSN(vmload)
OPERAND_INSN(vmsave)

static void insn_vmrun(void *pa)
{
	struct l2_gprs g = l2.gprs;

	clgi();
	svm_enter_bare(pa, &g);
}

static void test_operands(void)
{
	static const struct {
		const char *name;
		void (*fn)(void *);
	} insns[] = { { "vmrun", insn_vmrun },
		      { "vmload", insn_vmload },
		      { "vmsave", insn_vmsave } };
	static const struct {
		const char *name;
		u64 pa;
	} bad[] = { { "unaligned", 0x100800 },
		    { "beyond", BIT(52) },
		    { "high", BIT(63) } };
	char name[40];

	for (u32 i = 0; i < ARRAY_SIZE(insns); i++)
		for (u32 k = 0; k < ARRAY_SIZE(bad); k++) {
			int v = try(insns[i].fn, (void *)bad[k].pa);

			stgi();
			snprintf(name, sizeof(name), "%s-%s", insns[i].name,
				 bad[k].name);
			check_eq((u64)v, VEC_GP, name);
		}
}

static void set_hsave(void *pa)
{
	wrmsr(MSR_VM_HSAVE_PA, (u64)pa);
}

static void svme_off(void *unused)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
	vmsave(svm_host);
}

PAYLOAD(user_vmrun, "vmrun %rax")
PAYLOAD(user_vmload, "vmload %rax")
PAYLOAD(user_clgi, "clgi")
PAYLOAD(user_invlpga, "invlpga %rax, %ecx")

static void test_privilege(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} rows[] = { { "user-vmrun", user_vmrun },
		     { "user-vmload", user_vmload },
		     { "user-clgi", user_clgi },
		     { "user-invlpga", user_invlpga } };
	u64 efer = rdmsr(MSR_EFER);

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		check_eq((u64)try_user(rows[i].fn), VEC_GP, rows[i].name);
	check_known(try(set_hsave, (void *)0x123) == VEC_GP, "hsave-unaligned",
		    lax(EMU_ANY), "not checked what is written to MSRs",
		    "no #GP");
	check_known(try(set_hsave, (void *)BIT(52)) == VEC_GP, "hsave-beyond",
		    lax(EMU_ANY), "the address is not checked", "no #GP");
	wrmsr(MSR_VM_HSAVE_PA, (u64)svm_hsave);
	check_eq((u64)try(svme_off, NULL), VEC_UD, "svme-off-ud");
	wrmsr(MSR_EFER, efer);
	vmsave(svm_host);
	check(true, "svme-on-again", "-");
}

void main(void)
{
	svm_on();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		run(&cases[i]);
	test_operands();
	test_privilege();
}
