/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMLAUNCH and VMRESUME by L1. SDM 3C, "VM Entries". */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/printk.h"
#include "core/x86.h"
#include "mm/guest.h"

/* Exit qualifications of failures due to invalid guest state. */
#define QUAL_GUEST 0
#define QUAL_PDPTE 2
#define QUAL_LINK 4

/*
 * What L1 changes on nearly every exit. If nothing else of the guest's state
 * is new, the rest is what the processor itself saved: it needs no check.
 */
static bool is_light(u32 slot)
{
	switch (slot) {
	case SLOT_GUEST_RIP:
	case SLOT_GUEST_RSP:
	case SLOT_GUEST_RFLAGS:
	case SLOT_GUEST_INTERRUPTIBILITY:
	case SLOT_GUEST_ACTIVITY:
	case SLOT_GUEST_PENDING_DBG:
	case SLOT_ENTRY_INTR_INFO:
	case SLOT_ENTRY_ERROR_CODE:
	case SLOT_ENTRY_INSTR_LEN:
	case SLOT_PREEMPTION_TIMER:
	case SLOT_EXCEPTION_BITMAP:
	case SLOT_HOST_RSP: /* no rule reads it */
	case SLOT_GUEST_INTR_STATUS:
		return true;
	default:
		return false;
	}
}

/* @set_heavy: all of them. */
static struct vmcs_set set_controls, set_host, set_guest, set_heavy;

void vmx_entry_sets(void)
{
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++) {
		if (is_light(i))
			continue;
		switch (vmcs_fields[i].type) {
		case VMCS_CONTROL:
			set_add(&set_controls, i);
			break;
		case VMCS_HOST:
			set_add(&set_host, i);
			break;
		case VMCS_GUEST:
			set_add(&set_guest, i);
			break;
		default:
			break;
		}
	}
	/* They decide over the host state's and the guest state's rules. */
	set_add(&set_host, SLOT_EXIT_CTLS);
	set_add(&set_host, SLOT_ENTRY_CTLS);
	set_or(&set_heavy, &set_controls);
	set_or(&set_heavy, &set_host);
	set_or(&set_heavy, &set_guest);
}

/* VTPR[7:4], which a rule compares with the threshold; 0 is never above. */
static u8 vtpr(struct vcpu *v, const u64 *f)
{
	u8 tpr = 0;

	if (!(f[SLOT_PROC_CTLS] & PROC_TPR_SHADOW) ||
	    !(f[SLOT_TPR_THRESHOLD] & 0xf) ||
	    guest_read(v->vm, L1PA(f[SLOT_VIRTUAL_APIC_ADDR] + 0x80), &tpr, 1))
		return 0xf;
	return tpr >> 4;
}

/* Memory decides, which L1's other CPUs or L2 itself may have written. */
static bool threshold_ok(struct vcpu *v, const struct nested_vmcs *s)
{
	struct nested_vmx *n = v->nvmx;

	if (likely(!s->v12->f[SLOT_TPR_THRESHOLD]))
		return true;
	n->env.vtpr = vtpr(v, s->v12->f);
	return !vmx_check_threshold(s->v12, &n->env, &n->refusal);
}

/* 0, or the VM-instruction error. */
static enum vmx_error check_controls_host(struct vcpu *v, struct nested_vmcs *s,
					  bool lma)
{
	struct nested_vmx *n = v->nvmx;

	n->env.vtpr = vtpr(v, s->v12->f);
	if (set_meets(&s->dirty, &set_controls)) {
		if (vmx_check_controls(s->v12, &n->env, &n->refusal))
			return VMXERR_ENTRY_CONTROLS;
	} else if (vmx_check_threshold(s->v12, &n->env, &n->refusal) ||
		   vmx_check_event(s->v12, &n->env, &n->refusal)) {
		return VMXERR_ENTRY_CONTROLS;
	}
	if (set_meets(&s->dirty, &set_host) || lma != n->env.lma) {
		n->env.lma = lma;
		if (vmx_check_host(s->v12, &n->env, &n->refusal))
			return VMXERR_ENTRY_HOST;
		vmx_host_rights(s);
	}
	return 0;
}

/* "Checks on Guest Page-Directory-Pointer-Table Entries" without EPT12; with
 * it they are fields. */
static bool pdptes_ok(struct vcpu *v, struct nested_vmcs *s)
{
	struct nested_vmx *n = v->nvmx;
	const u64 *f = s->v12->f;
	u64 pdpte[4];

	if (!(f[SLOT_GUEST_CR0] & CR0_PG) || !(f[SLOT_GUEST_CR4] & CR4_PAE) ||
	    (f[SLOT_ENTRY_CTLS] & ENTRYC_IA32E))
		return true;
	if (vmcs12_proc2(s->v12) & PROC2_EPT) {
		vmx_unlazy(v, s);
		return !vmx_check_pdptes(&f[SLOT_GUEST_PDPTE0], &n->env,
					 &n->refusal);
	}
	if (guest_read(v->vm, L1PA(f[SLOT_GUEST_CR3] & BITS(31, 5)), pdpte,
		       sizeof(pdpte))) {
		vmx_refuse(&n->refusal, "CR3 leads to PDPTEs in memory",
			   SLOT_GUEST_CR3, f[SLOT_GUEST_CR3],
			   "Checks on Guest Page-Directory-Pointer-Table "
			   "Entries");
		return false;
	}
	return !vmx_check_pdptes(pdpte, &n->env, &n->refusal);
}

/* What the link pointer must lead to. */
static bool link_ok(struct vcpu *v, struct nested_vmcs *s)
{
	struct nested_vmx *n = v->nvmx;
	u64 link = s->v12->f[SLOT_LINK_POINTER];
	bool shadowing = vmcs12_proc2(s->v12) & PROC2_SHADOW_VMCS;
	u32 rev;

	if (link == ~0ull)
		return true;
	if (vmx_check_link(s->v12, &n->env, &n->refusal))
		return false;
	if (guest_read(v->vm, L1PA(link), &rev, sizeof(rev)))
		rev = ~0u;
	if (rev == (VMCS12_REVISION | (shadowing ? VMCS12_SHADOW : 0)) &&
	    link != s->pa)
		return true;
	vmx_refuse(&n->refusal, "the link pointer leads to a fitting VMCS",
		   SLOT_LINK_POINTER, link,
		   "Checks on Guest Non-Register State");
	return false;
}

/* False: *qual tells why. Lazily kept fields are the processor's own unless
 * L1 wrote some, and then they have been fetched. */
static bool guest_ok(struct vcpu *v, struct nested_vmcs *s, u64 *qual)
{
	struct nested_vmx *n = v->nvmx;
	bool heavy = set_meets(&s->dirty, &set_guest) ||
		     set_meets(&s->dirty, &set_controls) ||
		     (set_has(&s->dirty, SLOT_GUEST_RFLAGS) &&
		      (s->v12->f[SLOT_GUEST_RFLAGS] & RFLAGS_VM));

	*qual = QUAL_GUEST;
	if (heavy) {
		vmx_unlazy(v, s);
		if (vmx_check_guest_regs(s->v12, &n->env, &n->refusal) ||
		    vmx_check_guest_segs(s->v12, &n->env, &n->refusal))
			return false;
	}
	/* IA32_DEBUGCTL, which counts for a single step, is kept lazily. */
	if (unlikely(s->v12->f[SLOT_GUEST_RFLAGS] & RFLAGS_TF))
		vmx_unlazy(v, s);
	if (vmx_check_guest_run(s->v12, &n->env, &n->refusal))
		return false;
	*qual = QUAL_LINK; /* memory decides: looked at on each entry */
	if (!link_ok(v, s))
		return false;
	*qual = QUAL_PDPTE;
	return (!heavy && (vmcs12_proc2(s->v12) & PROC2_EPT)) ||
	       pdptes_ok(v, s);
}

/* What L2 inherits of L1 where its VM entry loads nothing. */
static void l1_state(struct vcpu *v, struct vmx_l1_state *l1)
{
	l1->efer = vmx_get(v, CACHED_EFER);
	l1->pat = vmread(VMCS_GUEST_PAT);
	l1->debugctl = vmread(VMCS_GUEST_DEBUGCTL);
	l1->dr7 = vmread(VMCS_GUEST_DR7);
	vmx_cet_read(v->nvmx, &l1->cet);
}

static void enter_l2(struct vcpu *v, struct nested_vmcs *s,
		     const struct vmx_l1_state *l1)
{
	const u64 *f = s->v12->f;
	u32 bad;

	if (unlikely(v->debug.watch)) {
		v->debug.host_rip = f[SLOT_HOST_RIP];
		v->debug.host_rsp = f[SLOT_HOST_RSP];
	}
	v->in_l2 = true;
	v->stats.entries_l2++;
	vmx_select(v, &s->vmcs02);
	if (!s->entered) {
		vmx_host_state(v);
		s->entered = true;
	}
	vmx_merge(v, l1);
	v->gpr[RSP] = v->vmx->rsp = f[SLOT_GUEST_RSP];
	if (unlikely(f[SLOT_GUEST_ACTIVITY] == ACTIVITY_WAIT_SIPI) &&
	    !v->vmx->waits)
		v->vmx->waits = WAITS_L2;
	bad = vmx_msrs_load(v, f[SLOT_ENTRY_MSR_LOAD_ADDR],
			    f[SLOT_ENTRY_MSR_LOAD_COUNT]);
	if (bad)
		vmx_entry_failure(v, REASON_BAD_MSR_LOAD, bad);
	if (unlikely(v->debug.watch))
		debug_event(v, bad ? DEBUG_ENTRY_FAIL : DEBUG_ENTRY, 0);
	s->fresh = false;
}

/* Remember why, for the person who writes L1. */
static void refused(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;

	vmx_select(v, &v->vmx->vmcs01);
	n->refusals++;
	n->refusal.rip = vmx_get(v, CACHED_RIP);
	if (unlikely(v->debug.watch))
		debug_event(v, DEBUG_ENTRY_FAIL, 0);
	log_info("CPU %u: L1's VM entry at %#lx is refused: %s is %#lx, but "
		 "must be: %s (SDM 3C, \"%s\")",
		 v->cpu->index, n->refusal.rip, n->refusal.field,
		 n->refusal.value, n->refusal.rule, n->refusal.section);
}

/* May the few checks of what L1 changes on every entry do? */
static bool entry_is_light(struct vcpu *v, const struct nested_vmcs *s,
			   const struct vmx_l1_state *l1)
{
	const u64 *f = s->v12->f;

	return !set_meets(&s->dirty, &set_heavy) &&
	       !(l1->efer & EFER_LMA) == !v->nvmx->env.lma &&
	       !(f[SLOT_GUEST_RFLAGS] & RFLAGS_VM) &&
	       f[SLOT_LINK_POINTER] == ~0ull &&
	       (vmcs12_proc2(s->v12) & PROC2_EPT);
}

/* Checks, then L2; vmcs01 has told all that is needed of it. */
static void check_and_enter(struct vcpu *v, struct nested_vmcs *s,
			    const struct vmx_l1_state *l1)
{
	struct nested_vmx *n = v->nvmx;
	enum vmx_error err;
	u64 qual;

	if (likely(entry_is_light(v, s, l1)) && likely(threshold_ok(v, s)) &&
	    likely(!vmx_check_event(s->v12, &n->env, &n->refusal)) &&
	    likely(!vmx_check_guest_run(s->v12, &n->env, &n->refusal))) {
		enter_l2(v, s, l1);
		return;
	}
	err = check_controls_host(v, s, l1->efer & EFER_LMA);
	if (unlikely(err)) {
		refused(v);
		vmx_fail_valid(v, err);
		return;
	}
	if (unlikely(!guest_ok(v, s, &qual))) {
		refused(v);
		vmx_entry_failure(v, REASON_BAD_GUEST, qual);
		return;
	}
	enter_l2(v, s, l1);
}

void vmx_vmentry(struct vcpu *v, bool launch)
{
	struct nested_vmcs *s = v->nvmx->cur;
	struct vmx_l1_state l1;

	if (!s || (s->v12->revision & VMCS12_SHADOW)) {
		vmx_fail_invalid(v);
		return;
	}
	if (vmread(VMCS_GUEST_INTERRUPTIBILITY) & INTRBL_MOV_SS) {
		vmx_fail_valid(v, VMXERR_ENTRY_MOV_SS);
		return;
	}
	if (launch == s->v12->launched) {
		vmx_fail_valid(v, launch ? VMXERR_VMLAUNCH_LAUNCHED
					 : VMXERR_VMRESUME_CLEAR);
		return;
	}
	l1_state(v, &l1);
	vmx_shadow_pull(v);
	check_and_enter(v, s, &l1);
}
