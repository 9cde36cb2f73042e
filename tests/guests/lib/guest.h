/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every test guest is built on: checks and their lines on COM1,
 * exceptions that can be caught, the other CPUs, delays. A guest defines
 * main(); `PASS name` and `FAIL name: detail` lines and a closing
 * `guest NAME: N passed, N failed` are its result.
 */
#ifndef TESTS_GUESTS_LIB_GUEST_H
#define TESTS_GUESTS_LIB_GUEST_H

#include "core/insns.h"
#include "core/msr.h"
#include "core/string.h"
#include "core/types.h"
#include "core/x86.h"
#include "tests/guests/lib/layout.h"

extern const char guest_name[]; /* of the image, from the Makefile */
void main(void);

/* --- results ----------------------------------------------------------- */
void print(const char *fmt, ...) __printf(1, 2);
/* One PASS or FAIL line; the format is the detail of a failure. */
bool check(bool ok, const char *name, const char *fmt, ...) __printf(3, 4);
/* check() that @got is @want. */
bool check_eq(u64 got, u64 want, const char *name);
/*
 * check() where an emulator is known to be wrong: there a failure is the line
 * `KNOWN name: emulator fault: @fault (detail)` and counts for nothing.
 */
enum emulator { EMU_NONE, EMU_QEMU = 1, EMU_BOCHS = 2, EMU_ANY = 3 };
#define EMU_DIES 4 /* bare, the emulator hangs or ends: not to be tried */
#define EMU_ENDS 8 /* nor on L0, which does not see it in an SVM guest */
bool emulator_bare(void);     /* QEMU's own hypervisor leaf is to be seen */
enum emulator emulator(void); /* by its devices: L0 passes them through */
bool check_known(bool ok, const char *name, enum emulator emu,
		 const char *fault, const char *fmt, ...) __printf(5, 6);
/* Not tested here, and why: no PASS, no FAIL. */
void skip(const char *name, const char *why);
/* Closing line, then the end of the machine. */
void done(void) __noreturn;
/* A failed check, then done(). */
void die(const char *name, const char *fmt, ...) __noreturn __printf(2, 3);

bool contains(const char *s, const char *part);

/* --- what the loader gave ----------------------------------------------- */
#define MB1_BOOT_MAGIC 0x2badb002u
#define MB2_BOOT_MAGIC 0x36d76289u
#define MODS_MAX 8
#define RAM_MAX 64

struct boot_module {
	u32 start, end;
	char string[128];
};

struct boot_ram {
	u64 start, len;
	u32 type;
};

struct boot {
	u32 magic, flags; /* flags: multiboot 1 only */
	u32 info;	  /* where the loader put its information, bytes */
	u32 info_len;
	u32 nmods, nram;
	u32 mem_lower, mem_upper; /* KiB */
	bool has_cmdline, has_loader, terminated;
	char cmdline[256];
	char loader[64];
	struct boot_module mods[MODS_MAX];
	struct boot_ram ram[RAM_MAX];
};

extern struct boot boot; /* copied before anything is overwritten */
extern u32 boot_magic, boot_info_addr;
extern char image_start[], image_data_end[], image_end[];
void boot_parse(void);
/* Value of word KEY=VALUE of the command line, or @none. */
u64 boot_option(const char *key, u64 none);
/* One past the highest address of RAM. */
u64 ram_top(void);
/* In RAM of the map, and not the image, a module or boot information? */
bool ram_is_free(u64 start, u64 len);
/* Write to each free page above 1 MiB and read all back: number that lost
 * their contents, *first is the lowest, *pages how many were tried. */
u64 ram_test(u64 *first, u64 *pages);

/* Memory of the machine that its map does not give, above 1 MiB. */
#define HOLES_MAX 8
struct hole {
	u64 start, end;
};
/* RAM as the firmware of QEMU and Bochs counts it, below 4 GiB. */
u64 machine_top(void);
u32 find_holes(struct hole holes[HOLES_MAX], u64 top);
/* L0's memory, not the firmware's few pages. */
bool hole_is_l0(const struct hole *h);

/* --- memory: pages of the image's own, zeroed, never freed -------------- */
void *page_alloc(u32 pages);
/* Map 2 MiB pages one to one for [start, start + len), with PTE @bits. */
void map_2m(u64 start, u64 len, u64 bits);

/* --- exceptions ---------------------------------------------------------- */
struct regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx,
		rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

struct fault {
	int vector; /* -1: none */
	u64 error, rip, cr2, rflags, dr6;
};

/* Call fn(arg); the vector of an exception that ended it, or -1. */
int try(void (*fn)(void *), void *arg);
/* The same at CPL 3, in long mode: the function ends by an exception. */
int try_user(void (*fn)(void));
/* Details of the last exception that try() caught on this CPU. */
const struct fault *last_fault(void);
/* Called first for a vector: true says that it is settled. */
typedef bool (*vector_hook_t)(struct regs *r);
void set_hook(u8 vector, vector_hook_t hook);
extern u64 idt[512];

/* --- CPUs ---------------------------------------------------------------- */
u32 cpu_index(void); /* its APIC ID */
u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 v);
void apic_enable(void);
void apic_eoi(void);
void icr_send(u32 dest, u32 low); /* waits until it is sent */
#define APIC_ID 0x20
#define APIC_TPR 0x80
#define APIC_EOI 0xb0
#define APIC_SVR 0xf0
#define APIC_ESR 0x280
#define APIC_ICR 0x300
#define APIC_ICR2 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_TIMER_INIT 0x380
#define APIC_TIMER_NOW 0x390
#define APIC_TIMER_DIV 0x3e0
#define ICR_NMI 0x400u
#define ICR_INIT 0x500u
#define ICR_SIPI 0x600u
#define ICR_ASSERT 0x4000u
#define ICR_SELF 0x40000u
#define ICR_OTHERS 0xc0000u
/* CPUs in the ACPI MADT, 0 when there is none; their APIC IDs. */
u32 madt_cpus(u32 ids[MAX_CPUS]);
/* INIT, SIPI, SIPI; true when the CPU runs (spins for ap_call()). */
bool ap_start_cpu(u32 id);
bool ap_running(u32 id);
/* All others at once, by the shorthand; @count of them have to come. */
bool ap_start_all(u32 count);
/* What the last CPU that started found in its registers. */
struct ap_reset {
	u32 edx;
	u16 cs, pad;
	u32 cr0, cr3, cr4, dr7, efer;
	struct {
		u16 limit;
		u32 base;
	} __packed idtr;
} __packed;
const volatile struct ap_reset *ap_reset_state(void);
/* Run @fn on a started CPU and wait; false when it does not come back. */
bool ap_call(u32 id, void (*fn)(void *), void *arg);
/* The same without waiting, and the waiting: up to @ms milliseconds. */
void ap_post(u32 id, void (*fn)(void *), void *arg);
bool ap_wait(u32 id, u32 ms);

void delay_us(u32 us); /* by the PIT, needs no interrupt */

static inline u64 read_flags(void)
{
	u64 v;

	__asm__ volatile("pushfq; pop %0" : "=r"(v));
	return v;
}

static inline void sti(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline u32 cpuid_reg(u32 leaf, u32 sub, int reg)
{
	u32 r[4];

	cpuid(leaf, sub, r);
	return r[reg];
}

enum { EAX, EBX, ECX, EDX };

/* Is bit 31 of CPUID 1 ECX set: some hypervisor announces itself. */
static inline bool cpu_hypervisor(void)
{
	return cpuid_reg(1, 0, ECX) >> 31;
}

static inline bool cpu_xsave(void)
{
	return cpuid_reg(1, 0, ECX) >> 26 & 1;
}

/* Abyme's leaf is to be seen (not with hide=1). */
bool on_abyme(void);
bool cpu_vendor_is(const char *vendor);

#endif
