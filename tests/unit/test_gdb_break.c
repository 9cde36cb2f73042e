/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_pid.c core/gdb_point.c core/gdb_point_table.c core/insn.c core/insn_exec.c */
/* Breakpoints in memory: of processes that come and go, at the same byte. */
#include "tests/unit/unit.h"

#include <errno.h>

#include "core/gdb_break.c"

#define MEMORY (2 * PAGE_SIZE)
#define memory unit_memory

/* --- one CPU, which is in L1 or in one of its L2s ---------------------------- */

static struct vcpu cpu;
static struct vcpu *cpus_[] = { &cpu };
static struct vm vm = { .vcpus = cpus_, .nvcpus = 1 };
static u64 l2; /* the one that it is in */
static u64 rip;
static bool mapped = true; /* has the level that memory? */
static u32 stops, overs;

static void t_l2_id(struct vcpu *v, struct nested_id *id)
{
	id->page = l2;
}

static bool t_virt_on(const struct vcpu *v)
{
	return true;
}

const struct virt_ops svm_ops, *virt = &svm_ops;
static const struct nested_ops nested = { .l2_id = t_l2_id,
					  .virt_on = t_virt_on };
const struct nested_ops *svm_nested = &nested, *vmx_nested;

static void enter(u64 id)
{
	l2 = id;
	cpu.in_l2 = id;
	if (id)
		gdb_break_entry(&cpu);
}

/* The number of that L2. */
static u32 pid(u64 id)
{
	u64 before = l2;
	u32 n;

	l2 = id;
	n = gdb_pid_of_l2(&cpu);
	l2 = before;
	return n;
}

struct vm *gdb_vm(void)
{
	return &vm;
}

struct vcpu *gdb_vcpu(struct gdb_thread t)
{
	return t.pid == 1 || (cpu.in_l2 && pid(l2) == t.pid) ? &cpu : NULL;
}

void gdb_on_cpu(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg),
		void *arg)
{
	fn(v, arg);
}

u8 *gdb_mem_ptr_linear(struct vcpu *v, bool is_l2, u64 la)
{
	return mapped && la < MEMORY ? memory + la : NULL;
}

static bool has_page = true; /* the level's own tables lead on */
int gdb_translate(struct vcpu *v, bool is_l2, u64 la, u64 *pa)
{
	*pa = la;
	return has_page ? 0 : -1;
}

static enum gdb_phys phys;
u8 *gdb_mem_ptr(struct vcpu *v, bool is_l2, u64 la)
{
	return gdb_mem_ptr_linear(v, is_l2, phys ? la + PAGE_SIZE : la);
}

bool gdb_mem_is_phys(void)
{
	return phys;
}

bool gdb_hold(struct vcpu *v)
{
	return true;
}

void gdb_unhold(struct vcpu *v)
{
}

u64 gdb_linear_rip(struct vcpu *v)
{
	return rip;
}

void gdb_stop(struct vcpu *v, enum gdb_stop_kind kind, u64 addr)
{
	stops++;
}

void gdb_over_page(struct vcpu *v, u64 page)
{
	overs++;
}

bool gdb_over_break(struct vcpu *v)
{
	return false;
}

int gdb_page_refresh(u64 pa)
{
	return 0;
}

void gdb_say(const char *fmt, ...)
{
}

u32 gdb_catch_exceptions(void)
{
	return 0;
}

void gdb_catch_exception(struct vcpu *v, u8 vector, u32 error, u64 addr)
{
}

bool gdb_step_db(struct vcpu *v, const struct gdb_point *hit, bool own)
{
	return false;
}

struct gdb_point *gdb_dr_hit(struct vcpu *v)
{
	return NULL;
}

bool gdb_dr_guest_hit(struct vcpu *v)
{
	return false;
}

bool debug_dr_data = true;
bool (*debug_soft_int)(struct vcpu *v);
bool (*debug_exception)(struct vcpu *v, u8 vector, u32 error, u64 addr);

bool gdb_emulate_int(struct vcpu *v)
{
	return false;
}

static void put_view(struct vcpu *v, bool on)
{
}

/* --- the tests -------------------------------------------------------------- */

static void start(void)
{
	static struct virt_ops ops;

	ops.view_l1 = put_view;
	virt = &ops;
	vmx_nested = &nested;
	if (!memory)
		unit_memory_init(MEMORY);
	gdb_break_clear(GDB_ALL);
	memset(memory, 0x90, MEMORY);
	phys = GDB_PHYS_OFF;
	mapped = true;
	enter(0);
}

static int soft(u32 p, u64 la, bool insert)
{
	return gdb_break((struct gdb_thread){ p, 1 }, GDB_BP_SOFT, la, 1,
			 insert);
}

static int watch(u32 p, u64 la, u32 len, bool insert)
{
	return gdb_break((struct gdb_thread){ p, 1 }, GDB_WP_WRITE, la, len,
			 insert);
}

TEST(an_l2_that_is_away)
{
	u32 p = pid(0x1000), q = pid(0x2000);

	start();
	enter(0x1000);
	CHECK_EQ(soft(p, 0x10, true), 0);
	CHECK_EQ(memory[0x10], INT3);
	enter(0); /* a stop in L1: gdb takes it out, and puts it back */
	CHECK_EQ(soft(p, 0x10, false), 0);
	CHECK_EQ(memory[0x10], 0x90);
	CHECK_EQ(soft(p, 0x10, true), 0);
	CHECK_EQ(memory[0x10], 0x90);
	enter(0x2000);
	CHECK_EQ(memory[0x10], 0x90);
	mapped = false;
	enter(0x1000);
	CHECK_EQ(memory[0x10], 0x90);
	mapped = true;
	enter(0x1000);
	CHECK_EQ(memory[0x10], INT3);
	enter(0);
	CHECK_EQ(soft(p, 0x20, true), 0);
	mapped = false;
	enter(0x1000);
	mapped = true; /* and gdb sets it anew, the L2 being there */
	CHECK_EQ(soft(p, 0x20, true), 0);
	CHECK_EQ(memory[0x20], INT3);
	CHECK_EQ(soft(p, 0x20, false), 0);
	enter(0x1000);
	CHECK_EQ(memory[0x20], 0x90);
	CHECK_EQ(soft(p, 0x10, false), 0);
	CHECK_EQ(soft(p, 0x10, false), -ENOENT);
	CHECK_EQ(soft(q + 1, 0x10, true), -ENOENT); /* nobody's number */
}

/* Hypervisors give memory at the first access: that is no reason to refuse.
 * What the level itself has not mapped is one. */
TEST(an_l2_whose_memory_is_not_there_yet)
{
	u32 p = pid(0x1000);

	start();
	enter(0x1000);
	mapped = false;
	CHECK_EQ(soft(p, 0x10, true), 0);
	CHECK_EQ(soft(p, 0x10, true), 0);
	CHECK_EQ(soft(1, 0x20, true), -EFAULT);
	has_page = false;
	CHECK_EQ(soft(p, 0x30, true), -EFAULT);
	has_page = true;
	enter(0x1000);
	CHECK_EQ(memory[0x10], 0x90);
	mapped = true; /* L1 has handled the fault */
	enter(0x1000);
	CHECK_EQ(memory[0x10], INT3);
	CHECK_EQ(soft(p, 0x10, false), 0);
	CHECK_EQ(memory[0x10], 0x90);
	mapped = false;
	CHECK_EQ(soft(p, 0x10, true), 0);
	CHECK_EQ(soft(p, 0x10, false), 0); /* while it waits */
	mapped = true;
	enter(0x1000);
	CHECK_EQ(memory[0x10], 0x90);
}

TEST(points_of_an_l2_that_is_away)
{
	u32 p = pid(0x1000);
	struct gdb_point *in_dr = gdb_point(0), *paged = gdb_point(1);

	start();
	CHECK_EQ(watch(p, 0x100, 4, true), 0);
	CHECK_EQ(watch(p, 0x200, 400, true), 0);
	CHECK(in_dr->used && !in_dr->paged);
	CHECK(paged->waits && !paged->nparts);
	mapped = false;
	enter(0x1000);
	CHECK(paged->waits);
	mapped = true;
	enter(0x1000);
	CHECK(!paged->waits && paged->paged);
	CHECK_EQ(paged->nparts, 1);
	enter(0);
	CHECK_EQ(watch(p, 0x100, 4, false), 0);
	CHECK_EQ(watch(p, 0x200, 400, false), 0);
}

TEST(an_int3_is_its_process_alone)
{
	u32 p = pid(0x1000);

	start();
	stops = overs = 0;
	CHECK_EQ(soft(1, 0x10, true), 0);
	rip = 0x10;
	enter(0x1000);
	CHECK(exception(&cpu, VEC_BP, 0, 0)); /* L2 runs L1's page */
	CHECK(stops == 0 && overs == 1);
	CHECK_EQ(soft(p, 0x10, true), 0);
	CHECK(exception(&cpu, VEC_BP, 0, 0));
	CHECK(stops == 1 && overs == 1);
	rip = 0x11; /* the guest's own */
	CHECK(!exception(&cpu, VEC_BP, 0, 0));
	memory[0x30] = INT3; /* and one below L1's */
	CHECK_EQ(soft(1, 0x30, true), 0);
	rip = 0x30;
	CHECK(!exception(&cpu, VEC_BP, 0, 0));
	CHECK(stops == 1 && overs == 1);
}

TEST(a_write_below_two_breakpoints)
{
	u32 p = pid(0x1000);

	start();
	enter(0x1000);
	CHECK_EQ(soft(1, 0x10, true), 0);
	CHECK_EQ(soft(p, 0x10, true), 0);
	memory[0x10] = 0x77;
	gdb_break_written(memory, 0x20);
	CHECK_EQ(memory[0x10], INT3);
	CHECK_EQ(soft(1, 0x10, false), 0);
	CHECK_EQ(soft(p, 0x10, false), 0);
	CHECK_EQ(memory[0x10], 0x77);
}

TEST(code_is_linear_whatever_phys_says)
{
	start();
	phys = GDB_PHYS_L1;
	CHECK_EQ(soft(1, 0x10, true), 0);
	CHECK_EQ(memory[0x10], INT3);
	CHECK_EQ(watch(1, 0x100, 4, true), 0);
	CHECK_EQ(gdb_point(0)->part[0].pa,
		 ptr_hpa(memory).v + PAGE_SIZE + 0x100);
}

TEST(numbers_are_given_once)
{
	u32 first = pid(0x1000), n = pid(0x5000);

	for (u64 id = 0; id < 200; id++) {
		CHECK_EQ(pid(0x100000 + id), ++n);
		CHECK_EQ(pid(0x1000), first); /* the one that lives on */
	}
	CHECK_EQ(pid(0x5000), ++n);
	CHECK(gdb_pid_is_known(n) && !gdb_pid_is_known(n + 1));
	CHECK(gdb_pid_is_known(1) && !gdb_pid_is_known(0));
}
