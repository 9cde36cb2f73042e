/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Loading Host State" (SDM 3C): what L1's registers are at the first
 * instruction after an exit, from an L2 in each mode and after an entry that
 * failed; hidden parts of segments by what 32-bit code may do with them.
 */
/* boot: emus=bochs bare timeout=60 */
#include "tests/guests/lib/compat.h"
#include "tests/guests/lib/tables.h"
#include "tests/guests/lib/vmx.h"

/* An exit leaves these bits of CR0 as they are. */
#define CR0_NOT_LOADED \
	(CR0_CD | CR0_NW | CR0_ET | BITS(28, 19) | BIT(17) | BITS(15, 6))

/* --- the first instructions after an exit ------------------------------------ */
enum { EFER_, PAT_, DEBUGCTL_, SYS_CS, SYS_ESP, SYS_EIP, FS_, GS_, NR_MSRS };

struct probe {
	u64 rax, rcx, rdx, rflags, rsp, cr0, cr3, cr4, dr7;
	u16 es, cs, ss, ds, fs, gs, ldtr, tr;
	u8 gdtr[16], idtr[16];
	u64 msr[NR_MSRS];
	u64 error; /* of VMLAUNCH as the first instruction */
};
_Static_assert(offsetof(struct probe, es) == 72 &&
		       offsetof(struct probe, gdtr) == 88 &&
		       offsetof(struct probe, msr) == 120 &&
		       offsetof(struct probe, error) == 184,
	       "probe_exit and probe_shadow know them");

extern struct probe probe;
extern const u32 probe_list[];
extern const char probe_exit[], probe_shadow[];
struct probe probe __aligned(16);
const u32 probe_list[NR_MSRS] = { MSR_EFER,	    MSR_PAT,
				  MSR_DEBUGCTL,	    MSR_SYSENTER_CS,
				  MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
				  MSR_FS_BASE,	    MSR_GS_BASE };

__asm__(".text; probe_exit:"
	"mov %rax, probe; mov %rcx, probe+8; mov %rdx, probe+16;"
	"mov %rsp, probe+32; pushfq; pop %rax; mov %rax, probe+24;"
	"mov %cr0, %rax; mov %rax, probe+40; mov %cr3, %rax;"
	"mov %rax, probe+48; mov %cr4, %rax; mov %rax, probe+56;"
	"mov %dr7, %rax; mov %rax, probe+64;"
	"movw %es, probe+72; movw %cs, probe+74; movw %ss, probe+76;"
	"movw %ds, probe+78; movw %fs, probe+80; movw %gs, probe+82;"
	"sldt probe+84; str probe+86; sgdt probe+88; sidt probe+104;"
	"push %rbx; xor %ebx, %ebx;"
	"1: mov probe_list(,%rbx,4), %ecx; rdmsr;"
	"mov %eax, probe+120(,%rbx,8); mov %edx, probe+124(,%rbx,8);"
	"inc %ebx; cmp $8, %ebx; jne 1b; pop %rbx; 2:"
	"mov probe, %rax; mov probe+8, %rcx; mov probe+16, %rdx;"
	"jmp vmx_exit;"
	/* blocking by MOV SS makes another error than the launch state */
	"probe_shadow: vmlaunch;"
	"mov %rax, probe; mov %rcx, probe+8; mov %rdx, probe+16;"
	"mov $0x4400, %eax; vmread %rax, probe+184; jmp 2b");

/* --- L2s ------------------------------------------------------------------------- */
PAYLOAD(do_vmcall, "vmcall")
PAYLOAD(do_mov_ss, "mov %ss, %eax; mov %eax, %ss; vmcall")
/* flags, DR7, EFER.SCE, PAT and SYSENTER_EIP of L2's own */
PAYLOAD(do_change, "std; stc; mov $0x401, %eax; mov %rax, %dr7;"
		   "mov $0xc0000080, %ecx; rdmsr; xor $1, %eax; wrmsr;"
		   "mov $0x277, %ecx; rdmsr; xor $0x0100, %eax; wrmsr;"
		   "mov $0x176, %ecx; mov $0x7777, %eax; xor %edx, %edx;"
		   "wrmsr; mov %rdi, %cr4; vmcall")
extern const char code32[], code16[];
__asm__(".text; .code32; code32: vmcall; .code16; code16: vmcall; .code64");

static struct vl2 l2;
static u64 *ept;
static u8 bitmap[PAGE_SIZE] __aligned(4096);

static void base_case(void (*code)(void))
{
	vl2_init(&l2, code);
	vmw(VMCS_PROC_CTLS,
	    vmx_proc((u32)(PROC_HLT | PROC_PROC2 | PROC_MSR_BITMAP)));
	vmw(VMCS_MSR_BITMAP, (u64)bitmap);
	vmw(VMCS_GUEST_IDTR_LIMIT, 0x123);
	vmw(VMCS_GUEST_GDTR_LIMIT, 0x456);
	vmw(VMCS_GUEST_SYSENTER_ESP, 0x4000);
	vmw(VMCS_GUEST_FS_BASE, 0x5000);
}

static void ept_on(u32 more)
{
	vmw(VMCS_PROC2_CTLS, vmx_proc2((u32)PROC2_EPT | more));
	vmw(VMCS_EPTP, (u64)ept | EPTP_WB | EPTP_WALK4);
}

static void from_long(void)
{
	base_case(do_change);
	l2.gprs.rdi = read_cr4() ^ (CR4_TSD | CR4_PGE);
}

static void from_compat(void)
{
	base_case((void (*)(void))(u64)code32);
	vmw(VMCS_GUEST_CS_AR, 0xc09b);
}

static void from_pae(void)
{
	extern u64 pds[];

	from_compat();
	ept_on(0);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0));
	vmw(VMCS_GUEST_CR3, 0x1000);
	for (u32 i = 0; i < 4; i++)
		vmw(VMCS_GUEST_PDPTE0 + 2 * i, (u64)&pds[512 * i] | 1);
}

static void from_no_paging(void)
{
	from_compat();
	ept_on((u32)PROC2_UNRESTRICTED);
	vmw(VMCS_ENTRY_CTLS, vmx_entry_ctls(0));
	vmw(VMCS_GUEST_CR0, read_cr0() & ~CR0_PG);
	vmw(VMCS_GUEST_CR4, read_cr4() & ~CR4_PAE);
}

static void from_real(void)
{
	vl2_init_real(&l2, code16, 3, 0xc000);
	vmw(VMCS_PROC_CTLS, vmx_proc((u32)(PROC_HLT | PROC_PROC2)));
	ept_on((u32)PROC2_UNRESTRICTED);
}

static void from_bad_entry(void)
{
	base_case(do_vmcall);
	vmw(VMCS_GUEST_RFLAGS, 0);
}

static const struct {
	const char *name;
	void (*prepare)(void);
	u32 reason, need;
} modes[] = {
	{ "long", from_long, REASON_VMCALL, 0 },
	{ "compat", from_compat, REASON_VMCALL, 0 },
	{ "pae", from_pae, REASON_VMCALL, (u32)PROC2_EPT },
	{ "no-paging", from_no_paging, REASON_VMCALL, (u32)PROC2_UNRESTRICTED },
	{ "real", from_real, REASON_VMCALL, (u32)PROC2_UNRESTRICTED },
	{ "failed-entry", from_bad_entry,
	  REASON_BAD_GUEST | (u32)EXIT_ENTRY_FAILURE, 0 },
};

/* --- what L1 asked for, and what it had before ------------------------------------- */
#define FS_VALUE 0x1111000ull
#define GS_VALUE 0x7fff22220000ull

extern u64 pml4[], gdt[];
static u64 pml4_twin[512] __aligned(4096);
static struct {
	u64 cr0, cr4, efer, pat;
	struct desc_ptr gdtr, idtr;
	u16 tr;
} had;

static void remember(void)
{
	had.cr0 = read_cr0();
	had.cr4 = read_cr4();
	had.efer = rdmsr(MSR_EFER);
	had.pat = rdmsr(MSR_PAT);
	__asm__ volatile("sgdt %0; sidt %1" : "=m"(had.gdtr), "=m"(had.idtr));
	__asm__ volatile("str %0" : "=r"(had.tr));
	memcpy(pml4_twin, pml4, PAGE_SIZE);
}

/* What is not loaded is the contrary of what is there. */
static void host_values(bool load)
{
	u64 fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);

	vmw(VMCS_HOST_CR0,
	    (had.cr0 ^ (CR0_TS | CR0_MP | CR0_NOT_LOADED)) & fixed1);
	vmw(VMCS_HOST_CR3, (u64)pml4_twin);
	vmw(VMCS_HOST_CR4, had.cr4 ^ CR4_TSD);
	vmw(VMCS_HOST_FS_SEL, SEL_DATA);
	vmw(VMCS_HOST_ES_SEL, 0);
	vmw(VMCS_HOST_FS_BASE, FS_VALUE);
	vmw(VMCS_HOST_GS_BASE, GS_VALUE);
	vmw(VMCS_HOST_SYSENTER_CS, 0x77);
	vmw(VMCS_HOST_SYSENTER_ESP, 0x888000);
	vmw(VMCS_HOST_SYSENTER_EIP, 0x999000);
	vmw(VMCS_HOST_RIP, (u64)probe_exit);
	if (load) {
		vmw(VMCS_EXIT_CTLS,
		    vmr(VMCS_EXIT_CTLS) | EXITC_LOAD_EFER | EXITC_LOAD_PAT);
		vmw(VMCS_HOST_EFER, had.efer ^ 1);
		vmw(VMCS_HOST_PAT, had.pat ^ 0x010000);
	}
	memset(&probe, 0xee, sizeof(probe));
}

static void put_back(void)
{
	static const u32 zero[] = { MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
				    MSR_SYSENTER_EIP, MSR_FS_BASE,
				    MSR_GS_BASE };

	write_cr3((u64)pml4);
	write_cr0(had.cr0);
	write_cr4(had.cr4);
	wrmsr(MSR_EFER, had.efer);
	wrmsr(MSR_PAT, had.pat);
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		wrmsr(zero[i], 0);
}

/* --- the comparison ------------------------------------------------------------------ */
static const char *mode;

static void is(u64 got, u64 want, const char *what)
{
	char name[48];

	snprintf(name, sizeof(name), "%s-%s", mode, what);
	check_eq(got, want, name);
}

static void check_segments(void)
{
	u64 base;

	is(probe.cs, SEL_CODE64, "cs");
	is(probe.ss, SEL_DATA, "ss");
	is(probe.ds, SEL_DATA, "ds");
	is(probe.es, 0, "es");
	is(probe.fs, SEL_DATA, "fs");
	is(probe.gs, 0, "gs");
	is(probe.ldtr, 0, "ldtr");
	is(probe.tr, had.tr, "tr");
	is(probe.msr[FS_], FS_VALUE, "fs-base");
	is(probe.msr[GS_], GS_VALUE, "gs-base");
	memcpy(&base, probe.gdtr + 2, 8);
	is(base, had.gdtr.base, "gdtr-base");
	memcpy(&base, probe.idtr + 2, 8);
	is(base, had.idtr.base, "idtr-base");
	is(probe.gdtr[0] | probe.gdtr[1] << 8, 0xffff, "gdtr-limit");
	is(probe.idtr[0] | probe.idtr[1] << 8, 0xffff, "idtr-limit");
}

/* @changed: L2 had an EFER and a PAT of its own. */
static void check_registers(bool load, bool changed)
{
	is(probe.rflags, RFLAGS_FIXED, "rflags");
	is(probe.cr0, had.cr0 ^ (CR0_TS | CR0_MP), "cr0");
	is(probe.cr3, (u64)pml4_twin, "cr3");
	is(probe.cr4, had.cr4 ^ CR4_TSD, "cr4");
	is(probe.dr7, 0x400, "dr7");
	is(probe.msr[DEBUGCTL_], 0, "debugctl");
	is(probe.msr[SYS_CS], 0x77, "sysenter-cs");
	is(probe.msr[SYS_ESP], 0x888000, "sysenter-esp");
	is(probe.msr[SYS_EIP], 0x999000, "sysenter-eip");
	is(probe.msr[EFER_], had.efer ^ (load || changed), "efer");
	is(probe.msr[PAT_],
	   load	     ? had.pat ^ 0x010000
	   : changed ? had.pat ^ 0x0100
		     : had.pat,
	   "pat");
}

static void test_modes(void)
{
	for (u32 i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		u32 n = i / 2;
		bool load = i & 1;
		char name[48];

		if (modes[n].need && !vmx_has_proc2(modes[n].need)) {
			skip(modes[n].name, "the control is not offered");
			continue;
		}
		snprintf(name, sizeof(name), "%s%s", modes[n].name,
			 load ? "-load" : "");
		mode = name;
		modes[n].prepare();
		host_values(load);
		is(vl2_run(&l2), modes[n].reason, "exit");
		check_segments();
		check_registers(load, modes[n].prepare == from_long);
		put_back();
	}
}

/* The same bits are not loaded by an entry, and what an exit saves is what was
 * there ("Loading Guest Control Registers, Debug Registers, and MSRs"). */
PAYLOAD(do_cr0, "mov %cr0, %rax; vmcall")

static void test_guest_cr0(void)
{
	u64 fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);

	base_case(do_cr0);
	vmw(VMCS_GUEST_CR0, (had.cr0 ^ (CR0_TS | CR0_NOT_LOADED)) & fixed1);
	check_eq(vl2_run(&l2), REASON_VMCALL, "guest-cr0");
	check_eq(l2.gprs.rax, had.cr0 ^ CR0_TS, "guest-cr0-read");
	check_eq(vmr(VMCS_GUEST_CR0), had.cr0 ^ CR0_TS, "guest-cr0-saved");
	check_eq(read_cr0(), had.cr0, "guest-cr0-l1");
}

/* Blocking by MOV SS is L2's, and over with the exit; as is a #DB that it held
 * back, which would be taken here. */
static void test_shadow(void)
{
	base_case(do_mov_ss);
	vmw(VMCS_HOST_RIP, (u64)probe_shadow);
	check_eq(vl2_run(&l2), REASON_VMCALL, "mov-ss-exit");
	check_eq(vmr(VMCS_GUEST_INTERRUPTIBILITY), INTRBL_MOV_SS,
		 "mov-ss-saved");
	check_eq(probe.error, VMXERR_VMLAUNCH_LAUNCHED, "mov-ss-over");
	base_case(do_vmcall);
	vmw(VMCS_GUEST_PENDING_DBG, PENDING_DBG_ENABLED | 1);
	vmw(VMCS_GUEST_INTERRUPTIBILITY, INTRBL_MOV_SS);
	vmw(VMCS_HOST_RIP, (u64)probe_shadow);
	check_eq(vl2_run(&l2), REASON_VMCALL, "pending-exit");
	check_eq(vmr(VMCS_GUEST_PENDING_DBG), PENDING_DBG_ENABLED | 1,
		 "pending-saved");
	check_eq(probe.error, VMXERR_VMLAUNCH_LAUNCHED, "pending-over");
}

/* --- hidden parts -------------------------------------------------------------------- */
#define SEL_TINY SEL_FREE	/* read-only, at 1 MiB, limit 0xfff */
#define SEL_CODE (SEL_FREE + 8) /* execute-only */

COMPAT(es_far, "mov %es:0x2000000, %eax");
COMPAT(es_write, "mov %eax, %es:word32");
COMPAT(ds_far, "mov 0x2000000, %eax");
COMPAT(fs_far, "mov %fs:0x2000000, %eax");
COMPAT(gs_write, "mov %eax, %gs:word32");
COMPAT(ss_far, "mov %ss:0x2000000, %eax; push %eax; pop %eax");
__asm__(".bss; .balign 8; word32: .skip 8; .text");

/* The descriptors in memory do not count; those of null selectors are out of
 * use. */
static void test_hidden(void)
{
	static const struct {
		const char *name, *code;
		u16 sel;
		int want;
	} rows[] = {
		{ "es-limit", compat_es_far, SEL_TINY, -1 },
		{ "es-writable", compat_es_write, SEL_TINY, -1 },
		{ "es-of-code-writable", compat_es_write, SEL_CODE, -1 },
		{ "es-null", compat_es_far, 0, VEC_GP },
		{ "ds-limit", compat_ds_far, SEL_TINY, -1 },
		{ "ds-null", compat_ds_far, 0, VEC_GP },
		{ "fs-limit", compat_fs_far, SEL_TINY, -1 },
		{ "fs-null", compat_fs_far, 0, VEC_GP },
		{ "gs-writable", compat_gs_write, SEL_TINY, -1 },
		{ "gs-null", compat_gs_write, 0, VEC_GP },
		{ "ss-limit", compat_ss_far, SEL_TINY, -1 },
	};
	u16 data = SEL_DATA;

	gdt[SEL_TINY / 8] = 0x0040911000000fff;
	gdt[SEL_CODE / 8] = 0x0040991000000fff;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int v;

		base_case(do_vmcall);
		for (u32 s = VMCS_HOST_ES_SEL; s <= VMCS_HOST_GS_SEL; s += 2)
			if (s != VMCS_HOST_CS_SEL)
				vmw(s, rows[i].sel);
		check_eq(vl2_run(&l2), REASON_VMCALL, rows[i].name);
		v = try(compat_call, (void *)(u64)rows[i].code);
		__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss"
				 :
				 : "r"(data));
		check(v == rows[i].want, rows[i].name, "vector %d", v);
	}
}

void main(void)
{
	vmx_on();
	if (!vmx_has_proc2((u32)PROC2_EPT))
		die("vmx-ept", "no EPT");
	ept = table_identity(EPT_TABLE, EPT_PAGE);
	remember();
	test_modes();
	test_guest_cr0();
	test_shadow();
	test_hidden();
	vmx_off();
}
