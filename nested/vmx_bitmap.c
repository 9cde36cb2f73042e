/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSR and I/O bitmaps of vmcs02: an access exits when L1 or L0 wants it. The
 * processor reads them while L2 runs, and L1's other CPUs, or L2 itself, may
 * write L1's pages meanwhile: so wherever L0 has a bit set, it uses a page of
 * L0's own, merged when L1's may have changed. Where L0 has none (ports, as a rule) it
 * uses L1's page itself.
 */
#include "nested/vmx.h"

#include "core/string.h"
#include "mm/guest.h"
#include "mm/slat.h"

/* Runs on every entry of an L2 that has an MSR bitmap. */
static void copy_page(void *to, const void *from)
{
	u64 n = PERM_WORDS;

	__asm__ volatile("rep movsq"
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
}

/* L1's bitmap @map12 (NULL: no memory there, which reads as all ones) with
 * L0's bits, in L0's page @map02. */
static void merge(u64 *map02, const u64 *map12, const u64 *map01,
		  const struct perm_list *w)
{
	if (likely(map12))
		copy_page(map02, map12);
	else
		memset(map02, 0xff, PAGE_SIZE);
	perm_add(map02, map01, w);
}

static const u64 *msr_map01(const struct vmx_vm *b)
{
	return (const u64 *)(const void *)b->msr_bitmap;
}

static const u64 *io_map01(const struct vmx_vm *b, u32 half)
{
	return (const u64 *)(const void *)b->io_bitmap + half * PERM_WORDS;
}

/*
 * L1's MSR bitmap seldom changes. After some entries it is guarded, and as soon
 * as no CPU can write it without a fault, what was merged stays. A guard costs
 * as much as some hundred copies: one that soon ended makes the next one wait
 * for longer.
 */
#define PATIENCE_MIN 256
#define PATIENCE_MAX (1u << 16)

static u32 unguarded(const struct slat *t)
{
	return __atomic_load_n(&t->unguarded, __ATOMIC_ACQUIRE);
}

static void copy_again(struct nested_vmcs *s)
{
	bool soon = s->msr_entries < PATIENCE_MAX;

	s->msr_state = MSR02_COPIED;
	s->msr_entries = 0;
	s->msr_patience =
		soon ? MIN(4 * s->msr_patience, PATIENCE_MAX) : PATIENCE_MIN;
}

/* Ends of guards came; was ours among them? */
static bool still_guarded(struct nested_vmcs *s, const struct slat *t)
{
	u32 now = unguarded(t);

	if (likely(now == s->msr_unguarded))
		return true;
	s->msr_unguarded = now;
	if (slat_guarded(t, L1PA(s->v12->f[SLOT_MSR_BITMAP])))
		return true;
	copy_again(s);
	return false;
}

/* All CPUs are told, but none is kicked: they hear of it at an exit of their
 * own, and until then the page is copied. */
static void guard(struct vcpu *v, struct nested_vmcs *s)
{
	struct slat *t = v->vm->slat;

	s->msr_unguarded = unguarded(t);
	if (slat_guard(t, L1PA(s->v12->f[SLOT_MSR_BITMAP]))) {
		copy_again(s);
		return;
	}
	s->msr_gen = __atomic_load_n(&t->gen, __ATOMIC_ACQUIRE);
	s->msr_state = MSR02_GUARDED;
	for (u32 i = 0; i < v->vm->nvcpus; i++)
		request_set(v->vm->vcpus[i], REQ_FLUSH_TLB);
}

/* True: nothing has changed since it was merged last. */
static bool msr_is_kept(struct vcpu *v, struct nested_vmcs *s)
{
	const struct slat *t = v->vm->slat;

	if (s->msr_state == MSR02_COPIED) {
		if (++s->msr_entries >= s->msr_patience && s->msr12)
			guard(v, s);
		return false;
	}
	if (!still_guarded(s, t))
		return false;
	if (s->msr_state == MSR02_KEPT) {
		s->msr_entries++;
		return true;
	}
	s->msr_entries = 0;
	if (slat_flushed(t, s->msr_gen)) /* once more, then no more */
		s->msr_state = MSR02_KEPT;
	return false;
}

static void msr_bitmap(struct vcpu *v, struct nested_vmcs *s)
{
	if (msr_is_kept(v, s))
		return;
	merge(s->msr02, s->msr12, msr_map01(v->vm->backend),
	      &v->nvmx->msr_words);
	if (s->msr_used)
		return;
	s->msr_used = true;
	vmwrite(VMCS_MSR_BITMAP, ptr_hpa(s->msr02).v);
}

static void msr_forget(struct nested_vmcs *s)
{
	s->msr_state = MSR02_COPIED;
	s->msr_entries = 0;
	s->msr_patience = PATIENCE_MIN;
}

/* What hardware shall use of one half of the ports. */
static hpa_t io_page(struct vcpu *v, struct nested_vmcs *s, u32 half)
{
	const struct vmx_vm *b = v->vm->backend;
	const struct perm_list *w = &v->nvmx->io_words[half];
	l1pa_t pa = L1PA(s->v12->f[SLOT_IO_BITMAP_A + half]);
	u64 *map02 = s->io02 + half * PERM_WORDS;
	u64 *map12 = guest_ptr(v->vm, pa);

	if (!(s->v12->f[SLOT_PROC_CTLS] & PROC_IO_BITMAP))
		return HPA(b->io_bitmap_pa.v + half * PAGE_SIZE);
	if (map12 && !w->n)
		return guest_hpa(v->vm, pa);
	merge(map02, map12, io_map01(b, half), w);
	return ptr_hpa(map02);
}

static void io_bitmap(struct vcpu *v, struct nested_vmcs *s, u32 half)
{
	vmwrite(VMCS_IO_BITMAP_A + 2 * half, io_page(v, s, half).v);
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
	/* All will be written again, also what vmcs02 has newer. */
	vmx_unlazy(v, s);
	msr_forget(s);
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
		msr_forget(s);
	}
	if (proc & PROC_MSR_BITMAP)
		msr_bitmap(v, s);
	if (!ports_matter(s, v->vm->backend, proc))
		return;
	io_bitmap(v, s, 0);
	io_bitmap(v, s, 1);
}
