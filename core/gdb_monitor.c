/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor ...`: one table, a line of help each. */
#include "core/cpu.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/gdb_word.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/printk.h"
#include "core/smp.h"
#include "core/string.h"
#include "core/virt.h"
#include "mm/page.h"

struct monitor_call {
	struct gdb_thread t;
	const char *arg; /* what follows the command's name */
	bool any_l2;	 /* a CPU is in one */
	int ret;
};

/* The command's only argument, hexadecimal. */
static bool one_number(struct monitor_call *c, u64 *val)
{
	return word_number(&c->arg, 16, val) && !*c->arg;
}

static void cmd_stats(struct vcpu *v, struct monitor_call *c)
{
	for (u32 i = 0; i < v->vm->nvcpus; i++) {
		const struct vcpu *o = v->vm->vcpus[i];

		gdb_say("CPU %u: %lu exits, %lu L2 entries, %lu reflected", i,
			o->stats.total, o->stats.entries_l2,
			o->stats.reflected);
		for (u32 k = 0; k < STAT_EXITS; k++)
			if (o->stats.exits_l1[k] | o->stats.exits_l2[k])
				gdb_say("  %-22s L1 %-10lu L2 %lu",
					virt->exit_name(k),
					o->stats.exits_l1[k],
					o->stats.exits_l2[k]);
	}
	gdb_say("L0 uses %lu KiB of %lu KiB", page_used() >> 10,
		page_total() >> 10);
}

static void cmd_phys(struct vcpu *v, struct monitor_call *c)
{
	if (!strcmp(c->arg, "l1"))
		gdb_mem_phys(GDB_PHYS_L1);
	else if (!strcmp(c->arg, "l2") && !c->any_l2)
		gdb_say("no CPU is in an L2: there are no such addresses");
	else if (!strcmp(c->arg, "l2"))
		gdb_mem_phys(GDB_PHYS_L2);
	else if (!strcmp(c->arg, "off"))
		gdb_mem_phys(GDB_PHYS_OFF);
	else
		c->ret = -EINVAL;
}

static void cmd_translate(struct vcpu *v, struct monitor_call *c)
{
	bool l2 = c->t.pid != 1;
	u64 la, pa;

	if (!one_number(c, &la)) {
		c->ret = -EINVAL;
		return;
	}
	if (gdb_translate_show(v, l2, la, &pa))
		gdb_say("linear %#lx: not mapped", la);
	else
		gdb_show_tables(v, l2, pa);
}

static void cmd_tables(struct vcpu *v, struct monitor_call *c)
{
	u64 pa;

	if (one_number(c, &pa))
		gdb_show_tables(v, c->t.pid != 1, pa);
	else
		c->ret = -EINVAL;
}

static void apic_reg(const char *name, u32 reg)
{
	gdb_say("  %-16s %08x", name, apic_peek(reg));
}

/* 256 bits, a line: vectors that are set. */
static void apic_vectors(const char *name, u32 reg)
{
	char line[160] = "";
	size_t n = 0;

	for (u32 i = 0; i < 256 && n + 8 < sizeof(line); i++)
		if (apic_peek(reg + i / 32 * 0x10) >> i % 32 & 1)
			n += (size_t)snprintf(line + n, sizeof(line) - n,
					      " %#x", i);
	gdb_say("  %-16s%s", name, n ? line : " none");
}

static void cmd_apic(struct vcpu *v, struct monitor_call *c)
{
	static const struct {
		const char *name;
		u16 reg;
	} regs[] = {
		{ "version", 0x30 },
		{ "TPR", 0x80 },
		{ "PPR", 0xa0 },
		{ "LDR", 0xd0 },
		{ "SVR", 0xf0 },
		{ "ESR", 0x280 },
		{ "ICR low", 0x300 },
		{ "LVT timer", 0x320 },
		{ "LVT thermal", 0x330 },
		{ "LVT perf", 0x340 },
		{ "LVT LINT0", 0x350 },
		{ "LVT LINT1", 0x360 },
		{ "LVT error", 0x370 },
		{ "timer initial", 0x380 },
		{ "timer current", 0x390 },
		{ "timer divide", 0x3e0 },
	};
	u64 base = rdmsr(MSR_APIC_BASE);

	gdb_say("APIC of CPU %u: id %#x, base %#lx, %s", v->index, v->apic_id,
		(u64)(base & BITS(51, 12)),
		!(base & APIC_BASE_ENABLE) ? "disabled"
		: base & APIC_BASE_X2APIC  ? "x2APIC"
					   : "xAPIC");
	if (!(base & APIC_BASE_ENABLE))
		return;
	for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
		apic_reg(regs[i].name, regs[i].reg);
	apic_vectors("in service", 0x100);
	apic_vectors("requested", 0x200);
}

static void cmd_panic(struct vcpu *v, struct monitor_call *c)
{
	if (strcmp(c->arg, "really")) {
		c->ret = -EINVAL;
		return;
	}
	gdb_panic_next();
	gdb_say("L0 panics when it goes on");
}

static void cmd_msr(struct vcpu *v, struct monitor_call *c)
{
	u64 msr, val;

	if (!one_number(c, &msr) || msr >> 32) {
		c->ret = -EINVAL;
		return;
	}
	if (rdmsr_safe((u32)msr, &val))
		gdb_say("MSR %#lx: #GP", msr);
	else
		gdb_say("MSR %#lx: %#lx", msr, val);
}

static void cmd_cpuid(struct vcpu *v, struct monitor_call *c)
{
	u64 leaf, sub = 0;
	u32 r[4];

	if (!word_number(&c->arg, 16, &leaf) ||
	    (*c->arg && !one_number(c, &sub)) || (leaf | sub) >> 32) {
		c->ret = -EINVAL;
		return;
	}
	cpuid((u32)leaf, (u32)sub, r);
	gdb_say("CPUID %#lx.%#lx (hardware): eax %08x ebx %08x ecx %08x "
		"edx %08x",
		leaf, sub, r[0], r[1], r[2], r[3]);
}

static void show_l2(struct vcpu *v)
{
	const struct nested_ops *nested =
		virt == &svm_ops ? svm_nested : vmx_nested;
	struct nested_id id = { 0 };

	if (!nested || !nested->l2_id)
		return;
	nested->l2_id(v, &id);
	gdb_say("process %u, its %s at %#lx, L1's table for it at %#lx",
		gdb_pid_of_l2(v), virt == &svm_ops ? "vmcb12" : "vmcs12",
		id.page, id.root);
}

static void cmd_vcpu(struct vcpu *v, struct monitor_call *c)
{
	gdb_say("CPU %u, APIC id %u, in %s, %s, requests %#lx", v->index,
		v->apic_id, v->in_l2 ? "L2" : "L1", virt->name, v->requests);
	gdb_say("rip %#lx rflags %#lx cr0 %#lx cr3 %#lx cr4 %#lx efer %#lx",
		virt->get_reg(v, VREG_RIP), virt->get_reg(v, VREG_RFLAGS),
		virt->get_reg(v, VREG_CR0), virt->get_reg(v, VREG_CR3),
		virt->get_reg(v, VREG_CR4), virt->get_reg(v, VREG_EFER));
	if (v->in_l2)
		show_l2(v);
}

/* Lines of L0's dumps that hold @filter, on gdb's console. */
static const char *filter;

static bool contains(const char *s, const char *part)
{
	size_t n = strlen(part);

	for (; *s; s++)
		if (!strncmp(s, part, n))
			return true;
	return !n;
}

static void sink(const char *line)
{
	if (contains(line, filter))
		gdb_say("%s", line);
}

void gdb_show(struct vcpu *v, enum nested_show what, const char *only)
{
	const struct nested_ops *nested =
		virt == &svm_ops ? svm_nested : vmx_nested;

	if (!nested) {
		gdb_say("nesting is off");
		return;
	}
	filter = only;
	log_sink = sink;
	nested->show(v, what);
	log_sink = NULL;
}

static void cmd_12(struct vcpu *v, struct monitor_call *c)
{
	gdb_show(v, SHOW_12, c->arg);
}

static void cmd_02(struct vcpu *v, struct monitor_call *c)
{
	gdb_show(v, SHOW_02, c->arg);
}

static void cmd_01(struct vcpu *v, struct monitor_call *c)
{
	filter = c->arg;
	log_sink = sink;
	virt->dump(v);
	log_sink = NULL;
}

static void cmd_why(struct vcpu *v, struct monitor_call *c)
{
	gdb_show(v, SHOW_WHY, "");
}

static void cmd_trace(struct vcpu *v, struct monitor_call *c)
{
	u64 n = 20;

	if (*c->arg && (!word_number(&c->arg, 10, &n) || *c->arg))
		c->ret = -EINVAL;
	else
		gdb_trace_show(v, (u32)MIN(n, (u64)~0u));
}

static void cmd_catch(struct vcpu *v, struct monitor_call *c)
{
	c->ret = gdb_catch(c->arg, true);
}

static void cmd_uncatch(struct vcpu *v, struct monitor_call *c)
{
	c->ret = gdb_catch(c->arg, false);
}

static void cmd_step_into(struct vcpu *v, struct monitor_call *c)
{
	bool on = word_take(&c->arg, "on");

	if ((!on && !word_take(&c->arg, "off")) || *c->arg) {
		c->ret = -EINVAL;
		return;
	}
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++)
		gdb_vm()->vcpus[i]->debug.step_into = on;
}

static void cmd_help(struct vcpu *v, struct monitor_call *c);

static const struct {
	const char *name, *help;
	void (*fn)(struct vcpu *v, struct monitor_call *c);
} commands[] = {
	{ "help", "this list", cmd_help },
	{ "stats", "exits by reason and CPU, memory of L0", cmd_stats },
	{ "phys", "l1|l2|off: addresses are physical ones of that level",
	  cmd_phys },
	{ "translate", "ADDRESS: where a linear one leads, stage by stage",
	  cmd_translate },
	{ "ept", "ADDRESS: a physical one through L1's, L0's, the folded table",
	  cmd_tables },
	{ "npt", "ADDRESS: the same", cmd_tables },
	{ "apic", "the local APIC of this CPU", cmd_apic },
	{ "msr", "NUMBER: an MSR of this CPU, as hardware has it now",
	  cmd_msr },
	{ "cpuid", "LEAF [SUBLEAF]: as the hardware answers", cmd_cpuid },
	{ "vmcb12", "[TEXT]: L1's VMCB or VMCS for its L2 (lines with TEXT)",
	  cmd_12 },
	{ "vmcs12", "[TEXT]: the same", cmd_12 },
	{ "vmcb02", "[TEXT]: the one that L0 enters L2 with", cmd_02 },
	{ "vmcs02", "[TEXT]: the same", cmd_02 },
	{ "vmcb", "[TEXT]: of the level that this CPU is in", cmd_01 },
	{ "vmcs", "[TEXT]: the same", cmd_01 },
	{ "why", "which rule refused the last VM entry", cmd_why },
	{ "trace", "[N]: the last exits and entries of this CPU", cmd_trace },
	{ "catch",
	  "exit NAME|NUMBER|all, entry, entry-fail, l2-end, exception N, "
	  "msr 0xN, shutdown: stop there; alone: what is caught",
	  cmd_catch },
	{ "uncatch", "the same words, or all", cmd_uncatch },
	{ "nocatch", "the same", cmd_uncatch },
	{ "step-into", "on|off: steps go into L2 at a VM entry, and out again",
	  cmd_step_into },
	{ "panic", "really: L0 panics when it goes on (to try the freeze)",
	  cmd_panic },
	{ "vcpu", "state of this CPU's vcpu", cmd_vcpu },
};

static void cmd_help(struct vcpu *v, struct monitor_call *c)
{
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		gdb_say("%-10s %s", commands[i].name, commands[i].help);
}

struct dispatch {
	u32 n;
	struct monitor_call c;
};

static void run_on_cpu(struct vcpu *v, void *arg)
{
	struct dispatch *d = arg;
	bool l1 = d->c.t.pid == 1 && v->in_l2;

	if (l1)
		virt->view_l1(v, true);
	commands[d->n].fn(v, &d->c);
	if (l1)
		virt->view_l1(v, false);
}

static bool any_l2(void)
{
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++)
		if (gdb_vm()->vcpus[i]->in_l2)
			return true;
	return false;
}

int gdb_monitor(struct gdb_thread t, const char *line)
{
	struct vcpu *v = gdb_vcpu(t);
	struct dispatch d = { 0, { t, "", any_l2(), 0 } };

	for (; d.n < ARRAY_SIZE(commands); d.n++) {
		d.c.arg = line;
		if (!word_take(&d.c.arg, commands[d.n].name))
			continue;
		if (v)
			gdb_on_cpu(v, run_on_cpu, &d);
		if (d.c.ret)
			gdb_say("usage: %s %s", commands[d.n].name,
				commands[d.n].help);
		return 0;
	}
	gdb_say("unknown command; try: monitor help");
	return 0;
}
