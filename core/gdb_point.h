/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints and watchpoints of the debugger in debug registers, beside the
 * guest's own, and what an instruction accesses. Pure.
 */
#ifndef CORE_GDB_POINT_H
#define CORE_GDB_POINT_H

#include "core/gdb_rsp.h"
#include "core/insn.h"
#include "core/types.h"

/* DR6, DR7 (SDM 3B, "Debug Registers"). */
#define DR6_HITS BITS(3, 0)
#define DR6_BD BIT(13)
#define DR6_BS BIT(14)
#define DR6_BT BIT(15)
#define DR6_INIT 0xffff0ff0ull
#define DR7_ENABLED BITS(7, 0)
#define DR7_GD BIT(13)
#define DR7_ONE BIT(10)
#define DR7_ZERO (BIT(11) | BIT(12) | BIT(14) | BIT(15))
#define DR7_INIT DR7_ONE

struct dr_set {
	u64 dr[4];
	u64 dr7;
};

struct dr_point {
	u64 la;
	u8 len; /* bytes: 1, 2, 4, 8 */
	enum gdb_bp_type type;
};

/* Can a debug register watch that? */
bool dr_fits(enum gdb_bp_type type, u64 la, u32 len);

/*
 * *out: the guest's registers @guest with @p in one that the guest has not
 * enabled and that is not in *used (4 bits) yet; the register's number. -1:
 * there is none. Start with *out = *guest, *used = 0.
 */
int dr_place(const struct dr_set *guest, const struct dr_point *p,
	     struct dr_set *out, u32 *used);

/* Is register @n enabled in @dr7? */
static inline bool dr_enabled(u64 dr7, u32 n)
{
	return dr7 >> (2 * n) & 3;
}

/*
 * Bytes that the instruction accesses at its memory operand, or on the stack;
 * where that is not known from the encoding, the most that it can be.
 */
u32 insn_access_width(const struct insn *i);

/*
 * The exception that follows when @second comes up during the delivery of
 * @first: @second, #DF, or 0xff for a shutdown (SDM 3A, "Interrupt 8--Double
 * Fault Exception"; APM 2, "#DF--Double-Fault Exception").
 */
#define EXC_SHUTDOWN 0xff
u8 exc_combine(u8 first, u8 second);

#endif
