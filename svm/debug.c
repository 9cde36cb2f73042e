/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debug stub wants of the VMCBs. */
#include "core/insns.h"
#include "core/x86.h"
#include "svm/internal.h"

static u32 wanted(const struct vcpu *v)
{
	u32 want = debug_wants(v);

	return v->svm->nmi_step ? want | (u32)BIT(VEC_DB) : want;
}

/* @want and machine checks are all. @keep: bits that stay. */
static void apply(struct vcpu *v, struct vmcb *b, u32 want, u32 keep)
{
	u32 own = vmcb_intercept_word(b, ICPT_EXC) & (keep | (u32)BIT(VEC_MC));
	u32 dr = vmcb_intercept_word(b, ICPT_DR) & keep;

	vmcb_set_intercept_word(b, ICPT_EXC, own | want);
	vmcb_set_intercept_word(b, ICPT_DR, v->debug.dr_on ? ~0u : dr);
}

/*
 * emulator fault: QEMU TCG lets the intercept of INT n decide over INT3, not
 * that of #BP.
 */
bool svm_debug_tcg(const struct vcpu *v)
{
	return svm_hw.tcg && v->debug.exceptions & BIT(VEC_BP);
}

static void apply_tcg(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;
	bool on = svm_debug_tcg(v);

	if (!svm_hw.tcg)
		return;
	vmcb_set_intercept(s->vmcb01, ICPT_SWINT, on);
	if (on && v->in_l2)
		vmcb_set_intercept(s->vmcb, ICPT_SWINT, true);
}

#define DR7_NONE 0x400

/*
 * emulator fault: QEMU TCG arms and disarms breakpoints where DR7 is written,
 * not where VMRUN and #VMEXIT load it, and goes by the old DR7: what a guest
 * has armed itself is not disarmed after a #VMEXIT, and a write of DR7 then
 * ends QEMU. So where there is a debugger the registers are L0's from L1's
 * first entry on (debug_dr_always), and it writes DR7 around each entry.
 */
static void tcg_arm(u64 dr7)
{
	if (svm_hw.tcg)
		write_dr7(dr7);
}

/* In L2 the intercepts of vmcb02 are L1's, too: they are only added to; the
 * next VMRUN of L1's merges anew. */
void svm_set_debug(struct vcpu *v)
{
	struct svm_vcpu *s = v->svm;

	apply_tcg(v);
	s->db_wanted = wanted(v) & BIT(VEC_DB);
	apply(v, s->vmcb01, wanted(v) | svm_exc_wanted(s), 0);
	if (v->in_l2)
		apply(v, s->vmcb, wanted(v), ~0u);
}

/* Bits of DR6 that a #DB sets. */
#define DR6_SET (BITS(3, 0) | BITS(15, 13))
#define DR6_NONE 0xffff0ff0ull

static void dr_entry(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb;

	debug_dr_entry(v);
	v->svm->dr6 = vmcb_dr6(b);
	vmcb_set_dr6(b, DR6_NONE);
	tcg_arm(vmcb_dr7(b));
}

/*
 * emulator fault: Bochs' SVM tells nothing of an intercepted #DB's cause. It
 * has flush-by-ASID without decode assists and clean bits, as no processor has
 * and Abyme below does not offer. Code breakpoints show by RIP, a step by TF; the rest is the guest's, as the stub
 * has no data breakpoints there.
 */
bool svm_db_untold(void)
{
	return (svm_hw.there & (SVM_F_FLUSHBYASID | SVM_F_DECODE |
				SVM_F_CLEAN)) == SVM_F_FLUSHBYASID;
}

static u64 guess_dr6(struct vcpu *v)
{
	const struct vmcb *b = v->svm->vmcb;
	u64 dr7 = vmcb_dr7(b), hits = 0, data = 0;
	u64 rip = vmcb_rip(b);

	if (svm_mode(b) != 64)
		rip = (u32)(rip + vmcb_cs(b)->base);
	for (u32 i = 0; i < 4; i++) {
		if (!(dr7 >> 2 * i & 3))
			continue;
		if (dr7 >> (16 + 4 * i) & 3)
			data |= BIT(i);
		else if (v->debug.dr_loaded[i] == rip)
			hits |= BIT(i);
	}
	if (hits)
		return hits;
	return vmcb_rflags(b) & RFLAGS_TF ? BIT(14) : data;
}

/* DR6 as the guest would find it, after the #DB that has exited or not. */
static void dr_exit(struct vcpu *v, u64 code)
{
	struct vmcb *b = v->svm->vmcb;
	u64 dr6 = v->svm->dr6, set = vmcb_dr6(b) & DR6_SET;

	tcg_arm(DR7_NONE);
	if (!set && svm_db_untold())
		set = guess_dr6(v);
	if (code == VMEXIT_EXC + VEC_DB)
		dr6 = (dr6 & ~BITS(3, 0)) | set;
	vmcb_set_dr6(b, dr6);
	debug_dr_exit(v);
}

bool svm_debug_entry(struct vcpu *v)
{
	if (v->debug.dr_on && debug_dr_plan(v))
		return true;
	if (v->debug.step && svm_step_entry(v))
		return true;
	if (v->debug.dr_on)
		dr_entry(v);
	return false;
}

void svm_debug_exit(struct vcpu *v, u64 code)
{
	if (v->debug.dr_on)
		dr_exit(v, code);
	if (v->debug.step)
		svm_step_exit(v, code);
}

void svm_view_l1(struct vcpu *v, bool on)
{
	struct svm_vcpu *s = v->svm;

	if (on) {
		s->view_vmcb = s->vmcb;
		s->view_pa = s->vmcb_pa;
		s->view_rax = v->gpr[RAX];
		s->view_rsp = v->gpr[RSP];
		svm_select_vmcb(s, s->vmcb01, s->vmcb01_pa);
		v->gpr[RAX] = vmcb_rax(s->vmcb01);
		v->gpr[RSP] = vmcb_rsp(s->vmcb01);
		v->in_l2 = false;
	} else {
		vmcb_set_rax(s->vmcb01, v->gpr[RAX]);
		vmcb_set_rsp(s->vmcb01, v->gpr[RSP]);
		svm_select_vmcb(s, s->view_vmcb, s->view_pa);
		v->gpr[RAX] = s->view_rax;
		v->gpr[RSP] = s->view_rsp;
		v->in_l2 = true;
	}
}
