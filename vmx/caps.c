/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmx/caps.h"

#include "core/err.h"
#include "core/msr.h"
#include "core/string.h"

/* Allowed-0 settings in the low half, allowed-1 in the high half. */
static struct vmx_allowed allowed32(u64 msr)
{
	return (struct vmx_allowed){ (u32)msr, msr >> 32 };
}

/* Tertiary and secondary-exit controls: allowed-1 settings only. */
static struct vmx_allowed allowed64(u64 msr)
{
	return (struct vmx_allowed){ 0, msr };
}

void vmx_caps_read(struct vmx_caps *c, u64 (*rd)(u32 msr), u8 phys_bits)
{
	struct vmx_allowed *a = c->ctl;
	bool t;

	memset(c, 0, sizeof(*c));
	c->phys_bits = phys_bits;
	c->basic = rd(MSR_VMX_BASIC);
	t = c->basic & VMX_BASIC_TRUE;
	c->misc = rd(MSR_VMX_MISC);
	c->vmcs_enum = rd(MSR_VMX_VMCS_ENUM);
	c->cr0_fixed0 = rd(MSR_VMX_CR0_FIXED0);
	c->cr0_fixed1 = rd(MSR_VMX_CR0_FIXED1);
	c->cr4_fixed0 = rd(MSR_VMX_CR4_FIXED0);
	c->cr4_fixed1 = rd(MSR_VMX_CR4_FIXED1);
	a[GROUP_PIN] = allowed32(
		rd(t ? MSR_VMX_TRUE_PINBASED_CTLS : MSR_VMX_PINBASED_CTLS));
	a[GROUP_PROC] = allowed32(
		rd(t ? MSR_VMX_TRUE_PROCBASED_CTLS : MSR_VMX_PROCBASED_CTLS));
	a[GROUP_EXIT] =
		allowed32(rd(t ? MSR_VMX_TRUE_EXIT_CTLS : MSR_VMX_EXIT_CTLS));
	a[GROUP_ENTRY] =
		allowed32(rd(t ? MSR_VMX_TRUE_ENTRY_CTLS : MSR_VMX_ENTRY_CTLS));
	if (a[GROUP_PROC].may1 & PROC_PROC2)
		a[GROUP_PROC2] = allowed32(rd(MSR_VMX_PROCBASED_CTLS2));
	if (a[GROUP_PROC].may1 & PROC_PROC3)
		a[GROUP_PROC3] = allowed64(rd(MSR_VMX_PROCBASED_CTLS3));
	if (a[GROUP_EXIT].may1 & EXITC_EXIT2)
		a[GROUP_EXIT2] = allowed64(rd(MSR_VMX_EXIT_CTLS2));
	if (a[GROUP_PROC2].may1 & (PROC2_EPT | PROC2_VPID))
		c->ept_vpid = rd(MSR_VMX_EPT_VPID_CAP);
	if (a[GROUP_PROC2].may1 & PROC2_VMFUNC)
		a[GROUP_VMFUNC] = allowed64(rd(MSR_VMX_VMFUNC));
	/* VPIDs that cannot be flushed are of no use. */
	if (!(c->ept_vpid & VPID_CAP_INVVPID) || !(c->ept_vpid & VPID_CAP_ALL))
		a[GROUP_PROC2].may1 &= ~(u64)PROC2_VPID;
}

/* The others are numbers, of which L0 uses the boot processor's. */
#define MISC_FLAGS                                              \
	(VMX_MISC_SAVE_LMA | VMX_MISC_HLT | VMX_MISC_SHUTDOWN | \
	 VMX_MISC_WAIT_SIPI | VMX_MISC_VMWRITE_ALL | VMX_MISC_ZERO_LEN)

bool vmx_caps_meet(struct vmx_caps *c, const struct vmx_caps *o)
{
	struct vmx_caps was = *c;

	for (u32 g = 0; g < NR_VMX_GROUPS; g++) {
		c->ctl[g].may1 &= o->ctl[g].may1;
		c->ctl[g].must1 |= o->ctl[g].must1;
	}
	c->basic &= o->basic | ~(VMX_BASIC_INS_OUTS | VMX_BASIC_ANY_ERROR);
	c->misc &= o->misc | ~MISC_FLAGS;
	c->ept_vpid &= o->ept_vpid;
	c->cr0_fixed0 |= o->cr0_fixed0;
	c->cr0_fixed1 &= o->cr0_fixed1;
	c->cr4_fixed0 |= o->cr4_fixed0;
	c->cr4_fixed1 &= o->cr4_fixed1;
	c->phys_bits = MIN(c->phys_bits, o->phys_bits);
	return memcmp(&was, c, sizeof(was));
}

const u64 vmx_wanted[NR_VMX_GROUPS] = {
	[GROUP_PROC] = PROC_MSR_BITMAP | PROC_PROC2,
	/* EPT to VPID: L0's; the others give L1 instructions that would raise
	 * #UD without them. */
	[GROUP_PROC2] = PROC2_EPT | PROC2_UNRESTRICTED | PROC2_VPID |
			PROC2_RDTSCP | PROC2_INVPCID | PROC2_XSAVES |
			PROC2_USER_WAIT,
	[GROUP_EXIT] = EXITC_HOST64 | EXITC_SAVE_DEBUG | EXITC_SAVE_EFER |
		       EXITC_LOAD_EFER | EXITC_SAVE_PAT | EXITC_LOAD_PAT,
	[GROUP_ENTRY] = ENTRYC_LOAD_DEBUG | ENTRYC_LOAD_EFER | ENTRYC_LOAD_PAT |
			ENTRYC_LOAD_CET,
};

/* Controls without which L0 cannot do. */
static const struct {
	u8 group;
	u64 bit;
	const char *what;
} needed[] = {
	{ GROUP_PROC, PROC_MSR_BITMAP, "VMX: MSR bitmaps" },
	{ GROUP_PROC, PROC_PROC2, "VMX: secondary controls" },
	{ GROUP_PROC2, PROC2_EPT, "VMX: extended page tables (EPT)" },
	{ GROUP_PROC2, PROC2_UNRESTRICTED, "VMX: unrestricted guest" },
	{ GROUP_EXIT, EXITC_HOST64, "VMX: 64-bit host" },
	{ GROUP_EXIT, EXITC_SAVE_DEBUG, "VMX: saving of debug controls" },
	{ GROUP_EXIT, EXITC_SAVE_EFER | EXITC_LOAD_EFER,
	  "VMX: switching of EFER on VM exit" },
	{ GROUP_EXIT, EXITC_SAVE_PAT | EXITC_LOAD_PAT,
	  "VMX: switching of PAT on VM exit" },
	{ GROUP_ENTRY, ENTRYC_IA32E, "VMX: 64-bit guests" },
	{ GROUP_ENTRY, ENTRYC_LOAD_DEBUG, "VMX: loading of debug controls" },
	{ GROUP_ENTRY, ENTRYC_LOAD_EFER, "VMX: loading of EFER on VM entry" },
	{ GROUP_ENTRY, ENTRYC_LOAD_PAT, "VMX: loading of PAT on VM entry" },
};

/* Controls that must be allowed to be 0: L1 owns what they take away. */
#define PIN_NOT (PIN_EXTINT | PIN_NMI)
#define PROC_NOT                                                           \
	(PROC_HLT | PROC_INVLPG | PROC_MWAIT | PROC_RDPMC | PROC_RDTSC |   \
	 PROC_CR3_LOAD | PROC_CR3_STORE | PROC_CR8_LOAD | PROC_CR8_STORE | \
	 PROC_MOV_DR | PROC_IO | PROC_MONITOR | PROC_PAUSE)

static void missing_ept(u64 cap, struct missing *m)
{
	if (!(cap & EPT_CAP_WALK4))
		missing_add(m, "EPT: page-walk length 4", NULL);
	if (!(cap & EPT_CAP_WB))
		missing_add(m, "EPT: write-back tables", NULL);
	if (!(cap & EPT_CAP_INVEPT) ||
	    !(cap & (EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)))
		missing_add(m, "EPT: INVEPT", NULL);
}

void vmx_caps_missing(const struct vmx_caps *c, u64 feature_control,
		      struct missing *m)
{
	const struct vmx_allowed *a = c->ctl;

	if ((feature_control & FEATURE_CONTROL_LOCK) &&
	    !(feature_control & FEATURE_CONTROL_VMX))
		missing_add(m, "VMX is locked off (IA32_FEATURE_CONTROL)",
			    "switch on \"VT-x\" or \"Virtualization "
			    "Technology\" in firmware, then power-cycle");
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if ((a[needed[i].group].may1 & needed[i].bit) != needed[i].bit)
			missing_add(m, needed[i].what, NULL);
	if ((a[GROUP_PIN].must1 & PIN_NOT) || (a[GROUP_PROC].must1 & PROC_NOT))
		missing_add(m, "VMX: controls that can be switched off", NULL);
	if (a[GROUP_PROC2].may1 & PROC2_EPT)
		missing_ept(c->ept_vpid, m);
	if (VMX_BASIC_TYPE(c->basic) != 6)
		missing_add(m, "VMX: a write-back VMCS", NULL);
	if (!(c->misc & VMX_MISC_SAVE_LMA) || !(c->misc & VMX_MISC_WAIT_SIPI))
		missing_add(m, "VMX: wait-for-SIPI state and LMA on exit",
			    NULL);
}

/* A line switches off controls, or capabilities of EPT and VPID. */
static const struct feature {
	const char *name;
	u8 group; /* GROUP_NEVER: bits of IA32_VMX_EPT_VPID_CAP */
	u64 bits;
} features[] = {
	{ "vpid", GROUP_PROC2, PROC2_VPID },
	{ "ept", GROUP_PROC2, PROC2_EPT },
	{ "unrestricted", GROUP_PROC2, PROC2_UNRESTRICTED },
	{ "ept-ad", GROUP_NEVER, EPT_CAP_AD },
	{ "ept-1g", GROUP_NEVER, EPT_CAP_1G },
	{ "ept-2m", GROUP_NEVER, EPT_CAP_2M },
	{ "ept-exec-only", GROUP_NEVER, EPT_CAP_EXEC_ONLY },
	{ "ept-5level", GROUP_NEVER, EPT_CAP_WALK5 },
	{ "vmcs-shadowing", GROUP_PROC2, PROC2_SHADOW_VMCS },
	{ "pml", GROUP_PROC2, PROC2_PML },
	{ "ve", GROUP_PROC2, PROC2_VE },
	{ "vmfunc", GROUP_PROC2, PROC2_VMFUNC },
	{ "mbec", GROUP_PROC2, PROC2_MBEC },
	{ "tsc-scaling", GROUP_PROC2, PROC2_TSC_SCALING },
	{ "preemption-timer", GROUP_PIN, PIN_PREEMPTION },
	{ "mtf", GROUP_PROC, PROC_MTF },
	{ "tpr-shadow", GROUP_PROC, PROC_TPR_SHADOW },
	{ "apic-access", GROUP_PROC2, PROC2_APIC_ACCESS },
	{ "x2apic", GROUP_PROC2, PROC2_X2APIC },
	{ "apic-reg", GROUP_PROC2, PROC2_APIC_REG },
	{ "vid", GROUP_PROC2, PROC2_VID },
	{ "posted", GROUP_PIN, PIN_POSTED },
	{ "ple", GROUP_PROC2, PROC2_PLE },
	{ "invpcid", GROUP_PROC2, PROC2_INVPCID },
	{ "rdtscp", GROUP_PROC2, PROC2_RDTSCP },
	{ "xsaves", GROUP_PROC2, PROC2_XSAVES },
};
_Static_assert(ARRAY_SIZE(features) <= 64, "a bit of vm_policy.features_off");

static int feature_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (strlen(features[i].name) == len &&
		    !strncmp(features[i].name, name, len))
			return (int)i;
	return -1;
}

int vmx_feature_list(const char *list, u64 *off)
{
	while (*list) {
		const char *end = strchr(list, ',');
		size_t len = end ? (size_t)(end - list) : strlen(list);
		int i = len ? feature_find(list + 1, len - 1) : -1;

		if (i < 0 || (*list != '-' && *list != '+'))
			return -EINVAL;
		if (*list == '-')
			*off |= BIT(i);
		else
			*off &= ~BIT(i);
		list += len + !!end;
	}
	return 0;
}

void vmx_features_cut(struct vmx_caps *c, u64 off)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (!(off & BIT(i)))
			continue;
		if (features[i].group == GROUP_NEVER)
			c->ept_vpid &= ~features[i].bits;
		else
			c->ctl[features[i].group].may1 &= ~features[i].bits;
	}
}

static bool feature_has(const struct vmx_caps *c, const struct feature *f)
{
	u64 have =
		f->group == GROUP_NEVER ? c->ept_vpid : c->ctl[f->group].may1;

	return have & f->bits;
}

void vmx_feature_names(const struct vmx_caps *c, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (!feature_has(c, &features[i]) || n >= size)
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "",
				      features[i].name);
	}
}
