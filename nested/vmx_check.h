/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks of VM entry on a vmcs12, each a named rule, in the order and
 * the groups of SDM 3C, "VM Entries". Pure.
 */
#ifndef NESTED_VMX_CHECK_H
#define NESTED_VMX_CHECK_H

#include "core/cr.h"
#include "core/types.h"
#include "nested/vmx_vmcs12.h"

/* What the checks need to know apart from vmcs12. */
struct vmx_check_env {
	const struct vmx_caps *caps; /* as offered to L1 */
	u64 efer_valid;		     /* bits of IA32_EFER that exist */
	u64 debugctl_valid;	     /* the same for IA32_DEBUGCTL */
	u64 perf_valid;		     /* and for IA32_PERF_GLOBAL_CTRL */
	u64 s_cet_valid;	     /* and for IA32_S_CET */
	u8 la_bits;		     /* linear-address width: 48 or 57 */
	u8 vtpr;	  /* VTPR[7:4], where the virtual-APIC page counts */
	bool lma;	  /* L1 is in IA-32e mode */
	bool sgx;	  /* enclaves exist */
	bool bus_lock_db; /* bus locks raise #DB */
	bool rtm;	  /* there are restricted transactions */
	u64 cr3_lam;	  /* CR3 bits of linear-address masking, if it exists */
};

/* Why the last VM entry was refused; rule NULL: it was not. */
struct vmx_refusal {
	const char *rule;    /* what had to hold */
	const char *section; /* of SDM 3C */
	const char *field;   /* as in vmx/fields.def */
	u64 value;	     /* that it had */
	u64 rip;	     /* L1's, of the VMLAUNCH or VMRESUME */
};

/* Each: 0 or -EINVAL with *r filled (but for rip). */

/* VMfailValid 7: "Checks on VMX Controls". */
int __must_check vmx_check_controls(const struct vmcs12 *v,
				    const struct vmx_check_env *e,
				    struct vmx_refusal *r);
/* The event part of it: "VM-Entry Control Fields". */
int __must_check vmx_check_event(const struct vmcs12 *v,
				 const struct vmx_check_env *e,
				 struct vmx_refusal *r);
/* The rule on the TPR threshold, which depends on memory: e->vtpr. */
int __must_check vmx_check_threshold(const struct vmcs12 *v,
				     const struct vmx_check_env *e,
				     struct vmx_refusal *r);

/* VMfailValid 8: "Checks on Host Control Registers, MSRs, and SSP" ... */
int __must_check vmx_check_host(const struct vmcs12 *v,
				const struct vmx_check_env *e,
				struct vmx_refusal *r);

/* Exit 33: registers and MSRs, then segments and descriptor tables. */
int __must_check vmx_check_guest_regs(const struct vmcs12 *v,
				      const struct vmx_check_env *e,
				      struct vmx_refusal *r);
int __must_check vmx_check_guest_segs(const struct vmcs12 *v,
				      const struct vmx_check_env *e,
				      struct vmx_refusal *r);
/* RIP, RFLAGS, activity, interruptibility, pending debug exceptions. */
int __must_check vmx_check_guest_run(const struct vmcs12 *v,
				     const struct vmx_check_env *e,
				     struct vmx_refusal *r);
/* Exit 33 qualification 2: @pdpte, when L2 uses PAE paging. */
int __must_check vmx_check_pdptes(const u64 pdpte[4],
				  const struct vmx_check_env *e,
				  struct vmx_refusal *r);
/* Exit 33 qualification 4, apart from what stands in memory there. */
int __must_check vmx_check_link(const struct vmcs12 *v,
				const struct vmx_check_env *e,
				struct vmx_refusal *r);

/* Could this EPT pointer be used? (VM entry, INVEPT, EPTP switching) */
bool vmx_eptp_ok(u64 eptp, const struct vmx_check_env *e);

/* For the files that check. */
int __cold vmx_refuse(struct vmx_refusal *r, const char *rule, u32 slot,
		      u64 value, const char *section);

#define F(name) (v->f[SLOT_##name])

/* One rule: what must hold, the field to blame; SECTION names the source. */
#define CHECK_RULE(ok, text, slot)                                             \
	do {                                                                   \
		if (unlikely(!(ok)))                                           \
			return vmx_refuse(r, text, slot, v->f[slot], SECTION); \
	} while (0)
#define CHECK_SLOT(ok, slot) CHECK_RULE(ok, #ok, slot)
#define CHECK_FIELD(ok, field) CHECK_RULE(ok, #ok, SLOT_##field)

/* Secondary controls count only when they are activated. */
static inline u64 vmcs12_proc2(const struct vmcs12 *v)
{
	return F(PROC_CTLS) & PROC_PROC2 ? F(PROC2_CTLS) : 0;
}

static inline bool canonical(u64 a, u32 la_bits)
{
	return (u64)((s64)(a << (64 - la_bits)) >> (64 - la_bits)) == a;
}

static inline bool phys_ok(u64 a, u64 align, const struct vmx_check_env *e)
{
	return !(a & (align - 1)) && !(a >> e->caps->phys_bits);
}

static inline bool cr3_ok(u64 cr3, const struct vmx_check_env *e)
{
	return phys_ok(cr3 & ~e->cr3_lam, 1, e);
}

static inline bool fixed_ok(u64 val, u64 fixed0, u64 fixed1)
{
	return (val & fixed0) == fixed0 && !(val & ~fixed1);
}

/* IA32_S_CET; SUPPRESS and TRACKER exclude each other. */
static inline bool s_cet_ok(u64 val, const struct vmx_check_env *e)
{
	return !(val & ~e->s_cet_valid) &&
	       (val & BITS(11, 10)) != BITS(11, 10) &&
	       canonical(val, e->la_bits);
}

#endif
