/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/vmx.h"

#define AR_UNUSABLE 0x10000
#define AR_CODE64 0xa09b
#define AR_DATA 0xc093
#define AR_TSS 0x8b

extern char vmx_exit[];
extern u64 gdt[];
void *vmxon_page;

/* --- instructions ---------------------------------------------------------- */
#define FLAGS_RESULT(cf, zf) ((cf) ? VMX_INVALID : (zf) ? VMX_VALID : VMX_OK)

#define POINTER_INSN(name, insn)                            \
	enum vmx_result name(u64 pa)                        \
	{                                                   \
		bool cf, zf;                                \
                                                            \
		__asm__ volatile(insn " %2"                 \
				 : "=@ccc"(cf), "=@ccz"(zf) \
				 : "m"(pa)                  \
				 : "memory");               \
		return FLAGS_RESULT(cf, zf);                \
	}
POINTER_INSN(vmxon_insn, "vmxon")
POINTER_INSN(vmclear, "vmclear")
POINTER_INSN(vmptrld, "vmptrld")

enum vmx_result vmwrite_insn(u64 field, u64 v)
{
	bool cf, zf;

	__asm__ volatile("vmwrite %3, %2"
			 : "=@ccc"(cf), "=@ccz"(zf)
			 : "r"(field), "rm"(v));
	return FLAGS_RESULT(cf, zf);
}

enum vmx_result vmread_insn(u64 field, u64 *v)
{
	bool cf, zf;

	__asm__ volatile("vmread %3, %2"
			 : "=@ccc"(cf), "=@ccz"(zf), "+rm"(*v)
			 : "r"(field));
	return FLAGS_RESULT(cf, zf);
}

#define INVALIDATE_INSN(name, insn)                         \
	enum vmx_result name(u64 type, u64 a, u64 b)        \
	{                                                   \
		struct {                                    \
			u64 a, b;                           \
		} d = { a, b };                             \
		bool cf, zf;                                \
                                                            \
		__asm__ volatile(insn " %2, %3"             \
				 : "=@ccc"(cf), "=@ccz"(zf) \
				 : "m"(d), "r"(type)        \
				 : "memory");               \
		return FLAGS_RESULT(cf, zf);                \
	}
INVALIDATE_INSN(invept_insn, "invept")
INVALIDATE_INSN(invvpid_insn, "invvpid")

void vmw(u64 field, u64 v)
{
	if (vmwrite_insn(field, v) != VMX_OK)
		die("vmwrite", "field %lx value %lx", field, v);
}

u64 vmr(u64 field)
{
	u64 v = 0;

	if (vmread_insn(field, &v) != VMX_OK)
		die("vmread", "field %lx", field);
	return v;
}

/* --- controls -------------------------------------------------------------- */
static u64 caps(u32 plain, u32 true_one)
{
	bool has_true = rdmsr(MSR_VMX_BASIC) & VMX_BASIC_TRUE;

	return rdmsr(has_true && true_one ? true_one : plain);
}

static u32 adjust(u64 cap, u32 wanted)
{
	return (wanted | (u32)cap) & (u32)(cap >> 32);
}

u32 vmx_pin(u32 w)
{
	return adjust(caps(MSR_VMX_PINBASED_CTLS, MSR_VMX_TRUE_PINBASED_CTLS),
		      w);
}

u32 vmx_proc(u32 w)
{
	return adjust(caps(MSR_VMX_PROCBASED_CTLS, MSR_VMX_TRUE_PROCBASED_CTLS),
		      w);
}

u32 vmx_proc2(u32 w)
{
	return adjust(caps(MSR_VMX_PROCBASED_CTLS2, 0), w);
}

u32 vmx_exit_ctls(u32 w)
{
	return adjust(caps(MSR_VMX_EXIT_CTLS, MSR_VMX_TRUE_EXIT_CTLS), w);
}

u32 vmx_entry_ctls(u32 w)
{
	return adjust(caps(MSR_VMX_ENTRY_CTLS, MSR_VMX_TRUE_ENTRY_CTLS), w);
}

bool vmx_has_pin(u32 bits)
{
	return (vmx_pin(bits) & bits) == bits;
}

bool vmx_has_proc(u32 bits)
{
	return (vmx_proc(bits) & bits) == bits;
}

bool vmx_has_proc2(u32 bits)
{
	return vmx_has_proc((u32)PROC_PROC2) &&
	       (vmx_proc2(bits) & bits) == bits;
}

/* --- on and off ------------------------------------------------------------ */
void *vmx_region(void)
{
	u32 *p = page_alloc(1);

	*p = (u32)(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_REVISION);
	return p;
}

void vmx_on_at(void *region)
{
	u64 fc;

	if (!(cpuid_reg(1, 0, ECX) & BIT(5)))
		die("vmx-present", "CPUID 1 ECX %x", cpuid_reg(1, 0, ECX));
	fc = rdmsr(MSR_FEATURE_CONTROL);
	if (!(fc & FEATURE_CONTROL_LOCK))
		wrmsr(MSR_FEATURE_CONTROL,
		      fc | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
	else if (!(fc & FEATURE_CONTROL_VMX))
		die("vmx-feature-control", "%lx", fc);
	write_cr0((read_cr0() | rdmsr(MSR_VMX_CR0_FIXED0)) &
		  rdmsr(MSR_VMX_CR0_FIXED1));
	write_cr4((read_cr4() | rdmsr(MSR_VMX_CR4_FIXED0)) &
		  rdmsr(MSR_VMX_CR4_FIXED1));
	if (vmxon_insn((u64)region) != VMX_OK)
		die("vmxon", "failed");
}

void vmx_on(void)
{
	if (!vmxon_page)
		vmxon_page = vmx_region();
	vmx_on_at(vmxon_page);
}

void vmx_off(void)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
	write_cr4(read_cr4() & ~CR4_VMXE);
}

/* --- an L2 ----------------------------------------------------------------- */
static const u16 plain_segs[] = { VMCS_GUEST_ES_SEL, VMCS_GUEST_SS_SEL,
				  VMCS_GUEST_DS_SEL };
static const u16 unused_segs[] = { VMCS_GUEST_FS_SEL, VMCS_GUEST_GS_SEL,
				   VMCS_GUEST_LDTR_SEL };

/* The fields of a segment register are the same distance apart for all. */
static void set_seg(u32 sel_field, u16 sel, u32 ar, u32 limit, u64 base)
{
	u32 n = sel_field - VMCS_GUEST_ES_SEL;

	vmw(sel_field, sel);
	vmw(VMCS_GUEST_ES_AR + n, ar);
	vmw(VMCS_GUEST_ES_LIMIT + n, limit);
	vmw(VMCS_GUEST_ES_BASE + n, base);
}

static u64 tss_base(u16 sel)
{
	const u64 *d = &gdt[sel / 8];

	return (d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32;
}

void vl2_set_host(void)
{
	struct desc_ptr gdtr, idtr;
	u16 tr;

	__asm__ volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
	__asm__ volatile("str %0" : "=r"(tr));
	vmw(VMCS_HOST_CR0, read_cr0());
	vmw(VMCS_HOST_CR3, read_cr3());
	vmw(VMCS_HOST_CR4, read_cr4());
	vmw(VMCS_HOST_CS_SEL, SEL_CODE64);
	vmw(VMCS_HOST_SS_SEL, SEL_DATA);
	vmw(VMCS_HOST_DS_SEL, SEL_DATA);
	vmw(VMCS_HOST_ES_SEL, SEL_DATA);
	vmw(VMCS_HOST_FS_SEL, 0);
	vmw(VMCS_HOST_GS_SEL, 0);
	vmw(VMCS_HOST_TR_SEL, tr);
	vmw(VMCS_HOST_TR_BASE, tss_base(tr));
	vmw(VMCS_HOST_FS_BASE, 0);
	vmw(VMCS_HOST_GS_BASE, 0);
	vmw(VMCS_HOST_GDTR_BASE, gdtr.base);
	vmw(VMCS_HOST_IDTR_BASE, idtr.base);
	vmw(VMCS_HOST_SYSENTER_CS, rdmsr(MSR_SYSENTER_CS));
	vmw(VMCS_HOST_SYSENTER_ESP, rdmsr(MSR_SYSENTER_ESP));
	vmw(VMCS_HOST_SYSENTER_EIP, rdmsr(MSR_SYSENTER_EIP));
	vmw(VMCS_HOST_RIP, (u64)vmx_exit);
}

static void set_controls(void)
{
	vmw(VMCS_PIN_CTLS, vmx_pin(0));
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)PROC_HLT));
	if (vmx_has_proc((u32)PROC_PROC2))
		vmw(VMCS_PROC2_CTLS, vmx_proc2(0));
	vmw(VMCS_EXIT_CTLS, vmx_exit_ctls((u32)EXITC_HOST64));
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls((u32)ENTRYC_IA32E));
	vmw(VMCS_EXCEPTION_BITMAP, 0);
	vmw(VMCS_PF_ERROR_MASK, 0);
	vmw(VMCS_PF_ERROR_MATCH, 0);
	vmw(VMCS_CR3_TARGET_COUNT, 0);
	vmw(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmw(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmw(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmw(VMCS_ENTRY_INTR_INFO, 0);
	vmw(VMCS_CR0_MASK, 0);
	vmw(VMCS_CR4_MASK, 0);
	vmw(VMCS_CR0_SHADOW, read_cr0());
	vmw(VMCS_CR4_SHADOW, read_cr4());
	vmw(VMCS_TSC_OFFSET, 0);
	vmw(VMCS_LINK_POINTER, ~0ull);
}

static void set_guest(struct vl2 *l, void (*code)(void))
{
	struct desc_ptr gdtr, idtr;
	u16 tr;

	__asm__ volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
	__asm__ volatile("str %0" : "=r"(tr));
	set_seg(VMCS_GUEST_CS_SEL, SEL_CODE64, AR_CODE64, ~0u, 0);
	for (u32 i = 0; i < ARRAY_SIZE(plain_segs); i++)
		set_seg(plain_segs[i], SEL_DATA, AR_DATA, ~0u, 0);
	for (u32 i = 0; i < ARRAY_SIZE(unused_segs); i++)
		set_seg(unused_segs[i], 0, AR_UNUSABLE, 0, 0);
	set_seg(VMCS_GUEST_TR_SEL, tr, AR_TSS, 0x67, tss_base(tr));
	vmw(VMCS_GUEST_GDTR_BASE, gdtr.base);
	vmw(VMCS_GUEST_GDTR_LIMIT, gdtr.limit);
	vmw(VMCS_GUEST_IDTR_BASE, idtr.base);
	vmw(VMCS_GUEST_IDTR_LIMIT, idtr.limit);
	vmw(VMCS_GUEST_CR0, read_cr0());
	vmw(VMCS_GUEST_CR3, read_cr3());
	vmw(VMCS_GUEST_CR4, read_cr4());
	vmw(VMCS_GUEST_DR7, 0x400);
	vmw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmw(VMCS_GUEST_RIP, (u64)code);
	vmw(VMCS_GUEST_RSP, (u64)&l->stack[511]);
	vmw(VMCS_GUEST_DEBUGCTL, 0);
	vmw(VMCS_GUEST_PENDING_DBG, 0);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmw(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmw(VMCS_GUEST_SYSENTER_CS, 0);
	vmw(VMCS_GUEST_SYSENTER_ESP, 0);
	vmw(VMCS_GUEST_SYSENTER_EIP, 0);
}

void vl2_init(struct vl2 *l, void (*code)(void))
{
	if (!l->vmcs)
		l->vmcs = vmx_region();
	memset(&l->gprs, 0, sizeof(l->gprs));
	l->launched = false;
	if (vmclear((u64)l->vmcs) != VMX_OK || vmptrld((u64)l->vmcs) != VMX_OK)
		die("vmptrld", "VMCS at %lx", (u64)l->vmcs);
	set_controls();
	vl2_set_host();
	set_guest(l, code);
}

void vl2_init_real(struct vl2 *l, const void *code, size_t len, u32 base)
{
	vl2_init(l, NULL);
	memcpy((void *)(u64)base, code, len);
	set_seg(VMCS_GUEST_CS_SEL, (u16)(base >> 4), 0x9b, 0xffff, base);
	for (u32 i = 0; i < ARRAY_SIZE(plain_segs); i++)
		set_seg(plain_segs[i], 0, 0x93, 0xffff, 0);
	vmw(VMCS_GUEST_CR0, rdmsr(MSR_VMX_CR0_FIXED0) & ~(CR0_PG | CR0_PE));
	vmw(VMCS_GUEST_CR4, rdmsr(MSR_VMX_CR4_FIXED0));
	vmw(VMCS_GUEST_RIP, 0);
	vmw(VMCS_GUEST_RSP, LOW_STACK);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0));
}

u32 vl2_run(struct vl2 *l)
{
	switch (vmx_enter(&l->gprs, l->launched)) {
	case 0:
		l->launched |= !(vmr(VMCS_EXIT_REASON) & EXIT_ENTRY_FAILURE);
		return (u32)vmr(VMCS_EXIT_REASON);
	case 1:
		return VL2_FAIL_INVALID;
	default:
		return VL2_FAIL_VALID;
	}
}

void vl2_skip(void)
{
	vmw(VMCS_GUEST_RIP, vmr(VMCS_GUEST_RIP) + vmr(VMCS_EXIT_INSTR_LEN));
}
