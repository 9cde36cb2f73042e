/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of svm/ share and nested/ does not need. */
#ifndef SVM_INTERNAL_H
#define SVM_INTERNAL_H

#include "svm/svm.h"

struct trap_frame;

/* entry.S */
void svm_enter(u64 *gpr, u64 vmcb_pa, u32 host_if);
void svm_nmi_window(u64 host_pa, u64 guest_pa);
void svm_halt(const u64 *wake);
extern const u8 svm_halt_window[], svm_halt_end[];

/* setup.c: virt_ops */
bool svm_present(void);
void svm_check(struct missing *m);
void svm_features(char *buf, size_t size);
int svm_cpu_on(struct cpu *cpu);
void svm_cpu_off(struct cpu *cpu);
int svm_vm_init(struct vm *vm);
int svm_vcpu_init(struct vcpu *v);
void svm_vcpu_load(struct vcpu *v);
void svm_trap_port(struct vm *vm, u16 port, u16 count, bool on);
void svm_trap_msr(struct vm *vm, u32 msr, bool rd, bool wr);
bool svm_msr_trapped(const struct vm *vm, u32 msr, bool write);

/* features.c: pure */
void svm_feature_names(const struct svm_hw *hw, char *buf, size_t size);
int svm_set_features(const char *list, u64 *off); /* virt_ops */

/* state.c: virt_ops */
void svm_vcpu_start(struct vcpu *v, const struct vcpu_start *s);
u64 svm_get_reg(struct vcpu *v, enum vreg r);
void svm_set_reg(struct vcpu *v, enum vreg r, u64 val);
void svm_get_seg(struct vcpu *v, enum seg_reg s, struct segment *d);
void svm_set_seg(struct vcpu *v, enum seg_reg s, const struct segment *d);

/* run.c: virt_ops */
void svm_run(struct vcpu *v, struct vmexit *x);
/* decode.c: true when core must see @x. */
bool svm_decode(struct vcpu *v, u64 code, struct vmexit *x);

/* fetch.c: L1's bytes at CS:RIP (to the page's end), or NULL; their address */
const u8 *svm_code_ptr(struct vcpu *v, u64 *la);

/* nmi.c */
void svm_kick(struct vcpu *v);
void svm_take_nmi(struct vcpu *v);
void svm_nmi_inject(struct vcpu *v);  /* L1's pending one, if it may be */
void svm_nmi_unblock(struct vcpu *v); /* IRET exit */
void svm_wait_sipi(struct vcpu *v);   /* until a request is there */
/* vmcb02 is about to be entered with an event in EVENTINJ. */
void svm_injected_tcg(struct vcpu *v);
bool svm_nmi_hook(struct cpu *cpu, struct trap_frame *f);

/* xapic.c */
int svm_watch_init(struct vm *vm);
bool svm_x2apic_icr(struct vcpu *v, u64 icr); /* false: #GP */
/* IA32_APIC_BASE written by L1; false: #GP. */
bool svm_apic_base(struct vcpu *v, u64 val);

/* exc.c: vectors that L0 wants to see of L1, besides the debugger's */
u32 svm_exc_wanted(const struct svm_vcpu *s);
/* #GP of L1 exited. False: with what was being delivered it is a shutdown. */
bool svm_exc_gp(struct vcpu *v);
/* #DB exited. True: settled, by APM 2, Global Interrupt Flag: breakpoints are
 * ignored and discarded while GIF is 0. */
bool svm_exc_db(struct vcpu *v);

/* debug.c: virt_ops */
void svm_set_debug(struct vcpu *v);
bool svm_debug_tcg(const struct vcpu *v);
bool svm_db_untold(void);
/* Around each entry while v->debug has a step or the debug registers. True: no
 * entry, begin again. */
bool svm_debug_entry(struct vcpu *v);
void svm_debug_exit(struct vcpu *v, u64 code);
void svm_set_shadow(struct vcpu *v, enum insn_shadow sh);
void svm_view_l1(struct vcpu *v, bool on);

/* step.c: around each entry while v->debug.step. True: no entry, begin again */
bool svm_step_entry(struct vcpu *v);
void svm_step_exit(struct vcpu *v, u64 code);

/* dump.c: virt_ops */
void svm_dump(struct vcpu *v);

#endif
