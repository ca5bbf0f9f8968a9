#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The packaged units' exposure as systemd-analyze sees it, offline: the agent and its cleanup at most 2.0
# (the bar of the threat model), the runner of the notify scripts at most 6.0, because scripts are
# somebody else's. Words that systemd does not know would be ignored in silence on a host: an error.
set -eu

dir=${top_builddir:-.}/packaging/systemd
command -v systemd-analyze >/dev/null || { echo "no systemd-analyze: exposure not checked"; exit 77; }
bad=0
at_most() { # TENTHS UNIT
	said=$(systemd-analyze security --no-pager --offline=yes --threshold="$1" "$dir/$2" 2>&1) || {
		echo "$2: exposure above $1 tenths:"
		printf '%s\n' "$said" | grep -E '^✗|Overall|rror' || printf '%s\n' "$said"
		bad=1
	}
	printf '%s\n' "$said" | tail -n 1
	if printf '%s\n' "$said" | grep -E 'Unknown key|Failed to parse|ignoring'; then
		echo "$2: a word that systemd does not take"
		bad=1
	fi
}
at_most 20 zonevip.service
at_most 20 zonevip-cleanup.service
[ ! -e "$dir/zonevip-exporter.service" ] || at_most 20 zonevip-exporter.service # only with libmicrohttpd
at_most 60 zonevip-notify.service
exit $bad
