/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmx/qual.h"

#include "core/virt.h"
#include "core/x86.h"
#include "vmx/vmcs.h"

struct cr_access qual_cr(u64 q)
{
	return (struct cr_access){ .cr = CR_ACCESS_CR(q),
				   .type = CR_ACCESS_TYPE(q),
				   .gpr = CR_ACCESS_GPR(q),
				   .lmsw = CR_ACCESS_LMSW_DATA(q) };
}

/* LMSW loads MP, EM, TS, and PE only from 0 to 1 (SDM 2A, LMSW). */
u64 qual_cr0_value(const struct cr_access *a, u64 cr0)
{
	u64 loaded = CR0_MP | CR0_EM | CR0_TS;

	if (a->type == CR_ACCESS_CLTS)
		return cr0 & ~CR0_TS;
	return (cr0 & ~loaded) | (a->lmsw & (loaded | CR0_PE));
}

struct dr_access qual_dr(u64 q)
{
	return (struct dr_access){ .dr = DR_QUAL_DR(q),
				   .gpr = DR_QUAL_GPR(q),
				   .from = q & DR_QUAL_FROM };
}

struct io_access qual_io(u64 q)
{
	return (struct io_access){
		.port = IO_QUAL_PORT(q),
		.size = IO_QUAL_SIZE(q),
		.in = q & IO_QUAL_IN,
		.string = q & IO_QUAL_STRING,
		.rep = q & IO_QUAL_REP,
		.imm = q & IO_QUAL_IMM,
	};
}

_Static_assert(EPT_QUAL_R == ACCESS_R && EPT_QUAL_W == ACCESS_W &&
		       EPT_QUAL_X == ACCESS_X,
	       "the same bits");

u32 qual_ept_access(u64 q)
{
	return (u32)(q & (ACCESS_R | ACCESS_W | ACCESS_X));
}

struct task_access qual_task(u64 q)
{
	return (struct task_access){ .sel = TASK_QUAL_SEL(q),
				     .source = TASK_QUAL_SOURCE(q) };
}

enum fetch_mode qual_fetch_mode(u64 q, bool advanced, u64 cr0, u64 cr4, u8 cpl)
{
	const u64 told = EPT_QUAL_LINEAR | EPT_QUAL_FINAL;

	if (!(cr0 & CR0_PG))
		return FETCH_USER;
	if (advanced && (q & told) == told)
		return q & EPT_QUAL_USER ? FETCH_USER : FETCH_SUPERVISOR;
	/* The paging structures have let the fetch pass. */
	if (cpl == 3)
		return FETCH_USER;
	return cr4 & CR4_SMEP ? FETCH_SUPERVISOR : FETCH_EITHER;
}
