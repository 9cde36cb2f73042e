# SPDX-License-Identifier: GPL-2.0-or-later
# Emulator runs: iso, run, debug, boot-test, bench, and test, which is all.

T := tests/boot
# Debian packages, unpacked; "make clean" keeps them
CACHE ?= $(B)/cache
EMU ?= qemu
CPUS ?= 1
# the demonstration shows L0's counters at its end
HV ?= console=com1$(if $(strip $(L1)),, stats=1)
# without L1=: kvm (Linux, KVM in it, a Linux in that) or l1 (just Linux)
DEMO ?= kvm
TIMEOUT ?= 900

CLOUD := $(CACHE)/linux-image-cloud-amd64
DISTRO := $(CACHE)/linux-image-amd64
VMLINUZ := $(B)/l1/vmlinuz
INITRD := $(B)/l1/l1.cpio
INITRD_KVM := $(B)/l1/kvm.cpio.lz4
INITRD_L3 := $(B)/l1/kvm-l3.cpio.lz4
LINUX_ARGS := console=ttyS0,115200 nokaslr mitigations=off tsc=reliable \
	no_timer_check 8250.nr_uarts=1 panic=-1 cryptomgr.notests \
	$(if $(filter bochs-svm,$(EMU)),clearcpuid=mwaitx noxsave)

# deps.sh takes no time where nothing is missing
boot-deps:
	@$(T)/deps.sh build boot
all-deps:
	@$(T)/deps.sh

$(CACHE)/%:
	@$(T)/fetch.sh $(CACHE) $*

$(VMLINUZ): | $(CLOUD)
	@mkdir -p $(@D)
	$(Q)cp $(CLOUD)/boot/vmlinuz-* $@

INITRD_DEPS := $(T)/mkinitrd $(wildcard $(T)/init/*)
$(INITRD): $(INITRD_DEPS)
	$(Q)$(T)/mkinitrd l1 $@
$(INITRD_KVM): $(INITRD_DEPS) $(VMLINUZ)
	$(Q)$(T)/mkinitrd kvm $@ --kernel $(VMLINUZ) \
		--modules $(CLOUD)/lib/modules/*

# an L2 that has an L3: its initrd is the one that L1 has elsewhere
$(INITRD_L3): $(INITRD_KVM)
	$(Q)$(T)/mkinitrd kvm $@ --kernel $(VMLINUZ) \
		--modules $(CLOUD)/lib/modules/* --l2 $(INITRD_KVM)

# L1=, APPEND= and MODULES= may hold any character: they go by environment
export L1 APPEND MODULES HV
ABYME := $(if $(BARE),--bare,--abyme $(B)/abyme.elf --hv "$$HV")
ELF := $(if $(BARE),,$(B)/abyme.elf $(B)/abyme-uefi.elf)

# which ISO: the one that was asked for, or the demonstration's
ifneq ($(strip $(L1)),)
ISO := $(B)/abyme.iso
$(ISO): FORCE
	$(Q)$(T)/mkiso $@ $(ABYME) --l1 "$$L1" --append "$$APPEND" \
		--modules "$$MODULES"
EXPECT ?=
else
ISO := $(B)/demo.iso
DEMO_INITRD := $(if $(filter kvm,$(DEMO)),$(INITRD_KVM),$(INITRD))
DEMO_ARGS := $(LINUX_ARGS) abyme.cpus=$(CPUS) \
	quiet $(if $(filter kvm,$(DEMO)),abyme.kvm) \
	$(if $(SHELL_L1),abyme.shell)
$(ISO): $(VMLINUZ) $(DEMO_INITRD) FORCE
	$(Q)$(T)/mkiso $@ $(ABYME) --l1 $(VMLINUZ) \
		--append "$(DEMO_ARGS) $$APPEND" --modules $(DEMO_INITRD)
EXPECT ?= ^\[L1\] SUCCESS
endif
$(ISO): $(ELF)

iso: boot-deps
	$(if $(strip $(L1)),,$(error which L1? make iso L1=FILE))
	$(Q)$(MAKE) --no-print-directory $(ISO)

RUN = $(T)/run $(ISO) --emu $(EMU) --cpus $(CPUS) $(if $(MEM),--mem $(MEM)) \
	--timeout $(TIMEOUT) $(if $(UEFI),--uefi) \
	$(if $(EXPECT),--expect '$(EXPECT)') --log $(B)/console.log

run: boot-deps
	$(Q)$(MAKE) --no-print-directory $(ISO)
	$(Q)$(RUN) $(if $(SHELL_L1),--interactive)

# SYMBOLS=: L1's, for gdb; without it L1 itself, if that is an ELF file.
# SCRIPT=: gdb does what stands there and ends.
SYMBOLS ?= $(if $(strip $(L1)),$(shell head -c 4 '$(L1)' | grep -aq ELF && \
	echo '$(L1)'))
debug: override HV := $(HV) gdb=com2,wait
debug: boot-deps
	$(Q)$(MAKE) --no-print-directory HV='$(HV)' $(ISO)
	$(Q)$(RUN) $(if $(SCRIPT),,--timeout inf) --gdb $(if $(SYMBOLS),--symbols '$(SYMBOLS)') \
		$(if $(SCRIPT),--gdb-script '$(SCRIPT)')

.PHONY: boot-deps all-deps iso run debug FORCE
FORCE:

# --- tests ------------------------------------------------------------------
XEN := $(CACHE)/xen-hypervisor
XEN_TOOLS := $(CACHE)/xen-tools
XEN_QEMU := $(CACHE)/xen-qemu
INITRD_XEN := $(B)/l1/xen.cpio.lz4
INITRD_XEN_HVM := $(B)/l1/xen-hvm.cpio.lz4
INITRD_XEN_DISK := $(B)/l1/xen-disk.cpio.lz4
$(B)/l1/xen: | $(XEN)
	@mkdir -p $(@D)
	$(Q)zcat $(XEN)/boot/xen-*-amd64.gz >$@
$(B)/l1/vmlinuz-xen: | $(DISTRO)
	@mkdir -p $(@D)
	$(Q)cp $(DISTRO)/boot/vmlinuz-* $@

$(INITRD_XEN): $(INITRD_DEPS) $(VMLINUZ) | $(DISTRO) $(XEN_TOOLS)
	$(Q)$(T)/mkinitrd xen $@ --kernel $(VMLINUZ) \
		--modules $(DISTRO)/lib/modules/* --xen $(XEN_TOOLS)

$(INITRD_XEN_HVM): $(INITRD_DEPS) $(VMLINUZ) | $(DISTRO) $(XEN_TOOLS) \
		$(XEN_QEMU)
	$(Q)$(T)/mkinitrd xen $@ --kernel $(VMLINUZ) \
		--modules $(DISTRO)/lib/modules/* --xen $(XEN_TOOLS) \
		--dm $(XEN_QEMU)

# an HVM guest's disk: GRUB, a kernel and an initrd
$(B)/l1/l2.cpio: $(INITRD_DEPS)
	$(Q)$(T)/mkinitrd l2 $@
$(B)/l1/l2.iso: $(T)/mkiso $(VMLINUZ) $(B)/l1/l2.cpio
	$(Q)$(T)/mkiso $@ --bare --l1 $(VMLINUZ) --modules $(B)/l1/l2.cpio \
		--append "console=ttyS0,115200 quiet nokaslr mitigations=off panic=-1 cryptomgr.notests"

$(INITRD_XEN_DISK): $(INITRD_DEPS) $(B)/l1/l2.iso | $(DISTRO) $(XEN_TOOLS) \
		$(XEN_QEMU)
	$(Q)$(T)/mkinitrd xen $@ --disk $(B)/l1/l2.iso \
		--modules $(DISTRO)/lib/modules/* --xen $(XEN_TOOLS) \
		--dm $(XEN_QEMU)

boot-test-files: $(VMLINUZ) $(INITRD) $(INITRD_KVM) $(INITRD_L3) \
	$(INITRD_XEN) $(INITRD_XEN_HVM) $(INITRD_XEN_DISK) $(B)/l1/xen $(B)/l1/vmlinuz-xen $(if $(wildcard tests/guests/guests.mk),guests)

boot-test: boot-deps
	$(Q)$(MAKE) --no-print-directory $(ELF) boot-test-files
	$(Q)B=$(B) BARE=$(BARE) $(T)/test $(ONLY)

.PHONY: boot-test boot-test-files

test: all-deps
	@B=$(B) MAKE=$(MAKE) $(T)/all.sh

.PHONY: test

bench: boot-deps
	$(Q)$(MAKE) --no-print-directory $(ELF) guests
	$(Q)B=$(B) $(T)/bench --emu $(EMU)

.PHONY: bench
