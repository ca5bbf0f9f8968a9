# SPDX-License-Identifier: MIT
"""Measure (c): what a daemon costs while nothing happens, by instances and role.

CPU, memory, wake-ups: from /proc over a window. Packets: by counters of nft in the host, so that both
kinds of daemon are counted alike. System calls: by strace in a window of its own, which alone it slows.
"""

import os
import re
import signal
import subprocess
import time
from typing import Dict, List

from vpc import DB_HOSTS, TABLES, Lab, LabError
from vpc.layout import BY_NAME

from . import many
from .subjects import Keepalived, Keepalived100, Subject, Zonevip, clean, other

WINDOW_S = 20.0
TRACE_S = 5.0
POLICY = {"Version": "2012-10-17",
          "Statement": [{"Effect": "Allow", "Action": ["ec2:*", "ssm:*"], "Resource": "*"}]}
KINDS = ("udp dport 7112", "ip protocol vrrp", "udp dport 7113")  # ours, keepalived's, the bare loop's
COUNTERS = "\n".join(["table inet bench {"] + [
    line for chain, hook in (("leaving", "output"), ("arriving", "input"))
    for line in [f"chain {chain} {{", f"type filter hook {hook} priority 0;"] +
    [f"{kind} counter" for kind in KINDS] + ["}"]] + ["}", ""])


def _threads(pid: int) -> List[str]:
    return os.listdir(f"/proc/{pid}/task")


def _cpu_ns(pid: int) -> int:
    """With that of children it has waited for: keepalived's check is a program."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rpartition(")")[2].split()
    total = (int(words[13]) + int(words[14])) * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    for thread in _threads(pid):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def _wakeups(pid: int) -> int:
    total = 0
    for thread in _threads(pid):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            total += int(re.search(r"voluntary_ctxt_switches:\s+(\d+)", file.read()).group(1))
    return total


def memory_kb(pid: int) -> Dict[str, float]:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        found = {name: float(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.M)}
    return {"pss": found["Pss"], "rss": found["Rss"], "private_dirty": found["Private_Dirty"],
            "uss": found["Private_Dirty"] + found["Private_Clean"]}


def count_packets(lab: Lab, host: str) -> None:
    lab.host(host).exec(["nft", "-f", "-"], input=COUNTERS)


def stop_counting(lab: Lab, host: str) -> None:
    lab.host(host).exec(["nft", "delete", "table", "inet", "bench"], check=False)


def packets(lab: Lab, host: str) -> Dict[str, int]:
    """Heartbeats and adverts: sent, received, and the bytes of both."""
    text = lab.host(host).exec(["nft", "list", "table", "inet", "bench"]).stdout
    out, _, inward = text.partition("chain arriving")
    sums = {}
    for name, part in (("sent", out), ("received", inward)):
        found = re.findall(r"packets (\d+) bytes (\d+)", part)
        sums[name] = sum(int(count) for count, _ in found)
        sums[f"{name}_bytes"] = sum(int(size) for _, size in found)
    return sums


def syscalls_per_s(pids: List[int]) -> float:
    words = ["strace", "-f", "-c", "-q"] + [word for pid in pids for word in ("-p", str(pid))]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    time.sleep(TRACE_S)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    total = re.search(r"^100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s+(?:\d+\s+)?total$", said, re.M)
    if not total:
        raise LabError(f"strace said nothing to count: {said[-300:]}")
    return int(total.group(1)) / TRACE_S


def watch(lab: Lab, host: str, pids: List[int]) -> Dict[str, float]:
    """All figures of one daemon (its processes together) on one host."""
    count_packets(lab, host)
    before = packets(lab, host)
    cpu, wakes, began = sum(map(_cpu_ns, pids)), sum(map(_wakeups, pids)), time.monotonic()
    time.sleep(WINDOW_S)
    took = time.monotonic() - began
    figures = {"cpu_s_per_min": (sum(map(_cpu_ns, pids)) - cpu) / 1e9 * 60 / took,
               "wakeups_per_s": (sum(map(_wakeups, pids)) - wakes) / took}
    after = packets(lab, host)
    stop_counting(lab, host)
    figures["packets_per_s"] = (after["sent"] - before["sent"]) / took
    figures["bytes_per_s"] = (after["sent_bytes"] - before["sent_bytes"]) / took
    for kind in ("pss", "rss", "uss", "private_dirty"):
        figures[kind] = sum(memory_kb(pid)[kind] for pid in pids)
    figures["threads"] = float(sum(len(_threads(pid)) for pid in pids))
    figures["fds"] = float(sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids))
    figures["syscalls_per_s"] = syscalls_per_s(pids)
    return figures


class ManyZonevip(Zonevip):
    """Some instances on one route table, all started."""

    def __init__(self, lab: Lab, count: int) -> None:
        super().__init__(lab)
        self.count = count

    def start(self) -> None:
        clean(self.lab)
        self.lab.iam_policy(POLICY)  # the lab's own policy knows one parameter
        self.lab.install_conf(many.conf(self.count, tables=TABLES[:1]))
        self.lab.host("DB_Host1").agent_start()
        self._all("DB_Host1", lambda one: one["state_name"] == "MASTER")
        self.lab.host("DB_Host2").agent_start()
        self._all("DB_Host2", lambda one: one["eligible"])
        time.sleep(5)

    def _all(self, host, fit) -> None:
        def there() -> bool:
            time.sleep(0.5)  # a status of hundreds is work for those whom we wait for
            try:
                return all(fit(one) for one in self.lab.status(host)["instances"])
            except LabError:
                return False
        self.lab.wait_for(there, 120, f"{self.count} instances on {host}")

    def stop(self) -> None:
        clean_many(self.lab)


def clean_many(lab: Lab) -> None:
    for name in DB_HOSTS:
        lab.host(name).agent_stop()
        lab.host(name).exec(["ip", "addr", "flush", "dev", "eth0", "to", "10.1.0.0/16"])
    for destination in many.vips(255):
        lab.set_route(None, destination=f"{destination}/32")
    clean(lab)


class ManyKeepalived(Keepalived):
    def __init__(self, lab: Lab, count: int) -> None:
        super().__init__(lab, vips=count)

    def start(self) -> None:
        clean(self.lab)
        for name in DB_HOSTS:
            self.write(name)
            self.launch(name)
            if name == "DB_Host1":
                self.lab.wait_for(lambda: len([one for one in self.lab.addresses("DB_Host1")
                                               if one["address"].startswith("10.1.")]) == self.vips, 60, "all VIPs")
        time.sleep(5)

    def stop(self) -> None:
        super().stop()
        clean_many(self.lab)


class ManyKeepalived100(ManyKeepalived):
    name = Keepalived100.name
    advert = Keepalived100.advert
    version = Keepalived100.version


def subject_of(lab: Lab, name: str, count: int) -> Subject:
    kinds = {"zonevip": ManyZonevip, "keepalived": ManyKeepalived, "keepalived_100ms": ManyKeepalived100}
    return kinds[name](lab, count)


def measure(lab: Lab, name: str, count: int) -> Dict[str, Dict[str, float]]:
    """By role: master and backup."""
    subject = subject_of(lab, name, count)
    try:
        subject.start()
        return {role: watch(lab, host, subject.pids(host)) for role, host in zip(("master", "backup"), DB_HOSTS)}
    finally:
        subject.stop()


def bare_loop(lab: Lab, program: str) -> Dict[str, float]:
    """The same window of a loop that does nothing but send and receive ten times a second."""
    seconds = int(WINDOW_S + TRACE_S) + 15
    beats = [lab.host(name).popen([program, "beat", BY_NAME[name].address, BY_NAME[other(name)].address, "7113", "100",
                                   str(seconds)]) for name in DB_HOSTS]
    time.sleep(2)
    try:
        inside = [int(word) for word in open(f"/proc/{beats[0].pid}/task/{beats[0].pid}/children").read().split()]
        return watch(lab, "DB_Host1", inside)
    finally:
        for beat in beats:
            for pid in [int(word) for word in open(f"/proc/{beat.pid}/task/{beat.pid}/children").read().split()]:
                os.kill(pid, signal.SIGTERM)
            beat.wait(timeout=10)


def storm(lab: Lab, count: int = 255) -> Dict[str, float]:
    """One failed server, @count addresses: until the last of them is on the other host."""
    subject = ManyZonevip(lab, count)
    try:
        subject.start()
        wanted = set(many.vips(count))
        host = lab.host("DB_Host1")
        struck = lab.now_ns()
        os.kill(host.outer_pid("mysqld"), signal.SIGKILL)

        def all_there() -> bool:
            return wanted <= {one["address"] for one in lab.addresses("DB_Host2")}
        time.sleep(0.5)
        lab.wait_for(all_there, 30, "all addresses to move")
        there = [line["t_ns"] for line in lab.history(since=struck, event="address", host="DB_Host2")
                 if line["present"] and line["address"] in wanted]
        return {"first": (min(there) - struck) / 1e6, "last": (max(there) - struck) / 1e6}
    finally:
        subject.stop()
