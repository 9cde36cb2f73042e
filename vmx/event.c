/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events into the guest, and stepping over instructions. */
#include "core/insns.h"
#include "core/msr.h"
#include "core/panic.h"
#include "core/x86.h"
#include "vmx/internal.h"

/* With entry.S: all flags in one test. */
_Static_assert(offsetof(struct cpu, nmi_pending) % 4 == 1 &&
		       offsetof(struct cpu, mce_pending) ==
			       offsetof(struct cpu, nmi_pending) + 1 &&
		       offsetof(struct cpu, kicked) ==
			       offsetof(struct cpu, nmi_pending) + 2,
	       "vmx_enter() tests them as one");

#define SHADOW (INTRBL_STI | INTRBL_MOV_SS)
#define WINDOW_PIN (PIN_NMI | PIN_VNMI)

static void rip_add(struct vcpu *v, u64 len)
{
	u64 rip = vmx_get(v, CACHED_RIP), next = rip + len;

	/* EIP wraps where there are no 64 bits of it. */
	if (unlikely((rip ^ next) >> 32) && !vmx_mode64(v))
		next = (u32)next;
	vmx_put(v, CACHED_RIP, next);
}

/* In an interrupt shadow, in a single step, with RF (which exits for an access
 * leave set), under the monitor trap flag, or at the end of 4 GiB. */
static __noinline void skip_slow(struct vcpu *v, u64 shadow)
{
	u64 rflags = vmx_get(v, CACHED_RFLAGS);

	rip_add(v, vmx_get(v, CACHED_INSTR_LEN));
	if (rflags & RFLAGS_RF)
		vmx_put(v, CACHED_RFLAGS, rflags & ~RFLAGS_RF);
	if (unlikely(shadow & SHADOW))
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, shadow & ~SHADOW);
	if (unlikely(rflags & RFLAGS_TF)) {
		u64 pend = vmread(VMCS_GUEST_PENDING_DBG);
		bool btf = vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF;

		if (!btf)
			vmwrite(VMCS_GUEST_PENDING_DBG, pend | PENDING_DBG_BS);
	}
	/* An MTF exit is due after it (SDM 3C, "Monitor Trap Flag"). */
	if (unlikely(vmx_ctl(v, GROUP_PROC) & PROC_MTF) && !v->vmx->entry_info)
		vmx_inject_raw(v, INTR_INFO(INTR_TYPE_OTHER, 0), 0, 0);
}

void vmx_skip(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;
	u64 shadow = vmread(VMCS_GUEST_INTERRUPTIBILITY), rip, next;

	rip = x->valid & BIT(CACHED_RIP) ? x->cache[CACHED_RIP]
					 : vmread(VMCS_GUEST_RIP);
	next = rip + (x->valid & BIT(CACHED_INSTR_LEN)
			      ? x->cache[CACHED_INSTR_LEN]
			      : vmread(VMCS_EXIT_INSTR_LEN));
	if (unlikely((rip ^ next) >> 32 || (shadow & SHADOW) ||
		     (vmx_ctl(v, GROUP_PROC) & PROC_MTF) ||
		     (vmread(VMCS_GUEST_RFLAGS) & (RFLAGS_TF | RFLAGS_RF)))) {
		skip_slow(v, shadow);
		return;
	}
	x->cache[CACHED_RIP] = next;
	x->valid |= (u32)BIT(CACHED_RIP);
	vmwrite_sure(VMCS_GUEST_RIP, next);
}

void vmx_inject_raw(struct vcpu *v, u32 info, u32 error, u32 len)
{
	v->vmx->entry_info = info;
	vmwrite(VMCS_ENTRY_INTR_INFO, info);
	if (info & INTR_ERROR)
		vmwrite(VMCS_ENTRY_ERROR_CODE, error);
	if (INTR_TYPE(info) >= INTR_TYPE_SOFT_INT)
		vmwrite(VMCS_ENTRY_INSTR_LEN, len);
}

/* The event of the next entry is one that is still to be delivered. */
static void put_back(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;

	if (!(x->entry_info & INTR_VALID) ||
	    INTR_TYPE(x->entry_info) == INTR_TYPE_OTHER)
		return;
	x->vectoring = x->entry_info;
	x->vectoring_error = (u32)vmread(VMCS_ENTRY_ERROR_CODE);
	x->vectoring_len = (u32)vmread(VMCS_ENTRY_INSTR_LEN);
}

static bool event_waits(const struct vmx_vcpu *x)
{
	return (x->entry_info & INTR_VALID) || x->vectoring;
}

/*
 * A machine check that came to L0 while an event waits to be delivered. For
 * the guest that delivery is under way: it comes to its end, and the machine
 * check is taken before the handler's first instruction (SDM 3C, "Machine-Check
 * Events During VM Entry": after the entry, with what that injects). An L1 that
 * intercepts it is told of an L2's event instead. True: it waits.
 */
static bool mce_waits(struct vcpu *v)
{
	if (!event_waits(v->vmx))
		return false;
	if (v->in_l2 && (vmread(VMCS_EXCEPTION_BITMAP) & BIT(VEC_MC))) {
		put_back(v);
		return false;
	}
	v->vmx->mce_waits = true;
	return true;
}

/* A fault's handler finds RF set in its frame, and VM entry pushes the flags as
 * they are (SDM 3B, "Resume Flag"). */
static void set_rf(struct vcpu *v, u8 vector)
{
	if (vector != VEC_DB && vector != VEC_DF && vector != VEC_MC)
		vmx_put(v, CACHED_RFLAGS,
			vmx_get(v, CACHED_RFLAGS) | RFLAGS_RF);
}

/* VM entry delivers an error code in protected mode only, and then with those
 * vectors that have one (SDM 3C, VM-Entry Control Fields). */
static void inject_exc(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	/* INT3 and INTO end before their exception is delivered. */
	bool soft = vector == VEC_BP || vector == VEC_OF;
	u32 info = INTR_INFO(soft ? INTR_TYPE_SOFT_EXC : INTR_TYPE_HARD_EXC,
			     vector);

	if (unlikely(vector == VEC_MC) && mce_waits(v))
		return;
	v->vmx->own_exception = v->in_l2;
	if (soft) {
		vmx_inject_raw(v, info, 0, (u32)vmx_get(v, CACHED_INSTR_LEN));
		return;
	}
	set_rf(v, vector);
	if (has_error && (vmx_get(v, CACHED_CR0) & CR0_PE))
		info |= INTR_ERROR;
	vmx_inject_raw(v, info, error, 0);
}

void vmx_inject(struct vcpu *v, const struct event *e)
{
	switch (e->type) {
	case EVENT_NMI:
		v->vmx->nmi_pending = true; /* as soon as it may */
		break;
	case EVENT_EXCEPTION:
		inject_exc(v, e->vector, e->has_error, e->error);
		break;
	case EVENT_EXTINT:
		vmx_inject_raw(v, INTR_INFO(INTR_TYPE_EXT, e->vector), 0, 0);
		break;
	case EVENT_SOFT_INT:
		vmx_inject_raw(v, INTR_INFO(INTR_TYPE_SOFT_INT, e->vector), 0,
			       e->error ? e->error
					: (u32)vmx_get(v, CACHED_INSTR_LEN));
		break;
	case EVENT_NONE:
		vmx_inject_raw(v, 0, 0, 0);
		break;
	}
}

void vmx_deliver_mce(struct vcpu *v)
{
	v->vmx->mce_waits = false;
	inject_exc(v, VEC_MC, false, 0);
	if (v->vmx->mce_waits)
		vmx_kick_entry(v); /* an exit as soon as the event is through */
}

void vmx_inject_ud(struct vcpu *v)
{
	inject_exc(v, VEC_UD, false, 0);
}

void vmx_inject_gp(struct vcpu *v)
{
	inject_exc(v, VEC_GP, true, 0);
}

void vmx_inject_pf(struct vcpu *v, u64 addr, u32 error)
{
	write_cr2(addr);
	inject_exc(v, VEC_PF, true, error);
}

/* ------------------------------------------------------------------------ */
/* Deliveries that an exit cut short.					     */

/* Was the NMI handler's IRET cut short? Then NMIs are blocked again: the IRET
 * runs once more (SDM 3C, Information About NMI Unblocking Due to IRET). */
static bool iret_cut_short(struct vcpu *v, u32 basic)
{
	u64 info;

	if (basic != REASON_EXCEPTION_NMI)
		return vmx_get(v, CACHED_QUAL) & EPT_QUAL_NMI_UNBLOCK;
	info = vmx_get(v, CACHED_INTR_INFO);
	return (info & INTR_NMI_UNBLOCK) && INTR_VECTOR(info) != VEC_DF;
}

void vmx_note_vectoring(struct vcpu *v, u32 raw)
{
	struct vmx_vcpu *x = v->vmx;
	u32 basic = EXIT_BASIC(raw), info;
	u64 ib;

	info = (u32)vmread(VMCS_IDT_VECTORING);
	if (!(info & INTR_VALID)) {
		if (basic == REASON_APIC_ACCESS || !iret_cut_short(v, basic))
			return;
		ib = vmread(VMCS_GUEST_INTERRUPTIBILITY);
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, ib | INTRBL_NMI);
		return;
	}
	x->vectoring = info & ~(u32)INTR_NMI_UNBLOCK;
	if (info & INTR_ERROR)
		x->vectoring_error = (u32)vmread(VMCS_IDT_VECTORING_ERROR);
	if (INTR_TYPE(info) >= INTR_TYPE_SOFT_INT)
		x->vectoring_len = (u32)vmx_get(v, CACHED_INSTR_LEN);
}

static void revector(struct vcpu *v)
{
	struct vmx_vcpu *x = v->vmx;
	u32 info = x->vectoring;

	x->vectoring = 0;
	if (x->entry_info)
		return; /* what L0 injects instead came out of it */
	if (INTR_TYPE(info) == INTR_TYPE_NMI) {
		u64 ib = vmread(VMCS_GUEST_INTERRUPTIBILITY);

		vmwrite(VMCS_GUEST_INTERRUPTIBILITY,
			ib & ~(u64)(INTRBL_NMI | SHADOW));
	}
	vmx_inject_raw(v, info, x->vectoring_error, x->vectoring_len);
}

/* ------------------------------------------------------------------------ */
/* NMIs. They are L1's and do not exit; one that L0 took itself is injected. */

/*
 * NMI-window exiting needs virtual NMIs, and they NMI exiting: on together
 * for as long as an NMI has to wait for the end of an interrupt shadow or of
 * another event's delivery. NMIs that exit meanwhile merge with the one that
 * waits, as on the processor's own latch.
 */
static void nmi_window(struct vcpu *v, bool on)
{
	u64 pin = vmx_ctl(v, GROUP_PIN), proc = vmx_ctl(v, GROUP_PROC);

	if (v->vmx->nmi_window == on || !vmx_can(GROUP_PIN, WINDOW_PIN) ||
	    !vmx_can(GROUP_PROC, PROC_NMI_WINDOW))
		return;
	v->vmx->nmi_window = on;
	if (!vmx_nmi_exiting())
		vmx_set_ctl(v, GROUP_PIN,
			    on ? pin | WINDOW_PIN : pin & ~WINDOW_PIN);
	vmx_set_ctl(v, GROUP_PROC,
		    on ? proc | PROC_NMI_WINDOW : proc & ~PROC_NMI_WINDOW);
}

static void deliver_nmi(struct vcpu *v)
{
	u64 ib = vmread(VMCS_GUEST_INTERRUPTIBILITY);

	if (v->run_state == VCPU_WAIT_SIPI)
		return; /* it waits there, too */
	if (v->vmx->entry_info || (ib & (SHADOW | INTRBL_NMI))) {
		nmi_window(v, true);
		return;
	}
	nmi_window(v, false);
	v->vmx->nmi_pending = false;
	vmx_inject_raw(v, INTR_INFO(INTR_TYPE_NMI, VEC_NMI), 0, 0);
}

void vmx_deliver(struct vcpu *v)
{
	if (v->vmx->vectoring)
		revector(v);
	if (v->vmx->nmi_pending && !v->in_l2 && !debug_holds(v))
		deliver_nmi(v);
}

/* The handlers may interrupt L0 just before the entry, or before the HLT of a
 * CPU that waits: see entry.S. */
static void leave_window(struct trap_frame *f)
{
	if (f->rip >= (u64)(uintptr_t)vmx_window &&
	    f->rip < (u64)(uintptr_t)vmx_window_end)
		f->rip = (u64)(uintptr_t)vmx_abort;
	if (f->rip >= (u64)(uintptr_t)vmx_halt_window &&
	    f->rip < (u64)(uintptr_t)vmx_halt_end)
		f->rip = (u64)(uintptr_t)vmx_halt_end;
}

bool vmx_nmi_hook(struct cpu *cpu, struct trap_frame *f)
{
	leave_window(f);
	if (!vmx_watches_icr || !cpu->vcpu || !vmx_take_kick(cpu->vcpu))
		return false;
	cpu->kicked = true;
	return true;
}

bool vmx_mce_hook(struct cpu *cpu, struct trap_frame *f)
{
	leave_window(f);
	return false;
}
