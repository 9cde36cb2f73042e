/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that the shadow engine takes, on the host: tests/bench/shadow.sh
 * counts those below measured() for each scenario.
 */
#include "core/vcpu.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/shadow.h"
#include "mm/slat.h"
#include "tests/unit/unit.h"

#define MEMORY MiB(64)
#define L0_START MiB(32)
#define L0_LEN MiB(16)
#define TABLES MiB(1)
#define LEAVES_AT (TABLES + 3 * 4096)
#define NR_LEAF_TABLES 4

static struct vm vm;
static struct slat slat;
static struct shadow *sh;
static struct shadow_root *root;
static struct nested_root n12;
static bool fresh, flush;
static bool ept;

static void put(u64 pa, u64 e)
{
	memcpy(unit_memory + pa, &e, 8);
}

static void setup(u64 flags)
{
	u64 table = ept ? 0x107 : 0x27, i;

	unit_memory_init(MEMORY);
	page_init(HPA(L0_START + 4096), L0_LEN - 4096);
	vm.map.n = 6; /* as firmware gives them: a few */
	for (i = 0; i < 4; i++)
		vm.map.r[i] = (struct mem_region){ i * 4096, 4096, MEM_RAM };
	vm.map.r[4] = (struct mem_region){ MiB(1), MiB(31), MEM_RAM };
	vm.map.r[5] = (struct mem_region){ MiB(48), MiB(16), MEM_RAM };
	vm.l0_start = HPA(L0_START);
	vm.l0_len = L0_LEN;
	vm.scratch = HPA(L0_START);
	vm.slat = &slat;
	slat.fmt = ept ? &pt_ept_4 : &pt_npt_4;
	slat.max_page = 3;
	slat.phys_bits = 40;
	if (slat_build(&slat, &vm.map, vm.l0_start, L0_LEN, vm.scratch) ||
	    slat_protect(&slat, L1PA(0xfee00000), HPA(0xfee00000), ACCESS_R) ||
	    shadow_init(&sh, &vm, slat.fmt, 256))
		abort();
	n12 = (struct nested_root){ .fmt = slat.fmt, .root = L1PA(TABLES) };
	if (ept)
		n12.flags = SHADOW_AD;
	put(TABLES, (TABLES + 4096) | table);
	put(TABLES + 4096, (TABLES + 8192) | table);
	for (i = 0; i < NR_LEAF_TABLES; i++)
		put(TABLES + 8192 + i * 8, (LEAVES_AT + i * 4096) | table);
	for (i = 0; i < NR_LEAF_TABLES * 512; i++)
		put(LEAVES_AT + i * 8, (MiB(4) + i * 4096) | flags);
	root = shadow_get(sh, &n12, 1, &fresh);
}

static bool present(u64 gpa)
{
	u64 *t = hpa_ptr(shadow_root_hpa(root)), e;
	u32 l;

	for (l = 4;; l--) {
		e = t[pt_index(slat.fmt, l, gpa)];
		if (!(e & 3) || l == 1 || (e & PT_PS))
			return e & 2;
		t = hpa_ptr(HPA(e & PT_ADDR));
	}
}

static u32 nr_faults;

static void __noinline measured(u64 gpa)
{
	struct shadow_fault f;

	nr_faults++;
	if (shadow_fault(sh, root, L2PA(gpa), ACCESS_W, &f, &flush))
		abort();
}

static void __noinline measured_entry(void)
{
	root = shadow_get(sh, &n12, 1, &fresh);
}

static void __noinline measured_flush(void)
{
	shadow_drop_tag(sh, 1);
	root = shadow_get(sh, &n12, 1, &fresh);
}

static void touch(u32 pages)
{
	u64 i;

	for (i = 0; i < pages; i++)
		if (!present(i * 4096))
			measured(i * 4096);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	u32 pages = argc > 2 ? (u32)atoi(argv[2]) : 512;
	u64 clear, set;

	ept = strstr(what, "ept");
	clear = ept ? 0x37 : 0x7;
	set = ept ? 0x337 : 0x67;
	setup(strstr(what, "clear") ? clear : set);
	if (strstr(what, "fresh"))
		touch(pages);
	if (strstr(what, "again")) {
		measured_flush();
		touch(pages);
	}
	if (strstr(what, "all")) {
		shadow_drop_all(sh);
		measured_entry();
		touch(pages);
	}
	if (strstr(what, "entry"))
		measured_entry();
	printf("%u faults\n", nr_faults);
	return 0;
}
