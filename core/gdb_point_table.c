/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's hardware breakpoints and watchpoints: the table of them. */
#include "core/debug.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/gdb_point.h"
#include "core/virt.h"
#include "mm/addr.h"

static struct gdb_point points[GDB_POINTS_MAX];

struct gdb_point *gdb_point(u32 i)
{
	return &points[i];
}

enum gdb_stop_kind gdb_point_stop(enum gdb_bp_type type)
{
	switch (type) {
	case GDB_WP_WRITE:
		return GDB_STOPPED_WATCH;
	case GDB_WP_READ:
		return GDB_STOPPED_RWATCH;
	case GDB_WP_ACCESS:
		return GDB_STOPPED_AWATCH;
	default:
		return GDB_STOPPED_HWBREAK;
	}
}

bool gdb_points_in_dr(void)
{
	for (u32 i = 0; i < GDB_POINTS_MAX; i++)
		if (points[i].used && !points[i].paged)
			return true;
	return false;
}

static u32 in_dr(u32 pid)
{
	u32 n = 0;

	for (u32 i = 0; i < GDB_POINTS_MAX; i++)
		n += points[i].used && !points[i].paged && points[i].pid == pid;
	return n;
}

static struct gdb_point *known(u32 pid, enum gdb_bp_type type, u64 la, u32 len)
{
	for (u32 i = 0; i < GDB_POINTS_MAX; i++) {
		struct gdb_point *p = &points[i];

		if (p->used && p->pid == pid && p->type == type &&
		    p->la == la && p->len == len)
			return p;
	}
	return NULL;
}

/* --- by page rights -------------------------------------------------------- */

static void unpage(struct gdb_point *p)
{
	u32 n = p->nparts;

	p->nparts = 0;
	while (n--)
		if (gdb_page_refresh(p->part[n].pa))
			gdb_say("a page stays watched: no memory");
}

/* @ptr[]: where its first byte, and that on its second page, lie. */
static int to_page(struct gdb_point *p, u8 *const ptr[2])
{
	u32 first = (u32)MIN((u64)p->len, PAGE_SIZE - (p->la & ~PAGE_MASK));
	u32 n = first < p->len ? 2 : 1;
	int err = 0;

	if (!ptr[0] || (n == 2 && !ptr[1]))
		return -EFAULT;
	for (u32 i = 0; i < n; i++) {
		p->part[i].pa = ptr_hpa(ptr[i]).v;
		p->part[i].len = i ? p->len - first : first;
	}
	p->paged = true;
	p->nparts = n;
	for (u32 i = 0; i < n && !err; i++)
		err = gdb_page_refresh(p->part[i].pa);
	if (err)
		unpage(p);
	return err;
}

/* Where it lies, as to_page() takes it. */
static bool lies(struct vcpu *v, const struct gdb_point *p, u8 *ptr[2])
{
	u64 last = p->la + p->len - 1;

	ptr[0] = gdb_mem_ptr_linear(v, v->in_l2, p->la);
	ptr[1] = gdb_mem_ptr_linear(v, v->in_l2, last & PAGE_MASK);
	return ptr[0] && ptr[1];
}

int gdb_point_protect(struct vcpu *v, struct gdb_point *p)
{
	u8 *ptr[2];

	p->waits = false;
	return lies(v, p, ptr) ? to_page(p, ptr) : -EFAULT;
}

bool gdb_points_wait(void)
{
	for (u32 i = 0; i < GDB_POINTS_MAX; i++)
		if (points[i].used && points[i].waits)
			return true;
	return false;
}

struct gdb_point *gdb_point_waiting(struct vcpu *v)
{
	u32 pid = gdb_pid_of_l2(v);
	u8 *ptr[2];

	for (u32 i = 0; i < GDB_POINTS_MAX; i++)
		if (points[i].used && points[i].waits && points[i].pid == pid &&
		    lies(v, &points[i], ptr))
			return &points[i];
	return NULL;
}

void gdb_point_to_page(struct vcpu *v, struct gdb_point *p)
{
	if (gdb_point_protect(v, p) == 0)
		return;
	p->paged = p->lost = true; /* not tried again */
	gdb_say("no debug register is left for %#lx: it is not watched", p->la);
}

/* --- inserting and removing ------------------------------------------------ */

static struct gdb_point *free_point(void)
{
	for (u32 i = 0; i < GDB_POINTS_MAX; i++)
		if (!points[i].used)
			return &points[i];
	return NULL;
}

int gdb_point_insert(struct gdb_thread t, enum gdb_bp_type type, u64 la,
		     u32 len)
{
	bool phys = type != GDB_BP_HARD && gdb_mem_is_phys();
	bool there = gdb_vcpu(t);
	struct gdb_point *p;
	u8 *ptr[2];
	int err;

	if (type == GDB_BP_HARD)
		len = 1;
	p = known(t.pid, type, la, len);
	if (p && !p->waits)
		return 0;
	if (!there && (phys || !gdb_pid_is_known(t.pid)))
		return -ENOENT;
	if (!len || len > PAGE_SIZE)
		return -EINVAL;
	if (!p)
		p = free_point();
	if (!p)
		return -ENOSPC;
	*p = (struct gdb_point){
		.used = true, .type = type, .pid = t.pid, .len = len, .la = la
	};
	if (dr_fits(type, la, len) && (type == GDB_BP_HARD || debug_dr_data) &&
	    in_dr(t.pid) <= 4 && !phys)
		return 0;
	if (!there) {
		p->paged = p->waits = true;
		return 0;
	}
	ptr[0] = gdb_find(t, la, phys);
	ptr[1] = gdb_find(t, (la + len - 1) & PAGE_MASK, phys);
	err = to_page(p, ptr);
	if (err)
		p->used = false;
	return err;
}

static void forget(struct gdb_point *p)
{
	p->used = false;
	unpage(p);
}

int gdb_point_remove(u32 pid, enum gdb_bp_type type, u64 la, u32 len)
{
	struct gdb_point *p =
		known(pid, type, la, type == GDB_BP_HARD ? 1 : len);

	if (!p)
		return -ENOENT;
	forget(p);
	return 0;
}

void gdb_point_clear(u32 pid)
{
	for (u32 i = 0; i < GDB_POINTS_MAX; i++)
		if (points[i].used && (pid == GDB_ALL || points[i].pid == pid))
			forget(&points[i]);
}
