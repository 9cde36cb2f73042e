/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What EPT pointers, EPT violations, #VE and page-modification logging of L1's
 * come to. Pure.
 */
#ifndef NESTED_VMX_EPT_RULES_H
#define NESTED_VMX_EPT_RULES_H

#include "core/types.h"
#include "core/x86.h"
#include "mm/shadow.h"
#include "vmx/vmcs.h"

#define EPT_SUPPRESS_VE BIT(63)
#define PML_LAST 511u

/* How the table behind @eptp12 is to be walked; @cap: what L1 is offered of
 * IA32_VMX_EPT_VPID_CAP, @proc2: its secondary controls. */
struct nested_root vmx_root12(u64 eptp12, u64 cap, u64 proc2);

/* The processor's pointer to ept02, which has as many levels as EPT12 and, as
 * that, takes L2's page walks for writes where accessed/dirty flags are on. */
u64 vmx_eptp02(hpa_t ept02, u64 eptp12);

/* Exit qualification of the violation that L1 is told: what was tried is as
 * hardware had it in @qual, what is allowed is L1's own table's word. */
static inline u64 vmx_violation(u64 qual, u64 proc2,
				const struct shadow_fault *f)
{
	qual &= ~(EPT_QUAL_CAN_R | EPT_QUAL_CAN_W | EPT_QUAL_CAN_X |
		  EPT_QUAL_CAN_XU);
	if (f->rights & ACCESS_R)
		qual |= EPT_QUAL_CAN_R;
	if (f->rights & ACCESS_W)
		qual |= EPT_QUAL_CAN_W;
	if (f->rights & ACCESS_X)
		qual |= EPT_QUAL_CAN_X;
	if ((proc2 & PROC2_MBEC) && (f->rights & ACCESS_U))
		qual |= EPT_QUAL_CAN_XU;
	return qual;
}

/*
 * "Convertible EPT Violations", "Virtualization Exceptions": does L2 take this
 * one itself, as #VE? @f: L1's verdict; @busy: the area's second word.
 */
static inline bool vmx_ve_convertible(u64 proc2, const struct shadow_fault *f)
{
	return (proc2 & PROC2_VE) && f->kind != SF_RESERVED &&
	       !(f->entry & EPT_SUPPRESS_VE);
}

static inline bool vmx_ve_deliverable(u64 cr0, u32 idt_vectoring, u32 busy)
{
	return (cr0 & CR0_PE) && !(idt_vectoring & INTR_VALID) && !busy;
}

/* "Page-Modification Logging": the index counts down from 511; out of range
 * the log is full, and no dirty flag may be set. */
static inline bool vmx_pml_full(u64 proc2, u64 index)
{
	return (proc2 & PROC2_PML) && index > PML_LAST;
}

#endif
