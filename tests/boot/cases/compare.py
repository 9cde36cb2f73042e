# SPDX-License-Identifier: GPL-2.0-or-later
"""The same L1 bare and on Abyme: the same results but what is announced."""
import re

import emu
from case import Failure, case, linux, path

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


# --- guest "same": what a program can find out about its processor ----------
# MSRs that are not there for L1: SGX and VMX on AMD's, Processor Trace, hardware
# feedback, TSC ratio and SVM's where they are not offered. emulator fault:
# unknown MSRs read 0 when bare.
NOT_THERE = [(0x3a, 0x3a), (0x480, 0x493), (0x560, 0x561), (0x570, 0x572),
             (0x580, 0x587), (0x17d0, 0x17d4), (0xc0000104, 0xc0000104),
             (0xc0010114, 0xc0010118)]
# capability MSRs of VMX: controls (allowed-1 settings may go), and others of
# which bits may go; IA32_VMX_BASIC's revision and VMCS_ENUM are our own
CONTROLS = {0x481, 0x482, 0x483, 0x484, 0x48b, 0x48d, 0x48e, 0x48f, 0x490}
FEWER_BITS = {0x485, 0x489, 0x48c}
OWN_BITS = {0x480: 0x7fffffff, 0x48a: 0x3ff}
# CPUID: SVM's features are the nested layer's; no memory encryption
OWN_LEAVES = {"8000000a", "8000001f"}


def found(result):
    """{what: value}; MSRs by their number, None for #GP, 0 left out."""
    out, gp = {}, None
    for line in result.lines:
        words = line.split()
        if words[:1] != ["same:"]:
            continue
        if words[1] != "msr":
            out.setdefault(" ".join(words[1:3]), []).append(words[3:])
        elif words[2:] == ["to", "the", "end", "#GP"]:
            out.update(dict.fromkeys(range(gp, (gp | 0x1fff) + 1)))
        elif words[2] == "to":
            out.update(dict.fromkeys(range(gp, int(words[3], 16) + 1)))
        else:
            gp = int(words[2], 16)
            out[gp] = None if words[3] == "#GP" else int(words[3], 16)
    return out


def explained(key, bare, nested):
    """Is it one of the differences that are announced?"""
    if isinstance(key, str):
        leaf = re.match(r"cpuid (\w+)\.", key)
        return leaf is not None and leaf.group(1) in OWN_LEAVES
    if nested is None:
        return any(a <= key <= b for a, b in NOT_THERE)
    if bare is None:
        return False
    if key in CONTROLS:
        return not nested & ~bare and not (nested ^ bare) & 0xffffffff
    if key in FEWER_BITS:
        return not nested & ~bare
    return not (nested ^ bare) & ~OWN_BITS.get(key, 0)


def text(key, value):
    name = key if isinstance(key, str) else f"MSR {key:x}"
    return f"{name} {'#GP' if value is None else value}"


def processor(c):
    bare = found(c.boot("-bare", bare=True))
    nested = found(c.boot("-abyme"))
    differ = [k for k in {**bare, **nested}
              if bare.get(k, 0) != nested.get(k, 0)]
    for k in differ:
        a, b = bare.get(k, 0), nested.get(k, 0)
        if not explained(k, a, b):
            raise Failure(f"bare {text(k, a)}, on Abyme {text(k, b)}")
    if len(bare) < 100:
        raise Failure(f"the guest has found {len(bare)} things only")
    return f"{len(bare)} things, {len(differ)} differ as announced"


def same_processor(name, emus, slow=0, cpu=None):
    case(f"same-processor{name}", emus=emus, l1=path("guests/same.elf"),
         hv="console=com1 hide=1", run=processor, timeout=60, slow=slow,
         cpu=cpu)


same_processor("", ["qemu", "bochs", "bochs-svm"])
same_processor("-skylake", ["bochs"], slow=40, cpu="corei7_skylake_x")
same_processor("-tigerlake", ["bochs"], slow=40, cpu="tigerlake")
