#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every word of the table (conf/words.c) is in zonevip.conf(5), in the same
# order and with the same range, default, number and counterpart; the page has
# no word more; and mandoc finds nothing to say about the page.
set -eu

page=${top_srcdir:-.}/doc/man/zonevip.conf.5
dump=${top_builddir:-.}/conf/words-dump
[ -x "$dump" ] || { echo "$dump is not built"; exit 77; }
command -v awk >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One line a fact, each as the page must have it.
"$dump" | awk -F '\t' '
	{
		print ($3 == "block" && $1 == "-" ? "block " : "word ") $2
		if ($3 != "block" && $3 != "entry")
			print "Takes " $3 ($4 == "-" || $4 == "seconds" ? "" : " (" $4 ")") "."
		if ($7 == 1 && $8 == 1) print "Required."
		if ($7 >= 1 && $8 > 1) print "At least " $7 ", at most " $8 "."
		if ($7 == 0 && $8 > 1) print "At most " $8 "."
		if ($5 != "-") print "Default: " $5 "."
		if ($6 != "-") print "In keepalived: " $6 "."
	}' >"$work/table"

# The same facts from the page: headings and items between WORDS and the next section.
awk '
	/^\.Sh / { inside = $2 == "WORDS" && NF == 2 }
	!inside { next }
	/^\.Ss / { print "block " $2 }
	/^\.It (Ic|Ar) / { print "word " $3 }
	/^(Takes|Default:|In keepalived:|At least|At most) / || /^Required\.$/ { print }
' "$page" >"$work/page"

diff -u "$work/table" "$work/page" || { echo "conf/words.c and $page differ"; exit 1; }
[ "$(wc -l <"$work/table")" -gt 150 ] || { echo "the table has shrunk to nothing"; exit 1; }
dict=${top_srcdir:-.}/tests/fuzz/conf.dict
if [ -f "$dict" ]; then # not in a release
	"$dump" --dict | diff -u "$dict" - || { echo "run: $dump --dict >$dict"; exit 1; }
fi
command -v mandoc >/dev/null || { echo "no mandoc: the page is not checked by it"; exit 77; }
# Pages that are not installed yet are no fault of this one.
! mandoc -Tlint -Wwarning "$page" 2>&1 | grep -v -e 'referenced manual not found' -e 'outdated mandoc.db'
