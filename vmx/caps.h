/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the processor's VMX can do, and what L0 needs of it. Pure. */
#ifndef VMX_CAPS_H
#define VMX_CAPS_H

#include "core/types.h"
#include "core/virt.h"
#include "vmx/vmcs.h"

/* Fill @c from the IA32_VMX_* MSRs, read by @rd (which is called only for
 * those that exist). SDM 3D, Appendix A, VMX Capability Reporting Facility. */
void vmx_caps_read(struct vmx_caps *c, u64 (*rd)(u32 msr), u8 phys_bits);

/* Cut @c to what a processor with @o, of the same VMCS, has as well. True:
 * something had to go. */
bool vmx_caps_meet(struct vmx_caps *c, const struct vmx_caps *o);

/* Append all that L0 lacks on a processor with @c and this value of
 * IA32_FEATURE_CONTROL. */
void vmx_caps_missing(const struct vmx_caps *c, u64 feature_control,
		      struct missing *m);

/* Controls that L0 wants in vmcs01: those that keep L1 from exits and give it
 * its instructions. Indexed by enum vmx_group; vmx_controls() makes them fit. */
extern const u64 vmx_wanted[NR_VMX_GROUPS];

/* Features that vmx.features=-name switches off for L1 (and, with VPID and
 * 1 GiB pages, for L0, too). Bit n of @off is line n of the table. */
int __must_check vmx_feature_list(const char *list, u64 *off);
void vmx_features_cut(struct vmx_caps *c, u64 off);
/* The names of those that @c has. */
void vmx_feature_names(const struct vmx_caps *c, char *buf, size_t size);

#endif
