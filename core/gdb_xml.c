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

#define FLAG(name, bit) \
	"<field name=\"" name "\" start=\"" bit "\" end=\"" bit "\"/>"
#define VECTOR(id, type, count) \
	"<vector id=\"" id "\" type=\"" type "\" count=\"" count "\"/>\n"
#define FIELD(name, type) "<field name=\"" name "\" type=\"" type "\"/>"

static const struct {
	u32 first;
	const char *name, *types;
} features[] = {
	{ GDB_R_rax, "org.gnu.gdb.i386.core",
	  "<flags id=\"i386_eflags\" size=\"4\">" FLAG("CF", "0") FLAG(
		  "", "1") FLAG("PF", "2") FLAG("AF", "4") FLAG("ZF", "6")
		  FLAG("SF", "7") FLAG("TF", "8") FLAG("IF", "9") FLAG(
			  "DF", "10") FLAG("OF", "11") FLAG("NT", "14")
			  FLAG("RF", "16") FLAG("VM", "17") FLAG("AC", "18")
				  FLAG("VIF", "19") FLAG("VIP", "20")
					  FLAG("ID", "21") "</flags>\n" },
	{ GDB_R_xmm0, "org.gnu.gdb.i386.sse",
	  VECTOR("v4f", "ieee_single", "4") VECTOR(
		  "v2d", "ieee_double",
		  "2") VECTOR("v16i8", "int8",
			      "16") VECTOR("v8i16", "int16",
					   "8") VECTOR("v4i32", "int32", "4")
		  VECTOR("v2i64", "int64", "2") "<union id=\"vec128\">" FIELD(
			  "v4_float",
			  "v4f") FIELD("v2_double",
				       "v2d") FIELD("v16_int8",
						    "v16i8") FIELD("v8_int16",
								   "v8i16")
			  FIELD("v4_int32", "v4i32") FIELD("v2_int64", "v2i64") FIELD(
				  "uint128",
				  "uint128") "</union>\n"
					     "<flags id=\"i386_mxcsr\" "
					     "size=\"4\">" FLAG("IE", "0") FLAG(
						     "DE",
						     "1") FLAG("ZE",
							       "2") FLAG("OE",
									 "3")
						     FLAG("UE", "4") FLAG(
							     "PE",
							     "5") FLAG("DAZ",
								       "6") FLAG("IM",
										 "7")
							     FLAG("DM", "8") FLAG(
								     "ZM",
								     "9") FLAG("OM",
									       "10")
								     FLAG("UM", "11") FLAG(
									     "P"
									     "M",
									     "1"
									     "2")
									     FLAG("FZ",
										  "15") "</flags>\n" },
	{ GDB_R_ymm0h, "org.gnu.gdb.i386.avx", "" },
	{ GDB_R_fs_base, "org.gnu.gdb.i386.segments", "" },
	{ GDB_R_cr0, "org.abyme.system", "" },
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

/* Does @reg open a feature? */
static void feature_text(struct window *w, u32 reg)
{
	for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].first != reg)
			continue;
		text(w,
		     i ? "</feature>\n<feature name=\"" : "<feature name=\"");
		text(w, features[i].name);
		text(w, "\">\n");
		text(w, features[i].types);
	}
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
		feature_text(w, i);
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
