/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a vcpu of L1 starts: after INIT, after a SIPI, or from the loader. */
#include "core/insns.h"
#include "core/string.h"
#include "core/x86.h"
#include "vmx/internal.h"

/* Access rights: present segments as a processor has them after INIT, and the
 * flat ones of a loader (SDM 3A, Processor State After Reset). */
#define AR_CODE 0x9bu
#define AR_DATA 0x93u
#define AR_LDT 0x82u
/* VMX wants a busy TSS in TR at all times; a 16-bit one would make the step
 * into long mode a #GP. */
#define AR_TSS 0x8bu
#define AR_32BIT 0xc000u /* G, D/B */

#define DR6_INIT 0xffff0ff0ull
#define DR7_INIT 0x400ull

static void data_segs(struct vcpu *v, const struct segment *d)
{
	static const u8 segs[] = { SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

	for (size_t i = 0; i < ARRAY_SIZE(segs); i++)
		vmx_set_seg(v, segs[i], d);
}

static void init_segs(struct vcpu *v)
{
	struct segment s = { .attr = AR_DATA, .limit = 0xffff };

	data_segs(v, &s);
	s.sel = 0xf000;
	s.base = 0xffff0000;
	s.attr = AR_CODE;
	vmx_set_seg(v, SEG_CS, &s);
	s = (struct segment){ .attr = AR_LDT, .limit = 0xffff };
	vmx_set_seg(v, SEG_LDTR, &s);
	s.attr = AR_TSS;
	vmx_set_seg(v, SEG_TR, &s);
	vmx_set_seg(v, SEG_GDTR, &s);
	vmx_set_seg(v, SEG_IDTR, &s);
}

/* CD and NW are as they are: INIT does not change them. */
static void init_crs(struct vcpu *v)
{
	vmx_put(v, CACHED_EFER, 0);
	vmx_set_ctl(v, GROUP_ENTRY,
		    vmx_ctl(v, GROUP_ENTRY) & ~(u64)ENTRYC_IA32E);
	vmx_put(v, CACHED_CR0, CR0_ET); /* nothing to compare with */
	vmx_l1_set_cr0(v, CR0_ET | (read_cr0() & (CR0_CD | CR0_NW)));
	vmx_put(v, CACHED_CR3, 0);
	vmx_l1_set_cr4(v, 0);
	write_cr2(0);
	for (u32 i = 0; i < 4; i++)
		debug_dr_write(v, i, 0);
	write_dr6(DR6_INIT);
	vmwrite(VMCS_GUEST_DR7, DR7_INIT);
}

static void init_state(struct vcpu *v)
{
	u32 sig[4];

	init_segs(v);
	init_crs(v);
	vmx_put(v, CACHED_RFLAGS, RFLAGS_FIXED);
	vmx_put(v, CACHED_RIP, 0xfff0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmwrite(VMCS_GUEST_PENDING_DBG, 0);
	vmx_inject_raw(v, 0, 0, 0);
	v->vmx->vectoring = 0;
	v->vmx->nmi_pending = false;
	memset(v->gpr, 0, sizeof(v->gpr));
	cpuid(1, 0, sig);
	v->gpr[RDX] = sig[0];
	v->vmx->rsp = 0;
	vmwrite(VMCS_GUEST_RSP, 0);
}

static void start_sipi(struct vcpu *v, u8 vector)
{
	struct segment cs = { .sel = (u16)(vector << 8),
			      .attr = AR_CODE,
			      .limit = 0xffff,
			      .base = (u64)vector << 12 };

	vmx_set_seg(v, SEG_CS, &cs);
	vmx_put(v, CACHED_RIP, 0);
}

static void start_pm32(struct vcpu *v, const struct vcpu_start *s)
{
	struct segment d = { .sel = 0x18,
			     .attr = AR_DATA | AR_32BIT,
			     .limit = 0xffffffff };

	data_segs(v, &d);
	d.sel = 0x10;
	d.attr = AR_CODE | AR_32BIT;
	vmx_set_seg(v, SEG_CS, &d);
	d = (struct segment){ .attr = AR_TSS, .limit = 0xffff };
	vmx_set_seg(v, SEG_TR, &d);
	d = (struct segment){ .limit = s->gdt_limit, .base = s->gdt.v };
	vmx_set_seg(v, SEG_GDTR, &d);
	vmx_l1_set_cr0(v, vmx_guest_cr0(v) | CR0_PE);
	vmx_put(v, CACHED_RIP, s->eip);
	v->gpr[RAX] = s->eax;
	v->gpr[RBX] = s->ebx;
	v->gpr[RSI] = s->esi;
	v->gpr[RSP] = s->esp;
	v->gpr[RDX] = 0;
}

void vmx_vcpu_start(struct vcpu *v, const struct vcpu_start *s)
{
	if (vmx_nested && v->vm->policy.nested)
		vmx_nested->vcpu_reset(v);
	v->in_l2 = false;
	vmx_select(v, &v->vmx->vmcs01);
	init_state(v);
	vmx_debug_l1(v);
	/* An INIT under way ends in the wait for a SIPI, an NMI does not. */
	if (!vmx_watches_icr)
		v->vmx->kicked = false;
	v->vmx->fresh = s->kind == START_SIPI;
	v->l2_sleeps = false;
	v->vmx->waits = s->kind == START_RESET && vmx_watches_icr ? WAITS_L0
								  : WAITS_NOT;
	if (s->kind == START_RESET)
		vmwrite(VMCS_GUEST_ACTIVITY,
			v->vmx->waits ? ACTIVITY_ACTIVE : ACTIVITY_WAIT_SIPI);
	else if (s->kind == START_SIPI)
		start_sipi(v, s->vector);
	else
		start_pm32(v, s);
	/* With vmx_kick(): a full barrier. */
	__atomic_exchange_n(&v->run_state,
			    s->kind == START_RESET ? VCPU_WAIT_SIPI
						   : VCPU_RUNNING,
			    __ATOMIC_SEQ_CST);
}
