# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person gets wrong: each ends in a message that names it."""
import os

import emu
from case import case, path


def made(name, data):
    """A file to be given as L1 or module."""
    p = path("boot-test", "in", name)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    with open(p, "wb") as f:
        f.write(data)
    return p


def start_of(file, length):
    if not os.path.exists(file):
        return b""
    with open(file, "rb") as f:
        return f.read(length)


def refused(name, message, l1=path("l1/vmlinuz"), modules=None, **fields):
    if modules is None:
        modules = [(path("l1/l1.cpio"), "")]
    fields = {"emus": ["qemu"], "timeout": 15, **fields}
    case(f"refused-{name}", l1=l1, modules=modules, expect=[message],
         forbid=[r"\[    0\.0"], stop=emu.STOPPED, **fields)


refused("unknown-option", r"^abyme: .*colour", emus=["qemu", "bochs"],
        hv="console=com1 colour=red")
refused("bad-value", r"^abyme: .*loglevel", hv="console=com1 loglevel=loud")
refused("no-value", r"^abyme: .*memory", hv="console=com1 memory=")
refused("bare-word", r"^abyme: .*nonsense", hv="console=com1 nonsense")
refused("bad-feature", r"^abyme: .*nosuch",
        hv="console=com1 svm.features=-nosuch")
refused("memory-too-much", r"^abyme: .*memory", hv="console=com1 memory=9999")
refused("old-processor", r"^abyme: missing: VMX: extended page tables",
        emus=["bochs"], cpu="core2_penryn_t9600")
refused("no-module", r"^abyme: .*module", l1=None, modules=[])
refused("text-as-kernel", r"^abyme: ", modules=[],
        l1=made("notes.txt", b"This is not a kernel.\n" * 50))
refused("empty-kernel", r"^abyme: ", l1=made("empty", b""), modules=[])
refused("half-kernel", r"^abyme: ",
        l1=made("half", start_of(path("l1/vmlinuz"), 900)), modules=[])
refused("cut-kernel", r"^abyme: ",
        l1=made("cut", start_of(path("l1/vmlinuz"), 3 << 20)), modules=[])
refused("half-elf", r"^abyme: ",
        l1=made("half.elf", start_of(path("abyme.elf"), 4096 + 200)),
        modules=[])
refused("foreign-elf", r"^abyme: ", modules=[],
        l1=made("foreign.elf", b"\x7fELF\x02\x01\x01" + bytes(9) +
                b"\x02\0\xb7\0\1\0\0\0" + bytes(8000)))
