/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mm/guest.h"

#include "core/err.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "core/x86.h"
#include "mm/pt_format.h"
#include "mm/slat.h"

/* ROMs and the BIOS data areas; L1's real-mode code runs there. */
#define ROM_START 0xc0000ull
#define ROM_END 0x100000ull
#define VGA_START 0xa0000ull

/* The region that holds @a, NULL if none. */
static const struct mem_region *find_region(const struct memmap *m, u64 a)
{
	u32 lo = 0, hi = m->n;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		const struct mem_region *r = &m->r[mid];

		if (a < r->start)
			hi = mid;
		else if (a - r->start >= r->len)
			lo = mid + 1;
		else
			return r;
	}
	return NULL;
}

static bool is_ram(const struct mem_region *r)
{
	return r && (r->type == MEM_RAM || r->type == MEM_ACPI ||
		     r->type == MEM_NVS);
}

/* Memory that may be touched without a side effect. */
static bool is_memory(const struct memmap *m, u64 a)
{
	if (a < VGA_START || (a >= ROM_START && a < ROM_END))
		return true;
	return is_ram(find_region(m, a));
}

/* Does L0 have another page there than the one of that address? */
static bool is_moved(const struct vm *vm, u64 a)
{
	const struct slat *s = vm->slat;
	u32 i;

	for (i = 0; s && i < s->nr_watched; i++)
		if (a - s->watched[i].page.v < PAGE_SIZE)
			return s->watched[i].to.v != s->watched[i].page.v;
	return false;
}

/* In one of vm->plain? */
static inline bool is_plain(const struct vm *vm, u64 a)
{
	return a - vm->plain[0].start < vm->plain[0].len ||
	       a - vm->plain[1].start < vm->plain[1].len;
}

static inline bool any_moved(const struct vm *vm)
{
	return vm->slat && vm->slat->nr_moved;
}

static __noinline hpa_t guest_hpa_slow(struct vm *vm, l1pa_t gpa)
{
	u64 offset = gpa.v & (PAGE_SIZE - 1);
	u32 access;

	if (gpa.v - vm->l0_start.v < vm->l0_len)
		return HPA(vm->scratch.v + offset);
	if (!is_memory(&vm->map, gpa.v))
		return HPA_NONE;
	if (is_moved(vm, gpa.v))
		return slat_translate(vm->slat, gpa, &access);
	return HPA(gpa.v);
}

hpa_t guest_hpa(struct vm *vm, l1pa_t gpa)
{
	if (likely(is_plain(vm, gpa.v) && !any_moved(vm)))
		return HPA(gpa.v);
	return guest_hpa_slow(vm, gpa);
}

static void note_piece(struct vm *vm, u64 start, u64 end)
{
	struct ram_piece p = { start, end - start };

	if (start >= end)
		return;
	if (p.len > vm->plain[0].len) {
		vm->plain[1] = vm->plain[0];
		vm->plain[0] = p;
	} else if (p.len > vm->plain[1].len) {
		vm->plain[1] = p;
	}
}

/* Without ACPI's memory, and with L0's cut out. */
void guest_map_init(struct vm *vm)
{
	u64 l0 = vm->l0_start.v, l0_end = l0 + vm->l0_len;

	for (u32 i = 0; i < vm->map.n; i++) {
		const struct mem_region *r = &vm->map.r[i];
		u64 end = r->start + r->len;

		if (r->type != MEM_RAM)
			continue;
		note_piece(vm, r->start, MIN(end, l0));
		note_piece(vm, MAX(r->start, l0_end), end);
	}
}

/* Cut [@from, @to) back so that it keeps @a and loses [@start, @start+@len). */
static void clip(u64 *from, u64 *to, u64 a, u64 start, u64 len)
{
	if (start > a)
		*to = MIN(*to, start);
	else
		*from = MAX(*from, start + len);
}

int guest_ram_span(struct vm *vm, l1pa_t gpa, u64 *start, u64 *len)
{
	const struct mem_region *r = find_region(&vm->map, gpa.v);
	const struct slat *s = vm->slat;
	u64 from, to;
	u32 i;

	if (!is_ram(r) || gpa.v - vm->l0_start.v < vm->l0_len ||
	    is_moved(vm, gpa.v))
		return -EFAULT;
	from = r->start;
	to = r->start + r->len;
	clip(&from, &to, gpa.v, vm->l0_start.v, vm->l0_len);
	for (i = 0; s && i < s->nr_watched; i++)
		if (s->watched[i].to.v != s->watched[i].page.v)
			clip(&from, &to, gpa.v, s->watched[i].page.v,
			     PAGE_SIZE);
	*start = from;
	*len = to - from;
	return 0;
}

void *guest_ptr(struct vm *vm, l1pa_t gpa)
{
	hpa_t h = guest_hpa(vm, gpa);

	return h.v == HPA_NONE.v ? NULL : hpa_ptr(h);
}

static size_t page_rest(u64 addr, size_t n)
{
	size_t rest = PAGE_SIZE - (addr & (PAGE_SIZE - 1));

	return MIN(rest, n);
}

int guest_read(struct vm *vm, l1pa_t from, void *to, size_t n)
{
	u8 *out = to;

	while (n) {
		size_t part = page_rest(from.v, n);
		const void *p = guest_ptr(vm, from);

		if (!p)
			return -EFAULT;
		memcpy(out, p, part);
		out += part;
		from.v += part;
		n -= part;
	}
	return 0;
}

int guest_write(struct vm *vm, l1pa_t to, const void *from, size_t n)
{
	const u8 *in = from;

	while (n) {
		size_t part = page_rest(to.v, n);
		void *p = guest_ptr(vm, to);

		if (!p)
			return -EFAULT;
		if (unlikely(vm->slat && vm->slat->nr_guards) &&
		    slat_guarded(vm->slat, to))
			slat_unguard(vm->slat, to);
		memcpy(p, in, part);
		in += part;
		to.v += part;
		n -= part;
	}
	return 0;
}

/* ------------------------------------------------------------------------ */
/* L1's own page tables.						     */

static void *l1_table(void *vm, u64 pa)
{
	void *p = guest_ptr(vm, L1PA(pa));

	return p ? p : PT_NO_MEMORY;
}

static const struct pt_format *format_of(const struct paging *p)
{
	if (!(p->cr4 & CR4_PAE))
		return &pt_x86_32;
	if (!(p->efer & EFER_LMA))
		return &pt_x86_pae;
	return p->cr4 & CR4_LA57 ? &pt_x86_5 : &pt_x86_4;
}

static u64 root_of(const struct paging *p, const struct pt_format *f)
{
	if (f == &pt_x86_32)
		return p->cr3 & BITS(31, 12);
	if (f == &pt_x86_pae)
		return p->cr3 & BITS(31, 5);
	return p->cr3 & PT_ADDR;
}

/* SDM 3A, "PAE Paging": with PDPTEs loaded, CR3 is not looked at again. */
static enum pt_result walk_pdpte(const struct paging *p, u64 la,
				 const struct pt_mode *m, struct vm *vm,
				 struct pt_walk *w)
{
	u64 e = p->pdpte[la >> 30];

	if (!(e & PT_P))
		return PT_NOT_PRESENT;
	return pt_walk(m, e & PT_ADDR, la & (GiB(1) - 1), l1_table, vm, w);
}

static u64 mode_flags(const struct paging *p)
{
	return PT_1G | (p->efer & EFER_NXE ? PT_NX : 0) |
	       (p->cr4 & CR4_PSE ? PT_PSE : 0);
}

/* The mode for @f and @flags: the one kept, or made in @room. */
static const struct pt_mode *mode_of(const struct paging *p,
				     const struct pt_format *f, u64 flags,
				     struct pt_mode *room)
{
	struct pt_mode *m = p->kept ? p->kept : room;

	if (!p->kept || m->fmt != f || m->flags != flags ||
	    m->phys_bits != p->phys_bits)
		pt_mode_init(m, f, p->phys_bits, flags);
	return m;
}

/* *mp: the mode walked in, made in @room where none is kept. */
static enum pt_result walk(struct vm *vm, const struct paging *p, u64 la,
			   struct pt_mode *room, const struct pt_mode **mp,
			   struct pt_walk *w)
{
	const struct pt_format *f = format_of(p);
	const struct pt_mode *m;
	u64 flags = mode_flags(p);

	if (f == &pt_x86_pae && p->pdpte_valid) {
		*mp = m = mode_of(p, &pt_x86_pae_pd, flags, room);
		return walk_pdpte(p, la, m, vm, w);
	}
	*mp = m = mode_of(p, f, flags, room);
	return pt_walk(m, root_of(p, f), la & BITS(f->in_bits - 1, 0), l1_table,
		       vm, w);
}

/* SDM 3A, "Protection Keys": does the key of leaf @e forbid the access? */
static bool key_denies(const struct paging *p, u64 e, u32 access, bool user)
{
	u64 on = user ? CR4_PKE : CR4_PKS;
	u32 reg = user ? p->pkru : p->pkrs;
	u32 key = reg >> (2 * (e >> 59 & 15)) & 3;

	if (!(p->cr4 & on) || !(p->efer & EFER_LMA) || (access & ACCESS_X))
		return false;
	if (key & 1)
		return true;
	return (key & 2) && (access & ACCESS_W) &&
	       ((access & ACCESS_U) || (p->cr0 & CR0_WP));
}

/* SDM 3A, "Determination of Access Rights". @rights: of the walk. */
static bool denied(const struct paging *p, u32 rights, u32 access)
{
	bool user_page = rights & ACCESS_U;

	if ((access & ACCESS_X) && !(rights & ACCESS_X))
		return true;
	if (access & ACCESS_U)
		return !user_page ||
		       ((access & ACCESS_W) && !(rights & ACCESS_W));
	if (user_page && (access & ACCESS_X) && (p->cr4 & CR4_SMEP))
		return true;
	/* A supervisor access at CPL 3 is an implicit one: AC has no say. */
	if (user_page && !(access & ACCESS_X) && (p->cr4 & CR4_SMAP) &&
	    (p->cpl == 3 || !(p->rflags & RFLAGS_AC)))
		return true;
	return (access & ACCESS_W) && (p->cr0 & CR0_WP) && !(rights & ACCESS_W);
}

static int page_fault(const struct paging *p, u64 la, u32 access,
		      enum pt_result r, bool key, struct walk_fault *f)
{
	bool nx = (p->efer & EFER_NXE) && (p->cr4 & CR4_PAE);

	f->addr = la;
	f->reserved = r == PT_RESERVED;
	f->present = r != PT_NOT_PRESENT;
	f->error = (f->present ? PF_P : 0) | (f->reserved ? PF_RSV : 0) |
		   (access & ACCESS_W ? PF_W : 0) |
		   (access & ACCESS_U ? PF_U : 0) | (key ? PF_PK : 0);
	if ((access & ACCESS_X) && (nx || (p->cr4 & CR4_SMEP)))
		f->error |= PF_I;
	return -EFAULT;
}

/* Another CPU may change an entry between its reading and the setting of its
 * accessed flag; more often than this it is not done in good faith. */
#define RETRIES 64

int walk_l1(struct vm *vm, const struct paging *p, gva_t la, u32 access,
	    l1pa_t *out, struct walk_fault *f)
{
	const struct pt_mode *m;
	struct pt_mode room;
	struct pt_walk w;
	enum pt_result r;
	bool key;
	u32 i;

	if (!(p->efer & EFER_LMA))
		la.v &= BITS(31, 0);
	*out = L1PA(la.v);
	if (!(p->cr0 & CR0_PG))
		return 0;
	for (i = 0; i < RETRIES; i++) {
		w.rights = 0; /* no PDPTE: nothing is walked */
		r = walk(vm, p, la.v, &room, &m, &w);
		if (r != PT_OK)
			return page_fault(p, la.v, access, r, false, f);
		key = key_denies(p, w.entry[w.level], access,
				 w.rights & ACCESS_U);
		if (key || denied(p, w.rights, access))
			return page_fault(p, la.v, access, r, key, f);
		if (pt_set_ad(m, &w, access & ACCESS_W)) {
			*out = L1PA(w.addr);
			return 0;
		}
	}
	return page_fault(p, la.v, access, PT_NOT_PRESENT, false, f);
}

u32 paging_rights(const struct paging *p, gva_t la, pt_mem_fn *mem, void *ctx)
{
	const struct pt_format *f = format_of(p);
	const struct pt_mode *m;
	struct pt_mode room;
	struct pt_walk w;

	m = mode_of(p, f, mode_flags(p), &room);
	if (pt_walk(m, root_of(p, f), la.v & BITS(f->in_bits - 1, 0), mem, ctx,
		    &w) != PT_OK)
		return 0;
	return w.rights;
}

/* Not RAM behind a translation: no #PF; error 0 and address ~0 say so. */
static int not_memory(struct walk_fault *f)
{
	*f = (struct walk_fault){ .addr = ~0ull };
	return -EIO;
}

int guest_read_va(struct vm *vm, const struct paging *p, gva_t a, void *to,
		  size_t n, struct walk_fault *f)
{
	u32 access = ACCESS_R | (p->cpl == 3 ? ACCESS_U : 0);
	u8 *out = to;
	l1pa_t pa;

	while (n) {
		size_t part = page_rest(a.v, n);

		if (walk_l1(vm, p, a, access, &pa, f))
			return -EFAULT;
		if (guest_read(vm, pa, out, part))
			return not_memory(f);
		out += part;
		a.v += part;
		n -= part;
	}
	return 0;
}

int guest_write_va(struct vm *vm, const struct paging *p, gva_t a,
		   const void *from, size_t n, struct walk_fault *f)
{
	u32 access = ACCESS_W | (p->cpl == 3 ? ACCESS_U : 0);
	size_t first = page_rest(a.v, n);
	const u8 *in = from;
	l1pa_t pa, pa2;

	/* Both pages are checked, the lower one first, before either is
	 * written. */
	if (n > first && (walk_l1(vm, p, a, access, &pa, f) ||
			  walk_l1(vm, p, GVA(a.v + first), access, &pa2, f)))
		return -EFAULT;
	while (n) {
		size_t part = page_rest(a.v, n);

		if (walk_l1(vm, p, a, access, &pa, f))
			return -EFAULT;
		if (guest_write(vm, pa, in, part))
			return not_memory(f);
		in += part;
		a.v += part;
		n -= part;
	}
	return 0;
}
