# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Xen as a multiboot2 L1; its dom0 is paravirtual: no nesting."""
from case import LINUX_ARGS, case, path

# the l1 initrd checks itself in dom0, too, and powers the machine off
DOM0_ARGS = LINUX_ARGS.replace("console=ttyS0,115200", "console=hvc0")


def xen(name, words="", dom0="", initrd="l1.cpio", expect=(), **fields):
    case(name, l1=path("l1/xen"),
         append="placeholder com1=115200,8n1 console=com1 dom0_mem=384M "
                "loglvl=warning " + words,
         modules=[(path("l1/vmlinuz-xen"),
                   f"{DOM0_ARGS} quiet {dom0}"),
                  (path("l1", initrd), "")],
         expect=[r"^\[L1\] hypervisor below.*Xen", *expect,
                 r"^\[L1\] SUCCESS"],
         forbid=[r"^\[L1\] FAIL", r"Panic on CPU", r"Xen BUG"],
         mem=1024, **fields)


def domu(name, **fields):
    xen(f"xen-domu-{name}", dom0="abyme.xen", initrd="xen.cpio.lz4",
        expect=[r"^\[L2\] SUCCESS"], **fields)


xen("xen-dom0", timeout=120, emus=["qemu"])
xen("xen-dom0", timeout=240, emus=["bochs"])
domu("pvh", timeout=120, emus=["qemu"])
domu("pvh", timeout=500, emus=["bochs"], slow=True)
