# SPDX-License-Identifier: MIT
"""The few system calls that Python 3.11 does not have, by ctypes."""

import ctypes
import errno
import os
import socket

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(path: str, kind: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(fd, kind), f"setns {path}")
    finally:
        os.close(fd)


def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "") -> None:
    result = _libc.mount(source.encode(), target.encode(), fstype.encode() or None,
                         ctypes.c_ulong(flags), data.encode() or None)
    _check(result, f"mount {fstype or 'bind'} on {target}")


def bind(source: str, target: str) -> None:
    mount(source, target, flags=MS_BIND)


def make_private() -> None:
    """Nothing mounted from here on is seen outside, and nothing outside is unmounted from here."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def die_with_parent(signal_number: int) -> None:
    """The kernel sends this process the signal when the thread that forked it ends."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number), 0, 0, 0), "prctl")


def name_process(name: str) -> None:
    """What ps and top show of a forked process."""
    _check(_libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0), "prctl")


def netns_path(name: str) -> str:
    return f"/run/netns/{name}"


def socket_in(netns: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket that lives in another network namespace, whoever uses it.

    Only for single-threaded callers: the namespace of the calling thread changes for a moment.
    """
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(netns_path(netns), CLONE_NEWNET)
        return socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    finally:
        _check(_libc.setns(home, CLONE_NEWNET), "setns back")
        os.close(home)


def write_file(path: str, content: str | bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
    """Replaces a file whole (a symbolic link is replaced, not followed)."""
    fresh = f"{path}.new"
    try:
        os.unlink(fresh)
    except FileNotFoundError:
        pass
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        os.fchown(stream.fileno(), uid, gid)
        os.fchmod(stream.fileno(), mode)
    os.rename(fresh, path)


def set_sysctl(name: str, value: str, must: bool = True) -> None:
    try:
        with open("/proc/sys/" + name, "w") as stream:
            stream.write(value)
    except OSError as error:
        if must or error.errno not in (errno.ENOENT, errno.EACCES):
            raise
