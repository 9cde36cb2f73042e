/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the packets' files share: a cursor over the packet, replies. */
#ifndef CORE_GDB_PARSE_H
#define CORE_GDB_PARSE_H

#include "core/gdb_cmd.h"
#include "core/gdb_rsp.h"

/* Never passes the packet's end. */
struct cursor {
	const char *p, *end;
	bool bad; /* what was asked for did not stand there */
};

bool cur_at_end(const struct cursor *c);
char cur_peek(const struct cursor *c); /* 0 at the end */
char cur_next(struct cursor *c);       /* the same, and on */
bool cur_take(struct cursor *c, char want);
void cur_expect(struct cursor *c, char want);
bool cur_take_str(struct cursor *c, const char *s);
u64 cur_number(struct cursor *c);
u32 cur_id(struct cursor *c);
struct gdb_thread cur_thread(struct cursor *c);
void cur_hex(struct cursor *c, u8 *buf, u32 n);

void out_error(struct gdb_rsp *r, int err);  /* Exx; the sign is dropped */
void out_result(struct gdb_rsp *r, int err); /* OK, or Exx when negative */
void out_thread(struct gdb_rsp *r, struct gdb_thread t);
/* gdb has let go of that process, or heard of its end. */
void rsp_forget(struct gdb_rsp *r, u32 pid);

/* Can @want mean @t? */
bool rsp_matches(struct gdb_thread want, struct gdb_thread t);
/* First thread that @want can mean. False: none. */
bool rsp_find_thread(struct gdb_rsp *r, struct gdb_thread want,
		     struct gdb_thread *out);
/* The thread that register and memory packets mean. */
bool rsp_general_thread(struct gdb_rsp *r, struct gdb_thread *t);
bool rsp_general_process(struct gdb_rsp *r, struct gdb_thread *t);

/* The packets, one function each; the table is in core/gdb_cmd.c. */
void cmd_set_thread(struct gdb_rsp *r, struct cursor *c);
void cmd_thread_alive(struct gdb_rsp *r, struct cursor *c);
void query_first_threads(struct gdb_rsp *r, struct cursor *c);
void query_more_threads(struct gdb_rsp *r, struct cursor *c);
void query_thread_extra(struct gdb_rsp *r, struct cursor *c);
void query_current(struct gdb_rsp *r, struct cursor *c);
void out_stop_registers(struct gdb_rsp *r, struct gdb_thread t);
void cmd_why(struct gdb_rsp *r, struct cursor *c);
void cmd_read_regs(struct gdb_rsp *r, struct cursor *c);
void cmd_write_regs(struct gdb_rsp *r, struct cursor *c);
void cmd_read_reg(struct gdb_rsp *r, struct cursor *c);
void cmd_write_reg(struct gdb_rsp *r, struct cursor *c);
void cmd_read_mem(struct gdb_rsp *r, struct cursor *c);
void cmd_write_mem(struct gdb_rsp *r, struct cursor *c);
void cmd_write_binary(struct gdb_rsp *r, struct cursor *c);
void cmd_insert(struct gdb_rsp *r, struct cursor *c);
void cmd_remove(struct gdb_rsp *r, struct cursor *c);
void cmd_continue(struct gdb_rsp *r, struct cursor *c);
void cmd_step(struct gdb_rsp *r, struct cursor *c);
void cmd_vcont(struct gdb_rsp *r, struct cursor *c);
void cmd_detach(struct gdb_rsp *r, struct cursor *c);
void cmd_kill(struct gdb_rsp *r, struct cursor *c);
void cmd_vkill(struct gdb_rsp *r, struct cursor *c);

#endif
