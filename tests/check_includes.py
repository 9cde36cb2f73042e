#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which directory may include which: the architecture's arrows, checked."""
import os
import re
import sys

# Pure base headers of core that every part may use.
BASE = {
    "types.h", "err.h", "string.h", "printk.h", "x86.h", "msr.h", "insns.h",
    "spinlock.h", "options.h", "vcpu.h", "virt.h", "cpu.h", "smp.h", "idt.h",
    "panic.h", "insn.h", "trace.h", "task_switch.h", "cr.h", "power.h",
    "version.h", "cpuid_policy.h", "msr_policy.h", "run.h", "exit.h",
    "debug.h", "machine.h", "icr.h", "bits.h",
}
MAY = {
    "drivers": {"core-base", "drivers"},
    "mm": {"core-base", "mm"},
    "boot": {"core-base", "boot", "drivers", "mm"},
    "core": {"core-base", "core", "drivers", "mm"},
    "svm": {"core-base", "mm", "drivers", "svm"},
    "vmx": {"core-base", "mm", "drivers", "vmx"},
    "nested": {"core-base", "mm", "svm", "vmx", "nested"},
}
MAIN = os.path.join("core", "main.c")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def kind(path):
    top, _, rest = path.partition("/")
    if top == "core" and rest in BASE:
        return "core-base"
    return top


def vendor_mix(path, inc):
    """nested/svm_* may not see vmx/, nested/vmx_* may not see svm/."""
    name = os.path.basename(path)
    return (path.startswith("nested/")
            and ((name.startswith("svm") and inc.startswith("vmx/"))
                 or (name.startswith("vmx") and inc.startswith("svm/"))))


def main():
    bad = 0
    for top, allowed in MAY.items():
        for folder, _, files in os.walk(top):
            for name in sorted(files):
                path = os.path.join(folder, name)
                if path == MAIN or not name.endswith((".c", ".h", ".S")):
                    continue
                for n, line in enumerate(open(path, encoding="utf-8"), 1):
                    m = INCLUDE.match(line)
                    if not m:
                        continue
                    inc = m.group(1)
                    if not os.path.exists(inc):
                        print(f"{path}:{n}: {inc} is not named from the root")
                        bad += 1
                    elif kind(inc) not in allowed or vendor_mix(path, inc):
                        print(f"{path}:{n}: {top}/ may not include {inc}")
                        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
