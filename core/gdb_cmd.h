/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two halves of the protocol: framing and packets. */
#ifndef CORE_GDB_CMD_H
#define CORE_GDB_CMD_H

#include "core/types.h"

struct gdb_rsp;

/* Carry out the packet @p (zero-terminated; binary data may be in it). */
void gdb_command(struct gdb_rsp *r, char *p, u32 len);

/* Building a reply. */
void out_start(struct gdb_rsp *r);
void out_char(struct gdb_rsp *r, char c);
void out_str(struct gdb_rsp *r, const char *s);
void out_byte(struct gdb_rsp *r, u8 b);	  /* two hexadecimal digits */
void out_hex(struct gdb_rsp *r, u64 v);	  /* a number */
void out_binary(struct gdb_rsp *r, u8 c); /* escaped */
u32 out_room(const struct gdb_rsp *r);
void out_send(struct gdb_rsp *r);
void out_reply(struct gdb_rsp *r, const char *s);

/* The target description: bytes [off, off+len) of it into the reply. */
struct gdb_reg {
	const char *name, *type, *group;
	u16 bits;
};
extern const struct gdb_reg gdb_regs[];
extern const u32 gdb_nregs;
/* Length of target.xml, and a byte of it. */
u32 gdb_xml_size(void);
u32 gdb_xml_read(u32 off, u8 *buf, u32 len);

#endif
