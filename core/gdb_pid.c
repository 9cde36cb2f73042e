/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdb's processes: 1 is L1, an L2 has the number in which it was first seen.
 * None is given twice, so that breakpoints of an L2 that has ended never come
 * to another. Of more L2s than fit the one that was not seen for longest is
 * forgotten.
 */
#include "core/gdb.h"
#include "core/spinlock.h"
#include "core/virt.h"

#define L2S_MAX 64

static struct {
	struct spinlock lock;
	u32 last; /* number that was given */
	u64 now;  /* grows with every look */
	struct {
		u64 id, seen;
		u32 pid;
	} l2[L2S_MAX];
} known = { .last = 1 };

/* The entry of @id, or the one that is to be replaced. */
static u32 entry_of(u64 id)
{
	u32 oldest = 0;

	for (u32 i = 0; i < L2S_MAX; i++) {
		if (known.l2[i].pid && known.l2[i].id == id)
			return i;
		if (known.l2[i].seen < known.l2[oldest].seen)
			oldest = i;
	}
	known.l2[oldest].pid = 0;
	return oldest;
}

static u32 pid_of(u64 id)
{
	u32 i, pid;

	spin_lock(&known.lock);
	i = entry_of(id);
	if (!known.l2[i].pid) {
		known.l2[i].id = id;
		known.l2[i].pid = ++known.last;
	}
	known.l2[i].seen = ++known.now;
	pid = known.l2[i].pid;
	spin_unlock(&known.lock);
	return pid;
}

u32 gdb_pid_of_l2(struct vcpu *v)
{
	const struct nested_ops *nested =
		virt == &svm_ops ? svm_nested : vmx_nested;

	return pid_of(nested && nested->l2_id ? nested->l2_id(v) : 0);
}

bool gdb_pid_is_known(u32 pid)
{
	return pid && pid <= known.last;
}
