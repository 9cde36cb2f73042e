/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcs02 from vmcs12 and from what L0 wants. Fields that L1 has not changed
 * since the last entry are not written again.
 */
#include "nested/vmx.h"

#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "nested/vmx_controls.h"

static void merge_controls(struct vcpu *v, const u64 *f)
{
	const struct vmx_vm *b = v->vm->backend;
	struct vmx_controls02 c;

	vmx_merge_controls(&c, f, v->vmx->vmcs01.ctl, b->io_used);
	vmx_set_ctl(v, GROUP_PIN, c.pin);
	vmx_set_ctl(v, GROUP_PROC, c.proc);
	vmx_set_ctl(v, GROUP_PROC2, c.proc2);
	vmx_set_ctl(v, GROUP_EXIT, c.exit);
	vmx_set_ctl(v, GROUP_ENTRY, c.entry);
}

/* Pages that L1 names. */
static void merge_pages(struct vcpu *v, const u64 *f, u64 proc2)
{
	if (f[SLOT_PROC_CTLS] & PROC_TPR_SHADOW)
		vmwrite(VMCS_VIRTUAL_APIC_ADDR,
			vmx_page(v, f[SLOT_VIRTUAL_APIC_ADDR]).v);
	if (proc2 & PROC2_APIC_ACCESS)
		vmwrite(VMCS_APIC_ACCESS_ADDR,
			vmx_page(v, f[SLOT_APIC_ACCESS_ADDR]).v);
	if (f[SLOT_PIN_CTLS] & PIN_POSTED)
		vmwrite(VMCS_POSTED_DESC_ADDR,
			vmx_page(v, f[SLOT_POSTED_DESC_ADDR]).v);
	/* VMFUNC exits whatever its leaf: vmx_vmfunc() emulates it. */
	if (proc2 & PROC2_VMFUNC)
		vmwrite(VMCS_VMFUNC_CTLS, 0);
}

/* MERGE fields that are as vmcs12 has them since L0 wants nothing there. */
static bool merge_copies(u32 slot)
{
	switch (slot) {
	case SLOT_EXCEPTION_BITMAP:
	case SLOT_PF_ERROR_MASK:
	case SLOT_PF_ERROR_MATCH:
	case SLOT_CR0_MASK:
	case SLOT_CR4_MASK:
	case SLOT_CR0_SHADOW:
	case SLOT_CR4_SHADOW:
	case SLOT_TSC_OFFSET:
	case SLOT_TSC_MULTIPLIER:
	case SLOT_TPR_THRESHOLD:
	case SLOT_POSTED_VECTOR:
	case SLOT_PREEMPTION_TIMER:
		return true;
	default:
		return false;
	}
}

/* Guest state that this entry may not take from vmcs12 (merge_switched). */
static bool switched(u32 slot)
{
	switch (slot) {
	case SLOT_GUEST_EFER:
	case SLOT_GUEST_PAT:
	case SLOT_GUEST_DEBUGCTL:
	case SLOT_GUEST_DR7:
	case SLOT_GUEST_PERF_GLOBAL:
	case SLOT_GUEST_S_CET:
	case SLOT_GUEST_SSP:
	case SLOT_GUEST_INTR_SSP_TABLE:
	case SLOT_GUEST_PDPTE0 ... SLOT_GUEST_PDPTE3:
		return true;
	default:
		return false;
	}
}

/* Fields that go over as they are, and those of them that need merge_all. */
static struct vmcs_set set_direct, set_merge, set_pdptes;

void vmx_merge_sets(void)
{
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++) {
		switch (vmcs_fields[i].policy) {
		case POLICY_COPY:
			/* The event goes in when there is one. */
			if (i != SLOT_ENTRY_ERROR_CODE &&
			    i != SLOT_ENTRY_INSTR_LEN)
				set_add(&set_direct, i);
			break;
		case POLICY_GUEST:
		case POLICY_LAZY:
			if (!switched(i))
				set_add(&set_direct, i);
			break;
		case POLICY_MERGE:
			if (merge_copies(i))
				set_add(&set_direct, i);
			else if (i != SLOT_ENTRY_INTR_INFO)
				set_add(&set_merge, i);
			break;
		default:
			break;
		}
	}
	for (u32 i = SLOT_GUEST_PDPTE0; i <= SLOT_GUEST_PDPTE3; i++)
		set_add(&set_pdptes, i);
	set_add(&set_merge, SLOT_GUEST_CR0);
	set_add(&set_merge, SLOT_GUEST_CR3);
	set_add(&set_merge, SLOT_GUEST_CR4);
}

/*
 * A register that vmcs02 always switches: vmcs12's value when its entry loads
 * it, else L1's. It need not be written when the last exit saved it for L1
 * and L1 has left it.
 */
static inline bool kept(const struct nested_vmcs *s, u32 slot, u64 load,
			u64 save)
{
	const u64 *f = s->v12->f;

	return (f[SLOT_ENTRY_CTLS] & load) && (f[SLOT_EXIT_CTLS] & save) &&
	       !set_has(&s->dirty, slot) && !set_meets(&s->dirty, &set_merge);
}

static void merge_switched(const struct nested_vmcs *s,
			   const struct vmx_l1_state *l1)
{
	const u64 *f = s->v12->f;
	u64 entry = f[SLOT_ENTRY_CTLS];

	vmwrite_sure(VMCS_GUEST_EFER, vmx_efer02(f, l1->efer));
	if (!kept(s, SLOT_GUEST_PAT, ENTRYC_LOAD_PAT, EXITC_SAVE_PAT))
		vmwrite_sure(VMCS_GUEST_PAT, entry & ENTRYC_LOAD_PAT
						     ? f[SLOT_GUEST_PAT]
						     : l1->pat);
	if (kept(s, SLOT_GUEST_DR7, ENTRYC_LOAD_DEBUG, EXITC_SAVE_DEBUG) &&
	    !set_has(&s->dirty, SLOT_GUEST_DEBUGCTL))
		return;
	if (entry & ENTRYC_LOAD_DEBUG) {
		vmwrite_from(VMCS_GUEST_DEBUGCTL, &f[SLOT_GUEST_DEBUGCTL]);
		vmwrite_from(VMCS_GUEST_DR7, &f[SLOT_GUEST_DR7]);
	} else {
		vmwrite_from(VMCS_GUEST_DEBUGCTL, &l1->debugctl);
		vmwrite_from(VMCS_GUEST_DR7, &l1->dr7);
	}
}

/* CET state, which exits save whatever the controls say: what the last one
 * left in vmcs02 is vmcs12's, unless L1 wrote it or did not load it then. */
static void merge_cet(const struct nested_vmcs *s, const struct vmx_cet *l1)
{
	const u64 *f = s->v12->f;
	const struct {
		u32 slot;
		u64 l1;
	} regs[] = { { SLOT_GUEST_S_CET, l1->s_cet },
		     { SLOT_GUEST_SSP, l1->ssp },
		     { SLOT_GUEST_INTR_SSP_TABLE, l1->table } };
	bool load = f[SLOT_ENTRY_CTLS] & ENTRYC_LOAD_CET;

	for (u32 i = 0; i < ARRAY_SIZE(regs); i++) {
		u32 slot = regs[i].slot;

		if (!load)
			vmwrite(vmcs_fields[slot].enc, regs[i].l1);
		else if (set_has(&s->dirty, slot) ||
			 set_has(&s->dirty, SLOT_ENTRY_CTLS))
			vmwrite(vmcs_fields[slot].enc, f[slot]);
	}
}

/* PDPTEs: vmcs12's with EPT12, else those in L1's memory at CR3. */
static void merge_pdptes(struct vcpu *v, const struct nested_vmcs *s)
{
	const u64 *f = s->v12->f;
	u64 pdpte[4];

	if (vmcs12_proc2(s->v12) & PROC2_EPT) {
		if (likely(!set_meets(&s->dirty, &set_pdptes)))
			return;
		for (u32 i = 0; i < 4; i++)
			if (set_has(&s->dirty, SLOT_GUEST_PDPTE0 + i))
				vmwrite(VMCS_GUEST_PDPTE0 + 2 * i,
					f[SLOT_GUEST_PDPTE0 + i]);
		return;
	}
	if (!(f[SLOT_GUEST_CR0] & CR0_PG) || !(f[SLOT_GUEST_CR4] & CR4_PAE) ||
	    (f[SLOT_ENTRY_CTLS] & ENTRYC_IA32E) ||
	    guest_read(v->vm, L1PA(f[SLOT_GUEST_CR3] & BITS(31, 5)), pdpte,
		       sizeof(pdpte)))
		return;
	for (u32 i = 0; i < 4; i++)
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
}

/* emulator fault: Bochs offers controls of MSRs that it has not. */
void __noinline vmx_msr_writes(const struct vmx_msr_write *w, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (wrmsr_safe(w[i].msr, w[i].value))
			continue;
}

static void merge_event(struct vcpu *v, const u64 *f)
{
	u32 info = (u32)f[SLOT_ENTRY_INTR_INFO];

	/* One of an entry that failed may stand there still. */
	if (!(info & INTR_VALID))
		vmwrite_sure(VMCS_ENTRY_INTR_INFO, 0);
	else
		vmx_inject_raw(v, info, (u32)f[SLOT_ENTRY_ERROR_CODE],
			       (u32)f[SLOT_ENTRY_INSTR_LEN]);
}

void vmx_merge(struct vcpu *v, const struct vmx_l1_state *l1)
{
	struct nested_vmcs *s = v->nvmx->cur;
	const u64 *f = s->v12->f;
	const struct vmx_vm *b = v->vm->backend;
	u64 proc2 = vmcs12_proc2(s->v12);
	struct vmx_msr_write w[VMX_MSR_WRITES];

	if (unlikely(s->l0_gen != b->bitmap_gen + 1ull))
		vmx_bitmaps_look(v, s);
	for (u32 i = 0; i < VMCS_SET_WORDS; i++)
		for_each_bit(slot, i, s->dirty.w[i] & set_direct.w[i])
			vmwrite(vmcs_fields[slot].enc, f[slot]);
	if (set_meets(&s->dirty, &set_merge)) {
		merge_controls(v, f);
		merge_pages(v, f, proc2);
	}
	if (unlikely(s->nmi_window))
		vmx_nmi_window(v, s, false);
	/* Not saved: the value counts down anew on each entry. */
	if ((f[SLOT_PIN_CTLS] & PIN_PREEMPTION) &&
	    !(f[SLOT_EXIT_CTLS] & EXITC_SAVE_PREEMPTION))
		vmwrite(VMCS_PREEMPTION_TIMER, f[SLOT_PREEMPTION_TIMER]);
	merge_switched(s, l1);
	if (unlikely(v->nvmx->cet))
		merge_cet(s, &l1->cet);
	merge_pdptes(v, s);
	vmx_bitmaps(v, s);
	vmx_ept_enter(v);
	if (unlikely(f[SLOT_ENTRY_CTLS] & ENTRYC_LOAD_PERF))
		vmx_msr_writes(w, vmx_entry_msrs(f, w));
	merge_event(v, f);
	if (unlikely((proc2 & PROC2_SHADOW_VMCS) || s->linked))
		vmx_shadow12_enter(v, s);
	set_clear(&s->dirty);
}
