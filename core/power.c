/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/power.h"

#include "core/insns.h"
#include "core/printk.h"
#include "core/run.h"
#include "core/smp.h"
#include "core/vcpu.h"
#include "core/virt.h"

#define PORT_KBC 0x64
#define KBC_RESET 0xfe
#define PORT_CF9 0xcf9
#define CF9_HARD_RESET 0x06
#define CF9_RESET_BIT 0x04
#define PM1_SLP_EN 0x2000
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP 0x1c00

static struct power_info power;
static enum shutdown_action on_shutdown;
static bool stats;

void power_init(const struct power_info *info, const struct options *o)
{
	power = *info;
	on_shutdown = o->on_shutdown;
	stats = o->stats;
}

void power_watch(struct vm *vm)
{
	if (!stats)
		return;
	if (power.pm1a)
		virt->trap_port(vm, power.pm1a, 2, true);
	if (power.reset_port)
		virt->trap_port(vm, power.reset_port, 1, true);
	virt->trap_port(vm, PORT_CF9, 1, true);
	virt->trap_port(vm, PORT_KBC, 1, true);
}

static void port_in(struct vcpu *v, const struct vmexit *x)
{
	u64 *rax = &v->gpr[RAX];

	if (x->io.size == 1)
		*rax = (*rax & ~0xffull) | inb(x->io.port);
	else if (x->io.size == 2)
		*rax = (*rax & ~0xffffull) | inw(x->io.port);
	else
		*rax = inl(x->io.port); /* the upper half becomes 0 */
}

static void port_out(u16 port, u8 size, u32 val)
{
	if (size == 1)
		outb(port, (u8)val);
	else if (size == 2)
		outw(port, (u16)val);
	else
		outl(port, val);
}

/* Does this write end the machine? */
static bool is_end(u16 port, u32 val)
{
	if (power.pm1a && port == power.pm1a)
		return (val & PM1_SLP_EN) && power.has_s5 &&
		       (val & PM1_SLP_TYP) >> PM1_SLP_TYP_SHIFT ==
			       power.slp_typ_a;
	if (port == PORT_CF9)
		return val & CF9_RESET_BIT;
	if (port == PORT_KBC)
		return (val & 0xff) == KBC_RESET;
	return power.reset_port && port == power.reset_port &&
	       (val & 0xff) == power.reset_value;
}

bool power_port_access(struct vcpu *v, const struct vmexit *x)
{
	u32 val = (u32)v->gpr[RAX];

	if (x->io.in) {
		port_in(v, x);
		return true;
	}
	if (is_end(x->io.port, val))
		vm_print_stats(v->vm);
	port_out(x->io.port, x->io.size, val);
	return true;
}

static void __noreturn halt(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

static void power_off(void)
{
	if (!power.pm1a || !power.has_s5)
		return;
	if (power.pm1b)
		outw(power.pm1b,
		     (u16)(PM1_SLP_EN | power.slp_typ_b << PM1_SLP_TYP_SHIFT));
	outw(power.pm1a,
	     (u16)(PM1_SLP_EN | power.slp_typ_a << PM1_SLP_TYP_SHIFT));
	delay_us(1000000);
}

static void reset(void)
{
	if (power.reset_port)
		outb(power.reset_port, power.reset_value);
	delay_us(50000);
	outb(PORT_CF9, CF9_HARD_RESET);
	delay_us(50000);
	outb(PORT_KBC, KBC_RESET);
	delay_us(50000);
}

static void __noreturn end(struct vm *vm, enum shutdown_action how)
{
	if (stats)
		vm_print_stats(vm);
	switch (how) {
	case SHUTDOWN_RESET:
		log_err("vm%u: reset", vm->id);
		reset();
		break;
	case SHUTDOWN_POWEROFF:
		log_err("vm%u: power off", vm->id);
		power_off();
		break;
	case SHUTDOWN_HALT:
		break;
	}
	log_err("vm%u: halted", vm->id);
	halt();
}

void power_end(struct vm *vm)
{
	end(vm, on_shutdown);
}

void power_reset(struct vm *vm)
{
	end(vm, SHUTDOWN_RESET);
}
