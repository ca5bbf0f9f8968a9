#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The files that a package installs for bash and zsh complete zonevipctl's commands and their words.
set -eu

top=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
[ -x "$build/zonevipctl" ] || { echo "$build/zonevipctl is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$build:$PATH
export PATH

cat >"$work/wanted" <<'END'
switchover
off on
bash zsh
END

# The lines of a terminal, one a test; COMPREPLY is what bash would offer.
cat >"$work/try.bash" <<'END'
. "$1"
try() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_zonevipctl
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}
try zonevipctl swi
try zonevipctl maintenance o
try zonevipctl completion ''
complete -p zonevipctl >/dev/null
END
bash "$work/try.bash" "$top/packaging/completion/zonevipctl.bash" >"$work/bash" 2>"$work/errors" || true
cat "$work/errors"
diff -u "$work/wanted" "$work/bash" || { echo "bash completes otherwise"; exit 1; }
[ ! -s "$work/errors" ]

command -v zsh >/dev/null || { echo "no zsh: its completion is not tried"; exit 77; }
# compadd and _describe are zsh's own and work only on its command line: here they tell what they get.
cat >"$work/try.zsh" <<'END'
compadd() { shift; print -l -- ${(M)@:#$PREFIX*} | sort | paste -sd ' ' }
_describe() { local -a names=(${${(P)2}%%:*}); print -l -- ${(M)names:#$PREFIX*} }
try() {
	local -a words=("$@")
	local CURRENT=$# PREFIX=$@[-1]
	_zonevipctl
}
fpath=("$1" $fpath)
autoload -Uz _zonevipctl
try zonevipctl swi
try zonevipctl maintenance o
try zonevipctl completion ''
END
zsh -f "$work/try.zsh" "$top/packaging/completion" >"$work/zsh" 2>"$work/errors" || true
cat "$work/errors"
diff -u "$work/wanted" "$work/zsh" || { echo "zsh completes otherwise"; exit 1; }
[ ! -s "$work/errors" ]
