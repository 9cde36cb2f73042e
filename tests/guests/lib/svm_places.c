/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/svm_places.h"

#define LOW_STUBS 0xd000 /* the handlers, for real mode */
#define LOW_CODE 0xd800
#define STUB 4 /* bytes of a handler */
#define EXT 1ull
#define FLAGS (RFLAGS_FIXED | RFLAGS_IF | RFLAGS_ZF | RFLAGS_OF)

struct tss32 {
	u32 link, esp0, ss0, rest[22];
	u16 trap, iomap;
};

extern const char stubs[];
__asm__(".text; .balign 16; stubs: .rept 256; vmmcall; nop; .endr");
PAYLOAD(do_vmmcall, "vmmcall; nop; vmmcall; nop")

struct l2 l2;
u64 idt64[512] __aligned(4096), idt32[256];
struct tss64 tss64;
static u32 ivt[256];
static struct tss32 tss32;
static u64 stack0[64] __aligned(16), stack_ist[64] __aligned(16);

/* --- where L2 is when the event comes --------------------------------------- */
void place_gate(u32 v, u32 attr, u32 ist)
{
	u64 at = (u64)stubs + STUB * v;

	idt64[2 * v] = (at & 0xffff) | SEL_CODE64 << 16 | (u64)ist << 32 |
		       (u64)attr << 40 | (at >> 16) << 48;
	idt64[2 * v + 1] = at >> 32;
	idt32[v] = (at & 0xffff) | SEL_CODE32 << 16 | (u64)attr << 40 |
		   (at >> 16) << 48;
	ivt[v] = LOW_STUBS + STUB * v;
}

u32 place_gate_attr(u32 v)
{
	return v == VEC_B || v == VEC_BP || v == VEC_OF ? 0xee : 0x8e;
}

static void place_gates(u32 ist)
{
	for (u32 v = 0; v < 256; v++)
		place_gate(v, place_gate_attr(v), ist);
}

static struct vmcb_seg seg(u16 sel, u16 attr, u32 limit, const void *base)
{
	return (struct vmcb_seg){ sel, attr, limit, (u64)base };
}

static void set_tables(const void *at, u32 limit, const void *tss, u32 tss_len)
{
	struct vmcb_seg s = seg(0, 0, limit, at);

	vmcb_set_idtr(l2.vmcb, &s);
	/* emulator fault: a busy 32-bit TSS from which it takes a stack ends
	 * QEMU ("invalid tss type") */
	s = seg(SEL_TSS0, emulator() == EMU_QEMU ? 0x89 : 0x8b, tss_len - 1,
		tss);
	vmcb_set_tr(l2.vmcb, &s);
}

static void set_long(void)
{
	l2_init(&l2, do_vmmcall);
	set_tables(idt64, sizeof(idt64) - 1, &tss64, sizeof(tss64));
}

static void set_ist(void)
{
	set_long();
	place_gates(1);
}

static void user_stack(void)
{
	struct vmcb_seg s = seg(SEL_USER_DATA | 3, 0xcf3, ~0u, NULL);

	vmcb_set_ss(l2.vmcb, &s);
	vmcb_set_cpl(l2.vmcb, 3);
}

static void set_user(void)
{
	struct vmcb_seg s = seg(SEL_USER64 | 3, 0xafb, ~0u, NULL);

	set_long();
	vmcb_set_cs(l2.vmcb, &s);
	user_stack();
}

static void set_user_ist(void)
{
	set_user();
	place_gates(1);
}

static void set_compat(void)
{
	struct vmcb_seg s = seg(SEL_USER32 | 3, 0xcfb, ~0u, NULL);

	set_user();
	vmcb_set_cs(l2.vmcb, &s);
}

static void set_pm32(void)
{
	l2_init_pm32(&l2, (void *)(u64)do_vmmcall);
	set_tables(idt32, sizeof(idt32) - 1, &tss32, sizeof(tss32));
}

static void set_pm32_user(void)
{
	struct vmcb_seg s = seg(SEL_USER32 | 3, 0xcfb, ~0u, NULL);

	set_pm32();
	vmcb_set_cs(l2.vmcb, &s);
	user_stack();
}

static void set_real(void)
{
	l2_init_real(&l2, (void *)(u64)do_vmmcall, 8, LOW_CODE);
	set_tables(ivt, sizeof(ivt) - 1, &tss32, sizeof(tss32));
}

static void set_v86(void)
{
	struct vmcb_seg s = seg(0, 0xf3, 0xffff, NULL);

	set_pm32();
	vmcb_set_ss(l2.vmcb, &s);
	vmcb_set_ds(l2.vmcb, &s);
	vmcb_set_es(l2.vmcb, &s);
	vmcb_set_fs(l2.vmcb, &s);
	vmcb_set_gs(l2.vmcb, &s);
	s = seg(LOW_CODE >> 4, 0xf3, 0xffff, (void *)LOW_CODE);
	vmcb_set_cs(l2.vmcb, &s);
	vmcb_set_cpl(l2.vmcb, 3);
	vmcb_set_rip(l2.vmcb, 0);
	vmcb_set_rsp(l2.vmcb, LOW_STACK);
	vmcb_set_rflags(l2.vmcb, RFLAGS_VM | RFLAGS_IOPL);
}

const struct place places[NR_PLACES] = {
	{ "long", set_long, 8, true, NULL, SEL_CODE64, SEL_DATA, 0 },
	{ "ist", set_ist, 8, true, &stack_ist[64], SEL_CODE64, PLACE_SS_ANY,
	  0 },
	{ "user", set_user, 8, true, &stack0[64], SEL_CODE64, 0, 0 },
	{ "user-ist", set_user_ist, 8, true, &stack_ist[64], SEL_CODE64, 0, 0 },
	{ "compat", set_compat, 8, true, &stack0[64], SEL_CODE64, 0, 0 },
	{ "pm32", set_pm32, 4, false, NULL, SEL_CODE32, SEL_DATA, 0 },
	{ "pm32-user", set_pm32_user, 4, true, &stack0[64], SEL_CODE32,
	  SEL_DATA, 0 },
	{ "real", set_real, 2, false, NULL, 0, 0, 0 },
	{ "v86", set_v86, 4, true, &stack0[64], SEL_CODE32, SEL_DATA,
	  EMU_BOCHS | EMU_ENDS },
};
void places_init(void)
{
	memcpy((void *)LOW_STUBS, stubs, 256 * STUB);
}

void place_prepare(const struct place *p, u64 event, u64 *npt)
{
	place_gates(0);
	tss64.rsp[0] = tss32.esp0 = (u32)(u64)&stack0[64];
	tss64.ist[0] = (u64)&stack_ist[64];
	tss32.ss0 = SEL_DATA;
	p->set();
	vmcb_set_rflags(l2.vmcb, vmcb_rflags(l2.vmcb) | FLAGS);
	vmcb_set_cr2(l2.vmcb, PLACE_CR2);
	vmcb_set_nrip(l2.vmcb, vmcb_rip(l2.vmcb) + PLACE_NEXT);
	vmcb_set_eventinj(l2.vmcb, event);
	if (!npt)
		return;
	vmcb_set_nested_ctl(l2.vmcb, NESTED_NP);
	vmcb_set_ncr3(l2.vmcb, (u64)npt);
}

/* --- what is found behind the delivery -------------------------------------- */
static const struct known *knowns;
static u32 nr_knowns;
static char what[48]; /* the case */
static u32 wrong;

void case_knowns(const struct known *k, u32 n)
{
	knowns = k;
	nr_knowns = n;
}

void same(const char *part, u64 got, u64 want)
{
	char name[64];

	if (got == want)
		return;
	snprintf(name, sizeof(name), "%s-%s", what, part);
	for (u32 i = 0; i < nr_knowns; i++) {
		const struct known *k = &knowns[i];

		if (contains(what, k->what) && contains(part, k->part) &&
		    k->emu & emulator()) {
			check_known(false, name, k->emu, k->fault,
				    "got %lx, want %lx", got, want);
			return;
		}
	}
	wrong++;
	check(false, name, "got %lx, want %lx", got, want);
}

void same_error(const char *part, u64 got, u64 want)
{
	if (want != ANY_ERROR)
		same(part, got & ~EXT, want);
}

static u64 pushed(const struct place *p, u32 n)
{
	u64 v = 0, ss = p->slot == 8 ? 0 : vmcb_ss(l2.vmcb)->base;

	memcpy(&v, (u8 *)(ss + vmcb_rsp(l2.vmcb)) + n * p->slot, p->slot);
	return v;
}

struct outer interrupted(void)
{
	return (struct outer){ vmcb_rip(l2.vmcb), vmcb_cs(l2.vmcb)->sel,
			       vmcb_rflags(l2.vmcb), vmcb_rsp(l2.vmcb),
			       vmcb_ss(l2.vmcb)->sel };
}

static void same_frame(const struct place *p, const struct outer *o, u64 error)
{
	u32 n = 0;

	if (error != NO_ERROR)
		same_error("error", pushed(p, n++), error);
	same("rip", pushed(p, n++), o->rip);
	same("cs", pushed(p, n++), o->cs);
	same("flags", pushed(p, n++) & ~RFLAGS_RF,
	     p->slot == 2 ? (u16)o->rflags : o->rflags);
	if (!p->outer)
		return;
	same("rsp", pushed(p, n++), o->rsp);
	same("ss", pushed(p, n++), o->ss);
}

void same_stack(const struct place *p, const struct outer *o, u64 error)
{
	u64 top = p->top ? (u64)p->top : o->rsp, n = p->outer ? 5 : 3;

	if (p->slot == 8)
		top &= ~15ull;
	if (error != NO_ERROR)
		n++;
	if (p == &places[V86])
		n += 4;
	same("new-rsp", vmcb_rsp(l2.vmcb), top - n * p->slot);
}

void at_handler(const struct place *p, u32 vector, const struct outer *o,
		u64 error)
{
	const struct vmcb *b = l2.vmcb;
	u64 at = p->slot == 2 ? LOW_STUBS : (u64)stubs;

	if (p->slot == 2)
		error = NO_ERROR; /* real mode has none */
	same("vector", vmcb_rip(b) - at, vector * STUB);
	same("new-cs", vmcb_cs(b)->sel, p->cs);
	if (p->ss != PLACE_SS_ANY)
		same("new-ss", vmcb_ss(b)->sel, p->ss);
	same("new-cpl", vmcb_cpl(b), 0);
	same("new-flags", vmcb_rflags(b) & ~RFLAGS_IOPL,
	     RFLAGS_FIXED | RFLAGS_ZF | RFLAGS_OF);
	same("intinfo", vmcb_exitintinfo(b) & EVINJ_V, 0);
	same("eventinj", vmcb_eventinj(b) & EVINJ_V, 0);
	same_frame(p, o, error);
}

bool run_to(u64 code)
{
	same("exit", l2_run(&l2), code);
	return vmcb_exitcode(l2.vmcb) == code;
}

bool case_begin(const struct place *p, const char *name, const char *more)
{
	wrong = 0;
	snprintf(what, sizeof(what), "%s-%s%s", name, p->name, more);
	if (!(p->emu & EMU_ENDS && p->emu & emulator()))
		return true;
	check_known(false, what, p->emu,
		    "an exit from virtual-8086 mode ends Bochs 2.7",
		    "not tried");
	return false;
}

void case_end(void)
{
	if (!wrong)
		check(true, what, "-");
}
