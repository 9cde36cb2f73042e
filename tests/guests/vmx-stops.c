/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a debugger breaks in: see lib/stops.h. */
/* boot: emus=bochs bare timeout=40 */
#include "tests/guests/lib/stops.h"
#include "tests/guests/lib/vmx.h"

static struct vl2 l2;

PAYLOAD(l2_loop, "call stops_loop; vmcall")
PAYLOAD(l2_halt, "call stops_halt; vmcall")

static void run(void (*code)(void), u64 pin, const char *name)
{
	vl2_init(&l2, code);
	vmw(VMCS_PIN_CTLS, vmx_pin((u32)pin));
	vmw(VMCS_PROC_CTLS, vmr(VMCS_PROC_CTLS) & ~PROC_HLT);
	stops_stage();
	check_eq(vl2_run(&l2), REASON_VMCALL, name);
}

void main(void)
{
	vmx_on();
	stops_init();
	stops_common();
	run(l2_loop, 0, "l2-looped");
	run(l2_halt, 0, "l2-halted");
	/* the NMI that stops it is none of L1's */
	run(l2_loop, PIN_NMI | PIN_EXTINT, "l2-exiting");
	run(l2_halt, PIN_NMI | PIN_EXTINT, "l2-exiting-halted");
	stage = 100;
	vmx_off();
}
