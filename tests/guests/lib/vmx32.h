/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lib/vmx32.S and the guest that runs it share. */
#ifndef TESTS_GUESTS_LIB_VMX32_H
#define TESTS_GUESTS_LIB_VMX32_H

#include "tests/guests/lib/layout.h"

#define VMX32_TR SEL_FREE		  /* modes.c's TSS */
#define VMX32_SMALL (SEL_FREE + 0x08)	  /* data, limit 0xfff */
#define VMX32_READ_ONLY (SEL_FREE + 0x10) /* data, flat */
#define VMX32_DOWN (SEL_FREE + 0x18)	  /* expand-down, from 0x1000 on */
#define VMX32_STACK (SEL_FREE + 0x20)	  /* data, limit 0xffff */
#define VMX32_LOW 0x6800		  /* a quadword in low memory */
#define VMX32_UNMAPPED 0xc0000000

#define VMX32_PROBE 0xe0000000 /* where PAE tables differ */

#define VMX32_RESULTS 192
#define VMX32_FIELDS 96
#define VMX32_ROUNDS 16
#define VMX32_ROUND_RESULTS 7

#endif
