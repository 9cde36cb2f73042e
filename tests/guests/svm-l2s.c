/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L2s that come and go: of several CPUs, with new roots, in used VMCBs. */
/* boot: emus=qemu,bochs-svm bare timeout=30 */
#include "tests/guests/lib/l2s.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

static struct l2 l2s[L2S];
static u64 *npt[ROOTS];

PAYLOAD(call, "1: vmmcall; jmp 1b")

static bool enter(u32 n, u32 root, bool anew)
{
	if (anew)
		l2_init(&l2s[n], call);
	else
		vmcb_set_rip(l2s[n].vmcb, (u64)call);
	vmcb_set_nested_ctl(l2s[n].vmcb, 1);
	vmcb_set_ncr3(l2s[n].vmcb, (u64)npt[root]);
	vmcb_set_tlb_control(l2s[n].vmcb, TLB_FLUSH_ALL);
	return l2_run(&l2s[n]) == VMEXIT_VMMCALL;
}

static void on(void)
{
	svm_on();
}

static void off(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

static const struct l2s_ops ops = { enter, on, off };

void main(void)
{
	for (u32 i = 0; i < ROOTS; i++)
		npt[i] = table_identity(NPT_TABLE, NPT_PAGE | NPT_AD);
	l2s_run(&ops);
}
