/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory as a debugger sees it: see lib/views.h. */
/* boot: emus=qemu bare */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/views.h"

static struct l2 l2;

extern const char l2_view32[], l2_view64[];
__asm__(".text; .code32; l2_view32: call view_code32; vmmcall\n"
	".code64; l2_view64: call view_code64; vmmcall\n");

static void prepare(enum view_mode m)
{
	if (m <= VIEW_PAE) {
		l2_init_pm32(&l2, l2_view32);
		vmcb_set_cr0(l2.vmcb, vmcb_cr0(l2.vmcb) | CR0_PG);
	} else {
		l2_init(&l2, (void (*)(void))(u64)l2_view64);
	}
	vmcb_set_cr3(l2.vmcb, view_cr3(m));
	vmcb_set_cr4(l2.vmcb, view_cr4(m));
	vmcb_set_tlb_control(l2.vmcb, TLB_FLUSH_ALL);
	l2.gprs.rdi = view.linear;
}

static void run(enum view_mode m, u64 *npt)
{
	view_set(2, m);
	for (u32 i = 0; i < 2; i++)
		*table_entry(npt, view.pa[i], 1, NPT_TABLE) =
			view.l1pa[i] | NPT_PAGE;
	prepare(m);
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
	check_eq(l2_run(&l2), VMEXIT_VMMCALL, "l2-exit");
	view_check();
}

void main(void)
{
	svm_on();
	modes_init();
	views_init();
	views_of_l1();
	if (!svm_has(SVM_NPT)) {
		skip("l2", "no nested paging");
		return;
	}
	for (enum view_mode m = 0; m < VIEW_MODES; m++)
		if (view_has(m))
			run(m, table_identity(NPT_TABLE, NPT_PAGE));
	views_end();
}
