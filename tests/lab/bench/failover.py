# SPDX-License-Identifier: MIT
"""Measures (a) and (b): one fault, once, and how long each stage of the fail-over took."""

import os
import signal
import socket
import subprocess
import time
from typing import Callable, Dict, Optional

from vpc import VIP, WEB_HOSTS, Lab, LabError, now_ns
from vpc.layout import APP_PASSWORD, APP_USER, DATABASE, INSTANCE

from .sight import Sight
from .subjects import Keepalived, MoveIp, Subject, Zonevip, other, strike

MOVE_S = 60.0
QUIET_S = 0.3  # the observer keeps still: its own questions cost CPU that the hosts need
SETTLE_S = 0.5
CONTROL = "/run/zonevip/zonevipd.sock"
QUERY = "SELECT @@hostname"


class Clients:
    """The client loop on web_host1: a login and a query through the VIP every 10 ms."""

    def __init__(self, lab: Lab, work: str, vipload: str) -> None:
        self.lab, self.work, self.vipload = lab, work, vipload
        self.path = os.path.join(work, "clients.tsv")
        self.password = os.path.join(work, "app.password")
        with open(self.password, "w", encoding="ascii") as file:
            file.write(APP_PASSWORD + "\n")
        self.process: Optional[subprocess.Popen] = None

    def __enter__(self) -> "Clients":
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = self.lab.host(WEB_HOSTS[0]).popen(
            [self.vipload, "--host", VIP, "--user", APP_USER, "--password-file", self.password, "--database", DATABASE,
             "--query", QUERY, "--seconds", "120", "--out", self.path], stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)


def order(lab: Lab, host: str, line: str) -> int:
    """One request to the daemon's control socket; the moment before it was sent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(lab.host(host).path(CONTROL))
        sent = now_ns()
        sock.sendall(line.encode() + b"\n")
        answer = b""
        while more := sock.recv(4096):
            answer += more
    if not answer.startswith(b"OK"):
        raise LabError(f"{line} on {host}: {answer.decode(errors='replace').strip()}")
    return sent


def _timed(act: Callable[[], object]) -> int:
    struck = now_ns()
    act()
    return struck


def commit_fault(subject: Subject, fault: str, owner: str) -> int:
    """Strikes the owner; the moment of it."""
    lab, host = subject.lab, subject.lab.host(owner)
    if fault in ("mysqld_term", "mysqld_kill9"):
        number = signal.SIGTERM if fault == "mysqld_term" else signal.SIGKILL
        struck = strike(host.outer_pid("mysqld"), number)
        subject.mysqld_gone(owner)
        return struck
    if fault == "mysqld_hang":
        return _timed(lambda: host.signal("mysqld", "STOP"))
    if fault == "host_cut":
        return _timed(lambda: lab.cut(owner))
    if fault == "agent_term":
        return subject.end(owner)
    if fault == "agent_kill9" and isinstance(subject, Keepalived):
        return subject.end_hard(owner)
    if fault == "agent_kill9":
        return _timed(lambda: host.agent_kill(restart=False))
    if fault == "switchover":
        return order(lab, owner, f"switchover instance={INSTANCE}")
    raise LabError(f"no fault '{fault}'")


def holder(subject: Subject) -> str:
    names = subject.lab.holders()
    if len(names) != 1:
        raise LabError(f"{subject.name}: the address is on {' and '.join(names) or 'no host'} before the fault")
    return names[0]


def measure(subject: Subject, fault: str, clients: Clients) -> Dict[str, Optional[float]]:
    """Stage: milliseconds since the fault. Afterwards the other host has the VIP and all is repaired."""
    owner = holder(subject)
    winner = other(owner)
    sight = Sight(subject.lab, clients.path)
    with clients:
        subject.lab.wait_for(lambda: sight.client_goes(owner), 20, "clients to be served before the fault")
        time.sleep(SETTLE_S)
        struck = commit_fault(subject, fault, owner)
        time.sleep(QUIET_S)
        subject.lab.wait_for(lambda: sight.moved(winner), MOVE_S, f"{subject.name} to move the VIP after {fault}")
        serves = not (fault == "mysqld_hang" and isinstance(subject, MoveIp))
        if serves:
            subject.lab.wait_for(lambda: sight.client_goes(winner), 20, "clients to be served after the fault")
        time.sleep(SETTLE_S)  # lines and scripts that come a moment later
        stages = sight.stages(subject, winner, struck)
    subject.repair(owner)
    return stages
