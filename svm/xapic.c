/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INIT and SIPI of an L1 with several CPUs. SVM cannot intercept their
 * reception in a way that leaves the CPU to L0 (an intercepted INIT stays
 * pending), so their sending is watched: the ICR. In x2APIC mode that is one
 * MSR. In xAPIC mode the APIC's page is read-only in npt01 and L0 carries out
 * the writes to it. A VM that has the machine's only CPU pays nothing.
 */
#include "core/cpu.h"
#include "core/err.h"
#include "core/insn.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/smp.h"
#include "core/spinlock.h"
#include "core/string.h"
#include "core/x86.h"
#include "mm/page.h"
#include "mm/slat.h"
#include "core/icr.h"
#include "svm/internal.h"

#define APIC_LDR 0x0d0
#define APIC_DFR 0x0e0
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310

/* An instruction that wrote the page, by where it stands; it is the same one
 * as long as the bytes are the same. */
struct svm_insn_cache {
	struct insn_entry {
		u64 la;		       /* 0: none */
		u64 bytes[2], mask[2]; /* mask: which of them are its own */
		struct insn insn;
	} entry[16];
	struct insn l2;
};

static hpa_t apic_page(const struct vcpu *v)
{
	return HPA(v->apic_base & BITS(51, 12));
}

static int watch_page(struct vm *vm, hpa_t page)
{
	struct svm_vm *b = vm->backend;

	return slat_protect(&b->slat, L1PA(page.v), page, ACCESS_R);
}

/* Is it the APIC of some CPU? Others find there what the bus has. */
static bool is_watched(const struct vm *vm, hpa_t page)
{
	for (u32 i = 0; i < vm->nvcpus; i++)
		if (apic_page(vm->vcpus[i]).v == page.v)
			return true;
	return false;
}

int svm_watch_init(struct vm *vm)
{
	struct svm_vm *b = vm->backend;

	/* CPUs that are not this VM's must not be started either. */
	b->watch_icr = vm->nvcpus > 1 || nr_cpus_present > 1;
	if (!b->watch_icr)
		return 0;
	svm_msrpm_set(b->msrpm, MSR_X2APIC_ICR, false, true);
	svm_msrpm_set(b->msrpm, MSR_APIC_BASE, false, true);
	return watch_page(vm, HPA(rdmsr(MSR_APIC_BASE) & BITS(51, 12)));
}

static void post(struct vcpu *t, enum icr_kind kind, u8 vector)
{
	if (kind == ICR_SIPI)
		t->sipi_vector = vector;
	request_set(t, kind == ICR_SIPI ? REQ_SIPI : REQ_INIT);
	svm_kick(t);
}

/* True: the command was INIT or SIPI and is done. */
static bool icr_command(struct vcpu *v, u32 low, u32 dest, bool x2apic)
{
	enum icr_kind kind = icr_kind(low);

	if (likely(kind == ICR_OTHER))
		return false;
	if (kind == ICR_INIT_DEASSERT)
		return true;
	for (u32 i = 0; i < v->vm->nvcpus; i++) {
		struct vcpu *t = v->vm->vcpus[i];
		struct icr_cpu c = { t->apic_id, t->svm->apic_ldr,
				     t->svm->apic_dfr };

		if (icr_reaches(low, dest, x2apic, t == v, &c))
			post(t, kind, (u8)low);
	}
	return true;
}

bool svm_x2apic_icr(struct vcpu *v, u64 icr)
{
	if (icr_command(v, (u32)icr, (u32)(icr >> 32), true))
		return true;
	return !wrmsr_safe(MSR_X2APIC_ICR, icr);
}

static volatile u32 *reg_at(u64 gpa)
{
	return hpa_ptr(HPA(gpa));
}

/* L1 writes @val to the register at @gpa (bits 3:0 are 0). */
static void apic_write(struct vcpu *v, u64 gpa, u32 val)
{
	u64 page = gpa & PAGE_MASK;
	/* ... of this CPU's APIC? */
	u32 reg = page == apic_page(v).v ? (u32)(gpa - page) : ~0u;

	switch (reg) {
	case APIC_ICR_LOW:
		if (icr_command(v, val, *reg_at(page + APIC_ICR_HIGH) >> 24,
				false))
			return;
		break;
	case APIC_LDR:
		v->svm->apic_ldr = val;
		break;
	case APIC_DFR:
		v->svm->apic_dfr = val;
		break;
	}
	*reg_at(gpa) = val;
}

/* L2's, where L1 has given it the APIC: not cached. */
static __noinline const struct insn *apic_insn_l2(struct vcpu *v)
{
	struct insn *i = &v->svm->insn_cache->l2;
	u8 buf[INSN_MAX];
	u32 n = v->svm->l2_fetch(v, buf);

	if (!n || insn_decode(i, buf, n, svm_mode(v->svm->vmcb)))
		return NULL;
	return i;
}

/* Is it what @e was decoded from? @p: 16 bytes at @la. */
static inline bool same_insn(const struct insn_entry *e, u64 la, const u8 *p,
			     u32 mode)
{
	u64 b[2];

	if (e->la != la || e->insn.mode != mode)
		return false;
	memcpy(b, p, sizeof(b));
	return !((b[0] & e->mask[0]) ^ e->bytes[0]) &&
	       !((b[1] & e->mask[1]) ^ e->bytes[1]);
}

static __noinline const struct insn *
apic_decode(struct vcpu *v, struct insn_entry *e, u64 la, u32 mode)
{
	u8 buf[16] = { 0 };
	u32 n = svm_fetch(v, buf);

	e->la = 0;
	if (!n || insn_decode(&e->insn, buf, n, mode))
		return NULL;
	memset(e->mask, 0, sizeof(e->mask));
	for (u32 i = 0; i < e->insn.len; i++)
		e->mask[i / 8] |= 0xffull << i % 8 * 8;
	memcpy(e->bytes, buf, sizeof(e->bytes));
	e->bytes[0] &= e->mask[0];
	e->bytes[1] &= e->mask[1];
	e->la = la;
	return &e->insn;
}

/* The instruction at L1's CS:RIP, from the cache when it is unchanged. */
static inline const struct insn *apic_insn(struct vcpu *v)
{
	u32 mode = svm_mode(v->svm->vmcb01);
	struct insn_entry *e;
	const u8 *p;
	u64 la;

	p = svm_code_ptr(v, &la);
	e = &v->svm->insn_cache->entry[(la ^ la >> 4) & 15];
	if (likely(p && (la & ~PAGE_MASK) + 16 <= PAGE_SIZE &&
		   same_insn(e, la, p, mode)))
		return &e->insn;
	return apic_decode(v, e, la, mode);
}

static u64 source(struct vcpu *v, const struct insn *i)
{
	if (i->has_imm)
		return i->imm;
	return insn_reg_read(i, v->gpr, i->reg, i->width);
}

/* STOS: one element; true: the instruction is at its end. */
static bool stos(struct vcpu *v, const struct insn *i)
{
	u64 step = vmcb_rflags(v->svm->vmcb) & RFLAGS_DF ? -(u64)i->width
							 : i->width;

	insn_reg_write(i, v->gpr, RDI, i->addrsize, v->gpr[RDI] + step);
	if (!i->rep && !i->repne)
		return true;
	insn_reg_write(i, v->gpr, RCX, i->addrsize, v->gpr[RCX] - 1);
	return insn_reg_read(i, v->gpr, RCX, i->addrsize) == 0;
}

/* Carry out @i, whose memory operand is @gpa. False: not known how. */
static bool apic_emulate(struct vcpu *v, const struct insn *i, u64 gpa,
			 bool *done)
{
	struct vmcb *b = v->svm->vmcb;
	u64 rflags = vmcb_rflags(b);
	u32 old;

	*done = true;
	switch (i->op) {
	case INSN_STORE:
		apic_write(v, gpa, (u32)source(v, i));
		return true;
	case INSN_XCHG:
		old = *reg_at(gpa);
		apic_write(v, gpa, (u32)source(v, i));
		insn_reg_write(i, v->gpr, i->reg, i->width, old);
		return true;
	case INSN_ALU_TO_MEM:
		old = *reg_at(gpa);
		apic_write(v, gpa,
			   (u32)insn_alu(i->alu, old, source(v, i), i->width,
					 &rflags));
		vmcb_set_rflags(b, rflags);
		return true;
	case INSN_STOS:
		apic_write(v, gpa, (u32)v->gpr[RAX]);
		*done = stos(v, i);
		return true;
	default:
		return false;
	}
}

bool svm_xapic_write(struct vcpu *v, l1pa_t gpa)
{
	const struct svm_vm *b = v->vm->backend;
	hpa_t page = HPA(gpa.v & PAGE_MASK);
	const struct insn *i;
	bool done;

	if (!b->watch_icr ||
	    (page.v != apic_page(v).v && !is_watched(v->vm, page)))
		return false;
	i = v->in_l2 ? apic_insn_l2(v) : apic_insn(v);
	/* Registers are 32 bits wide at multiples of 16; what else touches
	 * the page is undefined (APM 2, APIC Registers). */
	if (!i || i->width != 4 || gpa.v & 15 ||
	    !apic_emulate(v, i, gpa.v, &done))
		return false;
	if (done)
		svm_advance(v, svm_next_rip(v->svm->vmcb, i->len));
	return true;
}

static void flush_everywhere(struct vm *vm)
{
	for (u32 i = 0; i < vm->nvcpus; i++) {
		request_set(vm->vcpus[i], REQ_FLUSH_TLB);
		svm_kick(vm->vcpus[i]);
	}
}

/* The pages that are watched are those of all CPUs' APICs. */
static void moved(struct vcpu *v, hpa_t old)
{
	struct svm_vm *b = v->vm->backend;

	if (watch_page(v->vm, apic_page(v)))
		log_err("svm: no memory to watch the APIC at %#lx",
			apic_page(v).v);
	if (!is_watched(v->vm, old) &&
	    slat_protect(&b->slat, L1PA(old.v), old,
			 ACCESS_R | ACCESS_W | ACCESS_X))
		log_err("svm: no memory to release the old APIC page");
	flush_everywhere(v->vm);
}

bool svm_apic_base(struct vcpu *v, u64 val)
{
	static struct spinlock lock; /* what is watched follows all of them */
	hpa_t old = apic_page(v);

	/* not in front of L0's memory, which npt01 would show, too */
	if (!apic_base_ok(v->vm, val) || wrmsr_safe(MSR_APIC_BASE, val))
		return false;
	spin_lock(&lock);
	v->apic_base = val;
	if (apic_page(v).v != old.v)
		moved(v, old);
	spin_unlock(&lock);
	return true;
}
