# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub's hardware breakpoints, watchpoints and catchpoints."""
import subprocess

from case import case, path
from cases.gdb import Session, want


def symbols(guest):
    """Addresses of the guest's symbols: its ELF file is a 32-bit one, which
    gdb would take for its architecture."""
    out = subprocess.run(["nm", path(f"guests/{guest}.elf")], text=True,
                         capture_output=True, check=True).stdout
    return {f[2]: int(f[0], 16) for f in map(str.split, out.splitlines())}


def word(sym, n):
    return f"*(int *)({sym['w']:#x} + {4 * n})"


GO = "continue"


def hardware(c):
    """hbreak, watch, rwatch, awatch in the registers; the guest's own stay."""
    sym = symbols("points")
    with Session(c) as s:
        out = s.gdb(f"hbreak *{sym['probe']:#x}", GO, "p/x $pc", "p $edi",
                    f"watch {word(sym, 0)}", f"rwatch {word(sym, 1)}", GO, GO,
                    "delete 3", f"awatch {word(sym, 5)}", GO, GO,
                    "p/x $dr7", "p/x $dr0", "delete 2 4", GO, "p $edi",
                    "delete", GO)
        want(out, r"Hardware assisted breakpoint 1", r"Breakpoint 1, ",
             rf"= {sym['probe']:#x}", r"= 1$",
             r"Hardware watchpoint 2: ", r"Hardware read watchpoint 3",
             r"Hardware watchpoint 2: .*\n.*\nOld value = 0\nNew value = 10",
             r"Hardware read watchpoint 3: .*\n.*\nValue = 0",
             r"Hardware access .read/write. watchpoint 4",
             r"watchpoint 4: .*\n.*\nValue = 0",
             r"watchpoint 4: .*\n.*\nOld value = 0\nNew value = 15",
             r"= 0xd0401", rf"= {sym['own']:#x}", r"Breakpoint 1, ", r"= 2$")
        s.ends()


case("gdb-points", emus=["qemu", "bochs"],
     l1=path("guests/points.elf"), hv="console=com1 gdb=com2,wait",
     timeout=30, expect=[r"guest points: \d+ passed, 0 failed"],
     forbid=[r"^FAIL "], run=hardware)


def catches(c):
    """monitor catch msr, exception; what was caught goes on untouched."""
    with Session(c) as s:
        out = s.gdb("monitor catch msr 0xc0000082", "monitor catch exception 14",
                    "monitor catch exception 3", "monitor catch", GO, GO,
                    "monitor uncatch exception 3", GO, GO,
                    "monitor catch", "monitor nocatch all", "monitor catch",
                    GO)
        want(out, r"^exception 3$", r"^exception 14$", r"^msr 0xc0000082$",
             r"L1 exception 3 at 0x1", r"SIGTRAP",
             r"L1 exception 14 at 0x1.*error 0x0, address 0x7f0000123450",
             r"SIGTRAP",
             r"L1 reads MSR 0xc0000082 at", r"SIGTRAP",
             r"L1 writes MSR 0xc0000082, value 0xabcde000, at", r"SIGTRAP",
             r"^exception 14$", r"^msr 0xc0000082$", r"exited|detached|closed")
        s.ends()


case("gdb-catch", emus=["qemu", "bochs", "bochs-svm"],
     l1=path("guests/points.elf"), hv="console=com1 gdb=com2,wait",
     timeout=30, expect=[r"guest points: \d+ passed, 0 failed"],
     forbid=[r"^FAIL "], run=catches)
