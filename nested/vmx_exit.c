/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits of L2: whose they are, and how L1 gets its own. SDM 3C, "VM Exits". */
#include "nested/vmx.h"

#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/run.h"
#include "core/x86.h"
#include "nested/vmx_route.h"

/* What of L2 stays in the processor unless L1's exit controls load it. */
static void l2_state(struct vcpu *v, struct vmx_l1_state *l2)
{
	l2->efer = vmx_get(v, CACHED_EFER);
	l2->pat = vmread(VMCS_GUEST_PAT);
	vmx_cet_read(v->nvmx, &l2->cet);
}

/*
 * Blocking by NMI in L1 after the exit: an NMI that exits blocks further
 * ones; unless L2's NMIs are virtual its blocking is the processor's own and
 * stays; else, and after an entry that failed, it is as L1 had it on entry.
 * (SDM 3C, "Updating Non-Register State", "VM-Entry Failures During or After
 * Loading Guest State"; "Loading Guest Non-Register State": only with virtual
 * NMIs does an entry not load it.)
 */
static u64 l1_nmi_blocking(const u64 *f, u32 reason, u64 before)
{
	if (reason & EXIT_ENTRY_FAILURE)
		return before & INTRBL_NMI;
	if (EXIT_BASIC(reason) == REASON_EXCEPTION_NMI &&
	    INTR_TYPE(f[SLOT_EXIT_INTR_INFO]) == INTR_TYPE_NMI)
		return INTRBL_NMI;
	if (!(f[SLOT_PIN_CTLS] & PIN_VNMI))
		return f[SLOT_GUEST_INTERRUPTIBILITY] & INTRBL_NMI;
	return before & INTRBL_NMI;
}

/*
 * What L1 gave cannot be carried out on the way back to it. The indicator in
 * its region tells why; the processor notifies the chipset by the cycle of a
 * shutdown, and nothing but RESET wakes it. (SDM 3C, "VMX Aborts")
 */
static void __cold __noreturn vmx_abort_l1(struct vcpu *v, enum vmx_abort why,
					   u32 entry)
{
	static const char *const text[] = {
		[ABORT_SAVE_MSR] = "VM-exit MSR-store area",
		[ABORT_HOST_PDPTE] = "PDPTEs of the host state",
		[ABORT_LOAD_MSR] = "VM-exit MSR-load area",
		[ABORT_HOST_32] = "a 32-bit host, L2 in IA-32e mode",
	};
	const struct nested_vmcs *s = v->nvmx->cur;
	u32 value = why, where = offsetof(struct vmcs12, abort);
	int err = guest_write(v->vm, L1PA(s->pa + where), &value, 4);

	(void)err; /* the region may have no memory any more */
	log_err("vm%u: CPU %u: VMX abort %u: %s", v->vm->id, v->index, why,
		text[why]);
	if (entry)
		log_err("  entry %u of the area at %#lx cannot be %s", entry,
			s->v12->f[why == ABORT_SAVE_MSR
					  ? SLOT_EXIT_MSR_STORE_ADDR
					  : SLOT_EXIT_MSR_LOAD_ADDR],
			why == ABORT_SAVE_MSR ? "stored" : "loaded");
	vm_shutdown(v->vm);
}

/* To L1, with vmcs12 complete. */
static void to_l1(struct vcpu *v, struct nested_vmcs *s, u32 reason,
		  const struct vmx_l1_state *l2)
{
	const u64 *f = s->v12->f;
	enum vmx_abort bad;
	u32 entry = 0;
	u64 ib;

	v->in_l2 = false;
	v->stats.reflected++;
	/* L2 must not steer L1's indirect branches. */
	if (unlikely(v->nvmx->ibpb))
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	v->vmx->vectoring = 0;
	v->vmx->entry_info = 0;
	if (unlikely(s->shadow12))
		vmx_shadow12_leave(v, s);
	vmx_shadow_push(v);
	vmx_select(v, &v->vmx->vmcs01);
	bad = vmx_load_host(v, l2);
	ib = vmread(VMCS_GUEST_INTERRUPTIBILITY);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, l1_nmi_blocking(f, reason, ib));
	if (unlikely(f[SLOT_EXIT_MSR_LOAD_COUNT]) && !bad) {
		entry = vmx_msrs_load(v, f[SLOT_EXIT_MSR_LOAD_ADDR],
				      f[SLOT_EXIT_MSR_LOAD_COUNT]);
		bad = entry ? ABORT_LOAD_MSR : 0;
	}
	if (unlikely(bad))
		vmx_abort_l1(v, bad, entry);
}

static void store_msrs(struct vcpu *v, const u64 *f)
{
	u32 entry = vmx_msrs_store(v, f[SLOT_EXIT_MSR_STORE_ADDR],
				   f[SLOT_EXIT_MSR_STORE_COUNT]);

	if (entry)
		vmx_abort_l1(v, ABORT_SAVE_MSR, entry);
}

static void finish_reflect(struct vcpu *v, struct nested_vmcs *s, u32 reason,
			   u64 qual)
{
	const u64 *f = s->v12->f;
	struct vmx_l1_state l2;

	/* Only now: an entry that fails leaves the launch state alone. */
	s->v12->launched = 1;
	vmx_field_set(s, SLOT_EXIT_REASON, reason);
	vmx_field_set(s, SLOT_EXIT_QUALIFICATION, qual);
	vmx_field_set(s, SLOT_ENTRY_INTR_INFO,
		      f[SLOT_ENTRY_INTR_INFO] & ~INTR_VALID);
	l2_state(v, &l2);
	if (unlikely(f[SLOT_EXIT_MSR_STORE_COUNT]))
		store_msrs(v, f);
	to_l1(v, s, reason, &l2);
}

void vmx_reflect(struct vcpu *v, u32 reason, u64 qual)
{
	struct nested_vmcs *s = v->nvmx->cur;

	if (unlikely(v->debug.step))
		debug_leave_l2(v);
	vmx_sync(v, s);
	finish_reflect(v, s, vmx_reason12(reason, v->vmx->raw), qual);
}

/* An event in the entry information, or one that the last exit cut short,
 * which this exit of L0's own making leaves undelivered. */
static void undelivered(struct vcpu *v, struct nested_vmcs *s)
{
	const struct vmx_vcpu *x = v->vmx;
	u32 info = x->entry_info, error = x->vectoring_error;
	u32 len = x->vectoring_len;

	if (info & INTR_VALID) {
		vmwrite(VMCS_ENTRY_INTR_INFO, 0);
		error = (u32)vmread(VMCS_ENTRY_ERROR_CODE);
		len = (u32)vmread(VMCS_ENTRY_INSTR_LEN);
	} else {
		info = x->vectoring;
	}
	/* No event: an MTF exit that was due. */
	if (INTR_TYPE(info) == INTR_TYPE_OTHER)
		info = 0;
	vmx_field_set(s, SLOT_IDT_VECTORING, info);
	if (info & INTR_ERROR)
		vmx_field_set(s, SLOT_IDT_VECTORING_ERROR, error);
	if (INTR_TYPE(info) >= INTR_TYPE_SOFT_INT)
		vmx_field_set(s, SLOT_EXIT_INSTR_LEN, len);
}

void vmx_reflect_exception(struct vcpu *v, u32 info, u32 error)
{
	struct nested_vmcs *s = v->nvmx->cur;

	if (unlikely(v->debug.step))
		debug_leave_l2(v);
	vmx_sync_guest(v, s);
	undelivered(v, s);
	vmx_field_set(s, SLOT_EXIT_INTR_INFO, info);
	if (info & INTR_ERROR)
		vmx_field_set(s, SLOT_EXIT_INTR_ERROR, error);
	finish_reflect(v, s, REASON_EXCEPTION_NMI, 0);
}

void vmx_exception_l2(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;
	struct vmx_route_in in = { .f = v->nvmx->cur->v12->f,
				   .intr_info = x->entry_info };

	x->own_exception = false;
	if (in.intr_info & INTR_ERROR)
		in.error = (u32)vmread(VMCS_ENTRY_ERROR_CODE);
	if (!(in.intr_info & INTR_VALID) ||
	    !vmx_route_l1(REASON_EXCEPTION_NMI, &in))
		return;
	x->entry_info = 0;
	vmwrite(VMCS_ENTRY_INTR_INFO, 0);
	vmx_reflect_exception(v, in.intr_info, in.error);
}

void vmx_reflect_event(struct vcpu *v, u32 reason, u64 qual, u32 info)
{
	struct nested_vmcs *s = v->nvmx->cur;

	if (unlikely(v->debug.step))
		debug_leave_l2(v);
	vmx_sync_guest(v, s);
	undelivered(v, s);
	vmx_field_set(s, SLOT_EXIT_INTR_INFO, info);
	finish_reflect(v, s, reason, qual);
}

/* "VM-Entry Failures During or After Loading Guest State": nothing but the
 * reason and the qualification is written, no MSRs are stored. */
void vmx_entry_failure(struct vcpu *v, u32 reason, u64 qual)
{
	struct nested_vmcs *s = v->nvmx->cur;
	struct vmx_l1_state l2;

	reason |= (u32)EXIT_ENTRY_FAILURE;
	vmx_field_set(s, SLOT_EXIT_REASON, reason);
	vmx_field_set(s, SLOT_EXIT_QUALIFICATION, qual);
	l2_state(v, &l2);
	to_l1(v, s, reason, &l2);
}

/*
 * The processor refused vmcs02. Guest state: a rule that it has and the checks
 * here have not; L1 is told what hardware told. Anything else is a fault of
 * the merge; L1 gets the error as if its own controls were wrong.
 */
static void refused_by_hardware(struct vcpu *v, u32 raw)
{
	struct nested_vmcs *s = v->nvmx->cur;

	if (!s->ran)
		s->vmcs02.launched = false;
	set_or(&s->dirty, &v->nvmx->present);
	if ((raw & ~0xffu) != RAW_VMFAIL) {
		log_warn("CPU %u: vmcs02 refused: %s, qualification %lu",
			 v->cpu->index, vmx_reason_name(raw),
			 vmx_get(v, CACHED_QUAL));
		vmx_entry_failure(v, EXIT_BASIC(raw), vmx_get(v, CACHED_QUAL));
		return;
	}
	/* L1 can bring it about as often as it likes: memory that a rule reads
	 * may change after the checks. */
	if (!v->nvmx->hw_refusals++) {
		log_err("CPU %u: vmcs02 refused: %s", v->cpu->index,
			vmx_error_name(raw & 0xff));
		vmx_dump_vmcs("vmcs02");
	}
	v->in_l2 = false;
	v->vmx->vectoring = 0;
	v->vmx->entry_info = 0;
	vmx_select(v, &v->vmx->vmcs01);
	v->gpr[RSP] = v->vmx->rsp = vmread(VMCS_GUEST_RSP);
	vmx_fail_valid(v, raw & 0xff);
}

static __noinline bool wants(struct vcpu *v, u32 basic)
{
	const struct nested_vmcs *s = v->nvmx->cur;
	struct vmx_route_in in = { .f = s->v12->f };

	switch (basic) {
	case REASON_EXCEPTION_NMI:
		in.intr_info = (u32)vmx_get(v, CACHED_INTR_INFO);
		in.error = (u32)vmread(VMCS_EXIT_INTR_ERROR);
		break;
	case REASON_RDMSR:
	case REASON_WRMSR:
		in.msr = (u32)v->gpr[RCX];
		in.msr_bitmap = (const u8 *)s->msr12;
		break;
	case REASON_IO:
		in.qual = vmx_get(v, CACHED_QUAL);
		in.io_bitmap[0] =
			guest_ptr(v->vm, L1PA(in.f[SLOT_IO_BITMAP_A]));
		in.io_bitmap[1] =
			guest_ptr(v->vm, L1PA(in.f[SLOT_IO_BITMAP_B]));
		break;
	default:
		break;
	}
	return vmx_route_l1(basic, &in);
}

bool vmx_exit_l2(struct vcpu *v, u32 raw)
{
	u32 basic = EXIT_BASIC(raw);

	if (unlikely((raw & EXIT_ENTRY_FAILURE) ||
		     (raw & ~0xffu) == RAW_VMFAIL)) {
		refused_by_hardware(v, raw);
		return true;
	}
	v->nvmx->cur->ran = true;
	if (basic == REASON_EPT_VIOLATION)
		return vmx_ept_violation(v);
	if (basic == REASON_VMFUNC)
		return vmx_vmfunc(v);
	if (!vmx_route_always(basic) && !wants(v, basic))
		return false;
	vmx_reflect(v, raw, vmx_get(v, CACHED_QUAL));
	return true;
}
