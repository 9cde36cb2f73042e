/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exit means to core. SDM 3C, VM Exits. */
#include "core/insns.h"
#include "core/x86.h"
#include "vmx/internal.h"
#include "vmx/qual.h"

/* Of the four kinds of access only those exit that change an owned bit. */
static bool cr_access(struct vcpu *v, struct vmexit *x)
{
	struct cr_access a = qual_cr(vmx_get(v, CACHED_QUAL));
	u64 cr0, pdpte[4];

	if (a.type == CR_ACCESS_FROM) {
		x->kind = EXIT_UNKNOWN;
		return true;
	}
	x->kind = EXIT_CR_WRITE;
	x->cr.cr = a.type == CR_ACCESS_TO ? a.cr : 0;
	x->cr.value = a.type == CR_ACCESS_TO
			      ? vmx_gpr(v, a.gpr)
			      : qual_cr0_value(&a, vmx_guest_cr0(v));
	if (x->cr.cr != 0 && x->cr.cr != 4) {
		x->kind = EXIT_UNKNOWN;
		return true;
	}
	cr0 = x->cr.cr == 0 ? x->cr.value : vmx_guest_cr0(v);
	if (vmx_pae(cr0, x->cr.cr == 4 ? x->cr.value : vmx_guest_cr4(v),
		    vmx_get(v, CACHED_EFER)) &&
	    vmx_read_pdptes(v, vmx_get(v, CACHED_CR3), pdpte)) {
		vmx_inject_gp(v);
		return false;
	}
	return true;
}

static bool io(struct vcpu *v, struct vmexit *x)
{
	struct io_access a = qual_io(vmx_get(v, CACHED_QUAL));

	x->kind = EXIT_IO;
	x->io.port = a.port;
	x->io.size = a.size;
	x->io.in = a.in;
	x->io.string = a.string;
	x->io.rep = a.rep;
	return true;
}

static bool exception(struct vcpu *v, struct vmexit *x)
{
	u32 info = (u32)vmx_get(v, CACHED_INTR_INFO);

	if (INTR_TYPE(info) == INTR_TYPE_NMI) {
		/* While one waits for its window they merge. */
		v->vmx->nmi_pending = true;
		return false;
	}
	x->kind = EXIT_EXCEPTION;
	x->exc.vector = INTR_VECTOR(info);
	/* What an exception that exits has not touched is the handler's. */
	if (x->exc.vector == VEC_PF)
		write_cr2(vmx_get(v, CACHED_QUAL));
	if (INTR_TYPE(info) == INTR_TYPE_PRIV_EXC) /* INT1: RIP is at it */
		vmx_skip(v);
	else if (x->exc.vector == VEC_DB)
		write_dr6((read_dr6() & ~BITS(3, 0)) |
			  (vmx_get(v, CACHED_QUAL) & DB_QUAL_DR6));
	x->exc.has_error = info & INTR_ERROR;
	if (x->exc.has_error)
		x->exc.error = (u32)vmread(VMCS_EXIT_INTR_ERROR);
	return true;
}

static bool mov_dr(struct vcpu *v, struct vmexit *x)
{
	struct dr_access a = qual_dr(vmx_get(v, CACHED_QUAL));

	x->kind = EXIT_MOV_DR;
	x->dr.dr = a.dr;
	x->dr.gpr = a.gpr;
	x->dr.write = !a.from;
	return true;
}

enum mem_how vmx_mem_how(struct vcpu *v)
{
	u64 qual = vmx_get(v, CACHED_QUAL);

	if (vmread(VMCS_IDT_VECTORING) & INTR_VALID)
		return MEM_EVENT;
	return qual & EPT_QUAL_LINEAR && qual & EPT_QUAL_FINAL ? MEM_DATA
							       : MEM_WALK;
}

static bool memory(struct vcpu *v, struct vmexit *x)
{
	if (unlikely(vmx_watches_icr) &&
	    vmx_watch_mmio(v, vmx_get(v, CACHED_QUAL)))
		return false;
	x->kind = EXIT_MEMORY;
	x->mem.gpa = L1PA(vmx_get(v, CACHED_GPA));
	x->mem.how = vmx_mem_how(v);
	x->mem.access = qual_ept_access(vmx_get(v, CACHED_QUAL));
	return true;
}

static bool sipi(struct vcpu *v, struct vmexit *x)
{
	x->kind = EXIT_SIPI;
	x->sipi_vector = (u8)vmx_get(v, CACHED_QUAL);
	return true;
}

static bool wrmsr_exit(struct vcpu *v, struct vmexit *x)
{
	if (unlikely(vmx_watches_icr) && vmx_watch_wrmsr(v))
		return false;
	x->kind = EXIT_WRMSR;
	return true;
}

static bool task_switch(struct vcpu *v, struct vmexit *x)
{
	vmx_task_switch(v, vmx_get(v, CACHED_QUAL));
	return false;
}

static bool nmi_window(struct vcpu *v, struct vmexit *x)
{
	return false; /* vmx_deliver() finds the way free now */
}

/* Either a kind that needs no more, or a routine. */
static const struct {
	u8 kind; /* enum exit_kind */
	bool (*fn)(struct vcpu *v, struct vmexit *x);
} exits[NR_VMX_REASONS] = {
	[REASON_EXCEPTION_NMI] = { .fn = exception },
	[REASON_TRIPLE_FAULT] = { .kind = EXIT_TRIPLE_FAULT },
	[REASON_INIT] = { .kind = EXIT_INIT },
	[REASON_SIPI] = { .fn = sipi },
	[REASON_NMI_WINDOW] = { .fn = nmi_window },
	[REASON_TASK_SWITCH] = { .fn = task_switch },
	[REASON_CPUID] = { .kind = EXIT_CPUID },
	[REASON_GETSEC] = { .kind = EXIT_VIRT_INSN },
	[REASON_SEAMCALL] = { .kind = EXIT_VIRT_INSN },
	[REASON_TDCALL] = { .kind = EXIT_VIRT_INSN },
	/* CPUID does not show them (core/cpuid_policy.c). */
	[REASON_RDMSRLIST] = { .kind = EXIT_VIRT_INSN },
	[REASON_WRMSRLIST] = { .kind = EXIT_VIRT_INSN },
	[REASON_URDMSR] = { .kind = EXIT_VIRT_INSN },
	[REASON_UWRMSR] = { .kind = EXIT_VIRT_INSN },
	[REASON_RDMSR_IMM] = { .kind = EXIT_VIRT_INSN },
	[REASON_WRMSRNS_IMM] = { .kind = EXIT_VIRT_INSN },
	[REASON_HLT] = { .kind = EXIT_HLT },
	[REASON_INVD] = { .kind = EXIT_INVD },
	[REASON_VMCALL] = { .kind = EXIT_HYPERCALL },
	[REASON_VMCLEAR] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMLAUNCH] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMPTRLD] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMPTRST] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMREAD] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMRESUME] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMWRITE] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMXOFF] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMXON] = { .kind = EXIT_VIRT_INSN },
	[REASON_INVEPT] = { .kind = EXIT_VIRT_INSN },
	[REASON_INVVPID] = { .kind = EXIT_VIRT_INSN },
	[REASON_VMFUNC] = { .kind = EXIT_VIRT_INSN },
	[REASON_CR_ACCESS] = { .fn = cr_access },
	[REASON_MOV_DR] = { .fn = mov_dr },
	[REASON_IO] = { .fn = io },
	[REASON_RDMSR] = { .kind = EXIT_RDMSR },
	[REASON_WRMSR] = { .fn = wrmsr_exit },
	[REASON_BAD_GUEST] = { .kind = EXIT_ENTRY_FAILED },
	[REASON_BAD_MSR_LOAD] = { .kind = EXIT_ENTRY_FAILED },
	[REASON_BAD_MCE] = { .kind = EXIT_MCE },
	[REASON_EPT_VIOLATION] = { .fn = memory },
	[REASON_WBINVD] = { .kind = EXIT_WBINVD },
	[REASON_XSETBV] = { .kind = EXIT_XSETBV },
};

bool vmx_decode(struct vcpu *v, u32 raw, struct vmexit *x)
{
	u32 basic = EXIT_BASIC(raw);

	x->kind = EXIT_UNKNOWN;
	if ((raw & ~0xffu) == RAW_VMFAIL) {
		x->kind = EXIT_ENTRY_FAILED;
		return true;
	}
	if (basic >= NR_VMX_REASONS)
		return true;
	if (exits[basic].fn) {
		if (exits[basic].fn(v, x))
			return true;
		x->kind = EXIT_DONE;
		return false;
	}
	if (exits[basic].kind)
		x->kind = exits[basic].kind;
	return true;
}
