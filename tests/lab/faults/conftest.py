# SPDX-License-Identifier: MIT
"""Rows of the fault matrix: tests that bear @row(number, bounds) are judged from the witnesses' files.

    @row(11, out=2.5, mis=2.5, writes=2)      OUT and MIS at most 2.5 s, DUAL 0, two route writes at most
    def test_11_...(pair): ...

What is not named must be 0. The judge looks at the time from the test's first line to its last, or from
watch.begin() to watch.end() of a test that asks for the fixture `watch`. Whatever the test asserts itself
comes on top.

The bounds are the contract's, for a machine that is not busy. ZONEVIP_FAULTS_MARGIN_S (default 3) is added to every
time bound that is not 0, so that a busy machine fails no test; scripts/faults sets it to 0.
ZONEVIP_FAULTS_OUT names a file that gets one JSON line per test; ZONEVIP_FAULTS_CLIENTS=1 lets the open client
loop run beside each row.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "agents"))

from conftest_agents import BUILD, lab, pair, real_lab  # noqa: E402, F401
from demo import gaps  # noqa: E402
from faults.bounds import MARGIN_S  # noqa: E402
from faults.history import World, events, judge  # noqa: E402
from vpc import DB_HOSTS, PARAMETER, TABLES, VIP, now_ns  # noqa: E402
from vpc.layout import APP_PASSWORD, APP_USER, DATABASE, WEB_HOSTS  # noqa: E402

CLIENTS = bool(os.environ.get("ZONEVIP_FAULTS_CLIENTS"))
OUT = os.environ.get("ZONEVIP_FAULTS_OUT")
QUERY = "SELECT @@hostname"
SEEN_S, ANSWERED_S = 0.5, 1.0


class Clients:
    """The open loop of the lab on web_host1; its file says what a client of the VIP saw."""

    def __init__(self, lab):
        self._dir = tempfile.TemporaryDirectory(prefix="zonevip-faults-")
        self._trace = os.path.join(self._dir.name, "clients.tsv")
        password = os.path.join(self._dir.name, "password")
        with open(password, "w") as file:
            file.write(APP_PASSWORD + "\n")
        self._loop = lab.host(WEB_HOSTS[0]).popen(
            [os.path.join(BUILD, "vipload"), "--host", VIP, "--user", APP_USER, "--password-file", password, "--database", DATABASE,
             "--query", QUERY, "--seconds", "3600", "--out", self._trace], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self):
        """Until one has been answered; not for ever, since there may be nobody yet."""
        end = time.monotonic() + ANSWERED_S
        while time.monotonic() < end:
            if os.path.exists(self._trace) and any(request.good for request in gaps.read(self._trace).requests):
                return
            time.sleep(0.05)

    def gap_s(self, since, until):
        """The longest interruption that began in the window; None: it had not ended when the window did."""
        found = [outage for outage in gaps.outages_within(gaps.read(self._trace), since, until) if outage.first_bad.sent_ns >= since]
        widest = [None if outage.gap_ms is None else outage.gap_ms / 1e3 for outage in found]
        return None if None in widest else max(widest, default=0.0)

    def close(self):
        self._loop.terminate()
        self._loop.wait(10)
        self._dir.cleanup()


class Watch:
    """What one test is judged by."""

    def __init__(self, lab, with_parameter=True):
        self._lab = lab
        self._with_parameter = with_parameter
        self._clients = None
        self._until = 0
        self.since = now_ns()

    def begin(self):
        """Here the row begins; what was before prepared it."""
        if CLIENTS and not self._clients:
            self._clients = Clients(self._lab)
        if self._clients:
            self._clients.wait()
        self.since, self._until = now_ns(), 0
        return self.since

    def end(self):
        """Here it ends; what follows tidies up."""
        self._until = now_ns()

    def figures(self):
        until = self._until or now_ns()
        if self._clients:
            time.sleep(SEEN_S)  # what was sent by then has been answered
        self._lab.holders()  # the recorder has written what it knows
        happened = events(self._lab.history(), self._lab.log(), VIP, PARAMETER)
        figures = judge(happened, World(DB_HOSTS, TABLES, self._with_parameter), self.since, until)
        gap = self._clients.gap_s(self.since, until) if self._clients else None
        return {**figures.seconds, "writes": figures.writes, **({"gap": gap} if self._clients else {})}

    def close(self):
        if self._clients:
            self._clients.close()


def pytest_collection_modifyitems(config, items):
    """ZONEVIP_FAULTS_ROWS: only these rows ("all": every row), and no test that is none."""
    wanted = os.environ.get("ZONEVIP_FAULTS_ROWS", "")
    kept = [item for item in items if _is_wanted(item, wanted.split())]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _is_wanted(item, wanted):
    if item.originalname == "test_keepalived":
        return bool(os.environ.get("ZONEVIP_FAULTS_RIVAL")) and (wanted == ["all"] or item.callspec.params["story"].split()[0] in wanted)
    if not wanted:
        return True
    return hasattr(item.function, "row") and (wanted == ["all"] or str(item.function.row.number) in wanted)


@pytest.fixture
def watch(request):
    """Watch of this test, for those that prepare something first."""
    return _watch(request.node)


def _watch(item):
    if not hasattr(item, "watch"):
        item.watch = Watch(item.funcargs.get("pair") or item._request.getfixturevalue("lab"))
    return item.watch


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs the test, then the judge; a row fails when either finds something."""
    bounds = getattr(pyfuncitem.function, "row", None)
    if not bounds:
        return None
    watch = _watch(pyfuncitem)
    try:
        watch.begin()
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    finally:
        pyfuncitem.figures = watch.figures()
        watch.close()
    found = pyfuncitem.figures
    print(f"row {bounds.number}: {found}")
    broken = bounds.broken(found, MARGIN_S)
    assert not broken, f"row {bounds.number}: {'; '.join(broken)}"
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    bounds = getattr(item.function, "row", None)
    if not bounds or not OUT or not (report.when == "call" or report.outcome != "passed"):
        return
    why = "" if report.outcome == "passed" else str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else call.excinfo.value)
    line = {"row": bounds.number, "test": item.name, "outcome": report.outcome, "subject": "zonevip", "why": why[:500],
            "figures": getattr(item, "figures", None), "bounds": bounds.words()}
    with open(OUT, "a") as file:
        file.write(json.dumps(line) + "\n")
