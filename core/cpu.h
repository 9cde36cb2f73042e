/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU data of L0. It stands at the bottom of the CPU's own stack block,
 * so that this_cpu() needs no segment base (L1's FS, GS and TR may stay
 * loaded while L0 runs).
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "core/types.h"
#include "mm/addr.h"

struct vcpu;
struct svm_cpu;
struct vmx_cpu;

#define STACK_SIZE KiB(32) /* block: struct cpu, guard, stack growing down */
#define IST_SIZE KiB(8)
#define CPUS_MAX 256

struct tss64 {
	u32 rsvd0;
	u64 rsp[3];
	u64 rsvd1;
	u64 ist[7];
	u64 rsvd2;
	u16 rsvd3;
	u16 iobase;
} __packed;

struct cpu {
	struct cpu *self;
	u32 index;   /* 0 is the boot CPU */
	u32 apic_id; /* x2APIC id */
	struct vcpu *vcpu;
	union {
		struct svm_cpu *svm;
		struct vmx_cpu *vmx;
	};
	u64 gdt[8] __aligned(16);
	struct tss64 tss;
	u8 *ist_stack; /* three of IST_SIZE: NMI, #DF, #MC */
	bool online;   /* root mode entered */
	/* Three flags that a backend tests at once before it enters. */
	bool nmi_pending; /* an NMI came while L0 ran: L1's, not yet given */
	bool mce_pending; /* a machine check came while L0 ran: L1's */
	bool kicked;	  /* a backend's: look at the vcpu's requests first */
	u32 nmi_count;	  /* NMIs that came */
};

static inline struct cpu *this_cpu(void)
{
	u64 sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return (struct cpu *)(uintptr_t)ALIGN_DOWN(sp, STACK_SIZE);
}

extern struct cpu *cpus[CPUS_MAX];
extern u32 nr_cpus;
/* In the machine, whether L0 uses them or not: those that it does not use must
 * not be started by an L1 either. */
extern u32 nr_cpus_present;

#endif
