/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot story on one screen: boot_main() in the loader's place,
 * boot_high() after the move to L0's own memory.
 */
#include "boot/acpi.h"
#include "boot/boot_info.h"
#include "boot/load.h"
#include "boot/multiboot2.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/exit.h"
#include "core/gdb.h"
#include "core/idt.h"
#include "core/insns.h"
#include "core/machine.h"
#include "core/msr.h"
#include "core/options.h"
#include "core/power.h"
#include "core/printk.h"
#include "core/run.h"
#include "core/smp.h"
#include "core/string.h"
#include "core/version.h"
#include "core/virt.h"
#include "core/x86.h"
#include "drivers/serial/console.h"
#include "mm/guest.h"
#include "mm/l0map.h"
#include "mm/mtrr.h"
#include "mm/page.h"
#include "mm/slat.h"

#define MB2_BOOT_MAGIC 0x36d76289u

/* L0's memory: this and so much for each CPU, unless memory= says other. */
#define L0_MEMORY_BASE MiB(24)
#define L0_MEMORY_CPU MiB(8)
#define L0_MEMORY_PARKED KiB(80)
#define L0_MEMORY_MIN MiB(16)

extern char image_start[], text_end[], rodata_end[], image_end[];
void relocate(void *dst, const void *src, u64 len, u64 cr3);
void boot_main(u32 magic, u64 info, u64 load_base);

const struct virt_ops *virt;

static const struct virt_ops *const backends[] = { &svm_ops, &vmx_ops };

static struct boot_info bi;
static struct options opt;
static struct acpi_info acpi;
static struct machine machine;
static struct vm vm0;
static struct vcpu *vm0_vcpus[CPUS_MAX];
static struct slat slat0;
static hpa_t l0_start;
static u64 l0_len;
static u64 tsc_at_entry;
static u32 cpus_wanted; /* of those in the machine: cpus= */
static volatile u32 cpus_on, cpus_parked;

static void __noreturn stop(void)
{
	log_err("stopped");
	for (;;)
		hlt();
}

/* A machine without that port boots without a console. */
static void use_console(u32 com, u32 baud)
{
	int err = console_init(serial_port_base(com), baud);

	(void)err;
}

/* Console first with its default, so that every later error is seen. */
static void read_boot_info(u32 magic, u64 info)
{
	char err[160];
	int bad;

	use_console(1, 115200);
	if (magic != MB2_BOOT_MAGIC) {
		log_err("the boot loader is not multiboot2 (magic %#x)", magic);
		stop();
	}
	if (mb2_parse(hpa_ptr(HPA(info)), MiB(16), &bi, err, sizeof(err))) {
		log_err("multiboot2 information: %s", err);
		stop();
	}
	bad = options_parse(&opt, bi.cmdline, err, sizeof(err));
	if (opt.console.port != PORT_COM1 || opt.console.baud != 115200)
		use_console(opt.console.port, opt.console.baud);
	if (bad) {
		log_err("command line: %s", err);
		stop();
	}
}

static void choose_backend(void)
{
	char features[256] = "";
	struct missing m = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->present())
			virt = backends[i];
	log_info("%s on %s (%s)", abyme_version,
		 machine.brand[0] ? machine.brand : "unnamed processor",
		 machine.vendor);
	if (!virt)
		missing_add(&m, "VMX or SVM", "a processor with VT-x or AMD-V");
	else
		virt->check(&m);
	if (!machine.has_nx)
		missing_add(&m, "no-execute pages (NX)",
			    "switch \"Execute Disable\" on in firmware");
	for (u32 i = 0; i < m.n; i++)
		log_err("missing: %s%s%s", m.what[i], m.advice[i] ? ": " : "",
			m.advice[i] ? m.advice[i] : "");
	if (m.n)
		stop();
	virt->features(features, sizeof(features));
	log_info("backend %s: %s", virt->name, features);
}

static void set_features(void)
{
	const char *list =
		virt == &svm_ops ? opt.svm_features : opt.vmx_features;

	if (virt->set_features(list, &vm0.policy.features_off)) {
		log_err("command line: unknown feature in \"%s\"", list);
		stop();
	}
}

/*
 * Where nobody watches the sending of INIT and SIPI, L1 could start a CPU that
 * L0 does not use, outside of L0: so that one is taken to VMX root operation,
 * which blocks INITs and in which SIPIs mean nothing. (On SVM the ICR is
 * watched, svm/xapic.c.)
 */
static bool parks(void)
{
	return virt == &vmx_ops;
}

static void find_cpus(void)
{
	char err[160];

	if (acpi_parse(bi.rsdp, bi.rsdp_len, GiB(4), &acpi, err, sizeof(err))) {
		log_warn("ACPI: %s: only this CPU is used; L1 must not start "
			 "others",
			 err);
		acpi.ncpus = 0;
	}
	if (!acpi.ncpus)
		acpi.apic_id[acpi.ncpus++] = apic_id();
	nr_cpus_present = acpi.ncpus + acpi.left_out;
	if (acpi.left_out) {
		log_err("%u CPUs; Abyme knows %u at the most", nr_cpus_present,
			CPUS_MAX);
		if (parks())
			stop(); /* L1 could start the others */
	}
	cpus_wanted = acpi.ncpus;
	if (opt.max_cpus && opt.max_cpus < cpus_wanted)
		cpus_wanted = opt.max_cpus;
	log_info("%u CPU%s, local APIC at %#lx", cpus_wanted,
		 cpus_wanted > 1 ? "s" : "", acpi.lapic_addr);
}

static u64 l0_memory(void)
{
	u64 len = L0_MEMORY_BASE + cpus_wanted * L0_MEMORY_CPU;

	if (parks())
		len += (acpi.ncpus - cpus_wanted) * L0_MEMORY_PARKED;
	return len;
}

static u32 keep_ranges(struct mem_region *keep, u64 info, u64 load_base)
{
	u32 n = 0;

	keep[n++] = (struct mem_region){ info, *(u32 *)hpa_ptr(HPA(info)), 0 };
	keep[n++] = (struct mem_region){ load_base,
					 (u64)(image_end - image_start), 0 };
	if (bi.efi.present)
		keep[n++] = (struct mem_region){ bi.efi.memmap.v,
						 bi.efi.memmap_len, 0 };
	for (u32 i = 0; i < bi.nmods; i++)
		keep[n++] = (struct mem_region){ bi.mod[i].start.v,
						 bi.mod[i].len, 0 };
	return n;
}

/* The highest RAM below 4 GiB: L1 gets what is left in one piece. */
static void take_memory(u64 info, u64 load_base)
{
	struct mem_region keep[BOOT_MODULES_MAX + 3];
	u32 n = keep_ranges(keep, info, load_base);
	u64 a;

	l0_len = opt.memory_mib ? MiB(opt.memory_mib) : l0_memory();
	l0_len = ALIGN_UP(MAX(l0_len, L0_MEMORY_MIN), MiB(2));
	a = memmap_find_high(&bi.map, l0_len, MiB(2), MiB(4), GiB(4), keep, n);
	if (a == ~0ull) {
		log_err("no %lu MiB of memory in one piece below 4 GiB; less "
			"may do: memory=%lu",
			l0_len >> 20, L0_MEMORY_MIN >> 20);
		stop();
	}
	l0_start = HPA(a);
	log_info("L0 memory: %lu MiB at %#lx", l0_len >> 20, a);
}

static void boot_high(u64 info) __noreturn;

/* Copy the image to L0's memory and go on there, same virtual addresses. */
static void move_high(void)
{
	struct l0_layout lay = {
		.image = l0_start,
		.text_len = (u64)(text_end - image_start),
		.rodata_end = (u64)(rodata_end - image_start),
		.image_len = (u64)(image_end - image_start),
		.direct_end = MAX(memmap_memory_end(&bi.map), GiB(4)),
		.map = &bi.map,
		.la57 = read_cr4() & CR4_LA57,
		.has_1g = machine.has_1g,
		.nx = machine.has_nx,
		.mtrr = machine_mtrr(),
	};
	u64 len = (u64)(image_end - image_start);
	hpa_t root;

	page_init(HPA(l0_start.v + ALIGN_UP(len, PAGE_SIZE)),
		  l0_len - ALIGN_UP(len, PAGE_SIZE));
	root = l0_tables_build(&lay);
	if (root.v == HPA_NONE.v)
		panic("no memory for L0's page tables");
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	relocate(hpa_ptr(l0_start), image_start, len, root.v);
}

static u64 l0_cr4(void)
{
	u32 r[4];
	/* LA57: as boot/entry.S has decided */
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | (read_cr4() & CR4_LA57);

	cpuid(1, 0, r);
	if (r[2] & BIT(26))
		cr4 |= CR4_OSXSAVE;
	return cr4;
}

static void cpu_features_on(void)
{
	write_cr0((read_cr0() | CR0_WP | CR0_NE | CR0_MP) & ~CR0_TS);
	write_cr4(l0_cr4());
}

static void ap_main(struct cpu *cpu)
{
	if (virt->cpu_on(cpu))
		panic("CPU %u: root mode cannot be entered", cpu->index);
	cpu->online = true;
	__atomic_fetch_add(&cpus_on, 1, __ATOMIC_ACQ_REL);
	while (!__atomic_load_n(&cpu->vcpu, __ATOMIC_ACQUIRE))
		cpu_pause();
	virt->vcpu_load(cpu->vcpu);
	vcpu_enter_wait_sipi(cpu->vcpu);
	__atomic_fetch_add(&cpus_on, 1, __ATOMIC_ACQ_REL);
	vcpu_run(cpu->vcpu);
}

/* For ever. Machine checks come to all CPUs, and one that comes while another
 * is marked as in progress ends the machine. */
static void park_main(struct cpu *cpu)
{
	u32 none;

	if (virt->cpu_on(cpu))
		panic("CPU %u: root mode cannot be entered", cpu->index);
	__atomic_fetch_add(&cpus_parked, 1, __ATOMIC_ACQ_REL);
	for (;;) {
		if (cpu->mce_pending) {
			cpu->mce_pending = false;
			none = wrmsr_safe(MSR_MCG_STATUS, 0);
			(void)none;
		}
		hlt();
	}
}

/* The CPU with APIC id @id as number @index. False: it does not answer. */
static bool start_cpu(u32 index, u32 id, u64 page,
		      void (*entry)(struct cpu *cpu))
{
	struct cpu *cpu = cpu_new(index, id);

	if (!cpu)
		panic("no memory for CPU %u", index);
	if (!smp_start(cpu, HPA(page), entry))
		return true;
	log_warn("CPU with APIC id %u does not answer: L1 must not start it",
		 id);
	return false;
}

/* Those that are wanted, then those that must not be L1's. */
static void start_others(u64 page)
{
	u32 parked = 0;

	for (u32 i = 0; i < acpi.ncpus; i++) {
		u32 id = acpi.apic_id[i];

		if (id == cpus[0]->apic_id)
			continue;
		if (nr_cpus < cpus_wanted)
			nr_cpus += start_cpu(nr_cpus, id, page, ap_main);
		else if (parks())
			parked += start_cpu(nr_cpus + parked, id, page,
					    park_main);
	}
	while (__atomic_load_n(&cpus_parked, __ATOMIC_ACQUIRE) != parked)
		cpu_pause();
	if (parked)
		log_info("%u CPU%s out of L1's reach", parked,
			 parked > 1 ? "s" : "");
}

static void start_cpus(void)
{
	u64 page = memmap_find_high(&bi.map, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE,
				    0xa0000, NULL, 0);

	nr_cpus = 1;
	if (virt->cpu_on(cpus[0]))
		panic("root mode cannot be entered");
	cpus[0]->online = true;
	if (page != ~0ull)
		start_others(page);
	else if (acpi.ncpus > 1)
		log_warn("no page below 640 KiB: one CPU only; L1 must not "
			 "start others");
	while (__atomic_load_n(&cpus_on, __ATOMIC_ACQUIRE) != nr_cpus - 1)
		cpu_pause();
	log_info("%u CPU%s in %s root mode", nr_cpus, nr_cpus > 1 ? "s" : "",
		 virt->name);
}

static void make_vm(void)
{
	void *scratch = page_alloc(1);

	vm0.policy.nested = opt.nested;
	vm0.policy.hide = opt.hide;
	vm0.policy.on_shutdown = (u8)opt.on_shutdown;
	vm0.map = bi.map;
	vm0.l0_start = l0_start;
	vm0.l0_len = l0_len;
	vm0.slat = &slat0;
	vm0.vcpus = vm0_vcpus;
	vm0.nvcpus = nr_cpus;
	if (!scratch || memmap_set(&vm0.map, l0_start.v, l0_len, MEM_RESERVED))
		panic("L0's memory cannot be taken out of the map");
	vm0.scratch = ptr_hpa(scratch);
	guest_map_init(&vm0);
	slat0.phys_bits = machine.phys_bits;
	slat0.mtrr = machine_mtrr(); /* EPT: memory types are ours to set */
	if (opt.nested) {
		svm_nested = &nested_svm_ops;
		vmx_nested = &nested_vmx_ops;
	}
	if (virt->vm_init(&vm0))
		panic("the VM cannot be made");
	exit_init(&vm0);
	power_watch(&vm0);
}

/* ISA interrupts of COM1 to COM4. */
static const u8 com_irq[] = { 0, 4, 3, 4, 3 };

static void start_debugger(void)
{
	u32 irq = com_irq[opt.gdb.port];
	struct gdb_config c = {
		.pm_timer = acpi.pm_timer,
		.port = serial_port_base(opt.gdb.port),
		.shared = opt.gdb.port == opt.console.port,
		.baud = opt.gdb.baud,
		.wait = opt.gdb.wait,
		.low = acpi.isa[irq].low,
		.level = acpi.isa[irq].level,
	};

	if (opt.gdb.port == PORT_NONE)
		return;
	if (acpi_isa_input(&acpi, irq, &c.ioapic, &c.ioapic_pin))
		c.ioapic = 0;
	if (gdb_init(&c, &vm0))
		log_err("gdb: there is no COM%u", opt.gdb.port);
	else
		log_info("gdb: on COM%u, %u baud%s", opt.gdb.port, opt.gdb.baud,
			 opt.gdb.wait ? ", waiting" : "");
}

static void make_vcpus(void)
{
	for (u32 i = 0; i < nr_cpus; i++) {
		struct vcpu *v = page_alloc(
			(u32)(ALIGN_UP(sizeof(*v), PAGE_SIZE) / PAGE_SIZE));

		if (!v)
			panic("no memory for vcpu %u", i);
		v->vm = &vm0;
		v->cpu = cpus[i];
		v->index = i;
		v->apic_id = cpus[i]->apic_id;
		v->apic_base = rdmsr(MSR_APIC_BASE) & ~(u64)APIC_BASE_BSP;
		if (i == 0)
			v->apic_base |= APIC_BASE_BSP;
		vm0_vcpus[i] = v;
		if (virt->vcpu_init(v))
			panic("vcpu %u cannot be made", i);
		exit_vcpu_init(v);
	}
	for (u32 i = nr_cpus; i-- > 0;)
		__atomic_store_n(&cpus[i]->vcpu, vm0_vcpus[i],
				 __ATOMIC_RELEASE);
	virt->vcpu_load(vm0_vcpus[0]);
	while (__atomic_load_n(&cpus_on, __ATOMIC_ACQUIRE) != 2 * (nr_cpus - 1))
		cpu_pause();
}

static void load_guest(struct vcpu *v)
{
	struct l1_image img;
	char err[160];

	if (load_l1(&bi, &vm0.map, l0_start, l0_len, &img, err, sizeof(err))) {
		log_err("L1: %s", err);
		stop();
	}
	virt->vcpu_start(v, &(struct vcpu_start){ .kind = START_PM32,
						  .eip = img.eip,
						  .eax = img.eax,
						  .ebx = img.ebx,
						  .esi = img.esi,
						  .esp = img.esp,
						  .gdt = img.gdt,
						  .gdt_limit = img.gdt_limit });
	v->run_state = VCPU_RUNNING;
	log_info("L1: %s, %lu KiB, %u module%s, entry %#x", img.kind_name,
		 img.size >> 10, bi.nmods ? bi.nmods - 1 : 0,
		 bi.nmods == 2 ? "" : "s", img.eip);
}

static void boot_high(u64 info)
{
	if (cpu_init_boot())
		panic("no memory for the boot CPU");
	cpu_features_on();
	idt_init();
	cpu_tables_load(cpus[0]);
	start_cpus();
	make_vm();
	make_vcpus();
	load_guest(vm0_vcpus[0]);
	start_debugger();
	log_info("L0 keeps %lu KiB of %lu KiB; %lu TSC ticks from L0's entry "
		 "to L1's",
		 page_used() >> 10, l0_len >> 10, rdtsc() - tsc_at_entry);
	log_level = opt.loglevel;
	vcpu_run(vm0_vcpus[0]);
}

void boot_main(u32 magic, u64 info, u64 load_base)
{
	struct power_info p;

	tsc_at_entry = rdtsc();
	idt_early();
	read_boot_info(magic, info);
	machine_read(&machine);
	machine_read_mtrr(&machine);
	choose_backend();
	set_features();
	find_cpus();
	acpi_power(&acpi, &p);
	power_init(&p, &opt);
	take_memory(info, load_base);
	move_high();
	boot_high(info);
}
