/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VMCS on the console, all fields by name. */
#include "core/printk.h"
#include "vmx/internal.h"
#include "vmx/text.h"

void vmx_dump_field(u32 slot, u64 val)
{
	const struct vmcs_field_info *f = &vmcs_fields[slot];
	char text[192];

	vmx_field_text(slot, val, text, sizeof(text));
	log_err("  %04x %-22s %#lx%s", f->enc, f->name, val, text);
}

void vmx_dump_vmcs(const char *title)
{
	log_err("%s", title);
	for (u32 i = 0; i < NR_VMCS_SLOTS; i++) {
		const struct vmcs_field_info *f = &vmcs_fields[i];

		if (vmcs_field_exists(&vmx_caps, i))
			vmx_dump_field(i, vmread(f->enc));
	}
}

void vmx_dump(struct vcpu *v)
{
	u32 raw = v->vmx->raw;

	log_err("CPU %u: %s, exit %#x (%s)", v->cpu->index,
		v->in_l2 ? "L2" : "L1", raw, vmx_reason_name(raw));
	if ((raw & ~0xffu) == RAW_VMFAIL)
		log_err("  %s", vmx_error_name(raw & 0xff));
	vmx_dump_vmcs(v->in_l2 ? "vmcs02:" : "vmcs01:");
}
