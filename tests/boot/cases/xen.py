# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Xen as a multiboot2 L1; its dom0 is paravirtual: no nesting."""
from case import LINUX_ARGS, case, path

# the l1 initrd checks itself in dom0, too, and powers the machine off
DOM0_ARGS = LINUX_ARGS.replace("console=ttyS0,115200", "console=hvc0")


def xen(name, words="", dom0="", **fields):
    case(name, l1=path("l1/xen"),
         append="placeholder com1=115200,8n1 console=com1 dom0_mem=384M "
                "loglvl=warning noreboot=0 " + words,
         modules=[(path("l1/vmlinuz-xen"),
                   f"{DOM0_ARGS} quiet {dom0}"),
                  (path("l1/l1.cpio"), "")],
         expect=[r"^\[L1\] hypervisor below.*Xen", r"^\[L1\] SUCCESS"],
         forbid=[r"^\[L1\] FAIL", r"Panic on CPU", r"Xen BUG"],
         **fields)


xen("xen-dom0", mem=1024, timeout=120, emus=["qemu"])
xen("xen-dom0", mem=1024, timeout=240, emus=["bochs"], slow=True)
