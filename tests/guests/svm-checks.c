/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VMRUN refuses (APM 2, Canonicalization and Consistency Checks), one bit
 * wrong a case: VMEXIT_INVALID, all 64 bits of it, and the VMCB otherwise as it
 * was. The case "good" shows that nothing else is wrong. The emulators' faults
 * are those of a bare run: Abyme checks by itself.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
#include "tests/guests/lib/modes.h"
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
#define BOTH_END EMU_ANY | EMU_DIES, "entered, and lost"

static const struct check_case cases[] = {
	{ "good", F(rip), SET, 0, true, NO_FAULT },
	{ "efer-svme", F(efer), CLEAR, EFER_SVME, false, NO_FAULT },
	{ "cr0-nw-without-cd", F(cr0), SET, CR0_NW, false, NO_FAULT },
	{ "cr0-cd-nw", F(cr0), SET, CR0_NW | CR0_CD, true, NO_FAULT },
	{ "cr0-cd", F(cr0), SET, CR0_CD, true, NO_FAULT },
	{ "no-vmrun-intercept", 4 * ICPT_MISC2, 4, CLEAR, 1, false, NO_FAULT },
	{ "iopm-low-bits", F(iopm), SET, 0xfff, true, NO_FAULT },
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

/* Fields bit by bit: what may be set alone, what must not. */
static const struct bits_case {
	const char *name;
	u32 offset, size;
	u64 fine, bad;
	bool np;
	enum emulator emu; /* for the bad ones */
	const char *fault;
} bits[] = {
	{ "cr0", F(cr0), BITS(31, 0) & ~CR0_NW, BITS(63, 32), false, NO_FAULT },
	{ "cr4", F(cr4), CR4_PCE,
	  BITS(15, 13) | BIT(19) | BITS(31, 25) | BITS(63, 32), false,
	  TCG_LAX },
	{ "efer", F(efer), EFER_SVME,
	  BITS(7, 1) | BIT(9) | BIT(16) | BIT(19) | BITS(63, 22), false,
	  TCG_LAX },
	{ "dr6", F(dr6), BITS(31, 0), BITS(63, 32), false, NO_FAULT },
	{ "dr7", F(dr7), BITS(31, 0), BITS(63, 32), false, NO_FAULT },
	/* from the end of physical addresses on */
	{ "cr3", F(cr3), 0, BITS(63, 52), false, BOTH_END },
	{ "ncr3", F(ncr3), 0, BITS(63, 52), true, BOTH_END },
	{ "iopm", F(iopm), 0, BITS(63, 52), false, BOCHS_LAX },
	{ "msrpm", F(msrpm), 0, BITS(63, 52), false, BOCHS_LAX },
};

/* Bits of CR4 and EFER that a feature brings. */
static const struct feature {
	bool efer;
	u32 bit, leaf;
	int reg;
	u32 cpuid_bit;
} features[] = {
	{ false, 0, 1, EDX, 1 },	   { false, 1, 1, EDX, 1 },
	{ false, 2, 1, EDX, 4 },	   { false, 3, 1, EDX, 2 },
	{ false, 4, 1, EDX, 3 },	   { false, 5, 1, EDX, 6 },
	{ false, 6, 1, EDX, 7 },	   { false, 7, 1, EDX, 13 },
	{ false, 9, 1, EDX, 24 },	   { false, 10, 1, EDX, 25 },
	{ false, 11, 7, ECX, 2 },	   { false, 12, 7, ECX, 16 },
	{ false, 16, 7, EBX, 0 },	   { false, 17, 1, ECX, 17 },
	{ false, 18, 1, ECX, 26 },	   { false, 20, 7, EBX, 7 },
	{ false, 21, 7, EBX, 20 },	   { false, 22, 7, ECX, 3 },
	{ false, 23, 7, ECX, 7 },	   { false, 24, 7, ECX, 31 },
	{ true, 0, 0x80000001, EDX, 11 },  { true, 11, 0x80000001, EDX, 20 },
	{ true, 14, 0x80000001, EDX, 25 }, { true, 15, 0x80000001, ECX, 17 },
};

#define BOCHS_L_D EMU_BOCHS, "CS.L with CS.D is refused in every mode"
#define TCG_HOST EMU_QEMU | EMU_ENDS, "#VMEXIT leaves the host without paging"
/* The modes of L2: 64-bit paging and what it needs, and all without it. */
static const struct mode_case {
	const char *name;
	bool lme, pg, pae, pe, l, d;
	bool fine;
	enum emulator emu;
	const char *fault;
} modes[] = {
	{ "mode-64", 1, 1, 1, 1, 1, 0, true, NO_FAULT },
	{ "mode-64-d", 1, 1, 1, 1, 1, 1, false, NO_FAULT },
	{ "mode-compat", 1, 1, 1, 1, 0, 1, true, NO_FAULT },
	{ "mode-compat-16", 1, 1, 1, 1, 0, 0, true, NO_FAULT },
	{ "mode-no-pae", 1, 1, 0, 1, 1, 0, false, NO_FAULT },
	{ "mode-no-pe", 1, 1, 1, 0, 1, 0, false, BOTH_END },
	{ "mode-no-pae-pe", 1, 1, 0, 0, 1, 0, false, BOTH_END },
	{ "mode-no-pg", 1, 0, 1, 1, 1, 1, true, BOCHS_L_D },
	{ "mode-no-pg-d", 1, 0, 1, 1, 0, 1, true, NO_FAULT },
	{ "mode-no-pg-pae", 1, 0, 0, 1, 0, 1, true, TCG_HOST },
	{ "mode-no-pg-pe", 1, 0, 0, 0, 0, 0, true, TCG_HOST },
	{ "mode-no-pg-pe-pae", 1, 0, 1, 0, 0, 0, true, NO_FAULT },
	{ "mode-pae", 0, 1, 1, 1, 0, 1, true, NO_FAULT },
	{ "mode-pae-l-d", 0, 1, 1, 1, 1, 1, true, BOCHS_L_D },
	{ "mode-32", 0, 1, 0, 1, 0, 1, true, NO_FAULT },
	{ "mode-pm", 0, 0, 0, 1, 0, 1, true, NO_FAULT },
	{ "mode-real", 0, 0, 0, 0, 0, 0, true, NO_FAULT },
	/* APM 2, Paged Real Mode */
	{ "mode-paged-real", 0, 1, 0, 0, 0, 0, true, NO_FAULT },
};

/* Where a map may end. */
static const struct map_case {
	const char *name;
	u32 offset;
	u32 pages; /* from its begin to the end of physical addresses */
	bool fine;
	enum emulator emu;
	const char *fault;
} maps[] = {
	{ "iopm-last", offsetof(struct vmcb, iopm_), 3, true, NO_FAULT },
	{ "iopm-two-of-three", offsetof(struct vmcb, iopm_), 2, false, EMU_ANY,
	  "the end is not looked at" },
	{ "iopm-one-of-three", offsetof(struct vmcb, iopm_), 1, false, EMU_ANY,
	  "the end is not looked at" },
	{ "msrpm-last", offsetof(struct vmcb, msrpm_), 2, true, EMU_QEMU,
	  "the last page is refused" },
	{ "msrpm-one-of-two", offsetof(struct vmcb, msrpm_), 1, false, EMU_ANY,
	  "the end is not looked at" },
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

/* Bytes of the VMCB that a refused VMRUN changed, but for the exit code (bare,
 * the exit information too). */
static u32 changed(u32 *first)
{
	const u8 *a = (const u8 *)&before, *b = (const u8 *)l2.vmcb;
	u32 n = 0, end = lax(EMU_ANY) ? offsetof(struct vmcb, nested_ctl_)
				      : offsetof(struct vmcb, exitinfo1_);

	for (u32 i = 0; i < sizeof(before); i++) {
		if (i >= offsetof(struct vmcb, exitcode_) && i < end)
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

static u64 enter(void)
{
	memcpy(&before, l2.vmcb, sizeof(before));
	return l2_run(&l2);
}

/* It is not to be tried: a failure, and known. */
static bool lost(const char *name, enum emulator emu, const char *fault)
{
	if (!(emu & EMU_DIES && lax(emu)) &&
	    !(emu & EMU_ENDS && emu & emulator()))
		return false;
	check_known(false, name, emu, fault, "not tried");
	return true;
}

static void outcome(const char *what, bool fine, enum emulator emu,
		    const char *fault)
{
	u64 code = enter();
	char name[48];
	u32 first = 0, n;

	if (fine) {
		check_known(code == VMEXIT_VMMCALL, what, emu, fault,
			    "exit code %lx", code);
		return;
	}
	if (!check_known(invalid(code), what, lax(emu), fault, "exit code %lx",
			 code))
		return;
	snprintf(name, sizeof(name), "%s-unchanged", what);
	n = changed(&first);
	check_known(!n, name, lax(EMU_ANY),
		    "a refused VMRUN writes the save area",
		    "%u bytes, first %x", n, first);
}

static void prepare(void)
{
	l2_init(&l2, do_vmmcall);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
}

static void run(const struct check_case *c)
{
	if (lost(c->name, c->emu, c->fault))
		return;
	prepare();
	change(c);
	outcome(c->name, c->fine, c->emu, c->fault);
}

/* --- bit by bit ------------------------------------------------------------- */
static void by_features(bool efer, u64 *fine, u64 *bad)
{
	for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		if (f->efer != efer)
			continue;
		if (cpuid_reg(f->leaf, 0, f->reg) >> f->cpuid_bit & 1)
			*fine |= BIT(f->bit);
		else
			*bad |= BIT(f->bit);
	}
}

static u32 phys_bits(void)
{
	return cpuid_reg(0x80000008, 0, EAX) & 0xff;
}

static void run_bits(const struct bits_case *c)
{
	u64 fine = c->fine, bad = c->bad, refused = 0, taken = 0, touched = 0;
	char name[48];
	u32 first;

	if (lost(c->name, c->emu, c->fault) || (c->np && !svm_has(SVM_NPT)))
		return;
	if (bad == BITS(63, 52))
		bad = ~(BIT(phys_bits()) - 1);
	if (c->offset == offsetof(struct vmcb, cr4_) ||
	    c->offset == offsetof(struct vmcb, efer_))
		by_features(c->offset == offsetof(struct vmcb, efer_), &fine,
			    &bad);
	for (u32 i = 0; i < 64; i++) {
		struct check_case one = { .offset = c->offset,
					  .size = c->size,
					  .how = SET,
					  .bits = BIT(i) };
		u64 code;

		if (!((fine | bad) & BIT(i)))
			continue;
		prepare();
		if (c->np) {
			vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
			vmcb_set_ncr3(l2.vmcb, read_cr3());
		}
		change(&one);
		code = enter();
		/* L2 need not come far with it */
		if (fine & BIT(i) && invalid(code))
			refused |= BIT(i);
		if (bad & BIT(i) && !invalid(code))
			taken |= BIT(i);
		if (bad & BIT(i) && invalid(code) && changed(&first))
			touched |= BIT(i);
	}
	snprintf(name, sizeof(name), "%s-bits-fine", c->name);
	check_known(!refused, name, refused == EFER_TCE ? EMU_BOCHS : EMU_NONE,
		    "EFER.TCE is refused, though CPUID has it", "refused: %lx",
		    refused);
	snprintf(name, sizeof(name), "%s-bits-bad", c->name);
	check_known(!taken, name, lax(c->emu), c->fault, "taken: %lx", taken);
	snprintf(name, sizeof(name), "%s-bits-unchanged", c->name);
	check_known(!touched, name, lax(EMU_ANY),
		    "a refused VMRUN writes the save area", "%lx", touched);
}

/* EVENTINJ with a vector that is no exception's, or none of 64-bit mode. */
static void test_vectors(void)
{
	const u64 none = BIT(VEC_NMI) | BIT(VEC_BR) | BIT(9) | BIT(15) |
			 BIT(20) | BITS(27, 22) | BIT(29) | BIT(31);
	u64 taken = 0;

	for (u32 v = 0; v < 256; v++) {
		if (v < 32 && !(none & BIT(v)))
			continue;
		prepare();
		vmcb_set_eventinj(l2.vmcb, EVINJ_V | EVINJ_EXC | v);
		l2.vmcb->idtr_.limit = 0; /* taken, it is an exit */
		if (!invalid(enter()))
			taken |= BIT(v % 64);
	}
	check_known(!taken, "eventinj-vectors", lax(EMU_ANY),
		    "not all are looked at", "taken, modulo 64: %lx", taken);
}

/* --- modes and maps ----------------------------------------------------------- */
static void set_mode(const struct mode_case *c)
{
	extern u32 pd32[];
	extern u64 pae_pdpt[];
	u64 cr0 = CR0_ET | (c->pe ? CR0_PE : 0) | (c->pg ? CR0_PG : 0);
	struct vmcb_seg s;

	if (!c->pe)
		l2_init_real(&l2, (void *)(u64)do_vmmcall, 3, LOW_BASE);
	else
		l2_init_pm32(&l2, (void *)(u64)do_vmmcall);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	s = *vmcb_cs(l2.vmcb);
	s.attr &= ~(VSEG_L | VSEG_DB);
	s.attr |= (u16)((c->l ? VSEG_L : 0) | (c->d ? VSEG_DB : 0));
	vmcb_set_cs(l2.vmcb, &s);
	vmcb_set_efer(l2.vmcb, EFER_SVME | (c->lme ? EFER_LME : 0) |
				       (c->lme && c->pg ? EFER_LMA : 0));
	vmcb_set_cr0(l2.vmcb, cr0);
	vmcb_set_cr4(l2.vmcb, CR4_PSE | (c->pae ? CR4_PAE : 0));
	vmcb_set_cr3(l2.vmcb, c->lme   ? read_cr3()
			      : c->pae ? (u64)pae_pdpt
				       : (u64)pd32);
}

static void test_modes(void)
{
	modes_init();
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct mode_case *c = &modes[i];

		if (lost(c->name, c->emu, c->fault))
			continue;
		set_mode(c);
		outcome(c->name, c->fine, c->emu, c->fault);
	}
}

static void test_maps(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(maps); i++) {
		const struct map_case *c = &maps[i];
		u64 at = BIT(phys_bits()) - c->pages * PAGE_SIZE;

		prepare();
		memcpy((u8 *)l2.vmcb + c->offset, &at, sizeof(at));
		outcome(c->name, c->fine, c->emu, c->fault);
	}
}

/* --- L1 after a refusal --------------------------------------------------------- */
static u32 nmis;

static bool on_nmi(struct regs *r)
{
	nmis++;
	return true;
}

/* VMRUN has been, and with it GIF is 0. */
static void test_gif(void)
{
	struct l2_gprs g = { 0 };

	set_hook(VEC_NMI, on_nmi);
	prepare();
	vmcb_set_asid(l2.vmcb, 0);
	svm_enter(l2.vmcb, &g, svm_host);
	check(invalid(vmcb_exitcode(l2.vmcb)), "refused-with-gif", "-");
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
	delay_us(100);
	check_eq(nmis, 0, "refused-clears-gif");
	stgi();
	__asm__ volatile("nop");
	check_eq(nmis, 1, "refused-stgi");
	/* the same VMCB, put right */
	vmcb_set_asid(l2.vmcb, 1);
	check_known(l2_run(&l2) == VMEXIT_VMMCALL, "refused-then-good",
		    lax(EMU_ANY), "a refused VMRUN writes the save area", "%lx",
		    vmcb_exitcode(l2.vmcb));
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
	for (u32 i = 0; i < ARRAY_SIZE(bits); i++)
		run_bits(&bits[i]);
	test_vectors();
	test_modes();
	test_maps();
	test_gif();
	test_operands();
	test_privilege();
}
