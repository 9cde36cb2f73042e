/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries, and the table of all packets. Pure; see core/gdb_rsp.h. */
#include "core/gdb_cmd.h"

#include "core/err.h"
#include "core/gdb_parse.h"
#include "core/gdb_rsp.h"
#include "core/string.h"

/* --- queries --------------------------------------------------------------- */

static void query_supported(struct gdb_rsp *r, struct cursor *c)
{
	/* A new gdb begins: what the last one had agreed on is void. */
	r->multiprocess = r->swbreak = r->hwbreak = false;
	r->ntold = 0;
	while (!cur_at_end(c)) {
		if (cur_take_str(c, "multiprocess+"))
			r->multiprocess = true;
		else if (cur_take_str(c, "swbreak+"))
			r->swbreak = true;
		else if (cur_take_str(c, "hwbreak+"))
			r->hwbreak = true;
		else
			c->p++;
	}
	out_start(r);
	out_str(r, "PacketSize=");
	out_hex(r, GDB_PACKET_MAX);
	out_str(r, ";QStartNoAckMode+;multiprocess+;swbreak+;hwbreak+;"
		   "vContSupported+;qXfer:features:read+");
	out_send(r);
}

static void query_features(struct gdb_rsp *r, struct cursor *c)
{
	u64 off, len;
	u8 buf[GDB_PACKET_MAX / 2 - 1]; /* though every byte be escaped */
	u32 got;

	if (!cur_take_str(c, "target.xml:")) {
		out_error(r, ENOENT);
		return;
	}
	off = cur_number(c);
	cur_expect(c, ',');
	len = cur_number(c);
	if (c->bad || !cur_at_end(c)) {
		out_error(r, EINVAL);
		return;
	}
	got = off < gdb_xml_size()
		      ? gdb_xml_read((u32)off, buf,
				     (u32)MIN(len, (u64)sizeof(buf)))
		      : 0;
	out_start(r);
	out_char(r, off + got < gdb_xml_size() ? 'm' : 'l');
	for (u32 i = 0; i < got; i++)
		out_binary(r, buf[i]);
	out_send(r);
}

static void query_monitor(struct gdb_rsp *r, struct cursor *c)
{
	char line[256];
	u32 n = (u32)(c->end - c->p) / 2;
	struct gdb_thread t;

	/* gdb names no thread for it: one that is gone is not meant */
	if (n >= sizeof(line) ||
	    (!rsp_general_thread(r, &t) && !rsp_find_thread(r, r->c, &t))) {
		out_error(r, EINVAL);
		return;
	}
	cur_hex(c, (u8 *)line, n);
	line[n] = 0;
	if (c->bad || !cur_at_end(c))
		out_error(r, EINVAL);
	else
		out_result(r, r->ops->monitor(r->ctx, t, line));
}

static void query_attached(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "1");
}

static void query_symbol(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "OK");
}

static void set_no_ack(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "OK");
	r->no_ack = true;
}

static void cmd_vcont_supported(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "vCont;c;C;s;S;t;r");
}

static void cmd_must_reply_empty(struct gdb_rsp *r, struct cursor *c)
{
	out_reply(r, "");
}

/* The longer names first where one begins another. */
static const struct {
	const char *name;
	void (*fn)(struct gdb_rsp *r, struct cursor *c);
} commands[] = {
	{ "?", cmd_why },
	{ "D", cmd_detach },
	{ "G", cmd_write_regs },
	{ "H", cmd_set_thread },
	{ "M", cmd_write_mem },
	{ "P", cmd_write_reg },
	{ "QStartNoAckMode", set_no_ack },
	{ "T", cmd_thread_alive },
	{ "X", cmd_write_binary },
	{ "Z", cmd_insert },
	{ "c", cmd_continue },
	{ "g", cmd_read_regs },
	{ "k", cmd_kill },
	{ "m", cmd_read_mem },
	{ "p", cmd_read_reg },
	{ "qAttached", query_attached },
	{ "qC", query_current },
	{ "qRcmd,", query_monitor },
	{ "qSupported", query_supported },
	{ "qSymbol:", query_symbol },
	{ "qThreadExtraInfo,", query_thread_extra },
	{ "qXfer:features:read:", query_features },
	{ "qfThreadInfo", query_first_threads },
	{ "qsThreadInfo", query_more_threads },
	{ "s", cmd_step },
	{ "vCont?", cmd_vcont_supported },
	{ "vCont", cmd_vcont },
	{ "vKill", cmd_vkill },
	{ "vMustReplyEmpty", cmd_must_reply_empty },
	{ "z", cmd_remove },
};

void gdb_command(struct gdb_rsp *r, char *p, u32 len)
{
	struct cursor c = { p, p + len, false };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (cur_take_str(&c, commands[i].name)) {
			commands[i].fn(r, &c);
			return;
		}
	}
	out_reply(r, "");
}
