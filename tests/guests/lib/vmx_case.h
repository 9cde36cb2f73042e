/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM entry with something wrong, as a row of a table: what is changed of a
 * good VMCS, and how the entry must end.
 */
#ifndef TESTS_GUESTS_LIB_VMX_CASE_H
#define TESTS_GUESTS_LIB_VMX_CASE_H

#include "tests/guests/lib/vmx.h"

enum how { END, SET, CLEAR, VALUE };

struct mod {
	u32 field;
	enum how how;
	u64 v;
};

#define CTL 7u	/* VMfailValid: controls */
#define HOST 8u /* VMfailValid: host state */
#define GUEST (u32)(REASON_BAD_GUEST | EXIT_ENTRY_FAILURE)
#define MSRS (u32)(REASON_BAD_MSR_LOAD | EXIT_ENTRY_FAILURE)
#define FINE 0u
#define HIGH BIT(60) /* no address, no canonical one */
#define PROC_ON(bits)                       \
	{                                   \
		VMCS_PROC_CTLS, SET, (bits) \
	}
#define PROC2_ON(bits)                       \
	PROC_ON(PROC_PROC2),                 \
	{                                    \
		VMCS_PROC2_CTLS, SET, (bits) \
	}
#define INJECT(v)                                             \
	{                                                     \
		VMCS_ENTRY_INTR_INFO, VALUE, INTR_VALID | (v) \
	}
#define S(f, bits)                  \
	{                           \
		VMCS_##f, SET, bits \
	}
#define C(f, bits)                    \
	{                             \
		VMCS_##f, CLEAR, bits \
	}
#define V(f, val)                    \
	{                            \
		VMCS_##f, VALUE, val \
	}

#define VMX_MODS 12
struct entry_case {
	const char *name;
	u32 want, qual;
	struct mod mods[VMX_MODS];
	u32 need; /* secondary control that has to be there, 0: none */
	enum kind {
		STRICT,
		LAX,  /* bare Bochs does not check it */
		ENDS, /* bare Bochs ends */
		/* for processors with and without a capability */
		ZERO_LEN, /* injected events of length 0 */
		NO_ZERO_LEN,
		ANY_ERROR, /* an error code or none with any exception */
		NO_ANY_ERROR,
		SSS, /* supervisor shadow stacks by EPT */
		NO_SSS,
	} kind;
	void (*base)(void); /* changes for the good one; NULL: 64-bit code */
};

/* Run it; then the good one, which must launch. */
void vmx_case_run(const struct entry_case *c);

#endif
