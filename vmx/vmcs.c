/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmx/vmcs.h"

#define SLOT_KEY(enc) \
	[VMCS_ENC_WIDTH(enc)][VMCS_ENC_TYPE(enc)][VMCS_ENC_INDEX(enc)]

const u8 vmcs_slot_table[4][4][VMCS_INDEX_MAX + 1] = {
#define VMCS_FIELD(name, enc, width, type, exists, policy) \
	SLOT_KEY(enc) = SLOT_##name + 1,
#include "vmx/fields.def"
};

#define VMCS_FIELD(name, enc, width, type, exists, policy)            \
	_Static_assert(VMCS_ENC_WIDTH(enc) == VMCS_##width &&         \
			       VMCS_ENC_TYPE(enc) == VMCS_##type &&   \
			       !((enc) & (VMCS_ENC_RESERVED | 1)) &&  \
			       VMCS_ENC_INDEX(enc) <= VMCS_INDEX_MAX, \
		       #name);
#include "vmx/fields.def"
_Static_assert(NR_VMCS_SLOTS < 255, "slot + 1 fits a byte");

const struct vmcs_field_info vmcs_fields[NR_VMCS_SLOTS] = {
#define VMCS_FIELD(name, enc, width, type, exists, policy)                 \
	{ #name,	  enc, VMCS_##width, VMCS_##type, EXISTS_##exists, \
	  POLICY_##policy },
#include "vmx/fields.def"
};

static const struct {
	u8 group[2];
	u64 mask[2];
} exists[NR_VMCS_EXISTS] = {
#define VMCS_EXISTS(name, g, m, g2, m2) \
	{ { GROUP_##g, GROUP_##g2 }, { m, m2 } },
#include "vmx/exists.def"
};

bool vmcs_field_exists(const struct vmx_caps *c, enum vmcs_slot slot)
{
	u8 e = vmcs_fields[slot].exists;

	if (e == EXISTS_ALWAYS)
		return true;
	for (u32 i = 0; i < 2; i++)
		if (exists[e].group[i] != GROUP_NEVER &&
		    (c->ctl[exists[e].group[i]].may1 & exists[e].mask[i]))
			return true;
	return false;
}

const char *vmx_reason_name(u32 raw)
{
	static const char *const names[NR_VMX_REASONS] = {
#define VMX_REASON(nr, name, text) [nr] = text,
#include "vmx/reasons.def"
	};
	u32 n = EXIT_BASIC(raw);

	if ((raw & ~0xffu) == RAW_VMFAIL)
		return "VM entry refused";
	return n < NR_VMX_REASONS && names[n] ? names[n] : "unknown";
}

const char *vmx_error_name(u32 error)
{
	static const char *const names[] = {
#define VMX_ERROR(nr, name, text) [nr] = text,
#include "vmx/errors.def"
	};

	if (error >= ARRAY_SIZE(names) || !names[error])
		return "no error number";
	return names[error];
}
