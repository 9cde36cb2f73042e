# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Xen as a multiboot2 L1; its dom0 is paravirtual: no nesting."""
from case import LINUX_ARGS, case, path

# the l1 initrd checks itself in dom0, too, and powers the machine off
DOM0_ARGS = LINUX_ARGS.replace("console=ttyS0,115200", "console=hvc0")


# what Xen says at its boot of the VMX or SVM that it finds
FOUND = {
    "bochs": [r"\(XEN\) VMX: Supported advanced features",
              r"\(XEN\)  - Extended Page Tables \(EPT\)",
              r"\(XEN\)  - Virtual-Processor Identifiers \(VPID\)",
              r"\(XEN\)  - Unrestricted Guest",
              r"\(XEN\) HVM: VMX enabled"],
    "qemu": [r"\(XEN\) SVM: Supported advanced features",
             r"\(XEN\)  - Nested Page Tables \(NPT\)",
             r"\(XEN\) HVM: SVM enabled"],
}


# emulator faults: in Bochs 2.7 the LDR of a second processor reads 0 in x2APIC
# mode, so that Xen must not address by it; and MWAIT may sleep on, since
# MONITOR has taken another address, when another processor makes the store
# that Xen sends in the place of an interrupt.
SMP_WORDS = {"bochs": "x2apic_phys=1 mwait-idle=0 "}


def xen(name, emu, words="", dom0="", initrd="l1.cpio", expect=(), **fields):
    if fields.get("cpus", 1) > 1:
        words += SMP_WORDS.get(emu, "")
    case(name, emus=[emu], l1=path("l1/xen"),
         append="placeholder com1=115200,8n1 console=com1 dom0_mem=384M "
                "loglvl=warning " + words,
         modules=[(path("l1/vmlinuz-xen"),
                   f"{DOM0_ARGS} quiet {dom0}"),
                  (path("l1", initrd), "")],
         expect=[*FOUND[emu], r"^\[L1\] hypervisor below.*Xen", *expect,
                 r"^\[L1\] SUCCESS"],
         forbid=[r"^\[L1\] FAIL", r"Panic on CPU", r"Xen BUG"],
         mem=1024, **fields)


def domu(name, emu, words="", kind="pvh", initrd="xen.cpio.lz4", **fields):
    xen(f"xen-domu-{name}", emu, dom0=f"abyme.xen={kind} {words}",
        initrd=initrd, expect=[r"^\[L2\] SUCCESS"], **fields)


def hvm(name, emu, words="", **fields):
    """A guest with QEMU, hvmloader and SeaBIOS in its machine."""
    domu(name, emu, words, kind="hvm", initrd="xen-hvm.cpio.lz4", **fields)


xen("xen-dom0", "qemu", timeout=120)
xen("xen-dom0", "bochs", timeout=240)
xen("xen-dom0-2cpus", "qemu", cpus=2, dom0="abyme.cpus=2", timeout=150)
xen("xen-dom0-2cpus", "bochs", cpus=2, dom0="abyme.cpus=2", timeout=400,
    slow=446)
domu("pvh", "qemu", timeout=120)
domu("pvh", "bochs", timeout=500, slow=255)
domu("pvh-2cpus", "qemu", "abyme.cpus=2 abyme.l2cpus=2", cpus=2, timeout=200)
hvm("hvm", "qemu", timeout=200)
# emulator fault: in Bochs 2.7 CS is a data segment when real mode is left, and
# Xen does not emulate the instruction that QEMU's kernel= depends on then
# (docs/nested-vmx.md): there the guest has a disk with a boot loader.
for emulator, seconds, slow in ("qemu", 200, 100), ("bochs", 900, 400):
    domu("hvm-disk", emulator, kind="disk", initrd="xen-disk.cpio.lz4",
         timeout=seconds, slow=slow)
hvm("hvm-2cpus", "qemu", "abyme.cpus=2 abyme.l2cpus=2", cpus=2, timeout=300,
    slow=100)
