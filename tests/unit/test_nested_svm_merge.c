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
#define IS_COPY(a, b) CHECK_EQ(a, b)
#define IS_MERGE(a, b)
#define IS_USE(a, b)
#define IS_NONE(a, b)
#define IS_LIVE(a, b)

TEST(nsvm_merge_copies)
{
	for (u32 i = 0; i < 200; i++) {
		start();
		merge();
#define NS_CTL(name, entry, exit) \
	IS_##entry(vmcb_##name(&b02), vmcb_##name(&b12));
#define NS_SAVE NS_CTL
#define NS_SEG(name, entry, exit) \
	IS_##entry(same_seg(vmcb_##name(&b02), vmcb_##name(&b12)), true);
#include "nested/svm_fields.def"
#undef NS_CTL
	}
}

/* The processor keeps these; vmcb02's copy must stay as it was. */
TEST(nsvm_merge_leaves_live_state)
{
	static struct vmcb before;

	start();
	before = b02;
	merge();
	CHECK(same_seg(vmcb_fs(&b02), vmcb_fs(&before)));
	CHECK(same_seg(vmcb_gs(&b02), vmcb_gs(&before)));
	CHECK(same_seg(vmcb_tr(&b02), vmcb_tr(&before)));
	CHECK(same_seg(vmcb_ldtr(&b02), vmcb_ldtr(&before)));
	CHECK_EQ(vmcb_kernel_gs_base(&b02), vmcb_kernel_gs_base(&before));
	CHECK_EQ(vmcb_star(&b02), vmcb_star(&before));
	CHECK_EQ(vmcb_sysenter_eip(&b02), vmcb_sysenter_eip(&before));
}

TEST(nsvm_merge_intercepts)
{
	for (u32 i = 0; i < 200; i++) {
		start();
		vmcb_set_vintr(&b12, 0);
		vmcb_set_virt_ext(&b12, 0);
		randomize(l0.icpt, sizeof(l0.icpt));
		merge();
		for (u32 w = 0; w < NR_ICPT_WORDS; w++)
			CHECK_EQ(vmcb_intercept_word(&b02, w),
				 l0.icpt[w] | vmcb_intercept_word(&b12, w));
	}
}

/* With vGIF for L2, its own CLGI and STGI need not exit to L0. */
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
