/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory as a debugger sees it: see lib/views.h. */
#include "tests/guests/lib/modes.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/views.h"
#include "tests/guests/lib/vmx.h"

#define AR_CODE32 0xc09b

static struct vl2 l2;

extern const char l2_view32[], l2_view64[];
__asm__(".text; .code32; l2_view32: call view_code32; vmcall\n"
	".code64; l2_view64: call view_code64; vmcall\n");

static void prepare(enum view_mode m)
{
	const u64 *pdpt = (const u64 *)view_cr3(m);
	bool small = m <= VIEW_PAE;

	vl2_init(&l2, (void (*)(void))(u64)(small ? l2_view32 : l2_view64));
	vmw(VMCS_GUEST_CR3, view_cr3(m));
	vmw(VMCS_GUEST_CR4, view_cr4(m) | CR4_VMXE);
	l2.gprs.rdi = view.linear;
	if (!small)
		return;
	vmw(VMCS_GUEST_CS_SEL, SEL_CODE32);
	vmw(VMCS_GUEST_CS_AR, AR_CODE32);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0) & ~(u32)ENTRYC_IA32E);
	for (u32 i = 0; m == VIEW_PAE && i < 4; i++)
		vmw(VMCS_GUEST_PDPTE0 + 2 * i, pdpt[i]);
}

static void run(enum view_mode m, u64 *ept)
{
	u32 reason;

	view_set(2, m);
	for (u32 i = 0; i < 2; i++)
		*table_entry(ept, view.pa[i], 1, EPT_TABLE) =
			view.l1pa[i] | EPT_PAGE;
	prepare(m);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)) &
				    ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
	reason = vl2_run(&l2);
	if (reason == REASON_CPUID) {
		vl2_skip();
		reason = vl2_run(&l2);
	}
	check_eq(reason, REASON_VMCALL, "l2-exit");
	view_check();
}

void main(void)
{
	modes_init();
	views_init();
	views_of_l1(); /* CR0.PG stays set in VMX operation */
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_EPT)) {
		skip("l2", "no EPT");
		return;
	}
	for (enum view_mode m = 0; m < VIEW_MODES; m++)
		if (view_has(m))
			run(m, table_identity(EPT_TABLE, EPT_PAGE));
	views_end();
	vmx_off();
}
