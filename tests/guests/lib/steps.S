/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which a step goes from label to label is in
 * tests/boot/gdb/steps.py. Saved flags are collected in steps_flags.
 */
#include "tests/guests/lib/layout.h"
#include "tests/guests/lib/steps.h"

	.macro at name
	.globl	\name
\name:
	.endm

	.text
	.code64
	.globl	steps_run, steps_run_vmcall, steps_run_vmmcall
	.globl	steps_modes_vmcall, steps_modes_vmmcall
steps_modes_vmcall:
	call	steps_modes_run
	vmcall
steps_modes_vmmcall:
	call	steps_modes_run
	vmmcall
steps_run_vmcall:
	call	steps_run
	vmcall
steps_run_vmmcall:
	call	steps_run
	vmmcall
steps_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	sti
	at	x_nop
	nop
	at	x_pushf
	pushfq
	at	x_popf
	popfq
	at	x_pushfw
	pushfw
	at	x_popfw
	popfw
	at	x_cli
	cli
	at	x_pushf_cli
	pushfq
	at	x_sti
	sti
	at	x_popf_cli
	popfq
	at	x_sti2
	sti
	at	x_sti3
	sti
	at	x_ss
	mov	%ss, %eax
	at	x_mov_ss
	mov	%eax, %ss
	at	x_after_mov_ss
	nop
	at	x_int
	int	$STEPS_INT
	at	x_int_user
	int	$STEPS_INT_USER
	at	x_int3
	int3
	at	x_ud
	ud2
	at	x_pf
	mov	(%rsi), %rax	/* %rsi: nothing is mapped there */
	at	x_hlt
	hlt
	at	x_cpuid_leaf
	xor	%eax, %eax
	at	x_cpuid
	cpuid
	at	x_wrmsr_number
	mov	$0x1b, %ecx
	at	x_rdmsr
	rdmsr
	at	x_wrmsr
	wrmsr
	at	x_cr0
	mov	%cr0, %rax
	at	x_mov_cr0
	mov	%rax, %cr0
	at	x_mov_cr8
	mov	%cr8, %rax
	at	x_count
	mov	$3, %ecx
	at	x_source
	lea	steps_flags(%rip), %rsi
	at	x_target
	mov	%rsi, %rdi
	at	x_rep
	rep movsb
	at	x_save_rsp
	mov	%rsp, %r13
	at	x_first
	xor	%r12d, %r12d
	at	x_syscall
	syscall

	at	u_nop		/* CPL 3 from here */
	nop
	at	u_pushf
	pushfq
	at	u_popf
	popfq
	at	u_int
	int	$STEPS_INT	/* #GP */
	at	u_int_user
	int	$STEPS_INT_USER
	at	u_syscall
	syscall

	at	x_flags		/* CPL 0 again */
	pushq	$0x202
	at	x_iret_flags
	popfq
	at	x_last
	nop
	mov	%r13, %rsp
	cli
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.macro saved where
	push	%rax
	mov	8+\where(%rsp), %rax
	or	%rax, steps_flags(%rip)
	pop	%rax
	.endm

	.globl	steps_syscall
steps_syscall:
	at	h_syscall
	or	%r11, steps_flags(%rip)
	at	h_which
	test	%r12d, %r12d
	at	h_second
	jnz	x_leave
	at	h_mark
	inc	%r12d
	at	h_return
	lea	u_nop(%rip), %rcx
	at	h_sysret
	sysretq
	at	x_leave
	mov	%r13, %rsp
	at	x_jump
	jmp	x_flags

	at	h_int
	saved	16
	at	h_int_iret
	iretq
	at	h_skip2		/* #UD; #GP comes here behind its code */
	addq	$2, (%rsp)
	at	h_skip2_saved
	saved	16
	at	h_skip2_iret
	iretq
	at	h_gp
	add	$8, %rsp
	at	h_gp_jump
	jmp	h_skip2
	at	h_pf
	add	$8, %rsp
	at	h_pf_skip
	addq	$3, (%rsp)
	at	h_pf_iret
	iretq
	at	h_timer
	incl	steps_ticks(%rip)
	push	%rax
	mov	$0xfee000b0, %eax
	movl	$0, (%rax)
	pop	%rax
	iretq

	.bss
	.balign	8
	at	steps_flags
	.skip	8
	at	steps_ticks
	.skip	8

	.section .note.GNU-stack, "", @progbits
