/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an instruction does with TF and IF, for a single step that runs it with
 * TF set and IF clear. Pure.
 */
#ifndef CORE_STEP_INSN_H
#define CORE_STEP_INSN_H

#include "core/insn.h"
#include "core/types.h"

enum step_kind {
	STEP_PLAIN, /* leaves both alone, shows them to nobody */
	STEP_WRMSR, /* the same; may write DEBUGCTL */
	STEP_PUSHF, /* shows them on the stack */
	STEP_POPF,  /* loads both */
	STEP_IRET,  /* the same */
	STEP_CLI,
	STEP_SYSENTER, /* clears IF */
	STEP_INT,      /* INT n, INT3, INTO, INT1: shows and clears them */
	STEP_SYSCALL,  /* shows them in R11 */
	STEP_SYSRET,   /* loads them after TF was looked at */
	STEP_HALT,     /* HLT, MWAIT: waits for what is held off */
	STEP_STI,      /* may hold TF's trap off */
	STEP_MOV_SS,   /* MOV SS, POP SS: holds TF's trap off */
};

struct step_insn {
	enum step_kind kind;
	u8 vector; /* STEP_INT */
	struct insn i;
};

/* What stands in @bytes; STEP_PLAIN where that is not known. @rflags: INTO. */
void step_insn_decode(struct step_insn *s, const u8 *bytes, size_t n, u32 mode,
		      u64 rflags);

/*
 * RFLAGS after the instruction: @after as the processor left them, @before as
 * the guest had them (not as they were for the step).
 */
u64 step_insn_flags(enum step_kind kind, u64 before, u64 after, u32 cpl);

#define STEP_MASK (RFLAGS_TF | RFLAGS_IF)

/* --- SYSCALL and SYSRET ---------------------------------------------------- */

struct step_syscall {
	/* in */
	u64 rip; /* SYSCALL: of the next instruction */
	u64 rflags, rcx, r11;
	u64 star, sfmask;
	u64 target;    /* SYSCALL: LSTAR, or CSTAR for compatibility mode */
	bool wide;     /* SYSRET: to 64-bit code */
	bool not_long; /* not in long mode (AMD) */
	bool not_64;   /* SYSRET: not from 64-bit code (AMD) */
	/* out, with rip, rflags, rcx, r11 */
	u16 cs, ss;
	u32 cs_attr, ss_attr; /* as struct segment.attr; base 0, limit ~0 */
};

/* APM 3, "SYSCALL", "SYSRET"; SDM 2B, the same. */
void step_syscall(struct step_syscall *c);
/* False: RCX is not canonical (left to the processor). */
bool step_sysret(struct step_syscall *c);

#endif
