/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot entry (32-bit, flat, no paging) to long mode with the first
 * BOOT_GIB GiB mapped one to one by 2 MiB pages; and the same way for the
 * other CPUs, from real mode.
 */
#include "tests/guests/lib/layout.h"

#define CR0_WANTED 0x80010033	/* PG WP NE ET MP PE */

	.code32
	.section .text.start, "ax"
	.globl	_start
_start:
	cli
	cld
	mov	%eax, boot_magic
	mov	%ebx, boot_info_addr
	mov	$bsp_stack_top, %esp

	/* pml4[0] = pdpt; pdpt[i] = pd[i]; pd: 2 MiB pages */
	movl	$pdpt + 7, pml4
	mov	$pdpt, %edi
	mov	$pds + 7, %eax
	mov	$BOOT_GIB, %ecx
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	1b
	mov	$pds, %edi
	mov	$0x87, %eax
	xor	%edx, %edx
	mov	$512 * BOOT_GIB, %ecx
2:	mov	%eax, (%edi)
	mov	%edx, 4(%edi)
	add	$0x200000, %eax
	adc	$0, %edx
	add	$8, %edi
	loop	2b

	call	long_mode_on
	lgdt	gdt_ptr
	ljmp	$SEL_CODE64, $start64

	/* PAE, EFER.LME (and NXE where there is NX), paging. */
long_mode_on:
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0x80000001, %eax
	cpuid
	mov	%edx, %esi
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	bt	$20, %esi
	jnc	3f
	or	$0x800, %eax
3:	wrmsr
	mov	$CR0_WANTED, %eax
	mov	%eax, %cr0
	ret

	.code64
start64:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$bsp_stack_top, %rsp
	xor	%ebp, %ebp
	call	guest_start
1:	hlt
	jmp	1b

	/*
	 * Another CPU, at AP_BASE in real mode after its SIPI. Copied there:
	 * AP(x) is the address of x in the copy.
	 */
#define AP(x) (x - ap_start + AP_BASE)
	.code16
	.globl	ap_start, ap_end
ap_start:
	cli
	/* what a CPU has after its SIPI, for those who ask (struct ap_reset) */
	mov	%cs, %ax
	mov	%ax, %ds
	mov	%edx, AP(ap_reset) - AP_BASE
	mov	%cs, AP(ap_reset) - AP_BASE + 4
	mov	%cr0, %eax
	mov	%eax, AP(ap_reset) - AP_BASE + 8
	mov	%cr3, %eax
	mov	%eax, AP(ap_reset) - AP_BASE + 12
	mov	%cr4, %eax
	mov	%eax, AP(ap_reset) - AP_BASE + 16
	mov	%dr7, %eax
	mov	%eax, AP(ap_reset) - AP_BASE + 20
	mov	$0xc0000080, %ecx
	rdmsr
	mov	%eax, AP(ap_reset) - AP_BASE + 24
	sidt	AP(ap_reset) - AP_BASE + 28
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AP(ap_gdt_ptr)
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$SEL_CODE32, $AP(ap32)
	.code32
ap32:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	/* stacks by APIC ID; a started CPU's xAPIC is at its reset address */
	mov	0xfee00020, %ebp
	shr	$24, %ebp
	mov	%ebp, %esp
	inc	%esp
	shl	$STACK_SHIFT, %esp
	add	$ap_stacks, %esp
	mov	$long_mode_on, %eax
	call	*%eax
	ljmp	$SEL_CODE64, $ap64
	.balign 4
ap_gdt_ptr:
	.short	gdt_end - gdt - 1
	.long	gdt
	.balign 4
	.globl	ap_reset
ap_reset:
	.fill	9, 4, 0
ap_end:
	.code64
ap64:
	mov	%ebp, %edi
	inc	%ebp
	shl	$STACK_SHIFT, %ebp
	lea	ap_stacks(%rbp), %rsp
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	xor	%ebp, %ebp
	call	ap_entry
1:	cli
	hlt
	jmp	1b

	.data
	.balign 8
	.globl	gdt, gdt_end, gdt_ptr, boot_magic, boot_info_addr, pml4, pdpt
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 08 code64 */
	.quad	0x00cf93000000ffff	/* 10 data, flat */
	.quad	0x00cf9b000000ffff	/* 18 code32, flat */
	.quad	0x00009b000000ffff	/* 20 code16, base 0 */
	.quad	0x000093000000ffff	/* 28 data16, base 0 */
	.quad	0x00cffb000000ffff	/* 30 code32, DPL 3 */
	.quad	0x00cff3000000ffff	/* 38 data, DPL 3 */
	.quad	0x00affb000000ffff	/* 40 code64, DPL 3 */
	.fill	7, 8, 0			/* 48 .. 78: for tests */
	.fill	2 * MAX_CPUS, 8, 0	/* 80: a 64-bit TSS a CPU */
gdt_end:
gdt_ptr:
	.short	gdt_end - gdt - 1
	.quad	gdt
	.balign 4
	/* not in BSS: hello checks that the loader cleared all of that */
boot_magic:
	.long	0
boot_info_addr:
	.long	0

	.bss
	.balign 4096
pml4:	.skip	4096
pdpt:	.skip	4096
	.globl	pds
pds:	.skip	4096 * BOOT_GIB
bsp_stack:
	.skip	1 << STACK_SHIFT
bsp_stack_top:
ap_stacks:
	.skip	MAX_CPUS << STACK_SHIFT

	.section .note.GNU-stack, "", @progbits
