# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub's hardware breakpoints, watchpoints and catchpoints."""
import functools
import re
import subprocess

from case import Failure, case, path
from cases.gdb import Session, want


def symbols(guest):
    """Addresses of the guest's symbols: its ELF file is a 32-bit one, which
    gdb would take for its architecture."""
    out = subprocess.run(["nm", path(f"guests/{guest}.elf")], text=True,
                         capture_output=True, check=True).stdout
    return {f[2]: int(f[0], 16) for f in map(str.split, out.splitlines())}


def word(sym, n):
    return f"*(int *)({sym['watched']:#x} + {4 * n})"


GO = "continue"


def points(name, run, **fields):
    """The guest of that name, which waits for gdb."""
    case(name, run=run, l1=path("guests/points.elf"), **{
        **dict(emus=["qemu", "bochs", "bochs-svm"], timeout=30,
               hv="console=com1 gdb=com2,wait",
               expect=[r"guest points: \d+ passed, 0 failed"],
               forbid=[r"^FAIL "]), **fields})


def hardware(c):
    """hbreak, watch, rwatch, awatch in the registers; the guest's own stay."""
    sym = symbols("points")
    with Session(c) as s:
        out = s.gdb(f"hbreak *{sym['probe']:#x}", GO, "p/x $pc", "p $edi",
                    f"watch {word(sym, 0)}", f"rwatch {word(sym, 1)}", GO, GO,
                    "delete 3", f"awatch {word(sym, 5)}", GO, GO,
                    "p/x $dr7", "p/x $dr0", "delete 2 4", GO, "p $edi",
                    # its own INT3 and step come with points of all kinds set
                    f"break *{sym['die']:#x}", GO, "p $edi", "delete", GO)
        want(out, r"Hardware assisted breakpoint 1", r"Breakpoint 1, ",
             rf"= {sym['probe']:#x}", r"= 1$",
             r"Hardware watchpoint 2: ", r"Hardware read watchpoint 3",
             r"Hardware watchpoint 2: .*\n.*\nOld value = 0\nNew value = 10",
             r"Hardware read watchpoint 3: .*\n.*\nValue = 0",
             r"Hardware access .read/write. watchpoint 4",
             r"watchpoint 4: .*\n.*\nValue = 0",
             r"watchpoint 4: .*\n.*\nOld value = 0\nNew value = 15",
             r"= 0xd0401", rf"= {sym['own']:#x}", r"Breakpoint 1, ", r"= 2$",
             r"Breakpoint 1, ", r"= 3$")
        s.ends()


points("gdb-points", hardware)


def many(c):
    """More watchpoints than registers: the rest by page rights, exactly."""
    sym = symbols("points")
    with Session(c) as s:
        out = s.gdb(f"hbreak *{sym['probe']:#x}", GO,
                    *[f"watch {word(sym, n)}" for n in (0, 2, 4, 6)],
                    # a store is no read, and changes the next word, too
                    f"rwatch {word(sym, 7)}",
                    f"rwatch {word(sym, 3)}", f"awatch {word(sym, 5)}",
                    f"watch *(char (*)[100])({sym['watched']:#x} + 320)",
                    f"watch {word(sym, 8)}",
                    *[GO] * 10, "info watchpoints", "delete 2-10", GO, "p $edi",
                    "delete", GO)
        want(out, r"Breakpoint 1, ",
             r"watchpoint 2: .*\n.*\nOld value = 0\nNew value = 10",
             r"watchpoint 3: .*\n.*\nOld value = 0\nNew value = 12",
             r"read watchpoint 7: .*\n.*\nValue = 0",
             r"watchpoint 4: .*\n.*\nOld value = 0\nNew value = 14",
             r"watchpoint 8: .*\n.*\nValue = 0",
             r"watchpoint 8: .*\n.*\nOld value = 0\nNew value = 15",
             r"watchpoint 5: .*\n.*\nOld value = 0\nNew value = 16",
             r"watchpoint 9: .*\n.*\nOld value = .*\nNew value = .*t",
             r"watchpoint 10: .*\n.*\nOld value = 0\nNew value = 7",
             r"Breakpoint 1, ", r"Breakpoint 1, ", r"= 3$")
        s.ends()


points("gdb-watch", many, timeout=60)


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


points("gdb-catch", catches)


def early(c):
    """Breakpoints before L1 has an IDT: in 32-bit code, then in long mode."""
    sym = symbols("points")
    at = [sym["long_mode_on"], sym["start64"]]
    with Session(c) as s:
        out = s.gdb("p/x $idtr_base", f"break *{at[0]:#x}",
                    f"break *{at[1]:#x}", GO, "p/x $pc", "p/x $efer & 0x400",
                    "stepi", GO, "p/x $pc", "p/x $efer & 0x400",
                    "p/x $idtr_base", "stepi", "delete", GO)
        want(out, r"^\$1 = 0x0$", r"Breakpoint 1, ", rf"= {at[0]:#x}$",
             r"= 0x0$", r"Breakpoint 2, ", rf"= {at[1]:#x}$", r"= 0x400$",
             r"= 0x0$", r"closed|exited")
        s.ends()


points("gdb-early", early)


def killed(c):
    """A breakpoint that nobody waits for any more is taken back."""
    sym = symbols("points")
    with Session(c) as s:
        s.gdb(f"break *{sym['probe']:#x}", GO, f"hbreak *{sym['accesses']:#x}",
              "shell echo goes", GO, GO, kill=True)
        s.ends()


points("gdb-killed", killed, emus=["qemu"], append="wait=6000", timeout=60,
       hv="console=com1 gdb=com2,wait loglevel=warn",
       expect=[r"gdb does not answer", r"guest points: \d+ passed, 0 failed"])


REAL = 0xd000   # POINTS_REAL of lib/points.h


def level2(guest, c):
    """Points in an L2, while it has its own; L1's exit handler; real mode."""
    sym = symbols(guest)
    at = {k: f"*{sym[k]:#x}" for k in ("l2_probe", "l2_last", "exited")}
    watch = [f"watch {word(sym, n)}" for n in (0, 2, 4, 6, 7)]
    real = sym["real_probe"] - sym["real_points"]
    with Session(c) as s:
        out = s.gdb("set schedule-multiple on", "monitor uncatch l2-end",
                    "monitor catch entry", GO,
                    "monitor uncatch all", f"break {at['l2_probe']}", GO,
                    "info threads", *watch, f"rwatch {word(sym, 3)}",
                    f"awatch {word(sym, 5)}", *[GO] * 8,
                    f"hbreak {at['l2_last']}", GO, "p/x $dr7", "delete",
                    "thread 1.1", f"break {at['exited']}", GO, "info threads",
                    # an L2 in real mode, with an INT3 and traps of its own
                    "delete", f"break *{sym['die']:#x}",
                    f"hbreak *{sym['die'] + 1:#x}", "monitor catch entry", GO,
                    GO, "p/x $pc", "p/x $cs_base", "monitor uncatch all",
                    f"break *{REAL + real:#x}", GO, "p/x $pc", "p/x $dr7",
                    # gdb does not know that it is there, the stub does
                    "monitor catch exception 6", GO, "delete",
                    "monitor uncatch all", "monitor catch shutdown", GO,
                    "monitor nocatch all", GO)
        want(out, r"CPU 0: enters L2", r"Breakpoint 1, ", r"\* 2\.1",
             r"watchpoint 2: .*\n.*\nOld value = 0\nNew value = 10",
             r"watchpoint 3: .*\n.*\nOld value = 0\nNew value = 12",
             r"read watchpoint 7: .*\n.*\nValue = 0",
             r"watchpoint 4: .*\n.*\nOld value = 0\nNew value = 14",
             r"watchpoint 8: .*\n.*\nValue = 0",
             r"watchpoint 8: .*\n.*\nOld value = 0\nNew value = 15",
             r"watchpoint 5: .*\n.*\nOld value = 0\nNew value = 16",
             r"watchpoint 6: .*\n.*\nOld value = 0\nNew value = 7",
             r"Breakpoint 9, ", r"= 0xd0401", r"Breakpoint 10, ",
             r"\* 1\.1 .*CPU 0 L1", r"enters L2", r"enters L2", r"= 0x0$",
             rf"= {REAL:#x}$", r"SIGTRAP", rf"= {real:#x}$", r"= 0x400$",
             r"L2 exception 6 at",
             r"triple fault of L2", r"closed|exited")
        s.ends()


for emulator, guest in (("bochs", "vmx-points"), ("qemu", "svm-points")):
    case("gdb-l2-points", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=90, forbid=[r"^FAIL "],
         expect=[rf"guest {guest}: \d+ passed, 0 failed"],
         run=functools.partial(level2, guest))


def detached(guest, c):
    """The detach of an L2 leaves L1's breakpoints; they are not set anew."""
    at = {k: f"*{v:#x}" for k, v in symbols(guest).items()}
    with Session(c) as s:
        out = s.gdb("set schedule-multiple on", "monitor catch entry", GO,
                    "monitor uncatch all", "set breakpoint always-inserted on",
                    f"break {at['l2_last']}", "thread 1.1",
                    f"break {at['exited']}", f"hbreak {at['points_check']}",
                    "detach inferiors 2", "set debug remote 1", GO,
                    "set debug remote 0", "p/x $pc", GO, "p/x $pc", "delete",
                    GO)
        want(out, r"CPU 0: enters L2", r"Breakpoint 1 at", r"Breakpoint 2 at",
             r"breakpoint 3 at", r"Inferior 2 .*detached",
             r"Breakpoint 2, ", rf"= 0x0*{at['exited'][3:]}$",
             r"Breakpoint 3, ", rf"= 0x0*{at['points_check'][3:]}$",
             r"closed|exited")
        again = re.search(rf"Sending packet: .*Z[01],{at['exited'][3:]}", out)
        if again:
            raise Failure(f"gdb has set it anew: {again.group()}")
        s.ends()


case("gdb-l2-detach", emus=["qemu"], l1=path("guests/svm-points.elf"),
     hv="console=com1 gdb=com2,wait", timeout=30, forbid=[r"^FAIL "],
     expect=[r"guest svm-points: \d+ passed, 0 failed"],
     run=functools.partial(detached, "svm-points"))


def hidden(c):
    """L1 and L2 read and rewrite code that has a breakpoint (EPT): they see
    their own bytes, and it is hit each time."""
    sym = symbols("vmx-points")
    at = f"*{sym['code_own']:#x}"
    with Session(c) as s:
        out = s.gdb(f"break {at}", *[GO, f"x/bx {at[1:]}"] * 4, "delete",
                    "monitor catch entry", GO, "monitor uncatch all",
                    f"break {at}", *[GO, f"x/bx {at[1:]}", "info threads"] * 4,
                    "delete", GO)
        bytes_ = ("b8", "b8", "b9", "b8")
        want(out, *[part for b in bytes_ for part in
                    (r"Breakpoint 1, ", rf":\t0x{b}$")],
             r"enters L2", *[part for b in bytes_ for part in
                             (r"Breakpoint 2, ", rf":\t0x{b}$", r"CPU 0 L2")],
             r"closed|exited")
        s.ends()


case("gdb-hidden", emus=["bochs"], l1=path("guests/vmx-points.elf"),
     append="code", hv="console=com1 gdb=com2,wait", timeout=40,
     forbid=[r"^FAIL "], expect=[r"guest vmx-points: \d+ passed, 0 failed"],
     run=hidden)

ROUNDS = 4      # of tests/guests/watch-cpus.c
GO_AT = 36


def two_cpus(c):
    """Two CPUs write in a page that is watched by its rights: every hit is
    told once, by its thread."""
    page = symbols("watch-cpus")["watched_page"]
    with Session(c) as s:
        out = s.gdb(*[f"watch *(int (*)[3])({page + 12 * n:#x})"
                      for n in (0, 1)],
                    *[GO] * (2 * ROUNDS), "info threads",
                    # still watched: Ctrl-C comes through
                    "shell echo goes", GO,
                    f"set *(int *){page + GO_AT:#x} = 1", "delete", GO,
                    interrupt=(1,))
        want(out, r"CPU 0 L1", r"CPU 1 L1", r"SIGINT", r"closed|exited")
        s.ends()
    hits = re.findall(r"Thread (?:1\.)?(\d)\b.* hit Hardware watchpoint (\d): .*\n\n"
                      r"Old value = \{(\d+), 0, 0\}\n"
                      r"New value = \{(\d+), 0, 0\}", out)
    told = sorted(tuple(map(int, h)) for h in hits)
    if told != [(n, n, r, r + 1) for n in (1, 2) for r in range(ROUNDS)]:
        raise Failure(f"gdb told of {hits}")


case("gdb-watch-2cpus", cpus=2, l1=path("guests/watch-cpus.elf"),
     hv="console=com1 gdb=com2,wait", timeout=100, forbid=[r"^FAIL "],
     expect=[r"guest watch-cpus: \d+ passed, 0 failed"], run=two_cpus)
