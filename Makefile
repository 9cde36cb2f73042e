# SPDX-License-Identifier: GPL-2.0-or-later
# Abyme. `make help` lists the targets.
.SUFFIXES:
.DEFAULT_GOAL := all

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
HOSTCC ?= gcc
B ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Wshadow -Wundef
CFLAGS := -std=gnu11 -O2 -g -ffreestanding -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include) -I. \
	-m64 -march=x86-64 -mgeneral-regs-only -mno-red-zone -mcmodel=kernel \
	-fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
	-fno-common -ffunction-sections -fdata-sections \
	-fcf-protection=none $(WARN)
# clang keeps its builtin headers below its resource directory
ifneq ($(findstring clang,$(CC)),)
CFLAGS += -isystem $(shell $(CC) -print-resource-dir)/include
endif
LDFLAGS := -nostdlib -static -Wl,-z,max-page-size=4096 \
	-Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments

DIRS := boot core mm svm vmx nested drivers/serial
SRC_C := $(sort $(foreach d,$(DIRS),$(wildcard $(d)/*.c)))
SRC_S := $(sort $(foreach d,$(DIRS),$(wildcard $(d)/*.S)))
OBJ := $(SRC_C:%.c=$(B)/%.o) $(SRC_S:%.S=$(B)/%.S.o)

all: $(B)/abyme.elf $(B)/abyme-uefi.elf
objs: $(OBJ)

$(B)/abyme.elf: $(OBJ) link.ld Makefile
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -Wl,-T,link.ld -o $@ $(OBJ)

# the same, its header asking for a framebuffer: UEFI has no text mode
$(B)/abyme-uefi.elf: $(OBJ) $(B)/boot/entry-uefi.S.o link.ld Makefile
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -Wl,-T,link.ld -o $@ \
		$(filter-out $(B)/boot/entry.S.o,$(OBJ)) \
		$(B)/boot/entry-uefi.S.o

$(B)/boot/entry-uefi.S.o: boot/entry.S Makefile
	@mkdir -p $(@D)
	@echo "  AS    $< (framebuffer)"
	$(Q)$(CC) $(CFLAGS) -D__ASSEMBLY__ -DFRAMEBUFFER -c -o $@ $<

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	@echo "  AS    $<"
	$(Q)$(CC) $(CFLAGS) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<

# the version string lives in one object only, made anew when it changes
$(B)/core/version.o: CFLAGS += -DVERSION='"$(VERSION)"'
$(B)/core/version.o: $(B)/version
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:

-include $(OBJ:.o=.d)

# --- host unit tests: each names its sources in a "sources:" comment, and what
# --- else the compiler shall know in a "flags:" comment ---------------------
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
UNIT_CFLAGS := -std=gnu11 -O1 -g -I. -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-format-truncation -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
unit_flags = $(shell sed -n 's,^/\* flags: \(.*\) \*/$$,\1,p' $(1))
unit_sources = $(shell sed -n 's,^/\* sources: \(.*\) \*/$$,\1,p' $(1))

define unit_rule
$(B)/unit/$(1): FLAGS := $(call unit_flags,tests/unit/$(1).c)
$(B)/unit/$(1): SRC := tests/unit/$(1).c tests/unit/unit.c $(call unit_sources,tests/unit/$(1).c)
$(B)/unit/$(1): tests/unit/$(1).c tests/unit/unit.c $(call unit_sources,tests/unit/$(1).c)
	@mkdir -p $$(@D)
	@echo "  HOSTCC $(1)"
	$$(Q)$$(HOSTCC) $$(UNIT_CFLAGS) $$(FLAGS) -MM -MP -MT $$@ $$(SRC) >$$@.d
	$$(Q)$$(HOSTCC) $$(UNIT_CFLAGS) $$(FLAGS) -o $$@ $$(SRC)
endef
$(foreach t,$(UNIT_SRC:tests/unit/%.c=%),$(eval $(call unit_rule,$(t))))
-include $(UNIT:=.d)

unit: $(UNIT)
	@p=0; f=0; for t in $(UNIT); do \
	  $$t >$$t.log 2>&1 || { cat $$t.log; echo "FAIL $$t"; \
	    grep -q '^FAIL' $$t.log || f=$$((f+1)); }; \
	  p=$$((p+$$(grep -c '^PASS' $$t.log))); \
	  f=$$((f+$$(grep -c '^FAIL' $$t.log))); \
	done; echo "unit: $$p passed, $$f failed, 0 skipped"; [ $$f = 0 ]

clean:
	rm -rf $(filter-out $(B)/cache,$(wildcard $(B)/*))

help:
	@echo "make            build/abyme.elf (CC=clang works, too)"
	@echo "make iso L1=F   bootable ISO with that L1 [APPEND= MODULES= HV=]"
	@echo "make run        boot the demonstration [EMU=qemu|bochs|bochs-svm|kvm]"
	@echo "                [CPUS=n MEM=mb L1=F APPEND= MODULES= HV= SHELL_L1=1]"
	@echo "make debug      the same, waiting for gdb, and gdb on it"
	@echo "                [SYMBOLS=ELF SCRIPT=gdb-commands]"
	@echo "make test       check, unit, boot-test"
	@echo "make unit       host unit tests (ASan, UBSan)"
	@echo "make check      formatting, include rules, headers, static analysis"
	@echo "make boot-test  emulator tests [ONLY=pattern]"
	@echo "make bench      cost in instructions and exits [EMU=qemu|bochs]"
	@echo "make clean      remove build/, except for downloads"

.PHONY: all objs unit clean help

-include tests/check.mk
-include tests/guests/guests.mk
-include tests/boot/boot.mk
