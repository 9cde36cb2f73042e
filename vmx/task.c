/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/printk.h"
#include "vmx/internal.h"
#include "vmx/qual.h"

void vmx_task_switch(struct vcpu *v, u64 qual)
{
	struct task_access a = qual_task(qual);

	panic("task switch to %#x from %u", a.sel, a.source);
}
