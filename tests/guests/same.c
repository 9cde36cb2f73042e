/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program can find out about its processor, printed: CPUID's leaves,
 * every MSR, which bits of control registers can be set, and what unusual
 * instructions do. The boot test compares the lines of a bare run with those
 * on Abyme: a processor's software is not to see a difference but for those
 * that are listed there. (It is no test by itself.)
 */
#include "tests/guests/lib/guest.h"

#define CPUID_EXT 0x80000000u

/* --- CPUID ---------------------------------------------------------------- */
static bool has_subleaves(u32 leaf)
{
	switch (leaf) {
	case 4:
	case 7:
	case 0xb:
	case 0xd:
	case 0xf:
	case 0x10:
	case 0x12:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1d:
	case 0x1f:
	case 0x8000001d:
	case 0x80000020:
	case 0x80000026:
		return true;
	default:
		return false;
	}
}

static void print_leaf(u32 leaf, u32 sub)
{
	u32 r[4];

	cpuid(leaf, sub, r);
	print("same: cpuid %x.%x %x %x %x %x\n", leaf, sub, r[EAX], r[EBX],
	      r[ECX], r[EDX]);
}

/* One leaf more than there are, too: it has an answer as well. */
static void print_leaves(u32 first)
{
	u32 last = cpuid_reg(first, 0, EAX) + 1;

	for (u32 leaf = first; leaf <= last; leaf++)
		for (u32 sub = 0; sub < (has_subleaves(leaf) ? 10u : 2u); sub++)
			print_leaf(leaf, sub);
}

/* --- MSRs ------------------------------------------------------------------ */
/* These count: time, and what has been done. */
static bool counts(u32 msr)
{
	switch (msr) {
	case 0x10:  /* TSC */
	case 0x34:  /* SMIs */
	case 0xe7:  /* MPERF */
	case 0xe8:  /* APERF */
	case 0x4f:  /* PPIN */
	case 0x832: /* x2APIC timer */
	case 0x839:
	case 0xc00000e7:
	case 0xc00000e8:
		return true;
	default:
		return false;
	}
}

static void print_msrs(u32 first, u32 n)
{
	u32 gp = 0;
	u64 val;

	for (u32 msr = first; msr < first + n; msr++) {
		bool bad = rdmsr_safe(msr, &val);

		if (bad && !gp++)
			print("same: msr %x #GP\n", msr);
		if (bad || counts(msr))
			continue;
		if (gp > 1)
			print("same: msr to %x #GP\n", msr - 1);
		gp = 0;
		if (val)
			print("same: msr %x %lx\n", msr, val);
	}
	if (gp)
		print("same: msr to the end #GP\n");
}

/* --- control registers ------------------------------------------------------ */
static void flip_cr0(void *bit)
{
	u64 cr0 = read_cr0();

	write_cr0(cr0 ^ (u64)bit);
	write_cr0(cr0);
}

static void flip_cr4(void *bit)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 ^ (u64)bit);
	write_cr4(cr4);
}

static void flip_efer(void *bit)
{
	u64 efer = rdmsr(MSR_EFER);

	wrmsr(MSR_EFER, efer ^ (u64)bit);
	wrmsr(MSR_EFER, efer);
}

static void flip_cr8(void *bit)
{
	write_cr8((u64)bit);
	write_cr8(0);
}

static void flip_dr7(void *bit)
{
	write_dr7(0x400 | (u64)bit);
	write_dr7(0x400);
}

static void flip_dr6(void *bit)
{
	write_dr6(0xffff0ff0 ^ (u64)bit);
	write_dr6(0xffff0ff0);
}

static void set_xcr0(void *val)
{
	__asm__ volatile("xsetbv"
			 :
			 : "a"((u32)(u64)val), "d"((u32)((u64)val >> 32)),
			   "c"(0));
}

/* Paging and long mode have to stay; interrupts of their own are not wanted. */
#define CR0_KEEP (CR0_PE | CR0_PG | CR0_WP)
#define CR4_KEEP (CR4_PAE | CR4_SMEP | CR4_SMAP) /* the pages are CPL 3's */
#define EFER_KEEP (EFER_LME | EFER_LMA)

static void print_bits(const char *name, void (*flip)(void *), u64 keep)
{
	u64 gp = 0, other = 0;

	for (u32 i = 0; i < 64; i++) {
		int vector = keep >> i & 1 ? -1 : try(flip, (void *)BIT(i));

		if (vector == VEC_GP)
			gp |= BIT(i);
		else if (vector >= 0)
			other |= BIT(i);
	}
	print("same: %s #GP for %lx, others %lx\n", name, gp, other);
}

static void print_xcr0(void)
{
	u64 gp = 0;

	if (!cpu_xsave())
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	for (u32 i = 0; i < 32; i++)
		if (try(set_xcr0, (void *)(u64)i) >= 0)
			gp |= BIT(i);
	try(set_xcr0, (void *)1);
	print("same: xcr0 #GP for values %lx\n", gp);
	for (u32 sub = 0; sub < 4; sub++)
		print_leaf(0xd, sub);
	print_leaf(1, 0);
	write_cr4(read_cr4() & ~CR4_OSXSAVE);
}

/* emulator fault: TCG does not check what is written to control registers,
 * and hangs or ends by it; in an SVM guest Bochs does not check CR0 (a case of
 * each is in exits.c). */
static void print_registers(void)
{
	print("same: cr0 %lx cr4 %lx efer %lx\n", read_cr0(), read_cr4(),
	      rdmsr(MSR_EFER));
	print("same: dr6 %lx dr7 %lx\n", read_dr6(), read_dr7());
	if (emulator() == EMU_QEMU)
		return;
	if (!cpu_vendor_is("AuthenticAMD"))
		print_bits("cr0", flip_cr0, CR0_KEEP);
	print_bits("cr4", flip_cr4, CR4_KEEP);
	print_bits("efer", flip_efer, EFER_KEEP);
	print_bits("cr8", flip_cr8, 0);
	print_bits("dr7", flip_dr7, 0);
	print_bits("dr6", flip_dr6, 0);
	print_xcr0();
}

void main(void)
{
	print_leaves(0);
	print_leaves(CPUID_EXT);
	print_msrs(0, 0x2000);
	print_msrs(0xc0000000, 0x2000);
	print_msrs(0xc0010000, 0x2000);
	print_registers();
	check(true, "swept", "-");
}
