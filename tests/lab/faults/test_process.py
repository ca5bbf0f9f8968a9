# SPDX-License-Identifier: MIT
"""Rows 1 to 3: a daemon that is killed, killed for good, or told to stop. Row 4 is in test_standstill.py."""

import os
import time

import pytest
from conftest_agents import instance, state
from faults.bounds import MARGIN_S, T_SILENT_S, TWO_TABLES, row
from vpc import VIP, now_ns

OWNER, OTHER = "DB_Host1", "DB_Host2"
STRANGER = "10.1.7.7"
BACK_S = 1.0
RESIGN_S = 0.9
long = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


@row(1)
def test_1_kill_9_and_a_restart_is_no_transition(pair):
    since = now_ns()
    before = instance(pair, OTHER)["last_transition"]
    pair.host(OWNER).agent_kill(restart=True)
    pair.wait_for(lambda: pair.host(OWNER).agent_status()["ready"], 5, "the restart")
    pair.wait_for(lambda: state(pair, OWNER) == "MASTER", 3, "adoption")
    assert instance(pair, OWNER)["reason"] == "adopted"
    time.sleep(6)  # longer than D + G
    assert pair.parameter() == (OWNER, 1)
    assert instance(pair, OTHER)["last_transition"] == before
    vip = [line for line in pair.history(since=since, event="address") if line["address"] == VIP]
    assert vip == [], "the alias never went away"
    lives = {line["what"]: line["t_ns"] for line in pair.history(since=since, event="process", host=OWNER) if line["service"] == "zonevipd"}
    back = (lives["ready"] - lives["exited"]) / 1e9
    print(f"ready again {back:.2f} s after its end, 0.2 s of them the supervisor's")
    assert back < BACK_S + MARGIN_S


@row(2, out=T_SILENT_S, writes=TWO_TABLES)
def test_2_kill_9_for_good_leaves_no_address_and_the_peer_takes_over(pair):
    pair.host(OWNER).exec(["ip", "addr", "add", STRANGER + "/32", "dev", "eth0", "label", "eth0:7"])
    since = now_ns()
    pair.host(OWNER).agent_kill(restart=False)
    assert pair.holders() == [], "the cleanup has ended and taken the address away"
    assert pair.holders(STRANGER) == [OWNER], "and nobody else's"
    pair.wait_owner(OTHER, 15)
    assert "event=alias_cleaned" in pair.host(OWNER).agent_log()
    ends = [line for line in pair.history(since=since, event="process", host=OWNER) if line["what"] == "cleanup"]
    assert len(ends) == 1


@pytest.mark.parametrize("name", ["TERM", pytest.param("INT", marks=long)])
@row(3, out=RESIGN_S, writes=TWO_TABLES)
def test_3_a_stop_is_a_planned_hand_over(pair, name):
    since = now_ns()
    pair.host(OWNER).signal("zonevipd", name)
    pair.wait_owner(OTHER, 5)
    pair.wait_for(lambda: pair.host(OWNER).agent_status()["last_exit"] == "exit 0", 5, "a clean end")
    events = [(line["t_ns"], line["host"], line["present"]) for line in pair.history(since=since, event="address") if line["address"] == VIP]
    assert [(host, present) for _, host, present in events] == [(OWNER, False), (OTHER, True)], "gone here before it comes there"
