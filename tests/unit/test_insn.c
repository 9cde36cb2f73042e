/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/insn.c core/insn_exec.c */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "core/err.h"
#include "core/insn.h"
#include "core/x86.h"

struct sample {
	u8 mode, len;
	enum insn_op op;
	const char *bytes; /* hexadecimal */
};

static const struct sample samples[] = {
	{ 64, 2, INSN_CPUID, "0fa2" },
	{ 16, 2, INSN_CPUID, "0fa2" },
	{ 64, 4, INSN_CPUID, "66f20fa2" },
	{ 64, 3, INSN_CPUID, "480fa2" },
	{ 64, 2, INSN_RDMSR, "0f32" },
	{ 32, 2, INSN_WRMSR, "0f30" },
	{ 64, 2, INSN_RDTSC, "0f31" },
	{ 64, 3, INSN_RDTSCP, "0f01f9" },
	{ 64, 2, INSN_RDPMC, "0f33" },
	{ 64, 3, INSN_RDPRU, "0f01fd" },
	{ 64, 3, INSN_CR_READ, "0f20c0" },
	{ 64, 4, INSN_CR_READ, "440f20c0" },
	{ 64, 3, INSN_CR_WRITE, "0f22e0" },
	/* mod is ignored: no displacement follows */
	{ 32, 3, INSN_CR_WRITE, "0f22a0" },
	{ 64, 3, INSN_DR_READ, "0f21f8" },
	{ 64, 3, INSN_DR_WRITE, "0f233d" },
	{ 16, 3, INSN_LMSW, "0f01f0" },
	{ 16, 5, INSN_LMSW, "0f01360010" },
	{ 32, 3, INSN_SMSW, "0f01e0" },
	{ 64, 8, INSN_SMSW, "0f01242500100000" },
	{ 64, 2, INSN_CLTS, "0f06" },
	{ 64, 3, INSN_XSETBV, "0f01d1" },
	{ 64, 2, INSN_INVD, "0f08" },
	{ 64, 2, INSN_WBINVD, "0f09" },
	{ 64, 3, INSN_WBINVD, "f30f09" },
	{ 64, 1, INSN_HLT, "f4" },
	{ 16, 2, INSN_IN, "e460" },
	{ 16, 1, INSN_IN, "ed" },
	{ 16, 2, INSN_IN, "66ed" },
	{ 32, 2, INSN_OUT, "e680" },
	{ 32, 1, INSN_OUT, "ee" },
	{ 32, 2, INSN_INS, "f36c" },
	{ 32, 3, INSN_OUTS, "f3666f" },
	{ 64, 3, INSN_OUTS, "2e676e" },
	{ 64, 3, INSN_VMRUN, "0f01d8" },
	{ 64, 3, INSN_VMMCALL, "0f01d9" },
	{ 64, 3, INSN_VMCALL, "0f01c1" },
	{ 64, 3, INSN_VMLOAD, "0f01da" },
	{ 64, 3, INSN_VMSAVE, "0f01db" },
	{ 64, 3, INSN_STGI, "0f01dc" },
	{ 64, 3, INSN_CLGI, "0f01dd" },
	{ 64, 3, INSN_SKINIT, "0f01de" },
	{ 64, 3, INSN_INVLPGA, "0f01df" },
	{ 64, 4, INSN_VMRUN, "670f01d8" },
	{ 64, 3, INSN_INVLPG, "0f0138" },
	{ 64, 7, INSN_INVLPG, "0f013d78563412" },
	{ 32, 4, INSN_INVLPG, "0f017910" },
	{ 64, 5, INSN_INVPCID, "660f388200" },
	{ 64, 2, INSN_PAUSE, "f390" },
	{ 64, 1, INSN_OTHER, "90" },
	{ 64, 3, INSN_MONITOR, "0f01c8" },
	{ 64, 3, INSN_MWAIT, "0f01c9" },
	{ 64, 1, INSN_PUSHF, "9c" },
	{ 16, 2, INSN_POPF, "669d" },
	{ 64, 2, INSN_IRET, "48cf" },
	{ 32, 2, INSN_INT, "cd80" },
	{ 32, 1, INSN_INT3, "cc" },
	{ 32, 1, INSN_INTO, "ce" },
	{ 32, 1, INSN_ICEBP, "f1" },
	{ 32, 2, INSN_RSM, "0faa" },
	{ 16, 5, INSN_LGDT, "0f01160010" },
	{ 64, 3, INSN_LIDT, "0f0118" },
	{ 64, 3, INSN_LTR, "0f00d8" },
	{ 64, 3, INSN_STR, "0f00c8" },
	{ 64, 2, INSN_STORE, "8908" },
	{ 64, 6, INSN_STORE, "c70078563412" },
	{ 64, 10, INSN_STORE, "c7800003000000c50c00" },
	{ 64, 9, INSN_STORE, "a3f0f1f2f3f4f5f6f7" },
	{ 32, 5, INSN_STORE, "a3f0f1f2f3" },
	{ 32, 4, INSN_STORE, "67a3f0f1" },
	{ 64, 10, INSN_OTHER, "48b8f0f1f2f3f4f5f6f7" },
	{ 64, 3, INSN_MOVZX, "0fb60f" },
	{ 64, 3, INSN_MOVSX, "0fbf0f" },
	{ 64, 2, INSN_XCHG, "8708" },
	{ 64, 1, INSN_STOS, "ab" },
	{ 64, 2, INSN_MOVS, "f3a4" },
	{ 64, 2, INSN_ALU_TO_MEM, "0908" },
	{ 64, 6, INSN_ALU_TO_MEM, "812000ff00ff" },
	{ 64, 3, INSN_ALU_TO_MEM, "830802" },
	{ 64, 2, INSN_ALU_TO_REG, "2308" },
	{ 64, 2, INSN_TEST, "8508" },
	{ 64, 6, INSN_TEST, "f70010000000" },
	{ 64, 2, INSN_OTHER, "f7d8" },
	{ 32, 7, INSN_OTHER, "9a112233445566" },
	{ 64, 4, INSN_OTHER, "c8100000" },
	{ 32, 2, INSN_OTHER, "c401" },
};

static size_t unhex(const char *s, u8 *out)
{
	size_t n = 0;

	for (; s[0] && s[1]; s += 2) {
		char d[3] = { s[0], s[1], 0 };

		out[n++] = (u8)strtoul(d, NULL, 16);
	}
	return n;
}

static int decode(struct insn *i, const char *hex, u32 mode)
{
	u8 b[32];

	return insn_decode(i, b, unhex(hex, b), mode);
}

TEST(insn_samples)
{
	for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
		const struct sample *s = &samples[k];
		struct insn i;
		int err = decode(&i, s->bytes, s->mode);

		if (err || i.len != s->len || i.op != s->op)
			printf("%s in %u: err %d op %d len %u\n", s->bytes,
			       s->mode, err, i.op, i.len);
		CHECK_EQ(err, 0);
		CHECK_EQ(i.len, s->len);
		CHECK_EQ(i.op, s->op);
	}
}

/* Every cut of every sample asks for more, and reads no byte beyond. */
TEST(insn_truncated)
{
	for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
		u8 b[32];
		struct insn i;
		size_t n = unhex(samples[k].bytes, b);

		for (size_t cut = 0; cut < MIN(n, samples[k].len); cut++) {
			u8 *exact = malloc(cut ? cut : 1);

			memcpy(exact, b, cut);
			CHECK_EQ(insn_decode(&i, exact, cut, samples[k].mode),
				 -ENOSPC);
			free(exact);
		}
	}
}

TEST(insn_refused)
{
	struct insn i;

	CHECK_EQ(decode(&i, "6666666666666666666666666666660fa2", 64), -E2BIG);
	CHECK_EQ(decode(&i, "6666666666666666666666666666f4", 64), 0);
	CHECK_EQ(i.len, 15);
	CHECK_EQ(decode(&i, "c5f877", 64), -EINVAL); /* VEX */
	CHECK_EQ(decode(&i, "c5f877", 32), -EINVAL);
	CHECK_EQ(decode(&i, "6200000000", 64), -EINVAL); /* EVEX */
	CHECK_EQ(decode(&i, "0f04", 64), -EINVAL);
	CHECK_EQ(decode(&i, "9a112233445566", 64), -EINVAL);
}

TEST(insn_operands)
{
	struct insn i;

	CHECK_EQ(decode(&i, "440f22c1", 64), 0); /* mov cr8, rcx */
	CHECK_EQ(i.reg, 8);
	CHECK_EQ(i.rm, RCX);
	CHECK_EQ(decode(&i, "410f22d9", 64), 0); /* mov cr3, r9 */
	CHECK_EQ(i.reg, 3);
	CHECK_EQ(i.rm, R9);
	CHECK_EQ(decode(&i, "e4fe", 32), 0);
	CHECK_EQ(i.imm, 0xfe);
	CHECK_EQ(i.width, 1);
	CHECK_EQ(decode(&i, "48ed", 64), 0); /* still 32 bits */
	CHECK_EQ(i.width, 4);
	CHECK_EQ(decode(&i, "66c7000080", 64), 0);
	CHECK_EQ(i.width, 2);
	CHECK_EQ(i.imm, 0xffffffffffff8000);
	CHECK_EQ(decode(&i, "48c70078563492", 64), 0);
	CHECK_EQ(i.width, 8);
	CHECK_EQ(i.imm, 0xffffffff92345678);
	CHECK_EQ(decode(&i, "8020f0", 64), 0); /* and byte [rax], 0xf0 */
	CHECK_EQ(i.alu, ALU_AND);
	CHECK_EQ(i.width, 1);
	CHECK_EQ(decode(&i, "0f01e1", 64), 0);
	CHECK_EQ(i.rm, RCX);
	CHECK(!i.is_mem);
	CHECK_EQ(decode(&i, "486689d8", 64), 0); /* REX before 66: void */
	CHECK_EQ(i.opsize, 2);
	CHECK_EQ(i.rex, 0);
}

static u64 offset(const char *hex, u32 mode, u8 *seg)
{
	u64 g[NR_GPRS];
	struct insn i;

	for (u32 k = 0; k < NR_GPRS; k++)
		g[k] = 0x1111111100001000ull * (k + 1);
	CHECK_EQ(decode(&i, hex, mode), 0);
	*seg = i.seg;
	return insn_offset(&i, g, 0x7000);
}

#define REG(n) (0x1111111100001000ull * ((n) + 1))

TEST(insn_addresses)
{
	u8 s;

	CHECK_EQ(offset("8908", 64, &s), REG(RAX));
	CHECK_EQ(s, SEG_DS);
	CHECK_EQ(offset("8948f0", 64, &s), REG(RCX - 1) - 0x10);
	CHECK_EQ(offset("894d08", 64, &s), REG(RBP) + 8);
	CHECK_EQ(s, SEG_SS);
	CHECK_EQ(offset("890d10000000", 64, &s), 0x7000 + 6 + 0x10);
	CHECK_EQ(offset("890d10000000", 32, &s), 0x10);
	CHECK_EQ(offset("67890d10000000", 64, &s), 0x7000 + 7 + 0x10);
	/* [rbx + r9*4 + 0x20] */
	CHECK_EQ(offset("42894c8b20", 64, &s), REG(RBX) + REG(R9) * 4 + 0x20);
	/* no index; base r12 */
	CHECK_EQ(offset("41890c24", 64, &s), REG(R12));
	/* index r12 is one */
	CHECK_EQ(offset("42890c20", 64, &s), REG(RAX) + REG(R12));
	/* SIB without base */
	CHECK_EQ(offset("890c0500000080", 64, &s),
		 REG(RAX) + 0xffffffff80000000);
	CHECK_EQ(offset("41890c2500000080", 64, &s), 0xffffffff80000000);
	CHECK_EQ(offset("678908", 64, &s), (u32)REG(RAX));
	/* 16-bit forms */
	CHECK_EQ(offset("8900", 16, &s), (u16)(REG(RBX) + REG(RSI)));
	CHECK_EQ(s, SEG_DS);
	CHECK_EQ(offset("894304", 16, &s), (u16)(REG(RBP) + REG(RDI) + 4));
	CHECK_EQ(s, SEG_SS);
	CHECK_EQ(offset("890e3412", 16, &s), 0x1234);
	CHECK_EQ(offset("6489868000", 16, &s), (u16)(REG(RBP) + 0x80));
	CHECK_EQ(s, SEG_FS);
	CHECK_EQ(offset("658908", 64, &s), REG(RAX));
	CHECK_EQ(s, SEG_GS);
	CHECK_EQ(offset("aa", 64, &s), REG(RDI));
	CHECK_EQ(s, SEG_ES);
	CHECK_EQ(offset("2e6e", 32, &s), (u32)REG(RSI));
	CHECK_EQ(s, SEG_CS);
	CHECK_EQ(offset("a11122334455667788", 64, &s), 0x8877665544332211);
}

TEST(insn_linear)
{
	u64 g[NR_GPRS] = { [RAX] = 0xfffffff0 };
	struct insn i;

	CHECK_EQ(decode(&i, "658908", 64), 0);
	CHECK_EQ(insn_linear(&i, g, 0, 0x1000), 0x100000ff0);
	CHECK_EQ(decode(&i, "3e8908", 64), 0);
	CHECK_EQ(insn_linear(&i, g, 0, 0x1000), 0xfffffff0);
	CHECK_EQ(decode(&i, "8908", 32), 0);
	CHECK_EQ(insn_linear(&i, g, 0, 0x1000), 0xff0);
}

TEST(insn_registers)
{
	u64 g[NR_GPRS] = { [RAX] = 0x1122334455667788, [RSP] = ~0ull };
	struct insn i;

	CHECK_EQ(decode(&i, "8820", 64), 0); /* mov [rax], ah */
	CHECK_EQ(insn_reg_read(&i, g, i.reg, 1), 0x77);
	insn_reg_write(&i, g, i.reg, 1, 0xaa);
	CHECK_EQ(g[RAX], 0x112233445566aa88);
	CHECK_EQ(decode(&i, "408820", 64), 0); /* with REX: SPL */
	CHECK_EQ(insn_reg_read(&i, g, i.reg, 1), 0xff);
	insn_reg_write(&i, g, RAX, 4, 1);
	CHECK_EQ(g[RAX], 1);
	insn_reg_write(&i, g, RSP, 2, 0x1234);
	CHECK_EQ(g[RSP], 0xffffffffffff1234);
}

/* The processor itself is the judge of values and flags. */
#define ARITH \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define NATIVE(insn, a, b, flags)                                       \
	__asm__("push %2\n\tpopf\n\t" insn " %3, %0\n\tpushf\n\tpop %1" \
		: "+r"(a), "=&r"(flags)                                 \
		: "r"((u64)((flags) | 2)), "r"(b)                       \
		: "cc", "memory")

static u32 native(enum insn_alu op, u32 a, u32 b, u64 *flags)
{
	u64 f = *flags;

	switch (op) {
	case ALU_ADD:
		NATIVE("addl", a, b, f);
		break;
	case ALU_OR:
		NATIVE("orl", a, b, f);
		break;
	case ALU_ADC:
		NATIVE("adcl", a, b, f);
		break;
	case ALU_SBB:
		NATIVE("sbbl", a, b, f);
		break;
	case ALU_AND:
		NATIVE("andl", a, b, f);
		break;
	case ALU_SUB:
		NATIVE("subl", a, b, f);
		break;
	case ALU_XOR:
		NATIVE("xorl", a, b, f);
		break;
	case ALU_CMP:
		NATIVE("cmpl", a, b, f);
		break;
	}
	*flags = f;
	return a;
}

TEST(insn_alu_as_hardware)
{
	static const u32 edge[] = { 0, 1, 7, 8, 0x7fffffff, 0x80000000, ~0u };

	for (u32 n = 0; n < 20000; n++) {
		enum insn_alu op = unit_random() & 7;
		u32 a = n & 1 ? edge[unit_random() % 7] : (u32)unit_random();
		u32 b = n & 2 ? edge[unit_random() % 7] : (u32)unit_random();
		u64 f = unit_random() & RFLAGS_CF, g = f, undef = 0;

		if (op == ALU_AND || op == ALU_OR || op == ALU_XOR)
			undef = RFLAGS_AF;
		CHECK_EQ(insn_alu(op, a, b, 4, &f), native(op, a, b, &g));
		CHECK_EQ(f & ARITH & ~undef, g & ARITH & ~undef);
	}
}

/*
 * Lengths of random instructions against objdump, when it is there. Each
 * stands in a slot of 32 bytes padded with NOPs, so that the listing is in
 * step again at the next slot whatever the slot holds.
 */
#define SLOT 32
#define SLOTS 6000

static void random_insn(u8 *b, u32 mode)
{
	static const u8 prefix[] = { 0x66, 0x67, 0xf3, 0x2e, 0x64 };
	u32 n = 0, kind = unit_random() % 8;

	for (u32 k = 0; k < 16; k++)
		b[k] = (u8)unit_random();
	if (unit_random() % 2)
		b[n++] = prefix[unit_random() % ARRAY_SIZE(prefix)];
	if (mode == 64 && unit_random() % 3 == 0)
		b[n++] = 0x40 | (unit_random() & 15);
	if (kind >= 4)
		b[n++] = 0x0f;
	if (kind == 7)
		b[n++] = unit_random() % 2 ? 0x38 : 0x3a;
	memset(b + 16, 0x90, SLOT - 16);
}

/* What objdump counts differently, or only one of both knows. */
static bool not_compared(const struct insn *i, const char *text)
{
	static const char *const lone[] = {
		"data16", "addr32", "addr16", "rex", "cs", "fs",   "repz",
		"repnz",  "ds",	    "es",     "ss",  "gs", "lock", "data32"
	};
	const char *end = text + strlen(text);

	if (strstr(text, "(bad)") || i->opcode == 0x9b)
		return true;
	/* near branches with 66 in 64-bit mode: Intel and AMD differ */
	if (i->mode == 64 && i->opsize_prefix &&
	    ((i->map == 1 && (i->opcode == 0xe8 || i->opcode == 0xe9)) ||
	     (i->map == 2 && (i->opcode & 0xf0) == 0x80)))
		return true;
	/* the listing's last word is a prefix: it was split off */
	while (end > text && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	while (end > text && end[-1] != ' ')
		end--;
	for (u32 k = 0; k < ARRAY_SIZE(lone); k++)
		if (!strncmp(end, lone[k], strlen(lone[k])) &&
		    (!lone[k][0] || strchr(" \n.", end[strlen(lone[k])])))
			return true;
	return false;
}

static void compare(const u8 *mem, u32 mode, FILE *list)
{
	char line[512];
	u32 compared = 0;

	while (fgets(line, sizeof(line), list)) {
		char *tab = strchr(line, '\t'), *text;
		u32 at, n = 0;
		struct insn i;

		if (!tab || sscanf(line, " %x:", &at) != 1 || at % SLOT)
			continue;
		text = strchr(tab + 1, '\t');
		if (!text || insn_decode(&i, mem + at, 16, mode))
			continue;
		for (char *p = tab + 1; p + 1 < text; p += 3, n++)
			if (p[0] == ' ')
				break;
		if (not_compared(&i, text + 1))
			continue;
		compared++;
		if (n != i.len)
			printf("%u: objdump %u, here %u: %s", mode, n, i.len,
			       line);
		CHECK_EQ(i.len, n);
	}
	printf("compared %u in mode %u\n", compared, mode);
	CHECK(compared > SLOTS / 3);
}

static void against_objdump(u32 mode, const char *machine)
{
	static u8 mem[SLOTS * SLOT];
	char name[] = "/tmp/insnXXXXXX", cmd[160];
	int fd = mkstemp(name);
	FILE *list;

	CHECK(fd >= 0);
	for (u32 k = 0; k < SLOTS; k++)
		random_insn(mem + k * SLOT, mode);
	CHECK_EQ(write(fd, mem, sizeof(mem)), sizeof(mem));
	close(fd);
	snprintf(cmd, sizeof(cmd),
		 "objdump -D -b binary -m %s --insn-width=16 %s", machine,
		 name);
	list = popen(cmd, "r");
	CHECK(list != NULL);
	compare(mem, mode, list);
	pclose(list);
	unlink(name);
}

TEST(insn_lengths_as_objdump)
{
	if (system("objdump --version >/dev/null 2>&1"))
		return;
	against_objdump(64, "i386:x86-64");
	against_objdump(32, "i386");
	against_objdump(16, "i8086");
}
