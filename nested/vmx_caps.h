/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VMX that L1 is offered, as a function of what hardware has. Pure. */
#ifndef NESTED_VMX_CAPS_H
#define NESTED_VMX_CAPS_H

#include "core/types.h"
#include "vmx/vmcs.h"

/*
 * @hw: the machine's, less what vmx.features= switches off. What is held
 * back of it, and why: docs/nested-vmx.md.
 */
void vmx12_caps(struct vmx_caps *c, const struct vmx_caps *hw);

/* Value of capability MSR @msr (IA32_VMX_BASIC ...) for @c; -ENOENT: there is
 * no such MSR then. SDM 3D, "VMX Capability Reporting Facility". */
int __must_check vmx12_cap_msr(const struct vmx_caps *c, u32 msr, u64 *val);

/*
 * A processor that separates the branch predictor's modes by itself tells its
 * software that VM exits need no barrier for that. That holds between root and
 * non-root operation; here both L1 and L2 are in the latter, so that L0 makes
 * one. @leaf7_edx: of CPUID; @arch: IA32_ARCH_CAPABILITIES, 0 without.
 */
bool vmx12_needs_ibpb(u32 leaf7_edx, u64 arch);

#endif
