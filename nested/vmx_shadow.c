/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardware VMCS shadowing (SDM 3C, "VMCS Types: Ordinary and Shadow"): L1's
 * VMREAD and VMWRITE of what hypervisors use on every exit do not exit, but
 * go to a shadow VMCS, from which L0 takes L1's writes before it enters L2
 * and into which it puts what has changed when L2 has left.
 */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/string.h"
#include "mm/page.h"

/* What L1 reads there and does not write (or exits when it does). */
static const u8 read_slots[] = {
	SLOT_EXIT_REASON,     SLOT_EXIT_QUALIFICATION, SLOT_EXIT_INTR_INFO,
	SLOT_EXIT_INTR_ERROR, SLOT_IDT_VECTORING,      SLOT_IDT_VECTORING_ERROR,
	SLOT_EXIT_INSTR_LEN,  SLOT_EXIT_INSTR_INFO,    SLOT_GUEST_LINEAR,
	SLOT_GUEST_PHYSICAL,
};

/*
 * What it writes, too: fields that every processor has (taken over one by
 * one, since this runs on every VM entry), and others.
 */
#define WRITE_ALWAYS(X)           \
	X(GUEST_RIP)              \
	X(GUEST_RSP)              \
	X(GUEST_RFLAGS)           \
	X(GUEST_INTERRUPTIBILITY) \
	X(GUEST_CR0)              \
	X(GUEST_CR3)              \
	X(GUEST_CR4)              \
	X(GUEST_CS_AR)            \
	X(GUEST_SS_AR)            \
	X(ENTRY_INTR_INFO)        \
	X(ENTRY_ERROR_CODE)       \
	X(ENTRY_INSTR_LEN)        \
	X(PROC_CTLS)              \
	X(EXCEPTION_BITMAP)       \
	X(CR0_MASK)               \
	X(CR0_SHADOW)             \
	X(CR4_SHADOW)             \
	X(HOST_RSP)               \
	X(HOST_FS_BASE)           \
	X(HOST_GS_BASE)
#define WRITE_OPTIONAL(X) \
	X(GUEST_INTR_STATUS) X(TPR_THRESHOLD) X(PREEMPTION_TIMER)

static const u8 write_slots[] = {
#define SLOT(name) SLOT_##name,
	WRITE_ALWAYS(SLOT) WRITE_OPTIONAL(SLOT)
};

static void allow(u8 *bitmap, u32 slot)
{
	u32 enc = vmcs_fields[slot].enc;

	bitmap[enc >> 3] &= (u8) ~(1u << (enc & 7));
}

static void share(struct nested_vmx *n, u32 slot, bool write)
{
	if (!set_has(&n->present, slot))
		return;
	set_add(&n->shadowed, slot);
	allow(n->vmread_bitmap, slot);
	if (!write)
		return;
	set_add(&n->writable, slot);
	allow(n->vmwrite_bitmap, slot);
}

int vmx_shadow_init(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;

	/* L0 itself writes read-only fields of the shadow VMCS. */
	if (!(vmx_offered.ctl[GROUP_PROC2].may1 & PROC2_SHADOW_VMCS) ||
	    !(vmx_caps.misc & VMX_MISC_VMWRITE_ALL))
		return 0;
	n->vmread_bitmap = page_alloc(1);
	n->vmwrite_bitmap = page_alloc(1);
	if (!n->vmread_bitmap || !n->vmwrite_bitmap)
		return -ENOMEM;
	memset(n->vmread_bitmap, 0xff, PAGE_SIZE);
	memset(n->vmwrite_bitmap, 0xff, PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(read_slots); i++)
		share(n, read_slots[i], false);
	for (u32 i = 0; i < ARRAY_SIZE(write_slots); i++)
		share(n, write_slots[i], true);
	for (u32 i = 0; i < NESTED_VMCS_MAX; i++) {
		struct vmx_vmcs *s = &n->pool[i].shadow;
		int err = vmx_vmcs_alloc(s);

		if (err)
			return err;
		*(u32 *)s->page |= (u32)VMCS12_SHADOW;
	}
	return 0;
}

/*
 * Leave the shadow VMCS: VMCLEARed, so that memory has all of it when the
 * processor follows vmcs01's link pointer. No VMCS is current then; whoever
 * calls selects the one that is to be used next.
 */
static void leave(struct vcpu *v, struct nested_vmcs *s)
{
	vmx_vmcs_clear(v, &s->shadow);
	v->vmx->vmcs = &v->vmx->vmcs01;
}

void vmx_shadow_on(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	u64 proc2 = vmx_ctl(v, GROUP_PROC2) & ~(u64)PROC2_SHADOW_VMCS;

	if (!n->vmread_bitmap)
		return;
	if (!n->cur) {
		vmx_set_ctl(v, GROUP_PROC2, proc2);
		vmwrite(VMCS_LINK_POINTER, ~0ull);
		return;
	}
	vmx_set_ctl(v, GROUP_PROC2, proc2 | PROC2_SHADOW_VMCS);
	vmwrite(VMCS_VMREAD_BITMAP, ptr_hpa(n->vmread_bitmap).v);
	vmwrite(VMCS_VMWRITE_BITMAP, ptr_hpa(n->vmwrite_bitmap).v);
	vmwrite(VMCS_LINK_POINTER, n->cur->shadow.pa.v);
	vmx_shadow_push(v);
	vmx_select(v, &v->vmx->vmcs01);
}

static __always_inline void pull(struct nested_vmcs *s, u32 slot, u64 val)
{
	if (likely(val == s->v12->f[slot]))
		return;
	s->v12->f[slot] = val;
	set_add(&s->dirty, slot);
}

void vmx_shadow_pull(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_vmcs *s = n->cur;

	if (!n->vmread_bitmap || !s)
		return;
	vmx_select(v, &s->shadow);
#define PULL(name) pull(s, SLOT_##name, vmread(VMCS_##name));
	WRITE_ALWAYS(PULL)
#define PULL_IF(name)                           \
	if (set_has(&n->shadowed, SLOT_##name)) \
	PULL(name)
	WRITE_OPTIONAL(PULL_IF)
	leave(v, s);
}

void vmx_shadow_push(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_vmcs *s = n->cur;

	if (!n->vmread_bitmap || !s)
		return;
	if (!set_meets(&s->push, &n->shadowed))
		return;
	vmx_select(v, &s->shadow);
	for (u32 w = 0; w < VMCS_SET_WORDS; w++)
		for_each_bit(slot, w, s->push.w[w] & n->shadowed.w[w])
			vmwrite(vmcs_fields[slot].enc, s->v12->f[slot]);
	for (u32 w = 0; w < VMCS_SET_WORDS; w++)
		s->push.w[w] &= ~n->shadowed.w[w];
	leave(v, s);
}
