/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little that L0 needs of ACPI: CPUs, reset, power-off. Pure. */
#ifndef BOOT_ACPI_H
#define BOOT_ACPI_H

#include "core/power.h"
#include "core/types.h"

#define ACPI_CPUS_MAX 256

#define ACPI_IOAPICS_MAX 8
#define ISA_IRQS 16

struct acpi_ioapic {
	u32 addr;     /* physical */
	u32 gsi_base; /* its input 0 */
};

/* Where an ISA interrupt arrives: identity unless overridden. */
struct acpi_isa_irq {
	bool overridden;
	u32 gsi;
	bool low, level;
};

struct acpi_info {
	u32 ncpus;
	u32 apic_id[ACPI_CPUS_MAX]; /* xAPIC or x2APIC ids, in MADT order */
	u32 left_out;		    /* CPUs beyond ACPI_CPUS_MAX */
	u64 lapic_addr;		    /* physical, of the xAPIC page */
	u16 pm1a, pm1b;		    /* PM1 control ports; 0: none */
	u16 pm_timer;		    /* port of the PM timer; 0: none */
	bool has_s5;
	u8 slp_typ_a, slp_typ_b; /* \_S5: values for PM1a and PM1b */
	u16 reset_port;		 /* reset register in I/O space; 0: none */
	u8 reset_value;
	u32 nioapics;
	struct acpi_ioapic ioapic[ACPI_IOAPICS_MAX];
	struct acpi_isa_irq isa[ISA_IRQS];
};

/*
 * Follow the RSDP at @rsdp to the MADT and the FADT. @limit: the direct map
 * reaches physical addresses below it; tables beyond it do not count. A CPU
 * counts when it is enabled now ("online capable" ones are empty sockets).
 * -ENOENT without RSDP or MADT, -EINVAL when they are broken, with a
 * message; a missing or broken FADT only leaves its fields 0.
 */
int __must_check acpi_parse(const u8 *rsdp, u32 rsdp_len, u64 limit,
			    struct acpi_info *ai, char *err, size_t errsize);

/*
 * The I/O APIC input of ISA interrupt @irq: physical address of the I/O APIC
 * and number of the input, -ENOENT if there is none.
 */
int __must_check acpi_isa_input(const struct acpi_info *ai, u32 irq, u64 *addr,
				u32 *pin);

/* The part of @ai that core/power.c works with. */
void acpi_power(const struct acpi_info *ai, struct power_info *p);

#endif
