/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L1's active VMCSs. L1 may have any number of them; L0 keeps the state of
 * the last few and puts the others back into L1's memory.
 */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/string.h"
#include "mm/guest.h"
#include "mm/page.h"

int vmx_pool_init(struct vcpu *v)
{
	for (u32 i = 0; i < NESTED_VMCS_MAX; i++) {
		struct nested_vmcs *s = &v->nvmx->pool[i];
		int err;

		s->pa = PA_NONE;
		s->v12 = page_alloc(1);
		s->msr02 = page_alloc(1);
		s->io02 = page_alloc(2);
		if (!s->v12 || !s->msr02 || !s->io02)
			return -ENOMEM;
		err = vmx_vmcs_alloc(&s->vmcs02);
		if (err)
			return err;
	}
	return 0;
}

struct nested_vmcs *vmx_pool_find(struct nested_vmx *n, u64 pa)
{
	for (u32 i = 0; i < NESTED_VMCS_MAX; i++)
		if (n->pool[i].pa == pa)
			return &n->pool[i];
	return NULL;
}

void vmx_pool_flush(struct vcpu *v, struct nested_vmcs *s)
{
	int err;

	if (s == v->nvmx->cur) {
		vmx_shadow_pull(v);
		vmx_select(v, &v->vmx->vmcs01);
	}
	vmx_unlazy(v, s);
	/* It was memory when it was loaded; if not, nobody can read it. */
	err = guest_write(v->vm, L1PA(s->pa), s->v12, sizeof(*s->v12));
	(void)err;
	s->pa = PA_NONE;
	if (s == v->nvmx->cur)
		v->nvmx->cur = NULL;
}

void vmx_pool_flush_all(struct vcpu *v)
{
	for (u32 i = 0; i < NESTED_VMCS_MAX; i++)
		if (v->nvmx->pool[i].pa != PA_NONE)
			vmx_pool_flush(v, &v->nvmx->pool[i]);
	v->nvmx->cur = NULL;
}

static struct nested_vmcs *make_room(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_vmcs *old = NULL;

	for (u32 i = 0; i < NESTED_VMCS_MAX; i++) {
		struct nested_vmcs *s = &n->pool[i];

		if (s->pa == PA_NONE)
			return s;
		if (s != n->cur && (!old || s->used < old->used))
			old = s;
	}
	vmx_pool_flush(v, old);
	return old;
}

/* What stands in L1's page is L1's to choose: no more than fields hold. */
static void read_region(struct vcpu *v, struct nested_vmcs *s, u64 pa)
{
	struct vmcs12 *v12 = s->v12;

	if (guest_read(v->vm, L1PA(pa), v12, sizeof(*v12)))
		memset(v12, 0, sizeof(*v12));
	s->fresh = v12->magic != VMCS12_MAGIC;
	if (s->fresh) {
		memset(v12->f, 0, sizeof(v12->f));
		v12->launched = 0;
	}
	v12->magic = VMCS12_MAGIC;
	v12->launched = v12->launched == 1;
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++)
		v12->f[i] &= vmcs_width_mask(vmcs_fields[i].width);
}

struct nested_vmcs *vmx_pool_get(struct vcpu *v, u64 pa)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_vmcs *s = vmx_pool_find(n, pa);

	if (!s) {
		s = make_room(v);
		read_region(v, s, pa);
		s->pa = pa;
		s->lazy = false;
		s->dirty = n->present;
		s->push = n->present;
	}
	s->used = ++n->clock;
	return s;
}

void vmx_pool_load(struct vcpu *v, u64 pa)
{
	v->nvmx->cur = vmx_pool_get(v, pa);
}
