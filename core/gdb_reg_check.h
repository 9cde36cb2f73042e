/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gdb may write to a register that L0 loads for the guest. Pure. */
#ifndef CORE_GDB_REG_CHECK_H
#define CORE_GDB_REG_CHECK_H

#include "core/cr.h"
#include "core/types.h"

/* The level that the register belongs to, before the write. */
struct gdb_reg_env {
	struct cr_state cr;
	u64 cr4_known, efer_known; /* bits that L1's processor has */
	u64 rflags;
	u8 phys_bits;
	bool vmx; /* that backend */
};

/* Sign-extended from the linear-address width of that level. */
bool gdb_canonical(const struct gdb_reg_env *e, u64 la);

/*
 * @vreg (enum vreg): 0, with *val as it is to be set, or -EINVAL: the next
 * VM entry, or L0's own instruction that loads it, would fail by it. The
 * guest's mode (PE, PG, LME, LMA, and with paging PAE and LA57) stays.
 */
int __must_check gdb_reg_check(const struct gdb_reg_env *e, u32 vreg, u64 *val);

#endif
