# SPDX-License-Identifier: MIT
"""The scenario, judged from outside: kernel routes, parameter, addresses, the endpoint's log.

Its steps (b), (c), (g) and (h) are rows 11, 3 and 1 of the fault matrix: see ../faults.
"""

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
