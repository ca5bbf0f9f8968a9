#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/core-coverage.sh [SECONDS] [LEAST]: how much of agent/core its unit
# tests and SECONDS (30) core-seconds of the simulator run through. Prints one
# line a file and what no branch took; exit 1 below LEAST (95) percent.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
seconds=${1:-30} least=${2:-95}
cc=${CC:-gcc}
command -v gcov >/dev/null || { echo "gcov is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$here"
flags=(-std=gnu11 -O0 -g -I. -DHAVE_CONFIG_H=0)
objects() { # directory, more flags, then sources
	local into=$1 more=$2 source
	shift 2
	mkdir -p "$into"
	for source; do
		# shellcheck disable=SC2086 # the flags are words
		"$cc" "${flags[@]}" $more -c "$source" -o "$into/$(basename "$source" .c).o"
	done
}
objects "$work/core" --coverage agent/core/*.c
objects "$work/world" '' agent/base/{timers,outcome}.c tests/sim/{world,cloud,net,queue,trace}.c
objects "$work/sim" '' agent/{wire,keypage}.c \
	tests/sim/{sim,main,judge,swarm,forge,shrink,scenario,story}.c

"$cc" --coverage "$work"/core/*.o "$work"/world/*.o "$work"/sim/*.o -lcrypto -o "$work/run"
for test in tests/unit/test_core*.c tests/unit/test_{peer,health}.c; do
	name=$(basename "$test" .c)
	"$cc" "${flags[@]}" --coverage "$test" "$work"/core/*.o "$work"/world/*.o -lcmocka \
		-o "$work/$name" 2>"$work/$name.log" || { cat "$work/$name.log"; exit 2; }
	top_srcdir=$here "$work/$name" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; exit 2; }
done
(cd "$work" && ./run --scenario "$here"/tests/sim/scenarios/*.scn >sim.log 2>&1) ||
	{ tail -n 60 "$work/sim.log"; exit 2; }
(cd "$work" && ./run --seed 0xc0ffee --seconds "$seconds" --trace 60 --commit coverage \
	--report sim.json >sim.log 2>&1) || { tail -n 80 "$work/sim.log"; exit 2; }

for source in agent/core/*.c; do
	gcov -t -b -c -o "$work/core" "$source" >"$work/$(basename "$source").gcov"
done
cd "$work"
# A branch of a switch that the compiler adds for a value outside the enum is no branch of ours.
awk -v least="$least" '
	function close_file() {
		if (name != "") {
			printf "%-12s %5d branches %5d taken %6.1f %%\n", name, all, taken,
				all ? 100 * taken / all : 100
			total += all
			hit += taken
		}
	}
	FNR == 1 { close_file(); name = FILENAME; gsub(/^\.\/|\.gcov$/, "", name); all = taken = 0; line = "" }
	/^ *[^ :]+: *[0-9]+:/ { line = $0 }
	/^branch/ {
		if (line ~ /assert\(|switch \(/)
			next
		all++
		if ($0 ~ /taken [1-9]/)
			taken++
		else
			missed[name ": " line]++
	}
	END {
		close_file()
		print ""
		for (m in missed)
			print "never both ways: " m | "sort"
		close("sort")
		printf "\nagent/core: %d of %d branches, %.1f %%\n", hit, total, 100 * hit / total
		exit 100 * hit / total < least
	}' ./*.c.gcov
