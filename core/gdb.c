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

static void wait_here(struct vcpu *v)
{
	__atomic_store_n(&v->debug.stopped, true, __ATOMIC_RELEASE);
	while (must_wait(v)) {
		take_call(v);
		cpu_pause();
	}
	__atomic_store_n(&v->debug.stopped, false, __ATOMIC_RELEASE);
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
	       __atomic_load_n(&v->run_state, __ATOMIC_ACQUIRE) ==
		       VCPU_WAIT_SIPI;
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

/* Become the one that serves. False: another CPU does already. */
static bool claim(struct vcpu *v)
{
	struct vcpu *nobody = NULL;

	if (!__atomic_compare_exchange_n(&g.server, &nobody, v, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return false;
	arm(false); /* polled from now on */
	stop_others(v);
	return true;
}

/* Polls without a byte after which a running target goes on: the rest of a
 * packet comes within that. */
#define IDLE_POLLS 20000

static void serve(void)
{
	for (u32 idle = 0; !gdb_rsp_running(&g.rsp) || idle < IDLE_POLLS;) {
		int c = uart_getc(&g.uart);

		if (c < 0) {
			if (gdb_rsp_running(&g.rsp) && g.rsp.state == RSP_IDLE)
				break;
			idle++;
			cpu_pause();
			continue;
		}
		idle = 0;
		if (gdb_rsp_byte(&g.rsp, (u8)c)) {
			g.why.kind = GDB_STOPPED_INT;
			gdb_rsp_stopped(&g.rsp, &g.why);
		}
	}
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
	arm(true);
	gdb_dr_update(v);
	virt->set_debug(v);
	gdb_step_begin(v);
	__atomic_store_n(&g.server, NULL, __ATOMIC_RELEASE);
	if (panic_next) {
		panic_next = false;
		panic("monitor panic");
	}
	if (v->debug.hold)
		wait_here(v);
}

static struct gdb_thread thread_of(struct vcpu *v)
{
	return (struct gdb_thread){ v->in_l2 ? gdb_pid_of_l2(v) : 1,
				    v->index + 1 };
}

void gdb_stop_request(struct vcpu *v)
{
	if (must_wait(v) || !claim(v)) {
		wait_here(v);
		return;
	}
	g.why = (struct gdb_stop){ GDB_STOPPED_TRAP, thread_of(v), 0 };
	serve();
	release(v);
}

void gdb_stop(struct vcpu *v, enum gdb_stop_kind kind, u64 addr)
{
	bool serving = g.server == v; /* it fails while it serves */

	while (!serving && !claim(v))
		wait_here(v);
	gdb_console_flush(&g.rsp);
	g.why = (struct gdb_stop){ kind, thread_of(v), addr };
	gdb_rsp_stopped(&g.rsp, &g.why);
	serve();
	if (!serving)
		release(v);
}

bool gdb_attached(void)
{
	return __atomic_load_n(&g.rsp.attached, __ATOMIC_ACQUIRE);
}

void gdb_console_turn(struct vcpu *v)
{
	struct vcpu *nobody = NULL;

	if (!gdb_rsp_running(&g.rsp) ||
	    !__atomic_compare_exchange_n(&g.server, &nobody, v, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
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

bool gdb_port_access(struct vcpu *v, const struct vmexit *x)
{
	if (!g.uart.port || (u16)(x->io.port - g.uart.port) > 7)
		return false;
	if (x->io.in)
		memset(&v->gpr[RAX], 0xff, x->io.size);
	return true;
}

static void why(void *ctx, struct gdb_stop *s)
{
	*s = g.why;
	if (s->kind == GDB_STOPPED_TRAP)
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

	if (err)
		return err;
	g.vm = vm;
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

/* Numbers of L2s, in the order in which they were first seen. */
#define L2S_MAX 64
u32 gdb_pid_of_l2(struct vcpu *v)
{
	static u64 ids[L2S_MAX];
	static u32 n;
	const struct nested_ops *nested =
		virt == &svm_ops ? svm_nested : vmx_nested;
	u64 id = nested && nested->l2_id ? nested->l2_id(v) : 0;

	for (u32 i = 0; i < MIN(n, (u32)L2S_MAX); i++)
		if (ids[i] == id)
			return i + 2;
	ids[n % L2S_MAX] = id;
	return n++ % L2S_MAX + 2;
}
