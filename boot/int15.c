/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/load_image.h"
#include "boot/load_plan.h"
#include "core/err.h"
#include "core/string.h"

/* The words at the beginning of int15_stub (boot/int15.S). */
enum stub_field {
	STUB_OLD = 4,
	STUB_COUNT = 8,
	STUB_LOW = 10,
	STUB_HIGH = 12,
	STUB_EXT = 14,
};

#define IVT_INT15 (0x15 * 4)
#define BDA_BASE_KIB 0x413
#define ENTRY_LEN 20u

static u32 stub_len(void)
{
	return (u32)(int15_stub_end - int15_stub);
}

static void fill_stub(struct plan *p)
{
	u8 *s = p->stub, *e;
	u32 kib = ram_kib(p->map, MiB(1));

	memcpy(s, int15_stub, stub_len());
	memcpy(s + STUB_OLD, hpa_ptr(HPA(IVT_INT15)), 4);
	put16(s + STUB_COUNT, (u16)p->map->n);
	put16(s + STUB_LOW, (u16)MIN(kib, 15u << 10));
	put16(s + STUB_HIGH, (u16)MIN(ram_kib(p->map, MiB(16)) >> 6, 0xffffu));
	put16(s + STUB_EXT, (u16)MIN(kib, 63u << 10));
	e = s + stub_len();
	for (u32 i = 0; i < p->map->n; i++, e += ENTRY_LEN) {
		put64(e, p->map->r[i].start);
		put64(e + 8, p->map->r[i].len);
		put32(e + 16, p->map->r[i].type);
	}
}

/*
 * The top of the memory below 640 KiB: what lies there is by old custom taken
 * off the size of base memory, too.
 */
int int15_plan(struct plan *p)
{
	/* room for the entry that the stub's own place adds */
	u64 len = ALIGN_UP(stub_len() + (p->map->n + 2) * ENTRY_LEN, PAGE_SIZE);
	u64 at = plan_find(p, len, PAGE_SIZE, KiB(512), KiB(640), true);
	u8 *words = p->stub + len;
	u16 seg = (u16)(at >> 4);
	int ret;

	if (at == ~0ull || get32(hpa_ptr(HPA(IVT_INT15))) == 0)
		return 0;
	if (len + 8 > p->stub_size || memmap_set(p->map, at, len, MEM_RESERVED))
		return PLAN_FAIL(p, ENOMEM, "no room for INT 15h");
	fill_stub(p);
	put32(words, (u32)seg << 16);
	put16(words + 4, (u16)(at >> 10));
	ret = plan_step(p, at, ptr_hpa(p->stub).v, len);
	if (!ret)
		ret = plan_step(p, IVT_INT15, ptr_hpa(words).v, 4);
	if (!ret)
		ret = plan_step(p, BDA_BASE_KIB, ptr_hpa(words + 4).v, 2);
	return ret;
}
