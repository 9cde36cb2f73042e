/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translations of L2 and what makes them void: each TLB_CONTROL, ASIDs, nCR3,
 * CR3, and L2's own INVLPG and CR writes; with nested paging and with page
 * tables that L1 makes for L2. What L1's EFER.NXE, L2's EFER.NXE and CR0.WP
 * make of the same tables. Bitmaps at addresses with low bits set.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu name=off hv=svm.features=-flushbyasid timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define GPA GiB(4)
#define PA MiB(64)
#define NX BIT(63)
#define G BIT(8)
#define SEEN(n) (u8)(0x10 + (n))

static struct l2 l2;

static enum emulator lax(enum emulator emu)
{
	return on_abyme() ? EMU_NONE : emu & emulator();
}

PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmmcall")
PAYLOAD(do_write, "movb $9, 0x123(%rdi); vmmcall")
/* reads, changes the entry at RSI to RDX, invalidates somehow, reads again */
#define CHANGE "movb 0x123(%rdi), %bl; mov %rdx, (%rsi);"
#define AGAIN "movb 0x123(%rdi), %al; vmmcall"
PAYLOAD(do_invlpg, CHANGE "invlpg (%rdi);" AGAIN)
PAYLOAD(do_cr3, CHANGE "mov %cr3, %rcx; mov %rcx, %cr3;" AGAIN)
PAYLOAD(do_pge, CHANGE "mov %cr4, %rcx; xor $0x80, %rcx; mov %rcx, %cr4;" AGAIN)
PAYLOAD(do_pg, CHANGE "mov %cr0, %rcx; xor $0x10000, %rcx; mov %rcx, %cr0;"
		      "invlpg (%rdi);" AGAIN)

static void fill(void)
{
	for (u32 i = 0; i < 8; i++)
		*(volatile u8 *)(PA + i * PAGE_SIZE + 0x123) = SEEN(i);
}

static u64 page(u32 i)
{
	return PA + i * PAGE_SIZE;
}

/* @root: the nested table (@np), or L2's own. */
static void prepare(void (*code)(void), u64 *root, bool np, u32 asid, u32 tlb)
{
	l2_init(&l2, code);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	if (np) {
		vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
		vmcb_set_ncr3(l2.vmcb, (u64)root);
	} else {
		vmcb_set_cr3(l2.vmcb, (u64)root);
	}
	vmcb_set_asid(l2.vmcb, asid);
	vmcb_set_tlb_control(l2.vmcb, tlb);
	l2.gprs.rdi = GPA;
}

static u8 read_by(u64 *root, bool np, u32 asid, u32 tlb)
{
	prepare(do_read, root, np, asid, tlb);
	return l2_run(&l2) == VMEXIT_VMMCALL ? (u8)vmcb_rax(l2.vmcb) : 0;
}

/* --- what L1 may do ------------------------------------------------------------ */
static void test_controls(bool np)
{
	static const struct {
		const char *name;
		u32 tlb;
		u64 feature;
	} rows[] = { { "all", TLB_FLUSH_ALL, 0 },
		     { "asid", TLB_FLUSH_ASID, SVM_FLUSH_ASID },
		     { "nonglobal", TLB_FLUSH_NONGLOBAL, SVM_FLUSH_ASID } };
	u64 *root = table_identity(7, 7), *e;
	char name[40];

	table_map(root, GPA, page(0), 1, 7, 7);
	e = table_entry(root, GPA, 1, 7);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!svm_has(rows[i].feature))
			continue;
		for (u32 n = 0; n < 6; n++) {
			*e = page(n) | 7;
			snprintf(name, sizeof(name), "%s-%s-%u",
				 np ? "npt" : "shadow", rows[i].name, n);
			check_eq(read_by(root, np, 1, rows[i].tlb), SEEN(n),
				 name);
			/* and it stays so, whatever is cached */
			check_eq(read_by(root, np, 1, TLB_NOTHING), SEEN(n),
				 "stays");
		}
	}
}

static void test_asids(bool np)
{
	u64 *a = table_identity(7, 7), *b = table_identity(7, 7), *e;
	u32 max = MIN(cpuid_reg(SVM_FEATURES_LEAF, 0, EBX), 40u), bad = 0;

	table_map(a, GPA, page(1), 1, 7, 7);
	table_map(b, GPA, page(2), 1, 7, 7);
	e = table_entry(a, GPA, 1, 7);
	check_eq(read_by(a, np, 1, TLB_FLUSH_ALL), SEEN(1), "asid-1");
	check_eq(read_by(b, np, 2, TLB_NOTHING), SEEN(2), "asid-2");
	for (u32 i = 0; i < 100; i++)
		bad += read_by(i & 1 ? a : b, np, i & 1 ? 1 : 2, TLB_NOTHING) !=
		       SEEN(i & 1 ? 1 : 2);
	check_eq(bad, 0, "asids-in-turn");
	/* one flushed: the other one keeps what is right for it */
	*e = page(3) | 7;
	if (svm_has(SVM_FLUSH_ASID)) {
		check_eq(read_by(b, np, 2, TLB_FLUSH_ASID), SEEN(2), "other");
		check_eq(read_by(a, np, 1, TLB_FLUSH_ASID), SEEN(3), "flushed");
	}
	check_eq(read_by(a, np, 1, TLB_FLUSH_ALL), SEEN(3), "asid-1-again");
	/* every ASID there is; flushing all of them from one */
	for (u32 i = 1; i < max; i++)
		bad += read_by(a, np, i, TLB_NOTHING) != SEEN(3);
	*e = page(4) | 7;
	bad += read_by(a, np, 1, TLB_FLUSH_ALL) != SEEN(4);
	for (u32 i = 1; i < max; i++)
		bad += read_by(a, np, i, TLB_NOTHING) != SEEN(4);
	check_eq(bad, 0, "all-asids");
	/* another root under the same ASID, flushed */
	check_eq(read_by(b, np, 1, TLB_FLUSH_ALL), SEEN(2), "new-root");
	check_eq(read_by(a, np, 1, TLB_FLUSH_ALL), SEEN(4), "old-root");
}

#define MANY 12 /* more than L0 keeps at a time */

/* ASIDs in turn, each with a root of its own; one page of one made void by
 * INVLPGA, by TLB_CONTROL 3 or by all of them being. */
static void test_many(bool np)
{
	static u64 *roots[MANY];
	u64 *e[MANY];
	u8 now[MANY];
	u32 bad = 0, others = 0;

	for (u32 i = 0; i < MANY; i++) {
		if (!roots[i])
			roots[i] = table_identity(7, 7);
		now[i] = (u8)(i % 4);
		table_map(roots[i], GPA, page(now[i]), 1, 7, 7);
		e[i] = table_entry(roots[i], GPA, 1, 7);
		bad += read_by(roots[i], np, i + 1, TLB_FLUSH_ALL) !=
		       SEEN(now[i]);
	}
	for (u32 n = 0; n < 3 * MANY; n++) {
		u32 i = n * 5 % MANY, tlb = TLB_NOTHING;

		now[i] = (u8)((now[i] + 4) % 8);
		*e[i] = page(now[i]) | 7;
		if (n % 3 == 1 && svm_has(SVM_FLUSH_ASID))
			tlb = TLB_FLUSH_ASID;
		else if (n % 3 == 2)
			tlb = TLB_FLUSH_ALL;
		else
			invlpga(GPA, i + 1);
		bad += read_by(roots[i], np, i + 1, tlb) != SEEN(now[i]);
		for (u32 k = 0; k < MANY; k++)
			others += read_by(roots[k], np, k + 1, TLB_NOTHING) !=
				  SEEN(now[k]);
	}
	check_eq(bad, 0, np ? "many-npt" : "many-shadow");
	check_eq(others, 0, np ? "many-npt-others" : "many-shadow-others");
}

/* An ASID that is with nested paging now and without then: what makes its
 * translations void in one makes those of the other void, too. */
static void test_switch(void)
{
	static const struct {
		const char *name;
		u32 tlb;
		u64 feature;
	} rows[] = { { "all", TLB_FLUSH_ALL, 0 },
		     { "asid", TLB_FLUSH_ASID, SVM_FLUSH_ASID },
		     { "invlpga", TLB_NOTHING, 0 } };
	u64 *npt = table_identity(7, 7), *own = table_identity(7, 7), *e[2];
	u64 *roots[2] = { own, npt };
	char name[40];

	for (u32 np = 0; np < 2; np++) {
		table_map(roots[np], GPA, page(0), 1, 7, 7);
		e[np] = table_entry(roots[np], GPA, 1, 7);
	}
	for (u32 i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		u32 np = i & 1, tlb = rows[i / 2].tlb;

		if (!svm_has(rows[i / 2].feature))
			continue;
		*e[0] = *e[1] = page(1) | 7;
		read_by(roots[np], np, 5, TLB_FLUSH_ALL);
		*e[np] = page(2) | 7;
		/* the other kind runs in between, and makes it void */
		if (!tlb)
			invlpga(GPA, 5);
		snprintf(name, sizeof(name), "switch-%s-%u", rows[i / 2].name,
			 np);
		check_eq(read_by(roots[!np], !np, 5, tlb), SEEN(1), name);
		check_eq(read_by(roots[np], np, 5, TLB_NOTHING), SEEN(2), name);
	}
}

/* Another nCR3 under the same ASID, flushed each way; without a flush the old
 * translations may be there or not, but no third ones. */
static void test_ncr3(void)
{
	u64 *roots[3], *e;
	u32 bad = 0, wild = 0;

	for (u32 i = 0; i < 3; i++) {
		roots[i] = table_identity(7, 7);
		table_map(roots[i], GPA, page(i), 1, 7, 7);
	}
	for (u32 n = 0; n < 30; n++) {
		u32 i = n * 7 % 3;
		u8 v;

		bad += read_by(roots[i], true, 6,
			       n % 2 && svm_has(SVM_FLUSH_ASID)
				       ? TLB_FLUSH_ASID
				       : TLB_FLUSH_ALL) != SEEN(i);
		v = read_by(roots[(i + 1) % 3], true, 6, TLB_NOTHING);
		wild += v != SEEN(i) && v != SEEN((i + 1) % 3);
	}
	check_eq(bad, 0, "ncr3-flushed");
	check_eq(wild, 0, "ncr3-not-flushed");
	/* its table gone and come again at the same address */
	e = table_entry(roots[0], GPA, 1, 7);
	*e = page(7) | 7;
	check_eq(read_by(roots[0], true, 6, TLB_FLUSH_ALL), SEEN(7),
		 "ncr3-again");
}

/* --- what L2 may do -------------------------------------------------------------- */
static void test_own(bool np)
{
	static const struct {
		const char *name;
		void (*code)(void);
		u64 bits;
	} rows[] = { { "invlpg", do_invlpg, 7 },
		     { "invlpg-global", do_invlpg, 7 | G },
		     { "cr3", do_cr3, 7 },
		     { "pge", do_pge, 7 | G },
		     { "cr0", do_pg, 7 } };
	u64 *own = table_identity(7, 7), *npt = table_identity(7, 7), *e;
	char name[40];

	table_map(own, GPA, page(0), 1, 7, 7);
	e = table_entry(own, GPA, 1, 7);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		*e = page(5) | rows[i].bits;
		prepare(rows[i].code, own, false, 3, TLB_FLUSH_ALL);
		vmcb_set_cr4(l2.vmcb, read_cr4() | CR4_PGE);
		if (np) {
			vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
			vmcb_set_ncr3(l2.vmcb, (u64)npt);
		}
		l2.gprs.rsi = (u64)e;
		l2.gprs.rdx = page(6) | rows[i].bits;
		snprintf(name, sizeof(name), "own-%s%s", rows[i].name,
			 np ? "-npt" : "");
		check_eq(l2_run(&l2), VMEXIT_VMMCALL, name);
		check_eq(l2.gprs.rbx & 0xff, SEEN(5), "own-before");
		check_eq(vmcb_rax(l2.vmcb) & 0xff, SEEN(6), name);
	}
}

/* --- bits that depend on others ----------------------------------------------------- */
static void test_nxe(void)
{
	u64 *npt = table_identity(7, 7), efer = rdmsr(MSR_EFER);
	const u64 info = NPF_U | NPF_FINAL | NPF_P | NPF_RSV;

	table_map(npt, GPA, page(1), 1, 7, 7 | NX);
	wrmsr(MSR_EFER, efer | EFER_NXE);
	check_eq(read_by(npt, true, 1, TLB_FLUSH_ALL), SEEN(1), "nxe-read");
	wrmsr(MSR_EFER, efer & ~EFER_NXE);
	prepare(do_read, npt, true, 1, TLB_FLUSH_ALL);
	vmcb_set_efer(l2.vmcb, efer | EFER_NXE); /* L2's does not matter */
	check_known(l2_run(&l2) == VMEXIT_NPF, "no-nxe-reserved", lax(EMU_ANY),
		    "the guest's NXE counts", "%lx", vmcb_exitcode(l2.vmcb));
	if (vmcb_exitcode(l2.vmcb) == VMEXIT_NPF)
		check_known(vmcb_exitinfo1(l2.vmcb) == info, "no-nxe-info",
			    lax(EMU_ANY), "other bits", "%lx",
			    vmcb_exitinfo1(l2.vmcb));
	wrmsr(MSR_EFER, efer | EFER_NXE);
	check_eq(read_by(npt, true, 1, TLB_FLUSH_ALL), SEEN(1), "nxe-again");
	wrmsr(MSR_EFER, efer);
}

PAYLOAD(do_nxe_off, "movb 0x123(%rdi), %bl; mov $0xc0000080, %ecx; rdmsr;"
		    "btr $11, %eax; wrmsr; mov %cr3, %rcx; mov %rcx, %cr3;"
		    "movb 0x123(%rdi), %al; vmmcall")
PAYLOAD(do_nxe_on, "mov $0xc0000080, %ecx; rdmsr; bts $11, %eax; wrmsr;"
		   "mov %cr3, %rcx; mov %rcx, %cr3;"
		   "movb 0x123(%rdi), %al; vmmcall")

/* EFER.NXE as L2 changes it, which L0 does for it. */
static void test_l2_efer(bool np)
{
	u64 *own = table_identity(7, 7), efer = rdmsr(MSR_EFER);
	u64 *npt = table_identity(7, 7);

	table_map(own, GPA, page(1), 1, 7, 7 | NX);
	for (u32 on = 0; on < 2; on++) {
		prepare(on ? do_nxe_on : do_nxe_off, own, false, 1,
			TLB_FLUSH_ALL);
		vmcb_set_efer(l2.vmcb, on ? efer & ~EFER_NXE : efer | EFER_NXE);
		if (np) {
			vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
			vmcb_set_ncr3(l2.vmcb, (u64)npt);
		}
		check_eq(l2_run(&l2), on ? VMEXIT_VMMCALL : VMEXIT_EXC + VEC_PF,
			 on ? "efer-nxe-on" : "efer-nxe-off");
		check_eq(vmcb_efer(l2.vmcb) & EFER_NXE, on ? EFER_NXE : 0,
			 "efer-nxe");
		if (on)
			check_eq(vmcb_rax(l2.vmcb) & 0xff, SEEN(1),
				 "efer-nxe-read");
		else
			check_eq(l2.gprs.rbx & 0xff, SEEN(1), "efer-nxe-read");
	}
}

static void test_l2_bits(void)
{
	u64 *own = table_identity(7, 7), efer = rdmsr(MSR_EFER);

	table_map(own, GPA, page(1), 1, 7, 7 | NX);
	prepare(do_read, own, false, 1, TLB_FLUSH_ALL);
	vmcb_set_efer(l2.vmcb, efer | EFER_NXE);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "l2-nxe");
	prepare(do_read, own, false, 1, TLB_FLUSH_ALL);
	vmcb_set_efer(l2.vmcb, efer & ~EFER_NXE);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_PF, "l2-no-nxe");
	check_known(vmcb_exitinfo1(l2.vmcb) == 9, "l2-no-nxe-error", EMU_QEMU,
		    "no P bit for a reserved bit", "%lx",
		    vmcb_exitinfo1(l2.vmcb));
	check_eq(vmcb_exitinfo2(l2.vmcb), GPA + 0x123, "l2-no-nxe-address");
	table_map(own, GPA, page(7), 1, 7, 5);
	prepare(do_write, own, false, 1, TLB_FLUSH_ALL);
	vmcb_set_cr0(l2.vmcb, read_cr0() | CR0_WP);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_PF, "l2-wp");
	check_eq(vmcb_exitinfo1(l2.vmcb), 3, "l2-wp-error");
	prepare(do_write, own, false, 1, TLB_FLUSH_ALL);
	vmcb_set_cr0(l2.vmcb, read_cr0() & ~CR0_WP);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "l2-no-wp");
	check_eq(*(volatile u8 *)(page(7) + 0x123), 9, "l2-no-wp-written");
}

/* --- bitmaps: the low 12 bits of their addresses do not count ------------------------ */
PAYLOAD(do_in, "in $0x61, %al; vmmcall")
PAYLOAD(do_rdmsr, "mov $0x174, %ecx; rdmsr; vmmcall")

static void test_alignment(void)
{
	static const u32 lows[] = { 0, 1, 8, 0x800, 0xfff };
	const u32 at = 0x174 * 2 / 8, bit = 0x174 * 2 % 8;

	for (u32 i = 0; i < ARRAY_SIZE(lows); i++) {
		for (u32 set = 0; set < 2; set++) {
			memset(svm_iopm, set ? 0 : 0xff, sizeof(svm_iopm));
			memset(svm_msrpm, set ? 0 : 0xff, sizeof(svm_msrpm));
			svm_iopm[0x61 / 8] ^= BIT(0x61 % 8);
			svm_msrpm[at] ^= (u8)BIT(bit);
			prepare(do_in, (u64 *)read_cr3(), false, 1, 0);
			vmcb_set_iopm(l2.vmcb, (u64)svm_iopm + lows[i]);
			l2_intercept(&l2, ICPT_IOIO, true);
			check_known(l2_run(&l2) == (set ? VMEXIT_IOIO
							: VMEXIT_VMMCALL),
				    "iopm-alignment", lax(EMU_ANY),
				    "the low bits count", "%x %u: %lx", lows[i],
				    set, vmcb_exitcode(l2.vmcb));
			prepare(do_rdmsr, (u64 *)read_cr3(), false, 1, 0);
			vmcb_set_msrpm(l2.vmcb, (u64)svm_msrpm + lows[i]);
			l2_intercept(&l2, ICPT_MSR, true);
			check_known(l2_run(&l2) ==
					    (set ? VMEXIT_MSR : VMEXIT_VMMCALL),
				    "msrpm-alignment", lax(EMU_ANY),
				    "the low bits count", "%x %u: %lx", lows[i],
				    set, vmcb_exitcode(l2.vmcb));
		}
	}
}

/* A map that L1 changes counts from its next VMRUN on; one that moves, too. */
static void test_map_changes(void)
{
	static u8 other[3 * PAGE_SIZE] __aligned(4096);
	u32 bad = 0;

	memset(svm_iopm, 0, sizeof(svm_iopm));
	memset(other, 0xff, sizeof(other));
	for (u32 i = 0; i < 20; i++) {
		bool hit = i % 3 == 1;

		svm_iopm[0x61 / 8] = hit ? BIT(0x61 % 8) : 0;
		prepare(do_in, (u64 *)read_cr3(), false, 1, 0);
		vmcb_set_iopm(l2.vmcb, (u64)(i % 5 == 4 ? other : svm_iopm));
		l2_intercept(&l2, ICPT_IOIO, true);
		hit |= i % 5 == 4;
		bad += l2_run(&l2) != (hit ? VMEXIT_IOIO : VMEXIT_VMMCALL);
	}
	check_eq(bad, 0, "iopm-changes");
}

void main(void)
{
	svm_on();
	fill();
	map_2m(GPA, MiB(2), 0x87);
	for (u32 np = 0; np < 2; np++) {
		if (np && !svm_has(SVM_NPT))
			break;
		test_controls(np);
		test_asids(np);
		test_many(np);
		test_own(np);
	}
	if (svm_has(SVM_NPT)) {
		test_switch();
		test_ncr3();
		test_nxe();
	}
	test_l2_bits();
	test_l2_efer(false);
	if (svm_has(SVM_NPT))
		test_l2_efer(true);
	test_alignment();
	test_map_changes();
}
