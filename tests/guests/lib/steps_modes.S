/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lib/steps.S has, in all other modes, and the ways between them and
 * between rings. Every place that a step ends at is a record in
 * steps_path (struct step_place), in the order in which they are reached;
 * whatever shows flags is stored at ES:EDI. A timer interrupt is always near.
 */
#include "tests/guests/lib/layout.h"
#include "tests/guests/lib/steps.h"

/* RFLAGS' IF and TF where a step ends */
#define OFF 0
#define ON 0x200
#define OWN 0x300 /* the guest steps itself */

#define LOW(x) ((x) - steps_low + LOW_STEPS)
#define MSR_EFER 0xc0000080
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_EIP 0x176

	.set	in_low, 0	/* 1: copied to LOW_STEPS; 2: CS.base is that */
	.set	vendor, 0	/* STEPS_INTEL, STEPS_AMD: only there */

	.section .rodata.steps, "a"
	.globl	steps_path, steps_path_end
	.balign	8
steps_path:

	.macro	record address, want
	.pushsection .rodata.steps, "a"
	.if	in_low == 1
	.long	LOW(\address)
	.elseif	in_low == 2
	.long	\address - steps_low
	.else
	.long	\address
	.endif
	.short	\want
	.if	vendor == STEPS_INTEL
	.short	STEPS_INTEL
	.elseif	vendor == STEPS_AMD
	.short	STEPS_AMD
	.else
	.short	0
	.endif
	.popsection
	.endm

	.macro	at want
771:	record	771b, \want
	.endm

	/* a step ends here, RFLAGS being as @want says */
	.macro	s want, insn:vararg
	at	\want
	\insn
	.endm

	.macro	wrmsr_low number, val
	s	OFF, movl $\number, %ecx
	s	OFF, movl \val, %eax
	s	OFF, xorl %edx, %edx
	s	OFF, wrmsr
	.endm

	/* through the handler @h of @n instructions */
	.macro	through h, n, want=OFF
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7, 8
	.if	\i < \n
	record	\h\()_\i, \want
	.endif
	.endr
	.endm

	/* what is on the stack, into the log */
	.macro	log_pop want, a
	s	\want, pop %\a
	s	\want, stosl
	.endm

	/*
	 * In any 16- and 32-bit mode; @w: their handlers, of @n instructions;
	 * @a: a register of the mode's size, @a2: of the other one.
	 */
	.macro	common w, n, a, a2, pushf2, popf2, sel
	s	OFF, cld
	s	OFF, xor %eax, %eax
	s	OFF, sti
	s	ON, pushf
	log_pop	ON, \a
	s	ON, cli
	s	OFF, pushf
	s	OFF, popf
	s	OFF, sti
	s	ON, sti
	s	ON, movw %ss, %bx
	s	ON, movw %bx, %ss
	s	ON, push %ss
	s	ON, pop %ss
	s	ON, \pushf2
	log_pop	ON, \a2
	s	ON, \pushf2
	s	ON, \popf2
	s	ON, int $STEPS_INT
	through	h\w, \n
	s	ON, int3
	through	h\w, \n
	s	ON, movb $0x7f, %al
	s	ON, incb %al
	s	ON, into
	through	h\w, \n
	s	ON, cmpb %al, %al
	s	ON, into
	s	ON, ud2
	through	hu\w, 2
	s	ON, hlt
	s	ON, movl $2, %ecx
	at	ON
772:	loop	772b
	record	772b, ON
	s	ON, movl $2, %ecx
	at	ON
773:	rep stosb
	record	773b, ON
	s	ON, rep stosb	/* of no rounds */
	s	ON, movw %ds, %bx
	s	ON, movw %bx, %ds
	s	ON, push %es
	s	ON, pop %es
	at	ON
	.if	in_low
	lcall	$\sel, $LOW(774f)
	.else
	lcall	$\sel, $774f
	.endif
776:	jmp	775f
774:	lret
	record	774b, ON
	record	776b, ON
775:
	/* it steps itself: the trap of the second NOP comes as an event */
	s	ON, pushf
	s	ON, pop %\a
	s	ON, or $0x100, %\a
	s	ON, push %\a
	s	ON, popf
	s	OWN, nop
	at	OWN
	through	hd\w, 7
	s	ON, nop
	s	ON, cli
	.endm

	.text
	.code32
	.globl	steps_modes
steps_modes:
	s	OFF, lgdt steps_gdtr
	s	OFF, lidt steps_idtr32
	s	OFF, movl $SEL_USER_DATA | 3, %eax
	s	OFF, movl %eax, %ds
	s	OFF, movl %eax, %es
	s	OFF, movl %eax, %fs
	s	OFF, movl $SEL_DATA, %eax
	s	OFF, movl %eax, %ss
	s	OFF, movl $steps_stack_top, %esp
	s	OFF, movl $LOW_STEPS_LOG, %edi
	common	32, 3, eax, ax, pushfw, popfw, SEL_CODE32
	s	OFF, ljmp $SEL_CODE16, $LOW(pm16)

	/* --- 16 bits, below 64 KiB ------------------------------------------- */
	.section .text.steps_low, "ax"
	.code16
	.set	in_low, 1
	.globl	steps_low, steps_low_end, h16_0, hu16_0, hd16_0, ht16
steps_low:
pm16:
	s	OFF, movw $SEL_DATA16, %ax
	s	OFF, movw %ax, %ds
	s	OFF, movw %ax, %es
	s	OFF, movw %ax, %ss
	s	OFF, movl $LOW_STACK, %esp
	s	OFF, lidtl LOW(idtr16)
	common	16, 4, ax, eax, pushfl, popfl, SEL_CODE16
	s	OFF, movl %cr0, %eax
	s	OFF, andb $~1, %al
	s	OFF, movl %eax, %cr0
	s	OFF, ljmp $0, $LOW(real)
real:
	s	OFF, xorw %ax, %ax
	s	OFF, movw %ax, %ds
	s	OFF, movw %ax, %es
	s	OFF, movw %ax, %ss
	s	OFF, movl $LOW_STACK, %esp
	s	OFF, lidtl LOW(ivtr)
	common	16, 4, ax, eax, pushfl, popfl, 0
	s	OFF, ljmp $(LOW_STEPS >> 4), $(real_base - steps_low)
	.set	in_low, 2
real_base:
	s	OFF, sti
	s	ON, pushf
	s	ON, popf
	s	ON, int $STEPS_INT
	.set	in_low, 1
	through	h16, 4
	.set	in_low, 2
	s	ON, pushl %ss
	s	ON, popl %ss
	s	ON, cli
	s	OFF, movl %cr0, %eax
	s	OFF, orb $1, %al
	s	OFF, movl %eax, %cr0
	s	OFF, ljmpl $SEL_CODE32, $rings32
	.set	in_low, 0
	.text
	.code32

	/* --- rings, by 32-bit gates ----------------------------------------- */
rings32:
	s	OFF, movl $SEL_USER_DATA | 3, %eax
	s	OFF, movl %eax, %ds
	s	OFF, movl %eax, %es
	s	OFF, lidt steps_idtr32
	s	OFF, movl $SEL_DATA, %eax
	s	OFF, movl %eax, %ss
	s	OFF, movl $steps_stack_top, %esp
	s	OFF, movl $STEPS_SEL_TSS32, %eax
	s	OFF, ltr %ax
	s	OFF, pushl $SEL_USER_DATA | 3
	s	OFF, pushl $steps_user_top
	s	OFF, pushl $ON | 2
	s	OFF, pushl $SEL_USER32 | 3
	s	OFF, pushl $user32
	s	OFF, iretl
user32:
	s	ON, pushf
	log_pop	ON, eax
	s	ON, pushl $2
	s	ON, popf
	s	ON, .byte 0x3e; cli	/* #GP; two bytes, as h_gp wants */
	through	hg32, 3
	s	ON, int $STEPS_INT
	through	hg32, 3
	s	ON, int $STEPS_INT_USER
	through	h32, 3, ON
	s	ON, lcall $STEPS_SEL_GATE32, $0
	record	gate32, ON
	s	ON, movl %esp, %ecx
	s	ON, movl $1f, %edx
	s	ON, sysenter
	through	fast32, 4
	record	fast32_4, ON
1:
	s	ON, pushf
	log_pop	ON, eax
	s	ON, testb $STEPS_AMD, steps_vendor
	s	ON, jz 1f
	.set	vendor, STEPS_AMD
	s	ON, syscall
	through	call32, 4
	.set	vendor, 0
1:
	s	ON, int $STEPS_INT_LEAVE
	jmp	.
call32_0:
	movl	%ecx, %eax
call32_1:
	stosl
call32_2:
	pushf
call32_3:
	sysret
gate32:	lret
fast32_0:
	pushf
fast32_1:
	pop	%eax
fast32_2:
	stosl
fast32_3:
	sti
fast32_4:
	sysexit

	/* --- virtual-8086 mode ---------------------------------------------- */
leave32:
	s	OFF, pushl $0		/* GS, FS, DS, ES */
	s	OFF, pushl $0
	s	OFF, pushl $0
	s	OFF, pushl $0
	s	OFF, pushl $0		/* SS:ESP */
	s	OFF, pushl $LOW_STACK
	s	OFF, pushl $0x23002 | ON	/* VM, IOPL 3 */
	s	OFF, pushl $0		/* CS:EIP */
	s	OFF, pushl $LOW(v86)
	s	OFF, iretl

	.section .text.steps_low, "ax"
	.code16
	.set	in_low, 1
v86:
	s	ON, xorw %ax, %ax
	s	ON, pushf
	log_pop	ON, ax
	s	ON, cli
	s	OFF, pushf
	s	OFF, popf
	s	OFF, sti
	s	ON, movw %ss, %bx
	s	ON, movw %bx, %ss
	s	ON, int $STEPS_INT_V86
	.set	in_low, 0
	through	hv32, 5
	.set	in_low, 1
	s	ON, int $STEPS_INT_LEAVE2
	.set	in_low, 0
	.text
	.code32

	/* --- to long mode --------------------------------------------------- */
leave_v86:
	s	OFF, movl $SEL_USER_DATA | 3, %eax
	s	OFF, movl %eax, %ds
	s	OFF, movl %eax, %es
	s	OFF, movl $SEL_DATA, %eax
	s	OFF, movl %eax, %ss
	s	OFF, movl $steps_stack_top, %esp
	wrmsr_low MSR_SYSENTER_CS, $STEPS_SEL_FAST64
	wrmsr_low MSR_SYSENTER_EIP, $fast64_0
	s	OFF, movl saved_cr4, %eax
	s	OFF, movl %eax, %cr4
	s	OFF, movl saved_cr3, %eax
	s	OFF, movl %eax, %cr3
	s	OFF, movl saved_efer, %ebx
	s	OFF, andl $~0x400, %ebx
	wrmsr_low MSR_EFER, %ebx
	s	OFF, movl saved_cr0, %eax
	s	OFF, movl %eax, %cr0
	s	OFF, lidt steps_idtr64	/* compatibility mode from here */
	common	64, 3, eax, ax, pushfw, popfw, SEL_CODE32
	s	OFF, ljmp $SEL_CODE64, $long64
	.code64
long64:
	s	OFF, movq %dr6, %rax	/* as hd64 has left it */
	s	OFF, stosl
	s	OFF, movl $STEPS_SEL_TSS64, %eax
	s	OFF, ltr %ax
	s	OFF, movl $steps_stack_top, %esp
	s	OFF, sti
	s	ON, pushq $SEL_DATA
	s	ON, movw (%rsp), %ss
	s	ON, movq $1f, (%rsp)
	s	ON, pushq $SEL_CODE64
	s	ON, pushq $1f
	s	ON, lretq
1:
	s	ON, ljmp *steps_far
far64:
	s	ON, xorl %ecx, %ecx
	s	ON, jrcxz 1f
	jmp	.
1:
	s	ON, cmpb %al, %al
	s	ON, movl $2, %ecx
	at	ON
2:	loope	2b
	record	2b, ON
	/* emulator fault: QEMU TCG's INT1 raises no #DB */
	s	ON, testb $STEPS_AMD, steps_vendor
	s	ON, jnz 1f
	.set	vendor, STEPS_INTEL
	s	ON, int1
	through	hd64, 7
	.set	vendor, 0
1:
	s	ON, pushq $SEL_USER_DATA | 3
	s	ON, pushq $steps_user_top
	s	ON, pushq $ON | 2
	s	ON, pushq $SEL_USER64 | 3
	s	ON, pushq $user64
	s	ON, iretq
user64:
	s	ON, pushfq
	log_pop	ON, rax
	s	ON, pushq $2
	s	ON, popfq
	s	ON, int $STEPS_INT
	through	hg64, 3
	s	ON, int $STEPS_INT_USER
	through	h64, 3, ON
	s	ON, lcall *steps_far_gate
	record	gate64, ON
	s	ON, testb $STEPS_AMD, steps_vendor
	s	ON, jnz 1f
	.set	vendor, STEPS_INTEL
	s	ON, movq %rsp, %rcx
	s	ON, movl $1f, %edx
	s	ON, sysenter
	through	fast64, 4
	record	fast64_4, ON
	.set	vendor, 0
1:
	s	ON, int $STEPS_INT_LEAVE
	jmp	.
gate64:	lretq
fast64_0:
	pushfq
fast64_1:
	popq	%rax
fast64_2:
	stosl
fast64_3:
	sti
fast64_4:
	sysexitq

	/* --- to compatibility mode in ring 3 -------------------------------- */
leave64:
	wrmsr_low MSR_SYSENTER_EIP, $fastc_0
	/* emulator fault: SYSRET in Bochs leaves SS' limit, now 0, as it is */
	s	OFF, movl $SEL_DATA, %eax
	s	OFF, movl %eax, %ss
	s	OFF, movl $compat3, %ecx
	s	OFF, movl $ON | 2, %r11d
	s	OFF, movl $steps_user_top, %esp
	s	OFF, sysretl
	.code32
compat3:
	s	ON, pushf
	log_pop	ON, eax
	s	ON, int $STEPS_INT_USER
	through	h64, 3, ON
	s	ON, testb $STEPS_AMD, steps_vendor
	s	ON, jnz 1f
	.set	vendor, STEPS_INTEL
	s	ON, movl %esp, %ecx
	s	ON, movl $2f, %edx
	s	ON, sysenter
	through	fastc, 4
	record	fastc_4, ON
	.set	vendor, STEPS_AMD
1:
	s	ON, syscall
	through	callc, 3
	.set	vendor, 0
2:
	s	ON, int $STEPS_INT_LEAVE2
	jmp	.
	.code64
fastc_0:
	pushfq
fastc_1:
	popq	%rax
fastc_2:
	stosl
fastc_3:
	sti
fastc_4:
	sysexitl
callc_0:
	movl	%r11d, %eax
callc_1:
	stosl
callc_2:
	sysretl

	/* --- back ------------------------------------------------------------ */
leave64_2:
	s	OFF, pushq $SEL_CODE32
	s	OFF, pushq $1f
	s	OFF, lretq
	.code32
1:
	s	OFF, movl $SEL_DATA, %eax
	s	OFF, movl %eax, %ss
	s	OFF, movl %cr0, %eax
	s	OFF, andl $0x7fffffff, %eax
	s	OFF, movl %eax, %cr0
	s	OFF, movl $MSR_EFER, %ecx
	s	OFF, rdmsr
	s	OFF, andl $~0x100, %eax
	s	OFF, wrmsr
	s	OFF, movl $low_back32, %eax
	at	OFF
	jmp	*%eax

	/* --- handlers -------------------------------------------------------- */
	.globl	leave_v86, hv32_0, call32_0, h32_0, hu32_0, hg32_0, hd32_0, leave32, ht32, gate32, fast32_0
h32_0:	movl	8(%esp), %eax
h32_1:	stosl
h32_2:	iretl
hu32_0:	addl	$2, (%esp)
hu32_1:	iretl
hg32_0:	add	$4, %esp
hg32_1:	addl	$2, (%esp)
hg32_2:	iretl
hd32_0:	movl	8(%esp), %eax
hd32_1:	stosl
hd32_2:	andb	$~1, 9(%esp)
hd32_3:	movl	%dr6, %eax
hd32_4:	stosl
hd32_5:	movl	%ecx, %dr6
hd32_6:	iretl
hv32_0:	movl	$SEL_DATA, %eax	/* they are null after V86 */
hv32_1:	movl	%eax, %es
hv32_2:	movl	8(%esp), %eax
hv32_3:	stosl
hv32_4:	iretl
ht32:	pushl	%eax
	pushl	%ds
	movl	$SEL_DATA, %eax
	movl	%eax, %ds
	movl	$0, 0xfee000b0
	popl	%ds
	popl	%eax
	iretl
	.code64
	.globl	h64_0, hu64_0, hg64_0, hd64_0, leave64, leave64_2, gate64
	.globl	fast64_0, fastc_0, callc_0, far64
h64_0:	movl	16(%rsp), %eax
h64_1:	stosl
h64_2:	iretq
hu64_0:	addq	$2, (%rsp)
hu64_1:	iretq
hg64_0:	add	$8, %rsp
hg64_1:	addq	$2, (%rsp)
hg64_2:	iretq
hd64_0:	movl	16(%rsp), %eax
hd64_1:	stosl
hd64_2:	andb	$~1, 17(%rsp)
hd64_3:	movq	%dr6, %rax
hd64_4:	stosl
hd64_5:	movq	%rcx, %dr6
hd64_6:	iretq

	.section .text.steps_low, "ax"
	.code16
h16_0:	movw	%sp, %bp
h16_1:	movw	4(%bp), %ax
h16_2:	stosl
h16_3:	iretw
hu16_0:	addr32 addw $2, (%esp)
hu16_1:	iretw
hd16_0:	addr32 movw 4(%esp), %ax
hd16_1:	stosl
hd16_2:	addr32 andb $~1, 5(%esp)
hd16_3:	movl	%dr6, %eax
hd16_4:	stosl
hd16_5:	movl	%ecx, %dr6
hd16_6:	iretw
	/* FS is flat: it keeps its limit in real mode */
ht16:	pushl	%eax
	movl	$0xfee000b0, %eax
	addr32 movl $0, %fs:(%eax)
	popl	%eax
	iretw
	.balign	4
idtr16:	.short	STEPS_VECTORS * 8 - 1
	.long	steps_idt16
ivtr:	.short	STEPS_VECTORS * 4 - 1
	.long	LOW_STEPS_IVT
steps_low_end:

	.data
	.balign	8
	.globl	steps_gdtr, steps_vendor
steps_gdtr:
	.short	STEPS_GDT * 8 - 1
	.long	steps_gdt
steps_idtr32:
	.short	STEPS_VECTORS * 8 - 1
	.long	steps_idt32
steps_idtr64:
	.short	STEPS_VECTORS * 16 - 1
	.long	steps_idt64
steps_far:
	.long	far64
	.short	SEL_CODE64
steps_far_gate:
	.long	0
	.short	STEPS_SEL_GATE64
steps_vendor:
	.byte	0

	.bss
	.balign	16
	.skip	1024
	.globl	steps_stack_top, steps_user_top, steps_entry_top
steps_stack_top:
	.skip	1024
steps_user_top:
	.skip	1024
steps_entry_top:

	.section .rodata.steps, "a"
steps_path_end:

	.section .note.GNU-stack, "", @progbits
