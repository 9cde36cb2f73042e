/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The debug stub: gdb's protocol (core/gdb_rsp.h) bound to vcpus. One CPU runs
 * it while all others wait in L0 and lend a hand where state must be read on
 * its own CPU.
 */
#ifndef CORE_GDB_H
#define CORE_GDB_H

#include "core/debug.h"
#include "core/gdb_rsp.h"
#include "core/types.h"
#include "core/virt.h"
#include "mm/pt_format.h"

struct cpu;
struct insn;

struct gdb_config {
	u16 port; /* I/O base of the UART */
	u32 baud;
	bool shared;	 /* it is L0's console, too */
	bool wait;	 /* stop before L1's first instruction */
	u64 ioapic;	 /* host-physical address of the UART's IOAPIC; 0 */
	u32 ioapic_pin;	 /* input of it */
	u16 pm_timer;	 /* I/O port of ACPI's timer; 0 */
	bool level, low; /* trigger mode and polarity of that input */
};

/* Set the UART up and hide it from @vm. -ENODEV: there is none. */
int __must_check gdb_init(const struct gdb_config *c, struct vm *vm);
bool gdb_enabled(void);

/* REQ_STOP was taken by @v: serve gdb, or wait while another CPU does. */
void gdb_stop_request(struct vcpu *v);
/* Stop everything for @kind, seen on @v; returns when gdb lets it go on. */
void gdb_stop(struct vcpu *v, enum gdb_stop_kind kind, u64 addr);
/* The same, said of a thread that is not the one that runs. */
void gdb_stop_as(struct vcpu *v, const struct gdb_stop *s);
/* The machine ends: nobody answers gdb any more. */
void gdb_end(struct vcpu *v);

/* L1's access to the stub's own port. True: settled. */
bool gdb_port_access(struct vcpu *v, const struct vmexit *x);

/* L1 wrote the I/O APIC's page. True: settled. */
bool gdb_memory(struct vcpu *v, const struct vmexit *x);

/* A line on gdb's console (dropped when nobody is attached). */
void gdb_say(const char *fmt, ...) __printf(1, 2);

/* --- between the stub's files --------------------------------------------- */

/* Run @fn(@arg) on the CPU of @v, all CPUs being stopped. */
void gdb_on_cpu(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg),
		void *arg);
struct vm *gdb_vm(void);
extern const struct gdb_ops gdb_target_ops;

/* The vcpu of a thread that exists now, or NULL. */
struct vcpu *gdb_vcpu(struct gdb_thread t);

/* FPU, SSE, AVX register @n of the CPU that calls: bytes, or -ENOENT. */
int gdb_fpu_access(u32 n, u8 *buf, u32 size, bool write);

/*
 * Memory (core/gdb_mem.c), on the vcpu's own CPU, its view being the level
 * meant. Addresses are linear ones unless `monitor phys` says other.
 */
enum gdb_phys { GDB_PHYS_OFF, GDB_PHYS_L1, GDB_PHYS_L2 };
void gdb_mem_phys(enum gdb_phys mode);
bool gdb_mem_is_phys(void);
/* The byte at @addr, valid to the end of its page; NULL: no memory. */
u8 *gdb_mem_ptr(struct vcpu *v, bool l2, u64 addr);
/* The same for linear addresses, whatever `monitor phys` says. */
u8 *gdb_mem_ptr_linear(struct vcpu *v, bool l2, u64 la);
/* Code of the level that runs (core/gdb_code.c): 16, 32 or 64; CS:RIP as a
 * linear address; the bytes there without breakpoints, up to INSN_MAX, and
 * their number. */
u32 gdb_code_mode(struct vcpu *v);
u64 gdb_linear_rip(struct vcpu *v);
u32 gdb_code_bytes(struct vcpu *v, u8 *buf);
/* The instruction there; as insn_decode(). */
int gdb_code_insn(struct vcpu *v, struct insn *i);
/* Linear to the level's physical address. -1: not mapped. */
int gdb_translate(struct vcpu *v, bool l2, u64 la, u64 *pa);
/* The same, telling gdb of each entry on the way. */
int gdb_translate_show(struct vcpu *v, bool l2, u64 la, u64 *pa);

/* Walks on gdb's console (core/gdb_walk.c): @w of @m, which leads to an
 * address of the kind @to; and all second stages below physical @pa. */
void gdb_walk_show(const struct pt_mode *m, enum pt_result r,
		   const struct pt_walk *w, const char *to);
void gdb_show_tables(struct vcpu *v, bool l2, u64 pa);

/* Processes: 1 is L1; an L2 gets the next number when it is first seen. */
u32 gdb_pid_of_l2(struct vcpu *v);
bool gdb_pid_is_known(u32 pid); /* was it ever given? */
/* @v enters its L2. */
void gdb_pid_enter(struct vcpu *v);
/* One that has ended, each once, or 0; and have @v ask, before it goes on, if
 * there is one. */
u32 gdb_pid_ended(void);
void gdb_pid_ask(struct vcpu *v);

/* The UART's way to break in (core/gdb_irq.c). -ENODEV: no I/O APIC. */
int __must_check gdb_irq_init(const struct gdb_config *c, struct vm *vm);

/* Breakpoints (core/gdb_break.c). @pid: of that process, GDB_ALL: all. */
int gdb_break(struct gdb_thread t, enum gdb_bp_type type, u64 addr, u32 kind,
	      bool insert);
void gdb_break_clear(u32 pid);
void gdb_break_init(void);
/* What is caught has changed. */
void gdb_break_changed(void);
/* [@p, +len) of the direct map was read into @buf: without breakpoints. */
void gdb_break_hide(const u8 *p, u8 *buf, u32 len);
/* It was written: it is what stands behind the breakpoints there. */
void gdb_break_written(const u8 *p, u32 len);
/* Is there a software breakpoint in the 4 KiB page at host-physical @page? */
bool gdb_break_in_page(u64 page);
/* Is there one at CS:RIP? */
bool gdb_break_here(struct vcpu *v);
/* Take those of @page out for a while, or put them back. */
void gdb_break_lift(u64 page, bool lift);
/* Where linear @la of @t leads, or NULL. @data: `monitor phys` counts. */
u8 *gdb_find(struct gdb_thread t, u64 la, bool data);
/* @v enters its L2: what was set there while it was away is put in. */
void gdb_break_entry(struct vcpu *v);

/*
 * Hardware breakpoints and watchpoints (core/gdb_point_table.c): in a debug
 * register, or by the rights of the pages that hold it.
 */
#define GDB_POINTS_MAX 64
struct gdb_point {
	bool used;
	bool paged; /* by page rights */
	bool lost;  /* nor there: it has no memory now */
	bool waits; /* paged, as soon as its L2 is there */
	enum gdb_bp_type type;
	u32 pid, len;
	u64 la;
	u32 nparts; /* while paged: where it lies, a page each */
	struct {
		u64 pa;
		u32 len;
	} part[2];
};
struct gdb_point *gdb_point(u32 i);
int gdb_point_insert(struct gdb_thread t, enum gdb_bp_type type, u64 la,
		     u32 len);
int gdb_point_remove(u32 pid, enum gdb_bp_type type, u64 la, u32 len);
void gdb_point_clear(u32 pid);
bool gdb_points_in_dr(void);
bool gdb_points_wait(void);
/* Of those that wait: one whose L2 @v enters now and has its memory. */
struct gdb_point *gdb_point_waiting(struct vcpu *v);
/* By the rights of the pages that @v's level has for it now. */
int __must_check gdb_point_protect(struct vcpu *v, struct gdb_point *p);
/* No register is free for it on @v. */
void gdb_point_to_page(struct vcpu *v, struct gdb_point *p);
enum gdb_stop_kind gdb_point_stop(enum gdb_bp_type type);

/* Debug registers (core/gdb_dr.c). */
void gdb_dr_init(struct vm *vm);
void gdb_dr_update(struct vcpu *v);
struct gdb_point *gdb_dr_hit(struct vcpu *v);
bool gdb_dr_guest_hit(struct vcpu *v);

/*
 * Watched pages (core/gdb_page.c). Rights of the page at L1-physical @pa as
 * points and breakpoints want them now. -ENOSPC, -EINVAL as slat_protect().
 */
int gdb_page_refresh(u64 pa);
/* While v->debug.over: the watchpoint that the access was a hit of, or NULL. */
struct gdb_point *gdb_over_hit(struct vcpu *v);
/* Let the instruction that runs next meet @page as it is without points; or,
 * if another CPU stopped this one, enter again: all may be different now. */
void gdb_over_page(struct vcpu *v, u64 page);
/* Its step is over, or given up: the pages are watched again. */
void gdb_over_end(struct vcpu *v);
/* A software breakpoint at CS:RIP was hit, CS having a base. True: the stop was
 * made before, and the instruction is let through. */
bool gdb_over_break(struct vcpu *v);
/* The vcpu is about to go on. */
void gdb_over_resume(struct vcpu *v);

/* Stop the other CPUs for a moment (core/gdb.c). False: somebody else does so,
 * and stops this one. */
bool gdb_hold(struct vcpu *v);
void gdb_unhold(struct vcpu *v);

/* gdb is gone: nothing of it stays, every CPU may run. */
void gdb_forget_all(void);

/* Steps (core/gdb_step.c). On the vcpu's CPU, before it goes on: the step
 * begins here, even if the exit of its instruction is under way. */
void gdb_step_begin(struct vcpu *v);
/* The step is of L1, whose L2 runs: it ends when L1 does again. */
void gdb_step_to_l1(struct vcpu *v);
/* L1 enters its L2: a step of L1's may end here. */
void gdb_step_entry(struct vcpu *v);
/* A #DB exited, with @hit of the stub's points and @own of the guest's: the
 * step's? Then it is over, and the stop, too. */
bool gdb_step_db(struct vcpu *v, const struct gdb_point *hit, bool own);
void gdb_step_end(struct vcpu *v, const struct gdb_point *hit);

/* The trace (core/gdb_watch.c). -ENOMEM */
int __must_check gdb_trace_init(struct vm *vm);
const char *gdb_event_name(enum debug_what what, u32 raw);
void gdb_trace_show(struct vcpu *v, u32 n);

/*
 * Catchpoints (core/gdb_catch.c). gdb_catch(): what follows `monitor catch`
 * or `uncatch`; -EINVAL: not understood.
 */
int gdb_catch(const char *what, bool on);
void gdb_catch_clear(void);
void gdb_catch_event(struct vcpu *v, enum debug_what what, u32 raw);
/* A guest's exception: stops where it is caught. */
void gdb_catch_exception(struct vcpu *v, u8 vector, u32 error, u64 addr);
u32 gdb_catch_exceptions(void);
bool gdb_catch_l2_end(void); /* is gdb to be told of the end of an L2? */

/* What nested_ops.show() prints, on gdb's console; only lines with @filter. */
void gdb_show(struct vcpu *v, enum nested_show what, const char *filter);

/* One port for console and gdb (core/gdb_console.c). */
void gdb_console_share(void);
bool gdb_console_shared(void);
/* By whoever may write to gdb: send what the console holds. */
void gdb_console_flush(struct gdb_rsp *r);
/* Do so on @v's CPU, which calls, if nobody writes to gdb now; else whoever
 * does will. */
void gdb_console_turn(struct vcpu *v);
bool gdb_attached(void);

/* L0 panics as soon as it goes on. */
void gdb_panic_next(void);

/* Monitor commands (core/gdb_monitor.c). */
int gdb_monitor(struct gdb_thread t, const char *line);

#endif
