# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers, memory and code of both levels, as gdb sees and changes them."""
import os
import re

from case import Failure, case, path
from cases.gdb import Session, case_dir, want


def state(c):
    """Registers and memory of both levels; then registers as used there."""
    script = os.path.join(case_dir(), "gdb", "state.py")
    with Session(c) as s:
        out = s.gdb("set $names = (unsigned long)&regs_names",
                    "set $seen = (unsigned long)&regs_seen",
                    f"source {script}", "tbreak regs_of_l1", "continue",
                    "python registers()", "python memory(0x100000)",
                    # emulator fault: TCG ignores the VMCB's PAT
                    f"python used(number('$names'), number('$seen'), "
                    f"{c.emu != 'qemu'})",
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, r"^REGISTERS: \d+, 0 wrong", r"^MEMORY of process 1: 0 wrong",
             r"^REGISTERS: \d+, 0 wrong", r"^MEMORY of process 2: 0 wrong",
             r"^USED: 4 times 5\d registers, 0 wrong")
        s.ends()


for emulator, guest in (("qemu", "svm-regs"), ("bochs", "vmx-regs")):
    case("gdb-state", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=60, forbid=[r"^FAIL "],
         expect=[r"^guest .* passed, 0 failed"], run=state)


def views(c):
    """Memory by page tables of all formats, of L1 and of its L2."""
    script = os.path.join(case_dir(), "gdb", "state.py")
    levels = ("32", "pae", "4-level", *["5-level"] * (c.emu == "qemu"))
    with Session(c) as s:
        out = s.gdb("set $view = (unsigned long)&view", f"source {script}",
                    "python views(number('$view'))", "continue",
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, "^VIEWS: " + ", ".join(f"l{n} {m}" for n in (1, 2)
                                         for m in levels) + "; 0 wrong$")
        s.ends()


for emulator, guest in (("qemu", "svm-views"), ("bochs", "vmx-views")):
    case("gdb-views", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         append="gdb", hv="console=com1 gdb=com2,wait", timeout=60,
         forbid=[r"^FAIL "], expect=[r"^guest .* passed, 0 failed"],
         run=views)


# code width, CR0.PE, RFLAGS.VM, EFER.LMA of all modes that modes.c has
MODES = ("(16, 0, 0, False)", "(16, 1, 0, False)", "(32, 1, 0, False)",
         "(32, 1, 0, True)", "(64, 1, 0, True)")


def modes(c):
    """The code at CS:RIP is told rightly in every mode."""
    script = os.path.join(case_dir(), "gdb", "state.py")
    with Session(c) as s:
        out = s.gdb(f"source {script}", "python modes(60)", "detach")
        want(out, r"^MODES: .*, 0 wrong")
        lost = [m for m in MODES if m not in out]
        # by objdump, as text of its own
        told = len(re.findall(r"\bcpuid\b", out))
        if lost or told < 20:
            raise Failure(f"not seen: {lost}; {told} times CPUID")
        s.ends()


case("gdb-modes", emus=["qemu", "bochs"], l1=path("guests/modes.elf"),
     hv="console=com1 gdb=com2,wait", timeout=60, forbid=[r"^FAIL "],
     expect=[r"^guest .* passed, 0 failed"], run=modes)
