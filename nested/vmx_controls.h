/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Controls of vmcs02, from those of vmcs12 and of vmcs01. Pure. */
#ifndef NESTED_VMX_CONTROLS_H
#define NESTED_VMX_CONTROLS_H

#include "core/types.h"
#include "vmx/vmcs.h"

struct vmx_controls02 {
	u64 pin, proc, proc2, exit, entry;
};

/*
 * @f: fields of vmcs12 by slot; @ctl01: vmcs01's controls by group; @l0_io:
 * L0 has intercepted ports.
 *
 * Who owns which control of vmcs02:
 * 1. Pin-based and primary ones are vmcs12's: L0 itself lets L1 have its
 *    interrupts, NMIs, HLT and the rest without exits.
 * 2. I/O and MSR accesses exit if L1 or L0 wants them to (vmx_bitmap.c); with
 *    no bitmap in vmcs12 all of them exit, to L1.
 * 3. Secondary controls are vmcs12's, but EPT is always on (ept02, or ept01
 *    under an L1 that shadows page tables itself), and VPID is on when
 *    vmcs12 has it: without, the processor flushes as L1 expects it.
 *    Page-modification logging and #VE are off: L0 writes L1's log and
 *    delivers the exception itself (vmx_ept.c).
 * 4. EFER, PAT and the debug controls are switched by every entry and exit,
 *    so that L0's handling of an exit that L1 never sees leaves them alone;
 *    vmcs12's controls decide where their values come from and go to.
 * 5. L1's IA32_PERF_GLOBAL_CTRL is loaded by WRMSR, since an entry after an
 *    exit that L0 handled must not load it again.
 * 6. The preemption timer is always saved, for the same reason.
 */
void vmx_merge_controls(struct vmx_controls02 *c, const u64 *f,
			const u64 *ctl01, bool l0_io);

/* IA32_EFER of L2: loaded, or L1's with LMA and LME as the IA-32e mode guest
 * control asks (SDM 3C, "Loading Guest Control Registers, Debug Registers,
 * and MSRs"). */
u64 vmx_efer02(const u64 *f, u64 l1_efer);

/* IA32_EFER of L1 after an exit (SDM 3C, "Loading Host Control Registers,
 * Debug Registers, MSRs"). */
u64 vmx_efer01(const u64 *f, u64 l2_efer);

/* What entries and exits load by WRMSR: see 5. */
struct vmx_msr_write {
	u32 msr;
	u64 value;
};
#define VMX_MSR_WRITES 2
u32 vmx_entry_msrs(const u64 *f, struct vmx_msr_write w[VMX_MSR_WRITES]);
u32 vmx_exit_msrs(const u64 *f, struct vmx_msr_write w[VMX_MSR_WRITES]);

#endif
