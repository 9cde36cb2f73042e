/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multiboot2 header and the way from the loader's 32-bit protected mode
 * to 64-bit C code at IMAGE_BASE. Position-independent: GRUB may have put the
 * image anywhere below 4 GiB (2 MiB aligned).
 */
#define IMAGE_BASE 0xffffffff80000000
#define LOAD_ADDR 0x400000
#define STACK_SIZE 0x8000
#define PHYS(sym) ((sym) - IMAGE_BASE)

#define CR4_PAE (1 << 5)
#define CR4_LA57 (1 << 12)

#define MB2_MAGIC 0xe85250d6
#define MB2_BOOT_MAGIC 0x36d76289

	.section .boot.header, "a"
	.balign 8
mb2_header:
	.long MB2_MAGIC
	.long 0				/* i386 protected mode */
	.long mb2_end - mb2_header
	.long -(MB2_MAGIC + (mb2_end - mb2_header)) & 0xffffffff

	/* Information request, optional (flag bit 0): what we can use. */
	.balign 8
1:	.word 1, 1
	.long 2f - 1b
	.long 1, 2, 3, 6, 8, 12, 14, 15, 17, 21
2:
	/* Module alignment: pages. */
	.balign 8
	.word 6, 1
	.long 8
#ifdef FRAMEBUFFER
	/* Framebuffer, any mode. Firmware without text modes only: elsewhere
	 * it would make GRUB leave the text mode that an L1 may count on. */
	.balign 8
	.word 5, 1
	.long 20
	.long 0, 0, 0
#endif
	/* Relocatable: anywhere below 4 GiB, as high as possible. */
	.balign 8
	.word 10, 0
	.long 24
	.long LOAD_ADDR			/* min */
	.long 0xffffffff		/* max */
	.long 0x200000			/* alignment */
	.long 2				/* preference: highest */
	/* End. */
	.balign 8
	.word 0, 0
	.long 8
mb2_end:

	.section .boot.text, "ax"
	.code32
	.globl entry32
entry32:
	cli
	cld
	/* The information's second word is reserved: a stack of one slot. */
	lea	8(%ebx), %esp
	call	1f
1:	pop	%ebp
	sub	$PHYS(1b), %ebp		/* ebp: physical base of the image */
	movl	$0, 4(%ebx)
	mov	%eax, %esi		/* esi: loader's magic */
	lea	PHYS(boot_stack_top)(%ebp), %esp

	/* Long mode must be there; say so where it is not. */
	mov	%ebx, %edi
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	bt	$29, %edx
	jnc	no_long_mode

	/*
	 * CR4 for long mode. SVM walks nested tables in L0's paging mode: 5
	 * levels where the processor has them, as L1's own tables may.
	 */
	push	$CR4_PAE
	bt	$2, %ecx		/* SVM */
	jnc	1f
	xor	%eax, %eax
	cpuid
	cmp	$7, %eax
	jb	1f
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	bt	$16, %ecx		/* LA57 */
	jnc	1f
	orl	$CR4_LA57, (%esp)
1:	mov	%edi, %ebx

	/* boot_pds: 4 GiB with 2 MiB pages, shared by identity and direct. */
	lea	PHYS(boot_pds)(%ebp), %edi
	mov	$0x83, %eax
	xor	%edx, %edx
	mov	$2048, %ecx
1:	mov	%eax, (%edi)
	mov	%edx, 4(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	loop	1b

	/* boot_pdpt: those four. */
	lea	PHYS(boot_pdpt)(%ebp), %edi
	lea	PHYS(boot_pds) + 3(%ebp), %eax
	mov	$4, %ecx
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$4096, %eax
	loop	1b

	/* boot_image_pd: 32 MiB of image from its physical base. */
	lea	PHYS(boot_image_pd)(%ebp), %edi
	lea	0x83(%ebp), %eax
	mov	$16, %ecx
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	loop	1b

	lea	PHYS(boot_image_pdpt)(%ebp), %edi
	lea	PHYS(boot_image_pd) + 3(%ebp), %eax
	mov	%eax, 510 * 8(%edi)

	lea	PHYS(boot_pml4)(%ebp), %edi
	lea	PHYS(boot_pdpt) + 3(%ebp), %eax
	mov	%eax, (%edi)		/* identity, for this code */
	mov	%eax, 256 * 8(%edi)	/* DIRECT_BASE */
	lea	PHYS(boot_image_pdpt) + 3(%ebp), %eax
	mov	%eax, 511 * 8(%edi)	/* IMAGE_BASE */

	/* boot_pml5: the lowest and the highest 256 TiB, above boot_pml4. */
	pop	%ecx
	test	$CR4_LA57, %ecx
	jz	1f
	lea	3(%edi), %eax
	lea	PHYS(boot_pml5)(%ebp), %edi
	mov	%eax, (%edi)
	mov	%eax, 511 * 8(%edi)
1:	mov	%edi, %cr3
	mov	%ecx, %cr4		/* what firmware has left there goes */
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$(1 << 8), %eax
	wrmsr
	mov	%cr0, %eax
	and	$~((1 << 30) | (1 << 29) | (1 << 2)), %eax /* CD, NW, EM */
	or	$0x80000001, %eax	/* PG, PE */
	mov	%eax, %cr0

	/* The GDT's address and the far pointer are built on the stack. */
	lea	PHYS(boot_gdt)(%ebp), %eax
	push	%eax
	pushw	$(boot_gdt_end - boot_gdt - 1)
	lgdt	(%esp)
	lea	PHYS(entry64_low)(%ebp), %eax
	push	$0x08
	push	%eax
	lret

no_long_mode:
	lea	PHYS(no_long_mode_text)(%ebp), %esi
1:	lodsb
	test	%al, %al
	jz	3f
	mov	%al, %cl
	mov	$0x3fd, %dx
2:	in	%dx, %al
	test	$0x20, %al
	jz	2b
	mov	$0x3f8, %dx
	mov	%cl, %al
	out	%al, %dx
	jmp	1b
3:	hlt
	jmp	3b
no_long_mode_text:
	.asciz "abyme: this processor has no 64-bit mode; Abyme needs one\r\n"

	.code64
entry64_low:
	movabs	$entry64, %rax
	jmp	*%rax
entry64:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	lea	boot_stack_top(%rip), %rsp
	push	$0			/* end of the backtrace */
	xor	%edi, %edi
	mov	%esi, %edi		/* magic */
	mov	%ebx, %esi		/* host-physical of the information */
	mov	%ebp, %edx		/* host-physical of the image */
	xor	%ebp, %ebp
	call	boot_main
1:	hlt
	jmp	1b

	.section .rodata
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 0x08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 0x10: data */
boot_gdt_end:

	.section .bss.stack, "aw", @nobits
	.balign STACK_SIZE
	.globl boot_stack
boot_stack:
	.skip STACK_SIZE
boot_stack_top:

	.section .bss.boot, "aw", @nobits
	.balign 4096
boot_pml5:
	.skip 4096
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pds:
	.skip 4 * 4096
boot_image_pdpt:
	.skip 4096
boot_image_pd:
	.skip 4096

	.section .note.GNU-stack, "", @progbits
