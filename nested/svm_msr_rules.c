/* SPDX-License-Identifier: GPL-2.0-or-later */
/* APM 3, Appendix E, Fn8000_000A; APM 2, SVM Related MSRs. */
#include "nested/svm_msr_rules.h"

#include "core/bits.h"
#include "core/err.h"
#include "core/msr.h"
#include "svm/svm.h"

#define CPUID_EXT 0x80000001u
#define CPUID_EXT_ECX_SVM BIT(2)
#define CPUID_EXT_ECX_SKINIT BIT(12)
#define CPUID_SVM 0x8000000au

/* Hardware's own that L1 may have. */
#define PASSED                                                                 \
	(SVM_F_NPT | SVM_F_LBRV | SVM_F_NRIPS | SVM_F_TSCRATE | SVM_F_DECODE | \
	 SVM_F_PAUSEFILTER | SVM_F_PAUSETHRESH | SVM_F_VLS | SVM_F_VGIF |      \
	 SVM_F_VNMI | SVM_F_ADDR_CHK)
/* Exact in software on any hardware: all state is read on each VMRUN, ASIDs
 * of L1's are flushed by giving them new ones, the instruction is decoded. */
#define SOFTWARE (SVM_F_FLUSHBYASID | SVM_F_CLEAN | SVM_F_NRIPS)
/*
 * L1's ASIDs are names only, and processors that flush by ASID have as many.
 * It matters: Xen flushes by going on to the next ASID, and where it begins
 * with the first again it flushes that one alone, not those that follow.
 */
#define NASIDS 32768u

#define VM_CR_RESERVED BITS(63, 5)
#define TSC_RATIO_RESERVED BITS(63, 40)

u32 svm_offer(u32 hw, u64 off)
{
	return ((hw & PASSED) | SOFTWARE) & ~(u32)off;
}

void svm_cpuid12(u32 leaf, const struct svm_hw *hw, u32 features, u32 r[4])
{
	if (leaf == CPUID_EXT) {
		r[2] |= CPUID_EXT_ECX_SVM;
		r[2] &= ~(u32)CPUID_EXT_ECX_SKINIT;
	} else if (leaf == CPUID_SVM) {
		r[0] = hw->rev;
		r[1] = MAX(hw->nasids, NASIDS);
		r[2] = 0;
		r[3] = features;
	}
}

/* LOCK makes itself and SVMDIS read-only; SVMDIS and EFER.SVME exclude each
 * other whatever LOCK says. */
int svm_vm_cr_write(u64 *vm_cr, u64 val, bool svme)
{
	u64 fixed = *vm_cr & VM_CR_LOCK ? VM_CR_LOCK | VM_CR_SVMDIS : 0;

	if (val & VM_CR_RESERVED || (val & VM_CR_SVMDIS && svme))
		return -EINVAL;
	*vm_cr = (val & ~fixed) | (*vm_cr & fixed);
	return 0;
}

u64 svm_vm_cr_init(u64 vm_cr)
{
	return vm_cr & VM_CR_LOCK ? vm_cr : vm_cr & ~(u64)VM_CR_SVMDIS;
}

bool svm_hsave_legal(u64 val, u8 phys_bits)
{
	return !(val & BITS(11, 0)) && !(val >> phys_bits);
}

bool svm_tsc_ratio_legal(u64 val)
{
	return !(val & TSC_RATIO_RESERVED);
}
