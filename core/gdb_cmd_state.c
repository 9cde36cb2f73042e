/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that read and write registers and memory. Pure. */
#include "core/err.h"
#include "core/gdb_parse.h"
#include "core/gdb_regs.h"
#include "core/gdb_rsp.h"
#include "core/string.h"

/* --- registers ------------------------------------------------------------- */

/* @t NULL: of a thread that is not there now. */
static void out_register(struct gdb_rsp *r, const struct gdb_thread *t, u32 n)
{
	u8 buf[GDB_REG_MAX];
	u32 size = gdb_regs[n].bits / 8;
	bool have = t && r->ops->reg_read(r->ctx, *t, n, buf) == (int)size;

	for (u32 i = 0; i < size; i++) {
		if (have)
			out_byte(r, buf[i]);
		else
			out_str(r, "xx");
	}
}

/* What gdb looks at after every stop: with them it needs no "g" for a step. */
void out_stop_registers(struct gdb_rsp *r, struct gdb_thread t)
{
	static const u8 regs[] = { GDB_R_rbp, GDB_R_rsp, GDB_R_rip,
				   GDB_R_eflags };

	for (u32 i = 0; i < ARRAY_SIZE(regs); i++) {
		out_hex(r, regs[i]);
		out_char(r, ':');
		out_register(r, &t, regs[i]);
		out_char(r, ';');
	}
}

/* "g": the general and segment registers; gdb asks for others by "p". */
#define GDB_G_REGS 24

void cmd_read_regs(struct gdb_rsp *r, struct cursor *c)
{
	struct gdb_thread t;
	bool there = rsp_general_thread(r, &t);

	out_start(r);
	for (u32 i = 0; i < GDB_G_REGS; i++)
		out_register(r, there ? &t : NULL, i);
	out_send(r);
}

static int write_register(struct gdb_rsp *r, struct gdb_thread t, u32 n,
			  struct cursor *c)
{
	u8 buf[GDB_REG_MAX];
	u32 size = gdb_regs[n].bits / 8;

	cur_hex(c, buf, size);
	return c->bad ? -EINVAL : r->ops->reg_write(r->ctx, t, n, buf, size);
}

void cmd_write_regs(struct gdb_rsp *r, struct cursor *c)
{
	u32 digits = 0;
	struct gdb_thread t;
	int err = 0;

	for (u32 i = 0; i < GDB_G_REGS; i++)
		digits += gdb_regs[i].bits / 4;
	if (!rsp_general_thread(r, &t) || c->end - c->p != digits) {
		out_error(r, EINVAL);
		return;
	}
	for (u32 i = 0; i < GDB_G_REGS && !err; i++)
		err = write_register(r, t, i, c);
	out_result(r, err);
}

void cmd_read_reg(struct gdb_rsp *r, struct cursor *c)
{
	u64 n = cur_number(c);
	struct gdb_thread t;
	bool there = rsp_general_thread(r, &t);

	if (c->bad || !cur_at_end(c) || n >= gdb_nregs) {
		out_error(r, EINVAL);
		return;
	}
	out_start(r);
	out_register(r, there ? &t : NULL, (u32)n);
	out_send(r);
}

void cmd_write_reg(struct gdb_rsp *r, struct cursor *c)
{
	u64 n = cur_number(c);
	struct gdb_thread t;

	cur_expect(c, '=');
	if (c->bad || n >= gdb_nregs || c->end - c->p != gdb_regs[n].bits / 4 ||
	    !rsp_general_thread(r, &t))
		out_error(r, EINVAL);
	else
		out_result(r, write_register(r, t, (u32)n, c));
}

/* --- memory ---------------------------------------------------------------- */

#define MEM_CHUNK ((GDB_PACKET_MAX - 16) / 2)

void cmd_read_mem(struct gdb_rsp *r, struct cursor *c)
{
	u64 addr = cur_number(c), len;
	struct gdb_thread t;
	u8 buf[MEM_CHUNK];
	int got;

	cur_expect(c, ',');
	len = cur_number(c);
	if (c->bad || !cur_at_end(c) || !rsp_general_thread(r, &t)) {
		out_error(r, EINVAL);
		return;
	}
	if (!len) { /* no bytes: what no memory holds, too */
		out_reply(r, "");
		return;
	}
	got = r->ops->mem_read(r->ctx, t, addr, buf,
			       (u32)MIN(len, (u64)MEM_CHUNK));
	if (got <= 0) {
		out_error(r, EFAULT);
		return;
	}
	out_start(r);
	for (int i = 0; i < got; i++)
		out_byte(r, buf[i]);
	out_send(r);
}

/* M (hexadecimal digits) and X (binary) have the same head. */
static bool write_head(struct gdb_rsp *r, struct cursor *c, u64 *addr, u64 *len,
		       struct gdb_thread *t)
{
	*addr = cur_number(c);
	cur_expect(c, ',');
	*len = cur_number(c);
	cur_expect(c, ':');
	if (c->bad || !rsp_general_thread(r, t)) {
		out_error(r, EINVAL);
		return false;
	}
	return true;
}

static void write_mem(struct gdb_rsp *r, struct gdb_thread t, u64 addr,
		      const void *buf, u64 len)
{
	int err = 0;

	if (len)
		err = r->ops->mem_write(r->ctx, t, addr, buf, (u32)len);
	out_result(r, err);
}

void cmd_write_mem(struct gdb_rsp *r, struct cursor *c)
{
	u64 addr, len;
	struct gdb_thread t;
	u8 buf[MEM_CHUNK];

	if (!write_head(r, c, &addr, &len, &t))
		return;
	if (len <= sizeof(buf))
		cur_hex(c, buf, (u32)len);
	if (len > sizeof(buf) || c->bad || !cur_at_end(c))
		out_error(r, EINVAL);
	else
		write_mem(r, t, addr, buf, len);
}

/* As many bytes as the packet holds, which is more than M could. */
void cmd_write_binary(struct gdb_rsp *r, struct cursor *c)
{
	u64 addr, len;
	struct gdb_thread t;

	if (!write_head(r, c, &addr, &len, &t))
		return;
	if ((u64)(c->end - c->p) != len)
		out_error(r, EINVAL);
	else
		write_mem(r, t, addr, c->p, len);
}
