/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_controls.h"

#include "core/msr.h"
#include "core/x86.h"

void vmx_merge_controls(struct vmx_controls02 *c, const u64 *f,
			const u64 *ctl01, bool l0_io)
{
	u64 pin = f[SLOT_PIN_CTLS], proc = f[SLOT_PROC_CTLS];

	c->pin = pin;
	c->proc = proc | PROC_PROC2;
	if (l0_io && !(proc & PROC_IO))
		c->proc |= PROC_IO_BITMAP;
	c->proc2 = (proc & PROC_PROC2 ? f[SLOT_PROC2_CTLS] : 0) | PROC2_EPT;
	c->proc2 &= ~(u64)(PROC2_PML | PROC2_VE);
	c->exit = ctl01[GROUP_EXIT] &
		  ~(u64)(EXITC_ACK_INTR | EXITC_SAVE_PREEMPTION);
	c->exit |= f[SLOT_EXIT_CTLS] & EXITC_ACK_INTR;
	if (pin & PIN_PREEMPTION)
		c->exit |= EXITC_SAVE_PREEMPTION;
	c->entry = ctl01[GROUP_ENTRY] & ~(u64)ENTRYC_IA32E;
	c->entry |= f[SLOT_ENTRY_CTLS] & (ENTRYC_IA32E | ENTRYC_LOAD_BNDCFGS);
}

u64 vmx_efer02(const u64 *f, u64 l1_efer)
{
	u64 entry = f[SLOT_ENTRY_CTLS];

	if (entry & ENTRYC_LOAD_EFER)
		return f[SLOT_GUEST_EFER];
	l1_efer &= ~EFER_LMA;
	if (f[SLOT_GUEST_CR0] & CR0_PG)
		l1_efer &= ~EFER_LME;
	return entry & ENTRYC_IA32E ? l1_efer | EFER_LMA | EFER_LME : l1_efer;
}

u64 vmx_efer01(const u64 *f, u64 l2_efer)
{
	u64 lm = f[SLOT_EXIT_CTLS] & EXITC_HOST64 ? EFER_LMA | EFER_LME : 0;

	if (f[SLOT_EXIT_CTLS] & EXITC_LOAD_EFER)
		l2_efer = f[SLOT_HOST_EFER];
	return (l2_efer & ~(EFER_LMA | EFER_LME)) | lm;
}

u32 vmx_entry_msrs(const u64 *f, struct vmx_msr_write w[VMX_MSR_WRITES])
{
	u32 n = 0;

	if (f[SLOT_ENTRY_CTLS] & ENTRYC_LOAD_PERF)
		w[n++] = (struct vmx_msr_write){ MSR_PERF_GLOBAL_CTRL,
						 f[SLOT_GUEST_PERF_GLOBAL] };
	return n;
}

u32 vmx_exit_msrs(const u64 *f, struct vmx_msr_write w[VMX_MSR_WRITES])
{
	u32 n = 0;

	if (f[SLOT_EXIT_CTLS] & EXITC_LOAD_PERF)
		w[n++] = (struct vmx_msr_write){ MSR_PERF_GLOBAL_CTRL,
						 f[SLOT_HOST_PERF_GLOBAL] };
	if (f[SLOT_EXIT_CTLS] & EXITC_CLEAR_BNDCFGS)
		w[n++] = (struct vmx_msr_write){ MSR_BNDCFGS, 0 };
	return n;
}
