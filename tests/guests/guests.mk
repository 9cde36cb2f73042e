# SPDX-License-Identifier: GPL-2.0-or-later
# Test guests: build/guests/NAME.elf from tests/guests/NAME.c (or .S) and the
# library. Multiboot 1 in a 32-bit ELF file unless a line below says more:
#   SRC_NAME  the source, where several images share one
#   HDR_NAME  the header, of tests/guests/lib
#   FMT_NAME  elf32, elf64 or flat
GUESTS := hello-mb1 hello-mb1-kludge hello-mb1-elf64 hello-mb2 \
	$(filter-out hello,$(basename $(notdir \
	$(wildcard tests/guests/*.c tests/guests/*.S))))

SRC_hello-mb1 := hello
SRC_hello-mb1-kludge := hello
HDR_hello-mb1-kludge := mb1_kludge
FMT_hello-mb1-kludge := flat
SRC_hello-mb1-elf64 := hello
FMT_hello-mb1-elf64 := elf64
SRC_hello-mb2 := hello
HDR_hello-mb2 := mb2
FMT_hello-mb2 := elf64

GB := $(B)/guests
GUEST_CFLAGS := $(patsubst -mcmodel=%,-mcmodel=small,$(filter-out \
	-ffunction-sections -fdata-sections,$(CFLAGS))) -Wno-main
GUEST_LIB := $(patsubst %,$(GB)/obj/%.o,\
	$(filter-out tests/guests/lib/mb%.S,\
	$(wildcard tests/guests/lib/*.c tests/guests/lib/*.S)) \
	core/format.c core/string.c)

$(GB)/obj/%.o: % Makefile tests/guests/guests.mk
	@mkdir -p $(@D)
	@echo "  GUEST $<"
	$(Q)$(CC) $(GUEST_CFLAGS) $(if $(filter %.S,$<),-D__ASSEMBLY__) \
	  -MMD -MP -c -o $@ $<

guest_elf32 = objcopy -O elf32-i386 $(1) $(2)
guest_elf64 = cp $(1) $(2)
guest_flat = objcopy -O binary $(1) $(2)

define guest_rule
$(GB)/$(1).elf: $(GB)/obj/$(wildcard tests/guests/$(or $(SRC_$(1)),$(1)).[cS]).o \
		$(GB)/obj/tests/guests/lib/$(or $(HDR_$(1)),mb1).S.o \
		$(GUEST_LIB) tests/guests/guest.ld
	@echo "  GLD   $$@"
	$(Q)echo 'extern const char guest_name[]; const char guest_name[] = "$(1)";' | \
	  $(CC) $(GUEST_CFLAGS) -x c -c -o $(GB)/obj/$(1).name.o -
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,-z,max-page-size=4096 \
	  -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments \
	  -Wl,-T,tests/guests/guest.ld -o $(GB)/obj/$(1).elf \
	  $$(filter %.o,$$^) $(GB)/obj/$(1).name.o
	$(Q)$$(call guest_$(or $(FMT_$(1)),elf32),$(GB)/obj/$(1).elf,$$@)
endef
$(foreach g,$(GUESTS),$(eval $(call guest_rule,$(g))))

# modules that the hello guests are given: "module N" is their first line
$(GB)/module%: tests/guests/guests.mk
	@mkdir -p $(@D)
	$(Q)echo "module $*" >$@

guests: $(GUESTS:%=$(GB)/%.elf) $(GB)/module1 $(GB)/module2

-include $(shell find $(GB)/obj -name '*.d' 2>/dev/null)

.PHONY: guests
