/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compatibility mode: 32-bit code that 64-bit code calls. */
#ifndef TESTS_GUESTS_LIB_COMPAT_H
#define TESTS_GUESTS_LIB_COMPAT_H

/* Defines compat_NAME: these instructions and the way back. */
#define COMPAT(name, insn)                         \
	extern const char compat_##name[];         \
	__asm__(".code32; compat_" #name ": " insn \
		"; ljmp $0x8, $compat_back; .code64")

/* CALL it; for try(). */
void compat_call(void *code);

#endif
