/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * void svm_enter(u64 *gpr, u64 vmcb_pa, u32 host_if)
 *
 * VMRUN with the guest's general registers at @gpr (enum gpr order; RAX and
 * RSP are the VMCB's) and RFLAGS.IF = @host_if, which counts for physical
 * interrupts where V_INTR_MASKING is on. Called and left with GIF = 0. FS, GS, TR and their
 * likes stay the guest's throughout (see svm/svm.h).
 */
	.text
	.globl svm_enter
	.type svm_enter, @function
svm_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	mov %rsi, %rax
	test %edx, %edx
	jz 1f
	sti
1:
	mov 8(%rdi), %rcx
	mov 16(%rdi), %rdx
	mov 24(%rdi), %rbx
	mov 40(%rdi), %rbp
	mov 48(%rdi), %rsi
	mov 64(%rdi), %r8
	mov 72(%rdi), %r9
	mov 80(%rdi), %r10
	mov 88(%rdi), %r11
	mov 96(%rdi), %r12
	mov 104(%rdi), %r13
	mov 112(%rdi), %r14
	mov 120(%rdi), %r15
	mov 56(%rdi), %rdi
	vmrun %rax
	cli
	mov (%rsp), %rax
	mov %rcx, 8(%rax)
	mov %rdx, 16(%rax)
	mov %rbx, 24(%rax)
	mov %rbp, 40(%rax)
	mov %rsi, 48(%rax)
	mov %rdi, 56(%rax)
	mov %r8, 64(%rax)
	mov %r9, 72(%rax)
	mov %r10, 80(%rax)
	mov %r11, 88(%rax)
	mov %r12, 96(%rax)
	mov %r13, 104(%rax)
	mov %r14, 112(%rax)
	mov %r15, 120(%rax)
	pop %rdi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	cld
	ret
	.size svm_enter, . - svm_enter

/*
 * void svm_nmi_window(u64 host_pa, u64 guest_pa)
 *
 * Let a pending NMI come in: L0's own TR is loaded for its IST stack, the
 * guest's FS, GS, TR, ... are kept at @guest_pa meanwhile.
 */
	.globl svm_nmi_window
	.type svm_nmi_window, @function
svm_nmi_window:
	mov %rsi, %rax
	vmsave %rax
	mov %rdi, %rax
	vmload %rax
	stgi
	nop
	clgi
	mov %rsi, %rax
	vmload %rax
	ret
	.size svm_nmi_window, . - svm_nmi_window

/*
 * void svm_halt(const u64 *wake)
 *
 * Halt until an NMI, unless *@wake is not 0 already. L0's TR is loaded. An
 * NMI that comes between the test and the HLT would be lost: the handler
 * moves an RIP from [svm_halt_window, svm_halt_end) to svm_halt_end.
 */
	.globl svm_halt
	.globl svm_halt_window
	.globl svm_halt_end
	.type svm_halt, @function
svm_halt:
	stgi
svm_halt_window:
	cmpq $0, (%rdi)
	jne svm_halt_end
	hlt
svm_halt_end:
	clgi
	ret
	.size svm_halt, . - svm_halt

	.section .note.GNU-stack, "", @progbits
