/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot 2 header with an information request and module alignment. */
#define MB2_MAGIC 0xe85250d6

	.section .mbheader, "a"
	.balign 8
header:
	.long	MB2_MAGIC, 0, header_end - header
	.long	-(MB2_MAGIC + (header_end - header))
	/* information request: memory map is required */
	.short	1, 0
	.long	12
	.long	6
	.balign 8
	/* modules on page boundaries */
	.short	6, 0
	.long	8
	.short	0, 0
	.long	8
header_end:

	.section .note.GNU-stack, "", @progbits
