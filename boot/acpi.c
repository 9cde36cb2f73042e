/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/acpi.h"

#include "core/err.h"
#include "core/string.h"
#include "mm/addr.h"

/* ACPI Specification, "ACPI System Description Tables". */
#define HEADER_LEN 36
#define TABLE_LEN_MAX MiB(16) /* a lying length shall not take ages */

enum rsdp_field { RSDP_RSDT = 16, RSDP_XSDT = 24, RSDP_V2_LEN = 36 };

enum madt_field { MADT_LAPIC_ADDR = 36, MADT_ENTRIES = 44 };

enum madt_entry {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_INT_OVERRIDE = 2,
	MADT_LAPIC_OVERRIDE = 5,
	MADT_X2APIC = 9,
};

#define MADT_ENABLED BIT(0)
#define XAPIC_BROADCAST 255u

enum fadt_field {
	FADT_DSDT = 40,
	FADT_PM1A_CNT = 64,
	FADT_PM1B_CNT = 68,
	FADT_PM_TMR = 76,
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_X_DSDT = 140,
	FADT_X_PM1A_CNT = 172,
	FADT_X_PM1B_CNT = 184,
	FADT_X_PM_TMR = 208,
};

#define FADT_RESET_REG_SUP BIT(10)

enum gas_field { GAS_SPACE = 0, GAS_ADDR = 4, GAS_LEN = 12 };

#define GAS_SPACE_IO 1

/* ACPI Specification, "AML Byte Stream Byte Values". */
enum aml {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_PACKAGE = 0x12,
	AML_ROOT = 0x5c,
	AML_ONES = 0xff,
};

/* A table that is there in full, its checksum proved. */
struct table {
	const u8 *p;
	u32 len;
};

static u16 le16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static u32 le32(const u8 *p)
{
	return le16(p) | (u32)le16(p + 2) << 16;
}

static u64 le64(const u8 *p)
{
	return le32(p) | (u64)le32(p + 4) << 32;
}

static bool sums_to_zero(const u8 *p, u32 len)
{
	u8 s = 0;

	while (len--)
		s = (u8)(s + *p++);
	return !s;
}

/* The table at physical @addr, if it is one of signature @sig (NULL: any). */
static bool table_at(u64 addr, u64 limit, const char *sig, struct table *t)
{
	const u8 *p;
	u32 len;

	if (!addr || addr > limit || limit - addr < HEADER_LEN)
		return false;
	p = hpa_ptr(HPA(addr));
	if (sig && memcmp(p, sig, 4))
		return false;
	len = le32(p + 4);
	if (len < HEADER_LEN || len > TABLE_LEN_MAX || len > limit - addr ||
	    !sums_to_zero(p, len))
		return false;
	*t = (struct table){ p, len };
	return true;
}

/* The @n-th table that @root (RSDT, XSDT) names; false at the end. */
static bool entry_addr(const struct table *root, u32 n, u64 *addr)
{
	u32 width = root->p[0] == 'X' ? 8 : 4;
	u32 off = HEADER_LEN + n * width;

	if (n > root->len || off > root->len || root->len - off < width)
		return false;
	*addr = width == 8 ? le64(root->p + off) : le32(root->p + off);
	return true;
}

/* First table of signature @sig. *seen: one was there, broken or not. */
static bool find(const struct table *root, u64 limit, const char *sig,
		 struct table *t, bool *seen)
{
	u64 addr;

	for (u32 n = 0; entry_addr(root, n, &addr); n++) {
		if (addr <= limit && limit - addr >= HEADER_LEN && addr &&
		    !memcmp(hpa_ptr(HPA(addr)), sig, 4))
			*seen = true;
		if (table_at(addr, limit, sig, t))
			return true;
	}
	return false;
}

static bool root_table(const u8 *rsdp, u32 rsdp_len, u64 limit, struct table *t)
{
	if (rsdp_len >= RSDP_V2_LEN &&
	    table_at(le64(rsdp + RSDP_XSDT), limit, "XSDT", t))
		return true;
	return table_at(le32(rsdp + RSDP_RSDT), limit, "RSDT", t);
}

static void add_cpu(struct acpi_info *ai, u32 id, u32 flags)
{
	if (!(flags & MADT_ENABLED))
		return;
	for (u32 i = 0; i < ai->ncpus; i++)
		if (ai->apic_id[i] == id)
			return;
	if (ai->ncpus == ACPI_CPUS_MAX)
		ai->left_out++;
	else
		ai->apic_id[ai->ncpus++] = id;
}

static void add_ioapic(struct acpi_info *ai, const u8 *e)
{
	if (ai->nioapics == ACPI_IOAPICS_MAX)
		return;
	ai->ioapic[ai->nioapics++] =
		(struct acpi_ioapic){ le32(e + 4), le32(e + 8) };
}

/* Polarity 3 is active low, trigger mode 3 level; ISA's own are the others. */
static void add_override(struct acpi_info *ai, const u8 *e)
{
	if (e[2] != 0 || e[3] >= ISA_IRQS)
		return;
	ai->isa[e[3]] =
		(struct acpi_isa_irq){ true, le32(e + 4), (e[8] & 3) == 3,
				       (e[8] >> 2 & 3) == 3 };
}

int acpi_isa_input(const struct acpi_info *ai, u32 irq, u64 *addr, u32 *pin)
{
	const struct acpi_ioapic *best = NULL;
	u32 gsi = irq;

	if (irq >= ISA_IRQS)
		return -ENOENT;
	if (ai->isa[irq].overridden)
		gsi = ai->isa[irq].gsi;
	for (u32 i = 0; i < ai->nioapics; i++)
		if (ai->ioapic[i].gsi_base <= gsi &&
		    (!best || ai->ioapic[i].gsi_base > best->gsi_base))
			best = &ai->ioapic[i];
	if (!best)
		return -ENOENT;
	*addr = best->addr;
	*pin = gsi - best->gsi_base;
	return 0;
}

/* ACPI Specification, "Interrupt Controller Structure Types". */
static void madt_entry(struct acpi_info *ai, const u8 *e, u32 len)
{
	if (e[0] == MADT_LAPIC && len >= 8 && e[3] != XAPIC_BROADCAST)
		add_cpu(ai, e[3], le32(e + 4));
	else if (e[0] == MADT_X2APIC && len >= 16)
		add_cpu(ai, le32(e + 4), le32(e + 8));
	else if (e[0] == MADT_IOAPIC && len >= 12)
		add_ioapic(ai, e);
	else if (e[0] == MADT_INT_OVERRIDE && len >= 10)
		add_override(ai, e);
	else if (e[0] == MADT_LAPIC_OVERRIDE && len >= 12)
		ai->lapic_addr = le64(e + 4);
}

static int parse_madt(struct acpi_info *ai, const struct table *t, char *err,
		      size_t errsize)
{
	u32 off = MADT_ENTRIES;

	if (t->len < MADT_ENTRIES) {
		snprintf(err, errsize, "MADT of %u bytes", t->len);
		return -EINVAL;
	}
	ai->lapic_addr = le32(t->p + MADT_LAPIC_ADDR);
	while (t->len - off >= 2) {
		u32 len = t->p[off + 1];

		if (len < 2 || len > t->len - off) {
			snprintf(err, errsize,
				 "MADT: entry of %u bytes, %u are left", len,
				 t->len - off);
			return -EINVAL;
		}
		madt_entry(ai, t->p + off, len);
		off += len;
	}
	return 0;
}

/* The I/O port in a generic address structure, 0 if it is not one. */
static u16 gas_port(const struct table *t, u32 off)
{
	const u8 *g = t->p + off;
	u64 addr;

	if (t->len < off + GAS_LEN || g[GAS_SPACE] != GAS_SPACE_IO)
		return 0;
	addr = le64(g + GAS_ADDR);
	return addr > 0xffff ? 0 : (u16)addr;
}

/* A port that has a 64-bit form (preferred) and an old 32-bit one. */
static u16 fadt_port(const struct table *t, u32 x_off, u32 off)
{
	u16 port = gas_port(t, x_off);

	if (port || t->len < off + 4)
		return port;
	return le32(t->p + off) > 0xffff ? 0 : (u16)le32(t->p + off);
}

/* One small integer of a package; false if it is something else. */
static bool aml_integer(const u8 **p, const u8 *end, u8 *out)
{
	static const u8 size[] = {
		[AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4
	};
	u8 op;

	if (*p == end)
		return false;
	op = *(*p)++;
	if (op == AML_ZERO || op == AML_ONE || op == AML_ONES) {
		*out = op;
		return true;
	}
	if (op < AML_BYTE || op > AML_DWORD || end - *p < size[op])
		return false;
	*out = **p;
	*p += size[op];
	return true;
}

/* At @p: PackageOp PkgLength NumElements SLP_TYPa SLP_TYPb. */
static bool s5_package(struct acpi_info *ai, const u8 *p, const u8 *end)
{
	u8 a, b;

	if (end - p < 3 || *p++ != AML_PACKAGE)
		return false;
	/* "Package Length Encoding": bits 7:6 tell how many bytes follow */
	if (end - p < (*p >> 6) + 2)
		return false;
	p += (*p >> 6) + 1;
	if (*p++ < 2 || !aml_integer(&p, end, &a) || !aml_integer(&p, end, &b))
		return false;
	ai->slp_typ_a = a & 7;
	ai->slp_typ_b = b & 7;
	ai->has_s5 = true;
	return true;
}

/*
 * Name (\_S5, Package ...) is looked for without interpreting the AML: its
 * bytes are distinct enough, and firmware defines it statically.
 */
static bool scan_s5(struct acpi_info *ai, const struct table *t)
{
	for (u32 i = HEADER_LEN + 1; t->len - i >= 4 && i < t->len; i++) {
		const u8 *p = t->p + i;

		if (memcmp(p, "_S5_", 4))
			continue;
		if (p[-1] != AML_NAME &&
		    (p[-1] != AML_ROOT || p[-2] != AML_NAME))
			continue;
		if (s5_package(ai, p + 4, t->p + t->len))
			return true;
	}
	return false;
}

static void find_s5(struct acpi_info *ai, const struct table *root,
		    const struct table *fadt, u64 limit)
{
	u64 addr = 0;
	struct table t;

	if (fadt->len >= FADT_X_DSDT + 8)
		addr = le64(fadt->p + FADT_X_DSDT);
	if (!addr && fadt->len >= FADT_DSDT + 4)
		addr = le32(fadt->p + FADT_DSDT);
	if (table_at(addr, limit, "DSDT", &t) && scan_s5(ai, &t))
		return;
	for (u32 n = 0; entry_addr(root, n, &addr); n++)
		if (table_at(addr, limit, "SSDT", &t) && scan_s5(ai, &t))
			return;
}

/* ACPI Specification, "Fixed ACPI Description Table (FADT)". */
static void parse_fadt(struct acpi_info *ai, const struct table *root,
		       const struct table *t, u64 limit)
{
	ai->pm1a = fadt_port(t, FADT_X_PM1A_CNT, FADT_PM1A_CNT);
	ai->pm1b = fadt_port(t, FADT_X_PM1B_CNT, FADT_PM1B_CNT);
	ai->pm_timer = fadt_port(t, FADT_X_PM_TMR, FADT_PM_TMR);
	if (t->len > FADT_RESET_VALUE &&
	    (le32(t->p + FADT_FLAGS) & FADT_RESET_REG_SUP)) {
		ai->reset_port = gas_port(t, FADT_RESET_REG);
		ai->reset_value = t->p[FADT_RESET_VALUE];
	}
	find_s5(ai, root, t, limit);
}

int acpi_parse(const u8 *rsdp, u32 rsdp_len, u64 limit, struct acpi_info *ai,
	       char *err, size_t errsize)
{
	struct table root, t;
	bool seen = false;

	memset(ai, 0, sizeof(*ai));
	if (rsdp_len < RSDP_RSDT + 4) {
		snprintf(err, errsize, "no RSDP");
		return -ENOENT;
	}
	if (!root_table(rsdp, rsdp_len, limit, &root)) {
		snprintf(err, errsize, "no valid XSDT or RSDT");
		return -EINVAL;
	}
	if (find(&root, limit, "FACP", &t, &seen))
		parse_fadt(ai, &root, &t, limit);
	seen = false;
	if (!find(&root, limit, "APIC", &t, &seen)) {
		snprintf(err, errsize, "%s",
			 seen ? "the MADT is truncated or its checksum wrong"
			      : "no MADT");
		return seen ? -EINVAL : -ENOENT;
	}
	return parse_madt(ai, &t, err, errsize);
}

void acpi_power(const struct acpi_info *ai, struct power_info *p)
{
	*p = (struct power_info){
		.pm1a = ai->pm1a,
		.pm1b = ai->pm1b,
		.has_s5 = ai->has_s5,
		.slp_typ_a = ai->slp_typ_a,
		.slp_typ_b = ai->slp_typ_b,
		.reset_port = ai->reset_port,
		.reset_value = ai->reset_value,
	};
}
