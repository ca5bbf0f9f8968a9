#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The sandbox of a unit file without systemd: what ProtectSystem=, SystemCallFilter= and their like mean.

    sandbox.py outer UNIT.json COMMAND...    as root: a mount namespace as the unit says, then COMMAND
    sandbox.py inner UNIT.json COMMAND...    as the unit's user: its seccomp filter, then COMMAND

outer runs before the change of user and inner after it, since the filter forbids what that change needs.
UNIT.json is what describe() made of the unit. The words taken: ProtectSystem=full|strict ProtectHome ProtectProc
ProcSubset PrivateTmp PrivateDevices RuntimeDirectory StateDirectory ReadWritePaths; SystemCallFilter
SystemCallErrorNumber SystemCallArchitectures RestrictAddressFamilies RestrictNamespaces RestrictRealtime
RestrictSUIDSGID MemoryDenyWriteExecute LockPersonality LimitMEMLOCK LimitNOFILE. A word that is asked for in
another way than the one known here is an error, so that the copy cannot fall behind the unit in silence.
It stands alone: it is installed into the hosts and imports nothing of the lab.
"""

import ctypes
import errno
import json
import os
import resource
import socket
import stat
import subprocess
import sys

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
CLONE_NEWNS = 0x00020000
NAMESPACES = 0x7E020000 | 0x80  # every CLONE_NEW*
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EQ, MASKED_EQ, NE = 4, 7, 1
FIXED = {"ProtectHome": "yes", "ProtectProc": "invisible", "ProcSubset": "pid", "PrivateTmp": "yes",
         "PrivateDevices": "yes", "SystemCallArchitectures": "native", "SystemCallErrorNumber": "EPERM",
         "RestrictNamespaces": "yes", "RestrictRealtime": "yes", "RestrictSUIDSGID": "yes",
         "MemoryDenyWriteExecute": "yes", "LockPersonality": "yes"}
UNITS = {"K": 1 << 10, "M": 1 << 20}


class SandboxError(Exception):
    pass


# --- what the unit says ------------------------------------------------------------------------------


def describe(unit: dict[str, list[str]]) -> dict:
    """Of the words of a unit file, as vpc/unitfile.py reads them."""
    for word, known in FIXED.items():
        if unit.get(word, [known])[-1] != known:
            raise SandboxError(f"{word}={unit[word][-1]}: the lab's sandbox knows {known} alone")
    writable = [f"/run/{name}" for value in unit.get("RuntimeDirectory", []) for name in value.split()]
    writable += [f"/var/lib/{name}" for value in unit.get("StateDirectory", []) for name in value.split()]
    writable += [path for value in unit.get("ReadWritePaths", []) for path in value.split()]
    writable = [path.removeprefix("-") for path in writable]
    system = unit.get("ProtectSystem", ["no"])[-1]
    if system not in ("no", "full", "strict"):
        raise SandboxError(f"ProtectSystem={system}: the lab's sandbox knows full and strict")
    return {"words": sorted(word for word in FIXED if word in unit), "system": system, "writable": writable,
            "calls": system_calls(unit.get("SystemCallFilter", [])),
            "families": [name for value in unit.get("RestrictAddressFamilies", []) for name in value.split()],
            "limits": {word: _size(unit[word][-1]) for word in ("LimitMEMLOCK", "LimitNOFILE") if word in unit}}


def _size(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def system_calls(filters: list[str]) -> list[str]:
    """The allowed ones, as systemd adds and takes away; groups are asked of systemd itself."""
    groups = _groups()
    allowed = set(_members("@default", groups)) if filters else set()
    for line in filters:
        away = line.startswith("~")
        for name in line.lstrip("~").split():
            calls = set(_members(name, groups))
            allowed = allowed - calls if away else allowed | calls
    return sorted(allowed)


def _groups() -> dict[str, list[str]]:
    try:
        done = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True, timeout=20,
                              check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise SandboxError(f"systemd-analyze is needed to know the groups of system calls: {error}") from None
    groups: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), [])
        elif line.startswith(" ") and groups and line.split()[0] != "#":
            members.append(line.split()[0])
        elif not line.startswith(" ") and line.strip():
            break  # what the kernel knows and no group has
    return groups


def _members(name: str, groups: dict[str, list[str]]) -> list[str]:
    if not name.startswith("@"):
        return [name]
    return [call for member in groups[name] for call in _members(member, groups)]


# --- outer: mounts -----------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    if _libc.mount(source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, f"mount on {target}: {os.strerror(number)}")


def confine(unit: dict) -> None:
    if _libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("none", "/", flags=MS_REC | MS_PRIVATE)
    for path in unit["writable"]:
        if os.path.isdir(path):
            _mount(path, path, flags=MS_BIND)
    _private_places(unit["words"])
    if unit["system"] == "full":
        for path in ("/usr", "/etc"):
            _mount(path, path, flags=MS_BIND | MS_REC)
            _mount("none", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
    elif unit["system"] == "strict":
        _read_only([*unit["writable"], *(["/tmp", "/var/tmp"] if "PrivateTmp" in unit["words"] else [])])


def _private_places(words: list[str]) -> None:
    if "PrivateTmp" in words:
        for path in ("/tmp", "/var/tmp"):
            _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=16m")
    if "ProtectHome" in words:
        for path in ("/home", "/root", "/run/user"):
            if os.path.isdir(path):
                _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "mode=000,size=4k")
    if "ProtectProc" in words:
        _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=invisible,subset=pid")
    if "PrivateDevices" in words:
        _devices()


def _devices() -> None:
    keep = {name: os.stat(f"/dev/{name}").st_rdev for name in ("null", "zero", "full", "random", "urandom")}
    _mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k")
    mask = os.umask(0)
    for name, device in keep.items():
        os.mknod(f"/dev/{name}", stat.S_IFCHR | 0o666, device)
    os.umask(mask)
    _mount("none", "/dev", flags=MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC)


def _read_only(writable: list[str]) -> None:
    with open("/proc/self/mounts") as mounts:
        entries = [line.split()[1:4] for line in mounts]
    for path, _, options in entries:
        path = path.encode().decode("unicode_escape")
        if path in writable or path.startswith("/proc"):
            continue
        flags = sum(flag for word, flag in (("nosuid", MS_NOSUID), ("nodev", MS_NODEV), ("noexec", MS_NOEXEC))
                    if word in options.split(","))
        try:
            _mount("none", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EACCES, errno.EINVAL):  # hidden below another mount
                raise


# --- inner: seccomp ------------------------------------------------------------------------------------


class _Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Filter:
    """What is not allowed, or what is denied, is refused with EPERM, as SystemCallErrorNumber= says."""

    def __init__(self, allows_all: bool) -> None:
        self._lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._lib.seccomp_init.argtypes = [ctypes.c_uint32]
        self._lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                                     ctypes.POINTER(_Compare)]
        self._lib.seccomp_load.argtypes = [ctypes.c_void_p]
        self._ctx = self._lib.seccomp_init(ALLOW if allows_all else ERRNO | errno.EPERM)

    def rule(self, call: str, *compare: tuple[int, int, int, int], action: int = ALLOW) -> None:
        number = self._lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # of another architecture, or of a later kernel
        array = (_Compare * max(1, len(compare)))(*(_Compare(*one) for one in compare))
        result = self._lib.seccomp_rule_add_array(self._ctx, action, number, len(compare), array)
        if result:
            raise SandboxError(f"seccomp rule for {call}: {os.strerror(-result)}")

    def load(self) -> None:
        result = self._lib.seccomp_load(self._ctx)
        if result:
            raise SandboxError(f"seccomp_load: {os.strerror(-result)}")


def fill(filter_: Filter, unit: dict) -> None:
    words, special = unit["words"], {}
    if unit["families"]:
        special["socket"] = [[(0, EQ, int(getattr(socket, name)), 0)] for name in unit["families"]]
    if "MemoryDenyWriteExecute" in words:
        special["mmap"] = [[(2, MASKED_EQ, PROT_EXEC, 0)], [(2, MASKED_EQ, PROT_WRITE, 0)]]
        special["mprotect"] = special["pkey_mprotect"] = [[(2, MASKED_EQ, PROT_EXEC, 0)]]
        special["shmat"] = [[(2, MASKED_EQ, SHM_EXEC, 0)]]
    if "RestrictNamespaces" in words:
        special["clone"] = [[(0, MASKED_EQ, NAMESPACES, 0)]]
        special["unshare"] = special["setns"] = []
    if "RestrictRealtime" in words:
        special["sched_setscheduler"] = [[(1, EQ, policy, 0)] for policy in (0, 3, 5)]
    if "RestrictSUIDSGID" in words:
        for call, arg in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2)):
            special[call] = [[(arg, MASKED_EQ, stat.S_ISUID | stat.S_ISGID, 0)]]
    if "LockPersonality" in words:
        special["personality"] = [[(0, EQ, 0, 0)], [(0, EQ, 0xFFFFFFFF, 0)]]
    for call in unit["calls"]:
        if call == "clone3" and "RestrictNamespaces" in words:
            filter_.rule(call, action=ERRNO | errno.ENOSYS)  # its flags cannot be looked at: libc takes clone()
            continue
        for compare in special.get(call, [[]]):
            filter_.rule(call, *compare)


def forbid(filter_: Filter, unit: dict) -> None:
    """For a unit without SystemCallFilter=: everything but what its Restrict words name."""
    deny, words = ERRNO | errno.EPERM, unit["words"]
    if "RestrictNamespaces" in words:
        filter_.rule("clone3", action=ERRNO | errno.ENOSYS)
        for call in ("unshare", "setns"):
            filter_.rule(call, action=deny)
        for bit in (1 << number for number in range(32) if NAMESPACES >> number & 1):
            filter_.rule("clone", (0, MASKED_EQ, bit, bit), action=deny)
    if "RestrictRealtime" in words:
        for policy in (1, 2, 6):
            filter_.rule("sched_setscheduler", (1, EQ, policy, 0), action=deny)
    if "RestrictSUIDSGID" in words:
        for call, arg in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2)):
            for bit in (stat.S_ISUID, stat.S_ISGID):
                filter_.rule(call, (arg, MASKED_EQ, bit, bit), action=deny)
    if "LockPersonality" in words:
        filter_.rule("personality", (0, NE, 0, 0), action=deny)


def main() -> None:
    stage, path, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(path) as stream:
        unit = json.load(stream)
    if stage == "outer":
        for word, name in (("LimitMEMLOCK", resource.RLIMIT_MEMLOCK), ("LimitNOFILE", resource.RLIMIT_NOFILE)):
            if word in unit["limits"]:
                resource.setrlimit(name, (unit["limits"][word],) * 2)
        confine(unit)
    else:
        filter_ = Filter(allows_all=not unit["calls"])
        (fill if unit["calls"] else forbid)(filter_, unit)
        filter_.load()
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
