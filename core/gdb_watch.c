/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits and entries as they happen: the trace. */
#include "core/cpu.h"
#include "core/debug.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/insns.h"
#include "core/string.h"
#include "core/virt.h"
#include "mm/page.h"

#define TRACE_LEN 128u /* a CPU; a power of two */

struct trace_entry {
	u64 tsc, rip;
	u16 raw;
	u8 what;
	bool l2;
};

static struct trace {
	u32 next; /* all that were recorded */
	struct trace_entry e[TRACE_LEN];
} * traces[CPUS_MAX];

static const char *const what_names[] = {
	[DEBUG_ENTRY] = "enters L2",
	[DEBUG_ENTRY_FAIL] = "VM entry refused",
	[DEBUG_SHUTDOWN] = "shutdown",
};

const char *gdb_event_name(enum debug_what what, u32 raw)
{
	return what == DEBUG_EXIT ? virt->exit_name(raw) : what_names[what];
}

_Static_assert(sizeof(struct trace) <= PAGE_SIZE, "a page each");

int gdb_trace_init(struct vm *vm)
{
	for (u32 i = 0; i < vm->nvcpus; i++) {
		traces[i] = page_alloc(1);
		if (!traces[i])
			return -ENOMEM;
	}
	return 0;
}

static void record(struct vcpu *v, enum debug_what what, u32 raw)
{
	struct trace *t = traces[v->index];
	struct trace_entry *e;

	if (!t)
		return;
	e = &t->e[t->next++ & (TRACE_LEN - 1)];
	*e = (struct trace_entry){ rdtsc(), virt->get_reg(v, VREG_RIP),
				   (u16)raw, (u8)what, v->in_l2 };
}

void debug_event(struct vcpu *v, enum debug_what what, u32 raw)
{
	record(v, what, raw);
	if (what == DEBUG_ENTRY) {
		gdb_pid_enter(v);
		gdb_step_entry(v);
		gdb_break_entry(v);
	}
	gdb_catch_event(v, what, raw);
}

void gdb_trace_show(struct vcpu *v, u32 n)
{
	const struct trace *t = traces[v->index];
	u32 have = t ? MIN(t->next, TRACE_LEN) : 0;

	if (!have)
		return;
	n = MIN(n, have);
	for (u32 i = t->next - n; i != t->next; i++) {
		const struct trace_entry *e = &t->e[i & (TRACE_LEN - 1)];

		gdb_say("%16lu %s %-22s rip %#lx", e->tsc, e->l2 ? "L2" : "L1",
			gdb_event_name(e->what, e->raw), e->rip);
	}
}
