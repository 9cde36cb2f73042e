/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may stand in L1's MSR areas, and where such an MSR lives. Pure. */
#ifndef NESTED_VMX_MSRLIST_RULES_H
#define NESTED_VMX_MSRLIST_RULES_H

#include "core/types.h"
#include "nested/vmx_check.h"

/* SDM 3C, "VM-Exit Controls for MSRs", format of an MSR entry. */
struct msr_entry {
	u32 index;
	u32 reserved;
	u64 value;
};

/* Encoding of the guest-state field that holds @msr, or -1. */
int msr_entry_field(u32 msr);

/* May the entry be loaded, may it be stored? SDM 3C, "Loading MSRs", "Saving
 * MSRs". Whether the processor takes a value is found out by WRMSR. */
bool msr_entry_loadable(const struct msr_entry *m,
			const struct vmx_check_env *e);
bool msr_entry_storable(const struct msr_entry *m);

/* May L0 carry out a load by WRMSR? */
bool msr_entry_native(const struct msr_entry *m);

/* What loading @val makes of IA32_EFER, which is @now: *res, or -EINVAL: LME
 * does not change while there is paging. */
int __must_check msr_entry_efer(u64 val, u64 now, bool paging, u64 *res);

#endif
