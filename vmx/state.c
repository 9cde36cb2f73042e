/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the guest by name. */
#include "core/err.h"
#include "core/insns.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "vmx/internal.h"

#define CS_L BIT(13)
#define CACHE_BITS (CR0_CD | CR0_NW)

u64 vmx_guest_cr0(struct vcpu *v)
{
	u64 mask = vmread(VMCS_CR0_MASK);

	return (vmx_get(v, CACHED_CR0) & ~mask) |
	       (vmread(VMCS_CR0_SHADOW) & mask);
}

u64 vmx_guest_cr4(struct vcpu *v)
{
	u64 mask = vmread(VMCS_CR4_MASK);

	return (vmx_get(v, CACHED_CR4) & ~mask) |
	       (vmread(VMCS_CR4_SHADOW) & mask);
}

bool vmx_mode64(struct vcpu *v)
{
	return (vmx_get(v, CACHED_EFER) & EFER_LMA) &&
	       (vmx_get(v, CACHED_CS_AR) & CS_L);
}

u64 vmx_gpr(struct vcpu *v, u8 reg)
{
	return vmx_mode64(v) ? v->gpr[reg] : (u32)v->gpr[reg];
}

bool vmx_pae(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME);
}

/* Reserved in a PDPTE that is present (SDM 3A, PDPTE Registers). */
static u64 pdpte_reserved(void)
{
	return BITS(2, 1) | BITS(8, 5) | (~0ull << vmx_caps.phys_bits);
}

int vmx_read_pdptes(struct vcpu *v, u64 cr3, u64 pdpte[4])
{
	int err = guest_read(v->vm, L1PA(cr3 & BITS(31, 5)), pdpte,
			     4 * sizeof(*pdpte));

	for (u32 i = 0; !err && i < 4; i++)
		if ((pdpte[i] & 1) && (pdpte[i] & pdpte_reserved()))
			err = -EINVAL;
	return err;
}

/*
 * What MOV to CR0 or CR4 would have done beyond the register itself: PDPTEs
 * are loaded, stale translations dropped. SDM 2B, MOV to Control Registers.
 */
static void paging_changed(struct vcpu *v)
{
	u64 pdpte[4];

	if (vmx_pae(vmx_get(v, CACHED_CR0), vmx_get(v, CACHED_CR4),
		    vmx_get(v, CACHED_EFER)) &&
	    !vmx_read_pdptes(v, vmx_get(v, CACHED_CR3), pdpte))
		for (u32 i = 0; i < 4; i++)
			vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
	vmx_invvpid(INVVPID_SINGLE, VMX_VPID_L1, 0);
}

/* EFER.LMA is LME and PG (SDM 3A, Initializing IA-32e Mode). */
static void follow_lma(struct vcpu *v)
{
	u64 efer = vmx_get(v, CACHED_EFER), ctl = vmread(VMCS_ENTRY_CTLS);
	bool lma = (efer & EFER_LME) && (vmx_get(v, CACHED_CR0) & CR0_PG);

	vmx_put(v, CACHED_EFER, lma ? efer | EFER_LMA : efer & ~EFER_LMA);
	vmx_set_ctl(v, GROUP_ENTRY,
		    lma ? ctl | ENTRYC_IA32E : ctl & ~(u64)ENTRYC_IA32E);
}

/* VM entries leave CD and NW alone: they are set here, for L0, too. */
static void set_caching(u64 val)
{
	u64 cr0 = read_cr0();

	if ((cr0 ^ val) & CACHE_BITS)
		write_cr0((cr0 & ~CACHE_BITS) | (val & CACHE_BITS));
}

void vmx_l1_set_cr0(struct vcpu *v, u64 val)
{
	u64 old = vmx_get(v, CACHED_CR0);

	set_caching(val);
	vmwrite(VMCS_CR0_SHADOW, val);
	vmx_put(v, CACHED_CR0,
		val | CR0_ET | (vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG)));
	if ((old ^ val) & CR0_PG)
		follow_lma(v);
	if ((old ^ val) & (CR0_PG | CR0_PE | CR0_WP | CACHE_BITS))
		paging_changed(v);
}

void vmx_l1_set_cr4(struct vcpu *v, u64 val)
{
	vmwrite(VMCS_CR4_SHADOW, val);
	vmx_put(v, CACHED_CR4, val | vmx_caps.cr4_fixed0 | CR4_VMXE);
	paging_changed(v);
}

void vmx_l1_own(struct vcpu *v, u64 cr0_mask, u64 cr4_mask)
{
	u64 cr0 = vmx_guest_cr0(v), cr4 = vmx_guest_cr4(v);

	v->vmx->cr0_mask =
		cr0_mask | (vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG));
	v->vmx->cr4_mask =
		cr4_mask | CR4_VMXE | CR4_HIDDEN | vmx_caps.cr4_fixed0;
	vmwrite(VMCS_CR0_MASK, v->vmx->cr0_mask);
	vmwrite(VMCS_CR4_MASK, v->vmx->cr4_mask);
	vmwrite(VMCS_CR0_SHADOW, cr0);
	vmwrite(VMCS_CR4_SHADOW, cr4);
}

void vmx_paging(struct vcpu *v, struct paging *p)
{
	*p = (struct paging){
		.cr0 = vmx_guest_cr0(v),
		.cr3 = vmx_get(v, CACHED_CR3),
		.cr4 = vmx_guest_cr4(v),
		.efer = vmx_get(v, CACHED_EFER),
		.rflags = vmx_get(v, CACHED_RFLAGS),
		.cpl = (u8)(vmread(VMCS_GUEST_SS_AR) >> 5 & 3),
		.phys_bits = vmx_caps.phys_bits,
		.kept = &v->vmx->walk_mode,
	};
	if (!vmx_pae(p->cr0, p->cr4, p->efer))
		return;
	p->pdpte_valid = true;
	for (u32 i = 0; i < 4; i++)
		p->pdpte[i] = vmread(VMCS_GUEST_PDPTE0 + 2 * i);
}

u64 vmx_get_reg(struct vcpu *v, enum vreg r)
{
	switch (r) {
	case VREG_RIP:
		return vmx_get(v, CACHED_RIP);
	case VREG_RFLAGS:
		return vmx_get(v, CACHED_RFLAGS);
	case VREG_CR0:
		return vmx_guest_cr0(v);
	case VREG_CR2:
		return read_cr2(); /* not switched: the processor's */
	case VREG_CR3:
		return vmx_get(v, CACHED_CR3);
	case VREG_CR4:
		return vmx_guest_cr4(v);
	case VREG_CR8:
		return read_cr8(); /* not virtualized for L1 */
	case VREG_EFER:
		return vmx_get(v, CACHED_EFER);
	case VREG_DR6:
		return read_dr6();
	case VREG_DR7:
		return vmread(VMCS_GUEST_DR7);
	case VREG_PAT:
		return vmread(VMCS_GUEST_PAT);
	case VREG_SYSENTER_CS:
		return vmread(VMCS_GUEST_SYSENTER_CS);
	case VREG_SYSENTER_ESP:
		return vmread(VMCS_GUEST_SYSENTER_ESP);
	case VREG_SYSENTER_EIP:
		return vmread(VMCS_GUEST_SYSENTER_EIP);
	case NR_VREGS:
		break;
	}
	return 0;
}

static void set_cr(struct vcpu *v, enum vreg r, u64 val)
{
	if (r == VREG_CR3) {
		vmx_put(v, CACHED_CR3, val);
		if (!v->in_l2)
			paging_changed(v);
	} else if (v->in_l2) {
		/* As L2 sees it; bits that L1 or L0 owns stay. */
		bool cr0 = r == VREG_CR0;
		u64 mask = vmread(cr0 ? VMCS_CR0_MASK : VMCS_CR4_MASK);
		enum vmx_cached c = cr0 ? CACHED_CR0 : CACHED_CR4;

		vmx_put(v, c, (vmx_get(v, c) & mask) | (val & ~mask));
	} else if (r == VREG_CR0) {
		vmx_l1_set_cr0(v, val);
	} else {
		vmx_l1_set_cr4(v, val);
	}
}

void vmx_set_reg(struct vcpu *v, enum vreg r, u64 val)
{
	switch (r) {
	case VREG_RIP:
		vmx_put(v, CACHED_RIP, val);
		break;
	case VREG_RFLAGS:
		vmx_put(v, CACHED_RFLAGS, val);
		break;
	case VREG_CR2:
		write_cr2(val);
		break;
	case VREG_CR0:
	case VREG_CR3:
	case VREG_CR4:
		set_cr(v, r, val);
		break;
	case VREG_CR8:
		write_cr8(val);
		break;
	case VREG_EFER:
		vmx_put(v, CACHED_EFER, val);
		follow_lma(v);
		break;
	case VREG_DR6:
		write_dr6(val);
		break;
	case VREG_DR7:
		vmwrite(VMCS_GUEST_DR7, val);
		break;
	case VREG_PAT:
		vmwrite(VMCS_GUEST_PAT, val);
		break;
	case VREG_SYSENTER_CS:
		vmwrite(VMCS_GUEST_SYSENTER_CS, val);
		break;
	case VREG_SYSENTER_ESP:
		vmwrite(VMCS_GUEST_SYSENTER_ESP, val);
		break;
	case VREG_SYSENTER_EIP:
		vmwrite(VMCS_GUEST_SYSENTER_EIP, val);
		break;
	case NR_VREGS:
		break;
	}
}

/* enum seg_reg is in the order of the fields; GDTR and IDTR follow TR in the
 * limits and bases, and have neither selector nor rights. */
_Static_assert(VMCS_GUEST_TR_SEL == VMCS_GUEST_ES_SEL + 2 * SEG_TR &&
		       VMCS_GUEST_IDTR_LIMIT ==
			       VMCS_GUEST_ES_LIMIT + 2 * SEG_IDTR &&
		       VMCS_GUEST_IDTR_BASE ==
			       VMCS_GUEST_ES_BASE + 2 * SEG_IDTR &&
		       VMCS_GUEST_TR_AR == VMCS_GUEST_ES_AR + 2 * SEG_TR,
	       "segment fields by number");

void vmx_get_seg(struct vcpu *v, enum seg_reg s, struct segment *d)
{
	*d = (struct segment){
		.limit = (u32)vmread(VMCS_GUEST_ES_LIMIT + 2 * s),
		.base = vmread(VMCS_GUEST_ES_BASE + 2 * s),
	};
	if (s >= SEG_GDTR)
		return;
	d->sel = (u16)vmread(VMCS_GUEST_ES_SEL + 2 * s);
	d->attr = (u32)vmread(VMCS_GUEST_ES_AR + 2 * s);
}

void vmx_set_seg(struct vcpu *v, enum seg_reg s, const struct segment *d)
{
	vmwrite(VMCS_GUEST_ES_LIMIT + 2 * s, d->limit);
	vmwrite(VMCS_GUEST_ES_BASE + 2 * s, d->base);
	if (s >= SEG_GDTR)
		return;
	vmwrite(VMCS_GUEST_ES_SEL + 2 * s, d->sel);
	vmwrite(VMCS_GUEST_ES_AR + 2 * s, d->attr);
	v->vmx->valid &= ~(u32)BIT(CACHED_CS_AR);
}
