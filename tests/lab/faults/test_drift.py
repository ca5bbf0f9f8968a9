# SPDX-License-Identifier: MIT
"""Rows 46 to 50 and 52: what others do to route and parameter, judged by the endpoint's log and the kernel.

The slow ones run when ZONEVIP_LONG is set: after its own write a node believes no contradicting
read for ten seconds, so each turn of them takes that long.
"""

import os
import time

import pytest
from conftest_agents import double, instance, last_words, state, writes
from faults.bounds import NOBODY, STALE_S, TWO_TABLES, T_SILENT_S, VERIFY_S, row
from vpc import DB_HOSTS, TABLES, VIP, now_ns

BOUND_S = 6.0 + STALE_S  # verify_master + verify_fast + T_act
SLACK_S = 8.0  # of a loaded machine
long = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


def puts(lab, since, host=None):
    return [line for line in lab.log(since=since, action="PutParameter", host=host)
            if line["params"]["Name"] == "MasterDB_VIP" and line["executed"]]


def settled(lab, owner, seconds=BOUND_S + SLACK_S):
    other = next(name for name in DB_HOSTS if name != owner)
    lab.wait_for(lambda: state(lab, owner) == "MASTER" and state(lab, other) == "BACKUP", seconds, "one owner")
    lab.wait_owner(owner, seconds)


def late_writes(lab, since):
    return [line for line in writes(lab, 0) if line["host"] == "DB_Host1" and line["t_executed_ns"] > since]


@long
@row(46, out=VERIFY_S + 3, writes=1)  # 3 s of those in which B still trusts its own write
def test_46_a_late_write_is_drift_and_mended_once(pair, watch):
    """A's ReplaceRoute lands long after B has claimed: B rewrites, A never becomes MASTER."""
    pair.set_route("web_host1", TABLES[1])
    rule = pair.fault("ReplaceRoute", host="DB_Host1", resource=TABLES[1], times=1, late=12.0)
    pair.wait_for(lambda: pair.log(action="DescribeRouteTables", host="DB_Host1") and
                  any("drift" in line for line in pair.host("DB_Host1").agent_log().splitlines()), 30, "A to begin the write")
    pair.host("DB_Host1").mysql_kill()
    pair.wait_owner("DB_Host2", 10)
    since = watch.begin()
    pair.wait_for(lambda: late_writes(pair, since), 30, "the late write to land")
    landed = late_writes(pair, since)[0]
    pair.wait_owner("DB_Host2", BOUND_S + SLACK_S)
    mended = [line for line in writes(pair, landed["t_executed_ns"]) if line["host"] == "DB_Host2"]
    assert len(mended) == 1, last_words(pair)
    time.sleep(3)
    assert len(writes(pair, landed["t_executed_ns"] + 1)) == 1, "no ping-pong"
    assert state(pair, "DB_Host1") == "FAULT" and double(pair, since) == 0
    pair.unfault(rule)


@long
@pytest.mark.parametrize("what", ["DescribeRouteTables", "GetParameter"])
@row(47, out=STALE_S, writes=2 * TWO_TABLES)
def test_47_stale_reads_after_a_move_cause_no_storm(pair, what):
    """Ten seconds are more than the protocol's Sigma: one needless move is allowed, convergence is not optional."""
    since = now_ns()
    rule = pair.fault(what, stale=10.0)
    pair.host("DB_Host1").exec(["zonevipctl", "switchover"])
    pair.wait_owner("DB_Host2", 15)
    time.sleep(12)
    pair.unfault(rule)
    settled(pair, pair.parameter()[0], 30)
    assert len(writes(pair, since)) <= 2 * len(TABLES), "RW at most 2 a table"
    assert len(puts(pair, since)) <= 2
    assert double(pair, since) == 0


def moved_back(pair, since):
    return [line for line in writes(pair, since) if line["host"] == "DB_Host1"]


@long
@row(48, out=3 * (STALE_S + VERIFY_S), writes=3 * TWO_TABLES)
def test_48_a_route_that_an_operator_moves_is_taken_back_until_it_is_a_fight(pair, watch):
    since = now_ns()
    for turn in range(3):
        pair.set_route("web_host1")
        pair.wait_for(lambda: set(pair.routes().values()) == {"DB_Host1"}, BOUND_S + SLACK_S, f"turn {turn}")
    watch.end()
    assert len(moved_back(pair, since)) == 3 * len(TABLES)
    pair.set_route("web_host1")
    pair.wait_for(lambda: "route_fight" in instance(pair, "DB_Host1")["flags"], 30, "the fight to be said")
    assert "event=route_fight" in pair.host("DB_Host1").agent_log()
    time.sleep(8)
    assert len(moved_back(pair, since)) == 3 * len(TABLES), "no fighting on"
    assert state(pair, "DB_Host1") == "MASTER" and state(pair, "DB_Host2") == "BACKUP"
    assert puts(pair, since) == []


@long
@row(48, out=NOBODY)
def test_48_in_maintenance_a_moved_route_is_reported_only(pair, watch):
    pair.host("DB_Host1").exec(["zonevipctl", "maintenance", "on"])
    since = now_ns()
    pair.set_route("web_host1", TABLES[0])
    pair.wait_for(lambda: [route for route in instance(pair, "DB_Host1")["routes"] if route["points_at"] == "other"], 30,
                  "the drift to show")
    time.sleep(3)
    assert writes(pair, since) == []
    watch.end()
    pair.host("DB_Host1").exec(["zonevipctl", "maintenance", "off"])
    pair.wait_owner("DB_Host1", BOUND_S + SLACK_S)


VALUES = {"deleted": None, "stranger": "x", "blank": "DB_Host1 ", "long": "g" * 4096, "utf8": "\u00e9\u00e8 <b>"}


@pytest.mark.parametrize("kind", ["stranger"] + [pytest.param(kind, marks=long) for kind in VALUES if kind != "stranger"])
@row(49, out=VERIFY_S)
def test_49_a_parameter_deleted_or_edited_to_nonsense_is_written_again(pair, kind, watch):
    if kind == "deleted":
        time.sleep(STALE_S)  # for so long "there is none" may be older than its own Put
    since = watch.begin()
    pair.set_parameter(VALUES[kind])
    pair.wait_for(lambda: pair.parameter()[0] == "DB_Host1", BOUND_S + SLACK_S + 10, "the parameter to be mended")
    time.sleep(2)
    assert set(pair.routes().values()) == {"DB_Host1"} and pair.holders() == ["DB_Host1"]
    assert state(pair, "DB_Host1") == "MASTER" and state(pair, "DB_Host2") == "BACKUP"
    assert writes(pair, since) == [] and len(puts(pair, since)) == 1


@row(49, out=2 * VERIFY_S, writes=TWO_TABLES)
def test_49_a_parameter_edited_to_the_other_node_is_obeyed(pair):
    pair.set_parameter("DB_Host2")
    settled(pair, "DB_Host2", 30)


@long
@row(50, out=STALE_S + VERIFY_S, writes=2)  # replace is refused, then create
def test_50_a_deleted_route_is_made_anew(pair):
    since = now_ns()
    pair.set_route(None, TABLES[0])
    pair.wait_owner("DB_Host1", BOUND_S + SLACK_S)
    assert [line["action"] for line in writes(pair, since)] == ["CreateRoute"]


@long
@row(50, out=NOBODY, writes=12)  # of 50 s, one in five at most
def test_50_a_deleted_route_is_only_said_where_creating_is_off_and_asked_for_at_most_every_5_s(pair, watch):
    for name in DB_HOSTS:
        pair.host(name).exec(["zonevipctl", "stop", "--keep"])
        pair.wait_for(lambda n=name: pair.host(n).agent_status()["state"] != "running", 10, "the end")
    pair.install_conf(pair.conf_text(vip_instance={"create_route": False}))
    for name in DB_HOSTS:
        pair.host(name).agent_start()
    settled(pair, "DB_Host1", 20)
    since = watch.begin()
    pair.set_route(None, TABLES[0])
    pair.wait_for(lambda: "no route to replace" in pair.host("DB_Host1").agent_log(), 40, "it to be said")
    time.sleep(10)
    tried = [line for line in pair.log(since=since, host="DB_Host1") if line["action"] == "ReplaceRoute"]
    seconds = (now_ns() - since) / 1e9
    assert len(tried) <= seconds / 5 + 1
    assert [line for line in pair.log(since=since) if line["action"] == "CreateRoute"] == []
    assert state(pair, "DB_Host1") == "MASTER" and "partial" in instance(pair, "DB_Host1")["flags"]


@long
@row(50, out=NOBODY, writes=6)
def test_50_a_deleted_table_does_not_hide_the_other_and_makes_no_storm(pair):
    since = now_ns()
    pair.delete_table(TABLES[1])
    pair.wait_for(lambda: "InvalidRouteTableID.NotFound" in pair.host("DB_Host1").agent_log(), 20, "it to be said")
    time.sleep(6)
    asked = [line for line in pair.log(since=since, host="DB_Host1") if line["code"] == "InvalidRouteTableID.NotFound"]
    assert len(asked) <= (now_ns() - since) / 5e9 + 1
    assert pair.routes()[TABLES[0]] == "DB_Host1" and state(pair, "DB_Host1") == "MASTER"


@row(52, out=10, dual=3, mis=3, writes=4 * TWO_TABLES)  # replace, then create, by both at the worst
def test_52_both_claim_in_the_same_moment_and_one_owns(lab):
    """Nobody owns the VIP; both are held back, able to serve, and let go in the same moment."""
    since = now_ns()
    rule = lab.fault("PutParameter", resource="MasterDB_VIP", latency=0.8)
    for name in DB_HOSTS:
        lab.host(name).agent_start(wait=False)
    lab.wait_for(lambda: lab.owner(), 20, "one owner")
    lab.unfault(rule)
    owner = lab.owner()
    settled(lab, owner, 15)
    time.sleep(2)
    assert lab.owner() == owner
    assert lab.holders() == [owner]
