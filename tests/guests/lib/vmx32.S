/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor in 32-bit code with paging: for CALL by mode_run32(). Each
 * CASE leaves a word in vmx32_result: CF and ZF (0, 1, 40h), or 100h and the
 * vector of an exception, with the error code in bits 31:16.
 */
#include "tests/guests/lib/layout.h"
#include "tests/guests/lib/vmx32.h"

	.macro	outcome
	lahf
	movzbl	%ah, %eax
	and	$0x41, %eax
	.endm

	/* EAX and ECX do not outlive it. */
	.macro	CASE insn:vararg
	movl	$1f, resume
	\insn
	outcome
	jmp	2f
1:	mov	caught, %eax
2:	mov	next, %ecx
	mov	%eax, (%ecx)
	addl	$4, next
	.endm

	.macro	VALUE what
	mov	\what, %eax
	mov	next, %ecx
	mov	%eax, (%ecx)
	addl	$4, next
	.endm

	.text
	.code32
	.globl	vmx32_main
vmx32_main:
	mov	%cr4, %eax
	or	$0x2010, %eax		/* VMXE PSE */
	mov	%eax, %cr4
	mov	$pd32, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000020, %eax	/* PG NE */
	mov	%eax, %cr0
	lidt	idt_ptr
	mov	$VMX32_TR, %eax
	ltr	%ax
	movl	$vmx32_result, next
	xor	%eax, %eax
	mov	%eax, %fs
	mov	$VMX32_SMALL, %eax
	mov	%eax, %gs

	/* VMXON, VMCLEAR, VMPTRLD; all forms of address */
	CASE	vmxon vmx32_on_ptr
	CASE	vmclear vmx32_ptr
	mov	$vmx32_ptr, %esi
	CASE	vmptrld (%esi)
	mov	$vmx32_ptr - 0x1000, %ebx
	mov	$0x200, %edi
	CASE	vmptrld (%ebx,%edi,8)
	lea	0x10(%esi), %ebx
	mov	$-4, %edx
	CASE	vmptrld (%ebx,%edx,4)
	mov	$0x20000000, %edx
	CASE	vmptrld vmx32_ptr(,%edx,8)
	mov	$0xfffffff0, %edx
	CASE	vmptrld vmx32_ptr + 16(%edx)
	mov	$vmx32_ptr + 0x80, %ebp
	CASE	vmptrld -0x80(%ebp)
	/* 16-bit addresses, wrapping at 64 KiB */
	mov	vmx32_ptr, %eax
	mov	%eax, VMX32_LOW
	movl	$0, VMX32_LOW + 4
	mov	$VMX32_LOW, %ebx
	CASE	vmptrld (%bx)
	mov	$0xabcd0000 | (VMX32_LOW - 0x20), %ebx
	mov	$0x12340010, %edi
	CASE	vmptrld 0x10(%bx,%di)
	mov	$VMX32_LOW - 0x7000, %esi
	CASE	vmptrld 0x7000(%si)
	mov	$0xfff0, %esi
	CASE	vmptrld VMX32_LOW + 0x10(%si)
	CASE	vmptrst vmx32_word
	VALUE	vmx32_word
	VALUE	vmx32_word + 4

	/* VMREAD, VMWRITE: 32 bits, whatever the field's width */
	mov	$0x681c, %ecx
	mov	$0x89abcdef, %edx
	CASE	vmwrite %edx, %ecx
	mov	$0x681c, %ecx
	mov	$-1, %edi
	CASE	vmread %ecx, %edi
	VALUE	%edi
	mov	$0x2800, %ecx
	mov	$0x11223344, %edx
	CASE	vmwrite %edx, %ecx
	mov	$0x2801, %ecx
	movl	$0x55667788, vmx32_word
	CASE	vmwrite vmx32_word, %ecx
	mov	$0x2800, %ecx
	movl	$-1, vmx32_word
	movl	$-1, vmx32_word + 4
	mov	$vmx32_word, %ebx
	CASE	vmread %ecx, (%ebx)
	VALUE	vmx32_word
	VALUE	vmx32_word + 4
	mov	$0x2801, %ecx
	CASE	vmread %ecx, (%ebx)
	VALUE	vmx32_word
	mov	$0x0802, %ecx
	mov	$0xffff1234, %edx
	CASE	vmwrite %edx, %ecx
	mov	$0x0802, %ecx
	CASE	vmread %ecx, %edx
	VALUE	%edx
	mov	$0x4ffe, %ecx
	CASE	vmread %ecx, %edx

	/* segments: null, too short, read-only, execute-only, expand-down */
	mov	$vmx32_word, %edi
	mov	$0x681c, %ecx
	CASE	vmread %ecx, %fs:(%edi)
	CASE	vmptrld %fs:(%edi)
	mov	$0xff8, %edi
	CASE	vmptrst %gs:(%edi)
	mov	$0xff9, %edi
	CASE	vmptrst %gs:(%edi)
	mov	$0xffc, %edi
	mov	$0x681c, %ecx
	CASE	vmread %ecx, %gs:(%edi)
	mov	$0xffd, %edi
	mov	$0x681c, %ecx
	CASE	vmread %ecx, %gs:(%edi)
	mov	$VMX32_READ_ONLY, %eax
	mov	%eax, %gs
	mov	$vmx32_ptr, %edi
	CASE	vmptrld %gs:(%edi)
	CASE	vmptrst %gs:(%edi)
	mov	$VMX32_DOWN, %eax
	mov	%eax, %gs
	CASE	vmptrld %gs:(%edi)
	mov	$0xff8, %edi
	CASE	vmptrld %gs:(%edi)
	mov	$vmx32_ptr, %edi
	CASE	vmptrld %cs:(%edi)
	CASE	vmptrst %cs:(%edi)
	mov	$VMX32_STACK, %eax
	mov	%eax, %ss
	mov	$0xfffc, %ebp
	CASE	vmptrld (%ebp)
	mov	$SEL_DATA, %eax
	mov	%eax, %ss
	/* page faults */
	mov	$VMX32_UNMAPPED, %edi
	CASE	vmptrld (%edi)
	CASE	vmptrst (%edi)
	mov	$0x681c, %ecx
	CASE	vmread %ecx, (%edi)
	mov	$VMX32_UNMAPPED - 4, %edi
	CASE	vmptrst (%edi)
	mov	%cr2, %edi
	VALUE	%edi
	mov	$2, %edx
	CASE	invept vmx32_desc, %edx
	CASE	invvpid vmx32_desc, %edx
	mov	$7, %edx
	CASE	invept vmx32_desc, %edx

	/* an L2, in 32-bit code as well */
	CASE	vmclear vmx32_ptr
	CASE	vmptrld vmx32_ptr
	mov	$vmx32_fields, %esi
3:	mov	(%esi), %ecx
	cmp	$-1, %ecx
	je	4f
	mov	4(%esi), %edx
	vmwrite	%edx, %ecx
	jbe	vmx32_end
	add	$8, %esi
	jmp	3b
4:	mov	$0x6c14, %ecx
	vmwrite	%esp, %ecx
	mov	$0x6c16, %ecx
	mov	$vmx32_exit, %edx
	vmwrite	%edx, %ecx
	mov	$0x1234, %ebx
	movl	$5f, resume
	vmlaunch
5:	mov	$0x4400, %ecx
	vmread	%ecx, %edx
	VALUE	%edx
	jmp	vmx32_end
vmx32_exit:
	VALUE	$0x600d
	mov	$0x4402, %ecx
	vmread	%ecx, %edx
	VALUE	%edx
	VALUE	%ebx
	mov	$0x681e, %ecx
	vmread	%ecx, %edx
	VALUE	%edx
	mov	%cr4, %edx
	VALUE	%edx
	/* the rounds: fields for each, entered anew */
	mov	$vmx32_rounds, %esi
6:	mov	(%esi), %edi
	add	$4, %esi
	mov	%esi, round
	test	%edi, %edi
	jz	9f
	vmclear	vmx32_ptr
	vmptrld	vmx32_ptr
	mov	$0x6c16, %ecx
	mov	$round_exit, %edx
	vmwrite	%edx, %ecx
7:	mov	(%edi), %ecx
	cmp	$-1, %ecx
	je	8f
	mov	4(%edi), %edx
	vmwrite	%edx, %ecx
	jbe	vmx32_end
	add	$8, %edi
	jmp	7b
8:	xor	%ebx, %ebx
	vmlaunch
	mov	$0x4400, %ecx		/* not entered */
	vmread	%ecx, %edx
	VALUE	%edx
	jmp	vmx32_end
	/* reason, qualification, what L2 saw, PDPTE3; then L1's CR4, CR3 and
	 * what L1 sees */
round_exit:
	mov	$0x4402, %ecx
	vmread	%ecx, %edx
	VALUE	%edx
	mov	$0x6400, %ecx
	vmread	%ecx, %edx
	VALUE	%edx
	VALUE	%ebx
	xor	%edx, %edx
	mov	$0x2810, %ecx
	vmread	%ecx, %edx
	VALUE	%edx
	mov	%cr4, %edx
	VALUE	%edx
	mov	%cr3, %edx
	VALUE	%edx
	mov	VMX32_PROBE, %edx
	VALUE	%edx
	mov	round, %esi
	jmp	6b
9:	CASE	vmxoff
vmx32_end:
	VALUE	$0xe0d
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$low_back32, %eax
	jmp	*%eax

	.globl	vmx32_probe_l2, vmx32_cr3_l2
vmx32_cr3_l2:
	mov	%esp, %eax
	mov	%eax, %cr3
vmx32_probe_l2:
	mov	VMX32_PROBE, %ebx
	vmcall

	.globl	vmx32_l2, vmx32_l2_call, vmx32_long
vmx32_long:
	mov	%cr0, %eax
	bts	$31, %eax
	mov	%eax, %cr0
	vmcall
vmx32_l2:
	add	$1, %ebx
vmx32_l2_call:
	vmcall

	/* #UD; those with an error code */
ud:	movl	$0x100 + 6, caught
	jmp	fix
	.irp	vec, 10, 11, 12, 13, 14
vec\vec:
	push	%eax
	mov	4(%esp), %eax
	shl	$16, %eax
	or	$0x100 + \vec, %eax
	mov	%eax, caught
	pop	%eax
	add	$4, %esp
	jmp	fix
	.endr
fix:	push	%eax
	mov	resume, %eax
	mov	%eax, 4(%esp)
	pop	%eax
	iretl

	.data
	.balign 8
idt_ptr:
	.short	16 * 8 - 1
	.long	vmx32_idt
	.balign 8
	.globl	vmx32_handlers
vmx32_handlers:
	.long	6, ud, 10, vec10, 11, vec11, 12, vec12, 13, vec13, 14, vec14
	.long	0
round:	.long	0
next:	.long	0
resume:	.long	0
caught:	.long	0

	.bss
	.balign 16
	.globl	vmx32_result, vmx32_idt, vmx32_desc, vmx32_ptr, vmx32_on_ptr
	.globl	vmx32_word, vmx32_fields, vmx32_rounds
vmx32_result:	.skip	4 * VMX32_RESULTS
vmx32_idt:	.skip	8 * 16
vmx32_desc:	.skip	16
vmx32_ptr:	.skip	8
vmx32_on_ptr:	.skip	8
vmx32_word:	.skip	8
vmx32_fields:	.skip	8 * VMX32_FIELDS
vmx32_rounds:	.skip	4 * VMX32_ROUNDS

	.section .note.GNU-stack, "", @progbits
