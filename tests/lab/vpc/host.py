# SPDX-License-Identifier: MIT
"""Host: one machine of a running lab, as scripts see it. The contract is in __init__.py."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

from kit import limits, shim
from kit.shim import Shim

from .clock import now_ns
from .control import call
from .errors import LabError
from .freezer import prefix
from .hosts import RESOLVER_HANGS, RESOLVER_NONE, hosts_file
from .kernel import write_file
from .layout import BY_NAME
from .mysql import SOCKET
from .service import PATH

if TYPE_CHECKING:
    from .api import Lab

NSENTER = "/usr/bin/nsenter"
SETPRIV = "/usr/bin/setpriv"
SERVICES = ("zonevipd", "zonevip-notify", "mysqld")
PROGRAM_OF = {"zonevipd": "zonevipd", "zonevip-notify": "zonevip-notify", "mysqld": "mariadbd"}


class Host:
    def __init__(self, lab: Lab, name: str, anchor: int) -> None:
        self._lab = lab
        self._anchor = anchor
        self.anchor = anchor
        self.spec = BY_NAME[name]
        self.name = name
        self.address = self.spec.address
        self.root = f"/proc/{anchor}/root"

    # --- running something here ---

    def command(self, argv: list[str], user: str | None = None) -> list[str]:
        """The command line that runs argv inside this host, and ends with whoever started it."""
        inside = [SETPRIV, "--pdeathsig", "KILL"]
        if user:
            uid = self._lab.uid(user)
            inside += [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return [NSENTER, "-t", str(self._anchor), "-m", "-u", "-n", "-p", *inside, "--", *argv]

    @staticmethod
    def environment() -> dict[str, str]:
        return {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}

    def exec(self, argv: list[str], input: str | None = None, timeout: float = 30, check: bool = True,
             user: str | None = None) -> subprocess.CompletedProcess:
        done = subprocess.run(self.command(argv, user), input=input, capture_output=True, text=True,
                              timeout=timeout, env=self.environment(),
                              **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-600:]
            raise LabError(f"{self.name}: {' '.join(argv)}: exit {done.returncode}: {said}")
        return done

    def popen(self, argv: list[str], user: str | None = None, **kwargs: Any) -> subprocess.Popen:
        kwargs.setdefault("env", self.environment())
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(argv, user), **kwargs)

    def path(self, inside: str) -> str:
        """Where a file of this host is found from outside."""
        return self.root + inside

    def install_secret(self, name: str, text: str) -> None:
        """/etc/zonevip/NAME, for the daemon alone."""
        uid = self._lab.uid("zonevip")
        write_file(self.path(f"/etc/zonevip/{name}"), text + "\n", 0o400, uid, uid)

    # --- names and metadata ---

    def dns(self, kind: str) -> None:
        if kind not in ("ok", "hang"):
            raise LabError("dns is 'ok' or 'hang'")
        hangs = kind == "hang"
        write_file(self.path("/etc/resolv.conf"), RESOLVER_HANGS if hangs else RESOLVER_NONE)
        write_file(self.path("/etc/hosts"), hosts_file(self.spec, with_names=not hangs))
        self._lab.note("dns", host=self.name, kind=kind)

    def dns_hangs(self) -> bool:
        with open(self.path("/etc/resolv.conf")) as stream:
            return stream.read() == RESOLVER_HANGS

    def imds(self, kind: str) -> None:
        call(self._lab.socket("cloud"), "imds", host=self.name, mode=kind)
        self._lab.note("imds", host=self.name, kind=kind)

    def imds_calls(self, since: int = 0) -> list[list]:
        """[t_ns, method, path] of every question to this instance's IMDS."""
        return [line for line in call(self._lab.socket("cloud"), "imds_calls", host=self.name) if line[0] >= since]

    def announce(self, path: str, text: str | None) -> None:
        call(self._lab.socket("cloud"), "announce", host=self.name, item=path, text=text)
        self._lab.note("announce", host=self.name, item=path, text=text)

    def rotate_credentials(self, life_s: float | None = None, revoke: bool = False) -> None:
        call(self._lab.socket("cloud"), "credentials", host=self.name, life_s=life_s, revoke=revoke)
        self._lab.note("credentials", host=self.name, life_s=life_s, revoke=revoke)

    # --- services ---

    def _ask(self, op: str, service: str, **arguments: Any) -> Any:
        if not self.spec.database:
            raise LabError(f"{self.name} is a web host: it has no {service}")
        return call(self._lab.socket(self.name), op, service=service, **arguments)

    def services(self) -> dict[str, dict]:
        if not self.spec.database:
            return {}
        return {view["service"]: view for view in call(self._lab.socket(self.name), "status")}

    def pid(self, service: str) -> int:
        """Inside the lab; 0 while it does not run."""
        views = self.services()
        if service not in views:
            raise LabError(f"{self.name} has no service '{service}'")
        return views[service]["pid"]

    def outer_pid(self, service: str) -> int:
        """The same process as this side of the lab numbers it, for /proc."""
        pid = self.pid(service)
        if not pid:
            raise LabError(f"{service} is not running on {self.name}")
        return self._lab.outer_pid(pid)

    def mysql_start(self) -> None:
        self._ask("start", "mysqld")

    def mysql_stop(self) -> None:
        self._lab.note("mysql-stop", host=self.name)
        self._ask("stop", "mysqld")

    def mysql_kill(self) -> None:
        self._lab.note("mysql-kill", host=self.name)
        self._ask("kill", "mysqld")

    def mysql(self, sql: str) -> list[list[str]]:
        done = self.exec(["mariadb", "--no-defaults", f"--socket={SOCKET}", "--batch", "--skip-column-names",
                          "-e", sql])
        return [line.split("\t") for line in done.stdout.splitlines()]

    def agent_start(self, wait: bool = True) -> None:
        self.notify_start()
        self._ask("start", "zonevipd", wait=wait)

    def agent_stop(self) -> None:
        self._lab.note("agent-stop", host=self.name)
        self._ask("stop", "zonevipd")

    def agent_restart(self) -> None:
        self.agent_stop()
        self.agent_start()

    def agent_reload(self) -> None:
        self._ask("signal", "zonevipd", name="HUP")

    def agent_kill(self, restart: bool = True, cleanup: bool = True) -> None:
        self._lab.note("agent-kill", host=self.name, restart=restart)
        self._ask("kill", "zonevipd", restart=restart, cleanup=cleanup)

    def agent_watchdog(self, kills: bool) -> None:
        """False: one that is late is recorded and left alone, as where no systemd watches."""
        self._lab.note("watchdog", host=self.name, kills=kills)
        self._ask("watchdog", "zonevipd", kills=kills)

    def agent_status(self) -> dict:
        return self.services()["zonevipd"]

    def agent_log(self) -> str:
        return self._lab.read_log(f"{self.name}.zonevipd.log")

    def notify_start(self) -> None:
        self._ask("start", "zonevip-notify")

    def notify_stop(self) -> None:
        self._ask("stop", "zonevip-notify")

    def notify_kill(self) -> None:
        self._ask("kill", "zonevip-notify")

    def notifications(self) -> list[dict]:
        """Calls of the notify script, oldest first: t_ns and arguments."""
        offset = now_ns() - time.time_ns()
        try:
            with open(self.path("/run/zonevip-script/notify.log")) as stream:
                lines = [line.split() for line in stream]
        except FileNotFoundError:
            return []
        return [{"t_ns": int(float(stamp) * 1e6) * 1000 + offset, "arguments": arguments}
                for stamp, *arguments in lines]

    # --- processes ---

    def signal(self, service: str, name: str) -> None:
        """STOP and CONT go to the whole process group and are undone by heal."""
        name = name.removeprefix("SIG")
        self._lab.note("signal", host=self.name, service=service, signal=name)
        if name in ("STOP", "CONT"):
            pid = self.pid(service)
            if not pid:
                raise LabError(f"{service} is not running on {self.name}")
            call(self._lab.socket("top"), name.lower(), name=f"{service} on {self.name}", pid=pid)
        else:
            self._ask("signal", service, name=name)

    def freeze(self, *services: str) -> None:
        """As a paused machine; without a name: the agent, its runner and mysqld."""
        pids = [pid for pid in (self.pid(service) for service in services or SERVICES) if pid]
        if not pids:
            raise LabError(f"nothing to freeze on {self.name}")
        call(self._lab.socket("top"), "freeze", group=self.name, pids=pids)
        self._lab.note("freeze", host=self.name, services=services or SERVICES)  # it stood still at the latest now

    def thaw(self) -> None:
        self._lab.note("thaw", host=self.name)  # it goes on at the earliest now
        call(self._lab.socket("top"), "thaw", group=self.name)

    # --- the kit: see kit/__init__.py ---

    def shim(self, service: str = "zonevipd") -> Shim:
        library = "/usr/local/lib/zonevip-shim.so"
        path = f"/run/zonevip-kit/{service}"
        os.makedirs(self.path("/usr/local/lib"), exist_ok=True)
        if not os.path.exists(self.path(library)):
            shim.build(self.path(library))
        os.makedirs(self.path("/run/zonevip-kit"), exist_ok=True)
        if not os.path.exists(self.path(path)):
            shim.create(self.path(path))
        self._ask("environment", service, words={"LD_PRELOAD": library, "KIT_FILE": path, "KIT_PROGRAM": PROGRAM_OF[service]})
        return shim.Shim(self.path(path))

    def unshim(self, service: str = "zonevipd") -> None:
        path = self.path(f"/run/zonevip-kit/{service}")
        if os.path.exists(path):
            shim.Shim(path).clear()
            os.unlink(path)
            self._ask("environment", service, words={})

    def small_fs(self, path: str, size: str = "64k") -> None:
        self._lab.note("small-fs", host=self.name, folder=path, size=size)
        limits.small_fs(self, path, size)

    def fill(self, path: str) -> int:
        self._lab.note("fill", host=self.name, folder=path)
        return limits.fill(self, path)

    def big_fs(self, path: str) -> None:
        self._lab.note("big-fs", host=self.name, folder=path)
        limits.big_fs(self, path)

    def memory_limit(self, service: str, limit: int) -> None:
        self._lab.note("memory-limit", host=self.name, service=service, limit=limit)
        call(self._lab.socket("top"), "memory", group=f"{self.name}.{service}", pid=self.pid(service), limit=limit)

    def memory_kills(self, service: str) -> int:
        return limits.memory_kills(f"{prefix(self._lab.dir)}.{self.name}.{service}")

    def memory_unlimit(self) -> None:
        for service in SERVICES:
            call(self._lab.socket("top"), "memory", group=f"{self.name}.{service}", pid=0, limit=0)

    def heal_kit(self) -> None:
        if not self.spec.database:
            return
        for service in PROGRAM_OF:
            self.unshim(service)
        for path in limits.small_paths(self):
            limits.big_fs(self, path)
