# SPDX-License-Identifier: MIT
"""Measures (d) to (h): many tables, the status socket, starting, false takeovers, calls to AWS."""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Dict, List

from vpc import DB_HOSTS, TABLES, Lab, now_ns
from vpc.layout import HEARTBEAT_PORT, INSTANCE

from demo import beats

from . import many
from .failover import CONTROL, order
from .footprint import POLICY, ManyZonevip
from .sight import WRITES, Sight
from .subjects import Zonevip, clean, other

TABLE_COUNTS = (1, 4, 16, 64)
LATENCIES_MS = (0, 50, 200)
HOGS = (4, 16)
LOSSES = (5, 10, 20, 30)
PROGRAM = "/usr/local/sbin/zonevipd"


class Tables(Zonevip):
    """One instance on so many route tables."""

    def __init__(self, lab: Lab, count: int) -> None:
        super().__init__(lab)
        self.count = count

    def start(self) -> None:
        clean(self.lab)
        self.lab.install_conf(self.lab.conf_text(vip_instance={"route_table": list(TABLES[:self.count])}))
        self.lab.host("DB_Host1").agent_start()
        self.lab.wait_for(lambda: self.held_by("DB_Host1"), 60, "the routes")
        self.lab.host("DB_Host2").agent_start()
        self.ready()

    def held_by(self, host: str) -> bool:
        routes = self.lab.routes()
        return all(routes[table] == host for table in TABLES[:self.count])


def tables(lab: Lab, runs: int) -> List[dict]:
    """(d) a switchover: until the last table's route is accepted."""
    rows = []
    for count in TABLE_COUNTS:
        subject = Tables(lab, count)
        subject.start()
        owner = "DB_Host1"
        for latency in LATENCIES_MS:
            times = []
            for _ in range(runs):
                rule = lab.fault("*", latency=latency / 1e3) if latency else None
                time.sleep(6)  # connections get warm again: a period of the verify reads
                struck = order(lab, owner, f"switchover instance={INSTANCE}")
                owner = other(owner)
                time.sleep(0.3)
                lab.wait_for(lambda: subject.held_by(owner), 30, f"{count} tables to move")
                time.sleep(0.5)
                times.append((Sight(lab, "").route_accepted(struck, count) - struck) / 1e6)
                if rule is not None:
                    lab.unfault(rule)
                subject.ready()
            rows.append({"params": {"tables": count, "latency_ms": latency}, "values": times})
        subject.stop()
    return rows


def _ask(path: str) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(path)
        sock.sendall(b"json\n")
        size = 0
        while data := sock.recv(65536):
            size += len(data)
        return size


def percentile(values: List[float], of: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * of / 100))]


def status(lab: Lab, work: str, seconds: float) -> Dict[str, float]:
    """(e) one client that asks as fast as it is answered; are heartbeats on time meanwhile?"""
    subject = Zonevip(lab)
    subject.start()
    path, stamps = lab.host("DB_Host1").path(CONTROL), os.path.join(work, "status.beats")
    watch = lab.host("DB_Host1").popen(["/usr/bin/python3", "-B", beats.__file__, stamps, str(seconds + 5)])
    lab.wait_for(lambda: os.path.exists(stamps) and beats.read(stamps), 10, "the first heartbeat")
    took, wall, end = [], time.time_ns(), time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        _ask(path)
        took.append((time.perf_counter() - began) * 1e3)
    wall_end = time.time_ns()
    time.sleep(0.3)
    watch.terminate()
    watch.wait(timeout=10)
    inside = [stamp for stamp in beats.read(stamps) if wall <= stamp <= wall_end]
    jitter = [abs((b - a) / 1e6 - beats.PERIOD_MS) for a, b in zip(inside, inside[1:])]
    subject.stop()
    return {"p50": percentile(took, 50), "p99": percentile(took, 99), "per_s": len(took) / seconds,
            "jitter_p99": percentile(jitter, 99)}


# Run inside the host, so that the way in is not measured: argument 1 is how often.
TIMED = """import subprocess, sys, time
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
    print((time.perf_counter() - began) * 1e3)
"""


def starting(lab: Lab, count: int, runs: int) -> Dict[str, List[float]]:
    """(f) config check, start until READY=1, and a reload of the same file, in milliseconds."""
    clean(lab)
    lab.iam_policy(POLICY)
    lab.install_conf(many.conf(count, tables=TABLES[:1]))
    host = lab.host("DB_Host1")
    checks = host.exec(["/usr/bin/python3", "-c", TIMED, str(runs), PROGRAM, "-t", "-f", "/etc/zonevip/zonevip.conf"],
                       user="zonevip").stdout
    figures: Dict[str, List[float]] = {"check": [float(line) for line in checks.split()], "start": [], "reload": []}
    for _ in range(runs):
        since = now_ns()
        host.agent_start()
        lines = [line for line in lab.history(since=since, event="process", host="DB_Host1")
                 if line["service"] == "zonevipd"]
        moment = {line["what"]: line["t_ns"] for line in lines}
        figures["start"].append((moment["ready"] - moment["started"]) / 1e6)
        time.sleep(1)
        sent = order(lab, "DB_Host1", "reload")
        figures["reload"].append((now_ns() - sent) / 1e6)
        host.agent_stop()
    clean_up = ManyZonevip(lab, count)
    clean_up.stop()
    return figures


def _moves(lab: Lab, since: int) -> int:
    """Everything that a false takeover does."""
    puts = [line for line in lab.log(since=since, action="PutParameter") if line["params"]["Name"] == "MasterDB_VIP"]
    routes = [line for line in lab.log(since=since) if line["action"] in WRITES]
    return len(puts) + len(routes)


def calm(lab: Lab, minutes: float) -> List[dict]:
    """(g) nothing happens but load, or loss between the hosts: nothing may move."""
    subject = Zonevip(lab)
    subject.start()
    rows = []
    for count in HOGS:
        hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
        since = now_ns()
        time.sleep(minutes * 60)
        for hog in hogs:
            hog.send_signal(signal.SIGKILL)
            hog.wait()
        rows.append({"params": {"hogs": count, "minutes": minutes}, "values": [float(_moves(lab, since))]})
    for percent in LOSSES:
        since = now_ns()
        lab.loss(percent, port=HEARTBEAT_PORT)
        time.sleep(minutes * 60)
        rows.append({"params": {"loss_percent": percent, "minutes": minutes}, "values": [float(_moves(lab, since))]})
        lab.loss(0, port=HEARTBEAT_PORT)
    subject.stop()
    return rows


def calls(lab: Lab, seconds: float) -> List[dict]:
    """(h) calls to AWS in an hour of steady state, by host and action."""
    subject = Zonevip(lab)
    subject.start()
    time.sleep(10)
    since = now_ns()
    time.sleep(seconds)
    lines = lab.log(since=since)
    subject.stop()
    rows = []
    for role, host in zip(("master", "backup"), DB_HOSTS):
        mine = [line["action"] for line in lines if line["host"] == host]
        for action in sorted(set(mine)) + ["all"]:
            count = len(mine) if action == "all" else mine.count(action)
            rows.append({"params": {"role": role, "action": action}, "values": [count * 3600 / seconds]})
    return rows
