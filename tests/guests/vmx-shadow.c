/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMCS shadowing: an L2 whose VMREAD and VMWRITE reach a shadow VMCS. */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/vmx.h"

static struct vl2 l2;
static u8 *rd, *wr;
static void *shadow;

/* RAX: what was read; RBX: the field, RCX: RFLAGS after it. */
PAYLOAD(l2_vmread, "vmread %rbx, %rax; pushf; pop %rcx; vmcall")
PAYLOAD(l2_vmwrite, "vmwrite %rax, %rbx; pushf; pop %rcx; vmcall")
PAYLOAD(l2_vmread_mem, "vmread %rbx, (%rdi); pushf; pop %rcx; vmcall")

#define CF_ZF (RFLAGS_CF | RFLAGS_ZF)

static void exits(u8 *bitmap, u32 field, bool on)
{
	if (on)
		bitmap[field >> 3] |= (u8)(1u << (field & 7));
	else
		bitmap[field >> 3] &= (u8) ~(1u << (field & 7));
}

/* The shadow VMCS current, so that L1 can read and write it. */
static void look(void)
{
	if (vmptrld((u64)shadow) != VMX_OK)
		die("vmptrld-shadow", "error %lx", vmr(VMCS_INSTR_ERROR));
}

static void look_away(void)
{
	if (vmclear((u64)shadow) != VMX_OK || vmptrld((u64)l2.vmcs) != VMX_OK)
		die("vmptrld", "-");
}

static void prepare(void (*code)(void), u32 field)
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_SHADOW_VMCS));
	vmw(VMCS_VMREAD_BITMAP, (u64)rd);
	vmw(VMCS_VMWRITE_BITMAP, (u64)wr);
	vmw(VMCS_LINK_POINTER, (u64)shadow);
	l2.gprs.rbx = field;
}

static void test_read(void)
{
	u64 word = 0;

	look();
	vmw(VMCS_GUEST_RIP, 0x1234567890ab);
	vmw(VMCS_GUEST_CS_SEL, 0x33);
	look_away();
	prepare(l2_vmread, VMCS_GUEST_RIP);
	check_eq(vl2_run(&l2), REASON_VMCALL, "read-no-exit");
	check_eq(l2.gprs.rax, 0x1234567890ab, "read-value");
	check_eq(l2.gprs.rcx & CF_ZF, 0, "read-succeeds");

	prepare(l2_vmread, VMCS_GUEST_CS_SEL);
	check_eq(vl2_run(&l2), REASON_VMCALL, "read-16-no-exit");
	check_eq(l2.gprs.rax, 0x33, "read-16-value");

	prepare(l2_vmread_mem, VMCS_GUEST_RIP);
	l2.gprs.rdi = (u64)&word;
	check_eq(vl2_run(&l2), REASON_VMCALL, "read-to-memory");
	check_eq(*(volatile u64 *)&word, 0x1234567890ab,
		 "read-to-memory-value");

	exits(rd, VMCS_GUEST_RIP, true);
	prepare(l2_vmread, VMCS_GUEST_RIP);
	check_eq(vl2_run(&l2), REASON_VMREAD, "read-intercepted");
	check_eq(vmr(VMCS_GUEST_RIP), (u64)l2_vmread, "read-intercepted-rip");
	exits(rd, VMCS_GUEST_RIP, false);
}

static void test_write(void)
{
	prepare(l2_vmwrite, VMCS_GUEST_RSP);
	l2.gprs.rax = 0xabcd00001234;
	check_eq(vl2_run(&l2), REASON_VMCALL, "write-no-exit");
	check_eq(l2.gprs.rcx & CF_ZF, 0, "write-succeeds");
	look();
	check_eq(vmr(VMCS_GUEST_RSP), 0xabcd00001234, "write-seen-by-l1");
	check_eq(vmr(VMCS_GUEST_RIP), 0x1234567890ab, "write-leaves-others");
	look_away();

	exits(wr, VMCS_GUEST_RSP, true);
	prepare(l2_vmwrite, VMCS_GUEST_RSP);
	check_eq(vl2_run(&l2), REASON_VMWRITE, "write-intercepted");
	exits(wr, VMCS_GUEST_RSP, false);
}

/* The revision that the link pointer leads to is looked at on each entry, also
 * when L1 changes nothing in the VMCS. */
static void test_revision(void)
{
	prepare(l2_vmread, VMCS_GUEST_RIP);
	check_eq(vl2_run(&l2), REASON_VMCALL, "revision-good");
	vmw(VMCS_GUEST_RIP, (u64)l2_vmread);
	*(volatile u32 *)shadow ^= 1;
	check_eq(vl2_run(&l2), REASON_BAD_GUEST | EXIT_ENTRY_FAILURE,
		 "revision-bad");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 4, "revision-qualification");
	*(volatile u32 *)shadow ^= 1;
	check_eq(vl2_run(&l2), REASON_VMCALL, "revision-good-again");
}

static void test_odd(void)
{
	int how;

	prepare(l2_vmread, 0x6fff);
	check_eq(vl2_run(&l2), REASON_VMCALL, "no-such-field-no-exit");
	check_eq(l2.gprs.rcx & CF_ZF, RFLAGS_ZF, "no-such-field-fails");
	prepare(l2_vmread, 0x8000);
	check_eq(vl2_run(&l2), REASON_VMREAD, "field-beyond-bitmap-exits");
	prepare(l2_vmread, VMCS_GUEST_RIP);
	vmw(VMCS_LINK_POINTER, ~0ull);
	check_eq(vl2_run(&l2), REASON_VMCALL, "no-link-no-exit");
	check_eq(l2.gprs.rcx & CF_ZF, RFLAGS_CF, "no-link-fails");
	prepare(l2_vmread, VMCS_GUEST_RIP);
	vmw(VMCS_PROC2_CTLS, vmx_proc2(0));
	vmw(VMCS_LINK_POINTER, ~0ull);
	check_eq(vl2_run(&l2), REASON_VMREAD, "off-exits");
	/* An ordinary VMCS where a shadow one is needed, and the reverse. */
	prepare(l2_vmread, VMCS_GUEST_RIP);
	vmw(VMCS_PROC2_CTLS, vmx_proc2(0));
	check_eq(vl2_run(&l2), REASON_BAD_GUEST | EXIT_ENTRY_FAILURE,
		 "shadow-without-control");
	check_eq(vmr(VMCS_EXIT_QUALIFICATION), 4, "shadow-qualification");
	look();
	how = vmx_enter(&l2.gprs, 0);
	check_known(how == 1, "shadow-is-not-entered", EMU_BOCHS,
		    "VMLAUNCH of a shadow VMCS gives VMfailValid", "%d", how);
	look_away();
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_SHADOW_VMCS)) {
		skip("shadowing", "not offered");
		done();
	}
	rd = page_alloc(1);
	wr = page_alloc(1);
	shadow = vmx_region();
	*(u32 *)shadow |= BIT(31);
	if (vmclear((u64)shadow) != VMX_OK)
		die("vmclear-shadow", "-");
	vl2_init(&l2, l2_vmread);
	test_read();
	test_write();
	test_revision();
	test_odd();
	vmx_off();
}
