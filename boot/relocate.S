/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * void relocate(void *dst, const void *src, u64 len, u64 cr3)
 *
 * Copy the running image (its stack included) and go on in the copy: the
 * virtual addresses stay, so switching to tables that map them to the copy
 * is all it takes. Nothing may touch memory between the copy and the switch.
 */
	.text
	.globl relocate
relocate:
	mov	%rcx, %rax
	mov	%rdx, %rcx
	cld
	rep movsb
	mov	%rax, %cr3
	ret

	.section .note.GNU-stack, "", @progbits
