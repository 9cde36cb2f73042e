/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The debug registers, shared between the guest and the stub. The guest's own
 * breakpoints keep their registers; the stub's go into those that the guest
 * has not enabled. MOV DR exits meanwhile, so that the guest reads back its
 * own values, and every #DB exits, so that it gets its own hits alone.
 * SDM 3B, "Debug Registers"; APM 2, "Software-Debug Resources".
 */
#include "core/debug.h"
#include "core/exit.h"
#include "core/gdb.h"
#include "core/gdb_point.h"
#include "core/insns.h"
#include "core/virt.h"
#include "core/x86.h"

bool debug_dr_data = true;
bool debug_dr_always;

static u64 read_hw(u32 n)
{
	switch (n) {
	case 0:
		return read_dr0();
	case 1:
		return read_dr1();
	case 2:
		return read_dr2();
	default:
		return read_dr3();
	}
}

static void write_hw(u32 n, u64 val)
{
	switch (n) {
	case 0:
		write_dr0(val);
		break;
	case 1:
		write_dr1(val);
		break;
	case 2:
		write_dr2(val);
		break;
	default:
		write_dr3(val);
		break;
	}
}

u64 debug_dr_read(struct vcpu *v, u32 n)
{
	return v->debug.dr_on ? v->debug.dr[n] : read_hw(n);
}

void debug_dr_write(struct vcpu *v, u32 n, u64 val)
{
	if (v->debug.dr_on)
		v->debug.dr[n] = val;
	else
		write_hw(n, val);
}

/* Before L1's first entry, on the boot CPU: DR0-DR3 are all 0. */
void gdb_dr_init(struct vm *vm)
{
	if (!debug_dr_always)
		return;
	for (u32 i = 0; i < vm->nvcpus; i++)
		vm->vcpus[i]->debug.dr_on = true;
	virt->set_debug(vm->vcpus[0]); /* the others': at their SIPI */
}

/*
 * Take them over, or give them back; on the vcpu's own CPU. While the guest
 * has enabled some itself they are kept until a later time.
 */
void gdb_dr_update(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	bool want = debug_dr_always || gdb_points_in_dr();

	if (want == d->dr_on ||
	    (!want && (virt->get_reg(v, VREG_DR7) & DR7_ENABLED)))
		return;
	for (u32 i = 0; i < 4; i++) {
		if (want)
			d->dr[i] = d->dr_loaded[i] = read_hw(i);
		else
			write_hw(i, d->dr[i]);
	}
	d->dr_on = want;
}

/* All points of the level that runs next into *set. False: some found none
 * free and are pages now. */
static bool place_all(struct vcpu *v, const struct dr_set *guest,
		      struct dr_set *set)
{
	u32 pid = v->in_l2 ? gdb_pid_of_l2(v) : 1, used = 0;
	bool all = true;

	for (u32 i = 0; i < GDB_POINTS_MAX; i++) {
		struct gdb_point *p = gdb_point(i);
		struct dr_point dp = { p->la, (u8)p->len, p->type };
		int n;

		if (!p->used || p->paged || p->pid != pid)
			continue;
		n = dr_place(guest, &dp, set, &used);
		if (n >= 0) {
			v->debug.dr_point[n] = (u16)i;
		} else {
			gdb_point_to_page(v, p);
			all = false;
		}
	}
	v->debug.dr_owned = (u8)used;
	return all;
}

static void guest_set(struct vcpu *v, struct dr_set *s)
{
	for (u32 i = 0; i < 4; i++)
		s->dr[i] = v->debug.dr[i];
	s->dr7 = virt->get_reg(v, VREG_DR7);
}

bool debug_dr_plan(struct vcpu *v)
{
	struct dr_set guest, set;

	guest_set(v, &guest);
	set = guest;
	return !place_all(v, &guest, &set);
}

void debug_dr_entry(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	struct dr_set guest, set;

	guest_set(v, &guest);
	d->dr7 = guest.dr7;
	set = guest;
	set.dr7 = (set.dr7 & ~DR7_GD) | DR7_ONE;
	(void)place_all(v, &guest, &set);
	for (u32 i = 0; i < 4; i++)
		if (set.dr[i] != d->dr_loaded[i])
			write_hw(i, d->dr_loaded[i] = set.dr[i]);
	virt->set_reg(v, VREG_DR7, set.dr7);
}

void debug_dr_exit(struct vcpu *v)
{
	virt->set_reg(v, VREG_DR7, v->debug.dr7);
}

/*
 * A #DB: which of the stub's points were hit? Their bits are taken out of DR6.
 * The first of them, or NULL.
 */
struct gdb_point *gdb_dr_hit(struct vcpu *v)
{
	const struct vcpu_debug *d = &v->debug;
	u64 dr6 = virt->get_reg(v, VREG_DR6);
	struct gdb_point *hit = NULL;

	if (!d->dr_on)
		return NULL;
	for (u32 i = 0; i < 4; i++)
		if ((dr6 & d->dr_owned) >> i & 1 && !hit)
			hit = gdb_point(d->dr_point[i]);
	virt->set_reg(v, VREG_DR6, dr6 & ~(u64)d->dr_owned);
	/* The instruction has not run yet, and must when the guest goes on. */
	if (hit && hit->type == GDB_BP_HARD)
		virt->set_reg(v, VREG_RFLAGS,
			      virt->get_reg(v, VREG_RFLAGS) | RFLAGS_RF);
	return hit;
}

/* Has this #DB, the stub's hits being taken out, one of the guest's own? */
bool gdb_dr_guest_hit(struct vcpu *v)
{
	u64 dr6 = virt->get_reg(v, VREG_DR6);
	u64 dr7 = virt->get_reg(v, VREG_DR7);

	for (u32 i = 0; i < 4; i++)
		if (dr6 >> i & 1 && dr_enabled(dr7, i))
			return true;
	return dr6 & (DR6_BD | DR6_BT);
}

/* --- MOV DR ---------------------------------------------------------------- */

static void inject_db(struct vcpu *v)
{
	struct event e = { EVENT_EXCEPTION, VEC_DB, false, 0 };

	virt->set_reg(v, VREG_DR6, virt->get_reg(v, VREG_DR6) | DR6_BD);
	virt->set_reg(v, VREG_DR7, virt->get_reg(v, VREG_DR7) & ~DR7_GD);
	virt->inject(v, &e);
}

static bool cpl0(struct vcpu *v)
{
	struct segment ss;

	if (!(virt->get_reg(v, VREG_CR0) & CR0_PE))
		return true;
	virt->get_seg(v, SEG_SS, &ss);
	return !(ss.attr & BITS(6, 5));
}

static void write_dr(struct vcpu *v, u32 n, u64 val)
{
	if (n < 4) {
		debug_dr_write(v, n, val);
	} else if (n == 6) {
		/* The processor knows which bits are fixed. */
		u64 mine = read_dr6();

		write_dr6(val);
		val = read_dr6();
		write_dr6(mine);
		virt->set_reg(v, VREG_DR6, val);
	} else {
		virt->set_reg(v, VREG_DR7, (val & ~DR7_ZERO) | DR7_ONE);
	}
}

static u64 read_dr(struct vcpu *v, u32 n)
{
	return n < 4 ? debug_dr_read(v, n)
		     : virt->get_reg(v, n == 6 ? VREG_DR6 : VREG_DR7);
}

void debug_mov_dr(struct vcpu *v, const struct vmexit *x)
{
	u32 n = x->dr.dr;
	bool wide = gdb_code_mode(v) == 64;
	u64 val;

	if (!cpl0(v)) {
		inject_gp(v);
		return;
	}
	if (n == 4 || n == 5) {
		if (virt->get_reg(v, VREG_CR4) & CR4_DE) {
			inject_ud(v);
			return;
		}
		n += 2;
	}
	if (virt->get_reg(v, VREG_DR7) & DR7_GD) {
		inject_db(v);
		return;
	}
	if (x->dr.write) {
		val = wide ? v->gpr[x->dr.gpr] : (u32)v->gpr[x->dr.gpr];
		if (n >= 6 && val >> 32) {
			inject_gp(v);
			return;
		}
		write_dr(v, n, val);
	} else {
		val = read_dr(v, n);
		v->gpr[x->dr.gpr] = wide ? val : (u32)val;
	}
	virt->skip(v);
}
