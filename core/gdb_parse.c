/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of packets and of replies. Pure. */
#include "core/err.h"
#include "core/gdb_parse.h"
#include "core/gdb_rsp.h"
#include "core/gdb_word.h"
#include "core/string.h"

/* --- parsing: a cursor that never passes the packet's end ----------------- */

bool cur_at_end(const struct cursor *c)
{
	return c->p >= c->end;
}

char cur_peek(const struct cursor *c)
{
	return cur_at_end(c) ? 0 : *c->p;
}

char cur_next(struct cursor *c)
{
	return cur_at_end(c) ? 0 : *c->p++;
}

bool cur_take(struct cursor *c, char want)
{
	if (cur_peek(c) != want || cur_at_end(c))
		return false;
	c->p++;
	return true;
}

void cur_expect(struct cursor *c, char want)
{
	if (!cur_take(c, want))
		c->bad = true;
}

bool cur_take_str(struct cursor *c, const char *s)
{
	size_t n = strlen(s);

	if ((size_t)(c->end - c->p) < n || strncmp(c->p, s, n))
		return false;
	c->p += n;
	return true;
}

u64 cur_number(struct cursor *c)
{
	u64 v = 0;
	u32 digits = 0;

	for (; !cur_at_end(c) && hex_value(*c->p) >= 0; c->p++, digits++)
		v = v << 4 | (u64)hex_value(*c->p);
	if (!digits || digits > 16)
		c->bad = true;
	return v;
}

u32 cur_id(struct cursor *c)
{
	u64 v;

	if (cur_take_str(c, "-1"))
		return GDB_ALL;
	v = cur_number(c);
	if (v >= GDB_ALL)
		c->bad = true;
	return (u32)v;
}

/* pPID.TID, pPID or TID. */
struct gdb_thread cur_thread(struct cursor *c)
{
	struct gdb_thread t = { 0, 0 };

	if (cur_take(c, 'p')) {
		t.pid = cur_id(c);
		t.tid = cur_take(c, '.') ? cur_id(c) : GDB_ALL;
	} else {
		t.tid = cur_id(c);
	}
	return t;
}

/* @n bytes of hexadecimal digits. */
void cur_hex(struct cursor *c, u8 *buf, u32 n)
{
	for (u32 i = 0; i < n; i++, c->p += 2) {
		if (c->end - c->p < 2 || hex_value(c->p[0]) < 0 ||
		    hex_value(c->p[1]) < 0) {
			c->bad = true;
			return;
		}
		buf[i] = (u8)(hex_value(c->p[0]) << 4 | hex_value(c->p[1]));
	}
}

/* --- replies --------------------------------------------------------------- */

void out_error(struct gdb_rsp *r, int err)
{
	out_start(r);
	out_char(r, 'E');
	out_byte(r, (u8)(err < 0 ? -err : err));
	out_send(r);
}

void out_result(struct gdb_rsp *r, int err)
{
	if (err < 0)
		out_error(r, err);
	else
		out_reply(r, "OK");
}

bool gdb_rsp_knows(const struct gdb_rsp *r, u32 pid)
{
	for (u32 i = 0; i < r->ntold; i++)
		if (r->told[i] == pid)
			return r->attached;
	return false;
}

void rsp_forget(struct gdb_rsp *r, u32 pid)
{
	for (u32 i = 0; i < r->ntold; i++)
		if (r->told[i] == pid)
			r->told[i] = r->told[--r->ntold];
}

/* Without the extension gdb knows of one process only. */
static void remember(struct gdb_rsp *r, u32 pid)
{
	if (!r->multiprocess)
		pid = 1;
	rsp_forget(r, pid);
	if (r->ntold < GDB_TOLD_MAX)
		r->told[r->ntold++] = pid;
}

void out_thread(struct gdb_rsp *r, struct gdb_thread t)
{
	remember(r, t.pid);
	if (r->multiprocess) {
		out_char(r, 'p');
		out_hex(r, t.pid);
		out_char(r, '.');
	}
	out_hex(r, t.tid);
}
