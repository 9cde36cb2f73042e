/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: nested/vmx_controls.c nested/vmx_perm.c nested/vmx_route.c nested/vmx_msrlist_rules.c core/msr_policy.c vmx/bitmap.c vmx/vmcs.c */
#include "tests/unit/unit.h"

#include "core/msr.h"
#include "core/x86.h"
#include "nested/vmx_controls.h"
#include "nested/vmx_msrlist_rules.h"
#include "nested/vmx_perm.h"
#include "nested/vmx_route.h"
#include "vmx/bitmap.h"

static u64 f[NR_VMCS_SLOTS];
static u64 ctl01[NR_VMX_GROUPS];

static struct vmx_controls02 merged(bool l0_io)
{
	struct vmx_controls02 c;

	vmx_merge_controls(&c, f, ctl01, l0_io);
	return c;
}

static void reset(void)
{
	memset(f, 0, sizeof(f));
	memset(ctl01, 0, sizeof(ctl01));
	ctl01[GROUP_EXIT] = EXITC_HOST64 | EXITC_SAVE_DEBUG | EXITC_SAVE_EFER |
			    EXITC_LOAD_EFER | EXITC_SAVE_PAT | EXITC_LOAD_PAT;
	ctl01[GROUP_ENTRY] = ENTRYC_IA32E | ENTRYC_LOAD_DEBUG |
			     ENTRYC_LOAD_EFER | ENTRYC_LOAD_PAT;
}

TEST(vmx_merge_processor_controls)
{
	struct vmx_controls02 c;

	reset();
	f[SLOT_PIN_CTLS] = PIN_EXTINT | PIN_NMI | PIN_VNMI;
	f[SLOT_PROC_CTLS] = PROC_HLT | PROC_INTR_WINDOW;
	f[SLOT_PROC2_CTLS] = PROC2_UNRESTRICTED | PROC2_PML;
	c = merged(false);
	CHECK_EQ(c.pin, f[SLOT_PIN_CTLS]);
	CHECK_EQ(c.proc, PROC_HLT | PROC_INTR_WINDOW | PROC_PROC2);
	/* Secondary controls count only when they are activated. */
	CHECK_EQ(c.proc2, PROC2_EPT);
	f[SLOT_PROC_CTLS] |= PROC_PROC2;
	CHECK_EQ(merged(false).proc2, PROC2_EPT | PROC2_UNRESTRICTED);
	/* Ports of L0's: a bitmap, unless all of them exit anyway. */
	CHECK(merged(true).proc & PROC_IO_BITMAP);
	f[SLOT_PROC_CTLS] |= PROC_IO;
	CHECK(!(merged(true).proc & PROC_IO_BITMAP));
}

/* What vmcs12 has goes over bit by bit (the monitor trap flag, say, which no
 * emulator has working), but for what L0 carries out itself. */
TEST(vmx_merge_every_control)
{
	for (u32 i = 0; i < 32; i++) {
		u64 bit = BIT(i);

		reset();
		f[SLOT_PIN_CTLS] = bit;
		CHECK_EQ(merged(false).pin, bit);
		reset();
		f[SLOT_PROC_CTLS] = bit;
		CHECK_EQ(merged(false).proc, bit | PROC_PROC2);
		CHECK_EQ(merged(false).proc2, PROC2_EPT);
		reset();
		f[SLOT_PROC_CTLS] = PROC_PROC2;
		f[SLOT_PROC2_CTLS] = bit;
		if (bit & (PROC2_PML | PROC2_VE))
			bit = 0;
		CHECK_EQ(merged(false).proc2, bit | PROC2_EPT);
	}
}

TEST(vmx_merge_exit_and_entry_controls)
{
	struct vmx_controls02 c;

	reset();
	c = merged(false);
	CHECK_EQ(c.exit, ctl01[GROUP_EXIT]);
	CHECK_EQ(c.entry, ctl01[GROUP_ENTRY] & ~(u64)ENTRYC_IA32E);
	f[SLOT_PIN_CTLS] = PIN_PREEMPTION;
	CHECK(merged(false).exit & EXITC_SAVE_PREEMPTION);
	f[SLOT_EXIT_CTLS] = EXITC_ACK_INTR | EXITC_CLEAR_BNDCFGS;
	CHECK(merged(false).exit & EXITC_ACK_INTR);
	CHECK(!(merged(false).exit & EXITC_CLEAR_BNDCFGS));
	f[SLOT_EXIT_CTLS] = 0;
	ctl01[GROUP_EXIT] |= EXITC_ACK_INTR;
	CHECK(!(merged(false).exit & EXITC_ACK_INTR));
	f[SLOT_ENTRY_CTLS] = ENTRYC_IA32E | ENTRYC_LOAD_PERF;
	CHECK(merged(false).entry & ENTRYC_IA32E);
	CHECK(!(merged(false).entry & ENTRYC_LOAD_PERF));
}

TEST(vmx_merge_efer)
{
	const u64 lm = EFER_LMA | EFER_LME;

	reset();
	f[SLOT_GUEST_CR0] = CR0_PE | CR0_PG;
	CHECK_EQ(vmx_efer02(f, lm | EFER_NXE), EFER_NXE);
	f[SLOT_ENTRY_CTLS] = ENTRYC_IA32E;
	CHECK_EQ(vmx_efer02(f, EFER_SCE), lm | EFER_SCE);
	/* LME is L1's own while L2 has no paging. */
	f[SLOT_ENTRY_CTLS] = 0;
	f[SLOT_GUEST_CR0] = 0;
	CHECK_EQ(vmx_efer02(f, lm), EFER_LME);
	f[SLOT_ENTRY_CTLS] = ENTRYC_LOAD_EFER;
	f[SLOT_GUEST_EFER] = EFER_SCE;
	CHECK_EQ(vmx_efer02(f, lm | EFER_NXE), EFER_SCE);

	CHECK_EQ(vmx_efer01(f, lm | EFER_NXE), EFER_NXE);
	f[SLOT_EXIT_CTLS] = EXITC_HOST64;
	CHECK_EQ(vmx_efer01(f, EFER_NXE), lm | EFER_NXE);
	f[SLOT_EXIT_CTLS] |= EXITC_LOAD_EFER;
	f[SLOT_HOST_EFER] = lm | EFER_SCE;
	CHECK_EQ(vmx_efer01(f, EFER_NXE), lm | EFER_SCE);
}

TEST(vmx_perm_words)
{
	static u64 l0[PERM_WORDS], l1[PERM_WORDS], both[PERM_WORDS];
	struct perm_list l;

	l0[3] = 5;
	l0[511] = BIT(63);
	perm_list(&l, l0);
	CHECK_EQ(l.n, 2);
	l1[3] = 6;
	l1[511] = BIT(63) | 1;
	memcpy(both, l1, sizeof(both));
	perm_add(both, l0, &l);
	CHECK_EQ(both[3], 7);
	CHECK_EQ(both[511], BIT(63) | 1);
	CHECK_EQ(both[4], 0);
	for (u32 i = 0; i < PERM_LIST_MAX + 1; i++)
		l0[i] = 1;
	perm_list(&l, l0);
	CHECK(l.many);
	memset(both, 0, sizeof(both));
	perm_add(both, l0, &l);
	CHECK_EQ(both[PERM_LIST_MAX], 1);
	CHECK_EQ(both[511], BIT(63));
}

static bool routed(u32 reason, struct vmx_route_in in)
{
	in.f = f;
	return vmx_route_l1(reason, &in);
}

TEST(vmx_route_exceptions)
{
	struct vmx_route_in pf = {
		.intr_info = INTR_INFO(INTR_TYPE_HARD_EXC, VEC_PF),
		.error = PF_W,
	};
	struct vmx_route_in nmi = {
		.intr_info = INTR_INFO(INTR_TYPE_NMI, VEC_NMI),
	};

	reset();
	CHECK(!routed(REASON_EXCEPTION_NMI, nmi));
	f[SLOT_EXCEPTION_BITMAP] = BIT(VEC_NMI);
	CHECK(!routed(REASON_EXCEPTION_NMI, nmi));
	f[SLOT_PIN_CTLS] = PIN_NMI;
	CHECK(routed(REASON_EXCEPTION_NMI, nmi));
	/* Bit 14 and the two page-fault fields, all four cases. */
	f[SLOT_EXCEPTION_BITMAP] = 0;
	f[SLOT_PF_ERROR_MASK] = PF_W;
	f[SLOT_PF_ERROR_MATCH] = PF_W;
	CHECK(!routed(REASON_EXCEPTION_NMI, pf));
	f[SLOT_PF_ERROR_MATCH] = 0;
	CHECK(routed(REASON_EXCEPTION_NMI, pf));
	f[SLOT_EXCEPTION_BITMAP] = BIT(VEC_PF);
	CHECK(!routed(REASON_EXCEPTION_NMI, pf));
	f[SLOT_PF_ERROR_MATCH] = PF_W;
	CHECK(routed(REASON_EXCEPTION_NMI, pf));
}

TEST(vmx_route_nmi_window)
{
	struct vmx_route_in in = { 0 };

	reset();
	CHECK(!routed(REASON_NMI_WINDOW, in));
	CHECK(routed(REASON_INTR_WINDOW, in));
	f[SLOT_PROC_CTLS] = PROC_NMI_WINDOW;
	CHECK(routed(REASON_NMI_WINDOW, in));
}

/* What CPUID does not show is #UD, even when L1 intercepts all. */
TEST(vmx_route_hidden)
{
	static const u32 hidden[] = { REASON_RDMSRLIST, REASON_WRMSRLIST,
				      REASON_URDMSR,	REASON_UWRMSR,
				      REASON_RDMSR_IMM, REASON_WRMSRNS_IMM };
	struct vmx_route_in in = { 0 };

	reset();
	f[SLOT_PROC_CTLS] = PROC_IO;
	for (u32 i = 0; i < ARRAY_SIZE(hidden); i++) {
		CHECK(!vmx_route_always(hidden[i]));
		CHECK(!routed(hidden[i], in));
	}
	CHECK(vmx_route_always(REASON_TDCALL));
	CHECK(vmx_route_always(REASON_XRSTORS));
}

TEST(vmx_route_msrs)
{
	static u8 map[4096];
	struct vmx_route_in in = { .msr = MSR_LSTAR, .msr_bitmap = map };

	reset();
	CHECK(routed(REASON_RDMSR, in));
	f[SLOT_PROC_CTLS] = PROC_MSR_BITMAP;
	CHECK(!routed(REASON_RDMSR, in));
	vmx_msr_bitmap_set(map, MSR_LSTAR, false, true);
	CHECK(!routed(REASON_RDMSR, in));
	CHECK(routed(REASON_WRMSR, in));
	in.msr = 0x40000000;
	CHECK(routed(REASON_RDMSR, in));
	in.msr = MSR_LSTAR;
	in.msr_bitmap = NULL;
	CHECK(routed(REASON_RDMSR, in));
}

TEST(vmx_route_ports)
{
	static u8 a[4096], b[4096];
	struct vmx_route_in in = { .io_bitmap = { a, b } };

	reset();
	in.qual = 0x3f8ull << 16;
	CHECK(!routed(REASON_IO, in));
	f[SLOT_PROC_CTLS] = PROC_IO;
	CHECK(routed(REASON_IO, in));
	f[SLOT_PROC_CTLS] = PROC_IO | PROC_IO_BITMAP;
	CHECK(!routed(REASON_IO, in));
	a[0x3f8 / 8] = 1;
	CHECK(routed(REASON_IO, in));
	/* Four ports from the one below; two do not get there. */
	in.qual = 0x3f5ull << 16 | 3;
	CHECK(routed(REASON_IO, in));
	in.qual = 0x3f5ull << 16 | 1;
	CHECK(!routed(REASON_IO, in));
	b[0] = 1;
	in.qual = 0x7fffull << 16 | 1;
	CHECK(routed(REASON_IO, in));
	in.qual = 0xffffull << 16 | 1;
	CHECK(routed(REASON_IO, in));
	in.qual = 0xffffull << 16;
	CHECK(!routed(REASON_IO, in));
}

TEST(vmx_route_mov_dr)
{
	struct vmx_route_in in = { .f = f };

	reset();
	CHECK(!routed(REASON_MOV_DR, in));
	f[SLOT_PROC_CTLS] |= PROC_MOV_DR;
	CHECK(routed(REASON_MOV_DR, in));
}

/* L0 adds nothing else. */
TEST(vmx_route_the_rest_is_l1s)
{
	reset();
	for (u32 r = 0; r < NR_VMX_REASONS + 5; r++)
		if (r != REASON_EXCEPTION_NMI && r != REASON_RDMSR &&
		    r != REASON_WRMSR && r != REASON_IO &&
		    r != REASON_NMI_WINDOW && r != REASON_MOV_DR &&
		    !vmx_route_hidden(r))
			CHECK(routed(r, (struct vmx_route_in){ 0 }));
}

/* Bus lock, enclave and shadow-stack bits come with an exit, whatever basic
 * reason L0 gives it; the failed entry's bit and SMM's are not handed on. */
TEST(vmx_exit_reason_modifiers)
{
	for (u32 i = 0; i < 32; i++) {
		bool on = i >= 25 && i <= 27;

		CHECK_EQ(vmx_reason12(REASON_EPT_MISCONFIG, 1u << i),
			 on ? REASON_EPT_MISCONFIG | 1u << i
			    : REASON_EPT_MISCONFIG);
	}
	CHECK_EQ(vmx_reason12(REASON_HLT | 1u << 26, REASON_HLT | 1u << 26),
		 REASON_HLT | 1u << 26);
}

static u64 written(const struct vmx_msr_write *w, u32 n, u32 msr)
{
	for (u32 i = 0; i < n; i++)
		if (w[i].msr == msr)
			return w[i].value;
	return ~0ull;
}

/* What is loaded by WRMSR, by the controls and by nothing else. */
TEST(vmx_merge_msr_writes)
{
	struct vmx_msr_write w[VMX_MSR_WRITES];
	u32 n;

	reset();
	f[SLOT_GUEST_PERF_GLOBAL] = 0x21;
	f[SLOT_HOST_PERF_GLOBAL] = 0x12;
	f[SLOT_GUEST_BNDCFGS] = 0x5001;
	f[SLOT_ENTRY_CTLS] = ~(u64)ENTRYC_LOAD_PERF;
	f[SLOT_EXIT_CTLS] = ~(u64)(EXITC_LOAD_PERF | EXITC_CLEAR_BNDCFGS);
	CHECK_EQ(vmx_entry_msrs(f, w), 0);
	CHECK_EQ(vmx_exit_msrs(f, w), 0);
	f[SLOT_ENTRY_CTLS] = ENTRYC_LOAD_PERF;
	n = vmx_entry_msrs(f, w);
	CHECK_EQ(n, 1);
	CHECK_EQ(written(w, n, MSR_PERF_GLOBAL_CTRL), 0x21);
	f[SLOT_EXIT_CTLS] = EXITC_LOAD_PERF;
	n = vmx_exit_msrs(f, w);
	CHECK_EQ(n, 1);
	CHECK_EQ(written(w, n, MSR_PERF_GLOBAL_CTRL), 0x12);
	f[SLOT_EXIT_CTLS] = EXITC_CLEAR_BNDCFGS;
	n = vmx_exit_msrs(f, w);
	CHECK_EQ(n, 1);
	CHECK_EQ(written(w, n, MSR_BNDCFGS), 0);
	f[SLOT_EXIT_CTLS] |= EXITC_LOAD_PERF;
	n = vmx_exit_msrs(f, w);
	CHECK_EQ(n, 2);
	CHECK_EQ(written(w, n, MSR_PERF_GLOBAL_CTRL), 0x12);
	CHECK_EQ(written(w, n, MSR_BNDCFGS), 0);
}

TEST(vmx_msr_areas)
{
	struct vmx_check_env e = {
		.efer_valid = EFER_SCE | EFER_NXE | EFER_LME | EFER_LMA,
		.debugctl_valid = 3,
		.la_bits = 48,
	};
	struct msr_entry m = { .index = MSR_LSTAR, .value = ~0ull };

	CHECK(msr_entry_loadable(&m, &e));
	CHECK(msr_entry_storable(&m));
	m.reserved = 1;
	CHECK(!msr_entry_loadable(&m, &e));
	CHECK(!msr_entry_storable(&m));
	m.reserved = 0;
	m.index = MSR_FS_BASE;
	CHECK(!msr_entry_loadable(&m, &e));
	CHECK(msr_entry_storable(&m));
	m.index = MSR_GS_BASE;
	CHECK(!msr_entry_loadable(&m, &e));
	for (m.index = MSR_X2APIC_FIRST; m.index <= MSR_X2APIC_LAST; m.index++)
		CHECK(!msr_entry_loadable(&m, &e) && !msr_entry_storable(&m));
	m.index = MSR_SMM_MONITOR_CTL;
	CHECK(!msr_entry_loadable(&m, &e));
	m = (struct msr_entry){ .index = MSR_EFER, .value = EFER_SVME };
	CHECK(!msr_entry_loadable(&m, &e));
	m.value = EFER_NXE;
	CHECK(msr_entry_loadable(&m, &e));
	m = (struct msr_entry){ .index = MSR_PAT, .value = 2 };
	CHECK(!msr_entry_loadable(&m, &e));
	m.value = 0x0007040600070406;
	CHECK(msr_entry_loadable(&m, &e));
	m = (struct msr_entry){ .index = MSR_SYSENTER_EIP, .value = BIT(50) };
	CHECK(!msr_entry_loadable(&m, &e));
	CHECK_EQ(msr_entry_field(MSR_EFER), VMCS_GUEST_EFER);
	CHECK_EQ(msr_entry_field(MSR_LSTAR), -1);
}

TEST(vmx_msr_entries_that_are_l0s)
{
	struct vmx_check_env e = { .la_bits = 48 };
	struct msr_entry m = { .index = MSR_BIOS_UPDT_TRIG };

	CHECK(!msr_entry_loadable(&m, &e)); /* an address of L0's */
	m.index = MSR_LSTAR;
	CHECK(msr_entry_native(&m));
	m.index = MSR_APIC_BASE;
	CHECK(!msr_entry_native(&m));
	m.index = MSR_MTRR_DEF_TYPE;
	CHECK(!msr_entry_native(&m));
	m.index = MSR_RTIT_CTL;
	CHECK(!msr_entry_native(&m));
	m.index = MSR_PEBS_ENABLE;
	CHECK(!msr_entry_native(&m));
	m.index = MSR_XSS;
	CHECK(msr_entry_native(&m));
	m.value = XSS_PT;
	CHECK(!msr_entry_native(&m));
}

TEST(vmx_msr_entry_efer)
{
	const u64 lm = EFER_LME | EFER_LMA;
	u64 r;

	CHECK(!msr_entry_efer(EFER_SCE | EFER_LME, lm, true, &r));
	CHECK_EQ(r, EFER_SCE | lm);
	CHECK(msr_entry_efer(EFER_SCE, lm, true, &r));
	CHECK(msr_entry_efer(lm, 0, true, &r));
	CHECK(!msr_entry_efer(lm, 0, false, &r));
	CHECK_EQ(r, EFER_LME);
}
