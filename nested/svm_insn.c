/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SVM instructions, executed by L1, or by L2 where L1 does not intercept
 * them. The processor has checked CPL and the mode before it exited; what
 * comes after the intercept in its order is checked here (APM 3, SVM
 * Instruction Reference; APM 2, Instruction Intercepts).
 */
#include "core/insn.h"
#include "core/x86.h"
#include "nested/svm.h"

static u32 l2_or_l1_bytes(struct vcpu *v, u8 buf[INSN_MAX])
{
	return v->in_l2 ? v->svm->l2_fetch(v, buf) : svm_fetch(v, buf);
}

/* rAX is as wide as the address size of the instruction: in 32-bit code, or
 * with a 67h prefix in 64-bit code, it is EAX. */
static u64 address_operand(struct vcpu *v, u32 len)
{
	const struct vmcb *b = v->svm->vmcb;
	bool mode64 = vmcb_efer(b) & EFER_LMA && vmcb_cs(b)->attr & VSEG_L;
	u64 rax = v->gpr[RAX];
	struct insn i;
	u8 bytes[INSN_MAX];

	if (mode64 && len == 3) /* no prefix */
		return rax;
	if (insn_decode(&i, bytes, l2_or_l1_bytes(v, bytes),
			mode64			     ? 64
			: vmcb_cs(b)->attr & VSEG_DB ? 32
						     : 16))
		return rax;
	return i.addrsize == 8 ? rax : i.addrsize == 4 ? (u32)rax : (u16)rax;
}

/* A page that VMRUN, VMLOAD, VMSAVE may use, or #GP(0). */
static bool operand_page(struct vcpu *v, u64 addr)
{
	if (!IS_ALIGNED(addr, PAGE_SIZE) || addr >> svm_hw.phys_bits) {
		svm_inject_gp(v);
		return false;
	}
	return true;
}

static void vmload_vmsave(struct vcpu *v, u64 addr, bool load)
{
	hpa_t pa;

	if (!operand_page(v, addr))
		return;
	pa = guest_hpa(v->vm, L1PA(addr));
	if (pa.v == HPA_NONE.v) {
		svm_inject_gp(v);
		return;
	}
	if (load)
		svm_vmload(pa);
	else
		svm_vmsave(pa);
	svm_skip(v);
}

static void vmrun(struct vcpu *v, u64 addr, u32 len)
{
	if (!operand_page(v, addr))
		return;
	svm_if_release(v);
	svm_vmrun(v, L1PA(addr), svm_next_rip(v->svm->vmcb, len));
}

static void clgi_stgi(struct vcpu *v, bool on)
{
	if (on)
		svm_if_release(v);
	svm_set_gif(v->svm, on);
	if (v->in_l2)
		svm_l2_hold(v, !on);
	else
		svm_irq_mode(v, on ? IRQ_DIRECT : IRQ_GUARD);
	svm_skip(v);
}

bool svm_instruction(struct vcpu *v, u64 code)
{
	int len;

	if (code < VMEXIT_VMRUN || code > VMEXIT_SKINIT) {
		if (code != VMEXIT_INVLPGA)
			return false;
	}
	/* no SKINIT is offered: #UD, like all of them without EFER.SVME
	 * (VMMCALL is L0's hypercall then) */
	if (code == VMEXIT_VMMCALL)
		return false;
	if (!v->svm->l1_svme || code == VMEXIT_SKINIT) {
		svm_inject_exc(v, VEC_UD);
		return true;
	}
	if (unlikely(!v->nsvm->svme))
		svm_gif_update(v, true);
	if (code == VMEXIT_STGI || code == VMEXIT_CLGI) {
		clgi_stgi(v, code == VMEXIT_STGI);
		return true;
	}
	len = svm_insn_len(v);
	if (len < 0) {
		/* another CPU rewrites the code: fetch it again */
		return true;
	}
	if (code == VMEXIT_INVLPGA) {
		svm_invlpga(v, address_operand(v, (u32)len), (u32)v->gpr[RCX]);
		svm_skip(v);
		return true;
	}
	if (code == VMEXIT_VMRUN)
		vmrun(v, address_operand(v, (u32)len), (u32)len);
	else
		vmload_vmsave(v, address_operand(v, (u32)len),
			      code == VMEXIT_VMLOAD);
	return true;
}
