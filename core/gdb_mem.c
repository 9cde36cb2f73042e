/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of a level, without a trace: no accessed flag is set, nothing but
 * memory is touched.
 */
#include "core/gdb.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "mm/pt_format.h"
#include "mm/slat.h"

static enum gdb_phys phys_mode;

void gdb_mem_phys(enum gdb_phys mode)
{
	phys_mode = mode;
}

bool gdb_mem_is_phys(void)
{
	return phys_mode != GDB_PHYS_OFF;
}

/* The level whose tables pt_walk() reads. */
struct level {
	struct vcpu *v;
	bool l2;
};

static const struct nested_ops *nested(void)
{
	return virt == &svm_ops ? svm_nested : vmx_nested;
}

static void *physical(const struct level *l, u64 pa)
{
	if (!l->l2)
		return guest_ptr(l->v->vm, L1PA(pa));
	return nested() && nested()->l2_ptr ? nested()->l2_ptr(l->v, L2PA(pa))
					    : NULL;
}

/* Tables that a guest has made may lie where no memory is. */
static void *table(void *ctx, u64 pa)
{
	void *p = physical(ctx, pa);

	return p ? p : PT_NO_MEMORY;
}

static const struct pt_format *format_of(u64 cr4, u64 efer)
{
	if (efer & EFER_LMA)
		return cr4 & CR4_LA57 ? &pt_x86_5 : &pt_x86_4;
	return cr4 & CR4_PAE ? &pt_x86_pae : &pt_x86_32;
}

static u64 root_of(const struct pt_format *f, u64 cr3)
{
	if (f == &pt_x86_pae)
		return cr3 & BITS(31, 5);
	return f == &pt_x86_32 ? cr3 & BITS(31, 12) : cr3 & PT_ADDR;
}

/* Long mode: canonical; else: 32 bits. */
static bool in_range(const struct pt_format *f, u64 la)
{
	u32 unused = 64 - f->in_bits;

	if (f == &pt_x86_4 || f == &pt_x86_5)
		return (u64)((s64)(la << unused) >> unused) == la;
	return !(la >> 32);
}

static int translate(struct vcpu *v, bool l2, u64 la, u64 *pa, bool show)
{
	u64 cr3 = virt->get_reg(v, VREG_CR3), cr4 = virt->get_reg(v, VREG_CR4);
	u64 efer = virt->get_reg(v, VREG_EFER);
	const struct pt_format *f = format_of(cr4, efer);
	struct level l = { v, l2 };
	u64 flags = PT_1G;
	enum pt_result r;
	struct pt_mode m;
	struct pt_walk w;

	if (!(virt->get_reg(v, VREG_CR0) & CR0_PG)) {
		*pa = la;
		return 0;
	}
	if (!in_range(f, la))
		return -1;
	flags |= efer & EFER_NXE ? PT_NX : 0;
	flags |= cr4 & CR4_PSE ? PT_PSE : 0;
	pt_mode_init(&m, f, v->vm->slat->phys_bits, flags);
	r = pt_walk(&m, root_of(f, cr3), la & BITS(f->in_bits - 1, 0), table,
		    &l, &w);
	if (show) {
		gdb_say("%s, CR3 %#lx, of linear %#lx:", f->name, cr3, la);
		gdb_walk_show(&m, r, &w, l2 ? "L2-physical" : "L1-physical");
	}
	*pa = w.addr;
	return r == PT_OK ? 0 : -1;
}

int gdb_translate(struct vcpu *v, bool l2, u64 la, u64 *pa)
{
	return translate(v, l2, la, pa, false);
}

int gdb_translate_show(struct vcpu *v, bool l2, u64 la, u64 *pa)
{
	return translate(v, l2, la, pa, true);
}

u8 *gdb_mem_ptr_linear(struct vcpu *v, bool l2, u64 la)
{
	struct level l = { v, l2 };
	u64 pa;

	return gdb_translate(v, l2, la, &pa) ? NULL : physical(&l, pa);
}

u8 *gdb_mem_ptr(struct vcpu *v, bool l2, u64 addr)
{
	struct level l = { v, l2 };
	u64 pa = addr;

	if (phys_mode == GDB_PHYS_L2 && !l2)
		return NULL; /* L1 may have many L2s, or none */
	if (phys_mode == GDB_PHYS_L1)
		l.l2 = false;
	else if (phys_mode == GDB_PHYS_OFF && gdb_translate(v, l2, addr, &pa))
		return NULL;
	return physical(&l, pa);
}
