/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where L0's application processors begin: copied to a page below 1 MiB for
 * the time of their start. The words at its end are filled in for each.
 */
	.section .rodata.trampoline, "a"
	.balign 16
	.globl trampoline_start, trampoline_end
	.globl trampoline_cr3, trampoline_cr4, trampoline_stack
	.globl trampoline_entry
	.code16
trampoline_start:
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	movzwl	%ax, %ebx
	shl	$4, %ebx		/* ebx: this page's address */
	/* Absolute addresses of what lret and lgdt need. */
	lea	(tramp_gdt - trampoline_start)(%ebx), %eax
	mov	%eax, tramp_gdtr + 2 - trampoline_start
	lea	(tramp32 - trampoline_start)(%ebx), %eax
	mov	%eax, tramp_far - trampoline_start
	lgdtl	tramp_gdtr - trampoline_start
	mov	%cr0, %eax
	and	$~((1 << 30) | (1 << 29) | (1 << 2)), %eax /* CD, NW, EM */
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	*(tramp_far - trampoline_start)

	.code32
tramp32:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	trampoline_cr4 - trampoline_start(%ebx), %eax
	mov	%eax, %cr4
	mov	trampoline_cr3 - trampoline_start(%ebx), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$(1 << 8), %eax		/* LME */
	bts	$11, %eax		/* NXE: L0's tables use it */
	cmpl	$0, tramp_nx - trampoline_start(%ebx)
	jne	1f
	btr	$11, %eax
1:	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	lea	(tramp64 - trampoline_start)(%ebx), %eax
	mov	%eax, tramp_far - trampoline_start(%ebx)
	movw	$0x18, tramp_far + 4 - trampoline_start(%ebx)
	ljmpl	*(tramp_far - trampoline_start)(%ebx)

	.code64
tramp64:
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	trampoline_stack - trampoline_start(%rbx), %rsp
	mov	trampoline_entry - trampoline_start(%rbx), %rax
	xor	%ebp, %ebp
	push	%rbp			/* end of the backtrace */
	jmp	*%rax

	.balign 8
tramp_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff	/* 0x08: 32-bit code */
	.quad 0x00cf93000000ffff	/* 0x10: data */
	.quad 0x00af9b000000ffff	/* 0x18: 64-bit code */
tramp_gdtr:
	.word . - tramp_gdt - 1
	.long 0
	.balign 4
tramp_far:
	.long 0
	.word 0x08
	.balign 8
trampoline_cr3:
	.quad 0
trampoline_cr4:
	.quad 0
trampoline_stack:
	.quad 0
trampoline_entry:
	.quad 0
	.globl trampoline_nx
trampoline_nx:
tramp_nx:
	.quad 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
