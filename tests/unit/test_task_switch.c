/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/task_switch.c */
#include "core/err.h"
#include "core/task_switch.h"
#include "core/x86.h"
#include "tests/unit/unit.h"

#define GDT 0x1000u
#define LDT 0x1800u
#define OLD_TSS 0x2000u
#define NEW_TSS 0x2100u
#define MEM_SIZE 0x4000u

/* Selectors in the GDT below. */
#define S_CODE 0x08u
#define S_DATA 0x10u
#define S_OLD 0x18u
#define S_NEW 0x20u
#define S_LDT 0x28u
#define S_CODE3 0x30u
#define S_DATA3 0x38u
#define S_CONF 0x40u
#define S_EXEC 0x48u /* execute-only */

static u8 mem[MEM_SIZE];
static u64 bad_page; /* accesses to it fault; 0: none */
static u64 seen_cr3;
static bool cr3_bad;
static struct task_cpu c;
static struct task_fault f;

static int check_page(u64 la, size_t n, u32 error, struct task_fault *tf)
{
	if (bad_page &&
	    (la >> 12 == bad_page || (la + n - 1) >> 12 == bad_page)) {
		*tf = (struct task_fault){ VEC_PF, true, error };
		return -EFAULT;
	}
	return 0;
}

static int rd(void *ctx, u64 la, void *to, size_t n, struct task_fault *tf)
{
	int err = check_page(la, n, 0, tf);

	if (!err)
		memcpy(to, mem + la, n);
	return err;
}

static int wr(void *ctx, u64 la, const void *from, size_t n,
	      struct task_fault *tf)
{
	int err = check_page(la, n, PF_W, tf);

	if (!err)
		memcpy(mem + la, from, n);
	return err;
}

static int cr3(void *ctx, u64 val)
{
	seen_cr3 = val;
	return cr3_bad ? -EFAULT : 0;
}

static const struct task_mem m = { NULL, rd, wr, cr3 };

static u64 desc(u64 base, u32 limit, u32 attr)
{
	return (limit & 0xffff) | (base & 0xffffff) << 16 |
	       (u64)(attr & 0xf0ff) << 40 | (u64)(limit >> 16 & 0xf) << 48 |
	       (base >> 24) << 56;
}

static void put(u32 sel, u64 d)
{
	memcpy(mem + GDT + sel, &d, 8);
}

static u64 get(u32 sel)
{
	u64 d;

	memcpy(&d, mem + GDT + sel, 8);
	return d;
}

static void put16(u32 la, u16 v)
{
	memcpy(mem + la, &v, 2);
}

static void put32(u32 la, u32 v)
{
	memcpy(mem + la, &v, 4);
}

static u32 get32(u32 la)
{
	u32 v;

	memcpy(&v, mem + la, 4);
	return v;
}

static u16 get16(u32 la)
{
	u16 v;

	memcpy(&v, mem + la, 2);
	return v;
}

/* A new task in flat ring 0, 32-bit. */
static void new_tss32(void)
{
	put(S_NEW, desc(NEW_TSS, 103, 0x89));
	put32(NEW_TSS + 0x1c, 0x7000);
	put32(NEW_TSS + 0x20, 0x1234);
	put32(NEW_TSS + 0x24, 0x202);
	for (u32 i = 0; i < 8; i++)
		put32(NEW_TSS + 0x28 + 4 * i, 0xa0 + i);
	put32(NEW_TSS + 0x28 + 4 * RSP, 0x3f00);
	for (u32 i = 0; i < 6; i++)
		put32(NEW_TSS + 0x48 + 4 * i, S_DATA);
	put32(NEW_TSS + 0x4c, S_CODE);
}

static void new_tss16(void)
{
	put(S_NEW, desc(NEW_TSS, 43, 0x81));
	put16(NEW_TSS + 0x0e, 0x1234);
	put16(NEW_TSS + 0x10, 0x0202);
	for (u32 i = 0; i < 8; i++)
		put16(NEW_TSS + 0x12 + 2 * i, (u16)(0xa0 + i));
	put16(NEW_TSS + 0x12 + 2 * RSP, 0x3f00);
	for (u32 i = 0; i < 4; i++)
		put16(NEW_TSS + 0x22 + 2 * i, S_DATA);
	put16(NEW_TSS + 0x24, S_CODE);
}

static void setup(void)
{
	memset(mem, 0, sizeof(mem));
	bad_page = seen_cr3 = 0;
	cr3_bad = false;
	memset(&f, 0xee, sizeof(f));
	put(S_CODE, desc(0, 0xfffff, 0xc09a));
	put(S_DATA, desc(0, 0xfffff, 0xc092));
	put(S_OLD, desc(OLD_TSS, 103, 0x8b));
	put(S_LDT, desc(LDT, 0xff, 0x82));
	put(S_CODE3, desc(0, 0xfffff, 0xc0fa));
	put(S_DATA3, desc(0, 0xfffff, 0xc0f2));
	put(S_CONF, desc(0, 0xfffff, 0xc09e));
	put(S_EXEC, desc(0, 0xfffff, 0xc098));
	new_tss32();
	memset(&c, 0, sizeof(c));
	for (u32 i = 0; i < 8; i++)
		c.gpr[i] = 0xb0 + i;
	c.eip = 0x5678;
	c.eflags = 0x246;
	c.cr0 = CR0_PE | CR0_PG;
	c.cr3 = 0x6000;
	c.dr7 = 0x7ff;
	for (u32 i = 0; i < 6; i++)
		c.seg[i] = (struct segment){ S_DATA, 0xc093, ~0u, 0 };
	c.seg[SEG_CS] = (struct segment){ S_CODE, 0xc09b, ~0u, 0 };
	c.seg[SEG_TR] = (struct segment){ S_OLD, 0x8b, 103, OLD_TSS };
	c.seg[SEG_LDTR].attr = SEG_ATTR_UNUSABLE;
	c.seg[SEG_GDTR] = (struct segment){ .limit = 0x4f, .base = GDT };
}

static int go(enum task_source source)
{
	struct task_request r = { .sel = S_NEW, .source = source };

	return task_switch(&c, &m, &r, &f);
}

#define CHECK_FAULT(vec, err)            \
	do {                             \
		CHECK_EQ(f.vector, vec); \
		CHECK(f.has_error);      \
		CHECK_EQ(f.error, err);  \
	} while (0)

static bool busy(u32 sel)
{
	return get(sel) >> 41 & 1;
}

TEST(call_switches_and_links)
{
	setup();
	CHECK_EQ(go(TASK_CALL), 0);
	CHECK_EQ(c.eip, 0x1234);
	CHECK_EQ(c.eflags, 0x202 | RFLAGS_NT);
	CHECK_EQ(c.gpr[RAX], 0xa0);
	CHECK_EQ(c.gpr[RDI], 0xa7);
	CHECK_EQ(c.cr3, 0x7000);
	CHECK_EQ(seen_cr3, 0x7000);
	CHECK(c.cr0 & CR0_TS);
	CHECK_EQ(c.dr7, 0x7ff & ~0x155);
	CHECK_EQ(c.seg[SEG_TR].sel, S_NEW);
	CHECK_EQ(c.seg[SEG_TR].attr, 0x8b);
	CHECK_EQ(c.seg[SEG_TR].base, NEW_TSS);
	CHECK_EQ(c.seg[SEG_CS].attr, 0xc09b);
	CHECK_EQ(c.seg[SEG_CS].limit, ~0u);
	CHECK(c.seg[SEG_LDTR].attr & SEG_ATTR_UNUSABLE);
	CHECK_EQ(get16(NEW_TSS), S_OLD);
	CHECK(busy(S_OLD) && busy(S_NEW));
	CHECK_EQ(get32(OLD_TSS + 0x20), 0x5678);
	CHECK_EQ(get32(OLD_TSS + 0x24), 0x246);
	CHECK_EQ(get32(OLD_TSS + 0x28), 0xb0);
	CHECK_EQ(get16(OLD_TSS + 0x4c), S_CODE);
	CHECK_EQ(get32(OLD_TSS + 0x1c), 0); /* CR3 is not saved */
}

TEST(jmp_moves_the_busy_bit)
{
	setup();
	CHECK_EQ(go(TASK_JMP), 0);
	CHECK(!busy(S_OLD) && busy(S_NEW));
	CHECK_EQ(get16(NEW_TSS), 0);
	CHECK_EQ(c.eflags, 0x202);
}

TEST(iret_goes_back)
{
	setup();
	put(S_NEW, desc(NEW_TSS, 103, 0x8b));
	c.eflags |= RFLAGS_NT;
	CHECK_EQ(go(TASK_IRET), 0);
	CHECK(!busy(S_OLD) && busy(S_NEW));
	CHECK_EQ(get32(OLD_TSS + 0x24), 0x246); /* NT is not saved */
	CHECK_EQ(c.eflags, 0x202);
}

TEST(wrong_busy_bits)
{
	setup();
	CHECK_EQ(go(TASK_IRET), -EFAULT);
	CHECK_FAULT(VEC_TS, S_NEW);
	CHECK_EQ(c.eip, 0x5678);
	setup();
	put(S_NEW, desc(NEW_TSS, 103, 0x8b));
	CHECK_EQ(go(TASK_CALL), -EFAULT);
	CHECK_FAULT(VEC_GP, S_NEW);
	CHECK_EQ(c.seg[SEG_TR].sel, S_OLD);
}

TEST(bad_tss)
{
	struct task_request r = { .sel = S_NEW | 4, .source = TASK_JMP };

	setup();
	CHECK_EQ(task_switch(&c, &m, &r, &f), -EFAULT);
	CHECK_FAULT(VEC_GP, S_NEW | 4); /* in the LDT */
	r.sel = 0;
	CHECK_EQ(task_switch(&c, &m, &r, &f), -EFAULT);
	CHECK_FAULT(VEC_GP, 0);
	r.sel = 0x50;
	CHECK_EQ(task_switch(&c, &m, &r, &f), -EFAULT);
	CHECK_FAULT(VEC_GP, 0x50); /* beyond the limit */
	r.sel = S_DATA;
	CHECK_EQ(task_switch(&c, &m, &r, &f), -EFAULT);
	CHECK_FAULT(VEC_GP, S_DATA);
	put(S_NEW, desc(NEW_TSS, 103, 0x09));
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_NP, S_NEW);
	put(S_NEW, desc(NEW_TSS, 102, 0x89));
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_TS, S_NEW);
	put(S_NEW, desc(NEW_TSS, 42, 0x81));
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_TS, S_NEW);
	CHECK_EQ(c.eip, 0x5678);
	CHECK(busy(S_OLD));
}

TEST(external_event_sets_ext)
{
	struct task_request r = { .sel = S_NEW,
				  .source = TASK_GATE,
				  .external = true };

	setup();
	put32(NEW_TSS + 0x54, 0x60); /* DS beyond the GDT */
	CHECK_EQ(task_switch(&c, &m, &r, &f), -EFAULT);
	CHECK_FAULT(VEC_TS, 0x61);
}

TEST(gate_pushes_error_code)
{
	struct task_request r = { .sel = S_NEW,
				  .source = TASK_GATE,
				  .has_error = true,
				  .error = 0x12345678 };

	setup();
	CHECK_EQ(task_switch(&c, &m, &r, &f), 0);
	CHECK_EQ(c.gpr[RSP], 0x3efc);
	CHECK_EQ(get32(0x3efc), 0x12345678);
	CHECK(c.eflags & RFLAGS_NT);
	setup();
	memset(mem + NEW_TSS, 0, 104);
	new_tss16();
	put(S_DATA, desc(0, 0xffff, 0x92)); /* B=0: SP counts */
	CHECK_EQ(task_switch(&c, &m, &r, &f), 0);
	CHECK_EQ(c.gpr[RSP], 0xffff3efe);
	CHECK_EQ(get16(0x3efe), 0x5678);
}

TEST(page_faults_before_commit_leave_the_old_task)
{
	setup();
	put(S_NEW, desc(0x3000, 103, 0x89));
	bad_page = 3;
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_PF, 0);
	CHECK_EQ(c.seg[SEG_TR].sel, S_OLD);
	CHECK_EQ(c.eip, 0x5678);
	CHECK(busy(S_OLD) && !busy(S_NEW));
	setup();
	c.seg[SEG_TR].base = 0x3000;
	bad_page = 3;
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_PF, PF_W);
	CHECK_EQ(c.seg[SEG_TR].sel, S_OLD);
	CHECK(busy(S_OLD) && !busy(S_NEW));
}

TEST(page_fault_after_commit_is_the_new_tasks)
{
	setup();
	put32(NEW_TSS + 0x60, S_LDT);
	put32(NEW_TSS + 0x54, 0x04); /* DS in the LDT */
	put(S_LDT, desc(0x3000, 0xff, 0x82));
	bad_page = 3;
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_EQ(c.seg[SEG_TR].sel, S_NEW);
	/* selector 4: index 0 of the LDT is a descriptor like any other, but
	 * 0..3 and 4..7 have the same error code apart from TI */
	CHECK_EQ(c.eip, 0x1234);
}

TEST(cr3_with_bad_pdptes)
{
	setup();
	cr3_bad = true;
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_TS, S_NEW);
	CHECK_EQ(c.seg[SEG_TR].sel, S_NEW);
	setup();
	c.cr0 = CR0_PE; /* without paging CR3 stays */
	CHECK_EQ(go(TASK_JMP), 0);
	CHECK_EQ(c.cr3, 0x6000);
	CHECK_EQ(seen_cr3, 0);
}

/* What each selector of the new TSS may lead to. */
static const struct {
	u32 at; /* in the TSS */
	u16 sel;
	u8 vector; /* 0: fine */
} selectors[] = {
	{ 0x60, S_LDT, 0 },
	{ 0x60, S_LDT | 4, VEC_TS },
	{ 0x60, S_DATA, VEC_TS },
	{ 0x60, 0x50, VEC_TS },
	{ 0x4c, 0, VEC_TS },	      /* CS null */
	{ 0x4c, S_DATA, VEC_TS },     /* CS not code */
	{ 0x4c, S_CODE | 3, VEC_TS }, /* DPL is not RPL */
	{ 0x4c, 0x50, VEC_TS },	      /* beyond the limit */
	{ 0x4c, S_EXEC, 0 },
	{ 0x4c, S_CONF, 0 },
	{ 0x50, 0, VEC_TS },	       /* SS null */
	{ 0x50, S_CODE, VEC_TS },      /* SS code */
	{ 0x50, S_DATA3 | 3, VEC_TS }, /* DPL is not CPL */
	{ 0x50, S_DATA | 3, VEC_TS },
	{ 0x54, 0, 0 },
	{ 0x54, S_EXEC, VEC_TS },
	{ 0x54, S_CONF, VEC_TS }, /* execute-only, too */
	{ 0x54, S_DATA3 | 3, 0 },
	{ 0x54, S_DATA | 3, VEC_TS },
	{ 0x48, S_LDT, VEC_TS }, /* a system descriptor */
	{ 0x58, 0x50, VEC_TS },
	{ 0x5c, 0x4c, VEC_TS }, /* no LDT */
};

TEST(selectors_of_the_new_task)
{
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		int err;

		setup();
		put32(NEW_TSS + selectors[i].at, selectors[i].sel);
		if (selectors[i].at == 0x4c && selectors[i].sel == S_CONF)
			put(S_CONF, desc(0, 0xfffff, 0xc09c));
		if (selectors[i].sel == S_CONF)
			put(S_CONF, desc(0, 0xfffff, 0xc09c));
		err = go(TASK_JMP);
		CHECK_EQ(err, selectors[i].vector ? -EFAULT : 0);
		if (err) {
			CHECK_FAULT(selectors[i].vector,
				    selectors[i].sel & ~3u);
			CHECK_EQ(c.seg[SEG_TR].sel, S_NEW);
		}
	}
}

TEST(absent_segments)
{
	setup();
	put(S_CODE, desc(0, 0xfffff, 0xc01a));
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_NP, S_CODE);
	setup();
	put(S_EXEC, desc(0, 0xfffff, 0xc012));
	put32(NEW_TSS + 0x50, S_EXEC);
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_SS, S_EXEC);
	setup();
	put(S_EXEC, desc(0, 0xfffff, 0xc012));
	put32(NEW_TSS + 0x5c, S_EXEC);
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_NP, S_EXEC);
	setup();
	put(S_LDT, desc(LDT, 0xff, 0x02));
	put32(NEW_TSS + 0x60, S_LDT);
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_TS, S_LDT);
}

TEST(accessed_bits_are_set)
{
	setup();
	CHECK_EQ(go(TASK_JMP), 0);
	CHECK(get(S_CODE) >> 40 & 1);
	CHECK(get(S_DATA) >> 40 & 1);
	CHECK(!(get(S_DATA3) >> 40 & 1));
}

TEST(to_ring_3_and_v86)
{
	setup();
	put32(NEW_TSS + 0x4c, S_CODE3 | 3);
	for (u32 i = 0; i < 6; i++)
		if (i != SEG_CS)
			put32(NEW_TSS + 0x48 + 4 * i, S_DATA3 | 3);
	CHECK_EQ(go(TASK_JMP), 0);
	CHECK_EQ(c.seg[SEG_SS].attr >> 5 & 3, 3);
	setup();
	put32(NEW_TSS + 0x24, 0x20202);
	put32(NEW_TSS + 0x4c, 0x1234);
	CHECK_EQ(go(TASK_JMP), 0);
	CHECK_EQ(c.seg[SEG_CS].base, 0x12340);
	CHECK_EQ(c.seg[SEG_CS].attr, 0xf3);
	CHECK_EQ(c.seg[SEG_CS].limit, 0xffff);
	CHECK(c.eflags & RFLAGS_VM);
}

TEST(sixteen_bit)
{
	setup();
	memset(mem + NEW_TSS, 0, 104);
	new_tss16();
	put(S_OLD, desc(OLD_TSS, 43, 0x83));
	c.seg[SEG_TR].attr = 0x83;
	CHECK_EQ(go(TASK_CALL), 0);
	CHECK_EQ(c.eip, 0x1234);
	CHECK_EQ(c.gpr[RAX], 0xffff00a0);
	CHECK_EQ(c.cr3, 0x6000);
	CHECK(c.seg[SEG_FS].attr & SEG_ATTR_UNUSABLE);
	CHECK_EQ(c.seg[SEG_TR].attr, 0x83);
	CHECK_EQ(get16(OLD_TSS + 0x0e), 0x5678);
	CHECK_EQ(get16(OLD_TSS + 0x12), 0xb0);
	CHECK_EQ(get16(OLD_TSS + 0x24), S_CODE);
	CHECK_EQ(get16(NEW_TSS), S_OLD);
}

TEST(debug_trap)
{
	setup();
	put16(NEW_TSS + 0x64, 1);
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_EQ(f.vector, VEC_DB);
	CHECK(!f.has_error);
	CHECK(c.dr6 & BIT(15));
	CHECK_EQ(c.eip, 0x1234);
}

TEST(eip_beyond_cs)
{
	setup();
	put(S_CODE, desc(0, 0xfff, 0x409a));
	CHECK_EQ(go(TASK_JMP), -EFAULT);
	CHECK_FAULT(VEC_GP, 0);
}

TEST(reserved_flags_are_dropped)
{
	setup();
	put32(NEW_TSS + 0x24, ~0u & ~(u32)RFLAGS_VM);
	CHECK_EQ(go(TASK_JMP), 0);
	CHECK_EQ(c.eflags, (0x3f7fd5u | 2) & ~(u32)RFLAGS_VM);
}
