/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of exit codes, and all of a VMCB on the console. */
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

void svm_dump_vmcb(const char *title, const struct vmcb *b)
{
	log_err("%s: exit 0x%llx %s", title,
		(unsigned long long)vmcb_exitcode(b),
		svm_exit_name((u32)vmcb_exitcode(b)));
	log_err("  %-16s %08x %08x %08x %08x %08x %08x", "intercepts",
		vmcb_intercept_word(b, ICPT_CR),
		vmcb_intercept_word(b, ICPT_DR),
		vmcb_intercept_word(b, ICPT_EXC),
		vmcb_intercept_word(b, ICPT_MISC1),
		vmcb_intercept_word(b, ICPT_MISC2),
		vmcb_intercept_word(b, ICPT_MISC3));
#define VMCB_FIELD(name, type, offset, clean)                   \
	log_err("  %-16s %0*llx", #name, (int)sizeof(type) * 2, \
		(unsigned long long)vmcb_##name(b));
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
