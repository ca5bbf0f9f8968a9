# SPDX-License-Identifier: MIT
"""Rows 4 and 65: a daemon or a whole machine that stands still and goes on (rule Z1).

The supervisor's watchdog (WatchdogSec=5 of the unit) kills what stands still for longer. Where a
test lets that happen it says so; where it asks what the daemon itself does, the watchdog only
records. ZONEVIP_LONG=1 runs the pauses of 30 and 60 s as well.
"""

import os
import signal
import time

import pytest

from conftest_agents import double, nothing_moves, state, writes
from faults.bounds import MARGIN_S, NOBODY, TWO_TABLES, T_SILENT_S, row
from vpc import DB_HOSTS, TABLES, VIP, now_ns

SILENT_S = 5.0  # D + G of the profile safe
LEASE_S = 2.5  # F
# The protocol drops the address within 50 ms; a busy machine may be twenty times as slow.
DROP_MS = 1000 if MARGIN_S else 50
STANDBY_FROZEN_S = 12

long = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes minutes: ZONEVIP_LONG=1 runs it")


@pytest.fixture
def unwatched(pair):
    for name in DB_HOSTS:
        pair.host(name).agent_watchdog(False)
    yield pair
    pair.heal()
    for name in DB_HOSTS:
        pair.host(name).agent_watchdog(True)


def sleep_until(since_ns, seconds):
    time.sleep(max(0.0, seconds - (now_ns() - since_ns) / 1e9))


def resume(lab, name):
    """SIGCONT from here, so that the stamp before it is the moment itself."""
    host = lab.host(name)
    leader = host.outer_pid("zonevipd")
    moment = now_ns()
    os.killpg(leader, signal.SIGCONT)
    host.signal("zonevipd", "CONT")  # the lab's books
    return moment


def thaw(lab, name):
    moment = now_ns()
    lab.host(name).thaw()
    return moment


def alias_events(lab, name, since, present):
    return [line["t_ns"] for line in lab.history(since=since, event="address", host=name)
            if line["address"] == VIP and line["present"] == present]


def calls(lab, name, since):
    return [line for line in lab.log(since=since, host=name) if not line["action"].startswith("AssumeRole")]


def changes(lab, name, since):
    """What it has written to the cloud, its touch included."""
    return [line for line in calls(lab, name, since)
            if line["action"] in ("ReplaceRoute", "CreateRoute", "PutParameter")]


def gives_way_at_once(lab, name, go_on):
    """The address goes by the clock alone: no peer and no answer of the cloud can have told it."""
    mute = lab.fault(host=name, hang=True)
    resumed = go_on()
    lab.wait_for(lambda: alias_events(lab, name, resumed, False), 10, f"{name} to drop the address")
    dropped = alias_events(lab, name, resumed, False)[0]
    drop_ms = (dropped - resumed) / 1e6
    lab.unfault(mute)
    lab.heal()
    lab.wait_for(lambda: state(lab, name) == "BACKUP", 10, f"{name} to be BACKUP")
    lab.wait_for(lambda: any(line["action"] == "GetParameter" and line["status"] == 200 for line in calls(lab, name, dropped)),
                 10, f"{name} to read the parameter anew")
    time.sleep(2)
    print(f"{name}: address dropped {drop_ms:.1f} ms after the pause, both held it for {double(lab, resumed):.1f} ms")
    assert drop_ms < DROP_MS
    assert double(lab, resumed) < DROP_MS
    assert changes(lab, name, resumed) == [], "a write, though it did not know whether it still owns the VIP"
    assert alias_events(lab, name, resumed, True) == [], "it took the address up again"


def taken_over_in_time(lab, since):
    lab.wait_for(lambda: set(lab.routes().values()) == {"DB_Host2"}, SILENT_S + 10, "DB_Host2 to take over")
    moved = [line for line in writes(lab, since) if line["host"] == "DB_Host2"]
    took = (max(line["t_done_ns"] for line in moved) - since) / 1e9
    print(f"DB_Host2 had every route {took:.2f} s after the last sign of life")
    assert len(moved) == len(TABLES)
    assert SILENT_S - 0.3 <= took <= SILENT_S + 3, took


@row(4)
def test_4_stopped_for_half_a_second_nothing_moves_and_no_route_is_written(pair):
    since = now_ns()
    pair.host("DB_Host1").signal("zonevipd", "STOP")
    sleep_until(since, 0.5)
    resume(pair, "DB_Host1")
    nothing_moves(pair, since, 3, "DB_Host1")
    assert alias_events(pair, "DB_Host1", since, False) == []
    assert double(pair, since) == 0


@pytest.mark.parametrize("seconds", [8, pytest.param(60, marks=long)])
@row(4, out=T_SILENT_S, dual=DROP_MS / 1e3, writes=TWO_TABLES)
def test_4_a_master_stopped_longer_is_replaced_and_drops_the_address_first_of_all(unwatched, seconds):
    lab = unwatched
    since = now_ns()
    lab.host("DB_Host1").signal("zonevipd", "STOP")
    lab.cut("DB_Host1", "DB_Host2")  # so that no heartbeat tells it afterwards who took over
    taken_over_in_time(lab, since)
    sleep_until(since, seconds)
    assert set(lab.holders()) == set(DB_HOSTS), "the stopped one holds its address: the route is the fence"
    gives_way_at_once(lab, "DB_Host1", lambda: resume(lab, "DB_Host1"))
    assert lab.holders() == ["DB_Host2"]
    nothing_moves(lab, now_ns(), 1, "DB_Host2")


@long
@row(4, out=T_SILENT_S, writes=TWO_TABLES)
def test_4_the_watchdog_ends_a_stopped_master_and_one_host_is_left_with_the_address(pair):
    since = now_ns()
    pair.host("DB_Host1").signal("zonevipd", "STOP")
    pair.wait_for(lambda: pair.host("DB_Host1").agent_status()["restarts"] == 1, 15, "the watchdog")
    pair.wait_for(lambda: len(pair.holders()) == 1 and pair.owner() == pair.holders()[0], 15, "one owner")
    ends = [line for line in pair.history(since=since, event="process", host="DB_Host1") if line["what"] == "watchdog"]
    assert len(ends) == 1
    print(f"the watchdog came after {(ends[0]['t_ns'] - since) / 1e9:.2f} s, owner is {pair.owner()}")
    nothing_moves(pair, now_ns(), 8, pair.owner())


@row(65, out=T_SILENT_S)
def test_65_a_machine_frozen_for_less_than_the_grace_keeps_its_vip_and_looks_before_it_serves(pair):
    since = now_ns()
    pair.host("DB_Host1").freeze()
    time.sleep(LEASE_S + 0.7)  # from when it stands still
    resumed = thaw(pair, "DB_Host1")
    pair.wait_for(lambda: alias_events(pair, "DB_Host1", resumed, False), 10, "the address to go: the lease is over")
    dropped = alias_events(pair, "DB_Host1", resumed, False)[0]
    print(f"DB_Host1: address dropped {(dropped - resumed) / 1e6:.1f} ms after the thaw")
    pair.wait_owner("DB_Host1", 15)
    assert (dropped - resumed) / 1e6 < DROP_MS
    read = [line for line in calls(pair, "DB_Host1", resumed) if line["action"] == "GetParameter"]
    back = alias_events(pair, "DB_Host1", dropped, True)[0]
    assert read and read[0]["t_done_ns"] < back, "P is read before the address is taken up again"
    assert double(pair, since) == 0
    nothing_moves(pair, since, 2, "DB_Host1")


@long
@row(65, out=T_SILENT_S, dual=DROP_MS / 1e3, writes=TWO_TABLES)
def test_65_a_machine_frozen_for_30_seconds_is_replaced_and_what_was_queued_proves_nothing(unwatched):
    lab = unwatched
    since = now_ns()
    lab.host("DB_Host1").freeze()
    taken_over_in_time(lab, since)
    sleep_until(since, 30)
    gives_way_at_once(lab, "DB_Host1", lambda: thaw(lab, "DB_Host1"))
    assert lab.holders() == ["DB_Host2"]
    nothing_moves(lab, now_ns(), 3, "DB_Host2")


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=long)])
@row(65)
def test_65_a_standby_that_was_frozen_claims_nothing_when_it_is_back(unwatched, seconds):
    lab = unwatched
    since = now_ns()
    lab.host("DB_Host2").freeze()
    sleep_until(since, seconds)
    lab.host("DB_Host2").thaw()
    time.sleep(3)
    assert writes(lab, since) == []
    assert lab.parameter() == ("DB_Host1", 1)
    assert alias_events(lab, "DB_Host2", since, True) == []
    assert alias_events(lab, "DB_Host1", since, False) == []
    lab.wait_for(lambda: state(lab, "DB_Host2") == "BACKUP" and state(lab, "DB_Host1") == "MASTER", 10, "both in order")


@long
# The one that is cut off holds its address, as in row 28: isolation hold.
@row(65, out=STANDBY_FROZEN_S + 2 * T_SILENT_S, dual=NOBODY, writes=TWO_TABLES)
def test_65_a_standby_frozen_beside_a_dying_master_waits_anew_and_then_takes_over(unwatched):
    """Its queue is full of heartbeats of a master that lived when they were sent."""
    lab = unwatched
    lab.host("DB_Host2").freeze()
    time.sleep(2)
    lab.cut("DB_Host1")
    time.sleep(STANDBY_FROZEN_S - 2)
    thawed = now_ns()
    lab.host("DB_Host2").thaw()
    lab.wait_for(lambda: set(lab.routes().values()) == {"DB_Host2"}, 20, "DB_Host2 to take over")
    took = (min(line["t_ns"] for line in writes(lab, thawed)) - thawed) / 1e9
    print(f"first route write {took:.2f} s after the thaw")
    assert took >= 1.0, "it must listen for D before it claims"
