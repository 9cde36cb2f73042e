/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers that a debugger has written, as L1 and L2 use them: lib/regs.h. */
#include "tests/guests/lib/regs.h"
#include "tests/guests/lib/vmx.h"

static struct vl2 l2;
static u8 bitmap[PAGE_SIZE] __aligned(4096);

PAYLOAD(l2_regs, "call regs_code; call regs_code; vmcall")

void main(void)
{
	u32 reason;

	regs_init();
	regs_of_l1();
	regs_of_l1();
	vmx_on();
	vl2_init(&l2, l2_regs);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_MSR_BITMAP) &
				    ~(u32)(PROC_CR3_LOAD | PROC_CR3_STORE));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	/* else L2 has L1's DR7 after an exit */
	vmw(VMCS_ENTRY_CTLS,
	    vmx_entry_ctls((u32)(ENTRYC_IA32E | ENTRYC_LOAD_DEBUG)));
	vmw(VMCS_EXIT_CTLS,
	    vmx_exit_ctls((u32)(EXITC_HOST64 | EXITC_SAVE_DEBUG)));
	while ((reason = vl2_run(&l2)) == REASON_CPUID)
		vl2_skip();
	check_eq(reason, REASON_VMCALL, "l2-exit");
	regs_end();
	vmx_off();
}
