/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mode trampolines. What is between low_start and low_end is copied to
 * LOW_BASE; LOW(x) is the address of x there, below 64 KiB.
 */
#include "tests/guests/lib/layout.h"
#include "tests/guests/lib/modes.h"

#define LOW(x) (x - low_start + LOW_BASE)
#define CTX(x) LOW_CTX + x
#define MSR_EFER 0xc0000080
#define MSR_APIC_BASE 0x1b

	/* CPUID plain and with prefixes: lengths 2, 3 and 4 */
	.macro	user_steps
	movl	$0, CTX(MODE_STEPS)
	movl	CTX(MODE_LEAF), %eax
	xorl	%ecx, %ecx
	cpuid
	movl	%eax, CTX(MODE_CPUID)
	movl	%ebx, CTX(MODE_CPUID + 4)
	movl	%ecx, CTX(MODE_CPUID + 8)
	movl	%edx, CTX(MODE_CPUID + 12)
	incl	CTX(MODE_STEPS)
	movl	$0, %eax
	.byte	0x2e
	cpuid
	incl	CTX(MODE_STEPS)
	movl	$0, %eax
	.byte	0x66, 0x3e
	cpuid
	incl	CTX(MODE_STEPS)
	.endm

	/* What else may exit, at CPL 0. CR0 and CR4 go through \r. */
	.macro	all_steps r, low
	user_steps
	movl	$MSR_EFER, %ecx
	rdmsr
	movl	%eax, CTX(MODE_EFER)
	incl	CTX(MODE_STEPS)
	movl	$MSR_APIC_BASE, %ecx
	rdmsr
	movl	%eax, CTX(MODE_APIC)
	wrmsr
	incl	CTX(MODE_STEPS)
	mov	%cr0, \r
	movl	\low, CTX(MODE_CR0)
	mov	\r, %cr0
	incl	CTX(MODE_STEPS)
	mov	%cr4, \r
	movl	\low, CTX(MODE_CR4)
	mov	\r, %cr4
	incl	CTX(MODE_STEPS)
	wbinvd
	pause
	incl	CTX(MODE_STEPS)
	xor	%ax, %ax
	out	%al, $0x80
	movw	%cs, %ax
	movw	%ax, CTX(MODE_CS)
	incl	CTX(MODE_STEPS)
	.endm

	.text
	.code64
	/* void mode_enter(u32 address): CALL in 32-bit mode without paging */
	.globl	mode_enter
mode_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushfq
	cli
	mov	%rsp, saved_rsp
	mov	%cr0, %rax
	mov	%eax, saved_cr0
	mov	%cr3, %rax
	mov	%eax, saved_cr3
	mov	%cr4, %rax
	mov	%eax, saved_cr4
	mov	$MSR_EFER, %ecx
	rdmsr
	mov	%eax, saved_efer
	mov	$LOW_STACK, %esp
	pushq	$SEL_CODE32
	pushq	$LOW(leave_long)
	lretq

	.globl	mode_back
mode_back:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	saved_rsp, %rsp
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	/* long mode and compatibility mode: no way round by leave_long */
	.globl	mode_long, mode_compat
mode_long:
	push	%rbx
	all_steps %rax, %eax
	pop	%rbx
	ret
mode_compat:
	push	%rbx
	pushq	$SEL_CODE32
	pushq	$LOW(compat)
	lretq
compat_back:
	pop	%rbx
	ret

	.globl	low_start, low_end
low_start:
	.code32
leave_long:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%edi, %esi
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$MSR_EFER, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	mov	saved_cr4, %eax
	and	$~0x10a0, %eax
	mov	%eax, %cr4
	jmp	*%esi

back32:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	saved_cr4, %eax
	mov	%eax, %cr4
	mov	saved_cr3, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	xor	%edx, %edx
	mov	saved_efer, %eax
	and	$~0x400, %eax
	wrmsr
	mov	saved_cr0, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE64, $mode_back

compat:
	all_steps %eax, %eax
	ljmp	$SEL_CODE64, $compat_back

	.globl	mode_pm32, mode_pg32, mode_pae, mode_pm16, mode_real
	.globl	mode_real_cs, mode_big_real, mode_v86, mode_la57, mode_triple
mode_pm32:
	all_steps %eax, %eax
	jmp	back32

	/* 32-bit paging with 4 MiB pages */
mode_pg32:
	mov	%cr4, %eax
	or	$0x10, %eax
	mov	%eax, %cr4
	mov	$pd32, %eax
	jmp	1f
mode_pae:
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$pae_pdpt, %eax
1:	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	all_steps %eax, %eax
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	jmp	back32

	/* 5-level paging: long mode with another root, and back */
mode_la57:
	mov	saved_cr4, %eax
	or	$0x1000, %eax
	mov	%eax, %cr4
	mov	$pml5, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	xor	%edx, %edx
	mov	saved_efer, %eax
	and	$~0x400, %eax
	wrmsr
	mov	saved_cr0, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE64, $LOW(la57)
	.code64
la57:
	all_steps %rax, %eax
	mov	$LOW_STACK, %esp
	mov	mode_hook, %rax
	test	%rax, %rax
	jz	1f
	call	*%rax
1:
	pushq	$SEL_CODE32
	pushq	$LOW(leave_la57)
	lretq
	.code32
leave_la57:
	mov	$LOW(back32), %edi
	jmp	leave_long

	/* 16-bit protected mode, on the way to real mode as well */
mode_pm16:
	ljmp	$SEL_CODE16, $LOW(pm16)
mode_real:
	ljmp	$SEL_CODE16, $LOW(pm16_to_real)
mode_real_cs:
	ljmp	$SEL_CODE16, $LOW(pm16_to_real_cs)
mode_triple:
	ljmp	$SEL_CODE16, $LOW(pm16_to_triple)
mode_big_real:
	ljmp	$SEL_CODE16, $LOW(pm16_to_big_real)
	.code16
pm16:
	mov	$SEL_DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	all_steps %eax, %eax
	ljmpl	$SEL_CODE32, $LOW(back32)

	.macro	real_on segs
	mov	$\segs, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~1, %al
	mov	%eax, %cr0
	.endm
	.macro	real_segs
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$LOW_STACK, %sp
	.endm
	.macro	real_off
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$SEL_CODE32, $LOW(back32)
	.endm

pm16_to_real:
	real_on SEL_DATA16
	ljmp	$0, $LOW(real)
real:
	real_segs
	all_steps %eax, %eax
	real_off

	/* an IDT of no entries, and a breakpoint */
pm16_to_triple:
	real_on SEL_DATA16
	ljmp	$0, $LOW(real_triple)
real_triple:
	lidtl	%cs:LOW(no_idt)
	int3
	jmp	.
no_idt:
	.short	0
	.long	0

pm16_to_real_cs:
	real_on SEL_DATA16
	ljmp	$(LOW_BASE >> 4), $(real_cs - low_start)
real_cs:
	real_segs
	all_steps %eax, %eax
	real_off

	/* DS keeps its 4 GiB limit: MODE_EXTRA is a word from above 1 MiB */
pm16_to_big_real:
	real_on SEL_DATA
	ljmp	$0, $LOW(big_real)
big_real:
	mov	$LOW_STACK, %sp
	all_steps %eax, %eax
	movl	$boot_word, %ebx
	addr32 movl (%ebx), %eax
	movl	%eax, CTX(MODE_EXTRA)
	real_off

	.code32
	/* virtual-8086: by IRET from a 32-bit task; HLT there is the #GP that
	 * comes back by the TSS' stack */
mode_v86:
	lidt	v86_idtr
	mov	$SEL_FREE, %eax
	ltr	%ax
	pushl	$0		/* GS FS DS ES */
	pushl	$0
	pushl	$0
	pushl	$0
	pushl	$0		/* SS:ESP */
	pushl	$LOW_STACK - 0x200
	pushl	$0x20002	/* VM */
	pushl	$0		/* CS:EIP */
	pushl	$LOW(v86)
	iretl
	.code16
v86:
	user_steps
	movw	%cs, %ax
	movw	%ax, CTX(MODE_CS)
	hlt
	.code32
v86_gp:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	12(%esp), %eax	/* above: error code, EIP, CS */
	mov	%eax, CTX(MODE_FLAGS)
	mov	4(%esp), %eax
	sub	$LOW(v86), %eax
	mov	%eax, CTX(MODE_EXTRA)
	mov	$LOW_STACK, %esp
	jmp	back32
	.globl	v86_gp_offset
	.set	v86_gp_offset, LOW(v86_gp)
low_end:
	.globl	low_back32
	.set	low_back32, LOW(back32)

	.data
	.balign 8
saved_rsp:
	.quad	0
	.globl	saved_cr0, saved_cr3, saved_cr4, saved_efer, boot_word
saved_cr0:
	.long	0
saved_cr3:
	.long	0
saved_cr4:
	.long	0
saved_efer:
	.long	0
boot_word:
	.long	0xab1e0b16
v86_idtr:
	.short	16 * 8 - 1
	.long	v86_idt

	.section .note.GNU-stack, "", @progbits
