# SPDX-License-Identifier: GPL-2.0-or-later
"""In gdb: each monitor command, with what it takes and with what it does not."""
import re

import gdb

# what no command takes: a usage line, and nothing else happens
WRONG = """phys|phys l3|phys l1 l2|phys off now|translate|translate zz
translate 1 2|translate 11112222333344445|ept|ept g|ept 1 2|npt|npt -1
msr|msr x|msr 100000000|msr 10 20|cpuid|cpuid x|cpuid 1 x|cpuid 1 2 3
cpuid 100000000|trace x|trace -1|trace 1 2|catch foo|catch exit
catch exit nonsense|catch exit 99999|catch exit -2|catch entry now
catch exception|catch exception 2|catch exception 18|catch exception 32
catch exception x|catch msr|catch msr x|catch msr 100000000|catch all
uncatch|uncatch foo|uncatch msr 123|uncatch exit|step-into
step-into maybe|step-into on off|panic|panic REALLY|panic really now"""
UNKNOWN = ("xyzzy", "hel", "helpme", "vmcb1", "vmcs120", "CATCH", "0", "$",
           "x" * 100, "vmcs12x exit")
TABLES = r"(ept|npt)01, root 0x[^$]*leads to host-physical 0x\w+, rwx"
# {0}: vmcb or vmcs, {1}: a register in it
SANE = (
    ("stats", r"^CPU 0: \d+ exits, \d+ L2 entries, \d+ reflected$[^$]*"
              r"^L0 uses \d+ KiB of \d+ KiB$"),
    ("ept 0x100000", TABLES), ("npt 100000", TABLES),
    ("ept 0x200000000000", r"."), ("npt fee00000", r"."),
    ("translate 0x100000", r"leads to host-physical 0x100000, rwx"),
    ("apic", r"^APIC of CPU 0: id 0x0, base 0xfee00000, xAPIC$[^$]*"
             r"^  SVR +\w{8}$[^$]*^  requested "),
    ("msr 0x10", r"^MSR 0x10: 0x\w+$"),
    ("msr 0xc0000080", r"^MSR 0xc0000080: 0x\w+$"),
    ("cpuid 0", r"^CPUID 0x0\.0x0 \(hardware\): eax \w{8} ebx \w{8} "
                r"ecx \w{8} edx \w{8}$"),
    ("cpuid 7 0", r"^CPUID 0x7\.0x0 "),
    ("cpuid 0x80000000", r"^CPUID 0x80000000\.0x0 .*: eax 8"),
    ("{0}", r"rip|RIP"), ("{0} {1}", r"."), ("{0}02", r"."), ("{0}12", r"."),
    ("why", r"^[^\n]+$"), ("trace", r"."), ("catch", r"entry-fail"),
    ("vcpu", r"^CPU 0, APIC id 0, in L[12], (SVM|VMX), requests 0x\w+$[^$]*"
             r"^rip 0x\w+ rflags 0x\w+ cr0 0x\w+ cr3 0x\w+ cr4 0x\w+ "
             r"efer 0x\w+$"),
)
# nothing is said, and all is well
QUIET = ("phys l1", "phys off", "step-into on", "step-into off",
         "catch exit all", "uncatch exit all", "catch entry", "uncatch entry",
         "catch shutdown", "uncatch shutdown", "catch exception 14",
         "uncatch exception 14", "catch msr 0x10", "uncatch msr 10",
         "uncatch entry-fail", "catch entry-fail", "{0}12 no-such-field",
         "{0}02 no-such-field", "{0} no-such-field")


def monitor(line):
    return gdb.execute(f"monitor {line}", to_string=True)


def state():
    return ([int(gdb.parse_and_eval(f"$r{r}")) for r in
             "ip ax bx cx dx si di bp sp 8 15".split()],
            bytes(gdb.selected_inferior().read_memory(0x100000, 64)),
            monitor("catch"), [t.ptid for t in gdb.selected_inferior().threads()])


def commands(box, where):
    """@box: what {0} and {1} are."""
    wrong = []

    def look(good, line, out):
        if not good or re.search(r"[^\n -~]", out):
            wrong.append(line)
            print(f"WRONG {where}: {line}: {out}")

    before = state()
    for line in re.split(r"[|\n]", WRONG):
        out = monitor(line)
        look(re.fullmatch(rf"usage: {line.split()[0]} .*\n", out), line, out)
    for line in UNKNOWN:
        out = monitor(line)
        look(out == "unknown command; try: monitor help\n", line, out)
    for line, pattern in SANE:
        out = monitor(line.format(*box))
        look(re.search(pattern, out, re.M) and "usage" not in out, line, out)
    for line in QUIET:
        out = monitor(line.format(*box))
        look(not out, line, out)
    listed = re.findall(r"^([\w-]+) +\S.*$", monitor("help"), re.M)
    tried = {re.split(r"\W", line.format(*box))[0] for line in
             [*re.split(r"[|\n]", WRONG), *(s[0] for s in SANE), *QUIET]}
    for word in listed:
        known = word.split("-")[0] in tried or word in (
            "help", "nocatch", "vmcb", "vmcs", "vmcb12", "vmcs12", "vmcb02",
            "vmcs02")
        look(known, word, "a command that is not tried")
    for n in (0, 1, 5):
        out = monitor(f"trace {n}")
        look(len(out.splitlines()) <= n, f"trace {n}", out)
    if state() != before:
        look(False, "state", f"{before} has become {state()}")
    print(f"MONITOR {where}: {len(wrong)} wrong")
