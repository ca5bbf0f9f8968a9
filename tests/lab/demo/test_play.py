# SPDX-License-Identifier: MIT
"""The judgement of the two doors: a VPC that misbehaves in one way makes the step fail, and only
that step. No lab is started: a stage of plain values stands in for it."""

import pytest

from vpc import LabError, now_ns

from demo import play as play_module
from demo.gaps import Request, Trace
from demo.play import Play
from demo.states import Change

MS = 1_000_000


class Follower:
    def __init__(self):
        self.changes = []

    def since(self, at_ns):
        return [change for change in self.changes if change.at_ns >= at_ns]


class Lab:
    """Owner and address as the test says; waiting either holds at once or fails."""

    def __init__(self):
        self.named = "DB_Host1"
        self.carriers = ["DB_Host1"]

    def wait_for(self, fn, _timeout, what):
        value = fn()
        if not value:
            raise LabError(f"waited in vain for {what}")
        return value

    def wait_owner(self, host, _timeout):
        self.wait_for(lambda: self.named == host, 0, f"{host} to own the VIP")

    def holders(self):
        return self.carriers


class Watch:
    def __init__(self):
        self.followers = {"DB_Host1": Follower(), "DB_Host2": Follower()}

    def check(self):
        pass


class Stage:
    def __init__(self):
        self.lab = Lab()
        self.watch = Watch()
        self.route_writes = []
        self.parameter_writes = []
        self.requests = []

    def owner(self):
        return self.lab.named

    def state(self, host):
        return "MASTER" if host == self.lab.named else "BACKUP"

    def trace(self):
        return Trace(self.requests)

    def writes(self, _since):
        return self.route_writes

    def puts(self, _since):
        return self.parameter_writes

    def clients(self, pattern):
        """As in test_gaps: the last request was sent 20 ms ago."""
        end = now_ns()
        start = end - (len(pattern) + 1) * 10 * MS
        for i, c in enumerate(pattern):
            sent = start + i * 10 * MS
            self.requests.append(Request(sent, sent + MS, c != "x", f"DB_Host{c}"))


@pytest.fixture
def stage(monkeypatch):
    for pause in ("QUIET_S", "SETTLE_S", "STILL_S"):
        monkeypatch.setattr(play_module, pause, 0)
    monkeypatch.setattr(play_module, "panel", lambda *_: None)
    return Stage()


def moves(stage, to="DB_Host2", carriers=("DB_Host2",), pattern="xx" + "2" * 40):
    def act():
        stage.lab.named = to
        stage.lab.carriers = list(carriers)
        stage.route_writes = [{}, {}]
        stage.requests.clear()
        stage.clients("111" + pattern)
        # Everything in the pattern happened after the fault as far as strike() can tell.
        shift = len(pattern) * 10 * MS
        stage.requests = [r._replace(sent_ns=r.sent_ns + shift, done_ns=r.done_ns + shift) for r in stage.requests]
    return act


def strike(stage, act):
    return Play(stage, 1, 1).strike("b", act, "fault")


def still(stage, act=lambda: None, until=lambda: True):
    return Play(stage, 1, 1).still("c", act, "fault", until, "nothing", ["DB_Host2"])


@pytest.fixture
def late(monkeypatch):
    """The end of a run as the doors see it: after every request of the pattern."""
    monkeypatch.setattr(play_module, "now_ns", lambda: now_ns() + 400 * MS)


def test_a_move_that_works_holds(stage):
    act = moves(stage)
    run = strike(stage, act)
    assert [why for why in run.broken if "answered" not in why] == []
    assert run.owner_before == "DB_Host1" and run.owner_after == "DB_Host2"
    assert run.route_writes == 2


def test_owner_that_did_not_move_fails(stage):
    assert any("DB_Host2 to own" in why for why in strike(stage, moves(stage, to="DB_Host1")).broken)


def test_address_on_both_hosts_fails(stage):
    run = strike(stage, moves(stage, carriers=("DB_Host1", "DB_Host2")))
    assert "the address is on DB_Host1 and DB_Host2" in run.broken


def test_clients_answered_by_the_old_host_fail(stage, late):
    run = strike(stage, moves(stage, pattern="1" * 40))
    assert any("clients are answered by DB_Host1" in why for why in run.broken)


def test_clients_without_any_answer_fail(stage, late):
    run = strike(stage, moves(stage, pattern="x" * 40))
    assert any("answered by nobody" in why for why in run.broken)


def test_quiet_run_holds(stage):
    stage.clients("1" * 30)
    run = still(stage)
    assert run.broken == [] and run.gap_ms == 0.0


def test_one_failed_request_breaks_a_quiet_run(stage):
    run = still(stage, lambda: stage.requests.extend(
        [Request(now_ns(), now_ns(), True, "DB_Host1"), Request(now_ns(), now_ns() + 5, False, "no"),
         Request(now_ns(), now_ns() + 9, True, "DB_Host1")]))
    assert "1 requests failed" in run.broken and run.gap_ms is not None


@pytest.mark.parametrize("spoil, sentence", [
    (lambda stage: setattr(stage, "route_writes", [{}]), "routes were written 1 times"),
    (lambda stage: setattr(stage, "parameter_writes", [{}]), "the parameter was written 1 times"),
    (lambda stage: setattr(stage.lab, "carriers", []), "the address is on no host"),
    (lambda stage: setattr(stage.lab, "named", "DB_Host2"), "routes and parameter name DB_Host2, not DB_Host1"),
    (lambda stage: stage.watch.followers["DB_Host2"].changes.append(Change(now_ns(), "BACKUP", "CLAIMING", "")),
     "DB_Host2 changed its state: BACKUP -> CLAIMING"),
])
def test_anything_that_moved_breaks_a_quiet_run(stage, spoil, sentence):
    assert sentence in still(stage, lambda: spoil(stage)).broken


def test_a_condition_that_never_comes_breaks_a_quiet_run(stage):
    assert "waited in vain for nothing" in still(stage, until=lambda: False).broken


def test_every_run_is_counted(stage):
    play = Play(stage, 2, 1)
    assert play.wants("b") and play.wants("d")
    for _ in range(2):
        stage.lab.named = "DB_Host1"
        play.strike("b", moves(stage), "fault")
    assert not play.wants("b")
    assert len(play.steps["b"].runs) == 2


def test_two_outages_in_one_move_fail(stage, late):
    run = strike(stage, moves(stage, pattern="xx" + "2" * 20 + "x" + "2" * 40))
    assert "2 separate outages instead of one" in run.broken
    assert run.failed == 3
