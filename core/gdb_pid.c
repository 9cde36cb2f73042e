/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdb's processes: 1 is L1, each L2 has a number from when it was first looked
 * at; none is given twice, so that breakpoints of an L2 that has ended never
 * come to another.
 *
 * An L2 is the VMCBs or VMCSs of its virtual CPUs. One that was met before
 * belongs where it did, though L1 has given it another root (KVM does so
 * whenever it drops its tables); a new one belongs to the L2 whose root it has;
 * without either it is the first of another L2. Of more than fit the one that
 * was not entered for longest is forgotten.
 *
 * An L2 has ended when none of them is left: all go when no CPU of L1's is in
 * VMX operation, or has EFER.SVME set, any more; one goes when L1 has made a
 * new VMCS, or VMCB, of it.
 */
#include "core/debug.h"
#include "core/gdb.h"
#include "core/spinlock.h"
#include "core/string.h"
#include "core/virt.h"

#define VCPUS_MAX 64 /* virtual CPUs of L2s */

static struct {
	struct spinlock lock;
	u32 last_pid, last_l2; /* that were given */
	u32 gen;	       /* grows when one goes */
	u64 now;	       /* grows with every look */
	struct l2_vcpu {
		const struct vm *vm; /* whose L2 */
		u64 page, root, seen;
		u32 l2;	 /* the same for all of an L2's; 0: not used */
		u32 pid; /* the same; 0: nobody has asked for it yet */
	} vcpu[VCPUS_MAX];
	u32 nended, ended[VCPUS_MAX];
} known = { .last_pid = 1 };

#define for_each_vcpu(e) \
	for (struct l2_vcpu *e = known.vcpu; e < known.vcpu + VCPUS_MAX; e++)

static const struct nested_ops *nested(void)
{
	return virt == &svm_ops ? svm_nested : vmx_nested;
}

static struct nested_id id_of(struct vcpu *v)
{
	struct nested_id id = { 0 };

	if (nested() && nested()->l2_id)
		nested()->l2_id(v, &id);
	return id;
}

static void leave(struct l2_vcpu *gone)
{
	u32 l2 = gone->l2;

	gone->l2 = 0;
	__atomic_store_n(&known.gen, known.gen + 1, __ATOMIC_RELEASE);
	for_each_vcpu(e) if (e->l2 == l2) return;
	if (gone->pid && known.nended < VCPUS_MAX)
		known.ended[known.nended++] = gone->pid;
}

static struct l2_vcpu *find(const struct vm *vm, const struct nested_id *id)
{
	for_each_vcpu(e)
	{
		if (!e->l2 || e->vm != vm || e->page != id->page)
			continue;
		if (id->again == L2_OTHER ||
		    (id->again == L2_BLANK && e->root != id->root)) {
			leave(e);
			return NULL;
		}
		return e;
	}
	return NULL;
}

/* Of those with that root the one that was seen last. */
static const struct l2_vcpu *sibling(const struct vm *vm, u64 root)
{
	const struct l2_vcpu *last = NULL;

	for_each_vcpu(e) if (e->l2 && e->vm == vm && root && e->root == root &&
			     (!last || e->seen > last->seen)) last = e;
	return last;
}

static struct l2_vcpu *add(const struct vm *vm, const struct nested_id *id)
{
	const struct l2_vcpu *s = sibling(vm, id->root);
	u32 l2 = s ? s->l2 : ++known.last_l2, pid = s ? s->pid : 0;
	struct l2_vcpu *to = known.vcpu;

	for_each_vcpu(e) if (to->l2 && (!e->l2 || e->seen < to->seen)) to = e;
	*to = (struct l2_vcpu){
		.vm = vm, .page = id->page, .l2 = l2, .pid = pid
	};
	return to;
}

static struct l2_vcpu *look(const struct vm *vm, const struct nested_id *id)
{
	struct l2_vcpu *e = find(vm, id);

	if (!e)
		e = add(vm, id);
	e->root = id->root;
	e->seen = ++known.now;
	return e;
}

static u32 pid_of(struct l2_vcpu *of)
{
	u32 pid = of->pid ? of->pid : ++known.last_pid;

	for_each_vcpu(e) if (e->l2 == of->l2) e->pid = pid;
	return pid;
}

u32 gdb_pid_of_l2(struct vcpu *v)
{
	struct nested_id id = id_of(v);
	u32 pid;

	/* it was looked at as another when it was entered */
	id.again = L2_SAME;
	spin_lock(&known.lock);
	pid = pid_of(look(v->vm, &id));
	spin_unlock(&known.lock);
	return pid;
}

bool gdb_pid_is_known(u32 pid)
{
	return pid && pid <= known.last_pid;
}

/* --- coming and going ------------------------------------------------------ */

/* Somebody has to tell gdb: this CPU, before it goes on. */
void gdb_pid_ask(struct vcpu *v)
{
	if (__atomic_load_n(&known.nended, __ATOMIC_RELAXED))
		request_set(v, REQ_STOP);
}

void gdb_pid_enter(struct vcpu *v)
{
	struct nested_id id = id_of(v);
	struct vcpu_debug *d = &v->debug;

	if (id.again == L2_SAME && d->l2_page == id.page &&
	    d->l2_root == id.root &&
	    d->l2_gen == __atomic_load_n(&known.gen, __ATOMIC_ACQUIRE))
		return;
	spin_lock(&known.lock);
	(void)look(v->vm, &id);
	d->l2_page = id.page;
	d->l2_root = id.root;
	d->l2_gen = known.gen;
	gdb_pid_ask(v);
	spin_unlock(&known.lock);
}

void debug_virt_off(struct vcpu *v)
{
	/* whoever is the last sees that the others are off */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 i = 0; i < v->vm->nvcpus; i++)
		if (!nested() || nested()->virt_on(v->vm->vcpus[i]))
			return;
	spin_lock(&known.lock);
	for_each_vcpu(e) if (e->l2 && e->vm == v->vm) leave(e);
	gdb_pid_ask(v);
	spin_unlock(&known.lock);
}

u32 gdb_pid_ended(void)
{
	u32 pid = 0;

	spin_lock(&known.lock);
	if (known.nended)
		pid = known.ended[0];
	if (pid)
		memmove(known.ended, known.ended + 1,
			--known.nended * sizeof(known.ended[0]));
	spin_unlock(&known.lock);
	return pid;
}
