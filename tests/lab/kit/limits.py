# SPDX-License-Identifier: MIT
"""Too little of something: a full file system, a memory group (cgroup v1 or v2) that kills beyond its limit.

Groups belong to the machine, so they carry the lab's name, as those of vpc/freezer.py, and go the same way.
"""

from __future__ import annotations

import os

from vpc.errors import LabError
from vpc.freezer import empty, read, write

SMALL = "zonevip-small"  # what stands as the device in the host's list of mounts


def small_fs(host, path: str, size: str) -> None:
    """An empty file system of that size over the directory, owner and mode as they were."""
    found = os.stat(host.path(path))
    options = f"size={size},mode={found.st_mode & 0o7777:o},uid={found.st_uid},gid={found.st_gid}"
    host.exec(["mount", "-t", "tmpfs", "-o", options, SMALL, path])


def small_paths(host) -> list[str]:
    with open(f"/proc/{host.anchor}/mounts") as mounts:
        return [line.split()[1] for line in mounts if line.split()[0] == SMALL]


def big_fs(host, path: str) -> None:
    host.exec(["umount", "--lazy", path])


def fill(host, path: str) -> int:
    """Returns the bytes that went in; after it not one more goes."""
    written = 0
    with open(host.path(f"{path}/filler"), "ab", buffering=0) as stream:
        for size in (65536, 4096, 1):
            try:
                while True:
                    written += stream.write(bytes(size))
            except OSError:
                pass
    return written


def memory_root() -> tuple[str, str]:
    """(mount point, name of the limit)."""
    v2 = None
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, path, kind, options, *_ = line.split()
            if kind == "cgroup" and "memory" in options.split(","):
                return path, "memory.limit_in_bytes"
            if kind == "cgroup2":
                v2 = path
    if v2 and "memory" in read(f"{v2}/cgroup.controllers").split():
        write(f"{v2}/cgroup.subtree_control", "+memory")
        return v2, "memory.max"
    raise LabError("no memory group on this machine")


def memory_limit(name: str, pids: list[int], limit: int) -> None:
    root, word = memory_root()
    path = f"{root}/{name}"
    os.makedirs(path, exist_ok=True)
    write(f"{path}/{word}", str(limit))
    for pid in pids:
        write(f"{path}/cgroup.procs", str(pid))


def memory_kills(name: str) -> int:
    """How many processes of the group the kernel has killed for want of memory."""
    root, word = memory_root()
    text = read(f"{root}/{name}/" + ("memory.events" if word == "memory.max" else "memory.oom_control"))
    return next(int(line.split()[1]) for line in text.splitlines() if line.split()[0] == "oom_kill")


def memory_unlimit(name: str) -> None:
    root, _ = memory_root()
    path = f"{root}/{name}"
    if os.path.isdir(path):
        empty(path, root, {})
