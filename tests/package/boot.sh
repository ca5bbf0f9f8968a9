#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/package/boot.sh ROOT: systemd as process 1 of a minimal Debian on a host of the lab. Runs in
# fresh pid, mount, uts, ipc and cgroup namespaces and in the host's network. ROOT is only read; what
# is written goes to memory. /run/mysqld is the lab's, where its mysqld listens.
set -eu

lower=$1
os=/run/os
mount --make-rprivate /
mkdir -p /run/os-memory "$os"
mount -t tmpfs -o mode=755,size=1g tmpfs /run/os-memory
mkdir /run/os-memory/upper /run/os-memory/work
mount -t overlay overlay -o "lowerdir=$lower,upperdir=/run/os-memory/upper,workdir=/run/os-memory/work" "$os"

mount -t proc proc "$os/proc"
mount --bind "$os/proc/sys" "$os/proc/sys" # the machine's own knobs are not this host's
mount -o remount,bind,ro "$os/proc/sys"
mount -t sysfs -o ro sysfs "$os/sys"
mount -t cgroup2 cgroup2 "$os/sys/fs/cgroup"
mount -t tmpfs -o mode=755,size=64m tmpfs "$os/run"
mkdir -m 755 "$os/run/mysqld"
mount --bind /run/mysqld "$os/run/mysqld"
mount -t tmpfs -o mode=755,size=1m tmpfs "$os/dev"
for device in null zero full random urandom tty; do
	touch "$os/dev/$device"
	mount --bind "/dev/$device" "$os/dev/$device"
done
mkdir "$os/dev/pts" "$os/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$os/dev/pts"
ln -s pts/ptmx "$os/dev/ptmx"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$os/tmp"

cp /etc/hosts "$os/etc/hosts"
cp /etc/resolv.conf "$os/etc/resolv.conf"
mkdir -p "$os/usr/local/share/ca-certificates"
cp /run/lab/ca/ca.pem "$os/usr/local/share/ca-certificates/lab.crt"
: >"$os/etc/machine-id"

cd "$os"
mkdir -p run/old
pivot_root . run/old
umount -l run/old
exec env -i container=zonevip-lab PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . \
	/lib/systemd/systemd --unit=multi-user.target </dev/null
