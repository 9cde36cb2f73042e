# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel as L1."""
from case import linux

linux("linux", "abyme.work", timeout=60)
linux("linux-2cpus", "abyme.work", cpus=2, timeout=150)
linux("linux-cpuhp", "abyme.cpuhp", cpus=2, timeout=150)
linux("linux-svm", emus=["bochs-svm"], timeout=60)
linux("linux-big", emus=["qemu"], mem=6144, timeout=30)
# what only boot_params can tell a kernel, and firmware's runtime services
linux("linux-uefi", "abyme.work ignore_loglevel", emus=["qemu"], uefi=True,
      cpus=2, timeout=60,
      expect=[r"efi: EFI v2", r"ACPI: RSDP 0x.*\(v02", r"efifb: mode is ",
              r"Registered efivars operations", r"^\[L1\] SUCCESS"])
