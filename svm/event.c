/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events and exits as numbers. Pure. */
#include "core/x86.h"
#include "svm/svm.h"

/* "Contributory" (APM 2, #DF, Double-Fault Exception). */
static bool contributory(u64 vector)
{
	return vector < 32 &&
	       BIT(vector) & (BIT(VEC_DE) | BIT(VEC_TS) | BIT(VEC_NP) |
			      BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_CP));
}

u64 svm_exc_event(u64 cr0, u8 vector, u32 error)
{
	u64 ev = EVINJ_V | EVINJ_EXC | vector;

	if (cr0 & CR0_PE)
		ev |= EVINJ_EV | (u64)error << EVINJ_ERROR_SHIFT;
	return ev;
}

u64 svm_combine(u64 first, u64 second)
{
	u64 a = first & EVINJ_VECTOR, b = second & EVINJ_VECTOR;
	bool serious = contributory(b) || b == VEC_PF;

	if (!(first & EVINJ_V) || (first & EVINJ_TYPE) != EVINJ_EXC)
		return second;
	if (a == VEC_DF)
		return serious ? 0 : second;
	if ((contributory(a) && contributory(b)) || (a == VEC_PF && serious))
		return EVINJ_V | EVINJ_EXC | EVINJ_EV | VEC_DF;
	return second;
}

bool svm_saves_nrip(u64 code)
{
	if (code < VMEXIT_EXC)
		return true; /* CR and DR accesses */
	if (code < VMEXIT_EXC + 32) {
		u64 vector = code - VMEXIT_EXC;

		return vector == VEC_BP || vector == VEC_OF || vector == VEC_BR;
	}
	return (code >= VMEXIT_CR0_SEL_WRITE && code <= VMEXIT_MSR) ||
	       (code >= VMEXIT_VMRUN && code <= VMEXIT_RDPRU) ||
	       (code >= VMEXIT_INVLPGB && code <= VMEXIT_TLBSYNC);
}

bool svm_soft_event(u64 ev)
{
	u64 type = ev & EVINJ_TYPE, vector = ev & EVINJ_VECTOR;

	if (!(ev & EVINJ_V))
		return false;
	return type == EVINJ_SOFT ||
	       (type == EVINJ_EXC && (vector == VEC_BP || vector == VEC_OF));
}
