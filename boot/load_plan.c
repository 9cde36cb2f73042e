/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/load_plan.h"

#include "boot/load_image.h"
#include "core/err.h"
#include "core/string.h"

/* Real-mode vectors and BIOS data: nothing is ever put there. */
#define LOW_END 0x1000u
/* Where information is put first: below the EBDA and what sits before it. */
#define INFO_LOW 0x10000u
#define INFO_LOW_END 0x90000u

static bool overlap(const struct mem_region *r, u64 start, u64 len)
{
	return r->len && len && start < r->start + r->len &&
	       r->start < start + len;
}

/* Does [start, +len) touch a claimed destination, or L0? */
static bool claimed(const struct plan *p, u64 start, u64 len)
{
	if (overlap(&p->keep[0], start, len))
		return true;
	for (u32 i = p->nfixed; i < p->nkeep; i++)
		if (overlap(&p->keep[i], start, len))
			return true;
	return false;
}

void plan_init(struct plan *p)
{
	p->nsteps = 0;
	p->nkeep = 0;
	p->keep[p->nkeep++] = p->l0;
	for (u32 i = 0; i < p->bi->nmods; i++)
		p->keep[p->nkeep++] =
			(struct mem_region){ p->bi->mod[i].start.v,
					     p->bi->mod[i].len, 0 };
	p->nfixed = p->nkeep;
	p->img_hpa = p->bi->mod[0].start.v;
}

static bool add_claim(struct plan *p, u64 start, u64 len)
{
	if (p->nkeep == ARRAY_SIZE(p->keep))
		return false;
	p->keep[p->nkeep++] = (struct mem_region){ start, len, 0 };
	return true;
}

bool plan_free(const struct plan *p, u64 start, u64 len)
{
	return start >= LOW_END && memmap_is(p->map, start, len, MEM_RAM) &&
	       !claimed(p, start, len);
}

int plan_claim(struct plan *p, u64 start, u64 len, const char *what)
{
	if (!len)
		return 0;
	if (start < LOW_END || !memmap_is(p->map, start, len, MEM_RAM))
		return PLAN_FAIL(p, ENOMEM,
				 "%s wants %#lx..%#lx, which is not all free "
				 "memory",
				 what, start, (start + len - 1));
	if (claimed(p, start, len))
		return PLAN_FAIL(p, ENOMEM,
				 "%s at %#lx..%#lx overlaps another part", what,
				 start, (start + len - 1));
	if (!add_claim(p, start, len))
		return PLAN_FAIL(p, ENOMEM, "%s: too many parts", what);
	return 0;
}

u64 plan_find(struct plan *p, u64 len, u64 align, u64 min, u64 max, bool high)
{
	u64 a;

	min = MAX(min, LOW_END);
	a = high ? memmap_find_high(p->map, len, align, min, max, p->keep,
				    p->nkeep)
		 : memmap_find_low(p->map, len, align, min, max, p->keep,
				   p->nkeep);
	if (a != ~0ull && !add_claim(p, a, len))
		return ~0ull;
	return a;
}

int plan_step(struct plan *p, u64 dst, u64 src, u64 len)
{
	if (!len)
		return 0;
	if (p->nsteps == PLAN_STEPS_MAX)
		return PLAN_FAIL(p, ENOMEM, "the image has too many parts");
	p->step[p->nsteps++] = (struct plan_step){ dst, src, len };
	return 0;
}

/*
 * Memory may be too tight for a second copy: then the new place may touch
 * the module's own source, which nothing else reads or writes.
 */
static u64 find_over_itself(struct plan *p, u32 i, u64 len, u64 max)
{
	struct mem_region own = p->keep[1 + i];
	u64 a;

	p->keep[1 + i].len = 0;
	a = plan_find(p, len, PAGE_SIZE, MiB(1), max, true);
	p->keep[1 + i] = own;
	return a;
}

int plan_module(struct plan *p, u32 i, u64 max)
{
	u64 src = p->bi->mod[i].start.v, len = p->bi->mod[i].len;

	p->mod_at[i] = src;
	if (!len)
		return 0;
	if (IS_ALIGNED(src, PAGE_SIZE) && src >= MiB(1) && max >= len &&
	    src <= max - len && plan_free(p, src, len))
		return plan_claim(p, src, len, "a module");
	p->mod_at[i] = plan_find(p, len, PAGE_SIZE, MiB(1), max, true);
	if (p->mod_at[i] == ~0ull)
		p->mod_at[i] = find_over_itself(p, i, len, max);
	if (p->mod_at[i] == ~0ull)
		return PLAN_FAIL(p, ENOMEM,
				 "no room for module %u (%lu KiB below %#lx)",
				 i, (len >> 10), max);
	return plan_step(p, p->mod_at[i], src, len);
}

int plan_image(struct plan *p)
{
	u64 src = p->bi->mod[0].start.v;

	p->img_hpa = src;
	if (!claimed(p, src, p->img_len))
		return 0;
	p->img_hpa = plan_find(p, p->img_len, PAGE_SIZE, MiB(1),
			       memmap_ram_end(p->map), true);
	if (p->img_hpa == ~0ull)
		return PLAN_FAIL(p, ENOMEM,
				 "no room to move the image (%lu KiB) aside",
				 (p->img_len >> 10));
	return plan_step(p, p->img_hpa, src, p->img_len);
}

int plan_info(struct plan *p, u32 size)
{
	p->info_used = 0;
	p->info_at =
		plan_find(p, size, PAGE_SIZE, INFO_LOW, INFO_LOW_END, false);
	if (p->info_at == ~0ull)
		p->info_at =
			plan_find(p, size, PAGE_SIZE, MiB(1), GiB(4), false);
	if (p->info_at == ~0ull || size > p->info_size)
		return PLAN_FAIL(p, ENOMEM,
				 "no room for %u KiB of boot "
				 "information below 4 GiB",
				 size >> 10);
	return 0;
}

void *plan_info_alloc(struct plan *p, u32 size, u32 align, u32 *at)
{
	u64 off = ALIGN_UP(p->info_used, align);

	if (off > p->info_size || size > p->info_size - off) {
		snprintf(p->err, p->errsize,
			 "the boot information does not "
			 "fit in %u KiB",
			 p->info_size >> 10);
		return NULL;
	}
	p->info_used = (u32)off + size;
	*at = (u32)(p->info_at + off);
	return p->info + off;
}

u32 plan_info_string(struct plan *p, const char *s)
{
	u32 len = (u32)strlen(s) + 1, at;
	char *to = plan_info_alloc(p, len, 1, &at);

	if (!to)
		return 0;
	memcpy(to, s, len);
	return at;
}

int plan_gdt(struct plan *p)
{
	static const u64 gdt[] = {
		0, 0, 0x00cf9b000000ffff, /* 0x10: flat 32-bit code */
		0x00cf93000000ffff,	  /* 0x18: flat data */
	};
	u32 at;
	void *to = plan_info_alloc(p, sizeof(gdt), 16, &at);

	if (!to)
		return -ENOMEM;
	memcpy(to, gdt, sizeof(gdt));
	p->out->gdt = L1PA(at);
	p->out->gdt_limit = sizeof(gdt) - 1;
	return 0;
}

u32 ram_kib(const struct memmap *m, u64 start)
{
	for (u32 i = 0; i < m->n; i++) {
		const struct mem_region *r = &m->r[i];

		if (r->type == MEM_RAM && r->start <= start &&
		    start < r->start + r->len)
			return (u32)MIN((r->start + r->len - start) >> 10,
					(u64)~0u);
	}
	return 0;
}

void plan_run(const struct plan *p)
{
	for (u32 i = 0; i < p->nsteps; i++) {
		const struct plan_step *s = &p->step[i];

		if (s->src == PLAN_ZERO)
			memset(hpa_ptr(HPA(s->dst)), 0, s->len);
		else
			memmove(hpa_ptr(HPA(s->dst)), hpa_ptr(HPA(s->src)),
				s->len);
	}
	memcpy(hpa_ptr(HPA(p->info_at)), p->info, p->info_used);
}
