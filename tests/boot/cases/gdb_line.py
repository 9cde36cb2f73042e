# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub's serial line: which port, how fast, hidden from L1; and what can be
said to it there."""
import os
import re

from case import Failure, case, path
from cases.gdb import GO, Session, case_dir, want


def other_port(c):
    """gdb on COM1, at another rate; the console on COM2."""
    with Session(c) as s:
        s.wait_for(r"abyme: gdb: on COM1, 57600 baud, waiting")
        out = s.gdb("p $pc", "continue", "p/x $eax", "monitor vcpu",
                    "continue")
        want(out, r"= \(void.*0x10", r"SIGSEGV", r"= 0xabe11e",
             r"CPU 0.*in L1")
        s.ends()


case("gdb-com1", emus=["qemu", "bochs"], l1=path("guests/triple.elf"),
     hv="console=com2 gdb=com1,57600,wait on-shutdown=poweroff", timeout=30,
     expect=[r"triple fault"], run=other_port)


def hidden_port(c):
    """L1 finds nobody on COM2, and cannot turn gdb's line off."""
    with Session(c) as s:
        s.wait_for(r"info: waits for gdb")
        out = s.gdb("set $go = &go", "info threads", *GO, "p/x *(int *)$go",
                    "set *(int *)$go = 1", "continue", interrupt=(1,),
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, r"CPU 0 L1", r"SIGINT", r"= 0x0$")
        s.ends()


case("gdb-hidden-port", emus=["qemu", "bochs"], l1=path("guests/uart.elf"),
     append="gdb", hv="console=com1 gdb=com2", timeout=30,
     forbid=[r"^FAIL "], expect=[r"^guest uart: \d\d passed, 0 failed"],
     run=hidden_port)


def lines(c):
    """`next` asks for a range, not for each instruction; what is called on the
    way, and a breakpoint in the range, end it."""
    with Session(c) as s:
        out = s.gdb("tbreak main", "continue", "set debug remote 1",
                    *["next"] * 5, "set debug remote 0", "p $pc",
                    "tbreak l2_run", "next", "p $pc", "continue",
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, r"main \(\) at .*svm-regs\.c", r"\tregs_of_l1\(\);$",
             r"\tregs_of_l1\(\);$", r"\tsvm_on\(\);$", r"\tl2_init",
             r"\tcheck_eq\(l2_run", r"= .*<main\+\d+>",
             r"breakpoint 2, l2_run", r"= .*<l2_run(\+\d+)?>")
        s.ends()
    ranges = len(re.findall(r"Sending packet: \$vCont;r", out))
    steps = len(re.findall(r"Sending packet: \$vCont;s", out))
    if ranges != 5 or steps:
        raise Failure(f"gdb asked for {ranges} ranges, {steps} single steps")


case("gdb-lines", emus=["qemu"], l1=path("guests/svm-regs.elf"),
     hv="console=com1 gdb=com2,wait", timeout=30, forbid=[r"^FAIL "],
     expect=[r"^guest .* passed, 0 failed"], run=lines)


# L1's instruction, L2's exits by name and by number, what L0 settles
EXITS = {
    "qemu": ("VMRUN", "npf", "NPF", "0x81", "VMMCALL"),
    "bochs": ("VMLAUNCH", "ept-violation", "EPT violation", "18", "VMCALL"),
}


def monitor(c):
    """All that monitor takes, wherever: in L1, in L1 behind its L2, in L2."""
    script = os.path.join(case_dir(), "gdb", "monitor.py")
    box = {"qemu": ("vmcb", "cr0"), "bochs": ("vmcs", "CR0")}[c.emu]
    insn, fault, Fault, number, call = EXITS[c.emu]
    with Session(c) as s:
        out = s.gdb(f"source {script}", "monitor catch exit cpuid",
                    "continue", "monitor uncatch exit cpuid",
                    f"python commands({box}, 'L1')",
                    f"monitor catch exit {insn}", "monitor catch", "continue",
                    f"monitor uncatch exit {insn}",
                    f"monitor catch exit {fault}",
                    "continue", f"monitor uncatch exit {fault}",
                    f"python commands({box}, 'L2')", "thread 1.1",
                    f"python commands({box}, 'L1 behind')",
                    f"monitor catch exit {number}", "monitor catch",
                    "continue", "monitor uncatch all",
                    "monitor catch exit all", *["continue"] * 3,
                    "monitor uncatch all", "monitor catch entry", "continue",
                    "monitor uncatch all", "continue")
        want(out, r"^MONITOR L1: 0 wrong$", rf"^exit {insn} \(\d+\)$",
             rf"^CPU 0: L1 exit {insn} at 0x10\w+$", r"SIGTRAP",
             rf"^CPU 0: L2 exit {Fault} at 0x10\w+$", r"SIGTRAP",
             r"^MONITOR L2: 0 wrong$", r"^MONITOR L1 behind: 0 wrong$",
             rf"^exit {call} \(\d+\)$", rf"^CPU 0: L2 exit {call} at 0x10\w+$",
             r"SIGTRAP", *[r"^CPU 0: L[12] exit \w[\w ]+ at 0x\w+$",
                           r"SIGTRAP"] * 3,
             r"^CPU 0: enters L2 at 0x10\w+$", r"SIGTRAP")
        s.ends()


for emulator, guest in (("qemu", "svm-views"), ("bochs", "vmx-views")):
    case("gdb-monitor", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=60, forbid=[r"^FAIL "],
         expect=[r"^guest .* passed, 0 failed"], run=monitor)
