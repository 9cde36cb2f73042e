/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every exception that an instruction of L2's can raise: intercepted, with its
 * error code and address, and as L2's own.
 */
/* boot: emus=qemu,bochs-svm bare timeout=40 */
/* boot: emus=qemu name=no-npt hv=svm.features=-npt,-nrip timeout=40 */
#include "tests/guests/lib/svm.h"
#include "tests/guests/lib/tables.h"

#define TCG(text) EMU_QEMU, text
#define BOCHS(text) EMU_BOCHS, text
#define ICPT_EXC(n) (ICPT_EXC0 + (n))
#define NO_RIP BIT(1) /* where RIP stands differs */
#define TRAP BIT(2)   /* a trap: RIP is behind the instruction */

static struct l2 l2;

#define LOST_PAGE GiB(12) /* L2-linear, of its own in L1's tables */
#define PAGE_PA MiB(64)
#define NO_ERROR (~0ull)
#define USER BIT(3)	 /* at CPL 3 */
#define SHORT_TSS BIT(4) /* no room in it for what INT 30h's gate needs */
#define SHORT_IDT BIT(5) /* it ends behind vector 8 */
#define INSN_EXC BIT(6)	 /* an instruction's own exception: saves nRIP */
#define JUMPS BIT(7)	 /* the instruction that faults is at LOST_PAGE */

struct exc_case {
	const char *name;
	void (*code)(void);
	const char *at, *next; /* the instruction, the one behind it */
	u32 vector;
	u64 error, pte, intinfo; /* pte: of LOST_PAGE */
	u32 flags;
	const char *part; /* the checks that the fault changes; "": all */
	enum emulator emu;
	const char *fault;
};

#define ONLY(part, ...) part, __VA_ARGS__
#define FINE "", EMU_NONE, ""
#define TOUCH "movabs $0x300000000, %rax"
#define NO_PTE 0
#define PTE(bits) (PAGE_PA | (bits))
#define IST_INT (EVINJ_V | EVINJ_SOFT | 0x30)

/* name, setup, instruction, vector, error code, PTE, EXITINTINFO, flags, fault.
 * #OF and #BR are in svm-code32; 2, 9, 15, 18 and 20 on have no instruction. */
#define EXCS(X)                                                                \
	X(de, "xor %ecx, %ecx", "div %ecx", VEC_DE, NO_ERROR, 0, 0, 0, FINE)   \
	X(db_step, "pushf; orl $0x100, (%rsp); popf", "nop", VEC_DB, NO_ERROR, \
	  0, 0, TRAP, FINE)                                                    \
	X(db_gd, "mov $0x2400, %eax; mov %rax, %dr7", "mov %dr0, %rax",        \
	  VEC_DB, NO_ERROR, 0, 0, 0, ONLY("", TCG("DR7.GD is not looked at"))) \
	X(bp, "", "int3", VEC_BP, NO_ERROR, 0, 0, INSN_EXC,                    \
	  ONLY("code", TCG("INT3 is not intercepted")))                        \
	X(ud, "", "ud2", VEC_UD, NO_ERROR, 0, 0, 0, FINE)                      \
	X(nm, "mov %cr0, %rax; or $8, %rax; mov %rax, %cr0", "fnop", VEC_NM,   \
	  NO_ERROR, 0, 0, 0, FINE)                                             \
	X(df, "", "mov (%rdi), %eax", VEC_DF, 0, 0, 0, SHORT_IDT | NO_RIP,     \
	  ONLY("code", TCG("#DF is not intercepted")))                         \
	X(ts, "", "int $0x30", VEC_TS, SEL_TSS0, 0, IST_INT, SHORT_TSS,        \
	  ONLY("intinfo",                                                      \
	       BOCHS("EXITINTINFO of an INT n is the event's before it")))     \
	X(np, "mov $0x48, %eax", "mov %eax, %gs", VEC_NP, 0x48, 0, 0, 0, FINE) \
	X(ss, "mov $0x48, %eax", "mov %eax, %ss", VEC_SS, 0x48, 0, 0, 0, FINE) \
	X(ss_stack, "movabs $0x8000000000000000, %rbp", "mov (%rbp), %rax",    \
	  VEC_SS, 0, 0, 0, 0,                                                  \
	  ONLY("", EMU_QEMU | EMU_ENDS, "no #SS for such an address"))         \
	X(gp, "", "mov (%rdi), %eax", VEC_GP, 0, 0, 0, 0, FINE)                \
	X(gp_selector, "mov $0xfff8, %eax", "mov %eax, %gs", VEC_GP, 0xfff8,   \
	  0, 0, 0, FINE)                                                       \
	X(gp_user, "", "hlt", VEC_GP, 0, 0, 0, USER, FINE)                     \
	X(pf_read, TOUCH, "mov (%rax), %ebx", VEC_PF, 0, NO_PTE, 0, 0, FINE)   \
	X(pf_write, TOUCH, "mov %ebx, (%rax)", VEC_PF, 2, NO_PTE, 0, 0, FINE)  \
	X(pf_fetch, TOUCH, "jmp *%rax", VEC_PF, 0x10, NO_PTE, 0, JUMPS, FINE)  \
	X(pf_ro, TOUCH, "mov %ebx, (%rax)", VEC_PF, 3, PTE(5), 0, 0, FINE)     \
	X(pf_nx, TOUCH, "jmp *%rax", VEC_PF, 0x11, PTE(7 | BIT(63)), 0, JUMPS, \
	  FINE)                                                                \
	X(pf_reserved, TOUCH, "mov (%rax), %ebx", VEC_PF, 9, PTE(7 | BIT(51)), \
	  0, 0, ONLY("error", TCG("no P bit for a reserved bit")))             \
	X(pf_user, TOUCH, "mov (%rax), %ebx", VEC_PF, 5, PTE(3), 0, USER,      \
	  FINE)                                                                \
	X(pf_user_write, TOUCH, "mov %ebx, (%rax)", VEC_PF, 6, NO_PTE, 0,      \
	  USER, FINE)                                                          \
	X(mf, "clts; fninit; pushq $0x37b; fldcw (%rsp); fld1; fldz; fdivrp",  \
	  "fwait", VEC_MF, NO_ERROR, 0, 0, 0, FINE)                            \
	X(ac,                                                                  \
	  "mov %cr0, %rax; or $0x40000, %eax; mov %rax, %cr0;"                 \
	  "pushq $0x3b; pushq %rsp; addq $8, (%rsp); pushq $0x40002;"          \
	  "pushq $0x43; lea 1f(%rip), %rax; push %rax; iretq; 1:",             \
	  "mov -7(%rsp), %eax", VEC_AC, 0, 0, 0, 0,                            \
	  ONLY("", TCG("no alignment check")))                                 \
	X(xm,                                                                  \
	  "mov %cr4, %rax; or $0x600, %eax; mov %rax, %cr4;"                   \
	  "pushq $0x1d80; ldmxcsr (%rsp); pushq $0x3f800000;"                  \
	  "movss (%rsp), %xmm0; xorps %xmm1, %xmm1",                           \
	  "divss %xmm1, %xmm0", VEC_XM, NO_ERROR, 0, 0, 0,                     \
	  ONLY("", TCG("no unmasked SIMD exceptions")))

#define X(name, setup, insn, ...)                                              \
	PAYLOAD(exc_##name, setup "; .globl at_" #name "; at_" #name ": " insn \
				  "; .globl next_" #name "; next_" #name       \
				  ": vmmcall; jmp next_" #name)                \
	extern const char at_##name[], next_##name[];
EXCS(X)
#undef X

#define X(name, setup, insn, ...) \
	{ "exc_" #name, exc_##name, at_##name, next_##name, __VA_ARGS__ },
static const struct exc_case excs[] = { EXCS(X) };
#undef X

static const struct exc_case *current;
static struct {
	u32 count, vector;
	u64 error, rip, cr2;
} seen;

/* L2's handler: notes what came, and goes on behind the instruction. */
static bool on_exception(struct regs *r)
{
	if (seen.count++ > 8)
		return false;
	seen.vector = (u32)r->vector;
	seen.error = r->error;
	seen.rip = r->rip;
	seen.cr2 = read_cr2();
	r->rip = (u64)current->next;
	r->rflags &= ~RFLAGS_TF;
	return true;
}

static void exc_prepare(const struct exc_case *c)
{
	struct vmcb_seg s;

	current = c;
	memset(&seen, 0, sizeof(seen));
	l2_init(&l2, c->code);
	l2.gprs.rdi = BIT(63);
	if (c->flags & SHORT_TSS) {
		s = *vmcb_tr(l2.vmcb);
		s.limit = 0x23; /* up to RSP2: no IST */
		vmcb_set_tr(l2.vmcb, &s);
	}
	if (c->flags & SHORT_IDT) {
		s = *vmcb_idtr(l2.vmcb);
		s.limit = 16 * (VEC_DF + 1) - 1;
		vmcb_set_idtr(l2.vmcb, &s);
	}
	if (!(c->flags & USER))
		return;
	s = *vmcb_cs(l2.vmcb);
	s.attr |= VSEG_DPL;
	s.sel = SEL_USER64 | 3;
	vmcb_set_cs(l2.vmcb, &s);
	s = *vmcb_ss(l2.vmcb);
	s.attr |= VSEG_DPL;
	s.sel = SEL_USER_DATA | 3;
	vmcb_set_ss(l2.vmcb, &s);
	vmcb_set_cpl(l2.vmcb, 3);
}

/* Where RIP stands: at the instruction, behind it, or where it led to. */
static u64 exc_rip(const struct exc_case *c)
{
	if (c->flags & JUMPS)
		return LOST_PAGE;
	return (u64)(c->flags & TRAP ? c->next : c->at);
}

static bool exc_known(bool ok, const struct exc_case *c, const char *part,
		      u64 got, u64 want)
{
	char name[40];

	snprintf(name, sizeof(name), "%s-%s", c->name, part);
	return check_known(ok, name,
			   contains(part, c->part) ? c->emu : EMU_NONE,
			   c->fault, "got %lx, want %lx", got, want);
}

static bool exc_eq(const struct exc_case *c, const char *part, u64 got,
		   u64 want)
{
	return exc_known(got == want, c, part, got, want);
}

/* L1 intercepts it. */
static void exc_taken(const struct exc_case *c)
{
	u64 want = VMEXIT_EXC + c->vector, code;

	exc_prepare(c);
	l2_intercept(&l2, ICPT_EXC(c->vector), true);
	code = l2_run(&l2);
	if (!exc_eq(c, "code", code, want))
		return;
	if (!(c->flags & NO_RIP))
		exc_eq(c, "rip", vmcb_rip(l2.vmcb), exc_rip(c));
	if (c->error != NO_ERROR)
		exc_eq(c, "error", vmcb_exitinfo1(l2.vmcb), c->error);
	if (c->vector == VEC_PF)
		exc_eq(c, "address", vmcb_exitinfo2(l2.vmcb), LOST_PAGE);
	exc_eq(c, "intinfo", vmcb_exitintinfo(l2.vmcb), c->intinfo);
	exc_eq(c, "not-delivered", seen.count, 0);
	if (svm_has(SVM_NRIPS) && c->flags & INSN_EXC)
		exc_eq(c, "nrip", vmcb_nrip(l2.vmcb), (u64)c->next);
}

/* It is L2's own. */
static void exc_delivered(const struct exc_case *c)
{
	u64 rip = c->flags & INSN_EXC ? (u64)c->next : exc_rip(c);

	exc_prepare(c);
	if (!exc_eq(c, "free-exit", l2_run(&l2), VMEXIT_VMMCALL))
		return;
	exc_eq(c, "free-count", seen.count, 1);
	exc_eq(c, "free-vector", seen.vector, c->vector);
	if (!(c->flags & NO_RIP))
		exc_eq(c, "free-rip", seen.rip, rip);
	if (c->error != NO_ERROR)
		exc_eq(c, "free-error", seen.error, c->error);
	if (c->vector == VEC_PF)
		exc_eq(c, "free-cr2", seen.cr2, LOST_PAGE);
	exc_eq(c, "free-end", vmcb_rip(l2.vmcb), (u64)c->next);
}

PAYLOAD(user_ud, "ud2")

static void test_exceptions(void)
{
	u64 *pte = table_entry((u64 *)read_cr3(), LOST_PAGE, 1, 7);

	try_user(user_ud);	  /* for RSP0, where L2 comes from CPL 3, too */
	idt[2 * 0x30] |= BIT(32); /* IST 1 */
	for (u32 i = 0; i < ARRAY_SIZE(excs); i++) {
		const struct exc_case *c = &excs[i];

		if (c->emu & EMU_ENDS && c->emu & emulator()) {
			exc_known(false, c, "code", 0, 0);
			continue;
		}
		set_hook((u8)c->vector, on_exception);
		*pte = c->pte;
		write_cr3(read_cr3());
		exc_taken(c);
		exc_delivered(c);
		set_hook((u8)c->vector, NULL);
	}
	idt[2 * 0x30] &= ~BIT(32);
}

void main(void)
{
	extern u64 gdt[];

	svm_on();
	gdt[SEL_FREE / 8] = 0x00cf13000000ffff; /* not present */
	test_exceptions();
}
