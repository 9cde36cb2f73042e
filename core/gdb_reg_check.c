/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gdb_reg_check.h"

#include "core/err.h"
#include "core/gdb_point.h"
#include "core/vcpu.h"
#include "core/x86.h"

#define RFLAGS_RESERVED (BITS(63, 22) | BIT(15) | BIT(5) | BIT(3))
#define CR0_MODE (CR0_PE | CR0_PG)
#define CR4_MODE (CR4_PAE | CR4_LA57)

bool gdb_canonical(const struct gdb_reg_env *e, u64 la)
{
	u32 unused = e->cr.cr4 & CR4_LA57 ? 7 : 16;

	return (u64)((s64)(la << unused) >> unused) == la;
}

static bool rip_ok(const struct gdb_reg_env *e, u64 val)
{
	return e->cr.cs_l ? gdb_canonical(e, val) : !(val >> 32);
}

static bool rflags_ok(const struct gdb_reg_env *e, u64 val)
{
	return !(val & RFLAGS_RESERVED) && (val & RFLAGS_FIXED) &&
	       !((val ^ e->rflags) & RFLAGS_VM);
}

/* VMX may want NE and VMXE set (SDM 3C, Restrictions on VMX Operation). */
static bool cr0_ok(const struct gdb_reg_env *e, u64 val)
{
	u64 keep = e->vmx ? CR0_NE : 0;

	return !((val ^ e->cr.cr0) & CR0_MODE) && !(e->cr.cr0 & ~val & keep) &&
	       cr0_write_ok(&e->cr, val);
}

static bool cr4_ok(const struct gdb_reg_env *e, u64 val)
{
	u64 changed = val ^ e->cr.cr4;

	if ((e->cr.cr0 & CR0_PG) && (changed & CR4_MODE))
		return false;
	return !(e->vmx && (changed & CR4_VMXE)) &&
	       cr4_write_ok(&e->cr, val, e->cr4_known | e->cr.cr4);
}

static bool efer_ok(const struct gdb_reg_env *e, u64 val)
{
	return !((val ^ e->cr.efer) & (EFER_LME | EFER_LMA)) &&
	       efer_write_ok(&e->cr, val, e->efer_known | e->cr.efer);
}

int gdb_reg_check(const struct gdb_reg_env *e, u32 vreg, u64 *val)
{
	bool ok = true;

	switch (vreg) {
	case VREG_RIP:
		ok = rip_ok(e, *val);
		break;
	case VREG_RFLAGS:
		ok = rflags_ok(e, *val);
		break;
	case VREG_CR0:
		*val |= CR0_ET;
		ok = cr0_ok(e, *val);
		break;
	case VREG_CR3:
		ok = !(*val >> e->phys_bits);
		break;
	case VREG_CR4:
		ok = cr4_ok(e, *val);
		break;
	case VREG_CR8:
		ok = *val <= 15;
		break;
	case VREG_EFER:
		ok = efer_ok(e, *val);
		break;
	case VREG_DR6:
		ok = !(*val >> 32);
		break;
	case VREG_DR7:
		ok = !(*val >> 32);
		*val = (*val & ~(u64)DR7_ZERO) | DR7_ONE;
		break;
	case VREG_PAT:
		ok = pat_ok(*val);
		break;
	case VREG_SYSENTER_ESP:
	case VREG_SYSENTER_EIP:
		ok = gdb_canonical(e, *val);
		break;
	}
	return ok ? 0 : -EINVAL;
}
