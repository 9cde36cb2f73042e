/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One BIOS interrupt from real mode. Copied to LOW_BIOS, CALLed there in
 * 32-bit mode without paging; registers from and to LOW_BIOS_REGS.
 */
#include "tests/guests/lib/layout.h"

#define AT(x) (x - bios_call + LOW_BIOS)
#define REG(n) LOW_BIOS_REGS + 4 * (n)

	.text
	.globl	bios_call, bios_call_end
	.code32
bios_call:
	ljmp	$SEL_CODE16, $AT(pm16)
	.code16
pm16:	mov	$SEL_DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~1, %al
	mov	%eax, %cr0
	ljmp	$0, $AT(real)
real:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$LOW_STACK, %sp
	lidtl	AT(ivt)
	mov	REG(5), %al
	mov	%al, AT(number)
	mov	REG(0), %eax
	mov	REG(1), %ebx
	mov	REG(2), %ecx
	mov	REG(3), %edx
	mov	$REG(6), %di		/* ES:DI: the buffer */
	stc				/* to see it cleared */
	.byte	0xcd			/* INT number */
number:	.byte	0
	pushfl
	cli
	cld
	mov	%eax, %cs:REG(0)
	popl	%eax
	mov	%eax, %cs:REG(4)
	mov	%ebx, %cs:REG(1)
	mov	%ecx, %cs:REG(2)
	mov	%edx, %cs:REG(3)
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$SEL_CODE32, $low_back32
ivt:	.short	0x3ff
	.long	0
bios_call_end:

	.section .note.GNU-stack, "", @progbits
