/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSR and I/O bitmaps of vmcs02: an access exits when L1 or L0 wants it. L0
 * has few bits set. When L1's bitmap has them all, as that of any hypervisor
 * that keeps VMX and MTRRs from its guests does, the processor uses L1's page
 * itself and every change of L1's holds at once; else a merged copy is made
 * at each entry.
 */
#include "nested/vmx.h"

#include "core/string.h"
#include "mm/guest.h"

/* Runs on every entry where L1's bitmap cannot be used as it is. */
static void copy_page(void *to, const void *from)
{
	u64 n = PERM_WORDS;

	__asm__ volatile("rep movsq"
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
}

/* What hardware shall use: L1's page at @pa12 or the merged one. */
static hpa_t either(struct vcpu *v, u64 pa12, const u64 *map12,
		    const u64 *map01, const struct perm_list *w, u64 *map02)
{
	if (likely(map12 && perm_covers(map12, map01, w)))
		return guest_hpa(v->vm, L1PA(pa12));
	if (map12)
		copy_page(map02, map12);
	else
		memset(map02, 0xff, PAGE_SIZE);
	perm_add(map02, map01, w);
	return ptr_hpa(map02);
}

static const u64 *msr_map01(const struct vmx_vm *b)
{
	return (const u64 *)(const void *)b->msr_bitmap;
}

static const u64 *io_map01(const struct vmx_vm *b, u32 half)
{
	return (const u64 *)(const void *)b->io_bitmap + half * PERM_WORDS;
}

static void msr_bitmap(struct vcpu *v, struct nested_vmcs *s)
{
	const u64 *map01 = msr_map01(v->vm->backend);
	struct nested_vmx *n = v->nvmx;
	u64 pa = s->v12->f[SLOT_MSR_BITMAP];
	bool was = s->msr_own && s->msr12_pa == pa + 1;

	if (unlikely(s->msr12_pa != pa + 1)) {
		s->msr12_pa = pa + 1;
		s->msr12 = guest_ptr(v->vm, L1PA(pa));
	}
	s->msr_own = s->msr12 && perm_covers(s->msr12, map01, &n->msr_words);
	if (s->msr_own && was)
		return;
	vmwrite(VMCS_MSR_BITMAP, either(v, s->v12->f[SLOT_MSR_BITMAP], s->msr12,
					map01, &n->msr_words, s->msr02)
					 .v);
}

static void io_bitmap(struct vcpu *v, struct nested_vmcs *s, u32 half)
{
	const struct vmx_vm *b = v->vm->backend;
	struct nested_vmx *n = v->nvmx;
	u64 pa = s->v12->f[SLOT_IO_BITMAP_A + half];

	if (!(s->v12->f[SLOT_PROC_CTLS] & PROC_IO_BITMAP)) {
		vmwrite(VMCS_IO_BITMAP_A + 2 * half,
			b->io_bitmap_pa.v + half * PAGE_SIZE);
		return;
	}
	vmwrite(VMCS_IO_BITMAP_A + 2 * half,
		either(v, pa, guest_ptr(v->vm, L1PA(pa)), io_map01(b, half),
		       &n->io_words[half], s->io02 + half * PERM_WORDS)
			.v);
}

/* Ports: whether vmcs02's bitmaps must be looked at again. With nothing of
 * L0's in them, or with L0's alone, only L1's changes of its fields matter. */
static bool ports_matter(const struct nested_vmcs *s, const struct vmx_vm *b,
			 u64 proc)
{
	bool map12 = proc & PROC_IO_BITMAP;

	if ((proc & PROC_IO) && !map12)
		return false;
	return (b->io_used && map12) || set_has(&s->dirty, SLOT_PROC_CTLS) ||
	       set_has(&s->dirty, SLOT_IO_BITMAP_A) ||
	       set_has(&s->dirty, SLOT_IO_BITMAP_B);
}

void vmx_bitmaps_look(struct vcpu *v, struct nested_vmcs *s)
{
	const struct vmx_vm *b = v->vm->backend;
	struct nested_vmx *n = v->nvmx;

	s->l0_gen = b->bitmap_gen + 1ull;
	set_add(&s->dirty, SLOT_PROC_CTLS);
	perm_list(&n->msr_words, msr_map01(b));
	perm_list(&n->io_words[0], io_map01(b, 0));
	perm_list(&n->io_words[1], io_map01(b, 1));
}

void vmx_bitmaps(struct vcpu *v, struct nested_vmcs *s)
{
	u64 proc = s->v12->f[SLOT_PROC_CTLS];

	if (set_has(&s->dirty, SLOT_MSR_BITMAP)) {
		s->msr12 = guest_ptr(v->vm, L1PA(s->v12->f[SLOT_MSR_BITMAP]));
		s->msr_own = false;
	}
	if (proc & PROC_MSR_BITMAP)
		msr_bitmap(v, s);
	if (!ports_matter(s, v->vm->backend, proc))
		return;
	io_bitmap(v, s, 0);
	io_bitmap(v, s, 1);
}
