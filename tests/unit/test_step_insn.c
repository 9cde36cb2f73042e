/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/step_insn.c core/insn.c */
/* What single steps know of instructions that touch TF and IF. */
#include "tests/unit/unit.h"

#include "core/debug.h"
#include "core/step_insn.h"
#include "core/x86.h"

static enum step_kind kind(const char *bytes, size_t n, u32 mode, u64 rflags,
			   u8 *vector)
{
	struct step_insn s = { .vector = 0 };

	step_insn_decode(&s, (const u8 *)bytes, n, mode, rflags);
	if (vector)
		*vector = s.vector;
	return s.kind;
}

#define KIND(bytes, mode) kind(bytes, sizeof(bytes) - 1, mode, 0, NULL)

TEST(kinds)
{
	u8 vector;

	CHECK_EQ(KIND("\x90", 64), STEP_PLAIN);
	CHECK_EQ(KIND("\x9c", 64), STEP_PUSHF);
	CHECK_EQ(KIND("\x66\x9d", 16), STEP_POPF);
	CHECK_EQ(KIND("\x48\xcf", 64), STEP_IRET);
	CHECK_EQ(KIND("\xfa", 32), STEP_CLI);
	CHECK_EQ(KIND("\xfb", 32), STEP_STI);
	CHECK_EQ(KIND("\x0f\x05", 64), STEP_SYSCALL);
	CHECK_EQ(KIND("\x48\x0f\x07", 64), STEP_SYSRET);
	CHECK_EQ(KIND("\x0f\x34", 32), STEP_SYSENTER);
	CHECK_EQ(KIND("\x0f\x30", 64), STEP_WRMSR);
	CHECK_EQ(KIND("\x0f\x32", 64), STEP_PLAIN);
	CHECK_EQ(KIND("\xf4", 64), STEP_HALT);
	CHECK_EQ(KIND("\x0f\x01\xc9", 64), STEP_HALT);
	CHECK_EQ(KIND("\x8e\xd0", 64), STEP_MOV_SS);
	CHECK_EQ(KIND("\x8e\xd8", 64), STEP_PLAIN); /* DS */
	CHECK_EQ(KIND("\x17", 16), STEP_MOV_SS);
	CHECK_EQ(KIND("\x17", 64), STEP_PLAIN); /* undefined there */
	CHECK_EQ(KIND("\xc5\xf8\x77", 64), STEP_PLAIN);
	CHECK_EQ(KIND("\x0f", 64), STEP_PLAIN); /* the rest cannot be read */
	CHECK_EQ(kind("\xcd\x80", 2, 64, 0, &vector), STEP_INT);
	CHECK_EQ(vector, 0x80);
	CHECK_EQ(kind("\xcc", 1, 64, 0, &vector), STEP_INT);
	CHECK_EQ(vector, VEC_BP);
	CHECK_EQ(kind("\xf1", 1, 64, 0, &vector), STEP_INT);
	CHECK_EQ(vector, VEC_DB);
	CHECK_EQ(kind("\xce", 1, 32, 0, &vector), STEP_PLAIN);
	CHECK_EQ(kind("\xce", 1, 64, RFLAGS_OF, &vector), STEP_PLAIN);
	CHECK_EQ(kind("\xce", 1, 32, RFLAGS_OF, &vector), STEP_INT);
	CHECK_EQ(vector, VEC_OF);
}

/* BTF is clear in the step; bit 0 (LBR) may change by itself. */
TEST(debugctl_of_a_step)
{
	CHECK_EQ(debug_step_debugctl(0, 0, false), 0);
	CHECK_EQ(debug_step_debugctl(DEBUGCTL_BTF, 0, false), DEBUGCTL_BTF);
	CHECK_EQ(debug_step_debugctl(DEBUGCTL_BTF, BIT(0), false),
		 DEBUGCTL_BTF | BIT(0));
	/* WRMSR has cleared it, or set it */
	CHECK_EQ(debug_step_debugctl(DEBUGCTL_BTF, BIT(0), true), BIT(0));
	CHECK_EQ(debug_step_debugctl(0, DEBUGCTL_BTF, true), DEBUGCTL_BTF);
	CHECK_EQ(step_insn_flags(STEP_WRMSR, RFLAGS_IF, RFLAGS_TF, 0),
		 RFLAGS_IF);
}

TEST(flags_of_a_plain_instruction_are_the_guests)
{
	CHECK_EQ(step_insn_flags(STEP_PLAIN, RFLAGS_IF, RFLAGS_TF | RFLAGS_ZF,
				 0),
		 RFLAGS_IF | RFLAGS_ZF);
	CHECK_EQ(step_insn_flags(STEP_PUSHF, RFLAGS_TF, RFLAGS_TF, 0),
		 RFLAGS_TF);
	CHECK_EQ(step_insn_flags(STEP_PLAIN, 0, RFLAGS_TF, 0), 0);
}

TEST(flags_that_were_loaded_stay)
{
	/* POPF of IF and TF; without the privilege IF is left as it was */
	CHECK_EQ(step_insn_flags(STEP_POPF, 0, RFLAGS_TF | RFLAGS_IF, 0),
		 RFLAGS_TF | RFLAGS_IF);
	CHECK_EQ(step_insn_flags(STEP_POPF, RFLAGS_IF, 0, 0), 0);
	CHECK_EQ(step_insn_flags(STEP_POPF, RFLAGS_IF, RFLAGS_TF, 3),
		 RFLAGS_IF | RFLAGS_TF);
	CHECK_EQ(step_insn_flags(STEP_IRET, 3ull << 12 | RFLAGS_IF, 0, 3), 0);
	CHECK_EQ(step_insn_flags(STEP_CLI, RFLAGS_IF, RFLAGS_TF, 0), 0);
	CHECK_EQ(step_insn_flags(STEP_CLI, RFLAGS_IF, RFLAGS_TF, 3),
		 RFLAGS_IF); /* VIF */
	CHECK_EQ(step_insn_flags(STEP_SYSENTER, RFLAGS_IF, RFLAGS_TF, 3), 0);
}

TEST(syscall_and_back)
{
	struct step_syscall c = {
		.rip = 0x401002,
		.rflags = RFLAGS_IF | RFLAGS_RF | RFLAGS_FIXED | RFLAGS_CF,
		.star = 0x0023001000000000ull,
		.target = 0xffffffff81000000ull,
		.sfmask = RFLAGS_IF | RFLAGS_TF,
		.wide = true,
	};

	step_syscall(&c);
	CHECK_EQ(c.rip, 0xffffffff81000000ull);
	CHECK_EQ(c.rcx, 0x401002);
	CHECK_EQ(c.r11, RFLAGS_IF | RFLAGS_FIXED | RFLAGS_CF);
	CHECK_EQ(c.rflags, RFLAGS_FIXED | RFLAGS_CF);
	CHECK_EQ(c.cs, 0x10);
	CHECK_EQ(c.ss, 0x18);
	CHECK_EQ(c.cs_attr >> 5 & 3, 0);
	CHECK(step_sysret(&c));
	CHECK_EQ(c.rip, 0x401002);
	CHECK_EQ(c.rflags, RFLAGS_IF | RFLAGS_FIXED | RFLAGS_CF);
	CHECK_EQ(c.cs, 0x33);
	CHECK_EQ(c.ss, 0x2b);
	CHECK_EQ(c.ss_attr >> 5 & 3, 3);
	c.wide = false;
	CHECK(step_sysret(&c));
	CHECK_EQ(c.cs, 0x23);
	c.wide = true;
	c.rcx = 1ull << 47;
	CHECK(!step_sysret(&c));
}

TEST(syscall_outside_long_mode)
{
	struct step_syscall c = {
		.rip = 0x401002,
		.rflags = RFLAGS_IF | RFLAGS_FIXED | RFLAGS_CF,
		.r11 = 0x11,
		.star = 0x0030000800105000ull,
		.target = 0xffffffff81000000ull,
		.sfmask = RFLAGS_CF,
		.not_long = true,
		.not_64 = true,
	};

	step_syscall(&c);
	CHECK_EQ(c.rip, 0x105000);
	CHECK_EQ(c.rcx, 0x401002);
	CHECK_EQ(c.r11, 0x11);
	CHECK_EQ(c.rflags, RFLAGS_FIXED | RFLAGS_CF);
	CHECK_EQ(c.cs, 8);
	CHECK_EQ(c.cs_attr, 0xc09b);
	CHECK(step_sysret(&c));
	CHECK_EQ(c.rip, 0x401002);
	CHECK_EQ(c.rflags, RFLAGS_IF | RFLAGS_FIXED | RFLAGS_CF);
	CHECK_EQ(c.cs, 0x33);
	CHECK_EQ(c.ss, 0x3b);
	CHECK_EQ(c.cs_attr, 0xc0fb);
}
