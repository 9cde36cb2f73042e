/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NMIs that meet: one during the handler of another waits for its IRET, a
 * third is merged with it, and the handler is never entered twice at a time.
 */
/* boot: emus=qemu,bochs,bochs-svm bare timeout=60 */
/* boot: emus=qemu,bochs-svm cpus=2 bare timeout=60 name=2cpus */
#include "tests/guests/lib/guest.h"

static u32 depth, deepest, count, send_more;
static u64 iret_frame; /* where the first one's IRET finds its frame */
static bool step_seen, before_iret;

static void nmi_to_self(void)
{
	icr_send(cpu_index(), ICR_NMI | ICR_ASSERT);
}

static bool on_nmi(struct regs *r)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	count++;
	if (r->rsp == iret_frame)
		before_iret = true;
	iret_frame = (u64)&r->rip;
	if (send_more) {
		u32 n = send_more;

		send_more = 0;
		while (n--)
			nmi_to_self();
		delay_us(1000); /* it would come now */
	}
	depth--;
	return true;
}

static bool on_db(struct regs *r)
{
	step_seen = true;
	r->rflags &= ~RFLAGS_TF;
	return true;
}

static void reset(u32 more)
{
	depth = deepest = count = 0;
	iret_frame = 0;
	send_more = more;
}

static void test_alone(void)
{
	for (u32 i = 0; i < 20; i++) {
		reset(0);
		nmi_to_self();
		delay_us(100);
		if (count != 1)
			break;
	}
	check_eq(count, 1, "one-nmi-one-handler");
}

static void test_nested(u32 more, const char *name)
{
	char line[40];

	for (u32 i = 0; i < 20; i++) {
		reset(more);
		nmi_to_self();
		delay_us(100);
		if (count != 2 || deepest != 1)
			break;
	}
	snprintf(line, sizeof(line), "%s-count", name);
	check_eq(count, 2, line);
	snprintf(line, sizeof(line), "%s-depth", name);
	check_eq(deepest, 1, line);
	snprintf(line, sizeof(line), "%s-after-iret", name);
	check(!before_iret, line, "the second came before the first's IRET");
}

/* L1's own single step must survive what L0 does around the IRET. */
static void test_step(void)
{
	u64 f = read_flags();

	reset(1);
	step_seen = false;
	nmi_to_self();
	delay_us(100);
	check(!step_seen, "no-stray-debug-trap", "RFLAGS was %lx", f);
	check_eq(read_flags() & RFLAGS_TF, 0, "no-trap-flag-left");
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop"
			 :
			 :
			 : "memory", "cc");
	check(step_seen, "own-step-still-works", "no #DB");
}

void main(void)
{
	apic_enable();
	set_hook(VEC_NMI, on_nmi);
	set_hook(VEC_DB, on_db);
	test_alone();
	test_nested(1, "nmi-in-nmi");
	test_nested(3, "nmis-in-nmi");
	test_step();
	test_alone();
	done();
}
