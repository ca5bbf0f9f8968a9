#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every command that "zonevipctl -h" lists is in zonevipctl(8) and every one there exists; every option
# that a program's -h lists is in its page; every page names pages that exist.
set -eu

pages=${top_srcdir:-.}/doc/man
build=${top_builddir:-.}
[ -x "$build/zonevipctl" ] || { echo "$build/zonevipctl is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

"$build/zonevipctl" -h | awk '/^  [a-z]/ { print $1 }' | sort -u >"$work/said"
awk '/^\.Bl/ { depth++ }
	/^\.El/ { depth-- }
	depth != 1 { next } # words of a command have a list inside its own
	/^\.It Cm / { print $3 }
	/^\.It Xo/ { getline; if ($1 == ".Cm") print $2 }' "$pages/zonevipctl.8" | sort -u >"$work/documented"
if ! diff -u "$work/said" "$work/documented"; then
	echo "zonevipctl -h and zonevipctl(8) differ"
	bad=1
fi
[ "$(wc -l <"$work/said")" -ge 10 ] || { echo "the list of commands has shrunk to nothing"; bad=1; }

for program in zonevipd zonevipctl zonevip-notify zonevip-cleanup zonevip-exporter; do
	[ -x "$build/$program" ] || continue # the exporter is optional
	"$build/$program" -h | grep -oE '^  -[A-Za-z]( |,)' | tr -d ' ,-' | sort -u |
		while read -r option; do
			grep -qE "^\.(It )?.*Fl $option( |$)" "$pages/$program.8" ||
				echo "$program -h has -$option, $program(8) has not"
		done >"$work/options"
	if [ -s "$work/options" ]; then
		cat "$work/options"
		bad=1
	fi
done

for page in "$pages"/*.[1-8]; do
	grep -hoE '^\.Xr (zonevip|check_zonevip)[a-z._-]* [0-9]' "$page" | sort -u | while read -r _ name section; do
		[ -f "$pages/$name.$section" ] || echo "$(basename "$page") refers to $name($section), which is not there"
	done
done >"$work/references"
if [ -s "$work/references" ]; then
	cat "$work/references"
	bad=1
fi
exit $bad
