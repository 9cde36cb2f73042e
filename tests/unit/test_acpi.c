/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: boot/acpi.c */
#include "tests/unit/unit.h"

#include "boot/acpi.h"
#include "core/err.h"
#include "mm/addr.h"

#define MEMORY 0x8000u
#define AT_XSDT 0x1000u
#define AT_RSDT 0x1800u
#define AT_MADT 0x2000u
#define AT_FADT 0x4000u
#define AT_DSDT 0x5000u
#define AT_SSDT 0x6000u

static struct acpi_info ai;
static char err[160];
static u8 rsdp[36];

static void put(u32 at, u64 v, u32 n)
{
	memcpy(unit_memory + at, &v, n);
}

static void close_table(u32 at, const char *sig, u32 len)
{
	u8 *p = unit_memory + at, s = 0;

	memcpy(p, sig, 4);
	put(at + 4, len, 4);
	p[9] = 0;
	for (u32 i = 0; i < len; i++)
		s = (u8)(s + p[i]);
	p[9] = (u8)-s;
}

static u32 madt_len;

static void lapic(u8 id, u32 flags)
{
	u8 e[8] = { 0, 8, 0, id };

	memcpy(e + 4, &flags, 4);
	memcpy(unit_memory + AT_MADT + madt_len, e, 8);
	madt_len += 8;
}

static void x2apic(u32 id, u32 flags)
{
	u8 e[16] = { 9, 16 };

	memcpy(e + 4, &id, 4);
	memcpy(e + 8, &flags, 4);
	memcpy(unit_memory + AT_MADT + madt_len, e, 16);
	madt_len += 16;
}

static const u8 s5[] = { 0x08, '_',  'S', '5',	'_', 0x12, 0x08,
			 0x04, 0x0a, 5,	  0x01, 0,   0 };

static void machine(void)
{
	unit_memory_init(MEMORY);
	memset(rsdp, 0, sizeof(rsdp));
	rsdp[15] = 2;
	memcpy(rsdp + 16, &(u32){ AT_RSDT }, 4);
	memcpy(rsdp + 24, &(u64){ AT_XSDT }, 8);

	madt_len = 44;
	put(AT_MADT + 36, 0xfee00000, 4);
	lapic(0, 1);
	lapic(2, 1);
	lapic(4, 0);
	lapic(6, 2);
	lapic(255, 1);
	memcpy(unit_memory + AT_MADT + madt_len, "\x01\x0c", 2); /* I/O APIC */
	madt_len += 12;
	x2apic(2, 1);
	x2apic(0x100, 1);
	close_table(AT_MADT, "APIC", madt_len);

	put(AT_FADT + 40, AT_DSDT, 4);
	put(AT_FADT + 64, 0x404, 4);
	put(AT_FADT + 112, 1 << 10, 4);
	put(AT_FADT + 116, 1, 1);
	put(AT_FADT + 120, 0xcf9, 8);
	put(AT_FADT + 128, 6, 1);
	put(AT_FADT + 172, 1, 1);
	put(AT_FADT + 176, 0x604, 8);
	put(AT_FADT + 184, 1, 1);
	put(AT_FADT + 188, 0x704, 8);
	close_table(AT_FADT, "FACP", 244);

	memcpy(unit_memory + AT_DSDT + 100, s5, sizeof(s5));
	close_table(AT_DSDT, "DSDT", 200);

	put(AT_XSDT + 36, 0, 8);
	put(AT_XSDT + 44, MEMORY - 10, 8);
	put(AT_XSDT + 52, ~0ull, 8);
	put(AT_XSDT + 60, AT_FADT, 8);
	put(AT_XSDT + 68, AT_MADT, 8);
	close_table(AT_XSDT, "XSDT", 76);
	put(AT_RSDT + 36, AT_MADT, 4);
	close_table(AT_RSDT, "RSDT", 40);
}

static int parse(void)
{
	return acpi_parse(rsdp, sizeof(rsdp), MEMORY, &ai, err, sizeof(err));
}

TEST(acpi_whole)
{
	struct power_info p;

	machine();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(ai.ncpus, 3);
	CHECK_EQ(ai.apic_id[0], 0);
	CHECK_EQ(ai.apic_id[1], 2);
	CHECK_EQ(ai.apic_id[2], 0x100);
	CHECK_EQ(ai.left_out, 0);
	CHECK_EQ(ai.lapic_addr, 0xfee00000);
	acpi_power(&ai, &p);
	CHECK_EQ(p.pm1a, 0x604);
	CHECK_EQ(p.pm1b, 0x704);
	CHECK_EQ(p.reset_port, 0xcf9);
	CHECK_EQ(p.reset_value, 6);
	CHECK(p.has_s5);
	CHECK_EQ(p.slp_typ_a, 5);
	CHECK_EQ(p.slp_typ_b, 1);
}

TEST(acpi_old)
{
	machine();
	CHECK_EQ(acpi_parse(rsdp, 20, MEMORY, &ai, err, sizeof(err)), 0);
	CHECK_EQ(ai.ncpus, 3);
	CHECK_EQ(ai.pm1a, 0);
	/* a broken XSDT: the RSDT */
	unit_memory[AT_XSDT + 10]++;
	CHECK_EQ(parse(), 0);
	CHECK_EQ(ai.pm1a, 0);
	unit_memory[AT_RSDT + 10]++;
	CHECK_EQ(parse(), -EINVAL);
	CHECK_EQ(acpi_parse(rsdp, 0, MEMORY, &ai, err, sizeof(err)), -ENOENT);
}

TEST(acpi_old_fadt)
{
	machine();
	close_table(AT_FADT, "FACP", 116);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(ai.pm1a, 0x404);
	CHECK_EQ(ai.pm1b, 0);
	CHECK_EQ(ai.reset_port, 0);
	CHECK(ai.has_s5);
}

TEST(acpi_s5_forms)
{
	static const u8 root[] = { 0x08, 0x5c, '_',  'S',  '5',	 '_',
				   0x12, 0x46, 0x01, 0x02, 0x0b, 7,
				   0,	 0x0c, 3,    0,	   0,	 0 };

	machine();
	memset(unit_memory + AT_DSDT + 100, 0, sizeof(s5));
	close_table(AT_DSDT, "DSDT", 200);
	CHECK_EQ(parse(), 0);
	CHECK(!ai.has_s5);
	memcpy(unit_memory + AT_SSDT + 40, "_S5_ decoy _S5_", 15);
	memcpy(unit_memory + AT_SSDT + 60, root, sizeof(root));
	close_table(AT_SSDT, "SSDT", 60 + sizeof(root));
	put(AT_XSDT + 36, AT_SSDT, 8);
	close_table(AT_XSDT, "XSDT", 76);
	CHECK_EQ(parse(), 0);
	CHECK(ai.has_s5);
	CHECK_EQ(ai.slp_typ_a, 7);
	CHECK_EQ(ai.slp_typ_b, 3);
	for (u32 len = 36; len <= 60 + sizeof(root); len++) {
		close_table(AT_SSDT, "SSDT", len);
		CHECK_EQ(parse(), 0);
		CHECK_EQ(ai.has_s5, len >= 60 + sizeof(root));
	}
}

TEST(acpi_lapic_override)
{
	u8 e[12] = { 5, 12, 0, 0, 0, 0, 0xd0, 0xfe };

	machine();
	memcpy(unit_memory + AT_MADT + madt_len, e, 12);
	close_table(AT_MADT, "APIC", madt_len + 12);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(ai.lapic_addr, 0xfed00000);
}

TEST(acpi_many_cpus)
{
	machine();
	for (u32 i = 0; i < 300; i++)
		x2apic(1000 + i, 1);
	close_table(AT_MADT, "APIC", madt_len);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(ai.ncpus, ACPI_CPUS_MAX);
	CHECK_EQ(ai.left_out, 300 + 3 - ACPI_CPUS_MAX);
}

TEST(acpi_broken_madt)
{
	machine();
	unit_memory[AT_MADT + 50]++;
	CHECK_EQ(parse(), -EINVAL);
	CHECK(strstr(err, "checksum") != NULL);
	machine();
	unit_memory[AT_MADT + 45] = 0;
	close_table(AT_MADT, "APIC", madt_len);
	CHECK_EQ(parse(), -EINVAL);
	CHECK(strstr(err, "entry of 0 bytes") != NULL);
	machine();
	unit_memory[AT_MADT + 45] = 255;
	close_table(AT_MADT, "APIC", madt_len);
	CHECK_EQ(parse(), -EINVAL);
	machine();
	close_table(AT_MADT, "APIC", 43);
	CHECK_EQ(parse(), -EINVAL);
	machine();
	memset(unit_memory + AT_MADT, 0, 4);
	CHECK_EQ(parse(), -ENOENT);
	CHECK(!strcmp(err, "no MADT"));
}

/* Lengths that lie, tables at the very end of memory: ASan watches. */
TEST(acpi_hostile)
{
	u32 good = 0;

	for (u32 round = 0; round < 20000; round++) {
		static const u32 at[] = { AT_XSDT, AT_MADT, AT_FADT, AT_DSDT };
		static const char *const sig[] = { "XSDT", "APIC", "FACP",
						   "DSDT" };
		u32 t = unit_random() % 4;

		if (round % 64 == 0)
			machine();
		unit_memory[at[t] + 10 + unit_random() % 200] =
			(u8)unit_random();
		close_table(at[t], sig[t], 36 + unit_random() % 250);
		if (unit_random() % 8 == 0)
			put(at[t] + 4, unit_random(), 4);
		good += !parse();
		CHECK(ai.ncpus <= ACPI_CPUS_MAX);
	}
	CHECK(good > 100);
}
