# SPDX-License-Identifier: MIT
"""The judgement of the two doors: a VPC that misbehaves in one way makes the step fail, and only
that step. No lab is started: a stage of plain values stands in for it."""

import pytest

from vpc import LabError

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


class Stage:
    def __init__(self):
        self.lab = Lab()
        self.watch = Watch()
        self.route_writes = []
        self.parameter_writes = []
        self.requests = []
        self.late = []
        self.beats = {"DB_Host1": 1.0, "DB_Host2": 50.0}
        self.now = 1_000_000_000

    def owner(self):
        return self.lab.named

    def state(self, host):
        return "MASTER" if host == self.lab.named else "BACKUP"

    def check(self):
        pass

    def trace(self):
        return Trace(self.requests, self.late)

    def writes(self, _since):
        return self.route_writes

    def puts(self, _since):
        return self.parameter_writes

    def open_beats(self, _seconds):
        pass

    def beats_late_ms(self, _since, _until):
        return self.beats

    def clients(self, pattern):
        """One request every 10 ms of the stage's own time: '1' and '2' answered by that host, 'x' not."""
        for c in pattern:
            self.now += 10 * MS
            self.requests.append(Request(self.now, self.now + MS, c != "x", f"DB_Host{c}"))


@pytest.fixture
def stage(monkeypatch):
    stage = Stage()
    for pause in ("QUIET_S", "SETTLE_S", "STILL_S"):
        monkeypatch.setattr(play_module, pause, 0)
    monkeypatch.setattr(play_module, "panel", lambda *_: None)
    monkeypatch.setattr(play_module, "now_ns", lambda: stage.now)
    stage.clients("1" * 20)
    return stage


def moves(stage, to="DB_Host2", carriers=("DB_Host2",), pattern="xx" + "2" * 40):
    def act():
        stage.lab.named = to
        stage.lab.carriers = list(carriers)
        stage.route_writes = [{}, {}]
        stage.clients(pattern)
    return act


def strike(stage, act):
    return Play(stage, 1, 1).strike("b", act, "fault")


def still(stage, act=lambda: None, until=lambda: True):
    return Play(stage, 1, 1).still("c", act, "fault", until, "nothing", ["DB_Host2"])


def test_a_move_that_works_holds(stage):
    run = strike(stage, moves(stage))
    assert run.broken == []
    assert run.gap_ms == 30.0 and run.failed == 2
    assert run.owner_before == "DB_Host1" and run.owner_after == "DB_Host2"
    assert run.route_writes == 2


def test_a_move_that_cost_no_request_still_took_a_period(stage):
    run = strike(stage, moves(stage, pattern="111" + "2" * 40))
    assert run.broken == [] and run.failed == 0 and run.gap_ms == 10.0


def test_owner_that_did_not_move_fails(stage):
    assert any("DB_Host2 to own" in why for why in strike(stage, moves(stage, to="DB_Host1")).broken)


def test_address_on_both_hosts_fails(stage):
    run = strike(stage, moves(stage, carriers=("DB_Host1", "DB_Host2")))
    assert "the address is on DB_Host1 and DB_Host2" in run.broken


def test_clients_answered_by_the_old_host_fail(stage):
    run = strike(stage, moves(stage, pattern="1" * 40))
    assert any("clients are answered by DB_Host1" in why for why in run.broken)


def test_clients_without_any_answer_fail(stage):
    run = strike(stage, moves(stage, pattern="x" * 40))
    assert any("answered by nobody" in why for why in run.broken)


def test_quiet_run_holds(stage):
    run = still(stage, lambda: stage.clients("1" * 30))
    assert run.broken == [] and run.gap_ms == 0.0


def test_one_failed_request_breaks_a_quiet_run(stage):
    run = still(stage, lambda: stage.clients("111x111"))
    assert run.broken == ["1 requests failed"] and run.gap_ms == 20.0


@pytest.mark.parametrize("spoil, sentence", [
    (lambda stage: setattr(stage, "route_writes", [{}]), "routes were written 1 times"),
    (lambda stage: setattr(stage, "parameter_writes", [{}]), "the parameter was written 1 times"),
    (lambda stage: setattr(stage.lab, "carriers", []), "the address is on no host"),
    (lambda stage: setattr(stage.lab, "named", "DB_Host2"), "routes and parameter name DB_Host2, not DB_Host1"),
    (lambda stage: stage.watch.followers["DB_Host2"].changes.append(Change(stage.now, "BACKUP", "CLAIMING", "")),
     "DB_Host2 changed its state: BACKUP -> CLAIMING"),
])
def test_anything_that_moved_breaks_a_quiet_run(stage, spoil, sentence):
    assert sentence in still(stage, lambda: spoil(stage)).broken


def test_a_condition_that_never_comes_breaks_a_quiet_run(stage):
    assert "waited in vain for nothing" in still(stage, until=lambda: False).broken


def test_every_run_is_counted(stage):
    play = Play(stage, 2, 1)
    assert play.steps["b"].wants and play.steps["d"].wants
    for _ in range(2):
        stage.lab.named = "DB_Host1"
        play.strike("b", moves(stage), "fault")
    assert not play.steps["b"].wants
    assert len(play.steps["b"].runs) == 2


def test_two_outages_in_one_move_fail(stage):
    run = strike(stage, moves(stage, pattern="xx" + "2" * 20 + "x" + "2" * 40))
    assert "2 separate outages instead of one" in run.broken
    assert run.failed == 3


def test_a_run_in_which_the_machine_stood_still_does_not_count(stage):
    play = Play(stage, 1, 1)
    act = moves(stage, pattern="xx" + "2" * 40)
    play.strike("b", lambda: (stage.late.append((stage.now + MS, 3)), act()), "fault")
    assert play.steps["b"].runs == [] and len(play.steps["b"].disturbed) == 1
    assert play.steps["b"].wants and not play.steps["b"].ok


def test_lateness_of_another_run_does_not_matter(stage):
    stage.late.append((stage.now - 1, 500))
    play = Play(stage, 1, 1)
    play.strike("b", moves(stage), "fault")
    assert len(play.steps["b"].runs) == 1


def test_a_run_without_clients_is_not_a_quiet_one(stage):
    run = still(stage, lambda: setattr(stage, "now", stage.now + 1000 * MS))
    assert run.broken == ["the client loop sent 1 requests in 1.0 s: nothing was measured"]


def hang(stage, monkeypatch):
    monkeypatch.setattr(Play, "hang", lambda self, back: stage.clients("1" * 50))
    return Play(stage, 1, 1).calls_hang()


def test_heartbeats_on_time_hold(stage, monkeypatch):
    run = hang(stage, monkeypatch)
    assert run.broken == [] and run.heartbeat_late_ms == 50.0


@pytest.mark.parametrize("late, sentence", [
    (50.1, "heartbeats of DB_Host2 were 50.1 ms late"), (None, "heartbeats of DB_Host2 were not sent")])
def test_late_or_missing_heartbeats_fail(stage, monkeypatch, late, sentence):
    stage.beats["DB_Host2"] = late
    assert hang(stage, monkeypatch).broken == [sentence]
