/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/svm.c nested/svm_check.c nested/svm_enter.c nested/svm_exit.c nested/svm_gif.c nested/svm_insn.c nested/svm_l2mem.c nested/svm_merge.c nested/svm_msr.c nested/svm_msr_rules.c nested/svm_npt.c nested/svm_nrip.c nested/svm_perm.c svm/decode.c svm/dump.c svm/event.c svm/exc.c svm/features.c svm/fetch.c svm/nmi.c svm/perm.c svm/run.c svm/setup.c svm/xapic.c core/bits.c core/cpuid_policy.c core/cr.c core/icr.c core/insn.c core/insn_exec.c mm/shadow.c mm/shadow_fill.c mm/shadow_pool.c mm/fold.c mm/slat.c mm/page.c mm/mtrr.c mm/pt_format.c mm/guest.c */
/* flags: -include tests/unit/fake_insns.h */
/* VMRUN and #VMEXIT as a whole, on any hardware. */
#include "tests/unit/svm_env.h"

#define ALL                                                                   \
	(SVM_F_NPT | SVM_F_LBRV | SVM_F_NRIPS | SVM_F_TSCRATE | SVM_F_CLEAN | \
	 SVM_F_FLUSHBYASID | SVM_F_DECODE | SVM_F_PAUSEFILTER |               \
	 SVM_F_PAUSETHRESH | SVM_F_AVIC | SVM_F_VLS | SVM_F_VGIF |            \
	 SVM_F_GMET | SVM_F_X2AVIC | SVM_F_SPECCTRL | SVM_F_VNMI |            \
	 SVM_F_ADDR_CHK)

/* ------------------------------------------------------------------------ */
/* There and back.							     */

TEST(run_there_and_back)
{
	struct vmcb *b12, *b, *b01;

	start(ALL, 0);
	b12 = good12();
	b01 = V->svm->vmcb01;
	vmcb_set_intercept(b12, ICPT_CPUID, true);
	vmcb_set_rax(b12, 11);
	vmcb_set_rsp(b12, 12);
	vmcb_set_rsp(b01, 1111);
	vmcb_set_rflags(b01, RFLAGS_IF | RFLAGS_RF | RFLAGS_VM | 2);
	vmcb_set_dr7(b01, 0xff);
	vmcb_set_int_state(b01, 1);
	b = vmrun();
	CHECK(b == N->vmcb02 && V->in_l2);
	CHECK(vmcb_rax(b) == 11 && vmcb_rsp(b) == 12);
	CHECK(turn->host_if); /* L1's RFLAGS.IF */
	vmcb_set_rax(b, 21);
	vmcb_set_rsp(b, 22);
	vmcb_set_dr6(b, 0xffff0ff1);
	vmcb_set_cr2(b, 0x7777);
	b = executes(VMEXIT_CPUID, 2);
	CHECK(b == b01 && !V->in_l2);
	CHECK_EQ(vmcb_exitcode(b12), VMEXIT_CPUID);
	CHECK_EQ(vmcb_nrip(b12), 0x1002);
	CHECK(vmcb_rax(b12) == 21 && vmcb_rsp(b12) == 22);
	/* the host: as at VMRUN, but for what #VMEXIT leaves otherwise */
	CHECK_EQ(vmcb_rip(b01), L1_CODE + 3);
	CHECK_EQ(vmcb_rax(b01), VMCB12);
	CHECK_EQ(vmcb_rsp(b01), 1111);
	CHECK_EQ(vmcb_rflags(b01), RFLAGS_IF | 2);
	CHECK_EQ(vmcb_dr7(b01), 0x400);
	CHECK_EQ(vmcb_dr6(b01), 0xffff0ff1);
	CHECK_EQ(vmcb_cr2(b01), 0x7777);
	CHECK_EQ(vmcb_int_state(b01), 0);
	CHECK(!svm_gif(V->svm));
	CHECK_EQ(vmcb_eventinj(b01), 0);
}

/* L1's RFLAGS.IF at VMRUN is the host's, whatever L2's is. */
TEST(run_host_if)
{
	for (u32 i = 0; i < 4; i++) {
		start(ALL, 0);
		vmcb_set_rflags(good12(), 2 | (i & 2 ? RFLAGS_IF : 0));
		vmcb_set_vintr(vmcb12(), VINTR_MASKING);
		vmcb_set_rflags(turn->entered, 2 | (i & 1 ? RFLAGS_IF : 0));
		vmrun();
		CHECK_EQ(turn->host_if, i & 1);
		CHECK_EQ(V->stats.entries_l2, 1);
	}
}

/* To the host VMRUN is one instruction, and one step. */
TEST(run_is_stepped_as_a_whole)
{
	start(ALL, 0);
	vmcb_set_intercept(good12(), ICPT_CPUID, true);
	vmcb_set_rflags(V->svm->vmcb01, RFLAGS_TF | 2);
	vmrun();
	CHECK_EQ(vmcb_eventinj(N->vmcb02), 0);
	executes(VMEXIT_CPUID, 2);
	CHECK_EQ(vmcb_eventinj(V->svm->vmcb01), EVINJ_V | EVINJ_EXC | VEC_DB);
	CHECK(vmcb_dr6(V->svm->vmcb01) & BIT(14));
}

/* VMEXIT_INVALID, and not a byte more of vmcb12. */
TEST(run_refused)
{
	static struct vmcb before;
	struct vmcb *b12;

	start(ALL, 0);
	b12 = good12();
	vmcb_set_asid(b12, 0);
	vmcb_set_tsc_offset(b12, 5);
	before = *b12;
	CHECK(vmrun() == V->svm->vmcb01);
	CHECK(!V->in_l2 && !svm_gif(V->svm));
	CHECK_EQ(vmcb_exitcode(b12), ~0ull);
	CHECK_EQ(N->refusals, 1);
	CHECK_EQ(vmcb_rip(V->svm->vmcb01), L1_CODE + 3);
	vmcb_set_exitcode(&before, ~0ull);
	CHECK(!memcmp(&before, b12, sizeof(before)));
	CHECK(!strcmp(N->refusal.field, "asid"));
	CHECK_EQ(N->refusal.rip, L1_CODE);
	CHECK_EQ(N->irq_mode, IRQ_GUARD);
	/* what only the processor finds: the same */
	vmcb_set_asid(b12, 1);
	vmcb_set_rip(turn->entered, L1_CODE);
	CHECK(vmrun() == N->vmcb02);
	before = *b12;
	CHECK(exits(VMEXIT_INVALID) == V->svm->vmcb01);
	CHECK_EQ(N->refusals, 2);
	vmcb_set_exitcode(&before, ~0ull);
	CHECK(!memcmp(&before, b12, sizeof(before)));
	CHECK(N->refusal.rule && N->refusal.section);
	CHECK(!strcmp(N->refusal.field, "exitcode"));
	CHECK_EQ(N->refusal.value, ~0ull);
	/* an emulator's way to end an L2 that has run */
	vmcb_set_rip(turn->entered, L1_CODE);
	CHECK(vmrun() == N->vmcb02);
	vmcb_set_rip(N->vmcb02, 0x1005);
	CHECK(exits(0xffffffff) == V->svm->vmcb01);
	CHECK_EQ(N->refusals, 3);
	CHECK_EQ(vmcb_exitcode(b12), ~0ull);
	CHECK_EQ(vmcb_rip(b12), 0x1005);
}

/* A refused VMRUN is a step as well. */
TEST(run_refused_is_stepped)
{
	start(ALL, 0);
	vmcb_set_asid(good12(), 0);
	vmcb_set_rflags(V->svm->vmcb01, RFLAGS_TF | 2);
	vmrun();
	CHECK_EQ(vmcb_eventinj(V->svm->vmcb01), EVINJ_V | EVINJ_EXC | VEC_DB);
}

/* The operand must be a page of memory. */
TEST(run_operand)
{
	static const u64 bad[] = { VMCB12 | 8, BIT(PHYS_BITS), MMIO };

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		start(ALL, 0);
		good12();
		vmcb_set_rax(turn->entered, bad[i]);
		CHECK(executes(VMEXIT_VMRUN, 3) == V->svm->vmcb01);
		CHECK_EQ(vmcb_eventinj(turn->entered),
			 EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_GP);
		CHECK_EQ(vmcb_rip(turn->entered), L1_CODE);
	}
	start(ALL, 0);
	good12();
	V->svm->l1_svme = 0;
	vmrun();
	CHECK_EQ(vmcb_eventinj(turn->entered), EVINJ_V | EVINJ_EXC | VEC_UD);
}

/* ------------------------------------------------------------------------ */
/* Whose exit is it?							     */

/* Every exit that L1 asks for is L1's, with all that hardware said. */
TEST(exits_that_l1_intercepts)
{
	static const u16 codes[] = {
#define INTERCEPT(name, word, bit, code) code,
#include "svm/exits.def"
	};
	u32 n = 0;

	start(ALL, 0);
	for (u32 i = 0; i < ARRAY_SIZE(codes) + 0x60; i++) {
		u32 code = i < 0x60 ? i : codes[i - 0x60];
		struct vmcb *b12 = good12(), *b;

		vmcb_set_intercept(b12, ICPT_SHUTDOWN, true);

		if (code == VMEXIT_MSR || code == VMEXIT_IOIO ||
		    code == VMEXIT_NMI || code == VMEXIT_INIT)
			continue;
		vmcb_set_intercept(b12, code, true);
		b = vmrun();
		if (code >= ICPT_MISC3 * 32 && code != VMEXIT_INVPCID) {
			/* of features that are not offered */
			CHECK(!vmcb_intercepted(b, code));
			exits(VMEXIT_SHUTDOWN);
			continue;
		}
		CHECK(vmcb_intercepted(b, code));
		vmcb_set_exitinfo1(b, 0x1111 + i);
		vmcb_set_exitinfo2(b, 0x2222 + i);
		vmcb_set_nrip(b, 0x3333 + i);
		CHECK(exits(code) == V->svm->vmcb01);
		CHECK_EQ(vmcb_exitcode(b12), code);
		CHECK_EQ(vmcb_exitinfo1(b12), 0x1111 + i);
		CHECK_EQ(vmcb_exitinfo2(b12), 0x2222 + i);
		CHECK_EQ(vmcb_nrip(b12), 0x3333 + i);
		n++;
	}
	CHECK(n > 32 + 32 + 32 + 45);
}

/* What L0 wants of L1 it wants of L2; L1 does not hear of it. */
TEST(exits_that_are_l0s)
{
	start(ALL, 0);
	good12();
	vmrun();
	CHECK(vmcb_intercepted(N->vmcb02, ICPT_CPUID));
	CHECK(vmcb_intercepted(N->vmcb02, ICPT_INVD));
	CHECK(vmcb_intercepted(N->vmcb02, ICPT_NMI));
	CHECK(!vmcb_intercepted(N->vmcb02, ICPT_EXC0 + VEC_GP));
	CHECK(!vmcb_intercepted(N->vmcb02, ICPT_INTR));
	CHECK(!vmcb_intercepted(N->vmcb02, ICPT_HLT));
	CHECK(!executes(VMEXIT_CPUID, 2)); /* core's */
	CHECK_EQ(turn->exit.kind, EXIT_CPUID);
	CHECK(V->in_l2);
}

/* MSRs: L1's map before L0's; what neither wants does not exit again. */
TEST(exits_of_msrs)
{
	const u32 msr = MSR_STAR;
	struct svm_vm *svm;

	for (u32 i = 0; i < 16; i++) {
		bool asks = i & 1, l1 = i & 2, l0 = i & 4, write = i & 8;
		struct vmcb *b12, *b;
		u32 bit = (u32)svm_msrpm_bit(msr) + write;
		const u8 *map;

		start(ALL, 0);
		svm = vm.backend;
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_MSR, asks);
		svm_msrpm_set(hpa_ptr(HPA(MSRPM12)), msr, l1 && !write,
			      l1 && write);
		svm_msrpm_set(svm->msrpm, msr, l0 && !write, l0 && write);
		b = vmrun();
		map = hpa_ptr(HPA(vmcb_msrpm(b)));
		if (!asks) { /* L0's own map then */
			CHECK_EQ(map[bit / 8] >> bit % 8 & 1, l0);
			l1 = false;
			if (!l0)
				continue;
		}
		CHECK(map[bit / 8] >> bit % 8 & 1); /* at first */
		vmcb_set_exitinfo1(b, write);
		V->gpr[RCX] = msr;
		b = executes(VMEXIT_MSR, 2);
		if (l1) {
			CHECK(b == V->svm->vmcb01);
			CHECK_EQ(vmcb_exitcode(b12), VMEXIT_MSR);
			CHECK_EQ(vmcb_exitinfo1(b12), write);
		} else if (l0) {
			CHECK(!b);
			CHECK_EQ(turn->exit.kind,
				 write ? EXIT_WRMSR : EXIT_RDMSR);
		} else {
			CHECK(b == N->vmcb02);
			CHECK_EQ(map[bit / 8] >> bit % 8 & 1, 0);
			CHECK_EQ(vmcb_rip(b), 0x1000); /* once more */
		}
	}
}

/* What is open follows L1's map from VMRUN to VMRUN, in each of its pages, and
 * when L1 takes another one. */
TEST(exits_follow_l1s_maps)
{
	static const u32 msrs[] = { MSR_STAR, 0xc0010015 };
	static const u16 ports[] = { 0x70, 0x8070, 0xfff8 };

	start(ALL, 0);
	vmcb_set_intercept(good12(), ICPT_MSR, true);
	vmcb_set_intercept(vmcb12(), ICPT_IOIO, true);
	vmcb_set_intercept(vmcb12(), ICPT_CPUID, true);
	for (u32 i = 0; i < ARRAY_SIZE(msrs) + ARRAY_SIZE(ports); i++) {
		bool msr = i < ARRAY_SIZE(msrs);
		u8 *l1 = hpa_ptr(HPA(msr ? MSRPM12 : IOPM12));
		u8 *other = hpa_ptr(HPA(MiB(8)));
		u64 info = (u64)ports[msr ? 0 : i - ARRAY_SIZE(msrs)]
				   << IOIO_PORT_SHIFT |
			   1 << IOIO_SIZE_SHIFT;
		u32 bit = msr ? (u32)svm_msrpm_bit(msrs[i])
			      : (u32)(info >> IOIO_PORT_SHIFT);
		const u8 *map;

		vmrun();
		map = hpa_ptr(HPA(msr ? vmcb_msrpm(N->vmcb02)
				      : vmcb_iopm(N->vmcb02)));
		CHECK(map[bit / 8] >> bit % 8 & 1);
		V->gpr[RCX] = msr ? msrs[i] : 0;
		vmcb_set_exitinfo1(N->vmcb02, msr ? 0 : info);
		CHECK(exits(msr ? VMEXIT_MSR : VMEXIT_IOIO) == N->vmcb02);
		CHECK(!(map[bit / 8] >> bit % 8 & 1)); /* open */
		executes(VMEXIT_CPUID, 2);
		l1[bit / 8] |= (u8)(1 << bit % 8);
		vmrun();
		CHECK(map[bit / 8] >> bit % 8 & 1);
		executes(VMEXIT_CPUID, 2);
		if (msr)
			vmcb_set_msrpm(vmcb12(), MiB(8));
		else
			vmcb_set_iopm(vmcb12(), MiB(8));
		other[bit / 8] &= (u8) ~(1 << bit % 8);
		vmrun();
		CHECK(!(map[bit / 8] >> bit % 8 & 1));
		executes(VMEXIT_CPUID, 2);
		vmcb_set_msrpm(vmcb12(), MSRPM12);
		vmcb_set_iopm(vmcb12(), IOPM12);
	}
}

TEST(exits_of_ports)
{
	const u16 port = 0x3f7; /* and a byte further */
	struct svm_vm *svm;

	/* L1 does not ask: L0's map, and L1's is not looked at */
	start(ALL, 0);
	svm = vm.backend;
	good12();
	svm_iopm_set(hpa_ptr(HPA(IOPM12)), port, 1, true);
	svm_iopm_set(svm->iopm, port, 1, true);
	vmrun();
	CHECK_EQ(vmcb_iopm(N->vmcb02), svm->iopm_pa.v);
	vmcb_set_exitinfo1(N->vmcb02, (u64)port << IOIO_PORT_SHIFT | 0x10);
	CHECK(!exits(VMEXIT_IOIO));
	for (u32 i = 0; i < 16; i++) {
		bool l1 = i & 1, l0 = i & 2;
		u16 at = i & 4 ? port + 1 : port;
		u32 size = i & 8 ? 2 : 1;
		struct vmcb *b12, *b;
		const u8 *map;

		start(ALL, 0);
		svm = vm.backend;
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_IOIO, true);
		svm_iopm_set(hpa_ptr(HPA(IOPM12)), at, 1, l1);
		svm_iopm_set(svm->iopm, at, 1, l0);
		b = vmrun();
		map = hpa_ptr(HPA(vmcb_iopm(b)));
		CHECK(svm_iopm_hit(map, port, size));
		vmcb_set_exitinfo1(b, (u64)port << IOIO_PORT_SHIFT |
					      size << IOIO_SIZE_SHIFT);
		vmcb_set_exitinfo2(b, 0x1001);
		b = exits(VMEXIT_IOIO);
		if (at >= port + size)
			l1 = l0 = false;
		if (l1) {
			CHECK(b == V->svm->vmcb01);
			CHECK_EQ(vmcb_exitcode(b12), VMEXIT_IOIO);
			CHECK_EQ(vmcb_exitinfo2(b12), 0x1001);
		} else if (l0) {
			CHECK(!b);
		} else {
			CHECK(b == N->vmcb02);
			CHECK(!svm_iopm_hit(map, port, size));
		}
	}
}

/* ------------------------------------------------------------------------ */
/* Features: on hardware that has them, on such that lacks them, and taken   */
/* away.								     */

static const struct {
	u32 hw, off;
} machines[] = { { ALL, 0 }, { SVM_F_NPT | SVM_F_NRIPS, 0 }, { ALL, ALL } };

TEST(features_in_vmcb02)
{
	for (u32 i = 0; i < ARRAY_SIZE(machines); i++) {
		u32 off = machines[i].off & ~(u32)SVM_F_NPT;
		bool has = i == 0;
		struct vmcb *b12, *b;

		start(machines[i].hw, off);
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_NMI, true);
		vmcb_set_vintr(b12, ~0ull);
		vmcb_set_virt_ext(b12, ~0ull);
		vmcb_set_nested_ctl(b12, ~0ull);
		vmcb_set_pause_count(b12, 77);
		vmcb_set_pause_threshold(b12, 78);
		vmcb_set_dbgctl(b12, 0x99);
		vmcb_set_clean(b12, ~0ull);
		vmcb_set_avic_bar(b12, 0x5000);
		vmcb_set_avic_backing(b12, 0x5000);
		b = vmrun();
		CHECK(b == N->vmcb02);
		CHECK_EQ(vmcb_virt_ext(b),
			 has ? VIRT_LBR | VIRT_VMLOAD_VMSAVE : 0);
		CHECK_EQ(vmcb_nested_ctl(b), NESTED_NP);
		CHECK_EQ(!!(vmcb_vintr(b) & VINTR_GIF_ENABLE), has);
		CHECK_EQ(!!(vmcb_vintr(b) & VINTR_NMI_ENABLE), has);
		CHECK_EQ(vmcb_vintr(b) & (VINTR_AVIC | VINTR_X2AVIC), 0);
		CHECK_EQ(vmcb_pause_count(b), has ? 77 : 0);
		CHECK_EQ(vmcb_pause_threshold(b), has ? 78 : 0);
		CHECK_EQ(vmcb_dbgctl(b), has ? 0x99 : 0);
		CHECK_EQ(vmcb_avic_bar(b) | vmcb_avic_backing(b), 0);
		/* L2's own need not exit where the processor does it */
		CHECK_EQ(vmcb_intercepted(b, ICPT_STGI), !has);
		CHECK_EQ(vmcb_intercepted(b, ICPT_VMLOAD), !has);
		CHECK_EQ(vmcb_intercepted(b, ICPT_VMSAVE), !has);
		CHECK(vmcb_intercepted(b, ICPT_VMRUN));
		CHECK(vmcb_intercepted(b, ICPT_SKINIT));
	}
}

/* L2 without nested paging of its own runs on L0's. */
TEST(features_npt_taken_away)
{
	struct vmcb *b;

	start(ALL, SVM_F_NPT);
	good12();
	vmcb_set_ncr3(vmcb12(), ~0ull);
	b = vmrun();
	CHECK(b == N->vmcb02 && !N->root);
	CHECK_EQ(vmcb_ncr3(b), vm.slat->root.v);
	CHECK_EQ(vmcb_nested_ctl(b), NESTED_NP);
	CHECK_EQ(vmcb_g_pat(b), vmcb_g_pat(V->svm->vmcb01));
}

/* The instruction's bytes: where offered, and of hardware's exits alone. */
TEST(features_decode_assists)
{
	for (u32 i = 0; i < 4; i++) {
		bool has = i & 1, own = i & 2;
		struct vmcb *b12, *b;

		start(ALL, has ? 0 : SVM_F_DECODE);
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_CPUID, true);
		vmcb_set_intercept(b12, ICPT_NMI, true);
		b12->insn_len_ = 5;
		b = vmrun();
		b->insn_len_ = 15;
		memset(b->insn_bytes_, 0x90, 15);
		if (own) { /* an NMI finds L2 between two entries */
			V->svm->nmi_pending = true;
			exits(VMEXIT_NMI);
		} else {
			executes(VMEXIT_CPUID, 2);
		}
		CHECK(turn->entered == V->svm->vmcb01);
		CHECK_EQ(vmcb_insn_len(b12), !has ? 5 : own ? 0 : 15);
		CHECK_EQ(vmcb_insn_bytes(b12)[14], has && !own ? 0x90 : 0);
	}
}

TEST(features_nrip)
{
	struct vmcb *b12;

	start(ALL, SVM_F_NRIPS);
	b12 = good12();
	vmcb_set_intercept(b12, ICPT_CPUID, true);
	vmcb_set_nrip(b12, 0x1234);
	vmcb_set_eventinj(b12, EVINJ_V | EVINJ_SOFT | 0x80);
	vmrun(); /* L0 does without it, too: it looks at L1's code */
	/* a software interrupt of L1's returns to RIP */
	CHECK_EQ(vmcb_nrip(N->vmcb02), 0x1000);
	exits(VMEXIT_CPUID);
	CHECK_EQ(vmcb_exitcode(b12), VMEXIT_CPUID);
	CHECK_EQ(vmcb_nrip(b12), 0x1234);
}

/* The ratio holds while L2 runs, and no longer. */
TEST(features_tsc_ratio)
{
	const u64 one = SVM_TSC_RATIO_ONE, half = SVM_TSC_RATIO_ONE / 2;
	u64 val;

	start(ALL, 0);
	CHECK(!svm_nested_rdmsr(V, MSR_TSC_RATIO, &val));
	CHECK_EQ(val, one);
	CHECK(svm_nested_wrmsr(V, MSR_TSC_RATIO, BIT(40)));
	CHECK(!svm_nested_wrmsr(V, MSR_TSC_RATIO, half));
	CHECK(!svm_nested_rdmsr(V, MSR_TSC_RATIO, &val));
	CHECK_EQ(val, half);
	CHECK_EQ(hw.tsc_ratio, one); /* L1's own clock is not scaled */
	vmcb_set_intercept(good12(), ICPT_CPUID, true);
	vmcb_set_tsc_offset(vmcb12(), 1000);
	vmrun();
	CHECK_EQ(hw.tsc_ratio, half);
	CHECK_EQ(vmcb_tsc_offset(N->vmcb02), 1000);
	/* L2 may write it where L1 lets it: at once */
	CHECK(!svm_nested_wrmsr(V, MSR_TSC_RATIO, 2 * one));
	CHECK_EQ(hw.tsc_ratio, 2 * one);
	executes(VMEXIT_CPUID, 2);
	CHECK_EQ(hw.tsc_ratio, one);
	CHECK_EQ(vmcb_tsc_offset(V->svm->vmcb01), 0);
	/* a VMRUN that is refused, by us and by the processor */
	vmcb_set_asid(vmcb12(), 0);
	vmrun();
	CHECK_EQ(hw.tsc_ratio, one);
	vmcb_set_asid(vmcb12(), 1);
	vmrun();
	CHECK_EQ(hw.tsc_ratio, 2 * one);
	exits(VMEXIT_INVALID);
	CHECK_EQ(hw.tsc_ratio, one);
	/* INIT while L2 runs */
	vmrun();
	nested_svm_ops.vcpu_reset(V);
	CHECK_EQ(hw.tsc_ratio, one);

	start(ALL, SVM_F_TSCRATE);
	CHECK_EQ(svm_nested_rdmsr(V, MSR_TSC_RATIO, &val), -EINVAL);
	CHECK_EQ(svm_nested_wrmsr(V, MSR_TSC_RATIO, half), -EINVAL);
	CHECK_EQ(hw.tsc_ratio, one);
}

/* vGIF and virtual VMLOAD/VMSAVE for L1 itself, from its first use of SVM. */
TEST(features_for_l1)
{
	for (u32 i = 0; i < ARRAY_SIZE(machines); i++) {
		bool has = i == 0;
		struct vmcb *b;

		start(machines[i].hw, machines[i].off & ~(u32)SVM_F_NPT);
		b = turn->entered;
		CHECK(vmcb_intercepted(b, ICPT_VMLOAD));
		CHECK_EQ(vmcb_virt_ext(b) | vmcb_vintr(b), 0);
		executes(VMEXIT_CLGI, 3);
		CHECK(!svm_gif(V->svm));
		CHECK_EQ(vmcb_rip(b), L1_CODE + 3);
		CHECK_EQ(vmcb_intercepted(b, ICPT_VMLOAD), !has);
		CHECK_EQ(vmcb_intercepted(b, ICPT_VMSAVE), !has);
		CHECK_EQ(vmcb_virt_ext(b), has ? VIRT_VMLOAD_VMSAVE : 0);
		CHECK_EQ(!!(vmcb_vintr(b) & VINTR_GIF_ENABLE), has);
		CHECK_EQ(vmcb_vintr(b) & VINTR_GIF, 0);
		/* EFER.SVME goes: they exit again, to raise #UD */
		CHECK_EQ(svm_nested_wrmsr(V, MSR_EFER, 0), -ENOENT);
		CHECK(vmcb_intercepted(b, ICPT_VMLOAD));
		CHECK(vmcb_intercepted(b, ICPT_CLGI));
		CHECK(vmcb_intercepted(b, ICPT_STGI));
		CHECK_EQ(vmcb_virt_ext(b), 0);
		CHECK_EQ(vmcb_vintr(b) & VINTR_GIF_ENABLE, 0);
		CHECK(!svm_gif(V->svm)); /* it survives */
	}
}

/* The LBR stack goes with the other branch records, where there is one. */
TEST(features_lbr_stack)
{
	for (u32 i = 0; i < 2; i++) {
		struct vmcb *b12, *b;

		start(ALL, 0);
		hw.lbr_stack = i;
		CHECK(!nested_svm_ops.vcpu_init(V));
		b12 = good12();
		vmcb_set_virt_ext(b12, VIRT_LBR);
		vmcb_set_intercept(b12, ICPT_CPUID, true);
		vmcb_set_lbr_select(b12, 5);
		b12->lbr_stack_[31] = 6;
		b = vmrun();
		CHECK_EQ(vmcb_lbr_select(b), i ? 5 : 0);
		CHECK_EQ(b->lbr_stack_[31], i ? 6 : 0);
		b->lbr_stack_[31] = 7;
		executes(VMEXIT_CPUID, 2);
		CHECK_EQ(b12->lbr_stack_[31], i ? 7 : 6);
	}
}

/* L1's clean bits are a promise that need not be believed: what it changes is
 * taken all the same. L0's own say what it has changed in vmcb02. */
TEST(features_clean_bits)
{
	struct vmcb *b12, *b;

	start(ALL, 0);
	b12 = good12();
	vmcb_set_intercept(b12, ICPT_CPUID, true);
	b = vmrun();
	executes(VMEXIT_CPUID, 2);
	CHECK_EQ(vmcb_clean(b12), 0);
	vmcb_set_tsc_offset(b12, 5);
	vmcb_set_cr3(b12, 0x7000);
	vmcb_set_dr7(b12, 0x401);
	vmcb_set_g_pat(b12, 0x0606060606060606);
	vmcb_set_clean(b12, ~0ull);
	vmcb_set_rip(turn->entered, L1_CODE);
	CHECK(vmrun() == b);
	CHECK_EQ(vmcb_tsc_offset(b), 5);
	CHECK_EQ(vmcb_cr3(b), 0x7000);
	CHECK_EQ(vmcb_dr7(b), 0x401);
	CHECK_EQ(vmcb_g_pat(b), 0x0606060606060606);
	CHECK_EQ(vmcb_clean(b) &
			 (CLEAN_I | CLEAN_CR | CLEAN_DR | CLEAN_NP | CLEAN_SEG),
		 0);
	executes(VMEXIT_CPUID, 2);
	CHECK_EQ(vmcb_clean(b12), ~0ull);
	/* entered again as it is: nothing was changed */
	vmrun();
	CHECK(exits(VMEXIT_NMI) == b);
	CHECK_EQ(vmcb_clean(b), CLEAN_ALL);
}

/* ------------------------------------------------------------------------ */
/* ASIDs: kept as long as they may be, flushed when they must.		     */

static u32 enters(u32 asid, u64 ncr3, u32 control, u32 *flush)
{
	u32 hw_asid;

	vmcb_set_asid(vmcb12(), asid);
	vmcb_set_nested_ctl(vmcb12(), ncr3 ? NESTED_NP : 0);
	vmcb_set_ncr3(vmcb12(), ncr3);
	vmcb_set_tlb_control(vmcb12(), control);
	vmcb_set_rip(turn->entered, L1_CODE);
	CHECK(vmrun() == N->vmcb02);
	hw_asid = vmcb_asid(N->vmcb02);
	*flush = vmcb_tlb_control(N->vmcb02);
	CHECK(hw_asid != SVM_ASID_L1 && hw_asid < 16);
	executes(VMEXIT_CPUID, 2);
	return hw_asid;
}

#define ENTERS(asid, ncr3, control, want, flushes)                   \
	do {                                                         \
		CHECK_EQ(enters(asid, ncr3, control, &flush), want); \
		CHECK_EQ(flush, flushes);                            \
	} while (0)

TEST(asids_are_kept)
{
	const u64 t = TABLES, other = TABLES + 0x1000;
	u32 a, b, flush;

	start(ALL, 0);
	vmcb_set_intercept(good12(), ICPT_CPUID, true);
	a = enters(1, t, 0, &flush);
	ENTERS(1, t, 0, a, TLB_NOTHING);
	b = enters(2, t, 0, &flush);
	CHECK(a != b);
	CHECK_EQ(flush, TLB_NOTHING); /* it is new */
	ENTERS(1, t, 0, a, TLB_NOTHING);
	ENTERS(2, t, 0, b, TLB_NOTHING);
	/* another table under the same ASID */
	ENTERS(2, other, 0, b, TLB_FLUSH_ASID);
	ENTERS(2, other, 0, b, TLB_NOTHING);
	ENTERS(2, t, 0, b, TLB_FLUSH_ASID);
	/* none */
	ENTERS(2, 0, 0, b, TLB_FLUSH_ASID);
	ENTERS(2, 0, 0, b, TLB_NOTHING);
	ENTERS(2, t, 0, b, TLB_FLUSH_ASID);
	/* L1 flushes one, or what is not global in it */
	ENTERS(2, t, TLB_FLUSH_ASID, b, TLB_FLUSH_ASID);
	ENTERS(2, t, TLB_FLUSH_NONGLOBAL, b, TLB_FLUSH_ASID);
	ENTERS(1, t, 0, a, TLB_NOTHING);
	CHECK_EQ(vmcb_tlb_control(V->svm->vmcb01), TLB_NOTHING);
	/* all: new ones, which hold nothing; L1's own goes, too */
	CHECK(enters(1, t, TLB_FLUSH_ALL, &flush) != a);
	CHECK_EQ(vmcb_tlb_control(V->svm->vmcb01), TLB_FLUSH_ASID);
	CHECK(enters(2, t, 0, &flush) != b);
	/* more than there are slots: the one unused for longest goes */
	a = enters(1, t, 0, &flush);
	b = enters(2, t, 0, &flush);
	for (u32 i = 3; i < 3 + SVM_ASID_SLOTS - 1; i++)
		enters(i, t, 0, &flush);
	ENTERS(2, t, 0, b, TLB_NOTHING);
	CHECK(enters(1, t, 0, &flush) != a);
}

static void invlpga12(u32 asid, u64 va)
{
	vmcb_set_rax(turn->entered, va);
	V->gpr[RCX] = asid;
	hw.invlpga_asid = 0;
	executes(VMEXIT_INVLPGA, 3);
}

TEST(asids_and_invlpga)
{
	u32 a, b, flush;

	start(ALL, 0);
	vmcb_set_intercept(good12(), ICPT_CPUID, true);
	a = enters(1, TABLES, 0, &flush);
	b = enters(2, 0, 0, &flush);
	invlpga12(0, 0x5000); /* L1's own */
	CHECK_EQ(hw.invlpga_asid, SVM_ASID_L1);
	CHECK_EQ(hw.invlpga_va, 0x5000);
	invlpga12(2, 0x6000); /* on npt01: the processor's to do */
	CHECK_EQ(hw.invlpga_asid, b);
	CHECK_EQ(hw.invlpga_va, 0x6000);
	ENTERS(2, 0, 0, b, TLB_NOTHING);
	invlpga12(1, 0x7000); /* on npt02: all of the ASID */
	CHECK_EQ(hw.invlpga_asid, 0);
	ENTERS(2, 0, 0, b, TLB_NOTHING);
	CHECK(enters(1, TABLES, 0, &flush) != a);
	invlpga12(3, 0x8000); /* nobody's */
	CHECK_EQ(hw.invlpga_asid, 0);
}

/* ------------------------------------------------------------------------ */
/* GIF, interrupts, NMIs.						     */

static void check_mode(enum svm_irq_mode m, bool intr, bool clgi, bool stgi)
{
	struct vmcb *b = V->svm->vmcb01;

	CHECK_EQ(N->irq_mode, m);
	CHECK_EQ(vmcb_intercepted(b, ICPT_INTR), intr);
	CHECK_EQ(vmcb_intercepted(b, ICPT_CLGI), clgi);
	CHECK_EQ(vmcb_intercepted(b, ICPT_STGI), stgi);
	CHECK_EQ(!!(vmcb_vintr(b) & VINTR_MASKING), m == IRQ_HOLD);
	CHECK_EQ(turn->host_if, m != IRQ_HOLD);
}

/* In a loop of VMRUN neither CLGI nor STGI exits. */
TEST(gif_modes_with_vgif)
{
	struct vmcb *b;

	start(ALL, 0);
	vmcb_set_intercept(good12(), ICPT_CPUID, true);
	vmcb_set_rflags(turn->entered, RFLAGS_IF | 2);
	executes(VMEXIT_CLGI, 3);
	check_mode(IRQ_GUARD, true, false, false);
	b = vmrun();
	CHECK(turn->host_if);
	CHECK(vmcb_vintr(V->svm->vmcb01) & VINTR_GIF);
	b = executes(VMEXIT_CPUID, 2);
	check_mode(IRQ_GUARD, true, false, false);
	CHECK_EQ(vmcb_vintr(b) & VINTR_GIF, 0);
	/* an interrupt comes while GIF is 0: held, until STGI */
	hw.cr8 = 3;
	exits(VMEXIT_INTR);
	check_mode(IRQ_HOLD, true, false, true);
	CHECK_EQ(vmcb_vintr(b) & VINTR_TPR, 3); /* CR8 means V_TPR now */
	vmcb_set_vintr(b, (vmcb_vintr(b) & ~VINTR_TPR) | 5);
	executes(VMEXIT_STGI, 3);
	check_mode(IRQ_DIRECT, false, true, false);
	CHECK_EQ(hw.cr8, 5);
	CHECK(svm_gif(V->svm));
	/* or while it is 1: straight to L1 */
	executes(VMEXIT_CLGI, 3);
	vmcb_set_vintr(b, vmcb_vintr(b) | VINTR_GIF); /* STGI of L1's */
	exits(VMEXIT_INTR);
	check_mode(IRQ_DIRECT, false, true, false);
}

TEST(gif_modes_without_vgif)
{
	struct vmcb *b;

	start(SVM_F_NPT | SVM_F_NRIPS, 0);
	vmcb_set_intercept(good12(), ICPT_CPUID, true);
	b = turn->entered;
	executes(VMEXIT_CLGI, 3);
	check_mode(IRQ_HOLD, true, true, true);
	CHECK(vmcb_intercepted(b, ICPT_EXC0 + VEC_DB));
	vmrun();
	CHECK_EQ(N->irq_mode, IRQ_DIRECT); /* CR8 is L1's again */
	executes(VMEXIT_CPUID, 2);
	check_mode(IRQ_HOLD, true, true, true);
	CHECK(!svm_gif(V->svm));
	executes(VMEXIT_STGI, 3);
	check_mode(IRQ_DIRECT, false, true, true);
	CHECK(svm_gif(V->svm));
	CHECK(!vmcb_intercepted(b, ICPT_EXC0 + VEC_DB));
}

/* An emulator lets one in that should wait: L1 goes on without IF, which comes
 * back with GIF; a CLI that is next is carried out instead. */
TEST(gif_leaked_interrupt)
{
	for (u32 i = 0; i < 2; i++) {
		struct vmcb *b;
		u64 rip;

		start(SVM_F_NPT | SVM_F_NRIPS, 0);
		b = turn->entered;
		vmcb_set_rflags(b, RFLAGS_IF | 2);
		executes(VMEXIT_CLGI, 3);
		rip = vmcb_rip(b);
		unit_memory[rip] = i ? 0xfa : 0x90;
		CHECK(exits(VMEXIT_INTR) == b);
		CHECK_EQ(vmcb_rip(b), rip + i);
		CHECK_EQ(vmcb_rflags(b), 2);
		check_mode(IRQ_HOLD, true, true, true);
		executes(VMEXIT_STGI, 3);
		CHECK_EQ(vmcb_rflags(b), i ? 2 : RFLAGS_IF | 2);
		vmcb_set_rflags(b, 2); /* L1's own CLI: IF stays off */
		executes(VMEXIT_STGI, 3);
		CHECK_EQ(vmcb_rflags(b), 2);
	}
}

/* #VMEXIT(INTR): the interrupt is there, STGI must find it. */
TEST(gif_after_an_interrupt_exit)
{
	start(ALL, 0);
	vmcb_set_intercept(good12(), ICPT_INTR, true);
	executes(VMEXIT_CLGI, 3);
	vmrun();
	exits(VMEXIT_INTR);
	CHECK_EQ(vmcb_exitcode(vmcb12()), VMEXIT_INTR);
	check_mode(IRQ_HOLD, true, false, true);
}

/* L2's own CLGI, where L1 lets it: interrupts wait, virtual ones as well. */
TEST(gif_of_l2)
{
	struct vmcb *b;

	start(SVM_F_NPT | SVM_F_NRIPS, 0);
	vmcb_set_vintr(good12(), VINTR_IRQ | 0x2ull << 16 | 2);
	vmcb_set_intercept(vmcb12(), ICPT_CPUID, true);
	vmcb_set_rflags(turn->entered, RFLAGS_IF | 2);
	hw.cr8 = 4;
	b = vmrun();
	CHECK(vmcb_vintr(b) & VINTR_IRQ);
	executes(VMEXIT_CLGI, 3);
	CHECK(V->in_l2 && !svm_gif(V->svm) && !turn->host_if);
	CHECK_EQ(vmcb_vintr(b) & (VINTR_IRQ | VINTR_MASKING), VINTR_MASKING);
	CHECK_EQ(vmcb_vintr(b) & VINTR_TPR, 4);
	executes(VMEXIT_STGI, 3);
	CHECK(svm_gif(V->svm) && turn->host_if);
	CHECK_EQ(vmcb_vintr(b), VINTR_IRQ | 0x2ull << 16 | 2);
	/* CR8 of L2's, written meanwhile, is the processor's afterwards */
	executes(VMEXIT_CLGI, 3);
	vmcb_set_vintr(b, (vmcb_vintr(b) & ~VINTR_TPR) | 9);
	executes(VMEXIT_CLGI, 3);
	executes(VMEXIT_STGI, 3);
	CHECK_EQ(hw.cr8, 9);
	CHECK_EQ(vmcb_vintr(b), VINTR_IRQ | 0x2ull << 16 | 9);
	vmcb_set_vintr(b, VINTR_IRQ | 0x2ull << 16 | 2);
	/* an exit to L1 in between: L1 finds its own word */
	executes(VMEXIT_CLGI, 3);
	executes(VMEXIT_CPUID, 2);
	CHECK_EQ(vmcb_vintr(vmcb12()), VINTR_IRQ | 0x2ull << 16 | 2);
}

/* The same where L1 has V_INTR_MASKING on: CR8 of L2 is V_TPR all the time. */
TEST(gif_of_l2_with_masking)
{
	const u64 vi = VINTR_MASKING | VINTR_IRQ;
	struct vmcb *b;

	start(SVM_F_NPT | SVM_F_NRIPS, 0);
	vmcb_set_vintr(good12(), vi | 2);
	vmcb_set_rflags(turn->entered, 2); /* IF is 0 */
	hw.cr8 = 4;
	b = vmrun();
	executes(VMEXIT_CLGI, 3);
	CHECK_EQ(vmcb_vintr(b), VINTR_MASKING | 2);
	vmcb_set_vintr(b, VINTR_MASKING | 6);
	executes(VMEXIT_STGI, 3);
	CHECK_EQ(vmcb_vintr(b), vi | 6);
	CHECK_EQ(hw.cr8, 4);
	CHECK(!turn->host_if);
}

/* L1 gives up SVM in either state of GIF, and takes it again. */
TEST(gif_and_svme)
{
	for (u32 i = 0; i < 2; i++) {
		struct vmcb *b;

		start(ALL, 0);
		b = turn->entered;
		vmcb_set_rflags(b, RFLAGS_IF | 2);
		executes(VMEXIT_STGI, 3); /* the first use of SVM */
		CHECK(vmcb_vintr(b) & VINTR_GIF);
		check_mode(IRQ_DIRECT, false, true, false);
		CHECK(vmcb_intercepted(b, ICPT_EXC0 + VEC_DB));
		executes(VMEXIT_CLGI, 3);
		check_mode(IRQ_GUARD, true, false, false);
		if (i)
			vmcb_set_vintr(b, vmcb_vintr(b) | VINTR_GIF);
		svm_nested_wrmsr(V, MSR_EFER, 0);
		V->svm->l1_svme = 0;
		exits(VMEXIT_NMI);
		CHECK_EQ(svm_gif(V->svm), i);
		check_mode(i ? IRQ_DIRECT : IRQ_HOLD, !i, true, true);
		V->svm->l1_svme = EFER_SVME;
		executes(VMEXIT_STGI, 3);
		CHECK(vmcb_vintr(b) & VINTR_GIF);
		CHECK_EQ(vmcb_vintr(b) & VINTR_TPR, 0);
		check_mode(IRQ_DIRECT, false, true, false);
	}
}

/* An NMI that finds L2: L1's, or (not intercepted) L2's. */
TEST(nmi_routes)
{
	struct vmcb *b12, *b;

	start(ALL, 0);
	b12 = good12();
	vmcb_set_intercept(b12, ICPT_NMI, true);
	vmrun();
	V->svm->nmi_pending = true;
	b = exits(VMEXIT_NMI);
	CHECK(b == V->svm->vmcb01);
	CHECK_EQ(vmcb_exitcode(b12), VMEXIT_NMI);
	CHECK(V->svm->nmi_pending); /* for L1, when its GIF is 1 */
	CHECK_EQ(vmcb_eventinj(b), 0);
	executes(VMEXIT_STGI, 3);
	CHECK_EQ(vmcb_eventinj(b), EVINJ_V | EVINJ_NMI | VEC_NMI);
	CHECK(!V->svm->nmi_pending && V->svm->nmi_blocked);

	start(ALL, 0);
	good12();
	vmrun();
	V->svm->nmi_pending = true;
	b = exits(VMEXIT_NMI);
	CHECK(b == N->vmcb02);
	CHECK_EQ(vmcb_eventinj(b), EVINJ_V | EVINJ_NMI | VEC_NMI);
	CHECK(V->svm->nmi_blocked);

	/* VMRUN's event is delivered first: an NMI behind it ends that */
	for (u32 asks = 0; asks < 2; asks++) {
		start(ALL, 0);
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_NMI, asks);
		vmcb_set_eventinj(b12, EVINJ_V | EVINJ_EXTINT | 0x30);
		V->svm->nmi_pending = true;
		CHECK(vmrun() == N->vmcb02);
		CHECK_EQ(vmcb_eventinj(N->vmcb02),
			 EVINJ_V | EVINJ_EXTINT | 0x30);
		CHECK_EQ(hw.nmis, 1);
		b = exits(VMEXIT_NMI);
		CHECK(b == (asks ? V->svm->vmcb01 : N->vmcb02));
		CHECK_EQ(vmcb_eventinj(N->vmcb02),
			 asks ? 0 : EVINJ_V | EVINJ_NMI | VEC_NMI);
		CHECK_EQ(vmcb_exitintinfo(b12), 0);
	}
}

/* INIT while L2 runs: L1's if it asks, as #SX with R_INIT; else the CPU's. It
 * waits while GIF is 0. */
TEST(init_routes)
{
	const u64 sx = EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_SX | 1ull << 32;
	struct vmcb *b12, *b;

	start(ALL, 0);
	b12 = good12();
	vmcb_set_intercept(b12, ICPT_INIT, true);
	vmcb_set_eventinj(b12, EVINJ_V | EVINJ_EXTINT | 0x30);
	V->svm->r_init = true; /* the intercept comes first */
	request_set(V, REQ_INIT);
	/* VMRUN's event is delivered first: an NMI behind it ends that */
	CHECK(vmrun() == N->vmcb02);
	CHECK_EQ(vmcb_eventinj(N->vmcb02), EVINJ_V | EVINJ_EXTINT | 0x30);
	CHECK_EQ(hw.nmis, 1);
	CHECK(exits(VMEXIT_NMI) == V->svm->vmcb01);
	CHECK_EQ(vmcb_exitcode(b12), VMEXIT_INIT);
	CHECK_EQ(vmcb_exitintinfo(b12), 0);
	CHECK(V->requests & BIT(REQ_INIT)); /* pending: L1's GIF is 0 */
	CHECK(vmcb_intercepted(turn->entered, ICPT_STGI));
	V->svm->r_init = false;
	CHECK(!executes(VMEXIT_STGI, 3)); /* L1's CPU starts anew */
	CHECK_EQ(turn->exit.kind, EXIT_INIT);
	CHECK_EQ(V->requests, 0);

	for (u32 i = 0; i < 4; i++) {
		bool asks = i & 1, event = i & 2;

		start(ALL, 0);
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_EXC0 + VEC_SX, asks);
		if (event)
			vmcb_set_eventinj(b12, EVINJ_V | EVINJ_EXTINT | 0x30);
		V->svm->r_init = true;
		request_set(V, REQ_INIT);
		b = vmrun();
		if (event) { /* one event an entry: the INIT is next */
			CHECK(b == N->vmcb02);
			CHECK(V->requests & BIT(REQ_INIT));
			CHECK_EQ(hw.nmis, 1);
			b = exits(VMEXIT_NMI);
		}
		if (asks) {
			CHECK(b == V->svm->vmcb01);
			CHECK_EQ(vmcb_exitcode(b12), VMEXIT_EXC + VEC_SX);
			CHECK_EQ(vmcb_exitinfo1(b12), 1);
			CHECK_EQ(vmcb_exitintinfo(b12), 0);
		} else {
			CHECK(b == N->vmcb02);
			CHECK_EQ(vmcb_eventinj(b), sx);
		}
		CHECK_EQ(V->requests, 0);
	}

	start(ALL, 0);
	good12();
	request_set(V, REQ_INIT);
	CHECK(!vmrun()); /* nobody's: core resets the CPU */
	CHECK_EQ(turn->exit.kind, EXIT_INIT);

	/* L2 has cleared GIF */
	start(SVM_F_NPT | SVM_F_NRIPS, 0);
	vmcb_set_intercept(good12(), ICPT_INIT, true);
	vmrun();
	executes(VMEXIT_CLGI, 3);
	request_set(V, REQ_INIT);
	CHECK(exits(VMEXIT_NMI) == N->vmcb02);
	CHECK(V->requests & BIT(REQ_INIT));
	CHECK(executes(VMEXIT_STGI, 3) == V->svm->vmcb01);
	CHECK_EQ(vmcb_exitcode(vmcb12()), VMEXIT_INIT);
}

/* Without nRIP save in hardware: a software interrupt that L1 injects returns
 * to its nRIP, a fault in its delivery to RIP. */
TEST(soft_interrupt_without_nrip)
{
	const u64 sw = EVINJ_V | EVINJ_SOFT | 0x80;
	const u64 pf = EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_PF | 5ull << 32;

	for (u32 i = 0; i < 8; i++) {
		bool cut = i & 1, asks = i & 2, offered = i & 4;
		struct vmcb *b12, *b;

		start(SVM_F_NPT, offered ? 0 : SVM_F_NRIPS);
		b12 = good12();
		vmcb_set_eventinj(b12, sw);
		vmcb_set_nrip(b12, 0x1002);
		vmcb_set_intercept(b12, ICPT_EXC0 + VEC_PF, asks);
		vmcb_set_intercept(b12, ICPT_CR0_WRITE, true);
		b = vmrun();
		CHECK_EQ(vmcb_rip(b), offered ? 0x1002 : 0x1000);
		CHECK_EQ(vmcb_intercepted(b, VMEXIT_EXC + VEC_PF),
			 asks || offered);
		if (!offered)
			continue;
		CHECK(vmcb_intercepted(b, VMEXIT_EXC + VEC_GP));
		CHECK(!vmcb_intercepted(b, VMEXIT_EXC + VEC_UD));
		if (!cut) { /* delivered */
			vmcb_set_rip(b, 0x5000);
			exits(VMEXIT_CR_WRITE);
			CHECK_EQ(vmcb_rip(b12), 0x5000);
			continue;
		}
		vmcb_set_exitintinfo(b, sw);
		vmcb_set_exitinfo1(b, 5);
		vmcb_set_exitinfo2(b, 0x4444);
		b = exits(VMEXIT_EXC + VEC_PF);
		if (asks) {
			CHECK(b == V->svm->vmcb01);
			CHECK_EQ(vmcb_rip(b12), 0x1000);
			CHECK_EQ(vmcb_exitintinfo(b12), sw);
		} else { /* L2's own fault */
			CHECK(b == N->vmcb02);
			CHECK_EQ(vmcb_rip(b), 0x1000);
			CHECK_EQ(vmcb_eventinj(b), pf);
			CHECK_EQ(vmcb_cr2(b), 0x4444);
			CHECK(!vmcb_intercepted(b, VMEXIT_EXC + VEC_GP));
		}
	}
}

/* With L1's virtual NMIs it is L2's IRET that ends their blocking: L0's own
 * intercept of it, for an NMI of L1's, must not stand in the way. */
TEST(nmi_virtual)
{
	for (u32 i = 0; i < 4; i++) {
		bool on = i & 1, has = i & 2;
		struct vmcb *b12, *b;

		start(ALL, has ? 0 : SVM_F_VNMI);
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_NMI, true);
		vmcb_set_vintr(b12,
			       on ? VINTR_NMI_ENABLE | VINTR_NMI_PENDING : 0);
		vmcb_set_intercept(V->svm->vmcb01, ICPT_IRET, true);
		b = vmrun();
		CHECK_EQ(vmcb_intercepted(b, ICPT_IRET), !(on && has));
		CHECK_EQ(!!(vmcb_vintr(b) & VINTR_NMI_PENDING), on && has);
		vmcb_set_vintr(b, on && has ? VINTR_NMI_ENABLE | VINTR_NMI_MASK
					    : 0);
		V->svm->nmi_pending = true;
		exits(VMEXIT_NMI);
		CHECK_EQ(vmcb_vintr(b12),
			 !on   ? 0
			 : has ? VINTR_NMI_ENABLE | VINTR_NMI_MASK
			       : VINTR_NMI_ENABLE | VINTR_NMI_PENDING);
	}
}

/* An exception that L0 raises in L2 is L1's if it asks for it. */
TEST(raised_in_l2)
{
	for (u32 i = 0; i < 2; i++) {
		struct vmcb *b12, *b;

		start(ALL, 0);
		b12 = good12();
		vmcb_set_intercept(b12, ICPT_EXC0 + VEC_UD, i);
		vmrun();
		b = executes(VMEXIT_SKINIT, 3);
		if (i) {
			CHECK(b == V->svm->vmcb01);
			CHECK_EQ(vmcb_exitcode(b12), VMEXIT_EXC + VEC_UD);
			CHECK_EQ(vmcb_rip(b12), 0x1000);
		} else {
			CHECK(b == N->vmcb02);
			CHECK_EQ(vmcb_eventinj(b),
				 EVINJ_V | EVINJ_EXC | VEC_UD);
		}
	}
}

/* An exit of L0's own cuts a delivery short: it is done again. */
TEST(delivered_again)
{
	const u64 sw = EVINJ_V | EVINJ_SOFT | 0x80;
	const u64 pf = EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_PF | 5ull << 32;
	struct vmcb *b;

	start(ALL, 0);
	vmcb_set_eventinj(good12(), sw);
	vmcb_set_nrip(vmcb12(), 0x1002);
	b = vmrun();
	CHECK_EQ(vmcb_eventinj(b), sw);
	CHECK_EQ(vmcb_nrip(b), 0x1002);
	vmcb_set_exitintinfo(b, sw);
	vmcb_set_nrip(b, 0);
	exits(VMEXIT_NMI); /* a kick */
	CHECK_EQ(vmcb_eventinj(b), sw);
	CHECK_EQ(vmcb_nrip(b), 0x1002);
	vmcb_set_exitintinfo(b, 0);
	exits(VMEXIT_NMI);
	CHECK_EQ(vmcb_eventinj(b), 0);
	/* the guest's own: executed again */
	vmcb_set_exitintinfo(b, sw);
	exits(VMEXIT_NMI);
	CHECK_EQ(vmcb_eventinj(b), 0);
	vmcb_set_exitintinfo(b, pf);
	exits(VMEXIT_NMI);
	CHECK_EQ(vmcb_eventinj(b), pf);
}

/* ------------------------------------------------------------------------ */
/* Nested page faults.							     */

/* L2's first page, by a leaf @e. */
static void map12(u64 e)
{
	put12(TABLES, (TABLES + 0x1000) | 0x27);
	put12(TABLES + 0x1000, (TABLES + 0x2000) | 0x27);
	put12(TABLES + 0x2000, (TABLES + 0x3000) | 0x27);
	put12(TABLES + 0x3000, e);
}

static u64 entry_at12(void)
{
	return rd_l1(TABLES + 0x3000, 8);
}

TEST(npf_of_l1)
{
	const u64 how = NPF_FINAL;
	static const struct {
		u64 leaf, info, want;
	} t[] = {
		{ 0, NPF_U, NPF_U },
		{ 0, NPF_U | NPF_W, NPF_U | NPF_W },
		{ 0, NPF_U | NPF_ID, NPF_U | NPF_ID },
		/* what npt02 has there, or had, is not L1's affair */
		{ 0, NPF_U | NPF_P | NPF_RSV, NPF_U },
		{ MiB(6) | 0x25, NPF_U | NPF_W, NPF_U | NPF_W | NPF_P },
		{ MiB(6) | 0x23, NPF_U, NPF_U | NPF_P }, /* supervisor */
		{ MiB(6) | 0x27 | BIT(63), NPF_U | NPF_ID,
		  NPF_U | NPF_ID | NPF_P },
		{ MiB(6) | 0x27 | BIT(51), NPF_U | NPF_W,
		  NPF_U | NPF_W | NPF_P | NPF_RSV },
	};

	for (u32 i = 0; i < 2 * ARRAY_SIZE(t); i++) {
		u32 k = i / 2;
		u64 where = i & 1 ? NPF_WALK : how;
		struct vmcb *b;

		start(ALL, 0);
		mode12(N_4, SHADOW_NX | SHADOW_1G);
		good12();
		map12(t[k].leaf);
		b = vmrun();
		CHECK(N->root && vmcb_ncr3(b) != vm.slat->root.v);
		vmcb_set_exitinfo1(b, t[k].info | where);
		vmcb_set_exitinfo2(b, 0x123);
		vmcb_set_exitintinfo(b, EVINJ_V | EVINJ_EXTINT | 0x30);
		CHECK(exits(VMEXIT_NPF) == V->svm->vmcb01);
		CHECK_EQ(vmcb_exitcode(vmcb12()), VMEXIT_NPF);
		CHECK_EQ(vmcb_exitinfo1(vmcb12()), t[k].want | where);
		CHECK_EQ(vmcb_exitinfo2(vmcb12()), 0x123);
		CHECK_EQ(vmcb_exitintinfo(vmcb12()),
			 EVINJ_V | EVINJ_EXTINT | 0x30);
	}
}

/* L1 allows it: filled, and L2 goes on; L0's own page is L0's to serve. */
TEST(npf_of_l0)
{
	struct vmcb *b;

	start(ALL, 0);
	mode12(N_4, SHADOW_NX | SHADOW_1G);
	good12();
	map12(MiB(6) | 0x27);
	b = vmrun();
	vmcb_set_exitinfo1(b, NPF_U | NPF_W | NPF_FINAL);
	vmcb_set_exitinfo2(b, 0x123);
	CHECK(exits(VMEXIT_NPF) == b);
	CHECK_EQ(entry_at12() & 0x60, 0x60); /* accessed, dirty */
	CHECK_EQ(naive_walk(&m02, vmcb_ncr3(b), 0x123).addr, MiB(6) + 0x123);

	CHECK(!slat_protect(vm.slat, L1PA(MiB(7)), HPA(MiB(7)), ACCESS_R));
	map12(MiB(7) | 0x27);
	vmcb_set_exitinfo1(b, NPF_U | NPF_W | NPF_FINAL | NPF_P);
	CHECK(!exits(VMEXIT_NPF)); /* core's */
	CHECK_EQ(turn->exit.kind, EXIT_MEMORY);
	CHECK_EQ(turn->exit.mem.gpa.v, MiB(7) + 0x123);
	CHECK_EQ(turn->exit.mem.access, ACCESS_W);
}

/* The formats that L1's own mode selects, and its EFER.NXE and CR4.PSE. */
TEST(npt_formats)
{
	static const struct {
		u64 efer, cr4;
		const struct pt_format *fmt;
		u64 flags, root;
	} t[] = {
		{ EFER_LMA, CR4_PAE, &pt_npt_4, SHADOW_1G, 0xabcdef000 },
		{ EFER_LMA | EFER_NXE, CR4_PAE, &pt_npt_4,
		  SHADOW_1G | SHADOW_NX, 0xabcdef000 },
		{ EFER_LMA, CR4_PAE | CR4_LA57, &pt_npt_5, SHADOW_1G,
		  0xabcdef000 },
		{ EFER_NXE, CR4_PAE, &pt_npt_pae, SHADOW_1G | SHADOW_NX,
		  0xbcdeffe0 },
		{ 0, CR4_PSE, &pt_npt_32, SHADOW_1G | SHADOW_PSE, 0xbcdef000 },
		{ 0, 0, &pt_npt_32, SHADOW_1G, 0xbcdef000 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		start(ALL, 0);
		good12();
		vmcb_set_ncr3(vmcb12(), 0xabcdefff0);
		vmcb_set_efer(V->svm->vmcb01, EFER_SVME | t[i].efer);
		vmcb_set_cr4(V->svm->vmcb01, t[i].cr4);
		vmcb_set_g_pat(V->svm->vmcb01, 0x0606060606060606);
		vmrun();
		CHECK(N->root12.fmt == t[i].fmt);
		CHECK_EQ(N->root12.flags, t[i].flags);
		CHECK_EQ(N->root12.root.v, t[i].root);
		CHECK_EQ(N->root12.pat, 0x0606060606060606);
	}
}

/* ------------------------------------------------------------------------ */
/* The ICR in x2APIC mode, where there are several CPUs.		     */

TEST(x2apic_icr)
{
	static const struct {
		u64 icr;
		u32 request; /* of the other CPU, or 32: passed on */
		u8 vector;
	} t[] = {
		{ 1ull << 32 | 0x4500, REQ_INIT, 0 },
		{ 1ull << 32 | 0x4608, REQ_SIPI, 8 },
		{ 1ull << 32 | 0x40fe, 32, 0 },
		{ 1ull << 32 | 0x0400, 32, 0 }, /* NMI */
	};
	u64 requests;

	nr_cpus_present = 2;
	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		start(ALL, 0);
		CHECK(svm_msr_trapped(&vm, MSR_X2APIC_ICR, true));
		CHECK(!svm_msr_trapped(&vm, MSR_X2APIC_ICR, false));
		vcpu2.run_state = VCPU_WAIT_SIPI;
		if (t[i].request == REQ_INIT)
			vcpu2.run_state = VCPU_RUNNING;
		V->gpr[RCX] = MSR_X2APIC_ICR;
		V->gpr[RDX] = t[i].icr >> 32;
		vmcb_set_rax(turn->entered, (u32)t[i].icr);
		vmcb_set_exitinfo1(turn->entered, 1);
		CHECK(executes(VMEXIT_MSR, 2) == V->svm->vmcb01);
		CHECK_EQ(vmcb_rip(turn->entered), L1_CODE + 2);
		requests = t[i].request < 32 ? BIT(t[i].request) : 0;
		CHECK_EQ(vcpu2.requests, requests);
		CHECK_EQ(hw.x2apic_icr, requests ? 0 : t[i].icr);
		CHECK_EQ(vcpu2.sipi_vector, t[i].vector);
		CHECK_EQ(V->requests, 0);
	}
	nr_cpus_present = 1;
	start(ALL, 0);
	CHECK(!svm_msr_trapped(&vm, MSR_X2APIC_ICR, true));
}
