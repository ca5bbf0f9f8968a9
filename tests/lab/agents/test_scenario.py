# SPDX-License-Identifier: MIT
"""The scenario, (a) to (h), judged from outside: kernel routes, parameter, addresses, the endpoint's log."""

import time

from conftest_agents import double, instance, nothing_moves, state, writes
from vpc import TABLES, now_ns

SILENT_S = 5.0  # D + G of the profile safe


def test_a_the_first_start_creates_parameter_and_routes_and_one_host_holds_the_alias(pair):
    assert set(pair.routes().values()) == {"DB_Host1"}
    assert pair.parameter() == ("DB_Host1", 1)
    assert pair.holders() == ["DB_Host1"]
    address = pair.host("DB_Host1").exec(["ip", "-o", "-4", "addr", "show", "dev", "eth0"]).stdout
    assert "10.1.5.5/32 scope global eth0:1" in address
    assert {state(pair, "DB_Host1"), state(pair, "DB_Host2")} == {"MASTER", "BACKUP"}


def test_b_mysqld_stopped_or_killed_moves_everything_within_milliseconds(pair):
    for fault in ("mysql_stop", "mysql_kill"):
        owner, other = ("DB_Host1", "DB_Host2") if pair.parameter()[0] == "DB_Host1" else ("DB_Host2", "DB_Host1")
        since = now_ns()
        getattr(pair.host(owner), fault)()
        pair.wait_owner(other, 5)
        took_ms = (max(line["t_done_ns"] for line in writes(pair, since)) - since) / 1e6
        assert took_ms < 1000, f"{fault}: {took_ms} ms"  # the demo measures; this only catches the absurd
        assert len(writes(pair, since)) == len(TABLES)
        assert double(pair, since) == 0
        pair.wait_for(lambda: pair.holders() == [other], 2, f"the alias on {other} alone")
        assert state(pair, owner) == "FAULT"
        pair.host(owner).mysql_start()
        pair.wait_for(lambda: state(pair, owner) == "BACKUP", 10, f"{owner} to recover")
        pair.host(owner).exec(["zonevipctl", "ack"])
        pair.wait_for(lambda: instance(pair, owner)["eligible"], 5, f"{owner} to be eligible again")


def test_c_mysqld_started_again_moves_nothing(pair):
    pair.host("DB_Host1").mysql_stop()
    pair.wait_owner("DB_Host2", 5)
    pair.host("DB_Host1").mysql_start()
    pair.wait_for(lambda: state(pair, "DB_Host1") == "BACKUP", 10, "DB_Host1 to recover")
    since = now_ns()
    nothing_moves(pair, since, 3, "DB_Host2")
    assert "hold" in instance(pair, "DB_Host1")["not_eligible_because"]


def test_a_silent_owner_whose_machine_is_stopped_is_followed_without_the_grace(pair):
    since = now_ns()
    pair.instance_state("DB_Host1", "stopped")
    pair.cut("DB_Host1")
    pair.wait_owner("DB_Host2", SILENT_S + 3)
    took = (max(line["t_done_ns"] for line in writes(pair, since)) - since) / 1e9
    assert 1.5 <= took <= SILENT_S - 0.5, took  # D, and two looks a second apart
    assert len(pair.log(since=since, action="DescribeInstances")) >= 2


def test_d_e_a_silent_death_moves_after_D_and_G_and_the_return_moves_nothing(pair):
    since = now_ns()
    pair.cut("DB_Host1")
    pair.wait_owner("DB_Host2", SILENT_S + 3)
    took = (max(line["t_done_ns"] for line in writes(pair, since)) - since) / 1e9
    assert SILENT_S - 0.3 <= took <= SILENT_S + 3, took  # the demo measures
    pair.heal()
    pair.wait_for(lambda: state(pair, "DB_Host1") == "BACKUP", 5, "DB_Host1 to give way")
    pair.wait_for(lambda: pair.holders() == ["DB_Host2"], 1, "one alias")
    nothing_moves(pair, now_ns(), 3, "DB_Host2")


def test_f_a_switchover_hands_over_and_a_held_target_is_refused_until_ack(pair):
    pair.host("DB_Host1").mysql_kill()
    pair.wait_owner("DB_Host2", 5)
    pair.host("DB_Host1").mysql_start()
    pair.wait_for(lambda: state(pair, "DB_Host1") == "BACKUP", 10, "DB_Host1 to recover")
    refused = pair.host("DB_Host2").exec(["zonevipctl", "switchover"], check=False)
    assert refused.returncode == 1 and "ack" in refused.stdout + refused.stderr
    pair.host("DB_Host1").exec(["zonevipctl", "ack"])
    pair.wait_for(lambda: instance(pair, "DB_Host1")["eligible"], 5, "DB_Host1 to be eligible")
    time.sleep(0.3)  # its next heartbeats say so
    since = now_ns()
    pair.host("DB_Host2").exec(["zonevipctl", "switchover", "--to", "DB_Host1"])
    pair.wait_owner("DB_Host1", 3)
    assert double(pair, since) == 0
    assert len(writes(pair, since)) == len(TABLES)
    assert state(pair, "DB_Host2") == "BACKUP"


def test_g_sigterm_is_a_planned_hand_over(pair):
    since = now_ns()
    pair.host("DB_Host1").agent_stop()
    pair.wait_owner("DB_Host2", 3)
    assert pair.host("DB_Host1").agent_status()["last_exit"] == "exit 0"
    assert double(pair, since) == 0
    assert pair.holders() == ["DB_Host2"]


def test_h_kill_9_and_restart_is_no_transition(pair):
    since = now_ns()
    before = instance(pair, "DB_Host2")["last_transition"]
    pair.host("DB_Host1").agent_kill(restart=True)
    pair.wait_for(lambda: pair.host("DB_Host1").agent_status()["ready"], 5, "the restart")
    pair.wait_for(lambda: state(pair, "DB_Host1") == "MASTER", 3, "adoption")
    assert instance(pair, "DB_Host1")["reason"] == "adopted"
    time.sleep(6)  # longer than D + G
    assert writes(pair, since) == []
    assert pair.parameter() == ("DB_Host1", 1)
    assert instance(pair, "DB_Host2")["last_transition"] == before
    vip = [line for line in pair.history(since=since, event="address") if line["address"] == "10.1.5.5"]
    assert vip == [], "the alias never went away"


def test_a_partition_moves_nothing_and_a_database_that_dies_in_it_moves_by_the_touch_alone(pair):
    since = now_ns()
    pair.cut("DB_Host1", "DB_Host2")
    pair.wait_for(lambda: "partitioned" in instance(pair, "DB_Host2")["flags"], 6, "the partition to show")
    nothing_moves(pair, since, 6, "DB_Host1")  # longer than D + G
    since = now_ns()
    pair.host("DB_Host1").mysql_kill()
    pair.wait_owner("DB_Host2", SILENT_S)
    took = (max(line["t_done_ns"] for line in writes(pair, since)) - since) / 1e9
    assert took < SILENT_S - 1, f"{took} s: waited for the grace although the touch says that it is disclaimed"
    pair.heal()
    pair.wait_for(lambda: state(pair, "DB_Host1") == "FAULT" and pair.holders() == ["DB_Host2"], 3, "one owner")
