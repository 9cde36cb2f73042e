/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of the current vmcs12, when L1's VMREAD or VMWRITE exits. */
#include "nested/vmx.h"

/* Is v12->f[slot] not all there is of this field? */
static inline bool elsewhere(const struct nested_vmx *n,
			     const struct nested_vmcs *s, u32 slot)
{
	return (s->lazy && vmx_is_lazy(slot)) || set_has(&n->shadowed, slot);
}

/* Make v12->f[slot] what L1 would read on a machine of its own. */
static void freshen(struct vcpu *v, struct nested_vmcs *s, u32 slot)
{
	if (s->lazy && vmx_is_lazy(slot))
		vmx_unlazy(v, s);
	/* One half of a 64-bit field exits, the whole may not. */
	if (set_has(&v->nvmx->writable, slot)) {
		vmx_shadow_pull(v);
		vmx_select(v, &v->vmx->vmcs01);
	}
}

static __noinline u64 read_slow(struct vcpu *v, struct nested_vmcs *s, u32 slot)
{
	freshen(v, s, slot);
	return s->v12->f[slot];
}

u64 vmx_field_read(struct vcpu *v, u32 slot)
{
	struct nested_vmcs *s = v->nvmx->cur;

	if (unlikely(elsewhere(v->nvmx, s, slot)))
		return read_slow(v, s, slot);
	return s->v12->f[slot];
}

static inline void put(struct nested_vmcs *s, u32 slot, u32 enc, u64 val)
{
	u64 old = s->v12->f[slot];

	val = vmcs12_put(old, enc, val);
	if (val == old)
		return;
	s->v12->f[slot] = val;
	set_add(&s->dirty, slot);
	set_add(&s->push, slot);
}

static __noinline void write_slow(struct vcpu *v, struct nested_vmcs *s,
				  u32 slot, u32 enc, u64 val)
{
	freshen(v, s, slot);
	put(s, slot, enc, val);
	if (set_has(&v->nvmx->shadowed, slot)) {
		vmx_shadow_push(v);
		vmx_select(v, &v->vmx->vmcs01);
	}
}

void vmx_field_write(struct vcpu *v, u32 slot, u32 enc, u64 val)
{
	struct nested_vmcs *s = v->nvmx->cur;

	if (unlikely(elsewhere(v->nvmx, s, slot)))
		write_slow(v, s, slot, enc, val);
	else
		put(s, slot, enc, val);
}
