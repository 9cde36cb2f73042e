/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/run.h"

#include "core/cpu.h"
#include "core/exit.h"
#include "core/gdb.h"
#include "core/insns.h"
#include "core/machine.h"
#include "core/msr.h"
#include "core/options.h"
#include "core/power.h"
#include "core/printk.h"
#include "core/spinlock.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/slat.h"

void vcpu_enter_wait_sipi(struct vcpu *v)
{
	struct vcpu_start s = { .kind = START_RESET };

	virt->vcpu_start(v, &s);
	v->run_state = VCPU_WAIT_SIPI;
	slat_away(v->vm->slat, v->index, true);
}

/*
 * SDM 3A, "MP Initialization Protocol Requirements and Restrictions": the boot
 * processor does not wait for a SIPI after an INIT (of another CPU's, or of the
 * chipset's by port 92h or the keyboard controller), it starts the firmware.
 * That would find L0's memory and devices in use: it gets the machine anew.
 */
void vcpu_take_init(struct vcpu *v)
{
	if (rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP) {
		log_err("vm%u: CPU %u: INIT of the boot processor", v->vm->id,
			v->index);
		vm_reset(v->vm);
	}
	vcpu_enter_wait_sipi(v);
}

void vcpu_sipi(struct vcpu *v, u8 vector)
{
	struct vcpu_start s = { .kind = START_SIPI, .vector = vector };

	if (v->run_state != VCPU_WAIT_SIPI)
		return;
	slat_away(v->vm->slat, v->index, false);
	request_set(v, REQ_FLUSH_TLB);
	virt->vcpu_start(v, &s);
	v->run_state = VCPU_RUNNING;
}

static void __noreturn vcpu_stop(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

/* INIT, SIPI and TLB flushes are the backend's: it knows when they may be
 * taken (GIF) and takes them at its next entry. */
static void take_requests(struct vcpu *v)
{
	if (request_take(v, REQ_SHUTDOWN))
		vcpu_stop();
	if (request_take(v, REQ_STOP))
		gdb_stop_request(v);
}

static void pass_on_nmi(struct vcpu *v)
{
	struct event mce = { EVENT_EXCEPTION, VEC_MC, false, 0 };
	struct event nmi = { .type = EVENT_NMI, .vector = VEC_NMI };

	if (v->cpu->mce_pending) {
		v->cpu->mce_pending = false;
		virt->inject(v, &mce);
	} else {
		v->cpu->nmi_pending = false;
		virt->inject(v, &nmi);
	}
}

void vcpu_run(struct vcpu *v)
{
	struct vmexit x;

	for (;;) {
		if (unlikely(request_pending(v)))
			take_requests(v);
		if (unlikely(v->cpu->nmi_pending | v->cpu->mce_pending))
			pass_on_nmi(v);
		virt->run(v, &x);
		exit_handle(v, &x);
	}
}

static void print_exits(const struct vcpu *v, const char *level,
			const u64 *exits)
{
	for (u32 i = 0; i < STAT_EXITS; i++)
		if (exits[i])
			log_err("  CPU %u %s %-20s %lu", v->index, level,
				i == STAT_EXITS - 1 ? "other"
						    : virt->exit_name(i),
				exits[i]);
}

void vm_print_stats(const struct vm *vm)
{
	for (u32 i = 0; i < vm->nvcpus; i++) {
		const struct vcpu *v = vm->vcpus[i];

		log_err("vm%u: CPU %u: %lu exits, %lu L2 entries, %lu exits of "
			"L2 passed on to L1",
			vm->id, v->index, v->stats.total, v->stats.entries_l2,
			v->stats.reflected);
		print_exits(v, "L1", v->stats.exits_l1);
		print_exits(v, "L2", v->stats.exits_l2);
	}
	log_err("vm%u: L0 uses %lu KiB of its %lu KiB", vm->id,
		page_used() >> 10, page_total() >> 10);
}

static void stop_others(struct vm *vm)
{
	u32 self = this_cpu()->index;

	if (this_cpu()->vcpu && this_cpu()->vcpu->debug.watch)
		debug_event(this_cpu()->vcpu, DEBUG_SHUTDOWN, 0);

	for (u32 i = 0; i < vm->nvcpus; i++) {
		if (vm->vcpus[i]->cpu->index == self)
			continue;
		request_set(vm->vcpus[i], REQ_SHUTDOWN);
		virt->kick(vm->vcpus[i]);
	}
}

void vm_shutdown(struct vm *vm)
{
	stop_others(vm);
	power_end(vm);
}

void vm_reset(struct vm *vm)
{
	stop_others(vm);
	power_reset(vm);
}

int vm_mtrr_changed(struct vm *vm, u32 msr, u64 val)
{
	static struct spinlock lock;
	int err;

	spin_lock(&lock);
	err = mtrr_set(machine_mtrr(), msr, val);
	if (!err)
		err = slat_retype(vm->slat);
	spin_unlock(&lock);
	/* No kick: MTRRs are each CPU's own. Another one goes on with the old
	 * types until it writes its own MTRRs, and that exits. */
	for (u32 i = 0; i < vm->nvcpus; i++)
		request_set(vm->vcpus[i], REQ_FLUSH_TLB);
	return err;
}
