#include "boot/load.h"
#include "core/string.h"
int load_l1(const struct boot_info *bi, const struct memmap *m, hpa_t l0, u64 l0len, struct l1_image *o, char *err, size_t n)
{
	u8 *img = hpa_ptr(bi->mod[0].start);
	u8 *bp = hpa_ptr(HPA(0x10000));
	u32 ss = img[0x1f1] ? img[0x1f1] : 4, ird = 0;
	u64 len = bi->mod[0].len;
	*o = (struct l1_image){ 0 };
	if (bi->nmods > 1) {
		u64 l = ALIGN_UP(bi->mod[1].len, 4096);
		struct mem_region keep[2] = { { bi->mod[0].start.v, len, 0 }, { bi->mod[1].start.v, bi->mod[1].len, 0 } };
		ird = (u32)memmap_find_high(m, l, 4096, 0x4000000, l0.v, keep, 2);
		memcpy(hpa_ptr(HPA(ird)), hpa_ptr(bi->mod[1].start), bi->mod[1].len);
	}
	memmove(hpa_ptr(HPA(0x1000000)), img + (ss + 1) * 512, len - (ss + 1) * 512);
	u8 hdr[0x300]; memcpy(hdr, img, 0x300);
	memset(bp, 0, 4096);
	memcpy(bp + 0x1f1, hdr + 0x1f1, 0x290 - 0x1f1);
	bp[0x210] = 0xff; bp[0x211] |= 0x80;
	*(u16 *)(bp + 0x224) = 0xfe00;
	char *cl = hpa_ptr(HPA(0x11000));
	memcpy(cl, bi->mod[0].str, strlen(bi->mod[0].str) + 1);
	*(u32 *)(bp + 0x228) = 0x11000;
	*(u32 *)(bp + 0x218) = ird; *(u32 *)(bp + 0x21c) = bi->nmods > 1 ? (u32)bi->mod[1].len : 0;
	u32 k = 0;
	for (u32 i = 0; i < m->n && k < 128; i++, k++) {
		memcpy(bp + 0x2d0 + 20 * k, &m->r[i].start, 8);
		memcpy(bp + 0x2d8 + 20 * k, &m->r[i].len, 8);
		memcpy(bp + 0x2e0 + 20 * k, &m->r[i].type, 4);
	}
	bp[0x1e8] = (u8)k;
	u64 *gdt = hpa_ptr(HPA(0x12000));
	gdt[0] = gdt[1] = 0; gdt[2] = 0x00cf9b000000ffff; gdt[3] = 0x00cf93000000ffff;
	o->gdt = L1PA(0x12000); o->gdt_limit = 31;
	o->eip = 0x1000000; o->esi = 0x10000; o->esp = 0x20000; o->kind_name = "bzImage"; o->size = len;
	return 0;
}
