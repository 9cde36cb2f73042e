/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_route.h"

#include "core/x86.h"
#include "vmx/bitmap.h"

/* SDM 3C, "Exception Bitmap": page faults by error code, too. */
static bool exception(const struct vmx_route_in *in)
{
	u32 vector = INTR_VECTOR(in->intr_info);
	bool bit = in->f[SLOT_EXCEPTION_BITMAP] >> (vector & 31) & 1;

	if (INTR_TYPE(in->intr_info) == INTR_TYPE_NMI)
		return in->f[SLOT_PIN_CTLS] & PIN_NMI;
	if (vector == VEC_PF && (in->error & in->f[SLOT_PF_ERROR_MASK]) !=
					in->f[SLOT_PF_ERROR_MATCH])
		return !bit;
	return bit;
}

static bool msr(const struct vmx_route_in *in, bool write)
{
	if (!(in->f[SLOT_PROC_CTLS] & PROC_MSR_BITMAP) || !in->msr_bitmap)
		return true;
	return vmx_msr_bitmap_hit(in->msr_bitmap, in->msr, write);
}

static bool port_bit(const struct vmx_route_in *in, u32 port)
{
	const u8 *map = in->io_bitmap[port >> 15 & 1];

	port &= 0x7fff;
	return !map || (map[port >> 3] >> (port & 7) & 1);
}

/* SDM 3C, "Instructions That Cause VM Exits Conditionally": any port of the
 * access, and an access that wraps around. */
static bool io(const struct vmx_route_in *in)
{
	u32 port = IO_QUAL_PORT(in->qual), size = IO_QUAL_SIZE(in->qual);

	if (!(in->f[SLOT_PROC_CTLS] & PROC_IO_BITMAP))
		return in->f[SLOT_PROC_CTLS] & PROC_IO;
	if (port + size > 0x10000)
		return true;
	for (u32 i = 0; i < size; i++)
		if (port_bit(in, port + i))
			return true;
	return false;
}

bool vmx_route_l1(u32 basic, const struct vmx_route_in *in)
{
	if (vmx_route_always(basic))
		return true;
	if (vmx_route_hidden(basic))
		return false;
	switch (basic) {
	case REASON_EXCEPTION_NMI:
		return exception(in);
	case REASON_RDMSR:
		return msr(in, false);
	case REASON_WRMSR:
		return msr(in, true);
	case REASON_MOV_DR:
		return in->f[SLOT_PROC_CTLS] & PROC_MOV_DR;
	case REASON_NMI_WINDOW:
		return in->f[SLOT_PROC_CTLS] & PROC_NMI_WINDOW;
	default:
		return io(in);
	}
}
