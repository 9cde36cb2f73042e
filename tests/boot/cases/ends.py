# SPDX-License-Identifier: GPL-2.0-or-later
"""How L1 can end: power-off (every Linux case), reboot, triple fault."""
from case import Case, linux, path
from case import CASES

BANNER = r"^abyme: Abyme "
# the guest leaves this in RAX just before
MARK = r"abe11e"
REPORT = [r"^abyme: vm0: CPU \d+: triple fault at "]


def ends(result_of, emus=("qemu", "bochs"), **fields):
    """QEMU ends at a reset, as it is told to; Bochs starts again."""
    for emulator in emus:
        row = dict(fields)
        if row.pop("restarts") and emulator != "qemu":
            row.update(stop=BANNER, times=2)
        CASES.append(Case(result_of, emulator, timeout=30, **row))


def triple(name, kind, hv="", last=r"^abyme: vm0: reset", mark=MARK,
           **fields):
    ends(f"triple-{name}", l1=path("guests/triple.elf"),
         append=f"triple kind={kind}", hv=f"console=com1 {hv}",
         expect=REPORT + [mark, last], **fields)


triple("long", 0, restarts=True)
triple("real", 1, mark=r"cr0 0x\w*[02468ace] ", restarts=True)
triple("other-cpu", 2, cpus=2, restarts=True)
triple("poweroff", 0, "on-shutdown=poweroff", r"^abyme: vm0: power off",
       restarts=False)
triple("halt", 0, "on-shutdown=halt", r"^abyme: vm0: halted",
       stop=r"^abyme: vm0: halted", restarts=False, emus=["qemu"])

linux("linux-reboot", "abyme.end=reboot", emus=["qemu"], timeout=30)
# emulator fault: no linux-reboot in Bochs, where it fails bare as well. The
# reset that Linux prefers leaves IA32_FEATURE_CONTROL locked, at which the
# BIOS dies; after one by port CF9 the BIOS waits minutes for the CD drive.
# A reset that ends in a new boot is in triple-*.
