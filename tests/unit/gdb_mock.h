/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target for gdb's protocol: two processes on two CPUs, 256 bytes of memory,
 * registers. It checks what it is asked for: only threads that are there, only
 * what is within its bounds.
 */
#ifndef TESTS_UNIT_GDB_MOCK_H
#define TESTS_UNIT_GDB_MOCK_H

#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/gdb_cmd.h"
#include "core/gdb_regs.h"
#include "core/gdb_rsp.h"

#define MEM_BASE 0x1000u

static struct gdb_rsp rsp;
static char sent[65536];
static u32 nsent;
static u8 memory[256];
static u64 rip, mem_sum;
static u32 write_len; /* bytes that the last write was of */
static struct gdb_resume resumed;
static u32 resumes, detaches, kills, breakpoints;
static u32 break_pid;
static char last_monitor[256];
static const struct gdb_thread threads[] = {
	{ 1, 1 }, { 1, 2 }, { 2, 1 }, { 2, 2 }
};
static bool gone[ARRAY_SIZE(threads)]; /* L2s come and go */
static u8 regs[2][256][GDB_REG_MAX];   /* of CPUs */

static bool there(struct gdb_thread t)
{
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		if (t.pid == threads[i].pid && t.tid == threads[i].tid)
			return !gone[i];
	return false;
}

static void keep(u8 c)
{
	if (nsent < sizeof(sent) - 1)
		sent[nsent++] = (char)c;
	sent[nsent] = 0;
}

/* A receiver: it takes runs apart and checks the sum of what was on the line.
 * sent[] has the packet as it would have been without runs. */
static struct {
	bool body, run;
	u32 digits;	     /* of the sum that are to come */
	u8 last, sum, plain; /* sums: of the line, of sent[] */
} line;

static u8 sum_digit(u8 sum, u32 left)
{
	return (u8) "0123456789abcdef"[left == 2 ? sum >> 4 : sum & 15];
}

static void body_char(u8 c)
{
	line.sum += c;
	if (line.run) {
		CHECK(c >= 29 + 3 && c <= 126 && c != '#' && c != '$');
		for (u32 n = c - 29u; n--; line.plain += line.last)
			keep(line.last);
		line.run = false;
	} else if (c == '*') {
		line.run = true;
	} else {
		line.plain += c;
		line.last = c;
		keep(c);
	}
}

static bool raw_line; /* sent[] has what was on the line */

static void t_put(void *ctx, u8 c)
{
	if (raw_line) {
		keep(c);
	} else if (line.digits) {
		CHECK_EQ(c, sum_digit(line.sum, line.digits));
		keep(sum_digit(line.plain, line.digits--));
	} else if (line.body && c != '#' && c != '$') {
		body_char(c);
	} else {
		CHECK(!line.run);
		line.body = c == '$';
		line.digits = c == '#' ? 2 : 0;
		if (line.body)
			line.sum = line.plain = 0;
		keep(c);
	}
}

static bool t_next(void *ctx, struct gdb_thread *t)
{
	u32 i = 0;

	if (t->pid)
		while (i < ARRAY_SIZE(threads) &&
		       (t->pid != threads[i].pid || t->tid != threads[i].tid))
			i++;
	if (t->pid)
		i++;
	while (i < ARRAY_SIZE(threads) && gone[i])
		i++;
	if (i >= ARRAY_SIZE(threads))
		return false;
	*t = threads[i];
	return true;
}

static void t_info(void *ctx, struct gdb_thread t, char *buf, size_t size)
{
	CHECK(there(t));
	snprintf(buf, size, "CPU %u", t.tid - 1);
}

static int t_reg_read(void *ctx, struct gdb_thread t, u32 n, u8 *buf)
{
	CHECK(there(t) && n < gdb_nregs);
	if (n == GDB_R_st0)
		return -ENOENT;
	memcpy(buf, regs[t.tid - 1][n], GDB_REG_MAX);
	if (n == GDB_R_rip)
		memcpy(buf, &rip, 8);
	return gdb_regs[n].bits / 8;
}

static int t_reg_write(void *ctx, struct gdb_thread t, u32 n, const u8 *buf,
		       u32 size)
{
	CHECK(there(t) && n < gdb_nregs);
	CHECK_EQ(size, gdb_regs[n].bits / 8);
	memcpy(regs[t.tid - 1][n], buf, size);
	if (n == GDB_R_rip)
		memcpy(&rip, buf, 8);
	return 0;
}

static int t_mem_read(void *ctx, struct gdb_thread t, u64 addr, u8 *buf,
		      u32 len)
{
	CHECK(there(t));
	memset(buf, 0xee, len); /* all of it is the caller's */
	if (addr < MEM_BASE || addr >= MEM_BASE + sizeof(memory))
		return -EFAULT;
	len = (u32)MIN(len, MEM_BASE + sizeof(memory) - addr);
	memcpy(buf, memory + addr - MEM_BASE, len);
	return (int)len;
}

static int t_mem_write(void *ctx, struct gdb_thread t, u64 addr, const u8 *buf,
		       u32 len)
{
	CHECK(there(t) && len);
	for (u32 i = 0; i < len; i++)
		mem_sum += buf[i];
	write_len = len;
	if (addr < MEM_BASE || len > sizeof(memory) ||
	    addr - MEM_BASE > sizeof(memory) - len)
		return -EFAULT;
	memcpy(memory + addr - MEM_BASE, buf, len);
	return 0;
}

static int t_break(void *ctx, struct gdb_thread t, enum gdb_bp_type type,
		   u64 addr, u32 kind, bool insert)
{
	CHECK(t.pid && t.pid != GDB_ALL && type <= GDB_WP_ACCESS);
	break_pid = t.pid;
	breakpoints += insert ? 1 : -1u;
	return addr == 0xbad ? -ENOSPC : 0;
}

static void t_resume(void *ctx, const struct gdb_resume *r)
{
	CHECK(r->n && r->n <= GDB_ACTIONS_MAX);
	for (u32 i = 0; i < r->n; i++)
		CHECK(r->a[i].action <= GDB_STOP);
	resumed = *r;
	resumes++;
}

static void t_detach(void *ctx, u32 pid)
{
	detaches++;
}

static void t_kill(void *ctx, u32 pid)
{
	kills++;
}

static int t_monitor(void *ctx, struct gdb_thread t, const char *line)
{
	CHECK(there(t) && strlen(line) < sizeof(last_monitor));
	snprintf(last_monitor, sizeof(last_monitor), "%s", line);
	gdb_rsp_console(&rsp, "hi\n");
	return 0;
}

static void t_why(void *ctx, struct gdb_stop *s)
{
	*s = (struct gdb_stop){ GDB_STOPPED_INT, { 1, 2 }, 0 };
}

static const struct gdb_ops ops = {
	.put = t_put,
	.thread_next = t_next,
	.thread_info = t_info,
	.reg_read = t_reg_read,
	.reg_write = t_reg_write,
	.mem_read = t_mem_read,
	.mem_write = t_mem_write,
	.breakpoint = t_break,
	.resume = t_resume,
	.detach = t_detach,
	.kill = t_kill,
	.monitor = t_monitor,
	.why = t_why,
};

static void start(void)
{
	gdb_rsp_init(&rsp, &ops, NULL);
	memset(gone, 0, sizeof(gone));
	resumes = detaches = 0;
	memset(&line, 0, sizeof(line));
	nsent = 0;
	sent[0] = 0;
}

static bool feed(const char *s, size_t n)
{
	bool stop = false;

	for (size_t i = 0; i < n; i++)
		stop |= gdb_rsp_byte(&rsp, (u8)s[i]);
	return stop;
}

/* Send @body as a packet; the bytes that come back are in sent[]. */
static bool packet(const char *body)
{
	char buf[8192];
	u8 sum = 0;
	int n;

	for (const char *p = body; *p; p++)
		sum += (u8)*p;
	n = snprintf(buf, sizeof(buf), "$%s#%02x", body, sum);
	nsent = 0;
	sent[0] = 0;
	return feed(buf, (size_t)n);
}

/* Is "+$body#sum" what came back? */
static inline bool answered(const char *body)
{
	char want[8192];
	u8 sum = 0;

	for (const char *p = body; *p; p++)
		sum += (u8)*p;
	snprintf(want, sizeof(want), "+$%s#%02x", body, sum);
	if (!strcmp(want, sent))
		return true;
	printf("  sent %s, expected %s\n", sent, want);
	return false;
}

#endif
