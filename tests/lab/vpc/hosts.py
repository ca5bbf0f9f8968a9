# SPDX-License-Identifier: MIT
"""The namespaces of the lab, and what a host finds in its file system.

Every namespace is held open by an anchor: a process named "lab:NAME" that sleeps. A host's anchor
has its own network, mount and UTS namespace; through /proc/ANCHOR/root its files can be reached.
/etc, /var/lib and /usr/local are overlays whose upper side is memory: the machine's own stay
untouched, and they end with the anchor.
"""

import grp
import os
import pwd
import shutil
import socket
import subprocess
from dataclasses import dataclass

from . import kernel, unitfile
from .layout import REGION, SERVICES, VIP, HostSpec

LAB = "/run/lab"  # the lab's directory as every process inside sees it
USERS = ("zonevip", "zonevip-script")
FIRST_UID = 470
PROGRAMS = {"zonevipd": "sbin", "zonevipctl": "sbin", "zonevip-notify": "sbin", "zonevip-cleanup": "sbin",
            "zonevip-exporter": "sbin", "zonevip-doctor": "sbin", "check_zonevip": "libexec"}
REQUIRED_PROGRAMS = ("zonevipd", "zonevipctl", "zonevip-notify", "zonevip-cleanup")
# What the unit files read; -l: the lab has no journal.
DEFAULTS = 'ZONEVIP_OPTIONS="-l -f /etc/zonevip/zonevip.conf"\n'


@dataclass(frozen=True)
class Users:
    """uid (= gid) of the two users; the machine's own if the package is installed there."""

    ids: dict[str, int]
    new: tuple[str, ...]

    @classmethod
    def choose(cls) -> "Users":
        taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
        ids: dict[str, int] = {}
        new = []
        for name in USERS:
            try:
                ids[name] = pwd.getpwnam(name).pw_uid
                continue
            except KeyError:
                pass
            ids[name] = next(uid for uid in range(FIRST_UID, 1000) if uid not in taken)
            taken.add(ids[name])
            new.append(name)
        return cls(ids, tuple(new))


def hosts_file(host: HostSpec, with_names: bool = True) -> str:
    lines = ["127.0.0.1 localhost", f"{host.address} {host.name}"]
    if not host.database:
        lines.append(f"{VIP} DB_Host")
    if with_names:
        lines += [f"{address} {service}.{REGION}.amazonaws.com" for service, address in SERVICES.items()]
    return "\n".join(lines) + "\n"


# No name server: what the hosts file does not know is refused at once. The hanging one is the
# VPC's own resolver address, which nobody has here, so that questions vanish.
RESOLVER_NONE = "# no resolver in the lab: names come from /etc/hosts\n"
RESOLVER_HANGS = "nameserver 10.0.0.2\n"


def anchor(name: str, host: HostSpec | None, users: Users, bindir: str | None) -> int:
    """Starts a namespace and returns its anchor's pid when everything in it is in place."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            kernel.unshare(kernel.CLONE_NEWNET | (kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS if host else 0))
            _sysctls(forward=name == "router")
            if host:
                _furnish(host, users, bindir)
            os.write(writer, b"ready")
            os.close(writer)
            os.execv("/usr/bin/sleep", [f"lab:{name}", "infinity"])
        except BaseException as error:
            os.write(writer, repr(error).encode())
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    if answer != b"ready":
        raise OSError(f"namespace {name}: {answer.decode()}")
    path = kernel.netns_path(name)
    with open(path, "w"):
        pass
    kernel.bind(f"/proc/{pid}/ns/net", path)
    return pid


def _sysctls(forward: bool) -> None:
    for scope in ("all", "default"):
        kernel.set_sysctl(f"net/ipv4/conf/{scope}/rp_filter", "0")
        kernel.set_sysctl(f"net/ipv4/conf/{scope}/send_redirects", "0")
        kernel.set_sysctl(f"net/ipv4/conf/{scope}/accept_redirects", "0")
        kernel.set_sysctl(f"net/ipv6/conf/{scope}/accept_ra", "0", must=False)
        kernel.set_sysctl(f"net/ipv6/conf/{scope}/accept_dad", "0", must=False)
    kernel.set_sysctl("net/ipv4/ip_forward", "1" if forward else "0")


def _furnish(host: HostSpec, users: Users, bindir: str | None) -> None:
    kernel.make_private()
    socket.sethostname(host.name)
    kernel.mount("sysfs", "/sys", "sysfs", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    lab = os.open(LAB, os.O_PATH | os.O_DIRECTORY)
    kernel.mount("tmpfs", "/run", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=512m")
    _directory(LAB, 0o755)
    kernel.bind(f"/proc/self/fd/{lab}", LAB)
    os.close(lab)
    _directory("/run/lock", 0o1777)
    _directory("/run/overlay", 0o700)
    for path in ("/etc", "/var/lib", "/usr/local"):
        _overlay(path)
    _etc(host, users)
    if host.database:
        _database_host(users, bindir)


def _overlay(path: str) -> None:
    upper = "/run/overlay" + path.replace("/", "-") + "-upper"
    work = "/run/overlay" + path.replace("/", "-") + "-work"
    _directory(upper, 0o755)
    _directory(work, 0o700)
    kernel.mount("overlay", path, "overlay", 0, f"lowerdir={path},upperdir={upper},workdir={work}")


def _directory(path: str, mode: int, uid: int = 0, gid: int | None = None) -> None:
    os.makedirs(path, exist_ok=True)
    os.chown(path, uid, uid if gid is None else gid)
    os.chmod(path, mode)


def _memory(path: str, mode: int, uid: int = 0, gid: int = 0, size: str = "16m") -> None:
    """An empty directory of the host's own, also where the machine has something of that name."""
    os.makedirs(path, exist_ok=True)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", path, "tmpfs", flags, f"mode={mode:o},uid={uid},gid={gid},size={size}")


def _etc(host: HostSpec, users: Users) -> None:
    kernel.write_file("/etc/hostname", host.name + "\n")
    kernel.write_file("/etc/hosts", hosts_file(host))
    kernel.write_file("/etc/resolv.conf", RESOLVER_NONE)
    if host.database:
        _directory("/etc/default", 0o755)
        kernel.write_file("/etc/default/zonevip", DEFAULTS)
    kernel.write_file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    with open("/etc/passwd", "a") as passwd, open("/etc/group", "a") as group:
        for name in users.new:
            uid = users.ids[name]
            passwd.write(f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n")
            member = "zonevip-script" if name == "zonevip" else ""  # as the package has it: to read the configuration
            group.write(f"{name}:x:{uid}:{member}\n")
    _trust_ca()


def _trust_ca() -> None:
    """The lab's CA beside the machine's, for every program in the host that asks the system."""
    _directory("/etc/ssl/certs", 0o755)
    _memory("/etc/zonevip", 0o755)
    shutil.copytree(f"{LAB}/ca/hashed", "/etc/zonevip/ca")
    for name in os.listdir(f"{LAB}/ca/hashed"):
        shutil.copy(f"{LAB}/ca/hashed/{name}", "/etc/ssl/certs/")
    with open(f"{LAB}/ca/ca.pem") as ca, open("/etc/ssl/certs/ca-certificates.crt", "a") as bundle:
        bundle.write(ca.read())


def _database_host(users: Users, bindir: str | None) -> None:
    mysql = pwd.getpwnam("mysql")
    _memory("/var/lib/zonevip", 0o700, users.ids["zonevip"], users.ids["zonevip"])
    _memory("/var/lib/mysql", 0o700, mysql.pw_uid, mysql.pw_gid, "512m")
    _directory("/run/zonevip", 0o750, users.ids["zonevip"])
    _directory("/run/zonevip-script", 0o755, users.ids["zonevip-script"])
    _directory("/run/mysqld", 0o755, mysql.pw_uid, mysql.pw_gid)
    subprocess.run(["tar", "-xpf", f"{LAB}/mysql.tar", "-C", "/var/lib/mysql"], check=True, timeout=60)
    install_files(users, "")
    _directory("/usr/local/libexec", 0o755)
    shutil.copy(f"{os.path.dirname(os.path.abspath(__file__))}/sandbox.py", unitfile.SANDBOX)
    os.chmod(unitfile.SANDBOX, 0o755)
    if bindir:
        install_programs(bindir, "")


def install_files(users: Users, root: str, names: tuple[str, ...] = ()) -> None:
    """What an administrator puts into /etc/zonevip, from the lab's etc directory."""
    daemon = users.ids["zonevip"]
    wanted = {"zonevip.conf": (0o640, 0, daemon), "heartbeat.key": (0o400, daemon, daemon),
              "notify.sh": (0o755, 0, 0)}
    for name in names or wanted:
        mode, uid, gid = wanted[name]
        with open(f"{LAB}/etc/{name}", "rb") as stream:
            kernel.write_file(f"{root}/etc/zonevip/{name}", stream.read(), mode, uid, gid)


def install_programs(bindir: str, root: str) -> None:
    """As `make install` with the default prefix; a running program keeps its old file."""
    for name, folder in PROGRAMS.items():
        source = os.path.join(bindir, name)
        if not os.path.exists(source):
            source = os.path.join(bindir, folder, name)
        if not os.path.exists(source):
            continue
        target = f"{root}/usr/local/{folder}"
        os.makedirs(target, exist_ok=True)
        shutil.copy2(source, f"{target}/{name}.new")
        os.chmod(f"{target}/{name}.new", 0o755)
        os.rename(f"{target}/{name}.new", f"{target}/{name}")


def missing_programs(bindir: str) -> list[str]:
    return [name for name in REQUIRED_PROGRAMS
            if not os.path.exists(os.path.join(bindir, name))
            and not os.path.exists(os.path.join(bindir, PROGRAMS[name], name))]

