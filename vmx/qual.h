/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit qualifications, taken apart (SDM 3C, Basic VM-Exit Information). Pure. */
#ifndef VMX_QUAL_H
#define VMX_QUAL_H

#include "core/types.h"

struct cr_access {
	u8 cr;	 /* MOV: number */
	u8 type; /* CR_ACCESS_TO, FROM, CLTS, LMSW */
	u8 gpr;	 /* MOV: enum gpr */
	u16 lmsw;
};
struct cr_access qual_cr(u64 q);
/* CR0 after a CLTS or LMSW that found @cr0. */
u64 qual_cr0_value(const struct cr_access *a, u64 cr0);

struct dr_access {
	u8 dr;
	u8 gpr; /* enum gpr */
	bool from;
};
struct dr_access qual_dr(u64 q);

struct io_access {
	u16 port;
	u8 size; /* bytes: 1, 2, 4 */
	bool in, string, rep, imm;
};
struct io_access qual_io(u64 q);

/* ACCESS_* that an EPT violation was for. */
u32 qual_ept_access(u64 q);

struct task_access {
	u16 sel;
	u8 source; /* 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT */
};
struct task_access qual_task(u64 q);

/*
 * Whose execute right of EPT a fetch needs under mode-based execute control:
 * that of user-mode linear addresses (without paging, all are), or that of
 * supervisor-mode ones. Of an EPT violation with qualification @q; @advanced:
 * the processor gives advanced information. FETCH_EITHER: the U/S flags of the
 * guest's own paging structures have to be looked at. SDM 3C, "Mode-Based
 * Execute Control", "Exit Qualification for EPT Violations".
 */
enum fetch_mode { FETCH_SUPERVISOR, FETCH_USER, FETCH_EITHER };
enum fetch_mode qual_fetch_mode(u64 q, bool advanced, u64 cr0, u64 cr4, u8 cpl);

#endif
