/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/vmx_case.h"

static struct vl2 l2;

PAYLOAD(do_vmcall, "vmcall")

static void apply(const struct mod *m)
{
	u64 v = m->how == VALUE ? m->v : vmr(m->field);

	if (m->how == SET)
		v |= m->v;
	if (m->how == CLEAR)
		v &= ~m->v;
	vmw(m->field, v);
}

static void prepare(const struct entry_case *c, bool good)
{
	vl2_init(&l2, do_vmcall);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	if (c->base)
		c->base();
	for (u32 i = 0; !good && i < VMX_MODS && c->mods[i].how; i++)
		apply(&c->mods[i]);
}

static u32 outcome(u32 reason)
{
	if (reason == VL2_FAIL_VALID)
		return (u32)vmr(VMCS_INSTR_ERROR);
	return reason == REASON_VMCALL ? FINE : reason;
}

/* What the capability MSRs must say for a case of that kind. */
static const struct {
	u32 msr;
	u64 bit;
	bool on;
} kinds[] = {
	[ZERO_LEN] = { MSR_VMX_MISC, VMX_MISC_ZERO_LEN, true },
	[NO_ZERO_LEN] = { MSR_VMX_MISC, VMX_MISC_ZERO_LEN, false },
	[ANY_ERROR] = { MSR_VMX_BASIC, VMX_BASIC_ANY_ERROR, true },
	[NO_ANY_ERROR] = { MSR_VMX_BASIC, VMX_BASIC_ANY_ERROR, false },
	[SSS] = { MSR_VMX_EPT_VPID_CAP, EPT_CAP_SSS, true },
	[NO_SSS] = { MSR_VMX_EPT_VPID_CAP, EPT_CAP_SSS, false },
};

static bool of_this_processor(enum kind k)
{
	return k >= ARRAY_SIZE(kinds) || !kinds[k].msr ||
	       !(rdmsr(kinds[k].msr) & kinds[k].bit) == !kinds[k].on;
}

void vmx_case_run(const struct entry_case *c)
{
	enum emulator lax = on_abyme() ? EMU_NONE : emulator();
	char name[48];
	u32 got;

	if (c->need && !vmx_has_proc2(c->need)) {
		skip(c->name, "the control is not offered");
		return;
	}
	if (!of_this_processor(c->kind)) {
		skip(c->name, "the capability MSRs say otherwise");
		return;
	}
	if (c->kind == ENDS && lax) {
		check_known(false, c->name, lax, "Bochs 2.7 ends", "not tried");
		return;
	}
	prepare(c, false);
	got = outcome(vl2_run(&l2));
	if (!check_known(got == c->want, c->name,
			 c->kind == LAX ? lax : EMU_NONE,
			 "Bochs 2.7 does not check it", "got %x, want %x", got,
			 c->want))
		return;
	if (got & EXIT_ENTRY_FAILURE) {
		snprintf(name, sizeof(name), "%s-qualification", c->name);
		check_eq(vmr(VMCS_EXIT_QUALIFICATION), c->qual, name);
	}
	if (got == FINE)
		return;
	/* the launch state is still "clear": the mended VMCS launches */
	prepare(c, true);
	got = outcome(vl2_run(&l2));
	snprintf(name, sizeof(name), "%s-mended", c->name);
	if (got != FINE)
		check_eq(got, FINE, name);
}
