/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits of L2: whose are they? */
#include "core/x86.h"
#include "nested/svm.h"

/* #VMEXIT with what hardware reported for vmcb02. */
static bool reflect(struct vcpu *v, u64 code)
{
	const struct vmcb *b = v->nsvm->vmcb02;

	svm_vmexit(v, &(struct svm_exit12){
			      .code = code,
			      .info1 = vmcb_exitinfo1(b),
			      .info2 = vmcb_exitinfo2(b),
			      .intinfo = vmcb_exitintinfo(b),
			      .nrip = svm_nrip(v, code),
			      .insn = true,
		      });
	return true;
}

/* The MSRPM decides, byte by byte (APM 2, MSR Intercepts). */
static bool exit_msr(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	u32 msr = (u32)v->gpr[RCX];
	bool write = vmcb_exitinfo1(n->vmcb02) & 1;

	if (!svm_ctl_intercepts(&n->ctl, ICPT_MSR))
		return false;
	if (svm_perm_l1_msr(&n->msrpm, msr, write))
		return reflect(v, VMEXIT_MSR);
	if (svm_msrpm_hit(n->msrpm.l0, msr, write))
		return false;
	/* nobody's: executed by the processor from now on */
	svm_perm_open(&n->msrpm, (u32)svm_msrpm_bit(msr) / 8);
	return true;
}

static bool exit_io(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	u64 info = vmcb_exitinfo1(n->vmcb02);
	u16 port = (u16)(info >> IOIO_PORT_SHIFT);
	u32 size = info >> IOIO_SIZE_SHIFT & 7;

	if (!svm_ctl_intercepts(&n->ctl, ICPT_IOIO))
		return false;
	if (svm_perm_l1_io(&n->iopm, port, size))
		return reflect(v, VMEXIT_IOIO);
	if (svm_iopm_hit(n->iopm.l0, port, size))
		return false;
	svm_perm_open(&n->iopm, port / 8u);
	svm_perm_open(&n->iopm, (port + size - 1) / 8u);
	return true;
}

/*
 * Hardware refused what passed our checks: L1 is told the same, and that
 * nothing was done. emulator fault: a reserved bit that L2 writes to CR4 ends
 * QEMU TCG's VMRUN the same way; L2 has run then, and its state is kept.
 */
static bool exit_invalid(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;
	struct svm_refusal *r = &n->refusal;

	r->rule = "what the processor itself checks";
	r->section = "Canonicalization and Consistency Checks";
	r->field = "exitcode";
	r->value = VMEXIT_INVALID;
	if (vmcb_rip(n->vmcb02) == vmcb_rip(n->page12)) {
		svm_vmrun_refused(v);
	} else {
		svm_vmexit(v, &(struct svm_exit12){ .code = VMEXIT_INVALID });
		svm_refused(v);
	}
	return true;
}

/* INIT that L1's VM_CR.R_INIT makes an exception, and L1 intercepts that. */
static bool init_as_sx(struct vcpu *v)
{
	if (!svm_ctl_intercepts(&v->nsvm->ctl, ICPT_EXC0 + VEC_SX) ||
	    vmcb_eventinj(v->nsvm->vmcb02) & EVINJ_V)
		return false;
	request_take(v, REQ_INIT);
	svm_vmexit(v, &(struct svm_exit12){ .code = VMEXIT_EXC + VEC_SX,
					    .info1 = 1 });
	return true;
}

/* INIT for a CPU that runs L2: L1's to see if it asks; pending all the same
 * (APM 2, INIT Intercept). True: L0 has no more to do with it for now. */
bool svm_init_l2(struct vcpu *v)
{
	struct nested_svm *n = v->nsvm;

	if (!svm_gif(v->svm))
		return false;
	if (!svm_ctl_intercepts(&n->ctl, ICPT_INIT))
		return v->svm->r_init && init_as_sx(v);
	if (vmcb_eventinj(n->vmcb02) & EVINJ_V)
		/* after that event's delivery: an NMI behind it exits there */
		svm_nmi_send(v);
	else
		svm_vmexit(v, &(struct svm_exit12){ .code = VMEXIT_INIT });
	return true;
}

bool svm_exit_l2(struct vcpu *v, u64 code)
{
	struct nested_svm *n = v->nsvm;

	switch (code) {
	case VMEXIT_MSR:
		return exit_msr(v);
	case VMEXIT_IOIO:
		return exit_io(v);
	case VMEXIT_NPF:
		return svm_npf(v);
	case VMEXIT_NMI:
		/* taken by the backend; if it is L1's, the next entry tells */
		return true;
	case VMEXIT_INVALID:
	case 0xffffffff: /* emulator fault: QEMU TCG writes 32 bits of it */
		return exit_invalid(v);
	}
	if (code < NR_ICPT_WORDS * 32 && svm_ctl_intercepts(&n->ctl, (u32)code))
		return reflect(v, code);
	return svm_instruction(v, code);
}
