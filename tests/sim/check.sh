#!/bin/sh
# The simulator in `make check`: every scenario, every seed that once failed,
# then a few seconds of fresh ones, some with a twin. scripts/sim does it at length.
set -eu
sim="${top_builddir:-.}/tests/sim/sim"
tests="${top_srcdir:-.}/tests/sim"
[ -x "$sim" ] || { echo "no $sim: build first"; exit 77; }
"$sim" --scenario "$tests"/scenarios/*.scn
# A seed file: remarks, then the seed and the options that make its story.
for file in "$tests"/seeds/*.seed; do
	[ -e "$file" ] || continue
	grep -v '^#' "$file" | while read -r seed options; do
		# shellcheck disable=SC2086 # the options are words
		"$sim" --seed "$seed" $options --count 1 --trace 60 >"check-sim.out" || {
			cat check-sim.out
			echo "again, $file: $(head -n 1 "$file")"
			exit 1
		}
	done
done
while read -r seed cause; do
	case $seed in '' | '#'*) continue ;; esac
	"$sim" --seed "$seed" --count 1 --trace 60 >"check-sim.out" || {
		cat check-sim.out
		echo "again: $cause"
		exit 1
	}
done <"$tests/seeds/found.txt"
rm -f check-sim.out
# The canary must fail, or nothing is judged at all.
if "$sim" --seed 1 --count 1 --canary >/dev/null; then
	echo "the canary lives: the simulator is dead"
	exit 1
fi
"$sim" --seed 1 --seconds 8 --twin 16 --trace 60
