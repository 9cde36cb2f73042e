/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/gdb_emulate.h"

#include "core/gdb.h"
#include "core/gdb_point.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/string.h"
#include "core/virt.h"
#include "core/x86.h"

#define SEL_TI 4u
#define DESC_S BIT(44)
#define DESC_P BIT(47)
#define DESC_G BIT(55)
#define DESC_ACCESSED BIT(40)
#define TYPE_CODE 8u
#define TYPE_WRITABLE 2u
#define IDT_ERROR 2u /* error code: of the IDT */

static u32 cpl_of(struct vcpu *v)
{
	struct segment ss;

	if (!(virt->get_reg(v, VREG_CR0) & CR0_PE))
		return 0;
	if (virt->get_reg(v, VREG_RFLAGS) & RFLAGS_VM)
		return 3;
	virt->get_seg(v, SEG_SS, &ss);
	return ss.attr >> 5 & 3;
}

/* @n bytes at a linear address, as the guest has them. False: not all of them
 * are there. */
static bool peek(struct vcpu *v, u64 la, void *to, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		const u8 *p = gdb_mem_ptr_linear(v, v->in_l2, la + i);

		if (!p)
			return false;
		((u8 *)to)[i] = *p;
		gdb_break_hide(p, (u8 *)to + i, 1);
	}
	return true;
}

static void decode(struct vcpu *v, struct step_insn *s)
{
	u8 buf[INSN_MAX];
	u32 n = gdb_code_bytes(v, buf);

	step_insn_decode(s, buf, n, gdb_code_mode(v),
			 virt->get_reg(v, VREG_RFLAGS));
}

static u64 next_rip(struct vcpu *v, const struct step_insn *s)
{
	u64 rip = virt->get_reg(v, VREG_RIP) + s->i.len;

	return s->i.mode == 64 ? rip : s->i.mode == 32 ? (u32)rip : (u16)rip;
}

static u64 stack_la(struct vcpu *v, u64 offset)
{
	u64 sp = v->gpr[RSP] + offset;
	struct segment ss;

	if (gdb_code_mode(v) == 64)
		return sp;
	virt->get_seg(v, SEG_SS, &ss);
	return (u32)(ss.base + (ss.attr & BIT(14) ? (u32)sp : (u16)sp));
}

/* --- INT n ----------------------------------------------------------------- */

static bool v86(struct vcpu *v)
{
	return virt->get_reg(v, VREG_RFLAGS) & RFLAGS_VM;
}

/* May software at this CPL use the gate? (SDM 3A, Protection of Exception-
 * and Interrupt-Handler Procedures) -1: cannot be told. */
static int gate_open(struct vcpu *v, u8 vector)
{
	bool lma = virt->get_reg(v, VREG_EFER) & EFER_LMA;
	u32 size = lma ? 16 : 8;
	struct segment idtr;
	u8 access;

	if (!(virt->get_reg(v, VREG_CR0) & CR0_PE))
		return 1;
	virt->get_seg(v, SEG_IDTR, &idtr);
	if (vector * size + size - 1 > idtr.limit)
		return 0;
	if (!peek(v, idtr.base + vector * size + 5, &access, 1))
		return -1;
	return (access >> 5 & 3u) >= cpl_of(v);
}

/* In virtual-8086 mode, with neither #GP by IOPL nor VME's redirection? */
static bool v86_plain(struct vcpu *v)
{
	return (virt->get_reg(v, VREG_RFLAGS) & RFLAGS_IOPL) == RFLAGS_IOPL &&
	       !(virt->get_reg(v, VREG_CR4) & CR4_VME);
}

/* The instruction comes to its end: RF, which an IRET may have set for it, is
 * over, also in the frame that INT n pushes (SDM 3B, "Resume Flag"). */
static void end_rf(struct vcpu *v)
{
	virt->set_reg(v, VREG_RFLAGS,
		      virt->get_reg(v, VREG_RFLAGS) & ~RFLAGS_RF);
}

/* INT1: a trap, which asks no gate. */
static enum emulated do_icebp(struct vcpu *v, const struct step_insn *s)
{
	struct event e = { EVENT_EXCEPTION, s->vector, false, 0 };

	end_rf(v);
	virt->set_reg(v, VREG_RIP, next_rip(v, s));
	virt->inject(v, &e);
	return EMULATE_EVENT;
}

static enum emulated do_int(struct vcpu *v, const struct step_insn *s)
{
	struct event e = { EVENT_SOFT_INT, s->vector, false, s->i.len };
	int open;

	if (v86(v) && !v86_plain(v))
		return EMULATE_NOT;
	if (s->i.op == INSN_ICEBP)
		return do_icebp(v, s);
	open = gate_open(v, s->vector);
	if (open < 0)
		return EMULATE_NOT;
	if (open)
		end_rf(v);
	else
		e = (struct event){ EVENT_EXCEPTION, VEC_GP, true,
				    s->vector * 8u | IDT_ERROR };
	virt->inject(v, &e);
	return EMULATE_EVENT;
}

/* --- SYSCALL, SYSRET ------------------------------------------------------- */

static void load_flat(struct vcpu *v, enum seg_reg r, u16 sel, u32 attr)
{
	struct segment s = { .sel = sel, .attr = attr, .limit = ~0u };

	virt->set_seg(v, r, &s);
}

/* Outside 64-bit mode, and where SYSCALL leads from there, AMD's alone. */
static bool syscall_msrs(struct vcpu *v, struct step_syscall *c, u32 mode)
{
	u32 target = mode == 64 ? MSR_LSTAR : MSR_CSTAR;

	if (mode != 64 && strcmp(virt->name, "SVM"))
		return false;
	return !rdmsr_safe(MSR_STAR, &c->star) &&
	       !rdmsr_safe(target, &c->target) &&
	       !rdmsr_safe(MSR_SFMASK, &c->sfmask);
}

static enum emulated do_syscall(struct vcpu *v, const struct step_insn *s)
{
	u64 efer = virt->get_reg(v, VREG_EFER);
	u32 mode = gdb_code_mode(v);
	struct step_syscall c = {
		.rip = next_rip(v, s),
		.rflags = virt->get_reg(v, VREG_RFLAGS),
		.rcx = v->gpr[RCX],
		.r11 = v->gpr[R11],
		.wide = mode == 64 && s->i.opsize == 8,
		.not_long = !(efer & EFER_LMA),
		.not_64 = mode != 64,
	};
	bool call = s->kind == STEP_SYSCALL;

	/* Shadow stacks, #UD and #GP: the processor's. */
	if (virt->get_reg(v, VREG_CR4) & CR4_CET || !(efer & EFER_SCE) ||
	    !(virt->get_reg(v, VREG_CR0) & CR0_PE) || (!call && cpl_of(v)) ||
	    !syscall_msrs(v, &c, mode))
		return EMULATE_NOT;
	if (call)
		step_syscall(&c);
	else if (!step_sysret(&c))
		return EMULATE_NOT;
	v->gpr[RCX] = c.rcx;
	v->gpr[R11] = c.r11;
	virt->set_reg(v, VREG_RIP, c.rip);
	virt->set_reg(v, VREG_RFLAGS, c.rflags);
	load_flat(v, SEG_CS, c.cs, c.cs_attr);
	load_flat(v, SEG_SS, c.ss, c.ss_attr);
	return EMULATE_DONE;
}

/* --- MOV SS, POP SS -------------------------------------------------------- */

static bool operand(struct vcpu *v, const struct step_insn *s, u16 *sel)
{
	u64 rip = virt->get_reg(v, VREG_RIP);
	struct segment seg = { 0 };

	if (s->i.opcode != 0x8e) /* POP */
		return peek(v, stack_la(v, 0), sel, sizeof(*sel));
	if (!s->i.is_mem) {
		*sel = (u16)v->gpr[s->i.rm];
		return true;
	}
	virt->get_seg(v, s->i.seg, &seg);
	return peek(v, insn_linear(&s->i, v->gpr, rip, seg.base), sel,
		    sizeof(*sel));
}

/* A stack segment that loads without a fault. */
static bool stack_segment(struct vcpu *v, u16 sel, struct segment *s)
{
	u32 cpl = cpl_of(v), type;
	struct segment table;
	u64 d;

	*s = (struct segment){ .sel = sel };
	if (!(sel & ~3u)) {
		s->attr = SEG_ATTR_UNUSABLE | cpl << 5;
		return gdb_code_mode(v) == 64 && cpl < 3 && (sel & 3u) == cpl;
	}
	virt->get_seg(v, sel & SEL_TI ? SEG_LDTR : SEG_GDTR, &table);
	if ((sel | 7u) > table.limit ||
	    !peek(v, table.base + (sel & ~7u), &d, sizeof(d)))
		return false;
	type = d >> 40 & 15;
	/* one that was never used is the processor's to mark */
	if (!(d & DESC_S) || !(d & DESC_P) || !(d & DESC_ACCESSED) ||
	    (type & TYPE_CODE) || !(type & TYPE_WRITABLE) ||
	    (d >> 45 & 3) != cpl || (sel & 3u) != cpl)
		return false;
	s->attr = (u32)(d >> 40 & 0xf0ff);
	s->limit = (u32)((d & 0xffff) | (d >> 32 & 0xf0000));
	if (d & DESC_G)
		s->limit = s->limit << 12 | 0xfff;
	s->base = (d >> 16 & 0xffffff) | (d >> 56 << 24);
	return true;
}

static enum emulated do_mov_ss(struct vcpu *v, const struct step_insn *s)
{
	bool real = !(virt->get_reg(v, VREG_CR0) & CR0_PE) || v86(v);
	struct segment ss;
	u16 sel;

	if (!operand(v, s, &sel))
		return EMULATE_NOT;
	virt->get_seg(v, SEG_SS, &ss);
	if (real) {
		ss.sel = sel;
		ss.base = (u64)sel << 4;
	} else if (!stack_segment(v, sel, &ss)) {
		return EMULATE_NOT;
	}
	if (s->i.opcode != 0x8e) {
		u64 sp = v->gpr[RSP] + s->i.opsize;

		v->gpr[RSP] = ss.attr & BIT(14)
				      ? (u32)sp
				      : (v->gpr[RSP] & ~0xffffull) | (u16)sp;
	}
	end_rf(v);
	virt->set_seg(v, SEG_SS, &ss);
	virt->set_reg(v, VREG_RIP, next_rip(v, s));
	virt->set_shadow(v, SHADOW_MOV_SS);
	return EMULATE_DONE;
}

/* --- HLT, MWAIT ------------------------------------------------------------ */

/* What would wake it is held off; the step's own trap wakes it, too. */
static enum emulated do_halt(struct vcpu *v, const struct step_insn *s)
{
	if (cpl_of(v))
		return EMULATE_NOT;
	end_rf(v);
	virt->set_reg(v, VREG_RIP, next_rip(v, s));
	virt->set_shadow(v, SHADOW_NONE);
	return EMULATE_DONE;
}

/* --- STI ------------------------------------------------------------------- */

/* Processors may hold the trap off after it, too. */
static enum emulated do_sti(struct vcpu *v, const struct step_insn *s)
{
	u64 flags = virt->get_reg(v, VREG_RFLAGS);

	if (cpl_of(v) > (flags & RFLAGS_IOPL) >> 12) /* #GP, or VIF */
		return EMULATE_NOT;
	virt->set_reg(v, VREG_RFLAGS, (flags & ~RFLAGS_RF) | RFLAGS_IF);
	virt->set_reg(v, VREG_RIP, next_rip(v, s));
	virt->set_shadow(v, flags & RFLAGS_IF ? SHADOW_NONE : SHADOW_STI);
	return EMULATE_DONE;
}

bool gdb_emulate_int(struct vcpu *v)
{
	struct step_insn s;

	decode(v, &s);
	return s.kind == STEP_INT && do_int(v, &s) == EMULATE_EVENT;
}

/* DR6.BS as the instruction leaves it: it may be a MOV to DR6, or DR4. */
static u64 bs_after(struct vcpu *v, const struct step_insn *s)
{
	if (s->i.op == INSN_DR_WRITE && (s->i.reg == 6 || s->i.reg == 4))
		return v->gpr[s->i.rm] & DR6_BS;
	return virt->get_reg(v, VREG_DR6) & DR6_BS;
}

enum emulated gdb_emulate(struct vcpu *v, bool halt_exits)
{
	struct step_insn s;

	decode(v, &s);
	v->debug.bs = bs_after(v, &s);
	v->debug.step_kind = (u8)s.kind;
	v->debug.step_cpl = (u8)cpl_of(v);
	if (s.i.lock && s.kind != STEP_PLAIN)
		return EMULATE_NOT; /* #UD */
	switch (s.kind) {
	case STEP_INT:
		return do_int(v, &s);
	case STEP_SYSCALL:
	case STEP_SYSRET:
		return do_syscall(v, &s);
	case STEP_MOV_SS:
		return do_mov_ss(v, &s);
	case STEP_STI:
		return do_sti(v, &s);
	case STEP_HALT:
		return halt_exits ? EMULATE_NOT : do_halt(v, &s);
	default:
		return EMULATE_NOT;
	}
}

/* PUSHF has pushed the step's flags: TF and IF are bits of the second byte. */
static void repair_pushed(struct vcpu *v, u64 flags)
{
	u8 *p = gdb_mem_ptr_linear(v, v->in_l2, stack_la(v, 1));

	if (p)
		*p = (u8)((*p & ~(STEP_MASK >> 8)) | (flags & STEP_MASK) >> 8);
}

void gdb_emulate_finish(struct vcpu *v, u64 before, u64 after)
{
	enum step_kind kind = v->debug.step_kind;
	u64 flags = step_insn_flags(kind, before, after, v->debug.step_cpl);

	virt->set_reg(v, VREG_RFLAGS, flags);
	if (kind == STEP_PUSHF)
		repair_pushed(v, before);
}
