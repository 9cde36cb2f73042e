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

#endif
