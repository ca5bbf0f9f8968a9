# SPDX-License-Identifier: MIT
"""The process that stands for systemd on one database host: mysqld, zonevipd, zonevip-notify."""

import json
import os
import signal
from typing import Callable

from . import kernel, mysql, unitfile
from .clock import now_ns
from .control import Later, Server
from .errors import LabError
from .hosts import LAB, Users
from .layout import DB_HOSTS
from .loop import Loop
from .service import NOTIFY_DIR, Service, Unit


def units(host: str, users: Users, texts: dict[str, str], boxed: bool) -> list[Unit]:
    """mysqld as the lab has it; ours as the package has them, less what needs systemd itself; keepalived as Debian has it."""
    boxes = NOTIFY_DIR if boxed else None
    return [
        Unit("mysqld", mysql.argv(DB_HOSTS.index(host) + 1), stop_timeout_s=20),
        unitfile.load("zonevip-notify", "zonevip-notify.service", texts, users.ids, boxes),
        unitfile.load("zonevipd", "zonevip.service", texts, users.ids, boxes),
        Unit("keepalived", ["/usr/sbin/keepalived", "--dont-fork", "--log-console", "--vrrp"], notify=False),
    ]


class Supervisor:
    def __init__(self, host: str, users: Users, texts: dict[str, str], boxed: bool) -> None:
        self._host = host
        self._users = users
        self._loop = Loop()
        self._history = os.open(f"{LAB}/history.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._services = {unit.name: Service(self._loop, unit, f"{LAB}/log", host, self._record)
                          for unit in units(host, users, texts, boxed)}
        self._loop.on_signal({signal.SIGCHLD: self._reap})
        Server(self._loop, f"{LAB}/sock/{host}", {
            "start": self._start, "stop": self._stop, "kill": self._kill, "signal": self._signal,
            "watchdog": self._watchdog, "environment": self._environment,
            "status": lambda: [service.view() for service in self._services.values()]})

    def run(self) -> None:
        self._loop.run()

    def _record(self, what: str, service: Service, pid: int = 0, status: str | None = None) -> None:
        line = {"t_ns": now_ns(), "event": "process", "host": self._host, "service": service.unit.name,
                "what": what, "pid": pid or service.pid, "status": status}
        os.write(self._history, json.dumps(line).encode() + b"\n")

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for service in self._services.values():
                service.reaped(pid, status)

    def _service(self, name: str) -> Service:
        if name not in self._services:
            raise LabError(f"no service '{name}' on {self._host} (services: {', '.join(self._services)})")
        return self._services[name]

    def _start(self, service: str, wait: bool = True) -> Later:
        one = self._service(service)
        program = next(word for word in one.unit.argv if word.startswith("/usr/")
                       and word not in (unitfile.SETPRIV, unitfile.SANDBOX))
        if not os.path.exists(program):
            raise LabError(f"{program} is not on {self._host}: the lab was brought up without programs (--bin)")
        return one.start(wait)

    def _stop(self, service: str) -> Later:
        return self._service(service).stop()

    def _kill(self, service: str, restart: bool = True, cleanup: bool = True) -> Later:
        return self._service(service).kill(restart, cleanup)

    def _signal(self, service: str, name: str) -> None:
        number = getattr(signal, "SIG" + name.removeprefix("SIG"), None)
        if number is None:
            raise LabError(f"no signal '{name}'")
        self._service(service).signal(number)

    def _environment(self, service: str, words: dict[str, str]) -> None:
        self._service(service).extra = words

    def _watchdog(self, service: str, kills: bool) -> None:
        self._service(service).watchdog_kills = kills


def main(host: str, anchor: int, users: Users, boxed: bool, ready: Callable[[], None]) -> None:
    """Enters the host's namespaces and stays."""
    texts = unitfile.texts()
    for kind, flag in (("net", kernel.CLONE_NEWNET), ("uts", kernel.CLONE_NEWUTS), ("mnt", kernel.CLONE_NEWNS)):
        kernel.setns(f"/proc/{anchor}/ns/{kind}", flag)
    os.chdir("/")
    os.makedirs(NOTIFY_DIR, exist_ok=True)
    supervisor = Supervisor(host, users, texts, boxed)
    ready()
    supervisor.run()
