/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_ept_rules.h"

struct nested_root vmx_root12(u64 eptp12, u64 cap, u64 proc2)
{
	bool five = (eptp12 & EPTP_WALK_MASK) == EPTP_WALK5;

	return (struct nested_root){
		.fmt = five ? &pt_ept_5 : &pt_ept_4,
		.root = L1PA(eptp12 & EPTP_ADDR),
		.flags = (eptp12 & EPTP_AD ? SHADOW_AD : 0) |
			 (cap & EPT_CAP_EXEC_ONLY ? SHADOW_XO : 0) |
			 (cap & EPT_CAP_1G ? SHADOW_1G : 0) |
			 (proc2 & PROC2_MBEC ? SHADOW_MBE : 0),
	};
}

u64 vmx_eptp02(hpa_t ept02, u64 eptp12)
{
	return ept02.v | EPTP_WB | (eptp12 & (EPTP_WALK_MASK | EPTP_AD));
}
