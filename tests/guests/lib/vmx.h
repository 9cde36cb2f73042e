/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tiny VMX hypervisor: L2s that share L1's page tables, GDT and IDT unless
 * a test changes that. Payloads are naked functions of a few instructions.
 */
#ifndef TESTS_GUESTS_LIB_VMX_H
#define TESTS_GUESTS_LIB_VMX_H

#include "tests/guests/lib/guest.h"
#include "vmx/vmcs.h"

#define PAYLOAD(name, code)                                    \
	static __unused void __attribute__((naked)) name(void) \
	{                                                      \
		__asm__ volatile(code);                        \
	}

/* In the order that vmx_enter() swaps them; RSP is in the VMCS. */
struct vmx_gprs {
	u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14,
		r15;
};

struct vl2 {
	void *vmcs; /* a page */
	struct vmx_gprs gprs;
	bool launched;
	u64 stack[512];
};

/* How a VMX instruction ended. */
enum vmx_result { VMX_OK, VMX_INVALID, VMX_VALID };

/* Outcome of vl2_run(), beyond exit reasons (all 32 bits of them). */
#define VL2_FAIL_INVALID 0xfff00001u
#define VL2_FAIL_VALID 0xfff00002u /* VMCS_INSTR_ERROR says why */

/*
 * IA32_FEATURE_CONTROL, CR4.VMXE, CR0.NE, VMXON on the CPU that calls; a
 * failed check and the end of the guest where VMX is absent.
 */
void vmx_on(void);
void vmx_off(void);
/* The same with a VMXON region of the caller's: one for each CPU. */
void vmx_on_at(void *region);
extern void *vmxon_page;
/* A page with the revision identifier at its start. */
void *vmx_region(void);

enum vmx_result vmxon_insn(u64 pa);
enum vmx_result vmclear(u64 pa);
enum vmx_result vmptrld(u64 pa);
enum vmx_result vmwrite_insn(u64 field, u64 v);
enum vmx_result vmread_insn(u64 field, u64 *v);
enum vmx_result invept_insn(u64 type, u64 eptp, u64 rsvd);
enum vmx_result invvpid_insn(u64 type, u64 vpid, u64 addr);
void vmw(u64 field, u64 v); /* these end the guest when they fail */
u64 vmr(u64 field);

/* Wanted control bits, with those that have to be 1 (TRUE MSRs if any). */
u32 vmx_pin(u32 wanted);
u32 vmx_proc(u32 wanted);
u32 vmx_proc2(u32 wanted);
u32 vmx_exit_ctls(u32 wanted);
u32 vmx_entry_ctls(u32 wanted);
/* Can these secondary (or primary, pin) controls be 1? */
bool vmx_has_proc2(u32 bits);
bool vmx_has_proc(u32 bits);
bool vmx_has_pin(u32 bits);

/* Clear, load and fill a VMCS: an L2 in long mode at @code, L1's CR3, GDT,
 * IDT, a stack of its own; HLT exits. Leaves it current. */
void vl2_init(struct vl2 *l, void (*code)(void));
/* The same in real mode (unrestricted guest and EPT must be on already in
 * PROC2_CTLS or are left to the test): see svm.h. */
void vl2_init_real(struct vl2 *l, const void *code, size_t len, u32 base);
/* The host state of the CPU that calls, into the current VMCS. */
void vl2_set_host(void);
/* VMLAUNCH or VMRESUME; exit reason, or VL2_FAIL_*. */
u32 vl2_run(struct vl2 *l);
void vl2_skip(void); /* by the exit's instruction length */

int vmx_enter(struct vmx_gprs *g, u64 resume);
/* Without a VMWRITE of HOST_RSP; VMCS_HOST_RIP has to be vmx_exit_fast. */
extern const char vmx_exit_fast[];
int vmx_enter_fast(struct vmx_gprs *g, u64 resume);

#endif
