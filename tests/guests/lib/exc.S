/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 256 entry stubs of 16 bytes, the way into exception(), and try(). */
	.text
	.code64
	.balign 16
	.globl	exc_stubs
exc_stubs:
	.set	vec, 0
	.rept	256
	.balign 16
	.if !(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || vec == 29 || vec == 30)
	push	$0
	.endif
	push	$vec
	jmp	common
	.set	vec, vec + 1
	.endr
	.balign 16
common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	exception
	mov	%rbp, %rsp
	.globl	exc_return
exc_return:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

	/*
	 * int try_call(fn, arg, u64 *save): call fn(arg), -1 when it returned.
	 * *save holds the stack pointer that try_unwind() goes back to.
	 */
	.globl	try_call
try_call:
	pushfq
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx
	push	(%rdx)
	mov	%rsp, (%rdx)
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	mov	$-1, %eax
try_out:
	pop	%rcx
	pop	%rdx
	mov	%rcx, (%rdx)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	popfq
	ret

	/* void try_unwind(u64 rsp, int vector) */
	.globl	try_unwind
try_unwind:
	mov	%rdi, %rsp
	mov	%esi, %eax
	jmp	try_out

	.section .note.GNU-stack, "", @progbits
