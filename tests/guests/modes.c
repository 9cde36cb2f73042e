/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Goes through every mode of the processor; in each, the instructions that
 * exit (CPUID in several lengths, MSRs, CR0, CR4, WBINVD) answer as in long
 * mode and end on the next instruction.
 */
/* boot: emus=qemu,bochs,bochs-svm bare */
#include "tests/guests/lib/modes.h"

#define PG (u32) CR0_PG
#define PE (u32) CR0_PE
#define LMA (u32)(EFER_LMA | EFER_LME)

struct mode {
	const char *name;
	const char *routine;
	u32 cr0_set, cr0_clear, cr4_set, efer_set, efer_clear, cs, steps;
};

#define ALL MODE_STEPS_ALL
static const struct mode modes[] = {
	{ "long", mode_long, PG | PE, 0, CR4_PAE, LMA, 0, SEL_CODE64, ALL },
	{ "compat", mode_compat, PG | PE, 0, CR4_PAE, LMA, 0, SEL_CODE32, ALL },
	{ "pm32", mode_pm32, PE, PG, 0, 0, LMA, SEL_CODE32, ALL },
	{ "pm16", mode_pm16, PE, PG, 0, 0, LMA, SEL_CODE16, ALL },
	{ "real", mode_real, 0, PG | PE, 0, 0, LMA, 0, ALL },
	{ "real-cs", mode_real_cs, 0, PG | PE, 0, 0, LMA, LOW_BASE >> 4, ALL },
	{ "big-real", mode_big_real, 0, PG | PE, 0, 0, LMA, 0, ALL },
	{ "pg32", mode_pg32, PG | PE, 0, CR4_PSE, 0, LMA, SEL_CODE32, ALL },
	{ "pae", mode_pae, PG | PE, 0, CR4_PAE, 0, LMA, SEL_CODE32, ALL },
	{ "v86", mode_v86, 0, 0, 0, 0, 0, 0, MODE_STEPS_USER },
	{ "la57", mode_la57, PG | PE, 0, CR4_PAE | CR4_LA57, LMA, 0, SEL_CODE64,
	  ALL },
};

static void check_values(const struct mode *m)
{
	volatile struct mode_ctx *c = mode_ctx();
	char name[40];

	snprintf(name, sizeof(name), "%s-cr0", m->name);
	check((c->cr0 & (m->cr0_set | m->cr0_clear)) == m->cr0_set, name, "%x",
	      c->cr0);
	snprintf(name, sizeof(name), "%s-cr4", m->name);
	check((c->cr4 & m->cr4_set) == m->cr4_set, name, "%x", c->cr4);
	snprintf(name, sizeof(name), "%s-efer", m->name);
	check((c->efer & (m->efer_set | m->efer_clear)) == m->efer_set, name,
	      "%x", c->efer);
	snprintf(name, sizeof(name), "%s-apic-base", m->name);
	check_eq(c->apic, (u32)rdmsr(MSR_APIC_BASE), name);
}

static void run(const struct mode *m, u32 leaf)
{
	volatile struct mode_ctx *c = mode_ctx();
	char name[40];
	u32 r[4], bad;

	memset((void *)(u64)c, 0, sizeof(*c));
	c->leaf = leaf;
	print("info: mode %s leaf %x\n", m->name, leaf);
	mode_run(m->routine);
	cpuid(leaf, 0, r);
	bad = c->cpuid[0] != r[0] || c->cpuid[1] != r[1] ||
	      c->cpuid[2] != r[2] || c->cpuid[3] != r[3];
	snprintf(name, sizeof(name), "%s-cpuid-%x", m->name, leaf);
	check(!bad, name, "%x %x %x %x, want %x %x %x %x", c->cpuid[0],
	      c->cpuid[1], c->cpuid[2], c->cpuid[3], r[0], r[1], r[2], r[3]);
	snprintf(name, sizeof(name), "%s-steps-%x", m->name, leaf);
	check_eq(c->steps, m->steps, name);
	snprintf(name, sizeof(name), "%s-cs-%x", m->name, leaf);
	check_eq(c->cs & 0xffff, m->cs, name);
}

void main(void)
{
	modes_init();
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct mode *m = &modes[i];

		if (m->routine == mode_la57 &&
		    !(cpuid_reg(7, 0, ECX) & BIT(16))) {
			skip(m->name, "no LA57 in CPUID");
			continue;
		}
		if (m->routine == mode_v86 && on_abyme() &&
		    emulator() == EMU_BOCHS && cpu_vendor_is("AuthenticAMD")) {
			check_known(false, "v86", EMU_BOCHS,
				    "#VMEXIT from virtual-8086 mode ends it",
				    "not tried");
			continue;
		}
		run(m, 0);
		run(m, 0x80000002);
		if (m->steps == ALL)
			check_values(m);
		if (m->routine == mode_big_real)
			check_eq(mode_ctx()->extra, 0xab1e0b16, "big-real-4g");
		if (m->routine == mode_v86)
			check(mode_ctx()->flags & RFLAGS_VM, "v86-flags", "%x",
			      mode_ctx()->flags);
	}
}
