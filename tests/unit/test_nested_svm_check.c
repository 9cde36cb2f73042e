/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm_check.c nested/svm_merge.c svm/event.c */
#include "core/x86.h"
#include "nested/svm_check.h"
#include "svm/svm.h"
#include "tests/unit/unit.h"

/* A 64-bit guest with nested paging and all that is offered. */
static struct svm_ctl12 ctl;
static struct vmcb save;
static struct svm_check_env env;
static u64 host_cr0;

static void good(void)
{
	struct vmcb_seg cs = { .sel = 8,
			       .attr = VSEG_P | VSEG_S | VSEG_L | 0xb };

	memset(&ctl, 0, sizeof(ctl));
	memset(&save, 0, sizeof(save));
	ctl.asid = 1;
	ctl.icpt[ICPT_MISC2] = BIT(0);
	ctl.nested_ctl = NESTED_NP;
	ctl.ncr3 = 0x1000;
	ctl.msrpm = 0x2000;
	ctl.iopm = 0x4000;
	vmcb_set_cs(&save, &cs);
	vmcb_set_efer(&save, EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE);
	vmcb_set_cr0(&save, CR0_PE | CR0_PG);
	vmcb_set_cr4(&save, CR4_PAE);
	vmcb_set_cr3(&save, 0x5000);
	vmcb_set_dr6(&save, 0xffff0ff0);
	vmcb_set_dr7(&save, 0x400);
	vmcb_set_g_pat(&save, 0x0007040600070406);
	host_cr0 = CR0_PE | CR0_PG;
	env = (struct svm_check_env){
		.cr4_allowed = CR4_PAE | CR4_PGE | CR4_PSE,
		.efer_allowed =
			EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE,
		.features = SVM_F_NPT | SVM_F_VNMI,
		.phys_bits = 40,
		.long_mode = true,
	};
}

static bool passes(void)
{
	struct svm_refusal r = { 0 };

	return !svm_check12(&ctl, &save, host_cr0, &env, &r);
}

/* Refused, and the blame is on @field. */
static bool blames(const char *field)
{
	struct svm_refusal r = { 0 };

	if (!svm_check12(&ctl, &save, host_cr0, &env, &r))
		return false;
	return r.rule && r.section && !strcmp(r.field, field);
}

TEST(nsvm_check_good)
{
	good();
	CHECK(passes());
	/* legacy mode of every kind */
	vmcb_set_efer(&save, EFER_SVME);
	vmcb_set_cr4(&save, 0);
	CHECK(passes());
	vmcb_set_cr0(&save, 0);
	CHECK(passes());
	/* CR0.PG without PE in legacy mode is not on the list */
	vmcb_set_cr3(&save, ~0ull);
	CHECK(passes());
}

TEST(nsvm_check_efer)
{
	static const u8 reserved[] = { 1, 7, 9, 13, 14, 15, 16, 32, 63 };

	good();
	vmcb_set_efer(&save, vmcb_efer(&save) & ~EFER_SVME);
	CHECK(blames("efer"));
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++) {
		good();
		vmcb_set_efer(&save, vmcb_efer(&save) | BIT(reserved[i]));
		CHECK(blames("efer"));
	}
	good();
	env.long_mode = false;
	CHECK(blames("efer"));
	vmcb_set_efer(&save, EFER_SVME | EFER_LME);
	CHECK(blames("efer"));
	vmcb_set_efer(&save, EFER_SVME | EFER_LMA);
	CHECK(blames("efer"));
	vmcb_set_efer(&save, EFER_SVME);
	CHECK(passes());
}

TEST(nsvm_check_cr0)
{
	good();
	vmcb_set_cr0(&save, CR0_PE | CR0_PG | CR0_NW);
	CHECK(blames("cr0"));
	vmcb_set_cr0(&save, CR0_PE | CR0_PG | CR0_NW | CR0_CD);
	CHECK(passes());
	vmcb_set_cr0(&save, CR0_PE | CR0_PG | CR0_CD);
	CHECK(passes());
	for (u32 bit = 32; bit < 64; bit++) {
		vmcb_set_cr0(&save, CR0_PE | CR0_PG | BIT(bit));
		CHECK(blames("cr0"));
	}
	vmcb_set_cr0(&save, CR0_PG);
	CHECK(blames("cr0"));
}

TEST(nsvm_check_cr3_cr4)
{
	good();
	for (u32 bit = 0; bit < 64; bit++) {
		vmcb_set_cr4(&save, CR4_PAE | BIT(bit));
		if (env.cr4_allowed & BIT(bit))
			CHECK(passes());
		else
			CHECK(blames("cr4"));
	}
	vmcb_set_cr4(&save, 0);
	CHECK(blames("cr4"));
	good();
	for (u32 bit = 12; bit < 64; bit++) {
		vmcb_set_cr3(&save, BIT(bit));
		if (bit < 40)
			CHECK(passes());
		else
			CHECK(blames("cr3"));
	}
}

TEST(nsvm_check_cs)
{
	struct vmcb_seg cs = { .attr = VSEG_P | VSEG_S | VSEG_L | VSEG_DB };

	good();
	vmcb_set_cs(&save, &cs);
	CHECK(blames("cs"));
	vmcb_set_cr0(&save, CR0_PE); /* LME, but no paging yet */
	CHECK(passes());
}

TEST(nsvm_check_debug_registers)
{
	good();
	vmcb_set_dr6(&save, 0xffffffff);
	vmcb_set_dr7(&save, 0xffffffff);
	CHECK(passes());
	for (u32 bit = 32; bit < 64; bit++) {
		good();
		vmcb_set_dr6(&save, 0xffff0ff0 | BIT(bit));
		CHECK(blames("dr6"));
		good();
		vmcb_set_dr7(&save, 0x400 | BIT(bit));
		CHECK(blames("dr7"));
	}
}

TEST(nsvm_check_control)
{
	good();
	ctl.asid = 0;
	CHECK(blames("asid"));
	good();
	ctl.icpt[ICPT_MISC2] = ~(u32)BIT(0);
	CHECK(blames("intercept_misc2"));
}

/* Both maps must end at or below 2^phys_bits; bits 11:0 do not count. */
TEST(nsvm_check_maps)
{
	good();
	ctl.msrpm = BIT(40) - 2 * PAGE_SIZE;
	ctl.iopm = BIT(40) - 3 * PAGE_SIZE;
	CHECK(passes());
	ctl.msrpm |= 0xfff;
	ctl.iopm |= 0xfff;
	CHECK(passes());
	ctl.msrpm = BIT(40) - PAGE_SIZE;
	CHECK(blames("msrpm"));
	ctl.msrpm = ~0ull;
	CHECK(blames("msrpm"));
	good();
	ctl.iopm = BIT(40) - 2 * PAGE_SIZE;
	CHECK(blames("iopm"));
	ctl.iopm = BIT(40);
	CHECK(blames("iopm"));
}

TEST(nsvm_check_event)
{
	static const u8 good_types[] = { 0, 2, 3, 4 };
	u32 ok = 0;

	for (u32 type = 0; type < 8; type++) {
		good();
		ctl.eventinj = EVINJ_V | (u64)type << EVINJ_TYPE_SHIFT | 3;
		for (u32 i = 0; i < ARRAY_SIZE(good_types); i++)
			if (good_types[i] == type)
				goto legal;
		CHECK(blames("eventinj"));
		ctl.eventinj &= ~EVINJ_V;
		CHECK(passes());
		continue;
	legal:
		CHECK(passes());
		ok++;
	}
	CHECK_EQ(ok, 4);
	good();
	ctl.eventinj = EVINJ_V | EVINJ_EXC | VEC_NMI;
	CHECK(blames("eventinj"));
	ctl.eventinj = EVINJ_V | EVINJ_EXC | 32;
	CHECK(blames("eventinj"));
	ctl.eventinj = EVINJ_V | EVINJ_EXTINT | 255;
	CHECK(passes());
}

/* Vectors that are nobody's are no exceptions (APM 2, Vectors). */
TEST(nsvm_check_exception_vectors)
{
	static const u8 reserved[] = { 2,  9,  15, 20, 22, 23, 24,
				       25, 26, 27, 29, 31, 32, 255 };
	u32 refused = 0;

	for (u32 vector = 0; vector < 256; vector++) {
		struct vmcb_seg cs;

		good();
		cs = *vmcb_cs(&save);
		cs.attr &= (u16)~VSEG_L;
		vmcb_set_cs(&save, &cs);
		env.cr4_allowed |= CR4_CET;
		ctl.eventinj = EVINJ_V | EVINJ_EXC | vector;
		if (vector < 32 && passes())
			continue;
		CHECK(blames("eventinj"));
		refused++;
	}
	CHECK_EQ(refused, 224 + ARRAY_SIZE(reserved) - 2);
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++) {
		good();
		ctl.eventinj = EVINJ_V | EVINJ_EXC | reserved[i];
		CHECK(blames("eventinj"));
	}
	good();
	ctl.eventinj = EVINJ_V | EVINJ_EXC | VEC_CP;
	CHECK(blames("eventinj")); /* no shadow stacks */
}

/* BOUND does not exist in 64-bit mode. */
TEST(nsvm_check_event_of_another_mode)
{
	struct vmcb_seg cs;

	good();
	ctl.eventinj = EVINJ_V | EVINJ_EXC | VEC_BR;
	CHECK(blames("eventinj"));
	ctl.eventinj = EVINJ_V | EVINJ_EXTINT | VEC_BR;
	CHECK(passes());
	ctl.eventinj = EVINJ_V | EVINJ_EXC | VEC_BR;
	cs = *vmcb_cs(&save);
	cs.attr &= (u16)~VSEG_L; /* compatibility mode */
	vmcb_set_cs(&save, &cs);
	CHECK(passes());
	good();
	vmcb_set_efer(&save, EFER_SVME); /* CS.L counts in long mode only */
	vmcb_set_cr4(&save, 0);
	ctl.eventinj = EVINJ_V | EVINJ_EXC | VEC_BR;
	CHECK(passes());
	good();
	vmcb_set_cr0(&save, CR0_PE); /* no paging, no long mode */
	ctl.eventinj = EVINJ_V | EVINJ_EXC | VEC_BR;
	CHECK(passes());
}

/* Bits of features that are not offered are not looked at. */
TEST(nsvm_check_unoffered_bits)
{
	good();
	env.features = 0;
	ctl.vintr = ~0ull;
	ctl.nested_ctl = ~0ull;
	ctl.virt_ext = ~0ull;
	ctl.tlb_control = ~0u;
	ctl.int_state = ~0ull;
	ctl.clean = ~0ull;
	ctl.pause_count = 0xffff;
	ctl.pause_threshold = 0xffff;
	ctl.nrip = ~0ull;
	ctl.ncr3 = ~0ull;
	vmcb_set_g_pat(&save, ~0ull);
	vmcb_set_dbgctl(&save, ~0ull);
	vmcb_set_s_cet(&save, ~0ull);
	vmcb_set_spec_ctrl(&save, ~0ull);
	CHECK(passes());
}

TEST(nsvm_check_shadow_stacks)
{
	good();
	vmcb_set_s_cet(&save, ~0ull);
	CHECK(passes()); /* no such field */
	env.cr4_allowed |= CR4_CET;
	CHECK(blames("s_cet"));
	for (u32 bit = 0; bit < 64; bit++) {
		vmcb_set_s_cet(&save, BIT(bit));
		if (bit < 2)
			CHECK(passes());
		else
			CHECK(blames("s_cet"));
	}
	vmcb_set_s_cet(&save, 3);
	vmcb_set_cr4(&save, CR4_PAE | CR4_CET);
	CHECK(blames("cr4"));
	vmcb_set_cr0(&save, vmcb_cr0(&save) | CR0_WP);
	CHECK(passes());
}

TEST(nsvm_check_pdpes)
{
	struct svm_refusal r = { 0 };

	good();
	for (u32 i = 0; i < 4; i++) {
		for (u32 bit = 1; bit < 64; bit++) {
			bool bad = bit == 1 || bit == 2 ||
				   (bit >= 5 && bit <= 8) || bit >= 40;
			u64 p[4] = { 0x1001, 0, 0x3001, 0x4001 };

			p[i] = BIT(bit);
			CHECK(!svm_check_pdpes(p, &env, &r)); /* not present */
			p[i] |= 1;
			CHECK_EQ(!svm_check_pdpes(p, &env, &r), !bad);
			if (bad)
				CHECK_EQ(r.value, p[i]);
		}
	}
}

TEST(nsvm_check_paging)
{
	static const u8 bad_types[] = { 2, 3, 8, 0x10, 0x80, 0xff };

	good();
	host_cr0 = CR0_PE;
	CHECK(blames("nested_ctl"));
	good();
	ctl.ncr3 = BIT(40);
	CHECK(blames("ncr3"));
	ctl.ncr3 = BIT(39) | 0xfff; /* the low bits are ignored */
	CHECK(passes());
	for (u32 i = 0; i < ARRAY_SIZE(bad_types); i++) {
		for (u32 entry = 0; entry < 8; entry++) {
			good();
			vmcb_set_g_pat(&save, (u64)bad_types[i] << (8 * entry));
			CHECK(blames("g_pat"));
			ctl.nested_ctl = 0; /* not looked at */
			CHECK(passes());
		}
	}
	good();
	ctl.ncr3 = BIT(50);
	env.features &= ~(u32)SVM_F_NPT;
	CHECK(passes());
}

TEST(nsvm_check_vnmi)
{
	good();
	ctl.vintr = VINTR_NMI_ENABLE;
	CHECK(blames("intercept_misc1"));
	ctl.icpt[ICPT_MISC1] = BIT(ICPT_NMI % 32);
	CHECK(passes());
	ctl.icpt[ICPT_MISC1] = 0;
	env.features &= ~(u32)SVM_F_VNMI;
	CHECK(passes());
}
