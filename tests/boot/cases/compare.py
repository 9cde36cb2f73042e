# SPDX-License-Identifier: GPL-2.0-or-later
"""The same L1 bare and on Abyme: the same results but what is announced."""
import re

import emu
from case import Failure, linux

# CPUID's announced differences, in Linux' words: the hypervisor bit, SMX and
# SKINIT, and virtualization features, which the nested layer has its own set
# of
OFFERED = set("""vmx smx tpr_shadow flexpriority ept vpid ept_ad vnmi
    svm skinit npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid
    decodeassists pausefilter pfthreshold avic v_vmsave_vmload vgif x2avic
    v_spec_ctrl svme_addr_chk""".split())
MAY_COME = OFFERED | {"hypervisor"}
MAY_GO = OFFERED
# these follow the clock, not the CPU
IGNORED_KEYS = {"cpu MHz", "bogomips", "flags", "vmx flags"}
# Linux judges these by whether it sees a hypervisor
BUGS = {"bhi", "its", "vmscape"}
TIMING = r"tsc: |APIC calibration|hpet: Lost|clocksource: |.*APIC timer"
# the most that L0 may keep
L0_MEMORY_MAX = 128 << 20


def section(result, name):
    try:
        begin = result.lines.index(f"=== BEGIN {name}")
        end = result.lines.index(f"=== END {name}", begin)
    except ValueError:
        raise Failure(f"no report of {name}")
    return result.lines[begin + 1:end]


def cpuinfo(result, hidden):
    rows = [re.split(r"\s*: ?", line, 1)
            for line in section(result, "cpuinfo") if ":" in line]
    for row in rows:
        if row[0] == "bugs" and not hidden:
            row[1] = sorted(set(row[1].split()) - BUGS)
    return ([r for r in rows if r[0] not in IGNORED_KEYS],
            [set(r[1].split()) for r in rows if r[0] == "flags"])


def compare_cpuinfo(bare, nested, hidden):
    (rows_a, flags_a), (rows_b, flags_b) = (cpuinfo(r, hidden)
                                            for r in (bare, nested))
    for a, b in zip(rows_a, rows_b):
        if a != b:
            raise Failure(f"/proc/cpuinfo: bare {a}, on Abyme {b}")
    if len(rows_a) != len(rows_b):
        raise Failure("/proc/cpuinfo: not the same number of lines")
    for a, b in zip(flags_a, flags_b):
        if hidden and b - a - OFFERED:
            raise Failure(f"CPU flags with hide=1: {b - a - OFFERED}")
        if b - a - MAY_COME or a - b - MAY_GO:
            raise Failure(f"CPU flags: new {sorted(b - a - MAY_COME)}, "
                          f"gone {sorted(a - b - MAY_GO)}")


def complaints(result):
    """What the kernel said at level warning and worse, without numbers."""
    out = set()
    for line in section(result, "dmesg"):
        m = re.match(r"<(\d+)>\[[^]]*\] (.*)", line)
        if m and int(m.group(1)) & 7 <= 4:
            out.add(re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{4,}\b|\d+", "#",
                           m.group(2)))
    return out


def compare_dmesg(case, bare, nested):
    new = complaints(nested) - complaints(bare)
    if case.emu == "qemu" and not case.extra:
        # its clock is the host's: how the timers agree depends on the load
        new = {line for line in new if not re.match(TIMING, line)}
    if new:
        raise Failure("new in dmesg: " + "; ".join(sorted(new)))


def work(result):
    return [line for line in result.lines if line.startswith("[L1] WORK")]


def usable(result):
    """Bytes of RAM in the map that the loader gave."""
    total = 0
    for line in section(result, "dmesg"):
        m = re.search(r"BIOS-e820: \[mem 0x(\w+)-0x(\w+)\] usable", line)
        if m:
            total += int(m.group(2), 16) - int(m.group(1), 16) + 1
    return total


def compare_memory(bare, nested):
    lost = usable(bare) - usable(nested)
    if not 0 < lost <= L0_MEMORY_MAX:
        raise Failure(f"L1 has {lost >> 10} KiB less than bare")
    return f"L0 keeps {lost >> 20} MiB"


def boot_cost(bare, nested):
    """From power-on to userland by the TSC, which counts instructions."""
    def tsc(result):
        for line in result.lines:
            m = re.match(r"\[L1\] TSC at userland: (\d+)", line)
            if m:
                return int(m.group(1))
        raise Failure("no TSC on the console")
    a, b = tsc(bare), tsc(nested)
    return f"TSC at userland bare={a} abyme={b} ({(b - a) * 100 / a:+.2f} %)"


def compare(case):
    bare = case.boot("-bare", bare=True)
    nested = case.boot("-abyme")
    if work(bare) != work(nested) or not work(bare):
        raise Failure(f"results: bare {work(bare)}, on Abyme {work(nested)}")
    compare_cpuinfo(bare, nested, "hide=1" in case.hv)
    compare_dmesg(case, bare, nested)
    if section(bare, "mtrr") != section(nested, "mtrr"):
        raise Failure("/proc/mtrr differs")
    note = compare_memory(bare, nested)
    if case.cpus == 1:
        note += "; " + boot_cost(bare, nested)
    return note


linux("same-as-bare", "abyme.work abyme.report", run=compare, emus=["qemu"],
      timeout=100, extra=emu.ICOUNT)
# QEMU shows a hypervisor when bare: only here can hide=1 be told
linux("same-as-bare", "abyme.work abyme.report", run=compare, emus=["bochs"],
      hv="console=com1 hide=1", timeout=90)
linux("same-as-bare-2cpus", "abyme.work abyme.report", run=compare, cpus=2,
      emus=["qemu"], timeout=60)
