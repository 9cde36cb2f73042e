/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/icr.h"

#define ICR_MODE_SHIFT 8
#define ICR_MODE_INIT 5
#define ICR_MODE_SIPI 6
#define ICR_LOGICAL BIT(11)
#define ICR_ASSERT BIT(14)
#define ICR_LEVEL BIT(15)
#define ICR_SHORT_SHIFT 18

enum shorthand { SHORT_NONE, SHORT_SELF, SHORT_ALL, SHORT_OTHERS };

enum icr_kind icr_kind(u32 low)
{
	switch (low >> ICR_MODE_SHIFT & 7) {
	case ICR_MODE_INIT:
		if (low & ICR_LEVEL && !(low & ICR_ASSERT))
			return ICR_INIT_DEASSERT;
		return ICR_INIT;
	case ICR_MODE_SIPI:
		return ICR_SIPI;
	}
	return ICR_OTHER;
}

/* Logical ids: flat, or clusters of four (x2APIC: of sixteen, derived from
 * the APIC id). */
static bool logical_match(u32 dest, bool x2apic, const struct icr_cpu *c)
{
	u32 ldr = c->ldr >> 24;

	if (x2apic)
		return dest >> 16 == c->id >> 4 && dest & BIT(c->id & 15);
	if (c->dfr >> 28 == 0xf)
		return dest & ldr;
	return (dest >> 4 == ldr >> 4 || dest >> 4 == 0xf) && dest & ldr & 0xf;
}

bool icr_reaches(u32 low, u32 dest, bool x2apic, bool self,
		 const struct icr_cpu *c)
{
	u32 all = x2apic ? 0xffffffff : 0xff;

	switch (low >> ICR_SHORT_SHIFT & 3) {
	case SHORT_SELF:
		return self;
	case SHORT_ALL:
		return true;
	case SHORT_OTHERS:
		return !self;
	}
	if (dest == all)
		return true;
	if (low & ICR_LOGICAL)
		return logical_match(dest, x2apic, c);
	return x2apic ? dest == c->id : dest == (c->id & 0xff);
}
