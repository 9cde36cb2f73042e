/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EPT12 on ept02, VPID12 on hardware VPIDs, and what invalidates them. */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "mm/slat.h"
#include "nested/vmx_ept_rules.h"
#include "vmx/qual.h"

#define SHADOW_PAGES 1024 /* 4 MiB a vcpu: 2 GiB of L2 in 4 KiB pages */

int vmx_ept_init(struct vcpu *v)
{
	return shadow_init(&v->nvmx->shadow, v->vm, &pt_ept_4, SHADOW_PAGES);
}

/* What the processor follows by itself must be mapped before. */
hpa_t vmx_page(struct vcpu *v, u64 l1pa)
{
	hpa_t h = slat_translate(v->vm->slat, L1PA(l1pa), NULL);

	if (unlikely(h.v == HPA_NONE.v) && !slat_fault(v->vm->slat, L1PA(l1pa)))
		h = slat_translate(v->vm->slat, L1PA(l1pa), NULL);
	return h.v == HPA_NONE.v ? v->vm->scratch : h;
}

static struct nested_root root12(const struct nested_vmx *n,
				 const struct vmcs12 *v12)
{
	return vmx_root12(v12->f[SLOT_EPTP], n->caps.ept_vpid,
			  vmcs12_proc2(v12));
}

/* The hardware VPID that stands for @vpid12, found or the oldest one. */
static u16 vpid02(struct vcpu *v, u16 vpid12)
{
	struct nested_vmx *n = v->nvmx;
	u32 old = 0;

	for (u32 i = 0; i < VPID_SLOTS; i++) {
		if (n->vpid12[i] == vpid12) {
			n->vpid_used[i] = ++n->clock;
			return (u16)(VMX_VPID_FIRST + i);
		}
		if (n->vpid_used[i] < n->vpid_used[old])
			old = i;
	}
	n->vpid12[old] = vpid12;
	n->vpid_used[old] = ++n->clock;
	vmx_invvpid(INVVPID_SINGLE, (u16)(VMX_VPID_FIRST + old), 0);
	return (u16)(VMX_VPID_FIRST + old);
}

/* ept02 for the EPT12 in use; its pointer for the processor. */
static u64 eptp02(struct vcpu *v, const struct vmcs12 *v12)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_root r = root12(n, v12);
	bool fresh = false;
	u64 eptp;

	if (unlikely(v->vmx->ept01_changed)) {
		v->vmx->ept01_changed = false;
		shadow_drop_all(n->shadow);
	}
	n->root = shadow_get(n->shadow, &r, 0, &fresh);
	eptp = vmx_eptp02(shadow_root_hpa(n->root), v12->f[SLOT_EPTP]);
	if (fresh)
		vmx_invept(INVEPT_SINGLE, eptp);
	return eptp;
}

/* Nothing to do when the last entry had the same and L1 dropped nothing. */
static void use_ept12(struct vcpu *v, const struct nested_vmcs *s)
{
	struct nested_vmx *n = v->nvmx;
	const u64 *f = s->v12->f;

	if (likely(n->eptp_owner == s && n->eptp12 == f[SLOT_EPTP] &&
		   !v->vmx->ept01_changed &&
		   !set_has(&s->dirty, SLOT_PROC2_CTLS)))
		return;
	n->eptp02 = eptp02(v, s->v12);
	n->eptp_owner = s;
	n->eptp12 = f[SLOT_EPTP];
	vmwrite(VMCS_EPTP, n->eptp02);
}

static void use_ept01(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	const struct vmx_vm *b = v->vm->backend;

	if (unlikely(v->vmx->ept01_changed)) {
		v->vmx->ept01_changed = false;
		shadow_drop_all(n->shadow);
	}
	n->root = NULL;
	n->eptp_owner = NULL;
	n->eptp02 = b->eptp;
	vmwrite(VMCS_EPTP, n->eptp02);
}

void vmx_ept_enter(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	const struct nested_vmcs *s = n->cur;
	const u64 *f = s->v12->f;
	u64 proc2 = vmcs12_proc2(s->v12);

	if (proc2 & PROC2_EPT)
		use_ept12(v, s);
	else
		use_ept01(v);
	if (proc2 & PROC2_VPID)
		vmwrite(VMCS_VPID, vpid02(v, (u16)f[SLOT_VPID]));
}

void vmx_ept_drop(struct vcpu *v, u64 type, u64 eptp)
{
	v->nvmx->eptp_owner = NULL;
	if (type == INVEPT_SINGLE)
		shadow_drop_root(v->nvmx->shadow, L1PA(eptp & EPTP_ADDR));
	else
		shadow_drop_all(v->nvmx->shadow);
}

void vmx_vpid_drop(struct vcpu *v, u64 type, u16 vpid12, u64 addr)
{
	struct nested_vmx *n = v->nvmx;

	for (u32 i = 0; i < VPID_SLOTS; i++) {
		u16 hw = (u16)(VMX_VPID_FIRST + i);

		if (type == INVVPID_ALL && n->vpid12[i])
			vmx_invvpid(INVVPID_SINGLE, hw, 0);
		else if (type != INVVPID_ALL && n->vpid12[i] == vpid12)
			vmx_invvpid(type, hw, addr);
	}
}

/* L0 sets the dirty flags of EPT12, so it writes L1's log. */
static void pml_log(struct vcpu *v, struct nested_vmcs *s, u64 gpa)
{
	const u64 *f = s->v12->f;
	u64 at = f[SLOT_PML_ADDR] + 8 * f[SLOT_PML_INDEX];
	int err;

	if (!(vmcs12_proc2(s->v12) & PROC2_PML))
		return;
	gpa &= PAGE_MASK;
	err = guest_write(v->vm, L1PA(at), &gpa, sizeof(gpa));
	(void)err; /* no memory there: lost, as on a bus */
	vmx_field_set(s, SLOT_PML_INDEX, (u16)(f[SLOT_PML_INDEX] - 1));
}

static bool uses_mbe(const struct nested_vmcs *s)
{
	return vmcs12_proc2(s->v12) & PROC2_MBEC;
}

static void *l2_table(void *ctx, u64 pa)
{
	void *p = vmx_l2_ptr(ctx, L2PA(pa));

	return p ? p : PT_NO_MEMORY;
}

/* Under mode-based execute control: is it a user-mode address? */
static bool fetch_is_user(struct vcpu *v, u64 qual)
{
	struct paging p;

	vmx_paging(v, &p);
	/* What is in force, not what L1 shows. */
	p.cr0 = vmx_get(v, CACHED_CR0);
	p.cr4 = vmx_get(v, CACHED_CR4);
	switch (qual_fetch_mode(qual, vmx_caps.ept_vpid & EPT_CAP_ADV_INFO,
				p.cr0, p.cr4, p.cpl)) {
	case FETCH_USER:
		return true;
	case FETCH_SUPERVISOR:
		return false;
	default:
		return paging_rights(&p, GVA(vmx_get(v, CACHED_LINEAR)),
				     l2_table, v) &
		       ACCESS_U;
	}
}

static u32 tried(struct vcpu *v, u64 qual)
{
	u32 access = qual_ept_access(qual);

	if (unlikely(uses_mbe(v->nvmx->cur)) && (access & ACCESS_X) &&
	    fetch_is_user(v, qual))
		access |= ACCESS_U;
	return access;
}

/* SDM 3C, "Virtualization-Exception Information". */
struct ve_info {
	u32 reason;
	u32 busy; /* L2 clears it when it has read the rest */
	u64 qual, linear, physical;
	u16 eptp_index;
} __packed;

/*
 * A violation that L2 takes itself, as #VE. vmcs02 has the control off, since
 * what ept02 lacks is no concern of L2's. True: L2 (or L1, where it intercepts
 * the exception) has it.
 */
static bool deliver_ve(struct vcpu *v, u64 qual, const struct shadow_fault *f)
{
	struct nested_vmcs *s = v->nvmx->cur;
	const u64 *v12 = s->v12->f;
	struct ve_info i;

	if (!vmx_ve_convertible(vmcs12_proc2(s->v12), f) ||
	    guest_read(v->vm, L1PA(v12[SLOT_VE_INFO_ADDR]), &i, sizeof(i)) ||
	    !vmx_ve_deliverable(vmx_get(v, CACHED_CR0),
				(u32)vmread(VMCS_IDT_VECTORING), i.busy))
		return false;
	i = (struct ve_info){ .reason = REASON_EPT_VIOLATION,
			      .busy = ~0u,
			      .qual = qual,
			      .linear = vmx_get(v, CACHED_LINEAR),
			      .physical = vmx_get(v, CACHED_GPA),
			      .eptp_index = (u16)v12[SLOT_EPTP_INDEX] };
	if (guest_write(v->vm, L1PA(v12[SLOT_VE_INFO_ADDR]), &i, sizeof(i)))
		return false;
	if (v12[SLOT_EXCEPTION_BITMAP] & BIT(VEC_VE))
		vmx_reflect_exception(v, INTR_INFO(INTR_TYPE_HARD_EXC, VEC_VE),
				      0);
	else
		vmx_inject_raw(v, INTR_INFO(INTR_TYPE_HARD_EXC, VEC_VE), 0, 0);
	return true;
}

/* What L1's own table says to the fault is L1's to know. */
static void reflect_fault(struct vcpu *v, u64 qual,
			  const struct shadow_fault *f)
{
	qual = vmx_violation(qual, vmcs12_proc2(v->nvmx->cur->v12), f);
	if (f->kind == SF_RESERVED)
		vmx_reflect(v, REASON_EPT_MISCONFIG, 0);
	else if (!deliver_ve(v, qual, f))
		vmx_reflect(v, REASON_EPT_VIOLATION, qual);
}

bool vmx_ept_violation(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	u64 qual = vmx_get(v, CACHED_QUAL), gpa = vmx_get(v, CACHED_GPA);
	u32 access = tried(v, qual);
	struct shadow_fault f;
	bool flush = false;
	int err;

	if (!n->root)
		return false; /* on ept01: as if it were L1's own */
	if (unlikely(vmx_pml_full(vmcs12_proc2(n->cur->v12),
				  n->cur->v12->f[SLOT_PML_INDEX])))
		access |= SHADOW_KEEP_CLEAN;
	f.dirtied = false;
	err = shadow_fault(n->shadow, n->root, L2PA(gpa), access, &f, &flush);
	if (flush)
		vmx_invept(INVEPT_SINGLE, n->eptp02);
	if (f.dirtied && (!err || err == -EPERM))
		pml_log(v, n->cur, gpa);
	if (likely(!err))
		return true;
	if (err == -EAGAIN)
		vmx_reflect(v, REASON_PML_FULL, qual & EPT_QUAL_NMI_UNBLOCK);
	else if (err == -EFAULT)
		reflect_fault(v, qual, &f);
	else /* a page that L0 watches: as for L1, at L1's address */
		v->vmx->cache[CACHED_GPA] =
			(f.l1pa.v & PAGE_MASK) | (gpa & ~PAGE_MASK);
	return err == -EAGAIN || err == -EFAULT;
}

void *vmx_l2_ptr(struct vcpu *v, l2pa_t gpa)
{
	const struct nested_vmx *n = v->nvmx;
	const struct nested_vmcs *s = n->cur;
	l1pa_t a = L1PA(gpa.v);
	struct nested_root r;
	struct shadow_fault f;

	if (!s)
		return NULL;
	if (vmcs12_proc2(s->v12) & PROC2_EPT) {
		r = root12(n, s->v12);
		if (shadow_translate(n->shadow, &r, gpa, ACCESS_R, &a, &f))
			return NULL;
	}
	return guest_ptr(v->vm, a);
}

void vmx_l2_id(struct vcpu *v, struct nested_id *id)
{
	const struct nested_vmcs *s = v->nvmx->cur;

	*id = (struct nested_id){ 0 };
	if (!s)
		return;
	id->page = s->pa;
	if (vmcs12_proc2(s->v12) & PROC2_EPT)
		id->root = s->v12->f[SLOT_EPTP] & EPTP_ADDR;
	id->again = s->fresh ? L2_OTHER : L2_SAME;
}

bool vmx_tables(struct vcpu *v, struct nested_tables *t)
{
	const struct nested_vmx *n = v->nvmx;
	struct nested_root r;

	if (!v->in_l2 || !n->root || !n->cur)
		return false;
	r = root12(n, n->cur->v12);
	*t = (struct nested_tables){
		.fmt12 = r.fmt,
		.fmt02 = shadow_root_fmt(n->root),
		.root12 = r.root,
		.flags12 = r.flags,
		.root02 = shadow_root_hpa(n->root),
	};
	return true;
}
