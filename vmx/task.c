/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Task switches exit, always (SDM 3C, Treatment of Task Switches): carry out
 * the one of the last exit on L1's VMCS and memory.
 */
#include "core/task_switch.h"

#include "core/err.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "vmx/internal.h"
#include "vmx/qual.h"

struct access {
	struct vcpu *v;
	struct paging p;
};

static int fault(struct vcpu *v, const struct walk_fault *w,
		 struct task_fault *f)
{
	*f = (struct task_fault){ VEC_PF, true, w->error };
	vmx_set_reg(v, VREG_CR2, w->addr);
	return -EFAULT;
}

static int read_la(void *ctx, u64 la, void *to, size_t n, struct task_fault *f)
{
	struct access *a = ctx;
	struct walk_fault w = { 0 };

	if (!guest_read_va(a->v->vm, &a->p, GVA(la), to, n, &w))
		return 0;
	return fault(a->v, &w, f);
}

static int write_la(void *ctx, u64 la, const void *from, size_t n,
		    struct task_fault *f)
{
	struct access *a = ctx;
	struct walk_fault w = { 0 };

	if (!guest_write_va(a->v->vm, &a->p, GVA(la), from, n, &w))
		return 0;
	return fault(a->v, &w, f);
}

static int set_cr3(void *ctx, u64 cr3)
{
	struct access *a = ctx;

	a->p.cr3 = cr3;
	if (!vmx_pae(a->p.cr0, a->p.cr4, a->p.efer))
		return 0;
	return vmx_read_pdptes(a->v, cr3, a->p.pdpte);
}

/* EIP to be saved: after the instruction, unless the event was a fault or
 * came from outside. */
static u32 old_eip(struct vcpu *v, u8 source, u32 info)
{
	u32 eip = (u32)vmx_get(v, CACHED_RIP);

	if (source == TASK_GATE && INTR_TYPE(info) < INTR_TYPE_SOFT_INT)
		return eip;
	return eip + (u32)vmx_get(v, CACHED_INSTR_LEN);
}

static void load_cpu(struct vcpu *v, struct task_cpu *c)
{
	for (u32 i = 0; i < 8; i++)
		c->gpr[i] = (u32)v->gpr[i];
	c->eflags = (u32)vmx_get(v, CACHED_RFLAGS);
	c->cr0 = vmx_guest_cr0(v);
	c->cr3 = vmx_get(v, CACHED_CR3);
	c->dr6 = vmx_get_reg(v, VREG_DR6);
	c->dr7 = vmx_get_reg(v, VREG_DR7);
	for (u32 s = 0; s < NR_SEGS; s++)
		vmx_get_seg(v, s, &c->seg[s]);
}

static void store_cpu(struct vcpu *v, const struct task_cpu *c)
{
	for (u32 i = 0; i < 8; i++)
		v->gpr[i] = c->gpr[i];
	vmx_put(v, CACHED_RIP, c->eip);
	vmx_put(v, CACHED_RFLAGS, c->eflags);
	for (u32 s = 0; s < SEG_GDTR; s++)
		vmx_set_seg(v, s, &c->seg[s]);
	if (c->cr3 != vmx_get(v, CACHED_CR3))
		vmx_set_reg(v, VREG_CR3, c->cr3);
	vmx_set_reg(v, VREG_CR0, c->cr0);
	vmx_set_reg(v, VREG_DR6, c->dr6);
	vmx_set_reg(v, VREG_DR7, c->dr7);
}

static void request(struct vcpu *v, u64 qual, struct task_request *r, u32 info)
{
	struct task_access a = qual_task(qual);

	*r = (struct task_request){ .sel = a.sel, .source = a.source };
	if (a.source != TASK_GATE)
		return;
	r->has_error = info & INTR_ERROR;
	if (r->has_error)
		r->error = (u32)vmread(VMCS_IDT_VECTORING_ERROR);
	r->external = INTR_TYPE(info) < INTR_TYPE_SOFT_INT;
}

void vmx_task_switch(struct vcpu *v, u64 qual)
{
	u32 info = (u32)vmread(VMCS_IDT_VECTORING);
	struct access a = { .v = v };
	struct task_mem m = { &a, read_la, write_la, set_cr3 };
	struct task_fault f;
	struct task_request r;
	struct task_cpu c;
	u64 ib = vmread(VMCS_GUEST_INTERRUPTIBILITY);
	int err;

	vmx_paging(v, &a.p);
	a.p.cpl = 0; /* accesses to system structures are supervisor's */
	request(v, qual, &r, info);
	load_cpu(v, &c);
	c.eip = old_eip(v, r.source, info);
	err = task_switch(&c, &m, &r, &f);
	if (err && c.seg[SEG_TR].sel != r.sel) {
		/* Nothing has happened: the instruction faults. */
		c.eip = (u32)vmx_get(v, CACHED_RIP);
	}
	store_cpu(v, &c);
	ib &= ~(u64)(INTRBL_STI | INTRBL_MOV_SS);
	if (r.source == TASK_GATE && INTR_TYPE(info) == INTR_TYPE_NMI)
		ib |= INTRBL_NMI;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, ib);
	if (err) {
		struct event e = { EVENT_EXCEPTION, f.vector, f.has_error,
				   f.error };

		vmx_inject(v, &e);
	}
}
