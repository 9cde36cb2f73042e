/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bits.h"

#include "core/string.h"

#define TABLE(name)                                                      \
	const struct bit_table bits_##name = { ARRAY_SIZE(name##_names), \
					       name##_names }

static const struct bit_name cr0_names[] = {
	{ 0, "PE" },  { 1, "MP" },  { 2, "EM" },  { 3, "TS" },
	{ 4, "ET" },  { 5, "NE" },  { 16, "WP" }, { 18, "AM" },
	{ 29, "NW" }, { 30, "CD" }, { 31, "PG" },
};
TABLE(cr0);

static const struct bit_name cr4_names[] = {
	{ 0, "VME" },	    { 1, "PVI" },	  { 2, "TSD" },
	{ 3, "DE" },	    { 4, "PSE" },	  { 5, "PAE" },
	{ 6, "MCE" },	    { 7, "PGE" },	  { 8, "PCE" },
	{ 9, "OSFXSR" },    { 10, "OSXMMEXCPT" }, { 11, "UMIP" },
	{ 12, "LA57" },	    { 13, "VMXE" },	  { 14, "SMXE" },
	{ 16, "FSGSBASE" }, { 17, "PCIDE" },	  { 18, "OSXSAVE" },
	{ 19, "KL" },	    { 20, "SMEP" },	  { 21, "SMAP" },
	{ 22, "PKE" },	    { 23, "CET" },	  { 24, "PKS" },
	{ 25, "UINTR" },
};
TABLE(cr4);

static const struct bit_name efer_names[] = {
	{ 0, "SCE" },	   { 8, "LME" },    { 10, "LMA" },   { 11, "NXE" },
	{ 12, "SVME" },	   { 13, "LMSLE" }, { 14, "FFXSR" }, { 15, "TCE" },
	{ 17, "MCOMMIT" }, { 18, "INTWB" }, { 20, "UAIE" },  { 21, "AIBRSE" },
};
TABLE(efer);

static const struct bit_name rflags_names[] = {
	{ 0, "CF" },   { 1, "1" },   { 2, "PF" },  { 4, "AF" },	 { 6, "ZF" },
	{ 7, "SF" },   { 8, "TF" },  { 9, "IF" },  { 10, "DF" }, { 11, "OF" },
	{ 14, "NT" },  { 16, "RF" }, { 17, "VM" }, { 18, "AC" }, { 19, "VIF" },
	{ 20, "VIP" }, { 21, "ID" },
};
TABLE(rflags);

void bits_add(char *buf, size_t size, const char *word)
{
	size_t n = strlen(buf);

	if (n + 1 < size)
		snprintf(buf + n, size - n, " %s", word);
}

void bits_text(const struct bit_table *t, u64 val, char *buf, size_t size)
{
	char rest[24];

	buf[0] = 0;
	for (u32 i = 0; i < t->n; i++) {
		if (val >> t->b[i].bit & 1)
			bits_add(buf, size, t->b[i].name);
		val &= ~BIT(t->b[i].bit);
	}
	if (!val)
		return;
	snprintf(rest, sizeof(rest), "+%#lx", (unsigned long)val);
	bits_add(buf, size, rest);
}
