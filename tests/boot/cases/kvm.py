# SPDX-License-Identifier: GPL-2.0-or-later
"""KVM in L1, from Debian's packages, and a Linux as L2."""
import re

import emu
from case import Failure, linux, path

INITRD = [(path("l1/kvm.cpio.lz4"), "")]
L2_UP = [r"^\[L2\] SUCCESS", r"^\[L1\] PASS L2 ran to its end",
         r"^\[L1\] SUCCESS"]


def kvm(name, words="", **fields):
    fields = dict(dict(modules=INITRD, expect=L2_UP, mem=1024), **fields)
    linux(f"kvm{name}", "abyme.kvm " + words, **fields)


kvm("", emus=["qemu"], timeout=60)
kvm("", emus=["bochs"], timeout=250)
kvm("", emus=["bochs-svm"], timeout=250)
kvm("-npt0", "abyme.kvm_amd=npt=0", emus=["qemu"], timeout=100)
kvm("-npt0-2cpus", "abyme.kvm_amd=npt=0", cpus=2, emus=["qemu"], timeout=150)
kvm("-ept0", "abyme.kvm_intel=ept=0", emus=["bochs"], timeout=400)
kvm("-2cpus", cpus=2, emus=["qemu"], timeout=100)
kvm("-2cpus", cpus=2, emus=["bochs"], timeout=400)
kvm("-2cpus-ept0", "abyme.kvm_intel=ept=0", cpus=2, emus=["bochs"],
    timeout=500, slow=155)
kvm("-l2-2cpus", "abyme.l2cpus=2", emus=["qemu"], timeout=180)
kvm("-l2-2cpus", "abyme.l2cpus=2", emus=["bochs"], timeout=250, slow=110)
kvm("-2cpus-l2-2cpus", "abyme.l2cpus=2", cpus=2, emus=["bochs"],
    timeout=400, slow=147)
kvm("-smp", "abyme.l2cpus=2", cpus=2, emus=["qemu"], timeout=120)
kvm("-smp-npt0", "abyme.l2cpus=2 abyme.kvm_amd=npt=0", cpus=2, emus=["qemu"],
    timeout=150)
kvm("-uefi", emus=["qemu"], uefi=True, timeout=90, slow=30)
kvm("-again", "abyme.l2times=5", emus=["qemu"], timeout=150)
kvm("-again", "abyme.l2times=5", emus=["bochs"], timeout=900, slow=178)
kvm("-again-ept0", "abyme.l2times=5 abyme.kvm_intel=ept=0", emus=["bochs"],
    timeout=1200, slow=811)
kvm("-again-2cpus", "abyme.l2times=5", cpus=2, emus=["bochs"], timeout=1200,
    slow=678)
kvm("-again-2cpus-ept0", "abyme.l2times=5 abyme.kvm_intel=ept=0", cpus=2,
    emus=["bochs"], timeout=1500, slow=1345)
kvm("-pair", "abyme.l2pair", emus=["qemu"], timeout=150)
kvm("-big", "abyme.l2mem=1536", emus=["qemu"], mem=2600, timeout=100)
kvm("-pair-2cpus", "abyme.l2pair", cpus=2, emus=["qemu"], timeout=200, slow=30)
kvm("-big-2cpus", "abyme.l2mem=1536 abyme.l2cpus=2", cpus=2, emus=["qemu"],
    mem=2600, timeout=200, slow=30)


def memory(c, part, **changes):
    """KiB that L0 uses at the end of one boot."""
    result = c.boot(part, **changes)
    for line in result.lines:
        m = re.search(r"L0 uses (\d+) KiB", line)
        if m:
            return int(m.group(1))
    raise Failure("L0 does not say what it uses")


def killed(c):
    """L2s that are killed leave nothing behind in L0."""
    one = memory(c, "-one", append=re.sub(r"abyme\.l2kill=\d+", "", c.append))
    many = memory(c, "")
    if many > one:
        raise Failure(f"L0 uses {many} KiB after many L2s, {one} after one")
    return f"{many} KiB after many L2s, {one} after one"


kvm("-kill", "abyme.l2kill=20", emus=["qemu"], hv="console=com1 stats=1",
    timeout=250, run=killed)

# KVM in KVM. At 100 million instructions a second, what Bochs otherwise says
# its processor does, an L3 has done nothing but take its timer's interrupts
# when the next one comes: an exit of it costs 130,000 instructions in L1, L2
# and Abyme, a tick is 400,000. So its clock runs at a quarter of that rate;
# in QEMU, too slow for an L3 by the clock, time goes by instructions.
# emulator fault: TCG has no XSETBV intercept; KVM does not learn of its
# guest's XCR0 and answers CPUID for a smaller one, of which L2's Linux warns
SLOW_CLOCK = ["cpu: ips=400000000"]
for emulator, words, extra, slow in (("qemu", ",noxsave", emu.ICOUNT, 0),
                                     ("bochs", "", SLOW_CLOCK, 299)):
    kvm("-l3", "abyme.l2mem=900 abyme.l2append=abyme.kvm" + words,
        modules=[(path("l1/kvm-l3.cpio.lz4"), "")], mem=2048, timeout=600,
        emus=[emulator], extra=extra, slow=slow,
        expect=[r"^\[L3\] SUCCESS", r"^\[L2\] PASS L3 ran",
                r"^\[L2\] SUCCESS", r"^\[L1\] SUCCESS"])

# A model with PML and TSC scaling; Linux cannot find its TSC's rate in Bochs.
# emulator fault: its compacted XSAVE area has not the size that CPUID says;
# Linux warns of it bare as well
SKYLAKE = dict(cpu="corei7_skylake_x",
               words="tsc_early_khz=100000 clearcpuid=xsaves,xsavec")


def option_off(option, often=False, cpu=None, words=""):
    kvm(f"-no-{option}", f"abyme.kvm_intel={option}=0 {words}", cpu=cpu,
        emus=["bochs"], timeout=300, slow=0 if often else 76)


# KVM's own options, one after the other; three of them in every run
option_off("vpid", often=True)
option_off("unrestricted_guest", often=True)
option_off("enable_shadow_vmcs", often=True)
option_off("flexpriority")
option_off("preemption_timer")
option_off("eptad")
option_off("pml", **SKYLAKE)
kvm("-skylake", emus=["bochs"], timeout=300, slow=105, **SKYLAKE)

# L0's own options that take features away from L1, all at once: KVM does
# without each (on VMX with EPT and without)
SVM_OFF = "npt nrip flushbyasid clean vgif addrchk lbrv pausefilter"
VMX_OFF = """vpid ept-ad ept-1g ept-2m ept-exec-only vmcs-shadowing ve vmfunc
    preemption-timer tpr-shadow apic-access x2apic apic-reg vid ple invpcid
    rdtscp"""


def offered_less(name, option, features, **fields):
    kvm(f"-offered-{name}", hv=f"console=com1 {option}=" +
        ",".join("-" + f for f in features.split()), timeout=400, **fields)


offered_less("less", "svm.features", SVM_OFF, emus=["qemu"])
# emulator fault: an L2 of KVM without NPT stands still on the ryzen model, bare
# as well
offered_less("less", "svm.features", SVM_OFF.replace("npt ", "", 1),
             emus=["bochs-svm"], slow=90)
offered_less("less", "vmx.features", VMX_OFF, emus=["bochs"], slow=100)
offered_less("least", "vmx.features", VMX_OFF + " ept unrestricted",
             emus=["bochs"], slow=130)
