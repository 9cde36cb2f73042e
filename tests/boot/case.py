# SPDX-License-Identifier: GPL-2.0-or-later
"""What a boot test is: a table row, or a row with a function of its own."""
import os
import re

import emu
import mkiso

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("B", "build")
# the ciphers' self-tests alone are half of the kernel's boot in Bochs
LINUX_ARGS = ("console=ttyS0,115200 nokaslr mitigations=off tsc=reliable "
              "no_timer_check 8250.nr_uarts=1 panic=-1 cryptomgr.notests")

# emulator fault: Bochs' MWAITX never wakes by its timer; Linux delays by it.
# Its XRSTOR takes what KVM swaps in for bad ("Reserved header3 state"): Linux
# then begins with a fresh FPU state, and QEMU with zeros in its registers.
EMULATOR_ARGS = {"bochs-svm": "clearcpuid=mwaitx noxsave"}

# to try the tests themselves: the same L1s without Abyme
BARE = bool(os.environ.get("BARE"))

# how much slower a machine may be than the one the timeouts were tried on
SLACK = float(os.environ.get("TIMEOUT_SCALE", "2"))
PATIENCE = 4.0

CASES = []


class Skip(Exception):
    """This test cannot be had here; the text says why."""


class Failure(Exception):
    """The text says what went wrong."""


def path(*parts):
    return os.path.join(ROOT, BUILD, *parts)


class Case:
    """A test.

    emus: one case for each.  timeout: seconds of CPU time.
    l1, append, modules [(file, args)], hv: what GRUB loads.
    expect, forbid: regular expressions for lines of the console.
    order: the expected lines must come in the order given.
    stop: a line that ends the run, when it came for the times-th time;
    without it the machine must end by itself.
    bare: without Abyme.  check(case, result): a further look at the console.
    slow: only with FULL=1; the seconds it took, with the cores shared.
    run(case): in the place of one boot; it boots what it likes.
    """
    DEFAULTS = dict(
        emus=("qemu", "bochs"), cpus=1, mem=None, uefi=False, cpu=None,
        l1=None, append="", modules=(), hv="console=com1", bare=False,
        expect=(), forbid=(), order=False, stop=None, times=1, timeout=60,
        check=None, run=None, extra=(), panic=False, slow=0)

    def __init__(self, name, emulator, **fields):
        unknown = set(fields) - set(self.DEFAULTS)
        assert not unknown, f"{name}: {unknown}"
        for key, value in {**self.DEFAULTS, **fields}.items():
            setattr(self, key, value)
        self.name = f"{name}/{emulator}"
        self.emu = emulator

    def file(self, suffix):
        return path("boot-test", self.name.replace("/", "-") + suffix)

    def boot(self, part="", **changes):
        """One boot, as the row says but for the changes; its Result."""
        row = {k: changes.get(k, getattr(self, k)) for k in self.DEFAULTS}
        machine = emu.Machine(self.emu, self.file(part + ".iso"), row["cpus"],
                              row["mem"], row["uefi"], row["cpu"],
                              extra=row["extra"])
        why = machine.unavailable()
        if why:
            raise Skip(why)
        mkiso.build(machine.iso, row["l1"], row["append"], row["modules"],
                    None if row["bare"] or BARE else path("abyme.elf"), row["hv"])
        result = emu.Run(machine, row["timeout"] * SLACK, PATIENCE,
                         row["stop"], row["times"],
                         log=self.file(part + ".log")).go()
        os.unlink(machine.iso)
        self.last = result
        judge(row, result)
        return result

    def go(self):
        """Returns a note for the report, or raises Skip or Failure."""
        self.last = None
        if self.slow and not os.environ.get("FULL"):
            raise Skip(f"slow: {self.slow} s; FULL=1 runs it")
        if self.run:
            return self.run(self)
        result = self.boot()
        return self.check(self, result) if self.check else None


def find(result, pattern, begin=0):
    for i, line in enumerate(result.lines[begin:], begin):
        if re.search(pattern, line):
            return i
    return None


def judge(row, result):
    """Raise Failure unless the run went as the row says."""
    for pattern in row["forbid"]:
        at = find(result, pattern)
        if at is not None:
            raise Failure(f"a line that must not be: {result.lines[at]}")
    if result.why == "panic" and not row["panic"]:
        raise Failure(result.lines[find(result, emu.PANIC)])
    begin = 0
    for pattern in row["expect"]:
        at = find(result, pattern, begin)
        if at is None:
            raise Failure(f"no line like: {pattern} ({ended(row, result)})")
        if row["order"]:
            begin = at + 1
    wanted = "stop" if row["stop"] else "panic" if row["panic"] else "exit"
    if result.why != wanted:
        raise Failure(ended(row, result))


def ended(row, result):
    if result.why == "timeout":
        return f"not at its end after {row['timeout'] * SLACK:.0f} s"
    return f"how the run ended: {emu.ENDS[result.why]}"


def case(name, emus=Case.DEFAULTS["emus"], **fields):
    for emulator in emus:
        CASES.append(Case(name, emulator, **fields))


def linux(name, words="", emus=Case.DEFAULTS["emus"], **fields):
    """Debian's kernel to userland and to its power-off."""
    for emulator in emus:
        row = dict(
            l1=path("l1/vmlinuz"), modules=[(path("l1/l1.cpio"), "")],
            append=" ".join([LINUX_ARGS, EMULATOR_ARGS.get(emulator, ""),
                             "quiet", f"abyme.cpus={fields.get('cpus', 1)}",
                             words]),
            expect=[r"^\[L1\] SUCCESS"], forbid=[r"^\[L[12]\] FAIL"])
        row.update(fields)
        CASES.append(Case(name, emulator, **row))
