/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From exit codes to struct vmexit. */
#include "core/insn.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "svm/internal.h"

/* What the backend settles: true. What INIT and SIPI hang on, when
 * they are watched. */
static bool own_msr(struct vcpu *v, u32 msr, bool write)
{
	const struct svm_vm *b = v->vm->backend;
	u64 val = (u32)v->gpr[RAX] | v->gpr[RDX] << 32;
	bool ok;

	if (!write || !b->watch_icr)
		return false;
	if (msr == MSR_X2APIC_ICR)
		ok = svm_x2apic_icr(v, val);
	else if (msr == MSR_APIC_BASE)
		ok = svm_apic_base(v, val);
	else
		return false;
	if (ok)
		svm_skip(v);
	else
		svm_inject_gp(v);
	return true;
}

static bool decode_msr(struct vcpu *v, struct vmexit *x)
{
	bool write = vmcb_exitinfo1(v->svm->vmcb);

	if (own_msr(v, (u32)v->gpr[RCX], write))
		return false;
	x->kind = write ? EXIT_WRMSR : EXIT_RDMSR;
	return true;
}

enum mem_how svm_mem_how(const struct vmcb *b)
{
	if (vmcb_exitintinfo(b) & EVINJ_V)
		return MEM_EVENT;
	return vmcb_exitinfo1(b) & NPF_WALK ? MEM_WALK : MEM_DATA;
}

static bool decode_npf(struct vcpu *v, struct vmexit *x)
{
	u64 info = vmcb_exitinfo1(v->svm->vmcb);
	l1pa_t gpa = L1PA(vmcb_exitinfo2(v->svm->vmcb));

	if (info & NPF_W && svm_xapic_write(v, gpa))
		return false;
	x->kind = EXIT_MEMORY;
	x->mem.gpa = gpa;
	x->mem.how = svm_mem_how(v->svm->vmcb);
	x->mem.access = info & NPF_W	? ACCESS_W
			: info & NPF_ID ? ACCESS_X
					: ACCESS_R;
	return true;
}

static bool decode_io(struct vcpu *v, struct vmexit *x)
{
	u64 info = vmcb_exitinfo1(v->svm->vmcb);

	x->kind = EXIT_IO;
	x->io.port = (u16)(info >> IOIO_PORT_SHIFT);
	x->io.size = info >> IOIO_SIZE_SHIFT & 7;
	x->io.in = info & IOIO_IN;
	x->io.string = info & IOIO_STR;
	x->io.rep = info & IOIO_REP;
	return true;
}

static bool has_error_code(u8 vector)
{
	return BIT(vector) & (BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) |
			      BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) |
			      BIT(VEC_AC) | BIT(VEC_CP) | BIT(VEC_SX));
}

static bool decode_exc(struct vcpu *v, u64 code, struct vmexit *x)
{
	x->exc.vector = (u8)(code - VMEXIT_EXC);
	if (x->exc.vector == VEC_DB && (svm_nmi_step(v) || svm_exc_db(v)))
		return false;
	if (x->exc.vector == VEC_GP && !v->in_l2) {
		x->kind = EXIT_TRIPLE_FAULT;
		return !svm_exc_gp(v);
	}
	/* RIP still is at the guest's own INT3 */
	if (x->exc.vector == VEC_BP && debug_soft_int && debug_soft_int(v))
		return false;
	x->kind = x->exc.vector == VEC_MC ? EXIT_MCE : EXIT_EXCEPTION;
	if (x->exc.vector == VEC_PF) { /* CR2 is the handler's to see */
		vmcb_set_cr2(v->svm->vmcb, vmcb_exitinfo2(v->svm->vmcb));
		/* emulator fault: Bochs' VMRUN does not load it */
		write_cr2(vmcb_exitinfo2(v->svm->vmcb));
	}
	x->exc.has_error = has_error_code(x->exc.vector);
	x->exc.error = (u32)vmcb_exitinfo1(v->svm->vmcb);
	return true;
}

/* MOV DR, which exits while the debugger has the debug registers. */
static bool decode_dr(struct vcpu *v, struct vmexit *x)
{
	u8 buf[INSN_MAX];
	struct insn i;
	u32 n = v->in_l2 ? v->svm->l2_fetch(v, buf) : svm_fetch(v, buf);

	x->kind = EXIT_UNKNOWN;
	if (!n || insn_decode(&i, buf, n, svm_mode(v->svm->vmcb)) ||
	    (i.op != INSN_DR_READ && i.op != INSN_DR_WRITE))
		return true;
	x->kind = EXIT_MOV_DR;
	x->dr.dr = i.reg;
	x->dr.gpr = i.rm;
	x->dr.write = i.op == INSN_DR_WRITE;
	return true;
}

/* CR writes: the register is in EXITINFO1 with decode assists, else in the
 * instruction. (APM 2, MOV CRx/DRx Intercepts) */
static bool decode_cr(struct vcpu *v, u64 code, struct vmexit *x)
{
	struct vmcb *b = v->svm->vmcb;
	u8 buf[INSN_MAX];
	struct insn i;
	u32 n = svm_fetch(v, buf);

	x->kind = EXIT_UNKNOWN;
	if (!n || insn_decode(&i, buf, n, svm_mode(b)))
		return true;
	x->kind = EXIT_CR_WRITE;
	x->cr.cr = (u8)(code - VMEXIT_CR_WRITE);
	if (i.op == INSN_CR_WRITE)
		x->cr.value = insn_reg_read(&i, v->gpr, i.rm,
					    svm_mode(b) == 64 ? 8 : 4);
	else if (i.op == INSN_CLTS)
		x->cr.value = vmcb_cr0(b) & ~CR0_TS;
	else
		x->kind = EXIT_UNKNOWN; /* LMSW is not intercepted for L1 */
	return true;
}

/*
 * emulator fault: a MOV to CR4 that sets a reserved bit ends QEMU TCG's guest
 * with VMEXIT_INVALID, where a processor raises #GP(0).
 */
static bool tcg_cr4_fault(struct vcpu *v)
{
	u8 buf[INSN_MAX];
	struct insn i;
	u32 n = svm_fetch(v, buf);

	if (!n || insn_decode(&i, buf, n, svm_mode(v->svm->vmcb01)))
		return false;
	if (i.op != INSN_CR_WRITE || i.reg != 4)
		return false;
	svm_inject_gp(v);
	return true;
}

static bool decode_invalid(struct vcpu *v, struct vmexit *x)
{
	if (!v->in_l2 && svm_hw.tcg && tcg_cr4_fault(v))
		return false;
	x->kind = EXIT_ENTRY_FAILED;
	return true;
}

/* Exits that say all by their code. */
static enum exit_kind plain_kind(u64 code)
{
	switch (code) {
	case VMEXIT_CPUID:
		return EXIT_CPUID;
	case VMEXIT_INVD:
		return EXIT_INVD;
	case VMEXIT_WBINVD:
		return EXIT_WBINVD;
	case VMEXIT_HLT:
		return EXIT_HLT;
	case VMEXIT_XSETBV:
		return EXIT_XSETBV;
	case VMEXIT_SHUTDOWN:
		return EXIT_TRIPLE_FAULT;
	case VMEXIT_VMMCALL:
		return EXIT_HYPERCALL;
	case VMEXIT_VMRUN:
	case VMEXIT_VMLOAD:
	case VMEXIT_VMSAVE:
	case VMEXIT_STGI:
	case VMEXIT_CLGI:
	case VMEXIT_SKINIT:
	case VMEXIT_INVLPGA:
		return EXIT_VIRT_INSN;
	}
	return EXIT_UNKNOWN;
}

bool svm_decode(struct vcpu *v, u64 code, struct vmexit *x)
{
	switch (code) {
	case VMEXIT_NMI:
		return false; /* taken; L1's is injected at the entry */
	case VMEXIT_MSR:
		return decode_msr(v, x);
	case VMEXIT_NPF:
		return decode_npf(v, x);
	case VMEXIT_IOIO:
		return decode_io(v, x);
	case VMEXIT_IRET:
		svm_nmi_unblock(v);
		return false;
	case VMEXIT_SWINT: /* nobody's but the debugger's: see svm/debug.c; in
			    * L2 until L1's next VMRUN, breakpoints or not */
		if (debug_soft_int && debug_soft_int(v))
			return false;
		break;
	case VMEXIT_INVALID:
	case 0xffffffff: /* emulator fault: QEMU TCG writes 32 bits of it */
		return decode_invalid(v, x);
	}
	if (code >= VMEXIT_EXC && code < VMEXIT_EXC + 32)
		return decode_exc(v, code, x);
	if (code >= VMEXIT_DR_READ && code < VMEXIT_EXC)
		return decode_dr(v, x);
	if (code >= VMEXIT_CR_WRITE && code < VMEXIT_CR_WRITE + 16)
		return decode_cr(v, code, x);
	x->kind = plain_kind(code);
	return true;
}
