/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and writes all memory of the machine that its map does not give it:
 * where L0 lives there is one scratch page, again and again, and nothing of
 * L0; nothing breaks; and afterwards L0 answers on every CPU as before.
 */
/* boot: emus=qemu,bochs,bochs-svm cpus=2 bare timeout=60 */
#include "tests/guests/lib/guest.h"

static struct hole holes[HOLES_MAX];
static u32 nholes;

static u64 sum_page(u64 a)
{
	u64 s = 0;

	for (u64 i = 0; i < PAGE_SIZE; i += 8)
		s = (s << 7 | s >> 57) ^ *(volatile u64 *)(a + i);
	return s;
}

static void write_page(u64 a, u64 v)
{
	for (u64 i = 0; i < PAGE_SIZE; i += 8)
		*(volatile u64 *)(a + i) = v;
}

/* One page everywhere: what is written to the last is read from the first. */
static void probe_l0(const struct hole *h)
{
	u64 first = sum_page(h->start), differ = 0, alias = 0, pages = 0;

	for (u64 a = h->start; a < h->end; a += PAGE_SIZE, pages++)
		differ += sum_page(a) != first;
	check(!differ, "hole-reads-one-page", "%lu of %lu pages differ", differ,
	      pages);
	for (u64 a = h->start; a < h->end; a += PAGE_SIZE) {
		write_page(a, a * 3);
		alias += *(volatile u64 *)h->start == a * 3 &&
			 *(volatile u64 *)(h->end - 8) == a * 3;
	}
	check(alias == pages, "hole-is-one-page", "%lu of %lu", alias, pages);
	__asm__ volatile("lock xaddl %0, (%1)"
			 :
			 : "r"(1), "r"(h->start + 64)
			 : "memory");
	/* an access that is half in RAM, half in the hole */
	*(volatile u64 *)(h->start + 4) = 0x1122334455667788;
	if (ram_is_free(h->start - 8, 8)) {
		*(volatile u64 *)(h->start - 4) = 0x99aabbccddeeff00;
		check_eq(*(volatile u64 *)(h->start - 4), 0x99aabbccddeeff00,
			 "hole-straddled");
	}
}

static void move_apic(void *to)
{
	wrmsr(MSR_APIC_BASE, *(u64 *)to);
}

/* The local APIC's page must not come to lie in front of L0's memory. */
static void probe_apic(const struct hole *h)
{
	u64 was = rdmsr(MSR_APIC_BASE);
	u64 to = (h->start + PAGE_SIZE) | (was & ~PAGE_MASK);

	check_eq((u64)try(move_apic, &to), VEC_GP, "no-apic-before-l0");
	check_eq(rdmsr(MSR_APIC_BASE), was, "apic-stays");
	if (rdmsr(MSR_APIC_BASE) != was)
		wrmsr(MSR_APIC_BASE, was);
}

static void probe_firmware(const struct hole *h)
{
	u64 s = 0;

	for (u64 a = h->start; a < h->end; a += PAGE_SIZE)
		s ^= sum_page(a);
	print("info: %lx to %lx is the firmware's, sum %lx\n", h->start, h->end,
	      s);
}

static void cpuid_works(void *bad)
{
	u32 r[4];

	for (u32 i = 0; i < 100; i++) {
		cpuid(0, 0, r);
		*(u32 *)bad += !r[0] || !r[1];
		*(u32 *)bad += rdmsr(MSR_APIC_BASE) >> 12 != 0xfee00;
	}
}

static void check_l0(void)
{
	u32 ids[MAX_CPUS], n = madt_cpus(ids), bad = 0;

	cpuid_works(&bad);
	check_eq(bad, 0, "l0-answers");
	for (u32 i = 0; i < n; i++) {
		char name[32];

		if (ids[i] == cpu_index())
			continue;
		snprintf(name, sizeof(name), "l0-answers-cpu-%u", ids[i]);
		check(ap_start_cpu(ids[i]) &&
			      ap_call(ids[i], cpuid_works, &bad) && !bad,
		      name, "%u bad", bad);
	}
}

void main(void)
{
	u64 top = machine_top(), lost, first = 0, pages;
	u32 found = 0;

	nholes = find_holes(holes, top);
	print("info: machine's top %lx, map's top %lx, %u holes\n", top,
	      ram_top(), nholes);
	for (u32 i = 0; i < nholes; i++) {
		print("info: hole %lx to %lx\n", holes[i].start, holes[i].end);
		if (hole_is_l0(&holes[i])) {
			probe_l0(&holes[i]);
			probe_apic(&holes[i]);
			found++;
		} else {
			probe_firmware(&holes[i]);
		}
	}
	check(found == on_abyme(), "l0-has-a-hole", "%u found", found);
	lost = ram_test(&first, &pages);
	check(!lost && pages, "ram-is-distinct", "%lu pages lost, first %lx",
	      lost, first);
	check_l0();
}
