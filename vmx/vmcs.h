/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMCS: fields, control bits, exit reasons, as the SDM's tables have them.
 * Pure: no VMX instruction in here (those are in vmx/vmx.h).
 */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include "core/types.h"

/* Field encodings, VMCS_NAME. */
enum vmcs_field {
#define VMCS_FIELD(name, enc, width, type, exists, policy) VMCS_##name = enc,
#include "vmx/fields.def"
};

/* Dense numbers of the same fields, SLOT_NAME: vmcs12 has one u64 a slot. */
enum vmcs_slot {
#define VMCS_FIELD(name, enc, width, type, exists, policy) SLOT_##name,
#include "vmx/fields.def"
	NR_VMCS_SLOTS
};

/* SDM 3C, Field Encoding in VMCS: bits 14:13 and 11:10 of an encoding. */
enum vmcs_width { VMCS_16, VMCS_64, VMCS_32, VMCS_NAT };
enum vmcs_type { VMCS_CONTROL, VMCS_READONLY, VMCS_GUEST, VMCS_HOST };

#define VMCS_ENC_HIGH BIT(0) /* access type: high half of a 64-bit field */
#define VMCS_ENC_INDEX(e) ((e) >> 1 & 0x1ff)
#define VMCS_ENC_TYPE(e) ((e) >> 10 & 3)
#define VMCS_ENC_WIDTH(e) ((e) >> 13 & 3)
#define VMCS_ENC_RESERVED 0xffff9000u
/* Highest index used in any encoding, for IA32_VMX_VMCS_ENUM. */
#define VMCS_INDEX_MAX 63

enum vmcs_exists {
#define VMCS_EXISTS(name, g, m, g2, m2) EXISTS_##name,
#include "vmx/exists.def"
	NR_VMCS_EXISTS
};

/* How nesting treats a field: see fields.def. */
enum vmcs_policy {
	POLICY_COPY,
	POLICY_MERGE,
	POLICY_SOFT,
	POLICY_GUEST,
	POLICY_LAZY,
	POLICY_INFO,
	POLICY_HOST,
};

struct vmcs_field_info {
	const char *name;
	u16 enc;
	u8 width;  /* enum vmcs_width */
	u8 type;   /* enum vmcs_type */
	u8 exists; /* enum vmcs_exists */
	u8 policy; /* enum vmcs_policy */
};

extern const struct vmcs_field_info vmcs_fields[NR_VMCS_SLOTS];

/* (width, type, index) -> slot + 1, 0: no such field. */
extern const u8 vmcs_slot_table[4][4][VMCS_INDEX_MAX + 1];

/*
 * Slot of the field with encoding @enc (of a full field or a high half), -1
 * when no processor has such a field.
 */
static inline int vmcs_slot(u64 enc)
{
	u32 e = (u32)enc, index = VMCS_ENC_INDEX(e);

	if ((enc & (~0ull << 32 | VMCS_ENC_RESERVED)) || index > VMCS_INDEX_MAX)
		return -1;
	if ((e & VMCS_ENC_HIGH) && VMCS_ENC_WIDTH(e) != VMCS_64)
		return -1;
	return vmcs_slot_table[VMCS_ENC_WIDTH(e)][VMCS_ENC_TYPE(e)][index] - 1;
}

/* Bits of a value that a field of @width keeps. */
static inline u64 vmcs_width_mask(u8 width)
{
	return width == VMCS_16	  ? 0xffff
	       : width == VMCS_32 ? 0xffffffff
				  : ~0ull;
}

/* Control bits, GROUP_NAME; see controls.def. */
enum vmx_control_bits {
#define VMX_CONTROL(prefix, name, bit, text) prefix##_##name = 1ull << (bit),
#include "vmx/controls.def"
};

/* What has a capability MSR of allowed-0 and allowed-1 settings. */
enum vmx_group {
	GROUP_PIN,
	GROUP_PROC,
	GROUP_PROC2,
	GROUP_PROC3,
	GROUP_EXIT,
	GROUP_EXIT2,
	GROUP_ENTRY,
	GROUP_VMFUNC,
	NR_VMX_GROUPS,
	GROUP_NEVER = NR_VMX_GROUPS, /* of no processor this runs on */
};

struct vmx_allowed {
	u64 must1; /* bits that have to be 1 */
	u64 may1;  /* bits that can be 1 */
};

/* All that the IA32_VMX_* MSRs say (SDM 3D, Appendix A). */
struct vmx_caps {
	struct vmx_allowed ctl[NR_VMX_GROUPS]; /* TRUE ones where they are */
	u64 basic, misc, vmcs_enum, ept_vpid;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u8 phys_bits; /* CPUID 80000008 EAX[7:0] */
};

/* The one shape in which controls are computed. */
static inline u64 vmx_controls(const struct vmx_allowed *a, u64 wanted)
{
	return (wanted | a->must1) & a->may1;
}

/* Has a processor with these capabilities the field? */
bool vmcs_field_exists(const struct vmx_caps *c, enum vmcs_slot slot);

/* IA32_VMX_BASIC */
#define VMX_BASIC_REVISION 0x7fffffffull
#define VMX_BASIC_SIZE(b) ((u32)((b) >> 32 & 0x1fff))
#define VMX_BASIC_PHYS32 BIT(48)
#define VMX_BASIC_DUAL BIT(49)
#define VMX_BASIC_TYPE(b) ((u32)((b) >> 50 & 0xf))
#define VMX_BASIC_INS_OUTS BIT(54)
#define VMX_BASIC_TRUE BIT(55)
#define VMX_BASIC_ANY_ERROR BIT(56) /* error code with any exception */

/* IA32_VMX_MISC */
#define VMX_MISC_TIMER_SHIFT(m) ((u32)((m)&0x1f))
#define VMX_MISC_SAVE_LMA BIT(5)
#define VMX_MISC_HLT BIT(6)
#define VMX_MISC_SHUTDOWN BIT(7)
#define VMX_MISC_WAIT_SIPI BIT(8)
#define VMX_MISC_PT BIT(14)
#define VMX_MISC_SMBASE BIT(15)
#define VMX_MISC_CR3_TARGETS(m) ((u32)((m) >> 16 & 0x1ff))
#define VMX_MISC_MSR_MAX(m) (512u * ((u32)((m) >> 25 & 7) + 1))
#define VMX_MISC_SMI_BLOCK BIT(28)
#define VMX_MISC_VMWRITE_ALL BIT(29)
#define VMX_MISC_ZERO_LEN BIT(30)

/* IA32_VMX_EPT_VPID_CAP */
#define EPT_CAP_EXEC_ONLY BIT(0)
#define EPT_CAP_WALK4 BIT(6)
#define EPT_CAP_WALK5 BIT(7)
#define EPT_CAP_UC BIT(8)
#define EPT_CAP_WB BIT(14)
#define EPT_CAP_2M BIT(16)
#define EPT_CAP_1G BIT(17)
#define EPT_CAP_INVEPT BIT(20)
#define EPT_CAP_AD BIT(21)
#define EPT_CAP_ADV_INFO BIT(22) /* advanced exit information */
#define EPT_CAP_SSS BIT(23)	 /* supervisor shadow-stack control */
#define EPT_CAP_INVEPT_SINGLE BIT(25)
#define EPT_CAP_INVEPT_ALL BIT(26)
#define VPID_CAP_INVVPID BIT(32)
#define VPID_CAP_ADDR BIT(40)
#define VPID_CAP_SINGLE BIT(41)
#define VPID_CAP_ALL BIT(42)
#define VPID_CAP_SINGLE_GLOBALS BIT(43) /* retaining globals */

/* EPT pointer */
#define EPTP_TYPE(e) ((u32)((e)&7))
#define EPTP_WB 6ull
#define EPTP_UC 0ull
#define EPTP_WALK4 (3ull << 3)
#define EPTP_WALK5 (4ull << 3)
#define EPTP_WALK_MASK (7ull << 3)
#define EPTP_AD BIT(6)
#define EPTP_SSS BIT(7)
#define EPTP_ADDR BITS(51, 12)

/* INVEPT and INVVPID types */
#define INVEPT_SINGLE 1ul
#define INVEPT_ALL 2ul
#define INVVPID_ADDR 0ul
#define INVVPID_SINGLE 1ul
#define INVVPID_ALL 2ul
#define INVVPID_SINGLE_GLOBALS 3ul

/* Interruption information: VM-entry, VM-exit, IDT-vectoring. */
#define INTR_VECTOR(i) ((u8)(i))
#define INTR_TYPE(i) ((u32)((i) >> 8 & 7))
#define INTR_TYPE_EXT 0u
#define INTR_TYPE_NMI 2u
#define INTR_TYPE_HARD_EXC 3u
#define INTR_TYPE_SOFT_INT 4u
#define INTR_TYPE_PRIV_EXC 5u /* INT1 */
#define INTR_TYPE_SOFT_EXC 6u /* INT3, INTO */
#define INTR_TYPE_OTHER 7u    /* MTF */
#define INTR_ERROR BIT(11)
#define INTR_NMI_UNBLOCK BIT(12) /* exit: by IRET; not in IDT-vectoring */
#define INTR_VALID BIT(31)
#define INTR_INFO(type, vector) \
	((u32)(INTR_VALID | (u32)(type) << 8 | (u8)(vector)))

/* Guest interruptibility state */
#define INTRBL_STI BIT(0)
#define INTRBL_MOV_SS BIT(1)
#define INTRBL_SMI BIT(2)
#define INTRBL_NMI BIT(3)
#define INTRBL_ENCLAVE BIT(4)

/* Guest activity state */
#define ACTIVITY_ACTIVE 0u
#define ACTIVITY_HLT 1u
#define ACTIVITY_SHUTDOWN 2u
#define ACTIVITY_WAIT_SIPI 3u

/* Pending debug exceptions */
#define PENDING_DBG_B(n) BIT(n)
#define PENDING_DBG_BLD BIT(11) /* a bus lock; see IA32_DEBUGCTL */
#define PENDING_DBG_ENABLED BIT(12)
#define PENDING_DBG_BS BIT(14)
#define PENDING_DBG_RTM BIT(16)

/* Exit reason, beyond the basic reason of bits 15:0. */
#define EXIT_BASIC(r) ((u32)((r)&0xffff))
#define EXIT_SHADOW_STACK BIT(25) /* shadow stack left prematurely busy */
#define EXIT_BUS_LOCK BIT(26)
#define EXIT_ENCLAVE BIT(27)
#define EXIT_PENDING_MTF BIT(28)
#define EXIT_FROM_ROOT BIT(29)
#define EXIT_ENTRY_FAILURE BIT(31)
/* What an exit of L2's that L1 gets under another reason still tells. */
#define EXIT_MODIFIERS (EXIT_SHADOW_STACK | EXIT_BUS_LOCK | EXIT_ENCLAVE)

enum vmx_reason {
#define VMX_REASON(nr, name, text) REASON_##name = nr,
#include "vmx/reasons.def"
	NR_VMX_REASONS
};

enum vmx_error {
#define VMX_ERROR(nr, name, text) VMXERR_##name = nr,
#include "vmx/errors.def"
};

/*
 * A "raw" exit that is no exit: VMLAUNCH or VMRESUME itself failed. The low
 * byte is the VM-instruction error (0: VMfailInvalid).
 */
#define RAW_VMFAIL 0xfffe0000u

/* Names, never NULL. */
const char *vmx_reason_name(u32 raw);
const char *vmx_error_name(u32 error);

/* Exit qualifications (SDM 3C, Basic VM-Exit Information). */

#define CR_ACCESS_CR(q) ((u8)((q)&0xf))
#define CR_ACCESS_TYPE(q) ((u8)((q) >> 4 & 3))
#define CR_ACCESS_TO 0
#define CR_ACCESS_FROM 1
#define CR_ACCESS_CLTS 2
#define CR_ACCESS_LMSW 3
#define CR_ACCESS_LMSW_MEM BIT(6)
#define CR_ACCESS_GPR(q) ((u8)((q) >> 8 & 0xf))
#define CR_ACCESS_LMSW_DATA(q) ((u16)((q) >> 16))

#define DR_QUAL_DR(q) ((u8)((q)&7))
#define DR_QUAL_FROM BIT(4)
#define DR_QUAL_GPR(q) ((u8)((q) >> 8 & 15))
/* Of a #DB: the bits that DR6 would have got. */
#define DB_QUAL_DR6 (BITS(3, 0) | BIT(13) | BIT(14))
#define IO_QUAL_SIZE(q) ((u8)(((q)&7) + 1))
#define IO_QUAL_IN BIT(3)
#define IO_QUAL_STRING BIT(4)
#define IO_QUAL_REP BIT(5)
#define IO_QUAL_IMM BIT(6)
#define IO_QUAL_PORT(q) ((u16)((q) >> 16))

#define EPT_QUAL_R BIT(0)
#define EPT_QUAL_W BIT(1)
#define EPT_QUAL_X BIT(2)
#define EPT_QUAL_CAN_R BIT(3)
#define EPT_QUAL_CAN_W BIT(4)
#define EPT_QUAL_CAN_X BIT(5)
#define EPT_QUAL_CAN_XU BIT(6)
#define EPT_QUAL_LINEAR BIT(7) /* guest-linear address is valid */
#define EPT_QUAL_FINAL BIT(8)  /* of the translation, not of a table */
#define EPT_QUAL_USER BIT(9)
#define EPT_QUAL_WRITABLE BIT(10)
#define EPT_QUAL_NX BIT(11)
#define EPT_QUAL_NMI_UNBLOCK BIT(12)

#define TASK_QUAL_SEL(q) ((u16)(q))
#define TASK_QUAL_SOURCE(q) ((u8)((q) >> 30 & 3))

#endif
