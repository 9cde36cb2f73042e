/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tiny SVM hypervisor: L2s that share L1's page tables, GDT and IDT unless
 * a test changes that. Payloads are naked functions of a few instructions.
 */
#ifndef TESTS_GUESTS_LIB_SVM_H
#define TESTS_GUESTS_LIB_SVM_H

#include "svm/vmcb.h"
#include "tests/guests/lib/guest.h"

/* In the order that svm_enter() swaps them. */
struct l2_gprs {
	u64 rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};

struct l2 {
	struct vmcb *vmcb;
	struct l2_gprs gprs;
	u64 stack[512];
};

#define PAYLOAD(name, code)                                    \
	static __unused void __attribute__((naked)) name(void) \
	{                                                      \
		__asm__ volatile(code);                        \
	}

/* CPUID 8000000A EDX */
#define SVM_FEATURES_LEAF 0x8000000a
#define SVM_NPT BIT(0)
#define SVM_LBRV BIT(1)
#define SVM_NRIPS BIT(3)
#define SVM_TSC_RATE BIT(4)
#define SVM_CLEAN BIT(5)
#define SVM_FLUSH_ASID BIT(6)
#define SVM_DECODE BIT(7)
#define SVM_PAUSE_FILTER BIT(10)
#define SVM_PAUSE_THRESHOLD BIT(12)
#define SVM_VLS BIT(15)
#define SVM_VGIF BIT(16)
#define SVM_VNMI BIT(25)

bool svm_has(u64 feature);
/* EFER.SVME, VM_HSAVE_PA and bitmaps on the CPU that calls; a failed check
 * and the end of the guest where SVM is absent. */
void svm_on(void);
/* An L2 in long mode at @code: L1's CR3, GDT, IDT, a stack of its own;
 * VMRUN, VMMCALL, HLT and SHUTDOWN intercepted. */
void l2_init(struct l2 *l, void (*code)(void));
/* The same in real mode: @len bytes of @code copied to @base (below 1 MiB,
 * 16-byte aligned), CS.base = @base, IP 0; data segments at 0. */
void l2_init_real(struct l2 *l, const void *code, size_t len, u32 base);
/* Protected mode without paging, 32 bits, flat, at @code (below 4 GiB). */
void l2_init_pm32(struct l2 *l, const void *code);
/* CLGI, VMLOAD, VMRUN, VMSAVE, VMLOAD, STGI; the exit code. */
u64 l2_run(struct l2 *l);
/* The exception that VMRUN raised in L1 instead of running, or -1. */
int l2_try_run(struct l2 *l);
void l2_skip(struct l2 *l, u32 len);

static inline void l2_intercept(struct l2 *l, u32 bit, bool on)
{
	vmcb_set_intercept(l->vmcb, bit, on);
}

static inline void clgi(void)
{
	__asm__ volatile("clgi" : : : "memory");
}

static inline void stgi(void)
{
	__asm__ volatile("stgi" : : : "memory");
}

static inline void vmsave(const void *vmcb)
{
	__asm__ volatile("vmsave %0" : : "a"(vmcb) : "memory");
}

static inline void vmload(const void *vmcb)
{
	__asm__ volatile("vmload %0" : : "a"(vmcb) : "memory");
}

extern u8 svm_iopm[3 * PAGE_SIZE], svm_msrpm[2 * PAGE_SIZE];
extern u8 svm_host[PAGE_SIZE];	/* L1's own VMSAVE area */
extern u8 svm_hsave[PAGE_SIZE]; /* VM_HSAVE_PA */

void svm_enter(struct vmcb *b, struct l2_gprs *g, void *host);
void svm_enter_bare(struct vmcb *b, struct l2_gprs *g);

#endif
