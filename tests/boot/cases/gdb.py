# SPDX-License-Identifier: GPL-2.0-or-later
"""The debug stub, with the real gdb in batch mode on COM2 or COM1."""
import fcntl
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import termios
import threading
import time

import emu
import mkiso
from case import (BARE, EMULATOR_ARGS, LINUX_ARGS, PATIENCE, ROOT, SLACK, Failure,
                  Skip, case, judge, path)

SCRIPT = os.path.join(ROOT, "docs", "abyme.gdb")
# Bochs: a byte on a serial line takes a ten-thousandth of its processor's
# instructions a second, and gdb has many; for an L1 with no clock of its own
QUICK_SERIAL = ["cpu: ips=10000000"]
WAIT = 300 * SLACK      # seconds on the clock for one line or one gdb


class Session:
    """A machine that runs in a thread; its console; gdb on its other port."""

    def __init__(self, c, **changes):
        self.case = c
        self.row = {k: changes.get(k, getattr(c, k)) for k in c.DEFAULTS}
        r = self.row
        if c.emu.startswith("bochs") and r["l1"].startswith(path("guests")):
            r["extra"] = [*r["extra"], *QUICK_SERIAL]
        machine = emu.Machine(c.emu, c.file(".iso"), r["cpus"], r["mem"],
                              r["uefi"], r["cpu"], extra=r["extra"],
                              gdb=int(re.search(r"gdb=com(\d)", r["hv"])[1]))
        why = machine.unavailable()
        if why or not shutil.which("gdb"):
            raise Skip(why or "gdb is not installed")
        if BARE:
            raise Skip("without Abyme there is no stub")
        mkiso.build(machine.iso, r["l1"], r["append"], r["modules"],
                    path("abyme.elf"), r["hv"])
        self.console = b""
        self.news = threading.Condition()
        self.started = threading.Event()
        self.run = emu.Run(machine, r["timeout"] * SLACK, PATIENCE,
                           r["stop"], r["times"], log=c.file(".log"),
                           echo=self.hear, started=self.start)
        self.log = open(c.file(".gdb"), "w", encoding="utf-8")
        self.thread = threading.Thread(target=self.go)
        self.result = None

    def go(self):
        try:
            self.result = self.run.go()
        finally:
            self.started.set()
            with self.news:
                self.news.notify_all()

    def hear(self, data):
        with self.news:
            self.console += data
            self.news.notify_all()

    def start(self, emulator):
        self.emulator = emulator
        self.started.set()

    def __enter__(self):
        self.thread.start()
        self.started.wait()
        end = time.monotonic() + WAIT
        while (not os.path.exists(self.emulator.gdb_socket())
               and self.thread.is_alive() and time.monotonic() < end):
            time.sleep(0.05)
        return self

    def __exit__(self, kind, *_):
        if kind and self.thread.is_alive():
            self.emulator.process.kill()
        self.thread.join()
        self.log.close()
        os.unlink(self.case.file(".iso"))
        self.case.last = self.result

    def text(self):
        return emu.clean(self.console.decode("utf-8", "replace"))

    def wait_for(self, pattern, since=0):
        """The match, once the console has it."""
        found = None

        def look():
            nonlocal found
            found = re.search(pattern, self.text()[since:], re.M)
            return found or not self.thread.is_alive()
        with self.news:
            if not self.news.wait_for(look, WAIT) or not found:
                raise Failure(f"the console never said: {pattern}")
        return found

    def type(self, line, pattern):
        """A line for L1's shell; the match of what it answers."""
        since = len(self.text())
        self.emulator.write(line.encode() + b"\n")
        return self.wait_for(pattern, since)

    def plain(self, pattern, send=b""):
        """gdb's port as a terminal sees it, until a line like that comes."""
        path = self.emulator.gdb_socket()
        end = time.monotonic() + WAIT
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.05)
        text = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(WAIT)
            sock.connect(path)
            sock.sendall(send)
            while not re.search(pattern.encode(), text):
                data = sock.recv(4096)
                if not data:
                    raise Failure(f"the port never said: {pattern}")
                text += data
        self.log.write(text.decode(errors="replace"))
        return text

    def gdb(self, *commands, interrupt=(), kill=False, elf=None, goes=None):
        """What gdb says. interrupt: seconds to each Ctrl-C, from the word
        "goes" on, which `shell echo goes` before a `continue` prints; goes:
        what is to be done then."""
        if not re.search(r"console=(com\d).*gdb=\1", self.row["hv"]):
            # before that nobody would answer
            self.wait_for(r"^abyme: gdb: on COM")
        cmd = ["gdb", "-nx", "-q", "-batch"] + ([elf] if elf else [])
        for word in ("set confirm off", "set width 0", f"source {SCRIPT}",
                     f"target remote {self.emulator.gdb_socket()}",
                     *commands):
            cmd += ["-ex", word]
        p = subprocess.Popen(emu.tied(cmd), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                             stdin=subprocess.DEVNULL,
                             start_new_session=True)
        timer = threading.Timer(WAIT, p.kill)
        timer.start()
        out, left = "", list(interrupt)
        for line in p.stdout:
            out += line
            self.log.write(line)
            self.log.flush()
            if line == "goes\n" and kill:
                time.sleep(2)
                p.kill()
            elif line == "goes\n" and left:
                time.sleep(left.pop(0))
                p.send_signal(signal.SIGINT)
            elif line == "goes\n" and goes:
                goes()
        p.wait()
        timer.cancel()
        if p.returncode == -signal.SIGKILL and not kill:
            raise Failure(f"gdb hung in: {'; '.join(commands)}")
        return out

    def ends(self):
        self.thread.join()
        judge(self.row, self.result)


def case_dir():
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def want(out, *patterns):
    """Each pattern in gdb's output, in this order."""
    at = 0
    for pattern in patterns:
        m = re.compile(pattern, re.M).search(out, at)
        if not m:
            raise Failure(f"gdb did not say {pattern}:\n      "
                          + "\n      ".join(out.splitlines()[-12:]))
        at = m.end()


def symbol(s, name):
    """A kernel symbol's address, from the running kernel itself."""
    m = s.type(f"grep -w {name} /proc/kallsyms",
               rf"^([0-9a-f]{{16}}) . {name}\s")
    return "0x" + m.group(1)


GO = ("shell echo goes", "continue")


def linux_session(c):
    with Session(c) as s:
        s.wait_for(r"a shell in L1")
        banner = symbol(s, "linux_banner")
        function = symbol(s, "__x64_sys_getppid")
        # attach while it idles; threads, registers, memory
        out = s.gdb("info threads", "p $cr0 & 0x80000001", "p/x $efer",
                    f"x/s {banner}", "x/2i $pc", "x/x 0x1000", "p/x $cs",
                    "p $xcr0", "p $ymm0", "info inferiors")
        want(out, *[rf"Thread 1\.{i + 1} .CPU {i} L1" for i in range(c.cpus)])
        want(out, r"= 2147483649", r"= 0x[d5]01",
             r'"Linux version 6', r"=> 0x", r"Cannot access memory",
             r"= 0x(10|33)", r"process 1")
        s.type("echo alive $((6*7))", r"^alive 42")
        # it runs, and Ctrl-C stops it; twice in one session
        out = s.gdb(*GO, "p/x $cs", *GO, "info threads", "detach",
                    interrupt=(2, 1))
        want(out, r"SIGINT", r"= 0x(10|33)", r"SIGINT", r"CPU 0 L1", r"detached")
        s.type("echo alive $((6*8))", r"^alive 48")
        time_goes_on(s)
        breakpoint_and_step(s, function)
        # gdb dies: L1 goes on, and the next gdb finds all well
        s.gdb(*GO, kill=True)
        s.type("echo alive $((6*9))", r"^alive 54")
        want(s.gdb("info threads"), r"CPU 0 L1")
        s.emulator.write(b"dmesg | grep -i uhhuh; poweroff -f\n")
        s.ends()
    return "attached, stopped, stepped, killed"


CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"


def time_goes_on(s):
    """In a stop, on all its clocks alike. In QEMU with one CPU there is no
    tsc=reliable: Linux compares the TSC with another clock twice a second."""
    clock = s.type(f"cat {CLOCK}", r"^(tsc\S*|hpet|acpi_pm)").group(1)
    begin = float(s.type("cut -d' ' -f1 /proc/uptime", r"^(\d+\.\d+)")[1])
    stopped = time.monotonic()
    s.gdb(*GO, "shell sleep 10", "p $pc", "detach", interrupt=(1,))
    stopped = time.monotonic() - stopped
    s.type("sleep 2; echo slept $((6*6))", r"^slept 36")
    s.type(f"cat {CLOCK}", rf"^{clock}\s")
    s.type("dmesg | grep -i 'unstable\\|skew\\|stall\\|lockup'; echo none "
           "$((5*5))", r"^none 25")
    end = float(s.type("cut -d' ' -f1 /proc/uptime", r"^(\d+\.\d+)")[1])
    # Bochs' clocks go by its instructions
    if s.case.emu == "qemu" and not 10 < end - begin < stopped + 60:
        raise Failure(f"L1's clock has gone from {begin} to {end}")


def breakpoint_and_step(s, function):
    """Under load: a shell that asks for its parent again and again."""
    m = s.type("sh -c 'while :; do sh -c :; done' & echo job $!",
               r"^job (\d+)")
    out = s.gdb(f"break *{function}", "continue", "p $pc",
                *["stepi"] * 3, "p $pc", "continue", "delete", "p $eflags",
                *["stepi"] * 50, "p/x $eflags & 0x100")
    want(out, r"Breakpoint 1, ", rf"= .*{function}", rf"= .*0xffffffff",
         r"Breakpoint 1, ", r"= 0x0$")
    s.type(f"kill {m.group(1)}; echo alive $((7*7))", r"^alive 49")


for emulator, cpus in (("qemu", 1), ("qemu", 2), ("bochs", 1)):
    case(f"gdb-linux{'-2cpus' if cpus > 1 else ''}", emus=[emulator],
         cpus=cpus, hv="console=com1 gdb=com2", timeout=150,
         l1=path("l1/vmlinuz"), modules=[(path("l1/l1.cpio"), "")],
         append=" ".join([LINUX_ARGS.replace("tsc=reliable ", "")
                          if (emulator, cpus) == ("qemu", 1) else LINUX_ARGS,
                          EMULATOR_ARGS.get(emulator, ""),
                          "quiet", f"abyme.cpus={cpus} abyme.shell"]),
         forbid=[r"^\[L1\] FAIL", r"Uhhuh", r"BUG:|Oops",
                 r"[Cc]locksource.*(unstable|skew)", r"Marking TSC unstable",
                 r"rcu.*stall|soft lockup"],
         run=linux_session)


def triple(c):
    """gdb=com2,wait; a triple fault freezes into the stub."""
    with Session(c) as s:
        out = s.gdb("p $pc", "p $cr0 & 0x80000000", "p/x $eax",
                    "continue", "p/x $eax", "p $idtr_limit", "x/i $pc",
                    "continue")
        want(out, r"= \(void.*0x10", r"= 0$", r"= 0x2badb002", r"SIGSEGV",
             r"= 0xabe11e", r"= 0$", r"int3")
        s.ends()


case("gdb-triple", emus=["qemu", "bochs"], l1=path("guests/triple.elf"),
     hv="console=com1 gdb=com2,wait on-shutdown=poweroff", timeout=30,
     expect=[r"triple fault"], run=triple)


def shared(c):
    """L0's console and gdb on one port: text, then packets."""
    with Session(c) as s:
        s.plain(r"abyme: gdb: on COM")
        time.sleep(1)
        out = s.gdb("p $pc", "continue", "p/x $eax", "continue")
        want(out, r"= \(void.*0x10", r"^abyme: vm0: CPU 0: triple fault",
             r"SIGSEGV", r"= 0xabe11e")
        s.ends()


def shared_detach(c):
    """After a detach the text is plain again; the next gdb finds all well."""
    with Session(c) as s:
        s.plain(r"abyme: gdb: on COM2")
        time.sleep(1)
        s.plain(r"\$T02[^$]*\$OK#9a[^$]*abyme: vm0: CPU 0: triple fault",
                send=b"$?#3f$D;1#b0")
        want(s.gdb("p/x $eax", "continue"), r"= 0xabe11e")
        s.ends()


for name, emus, go in (("gdb-shared", ["qemu", "bochs"], shared),
                       ("gdb-shared-detach", ["qemu", "bochs"],
                        shared_detach)):
    case(name, emus=emus, l1=path("guests/triple.elf"),
         hv="console=com2 gdb=com2,wait on-shutdown=poweroff", timeout=30,
         run=go)


HELP = ("help", "stats", "phys", "translate", "ept", "npt", "apic", "msr",
        "cpuid", "vmcb12", "vmcs12", "vmcb02", "vmcs02", "why", "trace",
        "catch", "step-into", "panic", "vcpu")
# what the bits of a field mean, in the L2 of svm-first and vmx-first
LISTS = {
    "qemu": (r"icpt|exitcode", r"cr0 .* PE .*PG"),
    "bochs": (r"PROC_CTLS .*HLT exiting", r"GUEST_CR0 .* PE .*PG"),
}


def entry_steps(c):
    """Steps over a VM entry, into its L2, and out again."""
    first, again, after = {
        "qemu": ("VMRUN", "VMRUN", "svm_vmrun_insn + 3"),
        "bochs": ("VMLAUNCH", "VMRESUME", "vmx_exit")}[c.emu]
    with Session(c) as s:
        # where, in L1's symbols
        out = s.gdb(f"set $after = (unsigned long)&{after}",
                    f"monitor catch exit {first}", "continue",
                    "monitor uncatch all", "stepi", "p $rip == $after",
                    f"monitor catch exit {again}", "continue",
                    "monitor uncatch all", "monitor step-into on",
                    "stepi", "code 1", "stepi", "code 1", "stepi", "stepi",
                    "code 1", "stepi", "info threads", "p $rip == $after",
                    "monitor step-into off", "detach",
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, rf"L1 exit {first}", r"= 1$", rf"L1 exit {again}",
             r"jmp", r"add +\$0x1,%rax", r"vmm?call", r"CPU 0 L1\)",
             r"= 1$")
        s.ends()


for emulator, guest in (("qemu", "svm-first"), ("bochs", "vmx-first")):
    case("gdb-step-entry", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=40, forbid=[r"^FAIL "],
         expect=[r"^guest .* passed, 0 failed"], run=entry_steps)


def terminal(command, steps):
    """A command on a terminal of its own: what it says, its status. steps: as
    soon as it has said that, these keys."""
    keys, tty = pty.openpty()
    p = subprocess.Popen(
        emu.tied(command), stdin=tty, stdout=tty, stderr=tty,
        start_new_session=True, env={**os.environ, "TERM": "dumb"},
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(tty)
    timer = threading.Timer(WAIT, p.kill)
    timer.start()
    out, at, left = "", 0, list(steps)
    with open(keys, "r+b", buffering=0) as keyboard:
        while data := read_tty(keyboard):
            out += data.decode(errors="replace")
            m = left and re.compile(left[0][0]).search(out, at)
            if m:
                at = m.end()
                time.sleep(1)
                keyboard.write(left.pop(0)[1].encode())
    timer.cancel()
    return out, p.wait()


def read_tty(tty):
    try:
        return tty.read(65536)
    except OSError:         # nobody has it open any more
        return b""


def debug_target(c):
    """What `make debug` runs, at a terminal: Ctrl-C is gdb's alone."""
    iso = c.file(".iso")
    mkiso.build(iso, c.l1, c.append, c.modules, path("abyme.elf"), c.hv)
    out, status = terminal(
        [os.path.join(ROOT, "tests", "boot", "run"), iso, "--emu", c.emu,
         "--gdb", "--symbols", c.l1, "--log", c.file(".log")],
        ((r"\(gdb\) ", "continue\n"), (r"Continuing\.", "\x03"),
         (r"SIGINT[^$]*\(gdb\) ", "info threads\n"),
         (r"CPU 0 L1[^$]*\(gdb\) ", "kill\n"), (r"\(y or n\) ", "y\n"),
         (r"killed\]\s+\(gdb\) ", "quit\n")))
    os.unlink(iso)
    want(out, r"run: gdb ", r"SIGINT", r"CPU 0 L1", r"killed\]")
    if status:
        raise Failure(f"its status is {status}")


case("gdb-terminal", emus=["qemu"], l1=path("guests/svm-stops.elf"),
     append="gdb", hv="console=com1 gdb=com2,wait", run=debug_target)


def two_levels(c):
    """Breakpoints in L1's exit handler and in its L2, both at a time."""
    elf = c.l1.replace("guests/", "guests/obj/")
    after = {"qemu": "svm_vmrun_insn + 3", "bochs": "vmx_exit"}[c.emu]
    with Session(c) as s:
        out = s.gdb("set $after = (unsigned long)&" + after,
                    "monitor catch entry", "continue", "monitor uncatch all",
                    "set $l2 = (unsigned long)$rip", "break *$l2",
                    "thread 1.1", "break *$after",
                    # in L1, which does not come there
                    "break *($l2 + 4)",
                    *["continue"] * 4, "echo away\\n", "info threads",
                    f"dump binary memory {c.file('.bin')} 0x100000 0x100c00",
                    f"restore {c.file('.bin')} binary 0x900000",
                    "p *(long *)0x900bf8 == *(long *)0x100bf8",
                    # disabled in one level, enabled in the other
                    "continue", "disable 1", "continue", "enable 1",
                    "monitor phys l1", "continue", "monitor phys off",
                    "continue", "echo deleted\\n", "delete 1", "continue",
                    "kill inferiors 2", "continue", "delete", "continue",
                    elf=elf)
        l1, l2 = r"Breakpoint 2, ", r"Breakpoint 1, "
        want(out, l1, l2, l1, r"^away", r"2\.1 .*<unavailable>",
             r"= 1$", l2, l1, l2, l1, r"^deleted", l1, l1)
        wrong = re.search(r"Cannot (remove|insert|access).*|^Error.*", out)
        if wrong or re.search(l2, out[out.index("\ndeleted\n"):]):
            raise Failure(wrong.group() if wrong else "it was not deleted")
        s.ends()


for emulator, guest in (("qemu", "svm-first"), ("bochs", "vmx-first")):
    case("gdb-two-levels", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=40, forbid=[r"^FAIL "],
         expect=[r"^guest .* passed, 0 failed"], run=two_levels)


def panic(c):
    """L0's own end: told to gdb, all is readable, nothing goes on."""
    with Session(c) as s:
        s.plain(r"abyme: gdb: on COM2")
        time.sleep(1)
        out = s.gdb("monitor panic", "monitor panic really", "p/x $eax",
                    "continue", "p/x $eax", "x/x $pc", "monitor vcpu",
                    "continue", "p/x $eax", "kill")
        want(out, r"usage: panic", r"= 0x2badb002",
             r"^abyme: PANIC: monitor panic", r"SIGSEGV", r"= 0x2badb002",
             r"^0x\w+( <.*>)?:\t0x", r"CPU 0.*in L1", r"SIGSEGV",
             r"= 0x2badb002")
        s.ends()


case("gdb-panic", emus=["qemu", "bochs"], l1=path("guests/triple.elf"),
     hv="console=com2 gdb=com2,wait on-shutdown=poweroff", timeout=30,
     run=panic)


def l2(c):
    """A catchpoint on VM entry; the L2 is an inferior of its own."""
    with Session(c) as s:
        out = s.gdb("monitor catch entry", "set schedule-multiple on",
                    "continue", "info threads", "p $rip", "x/i $rip",
                    # a page of L1's is watched from here on: flushes
                    "thread 1.1", "watch *(int (*)[3])0x8000", "thread 2.1",
                    "stepi", "delete",
                    "p/x $rax", "monitor vcpu", "monitor trace 3",
                    "monitor ept 0x100000", "monitor translate 0x100000",
                    "monitor vmcs12 icpt", "monitor vmcs12 PROC_CTLS",
                    "monitor vmcs02 cr0", "monitor vmcs02 CR0",
                    "monitor apic", "monitor help", "sysregs", "code 2",
                    "info inferiors", "thread 1", "x/i $pc",
                    # L1's thread, whose L2 runs: to L1's next instruction
                    "monitor uncatch all", "thread 1.1", "stepi", "thread",
                    "continue")
        want(out, r"CPU 0 L2", r"add +\$0x1,%rax", r"= 0x1$", r"in L2",
             r"enters L2",
             # the walk: L1's table (if it has one), ours, the folded one
             # (SVM walks it in L0's mode: 5 levels, which QEMU's CPU has)
             r"(ept|npt)01, root 0x",
             r"level 5 at 0x" if c.emu == "qemu" else r"level 4 at 0x",
             r"leads to host-physical 0x100000, rwx",
             r"CR3 0x", r"leads to L2-physical 0x100000",
             *(LISTS[c.emu]), r"APIC of CPU 0: .* xAPIC", r"SVR",
             *[rf"^{word} +\S" for word in HELP], r"^cr0 +0x8",
             r"^idtr_limit", r"add +\$0x2,%rbx", r"process 2",
             r"Current thread is 1\.1")
        s.ends()


def steps(c):
    """Every instruction of lib/steps.S, in L1 and in its L2."""
    script = os.path.join(case_dir(), "gdb", "steps.py")
    with Session(c) as s:
        out = s.gdb(f"source {script}", "python in_l1()", "python in_l2()",
                    "continue",
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, r"^STEPS L1: \d\d+ steps, 0 wrong$",
             r"^STEPS L2: \d\d+ steps, 0 wrong$")
        s.ends()


def step_modes(c):
    """The same for lib/steps_modes.S: all modes, rings, the ways between."""
    script = os.path.join(case_dir(), "gdb", "steps.py")
    vendor = {"qemu": "amd", "bochs": "intel"}[c.emu]
    with Session(c) as s:
        out = s.gdb(f"source {script}", f"python modes('{vendor}', 'L1')",
                    f"python modes('{vendor}', 'L2')", "continue",
                    elf=c.l1.replace("guests/", "guests/obj/"))
        want(out, r"^STEPS L1 modes: \d\d\d places, 0 wrong$",
             r"^STEPS L2 modes: \d\d\d places, 0 wrong$")
        s.ends()


def stops(c):
    """Ctrl-C in each place of lib/stops.h, and L1 goes on from there."""
    stages = 10 if "svm" in c.l1 else 7
    commands = ["set $go = &go", "set $stage = &stage"]
    held = []
    if c.cpus > 1:
        # CPU 0, which takes gdb's bytes, is held while the other one runs
        held = [1.5, 1.5]
        commands += [*GO, "set scheduler-locking on", "thread 1.2", *GO,
                     "set scheduler-locking off", "thread 1.1",
                     "echo held CPU let go\\n"]
    for _ in range(stages):
        # a step ends a halt; GIF and IF are 0: it goes nowhere else
        commands += [*GO, "p *$stage", "info threads", "p/x $eflags & 0x200",
                     "set *$go = 1", "stepi"]
    with Session(c) as s:
        out = s.gdb("info threads", *commands, "continue",
                    interrupt=(*held, *[1.2] * stages),
                    elf=c.l1.replace("guests/", "guests/obj/"))
        if held:
            want(out, r"(SIGINT[^$]*){2}^held CPU let go$")
        for i in range(stages):
            want(out, rf"SIGINT[^$]*^\$\d+ = {i + 1}$",
                 *[rf"CPU {n} L1" for n in range(c.cpus)], r"= 0x0$")
        want(out, *[r"CPU 0 L2"] * (5 if "svm" in c.l1 else 4))
        # others wait for their SIPI at first: those are no threads
        want(out, r"^\* 1 .*CPU 0 L1.*\n(?! .*CPU 1)")
        s.ends()


for emulator, guest, cpus in (("qemu", "svm", 1), ("qemu", "svm", 2),
                              ("bochs", "vmx", 1), ("bochs", "vmx", 2)):
    case(f"gdb-stops{'-2cpus' if cpus > 1 else ''}", emus=[emulator],
         cpus=cpus, l1=path(f"guests/{guest}-stops.elf"), append="gdb",
         hv="console=com1 gdb=com2,wait", timeout=60, forbid=[r"^FAIL "],
         expect=[r"^guest .* passed, 0 failed"], run=stops)


for emulator, guest in (("qemu", "svm-steps"), ("bochs", "vmx-steps")):
    case("gdb-steps", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=60,
         forbid=[r"^FAIL "], expect=[r"^guest .* passed, 0 failed"], run=steps)
    case("gdb-step-modes", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=120,
         forbid=[r"^FAIL "], expect=[r"^guest .* passed, 0 failed"],
         run=step_modes)


for emulator, guest in (("qemu", "svm-first"), ("bochs", "vmx-first")):
    case(f"gdb-l2", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=30,
         forbid=[r"^FAIL "], run=l2)


def l2s(c):
    """L2s are processes that come and go: their virtual CPUs belong together,
    new roots change nothing; gdb hears of each end, and goes on with L1."""
    elf = c.l1.replace("guests/", "guests/obj/")
    page = r"its vmc[bs]12 at 0x(\w+), L1's table for it at 0x(\w+)"
    with Session(c) as s:
        out = s.gdb("monitor catch entry",
                    *["continue", "monitor vcpu"] * 5,
                    "break *$rip", "echo made anew\\n", "continue", "continue",
                    "info inferiors", "echo off\\n",
                    "continue", "info breakpoints", "continue", "info threads",
                    "echo again\\n", "continue", "continue", "continue",
                    "monitor uncatch l2-end", "continue", "echo not told\\n",
                    elf=elf)
        told = re.findall(rf"^process (\d+), {page}", out, re.M)
        pids = [m[0] for m in told]
        pages, roots = (len({m[i] for m in told}) for i in (1, 2))
        if pids != ["2", "2", "3", "2", "2"] or (pages, roots) != (3, 3):
            raise Failure(f"the L2s are: {told}")
        want(out, r"New inferior 2", r"New inferior 3", r"^made anew",
             r"New Thread 4\.1", r"Inferior 3 .process 3. exited normally",
             r"process 2", r"<null>", r"process 4", r"^off",
             r"Inferior 2 .process 2. exited", r"Inferior 4 .process 4. exited",
             r"1\.1 .*CPU 0 L1\)", r"^again", r"New Thread 5\.1",
             r"process 5. exited", r"New Thread 6\.1")
        threads = out[out.index("CPU 0 L1)"):out.index("\nagain")]
        if "unavailable" in threads or "process 6. exited" in out:
            raise Failure("a process is there that has ended, or the reverse")
        s.ends()


for emulator, guest in (("qemu", "svm-l2s"), ("bochs", "vmx-l2s"),
                        ("bochs-svm", "svm-l2s")):
    case("gdb-l2s", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2,wait", timeout=40, forbid=[r"^FAIL "],
         expect=[r"^guest .* passed, 0 failed"], run=l2s)


def refused(c):
    """An entry that L0 refuses to L1 waits for gdb, which comes afterwards;
    then L1 goes on, refused entries and all."""
    with Session(c) as s:
        s.wait_for(r"abyme: gdb: on COM2")
        time.sleep(2 * SLACK)
        out = s.gdb("p $pc", "monitor why", "monitor uncatch entry-fail",
                    "detach")
        want(out, r"= \(void", r"was refused: .* does not hold", r"detached")
        s.ends()


for emulator, guest in (("qemu", "svm-checks"), ("bochs", "vmx-checks")):
    case("gdb-refused", emus=[emulator], l1=path(f"guests/{guest}.elf"),
         hv="console=com1 gdb=com2", timeout=60,
         expect=[r"^guest .* passed, 0 failed"], run=refused)


L2_COMMAND = ("qemu-system-x86_64 -L /usr/share/qemu -accel kvm -M pc -m 256 "
              "-cpu host -nodefaults -no-user-config -display none -no-reboot "
              "-kernel /l2/vmlinuz -initrd /l2/initrd -serial file:/tmp/l2 "
              "-append 'console=ttyS0 quiet nokaslr mitigations=off' &"
              ).encode()


# functions, what gdb is told, what it says. L1's mistake, made for it: ASID 0
# in its VMCB
SVM_MISTAKE = (
    (),
    ["monitor catch exit VMRUN", "continue", "code 1", "monitor phys l1",
     "p *(int *)($rax + 0x58)", "set *(int *)($rax + 0x58) = 0",
     "monitor phys off", "monitor uncatch all", "monitor catch entry-fail",
     "continue", "monitor why", "monitor vmcb12 asid"],
    [r"L1 exit VMRUN", r"vmrun", r"VM entry refused",
     r"asid.*does not hold; asid is 0", r"asid +00000000"])
# RFLAGS without bit 1 in its VMCS, when KVM writes it: of an instruction that
# it emulates
VMX_MISTAKE = (
    ("vmx_set_rflags",),
    ["thread 1.1", "break vmx_set_rflags", "continue", "p/x $rsi",
     "set $rsi = 0", "delete", "continue", "monitor why",
     "monitor vmcs12 GUEST_RFLAGS"],
    [r"hit Breakpoint 2, .* in vmx_set_rflags ", r"= 0x", r"VM entry refused",
     r"entry at 0xf{8}\w+ was refused: .*does not hold; GUEST_RFLAGS is 0x0",
     r"SIGSEGV", r"does not hold; GUEST_RFLAGS is 0x0",
     r"GUEST_RFLAGS +0"])

# module, exit handler, second stage, what shows the exit
KVM = {
    "qemu": ("kvm_amd", "svm_handle_exit", "npt", "vmcb12 exit",
             r"exitcode +\w+ \w+", SVM_MISTAKE),
    "bochs": ("kvm_intel", "vmx_handle_exit", "ept", "vmcs12 EXIT_",
              r"EXIT_REASON +0x\w+ \w+", VMX_MISTAKE),
}


def kernel_symbols(s, names):
    """A file for gdb: these functions of the running kernel."""
    lines = [s.type(f"grep -w {name} /proc/kallsyms",
                    rf"^([0-9a-f]{{16}} . {name})\s").group(1) + "\n"
             for name in names]
    elf = s.case.file(".syms")
    subprocess.run([os.path.join(ROOT, "docs", "kallsyms"), elf], check=True,
                   input="".join(lines), text=True)
    return elf


def kvm(c):
    """docs/debugging.md, "KVM": its exit handler, its L2, a refused entry."""
    module, handler, table, show, exit_line, mistake = KVM[c.emu]
    with Session(c) as s:
        s.wait_for(r"a shell in L1")
        s.type(f"for m in $(cat /lib/modules/{module}.order); do "
               "insmod /lib/modules/$m.ko; done; echo loaded $((6*7))",
               r"^loaded 42")
        elf = kernel_symbols(s, (handler, *mistake[0]))
        out = s.gdb(f"break {handler}", *GO, "info threads",
                    f"monitor {show}", "delete",
                    "monitor catch entry", "continue", "info threads",
                    "monitor uncatch entry",
                    # KVM has not given L2 that page yet
                    "break *0xfe05b", "continue", "p $rip", "delete",
                    "stepi", "code 2",
                    "walk $cs_base+$rip",
                    *mistake[1], "monitor uncatch all", elf=elf,
                    goes=lambda: s.emulator.write(L2_COMMAND + b"\n"))
        want(out, rf"^Breakpoint 1, .* in {handler} ",
             r"Thread 1\.1 .*CPU 0 L1",
             exit_line, r"enters L2", r"Thread .*CPU 0 L2",
             r"= .*0xe05b",
             # SeaBIOS asks whether it has been here before
             r"\bjne\b", rf"{table}12, root", r"leads to L1-physical",
             rf"{table}01, root", r"leads to host-physical",
             rf"{table}02", r"leads to host-physical", *mistake[2])
        s.wait_for(r"KVM: entry failed, hardware error 0x")
        s.type("echo alive $((6*9))", r"^alive 54")
        s.emulator.write(b"poweroff -f\n")
        s.ends()


for emulator, slow in (("qemu", 0), ("bochs", 137)):
    case("gdb-kvm", emus=[emulator], hv="console=com1 gdb=com2", timeout=200,
         l1=path("l1/vmlinuz"), modules=[(path("l1/kvm.cpio.lz4"), "")],
         append=f"{LINUX_ARGS} quiet abyme.cpus=1 abyme.shell",
         forbid=[r"BUG:|Oops"], run=kvm, slow=slow)
