/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_pid.c */
/* gdb's processes: which L2 a CPU is in, when one has ended. */
#include "tests/unit/unit.h"

#include "core/gdb.h"
#include "core/virt.h"

/* --- two CPUs, each in VMX operation or not, in an L2 or not ------------------ */

static struct vcpu cpus_[2];
static struct vcpu *vcpus[] = { &cpus_[0], &cpus_[1] };
static struct vm vm = { .vcpus = vcpus, .nvcpus = 2 };
static struct nested_id ids[2];
static bool on[2] = { true, true };

static u32 index_of(const struct vcpu *v)
{
	return (u32)(v - cpus_);
}

static void t_l2_id(struct vcpu *v, struct nested_id *id)
{
	*id = ids[index_of(v)];
}

static bool t_virt_on(const struct vcpu *v)
{
	return on[index_of(v)];
}

const struct virt_ops svm_ops, *virt = &svm_ops;
static const struct nested_ops nested = { .l2_id = t_l2_id,
					  .virt_on = t_virt_on };
const struct nested_ops *svm_nested = &nested, *vmx_nested;

static void enter(u32 cpu, u64 page, u64 root)
{
	cpus_[cpu].vm = &vm;
	ids[cpu] = (struct nested_id){ .page = page, .root = root };
	gdb_pid_enter(&cpus_[cpu]);
}

static u32 pid(u32 cpu, u64 page, u64 root)
{
	enter(cpu, page, root);
	return gdb_pid_of_l2(&cpus_[cpu]);
}

static void enter_new(u32 cpu, u64 page, u64 root, u32 again)
{
	ids[cpu] = (struct nested_id){ page, root, again };
	gdb_pid_enter(&cpus_[cpu]);
}

static bool asked(u32 cpu)
{
	return request_take(&cpus_[cpu], REQ_STOP);
}

/* Everything is off: nothing is left, nothing to be told. */
static void start(void)
{
	for (u32 i = 0; i < 2; i++) {
		cpus_[i].vm = &vm;
		on[i] = false;
	}
	debug_virt_off(&cpus_[0]);
	while (gdb_pid_ended())
		;
	for (u32 i = 0; i < 2; i++) {
		on[i] = true;
		(void)asked(i);
	}
}

TEST(an_l2_is_its_virtual_cpus)
{
	u32 a, b;

	start();
	a = pid(0, 0x1000, 0x9000);
	CHECK(a > 1 && gdb_pid_is_known(a) && !gdb_pid_is_known(a + 1));
	CHECK_EQ(pid(1, 0x2000, 0x9000), a); /* with the same root */
	b = pid(0, 0x3000, 0xa000);
	CHECK(b > a);
	CHECK_EQ(pid(0, 0x1000, 0xb000), a); /* L1 has given it a new one */
	CHECK_EQ(pid(1, 0x4000, 0xb000), a);
	CHECK_EQ(pid(1, 0x2000, 0xb000), a);
	CHECK_EQ(pid(1, 0x3000, 0xa000), b); /* on another CPU */
	/* two that share no table, as L1 has none for them */
	CHECK(pid(0, 0x5000, 0) != pid(0, 0x6000, 0));
	CHECK_EQ(gdb_pid_ended(), 0);
	CHECK(!asked(0) && !asked(1));
}

/* Its number is given when somebody asks, but what belongs together is known
 * from every entry. */
TEST(entries_that_nobody_looks_at)
{
	u32 a;

	start();
	a = pid(0, 0x1000, 0x9000);
	enter(0, 0x1000, 0xb000);
	enter(1, 0x2000, 0xb000);
	for (u64 i = 0; i < 10; i++)
		enter(0, 0x10000 + i * PAGE_SIZE, 0x90000 + i * PAGE_SIZE);
	enter(1, 0x2000, 0xc000);
	CHECK_EQ(pid(1, 0x2000, 0xc000), a);
	CHECK_EQ(pid(0, 0x19000, 0x99000), a + 1);
}

TEST(all_end_when_the_last_cpu_has_left)
{
	u32 a, b;

	start();
	a = pid(0, 0x1000, 0x9000);
	b = pid(1, 0x2000, 0xa000);
	enter(1, 0x3000, 0xb000); /* nobody has ever heard of that one */
	on[0] = false;
	debug_virt_off(&cpus_[0]);
	CHECK(!asked(0) && !gdb_pid_ended());
	CHECK_EQ(gdb_pid_of_l2(&cpus_[1]), gdb_pid_of_l2(&cpus_[1]));
	start();
	a = pid(0, 0x1000, 0x9000);
	b = pid(1, 0x2000, 0xa000);
	enter(1, 0x3000, 0xb000);
	on[0] = on[1] = false;
	debug_virt_off(&cpus_[1]);
	CHECK(asked(1) && !asked(0));
	CHECK_EQ(gdb_pid_ended(), a);
	gdb_pid_ask(&cpus_[0]); /* there is one left */
	CHECK(asked(0));
	CHECK_EQ(gdb_pid_ended(), b);
	CHECK_EQ(gdb_pid_ended(), 0);
	gdb_pid_ask(&cpus_[0]);
	CHECK(!asked(0));
	on[0] = on[1] = true;
	CHECK(pid(0, 0x1000, 0x9000) > b); /* none is given twice */
}

/* The same addresses in two VMs are two L2s; one VM's end is not the other's. */
TEST(vms_have_l2s_of_their_own)
{
	struct vcpu *one[] = { &cpus_[0] }, *two[] = { &cpus_[1] };
	struct vm vm1 = { .vcpus = one, .nvcpus = 1 };
	struct vm vm2 = { .vcpus = two, .nvcpus = 1 };
	u32 a, b;

	start();
	cpus_[0].vm = &vm1;
	cpus_[1].vm = &vm2;
	enter_new(0, 0x1000, 0x2000, L2_SAME);
	a = gdb_pid_of_l2(&cpus_[0]);
	enter_new(1, 0x1000, 0x2000, L2_SAME);
	b = gdb_pid_of_l2(&cpus_[1]);
	CHECK(a != b);
	on[0] = false;
	debug_virt_off(&cpus_[0]);
	CHECK_EQ(gdb_pid_ended(), a);
	CHECK_EQ(gdb_pid_ended(), 0);
	on[1] = false;
	debug_virt_off(&cpus_[1]);
	CHECK_EQ(gdb_pid_ended(), b);
}

TEST(one_ends_when_l1_makes_another_of_it)
{
	u32 a, b, c;

	start();
	a = pid(0, 0x1000, 0x9000);
	b = pid(0, 0x2000, 0xa000);
	CHECK_EQ(pid(0, 0x3000, 0xa000), b);
	/* a new VMCS in that page: another, whatever its root */
	enter_new(0, 0x1000, 0x9000, L2_OTHER);
	CHECK(asked(0));
	CHECK_EQ(gdb_pid_ended(), a);
	ids[0].again = L2_SAME;
	c = gdb_pid_of_l2(&cpus_[0]);
	CHECK(c > b);
	/* one of two virtual CPUs: the L2 goes on with the other */
	enter_new(0, 0x2000, 0xc000, L2_OTHER);
	CHECK(!asked(0) && !gdb_pid_ended());
	CHECK(pid(0, 0x2000, 0xc000) > c);
	CHECK_EQ(pid(0, 0x3000, 0xa000), b);
	/* a VMCB of zeros is another with another root only */
	enter_new(0, 0x3000, 0xa000, L2_BLANK);
	CHECK_EQ(pid(0, 0x3000, 0xa000), b);
	CHECK(!asked(0));
	enter_new(0, 0x3000, 0xd000, L2_BLANK);
	CHECK(asked(0));
	CHECK_EQ(gdb_pid_ended(), b);
}

/* Not ended: it may come back. The oldest has to go. */
TEST(more_than_fit)
{
	u32 first, last = 0;

	start();
	first = pid(0, 0x1000, 0);
	for (u64 i = 2; i < 200; i++)
		last = pid(0, i * PAGE_SIZE, 0);
	CHECK_EQ(pid(0, 199 * PAGE_SIZE, 0), last);
	CHECK_EQ(pid(0, 190 * PAGE_SIZE, 0), last - 9);
	CHECK(pid(0, 0x1000, 0) != first);
	CHECK_EQ(gdb_pid_ended(), 0);
}
