/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits and entries as they happen: the trace, and catchpoints on them. */
#include "core/cpu.h"
#include "core/debug.h"
#include "core/gdb.h"
#include "core/insns.h"
#include "core/string.h"
#include "core/virt.h"

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
} traces[64];

static struct {
	u64 exits[STAT_EXITS / 64]; /* by slot of the counters */
	bool entry, entry_fail;
} caught;

static const char *const what_names[] = {
	[DEBUG_ENTRY] = "enters L2",
	[DEBUG_ENTRY_FAIL] = "VM entry refused",
	[DEBUG_SHUTDOWN] = "shutdown",
};

static const char *name_of(enum debug_what what, u32 raw)
{
	return what == DEBUG_EXIT ? virt->exit_name(raw) : what_names[what];
}

static void record(struct vcpu *v, enum debug_what what, u32 raw)
{
	struct trace *t = &traces[v->index % ARRAY_SIZE(traces)];
	struct trace_entry *e = &t->e[t->next++ & (TRACE_LEN - 1)];

	*e = (struct trace_entry){ rdtsc(), virt->get_reg(v, VREG_RIP),
				   (u16)raw, (u8)what, v->in_l2 };
}

static bool is_caught(enum debug_what what, u32 raw)
{
	switch (what) {
	case DEBUG_EXIT:
		return raw < STAT_EXITS &&
		       caught.exits[raw / 64] >> raw % 64 & 1;
	case DEBUG_ENTRY:
		return caught.entry;
	case DEBUG_ENTRY_FAIL:
		return caught.entry_fail;
	default:
		return true;
	}
}

void debug_event(struct vcpu *v, enum debug_what what, u32 raw)
{
	record(v, what, raw);
	if (likely(!is_caught(what, raw)))
		return;
	gdb_say("CPU %u: %s%s at %#lx", v->index,
		what == DEBUG_EXIT ? v->in_l2 ? "L2 exit " : "L1 exit " : "",
		name_of(what, raw), virt->get_reg(v, VREG_RIP));
	if (what == DEBUG_ENTRY_FAIL)
		gdb_show(v, SHOW_WHY, "");
	gdb_stop(v,
		 what == DEBUG_EXIT || what == DEBUG_ENTRY ? GDB_STOPPED_CATCH
							   : GDB_STOPPED_FAULT,
		 0);
}

/* Does @word name the exit, in whatever case? */
static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '-' ? '_' : *a, y = *b == '-' ? '_' : *b;

		if ((x | 0x20) != (y | 0x20))
			return false;
	}
	return !*a && !*b;
}

int gdb_catch_exit(const char *word, bool on)
{
	bool all = same_word(word, "all"), any = false;

	for (u32 i = 0; i < STAT_EXITS; i++) {
		char number[8];

		snprintf(number, sizeof(number), "%u", i);
		if (!all && !same_word(word, virt->exit_name(i)) &&
		    !same_word(word, number))
			continue;
		if (same_word("unknown", virt->exit_name(i)) && !all)
			continue;
		any = true;
		if (on)
			caught.exits[i / 64] |= BIT(i % 64);
		else
			caught.exits[i / 64] &= ~BIT(i % 64);
	}
	return any ? 0 : -1;
}

void gdb_catch_entry(bool on, bool failed)
{
	if (failed)
		caught.entry_fail = on;
	else
		caught.entry = on;
}

void gdb_catch_clear(void)
{
	memset(&caught, 0, sizeof(caught));
}

void gdb_trace_show(struct vcpu *v, u32 n)
{
	const struct trace *t = &traces[v->index % ARRAY_SIZE(traces)];
	u32 have = MIN(t->next, TRACE_LEN);

	n = MIN(n, have);
	for (u32 i = t->next - n; i != t->next; i++) {
		const struct trace_entry *e = &t->e[i & (TRACE_LEN - 1)];

		gdb_say("%16lu %s %-22s rip %#lx", e->tsc, e->l2 ? "L2" : "L1",
			name_of(e->what, e->raw), e->rip);
	}
}
