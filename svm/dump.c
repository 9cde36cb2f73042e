/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of exit codes, and all of a VMCB on the console. */
#include "core/bits.h"
#include "core/printk.h"
#include "core/string.h"
#include "svm/internal.h"

static const char *const names[256] = {
#define INTERCEPT(name, word, bit, code) [code] = #name,
#include "svm/exits.def"
	[0xf0] = "NPF",		 [0xf1] = "AVIC_INCOMPLETE_IPI",
	[0xf2] = "AVIC_NOACCEL", [0xf3] = "VMGEXIT",
	[0xff] = "other",
};

#define N16(p)                                                                \
	p "0", p "1", p "2", p "3", p "4", p "5", p "6", p "7", p "8", p "9", \
		p "10", p "11", p "12", p "13", p "14", p "15"
static const char *const reg_names[64] = { N16("CR_READ_"), N16("CR_WRITE_"),
					   N16("DR_READ_"), N16("DR_WRITE_") };

static const char *const exc_names[32] = {
	"EXC_DE", "EXC_DB", "EXC_2",  "EXC_BP", "EXC_OF", "EXC_BR", "EXC_UD",
	"EXC_NM", "EXC_DF", "EXC_9",  "EXC_TS", "EXC_NP", "EXC_SS", "EXC_GP",
	"EXC_PF", "EXC_15", "EXC_MF", "EXC_AC", "EXC_MC", "EXC_XF", "EXC_20",
	"EXC_CP", "EXC_22", "EXC_23", "EXC_24", "EXC_25", "EXC_26", "EXC_27",
	"EXC_HV", "EXC_VC", "EXC_SX", "EXC_31",
};

const char *svm_exit_name(u32 raw)
{
#define EXITCODE(name, code)    \
	if (raw == (u32)(code)) \
		return #name;
#include "svm/exits.def"
	if (raw < 0x40)
		return reg_names[raw];
	if (raw < 0x60)
		return exc_names[raw - 0x40];
	if (raw < ARRAY_SIZE(names) && names[raw])
		return names[raw];
	return "unknown";
}

static void dump_seg(const char *name, const struct vmcb_seg *s)
{
	log_err("  %-16s %04x attr %04x limit %08x base %016llx", name, s->sel,
		s->attr, s->limit, (unsigned long long)s->base);
}

/* Intercept @bit of word @i has the number of its exit code. */
static void dump_intercepts(u32 i, u32 word)
{
	static const char *const words[NR_ICPT_WORDS] = {
		"icpt_cr",    "icpt_dr",    "icpt_exc",
		"icpt_misc1", "icpt_misc2", "icpt_misc3"
	};
	char text[192] = "";

	for (u32 bit = 0; bit < 32; bit++)
		if (word >> bit & 1)
			bits_add(text, sizeof(text),
				 svm_exit_name(32 * i + bit));
	log_err("  %-16s %08x%s", words[i], word, text);
}

static const struct bit_name vintr_names[] = {
	{ 8, "V_IRQ" },		{ 9, "V_GIF" },
	{ 11, "V_NMI" },	{ 12, "V_NMI_MASK" },
	{ 20, "V_IGN_TPR" },	{ 24, "V_INTR_MASKING" },
	{ 25, "V_GIF_ENABLE" }, { 26, "V_NMI_ENABLE" },
	{ 30, "x2AVIC" },	{ 31, "AVIC" },
};
static const struct bit_table vintr = { ARRAY_SIZE(vintr_names), vintr_names };

static const struct bit_name nested_names[] = {
	{ 0, "NP" },
	{ 1, "SEV" },
	{ 2, "SEV-ES" },
	{ 3, "GMET" },
};
static const struct bit_table nested = { ARRAY_SIZE(nested_names),
					 nested_names };

/* EVENTINJ, EXITINTINFO */
static void event_text(u64 e, char *buf, size_t size)
{
	static const char *const types[] = { "interrupt", "type 1", "NMI",
					     "exception", "INT n",  "type 5",
					     "type 6",	  "type 7" };

	if (!(e & EVINJ_V))
		snprintf(buf, size, " none");
	else if (e & EVINJ_EV)
		snprintf(buf, size, " %s, vector %u, error code %#x",
			 types[e >> 8 & 7], (u32)(e & EVINJ_VECTOR),
			 (u32)(e >> EVINJ_ERROR_SHIFT));
	else
		snprintf(buf, size, " %s, vector %u", types[e >> 8 & 7],
			 (u32)(e & EVINJ_VECTOR));
}

static void field_text(const char *name, u64 val, char *buf, size_t size)
{
	static const struct {
		const char *name;
		const struct bit_table *bits;
	} known[] = {
		{ "cr0", &bits_cr0 },	{ "cr4", &bits_cr4 },
		{ "efer", &bits_efer }, { "rflags", &bits_rflags },
		{ "vintr", &vintr },	{ "nested_ctl", &nested },
	};

	buf[0] = 0;
	for (u32 i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i].name))
			bits_text(known[i].bits,
				  known[i].bits == &vintr ? val & BITS(31, 8)
							  : val,
				  buf, size);
	if (!strcmp(name, "eventinj") || !strcmp(name, "exitintinfo"))
		event_text(val, buf, size);
	if (!strcmp(name, "exitcode"))
		bits_add(buf, size, svm_exit_name((u32)val));
}

static void dump_field(const char *name, u64 val, int digits)
{
	char text[192];

	field_text(name, val, text, sizeof(text));
	log_err("  %-16s %0*llx%s", name, digits, (unsigned long long)val,
		text);
}

void svm_dump_vmcb(const char *title, const struct vmcb *b)
{
	log_err("%s: exit 0x%llx %s", title,
		(unsigned long long)vmcb_exitcode(b),
		svm_exit_name((u32)vmcb_exitcode(b)));
	for (u32 i = 0; i < NR_ICPT_WORDS; i++)
		dump_intercepts(i, vmcb_intercept_word(b, i));
#define VMCB_FIELD(name, type, offset, clean) \
	dump_field(#name, vmcb_##name(b), (int)sizeof(type) * 2);
#define VMCB_SEG(name, offset, clean) dump_seg(#name, vmcb_##name(b));
#include "svm/vmcb.def"
}

void svm_dump(struct vcpu *v)
{
	static const char *const gpr[] = { "rax", "rcx", "rdx", "rbx",
					   "rsp", "rbp", "rsi", "rdi",
					   "r8",  "r9",	 "r10", "r11",
					   "r12", "r13", "r14", "r15" };
	char line[96];
	int n;

	for (u32 i = 0; i < NR_GPRS; i += 4) {
		n = 0;
		for (u32 k = i; k < i + 4; k++)
			n += snprintf(line + n, sizeof(line) - (size_t)n,
				      "%3s %016llx ", gpr[k],
				      (unsigned long long)v->gpr[k]);
		log_err("  %s", line);
	}
	svm_vmsave(v->svm->vmcb_pa);
	svm_dump_vmcb(v->in_l2 ? "vmcb02" : "vmcb01", v->svm->vmcb);
}
