#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/package/rpm.sh ROOT RPM...: the rpms' life in a copy of a minimal system (root.sh makes one), as
# far as Debian's rpm goes: install, upgrade over an edited configuration, erase. What they depend on has
# Amazon's names and is not looked for; nothing is started. ROOT is only read; what is written goes to
# memory.
set -eu

if [ "${1:-}" != --inside ]; then
	exec unshare --mount --pid --fork "$0" --inside "$@"
fi
shift
lower=$1
shift
os=$(mktemp -d)
mount --make-rprivate /
mount -t tmpfs -o mode=755,size=512m tmpfs "$os"
mkdir "$os/upper" "$os/work" "$os/os" "$os/rpms"
cp "$@" "$os/rpms"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$os/upper,workdir=$os/work" "$os/os"
rpms=$os/rpms os=$os/os
mount -t proc proc "$os/proc"

fail() {
	echo "rpm: $*" >&2
	exit 1
}

in_os() { chroot "$os" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
it() { command rpm --root="$os" "$@"; }

modes() {
	cat >"$rpms/wanted" <<-END
		750 root:zonevip /etc/zonevip
		640 root:zonevip /etc/zonevip/zonevip.conf
		750 zonevip:zonevip /run/zonevip
	END
	in_os stat -c '%a %U:%G %n' /etc/zonevip /etc/zonevip/zonevip.conf /run/zonevip >"$rpms/found"
	diff -u "$rpms/wanted" "$rpms/found" || fail "$1: owners and modes are others"
}

it -i --nodeps "$rpms"/*.rpm || fail "could not install"
modes "installed"
in_os id -nG zonevip-script | grep -qw zonevip || fail "the scripts' user cannot read the configuration"
differs=$(it -V --nodeps zonevip zonevip-exporter) || fail "what is installed is not what is in the package: $differs"
for file in /usr/sbin/zonevipd /usr/lib/systemd/system/zonevip.service /usr/share/man/man5/zonevip.conf.5 \
	/usr/share/bash-completion/completions/zonevipctl /usr/share/doc/zonevip/examples/zonevip-networkd.conf \
	/etc/sysconfig/zonevip /usr/lib/systemd/system/zonevip-exporter.service; do
	in_os sh -c "ls $file* >/dev/null" || fail "$file is not there"
done

in_os sh -c 'echo "# ours" >>/etc/zonevip/zonevip.conf; echo key >/etc/zonevip/heartbeat.key'
it -U --nodeps --force "$rpms"/*.rpm || fail "could not upgrade"
modes "upgraded"
in_os grep -q '^# ours' /etc/zonevip/zonevip.conf || fail "the upgrade took our configuration"
in_os grep -q key /etc/zonevip/heartbeat.key || fail "the upgrade took our key"

it -e zonevip-exporter zonevip || fail "could not erase"
left=$(in_os find /usr /lib /etc -xdev -name '*zonevip*' | LC_ALL=C sort | tr '\n' ' ')
[ "$left" = "/etc/zonevip /etc/zonevip/zonevip.conf.rpmsave " ] || fail "left behind: $left"
echo "rpm: installed, upgraded, erased: as it should be"
