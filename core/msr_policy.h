/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of L1's MSR accesses L0 sees, and what becomes of them. Pure. */
#ifndef CORE_MSR_POLICY_H
#define CORE_MSR_POLICY_H

#include "core/types.h"

enum msr_action {
	MSR_NATIVE,    /* the processor's own answer */
	MSR_GP,	       /* #GP(0) */
	MSR_IGNORE,    /* a write without effect */
	MSR_APICBASE,  /* native, and remembered */
	MSR_MTRR,      /* native, and memory types follow */
	MSR_EFERREG,   /* what the backend holds of EFER */
	MSR_FEATCTL,   /* IA32_FEATURE_CONTROL with VMX locked off */
	MSR_VMCR,      /* VM_CR with SVM locked off */
	MSR_MISCREG,   /* native, but NX cannot be switched off */
	MSR_XSSREG,    /* native, but for Processor Trace's state */
	MSR_SYSCFGREG, /* native, but memory encryption stays as it is */
};

struct msr_rule {
	u32 first, last; /* both included */
	u8 read, write;	 /* enum msr_action */
};

/* A table of @n rules; MSRs outside of it are MSR_NATIVE and, where a bitmap
 * reaches them, not even intercepted. Nested MSRs come first (nested_ops). */
const struct msr_rule *msr_rules(u32 *n);
enum msr_action msr_action(u32 msr, bool write);
/* May @val be written, natively, to an MSR of that action? */
bool msr_value_ok(u8 action, u64 val);

/* May L1 write @val to SYSCFG, which is @old? Not if it changes memory
 * encryption, or what builds on it. */
bool msr_syscfg_legal(u64 old, u64 val);

#endif
