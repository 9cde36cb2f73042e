/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/guests/lib/views.h"

#include "tests/guests/lib/modes.h"

#define FLAGS 7u /* P W U */

extern u64 pml4[], pds[], pml5[], pae_pdpt[];
extern u32 pd32[];
extern const char view_l1_32[];

struct view view;
u32 view_got[4], view_on_cr3, view_on_cr4;

static u8 pages[2][PAGE_SIZE] __aligned(4096);
static u32 table32[1024] __aligned(4096);
static u64 table64[512] __aligned(4096), high[512] __aligned(4096),
	higher[512] __aligned(4096);
static bool written;

void views_init(void)
{
	pd32[VIEW_LINEAR >> 22] = (u32)(u64)table32 | FLAGS;
	pds[VIEW_LINEAR >> 21] = (u64)table64 | FLAGS;
	high[VIEW_LINEAR >> 30] = (u64)&pds[512 * (VIEW_LINEAR >> 30)] | FLAGS;
	pml4[VIEW_LINEAR_4 >> 39 & 511] = (u64)high | FLAGS;
	higher[0] = (u64)high | FLAGS;
	pml5[VIEW_LINEAR_5 >> 48 & 511] = (u64)higher | FLAGS;
	written = contains(boot.cmdline, "gdb");
}

bool view_has(enum view_mode m)
{
	return m != VIEW_5 || cpuid_reg(7, 0, ECX) & BIT(16);
}

u64 view_cr3(enum view_mode m)
{
	return m == VIEW_32    ? (u64)pd32
	       : m == VIEW_PAE ? (u64)pae_pdpt
	       : m == VIEW_5   ? (u64)pml5
			       : read_cr3();
}

u64 view_cr4(enum view_mode m)
{
	u64 cr4 = read_cr4() & ~(u64)(CR4_PAE | CR4_PSE);

	return m == VIEW_32  ? cr4 | CR4_PSE
	       : m == VIEW_5 ? cr4 | CR4_PAE | CR4_LA57
			     : cr4 | CR4_PAE;
}

/* A page's words say whose they are. */
static u32 sign(u32 page)
{
	return 0xab000000 | view.level << 16 | view.mode << 8 | page;
}

void view_set(u32 level, enum view_mode m)
{
	view.level = level;
	view.mode = m;
	view.linear = m == VIEW_4   ? VIEW_LINEAR_4
		      : m == VIEW_5 ? VIEW_LINEAR_5
				    : VIEW_LINEAR;
	memset(view_got, 0, sizeof(view_got));
	for (u32 i = 0; i < 2; i++) {
		u32 *word = (u32 *)pages[i];
		u32 at = VIEW_LINEAR >> 12 & 511;

		for (u32 k = 0; k < PAGE_SIZE / 4; k++)
			word[k] = sign(i);
		view.l1pa[i] = (u64)pages[!i];
		view.pa[i] = level == 2 ? VIEW_L2PA + 0x5000 * i : view.l1pa[i];
		table64[at + i] = view.pa[i] | FLAGS;
		table32[(VIEW_LINEAR >> 12 & 1023) + i] =
			(u32)view.pa[i] | FLAGS;
	}
	write_cr3(read_cr3());
}

void view_check(void)
{
	/* the last word of one page, the first of the next, one in each */
	static const u32 pattern[] = { 0x11111111, 0x22222222, 0x33333333,
				       0x44444444 };
	static const u8 page[] = { 1, 0, 1, 0 };
	static const char *const modes[] = { "32", "pae", "4-level",
					     "5-level" };
	char name[40];

	for (u32 i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "l%u-%s-word-%u", view.level,
			 modes[view.mode], i);
		check_eq(view_got[i], written ? pattern[i] : sign(page[i]),
			 name);
	}
}

static void hook(void)
{
	((void (*)(u64))(u64)view_code64)(VIEW_LINEAR_5);
}

static void run_l1(enum view_mode m)
{
	switch (m) {
	case VIEW_4:
		((void (*)(u64))(u64)view_code64)(VIEW_LINEAR_4);
		break;
	case VIEW_5:
		mode_hook = hook;
		mode_run(mode_la57);
		mode_hook = NULL;
		break;
	default:
		view_on_cr3 = (u32)view_cr3(m);
		view_on_cr4 = (u32)view_cr4(m);
		mode_run32(view_l1_32);
	}
}

void views_of_l1(void)
{
	for (enum view_mode m = 0; m < VIEW_MODES; m++) {
		if (!view_has(m)) {
			skip("5-level", "no LA57 in CPUID");
			continue;
		}
		view_set(1, m);
		run_l1(m);
		view_check();
	}
}

void views_end(void)
{
	(void)cpuid_reg(VIEW_END, 0, EAX);
}
