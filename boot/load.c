/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/load.h"

#include "boot/load_efi.h"
#include "boot/load_plan.h"
#include "core/err.h"
#include "core/string.h"
#include "mm/page.h"

static const struct kind {
	const char *name;
	int (*load)(struct plan *p);
} kinds[] = {
	[L1_LINUX] = { "Linux bzImage", load_linux },
	[L1_MULTIBOOT2] = { "multiboot2 kernel", load_multiboot2 },
	[L1_MULTIBOOT1] = { "multiboot1 kernel", load_multiboot1 },
};

/* Modules are where the boot loader says: in memory that is ours to move. */
static int check_modules(struct plan *p)
{
	const struct boot_info *bi = p->bi;

	if (!bi->nmods)
		return PLAN_FAIL(p, EINVAL,
				 "no module: add \"module2 FILE\" to the menu "
				 "entry");
	for (u32 i = 0; i < bi->nmods; i++) {
		u64 start = bi->mod[i].start.v, len = bi->mod[i].len;

		if (!memmap_is(p->map, start, len, MEM_RAM))
			return PLAN_FAIL(p, EINVAL,
					 "module %u at %#lx (%lu bytes) is not "
					 "in memory",
					 i, start, len);
		for (u32 j = 0; j < i; j++)
			if (start < bi->mod[j].start.v + bi->mod[j].len &&
			    bi->mod[j].start.v < start + len)
				return PLAN_FAIL(p, EINVAL,
						 "modules %u and %u overlap", j,
						 i);
	}
	return 0;
}

static int load_planned(struct plan *p, struct l1_image *out)
{
	char what[96];
	int ret = check_modules(p);

	if (ret)
		return ret;
	p->img = hpa_ptr(p->bi->mod[0].start);
	p->img_len = p->bi->mod[0].len;
	out->size = p->img_len;
	out->kind = image_kind(p->img, p->img_len, what, sizeof(what));
	if (out->kind == L1_UNKNOWN)
		return PLAN_FAIL(p, EINVAL,
				 "the first module is %s; expected a Linux "
				 "bzImage or a multiboot kernel",
				 what);
	out->kind_name = kinds[out->kind].name;
	plan_init(p);
	ret = p->bi->efi.present ? 0 : int15_plan(p);
	if (!ret)
		ret = kinds[out->kind].load(p);
	if (!ret)
		plan_run(p);
	return ret;
}

/* What load_l1() works in. */
struct workspace {
	struct plan plan;
	struct memmap map;
	u8 stub[PLAN_STUB_SIZE];
	u8 info[]; /* PLAN_INFO_SIZE and EFI's memory map */
};

int load_l1(const struct boot_info *bi, const struct memmap *l1map,
	    hpa_t l0_start, u64 l0_len, struct l1_image *out, char *err,
	    size_t errsize)
{
	struct mem_region l0 = { l0_start.v, l0_len, 0 };
	u32 info_size = PLAN_INFO_SIZE, npages;
	struct workspace *w;
	int ret;

	if (bi->efi.memmap_len)
		info_size += efi_map_for_l1(&bi->efi, &l0, NULL);
	npages = (u32)((sizeof(*w) + info_size + PAGE_SIZE - 1) >> PAGE_SHIFT);
	w = page_alloc(npages);
	if (!w) {
		snprintf(err, errsize, "no memory in L0 to load L1");
		return -ENOMEM;
	}
	memset(out, 0, sizeof(*out));
	w->map = *l1map;
	w->plan.bi = bi;
	w->plan.map = &w->map;
	w->plan.l0 = l0;
	w->plan.err = err;
	w->plan.errsize = errsize;
	w->plan.info = w->info;
	w->plan.info_size = info_size;
	w->plan.stub = w->stub;
	w->plan.stub_size = sizeof(w->stub);
	w->plan.out = out;
	ret = load_planned(&w->plan, out);
	page_free(w, npages);
	return ret;
}
