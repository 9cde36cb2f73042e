# SPDX-License-Identifier: GPL-2.0-or-later
"""Abyme as L1 of Abyme: three levels, and four."""
from case import EMULATOR_ARGS, LINUX_ARGS, case, path

HV = "console=com1"
ABYME = path("abyme.elf")


def stack(name, words="", inner=1, initrd="l1/l1.cpio", says=(), emus=("qemu",),
          **fields):
    """@inner Abymes in Abyme, and Debian's Linux on the last one."""
    level = f"L{inner + 1}"
    for emulator in emus:
        append = " ".join([LINUX_ARGS, EMULATOR_ARGS.get(emulator, ""), "quiet",
                           f"abyme.level={level} abyme.cpus="
                           f"{fields.get('cpus', 1)}", words])
        case(f"abyme{name}", [emulator], l1=ABYME, append=HV, hv=HV,
             modules=[(ABYME, HV)] * (inner - 1) +
             [(path("l1/vmlinuz"), append), (path(initrd), "")],
             forbid=[r"^\[L\d\] FAIL"],
             expect=[r"^abyme: L1: multiboot2 kernel",
                     r"^abyme: L1: Linux bzImage", *says,
                     rf"^\[{level}\] SUCCESS"], order=True, **fields)


stack("", "abyme.work", emus=["qemu", "bochs"], mem=1024, timeout=120)
stack("-2cpus", "abyme.work", cpus=2, mem=1024, timeout=120)
stack("-abyme", "abyme.work", inner=2, mem=1024, timeout=120)
# what KVM does for its L3 goes through both
stack("-kvm", "abyme.kvm", initrd="l1/kvm.cpio.lz4", mem=1024, timeout=150,
      says=[r"^\[L3\] SUCCESS"])
# at its usual rate Bochs' timers leave an L3 no time, see kvm-l3
stack("-kvm", "abyme.kvm", initrd="l1/kvm.cpio.lz4", mem=1024, timeout=300,
      emus=["bochs"], extra=["cpu: ips=400000000"], slow=64,
      says=[r"^\[L3\] SUCCESS"])
