#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Instructions of the shadow engine, counted on the host by valgrind.
set -e
cd "$(dirname "$0")/../.."
b=build/bench
mkdir -p $b
src="tests/bench/shadow.c mm/shadow.c mm/shadow_fill.c mm/shadow_pool.c
mm/fold.c mm/slat.c mm/page.c mm/mtrr.c mm/pt_format.c mm/guest.c"
sed '/^int main/,$d' tests/unit/unit.c >$b/unit.c
gcc -std=gnu11 -O2 -g -I. -Dmain_unused -mgeneral-regs-only -o $b/shadow \
	$src $b/unit.c 2>$b/shadow.err || { cat $b/shadow.err; exit 1; }

run() # scenario pages toggled-function
{
	rm -f $b/cg.out
	out=$(valgrind --tool=callgrind --callgrind-out-file=$b/cg.out \
		--toggle-collect="$3" $b/shadow "$1" "$2" 2>$b/vg.log)
	n=$(sed -n 's/^==.*Collected : //p' $b/vg.log)
	echo "$1 pages=$2 $out instructions=$n per_page=$((n / $2))"
}

for f in npt ept; do
	run $f-entry 1 measured_entry
	run $f-fresh-clear 1 measured
	run $f-fresh-clear 512 measured
	run $f-fresh-set 1 measured
	run $f-fresh-set 16 measured
	run $f-fresh-set 64 measured
	run $f-fresh-set 512 measured
	run $f-fresh-set 2048 measured
	run $f-again-fresh-set 64 'measured*'
	run $f-again-set 512 'measured*'
	run $f-all-fresh-set 512 'measured*'
done
