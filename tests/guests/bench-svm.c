/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nested SVM costs, operation by operation. */
#include "tests/guests/lib/bench.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define TRIPS 1000

static struct l2 l2;
static u64 *npt;

PAYLOAD(l2_vmmcall, ".rept 1100; vmmcall; .endr; ud2")
PAYLOAD(l2_cpuid, ".rept 1100; cpuid; .endr; ud2")
PAYLOAD(l2_touch, "1: movb $1, (%rdi); add $4096, %rdi; dec %rcx; jnz 1b;"
		  "vmmcall")

static void prepare(void (*code)(void))
{
	l2_init(&l2, code);
	l2_intercept(&l2, ICPT_CPUID, true);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
}

static void trips_bare(u32 n, u32 len)
{
	for (u32 i = 0; i < n; i++) {
		svm_enter_bare(l2.vmcb, &l2.gprs);
		l2_skip(&l2, len);
	}
}

static void trips_full(u32 n, u32 len)
{
	for (u32 i = 0; i < n; i++) {
		clgi();
		svm_enter(l2.vmcb, &l2.gprs, svm_host);
		stgi();
		l2_skip(&l2, len);
	}
}

static void bench_exits(void)
{
	static const struct {
		const char *name;
		void (*code)(void);
		void (*trips)(u32, u32);
		u64 want;
		u32 len;
	} rows[] = {
		{ "svm-vmmcall", l2_vmmcall, trips_bare, VMEXIT_VMMCALL, 3 },
		{ "svm-cpuid", l2_cpuid, trips_bare, VMEXIT_CPUID, 2 },
		{ "svm-vmmcall-full", l2_vmmcall, trips_full, VMEXIT_VMMCALL,
		  3 },
		{ "svm-cpuid-full", l2_cpuid, trips_full, VMEXIT_CPUID, 2 },
	};
	struct bench b;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		prepare(rows[i].code);
		rows[i].trips(10, rows[i].len); /* L0 fills its tables */
		bench_start(&b);
		rows[i].trips(TRIPS, rows[i].len);
		bench_end(&b, rows[i].name, TRIPS);
		check_eq(vmcb_exitcode(l2.vmcb), rows[i].want, "exit-code");
		stgi();
	}
}

static void bench_l1_cpuid(void)
{
	struct bench b;
	u32 r[4];

	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		cpuid(0, 0, r);
	bench_end(&b, "l1-cpuid", TRIPS);
	/* a leaf of which L0 changes a few bits */
	bench_start(&b);
	for (u32 i = 0; i < TRIPS; i++)
		cpuid(1, 0, r);
	bench_end(&b, "svm-l1-cpuid-edited", TRIPS);
}

/* L2 writes to each of @pages pages from page @first on. */
static u64 touch(u32 first, u32 pages)
{
	vmcb_set_rip(l2.vmcb, (u64)l2_touch);
	l2.gprs.rdi = BENCH_GPA + first * PAGE_SIZE;
	l2.gprs.rcx = pages;
	svm_enter_bare(l2.vmcb, &l2.gprs);
	return vmcb_exitcode(l2.vmcb);
}

static void bench_touch(void)
{
	static const struct {
		const char *name;
		u64 bits; /* of the leaves; 0: as they are */
		u32 tlb;
	} rows[] = {
		{ "svm-touch-ad-clear", NPT_PAGE, TLB_FLUSH_ALL },
		{ "svm-touch-again", 0, TLB_NOTHING },
		{ "svm-touch-after-flush", 0, TLB_FLUSH_ALL },
	};
	struct bench b;
	u64 code;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].bits)
			table_map(npt, BENCH_GPA, BENCH_PA, BENCH_PAGES,
				  NPT_TABLE, rows[i].bits);
		vmcb_set_tlb_control(l2.vmcb, rows[i].tlb);
		bench_start(&b);
		code = touch(0, BENCH_PAGES);
		bench_end(&b, rows[i].name, BENCH_PAGES);
		check_eq(code, VMEXIT_VMMCALL, "touch-exit");
		vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
	}
	/* the same pages through other tables and another ASID: A/D are set */
	npt = table_identity(NPT_TABLE, NPT_PAGE | NPT_AD);
	table_map(npt, BENCH_GPA, BENCH_PA, BENCH_PAGES, NPT_TABLE | NPT_AD,
		  NPT_PAGE | NPT_AD);
	prepare(l2_touch);
	vmcb_set_asid(l2.vmcb, 2);
	bench_start(&b);
	code = touch(0, BENCH_PAGES);
	bench_end(&b, "svm-touch-ad-set", BENCH_PAGES);
	check_eq(code, VMEXIT_VMMCALL, "touch-exit");
}

/*
 * A VMRUN that flushes, after L2 has used @pages pages: what L0 does for it
 * must not depend on how many there are.
 */
static u64 flush_after(u32 pages, u32 tlb, const char *name)
{
	struct bench b;
	u64 t;

	vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
	for (u32 i = 0; i < 3; i++) {
		check_eq(touch(0, pages), VMEXIT_VMMCALL, "flush-touch");
		vmcb_set_tlb_control(l2.vmcb, TLB_NOTHING);
	}
	vmcb_set_tlb_control(l2.vmcb, tlb);
	bench_start(&b);
	touch(0, 1);
	t = rdtsc() - b.tsc;
	bench_end(&b, name, 1);
	return t;
}

static void bench_flush(void)
{
	static const struct {
		const char *few, *many;
		u32 tlb;
	} rows[] = { { "svm-flush-all-1", "svm-flush-all-2048", TLB_FLUSH_ALL },
		     { "svm-flush-asid-1", "svm-flush-asid-2048",
		       TLB_FLUSH_ASID } };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 few, many;

		if (rows[i].tlb == TLB_FLUSH_ASID && !svm_has(SVM_FLUSH_ASID))
			break;
		few = flush_after(1, rows[i].tlb, rows[i].few);
		many = flush_after(BENCH_PAGES, rows[i].tlb, rows[i].many);
		check(many < few + few / 2, "flush-cost-is-constant",
		      "%lu after 1 page, %lu after %u", few, many, BENCH_PAGES);
	}
}

/* Pages that L1 maps only when L2 faults on them, one NPF a page. */
static void bench_npf(const char *name, u32 first, u32 pages)
{
	struct bench b;
	u32 faults = 0;
	u64 code;

	prepare(l2_touch);
	vmcb_set_asid(l2.vmcb, 3);
	bench_start(&b);
	for (code = touch(first, pages); code == VMEXIT_NPF; faults++) {
		u64 gpa = vmcb_exitinfo2(l2.vmcb) & PAGE_MASK;

		*table_entry(npt, gpa, 1, NPT_TABLE) =
			(BENCH_PA + (gpa - BENCH_GPA)) | NPT_PAGE;
		svm_enter_bare(l2.vmcb, &l2.gprs);
		code = vmcb_exitcode(l2.vmcb);
	}
	bench_end(&b, name, pages);
	check_eq(code, VMEXIT_VMMCALL, "npf-exit");
	check_eq(faults, pages, "npf-count");
}

void main(void)
{
	svm_on();
	if (!svm_has(SVM_NPT))
		die("svm-npt", "no nested paging");
	map_2m(BENCH_GPA, BENCH_PAGES * PAGE_SIZE, 0x87);
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	bench_l1_cpuid();
	bench_exits();
	prepare(l2_touch);
	bench_touch();
	bench_flush();
	npt = table_identity(NPT_TABLE, NPT_PAGE);
	bench_npf("svm-npf-first", 0, 64);
	bench_npf("svm-npf-middle", 64, BENCH_PART - 128);
	bench_npf("svm-npf-last", BENCH_PART - 64, 64);
	stgi();
}
