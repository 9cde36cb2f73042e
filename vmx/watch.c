/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emulator fault: in Bochs 2.7 an INIT that made a guest exit stays pending,
 * so that each further entry exits at once; one that comes in root operation
 * is lost; and a SIPI exit leaves SMIs and NMIs blocked. There, as on SVM, the
 * sending of INIT and SIPI is watched (the x2APIC's ICR by the MSR bitmap, the
 * xAPIC's page by ept01), CPUs that wait for a SIPI wait in L0, and a kick is
 * an NMI. Known by the revision identifier of Bochs' VMCS.
 */
#include "core/cpu.h"
#include "core/icr.h"
#include "core/insn.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "mm/pt_format.h"
#include "mm/slat.h"
#include "vmx/internal.h"
#include "vmx/qual.h"

#define BOCHS_REVISION 0x2b

#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310

bool vmx_watches_icr;

int vmx_watch_init(struct vm *vm)
{
	struct vmx_vm *b = vm->backend;

	if ((vmx_caps.basic & VMX_BASIC_REVISION) != BOCHS_REVISION ||
	    nr_cpus < 2)
		return 0;
	vmx_watches_icr = true;
	vmx_msr_bitmap_set(b->msr_bitmap, MSR_X2APIC_ICR, false, true);
	b->apic_page = HPA(rdmsr(MSR_APIC_BASE) & BITS(51, 12));
	return slat_protect(vm->slat, L1PA(b->apic_page.v), b->apic_page,
			    ACCESS_R);
}

static void post(struct vcpu *t, enum icr_kind kind, u8 vector)
{
	if (kind == ICR_SIPI)
		t->sipi_vector = vector;
	request_set(t, kind == ICR_SIPI ? REQ_SIPI : REQ_INIT);
	if (t->cpu != this_cpu())
		vmx_kick(t);
}

static volatile u32 *apic_reg(struct vcpu *v, u32 reg)
{
	struct vmx_vm *b = v->vm->backend;

	return (volatile u32 *)((u8 *)hpa_ptr(b->apic_page) + reg);
}

/* True: the command was INIT or SIPI and is done. L1s here address CPUs by
 * APIC id or shorthand when they start them. */
static bool icr_command(struct vcpu *v, u32 low, u32 dest, bool x2apic)
{
	enum icr_kind kind = icr_kind(low);

	if (kind == ICR_OTHER)
		return false;
	for (u32 i = 0; kind != ICR_INIT_DEASSERT && i < v->vm->nvcpus; i++) {
		struct vcpu *t = v->vm->vcpus[i];
		struct icr_cpu c = { t->apic_id, 0, ~0u };

		if (icr_reaches(low, dest, x2apic, t == v, &c))
			post(t, kind, (u8)low);
	}
	return true;
}

bool vmx_watch_wrmsr(struct vcpu *v)
{
	if ((u32)v->gpr[RCX] != MSR_X2APIC_ICR ||
	    !icr_command(v, (u32)v->gpr[RAX], (u32)v->gpr[RDX], true))
		return false;
	vmx_skip(v);
	return true;
}

static void apic_write(struct vcpu *v, u32 reg, u32 val)
{
	if (reg == APIC_ICR_LOW &&
	    icr_command(v, val, *apic_reg(v, APIC_ICR_HIGH) >> 24, false))
		return;
	*apic_reg(v, reg) = val;
}

static void *l2_table(void *vcpu, u64 pa)
{
	void *p = vmx_nested->l2_ptr(vcpu, L2PA(pa));

	return p ? p : PT_NO_MEMORY;
}

/* L2's byte at linear @la, through its own tables and L1's for it; NULL: not
 * memory. The processor has just fetched from there. */
static const u8 *l2_code(struct vcpu *v, const struct paging *p, u64 la)
{
	const struct pt_format *f = &pt_x86_32;
	u64 root = p->cr3 & BITS(31, 12), flags = PT_1G;
	struct pt_mode m;
	struct pt_walk w;

	if (!(p->cr0 & CR0_PG))
		return vmx_nested->l2_ptr(v, L2PA(la));
	if (p->efer & EFER_LMA) {
		f = p->cr4 & CR4_LA57 ? &pt_x86_5 : &pt_x86_4;
		root = p->cr3 & PT_ADDR;
	} else if (p->cr4 & CR4_PAE) {
		f = &pt_x86_pae;
		root = p->cr3 & BITS(31, 5);
	}
	flags |= p->efer & EFER_NXE ? PT_NX : 0;
	flags |= p->cr4 & CR4_PSE ? PT_PSE : 0;
	pt_mode_init(&m, f, p->phys_bits, flags);
	if (pt_walk(&m, root, la & BITS(f->in_bits - 1, 0), l2_table, v, &w) !=
	    PT_OK)
		return NULL;
	return vmx_nested->l2_ptr(v, L2PA(w.addr));
}

/* Up to @n bytes at @la of the level that ran; their number. */
static u32 read_code(struct vcpu *v, u64 la, u8 *buf, u32 n)
{
	struct paging p;
	struct walk_fault f;

	vmx_paging(v, &p);
	for (u32 i = 0; i < n; i++) {
		const u8 *c;

		if (!v->in_l2) {
			if (guest_read_va(v->vm, &p, GVA(la + i), buf + i, 1,
					  &f))
				return i;
			continue;
		}
		c = l2_code(v, &p, la + i);
		if (!c)
			return i;
		buf[i] = *c;
	}
	return n;
}

/* The instruction at CS:RIP. */
static int fetch(struct vcpu *v, struct insn *i)
{
	struct segment cs;
	u8 buf[INSN_MAX];
	u64 la;
	bool m64 = vmx_mode64(v);

	vmx_get_seg(v, SEG_CS, &cs);
	la = (m64 ? 0 : cs.base) + vmx_get(v, CACHED_RIP);
	if (!m64)
		la = (u32)la;
	return insn_decode(i, buf, read_code(v, la, buf, INSN_MAX),
			   m64		       ? 64
			   : cs.attr & BIT(14) ? 32
					       : 16);
}

static u32 source(struct vcpu *v, const struct insn *i)
{
	return (u32)(i->has_imm ? i->imm
				: insn_reg_read(i, v->gpr, i->reg, i->width));
}

static bool emulate(struct vcpu *v, const struct insn *i, u32 reg)
{
	u64 flags = vmx_get(v, CACHED_RFLAGS);
	u32 old;

	switch (i->op) {
	case INSN_STORE:
		apic_write(v, reg, source(v, i));
		return true;
	case INSN_XCHG:
		old = *apic_reg(v, reg);
		apic_write(v, reg, source(v, i));
		insn_reg_write(i, v->gpr, i->reg, i->width, old);
		return true;
	case INSN_ALU_TO_MEM:
		old = *apic_reg(v, reg);
		apic_write(v, reg,
			   (u32)insn_alu(i->alu, old, source(v, i), i->width,
					 &flags));
		vmx_put(v, CACHED_RFLAGS, flags);
		return true;
	default:
		return false;
	}
}

bool vmx_watch_mmio(struct vcpu *v, u64 qual)
{
	const struct vmx_vm *b = v->vm->backend;
	u64 gpa = vmx_get(v, CACHED_GPA);
	struct insn i;

	if ((gpa & PAGE_MASK) != b->apic_page.v ||
	    !(qual_ept_access(qual) & ACCESS_W) || fetch(v, &i) ||
	    i.width != 4 || (gpa & 15) || !emulate(v, &i, (u32)gpa & 0xff0))
		return false;
	v->vmx->cache[CACHED_INSTR_LEN] = i.len;
	v->vmx->valid |= (u32)BIT(CACHED_INSTR_LEN);
	vmx_skip(v);
	return true;
}

bool vmx_watch_l2_waits(struct vcpu *v)
{
	if (!vmx_watches_icr)
		return false;
	v->vmx->waits = vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_SIPI
				? WAITS_L0
				: WAITS_NOT;
	return v->vmx->waits;
}

void vmx_watch_wait(struct vcpu *v)
{
	while (!request_pending(v))
		vmx_halt(&v->requests);
	v->cpu->kicked = false;
}
