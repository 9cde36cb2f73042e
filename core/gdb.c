/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions: who serves gdb, who waits, and how the UART breaks in. */
#include "core/gdb.h"

#include <stdarg.h>

#include "core/cpu.h"
#include "core/debug.h"
#include "core/err.h"
#include "core/insns.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/string.h"
#include "core/virt.h"
#include "drivers/serial/uart16550.h"

/* A call that the serving CPU has posted to a waiting one. */
struct gdb_call {
	void (*fn)(struct vcpu *v, void *arg);
	void *arg;
	struct vcpu *v; /* NULL: done */
};

static struct {
	struct gdb_rsp rsp;
	struct uart uart;
	struct vm *vm;
	struct vcpu *server; /* who serves; NULL: nobody */
	struct gdb_call call;
	struct gdb_stop why;
	bool armed; /* a byte raises an NMI */
	bool stray; /* one was raised for a byte that is read already */
	u16 pm_timer;
	u32 last;    /* PM timer */
	u64 silence; /* its ticks, or polls, since a stop was told */
	bool silent; /* and nothing has come since then */
} g;

bool gdb_enabled(void)
{
	return g.uart.port;
}

struct vm *gdb_vm(void)
{
	return g.vm;
}

static void put(void *ctx, u8 c)
{
	uart_putc(&g.uart, c);
}

void gdb_say(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	memcpy(line + strlen(line), "\n", 2);
	gdb_rsp_console(&g.rsp, line);
}

static void arm(bool on)
{
	uart_interrupts(&g.uart, on);
	/* The byte came before anybody looked: its NMI is on the way. */
	if (!on && g.armed && uart_has_byte(&g.uart))
		g.stray = true;
	g.armed = on;
}

/* --- waiting and serving --------------------------------------------------- */

static bool must_wait(const struct vcpu *v)
{
	const struct vcpu *s = __atomic_load_n(&g.server, __ATOMIC_ACQUIRE);

	return s ? s != v : v->debug.hold;
}

static void take_call(struct vcpu *v)
{
	if (__atomic_load_n(&g.call.v, __ATOMIC_ACQUIRE) != v)
		return;
	g.call.fn(v, g.call.arg);
	__atomic_store_n(&g.call.v, NULL, __ATOMIC_RELEASE);
}

static void serve_while_held(struct vcpu *v);

static void wait_here(struct vcpu *v)
{
	__atomic_store_n(&v->debug.rest_exits, v->stats.total,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&v->debug.stopped, true, __ATOMIC_RELEASE);
	while (must_wait(v)) {
		take_call(v);
		if (v->debug.hold)
			serve_while_held(v);
		cpu_pause();
	}
	/* Before the requests are looked at: stop_others() sets one and then
	 * believes this. */
	__atomic_store_n(&v->debug.stopped, false, __ATOMIC_SEQ_CST);
	gdb_dr_update(v);
	virt->set_debug(v);
	gdb_step_begin(v);
}

void gdb_on_cpu(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg),
		void *arg)
{
	if (v == g.server) {
		fn(v, arg);
		return;
	}
	g.call.fn = fn;
	g.call.arg = arg;
	__atomic_store_n(&g.call.v, v, __ATOMIC_RELEASE);
	while (__atomic_load_n(&g.call.v, __ATOMIC_ACQUIRE))
		cpu_pause();
}

/* A CPU that waits for a SIPI cannot be reached (VMX) and need not be: the
 * SIPI would come from one that is stopped. */
static bool at_rest(const struct vcpu *v)
{
	return __atomic_load_n(&v->debug.stopped, __ATOMIC_ACQUIRE) ||
	       vcpu_sleeps(v);
}

static void stop_others(struct vcpu *v)
{
	for (u32 i = 0; i < g.vm->nvcpus; i++) {
		struct vcpu *o = g.vm->vcpus[i];

		if (o == v)
			continue;
		request_set(o, REQ_STOP);
		if (!at_rest(o))
			virt->kick(o);
	}
	for (u32 i = 0; i < g.vm->nvcpus; i++)
		while (g.vm->vcpus[i] != v && !at_rest(g.vm->vcpus[i]))
			cpu_pause();
}

/*
 * A CPU that holds the others for a step may want to do so again at once: it
 * hands them over to one that waits, else that might never have its turn.
 */
static bool wait_in_line(struct vcpu *v)
{
	__atomic_store_n(&v->debug.in_line, true, __ATOMIC_RELEASE);
	wait_here(v);
	if (__atomic_exchange_n(&v->debug.in_line, false, __ATOMIC_ACQ_REL))
		return false;
	while (__atomic_load_n(&g.server, __ATOMIC_ACQUIRE) != v)
		cpu_pause();
	return true;
}

static bool take_server(struct vcpu *v)
{
	struct vcpu *nobody = NULL;

	return __atomic_compare_exchange_n(&g.server, &nobody, v, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* False: another CPU was the server, and let go. */
static bool become_server(struct vcpu *v)
{
	return take_server(v) || wait_in_line(v);
}

/* Polls for another CPU to come from its last stop into its guest and out. */
#define RUN_POLLS 4000

/* Those that this CPU has held before have run since: an instruction at least,
 * unless they run on and on. */
static void let_others_run(struct vcpu *v)
{
	for (u32 i = 0; i < g.vm->nvcpus; i++) {
		struct vcpu *o = g.vm->vcpus[i];
		u32 polls = 0;

		while (o != v && !o->debug.hold && polls++ < RUN_POLLS &&
		       __atomic_load_n(&o->stats.total, __ATOMIC_RELAXED) ==
			       __atomic_load_n(&o->debug.rest_exits,
					       __ATOMIC_RELAXED))
			cpu_pause();
	}
}

/* Is there something for a server to do: a byte of gdb's, or `wait`? Who only
 * holds the others for a step reads no byte, and asks to stop for nothing
 * else. */
static bool to_be_served(void)
{
	return uart_has_byte(&g.uart) || !gdb_rsp_running(&g.rsp);
}

bool gdb_hold(struct vcpu *v)
{
	if (g.vm->nvcpus == 1)
		return true;
	let_others_run(v);
	if (!become_server(v))
		return false;
	/* Who stopped this CPU before has let it go. */
	request_take(v, REQ_STOP);
	gdb_pid_ask(v);
	if (to_be_served())
		request_set(v, REQ_STOP);
	stop_others(v);
	return true;
}

void gdb_unhold(struct vcpu *v)
{
	u32 n = g.vm->nvcpus;

	if (n == 1)
		return;
	for (u32 i = 1; i < n; i++) {
		struct vcpu *o = g.vm->vcpus[(v->index + i) % n];

		if (o->debug.hold ||
		    !__atomic_exchange_n(&o->debug.in_line, false,
					 __ATOMIC_ACQ_REL))
			continue;
		__atomic_store_n(&g.server, o, __ATOMIC_RELEASE);
		return;
	}
	__atomic_store_n(&g.server, NULL, __ATOMIC_RELEASE);
}

/* Become the one that serves. False: another CPU did, it is over. */
static bool claim(struct vcpu *v)
{
	if (!become_server(v))
		return false;
	arm(false); /* polled from now on */
	stop_others(v);
	return true;
}

/* Polls without a byte after which a running target goes on: the rest of a
 * packet comes within that. */
#define IDLE_POLLS 20000

/*
 * gdb asks for registers at once when it is told of a stop. When nothing comes
 * it was killed, or the line is dead: what it has set is taken back and the
 * machine goes on.
 */
#define PM_TIMER_HZ 3579545u
#define PM_TIMER_MASK 0xffffffu
#define SILENCE (5ull * PM_TIMER_HZ)

static bool is_lost(void)
{
	u32 now;

	if (!g.silent)
		return false;
	if (g.pm_timer) {
		now = inl(g.pm_timer);
		g.silence += (now - g.last) & PM_TIMER_MASK;
		g.last = now;
	} else {
		g.silence++;
	}
	return g.silence > SILENCE;
}

/* A stop of this kind is for a gdb that waits; others freeze the machine. */
static bool needs_gdb(enum gdb_stop_kind kind)
{
	return kind != GDB_STOPPED_FAULT && kind != GDB_STOPPED_INT;
}

static void lost(void)
{
	log_warn("gdb does not answer: its breakpoints are gone, L1 goes on");
	g.silent = false;
	gdb_forget_all();
	gdb_rsp_lost(&g.rsp);
}

static void serve(void)
{
	for (u32 idle = 0; !gdb_rsp_running(&g.rsp) || idle < IDLE_POLLS;) {
		int c = uart_getc(&g.uart);

		if (c < 0 && is_lost())
			lost();
		if (c < 0) {
			if (gdb_rsp_running(&g.rsp) && g.rsp.state == RSP_IDLE)
				break;
			idle++;
			cpu_pause();
			continue;
		}
		idle = 0;
		g.silent = false;
		if (gdb_rsp_byte(&g.rsp, (u8)c)) {
			g.why.kind = GDB_STOPPED_INT;
			gdb_rsp_stopped(&g.rsp, &g.why);
		}
	}
	/* noise, or a packet whose rest has not come */
	g.rsp.state = RSP_IDLE;
}

static bool panic_next;

void gdb_panic_next(void)
{
	panic_next = true;
}

static void release(struct vcpu *v)
{
	gdb_console_flush(&g.rsp);
	request_take(v, REQ_STOP);
	gdb_pid_ask(v);
	arm(true);
	gdb_dr_update(v);
	virt->set_debug(v);
	gdb_step_begin(v);
	__atomic_store_n(&g.server, NULL, __ATOMIC_RELEASE);
	if (panic_next) {
		panic_next = false;
		panic("monitor panic");
	}
}

static struct gdb_thread thread_of(struct vcpu *v)
{
	return (struct gdb_thread){ v->in_l2 ? gdb_pid_of_l2(v) : 1,
				    v->index + 1 };
}

/* gdb hears only of threads that it has let run. */
static struct gdb_thread running_thread(struct vcpu *v)
{
	for (u32 i = 0; i < g.vm->nvcpus; i++)
		if (!g.vm->vcpus[i]->debug.hold && !vcpu_sleeps(g.vm->vcpus[i]))
			return thread_of(g.vm->vcpus[i]);
	return thread_of(v);
}

/*
 * The CPU that gdb's bytes break into may be held, and its NMI wait (on SVM
 * for GIF, which is 0 in L0): who is held looks for bytes itself.
 */
static void serve_while_held(struct vcpu *v)
{
	if (__atomic_load_n(&g.server, __ATOMIC_ACQUIRE) ||
	    !uart_has_byte(&g.uart) || !take_server(v))
		return;
	arm(false);
	stop_others(v);
	g.why = (struct gdb_stop){ GDB_STOPPED_TRAP, running_thread(v), 0 };
	serve();
	release(v);
}

/* L2s that have ended: gdb hears of those that it knows, a stop each; not
 * while it steps over a breakpoint. */
static void tell_ends(struct vcpu *v)
{
	struct gdb_stop s = { GDB_EXITED, { 0, v->index + 1 }, 0 };

	if (v->debug.step && v->debug.alone)
		return;
	while ((s.thread.pid = gdb_pid_ended()))
		if (gdb_rsp_knows(&g.rsp, s.thread.pid) && gdb_catch_l2_end())
			gdb_stop_as(v, &s);
}

void gdb_stop_request(struct vcpu *v)
{
	gdb_over_end(v);
	if (must_wait(v))
		wait_here(v);
	tell_ends(v);
	while (to_be_served()) {
		if (!claim(v))
			continue;
		g.why = (struct gdb_stop){ GDB_STOPPED_TRAP, thread_of(v), 0 };
		serve();
		release(v);
		if (v->debug.hold)
			wait_here(v);
		return;
	}
}

static void tell(enum gdb_stop_kind kind)
{
	gdb_rsp_stopped(&g.rsp, &g.why);
	g.silent = needs_gdb(kind);
	g.silence = 0;
	g.last = g.pm_timer ? inl(g.pm_timer) : 0;
}

/* gdb compares its breakpoints' addresses with RIP, and takes what it does not
 * find there for a breakpoint that is gone: it would go on without a word. */
static enum gdb_stop_kind kind_for_gdb(struct vcpu *v, enum gdb_stop_kind kind)
{
	bool at_point =
		kind == GDB_STOPPED_SWBREAK || kind == GDB_STOPPED_HWBREAK;

	if (at_point && gdb_linear_rip(v) != virt->get_reg(v, VREG_RIP))
		return GDB_STOPPED_TRAP;
	return kind;
}

void gdb_stop_as(struct vcpu *v, const struct gdb_stop *s)
{
	bool serving = g.server == v && !v->debug.over; /* it fails then */

	gdb_over_end(v);
	while (!serving && !claim(v))
		cpu_pause();
	gdb_console_flush(&g.rsp);
	g.why = *s;
	if (s->kind == GDB_EXITED)
		gdb_break_clear(s->thread.pid);
	if (needs_gdb(s->kind) && !g.rsp.attached)
		lost();
	else
		tell(s->kind);
	serve();
	if (serving)
		return;
	release(v);
	if (v->debug.hold)
		wait_here(v);
}

void gdb_stop(struct vcpu *v, enum gdb_stop_kind kind, u64 addr)
{
	struct gdb_stop s = { kind_for_gdb(v, kind), thread_of(v), addr };

	gdb_stop_as(v, &s);
}

void gdb_end(struct vcpu *v)
{
	struct gdb_stop s = { GDB_KILLED, { 1, v->index + 1 }, 0 };

	if (gdb_rsp_running(&g.rsp) && gdb_rsp_knows(&g.rsp, 1))
		gdb_rsp_stopped(&g.rsp, &s);
}

bool gdb_attached(void)
{
	return __atomic_load_n(&g.rsp.attached, __ATOMIC_ACQUIRE);
}

void gdb_console_turn(struct vcpu *v)
{
	if (!gdb_rsp_running(&g.rsp) || !take_server(v))
		return;
	gdb_console_flush(&g.rsp);
	__atomic_store_n(&g.server, NULL, __ATOMIC_RELEASE);
}

/* --- breaking in ----------------------------------------------------------- */

/* In the NMI handler: only look; the byte is read in the server's loop. */
static bool nmi(struct cpu *cpu)
{
	bool stray = g.stray && cpu == cpus[0];

	if (stray)
		g.stray = false;
	if (!cpu->vcpu || !uart_has_byte(&g.uart))
		return stray;
	uart_interrupts(&g.uart, false);
	g.armed = false;
	request_set(cpu->vcpu, REQ_STOP);
	return true;
}

static bool is_uart(u16 port)
{
	return g.uart.port && (u16)(port - g.uart.port) < 8;
}

bool gdb_port_access(struct vcpu *v, const struct vmexit *x)
{
	u64 mask = BITS(8 * x->io.size - 1, 0), in = 0;
	u8 hidden = 0; /* bit n: byte n of the access is the stub's */

	for (u8 i = 0; i < x->io.size; i++)
		if (is_uart((u16)(x->io.port + i)))
			hidden |= (u8)BIT(i);
	if (!hidden)
		return false;
	for (u8 i = 0; i < x->io.size; i++) {
		u16 port = (u16)(x->io.port + i);

		if (x->io.in)
			in |= (hidden & BIT(i) ? 0xffull : inb(port)) << 8 * i;
		else if (!(hidden & BIT(i)))
			outb(port, (u8)(v->gpr[RAX] >> 8 * i));
	}
	/* a write to EAX clears the rest of RAX */
	if (x->io.in)
		v->gpr[RAX] = in | (x->io.size == 4 ? 0 : v->gpr[RAX] & ~mask);
	return true;
}

static void why(void *ctx, struct gdb_stop *s)
{
	*s = g.why;
	if (s->kind == GDB_EXITED)
		s->thread.pid = 1;
	if (s->kind == GDB_STOPPED_TRAP || s->kind == GDB_EXITED)
		s->kind = GDB_STOPPED_INT;
}

/* L0 has panicked on this CPU: everything stays readable, nothing goes on. */
static void freeze(void)
{
	struct cpu *cpu = this_cpu();

	/* On an exception's own stack there is no way to the CPU. */
	while (cpu->self == cpu && cpu->vcpu)
		gdb_stop(cpu->vcpu, GDB_STOPPED_FAULT, 0);
}

int gdb_init(const struct gdb_config *c, struct vm *vm)
{
	static struct gdb_ops ops;
	int err = virt->set_debug ? uart_init(&g.uart, c->port, c->baud)
				  : -EOPNOTSUPP;

	if (!err)
		err = gdb_trace_init(vm);
	if (err)
		return err;
	g.vm = vm;
	g.pm_timer = c->pm_timer;
	ops = gdb_target_ops;
	ops.put = put;
	ops.why = why;
	gdb_rsp_init(&g.rsp, &ops, NULL);
	g.rsp.shared = c->shared;
	if (c->shared)
		gdb_console_share();
	virt->trap_port(vm, c->port, 8, true);
	debug_nmi = nmi;
	panic_freeze = freeze;
	for (u32 i = 0; i < vm->nvcpus; i++)
		vm->vcpus[i]->debug.watch = true;
	gdb_dr_init(vm);
	gdb_break_init();
	arm(true);
	err = gdb_irq_init(c, vm);
	if (err)
		log_warn("gdb: no I/O APIC input for this port: gdb breaks in "
			 "only when L1 exits");
	if (c->wait) {
		g.rsp.running = false;
		request_set(vm->vcpus[0], REQ_STOP);
	}
	return 0;
}
