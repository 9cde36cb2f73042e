/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm.c nested/svm_check.c nested/svm_enter.c nested/svm_exit.c nested/svm_gif.c nested/svm_insn.c nested/svm_l2mem.c nested/svm_merge.c nested/svm_msr.c nested/svm_msr_rules.c nested/svm_npt.c nested/svm_nrip.c nested/svm_perm.c svm/decode.c svm/dump.c svm/event.c svm/exc.c svm/features.c svm/fetch.c svm/nmi.c svm/perm.c svm/run.c svm/setup.c svm/xapic.c core/bits.c core/cpuid_policy.c core/cr.c core/icr.c core/insn.c core/insn_exec.c mm/shadow.c mm/shadow_fill.c mm/shadow_pool.c mm/fold.c mm/slat.c mm/page.c mm/mtrr.c mm/pt_format.c mm/guest.c */
/* flags: -include tests/unit/fake_insns.h */
/*
 * ASIDs, TLB_CONTROL, INVLPGA and nCR3 of L1's: L1 runs L2s under more ASIDs
 * than L0 has room for, on hardware that has few, edits its nested tables and
 * flushes as it likes. Whatever L2 sees, through the processor's TLB or the
 * tables that L0 gives it, L1's tables must have said since the last flush of
 * that ASID.
 */
#define NR_ASIDS 12u
#define NR_KEYS (4 * NR_ASIDS)
#include "tests/unit/tlb_env.h"

#include "tests/unit/svm_env.h"

#define ALL (SVM_F_NPT | SVM_F_NRIPS | SVM_F_CLEAN | SVM_F_VGIF)

static struct {
	u32 vmruns, hits, filled, reflected, l0, off, invlpga, flush_all,
		flush_asid;
} count;

/* ------------------------------------------------------------------------ */
/* The processor enters what L0 has prepared.				     */

static u64 tag02(void)
{
	return vmcb_asid(N->vmcb02);
}

static void enters(void)
{
	const struct vmcb *b = turn->entered;
	u32 what = b ? vmcb_tlb_control(b) : TLB_NOTHING;

	switch (what) {
	case TLB_NOTHING:
		return;
	case TLB_FLUSH_ALL:
		count.flush_all++;
		memset(tlb, 0, sizeof(tlb));
		return;
	case TLB_FLUSH_ASID:
		CHECK(hw.features & SVM_F_FLUSHBYASID);
		count.flush_asid++;
		tlb_flush(vmcb_asid(b), NULL);
		return;
	}
	CHECK(false);
}

static struct vmcb *exit_and_enter(u64 code)
{
	struct vmcb *b = exits(code);

	enters();
	return b;
}

/* ------------------------------------------------------------------------ */
/* L1.									     */

static void since_asid(u64 asid)
{
	for (u32 i = 0; i < nr_keys; i++)
		if (!asid || key[i].tag == asid)
			set_since(&key[i]);
}

static void l1_invlpga(void)
{
	u64 asid = rnd(NR_ASIDS + 1), va = hot[rnd(NR_HOT)];
	struct vmcb *b = turn->entered;

	vmcb_set_nrip(b, vmcb_rip(b) + 3);
	vmcb_set_rax(b, va);
	V->gpr[RCX] = asid;
	hw.invlpga_asid = 0;
	exit_and_enter(VMEXIT_INVLPGA);
	vmcb_set_rip(b, L1_CODE);
	if (hw.invlpga_asid)
		tlb_flush(hw.invlpga_asid, &va);
	if (!asid)
		CHECK_EQ(hw.invlpga_asid, SVM_ASID_L1);
	else
		since_asid(asid);
	count.invlpga++;
}

/* No room for more of the past. */
static void forget(u32 *tlb_control)
{
	memcpy(&snap[0], &snap[now], sizeof(snap[0]));
	now = 0;
	*tlb_control = TLB_FLUSH_ALL;
}

/* L1 enters an L2; np: on nested tables of its own. */
static void l1_vmrun(struct key *k, bool np, u32 tlb_control)
{
	struct vmcb *b = vmcb12();

	vmcb_set_asid(b, (u32)k->tag);
	vmcb_set_ncr3(b, k->n.root.v);
	vmcb_set_nested_ctl(b, np ? NESTED_NP : 0);
	vmcb_set_tlb_control(b, tlb_control);
	vmcb_set_intercept(b, ICPT_CPUID, true);
	if (tlb_control == TLB_FLUSH_ALL)
		since_asid(0);
	else if (tlb_control != TLB_NOTHING)
		since_asid(k->tag);
	vmcb_set_rip(turn->entered, L1_CODE);
	CHECK(vmrun() == N->vmcb02);
	enters();
	cur = np ? k : NULL;
	CHECK_EQ(np, !!N->root);
	count.vmruns++;
}

static void edits(u64 pa)
{
	if (now > NR_SNAPS - 20)
		return;
	edit(pa);
	remember(false);
}

static void watch(u32 i, u32 access)
{
	u64 page = WATCHED + i * PAGE_SIZE;

	watched[i] = access;
	CHECK(!slat_protect(vm.slat, L1PA(page), HPA(page), access));
}

/* L0's own table changes: all CPUs leave L2. */
static void slat_changes(void)
{
	watch((u32)rnd(NR_WATCHED), rnd(2) ? ACCESS_R : RWX);
	request_set(V, REQ_FLUSH_TLB);
	since_asid(0);
	exit_and_enter(VMEXIT_NMI); /* the kick */
}

/* ------------------------------------------------------------------------ */
/* L2.									     */

/* May L2 see @n at @gpa? */
static bool may_see(u64 gpa, const struct naive *n)
{
	if (cur)
		return permitted(cur, gpa, n);
	return n->addr == host_of(gpa) &&
	       n->w == !!(host_access(gpa) & ACCESS_W);
}

static void npf_reflected(u64 gpa, u32 access)
{
	u64 info = vmcb_exitinfo1(vmcb12());
	struct naive n = walk12_at(cur, now, gpa);

	CHECK_EQ(vmcb_exitcode(vmcb12()), VMEXIT_NPF);
	CHECK_EQ(vmcb_exitinfo2(vmcb12()), gpa);
	CHECK(n.res != NAIVE_OK || !allowed(&n, access));
	CHECK_EQ(!!(info & NPF_P), n.res != NAIVE_NP);
	CHECK_EQ(!!(info & NPF_RSV), n.res == NAIVE_RSV);
	CHECK_EQ(!!(info & NPF_W), access == ACCESS_W);
	CHECK_EQ(!!(info & NPF_ID), access == ACCESS_X);
	CHECK(info & NPF_U);
	count.reflected++;
}

/* An access that npt02 does not allow. True: L2 goes on. */
static bool npf(u64 gpa, u32 access)
{
	struct vmcb *b = turn->entered;

	vmcb_set_exitinfo1(b, NPF_U | NPF_FINAL | rnd(2) * NPF_P |
				      (access == ACCESS_W ? NPF_W : 0) |
				      (access == ACCESS_X ? NPF_ID : 0));
	vmcb_set_exitinfo2(b, gpa);
	tlb_flush(tag02(), &gpa);
	b = exit_and_enter(VMEXIT_NPF);
	check_tables();
	if (memcmp(snap[now].t, unit_memory + TABLES, sizeof(snap[now].t)))
		remember(false);
	if (b == N->vmcb02) {
		count.filled++;
		return true;
	}
	if (b) {
		npf_reflected(gpa, access);
		return false;
	}
	/* npt01 forbids it, or has nothing there yet */
	CHECK_EQ(turn->exit.kind, EXIT_MEMORY);
	if (cur)
		CHECK_EQ(turn->exit.mem.gpa.v, walk12_at(cur, now, gpa).addr);
	else
		CHECK_EQ(turn->exit.mem.gpa.v, gpa);
	count.l0++;
	b = slat_fault(vm.slat, turn->exit.mem.gpa) ? NULL : N->vmcb02;
	CHECK(resume() == N->vmcb02);
	enters();
	return b != NULL;
}

static void l2_accesses(u64 gpa, u32 access)
{
	struct tlb *t = tlb_find(tag02(), gpa, false);
	struct naive n;

	for (u32 i = 0; i < 6; i++, t = NULL) {
		if (t) {
			n = t->n;
			n.addr = (n.addr & ~(BIT(n.shift) - 1)) |
				 (gpa & (BIT(n.shift) - 1));
			seen.tlb++;
		} else {
			n = walk02(tag02(), vmcb_ncr3(N->vmcb02), gpa);
			if (n.res == NAIVE_OK)
				tlb_add(tag02(), gpa, n, 0);
		}
		if (n.res == NAIVE_OK)
			CHECK(may_see(gpa, &n));
		if (n.res == NAIVE_OK && allowed(&n, access)) {
			count.hits++;
			return;
		}
		if (now > NR_SNAPS - 8 || !npf(gpa, access))
			return;
	}
}

static u64 next_access(void)
{
	u32 i = (u32)(rnd(NR_HOT) & ~3ull);

	if (!cur) /* L1-physical */
		return random_page() & (BIT(PHYS_BITS) - 1);
	return rnd(8) ? hot[i + (u32)(cur - key) % NR_TABLES12]
		      : random_gpa() & BITS(47, 0);
}

static void l2_runs(void)
{
	static const u8 access[] = { ACCESS_R, ACCESS_W, ACCESS_X };

	for (u32 i = (u32)rnd(12); i && V->in_l2; i--) {
		u64 gpa = next_access();

		l2_accesses(gpa, access[rnd(3)]);
		if (cur && rnd(6) == 0) { /* another CPU of L1's */
			edits(entry_to(cur, gpa));
			if (V->in_l2)
				l2_accesses(gpa, access[rnd(3)]);
		}
		if (rnd(32) == 0 && V->in_l2)
			slat_changes();
	}
	if (V->in_l2) {
		vmcb_set_nrip(turn->entered, vmcb_rip(turn->entered) + 2);
		exit_and_enter(VMEXIT_CPUID);
	}
	CHECK(turn->entered == V->svm->vmcb01);
}

static void l1_runs(void)
{
	static const u8 control[] = { TLB_FLUSH_ALL, TLB_FLUSH_ASID,
				      TLB_FLUSH_NONGLOBAL };
	u32 what = rnd(24) ? TLB_NOTHING : control[rnd(3)];
	struct key *k = &key[rnd(4) ? rnd(8) : rnd(nr_keys)];

	if (rnd(3) == 0)
		edits(some_entry());
	if (rnd(16) == 0)
		l1_invlpga();
	if (now > NR_SNAPS - 30)
		forget(&what);
	count.off += rnd(8) == 0;
	l1_vmrun(k, rnd(8), what);
	l2_runs();
}

static void start_round(u64 efer, u64 cr4)
{
	struct vmcb *b = V->svm->vmcb01;

	calm = true;
	random_tables();
	now = 0;
	remember(false);
	vmcb_set_efer(b, EFER_SVME | efer);
	vmcb_set_cr4(b, cr4);
	root12.pat = random_pat();
	vmcb_set_g_pat(b, root12.pat);
	for (nr_keys = 0; nr_keys < NR_KEYS; nr_keys++) {
		struct key *k = &key[nr_keys];

		*k = (struct key){ .n = root12,
				   .tag = 1 + nr_keys / NR_TABLES12,
				   .since = now };
		k->n.root = L1PA(root_at(nr_keys % NR_TABLES12));
	}
	choose_hot();
	l1_vmrun(&key[0], true, TLB_FLUSH_ALL);
	l2_runs();
}

static void property(enum naive_kind k, u64 efer, u64 cr4, u32 features)
{
	u64 flags = SHADOW_1G;

	start(features, 0);
	hw.nasids = svm_hw.nasids = 6; /* four for L2s */
	for (u32 i = 0; i < NR_WATCHED; i++)
		watch(i, watched[i]);
	flags |= efer & EFER_NXE ? SHADOW_NX : 0;
	flags |= k == N_32 && cr4 & CR4_PSE ? SHADOW_PSE : 0;
	mode12(k, flags);
	memset(&count, 0, sizeof(count));
	memset(&seen, 0, sizeof(seen));
	memset(tlb, 0, sizeof(tlb));
	good12();
	for (u32 round = 0; round < 8; round++) {
		start_round(efer, cr4);
		for (u32 i = 0; i < 400; i++) {
			if (i % 80 == 79)
				choose_hot();
			l1_runs();
		}
	}
	CHECK(count.vmruns > 3000 && count.hits > 2000);
	CHECK(count.filled > 1000 && count.reflected > 500 && count.l0 > 30);
	CHECK(seen.tlb > 300 && seen.stale > 100 && count.invlpga > 100);
	CHECK(count.flush_all > 200);
	CHECK(!!count.flush_asid == !!(features & SVM_F_FLUSHBYASID));
	if (getenv("UNIT_VERBOSE"))
		printf("%s: vmruns %u hits %u filled %u reflected %u l0 %u "
		       "tlb %u stale %u invlpga %u all %u asid %u\n",
		       formats[k]->name, count.vmruns, count.hits, count.filled,
		       count.reflected, count.l0, seen.tlb, seen.stale,
		       count.invlpga, count.flush_all, count.flush_asid);
}

TEST(nsvm_tlb_npt_4)
{
	property(N_4, EFER_LME | EFER_LMA | EFER_NXE, CR4_PAE,
		 ALL | SVM_F_FLUSHBYASID);
	property(N_4, EFER_LME | EFER_LMA, CR4_PAE, ALL);
}

TEST(nsvm_tlb_npt_pae)
{
	property(N_PAE, EFER_NXE, CR4_PAE, ALL | SVM_F_FLUSHBYASID);
}

TEST(nsvm_tlb_npt_32)
{
	property(N_32, 0, CR4_PSE, ALL | SVM_F_FLUSHBYASID);
}

TEST(nsvm_tlb_npt_5)
{
	property(N_5, EFER_LME | EFER_LMA, CR4_PAE | CR4_LA57,
		 ALL | SVM_F_FLUSHBYASID);
}
