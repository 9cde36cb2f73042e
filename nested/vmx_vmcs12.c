/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nested/vmx_vmcs12.h"

void vmcs12_present(struct vmcs_set *s, const struct vmx_caps *c)
{
	set_clear(s);
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++)
		if (vmcs_field_exists(c, i))
			set_add(s, i);
}

u64 vmcs12_enum_msr(const struct vmcs_set *s)
{
	u32 top = 0;

	for_each_in_set(i, s) top =
		MAX(top, VMCS_ENC_INDEX((u32)vmcs_fields[i].enc));
	return (u64)top << 1;
}
