/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of vmx/ share and nested/ does not need. */
#ifndef VMX_INTERNAL_H
#define VMX_INTERNAL_H

#include "vmx/caps.h"
#include "vmx/vmx.h"

struct trap_frame;

/* entry.S */
enum vmx_entered {
	VMX_EXITED,	  /* a VM exit came */
	VMX_FAIL_INVALID, /* VMfailInvalid: no current VMCS */
	VMX_FAIL_VALID,	  /* VMfailValid: error number in the VMCS */
	VMX_ABORTED,	  /* not entered: an NMI or #MC came for L1 */
};

/*
 * VM entry with v->gpr (RSP is the VMCS's), back after the exit. @host_rsp:
 * what the VMCS holds, written when it differs. @nmi: &cpu->nmi_pending.
 */
u32 vmx_enter(struct vcpu *v, u64 *host_rsp, bool launched, const bool *nmi);
extern const u8 vmx_exit[]; /* HOST_RIP */
extern const u8 vmx_window[], vmx_window_end[], vmx_abort[];
/* Halt until an NMI, unless *@wake is not 0. */
void vmx_halt(const u64 *wake);
extern const u8 vmx_halt_window[], vmx_halt_end[];
/* NMIs are no longer blocked. */
void vmx_iret(void);

/* setup.c: virt_ops */
bool vmx_present(void);
void vmx_check(struct missing *m);
void vmx_features(char *buf, size_t size);
int vmx_set_features(const char *list, u64 *off);
int vmx_cpu_on(struct cpu *cpu);
void vmx_cpu_off(struct cpu *cpu);
int vmx_vm_init(struct vm *vm);
int vmx_vcpu_init(struct vcpu *v);
void vmx_vcpu_load(struct vcpu *v);
void vmx_trap_port(struct vm *vm, u16 port, u16 count, bool on);
void vmx_trap_msr(struct vm *vm, u32 msr, bool rd, bool wr);
bool vmx_msr_trapped(const struct vm *vm, u32 msr, bool write);

/* start.c, state.c: virt_ops */
void vmx_vcpu_start(struct vcpu *v, const struct vcpu_start *s);
u64 vmx_get_reg(struct vcpu *v, enum vreg r);
void vmx_set_reg(struct vcpu *v, enum vreg r, u64 val);
void vmx_get_seg(struct vcpu *v, enum seg_reg s, struct segment *d);
void vmx_set_seg(struct vcpu *v, enum seg_reg s, const struct segment *d);
/* Would CR0/CR4/CR3 (as L1 sees them) with PAE paging load PDPTEs that raise
 * #GP? Fills @pdpte. */
int __must_check vmx_read_pdptes(struct vcpu *v, u64 cr3, u64 pdpte[4]);
bool vmx_pae(u64 cr0, u64 cr4, u64 efer);
/* CS.L with LMA on. */
bool vmx_mode64(struct vcpu *v);

/* run.c: virt_ops */
void vmx_run(struct vcpu *v, struct vmexit *x);
void vmx_kick(struct vcpu *v);

/* True once for each vmx_kick(). */
bool vmx_take_kick(struct vcpu *v);

/* watch.c: INIT and SIPI where their reception cannot be used. */
extern bool vmx_watches_icr;
int vmx_watch_init(struct vm *vm);
/* An EPT violation or WRMSR of L1: was it the APIC's, and is it done? */
bool vmx_watch_mmio(struct vcpu *v, u64 qual);
bool vmx_watch_wrmsr(struct vcpu *v);
/* L2 in the wait-for-SIPI state waits in L0, as L1 does. */
bool vmx_watch_l2_waits(struct vcpu *v);
/* Until there is a request. */
void vmx_watch_wait(struct vcpu *v);

/* decode.c: true when core must see @x. */
bool vmx_decode(struct vcpu *v, u32 raw, struct vmexit *x);

/* event.c: what waits for the guest goes into the VMCS. */
void vmx_deliver(struct vcpu *v);
/* A machine check that waits for the end of an event's delivery. */
void vmx_deliver_mce(struct vcpu *v);
/* Exits that can cut a delivery short, of those that L0 handles and goes on
 * from. SDM 3C, Information for VM Exits That Occur During Event Delivery. */
#define VECTORING_EXITS                                          \
	(BIT(REASON_EXCEPTION_NMI) | BIT(REASON_APIC_ACCESS) |   \
	 BIT(REASON_EPT_VIOLATION) | BIT(REASON_EPT_MISCONFIG) | \
	 BIT(REASON_PML_FULL))
/* The event whose delivery such an exit interrupted, NMIs that IRET
 * unblocked. */
void vmx_note_vectoring(struct vcpu *v, u32 raw);

static inline bool vmx_may_vector(u32 raw)
{
	return EXIT_BASIC(raw) < 64 && (VECTORING_EXITS & BIT(EXIT_BASIC(raw)));
}
bool vmx_nmi_hook(struct cpu *cpu, struct trap_frame *f);
bool vmx_mce_hook(struct cpu *cpu, struct trap_frame *f);

/* debug.c: virt_ops */
void vmx_set_debug(struct vcpu *v);
/* Around each entry while v->debug has a step or the debug registers. True: no
 * entry, begin again. */
bool vmx_debug_entry(struct vcpu *v);
/* True: the exit was there for a step only. */
bool vmx_debug_exit(struct vcpu *v, s64 raw);
void vmx_set_shadow(struct vcpu *v, enum insn_shadow sh);
void vmx_view_l1(struct vcpu *v, bool on);
/* NMIs exit, since some may be L0's own. */
bool vmx_nmi_exiting(void);
/* What L0 wants beyond L1's business, into vmcs01 or vmcs02 (current). */
void vmx_debug_l1(struct vcpu *v);
void vmx_debug_l2(struct vcpu *v);
/* Exit @raw was for the debug stub and is over. */
bool vmx_debugger_took(struct vcpu *v, u32 raw);

/* step.c: around each entry while v->debug.step. True: no entry, begin again */
bool vmx_step_entry(struct vcpu *v);
/* True: the exit was there for the step only. */
bool vmx_step_exit(struct vcpu *v, s64 raw);

/* task.c: carry out the task switch of the last exit. */
void vmx_task_switch(struct vcpu *v, u64 qual);

/* dump.c: virt_ops */
void vmx_dump(struct vcpu *v);

#endif
