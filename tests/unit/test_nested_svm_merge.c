/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm_merge.c svm/event.c */
#include "core/x86.h"
#include "nested/svm_merge.h"
#include "svm/svm.h"
#include "tests/unit/unit.h"

#define ALL                                                              \
	(SVM_F_NPT | SVM_F_LBRV | SVM_F_NRIPS | SVM_F_VGIF | SVM_F_VLS | \
	 SVM_F_VNMI | SVM_F_DECODE)

static struct vmcb b01, b02, b12;
static struct svm_ctl12 ctl;
static struct svm_l0 l0;

static void randomize(void *p, size_t n)
{
	u8 *b = p;

	while (n--)
		*b++ = (u8)unit_random();
}

static void start(void)
{
	randomize(&b01, sizeof(b01));
	randomize(&b02, sizeof(b02));
	randomize(&b12, sizeof(b12));
	memset(&l0, 0, sizeof(l0));
	l0.features = ALL;
}

static void merge(void)
{
	svm_snapshot(&ctl, &b02, &b12);
	svm_merge_save(&b02, &b12, &b01, &ctl, &l0);
	svm_merge_ctl(&b02, &ctl, &l0);
}

static bool same_seg(const struct vmcb_seg *a, const struct vmcb_seg *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* One line of svm_fields.def: does vmcb02 have what its policy says? */
#define IS_COPY(now, l1, before) CHECK_EQ(now, l1)
#define IS_MERGE(now, l1, before)
#define IS_USE(now, l1, before)
#define IS_NONE(now, l1, before) CHECK_EQ(now, before)
#define IS_LIVE(now, l1, before) CHECK_EQ(now, before)
#define IS_SEG_COPY(l1, before) l1
#define IS_SEG_LIVE(l1, before) before

TEST(nsvm_merge_copies)
{
	static struct vmcb before;

	for (u32 i = 0; i < 200; i++) {
		start();
		before = b02;
		merge();
#define NS_CTL(name, entry, exit) \
	IS_##entry(vmcb_##name(&b02), vmcb_##name(&b12), vmcb_##name(&before));
#define NS_SAVE NS_CTL
#define NS_SEG(name, entry, exit)  \
	CHECK(same_seg(            \
		vmcb_##name(&b02), \
		IS_SEG_##entry(vmcb_##name(&b12), vmcb_##name(&before))));
#include "nested/svm_fields.def"
#undef NS_CTL
	}
}

TEST(nsvm_merge_intercepts)
{
	for (u32 i = 0; i < 200; i++) {
		start();
		vmcb_set_vintr(&b12, 0);
		vmcb_set_virt_ext(&b12, 0);
		randomize(l0.icpt, sizeof(l0.icpt));
		merge();
		for (u32 w = 0; w < ICPT_MISC3; w++)
			CHECK_EQ(vmcb_intercept_word(&b02, w),
				 l0.icpt[w] | vmcb_intercept_word(&b12, w));
	}
}

/* With vGIF for L2, its own CLGI and STGI need not exit to L0. */
/* Intercepts of features that L1 is not offered do nothing. */
TEST(nsvm_merge_reserved_intercepts)
{
	struct svm_ctl12 c = { .icpt[ICPT_MISC3] = ~0u };
	struct svm_l0 l0 = { .icpt[ICPT_MISC3] = 0 };
	static struct vmcb b02;

	svm_merge_ctl(&b02, &c, &l0);
	CHECK_EQ(vmcb_intercept_word(&b02, ICPT_MISC3),
		 1u << (ICPT_INVPCID % 32));
}

TEST(nsvm_merge_vgif)
{
	start();
	for (u32 w = 0; w < NR_ICPT_WORDS; w++)
		vmcb_set_intercept_word(&b12, w, 0);
	vmcb_set_vintr(&b12, VINTR_GIF_ENABLE);
	vmcb_set_nested_ctl(&b12, 0);
	l0.icpt[ICPT_MISC2] = ~0u;
	merge();
	CHECK(!vmcb_intercepted(&b02, ICPT_STGI));
	CHECK(!vmcb_intercepted(&b02, ICPT_CLGI));
	CHECK(vmcb_intercepted(&b02, ICPT_VMLOAD));
	vmcb_set_intercept(&b12, ICPT_STGI, true); /* L1 asks */
	merge();
	CHECK(vmcb_intercepted(&b02, ICPT_STGI));
	l0.features = 0; /* not offered: nothing happens */
	vmcb_set_intercept(&b12, ICPT_STGI, false);
	merge();
	CHECK(vmcb_intercepted(&b02, ICPT_STGI));
	CHECK_EQ(vmcb_vintr(&b02) & VINTR_GIF_ENABLE, 0);
}

/* Bits of the virtual-interrupt word and the feature that brings them (APM 2,
 * Appendix B); all others are nobody's, AVIC's among them. */
static const struct {
	u64 bits;
	u32 feature;
} vintr_bits[] = {
	{ 0xff, 0 },		 /* V_TPR */
	{ 1 << 8, 0 },		 /* V_IRQ */
	{ 1 << 9, SVM_F_VGIF },	 /* V_GIF */
	{ 1 << 11, SVM_F_VNMI }, /* V_NMI */
	{ 1 << 12, SVM_F_VNMI }, /* V_NMI_MASK */
	{ 0xf << 16, 0 },	 /* V_INTR_PRIO */
	{ 1 << 20, 0 },		 /* V_IGN_TPR */
	{ 1 << 24, 0 },		 /* V_INTR_MASKING */
	{ 1 << 25, SVM_F_VGIF }, /* V_GIF_ENABLE */
	{ 1 << 26, SVM_F_VNMI }, /* V_NMI_ENABLE */
	{ 0xffull << 32, 0 },	 /* V_INTR_VECTOR */
};

static u64 vintr_of(u32 features)
{
	u64 m = 0;

	for (u32 i = 0; i < ARRAY_SIZE(vintr_bits); i++)
		if (!(vintr_bits[i].feature & ~features))
			m |= vintr_bits[i].bits;
	return m;
}

static const u32 vintr_features[] = { 0, SVM_F_VGIF, SVM_F_VNMI,
				      SVM_F_VGIF | SVM_F_VNMI,
				      SVM_F_AVIC | SVM_F_X2AVIC };

TEST(nsvm_merge_vintr)
{
	for (u32 i = 0; i < ARRAY_SIZE(vintr_features); i++)
		for (u32 bit = 0; bit < 64; bit++) {
			start();
			l0.features = vintr_features[i];
			vmcb_set_vintr(&b12, BIT(bit));
			merge();
			CHECK_EQ(vmcb_vintr(&b02),
				 BIT(bit) & vintr_of(l0.features));
			vmcb_set_vintr(&b12, ~BIT(bit));
			merge();
			CHECK_EQ(vmcb_vintr(&b02),
				 ~BIT(bit) & vintr_of(l0.features));
		}
}

/* What the processor may change of it, it tells L1; the rest stays L1's. */
TEST(nsvm_sync_vintr_bits)
{
	struct svm_exit12 x = { 0 };

	for (u32 i = 0; i < 4 * ARRAY_SIZE(vintr_features); i++) {
		u64 told = 0x1ff, l1, l2;
		bool vgif = i & 1, vnmi = i & 2;

		start();
		l0.features = vintr_features[i / 4];
		l1 = vmcb_vintr(&b12) & ~(BIT(25) | BIT(26));
		l1 |= vgif * BIT(25) | vnmi * BIT(26);
		vmcb_set_vintr(&b12, l1);
		merge();
		l2 = unit_random();
		vmcb_set_vintr(&b02, l2);
		svm_sync(&b12, &b02, &ctl, &l0, &x);
		if (vgif && l0.features & SVM_F_VGIF)
			told |= BIT(9);
		if (vnmi && l0.features & SVM_F_VNMI)
			told |= BIT(11) | BIT(12);
		CHECK_EQ(vmcb_vintr(&b12), (l1 & ~told) | (l2 & told));
	}
}

/* Which of its features L1 may switch on for L2, and which L0 intercepts that
 * makes needless. */
TEST(nsvm_merge_virt_ext)
{
	for (u32 i = 0; i < 64; i++) {
		bool lbrv = i & 1, vls = i & 2, npt = i & 4, np = i & 8;
		u64 want = 0, l1 = i >> 4;
		bool loads;

		start();
		for (u32 w = 0; w < NR_ICPT_WORDS; w++)
			vmcb_set_intercept_word(&b12, w, 0);
		vmcb_set_vintr(&b12, 0);
		l0.icpt[ICPT_MISC2] = ~0u;
		l0.features =
			lbrv * SVM_F_LBRV | vls * SVM_F_VLS | npt * SVM_F_NPT;
		vmcb_set_nested_ctl(&b12, np * BIT(0));
		vmcb_set_virt_ext(&b12, l1 | ~3ull);
		merge();
		want |= lbrv && l1 & 1 ? BIT(0) : 0;
		loads = vls && npt && np && l1 & 2;
		want |= loads ? BIT(1) : 0;
		CHECK_EQ(vmcb_virt_ext(&b02), want);
		/* VMLOAD is bit 2 there, VMSAVE bit 3 */
		CHECK_EQ(vmcb_intercept_word(&b02, ICPT_MISC2),
			 loads ? ~0xcu : ~0u);
		CHECK_EQ(vmcb_g_pat(&b02), vmcb_g_pat(npt && np ? &b12 : &b01));
	}
}

/* PAUSE counts and thresholds of an L1 that has no such filter do nothing. */
TEST(nsvm_merge_pause_filter)
{
	start();
	l0.features = SVM_F_PAUSEFILTER | SVM_F_PAUSETHRESH;
	merge();
	CHECK_EQ(vmcb_pause_count(&b02), vmcb_pause_count(&b12));
	CHECK_EQ(vmcb_pause_threshold(&b02), vmcb_pause_threshold(&b12));
	l0.features = SVM_F_PAUSEFILTER;
	merge();
	CHECK_EQ(vmcb_pause_count(&b02), vmcb_pause_count(&b12));
	CHECK_EQ(vmcb_pause_threshold(&b02), 0);
	l0.features = 0;
	merge();
	CHECK_EQ(vmcb_pause_count(&b02), 0);
	CHECK_EQ(vmcb_pause_threshold(&b02), 0);
}

TEST(nsvm_merge_vmload)
{
	start();
	for (u32 w = 0; w < NR_ICPT_WORDS; w++)
		vmcb_set_intercept_word(&b12, w, 0);
	vmcb_set_virt_ext(&b12, VIRT_VMLOAD_VMSAVE);
	vmcb_set_nested_ctl(&b12, NESTED_NP);
	l0.icpt[ICPT_MISC2] = ~0u;
	merge();
	CHECK(!vmcb_intercepted(&b02, ICPT_VMLOAD));
	CHECK_EQ(vmcb_virt_ext(&b02), VIRT_VMLOAD_VMSAVE);
	/* L2's addresses would be taken for L1's */
	vmcb_set_nested_ctl(&b12, 0);
	merge();
	CHECK(vmcb_intercepted(&b02, ICPT_VMLOAD));
	CHECK_EQ(vmcb_virt_ext(&b02), 0);
}

TEST(nsvm_merge_others)
{
	start();
	l0.tsc_offset = 1000;
	vmcb_set_tsc_offset(&b12, (u64)-300);
	vmcb_set_vintr(&b12, ~0ull);
	vmcb_set_nested_ctl(&b12, ~0ull);
	vmcb_set_virt_ext(&b12, ~0ull);
	merge();
	CHECK_EQ(vmcb_tsc_offset(&b02), 700);
	CHECK_EQ(vmcb_nested_ctl(&b02), NESTED_NP);
	CHECK_EQ(vmcb_virt_ext(&b02), VIRT_LBR | VIRT_VMLOAD_VMSAVE);
	CHECK_EQ(vmcb_vintr(&b02) & (VINTR_AVIC | VINTR_X2AVIC), 0);
	CHECK_EQ(vmcb_g_pat(&b02), vmcb_g_pat(&b12));
	CHECK_EQ(vmcb_br_from(&b02), vmcb_br_from(&b12));
	vmcb_set_nested_ctl(&b12, 0);
	merge();
	CHECK_EQ(vmcb_g_pat(&b02), vmcb_g_pat(&b01));
	CHECK_EQ(vmcb_nested_ctl(&b02), NESTED_NP);
}

static bool same_lbr(const struct vmcb *a, const struct vmcb *b)
{
	return vmcb_dbgctl(a) == vmcb_dbgctl(b) &&
	       vmcb_br_from(a) == vmcb_br_from(b) &&
	       vmcb_br_to(a) == vmcb_br_to(b) &&
	       vmcb_last_excp_from(a) == vmcb_last_excp_from(b) &&
	       vmcb_last_excp_to(a) == vmcb_last_excp_to(b);
}

/* Loaded and saved where L1 says so and may, else neither. */
TEST(nsvm_lbr)
{
	static struct vmcb before;
	struct svm_exit12 x = { 0 };

	for (u32 i = 0; i < 4; i++) {
		bool on = i == 3;

		start();
		l0.features = i & 1 ? SVM_F_LBRV : 0;
		vmcb_set_virt_ext(&b12, i & 2 ? VIRT_LBR : 0);
		before = b02;
		merge();
		CHECK(same_lbr(&b02, on ? &b12 : &before));
		randomize(&b02, sizeof(b02));
		before = b12;
		svm_sync(&b12, &b02, &ctl, &l0, &x);
		CHECK(same_lbr(&b12, on ? &b02 : &before));
		/* there is no stack */
		CHECK_EQ(vmcb_lbr_select(&b12), vmcb_lbr_select(&before));
		CHECK_EQ(vmcb_dbgextnctl(&b12), vmcb_dbgextnctl(&before));
		CHECK(!memcmp(b12.lbr_stack_, before.lbr_stack_,
			      sizeof(before.lbr_stack_)));
	}
}

/* Shadow stacks: what VMRUN loads and #VMEXIT saves goes both ways; U_CET, the
 * PLn_SSP and ISST of the others are MSRs that stay in the processor. */
TEST(nsvm_shadow_stack_state)
{
	struct svm_exit12 x = { 0 };

	start();
	merge();
	CHECK_EQ(vmcb_s_cet(&b02), vmcb_s_cet(&b12));
	CHECK_EQ(vmcb_ssp(&b02), vmcb_ssp(&b12));
	CHECK_EQ(vmcb_isst(&b02), vmcb_isst(&b12));
	vmcb_set_s_cet(&b02, 11);
	vmcb_set_ssp(&b02, 12);
	vmcb_set_isst(&b02, 13);
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK_EQ(vmcb_s_cet(&b12), 11);
	CHECK_EQ(vmcb_ssp(&b12), 12);
	CHECK_EQ(vmcb_isst(&b12), 13);
}

/* L2's PAT is its own with nested paging; else it is L1's (sync_host). */
TEST(nsvm_sync_pat)
{
	struct svm_exit12 x = { 0 };

	for (u32 i = 0; i < 4; i++) {
		u64 was;

		start();
		l0.features = i & 1 ? SVM_F_NPT : 0;
		vmcb_set_nested_ctl(&b12, i & 2 ? NESTED_NP : 0);
		was = vmcb_g_pat(&b12);
		merge();
		vmcb_set_g_pat(&b02, 77);
		svm_sync(&b12, &b02, &ctl, &l0, &x);
		CHECK_EQ(vmcb_g_pat(&b12), i == 3 ? 77 : was);
		svm_sync_host(&b01, &b02, &ctl, &l0);
		CHECK_EQ(vmcb_g_pat(&b01) == 77, i != 3);
	}
}

/* LBR virtualization switches the LBR stack, too, where there is one. */
TEST(nsvm_lbr_stack)
{
	struct svm_exit12 x = { 0 };

	start();
	vmcb_set_virt_ext(&b12, VIRT_LBR);
	merge();
	CHECK(memcmp(b02.lbr_stack_, b12.lbr_stack_, sizeof(b02.lbr_stack_)));
	CHECK(vmcb_lbr_select(&b02) != vmcb_lbr_select(&b12));
	l0.lbr_stack = true;
	merge();
	CHECK(!memcmp(b02.lbr_stack_, b12.lbr_stack_, sizeof(b02.lbr_stack_)));
	CHECK_EQ(vmcb_lbr_select(&b02), vmcb_lbr_select(&b12));
	CHECK_EQ(vmcb_dbgextnctl(&b02), vmcb_dbgextnctl(&b12));
	randomize(b02.lbr_stack_, sizeof(b02.lbr_stack_));
	vmcb_set_lbr_select(&b02, 5);
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK(!memcmp(b02.lbr_stack_, b12.lbr_stack_, sizeof(b02.lbr_stack_)));
	CHECK_EQ(vmcb_lbr_select(&b12), 5);
}

/* What was copied is judged and used: later writes of L1's do not count. */
TEST(nsvm_snapshot_is_final)
{
	start();
	svm_snapshot(&ctl, &b02, &b12);
	u64 event = vmcb_eventinj(&b12);
	u32 word = vmcb_intercept_word(&b12, ICPT_MISC2);

	vmcb_set_eventinj(&b12, ~event);
	vmcb_set_intercept_word(&b12, ICPT_MISC2, ~word);
	l0.features = 0;
	svm_merge_ctl(&b02, &ctl, &l0);
	CHECK_EQ(vmcb_eventinj(&b02), event);
	CHECK_EQ(vmcb_intercept_word(&b02, ICPT_MISC2), word);
}

#define SYNC_SAVE(a, now, before) CHECK_EQ(a, now)
#define SYNC_KEEP(a, now, before) CHECK_EQ(a, before)
#define SYNC_MAKE(a, now, before)
#define SYNC_SEG_SAVE(now, before) now
#define SYNC_SEG_KEEP(now, before) before

TEST(nsvm_sync_fields)
{
	static struct vmcb before;
	struct svm_exit12 x = { 1, 2, 3, 4, 5, false };

	for (u32 i = 0; i < 200; i++) {
		start();
		merge();
		randomize(&b02, sizeof(b02));
		before = b12;
		svm_sync(&b12, &b02, &ctl, &l0, &x);
#define NS_CTL(name, entry, exit) \
	SYNC_##exit(vmcb_##name(&b12), vmcb_##name(&b02), vmcb_##name(&before));
#define NS_SAVE NS_CTL
#define NS_SEG(name, entry, exit)  \
	CHECK(same_seg(            \
		vmcb_##name(&b12), \
		SYNC_SEG_##exit(vmcb_##name(&b02), vmcb_##name(&before))));
#include "nested/svm_fields.def"
#undef NS_CTL
		CHECK_EQ(vmcb_exitcode(&b12), 1);
		CHECK_EQ(vmcb_exitinfo1(&b12), 2);
		CHECK_EQ(vmcb_exitinfo2(&b12), 3);
		CHECK_EQ(vmcb_exitintinfo(&b12), 4);
		CHECK_EQ(vmcb_nrip(&b12), 5);
		CHECK_EQ(vmcb_eventinj(&b12), 0);
		for (u32 w = 0; w < NR_ICPT_WORDS; w++)
			CHECK_EQ(vmcb_intercept_word(&b12, w),
				 vmcb_intercept_word(&before, w));
	}
}

TEST(nsvm_sync_vintr)
{
	struct svm_exit12 x = { 0 };
	const u64 l1 = VINTR_IRQ | 5 | VINTR_MASKING | 0x2020ull << 32 |
		       0xffff0000000000ull;

	start();
	vmcb_set_vintr(&b12, l1);
	merge();
	vmcb_set_vintr(&b02, 9 | VINTR_GIF | VINTR_NMI_PENDING);
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK_EQ(vmcb_vintr(&b12), (l1 & ~(VINTR_IRQ | VINTR_TPR)) | 9);
	/* with vGIF and vNMI on, those bits are the processor's, too */
	vmcb_set_vintr(&b12, l1 | VINTR_GIF_ENABLE | VINTR_NMI_ENABLE);
	merge();
	vmcb_set_vintr(&b02, VINTR_GIF | VINTR_NMI_PENDING | VINTR_NMI_MASK);
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK_EQ(vmcb_vintr(&b12), (l1 & ~(VINTR_IRQ | VINTR_TPR)) |
					   VINTR_GIF_ENABLE | VINTR_NMI_ENABLE |
					   VINTR_GIF | VINTR_NMI_PENDING |
					   VINTR_NMI_MASK);
}

/* What L1 has no nRIP save for must not depend on what stands in the field. */
TEST(nsvm_merge_nrip)
{
	start();
	merge();
	CHECK_EQ(vmcb_nrip(&b02), vmcb_nrip(&b12));
	/* an exit has reset it: a redelivery has what the entry had */
	vmcb_set_nrip(&b02, 0);
	CHECK_EQ(svm_entry_nrip(&b02, &ctl, &l0), vmcb_nrip(&b12));
	l0.features &= ~(u32)SVM_F_NRIPS;
	merge();
	CHECK_EQ(vmcb_nrip(&b02), vmcb_rip(&b12));
	CHECK_EQ(svm_entry_nrip(&b02, &ctl, &l0), vmcb_rip(&b12));
}

/* Features that are taken away leave the fields of vmcb12 alone. */
TEST(nsvm_sync_without_features)
{
	static struct vmcb before;
	struct svm_exit12 x = { 1, 2, 3, 4, 5, false };

	start();
	l0.features = SVM_F_NPT;
	merge();
	randomize(&b02, sizeof(b02));
	before = b12;
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK_EQ(vmcb_nrip(&b12), vmcb_nrip(&before));
	CHECK_EQ(vmcb_insn_len(&b12), vmcb_insn_len(&before));
	CHECK(!memcmp(vmcb_insn_bytes(&b12), vmcb_insn_bytes(&before), 15));
	CHECK_EQ(vmcb_br_from(&b12), vmcb_br_from(&before));
	CHECK_EQ(vmcb_dbgctl(&b12), vmcb_dbgctl(&before));
	CHECK_EQ(vmcb_clean(&b12), vmcb_clean(&before));
	l0.features = ALL;
	x.insn = true;
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK_EQ(vmcb_insn_len(&b12), vmcb_insn_len(&b02));
	CHECK(!memcmp(vmcb_insn_bytes(&b12), vmcb_insn_bytes(&b02), 15));
	/* an exit of L0's making has none */
	x.insn = false;
	svm_sync(&b12, &b02, &ctl, &l0, &x);
	CHECK_EQ(vmcb_insn_len(&b12), 0);
	for (u32 i = 0; i < 15; i++)
		CHECK_EQ(vmcb_insn_bytes(&b12)[i], 0);
}

/* What L1 finds in its registers after #VMEXIT; without nested paging there is
 * one PAT. */
TEST(nsvm_sync_host)
{
	static struct vmcb before;

	start();
	vmcb_set_nested_ctl(&b12, NESTED_NP);
	merge();
	CHECK_EQ(vmcb_spec_ctrl(&b02), vmcb_spec_ctrl(&b01));
	vmcb_set_spec_ctrl(&b02, 0x1234); /* L2 writes it */
	before = b01;
	svm_sync_host(&b01, &b02, &ctl, &l0);
	CHECK_EQ(vmcb_dr6(&b01), vmcb_dr6(&b02));
	CHECK_EQ(vmcb_cr2(&b01), vmcb_cr2(&b02));
	CHECK_EQ(vmcb_spec_ctrl(&b01), vmcb_spec_ctrl(&b02));
	CHECK_EQ(vmcb_g_pat(&b01), vmcb_g_pat(&before));
	CHECK_EQ(vmcb_cr0(&b01), vmcb_cr0(&before));
	vmcb_set_nested_ctl(&b12, 0);
	merge();
	vmcb_set_g_pat(&b02, 0x0001040600070406); /* L2 writes it */
	svm_sync_host(&b01, &b02, &ctl, &l0);
	CHECK_EQ(vmcb_g_pat(&b01), 0x0001040600070406);
}

static void check_doc_line(const char *doc, u32 at, const char *name,
			   const char *entry, const char *exit)
{
	char line[100];

	snprintf(line, sizeof(line), "\n| %03x | %s | %s | %s |", at, name,
		 entry, exit);
	if (!strstr(doc, line))
		printf("docs/nested-svm.md lacks:%s\n", line);
	CHECK(strstr(doc, line));
}

/* docs/nested-svm.md has a line for each field, saying the same. */
TEST(nsvm_fields_documented)
{
	static char doc[64 * 1024];
	FILE *f = fopen("docs/nested-svm.md", "r");

	CHECK(f);
	if (!f)
		return;
	CHECK(fread(doc, 1, sizeof(doc) - 1, f) > 0);
	fclose(f);
#define NS_CTL(name, entry, exit)                                          \
	check_doc_line(doc, offsetof(struct vmcb, name##_), #name, #entry, \
		       #exit);
#define NS_SAVE NS_CTL
#define NS_SEG NS_CTL
#include "nested/svm_fields.def"
#undef NS_CTL
}

TEST(nsvm_redeliver)
{
	const u64 pf = EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_PF | 7ull << 32;
	const u64 sw = EVINJ_V | EVINJ_SOFT | 0x80;
	const u64 bp = EVINJ_V | EVINJ_EXC | VEC_BP;

	CHECK_EQ(svm_redeliver(0, 0), 0);
	CHECK_EQ(svm_redeliver(pf & ~EVINJ_V, 0), 0);
	CHECK_EQ(svm_redeliver(pf, 0), pf);
	CHECK_EQ(svm_redeliver(EVINJ_V | EVINJ_EXTINT | 0x30, 0),
		 EVINJ_V | EVINJ_EXTINT | 0x30);
	CHECK_EQ(svm_redeliver(EVINJ_V | EVINJ_NMI | 2, 0),
		 EVINJ_V | EVINJ_NMI | 2);
	/* the guest's own INT n and INT3 are executed again */
	CHECK_EQ(svm_redeliver(sw, 0), 0);
	CHECK_EQ(svm_redeliver(bp, 0), 0);
	CHECK_EQ(svm_redeliver(sw, sw ^ 1), 0);
	/* L1's are not in the guest's code */
	CHECK_EQ(svm_redeliver(sw, sw), sw);
	CHECK_EQ(svm_redeliver(bp, bp), bp);
}
