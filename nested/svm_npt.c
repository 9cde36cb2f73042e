/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Second-stage paging and TLB tags of L2. Where L1 uses nested paging L2 runs
 * on npt02, the fold of L1's tables with npt01, one for each nCR3 and ASID of
 * L1's; else on npt01 with L1's CR3 for it. Every ASID of L1's has a hardware
 * ASID of its own, so that what L1 may rely on (a switch of ASIDs flushes
 * nothing, TLB_CONTROL and INVLPGA flush what they say) holds for the
 * hardware's TLB and for npt02 alike.
 */
#include "core/cpu.h"
#include "core/err.h"
#include "core/insns.h"
#include "core/printk.h"
#include "core/msr.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "nested/svm.h"

#define CPUID_EXT 0x80000001u
#define CPUID_EXT_EDX_1G BIT(26)
#define CR3_32_TABLE BITS(31, 12)

/* The format of nested page tables is that of L1's own paging mode (APM 2,
 * Nested Paging, Host Paging Modes). @b: vmcb01. */
static struct nested_root root_of(const struct vmcb *b, u64 ncr3)
{
	u64 efer = vmcb_efer(b), cr4 = vmcb_cr4(b);
	struct nested_root r = { .pat = vmcb_g_pat(b) };

	if (efer & EFER_NXE)
		r.flags |= SHADOW_NX;
	if (efer & EFER_LMA) {
		r.fmt = cr4 & CR4_LA57 ? &pt_npt_5 : &pt_npt_4;
		r.root = L1PA(ncr3 & PT_ADDR);
	} else if (cr4 & CR4_PAE) {
		r.fmt = &pt_npt_pae;
		r.root = L1PA(ncr3 & CR3_PAE_TABLE);
	} else {
		r.fmt = &pt_npt_32;
		r.root = L1PA(ncr3 & CR3_32_TABLE);
		if (cr4 & CR4_PSE)
			r.flags |= SHADOW_PSE;
	}
	return r;
}

static void slot_take(struct vcpu *v, struct svm_asid_slot *s, u32 asid12)
{
	s->asid12 = asid12;
	s->hw = svm_asid_new(v, &s->gen);
	s->root = NULL;
}

/* The slot of @asid12; *fresh: its hardware ASID has no translations. */
static struct svm_asid_slot *slot_get(struct vcpu *v, u32 asid12, bool *fresh)
{
	struct nested_svm *n = v->nsvm;
	struct svm_asid_slot *s = n->slot;

	*fresh = false;
	if (!s || s->asid12 != asid12) {
		struct svm_asid_slot *old = &n->asid[0];

		for (s = n->asid; s < n->asid + SVM_ASID_SLOTS; s++) {
			if (s->asid12 == asid12)
				break;
			if (s->used < old->used)
				old = s;
		}
		if (s == n->asid + SVM_ASID_SLOTS) {
			s = old;
			slot_take(v, s, asid12);
			*fresh = true;
		}
		n->slot = s;
		s->used = ++n->asid_clock;
	}
	if (s->gen != v->cpu->svm->asid_gen) {
		slot_take(v, s, asid12);
		*fresh = true;
	}
	return s;
}

static void forget_asids(struct nested_svm *n)
{
	memset(n->asid, 0, sizeof(n->asid));
	n->slot = NULL;
}

/* TLB_CONTROL 1: everything, L1's own translations too. The ASIDs in use are
 * left to the hardware's next generation, new ones are fresh. */
static void flush_all(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;

	shadow_drop_all(n->shadow);
	n->root = NULL;
	forget_asids(n);
	svm_flush_asid(v->svm->vmcb01);
}

/* True: translations of the table may be in the TLB that are void now. */
static bool select_npt02(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	bool fresh = false;

	n->root12 = root_of(v->svm->vmcb01, n->ctl.ncr3);
	n->root12.flags |= n->flag_1g;
	n->root = shadow_get(n->shadow, &n->root12, n->ctl.asid, &fresh);
	return fresh;
}

void svm_paging12(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b = n->vmcb02;
	u32 tlb = n->ctl.tlb_control & 7;
	bool fresh_asid, flush;

	if (tlb == TLB_FLUSH_ALL)
		flush_all(v);
	slot_get(v, n->ctl.asid, &fresh_asid);
	flush = tlb == TLB_FLUSH_ASID || tlb == TLB_FLUSH_NONGLOBAL;
	/* also if L2 runs on npt01 this time */
	if (flush)
		shadow_drop_tag(n->shadow, n->ctl.asid);
	if (svm_np12(n))
		flush |= select_npt02(v);
	else
		n->root = NULL;
	if (n->slot->root != n->root)
		flush = true;
	n->slot->root = n->root;
	vmcb_set_asid(b, n->slot->hw);
	vmcb_set_ncr3(b, n->root ? shadow_root_hpa(n->root).v
				 : v->vm->slat->root.v);
	if (unlikely(flush || fresh_asid)) {
		svm_forget_code12(n);
		if (!fresh_asid)
			svm_flush_asid(b);
	}
}

void svm_asid_check(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	bool fresh;

	if (likely(n->slot->gen == v->cpu->svm->asid_gen))
		return;
	slot_get(v, n->slot->asid12, &fresh);
	n->slot->root = n->root;
	vmcb_set_asid(n->vmcb02, n->slot->hw);
}

/*
 * INVLPGA names one page of one ASID. npt02 is not indexed by the guest's
 * linear addresses, and L1 may count on it after a change of its nested
 * tables: the ASID's folded tables all go.
 */
void svm_invlpga(struct vcpu *v, u64 va, u32 asid12)
{
	struct nested_svm *n = v->nsvm;
	u32 hw = 0;

	svm_forget_code12(n);
	if (!asid12) {
		hw = SVM_ASID_L1;
	} else {
		/* they outlive the ASID's slot, and its time on npt01 */
		shadow_drop_tag(n->shadow, asid12);
		for (u32 i = 0; i < SVM_ASID_SLOTS; i++) {
			struct svm_asid_slot *s = &n->asid[i];

			if (s->asid12 != asid12)
				continue;
			if (s->root) {
				if (n->slot == s)
					n->root = NULL;
				s->root = NULL;
				s->asid12 = 0; /* a fresh ASID next time */
				n->slot = NULL;
			} else if (s->gen == v->cpu->svm->asid_gen) {
				hw = s->hw;
			}
		}
	}
	if (hw)
		invlpga(va, hw);
	if (v->in_l2)
		svm_paging12(v);
}

static u32 npf_access(u64 info)
{
	u32 a = info & NPF_W ? ACCESS_W : ACCESS_R;

	if (info & NPF_ID)
		a = ACCESS_X;
	if (info & NPF_U)
		a |= ACCESS_U;
	return a;
}

/* EXITINFO1 for L1: what was tried and where is as hardware says, P and RSV
 * are about L1's table (APM 2, Nested versus Guest Page Faults). */
static u64 npf_info(u64 info, const struct shadow_fault *f)
{
	info &= ~(NPF_P | NPF_RSV);
	if (f->kind == SF_RIGHTS)
		info |= NPF_P;
	if (f->kind == SF_RESERVED)
		info |= NPF_P | NPF_RSV;
	return info;
}

bool svm_npf(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	struct vmcb *b = n->vmcb02;
	u64 info = vmcb_exitinfo1(b), gpa = vmcb_exitinfo2(b);
	struct shadow_fault f;
	bool flush = false;
	int err;

	if (!n->root)
		return false; /* npt01's fault: core knows what to do */
	err = shadow_fault(n->shadow, n->root, L2PA(gpa), npf_access(info), &f,
			   &flush);
	if (flush)
		svm_flush_asid(b);
	if (!err)
		return true;
	if (err == -EPERM) {
		/* L1 lets its guest have a page that L0 watches: what L0 does
		 * is the same as for L1, at L1's address */
		vmcb_set_exitinfo2(b,
				   (f.l1pa.v & PAGE_MASK) | (gpa & ~PAGE_MASK));
		return false;
	}
	svm_vmexit(v, &(struct svm_exit12){
			      .code = VMEXIT_NPF,
			      .info1 = npf_info(info, &f),
			      .info2 = gpa,
			      .intinfo = vmcb_exitintinfo(b),
			      .nrip = svm_nrip(v, VMEXIT_NPF),
			      .insn = true,
		      });
	return true;
}

void svm_npt_reset(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;

	v->svm->npt01_changed = false;
	/* L1's pages may lie elsewhere now (but not what L2 runs on) */
	n->msrpm12 = n->iopm12 = n->page12_pa = ~0ull;
	shadow_drop_all(n->shadow);
	forget_asids(n);
	n->root = NULL;
	if (v->in_l2)
		svm_paging12(v);
}

#define SHADOW_PAGES 1024 /* 4 MiB a vcpu: 2 GiB of L2 in 4 KiB pages */

int svm_npt_init(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	int err =
		shadow_init(&n->shadow, v->vm, v->vm->slat->fmt, SHADOW_PAGES);
	u32 r[4];

	cpuid(CPUID_EXT, 0, r);
	n->flag_1g = r[3] & CPUID_EXT_EDX_1G ? SHADOW_1G : 0;
	if (!err)
		shadow_host_pat(n->shadow, rdmsr(MSR_PAT));
	return err;
}
