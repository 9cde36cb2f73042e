/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/task_switch.h"

#include "core/err.h"
#include "core/string.h"
#include "core/x86.h"

#define DESC_TYPE(d) ((u32)((d) >> 40 & 0xf))
#define DESC_S BIT(44)
#define DESC_DPL(d) ((u32)((d) >> 45 & 3))
#define DESC_P BIT(47)
#define DESC_ACCESSED BIT(40)
#define DESC_BUSY BIT(41) /* of a TSS */
#define DESC_G BIT(55)

#define TYPE_TSS16 1u
#define TYPE_LDT 2u
#define TYPE_TSS32 9u
#define TYPE_BUSY 2u
/* of code and data */
#define TYPE_CODE 8u
#define TYPE_CONFORMING 4u
#define TYPE_READABLE 2u /* code */
#define TYPE_WRITABLE 2u /* data */

#define SEL_TI 4u
#define SEL_RPL(s) ((s)&3u)
#define SEL_ERROR(s) ((s) & ~3u)
#define ERROR_EXT 1u

#define EFLAGS_KNOWN 0x3f7fd5u
#define DR6_BT BIT(15)
#define DR7_LOCAL 0x155u /* L0-L3, LE */
#define V86_ATTR 0xf3u

/* SDM 3A, "32-Bit Task-State Segment (TSS)", "16-Bit Task-State Segment". */
struct tss32 {
	u16 link, r0;
	u32 stacks[6];
	u32 cr3, eip, eflags, gpr[8];
	struct {
		u16 sel, r;
	} seg[6];
	u16 ldt, r1;
	u16 t, iomap;
} __packed;
_Static_assert(sizeof(struct tss32) == 104, "TSS");

struct tss16 {
	u16 link, stacks[6];
	u16 ip, flags, gpr[8];
	u16 seg[4];
	u16 ldt;
} __packed;
_Static_assert(sizeof(struct tss16) == 44, "16-bit TSS");

/* What one switch needs at hand. */
struct task {
	struct task_cpu *c;
	const struct task_mem *m;
	const struct task_request *r;
	struct task_fault *f;
	bool wide; /* the new TSS is a 32-bit one */
	u64 desc;  /* of the new TSS */
	struct segment tr;
	u32 ext; /* EXT bit of error codes */
};

static int raise(struct task *t, u8 vector, u32 error)
{
	*t->f = (struct task_fault){ vector, true, error };
	return -EFAULT;
}

static int raise_sel(struct task *t, u8 vector, u16 sel)
{
	return raise(t, vector, SEL_ERROR(sel) | t->ext);
}

static u64 desc_base(u64 d)
{
	return (d >> 16 & 0xffffff) | (d >> 56) << 24;
}

static u32 desc_limit(u64 d)
{
	u32 l = (u32)(d & 0xffff) | (u32)(d >> 48 & 0xf) << 16;

	return d & DESC_G ? l << 12 | 0xfff : l;
}

static struct segment desc_segment(u16 sel, u64 d)
{
	return (struct segment){
		.sel = sel,
		.attr = (u32)(d >> 40 & 0xf0ff),
		.limit = desc_limit(d),
		.base = desc_base(d),
	};
}

static int mem_read(struct task *t, u64 la, void *to, size_t n)
{
	return t->m->read(t->m->ctx, (u32)la, to, n, t->f);
}

static int mem_write(struct task *t, u64 la, const void *from, size_t n)
{
	return t->m->write(t->m->ctx, (u32)la, from, n, t->f);
}

/* Linear address of the descriptor; 0: beyond its table's limit, or no table
 * (the GDT's first entry is never looked at). */
static u64 desc_la(const struct task *t, u16 sel)
{
	const struct segment *dt =
		&t->c->seg[sel & SEL_TI ? SEG_LDTR : SEG_GDTR];

	if ((sel & SEL_TI) && (dt->attr & SEG_ATTR_UNUSABLE))
		return 0;
	if (((u32)sel | 7) > dt->limit)
		return 0;
	return dt->base + (sel & ~7u);
}

/* ------------------------------------------------------------------------ */
/* Up to the commit point: faults are the old task's.			     */

/* Selector and descriptor of the new TSS. An IRET's faults are #TS, those of
 * the others #GP. */
static int find_tss(struct task *t)
{
	bool iret = t->r->source == TASK_IRET;
	u8 vector = iret ? VEC_TS : VEC_GP;
	u16 sel = t->r->sel;
	u64 la = desc_la(t, sel);
	u32 type;
	int err;

	if ((sel & SEL_TI) || !SEL_ERROR(sel) || !la)
		return raise_sel(t, vector, sel);
	err = mem_read(t, la, &t->desc, sizeof(t->desc));
	if (err)
		return err;
	type = DESC_TYPE(t->desc);
	if ((t->desc & DESC_S) || ((type & ~TYPE_BUSY) != TYPE_TSS16 &&
				   (type & ~TYPE_BUSY) != TYPE_TSS32))
		return raise_sel(t, vector, sel);
	if (!!(type & TYPE_BUSY) != iret)
		return raise_sel(t, vector, sel);
	if (!(t->desc & DESC_P))
		return raise_sel(t, VEC_NP, sel);
	t->wide = (type & ~TYPE_BUSY) == TYPE_TSS32;
	t->tr = desc_segment(sel, t->desc);
	if (t->tr.limit <
	    (t->wide ? sizeof(struct tss32) - 1 : sizeof(struct tss16) - 1))
		return raise_sel(t, VEC_TS, sel);
	return 0;
}

static bool old_is_wide(const struct task *t)
{
	return (t->c->seg[SEG_TR].attr & 0xd) == TYPE_TSS32;
}

/* The flags as they are saved: IRET leaves the nested task. */
static u32 saved_flags(const struct task *t)
{
	return t->r->source == TASK_IRET ? t->c->eflags & ~(u32)RFLAGS_NT
					 : t->c->eflags;
}

static int save32(struct task *t)
{
	struct tss32 s = { .eip = t->c->eip, .eflags = saved_flags(t) };
	u64 from = offsetof(struct tss32, eip),
	    to = offsetof(struct tss32, ldt);

	memcpy(s.gpr, t->c->gpr, sizeof(s.gpr));
	for (u32 i = 0; i < 6; i++)
		s.seg[i].sel = t->c->seg[i].sel;
	return mem_write(t, t->c->seg[SEG_TR].base + from, (u8 *)&s + from,
			 to - from);
}

static int save16(struct task *t)
{
	struct tss16 s = { .ip = (u16)t->c->eip, .flags = (u16)saved_flags(t) };
	u64 from = offsetof(struct tss16, ip), to = offsetof(struct tss16, ldt);

	for (u32 i = 0; i < 8; i++)
		s.gpr[i] = (u16)t->c->gpr[i];
	for (u32 i = 0; i < 4; i++)
		s.seg[i] = t->c->seg[i].sel;
	return mem_write(t, t->c->seg[SEG_TR].base + from, (u8 *)&s + from,
			 to - from);
}

static int set_busy(struct task *t, u16 sel, bool busy)
{
	u64 la = desc_la(t, sel), d;
	int err;

	if (!la)
		return 0; /* L1 has moved its GDT: nothing to mark */
	err = mem_read(t, la, &d, sizeof(d));
	if (err)
		return err;
	d = busy ? d | DESC_BUSY : d & ~DESC_BUSY;
	return mem_write(t, la, &d, sizeof(d));
}

/* A nested task finds its way back by the link and NT. */
static bool nests(const struct task *t)
{
	return t->r->source == TASK_CALL || t->r->source == TASK_GATE;
}

/* Everything that writes to memory before the new task's context holds. */
static int leave_old(struct task *t)
{
	u16 old = t->c->seg[SEG_TR].sel;
	int err = old_is_wide(t) ? save32(t) : save16(t);

	if (!err && nests(t))
		err = mem_write(t, t->tr.base, &old, sizeof(old));
	if (!err && !nests(t))
		err = set_busy(t, old, false);
	if (!err && t->r->source != TASK_IRET)
		err = set_busy(t, t->r->sel, true);
	return err;
}

/* ------------------------------------------------------------------------ */
/* The new task's registers.						     */

static void load_regs32(struct task *t, const struct tss32 *s)
{
	struct task_cpu *c = t->c;

	c->eip = s->eip;
	c->eflags = (s->eflags & EFLAGS_KNOWN) | RFLAGS_FIXED;
	memcpy(c->gpr, s->gpr, sizeof(c->gpr));
	for (u32 i = 0; i < 6; i++)
		c->seg[i].sel = s->seg[i].sel;
	c->seg[SEG_LDTR].sel = s->ldt;
}

static void load_regs16(struct task *t, const struct tss16 *s)
{
	struct task_cpu *c = t->c;

	c->eip = s->ip;
	c->eflags = (s->flags & EFLAGS_KNOWN) | RFLAGS_FIXED;
	for (u32 i = 0; i < 8; i++)
		c->gpr[i] = 0xffff0000u | s->gpr[i];
	for (u32 i = 0; i < 6; i++)
		c->seg[i].sel = i < 4 ? s->seg[i] : 0;
	c->seg[SEG_LDTR].sel = s->ldt;
}

/* TR, CR0.TS, DR7 and NT are the new task's from here on. */
static void commit(struct task *t)
{
	struct task_cpu *c = t->c;

	c->seg[SEG_TR] = t->tr;
	c->seg[SEG_TR].attr |= TYPE_BUSY;
	c->cr0 |= CR0_TS;
	c->dr7 &= ~(u64)DR7_LOCAL;
	if (nests(t))
		c->eflags |= RFLAGS_NT;
	/* Until each is loaded: selectors alone, nothing behind them. */
	for (u32 i = 0; i < 6; i++)
		c->seg[i].attr |= SEG_ATTR_UNUSABLE;
	c->seg[SEG_LDTR].attr |= SEG_ATTR_UNUSABLE;
}

static int load_cr3(struct task *t, const struct tss32 *s)
{
	if (!(t->c->cr0 & CR0_PG))
		return 0;
	t->c->cr3 = s->cr3;
	if (t->m->set_cr3(t->m->ctx, s->cr3))
		return raise_sel(t, VEC_TS, t->r->sel);
	return 0;
}

/* ------------------------------------------------------------------------ */
/* Descriptors of the new task's segments: faults are the new task's. Table   */
/* "Exception Conditions Checked During a Task Switch".			     */

static int load_ldt(struct task *t)
{
	u16 sel = t->c->seg[SEG_LDTR].sel;
	u64 la, d;
	int err;

	if (!SEL_ERROR(sel))
		return 0; /* none: stays unusable */
	la = desc_la(t, sel);
	if ((sel & SEL_TI) || !la)
		return raise_sel(t, VEC_TS, sel);
	err = mem_read(t, la, &d, sizeof(d));
	if (err)
		return err;
	if ((d & DESC_S) || DESC_TYPE(d) != TYPE_LDT || !(d & DESC_P))
		return raise_sel(t, VEC_TS, sel);
	t->c->seg[SEG_LDTR] = desc_segment(sel, d);
	return 0;
}

/* Fetch the descriptor of a code or data segment; #TS unless there is one. */
static int fetch(struct task *t, u16 sel, u64 *la, u64 *d)
{
	int err;

	*la = SEL_ERROR(sel) ? desc_la(t, sel) : 0;
	if (!*la)
		return raise_sel(t, VEC_TS, sel);
	err = mem_read(t, *la, d, sizeof(*d));
	if (!err && !(*d & DESC_S))
		return raise_sel(t, VEC_TS, sel);
	return err;
}

static int use(struct task *t, enum seg_reg s, u64 la, u64 d)
{
	int err = 0;

	if (!(d & DESC_ACCESSED)) {
		d |= DESC_ACCESSED;
		err = mem_write(t, la, &d, sizeof(d));
	}
	if (!err)
		t->c->seg[s] = desc_segment(t->c->seg[s].sel, d);
	return err;
}

static int load_cs(struct task *t)
{
	u16 sel = t->c->seg[SEG_CS].sel;
	u64 la, d;
	int err = fetch(t, sel, &la, &d);
	u32 type;

	if (err)
		return err;
	type = DESC_TYPE(d);
	if (!(type & TYPE_CODE))
		return raise_sel(t, VEC_TS, sel);
	if (type & TYPE_CONFORMING ? DESC_DPL(d) > SEL_RPL(sel)
				   : DESC_DPL(d) != SEL_RPL(sel))
		return raise_sel(t, VEC_TS, sel);
	if (!(d & DESC_P))
		return raise_sel(t, VEC_NP, sel);
	return use(t, SEG_CS, la, d);
}

static int load_ss(struct task *t)
{
	u16 sel = t->c->seg[SEG_SS].sel;
	u32 cpl = SEL_RPL(t->c->seg[SEG_CS].sel);
	u64 la, d;
	int err = fetch(t, sel, &la, &d);

	if (err)
		return err;
	if ((DESC_TYPE(d) & TYPE_CODE) || !(DESC_TYPE(d) & TYPE_WRITABLE))
		return raise_sel(t, VEC_TS, sel);
	if (!(d & DESC_P))
		return raise_sel(t, VEC_SS, sel);
	if (DESC_DPL(d) != cpl || SEL_RPL(sel) != cpl)
		return raise_sel(t, VEC_TS, sel);
	return use(t, SEG_SS, la, d);
}

static int load_data(struct task *t, enum seg_reg s)
{
	u16 sel = t->c->seg[s].sel;
	u32 cpl = SEL_RPL(t->c->seg[SEG_CS].sel), type;
	u64 la, d;
	int err;

	if (!SEL_ERROR(sel))
		return 0;
	err = fetch(t, sel, &la, &d);
	if (err)
		return err;
	type = DESC_TYPE(d);
	if ((type & TYPE_CODE) && !(type & TYPE_READABLE))
		return raise_sel(t, VEC_TS, sel);
	if (!((type & TYPE_CODE) && (type & TYPE_CONFORMING)) &&
	    DESC_DPL(d) < MAX(cpl, SEL_RPL(sel)))
		return raise_sel(t, VEC_TS, sel);
	if (!(d & DESC_P))
		return raise_sel(t, VEC_NP, sel);
	return use(t, s, la, d);
}

static void load_v86(struct task *t)
{
	for (u32 i = 0; i < 6; i++) {
		struct segment *s = &t->c->seg[i];

		s->base = (u64)s->sel << 4;
		s->limit = 0xffff;
		s->attr = V86_ATTR;
	}
}

static int load_segments(struct task *t)
{
	static const u8 data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
	int err = load_ldt(t);

	if (err)
		return err;
	if (t->c->eflags & RFLAGS_VM) {
		load_v86(t);
		return 0;
	}
	err = load_cs(t);
	if (!err)
		err = load_ss(t);
	for (size_t i = 0; !err && i < ARRAY_SIZE(data); i++)
		err = load_data(t, data[i]);
	return err;
}

/* The error code of the exception that went through the task gate. */
static int push_error(struct task *t)
{
	struct segment *ss = &t->c->seg[SEG_SS];
	bool big = ss->attr & BIT(14);
	u32 n = t->wide ? 4 : 2, mask = big ? ~0u : 0xffffu;
	u32 sp = (t->c->gpr[RSP] - n) & mask;
	bool down = !(t->c->eflags & RFLAGS_VM) && (ss->attr & 4);
	u64 top = down ? mask : ss->limit;
	int err;

	if ((u64)sp + n - 1 > top || (down && sp <= ss->limit))
		return raise(t, VEC_SS, t->ext);
	err = mem_write(t, ss->base + sp, &t->r->error, n);
	if (!err)
		t->c->gpr[RSP] = (t->c->gpr[RSP] & ~mask) | sp;
	return err;
}

static int enter_new(struct task *t, bool trap)
{
	int err = load_segments(t);

	if (!err && t->r->has_error)
		err = push_error(t);
	if (err)
		return err;
	if (t->c->eip > t->c->seg[SEG_CS].limit)
		return raise(t, VEC_GP, t->ext);
	if (trap) {
		t->c->dr6 |= DR6_BT;
		*t->f = (struct task_fault){ .vector = VEC_DB };
		return -EFAULT;
	}
	return 0;
}

static int switch32(struct task *t)
{
	struct tss32 s;
	int err = mem_read(t, t->tr.base, &s, sizeof(s));

	if (!err)
		err = leave_old(t);
	if (err)
		return err;
	load_regs32(t, &s);
	commit(t);
	err = load_cr3(t, &s);
	return err ? err : enter_new(t, s.t & 1);
}

static int switch16(struct task *t)
{
	struct tss16 s;
	int err = mem_read(t, t->tr.base, &s, sizeof(s));

	if (!err)
		err = leave_old(t);
	if (err)
		return err;
	load_regs16(t, &s);
	commit(t);
	return enter_new(t, false);
}

int task_switch(struct task_cpu *c, const struct task_mem *m,
		const struct task_request *r, struct task_fault *f)
{
	struct task t = { .c = c,
			  .m = m,
			  .r = r,
			  .f = f,
			  .ext = r->external ? ERROR_EXT : 0 };
	int err = find_tss(&t);

	if (err)
		return err;
	return t.wide ? switch32(&t) : switch16(&t);
}
