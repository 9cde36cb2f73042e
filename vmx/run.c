/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entering the guest, and getting it out. */
#include "core/printk.h"
#include "core/smp.h"
#include "mm/slat.h"
#include "vmx/internal.h"

/*
 * A kick is an INIT: VMX non-root operation always exits on it, and root
 * operation keeps it pending, so that one sent while the target is in L0
 * makes its next entry exit at once. No wake-up can be lost, L1 sees nothing
 * of it, and NMIs stay L1's. (NMIs would need NMI exiting all the time.)
 *
 * One kick is on its way at a time: a second one, sent after the first was
 * noticed and before it was taken, would be found to be nobody's and reach L1
 * as an INIT (or NMI) of its own. Who finds one under way has set its request
 * before the target takes that kick and looks at its requests.
 *
 * A CPU that waits for a SIPI, or whose L2 does, needs no kick, which could
 * not reach it: vcpu_sleeps().
 */
void vmx_kick(struct vcpu *v)
{
	if (vcpu_sleeps(v) && !vmx_watches_icr)
		return;
	if (__atomic_exchange_n(&v->vmx->kicked, true, __ATOMIC_ACQ_REL))
		return;
	if (!(vmx_watches_icr ? apic_send_nmi(v->cpu->apic_id)
			      : apic_send_init(v->cpu->apic_id)))
		v->vmx->kicked = false; /* none is on its way */
}

bool vmx_kick_entry(struct vcpu *v)
{
	if (vmx_watches_icr)
		return false;
	vmx_kick(v);
	return true;
}

bool vmx_take_kick(struct vcpu *v)
{
	return __atomic_exchange_n(&v->vmx->kicked, false, __ATOMIC_ACQ_REL);
}

static bool nested_signal(struct vcpu *v, u32 reason, u64 qual)
{
	return v->nvmx && vmx_nested->signal(v, reason, qual);
}

/* INIT and SIPI that L0 itself delivers. True: @x is for core. */
static bool posted(struct vcpu *v, struct vmexit *x)
{
	if (__atomic_load_n(&v->requests, __ATOMIC_ACQUIRE) & BIT(REQ_INIT)) {
		request_take(v, REQ_INIT);
		if (nested_signal(v, REASON_INIT, 0))
			return false;
		x->kind = EXIT_INIT;
		x->raw = REASON_INIT;
		return true;
	}
	if (!request_take(v, REQ_SIPI))
		return false;
	if (nested_signal(v, REASON_SIPI, v->sipi_vector)) {
		v->vmx->waits = WAITS_NOT;
		return false;
	}
	x->kind = EXIT_SIPI;
	x->raw = REASON_SIPI;
	x->sipi_vector = v->sipi_vector;
	return true;
}

/*
 * The processor is about to wait for L2's SIPI (or not any more), with INITs
 * and NMIs blocked, so that no kick arrives.
 */
static void l2_sleep(struct vcpu *v)
{
	bool sleeps = v->in_l2 && !vmx_watches_icr &&
		      vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_SIPI;

	v->vmx->waits = sleeps ? WAITS_L2 : WAITS_NOT;
	__atomic_store_n(&v->l2_sleeps, sleeps, __ATOMIC_SEQ_CST);
	if (sleeps && request_pending(v))
		__atomic_store_n(&v->l2_sleeps, false, __ATOMIC_SEQ_CST);
}

/* Work that other CPUs asked for. True: core has to look at @x or the rest. */
static __noinline bool requests(struct vcpu *v, struct vmexit *x)
{
	const struct vmx_vm *b = v->vm->backend;

	if (v->vmx->waits == WAITS_L0)
		vmx_watch_wait(v);
	else if (v->vmx->waits)
		l2_sleep(v);
	if (v->vmx->mce_waits)
		vmx_deliver_mce(v);
	if (request_take(v, REQ_FLUSH_TLB)) {
		slat_flushing(v->vm->slat, v->index);
		vmx_invept(INVEPT_SINGLE, b->eptp);
		v->vmx->ept01_changed = true;
		if (!v->in_l2)
			vmx_debug_l1(v);
		if (b->io_used && !v->in_l2)
			vmx_set_ctl(v, GROUP_PROC,
				    vmx_ctl(v, GROUP_PROC) | PROC_IO_BITMAP);
	}
	return posted(v, x) || request_pending(v) || v->vmx->waits == WAITS_L0;
}

static __noinline bool l2_ready(struct vcpu *v)
{
	/* An exit to L1 in the place of L2's wait: it does not sleep. */
	if (!v->in_l2)
		return !v->vmx->waits;
	if (vmx_watch_l2_waits(v))
		return false;
	vmx_debug_l2(v);
	return true;
}

/* False: L2 waits for a SIPI, in L0, or no more: requests come first. */
static inline bool before_entry(struct vcpu *v, struct vmx_vcpu *x)
{
	if (v->in_l2) {
		vmx_nested->before_entry(v);
		if (unlikely(v->debug.watch | vmx_watches_icr | x->waits) &&
		    !l2_ready(v))
			return false;
	}
	if (unlikely(x->vectoring | x->nmi_pending))
		vmx_deliver(v);
	if (v->gpr[RSP] != x->rsp)
		vmwrite(VMCS_GUEST_RSP, v->gpr[RSP]);
	return true;
}

static __noinline u32 entry_failed(struct vcpu *v, u32 how)
{
	u32 error = 0;

	if (how == VMX_FAIL_VALID)
		error = (u32)vmread(VMCS_INSTR_ERROR);
	log_err("CPU %u: VM entry refused: %u, %s", v->cpu->index, error,
		vmx_error_name(error));
	return RAW_VMFAIL | error;
}

/* One entry and exit; the raw reason. -1: not entered. */
static inline s64 enter(struct vcpu *v, struct vmx_vcpu *x)
{
	struct vmx_vmcs *c = x->vmcs;
	u32 how = vmx_enter(v, &c->host_rsp, c->launched, &v->cpu->nmi_pending);

	if (unlikely(how == VMX_ABORTED)) {
		x->rsp = v->gpr[RSP];
		v->cpu->kicked = false;
		return -1;
	}
	x->valid = 0;
	if (unlikely(how != VMX_EXITED))
		return entry_failed(v, how);
	c->launched = true;
	x->entry_info = 0; /* an exit clears the valid bit */
	v->gpr[RSP] = x->rsp = vmread(VMCS_GUEST_RSP);
	return (s64)(u32)vmread(VMCS_EXIT_REASON);
}

/* What the virtual VMX of L1 may have to say to exits of L1 itself. */
static bool nesting_owns_l1(u32 basic)
{
	switch (basic) {
	case REASON_VMCALL ... REASON_VMXON:
	case REASON_INVEPT:
	case REASON_INVVPID:
	case REASON_VMFUNC:
	case REASON_CR_ACCESS:
	case REASON_INIT:
	case REASON_SIPI:
		return true;
	default:
		return false;
	}
}

static bool nested_exit(struct vcpu *v, u32 raw)
{
	const struct vmx_vmcs *was = v->vmx->vmcs;

	if (!v->nvmx || !vmx_nested->handle_exit(v, raw))
		return false;
	/* L0 settled it and L2 goes on where it was. */
	if (v->in_l2 && vmx_may_vector(raw) && v->vmx->vmcs == was &&
	    !v->vmx->entry_info)
		vmx_note_vectoring(v, raw);
	return true;
}

/*
 * INITs that are not L1's to see: kicks, and those that came while this CPU
 * waited for a SIPI. Hardware blocks the latter and may deliver them when the
 * state is left, before the first instruction; a processor that waits ignores
 * them.
 */
static bool drop_init(struct vcpu *v, u32 basic)
{
	bool fresh = v->vmx->fresh;

	v->vmx->fresh = false;
	if (basic != REASON_INIT)
		return false;
	return vmx_take_kick(v) || (fresh && !vmx_get(v, CACHED_RIP));
}

/* A physical NMI has exited: they are blocked until an IRET. */
static __noinline bool nmi_was_ours(struct vcpu *v)
{
	if (INTR_TYPE(vmx_get(v, CACHED_INTR_INFO)) != INTR_TYPE_NMI)
		return false;
	vmx_iret();
	if (vmx_watches_icr && vmx_take_kick(v))
		return true;
	return debug_nmi && debug_nmi(v->cpu);
}

void vmx_run(struct vcpu *v, struct vmexit *x)
{
	struct vmx_vcpu *const vx = v->vmx;

	x->kind = EXIT_DONE;
	for (;;) {
		s64 r;
		u32 raw, basic;

		if (unlikely(request_pending(v) | vx->waits | vx->mce_waits) &&
		    requests(v, x))
			return;
		if (unlikely(!before_entry(v, vx)))
			continue;
		if (unlikely(v->debug.step | v->debug.dr_on) &&
		    vmx_debug_entry(v))
			continue;
		r = enter(v, vx);
		if (unlikely(v->debug.step | v->debug.dr_on) &&
		    vmx_debug_exit(v, r))
			continue;
		if (unlikely(r < 0))
			return;
		raw = (u32)r;
		basic = EXIT_BASIC(raw);
		vx->raw = raw;
		stat_exit(v, raw);
		if (unlikely(vx->fresh || basic == REASON_INIT) &&
		    drop_init(v, basic))
			return;
		x->raw = raw;
		if (raw == REASON_CPUID && !v->in_l2) {
			x->kind = EXIT_CPUID;
			return;
		}
		if (unlikely(basic == REASON_EXCEPTION_NMI) && nmi_was_ours(v))
			return;
		if (unlikely(v->debug.exceptions | v->debug.step |
			     v->debug.dr_on) &&
		    vmx_debugger_took(v, raw))
			continue;
		if ((v->in_l2 || nesting_owns_l1(basic)) && nested_exit(v, raw))
			continue;
		if (vmx_may_vector(raw))
			vmx_note_vectoring(v, raw);
		if (vmx_decode(v, raw, x))
			return;
	}
}
