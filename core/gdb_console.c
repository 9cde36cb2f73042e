/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * L0's console and gdb on one port. While gdb is attached, lines of the
 * console are held until whoever writes to gdb (or may, because nobody does)
 * sends them as console output packets; otherwise they are plain text.
 */
#include "core/cpu.h"
#include "core/gdb.h"
#include "core/spinlock.h"
#include "core/string.h"
#include "drivers/serial/console.h"

static struct {
	struct spinlock lock;
	u32 len;
	char text[8192]; /* what does not fit is lost */
} held;

static bool shared;

static void hold(const char *s, size_t n)
{
	spin_lock(&held.lock);
	n = MIN(n, sizeof(held.text) - held.len);
	memcpy(held.text + held.len, s, n);
	held.len += (u32)n;
	spin_unlock(&held.lock);
}

/* Up to @size - 1 bytes of what is held, zero-terminated. False: nothing. */
static bool take(char *to, u32 size)
{
	u32 n;

	spin_lock(&held.lock);
	n = MIN(held.len, size - 1);
	memcpy(to, held.text, n);
	to[n] = 0;
	memmove(held.text, held.text + n, held.len - n);
	held.len -= n;
	spin_unlock(&held.lock);
	return n;
}

void gdb_console_flush(struct gdb_rsp *r)
{
	char part[256];

	while (held.len && take(part, sizeof(part))) {
		if (r->attached)
			gdb_rsp_console(r, part);
		else
			console_raw(part, strlen(part));
	}
}

static bool take_over(const char *s, size_t n)
{
	const struct cpu *cpu = this_cpu();

	if (!gdb_attached())
		return false;
	hold(s, n);
	if (cpu->self == cpu && cpu->vcpu) /* not on an exception's stack */
		gdb_console_turn(cpu->vcpu);
	return true;
}

void gdb_console_share(void)
{
	shared = true;
	console_taken = take_over;
}

bool gdb_console_shared(void)
{
	return shared;
}
