/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Privileged instructions as inline functions. Not for pure files. */
#ifndef CORE_INSNS_H
#define CORE_INSNS_H

#include "core/types.h"

struct desc_ptr {
	u16 limit;
	u64 base;
} __packed;

static inline void cpuid(u32 leaf, u32 sub, u32 r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 val)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((u32)val), "d"((u32)(val >> 32))
			 : "memory");
}

/*
 * The instruction at label 1 may fault: the IDT's handler then resumes at
 * label 2 with the vector + 1 in EAX (core/idt.c looks through __ex_table).
 */
#define EX_TABLE                            \
	".pushsection __ex_table,\"a\"\n\t" \
	".quad 1b, 2b\n\t"                  \
	".popsection\n\t"

/* 0, or the vector + 1 of the exception that the instruction raised. */
static inline u32 __must_check rdmsr_safe(u32 msr, u64 *val)
{
	u32 lo, hi, err;

	__asm__ volatile("1: rdmsr\n\t"
			 "mov %%eax, %1\n\t"
			 "xor %%eax, %%eax\n\t"
			 "2:\n\t" EX_TABLE
			 : "=&a"(err), "=&r"(lo), "=&d"(hi)
			 : "c"(msr));
	*val = err ? 0 : (u64)hi << 32 | lo;
	return err;
}

static inline u32 __must_check wrmsr_safe(u32 msr, u64 val)
{
	u32 err;

	__asm__ volatile("1: wrmsr\n\t"
			 "xor %%eax, %%eax\n\t"
			 "2:\n\t" EX_TABLE
			 : "=a"(err)
			 : "c"(msr), "a"((u32)val), "d"((u32)(val >> 32))
			 : "memory");
	return err;
}

/*
 * What becomes of the low half of MSR @msr when @val is written, 0 if that
 * raises an exception. @old is back before memory is accessed.
 */
static inline u32 wrmsr_try(u32 msr, u64 val, u64 old)
{
	u32 got = 0, lo = (u32)val, hi = (u32)(val >> 32);

	__asm__ volatile("1: wrmsr\n\t"
			 "rdmsr\n\t"
			 "mov %%eax, %[got]\n\t"
			 "mov %[old_lo], %%eax\n\t"
			 "mov %[old_hi], %%edx\n\t"
			 "wrmsr\n\t"
			 "2:\n\t" EX_TABLE
			 : [got] "+&r"(got), "+&a"(lo), "+&d"(hi)
			 : "c"(msr), [old_lo] "r"((u32)old),
			   [old_hi] "r"((u32)(old >> 32))
			 : "memory");
	return got;
}

static inline u32 __must_check xsetbv_safe(u32 xcr, u64 val)
{
	u32 err;

	__asm__ volatile("1: xsetbv\n\t"
			 "xor %%eax, %%eax\n\t"
			 "2:\n\t" EX_TABLE
			 : "=a"(err)
			 : "c"(xcr), "a"((u32)val), "d"((u32)(val >> 32))
			 : "memory");
	return err;
}

#define CR_ACCESSORS(n)                                                    \
	static inline u64 read_cr##n(void)                                 \
	{                                                                  \
		u64 v;                                                     \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));          \
		return v;                                                  \
	}                                                                  \
	static inline void write_cr##n(u64 v)                              \
	{                                                                  \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory"); \
	}
CR_ACCESSORS(0)
CR_ACCESSORS(2)
CR_ACCESSORS(3)
CR_ACCESSORS(4)
CR_ACCESSORS(8)

#define DR_ACCESSORS(n)                                           \
	static inline u64 read_dr##n(void)                        \
	{                                                         \
		u64 v;                                            \
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(v)); \
		return v;                                         \
	}                                                         \
	static inline void write_dr##n(u64 v)                     \
	{                                                         \
		__asm__ volatile("mov %0, %%dr" #n : : "r"(v));   \
	}
DR_ACCESSORS(0)
DR_ACCESSORS(1)
DR_ACCESSORS(2)
DR_ACCESSORS(3)
DR_ACCESSORS(6)
DR_ACCESSORS(7)

static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static inline void lgdt(const struct desc_ptr *p)
{
	__asm__ volatile("lgdt %0" : : "m"(*p));
}

static inline void lidt(const struct desc_ptr *p)
{
	__asm__ volatile("lidt %0" : : "m"(*p));
}

static inline void ltr(u16 sel)
{
	__asm__ volatile("ltr %0" : : "r"(sel));
}

static inline void wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

static inline void invlpga(u64 va, u32 asid)
{
	__asm__ volatile("invlpga %%rax, %%ecx"
			 :
			 : "a"(va), "c"(asid)
			 : "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline void hlt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

static inline void cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}

#endif
