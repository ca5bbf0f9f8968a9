# SPDX-License-Identifier: MIT
"""The lab from outside: the one process that the machine sees as the lab, and that ends it whole.

It holds the lock of the lab's directory while the lab lives, starts unshare(1), and when it is
told to stop, or its starter goes away, or the inside ends, it kills what is left, waits until the
last process is gone, and removes the freezer groups. Killed itself, it takes unshare with it.
"""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time

from . import freezer, kernel

LAB_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"
UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
GONE_S = 10.0


def python(module: str) -> list[str]:
    """The command line that runs main() of one of our modules."""
    return [PYTHON, "-c", f"from {module} import main; main()"]


def lock(lab_dir: str) -> int | None:
    """The lock's descriptor, or None while another keeper holds it."""
    fd = os.open(f"{lab_dir}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def main() -> None:
    lab_dir, tie, ready_fd = sys.argv[1], sys.argv[2] == "tie", int(sys.argv[3])
    held = lock(lab_dir)
    if held is None:
        os.write(ready_fd, b"a lab is already up in this directory\n")
        sys.exit(1)
    os.truncate(held, 0)
    os.write(held, f"{os.getpid()}\n".encode())
    signals = _signals()
    inside = subprocess.Popen(
        [*UNSHARE, *python("vpc.top"), lab_dir, str(ready_fd)], pass_fds=[ready_fd],
        stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": LAB_DIR},
        preexec_fn=lambda: kernel.die_with_parent(signal.SIGKILL))
    os.close(ready_fd)
    init = _child_of(inside)
    try:
        _wait(inside, signals, tie)
    finally:
        _end(inside, init, lab_dir)


def _signals() -> int:
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return reader


def _wait(inside: subprocess.Popen, signals: int, tie: bool) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(signals, selectors.EVENT_READ)
        if tie:
            selector.register(0, selectors.EVENT_READ)  # end of file: who started us has gone
        while inside.poll() is None:
            for key, _ in selector.select():
                data = os.read(key.fd, 512)
                if key.fd == 0 and not data:
                    return
                if key.fd == signals and set(data) - {signal.SIGCHLD}:
                    return


def _end(inside: subprocess.Popen, init: int | None, lab_dir: str) -> None:
    """Thaw before killing: in cgroup v1 a frozen process would hold the pid namespace."""
    freezer.remove_all(lab_dir, wait_s=0)
    inside.kill()
    inside.wait()
    if init is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(init, selectors.EVENT_READ)
            selector.select(GONE_S)
    freezer.remove_all(lab_dir)


def _child_of(inside: subprocess.Popen) -> int | None:
    """A descriptor of the lab's process 1, which ends after everything else in the lab has."""
    while inside.poll() is None:
        with open(f"/proc/{inside.pid}/task/{inside.pid}/children") as stream:
            children = stream.read().split()
        if children:
            try:
                return os.pidfd_open(int(children[0]))
            except ProcessLookupError:
                return None
        time.sleep(0.001)
    return None
