/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L2's memory as its own code sees it. */
#include "core/insn.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "nested/svm.h"

/* Direct-map pointer to the byte of L2's at linear @la, or NULL. */
static const u8 *l2_ptr(struct vcpu *v, const struct paging *p, u64 la)
{
	struct walk_fault f;
	l1pa_t pa;

	if (walk_l1(v->vm, p, GVA(la), ACCESS_X | (p->cpl == 3 ? ACCESS_U : 0),
		    &pa, &f))
		return NULL;
	return guest_ptr(v->vm, pa);
}

u32 svm_l2_fetch(struct vcpu *v, u8 buf[INSN_MAX])
{
	const struct vmcb *b = v->nsvm->vmcb02;
	u64 la = vmcb_rip(b);
	struct paging p;
	u32 n = 0;

	svm_paging(b, &p);
	if (!(vmcb_cs(b)->attr & VSEG_L && vmcb_efer(b) & EFER_LMA))
		la = (u32)(vmcb_cs(b)->base + la);
	while (n < INSN_MAX) {
		u64 a = la + n;
		u32 part = (u32)MIN((u64)INSN_MAX - n,
				    PAGE_SIZE - (a & ~PAGE_MASK));
		const u8 *ptr = l2_ptr(v, &p, a);

		if (!ptr)
			break;
		memcpy(buf + n, ptr, part);
		n += part;
	}
	return n;
}
