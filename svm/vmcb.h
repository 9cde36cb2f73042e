/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual machine control block (APM 2, Appendix B, Layout of VMCB).
 *
 * Members end in an underscore: they are for this header alone. Read with
 * vmcb_rip(b), write with vmcb_set_rip(b, x): the write clears the clean bit
 * that covers the field, so that no stale copy in the processor is used.
 * Pure: no asm, compiled in host tests.
 */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include "core/types.h"

/* VMCB clean bits (APM 2, VMCB Clean Field): set means "not changed". */
#define CLEAN_I BIT(0)	  /* intercepts, TSC offset, PAUSE filter */
#define CLEAN_IOPM BIT(1) /* IOPM, MSRPM addresses */
#define CLEAN_ASID BIT(2)
#define CLEAN_TPR BIT(3) /* V_TPR, V_IRQ and all of that word */
#define CLEAN_NP BIT(4)	 /* nested_ctl, nCR3, g_pat */
#define CLEAN_CR BIT(5)	 /* CR0, CR3, CR4, EFER */
#define CLEAN_DR BIT(6)
#define CLEAN_DT BIT(7)	 /* GDTR, IDTR */
#define CLEAN_SEG BIT(8) /* CS, DS, SS, ES, CPL */
#define CLEAN_CR2 BIT(9)
#define CLEAN_LBR BIT(10)
#define CLEAN_AVIC BIT(11)
#define CLEAN_CET BIT(12)
#define CLEAN_ALL BITS(12, 0)

/* The intercept words. */
enum intercept_word {
	ICPT_CR,    /* reads 15:0, writes 31:16 */
	ICPT_DR,    /* reads 15:0, writes 31:16 */
	ICPT_EXC,   /* exception vectors */
	ICPT_MISC1, /* exits 0x60 to 0x7f */
	ICPT_MISC2, /* exits 0x80 to 0x9f */
	ICPT_MISC3, /* exits 0xa0 to 0xbf */
	NR_ICPT_WORDS
};

/* Numbers of intercept bits: word * 32 + bit; exit code is the same number
 * in all six words. */
enum intercept {
	ICPT_CR0_READ = 0x00,
	ICPT_CR0_WRITE = 0x10,
	ICPT_CR4_WRITE = 0x14,
	ICPT_DR0_READ = 0x20,
	ICPT_DR0_WRITE = 0x30,
	ICPT_EXC0 = 0x40,
#define INTERCEPT(name, word, bit, code) ICPT_##name = (word)*32 + (bit),
#include "svm/exits.def"
};

#define VMEXIT_CR_READ 0x000ull	 /* + register */
#define VMEXIT_CR_WRITE 0x010ull /* + register */
#define VMEXIT_DR_READ 0x020ull	 /* + register */
#define VMEXIT_DR_WRITE 0x030ull /* + register */
#define VMEXIT_EXC 0x040ull	 /* + vector */

/* Exit codes: 64 bits wide (APM 2, SVM Intercept Exit Codes). */
enum vmexit_code {
#define INTERCEPT(name, word, bit, code) VMEXIT_##name = (code),
#include "svm/exits.def"
};
#define VMEXIT_NPF 0x400ull
#define VMEXIT_AVIC_INCOMPLETE_IPI 0x401ull
#define VMEXIT_AVIC_NOACCEL 0x402ull
#define VMEXIT_VMGEXIT 0x403ull
#define VMEXIT_INVALID 0xffffffffffffffffull
#define VMEXIT_BUSY 0xfffffffffffffffeull
#define VMEXIT_IDLE_REQUIRED 0xfffffffffffffffdull
#define VMEXIT_INVALID_PMC 0xfffffffffffffffcull

#define INTERCEPT(name, word, bit, code) \
	_Static_assert((word)*32 + (bit) + 0 == (code), #name);
#include "svm/exits.def"
#define EXITCODE(name, code) _Static_assert(VMEXIT_##name == (code), #name);
#include "svm/exits.def"

/* Attributes packed as descriptor bits 55:52 and 47:40: type 3:0, S 4,
 * DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11. */
struct vmcb_seg {
	u16 sel;
	u16 attr;
	u32 limit; /* bytes, expanded */
	u64 base;
} __packed;

#define VSEG_S BIT(4)
#define VSEG_DPL_SHIFT 5
#define VSEG_DPL BITS(6, 5)
#define VSEG_P BIT(7)
#define VSEG_AVL BIT(8)
#define VSEG_L BIT(9)
#define VSEG_DB BIT(10)
#define VSEG_G BIT(11)

struct vmcb {
	/* control area */
	u32 intercept_[NR_ICPT_WORDS]; /* 000 */
	u8 rsvd018[0x03c - 0x018];
	u16 pause_threshold_; /* 03c */
	u16 pause_count_;     /* 03e */
	u64 iopm_;	      /* 040 */
	u64 msrpm_;	      /* 048 */
	u64 tsc_offset_;      /* 050 */
	u32 asid_;	      /* 058 */
	u32 tlb_control_;     /* 05c */
	u64 vintr_;	      /* 060 */
	u64 int_state_;	      /* 068 */
	u64 exitcode_;	      /* 070 */
	u64 exitinfo1_;	      /* 078 */
	u64 exitinfo2_;	      /* 080 */
	u64 exitintinfo_;     /* 088 */
	u64 nested_ctl_;      /* 090 */
	u64 avic_bar_;	      /* 098 */
	u64 ghcb_;	      /* 0a0 */
	u64 eventinj_;	      /* 0a8 */
	u64 ncr3_;	      /* 0b0 */
	u64 virt_ext_;	      /* 0b8 */
	u64 clean_;	      /* 0c0 */
	u64 nrip_;	      /* 0c8 */
	u8 insn_len_;	      /* 0d0 */
	u8 insn_bytes_[15];   /* 0d1 */
	u64 avic_backing_;    /* 0e0 */
	u64 rsvd0e8;
	u64 avic_logical_;  /* 0f0 */
	u64 avic_physical_; /* 0f8 */
	u64 rsvd100;
	u64 vmsa_; /* 108 */
	u8 rsvd110[0x3e0 - 0x110];
	u8 host_use[0x400 - 0x3e0]; /* 3e0: left to software */
	/* state-save area */
	struct vmcb_seg es_;   /* 400 */
	struct vmcb_seg cs_;   /* 410 */
	struct vmcb_seg ss_;   /* 420 */
	struct vmcb_seg ds_;   /* 430 */
	struct vmcb_seg fs_;   /* 440 */
	struct vmcb_seg gs_;   /* 450 */
	struct vmcb_seg gdtr_; /* 460 */
	struct vmcb_seg ldtr_; /* 470 */
	struct vmcb_seg idtr_; /* 480 */
	struct vmcb_seg tr_;   /* 490 */
	u8 rsvd4a0[0x4cb - 0x4a0];
	u8 cpl_; /* 4cb */
	u32 rsvd4cc;
	u64 efer_; /* 4d0 */
	u8 rsvd4d8[0x548 - 0x4d8];
	u64 cr4_;    /* 548 */
	u64 cr3_;    /* 550 */
	u64 cr0_;    /* 558 */
	u64 dr7_;    /* 560 */
	u64 dr6_;    /* 568 */
	u64 rflags_; /* 570 */
	u64 rip_;    /* 578 */
	u8 rsvd580[0x5d8 - 0x580];
	u64 rsp_;	     /* 5d8 */
	u64 s_cet_;	     /* 5e0 */
	u64 ssp_;	     /* 5e8 */
	u64 isst_;	     /* 5f0 */
	u64 rax_;	     /* 5f8 */
	u64 star_;	     /* 600 */
	u64 lstar_;	     /* 608 */
	u64 cstar_;	     /* 610 */
	u64 sfmask_;	     /* 618 */
	u64 kernel_gs_base_; /* 620 */
	u64 sysenter_cs_;    /* 628 */
	u64 sysenter_esp_;   /* 630 */
	u64 sysenter_eip_;   /* 638 */
	u64 cr2_;	     /* 640 */
	u8 rsvd648[0x668 - 0x648];
	u64 g_pat_;	     /* 668 */
	u64 dbgctl_;	     /* 670 */
	u64 br_from_;	     /* 678 */
	u64 br_to_;	     /* 680 */
	u64 last_excp_from_; /* 688 */
	u64 last_excp_to_;   /* 690 */
	u64 dbgextnctl_;     /* 698 */
	u8 rsvd6a0[0x6e0 - 0x6a0];
	u64 spec_ctrl_; /* 6e0 */
	u8 rsvd6e8[0xa70 - 0x6e8];
	u64 lbr_stack_[32]; /* a70: from and to, in the order of the MSRs */
	u64 lbr_select_;    /* b70 */
	u8 rsvdb78[0x1000 - 0xb78];
} __packed __aligned(4096);

#define VMCB_SAVE_OFFSET 0x400

_Static_assert(sizeof(struct vmcb) == 4096, "VMCB size");
_Static_assert(offsetof(struct vmcb, insn_bytes_) == 0x0d1, "insn_bytes");
_Static_assert(offsetof(struct vmcb, host_use) == 0x3e0, "host_use");
_Static_assert(offsetof(struct vmcb, lbr_stack_) == 0xa70, "lbr_stack");

#define VMCB_FIELD(name, type, offset, clean)                               \
	_Static_assert(offsetof(struct vmcb, name##_) == (offset), #name);  \
	_Static_assert(sizeof(((struct vmcb *)0)->name##_) == sizeof(type), \
		       #name);                                              \
	static __always_inline type vmcb_##name(const struct vmcb *b)       \
	{                                                                   \
		return b->name##_;                                          \
	}                                                                   \
	static __always_inline void vmcb_set_##name(struct vmcb *b, type x) \
	{                                                                   \
		b->name##_ = x;                                             \
		if (clean)                                                  \
			b->clean_ &= ~(u64)(clean);                         \
	}
#define VMCB_SEG(name, offset, clean)                                         \
	_Static_assert(offsetof(struct vmcb, name##_) == (offset), #name);    \
	static __always_inline const struct vmcb_seg *vmcb_##name(            \
		const struct vmcb *b)                                         \
	{                                                                     \
		return &b->name##_;                                           \
	}                                                                     \
	static __always_inline void vmcb_set_##name(struct vmcb *b,           \
						    const struct vmcb_seg *s) \
	{                                                                     \
		b->name##_ = *s;                                              \
		if (clean)                                                    \
			b->clean_ &= ~(u64)(clean);                           \
	}
#include "svm/vmcb.def"

static inline u32 vmcb_intercept_word(const struct vmcb *b,
				      enum intercept_word w)
{
	return b->intercept_[w];
}

static inline void vmcb_set_intercept_word(struct vmcb *b,
					   enum intercept_word w, u32 x)
{
	b->intercept_[w] = x;
	b->clean_ &= ~CLEAN_I;
}

/* @i: enum intercept (an exit code of the six words does as well). */
static inline bool vmcb_intercepted(const struct vmcb *b, u32 i)
{
	return b->intercept_[i / 32] >> (i % 32) & 1;
}

static inline void vmcb_set_intercept(struct vmcb *b, u32 i, bool on)
{
	u32 w = b->intercept_[i / 32] & ~(u32)BIT(i % 32);

	vmcb_set_intercept_word(b, i / 32, w | (u32)on << (i % 32));
}

/* Guest instruction bytes (decode assists); vmcb_insn_len() of them. */
static inline const u8 *vmcb_insn_bytes(const struct vmcb *b)
{
	return b->insn_bytes_;
}

/* They and their number, from one VMCB to another. */
static inline void vmcb_copy_insn(struct vmcb *to, const struct vmcb *from)
{
	to->insn_len_ = from->insn_len_;
	for (u32 i = 0; i < sizeof(to->insn_bytes_); i++)
		to->insn_bytes_[i] = from->insn_bytes_[i];
}

/* The entries of the LBR stack; under CLEAN_LBR. */
static inline void vmcb_copy_lbr_stack(struct vmcb *to, const struct vmcb *from)
{
	for (u32 i = 0; i < sizeof(to->lbr_stack_) / sizeof(u64); i++)
		to->lbr_stack_[i] = from->lbr_stack_[i];
	to->clean_ &= ~CLEAN_LBR;
}

static inline void vmcb_clear_insn(struct vmcb *b)
{
	b->insn_len_ = 0;
	for (u32 i = 0; i < sizeof(b->insn_bytes_); i++)
		b->insn_bytes_[i] = 0;
}

/* vintr, 060h */
#define VINTR_TPR BITS(7, 0)
#define VINTR_IRQ BIT(8)
#define VINTR_GIF BIT(9)
#define VINTR_NMI_PENDING BIT(11)
#define VINTR_NMI_MASK BIT(12)
#define VINTR_PRIO_SHIFT 16
#define VINTR_PRIO BITS(19, 16)
#define VINTR_IGN_TPR BIT(20)
#define VINTR_MASKING BIT(24)
#define VINTR_GIF_ENABLE BIT(25)
#define VINTR_NMI_ENABLE BIT(26)
#define VINTR_X2AVIC BIT(30)
#define VINTR_AVIC BIT(31)
#define VINTR_VECTOR_SHIFT 32
#define VINTR_VECTOR BITS(39, 32)

/* int_state, 068h */
#define INT_STATE_SHADOW BIT(0)
#define INT_STATE_MASK BIT(1) /* SEV-ES: RFLAGS.IF */

/* nested_ctl, 090h */
#define NESTED_NP BIT(0)
#define NESTED_SEV BIT(1)
#define NESTED_SEV_ES BIT(2)
#define NESTED_GMET BIT(3)

/* virt_ext, 0b8h */
#define VIRT_LBR BIT(0)
#define VIRT_VMLOAD_VMSAVE BIT(1)
#define VIRT_IBS BIT(2)

/* tlb_control, 05ch (APM 2, TLB Flush) */
#define TLB_NOTHING 0
#define TLB_FLUSH_ALL 1	      /* every ASID */
#define TLB_FLUSH_ASID 3      /* flush-by-ASID only: this ASID */
#define TLB_FLUSH_NONGLOBAL 7 /* flush-by-ASID only */

/* eventinj, exitintinfo (APM 2, Event Injection) */
#define EVINJ_VECTOR BITS(7, 0)
#define EVINJ_TYPE_SHIFT 8
#define EVINJ_TYPE BITS(10, 8)
#define EVINJ_EXTINT (0ull << 8)
#define EVINJ_NMI (2ull << 8)
#define EVINJ_EXC (3ull << 8)
#define EVINJ_SOFT (4ull << 8)
#define EVINJ_EV BIT(11)
#define EVINJ_V BIT(31)
#define EVINJ_ERROR_SHIFT 32

/* exitinfo1 of IOIO (APM 2, IOIO Intercept) */
#define IOIO_IN BIT(0)
#define IOIO_STR BIT(2)
#define IOIO_REP BIT(3)
#define IOIO_SIZE_SHIFT 4 /* 6:4: one bit of 1, 2, 4 bytes */
#define IOIO_PORT_SHIFT 16

/* exitinfo1 of NPF: #PF error bits 4:0 and these (APM 2, Nested versus Guest
 * Page Faults, Fault Ordering) */
#define NPF_P BIT(0)
#define NPF_W BIT(1)
#define NPF_U BIT(2)
#define NPF_RSV BIT(3)
#define NPF_ID BIT(4)
#define NPF_FINAL BIT(32) /* the guest's final address */
#define NPF_WALK BIT(33)  /* the guest's page-table walk */

#endif
