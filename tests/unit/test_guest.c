/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: mm/guest.c mm/slat.c mm/page.c mm/mtrr.c mm/pt_format.c */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/vcpu.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "mm/slat.h"
#include "tests/unit/naive.h"

#define MEMORY MiB(16)
#define L0_START MiB(8)
#define L0_LEN MiB(2)
#define TABLES MiB(2)
#define NR_TABLES 20u
#define PHYS_BITS 36

static struct vm vm;
static struct slat slat;
static struct paging p;
static struct naive_mode m;
static struct walk_fault f;

static void setup(void)
{
	unit_memory_init(MEMORY);
	memset(&vm, 0, sizeof(vm));
	memset(&slat, 0, sizeof(slat));
	vm.map.n = 3;
	vm.map.r[0] = (struct mem_region){ 0, 0x9f000, MEM_RAM };
	vm.map.r[1] = (struct mem_region){ MiB(1), MiB(7), MEM_RAM };
	vm.map.r[2] = (struct mem_region){ MiB(10), MiB(6), MEM_ACPI };
	vm.l0_start = HPA(L0_START);
	vm.l0_len = L0_LEN;
	vm.scratch = HPA(L0_START);
}

TEST(guest_memory_only)
{
	u8 buf[8192];

	setup();
	CHECK_EQ(guest_hpa(&vm, L1PA(0)).v, 0);
	CHECK_EQ(guest_hpa(&vm, L1PA(0x9fc00)).v, 0x9fc00);
	CHECK_EQ(guest_hpa(&vm, L1PA(0xa0000)).v, HPA_NONE.v);
	CHECK_EQ(guest_hpa(&vm, L1PA(0xf0000)).v, 0xf0000);
	CHECK_EQ(guest_hpa(&vm, L1PA(MiB(16))).v, HPA_NONE.v);
	CHECK_EQ(guest_hpa(&vm, L1PA(0xfee00000)).v, HPA_NONE.v);
	CHECK_EQ(guest_hpa(&vm, L1PA(~0ull)).v, HPA_NONE.v);
	CHECK_EQ(guest_hpa(&vm, L1PA(L0_START + 5 * 4096 + 7)).v, L0_START + 7);
	CHECK(guest_ptr(&vm, L1PA(MiB(1))) == unit_memory + MiB(1));
	CHECK(guest_ptr(&vm, L1PA(MiB(64))) == NULL);
	CHECK_EQ(guest_read(&vm, L1PA(MiB(16) - 4), buf, 8), -EFAULT);
	CHECK_EQ(guest_read(&vm, L1PA(MiB(16) - 4), buf, 4), 0);
}

TEST(guest_guard_moves_nothing)
{
	setup();
	vm.slat = &slat;
	slat.nr_watched = slat.nr_guards = 1;
	slat.watched[0] = (struct slat_watched){ .page = L1PA(MiB(2)),
						 .to = HPA(MiB(2)),
						 .guard = true };
	CHECK_EQ(guest_hpa(&vm, L1PA(MiB(2) + 5)).v, MiB(2) + 5);
	CHECK(slat_guarded(&slat, L1PA(MiB(2) + 5)));
}

/* The short cut for plain RAM changes no answer, L0's memory included. */
TEST(guest_plain_pieces)
{
	static u64 before[4096];

	for (u32 in = 0; in < 2; in++) {
		setup();
		if (in) /* a map that still has L0 in it */
			vm.map.r[1].len = MiB(9);
		vm.map.n = in ? 2 : 3;
		for (u64 i = 0; i < ARRAY_SIZE(before); i++)
			before[i] = guest_hpa(&vm, L1PA(i * 4099)).v;
		guest_map_init(&vm);
		CHECK_EQ(vm.plain[0].start, MiB(1));
		CHECK_EQ(vm.plain[0].len, MiB(7));
		CHECK_EQ(vm.plain[1].len, 0x9f000);
		for (u64 i = 0; i < ARRAY_SIZE(before); i++)
			CHECK_EQ(guest_hpa(&vm, L1PA(i * 4099)).v, before[i]);
		vm.slat = &slat;
		slat.nr_watched = 1;
		slat.watched[0].page = L1PA(MiB(2));
		CHECK_EQ(guest_hpa(&vm, L1PA(MiB(3))).v, MiB(3));
	}
}

TEST(guest_copies_across_pages)
{
	u8 a[9000], b[9000];
	u32 i;

	setup();
	for (i = 0; i < sizeof(a); i++)
		a[i] = (u8)unit_random();
	CHECK_EQ(guest_write(&vm, L1PA(MiB(3) + 100), a, sizeof(a)), 0);
	CHECK_EQ(memcmp(unit_memory + MiB(3) + 100, a, sizeof(a)), 0);
	CHECK_EQ(guest_read(&vm, L1PA(MiB(3) + 100), b, sizeof(b)), 0);
	CHECK_EQ(memcmp(a, b, sizeof(a)), 0);
	/* Over L0's edge: what lies behind it stays as it was. */
	memset(unit_memory + L0_START, 0x77, L0_LEN);
	CHECK_EQ(guest_write(&vm, L1PA(L0_START - 50), a, sizeof(a)), 0);
	CHECK_EQ(unit_memory[L0_START + 4096], 0x77);
	CHECK_EQ(unit_memory[L0_START + 4097], 0x77);
	CHECK_EQ(unit_memory[L0_START - 1], a[49]);
}

TEST(guest_ram_spans)
{
	u64 start, len;

	setup();
	vm.slat = &slat;
	slat.nr_watched = 1;
	slat.watched[0].page = L1PA(MiB(4));
	CHECK_EQ(guest_ram_span(&vm, L1PA(MiB(2)), &start, &len), 0);
	CHECK(start == MiB(1) && len == MiB(3));
	CHECK_EQ(guest_ram_span(&vm, L1PA(MiB(5)), &start, &len), 0);
	CHECK(start == MiB(4) + 4096 && start + len == MiB(8));
	CHECK_EQ(guest_ram_span(&vm, L1PA(MiB(4) + 5), &start, &len), -EFAULT);
	CHECK_EQ(guest_ram_span(&vm, L1PA(L0_START), &start, &len), -EFAULT);
	CHECK_EQ(guest_ram_span(&vm, L1PA(0xf0000), &start, &len), -EFAULT);
}

/* ------------------------------------------------------------------------ */

static u64 rd(u64 pa, unsigned size)
{
	u64 v = 0;

	if (pa + size > MEMORY)
		return size == 8 ? ~0ull : 0xffffffff;
	memcpy(&v, unit_memory + pa, size);
	return v;
}

static u64 rnd(u64 n)
{
	return unit_random() % n;
}

static u64 random_entry(void)
{
	u64 e;

	if (rnd(16) == 0)
		return 0;
	e = TABLES + rnd(NR_TABLES) * 4096;
	e |= PT_P | (unit_random() & 0x66);
	if (rnd(3))
		e |= PT_W | PT_U;
	if (rnd(8) == 0)
		e |= PT_PS;
	if (m.kind == N_32)
		return e;
	if (rnd(16) == 0)
		e |= PT_NX_BIT;
	if (m.kind != N_PAE && rnd(4) == 0)
		e |= rnd(16) << 59;
	if (rnd(40) == 0)
		e |= BIT(PHYS_BITS + rnd(16));
	return e;
}

static void random_tables(void)
{
	u32 size = m.kind == N_32 ? 4 : 8, t, i;

	for (t = 0; t < NR_TABLES; t++)
		for (i = 0; i < 16; i++) {
			u64 e = random_entry();

			if (m.kind == N_PAE && t == 0)
				e &= rnd(8) ? ~(BITS(2, 1) | BITS(8, 5) |
						BITS(63, 52))
					    : ~0ull;
			memcpy(unit_memory + TABLES + t * 4096 + i * size, &e,
			       size);
		}
}

static struct pt_mode kept; /* of whatever mode came before */

static void random_mode(enum naive_kind k)
{
	static const u64 cr4[] = { [N_32] = 0,
				   [N_PAE] = CR4_PAE,
				   [N_4] = CR4_PAE,
				   [N_5] = CR4_PAE | CR4_LA57 };
	u64 bits = CR4_PSE | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PKS;

	p = (struct paging){ .cr0 = CR0_PE | CR0_PG | (rnd(2) ? CR0_WP : 0),
			     .cr3 = TABLES,
			     .cr4 = cr4[k] | (unit_random() & bits),
			     .efer = (rnd(2) ? EFER_NXE : 0) |
				     (k >= N_4 ? EFER_LMA | EFER_LME : 0),
			     .rflags = rnd(2) ? RFLAGS_AC : 0,
			     .cpl = rnd(2) ? 3 : 0,
			     .phys_bits = PHYS_BITS,
			     .pkru = (u32)unit_random(),
			     .pkrs = (u32)unit_random(),
			     .kept = rnd(2) ? &kept : NULL };
	m = (struct naive_mode){ .kind = k,
				 .nx = p.efer & EFER_NXE,
				 .pse = p.cr4 & CR4_PSE,
				 .has_1g = true,
				 .phys_bits = PHYS_BITS,
				 .rd = rd };
}

/* The #PF error code, or 0: SDM 3A, "Access Rights" and "Page-Fault
 * Exceptions", in words of the tests' own. */
static u32 expected_error(const struct naive *n, u32 access)
{
	bool user = access & ACCESS_U, write = access & ACCESS_W;
	bool fetch = access & ACCESS_X, ok = true, pk = false;
	u32 code = (write ? 2 : 0) | (user ? 4 : 0);

	if (fetch && ((m.nx && m.kind != N_32) || (p.cr4 & CR4_SMEP)))
		code |= 16;
	if (n->res == NAIVE_NP)
		return code | 0x80000000; /* so that it is not 0 */
	if (n->res == NAIVE_RSV)
		return code | 1 | 8;
	if (user && !n->u)
		ok = false;
	if (write && !n->w && (user || (p.cr0 & CR0_WP)))
		ok = false;
	if (fetch && !n->x)
		ok = false;
	if (!user && n->u) {
		if (fetch && (p.cr4 & CR4_SMEP))
			ok = false;
		if (!fetch && (p.cr4 & CR4_SMAP) &&
		    !(p.cpl < 3 && (p.rflags & RFLAGS_AC)))
			ok = false;
	}
	if (m.kind >= N_4 && !fetch && (p.cr4 & (n->u ? CR4_PKE : CR4_PKS))) {
		u32 key =
			(n->u ? p.pkru : p.pkrs) >> (2 * (n->leaf >> 59 & 15));

		if ((key & 1) ||
		    ((key & 2) && write && (user || (p.cr0 & CR0_WP))))
			pk = true;
	}
	if (pk)
		code |= 32;
	return ok && !pk ? 0 : code | 1;
}

static u64 random_la(void)
{
	static const u8 levels[] = { 2, 3, 4, 5 };
	u64 la = rnd(4096);
	u32 i, shift = 12;

	for (i = 0; i < levels[m.kind]; i++) {
		la |= rnd(m.kind == N_PAE && i == 2 ? 4 : 16) << shift;
		shift += m.kind == N_32 ? 10 : 9;
	}
	return la;
}

static void *table_at(void *ctx, u64 pa)
{
	return pa + 8 > MEMORY ? PT_NO_MEMORY : unit_memory + pa;
}

static void check_rights(u64 la, const struct naive *n)
{
	u32 rights = paging_rights(&p, GVA(la), table_at, NULL);

	if (n->res != NAIVE_OK) {
		CHECK_EQ(rights, 0);
		return;
	}
	CHECK_EQ(!(rights & ACCESS_U), !n->u);
	CHECK_EQ(!(rights & ACCESS_W), !n->w);
	CHECK_EQ(!(rights & ACCESS_X), !n->x);
}

static u32 walks_ok;

static void one_walk(void)
{
	static const u8 accesses[] = { ACCESS_R, ACCESS_W, ACCESS_X,
				       ACCESS_R | ACCESS_W };
	u32 access = accesses[rnd(4)] | (rnd(2) ? ACCESS_U : 0), want;
	u64 la = random_la();
	struct naive n = naive_walk(&m, p.cr3, la);
	l1pa_t out;
	int err;

	check_rights(la, &n);
	want = expected_error(&n, access);
	err = walk_l1(&vm, &p, GVA(la), access, &out, &f);
	CHECK_EQ(err, want ? -EFAULT : 0);
	if (err) {
		CHECK_EQ(f.error, want & 0x7fffffff);
		CHECK_EQ(f.addr, la);
		CHECK_EQ(f.present, n.res != NAIVE_NP);
		CHECK_EQ(f.reserved, n.res == NAIVE_RSV);
		return;
	}
	walks_ok++;
	CHECK_EQ(out.v, n.addr);
	n = naive_walk(&m, p.cr3, la);
	CHECK(n.accessed && (n.dirty || !(access & ACCESS_W)));
}

TEST(guest_walks_as_hardware)
{
	u32 round, i;

	setup();
	for (round = 0; round < 400; round++) {
		random_mode(round % 4);
		random_tables();
		for (i = 0; i < 50; i++)
			one_walk();
	}
	CHECK(walks_ok > 1000 && walks_ok < 10000);
}

TEST(guest_walk_leaves_the_rest_alone)
{
	l1pa_t out;
	u64 e = MiB(3) | PT_P | PT_W | PT_U;

	setup();
	random_mode(N_4);
	p.cr4 = CR4_PAE;
	memset(unit_memory + TABLES, 0, 4096);
	e = TABLES | PT_P; /* the root is all levels; read-only for users */
	memcpy(unit_memory + TABLES, &e, 8);
	p.cr0 &= ~CR0_WP;
	CHECK_EQ(walk_l1(&vm, &p, GVA(0), ACCESS_R | ACCESS_U, &out, &f),
		 -EFAULT);
	CHECK_EQ(rd(TABLES, 8), TABLES | PT_P); /* a fault sets no flag */
	CHECK_EQ(walk_l1(&vm, &p, GVA(9), ACCESS_W, &out, &f), 0);
	CHECK_EQ(out.v, TABLES + 9);
	CHECK_EQ(rd(TABLES, 8), TABLES | PT_P | PT_A | PT_D);
	/* Paging off: the address itself, of 32 bits. */
	p.cr0 = CR0_PE;
	p.efer = 0;
	CHECK_EQ(walk_l1(&vm, &p, GVA(0x123456789), ACCESS_W, &out, &f), 0);
	CHECK_EQ(out.v, 0x23456789);
	/* Long mode, the upper half: 48 bits count. */
	random_mode(N_4);
	p.cr4 = CR4_PAE;
	e = TABLES | PT_P | PT_A | PT_D;
	memcpy(unit_memory + TABLES + 4088, &e, 8);
	CHECK_EQ(walk_l1(&vm, &p, GVA(~0ull), ACCESS_R, &out, &f), 0);
	CHECK_EQ(out.v, TABLES + 4095);
}

TEST(guest_walks_loaded_pdptes)
{
	l1pa_t out;
	u64 e;

	setup();
	random_mode(N_PAE);
	p.cr4 = CR4_PAE;
	p.pdpte_valid = true;
	p.pdpte[1] = (TABLES + 4096) | PT_P;
	p.cr3 = MiB(100); /* not looked at */
	e = MiB(6) | PT_P | PT_W | PT_PS;
	memcpy(unit_memory + TABLES + 4096 + 8, &e, 8);
	CHECK_EQ(walk_l1(&vm, &p, GVA(GiB(1) + MiB(2) + 3), ACCESS_W, &out, &f),
		 0);
	CHECK_EQ(out.v, MiB(6) + 3);
	CHECK_EQ(walk_l1(&vm, &p, GVA(0), ACCESS_W, &out, &f), -EFAULT);
	CHECK_EQ(f.error, PF_W);
}

TEST(guest_linear_copies)
{
	u8 a[6000], b[6000];
	u64 e;
	u32 i;

	setup();
	random_mode(N_4);
	p.cr4 = CR4_PAE;
	p.cpl = 0;
	e = TABLES | PT_P | PT_W | PT_U;
	memset(unit_memory + TABLES, 0, 8192);
	memcpy(unit_memory + TABLES, &e, 8);
	/* The root is every level's table: pages 1, 2 and 3 in it. */
	e = MiB(5) | PT_P | PT_W | PT_U;
	memcpy(unit_memory + TABLES + 8, &e, 8);
	e = MiB(4) | PT_P | PT_W | PT_U;
	memcpy(unit_memory + TABLES + 16, &e, 8);
	e = 0xa0000 | PT_P | PT_W | PT_U;
	memcpy(unit_memory + TABLES + 24, &e, 8);
	for (i = 0; i < sizeof(a); i++)
		a[i] = (u8)unit_random();
	CHECK_EQ(guest_write_va(&vm, &p, GVA(4096), a, sizeof(a), &f), 0);
	CHECK_EQ(memcmp(unit_memory + MiB(5), a, 4096), 0);
	CHECK_EQ(memcmp(unit_memory + MiB(4), a + 4096, sizeof(a) - 4096), 0);
	CHECK_EQ(guest_read_va(&vm, &p, GVA(4096), b, sizeof(b), &f), 0);
	CHECK_EQ(memcmp(a, b, sizeof(a)), 0);
	CHECK_EQ(guest_read_va(&vm, &p, GVA(3 * 4096), b, 4, &f), -EIO);
	/* The second page is missing: the first stays as it was. */
	memset(unit_memory + TABLES + 16, 0, 8);
	memset(unit_memory + MiB(5), 0x11, 4096);
	CHECK_EQ(guest_write_va(&vm, &p, GVA(4096 + 4000), a, 200, &f),
		 -EFAULT);
	CHECK_EQ(f.addr, 2 * 4096);
	CHECK_EQ(f.error, PF_W);
	CHECK_EQ(unit_memory[MiB(5) + 4000], 0x11);
}
