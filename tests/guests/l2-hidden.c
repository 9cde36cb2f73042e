/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L1 lets its L2 have the pages in which L0 lives: with its own second-stage
 * tables, in 4 KiB and 2 MiB pages, and without. L2 finds what L1 finds there,
 * one page again and again, may overwrite and execute it, and L0 goes on.
 */
/* boot: emus=qemu,bochs,bochs-svm timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

#define GPA GiB(4) /* L2's way to L0, linear and physical */
#define GPA_LARGE GiB(5)
#define LARGE BIT(7)
#define MARK 0x1122334455667788ul
#define HLT 0xf4

/* HLT exits on both. */
PAYLOAD(do_read, "mov (%rdi), %rbx; hlt")
PAYLOAD(do_fill, "1: mov %rbx, (%rdi); add $4096, %rdi; dec %rcx; jnz 1b; hlt")
PAYLOAD(do_jump, "jmp *%rdi")

struct l2_run_in {
	void (*code)(void);
	const void *root; /* NULL: no second stage of L1's */
	u64 rdi, rbx, rcx;
};

struct l2_run_out {
	bool hlt;
	u64 rbx, rip;
};

static struct l2_run_out run_svm(const struct l2_run_in *in)
{
	static struct l2 l;
	struct l2_run_out out;

	l2_init(&l, in->code);
	vmcb_set_intercept_word(l.vmcb, ICPT_EXC, ~0u);
	vmcb_set_tlb_control(l.vmcb, TLB_FLUSH_ALL);
	if (in->root) {
		vmcb_set_nested_ctl(l.vmcb, NESTED_NP);
		vmcb_set_ncr3(l.vmcb, (u64)in->root);
	}
	l.gprs.rdi = in->rdi;
	l.gprs.rbx = in->rbx;
	l.gprs.rcx = in->rcx;
	out.hlt = l2_run(&l) == VMEXIT_HLT;
	out.rbx = l.gprs.rbx;
	out.rip = vmcb_rip(l.vmcb);
	return out;
}

static struct l2_run_out run_vmx(const struct l2_run_in *in)
{
	static struct vl2 l;
	struct l2_run_out out;

	vl2_init(&l, in->code);
	vmw(VMCS_EXCEPTION_BITMAP, ~0u);
	if (in->root) {
		vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_PROC2 | PROC_HLT)));
		vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
		vmw(VMCS_EPTP, (u64)in->root | EPTP_WB | EPTP_WALK4);
		invept_insn(INVEPT_ALL, 0, 0);
	}
	l.gprs.rdi = in->rdi;
	l.gprs.rbx = in->rbx;
	l.gprs.rcx = in->rcx;
	out.hlt = vl2_run(&l) == REASON_HLT;
	out.rbx = l.gprs.rbx;
	out.rip = vmr(VMCS_GUEST_RIP);
	return out;
}

static bool amd;

static struct l2_run_out run(struct l2_run_in in)
{
	return amd ? run_svm(&in) : run_vmx(&in);
}

static u64 at(u64 pa)
{
	return *(volatile u64 *)pa;
}

/* L2 reads L1's mark at @to, overwrites all pages from there on. */
static void probe(const char *how, const struct hole *h, const void *root,
		  u64 to, u64 pages)
{
	struct l2_run_out out;
	char name[40];

	*(volatile u64 *)h->start = MARK;
	out = run((struct l2_run_in){ do_read, root, to, 0, 0 });
	snprintf(name, sizeof(name), "%s-read", how);
	check(out.hlt && out.rbx == MARK, name, "%lx", out.rbx);
	out = run((struct l2_run_in){ do_fill, root, to, ~MARK, pages });
	snprintf(name, sizeof(name), "%s-fill", how);
	check(out.hlt, name, "rip %lx", out.rip);
	snprintf(name, sizeof(name), "%s-one-page", how);
	check(at(h->start) == ~MARK && at(h->end - PAGE_SIZE) == ~MARK, name,
	      "%lx %lx", at(h->start), at(h->end - PAGE_SIZE));
	*(volatile u8 *)h->start = HLT;
	out = run((struct l2_run_in){ do_jump, root, to, 0, 0 });
	snprintf(name, sizeof(name), "%s-fetch", how);
	check(out.hlt && (out.rip & ~1ull) == to, name, "rip %lx", out.rip);
}

static void test(const struct hole *h)
{
	u64 table = amd ? NPT_TABLE : EPT_TABLE;
	u64 page = amd ? NPT_PAGE : EPT_PAGE;
	u64 pages = (h->end - h->start) / PAGE_SIZE;
	u64 large = (h->start + MiB(2) - 1) & ~(MiB(2) - 1);
	u64 *root = table_identity(table, page);

	map_2m(GPA, (h->end - h->start + MiB(2) - 1) & ~(MiB(2) - 1), 0x87);
	map_2m(GPA_LARGE, MiB(2), 0x87);
	table_map(root, GPA, h->start, pages, table, page);
	*table_entry(root, GPA_LARGE, 2, table) = large | page | LARGE;
	probe("small", h, root, GPA, pages);
	probe("large", h, root, GPA_LARGE, 512);
	probe("own", h, NULL, h->start, pages);
	/* tables of L1's own there: of what the page holds */
	memset((void *)h->start, 0, PAGE_SIZE);
	check(!run((struct l2_run_in){ do_read, (void *)h->start, GPA, 0, 0 })
		       .hlt,
	      "root-there", "L2 runs");
}

void main(void)
{
	struct hole holes[HOLES_MAX];
	u32 n = find_holes(holes, machine_top()), found = 0, r[4];

	amd = cpu_vendor_is("AuthenticAMD");
	amd ? svm_on() : vmx_on();
	for (u32 i = 0; i < n; i++)
		if (hole_is_l0(&holes[i])) {
			test(&holes[i]);
			found++;
		}
	check_eq(found, on_abyme(), "l0-has-a-hole");
	cpuid(0, 0, r);
	check(r[EAX], "l0-answers", "-");
}
