# SPDX-License-Identifier: MIT
"""Every allocation and every system call that can fail, fails once: zonevipd survives, or says why and goes.

    scripts/torture [--build DIR] [--families alloc,kernel] [--sample N] [--seconds S]

A place is a call of libc's with the chain of its callers (shim.c); each place fails once in a campaign.
Start: one process for every place that is met before the daemon serves; it may end with a status of
sysexits.h (71, 78) and a line that says why, or it serves. Running: one process in which place after
place fails while mysqld comes and goes, status is asked and configuration reloaded; afterwards it
serves as ever. A signal, another status, silence, or a daemon that does not serve afterwards is a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from kit import shim
from vpc import Lab, LabError, unitfile
from vpc.service import PATH

HOST = "DB_Host1"
FAMILIES = {"alloc": shim.ALLOC, "kernel": shim.KERNEL}
EXPLAINED = (71, 78)
NEVER = 0xFFFFFFFF  # as a gap
ALLOCATIONS = ("malloc", "calloc", "realloc", "posix_memalign")
FOREIGN = ("libcrypto", "libssl", "libcurl", "libmariadb", "libjansson", "libexpat", "libnl-3", "libnl-route-3")
SERVE_S = 75.0  # longer than what rests a minute after a fight for routes
STOP_S = 20.0
GAP = 120  # calls between two failures while it runs


@dataclass
class Report:
    places: int = 0
    survived: int = 0
    ended: int = 0
    findings: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)


class Daemon:
    """zonevipd as its unit starts it, but for the supervisor: its end is ours to judge."""

    def __init__(self, lab: Lab, library: str, kit: str) -> None:
        self._host = lab.host(HOST)
        users = {name: lab.uid(name) for name in ("zonevip", "zonevip-script")}
        unit = unitfile.words(unitfile.texts()["zonevip.service"])
        argv = unitfile.command(unit, users, self._host.root)
        self.log = f"{lab.dir}/log/tortured.log"
        self._at = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        words = [f"PATH={PATH}", "LANG=C.UTF-8", f"LD_PRELOAD={library}", f"KIT_FILE={kit}", "KIT_PROGRAM=zonevipd"]
        with open(self.log, "ab") as log:
            self.process = self._host.popen(["/usr/bin/env", "-i", *words, *argv], stdout=log, stderr=log)

    def said(self) -> str:
        with open(self.log, errors="replace") as stream:
            stream.seek(self._at)
            return stream.read()

    def wait(self, fn, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            if fn():
                return True
            time.sleep(0.01)
        return False

    def started(self) -> bool:
        return "event=started " in self.said()

    def ended_well(self) -> bool:
        """nsenter passes a signal of its child on as its own."""
        code = self.process.returncode
        return code == 0 or (code in EXPLAINED and any(word in self.said() for word in ("error=", "event=", ":")))

    def _signal(self, name: str) -> None:
        """To the daemon itself: the pid it is known by here is nsenter's."""
        self._host.exec(["pkill", f"-{name}", "-x", "zonevipd"], check=False)

    def stop(self) -> bool:
        if self.process.poll() is None:
            self._signal("TERM")
        try:
            return self.process.wait(STOP_S) in (0, *EXPLAINED)
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self) -> None:
        self._signal("KILL")
        self.process.wait(STOP_S)


def _library(frame: str) -> str:
    return os.path.basename(frame.rpartition("+")[0]).partition(".so")[0]


def _died_in(crash: list[str], places: list[tuple[str, list[str]]]) -> str | None:
    """The library that went on without memory it had asked for, and died of that: this alone is excused.

    OpenSSL 3.0 uses a context that could not be made, Connector/C 3.3 a transport that is NULL and closes
    a half opened handle: nobody outside can see it coming. Such a process is started again and adopts
    what it finds, as after kill -9.
    """
    where = next((_library(frame) for frame in crash if _library(frame) != "libc"), "")
    asked = [next((_library(frame) for frame in frames if _library(frame) != "libc"), "") for call, frames in places[-3:]
             if call in ALLOCATIONS]
    return where if where in FOREIGN and set(asked) & set(FOREIGN) else None


class Campaign:
    def __init__(self, lab: Lab, families: int, report: Report, say) -> None:
        self.lab = lab
        self.report = report
        self._families = families
        self._say = say
        self._round = 0
        self._host = lab.host(HOST)
        kit = self._host.shim()
        self._shim = kit
        self._library, self._kit = "/usr/local/lib/zonevip-shim.so", "/run/zonevip-kit/zonevipd"

    def _serves(self) -> bool:
        try:
            return (self.lab.owner() == HOST
                    and json.loads(self._host.exec(["zonevipctl", "json"], timeout=5).stdout)["instances"][0]["state_name"] == "MASTER")
        except (LabError, subprocess.TimeoutExpired, ValueError):
            return False

    def _fresh(self) -> None:
        self._shim.sites(0)
        self._shim.forget_crash()
        self._host.exec(["ip", "addr", "flush", "dev", "eth0", "label", "eth0:*"])
        self._host.exec(["find", "/var/lib/zonevip", "-mindepth", "1", "-delete"])

    def _judge(self, daemon: Daemon, since: int, when: str) -> None:
        """After it has ended, or should serve."""
        places = self._shim.failures(since)
        code = daemon.process.poll()
        if code is None:
            self.report.survived += len(places)
            return
        if daemon.ended_well():
            self.report.ended += len(places)
            return
        library = _died_in(self._shim.crash, places) if code < 0 else None
        if library:
            self.report.excused.append(library)
        else:
            self._finding(f"{when}: status {code} at {' < '.join(map(self._function, self._shim.crash))}", places, daemon)

    def _finding(self, what: str, places, daemon: Daemon) -> None:
        last = daemon.said().strip().splitlines()[-8:]
        lines = [what, *(f"  failed: {name}({call}) {' < '.join(chain)}" for name, call, chain in map(self._named, places[-2:])),
                 *(f"  said: {line}" for line in last)]
        self.report.findings.append("\n".join(lines))
        self._say(self.report.findings[-1])

    def _named(self, place) -> tuple[str, str, list[str]]:
        call, frames = place
        names = [self._function(frame) for frame in frames]
        return names[0] if names else "?", call, names

    def _function(self, frame: str) -> str:
        path, _, offset = frame.rpartition("+")
        if os.path.basename(path) != "zonevipd":
            return os.path.basename(path).split(".so")[0] + "+" + offset
        done = subprocess.run(["addr2line", "-f", "-s", "-e", self._host.path(path), hex(int(offset, 16) - 1)],
                              capture_output=True, text=True, check=False, timeout=20)
        words = done.stdout.split()
        return f"{words[0]}:{words[1]}" if len(words) > 1 else frame

    # --- start ---

    def start(self, limit: int, end: float, stride: int = 0) -> bool:
        """One process for each place met before it serves; with a stride, only for the first new one after
        so many calls each. True when no new place was met."""
        for number in range(limit):
            if time.monotonic() > end:
                return False
            self._fresh()
            since = self._shim.failure_count
            self._shim.start_at(number * stride)
            self._shim.sites(self._families, NEVER)
            daemon = Daemon(self.lab, self._library, self._kit)
            daemon.wait(lambda: self._shim.failure_count > since or daemon.started(), SERVE_S)
            if daemon.process.poll() is None:
                # It has met its failure, or none was left: what it does now shall be a service.
                if not daemon.wait(lambda: daemon.started(), SERVE_S) and daemon.process.poll() is None:
                    self._finding("start: neither serves nor ends", self._shim.failures(since), daemon)
                    daemon.kill()
            failed = self._shim.failure_count > since
            self._shim.sites(0)
            self._judge(daemon, since, "start")
            if daemon.process.poll() is None and not daemon.stop():
                self._finding("start: does not stop when told", self._shim.failures(since), daemon)
            self.report.places = self._shim.failure_count
            if not failed:
                return True
        return False

    # --- running ---

    def run(self, end: float, quick: bool) -> None:
        self._fresh()
        daemon = Daemon(self.lab, self._library, self._kit)
        if not daemon.wait(self._serves, SERVE_S):
            raise LabError(f"the daemon does not serve without any failure: {daemon.said()[-500:]}")
        idle = 0
        while time.monotonic() < end and idle < 3:
            since = self._shim.failure_count
            self._shim.start_at(0)
            self._shim.sites(self._families, GAP)
            self._stir(quick)
            self._shim.sites(0)
            self.report.places = self._shim.failure_count
            idle = 0 if self._shim.failure_count > since else idle + 1
            if daemon.process.poll() is None and not daemon.wait(self._serves, SERVE_S) and daemon.process.poll() is None:
                self._finding("running: does not serve afterwards", self._shim.failures(since), daemon)
                daemon.kill()
            else:
                self._judge(daemon, since, "running")
            if daemon.process.poll() is not None:
                self._shim.forget_crash()
                daemon = Daemon(self.lab, self._library, self._kit)
                if not daemon.wait(self._serves, SERVE_S):
                    self._finding("running: does not serve after a restart", [], daemon)
                    return
        if not daemon.stop():
            self._finding("running: does not stop when told", [], daemon)

    def _stir(self, quick: bool) -> None:
        """Work of every kind, while places fail. Routes are fought for three times a minute: no more than that."""
        self._round += 1
        for command in (["zonevipctl", "status"], ["zonevipctl", "json"], ["zonevipctl", "why"], ["zonevipctl", "metrics"],
                        ["zonevipctl", "reload"], ["zonevipctl", "events"]):
            try:
                self._host.exec(command, timeout=10, check=False)
            except subprocess.TimeoutExpired:
                pass
        if self._round % 5 == 0:
            self.lab.set_route(None)
            self._host.exec(["ip", "addr", "flush", "dev", "eth0", "label", "eth0:*"])
        time.sleep(0.5)
        if not quick:
            self._host.mysql_stop()
            time.sleep(1.5)
            self._host.mysql_start()
            self._host.rotate_credentials()
            time.sleep(2.5)
        self._host.exec(["zonevipctl", "ack"], timeout=10, check=False)


def torture(build: str, families: int, sample: int, seconds: float, quick: bool, say=print) -> Report:
    """sample: places of the start at most; seconds: for both parts together."""
    report = Report()
    conf = Lab.conf_text(heartbeat={"profile": "fast"}, track_mysql={"interval": 0.2})
    with Lab(bindir=build, conf=conf) as lab:
        campaign = Campaign(lab, families, report, say)
        begin = time.monotonic()
        whole = campaign.start(sample, begin + seconds / 2)
        say(f"start: {report.places} places, {report.survived} survived, {report.ended} ended with a reason"
            + ("" if whole else " (not all of them)"))
        campaign.run(begin + seconds, quick)
        say(f"all: {report.places} places, {report.survived} survived, {report.ended} ended with a reason, "
            f"{len(report.excused)} died in a library that went on without its memory"
            f" ({', '.join(f'{name} {report.excused.count(name)}' for name in sorted(set(report.excused)))}), "
            f"{len(report.findings)} findings")
    return report


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build tree (now: %(default)s)")
    parser.add_argument("--families", default="alloc,kernel", help="alloc, kernel or both (now: %(default)s)")
    parser.add_argument("--sample", type=int, default=100000, metavar="N", help="places of the start at most")
    parser.add_argument("--seconds", type=float, default=3600, help="end after so long (now: %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    families = sum(FAMILIES[name] for name in options.families.split(","))
    report = torture(options.build, families, options.sample, options.seconds, quick=False)
    sys.exit(1 if report.findings else 0)


if __name__ == "__main__":
    main()
