/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debug stub wants of the VMCSs. */
#include "core/insns.h"
#include "core/x86.h"
#include "vmx/internal.h"

/* NMIs exit to L0 first when one of them may be its own. */
bool vmx_nmi_exiting(void)
{
	return vmx_watches_icr || debug_nmi;
}

static void add_pin(struct vcpu *v)
{
	if (vmx_nmi_exiting())
		vmx_set_ctl(v, GROUP_PIN,
			    vmx_ctl(v, GROUP_PIN) | PIN_NMI | PIN_VNMI);
}

/* MOV DR exits while the stub has the debug registers, or @keep says so. */
static void set_mov_dr(struct vcpu *v, bool keep)
{
	u64 proc = vmx_ctl(v, GROUP_PROC);

	if (v->debug.dr_on)
		proc |= PROC_MOV_DR;
	else if (!keep)
		proc &= ~(u64)PROC_MOV_DR;
	vmx_set_ctl(v, GROUP_PROC, proc);
}

void vmx_debug_l1(struct vcpu *v)
{
	add_pin(v);
	set_mov_dr(v, false);
	vmwrite(VMCS_EXCEPTION_BITMAP, debug_wants(v));
}

/*
 * Exceptions of L2: L1's and the stub's. What the stub has added is taken
 * back later, unless L1 has written the field meanwhile. Page faults that the
 * stub wants it wants all, whatever L1's mask says.
 */
static void l2_exceptions(struct vcpu *v)
{
	struct vmx_vmcs *n = v->vmx->vmcs;
	u32 now = (u32)vmread(VMCS_EXCEPTION_BITMAP), want = debug_wants(v);
	bool pf = want & BIT(VEC_PF);

	if (now != n->exceptions02)
		n->exceptions12 = now;
	n->exceptions02 = n->exceptions12 | want;
	if (n->exceptions02 != now)
		vmwrite(VMCS_EXCEPTION_BITMAP, n->exceptions02);
	if (pf && (!n->all_pf ||
		   vmread(VMCS_PF_ERROR_MASK) | vmread(VMCS_PF_ERROR_MATCH))) {
		n->pf_mask12 = vmread(VMCS_PF_ERROR_MASK);
		n->pf_match12 = vmread(VMCS_PF_ERROR_MATCH);
	}
	if (pf || n->all_pf) {
		vmwrite(VMCS_PF_ERROR_MASK, pf ? 0 : n->pf_mask12);
		vmwrite(VMCS_PF_ERROR_MATCH, pf ? 0 : n->pf_match12);
	}
	n->all_pf = pf;
}

/* The controls of vmcs02 are L1's, too: they are only added to. */
void vmx_debug_l2(struct vcpu *v)
{
	add_pin(v);
	set_mov_dr(v, true);
	l2_exceptions(v);
}

bool vmx_debug_entry(struct vcpu *v)
{
	if (v->debug.dr_on && debug_dr_plan(v))
		return true;
	if (v->debug.step && vmx_step_entry(v))
		return true;
	if (v->debug.dr_on)
		debug_dr_entry(v);
	return false;
}

bool vmx_debug_exit(struct vcpu *v, s64 raw)
{
	if (v->debug.dr_on)
		debug_dr_exit(v);
	return v->debug.step && vmx_step_exit(v, raw);
}

void vmx_set_debug(struct vcpu *v)
{
	struct vmx_vmcs *now = v->vmx->vmcs;

	if (v->in_l2) {
		vmx_select(v, &v->vmx->vmcs01);
		vmx_debug_l1(v);
		vmx_select(v, now);
		vmx_debug_l2(v);
	} else {
		vmx_debug_l1(v);
	}
}

/*
 * An exception exited: the stub's? A #DB that exits has not touched DR6; the
 * qualification says what it would have become. What of it is the guest's goes
 * on in the qualification.
 */
bool vmx_debugger_took(struct vcpu *v, u32 raw)
{
	u32 info;
	u64 dr6, qual;
	bool db;

	if (EXIT_BASIC(raw) != REASON_EXCEPTION_NMI)
		return false;
	info = (u32)vmx_get(v, CACHED_INTR_INFO);
	if (INTR_TYPE(info) < INTR_TYPE_HARD_EXC ||
	    !(debug_wants(v) & BIT(INTR_VECTOR(info))))
		return false;
	dr6 = read_dr6();
	qual = vmx_get(v, CACHED_QUAL);
	db = INTR_VECTOR(info) == VEC_DB;
	if (db)
		write_dr6((dr6 & ~BITS(3, 0)) | (qual & DB_QUAL_DR6));
	if (debug_exception(v, INTR_VECTOR(info),
			    (u32)vmread(VMCS_EXIT_INTR_ERROR), qual))
		return true;
	if (db) {
		v->vmx->cache[CACHED_QUAL] = (qual & ~DB_QUAL_DR6) |
					     (qual & read_dr6() & DB_QUAL_DR6);
		v->vmx->valid |= (u32)BIT(CACHED_QUAL);
		write_dr6(dr6); /* L1 may want the exit as it was */
	}
	return false;
}

/* L1 goes on where its VMCS says; until then its own RIP is at the VM entry,
 * which may still fail in a way that leaves it there. */
void vmx_view_l1(struct vcpu *v, bool on)
{
	struct vmx_vcpu *x = v->vmx;

	if (on) {
		x->view_vmcs = x->vmcs;
		x->view_rsp = v->gpr[RSP];
		vmx_select(v, &x->vmcs01);
		x->view_rip = vmx_get(v, CACHED_RIP);
		vmx_put(v, CACHED_RIP, v->debug.host_rip);
		v->gpr[RSP] = v->debug.host_rsp;
		v->in_l2 = false;
	} else {
		vmx_put(v, CACHED_RIP, x->view_rip);
		vmx_select(v, x->view_vmcs);
		v->gpr[RSP] = x->view_rsp;
		v->in_l2 = true;
	}
}
