/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam between core and the two backends (svm/, vmx/), and between a
 * backend and its nested half. A backend decodes its exits into struct
 * vmexit; core decides what to do; the backend carries it out.
 */
#ifndef CORE_VIRT_H
#define CORE_VIRT_H

#include "core/types.h"
#include "core/vcpu.h"
#include "mm/addr.h"

struct pt_format;

/* A list of what a machine lacks, one line each, for the boot console. */
#define MISSING_MAX 16
struct missing {
	u32 n;
	const char *what[MISSING_MAX];	 /* what is missing */
	const char *advice[MISSING_MAX]; /* what to switch on, or NULL */
};

static inline void missing_add(struct missing *m, const char *what,
			       const char *advice)
{
	if (m->n < MISSING_MAX) {
		m->what[m->n] = what;
		m->advice[m->n++] = advice;
	}
}

/* What happened. Everything the vendor can settle alone (its own nested
 * instructions, interrupt windows) never reaches core: EXIT_DONE. */
enum exit_kind {
	EXIT_DONE, /* handled in the backend: just enter again */
	EXIT_CPUID,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_CR_WRITE, /* CR0, CR4 (CR3, CR8 are not intercepted for L1) */
	EXIT_MOV_DR,   /* only while the debugger has the debug registers */
	EXIT_XSETBV,
	EXIT_INVD,
	EXIT_WBINVD,
	EXIT_HLT,
	EXIT_IO,
	EXIT_EXCEPTION, /* one that L0 intercepts (debugger) */
	EXIT_NMI,	/* a physical NMI arrived (already taken) */
	EXIT_MCE,	/* a machine check arrived */
	EXIT_INIT,	/* INIT was received by this CPU */
	EXIT_SIPI,
	EXIT_TASK_SWITCH,
	EXIT_TRIPLE_FAULT,
	EXIT_MEMORY,	/* second-stage fault on an L1-physical address */
	EXIT_VIRT_INSN, /* a virtualization instruction while not offered */
	EXIT_HYPERCALL, /* VMCALL / VMMCALL by L1 */
	EXIT_ENTRY_FAILED,
	EXIT_UNKNOWN,
};

#define ACCESS_R BIT(0)
#define ACCESS_W BIT(1)
#define ACCESS_X BIT(2)
#define ACCESS_U BIT(3)

struct vmexit {
	enum exit_kind kind;
	u32 raw; /* vendor's code, for messages */
	union {
		struct {
			u8 cr;	   /* number */
			u64 value; /* to be written */
		} cr;
		struct {
			u8 dr;	/* number, 0 to 7 */
			u8 gpr; /* enum gpr */
			bool write;
		} dr;
		struct {
			u16 port;
			u8 size; /* bytes: 1, 2, 4 */
			bool in, string, rep;
		} io;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
		} exc;
		struct {
			l1pa_t gpa;
			u32 access; /* ACCESS_*: what was tried */
			enum mem_how how;
		} mem;
		struct {
			u16 sel;
			u8 source; /* 0 CALL, 1 IRET, 2 JMP, 3 gate */
			bool has_error;
			u32 error;
		} task;
		u8 sipi_vector;
	};
};

/* Event to deliver to the guest at the next entry. */
enum event_type {
	EVENT_NONE,
	EVENT_EXTINT,
	EVENT_NMI,
	EVENT_EXCEPTION,
	EVENT_SOFT_INT,
};

struct event {
	enum event_type type;
	u8 vector;
	bool has_error;
	u32 error; /* EVENT_SOFT_INT: bytes from RIP to the return address;
		    * 0: of the instruction that exited */
};

/* What an instruction holds off until the one after it is over. */
enum insn_shadow { SHADOW_NONE, SHADOW_STI, SHADOW_MOV_SS };

struct virt_ops {
	const char *name; /* "SVM" or "VMX" */

	/* Is this the machine's vendor? Append what it lacks to @m. */
	bool (*present)(void);
	void (*check)(struct missing *m);
	/* One line of the hardware's features for the boot console. */
	void (*features)(char *buf, size_t size);
	/* Option NAME.features=...: -EINVAL on an unknown feature name. */
	int (*set_features)(const char *list, u64 *off);

	/* Enter / leave root mode on the CPU that calls. */
	int (*cpu_on)(struct cpu *cpu);
	void (*cpu_off)(struct cpu *cpu);

	/* Build per-VM and per-vcpu state. vm->slat is built here, too. */
	int (*vm_init)(struct vm *vm);
	int (*vcpu_init)(struct vcpu *v);
	/* Make the vcpu current on the CPU that calls, once, before run. */
	void (*vcpu_load)(struct vcpu *v);
	void (*vcpu_start)(struct vcpu *v, const struct vcpu_start *s);

	/* Enter the guest until an exit core must see; decode it. */
	void (*run)(struct vcpu *v, struct vmexit *x);
	/* Step over the instruction that exited. */
	void (*skip)(struct vcpu *v);
	void (*inject)(struct vcpu *v, const struct event *e);

	u64 (*get_reg)(struct vcpu *v, enum vreg r);
	void (*set_reg)(struct vcpu *v, enum vreg r, u64 val);
	void (*get_seg)(struct vcpu *v, enum seg_reg s, struct segment *d);
	void (*set_seg)(struct vcpu *v, enum seg_reg s,
			const struct segment *d);

	/* Intercepts of L1's port and MSR accesses, whole VM. */
	void (*trap_port)(struct vm *vm, u16 port, u16 count, bool on);
	void (*trap_msr)(struct vm *vm, u32 msr, bool rd, bool wr);
	bool (*msr_trapped)(const struct vm *vm, u32 msr, bool write);
	/* Get the vcpu out of its guest soon; callable on any CPU. */
	void (*kick)(struct vcpu *v);
	/* v->debug changed: intercepts for the level that runs next. On the
	 * vcpu's own CPU. */
	void (*set_debug)(struct vcpu *v);
	/* Interrupt shadow at the next entry; a halted CPU wakes. */
	void (*set_shadow)(struct vcpu *v, enum insn_shadow s);
	/* While @on, get_*() and set_*() mean L1 though the vcpu is in L2. */
	void (*view_l1)(struct vcpu *v, bool on);
	/* Name of a raw exit code, for messages and counters. */
	const char *(*exit_name)(u32 raw);
	/* All of the VMCS/VMCB on the console. */
	void (*dump)(struct vcpu *v);
};

/* The machine's backend, chosen once at boot. */
extern const struct virt_ops *virt;

extern const struct virt_ops svm_ops;
extern const struct virt_ops vmx_ops;

/* Second-stage tables below an L2. */
struct nested_tables {
	const struct pt_format *fmt12, *fmt02;
	l1pa_t root12;
	u64 flags12; /* PT_* */
	hpa_t root02;
};

enum nested_show { SHOW_12, SHOW_02, SHOW_WHY };

/* What tells an L2 from others. */
struct nested_id {
	u64 page; /* of its VMCB or VMCS */
	u64 root; /* of L1's second-stage table; 0: it has none */
	enum {
		L2_SAME,
		L2_BLANK, /* nothing of an L2 stands there: another, if the
			   * root is another, too */
		L2_OTHER, /* L1 has made a new one since it was entered last */
	} again;
};

/*
 * What a backend asks of its nested half. Set once at boot by core/main.c
 * (svm_nested / vmx_nested point to the struct or are NULL: nesting off).
 */
struct nested_ops {
	int (*cpu_init)(struct cpu *cpu);
	int (*vcpu_init)(struct vcpu *v);
	/* Architectural reset on INIT: drop nested state, L1's own mode off. */
	void (*vcpu_reset)(struct vcpu *v);
	/*
	 * Called on every hardware exit that nesting may own: all exits while
	 * v->in_l2, and virtualization instructions of L1. True: settled,
	 * enter again. False: L0 handles it for the level that was running.
	 */
	bool (*handle_exit)(struct vcpu *v, u32 raw);
	/* An INIT or a SIPI that L0 itself delivers, where the processor's own
	 * cannot be used (vmx/watch.c). @reason and @qual: as of the exit that
	 * it would be. True: settled. */
	bool (*signal)(struct vcpu *v, u32 reason, u64 qual);
	/* Before each entry: anything pending for L1 that must leave L2? */
	void (*before_entry)(struct vcpu *v);
	/* CPUID as offered: edits what hardware gave. */
	void (*cpuid)(struct vcpu *v, u32 leaf, u32 sub, u32 r[4]);
	/* For the debugger: L2-physical memory as L2 has it now, to the end
	 * of the page, or NULL; and what tells this L2 from others. */
	void *(*l2_ptr)(struct vcpu *v, l2pa_t gpa);
	void (*l2_id)(struct vcpu *v, struct nested_id *id);
	/* Is L1 in VMX operation there, or EFER.SVME set? */
	bool (*virt_on)(const struct vcpu *v);
	/* For the debugger: L1's second-stage table for its L2 and the folded
	 * one. False: L1 gives its L2 none. */
	bool (*tables)(struct vcpu *v, struct nested_tables *t);
	/* On the log: L1's control structure for its L2, the one that L0
	 * enters L2 with, or why the last VM entry was refused. */
	void (*show)(struct vcpu *v, enum nested_show what);
	/* Nested MSRs. -ENOENT: not one of them; -EINVAL: #GP. */
	int (*rdmsr)(struct vcpu *v, u32 msr, u64 *val);
	int (*wrmsr)(struct vcpu *v, u32 msr, u64 val);
};

extern const struct nested_ops *svm_nested;
extern const struct nested_ops *vmx_nested;
extern const struct nested_ops nested_svm_ops;
extern const struct nested_ops nested_vmx_ops;

#endif
