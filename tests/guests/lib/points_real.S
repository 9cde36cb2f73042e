/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An L2 in real mode with breakpoints of its own: see lib/points.h. */
#include "tests/guests/lib/points.h"

#define OFFSET(x) ((x) - real_points)

	.text
	.code16
	.globl	real_points, real_probe, real_vectors, real_end
	.globl	real_int3s, real_steps, real_hits
real_points:
	mov	%cs, %ax
	mov	%ax, %ds
	int3
	pushf
	pop	%ax
	or	$0x100, %ax
	push	%ax
	popf
	nop
	mov	$POINTS_REAL + OFFSET(real_own), %eax
	mov	%eax, %dr0
	mov	$0x50401, %eax		/* two bytes, writes */
	mov	%eax, %dr7
	movw	$1, OFFSET(real_own)
	mov	$0x400, %eax
	mov	%eax, %dr7
real_probe:
	nop
	hlt
on_int3:
	incw	OFFSET(real_int3s)
	iret
on_db:
	push	%bp
	push	%eax
	mov	%sp, %bp
	andb	$~1, 11(%bp)		/* TF of the frame */
	mov	%dr6, %eax
	test	$0x4000, %ax
	jz	1f
	incw	OFFSET(real_steps)
1:	test	$1, %al
	jz	1f
	incw	OFFSET(real_hits)
1:	xor	%eax, %eax
	mov	%eax, %dr6
	pop	%eax
	pop	%bp
	iret
	.balign	4
real_vectors:
	.long	0
	.short	OFFSET(on_db), POINTS_REAL >> 4
	.long	0
	.short	OFFSET(on_int3), POINTS_REAL >> 4
real_int3s:
	.short	0
real_steps:
	.short	0
real_hits:
	.short	0
real_own:
	.short	0
real_end:

	.section .note.GNU-stack, "", @progbits
