# SPDX-License-Identifier: MIT
"""Route tables found by discovery, the source/destination check switched off, the parameter's type."""

import os

import pytest
from conftest_agents import instance, start, state, writes
from vpc import DB_HOSTS, TABLES, VIP, now_ns

ONLY = "DB_Host1"
long = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


def tables_in_use(lab, host=ONLY):
    return {route["table"] for route in instance(lab, host)["routes"]}


def looked(lab, host=ONLY):
    return [line for line in lab.log(action="DescribeRouteTables", host=host)
            if line["params"].get("Filters") and line["executed"]]


def test_tables_that_carry_the_address_are_found_and_moved(lab):
    lab.install_conf(lab.conf_text(vip_instance={"route_table": ["discover"]}))
    for table in TABLES:
        lab.set_route("DB_Host2", table)
    start(lab)
    assert tables_in_use(lab) == set(TABLES)
    lab.host("DB_Host1").mysql_kill()
    lab.wait_owner("DB_Host2", 10)


def test_without_a_table_that_carries_it_the_node_says_so_and_does_not_claim(lab):
    lab.install_conf(lab.conf_text(vip_instance={"route_table": ["discover"]}))
    host = lab.host(ONLY)
    host.agent_start()
    lab.wait_for(lambda: "event=no_route_table" in host.agent_log(), 15, "the log to say it")
    lab.wait_for(lambda: "no_route_table" in instance(lab, ONLY)["not_eligible_because"], 10, "not eligible")
    assert lab.parameter() == (None, 0)


@long
def test_tables_are_found_by_tag_and_a_listed_one_stays(lab):
    lab.install_conf(lab.conf_text(vip_instance={"route_table": [TABLES[0], "tag Name=private"]}))
    start(lab)
    assert tables_in_use(lab) == set(TABLES)


@long
def test_a_table_that_joins_later_is_found_and_one_that_is_deleted_leaves(lab):
    lab.install_conf(lab.conf_text(vip_instance={"route_table": ["discover"], "discover_interval": 10}))
    lab.set_route(ONLY, TABLES[0])
    lab.host(ONLY).agent_start()
    lab.wait_for(lambda: state(lab, ONLY) == "MASTER", 20, "MASTER")
    assert tables_in_use(lab) == {TABLES[0]}
    lab.set_route("web_host1", TABLES[1])
    lab.wait_for(lambda: lab.routes()[TABLES[1]] == ONLY, 30, "the new table to be taken over")
    lab.delete_table(TABLES[1])
    lab.wait_for(lambda: tables_in_use(lab) == {TABLES[0]}, 30, "the deleted table to leave")
    assert state(lab, ONLY) == "MASTER" and lab.routes()[TABLES[0]] == ONLY


def test_a_source_destination_check_is_switched_off_when_that_was_asked(lab):
    lab.install_conf(lab.conf_text(aws={"source_dest_check": "fix"}))
    lab.iam_policy({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    lab.sdcheck(ONLY, True)
    lab.host(ONLY).agent_start()
    lab.wait_owner(ONLY, 20)
    assert lab.summary()["source_dest_check"][ONLY] is False
    assert len([line for line in lab.log(action="ModifyNetworkInterfaceAttribute", host=ONLY) if line["executed"]]) == 1


@long
def test_without_the_right_to_switch_it_off_the_right_is_named(lab):
    lab.install_conf(lab.conf_text(aws={"source_dest_check": "fix"}))
    lab.sdcheck(ONLY, True)
    host = lab.host(ONLY)
    host.agent_start()
    lab.wait_for(lambda: "ec2:ModifyNetworkInterfaceAttribute on this network interface" in host.agent_log(), 20,
                 "the right to be named")
    lab.wait_for(lambda: "source_dest_check" in instance(lab, ONLY)["not_eligible_because"], 5, "not eligible")


def test_a_string_list_stays_one(lab):
    lab.set_parameter("DB_Host2", type="StringList")
    since = now_ns()
    start_on_list(lab)
    puts = [line for line in lab.log(since=since, action="PutParameter") if line["params"]["Name"] == "MasterDB_VIP"]
    assert puts and all(line["executed"] and line["params"]["Type"] == "StringList" for line in puts)


def start_on_list(lab):
    lab.host(ONLY).agent_start()
    lab.wait_for(lambda: lab.parameter()[0] == ONLY, 30, "DB_Host1 to take over from the silent DB_Host2")


@long
def test_a_secure_string_and_a_labelled_history_are_named(lab):
    lab.set_parameter("DB_Host1", type="SecureString")
    host = lab.host(ONLY)
    host.agent_start()
    lab.wait_for(lambda: "SecureString, which cannot be changed" in host.agent_log(), 15, "the type to be named")
    host.agent_stop()
    lab.set_parameter(None)
    lab.set_parameter("DB_Host2", label="keep")
    for _ in range(99):
        lab.set_parameter("DB_Host2")
    host.agent_start()
    lab.wait_for(lambda: "ParameterMaxVersionLimitExceeded" in host.agent_log(), 30, "the label problem")
    assert "label" in host.agent_log().split("ParameterMaxVersionLimitExceeded")[1]
