#!/bin/sh
# The simulator in `make check`: every seed that once failed, then a few
# seconds of fresh ones. scripts/sim does it at length.
set -eu
sim="${top_builddir:-.}/tests/sim/sim"
[ -x "$sim" ] || { echo "no $sim: build first"; exit 77; }
while read -r seed cause; do
	case $seed in '' | '#'*) continue ;; esac
	"$sim" --seed "$seed" --count 1 --trace 60 >"check-sim.out" || {
		cat check-sim.out
		echo "again: $cause"
		exit 1
	}
done <"${top_srcdir:-.}/tests/sim/seeds/found.txt"
rm -f check-sim.out
"$sim" --seed 1 --seconds 8 --trace 60
