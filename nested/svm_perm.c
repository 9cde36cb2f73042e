/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/svm_perm.h"

#include "core/string.h"
#include "svm/svm.h"

static u8 l1_byte(const struct svm_perm *p, u32 off)
{
	const u8 *page = p->l1[off / PAGE_SIZE];

	return page ? __atomic_load_n(&page[off % PAGE_SIZE], __ATOMIC_RELAXED)
		    : 0xff;
}

void svm_perm_init(struct svm_perm *p, u8 *map, const u8 *l0, u32 pages)
{
	memset(p, 0, sizeof(*p));
	memset(map, 0xff, pages * PAGE_SIZE);
	p->map = map;
	p->l0 = l0;
	p->pages = pages;
}

void svm_perm_open(struct svm_perm *p, u32 off)
{
	u32 slot;

	for (u32 i = 0; i < p->n; i++)
		if (p->open[i] == off)
			goto update;
	if (p->n < SVM_PERM_OPEN) {
		slot = p->n++;
	} else {
		slot = p->victim;
		p->victim = (p->victim + 1) % SVM_PERM_OPEN;
		p->map[p->open[slot]] = 0xff;
	}
	p->open[slot] = (u16)off;
update:
	p->map[off] = p->l0[off] | l1_byte(p, off);
}

void svm_perm_refresh(struct svm_perm *p)
{
	for (u32 i = 0; i < p->n; i++) {
		u32 off = p->open[i];

		p->map[off] = p->l0[off] | l1_byte(p, off);
	}
}

bool svm_perm_l1_msr(const struct svm_perm *p, u32 msr, bool write)
{
	int bit = svm_msrpm_bit(msr);

	if (bit < 0)
		return true;
	return l1_byte(p, (u32)bit / 8) >> ((u32)bit % 8 + write) & 1;
}

bool svm_perm_l1_io(const struct svm_perm *p, u16 port, u32 size)
{
	/* three bits more than ports: an access may reach past 0xffff */
	for (u32 i = port; i < (u32)port + size; i++)
		if (l1_byte(p, i / 8) >> i % 8 & 1)
			return true;
	return false;
}
