#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# zonevipctl import-keepalived: what it prints is refused by zonevipd -t until
# it is filled in, then accepted; no password is carried over; what is torn
# ends well. Longest: 2 s.
set -eu

src=${top_srcdir:-.}/tests/unit/keepalived
top=${top_builddir:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
	echo "$1"
	cat "$work/conf"
	exit 1
}

import() { # NAME
	"$top/zonevipctl" import-keepalived "$src/$1.conf" >"$work/conf"
	if "$top/zonevipd" -t -f "$work/conf" -i FILL_IN_HOST_1 >/dev/null 2>&1; then
		fail "$1: accepted before anything was filled in"
	fi
	sed -i 's/FILL_IN_ROUTE_TABLE/rtb-0a1b2c3d4e5f60001/; s/FILL_IN_HOST_/host/; s/FILL_IN_CLUSTER/c/
		s/FILL_IN_ADDRESS/10.0.9.9/; s/key_file [^ \t]*/key_file \/dev\/null/' "$work/conf"
	awk '{ while (sub(/FILL_IN_PARAMETER/, "VIP_" ++n)); print }' "$work/conf" >"$work/filled"
	mv "$work/filled" "$work/conf"
}
accepted() {
	"$top/zonevipd" -t -f "$work/conf" -i host1 >"$work/said" 2>&1 || fail "refused: $(cat "$work/said")"
}
has() {
	grep -qF -- "$1" "$work/conf" || fail "missing: $1"
}

import pair
accepted
has 'cluster DB_Host1'
has '10.1.5.5/32 label eth0:1'
has 'notify_master "/etc/keepalived/aws-route.sh master"'
has 'notify "/etc/keepalived/notify.sh"'
has 'address 10.0.4.10'
has 'rise 2'
has '#   line 24: virtual_router_id 51'
if grep -q 's3cret-word' "$work/conf"; then fail "the password was carried over"; fi

import groups
accepted
has 'vip_sync_group VG1'
has 'preempt_delay 300'
has 'fd00:1::7/128'
has 'notify_fifo /run/keepalived.fifo'
has 'priority 238'
has 'virtual_server 10.1.5.6: the whole block'

import tracks
accepted
has 'script "/usr/local/bin/disk-ok /var/lib"'
has 'timeout 4'
has '		chk_disk weight -30'
has 'process "haproxy -W -f"'
has 'param_match initial'
has 'quorum 2'
has '		proxy weight 253'
has "proxy weight: 'reverse' has no counterpart"
has '		eth1 weight 9'
has '# chk_mysql "/usr/bin/mysqladmin ping": track_mysql below does it, over one held connection; it has no weight'
has 'user nobody: every script runs as script_user'
has 'terminate_delay 1'
has 'init_fail'
if grep -qE '^\t\t(chk_mysql|eth0)' "$work/conf"; then fail "mysqld and the interface are tracked anyway"; fi

import torn
has 'vip_instance a_name__with___things__in_it'
has "'300.1.1.1/32' is not an address"
has '10.1.5.8/32'
[ "$(grep -c '^vip_instance' "$work/conf")" = 1 ] || fail "one instance was torn"

# Never more than is read: noise, nothing, and too much.
head -c 200000 /dev/urandom >"$work/noise"
"$top/zonevipctl" import-keepalived "$work/noise" >/dev/null 2>"$work/said" && fail "noise has no instance"
grep -q 'no vrrp_instance' "$work/said"
head -c 2000000 /dev/zero | tr '\0' 'x' >"$work/much"
"$top/zonevipctl" import-keepalived "$work/much" >/dev/null 2>"$work/said" && fail "two megabytes were read"
grep -q 'megabyte' "$work/said"
