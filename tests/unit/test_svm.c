/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: svm/event.c svm/perm.c core/icr.c svm/dump.c core/bits.c */
#include "tests/unit/unit.h"

#include "core/icr.h"
#include "core/x86.h"
#include "svm/svm.h"

const struct nested_ops *svm_nested;
void svm_dump(struct vcpu *v);

/* Offsets written down once more, from the manual's table and not from
 * svm/vmcb.def. */
static const struct {
	const char *name;
	u32 offset;
	size_t here;
} offsets[] = {
#define AT(o, m)                                   \
	{                                          \
#m, o, offsetof(struct vmcb, m##_) \
	}
	AT(0x000, intercept),
	AT(0x03e, pause_count),
	AT(0x040, iopm),
	AT(0x048, msrpm),
	AT(0x050, tsc_offset),
	AT(0x058, asid),
	AT(0x05c, tlb_control),
	AT(0x060, vintr),
	AT(0x068, int_state),
	AT(0x070, exitcode),
	AT(0x078, exitinfo1),
	AT(0x080, exitinfo2),
	AT(0x088, exitintinfo),
	AT(0x090, nested_ctl),
	AT(0x0a8, eventinj),
	AT(0x0b0, ncr3),
	AT(0x0b8, virt_ext),
	AT(0x0c0, clean),
	AT(0x0c8, nrip),
	AT(0x0d0, insn_len),
	AT(0x0d1, insn_bytes),
	AT(0x0e0, avic_backing),
	AT(0x400, es),
	AT(0x410, cs),
	AT(0x420, ss),
	AT(0x430, ds),
	AT(0x440, fs),
	AT(0x450, gs),
	AT(0x460, gdtr),
	AT(0x470, ldtr),
	AT(0x480, idtr),
	AT(0x490, tr),
	AT(0x400 + 0x0cb, cpl),
	AT(0x400 + 0x0d0, efer),
	AT(0x400 + 0x148, cr4),
	AT(0x400 + 0x150, cr3),
	AT(0x400 + 0x158, cr0),
	AT(0x400 + 0x160, dr7),
	AT(0x400 + 0x168, dr6),
	AT(0x400 + 0x170, rflags),
	AT(0x400 + 0x178, rip),
	AT(0x400 + 0x1d8, rsp),
	AT(0x400 + 0x1f8, rax),
	AT(0x400 + 0x200, star),
	AT(0x400 + 0x208, lstar),
	AT(0x400 + 0x210, cstar),
	AT(0x400 + 0x218, sfmask),
	AT(0x400 + 0x220, kernel_gs_base),
	AT(0x400 + 0x228, sysenter_cs),
	AT(0x400 + 0x230, sysenter_esp),
	AT(0x400 + 0x238, sysenter_eip),
	AT(0x400 + 0x240, cr2),
	AT(0x400 + 0x268, g_pat),
	AT(0x400 + 0x270, dbgctl),
	AT(0x400 + 0x278, br_from),
	AT(0x400 + 0x280, br_to),
	AT(0x400 + 0x288, last_excp_from),
	AT(0x400 + 0x290, last_excp_to),
	AT(0x098, avic_bar),
	AT(0x0a0, ghcb),
	AT(0x0f0, avic_logical),
	AT(0x0f8, avic_physical),
	AT(0x108, vmsa),
	AT(0x03c, pause_threshold),
	AT(0x400 + 0x1e0, s_cet),
	AT(0x400 + 0x1e8, ssp),
	AT(0x400 + 0x1f0, isst),
	AT(0x400 + 0x298, dbgextnctl),
	AT(0x400 + 0x2e0, spec_ctrl),
	AT(0x400 + 0x670, lbr_stack),
	AT(0x400 + 0x770, lbr_select),
};

TEST(vmcb_offsets)
{
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		if (offsets[i].here != offsets[i].offset)
			printf("%s\n", offsets[i].name);
		CHECK_EQ(offsets[i].here, offsets[i].offset);
	}
}

/*
 * The clean bit of each field, from the manual's table and not from
 * svm/vmcb.def (APM 2, VMCB Clean Field); those that are not listed are always
 * read, or only written.
 */
static const struct {
	u32 from, to; /* offsets, both included */
	u32 bit;
} clean_ranges[] = {
	{ 0x000, 0x014, 0 },  /* intercepts */
	{ 0x03c, 0x03e, 0 },  /* PAUSE filter */
	{ 0x040, 0x048, 1 },  /* IOPM, MSRPM */
	{ 0x050, 0x050, 0 },  /* TSC offset */
	{ 0x058, 0x058, 2 },  /* ASID */
	{ 0x060, 0x060, 3 },  /* V_TPR ... */
	{ 0x090, 0x090, 4 },  /* NP_ENABLE */
	{ 0x098, 0x098, 11 }, /* AVIC_BAR */
	{ 0x0b0, 0x0b0, 4 },  /* nCR3 */
	{ 0x0e0, 0x0f8, 11 }, /* AVIC's tables */
	{ 0x400, 0x430, 8 },  /* ES, CS, SS, DS */
	{ 0x460, 0x460, 7 },  /* GDTR */
	{ 0x480, 0x480, 7 },  /* IDTR */
	{ 0x4cb, 0x4cb, 8 },  /* CPL */
	{ 0x4d0, 0x4d0, 5 },  /* EFER */
	{ 0x548, 0x558, 5 },  /* CR4, CR3, CR0 */
	{ 0x560, 0x568, 6 },  /* DR7, DR6 */
	{ 0x5e0, 0x5f0, 12 }, /* S_CET, SSP, ISST_ADDR */
	{ 0x640, 0x640, 9 },  /* CR2 */
	{ 0x668, 0x668, 4 },  /* G_PAT */
	{ 0x670, 0x698, 10 }, /* DBGCTL, last branches, DBGEXTNCTL */
	{ 0xa70, 0xb70, 10 }, /* the LBR stack, LBR_SELECT */
};

static u64 clean_after(u32 offset)
{
	u64 clean = BITS(12, 0);

	for (u32 i = 0; i < ARRAY_SIZE(clean_ranges); i++)
		if (offset >= clean_ranges[i].from &&
		    offset <= clean_ranges[i].to)
			clean &= ~BIT(clean_ranges[i].bit);
	return clean;
}

TEST(vmcb_clean_bits_of_all_fields)
{
	static struct vmcb b, other;

#define VMCB_FIELD(name, type, offset, c)                      \
	if (offset != 0x0c0) {                                 \
		vmcb_set_clean(&b, CLEAN_ALL);                 \
		vmcb_set_##name(&b, 1);                        \
		CHECK_EQ(vmcb_clean(&b), clean_after(offset)); \
	}
#define VMCB_SEG(name, offset, c)                 \
	vmcb_set_clean(&b, CLEAN_ALL);            \
	vmcb_set_##name(&b, vmcb_##name(&other)); \
	CHECK_EQ(vmcb_clean(&b), clean_after(offset));
#include "svm/vmcb.def"
	for (u32 w = 0; w < NR_ICPT_WORDS; w++) {
		vmcb_set_clean(&b, CLEAN_ALL);
		vmcb_set_intercept_word(&b, w, 1);
		CHECK_EQ(vmcb_clean(&b), clean_after(4 * w));
	}
	vmcb_set_clean(&b, CLEAN_ALL);
	vmcb_copy_lbr_stack(&b, &other);
	CHECK_EQ(vmcb_clean(&b), clean_after(0xa70));
}

TEST(vmcb_clean_bits)
{
	static struct vmcb b;
	struct vmcb_seg s = { .sel = 8 };

#define CLEARS(call, bit)                                          \
	do {                                                       \
		vmcb_set_clean(&b, CLEAN_ALL);                     \
		call;                                              \
		CHECK_EQ(vmcb_clean(&b), CLEAN_ALL & ~(u64)(bit)); \
	} while (0)
	CLEARS(vmcb_set_intercept(&b, ICPT_CPUID, true), CLEAN_I);
	CLEARS(vmcb_set_tsc_offset(&b, 1), CLEAN_I);
	CLEARS(vmcb_set_msrpm(&b, 1), CLEAN_IOPM);
	CLEARS(vmcb_set_asid(&b, 1), CLEAN_ASID);
	CLEARS(vmcb_set_vintr(&b, 1), CLEAN_TPR);
	CLEARS(vmcb_set_ncr3(&b, 1), CLEAN_NP);
	CLEARS(vmcb_set_g_pat(&b, 1), CLEAN_NP);
	CLEARS(vmcb_set_cr3(&b, 1), CLEAN_CR);
	CLEARS(vmcb_set_efer(&b, 1), CLEAN_CR);
	CLEARS(vmcb_set_dr7(&b, 1), CLEAN_DR);
	CLEARS(vmcb_set_idtr(&b, &s), CLEAN_DT);
	CLEARS(vmcb_set_cs(&b, &s), CLEAN_SEG);
	CLEARS(vmcb_set_cpl(&b, 1), CLEAN_SEG);
	CLEARS(vmcb_set_cr2(&b, 1), CLEAN_CR2);
	CLEARS(vmcb_set_dbgctl(&b, 1), CLEAN_LBR);
	CLEARS(vmcb_set_rip(&b, 1), 0);
	CLEARS(vmcb_set_rflags(&b, 1), 0);
	CLEARS(vmcb_set_eventinj(&b, 1), 0);
	CLEARS(vmcb_set_tlb_control(&b, 1), 0);
	CLEARS(vmcb_set_fs(&b, &s), 0);
}

TEST(vmcb_intercepts)
{
	static struct vmcb b;

	vmcb_set_intercept(&b, ICPT_CPUID, true);
	CHECK_EQ(vmcb_intercept_word(&b, ICPT_MISC1), 1u << 18);
	CHECK(vmcb_intercepted(&b, VMEXIT_CPUID));
	vmcb_set_intercept(&b, ICPT_VMRUN, true);
	vmcb_set_intercept(&b, ICPT_XSETBV, true);
	CHECK_EQ(vmcb_intercept_word(&b, ICPT_MISC2), 1u << 13 | 1);
	vmcb_set_intercept(&b, ICPT_CPUID, false);
	CHECK(!vmcb_intercepted(&b, VMEXIT_CPUID));
	vmcb_set_intercept(&b, ICPT_CR4_WRITE, true);
	CHECK_EQ(vmcb_intercept_word(&b, ICPT_CR), 1u << 20);
	vmcb_set_intercept(&b, ICPT_EXC0 + 14, true);
	CHECK_EQ(vmcb_intercept_word(&b, ICPT_EXC), 1u << 14);
	vmcb_set_intercept(&b, ICPT_INVPCID, true);
	CHECK_EQ(vmcb_intercept_word(&b, ICPT_MISC3), 1u << 2);
}

TEST(exit_names)
{
	static const struct {
		u32 code;
		const char *name;
	} known[] = {
		{ 0x00, "CR_READ_0" }, { 0x18, "CR_WRITE_8" },
		{ 0x27, "DR_READ_7" }, { 0x30, "DR_WRITE_0" },
		{ 0x4e, "EXC_PF" },    { 0x41, "EXC_DB" },
		{ 0x5e, "EXC_SX" },    { 0x60, "INTR" },
		{ 0x61, "NMI" },       { 0x63, "INIT" },
		{ 0x64, "VINTR" },     { 0x72, "CPUID" },
		{ 0x74, "IRET" },      { 0x78, "HLT" },
		{ 0x7b, "IOIO" },      { 0x7c, "MSR" },
		{ 0x7f, "SHUTDOWN" },  { 0x80, "VMRUN" },
		{ 0x87, "RDTSCP" },    { 0x8d, "XSETBV" },
		{ 0xa2, "INVPCID" },   { 0x400, "NPF" },
		{ 0xf0, "NPF" },       { 0xffffffff, "INVALID" },
		{ 0xb5, "unknown" },   { 0x1000, "unknown" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		CHECK(!strcmp(svm_exit_name(known[i].code), known[i].name));
	CHECK_EQ(svm_stat_slot(VMEXIT_CPUID), 0x72);
	CHECK_EQ(svm_stat_slot(VMEXIT_NPF), 0xf0);
	CHECK_EQ(svm_stat_slot(VMEXIT_INVALID), 255);
	CHECK_EQ(svm_stat_slot(0xf5), 255);
}

TEST(msrpm_bits)
{
	/* byte offsets of the vectors in the manual's table */
	CHECK_EQ(svm_msrpm_bit(0), 0);
	CHECK_EQ(svm_msrpm_bit(0x1fff), 0x7ff * 8 + 6);
	CHECK_EQ(svm_msrpm_bit(0xc0000000), 0x800 * 8);
	CHECK_EQ(svm_msrpm_bit(0xc0000080), 0x820 * 8);
	CHECK_EQ(svm_msrpm_bit(0xc0001fff), 0xfff * 8 + 6);
	CHECK_EQ(svm_msrpm_bit(0xc0010000), 0x1000 * 8);
	CHECK_EQ(svm_msrpm_bit(0xc0011fff), 0x17ff * 8 + 6);
	CHECK_EQ(svm_msrpm_bit(0x2000), -1);
	CHECK_EQ(svm_msrpm_bit(0xbfffffff), -1);
	CHECK_EQ(svm_msrpm_bit(0xc0002000), -1);
	CHECK_EQ(svm_msrpm_bit(0xc0012000), -1);
	CHECK_EQ(svm_msrpm_bit(0xffffffff), -1);
}

TEST(msrpm_set)
{
	static u8 map[8192], zero[8192];

	svm_msrpm_set(map, 0xc0000081, false, true);
	CHECK_EQ(map[0x820], 0x08);
	CHECK(svm_msrpm_hit(map, 0xc0000081, true));
	CHECK(!svm_msrpm_hit(map, 0xc0000081, false));
	CHECK(!svm_msrpm_hit(map, 0xc0000080, true));
	CHECK(!svm_msrpm_hit(map, 0xc0000082, false));
	svm_msrpm_set(map, 0xc0000081, true, false);
	CHECK_EQ(map[0x820], 0x04);
	svm_msrpm_set(map, 0xc0000081, false, false);
	svm_msrpm_set(map, 0, true, false);
	CHECK_EQ(map[0], 0x01);
	CHECK(svm_msrpm_hit(map, 0, false));
	CHECK(!svm_msrpm_hit(map, 0, true));
	svm_msrpm_set(map, 0, false, false);
	CHECK(!svm_msrpm_hit(map, 0, false));
	svm_msrpm_set(map, 0x2000, true, true); /* not covered: nothing */
	CHECK(!memcmp(map, zero, sizeof(map)));
	CHECK(svm_msrpm_hit(map, 0x2000, false));
}

TEST(iopm)
{
	static u8 map[3 * 4096];

	svm_iopm_set(map, 0x3f8, 8, true);
	CHECK_EQ(map[0x7f], 0xff);
	CHECK(!svm_iopm_hit(map, 0x3f7, 1));
	CHECK(svm_iopm_hit(map, 0x3f7, 2));
	CHECK(svm_iopm_hit(map, 0x3f5, 4));
	CHECK(!svm_iopm_hit(map, 0x3f4, 4));
	CHECK(svm_iopm_hit(map, 0x3ff, 1));
	CHECK(!svm_iopm_hit(map, 0x400, 4));
	svm_iopm_set(map, 0x3f8, 7, false);
	CHECK_EQ(map[0x7f], 0x80);
	svm_iopm_set(map, 0xfff, 5, true);
	svm_iopm_set(map, 0x1001, 1, false);
	CHECK_EQ(map[0x1ff], 0x80);
	CHECK_EQ(map[0x200], 0x0d);
	svm_iopm_set(map, 0xfff, 5, false);
	/* the last port, and no bit behind it */
	svm_iopm_set(map, 0xfffe, 5, true);
	CHECK_EQ(map[0x1fff], 0xc0);
	CHECK_EQ(map[0x2000], 0);
	svm_iopm_set(map, 0xfffe, 2, false);
	/* an access that goes past the last port looks at the bits behind */
	CHECK(!svm_iopm_hit(map, 0xffff, 4));
	map[0x2000] = 1;
	CHECK(svm_iopm_hit(map, 0xffff, 2));
	CHECK(!svm_iopm_hit(map, 0xffff, 1));
}

TEST(icr_kinds)
{
	CHECK_EQ(icr_kind(0x000040fe), ICR_OTHER);
	CHECK_EQ(icr_kind(0x00000400), ICR_OTHER); /* NMI */
	CHECK_EQ(icr_kind(0x00004500), ICR_INIT);
	CHECK_EQ(icr_kind(0x0000c500), ICR_INIT);
	CHECK_EQ(icr_kind(0x00000500), ICR_INIT); /* edge */
	CHECK_EQ(icr_kind(0x00008500), ICR_INIT_DEASSERT);
	CHECK_EQ(icr_kind(0x00004608), ICR_SIPI);
	CHECK_EQ(icr_kind(0x000c4608), ICR_SIPI);
}

TEST(icr_physical)
{
	struct icr_cpu c = { .id = 3 };
	struct icr_cpu big = { .id = 0x12345 };

	CHECK(icr_reaches(0x4500, 3, false, false, &c));
	CHECK(!icr_reaches(0x4500, 2, false, false, &c));
	CHECK(icr_reaches(0x4500, 0xff, false, false, &c));
	CHECK(!icr_reaches(0x4500, 0xff, true, false, &c));
	CHECK(icr_reaches(0x4500, 0xffffffff, true, false, &c));
	CHECK(icr_reaches(0x4500, 0x12345, true, false, &big));
	CHECK(!icr_reaches(0x4500, 0x45, true, false, &big));
}

TEST(icr_shorthands)
{
	struct icr_cpu c = { .id = 3 };

	CHECK(icr_reaches(0x44500, 9, false, true, &c)); /* self */
	CHECK(!icr_reaches(0x44500, 3, false, false, &c));
	CHECK(icr_reaches(0x84500, 9, false, true, &c)); /* all */
	CHECK(icr_reaches(0x84500, 9, false, false, &c));
	CHECK(!icr_reaches(0xc4500, 3, false, true, &c)); /* others */
	CHECK(icr_reaches(0xc4500, 9, false, false, &c));
}

TEST(icr_logical)
{
	struct icr_cpu flat = { .ldr = 0x04000000, .dfr = 0xffffffff };
	struct icr_cpu clus = { .ldr = 0x24000000, .dfr = 0x0fffffff };
	struct icr_cpu x2 = { .id = 0x35 };

	CHECK(icr_reaches(0x4d00, 0x06, false, false, &flat));
	CHECK(!icr_reaches(0x4d00, 0x03, false, false, &flat));
	CHECK(icr_reaches(0x4d00, 0x24, false, false, &clus));
	CHECK(icr_reaches(0x4d00, 0xf4, false, false, &clus));
	CHECK(!icr_reaches(0x4d00, 0x14, false, false, &clus));
	CHECK(!icr_reaches(0x4d00, 0x21, false, false, &clus));
	CHECK(icr_reaches(
		0x4d00, 0x21, false, false,
		&(struct icr_cpu){ .ldr = 0x21000000, .dfr = 0x0fffffff }));
	/* DFR's other bits are ones, or not there */
	CHECK(!icr_reaches(0x4d00, 0x14, false, false,
			   &(struct icr_cpu){ .ldr = 0x24000000, .dfr = 0 }));
	CHECK(icr_reaches(0x4d00, 0x00030001, true, false,
			  &(struct icr_cpu){ .id = 0x30 }));
	CHECK(icr_reaches(0x4d00, 0x00038000, true, false,
			  &(struct icr_cpu){ .id = 0x3f }));
	/* all of them, logical or not */
	CHECK(icr_reaches(0x4d00, 0xffffffff, true, false, &x2));
	CHECK(icr_reaches(0x4d00, 0x00030020, true, false, &x2));
	CHECK(!icr_reaches(0x4d00, 0x00030010, true, false, &x2));
	CHECK(!icr_reaches(0x4d00, 0x00020020, true, false, &x2));
}

/* Table "Simultaneous Exceptions" of #DF: benign ones go one after the other. */
TEST(svm_combine_exceptions)
{
	static const u8 contributory[] = { VEC_DE, VEC_TS, VEC_NP,
					   VEC_SS, VEC_GP, VEC_CP };
	static const u8 benign[] = { VEC_DB, VEC_BP, VEC_UD, VEC_NM,
				     VEC_MF, VEC_AC, VEC_MC, VEC_XM };
	const u64 exc = EVINJ_V | EVINJ_EXC;
	const u64 df = exc | EVINJ_EV | VEC_DF;
	const u64 pf = exc | EVINJ_EV | VEC_PF | 2ull << 32;

	for (u32 i = 0; i < ARRAY_SIZE(contributory); i++) {
		u64 a = exc | contributory[i];

		CHECK_EQ(svm_combine(0, a), a);
		CHECK_EQ(svm_combine(a & ~EVINJ_V, pf), pf);
		CHECK_EQ(svm_combine(a, pf), pf);
		CHECK_EQ(svm_combine(pf, a), df);
		CHECK_EQ(svm_combine(df, a), 0);
		CHECK_EQ(svm_combine(EVINJ_V | EVINJ_EXTINT | VEC_GP, a), a);
		CHECK_EQ(svm_combine(EVINJ_V | EVINJ_SOFT | VEC_GP, a), a);
		CHECK_EQ(svm_combine(EVINJ_V | EVINJ_NMI | VEC_NMI, a), a);
		for (u32 k = 0; k < ARRAY_SIZE(contributory); k++)
			CHECK_EQ(svm_combine(a, exc | contributory[k]), df);
		for (u32 k = 0; k < ARRAY_SIZE(benign); k++) {
			CHECK_EQ(svm_combine(a, exc | benign[k]),
				 exc | benign[k]);
			CHECK_EQ(svm_combine(exc | benign[k], a), a);
		}
	}
	CHECK_EQ(svm_combine(pf, pf), df);
	CHECK_EQ(svm_combine(df, pf), 0);
	CHECK_EQ(svm_combine(df, exc | VEC_DB), exc | VEC_DB);
}

TEST(svm_nrip_exits)
{
	u32 n = 0;

	for (u64 code = 0; code < 0xa8; code++)
		n += svm_saves_nrip(code);
	/* CRs, DRs, 3 exceptions, 65-7c, 80-8e, a0-a4 */
	CHECK_EQ(n, 32 + 32 + 3 + 0x18 + 0xf + 5);
	CHECK(svm_saves_nrip(VMEXIT_VMMCALL));
	CHECK(svm_saves_nrip(VMEXIT_IOIO));
	CHECK(svm_saves_nrip(VMEXIT_EXC + VEC_BP));
	CHECK(!svm_saves_nrip(VMEXIT_EXC + VEC_PF));
	CHECK(!svm_saves_nrip(VMEXIT_INTR));
	CHECK(!svm_saves_nrip(VMEXIT_VINTR));
	CHECK(!svm_saves_nrip(VMEXIT_TASK_SWITCH));
	CHECK(!svm_saves_nrip(VMEXIT_SHUTDOWN));
	CHECK(!svm_saves_nrip(VMEXIT_NPF));
}

/* In real mode no exception pushes an error code. */
TEST(svm_error_codes)
{
	CHECK_EQ(svm_exc_event(CR0_PE, VEC_GP, 0x12),
		 EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_GP | 0x12ull << 32);
	CHECK_EQ(svm_exc_event(CR0_PE | CR0_PG, VEC_SX, 1),
		 EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_SX | 1ull << 32);
	CHECK_EQ(svm_exc_event(0, VEC_GP, 0x12), EVINJ_V | EVINJ_EXC | VEC_GP);
	/* paged real mode is real mode */
	CHECK_EQ(svm_exc_event(CR0_PG, VEC_PF, 4),
		 EVINJ_V | EVINJ_EXC | VEC_PF);
}

TEST(svm_soft_events)
{
	CHECK(svm_soft_event(EVINJ_V | EVINJ_SOFT | 0x80));
	CHECK(svm_soft_event(EVINJ_V | EVINJ_EXC | VEC_BP));
	CHECK(svm_soft_event(EVINJ_V | EVINJ_EXC | VEC_OF));
	CHECK(!svm_soft_event(EVINJ_V | EVINJ_EXC | VEC_UD));
	CHECK(!svm_soft_event(EVINJ_V | EVINJ_EXTINT | VEC_BP));
	CHECK(!svm_soft_event(EVINJ_SOFT | 0x80));
}
