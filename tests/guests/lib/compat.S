/* SPDX-License-Identifier: GPL-2.0-or-later */
/* void compat_call(code): EAX, ECX and EDX are the code's to use. */
#include "tests/guests/lib/layout.h"

	.text
	.code64
	.globl	compat_call, compat_back
compat_call:
	push	%rbx
	push	%rbp
	mov	%rsp, %rbp
	pushq	$SEL_CODE32
	push	%rdi
	lretq
compat_back:
	mov	%rbp, %rsp
	pop	%rbp
	pop	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
