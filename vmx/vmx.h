/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMX backend's own state, and what nested/vmx_* may use of it.
 *
 * Who owns what while L0 runs: IF is 0, so external interrupts wait for L1;
 * NMIs are taken by L0's handler and passed on; INIT is blocked by VMX root
 * operation and waits for the next VM entry. FS and GS bases, SYSENTER_*,
 * EFER, PAT, DEBUGCTL, DR7 and descriptor tables are switched by the VMCS.
 * STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE, TSC_AUX, XCR0, XSS, DR0-DR3,
 * DR6, CR2, CR8 and the FPU are those of the level that ran last: L0 does not
 * use them, and nobody switches them.
 */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include "core/cpu.h"
#include "core/types.h"
#include "core/vcpu.h"
#include "core/virt.h"
#include "mm/addr.h"
#include "mm/guest.h"
#include "mm/pt_format.h"
#include "vmx/bitmap.h"
#include "vmx/vmcs.h"

/* What hardware has, read once at boot. Never changed by vmx.features=. */
extern struct vmx_caps vmx_caps;

static inline bool vmx_can(enum vmx_group g, u64 bits)
{
	return (vmx_caps.ctl[g].may1 & bits) == bits;
}

/* What may be offered to L1: vmx_caps without vmx.features=-... */
extern struct vmx_caps vmx_offered;

/* A VMCS region and what is known of its contents. */
struct vmx_vmcs {
	void *page;
	hpa_t pa;
	bool launched;
	bool clear_needed;	/* never VMCLEARed on this CPU yet */
	u64 host_rsp;		/* as last written */
	u64 ctl[NR_VMX_GROUPS]; /* controls as last written */
	/* A vmcs02 while the debug stub wants exceptions (debug.c): what L1
	 * has asked for, what stands there, is its #PF mask put aside. */
	u32 exceptions12, exceptions02;
	u64 pf_mask12, pf_match12;
	bool all_pf;
};

/* Per CPU (cpu->vmx). */
struct vmx_cpu {
	void *vmxon;
	hpa_t vmxon_pa;
	struct vmx_vmcs *current; /* VMPTRLDed here, or NULL */
	u16 vpid_next;		  /* next to hand out to an L2 */
};

/* VPID 1 is L1's on each CPU; the others are the nested half's to use. */
#define VMX_VPID_L1 1
#define VMX_VPID_FIRST 2

/* Per VM (vm->backend). */
struct vmx_vm {
	u8 *msr_bitmap; /* 1 page: L0's intercepts of L1's MSR accesses */
	u8 *io_bitmap;	/* 2 pages: of its port accesses */
	hpa_t msr_bitmap_pa, io_bitmap_pa;
	bool io_used;	 /* some port is trapped */
	u32 bitmap_gen;	 /* goes up when one of the bitmaps changes */
	u64 eptp;	 /* ept01 */
	hpa_t apic_page; /* watched (watch.c), or HPA_NONE */
};

/* Fields of the current VMCS that are read at most once between an exit and
 * the next entry. */
enum vmx_cached {
	CACHED_RIP,
	CACHED_RFLAGS,
	CACHED_CR0,
	CACHED_CR3,
	CACHED_CR4,
	CACHED_EFER,
	CACHED_QUAL,
	CACHED_INTR_INFO,
	CACHED_INSTR_LEN,
	CACHED_GPA,
	CACHED_LINEAR,
	CACHED_CS_AR,
	NR_VMX_CACHED
};

struct vmx_vcpu {
	/* What the next entry enters: &vmcs01 or, v->in_l2, a vmcs02. */
	struct vmx_vmcs *vmcs;
	struct vmx_vmcs vmcs01;

	u64 cache[NR_VMX_CACHED];
	u32 valid; /* BIT(CACHED_*): cache[] is what the VMCS holds */
	u64 rsp;   /* guest RSP as in the VMCS */
	u32 raw;   /* exit reason, all 32 bits, or RAW_VMFAIL */

	/*
	 * Event that the next entry injects, as in the VMCS's entry
	 * interruption information (0: none). Belongs to vmcs: the nested
	 * half takes it along or turns it into IDT-vectoring information.
	 */
	u32 entry_info;
	/*
	 * Event whose delivery the last exit interrupted (IDT-vectoring
	 * information), put back by the next entry of the same VMCS unless
	 * something else is injected. Valid only after exits of which the
	 * manual allows it (see vmx_vectoring()).
	 */
	u32 vectoring, vectoring_error, vectoring_len;

	/* An NMI waits for L1: while !in_l2 the backend injects it as soon as
	 * it may, while in_l2 the nested half routes it (before_entry). */
	bool nmi_pending;
	bool nmi_window; /* NMI-window exiting is on in vmcs01 for that */
	bool kicked;	 /* the INIT on its way is L0's; atomic */
	/* What entry_info has for L2 is an exception of L0's own making: L1
	 * may intercept it (before_entry). */
	bool own_exception;
	bool fresh;	/* started by a SIPI, not entered since */
	bool mce_waits; /* a machine check, for the end of an event's delivery */
	/* For a SIPI: in L0 (watch.c), or L2 in the processor (l2_sleep()). */
	enum { WAITS_NOT, WAITS_L0, WAITS_L2 } waits;
	/* ept01 has changed (REQ_FLUSH_TLB was taken): what was folded from it
	 * is void. Set here, cleared by the nested half. */
	bool ept01_changed;

	/* What a step's entry has changed in the VMCS, as it was. */
	struct {
		u64 pin, exceptions, pf_mask, pf_match, timer, debugctl;
	} step;

	/* While vmx_view_l1() is on: what was current. */
	struct vmx_vmcs *view_vmcs;
	u64 view_rsp, view_rip;

	struct pt_mode walk_mode; /* of guest_read_va(): paging.kept */

	/* Bits of CR0 and CR4 that L0 owns in vmcs01. */
	u64 cr0_mask, cr4_mask;
};

/* --- VMX instructions ---------------------------------------------------- */

static inline u64 vmread(u64 enc)
{
	u64 val;

	__asm__ volatile("vmread %1, %0" : "=rm"(val) : "r"(enc) : "cc");
	return val;
}

/* A refused VMWRITE is a fault of L0's: vmx_write_failed() panics. */
void __cold vmx_write_failed(u64 enc, u64 val);

static inline void vmwrite(u64 enc, u64 val)
{
	bool fail;

	__asm__ volatile("vmwrite %2, %1"
			 : "=@ccna"(fail)
			 : "r"(enc), "rm"(val)
			 : "cc");
	if (unlikely(fail))
		vmx_write_failed(enc, val);
}

/*
 * The same for fields that every processor has and lets software write, when
 * a VMCS is known to be current: it cannot fail. For what runs on every exit.
 */
static inline void vmwrite_sure(u64 enc, u64 val)
{
	__asm__ volatile("vmwrite %1, %0" : : "r"(enc), "r"(val) : "cc");
}

static inline void vmwrite_from(u64 enc, const u64 *val)
{
	__asm__ volatile("vmwrite %1, %0" : : "r"(enc), "m"(*val) : "cc");
}

/* --- the current VMCS ---------------------------------------------------- */

/*
 * Make @n the VMCS that is current and that the next entry enters. What is
 * cached of the old one is dropped (all writes go through at once, nothing
 * is lost). VMPTRLD only when it is not current already; VMCLEAR on first use.
 */
void vmx_select(struct vcpu *v, struct vmx_vmcs *n);

/* A region (revision identifier set, not yet VMCLEARed). -ENOMEM. */
int __must_check vmx_vmcs_alloc(struct vmx_vmcs *n);
/* VMCLEAR @n; it may be the current one, which is none then. */
void vmx_vmcs_clear(struct vcpu *v, struct vmx_vmcs *n);

/*
 * Fill @n, which must be current, with L0's host state and with what every
 * VMCS here has (link pointer ~0, MSR areas empty).
 */
void vmx_host_state(struct vcpu *v);

/* Write controls of @g into the current VMCS if they differ from what is
 * there. For those that have no more bits than the field (PIN, PROC, PROC2,
 * PROC3, EXIT, EXIT2, ENTRY). */
void vmx_set_ctl(struct vcpu *v, enum vmx_group g, u64 val);
static inline u64 vmx_ctl(const struct vcpu *v, enum vmx_group g)
{
	return v->vmx->vmcs->ctl[g];
}

static __always_inline u32 vmx_cached_field(enum vmx_cached what)
{
	static const u16 field[NR_VMX_CACHED] = {
		[CACHED_RIP] = VMCS_GUEST_RIP,
		[CACHED_RFLAGS] = VMCS_GUEST_RFLAGS,
		[CACHED_CR0] = VMCS_GUEST_CR0,
		[CACHED_CR3] = VMCS_GUEST_CR3,
		[CACHED_CR4] = VMCS_GUEST_CR4,
		[CACHED_EFER] = VMCS_GUEST_EFER,
		[CACHED_QUAL] = VMCS_EXIT_QUALIFICATION,
		[CACHED_INTR_INFO] = VMCS_EXIT_INTR_INFO,
		[CACHED_INSTR_LEN] = VMCS_EXIT_INSTR_LEN,
		[CACHED_GPA] = VMCS_GUEST_PHYSICAL,
		[CACHED_LINEAR] = VMCS_GUEST_LINEAR,
		[CACHED_CS_AR] = VMCS_GUEST_CS_AR,
	};

	return field[what];
}

/* Read through the cache / write through it. @what: a constant. */
static __always_inline u64 vmx_get(struct vcpu *v, enum vmx_cached what)
{
	struct vmx_vcpu *x = v->vmx;

	if (!(x->valid & BIT(what))) {
		x->cache[what] = vmread(vmx_cached_field(what));
		x->valid |= (u32)BIT(what);
	}
	return x->cache[what];
}

static __always_inline void vmx_put(struct vcpu *v, enum vmx_cached what,
				    u64 val)
{
	struct vmx_vcpu *x = v->vmx;

	x->cache[what] = val;
	x->valid |= (u32)BIT(what);
	vmwrite(vmx_cached_field(what), val);
}

/* Forget what is cached (after writing such fields by vmwrite()). */
static inline void vmx_forget(struct vcpu *v)
{
	v->vmx->valid = 0;
}

/* A register as a MOV to CR0 or CR4 takes it: 32 bits outside 64-bit code. */
u64 vmx_gpr(struct vcpu *v, u8 reg);

/* CR0, CR4 as the guest of the current VMCS sees them: shadow where owned. */
u64 vmx_guest_cr0(struct vcpu *v);
u64 vmx_guest_cr4(struct vcpu *v);

/*
 * Set L1's CR0/CR4 (vmcs01 is current) to @val as L1 is to see it. VMXE and
 * the fixed bits are added in hardware only; LMA, PDPTEs follow.
 */
void vmx_l1_set_cr0(struct vcpu *v, u64 val);
void vmx_l1_set_cr4(struct vcpu *v, u64 val);
/* Own further bits of L1's CR0/CR4 from now on (VMX operation of L1). */
void vmx_l1_own(struct vcpu *v, u64 cr0_mask, u64 cr4_mask);

/* --- instructions, events ------------------------------------------------ */

/* virt_ops.skip: RIP + instruction length, interrupt shadow ends, TF traps. */
void vmx_skip(struct vcpu *v);
/* virt_ops.inject into the current VMCS. An NMI that may not be injected now
 * is kept in nmi_pending. */
void vmx_inject(struct vcpu *v, const struct event *e);
/* Entry interruption information in raw form, into the current VMCS. */
void vmx_inject_raw(struct vcpu *v, u32 info, u32 error, u32 len);
/* Hardware exceptions for L1's (or, in_l2, L2's) own mistakes. */
void vmx_inject_ud(struct vcpu *v);
void vmx_inject_gp(struct vcpu *v); /* #GP(0) */
void vmx_inject_pf(struct vcpu *v, u64 addr, u32 error);

/* The next entry delivers what it injects and exits before the first
 * instruction. False: not where INITs cannot be used (watch.c). */
bool vmx_kick_entry(struct vcpu *v);

/* How the access of an EPT violation came about. */
enum mem_how vmx_mem_how(struct vcpu *v);

/* Paging state of the guest of the current VMCS, for walk_l1(). */
void vmx_paging(struct vcpu *v, struct paging *p);

/* --- translations -------------------------------------------------------- */

/* INVEPT: @type INVEPT_SINGLE of @eptp, or INVEPT_ALL. Falls back to all
 * where hardware has no single-context type. */
void vmx_invept(u64 type, u64 eptp);
/* INVVPID; falls back to a wider type where hardware lacks @type. */
void vmx_invvpid(u64 type, u16 vpid, u64 addr);

/* --- messages ------------------------------------------------------------ */

/* All fields of the current VMCS that exist, with names; @title: a line. */
void vmx_dump_vmcs(const char *title);
/* One line of it: field @slot with value @val. */
void vmx_dump_field(u32 slot, u64 val);

#endif
