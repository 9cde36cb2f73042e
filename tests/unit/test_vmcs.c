/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: vmx/vmcs.c */
#include "tests/unit/unit.h"
#include "vmx/vmcs.h"

/*
 * The tables of SDM 3D, Appendix B, written down a second time: runs of
 * encodings, first to last.
 */
static const struct run {
	u32 first, last;
	u8 width, type;
} runs[] = {
	{ 0x0000, 0x000a, VMCS_16, VMCS_CONTROL },
	{ 0x0800, 0x0814, VMCS_16, VMCS_GUEST },
	{ 0x0c00, 0x0c0c, VMCS_16, VMCS_HOST },
	{ 0x2000, 0x2044, VMCS_64, VMCS_CONTROL },
	{ 0x204a, 0x204e, VMCS_64, VMCS_CONTROL },
	{ 0x2052, 0x2052, VMCS_64, VMCS_CONTROL },
	{ 0x2400, 0x2404, VMCS_64, VMCS_READONLY },
	{ 0x2800, 0x2828, VMCS_64, VMCS_GUEST },
	{ 0x282e, 0x2830, VMCS_64, VMCS_GUEST },
	{ 0x2c00, 0x2c16, VMCS_64, VMCS_HOST },
	{ 0x2c1a, 0x2c1a, VMCS_64, VMCS_HOST },
	{ 0x4000, 0x4024, VMCS_32, VMCS_CONTROL },
	{ 0x4400, 0x440e, VMCS_32, VMCS_READONLY },
	{ 0x4800, 0x482a, VMCS_32, VMCS_GUEST },
	{ 0x482e, 0x482e, VMCS_32, VMCS_GUEST },
	{ 0x4c00, 0x4c00, VMCS_32, VMCS_HOST },
	{ 0x6000, 0x600e, VMCS_NAT, VMCS_CONTROL },
	{ 0x6400, 0x640a, VMCS_NAT, VMCS_READONLY },
	{ 0x6800, 0x682c, VMCS_NAT, VMCS_GUEST },
	{ 0x6c00, 0x6c1c, VMCS_NAT, VMCS_HOST },
};

static const struct run *find(u32 enc)
{
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		if (enc >= runs[i].first && enc <= runs[i].last && !(enc & 1))
			return &runs[i];
	return NULL;
}

TEST(every_field_is_in_the_manual)
{
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++) {
		const struct vmcs_field_info *f = &vmcs_fields[i];
		const struct run *r = find(f->enc);

		if (!r)
			printf("%s\n", f->name);
		CHECK(r && r->width == f->width && r->type == f->type);
		CHECK_EQ(VMCS_ENC_WIDTH(f->enc), f->width);
		CHECK_EQ(VMCS_ENC_TYPE(f->enc), f->type);
		CHECK(!(f->enc & (VMCS_ENC_HIGH | VMCS_ENC_RESERVED)));
		CHECK(f->exists < NR_VMCS_EXISTS);
	}
}

TEST(every_field_of_the_manual_is_here)
{
	u32 n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		for (u32 e = runs[i].first; e <= runs[i].last; e += 2, n++) {
			int s = vmcs_slot(e);

			CHECK(s >= 0 && vmcs_fields[s].enc == e);
		}
	CHECK_EQ(n, NR_VMCS_SLOTS);
}

TEST(slots_of_all_encodings)
{
	for (u32 e = 0; e < 0x20000; e++) {
		const struct run *r = find(e & ~1u);
		bool high = e & 1;
		int s = vmcs_slot(e);

		if (!r || (high && r->width != VMCS_64))
			CHECK(s < 0);
		else
			CHECK(s >= 0 && vmcs_fields[s].enc == (e & ~1u));
	}
	CHECK_EQ(vmcs_slot(0x100000000ull | VMCS_GUEST_RIP), -1);
	CHECK_EQ(vmcs_slot(~0ull), -1);
}

TEST(well_known_encodings)
{
	CHECK_EQ(VMCS_GUEST_RIP, 0x681e);
	CHECK_EQ(VMCS_GUEST_RSP, 0x681c);
	CHECK_EQ(VMCS_HOST_RSP, 0x6c14);
	CHECK_EQ(VMCS_HOST_RIP, 0x6c16);
	CHECK_EQ(VMCS_EXIT_QUALIFICATION, 0x6400);
	CHECK_EQ(VMCS_GUEST_LINEAR, 0x640a);
	CHECK_EQ(VMCS_EXIT_REASON, 0x4402);
	CHECK_EQ(VMCS_EXIT_INSTR_LEN, 0x440c);
	CHECK_EQ(VMCS_EPTP, 0x201a);
	CHECK_EQ(VMCS_LINK_POINTER, 0x2800);
	CHECK_EQ(VMCS_GUEST_EFER, 0x2806);
	CHECK_EQ(VMCS_HOST_EFER, 0x2c02);
	CHECK_EQ(VMCS_GUEST_TR_AR, 0x4822);
	CHECK_EQ(VMCS_GUEST_INTERRUPTIBILITY, 0x4824);
	CHECK_EQ(VMCS_GUEST_ACTIVITY, 0x4826);
	CHECK_EQ(VMCS_PREEMPTION_TIMER, 0x482e);
	CHECK_EQ(VMCS_ENTRY_INTR_INFO, 0x4016);
	CHECK_EQ(VMCS_PROC2_CTLS, 0x401e);
	CHECK_EQ(VMCS_TSC_MULTIPLIER, 0x2032);
	CHECK_EQ(VMCS_GUEST_SYSENTER_CS, 0x482a);
	CHECK_EQ(VMCS_CR4_SHADOW, 0x6006);
	CHECK_EQ(VMCS_HOST_TR_SEL, 0x0c0c);
	CHECK_EQ(VMCS_HOST_IDTR_BASE, 0x6c0e);
}

TEST(names_are_unique)
{
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++)
		for (u32 j = 0; j < i; j++)
			CHECK(strcmp(vmcs_fields[i].name, vmcs_fields[j].name));
}

TEST(policies_fit_the_types)
{
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++) {
		const struct vmcs_field_info *f = &vmcs_fields[i];

		if (f->type == VMCS_HOST)
			CHECK_EQ(f->policy, POLICY_HOST);
		else
			CHECK(f->policy != POLICY_HOST);
		if (f->type == VMCS_READONLY)
			CHECK(f->policy == POLICY_INFO ||
			      f->policy == POLICY_SOFT);
		else
			CHECK(f->policy != POLICY_INFO);
		if (f->policy == POLICY_GUEST || f->policy == POLICY_LAZY)
			CHECK_EQ(f->type, VMCS_GUEST);
	}
}

TEST(fields_come_and_go_with_controls)
{
	struct vmx_caps c = { 0 };

	CHECK(vmcs_field_exists(&c, SLOT_GUEST_RIP));
	CHECK(!vmcs_field_exists(&c, SLOT_EPTP));
	CHECK(!vmcs_field_exists(&c, SLOT_PROC2_CTLS));
	CHECK(!vmcs_field_exists(&c, SLOT_SHARED_EPTP));
	c.ctl[GROUP_PROC].may1 = PROC_PROC2;
	c.ctl[GROUP_PROC2].may1 = PROC2_EPT;
	CHECK(vmcs_field_exists(&c, SLOT_EPTP));
	CHECK(vmcs_field_exists(&c, SLOT_GUEST_PHYSICAL));
	CHECK(vmcs_field_exists(&c, SLOT_GUEST_PDPTE3));
	CHECK(vmcs_field_exists(&c, SLOT_PROC2_CTLS));
	CHECK(!vmcs_field_exists(&c, SLOT_VPID));
	c.ctl[GROUP_PROC2].may1 |= PROC2_VPID;
	CHECK(vmcs_field_exists(&c, SLOT_VPID));
	/* either of two */
	c.ctl[GROUP_EXIT].may1 = EXITC_SAVE_EFER;
	CHECK(vmcs_field_exists(&c, SLOT_GUEST_EFER));
	CHECK(!vmcs_field_exists(&c, SLOT_HOST_EFER));
	c.ctl[GROUP_EXIT].may1 = EXITC_LOAD_EFER;
	CHECK(!vmcs_field_exists(&c, SLOT_GUEST_EFER));
	CHECK(vmcs_field_exists(&c, SLOT_HOST_EFER));
	c.ctl[GROUP_VMFUNC].may1 = VMFUNC_EPTP_SWITCH;
	CHECK(vmcs_field_exists(&c, SLOT_EPTP_LIST_ADDR));
}

TEST(names_of_reasons_and_errors)
{
	CHECK(!strcmp(vmx_reason_name(REASON_CPUID), "CPUID"));
	CHECK(!strcmp(vmx_reason_name(48), "EPT violation"));
	CHECK(!strcmp(vmx_reason_name(0x80000021),
		      "entry failure: guest state"));
	CHECK(!strcmp(vmx_reason_name(35), "unknown"));
	CHECK(!strcmp(vmx_reason_name(0xffff), "unknown"));
	CHECK(!strcmp(vmx_reason_name(RAW_VMFAIL | 7), "VM entry refused"));
	CHECK(!strcmp(vmx_error_name(12), "VMREAD or VMWRITE: no such field"));
	CHECK(!strcmp(vmx_error_name(27), "no error number"));
	CHECK(!strcmp(vmx_error_name(~0u), "no error number"));
}

TEST(width_masks)
{
	CHECK_EQ(vmcs_width_mask(VMCS_16), 0xffff);
	CHECK_EQ(vmcs_width_mask(VMCS_32), 0xffffffff);
	CHECK_EQ(vmcs_width_mask(VMCS_64), ~0ull);
	CHECK_EQ(vmcs_width_mask(VMCS_NAT), ~0ull);
}

TEST(control_bits)
{
	CHECK_EQ(PROC_PROC2, 0x80000000ull);
	CHECK_EQ(PROC2_UNRESTRICTED, 0x80);
	CHECK_EQ(PROC2_EPT, 2);
	CHECK_EQ(EXITC_EXIT2, 0x80000000ull);
	CHECK_EQ(EXITC_HOST64, 0x200);
	CHECK_EQ(ENTRYC_IA32E, 0x200);
	CHECK_EQ(ENTRYC_LOAD_EFER, 0x8000);
	CHECK_EQ(EXITC_LOAD_EFER, 0x200000);
	CHECK_EQ(PIN_VNMI, 0x20);
	CHECK_EQ(PROC_MSR_BITMAP, 0x10000000);
}
