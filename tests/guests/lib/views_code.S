/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code of lib/views.h: how each mode sees the window. */
#include "tests/guests/lib/views.h"

	.macro	stop_and_read di
	mov	$VIEW_STOP, %eax
	cpuid
	mov	0xffc(\di), %eax
	mov	%eax, view_got
	mov	0x1000(\di), %eax
	mov	%eax, view_got + 4
	mov	0x10(\di), %eax
	mov	%eax, view_got + 8
	mov	0x1020(\di), %eax
	mov	%eax, view_got + 12
	.endm

	.text
	.globl	view_code32, view_code64, view_l1_32
	.code32
	/* called without paging, by mode_run32() */
view_l1_32:
	mov	view_on_cr4, %eax
	mov	%eax, %cr4
	mov	view_on_cr3, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	mov	$VIEW_LINEAR, %edi
	call	view_code32
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	jmp	low_back32
view_code32:
	stop_and_read %edi
	ret
	.code64
view_code64:
	push	%rbx
	stop_and_read %rdi
	pop	%rbx
	ret
