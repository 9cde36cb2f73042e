/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target description, generated from core/gdb_regs.def. Pure. */
#include "core/gdb_cmd.h"
#include "core/gdb_regs.h"
#include "core/string.h"

#define GDB_REG(n, b, t, g) [GDB_R_##n] = { #n, t, g, b },
const struct gdb_reg gdb_regs[] = {
#include "core/gdb_regs.def"
};
#undef GDB_REG

const u32 gdb_nregs = GDB_NR_REGS;

static const struct {
	u32 first;
	const char *name;
} features[] = {
	{ GDB_R_rax, "org.gnu.gdb.i386.core" },
	{ GDB_R_xmm0, "org.gnu.gdb.i386.sse" },
	{ GDB_R_ymm0h, "org.gnu.gdb.i386.avx" },
	{ GDB_R_fs_base, "org.gnu.gdb.i386.segments" },
	{ GDB_R_cr0, "org.abyme.system" },
};

/* Writes what falls into a window of the text, counts all of it. */
struct window {
	u8 *buf;
	u32 off, len, pos, got;
};

static void text(struct window *w, const char *s)
{
	for (; *s; s++, w->pos++)
		if (w->pos >= w->off && w->got < w->len)
			w->buf[w->got++] = (u8)*s;
}

static const char *feature_of(u32 reg)
{
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].first == reg)
			return features[i].name;
	return NULL;
}

static void reg_text(struct window *w, const struct gdb_reg *r)
{
	char bits[8];

	snprintf(bits, sizeof(bits), "%u", r->bits);
	text(w, "<reg name=\"");
	text(w, r->name);
	text(w, "\" bitsize=\"");
	text(w, bits);
	text(w, "\" type=\"");
	text(w, r->type);
	text(w, "\" group=\"");
	text(w, r->group);
	text(w, "\"/>\n");
}

static void xml(struct window *w)
{
	text(w, "<?xml version=\"1.0\"?>\n"
		"<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
		"<target version=\"1.0\">\n"
		"<architecture>i386:x86-64</architecture>\n");
	for (u32 i = 0; i < GDB_NR_REGS; i++) {
		const char *f = feature_of(i);

		if (f) {
			text(w, i ? "</feature>\n<feature name=\""
				  : "<feature name=\"");
			text(w, f);
			text(w, "\">\n");
		}
		reg_text(w, &gdb_regs[i]);
	}
	text(w, "</feature>\n</target>\n");
}

u32 gdb_xml_size(void)
{
	struct window w = { NULL, 0, 0, 0, 0 };

	xml(&w);
	return w.pos;
}

u32 gdb_xml_read(u32 off, u8 *buf, u32 len)
{
	struct window w = { buf, off, len, 0, 0 };

	xml(&w);
	return w.got;
}
