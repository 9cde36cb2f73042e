/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instruction that exited: its bytes and its length. */
#include "core/err.h"
#include "core/insn.h"
#include "core/string.h"
#include "core/x86.h"
#include "svm/internal.h"

void svm_paging(const struct vmcb *b, struct paging *p)
{
	*p = (struct paging){
		.cr0 = vmcb_cr0(b),
		.cr3 = vmcb_cr3(b),
		.cr4 = vmcb_cr4(b),
		.efer = vmcb_efer(b),
		.rflags = vmcb_rflags(b),
		.cpl = vmcb_cpl(b),
		.phys_bits = svm_hw.phys_bits,
	};
}

u32 svm_mode(const struct vmcb *b)
{
	u16 attr = vmcb_cs(b)->attr;

	if (attr & VSEG_L && vmcb_efer(b) & EFER_LMA)
		return 64;
	/* in real mode as well, until a far jump loads CS anew */
	return attr & VSEG_DB ? 32 : 16;
}

static inline u64 code_linear(const struct vmcb *b, u64 rip)
{
	if (vmcb_cs(b)->attr & VSEG_L && vmcb_efer(b) & EFER_LMA)
		return rip;
	return (u32)(vmcb_cs(b)->base + rip);
}

static __noinline const u8 *code_walk(struct vcpu *v, u64 la, u64 cr3,
				      struct svm_code_page *c)
{
	struct walk_fault f;
	struct paging p;
	l1pa_t pa;
	u8 *ptr;

	svm_paging(v->svm->vmcb01, &p);
	if (walk_l1(v->vm, &p, GVA(la & PAGE_MASK),
		    ACCESS_X | (p.cpl == 3 ? ACCESS_U : 0), &pa, &f))
		return NULL;
	ptr = guest_ptr(v->vm, pa);
	if (!ptr)
		return NULL;
	*c = (struct svm_code_page){ (la & PAGE_MASK) | 1, cr3, ptr };
	return ptr + (la & ~PAGE_MASK);
}

/* Where the byte of L1's code at @la is; valid to the end of its page. */
static inline const u8 *code_ptr(struct vcpu *v, u64 la, bool fresh)
{
	const struct vmcb *b = v->svm->vmcb01;
	struct svm_code_page *c =
		&v->svm->code[la >> PAGE_SHIFT & (SVM_CODE_PAGES - 1)];
	u64 cr3 = vmcb_cr3(b) | (vmcb_cr0(b) & CR0_PG) << 32;

	if (likely(!fresh && c->la == ((la & PAGE_MASK) | 1) && c->cr3 == cr3))
		return c->ptr + (la & ~PAGE_MASK);
	return code_walk(v, la, cr3, c);
}

const u8 *svm_code_ptr(struct vcpu *v, u64 *la)
{
	*la = code_linear(v->svm->vmcb01, vmcb_rip(v->svm->vmcb01));
	return code_ptr(v, *la, false);
}

u32 svm_fetch(struct vcpu *v, u8 buf[INSN_MAX])
{
	const struct vmcb *b = v->svm->vmcb01;
	u64 la = code_linear(b, vmcb_rip(b));
	u32 first = (u32)MIN((u64)INSN_MAX, PAGE_SIZE - (la & ~PAGE_MASK));
	const u8 *p = code_ptr(v, la, true);

	if (!p)
		return 0;
	memcpy(buf, p, first);
	if (first == INSN_MAX)
		return first;
	p = code_ptr(v, la + first, true);
	if (!p)
		return first;
	memcpy(buf + first, p, INSN_MAX - first);
	return INSN_MAX;
}

const struct svm_usual svm_usual[256] = {
	[VMEXIT_CPUID] = { 0xffff, 0xa20f, 2 },
	[VMEXIT_MSR] = { 0xfdff, 0x300f, 2 },
	[VMEXIT_HLT] = { 0xff, 0xf4, 1 },
	[VMEXIT_RDTSC] = { 0xffff, 0x310f, 2 },
	[VMEXIT_VMRUN] = { 0xffffff, 0xd8010f, 3 },
	[VMEXIT_VMMCALL] = { 0xffffff, 0xd9010f, 3 },
	[VMEXIT_VMLOAD] = { 0xffffff, 0xda010f, 3 },
	[VMEXIT_VMSAVE] = { 0xffffff, 0xdb010f, 3 },
	[VMEXIT_STGI] = { 0xffffff, 0xdc010f, 3 },
	[VMEXIT_CLGI] = { 0xffffff, 0xdd010f, 3 },
	[VMEXIT_INVLPGA] = { 0xffffff, 0xdf010f, 3 },
};

static int decoded_len(const u8 *buf, u32 n, u32 mode)
{
	struct insn i;
	int err = insn_decode(&i, buf, n, mode);

	return err ? err : i.len;
}

static __noinline int slow_len(struct vcpu *v)
{
	const struct vmcb *b = v->svm->vmcb;
	u8 buf[INSN_MAX];
	u32 n;

	if (!v->in_l2) {
		n = svm_fetch(v, buf);
		return n ? decoded_len(buf, n, svm_mode(b)) : -EFAULT;
	}
	n = MIN(vmcb_insn_len(b), (u8)INSN_MAX);
	if (n)
		return decoded_len(vmcb_insn_bytes(b), n, svm_mode(b));
	n = v->svm->l2_fetch ? v->svm->l2_fetch(v, buf) : 0;
	return n ? decoded_len(buf, n, svm_mode(b)) : -EFAULT;
}

/* The usual instruction at CS:RIP of L1? Its length, else 0. */
static inline int usual_len(struct vcpu *v, const struct vmcb *b, u64 code)
{
	const struct svm_usual *u = &svm_usual[code & 255];
	u64 la = code_linear(b, vmcb_rip(b));
	const u8 *p = code_ptr(v, la, false);
	u32 word;

	if (unlikely(!p || (la & ~PAGE_MASK) > PAGE_SIZE - 4))
		return 0;
	memcpy(&word, p, sizeof(word));
	return (word & u->mask) == u->bytes ? u->len : 0;
}

static inline int insn_len(struct vcpu *v, const struct vmcb *b, u64 code)
{
	int len = 0;

	if (svm_has(SVM_F_NRIPS) && vmcb_nrip(b))
		return (int)(vmcb_nrip(b) - vmcb_rip(b));
	if (likely(!v->in_l2 && code < ARRAY_SIZE(svm_usual)))
		len = usual_len(v, b, code);
	return likely(len) ? len : slow_len(v);
}

int svm_insn_len(struct vcpu *v)
{
	const struct vmcb *b = v->svm->vmcb;

	return insn_len(v, b, vmcb_exitcode(b));
}

static __noinline void end_of_insn(struct vcpu *v, u64 rflags)
{
	struct vmcb *b = v->svm->vmcb;

	vmcb_set_rflags(b, rflags & ~RFLAGS_RF);
	if (!(rflags & RFLAGS_TF))
		return;
	/* The trap after the instruction (APM 2, Single Stepping). */
	vmcb_set_dr6(b, vmcb_dr6(b) | BIT(14));
	svm_inject_exc(v, VEC_DB);
}

static inline void advance(struct vcpu *v, struct vmcb *b, u64 next_rip)
{
	u64 rflags = vmcb_rflags(b);

	vmcb_set_rip(b, next_rip);
	vmcb_set_int_state(b, vmcb_int_state(b) & ~INT_STATE_SHADOW);
	if (unlikely(rflags & (RFLAGS_TF | RFLAGS_RF)))
		end_of_insn(v, rflags);
}

void svm_advance(struct vcpu *v, u64 next_rip)
{
	advance(v, v->svm->vmcb, next_rip);
}

static inline u64 next_rip(const struct vmcb *b, u32 len)
{
	u64 next = vmcb_rip(b) + len;

	if (likely(vmcb_cs(b)->attr & VSEG_L))
		return next;
	return vmcb_cs(b)->attr & VSEG_DB ? (u32)next : (u16)next;
}

u64 svm_next_rip(const struct vmcb *b, u32 len)
{
	return next_rip(b, len);
}

void svm_skip(struct vcpu *v)
{
	struct vmcb *b = v->svm->vmcb;
	u64 code = vmcb_exitcode(b);
	int len;

	if (unlikely(code == VMEXIT_IOIO)) {
		advance(v, b, vmcb_exitinfo2(b));
		return;
	}
	len = insn_len(v, b, code);
	/* Negative: another CPU changed the code under way: run it as it is. */
	if (likely(len > 0))
		advance(v, b, next_rip(b, (u32)len));
}
