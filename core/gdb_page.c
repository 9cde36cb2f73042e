/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watching by the rights of pages in npt01 or ept01, which what L2 runs on
 * inherits. An access to such a page faults; the page is opened for one step
 * (core/gdb_step.c), the other CPUs being stopped, and closed again. That step
 * is the instruction, or the delivery of the event that met the page. Whether
 * a watchpoint was hit is decided by where the access begins, which the
 * hardware says, and by how wide it is, which the instruction says.
 */
#include "core/cpu.h"
#include "core/debug.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/gdb_point.h"
#include "core/insn.h"
#include "core/string.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/slat.h"

#define RWX (ACCESS_R | ACCESS_W | ACCESS_X)

/* Pages that have fewer rights now, and how many CPUs have each open. */
static struct watched {
	u64 pa;
	u32 open;
	bool used;
} pages[SLAT_WATCHED_MAX];

static struct watched *page_at(u64 pa)
{
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i].used && pages[i].pa == (pa & PAGE_MASK))
			return &pages[i];
	return NULL;
}

static struct watched *page_new(u64 pa)
{
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i].used)
			continue;
		pages[i] = (struct watched){ .pa = pa, .used = true };
		return &pages[i];
	}
	return NULL;
}

/* What the points want of a page. */
static u32 rights(u64 pa)
{
	u32 r = RWX;

	for (u32 i = 0; i < GDB_POINTS_MAX; i++) {
		const struct gdb_point *p = gdb_point(i);

		for (u32 k = 0; p->used && k < p->nparts; k++) {
			if ((p->part[k].pa & PAGE_MASK) != pa)
				continue;
			if (p->type == GDB_BP_HARD)
				r &= ~(u32)ACCESS_X;
			else if (p->type == GDB_WP_WRITE)
				r &= ~(u32)ACCESS_W;
			else
				r &= ~(u32)(ACCESS_R | ACCESS_W);
		}
	}
	/* Software breakpoints are hidden where code can be run unread. */
	if (gdb_vm()->slat->exec_only && gdb_break_in_page(pa))
		r &= ~(u32)(ACCESS_R | ACCESS_W);
	return r;
}

static int protect(u64 pa, u32 access)
{
	struct vm *vm = gdb_vm();
	int err = slat_protect(vm->slat, L1PA(pa), HPA(pa), access);

	for (u32 i = 0; i < vm->nvcpus; i++)
		request_set(vm->vcpus[i], REQ_FLUSH_TLB);
	return err;
}

int gdb_page_refresh(u64 pa)
{
	struct watched *w = page_at(pa);
	u32 r = rights(pa & PAGE_MASK);
	int err;

	if (!w && r == RWX)
		return 0;
	if (!w)
		w = page_new(pa & PAGE_MASK);
	if (!w)
		return -ENOSPC;
	err = protect(w->pa, w->open ? RWX : r);
	if (err || r == RWX)
		w->used = false;
	return err;
}

/* --- letting one access through -------------------------------------------- */

#define OVER_PAGES 4
#define OLD_MAX 64

static struct over {
	bool held; /* the other CPUs are stopped */
	u32 npages;
	u64 page[OVER_PAGES];
	/* A step of the other level that waits for this one to be over. */
	struct {
		bool on, delivered;
		u32 level;
		u64 rip;
	} outer;
	u64 skip; /* a stop was made at this CS:RIP + 1; or 0: gdb cannot step
		   * over that point itself */
} overs[CPUS_MAX];

/* What the instruction accesses in each page; one CPU at a time is at it. */
static struct {
	u32 pid, n;
	struct access {
		u64 pa;
		u32 len, kind;	 /* ACCESS_ */
		u8 old[OLD_MAX]; /* what stood there */
	} a[OVER_PAGES];
} seen;

static struct over *over_of(struct vcpu *v)
{
	return &overs[v->index];
}

static void begin(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	struct over *o = over_of(v);

	o->held = true;
	o->npages = 0;
	seen.n = 0;
	seen.pid = v->in_l2 ? gdb_pid_of_l2(v) : 1;
	o->outer.on = d->step && d->step_begun && d->step_level != seen.pid;
	o->outer.delivered = d->delivered;
	o->outer.level = d->step_level;
	o->outer.rip = d->step_rip;
	d->over = true;
	d->over_only = !d->step || o->outer.on;
	if (d->over_only) {
		d->step = true;
		d->step_begun = false;
	}
}

static void end(struct vcpu_debug *d, const struct over *o)
{
	if (d->over_only)
		d->step = d->step_begun = o->outer.on;
	if (o->outer.on) {
		d->delivered = o->outer.delivered;
		d->step_level = o->outer.level;
		d->step_rip = o->outer.rip;
	}
	d->over = d->over_only = false;
}

static void open_page(struct over *o, u64 pa)
{
	struct watched *w = page_at(pa);

	for (u32 i = 0; i < o->npages; i++)
		if (o->page[i] == pa)
			return; /* the TLB's fault */
	if (o->npages == OVER_PAGES) {
		gdb_say("one instruction, more pages than can be opened");
		return;
	}
	o->page[o->npages++] = pa;
	gdb_break_lift(pa, true);
	if (!w)
		return;
	w->open++;
	if (gdb_page_refresh(pa))
		gdb_say("a watched page stays closed: no memory");
}

void gdb_over_page(struct vcpu *v, u64 page)
{
	if (!v->debug.over) {
		if (!gdb_hold(v))
			return; /* it comes again */
		begin(v);
	}
	open_page(over_of(v), page);
}

void gdb_over_end(struct vcpu *v)
{
	struct vcpu_debug *d = &v->debug;
	struct over *o = over_of(v);

	if (!d->over)
		return;
	end(d, o);
	while (o->npages) {
		u64 pa = o->page[--o->npages];
		struct watched *w = page_at(pa);

		gdb_break_lift(pa, false);
		if (!w)
			continue;
		w->open--;
		if (gdb_page_refresh(pa))
			gdb_say("a page is not watched any more: no memory");
	}
	o->skip = 0;
	if (o->held)
		gdb_unhold(v);
	o->held = false;
}

/* --- was it a hit? --------------------------------------------------------- */

/* Bytes of the access from @pa on: one that began on the page before has the
 * rest only here. */
static u32 width_from(struct vcpu *v, const struct insn *i, u64 pa)
{
	u32 width = insn_access_width(i), before;
	struct segment s = { .base = 0 };
	u64 la;

	if (!i->is_mem || (pa & ~PAGE_MASK))
		return width;
	virt->get_seg(v, i->seg, &s);
	la = insn_linear(i, v->gpr, virt->get_reg(v, VREG_RIP), s.base);
	before = (u32)(PAGE_SIZE - (la & ~PAGE_MASK));
	return before < width ? width - before : width;
}

static void remember(u64 pa, u32 len, u32 kind)
{
	struct access *a = &seen.a[seen.n];

	if (seen.n == ARRAY_SIZE(seen.a))
		return;
	a->pa = pa;
	a->len = MIN(MIN(len, (u32)OLD_MAX),
		     (u32)(PAGE_SIZE - (pa & ~PAGE_MASK)));
	a->kind = kind;
	memcpy(a->old, hpa_ptr(HPA(pa)), a->len);
	seen.n++;
}

/* Does @a meet @p? *changed: in bytes of @p's. */
static bool meets(const struct gdb_point *p, const struct access *a,
		  bool *changed)
{
	const u8 *now = hpa_ptr(HPA(a->pa));
	bool met = false;

	for (u32 k = 0; k < p->nparts; k++) {
		u64 from = MAX(a->pa, p->part[k].pa);
		u64 to = MIN(a->pa + a->len, p->part[k].pa + p->part[k].len);

		if (from >= to)
			continue;
		met = true;
		if (memcmp(now + (from - a->pa), a->old + (from - a->pa),
			   to - from))
			*changed = true;
	}
	return met;
}

/* A write shows by the value that it changes; without a change there is
 * nothing to tell. What changes it is no read. */
static bool is_hit(const struct gdb_point *p)
{
	bool changed = false, read = false, met = false;

	for (u32 i = 0; i < seen.n; i++) {
		if (!meets(p, &seen.a[i], &changed))
			continue;
		met = true;
		read |= seen.a[i].kind & ACCESS_R;
	}
	switch (p->type) {
	case GDB_WP_WRITE:
		return changed;
	case GDB_WP_READ:
		return read && !changed;
	case GDB_WP_ACCESS:
		return met;
	default:
		return false;
	}
}

static struct gdb_point *hit_of(bool writes)
{
	for (u32 i = 0; i < GDB_POINTS_MAX; i++) {
		struct gdb_point *p = gdb_point(i);

		if (p->used && p->pid == seen.pid &&
		    (p->type == GDB_WP_WRITE) == writes && is_hit(p))
			return p;
	}
	return NULL;
}

/* gdb is told of one: first what changed, which is certain. */
struct gdb_point *gdb_over_hit(struct vcpu *v)
{
	struct gdb_point *p = v->debug.over ? hit_of(true) : NULL;

	return p || !v->debug.over ? p : hit_of(false);
}

/* A hardware breakpoint at CS:RIP that found no register. */
static struct gdb_point *exec_point(struct vcpu *v)
{
	u32 pid = v->in_l2 ? gdb_pid_of_l2(v) : 1;
	u64 la = gdb_linear_rip(v);

	for (u32 i = 0; i < GDB_POINTS_MAX; i++) {
		struct gdb_point *p = gdb_point(i);

		if (p->used && p->paged && p->type == GDB_BP_HARD &&
		    p->pid == pid && p->la == la)
			return p;
	}
	return NULL;
}

/* Its fetch faults. */
static bool exec_hit(struct vcpu *v, u32 access)
{
	return access & ACCESS_X && over_of(v)->skip != gdb_linear_rip(v) + 1 &&
	       exec_point(v);
}

bool gdb_over_break(struct vcpu *v)
{
	u64 la = gdb_linear_rip(v);
	u8 *where = gdb_mem_ptr_linear(v, v->in_l2, la);
	struct over *o = over_of(v);

	/* gdb compares addresses with RIP: there it passes by itself */
	if (la == virt->get_reg(v, VREG_RIP) || !where)
		return false;
	if (o->skip != la + 1) {
		o->skip = la + 1;
		return false;
	}
	gdb_over_page(v, ptr_hpa(where).v & PAGE_MASK);
	return true;
}

void gdb_over_resume(struct vcpu *v)
{
	struct over *o = over_of(v);

	if (o->skip && (o->skip != gdb_linear_rip(v) + 1 ||
			(!gdb_break_here(v) && !exec_point(v))))
		o->skip = 0;
}

bool debug_page_fault(struct vcpu *v, u64 pa, u32 access, enum mem_how how)
{
	struct watched *w = gdb_enabled() ? page_at(pa) : NULL;
	struct insn i;
	bool known;

	if (!w)
		return false;
	if (!v->debug.over) {
		if (how == MEM_DATA && exec_hit(v, access)) {
			over_of(v)->skip = gdb_linear_rip(v) + 1;
			gdb_stop(v, GDB_STOPPED_HWBREAK, 0);
			return true;
		}
		if (!gdb_hold(v))
			return true; /* it comes again */
		w = page_at(pa);
		if (!w) { /* gone meanwhile */
			gdb_unhold(v);
			return true;
		}
		begin(v);
	}
	known = !gdb_code_insn(v, &i);
	/* a write that is more than a store reads, too */
	if (access & ACCESS_W && !(known && i.op == INSN_STORE))
		access |= ACCESS_R;
	if (how == MEM_DATA && !(access & ACCESS_X))
		remember(pa, known ? width_from(v, &i, pa) : OLD_MAX, access);
	open_page(over_of(v), w->pa);
	return true;
}
