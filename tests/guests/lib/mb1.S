/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot 1 header: page-align the modules, give a memory map. */
#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x3

	.section .mbheader, "a"
	.balign 4
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

	.section .note.GNU-stack, "", @progbits
