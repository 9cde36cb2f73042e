/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor catch`: stops at exits, entries, MSRs, exceptions, shutdowns. */
#include "core/cpu.h"
#include "core/debug.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/gdb_word.h"
#include "core/insn.h"
#include "core/string.h"
#include "core/virt.h"
#include "core/x86.h"

#define MSRS_MAX 16

static struct {
	u64 exits[STAT_EXITS / 64]; /* by slot of the counters */
	bool entry, shutdown;
	/* A refused entry freezes without being asked to; that it is not to
	 * stays said when gdb goes. */
	bool pass_entry_fail;
	bool pass_l2_end; /* the same of the end of an L2 */
	u32 exceptions;
	u32 nmsrs;
	struct {
		u32 msr;
		bool rd, wr; /* trapped without the catchpoint, too */
	} msrs[MSRS_MAX];
} caught;

static bool exit_caught(u32 raw)
{
	return raw < STAT_EXITS && (caught.exits[raw / 64] >> raw % 64 & 1);
}

bool gdb_catch_l2_end(void)
{
	return !caught.pass_l2_end;
}

u32 gdb_catch_exceptions(void)
{
	return caught.exceptions;
}

/* --- setting them ----------------------------------------------------------- */

/* The rest of the line is a number of 32 bits. */
static bool number(const char *s, u32 base, u32 *val)
{
	u64 v;

	if (!word_number(&s, base, &v) || *s || v >> 32)
		return false;
	*val = (u32)v;
	return true;
}

static bool is_unknown(const char *name)
{
	return word_same_name("unknown", name);
}

/* A code, and the slot of the counters that has its name. */
static bool is_slot_of(u32 code, u32 slot)
{
	const char *name = virt->exit_name(code);

	return is_unknown(name) ? slot == code
				: word_same_name(name, virt->exit_name(slot));
}

static int catch_exit(const char *word, bool on)
{
	bool all = word_same_name(word, "all"), any = false;
	u32 n;
	bool by_number = number(word, 10, &n);

	for (u32 i = 0; i < STAT_EXITS; i++) {
		const char *name = virt->exit_name(i);
		bool meant = by_number ? is_slot_of(n, i)
				       : !is_unknown(name) &&
						 word_same_name(word, name);

		if (!all && !meant)
			continue;
		any = true;
		if (on)
			caught.exits[i / 64] |= BIT(i % 64);
		else
			caught.exits[i / 64] &= ~BIT(i % 64);
	}
	return any ? 0 : -EINVAL;
}

static int catch_exception(const char *word, bool on)
{
	u32 n;

	/* An NMI is no exception; machine checks are L1's alone. */
	if (!number(word, 10, &n) || n > 31 || n == VEC_NMI || n == VEC_MC)
		return -EINVAL;
	if (on)
		caught.exceptions |= (u32)BIT(n);
	else
		caught.exceptions &= ~(u32)BIT(n);
	gdb_break_changed();
	return 0;
}

static u32 find_msr(u32 msr)
{
	u32 i = 0;

	while (i < caught.nmsrs && caught.msrs[i].msr != msr)
		i++;
	return i;
}

static void drop_msr(u32 i)
{
	virt->trap_msr(gdb_vm(), caught.msrs[i].msr, caught.msrs[i].rd,
		       caught.msrs[i].wr);
	caught.msrs[i] = caught.msrs[--caught.nmsrs];
}

static int catch_msr(const char *word, bool on)
{
	struct vm *vm = gdb_vm();
	u32 msr, i;

	if (!number(word, 16, &msr))
		return -EINVAL;
	i = find_msr(msr);
	if (!on && i == caught.nmsrs)
		return -EINVAL;
	if (!on) {
		drop_msr(i);
		return 0;
	}
	if (i < caught.nmsrs)
		return 0;
	if (i == MSRS_MAX)
		return -EINVAL;
	caught.msrs[i].msr = msr;
	caught.msrs[i].rd = virt->msr_trapped(vm, msr, false);
	caught.msrs[i].wr = virt->msr_trapped(vm, msr, true);
	caught.nmsrs++;
	virt->trap_msr(vm, msr, true, true);
	return 0;
}

static void list(void)
{
	for (u32 i = 0; i < STAT_EXITS; i++)
		if (exit_caught(i) && !is_unknown(virt->exit_name(i)))
			gdb_say("exit %s (%u)", virt->exit_name(i), i);
	if (caught.entry)
		gdb_say("entry");
	if (!caught.pass_entry_fail)
		gdb_say("entry-fail");
	if (!caught.pass_l2_end)
		gdb_say("l2-end");
	if (caught.shutdown)
		gdb_say("shutdown");
	for (u32 i = 0; i < 32; i++)
		if (caught.exceptions >> i & 1)
			gdb_say("exception %u", i);
	for (u32 i = 0; i < caught.nmsrs; i++)
		gdb_say("msr %#x", caught.msrs[i].msr);
}

void gdb_catch_clear(void)
{
	bool pass = caught.pass_entry_fail, l2 = caught.pass_l2_end;

	while (caught.nmsrs)
		drop_msr(0);
	memset(&caught, 0, sizeof(caught));
	caught.pass_entry_fail = pass;
	caught.pass_l2_end = l2;
	gdb_break_changed();
}

static void catch_nothing(void)
{
	gdb_catch_clear();
	caught.pass_entry_fail = true;
}

int gdb_catch(const char *what, bool on)
{
	if (word_take(&what, "exception"))
		return catch_exception(what, on);
	if (word_take(&what, "msr"))
		return catch_msr(what, on);
	if (word_take(&what, "exit"))
		return catch_exit(what, on);
	if (!*what && on)
		list();
	else if (!strcmp(what, "entry-fail"))
		caught.pass_entry_fail = !on;
	else if (!strcmp(what, "l2-end"))
		caught.pass_l2_end = !on;
	else if (!strcmp(what, "entry"))
		caught.entry = on;
	else if (!strcmp(what, "shutdown"))
		caught.shutdown = on;
	else if (!strcmp(what, "all") && !on)
		catch_nothing();
	else
		return -EINVAL;
	return 0;
}

/* --- meeting them ----------------------------------------------------------- */

static const char *level(const struct vcpu *v)
{
	return v->in_l2 ? "L2" : "L1";
}

/* Is the exit one of RDMSR or WRMSR? The instruction says which. */
static bool msr_insn(struct vcpu *v, struct insn *i)
{
	return !gdb_code_insn(v, i) &&
	       (i->op == INSN_RDMSR || i->op == INSN_WRMSR);
}

static bool msr_exit(struct vcpu *v, u32 raw)
{
	const char *name = virt->exit_name(raw);
	u32 msr = (u32)v->gpr[RCX];
	struct insn i;

	if (!word_same_name(name, "msr") && !word_same_name(name, "rdmsr") &&
	    !word_same_name(name, "wrmsr"))
		return false;
	if (find_msr(msr) == caught.nmsrs || !msr_insn(v, &i))
		return false;
	if (i.op == INSN_RDMSR)
		gdb_say("CPU %u: %s reads MSR %#x at %#lx", v->index, level(v),
			msr, virt->get_reg(v, VREG_RIP));
	else
		gdb_say("CPU %u: %s writes MSR %#x, value %#lx, at %#lx",
			v->index, level(v), msr,
			v->gpr[RDX] << 32 | (u32)v->gpr[RAX],
			virt->get_reg(v, VREG_RIP));
	return true;
}

static bool shutdown_exit(struct vcpu *v, u32 raw)
{
	const char *name = virt->exit_name(raw);

	if (!word_same_name(name, "shutdown") &&
	    !word_same_name(name, "triple_fault"))
		return false;
	gdb_say("CPU %u: triple fault of %s at %#lx", v->index, level(v),
		virt->get_reg(v, VREG_RIP));
	return true;
}

static bool is_caught(struct vcpu *v, enum debug_what what, u32 raw)
{
	switch (what) {
	case DEBUG_EXIT:
		if ((caught.nmsrs && msr_exit(v, raw)) ||
		    (caught.shutdown && shutdown_exit(v, raw)))
			return true;
		if (!exit_caught(raw))
			return false;
		break;
	case DEBUG_ENTRY:
		if (!caught.entry)
			return false;
		break;
	case DEBUG_ENTRY_FAIL:
		if (caught.pass_entry_fail)
			return false;
		break;
	default:
		break;
	}
	gdb_say("CPU %u: %s%s at %#lx", v->index,
		what == DEBUG_EXIT ? v->in_l2 ? "L2 exit " : "L1 exit " : "",
		gdb_event_name(what, raw), virt->get_reg(v, VREG_RIP));
	return true;
}

void gdb_catch_event(struct vcpu *v, enum debug_what what, u32 raw)
{
	if (likely(!is_caught(v, what, raw)))
		return;
	if (what == DEBUG_ENTRY_FAIL)
		gdb_show(v, SHOW_WHY, "");
	gdb_stop(v,
		 what == DEBUG_EXIT || what == DEBUG_ENTRY ? GDB_STOPPED_CATCH
							   : GDB_STOPPED_FAULT,
		 0);
	if (what == DEBUG_SHUTDOWN)
		gdb_end(v);
}

void gdb_catch_exception(struct vcpu *v, u8 vector, u32 error, u64 addr)
{
	if (!(caught.exceptions >> (vector & 31) & 1))
		return;
	if (vector == VEC_PF)
		gdb_say("CPU %u: %s exception 14 at %#lx, error %#x, "
			"address %#lx",
			v->index, level(v), virt->get_reg(v, VREG_RIP), error,
			addr);
	else
		gdb_say("CPU %u: %s exception %u at %#lx, error %#x", v->index,
			level(v), vector, virt->get_reg(v, VREG_RIP), error);
	gdb_stop(v, GDB_STOPPED_CATCH, 0);
}
