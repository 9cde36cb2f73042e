#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make test: each part by itself, all of them whatever fails, and one sum.
set -u
passed=0 failed=0 skipped=0
logs=${B:-build}/test-logs
mkdir -p "$logs"

for part in check unit boot-test; do
	echo "== make $part"
	${MAKE:-make} --no-print-directory $part 2>&1 | tee "$logs/$part.log"
	status=${PIPESTATUS[0]}
	line=$(grep -E "^$part: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$" \
		"$logs/$part.log" | tail -n 1)
	read -r _ p _ f _ s _ <<<"${line:-x 0 passed, 0 failed, 0 skipped}"
	# a part that broke down before its count is one failure
	if [ "$status" != 0 ] && [ "$f" = 0 ]; then
		echo "FAIL make $part: status $status"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
