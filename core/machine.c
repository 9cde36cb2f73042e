/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/machine.h"

#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/string.h"
#include "mm/mtrr.h"

static struct mtrr_state mtrr;

struct mtrr_state *machine_mtrr(void)
{
	return &mtrr;
}

static u32 cpuid_reg(u32 leaf, u32 reg)
{
	u32 r[4], max[4];

	cpuid(leaf & 0x80000000, 0, max);
	if (leaf > max[0])
		return 0;
	cpuid(leaf, 0, r);
	return r[reg];
}

void machine_read(struct machine *m)
{
	u32 r[4];

	memset(m, 0, sizeof(*m));
	cpuid(0, 0, r);
	memcpy(m->vendor, &r[1], 4);
	memcpy(m->vendor + 4, &r[3], 4);
	memcpy(m->vendor + 8, &r[2], 4);
	cpuid(0x80000000, 0, r);
	for (u32 i = 0, has = r[0] >= 0x80000004; has && i < 3; i++) {
		cpuid(0x80000002 + i, 0, r);
		memcpy(m->brand + 16 * i, r, 16);
	}
	m->phys_bits = (u8)cpuid_reg(0x80000008, 0);
	if (!m->phys_bits)
		m->phys_bits = 36;
	m->has_1g = cpuid_reg(0x80000001, 3) & BIT(26);
	m->has_nx = cpuid_reg(0x80000001, 3) & BIT(20);
}

/* What the processor does not have, or holds against its own rules, is left
 * out: as if that range were disabled. */
static void read_one(u32 msr)
{
	u64 val;

	if (!rdmsr_safe(msr, &val) && mtrr_set(&mtrr, msr, val))
		log_warn("MSR %#x: %#lx is no valid MTRR", msr, val);
}

void machine_read_mtrr(const struct machine *m)
{
	mtrr.phys_bits = m->phys_bits;
	if (!(cpuid_reg(1, 3) & BIT(12)))
		return;
	read_one(MSR_MTRR_CAP);
	for (u32 i = 0; i < 2 * (mtrr.cap & 0xff); i++)
		read_one(MSR_MTRR_PHYSBASE0 + i);
	if (mtrr.cap & BIT(8)) {
		read_one(MSR_MTRR_FIX64K);
		read_one(MSR_MTRR_FIX16K_80000);
		read_one(MSR_MTRR_FIX16K_A0000);
		for (u32 i = MSR_MTRR_FIX4K_C0000; i <= MSR_MTRR_FIX4K_F8000;
		     i++)
			read_one(i);
	}
	read_one(MSR_MTRR_DEF_TYPE);
}
