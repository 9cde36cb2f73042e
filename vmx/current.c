/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The current VMCS of a CPU, what is cached of it, and the TLB instructions. */
#include "core/err.h"
#include "core/idt.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/x86.h"
#include "mm/page.h"
#include "vmx/internal.h"

void vmx_write_failed(u64 enc, u64 val)
{
	int slot = vmcs_slot(enc);

	panic("VMWRITE of %#lx to field %#lx (%s): %s", val, enc,
	      slot < 0 ? "unknown" : vmcs_fields[slot].name,
	      vmx_error_name((u32)vmread(VMCS_INSTR_ERROR)));
}

static bool vmptrld(hpa_t pa)
{
	bool fail;

	__asm__ volatile("vmptrld %1"
			 : "=@ccna"(fail)
			 : "m"(pa.v)
			 : "cc", "memory");
	return !fail;
}

static bool vmclear(hpa_t pa)
{
	bool fail;

	__asm__ volatile("vmclear %1"
			 : "=@ccna"(fail)
			 : "m"(pa.v)
			 : "cc", "memory");
	return !fail;
}

int vmx_vmcs_alloc(struct vmx_vmcs *n)
{
	*n = (struct vmx_vmcs){ .page = page_alloc(1), .clear_needed = true };
	if (!n->page)
		return -ENOMEM;
	n->pa = ptr_hpa(n->page);
	*(u32 *)n->page = (u32)(vmx_caps.basic & VMX_BASIC_REVISION);
	return 0;
}

void vmx_vmcs_clear(struct vcpu *v, struct vmx_vmcs *n)
{
	if (!vmclear(n->pa))
		panic("VMCLEAR of %#lx", n->pa.v);
	n->launched = false;
	n->clear_needed = false;
	if (v->cpu->vmx->current == n)
		v->cpu->vmx->current = NULL;
}

void vmx_select(struct vcpu *v, struct vmx_vmcs *n)
{
	struct vmx_cpu *c = v->cpu->vmx;

	if (unlikely(n->clear_needed))
		vmx_vmcs_clear(v, n);
	if (c->current != n) {
		if (!vmptrld(n->pa))
			panic("VMPTRLD of %#lx", n->pa.v);
		c->current = n;
	}
	v->vmx->vmcs = n;
	vmx_forget(v);
}

static const u16 group_field[NR_VMX_GROUPS] = {
	[GROUP_PIN] = VMCS_PIN_CTLS,	 [GROUP_PROC] = VMCS_PROC_CTLS,
	[GROUP_PROC2] = VMCS_PROC2_CTLS, [GROUP_PROC3] = VMCS_PROC3_CTLS,
	[GROUP_EXIT] = VMCS_EXIT_CTLS,	 [GROUP_EXIT2] = VMCS_EXIT2_CTLS,
	[GROUP_ENTRY] = VMCS_ENTRY_CTLS,
};

void vmx_set_ctl(struct vcpu *v, enum vmx_group g, u64 val)
{
	u64 *have = &v->vmx->vmcs->ctl[g];

	/* VM exits change the IA-32e mode guest control themselves. */
	if (*have == val && g != GROUP_ENTRY)
		return;
	*have = val;
	vmwrite(group_field[g], val);
}

static void host_msrs(void)
{
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
}

/* SDM 3C, Host-State Area; what an exit leaves is what boot has set up. */
void vmx_host_state(struct vcpu *v)
{
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS_SEL, SEL_CS);
	vmwrite(VMCS_HOST_SS_SEL, SEL_DS);
	vmwrite(VMCS_HOST_DS_SEL, SEL_DS);
	vmwrite(VMCS_HOST_ES_SEL, SEL_DS);
	vmwrite(VMCS_HOST_FS_SEL, 0);
	vmwrite(VMCS_HOST_GS_SEL, 0);
	vmwrite(VMCS_HOST_TR_SEL, SEL_TSS);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, 0);
	vmwrite(VMCS_HOST_TR_BASE, (u64)(uintptr_t)&v->cpu->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, (u64)(uintptr_t)v->cpu->gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, idt_base());
	vmwrite(VMCS_HOST_RIP, (u64)(uintptr_t)vmx_exit);
	v->vmx->vmcs->host_rsp = 0;
	host_msrs();
	vmwrite(VMCS_LINK_POINTER, ~0ull);
	vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
}

struct tlb_desc {
	u64 lo, hi;
};

void vmx_invept(u64 type, u64 eptp)
{
	struct tlb_desc d = { eptp, 0 };
	bool fail;

	if (type == INVEPT_SINGLE &&
	    !(vmx_caps.ept_vpid & EPT_CAP_INVEPT_SINGLE))
		type = INVEPT_ALL;
	if (type == INVEPT_ALL && !(vmx_caps.ept_vpid & EPT_CAP_INVEPT_ALL))
		type = INVEPT_SINGLE;
	__asm__ volatile("invept %1, %2"
			 : "=@ccna"(fail)
			 : "m"(d), "r"(type)
			 : "cc", "memory");
	if (unlikely(fail))
		panic("INVEPT type %lu of %#lx", type, eptp);
}

void vmx_invvpid(u64 type, u16 vpid, u64 addr)
{
	struct tlb_desc d = { vpid, addr };
	bool fail;

	if (!vmx_can(GROUP_PROC2, PROC2_VPID))
		return; /* every entry and exit flushes */
	if (type != INVVPID_ALL && !(vmx_caps.ept_vpid & VPID_CAP_ADDR << type))
		type = INVVPID_SINGLE;
	if (type == INVVPID_SINGLE && !(vmx_caps.ept_vpid & VPID_CAP_SINGLE))
		type = INVVPID_ALL;
	__asm__ volatile("invvpid %1, %2"
			 : "=@ccna"(fail)
			 : "m"(d), "r"(type)
			 : "cc", "memory");
	if (unlikely(fail))
		panic("INVVPID type %lu of %u", type, vpid);
}
