/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bits of a VMCS field mean, in words. Pure. */
#include "vmx/text.h"

#include "core/bits.h"
#include "core/string.h"
#include "core/x86.h"

#define GROUP_OF_PIN SLOT_PIN_CTLS
#define GROUP_OF_PROC SLOT_PROC_CTLS
#define GROUP_OF_PROC2 SLOT_PROC2_CTLS
#define GROUP_OF_PROC3 SLOT_PROC3_CTLS
#define GROUP_OF_EXITC SLOT_EXIT_CTLS
#define GROUP_OF_EXITC2 SLOT_EXIT2_CTLS
#define GROUP_OF_ENTRYC SLOT_ENTRY_CTLS
#define GROUP_OF_VMFUNC SLOT_VMFUNC_CTLS

static const struct {
	u8 slot, bit;
	const char *name;
} controls[] = {
#define VMX_CONTROL(prefix, name, bit, text) { GROUP_OF_##prefix, bit, text },
#include "vmx/controls.def"
};

static const struct bit_name intrbl_names[] = {
	{ 0, "STI" }, { 1, "MOV-SS" },	{ 2, "SMI" },
	{ 3, "NMI" }, { 4, "enclave" },
};
static const struct bit_table intrbl = { ARRAY_SIZE(intrbl_names),
					 intrbl_names };

/* Controls with a comma between them, as their names have blanks. */
static bool control_text(u32 slot, u64 val, char *buf, size_t size)
{
	bool any = false;

	for (u32 i = 0; i < ARRAY_SIZE(controls); i++) {
		if (controls[i].slot != slot)
			continue;
		any = true;
		if (!(val >> controls[i].bit & 1))
			continue;
		if (buf[0] && strlen(buf) + 1 < size)
			memcpy(buf + strlen(buf), ",", 2);
		bits_add(buf, size, controls[i].name);
	}
	return any;
}

/* Interruption information, of entries and exits alike. */
static void event_text(u64 val, char *buf, size_t size)
{
	static const char *const types[] = { "interrupt",    "type 1", "NMI",
					     "exception",    "INT n",  "INT1",
					     "INT3 or INTO", "other" };
	char word[40];

	if (!(val & INTR_VALID)) {
		bits_add(buf, size, "none");
		return;
	}
	snprintf(word, sizeof(word), "%s, vector %u%s", types[INTR_TYPE(val)],
		 (u32)INTR_VECTOR(val), val & INTR_ERROR ? ", error code" : "");
	bits_add(buf, size, word);
}

static void rights_text(u64 val, char *buf, size_t size)
{
	char word[48];

	if (val & BIT(16)) {
		bits_add(buf, size, "unusable");
		return;
	}
	snprintf(word, sizeof(word), "type %u DPL %u%s%s%s%s%s", (u32)val & 15,
		 (u32)val >> 5 & 3, val & BIT(4) ? " S" : "",
		 val & BIT(7) ? " P" : "", val & BIT(13) ? " L" : "",
		 val & BIT(14) ? " D/B" : "", val & BIT(15) ? " G" : "");
	bits_add(buf, size, word);
}

static void activity_text(u64 val, char *buf, size_t size)
{
	static const char *const states[] = { "active", "HLT", "shutdown",
					      "wait for SIPI" };

	bits_add(buf, size, val < 4 ? states[val] : "?");
}

void vmx_field_text(u32 slot, u64 val, char *buf, size_t size)
{
	buf[0] = 0;
	if (control_text(slot, val, buf, size))
		return;
	if (slot >= SLOT_GUEST_ES_AR && slot <= SLOT_GUEST_TR_AR) {
		rights_text(val, buf, size);
		return;
	}
	switch (slot) {
	case SLOT_GUEST_CR0:
	case SLOT_HOST_CR0:
	case SLOT_CR0_MASK:
	case SLOT_CR0_SHADOW:
		bits_text(&bits_cr0, val, buf, size);
		break;
	case SLOT_GUEST_CR4:
	case SLOT_HOST_CR4:
	case SLOT_CR4_MASK:
	case SLOT_CR4_SHADOW:
		bits_text(&bits_cr4, val, buf, size);
		break;
	case SLOT_GUEST_EFER:
	case SLOT_HOST_EFER:
		bits_text(&bits_efer, val, buf, size);
		break;
	case SLOT_GUEST_RFLAGS:
		bits_text(&bits_rflags, val, buf, size);
		break;
	case SLOT_GUEST_INTERRUPTIBILITY:
		bits_text(&intrbl, val, buf, size);
		break;
	case SLOT_GUEST_ACTIVITY:
		activity_text(val, buf, size);
		break;
	case SLOT_EXIT_REASON:
		bits_add(buf, size, vmx_reason_name((u32)val));
		break;
	case SLOT_INSTR_ERROR:
		bits_add(buf, size, vmx_error_name((u32)val));
		break;
	case SLOT_ENTRY_INTR_INFO:
	case SLOT_EXIT_INTR_INFO:
	case SLOT_IDT_VECTORING:
		event_text(val, buf, size);
		break;
	default:
		break;
	}
}
