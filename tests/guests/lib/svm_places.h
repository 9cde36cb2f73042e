/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places that an event can find L2 in: modes, rings and stacks, each with
 * tables of L2's own. Every handler there is a VMMCALL, so that L1 sees the
 * state right behind a delivery; and what that state has to be.
 */
#ifndef TESTS_GUESTS_LIB_SVM_PLACES_H
#define TESTS_GUESTS_LIB_SVM_PLACES_H

#include "tests/guests/lib/svm.h"

#define VEC_B 0x52 /* any interrupt's */

enum place_id { LONG, IST, USER, USER_IST, COMPAT, PM32, PM32_USER, REAL, V86 };

struct place {
	const char *name;
	void (*set)(void);
	u32 slot;	 /* bytes of each thing that is pushed */
	bool outer;	 /* the stack is another one: SS and RSP are pushed */
	const void *top; /* where that begins; NULL: L2's own */
	u16 cs, ss;	 /* of the handler; PLACE_SS_ANY: emulators differ */
	enum emulator emu;
};
#define PLACE_SS_ANY 0xffff
#define NR_PLACES (V86 + 1)
extern const struct place places[NR_PLACES];

/* The L2 that all of this is about, and its tables. */
extern struct l2 l2;
extern u64 idt64[512], idt32[256];
struct tss64 {
	u32 reserved0;
	u64 rsp[3], reserved1, ist[7], reserved2;
	u16 reserved3, iomap;
} __packed;
extern struct tss64 tss64;

/* Once: the handlers of real mode. */
void places_init(void);
/* L2 there, @event in EVENTINJ; nested paging by @npt unless NULL. */
void place_prepare(const struct place *p, u64 event, u64 *npt);
/* The gate of @v in all tables; a type and DPL for VEC_B, #BP and #OF that
 * lets CPL 3 through. */
void place_gate(u32 v, u32 attr, u32 ist);
u32 place_gate_attr(u32 v);

#define PLACE_CR2 0xabc000ull /* in CR2, */
#define PLACE_NEXT 2	      /* and nRIP is so far from RIP */

/* What an event interrupts. */
struct outer {
	u64 rip, cs, rflags, rsp, ss;
};
struct outer interrupted(void);

/* --- one case: a PASS line, or FAIL and KNOWN lines for what is wrong -------- */
struct known {
	enum emulator emu;
	const char *what, *part, *fault; /* parts of the two names */
};
void case_knowns(const struct known *k, u32 n);
/* False: the emulator would end by it. */
bool case_begin(const struct place *p, const char *name, const char *more);
void case_end(void);
void same(const char *part, u64 got, u64 want);
#define NO_ERROR (~0ull)
#define ANY_ERROR (~1ull) /* the manual does not say */
/* But for bit 0, EXT, in which emulators differ. */
void same_error(const char *part, u64 got, u64 want);
/* L2 is entered, and exits with @code. */
bool run_to(u64 code);
/* L2 stands at the handler of @vector, which has interrupted @o. */
void at_handler(const struct place *p, u32 vector, const struct outer *o,
		u64 error);
/* Its frame is where it belongs. */
void same_stack(const struct place *p, const struct outer *o, u64 error);

#endif
