/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot 1 header with the address fields (bit 16), for an image that is
 * no ELF file: the loader copies the flat file from load_addr on, and clears
 * what lies between load_end_addr and bss_end_addr.
 */
#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x10003

	.section .mbheader, "a"
	.balign 16
	/* The header is not at the start of the file: the loader has to
	 * subtract. */
	.fill	48, 1, 0xcc
mb_header:
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
	.long	mb_header, image_start, image_data_end, image_end, _start

	.section .note.GNU-stack, "", @progbits
