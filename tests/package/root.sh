#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/package/root.sh DEB...: a minimal Debian with systemd and nothing else, and in its package
# cache, not installed, what the debs depend on. Prints its directory. Made once a machine and kept in
# ~/.cache/zonevip-lab; hosts of the lab only ever read it (overlay). 77: cannot be had here.
set -eu

suite=bookworm
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zonevip-lab
root=$cache/debian-$suite
mirror=${ZONEVIP_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$cache"
exec 9>"$root.lock"
flock -w 900 9
log=$root.log

skip() {
	tail -n 3 "$log" >&2
	echo "no minimal Debian root: $1 (see $log)"
	exit 77
}

if [ ! -e "$root/complete" ]; then
	command -v debootstrap >/dev/null || { echo "no debootstrap here"; exit 77; }
	rm -rf "$root.new" "$root"
	timeout 600 debootstrap --variant=minbase --include=systemd-sysv "$suite" "$root.new" "$mirror" \
		>"$log" 2>&1 </dev/null || skip "debootstrap failed; is there a mirror?"
	mkdir "$root"
	mv "$root.new" "$root/os"
	touch "$root/complete"
fi

# Downloaded here, where there is a network; installed in the lab, where there is none.
wanted=$(for deb; do dpkg-deb -f "$deb" Depends; done | sha256sum)
if [ "$(cat "$root/depends" 2>/dev/null)" != "$wanted" ]; then
	cp -L /etc/resolv.conf "$root/os/etc/resolv.conf"
	rm -rf "$root/os/var/tmp/wanted" && mkdir "$root/os/var/tmp/wanted"
	cp "$@" "$root/os/var/tmp/wanted"
	in_root() {
		timeout 600 chroot "$root/os" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" \
			>>"$log" 2>&1 </dev/null
	}
	if ! in_root apt-get -q update || ! in_root sh -c \
		'apt-get -q install -y --no-install-recommends --download-only /var/tmp/wanted/*.deb'; then
		rm -rf "$root/os/var/tmp/wanted"
		skip "apt-get could not download the dependencies"
	fi
	rm -rf "$root/os/var/tmp/wanted" "$root/os/etc/resolv.conf"
	printf '%s\n' "$wanted" >"$root/depends"
fi
echo "$root/os"
