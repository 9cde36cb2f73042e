/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FPU, SSE and AVX registers. L0 is built without them, so what the processor
 * holds is the guest's. SDM 1, "FXSAVE Area", "Standard Format of XSAVE Area".
 */
#include "core/err.h"
#include "core/gdb.h"
#include "core/gdb_cmd.h"
#include "core/gdb_regs.h"
#include "core/insns.h"
#include "core/string.h"
#include "core/x86.h"

#define XSAVE_AVX_OFFSET 576
#define XSAVE_HEADER_BV 512
#define XFEATURES_AVX 7u

struct fpu_area {
	u8 b[1024];
} __aligned(64);

/* Where a register lies in the legacy region; size in the area. */
struct fpu_field {
	u16 off;
	u8 size;
};

static const struct fpu_field control[] = {
	[GDB_R_fctrl - GDB_R_fctrl] = { 0, 2 },
	[GDB_R_fstat - GDB_R_fctrl] = { 2, 2 },
	[GDB_R_ftag - GDB_R_fctrl] = { 4, 1 },
	[GDB_R_fiseg - GDB_R_fctrl] = { 12, 2 },
	[GDB_R_fioff - GDB_R_fctrl] = { 8, 4 },
	[GDB_R_foseg - GDB_R_fctrl] = { 20, 2 },
	[GDB_R_fooff - GDB_R_fctrl] = { 16, 4 },
	[GDB_R_fop - GDB_R_fctrl] = { 6, 2 },
};

static struct fpu_field field_of(u32 n)
{
	if (n >= GDB_R_st0 && n <= GDB_R_st7)
		return (struct fpu_field){ (u16)(32 + 16 * (n - GDB_R_st0)),
					   10 };
	if (n >= GDB_R_fctrl && n <= GDB_R_fop)
		return control[n - GDB_R_fctrl];
	if (n >= GDB_R_xmm0 && n <= GDB_R_xmm15)
		return (struct fpu_field){ (u16)(160 + 16 * (n - GDB_R_xmm0)),
					   16 };
	if (n == GDB_R_mxcsr)
		return (struct fpu_field){ 24, 4 };
	if (n >= GDB_R_ymm0h && n <= GDB_R_ymm15h)
		return (struct fpu_field){
			(u16)(XSAVE_AVX_OFFSET + 16 * (n - GDB_R_ymm0h)), 16
		};
	return (struct fpu_field){ 0, 0 };
}

/* AVX state is there when L1 has switched it on in XCR0. */
static bool avx_on(void)
{
	u32 lo, hi;

	if (!(read_cr4() & CR4_OSXSAVE))
		return false;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (lo & XFEATURES_AVX) == XFEATURES_AVX;
}

static void save(struct fpu_area *a, bool avx)
{
	memset(a, 0, sizeof(*a));
	if (avx)
		__asm__ volatile("xsave64 %0"
				 : "+m"(*a)
				 : "a"(XFEATURES_AVX), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "=m"(*a) : : "memory");
}

static void restore(struct fpu_area *a, bool avx)
{
	if (!avx) {
		__asm__ volatile("fxrstor64 %0" : : "m"(*a) : "memory");
		return;
	}
	*(u64 *)(a->b + XSAVE_HEADER_BV) |= XFEATURES_AVX;
	__asm__ volatile("xrstor64 %0"
			 :
			 : "m"(*a), "a"(XFEATURES_AVX), "d"(0)
			 : "memory");
}

/* The area holds one bit a register (1: in use), gdb wants two (3: empty). */
static u32 tag_to_gdb(u8 bits)
{
	u32 tag = 0;

	for (u32 i = 0; i < 8; i++)
		tag |= bits & BIT(i) ? 0 : 3u << 2 * i;
	return tag;
}

static u8 tag_from_gdb(u32 tag)
{
	u8 bits = 0;

	for (u32 i = 0; i < 8; i++)
		bits |= (tag >> 2 * i & 3) == 3 ? 0 : (u8)BIT(i);
	return bits;
}

int gdb_fpu_access(u32 n, u8 *buf, u32 size, bool write)
{
	struct fpu_field f = field_of(n);
	bool avx = avx_on();
	struct fpu_area a;
	u32 tag = 0;

	if (!f.size || (f.off >= XSAVE_AVX_OFFSET && !avx))
		return -ENOENT;
	save(&a, avx);
	if (write) {
		memcpy(a.b + f.off, buf, MIN(f.size, size));
		memcpy(&tag, buf, MIN(size, sizeof(tag)));
		if (n == GDB_R_ftag)
			a.b[f.off] = tag_from_gdb(tag);
		if (n == GDB_R_mxcsr)
			a.b[f.off + 2] = a.b[f.off + 3] = 0; /* or #GP */
		restore(&a, avx);
		return 0;
	}
	memset(buf, 0, size);
	memcpy(buf, a.b + f.off, MIN(f.size, size));
	if (n == GDB_R_ftag) {
		tag = tag_to_gdb(a.b[f.off]);
		memcpy(buf, &tag, sizeof(tag));
	}
	return (int)size;
}
