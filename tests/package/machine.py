# SPDX-License-Identifier: MIT
"""A minimal Debian with systemd as process 1, in the network of a database host of the lab.

The lab itself (VPC, AWS endpoint, mysqld, recorder) is the one of tests/lab, brought up without
programs: here the agent comes out of a package and systemd runs it under the shipped unit.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time

from vpc import Lab, LabError, lifecycle

HERE = os.path.dirname(os.path.abspath(__file__))
BOOT_S = 60
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive"}


def cgroup_root() -> str | None:
    """Where a version 2 hierarchy is mounted: systemd in a container needs one of its own in it."""
    with open("/proc/self/mounts") as mounts:
        return next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), None)


class Machine:
    def __init__(self, lab: Lab, name: str, root: str) -> None:
        self.host = lab.host(name)
        self.name = name
        self._lab = lab
        self._group = f"{cgroup_root()}/zonevip-package.{os.getpid()}.{name}"
        self._boot(root)

    def _boot(self, root: str) -> None:
        os.mkdir(self._group)
        inner = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup",
                 "bash", f"{HERE}/boot.sh", root]
        self._log = open(f"{self._lab.dir}/log/{self.name}.systemd.log", "wb")
        argv = ["bash", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self._group, *self.host.command(inner)]
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                         env=ENVIRONMENT)
        self.pid = self._lab.wait_for(self._find_init, BOOT_S, f"systemd on {self.name}")
        self._lab.wait_for(self._is_up, BOOT_S, f"{self.name} to have started everything")

    def _find_init(self) -> int:
        if self._process.poll() is not None:
            raise LabError(f"{self.name} did not boot: see log/{self.name}.systemd.log")
        for pid in lifecycle._descendants(self._process.pid):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
                if comm.read() == "systemd\n" and lifecycle._inner_pid(pid) == 1:
                    return pid
        return 0

    def _is_up(self) -> bool:
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return said in ("running", "degraded")

    def run(self, *argv: str, check: bool = True, timeout: float = 120, input: str | None = None) -> subprocess.CompletedProcess:
        """A command on this machine, as root."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--", *argv],
                              capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT,
                              **({"input": input} if input is not None else {"stdin": subprocess.DEVNULL}))
        if check and done.returncode != 0:
            said = (done.stdout + done.stderr).strip()[-1500:]
            raise LabError(f"{self.name}: {' '.join(argv)}: exit {done.returncode}: {said}")
        return done

    def sh(self, script: str, check: bool = True) -> str:
        return self.run("sh", "-ec", script, check=check).stdout

    @property
    def root(self) -> str:
        return f"/proc/{self.pid}/root"

    def show(self, unit: str, word: str) -> str:
        return self.run("systemctl", "show", "-p", word, "--value", unit).stdout.strip()

    def main_pid(self, unit: str = "zonevip") -> int:
        return int(self.show(unit, "MainPID"))

    def journal(self, unit: str = "zonevip") -> str:
        return self.run("journalctl", "--no-pager", "-q", "-o", "cat", "-u", unit).stdout

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                for folder, _, _ in os.walk(self._group, topdown=False):
                    os.rmdir(folder)
                break
            time.sleep(0.05)
        self._log.close()
