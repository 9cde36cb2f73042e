/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stub's UART breaks in by NMI, so that a CPU with interrupts off is
 * reached, too: the UART's input of the I/O APIC is set to delivery mode NMI.
 * L1 programs the other inputs; its writes to the I/O APIC's page are carried
 * out here, except for those to that one redirection entry.
 * ICH9 datasheet and 82093AA, "I/O Redirection Table Registers".
 */
#include "core/cpu.h"
#include "core/err.h"
#include "core/gdb.h"
#include "core/insn.h"
#include "core/printk.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/slat.h"

#define IOREGSEL 0x00
#define IOWIN 0x10
#define RTE_FIRST 0x10
#define RTE_NMI (4u << 8)
#define RTE_LOW_ACTIVE BIT(13)
#define RTE_LEVEL BIT(15)

static struct {
	u64 base; /* host-physical; 0: not used */
	u32 pin;
	u32 select; /* L1's IOREGSEL */
} io;

static volatile u32 *reg(u32 offset)
{
	return (volatile u32 *)((u8 *)hpa_ptr(HPA(io.base)) + offset);
}

static void write_entry(u32 index, u32 val)
{
	u32 select = *reg(IOREGSEL);

	*reg(IOREGSEL) = index;
	*reg(IOWIN) = val;
	*reg(IOREGSEL) = select;
}

int gdb_irq_init(const struct gdb_config *c, struct vm *vm)
{
	u32 low = RTE_NMI, index = RTE_FIRST + 2 * c->ioapic_pin;

	if (!c->ioapic)
		return -ENODEV;
	io.base = c->ioapic;
	io.pin = c->ioapic_pin;
	low |= c->low ? (u32)RTE_LOW_ACTIVE : 0;
	low |= c->level ? (u32)RTE_LEVEL : 0;
	write_entry(index + 1, cpus[0]->apic_id << 24);
	write_entry(index, low);
	return slat_protect(vm->slat, L1PA(io.base), HPA(io.base), ACCESS_R);
}

static void write_reg(u32 offset, u32 val)
{
	if (offset == IOREGSEL)
		io.select = val & 0xff;
	else if (offset == IOWIN && (io.select & ~1u) == RTE_FIRST + 2 * io.pin)
		return;
	*reg(offset) = val;
}

bool gdb_memory(struct vcpu *v, const struct vmexit *x)
{
	u64 page = x->mem.gpa.v & PAGE_MASK;
	struct insn i;

	if (!io.base || page != (io.base & PAGE_MASK))
		return false;
	if (gdb_code_insn(v, &i) || i.op != INSN_STORE || i.width != 4) {
		log_err("vm%u: CPU %u: a write to the I/O APIC that is not a "
			"plain MOV is dropped",
			v->vm->id, v->index);
	} else {
		u32 val = i.has_imm ? (u32)i.imm
				    : (u32)insn_reg_read(&i, v->gpr, i.reg, 4);

		write_reg((u32)(x->mem.gpa.v - io.base), val);
	}
	virt->set_reg(v, VREG_RIP, virt->get_reg(v, VREG_RIP) + i.len);
	return true;
}
