/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that a single step cannot let the processor run. */
#ifndef CORE_GDB_EMULATE_H
#define CORE_GDB_EMULATE_H

#include "core/step_insn.h"
#include "core/vcpu.h"

enum emulated {
	EMULATE_NOT,   /* the processor's business */
	EMULATE_DONE,  /* RIP is behind it */
	EMULATE_EVENT, /* the next entry delivers what it raised */
};

/*
 * The instruction at RIP, if it is one of those. Whatever would fault is left
 * to the processor. @halt_exits: L1 intercepts HLT and MWAIT of this L2.
 */
enum emulated gdb_emulate(struct vcpu *v, bool halt_exits);

/*
 * An INT n, INT3 or INTO at RIP that exited: its event is the next thing.
 * False: none stands there.
 */
bool gdb_emulate_int(struct vcpu *v);

/* The processor has run it to its end: flags and what it pushed of them. */
void gdb_emulate_finish(struct vcpu *v, u64 before, u64 after);

#endif
