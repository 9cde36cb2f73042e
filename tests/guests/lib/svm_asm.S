/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * svm_enter(vmcb, gprs, host): L2's registers but RAX and RSP, VMLOAD, VMRUN,
 * VMSAVE, and L1's own state back. svm_enter_bare() has VMRUN alone: FS, GS,
 * TR, LDTR and the system-call MSRs stay L1's.
 */
	.macro gprs_swap
	xchg	%rbx, 0x00(%rax)
	xchg	%rcx, 0x08(%rax)
	xchg	%rdx, 0x10(%rax)
	xchg	%rsi, 0x18(%rax)
	xchg	%rdi, 0x20(%rax)
	xchg	%rbp, 0x28(%rax)
	xchg	%r8, 0x30(%rax)
	xchg	%r9, 0x38(%rax)
	xchg	%r10, 0x40(%rax)
	xchg	%r11, 0x48(%rax)
	xchg	%r12, 0x50(%rax)
	xchg	%r13, 0x58(%rax)
	xchg	%r14, 0x60(%rax)
	xchg	%r15, 0x68(%rax)
	.endm

	.text
	.code64
	.globl	svm_enter, svm_enter_bare, svm_vmrun_insn, svm_vmrun_bare_insn
svm_enter:
	push	%rdx		/* host */
	push	%rdi		/* vmcb */
	push	%rsi		/* gprs */
	mov	%rsi, %rax
	gprs_swap
	mov	8(%rsp), %rax
	vmload	%rax
svm_vmrun_insn:
	vmrun	%rax
	vmsave	%rax
	mov	16(%rsp), %rax
	vmload	%rax
	pop	%rax
	gprs_swap
	add	$16, %rsp
	ret

svm_enter_bare:
	push	%rdi
	push	%rsi
	mov	%rsi, %rax
	gprs_swap
	mov	8(%rsp), %rax
svm_vmrun_bare_insn:
	vmrun	%rax
	pop	%rax
	gprs_swap
	add	$8, %rsp
	ret

	.section .note.GNU-stack, "", @progbits
