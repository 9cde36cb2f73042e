# SPDX-License-Identifier: GPL-2.0-or-later
# make check: formatting, include directions, each header alone, cppcheck.
CHECKED := boot core mm svm vmx nested drivers tests/unit tests/guests
CHECK_C := $(sort $(shell find $(CHECKED) -name '*.[ch]' 2>/dev/null))
CHECK_H := $(filter %.h,$(CHECK_C))

check: check-format check-includes check-headers check-cppcheck
	@echo "check: 4 passed, 0 failed, 0 skipped"

check-format:
	@clang-format --dry-run -Werror $(CHECK_C) && echo "PASS check-format"

check-includes:
	@python3 tests/check_includes.py && echo "PASS check-includes"

HEADER_STAMPS := $(patsubst %.h,$(B)/headers/%.ok,$(filter-out \
	tests/%,$(CHECK_H)))
$(B)/headers/%.ok: %.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MT $@ -MF $@.d -fsyntax-only -x c $< \
		&& touch $@
check-headers: $(HEADER_STAMPS)
	@echo "PASS check-headers"
-include $(HEADER_STAMPS:=.d)

# Findings are errors; what is silenced is silenced in the file, with reason.
# comparePointers: the bounds of sections come from the linker script.
# invalidPrintfArgType_uint: u8 and u16 promote to int; gcc checks formats.
check-cppcheck:
	@cppcheck --quiet --std=c11 --language=c -j2 -I. --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=unusedFunction \
		--suppress=preprocessorErrorDirective \
		--suppress=comparePointers --suppress=invalidPrintfArgType_uint \
		-D__x86_64__ -D__STDC_HOSTED__=0 -D'VERSION="x"' \
		--error-exitcode=1 boot core mm svm vmx nested drivers \
		&& echo "PASS check-cppcheck"

.PHONY: check check-format check-includes check-headers check-cppcheck
