/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that VMRUN loads and #VMEXIT stores: DR6, DR7, PAT, CR2, CPL, the last
 * branch, the time stamp; what L1 has of its own afterwards; debug exceptions
 * of L2; software interrupts of L1's injection with nRIP, and faults in their
 * delivery; virtual NMIs where hardware has them.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu,bochs-svm name=off hv=svm.features=-nrip,-lbrv,-clean timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define VEC_SOFT 0x52
#define MSR_DEBUGCTL 0x1d9
#define BS BIT(14)
#define DR6_NONE 0xffff0ff0
#define PAT_RESET 0x0007040600070406ull

static struct l2 l2;
static u64 *npt;
static volatile struct {
	u32 count;
	u64 vector, error, rip, cr2;
} seen;

static enum emulator lax(enum emulator emu)
{
	return on_abyme() ? EMU_NONE : emu & emulator();
}

static bool on_event(struct regs *r)
{
	if (!seen.count++)
		seen.rip = r->rip;
	seen.vector = r->vector;
	seen.error = r->error;
	seen.cr2 = read_cr2();
	if (r->vector == VEC_GP || r->vector == VEC_PF)
		r->rip = (u64)seen.rip + 3; /* over a VMMCALL's length */
	return true;
}

static void prepare(void (*code)(void))
{
	l2_init(&l2, code);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, ~0u);
	memset((void *)&seen, 0, sizeof(seen));
}

/* --- debug registers ----------------------------------------------------------- */
PAYLOAD(do_vmmcall, "vmmcall; nop; nop; vmmcall")
PAYLOAD(do_read_drs, "mov %dr6, %rbx; mov %dr7, %rcx; mov %dr0, %rdx; vmmcall")
PAYLOAD(do_write_drs, "mov %rbx, %dr6; mov %rcx, %dr7; mov %rdx, %dr3; vmmcall")
PAYLOAD(do_store, "movq $1, (%rdi); nop; vmmcall")
PAYLOAD(do_nop, "nop; nop; vmmcall")

static void test_drs(void)
{
	static u64 watched;

	write_dr0(0x1234);
	write_dr7(0x400);
	prepare(do_read_drs);
	vmcb_set_dr6(l2.vmcb, DR6_NONE | 3);
	vmcb_set_dr7(l2.vmcb, 0x700);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "drs-exit");
	check_eq(l2.gprs.rbx, DR6_NONE | 3, "dr6-loaded");
	check_eq(l2.gprs.rcx, 0x700, "dr7-loaded");
	check_eq(l2.gprs.rdx, 0x1234, "dr0-is-shared");
	write_dr7(0x500);
	prepare(do_write_drs);
	l2.gprs.rbx = DR6_NONE | 5;
	l2.gprs.rcx = 0x600;
	l2.gprs.rdx = 0x4321;
	l2_run(&l2);
	check_eq(vmcb_dr6(l2.vmcb), DR6_NONE | 5, "dr6-stored");
	check_eq(vmcb_dr7(l2.vmcb), 0x600, "dr7-stored");
	check_known(read_dr7() == 0x400, "dr7-of-l1", lax(EMU_QEMU),
		    "#VMEXIT does not set DR7", "%lx", read_dr7());
	check_known(read_dr6() == (DR6_NONE | 5), "dr6-of-l1", lax(EMU_QEMU),
		    "#VMEXIT loads the host's DR6", "%lx", read_dr6());
	check_eq(read_dr3(), 0x4321, "dr3-is-shared");
	/* a breakpoint that VMRUN arms */
	prepare(do_store);
	l2.gprs.rdi = (u64)&watched;
	write_dr0((u64)&watched);
	vmcb_set_dr7(l2.vmcb, 0x400 | 0xd0000 | 2);
	check_known(l2_run(&l2) == VMEXIT_EXC + VEC_DB, "breakpoint-exit",
		    EMU_QEMU, "VMRUN does not arm DR7", "%lx",
		    vmcb_exitcode(l2.vmcb));
	write_dr0(0);
	/* single step */
	prepare(do_nop);
	vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | RFLAGS_TF);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_DB, "step-exit");
	check_eq(vmcb_rip(l2.vmcb), (u64)do_nop + 1, "step-rip");
	check_known(vmcb_dr6(l2.vmcb) & BS, "step-dr6", EMU_BOCHS,
		    "an intercepted #DB tells no cause", "%lx",
		    vmcb_dr6(l2.vmcb));
	check(vmcb_rflags(l2.vmcb) & RFLAGS_TF, "step-tf", "%lx",
	      vmcb_rflags(l2.vmcb));
}

/* --- PAT ------------------------------------------------------------------------- */
PAYLOAD(do_rdpat, "mov $0x277, %ecx; rdmsr; vmmcall")
PAYLOAD(do_wrpat, "mov $0x277, %ecx; wrmsr; vmmcall")

static u64 pat_in_l2(bool np, u64 g_pat)
{
	prepare(do_rdpat);
	vmcb_set_g_pat(l2.vmcb, g_pat);
	if (np) {
		vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
		vmcb_set_ncr3(l2.vmcb, (u64)npt);
	}
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "pat-exit");
	return l2.gprs.rdx << 32 | (u32)vmcb_rax(l2.vmcb);
}

static void test_pat(void)
{
	const u64 other = 0x0606060606060606;
	u64 mine = rdmsr(MSR_PAT);

	check_eq(pat_in_l2(false, other), mine, "pat-without-npt");
	if (!svm_has(SVM_NPT))
		return;
	check_known(pat_in_l2(true, other) == other, "pat-with-npt", EMU_ANY,
		    "g_pat is ignored", "%lx", mine);
	prepare(do_wrpat);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	vmcb_set_rax(l2.vmcb, 0x00070106);
	l2.gprs.rdx = 0x00070106;
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "pat-write");
	check_known(vmcb_g_pat(l2.vmcb) == 0x0007010600070106, "pat-stored",
		    EMU_ANY, "g_pat is ignored", "%lx", vmcb_g_pat(l2.vmcb));
	check_known(rdmsr(MSR_PAT) == mine, "pat-of-l1", EMU_ANY,
		    "PAT is shared", "%lx", rdmsr(MSR_PAT));
	wrmsr(MSR_PAT, mine);
	prepare(do_rdpat);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	vmcb_set_g_pat(l2.vmcb, 2);
	check_known(l2_run(&l2) == VMEXIT_INVALID, "pat-illegal", lax(EMU_ANY),
		    "g_pat is not checked", "%lx", vmcb_exitcode(l2.vmcb));
}

/* --- CR2, CPL, flags, time --------------------------------------------------------- */
PAYLOAD(do_cr2, "mov %cr2, %rbx; mov %rcx, %cr2; vmmcall")
PAYLOAD(do_hlt, "hlt")
PAYLOAD(do_flags, "pushf; pop %rbx; std; stc; vmmcall")
PAYLOAD(do_tsc, "rdtsc; vmmcall")
PAYLOAD(do_crs, "mov %cr4, %rax; xor $0x80, %rax; mov %rax, %cr4;"
		"mov %cr0, %rax; or $8, %rax; mov %rax, %cr0; vmmcall")

static void user(void)
{
	struct vmcb_seg cs = *vmcb_cs(l2.vmcb), ss = *vmcb_ss(l2.vmcb);

	cs.sel = SEL_USER64 | 3;
	cs.attr |= VSEG_DPL;
	ss.sel = SEL_USER_DATA | 3;
	ss.attr |= VSEG_DPL;
	vmcb_set_cs(l2.vmcb, &cs);
	vmcb_set_ss(l2.vmcb, &ss);
	vmcb_set_cpl(l2.vmcb, 3);
}

static void test_cpl(void)
{
	prepare(do_vmmcall);
	user();
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "cpl-3-vmmcall");
	check_eq(vmcb_cpl(l2.vmcb), 3, "cpl-3-stored");
	check_eq(vmcb_cs(l2.vmcb)->sel, SEL_USER64 | 3, "cpl-3-cs");
	/* CPL is looked at before the intercept */
	prepare(do_hlt);
	user();
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_GP, "cpl-3-hlt");
	check_eq(vmcb_exitinfo1(l2.vmcb), 0, "cpl-3-hlt-error");
	prepare(do_hlt);
	check_eq(l2_run(&l2), VMEXIT_HLT, "cpl-0-hlt");
	check_eq(vmcb_cpl(l2.vmcb), 0, "cpl-0-stored");
}

static void test_registers(void)
{
	u64 t0, t1;

	prepare(do_cr2);
	vmcb_set_cr2(l2.vmcb, 0xabc000);
	l2.gprs.rcx = 0xdef000;
	l2_run(&l2);
	check_known(l2.gprs.rbx == 0xabc000, "cr2-loaded", EMU_BOCHS,
		    "VMRUN does not load CR2", "%lx", l2.gprs.rbx);
	check_eq(vmcb_cr2(l2.vmcb), 0xdef000, "cr2-stored");
	prepare(do_flags);
	vmcb_set_rflags(l2.vmcb, RFLAGS_FIXED | 0x4);
	l2_run(&l2);
	check_eq(l2.gprs.rbx & 0xfff, RFLAGS_FIXED | 0x4, "flags-loaded");
	check_eq(vmcb_rflags(l2.vmcb) & 0xfff, RFLAGS_FIXED | 0x405,
		 "flags-stored");
	check(!(read_flags() & 0x400), "flags-of-l1", "%lx", read_flags());
	prepare(do_crs);
	l2_run(&l2);
	check_eq(vmcb_cr4(l2.vmcb), read_cr4() ^ CR4_PGE, "cr4-stored");
	check_eq(vmcb_cr0(l2.vmcb), read_cr0() | 8, "cr0-stored");
	check(!(read_cr0() & 8), "cr0-of-l1", "%lx", read_cr0());
	prepare(do_tsc);
	vmcb_set_tsc_offset(l2.vmcb, BIT(50));
	t0 = rdtsc();
	l2_run(&l2);
	t1 = l2.gprs.rdx << 32 | (u32)vmcb_rax(l2.vmcb);
	check(t1 - BIT(50) - t0 < BIT(40), "tsc-offset", "%lx, then %lx", t0,
	      t1);
	check(rdtsc() - t0 < BIT(40), "tsc-of-l1", "%lx", rdtsc());
}

/* --- last branch --------------------------------------------------------------------- */
PAYLOAD(do_branch, "mov $0x1d9, %ecx; mov $1, %eax; xor %edx, %edx; wrmsr;"
		   "jmp 1f; nop; 1: vmmcall")

static void test_lbr(void)
{
	u64 mine = rdmsr(MSR_DEBUGCTL);

	if (!svm_has(SVM_LBRV)) {
		skip("lbr", "no LBR virtualization");
		return;
	}
	prepare(do_branch);
	vmcb_set_virt_ext(l2.vmcb, VIRT_LBR);
	vmcb_set_br_from(l2.vmcb, 0x1111);
	vmcb_set_br_to(l2.vmcb, 0x2222);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "lbr-exit");
	check_known(vmcb_dbgctl(l2.vmcb) == 1, "lbr-dbgctl", EMU_BOCHS,
		    "the MSR is not there", "%lx", vmcb_dbgctl(l2.vmcb));
	check_known(vmcb_br_to(l2.vmcb) == vmcb_rip(l2.vmcb), "lbr-to",
		    EMU_BOCHS, "not recorded", "%lx", vmcb_br_to(l2.vmcb));
	check_eq(rdmsr(MSR_DEBUGCTL), mine, "lbr-dbgctl-of-l1");
}

/* --- software interrupts with nRIP ---------------------------------------------------- */
extern const char soft_at[], soft_next[];
PAYLOAD(do_soft, ".globl soft_at, soft_next; soft_at: int $0x52;"
		 "nop; soft_next: vmmcall; vmmcall")

static void prepare_soft(u64 event)
{
	prepare(do_soft);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, 0);
	vmcb_set_eventinj(l2.vmcb, event);
	vmcb_set_nrip(l2.vmcb, (u64)soft_next);
}

/* Without nRIP save L2 goes on at the instruction itself. */
static void check_soft(const char *name)
{
	bool nrip = svm_has(SVM_NRIPS);

	check_known(seen.rip == (u64)(nrip ? soft_next : soft_at) &&
			    seen.count == (nrip ? 1 : 2),
		    name, EMU_BOCHS, "nRIP does not count in injection",
		    "%u times, first %lx", seen.count, seen.rip);
}

static void test_soft(void)
{
	const u64 soft = EVINJ_V | EVINJ_SOFT | VEC_SOFT;

	/* returns behind the instruction */
	prepare_soft(soft);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "soft-exit");
	check_eq(seen.vector, VEC_SOFT, "soft-vector");
	check_soft("soft-rip");
	check_eq(vmcb_rip(l2.vmcb), (u64)soft_next, "soft-end");
	/* its delivery faults, L1 intercepts that: RIP is the instruction's */
	prepare_soft(soft);
	l2.vmcb->idtr_.limit = 16 * 16 - 1;
	l2_intercept(&l2, ICPT_EXC0 + VEC_GP, true);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_GP, "soft-fault-exit");
	check_eq(vmcb_rip(l2.vmcb), (u64)soft_at, "soft-fault-rip");
	check_eq(vmcb_exitintinfo(l2.vmcb), soft, "soft-fault-info");
	/* L1 does not: the handler finds the instruction's address */
	prepare_soft(soft);
	l2.vmcb->idtr_.limit = 16 * 16 - 1;
	l2_intercept(&l2, ICPT_SHUTDOWN, true);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "soft-gp-exit");
	check_eq(seen.vector, VEC_GP, "soft-gp-vector");
	check_eq(seen.rip, (u64)soft_at, "soft-gp-rip");
	check_known(seen.error == VEC_SOFT * 8 + 2, "soft-gp-error", EMU_QEMU,
		    "the vector times 16, not 8", "%lx", seen.error);
	check_eq(seen.count, 1, "soft-gp-once");
}

/* A #PF while the frame is pushed: CR2 and the error code get through. */
static void test_soft_pf(void)
{
	const u64 soft = EVINJ_V | EVINJ_SOFT | VEC_SOFT;
	static u8 good_stack[4096] __aligned(4096);

	prepare_soft(soft);
	vmcb_set_rsp(l2.vmcb, 0x7f0000001000);
	l2_intercept(&l2, ICPT_EXC0 + VEC_PF, true);
	check_eq(l2_run(&l2), VMEXIT_EXC + VEC_PF, "soft-pf-exit");
	check_eq(vmcb_exitinfo1(l2.vmcb) & ~4ull, 2, "soft-pf-error");
	check_eq(vmcb_exitinfo2(l2.vmcb) & PAGE_MASK, 0x7f0000000000,
		 "soft-pf-address");
	check_eq(vmcb_rip(l2.vmcb), (u64)soft_at, "soft-pf-rip");
	/* and again, as a hypervisor does, with a stack this time */
	vmcb_set_rsp(l2.vmcb, (u64)good_stack + 4096);
	vmcb_set_eventinj(l2.vmcb, vmcb_exitintinfo(l2.vmcb));
	vmcb_set_nrip(l2.vmcb, (u64)soft_next);
	l2_intercept(&l2, ICPT_EXC0 + VEC_PF, false);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "soft-again-exit");
	check_eq(seen.vector, VEC_SOFT, "soft-again-vector");
}

/* Through an NPF of L0's making: L1's table allows, L2 has not been there. */
static void test_soft_npf(void)
{
	if (!svm_has(SVM_NPT))
		return;
	prepare_soft(EVINJ_V | EVINJ_SOFT | VEC_SOFT);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "soft-npf-exit");
	check_soft("soft-npf-rip");
}

/* --- virtual NMIs --------------------------------------------------------------------- */
static void test_vnmi(void)
{
	if (!svm_has(SVM_VNMI)) {
		skip("vnmi", "no virtual NMIs");
		return;
	}
	prepare(do_nop);
	vmcb_set_intercept_word(l2.vmcb, ICPT_EXC, 0);
	l2_intercept(&l2, ICPT_NMI, true);
	vmcb_set_vintr(l2.vmcb, VINTR_NMI_ENABLE | VINTR_NMI_PENDING);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "vnmi-exit");
	check_eq(seen.vector, VEC_NMI, "vnmi-seen");
	check_eq(vmcb_vintr(l2.vmcb) & VINTR_NMI_PENDING, 0, "vnmi-taken");
}

void main(void)
{
	static const u8 vectors[] = { VEC_SOFT, VEC_GP, VEC_NMI };

	svm_on();
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		set_hook(vectors[i], on_event);
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	test_drs();
	test_pat();
	test_cpl();
	test_registers();
	test_lbr();
	test_soft();
	test_soft_pf();
	test_soft_npf();
	test_vnmi();
}
