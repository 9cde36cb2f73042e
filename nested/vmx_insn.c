/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMX instructions as L1 executes them, each in the order of its
 * operation section in SDM 3C, "VMX Instruction Reference". What hardware
 * has checked before the exit (CR0.PE, virtual-8086 and compatibility mode)
 * is not checked again.
 */
#include "nested/vmx.h"

#include "core/err.h"
#include "core/run.h"
#include "core/string.h"
#include "core/x86.h"
#include "nested/vmx_operand.h"

#define ARITH_FLAGS \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/*
 * The outcome into RFLAGS, and on to the next instruction. In the common case
 * (no single step, no RF, no interrupt shadow, no end of the address space)
 * that is done here, since every VMREAD and VMWRITE that exits comes this way.
 */
static void finish(struct vcpu *v, u64 flags)
{
	u64 old = vmread(VMCS_GUEST_RFLAGS), rip = vmread(VMCS_GUEST_RIP);
	u64 next = rip + vmread(VMCS_EXIT_INSTR_LEN);

	flags |= old & ~ARITH_FLAGS;
	vmx_forget(v);
	if (flags != old)
		vmwrite(VMCS_GUEST_RFLAGS, flags);
	if (unlikely((flags & (RFLAGS_TF | RFLAGS_RF)) || (rip ^ next) >> 32 ||
		     (vmread(VMCS_GUEST_INTERRUPTIBILITY) &
		      (INTRBL_STI | INTRBL_MOV_SS))))
		vmx_skip(v);
	else
		vmwrite(VMCS_GUEST_RIP, next);
}

void vmx_succeed(struct vcpu *v)
{
	finish(v, 0);
}

void vmx_fail_invalid(struct vcpu *v)
{
	finish(v, RFLAGS_CF);
}

void vmx_fail_valid(struct vcpu *v, enum vmx_error err)
{
	v->nvmx->cur->v12->f[SLOT_INSTR_ERROR] = err;
	finish(v, RFLAGS_ZF);
}

void vmx_fail(struct vcpu *v, enum vmx_error err)
{
	if (v->nvmx->cur)
		vmx_fail_valid(v, err);
	else
		vmx_fail_invalid(v);
}

static bool mode64(void)
{
	return (vmread(VMCS_GUEST_CS_AR) & BIT(13)) &&
	       (vmread(VMCS_GUEST_EFER) & EFER_LMA);
}

static u32 cpl(void)
{
	return (u32)vmread(VMCS_GUEST_SS_AR) >> 5 & 3;
}

/* What all but VMXON need: VMX operation, privilege. False: faulted. */
static bool may_execute(struct vcpu *v)
{
	if (unlikely(!v->nvmx->vmxon)) {
		vmx_inject_ud(v);
		return false;
	}
	if (unlikely(cpl())) {
		vmx_inject_gp(v);
		return false;
	}
	return true;
}

static void decode(struct vcpu *v, struct vmx_operand *o)
{
	u32 info = (u32)vmread(VMCS_EXIT_INSTR_INFO);
	u64 disp = 0;

	if (!vmx_operand_is_reg(info))
		disp = vmread(VMCS_EXIT_QUALIFICATION);
	vmx_operand(o, info, disp, v->gpr);
}

/* Copy @n bytes of the memory operand; false: the fault is injected. */
static bool operand_copy(struct vcpu *v, const struct vmx_operand *o, void *buf,
			 u32 n, bool write)
{
	struct paging p;
	struct walk_fault f;
	struct segment s;
	u64 la;
	int err;

	virt->get_seg(v, o->seg, &s);
	vmx_paging(v, &p);
	if (vmx_operand_linear(o, &s, mode64(), n, write,
			       p.cr4 & CR4_LA57 ? 57 : 48, &la)) {
		struct event e = { EVENT_EXCEPTION,
				   o->seg == SEG_SS ? VEC_SS : VEC_GP, true,
				   0 };

		vmx_inject(v, &e);
		return false;
	}
	if (!write)
		memset(buf, 0xff, n);
	err = write ? guest_write_va(v->vm, &p, GVA(la), buf, n, &f)
		    : guest_read_va(v->vm, &p, GVA(la), buf, n, &f);
	/* -EIO: no memory there. It reads as all ones, writes go nowhere. */
	if (err == -EFAULT)
		vmx_inject_pf(v, f.addr, f.error);
	return err != -EFAULT;
}

static bool read_operand(struct vcpu *v, void *buf, u32 n)
{
	struct vmx_operand o;

	decode(v, &o);
	return operand_copy(v, &o, buf, n, false);
}

/* A VMCS address that L1 may use: aligned, within the address width. */
static bool address_ok(struct vcpu *v, u64 pa)
{
	return phys_ok(pa, PAGE_SIZE, &v->nvmx->env);
}

/* First word of a region; memory that is not there reads as all ones. */
static u32 revision(struct vcpu *v, u64 pa)
{
	u32 rev;

	if (guest_read(v->vm, L1PA(pa), &rev, sizeof(rev)))
		rev = ~0u;
	return rev;
}

static bool vmxon_faults(struct vcpu *v)
{
	const struct nested_vmx *n = v->nvmx;

	return !fixed_ok(vmx_guest_cr0(v), n->caps.cr0_fixed0,
			 n->caps.cr0_fixed1) ||
	       !fixed_ok(vmx_guest_cr4(v), n->caps.cr4_fixed0,
			 n->caps.cr4_fixed1) ||
	       (n->feature_control & 5) != 5;
}

static void do_vmxon(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	u64 pa;

	if (!(vmx_guest_cr4(v) & CR4_VMXE)) {
		vmx_inject_ud(v);
		return;
	}
	if (n->vmxon) {
		if (cpl())
			vmx_inject_gp(v);
		else
			vmx_fail(v, VMXERR_VMXON_IN_ROOT);
		return;
	}
	if (cpl() || vmxon_faults(v)) {
		vmx_inject_gp(v);
		return;
	}
	if (!read_operand(v, &pa, 8))
		return;
	if (!address_ok(v, pa) || revision(v, pa) != VMCS12_REVISION) {
		vmx_fail_invalid(v);
		return;
	}
	n->vmxon = true;
	n->vmxon_ptr = pa;
	n->cur = NULL;
	/* From now on CR0 and CR4 keep their fixed bits, by faults. */
	vmx_l1_own(v, n->caps.cr0_fixed0, n->caps.cr4_fixed0);
	vmx_shadow_on(v);
	vmx_succeed(v);
}

static void do_vmxoff(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;

	if (!may_execute(v))
		return;
	vmx_pool_flush_all(v);
	n->vmxon = false;
	if (unlikely(v->debug.watch))
		debug_virt_off(v);
	vmx_l1_own(v, 0, 0);
	vmx_shadow_on(v);
	vmx_succeed(v);
	if (n->init_blocked) {
		n->init_blocked = false;
		vcpu_take_init(v);
	}
}

static void do_vmclear(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	struct nested_vmcs *s;
	u64 pa, clear = 0;
	int err;

	if (!may_execute(v) || !read_operand(v, &pa, 8))
		return;
	if (!address_ok(v, pa)) {
		vmx_fail(v, VMXERR_VMCLEAR_ADDR);
		return;
	}
	if (pa == n->vmxon_ptr) {
		vmx_fail(v, VMXERR_VMCLEAR_VMXON);
		return;
	}
	s = vmx_pool_find(n, pa);
	if (s) {
		bool current = s == n->cur;

		vmx_pool_flush(v, s);
		if (current)
			vmx_shadow_on(v);
	}
	/* Writes to where there is no memory go nowhere. */
	err = guest_write(v->vm, L1PA(pa + offsetof(struct vmcs12, launched)),
			  &clear, sizeof(clear));
	(void)err;
	vmx_succeed(v);
}

static void do_vmptrld(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	u32 rev;
	u64 pa;

	if (!may_execute(v) || !read_operand(v, &pa, 8))
		return;
	if (!address_ok(v, pa)) {
		vmx_fail(v, VMXERR_VMPTRLD_ADDR);
		return;
	}
	if (pa == n->vmxon_ptr) {
		vmx_fail(v, VMXERR_VMPTRLD_VMXON);
		return;
	}
	rev = revision(v, pa);
	if ((rev & ~VMCS12_SHADOW) != VMCS12_REVISION ||
	    ((rev & VMCS12_SHADOW) &&
	     !(n->caps.ctl[GROUP_PROC2].may1 & PROC2_SHADOW_VMCS)) ||
	    !guest_ptr(v->vm, L1PA(pa))) {
		vmx_fail(v, VMXERR_VMPTRLD_REVISION);
		return;
	}
	if (!n->cur || n->cur->pa != pa) {
		vmx_shadow_pull(v);
		vmx_select(v, &v->vmx->vmcs01);
		vmx_pool_load(v, pa);
		vmx_shadow_on(v);
	}
	vmx_succeed(v);
}

static void do_vmptrst(struct vcpu *v)
{
	struct vmx_operand o;
	u64 pa = v->nvmx->cur ? v->nvmx->cur->pa : ~0ull;

	if (!may_execute(v))
		return;
	decode(v, &o);
	if (operand_copy(v, &o, &pa, 8, true))
		vmx_succeed(v);
}

/* The field that reg2 names; VMREAD and VMWRITE. -1: VMfail is done. */
static int operand_field(struct vcpu *v, const struct vmx_operand *o, bool m64,
			 u32 *enc)
{
	u64 reg = m64 ? v->gpr[o->reg2] : (u32)v->gpr[o->reg2];
	int slot;

	if (!v->nvmx->cur) {
		vmx_fail_invalid(v);
		return -1;
	}
	slot = vmcs_slot(reg);
	if (slot < 0 || !set_has(&v->nvmx->present, (u32)slot)) {
		vmx_fail_valid(v, VMXERR_NO_FIELD);
		return -1;
	}
	*enc = (u32)reg;
	return slot;
}

static void do_vmread(struct vcpu *v)
{
	struct vmx_operand o;
	bool m64;
	u32 enc;
	u64 val;
	int slot;

	if (!may_execute(v))
		return;
	m64 = mode64();
	decode(v, &o);
	slot = operand_field(v, &o, m64, &enc);
	if (slot < 0)
		return;
	val = vmcs12_get(vmx_field_read(v, (u32)slot), enc);
	if (o.is_reg)
		v->gpr[o.reg1] = m64 ? val : (u32)val;
	else if (!operand_copy(v, &o, &val, m64 ? 8 : 4, true))
		return;
	vmx_succeed(v);
}

static void do_vmwrite(struct vcpu *v)
{
	struct vmx_operand o;
	u64 val = 0;
	bool m64;
	u32 enc;
	int slot;

	if (!may_execute(v))
		return;
	m64 = mode64();
	decode(v, &o);
	/* Its operand is read before the field is looked at. */
	if (!v->nvmx->cur) {
		vmx_fail_invalid(v);
		return;
	}
	if (o.is_reg)
		val = m64 ? v->gpr[o.reg1] : (u32)v->gpr[o.reg1];
	else if (!operand_copy(v, &o, &val, m64 ? 8 : 4, false))
		return;
	slot = operand_field(v, &o, m64, &enc);
	if (slot < 0)
		return;
	if (VMCS_ENC_TYPE(enc) == VMCS_READONLY &&
	    !(v->nvmx->caps.misc & VMX_MISC_VMWRITE_ALL)) {
		vmx_fail_valid(v, VMXERR_READ_ONLY);
		return;
	}
	vmx_field_write(v, (u32)slot, enc, val);
	vmx_succeed(v);
}

/* INVEPT and INVVPID: the type, looked at before the descriptor is read. */
static u64 inv_type(struct vcpu *v)
{
	struct vmx_operand o;

	decode(v, &o);
	return mode64() ? v->gpr[o.reg2] : (u32)v->gpr[o.reg2];
}

static void do_invept(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	u64 type, desc[2], cap = n->caps.ept_vpid;

	if (!(cap & EPT_CAP_INVEPT)) {
		vmx_inject_ud(v);
		return;
	}
	if (!may_execute(v))
		return;
	type = inv_type(v);
	if (!((type == INVEPT_SINGLE && (cap & EPT_CAP_INVEPT_SINGLE)) ||
	      (type == INVEPT_ALL && (cap & EPT_CAP_INVEPT_ALL)))) {
		vmx_fail(v, VMXERR_INVALID_OPERAND);
		return;
	}
	if (!read_operand(v, desc, 16))
		return;
	if (type == INVEPT_SINGLE && !vmx_eptp_ok(desc[0], &n->env)) {
		vmx_fail(v, VMXERR_INVALID_OPERAND);
		return;
	}
	vmx_ept_drop(v, type, desc[0]);
	vmx_succeed(v);
}

static bool invvpid_ok(const struct nested_vmx *n, u64 type, const u64 desc[2])
{
	if (desc[0] >> 16)
		return false;
	if (type != INVVPID_ALL && !(u16)desc[0])
		return false;
	return type != INVVPID_ADDR || canonical(desc[1], n->env.la_bits);
}

static void do_invvpid(struct vcpu *v)
{
	struct nested_vmx *n = v->nvmx;
	u64 type, desc[2], cap = n->caps.ept_vpid;

	if (!(cap & VPID_CAP_INVVPID)) {
		vmx_inject_ud(v);
		return;
	}
	if (!may_execute(v))
		return;
	type = inv_type(v);
	if (type > INVVPID_SINGLE_GLOBALS || !(cap & VPID_CAP_ADDR << type)) {
		vmx_fail(v, VMXERR_INVALID_OPERAND);
		return;
	}
	if (!read_operand(v, desc, 16))
		return;
	if (!invvpid_ok(n, type, desc)) {
		vmx_fail(v, VMXERR_INVALID_OPERAND);
		return;
	}
	vmx_vpid_drop(v, type, (u16)desc[0], desc[1]);
	vmx_succeed(v);
}

/*
 * VMCALL in VMX root operation, with no SMM monitor; outside of it, it is
 * a hypercall of L1's to L0, which core answers. Unlike the others it exits
 * in virtual-8086 and compatibility mode, too.
 */
static bool do_vmcall(struct vcpu *v)
{
	if (!v->nvmx->vmxon)
		return false;
	if ((vmread(VMCS_GUEST_RFLAGS) & RFLAGS_VM) ||
	    ((vmread(VMCS_GUEST_EFER) & EFER_LMA) && !mode64()))
		vmx_inject_ud(v);
	else if (cpl())
		vmx_inject_gp(v);
	else
		vmx_fail(v, VMXERR_VMCALL_IN_ROOT);
	return true;
}

bool vmx_instruction(struct vcpu *v, u32 reason)
{
	switch (reason) {
	case REASON_VMREAD:
		do_vmread(v);
		return true;
	case REASON_VMWRITE:
		do_vmwrite(v);
		return true;
	case REASON_VMRESUME:
	case REASON_VMLAUNCH:
		if (may_execute(v))
			vmx_vmentry(v, reason == REASON_VMLAUNCH);
		return true;
	case REASON_VMPTRLD:
		do_vmptrld(v);
		return true;
	case REASON_VMPTRST:
		do_vmptrst(v);
		return true;
	case REASON_VMCLEAR:
		do_vmclear(v);
		return true;
	case REASON_VMXON:
		do_vmxon(v);
		return true;
	case REASON_VMXOFF:
		do_vmxoff(v);
		return true;
	case REASON_INVEPT:
		do_invept(v);
		return true;
	case REASON_INVVPID:
		do_invvpid(v);
		return true;
	case REASON_VMFUNC: /* never enabled for L1 itself */
		vmx_inject_ud(v);
		return true;
	case REASON_VMCALL:
		return do_vmcall(v);
	default:
		return false;
	}
}
