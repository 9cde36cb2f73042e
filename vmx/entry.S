/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * u32 vmx_enter(struct vcpu *v, u64 *host_rsp, bool launched, const bool *nmi)
 *
 * Enter the guest of the current VMCS with the general registers at the start
 * of *v (enum gpr order; RSP is the VMCS's), return after its exit. Values of
 * enum vmx_entered.
 *
 * An NMI or #MC that L0 takes between the test of *nmi and the entry would
 * reach L1 only after its next exit: their handlers move an RIP from
 * [vmx_window, vmx_window_end) to vmx_abort.
 */
#define HOST_RSP_FIELD 0x6c14

	.text
	.globl vmx_enter, vmx_exit, vmx_window, vmx_window_end, vmx_abort
	.type vmx_enter, @function
vmx_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	cmp (%rsi), %rsp
	je vmx_window
	mov %rsp, (%rsi)
	mov $HOST_RSP_FIELD, %eax
	vmwrite %rsp, %rax
vmx_window:
	testl $0xffffff, (%rcx)		/* nmi_pending, mce_pending, kicked */
	jne vmx_abort
	test %dl, %dl			/* flags live up to the jz */
	mov (%rdi), %rax
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
	jz 1f
	vmresume
	jmp 2f
1:	vmlaunch
vmx_window_end:
	/* The instruction failed: ZF VMfailValid, CF VMfailInvalid. */
2:	mov $2, %eax
	jz 3f
	mov $1, %eax
	jmp 3f
vmx_abort:
	mov $3, %eax
3:	pop %rdi
	jmp 4f

vmx_exit:
	push %rdi
	mov 8(%rsp), %rdi
	mov %rax, (%rdi)
	mov %rcx, 8(%rdi)
	mov %rdx, 16(%rdi)
	mov %rbx, 24(%rdi)
	mov %rbp, 40(%rdi)
	mov %rsi, 48(%rdi)
	pop %rax
	mov %rax, 56(%rdi)
	mov %r8, 64(%rdi)
	mov %r9, 72(%rdi)
	mov %r10, 80(%rdi)
	mov %r11, 88(%rdi)
	mov %r12, 96(%rdi)
	mov %r13, 104(%rdi)
	mov %r14, 112(%rdi)
	mov %r15, 120(%rdi)
	pop %rdi
	xor %eax, %eax
4:	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.size vmx_enter, . - vmx_enter

/*
 * void vmx_halt(const u64 *wake)
 *
 * Halt until an NMI, unless *@wake is not 0 already. One that comes between
 * the test and the HLT: its handler moves RIP to vmx_halt_end.
 */
	.globl vmx_halt, vmx_halt_window, vmx_halt_end
	.type vmx_halt, @function
vmx_halt:
vmx_halt_window:
	cmpq $0, (%rdi)
	jne vmx_halt_end
	hlt
vmx_halt_end:
	ret
	.size vmx_halt, . - vmx_halt

/*
 * void vmx_iret(void)
 *
 * An IRET to the caller: NMIs are no longer blocked.
 */
	.globl vmx_iret
	.type vmx_iret, @function
vmx_iret:
	pop %rax
	mov %rsp, %rcx
	push $0x10			/* SEL_DS */
	push %rcx
	pushfq
	push $0x08			/* SEL_CS */
	push %rax
	iretq
	.size vmx_iret, . - vmx_iret

	.section .note.GNU-stack, "", @progbits
