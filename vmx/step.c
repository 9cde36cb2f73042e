/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a single step (core/gdb_step.c). */
#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "vmx/internal.h"

/* An NMI is not an exception, #DF has nowhere else to go, #MC is L1's. */
#define NOT_FOR_STEPS (BIT(VEC_NMI) | BIT(VEC_DF) | BIT(VEC_MC))
#define SHADOW (INTRBL_STI | INTRBL_MOV_SS)

/*
 * With TF set a shadow, or a halt, would need the trap to be pending already
 * (SDM 3C, "Checks on Guest Non-Register State").
 */
void vmx_set_shadow(struct vcpu *v, enum insn_shadow sh)
{
	u64 state = vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~SHADOW;

	if (vmx_get(v, CACHED_RFLAGS) & RFLAGS_TF)
		sh = SHADOW_NONE;
	state |= sh == SHADOW_STI      ? INTRBL_STI
		 : sh == SHADOW_MOV_SS ? INTRBL_MOV_SS
				       : 0;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, state);
	if (vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_HLT)
		vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
}

/* The guest's own trap waits for the entry: an event like others. */
static void pending_debug(struct vcpu *v)
{
	u64 pending = vmread(VMCS_GUEST_PENDING_DBG);
	struct event db = { .type = EVENT_EXCEPTION, .vector = VEC_DB };

	if (!(pending & (PENDING_DBG_BS | BIT(12))) || v->vmx->entry_info)
		return;
	vmwrite(VMCS_GUEST_PENDING_DBG, 0);
	write_dr6(read_dr6() | (pending & (PENDING_DBG_BS | BITS(3, 0))));
	vmx_inject(v, &db);
}

/*
 * Interrupts wait while IF is 0, unless they exit. Where L1 has its APIC
 * virtualized for L2 they must (SDM 3C, "Checks on VM-Execution Control
 * Fields"): there they come first.
 */
static void hold_interrupts(struct vcpu *v)
{
	bool apicv = vmx_ctl(v, GROUP_PROC) & PROC_PROC2 &&
		     vmx_ctl(v, GROUP_PROC2) & PROC2_VID;

	if (!apicv && !(vmx_ctl(v, GROUP_PIN) & PIN_POSTED))
		vmx_set_ctl(v, GROUP_PIN, vmx_ctl(v, GROUP_PIN) & ~PIN_EXTINT);
}

static void run(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;

	hold_interrupts(v);
	x->step.exceptions = vmread(VMCS_EXCEPTION_BITMAP);
	x->step.pf_mask = vmread(VMCS_PF_ERROR_MASK);
	x->step.pf_match = vmread(VMCS_PF_ERROR_MATCH);
	x->step.debugctl = vmread(VMCS_GUEST_DEBUGCTL);
	vmwrite(VMCS_EXCEPTION_BITMAP,
		x->step.exceptions | (u32)~NOT_FOR_STEPS);
	vmwrite(VMCS_PF_ERROR_MASK, 0);
	vmwrite(VMCS_PF_ERROR_MATCH, 0);
	vmwrite(VMCS_GUEST_DEBUGCTL, x->step.debugctl & ~DEBUGCTL_BTF);
}

/* The event is delivered first, then the timer is seen to be 0. */
static void deliver(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;

	if (!vmx_can(GROUP_PIN, PIN_PREEMPTION))
		return; /* the step ends at the next exit, late */
	x->step.timer = vmread(VMCS_PREEMPTION_TIMER);
	vmx_set_ctl(v, GROUP_PIN, x->step.pin | PIN_PREEMPTION);
	vmwrite(VMCS_PREEMPTION_TIMER, 0);
}

bool vmx_step_entry(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;
	enum step_entry e;

	pending_debug(v);
	e = debug_step_entry(v, vmread(VMCS_ENTRY_INTR_INFO) & INTR_VALID,
			     vmx_ctl(v, GROUP_PROC) & PROC_HLT);
	if (e == STEP_AGAIN)
		return true;
	x->step.pin = vmx_ctl(v, GROUP_PIN);
	if (e == STEP_RUN)
		run(v);
	if (e == STEP_DELIVER)
		deliver(v);
	return false;
}

/* The step's own trap, of an instruction that exited behind itself. (Bochs
 * has it pending after any exit.) */
static void drop_trap(struct vcpu *v)
{
	u64 pending = vmread(VMCS_GUEST_PENDING_DBG);

	if ((pending & PENDING_DBG_BS) && !(v->debug.flags_before & RFLAGS_TF))
		vmwrite(VMCS_GUEST_PENDING_DBG,
			pending & BITS(3, 0) ? pending & ~PENDING_DBG_BS : 0);
}

static void give_btf_back(struct vcpu *v, s64 raw)
{
	bool trapped = raw >= 0 && EXIT_BASIC(raw) == REASON_EXCEPTION_NMI &&
		       (u8)vmread(VMCS_EXIT_INTR_INFO) == VEC_DB;
	bool wrote = debug_step_wrote_debugctl(v, trapped);

	vmwrite(VMCS_GUEST_DEBUGCTL,
		debug_step_debugctl(v->vmx->step.debugctl,
				    vmread(VMCS_GUEST_DEBUGCTL), wrote));
}

bool vmx_step_exit(struct vcpu *v, s64 raw)
{
	struct vmx_vcpu *x = v->vmx;
	enum step_entry e = v->debug.entry;

	if (e == STEP_RUN) {
		vmwrite(VMCS_EXCEPTION_BITMAP, x->step.exceptions);
		vmwrite(VMCS_PF_ERROR_MASK, x->step.pf_mask);
		vmwrite(VMCS_PF_ERROR_MATCH, x->step.pf_match);
		if (x->step.debugctl & DEBUGCTL_BTF)
			give_btf_back(v, raw);
		vmx_set_ctl(v, GROUP_PIN, x->step.pin);
		drop_trap(v);
	}
	if (e == STEP_DELIVER && vmx_can(GROUP_PIN, PIN_PREEMPTION)) {
		vmwrite(VMCS_PREEMPTION_TIMER, x->step.timer);
		vmx_set_ctl(v, GROUP_PIN, x->step.pin);
	}
	/* Not entered, or refused: as if it had not been tried. */
	debug_step_exit(v, raw < 0 || (raw & ~0xffu) == RAW_VMFAIL ||
				   vmread(VMCS_IDT_VECTORING) & INTR_VALID);
	return e == STEP_DELIVER && EXIT_BASIC(raw) == REASON_PREEMPTION;
}
