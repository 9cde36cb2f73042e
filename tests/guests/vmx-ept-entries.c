/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each entry of EPT on the way to a page, at each level: every kind of
 * misconfiguration, which is found before the rights of all are judged, rights
 * that only all together give, accessed and dirty flags; the same for the walks
 * of L2's own paging structures.
 */
/* boot: emus=bochs bare timeout=60 */
/* boot: emus=bochs cpu=corei5_arrandale_m520 bare timeout=60 name=arrandale */
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

/* What is looked at: linear, under a PML4E of EPT of its own, in memory. */
#define LINEAR_AT 0x7e0000000000ull
#define GPA GiB(512)
#define PA MiB(64)
#define R 1ull
#define W 2ull
#define X 4ull
#define WB (6ull << 3)
#define LARGE BIT(7)
#define A BIT(8)
#define D BIT(9)
#define LINEAR (EPT_QUAL_LINEAR | EPT_QUAL_FINAL)
#define VIOL REASON_EPT_VIOLATION
#define MISC REASON_EPT_MISCONFIG
#define GOOD REASON_VMCALL

static struct vl2 l2;
extern u64 pml4[];
static u64 *ept;
static u64 eptp_ad;

PAYLOAD(do_read, "movb 0x123(%rdi), %al; vmcall")
PAYLOAD(do_write, "movb %al, 0x123(%rdi); vmcall")
PAYLOAD(do_fetch, "lea 0x123(%rdi), %rax; jmp *%rax")

static void prepare(void (*code)(void))
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_PROC2 | PROC_HLT)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4 | eptp_ad);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
}

static bool has_cap(u64 bits)
{
	return (rdmsr(MSR_VMX_EPT_VPID_CAP) & bits) == bits;
}

/* One EPT for all that follow; the entries on the way to GPA, by level. */
static u64 *way[5], whole[5];

static void find_way(void)
{
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	*table_entry(ept, GPA, 1, EPT_TABLE) = PA | EPT_PAGE;
	for (u32 l = 1; l <= 4; l++) {
		way[l] = table_entry(ept, GPA, l, EPT_TABLE);
		whole[l] = *way[l];
	}
	memcpy((void *)(PA + 0x123), "\x0f\x01\xc1", 3); /* VMCALL */
	prepare(do_read);
}

static void mend_way(void)
{
	for (u32 l = 1; l <= 4; l++)
		*way[l] = whole[l];
}

static u32 again(void (*code)(void))
{
	invept_insn(INVEPT_ALL, 0, 0);
	vmw(VMCS_GUEST_RIP, (u64)code);
	l2.gprs.rdi = LINEAR_AT;
	l2.gprs.rax = 0x0f; /* what do_write finds there: VMCALL stays */
	return vl2_run(&l2);
}

/* What an entry may be: a table's at levels 2 to 4, a page's at 1 to 3. */
static const struct shape {
	const char *name;
	u32 level;
	u64 leaf;     /* bits of a page's entry */
	u64 reserved; /* beside those above the address width */
} shapes[] = {
	{ "4k", 1, WB, 0 },
	{ "2m", 2, LARGE | WB, BITS(20, 12) },
	{ "1g", 3, LARGE | WB, BITS(29, 12) },
	{ "pde", 2, 0, BITS(6, 3) },
	{ "pdpte", 3, 0, BITS(6, 3) },
	{ "pml4e", 4, 0, BITS(7, 3) },
};

static u64 good_entry(const struct shape *s)
{
	u64 address = s->level == 1 || !s->leaf ? whole[s->level] & BITS(51, 12)
		      : s->level == 2		? PA
						: 0;

	return address | R | W | X | s->leaf;
}

/* Is the entry @e of that shape a misconfiguration? Counts the errors. */
static u32 misconfigured(const struct shape *s, u64 e, bool want)
{
	static void (*const codes[])(void) = { do_read, do_write, do_fetch };
	u32 bad = 0;

	for (u32 i = 0; i < ARRAY_SIZE(codes); i++) {
		u32 got;

		mend_way();
		*way[s->level] = e;
		got = again(codes[i]);
		if ((got == MISC) == want &&
		    (!want || vmr(VMCS_GUEST_PHYSICAL) == GPA + 0x123))
			continue;
		if (!bad++)
			print("info: %s %lx: exit %x\n", s->name, e, got);
	}
	mend_way();
	return bad;
}

static u64 reserved_bits(const struct shape *s)
{
	u32 width = cpuid_reg(0x80000008, 0, EAX) & 0xff;

	return s->reserved | BITS(51, width);
}

static void test_misconfigurations(void)
{
	/* emulator fault: see run() */
	bool lax = !on_abyme() && emulator() == EMU_BOCHS;
	char name[48];

	find_way();
	for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct shape *s = &shapes[i];
		u64 e = good_entry(s), bits = reserved_bits(s);
		u32 bad = 0;

		if (s->level == 3 && s->leaf && !has_cap(EPT_CAP_1G)) {
			check_eq(misconfigured(s, e, true), 0, "no-1g");
			continue;
		}
		memcpy((void *)(s->leaf && s->level == 3 ? 0x123 : PA + 0x123),
		       "\x0f\x01\xc1", 3);
		bad += misconfigured(s, e, false);
		bad += misconfigured(s, e & ~R, true);
		bad += misconfigured(s, e & ~(R | X), true);
		bad += misconfigured(s, e & ~(R | W),
				     !has_cap(EPT_CAP_EXEC_ONLY));
		if (lax && s->leaf)
			bits &= ~s->reserved;
		for (u32 b = 0; b < 52; b++)
			if (bits & BIT(b))
				bad += misconfigured(s, e | BIT(b), true);
		for (u64 t = 0; s->leaf && t < 8; t++)
			bad += misconfigured(s, (e & ~BITS(5, 3)) | t << 3,
					     t == 2 || t == 3 || t == 7);
		/* what software may use as it likes, ignore-PAT, accessed and
		 * dirty */
		bad += misconfigured(s,
				     e | BITS(61, 52) | BIT(11) | BIT(63) |
					     (s->leaf ? BIT(6) : 0) |
					     BITS(9, 8),
				     false);
		/* not present: nothing of it counts */
		bad += misconfigured(s, (e | bits) & ~(R | W | X), false);
		snprintf(name, sizeof(name), "misconfigurations-%s", s->name);
		check_eq(bad, 0, name);
	}
}

/* A misconfigured entry is found on the way, before the rights of all entries
 * are judged; one that is not present ends the way. */
static void test_precedence(void)
{
	u64 above[] = { R, R | X, R | W, 0, W };
	u32 bad = 0;

	find_way();
	for (u32 up = 2; up <= 4; up++)
		for (u32 low = 1; low < up; low++)
			for (u32 i = 0; i < ARRAY_SIZE(above); i++) {
				u64 bits = above[i];
				u32 want = bits ? MISC : VIOL, got;

				mend_way();
				*way[up] = (whole[up] & ~7ull) | bits;
				*way[low] |= BIT(51);
				got = again(i == 2 ? do_fetch : do_write);
				bad += got != want;
				if (got == VIOL && want == VIOL)
					bad += (vmr(VMCS_EXIT_QUALIFICATION) &
						BITS(8, 0)) != (W | LINEAR);
				/* and a misconfigured one above nothing */
				*way[low] = 0;
				if (bits == W)
					bad += again(do_write) != MISC;
			}
	check_eq(bad, 0, "precedence");
	mend_way();
}

/* Rights are those that all entries give; the exit tells them, and what was
 * tried. */
static void test_rights(void)
{
	static const struct {
		void (*code)(void);
		u64 need;
	} tries[] = { { do_read, R }, { do_write, W }, { do_fetch, X } };
	static const u64 rights[] = { R | W | X, R | W, R | X, R, X };
	u32 n = ARRAY_SIZE(rights) - !has_cap(EPT_CAP_EXEC_ONLY), bad = 0;

	find_way();
	for (u32 i = 0; i < 3 * 3 * n * n; i++) {
		u32 t = i % 3, up = 2 + i / 3 % 3;
		u64 a = rights[i / 9 % n], b = rights[i / 9 / n], q;
		u32 got;

		mend_way();
		*way[up] = (whole[up] & ~7ull) | a;
		*way[1] = (whole[1] & ~7ull) | b;
		got = again(tries[t].code);
		if (a & b & tries[t].need) {
			bad += got != GOOD;
			continue;
		}
		q = vmr(VMCS_EXIT_QUALIFICATION) & BITS(8, 0);
		if ((got == VIOL &&
		     q == (tries[t].need | (a & b) << 3 | LINEAR)) ||
		    bad++)
			continue;
		print("info: %lx of %lx and %lx at %u: exit %x, %lx\n",
		      tries[t].need, a, b, up, got, q);
	}
	check_eq(bad, 0, "rights");
	mend_way();
}

/* Accessed flags of all entries, the dirty flag of the last one only. */
static void test_ad_levels(void)
{
	u32 bad = 0;

	find_way();
	for (u32 i = 0; i < 2; i++) {
		for (u32 l = 1; l <= 4; l++)
			*way[l] = whole[l] & ~(A | D);
		check_eq(again(i ? do_write : do_read), GOOD, "ad-levels-run");
		for (u32 l = 1; l <= 4; l++)
			bad += (*way[l] & (A | D)) !=
			       (A | (l == 1 && i ? D : 0));
	}
	check_eq(bad, 0, "ad-levels");
}

/* --- L2's paging structures ---------------------------------------------------- */
/* A PDPTE of L2's at GPA, entry by entry of EPT; its accessed flag is set. */
static void test_walk_rights(void)
{
	extern u64 pdpt[];
	static const u64 rights[] = { R | W | X, R | W, R | X, R, X, 0 };
	u64 *mine = (u64 *)PA, need = eptp_ad ? R | W : R, q;
	static u64 top[512] __aligned(4096);
	u32 bad = 0, one = 0, got;

	find_way();
	memcpy(mine, pdpt, PAGE_SIZE);
	for (u32 i = 0; i < 512; i++)
		mine[i] |= mine[i] & 1 ? BIT(5) : 0;
	top[0] = GPA | 0x27;
	vmw(VMCS_GUEST_CR3, (u64)top);
	for (u32 i = 0; i < ARRAY_SIZE(rights); i++) {
		if (rights[i] == X && !has_cap(EPT_CAP_EXEC_ONLY))
			continue;
		*way[1] = (whole[1] & ~(7ull | A | D)) | rights[i];
		invept_insn(INVEPT_ALL, 0, 0);
		vmw(VMCS_GUEST_RIP, (u64)do_read);
		l2.gprs.rdi = MiB(96);
		got = vl2_run(&l2);
		if ((rights[i] & need) == need) {
			bad += got != GOOD;
			/* a walk counts as a write */
			bad += eptp_ad && (*way[1] & (A | D)) != (A | D);
			continue;
		}
		q = vmr(VMCS_EXIT_QUALIFICATION) & BITS(8, 0);
		one += !(q & R);
		if ((got == VIOL &&
		     (vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK) == GPA &&
		     (q | R) == (need | rights[i] << 3 | EPT_QUAL_LINEAR)) ||
		    bad++)
			continue;
		print("info: walk, %lx: exit %x, %lx at %lx\n", rights[i], got,
		      q, vmr(VMCS_GUEST_PHYSICAL));
	}
	check_eq(bad, 0, eptp_ad ? "walk-rights-ad" : "walk-rights");
	check_known(!one, "walk-is-a-read", eptp_ad ? EMU_BOCHS : EMU_NONE,
		    "with A/D flags a walk is told as a write only", "%u", one);
	/* misconfigured on the way of a walk */
	*way[1] = whole[1] | BIT(51);
	check_eq(again(do_read), MISC, "walk-misconfigured");
	check_eq(vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK, GPA,
		 "walk-misconfigured-gpa");
	vmw(VMCS_GUEST_CR3, read_cr3());
}

/* MOV to CR3 with PAE paging: PDPTEs where EPT has nothing. No linear address
 * belongs to that. */
extern const char cr3_code[];
__asm__(".text; .code32; cr3_code: mov %eax, %cr3; vmcall; .code64");

static void test_pdpte_load(void)
{
	extern u64 pds[];

	find_way();
	for (u32 i = 0; i < 4; i++)
		((u64 *)PA)[i] = (u64)&pds[512 * i] | 1;
	/* CR3 has 32 bits there: another address for the same page */
	table_map(ept, MiB(1023), PA, 1, EPT_TABLE, EPT_PAGE);
	prepare((void (*)(void))(u64)cr3_code);
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) & ~PROC_CR3_LOAD);
	vmw(VMCS_GUEST_CS_AR, 0xc09b);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0));
	for (u32 i = 0; i < 4; i++)
		vmw(VMCS_GUEST_PDPTE0 + 2 * i, ((u64 *)PA)[i]);
	l2.gprs.rax = MiB(1023);
	*table_entry(ept, MiB(1023), 1, EPT_TABLE) = 0;
	invept_insn(INVEPT_ALL, 0, 0);
	check_eq(vl2_run(&l2), VIOL, "pdpte-load");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION) & (EPT_QUAL_LINEAR | 7), R,
		 "pdpte-load-qualification");
	check_eq(vmr(VMCS_GUEST_PHYSICAL) & PAGE_MASK, MiB(1023),
		 "pdpte-load-gpa");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)cr3_code, "pdpte-load-rip");
	*table_entry(ept, MiB(1023), 1, EPT_TABLE) = PA | EPT_PAGE;
	invept_insn(INVEPT_ALL, 0, 0);
	check_eq(vl2_run(&l2), GOOD, "pdpte-load-mended");
	check_eq(vmr(VMCS_GUEST_CR3), MiB(1023), "pdpte-load-cr3");
}

/* With A/D flags on or off. */
static void test_entries(void)
{
	test_misconfigurations();
	test_precedence();
	test_rights();
	test_walk_rights();
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_EPT))
		die("vmx-ept", "no EPT");
	*table_entry(pml4, LINEAR_AT, 1, 7) = GPA | 0x67;
	if (has_cap(EPT_CAP_AD)) {
		eptp_ad = EPTP_AD;
		test_entries();
		test_ad_levels();
		eptp_ad = 0;
	}
	test_entries();
	test_pdpte_load();
	vmx_off();
}
