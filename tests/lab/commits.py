# SPDX-License-Identifier: MIT
"""The numbered writer (vipwrite.c) in the lab, and the judgement of what it was told.

    with Writer(lab, BUILD) as writer:      # 500 commits a second through the VIP, from web_host1
        ...                                 # switch over, kill, stop
    verdict = judge(writer.lines(), lab)    # when both servers have settled

What is judged: every acknowledged commit is on the server that takes writes now (lost), no row is
there twice (duplicated), both servers have the same rows (diverged), and no two servers
acknowledged writes at the same time (two_sides). A write that was not acknowledged may be there or not.
"""

import os
import subprocess
import tempfile
from typing import NamedTuple

from vpc import DB_HOSTS, VIP
from vpc.layout import APP_PASSWORD, APP_USER


class Line(NamedTuple):
    sent_ns: int
    done_ns: int
    ok: bool
    writer: int
    n: int
    server: int
    why: str


class Verdict(NamedTuple):
    acknowledged: int
    failed: int
    lost: list
    duplicated: list
    diverged: list
    two_sides: int
    moves: int
    gaps_ms: list

    def flawless(self) -> bool:
        return not self.lost and not self.duplicated and not self.diverged and not self.two_sides


class Writer:
    def __init__(self, lab, build, host="web_host1", rate=500, writers=4):
        self._path = tempfile.NamedTemporaryFile(prefix="vipwrite-", suffix=".tsv", delete=False).name
        self._command = [os.path.join(build, "vipwrite"), "--host", VIP, "--user", APP_USER, "--password",
                         APP_PASSWORD, "--rate", str(rate), "--writers", str(writers), "--output", "/dev/stdout"]
        self._host = lab.host(host)
        self._process = None

    def __enter__(self):
        with open(self._path, "wb") as out:
            self._process = self._host.popen(self._command, stdout=out)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self._process.poll() is None:
            self._host.exec(["sh", "-c", f"kill -TERM $(pgrep -f '^{self._command[0]} ')"], check=False)
            self._process.wait(timeout=10)

    def lines(self):
        """What has been written so far, whole lines only."""
        with open(self._path) as stream:
            return [parse(line) for line in stream if line.endswith("\n")]

    def acknowledged(self):
        return sum(line.ok for line in self.lines())

    def discard(self):
        os.unlink(self._path)


def parse(text):
    sent, done, word, writer, n, rest = text.rstrip("\n").split("\t", 5)
    ok = word == "ok"
    return Line(int(sent), int(done), ok, int(writer), int(n), int(rest) if ok else 0, "" if ok else rest)


def rows(lab, host):
    return [(int(writer), int(n)) for writer, n in lab.host(host).mysql("SELECT writer, n FROM mlb.commits")]


def settled(lab, primary, timeout=20):
    """Waits until the other server has everything that the primary has."""
    other = next(name for name in DB_HOSTS if name != primary)

    def same():
        positions = [lab.host(name).mysql("SELECT @@gtid_current_pos")[0] for name in (primary, other)]
        return positions[0] == positions[1]

    lab.wait_for(same, timeout, f"{other} to catch up with {primary}")


def gaps(lines):
    """One per change of the server: from the last acknowledgement of one to the first of the next, in ms."""
    found = []
    good = sorted((line for line in lines if line.ok), key=lambda line: line.done_ns)
    for before, after in zip(good, good[1:]):
        if before.server != after.server:
            found.append((after.done_ns - before.done_ns) / 1e6)
    return found


def two_sides(lines):
    """Writes that one server certainly took after another server had certainly taken one that was sent later."""
    reigns = []
    good = sorted((line for line in lines if line.ok), key=lambda line: line.sent_ns)
    for line in good:
        if not reigns or reigns[-1][0].server != line.server:
            reigns.append([])
        reigns[-1].append(line)
    # A reign that comes back between two of another server: both were taking writes.
    return sum(1 for before, middle, after in zip(reigns, reigns[1:], reigns[2:])
               if before[0].server == after[0].server and
               after[0].sent_ns - before[-1].done_ns < 50_000_000 and len(middle) > 0)


def judge(lines, lab, primary):
    there = rows(lab, primary)
    other = rows(lab, next(name for name in DB_HOSTS if name != primary))
    have = set(there)
    acknowledged = {(line.writer, line.n) for line in lines if line.ok}
    counted = {}
    for row in there + [row for row in other if row not in have]:
        counted[row] = counted.get(row, 0) + 1
    found = gaps(lines)
    return Verdict(acknowledged=len(acknowledged), failed=sum(not line.ok for line in lines),
                   lost=sorted(acknowledged - have), duplicated=sorted(row for row, n in counted.items() if n > 1),
                   diverged=sorted(have ^ set(other)), two_sides=two_sides(lines), moves=len(found), gaps_ms=found)
