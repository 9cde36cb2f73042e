/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested VMX: the VMX that L1 sees, and its merge with L0's.
 *
 * One VM entry of L1: vmx_shadow_pull (what L1 wrote without an exit) ->
 * checks -> vmx_merge -> enter vmcs02. One exit: vmx_owner -> (L1) sync
 * -> vmx_load_host (L1's host state into vmcs01) -> vmx_shadow_push.
 *
 * vmcs12 is in L0's memory while it is active, so what is checked is what is
 * used; what L1 changed since the last entry is known field by field
 * (dirty), and only that is checked, merged and written again.
 */
#ifndef NESTED_VMX_H
#define NESTED_VMX_H

#include "core/types.h"
#include "core/vcpu.h"
#include "mm/addr.h"
#include "mm/guest.h"
#include "mm/shadow.h"
#include "nested/vmx_check.h"
#include "nested/vmx_perm.h"
#include "nested/vmx_vmcs12.h"
#include "vmx/vmx.h"

#define PA_NONE (~0ull)

/* An active VMCS of L1's, with all that L0 keeps for it. */
struct nested_vmcs {
	u64 pa;	  /* L1's region; PA_NONE: not in use */
	u64 used; /* when it was last current, for recycling */
	struct vmcs12 *v12;
	struct vmx_vmcs vmcs02;
	bool entered; /* vmcs02 has L0's host state */
	bool fresh;   /* L1 has made it new, and not entered yet */
	bool ran;     /* vmcs02 was launched in earnest */
	bool lazy;    /* lazily kept fields are newer in vmcs02 */
	/* What says which of them: vmcs12's controls as at the exit. */
	u64 lazy_exit, lazy_proc2;
	struct vmcs_set dirty; /* L1 wrote them since the last entry */

	/* Hardware VMCS shadowing: what L1's VMREAD and VMWRITE reach. */
	struct vmx_vmcs shadow;
	struct vmcs_set push; /* differ in the shadow VMCS */

	/* L1's own use of it for L2: its shadow VMCS, while L2 runs. */
	struct nested_vmcs *shadow12;
	bool nmi_window; /* vmcs02 has L0's NMI-window exiting (vmx_nmi.c) */
	bool linked;	 /* vmcs02 has a link pointer */
	bool borrowed;	 /* shadow12 is not active as L1 sees it */

	u64 host_ar[SEG_GS + 1]; /* access rights of L1 after exits */

	u64 l0_gen;	  /* vmx_vm.bitmap_gen + 1 that was looked at */
	const u64 *msr12; /* vmcs12's MSR bitmap; NULL: no memory there */
	bool msr_used;	  /* vmcs02 has msr02 */
	u64 *msr02;	  /* merged */
	/* Whether it has to be merged anew (vmx_bitmap.c). */
	enum {
		MSR02_COPIED,  /* on each entry */
		MSR02_GUARDED, /* ... until all CPUs know of the guard */
		MSR02_KEPT,    /* until the guard ends */
	} msr_state;
	u32 msr_gen;	   /* slat.gen with the guard */
	u32 msr_unguarded; /* slat.unguarded then */
	u32 msr_entries, msr_patience;
	u64 *io02; /* the same, where L0 watches ports */
};

#define NESTED_VMCS_MAX 8

#define VPID_SLOTS 8

struct nested_vmx {
	/* The VMX of this vcpu as L1 sees it. */
	u64 feature_control;
	bool vmxon;
	u64 vmxon_ptr;
	bool init_blocked;	 /* an INIT waits for VM entry or VMXOFF */
	struct nested_vmcs *cur; /* current VMCS; NULL: none */

	struct nested_vmcs pool[NESTED_VMCS_MAX];
	u64 clock;

	struct vmx_caps caps; /* offered */
	bool cet;	      /* VMCSs switch CET state */
	bool ibpb;	      /* exits to L1 need a barrier for branches */
	struct vmcs_set present;
	struct vmx_check_env env;
	struct vmx_refusal refusal; /* of the last VM entry that was refused */
	u64 refusals;
	u64 hw_refusals; /* by the processor, which must not be */

	struct shadow *shadow;
	struct shadow_root *root; /* ept02 in use; NULL: ept01 */
	u64 eptp02;
	/* Whose vmcs02 has it, for which EPTP12; NULL: find it anew. */
	const struct nested_vmcs *eptp_owner;
	u64 eptp12;

	/* Hardware VPID VMX_VPID_FIRST + i stands for vpid12[i]; 0: free. */
	u16 vpid12[VPID_SLOTS];
	u64 vpid_used[VPID_SLOTS];

	/* Bitmaps of vmcs01 for hardware VMCS shadowing; NULL: not used. */
	u8 *vmread_bitmap, *vmwrite_bitmap;
	struct vmcs_set shadowed; /* what L1 reads there without an exit */
	struct vmcs_set writable; /* and writes */

	struct perm_list msr_words, io_words[2]; /* what L0's bitmaps have */
};

/* vmx_insn.c: the instructions. False: @reason is none of them. */
bool vmx_instruction(struct vcpu *v, u32 reason);
void vmx_succeed(struct vcpu *v);
void vmx_fail_invalid(struct vcpu *v);
void vmx_fail_valid(struct vcpu *v, enum vmx_error err);
/* With or without a current VMCS. */
void vmx_fail(struct vcpu *v, enum vmx_error err);

/* vmx_pool.c: which VMCSs of L1's are active. */
int __must_check vmx_pool_init(struct vcpu *v);
/* Make the VMCS at @pa (checked) current. */
void vmx_pool_load(struct vcpu *v, u64 pa);
/* The same without making it current. */
struct nested_vmcs *vmx_pool_get(struct vcpu *v, u64 pa);
struct nested_vmcs *vmx_pool_find(struct nested_vmx *n, u64 pa);
/* Put it back into L1's memory and forget it. */
void vmx_pool_flush(struct vcpu *v, struct nested_vmcs *s);
void vmx_pool_flush_all(struct vcpu *v);

/* vmx_field.c: L1's VMREAD and VMWRITE of a field that it has. */
u64 vmx_field_read(struct vcpu *v, u32 slot);
void vmx_field_write(struct vcpu *v, u32 slot, u32 enc, u64 val);
/* L0 gives a field a new value that L1 is to read. */
static inline void vmx_field_set(struct nested_vmcs *s, u32 slot, u64 val)
{
	if (s->v12->f[slot] == val)
		return;
	s->v12->f[slot] = val;
	set_add(&s->push, slot);
}

/* vmx_sync.c: vmcs02 to vmcs12. */
/* Guest state and exit information that L1 is likely to read; vmcs02 is
 * current. The rest stays there until asked for. */
void vmx_sync(struct vcpu *v, struct nested_vmcs *s);
/* Guest state only. */
void vmx_sync_guest(struct vcpu *v, struct nested_vmcs *s);
/* The rest; any VMCS may be current, and is again afterwards. */
void vmx_unlazy(struct vcpu *v, struct nested_vmcs *s);
bool vmx_is_lazy(u32 slot);

/* vmx_shadow.c: hardware VMCS shadowing of L1's current VMCS. */
int __must_check vmx_shadow_init(struct vcpu *v);
void vmx_shadow_on(struct vcpu *v); /* vmcs01 current: n->cur has changed */
/* L1's writes into vmcs12; what L0 changed, for L1 to read. After these two
 * no VMCS may be current: vmx_select() is next. */
void vmx_shadow_pull(struct vcpu *v);
void vmx_shadow_push(struct vcpu *v);

/* vmx_shadow12.c: VMCS shadowing by L1 for L2. vmcs02 is current, and is
 * again; after leaving vmcs01 is, where there was anything to do. */
void vmx_shadow12_enter(struct vcpu *v, struct nested_vmcs *s);
void vmx_shadow12_leave(struct vcpu *v, struct nested_vmcs *s);

/* vmx_entry.c: VMLAUNCH, VMRESUME. */
void vmx_entry_sets(void); /* once */
void vmx_vmentry(struct vcpu *v, bool launch);

/* Control-flow enforcement, which VMCSs switch where they can. */
struct vmx_cet {
	u64 s_cet, ssp, table;
};

static inline void vmx_cet_read(const struct nested_vmx *n, struct vmx_cet *c)
{
	if (likely(!n->cet))
		return;
	c->s_cet = vmread(VMCS_GUEST_S_CET);
	c->ssp = vmread(VMCS_GUEST_SSP);
	c->table = vmread(VMCS_GUEST_INTR_SSP_TABLE);
}

/* What of L1's own state an L2 keeps whose VM entry does not load it. */
struct vmx_l1_state {
	u64 efer, pat, debugctl, dr7;
	struct vmx_cet cet; /* where the processor has it */
};

/* vmx_merge.c: vmcs02, which is current, from vmcs12. */
void vmx_merge(struct vcpu *v, const struct vmx_l1_state *l1);
void vmx_merge_sets(void); /* once */

/* vmx_bitmap.c: MSR and I/O bitmaps of vmcs02. When L0's have changed, first
 * look at them: vmcs12's processor-based controls count as dirty then. */
void vmx_bitmaps_look(struct vcpu *v, struct nested_vmcs *s);
void vmx_bitmaps(struct vcpu *v, struct nested_vmcs *s);

/* vmx_ept.c: EPT12 and VPID12. */
int __must_check vmx_ept_init(struct vcpu *v);
void vmx_ept_enter(struct vcpu *v); /* vmcs02 is current */
bool vmx_ept_violation(struct vcpu *v);
void vmx_ept_drop(struct vcpu *v, u64 type, u64 eptp);
void vmx_vpid_drop(struct vcpu *v, u64 type, u16 vpid12, u64 addr);
/* For the debugger: see struct nested_ops. */
void *vmx_l2_ptr(struct vcpu *v, l2pa_t gpa);
void vmx_l2_id(struct vcpu *v, struct nested_id *id);
bool vmx_tables(struct vcpu *v, struct nested_tables *t);
/* Physical address for the processor of a page that L1 names. */
hpa_t vmx_page(struct vcpu *v, u64 l1pa);

/* vmx_exit.c: exits of L2. True: settled. */
bool vmx_exit_l2(struct vcpu *v, u32 raw);
/* Leave L2 for L1: @reason and @qual, else what hardware told. */
void vmx_reflect(struct vcpu *v, u32 reason, u64 qual);
/* An exception of L0's making that L1 intercepts: as in the exit's
 * interruption information, with its error code. */
void vmx_reflect_exception(struct vcpu *v, u32 info, u32 error);
/* One that waits for the entry to L2: does L1 intercept it? */
void vmx_exception_l2(struct vcpu *v);
/* An event from outside that L0 has for L1; @info: the exit's interruption
 * information. */
void vmx_reflect_event(struct vcpu *v, u32 reason, u64 qual, u32 info);
/* A VM entry failed after controls and host state were found good; vmcs01 or
 * vmcs02 is current. */
void vmx_entry_failure(struct vcpu *v, u32 reason, u64 qual);

/* vmx_nmi.c: nmi_pending, or a window, while L2 is to run: vmcs02 is current,
 * or (reflected) vmcs01. */
void vmx_nmi_l2(struct vcpu *v);
void vmx_nmi_window(struct vcpu *v, struct nested_vmcs *s, bool on);

/* vmx_msr.c: RDMSR of VMX's MSRs. -EINVAL: #GP; -ENOENT: @msr is none. */
int __must_check vmx_msr_read(struct vcpu *v, u32 msr, u64 *val);

/* vmx_func.c */
bool vmx_vmfunc(struct vcpu *v);

/* VMX-abort indicators (SDM 3C, "VMX Aborts") that L1's mistakes lead to. */
enum vmx_abort {
	ABORT_SAVE_MSR = 1,
	ABORT_HOST_PDPTE = 2,
	ABORT_LOAD_MSR = 4,
	ABORT_HOST_32 = 6,
};

/* vmx_merge.c: MSRs of vmcs12's that no field of vmcs02 switches. */
struct vmx_msr_write;
void vmx_msr_writes(const struct vmx_msr_write *w, u32 n);

/* vmx_host.c: L1's host state into vmcs01, which is current. 0, or why that
 * is an abort. */
enum vmx_abort __must_check vmx_load_host(struct vcpu *v,
					  const struct vmx_l1_state *l2);
/* What follows from vmcs12's host state; to be called when that changed. */
void vmx_host_rights(struct nested_vmcs *s);

/* vmx_msrlist.c: lists of L1's. */
/* 0, or the number (from 1) of the entry that cannot be loaded or stored. What
 * is loaded into and stored from is the VMCS that is current. */
u32 __must_check vmx_msrs_load(struct vcpu *v, u64 addr, u64 count);
u32 __must_check vmx_msrs_store(struct vcpu *v, u64 addr, u64 count);

#endif
