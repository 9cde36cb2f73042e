/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: vmx/caps.c */
#include "core/msr.h"
#include "tests/unit/unit.h"
#include "vmx/caps.h"

/* A processor of our own making: a capable one; tests take things away. */
static u64 msrs[32];
static bool asked_of_absent;

static void set(u32 msr, u32 must1, u32 may1)
{
	msrs[msr - MSR_VMX_BASIC] = (u64)may1 << 32 | must1;
}

static u64 rd(u32 msr)
{
	if (!msrs[msr - MSR_VMX_BASIC])
		asked_of_absent = true;
	return msrs[msr - MSR_VMX_BASIC];
}

#define PIN_DEFAULT1 0x16u
#define PROC_DEFAULT1 0x0401e172u
#define PROC_TRUE1 0x04006172u
#define EXIT_DEFAULT1 0x36dffu
#define EXIT_TRUE1 0x36dfbu
#define ENTRY_DEFAULT1 0x11ffu
#define ENTRY_TRUE1 0x11fbu

static void machine(void)
{
	memset(msrs, 0, sizeof(msrs));
	asked_of_absent = false;
	msrs[0] = 0x12 | 0x400ull << 32 | 6ull << 50 | VMX_BASIC_TRUE;
	set(MSR_VMX_PINBASED_CTLS, PIN_DEFAULT1, 0x7f);
	set(MSR_VMX_PROCBASED_CTLS, PROC_DEFAULT1, 0xfff9fffe);
	set(MSR_VMX_EXIT_CTLS, EXIT_DEFAULT1, 0x7fffff);
	set(MSR_VMX_ENTRY_CTLS, ENTRY_DEFAULT1, 0xffff);
	set(MSR_VMX_TRUE_PINBASED_CTLS, PIN_DEFAULT1, 0x7f);
	set(MSR_VMX_TRUE_PROCBASED_CTLS, PROC_TRUE1, 0xfff9fffe);
	set(MSR_VMX_TRUE_EXIT_CTLS, EXIT_TRUE1, 0x7fffff);
	set(MSR_VMX_TRUE_ENTRY_CTLS, ENTRY_TRUE1, 0xffff);
	set(MSR_VMX_PROCBASED_CTLS2, 0, 0x00107fff);
	msrs[MSR_VMX_MISC - MSR_VMX_BASIC] =
		VMX_MISC_SAVE_LMA | VMX_MISC_WAIT_SIPI;
	msrs[MSR_VMX_CR0_FIXED0 - MSR_VMX_BASIC] = 0x80000021;
	msrs[MSR_VMX_CR0_FIXED1 - MSR_VMX_BASIC] = 0xffffffff;
	msrs[MSR_VMX_CR4_FIXED0 - MSR_VMX_BASIC] = 0x2000;
	msrs[MSR_VMX_CR4_FIXED1 - MSR_VMX_BASIC] = 0x1727ff;
	msrs[MSR_VMX_VMCS_ENUM - MSR_VMX_BASIC] = 0x2a;
	msrs[MSR_VMX_EPT_VPID_CAP - MSR_VMX_BASIC] =
		EPT_CAP_WALK4 | EPT_CAP_WB | EPT_CAP_INVEPT |
		EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL | EPT_CAP_2M |
		VPID_CAP_INVVPID | VPID_CAP_SINGLE | VPID_CAP_ALL;
	msrs[MSR_VMX_VMFUNC - MSR_VMX_BASIC] = 1;
}

static u32 missing(u64 fc, struct missing *m)
{
	struct vmx_caps c;

	vmx_caps_read(&c, rd, 39);
	m->n = 0;
	vmx_caps_missing(&c, fc, m);
	return m->n;
}

TEST(one_shape_for_all_controls)
{
	struct vmx_allowed a = { .must1 = 0x16, .may1 = 0x7f };

	CHECK_EQ(vmx_controls(&a, 0), 0x16);
	CHECK_EQ(vmx_controls(&a, 0x09), 0x1f);
	CHECK_EQ(vmx_controls(&a, 0x80), 0x16); /* cannot be had */
}

TEST(reads_true_controls)
{
	struct vmx_caps c;

	machine();
	vmx_caps_read(&c, rd, 39);
	CHECK(!asked_of_absent);
	CHECK_EQ(c.ctl[GROUP_PROC].must1, PROC_TRUE1);
	CHECK_EQ(c.ctl[GROUP_EXIT].must1, EXIT_TRUE1);
	CHECK_EQ(c.ctl[GROUP_PROC2].may1, 0x00107fff);
	CHECK_EQ(c.ctl[GROUP_PROC3].may1, 0);
	CHECK_EQ(c.ctl[GROUP_VMFUNC].may1, 1);
	CHECK_EQ(c.phys_bits, 39);
	CHECK_EQ(c.cr4_fixed0, 0x2000);
	msrs[0] &= ~VMX_BASIC_TRUE;
	vmx_caps_read(&c, rd, 39);
	CHECK_EQ(c.ctl[GROUP_PROC].must1, PROC_DEFAULT1);
}

TEST(asks_only_for_msrs_that_exist)
{
	struct vmx_caps c;

	machine();
	set(MSR_VMX_TRUE_PROCBASED_CTLS, PROC_TRUE1, 0x7ff9fffe);
	msrs[MSR_VMX_PROCBASED_CTLS2 - MSR_VMX_BASIC] = 0;
	msrs[MSR_VMX_EPT_VPID_CAP - MSR_VMX_BASIC] = 0;
	msrs[MSR_VMX_VMFUNC - MSR_VMX_BASIC] = 0;
	vmx_caps_read(&c, rd, 36);
	CHECK(!asked_of_absent);
	CHECK_EQ(c.ctl[GROUP_PROC2].may1, 0);
}

TEST(tertiary_and_second_exit_controls)
{
	struct vmx_caps c;

	machine();
	set(MSR_VMX_TRUE_PROCBASED_CTLS, PROC_TRUE1, 0xfffbfffe);
	set(MSR_VMX_TRUE_EXIT_CTLS, EXIT_TRUE1, 0x807fffff);
	msrs[MSR_VMX_PROCBASED_CTLS3 - MSR_VMX_BASIC] = 0x1d0;
	msrs[MSR_VMX_EXIT_CTLS2 - MSR_VMX_BASIC] = 0x8;
	vmx_caps_read(&c, rd, 46);
	CHECK_EQ(c.ctl[GROUP_PROC3].may1, 0x1d0);
	CHECK_EQ(c.ctl[GROUP_PROC3].must1, 0);
	CHECK_EQ(c.ctl[GROUP_EXIT2].may1, 8);
}

TEST(nothing_is_missing)
{
	struct missing m;

	machine();
	CHECK_EQ(missing(FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX, &m), 0);
	CHECK_EQ(missing(0, &m), 0); /* not locked: L0 switches it on */
}

TEST(locked_off)
{
	struct missing m;

	machine();
	CHECK_EQ(missing(FEATURE_CONTROL_LOCK, &m), 1);
	CHECK(m.advice[0] && strstr(m.advice[0], "firmware"));
}

TEST(each_thing_missing)
{
	static const struct {
		u32 msr;
		u64 bits;
	} cases[] = {
		{ MSR_VMX_TRUE_PROCBASED_CTLS, PROC_MSR_BITMAP },
		{ MSR_VMX_PROCBASED_CTLS2, PROC2_UNRESTRICTED },
		{ MSR_VMX_PROCBASED_CTLS2, PROC2_EPT },
		{ MSR_VMX_TRUE_EXIT_CTLS, EXITC_HOST64 },
		{ MSR_VMX_TRUE_EXIT_CTLS, EXITC_SAVE_EFER },
		{ MSR_VMX_TRUE_EXIT_CTLS, EXITC_LOAD_PAT },
		{ MSR_VMX_TRUE_ENTRY_CTLS, ENTRYC_IA32E },
		{ MSR_VMX_TRUE_ENTRY_CTLS, ENTRYC_LOAD_EFER },
		{ MSR_VMX_TRUE_ENTRY_CTLS, ENTRYC_LOAD_PAT },
	};
	struct missing m;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		machine();
		msrs[cases[i].msr - MSR_VMX_BASIC] &= ~(cases[i].bits << 32);
		CHECK_EQ(missing(5, &m), 1);
	}
	machine();
	msrs[MSR_VMX_MISC - MSR_VMX_BASIC] &= ~VMX_MISC_WAIT_SIPI;
	CHECK_EQ(missing(5, &m), 1);
	machine();
	msrs[MSR_VMX_EPT_VPID_CAP - MSR_VMX_BASIC] &= ~EPT_CAP_WALK4;
	CHECK_EQ(missing(5, &m), 1);
	machine();
	msrs[0] = 0x12 | VMX_BASIC_TRUE;
	CHECK_EQ(missing(5, &m), 1);
	/* CR3 exits cannot be switched off: no TRUE controls */
	machine();
	msrs[0] &= ~VMX_BASIC_TRUE;
	CHECK_EQ(missing(5, &m), 1);
}

TEST(the_whole_list_at_once)
{
	struct missing m;

	machine();
	set(MSR_VMX_TRUE_ENTRY_CTLS, ENTRY_TRUE1, ENTRY_TRUE1);
	set(MSR_VMX_PROCBASED_CTLS2, 0, 0x1000);
	msrs[MSR_VMX_EPT_VPID_CAP - MSR_VMX_BASIC] = 0;
	CHECK(missing(FEATURE_CONTROL_LOCK, &m) >= 6);
}

TEST(wanted_controls_fit)
{
	struct vmx_caps c;
	u64 v;

	machine();
	vmx_caps_read(&c, rd, 39);
	v = vmx_controls(&c.ctl[GROUP_PROC], vmx_wanted[GROUP_PROC]);
	CHECK(v & PROC_PROC2);
	CHECK(!(v & PROC_PROC3)); /* this one has none */
	CHECK(!(v & (PROC_CR3_LOAD | PROC_HLT | PROC_IO)));
	/* No tertiary control, so no exit by RDMSRLIST or WRMSRLIST. */
	CHECK(!(vmx_wanted[GROUP_PROC] & PROC_PROC3));
	CHECK_EQ(vmx_wanted[GROUP_PROC3], 0);
	v = vmx_controls(&c.ctl[GROUP_PIN], vmx_wanted[GROUP_PIN]);
	CHECK_EQ(v, PIN_DEFAULT1);
	v = vmx_controls(&c.ctl[GROUP_PROC2], vmx_wanted[GROUP_PROC2]);
	CHECK(v & PROC2_EPT && v & PROC2_XSAVES);
	CHECK(!(v & PROC2_USER_WAIT));
}

TEST(vpids_need_invvpid)
{
	struct vmx_caps c;

	machine();
	vmx_caps_read(&c, rd, 39);
	CHECK(c.ctl[GROUP_PROC2].may1 & PROC2_VPID);
	msrs[MSR_VMX_EPT_VPID_CAP - MSR_VMX_BASIC] &= ~VPID_CAP_ALL;
	vmx_caps_read(&c, rd, 39);
	CHECK(!(c.ctl[GROUP_PROC2].may1 & PROC2_VPID));
	CHECK(c.ctl[GROUP_PROC2].may1 & PROC2_EPT);
}

TEST(feature_lists)
{
	u64 off = 0;

	CHECK_EQ(vmx_feature_list("", &off), 0);
	CHECK_EQ(off, 0);
	CHECK_EQ(vmx_feature_list("-vpid,-ept-ad", &off), 0);
	CHECK_EQ(__builtin_popcountll(off), 2);
	CHECK_EQ(vmx_feature_list("+vpid", &off), 0);
	CHECK_EQ(__builtin_popcountll(off), 1);
	CHECK(vmx_feature_list("-nothing", &off) != 0);
	CHECK(vmx_feature_list("vpid", &off) != 0);
	CHECK(vmx_feature_list("-", &off) != 0);
	CHECK(vmx_feature_list("-vpid,,-ve", &off) != 0);
}

TEST(features_are_cut)
{
	struct vmx_caps c;
	char buf[400];
	u64 off = 0;

	machine();
	vmx_caps_read(&c, rd, 39);
	vmx_feature_names(&c, buf, sizeof(buf));
	CHECK(strstr(buf, "vpid") && strstr(buf, "ept-2m"));
	CHECK(!strstr(buf, "ept-ad"));
	CHECK_EQ(vmx_feature_list("-vpid,-ept-2m", &off), 0);
	vmx_features_cut(&c, off);
	vmx_feature_names(&c, buf, sizeof(buf));
	CHECK(!strstr(buf, "vpid") && !strstr(buf, "ept-2m"));
	CHECK(c.ctl[GROUP_PROC2].may1 & PROC2_EPT);
	vmx_feature_names(&c, buf, 6); /* too small: cut, not overrun */
	CHECK_EQ(strlen(buf), 5);
}

/* Cores of two kinds: what both have, and what either insists on. */
TEST(vmx_caps_of_two_processors)
{
	struct vmx_caps a, b, was;

	machine();
	vmx_caps_read(&a, rd, 46);
	b = was = a;
	CHECK(!vmx_caps_meet(&a, &b));
	CHECK(!memcmp(&a, &was, sizeof(a)));
	b.ctl[GROUP_PROC2].may1 &= ~(u64)PROC2_PML;
	b.ctl[GROUP_EXIT].must1 |= EXITC_ACK_INTR;
	b.misc &= ~VMX_MISC_HLT;
	b.misc ^= 3; /* the timer's rate is the first one's */
	b.cr4_fixed1 &= ~BIT(13);
	b.cr0_fixed0 |= BIT(16);
	b.phys_bits = 39;
	CHECK(vmx_caps_meet(&a, &b));
	CHECK_EQ(a.ctl[GROUP_PROC2].may1,
		 was.ctl[GROUP_PROC2].may1 & ~(u64)PROC2_PML);
	CHECK_EQ(a.ctl[GROUP_EXIT].must1,
		 was.ctl[GROUP_EXIT].must1 | EXITC_ACK_INTR);
	CHECK_EQ(a.misc, was.misc & ~VMX_MISC_HLT);
	CHECK_EQ(a.cr4_fixed1, was.cr4_fixed1 & ~BIT(13));
	CHECK_EQ(a.cr0_fixed0, was.cr0_fixed0 | BIT(16));
	CHECK_EQ(a.phys_bits, 39);
	CHECK_EQ(a.basic, was.basic);
	CHECK(!vmx_caps_meet(&a, &b));
}
