/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SVM backend's own state, and what nested/svm_* may use of it.
 *
 * Who owns what while L0 runs: GIF is 0 from #VMEXIT to VMRUN, so L0's exit
 * path is never interrupted. FS, GS, LDTR, TR (with hidden parts), KernelGS,
 * STAR, LSTAR, CSTAR, SFMASK and SYSENTER_* in the processor are those of the
 * level that ran last (L1 or L2): VMRUN and #VMEXIT leave them alone and L0
 * does not use them. So L1's VMLOAD and VMSAVE are one instruction in L0
 * (svm_vmload, svm_vmsave), and vmcb01/vmcb02 hold none of that state.
 */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "core/types.h"
#include "core/vcpu.h"
#include "core/virt.h"
#include "mm/addr.h"
#include "mm/guest.h"
#include "mm/slat.h"
#include "svm/vmcb.h"

/* CPUID Fn8000_000A EDX (APM 3, Appendix E, SVM Revision and Feature
 * Identification); the same bits in vm_policy.features_off. */
#define SVM_F_NPT BIT(0)
#define SVM_F_LBRV BIT(1)
#define SVM_F_SVML BIT(2)
#define SVM_F_NRIPS BIT(3)
#define SVM_F_TSCRATE BIT(4)
#define SVM_F_CLEAN BIT(5)
#define SVM_F_FLUSHBYASID BIT(6)
#define SVM_F_DECODE BIT(7)
#define SVM_F_PAUSEFILTER BIT(10)
#define SVM_F_PAUSETHRESH BIT(12)
#define SVM_F_AVIC BIT(13)
#define SVM_F_VLS BIT(15) /* virtual VMLOAD/VMSAVE */
#define SVM_F_VGIF BIT(16)
#define SVM_F_GMET BIT(17)
#define SVM_F_X2AVIC BIT(18)
#define SVM_F_SPECCTRL BIT(20)
#define SVM_F_VNMI BIT(25)
#define SVM_F_ADDR_CHK BIT(28)

/* The machine's SVM, read once at boot. */
struct svm_hw {
	u32 features; /* SVM_F_*: what hardware has and L0 may use */
	u32 there;    /* all that it has, svm.features= or not */
	u32 rev;
	u32 nasids; /* ASIDs 0 .. nasids-1; 0 is the host's */
	u8 phys_bits;
	bool tcg; /* QEMU's emulator: for its faults' sake alone */
};
extern struct svm_hw svm_hw;

static inline bool svm_has(u32 f)
{
	return svm_hw.features & f;
}

/* Per CPU (cpu->svm). */
struct svm_cpu {
	void *hsave;	      /* VM_HSAVE_PA's page */
	struct vmcb *host_ls; /* VMSAVE of L0's own FS..SYSENTER, TR */
	hpa_t host_ls_pa;
	struct vmcb *guest_ls; /* the guest's, while an NMI comes in */
	hpa_t guest_ls_pa;
	u32 asid_next; /* next to hand out to an L2 */
	u64 asid_gen;  /* goes up when all are handed out again */
};

/* ASID 1 is L1's on each CPU; the others are handed out by svm_asid_new(). */
#define SVM_ASID_L1 1
#define SVM_ASID_FIRST 2

/* Per VM (vm->backend). */
struct svm_vm {
	struct slat slat; /* npt01 */
	u8 *msrpm;	  /* 2 pages: L0's intercepts of L1's MSR accesses */
	u8 *iopm;	  /* 3 pages: of its port accesses */
	hpa_t msrpm_pa, iopm_pa;
	bool ports_trapped; /* some bit of the iopm is set */
	bool watch_icr;	    /* more than one CPU: INIT and SIPI matter */
};

#define SVM_MSRPM_PAGES 2
#define SVM_IOPM_PAGES 3

/*
 * Where code pages of L1 lie, so that the bytes at CS:RIP are found without a
 * walk. A stale entry can only mislead L1 about itself: it points into L1's
 * own memory, and what is read there must be an instruction that exits.
 */
#define SVM_CODE_PAGES 16
struct svm_code_page {
	u64 la;	       /* linear address of the page, | 1 when valid */
	u64 cr3;       /* with CR0.PG in bit 63 */
	const u8 *ptr; /* the page */
};

struct svm_insn_cache; /* decodes of what writes the xAPIC page */

struct svm_vcpu {
	/* What the next entry enters: vmcb01 or, v->in_l2, vmcb02. */
	struct vmcb *vmcb;
	hpa_t vmcb_pa;
	struct vmcb *vmcb01;
	hpa_t vmcb01_pa;
	/* what view_l1() put aside */
	struct vmcb *view_vmcb;
	hpa_t view_pa;
	u64 view_rax, view_rsp;

	/*
	 * Virtual NMI line of L1. nmi_pending: one arrived and is neither
	 * injected nor reflected yet. While !in_l2 the backend injects it as
	 * soon as gif && !nmi_blocked; while in_l2 the nested half routes it.
	 */
	bool nmi_pending;
	bool nmi_blocked; /* in an NMI handler, L1's or L2's: until IRET */
	bool nmi_step;	  /* L0 steps over that IRET */
	bool step_tf;	  /* the guest steps itself meanwhile */
	/* GIF of L1 as software sees it; with vGIF on in vmcb01 that one
	 * counts: use svm_gif(). */
	bool gif;
	u64 injected; /* what L0 injects with this entry; 0: nothing */
	u64 nrip;     /* nrip_lost: what the next entry must have */
	bool nrip_lost;
	u64 dr6;	    /* the guest's, while it runs and dr_on is set */
	u32 step_exc;	    /* exception intercepts but for the step */
	bool step_host_if;  /* host_if but for the step */
	bool step_btf;	    /* DEBUGCTL.BTF but for the step */
	bool kicked;	    /* the NMI on its way is L0's; atomic */
	bool flush_all;	    /* the next entry flushes every ASID */
	bool host_if;	    /* RFLAGS.IF of L0 at VMRUN: where V_INTR_MASKING
			     * is on it lets physical interrupts through */
	bool raised;	    /* EVENTINJ is an exception that L0 raises in L2:
			     * L1 may intercept it */
	bool db_wanted;	    /* #DB exits for the debugger or an NMI's step */
	bool r_init;	    /* L1's VM_CR.R_INIT: INIT becomes #SX */
	bool npt01_changed; /* for the nested half: npt02 is stale */
	/* Set by the nested half: up to 15 bytes at L2's CS:RIP, their number.
	 * Used where hardware has no nRIP for exits of L2 that L0 handles. */
	u32 (*l2_fetch)(struct vcpu *v, u8 buf[15]);

	u64 l1_svme;		/* EFER.SVME as L1 sees it (the bit, or 0) */
	u32 apic_ldr, apic_dfr; /* xAPIC: as L1 last wrote them */
	struct svm_code_page code[SVM_CODE_PAGES];
	struct svm_insn_cache *insn_cache;
};

/* Make @b (host-physical @pa) what the next entry enters. */
static inline void svm_select_vmcb(struct svm_vcpu *s, struct vmcb *b, hpa_t pa)
{
	s->vmcb = b;
	s->vmcb_pa = pa;
}

/* Is @info (EXITINTINFO) an event that L0 injected? Then RIP is where it is to
 * be, even if it is INT3's. */
static inline bool svm_injected_soft(const struct svm_vcpu *s, u64 info)
{
	return !((info ^ s->injected) & (EVINJ_V | EVINJ_TYPE | EVINJ_VECTOR));
}

/* L1's GIF, from vmcb01 where vGIF is on there. */
static inline bool svm_gif(const struct svm_vcpu *s)
{
	u64 v = vmcb_vintr(s->vmcb01);

	return v & VINTR_GIF_ENABLE ? v & VINTR_GIF : s->gif;
}

/*
 * The next entry delivers a software interrupt again, which returns to @nrip:
 * the exit that cut it short has reset the VMCB's nRIP (APM 2, State Saved on
 * Exit). Where the exit is L1's it must find that 0, so it is not put there
 * now.
 */
static inline void svm_nrip_again(struct svm_vcpu *s, u64 nrip)
{
	s->nrip = nrip;
	s->nrip_lost = true;
}

void svm_set_gif(struct svm_vcpu *s, bool on);

/* VMLOAD/VMSAVE of the state described above, from/to a page of L1's (or
 * any): @pa must be RAM that the caller has checked. */
static inline void svm_vmload(hpa_t pa)
{
	__asm__ volatile("vmload %%rax" : : "a"(pa.v) : "memory");
}

static inline void svm_vmsave(hpa_t pa)
{
	__asm__ volatile("vmsave %%rax" : : "a"(pa.v) : "memory");
}

/*
 * A hardware ASID for an L2 on this CPU. It is valid as long as
 * cpu->svm->asid_gen equals *gen; when all are used up the generation goes
 * up and the TLB is flushed at the next entry.
 */
u32 svm_asid_new(struct vcpu *v, u64 *gen);

/* The next entry of @b flushes the translations of its ASID (everything,
 * where hardware has no flush-by-ASID). */
void svm_flush_asid(struct vmcb *b);

/*
 * Length of the instruction that exited, bytes: nRIP where hardware saves it,
 * else the decoded one. -EFAULT: it cannot be read (cannot happen, unless
 * another CPU changed it meanwhile); -EINVAL: not an instruction that exits.
 * Works for the vmcb that ran last (L1; for L2 with npt12 the caller fetches
 * the bytes and uses core/insn.h itself).
 */
int __must_check svm_insn_len(struct vcpu *v);

/* The usual encodings, without prefixes, of what exits often (fetch.c). */
extern const struct svm_usual {
	u32 mask, bytes; /* as a little-endian number */
	u32 len;
} svm_usual[256];

/* Do the 4 bytes at @p begin with it? Its length, or 0 (and where there is
 * none). */
static inline u32 svm_usual_len(const u8 *p, u64 code)
{
	const struct svm_usual *u = &svm_usual[code & 255];
	u32 word = *(const u32 *)p;

	return (word & u->mask) == u->bytes ? u->len : 0;
}

/* Mode of the code segment in @b: 16, 32, 64, for insn_decode(). */
u32 svm_mode(const struct vmcb *b);

/* Bytes at CS:RIP of L1 (not of L2), up to 15; their number. */
u32 svm_fetch(struct vcpu *v, u8 buf[15]);

/* Paging state of whatever @b holds, for walk_l1(). */
void svm_paging(const struct vmcb *b, struct paging *p);

/* RIP + @len, wrapped to the width of the code segment. */
u64 svm_next_rip(const struct vmcb *b, u32 len);

/* A write of the current level to L1's APIC page, which L0 watches. False:
 * not that page, or not an instruction that may write there. */
bool svm_xapic_write(struct vcpu *v, l1pa_t gpa);

/* How the access of a nested page fault came about. */
enum mem_how svm_mem_how(const struct vmcb *b);

/* RIP = @next_rip, the interrupt shadow ends; TF gives its #DB (in DR6.BS). */
void svm_advance(struct vcpu *v, u64 next_rip);

/* virt_ops.skip and .inject, on the current vmcb. */
void svm_skip(struct vcpu *v);
void svm_inject(struct vcpu *v, const struct event *e);
void svm_inject_exc(struct vcpu *v, u8 vector); /* no error code */
void svm_inject_gp(struct vcpu *v);		/* #GP(0) */

/* nmi.c */
/* An NMI of L0's to @v's CPU, its own included; one at a time. */
void svm_nmi_send(struct vcpu *v);
/* The pending NMI goes to the current level; until IRET it is the last. */
void svm_nmi_deliver(struct vcpu *v);
/* #DB exit: was it L0's own step over an IRET? */
bool svm_nmi_step(struct vcpu *v);
void svm_nmi_step_undo(struct vcpu *v);

/* Slot of an exit code in vcpu_stats. */
static inline u32 svm_stat_slot(u64 code)
{
	if (code < 0xf0)
		return (u32)code;
	if (code >= VMEXIT_NPF && code < VMEXIT_NPF + 4)
		return 0xf0 + (u32)(code - VMEXIT_NPF);
	return STAT_EXITS - 1;
}

/* Name of an exit code (or of its slot); never NULL. Pure. */
const char *svm_exit_name(u32 raw);

/* All fields of @b, one a line; @l: level of the lines. */
void svm_dump_vmcb(const char *title, const struct vmcb *b);

/*
 * EVENTINJ for exception @second that came while @first (EXITINTINFO, may be
 * not valid) was being delivered: @second, or a double fault; 0: shutdown
 * (APM 2, #DF, Double-Fault Exception). Pure.
 */
u64 svm_combine(u64 first, u64 second);
/* EVENTINJ for exception @vector with error code @error; in real mode no
 * exception has one (APM 2, Error Codes): @cr0 is the guest's. Pure. */
u64 svm_exc_event(u64 cr0, u8 vector, u32 error);
/* Does an exit with @code save nRIP, or reset it to 0 (APM 2, State Saved on
 * Exit)? Pure. */
bool svm_saves_nrip(u64 code);
/* Is EVENTINJ @ev valid, and INT n, INT3 or INTO, which return behind the
 * instruction (APM 2, Event Injection)? Pure. */
bool svm_soft_event(u64 ev);

/* Permission maps (pure; APM 2, MSR Intercepts; I/O Intercepts). */

/* Bit number in the MSRPM of @msr's read bit (write: + 1); -1: an MSR that
 * the map does not cover (always intercepted). */
int svm_msrpm_bit(u32 msr);
void svm_msrpm_set(u8 *map, u32 msr, bool rd, bool wr);
bool svm_msrpm_hit(const u8 *map, u32 msr, bool write);
void svm_iopm_set(u8 *map, u16 port, u32 count, bool on);
/* Is any of @size (1, 2, 4) ports from @port intercepted? */
bool svm_iopm_hit(const u8 *map, u16 port, u32 size);

#endif
