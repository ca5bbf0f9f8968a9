#!/bin/sh
# The core is pure when the linker says so: outside itself it may need only
# these symbols. Anything else (a clock, a socket, malloc, a log line) fails.
set -u
lib="${top_builddir:-.}/libcore.a"
[ -f "$lib" ] || { echo "no $lib: build first"; exit 77; }
allowed='mem(cpy|set|cmp|move)|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan|gcov|sanitizer|llvm)_.*|__assert_fail'
own=$(${NM:-nm} --defined-only "$lib" | awk 'NF == 3 { print $3 }' | sort -u)
bad=$(${NM:-nm} -u "$lib" | awk 'NF == 2 { print $2 }' | sort -u | grep -vxE "$allowed" | grep -vxF "$own")
if [ -n "$bad" ]; then
	echo "libcore.a is not pure; it needs:"
	echo "$bad"
	exit 1
fi
echo "libcore.a needs nothing but itself and memcpy and the like"
