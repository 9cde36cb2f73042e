/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMCS shadowing that L1 uses for its L2 (SDM 3C, "VMCS Types: Ordinary and
 * Shadow"). L1's shadow VMCS is a vmcs12; while L2 runs, the hardware shadow
 * VMCS that L0 keeps for it stands in: all its fields are written there before
 * L2 is entered, and what L2 may write is read back when it has left.
 */
#include "nested/vmx.h"

#include "mm/guest.h"

/* Fields that differ, into the hardware shadow VMCS. */
static void fill(struct vcpu *v, struct nested_vmcs *s12)
{
	const struct nested_vmx *n = v->nvmx;

	vmx_select(v, &s12->shadow);
	for (u32 w = 0; w < VMCS_SET_WORDS; w++)
		for_each_bit(slot, w, s12->push.w[w] & n->present.w[w])
			vmwrite(vmcs_fields[slot].enc, s12->v12->f[slot]);
	set_clear(&s12->push);
	vmx_vmcs_clear(v, &s12->shadow);
}

void vmx_shadow12_enter(struct vcpu *v, struct nested_vmcs *s)
{
	const u64 *f = s->v12->f;
	u64 link = f[SLOT_LINK_POINTER];

	s->shadow12 = NULL;
	if (!(vmcs12_proc2(s->v12) & PROC2_SHADOW_VMCS))
		link = ~0ull;
	s->linked = link != ~0ull;
	if (s->linked) {
		bool active = vmx_pool_find(v->nvmx, link);

		s->shadow12 = vmx_pool_get(v, link);
		s->borrowed = !active;
		fill(v, s->shadow12);
		vmx_select(v, &s->vmcs02);
		vmwrite(VMCS_LINK_POINTER, s->shadow12->shadow.pa.v);
		vmwrite(VMCS_VMREAD_BITMAP,
			vmx_page(v, f[SLOT_VMREAD_BITMAP]).v);
		vmwrite(VMCS_VMWRITE_BITMAP,
			vmx_page(v, f[SLOT_VMWRITE_BITMAP]).v);
	} else {
		vmwrite(VMCS_LINK_POINTER, ~0ull);
	}
}

/* May L2 have written the field without an exit? */
static bool open(const u8 *bitmap, u32 slot)
{
	u32 enc = vmcs_fields[slot].enc;

	return !(bitmap[enc >> 3] & 1u << (enc & 7)) ||
	       (VMCS_ENC_WIDTH(enc) == VMCS_64 &&
		!(bitmap[enc >> 3] & 2u << (enc & 7)));
}

void vmx_shadow12_leave(struct vcpu *v, struct nested_vmcs *s)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_vmcs *s12 = s->shadow12;
	const u8 *bitmap =
		guest_ptr(v->vm, L1PA(s->v12->f[SLOT_VMWRITE_BITMAP]));

	if (likely(!s12))
		return;
	s->shadow12 = NULL;
	vmx_select(v, &s12->shadow);
	for_each_in_set(slot, &n->present)
	{
		u64 val;

		if (bitmap && !open(bitmap, slot))
			continue;
		val = vmread(vmcs_fields[slot].enc);
		if (val == s12->v12->f[slot])
			continue;
		s12->v12->f[slot] = val;
		set_add(&s12->dirty, slot);
	}
	vmx_vmcs_clear(v, &s12->shadow);
	vmx_select(v, &v->vmx->vmcs01);
	/* L1 holds that it is not active: another CPU may take it up. */
	if (s->borrowed)
		vmx_pool_flush(v, s12);
}
