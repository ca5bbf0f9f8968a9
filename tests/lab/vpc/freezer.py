# SPDX-License-Identifier: MIT
"""Freezing processes whole, as a paused machine is frozen: cgroup v2 where there is one, else v1.

Groups belong to the machine and not to the lab, so they are named after the lab's directory and
removed by whoever ends the lab. In v1 a frozen process does not even die by SIGKILL: thaw first.
"""

import errno
import glob
import hashlib
import os
import time

from .errors import LabError

WAIT_S = 5.0


def prefix(lab_dir: str) -> str:
    return "zonevip-lab-" + hashlib.sha256(os.path.realpath(lab_dir).encode()).hexdigest()[:12]


def _roots() -> list[tuple[str, bool]]:
    """(mount point, is v2), the better first."""
    found = []
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, path, kind, options, *_ = line.split()
            if kind == "cgroup2":
                found.append((path, True))
            elif kind == "cgroup" and "freezer" in options.split(","):
                found.append((path, False))
    return sorted(found, key=lambda entry: not entry[1])


def _all_roots() -> list[str]:
    """Where a lab may have groups: those that freeze, and those that bound memory (kit/limits.py)."""
    with open("/proc/self/mounts") as mounts:
        entries = [line.split() for line in mounts]
    return [path for _, path, kind, options, *_ in entries
            if kind == "cgroup2" or (kind == "cgroup" and {"freezer", "memory"} & set(options.split(",")))]


def _freezes(path: str) -> bool:
    return os.path.exists(f"{path}/cgroup.freeze") or os.path.exists(f"{path}/freezer.state")


class Freezer:
    def __init__(self, name: str) -> None:
        self._name = name
        self._homes: dict[str, dict[int, str]] = {}  # by group: where each process came from (v2)

    def freeze(self, group: str, pids: list[int]) -> None:
        roots = _roots()
        if not roots:
            raise LabError("no cgroup freezer on this machine: use signal STOP")
        root, is_v2 = roots[0]
        path = f"{root}/{self._name}.{group}"
        os.makedirs(path, exist_ok=True)
        homes = self._homes.setdefault(group, {})
        for pid in pids:
            homes[pid] = root + (_v2_home(pid) if is_v2 else "/")
            write(f"{path}/cgroup.procs", str(pid))
        _set(path, True)

    def thaw(self, group: str) -> None:
        homes = self._homes.pop(group, {})
        for root, _ in _roots():
            path = f"{root}/{self._name}.{group}"
            if os.path.isdir(path):
                _set(path, False)
                empty(path, root, homes)

    def groups(self) -> list[str]:
        return sorted(self._homes)


def remove_all(lab_dir: str, wait_s: float = WAIT_S) -> None:
    """Every group of that lab: thawed, emptied, removed. For whoever ends a lab."""
    end = time.monotonic() + wait_s
    while True:
        groups = [(path, root) for root in _all_roots() for path in glob.glob(f"{root}/{prefix(lab_dir)}.*")]
        for path, root in groups:
            try:
                if _freezes(path):
                    _set(path, False)
                empty(path, root, {})
            except OSError:
                continue  # its processes are dying at this moment: it will be empty soon
        if not groups or time.monotonic() > end:
            return
        time.sleep(0.005)


def _v2_home(pid: int) -> str:
    with open(f"/proc/{pid}/cgroup") as stream:
        return next(line.strip().partition("::")[2] for line in stream if line.startswith("0::"))


def _set(path: str, frozen: bool) -> None:
    if os.path.exists(f"{path}/cgroup.freeze"):
        write(f"{path}/cgroup.freeze", "1" if frozen else "0")
        _await(lambda: f"frozen {int(frozen)}" in read(f"{path}/cgroup.events").splitlines(), path)
    else:
        write(f"{path}/freezer.state", "FROZEN" if frozen else "THAWED")
        _await(lambda: read(f"{path}/freezer.state").strip() == ("FROZEN" if frozen else "THAWED"), path)


def _await(done, path: str) -> None:
    end = time.monotonic() + WAIT_S
    while not done():
        if time.monotonic() > end:
            raise LabError(f"{path} did not change within {WAIT_S:g} s")
        time.sleep(0.001)


def empty(path: str, root: str, homes: dict[int, str]) -> None:
    def emptied() -> bool:
        """Again while what was thawed forks, or the kernel still counts one that has just left."""
        for pid in map(int, read(f"{path}/cgroup.procs").split()):
            try:
                write(f"{homes.get(pid, root)}/cgroup.procs", str(pid))
            except ProcessLookupError:
                pass
        try:
            os.rmdir(path)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
        return True

    _await(emptied, path)


def write(path: str, text: str) -> None:
    with open(path, "w") as stream:
        stream.write(text)


def read(path: str) -> str:
    with open(path) as stream:
        return stream.read()
