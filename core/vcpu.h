/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct vm: one L1 guest (memory, policy). struct vcpu: one CPU of it. There
 * may be several VMs on a machine (each with CPUs of its own), so both are
 * always passed and never global.
 */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include "core/cpuid_policy.h"
#include "core/debug.h"
#include "core/types.h"
#include "mm/addr.h"
#include "mm/memmap.h"

struct slat;
struct svm_vcpu;
struct vmx_vcpu;
struct nested_svm;
struct nested_vmx;
struct cpu;

/* General registers in the order of their encoding in instructions. */
enum gpr {
	RAX,
	RCX,
	RDX,
	RBX,
	RSP,
	RBP,
	RSI,
	RDI,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	NR_GPRS
};

/* Registers that a backend holds in its VMCS/VMCB (virt_ops.get/set_reg). */
enum vreg {
	VREG_RIP,
	VREG_RFLAGS,
	VREG_CR0, /* as the guest sees it */
	VREG_CR2,
	VREG_CR3,
	VREG_CR4, /* as the guest sees it */
	VREG_CR8,
	VREG_EFER, /* as the guest sees it */
	VREG_DR6,
	VREG_DR7,
	VREG_PAT,
	VREG_SYSENTER_CS,
	VREG_SYSENTER_ESP,
	VREG_SYSENTER_EIP,
	NR_VREGS
};

/* In the order of their encoding in instructions, then the system ones. */
enum seg_reg {
	SEG_ES,
	SEG_CS,
	SEG_SS,
	SEG_DS,
	SEG_FS,
	SEG_GS,
	SEG_LDTR,
	SEG_TR,
	SEG_GDTR, /* base and limit only */
	SEG_IDTR, /* base and limit only */
	NR_SEGS
};

/* Attributes as in VMX's access rights: type 3:0, S 4, DPL 6:5, P 7, AVL 12,
 * L 13, D/B 14, G 15, unusable 16. */
struct segment {
	u16 sel;
	u32 attr;
	u32 limit; /* bytes, expanded */
	u64 base;
};

#define SEG_ATTR_UNUSABLE BIT(16)

/* Exit counters: by the vendor's raw exit code or basic exit reason. */
#define STAT_EXITS 256
struct vcpu_stats {
	u64 exits_l1[STAT_EXITS]; /* from L1; last slot: all other codes */
	u64 exits_l2[STAT_EXITS]; /* from L2 and deeper */
	u64 reflected;		  /* L2 exits passed on to L1 */
	u64 entries_l2;		  /* VM entries that L1 asked for */
	u64 total;		  /* all exits */
};

/* Work that another CPU asks of a vcpu (vcpu->requests, atomic bits). */
enum vcpu_request {
	REQ_INIT,      /* INIT was sent to it */
	REQ_SIPI,      /* vcpu->sipi_vector is valid */
	REQ_FLUSH_TLB, /* ept01/npt01 changed */
	REQ_STOP,      /* debugger: all stop */
	REQ_SHUTDOWN,  /* the machine ends */
};

/* Where a vcpu is in the INIT/SIPI life of a processor. */
enum vcpu_run_state {
	VCPU_RUNNING,
	VCPU_WAIT_SIPI,
};

struct vm_policy {
	bool nested;	  /* offer VMX/SVM to L1 */
	bool hide;	  /* no hypervisor leaf, no hypervisor bit */
	u8 on_shutdown;	  /* enum shutdown_action of core/options.h */
	u64 features_off; /* backend's feature bits switched off */
};

/* A piece of RAM in which nothing is L0's; len 0: none. */
struct ram_piece {
	u64 start, len;
};

struct vm {
	u32 id;
	struct vm_policy policy;
	struct memmap map;	   /* what L1 is told: RAM without L0 */
	struct ram_piece plain[2]; /* the largest ones of it, largest first */
	hpa_t l0_start;		   /* L0's memory, never reachable by L1 */
	u64 l0_len;		   /* bytes */
	hpa_t scratch;		   /* page that L1 finds in place of L0 */
	struct slat *slat;	   /* ept01 / npt01 */
	u32 nvcpus;
	struct vcpu **vcpus; /* by index */
	void *backend;	     /* per-VM state of the backend (bitmaps) */
	struct cpuid_table cpuid;
};

/* Does the page at @pa belong to L0? */
static inline bool vm_is_l0(const struct vm *vm, u64 pa)
{
	return pa - vm->l0_start.v < vm->l0_len;
}

struct vcpu {
	u64 gpr[NR_GPRS]; /* RSP: valid between exit and entry, the backend
			   * syncs it (and RAX on SVM) with its VMCS/VMCB */
	struct vm *vm;
	struct cpu *cpu;
	u32 index;   /* within the VM */
	u32 apic_id; /* physical == what L1 sees */
	bool in_l2;  /* vmcs02/vmcb02 is the current one */
	enum vcpu_run_state run_state;
	bool l2_sleeps; /* its L2 waits for a SIPI, in hardware (VMX) */
	u64 requests;	/* bits of enum vcpu_request, atomic */
	u8 sipi_vector;
	u64 apic_base; /* IA32_APIC_BASE as L1 last wrote it */
	union {
		struct svm_vcpu *svm;
		struct vmx_vcpu *vmx;
	};
	union {
		struct nested_svm *nsvm; /* NULL when nesting is off */
		struct nested_vmx *nvmx;
	};
	u32 lost_accesses; /* to where nothing is: the first are told */
	struct vcpu_debug debug;
	struct vcpu_stats stats;
};

/* State in which a vcpu starts: after the loader or a SIPI. */
struct vcpu_start {
	enum {
		START_RESET, /* architectural state after INIT, then wait-SIPI */
		START_SIPI,  /* real mode at vector<<12, otherwise INIT state */
		START_PM32,  /* 32-bit flat protected mode, paging off */
	} kind;
	u8 vector;		     /* START_SIPI */
	u32 eip, eax, ebx, esi, esp; /* START_PM32 */
	l1pa_t gdt;		     /* START_PM32: GDT with CS 0x10, DS 0x18 */
	u16 gdt_limit;
};

/* Count a hardware exit, by the backend, right after it. */
static inline void stat_exit(struct vcpu *v, u32 raw)
{
	u32 slot = raw < STAT_EXITS - 1 ? raw : STAT_EXITS - 1;

	if (v->in_l2)
		v->stats.exits_l2[slot]++;
	else
		v->stats.exits_l1[slot]++;
	v->stats.total++;
	if (unlikely(v->debug.watch))
		debug_event(v, DEBUG_EXIT, raw);
}

static inline bool request_pending(const struct vcpu *v)
{
	return __atomic_load_n(&v->requests, __ATOMIC_ACQUIRE) != 0;
}

static inline void request_set(struct vcpu *v, enum vcpu_request r)
{
	__atomic_fetch_or(&v->requests, BIT(r), __ATOMIC_ACQ_REL);
}

/* Take request @r if it is there. */
static inline bool request_take(struct vcpu *v, enum vcpu_request r)
{
	return __atomic_fetch_and(&v->requests, ~BIT(r), __ATOMIC_ACQ_REL) &
	       BIT(r);
}

/*
 * Does it wait for a SIPI? Then it runs nothing, looks at its requests before
 * it runs again, and may be out of a kick's reach. It says so before it looks
 * at them a last time: who sets a request and then reads this either finds it
 * asleep or has its request found.
 */
static inline bool vcpu_sleeps(const struct vcpu *v)
{
	return __atomic_load_n(&v->run_state, __ATOMIC_SEQ_CST) ==
		       VCPU_WAIT_SIPI ||
	       __atomic_load_n(&v->l2_sleeps, __ATOMIC_SEQ_CST);
}

#endif
