/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every register that an instruction reads, into regs_seen: see lib/regs.h. */
#include "core/msr.h"
#include "tests/guests/lib/regs.h"

	.bss
	.globl	regs_seen, regs_seen_end
	.balign	16
regs_seen:
	.skip	64 * 8
regs_seen_end:

	.section .rodata
	.globl	regs_names
regs_names:

	/* store REG, "its name for gdb"; the next slot */
	.set	slot, 0
	.macro	name text
	.pushsection .rodata
	.ascii	"\text "
	.popsection
	.endm
	.macro	keep reg, text
	mov	\reg, regs_seen + 8 * slot
	.set	slot, slot + 1
	name	\text
	.endm
	.macro	keep_cr reg, text
	mov	\reg, %rax
	keep	%rax, \text
	.endm
	.macro	keep_seg reg, text
	mov	\reg, %eax
	keep	%rax, \text
	.endm
	.macro	keep_msr msr, text
	mov	$\msr, %ecx
	rdmsr
	mov	%eax, regs_seen + 8 * slot
	mov	%edx, regs_seen + 8 * slot + 4
	.set	slot, slot + 1
	name	\text
	.endm
	.macro	keep_table insn, base, limit
	\insn	table
	mov	table + 2, %rax
	keep	%rax, \base
	movzwl	table, %eax
	keep	%rax, \limit
	.endm

	.bss
table:	.skip	16

	.text
	.code64
	.globl	regs_code
regs_code:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	$REGS_WRITE, %eax
	cpuid
	pushfq
	pop	%rax
	keep	%rax, eflags
	keep	%rsi, rsi
	keep	%rdi, rdi
	keep	%rbp, rbp
	keep	%r8, r8
	keep	%r9, r9
	keep	%r10, r10
	keep	%r11, r11
	keep	%r12, r12
	keep	%r13, r13
	keep	%r14, r14
	keep	%r15, r15
	keep	%rsp, rsp
	keep_cr	%cr0, cr0
	keep_cr	%cr2, cr2
	keep_cr	%cr3, cr3
	keep_cr	%cr4, cr4
	keep_cr	%cr8, cr8
	keep_cr	%dr0, dr0
	keep_cr	%dr1, dr1
	keep_cr	%dr2, dr2
	keep_cr	%dr3, dr3
	keep_cr	%dr6, dr6
	keep_cr	%dr7, dr7
	keep_seg %es, es
	keep_seg %cs, cs
	keep_seg %ss, ss
	keep_seg %ds, ds
	keep_seg %fs, fs
	keep_seg %gs, gs
	xor	%eax, %eax
	str	%ax
	keep	%rax, tr
	sldt	%ax
	keep	%rax, ldtr
	keep_table sgdt, gdtr_base, gdtr_limit
	keep_table sidt, idtr_base, idtr_limit
	keep_msr MSR_EFER, efer
	keep_msr MSR_STAR, star
	keep_msr MSR_LSTAR, lstar
	keep_msr MSR_CSTAR, cstar
	keep_msr MSR_SFMASK, sfmask
	keep_msr MSR_FS_BASE, fs_base
	keep_msr MSR_GS_BASE, gs_base
	keep_msr MSR_KERNEL_GS_BASE, kernel_gs_base
	keep_msr MSR_SYSENTER_CS, sysenter_cs
	keep_msr MSR_SYSENTER_ESP, sysenter_esp
	keep_msr MSR_SYSENTER_EIP, sysenter_eip
	keep_msr MSR_PAT, pat
	keep_msr MSR_APIC_BASE, apic_base
	xor	%ecx, %ecx
	xgetbv
	keep	%rax, xcr0
	xor	%edx, %edx
	stmxcsr	regs_seen + 8 * slot
	.set	slot, slot + 1
	name	mxcsr
	fnstcw	regs_seen + 8 * slot
	.set	slot, slot + 1
	name	fctrl
	movdqu	%xmm3, regs_seen + 8 * slot
	.set	slot, slot + 2
	name	xmm3_low
	name	xmm3_high
	/* without AVX in XCR0 it is #UD */
	test	$4, %al
	jz	1f
	vextractf128 $1, %ymm12, regs_seen + 8 * slot
1:
	.set	slot, slot + 2
	name	ymm12h_low
	name	ymm12h_high
	mov	$REGS_READ, %eax
	cpuid
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.section .rodata
	.byte	0
