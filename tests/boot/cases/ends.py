# SPDX-License-Identifier: GPL-2.0-or-later
"""How L1 can end: power-off (every Linux case), reboot, triple fault, VMX
abort."""
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

# emulator fault: with two CPUs Bochs' BIOS does not survive a reset by CPU 0,
# bare neither ("Keyboard error"); the run ends before
for _emu, _slow in ("qemu", 0), ("bochs", 40):
    ends("init-of-boot-cpu", emus=[_emu], slow=_slow, cpus=2,
         l1=path("guests/triple.elf"), append="triple kind=3",
         expect=[r"^abyme: vm0: CPU 0: INIT of the boot processor"],
         stop=r"^abyme: vm0: reset", restarts=False)
# QEMU makes a reset of what is an INIT on a PC; Bochs' BIOS dies (see below)
for _name, _kind in ("port-92", 4), ("keyboard-controller", 5):
    ends(f"reset-{_name}", emus=["qemu"], l1=path("guests/triple.elf"),
         append=f"triple kind={_kind}", forbid=[r"^FAIL "],
         expect=[rf"^guest triple: kind {_kind}, now"], restarts=True)


def vmx_abort(name, guest, append, why, entry=None):
    ends(f"vmx-abort-{name}", emus=["bochs"], restarts=False,
         l1=path(f"guests/{guest}.elf"), append=f"{guest} {append}",
         hv="console=com1 on-shutdown=poweroff", forbid=[r"^FAIL "],
         expect=[rf"^abyme: vm0: CPU 0: VMX abort {why}$"] +
         ([entry] if entry else []) + [r"^abyme: vm0: power off"], order=True)


vmx_abort("store", "vmx-lists", "abort=1", "1: VM-exit MSR-store area",
          r"^abyme:   entry 2 of .* cannot be stored")
vmx_abort("long-load", "vmx-lists", "abort=2", "4: VM-exit MSR-load area",
          r"^abyme:   entry 513 of .* cannot be loaded")
vmx_abort("load", "vmx-lists", "abort=4", "4: VM-exit MSR-load area",
          r"^abyme:   entry 3 of .* cannot be loaded")
vmx_abort("nowhere", "vmx-lists", "abort=3", "1: VM-exit MSR-store area",
          r"^abyme:   entry 1 of the area at 0x8000000000 ")
vmx_abort("pdptes", "vmx-32", "abort=2", "2: PDPTEs of the host state")
vmx_abort("host-32", "vmx-32", "abort=6", "6: a 32-bit host, .*")

linux("linux-reboot", "abyme.end=reboot", emus=["qemu"], timeout=30)
# emulator fault: no linux-reboot in Bochs, where it fails bare as well. The
# reset that Linux prefers leaves IA32_FEATURE_CONTROL locked, at which the
# BIOS dies; after one by port CF9 the BIOS waits minutes for the CD drive.
# A reset that ends in a new boot is in triple-*.
