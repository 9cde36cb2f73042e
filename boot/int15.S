/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What answers L1 when it asks the BIOS for the memory map (INT 15h, E820h
 * and its ancestors): the BIOS itself knows nothing of L0's memory. Copied to
 * a reserved place below 640 KiB, entered with IP = 0; boot/int15.c fills in
 * the words at its beginning and appends the map, 20 bytes an entry.
 */
	.section .rodata.int15, "a"
	.balign 16
	.globl int15_stub, int15_stub_end
	.code16
#define SMAP 0x534d4150
#define ENTRY 20
#define OFF(sym) ((sym) - int15_stub)
int15_stub:
	jmp	1f
	.balign 4
old:	.long 0				/* the BIOS' own handler, seg:off */
count:	.word 0				/* entries of the map */
low:	.word 0				/* KiB between 1 MiB and 16 MiB */
high:	.word 0				/* 64 KiB blocks above 16 MiB */
ext:	.word 0				/* KiB above 1 MiB, at most 64 MiB */
1:	cmp	$0xe820, %ax
	je	e820
	cmp	$0xe801, %ax
	je	e801
	cmp	$0x88, %ah
	je	ah88
	/* rarer ways of asking the same: not known */
	cmp	$0xe881, %ax
	je	unknown
	cmp	$0xda88, %ax
	je	unknown
	cmp	$0x8a, %ah
	je	unknown
	cmp	$0xc7, %ah
	je	unknown
	ljmp	*%cs:OFF(old)

e820:	cmp	$SMAP, %edx
	jne	unknown
	cmp	$ENTRY, %ecx
	jb	unknown
	movzwl	%cs:OFF(count), %eax
	cmp	%eax, %ebx
	jae	unknown
	push	%ds
	push	%si
	push	%di
	push	%cs
	pop	%ds
	imul	$ENTRY, %bx, %si
	add	$OFF(int15_stub_end), %si
	mov	$ENTRY / 2, %cx
	cld
	rep movsw
	pop	%di
	pop	%si
	pop	%ds
	inc	%ebx
	cmp	%eax, %ebx
	jb	1f
	xor	%ebx, %ebx		/* that was the last */
1:	mov	$SMAP, %eax
	mov	$ENTRY, %ecx
	jmp	known

e801:	mov	%cs:OFF(low), %ax
	mov	%cs:OFF(high), %bx
	mov	%ax, %cx
	mov	%bx, %dx
	jmp	known

ah88:	mov	%cs:OFF(ext), %ax
	/* the caller's carry flag: clear; flags lie above BP, IP and CS */
known:	push	%bp
	mov	%sp, %bp
	andw	$~1, 6(%bp)
	pop	%bp
	iret

unknown:
	mov	$0x86, %ah
	push	%bp
	mov	%sp, %bp
	orw	$1, 6(%bp)
	pop	%bp
	iret
	.balign 4
int15_stub_end:

	.section .note.GNU-stack, "", @progbits
