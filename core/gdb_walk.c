/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `monitor ept`, `npt` and `translate`: the walk of an address through each
 * table on its way, entry by entry. Nothing is touched but memory.
 */
#include "core/gdb.h"
#include "core/string.h"
#include "core/virt.h"
#include "mm/guest.h"
#include "mm/pt_format.h"
#include "mm/slat.h"

static void *host_memory(void *ctx, u64 pa)
{
	return hpa_ptr(HPA(pa));
}

static void *l1_memory(void *ctx, u64 pa)
{
	struct vcpu *v = ctx;
	void *p = guest_ptr(v->vm, L1PA(pa));

	return p ? p : PT_NO_MEMORY;
}

static void rights_text(const struct pt_walk *w, char buf[8])
{
	snprintf(buf, 8, "%c%c%c%c", w->rights & ACCESS_R ? 'r' : '-',
		 w->rights & ACCESS_W ? 'w' : '-',
		 w->rights & ACCESS_X ? 'x' : '-',
		 w->rights & ACCESS_U ? 'u' : ' ');
}

void gdb_walk_show(const struct pt_mode *m, enum pt_result r,
		   const struct pt_walk *w, const char *to)
{
	static const char *const why[] = {
		[PT_NOT_PRESENT] = "not present",
		[PT_RESERVED] = "reserved bits are set, or misconfigured",
	};
	char rights[8];

	for (u32 l = m->fmt->levels; l >= w->level && l; l--) {
		if (w->ptr[l] == PT_NO_MEMORY)
			gdb_say("  level %u: no memory", l);
		else
			gdb_say("  level %u at %#lx: %016lx", l,
				ptr_hpa(w->ptr[l]).v, w->entry[l]);
	}
	if (r != PT_OK) {
		gdb_say("  ends there: %s", why[r]);
		return;
	}
	rights_text(w, rights);
	gdb_say("  leads to %s %#lx, %s, page of %lu KiB", to, w->addr, rights,
		1ul << (w->shift - 10));
}

/* One table of @fmt at @root. False: it does not lead on. */
static bool stage(struct vcpu *v, const char *name, const struct pt_format *fmt,
		  u64 flags, u64 root, u64 in, pt_mem_fn *mem, const char *to,
		  u64 *out)
{
	struct pt_mode m;
	struct pt_walk w;
	enum pt_result r;

	pt_mode_init(&m, fmt, v->vm->slat->phys_bits, flags);
	r = pt_walk(&m, root, in, mem, v, &w);
	gdb_say("%s, root %#lx, of %#lx:", name, root, in);
	gdb_walk_show(&m, r, &w, to);
	*out = w.addr;
	return r == PT_OK;
}

/* What L0's own tables may have, whatever they are. */
#define OWN_FLAGS (PT_NX | PT_1G | PT_XO)

static bool stage01(struct vcpu *v, u64 l1pa, u64 *out)
{
	const struct slat *s = v->vm->slat;

	return stage(v, s->fmt->ept ? "ept01" : "npt01", s->fmt, OWN_FLAGS,
		     s->root.v, l1pa, host_memory, "host-physical", out);
}

void gdb_show_tables(struct vcpu *v, bool l2, u64 pa)
{
	const struct nested_ops *nested =
		virt == &svm_ops ? svm_nested : vmx_nested;
	bool ept = v->vm->slat->fmt->ept;
	struct nested_tables t;
	u64 out;

	if (!l2) {
		(void)stage01(v, pa, &out);
		return;
	}
	if (!nested || !nested->tables(v, &t)) {
		gdb_say("L1 gives this L2 no table: its physical addresses are "
			"L1's");
		(void)stage01(v, pa, &out);
		return;
	}
	if (stage(v, ept ? "ept12" : "npt12", t.fmt12, t.flags12, t.root12.v,
		  pa, l1_memory, "L1-physical", &out))
		(void)stage01(v, out, &out);
	(void)stage(v, ept ? "ept02 (folded)" : "npt02 (folded)", t.fmt02,
		    OWN_FLAGS, t.root02.v, pa, host_memory, "host-physical",
		    &out);
}
