# SPDX-License-Identifier: MIT
"""Many tables at once, another account's tables, and what AWS announces of an instance."""

import os
import time

import pytest
from conftest_agents import clean, double, instance, last_words, start, state, writes
from vpc import DB_HOSTS, TABLES, now_ns

ONE, TWO = DB_HOSTS
long_one = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


def transitions(lab):
    return {name: instance(lab, name)["last_transition"] for name in DB_HOSTS}


def unmoved(lab, before):
    assert transitions(lab) == before, last_words(lab)


def put_of_owner(lab, since):
    return [line for line in lab.log(since=since, action="PutParameter") if line["params"]["Name"] == "MasterDB_VIP"]


def move_ms(lab, vips, tables):
    clean(lab)  # a hold after the failure of the last move would keep a node from being fit
    lab.install_conf(lab.conf_text(vip_instance={
        "virtual_ipaddress": [f"10.1.5.{5 + n}/32" for n in range(vips)], "route_table": list(TABLES[:tables])}))
    for name in DB_HOSTS:
        lab.host(name).agent_start()
    lab.wait_for(lambda: any(state(lab, name) == "MASTER" for name in DB_HOSTS), 20, "a MASTER")
    lab.wait_for(lambda: all(instance(lab, name)["eligible"] or state(lab, name) == "MASTER" for name in DB_HOSTS), 20, "both fit")
    owner = next(name for name in DB_HOSTS if state(lab, name) == "MASTER")
    time.sleep(2)  # the verify reads of the others warm their connections
    lab.fault("ec2", latency=0.05)
    since = now_ns()
    lab.host(owner).mysql_kill()
    lab.wait_for(lambda: len(writes(lab, since)) == vips * tables, 10, "all routes")
    lines = writes(lab, since)
    return (max(line["t_done_ns"] for line in lines) - min(line["t_ns"] for line in lines)) / 1e6


@long_one
def test_sixteen_routes_move_in_the_time_of_one(lab):
    one, sixteen = move_ms(lab, 1, 1), move_ms(lab, 8, 2)
    print(f"\n1 route: {one:.1f} ms, 16 routes: {sixteen:.1f} ms at 50 ms a call: factor {sixteen / one:.2f}")
    assert sixteen < 16 * one / 3, "one after the other"  # the figure is printed; a busy machine is no failure


def test_a_role_is_held_ready_and_signs_the_calls_about_routes(lab):
    lab.install_conf(lab.conf_text(aws={"role_arn": "arn:aws:iam::123456789012:role/zonevip-routes"}))
    since = now_ns()
    start(lab)
    for name in DB_HOSTS:
        assert len(lab.log(since=since, action="AssumeRole", host=name)) == 1
    assert lab.status(TWO)["aws"]["routes_credentials"].startswith("assumed role arn:aws:iam::")
    failed = now_ns()
    lab.host(ONE).mysql_kill()
    lab.wait_owner(TWO, 5)
    assert {line["role"] for line in writes(lab, failed)} == {"zonevip-routes"}
    assert {line["role"] for line in put_of_owner(lab, failed)} == {"zonevip"}
    assert lab.log(since=failed, action="AssumeRole") == [], "nobody waited for STS"


def test_a_spot_interruption_hands_over_and_a_lone_node_goes_on(pair):
    soon = '{"action": "terminate", "time": "2031-01-01T00:00:00Z"}'
    for name in DB_HOSTS:
        pair.host(name).agent_stop()
        pair.host(name).announce("instance-life-cycle", "spot")
    start(pair)
    since, mark = now_ns(), {name: len(pair.host(name).agent_log()) for name in DB_HOSTS}
    pair.host(ONE).announce("spot/instance-action", soon)
    pair.wait_owner(TWO, 15)
    assert double(pair, since) == 0
    log = pair.host(ONE).agent_log()[mark[ONE]:]
    assert "event=aws_notice kind=spot_interruption what=terminate" in log and "event=notice_handover " in log
    assert pair.status(ONE)["aws"]["notices"][0]["policy"] == "handover"
    pair.host(ONE).agent_stop()
    pair.host(TWO).announce("spot/instance-action", soon)
    pair.wait_for(lambda: "event=notice_handover_refused" in pair.host(TWO).agent_log()[mark[TWO]:], 15, "the refusal")
    assert state(pair, TWO) == "MASTER" and pair.owner() == TWO


@long_one
def test_an_end_of_service_in_its_group_is_an_alarm_where_that_is_the_policy(lab):
    lab.install_conf(lab.conf_text(aws={"on_lifecycle": "alarm"}))
    lab.host(ONE).announce("autoscaling/target-lifecycle-state", "Terminated")
    start(lab)
    before = transitions(lab)
    lab.wait_for(lambda: [notice["what"] for notice in lab.status(ONE)["aws"]["notices"]] == ["Terminated"], 15, "the notice")
    assert "AWS announces lifecycle: Terminated" in lab.host(ONE).exec(["zonevipctl", "status"]).stdout
    time.sleep(1)
    assert lab.owner() == ONE
    unmoved(lab, before)
