/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L2's memory as its own code sees it. */
#include "core/insn.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "mm/pt_format.h"
#include "nested/svm.h"

/* L2-physical, which is what L1 calls its guest's physical memory. */
static void *l2_memory(struct vcpu *v, u64 pa)
{
	struct nested_svm *n = v->nsvm;
	struct shadow_fault f;
	l1pa_t a = L1PA(pa);

	if (n->root &&
	    shadow_translate(n->shadow, &n->root12, L2PA(pa), ACCESS_R, &a, &f))
		return NULL;
	return guest_ptr(v->vm, a);
}

/* L2's page tables lie there. Its other CPUs may have changed them. */
static void *l2_table(void *vcpu, u64 pa)
{
	void *p = l2_memory(vcpu, pa);

	return p ? p : PT_NO_MEMORY;
}

static const struct pt_format *format_of(const struct vmcb *b, u64 *root)
{
	u64 cr3 = vmcb_cr3(b), cr4 = vmcb_cr4(b);

	*root = cr3 & PT_ADDR;
	if (vmcb_efer(b) & EFER_LMA)
		return cr4 & CR4_LA57 ? &pt_x86_5 : &pt_x86_4;
	*root = cr3 & (cr4 & CR4_PAE ? BITS(31, 5) : BITS(31, 12));
	return cr4 & CR4_PAE ? &pt_x86_pae : &pt_x86_32;
}

/*
 * A pointer into the direct map. The processor has just fetched from there:
 * rights and accessed flags are settled.
 */
const u8 *svm_l2_ptr(struct vcpu *v, const struct vmcb *b, u64 la)
{
	u64 flags = PT_1G, root;
	const struct pt_format *fmt = format_of(b, &root);
	struct pt_mode m;
	struct pt_walk w;

	if (!(vmcb_cr0(b) & CR0_PG))
		return l2_memory(v, la);
	if (vmcb_efer(b) & EFER_NXE)
		flags |= PT_NX;
	if (vmcb_cr4(b) & CR4_PSE)
		flags |= PT_PSE;
	pt_mode_init(&m, fmt, svm_hw.phys_bits, flags);
	if (pt_walk(&m, root, la & BITS(fmt->in_bits - 1, 0), l2_table, v,
		    &w) != PT_OK)
		return NULL;
	return l2_memory(v, w.addr);
}

void *svm_l2_page(struct vcpu *v, l2pa_t gpa)
{
	return l2_memory(v, gpa.v);
}

/* A #VMEXIT leaves its code there, and what is a page of zeros to L1 has had
 * none since. */
void svm_l2_id(struct vcpu *v, struct nested_id *id)
{
	const struct nested_svm *n = v->nsvm;
	const struct vmcb *b = n->page12;

	id->page = ptr_hpa(n->page12).v; /* page12_pa may be forgotten */
	id->root = n->root ? n->root12.root.v : 0;
	id->again = vmcb_exitcode(b) | vmcb_exitinfo1(b) | vmcb_exitinfo2(b)
			    ? L2_SAME
			    : L2_BLANK;
}

bool svm_tables(struct vcpu *v, struct nested_tables *t)
{
	const struct nested_svm *n = v->nsvm;

	if (!v->in_l2 || !n->root)
		return false;
	*t = (struct nested_tables){
		.fmt12 = n->root12.fmt,
		.fmt02 = shadow_root_fmt(n->root),
		.root12 = n->root12.root,
		.flags12 = n->root12.flags,
		.root02 = shadow_root_hpa(n->root),
	};
	return true;
}

u32 svm_l2_fetch(struct vcpu *v, u8 buf[INSN_MAX])
{
	const struct vmcb *b = v->nsvm->vmcb02;
	u64 la = svm_code_linear(b);
	u32 n = 0;

	while (n < INSN_MAX) {
		u64 a = la + n;
		u32 part = (u32)MIN((u64)INSN_MAX - n,
				    PAGE_SIZE - (a & ~PAGE_MASK));
		const u8 *ptr = svm_l2_ptr(v, b, a);

		if (!ptr)
			break;
		memcpy(buf + n, ptr, part);
		n += part;
	}
	return n;
}
