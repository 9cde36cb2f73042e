# SPDX-License-Identifier: GPL-2.0-or-later
"""Not committed."""
from cases.kvm import kvm, L2_UP
from case import case, path
import emu
from cases import guests as g
for f in ["npt", "nrip", "flushbyasid", "clean", "vgif", "addrchk",
          "npt,-nrip,-flushbyasid,-clean,-vgif,-addrchk,-lbrv"]:
    n = "all" if "," in f else f
    kvm(f"-zzoff-{n}", emus=["qemu"], hv=f"console=com1 svm.features=-{f}", timeout=120)
    kvm(f"-zzoff-{n}", emus=["bochs-svm"], hv=f"console=com1 svm.features=-{f}", timeout=300)
kvm("-zzoff-lbrv", emus=["bochs-svm"], hv="console=com1 svm.features=-lbrv", timeout=300)
V = ["vpid", "ept", "unrestricted", "ept-ad", "ept-1g", "ept-2m", "ept-exec-only", "vmcs-shadowing",
     "ve", "vmfunc", "preemption-timer", "tpr-shadow", "apic-access", "x2apic", "apic-reg", "vid", "ple", "invpcid", "rdtscp"]
for f in V:
    kvm(f"-zzvoff-{f}", emus=["bochs"], hv=f"console=com1 vmx.features=-{f}", timeout=300)
    for guest in ("vmx-caps", "vmx-checks", "vmx-exits", "vmx-controls", "vmx-insn", "vmx-ept", "vmx-tlb", "vmx-modes", "vmx-apic"):
        case(f"zzvg-{f}-{guest}", emus=["bochs"], l1=path("guests", f"{guest}.elf"), check=g.counted, timeout=60,
             forbid=[r"^FAIL "], hv=f"console=com1 vmx.features=-{f}")
kvm("-zzvoff-all", emus=["bochs"], hv="console=com1 vmx.features=" + ",".join("-" + f for f in V), timeout=300)
kvm("-zzvoff-allbutept", emus=["bochs"], hv="console=com1 vmx.features=" + ",".join("-" + f for f in V if f not in ("ept", "unrestricted")), timeout=300)
# combinations of real L1s
kvm("-zzpair-npt0", "abyme.l2pair abyme.kvm_amd=npt=0", emus=["qemu"], timeout=200)
kvm("-zzpair-npt0-2cpus", "abyme.l2pair abyme.kvm_amd=npt=0", cpus=2, emus=["qemu"], timeout=300)
kvm("-zzbig-npt0", "abyme.l2mem=1536 abyme.kvm_amd=npt=0", emus=["qemu"], mem=2600, timeout=200)
kvm("-zzsmp1-npt0", "abyme.l2cpus=2 abyme.kvm_amd=npt=0", emus=["qemu"], timeout=200)
from cases.kvm import killed
kvm("-zzkill-npt0", "abyme.l2kill=20 abyme.kvm_amd=npt=0", emus=["qemu"], hv="console=com1 stats=1", timeout=400, run=killed)
kvm("-zzkill-2cpus", "abyme.l2kill=20", cpus=2, emus=["qemu"], hv="console=com1 stats=1", timeout=400, run=killed)
kvm("-zzbochs-npt0", "abyme.kvm_amd=npt=0", emus=["bochs-svm"], timeout=400)
kvm("-zzbochs-2cpus", cpus=2, emus=["bochs-svm"], timeout=400)
L3 = dict(modules=[(path("l1/kvm-l3.cpio.lz4"), "")], mem=2048, timeout=900,
        expect=[r"^\[L3\] SUCCESS", r"^\[L2\] PASS L3 ran", r"^\[L2\] SUCCESS", r"^\[L1\] SUCCESS"])
kvm("-zzl3-npt0", "abyme.kvm_amd=npt=0 abyme.l2mem=900 abyme.l2append=abyme.kvm,noxsave", emus=["qemu"], extra=emu.ICOUNT, **L3)
kvm("-zzl3-2cpus", "abyme.l2mem=900 abyme.l2append=abyme.kvm,noxsave", cpus=2, emus=["qemu"], **L3)
kvm("-zzl3-2cpus", "abyme.l2mem=900 abyme.l2append=abyme.kvm", cpus=2, emus=["bochs"], extra=["cpu: ips=400000000"], **L3)
kvm("-zzbare-npt0", "abyme.kvm_amd=npt=0", emus=["bochs-svm"], timeout=400)
