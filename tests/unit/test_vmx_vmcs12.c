/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/vmx_vmcs12.c nested/vmx_caps.c vmx/vmcs.c */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/msr.h"
#include "core/x86.h"
#include "nested/vmx_caps.h"
#include "nested/vmx_vmcs12.h"

/* The table once more, to be searched the slow way. */
static const struct {
	const char *name;
	u32 enc, width;
} rows[] = {
#define VMCS_FIELD(name, enc, width, type, exists, policy) \
	{ #name, enc, VMCS_##width },
#include "vmx/fields.def"
};

static int slow_slot(u32 enc)
{
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++)
		if (rows[i].enc == enc ||
		    (rows[i].width == VMCS_64 && rows[i].enc + 1 == enc))
			return (int)i;
	return -1;
}

TEST(vmcs12_every_encoding)
{
	for (u64 enc = 0; enc <= 0xffff; enc++) {
		int slot = vmcs_slot(enc);

		if (slot != slow_slot((u32)enc)) {
			CHECK_EQ(slot, slow_slot((u32)enc));
			CHECK_EQ(enc, ~0ull);
			return;
		}
		CHECK_EQ(vmcs_slot(enc | BIT(16)), -1);
		CHECK_EQ(vmcs_slot(enc | BIT(40)), -1);
	}
}

/* What a write leaves and a read gives, for every encoding that there is. */
TEST(vmcs12_read_write_every_field)
{
	const u64 all = 0x1122334455667788, old = 0xa0b0c0d0e0f00102;

	for (u32 enc = 0; enc <= 0xffff; enc++) {
		int slot = vmcs_slot(enc);
		u64 f, want = all;

		if (slot < 0)
			continue;
		if (rows[slot].width == VMCS_16)
			want = 0x7788;
		else if (rows[slot].width == VMCS_32)
			want = 0x55667788;
		f = vmcs12_put(old, enc, all);
		if (enc & 1) {
			CHECK_EQ(f, 0x55667788e0f00102);
			CHECK_EQ(vmcs12_get(f, enc), 0x55667788);
		} else {
			CHECK_EQ(f, want);
			CHECK_EQ(vmcs12_get(f, enc), want);
		}
	}
}

TEST(vmcs12_sets)
{
	struct vmcs_set a = { { 0 } }, b = { { 0 } };
	u32 n = 0, last = 0;

	set_add(&a, 0);
	set_add(&a, 63);
	set_add(&a, 64);
	set_add(&a, NR_VMCS_SLOTS - 1);
	for_each_in_set(i, &a)
	{
		CHECK(set_has(&a, i));
		n++;
		last = i;
	}
	CHECK_EQ(n, 4);
	CHECK_EQ(last, NR_VMCS_SLOTS - 1);
	CHECK(!set_meets(&a, &b));
	set_add(&b, 64);
	CHECK(set_meets(&a, &b));
	set_del(&a, 64);
	CHECK(!set_meets(&a, &b));
	set_or(&a, &b);
	CHECK(set_meets(&a, &b));
}

/* A processor with everything. */
static struct vmx_caps everything(void)
{
	struct vmx_caps c = { .phys_bits = 46 };

	for (u32 g = 0; g < NR_VMX_GROUPS; g++)
		c.ctl[g].may1 = g == GROUP_PROC3 || g == GROUP_EXIT2 ||
						g == GROUP_VMFUNC
					? ~0ull
					: 0xffffffff;
	c.ctl[GROUP_PIN].must1 = 0x16;
	c.ctl[GROUP_PROC].must1 = 0x04006172;
	c.ctl[GROUP_EXIT].must1 = 0x36dfb;
	c.ctl[GROUP_ENTRY].must1 = 0x11fb;
	c.basic = ~0ull;
	c.misc = ~0ull;
	c.ept_vpid = ~0ull;
	c.cr0_fixed0 = 0x80000021;
	c.cr0_fixed1 = 0xffffffff;
	c.cr4_fixed0 = 0x2000;
	c.cr4_fixed1 = 0x7767ff;
	return c;
}

TEST(vmx_caps_never_more_than_hardware)
{
	struct vmx_caps hw = everything(), c;

	vmx12_caps(&c, &hw);
	for (u32 g = 0; g < NR_VMX_GROUPS; g++) {
		CHECK_EQ(c.ctl[g].must1, hw.ctl[g].must1);
		CHECK(!(c.ctl[g].may1 & ~hw.ctl[g].may1));
		CHECK(!(c.ctl[g].must1 & ~c.ctl[g].may1));
	}
	CHECK_EQ(c.basic & VMX_BASIC_REVISION, VMCS12_REVISION);
	CHECK_EQ(VMX_BASIC_SIZE(c.basic), 4096);
	CHECK_EQ(VMX_BASIC_TYPE(c.basic), 6);
	CHECK(!(c.basic & (VMX_BASIC_PHYS32 | VMX_BASIC_DUAL)));
	CHECK(!(c.ctl[GROUP_PROC2].may1 & (PROC2_SPP | PROC2_PASID)));
	CHECK(!(c.ctl[GROUP_ENTRY].may1 & ENTRYC_SMM));
	CHECK(c.ept_vpid & EPT_CAP_WALK4);
	CHECK(c.ept_vpid & EPT_CAP_WALK5);
	/* Nothing at all above nothing. */
	memset(&hw, 0, sizeof(hw));
	vmx12_caps(&c, &hw);
	for (u32 g = 0; g < NR_VMX_GROUPS; g++)
		CHECK_EQ(c.ctl[g].may1, 0);
	CHECK_EQ(c.ept_vpid, 0);
	CHECK_EQ(c.misc, 0);
}

/* docs/nested-vmx.md, "What is offered": every control by its name but these,
 * which it lists with the reasons. */
static const char *const not_offered[] = {
	"tertiary controls",
	"conceal VMX from PT",
	"PASID translation",
	"PCONFIG",
	"sub-page write permissions",
	"PT uses guest-physical addresses",
	"LOADIWKEY exiting",
	"HLAT",
	"EPT paging-write control",
	"guest-paging verification",
	"IPI virtualization",
	"MSR-list instructions",
	"virtualize IA32_SPEC_CTRL",
	"APIC-timer virtualization",
	"clear IA32_RTIT_CTL",
	"clear IA32_LBR_CTL",
	"clear UINV",
	"load PKRS",
	"save IA32_PERF_GLOBAL_CTRL",
	"secondary exit controls",
	"save FRED state",
	"load FRED state",
	"load IA32_SPEC_CTRL",
	"prematurely busy shadow stack",
	"entry to SMM",
	"deactivate dual-monitor treatment",
	"load IA32_RTIT_CTL",
	"load UINV",
	"load IA32_LBR_CTL",
};

static bool is_listed(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(not_offered); i++)
		if (!strcmp(name, not_offered[i]))
			return true;
	return false;
}

#define GROUP_EXITC GROUP_EXIT
#define GROUP_EXITC2 GROUP_EXIT2
#define GROUP_ENTRYC GROUP_ENTRY

TEST(vmx_caps_every_control_is_offered_or_listed)
{
	static const struct {
		const char *name;
		enum vmx_group group;
		u64 bit;
	} controls[] = {
#define VMX_CONTROL(prefix, name, bit, text) { text, GROUP_##prefix, BIT(bit) },
#include "vmx/controls.def"
	};
	struct vmx_caps hw = everything(), c;

	vmx12_caps(&c, &hw);
	for (u32 i = 0; i < ARRAY_SIZE(controls); i++) {
		bool has = c.ctl[controls[i].group].may1 & controls[i].bit;

		if (has == is_listed(controls[i].name))
			printf("%s\n", controls[i].name);
		CHECK(has != is_listed(controls[i].name));
	}
}

TEST(vmx_caps_need_each_other)
{
	struct vmx_caps hw = everything(), c;

	hw.ctl[GROUP_PROC2].may1 &= ~(u64)PROC2_EPT;
	vmx12_caps(&c, &hw);
	CHECK(!(c.ctl[GROUP_PROC2].may1 & PROC2_UNRESTRICTED));
	CHECK(!(c.ctl[GROUP_PROC2].may1 & PROC2_VMFUNC));
	CHECK_EQ(c.ctl[GROUP_VMFUNC].may1, 0);
	CHECK(!(c.ept_vpid & EPT_CAP_WALK4));
	CHECK(c.ept_vpid & VPID_CAP_INVVPID);

	hw = everything();
	hw.ctl[GROUP_PIN].may1 &= ~(u64)PIN_NMI;
	vmx12_caps(&c, &hw);
	CHECK(!(c.ctl[GROUP_PIN].may1 & PIN_VNMI));
	CHECK(!(c.ctl[GROUP_PROC].may1 & PROC_NMI_WINDOW));
	/* the processor saves LMA whatever L1 is offered; SMX is not shown */
	CHECK(c.misc & VMX_MISC_SAVE_LMA);
	CHECK_EQ(c.cr4_fixed1, hw.cr4_fixed1 & ~CR4_HIDDEN);

	hw = everything();
	hw.ctl[GROUP_PROC].may1 &= ~(u64)PROC_PROC2;
	vmx12_caps(&c, &hw);
	CHECK_EQ(c.ctl[GROUP_PROC2].may1, 0);
}

/* A barrier where software is told that exits need none, and only there. */
TEST(vmx_caps_branch_barrier)
{
	CHECK(vmx12_needs_ibpb(BIT(26), BIT(1)));
	CHECK(vmx12_needs_ibpb(~0u, ~0ull));
	CHECK(!vmx12_needs_ibpb(BIT(26), 0));
	CHECK(!vmx12_needs_ibpb(BIT(26), ~BIT(1)));
	CHECK(!vmx12_needs_ibpb(~(u32)BIT(26), BIT(1)));
}

TEST(vmx_caps_msrs)
{
	struct vmx_caps hw = everything(), c;
	struct vmcs_set fields;
	u64 val;

	vmx12_caps(&c, &hw);
	for (u32 msr = MSR_VMX_BASIC; msr <= MSR_VMX_VMFUNC; msr++)
		CHECK(!vmx12_cap_msr(&c, msr, &val));
	CHECK_EQ(vmx12_cap_msr(&c, MSR_VMX_BASIC - 1, &val), -ENOENT);
	CHECK_EQ(vmx12_cap_msr(&c, MSR_VMX_EXIT_CTLS2 + 1, &val), -ENOENT);
	CHECK(!vmx12_cap_msr(&c, MSR_VMX_TRUE_PROCBASED_CTLS, &val));
	CHECK_EQ((u32)val, c.ctl[GROUP_PROC].must1);
	CHECK_EQ(val >> 32, c.ctl[GROUP_PROC].may1);
	CHECK(!vmx12_cap_msr(&c, MSR_VMX_PROCBASED_CTLS, &val));
	CHECK_EQ((u32)val & 0x0401e172, 0x0401e172);
	CHECK(!vmx12_cap_msr(&c, MSR_VMX_PROCBASED_CTLS2, &val));
	CHECK_EQ((u32)val, 0);
	CHECK(!vmx12_cap_msr(&c, MSR_VMX_VMCS_ENUM, &val));
	vmcs12_present(&fields, &c);
	CHECK_EQ(val, vmcs12_enum_msr(&fields));
	for_each_in_set(i, &fields) CHECK((vmcs_fields[i].enc & 0x3fe) <= val);
	c.ctl[GROUP_PROC].may1 &= ~(u64)PROC_PROC2;
	CHECK_EQ(vmx12_cap_msr(&c, MSR_VMX_PROCBASED_CTLS2, &val), -ENOENT);
	c.ctl[GROUP_PROC2].may1 = 0;
	CHECK_EQ(vmx12_cap_msr(&c, MSR_VMX_EPT_VPID_CAP, &val), -ENOENT);
	CHECK_EQ(vmx12_cap_msr(&c, MSR_VMX_VMFUNC, &val), -ENOENT);
}

/* Fields come and go with the controls that they belong to. */
TEST(vmcs12_fields_exist)
{
	struct vmx_caps hw = everything(), c;
	struct vmcs_set s;

	vmx12_caps(&c, &hw);
	vmcs12_present(&s, &c);
	CHECK(set_has(&s, SLOT_EPTP));
	CHECK(set_has(&s, SLOT_GUEST_RIP));
	CHECK(!set_has(&s, SLOT_SPP_TABLE));
	CHECK(!set_has(&s, SLOT_SHARED_EPTP));
	c.ctl[GROUP_PROC2].may1 &= ~(u64)(PROC2_EPT | PROC2_PLE);
	vmcs12_present(&s, &c);
	CHECK(!set_has(&s, SLOT_EPTP));
	CHECK(!set_has(&s, SLOT_GUEST_PDPTE2));
	CHECK(!set_has(&s, SLOT_PLE_GAP));
	CHECK(set_has(&s, SLOT_VPID));
}
