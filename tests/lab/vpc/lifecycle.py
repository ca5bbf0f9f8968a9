# SPDX-License-Identifier: MIT
"""Bringing a lab up and taking it down from outside, and finding one that is there."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass

from . import freezer, keeper
from .errors import LabError
from .hosts import missing_programs

UP_S = 90.0
DOWN_S = 20.0
MARK = "zonevip-lab.json"
TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux", "ip": "iproute2",
         "nft": "nftables", "openssl": "openssl", "mariadbd": "mariadb-server", "mariadb": "mariadb-client",
         "tar": "tar"}


@dataclass
class Run:
    """A lab that is up: its directory and the outside pid of its builder."""

    dir: str
    top: int
    tie: int | None = None

    def outer_pid(self, inner: int) -> int:
        """What this side calls the process that the lab calls inner."""
        for pid in _descendants(self.top):
            if _inner_pid(pid) == inner:
                return pid
        raise LabError(f"no process {inner} in the lab in {self.dir}")

    def close(self) -> None:
        if self.tie is not None:
            os.close(self.tie)
            self.tie = None


def start(folder: str, bindir: str | None, conf: str, tie: bool, sandbox: bool = False) -> Run:
    _check_machine(bindir)
    folder = _prepare(folder)
    with open(f"{folder}/options.json", "w") as stream:
        json.dump({"conf": conf, "bindir": bindir, "cache": _cache(), "sandbox": sandbox}, stream)
    ready, ready_end = os.pipe()
    tie_end, held = os.pipe() if tie else (os.open(os.devnull, os.O_RDONLY), None)
    with open(f"{folder}/log/lab.log", "ab") as log:
        process = subprocess.Popen(
            [*keeper.python("vpc.keeper"), folder, "tie" if tie else "free", str(ready_end)], stdin=tie_end, stdout=log,
            stderr=log, start_new_session=True, pass_fds=[ready_end], cwd="/",
            env={**os.environ, "PYTHONPATH": keeper.LAB_DIR, "PATH": _path()})
    os.close(ready_end)
    os.close(tie_end)
    try:
        _await_ready(ready, folder)
        return Run(folder, _top_pid(process.pid), held)
    except BaseException:
        if held is not None:
            os.close(held)
        stop(folder, keep_logs=True)
        raise
    finally:
        os.close(ready)


def attach(folder: str) -> Run:
    if not os.path.exists(f"{folder}/{MARK}"):
        raise LabError(f"no lab in {folder}")
    pid = _keeper_pid(folder)
    if pid is None:
        raise LabError(f"the lab in {folder} is not up (anymore)")
    return Run(folder, _top_pid(pid))


def is_up(folder: str) -> bool:
    return os.path.exists(f"{folder}/{MARK}") and _keeper_pid(folder) is not None


def stop(folder: str, keep_logs: bool) -> None:
    """Ends the lab of that directory, or what a crash has left of it, and removes its traces."""
    if not os.path.exists(f"{folder}/{MARK}"):
        return
    pid = _keeper_pid(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not _lock_free(folder, DOWN_S):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _lock_free(folder, DOWN_S)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    freezer.remove_all(folder)
    for name in os.listdir(folder):
        if keep_logs and name in ("log", "api.jsonl", "history.jsonl", MARK):
            continue
        _remove(f"{folder}/{name}")
    if not keep_logs:
        os.rmdir(folder)


def _check_machine(bindir: str | None) -> None:
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes namespaces")
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool, path=_path())})
    if not os.path.isdir("/usr/lib/python3/dist-packages/botocore"):
        missing.append("python3-botocore")
    if missing:
        raise LabError(f"missing here: apt-get install {' '.join(missing)}")
    if bindir and missing_programs(bindir):
        raise LabError(f"{bindir} lacks {', '.join(missing_programs(bindir))}: build first")


def _prepare(folder: str) -> str:
    """An empty directory with our mark, ours alone; what a dead lab left in it is removed."""
    if not folder:
        folder = tempfile.mkdtemp(prefix="zonevip-lab-")
    elif os.path.lexists(folder):
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise LabError(f"{folder}: not a directory of ours")
        if os.path.exists(f"{folder}/{MARK}"):
            if _keeper_pid(folder) is not None:
                raise LabError(f"a lab is already up in {folder}")
            stop(folder, keep_logs=False)
            os.mkdir(folder, 0o700)
        elif os.listdir(folder):
            raise LabError(f"{folder} is not empty and not a lab: not touched")
    else:
        os.makedirs(folder, 0o700)
    with open(f"{folder}/{MARK}", "w") as stream:
        json.dump({"made_by": os.getpid()}, stream)
    os.mkdir(f"{folder}/log")
    return folder


def _path() -> str:
    """sudo and cron leave out where the tools of an administrator are."""
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def _cache() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(os.path.abspath(home), "zonevip-lab")


def _await_ready(ready: int, folder: str) -> None:
    end = time.monotonic() + UP_S
    said = b""
    while b"\n" not in said:
        left = end - time.monotonic()
        if left <= 0 or not select.select([ready], [], [], left)[0]:
            raise LabError(f"the lab was not up within {UP_S:g} s; see {folder}/log/lab.log")
        data = os.read(ready, 65536)
        if not data:
            break
        said += data
    if said != b"ready\n":
        why = said.decode().strip() or _tail(f"{folder}/log/lab.log")
        raise LabError(f"the lab did not come up: {why} (logs: {folder}/log)")


def _tail(path: str) -> str:
    with open(path, errors="replace") as stream:
        return " | ".join(stream.read().strip().splitlines()[-3:])


def _keeper_pid(folder: str) -> int | None:
    """Of the keeper that holds the lock now; None when nobody does."""
    fd = keeper.lock(folder)
    if fd is not None:
        os.close(fd)
        return None
    with open(f"{folder}/lock") as stream:
        text = stream.read().strip()
    return int(text) if text else None


def _lock_free(folder: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        fd = keeper.lock(folder)
        if fd is not None:
            os.close(fd)
            return True
        time.sleep(0.002)
    return False


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as stream:
            return [int(child) for child in stream.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _descendants(pid: int) -> list[int]:
    found = _children(pid)
    for child in list(found):
        found += _descendants(child)
    return found


def _top_pid(keeper_pid: int) -> int:
    """keeper - unshare - process 1 - the builder."""
    pid = keeper_pid
    for _ in range(3):
        children = _children(pid)
        if not children:
            raise LabError("the lab has just ended")
        pid = children[0]
    return pid


def _inner_pid(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status") as stream:
            return next(int(line.split()[-1]) for line in stream if line.startswith("NSpid:"))
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return 0
