/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * int vmx_enter(gprs, resume): VMLAUNCH or VMRESUME with L2's registers but
 * RSP. 0: an exit; 1: VMfailInvalid; 2: VMfailValid. HOST_RSP is written
 * here, HOST_RIP is vmx_exit for good. vmx_enter_fast() writes neither: its
 * stack pointer is kept in memory and HOST_RIP has to be vmx_exit_fast.
 */
	.macro gprs_swap
	xchg	%rbx, 0x08(%rax)
	xchg	%rcx, 0x10(%rax)
	xchg	%rdx, 0x18(%rax)
	xchg	%rsi, 0x20(%rax)
	xchg	%rdi, 0x28(%rax)
	xchg	%rbp, 0x30(%rax)
	xchg	%r8, 0x38(%rax)
	xchg	%r9, 0x40(%rax)
	xchg	%r10, 0x48(%rax)
	xchg	%r11, 0x50(%rax)
	xchg	%r12, 0x58(%rax)
	xchg	%r13, 0x60(%rax)
	xchg	%r14, 0x68(%rax)
	xchg	%r15, 0x70(%rax)
	.endm

	.text
	.code64
	.globl	vmx_enter, vmx_exit, vmx_enter_fast, vmx_exit_fast
vmx_enter:
	mov	$0x6c14, %eax
	lea	-16(%rsp), %rdx
	vmwrite	%rdx, %rax
	push	%rsi
	push	%rdi
	mov	%rdi, %rax
	test	%esi, %esi
	jnz	1f
	gprs_swap
	mov	(%rax), %rax
	vmlaunch
	jmp	2f
1:	gprs_swap
	mov	(%rax), %rax
	vmresume
2:	mov	(%rsp), %rax	/* not entered; flags stay */
	gprs_swap
	mov	$1, %eax
	mov	$2, %ecx
	cmovz	%ecx, %eax
	add	$16, %rsp
	ret
vmx_exit:
	push	%rax
	mov	8(%rsp), %rax
	gprs_swap
	pop	(%rax)
	add	$16, %rsp
	xor	%eax, %eax
	ret

vmx_enter_fast:
	push	%rsi
	push	%rdi
	mov	%rsp, fast_rsp
	mov	%rdi, %rax
	test	%esi, %esi
	jnz	1b
	gprs_swap
	mov	(%rax), %rax
	vmlaunch
	jmp	2b
vmx_exit_fast:
	mov	fast_rsp, %rsp
	jmp	vmx_exit

	.bss
	.balign	8
fast_rsp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
