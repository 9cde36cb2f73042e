/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing: bytes to packets and back. The packets are in core/gdb_cmd*.c. */
#include "core/gdb_rsp.h"

#include "core/gdb_cmd.h"
#include "core/gdb_word.h"
#include "core/string.h"

#define CTRL_C 0x03

static const char hex_digits[] = "0123456789abcdef";

static void put(struct gdb_rsp *r, char c)
{
	r->ops->put(r->ctx, (u8)c);
}

/* How often the byte at @i comes again at once, as one count can say it. A
 * count is a printable character, but not one that frames a packet. */
#define COUNT_ZERO 29
#define COUNT_MIN 3
#define COUNT_MAX (126 - COUNT_ZERO)

static u32 repeats(const struct gdb_rsp *r, u32 i)
{
	u32 n = 0;

	while (n < COUNT_MAX && i + n + 1 < r->sent_len &&
	       r->out[i + n + 1] == r->out[i])
		n++;
	if (n + COUNT_ZERO == '#' || n + COUNT_ZERO == '$')
		n = '#' - COUNT_ZERO - 1;
	return n < COUNT_MIN ? 0 : n;
}

/* "Overview", run-length encoding: much of what gdb asks for is zeros, and the
 * line is slow. */
static void transmit(struct gdb_rsp *r)
{
	u8 sum = 0;

	put(r, '$');
	for (u32 i = 0; i < r->sent_len; i++) {
		char run[3] = { r->out[i], '*', 0 };
		u32 n = repeats(r, i);

		run[2] = (char)(n + COUNT_ZERO);
		for (u32 k = 0; k < (n ? 3 : 1); k++) {
			sum += (u8)run[k];
			put(r, run[k]);
		}
		i += n;
	}
	put(r, '#');
	put(r, hex_digits[sum >> 4]);
	put(r, hex_digits[sum & 15]);
}

void out_start(struct gdb_rsp *r)
{
	r->out_len = 0;
}

/* What does not fit is dropped: no reply of ours comes near the limit, and
 * lists end at out_room(). */
void out_char(struct gdb_rsp *r, char c)
{
	if (r->out_len < GDB_PACKET_MAX)
		r->out[r->out_len++] = c;
}

u32 out_room(const struct gdb_rsp *r)
{
	return GDB_PACKET_MAX - r->out_len;
}

void out_str(struct gdb_rsp *r, const char *s)
{
	while (*s)
		out_char(r, *s++);
}

/* Data of qXfer and the like: what frames a packet is escaped. */
void out_binary(struct gdb_rsp *r, u8 c)
{
	if (c == '$' || c == '#' || c == '}' || c == '*') {
		out_char(r, '}');
		c ^= 0x20;
	}
	out_char(r, (char)c);
}

void out_byte(struct gdb_rsp *r, u8 b)
{
	out_char(r, hex_digits[b >> 4]);
	out_char(r, hex_digits[b & 15]);
}

/* A number without leading zeros. */
void out_hex(struct gdb_rsp *r, u64 v)
{
	int shift = 60;

	while (shift && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		out_char(r, hex_digits[v >> shift & 15]);
}

void out_send(struct gdb_rsp *r)
{
	r->sent = true;
	r->sent_len = r->out_len;
	transmit(r);
}

void out_reply(struct gdb_rsp *r, const char *s)
{
	out_start(r);
	out_str(r, s);
	out_send(r);
}

void gdb_rsp_console(struct gdb_rsp *r, const char *s)
{
	if (!r->attached)
		return;
	while (*s) {
		out_start(r);
		out_char(r, 'O');
		while (*s && out_room(r) > 2)
			out_byte(r, (u8)*s++);
		out_send(r);
	}
}

void gdb_rsp_init(struct gdb_rsp *r, const struct gdb_ops *ops, void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->ops = ops;
	r->ctx = ctx;
	r->running = true;
}

static void body_start(struct gdb_rsp *r)
{
	r->state = RSP_BODY;
	r->sum = 0;
	r->in_len = 0;
	r->too_long = false;
}

static void body_byte(struct gdb_rsp *r, u8 c)
{
	if (r->in_len < GDB_PACKET_MAX)
		r->in[r->in_len++] = (char)c;
	else
		r->too_long = true;
}

/* gdb's first packet: one that comes in the midst of a session is from a new
 * gdb, the old one having died. It expects acknowledgements, and knows nothing
 * of breakpoints. */
static void session_start(struct gdb_rsp *r)
{
	static const char first[] = "qSupported";

	bool first_one = !strncmp(r->in, first, sizeof(first) - 1);

	r->l1_left &= !first_one && r->in[0] != '?';
	if (!r->attached || !first_one)
		return;
	r->no_ack = false;
	r->ops->detach(r->ctx, GDB_ALL);
}

/* L1 was let go, but gdb has a word left for an L2 that it lists still (is it
 * alive? its breakpoints, its own detach): answered, and L1 goes on. A new gdb
 * begins, and who tells an L2 to go on wants to hear of its stops. */
static bool is_parting(const struct gdb_rsp *r)
{
	static const char *const begin[] = { "qSupported", "?", "vCont;", "c",
					     "s" };

	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		if (!strncmp(r->in, begin[i], strlen(begin[i])))
			return false;
	return r->let_go;
}

/* A whole packet with a good sum. One that comes while the target runs is
 * from a gdb that just attached (again): the target stops without a word. */
static void packet_end(struct gdb_rsp *r)
{
	r->running = false;
	r->in[r->in_len] = 0;
	if (!r->too_long)
		session_start(r);
	if (!r->no_ack)
		put(r, '+');
	r->attached = true;
	r->let_go = is_parting(r);
	if (r->too_long)
		out_reply(r, "E07");
	else
		gdb_command(r, r->in, r->in_len);
	if (r->let_go)
		gdb_rsp_lost(r);
}

static void idle_byte(struct gdb_rsp *r, u8 c)
{
	if (c == '$')
		body_start(r);
	else if (c == '-' && !r->no_ack && r->sent)
		transmit(r);
	else if (r->shared && c == '\r')
		r->attached = false;
}

bool gdb_rsp_byte(struct gdb_rsp *r, u8 c)
{
	int digit = hex_value((char)c);

	if (c == '$' && r->state != RSP_IDLE) {
		body_start(r); /* the end of the last one was lost */
		return false;
	}
	switch (r->state) {
	case RSP_IDLE:
		if (c == CTRL_C && (r->attached || !r->shared))
			return true;
		idle_byte(r, c);
		return false;
	case RSP_BODY:
	case RSP_ESCAPE:
		if (c == '#') {
			r->state = RSP_SUM1;
			return false;
		}
		r->sum += c;
		if (r->state == RSP_ESCAPE)
			body_byte(r, c ^ 0x20);
		else if (c != '}')
			body_byte(r, c);
		r->state = c == '}' && r->state == RSP_BODY ? RSP_ESCAPE
							    : RSP_BODY;
		return false;
	case RSP_SUM1:
		r->sum_hex = (u8)((u32)digit << 4);
		r->state = digit < 0 ? RSP_IDLE : RSP_SUM2;
		break;
	case RSP_SUM2:
		r->state = RSP_IDLE;
		if (digit >= 0 && (r->sum_hex | digit) == r->sum)
			packet_end(r);
		else
			digit = -1;
		break;
	}
	if (digit < 0 && !r->no_ack)
		put(r, '-');
	return false;
}

void gdb_rsp_lost(struct gdb_rsp *r)
{
	r->attached = r->no_ack = false;
	r->running = true;
	r->state = RSP_IDLE;
}
